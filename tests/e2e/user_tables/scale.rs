//! Many users: what one of them asks costs what it costs with few.
//!
//! `USER_TABLES_USERS=100000` is the size that is promised; by itself the test makes do with fewer.

use std::time::{Duration, Instant};

use tests::Server;
use tokio_postgres::Client;

use crate::database::{connect, run};

const FEW: usize = 10;
const MANY: usize = 500;
const ROWS: usize = 100;
/// A query may take so many times as long as with few users, and a little.
const SLOWER: f64 = 1.5;
const SLACK: Duration = Duration::from_micros(200);
/// What a server that was just started may hold beyond one without users: what it keeps of the log, and of each role.
const AT_REST_BYTES: u64 = 64 << 20;
const ROLE_BYTES: u64 = 2 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn many_users_cost_one_of_them_nothing() {
    let given = std::env::var("USER_TABLES_USERS").ok().and_then(|text| text.parse().ok());
    let many: usize = given.unwrap_or(MANY);
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    let bare = resident(&client).await;
    let made =
        "CREATE USER TABLE few (id int PRIMARY KEY, v text); CREATE USER TABLE many (id int PRIMARY KEY, v text)";
    assert_eq!(run(&client, made).await, "ok ok");
    for user in (0..many).collect::<Vec<_>>().chunks(100) {
        let roles: String = user.iter().map(|user| format!("CREATE ROLE u{user};")).collect();
        client.batch_execute(&format!("BEGIN; {roles} COMMIT")).await.expect("roles are made");
    }
    fill(&client, "few", FEW).await;
    fill(&client, "many", many).await;
    for flushed in [false, true] {
        let one = format!("SET ROLE u{}", FEW / 2);
        assert_eq!(run(&client, &one).await, "ok");
        for query in ["SELECT v FROM TABLE_ WHERE id = 50", "SELECT sum(id) FROM TABLE_ WHERE id BETWEEN 20 AND 60"] {
            let (few, many_) = (query.replace("TABLE_", "few"), query.replace("TABLE_", "many"));
            let (of_few, of_many) = (time(&client, &few).await, time(&client, &many_).await);
            println!("flushed: {flushed}, {query}: {of_few:?} with {FEW} users, {of_many:?} with {many}");
            assert!(of_many < of_few.mul_f64(SLOWER) + SLACK, "{query}: {of_many:?} instead of {of_few:?}");
        }
        assert_eq!(run(&client, "RESET ROLE").await, "ok");
        let row = client.query_one("STORAGE FLUSH TABLE many", &[]).await.expect("it is flushed");
        let files: i64 = row.get("parquet_files_count");
        assert_eq!(files, 0, "a file for a few rows of each is too many");
        let row = client.query_one("STORAGE FLUSH TABLE few", &[]).await.expect("it is flushed");
        let expected = if flushed { 0 } else { FEW as i64 };
        assert_eq!(row.get::<_, i64>("parquet_files_count"), expected, "few users have their files");
    }
    drop(client);
    server.restart();
    let client = connect(&server, "postgres").await;
    let at_rest = resident(&client).await;
    println!("at rest: {} KB, {} KB without users", at_rest >> 10, bare >> 10);
    assert!(at_rest < bare + AT_REST_BYTES + ROLE_BYTES * many as u64, "{at_rest} bytes at rest instead of {bare}");
}

/// Memory of the server, in bytes.
async fn resident(client: &Client) -> u64 {
    let query = "SELECT value::int8 FROM system.stats WHERE name = 'resident_bytes'";
    let row = client.query_one(query, &[]).await.expect("the server knows its memory");
    u64::try_from(row.get::<_, i64>(0)).expect("it is a number of bytes")
}

async fn fill(client: &Client, table: &str, users: usize) {
    for user in (0..users).collect::<Vec<_>>().chunks(50) {
        let insert = |user: &usize| {
            format!(
                "SET LOCAL ROLE u{user}; INSERT INTO {table} SELECT n, 'row ' || n FROM generate_series(1, {ROWS}) AS g (n);"
            )
        };
        let statements: String = user.iter().map(insert).collect();
        client.batch_execute(&format!("BEGIN; {statements} COMMIT")).await.expect("rows are inserted");
    }
}

/// The median of some tries.
async fn time(client: &Client, sql: &str) -> Duration {
    let statement = client.prepare(sql).await.expect("it is a query");
    let mut times = Vec::new();
    for _ in 0..101 {
        let begun = Instant::now();
        client.query(&statement, &[]).await.expect("rows are answered");
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}
