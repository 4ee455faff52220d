//! Applications in other languages: each program under `tests/clients` says what its driver, ORM or tool showed it, which must be
//! the same from KalamDB and from PostgreSQL.

use tests::{Oracle, Program, Server, output_differences};

/// Runs a program on both, or says why it cannot be run.
async fn alike(program: Result<Program, String>) {
    let program = match program {
        Ok(program) => program,
        Err(missing) => return println!("skipped: {missing}"),
    };
    let server = Server::start();
    let certificate = (server.data().join("server.crt"), server.data().join("server.key"));
    let Some(oracle) = Oracle::start_like(&server.config(), &certificate.0, &certificate.1).await else {
        return println!("skipped: PostgreSQL 15 is not installed");
    };
    // Both at once, since programs wait more than they work.
    let (expected, found) = std::thread::scope(|scope| {
        let expected = scope.spawn(|| program.output(&oracle.config()));
        let found = program.output(&server.config());
        (expected.join().expect("it says what went wrong"), found)
    });
    assert!(!expected.contains("ended with"), "it fails on PostgreSQL too:\n{expected}");
    let differences = output_differences(&expected, &found);
    assert!(differences.is_empty(), "- PostgreSQL, + KalamDB\n{differences}\n{}", server.log());
}

#[tokio::test]
async fn node_postgres() {
    alike(Program::node("tests-node", "node/node_postgres.js")).await;
}

#[tokio::test]
async fn postgres_js() {
    alike(Program::node("tests-node", "node/postgres_js.js")).await;
}

#[tokio::test]
async fn jdbc() {
    alike(Program::java("java/Jdbc.java")).await;
}

#[tokio::test]
async fn odbc() {
    alike(Program::odbc("odbc/odbc.c")).await;
}

// What takes more to install: `scripts/soak` does, and runs these too.

#[tokio::test]
#[ignore = "scripts/soak installs Go"]
async fn go_pq() {
    alike(Program::go("go/pq.go")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs Go"]
async fn go_pgx() {
    alike(Program::go("go/pgx.go")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs PHP"]
async fn php() {
    let probe = ["-r", "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"];
    alike(Program::interpreted("php", probe, "php/pdo.php")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs Ruby"]
async fn ruby() {
    alike(Program::interpreted("ruby", ["-e", "require 'pg'"], "ruby/pg.rb")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs pgcli"]
async fn pgcli() {
    // Debian's own Python has Debian's packages.
    alike(Program::interpreted("/usr/bin/python3", ["-c", "import pgcli"], "pgcli/shell.py")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs ORMs"]
async fn prisma() {
    alike(Program::node("tests-orm", "orm/prisma.js")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs ORMs"]
async fn drizzle() {
    alike(Program::node("tests-orm", "orm/drizzle.js")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs ORMs"]
async fn knex() {
    alike(Program::node("tests-orm", "orm/knex.js")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs ORMs"]
async fn sequelize() {
    alike(Program::node("tests-orm", "orm/sequelize.js")).await;
}

#[tokio::test]
#[ignore = "scripts/soak installs ORMs"]
async fn typeorm() {
    alike(Program::node("tests-orm", "orm/typeorm.js")).await;
}
