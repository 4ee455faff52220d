//! COPY FROM: the client's bytes become rows.

use std::sync::Arc;

use storage::{Value, Wait};

use super::fields::{Fields, Lines};
use super::{Layout, binary};
use crate::error::{Error, Result, SqlState};
use crate::execute::query::QueryEnvironment;
use crate::execute::write::{Bulk, Held};
use crate::expr::Expr;
use crate::function::{EvalContext, read_text, resolve};
use crate::plan::AuthorizedPlan;
use crate::statement::CopyHeader;
use crate::types::binary::parse_binary;
use crate::types::builtin::oid;
use crate::types::defined::FIRST_OID;
use crate::types::text::{self, Format};
use crate::types::{Type, datetime};

/// Lines that are read before others get their turn.
const LINES_PER_STEP: u64 = 1024;

/// A column that is copied.
#[derive(Debug)]
struct Column {
    name: String,
    /// Its place in the table.
    position: usize,
    ty: Type,
}

/// A COPY FROM under way.
#[derive(Debug)]
pub(crate) struct Import {
    bulk: Bulk,
    layout: Layout,
    columns: Vec<Column>,
    lines: Lines,
    fields: Fields,
    /// What takes the place of lines and fields in the binary format.
    binary: binary::Reader,
    line_number: u64,
    pub(crate) context: EvalContext,
}

impl Import {
    /// `row` computes every column of the table that is not copied; copied ones are taken from the fields.
    pub(crate) fn new(
        plan: Arc<AuthorizedPlan>,
        row: Vec<Expr>,
        filter: Option<Expr>,
        positions: &[usize],
        layout: Layout,
        context: EvalContext,
    ) -> Result<Self> {
        let bulk = Bulk::new(plan, row, positions, filter)?;
        let table = bulk.table();
        let column = |position: &usize| {
            let column = &table.columns[*position];
            Column { name: column.name.clone(), position: *position, ty: column.ty }
        };
        let columns = positions.iter().map(column).collect();
        let (lines, fields, binary) = (Lines::default(), Fields::default(), binary::Reader::default());
        Ok(Self { columns, bulk, layout, lines, fields, binary, line_number: 0, context })
    }

