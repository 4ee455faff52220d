//! A role from its making to its end: its kind and its attributes, who may log in, and what is left when it is dropped.

use tests::Server;

use super::{PASSWORD, log_in};
use crate::database::{connect, run};

#[tokio::test(flavor = "multi_thread")]
async fn kinds_are_said_changed_and_shown() {
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    let shown = |name: &str| {
        format!("SELECT rolsuper::text, rolcanlogin::text, rolconfig::text FROM pg_roles WHERE rolname = '{name}'")
    };
    let row = |superuser: bool, kind: &str| {
        let config =
            if kind.is_empty() { "None".to_owned() } else { format!("Some(\"{{kalamdb.role_kind={kind}}}\")") };
        format!("[[Some(\"{superuser}\"), Some(\"true\"), {config}]]")
    };
    for (sql, name, expected) in [
        ("CREATE USER a", "a", row(false, "")),
        ("CREATE USER 'Quoted' WITH PASSWORD 'x' ROLE 'service'", "Quoted", row(false, "service")),
        ("CREATE USER b ROLE dba PASSWORD 'x'", "b", row(false, "dba")),
        ("CREATE ROLE c LOGIN ROLE system", "c", row(true, "")),
        ("CREATE USER d ROLE user", "d", row(false, "")),
        ("ALTER USER 'Quoted' ROLE dba", "Quoted", row(false, "dba")),
        ("ALTER ROLE b ROLE system", "b", row(true, "")),
        ("ALTER ROLE b NOSUPERUSER", "b", row(false, "")),
        ("ALTER ROLE b ROLE 'service' SUPERUSER", "b", "42601".to_owned()),
        ("ALTER ROLE b SET kalamdb.role_kind = 'service'", "b", row(false, "service")),
        ("ALTER ROLE b RESET kalamdb.role_kind", "b", row(false, "")),
        ("ALTER ROLE b SUPERUSER ROLE system", "b", row(true, "")),
        ("ALTER ROLE d ROLE boss", "d", "22023".to_owned()),
        ("ALTER ROLE d SET kalamdb.role_kind = 'boss'", "d", "22023".to_owned()),
        ("CREATE ROLE e ROLE 'boss'", "e", "22023".to_owned()),
        ("CREATE ROLE e ROLE service ROLE dba", "e", "42601".to_owned()),
        ("CREATE ROLE e LOGIN ROLE a, d", "e", row(false, "")),
    ] {
        let found = run(&client, sql).await;
        match expected.as_str() {
            code if code.len() == 5 => assert_eq!(found, code, "{sql}"),
            row => {
                assert_eq!(found, "ok", "{sql}");
                assert_eq!(run(&client, &shown(name)).await, row, "{sql}");
            }
        }
    }
    // The clause is PostgreSQL's where there is a role of that name.
    assert_eq!(run(&client, "CREATE ROLE dba; CREATE ROLE holder LOGIN ROLE dba").await, "ok ok");
    assert_eq!(run(&client, "SELECT pg_has_role('dba', 'holder', 'MEMBER')::text").await, "[[Some(\"true\")]]");
    assert_eq!(run(&client, &shown("holder")).await, row(false, ""));
    drop(client);
    server.restart();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, &shown("Quoted")).await, row(false, "dba"));
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_keep_to_the_attributes() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let made = format!(
        "CREATE USER limited PASSWORD '{PASSWORD}' CONNECTION LIMIT 1;
         CREATE USER expired PASSWORD '{PASSWORD}' VALID UNTIL '2020-01-01';
         CREATE USER valid PASSWORD '{PASSWORD}' VALID UNTIL 'infinity';
         CREATE ROLE absent PASSWORD '{PASSWORD}'; CREATE USER bare; CREATE USER closed PASSWORD '{PASSWORD}' CONNECTION LIMIT 0"
    );
    assert_eq!(run(&client, &made).await, "ok ok ok ok ok ok");
    let first = log_in(&server, "limited", "").await.expect("the first may");
    assert_eq!(log_in(&server, "limited", "").await.err().as_deref(), Some("53300"));
    drop(first);
    while log_in(&server, "limited", "").await.is_err() {
        tokio::task::yield_now().await;
    }
    for (user, expected) in [("expired", "28P01"), ("bare", "28P01"), ("nobody", "28P01"), ("closed", "53300")] {
        assert_eq!(log_in(&server, user, "").await.err().as_deref(), Some(expected), "{user}");
    }
    assert!(log_in(&server, "absent", "").await.is_err());
    assert!(log_in(&server, "valid", "").await.is_ok());
    // A password that the client has hashed, as \password does, works as it is.
    let hashed = run(&client, "SELECT rolpassword FROM pg_authid WHERE rolname = 'valid'").await;
    let verifier = hashed.trim_start_matches("[[Some(\"").trim_end_matches("\")]]");
    assert!(verifier.starts_with("SCRAM-SHA-256$"), "{hashed}");
    assert_eq!(run(&client, &format!("CREATE USER copied PASSWORD '{verifier}'")).await, "ok");
    assert!(log_in(&server, "copied", "").await.is_ok());
    let md5 = "CREATE USER old PASSWORD 'md5d41d8cd98f00b204e9800998ecf8427e'";
    assert_eq!(run(&client, md5).await, "0A000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_user_is_gone_at_once_and_cleaned_up_later() {
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    let oid = "SELECT 'alice'::regrole::oid::text";
    assert_eq!(
        run(&client, &format!("CREATE USER alice PASSWORD '{PASSWORD}'; CREATE TABLE t (a int)")).await,
        "ok ok"
    );
    let first = run(&client, oid).await;
    assert_eq!(run(&client, "GRANT SELECT ON t TO alice; DROP USER alice").await, "2BP01");
    assert_eq!(
        run(&client, "GRANT SELECT ON t TO alice; REVOKE ALL ON t FROM alice; DROP USER alice").await,
        "ok ok ok"
    );
    assert_eq!(run(&client, "SELECT 1 FROM pg_roles WHERE rolname = 'alice'").await, "[]");
    assert_eq!(log_in(&server, "alice", "").await.err().as_deref(), Some("28P01"));
    // Whoever is called so next is somebody else, and stays when the first one is purged.
    assert_eq!(run(&client, &format!("CREATE USER alice PASSWORD '{PASSWORD}'")).await, "ok");
    let second = run(&client, oid).await;
    assert_ne!(first, second);
    drop(client);
    server.restart();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, "BEGIN; PURGE USER alice").await, "25001");
    assert_eq!(run(&client, "ROLLBACK; PURGE USER 'alice'").await, "ok ok");
    assert_eq!(run(&client, oid).await, second);
    let jobs = "SELECT count(*)::text FROM system.jobs WHERE job_id LIKE 'UC-%' AND status = 'completed'";
    assert_eq!(run(&client, jobs).await, "[[Some(\"1\")]]");
    // With no dropped one left the role itself is dropped and purged.
    assert_eq!(run(&client, "GRANT SELECT ON t TO alice").await, "ok");
    assert_eq!(run(&client, "PURGE USER alice").await, "2BP01");
    assert_eq!(run(&client, "REVOKE ALL ON t FROM alice; PURGE USER alice").await, "25001");
    assert_eq!(run(&client, "REVOKE ALL ON t FROM alice").await, "ok");
    assert_eq!(run(&client, "PURGE USER alice").await, "ok");
    assert_eq!(run(&client, "PURGE USER alice").await, "42704");
    assert_eq!(run(&client, "PURGE USER IF EXISTS alice").await, "ok");
    assert_eq!(run(&client, &format!("CREATE USER app PASSWORD '{PASSWORD}' ROLE service")).await, "ok");
    let app = log_in(&server, "app", "").await.expect("it may log in");
    for name in ["app", "postgres", "nobody"] {
        assert_eq!(run(&app, &format!("PURGE USER {name}")).await, "42501");
    }
}
