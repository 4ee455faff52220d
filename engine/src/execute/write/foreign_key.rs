//! Foreign keys, both ends: a new row's parent must exist, and nobody may point at a row that goes.
//!
//! The parent is locked KEY SHARE, which whoever deletes it or changes its key must wait for; so a check that passed
//! stays true until this transaction ends. Checks that the statement itself may still satisfy wait for its end, and so
//! do actions; each then takes place in the order in which the rows were written.

use std::collections::VecDeque;

use storage::{Isolation, Value, Wait};

use super::place::Spot;
use super::referencing::Across;
use super::{Run, violation};
use crate::catalog::ForeignKeyAction;
use crate::error::Result;
use crate::plan::write::{ChildKey, ParentKey, Write};

/// Keys to look at when all rows of the statement are written.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Place in `Target::parents` of the written table (which it is itself) and the key that must exist.
    parents: VecDeque<(Spot, usize, Vec<Value>)>,
    keys_gone: VecDeque<KeyGone>,
    /// Place in `Target::late_keys` and the key that rows may share.
    pub(super) keys: VecDeque<(Spot, usize, Vec<Value>)>,
    /// The same for rows of single users, which an action has changed: their keys are looked up among the user's own rows.
    pub(super) within: Vec<(Box<Write>, Pending)>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.parents.is_empty() && self.keys_gone.is_empty() && self.keys.is_empty() && self.within.is_empty()
    }
}

/// A key that a row of a table has no more.
#[derive(Debug)]
struct KeyGone {
    spot: Spot,
    /// Place in the table's `Target::children`.
    child: usize,
    old: Vec<Value>,
    /// The row's new key; None if it was deleted.
    new: Option<Vec<Value>>,
}

impl Run<'_> {
    pub(super) fn across(&mut self) -> Across<'_> {
        Across { transaction: self.held.transaction(), wait: self.wait }
    }

    /// Looks at what a new row's keys owe others: its parents must exist, and its late keys be its own; `old` is the version it replaces.
    pub(super) async fn check_keys(&mut self, spot: Spot, new: &[Value], old: Option<&[Value]>) -> Result<()> {
        self.check_late_keys(spot, new, old).await?;
        let target = self.write.at(spot);
        for (at, parent) in target.parents.iter().enumerate() {
            let same = |old: &[Value]| parent.columns.iter().all(|column| old[*column] == new[*column]);
            if old.is_some_and(same) {
                continue;
            }
            let nulls = parent.columns.iter().filter(|column| new[**column].is_null()).count();
            if nulls > 0 {
                // MATCH SIMPLE: a NULL anywhere points at nothing.
                if parent.match_full && nulls < parent.columns.len() {
                    let schema = violation::schema_name(&target.table, self.context);
                    return Err(violation::mixed_nulls(&target.table, &parent.name, schema));
                }
                continue;
            }
            let key: Vec<Value> = parent.columns.iter().map(|column| new[*column].clone()).collect();
            if self.held.deferred().waits(parent.oid, parent.deferrable) {
                if !self.has_parent_already(parent, &key).await? {
                    self.held.deferred().child(&target.table, parent.oid, key);
                }
            } else if parent.parent.oid == target.table.oid || self.together.is_some() {
                // The statement itself, or another write of it, may still bring the parent.
                self.pending.parents.push_back((spot, at, key));
            } else {
                self.check_parent(spot, parent, &key).await?;
            }
        }
        Ok(())
    }

    /// Whether a parent is there now and can be held on to without waiting, so that a deferred check has nothing left to
    /// do: who takes it away in this very transaction looks for children then.
    async fn has_parent_already(&mut self, parent: &ParentKey, key: &[Value]) -> Result<bool> {
        if self.held.seen().isolation() != Isolation::ReadCommitted {
            return Ok(false);
        }
        let mut now = Across { transaction: self.held.transaction(), wait: Wait::Skip };
        now.has_parent(parent, key).await
    }

    async fn check_parent(&mut self, spot: Spot, parent: &ParentKey, key: &[Value]) -> Result<()> {
        if self.across().has_parent(parent, key).await? {
            return Ok(());
        }
        let (target, context) = (self.write.at(spot), self.context);
        Err(violation::no_parent(target, &parent.name, &parent.columns, key, &parent.parent, context))
    }

    /// Notes that a row's keys are gone or changed, for those who may point at them.
    pub(super) fn owe_children(&mut self, spot: Spot, old: &[Value], new: Option<&[Value]>) {
        let target = self.write.at(spot);
        for (at, child) in target.children.iter().enumerate() {
            let same = |new: &[Value]| child.columns.iter().all(|column| old[*column] == new[*column]);
            let key_of = |row: &[Value]| child.columns.iter().map(|column| row[*column].clone()).collect::<Vec<_>>();
            if new.is_some_and(same) || child.columns.iter().any(|column| old[*column].is_null()) {
                continue;
            }
            let action = if new.is_some() { child.on_update } else { child.on_delete };
            if action == ForeignKeyAction::NoAction && self.held.deferred().waits(child.oid, child.deferrable) {
                self.held.deferred().parent(&target.table, child.oid, key_of(old));
                continue;
            }
            let (old, new) = (key_of(old), new.map(key_of));
            self.pending.keys_gone.push_back(KeyGone { spot, child: at, old, new });
        }
    }

    /// Does what had to wait for all rows. Actions write more rows, whose own keys join the queue.
    pub(super) async fn check_pending(&mut self) -> Result<()> {
        let write = self.write;
        loop {
            tokio::task::consume_budget().await;
            if let Some(KeyGone { spot, child, old, new }) = self.pending.keys_gone.pop_front() {
                let child = &write.at(spot).children[child];
                let action = if new.is_some() { child.on_update } else { child.on_delete };
                match action {
                    ForeignKeyAction::NoAction | ForeignKeyAction::Restrict => {
                        self.refuse_children(spot, child, &old, action).await?;
                    }
                    _ => Box::pin(self.change_children(child, &old, new.as_deref())).await?,
                }
                if action == ForeignKeyAction::SetDefault {
                    // The default may be the very key that is gone.
                    self.refuse_children(spot, child, &old, action).await?;
                }
            } else if let Some((spot, at, key)) = self.pending.parents.pop_front() {
                self.check_parent(spot, &write.at(spot).parents[at], &key).await?;
            } else if let Some((spot, at, key)) = self.pending.keys.pop_front() {
                self.check_late_key(spot, &write.at(spot).late_keys[at], &key).await?;
            } else if let Some((write, pending)) = self.pending.within.pop() {
                let mut run = self.within(&write, pending);
                let done = Box::pin(run.check_pending()).await;
                done.map_err(|error| self.discreet(&write.target.table, error))?;
            } else {
                return Ok(());
            }
        }
    }

    /// 23503 if somebody points at a key that is gone.
    async fn refuse_children(
        &mut self,
        spot: Spot,
        child: &ChildKey,
        key: &[Value],
        action: ForeignKeyAction,
    ) -> Result<()> {
        let target = self.write.at(spot);
        if !self.across().has_child(child, key).await? {
            return Ok(());
        }
        // Another row may have taken the key over in the same statement; RESTRICT does not look.
        if action != ForeignKeyAction::Restrict && self.across().any_row(&target.table.storage, &child.columns, key)? {
            return Ok(());
        }
        Err(violation::still_referenced(&target.table, &child.name, &child.columns, key, &child.child, self.context))
    }
}
