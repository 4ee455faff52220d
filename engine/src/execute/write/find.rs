//! Finding the rows to change, and locking them in their newest version, before any of them is changed.
//!
//! Rows are locked many at a time. Most statements change few rows, which are kept until all are locked. Of many only the
//! locks are kept: the query runs once more over the same state and finds the same rows.

use std::collections::HashSet;

use bytes::Bytes;
use futures::StreamExt;
use storage::{CommitSeq, FoundRow, ReadView, RowKey, RowLock, StoredRow, Value, ValueRef};

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

/// So many rows are locked and read at a time, before others have their turn.
const TOGETHER: usize = 256;

/// What the query says of a row: its key and its version, and behind them the columns from elsewhere.
const IDENTITY: usize = 2;

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

/// The same query over the same view: it finds the rows that were locked.
struct Again {
    view: ReadView,
    stream: RowStream,
    width: usize,
    pieces: std::vec::IntoIter<Piece>,
}

/// Some rows of one table that were found one after the other.
struct Piece {
    leaf: Leaf,
    rows: Vec<FoundRow>,
    others: Vec<Vec<Value>>,
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
            RowsToChange::Cursor { name } => self.find_current(name, strength).await,
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
        let Some(key) = reached.find(self.held.transaction())? else { return Ok(FoundRows::none()) };
        // What the snapshot does not show is not waited for: a filter that fails there locks nothing.
        if filter.is_some() && !self.snapshot_passes(leaf, &key, filter)? {
            return Ok(FoundRows::none());
        }
        let locked = point::lock(reached.table, &key, strength, self.wait, self.held.transaction()).await?;
        let Some(row) = locked else { return Ok(FoundRows::none()) };
        if !reached.matches(&row)? || !self.passes(leaf, filter, &row)? {
            return Ok(FoundRows::none());
        }
        Ok(FoundRows::kept(vec![Found { leaf, row, others: Vec::new() }]))
    }

    /// The row on which a cursor stands, if it is still there and one of the target's.
    async fn find_current(&mut self, cursor: &str, strength: RowLock) -> Result<FoundRows> {
        let target = &self.write.target;
        let (oid, name) = (target.table.oid, &target.table.name);
        let Some(key) = self.context.session.cursors.current_row(cursor, oid, name)? else {
            return Ok(FoundRows::none());
        };
        let leaf = target.keeper(&key)?;
        let table = &target.at(leaf).table;
        if key.generation() != table.storage.generation || self.is_touched(&key) {
            return Ok(FoundRows::none());
        }
        let locked = point::lock(table, &key, strength, self.wait, self.held.transaction()).await?;
        let found = locked.map(|row| Found { leaf, row, others: Vec::new() });
        Ok(FoundRows::kept(found.into_iter().collect()))
    }

    fn snapshot_passes(&self, leaf: Leaf, key: &RowKey, filter: Option<&Expr>) -> Result<bool> {
        match self.held.seen().get(&self.write.target.at(leaf).table.storage, key)? {
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
                None => run_relation(&query.relation, columns, self.context, view.clone(), self.environment)?,
            };
            // A join may find a row twice; the first match counts.
            let mut seen = (!can_run_again).then(HashSet::new);
            let (mut found, mut changed, mut again) = (Vec::new(), false, false);
            while let Some(batch) = stream.next().await {
                let pieces = self.pieces(&batch?, columns.len(), seen.as_mut())?;
                for piece in pieces {
                    if !self.lock_piece(&view, &piece, strength).await? {
                        changed = true;
                    } else if !changed && !again {
                        self.fetch(&view, piece, &mut found)?;
                    }
                    again |= found.len() >= self.environment.kept_rows_max() && can_run_again;
                    if again || changed {
                        found = Vec::new();
                    }
                }
            }
            if changed && matches!(query.relation, Relation::Written { .. }) {
                return Err(outdated());
            }
            if changed {
                self.context.session.channels.undo_to(talk);
                self.renew_view();
            } else if again {
                let stream = run_relation(&query.relation, columns, self.context, view.clone(), self.environment)?;
                let again = Again { view, stream, width: columns.len(), pieces: Vec::new().into_iter() };
                return Ok(FoundRows { again: Some(again), ..FoundRows::none() });
            } else {
                return Ok(FoundRows::kept(found));
            }
        }
        Err(Error::new(SqlState::SERIALIZATION_FAILURE, "could not change rows that others keep changing"))
    }

    /// The rows of a batch of so many columns that are still to be changed, cut where their table changes and where they
    /// are many. Those that `seen` has are left out.
    fn pieces(&self, batch: &Rows, width: usize, mut seen: Option<&mut HashSet<RowKey>>) -> Result<Vec<Piece>> {
        let mut pieces: Vec<Piece> = Vec::new();
        let cells = batch.columns();
        for (at, found) in identified(batch)?.into_iter().enumerate() {
            if self.is_touched(&found.key) || seen.as_mut().is_some_and(|seen| !seen.insert(found.key.clone())) {
                continue;
            }
            let leaf = self.write.target.keeper(&found.key)?;
            let others = (IDENTITY..width).map(|column| cells.cell(at, column).to_owned()).collect();
            match pieces.last_mut().filter(|piece| piece.leaf == leaf && piece.rows.len() < TOGETHER) {
                Some(piece) => {
                    piece.rows.push(found);
                    piece.others.push(others);
                }
                None => pieces.push(Piece { leaf, rows: vec![found], others: vec![others] }),
            }
        }
        Ok(pieces)
    }

    /// Locks rows; false if one of them has changed since it was found.
    async fn lock_piece(&mut self, view: &ReadView, piece: &Piece, strength: RowLock) -> Result<bool> {
        match piece.rows.len() {
            TOGETHER => tokio::task::yield_now().await,
            _ => tokio::task::consume_budget().await,
        }
        let table = &self.write.target.at(piece.leaf).table;
        let locked = self.held.transaction().lock_found(view, &table.storage, &piece.rows, strength, self.wait).await;
        locked.map_err(|error| point::not_locked(table, self.wait, error))
    }

    /// Reads locked rows, which are what the view has.
    fn fetch(&self, view: &ReadView, piece: Piece, found: &mut Vec<Found>) -> Result<()> {
        let Piece { leaf, rows, others } = piece;
        let rows = view.fetch(&self.write.target.at(leaf).table.storage, &rows)?;
        found.extend(rows.into_iter().zip(others).map(|(row, others)| Found { leaf, row, others }));
        Ok(())
    }

    /// The next of the rows to change.
    pub(super) async fn next_row(&mut self, rows: &mut FoundRows) -> Result<Option<Found>> {
        loop {
            if let Some(found) = rows.kept.next() {
                return Ok(Some(found));
            }
            let Some(again) = &mut rows.again else { return Ok(None) };
            if let Some(piece) = again.pieces.next() {
                let mut found = Vec::with_capacity(piece.rows.len());
                self.fetch(&again.view, piece, &mut found)?;
                rows.kept = found.into_iter();
                continue;
            }
            match again.stream.next().await.transpose()? {
                Some(batch) => again.pieces = self.pieces(&batch, again.width, None)?.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

/// What says that rows have changed since the statement computed what to write, ahead of it.
const OUTDATED: &str = "rows have changed since it was computed what becomes of them";

fn outdated() -> Error {
    Error::new(SqlState::SERIALIZATION_FAILURE, OUTDATED)
}

/// Whether a write has to be computed anew.
pub(crate) fn is_outdated(error: &Error) -> bool {
    error.message.as_ref() == OUTDATED && error.sql_state() == SqlState::SERIALIZATION_FAILURE
}

impl FoundRows {
    fn none() -> Self {
        Self::kept(Vec::new())
    }

    fn kept(rows: Vec<Found>) -> Self {
        Self { kept: rows.into_iter(), again: None }
    }
}

/// Which rows a batch is about. Their keys lie one behind the other, in one piece of memory.
fn identified(batch: &Rows) -> Result<Vec<FoundRow>> {
    let cells = batch.columns();
    let (mut keys, mut places) = (Vec::new(), Vec::with_capacity(batch.len()));
    for row in 0..batch.len() {
        let (ValueRef::Bytea(key), ValueRef::Int8(version)) = (cells.cell(row, 0), cells.cell(row, 1)) else {
            return Err(Error::internal("a row to change has no identity"));
        };
        let start = keys.len();
        keys.extend_from_slice(key);
        places.push((start..keys.len(), CommitSeq(version as u64)));
    }
    let keys = Bytes::from(keys);
    let places = places.into_iter();
    Ok(places.map(|(place, version)| FoundRow { key: RowKey::from_bytes(keys.slice(place)), version }).collect())
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
        Relation::Limit { input, .. } if relation.is_barrier() => is_found_again(input),
        Relation::Filter { input, predicate } => is_plain(predicate) && is_found_again(input),
        Relation::Project { input, columns } => columns.iter().all(|(_, expr)| is_plain(expr)) && is_found_again(input),
        _ => false,
    }
}
