//! Loads that are too large for memory: they are there whole or not at all, whatever happens to the server.

use bytes::Bytes;
use futures::SinkExt;
use tests::{Answer, Outcome, Server};
use tokio_postgres::Client;

/// Enough for several files of the store.
const ROWS: i64 = 400_000;

const CREATE: &str = "CREATE TABLE load (id int NOT NULL, code bigint, filler char(84))";

/// Lines for COPY. Ids come in an order of their own: the step shares no factor with their number.
fn lines(step: i64) -> Vec<u8> {
    let mut lines = Vec::new();
    for number in 0..ROWS {
        let id = number * step % ROWS;
        lines.extend_from_slice(format!("{id}\t{}\t\n", id * 3).as_bytes());
    }
    lines
}

/// Sends data in pieces that end anywhere. The COPY is left open.
async fn send(client: &Client, data: &[u8]) -> std::pin::Pin<Box<tokio_postgres::CopyInSink<Bytes>>> {
    let mut sink = Box::pin(client.copy_in("COPY load FROM STDIN").await.expect("COPY begins"));
    for piece in data.chunks(10_007) {
        sink.feed(Bytes::copy_from_slice(piece)).await.expect("the server takes data");
    }
    sink.flush().await.expect("the server takes data");
    sink
}

async fn run(client: &Client, sql: &str) {
    let answer = Answer::of(client, sql).await;
    assert!(answer.results.iter().all(|outcome| !matches!(outcome, Outcome::Error { .. })), "{sql}: {answer}");
}

async fn row(client: &Client, sql: &str) -> Vec<String> {
    let answer = Answer::of(client, sql).await;
    let [Outcome::Rows(relation)] = &answer.results[..] else { panic!("{sql}: {answer}") };
    relation.rows.first().into_iter().flatten().map(|cell| cell.clone().unwrap_or_default()).collect()
}

async fn check(client: &Client) {
    let found = row(client, "SELECT count(*), count(DISTINCT id), min(id), max(id), sum(code) FROM load").await;
    let sum = 3 * ROWS * (ROWS - 1) / 2;
    assert_eq!(found, [ROWS, ROWS, 0, ROWS - 1, sum].map(|number| number.to_string()));
    assert_eq!(
        row(client, "SELECT code, length(filler), octet_length(filler) FROM load WHERE id = 77777").await,
        ["233331", "0", "84"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_added_to_rows_in_any_order() {
    let server = Server::start();
    let client = server.connect().await;
    for step in [1, 7919] {
        run(&client, &format!("BEGIN; {CREATE}")).await;
        let mut sink = send(&client, &lines(step)).await;
        assert_eq!(sink.as_mut().finish().await.expect("the load ends"), ROWS as u64);
        run(&client, "INSERT INTO load VALUES (77777, -1)").await;
        check_refused(&client, "ALTER TABLE load ADD PRIMARY KEY (id)").await;
        run(&client, "ROLLBACK").await;

        run(&client, &format!("BEGIN; {CREATE}")).await;
        let mut sink = send(&client, &lines(step)).await;
        sink.as_mut().finish().await.expect("the load ends");
        run(&client, "COMMIT; ALTER TABLE load ADD PRIMARY KEY (id); CREATE UNIQUE INDEX ON load (code)").await;
        check(&client).await;
        assert_eq!(row(&client, "SELECT id FROM load WHERE code = 30").await, ["10"]);
        run(&client, "DROP TABLE load").await;
    }
}

async fn check_refused(client: &Client, sql: &str) {
    match &Answer::of(client, sql).await.results[..] {
        [Outcome::Error { code, .. }] => assert_eq!(code, "23505"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_copied_from_another_table_at_once() {
    let server = Server::start();
    let client = server.connect().await;
    run(&client, &format!("BEGIN; {CREATE}; ALTER TABLE load ADD PRIMARY KEY (id)")).await;
    run(&client, &format!("INSERT INTO load SELECT n, n * 3, '' FROM generate_series(0, {}) AS n", ROWS - 1)).await;
    check(&client).await;
    check_refused(&client, "INSERT INTO load VALUES (5)").await;
    run(&client, "ROLLBACK").await;
    run(&client, &format!("BEGIN; {CREATE}; ALTER TABLE load ADD PRIMARY KEY (id)")).await;
    run(&client, &format!("INSERT INTO load SELECT n, n * 3, '' FROM generate_series(0, {}) AS n", ROWS - 1)).await;
    run(&client, "COMMIT").await;
    check(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_a_load_whole_or_not_at_all() {
    let mut server = Server::start();
    for has_key in [false, true] {
        let client = server.connect().await;
        run(&client, &format!("DROP TABLE IF EXISTS load; {CREATE}")).await;
        if has_key {
            run(&client, "ALTER TABLE load ADD PRIMARY KEY (id)").await;
        }
        run(&client, "BEGIN; TRUNCATE load").await;
        let sink = send(&client, &lines(1)).await;
        server.kill();
        drop(sink);
        server.restart();
        let client = server.connect().await;
        assert_eq!(row(&client, "SELECT count(*) FROM load").await, ["0"]);
        run(&client, "BEGIN; TRUNCATE load").await;
        let mut sink = send(&client, &lines(1)).await;
        sink.as_mut().finish().await.expect("the load ends");
        run(&client, "COMMIT").await;
        server.kill();
        server.restart();
        check(&server.connect().await).await;
    }
}
