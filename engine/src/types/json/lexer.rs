//! The tokens of JSON, and what is said when something is none.

use std::borrow::Cow;

use super::parse::Escapes;
use crate::error::{Error, Result, SqlState};

/// How much of the line before an error is shown with it, in bytes.
const CONTEXT_BYTES: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    End,
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    Number,
    True,
    False,
    Null,
}

/// A text and the token that was read last.
pub(super) struct Lexer<'a> {
    text: &'a str,
    escapes: Escapes,
    pub(super) token: Token,
    /// Where the token begins and ends.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where the token before it ended.
    pub(super) previous_end: usize,
    /// What the token means, if it is a string.
    pub(super) string: Cow<'a, str>,
    line: usize,
    line_start: usize,
}

impl<'a> Lexer<'a> {
    /// Stands at the first token.
    pub(super) fn new(text: &'a str, escapes: Escapes) -> Result<Self> {
        let mut lexer = Self {
            text,
            escapes,
            token: Token::End,
            start: 0,
            end: 0,
            previous_end: 0,
            string: Cow::Borrowed(""),
            line: 1,
            line_start: 0,
        };
        lexer.advance()?;
        Ok(lexer)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The token as it is written.
    pub(super) fn written(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// The text from a place to the end of the last token but one.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.previous_end).unwrap_or_default()
    }

    /// Reads the next token.
    pub(super) fn advance(&mut self) -> Result<()> {
        self.previous_end = self.end;
        let mut at = self.end;
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.byte(at) {
            at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_start = at;
            }
        }
        self.start = at;
        self.end = at + 1;
        self.token = match self.byte(at) {
            None => {
                self.end = at;
                Token::End
            }
            Some(b'{') => Token::ObjectStart,
            Some(b'}') => Token::ObjectEnd,
            Some(b'[') => Token::ArrayStart,
            Some(b']') => Token::ArrayEnd,
            Some(b',') => Token::Comma,
            Some(b':') => Token::Colon,
            Some(b'"') => {
                self.string()?;
                Token::String
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Token::Number
            }
            Some(_) => self.word()?,
        };
        Ok(())
    }

    fn word(&mut self) -> Result<Token> {
        self.end = self.start + self.text[self.start..].bytes().take_while(|byte| is_word(*byte)).count();
        match self.written() {
            "" => {
                self.end = self.after(self.start);
                Err(self.invalid_token())
            }
            "true" => Ok(Token::True),
            "false" => Ok(Token::False),
            "null" => Ok(Token::Null),
            _ => Err(self.invalid_token()),
        }
    }

    fn digits(&self, at: &mut usize) -> bool {
        let start = *at;
        while self.byte(*at).is_some_and(|byte| byte.is_ascii_digit()) {
            *at += 1;
        }
        *at > start
    }

    fn number(&mut self) -> Result<()> {
        let mut at = self.start + usize::from(self.byte(self.start) == Some(b'-'));
        let mut good = if self.byte(at) == Some(b'0') {
            at += 1;
            true
        } else {
            self.digits(&mut at)
        };
        if self.byte(at) == Some(b'.') {
            at += 1;
            good &= self.digits(&mut at);
        }
        if let Some(b'e' | b'E') = self.byte(at) {
            at += 1;
            if let Some(b'+' | b'-') = self.byte(at) {
                at += 1;
            }
            good &= self.digits(&mut at);
        }
        while self.byte(at).is_some_and(is_word) {
            good = false;
            at += 1;
        }
        self.end = at;
        if good { Ok(()) } else { Err(self.invalid_token()) }
    }

    /// Reads a string up to its closing quote.
    fn string(&mut self) -> Result<()> {
        let first = self.start + 1;
        let mut at = first;
        let mut kept: Option<String> = None;
        let mut plain = first;
        loop {
            match self.byte(at) {
                None => {
                    self.end = at;
                    return Err(self.invalid_token());
                }
                Some(b'"') => break,
                Some(byte) if byte < b' ' => {
                    self.end = at;
                    return Err(self.syntax(format!("Character with value 0x{byte:02x} must be escaped.")));
                }
                Some(b'\\') => {
                    let text = kept.get_or_insert_default();
                    text.push_str(&self.text[plain..at]);
                    let mut text = std::mem::take(text);
                    at = self.escape(at + 1, &mut text)?;
                    kept = Some(text);
                    plain = at;
                }
                Some(_) => at += 1,
            }
        }
        self.end = at + 1;
        self.string = match kept {
            None => Cow::Borrowed(&self.text[first..at]),
            Some(mut text) => {
                text.push_str(&self.text[plain..at]);
                Cow::Owned(text)
            }
        };
        Ok(())
    }

