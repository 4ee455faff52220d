//! Patterns: LIKE, ILIKE and regular expressions.

use storage::Value;

use super::argument::{bytes, text, text_of};
use super::define::immutable;
use super::regex::{self, Flags};
use super::string::lower;
use super::{Batch, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(850, "textlike", &[TEXT, TEXT], BOOL, |_, args| text_like(args, false))
        .batched(Batch::Like { negated: false }),
    immutable(851, "textnlike", &[TEXT, TEXT], BOOL, |_, args| text_like(args, true))
        .batched(Batch::Like { negated: true }),
    immutable(1569, "like", &[TEXT, TEXT], BOOL, |_, args| text_like(args, false))
        .batched(Batch::Like { negated: false }),
    immutable(1570, "notlike", &[TEXT, TEXT], BOOL, |_, args| text_like(args, true))
        .batched(Batch::Like { negated: true }),
    immutable(858, "namelike", &[NAME, TEXT], BOOL, |_, args| text_like(args, false))
        .batched(Batch::Like { negated: false }),
    immutable(859, "namenlike", &[NAME, TEXT], BOOL, |_, args| text_like(args, true))
        .batched(Batch::Like { negated: true }),
    immutable(1631, "bpcharlike", &[BPCHAR, TEXT], BOOL, |_, args| text_like(args, false))
        .batched(Batch::Like { negated: false }),
    immutable(1632, "bpcharnlike", &[BPCHAR, TEXT], BOOL, |_, args| text_like(args, true))
        .batched(Batch::Like { negated: true }),
    immutable(1633, "texticlike", &[TEXT, TEXT], BOOL, |_, args| text_ilike(args, false)),
    immutable(1634, "texticnlike", &[TEXT, TEXT], BOOL, |_, args| text_ilike(args, true)),
    immutable(1635, "nameiclike", &[NAME, TEXT], BOOL, |_, args| text_ilike(args, false)),
    immutable(1636, "nameicnlike", &[NAME, TEXT], BOOL, |_, args| text_ilike(args, true)),
    immutable(1660, "bpchariclike", &[BPCHAR, TEXT], BOOL, |_, args| text_ilike(args, false)),
    immutable(1661, "bpcharicnlike", &[BPCHAR, TEXT], BOOL, |_, args| text_ilike(args, true)),
    immutable(2005, "bytealike", &[BYTEA, BYTEA], BOOL, |_, args| {
        Ok(Value::Bool(like(bytes(&args[0])?, bytes(&args[1])?, false)?))
    }),
    immutable(2006, "byteanlike", &[BYTEA, BYTEA], BOOL, |_, args| {
        Ok(Value::Bool(!like(bytes(&args[0])?, bytes(&args[1])?, false)?))
    }),
    immutable(2009, "like_escape", &[BYTEA, BYTEA], BYTEA, |_, args| {
        Ok(Value::Bytea(bytea_escape(bytes(&args[0])?, bytes(&args[1])?)?.into()))
    }),
    immutable(1637, "like_escape", &[TEXT, TEXT], TEXT, |_, args| {
        text_of(like_escape(text(&args[0])?, text(&args[1])?)?)
    }),
    immutable(1254, "textregexeq", &[TEXT, TEXT], BOOL, |_, args| matches(args, false, false)),
    immutable(1256, "textregexne", &[TEXT, TEXT], BOOL, |_, args| matches(args, false, true)),
    immutable(1238, "texticregexeq", &[TEXT, TEXT], BOOL, |_, args| matches(args, true, false)),
    immutable(1239, "texticregexne", &[TEXT, TEXT], BOOL, |_, args| matches(args, true, true)),
    immutable(79, "nameregexeq", &[NAME, TEXT], BOOL, |_, args| matches(args, false, false)),
    immutable(1252, "nameregexne", &[NAME, TEXT], BOOL, |_, args| matches(args, false, true)),
    immutable(1240, "nameicregexeq", &[NAME, TEXT], BOOL, |_, args| matches(args, true, false)),
    immutable(1241, "nameicregexne", &[NAME, TEXT], BOOL, |_, args| matches(args, true, true)),
    immutable(1658, "bpcharregexeq", &[BPCHAR, TEXT], BOOL, |_, args| matches(args, false, false)),
    immutable(1659, "bpcharregexne", &[BPCHAR, TEXT], BOOL, |_, args| matches(args, false, true)),
    immutable(1656, "bpcharicregexeq", &[BPCHAR, TEXT], BOOL, |_, args| matches(args, true, false)),
    immutable(1657, "bpcharicregexne", &[BPCHAR, TEXT], BOOL, |_, args| matches(args, true, true)),
];

