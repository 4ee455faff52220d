//! PostgreSQL's own programs, `psql`, `pg_dump` and `pg_restore`, on KalamDB and on PostgreSQL: what they print of the same
//! schema is the same, and what one server's database was dumped to loads into the other.

use std::path::Path;
use std::process::{Command, Output};

use tests::{Oracle, Server};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::statements::schema_file;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// A server as those programs reach it.
struct Place {
    config: Config,
}

impl Place {
    fn command(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(Path::new(PROGRAMS).join(program));
        let Some(Host::Tcp(host)) = self.config.get_hosts().first() else { panic!("the server is reached by TCP") };
        command.env("PGHOST", host).env("PGPORT", self.config.get_ports()[0].to_string());
        command.env("PGUSER", self.config.get_user().expect("somebody logs in")).env("PGDATABASE", database);
        if let Some(password) = self.config.get_password() {
            command.env("PGPASSWORD", String::from_utf8_lossy(password).into_owned());
        }
        command.env("PGOPTIONS", "-c search_path=app,public").env("PAGER", "cat");
        command
    }

    /// What a program printed; both streams.
    ///
    /// # Panics
    /// When it fails.
    fn run(&self, program: &str, database: &str, arguments: &[&str]) -> String {
        let output = self.command(program, database).args(arguments).output().expect("it can be run");
        let said = all_of(&output);
        assert!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
        said
    }

    /// Runs a text by psql, which stops at the first error.
    fn load(&self, database: &str, file: &Path) {
        let file = file.to_str().expect("a path of one's own is text");
        self.run("psql", database, &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file]);
    }

    fn create(&self, database: &str) {
        self.run("psql", "postgres", &["-X", "-q", "-c", &format!("CREATE DATABASE {database} TEMPLATE template0")]);
    }

    /// A plain dump, without what says when and by what it was made, each table's rows sorted.
    fn dump(&self, database: &str) -> Vec<String> {
        let text = self.run("pg_dump", database, &[]);
        let is_said = |line: &&str| {
            !line.is_empty()
                && !line.starts_with("--")
                && !line.starts_with("\\restrict")
                && !line.starts_with("\\unrestrict")
        };
        // Rows of one table may be written in any order.
        let mut lines: Vec<String> = text.lines().filter(is_said).map(str::to_owned).collect();
        let mut rows_from = None;
        for at in 0..lines.len() {
            if lines[at].starts_with("COPY ") {
                rows_from = Some(at + 1);
            } else if lines[at] == "\\." {
                lines[rows_from.take().expect("rows end where some have begun")..at].sort();
            }
        }
        lines
    }
}

fn all_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The first lines in which two texts differ.
fn difference(expected: &[String], found: &[String]) -> Option<String> {
    if expected == found {
        return None;
    }
    let missing = expected.iter().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
    let more = found.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}"));
    let lines: Vec<String> = missing.chain(more).take(60).collect();
    Some(if lines.is_empty() { "the same lines in another order".to_owned() } else { lines.join("\n") })
}

/// Both servers, each with the example's schema in a database of its own.
async fn both() -> (Oracle, Server, [Place; 2], tempfile::TempDir) {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let server = Server::start();
    let places = [Place { config: oracle.config() }, Place { config: server.config() }];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let script = directory.path().join("application.sql");
    let text = format!("CREATE SCHEMA app;\n{}", schema_file("application"));
    std::fs::write(&script, text).expect("a file in a directory of one's own");
    for place in &places {
        place.create("application");
        place.load("application", &script);
    }
    (oracle, server, places, directory)
}

