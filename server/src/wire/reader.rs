//! A cursor over the body of one message. Every length is checked, every text is UTF-8.

use engine::types::text;
use engine::{Error, Result, SqlState};

/// What is left of a message's body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The protocol's Int16 where it counts things: up to 65535.
    pub(super) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| malformed("insufficient data left in message"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A text up to its zero byte, which is not part of it.
    pub(super) fn text(&mut self) -> Result<&'a str> {
        let end = self.rest.iter().position(|&byte| byte == 0).ok_or_else(|| malformed("invalid string in message"))?;
        let (bytes, rest) = (&self.rest[..end], &self.rest[end + 1..]);
        self.rest = rest;
        text::utf8(bytes)
    }

    /// A parameter's value, preceded by its length; None is NULL.
    pub(super) fn value(&mut self) -> Result<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| malformed("insufficient data left in message"))?;
                self.bytes(length).map(Some)
            }
        }
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Refuses a message that goes on after its last field.
    pub(super) fn end(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(malformed("invalid message format")) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) =
            self.rest.split_first_chunk().ok_or_else(|| malformed("insufficient data left in message"))?;
        self.rest = rest;
        Ok(*array)
    }
}

pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, message)
}
