//! INSERT, with ON CONFLICT.

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt;
use storage::{ConflictOn, GenerationId, InsertOutcome, Isolation, RowKey, RowLock, StoredRow, Value};

use super::place::Leaf;
use super::row::{TargetSource, complete};
use super::{Run, check_new_row, duplicate_key};
use crate::catalog::{Index, Table, TriggerEvent};
use crate::error::{Error, Result, SqlState};
use crate::execute::point;
use crate::execute::query::run;
use crate::expr::Expr;
use crate::expr::eval::{NoRow, eval};
use crate::function::EvalContext;
use crate::function::transaction_id::number_within_epoch;
use crate::plan::system_column::{SystemColumn, SystemColumns};
use crate::plan::write::{
    Arbiter, ConflictAction, ConflictQuery, Insert, InsertSource, OnConflict, PolicyMoment, Target,
};

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
                    self.insert_row(insert.on_conflict.as_ref(), values, &mut touched).await?;
                }
            }
            InsertSource::Query { query, row } => {
                let carried: Vec<_> =
                    query.outputs.iter().enumerate().map(|(at, output)| (output.column.var, at)).collect();
                let mut stream = run(query, self.context, self.view(), self.environment)?;
                while let Some(batch) = stream.next().await {
                    for others in batch?.into_values() {
                        let values = self.converted(row, &carried, &others)?;
                        self.insert_row(insert.on_conflict.as_ref(), values, &mut touched).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A row of the source as a row of the table.
    pub(super) fn converted(
        &self,
        row: &[Expr],
        carried: &[(crate::expr::ColumnVar, usize)],
        others: &[Value],
    ) -> Result<Vec<Value>> {
        let (first, system) = (u32::MAX, (SystemColumns::default(), 0));
        let source = TargetSource { first, values: &[], carried, others, excluded: None, system, xmax: 0 };
        row.iter().map(|expr| eval(expr, self.context, &source)).collect()
    }

    pub(super) async fn insert_row(
        &mut self,
        on_conflict: Option<&OnConflict>,
        mut values: Vec<Value>,
        touched: &mut Touched,
    ) -> Result<()> {
        // Others have their turn while many rows are written; so in every loop over rows.
        tokio::task::consume_budget().await;
        if self.fires() && !Box::pin(self.before_insert(&mut values)).await? {
            return Ok(());
        }
        complete(&self.write.target, self.context, &mut values)?;
        if self.is_policed() {
            Box::pin(self.check_policies(PolicyMoment::Insert, &values)).await?;
        }
        let leaf = check_new_row(&self.write.target, self.context, &values)?;
        let target = self.write.target.at(leaf);
        let arbiter = on_conflict.and_then(|on_conflict| on_conflict.arbiter(&self.write.target, target));
        loop {
            let schema = &target.table.storage;
            let outcome = self.held.transaction().insert_preferring(schema, &values, arbiter, self.wait).await;
            let (constraint, existing) = match outcome? {
                InsertOutcome::Inserted(key) => {
                    self.touch(&key);
                    if on_conflict.is_some() {
                        touched.insert(key);
                    }
                    self.check_keys(leaf.into(), &values, None).await?;
                    if self.fires() {
                        self.after_row(leaf.into(), TriggerEvent::Insert, None, Some(&values), &[])?;
                    }
                    return self.returned(&TargetSource::of(target, &values));
                }
                InsertOutcome::Conflict { constraint, existing } => (constraint, existing),
            };
            let covered = arbiter.is_none_or(|arbiter| arbiter == constraint);
            let Some(on_conflict) = on_conflict.filter(|_| covered) else {
                return Err(duplicate_key(&target.table, &constraint, &values, self.context));
            };
            if self.held.seen().isolation() != Isolation::ReadCommitted
                && existing.seq() > self.held.seen().snapshot_seq()
            {
                return Err(storage::Error::WriteConflict.into());
            }
            if self.resolve(on_conflict, leaf, &values, existing, touched).await? {
                return Ok(());
            }
        }
    }

    /// Does what ON CONFLICT says. False if the row in the way has gone meanwhile, so that the insert is tried again.
    async fn resolve(
        &mut self,
        on_conflict: &OnConflict,
        leaf: Leaf,
        values: &[Value],
        existing: StoredRow,
        touched: &mut Touched,
    ) -> Result<bool> {
        let ConflictAction::Update { first_excluded, assignments, filter, query } = &on_conflict.action else {
            return Ok(true);
        };
        let target = self.write.target.at(leaf);
        if touched.contains(&existing.key) || self.is_touched(&existing.key) {
            let message = "ON CONFLICT DO UPDATE command cannot affect row a second time";
            return Err(Error::new(SqlState::CARDINALITY_VIOLATION, message).with_hint(
                "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
            ));
        }
        let strength = self.update_strength(assignments);
        let locked = point::lock(&target.table, &existing.key, strength, self.wait, self.held.transaction()).await?;
        let Some(current) = locked else { return Ok(false) };
        let old = current.values(&target.table.storage)?;
        // Before the statement's own condition, which could tell what is in a row that nobody is to see.
        if self.is_policed() {
            Box::pin(self.check_policies(PolicyMoment::InTheWay, &old)).await?;
        }
        let mut source = TargetSource { excluded: Some((*first_excluded, values)), ..TargetSource::of(target, &old) };
        if !point::is_true(filter.as_ref(), self.context, &source)? {
            return Ok(true);
        }
        let computed;
        if let Some(query) = query {
            let Some(row) = self.computed(query, target, &old, values).await? else { return Ok(true) };
            computed = row;
            (source.carried, source.others) = (&query.carried, &computed);
        }
        let mut new = self.assigned(target, assignments, &old, &source)?;
        let assigned = if self.fires() { positions(assignments) } else { Vec::new() };
        if self.fires() {
            let changed = Box::pin(self.before_update(leaf.into(), &current, &old, new, &assigned)).await?;
            let Some(changed) = changed else { return Ok(true) };
            new = changed;
        }
        if self.is_policed() {
            Box::pin(self.check_policies(PolicyMoment::Update, &new)).await?;
        }
        if self.write.target.place_again(self.context, leaf, &new)? != leaf {
            let message = "invalid ON UPDATE specification";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
                .with_detail("The result tuple would appear in a different partition than the original tuple."));
        }
        let key = self.update_row(leaf.into(), &current, &old, &new).await?;
        if self.fires() {
            self.after_update(leaf.into(), &key, (&old, &new), &assigned)?;
        }
        touched.insert(key);
        let asked = target.system.get(SystemColumn::Xmax).is_some();
        let xmax = if asked { number_within_epoch(self.context) } else { 0 };
        let excluded = Some((*first_excluded, values));
        let source = TargetSource { excluded, xmax, ..TargetSource::of(target, &new) };
        self.returned(&source)?;
        Ok(true)
    }

    /// What a query makes of the row in the way and the new one.
    async fn computed(
        &mut self,
        query: &ConflictQuery,
        target: &Target,
        old: &[Value],
        new: &[Value],
    ) -> Result<Option<Vec<Value>>> {
        let oid = target.system.get(SystemColumn::TableOid).map(|_| Value::Int8(i64::from(target.table.oid)));
        let row: Vec<Value> = old.iter().chain(new).cloned().chain(oid).collect();
        let mut written = self.context.written.to_vec();
        written.resize(written.len().max(query.number + 1), Arc::default());
        written[query.number] = Arc::new(vec![row]);
        let context = EvalContext { written: written.into(), ..self.context.clone() };
        let mut stream = run(&query.query, &context, self.view(), self.environment)?;
        let mut found = None;
        while let Some(batch) = stream.next().await {
            found = found.or(batch?.into_values().into_iter().next());
        }
        Ok(found)
    }

    /// How strongly a row is locked to have these columns assigned: changing a key conflicts with those who rely on it.
    pub(super) fn update_strength(&self, assignments: &[(usize, Expr)]) -> RowLock {
        let target = &self.write.target;
        // A trigger may assign any column.
        if self.fires() {
            return RowLock::Update;
        }
        let leaves = target.placement.iter().flat_map(|placement| placement.leaves.values());
        let changes_key = leaves.chain([target]).any(|target| assigns_key(&target.table, assignments));
        if changes_key { RowLock::Update } else { RowLock::NoKeyUpdate }
    }
}

/// The columns that are assigned.
pub(super) fn positions(assignments: &[(usize, Expr)]) -> Vec<usize> {
    assignments.iter().map(|(position, _)| *position).collect()
}

/// Whether a column is assigned that a key of the table names, or that the table is partitioned by.
fn assigns_key(table: &Table, assignments: &[(usize, Expr)]) -> bool {
    let schema = &table.storage;
    let divides = |position: usize| {
        let key = table.partitioning.key.as_ref();
        key.is_some_and(|key| !key.expressions.is_empty() || key.columns.contains(&table.columns[position].number))
    };
    let in_key = |position: usize| {
        let in_primary = match &schema.identity {
            storage::RowIdentity::PrimaryKey(key) => key.contains(&position),
            storage::RowIdentity::Hidden => false,
        };
        let in_index =
            |index: &storage::IndexSchema| index.unique && index.columns.iter().any(|column| column.column == position);
        // What such an index sees may follow from any column.
        let in_derived = schema.indexes.iter().any(|index| index.unique && schema.is_derived(index));
        in_primary || schema.indexes.iter().any(in_index) || in_derived || divides(position)
    };
    // What is generated may change with any of the others.
    let generated = || table.columns.iter().enumerate().filter(|(_, column)| column.generated);
    assignments.iter().any(|(position, _)| in_key(*position)) || generated().any(|(position, _)| in_key(position))
}

impl OnConflict {
    /// The one conflict in `met`, the target or a leaf of it, that the clause resolves; None: any.
    fn arbiter(&self, target: &Target, met: &Target) -> Option<ConflictOn> {
        match self.arbiter.as_ref()? {
            Arbiter::PrimaryKey => Some(ConflictOn::PrimaryKey),
            Arbiter::Index(index) if met.table.oid == target.table.oid => Some(ConflictOn::Index(*index)),
            Arbiter::Index(index) => Some(ConflictOn::Index(counterpart(*index, target, met))),
        }
    }
}

/// The leaf's unique index that says what one of the target's does.
fn counterpart(index: GenerationId, target: &Target, leaf: &Target) -> GenerationId {
    let of_target = target.table.indexes.iter().find(|own| own.generation == Some(index));
    let same = |own: &&Index| {
        of_target.is_some_and(|index| own.unique && own.says_the_same(&leaf.table, index, &target.table))
    };
    leaf.table.indexes.iter().find(same).and_then(|own| own.generation).unwrap_or(index)
}
