//! Ranges as text: `[1,10)`, `(,"2026-01-01 00:00:00"]`, `empty`; multiranges: `{[1,3),[5,8)}`.

use storage::Value;

use super::{Bound, Multirange, Range, RangeKind, Span};
use crate::error::{Error, Result, SqlState};
use crate::types::Type;
use crate::types::text::{Format, is_space, parse_at, quote_part, write as write_value};

const EMPTY: &str = "empty";

/// Appends the text form of a stored range or multirange.
pub(in crate::types) fn write(bytes: &[u8], format: &Format, out: &mut Vec<u8>) {
    if let Ok(range) = Range::decode(bytes) {
        return write_one(&range, format, out);
    }
    let Ok(Multirange { kind, spans }) = Multirange::decode(bytes) else { return };
    out.push(b'{');
    for (position, span) in spans.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_one(&Range { kind, span: Some(span) }, format, out);
    }
    out.push(b'}');
}

fn write_one(range: &Range, format: &Format, out: &mut Vec<u8>) {
    let Some((lower, upper)) = range.bounds() else { return out.extend_from_slice(EMPTY.as_bytes()) };
    let bound = |value: &Option<Value>, out: &mut Vec<u8>| {
        let Some(value) = value else { return };
        let start = out.len();
        write_value(value.as_ref(), range.kind.subtype(), format, out);
        quote_part(start, b"\"\\()[],", out);
    };
    out.push(if lower.inclusive { b'[' } else { b'(' });
    bound(&lower.value, out);
    out.push(b',');
    bound(&upper.value, out);
    out.push(if upper.inclusive { b']' } else { b')' });
}

/// Reads a range or multirange of a type that is one.
pub(in crate::types) fn parse(text: &str, ty: u32, format: &Format, now: i64) -> Result<Value> {
    let bytes = match (RangeKind::of_range(ty), RangeKind::of_multirange(ty)) {
        (Some(kind), _) => parse_range(text, kind, format, now)?.encode(),
        (None, Some(kind)) => parse_multirange(text, kind, format, now)?.encode(),
        (None, None) => return Err(Error::internal("a type of no ranges")),
    };
    Ok(Value::Bytea(bytes.into()))
}

/// Reads a range. 22P02 in PostgreSQL's words; whatever its bounds say.
pub(super) fn parse_range(text: &str, kind: RangeKind, format: &Format, now: i64) -> Result<Range> {
    let malformed = |detail: &'static str| malformed("range", text, detail);
    let rest = text.trim_start_matches(is_space);
    if let Some(rest) = without_word(rest, EMPTY) {
        return match rest.trim_start_matches(is_space) {
            "" => Ok(Range::empty(kind)),
            _ => Err(malformed("Junk after \"empty\" key word.")),
        };
    }
    let (lower_inclusive, mut rest) = match rest.strip_prefix('[') {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix('(').ok_or_else(|| malformed("Missing left parenthesis or bracket."))?),
    };
    let unended = || malformed("Unexpected end of input.");
    let lower = bound_text(&mut rest).ok_or_else(unended)?;
    rest = rest.strip_prefix(',').ok_or_else(|| malformed("Missing comma after lower bound."))?;
    let upper = bound_text(&mut rest).ok_or_else(unended)?;
    let (upper_inclusive, rest) = match rest.strip_prefix(']') {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(')').ok_or_else(|| malformed("Too many commas."))?),
    };
    if !rest.trim_start_matches(is_space).is_empty() {
        return Err(malformed("Junk after right parenthesis or bracket."));
    }
    let value = |text: Option<String>| -> Result<Option<Value>> {
        text.map(|text| parse_at(&text, Type::new(kind.subtype()), format, now)).transpose()
    };
    let lower = Bound { value: value(lower)?, inclusive: lower_inclusive };
    let upper = Bound { value: value(upper)?, inclusive: upper_inclusive };
    Range::new(kind, lower, upper)
}

/// What comes after a word, in whatever case it stands there.
fn without_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// Takes the text of a bound off the front, without its quotes. `Some(None)`: there is no end; `None`: the text ends.
fn bound_text(rest: &mut &str) -> Option<Option<String>> {
    if rest.starts_with([',', ')', ']']) {
        return Some(None);
    }
    let mut bound = String::new();
    let mut quoted = false;
    let mut chars = rest.chars();
    loop {
        let here = chars.as_str();
        match chars.next()? {
            ',' | ')' | ']' if !quoted => {
                *rest = here;
                return Some(Some(bound));
            }
            '\\' => bound.push(chars.next()?),
            '"' if quoted && chars.as_str().starts_with('"') => {
                chars.next();
                bound.push('"');
            }
            '"' => quoted = !quoted,
            other => bound.push(other),
        }
    }
}

fn malformed(what: &str, text: &str, detail: &'static str) -> Error {
    Error::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed {what} literal: \"{text}\""))
        .with_detail(detail)
}

/// Reads a multirange, whose ranges may stand in any order and overlap.
fn parse_multirange(text: &str, kind: RangeKind, format: &Format, now: i64) -> Result<Multirange> {
    let malformed = |detail: &'static str| malformed("multirange", text, detail);
    let mut rest = text.trim_start_matches(is_space);
    rest = rest.strip_prefix('{').ok_or_else(|| malformed("Missing left brace."))?;
    let unended = || malformed("Unexpected end of input.");
    let mut spans: Vec<Span> = Vec::new();
    let mut is_first = true;
    loop {
        rest = rest.trim_start_matches(is_space);
        let start = rest.chars().next().ok_or_else(unended)?;
        if is_first && start == '}' {
            rest = &rest[1..];
            break;
        }
        is_first = false;
        if matches!(start, '[' | '(') {
            let length = range_length(rest).ok_or_else(unended)?;
            spans.extend(parse_range(&rest[..length], kind, format, now)?.span);
            rest = &rest[length..];
        } else {
            rest = without_word(rest, EMPTY).ok_or_else(|| malformed("Expected range start."))?;
        }
        rest = rest.trim_start_matches(is_space);
        match rest.chars().next().ok_or_else(unended)? {
            ',' => rest = &rest[1..],
            '}' => {
                rest = &rest[1..];
                break;
            }
            _ => return Err(malformed("Expected comma or end of multirange.")),
        }
    }
    if !rest.trim_start_matches(is_space).is_empty() {
        return Err(malformed("Junk after closing right brace."));
    }
    Ok(Multirange::of(kind, spans))
}

/// Bytes up to the parenthesis or bracket that ends the range.
fn range_length(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut chars = text.char_indices();
    loop {
        let (at, next) = chars.next()?;
        match next {
            ')' | ']' if !quoted => return Some(at + 1),
            '\\' => drop(chars.next()?),
            // A doubled quote ends the quotes and begins them again.
            '"' => quoted = !quoted,
            _ => {}
        }
    }
}
