//! Copies kept by events equal the queries' own answers, whatever is written meanwhile.
//!
//! Several writers commit random transactions on two tables. Watchers follow random queries of all kinds; now and then one
//! disconnects without a word and resumes from the last commit that it has applied. After each round of commits everybody
//! waits for a mark, a row of a third table that every watcher follows too, and is then compared with the answer.
//!
//! `LIVE_COMMITS` says how many commits (600 unless set), `SEED` repeats a run.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tests::{Answer, Outcome, Server};
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use super::client::Watcher;
use super::copies::Copy;

const WRITERS: usize = 4;
const WATCHERS: usize = 12;
const ROUND_COMMITS: usize = 25;
const LIMIT: Duration = Duration::from_secs(300);

pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE person (id int PRIMARY KEY, name text, age int, score numeric)",
    "CREATE TABLE post (id int PRIMARY KEY, author int, room int, body text, weight float8)",
    "CREATE TABLE nokey (a int, b text)",
    "CREATE TABLE mark (id int PRIMARY KEY)",
    "CREATE TABLE part (id int, room int, body text, PRIMARY KEY (id, room)) PARTITION BY LIST (room)",
    "CREATE TABLE part_even PARTITION OF part FOR VALUES IN (0, 2, 4)",
    "CREATE TABLE part_rest PARTITION OF part DEFAULT",
    "CREATE VIEW grown AS SELECT id, upper(name) AS shout FROM person WHERE age >= 18",
];

/// Queries of all kinds; `#` is replaced by a small random number.
const QUERIES: &[&str] = &[
    "SELECT id, room, body FROM post WHERE room = #",
    "SELECT id, body FROM post WHERE room = # AND author > #",
    "SELECT count(*), min(author), max(weight) FROM post WHERE room = #",
    "SELECT id, replace(body, 'b', 'bb') AS body FROM post WHERE room = #",
    "SELECT * FROM person WHERE age BETWEEN # AND 40 + #",
    "SELECT id, age + 1 AS next, coalesce(name, '?') AS name FROM person WHERE name LIKE 'a%' OR age IS NULL",
    "SELECT body FROM post WHERE room IN (#, #, 3)",
    "SELECT * FROM nokey WHERE a < 5",
    "SELECT id, body FROM part WHERE room = #",
    "SELECT room, id FROM part",
    "SELECT * FROM grown",
    "SELECT id, name FROM person ORDER BY age DESC, id",
    "SELECT id, _seq AS written FROM post WHERE room = #",
    "SELECT count(*), sum(age), max(score) FROM person WHERE age > #",
    "SELECT room, count(*) AS posts, sum(weight) AS weight FROM post GROUP BY room",
    "SELECT room, count(*) FROM post GROUP BY room HAVING count(*) > 2",
    "SELECT p.id, p.body, q.name FROM post p JOIN person q ON q.id = p.author WHERE p.room = #",
    "SELECT q.id, q.name, p.id AS post FROM person q LEFT JOIN post p ON p.author = q.id AND p.room = #",
    "SELECT DISTINCT author FROM post WHERE room <> #",
    "SELECT id, age FROM person ORDER BY age, id LIMIT 5",
    "SELECT id FROM person WHERE id IN (SELECT author FROM post WHERE room = #)",
    "WITH busy AS (SELECT author, count(*) AS n FROM post GROUP BY author) SELECT name, n FROM person JOIN busy ON author = id",
    "SELECT id FROM post UNION ALL SELECT id FROM person WHERE age > #",
    "SELECT a, count(*) FROM nokey GROUP BY a",
    "SELECT id, rank() OVER (PARTITION BY room ORDER BY id) FROM post WHERE room < #",
];

#[tokio::test(flavor = "multi_thread")]
async fn copies_kept_by_events_equal_the_answers() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("SEED").unwrap_or_else(rand::random);
    let commits = usize::try_from(number("LIVE_COMMITS").unwrap_or(600)).expect("a count");
    println!("SEED={seed} LIVE_COMMITS={commits}");
    let server = Server::start();
    let control = server.connect().await;
    for table in TABLES {
        run(&control, table).await;
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut followers = Vec::new();
    for number in 0..WATCHERS {
        let query = numbered(QUERIES[(number * 2 + random.random_range(0..2)) % QUERIES.len()], &mut random);
        followers.push(Follower::begin(&server.config(), query).await);
    }
    let (mut rounds, mut events) = (0, 0);
    while rounds * ROUND_COMMITS < commits {
        rounds += 1;
        write_round(&server.config(), &mut random).await;
        if random.random_range(0..6) == 0 {
            let table = ["person", "post", "nokey"][random.random_range(0..3)];
            run(&control, &format!("STORAGE FLUSH TABLE {table}")).await;
        }
        run(&control, &format!("INSERT INTO mark VALUES ({rounds})")).await;
        for follower in &mut followers {
            follower.follow_up_to(rounds).await;
            follower.compare(&control, seed).await;
            match random.random_range(0..8) {
                0 => {
                    // Some commits pass while nobody is there.
                    follower.disconnect();
                }
                1 => {
                    follower.begin_another(numbered(QUERIES[random.random_range(0..QUERIES.len())], &mut random)).await
                }
                _ => {}
            }
        }
        if random.random_range(0..3) == 0 {
            write_round(&server.config(), &mut random).await;
        }
        for follower in &mut followers {
            follower.come_back(&server.config()).await;
        }
    }
    for follower in &followers {
        events += follower.copy.events;
    }
    println!("{rounds} rounds, {events} events");
}

