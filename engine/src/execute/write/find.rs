//! Finding the rows to change, and locking them in their newest version, before any of them is changed.

use std::collections::HashSet;

use futures::StreamExt;
use storage::{CommitSeq, RowKey, RowLock, StoredRow, Value};

use super::Run;
use super::place::Leaf;
use super::row::TargetSource;
use crate::error::{Error, Result, SqlState};
use crate::execute::query::run_relation;
use crate::execute::{RowStream, Rows, point, short};
use crate::expr::{Expr, ExprKind, walk};
use crate::plan::point::Access;
use crate::plan::relation::{Column, Query, Relation};
use crate::plan::short::Short;
use crate::plan::write::RowsToChange;

/// How often a statement starts again because rows changed under it.
const RESTARTS_MAX: usize = 1000;

/// A row to change, locked, and the columns from elsewhere that go with it.
pub(super) struct Found {
    /// The table that keeps it.
    pub(super) leaf: Leaf,
    pub(super) row: StoredRow,
    pub(super) others: Vec<Value>,
}

/// The rows to change, all locked.
pub(super) struct FoundRows {
    kept: std::vec::IntoIter<Found>,
    again: Option<Again>,
}

/// The same query over the same snapshot: it finds the rows that were locked.
struct Again {
    stream: RowStream,
    batch: std::vec::IntoIter<Vec<Value>>,
    strength: RowLock,
}

impl Run<'_> {
    pub(super) async fn find_rows(&mut self, rows: &RowsToChange, strength: RowLock) -> Result<FoundRows> {
        match rows {
            RowsToChange::Point { access, filter } => self.find_point(access, filter.as_ref(), strength).await,
            RowsToChange::Query { query, key, version, short, .. } => {
                let mut columns = vec![*key, *version];
                columns.extend(query.outputs.iter().map(|output| output.column));
                self.find_by_query(query, &columns, short.as_deref(), strength).await
            }
        }
    }

    async fn find_point(&mut self, access: &Access, filter: Option<&Expr>, strength: RowLock) -> Result<FoundRows> {
        let target = &self.write.target;
        let Some(reached) = point::reach(access, &target.table, target.tree(), self.context)? else {
            return Ok(FoundRows::none());
        };
        let leaf = reached.leaf;
        if target.tree().is_some() && !target.keeps(leaf) {
            return Ok(FoundRows::none());
        }
        let Some(key) = reached.find(self.transaction)? else { return Ok(FoundRows::none()) };
        // What the snapshot does not show is not waited for: a filter that fails there locks nothing.
        if filter.is_some() && !self.snapshot_passes(leaf, &key, filter)? {
            return Ok(FoundRows::none());
        }
        let locked = point::lock(reached.table, &key, strength, self.wait, self.transaction).await?;
        let Some(row) = locked else { return Ok(FoundRows::none()) };
        if !reached.matches(&row)? || !self.passes(leaf, filter, &row)? {
            return Ok(FoundRows::none());
        }
        Ok(FoundRows::kept(vec![Found { leaf, row, others: Vec::new() }]))
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
    ) -> Result<FoundRows> {
        let can_run_again = is_found_again(&query.relation);
        let talk = self.context.session.channels.mark();
        for _ in 0..RESTARTS_MAX {
            let view = self.view();
            let few = short.map(|short| short::run(short, self.context, &view)).transpose()?.flatten();
            let mut stream: RowStream = match few {
                Some(rows) => Box::pin(futures::stream::iter([Ok(Rows::Values(rows))])),
                None => run_relation(&query.relation, columns, self.context, view, self.environment)?,
            };
            let (mut found, mut seen, mut changed, mut again) = (Vec::new(), HashSet::new(), false, false);
            while let Some(batch) = stream.next().await {
                for row in batch?.into_values() {
                    tokio::task::consume_budget().await;
                    let identified = Identified::of(row)?;
                    // A join may find a row twice; the first match counts.
                    if self.is_touched(&identified.key) || !again && !seen.insert(identified.key.clone()) {
                        continue;
                    }
                    match self.lock_found(identified, strength).await? {
                        Some(_) if again => {}
                        Some(row) => found.push(row),
                        None => changed = true,
                    }
                    if found.len() >= self.environment.kept_rows_max() && can_run_again {
                        again = true;
                        (found, seen) = (Vec::new(), HashSet::new());
                    }
                }
            }
            if changed {
                self.context.session.channels.undo_to(talk);
                self.renew_view();
            } else if again {
                let stream = run_relation(&query.relation, columns, self.context, self.view(), self.environment)?;
                let again = Again { stream, batch: Vec::new().into_iter(), strength };
                return Ok(FoundRows { again: Some(again), ..FoundRows::none() });
            } else {
                return Ok(FoundRows::kept(found));
            }
        }
        Err(Error::new(SqlState::SERIALIZATION_FAILURE, "could not change rows that others keep changing"))
    }

    /// Locks a row; None if it has changed since it was found.
    async fn lock_found(&mut self, row: Identified, strength: RowLock) -> Result<Option<Found>> {
        let Identified { key, version, others } = row;
        let leaf = self.write.target.keeper(&key)?;
        let table = &self.write.target.at(leaf).table;
        let locked = point::lock(table, &key, strength, self.wait, self.transaction).await?;
        Ok(locked.filter(|row| row.seq() == version).map(|row| Found { leaf, row, others }))
    }

    /// The next of the rows to change.
    pub(super) async fn next_row(&mut self, rows: &mut FoundRows) -> Result<Option<Found>> {
        if let Some(found) = rows.kept.next() {
            return Ok(Some(found));
        }
        let Some(again) = &mut rows.again else { return Ok(None) };
        loop {
            for row in again.batch.by_ref() {
                let identified = Identified::of(row)?;
                if self.is_touched(&identified.key) {
                    continue;
                }
                let strength = again.strength;
                return match self.lock_found(identified, strength).await? {
                    Some(found) => Ok(Some(found)),
                    None => Err(Error::internal("a locked row has changed")),
                };
            }
            match again.stream.next().await.transpose()? {
                Some(batch) => again.batch = batch.into_values().into_iter(),
                None => return Ok(None),
            }
        }
    }
}

impl FoundRows {
    fn none() -> Self {
        Self::kept(Vec::new())
    }

    fn kept(rows: Vec<Found>) -> Self {
        Self { kept: rows.into_iter(), again: None }
    }
}

/// What the query says of a row to change: which it is, and the columns from elsewhere.
struct Identified {
    key: RowKey,
    version: CommitSeq,
    others: Vec<Value>,
}

impl Identified {
    fn of(mut row: Vec<Value>) -> Result<Self> {
        let others = row.split_off(2);
        let [Value::Bytea(key), Value::Int8(version)] = row.as_slice() else {
            return Err(Error::internal("a row to change has no identity"));
        };
        Ok(Self { key: RowKey::from_bytes(key.to_vec().into()), version: CommitSeq(*version as u64), others })
    }
}

/// Whether the relation finds each row of a table at most once, and the same rows whenever it is run over one snapshot.
fn is_found_again(relation: &Relation) -> bool {
    let is_plain = |expr: &Expr| {
        let mut plain = !walk::is_volatile(expr);
        walk::visit(expr, &mut |part| plain &= !matches!(part.kind, ExprKind::Subquery(_)));
        plain
    };
    match relation {
        Relation::Scan(_) => true,
        Relation::Filter { input, predicate } => is_plain(predicate) && is_found_again(input),
        Relation::Project { input, columns } => columns.iter().all(|(_, expr)| is_plain(expr)) && is_found_again(input),
        _ => false,
    }
}
