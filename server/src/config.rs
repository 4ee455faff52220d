//! Configuration: what the command line says, else the configuration file, else a default. What only the file says of
//! logging in is in `access` (who may come from where) and `tokens` (whose signed tokens are believed).

mod access;
mod tokens;

use std::path::PathBuf;
use std::time::Duration;

use access::RuleEntry;
use auth::{AccessMethod, AccessRule, LockoutPolicy};
use clap::{Args, Parser, Subcommand};
use engine::{AuditLimits, LiveLimits, LoginOptions};
use serde::Deserialize;
pub(crate) use tokens::{KeySource, TokenConfig};
use toml::Spanned;

use crate::memory;
use crate::tls::CertificateFiles;

/// A real-time SQL database that speaks PostgreSQL's protocol.
///
/// On the first start it makes the data directory, the role "postgres" and the database "postgres". The password of
/// that role is taken from the environment variable KALAMDB_PASSWORD; without it one is generated, shown once, and
/// left in the file "initial-password" of the data directory.
#[derive(Debug, Default, Parser)]
///
/// The configuration file also says who may come from where and whose signed tokens (JWT) are believed, in sections
/// [[access]] and [tokens]; docs/kalamdb.toml shows all that it may hold.
#[command(name = "kalamdb", version, args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Directory of the database; made if it does not exist [default: data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes any free port; may be repeated [default: 127.0.0.1:5432]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<String>,
    /// Configuration file (TOML), with the names of these options, as in max_connections = 100
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory to make a Unix socket in, ".s.PGSQL." and the port, for local clients
    #[arg(long, value_name = "DIR")]
    socket_dir: Option<PathBuf>,
    /// TLS certificate chain (PEM); without it a self-signed certificate is made in the data directory
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the TLS certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Most client connections at a time [default: 10000]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// Let whoever can open the Unix socket in as any user, without a password; the socket is then open only to the
    /// server's own user and group
    #[arg(long)]
    trust_local_socket: bool,
    /// Address and port that tell the server's numbers to a monitor, as http://ADDRESS:PORT/metrics, to whoever asks
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<String>,
    /// File to write the address into that is listened on, once it is
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// What to log to standard error, as in "info" or "warn,kalamdb=debug" [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// What is done instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fill an empty data directory from a backup that BACKUP DATABASE has made
    Restore(Restore),
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Directory of the backup
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Data directory to fill; made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigFile {
    data: Option<PathBuf>,
    listen: Option<OneOrMany>,
    socket_dir: Option<PathBuf>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    max_connections: Option<usize>,
    trust_local_socket: bool,
    metrics_listen: Option<String>,
    port_file: Option<PathBuf>,
    log: Option<String>,
    /// How long running statements may go on when the server is told to stop.
    shutdown_grace_seconds: Option<u64>,
    /// How long a client may take to log in.
    authentication_timeout_seconds: Option<u64>,
    /// Failed logins of a user from an address before that user is locked there; 0: nobody is.
    lockout_after_failures: Option<u32>,
    /// How long such a lock lasts at most; the first lasts a second, and each failure after it doubles the next.
    lockout_seconds_max: Option<u32>,
    /// Characters of a password that SQL sets, at least; those that a client has hashed cannot be measured.
    password_length_min: Option<usize>,
    /// Who may come from where, and what is asked for; the first rule that fits decides.
    access: Option<Vec<Spanned<RuleEntry>>>,
    /// Whose signed tokens are believed.
    tokens: Option<Spanned<TokenConfig>>,
    /// How long a client may leave what it was sent unread; 0: for ever.
    write_timeout_seconds: Option<u64>,
    /// Memory for all running queries; beyond it they use the disk. A quarter of all memory unless said otherwise.
    query_memory_bytes: Option<usize>,
    /// Memory for what was read from disk; an eighth of all memory unless said otherwise.
    cache_bytes: Option<usize>,
    /// The same for what was read of cold rows.
    cold_cache_bytes: Option<usize>,
    /// Memory of one transaction's locks and writes, and disk for writes beyond it.
    transaction_bytes_max: Option<usize>,
    transaction_disk_bytes_max: Option<u64>,
    /// How long what is left of a dropped user, such as their rows of user tables, is kept; a week unless said otherwise.
    dropped_user_grace_seconds: Option<u64>,
    /// How long events of the audit log are kept, and how many; 90 days and 100000 unless said otherwise.
    audit_retention_days: Option<u32>,
    audit_events_max: Option<u64>,
    /// Live queries of a session, and of a user in all sessions, at a time; 1000 and 20000 unless said otherwise.
    session_live_queries_max: Option<usize>,
    user_live_queries_max: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Everything that is configured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) listen: Vec<String>,
    pub(crate) socket_dir: Option<PathBuf>,
    pub(crate) tls: Option<CertificateFiles>,
    pub(crate) metrics_listen: Option<String>,
    pub(crate) port_file: Option<PathBuf>,
    pub(crate) log: String,
    pub(crate) shutdown_grace: Duration,
    pub(crate) query_memory_bytes: usize,
    pub(crate) cache_bytes: usize,
    pub(crate) cold_cache_bytes: usize,
    pub(crate) transaction_bytes_max: Option<usize>,
    pub(crate) transaction_disk_bytes_max: Option<u64>,
    pub(crate) dropped_user_grace: Duration,
    pub(crate) audit: AuditLimits,
    pub(crate) live: LiveLimits,
    pub(crate) limits: Limits,
    pub(crate) login: LoginOptions,
    /// None: everybody from everywhere, with a password.
    pub(crate) access: Option<Vec<AccessRule>>,
    pub(crate) tokens: Option<TokenConfig>,
}