async fn run(client: &Client, sql: &str) {
    let answer = Answer::of(client, sql).await;
    let failed = answer.results.iter().any(|result| matches!(result, Outcome::Error { .. } | Outcome::Lost(_)));
    assert!(!failed, "{sql}\n{answer}");
}

fn numbered(query: &str, random: &mut StdRng) -> String {
    query
        .split('#')
        .map(str::to_owned)
        .reduce(|text, part| format!("{text}{}{part}", random.random_range(0..6)))
        .unwrap_or_default()
}

/// Commits of several writers at once. Conflicts are part of it.
pub(super) async fn write_round(config: &Config, random: &mut StdRng) {
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (config, seed) = (config.clone(), random.random::<u64>());
        writers.push(tokio::spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("the server answers");
            tokio::spawn(connection);
            for _ in 0..ROUND_COMMITS.div_ceil(WRITERS) {
                transaction(&client, &mut random).await;
            }
        }));
    }
    for writer in writers {
        writer.await.expect("a writer does not panic");
    }
}

async fn transaction(client: &Client, random: &mut StdRng) {
    let statements = random.random_range(1..5);
    let mut script = "BEGIN;".to_owned();
    for number in 0..statements {
        script += &statement(random);
        script.push(';');
        if number == 1 && random.random_range(0..4) == 0 {
            script += "SAVEPOINT s;";
            script += &statement(random);
            script += "; ROLLBACK TO s;";
        }
    }
    script += if random.random_range(0..8) == 0 { "ROLLBACK" } else { "COMMIT" };
    let answer = Answer::of(client, &script).await;
    if let Some(Outcome::Error { .. }) = answer.results.last() {
        run(client, "ROLLBACK").await;
    }
}

fn statement(random: &mut StdRng) -> String {
    let mut small = || random.random_range(0..40);
    let (id, other, room, age, kind) = (small(), small(), small() % 6, small(), small() % 14);
    let name = ["'ann'", "'bob'", "'abe'", "NULL", "'c''d'"][(small() % 5) as usize];
    match kind {
        0 | 1 => format!(
            "INSERT INTO post VALUES ({id}, {other}, {room}, {name}, {age}.5) ON CONFLICT (id) DO UPDATE SET room = excluded.room, body = excluded.body"
        ),
        2 => format!("UPDATE post SET room = {room} WHERE id = {id}"),
        3 => format!("UPDATE post SET body = {name} WHERE room = {room}"),
        4 => format!("DELETE FROM post WHERE id = {id}"),
        5 => format!("DELETE FROM post WHERE room = {room} AND author < {}", other / 3),
        6 | 7 => format!(
            "INSERT INTO person VALUES ({id}, {name}, {age}, {other}.{room}0) ON CONFLICT (id) DO UPDATE SET name = excluded.name, age = excluded.age"
        ),
        8 => format!("UPDATE person SET age = age + 1 WHERE id BETWEEN {id} AND {id} + 3"),
        9 => format!("DELETE FROM person WHERE id = {id}"),
        10 => format!("INSERT INTO nokey VALUES ({}, {name}), ({room}, {name})", id / 4),
        11 => format!("DELETE FROM nokey WHERE a = {room}"),
        12 => format!("INSERT INTO part VALUES ({id}, {room}, {name}) ON CONFLICT DO NOTHING"),
        _ => format!("UPDATE part SET room = {room}, body = {name} WHERE id = {id} AND room = {}", other % 6),
    }
}

/// A client that follows a query, and the marks.
struct Follower {
    query: String,
    copy: Copy,
    marks: usize,
    watcher: Option<Watcher>,
}

