//! A live query that takes long to evaluate keeps nobody waiting but its own followers, who miss nothing for it.

use std::time::Duration;

use serde_json::Value;
use tests::{Answer, Server};
use tokio_postgres::Client;

use super::client::Watcher;

const LIMIT: Duration = Duration::from_secs(60);

/// Terms that take a hundredth of a second each at least, so that nobody waits for their sum.
const TERMS: u32 = 500;
/// Takes long enough for other commits to come meanwhile.
const COSTLY: &str = "SELECT id, length((n ^ 9000)::text) AS digits FROM t WHERE id >= 0";

async fn run(client: &Client, sql: &str) {
    let answer = Answer::of(client, sql).await.to_string();
    assert!(!answer.contains("ERROR"), "{sql}: {answer}");
}

async fn with_table() -> Server {
    let server = Server::start();
    let control = server.connect().await;
    run(&control, "CREATE TABLE t (id int PRIMARY KEY, n numeric)").await;
    server
}

/// A watcher that has been told that it follows the query.
async fn watcher(server: &Server, query: &str) -> Watcher {
    let mut watcher = Watcher::connect(&server.config()).await;
    run(&watcher.client, &format!("LISTEN c (initial = false) FOR {query}")).await;
    assert!(event(&mut watcher).await["type"] == "ready");
    watcher
}

async fn event(watcher: &mut Watcher) -> Value {
    let (_, payload) = watcher.next(LIMIT).await.expect("an event comes");
    serde_json::from_str(&payload).expect("events are JSON")
}

/// The number of a row that an event inserts, and the event's commit.
fn inserted(event: &Value) -> (u64, u64) {
    let id = event["changes"][0]["new"]["id"].as_u64();
    (id.unwrap_or_else(|| panic!("{event}")), event["seq"].as_u64().expect("events have numbers"))
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_while_a_costly_query_is_evaluated() {
    let server = with_table().await;
    let terms: Vec<String> = (0..TERMS).map(|term| format!("n ^ {}", 270_000 - term)).collect();
    let mut endless = watcher(&server, &format!("SELECT id, length(({})::text) FROM t", terms.join(" + "))).await;
    let mut quick = watcher(&server, "SELECT id FROM t").await;
    let writer = server.connect().await;
    for id in 1..=3 {
        run(&writer, &format!("INSERT INTO t VALUES ({id}, 3)")).await;
        assert_eq!(inserted(&event(&mut quick).await).0, id);
    }
    assert_eq!(endless.next(Duration::ZERO).await, None, "what is to take long is done already");
    // What ends it does not wait for it either.
    run(&writer, "TRUNCATE t").await;
    assert_eq!(event(&mut endless).await["type"], "resync");
    run(&endless.client, "UNLISTEN *").await;
    endless.vanish();
    assert_eq!(event(&mut quick).await["type"], "resync");
    server.connect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_evaluated_aside_comes_in_order_and_once() {
    let server = with_table().await;
    let writer = server.connect().await;
    let mut first = watcher(&server, COSTLY).await;
    for id in 1..=20 {
        run(&writer, &format!("INSERT INTO t VALUES ({id}, 3)")).await;
    }
    // Whoever comes in between, or again from an earlier commit, is told of all that is newer, and of nothing else.
    let mut second = Watcher::connect(&server.config()).await;
    run(&second.client, &format!("LISTEN c (initial = false) FOR {COSTLY}")).await;
    let seq = inserted(&event(&mut first).await).1;
    let mut third = Watcher::connect(&server.config()).await;
    run(&third.client, &format!("LISTEN c (since = {seq}) FOR {COSTLY}")).await;
    for id in 21..=40 {
        run(&writer, &format!("INSERT INTO t VALUES ({id}, 3)")).await;
    }
    for (watcher, from) in [(&mut first, 2), (&mut second, 21), (&mut third, 2)] {
        let mut before = seq;
        for id in from..=40 {
            let mut event = event(watcher).await;
            if event["type"] == "ready" {
                assert_ne!(event["reset"], true);
                event = self::event(watcher).await;
            }
            let (told, seq) = inserted(&event);
            assert_eq!(told, id);
            assert!(seq > before);
            before = seq;
        }
    }
    for watcher in [&mut first, &mut second, &mut third] {
        assert_eq!(watcher.next(Duration::ZERO).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_commit_is_one_event_in_its_place() {
    let server = with_table().await;
    let writer = server.connect().await;
    let mut watcher = watcher(&server, "SELECT id FROM t").await;
    run(&writer, "INSERT INTO t SELECT i, 1 FROM generate_series(1, 10000) i").await;
    run(&writer, "INSERT INTO t VALUES (10001, 1)").await;
    run(&writer, "DELETE FROM t WHERE id <= 5000").await;
    run(&writer, "INSERT INTO t VALUES (10002, 1)").await;
    let mut counts = Vec::new();
    for _ in 0..4 {
        let event = event(&mut watcher).await;
        let changes = event["changes"].as_array().unwrap_or_else(|| panic!("{event}"));
        counts.push((changes.len(), changes[0]["op"].as_str().unwrap_or_default().to_owned()));
    }
    let expected = [(10_000, "insert"), (1, "insert"), (5_000, "delete"), (1, "insert")];
    assert_eq!(counts, expected.map(|(count, op)| (count, op.to_owned())));
}
