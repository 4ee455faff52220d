//! Calls among expressions of functions whose bodies are run: the session runs each when the expression comes to it.
//!
//! A SELECT without FROM is computed here. A query over rows is computed on the query threads, which ask for what bodies
//! answer (`function/body_call.rs`); the session runs those while it waits for the rows, and keeps the rows until there
//! are no more. What a write writes is computed before it writes
//! anything; if others change the rows meanwhile, it is undone and computed again.

use std::sync::Arc;

use futures::StreamExt;
use storage::{Field, ReadView, Record, Value};

use super::Session;
use super::cancel::Interrupt;
use super::cursor::RowSource;
use super::prepared::CachedPlan;
use super::run::{Outcome, refuse_in_read_only};
use crate::error::{Error, Result, SqlState};
use crate::execute::{Rows, query};
use crate::expr::Expr;
use crate::expr::called::{Bodies, Computing, OnlyRow};
use crate::function::EvalContext;
use crate::function::body_call::{Asked, BodyPort};
use crate::plan::Plan;
use crate::plan::function_run::{Ahead, AheadRows, CalledBody};
use crate::plan::relation::Query;
use crate::types::{builtin, oid};

/// Most bytes of rows that are kept for a statement whose expressions call bodies.
const ROW_BYTES_MAX: usize = 512 << 20;

/// Calls after which others have their turn.
const CALLS_AT_ONCE: usize = 64;

/// A session that runs bodies for an expression of its own.
struct Running<'s> {
    session: &'s mut Session,
    bodies: &'s [Arc<CalledBody>],
    interrupt: &'s Interrupt,
}

impl Bodies for Running<'_> {
    async fn answers(&mut self, body: usize, calls: Vec<Vec<Value>>) -> Result<Vec<Value>> {
        self.session.answer_calls(self.bodies, body, calls, self.interrupt).await
    }
}

impl Session {
    /// Executes a plan whose expressions call bodies.
    pub(super) async fn execute_with_bodies(
        &mut self,
        plan: &Arc<CachedPlan>,
        context: &EvalContext,
        view: ReadView,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let bodies = plan.plan.bodies();
        let rows = match plan.plan.plan() {
            Plan::OneRow(row) => {
                let only = self.one_row_with_bodies(bodies, &row.projection, row.filter.as_ref(), context, interrupt);
                only.await.map(Rows::Values)
            }
            Plan::Query(query) | Plan::Short { query, .. } => {
                let rows = self.rows_with_bodies(bodies, query.clone(), context, view, interrupt).await;
                return Ok(Outcome::selected(
                    plan,
                    match rows {
                        Ok(rows) => RowSource::Stream(Box::pin(futures::stream::iter(rows.into_iter().map(Ok)))),
                        Err(error) => RowSource::of(Err(error)),
                    },
                ));
            }
            Plan::PointSelect(_) | Plan::Write(_) => {
                return Err(Error::internal("a plan that calls bodies is of another kind"));
            }
        };
        Ok(Outcome::selected(plan, RowSource::of(rows)))
    }

    /// Computes what a write writes, before it does.
    pub(super) async fn rows_ahead(
        &mut self,
        plan: &CachedPlan,
        ahead: &Ahead,
        context: &EvalContext,
        view: ReadView,
        interrupt: &Interrupt,
    ) -> Result<Vec<Vec<Value>>> {
        let read_only = self.state.open().is_some_and(|open| open.read_only);
        refuse_in_read_only(read_only && !ahead.is_temporary, ahead.verb)?;
        let bodies = plan.plan.bodies();
        let around = self.written_next.replace(WrittenNext { tables: ahead.tables.clone(), has_begun: false });
        let rows = self.computed_ahead(bodies, &ahead.rows, context, view, interrupt).await;
        self.written_next = around;
        rows
    }

    async fn computed_ahead(
        &mut self,
        bodies: &[Arc<CalledBody>],
        ahead: &AheadRows,
        context: &EvalContext,
        view: ReadView,
        interrupt: &Interrupt,
    ) -> Result<Vec<Vec<Value>>> {
        match ahead {
            AheadRows::Values(rows) => {
                let mut computed = Vec::with_capacity(rows.len());
                for row in rows {
                    computed.extend(self.one_row_with_bodies(bodies, row, None, context, interrupt).await?);
                    if let Some(next) = &mut self.written_next {
                        next.has_begun = true;
                    }
                }
                Ok(computed)
            }
            AheadRows::Query(query) => {
                let rows = self.rows_with_bodies(bodies, query.clone(), context, view, interrupt).await?;
                Ok(rows.into_iter().flat_map(Rows::into_values).collect())
            }
        }
    }

