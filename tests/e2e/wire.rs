//! The protocol, message by message, as golden scripts that KalamDB and PostgreSQL both must answer as written.
//!
//! A script under `tests/wire` is blocks of commands with what the server sent beneath `---`:
//!
//! ```text
//! = the title of a case: all connections end, and with them whatever the case before has made
//! a> Parse: SELECT 1          connection `a` sends a message (tests/src/frontend.rs says how they are written)
//! a> Sync
//! ---
//! a: ParseComplete            what came, up to the ReadyForQuery of each Query and Sync of the block
//! a: ReadyForQuery idle
//! ```
//! `a~` sends a message that is not going to be answered by ReadyForQuery. `a<` reads before the end of the block,
//! `a< CopyInResponse` up to such a message, `a< end` to the end of the connection; `a< nothing` finds that nothing comes.
//! `a> Startup name=value` connects with run-time parameters and shows the greeting, `a> CancelRequest` asks for what runs
//! on `a` to be cancelled (`with a wrong key`: in vain). Messages are sent together at the end of a block, or when
//! something is read.
//!
//! `REWRITE=oracle` writes down what PostgreSQL answers, `REWRITE=1` what KalamDB answers, `ONLY=name` picks a script.
//! Under `tests/wire/later` is what KalamDB cannot do yet; a script there that agrees has to move up.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use tests::{Answer, Oracle, Received, Server, Wire, encode};
use tokio_postgres::Config;

use crate::golden;

/// How long we look whether really nothing comes.
const NOTHING: Duration = Duration::from_millis(200);
/// How long a statement runs before it is cancelled.
const BEFORE_CANCEL: Duration = Duration::from_millis(300);
/// How long a server may take to react to a cancel request that it has answered.
const AFTER_CANCEL: Duration = Duration::from_millis(100);

/// The schema in which all is made; each case has a new one.
const SCHEMA: &str = "wire";

