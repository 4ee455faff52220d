//! Databases: what is in one is not in another, before and after a restart.

use tests::{Answer, Outcome, Server};
use tokio_postgres::Client;

pub(crate) async fn connect(server: &Server, database: &str) -> Client {
    let mut config = server.config();
    config.dbname(database);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("the database is there");
    tokio::spawn(connection);
    client
}

pub(crate) async fn run(client: &Client, sql: &str) -> String {
    let answer = Answer::of(client, sql).await;
    answer
        .results
        .iter()
        .map(|outcome| match outcome {
            Outcome::Rows(relation) => format!("{:?}", relation.rows),
            Outcome::Error { code, .. } => code.clone(),
            _ => "ok".to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_has_relations_of_its_own() {
    let mut server = Server::start();
    let first = connect(&server, "postgres").await;
    assert_eq!(run(&first, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await, "ok ok");
    assert_eq!(run(&first, "CREATE DATABASE other").await, "ok");
    let other = connect(&server, "other").await;
    assert_eq!(run(&other, "SELECT * FROM t").await, "42P01");
    assert_eq!(
        run(&other, "CREATE TABLE t (b text); INSERT INTO t VALUES ('x'), ('y'); CREATE SCHEMA s").await,
        "ok ok ok"
    );
    assert_eq!(run(&other, "CREATE ROLE of_all").await, "ok");
    let tables = "SELECT count(*) FROM pg_class WHERE relname = 't'";
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'of_all'";
    for client in [&first, &other] {
        assert_eq!(run(client, tables).await, "[[Some(\"1\")]]");
        assert_eq!(run(client, roles).await, "[[Some(\"1\")]]");
    }
    assert_eq!(run(&first, "SELECT a FROM t").await, "[[Some(\"1\")]]");
    assert_eq!(run(&first, "SELECT 1 FROM pg_namespace WHERE nspname = 's'").await, "[]");
    assert_eq!(run(&first, "SELECT 1 FROM other.public.t").await, "0A000");
    assert_eq!(run(&first, "DROP DATABASE other").await, "55006");
    drop((first, other));
    server.restart();
    let (first, other) = (connect(&server, "postgres").await, connect(&server, "other").await);
    assert_eq!(run(&first, "SELECT a FROM t").await, "[[Some(\"1\")]]");
    assert_eq!(run(&other, "SELECT b FROM t ORDER BY b").await, "[[Some(\"x\")], [Some(\"y\")]]");
    assert_eq!(run(&other, "DROP DATABASE other").await, "55006");
    drop(other);
    // The server may take a moment to see that the session has ended.
    while run(&first, "DROP DATABASE other").await == "55006" {
        tokio::task::yield_now().await;
    }
    assert_eq!(run(&first, "SELECT 1 FROM pg_database WHERE datname = 'other'").await, "[]");
    assert_eq!(run(&first, "CREATE DATABASE other").await, "ok");
    let other = connect(&server, "other").await;
    assert_eq!(run(&other, "SELECT * FROM t").await, "42P01");
    assert_eq!(run(&first, "SELECT a FROM t").await, "[[Some(\"1\")]]");
}
