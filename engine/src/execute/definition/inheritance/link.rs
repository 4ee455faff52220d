//! ALTER TABLE … INHERIT and NO INHERIT.

use datafusion::sql::sqlparser::ast::ObjectName;

use super::refuse_parent;
use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use crate::execute::definition::DefinitionEnvironment;
use crate::execute::definition::attach::{check_checks, check_columns};

impl DefinitionEnvironment<'_> {
    /// Lets a table, which is locked, inherit from another.
    pub(in crate::execute::definition) async fn add_parent(&mut self, oid: u32, name: &ObjectName) -> Result<()> {
        self.changeable(oid)?;
        let parent = self.lock_alone(name).await?;
        let table = self.changeable(oid)?;
        refuse_parent(&parent, table.temporary.is_some())?;
        if table.inherits.contains(&parent.oid) {
            let message = format!("relation \"{}\" would be inherited from more than once", parent.name);
            return Err(Error::new(SqlState::DUPLICATE_TABLE, message));
        }
        let beneath = self.catalog().descendants(oid);
        if parent.oid == oid || beneath.iter().any(|below| below.oid == parent.oid) {
            return Err(Error::new(SqlState::DUPLICATE_TABLE, "circular inheritance not allowed")
                .with_detail(format!("\"{}\" is already a child of \"{}\".", parent.name, table.name)));
        }
        check_columns(&parent, &table)?;
        check_checks(&parent, &table)?;
        let mut table = table;
        table.inherits.push(parent.oid);
        self.redefine(table)?;
        self.redefine((*parent).clone())?;
        Ok(())
    }

    /// What a table had of a parent is its own from then on.
    pub(in crate::execute::definition) async fn remove_parent(&mut self, oid: u32, name: &ObjectName) -> Result<()> {
        self.changeable(oid)?;
        let parent = self.lock_alone(name).await?;
        let mut table = self.changeable(oid)?;
        if !table.inherits.contains(&parent.oid) {
            let message = format!("relation \"{}\" is not a parent of relation \"{}\"", parent.name, table.name);
            return Err(Error::new(SqlState::UNDEFINED_TABLE, message));
        }
        table.inherits.retain(|above| *above != parent.oid);
        let catalog = self.catalog();
        let left = table.clone();
        for column in &mut table.columns {
            column.local |= catalog.column_parents(&left, &column.name) == 0;
        }
        for constraint in &mut table.constraints {
            constraint.local |= catalog.check_parents(&left, &constraint.name) == 0;
        }
        self.redefine(table)?;
        self.redefine((*parent).clone())?;
        Ok(())
    }

    /// The table; 42809 if it is partitioned or a partition.
    fn changeable(&mut self, oid: u32) -> Result<Table> {
        let (_, table) = self.locked_table(oid)?;
        crate::execute::definition::names::require_table(&table, |name| format!("\"{name}\" is not a table"))?;
        let what = match (&table.partitioning.key, &table.partitioning.of) {
            (_, Some(_)) => "a partition",
            (Some(_), None) => "partitioned table",
            (None, None) => return Ok((*table).clone()),
        };
        Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("cannot change inheritance of {what}")))
    }
}
