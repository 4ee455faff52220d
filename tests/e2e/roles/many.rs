//! Many roles: one more costs what it costs with few, whoever logs in, and at rest they take no memory.
//!
//! `ROLES=100000` is the size that is promised; by itself the test makes do with fewer.

use std::time::{Duration, Instant};

use tests::Server;
use tokio_postgres::Client;

use super::{PASSWORD, log_in};
use crate::database::{connect, run};

const ROLES: usize = 3000;
const TOGETHER: usize = 500;
/// How many times as much one may cost as in the beginning, and a little.
const DEARER: f64 = 2.0;
const SLACK: Duration = Duration::from_millis(2);
/// What a server that was just started may take more with many roles than with few: it does not depend on how many.
const AT_REST_BYTES: u64 = 24 << 20;

/// The median of the time that something takes.
async fn median(mut one: impl AsyncFnMut(usize)) -> Duration {
    let mut times = Vec::new();
    for number in 0..31 {
        let begun = Instant::now();
        one(number).await;
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

/// What making, changing and dropping a role costs, and logging in.
async fn costs(server: &Server, client: &Client, of: &str) -> [Duration; 4] {
    let each = async |sql: &str| {
        let sql = sql.replace('@', of);
        median(async |number| {
            let sql = sql.replace('#', &number.to_string());
            client.batch_execute(&sql).await.expect("a role is defined");
        })
        .await
    };
    let made = each("CREATE ROLE one_@_#").await;
    let changed = each("ALTER ROLE one_@_# CONNECTION LIMIT 7").await;
    let dropped = each("DROP ROLE one_@_#").await;
    let logged_in = median(async |_| drop(log_in(server, "known", "").await.expect("the password is right"))).await;
    [made, changed, dropped, logged_in]
}

async fn resident(client: &Client) -> u64 {
    let query = "SELECT value::int8 FROM system.stats WHERE name = 'resident_bytes'";
    let row = client.query_one(query, &[]).await.expect("the server knows its memory");
    u64::try_from(row.get::<_, i64>(0)).expect("it is a number of bytes")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_roles_cost_one_of_them_nothing() {
    let given = std::env::var("ROLES").ok().and_then(|text| text.parse().ok());
    let roles: usize = given.unwrap_or(ROLES);
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, &format!("CREATE ROLE known LOGIN PASSWORD '{PASSWORD}'")).await, "ok");
    drop(client);
    server.restart();
    let client = connect(&server, "postgres").await;
    let bare = resident(&client).await;
    let few = costs(&server, &client, "few").await;
    for some in (0..roles).collect::<Vec<_>>().chunks(TOGETHER) {
        let made: String = some.iter().map(|role| format!("CREATE ROLE r{role};")).collect();
        client.batch_execute(&format!("BEGIN; {made} COMMIT")).await.expect("roles are made");
    }
    let many = costs(&server, &client, "many").await;
    println!("making, changing, dropping a role, and logging in: {few:?} with few, {many:?} with {roles}");
    let what = ["making", "changing", "dropping", "logging in"];
    for ((what, few), many) in what.into_iter().zip(few).zip(many) {
        assert!(many < few.mul_f64(DEARER) + SLACK, "{what} takes {many:?} instead of {few:?}");
    }
    let count = format!("[[Some(\"{roles}\")]]");
    let counted = "SELECT count(*) FROM pg_roles WHERE rolname ~ '^r[0-9]+$'";
    assert_eq!(run(&client, counted).await, count);
    drop(client);
    server.restart();
    let client = connect(&server, "postgres").await;
    let at_rest = resident(&client).await;
    println!("at rest: {} KB, {} KB with few", at_rest >> 10, bare >> 10);
    assert!(at_rest < bare + AT_REST_BYTES, "{at_rest} bytes at rest instead of {bare}");
    assert_eq!(run(&client, counted).await, count);
}
