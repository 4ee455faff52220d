//! Rows that come one by one from outside (COPY), written as an INSERT's would be.

use std::sync::Arc;

use storage::{InsertOutcome, Transaction, Value, Wait};

use super::deferred::Deferred;
use super::foreign_key::Pending;
use super::row::{TargetSource, complete};
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

/// A run of rows into one table.
#[derive(Debug)]
pub(crate) struct Bulk {
    plan: AuthorizedWrite,
    /// The columns that do not come from outside: their places, and what they hold.
    computed: Vec<(usize, Expr)>,
    filter: Option<Expr>,
    /// The row that is to be inserted next.
    values: Vec<Value>,
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
            Plan::Query(_) | Plan::PointSelect(_) | Plan::Short { .. } | Plan::OneRow(_) => {
                unreachable!("an authorized write is a write")
            }
        }
    }
}

impl Bulk {
    /// `row` computes the table's columns, `given` are the places of those that come from outside instead.
    pub(crate) fn new(
        plan: Arc<AuthorizedPlan>,
        row: Vec<Expr>,
        given: &[usize],
        filter: Option<Expr>,
    ) -> Result<Self> {
        let values = vec![Value::Null; row.len()];
        let computed = row.into_iter().enumerate().filter(|(position, _)| !given.contains(position)).collect();
        let plan = AuthorizedWrite::new(plan)?;
        Ok(Self { plan, computed, filter, values, count: 0, pending: Pending::default() })
    }

    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.plan.target.table
    }

    /// Gives the next row a value from outside.
    pub(crate) fn set(&mut self, position: usize, value: Value) {
        self.values[position] = value;
    }

    /// Inserts the row that was set, unless the filter leaves it out.
    pub(crate) async fn insert(
        &mut self,
        context: &EvalContext,
        transaction: &mut Transaction,
        deferred: &mut Deferred,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        tokio::task::consume_budget().await;
        for (position, default) in &self.computed {
            self.values[*position] = eval(default, context, &NoRow)?;
        }
        complete(&self.plan.target, context, &mut self.values)?;
        let (target, values) = (&self.plan.target, &self.values);
        if self.filter.is_some() && !point::is_true(self.filter.as_ref(), context, &TargetSource::of(target, values))? {
            return Ok(());
        }
        let leaf = check_new_row(target, context, values)?;
        let target = target.at(leaf);
        if !transaction.insert_alone(&target.table.storage, values)?
            && let InsertOutcome::Conflict { constraint, .. } =
                transaction.insert(&target.table.storage, values, wait).await?
        {
            return Err(duplicate_key(&target.table, &constraint, values, context));
        }
        self.count += 1;
        if target.parents.is_empty() && target.late_keys.is_empty() {
            return Ok(());
        }
        let (write, pending, written) = (&self.plan, std::mem::take(&mut self.pending), Written::default());
        let mut run =
            Run { write, context, transaction, deferred, environment, wait, written, pending, together: None };
        run.check_keys(leaf.into(), values, None).await?;
        self.pending = run.pending;
        Ok(())
    }

    /// Looks at what had to wait for all rows; answers their number.
    pub(crate) async fn finish(
        &mut self,
        context: &EvalContext,
        transaction: &mut Transaction,
        deferred: &mut Deferred,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<u64> {
        let (pending, written) = (std::mem::take(&mut self.pending), Written::default());
        let mut run = Run {
            write: &self.plan,
            context,
            transaction,
            deferred,
            environment,
            wait,
            written,
            pending,
            together: None,
        };
        run.check_pending().await?;
        Ok(self.count)
    }
}