/// What bounds each connection and their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_connections: usize,
    pub(crate) trusts_local_socket: bool,
    pub(crate) authentication_timeout: Duration,
    pub(crate) write_timeout: Option<Duration>,
}

/// The configuration makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("could not read configuration file \"{}\": {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("configuration file \"{}\": {message}", path.display())]
    Parse { path: PathBuf, message: String },
    #[error("tls_certificate and tls_key go together")]
    HalfOfTls,
    #[error("max_connections must be at least 1")]
    NoConnections,
    #[error("trust_local_socket needs a socket_dir")]
    TrustWithoutSocket,
    #[error("trust_local_socket goes without access rules: a rule of type local with method trust says the same")]
    TrustBesideRules,
}

impl CommandLine {
    /// Reads the configuration file, if there is one, and fills in the defaults.
    pub(crate) fn into_config(self) -> Result<Config, ConfigError> {
        let file = match &self.config {
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
                ConfigFile::parse(&text).map_err(|message| ConfigError::Parse { path: path.clone(), message })?
            }
            None => Default::default(),
        };
        self.over(file)
    }

    fn over(self, (file, access): (ConfigFile, Option<Vec<AccessRule>>)) -> Result<Config, ConfigError> {
        let listen = match (self.listen.is_empty(), file.listen) {
            (false, _) => self.listen,
            (true, Some(OneOrMany::One(address))) => vec![address],
            (true, Some(OneOrMany::Many(addresses))) => addresses,
            (true, None) => vec!["127.0.0.1:5432".to_owned()],
        };
        let tls = match (self.tls_certificate.or(file.tls_certificate), self.tls_key.or(file.tls_key)) {
            (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(ConfigError::HalfOfTls),
        };
        let socket_dir = self.socket_dir.or(file.socket_dir);
        let limits = Limits {
            max_connections: self.max_connections.or(file.max_connections).unwrap_or(10_000),
            trusts_local_socket: self.trust_local_socket || file.trust_local_socket,
            authentication_timeout: Duration::from_secs(file.authentication_timeout_seconds.unwrap_or(60)),
            write_timeout: match file.write_timeout_seconds {
                Some(0) => None,
                seconds => Some(Duration::from_secs(seconds.unwrap_or(600))),
            },
        };
        if limits.max_connections == 0 {
            return Err(ConfigError::NoConnections);
        }
        if limits.trusts_local_socket && socket_dir.is_none() {
            return Err(ConfigError::TrustWithoutSocket);
        }
        if limits.trusts_local_socket && access.is_some() {
            return Err(ConfigError::TrustBesideRules);
        }
        let usual = LockoutPolicy::default();
        let lockout = LockoutPolicy {
            free_failures: file.lockout_after_failures.unwrap_or(usual.free_failures),
            lock_seconds_max: file.lockout_seconds_max.unwrap_or(usual.lock_seconds_max),
        };
        let login = LoginOptions { lockout, password_length_min: file.password_length_min.unwrap_or(0) };
        Ok(Config {
            data: self.data.or(file.data).unwrap_or_else(|| "data".into()),
            listen,
            socket_dir,
            tls,
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            port_file: self.port_file.or(file.port_file),
            log: self.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            shutdown_grace: Duration::from_secs(file.shutdown_grace_seconds.unwrap_or(30)),
            query_memory_bytes: file.query_memory_bytes.unwrap_or_else(default_query_memory_bytes),
            cache_bytes: file.cache_bytes.unwrap_or_else(default_cache_bytes),
            cold_cache_bytes: file.cold_cache_bytes.unwrap_or_else(default_cache_bytes),
            transaction_bytes_max: file.transaction_bytes_max,
            transaction_disk_bytes_max: file.transaction_disk_bytes_max,
            dropped_user_grace: Duration::from_secs(file.dropped_user_grace_seconds.unwrap_or(7 * 24 * 3600)),
            audit: audit_limits(file.audit_retention_days, file.audit_events_max),
            live: live_limits(file.session_live_queries_max, file.user_live_queries_max),
            limits,
            login,
            access,
            tokens: file.tokens.map(Spanned::into_inner),
        })
    }
}

