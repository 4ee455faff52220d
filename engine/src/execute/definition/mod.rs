//! Definitions: CREATE, ALTER, DROP, TRUNCATE, GRANT, REVOKE and COMMENT, as part of a transaction like any other write.
//!
//! A definition takes its locks, looks its names up in the catalog as it is once it has them, and takes steps: each puts
//! a new state of one object in place of the old, in the transaction's own catalog and in its write set. Contents that
//! change as a whole go to new generations. If the transaction commits, others see all of it at once.
//!
//! Locks: names that come or go are locked, so that two transactions cannot make the same one; a table is locked in
//! PostgreSQL's mode for the change, and its catalog entry by a key of its own, because some modes (that of CREATE INDEX)
//! let two definitions of one table run side by side.

mod alter;
mod alter_column;
mod alter_constraint;
mod alter_partition;
mod attach;
mod cluster;
mod column;
mod column_change;
mod column_hint;
mod column_privilege;
mod comment;
mod constraint;
mod database;
mod default_privilege;
mod derived;
mod discreet;
mod drop;
mod extension;
mod foreign_key;
mod function;
mod generated;
mod index;
mod index_adopt;
mod index_attach;
mod inherit;
mod inheritance;
mod like;
mod materialized;
mod membership;
mod names;
mod opening_setting;
mod options;
mod owned;
mod partition;
mod partition_bound;
mod place;
mod policy;
mod privilege;
mod register;
mod reindex;
mod rename;
mod replica_identity;
mod retype;
mod role;
mod schema;
mod schema_element;
mod sequence;
mod stream;
mod table;
mod table_as;
mod temporary;
#[cfg(test)]
mod tests;
mod trigger;
mod truncate;
mod user_type;
mod validate;
mod view;

use std::sync::Arc;

use auth::{Duty, Principal};
pub use database::OtherDatabases;
use datafusion::sql::sqlparser::ast::{self, Statement};
use datafusion::sql::sqlparser::tokenizer::Span;
pub(crate) use discreet::without_values;
pub(crate) use opening_setting::KIND_SETTING;
pub(crate) use role::FIRST_USER_OID;
use storage::{GenerationId, Store, TableId, TableLock, Transaction, Wait};
pub(crate) use truncate::emptied;
pub(crate) use validate::not_unique;

use crate::catalog::{Catalog, Change, Table, TableClass, store};
use crate::error::{Error, Report, Result, SqlState};
use crate::function::EvalContext;
use crate::plan::bind::Binder;
use crate::statement::definition::{Deed, Definition, Persistence, RoutineKind};

/// What a definition works with.
pub struct DefinitionEnvironment<'a> {
    pub transaction: &'a mut Transaction,
    /// The committed catalog of this moment.
    pub newest: &'a (dyn Fn() -> Arc<Catalog> + Sync),
    /// The catalog as the transaction has changed it; None while it has not.
    pub catalog: Option<Arc<Catalog>>,
    /// The steps from the committed catalog to that.
    pub changes: &'a mut Vec<Change>,
    pub principal: &'a Principal,
    pub context: &'a EvalContext,
    /// The statement's text, which positions in errors point into.
    pub text: &'a str,
    pub store: &'a Store,
    pub others: &'a dyn OtherDatabases,
    pub wait: Wait,
    pub notices: Vec<Report>,
    /// What only who asks for messages at DEBUG1 is told.
    pub details: Vec<Report>,
    /// What is made goes where the session's temporary relations are.
    pub into_temporary: bool,
    /// Whose rows the table has that is being made: that decides who may make it.
    pub class: TableClass,
    /// A table was made that a commit empties or drops.
    pub ends_with_commits: bool,
    /// The table that CREATE TABLE AS has made, or the materialized view that is to be filled.
    pub made: Option<u32>,
}

