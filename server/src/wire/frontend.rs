//! Messages from a client after startup: framing by type and length, then the fields, borrowed from the frame.

use std::borrow::Cow;

use auth::TOKEN_BYTES_MAX;
use bytes::{Buf, BytesMut};
use engine::types::encoding::Encoding;
use engine::{Error, Result, SqlState};

use super::reader::{Reader, malformed};

/// Longest message that may carry text or data, length field included.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 30;
/// Longest message of the other kinds, and of any kind before the client has proved who it is.
pub(crate) const SMALL_MESSAGE_BYTES_MAX: usize = 10_000;
/// Longest message with a token, and room for what may stand around it.
const TOKEN_MESSAGE_BYTES_MAX: usize = TOKEN_BYTES_MAX + 2048;
/// Type byte and length.
const HEADER_BYTES: usize = 5;

/// A whole message: its type and what follows the length.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) body: BytesMut,
}

impl Frame {
    /// Turns what the message names and says from the client's encoding into UTF-8. Parameters and data stay as they came.
    pub(crate) fn decode_text(&mut self, encoding: Encoding) -> Result<()> {
        if !encoding.is_converting() {
            return Ok(());
        }
        let texts = match self.kind {
            b'P' | b'B' => 2,
            b'Q' | b'D' | b'C' | b'E' | b'f' => 1,
            _ => return Ok(()),
        };
        let ends = self.body.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at);
        // What does not even end is refused when it is read.
        let Some(end) = ends.take(texts).nth(texts - 1) else { return Ok(()) };
        let text = match encoding.decode(&self.body[..end])? {
            Cow::Owned(text) => text,
            Cow::Borrowed(_) => return Ok(()),
        };
        let rest = self.body.split_off(end);
        self.body = BytesMut::from(&*text);
        self.body.unsplit(rest);
        Ok(())
    }
}

/// Which messages may come now, and how long they may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A step of a SASL conversation.
    SaslResponse,
    /// One that may hold a token.
    LongSaslResponse,
    /// A password, which may be a token.
    Password,
    Command,
}

/// Takes the next message off the front of `input`; None while it is incomplete. After an error the place of the next
/// message is unknown, and the connection must end.
pub(crate) fn next_frame(input: &mut BytesMut, expected: Expected) -> Result<Option<Frame>> {
    let Some(&kind) = input.first() else { return Ok(None) };
    let bytes_max = bytes_max(kind, expected)?;
    let Some(length) = announced_length(input) else { return Ok(None) };
    if !(4..=bytes_max).contains(&length) {
        return Err(malformed("invalid message length"));
    }
    if input.len() < length + 1 {
        return Ok(None);
    }
    let mut body = input.split_to(length + 1);
    body.advance(HEADER_BYTES);
    Ok(Some(Frame { kind, body }))
}

/// Takes CopyData messages off the front of `input`, all that have arrived whole or enough for `bytes` of data, and
/// appends what they carry to `data`. What is no such message stays where it is.
pub(crate) fn take_copy_data(input: &mut BytesMut, data: &mut Vec<u8>, bytes: usize) {
    let mut taken = 0;
    while data.len() < bytes
        && let Some([b'd', a, b, c, d, rest @ ..]) = input.get(taken..)
        && let Some(body) = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).checked_sub(4).filter(is_allowed)
        && let Some(body) = rest.get(..body)
    {
        data.extend_from_slice(body);
        taken += HEADER_BYTES + body.len();
    }
    input.advance(taken);
}

fn is_allowed(body_bytes: &usize) -> bool {
    *body_bytes <= MESSAGE_BYTES_MAX - 4
}

/// How many bytes of the message at the front have not arrived yet, as far as its header tells.
pub(crate) fn missing_bytes(input: &BytesMut) -> usize {
    match announced_length(input) {
        Some(length) => (length.min(MESSAGE_BYTES_MAX) + 1).saturating_sub(input.len()),
        None => HEADER_BYTES - input.len().min(HEADER_BYTES),
    }
}

fn announced_length(input: &BytesMut) -> Option<usize> {
    let header = input.get(1..HEADER_BYTES)?.first_chunk()?;
    Some(u32::from_be_bytes(*header) as usize)
}