impl Config {
    /// Whether somebody comes in by the Unix socket without a proof, so that its file must not be open to everybody.
    pub(crate) fn trusts_somebody_on_socket(&self) -> bool {
        let mut rules = self.access.iter().flatten();
        self.limits.trusts_local_socket || rules.any(|rule| rule.method == AccessMethod::Trust)
    }
}

fn audit_limits(days: Option<u32>, events_max: Option<u64>) -> AuditLimits {
    let usual = AuditLimits::default();
    AuditLimits { days: days.unwrap_or(usual.days), events_max: events_max.unwrap_or(usual.events_max) }
}

fn live_limits(of_session: Option<usize>, of_user: Option<usize>) -> LiveLimits {
    let usual = LiveLimits::default();
    LiveLimits {
        session_queries_max: of_session.unwrap_or(usual.session_queries_max),
        user_queries_max: of_user.unwrap_or(usual.user_queries_max),
    }
}

/// A quarter of the memory there is, and enough for queries of some size.
fn default_query_memory_bytes() -> usize {
    const LEAST: usize = 512 << 20;
    memory::available_bytes().map_or(LEAST, |bytes| (bytes / 4).max(LEAST))
}

/// An eighth of the memory there is, within reason.
fn default_cache_bytes() -> usize {
    memory::available_bytes().map_or(256 << 20, |bytes| (bytes / 8).clamp(64 << 20, 8 << 30))
}

impl ConfigFile {
    /// The file and its rules about who may come from where. An error is one line that names the line at fault.
    fn parse(text: &str) -> Result<(Self, Option<Vec<AccessRule>>), String> {
        let at = |position: usize, message: &str| {
            let line = 1 + text[..position].matches('\n').count();
            format!("line {line}: {}", message.replace('\n', " "))
        };
        let mut file: Self =
            toml::from_str(text).map_err(|error| at(error.span().map_or(0, |span| span.start), error.message()))?;
        if let Some(tokens) = &file.tokens {
            tokens.get_ref().check().map_err(|message| at(tokens.span().start, message))?;
        }
        let Some(entries) = file.access.take() else { return Ok((file, None)) };
        let has_tokens = file.tokens.is_some();
        let rules = entries.into_iter().map(|entry| {
            let position = entry.span().start;
            entry.into_inner().into_rule(has_tokens).map_err(|message| at(position, &message))
        });
        let rules = rules.collect::<Result<_, _>>()?;
        Ok((file, Some(rules)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    fn config(arguments: &[&str], file: &str) -> Result<Config, ConfigError> {
        let line = CommandLine::try_parse_from([&["kalamdb"], arguments].concat()).unwrap();
        line.over(ConfigFile::parse(file).unwrap())
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn defaults_file_and_command_line_in_rising_order() {
        let defaults = config(&[], "").unwrap();
        assert_eq!(
            (defaults.listen.as_slice(), defaults.data.as_path()),
            (&["127.0.0.1:5432".to_owned()][..], Path::new("data"))
        );
        assert_eq!(defaults.limits.write_timeout, Some(Duration::from_secs(600)));
        let file = "listen = ['a:1', 'b:2']\nmax_connections = 5\nwrite_timeout_seconds = 0\nlog = 'warn'";
        let from_file = config(&[], file).unwrap();
        assert_eq!((from_file.listen.len(), from_file.limits.max_connections), (2, 5));
        assert_eq!(from_file.limits.write_timeout, None);
        let both = config(&["--listen", "c:3", "--max-connections", "7"], file).unwrap();
        assert_eq!(
            (both.listen, both.limits.max_connections, both.log),
            (vec!["c:3".to_owned()], 7, "warn".to_owned())
        );
    }

    #[test]
    fn the_sample_holds_what_may_be_configured() {
        let sample = include_str!("../../docs/kalamdb.toml");
        assert!(config(&[], sample).is_ok());
        // With all that it shows turned on.
        let is_shown =
            |line: &&str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
        let shown: Vec<&str> = sample.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_shown).collect();
        let (file, rules) = ConfigFile::parse(&shown.join("\n")).unwrap();
        assert_eq!((rules.unwrap().len(), file.tokens.unwrap().into_inner().keys().count()), (2, 3));
        assert_eq!(file.max_connections, Some(10_000));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(config(&[], "tls_key = 'k'"), Err(ConfigError::HalfOfTls)));
        assert!(matches!(config(&["--max-connections", "0"], ""), Err(ConfigError::NoConnections)));
        assert!(matches!(config(&["--trust-local-socket"], ""), Err(ConfigError::TrustWithoutSocket)));
        let rule = "[[access]]\ntype = 'local'\ndatabase = 'all'\nuser = 'all'\nmethod = 'scram-sha-256'";
        let trusting = config(&["--trust-local-socket", "--socket-dir", "s"], rule);
        assert!(matches!(trusting, Err(ConfigError::TrustBesideRules)));
        assert!(ConfigFile::parse("lissten = 'x'").unwrap_err().starts_with("line 1: unknown field"));
        assert!(CommandLine::try_parse_from(["kalamdb", "--tls-key", "k"]).is_err());
    }
}
