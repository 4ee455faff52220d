//! ADD PRIMARY KEY or UNIQUE … USING INDEX: an index that is there becomes that of a constraint.
//!
//! Rows lie under their primary key, so for one they move, and the index is no longer needed as such.

use datafusion::sql::sqlparser::ast::ConstraintUsingIndex;

use super::constraint::{Key, Written, deferrable};
use super::{DefinitionEnvironment, names};
use crate::catalog::{Constraint, ConstraintKind, Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;

impl DefinitionEnvironment<'_> {
    pub(super) async fn adopt_index(&mut self, oid: u32, using: &ConstraintUsingIndex, primary: bool) -> Result<()> {
        let ConstraintUsingIndex { name, index_name, characteristics } = using;
        let deferrable = deferrable(characteristics.as_ref())?;
        let index = fold(index_name);
        let (catalog, table) = self.locked_table(oid)?;
        if table.partitioning.key.is_some() {
            let message = "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        let Some(own) = table.indexes.iter().find(|own| own.name == index) else {
            let elsewhere = catalog.relation_names.get(&(table.schema, index.clone()));
            if elsewhere.is_some_and(|found| catalog.index_tables.contains_key(found)) {
                let message = format!("index \"{index}\" does not belong to table \"{}\"", table.name);
                return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
            }
            let message = format!("index \"{index}\" does not exist");
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        };
        check_adoptable(&table, own)?;
        if primary && table.primary_key().is_some() {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
            return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        let own = own.clone();
        let name = name.as_ref().map_or_else(|| index.clone(), fold);
        if name != index {
            self.notice(format!(
                "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"{index}\" to \"{name}\""
            ));
            self.rename_index(oid, own.oid, &name).await?;
        }
        let columns: Vec<u16> = own.columns.iter().map(|column| column.number).collect();
        let (_, table) = self.locked_table(oid)?;
        if !primary && deferrable.is_none() {
            let mut table = (*table).clone();
            let kind = ConstraintKind::Unique { columns, index: own.oid };
            table.constraints.push(Constraint::new(self.store.allocate_oid()?, name, kind));
            self.redefine(table)?;
            return Ok(());
        }
        let named = columns.iter().filter_map(|number| table.position_of_number(*number));
        let columns = named.map(|position| table.columns[position].name.clone()).collect();
        self.remove_index(oid, own.oid)?;
        let included = own.included.iter().filter_map(|number| table.position_of_number(*number));
        let included = included.map(|position| table.columns[position].name.clone()).collect();
        let (nulls_distinct, options) = (own.nulls_distinct, own.options);
        let key = Key { name: Some(name), primary, nulls_distinct, columns, included, options, deferrable };
        self.add_written(oid, Written::Key(key)).await
    }
}

/// An error for an index that no constraint can have.
fn check_adoptable(table: &Table, index: &Index) -> Result<()> {
    let name = &index.name;
    let not_now = |message: String| Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    if names::constraint_of(table, index).is_some() {
        return not_now(format!("index \"{name}\" is already associated with a constraint"));
    }
    if !index.valid {
        return not_now(format!("index \"{name}\" is not valid"));
    }
    let unordered =
        index.columns.iter().position(|column| column.descending || column.nulls_first || column.class.is_some());
    let message = if !index.unique {
        format!("\"{name}\" is not a unique index")
    } else if index.columns.iter().any(|column| column.expression.is_some()) {
        format!("index \"{name}\" contains expressions")
    } else if index.predicate.is_some() {
        format!("\"{name}\" is a partial index")
    } else if let Some(at) = unordered {
        format!("index \"{name}\" column number {} does not have default sorting behavior", at + 1)
    } else {
        return Ok(());
    };
    Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
        .with_detail("Cannot create a primary key or unique constraint using such an index."))
}
