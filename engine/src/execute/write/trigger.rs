//! Triggers around the rows that a write changes, and who runs their functions.
//!
//! A write does not run functions: the session does, in the transaction that the write works in. So a write of which
//! triggers want to know has no transaction of its own in hand, but asks the session for it, and waits for the session
//! where a trigger is to run before a row is written. What is to run afterwards it only says; the session does that when all
//! rows of the statement are written and their foreign keys looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use storage::{RowKey, RowLock, StoredRow, Transaction, Value};

use super::place::Spot;
use super::row::complete;
use super::{Deferred, Run};
use crate::catalog::TriggerEvent;
use crate::error::{Error, Result, SqlState};
use crate::execute::point;
use crate::expr::ColumnVar;
use crate::expr::eval::{RowSource, eval};
use crate::function::EvalContext;
use crate::plan::write::{Action, BoundTrigger, ConflictAction, Deed, Target, TargetTriggers};

/// Who has the transaction that a write works in.
pub(crate) enum Held<'a> {
    Here {
        transaction: &'a mut Transaction,
        deferred: &'a mut Deferred,
    },
    /// Somebody who runs the functions of triggers in it.
    There(&'a mut dyn Firing),
}

/// Whoever runs a write that triggers want to know of.
pub(crate) trait Firing: Send {
    fn transaction(&mut self) -> &mut Transaction;

    fn seen(&self) -> &Transaction;

    fn deferred(&mut self) -> &mut Deferred;

    /// Runs a trigger's function now; answers the row that it has returned, in the order of its table's columns.
    fn fire<'f>(&'f mut self, due: Due) -> BoxFuture<'f, Result<Option<Vec<Value>>>>;

    /// Runs it when all rows of the statement are written. One for the statement as such runs once, behind the last row.
    fn put_off(&mut self, due: Due) -> Result<()>;

    /// Notes that a statement on a table begins. False if it has begun before: foreign keys lead to a table many times.
    fn begins(&mut self, table: u32, event: TriggerEvent) -> bool;
}

/// The triggers of a session that run within one another, and the tables that are being written meanwhile.
#[derive(Debug, Default)]
pub(crate) struct TriggersUnderWay {
    depth: AtomicI32,
    /// A table as often as it is written.
    tables: Mutex<Vec<u32>>,
}

/// A trigger runs for as long as this is there.
pub(crate) struct OneDeeper(Arc<TriggersUnderWay>);

/// Tables are being written for as long as this is there.
pub(crate) struct Writing {
    under_way: Arc<TriggersUnderWay>,
    before: usize,
}

impl TriggersUnderWay {
    /// `pg_trigger_depth`
    pub(crate) fn depth(&self) -> i32 {
        self.depth.load(Ordering::Relaxed)
    }

    pub(crate) fn is_written(&self, table: u32) -> bool {
        self.depth() > 0 && self.tables.lock().contains(&table)
    }

    pub(crate) fn deeper(self: &Arc<Self>) -> OneDeeper {
        self.depth.fetch_add(1, Ordering::Relaxed);
        OneDeeper(self.clone())
    }

    /// Tables that are written from now on. What began last ends first.
    pub(crate) fn write(self: &Arc<Self>, tables: impl IntoIterator<Item = u32>) -> Writing {
        let mut written = self.tables.lock();
        let before = written.len();
        written.extend(tables);
        Writing { under_way: self.clone(), before }
    }
}

impl Drop for OneDeeper {
    fn drop(&mut self) {
        self.0.depth.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.under_way.tables.lock().truncate(self.before);
    }
}

/// A trigger that is to be run. Rows are in the order of their table's columns.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) triggers: Arc<TargetTriggers>,
    pub(crate) at: usize,
    pub(crate) event: TriggerEvent,
    pub(crate) old: Option<Arc<[Value]>>,
    pub(crate) new: Option<Arc<[Value]>>,
}

impl Due {
    pub(crate) fn bound(&self) -> &BoundTrigger {
        &self.triggers.all[self.at]
    }
}