/// Runs a definition; answers its command tag.
pub async fn run(definition: &Definition, environment: &mut DefinitionEnvironment<'_>) -> Result<String> {
    let session = &environment.context.session;
    let by_path = || session.settings.active().search_path.iter().any(|name| name == "pg_temp");
    if session.temporary.is_some() && (definition.is_temporary() || by_path()) {
        environment.claim_temporary_schema().await?;
    }
    match definition {
        Definition::Parsed(statement) => run_parsed(statement, environment).await?,
        Definition::UnloggedTable(Statement::CreateTable(create)) => {
            table::create(create, (true, TableClass::Shared), environment).await?;
        }
        Definition::TableOfClass(class, Statement::CreateTable(create)) => {
            table::create(create, (false, *class), environment).await?;
        }
        Definition::UnloggedTable(_) | Definition::TableOfClass(..) => {
            return Err(Error::internal("a table is something else"));
        }
        Definition::TableLike(create) => like::create(create, environment).await?,
        Definition::CreateRole { name, options } => environment.create_role(name, options).await?,
        Definition::AlterRole { role, change } => environment.change_role(role, change).await?,
        Definition::AlterEveryRole { database, change } => {
            environment.change_every_role_settings(database.as_deref(), change).await?;
        }
        Definition::DropRoles { roles, if_exists } => environment.drop_roles(roles, *if_exists).await?,
        Definition::ReassignOwned { roles, to } => environment.reassign_owned(roles, to).await?,
        Definition::DropOwned { roles, cascade } => environment.drop_owned(roles, *cascade).await?,
        Definition::Membership(change) => environment.change_membership(change).await?,
        Definition::Privileges(change) => environment.change_privileges(change).await?,
        Definition::DefaultPrivileges(change) => environment.change_default_privileges(change).await?,
        Definition::CreateDatabase { name, options } => environment.create_database(name, options).await?,
        Definition::AlterDatabase { name, change } => environment.alter_database(name, change).await?,
        Definition::DropDatabase { name, if_exists, force } => {
            environment.drop_database(name, *if_exists, *force).await?;
        }
        Definition::CreateExtension(new) => environment.create_extension(new).await?,
        Definition::DropExtensions { names, if_exists, cascade } => {
            environment.drop_extensions(names, *if_exists, *cascade).await?;
        }
        Definition::CreateFunction(new) => function::create(new, environment).await?,
        Definition::CreateAggregate(new) => function::create_aggregate(new, environment).await?,
        Definition::AlterFunction { function, change } => function::alter(function, change, environment).await?,
        Definition::DropFunctions { functions, if_exists, cascade, .. } => {
            function::drop(functions, *if_exists, *cascade, environment).await?;
        }
        Definition::CreatePolicy(new) => policy::create(new, environment).await?,
        Definition::AlterPolicy { name, table, if_exists, change } => {
            policy::alter((name, table), *if_exists, change, environment).await?;
        }
        Definition::DropPolicy { name, table, if_exists } => {
            policy::drop(name, table, *if_exists, environment).await?;
        }
        Definition::CreateTrigger(new) => trigger::create(new, environment).await?,
        Definition::RenameTrigger { name, table, to } => trigger::rename(name, table, to, environment).await?,
        Definition::DropTrigger { name, table, if_exists } => {
            trigger::drop(name, table, *if_exists, environment).await?;
        }
        Definition::Storage(definition) => environment.define_storage(definition).await?,
        Definition::Register { name, if_not_exists, pattern } => {
            environment.register(name, *if_not_exists, pattern).await?;
        }
        Definition::Unregister { name, if_exists } => environment.unregister(name, *if_exists).await?,
        Definition::CreateSequence { name, persistence, if_not_exists, options } => {
            if matches!(persistence, Persistence::Temporary(_)) {
                environment.make_temporary(None);
            }
            let unlogged = *persistence == Persistence::Unlogged;
            sequence::create(name, *if_not_exists, options, unlogged, environment).await?;
        }
        Definition::AlterSequence { name, if_exists, change } => {
            sequence::alter(name, *if_exists, change, environment).await?;
        }
        Definition::CreateComposite { name, attributes } => {
            user_type::create_composite(name, attributes, environment).await?;
        }
        Definition::CreateRange { name, options } => user_type::create_range(name, options, environment).await?,
        Definition::CreateEnum { name, labels } => user_type::create_enum(name, labels, environment).await?,
        Definition::CreateDomain { name, column } => user_type::create_domain(name, column, environment).await?,
        Definition::AlterType { name, domain, change } => user_type::alter(name, *domain, change, environment).await?,
        Definition::DropTypes { names, domain, if_exists, cascade } => {
            user_type::drop_types(names, *domain, (*if_exists, *cascade), environment).await?;
        }
        Definition::Comment { on, text } => environment.comment_on(on, text.clone()).await?,
        Definition::IndexOnly(Statement::CreateIndex(create)) => index::create(create, true, environment).await?,
        Definition::IndexOnly(_) => return Err(Error::internal("an index is something else")),
        Definition::AttachIndex { index, partition } => environment.attach_index(index, partition).await?,
        Definition::AlterIndex { name, if_exists, change } => {
            environment.change_index(name, *if_exists, change).await?;
        }
        Definition::Reindex(reindex) => environment.reindex(reindex).await?,
        Definition::Cluster { target } => environment.cluster(target.as_ref()).await?,
        Definition::DropConcurrently(statement) => run_parsed(statement, environment).await?,
        Definition::AlterTable { name, if_exists, change } => {
            alter::run_change(name, *if_exists, change, environment).await?;
        }
        Definition::TableOf(new, columns) => table_as::create(new, columns, environment).await?,
        Definition::CreateTableAs(_) => return Err(Error::internal("the session makes tables of queries")),
        Definition::DiscardTemporary => environment.discard_temporary()?,
        Definition::EndTemporary => environment.end_temporary().await?,
        Definition::CreateSchema { name, elements } => {
            schema_element::create(name, elements, environment).await?;
        }
        Definition::CreateView(view) => view::create(view, environment).await?,
        Definition::CreateMaterialized(new) => materialized::create(new, environment).await?,
        Definition::Refresh(refresh) => materialized::refresh(refresh, environment).await?,
        Definition::AlterView { name, materialized, if_exists, change } => {
            view::alter(name, *materialized, *if_exists, change, environment).await?;
        }
    }
    Ok(verb(definition).to_owned())
}

