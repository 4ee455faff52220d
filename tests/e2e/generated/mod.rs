//! Generated statements of the kind that applications send all day, by key and by index: KalamDB answers them with point
//! plans, without point plans, and PostgreSQL answers them, all three alike.
//!
//! `SEEDS=n` plays that many seeds, `SEED=n` that one again.
//!
//! And generated queries, of every shape that a SELECT has (`query`). They are compared in the same way; what KalamDB says
//! that it does not support is counted and no difference, and so is what takes too long.

mod query;
mod statement;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use query::QueryGenerator;
use rand::SeedableRng;
use rand::rngs::StdRng;
use statement::{Generator, Step};
use tests::{Answer, Oracle, Outcome, Server};
use tokio_postgres::Config;

use crate::session::Session;
use crate::statements::without_point_plans;

const SEEDS: u64 = 6;
const STATEMENTS: usize = 150;
const QUERY_SEEDS: u64 = 2;
const QUERIES: usize = 100;
/// How long a query may take anywhere; a few are made that nobody answers soon.
const QUERY_LIMIT: &str = "3s";

#[tokio::test(flavor = "multi_thread")]
async fn generated_statements_answer_as_in_postgresql() {
    play_all(Kind::Statements, seeds("SEED", "SEEDS", SEEDS)).await;
}

/// Generated queries: seeds by `QUERY_SEEDS` and `QUERY_SEED`.
#[tokio::test(flavor = "multi_thread")]
async fn generated_queries_answer_as_in_postgresql() {
    play_all(Kind::Queries, seeds("QUERY_SEED", "QUERY_SEEDS", QUERY_SEEDS)).await;
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Statements,
    Queries,
}

/// The seed that the variable `one` names, or as many as `many` says.
fn seeds(one: &str, many: &str, otherwise: u64) -> Range<u64> {
    match number(one) {
        Some(seed) => seed..seed + 1,
        None => 0..number(many).unwrap_or(otherwise),
    }
}

async fn play_all(kind: Kind, seeds: Range<u64>) {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let (server, wide_server) = (Server::start(), Server::start());
    let players = [oracle.config(), server.config(), without_point_plans(&wide_server)];
    let (mut compared, mut failed, mut faults) = (0, 0, Vec::new());
    let mut refused = BTreeMap::new();
    for seed in seeds.clone() {
        let played = match kind {
            Kind::Statements => play(seed, &players).await,
            Kind::Queries => play_queries(seed, &players, &mut refused).await,
        };
        match played {
            Ok(counts) => {
                compared += counts.compared;
                failed += counts.errors;
            }
            Err(fault) => faults.push(fault),
        }
    }
    println!("{kind:?} of seeds {seeds:?}: {compared} compared, {failed} of them errors");
    for (words, count) in &refused {
        println!("{count} not compared: {words}");
    }
    assert!(faults.is_empty(), "\n{}\n{} of {seeds:?} seeds differ", faults.join("\n"), faults.len());
}

