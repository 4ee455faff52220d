//! Listening: TCP addresses and a Unix socket, and one task for each client that comes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio::sync::{Semaphore, mpsc};

use crate::connection::{self, Accepted};
use crate::server::Server;
use crate::shutdown::Phase;
use crate::threads::IoThreads;

/// Clients that may wait to be accepted.
const BACKLOG: u32 = 4096;
/// How long to wait when the system has no room for another socket.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// A connection of which nothing is heard for so long is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// A place where clients knock.
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// All of them.
pub(crate) struct Listeners {
    listeners: Vec<Listener>,
    addresses: Vec<SocketAddr>,
    socket_file: Option<SocketFile>,
}

/// The Unix socket's file, removed when dropped.
struct SocketFile(PathBuf);

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("could not listen on {address}: {source}")]
    Tcp { address: String, source: io::Error },
    #[error("could not listen on Unix socket \"{}\": {source}", path.display())]
    Unix { path: PathBuf, source: io::Error },
    #[error("another server is listening on Unix socket \"{}\"", path.display())]
    UnixInUse { path: PathBuf },
}

impl Listeners {
    /// Listens on every address that the given names stand for.
    pub(crate) async fn open(names: &[String]) -> Result<Self, ListenError> {
        let mut opened = Self { listeners: Vec::new(), addresses: Vec::new(), socket_file: None };
        for name in names {
            let failed = |source| ListenError::Tcp { address: name.clone(), source };
            for address in lookup_host(name).await.map_err(failed)? {
                let listener = listen(address).map_err(failed)?;
                opened.addresses.push(listener.local_addr().map_err(failed)?);
                opened.listeners.push(Listener::Tcp(listener));
            }
        }
        Ok(opened)
    }

    /// The addresses listened on.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Listens on a Unix socket too, named as PostgreSQL's clients expect it.
    pub(crate) async fn open_socket(&mut self, directory: &Path, is_private: bool) -> Result<(), ListenError> {
        let port = self.addresses.first().map_or(5432, SocketAddr::port);
        let path = directory.join(format!(".s.PGSQL.{port}"));
        let failed = |source| ListenError::Unix { path: path.clone(), source };
        if UnixStream::connect(&path).await.is_ok() {
            return Err(ListenError::UnixInUse { path });
        }
        // What is left is the file of a server that did not end well.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        self.socket_file = Some(SocketFile(path.clone()));
        let mode = if is_private { 0o770 } else { 0o777 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(failed)?;
        self.listeners.push(Listener::Unix(listener));
        Ok(())
    }

    /// Serves whoever comes, until the server drains; returns what ends when the last connection has.
    pub(crate) fn serve(self, server: &Arc<Server>, threads: IoThreads) -> Connections {
        let threads = Arc::new(threads);
        let (alive, ended) = mpsc::channel(1);
        let sessions = server.limits.max_connections.min(Semaphore::MAX_PERMITS / 2);
        // Sockets, whatever their stage; those of cancel requests need room when all sessions are taken.
        let sockets = Arc::new(Semaphore::new((sessions + server.pending.max()).min(Semaphore::MAX_PERMITS)));
        for listener in self.listeners {
            let gate = Gate { server: server.clone(), threads: threads.clone(), sockets: sockets.clone() };
            tokio::spawn(gate.accept_all(listener, alive.clone()));
        }
        Connections { ended, _threads: threads, _socket_file: self.socket_file }
    }
}

/// The connections that are served.
pub(crate) struct Connections {
    ended: mpsc::Receiver<()>,
    _threads: Arc<IoThreads>,
    _socket_file: Option<SocketFile>,
}

impl Connections {
    /// Returns when no listener and no connection is left.
    pub(crate) async fn ended(&mut self) {
        // Nothing is ever sent: the channel closes when the last holder of its other end is gone.
        self.ended.recv().await;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    // A server that starts again shortly after its end finds its port still lingering.
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        // The IPv4 address has a listener of its own.
        SockRef::from(&socket).set_only_v6(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What lets clients in.
struct Gate {
    server: Arc<Server>,
    threads: Arc<IoThreads>,
    sockets: Arc<Semaphore>,
}

impl Gate {
    async fn accept_all(self, listener: Listener, alive: mpsc::Sender<()>) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.server.shutdown.reached(Phase::Draining) => return,
                accepted = listener.accept() => accepted,
            };
            if let Err(error) = accepted.and_then(|accepted| self.admit(accepted, &alive)) {
                // A client that gave up while it waited is no reason to pause; a full table of files is.
                if error.kind() != io::ErrorKind::ConnectionAborted {
                    tracing::error!(%error, "could not accept a connection");
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    /// Gives a client a thread that serves it.
    fn admit(&self, accepted: Accepted, alive: &mpsc::Sender<()>) -> io::Result<()> {
        let Ok(place) = self.sockets.clone().try_acquire_owned() else {
            tracing::warn!("a connection is turned away: too many sockets are open");
            return Ok(());
        };
        let (server, alive) = (self.server.clone(), alive.clone());
        let (seat, accepted) = (self.threads.seat()?, accepted.detach()?);
        let handle = seat.handle().clone();
        handle.spawn(async move {
            let served = match accepted.attach() {
                Ok(accepted) => AssertUnwindSafe(connection::serve(accepted, server)).catch_unwind().await,
                Err(error) => return tracing::error!(%error, "could not take over a connection"),
            };
            if served.is_err() {
                tracing::error!("a connection ended by a panic; the others go on");
            }
            drop((seat, place, alive));
        });
        Ok(())
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                if let Err(error) = prepare(&stream) {
                    tracing::debug!(%error, "could not set the options of a socket");
                }
                tracing::debug!(%address, "connection accepted");
                Ok(Accepted::Tcp(stream, address))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                tracing::debug!("connection accepted on the Unix socket");
                Ok(Accepted::Unix(stream))
            }
        }
    }
}

/// Answers are written whole, so that waiting for more to send gains nothing.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4))
}