#[tokio::test(flavor = "multi_thread")]
async fn wire_scripts_are_answered_as_written() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let rewrite = std::env::var("REWRITE").ok();
    let only = std::env::var("ONLY").unwrap_or_default();
    let server = (rewrite.as_deref() != Some("oracle")).then(Server::start);
    let (mut faults, mut cases) = (Vec::new(), 0);
    for folder in ["wire", "wire/later"] {
        for script in crate::scripts(folder, "txt") {
            let text = std::fs::read_to_string(&script).expect("a script is text");
            if !script.to_string_lossy().contains(&only) {
                continue;
            }
            match (rewrite.as_deref(), &server) {
                (Some("oracle"), _) | (_, None) => rewrite_script(&script, &play(&text, &oracle.config()).await),
                (Some(_), Some(server)) => rewrite_script(&script, &play(&text, &server.config()).await),
                (None, Some(server)) => {
                    cases += text.lines().filter(|line| line.starts_with('=')).count();
                    let (theirs, ours) = (play(&text, &oracle.config()).await, play(&text, &server.config()).await);
                    if theirs != text {
                        faults.push(golden::differences(&script, "PostgreSQL", &text, &theirs));
                    }
                    match (folder, ours == text) {
                        ("wire", false) => faults.push(golden::differences(&script, "KalamDB", &text, &ours)),
                        ("wire/later", true) => {
                            faults.push(format!("{} agrees and belongs into tests/wire", script.display()));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    println!("{cases} cases of wire messages played on both");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn rewrite_script(script: &Path, text: &str) {
    std::fs::write(script, text).expect("a script can be written");
}

/// The script with the answers of this run in place of those written in it.
async fn play(script: &str, config: &Config) -> String {
    let mut players = Players { config, connections: Vec::new() };
    let mut output = String::new();
    for commands in golden::blocks(script) {
        let mut answers = String::new();
        for line in commands.lines() {
            players.command(line, &mut answers).await;
        }
        players.end_block(&mut answers).await;
        golden::write_block(&mut output, commands, &answers);
    }
    output
}

/// The connections of a case.
struct Players<'a> {
    config: &'a Config,
    connections: Vec<Connection>,
}

struct Connection {
    name: String,
    wire: Wire,
    /// How many ReadyForQuery are to come.
    due: usize,
}

impl Players<'_> {
    async fn command(&mut self, line: &str, answers: &mut String) {
        if line.starts_with('#') || line.is_empty() {
            return;
        }
        if line.starts_with('=') {
            return self.begin_case().await;
        }
        let at = line.find(['<', '>', '~']).unwrap_or_else(|| panic!("neither sends nor reads: {line}"));
        let (name, rest) = (&line[..at], line[at + 1..].trim());
        let is_answered = line[at..].starts_with('>');
        if line[at..].starts_with('<') {
            let connection = self.connection(name, &[]).await;
            let is_over = match rest {
                "" => connection.read_due(answers).await,
                "nothing" => connection.read_nothing(answers).await,
                awaited => connection.read(awaited, answers).await,
            };
            return self.forget(name, is_over);
        }
        match rest.split_once(' ').unwrap_or((rest, "")) {
            ("Startup", parameters) => {
                let parameter = |word: &str| word.split_once('=').map(|(name, value)| (name.into(), value.into()));
                let parameters = parameters.split(' ').filter_map(parameter).collect::<Vec<(String, String)>>();
                for message in &self.connection(name, &parameters).await.wire.greeting {
                    writeln!(answers, "{name}: {message}").expect("a string takes all");
                }
            }
            ("CancelRequest", how) => {
                let connection = self.connection(name, &[]).await;
                connection.wire.flush().await.expect("the server listens");
                tokio::time::sleep(BEFORE_CANCEL).await;
                connection.wire.cancel(how == "with a wrong key").await.expect("the server listens");
                tokio::time::sleep(AFTER_CANCEL).await;
            }
            (verb, _) => {
                let connection = self.connection(name, &[]).await;
                connection.wire.send(&encode(rest));
                connection.due += usize::from(is_answered && matches!(verb, "Query" | "Sync"));
            }
        }
    }

    /// Reads what is due to whoever has not read.
    async fn end_block(&mut self, answers: &mut String) {
        for connection in &mut self.connections {
            connection.flush(answers).await;
        }
        let mut over = Vec::new();
        for connection in &mut self.connections {
            if connection.read_due(answers).await {
                over.push(connection.name.clone());
            }
        }
        for name in over {
            self.forget(&name, true);
        }
    }

    async fn begin_case(&mut self) {
        self.connections.clear();
        let (client, connection) = self.config.connect(tokio_postgres::NoTls).await.expect("the server answers");
        tokio::spawn(connection);
        let answer =
            Answer::of(&client, &format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")).await;
        assert!(!answer.is_lost() && !answer.to_string().contains("ERROR"), "{answer}");
    }

    async fn connection(&mut self, name: &str, parameters: &[(String, String)]) -> &mut Connection {
        let at = match self.connections.iter().position(|connection| connection.name == name) {
            Some(at) => at,
            None => {
                let mut parameters = parameters.to_vec();
                parameters.push(("search_path".to_owned(), SCHEMA.to_owned()));
                let wire = Wire::connect(self.config, &parameters).await.expect("the server lets us in");
                self.connections.push(Connection { name: name.to_owned(), wire, due: 0 });
                self.connections.len() - 1
            }
        };
        &mut self.connections[at]
    }

    fn forget(&mut self, name: &str, is_over: bool) {
        if is_over {
            self.connections.retain(|connection| connection.name != name);
        }
    }
}

impl Connection {
    async fn flush(&mut self, answers: &mut String) {
        if let Err(error) = self.wire.flush().await {
            writeln!(answers, "{}: (cannot send: {error})", self.name).expect("a string takes all");
        }
    }

    /// Reads all that is to come; whether the connection is over.
    async fn read_due(&mut self, answers: &mut String) -> bool {
        while self.due > 0 {
            if self.read("ReadyForQuery", answers).await {
                return true;
            }
        }
        false
    }

    /// Reads up to a kind of message; whether the connection is over.
    async fn read(&mut self, awaited: &str, answers: &mut String) -> bool {
        self.flush(answers).await;
        loop {
            let received = self.wire.receive().await;
            let word = match &received {
                Ok(Received::Message(message)) if self.wire.is_own(message) => format!("{message} (its own)"),
                Ok(Received::Message(message)) => message.to_string(),
                Ok(Received::End) => "(the connection has ended)".to_owned(),
                Ok(Received::Silence) => format!("(no {awaited} has come)"),
                Err(error) => format!("({error})"),
            };
            writeln!(answers, "{}: {word}", self.name).expect("a string takes all");
            let Ok(Received::Message(message)) = received else { return true };
            if message.name() == "ReadyForQuery" {
                self.due = self.due.saturating_sub(1);
            }
            if message.name() == awaited {
                return false;
            }
        }
    }

    async fn read_nothing(&mut self, answers: &mut String) -> bool {
        self.flush(answers).await;
        let received = self.wire.receive_within(NOTHING).await;
        let word = match &received {
            Ok(Received::Silence) => "(nothing)".to_owned(),
            Ok(Received::Message(message)) => message.to_string(),
            Ok(Received::End) => "(the connection has ended)".to_owned(),
            Err(error) => format!("({error})"),
        };
        writeln!(answers, "{}: {word}", self.name).expect("a string takes all");
        !matches!(received, Ok(Received::Silence | Received::Message(_)))
    }
}