/// Plays a seed up to the first difference; counts what KalamDB refuses.
async fn play_queries(
    seed: u64,
    [theirs, ours, wide]: &[Config; 3],
    refused: &mut BTreeMap<String, usize>,
) -> Result<Counts, String> {
    let mut generator = QueryGenerator::new(StdRng::seed_from_u64(seed));
    let schema = format!("query_seed_{seed}");
    let mut oracle = Session::open(theirs, &schema).await;
    let mut server = Session::open(ours, &schema).await;
    let mut wide = Session::open(wide, &schema).await;
    let limit = Step { sql: format!("SET statement_timeout = '{QUERY_LIMIT}'"), is_ordered: false };
    for Step { sql, .. } in std::iter::once(limit).chain(generator.tables()) {
        for session in [&mut oracle, &mut server, &mut wide] {
            let answer = session.run(&sql).await;
            assert!(!is_error(&answer), "{sql}: {answer}");
        }
    }
    let mut counts = Counts::default();
    for number in 1..=QUERIES {
        let Step { sql, is_ordered } = generator.step();
        let [expected, found, found_wide] =
            [oracle.run(&sql).await, server.run(&sql).await, wide.run(&sql).await].map(|mut answer| {
                if !is_ordered {
                    answer.sort_rows();
                }
                answer
            });
        counts.compared += 1;
        counts.errors += usize::from(is_error(&expected));
        if [&expected, &found, &found_wide].into_iter().any(is_too_long) {
            *refused.entry("(too long)".to_owned()).or_default() += 1;
            continue;
        }
        if let Some(words) = refusal(&found).or_else(|| refusal(&found_wide)) {
            *refused.entry(words).or_default() += 1;
            continue;
        }
        if !agree(&expected, &found) || !agree(&expected, &found_wide) {
            return Err(format!(
                "QUERY_SEED={seed}, query {number}\n{sql}\n- PostgreSQL: {expected}\n- KalamDB:    {found}\n- without \
                 point plans: {found_wide}\n"
            ));
        }
    }
    Ok(counts)
}

/// Whether the query was given up.
fn is_too_long(answer: &Answer) -> bool {
    matches!(answer.results.last(), Some(Outcome::Error { code, .. }) if code == "57014")
}

/// What is not supported, if that is the answer.
fn refusal(answer: &Answer) -> Option<String> {
    match answer.results.last() {
        Some(Outcome::Error { code, message }) if code == "0A000" => Some(message.clone()),
        _ => None,
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().expect("a seed is a number"))
}

#[derive(Default)]
struct Counts {
    compared: usize,
    errors: usize,
}

/// Plays a seed up to the first difference.
async fn play(seed: u64, [theirs, ours, wide]: &[Config; 3]) -> Result<Counts, String> {
    let mut generator = Generator::new(StdRng::seed_from_u64(seed));
    let schema = format!("seed_{seed}");
    let mut oracle = Session::open(theirs, &schema).await;
    let mut server = Session::open(ours, &schema).await;
    let mut wide = Session::open(wide, &schema).await;
    let mut counts = Counts::default();
    let mut steps = generator.tables();
    let mut history = String::new();
    while counts.compared < STATEMENTS || !steps.is_empty() {
        if steps.is_empty() {
            steps = generator.steps();
        }
        let Step { sql, is_ordered } = steps.remove(0);
        let [expected, found, found_wide] =
            [oracle.run(&sql).await, server.run(&sql).await, wide.run(&sql).await].map(|mut answer| {
                if !is_ordered {
                    answer.sort_rows();
                }
                answer
            });
        counts.compared += 1;
        counts.errors += usize::from(is_error(&expected));
        // PostgreSQL reads all rows of an INSERT before it writes the first.
        let is_open = sql.contains("), (") && [&expected, &found, &found_wide].into_iter().all(is_error);
        if !is_open && (!agree(&expected, &found) || !agree(&expected, &found_wide)) {
            return Err(format!(
                "SEED={seed}, statement {}, after\n{history}\n{sql}\n- PostgreSQL: {expected}\n- KalamDB:    {found}\n- \
                 without point plans: {found_wide}\n",
                counts.compared
            ));
        }
        // What changed nothing tells nothing about how the difference came about.
        if !sql.starts_with("SELECT") && !is_error(&expected) {
            writeln!(history, "{sql};").expect("a string takes all");
        }
    }
    Ok(counts)
}

fn is_error(answer: &Answer) -> bool {
    matches!(answer.results.last(), Some(Outcome::Error { .. }))
}

/// Errors agree by the class of their code: which of several rows is found to break which constraint first is open, and
/// words are compared elsewhere.
fn agree(expected: &Answer, found: &Answer) -> bool {
    let classes = |answer: &Answer| {
        let mut answer = answer.clone().without_messages();
        for result in &mut answer.results {
            if let Outcome::Error { code, .. } = result {
                code.truncate(2);
            }
        }
        answer
    };
    classes(expected) == classes(found)
}
