//! The tokens of a body. Only what its own grammar needs is told apart: SQL within it is cut out as text.

use crate::error::{Error, Result, SqlState};

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier or keyword, folded to lower case unless it was quoted.
    Word {
        value: String,
        quoted: bool,
    },
    Number,
    /// A literal, without its quotes.
    Text(String),
    /// `$n`.
    Parameter,
    /// `:=`, `..`, `<<`, `>>`, `=>`, or one character.
    Symbol(&'static str),
    /// A character that no statement of the language has.
    Other,
    End,
}

/// A token and where it stands, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) token: Token,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Located {
    /// Whether it is the keyword, which is given in lower case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(&self.token, Token::Word { value, quoted: false } if value == keyword)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(&self.token, Token::Symbol(own) if *own == symbol)
    }
}

const SYMBOLS: [&str; 20] =
    [":=", "..", "<<", ">>", "=>", "::", ";", ",", "(", ")", "[", "]", "=", ".", "#", "<", ">", "%", "*", ":"];

/// The tokens of a text, the last of which is [`Token::End`]. 42601 for a literal or comment that does not end.
pub(super) fn tokens(text: &str) -> Result<Vec<Located>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let ends = token.token == Token::End;
        tokens.push(token);
        if ends {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn unterminated(&self, what: &str, from: usize) -> Error {
        let position = self.text[..from].chars().count() + 1;
        let message = format!("unterminated {what} at or near \"{}\"", &self.text[from..]);
        Error::new(SqlState::SYNTAX_ERROR, message).at(Some(position))
    }

    fn skip_space(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}', '\u{b}']);
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let from = self.at;
                let mut depth = 0usize;
                loop {
                    let rest = self.rest();
                    if rest.starts_with("/*") {
                        depth += 1;
                        self.at += 2;
                    } else if rest.starts_with("*/") {
                        depth -= 1;
                        self.at += 2;
                        if depth == 0 {
                            break;
                        }
                    } else {
                        let Some(character) = rest.chars().next() else {
                            return Err(self.unterminated("/* comment", from));
                        };
                        self.at += character.len_utf8();
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<Located> {
        self.skip_space()?;
        let from = self.at;
        let token = self.token()?;
        Ok(Located { token, from, to: self.at })
    }

    fn token(&mut self) -> Result<Token> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        match first {
            '\'' => self.literal(false).map(Token::Text),
            '"' => self.quoted_identifier(),
            'e' | 'E' if rest[1..].starts_with('\'') => {
                self.at += 1;
                self.literal(true).map(Token::Text)
            }
            '$' => self.dollar(),
            '0'..='9' => {
                self.number();
                Ok(Token::Number)
            }
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                self.number();
                Ok(Token::Number)
            }
            _ if begins_word(first) => {
                let length = rest.find(|next: char| !continues_word(next)).unwrap_or(rest.len());
                self.at += length;
                Ok(Token::Word { value: rest[..length].to_lowercase(), quoted: false })
            }
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Ok(Token::Symbol(symbol))
                }
                None => {
                    self.at += first.len_utf8();
                    Ok(Token::Other)
                }
            },
        }
    }

    /// Digits, a fraction and an exponent, but not the dots of `1..10`.
    fn number(&mut self) {
        let mut before = ' ';
        let mut seen_dot = false;
        while let Some(next) = self.rest().chars().next() {
            let goes_on = match next {
                '.' => !std::mem::replace(&mut seen_dot, true) && !self.rest().starts_with(".."),
                '+' | '-' => matches!(before, 'e' | 'E'),
                _ => continues_word(next) && next != '$',
            };
            if !goes_on {
                return;
            }
            before = next;
            self.at += next.len_utf8();
        }
    }

    /// A literal in single quotes.
    fn literal(&mut self, escapes: bool) -> Result<String> {
        let from = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let rest = self.rest();
            let Some(next) = rest.chars().next() else { return Err(self.unterminated("quoted string", from)) };
            self.at += next.len_utf8();
            match next {
                '\'' if rest.starts_with("''") => {
                    self.at += 1;
                    value.push('\'');
                }
                '\'' => return Ok(value),
                '\\' if escapes => {
                    let Some(escaped) = self.rest().chars().next() else {
                        return Err(self.unterminated("quoted string", from));
                    };
                    self.at += escaped.len_utf8();
                    value.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        other => other,
                    });
                }
                other => value.push(other),
            }
        }
    }

    fn quoted_identifier(&mut self) -> Result<Token> {
        let from = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let rest = self.rest();
            let Some(next) = rest.chars().next() else { return Err(self.unterminated("quoted identifier", from)) };
            self.at += next.len_utf8();
            match next {
                '"' if rest.starts_with("\"\"") => {
                    self.at += 1;
                    value.push('"');
                }
                '"' => return Ok(Token::Word { value, quoted: true }),
                other => value.push(other),
            }
        }
    }

    /// `$n`, or a literal in dollar quotes.
    fn dollar(&mut self) -> Result<Token> {
        let rest = self.rest();
        let digits = rest[1..].len() - rest[1..].trim_start_matches(|next: char| next.is_ascii_digit()).len();
        if digits > 0 {
            self.at += 1 + digits;
            return Ok(Token::Parameter);
        }
        let tag = rest[1..].find('$').map(|end| &rest[..end + 2]);
        let Some(tag) = tag.filter(|tag| tag[1..tag.len() - 1].chars().all(|one| continues_word(one) && one != '$'))
        else {
            self.at += 1;
            return Ok(Token::Other);
        };
        let inside = &rest[tag.len()..];
        let Some(end) = inside.find(tag) else { return Err(self.unterminated("dollar-quoted string", self.at)) };
        self.at += tag.len() + end + tag.len();
        Ok(Token::Text(inside[..end].to_owned()))
    }
}

fn begins_word(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

fn continues_word(character: char) -> bool {
    begins_word(character) || character.is_ascii_digit() || character == '$'
}
