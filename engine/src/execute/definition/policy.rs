//! Row level security: ENABLE and FORCE, and CREATE, ALTER and DROP POLICY.
//!
//! All of this is the table's owner's, and of nobody who merely looks after what others own.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{AlterTableOperation, ObjectName};
use storage::TableLock;

use super::drop::{Dependent, Part};
use super::role::oid_named;
use super::{DefinitionEnvironment, names};
use crate::catalog::{Catalog, PUBLIC, Policy, PolicyCommand, Table, View};
use crate::error::{Error, Report, Result, SqlState};
use crate::plan::bind::Binder;
use crate::statement::definition::{NewPolicy, PolicyChange, PolicyExpression, RoleName};
use crate::types::text::cut_name;

/// Runs CREATE POLICY.
pub(super) async fn create(new: &NewPolicy, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    use PolicyCommand as Command;
    if matches!(new.command, Some(Command::Select | Command::Delete)) && new.check.is_some() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "WITH CHECK cannot be applied to SELECT or DELETE"));
    }
    if new.command == Some(Command::Insert) && new.using.is_some() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "only WITH CHECK expression allowed for INSERT"));
    }
    let Some(oid) = environment.lock_policed(&new.table, false).await? else { return Ok(()) };
    let roles = environment.policy_roles(&new.roles).await?;
    let using = environment.policy_text(oid, new.using.as_ref()).await?;
    let check = environment.policy_text(oid, new.check.as_ref()).await?;
    let (_, table) = environment.locked_table(oid)?;
    let name = cut_name(&new.name).to_owned();
    if table.policies().iter().any(|policy| policy.name == name) {
        return Err(taken(&name, &table));
    }
    let (oid, restrictive, command) = (environment.store.allocate_oid()?, new.restrictive, new.command);
    let policy = Policy { oid, name, restrictive, command, roles, using, check, comment: None };
    environment.change_policies(&table, |security| security.put(policy))
}

/// Runs ALTER POLICY.
pub(super) async fn alter(
    (name, table): (&str, &ObjectName),
    if_exists: bool,
    change: &PolicyChange,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    use PolicyCommand as Command;
    let Some(oid) = environment.lock_policed(table, if_exists).await? else { return Ok(()) };
    let (_, table) = environment.locked_table(oid)?;
    let mut policy = named(&table, name)?.clone();
    match change {
        PolicyChange::Rename(new) => {
            let new = cut_name(new);
            if table.policies().iter().any(|other| other.name == new) {
                return Err(taken(new, &table));
            }
            new.clone_into(&mut policy.name);
        }
        PolicyChange::Set { roles, using, check } => {
            if matches!(policy.command, Some(Command::Select | Command::Delete)) && check.is_some() {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "only USING expression allowed for SELECT, DELETE"));
            }
            if policy.command == Some(Command::Insert) && using.is_some() {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "only WITH CHECK expression allowed for INSERT"));
            }
            if let Some(roles) = roles {
                policy.roles = environment.policy_roles(roles).await?;
            }
            policy.using = environment.policy_text(oid, using.as_ref()).await?.or(policy.using);
            policy.check = environment.policy_text(oid, check.as_ref()).await?.or(policy.check);
        }
    }
    let (_, table) = environment.locked_table(oid)?;
    environment.change_policies(&table, |security| security.put(policy))
}

/// Runs DROP POLICY.
pub(super) async fn drop(
    name: &str,
    table: &ObjectName,
    if_exists: bool,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let Some(oid) = environment.lock_policed(table, if_exists).await? else { return Ok(()) };
    let (_, table) = environment.locked_table(oid)?;
    if if_exists && table.policies().iter().all(|policy| policy.name != name) {
        let message = format!("policy \"{name}\" for relation \"{}\" does not exist", table.name);
        environment.notice_skipping(None, message);
        return Ok(());
    }
    let dropped = named(&table, name)?.oid;
    environment.change_policies(&table, |security| security.policies.retain(|policy| policy.oid != dropped))
}

fn named<'a>(table: &'a Table, name: &str) -> Result<&'a Policy> {
    let found = table.policies().iter().find(|policy| policy.name == name);
    found.ok_or_else(|| {
        let message = format!("policy \"{name}\" for table \"{}\" does not exist", table.name);
        Error::new(SqlState::UNDEFINED_OBJECT, message)
    })
}

fn taken(name: &str, table: &Table) -> Error {
    let message = format!("policy \"{name}\" for table \"{}\" already exists", table.name);
    Error::new(SqlState::DUPLICATE_OBJECT, message)
}

