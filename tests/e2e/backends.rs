//! Sessions as others see them: watched, cancelled, ended, and looked over the shoulder by snapshots.

use tests::Server;
use tokio_postgres::Client;

use crate::database::{connect, run};

/// Runs a query until it answers what is expected: another session may need a moment to get there.
async fn until(client: &Client, sql: &str, expected: &str) {
    while run(client, sql).await != expected {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_seen_cancelled_and_ended() {
    let server = Server::start();
    let (first, other) = (connect(&server, "postgres").await, connect(&server, "postgres").await);
    let process = run(&other, "SELECT pg_backend_pid()").await;
    let process = process.trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let state = format!("SELECT state, wait_event, query FROM pg_stat_activity WHERE pid = {process}");
    until(&first, &state, "[[Some(\"idle\"), Some(\"ClientRead\"), Some(\"SELECT pg_backend_pid()\")]]").await;
    run(&other, "BEGIN").await;
    until(&first, &state, "[[Some(\"idle in transaction\"), Some(\"ClientRead\"), Some(\"BEGIN\")]]").await;
    run(&other, "SELECT 1 / 0").await;
    let aborted = "[[Some(\"idle in transaction (aborted)\"), Some(\"ClientRead\"), Some(\"SELECT 1 / 0\")]]";
    until(&first, &state, aborted).await;
    run(&other, "ROLLBACK").await;

    let (slept, ()) = tokio::join!(run(&other, "SELECT pg_sleep(3600)"), async {
        until(&first, &state, "[[Some(\"active\"), None, Some(\"SELECT pg_sleep(3600)\")]]").await;
        assert_eq!(run(&first, &format!("SELECT pg_cancel_backend({process})")).await, "[[Some(\"t\")]]");
    });
    assert_eq!(slept, "57014");
    assert_eq!(run(&other, "SELECT 1").await, "[[Some(\"1\")]]");
    assert_eq!(run(&first, &format!("SELECT pg_terminate_backend({process})")).await, "[[Some(\"t\")]]");
    until(&first, &format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}"), "[[Some(\"0\")]]").await;
    assert!(other.is_closed() || other.simple_query("SELECT 1").await.is_err());
    assert_eq!(run(&first, &format!("SELECT pg_cancel_backend({process})")).await, "[[Some(\"f\")]]");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_and_stop_only_what_they_may() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    run(&first, "CREATE ROLE nobody").await;
    let process = run(&first, "SELECT pg_backend_pid()").await;
    let process = process.trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let other = connect(&server, "postgres").await;
    run(&other, "SET ROLE nobody").await;
    let query = format!("SELECT query, state FROM pg_stat_activity WHERE pid = {process}");
    assert_eq!(run(&other, &query).await, "[[Some(\"<insufficient privilege>\"), None]]");
    assert_eq!(run(&other, &format!("SELECT pg_cancel_backend({process})")).await, "42501");
    assert_eq!(run(&other, &format!("SELECT pg_terminate_backend({process})")).await, "42501");
    assert_eq!(run(&first, "GRANT pg_read_all_stats TO nobody").await, "ok");
    assert!(run(&other, &query).await.contains("GRANT pg_read_all_stats"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_dropped_from_under_its_sessions() {
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    run(&first, "CREATE DATABASE doomed").await;
    let inside = connect(&server, "doomed").await;
    run(&inside, "BEGIN; CREATE TABLE t (a int)").await;
    assert_eq!(run(&first, "DROP DATABASE doomed").await, "55006");
    assert_eq!(run(&first, "DROP DATABASE doomed WITH (FORCE)").await, "ok");
    assert!(inside.is_closed() || inside.simple_query("SELECT 1").await.is_err());
    assert_eq!(run(&first, "SELECT 1 FROM pg_database WHERE datname = 'doomed'").await, "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_shared() {
    let server = Server::start();
    let (first, other) = (connect(&server, "postgres").await, connect(&server, "postgres").await);
    run(&first, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await;
    run(&first, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    let identifier = run(&first, "SELECT pg_export_snapshot()").await;
    let identifier = identifier.trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    run(&other, "INSERT INTO t VALUES (2)").await;
    let import = format!("SET TRANSACTION SNAPSHOT '{identifier}'");
    assert_eq!(run(&other, &format!("BEGIN; {import}")).await, "0A000");
    run(&other, "ROLLBACK").await;
    run(&other, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    assert_eq!(run(&other, &import).await, "ok");
    for _ in 0..2 {
        assert_eq!(run(&other, "SELECT a FROM t").await, "[[Some(\"1\")]]");
    }
    assert_eq!(run(&other, &import).await, "25001");
    run(&other, "ROLLBACK").await;
    assert_eq!(run(&other, "SELECT count(*) FROM t").await, "[[Some(\"2\")]]");
    run(&first, "COMMIT").await;
    assert_eq!(run(&other, &format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {import}")).await, "22023");
    run(&other, "ROLLBACK").await;
}
