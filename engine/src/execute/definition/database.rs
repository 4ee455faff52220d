//! CREATE, ALTER and DROP DATABASE. Each runs in a transaction of its own, from a session of another database.

use std::sync::Arc;
use std::time::Duration;

use auth::{RoleId, is_member_of};

use super::{DefinitionEnvironment, role};
use crate::catalog::{Catalog, Change, Database, Schema, TEMPORARY_SCHEMA, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::{DatabaseChange, DatabaseOptions};

/// What a definition may know of databases other than the session's.
pub trait OtherDatabases: Sync {
    /// The committed catalog of a database.
    fn catalog(&self, database: u32) -> Arc<Catalog>;
    /// How many sessions a database has.
    fn sessions(&self, database: u32) -> usize;
    /// How many characters the passwords of roles, which all databases have, must have at least.
    fn password_length_min(&self) -> usize;
    /// Asks the sessions of a database to end.
    fn end_sessions(&self, database: u32);
}

/// How long DROP DATABASE … (FORCE) waits for sessions to end, and how often it looks.
const ENDING_TIMEOUT: Duration = Duration::from_secs(5);
const ENDING_INTERVAL: Duration = Duration::from_millis(10);

/// The template of those that name none.
const TEMPLATE: &str = "template1";

impl DefinitionEnvironment<'_> {
    pub(super) async fn create_database(&mut self, name: &str, options: &DatabaseOptions) -> Result<()> {
        let catalog = self.catalog();
        let owner = match &options.owner {
            Some(owner) => role::oid_named(&catalog, &self.spelled_role(owner))?,
            None => self.principal.role().0,
        };
        if !self.principal.is_superuser() && !self.own_attributes(&catalog).createdb {
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to create database"));
        }
        self.check_may_give_to(&catalog, owner)?;
        self.lock_database_name(name).await?;
        self.lock_role(owner, false).await?;
        let catalog = self.catalog();
        let template = options.template.as_deref().unwrap_or(TEMPLATE);
        let Some(template) = named(&catalog, template) else {
            let message = format!("template database \"{template}\" does not exist");
            return Err(Error::new(SqlState::INVALID_CATALOG_NAME, message));
        };
        if named(&catalog, name).is_some() {
            return Err(exists(name));
        }
        if !is_empty(&self.others.catalog(template.oid)) {
            return Err(Error::unsupported("CREATE DATABASE from a template with objects of its own"));
        }
        let oid = self.store.allocate_oid()?;
        let database = Database { oid, name: name.to_owned(), owner, ..Database::default() };
        self.apply(Change::Database(oid, Some(Arc::new(database))))?;
        let public = Schema::public(self.store.allocate_oid()?, oid);
        self.apply(Change::Schema(public.oid, Some(Arc::new(public))))
    }

    pub(super) async fn alter_database(&mut self, name: &str, change: &DatabaseChange) -> Result<()> {
        self.lock_database_name(name).await?;
        let mut database = (*self.own_database(name)?).clone();
        let catalog = self.catalog();
        match change {
            DatabaseChange::Rename(new) => {
                self.lock_database_name(new).await?;
                if named(&self.catalog(), new).is_some() {
                    return Err(exists(new));
                }
                if database.oid == catalog.database {
                    return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "current database cannot be renamed"));
                }
                self.check_unused(&database)?;
                new.clone_into(&mut database.name);
            }
            DatabaseChange::Owner(owner) => {
                let owner = role::oid_named(&catalog, &self.spelled_role(owner))?;
                self.check_may_give_to(&catalog, owner)?;
                self.lock_role(owner, false).await?;
                if let Some(acl) = &mut database.acl {
                    acl.change_owner(RoleId(database.owner), RoleId(owner));
                }
                database.owner = owner;
            }
            DatabaseChange::Settings(change) => self.change_settings(&mut database.settings, change)?,
        }
        self.apply(Change::Database(database.oid, Some(Arc::new(database))))
    }

    pub(super) async fn drop_database(&mut self, name: &str, if_exists: bool, force: bool) -> Result<()> {
        self.lock_database_name(name).await?;
        if if_exists && named(&self.catalog(), name).is_none() {
            self.notice_skipping(None, format!("database \"{name}\" does not exist"));
            return Ok(());
        }
        let database = self.own_database(name)?;
        if database.is_template() {
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, "cannot drop a template database"));
        }
        if database.oid == self.catalog().database {
            return Err(Error::new(SqlState::OBJECT_IN_USE, "cannot drop the currently open database"));
        }
        if force {
            self.end_sessions(&database).await;
        }
        self.check_unused(&database)?;
        let inside = self.others.catalog(database.oid);
        for table in inside.tables.values().filter(|table| !table.is_system()) {
            if table.kind == TableKind::Table {
                self.drop_contents(table);
            }
            self.apply(Change::Table(table.oid, None))?;
        }
        for ty in inside.types.keys() {
            self.apply(Change::Type(*ty, None))?;
        }
        for extension in inside.extensions.keys() {
            self.apply(Change::Extension(*extension, None))?;
        }
        for function in inside.functions.keys() {
            self.apply(Change::Function(*function, None))?;
        }
        for schema in inside.schemas.values().filter(|schema| !schema.is_system()) {
            self.apply(Change::Schema(schema.oid, None))?;
        }
        self.apply(Change::Database(database.oid, None))
    }

    /// The database of that name, which must be the principal's own.
    pub(super) fn own_database(&mut self, name: &str) -> Result<Arc<Database>> {
        let database = self.database_named(name)?;
        self.check_own(database.owner, "database", name)?;
        Ok(database)
    }

    /// The database of that name; 3D000 if there is none.
    pub(super) fn database_named(&mut self, name: &str) -> Result<Arc<Database>> {
        let missing = || Error::new(SqlState::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"));
        named(&self.catalog(), name).cloned().ok_or_else(missing)
    }

    /// Ends the sessions of a database, and gives them a while to go.
    async fn end_sessions(&mut self, database: &Database) {
        self.others.end_sessions(database.oid);
        let deadline = tokio::time::Instant::now() + ENDING_TIMEOUT;
        while self.others.sessions(database.oid) > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(ENDING_INTERVAL).await;
        }
    }

    /// 55006 while others are in the database.
    fn check_unused(&self, database: &Database) -> Result<()> {
        let detail = match self.others.sessions(database.oid) {
            0 => return Ok(()),
            1 => "There is 1 other session using the database.".to_owned(),
            more => format!("There are {more} other sessions using the database."),
        };
        let message = format!("database \"{}\" is being accessed by other users", database.name);
        Err(Error::new(SqlState::OBJECT_IN_USE, message).with_detail(detail))
    }

    fn check_may_give_to(&self, catalog: &Catalog, owner: u32) -> Result<()> {
        if self.principal.is_superuser() || is_member_of(self.principal.role(), RoleId(owner), catalog) {
            return Ok(());
        }
        let message = format!("must be member of role \"{}\"", catalog.role_name(owner));
        Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message))
    }

    pub(super) async fn lock_database_name(&mut self, name: &str) -> Result<()> {
        self.lock_definition(&[b"database:", name.as_bytes()].concat(), true).await
    }
}

fn named<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Arc<Database>> {
    catalog.databases.values().find(|database| database.name == name)
}

fn exists(name: &str) -> Error {
    Error::new(SqlState::DUPLICATE_DATABASE, format!("database \"{name}\" already exists"))
}

/// Whether a database has nothing but what every database has from its beginning.
fn is_empty(catalog: &Catalog) -> bool {
    catalog.types.is_empty()
        && catalog.tables.values().all(|table| table.is_system())
        && catalog
            .schemas
            .values()
            .all(|schema| schema.is_system() || schema.name == "public" || schema.name.starts_with(TEMPORARY_SCHEMA))
}