impl DefinitionEnvironment<'_> {
    /// Finds and locks a table whose policies will change. None if there is none and that is no error.
    async fn lock_policed(&mut self, name: &ObjectName, if_exists: bool) -> Result<Option<u32>> {
        let Some(oid) = self.lock_to_alter(name, if_exists, TableLock::AccessExclusive).await? else {
            return Ok(None);
        };
        let (_, table) = self.locked_table(oid)?;
        names::require_table(&table, |name| format!("\"{name}\" is not a table"))?;
        self.check_own(table.owner, table.noun(), &table.name)?;
        Ok(Some(oid))
    }

    fn change_policies(
        &mut self,
        table: &Arc<Table>,
        change: impl FnOnce(&mut crate::catalog::RowSecurity),
    ) -> Result<()> {
        let mut table = (**table).clone();
        table.change_security(change);
        self.redefine(table)?;
        Ok(())
    }

    /// ALTER TABLE … ROW LEVEL SECURITY. False if it is something else.
    pub(super) fn alter_row_security(&mut self, oid: u32, operation: &AlterTableOperation) -> Result<bool> {
        use AlterTableOperation as Op;
        let change: fn(&mut crate::catalog::RowSecurity) = match operation {
            Op::EnableRowLevelSecurity => |security| security.enabled = true,
            Op::DisableRowLevelSecurity => |security| security.enabled = false,
            Op::ForceRowLevelSecurity => |security| security.forced = true,
            Op::NoForceRowLevelSecurity => |security| security.forced = false,
            _ => return Ok(false),
        };
        let (_, table) = self.locked_table(oid)?;
        self.check_own(table.owner, table.noun(), &table.name)?;
        self.change_policies(&table, change)?;
        Ok(true)
    }

    /// The oids of the roles that a policy is for.
    async fn policy_roles(&mut self, roles: &[RoleName]) -> Result<Vec<u32>> {
        if roles.contains(&RoleName::Public) {
            if roles.len() > 1 {
                self.notices.push(Report {
                    state: Some(SqlState::WARNING),
                    message: "ignoring specified roles other than PUBLIC".into(),
                    hint: Some("All roles are members of the PUBLIC role.".into()),
                    ..Report::default()
                });
            }
            return Ok(vec![PUBLIC]);
        }
        let mut oids = Vec::with_capacity(roles.len());
        for role in roles {
            let name = self.spelled_role(role);
            let oid = oid_named(&self.catalog(), &name)?;
            self.lock_role(oid, false).await?;
            // It may have been dropped while the lock was awaited.
            let oid = oid_named(&self.catalog(), &name)?;
            if !oids.contains(&oid) {
                oids.push(oid);
            }
        }
        Ok(oids)
    }

    /// What is kept of an expression; what it reads is locked, so that it is there when the policy is.
    async fn policy_text(&mut self, oid: u32, said: Option<&PolicyExpression>) -> Result<Option<View>> {
        let Some(said) = said else { return Ok(None) };
        loop {
            let (catalog, table) = self.locked_table(oid)?;
            let mut binder = Binder::new(&catalog, self.context, &[]).with_text(self.text);
            let (view, uses) = binder.new_policy(&table, &said.expr, (said.from, said.to))?;
            if self.lock_uses(&catalog, &uses).await? {
                return Ok(Some(view));
            }
        }
    }

    /// Sets the comment on a policy.
    pub(super) async fn comment_on_policy(
        &mut self,
        name: &str,
        table: &ObjectName,
        comment: Option<String>,
    ) -> Result<()> {
        let Some(oid) = self.lock_policed(table, false).await? else { return Ok(()) };
        let (_, table) = self.locked_table(oid)?;
        let policy = Policy { comment, ..named(&table, name)?.clone() };
        self.change_policies(&table, |security| security.put(policy))
    }

    /// The policy as messages show it.
    pub(super) fn policy_shown(&self, catalog: &Catalog, table: &Table, policy: &Policy) -> String {
        format!("policy {} on table {}", policy.name, self.shown(catalog, table))
    }

    /// The policies of other tables that read one of these relations, or those that read a column of one.
    pub(super) fn policies_over(&self, catalog: &Catalog, oids: &[u32], column: Option<u16>) -> Vec<Dependent> {
        let mut found: Vec<(u32, Dependent)> = Vec::new();
        for oid in oids {
            let Some(relation) = catalog.tables.get(oid) else { continue };
            let named = column.and_then(|number| relation.position_of_number(number));
            let on = match named {
                Some(at) => super::alter::shown_column(self, catalog, relation, &relation.columns[at].name),
                None => format!("{} {}", relation.noun(), self.shown(catalog, relation)),
            };
            for (table, policy) in catalog.policies_reading(*oid, column) {
                let goes_anyway = column.is_none() && oids.contains(&table.oid);
                if goes_anyway || found.iter().any(|(known, _)| *known == policy.oid) {
                    continue;
                }
                let shown = self.policy_shown(catalog, table, policy);
                let dependent = Dependent { table: table.oid, part: Part::Policy(policy.oid), shown, on: on.clone() };
                found.push((policy.oid, dependent));
            }
        }
        found.sort_by_key(|(oid, _)| *oid);
        found.into_iter().map(|(_, dependent)| dependent).collect()
    }

    /// The policies that call one of these functions.
    pub(super) fn policies_calling(&self, catalog: &Catalog, functions: &[u32]) -> Vec<Dependent> {
        let calls = |(table, policy): (&Arc<Table>, &Policy)| {
            let mut called = policy.expressions().flat_map(|view| &view.functions);
            let function = catalog.functions.get(called.find(|oid| functions.contains(oid))?)?;
            let (shown, on) = (self.policy_shown(catalog, table, policy), self.function_shown(catalog, function));
            Some(Dependent { table: table.oid, part: Part::Policy(policy.oid), shown, on })
        };
        catalog.all_policies().filter_map(calls).collect()
    }

    /// Takes roles out of the policies of a table, and the policies that were for nobody else.
    pub(super) fn forget_in_policies(&mut self, table: &Arc<Table>, roles: &[u32]) -> Result<()> {
        self.change_policies(table, |security| {
            for policy in &mut security.policies {
                policy.roles.retain(|role| !roles.contains(role));
            }
            security.policies.retain(|policy| !policy.roles.is_empty());
        })
    }
}
