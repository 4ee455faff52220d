//! ALTER TABLE where tables are partitioned: what is done to one is done to everything beneath it, and what a partition
//! has of its parent cannot be altered by itself.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, Ident, TableConstraint,
};

use super::DefinitionEnvironment;
use super::drop::Part;
use crate::catalog::{Catalog, Constraint, ConstraintKind, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;

impl DefinitionEnvironment<'_> {
    /// Takes one action on a table, which is locked with everything beneath it, and on what is beneath it.
    pub(super) async fn alter_with_partitions(
        &mut self,
        oid: u32,
        operation: &AlterTableOperation,
        only: bool,
    ) -> Result<()> {
        use AlterTableOperation as Op;
        let (catalog, before) = self.locked_table(oid)?;
        refuse_on_inherited(&catalog, &before, operation)?;
        if catalog.is_inherited_from(&before) {
            return self.alter_with_heirs(oid, operation, only).await;
        }
        let below: Vec<u32> = catalog.descendants(oid).into_iter().map(|table| table.oid).collect();
        if before.partitioning.key.is_some() {
            let parts = catalog.descendants(oid);
            refuse_on_partitioned(&before, &parts, operation, only && !parts.is_empty())?;
            for part in catalog.descendants(oid).iter().filter(|table| table.partitioning.key.is_some()) {
                refuse_key_columns(part, operation)?;
            }
        }
        self.alter_table(oid, operation).await?;
        if below.is_empty() {
            return Ok(());
        }
        if only && is_key(operation) {
            return self.leave_incomplete(oid);
        }
        match operation {
            // With IF NOT EXISTS, the column may have been there.
            Op::AddColumn { column_def, .. } if before.position_of(&fold(&column_def.name)).is_none() => {
                let column = without_constraints(column_def);
                for oid in &below {
                    self.alter_add_column(*oid, &column, false).await?;
                }
                self.inherit_beneath(oid).await?;
            }
            Op::DropColumn { column_names, drop_behavior, .. } => {
                for column in column_names {
                    // With IF EXISTS, there may have been none.
                    if before.position_of(&fold(column)).is_none() {
                        continue;
                    }
                    for oid in &below {
                        self.alter_drop_column(*oid, column, false, drop_behavior.as_ref()).await?;
                    }
                }
            }
            Op::AlterColumn { column_name, op } => {
                for oid in &below {
                    self.alter_column(*oid, column_name, op).await?;
                }
            }
            Op::RenameColumn { old_column_name, new_column_name } => {
                for oid in &below {
                    self.alter_rename_column(*oid, old_column_name, new_column_name)?;
                }
            }
            Op::AddConstraint { .. } => self.inherit_beneath(oid).await?,
            Op::DropConstraint { name, .. } => {
                if let Some(constraint) = constraint_named(&before, name) {
                    self.drop_copies(oid, constraint.oid).await?;
                }
            }
            Op::ValidateConstraint { name } => {
                for oid in &below {
                    self.validate_constraint(*oid, name).await?;
                }
            }
            Op::RenameConstraint { old_name, new_name } => {
                let is_check = |kind: &ConstraintKind| matches!(kind, ConstraintKind::Check { .. });
                if constraint_named(&before, old_name).is_some_and(|constraint| is_check(&constraint.kind)) {
                    for oid in &below {
                        self.alter_rename_constraint(*oid, old_name, new_name).await?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A key that the partitions were not given is not relied on until they all have been attached to it.
    fn leave_incomplete(&mut self, oid: u32) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let mut table = (*table).clone();
        if let Some(index) = table.indexes.last_mut() {
            index.valid = false;
        }
        table.lay_out(table.storage.generation, &[])?;
        self.redefine(table)?;
        Ok(())
    }

    /// Drops what everything beneath a table has of one of its constraints, which is gone.
    pub(super) async fn drop_copies(&mut self, oid: u32, constraint: u32) -> Result<()> {
        let mut gone = vec![constraint];
        for below in self.catalog().descendants(oid) {
            let copy = below.constraints.iter().find(|own| own.parent.is_some_and(|parent| gone.contains(&parent)));
            let Some(copy) = copy else { continue };
            gone.push(copy.oid);
            match &copy.kind {
                ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => {
                    self.remove_part(below.oid, Part::Constraint(copy.oid))?;
                }
                ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => {
                    self.lock_name(below.schema, &copy.name).await?;
                    self.drop_key(below.oid, copy.oid, *index).await?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn constraint_named<'a>(table: &'a Table, name: &Ident) -> Option<&'a Constraint> {
    let name = fold(name);
    table.constraints.iter().find(|constraint| constraint.name == name)
}

/// A column's definition with its type, NOT NULL and DEFAULT: its constraints come from the parent.
pub(super) fn without_constraints(column: &ColumnDef) -> ColumnDef {
    let mut column = column.clone();
    column.options.retain(|option| {
        matches!(
            option.option,
            ColumnOption::Null | ColumnOption::NotNull | ColumnOption::Default(_) | ColumnOption::Collation(_)
        )
    });
    column
}

/// Refuses what a table cannot do with what it has of those above it.
fn refuse_on_inherited(catalog: &Catalog, table: &Table, operation: &AlterTableOperation) -> Result<()> {
    use AlterTableOperation as Op;
    let of = table.partitioning.of.as_ref().and_then(|of| catalog.tables.get(&of.parent));
    let above: Vec<&Table> = of.into_iter().chain(catalog.parents_of(table)).map(AsRef::as_ref).collect();
    if above.is_empty() {
        return Ok(());
    }
    let is_partition = of.is_some();
    let invalid = |message: String| Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    let inherited = |name: &Ident| {
        let name = fold(name);
        above.iter().find_map(|parent| parent.position_of(&name).map(|at| &parent.columns[at]))
    };
    let is_inherited = |constraint: &Constraint| {
        constraint.parent.is_some() || catalog.check_parents(table, &constraint.name) > 0 && constraint.is_handed_on()
    };
    match operation {
        Op::AddColumn { .. } if is_partition => {
            Err(Error::new(SqlState::WRONG_OBJECT_TYPE, "cannot add column to a partition"))
        }
        Op::DropColumn { column_names, .. } => match column_names.iter().find_map(inherited) {
            Some(column) => invalid(format!("cannot drop inherited column \"{}\"", column.name)),
            None => Ok(()),
        },
        Op::RenameColumn { old_column_name, .. } => match inherited(old_column_name) {
            Some(column) => invalid(format!("cannot rename inherited column \"{}\"", column.name)),
            None => Ok(()),
        },
        Op::AlterColumn { column_name, op } => match (op, inherited(column_name)) {
            (AlterColumnOperation::SetDataType { .. }, Some(column)) => {
                invalid(format!("cannot alter inherited column \"{}\"", column.name))
            }
            (AlterColumnOperation::DropNotNull, Some(column)) if column.not_null && is_partition => {
                invalid(format!("column \"{}\" is marked NOT NULL in parent table", column.name))
            }
            _ => Ok(()),
        },
        Op::DropConstraint { name, .. } => match constraint_named(table, name) {
            Some(constraint) if is_inherited(constraint) => {
                let (name, relation) = (&constraint.name, &table.name);
                invalid(format!("cannot drop inherited constraint \"{name}\" of relation \"{relation}\""))
            }
            _ => Ok(()),
        },
        Op::RenameConstraint { old_name, .. } => match constraint_named(table, old_name) {
            Some(constraint) if is_inherited(constraint) && matches!(constraint.kind, ConstraintKind::Check { .. }) => {
                invalid(format!("cannot rename inherited constraint \"{}\"", constraint.name))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// 42P16 for dropping a column that a table is partitioned by, or for changing its type.
fn refuse_key_columns(table: &Table, operation: &AlterTableOperation) -> Result<()> {
    use AlterTableOperation as Op;
    let divides = |name: &Ident| {
        let column = table.position_of(&fold(name)).map(|at| &table.columns[at])?;
        let key = table.partitioning.key.as_ref()?;
        let named =
            key.expressions.iter().any(|expression| super::rename::names_column(&expression.text, &column.name));
        (named || key.columns.contains(&column.number)).then_some(&column.name)
    };
    let (found, deed) = match operation {
        Op::DropColumn { column_names, .. } => (column_names.iter().find_map(divides), "drop"),
        Op::AlterColumn { column_name, op: AlterColumnOperation::SetDataType { .. } } => {
            (divides(column_name), "alter")
        }
        _ => return Ok(()),
    };
    let Some(column) = found else { return Ok(()) };
    let relation = &table.name;
    let message =
        format!("cannot {deed} column \"{column}\" because it is part of the partition key of relation \"{relation}\"");
    Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message))
}

fn is_key(operation: &AlterTableOperation) -> bool {
    use AlterTableOperation as Op;
    let Op::AddConstraint { constraint, .. } = operation else { return false };
    matches!(constraint, TableConstraint::PrimaryKey(_) | TableConstraint::Unique(_))
}

/// Refuses what a partitioned table cannot do, at all or without its partitions.
fn refuse_on_partitioned(
    table: &Table,
    below: &[Arc<Table>],
    operation: &AlterTableOperation,
    apart: bool,
) -> Result<()> {
    use AlterTableOperation as Op;
    let invalid = |message: String| Error::new(SqlState::INVALID_TABLE_DEFINITION, message);
    refuse_key_columns(table, operation)?;
    match operation {
        Op::DropColumn { .. } if apart => {
            let message = "cannot drop column from only the partitioned table when partitions exist".to_owned();
            return Err(invalid(message).with_hint("Do not specify the ONLY keyword."));
        }
        Op::AddColumn { .. } if apart => {
            return Err(invalid("column must be added to child tables too".to_owned()));
        }
        Op::AddConstraint { constraint: TableConstraint::PrimaryKey(key), .. } if apart => {
            let named = |part: &Arc<Table>, name: &str| {
                part.columns.iter().any(|column| column.name == name && column.not_null)
            };
            let names = key.columns.iter().map(|column| column.column.expr.to_string().replace('"', ""));
            if names.into_iter().any(|name| !below.iter().all(|part| named(part, &name))) {
                return Err(invalid("constraint must be added to child tables too".to_owned())
                    .with_hint("Do not specify the ONLY keyword."));
            }
        }
        Op::AddConstraint { constraint: TableConstraint::Unique(_), .. } if apart => {}
        Op::AddConstraint { .. } if apart => {
            return Err(invalid("constraint must be added to child tables too".to_owned()));
        }
        Op::SetOptionsParens { options } => {
            super::options::refuse_for_partitioned(&super::options::of_table(options)?)?
        }
        _ => {}
    }
    let whole = matches!(
        operation,
        Op::AlterColumn { .. } | Op::RenameColumn { .. } | Op::DropConstraint { .. } | Op::RenameConstraint { .. }
    );
    if apart && whole {
        return Err(Error::unsupported("this form of ALTER TABLE ONLY on a table with partitions"));
    }
    Ok(())
}
