//! Row level security: whether a table has it, and the policies that say which rows a role sees and writes.
//!
//! A policy's expression is kept as a view of its own table (`SELECT expression FROM table`), so that it means what it
//! meant whatever is renamed. The binder takes it from there (`plan/bind/policy.rs`).

use auth::{RoleId, has_privileges_of};
use serde::{Deserialize, Serialize};

use super::{Catalog, Table, View};

/// What was said of row level security of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RowSecurity {
    /// ENABLE: the policies are in force, and without any of them nobody sees anything.
    pub enabled: bool,
    /// FORCE: for the table's owner too.
    pub forced: bool,
    /// Ordered by name.
    pub policies: Vec<Policy>,
}

/// A policy of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub oid: u32,
    pub name: String,
    /// It takes away from what others allow.
    pub restrictive: bool,
    /// None is ALL.
    pub command: Option<PolicyCommand>,
    /// Oids of roles; [`PUBLIC`] alone is everybody.
    pub roles: Vec<u32>,
    /// Which rows that are there are meant.
    pub using: Option<View>,
    /// Which rows may be written, if that is not the same.
    pub check: Option<View>,
    #[serde(default)]
    pub comment: Option<String>,
}

/// Everybody, where a policy names its roles.
pub const PUBLIC: u32 = 0;

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyCommand {
    Select,
    Insert,
    Update,
    Delete,
}

impl PolicyCommand {
    /// As SQL says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// `pg_policy.polcmd`; `*` is none of them.
    pub fn letter(self) -> char {
        match self {
            Self::Select => 'r',
            Self::Insert => 'a',
            Self::Update => 'w',
            Self::Delete => 'd',
        }
    }
}

impl Policy {
    /// The expressions that it has.
    pub fn expressions(&self) -> impl Iterator<Item = &View> {
        self.using.iter().chain(&self.check)
    }

    /// Whether it is about what the command does, for the role.
    pub fn is_for(&self, command: PolicyCommand, role: RoleId, catalog: &Catalog) -> bool {
        let of_role = |own: &u32| *own == PUBLIC || has_privileges_of(role, RoleId(*own), catalog);
        self.command.is_none_or(|own| own == command) && self.roles.iter().any(of_role)
    }
}

impl RowSecurity {
    /// The policy of that name.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// Adds a policy, or puts it in place of the one with its oid.
    pub fn put(&mut self, policy: Policy) {
        self.policies.retain(|own| own.oid != policy.oid);
        let at = self.policies.partition_point(|own| own.name < policy.name);
        self.policies.insert(at, policy);
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Table {
    /// The policies of the table, whether or not they are in force.
    pub fn policies(&self) -> &[Policy] {
        self.security.as_ref().map_or(&[], |security| &security.policies)
    }

    /// Whether policies are in force, for those who are subject to them.
    pub fn has_row_security(&self) -> bool {
        self.security.as_ref().is_some_and(|security| security.enabled)
    }

    /// Changes what is said of row level security.
    pub fn change_security(&mut self, change: impl FnOnce(&mut RowSecurity)) {
        let mut security = self.security.take().unwrap_or_default();
        change(&mut security);
        self.security = Some(security).filter(|security| !security.is_nothing());
    }

    /// The policies that a role is subject to; None if it sees every row. A role that is not there any more is subject to
    /// them.
    pub fn security_for(&self, role: RoleId, catalog: &Catalog) -> Option<&RowSecurity> {
        let security = self.security.as_deref().filter(|security| security.enabled)?;
        let known = catalog.roles.get(&role.0);
        if known.is_some_and(|role| role.attributes.superuser || role.attributes.bypassrls) {
            return None;
        }
        if !security.forced && has_privileges_of(role, RoleId(self.owner), catalog) {
            return None;
        }
        Some(security)
    }
}

impl Catalog {
    /// The policies whose expressions read a relation, or a column of it, with their tables, the oldest first. Those of a
    /// table itself read it too.
    pub fn policies_reading(
        &self,
        relation: u32,
        column: Option<u16>,
    ) -> impl Iterator<Item = (&std::sync::Arc<Table>, &Policy)> {
        let reads = move |view: &View| view.reads(relation, column);
        self.all_policies().filter(move |(_, policy)| policy.expressions().any(reads))
    }

    /// Every policy with its table.
    pub fn all_policies(&self) -> impl Iterator<Item = (&std::sync::Arc<Table>, &Policy)> {
        let secured = self.tables.values().filter(|table| table.security.is_some());
        secured.flat_map(|table| table.policies().iter().map(move |policy| (table, policy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(oid: u32, name: &str) -> Policy {
        Policy {
            oid,
            name: name.to_owned(),
            restrictive: false,
            command: None,
            roles: vec![PUBLIC],
            using: None,
            check: None,
            comment: None,
        }
    }

    #[test]
    fn policies_stay_in_the_order_of_their_names() {
        let mut security = RowSecurity::default();
        for (oid, name) in [(1, "b"), (2, "c"), (3, "a"), (2, "aa")] {
            security.put(policy(oid, name));
        }
        let names: Vec<&str> = security.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["a", "aa", "b"]);
    }

    #[test]
    fn what_says_nothing_is_not_kept() {
        let mut security = RowSecurity { enabled: true, ..RowSecurity::default() };
        assert!(!security.is_nothing());
        security.enabled = false;
        assert!(security.is_nothing());
    }
}
