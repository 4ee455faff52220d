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
//! ```
//! Sequences are written as the distance from that of the session's newest `ready`, except where a script names `$seq` or
//! `$timeline`: those of the session's newest event. `$live_id` is that of its newest `ready`.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use tests::{Answer, Server};
use tokio_postgres::Config;

use super::client::Watcher;
use crate::golden;

/// How long a notification may take that must come.
const LIMIT: Duration = Duration::from_secs(20);
/// How long we look whether one comes that must not.
const WAIT: Duration = Duration::from_millis(200);

/// A session, and what its events have said.
struct Session {
    watcher: Watcher,
    /// Events with sequences of their own since the newest `ready`.
    newer: u64,
    seq: u64,
    timeline: String,
    live_id: String,
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
        let session = Session { watcher, newer: 0, seq: 0, timeline: String::new(), live_id: String::new() };
        sessions.insert(name.clone(), session);
    }
    let session = sessions.get_mut(&name).expect("it was made just now");
    let mut say = |answer: &str| writeln!(answers, "{name}: {answer}").expect("a string takes all");
    match (kind, words.as_str()) {
        ('>', sql) => {
            let sql = sql.replace("$seq", &session.seq.to_string());
            let sql = sql.replace("$timeline", &session.timeline).replace("$live_id", &session.live_id);
            let answer = Answer::of(&session.watcher.client, &sql).await.to_string();
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
