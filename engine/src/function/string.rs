//! Functions of text. Lengths and positions count characters.

use std::cmp::Ordering;

use storage::Value;

use super::argument::{check_size, int4, int8, invalid, text, text_of};
use super::define::{immutable, stable};
use super::{Batch, EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::text::{into_text, quote_identifier};

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(870, "lower", &[TEXT], TEXT, |_, args| text_of(lower(text(&args[0])?))),
    immutable(871, "upper", &[TEXT], TEXT, |_, args| text_of(upper(text(&args[0])?))),
    immutable(872, "initcap", &[TEXT], TEXT, |_, args| text_of(initcap(text(&args[0])?))),
    immutable(1317, "length", &[TEXT], INT4, length),
    immutable(1318, "length", &[BPCHAR], INT4, trimmed_length),
    immutable(1381, "char_length", &[TEXT], INT4, length),
    immutable(1372, "char_length", &[BPCHAR], INT4, trimmed_length),
    immutable(1369, "character_length", &[TEXT], INT4, length),
    immutable(1367, "character_length", &[BPCHAR], INT4, trimmed_length),
    immutable(1374, "octet_length", &[TEXT], INT4, octet_length),
    immutable(1375, "octet_length", &[BPCHAR], INT4, octet_length),
    immutable(1811, "bit_length", &[TEXT], INT4, |_, args| {
        Ok(Value::Int4(count(text(&args[0])?.len().saturating_mul(8))))
    }),
    immutable(877, "substr", &[TEXT, INT4, INT4], TEXT, substring).batched(Batch::Substring),
    immutable(883, "substr", &[TEXT, INT4], TEXT, substring).batched(Batch::Substring),
    immutable(936, "substring", &[TEXT, INT4, INT4], TEXT, substring).batched(Batch::Substring),
    immutable(937, "substring", &[TEXT, INT4], TEXT, substring).batched(Batch::Substring),
    immutable(1404, "overlay", &[TEXT, TEXT, INT4, INT4], TEXT, overlay),
    immutable(1405, "overlay", &[TEXT, TEXT, INT4], TEXT, overlay),
    immutable(3060, "left", &[TEXT, INT4], TEXT, left),
    immutable(3061, "right", &[TEXT, INT4], TEXT, right),
    immutable(884, "btrim", &[TEXT, TEXT], TEXT, |_, args| trimmed(args, true, true)),
    immutable(885, "btrim", &[TEXT], TEXT, |_, args| trimmed(args, true, true)),
    immutable(875, "ltrim", &[TEXT, TEXT], TEXT, |_, args| trimmed(args, true, false)),
    immutable(881, "ltrim", &[TEXT], TEXT, |_, args| trimmed(args, true, false)),
    immutable(876, "rtrim", &[TEXT, TEXT], TEXT, |_, args| trimmed(args, false, true)),
    immutable(882, "rtrim", &[TEXT], TEXT, |_, args| trimmed(args, false, true)),
    immutable(873, "lpad", &[TEXT, INT4, TEXT], TEXT, |_, args| padded(args, true)),
    immutable(879, "lpad", &[TEXT, INT4], TEXT, |_, args| padded(args, true)),
    immutable(874, "rpad", &[TEXT, INT4, TEXT], TEXT, |_, args| padded(args, false)),
    immutable(880, "rpad", &[TEXT, INT4], TEXT, |_, args| padded(args, false)),
    immutable(2087, "replace", &[TEXT, TEXT, TEXT], TEXT, replace),
    immutable(1622, "repeat", &[TEXT, INT4], TEXT, repeat),
    immutable(3062, "reverse", &[TEXT], TEXT, |_, args| text_of(text(&args[0])?.chars().rev().collect::<String>())),
    immutable(849, "position", &[TEXT, TEXT], INT4, position),
    immutable(868, "strpos", &[TEXT, TEXT], INT4, position),
    immutable(2088, "split_part", &[TEXT, TEXT, INT4], TEXT, split_part),
    stable(3058, "concat", &[ANY], TEXT, concat).variadic().takes_nulls(),
    stable(3059, "concat_ws", &[TEXT, ANY], TEXT, concat_ws).variadic().takes_nulls(),
    immutable(1258, "textcat", &[TEXT, TEXT], TEXT, concat),
    stable(2003, "textanycat", &[TEXT, ANYNONARRAY], TEXT, concat_any),
    stable(2004, "anytextcat", &[ANYNONARRAY, TEXT], TEXT, concat_any),
    immutable(1620, "ascii", &[TEXT], INT4, |_, args| {
        Ok(Value::Int4(text(&args[0])?.chars().next().map_or(0, |first| first as i32)))
    }),
    immutable(1621, "chr", &[INT4], TEXT, chr),
    immutable(2089, "to_hex", &[INT4], TEXT, |_, args| text_of(format!("{:x}", int4(&args[0])?))),
    immutable(2090, "to_hex", &[INT8], TEXT, |_, args| text_of(format!("{:x}", int8(&args[0])?))),
    immutable(1282, "quote_ident", &[TEXT], TEXT, |_, args| text_of(quote_identifier(text(&args[0])?))),
    immutable(1283, "quote_literal", &[TEXT], TEXT, |_, args| text_of(quote_literal(text(&args[0])?))),
    stable(1285, "quote_literal", &[ANYELEMENT], TEXT, |context, args| {
        text_of(quote_literal(&text_form(&args[0], context)))
    }),
    immutable(1289, "quote_nullable", &[TEXT], TEXT, |_, args| match &args[0] {
        Value::Null => text_of("NULL"),
        value => text_of(quote_literal(text(value)?)),
    })
    .takes_nulls(),
    stable(1290, "quote_nullable", &[ANYELEMENT], TEXT, |context, args| match &args[0] {
        Value::Null => text_of("NULL"),
        value => text_of(quote_literal(&text_form(value, context))),
    })
    .takes_nulls(),
    immutable(2160, "text_pattern_lt", &[TEXT, TEXT], BOOL, |_, args| by_bytes(args, Ordering::is_lt)),
    immutable(2161, "text_pattern_le", &[TEXT, TEXT], BOOL, |_, args| by_bytes(args, Ordering::is_le)),
    immutable(2163, "text_pattern_ge", &[TEXT, TEXT], BOOL, |_, args| by_bytes(args, Ordering::is_ge)),
    immutable(2164, "text_pattern_gt", &[TEXT, TEXT], BOOL, |_, args| by_bytes(args, Ordering::is_gt)),
    immutable(3696, "starts_with", &[TEXT, TEXT], BOOL, |_, args| {
        Ok(Value::Bool(text(&args[0])?.starts_with(text(&args[1])?)))
    }),
    immutable(878, "translate", &[TEXT, TEXT, TEXT], TEXT, translate),
    stable(3539, "format", &[TEXT, ANY], TEXT, format_text).variadic().takes_nulls(),
    stable(3540, "format", &[TEXT], TEXT, format_text).takes_nulls(),
    immutable(440, "num_nonnulls", &[ANY], INT4, |_, args| {
        Ok(Value::Int4(count(args.iter().filter(|arg| !arg.is_null()).count())))
    })
    .variadic()
    .takes_nulls(),
    immutable(438, "num_nulls", &[ANY], INT4, |_, args| {
        Ok(Value::Int4(count(args.iter().filter(|arg| arg.is_null()).count())))
    })
    .variadic()
    .takes_nulls(),
];

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A character whose other case is several characters keeps its own.
fn one_to_one(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(|c| one_to_one(c, c.to_lowercase())).collect()
}