fn text_like(args: &[Value], negated: bool) -> Result<Value> {
    Ok(Value::Bool(like(text(&args[0])?.as_bytes(), text(&args[1])?.as_bytes(), true)? != negated))
}

fn text_ilike(args: &[Value], negated: bool) -> Result<Value> {
    let (value, pattern) = (lower(text(&args[0])?), lower(text(&args[1])?));
    Ok(Value::Bool(like(value.as_bytes(), pattern.as_bytes(), true)? != negated))
}

/// Whether a value is like a pattern: `%` any number of characters, `_` one, `\` takes the next as it is.
/// `characters`: the bytes are UTF-8, and `_` is a character and not a byte.
fn like(value: &[u8], pattern: &[u8], characters: bool) -> Result<bool> {
    let (mut at, mut p) = (0, 0);
    // Where to go on when the characters after the last `%` do not fit: that `%`, one character further.
    let mut retry: Option<(usize, usize)> = None;
    let width = |at: usize| {
        if !characters {
            return 1;
        }
        match value[at] {
            0x00..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        }
    };
    loop {
        let fits = match pattern.get(p) {
            Some(b'%') => {
                p += 1;
                retry = Some((p, at));
                continue;
            }
            None if at == value.len() => return Ok(true),
            None => false,
            Some(b'_') if at < value.len() => {
                at += width(at);
                p += 1;
                true
            }
            // Where the value is at its end the pattern is not looked at any more.
            Some(b'\\') if at < value.len() => {
                let wanted = pattern.get(p + 1).ok_or_else(|| {
                    Error::new(SqlState::INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character")
                })?;
                let same = value.get(at) == Some(wanted);
                if same {
                    at += 1;
                    p += 2;
                }
                same
            }
            Some(wanted) => {
                let same = value.get(at) == Some(wanted);
                if same {
                    at += 1;
                    p += 1;
                }
                same
            }
        };
        if fits {
            continue;
        }
        match retry {
            Some((after, from)) if from < value.len() => {
                at = (from + width(from)).min(value.len());
                p = after;
                retry = Some((after, at));
            }
            _ => return Ok(false),
        }
    }
}

/// A pattern with an escape character of its own, as one with backslashes.
fn like_escape(pattern: &str, escape: &str) -> Result<String> {
    let mut chars = escape.chars();
    let (escape, more) = (chars.next(), chars.next());
    if more.is_some() {
        return Err(Error::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
            .with_hint("Escape string must be empty or one character."));
    }
    let Some(escape) = escape else { return Ok(pattern.replace('\\', "\\\\")) };
    if escape == '\\' {
        return Ok(pattern.to_owned());
    }
    let mut out = String::with_capacity(pattern.len());
    let mut escaped = false;
    for c in pattern.chars() {
        if c == escape && !escaped {
            out.push('\\');
            escaped = true;
            continue;
        }
        if c == '\\' && !escaped {
            out.push('\\');
        }
        out.push(c);
        escaped = false;
    }
    Ok(out)
}

/// The same of bytes.
fn bytea_escape(pattern: &[u8], escape: &[u8]) -> Result<Vec<u8>> {
    let escape = match escape {
        [] => None,
        [escape] => Some(*escape),
        _ => {
            return Err(Error::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                .with_hint("Escape string must be empty or one character."));
        }
    };
    if escape == Some(b'\\') {
        return Ok(pattern.to_vec());
    }
    let mut out = Vec::with_capacity(pattern.len());
    let mut escaped = false;
    for &byte in pattern {
        if Some(byte) == escape && !escaped {
            out.push(b'\\');
            escaped = true;
            continue;
        }
        if byte == b'\\' && !escaped {
            out.push(b'\\');
        }
        out.push(byte);
        escaped = false;
    }
    Ok(out)
}

/// Whether a regular expression matches somewhere.
fn matches(args: &[Value], ignore_case: bool, negated: bool) -> Result<Value> {
    let regex = regex::compile(text(&args[1])?, Flags::ignoring_case(ignore_case))?;
    Ok(Value::Bool(regex.is_match(text(&args[0])?)? != negated))
}
