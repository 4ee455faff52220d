//! Running one statement: inside a transaction, under its locks, until it has an outcome or is undone.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;
use futures::StreamExt;
use storage::{TableId, Value, Wait};

use super::cancel::Interrupt;
use super::copy::{CopyIn, CopyOut};
use super::cursor::{RowSource, Tag};
use super::extended::changed_result;
use super::prepared::{CachedPlan, Prepared};
use super::transaction::TransactionState;
use super::{Session, TEXTS_MAX};
use crate::audit::secret::error_without_secrets;
use crate::catalog::Catalog;
use crate::error::{Error, Result, SqlState};
use crate::execute::write::Held;
use crate::execute::{Rows, definition, locking, point, query, write};
use crate::function::{AdvisoryLocks, EvalContext};
use crate::plan::bind::Binder;
use crate::plan::write::{Action, WithWork, WithWrite, Write};
use crate::plan::{ColumnDescription, Plan, authorize, choose};
use crate::statement::{CopySource, Definition, Statement, locking_words, place_of_placeholder};

/// What a statement came to, before anything is sent.
#[derive(Debug)]
pub(super) enum Outcome {
    Complete(String),
    Rows { columns: Arc<[ColumnDescription]>, source: RowSource, tag: Tag },
    CopyIn(Box<CopyIn>),
    CopyOut(Box<CopyOut>),
}

/// What a definition came to.
pub(super) struct Defined {
    pub(super) tag: String,
    /// The table that CREATE TABLE AS has made.
    pub(super) made: Option<u32>,
}

impl Outcome {
    /// Rows that are all there already.
    pub(super) fn ready(columns: Vec<ColumnDescription>, rows: Vec<Vec<Value>>, tag: impl Into<String>) -> Self {
        Outcome::Rows {
            columns: columns.into(),
            source: RowSource::Ready(Some(Rows::Values(rows))),
            tag: Tag::Fixed(tag.into()),
        }
    }
}

impl Outcome {
    /// The rows of a SELECT.
    pub(super) fn selected(plan: &CachedPlan, source: RowSource) -> Self {
        Outcome::Rows { columns: plan.columns.clone().unwrap_or_default(), source, tag: Tag::Counted("SELECT") }
    }

    /// The same with all its rows there.
    async fn gathered(self, interrupt: &Interrupt) -> Result<Self> {
        let Outcome::Rows { columns, source: RowSource::Stream(mut stream), tag } = self else { return Ok(self) };
        let mut batches = Vec::new();
        while let Some(rows) = interrupt.guard(async { stream.next().await.transpose() }).await? {
            batches.push(Ok(rows));
        }
        let source = RowSource::Stream(Box::pin(futures::stream::iter(batches)));
        Ok(Outcome::Rows { columns, source, tag })
    }
}

impl Session {
    /// Runs a statement; an error has been answered for in the transaction when it is returned.
    pub(super) async fn run(
        &mut self,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let ready = if writes(prepared) { self.locked_plan(prepared, &params) } else { None };
        let result = match ready {
            Some((plan, context)) => self.execute_plan(&plan, &context, interrupt).await,
            None => Box::pin(self.dispatch(prepared, params, interrupt)).await,
        };
        self.after_run(result, prepared)
    }

    /// Answers for a statement's error in the transaction, and follows what the statement has changed.
    pub(super) fn after_run(&mut self, result: Result<Outcome>, prepared: &Prepared) -> Result<Outcome> {
        let result = result.map_err(|error| {
            self.fail();
            error_without_secrets(error, &prepared.text)
        });
        self.refresh_output();
        for warning in self.facts.advisory.warnings() {
            self.warn(AdvisoryLocks::WARNING, warning);
        }
        result
    }

    /// What may stop the statement that begins now.
    pub(super) fn new_interrupt(&self) -> Interrupt {
        self.canceller.reset();
        Interrupt::new(self.canceller.clone(), self.settings.active().statement_timeout)
    }

