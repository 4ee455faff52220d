//! A real PostgreSQL 15, to compare answers with.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::server::connect;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
const START_LIMIT: Duration = Duration::from_secs(60);

/// A PostgreSQL server process and its data directory; both end with it.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    port: u16,
    // Dropped after `child` has ended.
    _directory: TempDir,
}

impl Oracle {
    /// Starts a PostgreSQL, if one is installed.
    pub async fn start() -> Option<Self> {
        if !Path::new(PROGRAMS).join("initdb").exists() {
            return None;
        }
        let directory = tempfile::Builder::new().prefix("kalamdb-oracle").tempdir().expect("a temporary directory");
        let user = unprivileged_user();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(directory.path(), Some(uid), Some(gid)).expect("root may give a directory away");
        }
        let command = |program: &str| {
            let mut command = Command::new(Path::new(PROGRAMS).join(program));
            command.current_dir(directory.path());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        // Nothing here needs to survive, so nothing is flushed.
        let made = command("initdb")
            .args(["-D", "data", "-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .expect("initdb can be run");
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let log = File::create(directory.path().join("log")).expect("a log");
        let child = command("postgres")
            .args(["-D", "data", "-p", &port.to_string(), "-F", "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories=", "-c", "timezone=Etc/UTC"])
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .expect("postgres can be run");
        let oracle = Self { child, port, _directory: directory };
        oracle.wait_until_ready().await;
        Some(oracle)
    }

    /// How to log in as its superuser.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").dbname("postgres");
        config
    }

    /// Connects as its superuser.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn connect(&self) -> Client {
        connect(&self.config()).await.expect("the oracle answers")
    }

    async fn wait_until_ready(&self) {
        let deadline = Instant::now() + START_LIMIT;
        while connect(&self.config()).await.is_err() {
            assert!(Instant::now() < deadline, "PostgreSQL did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // SIGQUIT ends its children with it and leaves no shared memory behind, as SIGKILL would.
        let _ = Command::new("sh").args(["-c", &format!("kill -QUIT {}", self.child.id())]).status();
        let _ = self.child.wait();
    }
}

/// PostgreSQL refuses to run as root: who to be instead, when we are root.
fn unprivileged_user() -> Option<(u32, u32)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let fields = users.lines().find(|line| line.starts_with("postgres:"))?.split(':').collect::<Vec<_>>();
    is_root.then_some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// A port that is free now; PostgreSQL cannot choose one itself.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
