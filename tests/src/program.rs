//! Programs in other languages, which use a server through the drivers that people use there and print what they saw.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Where Debian keeps pgJDBC, what Go programs import, and psqlODBC.
const JDBC: &str = "/usr/share/java/postgresql.jar";
const GO_SOURCES: &str = "/usr/share/gocode";
const ODBC: &str = "odbc/psqlodbcw.so";

/// A program under `tests/clients`, ready to be run.
#[derive(Debug)]
pub struct Program {
    command: Vec<PathBuf>,
    environment: Vec<(&'static str, PathBuf)>,
    // What was compiled, as long as it is wanted.
    _built: Option<TempDir>,
}

impl Program {
    /// A JavaScript program, with the packages of one of the folders that `scripts/setup` fills.
    ///
    /// # Errors
    /// What is missing.
    pub fn node(packages: &str, file: &str) -> Result<Self, String> {
        let modules = installed(packages).join("node_modules");
        let node = found("node").ok_or("node is not installed")?;
        if !modules.exists() {
            return Err(format!("{} is missing; scripts/test installs it", modules.display()));
        }
        let command = vec![node, "--no-deprecation".into(), source(file)];
        Ok(Self { command, environment: vec![("NODE_PATH", modules)], _built: None })
    }

    /// A Java program on pgJDBC.
    ///
    /// # Errors
    /// What is missing.
    pub fn java(file: &str) -> Result<Self, String> {
        let java = found("javac").and(found("java")).ok_or("no JDK is installed")?;
        if !Path::new(JDBC).exists() {
            return Err("pgJDBC (libpostgresql-jdbc-java) is not installed".to_owned());
        }
        let command = vec![java, "-XX:TieredStopAtLevel=1".into(), "-cp".into(), JDBC.into(), source(file)];
        Ok(Self { command, environment: Vec::new(), _built: None })
    }

    /// A C program on psqlODBC.
    ///
    /// # Errors
    /// What is missing.
    ///
    /// # Panics
    /// When it cannot be compiled.
    pub fn odbc(file: &str) -> Result<Self, String> {
        let compiler = found("cc").or(found("g++")).ok_or("no C compiler is installed")?;
        let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
        let driver = libraries.map(|folder| folder.join(ODBC)).find(|driver| driver.exists());
        let driver = driver.ok_or("psqlODBC (odbc-postgresql) is not installed")?;
        if !Path::new("/usr/include/sql.h").exists() {
            return Err("unixODBC (unixodbc-dev) is not installed".to_owned());
        }
        let built = tempfile::tempdir().expect("a temporary directory");
        let program = built.path().join("program");
        let mut compile = Command::new(compiler);
        compile.args(["-x", "c", "-o"]).arg(&program).arg(source(file)).arg("-lodbc");
        compiled(&mut compile);
        Ok(Self { command: vec![program], environment: vec![("PSQLODBC", driver)], _built: Some(built) })
    }

    /// A Go program on the packages that Debian has.
    ///
    /// # Errors
    /// What is missing.
    ///
    /// # Panics
    /// When it cannot be compiled.
    pub fn go(file: &str) -> Result<Self, String> {
        let go = found("go").ok_or("Go is not installed")?;
        let pq = Path::new(GO_SOURCES).join("src/github.com/lib/pq");
        let pgx = Path::new(GO_SOURCES).join("src/github.com/jackc/pgx/v4");
        if !pq.exists() || !pgx.exists() {
            return Err(
                "Go's drivers (golang-github-lib-pq-dev, golang-github-jackc-pgx-v4-dev) are not installed".to_owned()
            );
        }
        let built = tempfile::tempdir().expect("a temporary directory");
        let program = built.path().join("program");
        let mut compile = Command::new(go);
        compile.env("GO111MODULE", "off").env("GOPATH", GO_SOURCES).env("GOCACHE", installed("tests-go"));
        compile.args(["build", "-o"]).arg(&program).arg(source(file));
        compiled(&mut compile);
        Ok(Self { command: vec![program], environment: Vec::new(), _built: Some(built) })
    }

