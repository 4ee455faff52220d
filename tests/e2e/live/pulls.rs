//! Copies kept by the rows of cursors and of COPY equal the queries' own answers, whatever is written meanwhile.
//!
//! The writers are those of `property`. `LIVE_ROUNDS` says how many rounds of commits (12 unless set), `SEED` repeats a run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tests::{Answer, Outcome, Server};
use tokio::sync::mpsc::{self, Receiver};
use tokio_postgres::{Client, Config};

use super::property::{TABLES, write_round};
use crate::database::run;

const LIMIT: Duration = Duration::from_secs(60);
/// Lines of a COPY that wait to be looked at.
const LINES_MAX: usize = 100_000;

/// Queries, and the positions of the columns in which no two of their rows agree, if there are such columns.
const QUERIES: &[(&str, Option<&[usize]>)] = &[
    ("SELECT id, room, body FROM post WHERE room = 3", Some(&[0])),
    ("SELECT body FROM post WHERE room IN (1, 2)", None),
    ("SELECT * FROM nokey WHERE a < 5", None),
    ("SELECT room, id, body FROM part", Some(&[0, 1])),
    ("SELECT * FROM grown", Some(&[0])),
    ("SELECT id, age, score FROM person ORDER BY age, id LIMIT 5", Some(&[0])),
    ("SELECT count(*), sum(age), max(score) FROM person", Some(&[])),
    ("SELECT room, count(*), sum(weight) FROM post GROUP BY room", Some(&[0])),
    ("SELECT p.id, q.id, p.body, q.name FROM post p JOIN person q ON q.id = p.author", Some(&[0, 1])),
    ("SELECT DISTINCT author FROM post WHERE room <> 2", None),
    ("SELECT id FROM post UNION ALL SELECT id FROM person WHERE age > 20", None),
];

type Row = Vec<Option<String>>;

/// What is known of an answer by the rows that have come.
struct Copy {
    query: &'static str,
    key: Option<&'static [usize]>,
    rows: BTreeMap<Row, usize>,
    seq: u64,
    is_ready: bool,
}

impl Copy {
    fn apply(&mut self, mut row: Row) -> Result<(), String> {
        let told = format!("{row:?}");
        let values = row.split_off(2);
        let seq = row[1].as_ref().and_then(|seq| seq.parse().ok()).ok_or("a row without a sequence")?;
        if seq < self.seq {
            return Err(format!("{told} comes after {}", self.seq));
        }
        self.seq = seq;
        match row[0].as_deref() {
            Some("insert") => *self.rows.entry(values).or_default() += 1,
            Some("delete") => self.remove(&values).ok_or_else(|| format!("{told} is not there"))?,
            Some("update") => {
                let key = self.key.ok_or_else(|| format!("{told} has no key"))?;
                let is_same = |other: &&Row| key.iter().all(|position| other[*position] == values[*position]);
                let old = self.rows.keys().find(is_same).cloned().ok_or_else(|| format!("{told} is not there"))?;
                self.remove(&old);
                *self.rows.entry(values).or_default() += 1;
            }
            Some("ready") if !self.is_ready => self.is_ready = true,
            _ => return Err(format!("{told} is unexpected")),
        }
        Ok(())
    }

    fn remove(&mut self, row: &Row) -> Option<()> {
        let count = self.rows.get_mut(row)?;
        *count -= 1;
        if *count == 0 {
            self.rows.remove(row);
        }
        Some(())
    }

    /// Whether it is the query's own answer.
    async fn is_answer(&self, client: &Client) -> bool {
        let answer = Answer::of(client, self.query).await;
        let [Outcome::Rows(relation)] = answer.results.as_slice() else { panic!("{}: {answer}", self.query) };
        let mut rows: BTreeMap<Row, usize> = BTreeMap::new();
        for row in &relation.rows {
            *rows.entry(row.clone()).or_default() += 1;
        }
        self.is_ready && rows == self.rows
    }
}

/// How the rows of a query come.
enum Way {
    Cursor(Client),
    Copy(Receiver<Row>),
}

impl Way {
    async fn cursor(config: &Config, query: &str) -> Self {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("the server answers");
        tokio::spawn(connection);
        assert_eq!(run(&client, &format!("DECLARE c CURSOR FOR LIVE {query}")).await, "ok");
        Way::Cursor(client)
    }

    async fn copy(config: &Config, query: &str) -> Self {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("the server answers");
        tokio::spawn(connection);
        let (sender, rows) = mpsc::channel(LINES_MAX);
        let statement = format!("COPY (LIVE {query}) TO STDOUT");
        tokio::spawn(async move {
            let mut lines = Box::pin(client.copy_out(statement.as_str()).await.expect("it begins"));
            while let Some(Ok(line)) = lines.next().await {
                let line = String::from_utf8(line.to_vec()).expect("text is UTF-8");
                let cell = |cell: &str| (cell != "\\N").then(|| cell.to_owned());
                let row = line.trim_end_matches('\n').split('\t').map(cell).collect();
                if sender.send(row).await.is_err() {
                    return;
                }
            }
        });
        Way::Copy(rows)
    }

    /// Rows that have come; waits a moment for some.
    async fn next(&mut self, fetch: &str) -> Vec<Row> {
        match self {
            Way::Cursor(client) => {
                let answer = Answer::of(client, fetch).await;
                match answer.results.as_slice() {
                    [Outcome::Rows(relation)] => relation.rows.clone(),
                    _ => panic!("{fetch}: {answer}"),
                }
            }
            Way::Copy(rows) => {
                let mut taken = Vec::new();
                if let Ok(Some(row)) = tokio::time::timeout(Duration::from_millis(100), rows.recv()).await {
                    taken.push(row);
                    while let Ok(row) = rows.try_recv() {
                        taken.push(row);
                    }
                }
                taken
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_kept_by_rows_equal_the_answers() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (seed, rounds) = (number("SEED").unwrap_or_else(rand::random), number("LIVE_ROUNDS").unwrap_or(12));
    println!("SEED={seed} LIVE_ROUNDS={rounds}");
    let server = Server::start();
    let control = server.connect().await;
    for table in TABLES {
        run(&control, table).await;
    }
    let (config, mut random) = (server.config(), StdRng::seed_from_u64(seed));
    write_round(&config, &mut random).await;
    let mut followers = Vec::new();
    for (query, key) in QUERIES {
        for way in [Way::cursor(&config, query).await, Way::copy(&config, query).await] {
            let copy = Copy { query, key: *key, rows: BTreeMap::new(), seq: 0, is_ready: false };
            followers.push((copy, way));
        }
    }
    for round in 0..rounds {
        write_round(&config, &mut random).await;
        if round % 5 == 4 {
            run(&control, "STORAGE FLUSH TABLE post").await;
        }
        let fetch = match round % 3 {
            0 => "FETCH 3 FROM c WITH (timeout = '100ms')",
            1 => "FETCH ALL FROM c WITH (timeout = 0)",
            _ => "FETCH FORWARD 100 FROM c WITH (timeout = '100ms')",
        };
        for (copy, way) in &mut followers {
            let deadline = Instant::now() + LIMIT;
            while !copy.is_answer(&control).await {
                assert!(Instant::now() < deadline, "SEED={seed} {}: {:?}", copy.query, copy.rows);
                for row in way.next(fetch).await {
                    let applied = copy.apply(row);
                    applied.unwrap_or_else(|error| panic!("SEED={seed} {}: {error}", copy.query));
                }
            }
        }
    }
}
