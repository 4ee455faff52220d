//! One-dimensional arrays as text: `{1,NULL,"a b"}`.

use storage::{Array, Value};

use super::{Format, is_space, parse as parse_value, write as write_value};
use crate::error::{Error, Result, SqlState};
use crate::types::{Type, builtin, oid};

pub(super) fn write(array: &Array, ty: u32, format: &Format, out: &mut Vec<u8>) {
    let element = builtin::base_of(builtin::element_of(ty).unwrap_or(0));
    if matches!(ty, oid::INT2VECTOR | oid::OIDVECTOR) {
        for (position, value) in array.values.iter().enumerate() {
            if position > 0 {
                out.push(b' ');
            }
            write_value(value.as_ref(), element, format, out);
        }
        return;
    }
    out.push(b'{');
    for (position, value) in array.values.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        if value.is_null() {
            out.extend_from_slice(b"NULL");
            continue;
        }
        let start = out.len();
        write_value(value.as_ref(), element, format, out);
        if !matches!(value, Value::Array(_)) && needs_quotes(&out[start..]) {
            quote(start, out);
        }
    }
    out.push(b'}');
}

fn needs_quotes(text: &[u8]) -> bool {
    text.is_empty()
        || text.eq_ignore_ascii_case(b"NULL")
        || text
            .iter()
            .any(|byte| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c))
}

fn quote(start: usize, out: &mut Vec<u8>) {
    let text = out.split_off(start);
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Reads `{…}` into an array of the element type.
pub(super) fn parse(text: &str, element: Type, format: &Format) -> Result<Value> {
    let mut reader = Reader { text, rest: text.trim_start_matches(is_space) };
    if reader.rest.starts_with('[') {
        return Err(Error::unsupported("an array with explicit bounds"));
    }
    if !reader.take('{') {
        return Err(reader.malformed("Array value must start with \"{\" or dimension information."));
    }
    let mut values = Vec::new();
    reader.skip_spaces();
    if !reader.take('}') {
        loop {
            values.push(match reader.element()? {
                None => Value::Null,
                Some(text) => parse_value(&text, element, format)?,
            });
            if reader.take('}') {
                break;
            }
            if !reader.take(',') {
                return Err(reader.malformed("Unexpected end of input."));
            }
        }
    }
    if !reader.rest.trim_start_matches(is_space).is_empty() {
        return Err(reader.malformed("Junk after closing right brace."));
    }
    Ok(Value::Array(Box::new(Array { element: builtin::column_type(element)?, values })))
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn malformed(&self, detail: impl Into<String>) -> Error {
        Error::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed array literal: \"{}\"", self.text))
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

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    /// The next element up to a comma or brace; `None` is NULL.
    fn element(&mut self) -> Result<Option<String>> {
        self.skip_spaces();
        if self.rest.starts_with('{') {
            return Err(Error::unsupported("a multidimensional array"));
        }
        if self.take('"') {
            return self.quoted().map(Some);
        }
        let mut element = String::new();
        let mut kept = 0;
        loop {
            let mut chars = self.rest.chars();
            match chars.next() {
                None => return Err(self.malformed("Unexpected end of input.")),
                Some(end @ (',' | '}')) => {
                    if kept == 0 {
                        return Err(self.malformed(format!("Unexpected \"{end}\" character.")));
                    }
                    element.truncate(kept);
                    return Ok((!element.eq_ignore_ascii_case("NULL")).then_some(element));
                }
                Some('{') => return Err(self.malformed("Unexpected \"{\" character.")),
                Some('"') => return Err(self.malformed("Unexpected array element.")),
                Some('\\') => {
                    let escaped = chars.next().ok_or_else(|| self.malformed("Unexpected end of input."))?;
                    element.push(escaped);
                    kept = element.len();
                }
                Some(c) => {
                    element.push(c);
                    if !is_space(c) {
                        kept = element.len();
                    }
                }
            }
            self.rest = chars.as_str();
        }
    }

    fn quoted(&mut self) -> Result<String> {
        let mut element = String::new();
        loop {
            let mut chars = self.rest.chars();
            let next = match chars.next() {
                Some('\\') => chars.next().map(Some),
                Some('"') => Some(None),
                other => other.map(Some),
            };
            self.rest = chars.as_str();
            match next {
                None => return Err(self.malformed("Unexpected end of input.")),
                Some(Some(c)) => element.push(c),
                Some(None) => {
                    self.skip_spaces();
                    if !self.rest.starts_with([',', '}']) && !self.rest.is_empty() {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    return Ok(element);
                }
            }
        }
    }
}