    // The futures of what runs seldom or for long are boxed: what is not stays small.
    pub(super) async fn dispatch(
        &mut self,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let Some(statement) = &prepared.statement else { return Ok(Outcome::Complete(String::new())) };
        self.check_not_failed(statement)?;
        match statement {
            Statement::Query(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_)
            | Statement::Call(_) => {
                self.begin_implicit();
                self.run_planned(prepared, params, interrupt).await
            }
            Statement::Definition(definition) => {
                match definition.stands_alone() {
                    Some(words) if matches!(**definition, Definition::Storage(_)) => self.check_outside(words)?,
                    Some(words) => self.check_alone(words)?,
                    None => {}
                }
                self.begin_implicit();
                let before = self.defined_so_far();
                let tag = Box::pin(self.define_by_statement(definition, prepared, params, interrupt)).await;
                self.audit_definition(definition, prepared, before, tag.as_ref().err());
                tag.map(Outcome::Complete)
            }
            Statement::Copy(copy) => {
                if matches!(copy.source, CopySource::Live(_)) {
                    self.check_outside("COPY (LIVE ...)")?;
                }
                self.begin_implicit();
                let start = Box::pin(self.start_copy(copy.clone(), prepared.text.clone(), interrupt.clone()));
                let outcome = interrupt.guard(start).await?;
                if let Outcome::CopyOut(_) = &outcome {
                    self.audit_export(&copied(&copy.source), &prepared.text);
                }
                Ok(outcome)
            }
            Statement::Begin { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint(_)
            | Statement::Release(_)
            | Statement::RollbackTo(_)
            | Statement::SetSnapshot(_)
            | Statement::SetTransaction { .. } => self.control_transaction(statement).await.map(Outcome::Complete),
            Statement::ExecuteAs(order) => Box::pin(self.execute_as(order, prepared, params, interrupt)).await,
            Statement::Live(live) => Box::pin(self.begin_live(live, prepared, params, interrupt)).await,
            Statement::Declare(declaration) => Box::pin(self.declare(declaration, prepared, params, interrupt)).await,
            other => Box::pin(self.run_utility(other, prepared, params, interrupt)).await,
        }
    }

    async fn define_by_statement(
        &mut self,
        definition: &Definition,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<String> {
        match definition {
            Definition::CreateTableAs(new) => self.create_table_as(new, prepared, params, interrupt).await,
            Definition::CreateMaterialized(_) | Definition::Refresh(_) => {
                self.fill_materialized(definition, prepared, interrupt).await
            }
            Definition::Parsed(ast::Statement::Truncate(truncate)) if self.may_fire_for_truncate() => {
                self.truncate_with_triggers(truncate, (definition, prepared), interrupt).await
            }
            _ => interrupt.guard(self.run_definition(definition, prepared)).await.map(|defined| defined.tag),
        }
    }

    pub(super) fn check_not_failed(&self, statement: &Statement) -> Result<()> {
        if matches!(self.state, TransactionState::Failed(_)) && !statement.ends_transaction() {
            return Err(aborted());
        }
        Ok(())
    }

    /// The statement's plan, from before if it still holds.
    pub(super) fn plan_for(&mut self, prepared: &Prepared) -> Result<Arc<CachedPlan>> {
        match &prepared.statement {
            Some(Statement::ExecuteAs(order)) => self.acting_as(&order.user, |session| session.own_plan_for(prepared)),
            _ => self.own_plan_for(prepared),
        }
    }

    fn own_plan_for(&mut self, prepared: &Prepared) -> Result<Arc<CachedPlan>> {
        let own_catalog = self.state.open().and_then(|open| open.catalog.clone());
        let shared = own_catalog.is_none();
        let catalog = own_catalog.unwrap_or_else(|| self.committed_catalog());
        if shared && let Some(plan) = prepared.cached(catalog.version, self.epoch) {
            return Ok(plan);
        }
        let plan = Arc::new(self.bind_plan(prepared, &catalog)?);
        if shared {
            prepared.keep(plan.clone());
        }
        Ok(plan)
    }

    fn bind_plan(&mut self, prepared: &Prepared, catalog: &Arc<Catalog>) -> Result<CachedPlan> {
        let statement = prepared.statement.as_ref().ok_or_else(|| Error::internal("an empty statement has no plan"))?;
        let context = self.context(catalog.clone(), Arc::from([]));
        let mut binder = Binder::new(catalog, &context, prepared.parameter_types()).with_text(&prepared.text);
        binder.allow_runs(statement.itself());
        let bound = choose(&mut binder, statement, self.settings.active().point_plans)?;
        let principal = self.principal(catalog);
        let (params, columns) = (bound.params.clone().into(), bound.columns.clone());
        let plan = authorize::authorize(bound, &principal, catalog)?;
        Ok(CachedPlan { plan, params, columns, catalog_version: catalog.version, epoch: self.epoch })
    }

    /// Takes a plan's table locks; names are resolved again if the catalog moved on meanwhile.
    pub(super) async fn lock_plan(&mut self, prepared: &Prepared, interrupt: &Interrupt) -> Result<Arc<CachedPlan>> {
        loop {
            let plan = self.plan_for(prepared)?;
            let wait = self.lock_wait();
            let open = self.state.open_mut().ok_or_else(no_transaction)?;
            for (table, mode) in plan.plan.locks() {
                interrupt.guard(async { Ok(open.transaction.lock_table(*table, *mode, wait).await?) }).await?;
            }
            if open.catalog.is_some() || self.committed_catalog().version == plan.catalog_version {
                return Ok(plan);
            }
        }
    }

    pub(super) async fn run_planned(
        &mut self,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let plan = self.lock_plan(prepared, interrupt).await?;
        let context = self.checked_context(&plan, prepared, params, self.catalog())?;
        if plan.plan.waits() {
            return Box::pin(self.execute_waiting(&plan, &context, interrupt)).await;
        }
        self.execute_plan(&plan, &context, interrupt).await
    }

    /// What the functions of a plan may ask, with a value for each of its parameters.
    pub(super) fn checked_context(
        &self,
        plan: &CachedPlan,
        prepared: &Prepared,
        params: Arc<[Value]>,
        catalog: Arc<Catalog>,
    ) -> Result<EvalContext> {
        if params.len() < plan.params.len() {
            let number = params.len() + 1;
            let place = place_of_placeholder(&prepared.text, number);
            return Err(Error::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${number}")).at(place));
        }
        if !prepared.matches_description(&plan.columns) {
            return Err(changed_result());
        }
        Ok(self.context(catalog, params))
    }

    /// Executes a plan that calls functions which may have to wait. One that must is undone, and begins again once the
    /// session has waited; its rows are held back until it has succeeded.
    pub(super) async fn execute_waiting(
        &mut self,
        plan: &Arc<CachedPlan>,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let (advisory, sleeps) = (self.facts.advisory.clone(), self.facts.sleeps.clone());
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.transaction.begin_command();
        advisory.begin_statement(&open.transaction);
        sleeps.begin_statement();
        let requests = self.facts.requests.clone();
        requests.begin_statement();
        let (savepoint, talk) = (open.transaction.savepoint(), self.facts.channels.mark());
        loop {
            let outcome = match self.execute_begun(plan, context, interrupt).await {
                Ok(outcome) => outcome.gathered(interrupt).await,
                Err(error) => Err(error),
            };
            let wait = self.lock_wait();
            let open = self.state.open_mut().ok_or_else(no_transaction)?;
            match outcome {
                Ok(outcome) => {
                    open.transaction.release(&savepoint);
                    self.export_snapshots(requests.take_exports())?;
                    self.set_requested(requests.take())?;
                    return Ok(outcome);
                }
                Err(error) => {
                    open.transaction.rollback_to(&savepoint);
                    self.facts.channels.undo_to(talk);
                    requests.begin_statement();
                    if let Some(due) = sleeps.take_due() {
                        let sleep = async {
                            tokio::time::sleep(due).await;
                            Ok(())
                        };
                        interrupt.guard(sleep).await?;
                        advisory.begin_again();
                    } else if interrupt.guard(advisory.wait(wait)).await? {
                        // What others did while the lock was awaited is seen.
                        self.state.open_mut().ok_or_else(no_transaction)?.transaction.begin_command();
                    } else {
                        return Err(error);
                    }
                }
            }
        }
    }

    pub(super) async fn execute_plan(
        &mut self,
        plan: &Arc<CachedPlan>,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        self.state.open_mut().ok_or_else(no_transaction)?.transaction.begin_command();
        self.execute_begun(plan, context, interrupt).await
    }

    /// Executes a plan as, or within, the command that has begun.
    pub(super) async fn execute_begun(
        &mut self,
        plan: &Arc<CachedPlan>,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        // No other execution sees what this one keeps.
        let keeping = || Box::new(EvalContext { kept: Some(Arc::default()), ..context.clone() });
        let keeping = plan.plan.keeps_rows().then(keeping);
        let context = keeping.as_deref().unwrap_or(context);
        if plan.plan.calls_bodies() {
            return Box::pin(self.execute_with_runs(plan, context, interrupt)).await;
        }
        if plan.plan.runs_together() {
            return Box::pin(self.execute_with_writes(plan, context, interrupt)).await;
        }
        if let Some(outcome) = self.read(plan, context) {
            return outcome;
        }
        let (wait, database) = (self.lock_wait(), self.database.clone());
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.used = true;
        match plan.plan.plan() {
            Plan::PointSelect(select) => {
                refuse_locks(open.read_only, select.lock.map(|(strength, _)| strength))?;
                let run = point::select(select, context, &mut open.transaction, wait);
                let source = RowSource::of(interrupt.guard(Box::pin(run)).await.map(Rows::Values));
                Ok(Outcome::selected(plan, source))
            }
            Plan::Query(bound) => {
                refuse_locks(open.read_only, bound.locking.first().map(|locking| locking.strength))?;
                let run = locking::run(bound, context, &mut open.transaction, database.query_environment(), wait);
                Ok(Outcome::selected(plan, RowSource::of(interrupt.guard(Box::pin(run)).await)))
            }
            Plan::OneRow(_) | Plan::Short { .. } => Err(Error::internal("a plan that only reads cannot be read")),
            Plan::Write(bound) => self.write(plan, bound, context, interrupt).await,
        }
    }

    /// Executes a write by itself.
    pub(super) async fn write(
        &mut self,
        plan: &CachedPlan,
        bound: &Write,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let (wait, database) = (self.lock_wait(), self.database.clone());
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        let (verb, counted) = verb_and_tag(&bound.action);
        refuse_in_read_only(open.read_only && bound.target.table.temporary.is_none(), verb)?;
        let (transaction, deferred) = (&mut open.transaction, &mut open.deferred);
        let run = write::run(bound, context, transaction, deferred, database.query_environment(), wait);
        let written = interrupt.guard(Box::pin(run)).await?;
        self.place.activity().counts.wrote(&bound.action, written.count as u64);
        Ok(write_outcome(plan, written, counted))
    }

    /// The same, with its triggers if it has some.
    pub(super) async fn write_or_fire(
        &mut self,
        plan: &Arc<CachedPlan>,
        bound: &Write,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        match plan.plan.fires() {
            true => Box::pin(self.execute_with_writes(plan, context, interrupt)).await,
            false => self.write(plan, bound, context, interrupt).await,
        }
    }

    /// Executes a plan whose WITH clause writes: those whose rows are read, then the statement, then the other ones.
    async fn execute_with_writes(
        &mut self,
        plan: &Arc<CachedPlan>,
        context: &EvalContext,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let (wait, database) = (self.lock_wait(), self.database.clone());
        if let Some(stream) = plan.plan.stream_read() {
            self.stream_read = Some(stream.name.clone());
        }
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.used = true;
        let with_writes = plan.plan.with_writes();
        let verb = match plan.plan.plan() {
            Plan::Write(bound) => verb_and_tag(&bound.action).0,
            _ => "SELECT",
        };
        let locks = with_writes.iter().find_map(|with| match &with.work {
            WithWork::Lock(query) => query.locking.first().map(|locking| locking.strength),
            WithWork::Write(_) => None,
        });
        let writes = with_writes.iter().any(WithWrite::writes);
        match plan.plan.plan() {
            Plan::Write(bound) if bound.target.table.temporary.is_some() && !writes => {}
            Plan::Write(_) => refuse_in_read_only(open.read_only, verb)?,
            _ if writes => refuse_in_read_only(open.read_only, verb)?,
            _ => {}
        }
        refuse_locks(open.read_only, locks)?;
        let (view, environment) = (open.transaction.view(), database.query_environment());
        let writes = write::Writes::new(with_writes, context, environment, wait, view);
        if plan.plan.fires() {
            return self.run_with_triggers(plan, writes, interrupt).await;
        }
        let mut held = Held::Here { transaction: &mut open.transaction, deferred: &mut open.deferred };
        interrupt.guard(Box::pin(run_together(plan, writes, &mut held))).await
    }

    pub(super) async fn run_definition(&mut self, statement: &Definition, prepared: &Prepared) -> Result<Defined> {
        self.prepare_temporary(statement).await?;
        self.run_prepared_definition(statement, prepared).await
    }

    pub(super) async fn run_prepared_definition(
        &mut self,
        statement: &Definition,
        prepared: &Prepared,
    ) -> Result<Defined> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let context = self.context(catalog, Arc::from([]));
        let (wait, database, database_oid) = (self.lock_wait(), self.database.clone(), self.database_oid);
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.used = true;
        refuse_in_read_only(open.read_only, definition::verb(statement))?;
        open.transaction.begin_command();
        let own = open.catalog.is_some();
        let mut environment = definition::DefinitionEnvironment {
            transaction: &mut open.transaction,
            // A definition sees what others have committed up to the moment it has its locks.
            newest: &|| database.catalog(database_oid),
            catalog: if own { open.catalog.clone() } else { None },
            changes: &mut open.changes,
            principal: &principal,
            context: &context,
            text: &prepared.text,
            store: database.store(),
            others: database.as_ref(),
            wait,
            notices: Vec::new(),
            details: Vec::new(),
            into_temporary: false,
            class: Default::default(),
            ends_with_commits: false,
            made: None,
        };
        let result = definition::run(statement, &mut environment).await;
        let (catalog, notices) = (environment.catalog.take(), std::mem::take(&mut environment.notices));
        let details = std::mem::take(&mut environment.details);
        let made = environment.made;
        if environment.ends_with_commits
            && let Some(place) = &mut self.temporary
        {
            place.ends_with_commits = true;
        }
        if catalog.is_some() {
            open.catalog = catalog;
        }
        for report in details {
            self.notice("DEBUG", report);
        }
        for report in notices {
            // Class 01 is a warning.
            let warns = report.state.is_some_and(|state| state.0.starts_with("01"));
            self.notice(if warns { "WARNING" } else { "NOTICE" }, report);
        }
        self.principal = None;
        result.map(|tag| Defined { tag, made })
    }

    /// How long to wait for locks: `lock_timeout`.
    pub(super) fn lock_wait(&self) -> Wait {
        self.settings.active().lock_timeout.map_or(Wait::Forever, Wait::For)
    }

    /// Keeps the plan of a simple-protocol text, within bounds.
    pub(super) fn keep_text(&mut self, text: Box<str>, prepared: Arc<Prepared>) {
        if self.texts.len() >= TEXTS_MAX {
            self.texts.clear();
        }
        self.texts.insert(text, prepared);
    }

    /// Locks one table that a utility statement names.
    pub(super) async fn lock_named(&mut self, table: u32, mode: storage::TableLock, wait: Wait) -> Result<()> {
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.transaction.lock_table(TableId(table), mode, wait).await?;
        Ok(())
    }
}

/// Whether a statement is a write as such.
fn writes(prepared: &Prepared) -> bool {
    use Statement::{Delete, Insert, Merge, Update};
    matches!(prepared.statement, Some(Insert(_) | Update(_) | Delete(_) | Merge(_)))
}

/// What a COPY takes out.
fn copied(source: &CopySource) -> String {
    match source {
        CopySource::Table { name, .. } => name.to_string(),
        CopySource::Query(_) => "query".to_owned(),
        CopySource::Live(_) => "live query".to_owned(),
    }
}

/// Runs the writes of a plan and the plan itself, in whoever's transaction.
pub(super) async fn run_together<'a>(
    plan: &'a CachedPlan,
    mut writes: write::Writes<'a>,
    held: &mut Held<'_>,
) -> Result<Outcome> {
    let (environment, wait) = (writes.environment, writes.wait);
    writes.run_with(true, held).await?;
    let outcome = match plan.plan.plan() {
        Plan::Write(bound) => {
            let written = writes.run(bound, held).await?;
            write_outcome(plan, written, verb_and_tag(&bound.action).1)
        }
        Plan::Query(bound) | Plan::Short { query: bound, .. } if bound.locking.is_empty() => {
            let stream = query::run(bound, &writes.context, writes.view(), environment)?;
            Outcome::selected(plan, RowSource::Stream(stream))
        }
        Plan::Query(_) | Plan::Short { .. } | Plan::PointSelect(_)
            if plan.plan.with_writes().iter().any(WithWrite::writes) =>
        {
            return Err(Error::unsupported("FOR UPDATE or FOR SHARE beside a write in WITH"));
        }
        Plan::Query(bound) | Plan::Short { query: bound, .. } => {
            let rows = locking::run(bound, &writes.context, held.transaction(), environment, wait).await?;
            Outcome::selected(plan, RowSource::Ready(Some(rows)))
        }
        Plan::PointSelect(select) => {
            let rows = point::select(select, &writes.context, held.transaction(), wait).await?;
            Outcome::selected(plan, RowSource::Ready(Some(Rows::Values(rows))))
        }
        Plan::OneRow(row) => {
            Outcome::selected(plan, RowSource::of(point::one_row(row, &writes.context).map(Rows::Values)))
        }
    };
    writes.run_with(false, held).await?;
    writes.finish(held).await?;
    Ok(outcome)
}

/// A write's verb and how its command tag begins.
fn verb_and_tag(action: &Action) -> (&'static str, &'static str) {
    match action {
        Action::Insert(_) => ("INSERT", "INSERT 0"),
        Action::Update(_) => ("UPDATE", "UPDATE"),
        Action::Delete(_) => ("DELETE", "DELETE"),
        Action::Merge(_) => ("MERGE", "MERGE"),
        Action::OfKeys => ("UPDATE", "UPDATE"),
    }
}

fn write_outcome(plan: &CachedPlan, written: write::Written, counted: &'static str) -> Outcome {
    match (&plan.columns, written.rows) {
        (Some(columns), Some(rows)) => Outcome::Rows {
            columns: columns.clone(),
            source: RowSource::Ready(Some(Rows::Values(rows))),
            // A row is returned for each that is written.
            tag: Tag::Counted(counted),
        },
        _ => Outcome::Complete(format!("{counted} {}", written.count)),
    }
}

/// 25P02.
pub(super) fn aborted() -> Error {
    let message = "current transaction is aborted, commands ignored until end of transaction block";
    Error::new(SqlState::IN_FAILED_SQL_TRANSACTION, message)
}

pub(super) fn no_transaction() -> Error {
    Error::internal("a statement runs outside any transaction")
}

/// 25006 for a locking clause in a read-only transaction.
fn refuse_locks(read_only: bool, strength: Option<storage::RowLock>) -> Result<()> {
    match strength {
        Some(strength) if read_only => refuse_in_read_only(true, &format!("SELECT {}", locking_words(strength))),
        _ => Ok(()),
    }
}

/// 25006 for a write in a read-only transaction.
pub(super) fn refuse_in_read_only(read_only: bool, verb: &str) -> Result<()> {
    if read_only {
        let message = format!("cannot execute {verb} in a read-only transaction");
        return Err(Error::new(SqlState::READ_ONLY_SQL_TRANSACTION, message));
    }
    Ok(())
}
