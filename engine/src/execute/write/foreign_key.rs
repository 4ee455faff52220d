//! Foreign keys, both ends: a new row's parent must exist, and nobody may point at a row that goes.
//!
//! The parent is locked KEY SHARE, which whoever deletes it or changes its key must wait for; so a check that passed
//! stays true until this transaction ends. Checks that the statement itself may still satisfy wait for its end.

use std::ops::Bound;
use std::sync::Arc;

use storage::key::{index_range, key_range, primary_key_from};
use storage::kv::Direction;
use storage::{KeyRange, RowIdentity, RowLock, TableSchema, Value};

use super::place::Leaf;
use super::{Run, violation};
use crate::error::{Error, Result};
use crate::execute::point;
use crate::plan::write::{ChildKey, KeyLookup, ParentKey};

/// Keys to look at when all rows of the statement are written.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Place in `Target::parents` of the written table (which it is itself) and the key that must exist.
    parents: Vec<(Leaf, usize, Vec<Value>)>,
    /// Place in `Target::children` of the written table and the key that nobody may hold.
    children: Vec<(Leaf, usize, Vec<Value>)>,
}

/// Rows read at a time while looking for one that points at a key.
const CHILD_ROWS_AT_A_TIME: usize = 256;

impl Run<'_> {
    /// Checks that a new row's parents exist; `old` is the version it replaces.
    pub(super) async fn check_parents(&mut self, leaf: Leaf, new: &[Value], old: Option<&[Value]>) -> Result<()> {
        let target = self.write.target.at(leaf);
        for (at, parent) in target.parents.iter().enumerate() {
            let same = |old: &[Value]| parent.columns.iter().all(|column| old[*column] == new[*column]);
            let key: Vec<Value> = parent.columns.iter().map(|column| new[*column].clone()).collect();
            // MATCH SIMPLE: a NULL anywhere points at nothing.
            if old.is_some_and(same) || key.iter().any(Value::is_null) {
                continue;
            }
            if parent.parent.oid == target.table.oid {
                self.pending.parents.push((leaf, at, key));
            } else {
                self.check_parent(leaf, parent, &key).await?;
            }
        }
        Ok(())
    }

    async fn check_parent(&mut self, leaf: Leaf, parent: &ParentKey, key: &[Value]) -> Result<()> {
        let schema = &parent.parent.storage;
        let ordered = |order: &[usize], positions: &mut dyn Iterator<Item = usize>| {
            order
                .iter()
                .zip(positions)
                .map(|(at, position)| point::fit(key[*at].clone(), &schema.columns[position].column_type))
                .collect::<Option<Vec<Value>>>()
        };
        let row_key = match &parent.lookup {
            KeyLookup::PrimaryKey { order } => {
                let RowIdentity::PrimaryKey(positions) = &schema.identity else {
                    return Err(Error::internal("a foreign key points at a primary key that is not there"));
                };
                ordered(order, &mut positions.iter().copied()).map(|values| primary_key_from(schema, &values))
            }
            KeyLookup::Unique { index, order } => {
                match ordered(order, &mut index.columns.iter().map(|column| column.column)) {
                    Some(values) => self.transaction.lookup_unique_newest(index, &values)?,
                    None => None,
                }
            }
        };
        let found = match row_key {
            Some(row_key) => {
                point::lock(&parent.parent, &row_key, RowLock::KeyShare, self.wait, self.transaction).await?.is_some()
            }
            None => false,
        };
        if found {
            return Ok(());
        }
        let (target, context) = (self.write.target.at(leaf), self.context);
        Err(violation::no_parent(target, &parent.name, &parent.columns, key, &parent.parent, context))
    }

    /// Notes that nobody may point at a key that is gone or changed.
    pub(super) fn owe_children(&mut self, leaf: Leaf, old: &[Value], new: Option<&[Value]>) {
        for (at, child) in self.write.target.at(leaf).children.iter().enumerate() {
            let same = |new: &[Value]| child.columns.iter().all(|column| old[*column] == new[*column]);
            let key: Vec<Value> = child.columns.iter().map(|column| old[*column].clone()).collect();
            if new.is_some_and(same) || key.iter().any(Value::is_null) {
                continue;
            }
            self.pending.children.push((leaf, at, key));
        }
    }

    pub(super) async fn check_pending(&mut self) -> Result<()> {
        let Pending { parents, children } = std::mem::take(&mut self.pending);
        let write = self.write;
        for (leaf, at, key) in parents {
            tokio::task::consume_budget().await;
            self.check_parent(leaf, &write.target.at(leaf).parents[at], &key).await?;
        }
        for (leaf, at, key) in children {
            tokio::task::consume_budget().await;
            let target = write.target.at(leaf);
            let child = &target.children[at];
            // Another row of the target may have taken the key over in the same statement.
            if self.has_child(child, &key)? && !self.any_row(&target.table.storage, &child.columns, &key)? {
                return Err(violation::still_referenced(
                    target,
                    &child.name,
                    &child.columns,
                    &key,
                    &child.child,
                    self.context,
                ));
            }
        }
        Ok(())
    }

    fn has_child(&self, child: &ChildKey, key: &[Value]) -> Result<bool> {
        let schema = &child.child.storage;
        let fitted: Option<Vec<Value>> = key
            .iter()
            .zip(&child.child_columns)
            .map(|(value, position)| point::fit(value.clone(), &schema.columns[*position].column_type))
            .collect();
        let Some(key) = fitted else { return Ok(false) };
        for keeper in &child.keepers {
            if self.any_row(&keeper.storage, &child.child_columns, &key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether any row, as of now, has these values in these columns: by key or index if one begins with them.
    fn any_row(&self, schema: &Arc<TableSchema>, positions: &[usize], values: &[Value]) -> Result<bool> {
        let view = self.transaction.newest_view();
        let prefix_of = |key: &[usize]| -> Option<Vec<Value>> {
            let head = key.get(..positions.len())?;
            head.iter().map(|column| positions.iter().position(|p| p == column).map(|at| values[at].clone())).collect()
        };
        if let RowIdentity::PrimaryKey(key) = &schema.identity
            && let Some(prefix) = prefix_of(key)
        {
            let range = key_range(schema, &prefix, Bound::Unbounded, Bound::Unbounded);
            return Ok(!view.scan(schema, &range, Direction::Forward).next(1)?.is_empty());
        }
        for index in &schema.indexes {
            let key: Vec<usize> = index.columns.iter().map(|column| column.column).collect();
            if let Some(prefix) = prefix_of(&key) {
                let range = index_range(index, &prefix, Bound::Unbounded, Bound::Unbounded);
                return Ok(!view.scan_index(schema, index, &range, Direction::Forward).next(1)?.is_empty());
            }
        }
        let mut scan = view.scan(schema, &KeyRange::generation(schema.generation), Direction::Forward);
        loop {
            let rows = scan.next(CHILD_ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                return Ok(false);
            }
            for row in rows {
                let mut equal = true;
                for (position, value) in positions.iter().zip(values) {
                    equal &= row.value(schema, *position)?.to_owned() == *value;
                }
                if equal {
                    return Ok(true);
                }
            }
        }
    }
}