impl Follower {
    async fn begin(config: &Config, query: String) -> Self {
        let mut follower = Self { query, copy: Copy::default(), marks: 0, watcher: None };
        follower.watcher = Some(Watcher::connect(config).await);
        follower.listen("").await;
        follower
    }

    /// Says LISTEN, also in place of what was followed before.
    async fn listen(&mut self, options: &str) {
        let watcher = self.watcher.as_mut().expect("it is connected");
        let listen = format!("LISTEN copy {options} FOR {}", self.query);
        let messages = watcher.client.simple_query(&listen).await.unwrap_or_else(|error| panic!("{listen}: {error}"));
        run(&watcher.client, "LISTEN mark (initial = false) FOR SELECT id FROM mark").await;
        let rows = rows(&messages);
        // The new subscription's first event says whether the copy begins anew; those of the one before are gone.
        let ready = loop {
            let (channel, payload) = watcher.next(LIMIT).await.expect("ready comes");
            if channel == "copy" && payload.starts_with("{\"type\":\"ready\"") {
                break payload;
            }
        };
        let event: Value = serde_json::from_str(&ready).expect("events are JSON");
        if options.is_empty() || event["reset"] == true {
            let columns = column_types(&event);
            self.copy.reset(rows.into_iter().map(|row| row_of(&columns, row)));
        } else {
            assert!(rows.is_empty(), "a resumed query answers no rows: {listen}");
        }
        self.copy.apply(&ready).expect("ready can be applied");
    }

    async fn begin_another(&mut self, query: String) {
        if self.watcher.is_some() {
            self.query = query;
            self.listen("").await;
        }
    }

    fn disconnect(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.vanish();
        }
    }

    async fn come_back(&mut self, config: &Config) {
        if self.watcher.is_none() {
            self.watcher = Some(Watcher::connect(config).await);
            let options = format!("(since = {}, timeline = '{}')", self.copy.seq, self.copy.timeline);
            self.listen(&options).await;
        }
    }

    /// Applies events until the mark has come.
    async fn follow_up_to(&mut self, mark: usize) {
        while self.marks < mark {
            let watcher = self.watcher.as_mut().expect("it is connected");
            let told = watcher.next(LIMIT).await;
            let (channel, payload) = told.unwrap_or_else(|| panic!("mark {mark} does not come: {}", self.query));
            self.take(&channel, &payload);
        }
    }

    fn take(&mut self, channel: &str, payload: &str) {
        if channel == "mark" {
            let event: Value = serde_json::from_str(payload).expect("events are JSON");
            for change in event["changes"].as_array().into_iter().flatten() {
                self.marks = self.marks.max(usize::try_from(change["new"]["id"].as_u64().unwrap_or(0)).expect("small"));
            }
            return;
        }
        let applied = self.copy.apply(payload);
        applied.unwrap_or_else(|error| panic!("{}: {error}", self.query));
    }

    /// Compares the copy with the answer, once what is run again has been told.
    async fn compare(&mut self, control: &Client, seed: u64) {
        if self.copy.is_out {
            self.listen("").await;
        }
        let json = format!("SELECT row_to_json(answer) FROM ({}) answer", self.query);
        let messages = control.simple_query(&json).await.unwrap_or_else(|error| panic!("{json}: {error}"));
        let answer: Vec<Value> = rows(&messages)
            .into_iter()
            .map(|row| serde_json::from_str(row[0].as_deref().unwrap_or("null")).expect("row_to_json makes JSON"))
            .collect();
        let deadline = Instant::now() + LIMIT;
        while let Some(difference) = self.copy.difference(answer.iter().cloned()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let watcher = self.watcher.as_mut().expect("it is connected");
            match watcher.next(left).await {
                Some((channel, payload)) => self.take(&channel, &payload),
                None => panic!("SEED={seed}\n{}\nat {}: {difference}", self.query, self.copy.seq),
            }
        }
    }
}

type Row = Vec<Option<String>>;

fn rows(messages: &[SimpleQueryMessage]) -> Vec<Row> {
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    };
    messages.iter().filter_map(row).collect()
}

fn column_types(ready: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("names are strings").to_owned();
    let columns = ready["columns"].as_array().expect("ready lists the columns");
    columns.iter().map(|column| (text(&column["name"]), text(&column["type"]))).collect()
}

/// A row of the first answer as events have it.
fn row_of(columns: &[(String, String)], row: Row) -> Value {
    let cell = |ty: &str, cell: Option<String>| match (cell, ty) {
        (None, _) => Value::Null,
        (Some(text), "text" | "varchar") => Value::String(text),
        (Some(text), _) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
    };
    let cells = columns.iter().zip(row).map(|((name, ty), text)| (name.clone(), cell(ty, text)));
    Value::Object(cells.collect())
}
