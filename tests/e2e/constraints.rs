//! Constraints hold under concurrency.
//!
//! Eight clients write at once, and often change their minds: parents come and go while children are pointed at them, keys
//! are taken and given back, numbers are drawn, and jobs are taken from a queue. Whatever a client was told is counted, and
//! afterwards the tables must say the same.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::Rng;
use tests::Server;
use tokio_postgres::{Client, SimpleQueryMessage};

const WRITERS: usize = 8;
const PARENTS: i64 = 12;
const KEYS: i64 = 40;
const JOBS: i64 = 400;
const ROUNDS: usize = 120;

/// What all clients were told, together.
#[derive(Default)]
struct Told {
    committed: AtomicU64,
    rolled_back: AtomicU64,
    refused: AtomicU64,
}

impl Told {
    fn count(&self, outcome: &Result<bool, String>) {
        let counter = match outcome {
            Ok(true) => &self.committed,
            Ok(false) => &self.rolled_back,
            Err(_) => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn shown(&self) -> String {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (committed, rolled_back) = (of(&self.committed), of(&self.rolled_back));
        format!("{committed} committed, {rolled_back} rolled back, {} refused", of(&self.refused))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn constraints_hold_under_concurrency() {
    let server = Server::start();
    let client = server.connect().await;
    for definition in DEFINITIONS {
        run(&client, definition).await.expect("the tables are made");
    }
    let told = Arc::new(Told::default());
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let client = server.connect().await;
        writers.push(tokio::spawn(write(client, writer, told.clone())));
    }
    let (mut numbers, mut jobs, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for writer in writers {
        let own = writer.await.expect("a writer comes to its end");
        numbers.extend(own.numbers);
        jobs.extend(own.jobs);
        taken.extend(own.keys);
    }
    println!("eight writers: {}", told.shown());
    assert!(told.committed.load(Ordering::Relaxed) > 0, "nothing was committed");
    check_foreign_keys(&client).await;
    check_unique_keys(&client, &taken).await;
    check_sequence(&client, &numbers).await;
    check_queue(&client, &jobs).await;
}

const DEFINITIONS: [&str; 8] = [
    "CREATE TABLE parent (id bigint PRIMARY KEY)",
    "CREATE TABLE plain (id bigserial PRIMARY KEY, parent bigint NOT NULL REFERENCES parent)",
    "CREATE TABLE owned (id bigserial PRIMARY KEY, parent bigint NOT NULL REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)",
    "CREATE TABLE late (id bigserial PRIMARY KEY, parent bigint REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TABLE keyed (id bigserial PRIMARY KEY, key bigint UNIQUE, writer bigint)",
    "CREATE TABLE numbered (id bigserial PRIMARY KEY, writer bigint)",
    "CREATE TABLE job (id bigint PRIMARY KEY, taken_by bigint)",
    "INSERT INTO job SELECT n, NULL FROM generate_series(1, 400) AS g(n)",
];

/// What one client was told.
#[derive(Default)]
struct Own {
    /// Numbers of rows that were committed.
    numbers: Vec<i64>,
    jobs: Vec<i64>,
    /// Keys that it took for good.
    keys: Vec<i64>,
}

async fn write(client: Client, writer: usize, told: Arc<Told>) -> Own {
    let mut own = Own::default();
    for _ in 0..ROUNDS {
        let (parent, key, choice, stays) = {
            let mut random = rand::rng();
            let parent = random.random_range(0..PARENTS);
            (parent, random.random_range(0..KEYS), random.random_range(0..9), random.random_bool(0.7))
        };
        let other = (parent + 5) % PARENTS;
        let statements = match choice {
            0 => vec![format!("INSERT INTO parent VALUES ({parent}) ON CONFLICT DO NOTHING")],
            1 => vec![format!("DELETE FROM parent WHERE id = {parent}")],
            2 => vec![format!("UPDATE parent SET id = {other} WHERE id = {parent}")],
            3 => vec![format!("INSERT INTO owned (parent) VALUES ({parent})")],
            4 => vec![
                format!("INSERT INTO plain (parent) VALUES ({parent})"),
                format!("DELETE FROM plain WHERE parent = {other}"),
            ],
            5 => vec![
                format!("INSERT INTO late (parent) VALUES ({parent})"),
                format!("INSERT INTO parent VALUES ({parent}) ON CONFLICT DO NOTHING"),
            ],
            6 => vec![format!("INSERT INTO keyed (key, writer) VALUES ({key}, {writer})")],
            7 => vec![
                format!("DELETE FROM late WHERE parent = {parent}"),
                format!("DELETE FROM parent WHERE id = {parent}"),
            ],
            _ => {
                number_and_take(&client, writer, stays, &mut own, &told).await;
                continue;
            }
        };
        let outcome = transact(&client, &statements, stays).await;
        if choice == 6 && outcome == Ok(true) {
            own.keys.push(key);
        }
        told.count(&outcome);
    }
    own
}

/// Draws a number and takes a job that nobody else has.
async fn number_and_take(client: &Client, writer: usize, stays: bool, own: &mut Own, told: &Told) {
    run(client, "BEGIN").await.expect("a transaction begins");
    let draw = format!("INSERT INTO numbered (writer) VALUES ({writer}) RETURNING id");
    let numbers = run(client, &draw).await.expect("a number is drawn");
    let next = "SELECT id FROM job WHERE taken_by IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED";
    let jobs = match numbers.first().is_some_and(|number| number % 2 == 0) {
        // At once.
        true => {
            let take =
                format!("UPDATE job SET taken_by = {writer} WHERE id = ({next}) AND taken_by IS NULL RETURNING id");
            run(client, &take).await.expect("a job is taken")
        }
        false => {
            let jobs = run(client, next).await.expect("a queue is read");
            for job in &jobs {
                let take =
                    format!("UPDATE job SET taken_by = {writer} WHERE id = {job} AND taken_by IS NULL RETURNING id");
                assert_eq!(run(client, &take).await.expect("a job is taken"), [*job], "a locked job was taken");
            }
            jobs
        }
    };
    run(client, if stays { "COMMIT" } else { "ROLLBACK" }).await.expect("a transaction ends");
    told.count(&Ok(stays));
    if stays {
        own.numbers.extend(numbers);
        own.jobs.extend(jobs);
    }
}

/// Runs statements as one transaction, and commits or rolls back; answers which.
async fn transact(client: &Client, statements: &[String], stays: bool) -> Result<bool, String> {
    run(client, "BEGIN").await?;
    for statement in statements {
        if let Err(error) = run(client, statement).await {
            run(client, "ROLLBACK").await?;
            return Err(error);
        }
    }
    run(client, if stays { "COMMIT" } else { "ROLLBACK" }).await.map(|_| stays)
}

/// The first column of what a statement answers. An error must be one that concurrency may bring.
async fn run(client: &Client, sql: &str) -> Result<Vec<i64>, String> {
    const EXPECTED: [&str; 4] = ["23503", "23505", "40P01", "40001"];
    match client.simple_query(sql).await {
        Ok(messages) => Ok(messages.iter().filter_map(first_number).collect()),
        Err(error) => {
            let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
            assert!(EXPECTED.contains(&code.as_str()), "{sql}: {error:?}");
            Err(code)
        }
    }
}

fn first_number(message: &SimpleQueryMessage) -> Option<i64> {
    match message {
        SimpleQueryMessage::Row(row) => row.get(0).and_then(|text| text.parse().ok()),
        _ => None,
    }
}

async fn number(client: &Client, sql: &str) -> i64 {
    run(client, sql).await.expect("a question is answered").first().copied().expect("with a number")
}

async fn check_foreign_keys(client: &Client) {
    for child in ["plain", "owned", "late"] {
        let question = format!(
            "SELECT count(*) FROM {child} c WHERE parent IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM parent p WHERE p.id = c.parent)"
        );
        let orphans = number(client, &question).await;
        assert_eq!(orphans, 0, "rows of {child} point at nothing");
    }
}

/// Every key is there once for whoever was told that it has it; a key is never given back.
async fn check_unique_keys(client: &Client, taken: &[i64]) {
    let found = run(client, "SELECT key FROM keyed ORDER BY key").await.expect("keys are read");
    let mut expected = taken.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "other keys than those that were acknowledged");
    let distinct: HashSet<_> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "a unique key is there twice");
}

/// No number was given out twice, and each that was acknowledged is there.
async fn check_sequence(client: &Client, numbers: &[i64]) {
    let found = run(client, "SELECT id FROM numbered ORDER BY id").await.expect("numbers are read");
    let mut expected = numbers.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "other numbers than those that were acknowledged");
}

/// Each job was taken by one client, which was told so, and no other is taken.
async fn check_queue(client: &Client, jobs: &[i64]) {
    let found = run(client, "SELECT id FROM job WHERE taken_by IS NOT NULL ORDER BY id").await.expect("jobs are read");
    let mut expected = jobs.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "other jobs are taken than those that were acknowledged");
    assert_eq!(number(client, "SELECT count(*) FROM job").await, JOBS);
}
