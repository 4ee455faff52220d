//! Running INSERT, UPDATE and DELETE: row by row over storage, whatever found the rows.
//!
//! A row is locked, read in its newest version, changed, and checked: NOT NULL and CHECK before it is written, unique
//! keys by storage while it is written, foreign keys afterwards. What their actions do to other tables follows, when all rows
//! of the statement are written, and what is deferred when the transaction commits.

mod action;
mod bulk;
mod change;
mod deferred;
mod foreign_key;
mod insert;
mod place;
mod referencing;
mod row;
mod violation;

use storage::{Transaction, Value, Wait};

use super::query::QueryEnvironment;
use crate::error::Result;
use crate::expr::eval::eval;
use crate::function::EvalContext;
use crate::plan::write::{Action, Returning, Write};
pub(crate) use bulk::Bulk;
pub(crate) use deferred::Deferred;
use foreign_key::Pending;
use row::{TargetSource, check_new_row};
pub(crate) use violation::{duplicate_key, key_text, mixed_nulls};

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
    pub(crate) transaction: &'a mut Transaction,
    pub(crate) deferred: &'a mut Deferred,
    pub(crate) environment: &'a QueryEnvironment,
    pub(crate) wait: Wait,
    pub(crate) written: Written,
    /// Foreign keys to look at when all rows are written.
    pub(crate) pending: Pending,
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
    let written = Written { count: 0, rows: write.returning.as_ref().map(|_| Vec::new()) };
    let pending = Pending::default();
    let mut run = Run { write, context, transaction, deferred, environment, wait, written, pending };
    match &write.action {
        Action::Insert(insert) => run.insert(insert).await?,
        Action::Update(update) => run.update(update).await?,
        Action::Delete(delete) => run.delete(delete).await?,
    }
    run.check_pending().await?;
    Ok(run.written)
}

impl Run<'_> {
    /// Counts a row and keeps what RETURNING says of it.
    fn returned(&mut self, source: &TargetSource<'_>) -> Result<()> {
        self.written.count += 1;
        if let (Some(Returning { exprs, .. }), Some(rows)) = (&self.write.returning, &mut self.written.rows) {
            rows.push(exprs.iter().map(|expr| eval(expr, self.context, source)).collect::<Result<Vec<Value>>>()?);
        }
        Ok(())
    }
}
