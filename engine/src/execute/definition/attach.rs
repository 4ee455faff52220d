//! ALTER TABLE … ATTACH PARTITION and DETACH PARTITION.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{ForValues, ObjectName};
use storage::TableLock;

use super::DefinitionEnvironment;
use super::rename::table_in_check;
use crate::catalog::Table;
use crate::catalog::partition::PartitionOf;
use crate::error::{Error, Result, SqlState};

impl DefinitionEnvironment<'_> {
    /// Makes a table, with the rows it has, a partition of another, which is locked.
    pub(super) async fn attach_partition(&mut self, parent: u32, name: &ObjectName, values: &ForValues) -> Result<()> {
        self.partitioned(parent)?;
        let table = self.lock_alone(name).await?;
        let parent = self.partitioned(parent)?;
        if table.partitioning.of.is_some() {
            let message = format!("\"{}\" is already a partition", table.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        let catalog = self.catalog();
        if table.oid == parent.oid || catalog.ancestors(&parent).iter().any(|above| above.oid == table.oid) {
            return Err(Error::new(SqlState::DUPLICATE_TABLE, "circular inheritance not allowed")
                .with_detail(format!("\"{}\" is already a child of \"{}\".", parent.name, table.name)));
        }
        let lasts = |table: &Table| if table.temporary.is_some() { "temporary" } else { "permanent" };
        if lasts(&table) != lasts(&parent) {
            let (own, above) = (lasts(&table), lasts(&parent));
            let message =
                format!("cannot attach a {own} relation as partition of {above} relation \"{}\"", parent.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        let refused = [(!table.inherits.is_empty(), "child"), (catalog.is_inherited_from(&table), "parent")];
        if let Some((_, what)) = refused.iter().find(|(is_so, _)| *is_so) {
            let message = format!("cannot attach inheritance {what} as partition");
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        self.lock_beneath(table.oid, TableLock::AccessExclusive).await?;
        self.lock_default(parent.oid).await?;
        check_no_others(&parent, &table)?;
        check_columns(&parent, &table)?;
        check_checks(&parent, &table)?;
        self.check_triggers_beneath(&parent, &table)?;
        let bound = self.read_bound(&parent, &table.name, values)?;
        let mut attached = (*table).clone();
        attached.partitioning.of = Some(PartitionOf { parent: parent.oid, bound });
        let attached = self.redefine(attached)?;
        self.redefine((*parent).clone())?;
        if self.has_misplaced_row(&attached).await? {
            let message = format!("partition constraint of relation \"{}\" is violated by some row", attached.name);
            return Err(
                Error::new(SqlState::CHECK_VIOLATION, message).with_table(self.schema_of(&attached), &attached.name)
            );
        }
        self.check_default(&parent).await?;
        self.inherit(attached.oid).await
    }

    /// Makes a partition a table of its own, with everything that it had of its parent.
    pub(super) async fn detach_partition(&mut self, parent: u32, name: &ObjectName) -> Result<()> {
        self.partitioned(parent)?;
        let table = self.lock_alone(name).await?;
        let parent = self.partitioned(parent)?;
        if table.partitioning.of.as_ref().is_none_or(|of| of.parent != parent.oid) {
            let message = format!("relation \"{}\" is not a partition of relation \"{}\"", table.name, parent.name);
            return Err(Error::new(SqlState::UNDEFINED_TABLE, message));
        }
        self.lock_default(parent.oid).await?;
        let mut detached = (*table).clone();
        detached.partitioning.of = None;
        detached.constraints.iter_mut().for_each(|constraint| constraint.parent = None);
        detached.indexes.iter_mut().for_each(|index| index.parent = None);
        self.redefine(detached)?;
        self.redefine((*parent).clone())?;
        Ok(())
    }

    /// The table, which is locked; 42P17 unless it is partitioned.
    fn partitioned(&mut self, oid: u32) -> Result<Arc<Table>> {
        let (_, table) = self.locked_table(oid)?;
        if table.partitioning.key.is_some() {
            return Ok(table);
        }
        let message = format!("table \"{}\" is not partitioned", table.name);
        Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message))
    }
}

/// 42804 if a table has columns that the one that it is to be a partition of does not have.
fn check_no_others(parent: &Table, table: &Table) -> Result<()> {
    let mismatch = |message: String| Error::new(SqlState::DATATYPE_MISMATCH, message);
    if let Some(extra) = table.columns.iter().find(|column| parent.position_of(&column.name).is_none()) {
        let message = format!(
            "table \"{}\" contains column \"{}\" not found in parent \"{}\"",
            table.name, extra.name, parent.name
        );
        return Err(mismatch(message).with_detail("The new partition may contain only the columns present in parent."));
    }
    Ok(())
}

/// 42804 unless a table has the columns of the one that it is to be beneath.
pub(super) fn check_columns(parent: &Table, table: &Table) -> Result<()> {
    let mismatch = |message: String| Error::new(SqlState::DATATYPE_MISMATCH, message);
    for column in &parent.columns {
        let own = table.position_of(&column.name).map(|at| &table.columns[at]);
        let own = own.ok_or_else(|| mismatch(format!("child table is missing column \"{}\"", column.name)))?;
        if own.ty != column.ty {
            let message = format!("child table \"{}\" has different type for column \"{}\"", table.name, column.name);
            return Err(mismatch(message));
        }
        if column.generated && !own.generated {
            return Err(mismatch(format!("column \"{}\" in child table must be a generated column", column.name)));
        }
        if column.generated && own.default != column.default {
            let message = format!("column \"{}\" in child table has a conflicting generation expression", column.name);
            return Err(mismatch(message));
        }
        if column.not_null && !own.not_null {
            let message = format!("column \"{}\" in child table must be marked NOT NULL", column.name);
            return Err(mismatch(message));
        }
    }
    Ok(())
}

/// 42804 unless a table has the checks of the one that it is to be beneath.
pub(super) fn check_checks(parent: &Table, table: &Table) -> Result<()> {
    for constraint in parent.constraints.iter().filter(|constraint| constraint.is_handed_on()) {
        let mut wanted = constraint.clone();
        table_in_check(&mut wanted, &parent.name, &table.name)?;
        let own = table.constraints.iter().find(|own| own.name == wanted.name);
        let message = match own {
            Some(own) if own.kind == wanted.kind && (own.no_inherit || own.not_valid && !wanted.not_valid) => {
                let what = if own.no_inherit { "non-inherited" } else { "NOT VALID" };
                let message = format!(
                    "constraint \"{}\" conflicts with {what} constraint on child table \"{}\"",
                    own.name, table.name
                );
                return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
            }
            Some(own) if own.kind == wanted.kind => continue,
            Some(_) => format!(
                "child table \"{}\" has different definition for check constraint \"{}\"",
                table.name, wanted.name
            ),
            None => format!("child table is missing constraint \"{}\"", wanted.name),
        };
        return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
    }
    Ok(())
}
