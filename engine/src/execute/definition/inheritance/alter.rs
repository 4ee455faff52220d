//! ALTER TABLE of a table that others inherit from. Columns and checks are theirs too; keys and indexes are not.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, ColumnOptionDef, Ident,
};

use super::create::collation_conflict;
use crate::catalog::{Constraint, ConstraintKind, Table};
use crate::error::{Error, Result, SqlState};
use crate::execute::definition::DefinitionEnvironment;
use crate::execute::definition::alter_partition::{constraint_named, without_constraints};
use crate::execute::definition::constraint::Check;
use crate::execute::definition::drop::Part;
use crate::execute::definition::rename::{parsed, table_in_check};
use crate::plan::bind::fold;

impl DefinitionEnvironment<'_> {
    /// Takes one action on a table, which is locked with everything beneath it, and on what inherits from it.
    pub(in crate::execute::definition) async fn alter_with_heirs(
        &mut self,
        oid: u32,
        operation: &AlterTableOperation,
        only: bool,
    ) -> Result<()> {
        use AlterTableOperation as Op;
        let (catalog, before) = self.locked_table(oid)?;
        refuse_apart(&before, operation, only)?;
        let below: Vec<Arc<Table>> = catalog.descendants(oid);
        self.refuse_other_parents(&before, &below, operation)?;
        self.alter_table(oid, operation).await?;
        let after = self.locked_table(oid)?.1;
        let is_new = |constraint: &&Constraint| before.constraints.iter().all(|old| old.oid != constraint.oid);
        match operation {
            Op::AddColumn { column_def, .. } if before.position_of(&fold(&column_def.name)).is_none() => {
                let column = heir_column(&after, column_def)?;
                self.hand_column_on(oid, &column).await?;
                let new: Vec<Constraint> = after.constraints.iter().filter(is_new).cloned().collect();
                self.hand_checks_on(oid, &new).await
            }
            Op::AddConstraint { .. } => {
                let new: Vec<Constraint> = after.constraints.iter().filter(is_new).cloned().collect();
                self.hand_checks_on(oid, &new).await
            }
            Op::DropColumn { column_names, .. } => {
                for column in column_names.iter().filter(|column| before.position_of(&fold(column)).is_some()) {
                    self.drop_handed_column(oid, column, only).await?;
                }
                Ok(())
            }
            Op::DropConstraint { name, .. } => match constraint_named(&before, name) {
                Some(constraint) if constraint.is_handed_on() => {
                    let name = constraint.name.clone();
                    self.drop_handed_check(oid, &name, only).await
                }
                _ => Ok(()),
            },
            Op::AlterColumn { column_name, op } if !only => {
                for heir in &below {
                    self.alter_column(heir.oid, column_name, op).await?;
                }
                Ok(())
            }
            Op::RenameColumn { old_column_name, new_column_name } => {
                for heir in &below {
                    self.alter_rename_column(heir.oid, old_column_name, new_column_name)?;
                }
                Ok(())
            }
            Op::RenameConstraint { old_name, new_name } => {
                if constraint_named(&before, old_name).is_some_and(Constraint::is_handed_on) {
                    for heir in &below {
                        self.alter_rename_constraint(heir.oid, old_name, new_name).await?;
                    }
                }
                Ok(())
            }
            Op::ValidateConstraint { name } => {
                if constraint_named(&before, name).is_some_and(Constraint::is_handed_on) {
                    for heir in &below {
                        self.validate_constraint(heir.oid, name).await?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The tables that inherit from a table without another between.
    fn heirs(&mut self, oid: u32) -> Vec<Arc<Table>> {
        self.catalog().partitions_of(oid).cloned().collect()
    }

    /// Gives what inherits from a table a column that it has now.
    async fn hand_column_on(&mut self, oid: u32, column: &ColumnDef) -> Result<()> {
        let name = fold(&column.name);
        let (_, parent) = self.locked_table(oid)?;
        let Some(wanted) = parent.position_of(&name).map(|at| parent.columns[at].clone()) else { return Ok(()) };
        for heir in self.heirs(oid) {
            // It may have it by another of its parents since.
            let (_, heir) = self.locked_table(heir.oid)?;
            if let Some(position) = heir.position_of(&name) {
                let own = &heir.columns[position];
                if own.ty != wanted.ty {
                    let message = format!("child table \"{}\" has different type for column \"{name}\"", heir.name);
                    return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
                }
                if own.collation() != wanted.collation() {
                    let message =
                        format!("child table \"{}\" has different collation for column \"{name}\"", heir.name);
                    return Err(collation_conflict(message, wanted.collation(), own.collation()));
                }
                self.notice(format!("merging definition of column \"{name}\" for child \"{}\"", heir.name));
                continue;
            }
            self.alter_add_column(heir.oid, column, false).await?;
            self.change_column_of(heir.oid, &name, false)?;
            Box::pin(self.hand_column_on(heir.oid, column)).await?;
        }
        Ok(())
    }

    /// Says whether a column is a table's own.
    fn change_column_of(&mut self, oid: u32, name: &str, local: bool) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let mut table = (*table).clone();
        table.columns.iter_mut().filter(|column| column.name == name).for_each(|column| column.local = local);
        self.redefine(table)?;
        Ok(())
    }

    /// Gives what inherits from a table checks that it has now.
    async fn hand_checks_on(&mut self, oid: u32, new: &[Constraint]) -> Result<()> {
        let (_, parent) = self.locked_table(oid)?;
        for heir in self.heirs(oid) {
            for check in new.iter().filter(|check| check.is_handed_on()) {
                let mut copy = Constraint { local: false, ..check.clone() };
                table_in_check(&mut copy, &parent.name, &heir.name)?;
                let ConstraintKind::Check { expression } = &copy.kind else { continue };
                let (_, before) = self.locked_table(heir.oid)?;
                let mut table = (*before).clone();
                if !self.merge_check(&mut table, &copy)? {
                    let (name, not_valid) = (Some(copy.name.clone()), check.not_valid);
                    let check = Check { name, expression: &parsed(expression)?, not_valid, no_inherit: false };
                    let bound = self.add_check(&mut table, &check)?;
                    table.constraints.iter_mut().rev().take(1).for_each(|own| own.local = false);
                    if !not_valid {
                        self.validate_check(&before, &bound).await?;
                    }
                }
                self.redefine(table)?;
            }
            Box::pin(self.hand_checks_on(heir.oid, new)).await?;
        }
        Ok(())
    }

    /// Takes a column that a table had from what inherits from it, where it is neither its own nor another parent's.
    async fn drop_handed_column(&mut self, oid: u32, column: &Ident, only: bool) -> Result<()> {
        let name = fold(column);
        for heir in self.heirs(oid) {
            let (catalog, heir) = self.locked_table(heir.oid)?;
            let Some(position) = heir.position_of(&name) else { continue };
            if catalog.column_parents(&heir, &name) > 0 {
                continue;
            }
            if only {
                self.change_column_of(heir.oid, &name, true)?;
            } else if !heir.columns[position].local {
                self.alter_drop_column(heir.oid, column, false, None).await?;
                Box::pin(self.drop_handed_column(heir.oid, column, false)).await?;
            }
        }
        Ok(())
    }

    /// The same for a check.
    async fn drop_handed_check(&mut self, oid: u32, name: &str, only: bool) -> Result<()> {
        for heir in self.heirs(oid) {
            let (catalog, heir) = self.locked_table(heir.oid)?;
            let Some(check) = heir.constraints.iter().find(|own| own.name == name && own.is_handed_on()) else {
                continue;
            };
            if catalog.check_parents(&heir, name) > 0 {
                continue;
            }
            if only {
                let mut table = (*heir).clone();
                table.constraints.iter_mut().filter(|own| own.oid == check.oid).for_each(|own| own.local = true);
                self.redefine(table)?;
            } else if !check.local {
                self.remove_part(heir.oid, Part::Constraint(check.oid))?;
                Box::pin(self.drop_handed_check(heir.oid, name, false)).await?;
            }
        }
        Ok(())
    }

    /// 42P16 if what is to change in all tables beneath one is in one of them another parent's too.
    fn refuse_other_parents(
        &mut self,
        table: &Table,
        below: &[Arc<Table>],
        operation: &AlterTableOperation,
    ) -> Result<()> {
        let (column, deed) = match operation {
            AlterTableOperation::RenameColumn { old_column_name, .. } => (fold(old_column_name), "rename"),
            AlterTableOperation::AlterColumn { column_name, op: AlterColumnOperation::SetDataType { .. } } => {
                (fold(column_name), "alter")
            }
            _ => return Ok(()),
        };
        let catalog = self.catalog();
        let is_known = |oid: u32| oid == table.oid || below.iter().any(|own| own.oid == oid);
        let has_other = |heir: &&Arc<Table>| {
            let mut others = catalog.parents_of(heir).filter(|parent| !is_known(parent.oid));
            others.any(|parent| parent.position_of(&column).is_some())
        };
        match below.iter().find(has_other) {
            None => Ok(()),
            Some(heir) if deed == "alter" => {
                Err(invalid(format!("cannot alter inherited column \"{column}\" of relation \"{}\"", heir.name)))
            }
            Some(_) => Err(invalid(format!("cannot {deed} inherited column \"{column}\""))),
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_TABLE_DEFINITION, message)
}

/// A column of a table as it is said for those that inherit from it.
fn heir_column(table: &Table, written: &ColumnDef) -> Result<ColumnDef> {
    let name = fold(&written.name);
    let made = table.position_of(&name).map(|at| &table.columns[at]);
    let made = made.ok_or_else(|| Error::internal("a column that was just made is gone"))?;
    if made.identity.is_some() {
        return Err(invalid("cannot recursively add identity column to table that has child tables".to_owned()));
    }
    let mut column = without_constraints(written);
    let is_default = |option: &ColumnOptionDef| matches!(option.option, ColumnOption::Default(_));
    let is_serial = made.default.is_some() && !made.generated && !column.options.iter().any(is_default);
    if is_serial {
        return Err(Error::unsupported("a new serial column of a table that others inherit from"));
    }
    let generation = |option: &&ColumnOptionDef| matches!(option.option, ColumnOption::Generated { .. });
    column.options.extend(written.options.iter().filter(generation).cloned());
    Ok(column)
}

/// Refuses what cannot be done to a table without those that inherit from it.
fn refuse_apart(table: &Table, operation: &AlterTableOperation, only: bool) -> Result<()> {
    use AlterTableOperation as Op;
    if !only {
        return Ok(());
    }
    let handed_on = |name: &Ident| constraint_named(table, name).filter(|constraint| constraint.is_handed_on());
    let message =
        match operation {
            Op::AddColumn { .. } => "column must be added to child tables too".to_owned(),
            Op::AddConstraint {
                constraint: datafusion::sql::sqlparser::ast::TableConstraint::Check(check), ..
            } if check.enforced != Some(false) => "constraint must be added to child tables too".to_owned(),
            Op::RenameColumn { old_column_name, .. } => {
                format!("inherited column \"{}\" must be renamed in child tables too", fold(old_column_name))
            }
            Op::AlterColumn { column_name, op: AlterColumnOperation::SetDataType { .. } } => {
                format!("type of inherited column \"{}\" must be changed in child tables too", fold(column_name))
            }
            Op::RenameConstraint { old_name, .. } if handed_on(old_name).is_some() => {
                format!("inherited constraint \"{}\" must be renamed in child tables too", fold(old_name))
            }
            Op::ValidateConstraint { name } if handed_on(name).is_some_and(|constraint| constraint.not_valid) => {
                "constraint must be validated on child tables too".to_owned()
            }
            _ => return Ok(()),
        };
    Err(invalid(message))
}
