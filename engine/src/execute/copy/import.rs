//! COPY FROM: the client's bytes become rows.

use std::sync::Arc;

use storage::{Transaction, Value, Wait};

use super::Layout;
use super::fields::{Lines, split};
use crate::error::{Error, Result, SqlState};
use crate::execute::query::QueryEnvironment;
use crate::execute::write::{Bulk, Copied};
use crate::expr::Expr;
use crate::function::EvalContext;
use crate::plan::AuthorizedPlan;
use crate::types::{Type, text};

/// A COPY FROM under way.
#[derive(Debug)]
pub(crate) struct Import {
    bulk: Bulk,
    layout: Layout,
    /// Position in the table and type of each field.
    fields: Vec<(usize, Type)>,
    names: Vec<String>,
    lines: Lines,
    scratch: Vec<Option<Vec<u8>>>,
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
        let bulk = Bulk::new(plan, row, filter)?;
        let table = bulk.table();
        let fields = positions.iter().map(|position| (*position, table.columns[*position].ty)).collect();
        let names = positions.iter().map(|position| table.columns[*position].name.clone()).collect();
        Ok(Self { fields, names, bulk, layout, lines: Lines::default(), scratch: Vec::new(), line_number: 0, context })
    }

    pub(crate) fn columns(&self) -> usize {
        self.fields.len()
    }

    /// Takes some bytes and inserts the rows that are complete.
    pub(crate) async fn push(
        &mut self,
        data: &[u8],
        transaction: &mut Transaction,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        self.lines.push(data)?;
        self.insert_lines(false, transaction, environment, wait).await
    }

    /// The client is done: inserts what is left and answers the number of rows.
    pub(crate) async fn finish(
        &mut self,
        transaction: &mut Transaction,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<u64> {
        self.insert_lines(true, transaction, environment, wait).await?;
        if self.lines.in_quotes() {
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
        }
        let finished = self.bulk.finish(&self.context, transaction, environment, wait).await;
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
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        while let Some(range) = self.lines.next(&self.layout, at_end) {
            self.line_number += 1;
            if self.line_number == 1 && self.layout.header {
                continue;
            }
            let mut scratch = std::mem::take(&mut self.scratch);
            let line = self.lines.line(range.clone());
            let read = split(line, &self.layout, &mut scratch).and_then(|()| self.values(&scratch));
            self.scratch = scratch;
            let copied = Copied { values: read.map_err(|error| self.blame(error, range.clone()))? };
            let inserted = self.bulk.insert(copied, &self.context, transaction, environment, wait).await;
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

    /// The fields of a line as values: position in the table and value.
    fn values(&self, fields: &[Option<Vec<u8>>]) -> Result<Vec<(usize, Value)>> {
        if fields.len() < self.fields.len() {
            let missing = &self.names[fields.len()];
            let message = format!("missing data for column \"{missing}\"");
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, message));
        }
        if fields.len() > self.fields.len() {
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "extra data after last expected column"));
        }
        let format = &self.context.session.format;
        let value = |at: usize| {
            let (position, ty) = self.fields[at];
            let Some(bytes) = &fields[at] else { return Ok((position, Value::Null)) };
            let text = text::utf8(bytes)?;
            let value = text::parse(text, ty, format).map_err(|error| {
                let (place, name) = (self.place(self.line_number), &self.names[at]);
                error.with_context(format!("{place}, column {name}: \"{}\"", shown(text)))
            })?;
            Ok((position, value))
        };
        (0..fields.len()).map(value).collect()
    }
}

/// The beginning of a text, as much as an error shows.
fn shown(text: &str) -> String {
    const SHOWN_BYTES_MAX: usize = 100;
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)])
}
