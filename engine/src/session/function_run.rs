//! Functions and procedures whose bodies are run: statement by statement, each seeing what those before it have written,
//! in the transaction of whoever calls. What is around the call then finds the rows, and sees the state before it.

use std::sync::Arc;

use auth::RoleId;
use futures::StreamExt;
use storage::Value;

use super::Session;
use super::cancel::Interrupt;
use super::cursor::{RowSource, Tag};
use super::execute_as::Acting;
use super::prepared::CachedPlan;
use super::run::{Outcome, no_transaction};
use super::settings::Settings;
use crate::catalog::{Language, SqlFunction};
use crate::error::{Error, Result, SqlState};
use crate::execute::write::{self, Due};
use crate::execute::{RowStream, query};
use crate::function::{EvalContext, Volatility};
use crate::plan::bind::{Binder, BodyPart, body_parts, check_part, writing_verb};
use crate::plan::function_run::CalledBody;
use crate::plan::point::one_row;
use crate::plan::relation::Query;
use crate::plan::{Plan, authorize, choose};
use crate::types::oid;

/// How deep functions may call functions. Each level takes of the stack of the thread that serves the session, which has
/// 64 MB, some dozens of kilobytes, and 150 where nothing is optimised.
const DEPTH_MAX: usize = 200;

/// Rows of values.
type ValueRows = Vec<Vec<Value>>;

/// What the session goes back to when a function ends.
struct Left {
    settings: Arc<Settings>,
    acting: Option<Box<Acting>>,
    epoch: u64,
    /// What held while it ran.
    own_settings: Arc<Settings>,
}

