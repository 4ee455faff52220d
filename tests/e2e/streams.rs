//! Stream tables: each user's own rows, for a while and no longer, whichever way somebody comes in.

use std::path::Path;
use std::time::Duration;

use futures::{TryStreamExt, pin_mut};
use tests::Server;
use tokio_postgres::Client;

use crate::database::{connect, run};

/// Rows of `kept` stay for longer than any test takes, those of `brief` for a second.
const TABLES: &str = "CREATE ROLE alice LOGIN PASSWORD 'alice'; CREATE ROLE bob LOGIN PASSWORD 'bob';
    CREATE STREAM TABLE kept (id int NOT NULL, body text DEFAULT 'none' CHECK (body <> '')) WITH (ttl_seconds = 86400);
    CREATE STREAM TABLE brief (id int) WITH (ttl_seconds = 1);
    CREATE STREAM TABLE few (id int) WITH (ttl_seconds = 86400, max_buffer = 3);
    CREATE STREAM TABLE fleeting (id int) WITH (ttl_seconds = 86400, ephemeral = true);
    CREATE VIEW seen AS SELECT id, body FROM kept; GRANT SELECT, INSERT, UPDATE, DELETE ON seen TO PUBLIC;
    CREATE TABLE plain (id int PRIMARY KEY); GRANT SELECT ON plain TO PUBLIC; INSERT INTO plain VALUES (1), (2)";

async fn as_user(server: &Server, role: &str) -> Client {
    let client = connect(server, "postgres").await;
    assert_eq!(run(&client, &format!("SET ROLE {role}")).await, "ok");
    client
}

async fn with_tables() -> (Server, Client) {
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    let made = run(&admin, TABLES).await;
    assert!(made.split(' ').all(|answer| answer == "ok"), "{made}");
    (server, admin)
}

