//! One event of every kind, each with who, where, what and how it ended.

use futures::StreamExt;
use tests::Server;

use super::{log_in, until};
use crate::database::{connect, run};

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_event_is_recorded() {
    let mut server = Server::start();
    let first = connect(&server, "postgres").await;
    for sql in [
        "CREATE USER plain PASSWORD 'a long password'",
        "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)",
        "CREATE SCHEMA s",
        "ALTER TABLE t ADD COLUMN b text",
        "GRANT SELECT ON t TO plain",
        "CREATE ROLE group_of",
        "GRANT group_of TO plain",
        "CREATE TEMP TABLE own (a int)",
        "CREATE SCHEMA IF NOT EXISTS s",
        "SET ROLE plain",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION plain",
        "RESET SESSION AUTHORIZATION",
        "BEGIN; CREATE TABLE undone (a int); ROLLBACK",
        "BEGIN; SAVEPOINT a; CREATE TABLE undone (a int); ROLLBACK TO a; CREATE TABLE done (a int); COMMIT",
        "DROP TABLE done",
        "SET kalamdb.all_users = on",
        "RESET kalamdb.all_users",
    ] {
        let answer = run(&first, sql).await;
        assert!(answer.split(' ').all(|word| word == "ok"), "{sql}: {answer}");
    }
    for sql in ["COPY t TO STDOUT", "COPY (SELECT 1) TO STDOUT"] {
        let lines: Vec<_> = first.copy_out(sql).await.expect("it may be copied").collect().await;
        assert_eq!(lines.len(), 1, "{sql}");
    }
    assert_eq!(run(&first, "CREATE TABLE t (a int)").await, "42P07");
    let plain = log_in(&server, "plain", "a long password").await.expect("the password is right");
    assert_eq!(run(&plain, "SELECT * FROM pg_authid").await, "42501");
    assert_eq!(run(&plain, "CREATE ROLE x").await, "42501");
    assert!(log_in(&server, "plain", "not it").await.is_err());
    assert!(log_in(&server, "nobody", "not it").await.is_err());

    let rows = |which: &str| {
        format!(
            "SELECT action || ' ' || \"user\" || coalesce(' as ' || nullif(acting_as, \"user\"), '') || ' '
                 || coalesce(target, '-') || ' ' || outcome || coalesce(' ' || sqlstate, '')
             FROM system.audit_log WHERE {which} ORDER BY time, details->>'command'"
        )
    };
    let expected = |lines: &[&str]| {
        let rows: Vec<String> = lines.iter().map(|line| format!("[Some({line:?})]")).collect();
        format!("[{}]", rows.join(", "))
    };
    for (which, lines) in [
        ("action = 'login'", &["login postgres postgres success", "login plain postgres success"][..]),
        (
            "action = 'login_failed'",
            &["login_failed plain postgres failure 28P01", "login_failed nobody postgres failure 28P01"],
        ),
        (
            "action = 'role_change'",
            &[
                "role_change postgres plain success",
                "role_change postgres group_of success",
                "role_change postgres plain success",
            ],
        ),
        (
            "action = 'setting' AND target = 'kalamdb.all_users' AND details->>'value' = 'on'",
            &["setting postgres kalamdb.all_users success"],
        ),
        (
            "action = 'setting' AND target = 'kalamdb.all_users' AND details->>'value' = 'off'",
            &["setting postgres kalamdb.all_users success"],
        ),
        ("action = 'privilege_change'", &["privilege_change postgres public.t success"]),
        (
            "action = 'ddl'",
            &[
                "ddl postgres public.t success",
                "ddl postgres s success",
                "ddl postgres public.t success",
                "ddl postgres public.done success",
                "ddl postgres public.done success",
                "ddl postgres - failure 42P07",
            ],
        ),
        (
            "action = 'impersonation'",
            &["impersonation postgres as plain plain success", "impersonation postgres as plain plain success"],
        ),
        ("action = 'export' AND target = 't'", &["export postgres t success"]),
        ("action = 'export' AND target = 'query'", &["export postgres query success"]),
        ("action = 'denied'", &["denied plain - failure 42501", "denied plain - failure 42501"]),
    ] {
        until(&first, &rows(which), &expected(lines)).await;
    }

    // Each says from where, and which request it was.
    let missing =
        "SELECT count(*) FROM system.audit_log WHERE client <> '127.0.0.1' OR client IS NULL OR request_id IS NULL
                   OR time NOT BETWEEN now() - interval '1 hour' AND now()";
    assert_eq!(run(&first, missing).await, "[[Some(\"0\")]]");
    let of_one = "SELECT count(*), count(DISTINCT request_id) FROM system.audit_log WHERE action = 'denied'";
    assert_eq!(run(&first, of_one).await, "[[Some(\"2\"), Some(\"2\")]]");
    let statements = "SELECT details->>'statement', details->>'reason' FROM system.audit_log
                      WHERE action IN ('denied', 'role_change') ORDER BY time";
    let told = run(&first, statements).await;
    assert!(
        told.contains("SELECT * FROM pg_authid") && told.contains("permission denied for table pg_authid"),
        "{told}"
    );
    assert!(told.contains("CREATE USER plain PASSWORD '********'") && !told.contains("a long password"), "{told}");

    // A kill right after the answer loses nothing of what was committed, and a restart adds nothing but logins.
    let count = run(&first, "SELECT count(*) FROM system.audit_log WHERE action <> 'login'").await;
    assert_eq!(run(&first, "CREATE TABLE last (a int)").await, "ok");
    server.kill();
    server.restart();
    let first = connect(&server, "postgres").await;
    let last = "SELECT target FROM system.audit_log WHERE action = 'ddl' ORDER BY time DESC LIMIT 1";
    assert_eq!(run(&first, last).await, "[[Some(\"public.last\")]]");
    let count: u64 = count.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
    let now = run(&first, "SELECT count(*) FROM system.audit_log WHERE action <> 'login'").await;
    assert_eq!(now, format!("[[Some(\"{}\")]]", count + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_to_it() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    for (sql, expected) in [
        ("INSERT INTO system.audit_log (action) VALUES ('x')", "42501"),
        ("UPDATE system.audit_log SET action = 'x'", "42501"),
        ("DELETE FROM system.audit_log", "42501"),
        ("TRUNCATE system.audit_log", "42501"),
        ("DROP VIEW system.audit_log", "42501"),
        ("ALTER TABLE system.audit_log ADD COLUMN x int", "42501"),
        ("COPY system.audit_log FROM STDIN", "42501"),
        ("DROP SCHEMA system CASCADE", "42501"),
        ("MERGE INTO system.audit_log a USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE", "42501"),
    ] {
        let answer = run(&first, sql).await;
        assert!(answer == expected || answer == "42809" || answer == "2BP01", "{sql}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_of_one_kind_are_folded() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    assert_eq!(run(&first, "CREATE ROLE x").await, "ok");
    for _ in 0..200 {
        assert_eq!(run(&first, "SET ROLE x; RESET ROLE").await, "ok ok");
    }
    until(
        &first,
        "SELECT sum(coalesce((details->>'repeated')::int, 1)) FROM system.audit_log WHERE action = 'impersonation'",
        "[[Some(\"200\")]]",
    )
    .await;
}
