//! A real PostgreSQL 15, to compare answers with.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::server::connect;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
const START_LIMIT: Duration = Duration::from_secs(60);

/// How to get in.
struct Login<'a> {
    password: &'a [u8],
    certificate: &'a Path,
    key: &'a Path,
}

/// A PostgreSQL server process and its data directory; both end with it.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    port: u16,
    password: Option<Vec<u8>>,
    // Dropped after `child` has ended.
    _directory: TempDir,
}

impl Oracle {
    /// Starts a PostgreSQL, if one is installed.
    pub async fn start() -> Option<Self> {
        Self::launch(None).await
    }

    /// Starts one that lets in as another server does: by the same password, and with TLS by the same certificate.
    pub async fn start_like(other: &Config, certificate: &Path, key: &Path) -> Option<Self> {
        let password = other.get_password().expect("the other server asks for a password");
        Self::launch(Some(Login { password, certificate, key })).await
    }

    async fn launch(login: Option<Login<'_>>) -> Option<Self> {
        if !Path::new(PROGRAMS).join("initdb").exists() {
            return None;
        }
        let directory = tempfile::Builder::new().prefix("kalamdb-oracle").tempdir().expect("a temporary directory");
        let user = unprivileged_user();
        let give = |path: &Path| {
            if let Some((uid, gid)) = user {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("root may give files away");
            }
        };
        give(directory.path());
        let file = |name: &str, content: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, content).expect("a file in a directory of one's own");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
            give(&path);
        };
        let command = |program: &str| {
            let mut command = Command::new(Path::new(PROGRAMS).join(program));
            command.current_dir(directory.path());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let mut method = ["-A", "trust"].as_slice();
        if let Some(login) = &login {
            file("password", login.password);
            file("server.crt", &fs::read(login.certificate).expect("the certificate can be read"));
            file("server.key", &fs::read(login.key).expect("the key can be read"));
            method = &["-A", "scram-sha-256", "--pwfile=password"];
        }
        // Nothing here needs to survive, so nothing is flushed.
        let made = command("initdb")
            .args(["-D", "data", "-U", "postgres", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(method)
            .output()
            .expect("initdb can be run");
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let log = File::create(directory.path().join("log")).expect("a log");
        let mut server = command("postgres");
        server.args(["-D", "data", "-p", &port.to_string(), "-F", "-c", "listen_addresses=127.0.0.1"]).args([
            "-c",
            "unix_socket_directories=",
            "-c",
            "timezone=Etc/UTC",
        ]);
        if login.is_some() {
            // Beside the directory of the data, relative to it.
            server.args(["-c", "ssl=on", "-c", "ssl_cert_file=../server.crt", "-c", "ssl_key_file=../server.key"]);
        }
        let child = server
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .expect("postgres can be run");
        let password = login.map(|login| login.password.to_vec());
        let oracle = Self { child, port, password, _directory: directory };
        oracle.wait_until_ready().await;
        Some(oracle)
    }

    /// How to log in as its superuser.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").dbname("postgres");
        if let Some(password) = &self.password {
            config.password(password);
        }
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