fn upper(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().map(|c| one_to_one(c, c.to_uppercase())).collect()
}

fn initcap(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .map(|c| {
            let mapped = if inside { one_to_one(c, c.to_lowercase()) } else { one_to_one(c, c.to_uppercase()) };
            inside = c.is_alphanumeric();
            mapped
        })
        .collect()
}

fn char_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

fn length(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(count(char_count(text(&args[0])?))))
}

fn trimmed_length(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(count(char_count(text(&args[0])?.trim_end_matches(' ')))))
}

fn octet_length(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(count(text(&args[0])?.len())))
}

/// Where character `index` begins, or the end.
fn offset_of(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset)
}

/// The characters from `start` (counted from 1, and possibly before the first) on, `length` of them.
/// Some characters of a text, counted from 1.
pub(crate) fn slice(text: &str, start: i32, length: Option<i32>) -> Result<&str> {
    let start = i64::from(start);
    let end = match length {
        Some(length) if length < 0 => {
            return Err(Error::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
        }
        Some(length) => start + i64::from(length),
        None => i64::MAX,
    };
    let first = start.max(1) - 1;
    let last = end.max(1) - 1;
    if last <= first {
        return Ok("");
    }
    let rest = &text[offset_of(text, usize::try_from(first).unwrap_or(usize::MAX))..];
    Ok(&rest[..offset_of(rest, usize::try_from(last - first).unwrap_or(usize::MAX))])
}

fn substring(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let length = args.get(2).map(int4).transpose()?;
    text_of(slice(text(&args[0])?, int4(&args[1])?, length)?)
}

fn overlay(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (base, new, start) = (text(&args[0])?, text(&args[1])?, int4(&args[2])?);
    let length = match args.get(3) {
        Some(length) => int4(length)?,
        None => count(char_count(new)),
    };
    if start <= 0 {
        return Err(Error::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
    }
    let after = start.checked_add(length).ok_or_else(|| super::argument::out_of_range("integer"))?;
    let head = slice(base, 1, Some(start - 1))?;
    let tail = slice(base, after, None)?;
    text_of([head, new, tail].concat())
}

fn left(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, wanted) = (text(&args[0])?, int4(&args[1])?);
    let wanted = if wanted >= 0 {
        wanted.unsigned_abs() as usize
    } else {
        char_count(value).saturating_sub(wanted.unsigned_abs() as usize)
    };
    text_of(&value[..offset_of(value, wanted)])
}

fn right(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, wanted) = (text(&args[0])?, int4(&args[1])?);
    let skipped = if wanted >= 0 {
        char_count(value).saturating_sub(wanted.unsigned_abs() as usize)
    } else {
        wanted.unsigned_abs() as usize
    };
    text_of(&value[offset_of(value, skipped)..])
}

