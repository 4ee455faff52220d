//! INSERT, with ON CONFLICT.

use std::collections::HashSet;

use futures::StreamExt;
use storage::{ConflictOn, InsertOutcome, Isolation, RowKey, RowLock, StoredRow, Value};

use super::row::TargetSource;
use super::{Run, check_row, duplicate_key};
use crate::error::{Error, Result, SqlState};
use crate::execute::point;
use crate::execute::query::run;
use crate::expr::Expr;
use crate::expr::eval::{NoRow, eval};
use crate::plan::write::{Arbiter, ConflictAction, Insert, InsertSource, OnConflict};

/// Rows that ON CONFLICT DO UPDATE has inserted or updated: none may be met twice.
type Touched = HashSet<RowKey>;

impl Run<'_> {
    pub(super) async fn insert(&mut self, insert: &Insert) -> Result<()> {
        let mut touched = Touched::new();
        match &insert.source {
            InsertSource::Rows(rows) => {
                for row in rows {
                    let values =
                        row.iter().map(|expr| eval(expr, self.context, &NoRow)).collect::<Result<Vec<Value>>>()?;
                    self.insert_row(insert, values, &mut touched).await?;
                }
            }
            InsertSource::Query { query, row } => {
                let carried: Vec<_> =
                    query.outputs.iter().enumerate().map(|(at, output)| (output.column.var, at)).collect();
                let mut stream = run(query, self.context, self.transaction.view(), self.environment)?;
                while let Some(batch) = stream.next().await {
                    for others in batch?.into_values() {
                        let values = self.converted(row, &carried, &others)?;
                        self.insert_row(insert, values, &mut touched).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A row of the source as a row of the table.
    fn converted(
        &self,
        row: &[Expr],
        carried: &[(crate::expr::ColumnVar, usize)],
        others: &[Value],
    ) -> Result<Vec<Value>> {
        let source = TargetSource { first: u32::MAX, values: &[], carried, others, excluded: None };
        row.iter().map(|expr| eval(expr, self.context, &source)).collect()
    }

    async fn insert_row(&mut self, insert: &Insert, values: Vec<Value>, touched: &mut Touched) -> Result<()> {
        let target = &self.write.target;
        check_row(target, self.context, &values)?;
        loop {
            let outcome = self.transaction.insert(&target.table.storage, &values, self.wait).await;
            let (constraint, existing) = match outcome? {
                InsertOutcome::Inserted(key) => {
                    if insert.on_conflict.is_some() {
                        touched.insert(key);
                    }
                    self.check_parents(&values, None).await?;
                    return self.returned(&TargetSource::of(target, &values));
                }
                InsertOutcome::Conflict { constraint, existing } => (constraint, existing),
            };
            let on_conflict = insert.on_conflict.as_ref();
            let (on_conflict, existing) = match on_conflict {
                Some(on_conflict) if on_conflict.covers(&constraint) => (on_conflict, existing),
                _ => match on_conflict.map(|on_conflict| self.arbiter_row(on_conflict, &values)).transpose()?.flatten()
                {
                    // The row breaks another constraint, too, but what its arbiter finds goes first.
                    Some(existing) => (on_conflict.ok_or_else(|| Error::internal("no arbiter"))?, existing),
                    None => return Err(duplicate_key(&target.table, &constraint, &values, self.context)),
                },
            };
            if self.transaction.isolation() != Isolation::ReadCommitted
                && existing.seq() > self.transaction.snapshot_seq()
            {
                return Err(storage::Error::WriteConflict.into());
            }
            if self.resolve(on_conflict, &values, existing, touched).await? {
                return Ok(());
            }
        }
    }

    /// The row that has the arbiter's key already.
    fn arbiter_row(&self, on_conflict: &OnConflict, values: &[Value]) -> Result<Option<StoredRow>> {
        let schema = &self.write.target.table.storage;
        let key = match (&on_conflict.arbiter, &schema.identity) {
            (Some(Arbiter::PrimaryKey), storage::RowIdentity::PrimaryKey(positions)) => {
                let key: Vec<Value> = positions.iter().map(|position| values[*position].clone()).collect();
                Some(storage::key::primary_key_from(schema, &key))
            }
            (Some(Arbiter::Index(generation)), _) => {
                let Some(index) = schema.indexes.iter().find(|index| index.generation == *generation) else {
                    return Ok(None);
                };
                let key: Vec<Value> = index.columns.iter().map(|column| values[column.column].clone()).collect();
                if key.iter().any(Value::is_null) {
                    return Ok(None);
                }
                self.transaction.lookup_unique(index, &key)?
            }
            _ => None,
        };
        match key {
            Some(key) => Ok(self.transaction.get(schema, &key)?),
            None => Ok(None),
        }
    }

    /// Does what ON CONFLICT says. False if the row in the way has gone meanwhile, so that the insert is tried again.
    async fn resolve(
        &mut self,
        on_conflict: &OnConflict,
        values: &[Value],
        existing: StoredRow,
        touched: &mut Touched,
    ) -> Result<bool> {
        let ConflictAction::Update { first_excluded, assignments, filter } = &on_conflict.action else {
            return Ok(true);
        };
        let target = &self.write.target;
        if touched.contains(&existing.key) {
            let message = "ON CONFLICT DO UPDATE command cannot affect row a second time";
            return Err(Error::new(SqlState::CARDINALITY_VIOLATION, message).with_hint(
                "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
            ));
        }
        let strength = self.update_strength(assignments);
        let locked = point::lock(&target.table, &existing.key, strength, self.wait, self.transaction).await?;
        let Some(current) = locked else { return Ok(false) };
        let old = current.values(&target.table.storage)?;
        let source = TargetSource { excluded: Some((*first_excluded, values)), ..TargetSource::of(target, &old) };
        if !point::is_true(filter.as_ref(), self.context, &source)? {
            return Ok(true);
        }
        let new = self.assigned(assignments, &old, &source)?;
        let key = self.update_row(&current, &old, &new).await?;
        touched.insert(key);
        let source = TargetSource { excluded: Some((*first_excluded, values)), ..TargetSource::of(target, &new) };
        self.returned(&source)?;
        Ok(true)
    }

    /// How strongly a row is locked to have these columns assigned: changing a key conflicts with those who rely on it.
    pub(super) fn update_strength(&self, assignments: &[(usize, Expr)]) -> RowLock {
        let schema = &self.write.target.table.storage;
        let in_key = |position: usize| {
            let in_primary = match &schema.identity {
                storage::RowIdentity::PrimaryKey(key) => key.contains(&position),
                storage::RowIdentity::Hidden => false,
            };
            let in_index = |index: &storage::IndexSchema| {
                index.unique && index.columns.iter().any(|column| column.column == position)
            };
            in_primary || schema.indexes.iter().any(in_index)
        };
        let changes_key = assignments.iter().any(|(position, _)| in_key(*position));
        if changes_key { RowLock::Update } else { RowLock::NoKeyUpdate }
    }
}

impl OnConflict {
    fn covers(&self, conflict: &ConflictOn) -> bool {
        match (&self.arbiter, conflict) {
            (None, _) | (Some(Arbiter::PrimaryKey), ConflictOn::PrimaryKey) => true,
            (Some(Arbiter::Index(wanted)), ConflictOn::Index(met)) => wanted == met,
            _ => false,
        }
    }
}