impl Held<'_> {
    pub(crate) fn transaction(&mut self) -> &mut Transaction {
        match self {
            Held::Here { transaction, .. } => transaction,
            Held::There(firing) => firing.transaction(),
        }
    }

    pub(super) fn seen(&self) -> &Transaction {
        match self {
            Held::Here { transaction, .. } => transaction,
            Held::There(firing) => firing.seen(),
        }
    }

    pub(super) fn deferred(&mut self) -> &mut Deferred {
        match self {
            Held::Here { deferred, .. } => deferred,
            Held::There(firing) => firing.deferred(),
        }
    }

    /// The same for a while.
    pub(crate) fn again(&mut self) -> Held<'_> {
        match self {
            Held::Here { transaction, deferred } => Held::Here { transaction, deferred },
            Held::There(firing) => Held::There(&mut **firing),
        }
    }

    fn firing(&mut self) -> Result<&mut dyn Firing> {
        match self {
            Held::Here { .. } => Err(Error::internal("nobody is there to run triggers")),
            Held::There(firing) => Ok(&mut **firing),
        }
    }
}

/// The row before and the row after, as WHEN knows them.
struct BothRows<'a> {
    width: usize,
    old: Option<&'a [Value]>,
    new: Option<&'a [Value]>,
}

impl RowSource for BothRows<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let at = var.0 as usize;
        let (row, at) = if at < self.width { (self.old, at) } else { (self.new, at - self.width) };
        // A row that is not there is one of NULLs.
        Ok(row.and_then(|row| row.get(at)).cloned().unwrap_or(Value::Null))
    }
}

impl TargetTriggers {
    /// The places of the triggers that fire, leaving WHEN aside.
    fn fitting(&self, for_rows: bool, before: bool, event: TriggerEvent, assigned: &[usize]) -> Vec<usize> {
        let fits = |bound: &BoundTrigger| {
            let trigger = &bound.trigger;
            let names = bound.columns.is_empty() || bound.columns.iter().any(|column| assigned.contains(column));
            trigger.for_rows == for_rows
                && trigger.before == before
                && trigger.events.has(event)
                && (event != TriggerEvent::Update || names)
        };
        self.all.iter().enumerate().filter(|(_, bound)| fits(bound)).map(|(at, _)| at).collect()
    }

    /// A row of the target as the table has it.
    fn own(&self, row: &[Value]) -> Arc<[Value]> {
        match &self.places {
            None => row.into(),
            Some(places) => places.iter().map(|place| row[*place].clone()).collect(),
        }
    }

    /// A row of the table as the target has it.
    fn of_own(&self, row: Vec<Value>) -> Vec<Value> {
        let Some(places) = &self.places else { return row };
        let mut arranged = vec![Value::Null; row.len()];
        for (value, place) in row.into_iter().zip(places) {
            arranged[*place] = value;
        }
        arranged
    }
}

/// What is to run before a table is emptied, or after that.
pub(crate) fn due_for_truncate(
    triggers: &Arc<TargetTriggers>,
    before: bool,
    context: &EvalContext,
) -> Result<Vec<Due>> {
    let event = TriggerEvent::Truncate;
    let mut due = Vec::new();
    for at in triggers.fitting(false, before, event, &[]) {
        let rows = BothRows { width: 0, old: None, new: None };
        let holds = match &triggers.all[at].condition {
            Some(condition) => matches!(eval(condition, context, &rows)?, Value::Bool(true)),
            None => true,
        };
        if holds {
            due.push(Due { triggers: triggers.clone(), at, event, old: None, new: None });
        }
    }
    Ok(due)
}