    /// The row of expressions without columns, unless the condition keeps it away.
    pub(super) async fn one_row_with_bodies(
        &mut self,
        bodies: &[Arc<CalledBody>],
        row: &[Expr],
        condition: Option<&Expr>,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Vec<Vec<Value>>> {
        let mut running = Running { session: self, bodies, interrupt };
        let mut computing = Computing { context, rows: &OnlyRow, bodies: &mut running };
        if let Some(condition) = condition
            && !matches!(computing.values(condition, &[0]).await?.as_slice(), [Value::Bool(true)])
        {
            return Ok(Vec::new());
        }
        let mut values = Vec::with_capacity(row.len());
        for expr in row {
            values.extend(computing.values(expr, &[0]).await?);
        }
        Ok(vec![values])
    }

    /// The rows of a query, whose threads ask for what bodies answer.
    async fn rows_with_bodies(
        &mut self,
        bodies: &[Arc<CalledBody>],
        query: Arc<Query>,
        context: &EvalContext,
        view: ReadView,
        interrupt: &Interrupt,
    ) -> Result<Vec<Rows>> {
        let database = self.database.clone();
        let (port, mut asked) = BodyPort::new();
        let context = EvalContext { bodies: Some(Arc::new(port)), ..context.clone() };
        let mut stream = query::run_asking(query, context, view, database.query_environment());
        let (mut gathered, mut bytes) = (Vec::new(), 0);
        loop {
            let next = interrupt.guard(async {
                tokio::select! {
                    biased;
                    Some(asked) = asked.recv() => Ok(Next::Asked(asked)),
                    rows = stream.next() => rows.transpose().map(Next::Rows),
                }
            });
            match next.await? {
                Next::Asked(Asked { body, calls, answer }) => {
                    let values = self.answer_calls(bodies, body, calls, interrupt).await;
                    // Whoever does not want it any more has ended with an error of its own.
                    let _ = answer.send(values);
                }
                Next::Rows(Some(rows)) => {
                    bytes += rows.bytes();
                    if bytes > ROW_BYTES_MAX {
                        let detail = format!(
                            "A statement whose expressions call such functions answers rows of {} MB at most.",
                            ROW_BYTES_MAX >> 20
                        );
                        return Err(Error::new(SqlState::OUT_OF_MEMORY, "out of memory").with_detail(detail));
                    }
                    gathered.push(rows);
                }
                Next::Rows(None) => return Ok(gathered),
            }
        }
    }

    /// Runs a body for each of several calls.
    async fn answer_calls(
        &mut self,
        bodies: &[Arc<CalledBody>],
        body: usize,
        calls: Vec<Vec<Value>>,
        interrupt: &Interrupt,
    ) -> Result<Vec<Value>> {
        let body = bodies.get(body).ok_or_else(|| Error::internal("a body that was not bound"))?;
        let mut values = Vec::with_capacity(calls.len());
        for (number, args) in calls.into_iter().enumerate() {
            if number % CALLS_AT_ONCE == CALLS_AT_ONCE - 1 {
                tokio::task::yield_now().await;
                interrupt.check()?;
            }
            if let Some(next) = self.written_next.as_mut().filter(|_| number > 0 && self.functions_around == 0) {
                next.has_begun = true;
            }
            let rows = Box::pin(self.run_function(body, args, false, interrupt)).await?;
            values.push(value_of(body, rows));
        }
        Ok(values)
    }

    /// 0A000 if a volatile body reads what the statement around it writes: it would have to see the rows before its own.
    pub(super) fn check_reads_ahead(&self, plan: &CachedPlan) -> Result<()> {
        let Some(next) = self.written_next.as_ref().filter(|next| next.has_begun) else { return Ok(()) };
        match plan.plan.locks().iter().any(|(table, _)| next.tables.contains(&table.0)) {
            true => Err(Error::unsupported("a volatile function that reads the table that its statement writes")
                .with_hint("Declare the function as STABLE.")),
            false => Ok(()),
        }
    }
}

/// What comes next while a query runs that calls bodies.
enum Next {
    Asked(Asked),
    Rows(Option<Rows>),
}

/// What a statement is to write whose rows are being computed.
#[derive(Debug)]
pub(super) struct WrittenNext {
    tables: Arc<[u32]>,
    /// Whether a row of it is known already.
    has_begun: bool,
}

/// What a call among expressions is of the rows that a body answers.
fn value_of(body: &CalledBody, rows: Vec<Vec<Value>>) -> Value {
    let Some(row) = rows.into_iter().next() else { return Value::Null };
    let returns = body.function.returns;
    if returns != oid::RECORD && !builtin::is_composite(builtin::base_of(returns)) {
        return row.into_iter().next().unwrap_or_default();
    }
    let is_open = returns == oid::RECORD;
    let fields = body.columns.iter().zip(row).map(|((name, ty), value)| Field {
        name: if is_open { name.as_str().into() } else { "".into() },
        ty: ty.oid,
        value,
    });
    Value::Record(Box::new(Record { ty: builtin::base_of(returns), fields: fields.collect() }))
}