    /// Reads what follows a backslash; answers where it ends.
    fn escape(&mut self, at: usize, into: &mut String) -> Result<usize> {
        let plain = match self.byte(at) {
            None => {
                self.end = at;
                return Err(self.invalid_token());
            }
            Some(b'u') => return self.code_point(at + 1, into),
            Some(byte @ (b'"' | b'\\' | b'/')) => byte as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) => {
                self.start = at;
                self.end = self.after(at);
                return Err(self.syntax(format!("Escape sequence \"\\{}\" is invalid.", self.written())));
            }
        };
        into.push(plain);
        Ok(at + 1)
    }

    /// Reads four hexadecimal digits, and those of the other half of a surrogate pair.
    fn code_point(&mut self, at: usize, into: &mut String) -> Result<usize> {
        let unit = self.four_digits(at)?;
        let mut end = at + 4;
        if self.escapes == Escapes::Checked {
            return Ok(end);
        }
        self.end = end;
        let low_missing = "Unicode low surrogate must follow a high surrogate.";
        let code = match unit {
            0xDC00..=0xDFFF => return Err(self.syntax(low_missing.to_owned())),
            0xD800..=0xDBFF => {
                if !self.text[end..].starts_with("\\u") {
                    return Err(self.syntax(low_missing.to_owned()));
                }
                let low = self.four_digits(end + 2)?;
                end += 6;
                self.end = end;
                match low {
                    0xD800..=0xDBFF => {
                        let words = "Unicode high surrogate must not follow a high surrogate.";
                        return Err(self.syntax(words.to_owned()));
                    }
                    0xDC00..=0xDFFF => 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00),
                    _ => return Err(self.syntax(low_missing.to_owned())),
                }
            }
            0 => {
                let error = Error::new(SqlState::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
                return Err(error.with_detail("\\u0000 cannot be converted to text.").with_context(self.context()));
            }
            unit => unit,
        };
        into.extend(char::from_u32(code));
        Ok(end)
    }

    fn four_digits(&mut self, at: usize) -> Result<u32> {
        let mut code = 0;
        for offset in 0..4 {
            let Some(byte) = self.byte(at + offset) else {
                self.end = self.text.len();
                return Err(self.invalid_token());
            };
            match (byte as char).to_digit(16) {
                Some(digit) => code = code * 16 + digit,
                None => {
                    self.end = self.after(at + offset);
                    return Err(self.syntax("\"\\u\" must be followed by four hexadecimal digits.".to_owned()));
                }
            }
        }
        Ok(code)
    }

    /// Where the character at a place ends.
    fn after(&self, at: usize) -> usize {
        at + self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
    }

    fn invalid_token(&self) -> Error {
        self.syntax(format!("Token \"{}\" is invalid.", self.written()))
    }

    /// What stands where `expected` should.
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        if self.token == Token::End {
            return self.syntax("The input string ended unexpectedly.".to_owned());
        }
        self.syntax(format!("Expected {expected}, but found \"{}\".", self.written()))
    }

    fn syntax(&self, detail: String) -> Error {
        Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
            .with_detail(detail)
            .with_context(self.context())
    }

    fn context(&self) -> String {
        let mut start = self.line_start;
        while self.end >= start + CONTEXT_BYTES {
            start = self.after(start);
        }
        if start - self.line_start <= 3 {
            start = self.line_start;
        }
        let more = self.token != Token::End || self.end > self.start;
        let goes_on = more && self.byte(self.end).is_some_and(|byte| !matches!(byte, b'\n' | b'\r'));
        format!(
            "JSON data, line {}: {}{}{}",
            self.line,
            if start > self.line_start { "..." } else { "" },
            self.text.get(start..self.end).unwrap_or_default(),
            if goes_on { "..." } else { "" }
        )
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
