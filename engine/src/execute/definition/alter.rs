//! ALTER TABLE: one lock for the whole statement, then its actions one by one, each on the table as the one before left it.
//!
//! PostgreSQL sorts the actions into passes (what is dropped first, then columns, then constraints), so that
//! `ADD CHECK (b > 0), ADD COLUMN b int` works; so do we.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ObjectName, Owner, RenameTableNameKind, TableConstraint,
};
use storage::{Refusal, TableId, TableLock, Value};

use super::names::{self, named_schema};
use super::{DefinitionEnvironment, options, owner_oid, stream};
use crate::catalog::{Catalog, ConstraintKind, TEMPORARY_SCHEMA, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::check_schema;
use crate::statement::definition::TableChange;

/// Runs ALTER TABLE.
pub(super) async fn run(alter: &AlterTable, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let AlterTable { name, if_exists, only, operations, location, on_cluster, table_type, end_token: _ } = alter;
    if location.is_some() || on_cluster.is_some() || table_type.is_some() {
        return Err(Error::unsupported("a clause of this ALTER TABLE that PostgreSQL does not have"));
    }
    let mode = operations.iter().map(lock_mode).max().unwrap_or(TableLock::AccessExclusive);
    let Some(oid) = environment.lock_to_alter(name, *if_exists, mode).await? else { return Ok(()) };
    environment.lock_beneath(oid, mode).await?;
    let mut operations: Vec<&AlterTableOperation> = operations.iter().collect();
    operations.sort_by_key(|operation| pass(operation));
    for operation in operations {
        environment.alter_with_partitions(oid, operation, *only).await?;
    }
    Ok(())
}

/// Runs the forms of ALTER TABLE that stand alone.
pub(super) async fn run_change(
    name: &ObjectName,
    if_exists: bool,
    change: &TableChange,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let mode = match change {
        TableChange::SetSchema(_) => TableLock::AccessExclusive,
        TableChange::SetOptions(_) | TableChange::ResetOptions(_) => TableLock::ShareUpdateExclusive,
        TableChange::ClusterOn(_) | TableChange::WithoutCluster => TableLock::ShareUpdateExclusive,
        TableChange::ReplicaIdentity(_) => TableLock::AccessExclusive,
        TableChange::AttachPartition { .. } | TableChange::DetachPartition(_) | TableChange::Column { .. } => {
            TableLock::AccessExclusive
        }
        TableChange::Inherit(_) | TableChange::NoInherit(_) | TableChange::Logged(_) => TableLock::AccessExclusive,
        TableChange::WithoutOids => TableLock::AccessExclusive,
        TableChange::Constraint { .. } | TableChange::Triggers(_) => TableLock::ShareRowExclusive,
    };
    let Some(oid) = environment.lock_to_alter(name, if_exists, mode).await? else { return Ok(()) };
    match change {
        TableChange::SetSchema(schema) => environment.set_table_schema(oid, schema).await,
        TableChange::SetOptions(given) => environment.set_table_options(oid, options::of_table_set(given)?).await,
        TableChange::ResetOptions(given) => {
            let names = options::names_to_reset(given)?;
            let (_, table) = environment.locked_table(oid)?;
            let mut table = (*table).clone();
            table.options.retain(|(name, _)| !names.contains(name));
            environment.put_table(table)?;
            Ok(())
        }
        TableChange::ClusterOn(index) => environment.mark_clustered(oid, Some(index)),
        TableChange::WithoutCluster => environment.mark_clustered(oid, None),
        TableChange::WithoutOids => Ok(()),
        TableChange::Constraint { name, deferrable } => environment.alter_constraint(oid, name, *deferrable),
        TableChange::ReplicaIdentity(change) => environment.set_replica_identity(oid, change),
        TableChange::Triggers(switch) => environment.switch_triggers(oid, switch),
        TableChange::AttachPartition { partition, values } => {
            environment.attach_partition(oid, partition, values).await
        }
        TableChange::Column { column, change } => {
            environment.lock_beneath(oid, mode).await?;
            environment.change_column(oid, column, change).await
        }
        TableChange::DetachPartition(partition) => environment.detach_partition(oid, partition).await,
        TableChange::Logged(logged) => environment.set_logged(oid, *logged),
        TableChange::Inherit(parent) => environment.add_parent(oid, parent).await,
        TableChange::NoInherit(parent) => environment.remove_parent(oid, parent).await,
    }
}

/// The mode in which PostgreSQL locks the table for an action.
fn lock_mode(operation: &AlterTableOperation) -> TableLock {
    match operation {
        AlterTableOperation::AddConstraint { constraint: TableConstraint::ForeignKey(_), .. } => {
            TableLock::ShareRowExclusive
        }
        AlterTableOperation::SetOptionsParens { .. } => TableLock::ShareUpdateExclusive,
        _ => TableLock::AccessExclusive,
    }
}

/// When an action takes place among the others.
fn pass(operation: &AlterTableOperation) -> u8 {
    use AlterTableOperation as Op;
    match operation {
        Op::DropColumn { .. } | Op::DropConstraint { .. } => 0,
        Op::AlterColumn { op: AlterColumnOperation::DropNotNull | AlterColumnOperation::DropDefault, .. } => 0,
        Op::AlterColumn { op: AlterColumnOperation::SetDataType { .. }, .. } => 1,
        Op::AddColumn { .. } => 2,
        Op::AlterColumn { .. } => 3,
        Op::AddConstraint { constraint: TableConstraint::PrimaryKey(_) | TableConstraint::Unique(_), .. } => 4,
        Op::AddConstraint { .. } => 5,
        _ => 6,
    }
}

impl DefinitionEnvironment<'_> {
    /// Finds and locks the table; None if there is none and that is no error.
    pub(super) async fn lock_to_alter(
        &mut self,
        name: &ObjectName,
        if_exists: bool,
        mode: TableLock,
    ) -> Result<Option<u32>> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let missing_schema = name.schema.as_ref().is_some_and(|schema| catalog.schema_named(schema).is_none());
            if if_exists && (missing_schema || self.find(&catalog, &name)?.is_none()) {
                self.notice_skipping(None, format!("relation \"{}\" does not exist", name.name));
                return Ok(None);
            }
            let table = self.find_table(&catalog, &name)?;
            self.check_table_owner(&table)?;
            self.lock_table(table.oid, mode).await?;
            let catalog = self.catalog();
            let now = self.find_table(&catalog, &name)?;
            if now.oid == table.oid {
                self.check_table_owner(&now)?;
                return Ok(Some(now.oid));
            }
        }
    }

    /// A table that is locked, as it is now.
    pub(super) fn locked_table(&mut self, oid: u32) -> Result<(Arc<Catalog>, Arc<Table>)> {
        let catalog = self.catalog();
        let table = catalog.tables.get(&oid).cloned().ok_or_else(|| Error::internal("a locked table is gone"))?;
        Ok((catalog, table))
    }

    pub(super) async fn alter_table(&mut self, oid: u32, operation: &AlterTableOperation) -> Result<()> {
        use AlterTableOperation as Op;
        let (_, table) = self.locked_table(oid)?;
        let of_views = |operation: &Op| {
            use datafusion::sql::sqlparser::ast::AlterColumnOperation as Of;
            let default = |op: &Of| matches!(op, Of::SetDefault { .. } | Of::DropDefault);
            matches!(operation, Op::RenameColumn { .. })
                || matches!(operation, Op::AlterColumn { op, .. } if default(op))
        };
        let whole = matches!(operation, Op::RenameTable { .. } | Op::OwnerTo { .. });
        let renames = table.materialized.is_some() && matches!(operation, Op::RenameColumn { .. });
        if !(whole || renames || table.view().is_some() && of_views(operation)) {
            refuse_action(&table, operation)?;
        }
        match operation {
            Op::AddColumn { column_keyword: _, if_not_exists, column_def, column_position: None } => {
                self.alter_add_column(oid, column_def, *if_not_exists).await
            }
            Op::DropColumn { has_column_keyword: _, column_names, if_exists, drop_behavior } => {
                for column in column_names {
                    self.alter_drop_column(oid, column, *if_exists, drop_behavior.as_ref()).await?;
                }
                Ok(())
            }
            Op::AlterColumn { column_name, op } => self.alter_column(oid, column_name, op).await,
            Op::AddConstraint { constraint, not_valid } => self.alter_add_constraint(oid, constraint, *not_valid).await,
            Op::DropConstraint { if_exists, name, drop_behavior } => {
                self.alter_drop_constraint(oid, name, *if_exists, drop_behavior.as_ref()).await
            }
            Op::ValidateConstraint { name } => self.validate_constraint(oid, name).await,
            Op::RenameColumn { old_column_name, new_column_name } => {
                self.alter_rename_column(oid, old_column_name, new_column_name)
            }
            Op::RenameConstraint { old_name, new_name } => self.alter_rename_constraint(oid, old_name, new_name).await,
            Op::RenameTable { table_name: RenameTableNameKind::To(name) } => self.rename_table(oid, name).await,
            Op::OwnerTo { new_owner } => self.change_table_owner(oid, new_owner).await,
            Op::SetOptionsParens { options } => self.set_table_options(oid, options::of_table(options)?).await,
            other => match self.alter_row_security(oid, other)? || self.alter_trigger_switch(oid, other)? {
                true => Ok(()),
                false => Err(Error::unsupported(format!("ALTER TABLE … {other}"))),
            },
        }
    }

    pub(super) async fn rename_table(&mut self, oid: u32, name: &ObjectName) -> Result<()> {
        let name = self.qualified(name)?;
        if name.schema.is_some() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \".\""));
        }
        let (catalog, table) = self.locked_table(oid)?;
        if let Some(schema) = catalog.schemas.get(&table.schema) {
            check_schema(self.principal, schema, auth::Privileges::CREATE)?;
        }
        self.lock_name(table.schema, &table.name).await?;
        self.lock_name(table.schema, &name.name).await?;
        if self.catalog().relation_names.contains_key(&(table.schema, name.name.clone())) {
            let message = format!("relation \"{}\" already exists", name.name);
            return Err(Error::new(SqlState::DUPLICATE_TABLE, message));
        }
        let mut table = (*table).clone();
        super::rename::table_in_expressions(&mut table, &name.name)?;
        table.name = name.name;
        self.redefine(table)?;
        Ok(())
    }

    /// Moves the table, and its indexes with it.
    pub(super) async fn set_table_schema(&mut self, oid: u32, name: &str) -> Result<()> {
        let catalog = self.catalog();
        let schema = named_schema(&catalog, name)?.oid;
        self.lock_schema(schema, false).await?;
        let (catalog, table) = self.locked_table(oid)?;
        let schema = named_schema(&catalog, name)?;
        check_schema(self.principal, schema, auth::Privileges::CREATE)?;
        if names::is_system_schema(name) {
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for schema {name}")));
        }
        if schema.oid == table.schema {
            return Ok(());
        }
        if table.temporary.is_some() || name.starts_with(TEMPORARY_SCHEMA) {
            let message = "cannot move objects into or out of temporary schemas";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        let own_names = || std::iter::once(&table.name).chain(table.indexes.iter().map(|index| &index.name));
        for own in own_names() {
            self.lock_name(table.schema, own).await?;
            self.lock_name(schema.oid, own).await?;
            if self.catalog().relation_names.contains_key(&(schema.oid, own.clone())) {
                let message = format!("relation \"{own}\" already exists in schema \"{name}\"");
                return Err(Error::new(SqlState::DUPLICATE_TABLE, message));
            }
        }
        let mut table = (*table).clone();
        table.schema = schema.oid;
        let schema = schema.oid;
        self.redefine(table)?;
        for (old, name) in catalog.sequences_of(oid).map(|(sequence, _)| (sequence.schema, &sequence.name)) {
            self.lock_name(old, name).await?;
            self.lock_name(schema, name).await?;
        }
        self.change_owned_sequences(oid, |sequence| sequence.schema = schema)?;
        Ok(())
    }

    pub(super) async fn change_table_owner(&mut self, oid: u32, owner: &Owner) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        let schema = catalog.schemas.get(&table.schema).cloned();
        let owner = self.new_owner(&catalog, owner, schema.as_deref()).await?;
        let give = |relation: &mut Table| relation.give_to(owner);
        let mut table = (*table).clone();
        give(&mut table);
        self.redefine(table)?;
        self.change_owned_sequences(oid, give)?;
        Ok(())
    }

    /// The role that is to own something from now on: the principal must be a member of it, and it must be allowed to
    /// make things in the schema.
    pub(super) async fn new_owner(
        &mut self,
        catalog: &Catalog,
        owner: &Owner,
        schema: Option<&crate::catalog::Schema>,
    ) -> Result<u32> {
        let oid = owner_oid(self, catalog, owner)?;
        self.lock_role(oid, false).await?;
        let catalog = self.catalog();
        // It may have been dropped while the lock was awaited.
        let oid = match owner_oid(self, &catalog, owner)? {
            same if same == oid => oid,
            _ => return Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{owner}\" does not exist"))),
        };
        let role = auth::RoleId(oid);
        if !auth::is_member_of(self.principal.role(), role, catalog.as_ref()) {
            let message = format!("must be member of role \"{}\"", catalog.role_name(oid));
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        if let Some(schema) = schema
            && !self.principal.is_superuser()
        {
            let owner = auth::Principal::resolve(role, catalog.role_name(oid), catalog.as_ref());
            check_schema(&owner, schema, auth::Privileges::CREATE)?;
        }
        Ok(oid)
    }

    async fn set_table_options(&mut self, oid: u32, new: Vec<(String, String)>) -> Result<()> {
        self.hold_storage(&new).await?;
        let (_, table) = self.locked_table(oid)?;
        if table.partitioning.key.is_some() {
            options::refuse_for_partitioned(&new)?;
        }
        let mut table = (*table).clone();
        options::merge(&mut table.options, new);
        // Writers are not locked out, and nothing changes for them.
        self.put_table(table)?;
        Ok(())
    }

    /// Notes whether a table is to be as durable as others, which it is anyway. It may not be more so than what it points at.
    fn set_logged(&mut self, oid: u32, logged: bool) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        names::require_table(&table, |name| format!("\"{name}\" is not a table"))?;
        let invalid = |message: String| Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
        let name = &table.name;
        if table.temporary.is_some() {
            return invalid(format!("cannot change logged status of table \"{name}\" because it is temporary"));
        }
        let points = |from: &Table, to: u32| {
            let target = |constraint: &crate::catalog::Constraint| match constraint.kind {
                ConstraintKind::ForeignKey { target, .. } => target == to,
                _ => false,
            };
            from.oid != to && from.constraints.iter().any(target)
        };
        let in_the_way = catalog.tables.values().find(|other| match logged {
            true => other.unlogged && points(&table, other.oid),
            false => !other.unlogged && points(other, oid),
        });
        if let Some(other) = in_the_way {
            let (to, of) = if logged { ("logged", "unlogged") } else { ("unlogged", "logged") };
            let other = &other.name;
            return invalid(format!(
                "could not change table \"{name}\" to {to} because it references {of} table \"{other}\""
            ));
        }
        let mut table = (*table).clone();
        table.unlogged = !logged;
        self.put_table(table)?;
        Ok(())
    }

    /// Writes every row of a table into new contents, as `after` says: other columns, another key, or both. `convert`
    /// makes a row of the new columns from one of the old; without it the columns stay as they are.
    pub(super) async fn rewrite(
        &mut self,
        before: &Table,
        mut after: Table,
        convert: Option<&mut (dyn FnMut(Vec<Value>) -> Result<Vec<Value>> + Send)>,
    ) -> Result<()> {
        if before.is_stream() {
            return Err(stream::unsupported(before, "a change that rewrites the rows"));
        }
        let generation = self.new_generation()?;
        for index in after.indexes.iter_mut().filter(|index| !index.primary) {
            index.generation = Some(self.new_generation()?);
        }
        after.lay_out(generation, &[])?;
        self.derive(&mut after)?;
        let rewritten = match convert {
            None => self.transaction.rewrite(&before.storage, &after.storage, None).await,
            Some(convert) => {
                let mut failure = None;
                let mut convert_or_stop = |values| {
                    convert(values).map_err(|error| {
                        failure = Some(error);
                        storage::Error::Io("a row could not be converted".to_owned())
                    })
                };
                let convert: storage::Convert<'_> = &mut convert_or_stop;
                let rewritten = self.transaction.rewrite(&before.storage, &after.storage, Some(convert)).await;
                // One of a deleted row that is kept hinders nobody.
                if let (true, Some(error)) = (rewritten.is_err(), failure) {
                    return Err(self.discreet(before, error));
                }
                rewritten
            }
        };
        match rewritten.map_err(|error| self.discreet(before, error))? {
            None => {}
            Some(Refusal::Duplicate(duplicate)) => return Err(self.not_unique(&after, &duplicate)),
            Some(Refusal::NullInKey { column }) => return Err(self.contains_null(&after, column)),
        }
        for index in &after.storage.indexes {
            self.check_late_key(&after, index).await?;
        }
        self.drop_contents(before);
        self.transaction.replaced(TableId(before.oid));
        self.redefine(after)?;
        Ok(())
    }
}

