//! Arrays as text: `{1,NULL,"a b"}`, `{{1,2},{3,4}}`, `[0:1]={1,2}`.

use storage::{Array, Dimension, Value};

use super::{Format, is_space, parse as parse_value, write as write_value};
use crate::error::{Error, Result, SqlState};
use crate::types::{Type, builtin, oid};

/// Most dimensions that an array may have.
pub(crate) const DIMENSIONS_MAX: usize = 6;
/// Most elements that an array may have.
pub(crate) const ELEMENTS_MAX: i64 = 0x3fff_ffff / 8;

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
    match array.bounds() {
        None => write_level(&[], &array.values, element, format, out),
        Some(bounds) => {
            if bounds.iter().any(|dimension| dimension.lower != 1) {
                out.extend_from_slice(dimensions_text(bounds).as_bytes());
                out.push(b'=');
            }
            write_level(&bounds[1..], &array.values, element, format, out);
        }
    }
}

/// `[1:2][0:3]`
pub(crate) fn dimensions_text(dimensions: &[Dimension]) -> String {
    dimensions.iter().map(|dimension| format!("[{}:{}]", dimension.lower, dimension.upper())).collect()
}

/// Elements between braces: values, or what the inner dimensions make of them.
fn write_level(inner: &[Dimension], values: &[Value], element: u32, format: &Format, out: &mut Vec<u8>) {
    let size = inner.iter().map(|dimension| usize::try_from(dimension.length).unwrap_or(1)).product::<usize>().max(1);
    let delimiter = builtin::delimiter(element);
    out.push(b'{');
    for (position, part) in values.chunks(size).enumerate() {
        if position > 0 {
            out.push(delimiter);
        }
        match (inner, part) {
            ([_, inner @ ..], _) => write_level(inner, part, element, format, out),
            ([], [value]) => write_element(value, element, delimiter, format, out),
            ([], _) => {}
        }
    }
    out.push(b'}');
}

fn write_element(value: &Value, element: u32, delimiter: u8, format: &Format, out: &mut Vec<u8>) {
    if value.is_null() {
        out.extend_from_slice(b"NULL");
        return;
    }
    let start = out.len();
    write_value(value.as_ref(), element, format, out);
    if needs_quotes(&out[start..], delimiter) {
        quote(start, out);
    }
}

fn needs_quotes(text: &[u8], delimiter: u8) -> bool {
    text.is_empty()
        || text.eq_ignore_ascii_case(b"NULL")
        || text.iter().any(|byte| {
            *byte == delimiter
                || matches!(byte, b'"' | b'\\' | b'{' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
        })
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

/// Reads an array of the element type.
pub(super) fn parse(text: &str, element: Type, format: &Format) -> Result<Value> {
    let mut reader =
        Reader { delimiter: builtin::delimiter(element.oid), text, rest: text.trim_start_matches(is_space) };
    let stated = reader.stated_dimensions()?;
    if !reader.rest.starts_with('{') {
        return Err(reader.malformed(match stated.is_empty() {
            true => "Array value must start with \"{\" or dimension information.",
            false => "Array contents must start with \"{\".",
        }));
    }
    let mut contents = Contents::default();
    reader.contents(&mut contents)?;
    let mut dimensions: Vec<Dimension> = contents.lengths.iter().map(|length| Dimension::new(*length)).collect();
    if !stated.is_empty() {
        let lengths = |dimensions: &[Dimension]| dimensions.iter().map(|d| d.length).collect::<Vec<_>>();
        if contents.elements.is_empty() || lengths(&stated) != lengths(&dimensions) {
            return Err(reader.malformed("Specified array dimensions do not match array contents."));
        }
        dimensions = stated;
    }
    check_dimensions(&dimensions)?;
    let value = |text: Option<String>| text.map_or(Ok(Value::Null), |text| parse_value(&text, element, format));
    let values = contents.elements.into_iter().map(value).collect::<Result<_>>()?;
    Ok(Value::Array(Box::new(Array::shaped(builtin::column_type(element)?, values, &dimensions))))
}

/// 54000 if there are too many elements, or if a subscript would not be an int4.
pub(crate) fn check_dimensions(dimensions: &[Dimension]) -> Result<()> {
    let limit = |message: String| Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
    let elements = dimensions.iter().try_fold(1_i64, |product, dimension| {
        product.checked_mul(i64::from(dimension.length)).filter(|product| *product <= ELEMENTS_MAX)
    });
    if elements.is_none() {
        return limit(format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})"));
    }
    match dimensions.iter().find(|dimension| dimension.lower.checked_add(dimension.length).is_none()) {
        Some(dimension) => limit(format!("array lower bound is too large: {}", dimension.lower)),
        None => Ok(()),
    }
}

/// 54000: more dimensions than an array may have.
pub(crate) fn too_many_dimensions(count: usize) -> Error {
    Error::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("number of array dimensions ({count}) exceeds the maximum allowed ({DIMENSIONS_MAX})"),
    )
}

/// What stands between the braces: the elements' text, `None` for NULL, and how many each level has.
#[derive(Default)]
struct Contents {
    elements: Vec<Option<String>>,
    lengths: Vec<i32>,
}

/// What was read last.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Opening,
    Element,
    Closing,
    /// A comma behind an element, or behind a closing brace.
    ElementComma,
    ClosingComma,
}

