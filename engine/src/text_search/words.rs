//! The words of a `tsvector` or `tsquery` in its text form: plain, or between quotes, with backslashes before what is meant as it is.

use crate::error::{Error, Result, SqlState};
use crate::types::text::is_space;

use super::PLACE_MAX;

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Vector,
    Query,
    /// What people type into a search box: nothing is wrong, and neither quotes nor backslashes are special in a word.
    Web,
}

impl Language {
    /// Whether operators end a word.
    fn has_operators(self) -> bool {
        self != Language::Vector
    }
}

/// A place where a character of a text is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn advance(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    pub(super) fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.advance();
        }
    }

    /// 42601 for what cannot be read.
    #[cold]
    pub(super) fn syntax_error(&self, language: Language) -> Error {
        let what = if language == Language::Vector { "tsvector" } else { "tsquery" };
        Error::new(SqlState::SYNTAX_ERROR, format!("syntax error in {what}: \"{}\"", self.text))
    }
}

/// What a locale of Unicode takes for space.
pub(super) fn is_blank(c: char) -> bool {
    is_space(c) || (!c.is_ascii() && c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}'))
}

pub(super) fn is_operator(c: char) -> bool {
    matches!(c, '!' | '&' | '|' | '(' | ')' | '<')
}

/// A word and, of a vector, its places.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) places: Vec<(u16, u8)>,
}

/// Reads the next word; None if there is nothing but spaces.
pub(super) fn next_word(cursor: &mut Cursor<'_>, language: Language) -> Result<Option<Word>> {
    cursor.skip_spaces();
    let plain = language == Language::Web;
    let mut text = String::new();
    match cursor.peek() {
        None => return Ok(None),
        Some('\'') if !plain => {
            quoted(cursor, language, &mut text)?;
            if language.has_operators() || !cursor.take(':') {
                return Ok(Some(Word { text, places: Vec::new() }));
            }
            return Ok(Some(Word { text, places: places(cursor)? }));
        }
        Some('\\') if !plain => escaped(cursor, &mut text)?,
        Some(c) if language.has_operators() && is_operator(c) => return Err(cursor.syntax_error(language)),
        Some('"') if plain => return Err(cursor.syntax_error(language)),
        Some(c) => {
            text.push(c);
            cursor.advance();
        }
    }
    loop {
        match cursor.peek() {
            Some('\\') if !plain => escaped(cursor, &mut text)?,
            Some(':') if language.has_operators() => break,
            Some(':') => {
                cursor.advance();
                return Ok(Some(Word { text, places: places(cursor)? }));
            }
            None => break,
            Some(c) if is_blank(c) || (language.has_operators() && is_operator(c)) || (plain && c == '"') => break,
            Some(c) => {
                text.push(c);
                cursor.advance();
            }
        }
    }
    Ok(Some(Word { text, places: Vec::new() }))
}

/// The character behind a backslash.
fn escaped(cursor: &mut Cursor<'_>, text: &mut String) -> Result<()> {
    cursor.advance();
    let Some(c) = cursor.peek() else {
        let words = format!("there is no escaped character: \"{}\"", cursor.text());
        return Err(Error::new(SqlState::SYNTAX_ERROR, words));
    };
    text.push(c);
    cursor.advance();
    Ok(())
}

/// What stands between quotes, which are doubled to be meant.
fn quoted(cursor: &mut Cursor<'_>, language: Language, text: &mut String) -> Result<()> {
    cursor.advance();
    loop {
        match cursor.peek() {
            None => return Err(cursor.syntax_error(language)),
            Some('\\') => escaped(cursor, text)?,
            Some('\'') => {
                cursor.advance();
                if !cursor.take('\'') {
                    break;
                }
                text.push('\'');
            }
            Some(c) => {
                text.push(c);
                cursor.advance();
            }
        }
    }
    if text.is_empty() { Err(cursor.syntax_error(language)) } else { Ok(()) }
}

/// The places behind a word and its colon: `1A,20,3b`.
fn places(cursor: &mut Cursor<'_>) -> Result<Vec<(u16, u8)>> {
    let wrong = |cursor: &Cursor<'_>| cursor.syntax_error(Language::Vector);
    let mut places = Vec::new();
    loop {
        let digits = cursor.rest().bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(wrong(cursor));
        }
        let place = place(&cursor.rest()[..digits]);
        if place == 0 {
            let words = format!("wrong position info in tsvector: \"{}\"", cursor.text());
            return Err(Error::new(SqlState::SYNTAX_ERROR, words));
        }
        cursor.at += digits;
        let mut weight = 0;
        loop {
            match cursor.peek() {
                Some(c) if is_blank(c) => {
                    places.push((place, weight));
                    return Ok(places);
                }
                None => {
                    places.push((place, weight));
                    return Ok(places);
                }
                Some(',') => break,
                // The least weight may be said again.
                // A star is an A.
                Some(c) => match super::weight_of_letter(if c == '*' { 'A' } else { c }) {
                    Some(known) if weight == 0 => weight = known,
                    None if c.is_ascii_digit() => {}
                    _ => return Err(wrong(cursor)),
                },
            }
            cursor.advance();
        }
        places.push((place, weight));
        cursor.advance();
    }
}

/// The number that digits say, as far as an integer of C's goes.
fn place(digits: &str) -> u16 {
    let number = digits.parse::<i64>().unwrap_or(i64::MAX) as i32;
    if number > i32::from(PLACE_MAX) { PLACE_MAX } else { number as u16 & PLACE_MAX }
}
