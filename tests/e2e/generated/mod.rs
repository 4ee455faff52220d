//! Generated statements of the kind that applications send all day, by key and by index: KalamDB answers them with point
//! plans, without point plans, and PostgreSQL answers them, all three alike.
//!
//! `SEEDS=n` plays that many seeds, `SEED=n` that one again.

mod statement;

use std::fmt::Write;

use rand::SeedableRng;
use rand::rngs::StdRng;
use statement::{Generator, Step};
use tests::{Answer, Oracle, Outcome, Server};
use tokio_postgres::Config;

use crate::session::Session;
use crate::statements::without_point_plans;

const SEEDS: u64 = 6;
const STATEMENTS: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn generated_statements_answer_as_in_postgresql() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let (server, wide_server) = (Server::start(), Server::start());
    let players = [oracle.config(), server.config(), without_point_plans(&wide_server)];
    let number = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().expect("a seed is a number"));
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let (mut compared, mut failed, mut faults) = (0, 0, Vec::new());
    for seed in seeds.clone() {
        match play(seed, &players).await {
            Ok(counts) => {
                compared += counts.compared;
                failed += counts.errors;
            }
            Err(fault) => faults.push(fault),
        }
    }
    println!("{compared} generated statements of seeds {seeds:?} compared, {failed} of them errors");
    assert!(faults.is_empty(), "\n{}\n{} of {seeds:?} seeds differ", faults.join("\n"), faults.len());
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