    /// Whether rows are being read, which an error may be about.
    pub(crate) fn has_begun(&self) -> bool {
        !self.layout.binary || self.binary.has_begun()
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.layout.binary
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Whether the rows that are inserted fire triggers.
    pub(crate) fn fires(&self) -> bool {
        self.bulk.fires()
    }

    /// Oids of the tables that may be written.
    pub(crate) fn tables(&self) -> Vec<u32> {
        self.bulk.tables()
    }

    /// Fires what is to run before the first row.
    pub(crate) async fn begin(
        &mut self,
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        self.bulk.begin(&self.context, held, environment, wait).await
    }

    /// Takes some bytes and inserts the rows that are complete.
    pub(crate) async fn push(
        &mut self,
        data: &[u8],
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        if self.layout.binary {
            self.binary.push(data)?;
            return self.insert_tuples(false, held, environment, wait).await;
        }
        self.lines.push(&self.layout.encoding.decode(data)?)?;
        self.insert_lines(false, held, environment, wait).await
    }

    /// The client is done: inserts what is left and answers the number of rows.
    pub(crate) async fn finish(
        &mut self,
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<u64> {
        if self.layout.binary {
            self.insert_tuples(true, held, environment, wait).await?;
        } else {
            self.insert_lines(true, held, environment, wait).await?;
        }
        if self.lines.in_quotes() {
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
        }
        let finished = self.bulk.finish(&self.context, held, environment, wait).await;
        finished.map_err(|error| error.with_context(self.place(self.line_number)))
    }

    /// Where the next line would be, for an error that no line is to blame for.
    pub(crate) fn next_place(&self) -> String {
        self.place(self.line_number + 1)
    }

    fn place(&self, line_number: u64) -> String {
        format!("COPY {}, line {line_number}", self.bulk.table().name)
    }

    async fn insert_lines(
        &mut self,
        at_end: bool,
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        let now = datetime::now();
        while let Some(range) = self.lines.next(&self.layout, at_end) {
            self.line_number += 1;
            if self.line_number == 1 && self.layout.header != CopyHeader::None {
                if self.layout.header == CopyHeader::Match {
                    self.check_header(range.clone()).map_err(|error| self.blame(error, range))?;
                }
                continue;
            }
            if self.line_number.is_multiple_of(LINES_PER_STEP) {
                held.transaction().relieve().await?;
                tokio::task::yield_now().await;
            }
            let inserted = match self.read_line(range.clone(), now) {
                Ok(()) => self.bulk.insert(&self.context, held, environment, wait).await,
                Err(error) => Err(error),
            };
            inserted.map_err(|error| self.blame(error, range))?;
        }
        Ok(())
    }

    /// The same in the binary format.
    async fn insert_tuples(
        &mut self,
        at_end: bool,
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        while self.next_tuple(at_end)? {
            self.line_number += 1;
            if self.line_number.is_multiple_of(LINES_PER_STEP) {
                held.transaction().relieve().await?;
                tokio::task::yield_now().await;
            }
            for (at, column) in self.columns.iter().enumerate() {
                let value = match self.binary.field(at) {
                    None => Value::Null,
                    Some(bytes) => {
                        parse_binary(bytes, column.ty, 0, &self.context.session.format).map_err(|error| {
                            let error = match error.sql_state() {
                                // The parser's words are about a parameter of a statement.
                                SqlState::INVALID_BINARY_REPRESENTATION => {
                                    Error::new(error.sql_state(), "incorrect binary data format")
                                }
                                _ => error,
                            };
                            error.with_context(format!("{}, column {}", self.place(self.line_number), column.name))
                        })?
                    }
                };
                if column.ty.oid >= FIRST_OID {
                    resolve::check_defined(&value, column.ty.oid, &self.context)?;
                }
                self.bulk.set(column.position, value);
            }
            let inserted = self.bulk.insert(&self.context, held, environment, wait).await;
            inserted.map_err(|error| error.with_context(self.place(self.line_number)))?;
        }
        Ok(())
    }

    fn next_tuple(&mut self, at_end: bool) -> Result<bool> {
        self.binary.next(self.columns.len(), at_end).map_err(|error| {
            let column = self.binary.broken_field().and_then(|at| self.columns.get(at));
            match column {
                Some(column) => error.with_context(format!("{}, column {}", self.next_place(), column.name)),
                None if self.binary.has_begun() => error.with_context(self.next_place()),
                None => error,
            }
        })
    }

    /// HEADER MATCH: the first line names the columns.
    fn check_header(&mut self, range: std::ops::Range<usize>) -> Result<()> {
        let line = self.lines.line(range);
        self.fields.split(line, &self.layout)?;
        let bad = |message| Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, message));
        let (found, expected) = (self.fields.len(), self.columns.len());
        if found != expected {
            return bad(format!("wrong number of fields in header line: got {found}, expected {expected}"));
        }
        for (at, column) in self.columns.iter().enumerate() {
            let (number, name) = (at + 1, &column.name);
            match self.fields.get(line, at) {
                Some(found) if found == name.as_bytes() => {}
                Some(found) => {
                    let found = String::from_utf8_lossy(found);
                    return bad(format!(
                        "column name mismatch in header line field {number}: got \"{found}\", expected \"{name}\""
                    ));
                }
                None => {
                    let null = &self.layout.null;
                    return bad(format!(
                        "column name mismatch in header line field {number}: got null value (\"{null}\"), expected \"{name}\""
                    ));
                }
            }
        }
        Ok(())
    }

