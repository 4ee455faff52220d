//! Golden scripts of live queries.
//!
//! A script under `tests/live` is blocks of commands with what they answered beneath `---`:
//!
//! ```text
//! = the title of a case: all sessions end
//! watcher> LISTEN …     session `watcher` runs a statement
//! watcher: next 2       its next two notifications, which must come
//! watcher: none         nothing more comes
//! watcher: gone         the connection is cut
//! watcher>> FETCH …     session `watcher` begins a statement, and nobody waits for it
//! watcher: cancel       asks the server to cancel what the session runs
//! watcher: answer       waits for what was begun
//! watcher: copy COPY …  begins a COPY TO STDOUT
//! watcher: lines 2      its next two lines, or what ended it
//! ```
//! Sequences, also those in a column `_seq`, are written as the distance from that of the session's newest `ready`, except where a script names `$seq` or
//! `$timeline`: those of the session's newest event. `$live_id` is that of its newest `ready`.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tests::{Answer, Outcome, Server};
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;
use tokio_postgres::{Config, NoTls};

use super::client::Watcher;
use crate::golden;

/// How long a notification may take that must come.
const LIMIT: Duration = Duration::from_secs(20);
/// How long we look whether one comes that must not, and how long a statement that is begun may take to begin.
const WAIT: Duration = Duration::from_millis(200);
/// Lines of a COPY that wait to be looked at.
const LINES_MAX: usize = 1000;

