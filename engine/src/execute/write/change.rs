//! UPDATE and DELETE: what becomes of the rows that were found.

use storage::{InsertOutcome, RowKey, RowLock, StoredRow, UpdateOutcome, Value};

use super::insert::positions;
use super::place::{Leaf, Spot};
use super::row::{TargetSource, check_row, complete, delete_stored};
use super::{Run, duplicate_key};
use crate::catalog::TriggerEvent;
use crate::error::Result;
use crate::expr::eval::eval;
use crate::expr::{ColumnVar, Expr};
use crate::plan::write::{Delete, PolicyMoment, RowsToChange, Target, Update};

impl Run<'_> {
    pub(super) async fn update(&mut self, update: &Update) -> Result<()> {
        let strength = self.update_strength(&update.assignments);
        let carried = carried(&update.rows);
        // What the version before was stamped with says nothing of the new one.
        let is_kept = |(var, _): &&(ColumnVar, usize)| self.write.target.system.find(*var).is_none();
        let kept_carried: Vec<_> = carried.iter().filter(is_kept).copied().collect();
        let assigned = if self.fires() { positions(&update.assignments) } else { Vec::new() };
        let mut rows = self.find_rows(&update.rows, strength).await?;
        while let Some(found) = self.next_row(&mut rows).await? {
            tokio::task::consume_budget().await;
            let target = &self.write.target;
            let old = found.row.values(&target.at(found.leaf).table.storage)?;
            let target = target.at(found.leaf);
            let source = TargetSource { carried, others: &found.others, ..TargetSource::of(target, &old) };
            let mut new = self.assigned(target, &update.assignments, &old, &source)?;
            let spot: Spot = found.leaf.into();
            if self.fires() {
                let Some(changed) = Box::pin(self.before_update(spot, &found.row, &old, new, &assigned)).await? else {
                    continue;
                };
                new = changed;
            }
            if self.is_policed() {
                Box::pin(self.check_policies(PolicyMoment::Update, &new)).await?;
            }
            let key = self.update_row(spot, &found.row, &old, &new).await?;
            if self.fires() {
                self.after_update(spot, &key, (&old, &new), &assigned)?;
            }
            let kept = self.write.target.at(self.write.target.keeper(&key)?);
            let (carried, others) = (kept_carried.as_slice(), found.others.as_slice());
            let source = TargetSource { carried, others, ..TargetSource::of(kept, &new) };
            self.returned(&source)?;
        }
        Ok(())
    }

    pub(super) async fn delete(&mut self, delete: &Delete) -> Result<()> {
        let carried = carried(&delete.rows);
        let mut rows = self.find_rows(&delete.rows, RowLock::Update).await?;
        while let Some(found) = self.next_row(&mut rows).await? {
            tokio::task::consume_budget().await;
            if self.fires() && !Box::pin(self.before_delete(found.leaf.into(), &found.row)).await? {
                continue;
            }
            let old = self.delete_row(found.leaf, &found.row).await?;
            let target = self.write.target.at(found.leaf);
            self.returned(&TargetSource { carried, others: &found.others, ..TargetSource::of(target, &old) })?;
        }
        Ok(())
    }

    /// Deletes a locked row; answers what it held, if anybody wants to know.
    pub(super) async fn delete_row(&mut self, leaf: Leaf, row: &StoredRow) -> Result<Vec<Value>> {
        let target = self.write.target.at(leaf);
        let wants_old = self.write.returning.is_some() || !target.children.is_empty() || target.triggers.is_some();
        let old = if wants_old { row.values(&target.table.storage)? } else { Vec::new() };
        delete_stored(self.held.transaction(), &target.table, row)?;
        self.held.transaction().relieve().await?;
        self.touch(&row.key);
        self.owe_children(leaf.into(), &old, None);
        if self.fires() {
            self.after_row(leaf.into(), TriggerEvent::Delete, Some(&old), None, &[])?;
        }
        Ok(old)
    }

    /// The row with its assigned columns changed, and what is computed from them.
    pub(super) fn assigned(
        &self,
        target: &Target,
        assignments: &[(usize, Expr)],
        old: &[Value],
        source: &TargetSource<'_>,
    ) -> Result<Vec<Value>> {
        let mut new = old.to_vec();
        for (position, expr) in assignments {
            new[*position] = eval(expr, self.context, source)?;
        }
        complete(target, self.context, &mut new)?;
        Ok(new)
    }

    /// Writes a locked row's new version; answers its key, which may have changed.
    pub(super) async fn update_row(
        &mut self,
        spot: Spot,
        row: &StoredRow,
        old: &[Value],
        new: &[Value],
    ) -> Result<RowKey> {
        let place = Spot { leaf: self.write.root(spot).place_again(self.context, spot.leaf, new)?, ..spot };
        if place != spot {
            return self.move_row(spot, place, row, old, new).await;
        }
        let target = self.write.at(spot);
        check_row(target, self.context, new)?;
        match self.held.transaction().update(&target.table.storage, row, new, self.wait).await? {
            UpdateOutcome::Updated(key) => {
                self.touch(&row.key);
                self.touch(&key);
                self.check_keys(spot, new, Some(old)).await?;
                self.owe_children(spot, old, Some(new));
                Ok(key)
            }
            UpdateOutcome::Conflict { constraint, .. } => {
                Err(duplicate_key(&target.table, &constraint, new, self.context))
            }
        }
    }

    /// Takes a locked row out of one partition and puts its new version into another.
    async fn move_row(
        &mut self,
        from: Spot,
        to: Spot,
        row: &StoredRow,
        old: &[Value],
        new: &[Value],
    ) -> Result<RowKey> {
        let (source, target) = (self.write.at(from), self.write.at(to));
        check_row(target, self.context, new)?;
        self.held.transaction().delete(&source.table.storage, row)?;
        match self.held.transaction().insert(&target.table.storage, new, self.wait).await? {
            InsertOutcome::Inserted(key) => {
                self.touch(&row.key);
                self.touch(&key);
                self.check_keys(to, new, None).await?;
                self.owe_children(from, old, None);
                Ok(key)
            }
            InsertOutcome::Conflict { constraint, .. } => {
                Err(duplicate_key(&target.table, &constraint, new, self.context))
            }
        }
    }
}

fn carried(rows: &RowsToChange) -> &[(ColumnVar, usize)] {
    match rows {
        RowsToChange::Query { carried, .. } => carried,
        RowsToChange::Point { .. } | RowsToChange::Cursor { .. } => &[],
    }
}
