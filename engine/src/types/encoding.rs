//! The encodings that a client may speak (PostgreSQL manual, "Character Set Support"). All text is UTF-8 inside; what a client
//! sends and is sent is converted where bytes become values and values become bytes. Encodings of several bytes a character, other
//! than UTF-8, are not spoken.

mod charset;

use std::borrow::Cow;

use charset::{CHARSETS, Charset};

use super::text::utf8;
use crate::error::{Error, Result, SqlState};

/// How bytes stand for characters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Encoding(Option<&'static Charset>);

/// Encodings of PostgreSQL's that have several bytes a character, as `folded` writes their names and aliases.
const SEVERAL_BYTES: &[&str] = &[
    "big5",
    "euccn",
    "eucjis2004",
    "eucjp",
    "euckr",
    "euctw",
    "gb18030",
    "gbk",
    "johab",
    "mskanji",
    "muleinternal",
    "shiftjis",
    "shiftjis2004",
    "sjis",
    "uhc",
    "win932",
    "win936",
    "win949",
    "win950",
    "windows932",
    "windows936",
    "windows949",
    "windows950",
];

/// Nothing but letters and digits counts in a name.
fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Encoding {
    /// Text as it is: UTF-8, and SQL_ASCII, which says nothing of its bytes.
    pub const UTF8: Self = Self(None);

    /// The encoding of that name or alias, and what PostgreSQL calls it; None if there is none. 0A000 for one that is not spoken.
    pub fn named(name: &str) -> Result<Option<(Self, &'static str)>> {
        let folded = folded(name);
        Ok(match folded.as_str() {
            "utf8" | "unicode" => Some((Self::UTF8, "UTF8")),
            "sqlascii" => Some((Self::UTF8, "SQL_ASCII")),
            several if SEVERAL_BYTES.contains(&several) => {
                return Err(Error::unsupported(format!("the encoding {name}")));
            }
            one => CHARSETS
                .iter()
                .find(|known| self::folded(known.name) == one || known.aliases.contains(&one))
                .map(|known| (Self(Some(known)), known.name)),
        })
    }

    /// Whether bytes change on their way.
    pub fn is_converting(self) -> bool {
        self.0.is_some()
    }

    /// A client's bytes as UTF-8; whether they are any is not looked at where nothing is converted. 22P05 for a byte that is no
    /// character of the encoding.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
        let Some(charset) = self.0 else { return Ok(Cow::Borrowed(bytes)) };
        if bytes.is_ascii() {
            return Ok(Cow::Borrowed(bytes));
        }
        let mut text = String::with_capacity(bytes.len() * 2);
        for &byte in bytes {
            text.push(match byte {
                0..=0x7f => char::from(byte),
                _ => charset.character(byte).ok_or_else(|| untranslatable(&[byte], charset.name, "UTF8"))?,
            });
        }
        Ok(Cow::Owned(text.into_bytes()))
    }

    /// A client's bytes as text. 22021 for what is no UTF-8 where that is spoken, 22P05 as for `decode`.
    pub fn text(self, bytes: &[u8]) -> Result<Cow<'_, str>> {
        match self.decode(bytes)? {
            Cow::Borrowed(bytes) => utf8(bytes).map(Cow::Borrowed),
            Cow::Owned(bytes) => utf8(&bytes).map(|text| Cow::Owned(text.to_owned())),
        }
    }

    /// Appends text as the client reads it. 22P05 for a character that the encoding has not; then nothing is appended.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<()> {
        match self.0 {
            None => out.extend_from_slice(text.as_bytes()),
            Some(_) if text.is_ascii() => out.extend_from_slice(text.as_bytes()),
            Some(charset) => {
                let start = out.len();
                for character in text.chars() {
                    match byte_of(charset, character) {
                        Some(byte) => out.push(byte),
                        None => {
                            out.truncate(start);
                            return Err(untranslatable(
                                character.encode_utf8(&mut [0; 4]).as_bytes(),
                                "UTF8",
                                charset.name,
                            ));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Turns what stands in `out` from `start` on, which is UTF-8, into what the client reads. 22P05 as for `encode`; then it is gone.
    pub fn encode_tail(self, out: &mut Vec<u8>, start: usize) -> Result<()> {
        if self.0.is_none() || out[start..].is_ascii() {
            return Ok(());
        }
        let tail = out.split_off(start);
        self.encode(&String::from_utf8_lossy(&tail), out)
    }
}

fn byte_of(charset: &Charset, character: char) -> Option<u8> {
    if character.is_ascii() { u8::try_from(character).ok() } else { charset.byte(character) }
}

fn untranslatable(bytes: &[u8], from: &str, to: &str) -> Error {
    let bytes = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(" ");
    Error::new(
        SqlState("22P05"),
        format!("character with byte sequence {bytes} in encoding \"{from}\" has no equivalent in encoding \"{to}\""),
    )
}

#[cfg(test)]
mod tests;
