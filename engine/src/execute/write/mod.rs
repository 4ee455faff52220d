//! Running INSERT, UPDATE and DELETE: row by row over storage, whatever found the rows.
//!
//! A row is locked, read in its newest version, changed, and checked: NOT NULL and CHECK before it is written, unique
//! keys by storage while it is written, foreign keys afterwards. What their actions do to other tables follows, when all rows
//! of the statement are written, and what is deferred when the transaction commits.

mod action;
mod bulk;
mod change;
mod deferred;
mod find;
mod foreign_key;
mod insert;
mod late_key;
mod matching;
mod merge;
mod place;
mod policy;
mod referencing;
mod row;
mod together;
mod trigger;
mod violation;

use storage::{Transaction, Value, Wait};

use super::query::QueryEnvironment;
use crate::error::{Error, Result};
use crate::expr::eval::eval;
use crate::function::EvalContext;
use crate::plan::write::{Action, Returning, Write};
pub(crate) use bulk::Bulk;
pub(crate) use deferred::Deferred;
pub(crate) use find::is_outdated;
use foreign_key::Pending;
pub(crate) use matching::{is_matched, other_side};
use row::{TargetSource, check_new_row};
use together::Together;
pub(crate) use together::Writes;
pub(crate) use trigger::{Due, Firing, Held, TriggersUnderWay, Writing, due_for_truncate};
pub(crate) use violation::{duplicate_key, index_key_text, key_text, mixed_nulls, tells_rows};

/// What a write came to.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Rows inserted, updated or deleted.
    pub(crate) count: u64,
    /// What RETURNING asked for.
    pub(crate) rows: Option<Vec<Vec<Value>>>,
}

/// One run of a write.
pub(crate) struct Run<'a> {
    pub(crate) write: &'a Write,
    pub(crate) context: &'a EvalContext,
    held: Held<'a>,
    pub(crate) environment: &'a QueryEnvironment,
    pub(crate) wait: Wait,
    pub(crate) written: Written,
    /// Foreign keys to look at when all rows are written.
    pub(crate) pending: Pending,
    /// The writes around it in the same statement.
    together: Option<&'a mut Together>,
}

/// Runs a write to its end.
pub(crate) async fn run(
    write: &Write,
    context: &EvalContext,
    transaction: &mut Transaction,
    deferred: &mut Deferred,
    environment: &QueryEnvironment,
    wait: Wait,
) -> Result<Written> {
    let written = Written { count: 0, rows: rows_of(write) };
    let pending = Pending::default();
    let held = Held::Here { transaction, deferred };
    let mut run = Run { write, context, held, environment, wait, written, pending, together: None };
    run.all_rows().await?;
    run.check_pending().await?;
    Ok(run.written)
}

/// Where RETURNING's rows will be gathered.
fn rows_of(write: &Write) -> Option<Vec<Vec<Value>>> {
    write.returning.as_ref().map(|_| Vec::new())
}

impl Run<'_> {
    async fn all_rows(&mut self) -> Result<()> {
        if self.fires() {
            return Box::pin(self.all_rows_with_triggers()).await;
        }
        self.all_rows_alone().await
    }

    /// The same with what is to run before the statement, and after it.
    async fn all_rows_with_triggers(&mut self) -> Result<()> {
        let target = &self.write.target;
        let deeds = self.deeds();
        for (event, assigned) in &deeds {
            self.before_statement(target, *event, assigned).await?;
        }
        self.all_rows_alone().await?;
        deeds.iter().rev().try_for_each(|(event, assigned)| self.after_statement(target, *event, assigned))
    }

    async fn all_rows_alone(&mut self) -> Result<()> {
        let write = self.write;
        match &write.action {
            Action::Insert(insert) => self.insert(insert).await,
            Action::Update(update) => self.update(update).await,
            Action::Delete(delete) => self.delete(delete).await,
            Action::Merge(merge) => self.merge(merge).await,
            Action::OfKeys => Err(Error::internal("nothing says which rows to write")),
        }
    }

    /// Counts a row and keeps what RETURNING says of it.
    fn returned(&mut self, source: &TargetSource<'_>) -> Result<()> {
        self.written.count += 1;
        if let (Some(Returning { exprs, .. }), Some(rows)) = (&self.write.returning, &mut self.written.rows) {
            rows.push(exprs.iter().map(|expr| eval(expr, self.context, source)).collect::<Result<Vec<Value>>>()?);
        }
        Ok(())
    }
}
