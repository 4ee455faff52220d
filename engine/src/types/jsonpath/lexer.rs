//! The tokens of jsonpath.

use storage::Numeric;

use crate::error::{Error, Result, SqlState};
use crate::types::text::numeric_error;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A bare word; whether it is a keyword depends on where it stands.
    Word(String),
    String(String),
    Variable(String),
    Number(Numeric),
    /// A number of digits only, which levels and methods ask for.
    Integer(Numeric),
    /// Punctuation of one or two characters.
    Symbol(&'static str),
}

/// A token and where it begins.
pub(super) type Placed = (Token, usize);

/// Longest first.
const SYMBOLS: &[&str] = &[
    "&&", "||", "**", "==", "!=", "<>", "<=", ">=", "$", "@", ".", "*", "[", "]", "(", ")", "{", "}", ",", "?", "+",
    "-", "/", "%", "<", ">", "!", "=",
];

/// What ends a bare word.
const SPECIAL: &str = "?%$.[]{}()|&!=<>@#,*:-+/";

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// All tokens of a text: 42601 for what is none.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

/// "syntax error at or near "x" of jsonpath input".
pub(super) fn syntax(message: &str, near: Option<&str>) -> Error {
    let words = match near {
        Some(near) => format!("{message} at or near \"{near}\" of jsonpath input"),
        None => format!("{message} at end of jsonpath input"),
    };
    Error::new(SqlState::SYNTAX_ERROR, words)
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_spaces(&mut self) -> Result<()> {
        loop {
            let rest = self.rest().trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
            self.at = self.text.len() - rest.len();
            if !rest.starts_with("/*") {
                return Ok(());
            }
            let end = rest.find("*/").ok_or_else(|| syntax("unexpected end of comment", None))?;
            self.at += end + 2;
        }
    }

    fn next(&mut self) -> Result<Option<Placed>> {
        self.skip_spaces()?;
        let start = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let second = self.rest().chars().nth(1);
        let token = match first {
            '"' => {
                self.at += 1;
                Token::String(self.quoted()?)
            }
            '$' if second == Some('"') => {
                self.at += 2;
                Token::Variable(self.quoted()?)
            }
            '$' if second.is_some_and(is_word) => {
                self.at += 1;
                Token::Variable(self.word()?)
            }
            '0'..='9' => self.number()?,
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.number()?,
            _ => match SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Token::Symbol(symbol)
                }
                None if is_word(first) || first == '\\' => Token::Word(self.word()?),
                None => return Err(syntax("syntax error", Some(&first.to_string()))),
            },
        };
        Ok(Some((token, start)))
    }

    fn word(&mut self) -> Result<String> {
        let mut word = String::new();
        while let Some(next) = self.peek() {
            if next == '\\' {
                self.at += 1;
                self.escape(&mut word)?;
            } else if is_word(next) {
                word.push(next);
                self.at += next.len_utf8();
            } else {
                break;
            }
        }
        Ok(word)
    }

    fn quoted(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(syntax("unexpected end of quoted string", None)),
                Some('"') => return Ok(text),
                Some('\\') => self.escape(&mut text)?,
                Some(c) => text.push(c),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, into: &mut String) -> Result<()> {
        let plain = match self.take() {
            None => return Err(syntax("unexpected end after backslash", None)),
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some('x') => self.hexadecimal(2).and_then(char::from_u32).ok_or_else(|| {
                syntax("invalid hex character sequence", Some(self.rest().get(..1).unwrap_or_default()))
            })?,
            Some('u') => self.code_point()?,
            Some(other) => other,
        };
        if plain == '\0' {
            return Err(Error::new(SqlState::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence")
                .with_detail("\\u0000 cannot be converted to text."));
        }
        into.push(plain);
        Ok(())
    }

    fn hexadecimal(&mut self, digits: usize) -> Option<u32> {
        let code = self.rest().get(..digits).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.at += digits;
        u32::from_str_radix(code, 16).ok()
    }

    fn code_point(&mut self) -> Result<char> {
        let invalid = || {
            Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type jsonpath")
                .with_detail("Unicode low surrogate must follow a high surrogate.")
        };
        let wrong = || syntax("invalid Unicode escape sequence", None);
        if self.rest().starts_with('{') {
            let end = self.rest().find('}').filter(|end| (2..=7).contains(end)).ok_or_else(wrong)?;
            self.at += 1;
            let code = self.hexadecimal(end - 1).ok_or_else(wrong)?;
            self.at += 1;
            return char::from_u32(code).ok_or_else(invalid);
        }
        let unit = self.hexadecimal(4).ok_or_else(wrong)?;
        if !(0xD800..0xDC00).contains(&unit) {
            return char::from_u32(unit).ok_or_else(invalid);
        }
        if !self.rest().starts_with("\\u") {
            return Err(invalid());
        }
        self.at += 2;
        let low = self.hexadecimal(4).ok_or_else(wrong)?;
        let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400).ok_or_else(invalid)?;
        char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + low).ok_or_else(invalid)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Token> {
        let start = self.at;
        let whole = self.digits();
        let mut integer = true;
        let after = self.rest().as_bytes().get(1).copied();
        let exponent = self.rest().get(1..).is_some_and(begins_exponent);
        // "1..type()" is the number 1. and an accessor; "1.type()" is not one.
        if self.peek() == Some('.') {
            self.at += 1;
            integer = false;
            if self.digits() == 0 && !exponent && after.is_some_and(|byte| is_word(byte as char)) {
                return Err(self.junk(start));
            }
        }
        if let Some('e' | 'E') = self.peek() {
            self.at += 1;
            integer = false;
            if let Some('+' | '-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(syntax("invalid numeric literal", self.text.get(start..self.at)));
            }
        }
        if self.peek().is_some_and(|c| is_word(c) || c == '\\') {
            return Err(self.junk(start));
        }
        let digits = &self.text[start..self.at];
        if integer && whole > 1 && digits.starts_with('0') {
            return Err(syntax("trailing junk after numeric literal", digits.get(..2)));
        }
        let number = Numeric::parse(digits).map_err(numeric_error)?;
        Ok(if integer { Token::Integer(number) } else { Token::Number(number) })
    }

    fn junk(&self, start: usize) -> Error {
        let end = self.at + self.peek().map_or(0, char::len_utf8);
        syntax("trailing junk after numeric literal", self.text.get(start..end))
    }
}

/// `e5`, `E-3`
fn begins_exponent(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return false };
    rest.strip_prefix(['+', '-']).unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit())
}

fn is_word(c: char) -> bool {
    !SPECIAL.contains(c) && !c.is_ascii_whitespace() && c != '"' && c != '\\'
}
