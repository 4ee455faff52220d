//! What a partition has of its parent: every check, key, index and foreign key, tried on its rows.
//!
//! It does not matter how the two came to differ. A new partition, one that is attached, and one whose parent was given
//! something new are all brought into agreement here, and so is everything beneath them. What the partition has already
//! is taken for its parent's if it says the same.

use std::sync::Arc;

use super::constraint::{Check, Key, Written};
use super::derived::words_for;
use super::foreign_key::Added;
use super::rename::{parsed, table_in_check};
use super::{DefinitionEnvironment, names};
use crate::catalog::{Constraint, ConstraintKind, Index, IndexColumn, Table};
use crate::error::{Error, Result, SqlState};
use storage::{TableId, TableLock};

impl DefinitionEnvironment<'_> {
    /// Brings a partition, which is locked, and everything beneath it into agreement with their parents.
    pub(super) async fn inherit(&mut self, oid: u32) -> Result<()> {
        self.agree(oid, true).await
    }

    /// A partition that has just come gets every index, also those that the others do not have yet.
    async fn agree(&mut self, oid: u32, is_new: bool) -> Result<()> {
        let mut oids = vec![oid];
        oids.extend(self.catalog().descendants(oid).iter().map(|table| table.oid));
        for oid in oids {
            self.inherit_checks(oid).await?;
            self.inherit_indexes(oid, is_new).await?;
            self.inherit_foreign_keys(oid).await?;
        }
        Ok(())
    }

    /// The same for everything beneath a table, which has something new.
    pub(super) async fn inherit_beneath(&mut self, oid: u32) -> Result<()> {
        let catalog = self.catalog();
        let is_partition = |table: &&Arc<Table>| table.partitioning.of.is_some();
        let partitions: Vec<u32> = catalog.partitions_of(oid).filter(is_partition).map(|table| table.oid).collect();
        for partition in partitions {
            self.agree(partition, false).await?;
        }
        Ok(())
    }

    fn parent_of(&mut self, oid: u32) -> Result<Arc<Table>> {
        let (catalog, table) = self.locked_table(oid)?;
        let parent = table.partitioning.of.as_ref().and_then(|of| catalog.tables.get(&of.parent));
        parent.cloned().ok_or_else(|| Error::internal("a partition has no parent"))
    }

    async fn inherit_checks(&mut self, oid: u32) -> Result<()> {
        let parent = self.parent_of(oid)?;
        for inherited in &parent.constraints {
            let (_, before) = self.locked_table(oid)?;
            let mut copy = inherited.clone();
            table_in_check(&mut copy, &parent.name, &before.name)?;
            let ConstraintKind::Check { expression } = &copy.kind else { continue };
            if has_copy(&before, inherited) {
                continue;
            }
            let mut table = (*before).clone();
            match table.constraints.iter_mut().find(|own| own.name == copy.name) {
                Some(own) if own.kind == copy.kind => own.parent = Some(inherited.oid),
                Some(own) => {
                    let message =
                        format!("constraint \"{}\" for relation \"{}\" already exists", own.name, before.name);
                    return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
                }
                None => {
                    let (name, not_valid) = (Some(copy.name.clone()), inherited.not_valid);
                    let check = Check { name, expression: &parsed(expression)?, not_valid, no_inherit: false };
                    let bound = self.add_check(&mut table, &check)?;
                    if let Some(own) = table.constraints.last_mut() {
                        own.parent = Some(inherited.oid);
                    }
                    if !not_valid {
                        self.validate_check(&before, &bound).await?;
                    }
                }
            }
            self.redefine(table)?;
        }
        Ok(())
    }

    async fn inherit_indexes(&mut self, oid: u32, is_new: bool) -> Result<()> {
        let parent = self.parent_of(oid)?;
        for inherited in parent.indexes.iter().filter(|index| is_new || index.valid) {
            let (_, table) = self.locked_table(oid)?;
            if table.indexes.iter().any(|own| own.parent == Some(inherited.oid)) {
                continue;
            }
            let own = match twin(&parent, &table, inherited) {
                Some(own) => own,
                None => self.copy_index(&parent, inherited, oid).await?,
            };
            let (_, table) = self.locked_table(oid)?;
            let mut table = (*table).clone();
            let index = table.indexes.iter_mut().find(|index| index.oid == own);
            let index = index.ok_or_else(|| Error::internal("an index that was just made is gone"))?;
            index.parent = Some(inherited.oid);
            let index = index.clone();
            if let Some(of_parent) = names::constraint_of(&parent, inherited)
                && let Some(constraint) = names::constraint_of(&table, &index).map(|constraint| constraint.oid)
            {
                let own = table.constraints.iter_mut().filter(|own| own.oid == constraint);
                own.for_each(|own| own.parent = Some(of_parent.oid));
            }
            self.put_table(table)?;
        }
        Ok(())
    }

    /// Makes an index of the parent for a partition; answers its oid.
    async fn copy_index(&mut self, parent: &Table, inherited: &Index, oid: u32) -> Result<u32> {
        let (_, table) = self.locked_table(oid)?;
        if let Some(constraint) = names::constraint_of(parent, inherited) {
            let included = counterparts(parent, &table, &inherited.included)?.into_iter();
            let name_of = |number| table.position_of_number(number).map(|at| table.columns[at].name.clone());
            let numbers: Vec<u16> = inherited.columns.iter().map(|column| column.number).collect();
            let columns = counterparts(parent, &table, &numbers)?;
            let names = columns.iter().filter_map(|number| table.position_of_number(*number));
            let key = Key {
                name: None,
                primary: parent.is_primary(inherited),
                nulls_distinct: inherited.nulls_distinct,
                columns: names.map(|at| table.columns[at].name.clone()).collect(),
                included: included.filter_map(name_of).collect(),
                options: inherited.options.clone(),
                deferrable: constraint.deferrable,
            };
            self.add_written(oid, Written::Key(key)).await?;
        } else {
            let columns = index_columns(parent, &table, inherited)?;
            let catalog = self.catalog();
            let included = counterparts(parent, &table, &inherited.included)?;
            let words = words_for(&catalog, &table, &columns, &included);
            let name = self.claim_made_name(&table, &words, "idx").await?;
            self.add_index(&table, Index { name, columns, included, valid: true, ..inherited.clone() }).await?;
        }
        let (_, table) = self.locked_table(oid)?;
        let made = table.indexes.last().map(|index| index.oid);
        made.ok_or_else(|| Error::internal("an index that was just made is gone"))
    }

    async fn inherit_foreign_keys(&mut self, oid: u32) -> Result<()> {
        let parent = self.parent_of(oid)?;
        for inherited in &parent.constraints {
            let ConstraintKind::ForeignKey { columns, target, target_columns, match_full, set_columns, .. } =
                &inherited.kind
            else {
                continue;
            };
            let (_, before) = self.locked_table(oid)?;
            if has_copy(&before, inherited) {
                continue;
            }
            let columns = counterparts(&parent, &before, columns)?;
            let mut kind = inherited.kind.clone();
            if let ConstraintKind::ForeignKey { columns: own, set_columns: own_set, .. } = &mut kind {
                *own = columns.clone();
                *own_set = counterparts(&parent, &before, set_columns)?;
            }
            let mut table = (*before).clone();
            if let Some(own) = table.constraints.iter_mut().find(|own| own.parent.is_none() && own.kind == kind) {
                own.parent = Some(inherited.oid);
                self.redefine(table)?;
                continue;
            }
            self.transaction.lock_table(TableId(*target), TableLock::ShareRowExclusive, self.wait).await?;
            let is_free = table.constraints.iter().all(|own| own.name != inherited.name);
            let named = columns.iter().filter_map(|number| table.position_of_number(*number));
            let joined = names::joined(named.map(|at| table.columns[at].name.as_str()));
            let name = self.foreign_key_name(&table, is_free.then_some(inherited.name.as_str()), &joined)?;
            let constraint = self.store.allocate_oid()?;
            table.constraints.push(Constraint {
                oid: constraint,
                name: name.clone(),
                kind,
                parent: Some(inherited.oid),
                local: false,
                ..inherited.clone()
            });
            let (target, target_columns, match_full) = (*target, target_columns.clone(), *match_full);
            let added = Added { name, columns, target, target_columns, match_full };
            if !inherited.not_valid {
                self.validate_foreign_key(&table, &added).await?;
            }
            self.redefine(table)?;
        }
        Ok(())
    }
}

