//! BACKUP DATABASE and RESTORE DATABASE, and `kalamdb restore`. That a backup is one state while rows are written and moved
//! is for `recovery.rs` and for storage's own tests to show.

use std::fs;

use tests::Server;

use crate::database::{connect, run};

const SUMS: &str = "SELECT count(*), sum(a), max(b) FROM t";

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_as_it_was() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("nightly");
    let made = "CREATE ROLE reader LOGIN PASSWORD 'reads'; CREATE TABLE t (a int PRIMARY KEY, b text);
        GRANT SELECT ON t TO reader; CREATE SEQUENCE s; SELECT nextval('s');
        INSERT INTO t SELECT n, 'cold ' || n FROM generate_series(1, 5000) AS g(n)";
    assert_eq!(run(&client, made).await, "ok ok ok ok [[Some(\"1\")]] ok");
    assert!(run(&client, "STORAGE FLUSH TABLE t").await.contains("5000"));
    assert_eq!(run(&client, "INSERT INTO t VALUES (6000, 'hot')").await, "ok");
    assert_eq!(run(&client, "CREATE DATABASE other").await, "ok");
    let other = connect(&server, "other").await;
    assert_eq!(run(&other, "CREATE TABLE o AS SELECT 7 AS x").await, "ok");
    let sums = run(&client, SUMS).await;
    let backup = format!("BACKUP DATABASE TO '{}'", path.display());
    let row = client.query_one(&backup, &[]).await.expect("it is backed up");
    assert_eq!(row.get::<_, i64>("copied_files_count"), row.get::<_, i64>("files_count"));
    let job = "SELECT status, left(job_id, 3), parameters ->> 'to' = '{}' FROM system.jobs WHERE job_type = 'backup'";
    let job = run(&client, &job.replace("{}", &path.display().to_string())).await;
    assert_eq!(job, "[[Some(\"completed\"), Some(\"BK-\"), Some(\"t\")]]");
    assert_eq!(
        run(&client, "UPDATE t SET b = 'changed'; DROP ROLE IF EXISTS nobody; DROP SEQUENCE s").await,
        "ok ok ok"
    );
    drop(other);

    // Into an empty directory.
    let copy = Server::restored(&path);
    let there = connect(&copy, "postgres").await;
    assert_eq!(run(&there, SUMS).await, sums);
    assert_eq!(run(&there, "SELECT nextval('s') > 1; SET ROLE reader").await, "[[Some(\"t\")]] ok");
    assert_eq!(run(&there, "SELECT b FROM t WHERE a = 6000").await, "[[Some(\"hot\")]]");
    assert_eq!(run(&there, "DELETE FROM t").await, "42501");
    assert_eq!(run(&connect(&copy, "other").await, "SELECT x FROM o").await, "[[Some(\"7\")]]");

    // In the place of what is there, whose sessions end.
    let bystander = connect(&server, "postgres").await;
    let restore = format!("RESTORE DATABASE FROM '{}'", path.display());
    let row = client.query_one(&restore, &[]).await.expect("it is restored");
    assert!(row.get::<_, i64>("files_count") > 3);
    while bystander.simple_query("SELECT 1").await.is_ok() {
        tokio::task::yield_now().await;
    }
    let client = loop {
        // The server is at the same place again.
        match server.config().connect(tokio_postgres::NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                break client;
            }
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(run(&client, SUMS).await, sums);
    assert_eq!(run(&client, "SELECT nextval('s') > 1").await, "[[Some(\"t\")]]");
    assert_eq!(run(&client, "INSERT INTO t VALUES (7000, 'new'); DELETE FROM t WHERE a <= 10").await, "ok ok");
    assert!(run(&client, &backup).await.starts_with("[["));
    let copy = Server::restored(&path);
    assert_eq!(run(&connect(&copy, "postgres").await, "SELECT count(*) FROM t").await, "[[Some(\"4992\")]]");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_is_refused_and_changes_nothing() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().display().to_string();
    assert_eq!(run(&client, "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x')").await, "ok ok");
    assert!(run(&client, &format!("BACKUP DATABASE TO '{path}/good'")).await.starts_with("[["));
    assert!(run(&client, &format!("BACKUP DATABASE TO '{path}/bad'")).await.starts_with("[["));
    let index = folder.path().join("bad/backup.json");
    let text = fs::read_to_string(&index).expect("it is there");
    fs::write(&index, text.replace("\"bytes\":", "\"bytes\": ")).expect("it can be written");
    for (sql, expected) in [
        (format!("RESTORE DATABASE FROM '{path}/bad'"), "55000"),
        (format!("RESTORE DATABASE FROM '{path}/nothing'"), "55000"),
        ("RESTORE DATABASE FROM 'relative'".into(), "22023"),
        ("BACKUP DATABASE TO 'relative'".into(), "22023"),
        ("BACKUP DATABASE TO '/proc/nowhere'".into(), "58030"),
        ("BACKUP TABLE t TO '/tmp/x'".into(), "42601"),
        (format!("BEGIN; BACKUP DATABASE TO '{path}/good'"), "25001"),
        ("ROLLBACK".into(), "ok"),
        ("SELECT a FROM t".into(), "[[Some(\"1\")]]"),
        ("CREATE ROLE somebody; SET ROLE somebody".into(), "ok ok"),
        (format!("BACKUP DATABASE TO '{path}/mine'"), "42501"),
        (format!("RESTORE DATABASE FROM '{path}/good'"), "42501"),
    ] {
        let answer = run(&client, &sql).await;
        assert_eq!(answer, expected, "{sql}");
    }
}
