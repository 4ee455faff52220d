//! The relations of the schema `system` and their kin, asked by an operator and by somebody who is none.

use tests::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{log_in, until};
use crate::database::{connect, run};

const RELATIONS: [&str; 13] = [
    "audit_log",
    "jobs",
    "locks",
    "namespaces",
    "segments",
    "sessions",
    "settings",
    "stats",
    "storages",
    "table_schemas",
    "tables",
    "transactions",
    "users",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_everything() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    for sql in [
        "CREATE NAMESPACE chat",
        "CREATE TABLE chat.messages (id int PRIMARY KEY, body text) WITH (flush_policy = 'rows:1000000')",
        "INSERT INTO chat.messages SELECT n, 'x' FROM generate_series(1, 100) AS g(n)",
        "ALTER TABLE chat.messages ADD COLUMN sent_at timestamptz DEFAULT now()",
        "ALTER TABLE chat.messages RENAME COLUMN body TO words",
        "ALTER TABLE chat.messages ALTER COLUMN words SET NOT NULL",
        "COMMENT ON TABLE chat.messages IS 'what was said'",
        "CREATE USER alice PASSWORD 'a long password' CONNECTION LIMIT 7 VALID UNTIL '2040-01-01'",
    ] {
        assert_eq!(run(&first, sql).await, "ok", "{sql}");
    }
    assert!(run(&first, "STORAGE FLUSH TABLE chat.messages").await.contains("100"));
    assert_eq!(
        run(&first, "INSERT INTO chat.messages VALUES (101, 'y'); DELETE FROM chat.messages WHERE id = 1").await,
        "ok ok"
    );
    let alice = log_in(&server, "alice", "a long password").await.expect("she may");
    assert_eq!(run(&alice, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1").await, "ok [[Some(\"1\")]]");
    assert!(log_in(&server, "alice", "a wrong password").await.is_err());
    assert_eq!(
        run(&first, "BEGIN; LOCK TABLE chat.messages IN SHARE MODE; SELECT pg_advisory_lock(77)").await,
        "ok ok [[Some(\"\")]]"
    );
    for (sql, expected) in [
        (
            "SELECT namespace, name, type, owner, storage, schema_version, cold_rows, segments, options->>'flush_policy',
                 metadata->>'comment', created_at <= updated_at, deleted_at IS NULL FROM system.tables",
            r#"[[Some("chat"), Some("messages"), Some("shared"), Some("postgres"), Some("local"), Some("4"), Some("99"), Some("1"), Some("rows:1000000"), Some("what was said"), Some("t"), Some("t")]]"#,
        ),
        ("SELECT hot_rows >= 0, hot_bytes >= 0, cold_bytes > 0 FROM system.tables", r#"[[Some("t"), Some("t"), Some("t")]]"#),
        (
            "SELECT version, jsonb_array_length(columns), columns->1->>'name', columns->1->>'not_null', created_by
             FROM system.table_schemas ORDER BY version",
            r#"[[Some("1"), Some("2"), Some("body"), None, Some("postgres")], [Some("2"), Some("3"), Some("body"), None, Some("postgres")], [Some("3"), Some("3"), Some("words"), None, Some("postgres")], [Some("4"), Some("3"), Some("words"), Some("true"), Some("postgres")]]"#,
        ),
        ("SELECT rows, deleted, schema_version FROM system.segments", r#"[[Some("100"), Some("1"), Some("4")]]"#),
        (
            "SELECT name, owner, tables, created_at IS NOT NULL FROM system.namespaces ORDER BY name",
            r#"[[Some("chat"), Some("postgres"), Some("1"), Some("t")], [Some("public"), Some("pg_database_owner"), Some("0"), Some("f")]]"#,
        ),
        (
            "SELECT username, auth_type, can_login, connection_limit, valid_until::date, last_login_at IS NOT NULL,
                 failed_login_attempts, locked_until
             FROM system.users ORDER BY username",
            r#"[[Some("alice"), Some("scram-sha-256"), Some("t"), Some("7"), Some("2040-01-01"), Some("t"), Some("1"), None], [Some("postgres"), Some("scram-sha-256"), Some("t"), Some("-1"), None, Some("t"), Some("0"), None]]"#,
        ),
        (
            "SELECT \"user\", acting_as, database, host(client), state, statement FROM system.sessions WHERE \"user\" = 'alice'",
            r#"[[Some("alice"), Some("alice"), Some("postgres"), Some("127.0.0.1"), Some("idle in transaction"), Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1")]]"#,
        ),
        (
            "SELECT \"user\", state, isolation, read_only, age > interval '0' FROM system.transactions ORDER BY 1",
            r#"[[Some("alice"), Some("idle in transaction"), Some("repeatable read"), Some("t"), Some("t")], [Some("postgres"), Some("active"), Some("read committed"), Some("f"), Some("t")]]"#,
        ),
        (
            "SELECT type, namespace, \"table\", mode, granted, process_id = pg_backend_pid() FROM system.locks
             WHERE namespace IS DISTINCT FROM 'system' ORDER BY 1 DESC",
            r#"[[Some("table"), Some("chat"), Some("messages"), Some("ShareLock"), Some("t"), Some("t")], [Some("advisory"), None, None, Some("For Update"), Some("t"), Some("t")]]"#,
        ),
        (
            "SELECT locktype, relation::regclass, classid, objid, objsubid, mode, granted, pid = pg_backend_pid()
             FROM pg_locks WHERE relation IS DISTINCT FROM 'pg_locks'::regclass ORDER BY 1 DESC",
            r#"[[Some("relation"), Some("chat.messages"), None, None, None, Some("ShareLock"), Some("t"), Some("t")], [Some("advisory"), None, Some("0"), Some("77"), Some("1"), Some("ExclusiveLock"), Some("t"), Some("t")]]"#,
        ),
        (
            "SELECT value, default_value, is_changed FROM system.settings WHERE name = 'work_mem'",
            r#"[[Some("4MB"), Some("4MB"), Some("f")]]"#,
        ),
        (
            "SELECT count(*) > 20, bool_and(value >= 0), sum(value) FILTER (WHERE name = 'sessions') FROM system.stats",
            r#"[[Some("t"), Some("t"), Some("2")]]"#,
        ),
        (
            "SELECT numbackends, xact_commit > 5, tup_inserted, tup_deleted, blks_read FROM pg_stat_database
             WHERE datname = 'postgres'",
            r#"[[Some("2"), Some("t"), Some("101"), Some("1"), None]]"#,
        ),
        ("SHOW NAMESPACES", r#"[[Some("chat"), Some("postgres"), Some("1")], [Some("public"), Some("pg_database_owner"), Some("0")]]"#),
        ("SHOW TABLES IN chat", r#"[[Some("chat"), Some("messages"), Some("shared"), Some("postgres")]]"#),
        ("SHOW TABLES IN public", "[]"),
    ] {
        until(&first, sql, expected).await;
    }
    assert!(run(&first, "DESCRIBE TABLE chat.messages HISTORY").await.contains("sent_at"));
    assert!(run(&first, "SHOW USERS").await.contains("alice"));
    // A client that prepares it gets the columns first.
    assert_eq!(first.query("SHOW TABLES", &[]).await.expect("they are shown")[0].get::<_, &str>("name"), "messages");
    for (sql, expected) in [
        ("ROLLBACK", "ok"),
        ("SHOW TABLES IN nowhere", "3F000"),
        ("SHOW tables.x", "42704"),
        ("SHOW tabels", "42704"),
        ("DESCRIBE TABLE missing HISTORY", "42P01"),
        ("DROP NAMESPACE chat", "2BP01"),
        ("ALTER NAMESPACE chat RENAME TO talk", "ok"),
        ("CREATE NAMESPACE IF NOT EXISTS talk", "ok"),
        ("CREATE NAMESPACE talk", "42P06"),
        ("DROP NAMESPACE talk CASCADE", "ok"),
        ("DROP NAMESPACE IF EXISTS talk", "ok"),
        ("DROP NAMESPACE talk", "3F000"),
        ("SELECT count(*) FROM system.table_schemas", "[[Some(\"0\")]]"),
    ] {
        assert_eq!(run(&first, sql).await, expected, "{sql}");
    }
    // A dump has none of this.
    assert_eq!(
        run(&first, "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'system'")
            .await,
        "[]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_what_is_theirs() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    for sql in [
        "CREATE USER plain PASSWORD 'a long password'",
        "CREATE TABLE hidden (a int)",
        "CREATE TABLE seen (a int)",
        "GRANT SELECT ON seen TO plain",
        "CREATE SCHEMA closed",
    ] {
        assert_eq!(run(&first, sql).await, "ok", "{sql}");
    }
    let plain = log_in(&server, "plain", "a long password").await.expect("it may");
    for name in RELATIONS {
        assert_eq!(run(&plain, &format!("SELECT * FROM system.{name}")).await, "42501", "{name}");
        assert!(run(&first, &format!("SELECT * FROM system.{name}")).await.starts_with('['), "{name}");
    }
    for (sql, expected) in [
        ("SHOW USERS", "42501"),
        ("SHOW TABLES", r#"[[Some("public"), Some("seen"), Some("shared"), Some("postgres")]]"#),
        ("SHOW NAMESPACES", r#"[[Some("public"), Some("pg_database_owner"), Some("1")]]"#),
        ("DESCRIBE TABLE hidden HISTORY", "42501"),
    ] {
        assert_eq!(run(&plain, sql).await, expected, "{sql}");
    }
    assert!(run(&plain, "DESCRIBE TABLE seen HISTORY").await.contains("integer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_ascend() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    for (sql, expected) in [
        ("CREATE TABLE ids (a bigint DEFAULT snowflake_id() PRIMARY KEY, b uuid DEFAULT uuid_v7(), c text DEFAULT ulid(), n int)", "ok"),
        ("INSERT INTO ids (n) SELECT n FROM generate_series(1, 5000) AS g(n)", "ok"),
        ("SELECT count(DISTINCT a), count(DISTINCT b), count(DISTINCT c), min(length(c)) FROM ids", r#"[[Some("5000"), Some("5000"), Some("5000"), Some("26")]]"#),
        (
            "SELECT bool_and(a >= last_a AND b >= last_b AND c >= last_c) FROM (SELECT a, b, c, lag(a) OVER w AS last_a,
                 lag(b) OVER w AS last_b, lag(c) OVER w AS last_c FROM ids WINDOW w AS (ORDER BY n)) AS x WHERE last_a IS NOT NULL",
            r#"[[Some("t")]]"#,
        ),
        ("SELECT provolatile FROM pg_proc WHERE proname = 'ulid'", r#"[[Some("v")]]"#),
    ] {
        assert_eq!(run(&first, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_reads_the_numbers() {
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let server = Server::start_with(|_| format!("metrics_listen = \"{free}\"\n"));
    let first = connect(&server, "postgres").await;
    assert_eq!(run(&first, "SELECT 1").await, "[[Some(\"1\")]]");
    let get = |request: &'static str| async move {
        let mut stream = tokio::net::TcpStream::connect(free).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        answer
    };
    let page = get("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("\nkalamdb_sessions 1\n"), "{page}");
    assert!(page.contains("# TYPE kalamdb_commits_total counter"), "{page}");
    assert!(get("GET /other HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404 "));
    assert!(get("DELETE /metrics HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
    // Every number is one of `system.stats` too.
    let names = run(&first, "SELECT count(*) FROM system.stats").await;
    assert_eq!(names, format!("[[Some(\"{}\")]]", page.matches("# TYPE ").count()));
}