struct Reader<'a> {
    /// What parts the elements.
    delimiter: u8,
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

    /// `[l:u][n]=`, if the text begins with such.
    fn stated_dimensions(&mut self) -> Result<Vec<Dimension>> {
        let mut dimensions = Vec::new();
        while self.take('[') {
            if dimensions.len() >= DIMENSIONS_MAX {
                return Err(too_many_dimensions(dimensions.len() + 1));
            }
            let first = self
                .bound()
                .ok_or_else(|| self.malformed("\"[\" must introduce explicitly-specified array dimensions."))?;
            let (lower, upper) = match self.take(':') {
                true => (first, self.bound().ok_or_else(|| self.malformed("Missing array dimension value."))?),
                false => (1, first),
            };
            if !self.take(']') {
                return Err(self.malformed("Missing \"]\" after array dimensions."));
            }
            if upper < lower {
                return Err(Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, "upper bound cannot be less than lower bound"));
            }
            let length = i32::try_from(i64::from(upper) - i64::from(lower) + 1).unwrap_or(i32::MAX);
            dimensions.push(Dimension { length, lower });
            self.skip_spaces();
        }
        if !dimensions.is_empty() {
            if !self.take('=') {
                return Err(self.malformed("Missing \"=\" after array dimensions."));
            }
            self.skip_spaces();
        }
        Ok(dimensions)
    }

    /// A number as C's `atoi` reads it; `None` if there is none.
    fn bound(&mut self) -> Option<i32> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        (end > 0).then(|| digits.parse().unwrap_or(0))
    }

    fn contents(&mut self, into: &mut Contents) -> Result<()> {
        let mut after = After::Closing;
        // How many elements each open level has so far.
        let mut counts: Vec<i32> = Vec::new();
        loop {
            self.skip_spaces();
            let unexpected = |reader: &Self, c: char| Err(reader.malformed(format!("Unexpected \"{c}\" character.")));
            match self.rest.chars().next() {
                None => return Err(self.malformed("Unexpected end of input.")),
                Some('{') => {
                    if !counts.is_empty() && !matches!(after, After::Opening | After::ClosingComma) {
                        return unexpected(self, '{');
                    }
                    if counts.len() >= DIMENSIONS_MAX {
                        return Err(too_many_dimensions(counts.len() + 1));
                    }
                    self.take('{');
                    counts.push(0);
                    after = After::Opening;
                }
                Some('}') => {
                    let empty = counts.len() == 1 && after == After::Opening;
                    if !matches!(after, After::Element | After::Closing) && !empty {
                        return unexpected(self, '}');
                    }
                    self.take('}');
                    self.close(&mut counts, empty, into)?;
                    if counts.is_empty() {
                        break;
                    }
                    after = After::Closing;
                }
                Some(c) if c == char::from(self.delimiter) => {
                    after = match after {
                        After::Element => After::ElementComma,
                        After::Closing => After::ClosingComma,
                        _ => return unexpected(self, c),
                    };
                    self.take(c);
                }
                Some(_) => {
                    if !matches!(after, After::Opening | After::ElementComma) {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    into.elements.push(self.element()?);
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                    }
                    after = After::Element;
                }
            }
        }
        if !self.rest.trim_start_matches(is_space).is_empty() {
            return Err(self.malformed("Junk after closing right brace."));
        }
        Ok(())
    }

    /// Ends a level, which must have as many elements as those beside it.
    fn close(&mut self, counts: &mut Vec<i32>, empty: bool, into: &mut Contents) -> Result<()> {
        let Some(count) = counts.pop().filter(|_| !empty) else { return Ok(()) };
        let level = counts.len();
        if into.lengths.len() <= level {
            into.lengths.resize(level + 1, 0);
        }
        let known = &mut into.lengths[level];
        if *known != 0 && *known != count {
            return Err(self.malformed("Multidimensional arrays must have sub-arrays with matching dimensions."));
        }
        *known = count;
        if let Some(above) = counts.last_mut() {
            *above += 1;
        }
        // Elements at different depths leave some level without a count that fits.
        let expected: usize = into.lengths.iter().map(|length| usize::try_from(*length).unwrap_or(0)).product();
        if counts.is_empty() && expected != into.elements.len() {
            return Err(self.malformed("Multidimensional arrays must have sub-arrays with matching dimensions."));
        }
        Ok(())
    }

    /// The next element up to a comma or brace; `None` is NULL.
    fn element(&mut self) -> Result<Option<String>> {
        if self.take('"') {
            return self.quoted().map(Some);
        }
        let mut element = String::new();
        let mut kept = 0;
        let mut escaped = false;
        loop {
            let mut chars = self.rest.chars();
            match chars.next() {
                None => return Err(self.malformed("Unexpected end of input.")),
                Some(c) if c == char::from(self.delimiter) || c == '}' => {
                    element.truncate(kept);
                    return Ok((escaped || !element.eq_ignore_ascii_case("NULL")).then_some(element));
                }
                Some('{') => return Err(self.malformed("Unexpected \"{\" character.")),
                Some('"') => return Err(self.malformed("Unexpected array element.")),
                Some('\\') => {
                    let c = chars.next().ok_or_else(|| self.malformed("Unexpected end of input."))?;
                    element.push(c);
                    kept = element.len();
                    escaped = true;
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
                    if !self.rest.starts_with([char::from(self.delimiter), '}']) && !self.rest.is_empty() {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    return Ok(element);
                }
            }
        }
    }
}
