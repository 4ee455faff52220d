//! MERGE: the source joined with the target, and for each pair the first WHEN clause that takes it.
//!
//! All pairs are decided on, and the rows that will change locked, before anything is written. A row that has changed since
//! sends the statement back to its start with a newer state.

use std::collections::HashSet;

use futures::StreamExt;
use storage::{CommitSeq, RowKey, RowLock, StoredRow, Value};

use super::Run;
use super::insert::positions;
use super::place::Leaf;
use super::row::TargetSource;
use crate::error::{Error, Result, SqlState};
use crate::execute::point;
use crate::execute::query::run_relation;
use crate::plan::relation::Column;
use crate::plan::write::{Deed, Merge, PolicyMoment};

/// How often a statement starts again because rows changed under it.
const RESTARTS_MAX: usize = 1000;

/// What will be done for one pair.
struct Decided<'a> {
    deed: &'a Deed,
    /// The target's row, locked.
    row: Option<(Leaf, StoredRow)>,
    /// The source's columns.
    others: Vec<Value>,
}

impl Run<'_> {
    pub(super) async fn merge(&mut self, merge: &Merge) -> Result<()> {
        for decided in self.decide_all(merge).await? {
            tokio::task::consume_budget().await;
            self.perform(merge, decided).await?;
        }
        Ok(())
    }

    async fn decide_all<'m>(&mut self, merge: &'m Merge) -> Result<Vec<Decided<'m>>> {
        for _ in 0..RESTARTS_MAX {
            if let Some(decided) = self.try_decide_all(merge).await? {
                return Ok(decided);
            }
            self.renew_view();
        }
        Err(Error::new(SqlState::SERIALIZATION_FAILURE, "could not change rows that others keep changing"))
    }

    /// None if a row has changed meanwhile.
    async fn try_decide_all<'m>(&mut self, merge: &'m Merge) -> Result<Option<Vec<Decided<'m>>>> {
        let mut columns: Vec<Column> = vec![merge.key, merge.version];
        columns.extend(merge.query.outputs.iter().map(|output| output.column));
        let view = self.view();
        let seen_at = view.seq();
        let mut stream = run_relation(&merge.query.relation, &columns, self.context, view, self.environment)?;
        let (mut all, mut seen, mut changed) = (Vec::new(), HashSet::new(), false);
        let width = self.write.target.table.columns.len();
        while let Some(batch) = stream.next().await {
            for mut pair in batch?.into_values() {
                tokio::task::consume_budget().await;
                let others = pair.split_off(2 + width);
                let values = pair.split_off(2);
                let found = match pair.as_slice() {
                    [Value::Bytea(key), Value::Int8(version)] => {
                        Some((RowKey::from_bytes(key.to_vec().into()), CommitSeq(*version as u64)))
                    }
                    _ => None,
                };
                let Some(deed) = self.deed(merge, found.is_some(), &values, &others)? else { continue };
                let changes = matches!(deed, Deed::Update(_) | Deed::Delete);
                let Some((key, version)) = found.filter(|_| changes) else {
                    all.push(Decided { deed, row: None, others });
                    continue;
                };
                if !seen.insert(key.clone()) || self.is_touched(&key) {
                    return Err(second_time());
                }
                match self.lock_for(deed, &key).await? {
                    Some((leaf, row)) if row.is_found(version, seen_at) => {
                        all.push(Decided { deed, row: Some((leaf, row)), others });
                    }
                    _ => changed = true,
                }
            }
        }
        Ok((!changed).then_some(all))
    }

    /// The first clause that takes the pair says what is done; None is nothing.
    fn deed<'m>(
        &self,
        merge: &'m Merge,
        matched: bool,
        values: &[Value],
        others: &[Value],
    ) -> Result<Option<&'m Deed>> {
        let source = TargetSource { carried: &merge.carried, others, ..TargetSource::of(&self.write.target, values) };
        for when in merge.whens.iter().filter(|when| when.matched == matched) {
            if point::is_true(when.condition.as_ref(), self.context, &source)? {
                return Ok(Some(&when.deed).filter(|deed| !matches!(deed, Deed::Nothing)));
            }
        }
        Ok(None)
    }

    async fn lock_for(&mut self, deed: &Deed, key: &RowKey) -> Result<Option<(Leaf, StoredRow)>> {
        let strength = match deed {
            Deed::Update(assignments) => self.update_strength(assignments),
            _ => RowLock::Update,
        };
        let leaf = self.write.target.keeper(key)?;
        let table = &self.write.target.at(leaf).table;
        let locked = point::lock(table, key, strength, self.wait, self.held.transaction()).await?;
        Ok(locked.map(|row| (leaf, row)))
    }

    async fn perform(&mut self, merge: &Merge, decided: Decided<'_>) -> Result<()> {
        let Decided { deed, row, others } = decided;
        let carried = &merge.carried;
        match (deed, row) {
            (Deed::Update(assignments), Some((leaf, row))) => {
                let target = self.write.target.at(leaf);
                let old = row.values(&target.table.storage)?;
                self.check_policies(PolicyMoment::MergedUpdate, &old).await?;
                let source = TargetSource { carried, others: &others, ..TargetSource::of(target, &old) };
                let mut new = self.assigned(target, assignments, &old, &source)?;
                let assigned = if self.fires() { positions(assignments) } else { Vec::new() };
                if self.fires() {
                    let changed = Box::pin(self.before_update(leaf.into(), &row, &old, new, &assigned)).await?;
                    let Some(changed) = changed else { return Ok(()) };
                    new = changed;
                }
                self.check_policies(PolicyMoment::Update, &new).await?;
                let key = self.update_row(leaf.into(), &row, &old, &new).await?;
                if self.fires() {
                    self.after_update(leaf.into(), &key, (&old, &new), &assigned)?;
                }
                self.written.count += 1;
            }
            (Deed::Delete, Some((leaf, row))) => {
                if self.is_policed() {
                    let old = row.values(&self.write.target.at(leaf).table.storage)?;
                    self.check_policies(PolicyMoment::MergedDelete, &old).await?;
                }
                if self.fires() && !Box::pin(self.before_delete(leaf.into(), &row)).await? {
                    return Ok(());
                }
                self.delete_row(leaf, &row).await?;
                self.written.count += 1;
            }
            (Deed::Insert(exprs), None) => {
                let values = self.converted(exprs, carried, &others)?;
                self.insert_row(None, values, &mut HashSet::new()).await?;
            }
            _ => return Err(Error::internal("a MERGE action has no row, or one too many")),
        }
        Ok(())
    }
}

fn second_time() -> Error {
    Error::new(SqlState::CARDINALITY_VIOLATION, "MERGE command cannot affect row a second time")
        .with_hint("Ensure that not more than one source row matches any one target row.")
}