fn has_copy(table: &Table, inherited: &Constraint) -> bool {
    table.constraints.iter().any(|own| own.parent == Some(inherited.oid))
}

/// The partition's attribute numbers of columns of its parent, which have the same names.
pub(super) fn counterparts(parent: &Table, partition: &Table, numbers: &[u16]) -> Result<Vec<u16>> {
    let counterpart = |number: &u16| {
        // An expression stands for itself.
        if *number == 0 {
            return Ok(0);
        }
        let position = partition.position_of(&parent.columns[parent.place(*number)?].name);
        position
            .map(|position| partition.columns[position].number)
            .ok_or_else(|| Error::internal("a partition lacks a column of its parent"))
    };
    numbers.iter().map(counterpart).collect()
}

fn index_columns(parent: &Table, partition: &Table, index: &Index) -> Result<Vec<IndexColumn>> {
    let numbers: Vec<u16> = index.columns.iter().map(|column| column.number).collect();
    let own = counterparts(parent, partition, &numbers)?;
    Ok(index.columns.iter().zip(own).map(|(column, number)| IndexColumn { number, ..column.clone() }).collect())
}

/// The partition's own index that says the same as one of its parent and is nobody's copy yet.
fn twin(parent: &Table, partition: &Table, inherited: &Index) -> Option<u32> {
    let is_constraint = names::constraint_of(parent, inherited).is_some();
    let same = |own: &&Index| {
        own.parent.is_none()
            && own.valid
            && is_twin(parent, partition, inherited, own)
            && (!is_constraint || names::constraint_of(partition, own).is_some())
    };
    partition.indexes.iter().find(same).map(|own| own.oid)
}

/// Whether an index of a partition says the same as one of its parent.
pub(super) fn is_twin(parent: &Table, partition: &Table, inherited: &Index, own: &Index) -> bool {
    index_columns(parent, partition, inherited).is_ok_and(|columns| own.columns == columns)
        && own.unique == inherited.unique
        && partition.is_primary(own) == parent.is_primary(inherited)
        && own.deferrable == inherited.deferrable
        && own.nulls_distinct == inherited.nulls_distinct
        && own.predicate == inherited.predicate
        && own.method == inherited.method
}
