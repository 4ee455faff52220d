//! What a session may follow at a time.

use tests::{Answer, Server};

use super::client::Watcher;

/// Live queries of one session (`SESSION_QUERIES_MAX`).
const QUERIES_MAX: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_a_channel_can_be_listened_to_anew() {
    let server = Server::start();
    let watcher = Watcher::connect(&server.config()).await;
    let run = async |sql: String| Answer::of(&watcher.client, &sql).await.to_string();
    assert_eq!(run("CREATE TABLE t (id int PRIMARY KEY)".to_owned()).await, "ok");
    for number in 0..QUERIES_MAX {
        let answer = run(format!("LISTEN c{number} (initial = false) FOR SELECT id FROM t WHERE id = {number}")).await;
        assert!(!answer.contains("ERROR"), "{number}: {answer}");
    }
    let more = run("LISTEN more FOR SELECT id FROM t".to_owned()).await;
    assert!(more.contains("ERROR 53400"), "{more}");
    let again = run("LISTEN c7 FOR SELECT id FROM t".to_owned()).await;
    assert!(!again.contains("ERROR"), "{again}");
    assert_eq!(run("UNLISTEN c8".to_owned()).await, "ok");
    let more = run("LISTEN more FOR SELECT id FROM t".to_owned()).await;
    assert!(!more.contains("ERROR"), "{more}");
}
