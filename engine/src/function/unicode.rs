//! Unicode: normal forms, escapes, and identifiers taken apart.

use storage::{Array, ColumnType, Value};
use unicode_normalization::UnicodeNormalization;

use super::argument::{boolean, invalid, text, text_of};
use super::define::immutable;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::text::is_space;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(4350, "normalize", &[TEXT], TEXT, |_, args| text_of(normal(text(&args[0])?, "NFC")?)),
    immutable(4350, "normalize", &[TEXT, TEXT], TEXT, |_, args| text_of(normal(text(&args[0])?, text(&args[1])?)?)),
    immutable(4351, "is_normalized", &[TEXT], BOOL, |_, args| is_normal(text(&args[0])?, "NFC")),
    immutable(4351, "is_normalized", &[TEXT, TEXT], BOOL, |_, args| is_normal(text(&args[0])?, text(&args[1])?)),
    immutable(6198, "unistr", &[TEXT], TEXT, |_, args| text_of(unescaped(text(&args[0])?)?)),
    immutable(1268, "parse_ident", &[TEXT], TEXT_ARRAY, parse_identifier),
    immutable(1268, "parse_ident", &[TEXT, BOOL], TEXT_ARRAY, parse_identifier),
];

fn normal(text: &str, form: &str) -> Result<String> {
    Ok(match form.to_ascii_uppercase().as_str() {
        "NFC" => text.nfc().collect(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        _ => return Err(invalid(format!("invalid normalization form: {form}"))),
    })
}

fn is_normal(text: &str, form: &str) -> Result<Value> {
    Ok(Value::Bool(normal(text, form)? == text))
}

/// `\XXXX`, `\+XXXXXX`, `\uXXXX` and `\UXXXXXXXX` as the characters that they name, in pairs of surrogates if need be.
fn unescaped(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut high: Option<u32> = None;
    let mut rest = text;
    let pair = || Err(Error::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair"));
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            if high.is_some() {
                return pair();
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if rest[1..].starts_with('\\') {
            if high.is_some() {
                return pair();
            }
            out.push('\\');
            rest = &rest[2..];
            continue;
        }
        let (code, length) = escape(&rest[1..]).ok_or_else(|| {
            Error::new(SqlState::SYNTAX_ERROR, "invalid Unicode escape")
                .with_hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
        })?;
        rest = &rest[1 + length..];
        match (high.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00);
                out.extend(char::from_u32(code));
            }
            (Some(_), _) | (None, 0xdc00..=0xdfff) => return pair(),
            (None, 0xd800..=0xdbff) => high = Some(code),
            (None, code) => match char::from_u32(code).filter(|c| *c != '\0') {
                Some(c) => out.push(c),
                None => {
                    let message = format!("invalid Unicode code point: {code:04X}");
                    return Err(invalid(message));
                }
            },
        }
    }
    if high.is_some() { pair() } else { Ok(out) }
}

/// The code point of an escape after its backslash, and how long it is.
fn escape(rest: &str) -> Option<(u32, usize)> {
    let (skipped, digits) = match rest.as_bytes().first()? {
        b'+' => (1, 6),
        b'u' => (1, 4),
        b'U' => (1, 8),
        _ => (0, 4),
    };
    let written = rest.get(skipped..skipped + digits)?;
    if !written.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(written, 16).ok()?, skipped + digits))
}

/// The parts of a qualified name; in strict mode nothing may follow them.
fn parse_identifier(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let whole = text(&args[0])?;
    let strict = args.get(1).map_or(Ok(true), boolean)?;
    let refused = || invalid(format!("string is not a valid identifier: \"{whole}\""));
    let mut rest = whole.trim_start_matches(is_space);
    let mut parts = Vec::new();
    let mut after_dot = false;
    loop {
        let part;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (name, after) =
                quoted_name(quoted).ok_or_else(|| refused().with_detail("String has unclosed double quotes."))?;
            if name.is_empty() {
                return Err(refused().with_detail("Quoted identifier must not be empty."));
            }
            (part, rest) = (name, after);
        } else {
            let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
            let end = rest.find(|c: char| !(begins(c) || c.is_ascii_digit() || c == '$')).unwrap_or(rest.len());
            if end == 0 || !rest.starts_with(begins) {
                return Err(match rest.chars().next() {
                    Some('.') => refused().with_detail("No valid identifier before \".\"."),
                    _ if after_dot => refused().with_detail("No valid identifier after \".\"."),
                    _ => refused(),
                });
            }
            (part, rest) = (rest[..end].to_ascii_lowercase(), &rest[end..]);
        }
        parts.push(Value::Text(part.into()));
        rest = rest.trim_start_matches(is_space);
        match rest.strip_prefix('.') {
            Some(after) => {
                after_dot = true;
                rest = after.trim_start_matches(is_space);
            }
            None if rest.is_empty() || !strict => break,
            None => return Err(refused()),
        }
    }
    Ok(Value::Array(Box::new(Array::new(ColumnType::Text, parts))))
}

/// A name up to its closing quote, and what follows.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"')?;
        name.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}
