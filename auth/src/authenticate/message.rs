//! Reading SCRAM messages (RFC 5802, section 7): `x=value` attributes with commas between them.
//!
//! The input is whatever a stranger sent, so everything is bytes, nothing is assumed to be UTF-8,
//! and what goes into an error is printable.

use crate::error::AuthenticationError;

/// A cursor over one message.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// How far the reader is from the start, in bytes.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    pub(crate) fn skip(&mut self) {
        self.position += 1;
    }

    /// Reads the attribute `name`, which must come next, and the comma behind its value.
    pub(crate) fn attribute(&mut self, name: u8) -> Result<&'a [u8], AuthenticationError> {
        if self.peek() != Some(name) {
            return Err(malformed(format!(
                "Expected attribute \"{}\" but found \"{}\".",
                char::from(name),
                printable_byte(self.peek())
            )));
        }
        self.value(name)
    }

    /// Reads whichever attribute comes next: its name and its value.
    pub(crate) fn any_attribute(&mut self) -> Result<(u8, &'a [u8]), AuthenticationError> {
        match self.peek() {
            None => Err(malformed("Attribute expected, but found end of string.".to_owned())),
            Some(name) if name.is_ascii_alphabetic() => Ok((name, self.value(name)?)),
            other => Err(malformed(format!(
                "Attribute expected, but found invalid character \"{}\".",
                printable_byte(other)
            ))),
        }
    }

    fn value(&mut self, name: u8) -> Result<&'a [u8], AuthenticationError> {
        self.skip();
        if self.peek() != Some(b'=') {
            return Err(malformed(format!("Expected character \"=\" for attribute \"{}\".", char::from(name))));
        }
        self.skip();
        let rest = self.rest();
        let length = rest.iter().position(|&byte| byte == b',');
        let value = &rest[..length.unwrap_or(rest.len())];
        self.position += value.len() + usize::from(length.is_some());
        Ok(value)
    }
}

pub(crate) fn malformed(detail: String) -> AuthenticationError {
    AuthenticationError::MalformedMessage { detail }
}

/// A byte as an error may show it.
pub(crate) fn printable_byte(byte: Option<u8>) -> String {
    match byte {
        None => "0x00".to_owned(),
        Some(byte) if (0x21..=0x7e).contains(&byte) => format!("'{}'", char::from(byte)),
        Some(byte) => format!("0x{byte:02x}"),
    }
}

/// The first bytes of a value as an error may show them.
pub(crate) fn printable(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 30;
    let shown = bytes.iter().take(SHOWN_BYTES_MAX);
    shown.map(|&byte| if (0x21..=0x7e).contains(&byte) { char::from(byte) } else { '?' }).collect()
}