    /// A program that an interpreter reads, if it finds the driver: `probe` are arguments with which it fails otherwise.
    ///
    /// # Errors
    /// What is missing.
    pub fn interpreted(interpreter: &str, probe: [&str; 2], file: &str) -> Result<Self, String> {
        let path = found(interpreter).ok_or(format!("{interpreter} is not installed"))?;
        let probed = Command::new(&path).args(probe).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !probed.is_ok_and(|status| status.success()) {
            return Err(format!("{interpreter} has no driver"));
        }
        Ok(Self { command: vec![path, source(file)], environment: Vec::new(), _built: None })
    }

    /// All that it prints when it is told of a server.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn output(&self, server: &Config) -> String {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).envs(self.environment.iter().map(|(name, value)| (name, value)));
        for (name, value) in login(server) {
            command.env(name, value);
        }
        let output = command.env("TZ", "UTC").stdin(Stdio::null()).output().expect("it can be started");
        let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            write!(printed, "ended with {}\n{words}", output.status).expect("a string takes all");
        }
        printed
    }
}

/// Where two outputs differ, with the title of the case: titles stand at the left edge, what belongs to them does not.
/// Empty if they are alike.
pub fn output_differences(expected: &str, found: &str) -> String {
    let mut report = String::new();
    let mut found = cases(found);
    for (title, expected) in cases(expected) {
        let position = found.iter().position(|(other, _)| *other == title);
        let lines = position.map(|position| found.remove(position).1).unwrap_or_default();
        if lines != expected {
            writeln!(report, "{title}").expect("a string takes all");
            report_lines(&mut report, &expected, &lines);
        }
    }
    for (title, lines) in found {
        writeln!(report, "{title}").expect("a string takes all");
        report_lines(&mut report, &[], &lines);
    }
    report
}

/// Lines that only one of them has: what is alike at the beginning and at the end is left out.
fn report_lines(report: &mut String, expected: &[&str], found: &[&str]) {
    if expected.len() == found.len() {
        for (expected, found) in expected.iter().zip(found).filter(|(expected, found)| expected != found) {
            writeln!(report, "- {expected}\n+ {found}").expect("a string takes all");
        }
        return;
    }
    let alike = expected.iter().zip(found).take_while(|(expected, found)| expected == found).count();
    let (expected, found) = (&expected[alike..], &found[alike..]);
    let end = expected.iter().rev().zip(found.iter().rev()).take_while(|(expected, found)| expected == found).count();
    for line in &expected[..expected.len() - end] {
        writeln!(report, "- {line}").expect("a string takes all");
    }
    for line in &found[..found.len() - end] {
        writeln!(report, "+ {line}").expect("a string takes all");
    }
}

fn cases(output: &str) -> Vec<(&str, Vec<&str>)> {
    let mut cases = Vec::<(&str, Vec<&str>)>::new();
    for line in output.lines() {
        match cases.last_mut() {
            Some((_, lines)) if line.starts_with(' ') => lines.push(line),
            _ => cases.push((line, Vec::new())),
        }
    }
    cases
}

/// The variables by which libpq, and most of what is not libpq, knows a server.
fn login(server: &Config) -> Vec<(&'static str, String)> {
    let host = server.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(name) => Some(name.clone()),
        Host::Unix(_) => None,
    });
    vec![
        ("PGHOST", host.expect("servers of tests listen on TCP")),
        ("PGPORT", server.get_ports().first().expect("and on one port").to_string()),
        ("PGUSER", server.get_user().unwrap_or_default().to_owned()),
        ("PGPASSWORD", String::from_utf8_lossy(server.get_password().unwrap_or_default()).into_owned()),
        ("PGDATABASE", server.get_dbname().unwrap_or_default().to_owned()),
    ]
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(file)
}

/// A program by its name, as the shell would find it.
fn found(program: &str) -> Option<PathBuf> {
    // Joined to an absolute path, a folder is left out.
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A folder beside what was built, where `scripts/setup` installs for tests.
fn installed(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("KALAMDB_TEST_INSTALLED") {
        return PathBuf::from(folder).join(name);
    }
    let tests = std::env::current_exe().expect("a test knows its own path");
    tests.ancestors().nth(3).expect("it lies in a folder of the build directory").join(name)
}

fn compiled(compile: &mut Command) {
    let output = compile.output().expect("the compiler can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
