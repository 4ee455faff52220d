//! A text as SQL's tokens, as far as that goes: nothing is an error, and what is not closed reaches to the end.

use std::ops::Range;

use super::pattern::is_secret_name;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// A string in quotes or between dollars.
    Literal,
    /// A name in double quotes.
    Quoted,
    /// A number, or a parameter's.
    Number,
    Comment,
    Sign,
}

/// A token's place.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) all: Range<usize>,
    /// Without its quotes.
    pub(super) inner: Range<usize>,
    /// It ends where the text does, and should not.
    pub(super) is_open: bool,
}

impl Token {
    pub(super) fn lower(&self, text: &str) -> String {
        text[self.all.clone()].to_ascii_lowercase()
    }

    pub(super) fn is_word(&self, text: &str, word: &str) -> bool {
        self.kind == Kind::Word && text[self.all.clone()].eq_ignore_ascii_case(word)
    }

    pub(super) fn is_sign(&self, text: &str, sign: &str) -> bool {
        self.kind == Kind::Sign && &text[self.all.clone()] == sign
    }

    /// Whether it goes on from the name before to what is within that, or calls it.
    pub(super) fn reaches(&self, before: &Token, text: &str) -> bool {
        self.all.start == before.all.end && (self.is_sign(text, ".") || self.is_sign(text, "("))
    }

    /// Whether quotes within it are doubled: it is not between dollars.
    pub(super) fn is_doubled(&self, text: &str) -> bool {
        !text[self.all.clone()].starts_with('$')
    }

    /// Whether it names a secret: a word, a name in quotes, or a literal that is nothing but a name.
    pub(super) fn names_secret(&self, text: &str) -> bool {
        let inner = &text[self.inner.clone()];
        match self.kind {
            Kind::Word => is_secret_name(inner),
            Kind::Quoted | Kind::Literal => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '{' | '}');
                inner.len() <= 64 && inner.chars().all(is_name) && is_secret_name(inner)
            }
            Kind::Number | Kind::Comment | Kind::Sign => false,
        }
    }
}

/// The tokens of a text, spaces left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let token = next(text, at, first);
        at = token.all.end;
        tokens.push(token);
    }
    tokens
}

fn next(text: &str, at: usize, first: char) -> Token {
    let rest = &text[at..];
    let plain = |kind, length: usize| Token { kind, all: at..at + length, inner: at..at + length, is_open: false };
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii() && !c.is_whitespace();
    let run = |is_in: &dyn Fn(char) -> bool| rest.find(|c: char| !is_in(c)).unwrap_or(rest.len());
    if rest.starts_with("--") {
        let end = at + rest.find('\n').unwrap_or(rest.len());
        return Token { kind: Kind::Comment, all: at..end, inner: at + 2..end, is_open: false };
    }
    if let Some(comment) = rest.strip_prefix("/*") {
        return delimited(text, at, 2, Kind::Comment, comment.find("*/").map(|close| close + 2), 2);
    }
    match first {
        '\'' => {
            let escapes = escapes(text, at);
            delimited(text, at, 1, Kind::Literal, closing(rest, '\'', escapes), 1)
        }
        '"' => delimited(text, at, 1, Kind::Quoted, closing(rest, '"', false), 1),
        '$' => match dollar_tag(rest) {
            Some(tag) => {
                let close = rest[tag..].find(&rest[..tag]).map(|found| tag + found);
                delimited(text, at, tag, Kind::Literal, close, tag)
            }
            None => plain(Kind::Number, run(&|c| c == '$' || c.is_ascii_digit())),
        },
        digit if digit.is_ascii_digit() => plain(Kind::Number, run(&|c| is_word(c) || c == '.')),
        letter if is_word(letter) => plain(Kind::Word, run(&is_word)),
        sign => {
            let double = [":=", "=>", "<>", "!=", "::"].iter().any(|double| rest.starts_with(double));
            plain(Kind::Sign, if double { 2 } else { sign.len_utf8() })
        }
    }
}

/// A token of which `close` says where its end begins.
fn delimited(text: &str, at: usize, open: usize, kind: Kind, close: Option<usize>, end: usize) -> Token {
    match close {
        Some(close) => {
            let close = close.max(open);
            Token { kind, all: at..at + close + end, inner: at + open..at + close, is_open: false }
        }
        None => Token { kind, all: at..text.len(), inner: (at + open).min(text.len())..text.len(), is_open: true },
    }
}

/// Whether the string has backslashes that escape: E stands before it.
fn escapes(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    matches!(before, [.., b'e' | b'E']) && !before.iter().rev().nth(1).is_some_and(is_letter)
}

/// Where the quote is that closes what begins with one. A doubled one does not.
fn closing(rest: &str, quote: char, escapes: bool) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            byte if byte == quote as u8 && bytes.get(at + 1) == Some(&byte) => at += 2,
            byte if byte == quote as u8 => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// The length of `$tag$`, if the text begins with such.
fn dollar_tag(rest: &str) -> Option<usize> {
    let end = 1 + rest[1..].find('$')?;
    let tag = &rest[1..end];
    let is_tag = !tag.starts_with(|c: char| c.is_ascii_digit()) && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_tag.then_some(end + 1)
}
