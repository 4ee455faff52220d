//! Rows that come one by one from outside (COPY), written as an INSERT's would be.

use std::sync::Arc;

use storage::{InsertOutcome, Transaction, Value, Wait};

use super::foreign_key::Pending;
use super::row::TargetSource;
use super::{Run, Written, check_new_row, duplicate_key};
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::execute::point;
use crate::execute::query::QueryEnvironment;
use crate::expr::Expr;
use crate::expr::eval::{NoRow, eval};
use crate::function::EvalContext;
use crate::plan::write::Write;
use crate::plan::{AuthorizedPlan, Plan};

/// A row from outside: position in the table and value of each column that it has.
pub(crate) struct Copied {
    pub(crate) values: Vec<(usize, Value)>,
}

/// A run of rows into one table.
#[derive(Debug)]
pub(crate) struct Bulk {
    plan: AuthorizedWrite,
    /// What the columns hold that the rows do not have.
    row: Vec<Expr>,
    filter: Option<Expr>,
    count: u64,
    pending: Pending,
}

/// An authorized plan that is known to be a write.
#[derive(Debug, Clone)]
struct AuthorizedWrite(Arc<AuthorizedPlan>);

impl AuthorizedWrite {
    fn new(plan: Arc<AuthorizedPlan>) -> Result<Self> {
        match plan.plan() {
            Plan::Write(_) => Ok(Self(plan)),
            _ => Err(Error::internal("rows can be copied into a table only")),
        }
    }
}

impl std::ops::Deref for AuthorizedWrite {
    type Target = Write;

    fn deref(&self) -> &Write {
        match self.0.plan() {
            Plan::Write(write) => write,
            // `new` lets nothing else in.
            Plan::Query(_) | Plan::PointSelect(_) => unreachable!("an authorized write is a write"),
        }
    }
}

impl Bulk {
    pub(crate) fn new(plan: Arc<AuthorizedPlan>, row: Vec<Expr>, filter: Option<Expr>) -> Result<Self> {
        Ok(Self { plan: AuthorizedWrite::new(plan)?, row, filter, count: 0, pending: Pending::default() })
    }

    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.plan.target.table
    }

    pub(crate) async fn insert(
        &mut self,
        copied: Copied,
        context: &EvalContext,
        transaction: &mut Transaction,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        let values = self.complete(copied, context)?;
        let write = self.plan.clone();
        let target = &write.target;
        if self.filter.is_some() && !point::is_true(self.filter.as_ref(), context, &TargetSource::of(target, &values))?
        {
            return Ok(());
        }
        let leaf = check_new_row(target, context, &values)?;
        let target = target.at(leaf);
        match transaction.insert(&target.table.storage, &values, wait).await? {
            InsertOutcome::Inserted(_) => {}
            InsertOutcome::Conflict { constraint, .. } => {
                return Err(duplicate_key(&target.table, &constraint, &values, context));
            }
        }
        self.count += 1;
        if !target.parents.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            let written = Written::default();
            let mut run = Run { write: &write, context, transaction, environment, wait, written, pending };
            run.check_parents(leaf, &values, None).await?;
            self.pending = run.pending;
        }
        Ok(())
    }

    fn complete(&self, copied: Copied, context: &EvalContext) -> Result<Vec<Value>> {
        let mut given: Vec<Option<Value>> = vec![None; self.row.len()];
        for (position, value) in copied.values {
            given[position] = Some(value);
        }
        given
            .into_iter()
            .zip(&self.row)
            .map(|(given, default)| match given {
                Some(value) => Ok(value),
                None => eval(default, context, &NoRow),
            })
            .collect()
    }

    /// Looks at what had to wait for all rows; answers their number.
    pub(crate) async fn finish(
        &mut self,
        context: &EvalContext,
        transaction: &mut Transaction,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<u64> {
        let (pending, written) = (std::mem::take(&mut self.pending), Written::default());
        let mut run = Run { write: &self.plan, context, transaction, environment, wait, written, pending };
        run.check_pending().await?;
        Ok(self.count)
    }
}