async fn run_parsed(statement: &Statement, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    match statement {
        Statement::CreateTable(create) => table::create(create, (false, TableClass::Shared), environment).await,
        Statement::AlterTable(alter) => alter::run(alter, environment).await,
        Statement::Drop { object_type, if_exists, names, cascade, restrict: _, purge, temporary, table } => {
            if *purge || *temporary || table.is_some() {
                return Err(Error::unsupported(format!("this form of {}", drop::verb(object_type))));
            }
            let request = drop::Request { if_exists: *if_exists, names, cascade: *cascade };
            drop::run(object_type, &request, environment).await
        }
        Statement::Truncate(truncate) => truncate::run(truncate, environment).await,
        Statement::CreateIndex(create) => index::create(create, false, environment).await,
        Statement::AlterIndex { name, operation } => index::alter(name, operation, environment).await,
        Statement::CreateSchema { schema_name, if_not_exists, with, options, default_collate_spec, clone } => {
            if with.is_some() || options.is_some() || default_collate_spec.is_some() || clone.is_some() {
                return Err(Error::unsupported("this form of CREATE SCHEMA"));
            }
            schema::create(schema_name, *if_not_exists, environment).await.map(drop)
        }
        Statement::AlterSchema(alter) => schema::alter(alter, environment).await,
        Statement::Comment { object_type, object_name, comment, if_exists } => {
            if *if_exists {
                return Err(Error::unsupported("COMMENT IF EXISTS"));
            }
            comment::run(object_type, object_name, comment.as_deref(), environment).await
        }
        other => Err(Error::unsupported(parsed_verb(other))),
    }
}

