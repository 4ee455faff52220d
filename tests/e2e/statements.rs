//! The same statements on KalamDB and on PostgreSQL must have the same answers, whichever way KalamDB runs them: each is
//! run with point plans and without.
//!
//! A script under `tests/scripts` is SQL: a statement ends where a line ends in `;`, a line that starts with `--` between
//! statements is a comment. Each script runs in a schema of its own, which one that begins with `-- schema: NAME` finds
//! filled by `tests/schemas/NAME.sql`. Rows are compared in order only where the statement
//! has an ORDER BY; errors by their SQLSTATE, and different words are shown without being a failure.
//!
//! With `FLUSH_EACH=1` in the environment every table is flushed after each statement, also inside transactions: answers
//! must not depend on where rows lie.
//!
//! With `USER_TABLES=1` tables are made as user tables where they can be: for one user alone that makes no difference. What
//! is about several roles differs then, and what user tables refuse.
//!
//! Under `tests/scripts/later` is what KalamDB cannot do yet, a script for each feature. A script there that agrees has to
//! move up, so that it stays so.

use std::path::Path;

use tests::{Oracle, Server};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use crate::session::Session;

#[derive(Default)]
struct Tally {
    compared: usize,
    differences: Vec<String>,
    words: Vec<String>,
    /// Rows that were flushed between statements.
    flushed: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_answer_as_in_postgresql() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    // Scripts name schemas and roles, so that each player needs a server of its own.
    let (server, wide_server) = (Server::start(), Server::start());
    let players = Players { theirs: oracle.config(), ours: server.config(), wide: without_point_plans(&wide_server) };
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
            compare(&script, &name, &players, tally).await;
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
        "{compared} statements compared in two ways with PostgreSQL, {} differ, {words} only in the words of the error",
        tally.differences.len()
    );
    let flushes = std::env::var("FLUSH_EACH").is_ok();
    if flushes {
        println!("{} rows were flushed between statements", tally.flushed);
    }
    assert_eq!(flushes, tally.flushed > 0, "rows are flushed if, and only if, that was asked for");
    println!("{} of {} statements about what is not there yet differ", later.differences.len(), later.compared);
    assert!(tally.differences.is_empty(), "{} of {compared} statements differ", tally.differences.len());
    assert!(risen.is_empty(), "these scripts agree and belong into tests/scripts: {}", risen.join(", "));
}

/// Where a script is played.
struct Players {
    theirs: Config,
    ours: Config,
    /// Ours, where every statement takes the wide road.
    wide: Config,
}

/// How to connect to a server so that it makes no point plans.
pub(crate) fn without_point_plans(server: &Server) -> Config {
    let mut config = server.config();
    config.options("-c kalamdb.point_plans=off");
    config
}

/// CREATE TABLE as CREATE USER TABLE, if that is asked for and the table can be one.
fn user_table(sql: &str) -> Option<String> {
    let rest = std::env::var("USER_TABLES").ok().and_then(|_| sql.strip_prefix("CREATE TABLE "))?;
    let others = [" PARTITION ", "INHERITS", "LIKE ", " AS ", "pg_temp"];
    (!others.iter().any(|word| rest.contains(word))).then(|| format!("CREATE USER TABLE {rest}"))
}

async fn compare(script: &Path, name: &str, players: &Players, tally: &mut Tally) {
    let text = std::fs::read_to_string(script).expect("a script is text");
    let schema = text.lines().next().and_then(|line| line.strip_prefix("-- schema: ")).map(schema_file);
    let mut oracle = Session::open(&players.theirs, name).await;
    let mut server = Session::open(&players.ours, name).await;
    let mut wide = Session::open(&players.wide, name).await;
    let flushers = match std::env::var("FLUSH_EACH") {
        Ok(_) => vec![Flusher::open(&players.ours).await, Flusher::open(&players.wide).await],
        Err(_) => Vec::new(),
    };
    let made = schema.as_deref().map(statements).unwrap_or_default();
    for (line, sql) in made.into_iter().chain(statements(&text)) {
        let expected = oracle.run(&sql).await;
        let (found, found_wide) = match user_table(&sql) {
            Some(sql) => (server.run(&sql).await, wide.run(&sql).await),
            None => (server.run(&sql).await, wide.run(&sql).await),
        };
        for flusher in &flushers {
            tally.flushed += flusher.flush().await;
        }
        assert!(!expected.is_lost(), "{name}:{line}: PostgreSQL did not answer {sql}");
        let is_ordered = sql.to_uppercase().contains("ORDER BY");
        let [expected, found, found_wide] = [expected, found, found_wide].map(|mut answer| {
            if !is_ordered {
                answer.sort_rows();
            }
            answer
        });
        tally.compared += 1;
        if expected == found && expected == found_wide {
            continue;
        }
        let mut report = format!("{name}.slt:{line}: {sql}\n- PostgreSQL: {expected}\n- KalamDB:    {found}");
        if found_wide != found {
            report.push_str(&format!("\n- without point plans: {found_wide}"));
        }
        let expected = expected.without_messages();
        match expected == found.without_messages() && expected == found_wide.without_messages() {
            true => tally.words.push(report),
            false => tally.differences.push(report),
        }
    }
}

/// The statements that make a schema which several tests look at.
pub(crate) fn schema_file(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name).with_extension("sql");
    std::fs::read_to_string(file).expect("the schema is there")
}

/// A connection beside a script's that flushes all tables.
struct Flusher(Client);

impl Flusher {
    async fn open(config: &Config) -> Self {
        let client = crate::session::connect(config).await;
        // What the script has locked to change its definition is left alone.
        client.batch_execute("SET lock_timeout = '2ms'").await.expect("the setting is known");
        Self(client)
    }

    /// How many rows have gone to files.
    async fn flush(&self) -> i64 {
        match self.0.query_one("STORAGE FLUSH ALL", &[]).await {
            Ok(row) => row.get("rows_flushed"),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => 0,
            Err(error) => panic!("the flush failed: {error:?}"),
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
