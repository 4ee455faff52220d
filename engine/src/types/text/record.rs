//! Records as text: `(1,"a b",)`, where nothing is NULL.

use storage::{Field, Record, Value};

use super::{Format, is_space, parse as parse_value, write as write_value};
use crate::catalog::Attribute;
use crate::error::{Error, Result, SqlState};
use crate::types::{builtin, oid};

pub(super) fn write(record: &Record, format: &Format, out: &mut Vec<u8>) {
    out.push(b'(');
    for (position, field) in record.fields.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        if field.value.is_null() {
            continue;
        }
        let start = out.len();
        write_value(field.value.as_ref(), builtin::base_of(field.ty), format, out);
        quote_part(start, b"\"\\(),", out);
    }
    out.push(b')');
}

/// Quotes what was appended from `start` on, as a field of a record or a bound of a range, if it is empty or has white
/// space or one of the `special` characters in it. Quotes and backslashes in it are doubled.
pub(in crate::types) fn quote_part(start: usize, special: &[u8], out: &mut Vec<u8>) {
    let is_special = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b || special.contains(byte);
    if out.len() > start && !out[start..].iter().any(is_special) {
        return;
    }
    let text = out.split_off(start);
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Reads a record of a type that has a name.
pub(super) fn parse(text: &str, ty: u32, format: &Format) -> Result<Value> {
    if ty == oid::RECORD {
        let words = "input of anonymous composite types is not implemented";
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
    }
    let attributes = attributes(ty, format)?;
    let mut reader = Reader { text, rest: text.trim_start_matches(is_space) };
    if !reader.take('(') {
        return Err(reader.malformed("Missing left parenthesis."));
    }
    let mut fields = Vec::with_capacity(attributes.len());
    for (position, attribute) in attributes.iter().enumerate() {
        if position > 0 && !reader.take(',') {
            return Err(reader.malformed("Too few columns."));
        }
        let value = match reader.field()? {
            Some(text) => parse_value(&text, attribute.ty, format)?,
            None => Value::Null,
        };
        fields.push(Field { name: "".into(), ty: attribute.ty.oid, value });
    }
    if !reader.take(')') {
        return Err(reader.malformed("Too many columns."));
    }
    if !reader.rest.trim_start_matches(is_space).is_empty() {
        return Err(reader.malformed("Junk after right parenthesis."));
    }
    Ok(Value::Record(Box::new(Record { ty, fields })))
}

/// What the fields of a type are.
fn attributes(ty: u32, format: &Format) -> Result<Vec<Attribute>> {
    let names = format.names.as_ref().ok_or_else(|| Error::internal("a record was to be read without a catalog"))?;
    names.catalog.attributes(ty).ok_or_else(|| Error::internal("a composite type is not in the catalog"))
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn malformed(&self, detail: &str) -> Error {
        Error::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed record literal: \"{}\"", self.text))
            .with_detail(detail)
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

    /// The text up to a comma or the closing parenthesis; `None` if there is nothing.
    fn field(&mut self) -> Result<Option<String>> {
        if self.rest.starts_with([',', ')']) {
            return Ok(None);
        }
        let mut field = String::new();
        let mut quoted = false;
        loop {
            let mut chars = self.rest.chars();
            let next = chars.next().ok_or_else(|| self.malformed("Unexpected end of input."))?;
            match next {
                ',' | ')' if !quoted => return Ok(Some(field)),
                '\\' => field.push(chars.next().ok_or_else(|| self.malformed("Unexpected end of input."))?),
                '"' if quoted && chars.as_str().starts_with('"') => {
                    chars.next();
                    field.push('"');
                }
                '"' => quoted = !quoted,
                c => field.push(c),
            }
            self.rest = chars.as_str();
        }
    }
}
