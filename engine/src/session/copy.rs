//! COPY between a session and its client.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::sql::sqlparser::ast;
use storage::Transaction;

use super::Session;
use super::cancel::Interrupt;
use super::live_copy::LiveCopy;
use super::prepared::CachedPlan;
use super::run::{Outcome, no_transaction, refuse_in_read_only};
use super::trigger::{PutOff, Triggering};
use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use crate::execute::copy::{Export, Import, Layout};
use crate::execute::write::Held;
use crate::plan::authorize::authorize;
use crate::plan::bind::Binder;
use crate::plan::{AuthorizedPlan, Plan, choose};
use crate::statement::{CopyDirection, CopyOptions, CopySource, CopyStatement, CopyTarget, Statement};

/// A COPY FROM STDIN that waits for its client's data.
#[derive(Debug)]
pub struct CopyIn {
    import: Import,
    interrupt: Interrupt,
    pub(super) ends_transaction: bool,
    /// What triggers are to run when all is there. None: nothing has run yet.
    put_off: Option<PutOff>,
}

/// A COPY TO STDOUT.
#[derive(Debug)]
pub struct CopyOut {
    export: Export,
    lines: VecDeque<Bytes>,
    interrupt: Interrupt,
    pub(super) ends_transaction: bool,
    /// Of a live query, which does not end.
    live: Option<LiveCopy>,
}

/// FREEZE is for a table that nobody else can see yet.
fn check_freezable(table: &Table, transaction: &Transaction) -> Result<()> {
    if table.partitioning.key.is_some() {
        let message = "cannot perform COPY FREEZE on a partitioned table";
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    if transaction.is_own_generation(table.storage.generation) {
        return Ok(());
    }
    let message =
        "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction";
    Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message))
}

impl CopyIn {
    pub fn columns(&self) -> usize {
        self.import.columns()
    }

    pub fn is_binary(&self) -> bool {
        self.import.is_binary()
    }

    /// Where an error happened that is not about the data.
    pub fn place(&self) -> String {
        self.import.next_place()
    }
}

impl CopyOut {
    pub fn columns(&self) -> usize {
        self.export.columns()
    }

    pub fn is_binary(&self) -> bool {
        self.export.is_binary()
    }

    /// Whether the next line may take long: its client is to have all lines before it.
    pub fn may_wait(&self) -> bool {
        self.live.is_some() && self.lines.is_empty()
    }

    pub(super) fn new(export: Export, interrupt: Interrupt, live: Option<LiveCopy>) -> Self {
        Self { export, lines: VecDeque::new(), interrupt, ends_transaction: false, live }
    }
}

impl Session {
    pub(super) async fn start_copy(
        &mut self,
        copy: Box<CopyStatement>,
        text: Arc<str>,
        interrupt: Interrupt,
    ) -> Result<Outcome> {
        match &copy.target {
            CopyTarget::Client => {}
            CopyTarget::File(_) => return Err(Error::unsupported("COPY from or to a file of the server")),
            CopyTarget::Program(_) => return Err(Error::unsupported("COPY from or to a program")),
        }
        match copy.direction {
            CopyDirection::From => self.start_copy_in(&copy, &text, interrupt).await,
            CopyDirection::To => self.start_copy_out(&copy, &text, interrupt).await,
        }
    }