fn trimmed(args: &[Value], start: bool, end: bool) -> Result<Value> {
    let mut value = text(&args[0])?;
    let set = args.get(1).map_or(Ok(" "), text)?;
    let in_set = |c: char| set.contains(c);
    if start {
        value = value.trim_start_matches(in_set);
    }
    if end {
        value = value.trim_end_matches(in_set);
    }
    text_of(value)
}

fn padded(args: &[Value], before: bool) -> Result<Value> {
    let (value, length) = (text(&args[0])?, usize::try_from(int4(&args[1])?).unwrap_or(0));
    let fill = args.get(2).map_or(Ok(" "), text)?;
    let present = char_count(value);
    if present >= length || fill.is_empty() {
        return text_of(&value[..offset_of(value, length)]);
    }
    check_size(length.saturating_mul(4))?;
    let padding: String = fill.chars().cycle().take(length - present).collect();
    text_of(if before { padding + value } else { [value, &padding].concat() })
}

fn replace(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, from, to) = (text(&args[0])?, text(&args[1])?, text(&args[2])?);
    if from.is_empty() {
        return text_of(value);
    }
    if to.len() > from.len() {
        let found = value.matches(from).count();
        check_size(value.len().saturating_add(found.saturating_mul(to.len() - from.len())))?;
    }
    text_of(value.replace(from, to))
}

fn repeat(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, times) = (text(&args[0])?, usize::try_from(int4(&args[1])?).unwrap_or(0));
    check_size(value.len().saturating_mul(times))?;
    text_of(value.repeat(times))
}

fn position(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, wanted) = (text(&args[0])?, text(&args[1])?);
    Ok(Value::Int4(value.find(wanted).map_or(0, |at| count(char_count(&value[..at])).saturating_add(1))))
}

fn split_part(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, delimiter, field) = (text(&args[0])?, text(&args[1])?, int4(&args[2])?);
    if field == 0 {
        return Err(invalid("field position must not be zero"));
    }
    if value.is_empty() {
        return text_of("");
    }
    if delimiter.is_empty() {
        return text_of(if field == 1 || field == -1 { value } else { "" });
    }
    let index = field.unsigned_abs() as usize - 1;
    let part = if field > 0 { value.split(delimiter).nth(index) } else { value.rsplit(delimiter).nth(index) };
    text_of(part.unwrap_or(""))
}

/// All arguments that are not NULL, one after the other. They are text, whatever was given.
fn concat(_: &EvalContext, args: &[Value]) -> Result<Value> {
    joined(args, "")
}

fn concat_ws(_: &EvalContext, args: &[Value]) -> Result<Value> {
    match args.split_first() {
        Some((Value::Text(separator), parts)) => joined(parts, separator),
        _ => Ok(Value::Null),
    }
}

fn joined(parts: &[Value], separator: &str) -> Result<Value> {
    let mut out = String::new();
    let mut first = true;
    for part in parts.iter().filter(|part| !part.is_null()) {
        if !first {
            out.push_str(separator);
        }
        first = false;
        out.push_str(text(part)?);
        check_size(out.len())?;
    }
    text_of(out)
}

/// `text || anything`: the other side as a cast to text has it.
fn concat_any(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let mut out = String::new();
    for arg in args {
        match arg {
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            other => out.push_str(&text_form(other, context)),
        }
    }
    check_size(out.len())?;
    text_of(out)
}

/// The text form of a value whose exact type no longer matters.
pub(super) fn text_form(value: &Value, context: &EvalContext) -> String {
    let mut out = Vec::new();
    crate::types::text::write(value.as_ref(), 0, &context.session.format, &mut out);
    into_text(out)
}

