//! Python's clients of PostgreSQL must not notice that they talk to KalamDB.
//!
//! A program under `tests/python/clients` uses one client or framework as an application would and prints what it found:
//! values with their types, what it was told of columns and errors, what reflection made of a schema. It runs against
//! PostgreSQL 15 and against KalamDB, each time in a database of its own, and must print the same lines. What a program prints is
//! the same from run to run, so it names no oids, times or processes.
//!
//! `ONLY=name` picks a program.

use tests::{Oracle, Server, Spoken, client};
use tokio_postgres::Config;

#[tokio::test(flavor = "multi_thread")]
async fn python_clients_find_what_they_find_in_postgresql() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let server = Server::start();
    let only = std::env::var("ONLY").ok();
    let mut differing = Vec::new();
    for program in crate::scripts("python/clients", "py") {
        let file = program.file_name().expect("a program has a name").to_string_lossy().into_owned();
        // What the programs share is beside them.
        let Some(name) = file.strip_prefix("with_").and_then(|name| name.strip_suffix(".py")) else { continue };
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let database = format!("with_{name}");
        for client in [oracle.connect().await, server.connect().await] {
            client.batch_execute(&format!("CREATE DATABASE {database}")).await.expect("a database can be made");
        }
        let run = |config: Config| {
            let (file, database) = (file.clone(), database.clone());
            tokio::task::spawn_blocking(move || client(&file, &config, &database))
        };
        let (theirs, ours) = tokio::join!(run(oracle.config()), run(server.config()));
        let (theirs, ours) = (theirs.expect("it ran"), ours.expect("it ran"));
        assert!(is_whole(&theirs), "{file} does not work with PostgreSQL\n{}\n{}", theirs.output, theirs.complaints);
        if theirs.output != ours.output || !ours.has_ended_well {
            let lines = difference(&theirs.output, &ours.output);
            println!("{file}\n{}\n{}", lines.join("\n"), ours.complaints);
            differing.push(format!("{name}: {} lines", lines.len()));
        }
    }
    assert!(differing.is_empty(), "{differing:?}\n{}", server.log());
}

/// Whether every part of it came to its end.
fn is_whole(spoken: &Spoken) -> bool {
    spoken.has_ended_well && !spoken.output.lines().any(|line| line.contains(" failed: "))
}

/// The lines of the first that the second has not, marked with `-`, and the other way round with `+`, in order.
fn difference(theirs: &str, ours: &str) -> Vec<String> {
    let (theirs, ours) = (theirs.lines().collect::<Vec<_>>(), ours.lines().collect::<Vec<_>>());
    // How many lines the two have in common from here on, in order.
    let mut common = vec![vec![0_usize; ours.len() + 1]; theirs.len() + 1];
    for (left, line) in theirs.iter().enumerate().rev() {
        for (right, other) in ours.iter().enumerate().rev() {
            common[left][right] = if line == other {
                common[left + 1][right + 1] + 1
            } else {
                common[left + 1][right].max(common[left][right + 1])
            };
        }
    }
    let (mut left, mut right, mut lines) = (0, 0, Vec::new());
    while left < theirs.len() || right < ours.len() {
        if left < theirs.len() && right < ours.len() && theirs[left] == ours[right] {
            (left, right) = (left + 1, right + 1);
        } else if right == ours.len() || (left < theirs.len() && common[left + 1][right] >= common[left][right + 1]) {
            lines.push(format!("- {}", theirs[left]));
            left += 1;
        } else {
            lines.push(format!("+ {}", ours[right]));
            right += 1;
        }
    }
    lines
}