fn bytes_max(kind: u8, expected: Expected) -> Result<usize> {
    match (expected, kind) {
        (Expected::SaslResponse, b'p') => Ok(SMALL_MESSAGE_BYTES_MAX),
        (Expected::LongSaslResponse | Expected::Password, b'p') => Ok(TOKEN_MESSAGE_BYTES_MAX),
        (Expected::SaslResponse | Expected::LongSaslResponse, other) => {
            Err(Error::new(SqlState::PROTOCOL_VIOLATION, format!("expected SASL response, got message type {other}")))
        }
        (Expected::Password, other) => Err(Error::new(
            SqlState::PROTOCOL_VIOLATION,
            format!("expected password response, got message type {other}"),
        )),
        (Expected::Command, b'Q' | b'P' | b'B' | b'F' | b'd') => Ok(MESSAGE_BYTES_MAX),
        (Expected::Command, b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f') => Ok(SMALL_MESSAGE_BYTES_MAX),
        (Expected::Command, other) => {
            Err(Error::new(SqlState::PROTOCOL_VIOLATION, format!("invalid frontend message type {other}")))
        }
    }
}

/// A command.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    Query(&'a str),
    Parse(Parse<'a>),
    Bind(Bind<'a>),
    Describe(Target<'a>),
    Execute { portal: &'a str, max_rows: usize },
    Close(Target<'a>),
    Flush,
    Sync,
    FunctionCall,
    CopyData(&'a [u8]),
    CopyDone,
    CopyFail(&'a str),
    Terminate,
}

#[derive(Debug)]
pub(crate) struct Parse<'a> {
    pub(crate) name: &'a str,
    pub(crate) sql: &'a str,
    /// Big-endian oids.
    types: &'a [u8],
}

#[derive(Debug)]
pub(crate) struct Bind<'a> {
    pub(crate) portal: &'a str,
    pub(crate) statement: &'a str,
    parameter_formats: &'a [u8],
    parameters: Reader<'a>,
    parameter_count: u16,
    result_formats: &'a [u8],
}

/// What Describe and Close speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Statement(&'a str),
    Portal(&'a str),
}

impl<'a> Message<'a> {
    /// Reads the fields of a frame.
    pub(crate) fn decode(frame: &'a Frame) -> Result<Self> {
        let mut reader = Reader::new(&frame.body);
        let message = match frame.kind {
            b'Q' => Message::Query(reader.text()?),
            b'P' => {
                let (name, sql) = (reader.text()?, reader.text()?);
                let count = usize::from(reader.u16()?);
                Message::Parse(Parse { name, sql, types: reader.bytes(4 * count)? })
            }
            b'B' => Message::Bind(Bind::decode(&mut reader)?),
            b'D' => Message::Describe(Target::decode(&mut reader, "DESCRIBE")?),
            b'E' => {
                let portal = reader.text()?;
                // Zero and less mean all rows.
                Message::Execute { portal, max_rows: usize::try_from(reader.i32()?).unwrap_or(0) }
            }
            b'C' => Message::Close(Target::decode(&mut reader, "CLOSE")?),
            b'H' => Message::Flush,
            b'S' => Message::Sync,
            b'd' => return Ok(Message::CopyData(reader.rest())),
            // Older clients put something into CopyDone; PostgreSQL does not look.
            b'c' => return Ok(Message::CopyDone),
            b'f' => Message::CopyFail(reader.text()?),
            // Refused whatever it says.
            b'F' => return Ok(Message::FunctionCall),
            b'X' => return Ok(Message::Terminate),
            _ => return Err(malformed("invalid frontend message type")),
        };
        reader.end()?;
        Ok(message)
    }
}

impl<'a> Target<'a> {
    fn decode(reader: &mut Reader<'a>, message: &str) -> Result<Self> {
        match reader.u8()? {
            b'S' => reader.text().map(Target::Statement),
            b'P' => reader.text().map(Target::Portal),
            other => {
                Err(Error::new(SqlState::PROTOCOL_VIOLATION, format!("invalid {message} message subtype {other}")))
            }
        }
    }
}

impl Parse<'_> {
    /// The declared parameter types; 0 is "not said".
    pub(crate) fn types(&self) -> List<u32> {
        List::collect(self.types.as_chunks().0.iter().map(|oid| u32::from_be_bytes(*oid)))
    }
}

impl<'a> Bind<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self> {
        let (portal, statement) = (reader.text()?, reader.text()?);
        let formats = usize::from(reader.u16()?);
        let parameter_formats = reader.bytes(2 * formats)?;
        let parameter_count = reader.u16()?;
        let parameters = *reader;
        for _ in 0..parameter_count {
            reader.value()?;
        }
        let formats = usize::from(reader.u16()?);
        let result_formats = reader.bytes(2 * formats)?;
        Ok(Self { portal, statement, parameter_formats, parameters, parameter_count, result_formats })
    }

    pub(crate) fn parameter_formats(&self) -> List<i16> {
        shorts(self.parameter_formats)
    }

    pub(crate) fn result_formats(&self) -> List<i16> {
        shorts(self.result_formats)
    }

    /// The parameters' values; None is NULL.
    pub(crate) fn parameters(&self) -> List<Option<&'a [u8]>> {
        let mut values = self.parameters;
        // Decoding has read them all once, so that no error is left to come.
        List::collect((0..self.parameter_count).map(|_| values.value().unwrap_or_default()))
    }
}

fn shorts(bytes: &[u8]) -> List<i16> {
    List::collect(bytes.as_chunks().0.iter().map(|short| i16::from_be_bytes(*short)))
}

/// A short list on the stack, or a long one on the heap: most statements have few parameters.
#[derive(Debug)]
pub(crate) enum List<T> {
    Few([T; FEW], usize),
    Many(Vec<T>),
}

const FEW: usize = 12;

impl<T: Copy + Default> List<T> {
    fn collect(items: impl ExactSizeIterator<Item = T>) -> Self {
        if items.len() > FEW {
            return List::Many(items.collect());
        }
        let (mut few, count) = ([T::default(); FEW], items.len());
        for (place, item) in few.iter_mut().zip(items) {
            *place = item;
        }
        List::Few(few, count)
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            List::Few(few, count) => &few[..*count],
            List::Many(many) => many,
        }
    }
}

#[cfg(test)]
mod tests;
