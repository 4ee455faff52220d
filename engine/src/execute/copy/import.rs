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
        self.bulk.finish(&self.context, transaction, environment, wait).await
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
            let read = split(self.lines.line(range), &self.layout, &mut scratch).and_then(|()| self.values(&scratch));
            self.scratch = scratch;
            let place = |error: Error| {
                let context = format!("COPY {}, line {}", self.bulk.table().name, self.line_number);
                error.with_context(context)
            };
            let copied = Copied { values: read.map_err(place)? };
            self.bulk.insert(copied, &self.context, transaction, environment, wait).await.map_err(|error| {
                error.with_context(format!("COPY {}, line {}", self.bulk.table().name, self.line_number))
            })?;
        }
        Ok(())
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
        let value = |(field, (position, ty)): (&Option<Vec<u8>>, &(usize, Type))| {
            let Some(bytes) = field else { return Ok((*position, Value::Null)) };
            let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or_else(|| {
                Error::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\"")
            })?;
            Ok((*position, text::parse(text, *ty, format)?))
        };
        fields.iter().zip(&self.fields).map(value).collect()
    }
}