/// What the definition is called, in command tags and errors: `CREATE TABLE`.
pub fn verb(definition: &Definition) -> &'static str {
    match definition {
        Definition::Parsed(statement) => parsed_verb(statement),
        Definition::UnloggedTable(_) | Definition::TableOfClass(..) | Definition::TableLike(_) => "CREATE TABLE",
        Definition::CreateRole { .. } => "CREATE ROLE",
        Definition::AlterRole { .. } | Definition::AlterEveryRole { .. } => "ALTER ROLE",
        Definition::DropRoles { .. } => "DROP ROLE",
        Definition::ReassignOwned { .. } => "REASSIGN OWNED",
        Definition::DropOwned { .. } => "DROP OWNED",
        Definition::Membership(change) => {
            if change.alters_group {
                "ALTER ROLE"
            } else if change.grant {
                "GRANT ROLE"
            } else {
                "REVOKE ROLE"
            }
        }
        Definition::Privileges(change) => match change.deed {
            Deed::Grant { .. } => "GRANT",
            Deed::Revoke { .. } => "REVOKE",
        },
        Definition::DefaultPrivileges(_) => "ALTER DEFAULT PRIVILEGES",
        Definition::CreateDatabase { .. } => "CREATE DATABASE",
        Definition::AlterDatabase { .. } => "ALTER DATABASE",
        Definition::DropDatabase { .. } => "DROP DATABASE",
        Definition::CreateExtension(_) => "CREATE EXTENSION",
        Definition::DropExtensions { .. } => "DROP EXTENSION",
        Definition::CreateFunction(new) if new.procedure => "CREATE PROCEDURE",
        Definition::CreateFunction(_) => "CREATE FUNCTION",
        Definition::CreateAggregate(_) => "CREATE AGGREGATE",
        Definition::AlterFunction { function, .. } => match function.kind {
            RoutineKind::Function => "ALTER FUNCTION",
            RoutineKind::Procedure => "ALTER PROCEDURE",
            RoutineKind::Aggregate => "ALTER AGGREGATE",
            RoutineKind::Routine => "ALTER ROUTINE",
        },
        Definition::DropFunctions { kind, .. } => match kind {
            RoutineKind::Function => "DROP FUNCTION",
            RoutineKind::Procedure => "DROP PROCEDURE",
            RoutineKind::Aggregate => "DROP AGGREGATE",
            RoutineKind::Routine => "DROP ROUTINE",
        },
        Definition::CreatePolicy(_) => "CREATE POLICY",
        Definition::AlterPolicy { .. } => "ALTER POLICY",
        Definition::DropPolicy { .. } => "DROP POLICY",
        Definition::CreateTrigger(_) => "CREATE TRIGGER",
        Definition::RenameTrigger { .. } => "ALTER TRIGGER",
        Definition::DropTrigger { .. } => "DROP TRIGGER",
        Definition::Storage(definition) => definition.verb(),
        Definition::Register { .. } => "REGISTER TABLE",
        Definition::Unregister { .. } => "UNREGISTER TABLE",
        Definition::CreateSequence { .. } => "CREATE SEQUENCE",
        Definition::AlterSequence { .. } => "ALTER SEQUENCE",
        Definition::IndexOnly(_) => "CREATE INDEX",
        Definition::AttachIndex { .. } | Definition::AlterIndex { .. } => "ALTER INDEX",
        Definition::Reindex(_) => "REINDEX",
        Definition::Cluster { .. } => "CLUSTER",
        Definition::DropConcurrently(_) => "DROP INDEX",
        Definition::AlterTable { .. } => "ALTER TABLE",
        Definition::CreateTableAs(new) | Definition::TableOf(new, _) => new.verb,
        Definition::DiscardTemporary => "DISCARD TEMP",
        Definition::EndTemporary => "COMMIT",
        Definition::Comment { .. } => "COMMENT",
        Definition::CreateSchema { .. } => "CREATE SCHEMA",
        Definition::CreateView(_) => "CREATE VIEW",
        Definition::CreateMaterialized(_) => "CREATE MATERIALIZED VIEW",
        Definition::Refresh(_) => "REFRESH MATERIALIZED VIEW",
        Definition::AlterView { materialized: false, .. } => "ALTER VIEW",
        Definition::AlterView { materialized: true, .. } => "ALTER MATERIALIZED VIEW",
        Definition::CreateEnum { .. } | Definition::CreateRange { .. } | Definition::CreateComposite { .. } => {
            "CREATE TYPE"
        }
        Definition::CreateDomain { .. } => "CREATE DOMAIN",
        Definition::AlterType { domain: false, .. } => "ALTER TYPE",
        Definition::AlterType { domain: true, .. } => "ALTER DOMAIN",
        Definition::DropTypes { domain: false, .. } => "DROP TYPE",
        Definition::DropTypes { domain: true, .. } => "DROP DOMAIN",
    }
}

