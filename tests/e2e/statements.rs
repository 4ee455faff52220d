//! The same statements on KalamDB and on PostgreSQL must have the same answers.
//!
//! A script under `tests/scripts` is SQL: a statement ends where a line ends in `;`, a line that starts with `--` between
//! statements is a comment. Each script runs in a schema of its own. Rows are compared in order only where the statement
//! has an ORDER BY; errors by their SQLSTATE, and different words are shown without being a failure.
//!
//! Under `tests/scripts/later` is what KalamDB cannot do yet, a script for each feature. A script there that agrees has to
//! move up, so that it stays so.

use std::path::Path;

use tests::{Answer, Oracle, Server};
use tokio_postgres::{Client, Config};

/// One server under test and the session in which a script runs.
struct Session<'a> {
    config: &'a Config,
    schema: &'a str,
    client: Client,
}

impl<'a> Session<'a> {
    async fn open(config: &'a Config, schema: &'a str) -> Self {
        let client = connect(config).await;
        let made = Answer::of(&client, &format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\"")).await;
        assert!(!made.to_string().contains("ERROR"), "{made}");
        Self { config, schema, client }
    }

    async fn run(&mut self, sql: &str) -> Answer {
        let answer = Answer::of(&self.client, sql).await;
        if answer.is_lost() {
            self.client = connect(self.config).await;
            Answer::of(&self.client, &format!("SET search_path = \"{}\"", self.schema)).await;
        }
        answer
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}

#[derive(Default)]
struct Tally {
    compared: usize,
    differences: Vec<String>,
    words: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_answer_as_in_postgresql() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let server = Server::start();
    let (theirs, ours) = (oracle.config(), server.config());
    let only = std::env::var("ONLY").ok();
    let (mut tally, mut later) = (Tally::default(), Tally::default());
    let mut risen = Vec::new();
    for (folder, tally) in [("scripts", &mut tally), ("scripts/later", &mut later)] {
        for script in crate::scripts(folder, "slt") {
            let name = script.file_stem().expect("a script has a name").to_string_lossy().into_owned();
            if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
                continue;
            }
            let before = tally.differences.len();
            compare(&script, &name, &theirs, &ours, tally).await;
            if folder != "scripts" && tally.differences.len() == before {
                risen.push(name);
            }
        }
    }
    for note in &tally.words {
        println!("{note}\n");
    }
    for difference in &tally.differences {
        println!("{difference}\n");
    }
    let (compared, words) = (tally.compared, tally.words.len());
    println!(
        "{compared} statements compared, {} differ, {words} only in the words of the error",
        tally.differences.len()
    );
    println!("{} of {} statements about what is not there yet differ", later.differences.len(), later.compared);
    assert!(tally.differences.is_empty(), "{} of {compared} statements differ", tally.differences.len());
    assert!(risen.is_empty(), "these scripts agree and belong into tests/scripts: {}", risen.join(", "));
}

async fn compare(script: &Path, name: &str, theirs: &Config, ours: &Config, tally: &mut Tally) {
    let text = std::fs::read_to_string(script).expect("a script is text");
    let mut oracle = Session::open(theirs, name).await;
    let mut server = Session::open(ours, name).await;
    for (line, sql) in statements(&text) {
        let (mut expected, mut found) = (oracle.run(&sql).await, server.run(&sql).await);
        assert!(!expected.is_lost(), "{name}:{line}: PostgreSQL did not answer {sql}");
        if !sql.to_uppercase().contains("ORDER BY") {
            expected.sort_rows();
            found.sort_rows();
        }
        tally.compared += 1;
        if expected == found {
            continue;
        }
        let report = format!("{name}.slt:{line}: {sql}\n- PostgreSQL: {expected}\n- KalamDB:    {found}");
        match expected.without_messages() == found.without_messages() {
            true => tally.words.push(report),
            false => tally.differences.push(report),
        }
    }
}

/// The statements of a script with the lines where they start.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut statements = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        if open.is_none() && (line.trim().is_empty() || line.starts_with("--")) {
            continue;
        }
        let (_, sql) = open.get_or_insert((number + 1, String::new()));
        if !sql.is_empty() {
            sql.push('\n');
        }
        sql.push_str(line);
        if line.trim_end().ends_with(';') {
            statements.extend(open.take());
        }
    }
    assert!(open.is_none(), "the last statement does not end: {open:?}");
    statements
}
