//! System columns of KalamDB's own: the commit and time of a row's version, and deleted rows that a table keeps for a
//! while.

use tests::Server;

use crate::database::{connect, run};

#[tokio::test(flavor = "multi_thread")]
async fn rows_tell_their_commit_when_they_are_asked() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    for made in [
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO t VALUES (3, 'c')",
        "UPDATE t SET v = 'B' WHERE id = 2",
        "CREATE TABLE own (id int PRIMARY KEY, _seq text, _deleted int); INSERT INTO own VALUES (1, 'mine', 7)",
    ] {
        assert!(run(&client, made).await.starts_with("ok"), "{made}");
    }
    let order = "[[Some(\"1\")], [Some(\"3\")], [Some(\"2\")]]";
    let three = "[[Some(\"3\")]]";
    for flushed in [false, true] {
        for (sql, expected) in [
            ("SELECT id FROM t ORDER BY _seq", order),
            ("SELECT id FROM t ORDER BY _updated, id", order),
            ("SELECT count(*) FROM t WHERE _seq > 0 AND _updated BETWEEN now() - interval '1 minute' AND now()", three),
            ("SELECT count(_seq) FROM t", three),
            ("SELECT count(*) FROM t AS a JOIN t AS b ON a._seq = b._seq", three),
            (
                "SELECT max(_seq) = (SELECT _seq FROM t WHERE id = 2), count(DISTINCT _seq) FROM t",
                "[[Some(\"t\"), Some(\"3\")]]",
            ),
            (
                "SELECT s.n > 0, s.id FROM (SELECT _seq AS n, * FROM t) AS s WHERE id = 1",
                "[[Some(\"t\"), Some(\"1\")]]",
            ),
            (
                "SELECT pg_typeof(_seq), pg_typeof(_updated), pg_typeof(_deleted) FROM t WHERE id = 1",
                "[[Some(\"bigint\"), Some(\"timestamp with time zone\"), Some(\"boolean\")]]",
            ),
            ("SELECT x._seq > 0 FROM t AS x (a, b) WHERE a = 1", "[[Some(\"t\")]]"),
            ("SELECT _seq IS NULL FROM t WHERE id = 1", "[[Some(\"f\")]]"),
            ("SELECT * FROM t WHERE id = 1", "[[Some(\"1\"), Some(\"a\")]]"),
            ("SELECT t FROM t WHERE id = 1 AND _seq > 0", "[[Some(\"(1,a)\")]]"),
            ("SELECT _seq, _deleted FROM own", "[[Some(\"mine\"), Some(\"7\")]]"),
            (
                "SELECT own.*, own._updated IS NULL FROM own",
                "[[Some(\"1\"), Some(\"mine\"), Some(\"7\"), Some(\"f\")]]",
            ),
            ("SELECT _seq FROM own CROSS JOIN t WHERE t.id = 1", "[[Some(\"mine\")]]"),
            ("SELECT id FROM t WHERE _deleted", "[]"),
            ("SELECT _seq FROM t AS a, t AS b", "42702"),
            ("SELECT _seq FROM (SELECT id FROM t) AS s", "42703"),
            ("SELECT _seq FROM pg_class", "42703"),
            ("SELECT ctid FROM t", "0A000"),
        ] {
            assert_eq!(run(&client, sql).await, expected, "{sql}, flushed: {flushed}");
        }
        assert!(!run(&client, "STORAGE FLUSH ALL").await.starts_with("XX"));
    }
    for (sql, expected) in [
        ("UPDATE t SET _seq = 1", "0A000"),
        ("INSERT INTO t (id, _updated) VALUES (4, now())", "0A000"),
        ("INSERT INTO t VALUES (4, 'd') RETURNING _seq, _updated, id", "[[None, None, Some(\"4\")]]"),
        ("UPDATE t SET v = 'D' WHERE id = 4 RETURNING _seq", "[[None]]"),
        ("UPDATE t SET v = 'E' WHERE _seq = (SELECT max(_seq) FROM t) RETURNING id, v", "[[Some(\"4\"), Some(\"E\")]]"),
        ("UPDATE t SET v = _seq::text WHERE id = 4", "ok"),
        ("SELECT v::bigint > 0, v::bigint < _seq FROM t WHERE id = 4", "[[Some(\"t\"), Some(\"t\")]]"),
        ("DELETE FROM t WHERE id = 4 RETURNING _seq > 0, id", "[[Some(\"t\"), Some(\"4\")]]"),
        ("INSERT INTO t VALUES (1, 'z') ON CONFLICT (id) DO UPDATE SET v = t._seq::text", "0A000"),
        ("BEGIN; INSERT INTO t VALUES (5, 'e'); SELECT id FROM t WHERE _seq IS NULL", "ok ok [[Some(\"5\")]]"),
        ("UPDATE t SET v = 'A' WHERE id = 1; SELECT id FROM t WHERE _seq IS NULL ORDER BY id", "ok [[Some(\"1\")], [Some(\"5\")]]"),
        ("ROLLBACK; SELECT count(*) FROM t WHERE _updated IS NULL", "ok [[Some(\"0\")]]"),
        ("CREATE TABLE copied AS SELECT _seq, * FROM t", "ok"),
        ("SELECT attname FROM pg_attribute WHERE attrelid = 'copied'::regclass AND attnum > 0 ORDER BY attnum",
            "[[Some(\"_seq\")], [Some(\"id\")], [Some(\"v\")]]"),
        ("SELECT column_name FROM information_schema.columns WHERE table_name = 't'", "[[Some(\"id\")], [Some(\"v\")]]"),
        ("BEGIN; CREATE TABLE loaded (a int); INSERT INTO loaded VALUES (1); SELECT _seq FROM loaded; COMMIT", "ok ok ok [[None]] ok"),
        ("SELECT _seq > (SELECT max(_seq) FROM t), _updated IS NULL FROM loaded", "[[Some(\"t\"), Some(\"f\")]]"),
        ("CREATE VIEW v AS SELECT _seq AS n, id FROM t; SELECT count(*) FROM v WHERE n > 0", "ok [[Some(\"3\")]]"),
        ("SELECT pg_get_viewdef('v'::regclass) LIKE '%_seq AS n%'", "[[Some(\"t\")]]"),
        ("INSERT INTO v (id) VALUES (6) RETURNING n, id", "[[None, Some(\"6\")]]"),
        ("DELETE FROM v WHERE id = 6 AND n > 0 RETURNING n > 0", "[[Some(\"t\")]]"),
        ("CREATE TABLE p (k int, d int) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
            CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)", "ok ok ok"),
        ("INSERT INTO p VALUES (1, 1), (11, 2)", "ok"),
        ("SELECT k, _seq > 0, tableoid::regclass FROM p ORDER BY _seq, k",
            "[[Some(\"1\"), Some(\"t\"), Some(\"p1\")], [Some(\"11\"), Some(\"t\"), Some(\"p2\")]]"),
        ("UPDATE p SET k = 12 WHERE k = 1 RETURNING _seq, tableoid::regclass", "[[None, Some(\"p2\")]]"),
        ("MERGE INTO t USING (VALUES (1)) AS s (i) ON t.id = s.i WHEN MATCHED AND t._seq > 0 THEN UPDATE SET v = 'merged'", "ok"),
        ("SELECT v FROM t WHERE id = 1", "[[Some(\"merged\")]]"),
        ("ALTER TABLE t ADD CHECK (_seq > 0)", "0A000"),
    ] {
        assert_eq!(run(&client, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_are_kept_and_come_back() {
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    let made = "CREATE TABLE t (id int PRIMARY KEY, v text) WITH (deleted_retention_hours = 24);
        CREATE TABLE plain (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE);
        CREATE TABLE child (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE) WITH (deleted_retention_hours = 1);
        INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 20) AS g (n);
        INSERT INTO plain VALUES (3), (4); INSERT INTO child VALUES (3), (4)";
    assert_eq!(run(&client, made).await, "ok ok ok ok ok ok");
    assert!(!run(&client, "STORAGE FLUSH TABLE t").await.starts_with("XX"));
    let deleted = "SELECT id, v FROM t WHERE _deleted ORDER BY id";
    for (sql, expected) in [
        ("UPDATE t SET v = 'new' WHERE id = 5; DELETE FROM t WHERE id IN (3, 5) OR id > 18", "ok ok"),
        (
            deleted,
            "[[Some(\"3\"), Some(\"v3\")], [Some(\"5\"), Some(\"new\")], [Some(\"19\"), Some(\"v19\")], [Some(\"20\"), Some(\"v20\")]]",
        ),
        ("SELECT count(*) FROM t; SELECT count(*) FROM plain WHERE _deleted", "[[Some(\"16\")]] [[Some(\"0\")]]"),
        ("SELECT id FROM child WHERE _deleted; SELECT count(*) FROM child", "[[Some(\"3\")]] [[Some(\"1\")]]"),
        (
            "SELECT count(*), count(*) FILTER (WHERE _deleted), count(*) FILTER (WHERE NOT _deleted) FROM t",
            "[[Some(\"20\"), Some(\"4\"), Some(\"16\")]]",
        ),
        ("SELECT count(*) FROM (SELECT _deleted FROM t) AS s", "[[Some(\"20\")]]"),
        ("SELECT id, v, _deleted FROM t WHERE id = 5", "[[Some(\"5\"), Some(\"new\"), Some(\"t\")]]"),
        ("SELECT id FROM t WHERE id = 5", "[]"),
        ("SELECT count(*) FROM t WHERE v <> '_deleted'", "[[Some(\"16\")]]"),
        ("SELECT count(*) FROM t WHERE _deleted AND _updated <= now() AND _seq > 0", "[[Some(\"4\")]]"),
        (
            "INSERT INTO t SELECT id, v FROM t WHERE _deleted AND id = 5; SELECT v FROM t WHERE id = 5",
            "ok [[Some(\"new\")]]",
        ),
        // It stays in the trash as well, as what it was.
        ("SELECT _deleted FROM t WHERE id = 5 ORDER BY 1", "[[Some(\"f\")], [Some(\"t\")]]"),
        ("DELETE FROM t WHERE _deleted", "0A000"),
        ("UPDATE t SET v = '' WHERE NOT _deleted", "0A000"),
        ("DELETE FROM t WHERE id = 1 RETURNING _deleted", "0A000"),
        ("SELECT id FROM t WHERE _deleted FOR UPDATE", "0A000"),
        ("BEGIN; DELETE FROM t WHERE id = 7; SELECT id FROM t WHERE _deleted AND id = 7", "ok ok [[Some(\"7\")]]"),
        ("ROLLBACK; SELECT id FROM t WHERE _deleted AND id = 7", "ok []"),
        (
            "BEGIN; SAVEPOINT a; DELETE FROM t WHERE id = 7; ROLLBACK TO a; SELECT id FROM t WHERE _deleted AND id = 7",
            "ok ok ok ok []",
        ),
        (
            "DELETE FROM t WHERE id = 8; COMMIT; SELECT id FROM t WHERE _deleted AND id IN (7, 8)",
            "ok ok [[Some(\"8\")]]",
        ),
        ("ALTER TABLE t ADD COLUMN n int DEFAULT 4; ALTER TABLE t RENAME v TO w", "ok ok"),
        ("SELECT w, n FROM t WHERE _deleted AND id = 3", "[[Some(\"v3\"), Some(\"4\")]]"),
        (
            "ALTER TABLE t ALTER n TYPE text; SELECT w, n FROM t WHERE _deleted AND id = 3",
            "ok [[Some(\"v3\"), Some(\"4\")]]",
        ),
        (
            "CREATE VIEW everything AS SELECT id, _deleted AS gone FROM t; SELECT count(*) FROM everything WHERE gone",
            "ok [[Some(\"5\")]]",
        ),
        ("UPDATE everything SET id = 1 WHERE id = 2", "0A000"),
        ("CREATE TABLE bad (a int) WITH (deleted_retention_hours = -1)", "22023"),
        ("CREATE TABLE bad (a int) WITH (deleted_retention_hours = 'x')", "22023"),
        ("SELECT reloptions FROM pg_class WHERE relname = 't'", "[[Some(\"{deleted_retention_hours=24}\")]]"),
    ] {
        assert_eq!(run(&client, sql).await, expected, "{sql}");
    }
    server.restart();
    let client = connect(&server, "postgres").await;
    for (sql, expected) in [
        ("SELECT count(*) FROM t WHERE _deleted", "[[Some(\"5\")]]"),
        ("ALTER TABLE t RESET (deleted_retention_hours); DELETE FROM t WHERE id = 10; SELECT count(*) FROM t WHERE _deleted", "ok ok [[Some(\"5\")]]"),
        ("ALTER TABLE t SET (deleted_retention_hours = 2); DELETE FROM t WHERE id = 11; SELECT count(*) FROM t WHERE _deleted", "ok ok [[Some(\"6\")]]"),
        ("CREATE TABLE m (k int, d int) PARTITION BY RANGE (k); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10) WITH (deleted_retention_hours = 2);
            CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (10) TO (20)", "ok ok ok"),
        ("INSERT INTO m VALUES (1, 1), (2, 2), (11, 2); UPDATE m SET k = 12 WHERE k = 1; SELECT count(*) FROM m WHERE _deleted", "ok ok [[Some(\"0\")]]"),
        ("DELETE FROM m; SELECT k, tableoid::regclass FROM m WHERE _deleted", "ok [[Some(\"2\"), Some(\"m1\")]]"),
        ("TRUNCATE t CASCADE; SELECT count(*) FROM t WHERE _deleted", "ok [[Some(\"0\")]]"),
    ] {
        assert_eq!(run(&client, sql).await, expected, "{sql}");
    }
}
