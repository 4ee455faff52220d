//! What a session does without waiting, at a call.
//!
//! Most statements read a row or two, and what they need is there. The future of all that could have to be waited for
//! instead is larger than their work: to make it, to move it and to poll it costs more than the row. So whoever serves a
//! client asks here first, and goes the long way only where nothing was done here.

use std::sync::Arc;

use storage::Value;

use super::cursor::{Cursor, RowSource};
use super::extended::Finished;
use super::prepared::{CachedPlan, PortalState, Prepared};
use super::run::Outcome;
use super::simple::Script;
use super::transaction::{Open, TransactionState};
use super::{Execution, Session};
use crate::error::{Error, Result};
use crate::execute::{Rows, point, query, short};
use crate::function::EvalContext;
use crate::plan::Plan;
use crate::statement::Statement;

/// What came of asking for something to be done at once.
#[derive(Debug)]
pub enum AtOnce<T, W> {
    Done(T),
    /// It may have to wait, and nothing was done: here it is again.
    MayWait(W),
}

/// A statement that can be run at once.
enum Ready {
    Read(Arc<CachedPlan>, EvalContext),
    /// It begins, divides or undoes a transaction.
    Control,
}

impl Session {
    /// [`Session::execute`] of a portal whose statement has nothing to wait for. None: it may have, and is not run.
    pub fn execute_at_once(&mut self, portal: &str, max_rows: usize) -> Option<Result<Execution>> {
        let found = self.portals.get(portal)?;
        if !matches!(found.state, PortalState::Ready) {
            return None;
        }
        let (prepared, params) = (found.prepared.clone(), found.params.clone());
        self.end_acting();
        let ready = self.ready(&prepared, &params)?;
        self.begin_request(&prepared.text);
        let interrupt = self.new_interrupt();
        let formats = match self.portals.get_mut(portal) {
            Some(found) => {
                found.state = PortalState::Done(None);
                found.formats.clone()
            }
            None => Vec::new(),
        };
        self.stream_read = None;
        let room = (max_rows > 0).then_some(max_rows);
        let outcome = self.run_ready(ready, &prepared);
        Some(outcome.and_then(|outcome| self.execution(outcome, &formats, portal, room, interrupt)))
    }