fn chr(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let code = int4(&args[0])?;
    let refused = |words: String| Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, words));
    match code {
        0 => refused("null character not permitted".to_owned()),
        code if code < 0 => Err(invalid("character number must be positive")),
        code => match char::from_u32(code.unsigned_abs()) {
            Some(c) => text_of(c.to_string()),
            None if code > 0x10_ffff => refused(format!("requested character too large for encoding: {code}")),
            None => refused(format!("requested character not valid for encoding: {code}")),
        },
    }
}

/// In single quotes, with an E before them if there are backslashes.
pub(crate) fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// How texts compare by their bytes, whatever the collation.
fn by_bytes(args: &[Value], holds: impl Fn(Ordering) -> bool) -> Result<Value> {
    Ok(Value::Bool(holds(text(&args[0])?.cmp(text(&args[1])?))))
}

fn translate(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, from, to) = (text(&args[0])?, text(&args[1])?, text(&args[2])?);
    let to: Vec<char> = to.chars().collect();
    let replaced = value.chars().filter_map(|c| match from.chars().position(|wanted| wanted == c) {
        Some(position) => to.get(position).copied(),
        None => Some(c),
    });
    text_of(replaced.collect::<String>())
}

/// `format`: `%[position$][-][width]type`, with types s, I and L. The arguments are text.
fn format_text(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some((Value::Text(pattern), values)) = args.split_first() else { return Ok(Value::Null) };
    let mut reader = Pattern { rest: pattern, values, next: 0 };
    let mut out = String::with_capacity(pattern.len());
    while let Some(at) = reader.rest.find('%') {
        out.push_str(&reader.rest[..at]);
        reader.rest = &reader.rest[at + 1..];
        if let Some(rest) = reader.rest.strip_prefix('%') {
            out.push('%');
            reader.rest = rest;
            continue;
        }
        reader.specifier(&mut out)?;
        check_size(out.len())?;
    }
    out.push_str(reader.rest);
    text_of(out)
}

struct Pattern<'a> {
    rest: &'a str,
    values: &'a [Value],
    /// The argument that follows the last one used.
    next: usize,
}

impl<'a> Pattern<'a> {
    fn number(&mut self) -> Result<Option<usize>> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Ok(None);
        }
        let number = self.rest[..digits]
            .parse::<i32>()
            .map_err(|_| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range"))?;
        self.rest = &self.rest[digits..];
        Ok(usize::try_from(number).ok())
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The argument of that number, counted from 1, or the next one.
    fn value(&mut self, position: Option<usize>) -> Result<&'a Value> {
        let index = match position {
            Some(0) => return Err(invalid("format specifies argument 0, but arguments are numbered from 1")),
            Some(position) => position - 1,
            None => self.next,
        };
        self.next = index + 1;
        self.values.get(index).ok_or_else(|| invalid("too few arguments for format()"))
    }

    fn specifier(&mut self, out: &mut String) -> Result<()> {
        let mut position = None;
        let before = self.rest;
        if let Some(number) = self.number()? {
            if self.take('$') {
                position = Some(number);
            } else {
                self.rest = before;
            }
        }
        let mut left = self.take('-');
        let mut width = 0;
        if self.take('*') {
            let number = self.number()?;
            if number.is_some() && !self.take('$') {
                return Err(invalid("width argument position must be ended by \"$\""));
            }
            if let Value::Text(text) = self.value(number)? {
                let wanted: i32 =
                    text.trim().parse().map_err(|_| crate::types::text::invalid_input("integer", text))?;
                left |= wanted < 0;
                width = wanted.unsigned_abs() as usize;
            }
        } else if let Some(number) = self.number()? {
            width = number;
        }
        let kind = self.rest.chars().next().ok_or_else(|| {
            invalid("unterminated format() type specifier").with_hint("For a single \"%\" use \"%%\".")
        })?;
        self.rest = &self.rest[kind.len_utf8()..];
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(invalid(format!("unrecognized format() type specifier \"{kind}\""))
                .with_hint("For a single \"%\" use \"%%\"."));
        }
        let shown = match (kind, self.value(position)?) {
            ('s', Value::Null) => String::new(),
            ('L', Value::Null) => "NULL".to_owned(),
            ('I', Value::Null) => {
                return Err(Error::new(SqlState("22004"), "null values cannot be formatted as an SQL identifier"));
            }
            ('s', value) => text(value)?.to_owned(),
            ('I', value) => quote_identifier(text(value)?),
            (_, value) => quote_literal(text(value)?),
        };
        check_size(width)?;
        let padding = width.saturating_sub(char_count(&shown));
        if !left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
        out.push_str(&shown);
        if left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
        Ok(())
    }
}
