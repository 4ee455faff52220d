//! A client that was told COMMIT never loses it.
//!
//! Clients run TPC-B, some statement by statement, some a transaction at a time, and write down what was acknowledged.
//! Meanwhile rows are flushed to segments and segments merged all the time, and backups are made. The
//! server is killed in the middle and started again; then everything acknowledged must be there, nothing may be there in
//! part, and nothing twice. The backup must be one whole state. `RECOVERY_ROUNDS=n` does so n times on the same data.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::Rng;
use tests::{Answer, Outcome, Server};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

const BRANCHES: i64 = 3;
const TELLERS: i64 = 10 * BRANCHES;
const ACCOUNTS: i64 = 100 * BRANCHES;
const CLIENTS: i64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn recovery_keeps_what_was_acknowledged() {
    let rounds = std::env::var("RECOVERY_ROUNDS").map_or(2, |rounds| rounds.parse().expect("a number of rounds"));
    let mut server = Server::start();
    prepare(&server.connect().await).await;
    let mut acknowledged = HashSet::new();
    let backup = tempfile::tempdir().expect("a temporary directory");
    run(&server.connect().await, &back_up_to(backup.path())).await;
    let (mut moved, mut backups) = (0, 0);
    for round in 0..rounds {
        let mover = tokio::spawn(move_until_killed(server.connect().await));
        let archivist = tokio::spawn(back_up_until_killed(server.connect().await, backup.path().to_owned()));
        let mut workers = Vec::new();
        for worker in 0..CLIENTS {
            let client = server.connect().await;
            let first = (round * CLIENTS + worker) * 1_000_000_000;
            workers.push(tokio::spawn(transact_until_killed(client, first, worker % 2 == 0)));
        }
        let lifetime = rand::rng().random_range(300..1500);
        tokio::time::sleep(Duration::from_millis(lifetime)).await;
        server.kill();
        let before = acknowledged.len();
        for worker in workers {
            acknowledged.extend(worker.await.expect("a worker ends when its connection does"));
        }
        moved += mover.await.expect("the mover ends when its connection does");
        backups += archivist.await.expect("the archivist ends when its connection does");
        let new = acknowledged.len() - before;
        assert!(new > 0, "nothing was committed in {lifetime} ms\n{}", server.log());
        server.restart();
        let found = check(&server.connect().await, &acknowledged).await;
        let copied = check(&Server::restored(backup.path()).connect().await, &HashSet::new()).await;
        assert!(copied <= found, "the backup has what was never there");
        println!(
            "round {round}: killed after {lifetime} ms with {new} transactions acknowledged; of all {} none is lost, \
             {found} are there",
            acknowledged.len()
        );
    }
    println!("{moved} rows were moved, {backups} backups made");
    assert!(moved > ACCOUNTS && backups > 0, "only {moved} rows were moved and {backups} backups made");
    run(&server.connect().await, &back_up_to(backup.path())).await;
    let copied = check(&Server::restored(backup.path()).connect().await, &acknowledged).await;
    assert!(copied >= acknowledged.len());
}

/// Answers how many rows it has moved before the connection ended.
async fn move_until_killed(client: Client) -> i64 {
    let mut moved = 0;
    loop {
        for sql in ["STORAGE FLUSH ALL", "STORAGE COMPACT ALL"] {
            match client.query_one(sql, &[]).await {
                Ok(row) => moved += row.get::<_, i64>(0),
                // There was too much writing; it can be tried again.
                Err(error) if error.code() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) => {}
                Err(error) => {
                    assert!(
                        error.as_db_error().is_none_or(|refused| refused.code().code().starts_with("57")),
                        "{error:?}"
                    );
                    return moved;
                }
            }
        }
    }
}

fn back_up_to(path: &Path) -> String {
    format!("BACKUP DATABASE TO '{}'", path.display())
}

/// Answers how many backups it has made before the connection ended.
async fn back_up_until_killed(client: Client, to: PathBuf) -> u64 {
    let mut made = 0;
    while client.query_one(&back_up_to(&to), &[]).await.is_ok() {
        made += 1;
    }
    made
}

/// What the server computes from its catalog when it starts is there again, and nothing that was a session's.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_derived_indexes_and_no_temporary_tables() {
    let mut server = Server::start();
    let client = server.connect().await;
    for sql in [
        "CREATE TABLE words (id int PRIMARY KEY, word text)",
        "CREATE UNIQUE INDEX ON words (lower(word))",
        "CREATE INDEX ON words (length(word)) WHERE id > 1",
        "INSERT INTO words VALUES (1, 'One'), (2, 'Two')",
        "CREATE TABLE parted (a int) PARTITION BY LIST ((a % 2))",
        "CREATE TABLE even PARTITION OF parted FOR VALUES IN (0)",
        "CREATE TABLE odd (b int, a int)",
        "ALTER TABLE odd DROP COLUMN b",
        "ALTER TABLE parted ATTACH PARTITION odd FOR VALUES IN (1)",
        "INSERT INTO parted VALUES (1), (2)",
        "CREATE TABLE base (a int)",
        "CREATE TABLE heir (b int) INHERITS (base)",
        "INSERT INTO heir VALUES (7, 8)",
        "CREATE TEMP TABLE scratch (a int)",
        "CREATE INDEX ON scratch ((a + 1))",
        "INSERT INTO scratch VALUES (1)",
    ] {
        run(&client, sql).await;
    }
    server.kill();
    server.restart();
    let client = server.connect().await;
    refused(&client, "INSERT INTO words VALUES (9, 'ONE')", "23505").await;
    run(&client, "INSERT INTO words VALUES (3, 'Three')").await;
    run(&client, "INSERT INTO parted VALUES (3), (4)").await;
    for (sql, expected) in [
        ("SELECT id FROM words WHERE lower(word) = 'two'", vec![vec![2]]),
        ("SELECT id FROM words WHERE length(word) = 5 AND id > 1", vec![vec![3]]),
        ("SELECT a FROM odd ORDER BY a", vec![vec![1], vec![3]]),
        ("SELECT a FROM even ORDER BY a", vec![vec![2], vec![4]]),
        ("SELECT a FROM base", vec![vec![7]]),
        ("SELECT count(*) FROM pg_class WHERE relname LIKE 'scratch%'", vec![vec![0]]),
    ] {
        assert_eq!(numbers(&client, sql).await, expected, "{sql}");
    }
    refused(&client, "SELECT * FROM scratch", "42P01").await;
    run(&client, "CREATE TEMP TABLE scratch (b int)").await;
}

