//! UPDATE and DELETE: find the rows, lock them in their newest version, change them.

use std::collections::HashSet;

use futures::StreamExt;
use storage::{CommitSeq, InsertOutcome, RowKey, RowLock, StoredRow, UpdateOutcome, Value};

use super::place::{Leaf, Spot};
use super::row::{TargetSource, check_row, complete};
use super::{Run, duplicate_key};
use crate::error::{Error, Result, SqlState};
use crate::execute::query::run_relation;
use crate::execute::{RowStream, Rows, point, short};
use crate::expr::eval::eval;
use crate::expr::{ColumnVar, Expr};
use crate::plan::point::Access;
use crate::plan::relation::{Column, Query};
use crate::plan::short::Short;
use crate::plan::write::{Delete, RowsToChange, Target, Update};

/// How often a statement starts again because rows changed under it.
const RESTARTS_MAX: usize = 1000;

/// A row to change, locked, and the columns from elsewhere that go with it.
struct Found {
    /// The table that keeps it.
    leaf: Leaf,
    row: StoredRow,
    others: Vec<Value>,
}

impl Run<'_> {
    pub(super) async fn update(&mut self, update: &Update) -> Result<()> {
        let strength = self.update_strength(&update.assignments);
        let carried = carried(&update.rows);
        for found in self.find_rows(&update.rows, strength).await? {
            tokio::task::consume_budget().await;
            let target = &self.write.target;
            let old = found.row.values(&target.at(found.leaf).table.storage)?;
            let target = target.at(found.leaf);
            let source = TargetSource { carried, others: &found.others, ..TargetSource::of(target, &old) };
            let new = self.assigned(target, &update.assignments, &old, &source)?;
            let key = self.update_row(found.leaf.into(), &found.row, &old, &new).await?;
            let kept = self.write.target.at(self.write.target.keeper(&key)?);
            let source = TargetSource { carried, others: &found.others, ..TargetSource::of(kept, &new) };
            self.returned(&source)?;
        }
        Ok(())
    }

    pub(super) async fn delete(&mut self, delete: &Delete) -> Result<()> {
        let carried = carried(&delete.rows);
        for found in self.find_rows(&delete.rows, RowLock::Update).await? {
            tokio::task::consume_budget().await;
            let old = self.delete_row(found.leaf, &found.row).await?;
            let target = self.write.target.at(found.leaf);
            self.returned(&TargetSource { carried, others: &found.others, ..TargetSource::of(target, &old) })?;
        }
        Ok(())
    }

    /// Deletes a locked row; answers what it held, if anybody wants to know.
    pub(super) async fn delete_row(&mut self, leaf: Leaf, row: &StoredRow) -> Result<Vec<Value>> {
        let target = self.write.target.at(leaf);
        let wants_old = self.write.returning.is_some() || !target.children.is_empty();
        let old = if wants_old { row.values(&target.table.storage)? } else { Vec::new() };
        self.transaction.delete(&target.table.storage, row)?;
        self.transaction.relieve().await?;
        self.touch(&row.key);
        self.owe_children(leaf.into(), &old, None);
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
        match self.transaction.update(&target.table.storage, row, new, self.wait).await? {
            UpdateOutcome::Updated(key) => {
                self.touch(&row.key);
                self.touch(&key);
                self.check_parents(spot, new, Some(old)).await?;
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
        self.transaction.delete(&source.table.storage, row)?;
        match self.transaction.insert(&target.table.storage, new, self.wait).await? {
            InsertOutcome::Inserted(key) => {
                self.touch(&row.key);
                self.touch(&key);
                self.check_parents(to, new, None).await?;
                self.owe_children(from, old, None);
                Ok(key)
            }
            InsertOutcome::Conflict { constraint, .. } => {
                Err(duplicate_key(&target.table, &constraint, new, self.context))
            }
        }
    }

    async fn find_rows(&mut self, rows: &RowsToChange, strength: RowLock) -> Result<Vec<Found>> {
        match rows {
            RowsToChange::Point { access, filter } => self.find_point(access, filter.as_ref(), strength).await,
            RowsToChange::Query { query, key, version, short, .. } => {
                let mut columns = vec![*key, *version];
                columns.extend(query.outputs.iter().map(|output| output.column));
                self.find_by_query(query, &columns, short.as_deref(), strength).await
            }
        }
    }

    async fn find_point(&mut self, access: &Access, filter: Option<&Expr>, strength: RowLock) -> Result<Vec<Found>> {
        let target = &self.write.target;
        let Some(reached) = point::reach(access, &target.table, target.tree(), self.context)? else {
            return Ok(Vec::new());
        };
        let leaf = reached.leaf;
        if target.tree().is_some() && !target.keeps(leaf) {
            return Ok(Vec::new());
        }
        let Some(key) = reached.find(self.transaction)? else { return Ok(Vec::new()) };
        // What the snapshot does not show is not waited for: a filter that fails there locks nothing.
        if filter.is_some() && !self.snapshot_passes(leaf, &key, filter)? {
            return Ok(Vec::new());
        }
        let locked = point::lock(reached.table, &key, strength, self.wait, self.transaction).await?;
        let Some(row) = locked else { return Ok(Vec::new()) };
        if !reached.matches(&row)? || !self.passes(leaf, filter, &row)? {
            return Ok(Vec::new());
        }
        Ok(vec![Found { leaf, row, others: Vec::new() }])
    }

    fn snapshot_passes(&self, leaf: Leaf, key: &RowKey, filter: Option<&Expr>) -> Result<bool> {
        match self.transaction.get(&self.write.target.at(leaf).table.storage, key)? {
            Some(row) => self.passes(leaf, filter, &row),
            None => Ok(false),
        }
    }

    fn passes(&self, leaf: Leaf, filter: Option<&Expr>, row: &StoredRow) -> Result<bool> {
        let Some(filter) = filter else { return Ok(true) };
        let values = row.values(&self.write.target.at(leaf).table.storage)?;
        point::is_true(Some(filter), self.context, &TargetSource::of(&self.write.target, &values))
    }

    /// Locks every row that the query finds. One that has changed since sends the statement back to its start, with
    /// its locks and a new snapshot.
    async fn find_by_query(
        &mut self,
        query: &Query,
        columns: &[Column],
        short: Option<&Short>,
        strength: RowLock,
    ) -> Result<Vec<Found>> {
        for _ in 0..RESTARTS_MAX {
            let view = self.view();
            let few = short.map(|short| short::run(short, self.context, &view)).transpose()?.flatten();
            let mut stream: RowStream = match few {
                Some(rows) => Box::pin(futures::stream::iter([Ok(Rows::Values(rows))])),
                None => run_relation(&query.relation, columns, self.context, view, self.environment)?,
            };
            let (mut found, mut seen, mut changed) = (Vec::new(), HashSet::new(), false);
            while let Some(batch) = stream.next().await {
                for mut row in batch?.into_values() {
                    tokio::task::consume_budget().await;
                    let others = row.split_off(2);
                    let [Value::Bytea(key), Value::Int8(version)] = row.as_slice() else {
                        return Err(Error::internal("a row to change has no identity"));
                    };
                    let key = RowKey::from_bytes(key.to_vec().into());
                    // A join may find a row twice; the first match counts.
                    if !seen.insert(key.clone()) || self.is_touched(&key) {
                        continue;
                    }
                    let leaf = self.write.target.keeper(&key)?;
                    let table = &self.write.target.at(leaf).table;
                    match point::lock(table, &key, strength, self.wait, self.transaction).await? {
                        Some(row) if row.seq() == CommitSeq(*version as u64) => found.push(Found { leaf, row, others }),
                        _ => changed = true,
                    }
                }
            }
            if !changed {
                return Ok(found);
            }
            self.renew_view();
        }
        Err(Error::new(SqlState::SERIALIZATION_FAILURE, "could not change rows that others keep changing"))
    }
}

fn carried(rows: &RowsToChange) -> &[(ColumnVar, usize)] {
    match rows {
        RowsToChange::Query { carried, .. } => carried,
        RowsToChange::Point { .. } => &[],
    }
}
