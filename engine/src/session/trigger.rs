//! Triggers: the session runs their functions between the rows of a write, in the write's transaction.
//!
//! The write asks for the transaction and for functions as it goes (`execute/write/trigger.rs`). What is to run when all is
//! written waits here, in the order in which it was said, within a bound of memory.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::sql::sqlparser::ast;
use futures::FutureExt;
use futures::future::BoxFuture;
use storage::{TableLock, Transaction, Value};

use super::Session;
use super::cancel::Interrupt;
use super::cursor::RowSource;
use super::prepared::{CachedPlan, Prepared};
use super::run::{Outcome, run_together};
use super::transaction::Open;
use crate::catalog::{Table, TriggerEvent};
use crate::error::{Error, Result, SqlState};
use crate::execute::definition;
use crate::execute::write::{Deferred, Due, Firing, Held, Writes, Writing, due_for_truncate};
use crate::plan::Plan;
use crate::plan::bind::Binder;
use crate::plan::write::{Target, WithWork};
use crate::statement::Definition;

/// Most bytes of rows that wait for what is to run after a statement.
const ROW_BYTES_MAX: usize = 512 << 20;

/// A write under way whose triggers the session runs.
pub(super) struct Triggering<'s> {
    session: &'s mut Session,
    interrupt: Interrupt,
    /// Whether a function runs, which is not to be dropped.
    pub(super) inside: Arc<AtomicBool>,
    put_off: PutOff,
    _writing: Writing,
}

/// What is to run when all is written.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    due: VecDeque<Due>,
    row_bytes: usize,
    /// The statements that have begun, by their tables.
    begun: HashSet<(u32, TriggerEvent)>,
}

impl<'s> Triggering<'s> {
    /// For a write to these tables, which nobody is to redefine meanwhile.
    pub(super) fn new(session: &'s mut Session, interrupt: &Interrupt, tables: Vec<u32>) -> Self {
        Self::again(session, interrupt, tables, PutOff::default())
    }

    /// Goes on with what was put off so far.
    pub(super) fn again(session: &'s mut Session, interrupt: &Interrupt, tables: Vec<u32>, put_off: PutOff) -> Self {
        let writing = session.facts.triggers.write(tables);
        Self { session, interrupt: interrupt.clone(), inside: Arc::default(), put_off, _writing: writing }
    }

    pub(super) fn stop(self) -> PutOff {
        self.put_off
    }

    fn open(&self) -> &Open {
        // Functions cannot end the transaction that they are called in.
        self.session.state.open().expect("a write runs within a transaction")
    }

    fn open_mut(&mut self) -> &mut Open {
        self.session.state.open_mut().expect("a write runs within a transaction")
    }

    async fn run(&mut self, due: &Due) -> Result<Option<Vec<Value>>> {
        let deeper = self.session.facts.triggers.deeper();
        self.inside.store(true, Ordering::Relaxed);
        let ran = self.session.run_trigger(due, &self.interrupt).await;
        drop(deeper);
        self.inside.store(false, Ordering::Relaxed);
        ran
    }

    /// Runs what was put off.
    pub(super) async fn finish(mut self) -> Result<()> {
        while let Some(due) = self.put_off.due.pop_front() {
            self.put_off.row_bytes = self.put_off.row_bytes.saturating_sub(bytes_of(&due));
            tokio::task::consume_budget().await;
            self.interrupt.check()?;
            self.run(&due).await?;
        }
        Ok(())
    }
}

impl Firing for Triggering<'_> {
    fn transaction(&mut self) -> &mut Transaction {
        &mut self.open_mut().transaction
    }

    fn seen(&self) -> &Transaction {
        &self.open().transaction
    }

    fn deferred(&mut self) -> &mut Deferred {
        &mut self.open_mut().deferred
    }

    fn fire<'f>(&'f mut self, due: Due) -> BoxFuture<'f, Result<Option<Vec<Value>>>> {
        async move { self.run(&due).await }.boxed()
    }

    fn put_off(&mut self, due: Due) -> Result<()> {
        if !due.bound().trigger.for_rows {
            let (trigger, event) = (due.bound().trigger.oid, due.event);
            self.put_off.due.retain(|other| other.bound().trigger.oid != trigger || other.event != event);
        }
        self.put_off.row_bytes += bytes_of(&due);
        if self.put_off.row_bytes > ROW_BYTES_MAX {
            let detail = format!("Rows of {} MB at most wait for triggers of a statement.", ROW_BYTES_MAX >> 20);
            return Err(Error::new(SqlState::OUT_OF_MEMORY, "out of memory").with_detail(detail));
        }
        self.put_off.due.push_back(due);
        Ok(())
    }

    fn begins(&mut self, table: u32, event: TriggerEvent) -> bool {
        self.put_off.begun.insert((table, event))
    }
}