fn parsed_verb(statement: &Statement) -> &'static str {
    match statement {
        Statement::CreateTable(create) if create.query.is_some() => "CREATE TABLE AS",
        Statement::CreateTable(_) => "CREATE TABLE",
        Statement::AlterTable(_) => "ALTER TABLE",
        Statement::Truncate(_) => "TRUNCATE TABLE",
        Statement::CreateIndex(_) => "CREATE INDEX",
        Statement::AlterIndex { .. } => "ALTER INDEX",
        Statement::CreateSchema { .. } => "CREATE SCHEMA",
        Statement::AlterSchema(_) => "ALTER SCHEMA",
        Statement::Comment { .. } => "COMMENT",
        Statement::Drop { object_type, .. } => drop::verb(object_type),
        Statement::CreateDatabase { .. } => "CREATE DATABASE",
        Statement::CreateView(_) => "CREATE VIEW",
        Statement::AlterView { .. } => "ALTER VIEW",
        Statement::CreateSequence { .. } => "CREATE SEQUENCE",
        Statement::CreateExtension(_) => "CREATE EXTENSION",
        Statement::DropExtension(_) => "DROP EXTENSION",
        Statement::CreateType { .. } => "CREATE TYPE",
        Statement::AlterType(_) => "ALTER TYPE",
        Statement::CreateDomain(_) => "CREATE DOMAIN",
        Statement::CreateFunction(_) => "CREATE FUNCTION",
        Statement::DropFunction(_) => "DROP FUNCTION",
        Statement::CreateProcedure { .. } => "CREATE PROCEDURE",
        Statement::DropProcedure { .. } => "DROP PROCEDURE",
        Statement::CreateTrigger(_) => "CREATE TRIGGER",
        Statement::DropTrigger(_) => "DROP TRIGGER",
        Statement::CreatePolicy(_) => "CREATE POLICY",
        Statement::AlterPolicy(_) => "ALTER POLICY",
        Statement::DropPolicy(_) => "DROP POLICY",
        Statement::CreateOperator(_) => "CREATE OPERATOR",
        Statement::CreateServer(_) => "CREATE SERVER",
        Statement::Merge(_) => "MERGE",
        Statement::Call(_) => "CALL",
        _ => "this statement",
    }
}