async fn refused(client: &Client, sql: &str, wanted: &str) {
    let answer = Answer::of(client, sql).await;
    assert!(matches!(&answer.results[..], [Outcome::Error { code, .. }] if code == wanted), "{sql}: {answer}");
}

async fn prepare(client: &Client) {
    for (table, count) in [("branch", BRANCHES), ("teller", TELLERS), ("account", ACCOUNTS)] {
        run(client, &format!("CREATE TABLE {table} (id bigint PRIMARY KEY, balance bigint NOT NULL)")).await;
        run(client, &format!("INSERT INTO {table} SELECT n, 0 FROM generate_series(0, {}) AS g(n)", count - 1)).await;
    }
    run(
        client,
        "CREATE TABLE history (id bigint PRIMARY KEY, branch bigint, teller bigint, account bigint, delta bigint)",
    )
    .await;
}

/// Answers the transactions that were acknowledged before the connection ended.
async fn transact_until_killed(client: Client, first: i64, at_once: bool) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    for id in first.. {
        let (teller, account, delta) = {
            let mut random = rand::rng();
            (random.random_range(0..TELLERS), random.random_range(0..ACCOUNTS), random.random_range(-5000..=5000))
        };
        let branch = teller / 10;
        let statements = [
            "BEGIN".to_owned(),
            format!("UPDATE account SET balance = balance + {delta} WHERE id = {account}"),
            format!("SELECT balance FROM account WHERE id = {account}"),
            format!("UPDATE teller SET balance = balance + {delta} WHERE id = {teller}"),
            format!("UPDATE branch SET balance = balance + {delta} WHERE id = {branch}"),
            format!("INSERT INTO history VALUES ({id}, {branch}, {teller}, {account}, {delta})"),
            "COMMIT".to_owned(),
        ];
        let texts = if at_once { vec![statements.join("; ")] } else { statements.to_vec() };
        match transact(&client, &texts).await {
            Ok(true) => acknowledged.push(id),
            Ok(false) => {}
            Err(Lost) => break,
        }
    }
    acknowledged
}

/// The connection is gone.
struct Lost;

/// Whether the transaction was committed.
async fn transact(client: &Client, texts: &[String]) -> Result<bool, Lost> {
    for text in texts {
        match Answer::of(client, text).await.results.last() {
            Some(Outcome::Done(_) | Outcome::Rows(_)) => {}
            // Two that wait for each other, or that met in a row: the loser goes on with another transaction.
            Some(Outcome::Error { code, .. }) if code == "40P01" || code == "40001" => {
                Answer::of(client, "ROLLBACK").await;
                return Ok(false);
            }
            _ => return Err(Lost),
        }
    }
    Ok(true)
}

/// The books agree with each other and with what was acknowledged; answers how many transactions there are.
async fn check(client: &Client, acknowledged: &HashSet<i64>) -> usize {
    let mut found = HashSet::new();
    let mut expected: [HashMap<i64, i64>; 3] = Default::default();
    for row in numbers(client, "SELECT id, branch, teller, account, delta FROM history").await {
        let [id, branch, teller, account, delta] = row[..] else { panic!("history has five columns") };
        assert!(found.insert(id), "transaction {id} is there twice");
        for (balances, place) in expected.iter_mut().zip([branch, teller, account]) {
            *balances.entry(place).or_default() += delta;
        }
    }
    let lost = acknowledged.difference(&found).collect::<Vec<_>>();
    assert!(lost.is_empty(), "acknowledged but lost: {lost:?}");
    for ((table, count), expected) in
        [("branch", BRANCHES), ("teller", TELLERS), ("account", ACCOUNTS)].iter().zip(expected)
    {
        let rows = numbers(client, &format!("SELECT id, balance FROM {table} ORDER BY id")).await;
        let expected = (0..*count).map(|id| vec![id, expected.get(&id).copied().unwrap_or(0)]).collect::<Vec<_>>();
        assert_eq!(rows, expected, "{table} is not what history says");
    }
    found.len()
}

async fn numbers(client: &Client, sql: &str) -> Vec<Vec<i64>> {
    let answer = Answer::of(client, sql).await;
    let [Outcome::Rows(relation)] = &answer.results[..] else { panic!("{sql}: {answer}") };
    let number = |cell: &Option<String>| cell.as_deref().and_then(|text| text.parse().ok()).expect("a number");
    relation.rows.iter().map(|row| row.iter().map(number).collect()).collect()
}

async fn run(client: &Client, sql: &str) {
    let answer = Answer::of(client, sql).await;
    assert!(matches!(answer.results[..], [Outcome::Done(_) | Outcome::Rows(_)]), "{sql}: {answer}");
}
