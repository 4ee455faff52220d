//! EXPLAIN says at a glance which road a statement takes, what it touches, and with ANALYZE what that cost.

use tests::Server;
use tokio_postgres::{Client, SimpleQueryMessage};

async fn lines(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

async fn said(client: &Client, sql: &str) -> String {
    lines(client, sql).await.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn roads_and_what_they_touch_are_named() {
    let server = Server::start();
    let client = server.connect().await;
    let made = "CREATE TABLE t (id int PRIMARY KEY, code text UNIQUE, place int, n int);
        CREATE INDEX t_place ON t (place, n);
        INSERT INTO t SELECT n, 'c' || n, n % 10, n FROM generate_series(1, 100) n";
    for step in [made, "STORAGE FLUSH TABLE t", "INSERT INTO t VALUES (101, 'c101', 1, 101)"] {
        client.batch_execute(step).await.expect("a table");
    }
    let text = said(&client, "EXPLAIN SELECT * FROM t WHERE id = 7").await;
    assert_eq!(text, "Point Plan: Primary Key Lookup using t_pkey on t\n  Key: id\n  Segments: by key of 1");
    let text = said(&client, "EXPLAIN SELECT * FROM t WHERE code = 'c3' AND n > 1").await;
    assert!(
        text.starts_with("Point Plan: Unique Index Lookup using t_code_key on t\n  Key: code\n  Filter: "),
        "{text}"
    );
    let text = said(&client, "EXPLAIN SELECT n FROM t WHERE place = 3 AND n > 5 ORDER BY n LIMIT 2").await;
    assert!(text.starts_with("Short Plan: Range Scan using t_place on t\n  Key: place =, n >"), "{text}");
    let text = said(&client, "EXPLAIN UPDATE t SET n = 0 WHERE id = 7").await;
    assert!(text.starts_with("Update on t\n  Point Plan: Primary Key Lookup using t_pkey on t"), "{text}");
    let text = said(&client, "EXPLAIN SELECT a.n, count(*) FROM t a JOIN t b ON a.n = b.place GROUP BY 1").await;
    assert!(text.contains("Seq Scan on t, segments=1 of 1"), "{text}");
    assert!(!text.contains("Plan: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cost_is_told() {
    let server = Server::start();
    let client = server.connect().await;
    client
        .batch_execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
        .await
        .expect("a table");
    let text =
        said(&client, "EXPLAIN (ANALYZE, BUFFERS) SELECT a.id FROM t a JOIN t b ON a.n = b.n WHERE b.n > 1").await;
    assert!(text.contains("output_rows=") && text.contains("\nActual Rows: 2\n"), "{text}");
    assert!(text.contains("\nBuffers: entries hit=") && text.contains("\nExecution Time: "), "{text}");
    let text = said(&client, "EXPLAIN (ANALYZE, SUMMARY OFF) SELECT * FROM t WHERE id = 2").await;
    assert!(text.ends_with("\nActual Rows: 1"), "{text}");
    // What is written is written once.
    let text = said(&client, "EXPLAIN ANALYZE UPDATE t SET n = n + 10 WHERE id = 2").await;
    assert!(text.contains("\nActual Rows: 1\n"), "{text}");
    assert_eq!(said(&client, "SELECT n FROM t WHERE id = 2").await, "12");
    client.batch_execute("CREATE SEQUENCE s").await.expect("a sequence");
    said(&client, "EXPLAIN ANALYZE SELECT nextval('s') FROM t a JOIN t b ON a.id = b.id WHERE a.id = 1").await;
    assert_eq!(said(&client, "SELECT nextval('s')").await, "2");
    let text = said(&client, "EXPLAIN (FORMAT JSON) SELECT * FROM t WHERE id = 1").await;
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document[0]["Plan"]["Node Type"], "Point Plan");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_serves_a_small_part_of_a_table() {
    let server = Server::start();
    let client = server.connect().await;
    let made = "CREATE TABLE t (id int PRIMARY KEY, place int, kind int);
        INSERT INTO t SELECT n, n, n % 2 FROM generate_series(1, 20000) n;
        CREATE INDEX t_place ON t (place);
        CREATE INDEX t_kind ON t (kind)";
    client.batch_execute(made).await.expect("a table");
    client.batch_execute("SET kalamdb.point_plans = off").await.expect("a setting");
    let scans = async |condition: &str, by_index: bool| {
        let text = said(&client, &format!("EXPLAIN SELECT count(*) FROM t WHERE {condition}")).await;
        assert_eq!((text.contains("Index Scan using"), text.contains("Seq Scan")), (by_index, !by_index), "{text}");
    };
    for flush in [false, true] {
        if flush {
            client.batch_execute("STORAGE FLUSH TABLE t").await.expect("a flush");
        }
        for few in ["place > 19980", "place < 5", "place BETWEEN 10 AND 20", "place = 7", "place IN (3, 30, 300)"] {
            scans(few, true).await;
        }
        for many in ["place > 10", "place BETWEEN 10 AND 19000", "kind = 1", "kind IN (0, 1)"] {
            scans(many, false).await;
        }
    }
}
