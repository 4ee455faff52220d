//! Roles in the catalog: found by name, and walked as the graph of their memberships.

use std::sync::Arc;

use auth::{Acl, ObjectKind, RoleAttributes, RoleGraph, RoleId, RoleKind};
use serde::{Deserialize, Serialize};

use super::{Catalog, Role};

/// The predefined role whose only member is the owner of the current database.
pub(crate) const DATABASE_OWNER: u32 = 6171;

/// What is granted on things that a role is going to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefaultAcl {
    pub oid: u32,
    pub database: u32,
    /// None: wherever they are made.
    pub schema: Option<u32>,
    pub kind: ObjectKind,
    pub acl: Acl,
}

impl DefaultAcl {
    pub fn is_for(&self, database: u32, schema: Option<u32>, kind: ObjectKind) -> bool {
        (self.database, self.schema, self.kind) == (database, schema, kind)
    }

    /// The letter and the words for what is made.
    pub fn letter_and_words(&self) -> (char, &'static str) {
        match self.kind {
            ObjectKind::Sequence => ('S', "sequences"),
            ObjectKind::Schema => ('n', "schemas"),
            ObjectKind::Function => ('f', "functions"),
            ObjectKind::Type => ('T', "types"),
            _ => ('r', "relations"),
        }
    }
}

impl Role {
    /// One of which nothing is known but its name.
    pub(crate) fn plain(oid: u32, name: &str) -> Self {
        Self {
            oid,
            name: name.to_owned(),
            attributes: RoleAttributes::default(),
            verifier: None,
            member_of: Vec::new(),
            admin_of: Vec::new(),
            settings: Vec::new(),
            database_settings: Vec::new(),
            comment: None,
            default_acls: Vec::new(),
            deleted_at: None,
        }
    }
}

impl Catalog {
    /// The role of that name.
    pub fn role_named(&self, name: &str) -> Option<Arc<Role>> {
        self.roles.named(name)
    }

    /// The role's name; its oid in digits if there is no such role, as PostgreSQL shows it.
    pub fn role_name(&self, oid: u32) -> String {
        self.roles.get(&oid).map_or_else(|| oid.to_string(), |role| role.name.clone())
    }
}

impl RoleGraph for Catalog {
    fn parents(&self, role: RoleId) -> impl Iterator<Item = RoleId> {
        let granted = self.roles.get(&role.0).map_or_else(Vec::new, |role| role.member_of.clone());
        let owner = self.databases.get(&self.database).is_some_and(|database| database.owner == role.0);
        granted.into_iter().chain(owner.then_some(DATABASE_OWNER)).map(RoleId)
    }

    fn inherits(&self, role: RoleId) -> bool {
        self.roles.get(&role.0).is_some_and(|role| role.attributes.inherit)
    }

    fn kind(&self, role: RoleId) -> RoleKind {
        self.roles.get(&role.0).map_or(RoleKind::User, |role| role.attributes.kind())
    }
}
