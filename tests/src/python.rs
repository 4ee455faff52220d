//! Programs that others wrote in Python and for Node: an S3 server, DuckDB as a reader of our files, and clients of PostgreSQL
//! with programs that use them. `scripts/setup` installs them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// An S3 server of one's own, with a bucket that is called `rows`. Ends with this.
#[derive(Debug)]
pub struct Bucket {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Bucket {
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let mut child = script("bucket.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the S3 server can be started");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("its output was asked for"));
        let mut bucket = Self { child, input, output, port: 0 };
        bucket.port = bucket.line().trim().parse().expect("it says its port");
        bucket
    }

    /// Where it is reached.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The names and sizes of all objects, in the order of their names.
    pub fn objects(&mut self) -> Vec<(String, u64)> {
        serde_json::from_str(&self.ask("list")).expect("it answers with a list")
    }

    /// Uploads that were begun and not ended.
    pub fn unfinished(&mut self) -> u64 {
        serde_json::from_str(&self.ask("parts")).expect("it answers with a number")
    }

    fn ask(&mut self, question: &str) -> String {
        let input = self.input.as_mut().expect("its input is open while it lives");
        writeln!(input, "{question}").expect("it listens");
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        line
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What DuckDB sees in a Parquet file: a line for each column, name and type, and one for each row.
///
/// # Panics
/// When it cannot read the file.
pub fn duckdb_reads(path: &std::path::Path) -> String {
    let output = script("columns.py").arg(path).output().expect("DuckDB can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a program that uses a client said, and whether it came to its end; what it complained of otherwise.
#[derive(Debug)]
pub struct Spoken {
    pub output: String,
    pub complaints: String,
    pub has_ended_well: bool,
}

/// Runs a program under `python/clients` as a client of a server, in a database that is its own.
///
/// # Panics
/// When it cannot be started.
pub fn client(program: &str, server: &Config, database: &str) -> Spoken {
    let host = match server.get_hosts() {
        [Host::Tcp(host)] => host.as_str(),
        hosts => panic!("{hosts:?} is not one host"),
    };
    let port = server.get_ports().first().expect("a server listens somewhere").to_string();
    let user = server.get_user().expect("somebody logs in");
    let output = script(&format!("clients/{program}"))
        .env("PGHOST", host)
        .env("PGPORT", port)
        .env("PGUSER", user)
        // The oracle asks for none, but some clients are not content without one.
        .env("PGPASSWORD", &*String::from_utf8_lossy(server.get_password().unwrap_or(b"none")))
        .env("PGDATABASE", database)
        .output()
        .expect("Python can be started");
    Spoken {
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        complaints: String::from_utf8_lossy(&output.stderr).into_owned(),
        has_ended_well: output.status.success(),
    }
}

fn script(name: &str) -> Command {
    python(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("python").join(name))
}

/// Python with a program and the packages of the tests.
pub fn python(program: &Path) -> Command {
    let mut command = Command::new(interpreter());
    command.env("TZ", "UTC").arg("-B").arg(program);
    command
}

/// Node with a program and the packages of the tests; None, which says so, where either is missing.
pub fn node(program: &Path) -> Option<Command> {
    let modules = match std::env::var_os("KALAMDB_TEST_NODE_MODULES") {
        Some(path) => path.into(),
        None => built().join("tests-page/node_modules"),
    };
    if !modules.exists() || !Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success())
    {
        println!("skipped: {} needs node and {}", program.display(), modules.display());
        return None;
    }
    let mut command = Command::new("node");
    // Node looks for packages beside the program, and then there.
    command.env("TZ", "UTC").env("NODE_PATH", modules).arg(program);
    Some(command)
}

/// The interpreter that has the packages: beside what was built, or wherever it is said to be.
fn interpreter() -> PathBuf {
    if let Some(path) = std::env::var_os("KALAMDB_TEST_PYTHON") {
        return path.into();
    }
    let path = built().join("tests-python/bin/python");
    assert!(path.exists(), "{} is missing; scripts/test installs it", path.display());
    path
}

/// The build directory.
fn built() -> PathBuf {
    let tests = std::env::current_exe().expect("a test knows its own path");
    tests.ancestors().nth(3).expect("it lies in a folder of the build directory").to_owned()
}