    async fn start_copy_in(&mut self, copy: &CopyStatement, text: &Arc<str>, interrupt: Interrupt) -> Result<Outcome> {
        let CopySource::Table { name, columns } = &copy.source else {
            return Err(Error::internal("COPY FROM names no table"));
        };
        loop {
            let catalog = self.catalog();
            let context = self.context(catalog.clone(), Arc::from([]));
            let mut binder = Binder::new(&catalog, &context, &[]).with_text(text);
            let bound = binder.copy_in(name, columns, copy.filter.as_ref()).map_err(Error::without_relation_place)?;
            let principal = self.principal(&catalog);
            let plan = Arc::new(authorize(bound.statement, &principal, &catalog)?);
            if !self.lock_copy(&plan, catalog.version).await? {
                continue;
            }
            let Plan::Write(write) = plan.plan() else { return Err(Error::internal("COPY FROM is a write")) };
            let table = write.target.table.clone();
            check_columns(&table, copy.options.forced_columns())?;
            let names: Vec<&str> =
                bound.positions.iter().map(|position| table.columns[*position].name.as_str()).collect();
            let layout = Layout::new(&copy.options, CopyDirection::From, &names, self.encoding())?;
            let open = self.state.open_mut().ok_or_else(no_transaction)?;
            refuse_in_read_only(open.read_only, "COPY FROM")?;
            if copy.options.freeze {
                check_freezable(&table, &open.transaction)?;
            }
            open.used = true;
            open.transaction.begin_command();
            let import = Import::new(plan, bound.row, bound.filter, &bound.positions, layout, context)?;
            let put_off = None;
            return Ok(Outcome::CopyIn(Box::new(CopyIn { import, interrupt, ends_transaction: false, put_off })));
        }
    }

    async fn start_copy_out(&mut self, copy: &CopyStatement, text: &Arc<str>, interrupt: Interrupt) -> Result<Outcome> {
        if let CopySource::Table { name, .. } = &copy.source {
            self.refuse_partitioned(name, text)?;
        }
        let query = match &copy.source {
            CopySource::Live(live) => return self.start_live_copy(live, &copy.options, text, interrupt).await,
            CopySource::Query(query) => query.clone(),
            CopySource::Table { name, columns } => {
                let columns = self.columns_copied_out(name, columns, &copy.options, text)?;
                Box::new(table_query(name, &columns)?)
            }
        };
        loop {
            let catalog = self.catalog();
            let context = self.context(catalog.clone(), Arc::from([]));
            let mut binder = Binder::new(&catalog, &context, &[]).with_text(text);
            if matches!(copy.source, CopySource::Table { .. }) {
                binder = binder.reading_only();
            }
            let bound = choose(&mut binder, &Statement::Query(query.clone()), false)?;
            let Some(described) = bound.columns.clone() else {
                let message = "COPY query must have a RETURNING clause";
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            };
            let principal = self.principal(&catalog);
            let plan = CachedPlan {
                params: Arc::from([]),
                columns: bound.columns.clone(),
                plan: authorize(bound, &principal, &catalog)?,
                catalog_version: catalog.version,
                epoch: 0,
            };
            if !self.lock_copy(&plan.plan, catalog.version).await? {
                continue;
            }
            let names: Vec<String> = described.iter().map(|column| column.name.clone()).collect();
            let words: Vec<&str> = names.iter().map(String::as_str).collect();
            let layout = Layout::new(&copy.options, CopyDirection::To, &words, self.encoding())?;
            let plan = Arc::new(plan);
            let outcome = match plan.plan.waits() {
                true => Box::pin(self.execute_waiting(&plan, &context, &interrupt)).await?,
                false => self.execute_plan(&plan, &context, &interrupt).await?,
            };
            let Outcome::Rows { source, .. } = outcome else {
                return Err(Error::internal("a query that is copied answers no rows"));
            };
            let types = described.iter().map(|column| column.ty.oid).collect();
            let export = Export::new(source.into_stream(), layout, self.format().clone(), types, names);
            return Ok(Outcome::CopyOut(Box::new(CopyOut::new(export, interrupt, None))));
        }
    }