/// 42703 unless the table has the column; its position.
pub(super) fn column_of(table: &Table, name: &str) -> Result<usize> {
    table.position_of(name).ok_or_else(|| {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
        Error::new(SqlState::UNDEFINED_COLUMN, message)
    })
}

/// `column c of table t`, as messages about dependencies say it.
pub(super) fn shown_column(
    environment: &DefinitionEnvironment<'_>,
    catalog: &Catalog,
    table: &Table,
    name: &str,
) -> String {
    format!("column {} of {} {}", names::quoted(name), table.noun(), environment.shown(catalog, table))
}

/// 42809 for an action on something that only tables have.
fn refuse_action(table: &Table, operation: &AlterTableOperation) -> Result<()> {
    names::refuse_system(table)?;
    if table.noun() == "table" {
        return Ok(());
    }
    let Some(action) = action_words(operation) else {
        return names::require_table(table, |name| format!("\"{name}\" is not a table"));
    };
    let message = format!("ALTER action {action} cannot be performed on relation \"{}\"", table.name);
    Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
        .with_detail(format!("This operation is not supported for {}s.", table.noun())))
}

/// What an action is called where it is refused.
fn action_words(operation: &AlterTableOperation) -> Option<&'static str> {
    use datafusion::sql::sqlparser::ast::AlterColumnOperation as Of;
    Some(match operation {
        AlterTableOperation::AddColumn { .. } => "ADD COLUMN",
        AlterTableOperation::DropColumn { .. } => "DROP COLUMN",
        AlterTableOperation::AddConstraint { .. } => "ADD CONSTRAINT",
        AlterTableOperation::DropConstraint { .. } => "DROP CONSTRAINT",
        AlterTableOperation::ValidateConstraint { .. } => "VALIDATE CONSTRAINT",
        AlterTableOperation::AlterColumn { op, .. } => match op {
            Of::SetNotNull => "ALTER COLUMN ... SET NOT NULL",
            Of::DropNotNull => "ALTER COLUMN ... DROP NOT NULL",
            Of::SetDefault { .. } => "ALTER COLUMN ... SET DEFAULT",
            Of::DropDefault => "ALTER COLUMN ... DROP DEFAULT",
            Of::SetDataType { .. } => "ALTER COLUMN ... SET DATA TYPE",
            Of::AddGenerated { .. } => "ALTER COLUMN ... ADD IDENTITY",
        },
        AlterTableOperation::EnableRowLevelSecurity => "ENABLE ROW SECURITY",
        AlterTableOperation::DisableRowLevelSecurity => "DISABLE ROW SECURITY",
        AlterTableOperation::ForceRowLevelSecurity => "FORCE ROW SECURITY",
        AlterTableOperation::NoForceRowLevelSecurity => "NO FORCE ROW SECURITY",
        _ => return None,
    })
}
