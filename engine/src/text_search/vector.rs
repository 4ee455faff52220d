//! A document to be searched: its words in their order, each once, with the places where they stand.

use storage::value::lexemes::{Lexemes, LexemesWriter};

use super::words::{Cursor, Language, next_word};
use super::{PLACE_MAX, PLACES_MAX, TEXT_BYTES_MAX, WORD_BYTES_END};
use crate::error::{Error, Result, SqlState};

/// A word, and where it stands: a number from 1 to 16383 and a weight, of which 0 is D and 3 is A.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) word: String,
    pub(crate) places: Vec<(u16, u8)>,
}

/// A `tsvector`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Vector {
    /// Sorted by their words, which differ.
    pub(crate) lexemes: Vec<Lexeme>,
}

/// The weight of that letter.
pub(crate) fn weight_of_letter(letter: char) -> Option<u8> {
    match letter.to_ascii_uppercase() {
        'A' => Some(3),
        'B' => Some(2),
        'C' => Some(1),
        'D' => Some(0),
        _ => None,
    }
}

pub(crate) fn weight_letter(weight: u8) -> char {
    match weight {
        3 => 'A',
        2 => 'B',
        1 => 'C',
        _ => 'D',
    }
}

/// 54000 for a word of more than 2047 bytes.
fn check_word(word: &str) -> Result<()> {
    if word.len() < WORD_BYTES_END {
        return Ok(());
    }
    let words = format!("word is too long ({} bytes, max {} bytes)", word.len(), WORD_BYTES_END - 1);
    Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, words))
}

/// 54000 for more bytes than a document has.
pub(super) fn too_long(bytes: usize) -> Error {
    let words = format!("string is too long for tsvector ({bytes} bytes, max {TEXT_BYTES_MAX} bytes)");
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, words)
}

impl Vector {
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let lexemes = Lexemes::of(bytes);
        Self {
            lexemes: lexemes
                .map(|lexeme| Lexeme { word: lexeme.word.to_owned(), places: lexeme.places().collect() })
                .collect(),
        }
    }

    /// 54000 if it is longer than PostgreSQL has them.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = 0;
        let mut writer = LexemesWriter::default();
        for Lexeme { word, places } in &self.lexemes {
            bytes += word.len();
            if !places.is_empty() {
                bytes += bytes % 2 + 2 + 2 * places.len();
            }
            writer.push(word, places);
        }
        if bytes > TEXT_BYTES_MAX { Err(too_long(bytes)) } else { Ok(writer.finish()) }
    }

    /// Of words in any order, which may come several times.
    pub(crate) fn gathered(mut lexemes: Vec<Lexeme>) -> Self {
        lexemes.sort_by(|left, right| left.word.cmp(&right.word));
        lexemes.dedup_by(|next, kept| {
            let same = next.word == kept.word;
            if same {
                kept.places.append(&mut next.places);
            }
            same
        });
        lexemes.iter_mut().for_each(|lexeme| settle(&mut lexeme.places));
        Self { lexemes }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut cursor = Cursor::new(text);
        let mut lexemes = Vec::new();
        let mut bytes = 0;
        while let Some(word) = next_word(&mut cursor, Language::Vector)? {
            check_word(&word.text)?;
            if bytes > TEXT_BYTES_MAX {
                return Err(too_long(bytes));
            }
            bytes += word.text.len();
            lexemes.push(Lexeme { word: word.text, places: word.places });
        }
        Ok(Self::gathered(lexemes))
    }

    /// Reads the binary form. The words must come in their order.
    pub(crate) fn read_binary(bytes: &[u8]) -> Result<Self> {
        let insufficient = || Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message");
        let (count, mut rest) = bytes.split_first_chunk().ok_or_else(insufficient)?;
        let count = i32::from_be_bytes(*count);
        if count < 0 || count as usize > (1 << 30) / 4 {
            return Err(Error::internal("invalid size of tsvector"));
        }
        let mut lexemes: Vec<Lexeme> = Vec::new();
        let mut sorted = true;
        for _ in 0..count {
            let (word, places) = read_lexeme(&mut rest)?;
            sorted &= lexemes.last().is_none_or(|last| last.word < word);
            lexemes.push(Lexeme { word, places });
        }
        if !rest.is_empty() {
            return Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, "incorrect binary data format"));
        }
        Ok(if sorted { Self { lexemes } } else { Self::gathered(lexemes) })
    }

    pub(crate) fn find(&self, word: &str) -> Option<&Lexeme> {
        let at = self.lexemes.binary_search_by(|lexeme| lexeme.word.as_str().cmp(word)).ok()?;
        self.lexemes.get(at)
    }

    /// The words that begin with something.
    pub(crate) fn with_prefix(&self, prefix: &str) -> &[Lexeme] {
        let start = self.lexemes.partition_point(|lexeme| lexeme.word.as_str() < prefix);
        let count = self.lexemes[start..].partition_point(|lexeme| lexeme.word.starts_with(prefix));
        &self.lexemes[start..start + count]
    }

    /// This and then the other, whose places go on behind the last one of this.
    pub(crate) fn concat(self, other: Vector) -> Vector {
        let last = self.lexemes.iter().filter_map(|lexeme| lexeme.places.last()).map(|(place, _)| *place).max();
        let shift = u32::from(last.unwrap_or(0));
        let mut own = self.lexemes.into_iter().peekable();
        let mut lexemes = Vec::new();
        for mut next in other.lexemes {
            while let Some(before) = own.next_if(|lexeme| lexeme.word < next.word) {
                lexemes.push(before);
            }
            let mut kept =
                own.next_if(|lexeme| lexeme.word == next.word).map(|lexeme| lexeme.places).unwrap_or_default();
            append_shifted(&mut kept, &next.places, shift);
            next.places = kept;
            lexemes.push(next);
        }
        lexemes.extend(own);
        Vector { lexemes }
    }
}

