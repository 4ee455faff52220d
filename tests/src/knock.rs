//! A connection that has not logged in yet, message by message, with TLS or without.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::wire::{MESSAGE_LIMIT, Message, PROTOCOL_3_0, framed, packet, take_message};

const SSL_REQUEST: i32 = (1234 << 16) | 5679;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The connection.
pub struct Knock {
    stream: Box<dyn Stream>,
    input: Vec<u8>,
}

impl std::fmt::Debug for Knock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Knock").finish_non_exhaustive()
    }
}

impl Knock {
    /// Connects in the clear.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn plain(config: &Config) -> io::Result<Self> {
        Ok(Self { stream: Box::new(tcp(config).await?), input: Vec::new() })
    }

    /// Connects with TLS to a server whose certificate is in a file.
    ///
    /// # Errors
    /// When the server cannot be reached or does not speak TLS.
    pub async fn tls(config: &Config, certificate: &Path) -> io::Result<Self> {
        let mut stream = tcp(config).await?;
        stream.write_all(&packet(&SSL_REQUEST.to_be_bytes())).await?;
        if stream.read_u8().await? != b'S' {
            return Err(io::Error::other("the server does not speak TLS"));
        }
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(certificate).map_err(io::Error::other)?;
        roots.add(certificate).map_err(io::Error::other)?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(Self { stream: Box::new(stream), input: Vec::new() })
    }

    /// Says who we are; the answer.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn startup(&mut self, user: &str, database: &str) -> io::Result<Message> {
        let mut startup = PROTOCOL_3_0.to_be_bytes().to_vec();
        startup.extend_from_slice(format!("user\0{user}\0database\0{database}\0\0").as_bytes());
        self.stream.write_all(&packet(&startup)).await?;
        self.receive().await
    }

    /// Answers a request for a proof; what comes then.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn answer(&mut self, body: &[u8]) -> io::Result<Message> {
        self.send(&framed(b'p', body)).await?;
        self.receive().await
    }

    /// Chooses a mechanism of SASL with a first message; what comes then.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn choose(&mut self, mechanism: &str, first: &[u8]) -> io::Result<Message> {
        let mut body = format!("{mechanism}\0").into_bytes();
        body.extend_from_slice(&(first.len() as i32).to_be_bytes());
        body.extend_from_slice(first);
        self.answer(&body).await
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Waits for so many bytes that are no message, and drops them.
    ///
    /// # Errors
    /// When the connection ends, or nothing comes.
    pub async fn skip(&mut self, bytes: usize) -> io::Result<()> {
        let mut skipped = vec![0; bytes];
        let read = tokio::time::timeout(MESSAGE_LIMIT, self.stream.read_exact(&mut skipped));
        read.await.map_err(io::Error::other)?.map(|_| ())
    }

    /// The next message.
    ///
    /// # Errors
    /// When the connection ends, or nothing comes.
    pub async fn receive(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = take_message(&mut self.input)? {
                return Ok(message);
            }
            let read = tokio::time::timeout(MESSAGE_LIMIT, self.stream.read_buf(&mut self.input));
            if read.await.map_err(io::Error::other)?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

async fn tcp(config: &Config) -> io::Result<TcpStream> {
    let [Host::Tcp(host)] = config.get_hosts() else { panic!("tests connect by TCP") };
    let stream = TcpStream::connect((host.as_str(), config.get_ports()[0])).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