impl Run<'_> {
    /// Whether triggers want to know of what the statement does.
    pub(super) fn fires(&self) -> bool {
        matches!(self.held, Held::There(_))
    }

    fn holds(
        &self,
        bound: &BoundTrigger,
        target: &Target,
        old: Option<&[Value]>,
        new: Option<&[Value]>,
    ) -> Result<bool> {
        let Some(condition) = &bound.condition else { return Ok(true) };
        let rows = BothRows { width: target.table.columns.len(), old, new };
        Ok(matches!(eval(condition, self.context, &rows)?, Value::Bool(true)))
    }

    /// Runs what is to run before a row is written, which may change the row. False: it is not to be written.
    async fn before_row(
        &mut self,
        spot: Spot,
        event: TriggerEvent,
        old: Option<&[Value]>,
        mut new: Option<&mut Vec<Value>>,
        assigned: &[usize],
    ) -> Result<bool> {
        let write = self.write;
        let target = write.at(spot);
        let Some(triggers) = &target.triggers else { return Ok(true) };
        for at in triggers.fitting(true, true, event, assigned) {
            let bound = &triggers.all[at];
            if let Some(new) = new.as_deref_mut() {
                // What is generated is computed when they have run.
                target.generated.iter().for_each(|(position, _)| new[*position] = Value::Null);
            }
            if !self.holds(bound, target, old, new.as_deref().map(Vec::as_slice))? {
                continue;
            }
            let due = Due {
                triggers: triggers.clone(),
                at,
                event,
                old: old.map(|old| triggers.own(old)),
                new: new.as_deref().map(|new| triggers.own(new)),
            };
            let Some(row) = self.held.firing()?.fire(due).await? else { return Ok(false) };
            let Some(new) = new.as_deref_mut() else { continue };
            *new = triggers.of_own(row);
            if event == TriggerEvent::Insert
                && bound.is_inherited
                && write.root(spot).place(self.context, new).ok() != Some(spot.leaf)
            {
                let schema = self.context.catalog.schemas.get(&target.table.schema);
                let message = "moving row to another partition during a BEFORE FOR EACH ROW trigger is not supported";
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_detail(format!(
                    "Before executing trigger \"{}\", the row was to be in partition \"{}.{}\".",
                    bound.trigger.name,
                    schema.map_or("", |schema| schema.name.as_str()),
                    target.table.name
                )));
            }
        }
        Ok(true)
    }

    /// Says what is to run for a row that was written.
    pub(super) fn after_row(
        &mut self,
        spot: Spot,
        event: TriggerEvent,
        old: Option<&[Value]>,
        new: Option<&[Value]>,
        assigned: &[usize],
    ) -> Result<()> {
        let target = self.write.at(spot);
        let Some(triggers) = &target.triggers else { return Ok(()) };
        // All triggers share the rows.
        let (mut own_old, mut own_new) = (None, None);
        for at in triggers.fitting(true, false, event, assigned) {
            if !self.holds(&triggers.all[at], target, old, new)? {
                continue;
            }
            let share = |own: &mut Option<Arc<[Value]>>, row: Option<&[Value]>| {
                if own.is_none() {
                    *own = row.map(|row| triggers.own(row));
                }
                own.clone()
            };
            let (old, new) = (share(&mut own_old, old), share(&mut own_new, new));
            self.held.firing()?.put_off(Due { triggers: triggers.clone(), at, event, old, new })?;
        }
        Ok(())
    }

    /// Before a row is inserted. False: it is not to be.
    pub(super) async fn before_insert(&mut self, values: &mut Vec<Value>) -> Result<bool> {
        let target = &self.write.target;
        let mut leaf = None;
        if target.table.partitioning.key.is_some() {
            complete(target, self.context, values)?;
            leaf = target.place(self.context, values)?;
        }
        self.before_row(leaf.into(), TriggerEvent::Insert, None, Some(values), &[]).await
    }

    /// Before a locked row is updated; answers its new version. None: it is to stay as it is.
    pub(super) async fn before_update(
        &mut self,
        spot: Spot,
        row: &StoredRow,
        old: &[Value],
        mut new: Vec<Value>,
        assigned: &[usize],
    ) -> Result<Option<Vec<Value>>> {
        let write = self.write;
        if !self.before_row(spot, TriggerEvent::Update, Some(old), Some(&mut new), assigned).await? {
            return Ok(None);
        }
        complete(write.at(spot), self.context, &mut new)?;
        let leaf = write.root(spot).place_again(self.context, spot.leaf, &new)?;
        if leaf != spot.leaf {
            // It moves to another partition: it is deleted here and inserted there.
            let to = Spot { leaf, ..spot };
            if !self.before_row(spot, TriggerEvent::Delete, Some(old), None, &[]).await?
                || !self.before_row(to, TriggerEvent::Insert, None, Some(&mut new), &[]).await?
            {
                return Ok(None);
            }
            complete(write.at(to), self.context, &mut new)?;
        }
        self.check_untouched(spot, row, "updated").await?;
        Ok(Some(new))
    }

    /// After it was, and has the key now.
    pub(super) fn after_update(
        &mut self,
        spot: Spot,
        key: &RowKey,
        (old, new): (&[Value], &[Value]),
        assigned: &[usize],
    ) -> Result<()> {
        let leaf = self.write.root(spot).keeper(key)?;
        if leaf == spot.leaf {
            return self.after_row(spot, TriggerEvent::Update, Some(old), Some(new), assigned);
        }
        self.after_row(spot, TriggerEvent::Delete, Some(old), None, &[])?;
        self.after_row(Spot { leaf, ..spot }, TriggerEvent::Insert, None, Some(new), &[])
    }

    /// Before a locked row is deleted. False: it is to stay.
    pub(super) async fn before_delete(&mut self, spot: Spot, row: &StoredRow) -> Result<bool> {
        let old = row.values(&self.write.at(spot).table.storage)?;
        if !self.before_row(spot, TriggerEvent::Delete, Some(&old), None, &[]).await? {
            return Ok(false);
        }
        self.check_untouched(spot, row, "deleted").await?;
        Ok(true)
    }

    /// 27000 if a trigger has changed the row that is about to be.
    async fn check_untouched(&mut self, spot: Spot, row: &StoredRow, done: &str) -> Result<()> {
        let table = &self.write.at(spot).table;
        let now = point::lock(table, &row.key, RowLock::Update, self.wait, self.held.transaction()).await?;
        if now.is_some_and(|now| now.bytes == row.bytes) {
            return Ok(());
        }
        let message =
            format!("tuple to be {done} was already modified by an operation triggered by the current command");
        Err(Error::new(SqlState("27000"), message).with_hint(
            "Consider using an AFTER trigger instead of a BEFORE trigger to propagate changes to other rows.",
        ))
    }

    /// Runs what is to run before a statement on a table, once for all that foreign keys make of it.
    pub(super) async fn before_statement(
        &mut self,
        target: &Target,
        event: TriggerEvent,
        assigned: &[usize],
    ) -> Result<()> {
        let Some(triggers) = &target.triggers else { return Ok(()) };
        if !self.held.firing()?.begins(target.table.oid, event) {
            return Ok(());
        }
        for at in triggers.fitting(false, true, event, assigned) {
            if self.holds(&triggers.all[at], target, None, None)? {
                let due = Due { triggers: triggers.clone(), at, event, old: None, new: None };
                self.held.firing()?.fire(due).await?;
            }
        }
        Ok(())
    }

    /// Says what is to run after it.
    pub(super) fn after_statement(&mut self, target: &Target, event: TriggerEvent, assigned: &[usize]) -> Result<()> {
        let Some(triggers) = &target.triggers else { return Ok(()) };
        for at in triggers.fitting(false, false, event, assigned) {
            if self.holds(&triggers.all[at], target, None, None)? {
                let due = Due { triggers: triggers.clone(), at, event, old: None, new: None };
                self.held.firing()?.put_off(due)?;
            }
        }
        Ok(())
    }

    /// What the statement does, in the order in which it is told before, and the columns that it assigns.
    pub(super) fn deeds(&self) -> Vec<(TriggerEvent, Vec<usize>)> {
        let assigned = |all: &[(usize, crate::expr::Expr)]| all.iter().map(|(position, _)| *position).collect();
        match &self.write.action {
            Action::Insert(insert) => {
                let mut deeds = vec![(TriggerEvent::Insert, Vec::new())];
                let updates = insert.on_conflict.as_ref().map(|conflict| &conflict.action);
                if let Some(ConflictAction::Update { assignments, .. }) = updates {
                    deeds.push((TriggerEvent::Update, assigned(assignments)));
                }
                deeds
            }
            Action::Update(update) => vec![(TriggerEvent::Update, assigned(&update.assignments))],
            Action::Delete(_) => vec![(TriggerEvent::Delete, Vec::new())],
            Action::Merge(merge) => {
                let (mut inserts, mut deletes, mut updates) = (false, false, None::<Vec<usize>>);
                for when in &merge.whens {
                    match &when.deed {
                        Deed::Insert(_) => inserts = true,
                        Deed::Delete => deletes = true,
                        Deed::Update(assignments) => {
                            updates.get_or_insert_default().extend(assignments.iter().map(|(position, _)| *position));
                        }
                        Deed::Nothing => {}
                    }
                }
                let mut deeds = Vec::new();
                deeds.extend(inserts.then(|| (TriggerEvent::Insert, Vec::new())));
                deeds.extend(updates.map(|columns| (TriggerEvent::Update, columns)));
                deeds.extend(deletes.then(|| (TriggerEvent::Delete, Vec::new())));
                deeds
            }
            Action::OfKeys => Vec::new(),
        }
    }
}
