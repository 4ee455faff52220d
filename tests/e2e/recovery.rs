//! A client that was told COMMIT never loses it.
//!
//! Clients move money between accounts and write down what was acknowledged. The server is killed in the middle and
//! started again; then everything acknowledged must be there, nothing may be there in part, and nothing twice.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rand::Rng;
use tests::{Answer, Outcome, Server};
use tokio_postgres::Client;

const ACCOUNTS: i64 = 20;
const BALANCE: i64 = 1000;
const CLIENTS: i64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn recovery_keeps_what_was_acknowledged() {
    let rounds = std::env::var("RECOVERY_ROUNDS").map_or(2, |rounds| rounds.parse().expect("a number of rounds"));
    let mut server = Server::start();
    let client = server.connect().await;
    run(&client, "CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL)").await;
    run(&client, "CREATE TABLE transfer (id bigint PRIMARY KEY, payer bigint, payee bigint, amount bigint)").await;
    let accounts = (0..ACCOUNTS).map(|id| format!("({id}, {BALANCE})")).collect::<Vec<_>>().join(", ");
    run(&client, &format!("INSERT INTO account VALUES {accounts}")).await;
    drop(client);

    let mut acknowledged = HashSet::new();
    for round in 0..rounds {
        let mut workers = Vec::new();
        for worker in 0..CLIENTS {
            let client = server.connect().await;
            workers.push(tokio::spawn(transfer_until_killed(client, (round * CLIENTS + worker) * 1_000_000_000)));
        }
        let lifetime = rand::rng().random_range(300..1500);
        tokio::time::sleep(Duration::from_millis(lifetime)).await;
        server.kill();
        let before = acknowledged.len();
        for worker in workers {
            acknowledged.extend(worker.await.expect("a worker ends when its connection does"));
        }
        assert!(acknowledged.len() > before, "nothing was committed in {lifetime} ms\n{}", server.log());
        server.restart();
        check(&server.connect().await, &acknowledged).await;
        println!("round {round}: killed after {lifetime} ms, {} transfers acknowledged", acknowledged.len());
    }
}

/// Answers the transfers that were acknowledged before the connection ended.
async fn transfer_until_killed(client: Client, first: i64) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    for id in first.. {
        let (payer, payee, amount) = {
            let mut random = rand::rng();
            (random.random_range(0..ACCOUNTS), random.random_range(0..ACCOUNTS), random.random_range(1..10))
        };
        let answer = Answer::of(
            &client,
            &format!(
                "BEGIN; UPDATE account SET balance = balance - {amount} WHERE id = {payer};
                 UPDATE account SET balance = balance + {amount} WHERE id = {payee};
                 INSERT INTO transfer VALUES ({id}, {payer}, {payee}, {amount}); COMMIT"
            ),
        )
        .await;
        match answer.results.last() {
            Some(Outcome::Done(_)) => acknowledged.push(id),
            // Two that wait for each other, or that met in a row: the loser goes on with another transfer.
            Some(Outcome::Error { code, .. }) if code == "40P01" || code == "40001" => {
                Answer::of(&client, "ROLLBACK").await;
            }
            _ => break,
        }
    }
    acknowledged
}

/// The books agree with each other and with what was acknowledged.
async fn check(client: &Client, acknowledged: &HashSet<i64>) {
    let mut expected = (0..ACCOUNTS).map(|id| (id, BALANCE)).collect::<HashMap<_, _>>();
    let mut found = HashSet::new();
    for row in numbers(client, "SELECT id, payer, payee, amount FROM transfer").await {
        let [id, payer, payee, amount] = row[..] else { panic!("a transfer has four columns") };
        assert!(found.insert(id), "transfer {id} is there twice");
        *expected.entry(payer).or_default() -= amount;
        *expected.entry(payee).or_default() += amount;
    }
    let lost = acknowledged.difference(&found).collect::<Vec<_>>();
    assert!(lost.is_empty(), "acknowledged but lost: {lost:?}");
    let balances = numbers(client, "SELECT id, balance FROM account").await;
    assert_eq!(balances.into_iter().map(|row| (row[0], row[1])).collect::<HashMap<_, _>>(), expected);
    let sum = numbers(client, "SELECT sum(balance), count(*) FROM account").await;
    assert_eq!(sum, [[ACCOUNTS * BALANCE, ACCOUNTS]]);
}

async fn numbers(client: &Client, sql: &str) -> Vec<Vec<i64>> {
    let answer = Answer::of(client, sql).await;
    let [Outcome::Rows(relation)] = &answer.results[..] else { panic!("{sql}: {answer}") };
    let number = |cell: &Option<String>| cell.as_deref().and_then(|text| text.parse().ok()).expect("a number");
    relation.rows.iter().map(|row| row.iter().map(number).collect()).collect()
}

async fn run(client: &Client, sql: &str) {
    let answer = Answer::of(client, sql).await;
    assert!(matches!(answer.results[..], [Outcome::Done(_)]), "{sql}: {answer}");
}
