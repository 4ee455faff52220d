//! Jobs through the wire: ordered and not waited for, shown, killed, begun by policies, and found again after a restart.

use std::time::Duration;

use tests::Server;
use tokio_postgres::Client;

use crate::database::{connect, run};

const MADE: &str = "CREATE TABLE t (id int PRIMARY KEY, v text);
    INSERT INTO t SELECT n, 'x' FROM generate_series(1, 100) AS g(n)";

/// Asks until the answer is this.
async fn until(client: &Client, sql: &str, expected: &str) {
    loop {
        if run(client, sql).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn id_of(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get("job_id")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_ordered_shown_and_killed() {
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, MADE).await, "ok ok");
    let id = id_of(&client, "STORAGE FLUSH TABLE t WITH (wait = false)").await;
    assert!(id.starts_with("FL-"), "{id}");
    let state = format!("SELECT status, \"table\", result->>'rows_flushed' FROM system.jobs WHERE job_id = '{id}'");
    until(&client, &state, "[[Some(\"completed\"), Some(\"t\"), Some(\"100\")]]").await;
    let shown = client.query("SHOW JOBS", &[]).await.expect("jobs are shown");
    let columns: Vec<&str> = shown[0].columns().iter().map(|column| column.name()).collect();
    assert_eq!(
        columns.join(" "),
        "job_id job_type status namespace table parameters progress retry_count max_retries idempotency_key message \
         result created_at started_at finished_at"
    );
    for (sql, expected) in [
        (format!("KILL JOB '{id}'"), "55000"),
        ("KILL JOB 'FL-none'".to_owned(), "42704"),
        ("KILL LIVE QUERY 'x'".to_owned(), "42704"),
        ("OPTIMIZE TABLE missing".to_owned(), "42P01"),
        ("STORAGE FLUSH TABLE t WITH (wait = perhaps)".to_owned(), "42601"),
        ("STORAGE FLUSH TABLE t WITH (patience = 3)".to_owned(), "22023"),
        ("CREATE TABLE system.x (a int)".to_owned(), "42501"),
        ("CREATE SCHEMA system".to_owned(), "42P06"),
        ("DELETE FROM system.jobs".to_owned(), "42501"),
        ("DESCRIBE TABLE missing".to_owned(), "42P01"),
    ] {
        assert_eq!(run(&client, &sql).await, expected, "{sql}");
    }

    // A job that waits for a lock, which two others wait for in turn.
    let holder = connect(&server, "postgres").await;
    assert_eq!(run(&holder, "BEGIN; LOCK TABLE t; INSERT INTO t VALUES (0, '')").await, "ok ok ok");
    let id = id_of(&client, "STORAGE FLUSH TABLE t WITH (wait = false)").await;
    assert_eq!(id_of(&client, "STORAGE FLUSH TABLE t WITH (wait = false)").await, id);
    assert_eq!(run(&client, "SET statement_timeout = '50ms'").await, "ok");
    assert_eq!(run(&client, "STORAGE FLUSH TABLE t").await, "57014");
    let state = format!("SELECT status FROM system.jobs WHERE job_id = '{id}'");
    assert_eq!(run(&client, &format!("RESET statement_timeout; {state}")).await, "ok [[Some(\"queued\")]]");
    assert_eq!(run(&client, "CREATE ROLE somebody; SET ROLE somebody").await, "ok ok");
    assert_eq!(run(&client, "SELECT * FROM system.jobs").await, "42501");
    for hidden in [format!("KILL JOB '{id}'"), "KILL JOB 'FL-none'".to_owned(), "KILL LIVE QUERY 'x'".to_owned()] {
        assert_eq!(run(&client, &hidden).await, "42501", "{hidden}");
    }
    assert_eq!(run(&client, "RESET ROLE").await, "ok");
    assert_eq!(run(&client, &format!("KILL JOB '{id}'")).await, "ok");
    until(&client, &state, "[[Some(\"cancelled\")]]").await;

    // Nobody waits any more for what a statement has waited for.
    assert_eq!(run(&client, "SET statement_timeout = '50ms'").await, "ok");
    assert_eq!(run(&client, "OPTIMIZE TABLE t").await, "57014");
    let compacting = "SELECT status FROM system.jobs WHERE job_type = 'compact'";
    assert_eq!(run(&client, "RESET statement_timeout").await, "ok");
    until(&client, compacting, "[[Some(\"cancelled\")]]").await;

    let id = id_of(&client, "STORAGE FLUSH TABLE t WITH (wait = false)").await;
    assert_eq!(run(&holder, "COMMIT").await, "ok");
    server.kill();
    server.restart();
    let client = connect(&server, "postgres").await;
    let left = "SELECT count(*) FROM system.jobs WHERE status NOT IN ('completed', 'failed', 'cancelled')";
    until(&client, left, "[[Some(\"0\")]]").await;
    let known = format!("SELECT count(*) FROM system.jobs WHERE job_id = '{id}'");
    assert_eq!(run(&client, &known).await, "[[Some(\"1\")]]");
    assert_eq!(run(&client, "SELECT sum(rows - deleted) FROM system.segments").await, "[[Some(\"101\")]]");
    assert_eq!(run(&client, "SELECT count(*) FROM t").await, "[[Some(\"101\")]]");
    assert!(server.data().join("jobs.log").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_flushed_and_compacted_without_being_told() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    for (sql, expected) in [
        ("CREATE TABLE w (a int) WITH (flush_policy = 'sometimes')", "22023"),
        ("CREATE TABLE w (a int) WITH (flush_policy = 'rows:0')", "22023"),
        ("CREATE TABLE w (a int) WITH (flush = 'rows:1')", "22023"),
        ("CREATE TEMP TABLE w (a int) WITH (flush_policy = 'rows:1')", "0A000"),
        ("CREATE TABLE much (a int PRIMARY KEY) WITH (fillfactor = 70, flush_policy = 'rows:50')", "ok"),
        ("CREATE TABLE old (a int PRIMARY KEY)", "ok"),
        ("ALTER TABLE old SET (flush_policy = 'interval:1')", "ok"),
        (
            "SELECT reloptions FROM pg_class WHERE relname = 'much'",
            "[[Some(\"{fillfactor=70,flush_policy=rows:50}\")]]",
        ),
        ("INSERT INTO much SELECT n FROM generate_series(1, 49) AS g(n); INSERT INTO old VALUES (1)", "ok ok"),
    ] {
        assert_eq!(run(&client, sql).await, expected, "{sql}");
    }
    let cold = "SELECT \"table\", sum(rows) FROM system.segments GROUP BY 1 ORDER BY 1";
    until(&client, cold, "[[Some(\"old\"), Some(\"1\")]]").await;
    assert_eq!(run(&client, "INSERT INTO much VALUES (50)").await, "ok");
    until(&client, cold, "[[Some(\"much\"), Some(\"50\")], [Some(\"old\"), Some(\"1\")]]").await;

    for piece in 1..8 {
        let insert = format!("INSERT INTO much SELECT {piece}00 + n FROM generate_series(1, 10) AS g(n)");
        assert_eq!(run(&client, &insert).await, "ok");
        assert!(!run(&client, "STORAGE FLUSH TABLE much").await.contains("XX"));
    }
    let segments = "SELECT count(*), sum(rows) FROM system.segments WHERE \"table\" = 'much'";
    until(&client, segments, "[[Some(\"1\"), Some(\"120\")]]").await;
    let stats = client.query_one("SHOW STATS FOR TABLE much", &[]).await.expect("they are shown");
    let counts = ["hot_rows", "cold_rows", "segments", "deleted"].map(|name| stats.get::<_, i64>(name));
    assert_eq!((counts, stats.get::<_, Option<&str>>("damage")), ([0, 120, 1, 0], None));
    let described = "[[Some(\"a\"), Some(\"integer\"), Some(\"f\"), None, Some(\"t\")]]";
    assert_eq!(run(&client, "DESCRIBE TABLE much").await, described);

    // The files of a table that is gone go without another move.
    let storage = server.data().join("storage/public");
    assert_eq!(run(&client, "DROP TABLE much; TRUNCATE old").await, "ok ok");
    let is_empty =
        |folder: std::fs::DirEntry| std::fs::read_dir(folder.path()).is_ok_and(|mut files| files.next().is_none());
    while !std::fs::read_dir(&storage).expect("there were files").all(|folder| folder.is_ok_and(is_empty)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
