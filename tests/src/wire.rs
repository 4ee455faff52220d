//! A connection that speaks the protocol message by message, so that a test decides what is sent and sees all that comes.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::scram::ScramClient;

/// How long a message may let us wait before it counts as missing.
pub(crate) const MESSAGE_LIMIT: Duration = Duration::from_secs(30);

pub(crate) const PROTOCOL_3_0: i32 = 3 << 16;
const CANCEL_REQUEST: i32 = (1234 << 16) | 5678;

/// A message from the server: its type and its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: u8,
    pub body: Vec<u8>,
}

/// What came next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Message(Message),
    /// The server has closed the connection.
    End,
    /// Nothing came in time.
    Silence,
}

/// A connection past its startup.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    address: (String, u16),
    /// Process id and secret of BackendKeyData, as they were sent.
    key: Vec<u8>,
    /// What came between the login and the first ReadyForQuery, both not among it.
    pub greeting: Vec<Message>,
}

impl Wire {
    /// Connects and logs in as `config` says, with these run-time parameters.
    ///
    /// # Errors
    /// When the server cannot be reached, ends the connection or refuses the login.
    pub async fn connect(config: &Config, parameters: &[(String, String)]) -> io::Result<Self> {
        let [Host::Tcp(host)] = config.get_hosts() else { panic!("tests connect by TCP") };
        let address = (host.clone(), config.get_ports()[0]);
        let stream = TcpStream::connect(&address).await?;
        stream.set_nodelay(true)?;
        let mut wire =
            Self { stream, input: Vec::new(), output: Vec::new(), address, key: Vec::new(), greeting: Vec::new() };
        let mut startup = PROTOCOL_3_0.to_be_bytes().to_vec();
        let user = config.get_user().expect("tests name a user");
        let database = config.get_dbname().expect("tests name a database");
        let known = [("user", user), ("database", database)];
        let others = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in known.into_iter().chain(others) {
            startup.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        startup.push(0);
        wire.output = packet(&startup);
        wire.log_in(config.get_password().unwrap_or_default()).await?;
        Ok(wire)
    }

    async fn log_in(&mut self, password: &[u8]) -> io::Result<()> {
        static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
        let mut scram = ScramClient::new(ATTEMPTS.fetch_add(1, Ordering::Relaxed));
        let password = String::from_utf8_lossy(password).into_owned();
        loop {
            self.flush().await?;
            let message = match self.receive().await? {
                Received::Message(message) => message,
                other => return Err(io::Error::other(format!("{other:?} at login"))),
            };
            match message.kind {
                b'R' => {
                    let (code, data) = message.body.split_at(4);
                    let data = std::str::from_utf8(data).map_err(io::Error::other)?;
                    match code[3] {
                        0 => {}
                        10 => {
                            let first = scram.first_message();
                            let mut response = format!("{}\0", ScramClient::MECHANISM).into_bytes();
                            response.extend_from_slice(&(first.len() as i32).to_be_bytes());
                            response.extend_from_slice(first.as_bytes());
                            self.send(&framed(b'p', &response));
                        }
                        11 => {
                            let answer = scram.answer(data, &password);
                            self.send(&framed(b'p', answer.as_bytes()));
                        }
                        12 => scram.verify(data),
                        other => return Err(io::Error::other(format!("authentication {other} is not known here"))),
                    }
                }
                b'K' => {
                    self.key.clone_from(&message.body);
                    self.greeting.push(message);
                }
                b'Z' => return Ok(()),
                b'E' => return Err(io::Error::other(message.to_string())),
                _ => self.greeting.push(message),
            }
        }
    }

    /// Whether a notification was sent by this session itself.
    pub fn is_own(&self, message: &Message) -> bool {
        message.kind == b'A' && message.body.get(..4).is_some_and(|process_id| self.key.get(..4) == Some(process_id))
    }

    /// Puts bytes behind those that are sent with the next flush.
    pub fn send(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Sends all at once.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn flush(&mut self) -> io::Result<()> {
        let output = std::mem::take(&mut self.output);
        self.stream.write_all(&output).await
    }

    /// The next message, waiting for it as long as a slow server may take.
    ///
    /// # Errors
    /// When what comes is no message.
    pub async fn receive(&mut self) -> io::Result<Received> {
        self.receive_within(MESSAGE_LIMIT).await
    }

    /// The next message, if it comes so soon.
    ///
    /// # Errors
    /// When what comes is no message.
    pub async fn receive_within(&mut self, limit: Duration) -> io::Result<Received> {
        loop {
            if let Some(message) = take_message(&mut self.input)? {
                return Ok(Received::Message(message));
            }
            match tokio::time::timeout(limit, self.stream.read_buf(&mut self.input)).await {
                Err(_) => return Ok(Received::Silence),
                Ok(Ok(0)) => return Ok(Received::End),
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(Received::End),
                Ok(read) => read?,
            };
        }
    }

    /// Asks, on a connection of its own, for what runs here to be cancelled; returns when the server has taken note.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn cancel(&self, with_wrong_key: bool) -> io::Result<()> {
        let mut request = CANCEL_REQUEST.to_be_bytes().to_vec();
        request.extend_from_slice(&self.key);
        if with_wrong_key {
            *request.last_mut().expect("a request is not empty") ^= 1;
        }
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(&packet(&request)).await?;
        // The request has no answer but the end of its connection.
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer).await {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(()),
        }
    }
}

/// Takes a whole message off the front of what has come.
pub(crate) fn take_message(input: &mut Vec<u8>) -> io::Result<Option<Message>> {
    let Some(header) = input.first_chunk::<5>() else { return Ok(None) };
    let [kind, length @ ..] = *header;
    let length = u32::from_be_bytes(length) as usize;
    if length < 4 {
        return Err(io::Error::other(format!("a message {} of length {length}", char::from(kind))));
    }
    if input.len() < length + 1 {
        return Ok(None);
    }
    let body = input[5..=length].to_vec();
    input.drain(..=length);
    Ok(Some(Message { kind, body }))
}

/// A message: its type, its length, its fields.
pub(crate) fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&packet(body));
    message
}

/// A packet without a type, as they are before a session begins.
pub(crate) fn packet(body: &[u8]) -> Vec<u8> {
    let mut packet = (body.len() as i32 + 4).to_be_bytes().to_vec();
    packet.extend_from_slice(body);
    packet
}
