//! A KalamDB of one's own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

const PASSWORD: &str = "a password for tests";
const CONFIGURATION: &str = "kalamdb.toml";
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A server process and its data directory; both end with it.
#[derive(Debug)]
pub struct Server {
    directory: TempDir,
    child: Option<Child>,
    address: String,
}

impl Server {
    /// Starts a server on a new data directory.
    pub fn start() -> Self {
        Self::start_with(|_| String::new())
    }

    /// Starts a server on a new data directory with a configuration file, which may speak of files that are made for it
    /// in a directory.
    pub fn start_with(configuration: impl FnOnce(&Path) -> String) -> Self {
        let directory = tempfile::Builder::new().prefix("kalamdb-test").tempdir().expect("a temporary directory");
        let configuration = configuration(directory.path());
        fs::write(directory.path().join(CONFIGURATION), configuration).expect("a file in a directory of one's own");
        let mut server = Self { directory, child: None, address: String::new() };
        server.launch();
        server
    }

    /// Starts a server on a data directory that is filled from a backup.
    ///
    /// # Panics
    /// When that is refused.
    pub fn restored(backup: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("kalamdb-test").tempdir().expect("a temporary directory");
        fs::write(directory.path().join(CONFIGURATION), "").expect("a file in a directory of one's own");
        let mut server = Self { directory, child: None, address: String::new() };
        let arguments = ["restore".as_ref(), "--from".as_ref(), backup.as_os_str(), "--data".as_ref()];
        let output = Command::new(binary()).args(arguments).arg(server.data()).output().expect("it can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        server.launch();
        server
    }

    /// Starts it again on the same data directory, stopping it first if it runs. The port is another one.
    pub fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    /// Kills it at once (SIGKILL), as a power failure would, were the disk's own cache durable.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server is ours to kill");
            child.wait().expect("the server is ours to wait for");
        }
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not stop in time or does not end well.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status();
        assert!(asked.is_ok_and(|status| status.success()), "could not signal the server");
        let deadline = Instant::now() + STOP_LIMIT;
        loop {
            if let Some(status) = child.try_wait().expect("the server is ours to wait for") {
                assert!(status.success(), "the server ended with {status}\n{}", self.log());
                return;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server did not stop\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How to log in as the first role.
    pub fn config(&self) -> Config {
        let (host, port) = self.address.rsplit_once(':').expect("an address has a port");
        let mut config = Config::new();
        config.host(host).port(port.parse().expect("a port is a number"));
        config.user("postgres").password(PASSWORD).dbname("postgres");
        config
    }

    /// The same for programs that take it from their environment, as libpq does.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        let (host, port) = self.address.rsplit_once(':').expect("an address has a port");
        let user = || "postgres".to_owned();
        [
            ("PGHOST", host.to_owned()),
            ("PGPORT", port.to_owned()),
            ("PGUSER", user()),
            ("PGDATABASE", user()),
            ("PGPASSWORD", PASSWORD.to_owned()),
        ]
    }

    /// Connects as the first role.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn connect(&self) -> Client {
        connect(&self.config()).await.unwrap_or_else(|error| panic!("could not connect: {error}\n{}", self.log()))
    }

    /// Where its data is.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// All that it logged.
    pub fn whole_log(&self) -> String {
        let log = fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        let log = fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned()
    }

    fn launch(&mut self) {
        let port_file = self.directory.path().join("port");
        let _ = fs::remove_file(&port_file);
        let log = File::options().create(true).append(true).open(self.directory.path().join("log")).expect("a log");
        let child = Command::new(binary())
            .arg("--data")
            .arg(self.data())
            .arg("--config")
            .arg(self.directory.path().join(CONFIGURATION))
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&port_file)
            .env("KALAMDB_PASSWORD", PASSWORD)
            // Who asks of a bucket.
            .envs([("BUCKET_ACCESS_KEY_ID", "test"), ("BUCKET_SECRET_ACCESS_KEY", "test")])
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("could not start {}: {error}", binary().display()));
        self.child = Some(child);
        self.address = self.wait_for_port(&port_file);
    }

    fn wait_for_port(&mut self, port_file: &Path) -> String {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // The server renames the file into place, so that what is there is whole.
            if let Ok(address) = fs::read_to_string(port_file) {
                return address.trim().to_owned();
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "the server ended at its start\n{}", self.log());
            assert!(Instant::now() < deadline, "the server did not start\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Connects and lets the connection's other half run in the background.
pub(crate) async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // The connection ends with the client, or with the server: whoever waits for an answer is told then.
    tokio::spawn(connection);
    Ok(client)
}

/// The server's program lies next to the directory of the test programs.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let profile = test.parent().and_then(Path::parent).expect("tests lie two directories deep");
    profile.join("kalamdb")
}
