//! Rows in Parquet files: the statements that move them, and what a damaged file does. That answers do not depend on where
//! rows lie is for `statements.rs` to show, with `FLUSH_EACH=1`.

use std::fs;
use std::path::{Path, PathBuf};

use tests::{Server, duckdb_reads};

use crate::database::{connect, run};

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tables_files_are_compressed_as_it_says() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    for wrong in ["'brotli'", "''", "7"] {
        assert_eq!(run(&client, &format!("CREATE TABLE w (a int) WITH (compression = {wrong})")).await, "22023");
    }
    let made = "CREATE TABLE usual (id int PRIMARY KEY, note text);
        CREATE TABLE plain (id int PRIMARY KEY, note text) WITH (compression = 'none');
        INSERT INTO usual SELECT n, md5('x') || n FROM generate_series(1, 3000) AS g(n);
        INSERT INTO plain SELECT * FROM usual";
    assert_eq!(run(&client, made).await, "ok ok ok ok");
    let bytes = async |table: &str| {
        let row = client.query_one(&format!("STORAGE FLUSH TABLE {table}"), &[]).await.expect("it is flushed");
        row.get::<_, i64>("bytes")
    };
    let (usual, plain) = (bytes("usual").await, bytes("plain").await);
    assert!(plain > usual + usual / 4, "{plain} bytes as they are, {usual} compressed");
    // The filter of keys begins as one of a whole group of rows, and shrinks to what these need.
    assert!(usual < 150_000, "{usual} bytes");
    let change = "ALTER TABLE plain SET (compression = 'zstd'); UPDATE plain SET note = note";
    assert_eq!(run(&client, change).await, "ok ok");
    for step in ["STORAGE FLUSH TABLE plain", "STORAGE COMPACT TABLE plain"] {
        assert!(run(&client, step).await.starts_with("[["), "{step}");
    }
    let now = "SELECT sum(bytes)::bigint FROM system.segments WHERE \"table\" = 'plain'";
    let now = client.query_one(now, &[]).await.expect("there are segments").get::<_, i64>(0);
    assert!(plain > now + now / 4, "{plain} bytes as they are, {now} compressed");
    assert_eq!(run(&client, "SELECT count(*) FROM plain JOIN usual USING (id, note)").await, "[[Some(\"3000\")]]");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_move_when_they_are_told_to() {
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    let storage = server.data().join("storage");
    let made =
        "CREATE SCHEMA \"my shop\"; CREATE TABLE \"my shop\".orders (id int PRIMARY KEY, sum numeric(8, 2), note text);
        INSERT INTO \"my shop\".orders SELECT n, n * 1.25, 'note ' || n FROM generate_series(1, 3000) AS g(n)";
    assert_eq!(run(&client, made).await, "ok ok ok");
    let row = client.query_one("STORAGE FLUSH TABLE \"my shop\".orders", &[]).await.expect("it is flushed");
    assert_eq!((row.get::<_, i64>("rows_flushed"), row.get::<_, i64>("parquet_files_count")), (3000, 1));
    let found = files(&storage);
    assert_eq!(found.len(), 1);
    assert_eq!(fs::metadata(&found[0]).expect("it is there").len() as i64, row.get::<_, i64>("bytes"));
    let path = found[0].strip_prefix(&storage).expect("it lies there").to_string_lossy().into_owned();
    assert!(path.starts_with("my%20shop/orders-") && path.ends_with(".parquet"), "{path}");

    let change =
        "UPDATE \"my shop\".orders SET sum = sum + 1 WHERE id <= 10; DELETE FROM \"my shop\".orders WHERE id > 2990";
    assert_eq!(run(&client, change).await, "ok ok");
    assert_eq!(run(&client, "ALTER TABLE \"my shop\".orders ADD COLUMN paid boolean DEFAULT false").await, "ok");
    let sums = "SELECT count(*), sum(sum), count(*) FILTER (WHERE paid) FROM \"my shop\".orders";
    let answer = "[[Some(\"2990\"), Some(\"5589441.25\"), Some(\"0\")]]";
    assert_eq!(run(&client, sums).await, answer);
    for statement in ["STORAGE FLUSH ALL IN \"my shop\"", "STORAGE COMPACT ALL", "VACUUM"] {
        assert!(!run(&client, statement).await.contains("XX"), "{statement}");
        assert_eq!(run(&client, sums).await, answer, "after {statement}");
    }
    assert_eq!(files(&storage).len(), 1, "they were merged");
    server.restart();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, sums).await, answer);
    assert_eq!(run(&client, "DROP TABLE \"my shop\".orders").await, "ok");
    drop(client);
    server.restart();
    assert_eq!(files(&storage), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_are_refused_where_they_must_be() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    assert_eq!(
        run(&client, "CREATE TABLE t (a int); CREATE VIEW v AS SELECT 1; CREATE TEMP TABLE tt (a int)").await,
        "ok ok ok"
    );
    for (sql, expected) in [
        ("STORAGE FLUSH TABLE missing", "42P01"),
        ("STORAGE FLUSH TABLE v", "42809"),
        ("STORAGE FLUSH TABLE tt", "0A000"),
        ("STORAGE FLUSH ALL IN missing", "3F000"),
        ("STORAGE FLUSH t", "42601"),
        ("STORAGE FLUSH TABLE t WITH wait", "42601"),
        ("STORAGE FLUSH TABLE t x", "42601"),
        ("BEGIN; STORAGE FLUSH TABLE t", "25001"),
        ("ROLLBACK", "ok"),
        ("CREATE ROLE somebody; SET ROLE somebody", "ok ok"),
        ("STORAGE COMPACT TABLE t", "42501"),
    ] {
        assert_eq!(run(&client, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_fails_who_needs_it_and_nobody_else() {
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    for table in ["lost", "cut", "fine"] {
        let made = format!(
            "CREATE TABLE {table} (id int PRIMARY KEY, v text); INSERT INTO {table} SELECT n, 'x' FROM generate_series(1, 5000) AS g(n)"
        );
        assert_eq!(run(&client, &made).await, "ok ok");
    }
    assert!(!run(&client, "STORAGE FLUSH ALL").await.contains("XX"));
    server.stop();
    for path in files(&server.data().join("storage")) {
        let name = path.to_string_lossy().into_owned();
        if name.contains("lost-") {
            fs::remove_file(&path).expect("it can be deleted");
        } else if name.contains("cut-") {
            let file = fs::OpenOptions::new().write(true).open(&path).expect("it can be written");
            file.set_len(1000).expect("it can be cut");
        }
    }
    server.restart();
    let client = connect(&server, "postgres").await;
    for table in ["lost", "cut"] {
        for sql in [
            "SELECT v FROM {} WHERE id = 7",
            "SELECT max(v) FROM {}",
            "UPDATE {} SET v = 'y'",
            "INSERT INTO {} VALUES (9, '')",
        ] {
            assert_eq!(run(&client, &sql.replace("{}", table)).await, "XX001", "{sql}");
        }
        let error = client.query("SELECT v FROM lost", &[]).await.expect_err("the rows cannot be read");
        assert!(error.as_db_error().is_some_and(|error| error.message().contains("lost-")), "{error:?}");
    }
    assert_eq!(
        run(&client, "SELECT count(v) FROM fine; INSERT INTO lost VALUES (9000, '')").await,
        "[[Some(\"5000\")]] ok"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_reads_the_files() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let made = "CREATE TABLE kinds (id bigint PRIMARY KEY, small smallint, amount numeric(12, 2), any_number numeric,
          name text, code char(3), yes boolean, day date, at timestamp, seen timestamptz, noon time, part real,
          whole double precision, bytes bytea);
        INSERT INTO kinds VALUES
          (-5, 7, 1234567890.12, 1.50, 'größe', 'ab', true, '2026-02-03', '2026-02-03 04:05:06.789',
           '2026-02-03 04:05:06+02', '12:00:00.5', 0.5, -1e300, '\\x00ff'),
          (9, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";
    assert_eq!(run(&client, made).await, "ok ok");
    client.query_one("STORAGE FLUSH TABLE kinds", &[]).await.expect("it is flushed");
    let found = files(&server.data().join("storage"));
    let read = duckdb_reads(&found[0]);
    let (columns, rows) = read.split_at(read.find("-5|").expect("the first row"));
    let expected = "id BIGINT\nsmall SMALLINT\namount DECIMAL(12,2)\nany_number VARCHAR\nname VARCHAR\ncode VARCHAR\n\
        yes BOOLEAN\nday DATE\nat TIMESTAMP\nseen TIMESTAMP WITH TIME ZONE\nnoon TIME\npart FLOAT\nwhole DOUBLE\n\
        bytes BLOB\n_seq BIGINT\n_updated TIMESTAMP WITH TIME ZONE\n";
    assert_eq!(columns, expected);
    let rows: Vec<&str> = rows.lines().collect();
    let first = "-5|7|1234567890.12|1.50|größe|ab |true|2026-02-03|2026-02-03 04:05:06.789|2026-02-03 02:05:06+00|\
        12:00:00.5|0.5|-1e+300|\\x00\\xFF|";
    assert!(rows[0].starts_with(first), "{}", rows[0]);
    assert!(rows[1].starts_with("9|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|"), "{}", rows[1]);
    assert_eq!(rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_no_change_to_those_who_know_the_rows_already() {
    let server = Server::start();
    let (client, other) = (connect(&server, "postgres").await, connect(&server, "postgres").await);
    let made = "BEGIN; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT n, n FROM generate_series(1, 2000) AS g(n);
        COMMIT; CREATE TABLE wanted (id int); INSERT INTO wanted VALUES (7), (8)";
    assert_eq!(run(&client, made).await, "ok ok ok ok ok ok");
    assert_eq!(run(&client, "SELECT v FROM t WHERE id = 7").await, "[[Some(\"7\")]]");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t";
    assert_eq!(run(&other, begin).await, "ok [[Some(\"2000\")]]");
    assert!(run(&client, "STORAGE FLUSH TABLE t").await.starts_with("[["));
    for (sql, expected) in [
        ("UPDATE t SET v = v + 1 WHERE v = 7", "ok"),
        (
            "BEGIN; SELECT v FROM t WHERE v IN (8, 9) ORDER BY id FOR UPDATE; ROLLBACK",
            "ok [[Some(\"8\")], [Some(\"8\")], [Some(\"9\")]] ok",
        ),
        ("MERGE INTO t USING wanted w ON t.id = w.id WHEN MATCHED THEN UPDATE SET v = 0", "ok"),
        ("SELECT sum(v) FROM t", "[[Some(\"2000985\")]]"),
    ] {
        assert_eq!(run(&client, sql).await, expected, "{sql}");
    }
    // Others' rows have moved under it, and those that have not changed are its own to change.
    assert_eq!(run(&other, "UPDATE t SET v = v + 1 WHERE id > 1000; COMMIT").await, "ok ok");
    let many = "UPDATE t SET v = v + 1 WHERE id % 3 = 0; DELETE FROM t WHERE id % 3 = 1";
    assert_eq!(run(&client, many).await, "ok ok");
    let sums = "SELECT count(*), sum(v) FROM t";
    assert_eq!(run(&client, sums).await, "[[Some(\"1333\"), Some(\"1335325\")]]");
    for step in ["STORAGE FLUSH TABLE t", "STORAGE COMPACT TABLE t"] {
        assert!(run(&client, step).await.starts_with("[["), "{step}");
        assert_eq!(run(&client, sums).await, "[[Some(\"1333\"), Some(\"1335325\")]]", "{step}");
    }
}
