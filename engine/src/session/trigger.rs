//! Triggers: the session runs their functions between the rows of a write, in the write's transaction.
//!
//! The write asks for the transaction and for functions as it goes (`execute/write/trigger.rs`). What is to run when all is
//! written waits here, in the order in which it was said, within a bound of memory.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use storage::{Transaction, Value};

use super::Session;
use super::cancel::Interrupt;
use super::prepared::CachedPlan;
use super::run::{Outcome, run_together};
use super::transaction::Open;
use crate::catalog::TriggerEvent;
use crate::error::{Error, Result, SqlState};
use crate::execute::write::{Deferred, Due, Firing, Held, Writes};

/// Most bytes of rows that wait for what is to run after a statement.
const ROW_BYTES_MAX: usize = 512 << 20;

/// A write under way whose triggers the session runs.
pub(super) struct Triggering<'s> {
    session: &'s mut Session,
    interrupt: Interrupt,
    /// Whether a function runs, which is not to be dropped.
    pub(super) inside: Arc<AtomicBool>,
    put_off: PutOff,
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
    pub(super) fn new(session: &'s mut Session, interrupt: &Interrupt) -> Self {
        Self::again(session, interrupt, PutOff::default())
    }

    /// Goes on with what was put off so far.
    pub(super) fn again(session: &'s mut Session, interrupt: &Interrupt, put_off: PutOff) -> Self {
        Self { session, interrupt: interrupt.clone(), inside: Arc::default(), put_off }
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
        let depth = self.session.facts.trigger_depth.clone();
        self.inside.store(true, Ordering::Relaxed);
        depth.fetch_add(1, Ordering::Relaxed);
        let ran = self.session.run_trigger(due, &self.interrupt).await;
        depth.fetch_sub(1, Ordering::Relaxed);
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

impl Session {
    /// Executes a plan of which triggers want to know.
    pub(super) async fn run_with_triggers(
        &mut self,
        plan: &Arc<CachedPlan>,
        writes: Writes<'_>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let mut triggering = Triggering::new(self, interrupt);
        let inside = triggering.inside.clone();
        let mut held = Held::There(&mut triggering);
        let run = Box::pin(run_together(plan, writes, &mut held));
        let outcome = interrupt.guard_between(&inside, run).await?;
        Box::pin(triggering.finish()).await?;
        Ok(outcome)
    }
}
