//! CREATE, ALTER and DROP SCHEMA.

use std::sync::Arc;

use auth::{Duty, ObjectAccess, ObjectKind, Privileges, RoleId, decide};
use datafusion::sql::sqlparser::ast::{AlterSchema, AlterSchemaOperation, ObjectName, Owner, SchemaName};
use storage::TableLock;

use super::DefinitionEnvironment;
use super::drop::{Dependent, Part, Request};
use super::function::routines_in;
use super::names::{self, named_schema, quoted};
use crate::catalog::{Catalog, Change, Database, Schema};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::denied;
use crate::plan::bind::fold;
use crate::statement::definition::RoutineKind;

/// Runs CREATE SCHEMA; answers the schema that was made.
pub(super) async fn create(
    name: &SchemaName,
    if_not_exists: bool,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<Option<Arc<Schema>>> {
    let (name, owner) = match name {
        SchemaName::Simple(name) => (environment.schema_name(name)?, None),
        SchemaName::UnnamedAuthorization(owner) => (fold(owner), Some(owner)),
        SchemaName::NamedAuthorization(name, owner) => (environment.schema_name(name)?, Some(owner)),
    };
    let catalog = environment.catalog();
    let owner = match owner {
        Some(owner) => environment.new_owner(&catalog, &Owner::Ident(owner.clone()), None).await?,
        None => environment.principal.role().0,
    };
    environment.check_database()?;
    refuse_reserved(&name)?;
    environment.lock_schema_name(&name).await?;
    if environment.catalog().schema_named(&name).is_some() {
        let message = format!("schema \"{name}\" already exists");
        if if_not_exists {
            environment.notice_skipping(Some(SqlState::DUPLICATE_SCHEMA), message);
            return Ok(None);
        }
        return Err(Error::new(SqlState::DUPLICATE_SCHEMA, message));
    }
    environment.lock_role(owner, false).await?;
    let oid = environment.store.allocate_oid()?;
    let database = environment.catalog().database;
    let acl = environment.new_acl(owner, None, ObjectKind::Schema);
    let schema = Arc::new(Schema { oid, database, name, owner, acl, comment: None });
    environment.apply(Change::Schema(oid, Some(schema.clone())))?;
    Ok(Some(schema))
}

/// Runs ALTER SCHEMA.
pub(super) async fn alter(alter: &AlterSchema, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let AlterSchema { name, if_exists, operations } = alter;
    if *if_exists {
        return Err(Error::unsupported("ALTER SCHEMA IF EXISTS"));
    }
    let name = environment.schema_name(name)?;
    for operation in operations {
        let schema = environment.lock_own_schema(&name).await?;
        let mut schema = (*schema).clone();
        match operation {
            AlterSchemaOperation::Rename { name } => {
                let name = environment.schema_name(name)?;
                environment.check_database()?;
                environment.lock_schema_name(&name).await?;
                if environment.catalog().schema_named(&name).is_some() {
                    return Err(Error::new(SqlState::DUPLICATE_SCHEMA, format!("schema \"{name}\" already exists")));
                }
                refuse_reserved(&name)?;
                schema.name = name;
            }
            AlterSchemaOperation::OwnerTo { owner } => {
                let catalog = environment.catalog();
                let owner = environment.new_owner(&catalog, owner, None).await?;
                environment.check_database()?;
                if let Some(acl) = &mut schema.acl {
                    acl.change_owner(RoleId(schema.owner), RoleId(owner));
                }
                schema.owner = owner;
            }
            other => return Err(Error::unsupported(format!("ALTER SCHEMA … {other}"))),
        }
        environment.apply(Change::Schema(schema.oid, Some(Arc::new(schema))))?;
    }
    Ok(())
}

/// Runs DROP SCHEMA.
pub(super) async fn drop(request: &Request<'_>, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let mut schemas = Vec::with_capacity(request.names.len());
    for name in request.names {
        let name = environment.schema_name(name)?;
        if request.if_exists && environment.catalog().schema_named(&name).is_none() {
            environment.notice_skipping(None, format!("schema \"{name}\" does not exist"));
            continue;
        }
        let schema = environment.lock_own_schema(&name).await?;
        if names::is_system_schema(&schema.name) {
            let message = format!("cannot drop schema {} because it is required by the database system", schema.name);
            return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
        }
        if !schemas.iter().any(|other: &Arc<Schema>| other.oid == schema.oid) {
            schemas.push(schema);
        }
    }
    environment.drop_contents_of(&schemas, request.cascade).await?;
    for schema in &schemas {
        environment.apply(Change::Schema(schema.oid, None))?;
    }
    Ok(())
}

impl DefinitionEnvironment<'_> {
    /// The name of a schema, perhaps after that of the database.
    fn schema_name(&self, name: &ObjectName) -> Result<String> {
        let name = self.qualified(name)?;
        match name.schema {
            None => Ok(name.name),
            Some(database) if database == self.context.session.database => Ok(name.name),
            Some(_) => Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \".\"")),
        }
    }

    async fn lock_schema_name(&mut self, name: &str) -> Result<()> {
        self.lock_definition(&[b"schema-name:", name.as_bytes()].concat(), true).await
    }

    /// Finds a schema that the principal owns and locks it, so that nobody puts anything into it.
    pub(super) async fn lock_own_schema(&mut self, name: &str) -> Result<Arc<Schema>> {
        loop {
            let catalog = self.catalog();
            let schema = named_schema(&catalog, name)?.clone();
            self.check_owner(schema.owner, "schema", name)?;
            names::refuse_own_schema(&schema)?;
            self.lock_schema(schema.oid, true).await?;
            self.lock_schema_name(name).await?;
            let catalog = self.catalog();
            let now = named_schema(&catalog, name)?;
            if now.oid == schema.oid {
                return Ok(now.clone());
            }
        }
    }

    /// 42501 unless the principal may make schemas.
    pub(super) fn check_database(&mut self) -> Result<()> {
        let catalog = self.catalog();
        let Some(database) = current_database(&catalog, &self.context.session.database) else { return Ok(()) };
        let access =
            ObjectAccess { owner: RoleId(database.owner), kind: ObjectKind::Database, acl: database.acl.as_ref() };
        let may = self.principal.kind().has(Duty::CreateShared);
        match may || decide(self.principal, &access, Privileges::CREATE).is_allowed() {
            true => Ok(()),
            false => Err(denied(ObjectKind::Database, &database.name)),
        }
    }

    pub(super) async fn drop_contents_of(&mut self, schemas: &[Arc<Schema>], cascade: bool) -> Result<()> {
        let inside = |schema: u32| schemas.iter().find(|own| own.oid == schema);
        let catalog = self.catalog();
        let mut dependents: Vec<(u32, String, String)> = Vec::new();
        let mut tables = Vec::new();
        for table in catalog.tables.values() {
            if let Some(schema) = inside(table.schema) {
                let sequence = table.sequence();
                // An owned sequence goes with its table, without a word.
                if sequence.is_some_and(|sequence| sequence.owned_by.is_some()) {
                    continue;
                }
                tables.push(table.oid);
                // So does a partition.
                let parent = table.partitioning.of.as_ref().and_then(|of| catalog.tables.get(&of.parent));
                if parent.is_some_and(|parent| inside(parent.schema).is_some()) {
                    continue;
                }
                let shown = format!("{} {}", table.noun(), self.shown(&catalog, table));
                dependents.push((table.oid, shown, format!("schema {}", quoted(&schema.name))));
            }
        }
        let mut types = Vec::new();
        for ty in catalog.types.values() {
            if let Some(schema) = inside(ty.schema) {
                types.push(ty.oid);
                let shown = format!("type {}", self.type_shown(&catalog, ty.oid));
                dependents.push((ty.oid, shown, format!("schema {}", quoted(&schema.name))));
            }
        }
        let mut extensions = Vec::new();
        for schema in schemas {
            for extension in self.extensions_in(schema.oid) {
                let shown = format!("extension {}", extension.name);
                dependents.push((extension.oid, shown, format!("schema {}", quoted(&schema.name))));
                extensions.push(extension);
            }
        }
        let mut functions = Vec::new();
        for schema in schemas {
            for function in routines_in(&catalog, schema.oid, RoutineKind::Routine) {
                let shown = self.function_shown(&catalog, &function);
                dependents.push((function.oid, shown, format!("schema {}", quoted(&schema.name))));
                functions.push(function.oid);
            }
        }
        if dependents.is_empty() {
            return Ok(());
        }
        // In the order they were made.
        dependents.sort_unstable_by_key(|(oid, ..)| *oid);
        let mut keys = self.references_into(&catalog, &tables);
        keys.retain(|key| key.part != Part::Function || !functions.contains(&key.table));
        let mut callers = self.callers_of(&catalog, &functions);
        self.add_functions_of_rows(&catalog, &tables, &mut callers);
        callers.retain(|caller| !tables.contains(&caller.table) && !functions.contains(&caller.table));
        callers.retain(|caller| keys.iter().all(|key| (key.table, key.part) != (caller.table, caller.part)));
        keys.extend(callers.iter().cloned());
        if !cascade {
            return Err(in_use(schemas, &dependents, &keys));
        }
        let shown: Vec<String> = dependents.iter().map(|(_, shown, _)| shown.clone()).collect();
        let keys_shown = keys.iter().map(|key| key.shown.clone());
        self.notice_cascade(&shown.into_iter().chain(keys_shown).collect::<Vec<_>>());
        for oid in &tables {
            self.lock_table(*oid, TableLock::AccessExclusive).await?;
        }
        self.add_beneath(&mut tables).await?;
        // Foreign keys from outside may have come and gone while the locks were awaited.
        let catalog = self.catalog();
        for key in self.references_into(&catalog, &tables) {
            self.remove_dependent(&key).await?;
        }
        for caller in callers {
            if caller.part == Part::Function || self.catalog().tables.contains_key(&caller.table) {
                self.remove_dependent(&caller).await?;
            }
        }
        for oid in functions {
            self.remove_function(oid)?;
        }
        for oid in tables {
            self.drop_table(oid)?;
        }
        self.drop_types(&types, true).await?;
        self.remove_extensions(&extensions, true).await
    }
}

