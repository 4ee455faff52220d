//! Storages other than the data directory: a folder, and a bucket of an S3 server that runs beside the test.

use tests::{Bucket, Server};

use crate::database::{connect, run};

/// A table whose rows go to a storage.
fn table(name: &str, storage: &str, rows: u32) -> String {
    format!(
        "CREATE TABLE {name} (id int PRIMARY KEY, v text) WITH (storage = '{storage}');
         INSERT INTO {name} SELECT n, md5('a' || n) || md5('b' || n) || md5('c' || n) || md5('d' || n)
         FROM generate_series(1, {rows}) AS g(n)"
    )
}

fn create_bucket_storage(bucket: &Bucket) -> String {
    format!(
        "CREATE STORAGE bucket TYPE 's3' PATH 's3://rows/of/us'
         WITH (endpoint = '{}', region = 'us-east-1', credentials = 'BUCKET', path_template = '{{namespace}}/{{table}}')",
        bucket.endpoint()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_lie_in_a_bucket() {
    let mut bucket = Bucket::start();
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, &create_bucket_storage(&bucket)).await, "ok");
    assert_eq!(bucket.objects(), [], "what was written to try it is gone");
    // More than one part.
    assert_eq!(run(&client, &table("t", "bucket", 200_000)).await, "ok ok");
    let row = client.query_one("STORAGE FLUSH TABLE t", &[]).await.expect("it is flushed");
    assert_eq!((row.get::<_, i64>("rows_flushed"), row.get::<_, i64>("parquet_files_count")), (200_000, 1));
    let objects = bucket.objects();
    assert_eq!(objects.len(), 1);
    assert!(objects[0].0.starts_with("of/us/public/t/batch-") && objects[0].1 > 9 << 20, "{objects:?}");
    assert_eq!((objects[0].1 as i64, bucket.unfinished()), (row.get::<_, i64>("bytes"), 0));

    let sums = "SELECT count(*), sum(id), count(DISTINCT v), (SELECT left(v, 8) FROM t WHERE id = 77777) FROM t";
    let answer = run(&client, sums).await;
    assert!(answer.starts_with("[[Some(\"200000\"), Some(\"20000100000\"), Some(\"200000\")"), "{answer}");
    let change = "UPDATE t SET v = 'new' WHERE id % 1000 = 0; DELETE FROM t WHERE id > 199990";
    assert_eq!(run(&client, change).await, "ok ok");
    assert_eq!(run(&client, "INSERT INTO t VALUES (5, 'again')").await, "23505");
    let answer = run(&client, sums).await;
    for statement in ["STORAGE FLUSH ALL", "STORAGE COMPACT TABLE t"] {
        let moved = run(&client, statement).await;
        assert!(!moved.starts_with('X'), "{moved}");
        assert_eq!(run(&client, sums).await, answer, "after {statement}");
    }
    server.restart();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, sums).await, answer);
    assert_eq!(bucket.objects().len(), 1, "they were merged");

    assert_eq!(run(&client, "DROP STORAGE bucket").await, "2BP01");
    assert_eq!(run(&client, "DROP TABLE t").await, "ok");
    drop(client);
    // What the table left goes with the next start, if not before.
    server.restart();
    let client = connect(&server, "postgres").await;
    while !bucket.objects().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(run(&client, "DROP STORAGE bucket").await, "ok");
    assert_eq!(run(&client, "DROP STORAGE IF EXISTS bucket").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_reached_costs_nobody_a_row() {
    let bucket = Bucket::start();
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, &create_bucket_storage(&bucket)).await, "ok");
    assert_eq!(run(&client, &table("cold", "bucket", 3000)).await, "ok ok");
    assert_eq!(run(&client, &table("hot", "bucket", 3000)).await, "ok ok");
    let moved = run(&client, "STORAGE FLUSH TABLE cold").await;
    assert!(moved.contains("3000"), "{moved}");
    drop(bucket);
    assert_eq!(run(&client, "STORAGE FLUSH TABLE hot").await, "58030");
    server.restart();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, "SELECT count(v), sum(id) FROM hot").await, "[[Some(\"3000\"), Some(\"4501500\")]]");
    let change = "UPDATE hot SET v = 'x' WHERE id = 1; SELECT v FROM hot WHERE id = 1";
    assert_eq!(run(&client, change).await, "ok [[Some(\"x\")]]");
    assert_eq!(run(&client, "SELECT max(v) FROM cold").await, "XX001");
    assert_eq!(run(&client, "INSERT INTO cold VALUES (3001, 'behind all others')").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_is_a_folder_or_is_refused() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().display();
    for (sql, expected) in [
        (format!("CREATE STORAGE disk TYPE 'filesystem' PATH '{path}/rows'"), "ok"),
        (format!("CREATE STORAGE disk TYPE 'filesystem' PATH '{path}/others'"), "42710"),
        (format!("CREATE STORAGE IF NOT EXISTS disk TYPE 'filesystem' PATH '{path}/others'"), "ok"),
        ("CREATE STORAGE x TYPE 'filesystem' PATH 'relative'".into(), "22023"),
        ("CREATE STORAGE x TYPE 'filesystem' PATH '/proc/rows'".into(), "58030"),
        ("CREATE STORAGE x TYPE 'tape' PATH '/tmp'".into(), "22023"),
        ("CREATE STORAGE x TYPE 's3' PATH '/tmp'".into(), "22023"),
        (format!("CREATE STORAGE x TYPE 'filesystem' PATH '{path}' WITH (region = 'here')"), "22023"),
        ("CREATE STORAGE x TYPE 's3' PATH 's3://b' WITH (credentials = 'NOBODY')".into(), "55000"),
        ("CREATE STORAGE x TYPE 's3' PATH 's3://b' WITH (credentials = 'a/secret')".into(), "22023"),
        ("CREATE STORAGE x TYPE 's3' PATH 's3://b' WITH (secret_access_key = 's')".into(), "22023"),
        ("ALTER STORAGE disk SET (path_template = '{table}')".into(), "ok"),
        ("SHOW STORAGES".into(), "disk"),
        ("STORAGE CHECK disk".into(), "ok"),
        ("STORAGE CHECK local".into(), "ok"),
        ("STORAGE CHECK missing".into(), "42704"),
        ("BEGIN; STORAGE CHECK disk".into(), "25001"),
        ("ROLLBACK".into(), "ok"),
        ("ALTER STORAGE disk SET (path_template = '../{table}')".into(), "22023"),
        ("ALTER STORAGE missing SET (path_template = '{table}')".into(), "42704"),
        ("DROP STORAGE missing".into(), "42704"),
        ("CREATE TABLE t (a int) WITH (storage = 'missing')".into(), "42704"),
        ("BEGIN; DROP STORAGE disk".into(), "25001"),
        ("ROLLBACK".into(), "ok"),
        ("CREATE TABLE t (a int)".into(), "ok"),
        ("ALTER TABLE t SET (storage = 'disk')".into(), "ok"),
        ("INSERT INTO t SELECT generate_series(1, 100)".into(), "ok"),
        ("STORAGE FLUSH ALL IN public".into(), "100"),
        ("ALTER TABLE t RESET (storage)".into(), "ok"),
        ("DROP STORAGE disk".into(), "2BP01"),
        ("SELECT sum(a) FROM t".into(), "[[Some(\"5050\")]]"),
        // Merging brings them back, and the file goes.
        ("DELETE FROM t WHERE a = 1".into(), "ok"),
        ("STORAGE COMPACT TABLE t".into(), "99"),
        ("DROP STORAGE disk".into(), "ok"),
        ("SELECT sum(a) FROM t".into(), "[[Some(\"5049\")]]"),
        ("CREATE ROLE somebody; SET ROLE somebody".into(), "ok ok"),
        (format!("CREATE STORAGE mine TYPE 'filesystem' PATH '{path}'"), "42501"),
        ("STORAGE CHECK local".into(), "42501"),
        ("RESET ROLE".into(), "ok"),
        (format!("CREATE STORAGE lost TYPE 'filesystem' PATH '{path}/lost'"), "ok"),
    ] {
        let answer = run(&client, &sql).await;
        assert!(answer == expected || answer.starts_with(&format!("[[Some(\"{expected}\")")), "{sql}: {answer}");
    }
    assert!(folder.path().join("rows/t").is_dir(), "where the template says");
    let lost = folder.path().join("lost");
    std::fs::remove_dir_all(&lost).expect("it was made");
    std::fs::write(&lost, "no folder any more").expect("it can be written");
    assert_eq!(run(&client, "STORAGE CHECK lost").await, "58030");
    std::fs::remove_file(&lost).expect("it is there");
    assert_eq!(run(&client, "STORAGE CHECK lost").await, "ok");
    let left = std::fs::read_dir(&lost).expect("it is a folder again").count();
    assert_eq!(left, 0, "what was written to try it is gone");
}
