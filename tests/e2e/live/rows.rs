//! Cursors and COPY over live queries, as a stock driver uses them.

use std::time::Duration;

use futures::StreamExt;
use tests::{Received, Server, Wire};
use tokio_postgres::Client;

use crate::database::{connect, run};

/// Bytes of one row of a slow client's table, and how many of them there are: far more than all buffers hold.
const ROW_BYTES: usize = 100_000;
const ROWS: usize = 400;

/// What a FETCH answers: operation, and the number of a row if it has one.
async fn fetch(client: &Client, statement: &str) -> Vec<(String, Option<i32>)> {
    let rows = client.query(statement, &[]).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    rows.iter().map(|row| (row.get("_op"), row.get("id"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_driver_fetches_typed_rows_of_a_query_with_parameters() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    run(&client, "CREATE TABLE note (id int PRIMARY KEY, room int, body text, at timestamptz)").await;
    let declare = "DECLARE c CURSOR FOR LIVE SELECT id, body, at FROM note WHERE room = $1 AND body <> $2";
    client.execute(declare, &[&7, &"secret"]).await.expect("it is declared in autocommit");
    assert_eq!(fetch(&client, "FETCH ALL FROM c").await, [("ready".to_owned(), None)]);
    let other = connect(&server, "postgres").await;
    run(&other, "INSERT INTO note VALUES (1, 7, 'hello', now()), (2, 7, 'secret', now()), (3, 8, 'hello', now())")
        .await;
    let rows = client.query("FETCH ALL FROM c", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    let (op, seq, id, body): (&str, i64, i32, &str) =
        (rows[0].get("_op"), rows[0].get("_seq"), rows[0].get("id"), rows[0].get("body"));
    let written: i64 = other.query_one("SELECT _seq FROM note WHERE id = 1", &[]).await.unwrap().get(0);
    assert_eq!((op, seq, id, body), ("insert", written, 1, "hello"));
    // With a driver that keeps a transaction block open, too.
    client.batch_execute("BEGIN").await.unwrap();
    run(&other, "UPDATE note SET body = 'changed' WHERE id = 1").await;
    assert_eq!(fetch(&client, "FETCH 10 FROM c").await, [("update".to_owned(), Some(1))]);
    client.batch_execute("COMMIT").await.unwrap();
    // A binary COPY, by the driver's own reader.
    let types =
        [tokio_postgres::types::Type::TEXT, tokio_postgres::types::Type::INT8, tokio_postgres::types::Type::INT4];
    let copy = client.copy_out("COPY (LIVE SELECT id FROM note WHERE room = 7 ORDER BY id) TO STDOUT (FORMAT binary)");
    let rows = tokio_postgres::binary_copy::BinaryCopyOutStream::new(copy.await.unwrap(), &types);
    let mut rows = Box::pin(rows);
    let mut told = Vec::new();
    while told.len() < 4 {
        let row = rows.next().await.expect("it does not end").expect("rows are whole");
        told.push((row.get::<&str>(0).to_owned(), row.get::<Option<i32>>(2)));
        if told.len() == 3 {
            run(&other, "DELETE FROM note WHERE id = 1").await;
        }
    }
    let expected = [("insert", Some(1)), ("insert", Some(2)), ("ready", None), ("delete", Some(1))];
    assert_eq!(told, expected.map(|(op, id)| (op.to_owned(), id)));
}

/// Writes more than a client who does not read can be told of.
async fn write_much(server: &Server) {
    let client = connect(server, "postgres").await;
    for number in 1..=ROWS {
        let insert = format!("INSERT INTO big VALUES ({number}, repeat('x', {ROW_BYTES}))");
        assert_eq!(run(&client, &insert).await, "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_nobody_reads_slows_no_commit_and_ends_with_an_error() {
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    run(&admin, "CREATE TABLE big (id int PRIMARY KEY, body text)").await;
    let mut slow = Wire::connect(&server.config(), &[]).await.expect("the server lets us in");
    slow.send(&tests::encode("Query COPY (LIVE SELECT id, body FROM big) TO STDOUT"));
    slow.flush().await.unwrap();
    let ready = slow.receive().await.expect("messages are whole");
    assert!(matches!(ready, Received::Message(_)));
    write_much(&server).await;
    let (mut rows, mut last) = (0, String::new());
    while let Received::Message(message) = slow.receive().await.expect("messages are whole") {
        last = message.to_string();
        if last.starts_with("CopyData") {
            rows += 1;
        } else if last.starts_with("Error") {
            break;
        }
    }
    assert!(last.contains("24000") && last.contains("slow consumer"), "{last}");
    assert!(rows < ROWS, "all {rows} rows had room somewhere");
    assert_eq!(run(&admin, "SELECT count(*) FROM system.live_queries").await, "[[Some(\"0\")]]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_nobody_fetches_from_keeps_its_first_rows_and_then_asks_for_a_new_one() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    run(&client, "CREATE TABLE big (id int PRIMARY KEY, body text); INSERT INTO big VALUES (0, 'first')").await;
    run(&client, "DECLARE c CURSOR FOR LIVE SELECT id, body FROM big").await;
    write_much(&server).await;
    let first = fetch(&client, "FETCH ALL FROM c").await;
    assert_eq!(first, [("insert".to_owned(), Some(0)), ("ready".to_owned(), None)]);
    assert_eq!(run(&client, "FETCH ALL FROM c").await, "24000");
    assert_eq!(run(&client, "FETCH 1 FROM c WITH (timeout = 0)").await, "24000");
    run(&client, "CLOSE c; DECLARE c CURSOR FOR LIVE SELECT id FROM big").await;
    assert_eq!(fetch(&client, "FETCH ALL FROM c").await.len(), ROWS + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_queries_are_limited_for_each_session_and_each_user() {
    let server = Server::start_with(|_| "session_live_queries_max = 3\nuser_live_queries_max = 4\n".to_owned());
    let (one, two) = (connect(&server, "postgres").await, connect(&server, "postgres").await);
    run(&one, "CREATE TABLE note (id int PRIMARY KEY)").await;
    assert_eq!(run(&one, "SHOW kalamdb.session_live_queries_max").await, "[[Some(\"3\")]]");
    assert_eq!(run(&one, "SHOW kalamdb.user_live_queries_max").await, "[[Some(\"4\")]]");
    assert_eq!(run(&one, "SET kalamdb.user_live_queries_max = 5").await, "55P02");
    run(&one, "LISTEN a FOR SELECT id FROM note").await;
    run(&one, "DECLARE b CURSOR FOR LIVE SELECT id FROM note").await;
    // What is begun in a transaction counts before it commits, and is no longer there when it does not.
    assert_eq!(
        run(&one, "BEGIN; LISTEN c FOR SELECT 1; LISTEN d FOR SELECT 1").await,
        "53400",
        "a session has three of them"
    );
    run(&one, "ROLLBACK").await;
    run(&one, "LISTEN c FOR SELECT id FROM note").await;
    for fourth in ["LISTEN d FOR SELECT 1", "LIVE SELECT 1", "DECLARE d CURSOR FOR LIVE SELECT 1"] {
        assert_eq!(run(&one, fourth).await, "53400", "{fourth}");
    }
    let refused = one.copy_out("COPY (LIVE SELECT 1) TO STDOUT").await.err().and_then(|error| error.code().cloned());
    assert_eq!(refused.expect("it is refused").code(), "53400");
    run(&two, "DECLARE a CURSOR FOR LIVE SELECT id FROM note").await;
    assert_eq!(run(&two, "LISTEN b FOR SELECT 1").await, "53400", "a user has four of them");
    run(&one, "CLOSE b").await;
    run(&two, "LISTEN b FOR SELECT id FROM note").await;
    assert_eq!(run(&one, "LISTEN d FOR SELECT 1").await, "53400");
    run(&one, "UNLISTEN *").await;
    assert_eq!(run(&two, "DECLARE c CURSOR FOR LIVE SELECT id FROM note").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_changes_keeps_no_server_from_stopping() {
    let mut server = Server::start_with(|_| "shutdown_grace_seconds = 3600\n".to_owned());
    let (cursor, copy) = (connect(&server, "postgres").await, connect(&server, "postgres").await);
    run(&cursor, "CREATE TABLE note (id int PRIMARY KEY)").await;
    run(&cursor, "DECLARE c CURSOR FOR LIVE SELECT id FROM note").await;
    assert_eq!(fetch(&cursor, "FETCH ALL FROM c").await.len(), 1);
    let fetching = tokio::spawn(async move { run(&cursor, "FETCH ALL FROM c").await });
    let mut lines = Box::pin(copy.copy_out("COPY (LIVE SELECT id FROM note) TO STDOUT").await.unwrap());
    assert!(lines.next().await.is_some_and(|line| line.is_ok()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
    assert_eq!(fetching.await.expect("a client does not panic"), "57P01");
    let ended = lines.next().await.expect("it says why").expect_err("it ends with an error");
    assert_eq!(ended.code().map(|code| code.code()), Some("57P01"));
}
