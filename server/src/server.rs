//! The server as a whole: what all its connections share, and its life from start to end.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::AccessRule;
use engine::{Database, DatabaseOptions, Opened, SqlState};
use tokio::net::TcpListener;

use crate::config::{Config, Limits};
use crate::connection::cancel::Peers;
use crate::connection::pending::Pending;
use crate::listener::{Connections, ListenError, Listeners};
use crate::metrics;
use crate::shutdown::{Phase, Shutdown, Signals};
use crate::threads::IoThreads;
use crate::tls::{CertificateFiles, Tls, TlsError};
use crate::token::{TokenLogin, TokenLoginError};

/// How long cancelled statements may take to notice.
const CANCEL_LIMIT: Duration = Duration::from_secs(10);

/// How often is looked whether a database that was exchanged is closed.
const CLOSED_INTERVAL: Duration = Duration::from_millis(10);

/// What all connections share.
pub(crate) struct Server {
    pub(crate) database: Arc<Database>,
    pub(crate) tls: Option<Tls>,
    pub(crate) limits: Limits,
    /// Who may come from where; None: everybody from everywhere, with a password.
    pub(crate) access: Option<Vec<AccessRule>>,
    /// Which tokens are believed, if any.
    pub(crate) tokens: Option<TokenLogin>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) shutdown: Shutdown,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{0}")]
    Database(engine::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Tokens(#[from] TokenLoginError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("could not listen on {address} for metrics: {source}")]
    Metrics { address: String, source: io::Error },
    #[error("could not write \"{}\": {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("could not start threads: {0}")]
    Threads(io::Error),
    #[error("could not listen for signals: {0}")]
    Signals(io::Error),
}

/// Why a server ends.
enum End {
    Signal,
    /// A restored database takes the place of the one that was served.
    Exchange,
}

/// Runs the server until a signal ends it.
pub(crate) async fn run(mut config: Config, mut initial_password: Option<String>) -> Result<(), StartError> {
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let mut is_exchange = false;
    while let End::Exchange = serve(&mut config, initial_password.take(), &mut signals, is_exchange).await? {
        tracing::info!("starting again with the restored database");
        is_exchange = true;
    }
    if let Some(path) = &config.port_file {
        let _ = fs::remove_file(path);
    }
    tracing::info!("shut down");
    Ok(())
}

/// Serves one database until it or the server ends. Leaves the addresses that it listened on in the configuration.
async fn serve(
    config: &mut Config,
    initial_password: Option<String>,
    signals: &mut Signals,
    is_exchange: bool,
) -> Result<End, StartError> {
    let options = DatabaseOptions {
        data_directory: config.data.clone(),
        initial_password,
        connections_max: config.limits.max_connections,
        query_memory_bytes: config.query_memory_bytes,
        cache_bytes: config.cache_bytes,
        cold_cache_bytes: config.cold_cache_bytes,
        transaction_bytes_max: config.transaction_bytes_max,
        transaction_disk_bytes_max: config.transaction_disk_bytes_max,
        kept_rows_max: None,
        dropped_user_grace: config.dropped_user_grace,
        login: config.login,
        audit: config.audit,
        live: config.live,
    };
    let Opened { database, generated_password } = open(options, is_exchange).await?;
    if let Some(password) = generated_password {
        announce_password(&config.data, &password)?;
    }
    let files = match &config.tls {
        Some(files) => files.clone(),
        None => CertificateFiles::own(&config.data)?,
    };
    let tls = Some(Tls::load(&files)?);
    let mut listeners = Listeners::open(&config.listen).await?;
    if let Some(directory) = &config.socket_dir {
        listeners.open_socket(directory, config.trusts_somebody_on_socket()).await?;
    }
    let metrics = match &config.metrics_listen {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .map_err(|source| StartError::Metrics { address: address.clone(), source })?,
        ),
        None => None,
    };
    let addresses = listeners.addresses().to_vec();
    config.listen = addresses.iter().map(ToString::to_string).collect();
    let limits = config.limits.clone();
    let server = Arc::new(Server {
        database,
        tls,
        pending: Arc::new(Pending::new(limits.max_connections)),
        limits,
        access: config.access.clone(),
        tokens: config.tokens.as_ref().map(TokenLogin::load).transpose()?,
        peers: Arc::default(),
        shutdown: Shutdown::default(),
    });
    let mut connections = listeners.serve(&server, IoThreads::start().map_err(StartError::Threads)?);
    if let Some(listener) = metrics {
        metrics::serve(listener, &server);
    }
    tracing::info!(?addresses, data = %config.data.display(), "ready for connections");
    if let (Some(path), Some(address)) = (&config.port_file, addresses.first()) {
        write_port_file(path, &address.to_string())?;
    }

    let end = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "shutting down");
            End::Signal
        }
        () = server.database.exchanged() => End::Exchange,
    };
    drain(&server, &mut connections, signals, config.shutdown_grace).await;
    server.database.shutdown().await;
    Ok(end)
}

/// Opens the database. The one whose place it takes may still be closing, on threads of its own.
async fn open(options: DatabaseOptions, is_exchange: bool) -> Result<Opened, StartError> {
    let deadline = Instant::now() + CANCEL_LIMIT;
    loop {
        match Database::open(options.clone()).await {
            Err(error)
                if is_exchange && error.sql_state() == SqlState::LOCK_FILE_EXISTS && Instant::now() < deadline =>
            {
                tokio::time::sleep(CLOSED_INTERVAL).await;
            }
            opened => return opened.map_err(StartError::Database),
        }
    }
}

/// Ends all connections: first those that wait for their client, at last those that run a statement. A second signal
/// takes the grace away.
async fn drain(server: &Server, connections: &mut Connections, signals: &mut Signals, grace: Duration) {
    server.shutdown.advance(Phase::Draining);
    server.database.stop_waiting();
    server.peers.wake_all();
    tokio::select! {
        () = connections.ended() => return,
        () = tokio::time::sleep(grace) => {}
        _ = signals.next() => {}
    }
    tracing::warn!(connections = server.peers.count(), "cancelling the statements that still run");
    server.shutdown.advance(Phase::Forced);
    server.peers.wake_all();
    server.peers.cancel_all();
    if tokio::time::timeout(CANCEL_LIMIT, connections.ended()).await.is_err() {
        tracing::warn!(connections = server.peers.count(), "connections are left that do not end");
    }
}

/// Shows the generated password once and leaves it where only the server's user can read it.
fn announce_password(directory: &Path, password: &str) -> Result<(), StartError> {
    let path = directory.join("initial-password");
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    written
        .and_then(|mut file| writeln!(file, "{password}").and_then(|()| file.sync_all()))
        .map_err(|source| StartError::Write { path: path.clone(), source })?;
    println!("The password of role \"postgres\" is {password}");
    println!("It was left in {} as well; remove that file once you have it.", path.display());
    Ok(())
}

/// Whoever waits for the file never sees half of it.
fn write_port_file(path: &Path, address: &str) -> Result<(), StartError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    fs::write(&unfinished, format!("{address}\n"))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|source| StartError::Write { path: path.to_owned(), source })
}
