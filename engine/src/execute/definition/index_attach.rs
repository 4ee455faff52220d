//! ALTER INDEX … ATTACH PARTITION: an index of a partition becomes part of one of the partitioned table.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName;
use storage::TableLock;

use super::names::{self, Relation};
use super::{DefinitionEnvironment, inherit};
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};

impl DefinitionEnvironment<'_> {
    pub(super) async fn attach_index(&mut self, index: &ObjectName, partition: &ObjectName) -> Result<()> {
        let (parent, above) = self.lock_index(index, SqlState::WRONG_OBJECT_TYPE).await?;
        if parent.partitioning.key.is_none() {
            let message = format!("ALTER action ATTACH PARTITION cannot be performed on relation \"{}\"", above.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                .with_detail("This operation is not supported for indexes."));
        }
        let (table, own) = self.lock_index(partition, SqlState::INVALID_OBJECT_DEFINITION).await?;
        if own.parent == Some(above.oid) {
            return Ok(());
        }
        self.check_attachable(&parent, &above, &table, &own)?;
        let mut attached = (*table).clone();
        attached
            .indexes
            .iter_mut()
            .filter(|index| index.oid == own.oid)
            .for_each(|index| index.parent = Some(above.oid));
        if let (Some(of_parent), Some(of_own)) =
            (names::constraint_of(&parent, &above), names::constraint_of(&table, &own))
        {
            let copies = attached.constraints.iter_mut().filter(|constraint| constraint.oid == of_own.oid);
            copies.for_each(|constraint| constraint.parent = Some(of_parent.oid));
        }
        self.redefine(attached)?;
        self.complete_index(parent.oid, above.oid)
    }

    /// An index may be relied on when every partition has its part of it. Then so may be, perhaps, the one above.
    fn complete_index(&mut self, table: u32, index: u32) -> Result<()> {
        let (catalog, table) = self.locked_table(table)?;
        let has_part =
            |partition: &Arc<Table>| partition.indexes.iter().any(|own| own.parent == Some(index) && own.valid);
        let Some(own) = table.indexes.iter().find(|own| own.oid == index && !own.valid) else { return Ok(()) };
        if !catalog.partitions_of(table.oid).all(has_part) {
            return Ok(());
        }
        let above = own.parent.zip(table.partitioning.of.as_ref().map(|of| of.parent));
        let mut complete = (*table).clone();
        complete.indexes.iter_mut().filter(|own| own.oid == index).for_each(|own| own.valid = true);
        complete.lay_out(table.storage.generation, &[])?;
        self.derive(&mut complete)?;
        self.redefine(complete)?;
        match above {
            Some((index, table)) => self.complete_index(table, index),
            None => Ok(()),
        }
    }

    /// Finds an index and locks its table; `state` refuses what is no index.
    pub(super) async fn lock_index(&mut self, name: &ObjectName, state: SqlState) -> Result<(Arc<Table>, Index)> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let Some(found) = self.find(&catalog, &name)? else {
                return Err(Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{name}\" does not exist")));
            };
            let Relation::Index(table, at) = found else {
                return Err(Error::new(state, format!("\"{}\" is not an index", name.name)));
            };
            let index = table.indexes[at].oid;
            self.check_owner(table.owner, "index", &name.name)?;
            self.lock_table(table.oid, TableLock::AccessExclusive).await?;
            let (_, table) = self.locked_table(table.oid)?;
            if let Some(index) = table.indexes.iter().find(|own| own.oid == index && own.name == name.name) {
                let index = index.clone();
                return Ok((table, index));
            }
        }
    }

    fn check_attachable(&self, parent: &Table, above: &Index, table: &Table, own: &Index) -> Result<()> {
        let refused = |state: SqlState, detail: String| {
            let message = format!("cannot attach index \"{}\" as a partition of index \"{}\"", own.name, above.name);
            Err(Error::new(state, message).with_detail(detail))
        };
        let not_now = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
        if own.parent.is_some() {
            return refused(not_now, format!("Index \"{}\" is already attached to another index.", own.name));
        }
        if table.partitioning.of.as_ref().is_none_or(|of| of.parent != parent.oid) {
            let detail =
                format!("Index \"{}\" is not an index on any partition of table \"{}\".", own.name, parent.name);
            return refused(not_now, detail);
        }
        if !inherit::is_twin(parent, table, above, own) {
            return refused(SqlState::INVALID_OBJECT_DEFINITION, "The index definitions do not match.".to_owned());
        }
        if names::constraint_of(parent, above).is_some() && names::constraint_of(table, own).is_none() {
            let detail = format!(
                "The index \"{}\" belongs to a constraint in table \"{}\" but no constraint exists for index \"{}\".",
                above.name, parent.name, own.name
            );
            return refused(SqlState::INVALID_OBJECT_DEFINITION, detail);
        }
        if table.indexes.iter().any(|other| other.parent == Some(above.oid)) {
            let detail = format!("Another index is already attached for partition \"{}\".", table.name);
            return refused(not_now, detail);
        }
        Ok(())
    }
}
