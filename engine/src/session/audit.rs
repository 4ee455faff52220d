//! What a session tells the audit log.

use std::sync::Arc;

use super::Session;
use super::prepared::Prepared;
use super::transaction::Open;
use crate::audit::{Action, Event};
use crate::catalog::{Catalog, Change, TEMPORARY_SCHEMA, Table};
use crate::error::{Error, Result, SqlState};
use crate::execute::definition;
use crate::statement::Definition;

/// Objects that an event names, besides the first.
const OBJECTS_MAX: usize = 20;

/// Where the definitions of a transaction stood before a statement.
pub(super) struct DefinedSoFar {
    changes: usize,
    catalog: Arc<Catalog>,
}

impl Session {
    /// An event of this session, now.
    fn event(&self, action: Action) -> Event {
        let activity = self.place.activity();
        Event {
            user: self.committed_catalog().role_name(self.login_role.0),
            acting_as: Some(self.facts.current_user.clone()),
            client: self.client_address,
            request_id: activity.request_id(),
            database: Some(self.database_name.to_string()),
            ..Event::of_nobody(action, self.database.now())
        }
    }

    /// Tells that the session begins.
    pub(crate) fn audit_login(&self) {
        self.database.audit().record(self.event(Action::Login).on(&*self.database_name));
        if self.settings.active().all_users {
            self.audit_all_users();
        }
    }

    /// Tells that somebody acts as another role from now on.
    pub(super) fn audit_impersonation(&self, role: &str, how: &'static str) {
        self.database.audit().record(self.event(Action::Impersonation).on(role).with("by", how));
    }

    /// Tells that data goes out of the database.
    pub(super) fn audit_export(&self, target: &str, statement: &str) {
        self.database.audit().record(self.event(Action::Export).on(target).with_statement(statement));
    }

    /// Tells that the rows of all users can be seen from now on, or no more.
    pub(super) fn audit_all_users(&self) {
        let value = if self.settings.active().all_users { "on" } else { "off" };
        self.database.audit().record(self.event(Action::Setting).on("kalamdb.all_users").with_text("value", value));
    }

    /// A client is answered an error: tells of what it was denied.
    pub fn answered(&self, error: &Error) {
        if error.sql_state() != SqlState::INSUFFICIENT_PRIVILEGE {
            return;
        }
        let deed = self.place.activity().deed();
        let event = self.event(Action::Denied).failed(error.sql_state().0).with_text("reason", &error.message);
        self.database.audit().record(event.with_statement(&deed.query()));
    }

    pub(super) fn defined_so_far(&self) -> DefinedSoFar {
        let changes = self.state.open().map_or(0, |open| open.changes.len());
        DefinedSoFar { changes, catalog: self.catalog() }
    }

    /// Keeps what a definition has done, to be told with its transaction; one that has failed is told at once, unless it
    /// was denied, which is told as such. What a session makes for itself alone is its own business.
    pub(super) fn audit_definition(
        &mut self,
        definition: &Definition,
        prepared: &Prepared,
        before: DefinedSoFar,
        error: Option<&Error>,
    ) {
        let action = action_of(definition);
        let event = self.event(action).with_statement(&prepared.text);
        let event = event.with("command", definition::verb(definition));
        if let Some(error) = error {
            let state = error.sql_state();
            if state != SqlState::INSUFFICIENT_PRIVILEGE {
                let event = event.failed(state.0).with_text("reason", &error.message);
                self.database.audit().record(event);
            }
            return;
        }
        let Some(open) = self.state.open_mut() else { return };
        let changes = open.changes.get(before.changes..).unwrap_or_default();
        let objects = objects(changes, &before.catalog, open.catalog.as_deref());
        if objects.is_empty() && action == Action::Ddl {
            return;
        }
        let event = match objects.as_slice() {
            [] => event,
            [one] => event.on(one),
            [first, ..] => event.on(first).with("objects", &objects[..objects.len().min(OBJECTS_MAX)]),
        };
        open.audited.push(event);
    }

    /// Writes what is to be told into the transaction that has done it.
    pub(super) fn write_audited(&self, open: &mut Open) -> Result<()> {
        for event in std::mem::take(&mut open.audited) {
            self.database.audit().write(&event, &mut open.transaction)?;
        }
        Ok(())
    }
}

fn action_of(definition: &Definition) -> Action {
    match definition {
        Definition::CreateRole { .. }
        | Definition::AlterRole { .. }
        | Definition::AlterEveryRole { .. }
        | Definition::DropRoles { .. }
        | Definition::Membership(_) => Action::RoleChange,
        Definition::Privileges(_)
        | Definition::DefaultPrivileges(_)
        | Definition::ReassignOwned { .. }
        | Definition::DropOwned { .. } => Action::PrivilegeChange,
        _ => Action::Ddl,
    }
}

/// The names of what was changed, each once, in order; without what is temporary.
fn objects(changes: &[Change], before: &Catalog, after: Option<&Catalog>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in changes.iter().filter_map(|change| name_of(change, before, after)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn name_of(change: &Change, before: &Catalog, after: Option<&Catalog>) -> Option<String> {
    let within = |schema: u32, name: &str| {
        let catalogs = [Some(before), after];
        let mut found = catalogs.into_iter().flatten().filter_map(|catalog| catalog.schemas.get(&schema));
        found.next().map_or_else(|| name.to_owned(), |schema| format!("{}.{name}", schema.name))
    };
    let table_name = |table: &Table| table.temporary.is_none().then(|| within(table.schema, &table.name));
    match change {
        Change::Table(_, Some(table)) => table_name(table),
        Change::Table(oid, None) => before.tables.get(oid).and_then(|table| table_name(table)),
        Change::Type(_, Some(ty)) => Some(within(ty.schema, &ty.name)),
        Change::Type(oid, None) => before.types.get(oid).map(|ty| within(ty.schema, &ty.name)),
        Change::Extension(_, Some(extension)) => Some(extension.name.clone()),
        Change::Extension(oid, None) => before.extensions.get(oid).map(|extension| extension.name.clone()),
        Change::Function(_, Some(function)) => Some(within(function.schema, &function.name)),
        Change::Function(oid, None) => {
            before.functions.get(oid).map(|function| within(function.schema, &function.name))
        }
        Change::Schema(_, Some(schema)) => (!schema.name.starts_with(TEMPORARY_SCHEMA)).then(|| schema.name.clone()),
        Change::Schema(oid, None) => before.schemas.get(oid).map(|schema| schema.name.clone()),
        Change::Role(_, Some(role)) => Some(role.name.clone()),
        Change::Role(oid, None) => before.roles.get(oid).map(|role| role.name.clone()),
        Change::Storage(_, Some(storage)) => Some(storage.name.clone()),
        Change::Storage(oid, None) => before.storages.get(oid).map(|storage| storage.name.clone()),
        Change::Database(_, Some(database)) => Some(database.name.clone()),
        Change::Database(oid, None) => before.databases.get(oid).map(|database| database.name.clone()),
    }
}