impl DefinitionEnvironment<'_> {
    /// The catalog as of now: the newest committed one with this transaction's own steps on top.
    pub(crate) fn catalog(&mut self) -> Arc<Catalog> {
        let newest = (self.newest)();
        if self.changes.is_empty() {
            return newest;
        }
        if let Some(own) = &self.catalog
            && own.version == newest.version
        {
            return own.clone();
        }
        let mut catalog = (*newest).clone();
        for change in self.changes.iter() {
            catalog.apply(change);
        }
        let catalog = Arc::new(catalog);
        self.catalog = Some(catalog.clone());
        catalog
    }

    /// Takes a step.
    pub(crate) fn apply(&mut self, change: Change) -> Result<()> {
        let before = self.catalog();
        if let Change::Table(oid, now) = &change
            && self.context.session.triggers.is_written(*oid)
        {
            let name = before.tables.get(oid).map_or("", |table| table.name.as_str());
            let verb = if now.is_none() { "DROP TABLE" } else { "ALTER TABLE" };
            let message =
                format!("cannot {verb} \"{name}\" because it is being used by active queries in this session");
            return Err(Error::new(SqlState::OBJECT_IN_USE, message));
        }
        store::save(self.transaction, &change, &before)?;
        let mut catalog = (*before).clone();
        catalog.apply(&change);
        self.changes.push(change);
        self.catalog = Some(Arc::new(catalog));
        Ok(())
    }

    /// Puts a table in place of the one with its oid, if there is one.
    fn put_table(&mut self, mut table: Table) -> Result<Arc<Table>> {
        let catalog = self.catalog();
        discreet::check_class(&table, &catalog)?;
        self.refuse_telling_types(&table, catalog.tables.get(&table.oid).map(|before| &**before))?;
        options::check_own_of(&table)?;
        if table.is_stream() {
            stream::refuse_keys(&table)?;
            stream::settle(&mut table)?;
        }
        if table.storage.derived.is_none() {
            self.derive(&mut table)?;
        }
        table.version += 1;
        let table = Arc::new(table);
        self.apply(Change::Table(table.oid, Some(table.clone())))?;
        Ok(table)
    }

    /// The same when the definition changed what writers must do: write sets made for the old one are refused.
    fn redefine(&mut self, table: Table) -> Result<Arc<Table>> {
        self.transaction.redefined(TableId(table.oid));
        self.put_table(table)
    }

    /// A number for contents that this transaction makes.
    fn new_generation(&mut self) -> Result<GenerationId> {
        let generation = self.store.allocate_generation()?;
        self.transaction.created(generation);
        Ok(generation)
    }

    /// Locks a name in a schema, to be made or to go.
    async fn lock_name(&mut self, schema: u32, name: &str) -> Result<()> {
        let key = [b"relation:", schema.to_be_bytes().as_slice(), name.as_bytes()].concat();
        self.lock_definition(&key, true).await
    }

    /// Locks a schema: shared to put something into it, exclusively to change or drop it.
    async fn lock_schema(&mut self, oid: u32, exclusive: bool) -> Result<()> {
        self.lock_definition(&[b"schema:", oid.to_be_bytes().as_slice()].concat(), exclusive).await
    }

    /// Locks a role: shared to own something or be granted something, exclusively to change or drop it.
    async fn lock_role(&mut self, oid: u32, exclusive: bool) -> Result<()> {
        self.lock_definition(&[b"role:", oid.to_be_bytes().as_slice()].concat(), exclusive).await
    }

    /// Locks a table's catalog entry.
    async fn lock_entry(&mut self, table: u32) -> Result<()> {
        self.lock_definition(&[b"table:", table.to_be_bytes().as_slice()].concat(), true).await
    }

    async fn lock_definition(&mut self, key: &[u8], exclusive: bool) -> Result<()> {
        // Advisory locks and whoever else locks by key have prefixes of their own.
        let key = [b"definition:", key].concat();
        self.transaction.lock_key(&key, exclusive, self.wait).await?;
        Ok(())
    }

    /// Locks a table to redefine it. A mode that does not exclude itself comes after the entry's lock, so that one that
    /// waits there keeps nobody from writing.
    async fn lock_table(&mut self, table: u32, mode: TableLock) -> Result<()> {
        if mode == TableLock::Share {
            self.lock_entry(table).await?;
            self.transaction.lock_table(TableId(table), mode, self.wait).await?;
        } else {
            self.transaction.lock_table(TableId(table), mode, self.wait).await?;
            self.lock_entry(table).await?;
        }
        Ok(())
    }

    /// 42501 unless the principal owns the object, by itself or through a role, or redefines what others own.
    fn check_owner(&self, owner: u32, what: &str, name: &str) -> Result<()> {
        if self.principal.kind().has(Duty::Redefine) { Ok(()) } else { self.check_own(owner, what, name) }
    }

    /// 42501 unless the principal owns the object, by itself or through a role.
    fn check_own(&self, owner: u32, what: &str, name: &str) -> Result<()> {
        if self.principal.has_privileges_of(auth::RoleId(owner)) {
            return Ok(());
        }
        Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be owner of {what} {name}")))
    }

    /// 42501 unless the principal may redefine the table. What reads with its owner's rights is the owner's alone, and so is
    /// what hides rows from others.
    fn check_table_owner(&self, table: &Table) -> Result<()> {
        names::refuse_system(table)?;
        match table.view().is_some() || table.materialized.is_some() || table.has_row_security() {
            true => self.check_own(table.owner, table.noun(), &table.name),
            false => self.check_owner(table.owner, table.noun(), &table.name),
        }
    }

    fn notice(&mut self, message: String) {
        self.notices.push(Report { message: message.into(), ..Report::default() });
    }

    fn detail(&mut self, message: String) {
        self.details.push(Report { message: message.into(), ..Report::default() });
    }

    /// A notice that something exists already or not at all, with the code of what would have been the error.
    fn notice_skipping(&mut self, state: Option<SqlState>, message: String) {
        self.notices.push(Report { state, message: format!("{message}, skipping").into(), ..Report::default() });
    }

    /// Where a span begins in the statement's text.
    fn position(&self, span: Span) -> Option<usize> {
        Binder::new(&self.context.catalog, self.context, &[]).with_text(self.text).position(span)
    }
}

/// The role that `OWNER TO` names.
fn owner_oid(environment: &DefinitionEnvironment<'_>, catalog: &Catalog, owner: &ast::Owner) -> Result<u32> {
    match owner {
        ast::Owner::Ident(name) => role::oid_named(catalog, &crate::plan::bind::fold(name)),
        ast::Owner::CurrentRole | ast::Owner::CurrentUser => Ok(environment.principal.role().0),
        ast::Owner::SessionUser => role::oid_named(catalog, &environment.context.session.session_user),
    }
}