impl Session {
    /// Executes a plan after the bodies that it calls.
    pub(super) async fn execute_with_runs(
        &mut self,
        plan: &Arc<CachedPlan>,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let database = self.database.clone();
        let environment = database.query_environment();
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.used = true;
        let view = open.transaction.view();
        let mut context = context.clone();
        let keep = |context: &mut EvalContext, number: usize, rows: ValueRows| {
            let mut written = context.written.to_vec();
            written.resize(written.len().max(number + 1), Arc::default());
            written[number] = Arc::new(rows);
            context.written = written.into();
        };
        for run in plan.plan.runs() {
            let mut args = Vec::new();
            if !run.args.outputs.is_empty() {
                let rows = match one_row(&run.args) {
                    Some(row) => {
                        let condition = row.filter.as_ref();
                        let bodies = plan.plan.bodies();
                        self.one_row_with_bodies(bodies, &row.projection, condition, &context, interrupt).await?
                    }
                    None => gathered(query::run(&run.args, &context, view.clone(), environment)?, interrupt).await?,
                };
                args = rows.into_iter().next().ok_or_else(|| Error::internal("arguments are a row"))?;
            }
            let rows = Box::pin(self.run_function(&run.body, args, run.fills, interrupt)).await?;
            keep(&mut context, run.number, rows);
        }
        if let Plan::Write(bound) = plan.plan.plan() {
            let Some(ahead) = plan.plan.ahead() else {
                return self.write_or_fire(plan, bound, &context, interrupt).await;
            };
            let mut view = view;
            loop {
                let mark = self.mark()?;
                let rows = self.rows_ahead(plan, ahead, &context, view, interrupt).await?;
                keep(&mut context, ahead.number, rows);
                match self.write_or_fire(plan, bound, &context, interrupt).await {
                    Err(error) if write::is_outdated(&error) => {
                        self.undo(mark)?;
                        interrupt.check()?;
                        let open = self.state.open_mut().ok_or_else(no_transaction)?;
                        open.transaction.begin_command();
                        view = open.transaction.view();
                    }
                    Ok(outcome) => {
                        self.keep_since(&mark)?;
                        return Ok(outcome);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let is_call = plan.plan.runs().iter().any(|run| run.body.function.procedure);
        // What CALL calls among its arguments was called with them.
        if !plan.plan.bodies().is_empty() && !is_call {
            return self.execute_with_bodies(plan, &context, view, interrupt).await;
        }
        let Some(columns) = plan.columns.clone() else { return Ok(Outcome::Complete("CALL".to_owned())) };
        let (Plan::Query(bound) | Plan::Short { query: bound, .. }) = plan.plan.plan() else {
            return Err(Error::internal("a call of a function is no query"));
        };
        let stream = query::run(bound, &context, view, environment)?;
        let tag = if is_call { Tag::Fixed("CALL".to_owned()) } else { Tag::Counted("SELECT") };
        Ok(Outcome::Rows { columns, source: RowSource::Stream(stream), tag })
    }

    /// The rows of a function: for one of no set the first, if there is one.
    pub(super) async fn run_function(
        &mut self,
        run: &CalledBody,
        args: Vec<Value>,
        fills: bool,
        interrupt: &Interrupt,
    ) -> Result<ValueRows> {
        let function = &run.function;
        let nulls = || match fills && !function.set {
            true => vec![vec![Value::Null; run.columns.len()]],
            false => Vec::new(),
        };
        if function.returns == oid::TRIGGER {
            let message = "trigger functions can only be called as triggers";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        if function.strict && args.iter().any(Value::is_null) {
            return Ok(nulls());
        }
        self.check_depth()?;
        let may_end = function.procedure && !function.definer && function.settings.is_empty();
        let ending = self.ending_within(may_end);
        let left = self.enter(function)?;
        let around = std::mem::replace(&mut self.ending, ending);
        self.functions_around += 1;
        let result = match function.language {
            Language::Sql => self.run_body(run, args.into(), interrupt).await,
            Language::PlPgSql => self.run_code(function, &run.columns, args, interrupt).await,
        };
        self.functions_around -= 1;
        self.ending = around;
        let rows = match left {
            Some(left) => self.leave(left).and(result)?,
            None => result?,
        };
        Ok(match function.set {
            true => rows,
            false => rows.into_iter().next().map_or_else(nulls, |first| vec![first]),
        })
    }

    /// Runs the function of a trigger; answers the row that it returns.
    pub(super) async fn run_trigger(&mut self, due: &Due, interrupt: &Interrupt) -> Result<Option<Vec<Value>>> {
        let function = &due.bound().function;
        self.check_depth()?;
        let left = self.enter(function)?;
        self.functions_around += 1;
        let result = self.run_trigger_code(due, interrupt).await;
        self.functions_around -= 1;
        match left {
            Some(left) => self.leave(left).and(result),
            None => result,
        }
    }

    /// Runs a body that no function has.
    pub(super) async fn run_inline(&mut self, function: &Arc<SqlFunction>, interrupt: &Interrupt) -> Result<()> {
        self.check_depth()?;
        let ending = self.ending_within(true);
        let around = std::mem::replace(&mut self.ending, ending);
        self.functions_around += 1;
        let result = self.run_code(function, &[], Vec::new(), interrupt).await;
        self.functions_around -= 1;
        self.ending = around;
        result.map(drop)
    }

    /// 54001 if functions call each other too deep.
    fn check_depth(&self) -> Result<()> {
        if self.functions_around < DEPTH_MAX {
            return Ok(());
        }
        Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
            .with_hint(format!("Functions that are run call each other to a depth of {DEPTH_MAX}.")))
    }

    /// Gives the session the role and the settings that a function has of its own.
    fn enter(&mut self, function: &SqlFunction) -> Result<Option<Left>> {
        if !function.definer && function.settings.is_empty() {
            return Ok(None);
        }
        let mut settings = self.settings.clone();
        if !function.settings.is_empty() {
            let own = Arc::make_mut(&mut settings);
            for (name, value) in &function.settings {
                own.set_flat(name, value, false)?;
            }
        }
        let left = Left {
            settings: std::mem::replace(&mut self.settings, settings.clone()),
            acting: self.acting.take(),
            epoch: self.epoch,
            own_settings: settings,
        };
        self.epoch = self.new_epoch();
        let role = match (function.definer, &left.acting) {
            (true, _) => Some(RoleId(function.owner)),
            (false, around) => around.as_ref().map(|acting| acting.role),
        };
        self.acting = role.map(|role| Box::new(Acting::within(role, self.epoch, self.facts.clone())));
        self.refresh_facts();
        Ok(Some(left))
    }

    /// Takes them away again.
    fn leave(&mut self, left: Left) -> Result<()> {
        let changed = !Arc::ptr_eq(&self.settings, &left.own_settings);
        self.settings = left.settings;
        self.acting = left.acting;
        self.epoch = left.epoch;
        self.refresh_facts();
        match changed {
            true => Err(Error::unsupported("set_config in a function with SET or SECURITY DEFINER")),
            false => Ok(()),
        }
    }

    /// Runs the statements of a body; answers what the last has answered, as the call has it.
    async fn run_body(&mut self, run: &CalledBody, args: Arc<[Value]>, interrupt: &Interrupt) -> Result<ValueRows> {
        let function = &run.function;
        let parts = body_parts(function)?;
        let is_volatile = function.procedure || function.volatility == Volatility::Volatile;
        let mut answered = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            check_part(part)?;
            if let Some(verb) = writing_verb(&part.statement).filter(|_| !is_volatile) {
                let message = format!("{verb} is not allowed in a non-volatile function");
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
                    .within(format!("SQL function \"{}\" during startup", function.name)));
            }
            let answers = at + 1 == parts.len() && function.returns != oid::VOID;
            let ran = async {
                let (plan, answer) = self.lock_part(run, part, answers, interrupt).await?;
                if is_volatile {
                    self.check_reads_ahead(&plan)?;
                }
                let context = self.context(self.catalog(), args.clone());
                let outcome = match (plan.plan.waits(), is_volatile) {
                    (true, _) => Box::pin(self.execute_waiting(&plan, &context, interrupt)).await?,
                    (false, true) => Box::pin(self.execute_plan(&plan, &context, interrupt)).await?,
                    // It sees what its caller sees.
                    (false, false) => Box::pin(self.execute_begun(&plan, &context, interrupt)).await?,
                };
                let Outcome::Rows { source, .. } = outcome else { return Ok(Vec::new()) };
                let rows = gathered(source.into_stream(), interrupt).await?;
                match answer {
                    Some(answer) => self.converted(&answer, rows, context, interrupt).await,
                    None => Ok(rows),
                }
            };
            let place = || format!("SQL function \"{}\" statement {}", function.name, at + 1);
            answered = ran.await.map_err(|error: Error| error.without_position().within(place()))?;
        }
        Ok(if function.returns == oid::VOID { Vec::new() } else { answered })
    }

    /// Binds a statement of a body and locks what it reads and writes.
    async fn lock_part(
        &mut self,
        run: &CalledBody,
        part: &BodyPart<'_>,
        answers: bool,
        interrupt: &Interrupt,
    ) -> Result<(Arc<CachedPlan>, Option<Query>)> {
        loop {
            let (plan, answer) = self.plan_part(run, part, answers)?;
            let wait = self.lock_wait();
            let open = self.state.open_mut().ok_or_else(no_transaction)?;
            for (table, mode) in plan.plan.locks() {
                interrupt.guard(async { Ok(open.transaction.lock_table(*table, *mode, wait).await?) }).await?;
            }
            if open.catalog.is_some() || self.committed_catalog().version == plan.catalog_version {
                return Ok((Arc::new(plan), answer));
            }
        }
    }

    /// A statement of a body, and what makes the function's answer of its rows, unless they are it.
    fn plan_part(
        &mut self,
        run: &CalledBody,
        part: &BodyPart<'_>,
        answers: bool,
    ) -> Result<(CachedPlan, Option<Query>)> {
        let catalog = self.catalog();
        let context = self.context(catalog.clone(), Arc::from([]));
        let types = run.function.input_types();
        let mut binder = Binder::new(&catalog, &context, &types).of_body(&run.function, part);
        binder.allow_runs(&part.statement);
        let bound = choose(&mut binder, &part.statement, self.settings.active().point_plans)?;
        let answer = match answers {
            true => {
                let columns = bound.columns.as_deref();
                let columns: Option<Vec<_>> = columns
                    .map(|columns| columns.iter().map(|column| (column.name.clone(), column.declared)).collect());
                binder.answer_of_run(&run.function, columns.as_deref(), &run.columns)?
            }
            false => None,
        };
        let principal = self.principal(&catalog);
        let (params, columns) = (bound.params.clone().into(), bound.columns.clone());
        let plan = authorize::authorize(bound, &principal, &catalog)?;
        Ok((CachedPlan { plan, params, columns, catalog_version: catalog.version, epoch: self.epoch }, answer))
    }

    /// Rows with the types that a function answers.
    async fn converted(
        &mut self,
        answer: &Query,
        rows: ValueRows,
        context: EvalContext,
        interrupt: &Interrupt,
    ) -> Result<ValueRows> {
        let database = self.database.clone();
        let view = self.state.open().ok_or_else(no_transaction)?.transaction.view();
        let context = EvalContext { written: Arc::from([Arc::new(rows)]), ..context };
        gathered(query::run(answer, &context, view, database.query_environment())?, interrupt).await
    }
}

/// All the rows of a stream.
async fn gathered(mut stream: RowStream, interrupt: &Interrupt) -> Result<ValueRows> {
    let mut gathered = Vec::new();
    while let Some(rows) = interrupt.guard(async { stream.next().await.transpose() }).await? {
        gathered.extend(rows.into_values());
    }
    Ok(gathered)
}
