//! `U&'d\\0061t'` and `U&"d!0061t" UESCAPE '!'`: strings and names whose characters are written by number.

use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token};

use super::position_in;
use crate::error::{Error, Result, SqlState};

/// What begins escapes if UESCAPE does not say.
pub(super) const BACKSLASH: char = '\\';

/// The character that UESCAPE gives.
pub(super) fn escape_character(text: &str, token: Option<&Token>, span: Span) -> Result<char> {
    let refuse = |words: &str| {
        let near = token.map_or_else(String::new, |token| format!(" at or near \"{token}\""));
        Err(Error::new(SqlState::SYNTAX_ERROR, format!("{words}{near}")).at(position_in(text, span.start)))
    };
    let Some(Token::SingleQuotedString(escape)) = token else {
        return refuse("UESCAPE must be followed by a simple string literal");
    };
    let mut characters = escape.chars();
    match (characters.next(), characters.next()) {
        (Some(c), None) if !c.is_ascii_hexdigit() && !matches!(c, '+' | '\'' | '"') && !c.is_ascii_whitespace() => {
            Ok(c)
        }
        _ => refuse("invalid Unicode escape character"),
    }
}

/// The characters that a literal stands for. `start` is where its quotation mark stands.
pub(super) fn decoded(text: &str, literal: &str, escape: char, start: Location) -> Result<String> {
    let mut out = String::with_capacity(literal.len());
    let mut high: Option<u32> = None;
    let mut rest = literal;
    let place = |rest: &str| {
        let before = literal[..literal.len() - rest.len()].chars().count();
        position_in(text, start).map(|position| position + 1 + before)
    };
    let pair = |rest: &str| Error::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair").at(place(rest));
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c != escape || after.starts_with(escape) {
            if high.is_some() {
                return Err(pair(rest));
            }
            out.push(c);
            rest = if c == escape { &after[escape.len_utf8()..] } else { after };
            continue;
        }
        let (code, length) = number(after).ok_or_else(|| {
            Error::new(SqlState::SYNTAX_ERROR, "invalid Unicode escape")
                .with_hint("Unicode escapes must be \\XXXX or \\+XXXXXX.")
                .at(place(rest))
        })?;
        match (high.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => {
                out.extend(char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00)));
            }
            (Some(_), _) | (None, 0xdc00..=0xdfff) => return Err(pair(rest)),
            (None, 0xd800..=0xdbff) => high = Some(code),
            (None, code) => match char::from_u32(code).filter(|c| *c != '\0') {
                Some(c) => out.push(c),
                None => {
                    let words = "invalid Unicode escape value";
                    return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(place(rest)));
                }
            },
        }
        rest = &after[length..];
    }
    match high {
        Some(_) => Err(pair(rest)),
        None => Ok(out),
    }
}

/// Four digits, or six after a plus, and how long that is.
fn number(rest: &str) -> Option<(u32, usize)> {
    let (skipped, digits) = if rest.starts_with('+') { (1, 6) } else { (0, 4) };
    let written = rest.get(skipped..skipped + digits)?;
    let is_number = written.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((u32::from_str_radix(written, 16).ok().filter(|_| is_number)?, skipped + digits))
}