/// A session, and what its events have said.
struct Session {
    watcher: Watcher,
    /// Events with sequences of their own since the newest `ready`.
    newer: u64,
    seq: u64,
    timeline: String,
    live_id: String,
    begun: Option<JoinHandle<Answer>>,
    lines: Option<Receiver<String>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn live_scripts_answer_as_written() {
    let rewrite = std::env::var("REWRITE").is_ok();
    let wanted = std::env::var("ONLY").unwrap_or_default();
    let server = Server::start();
    let mut faults = Vec::new();
    for script in crate::scripts("live", "txt") {
        if !script.to_string_lossy().contains(&wanted) {
            continue;
        }
        let text = std::fs::read_to_string(&script).expect("a script is text");
        let found = play(&text, &server.config()).await;
        if rewrite {
            std::fs::write(&script, found).expect("a script can be written");
        } else if found != text {
            faults.push(golden::differences(&script, "KalamDB", &text, &found));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The script with the answers of this run in place of those written in it.
async fn play(script: &str, config: &Config) -> String {
    let mut sessions = HashMap::new();
    let mut output = String::new();
    for commands in golden::blocks(script) {
        let mut answers = String::new();
        for line in commands.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if line.starts_with('=') {
                sessions.clear();
                continue;
            }
            command(line, config, &mut sessions, &mut answers).await;
        }
        golden::write_block(&mut output, commands, &answers);
    }
    output
}

async fn command(line: &str, config: &Config, sessions: &mut HashMap<String, Session>, answers: &mut String) {
    let (at, kind) = line.char_indices().find(|(_, c)| "<>:".contains(*c)).unwrap_or_else(|| panic!("{line}?"));
    let (name, words) = (line[..at].trim().to_owned(), line[at + 1..].trim().to_owned());
    // `user@name` logs in as that user.
    let user = name.split_once('@').map(|(user, _)| user);
    if !sessions.contains_key(&name) {
        let mut config = config.clone();
        if let Some(user) = user {
            config.user(user).password("secret").dbname("postgres");
        }
        let watcher = Watcher::connect(&config).await;
        sessions.insert(name.clone(), Session::new(watcher));
    }
    let session = sessions.get_mut(&name).expect("it was made just now");
    let mut say = |answer: &str| writeln!(answers, "{name}: {answer}").expect("a string takes all");
    match (kind, words.as_str()) {
        ('>', sql) => {
            let sql = session.filled_in(sql);
            if let Some(sql) = sql.strip_prefix('>') {
                session.begin(sql.trim().to_owned());
                return tokio::time::sleep(WAIT).await;
            }
            let answer = session.shown(Answer::of(&session.watcher.client, &sql).await);
            // What a job took differs from run to run.
            match answer.split_once('\n') {
                Some((names, _)) if names.ends_with("duration_ms") => say(names),
                _ => say(&session.without_id(answer)),
            }
        }
        (_, "none") => {
            let told = session.watcher.next(WAIT).await;
            say(&told.map_or_else(|| "nothing".to_owned(), |told| session.read(told)));
        }
        (_, "cancel") => {
            let token = session.watcher.client.cancel_token();
            token.cancel_query(NoTls).await.expect("the server takes requests");
        }
        (_, "answer") => {
            let begun = session.begun.take().expect("something was begun");
            let answer = begun.await.expect("a statement does not panic");
            let shown = session.shown(answer);
            say(&shown);
        }
        (_, copy) if copy.starts_with("copy ") => session.copy(copy["copy ".len()..].to_owned()),
        (_, lines) if lines.starts_with("lines") => {
            for _ in 0..lines["lines".len()..].trim().parse().unwrap_or(1) {
                let lines = session.lines.as_mut().expect("a COPY was begun");
                let line = tokio::time::timeout(LIMIT, lines.recv()).await;
                let line = line.map_or_else(|_| "NOTHING CAME".to_owned(), |line| line.unwrap_or("END".to_owned()));
                let cells = line.split('\t').map(str::to_owned).collect();
                say(&session.row(cells));
            }
        }
        (_, "gone") => sessions.remove(&name).expect("it was there").watcher.vanish(),
        (_, next) => {
            let count = next.strip_prefix("next").map(|count| count.trim().parse().unwrap_or(1));
            for _ in 0..count.unwrap_or_else(|| panic!("{line}?")) {
                let told = session.watcher.next(LIMIT).await;
                say(&told.map_or_else(|| "NOTHING CAME".to_owned(), |told| session.read(told)));
            }
        }
    }
}

impl Session {
    fn new(watcher: Watcher) -> Self {
        let (timeline, live_id) = Default::default();
        Self { watcher, newer: 0, seq: 0, timeline, live_id, begun: None, lines: None }
    }

    /// A statement with what the session's events have said; one that begins a live query anew has sequences of its own.
    fn filled_in(&mut self, sql: &str) -> String {
        let filled = sql.replace("$seq", &self.seq.to_string());
        let filled = filled.replace("$timeline", &self.timeline).replace("$live_id", &self.live_id);
        if filled.contains("LIVE") && !filled.starts_with("KILL") {
            (self.seq, self.newer) = (0, 0);
        }
        filled
    }

    fn begin(&mut self, sql: String) {
        let client = self.watcher.client.clone();
        self.begun = Some(tokio::spawn(async move { Answer::of(&client, &sql).await }));
    }

    fn copy(&mut self, sql: String) {
        let (client, sql) = (self.watcher.client.clone(), self.filled_in(&sql));
        let (sender, lines) = mpsc::channel(LINES_MAX);
        self.lines = Some(lines);
        tokio::spawn(async move {
            let error = |error: tokio_postgres::Error| match error.as_db_error() {
                Some(error) => format!("ERROR {}: {}", error.code().code(), error.message()),
                None => format!("LOST: {error}"),
            };
            let mut stream = match client.copy_out(sql.as_str()).await {
                Ok(stream) => Box::pin(stream),
                Err(refused) => return sender.send(error(refused)).await.unwrap_or_default(),
            };
            while let Some(line) = stream.next().await {
                let is_last = line.is_err();
                let line = line.map(|line| String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned());
                if sender.send(line.unwrap_or_else(error)).await.is_err() || is_last {
                    return;
                }
            }
        });
    }

    /// An answer in a form that every run has.
    fn shown(&mut self, mut answer: Answer) -> String {
        for result in &mut answer.results {
            let Outcome::Rows(relation) = result else { continue };
            if relation.columns.get(1).is_some_and(|column| column == "_seq") {
                for row in &mut relation.rows {
                    row[1] = row[1].take().map(|seq| self.distance(&seq));
                }
            }
        }
        answer.to_string()
    }

    /// A line of a COPY in a form that every run has.
    fn row(&mut self, mut cells: Vec<String>) -> String {
        if cells.len() > 1 {
            cells[1] = self.distance(&cells[1]);
        }
        cells.join(" | ")
    }

    /// How many commits that something was told of lie between the beginning and this one.
    fn distance(&mut self, seq: &str) -> String {
        let Ok(seq) = seq.parse::<u64>() else { return seq.to_owned() };
        if seq > self.seq {
            self.newer += u64::from(self.seq > 0);
            self.seq = seq;
        }
        format!("+{}", self.newer)
    }

    /// A notification in a form that every run has.
    fn read(&mut self, (channel, payload): (String, String)) -> String {
        let Ok(event) = serde_json::from_str::<Value>(&payload) else { return format!("{channel} {payload}") };
        let mut shown = payload;
        if let Some(seq) = event["seq"].as_u64() {
            // Commits of which nobody is told may lie between, so only their order is shown.
            if event["type"] == "ready" {
                self.newer = 0;
            } else if seq > self.seq {
                self.newer += 1;
            }
            self.seq = seq;
            shown = shown.replace(&format!("\"seq\":{seq}"), &format!("\"seq\":+{}", self.newer));
        }
        if let Some(timeline) = event["timeline"].as_str() {
            self.timeline = timeline.to_owned();
            shown = shown.replace(timeline, "T");
        }
        if let Some(live_id) = event["live_id"].as_str() {
            self.live_id = live_id.to_owned();
        }
        self.without_id(format!("{channel} {shown}"))
    }

    fn without_id(&self, text: String) -> String {
        if self.live_id.is_empty() { text } else { text.replace(&self.live_id, "LQ") }
    }
}
