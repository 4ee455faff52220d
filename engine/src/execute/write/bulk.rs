//! Rows that come one by one from outside (COPY), written as an INSERT's would be.

use std::collections::HashSet;
use std::sync::Arc;

use storage::{InsertOutcome, Value, Wait};

use super::foreign_key::Pending;
use super::row::{TargetSource, complete};
use super::{Held, Run, Written, check_new_row, duplicate_key};
use crate::catalog::{Table, TriggerEvent};
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
        held: &mut Held<'_>,
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
        if target.fires {
            return Box::pin(self.insert_with_triggers(context, held, environment, wait)).await;
        }
        let leaf = check_new_row(target, context, values)?;
        let target = target.at(leaf);
        let transaction = held.transaction();
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
        let held = held.again();
        let mut run = Run { write, context, held, environment, wait, written, pending, together: None };
        run.check_keys(leaf.into(), values, None).await?;
        self.pending = run.pending;
        Ok(())
    }

    /// Looks at what had to wait for all rows; answers their number.
    pub(crate) async fn finish(
        &mut self,
        context: &EvalContext,
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<u64> {
        let (pending, written) = (std::mem::take(&mut self.pending), Written::default());
        let mut run =
            Run { write: &self.plan, context, held: held.again(), environment, wait, written, pending, together: None };
        run.check_pending().await?;
        if run.write.target.fires {
            run.after_statement(&run.write.target, TriggerEvent::Insert, &[])?;
        }
        Ok(self.count)
    }

    pub(crate) fn tables(&self) -> Vec<u32> {
        self.plan.target.tables().collect()
    }

    pub(crate) fn fires(&self) -> bool {
        self.plan.target.fires
    }

    /// Fires what is to run before the first row.
    pub(crate) async fn begin(
        &mut self,
        context: &EvalContext,
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        let (write, held, pending, written) = (&*self.plan, held.again(), Pending::default(), Written::default());
        let mut run = Run { write, context, held, environment, wait, written, pending, together: None };
        run.before_statement(&write.target, TriggerEvent::Insert, &[]).await
    }

    /// Inserts the row that was set as an INSERT does.
    async fn insert_with_triggers(
        &mut self,
        context: &EvalContext,
        held: &mut Held<'_>,
        environment: &QueryEnvironment,
        wait: Wait,
    ) -> Result<()> {
        let (pending, written) = (std::mem::take(&mut self.pending), Written::default());
        let (write, held) = (&*self.plan, held.again());
        let mut run = Run { write, context, held, environment, wait, written, pending, together: None };
        run.insert_row(None, self.values.clone(), &mut HashSet::new()).await?;
        self.count += run.written.count;
        self.pending = run.pending;
        Ok(())
    }
}