/// Places of a document that stands behind another one. Only one of them can be the last place there is.
fn append_shifted(places: &mut Vec<(u16, u8)>, more: &[(u16, u8)], shift: u32) {
    for (place, weight) in more {
        if places.len() >= PLACES_MAX || places.last().is_some_and(|(last, _)| *last == PLACE_MAX) {
            break;
        }
        let place = (u32::from(*place) + shift).min(u32::from(PLACE_MAX)) as u16;
        places.push((place, *weight));
    }
}

/// Puts places in their order, each once and with the greatest of its weights, as many as are kept.
fn settle(places: &mut Vec<(u16, u8)>) {
    places.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(right.1.cmp(&left.1)));
    places.dedup_by_key(|(place, _)| *place);
    places.truncate(PLACES_MAX);
}

fn read_lexeme(rest: &mut &[u8]) -> Result<(String, Vec<(u16, u8)>)> {
    let insufficient = || Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message");
    let end = rest
        .iter()
        .position(|byte| *byte == 0)
        .ok_or_else(|| Error::new(SqlState::PROTOCOL_VIOLATION, "invalid string in message"))?;
    let word = crate::types::text::utf8(&rest[..end])?.to_owned();
    *rest = &rest[end + 1..];
    let (count, after) = rest.split_first_chunk().ok_or_else(insufficient)?;
    let count = usize::from(u16::from_be_bytes(*count));
    if word.len() > WORD_BYTES_END {
        return Err(Error::internal("invalid tsvector: lexeme too long"));
    }
    if count > PLACES_MAX {
        return Err(Error::internal("unexpected number of tsvector positions"));
    }
    let (places, after) = after.split_at_checked(2 * count).ok_or_else(insufficient)?;
    *rest = after;
    let mut read: Vec<(u16, u8)> = Vec::with_capacity(count);
    for pair in places.chunks_exact(2) {
        let pair = u16::from_be_bytes([pair[0], pair[1]]);
        let (place, weight) = (pair & PLACE_MAX, (pair >> 14) as u8);
        if read.last().is_some_and(|(last, _)| *last >= place) {
            return Err(Error::internal("position information is misordered"));
        }
        read.push((place, weight));
    }
    Ok((word, read))
}

/// Appends the text form of a stored document.
pub(crate) fn write(bytes: &[u8], out: &mut Vec<u8>) {
    for (at, lexeme) in Lexemes::of(bytes).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        write_quoted(lexeme.word, out);
        for (nth, (place, weight)) in lexeme.places().enumerate() {
            out.push(if nth == 0 { b':' } else { b',' });
            crate::types::text::write_i64(i64::from(place), out);
            if weight > 0 {
                out.push(weight_letter(weight) as u8);
            }
        }
    }
}

/// Appends a word between quotes.
pub(super) fn write_quoted(word: &str, out: &mut Vec<u8>) {
    out.push(b'\'');
    for byte in word.bytes() {
        if matches!(byte, b'\'' | b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'\'');
}

/// Appends the binary form of a stored document.
pub(crate) fn write_binary(bytes: &[u8], out: &mut Vec<u8>) {
    let count = Lexemes::of(bytes).count() as u32;
    out.extend_from_slice(&count.to_be_bytes());
    for lexeme in Lexemes::of(bytes) {
        out.extend_from_slice(lexeme.word.as_bytes());
        out.push(0);
        out.extend_from_slice(&(lexeme.places().len() as u16).to_be_bytes());
        for (place, weight) in lexeme.places() {
            out.extend_from_slice(&(u16::from(weight) << 14 | place).to_be_bytes());
        }
    }
}