/// psql's commands that describe something; `*` stands for each relation of the schema.
const DESCRIBED: [&str; 30] = [
    "\\d *",
    "\\d+ *",
    "\\dt+ app.*",
    "\\di+ app.*",
    "\\ds+ app.*",
    "\\dv+ app.*",
    "\\dm+ app.*",
    "\\dE+ app.*",
    "\\dtvmsi app.*",
    "\\dP+ app.*",
    "\\dPn+ app.*",
    "\\dT+ app.*",
    "\\dD+ app.*",
    "\\dp app.*",
    "\\z app.account",
    "\\ddp app",
    "\\dn+ app",
    "\\dd app.*",
    "\\dC+ order_state",
    "\\do+ app.*",
    "\\df app.*",
    "\\dy",
    "\\dRp",
    "\\des",
    "\\dew",
    "\\dX",
    "\\sv app.account_worth",
    "\\sv+ app.order_total",
    "SELECT * FROM kinds \\gdesc",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'app' ORDER BY 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn psql_describes_the_same() {
    let (_oracle, _server, places, _directory) = both().await;
    let relations = "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'app'::regnamespace ORDER BY 1";
    let names = places[0].run("psql", "application", &["-XAt", "-c", relations]);
    let each = |command: &str| -> Vec<String> {
        match command.strip_suffix(" *") {
            Some(verb) => names.lines().map(|name| format!("{verb} app.{name}")).collect(),
            None => vec![command.to_owned()],
        }
    };
    let mut differences = Vec::new();
    let commands: Vec<String> = DESCRIBED.iter().flat_map(|command| each(command)).collect();
    for command in &commands {
        let [expected, found] = [0, 1].map(|at| {
            let mut psql = places[at].command("psql", "application");
            let output = psql.args(["-XA", "-c", command]).output().expect("psql can be run");
            without_sizes(&all_of(&output))
        });
        if let Some(difference) = difference(&expected, &found) {
            differences.push(format!("{command}\n{difference}"));
        }
    }
    let count = commands.len();
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n\n"));
}

/// The lines of what psql printed, with sizes left out: rows are stored in other ways.
fn without_sizes(text: &str) -> Vec<String> {
    let is_size = |cell: &str| {
        let unit = cell.split_once(' ').filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
        unit.is_some_and(|(_, unit)| matches!(unit, "bytes" | "kB" | "MB"))
    };
    let shown = |cell| if is_size(cell) { "so many bytes" } else { cell };
    text.lines().map(|line| line.split('|').map(shown).collect::<Vec<_>>().join("|")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_go_to_and_fro() {
    let (_oracle, _server, [theirs, ours], directory) = both().await;
    let file = |name: &str| directory.path().join(name);
    let path = |name: &str| file(name).to_str().expect("a path of one's own is text").to_owned();
    let expected = theirs.dump("application");

    // The schema as each server has it is dumped to the same text.
    let mut problems = Vec::new();
    problems.extend(difference(&expected, &ours.dump("application")).map(|lines| format!("dumped here:\n{lines}")));

    // What PostgreSQL has dumped is loaded here, as text and by pg_restore.
    theirs.run("pg_dump", "application", &["-f", &path("plain.sql")]);
    theirs.run("pg_dump", "application", &["-Fc", "-f", &path("custom.dump")]);
    ours.create("from_plain");
    ours.load("from_plain", &file("plain.sql"));
    problems.extend(difference(&expected, &ours.dump("from_plain")).map(|lines| format!("loaded by psql:\n{lines}")));
    ours.create("from_custom");
    ours.run("pg_restore", "from_custom", &["-1", "-d", "from_custom", &path("custom.dump")]);
    let found = ours.dump("from_custom");
    problems.extend(difference(&expected, &found).map(|lines| format!("loaded by pg_restore:\n{lines}")));

    // And what is dumped here is loaded there.
    ours.run("pg_dump", "from_plain", &["-f", &path("back.sql")]);
    ours.run("pg_dump", "from_plain", &["-Fc", "-f", &path("back.dump")]);
    theirs.create("from_back");
    theirs.load("from_back", &file("back.sql"));
    let found = theirs.dump("from_back");
    problems.extend(difference(&expected, &found).map(|lines| format!("loaded into PostgreSQL:\n{lines}")));
    theirs.create("from_back_custom");
    theirs.run("pg_restore", "from_back_custom", &["-1", "-d", "from_back_custom", &path("back.dump")]);
    let found = theirs.dump("from_back_custom");
    problems.extend(difference(&expected, &found).map(|lines| format!("restored into PostgreSQL:\n{lines}")));
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pgbench_makes_is_dumped_and_restored() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let server = Server::start();
    let [theirs, ours] = [Place { config: oracle.config() }, Place { config: server.config() }];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("bench.sql");
    let rows = "INSERT INTO pgbench_branches VALUES (1, 5, NULL); INSERT INTO pgbench_tellers VALUES (1, 1, 7, 'x');
        INSERT INTO pgbench_accounts SELECT n, 1, n * 3, '' FROM generate_series(1, 1000) n;
        INSERT INTO pgbench_history VALUES (1, 1, 1, -5, '2024-01-02 03:04:05.678', NULL)";
    for place in [&theirs, &ours] {
        place.create("bench");
        place.run("pgbench", "bench", &["-i", "-q", "-I", "dtpf"]);
        place.run("psql", "bench", &["-X", "-q", "-c", rows]);
    }
    let expected = theirs.dump("bench");
    assert_eq!(difference(&expected, &ours.dump("bench")), None);
    for (from, to) in [(&theirs, &ours), (&ours, &theirs)] {
        from.run("pg_dump", "bench", &["-f", file.to_str().expect("a path of one's own is text")]);
        to.create("bench_again");
        to.load("bench_again", &file);
        assert_eq!(difference(&expected, &to.dump("bench_again")), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_and_collations_are_dumped_and_restored() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let server = Server::start();
    let [theirs, ours] = [Place { config: oracle.config() }, Place { config: server.config() }];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("extended.sql");
    let definitions = r#"CREATE SCHEMA kept; CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pgcrypto SCHEMA kept;
        COMMENT ON EXTENSION pgcrypto IS 'what we take of it';
        CREATE TABLE things (id uuid DEFAULT uuid_generate_v4() PRIMARY KEY, name text COLLATE "C" NOT NULL,
            sum bytea GENERATED ALWAYS AS (kept.digest(name, 'sha256')) STORED, CHECK (id <> uuid_ns_dns()));
        CREATE INDEX things_lower ON things (name COLLATE "POSIX", lower(name) COLLATE "POSIX" DESC);
        CREATE VIEW named AS SELECT uuid_generate_v5(uuid_ns_url(), name) AS id, kept.hmac(name, 'key', 'md5') FROM things;
        INSERT INTO things VALUES (uuid_nil(), 'nothing'), (uuid_ns_oid(), 'an oid');"#;
    for place in [&theirs, &ours] {
        place.create("extended");
        place.run("psql", "extended", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", definitions]);
    }
    let expected = theirs.dump("extended");
    assert_eq!(difference(&expected, &ours.dump("extended")), None);
    for (from, to) in [(&theirs, &ours), (&ours, &theirs)] {
        from.run("pg_dump", "extended", &["-f", file.to_str().expect("a path of one's own is text")]);
        to.create("extended_again");
        to.load("extended_again", &file);
        assert_eq!(difference(&expected, &to.dump("extended_again")), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sessions_begin_with_is_kept_and_dumped() {
    let oracle = Oracle::start().await.expect("PostgreSQL 15 is not installed; scripts/setup installs it");
    let server = Server::start();
    let [theirs, ours] = [Place { config: oracle.config() }, Place { config: server.config() }];
    let definitions = [
        "CREATE ROLE beginner LOGIN PASSWORD 'a secret of some length'",
        "ALTER ROLE ALL SET work_mem = '2MB'",
        "ALTER ROLE ALL SET deadlock_timeout = '7s'",
        "ALTER DATABASE begun SET work_mem = '3MB'",
        "ALTER DATABASE begun SET lock_timeout = '3s'",
        "ALTER DATABASE begun SET idle_session_timeout = '3h'",
        "ALTER DATABASE begun SET search_path = x, \"Y\"",
        // Nobody but a superuser may set it, and everybody begins with it.
        "ALTER DATABASE begun SET log_min_duration_statement = '1h'",
        "ALTER ROLE beginner SET lock_timeout = '4s'",
        "ALTER ROLE beginner SET idle_session_timeout = '4h'",
        "ALTER ROLE beginner IN DATABASE begun SET idle_session_timeout = '5h'",
        "ALTER ROLE beginner IN DATABASE begun SET \"TimeZone\" = 'Asia/Tokyo'",
    ];
    let shown = "SELECT name, setting, source FROM pg_settings WHERE source LIKE 'database%' OR source IN ('user', 'global') ORDER BY 1";
    let again =
        "SET work_mem = '1MB'; RESET work_mem; SHOW work_mem; SET lock_timeout = 0; RESET ALL; SHOW lock_timeout";
    let mut answers = Vec::new();
    for place in [&theirs, &ours] {
        place.create("begun");
        for definition in definitions {
            place.run("psql", "postgres", &["-X", "-q", "-c", definition]);
        }
        let begin = |database: &str, commands: &[&str]| {
            let mut psql = place.command("psql", database);
            psql.env("PGUSER", "beginner").env("PGPASSWORD", "a secret of some length").env_remove("PGOPTIONS");
            let output = psql.args(["-X", "-A"]).args(commands).output().expect("psql can be run");
            all_of(&output)
        };
        let dumped = place.run("pg_dump", "begun", &["-C"]);
        let dumped: Vec<&str> = dumped.lines().filter(|line| line.starts_with("ALTER")).collect();
        answers.push([
            begin("begun", &["-c", shown]),
            begin("postgres", &["-c", shown]),
            begin("begun", &["-c", again]),
            place.run("psql", "begun", &["-X", "-c", "\\drds"]),
            dumped.join("\n"),
        ]);
    }
    let [expected, found]: [[String; 5]; 2] = answers.try_into().expect("two servers answer");
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(found, expected);
    }
}