impl DefinitionEnvironment<'_> {
    /// What outside these relations depends on them.
    pub(super) fn references_into(&self, catalog: &Catalog, relations: &[u32]) -> Vec<Dependent> {
        let mut dependents = self.referencing_keys(catalog, relations);
        let owned = relations.iter().flat_map(|oid| catalog.sequences_of(*oid)).map(|(sequence, _)| sequence.oid);
        let sequences: Vec<u32> = owned.chain(relations.iter().copied()).collect();
        dependents.extend(self.defaults_using(catalog, &sequences, relations));
        dependents.extend(self.views_over(catalog, relations, None));
        dependents
    }
}

fn in_use(schemas: &[Arc<Schema>], tables: &[(u32, String, String)], keys: &[Dependent]) -> Error {
    let tables = tables.iter().map(|(_, shown, on)| format!("{shown} depends on {on}"));
    let keys = keys.iter().map(|key| format!("{} depends on {}", key.shown, key.on));
    let message = match schemas {
        [one] => format!("cannot drop schema {} because other objects depend on it", quoted(&one.name)),
        _ => "cannot drop desired object(s) because other objects depend on them".to_owned(),
    };
    Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .with_detail(tables.chain(keys).collect::<Vec<_>>().join("\n"))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// The database that the session is in.
fn current_database<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Arc<Database>> {
    catalog.databases.values().find(|database| database.name == name)
}

fn refuse_reserved(name: &str) -> Result<()> {
    if name.starts_with("pg_") {
        return Err(Error::new(SqlState::RESERVED_NAME, format!("unacceptable schema name \"{name}\""))
            .with_detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    Ok(())
}
