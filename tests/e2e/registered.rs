//! Parquet files that are queried where they lie, and columns that change over files.

use std::fs;

use tests::Server;

use crate::database::{connect, run};

#[tokio::test(flavor = "multi_thread")]
async fn files_are_queried_where_they_lie() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let made = "CREATE TABLE t (id bigint PRIMARY KEY, small smallint, price numeric(10, 2), note text, day date,
            at timestamp, zoned timestamptz, yes boolean, real8 double precision, real4 real, raw bytea, clock time);
        INSERT INTO t SELECT n, n % 7, n * 1.25, 'note ' || n, date '2020-01-01' + n, timestamp '2020-01-01 00:00:00.5' + n * interval '1 hour',
            timestamptz '2020-01-01 00:00:00+00', n % 2 = 0, n / 4.0, n / 4.0, decode('00ff', 'hex'), time '10:00' FROM generate_series(1, 2000) AS g (n)";
    assert_eq!(run(&client, made).await, "ok ok");
    assert!(!run(&client, "STORAGE FLUSH TABLE t").await.starts_with("XX"));
    let folder = server.data().join("parquet");
    fs::create_dir(&folder).expect("a folder can be made");
    let stored = fs::read_dir(server.data().join("storage/public")).expect("the table has a folder");
    let stored = stored.map(|entry| entry.expect("the folder can be read").path()).next().expect("there is one");
    let stored = fs::read_dir(stored).expect("it has files").map(|entry| entry.expect("it can be read").path());
    let stored = stored.collect::<Vec<_>>();
    fs::copy(&stored[0], folder.join("a.parquet")).expect("it can be copied");
    fs::copy(&stored[0], folder.join("b.parquet")).expect("it can be copied");
    let at = folder.display();
    let register = format!("REGISTER TABLE r FROM '{at}/*.parquet'");
    let columns = "id, small, price, note, day, at, zoned, yes, real8, real4, raw, clock";
    for (sql, expected) in [
        (register.as_str(), "ok"),
        (register.as_str(), "42P07"),
        (
            "SELECT count(*), sum(price), min(day), max(note) FROM r",
            "[[Some(\"4000\"), Some(\"5002500.00\"), Some(\"2020-01-02\"), Some(\"note 999\")]]",
        ),
        ("SELECT count(*) FROM r JOIN t USING (id) WHERE r.price = t.price AND r.yes", "[[Some(\"2000\")]]"),
        (
            &format!("SELECT count(*) FROM (SELECT {columns} FROM r EXCEPT SELECT {columns} FROM t) AS x"),
            "[[Some(\"0\")]]",
        ),
        (
            &format!("SELECT count(*) FROM (SELECT {columns} FROM t EXCEPT SELECT {columns} FROM r) AS x"),
            "[[Some(\"0\")]]",
        ),
        (
            "SELECT pg_typeof(price), pg_typeof(zoned), pg_typeof(_seq) FROM r LIMIT 1",
            "[[Some(\"numeric\"), Some(\"timestamp with time zone\"), Some(\"bigint\")]]",
        ),
        ("SELECT id FROM r ORDER BY id DESC, note LIMIT 1", "[[Some(\"2000\")]]"),
        ("SELECT count(*) FROM (SELECT 1 FROM r LIMIT 3) AS x", "[[Some(\"3\")]]"),
        ("SELECT relkind FROM pg_class WHERE relname = 'r'", "[[Some(\"r\")]]"),
        ("SELECT is_insertable_into FROM information_schema.tables WHERE table_name = 'r'", "[[Some(\"NO\")]]"),
        ("INSERT INTO r (id) VALUES (1)", "0A000"),
        ("UPDATE r SET id = 1", "0A000"),
        ("DELETE FROM r", "0A000"),
        ("SELECT 1 FROM r FOR UPDATE", "0A000"),
        ("ALTER TABLE r ADD COLUMN x int", "42809"),
        ("ALTER TABLE r RENAME id TO x", "42809"),
        ("CREATE INDEX ON r (id)", "42809"),
        ("TRUNCATE r", "42809"),
        ("STORAGE FLUSH TABLE r", "42809"),
        ("COPY r FROM '/dev/null'", "0A000"),
        ("DROP TABLE r", "42809"),
        ("UNREGISTER TABLE t", "42809"),
        ("CREATE VIEW v AS SELECT id FROM r; SELECT count(*) FROM v", "ok [[Some(\"4000\")]]"),
        ("UNREGISTER TABLE r", "2BP01"),
        ("DROP VIEW v", "ok"),
        ("BEGIN; UNREGISTER TABLE r; ROLLBACK; SELECT count(*) FROM r", "ok ok ok [[Some(\"4000\")]]"),
        ("REGISTER TABLE x FROM 'relative.parquet'", "22023"),
        ("REGISTER TABLE x FROM '/no/such/file.parquet'", "58P01"),
        ("REGISTER TABLE x", "42601"),
        ("UNREGISTER TABLE x", "42P01"),
        ("UNREGISTER TABLE IF EXISTS x", "ok"),
        ("CREATE ROLE somebody; SET ROLE somebody", "ok ok"),
        ("REGISTER TABLE x FROM '/etc/passwd'", "42501"),
        ("SELECT count(*) FROM r", "42501"),
        (
            "RESET ROLE; GRANT SELECT ON r TO somebody; SET ROLE somebody; SELECT count(*) FROM r; RESET ROLE",
            "ok ok ok [[Some(\"4000\")]] ok",
        ),
        ("REGISTER TABLE x FROM '/etc/passwd'", "XX001"),
    ] {
        assert_eq!(run(&client, sql).await, expected, "{sql}");
    }
    // A file that is damaged is named.
    fs::write(folder.join("c.parquet"), b"PAR1 but not for long PAR1").expect("it can be written");
    let error = client.query("SELECT count(note) FROM r", &[]).await.expect_err("it cannot be read");
    assert!(error.as_db_error().is_some_and(|error| error.message().contains("c.parquet")), "{error:?}");
    assert_eq!(run(&client, "SELECT count(note) FROM r").await, "XX001");
    assert_eq!(run(&client, "SELECT count(*) FROM t").await, "[[Some(\"2000\")]]");
    fs::remove_file(folder.join("c.parquet")).expect("it can be deleted");
    // So is one of another table.
    assert_eq!(run(&client, "CREATE TABLE other (id int); INSERT INTO other VALUES (1)").await, "ok ok");
    assert!(run(&client, "STORAGE FLUSH TABLE other").await.starts_with("[["));
    let others = fs::read_dir(server.data().join("storage/public")).expect("tables have folders");
    let other = others
        .map(|entry| entry.expect("it can be read").path())
        .find(|path| path.to_string_lossy().contains("other-"));
    let other =
        fs::read_dir(other.expect("it is there")).expect("it has a file").next().expect("one").expect("it can be read");
    fs::copy(other.path(), folder.join("c.parquet")).expect("it can be copied");
    assert_eq!(run(&client, "SELECT count(note) FROM r").await, "XX001");
    fs::remove_dir_all(&folder).expect("it can be deleted");
    assert_eq!(run(&client, "SELECT count(note) FROM r").await, "58P01");
    assert_eq!(run(&client, "UNREGISTER TABLE r").await, "ok");
    assert_eq!(run(&client, "SELECT 1 FROM r").await, "42P01");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_change_over_files() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let made = "CREATE TABLE t (id int PRIMARY KEY, a smallint, b int, s varchar(8), n numeric(6, 2), gone int);
        CREATE INDEX ON t (b); CREATE INDEX t_s ON t (s);
        INSERT INTO t SELECT n, n, n * 10, 's' || n, n + 0.25, n FROM generate_series(1, 1000) AS g (n)";
    assert_eq!(run(&client, made).await, "ok ok ok ok");
    let generation = "SELECT relfilenode FROM pg_class WHERE relname = 't'";
    let before = run(&client, generation).await;
    let flush = "STORAGE FLUSH TABLE t";
    for (sql, expected) in [
        (flush, ""),
        ("UPDATE t SET b = b + 1 WHERE id <= 10; INSERT INTO t VALUES (2000, -3, -30, 'last', 9999.99, 0)", "ok ok"),
        (
            "ALTER TABLE t ALTER a TYPE int, ALTER b TYPE bigint, ALTER s TYPE text, ALTER n TYPE numeric(12, 2), DROP gone, ADD c smallint DEFAULT 7",
            "ok",
        ),
        (generation, before.as_str()),
        (
            "SELECT count(*), sum(a), sum(b), min(a), max(length(s)), max(n), sum(c) FROM t",
            "[[Some(\"1001\"), Some(\"500497\"), Some(\"5004980\"), Some(\"-3\"), Some(\"5\"), Some(\"9999.99\"), Some(\"7007\")]]",
        ),
        (
            "SELECT id FROM t WHERE b = 5000; SELECT id, a, c FROM t WHERE id = 600",
            "[[Some(\"500\")]] [[Some(\"600\"), Some(\"600\"), Some(\"7\")]]",
        ),
        ("SELECT id FROM t WHERE s = 's77'; SELECT id FROM t WHERE a = 1000", "[[Some(\"77\")]] [[Some(\"1000\")]]"),
        (
            "INSERT INTO t VALUES (3000, 100000, 10000000000, 'a text that is longer than before', 1234567890.12, 8)",
            "ok",
        ),
        ("UPDATE t SET a = 70000 WHERE id = 500; UPDATE t SET b = b * 1000000000 WHERE id = 501", "ok ok"),
        (
            "SELECT id FROM t WHERE b = 5010000000000; SELECT id FROM t WHERE a >= 70000 ORDER BY 1",
            "[[Some(\"501\")]] [[Some(\"500\")], [Some(\"3000\")]]",
        ),
        (flush, ""),
        ("ALTER TABLE t ALTER a TYPE bigint, ALTER c TYPE int, ALTER n TYPE numeric", "ok"),
        (generation, before.as_str()),
        (
            "SELECT sum(a), sum(c), max(n) FROM t; SELECT a FROM t WHERE id = 500",
            "[[Some(\"669997\"), Some(\"7015\"), Some(\"1234567890.12\")]] [[Some(\"70000\")]]",
        ),
        ("STORAGE COMPACT TABLE t", ""),
        ("SELECT sum(a), sum(c), max(n) FROM t", "[[Some(\"669997\"), Some(\"7015\"), Some(\"1234567890.12\")]]"),
        (
            "BEGIN; ALTER TABLE t ALTER c TYPE bigint; UPDATE t SET c = 10000000000 WHERE id = 1; SELECT sum(c) FROM t; ROLLBACK",
            "ok ok ok [[Some(\"10000007008\")]] ok",
        ),
        ("SELECT sum(c), pg_typeof(sum(c)) FROM t GROUP BY ()", "[[Some(\"7015\"), Some(\"bigint\")]]"),
        ("ALTER TABLE t ALTER a TYPE int", "ok"),
        (
            "ALTER TABLE t ALTER id TYPE bigint; SELECT sum(id), sum(a) FROM t",
            "ok [[Some(\"505500\"), Some(\"669997\")]]",
        ),
        ("ALTER TABLE t ALTER s TYPE varchar(3)", "22001"),
    ] {
        let answer = run(&client, sql).await;
        match expected {
            "" => assert!(!answer.contains("XX"), "{sql}: {answer}"),
            expected => assert_eq!(answer, expected, "{sql}"),
        }
    }
}
