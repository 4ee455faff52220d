//! Documents to be searched: sorted words with the places where they stand, as bytes that sort as PostgreSQL's `tsvector` does.
//!
//! A document is its size as PostgreSQL would store it and its number of words, four bytes each, which its order
//! asks for first. Then each word: 0 if its places follow, otherwise 1; its text and a zero byte, which no text has; and
//! then how many places there are and each of them, in two bytes turned over, since what has more or later ones comes first.
//! A place is its number and two bits for its weight.

/// How many bytes come before the words.
const HEADER: usize = 8;

/// A word of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexeme<'a> {
    pub word: &'a str,
    places: &'a [u8],
}

impl<'a> Lexeme<'a> {
    /// Where it stands: a number from 1 and a weight from 0 to 3 each; nowhere if that is not kept.
    pub fn places(&self) -> impl ExactSizeIterator<Item = (u16, u8)> + use<'a> {
        self.places.chunks_exact(2).map(|pair| {
            let place = !u16::from_be_bytes([pair[0], pair[1]]);
            (place >> 2, (place & 3) as u8)
        })
    }
}

/// The words of a document, in their order. It ends early if the bytes are no document.
#[derive(Debug, Clone)]
pub struct Lexemes<'a> {
    rest: &'a [u8],
}

impl<'a> Lexemes<'a> {
    pub fn of(document: &'a [u8]) -> Self {
        Self { rest: document.get(HEADER..).unwrap_or_default() }
    }
}

impl<'a> Iterator for Lexemes<'a> {
    type Item = Lexeme<'a>;

    fn next(&mut self) -> Option<Lexeme<'a>> {
        let (without_places, rest) = self.rest.split_first()?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let word = std::str::from_utf8(&rest[..end]).ok()?;
        let rest = &rest[end + 1..];
        if *without_places != 0 {
            self.rest = rest;
            return Some(Lexeme { word, places: &[] });
        }
        let (count, rest) = rest.split_first_chunk()?;
        let (places, rest) = rest.split_at_checked(2 * usize::from(!u16::from_be_bytes(*count)))?;
        self.rest = rest;
        Some(Lexeme { word, places })
    }
}

/// The bytes of a document that is written word by word. Each word is given once, in their order, with its places in theirs.
#[derive(Debug)]
pub struct LexemesWriter {
    bytes: Vec<u8>,
    words: u32,
    /// As PostgreSQL would store the words' texts and places.
    stored: u32,
}

impl Default for LexemesWriter {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER], words: 0, stored: 0 }
    }
}

impl LexemesWriter {
    pub fn push(&mut self, word: &str, places: &[(u16, u8)]) {
        debug_assert!(!word.contains('\0') && places.iter().all(|(place, weight)| *place < 1 << 14 && *weight < 4));
        self.words += 1;
        self.stored += word.len() as u32;
        self.bytes.push(u8::from(places.is_empty()));
        self.bytes.extend_from_slice(word.as_bytes());
        self.bytes.push(0);
        if places.is_empty() {
            return;
        }
        // Places are numbers of two bytes, and so is how many they are.
        self.stored += self.stored % 2 + 2 + 2 * places.len() as u32;
        self.bytes.extend_from_slice(&(!(places.len() as u16)).to_be_bytes());
        for (place, weight) in places {
            self.bytes.extend_from_slice(&(!(place << 2 | u16::from(*weight))).to_be_bytes());
        }
    }

    pub fn finish(mut self) -> Vec<u8> {
        // A header of eight bytes, and four for each word.
        let size = 8 + 4 * self.words + self.stored;
        self.bytes[..4].copy_from_slice(&size.to_be_bytes());
        self.bytes[4..HEADER].copy_from_slice(&self.words.to_be_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(words: &[(&str, &[(u16, u8)])]) -> Vec<u8> {
        let mut writer = LexemesWriter::default();
        words.iter().for_each(|(word, places)| writer.push(word, places));
        writer.finish()
    }

    #[test]
    fn words_come_back_with_their_places() {
        let words: &[(&str, &[(u16, u8)])] = &[("", &[]), ("a", &[(1, 3), (16383, 0)]), ("äb", &[]), ("b", &[(7, 1)])];
        let bytes = document(words);
        let read: Vec<_> =
            Lexemes::of(&bytes).map(|lexeme| (lexeme.word, lexeme.places().collect::<Vec<_>>())).collect();
        let given: Vec<_> = words.iter().map(|(word, places)| (*word, places.to_vec())).collect();
        assert_eq!(read, given);
    }

    #[test]
    fn bytes_sort_as_documents_do() {
        // Smaller ones first, then by words; more places, later ones and heavier ones come first.
        let sorted = [
            document(&[]),
            document(&[("a", &[])]),
            document(&[("b", &[])]),
            document(&[("ab", &[])]),
            document(&[("a", &[(2, 0)])]),
            document(&[("a", &[(1, 3)])]),
            document(&[("a", &[(1, 0)])]),
            document(&[("a", &[(1, 0), (2, 0)])]),
        ];
        assert!(sorted.is_sorted());
    }

    #[test]
    fn what_is_no_document_ends_and_does_not_panic() {
        let bytes = document(&[("word", &[(1, 0), (2, 1)]), ("other", &[])]);
        for length in 0..bytes.len() {
            assert!(Lexemes::of(&bytes[..length]).count() <= 2);
        }
        assert_eq!(Lexemes::of(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0]).count(), 0);
    }
}
