//! The first packets of a connection, which have no type byte: requests for encryption, cancel requests and the
//! startup message (PostgreSQL manual, "Start-up").

use bytes::{Buf, BytesMut};
use engine::{Error, Result, SqlState};

use super::reader::{Reader, malformed};

/// Longest packet that is read before the client has said who it is; PostgreSQL's number.
pub(crate) const PACKET_BYTES_MAX: usize = 10_000;
/// Longest key a cancel request may carry.
const CANCEL_KEY_BYTES_MAX: usize = 256;

const CANCEL_REQUEST: u32 = code(1234, 5678);
pub(crate) const SSL_REQUEST: u32 = code(1234, 5679);
pub(crate) const GSS_ENCRYPTION_REQUEST: u32 = code(1234, 5680);

const fn code(major: u32, minor: u32) -> u32 {
    (major << 16) | minor
}

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProtocolVersion {
    pub(crate) major: u16,
    pub(crate) minor: u16,
}

impl ProtocolVersion {
    /// Cancel keys of more than four bytes begin here.
    pub(crate) const V3_2: Self = Self { major: 3, minor: 2 };
    pub(crate) const NEWEST: Self = Self::V3_2;

    pub(crate) fn code(self) -> u32 {
        code(u32::from(self.major), u32::from(self.minor))
    }
}

/// A first packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    SslRequest,
    GssEncryptionRequest,
    Cancel { process_id: i32, key: Vec<u8> },
    Startup(StartupMessage),
}

/// Who the client says it is and what it wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StartupMessage {
    /// As asked for; it may be newer than what we speak.
    pub(crate) version: ProtocolVersion,
    pub(crate) user: String,
    pub(crate) database: Option<String>,
    /// Run-time parameters, those from `options` first, in the order given.
    pub(crate) parameters: Vec<(String, String)>,
    /// Protocol extensions (`_pq_.…`) that we do not know.
    pub(crate) unknown_extensions: Vec<String>,
}

/// Takes the first packet off the front of `input`; None while it is incomplete. An error is
/// not worth an answer: whoever sent such a length does not speak our protocol.
pub(crate) fn next_packet(input: &mut BytesMut) -> Result<Option<BytesMut>, InvalidLength> {
    let Some(header) = input.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*header) as usize;
    if !(8..=PACKET_BYTES_MAX).contains(&length) {
        return Err(InvalidLength);
    }
    if input.len() < length {
        return Ok(None);
    }
    let mut packet = input.split_to(length);
    packet.advance(4);
    Ok(Some(packet))
}

/// The packet's length makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidLength;

impl Packet {
    /// Reads a packet without its length.
    pub(crate) fn decode(body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let code = reader.i32()? as u32;
        match code {
            SSL_REQUEST => reader.end().map(|()| Packet::SslRequest),
            GSS_ENCRYPTION_REQUEST => reader.end().map(|()| Packet::GssEncryptionRequest),
            CANCEL_REQUEST => {
                let process_id = reader.i32()?;
                let key = reader.rest();
                if key.is_empty() || key.len() > CANCEL_KEY_BYTES_MAX {
                    return Err(malformed("invalid length of cancel request packet"));
                }
                Ok(Packet::Cancel { process_id, key: key.to_vec() })
            }
            _ => {
                let version = ProtocolVersion { major: (code >> 16) as u16, minor: code as u16 };
                StartupMessage::decode(version, reader).map(Packet::Startup)
            }
        }
    }
}

impl StartupMessage {
    fn decode(version: ProtocolVersion, mut reader: Reader<'_>) -> Result<Self> {
        if version.major != ProtocolVersion::NEWEST.major {
            return Err(unsupported_version(version.code()));
        }
        let mut startup = Self {
            version,
            user: String::new(),
            database: None,
            parameters: Vec::new(),
            unknown_extensions: Vec::new(),
        };
        let mut others = Vec::new();
        loop {
            let name = reader.text()?;
            if name.is_empty() {
                break;
            }
            let value = reader.text()?;
            match name {
                "user" => startup.user = identifier(value),
                "database" => startup.database = Some(identifier(value)),
                "options" => startup.parameters = options(value)?,
                "replication" => refuse_replication(value)?,
                _ if name.starts_with("_pq_.") => startup.unknown_extensions.push(name.to_owned()),
                _ => others.push((name.to_owned(), value.to_owned())),
            }
        }
        if !reader.is_empty() {
            return Err(malformed("invalid startup packet layout: expected terminator as last byte"));
        }
        if startup.user.is_empty() {
            return Err(Error::new(
                SqlState::INVALID_AUTHORIZATION,
                "no PostgreSQL user name specified in startup packet",
            ));
        }
        startup.database = startup.database.filter(|database| !database.is_empty());
        startup.parameters.append(&mut others);
        Ok(startup)
    }
}

/// The error for a version of the protocol that is not spoken.
pub(crate) fn unsupported_version(code: u32) -> Error {
    let (major, minor, newest) = (code >> 16, code & 0xffff, ProtocolVersion::NEWEST);
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!(
            "unsupported frontend protocol {major}.{minor}: server supports {}.0 to {}.{}",
            newest.major, newest.major, newest.minor
        ),
    )
}

/// Names longer than 63 bytes are cut, as everywhere in SQL.
fn identifier(name: &str) -> String {
    const NAME_BYTES_MAX: usize = 63;
    name[..name.floor_char_boundary(NAME_BYTES_MAX)].to_owned()
}

fn refuse_replication(value: &str) -> Result<()> {
    match value.to_ascii_lowercase().as_str() {
        "0" | "off" | "of" | "false" | "no" | "f" | "n" => Ok(()),
        _ => Err(Error::unsupported("a replication connection")),
    }
}

/// Parameters from a `postgres` command line: `-c name=value`, `-cname=value`, `--name=value`, with backslashes before
/// spaces that belong to a word.
fn options(line: &str) -> Result<Vec<(String, String)>> {
    let mut words = split_words(line).into_iter();
    let mut parameters = Vec::new();
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next().ok_or_else(|| invalid_option(&word))?
        } else if let Some(setting) = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            setting.to_owned()
        } else {
            return Err(invalid_option(&word));
        };
        let Some((name, value)) = setting.split_once('=') else {
            return Err(Error::new(SqlState::SYNTAX_ERROR, format!("-c {setting} requires a value")));
        };
        // On a command line a name may be spelled with dashes.
        parameters.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(parameters)
}

fn invalid_option(word: &str) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, format!("invalid command-line argument for server process: {word}"))
}

fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match character {
            '\\' => word.extend(characters.next()),
            plain => word.push(plain),
        }
    }
    words.extend(word);
    words
}

/// The answer of a client to an authentication request.
pub(crate) struct SaslInitialResponse<'a> {
    pub(crate) mechanism: &'a str,
    /// None when the client sent none.
    pub(crate) data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let mechanism = reader.text()?;
        let data = reader.value()?;
        reader.end()?;
        Ok(Self { mechanism, data })
    }
}

#[cfg(test)]
mod tests;