    /// An error with the line that it is about. A line that is no text cannot be shown, and a key that is there already
    /// is not found while the line is read.
    fn blame(&self, error: Error, range: std::ops::Range<usize>) -> Error {
        let place = self.place(self.line_number);
        match std::str::from_utf8(self.lines.line(range)) {
            Ok(line) if error.sql_state() != SqlState::UNIQUE_VIOLATION => {
                error.with_context(format!("{place}: \"{}\"", shown(line)))
            }
            _ => error.with_context(place),
        }
    }

    /// Takes the values of a line over into the row that is to be inserted.
    fn read_line(&mut self, range: std::ops::Range<usize>, now: i64) -> Result<()> {
        let line = self.lines.line(range);
        self.fields.split(line, &self.layout)?;
        if self.fields.len() > self.columns.len() {
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "extra data after last expected column"));
        }
        let format = &self.context.session.format;
        for (at, column) in self.columns.iter().enumerate() {
            if at == self.fields.len() {
                let message = format!("missing data for column \"{}\"", column.name);
                return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, message));
            }
            let value =
                match self.fields.get(line, at) {
                    Some(bytes) => value_of(bytes, column.ty, format, now, &self.context).map_err(|error| {
                        match std::str::from_utf8(bytes) {
                            Ok(text) => {
                                let place = self.place(self.line_number);
                                error.with_context(format!("{place}, column {}: \"{}\"", column.name, shown(text)))
                            }
                            Err(_) => error,
                        }
                    })?,
                    None if column.ty.oid >= FIRST_OID => defined_value(None, column.ty, &self.context)?,
                    None => Value::Null,
                };
            self.bulk.set(column.position, value);
        }
        Ok(())
    }
}

/// A field as a value of its column's type.
fn value_of(bytes: &[u8], ty: Type, format: &Format, now: i64, context: &EvalContext) -> Result<Value> {
    // Most numbers are but a few digits, and say so at once.
    let number = match ty.oid {
        oid::INT4 => small_number(bytes).and_then(|number| i32::try_from(number).ok()).map(Value::Int4),
        oid::INT8 => small_number(bytes).map(Value::Int8),
        _ => None,
    };
    if let Some(number) = number {
        return Ok(number);
    }
    if ty.oid >= FIRST_OID {
        return defined_value(Some(text::utf8(bytes)?), ty, context);
    }
    text::parse_at(text::utf8(bytes)?, ty, format, now)
}

/// A value of a type that SQL defined; None is NULL.
fn defined_value(text: Option<&str>, ty: Type, context: &EvalContext) -> Result<Value> {
    let value = match text {
        Some(text) => read_text(text, ty, context)?,
        None => Value::Null,
    };
    resolve::check_defined(&value, ty.oid, context)?;
    Ok(value)
}

/// A number of at most 18 digits and perhaps a minus sign, nothing else.
fn small_number(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some(if negative { -value } else { value })
}

/// The beginning of a text, as much as an error shows.
fn shown(text: &str) -> String {
    const SHOWN_BYTES_MAX: usize = 100;
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_always() {
        let (format, context) = (Format::default(), crate::function::tests::context());
        for text in
            ["0", "-0", "7", "-7", "+7", " 7 ", "2147483647", "-2147483648", "2147483648", "", "-", "1e3", "1_0"]
        {
            for ty in [oid::INT4, oid::INT8].map(Type::new) {
                let expected = text::parse(text, ty, &format).map_err(|error| error.to_string());
                let found = value_of(text.as_bytes(), ty, &format, 0, &context).map_err(|error| error.to_string());
                assert_eq!(found, expected, "{text}");
            }
        }
        let longest = ["999999999999999999", "9223372036854775807", "-9223372036854775808", "9223372036854775808"];
        for text in longest {
            let expected = text::parse(text, Type::new(oid::INT8), &format).map_err(|error| error.to_string());
            let found = value_of(text.as_bytes(), Type::new(oid::INT8), &format, 0, &context)
                .map_err(|error| error.to_string());
            assert_eq!(found, expected, "{text}");
        }
    }
}
