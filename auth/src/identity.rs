//! Roles: their ids, their attributes, and whose privileges one of them has.
//!
//! A role has the privileges of every role that it is a member of, directly or through others,
//! as long as each member on the way has INHERIT. SET ROLE asks the wider question, is it a member
//! at all, and ignores INHERIT. The catalog stores the edges; this file only walks them, through
//! [`RoleGraph`]. A session resolves its [`Principal`] once and again when roles change, so that
//! no statement walks the graph.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The oid of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleId(pub u32);

impl RoleId {
    /// The first superuser, made with the data directory (PostgreSQL's `BOOTSTRAP_SUPERUSERID`).
    pub const BOOTSTRAP: Self = Self(10);
    /// The predefined role `pg_read_all_data`: reads every relation, uses every schema.
    pub const READ_ALL_DATA: Self = Self(6181);
    /// The predefined role `pg_write_all_data`: writes every relation, uses every schema.
    pub const WRITE_ALL_DATA: Self = Self(6182);
}

impl fmt::Display for RoleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How far a role reaches by what it is, beyond what was granted to it: see [`crate::kind_privileges`]. Ordered: each
/// may do what the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleKind {
    /// Somebody who uses an application; also what a plain CREATE ROLE makes.
    #[default]
    User,
    /// A program that serves users.
    Service,
    /// Who operates the database.
    Dba,
    /// A superuser.
    System,
}

impl RoleKind {
    /// As SQL names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Dba => "dba",
            Self::System => "system",
        }
    }

    /// The kind of that name, whatever its case.
    pub fn named(name: &str) -> Option<Self> {
        let kinds = [Self::User, Self::Service, Self::Dba, Self::System];
        kinds.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// What CREATE ROLE says of a role besides its name and password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAttributes {
    /// Passes every check of privileges.
    pub superuser: bool,
    /// The kind of a role that is no superuser; [`RoleAttributes::kind`] answers for all.
    #[serde(default)]
    pub plain_kind: RoleKind,
    /// May create, alter and drop other roles.
    pub createrole: bool,
    /// May create databases.
    pub createdb: bool,
    /// May begin a session.
    pub login: bool,
    /// Has the privileges of the roles that it is a member of without SET ROLE.
    pub inherit: bool,
    /// May open a replication connection.
    pub replication: bool,
    /// Is not subject to row level security.
    pub bypassrls: bool,
    /// Sessions that the role may have at a time; -1 means any number.
    pub connection_limit: i32,
    /// When the password stops working, in microseconds since the Unix epoch; `None` means never,
    /// and so does `i64::MAX`, which is `infinity`.
    pub valid_until: Option<i64>,
}

impl Default for RoleAttributes {
    /// The attributes of a plain `CREATE ROLE`.
    fn default() -> Self {
        Self {
            superuser: false,
            plain_kind: RoleKind::User,
            createrole: false,
            createdb: false,
            login: false,
            inherit: true,
            replication: false,
            bypassrls: false,
            connection_limit: -1,
            valid_until: None,
        }
    }
}

impl RoleAttributes {
    /// What the role is. A superuser is always of kind `system`, and nobody else is.
    pub fn kind(&self) -> RoleKind {
        match (self.superuser, self.plain_kind) {
            (true, _) => RoleKind::System,
            (false, RoleKind::System) => RoleKind::User,
            (false, kind) => kind,
        }
    }

    /// Makes the role one of that kind, and with it a superuser or none.
    pub fn set_kind(&mut self, kind: RoleKind) {
        self.superuser = kind == RoleKind::System;
        self.plain_kind = if self.superuser { RoleKind::User } else { kind };
    }

    /// Whether the password has stopped working at `now`, in microseconds since the Unix epoch.
    pub fn is_password_expired(&self, now: i64) -> bool {
        self.valid_until.is_some_and(|until| until != i64::MAX && until < now)
    }

    /// Whether a role that has `sessions` open may open one more. Superusers always may.
    pub fn may_open_session(&self, sessions: usize) -> bool {
        match usize::try_from(self.connection_limit) {
            Ok(limit) => self.superuser || sessions < limit,
            Err(_) => true,
        }
    }
}

/// The memberships among roles, as the catalog knows them.
pub trait RoleGraph {
    /// The roles that `role` is a direct member of (`GRANT parent TO role`).
    fn parents(&self, role: RoleId) -> impl Iterator<Item = RoleId>;
    /// Whether `role` has the attribute INHERIT.
    fn inherits(&self, role: RoleId) -> bool;
    /// What `role` is.
    fn kind(&self, role: RoleId) -> RoleKind;

    /// Whether `role` has the attribute SUPERUSER.
    fn is_superuser(&self, role: RoleId) -> bool {
        self.kind(role) == RoleKind::System
    }
}

/// Which edges of the graph a walk follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Those out of roles with INHERIT.
    Privileges,
    /// All of them.
    Memberships,
}

/// `role` and all that it reaches, nearest first, each once.
fn reachable(role: RoleId, graph: &impl RoleGraph, walk: Walk) -> Vec<RoleId> {
    let mut reached = vec![role];
    let mut next = 0;
    while let Some(&member) = reached.get(next) {
        next += 1;
        if walk == Walk::Privileges && !graph.inherits(member) {
            continue;
        }
        for parent in graph.parents(member) {
            if !reached.contains(&parent) {
                reached.push(parent);
            }
        }
    }
    reached
}

/// Whether `member` has the privileges of `role` without SET ROLE; superusers have everyone's.
pub fn has_privileges_of(member: RoleId, role: RoleId, graph: &impl RoleGraph) -> bool {
    member == role || graph.is_superuser(member) || reachable(member, graph, Walk::Privileges).contains(&role)
}

/// Whether `member` may SET ROLE to `role`: it is a member however far, INHERIT or not, or a superuser.
pub fn is_member_of(member: RoleId, role: RoleId, graph: &impl RoleGraph) -> bool {
    graph.is_superuser(member) || is_granted(member, role, graph)
}

/// Whether `member` is a member of `role` however far, INHERIT or not; a superuser is one only of what it was granted.
pub fn is_granted(member: RoleId, role: RoleId, graph: &impl RoleGraph) -> bool {
    reachable(member, graph, Walk::Memberships).contains(&role)
}

/// The role that a session acts as, with its memberships worked out. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    role: RoleId,
    name: Arc<str>,
    kind: RoleKind,
    /// The role itself, then the roles whose privileges it has, nearest first.
    roles: Arc<[RoleId]>,
}

impl Principal {
    /// Works out whose privileges `role` has.
    pub fn resolve(role: RoleId, name: impl Into<Arc<str>>, graph: &impl RoleGraph) -> Self {
        Self { role, name: name.into(), kind: graph.kind(role), roles: reachable(role, graph, Walk::Privileges).into() }
    }

    /// The oid of the role.
    pub fn role(&self) -> RoleId {
        self.role
    }

    /// The name of the role, as `current_user` prints it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the role itself is; this is never inherited.
    pub fn kind(&self) -> RoleKind {
        self.kind
    }

    /// Whether the role itself is a superuser.
    pub fn is_superuser(&self) -> bool {
        self.kind == RoleKind::System
    }

    /// The role itself, then the roles whose privileges it inherits, nearest first.
    pub fn roles(&self) -> &[RoleId] {
        &self.roles
    }

    /// Whether the principal acts with the privileges of `role`. With the owner of an object it
    /// answers "may this principal alter and drop it".
    pub fn has_privileges_of(&self, role: RoleId) -> bool {
        self.is_superuser() || self.roles.contains(&role)
    }
}

#[cfg(test)]
pub(crate) mod tests;
