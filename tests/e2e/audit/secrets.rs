//! Secrets are planted wherever one can be given, and then looked for wherever anything is written or shown.

use tests::{Answer, Server};
use tokio_postgres::Client;

use super::log_in;
use crate::database::{connect, run};

/// A secret that no other text has.
fn secret(number: usize) -> String {
    format!("plant{number}ed5ecret")
}

/// Statements with a secret in the place of `#`, right and wrong.
const STATEMENTS: [&str; 34] = [
    "CREATE USER u0 PASSWORD '#'",
    "CREATE ROLE u1 WITH LOGIN ENCRYPTED PASSWORD '#' VALID UNTIL '2040-01-01'",
    "ALTER USER u0 PASSWORD '#'",
    "ALTER USER u0 WITH PASSWORD E'#'",
    "ALTER USER u0 PASSWORD $$#$$",
    "ALTER USER u0 PASSWORD $x$#$x$",
    "ALTER USER u0 PASSWORD U&'#'",
    "ALTER USER missing PASSWORD '#'",
    "ALTER USER u0 PASSWORD #",
    "ALTER USER u0 PASSWORD \"#\"",
    "ALTER USER u0 PASSWORD = '#'",
    "ALTER USER u0 PASSWORD ('#')",
    "ALTER USER u0 PASSWORD '#' '#'",
    "ALTER USER u0 PASSWORD '#",
    "ALTER USER u0 PASSWORD 'a'#'b'",
    "ALTER USER u0 PASWORD '#'",
    "ALTER USER u0 '#'",
    "ALTRE USER u0 PASSWORD '#'",
    "ALTER USER u0 IDENTIFIED BY '#'",
    "ALTER USER u0 VALID UNTIL '2040-01-01' PASSWORD '#' PASSWORD '#'",
    "ALTER ROLE u0 PASSWORD '#'; SELECT 1 1",
    "CREATE USER u0 PASSWORD '#'",
    "CREATE USER MAPPING FOR u0 SERVER s OPTIONS (password '#')",
    "EXPLAIN ALTER USER u0 PASSWORD '#'",
    "PREPARE p AS ALTER USER u0 PASSWORD '#'",
    "CREATE STORAGE s TYPE 's3' PATH 's3://b' WITH (credentials = '#')",
    "CREATE STORAGE s TYPE 's3' PATH 's3://b' WITH (secret_access_key = '#')",
    "CREATE STORAGE s TYPE 's3' PATH 's3://key:#@bucket'",
    "ALTER STORAGE s SET (secret_access_key = '#')",
    "SELECT 'postgres://u:#@host/db'::int",
    "SELECT 'eyJhbGciOiJIUzI1NiJ9.#.c2ln'::int",
    "SET \"app.password\" = '#'; SELECT 1 1",
    "-- PASSWORD '#'\nSELECT 1 1",
    "BEGIN; ALTER USER u0 PASSWORD '#'; ROLLBACK",
];

/// Everything that a client sees of an error.
fn words(error: &tokio_postgres::Error) -> String {
    format!("{error:?}")
}

async fn every_relation(client: &Client) -> String {
    let mut seen = String::new();
    let relations = [
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
    let system = relations.iter().map(|name| format!("system.{name}"));
    let activity = ["pg_stat_activity", "pg_prepared_statements", "pg_cursors", "pg_roles", "pg_user", "pg_settings"];
    for name in system.chain(activity.iter().map(|name| (*name).to_owned())) {
        let rows = run(client, &format!("SELECT * FROM {name}")).await;
        assert!(rows.starts_with('['), "{name}: {rows}");
        seen.push_str(&rows);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_nowhere() {
    let mut server = Server::start_with(|_| "log = \"info,engine=debug,kalamdb=debug,storage=debug\"\n".to_owned());
    let first = connect(&server, "postgres").await;
    let other = connect(&server, "postgres").await;
    assert_eq!(run(&first, "SET log_min_duration_statement = 0").await, "ok");
    let mut seen = String::new();
    let mut planted = Vec::new();
    for statement in STATEMENTS {
        let simple = secret(planted.len());
        seen.push_str(&Answer::of(&first, &statement.replace('#', &simple)).await.to_string());
        seen.push_str(&run(&other, "SELECT query FROM pg_stat_activity").await);
        seen.push_str(&run(&other, "SELECT statement FROM system.sessions").await);
        planted.push(simple);
        run(&first, "ROLLBACK").await;
        // The same through the extended protocol.
        let extended = secret(planted.len());
        match first.prepare(&statement.replace('#', &extended)).await {
            Ok(prepared) => {
                seen.push_str(&run(&first, "SELECT * FROM pg_prepared_statements").await);
                if let Err(error) = first.execute(&prepared, &[]).await {
                    seen.push_str(&words(&error));
                }
            }
            Err(error) => seen.push_str(&words(&error)),
        }
        seen.push_str(&run(&other, "SELECT query FROM pg_stat_activity").await);
        planted.push(extended);
        run(&first, "ROLLBACK").await;
    }
    // A password that the client has made a verifier of, as `\password` does.
    let verifier = "SCRAM-SHA-256$4096:cGxhbnRlZHNhbHQx$cGxhbnRlZHN0b3JlZGtleTAxMjM0NTY3ODlhYmNkZWY=:cGxhbnRlZHNlcnZlcmtleTAxMjM0NTY3ODlhYmNkZWY=";
    run(&first, &format!("ALTER USER u0 PASSWORD '{verifier}'")).await;
    planted.push("cGxhbnRlZHN0b3JlZGtleT".to_owned());
    // One that is wrong, and a name that looks like one.
    let wrong = secret(planted.len());
    if let Err(error) = log_in(&server, "u1", &wrong).await {
        seen.push_str(&words(&error));
    }
    planted.push(wrong);
    run(&first, "DECLARE c CURSOR WITH HOLD FOR SELECT 'eyJhbGciOiJIUzI1NiJ9.plantedcursor.c2ln'").await;
    planted.push("plantedcursor".to_owned());

    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    seen.push_str(&every_relation(&first).await);
    drop((first, other));
    server.stop();
    seen.push_str(&server.whole_log());
    for name in ["jobs.log", "jobs.log.1"] {
        seen.push_str(&std::fs::read_to_string(server.data().join(name)).unwrap_or_default());
    }
    for secret in planted {
        if let Some(at) = seen.find(&secret) {
            let around = &seen[seen.floor_char_boundary(at.saturating_sub(200))..seen.floor_char_boundary(at + 100)];
            panic!("{secret} is shown:\n{around}");
        }
    }
    assert!(server.whole_log().contains("a statement took long"), "slow statements are logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_statements_are_logged() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    assert_eq!(
        run(&first, "SELECT 'fast before'; SET log_min_duration_statement = '2s'").await,
        "[[Some(\"fast before\")]] ok"
    );
    assert_eq!(run(&first, "SELECT 'fast one'").await, "[[Some(\"fast one\")]]");
    run(&first, "SELECT pg_sleep(2.05), 'slow one'").await;
    assert_eq!(run(&first, "SHOW log_min_duration_statement").await, "[[Some(\"2s\")]]");
    let log = server.whole_log();
    assert!(log.contains("slow one") && !log.contains("fast one") && !log.contains("fast before"), "{log}");
    assert_eq!(run(&first, "CREATE ROLE x; SET ROLE x").await, "ok ok");
    assert_eq!(run(&first, "SET log_min_duration_statement = 0").await, "42501");
}
