//! Several sessions at once, as golden scripts.
//!
//! A script under `tests/isolation` is blocks of commands with what they answered beneath `---`:
//!
//! ```text
//! = the title of a case: all sessions end
//! a> BEGIN              session `a` runs a statement
//! b& UPDATE t ...       session `b` runs one that has to wait
//! b<                    now `b` must have its answer
//! ---
//! a: ok
//! ```
//! `REWRITE=1` writes down what KalamDB answers, `REWRITE=oracle` what PostgreSQL answers.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tests::{Answer, Oracle, Server};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config};

use crate::golden;

/// How long we look whether a statement really waits.
const WAIT: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Sessions {
    clients: HashMap<String, Arc<Client>>,
    waiting: HashMap<String, JoinHandle<Answer>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn isolation_scripts_answer_as_written() {
    let rewrite = std::env::var("REWRITE").ok();
    let oracle = match rewrite.as_deref() {
        Some("oracle") => Some(Oracle::start().await.expect("PostgreSQL 15 is installed")),
        _ => None,
    };
    let server = oracle.is_none().then(Server::start);
    let config = match (&oracle, &server) {
        (Some(oracle), _) => oracle.config(),
        (None, server) => server.as_ref().expect("one of the two was started").config(),
    };
    let mut faults = Vec::new();
    for script in crate::scripts("isolation", "txt") {
        let text = std::fs::read_to_string(&script).expect("a script is text");
        let found = play(&text, &config).await;
        if rewrite.is_some() {
            std::fs::write(&script, found).expect("a script can be written");
        } else if found != text {
            faults.push(golden::differences(&script, "KalamDB", &text, &found));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The script with the answers of this run in place of those written in it.
async fn play(script: &str, config: &Config) -> String {
    let mut sessions = Sessions::default();
    let mut output = String::new();
    for commands in golden::blocks(script) {
        let mut answers = String::new();
        for line in commands.lines() {
            sessions.command(line, config, &mut answers).await;
        }
        golden::write_block(&mut output, commands, &answers);
    }
    output
}

impl Sessions {
    async fn command(&mut self, line: &str, config: &Config, answers: &mut String) {
        if line.starts_with('#') || line.is_empty() {
            return;
        }
        if line.starts_with('=') {
            *self = Self::default();
            return;
        }
        let (at, kind) = line.char_indices().find(|(_, c)| "<>&".contains(*c)).unwrap_or_else(|| panic!("{line}?"));
        let (name, sql) = (line[..at].trim().to_owned(), line[at + 1..].trim().to_owned());
        let answer = match kind {
            '>' => Answer::of(&*self.client(&name, config).await, &sql).await.to_string(),
            '&' => self.start(&name, sql, config).await,
            _ => match self.waiting.remove(&name) {
                Some(waiting) => waiting.await.expect("a session does not panic").to_string(),
                None => "does not wait".to_owned(),
            },
        };
        writeln!(answers, "{name}: {answer}").expect("a string takes all");
    }

    /// Starts a statement that has to wait, and says whether it does.
    async fn start(&mut self, name: &str, sql: String, config: &Config) -> String {
        let client = self.client(name, config).await;
        let mut running = tokio::spawn(async move { Answer::of(&client, &sql).await });
        match tokio::time::timeout(WAIT, &mut running).await {
            Ok(answer) => format!("did not wait: {}", answer.expect("a session does not panic")),
            Err(_) => {
                self.waiting.insert(name.to_owned(), running);
                "waits".to_owned()
            }
        }
    }

    async fn client(&mut self, name: &str, config: &Config) -> Arc<Client> {
        if let Some(client) = self.clients.get(name) {
            return Arc::clone(client);
        }
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("the server answers");
        tokio::spawn(connection);
        let client = Arc::new(client);
        self.clients.insert(name.to_owned(), Arc::clone(&client));
        client
    }
}
