//! The socket of a connection with its two buffers: what has arrived and is not read yet, what is to be sent.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use engine::{Encryption, Ends};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::rustls::{CipherSuite, ProtocolVersion};
use tokio_rustls::server::TlsStream;

use crate::wire::frontend;

/// Room made for reading, and what an idle connection keeps.
const READ_BYTES: usize = 8 << 10;
/// Most room made at once for a long message: memory grows as its bytes arrive, not as its length announces.
const READ_BYTES_MAX: usize = 256 << 10;
/// Answers are sent when they have grown to this.
pub(super) const ENOUGH_OUTPUT_BYTES: usize = 64 << 10;
/// What the output buffer of an idle connection may keep.
const OUTPUT_KEPT_BYTES: usize = 8 << 10;
/// What is taken from a client ahead of time while its statement runs.
const READ_AHEAD_BYTES_MAX: usize = 64 << 10;

/// Any of the sockets a client can come by.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// While a TLS handshake is under way, and when it has failed.
    Gone,
}

/// A client's socket as it was accepted.
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// The same between two event loops.
pub(crate) enum Detached {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
}

impl Detached {
    /// Joins the event loop that this runs in.
    pub(crate) fn attach(self) -> io::Result<Accepted> {
        Ok(match self {
            Detached::Tcp(stream, address) => Accepted::Tcp(TcpStream::from_std(stream)?, address),
            Detached::Unix(stream) => Accepted::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl Accepted {
    /// Leaves the event loop that accepted it.
    pub(crate) fn detach(self) -> io::Result<Detached> {
        Ok(match self {
            Accepted::Tcp(stream, address) => Detached::Tcp(stream.into_std()?, address),
            Accepted::Unix(stream) => Detached::Unix(stream.into_std()?),
        })
    }

    pub(super) fn into_stream(self) -> Stream {
        match self {
            Accepted::Tcp(stream, _) => Stream::Tcp(stream),
            Accepted::Unix(stream) => Stream::Unix(stream),
        }
    }

    /// None on a Unix socket.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Accepted::Tcp(_, address) => Some(address.ip()),
            Accepted::Unix(_) => None,
        }
    }
}

impl Stream {
    pub(super) fn is_unix(&self) -> bool {
        matches!(self, Stream::Unix(_))
    }

    /// The address that the client has come to; None on a Unix socket.
    pub(super) fn local_address(&self) -> Option<IpAddr> {
        let stream = match self {
            Stream::Tcp(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
            Stream::Unix(_) | Stream::Gone => return None,
        };
        stream.local_addr().ok().map(|address| address.ip())
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// What the database may tell of the connection.
    pub(super) fn ends(&self) -> Ends {
        let (stream, encryption) = match self {
            Stream::Tcp(stream) => (stream, None),
            Stream::Tls(stream) => (stream.get_ref().0, encryption(stream)),
            Stream::Unix(_) => return Ends { client_port: Some(-1), ..Ends::default() },
            Stream::Gone => return Ends::default(),
        };
        let client_port = stream.peer_addr().ok().map(|address| i32::from(address.port()));
        Ends { client_port, server: stream.local_addr().ok(), encryption }
    }
}

/// What was agreed on, once the handshake is over.
fn encryption(stream: &TlsStream<TcpStream>) -> Option<Encryption> {
    let session = stream.get_ref().1;
    let version = match session.protocol_version()? {
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        other => other.as_str()?,
    };
    let suite = session.negotiated_cipher_suite()?.suite();
    // A suite of TLS 1.3 is called after nothing but its cipher.
    let (cipher, bits) = match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => ("TLS_AES_128_GCM_SHA256", 128),
        CipherSuite::TLS13_AES_256_GCM_SHA384 => ("TLS_AES_256_GCM_SHA384", 256),
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => ("TLS_CHACHA20_POLY1305_SHA256", 256),
        other => {
            let name = other.as_str()?;
            (name, if name.contains("AES_128") { 128 } else { 256 })
        }
    };
    Some(Encryption { version, cipher, bits })
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// Does a step of sending, which may take so long.
async fn within<T>(limit: Option<Duration>, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, step).await.map_err(|_| io::ErrorKind::TimedOut)?,
        None => step.await,
    }
}

/// What a step of a waiting connection came to.
pub(super) enum Step {
    /// More bytes are there.
    Filled,
    /// The client has closed its end.
    Closed,
    /// All is sent that was to be sent.
    Sent,
}

/// The socket and its buffers.
pub(super) struct Io {
    pub(super) stream: Stream,
    pub(super) input: BytesMut,
    pub(super) output: Vec<u8>,
    /// How much of `output` is sent already: a flush that is given up half-way is gone on with later.
    sent: usize,
    /// How long a client may leave its end unread; None: for ever.
    write_timeout: Option<Duration>,
}

impl Io {
    pub(super) fn new(stream: Stream, write_timeout: Option<Duration>) -> Self {
        Self { stream, input: BytesMut::new(), output: Vec::new(), sent: 0, write_timeout }
    }

    /// Waits for more bytes; false when the client has closed its end. May be given up at any time.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        let room_max = self.input.len().clamp(READ_BYTES, READ_BYTES_MAX);
        self.input.reserve(frontend::missing_bytes(&self.input).clamp(READ_BYTES, room_max));
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }

    /// Sends what is in `output`, if that is to be sent, as far as the client takes it, and waits for more bytes at the same time.
    /// May be given up at any time.
    pub(super) async fn step(&mut self, sends: bool) -> io::Result<Step> {
        if self.output.is_empty() || !sends {
            return Ok(if self.fill().await? { Step::Filled } else { Step::Closed });
        }
        poll_fn(|context| {
            if let Poll::Ready(sent) = self.poll_send(context) {
                return Poll::Ready(sent.map(|()| Step::Sent));
            }
            pin!(self.fill())
                .poll(context)
                .map(|filled| filled.map(|filled| if filled { Step::Filled } else { Step::Closed }))
        })
        .await
    }

    /// Sends what is left of `output`, without a limit of time.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(&mut self.stream);
        while self.sent < self.output.len() {
            match ready!(stream.as_mut().poll_write(context, &self.output[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        ready!(stream.poll_flush(context))?;
        self.sent = 0;
        self.output.clear();
        Poll::Ready(Ok(()))
    }

    /// Sends all that is in `output`.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        // Most often the socket takes everything at once, and no clock is needed.
        match poll_fn(|context| Poll::Ready(self.poll_send(context))).await {
            Poll::Ready(sent) => sent,
            Poll::Pending => Box::pin(self.flush_slowly()).await,
        }
    }

    /// Sends as fast as the client reads, who may take so long for each step.
    async fn flush_slowly(&mut self) -> io::Result<()> {
        let limit = self.write_timeout;
        while self.sent < self.output.len() {
            let count = within(limit, self.stream.write(&self.output[self.sent..])).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.sent += count;
        }
        within(limit, self.stream.flush()).await?;
        self.sent = 0;
        self.output.clear();
        Ok(())
    }

    /// Gives back what large messages have left behind, before a wait that may be long.
    pub(super) fn shrink(&mut self) {
        if self.input.is_empty() {
            // Room that messages were cut from counts again only after this.
            self.input.reserve(READ_BYTES);
            if self.input.capacity() > 2 * READ_BYTES {
                self.input = BytesMut::new();
            }
        }
        if self.output.is_empty() && self.output.capacity() > OUTPUT_KEPT_BYTES {
            self.output = Vec::new();
        }
    }

    /// Returns once the client has closed its end; until then keeps what it sends for later, within bounds.
    pub(super) async fn closed(&mut self) {
        while self.input.len() < READ_AHEAD_BYTES_MAX {
            if !matches!(self.fill().await, Ok(true)) {
                return;
            }
        }
        // A client that has sent so much ahead of time is there; its end shows when this has been read.
        std::future::pending().await
    }

    /// Says farewell: sends what is left, then waits a moment for the client to close its end, because closing ours
    /// on unread bytes would take our last words from it.
    pub(super) async fn close(&mut self) {
        const CLOSE_LIMIT: Duration = Duration::from_secs(1);
        const IGNORED_BYTES_MAX: usize = 1 << 20;
        let farewell = async {
            self.flush().await?;
            self.stream.shutdown().await?;
            let mut ignored = 0;
            while ignored < IGNORED_BYTES_MAX {
                self.input.clear();
                self.input.reserve(READ_BYTES);
                match self.stream.read_buf(&mut self.input).await? {
                    0 => break,
                    count => ignored += count,
                }
            }
            io::Result::Ok(())
        };
        // Whoever does not listen to a farewell misses nothing.
        let _ = tokio::time::timeout(CLOSE_LIMIT, farewell).await;
    }
}