/// What the rows take that a trigger waits with.
fn bytes_of(due: &Due) -> usize {
    let rows = due.old.iter().chain(&due.new).flat_map(|row| row.iter());
    rows.map(|value| size_of::<Value>() + value.heap_bytes()).sum::<usize>() + size_of::<Due>()
}

/// How many rows a write has come to.
fn rows_written(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Complete(tag) => tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0),
        Outcome::Rows { source: RowSource::Ready(Some(rows)), .. } => rows.len() as u64,
        _ => 0,
    }
}

impl Session {
    /// Executes a plan of which triggers want to know.
    pub(super) async fn run_with_triggers(
        &mut self,
        plan: &Arc<CachedPlan>,
        writes: Writes<'_>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let with = plan.plan.with_writes().iter().filter_map(|with| match &with.work {
            WithWork::Write(write) => Some(&write.target),
            WithWork::Lock(_) => None,
        });
        let own = match plan.plan.plan() {
            Plan::Write(write) => Some(&write.target),
            _ => None,
        };
        let tables = own.into_iter().chain(with).flat_map(Target::tables).collect();
        let mut triggering = Triggering::new(self, interrupt, tables);
        let inside = triggering.inside.clone();
        let mut held = Held::There(&mut triggering);
        let run = Box::pin(run_together(plan, writes, &mut held));
        let outcome = interrupt.guard_between(&inside, run).await?;
        Box::pin(triggering.finish()).await?;
        if let Plan::Write(bound) = plan.plan.plan() {
            self.place.activity().counts.wrote(&bound.action, rows_written(&outcome));
        }
        Ok(outcome)
    }

    /// Whether some table has triggers for TRUNCATE.
    pub(super) fn may_fire_for_truncate(&mut self) -> bool {
        self.catalog().all_triggers().any(|(_, trigger)| trigger.events.truncate)
    }

    /// Runs TRUNCATE with the triggers of the tables that it empties around it.
    pub(super) async fn truncate_with_triggers(
        &mut self,
        truncate: &ast::Truncate,
        (definition, prepared): (&Definition, &Prepared),
        interrupt: &Interrupt,
    ) -> Result<String> {
        let cascade = matches!(truncate.cascade, Some(ast::CascadeOption::Cascade));
        let (catalog, wait) = (self.catalog(), self.lock_wait());
        let context = self.context(catalog.clone(), Arc::from([]));
        let principal = self.principal(&catalog);
        let mut named = Vec::new();
        for target in &truncate.table_names {
            let table = Binder::new(&catalog, &context, &[]).table(&target.name);
            named.extend(table.ok().map(|table| table.oid));
        }
        let emptied = definition::emptied(&catalog, &named, cascade);
        let tables: Vec<_> = emptied.iter().filter_map(|oid| catalog.tables.get(oid)).collect();
        // Whoever may not is told so by the statement itself, and nothing runs before.
        let may = |table: &Table| table.is_divided() || !table.held(&principal, auth::Privileges::TRUNCATE).is_empty();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        if tables.iter().all(|table| may(table)) {
            for table in tables {
                let mode = if table.is_divided() { TableLock::RowExclusive } else { TableLock::AccessExclusive };
                interrupt.guard(self.lock_named(table.oid, mode, wait)).await?;
                let triggers = Binder::new(&catalog, &context, &[]).target_triggers(table)?;
                for triggers in triggers.iter() {
                    before.extend(due_for_truncate(triggers, true, &context)?);
                    after.extend(due_for_truncate(triggers, false, &context)?);
                }
            }
        }
        for due in &before {
            Box::pin(Triggering::new(self, interrupt, Vec::new()).run(due)).await?;
        }
        let tag = interrupt.guard(self.run_definition(definition, prepared)).await?.tag;
        for due in &after {
            Box::pin(Triggering::new(self, interrupt, Vec::new()).run(due)).await?;
        }
        Ok(tag)
    }
}