    /// 42809 for a partitioned table: only a query reads it.
    fn refuse_partitioned(&mut self, name: &ast::ObjectName, text: &Arc<str>) -> Result<()> {
        let catalog = self.catalog();
        let context = self.context(catalog.clone(), Arc::from([]));
        let table = Binder::new(&catalog, &context, &[]).with_text(text).table(name);
        let table = table.map_err(Error::without_relation_place)?;
        let what = match table.view() {
            Some(_) => "view",
            None if table.materialized.is_some() => "materialized view",
            None if table.partitioning.key.is_some() => "partitioned table",
            None => return Ok(()),
        };
        let message = format!("cannot copy from {what} \"{}\"", table.name);
        Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message).with_hint("Try the COPY (SELECT ...) TO variant."))
    }

    /// The columns that COPY TO writes; none is all. What is generated is made anew when it is read again.
    fn columns_copied_out(
        &mut self,
        name: &ast::ObjectName,
        columns: &[String],
        options: &CopyOptions,
        text: &Arc<str>,
    ) -> Result<Vec<String>> {
        let catalog = self.catalog();
        let context = self.context(catalog.clone(), Arc::from([]));
        let table = Binder::new(&catalog, &context, &[]).with_text(text).table(name);
        let table = table.map_err(Error::without_relation_place)?;
        check_columns(&table, columns.iter().chain(options.forced_columns()))?;
        if let Some((_, column)) = columns.iter().enumerate().find(|(at, column)| columns[..*at].contains(column)) {
            let message = format!("column \"{column}\" specified more than once");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        let generated = |name: &String| table.position_of(name).is_some_and(|at| table.columns[at].generated);
        if let Some(column) = columns.iter().find(|column| generated(column)) {
            let message = format!("column \"{column}\" is a generated column");
            return Err(Error::new(SqlState::INVALID_COLUMN_REFERENCE, message)
                .with_detail("Generated columns cannot be used in COPY."));
        }
        if !columns.is_empty() || !table.columns.iter().any(|column| column.generated) {
            return Ok(columns.to_vec());
        }
        Ok(table.columns.iter().filter(|column| !column.generated).map(|column| column.name.clone()).collect())
    }

    /// Takes a plan's table locks; false if the catalog moved on meanwhile.
    async fn lock_copy(&mut self, plan: &AuthorizedPlan, version: u64) -> Result<bool> {
        let wait = self.lock_wait();
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        for (table, mode) in plan.locks() {
            open.transaction.lock_table(*table, *mode, wait).await?;
        }
        Ok(open.catalog.is_some() || self.committed_catalog().version == version)
    }

    /// Data of a COPY FROM.
    pub async fn copy_data(&mut self, copy: &mut CopyIn, data: &[u8]) -> Result<()> {
        let (wait, database) = (self.lock_wait(), self.database.clone());
        let pushed = match self.state.open_mut() {
            Some(_) if copy.import.fires() => Box::pin(self.copy_data_with_triggers(copy, data)).await,
            Some(open) => {
                let mut held = Held::Here { transaction: &mut open.transaction, deferred: &mut open.deferred };
                let push = copy.import.push(data, &mut held, database.query_environment(), wait);
                copy.interrupt.guard(push).await.map_err(|error| match copy.import.has_begun() {
                    true => error.with_context(copy.place()),
                    false => error,
                })
            }
            None => Err(no_transaction()),
        };
        if pushed.is_err() {
            self.fail();
        }
        pushed
    }

    /// The same into a table that has triggers.
    async fn copy_data_with_triggers(&mut self, copy: &mut CopyIn, data: &[u8]) -> Result<()> {
        let (wait, database) = (self.lock_wait(), self.database.clone());
        let put_off = copy.put_off.take();
        let is_first = put_off.is_none();
        let mut triggering =
            Triggering::again(self, &copy.interrupt, copy.import.tables(), put_off.unwrap_or_default());
        let inside = triggering.inside.clone();
        let mut held = Held::There(&mut triggering);
        let push = async {
            let environment = database.query_environment();
            if is_first {
                copy.import.begin(&mut held, environment, wait).await?;
            }
            copy.import.push(data, &mut held, environment, wait).await
        };
        let pushed = copy.interrupt.guard_between(&inside, push).await;
        copy.put_off = Some(triggering.stop());
        pushed.map_err(|error| match copy.import.has_begun() {
            true => error.with_context(copy.place()),
            false => error,
        })
    }

    /// The end of such a COPY FROM; answers the number of rows.
    async fn copy_done_with_triggers(&mut self, copy: &mut CopyIn) -> Result<u64> {
        let (wait, database) = (self.lock_wait(), self.database.clone());
        let put_off = copy.put_off.take();
        let is_first = put_off.is_none();
        let mut triggering =
            Triggering::again(self, &copy.interrupt, copy.import.tables(), put_off.unwrap_or_default());
        let inside = triggering.inside.clone();
        let mut held = Held::There(&mut triggering);
        let finish = async {
            let environment = database.query_environment();
            if is_first {
                copy.import.begin(&mut held, environment, wait).await?;
            }
            copy.import.finish(&mut held, environment, wait).await
        };
        let count = copy.interrupt.guard_between(&inside, finish).await?;
        triggering.finish().await?;
        Ok(count)
    }

    /// The end of a COPY FROM; answers the command tag.
    pub async fn copy_done(&mut self, mut copy: CopyIn) -> Result<String> {
        let (wait, database) = (self.lock_wait(), self.database.clone());
        let finished = match self.state.open_mut() {
            Some(_) if copy.import.fires() => Box::pin(self.copy_done_with_triggers(&mut copy)).await,
            Some(open) => {
                let mut held = Held::Here { transaction: &mut open.transaction, deferred: &mut open.deferred };
                let finish = copy.import.finish(&mut held, database.query_environment(), wait);
                copy.interrupt.guard(finish).await
            }
            None => Err(no_transaction()),
        };
        match finished {
            Ok(count) => {
                if copy.ends_transaction {
                    self.end_implicit().await?;
                }
                Ok(format!("COPY {count}"))
            }
            Err(error) => {
                self.fail();
                Err(error)
            }
        }
    }

    /// The client gave a COPY FROM up; answers the error to send.
    pub async fn copy_fail(&mut self, copy: CopyIn, message: &str) -> Error {
        let place = copy.place();
        drop(copy);
        self.fail();
        Error::new(SqlState::QUERY_CANCELED, format!("COPY from stdin failed: {message}")).with_context(place)
    }

    /// The next line of a COPY TO; None at the end.
    pub async fn copy_next(&mut self, copy: &mut CopyOut) -> Result<Option<Bytes>> {
        loop {
            if let Some(line) = copy.lines.pop_front() {
                return Ok(Some(line));
            }
            // What changes is followed outside of any transaction: its locks and its snapshot would stay for ever.
            if copy.live.as_mut().is_some_and(LiveCopy::is_to_end_transaction) {
                self.end_implicit().await?;
            }
            match copy.interrupt.guard(copy.export.next()).await {
                Ok(Some(lines)) => copy.lines.extend(lines),
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.fail();
                    return Err(error);
                }
            }
        }
    }

    /// The end of a COPY TO; answers the command tag.
    pub async fn copy_finish(&mut self, copy: CopyOut) -> Result<String> {
        let (count, ends_transaction) = (copy.export.count, copy.ends_transaction);
        drop(copy);
        if ends_transaction {
            self.end_implicit().await?;
        }
        Ok(format!("COPY {count}"))
    }
}

/// 42703 for a column that the table does not have.
fn check_columns<'a>(table: &Table, mut names: impl Iterator<Item = &'a String>) -> Result<()> {
    match names.find(|name| table.position_of(name).is_none()) {
        Some(name) => {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            Err(Error::new(SqlState::UNDEFINED_COLUMN, message))
        }
        None => Ok(()),
    }
}

/// `SELECT columns FROM table`, for COPY table TO.
fn table_query(name: &ast::ObjectName, columns: &[String]) -> Result<ast::Query> {
    let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
    let list = match columns {
        [] => "*".to_owned(),
        columns => columns.iter().map(quoted).collect::<Vec<_>>().join(", "),
    };
    match crate::statement::parse_single(&format!("SELECT {list} FROM {name}")) {
        Ok(Some(Statement::Query(query))) => Ok(*query),
        _ => Err(Error::internal("a list of quoted names and a parsed name make no query")),
    }
}
