//! COPY FROM: the client's bytes become rows.

use std::sync::Arc;

use storage::{Transaction, Value, Wait};

use super::Layout;
use super::fields::{Fields, Lines};
use crate::error::{Error, Result, SqlState};
use crate::execute::query::QueryEnvironment;
use crate::execute::write::{Bulk, Deferred};
use crate::expr::Expr;
use crate::function::EvalContext;
use crate::plan::AuthorizedPlan;
use crate::types::builtin::oid;
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
        let (lines, fields) = (Lines::default(), Fields::default());
        Ok(Self { columns, bulk, layout, lines, fields, line_number: 0, context })
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Takes some bytes and inserts the rows that are complete.
    pub(crate) async fn push(
        &mut self,
        data: &[u8],
        transaction: &mut Transaction,
        deferred: &mut Deferred,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        self.lines.push(data)?;
        self.insert_lines(false, transaction, deferred, environment, wait).await
    }

    /// The client is done: inserts what is left and answers the number of rows.
    pub(crate) async fn finish(
        &mut self,
        transaction: &mut Transaction,
        deferred: &mut Deferred,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<u64> {
        self.insert_lines(true, transaction, deferred, environment, wait).await?;
        if self.lines.in_quotes() {
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
        }
        let finished = self.bulk.finish(&self.context, transaction, deferred, environment, wait).await;
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
        transaction: &mut Transaction,
        deferred: &mut Deferred,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        let now = datetime::now();
        while let Some(range) = self.lines.next(&self.layout, at_end) {
            self.line_number += 1;
            if self.line_number == 1 && self.layout.header {
                continue;
            }
            if self.line_number.is_multiple_of(LINES_PER_STEP) {
                transaction.relieve().await?;
                tokio::task::yield_now().await;
            }
            let inserted = match self.read_line(range.clone(), now) {
                Ok(()) => self.bulk.insert(&self.context, transaction, deferred, environment, wait).await,
                Err(error) => Err(error),
            };
            inserted.map_err(|error| self.blame(error, range))?;
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
        if let Some(missing) = self.columns.get(self.fields.len()) {
            let message = format!("missing data for column \"{}\"", missing.name);
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, message));
        }
        if self.fields.len() > self.columns.len() {
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "extra data after last expected column"));
        }
        let format = &self.context.session.format;
        for (at, column) in self.columns.iter().enumerate() {
            let value = match self.fields.get(line, at) {
                Some(bytes) => {
                    value_of(bytes, column.ty, format, now).map_err(|error| match std::str::from_utf8(bytes) {
                        Ok(text) => {
                            let place = self.place(self.line_number);
                            error.with_context(format!("{place}, column {}: \"{}\"", column.name, shown(text)))
                        }
                        Err(_) => error,
                    })?
                }
                None => Value::Null,
            };
            self.bulk.set(column.position, value);
        }
        Ok(())
    }
}

/// A field as a value of its column's type.
fn value_of(bytes: &[u8], ty: Type, format: &Format, now: i64) -> Result<Value> {
    // Most numbers are but a few digits, and say so at once.
    let number = match ty.oid {
        oid::INT4 => small_number(bytes).and_then(|number| i32::try_from(number).ok()).map(Value::Int4),
        oid::INT8 => small_number(bytes).map(Value::Int8),
        _ => None,
    };
    if let Some(number) = number {
        return Ok(number);
    }
    text::parse_at(text::utf8(bytes)?, ty, format, now)
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
        let format = Format::default();
        for text in
            ["0", "-0", "7", "-7", "+7", " 7 ", "2147483647", "-2147483648", "2147483648", "", "-", "1e3", "1_0"]
        {
            for ty in [oid::INT4, oid::INT8].map(Type::new) {
                let expected = text::parse(text, ty, &format).map_err(|error| error.to_string());
                let found = value_of(text.as_bytes(), ty, &format, 0).map_err(|error| error.to_string());
                assert_eq!(found, expected, "{text}");
            }
        }
        let longest = ["999999999999999999", "9223372036854775807", "-9223372036854775808", "9223372036854775808"];
        for text in longest {
            let expected = text::parse(text, Type::new(oid::INT8), &format).map_err(|error| error.to_string());
            let found = value_of(text.as_bytes(), Type::new(oid::INT8), &format, 0).map_err(|error| error.to_string());
            assert_eq!(found, expected, "{text}");
        }
    }
}