    /// [`Session::run_next`] for a statement that has nothing to wait for. None: it may have, or there is none.
    pub fn run_next_at_once(&mut self, script: &mut Script) -> Option<Result<Execution>> {
        let (prepared, params) = script.first()?;
        let (prepared, params) = (prepared.clone(), params.clone());
        let ready = self.ready(&prepared, &params)?;
        let last = script.drop_first();
        let interrupt = self.new_interrupt();
        self.among_others = script.has_several();
        let outcome = self.run_ready(ready, &prepared);
        self.among_others = false;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(self.script_execution(outcome, &prepared, last, interrupt)))
    }

    /// [`Session::finish`] of a result that ends no transaction, or one that has written nothing.
    pub fn finish_at_once(&mut self, cursor: Cursor) -> AtOnce<Result<Finished>, Cursor> {
        if cursor.ends_transaction && !self.ends_at_once() {
            return AtOnce::MayWait(cursor);
        }
        let ends = cursor.ends_transaction;
        AtOnce::Done(match self.finish_rows(cursor) {
            Ok(finished) if ends => self.end_at_once().unwrap_or(Ok(())).map(|()| finished),
            finished => finished,
        })
    }

    /// [`Session::sync`] if there is nothing to write. None: there is.
    pub fn sync_at_once(&mut self) -> Option<Result<()>> {
        if !self.portals.is_empty() && self.status() == super::TransactionStatus::Idle {
            self.portals.clear();
        }
        self.end_at_once()
    }

    /// Ends the implicit transaction if one is open and has left nothing to write.
    pub(super) fn end_at_once(&mut self) -> Option<Result<()>> {
        if !self.ends_at_once() {
            return None;
        }
        Some(match std::mem::take(&mut self.state) {
            TransactionState::Implicit(mut open) => {
                self.portals.clear();
                open.transaction.rollback();
                self.committed(&open, Ok(()))
            }
            other => {
                self.state = other;
                Ok(())
            }
        })
    }

    /// Whether nothing waits for the end of the implicit transaction, or none is open.
    fn ends_at_once(&self) -> bool {
        let TransactionState::Implicit(open) = &self.state else { return true };
        is_unwritten(open) && self.cursors.is_empty() && !self.facts.channels.has_gathered()
    }

    /// Makes a statement ready to be run at once: its transaction is begun, its tables are locked. None: it has to go the
    /// long way, where its errors are found, too.
    fn ready(&mut self, prepared: &Prepared, params: &Arc<[Value]>) -> Option<Ready> {
        match prepared.statement.as_ref()? {
            _ if matches!(self.state, TransactionState::Failed(_)) => None,
            Statement::Query(_) => {
                let (plan, context) = self.locked_plan(prepared, params)?;
                let reads = !plan.plan.runs_together() && reads_at_once(plan.plan.plan());
                reads.then_some(Ready::Read(plan, context))
            }
            statement if statement.controls_transaction() && !matches!(statement, Statement::Commit { .. }) => {
                Some(Ready::Control)
            }
            _ => None,
        }
    }

    /// The plan of a statement, in its transaction and with its tables locked, if all of this is to be had at once.
    pub(super) fn locked_plan(
        &mut self,
        prepared: &Prepared,
        params: &Arc<[Value]>,
    ) -> Option<(Arc<CachedPlan>, EvalContext)> {
        self.begin_implicit();
        let plan = self.plan_for(prepared).ok().filter(|plan| !plan.plan.waits())?;
        let open = self.state.open_mut()?;
        if !plan.plan.locks().iter().all(|(table, mode)| open.transaction.try_lock_table(*table, *mode)) {
            return None;
        }
        // Names are resolved again if the catalog has moved on meanwhile.
        let own = open.catalog.clone();
        let catalog = match own {
            Some(own) => own,
            None => Some(self.committed_catalog()).filter(|catalog| catalog.version == plan.catalog_version)?,
        };
        let context = self.checked_context(&plan, prepared, params.clone(), catalog).ok()?;
        Some((plan, context))
    }

    fn run_ready(&mut self, ready: Ready, prepared: &Prepared) -> Result<Outcome> {
        let result = match ready {
            Ready::Read(plan, context) => {
                if let Some(open) = self.state.open_mut() {
                    open.transaction.begin_command();
                }
                let read = self.read(&plan, &context);
                read.unwrap_or_else(|| Err(Error::internal("a plan that only reads cannot be read")))
            }
            Ready::Control => match &prepared.statement {
                Some(statement) => self.control_at_once(statement).map(Outcome::Complete),
                None => Ok(Outcome::Complete(String::new())),
            },
        };
        self.after_run(result, prepared)
    }

    /// Runs a plan that only reads, as, or within, the command that has begun; rows may still have to be waited for. None:
    /// the plan may have to wait, or writes.
    pub(super) fn read(&mut self, plan: &CachedPlan, context: &EvalContext) -> Option<Result<Outcome>> {
        if !reads_at_once(plan.plan.plan()) {
            return None;
        }
        let environment = self.database.query_environment();
        let open = self.state.open_mut()?;
        open.used = true;
        let source = match plan.plan.plan() {
            Plan::PointSelect(select) => {
                Ok(RowSource::of(point::read(select, context, &open.transaction).map(Rows::Values)))
            }
            Plan::OneRow(row) => Ok(RowSource::of(point::one_row(row, context).map(Rows::Values))),
            Plan::Short { short, query } => {
                let view = open.transaction.view();
                match short::run(short, context, &view) {
                    Ok(Some(rows)) => Ok(RowSource::of(Ok(Rows::Values(rows)))),
                    Ok(None) => query::run(query, context, view, environment).map(RowSource::Stream),
                    Err(error) => Ok(RowSource::of(Err(error))),
                }
            }
            Plan::Query(bound) => {
                query::run(bound, context, open.transaction.view(), environment).map(RowSource::Stream)
            }
            Plan::Write(_) => return None,
        };
        if let Some(stream) = plan.plan.stream_read() {
            self.stream_read = Some(stream.name.clone());
        }
        Some(source.map(|source| Outcome::selected(plan, source)))
    }
}

/// Whether a plan only reads, and locks no row.
fn reads_at_once(plan: &Plan) -> bool {
    match plan {
        Plan::PointSelect(select) => select.lock.is_none(),
        Plan::OneRow(_) | Plan::Short { .. } => true,
        Plan::Query(bound) => bound.locking.is_empty(),
        Plan::Write(_) => false,
    }
}

/// Whether a transaction has left nothing to write, check or tell.
fn is_unwritten(open: &Open) -> bool {
    !open.transaction.has_writes()
        && open.catalog.is_none()
        && open.changes.is_empty()
        && open.audited.is_empty()
        && open.deferred.is_empty()
}