async fn copied_out(client: &Client, sql: &str) -> String {
    let stream = client.copy_out(sql).await.expect("it may be copied");
    pin_mut!(stream);
    let mut out = Vec::new();
    while let Some(bytes) = stream.try_next().await.expect("it is copied") {
        out.extend_from_slice(&bytes);
    }
    String::from_utf8(out).expect("rows are text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_rows_of_his_own_in_the_order_of_time() {
    let (server, admin) = with_tables().await;
    let (alice, bob) = (as_user(&server, "alice").await, as_user(&server, "bob").await);
    for (client, sql, expected) in [
        (&alice, "INSERT INTO kept VALUES (3, 'a'), (1, 'b') RETURNING body", r#"[[Some("a")], [Some("b")]]"#),
        (&bob, "INSERT INTO kept (id) SELECT n FROM generate_series(1, 5) AS g (n)", "ok"),
        (&alice, "INSERT INTO seen VALUES (2, 'c')", "ok"),
        (&alice, "SELECT * FROM kept", r#"[[Some("3"), Some("a")], [Some("1"), Some("b")], [Some("2"), Some("c")]]"#),
        (
            &alice,
            "SELECT id FROM kept ORDER BY id LIMIT 1; SELECT count(*) FROM seen",
            r#"[[Some("1")]] [[Some("3")]]"#,
        ),
        (&bob, "SELECT count(*), max(body) FROM kept", r#"[[Some("5"), Some("none")]]"#),
        (&bob, "SELECT kept.id FROM kept JOIN plain USING (id) ORDER BY 1", r#"[[Some("1")], [Some("2")]]"#),
        (&bob, "SELECT id FROM kept WHERE id = 4 FOR UPDATE", r#"[[Some("4")]]"#),
        (
            &bob,
            "SELECT _seq > 0, _updated IS NULL, tableoid::regclass FROM kept WHERE id = 4",
            r#"[[Some("t"), Some("f"), Some("kept")]]"#,
        ),
        (&bob, "SELECT count(*) FROM kept WHERE _deleted", r#"[[Some("0")]]"#),
        (&admin, "SELECT count(*) FROM kept", r#"[[Some("0")]]"#),
        (&alice, "INSERT INTO kept VALUES (1, '')", "23514"),
        (&alice, "INSERT INTO kept VALUES (NULL)", "23502"),
        (&alice, "INSERT INTO kept VALUES (9) ON CONFLICT DO NOTHING", "ok"),
        (
            &alice,
            "BEGIN; DELETE FROM kept WHERE id = 9 RETURNING body; SELECT count(*) FROM kept; ROLLBACK; SELECT count(*) FROM kept",
            r#"ok [[Some("none")]] [[Some("3")]] ok [[Some("4")]]"#,
        ),
        (
            &alice,
            "MERGE INTO kept USING (VALUES (9), (10)) AS s (i) ON id = s.i WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.i, 'd')",
            "ok",
        ),
        (&alice, "SELECT id FROM kept", r#"[[Some("3")], [Some("1")], [Some("2")], [Some("10")]]"#),
        (
            &alice,
            "BEGIN; SAVEPOINT s; INSERT INTO kept VALUES (11); ROLLBACK TO s; SELECT count(*) FROM kept; TRUNCATE kept; SELECT count(*) FROM kept; COMMIT",
            r#"ok ok ok ok [[Some("4")]] ok [[Some("0")]] ok"#,
        ),
        (&bob, "SELECT count(*) FROM kept", r#"[[Some("5")]]"#),
        (
            &admin,
            "SET kalamdb.all_users = on; SELECT _user, id FROM kept WHERE id < 3",
            r#"ok [[Some("bob"), Some("1")], [Some("bob"), Some("2")]]"#,
        ),
        (&admin, "INSERT INTO kept VALUES (1)", "42501"),
        (&admin, "TRUNCATE kept", "42501"),
        (&admin, "RESET kalamdb.all_users; SET row_security = off; SELECT * FROM kept", "42501"),
    ] {
        assert_eq!(run(client, sql).await, expected, "{sql}");
    }
    assert_eq!(copied_out(&bob, "COPY kept TO STDOUT").await, "1\tnone\n2\tnone\n3\tnone\n4\tnone\n5\tnone\n");
    let sink = bob.copy_in::<_, bytes::Bytes>("COPY kept (id) FROM STDIN").await.expect("it may be copied into");
    pin_mut!(sink);
    futures::SinkExt::send(&mut sink, bytes::Bytes::from_static(b"6\n7\n")).await.expect("it is copied");
    assert_eq!(sink.finish().await.expect("it was copied"), 2);
    assert_eq!(run(&bob, "SELECT count(*) FROM kept").await, r#"[[Some("7")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_is_shown_by_no_way_in() {
    let (server, _admin) = with_tables().await;
    let (alice, reader, wide) =
        (as_user(&server, "alice").await, as_user(&server, "alice").await, as_user(&server, "alice").await);
    assert_eq!(run(&wide, "SET kalamdb.point_plans = off").await, "ok");
    let counted = alice.prepare("SELECT count(*) FROM brief WHERE id > $1").await.expect("it is prepared");
    assert_eq!(run(&reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await, r#"ok [[Some("1")]]"#);
    assert_eq!(
        run(&alice, "BEGIN; INSERT INTO brief SELECT generate_series(1, 100); SELECT count(*) >= 0 FROM brief").await,
        r#"ok ok [[Some("t")]]"#
    );
    tokio::time::sleep(Duration::from_millis(1050)).await;
    // Neither in the transaction that has written it, nor in the snapshot of one that began before.
    assert_eq!(
        run(&alice, "SELECT count(*) FROM brief; COMMIT; INSERT INTO brief VALUES (7)").await,
        r#"[[Some("0")]] ok ok"#
    );
    assert_eq!(
        run(&reader, "COMMIT; BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) >= 0 FROM brief").await,
        r#"ok ok [[Some("t")]]"#
    );
    tokio::time::sleep(Duration::from_millis(1050)).await;
    for client in [&alice, &reader, &wide] {
        for sql in [
            "SELECT * FROM brief",
            "SELECT id FROM brief WHERE id = 7",
            "DELETE FROM brief RETURNING id",
            "SELECT id FROM brief FOR UPDATE",
            "TABLE brief ORDER BY id LIMIT 1",
            "SELECT 1 WHERE EXISTS (SELECT FROM brief)",
        ] {
            assert_eq!(run(client, sql).await, "[]", "{sql}");
        }
        assert_eq!(run(client, "SELECT count(*), max(id) FROM brief").await, r#"[[Some("0"), None]]"#);
        assert_eq!(copied_out(client, "COPY brief TO STDOUT").await, "");
        assert_eq!(copied_out(client, "COPY (SELECT id FROM brief) TO STDOUT").await, "");
    }
    assert_eq!(alice.query_one(&counted, &[&0i32]).await.expect("it is counted").get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_streams_cannot_do_is_refused() {
    let (_server, admin) = with_tables().await;
    assert_eq!(run(&admin, "INSERT INTO kept VALUES (1)").await, "ok");
    for (sql, expected) in [
        ("CREATE STREAM TABLE s (a int)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 0)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = -5)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = '1 hour')", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 9999999999)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 60, max_buffer = 0)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 60, ephemeral = maybe)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 60, ttl_seconds = 61)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 60, flush_policy = 'rows:5')", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 60, compression = 'zstd')", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 60, deleted_retention_hours = 1)", "22023"),
        ("CREATE STREAM TABLE s (a int) WITH (ttl_seconds = 60, access_level = 'public')", "22023"),
        ("CREATE TABLE s (a int) WITH (ttl_seconds = 60)", "22023"),
        ("CREATE USER TABLE s (a int) WITH (max_buffer = 60)", "22023"),
        ("CREATE STREAM TABLE s (a int PRIMARY KEY) WITH (ttl_seconds = 60)", "0A000"),
        ("CREATE STREAM TABLE s (a int UNIQUE) WITH (ttl_seconds = 60)", "0A000"),
        ("CREATE STREAM TABLE s (a int REFERENCES plain) WITH (ttl_seconds = 60)", "0A000"),
        ("CREATE STREAM TABLE s (a int) PARTITION BY RANGE (a)", "0A000"),
        ("CREATE STREAM TABLE s () INHERITS (plain) WITH (ttl_seconds = 60)", "0A000"),
        ("CREATE TABLE s () INHERITS (kept)", "0A000"),
        ("CREATE STREAM TABLE pg_temp.s (a int) WITH (ttl_seconds = 60)", "0A000"),
        ("CREATE STREAM TABLE s AS SELECT 1", "22023"),
        ("CREATE STREAM TABLE s (LIKE plain)", "22023"),
        ("CREATE TABLE s (a int REFERENCES kept (id))", "0A000"),
        ("CREATE USER TABLE s (a int REFERENCES kept (id))", "42830"),
        ("CREATE INDEX ON kept (id)", "0A000"),
        ("ALTER TABLE kept ADD PRIMARY KEY (id)", "0A000"),
        ("ALTER TABLE kept ADD UNIQUE (id)", "0A000"),
        ("ALTER TABLE kept ADD FOREIGN KEY (id) REFERENCES plain", "0A000"),
        ("ALTER TABLE brief ALTER id TYPE text", "0A000"),
        ("ALTER TABLE kept ADD COLUMN made uuid DEFAULT gen_random_uuid()", "0A000"),
        ("ALTER TABLE kept RESET (ttl_seconds)", "22023"),
        ("ALTER TABLE kept SET (flush_policy = 'rows:5')", "22023"),
        ("ALTER TABLE brief SET (ttl_seconds = 1001)", "22023"),
        ("ALTER TABLE plain SET (ttl_seconds = 60)", "22023"),
        ("UPDATE kept SET id = 2", "0A000"),
        ("UPDATE seen SET id = 2", "0A000"),
        ("INSERT INTO kept VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2", "0A000"),
        ("MERGE INTO kept USING plain ON kept.id = plain.id WHEN MATCHED THEN UPDATE SET body = 'x'", "0A000"),
        ("TRUNCATE kept RESTART IDENTITY", "0A000"),
        ("STORAGE FLUSH TABLE kept", "0A000"),
        ("STORAGE COMPACT TABLE kept", "0A000"),
        ("BEGIN; DECLARE c CURSOR FOR SELECT * FROM seen", "0A000"),
        ("ROLLBACK", "ok"),
        ("SELECT * FROM kept", r#"[[Some("1"), Some("none")]]"#),
    ] {
        assert_eq!(run(&admin, sql).await, expected, "{sql}");
    }
    // Of a result that was read in part, the rest may have become too old.
    let mut client = admin;
    assert_eq!(run(&client, "INSERT INTO kept VALUES (2), (3)").await, "ok");
    let statement = client.prepare("SELECT id FROM kept").await.expect("it is prepared");
    let transaction = client.transaction().await.expect("a transaction begins");
    let portal = transaction.bind(&statement, &[]).await.expect("it is bound");
    assert_eq!(transaction.query_portal(&portal, 2).await.expect("the first rows come").len(), 2);
    let error = transaction.query_portal(&portal, 2).await.expect_err("the others do not");
    assert_eq!(error.code().map(|code| code.code()), Some("0A000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_told_of_and_changed_as_a_table() {
    let (server, admin) = with_tables().await;
    for (sql, expected) in [
        (
            "SELECT type, storage, options ->> 'max_buffer' FROM system.tables WHERE name = 'few'",
            r#"[[Some("stream"), None, Some("3")]]"#,
        ),
        (
            "SELECT relkind, reloptions FROM pg_class WHERE relname = 'fleeting'",
            r#"[[Some("r"), Some("{ttl_seconds=86400,ephemeral=true}")]]"#,
        ),
        ("DESCRIBE TABLE brief", r#"[[Some("id"), Some("integer"), Some("t"), None, Some("f")]]"#),
        ("INSERT INTO kept VALUES (1), (2)", "ok"),
        ("SELECT hot_rows > 0, segments FROM system.tables WHERE name = 'kept'", r#"[[Some("t"), Some("0")]]"#),
        ("DROP VIEW seen; ALTER TABLE kept ADD COLUMN more int DEFAULT 5", "ok ok"),
        ("ALTER TABLE kept RENAME COLUMN body TO words", "ok"),
        (
            "ALTER TABLE kept DROP COLUMN words; SELECT * FROM kept",
            r#"ok [[Some("1"), Some("5")], [Some("2"), Some("5")]]"#,
        ),
        ("ALTER TABLE kept ADD CHECK (id < 2)", "23514"),
        ("ALTER TABLE kept ADD CHECK (id < 9), ALTER more SET NOT NULL; INSERT INTO kept VALUES (10)", "23514"),
        ("ALTER TABLE kept RENAME TO renamed; COMMENT ON TABLE renamed IS 'a stream'; ANALYZE renamed", "ok ok ok"),
        ("ALTER TABLE renamed SET (max_buffer = 1); SELECT id FROM renamed", r#"ok [[Some("2")]]"#),
        ("ALTER TABLE renamed SET (ttl_seconds = 100000, max_buffer = 7, ephemeral = off)", "ok"),
        ("VACUUM renamed", "ok"),
        ("VACUUM", "ok"),
        ("CREATE STREAM TABLE IF NOT EXISTS brief (a int) WITH (ttl_seconds = 5); DROP TABLE renamed CASCADE", "ok ok"),
        ("SELECT count(*) FROM system.tables WHERE name = 'renamed'", r#"[[Some("0")]]"#),
    ] {
        assert_eq!(run(&admin, sql).await, expected, "{sql}");
    }
    assert_eq!(run(&admin, "INSERT INTO few VALUES (1)").await, "ok");
    assert!(run(&admin, "STORAGE FLUSH ALL").await.starts_with("[["), "streams are passed over");
    assert_eq!(
        run(&admin, "SELECT count(*) FROM system.segments WHERE \"table\" = 'few'; TABLE few").await,
        r#"[[Some("0")]] [[Some("1")]]"#
    );
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_keeps_the_newest_rows() {
    let (server, admin) = with_tables().await;
    let (alice, bob) = (as_user(&server, "alice").await, as_user(&server, "bob").await);
    for (client, sql, expected) in [
        (
            &alice,
            "INSERT INTO few SELECT generate_series(1, 10); SELECT id FROM few",
            r#"ok [[Some("8")], [Some("9")], [Some("10")]]"#,
        ),
        (&bob, "INSERT INTO few VALUES (1), (2); SELECT count(*) FROM few", r#"ok [[Some("2")]]"#),
        (&alice, "SELECT count(*), sum(id) FROM few", r#"[[Some("3"), Some("27")]]"#),
        (
            &alice,
            "BEGIN; INSERT INTO few VALUES (11); SELECT min(id) FROM few; ROLLBACK; SELECT min(id) FROM few",
            r#"ok ok [[Some("9")]] ok [[Some("8")]]"#,
        ),
        // What was too many does not come back.
        (&alice, "DELETE FROM few WHERE id = 9; SELECT id FROM few", r#"ok [[Some("8")], [Some("10")]]"#),
        (&alice, "INSERT INTO few SELECT generate_series(11, 20); TRUNCATE few; SELECT id FROM few", "ok ok []"),
        (
            &admin,
            "SET kalamdb.all_users = on; SELECT _user, id FROM few",
            r#"ok [[Some("bob"), Some("1")], [Some("bob"), Some("2")]]"#,
        ),
    ] {
        assert_eq!(run(client, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_row_is_for_those_who_follow() {
    let (server, _admin) = with_tables().await;
    let (alice, bob) = (as_user(&server, "alice").await, as_user(&server, "bob").await);
    let mut watcher = as_user(&server, "alice").await;
    assert_eq!(
        run(&alice, "INSERT INTO fleeting VALUES (1) RETURNING id; SELECT * FROM fleeting").await,
        r#"[[Some("1")]] []"#
    );
    assert_eq!(run(&watcher, "LISTEN f FOR SELECT id FROM fleeting").await, "[]");
    for client in [&alice, &bob] {
        assert_eq!(run(client, "INSERT INTO fleeting VALUES (2)").await, "ok");
    }
    assert_eq!(run(&alice, "SELECT * FROM fleeting").await, r#"[[Some("2")]]"#);
    assert_eq!(run(&bob, "SELECT * FROM fleeting").await, "[]");
    assert_eq!(run(&watcher, "UNLISTEN f").await, "ok");
    assert_eq!(run(&alice, "SELECT * FROM fleeting").await, "[]");
    assert_eq!(run(&watcher, "LISTEN f FOR SELECT id FROM fleeting").await, "[]");
    assert_eq!(run(&alice, "INSERT INTO fleeting VALUES (3); SELECT * FROM fleeting").await, r#"ok [[Some("3")]]"#);
    // Who goes without a word has left, too, as soon as the server has seen it.
    watcher = as_user(&server, "alice").await;
    while run(&alice, "SELECT * FROM fleeting").await != "[]" {
        tokio::task::yield_now().await;
    }
    assert_eq!(run(&watcher, "SELECT * FROM fleeting").await, "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_gives_back_the_room() {
    let (server, admin) = with_tables().await;
    let alice = as_user(&server, "alice").await;
    assert_eq!(run(&alice, "INSERT INTO brief SELECT generate_series(1, 1000)").await, "ok");
    assert_eq!(run(&alice, "INSERT INTO few SELECT generate_series(1, 1000)").await, "ok");
    let done =
        "SELECT left(job_id, 3), status FROM system.jobs WHERE job_type = 'stream_eviction' AND status <> 'running'
        AND (result ->> 'buckets_evicted')::int > 0";
    while run(&admin, done).await == "[]" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(run(&admin, done).await, r#"[[Some("SE-"), Some("completed")]]"#);
    let surplus = "SELECT sum((result ->> 'rows_evicted')::int) FROM system.jobs WHERE job_type = 'stream_eviction'";
    assert_eq!(run(&admin, surplus).await, r#"[[Some("997")]]"#);
    assert_eq!(run(&alice, "SELECT id FROM few").await, r#"[[Some("998")], [Some("999")], [Some("1000")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_last_over_a_restart_and_are_in_no_backup() {
    let (mut server, admin) = with_tables().await;
    assert_eq!(
        run(&admin, "INSERT INTO kept VALUES (1, 'a'); INSERT INTO few SELECT generate_series(1, 5)").await,
        "ok ok"
    );
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("nightly");
    let backed_up = run(&admin, &format!("BACKUP DATABASE TO '{}'", path.display())).await;
    assert!(backed_up.starts_with("[["), "{backed_up}");
    drop(admin);
    server.kill();
    server.restart();
    let admin = connect(&server, "postgres").await;
    assert_eq!(run(&admin, "TABLE kept; SELECT count(*) FROM few").await, r#"[[Some("1"), Some("a")]] [[Some("3")]]"#);
    let copy = Server::restored(&path);
    let there = connect(&copy, "postgres").await;
    assert_eq!(run(&there, "SELECT count(*) FROM plain; TABLE kept; TABLE few").await, r#"[[Some("2")]] [] []"#);
    assert_eq!(run(&there, "INSERT INTO kept VALUES (2); TABLE kept").await, r#"ok [[Some("2"), Some("none")]]"#);
}

/// Rows come as fast as they go in, and none stays longer than some seconds: after a while the server needs no more memory
/// and disk than it did, and nobody is ever shown an older one. `STREAM_SECONDS` says how long.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "scripts/soak takes the minutes that it needs"]
async fn memory_and_disk_level_off() {
    /// What a memtable more and a compaction under way may make of either.
    const SLACK_BYTES: u64 = 256 << 20;
    let given = std::env::var("STREAM_SECONDS").ok().and_then(|text| text.parse().ok());
    let third = Duration::from_secs(given.unwrap_or(180) / 3);
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let made =
        "CREATE STREAM TABLE passing (id int, body text, number float8, came timestamptz) WITH (ttl_seconds = 5)";
    assert_eq!(run(&client, made).await, "ok");
    let insert = "INSERT INTO passing SELECT n, 'some words of row ' || n, n * 0.5, now() FROM generate_series(1, 5000) AS g (n)";
    // A row is as old as its insertion, which a statement takes a while to come to.
    let look = "SELECT count(*), count(*) FILTER (WHERE came < now() - interval '15 seconds') FROM passing";
    // The most memory and disk in each third of the time: in the first everything fills.
    let (mut most, mut rows) = ([(0, 0); 3], 0_u64);
    for most in &mut most {
        let begun = std::time::Instant::now();
        while begun.elapsed() < third {
            for _ in 0..20 {
                assert_eq!(run(&client, insert).await, "ok");
                rows += 5000;
            }
            let memory = client.query_one("SELECT value::int8 FROM system.stats WHERE name = 'resident_bytes'", &[]);
            let memory: i64 = memory.await.expect("the server knows its memory").get(0);
            let seen = client.query_one(look, &[]).await.expect("rows are counted");
            assert!(seen.get::<_, i64>(0) > 0 && seen.get::<_, i64>(1) == 0, "rows are shown that are over");
            *most = (most.0.max(memory as u64), most.1.max(bytes_in(&server.data())));
        }
    }
    println!(
        "{rows} rows, {} a second; the most memory and disk, in bytes, by thirds of the time: {most:?}",
        rows / (3 * third.as_secs()).max(1)
    );
    let [_, (memory, disk), (memory_last, disk_last)] = most;
    assert!(memory_last < memory + SLACK_BYTES, "memory grows: {most:?}");
    assert!(disk_last < disk + SLACK_BYTES, "disk grows: {most:?}");
}

/// Bytes of the files in a folder and beneath it.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    // Files come and go meanwhile.
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_in(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
