//! ALTER DEFAULT PRIVILEGES: what is granted on what a role makes from now on, everywhere or in one schema. A schema's list
//! adds to the role's.

use std::sync::Arc;

use auth::{Acl, AclItem, GrantAuthority, ObjectKind, RoleId};

use super::DefinitionEnvironment;
use super::names::named_schema;
use super::privilege::{INVALID_GRANT, apply_deed, refuse_privileges};
use super::role::{denied, oid_named};
use crate::catalog::{Change, DefaultAcl};
use crate::error::{Error, Result};
use crate::statement::definition::{DefaultPrivilegeChange, RoleName};

impl DefinitionEnvironment<'_> {
    /// Runs ALTER DEFAULT PRIVILEGES.
    pub(super) async fn change_default_privileges(&mut self, change: &DefaultPrivilegeChange) -> Result<()> {
        let DefaultPrivilegeChange { roles, schemas, kind, privileges, grantees, deed: _ } = change;
        refuse_privileges(*kind, *privileges)?;
        let mut to = Vec::with_capacity(grantees.len());
        for grantee in grantees {
            to.push(match grantee {
                RoleName::Public => None,
                role => Some(RoleId(oid_named(&self.catalog(), &self.spelled_role(role))?)),
            });
        }
        let roles: Vec<String> = match roles.as_slice() {
            [] => vec![self.principal.name().to_owned()],
            named => named.iter().map(|role| self.spelled_role(role)).collect(),
        };
        for role in &roles {
            let oid = oid_named(&self.catalog(), role)?;
            if !auth::is_member_of(self.principal.role(), RoleId(oid), &*self.catalog()) {
                return Err(denied(format!("must be member of role \"{role}\"")));
            }
            if schemas.is_empty() {
                self.change_defaults_of(role, None, change, &to).await?;
            }
            for schema in schemas {
                let schema = named_schema(&self.catalog(), schema)?.oid;
                if *kind == ObjectKind::Schema {
                    let message = "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS";
                    return Err(Error::new(INVALID_GRANT, message));
                }
                self.change_defaults_of(role, Some(schema), change, &to).await?;
            }
        }
        Ok(())
    }

    async fn change_defaults_of(
        &mut self,
        name: &str,
        schema: Option<u32>,
        change: &DefaultPrivilegeChange,
        grantees: &[Option<RoleId>],
    ) -> Result<()> {
        for grantee in grantees.iter().flatten() {
            self.lock_role(grantee.0, false).await?;
        }
        let mut role = self.lock_named_role(name).await?;
        let catalog = self.catalog();
        let (owner, kind) = (RoleId(role.oid), change.kind);
        let initial = match schema {
            None => Acl::default_for(kind, owner),
            Some(_) => Acl::default(),
        };
        let database = catalog.database;
        let at = role.default_acls.iter().position(|own| own.is_for(database, schema, kind));
        let known = at.map(|at| role.default_acls.remove(at));
        let (oid, mut acl) = match known {
            Some(known) => (known.oid, known.acl),
            None => (self.store.allocate_oid()?, initial.clone()),
        };
        let privileges = change.privileges.unwrap_or_else(|| kind.all_privileges());
        let authority = GrantAuthority { grantor: owner, privileges };
        apply_deed(&mut acl, change.deed, &authority, owner, grantees, &catalog)?;
        if !same(&acl, &initial) {
            let acl = in_order(acl.items().to_vec());
            role.default_acls.push(DefaultAcl { oid, database, schema, kind, acl });
        }
        self.apply(Change::Role(role.oid, Some(Arc::new(role))))
    }

    /// The list of something that a role makes in a schema; None if nobody said anything of such.
    pub(super) fn new_acl(&mut self, owner: u32, schema: Option<u32>, kind: ObjectKind) -> Option<Acl> {
        let catalog = self.catalog();
        let owner_role = catalog.roles.get(&owner)?;
        let defaults = &owner_role.default_acls;
        if defaults.is_empty() {
            return None;
        }
        let find = |schema| defaults.iter().find(|own| own.is_for(catalog.database, schema, kind));
        let everywhere = find(None).map(|own| &own.acl);
        let inside = schema.and_then(|schema| find(Some(schema))).map(|own| &own.acl);
        everywhere.or(inside)?;
        let initial = Acl::default_for(kind, RoleId(owner));
        let items = everywhere.unwrap_or(&initial).items().iter().chain(inside.iter().flat_map(|acl| acl.items()));
        let acl = in_order(items.copied().collect());
        (!same(&acl, &initial)).then_some(acl)
    }
}

/// Such lists are in order, as in PostgreSQL: everybody, then by oid.
fn in_order(mut items: Vec<AclItem>) -> Acl {
    items.sort_by_key(|item| (item.grantee.map(|role| role.0), item.grantor.0));
    items.into_iter().collect()
}

/// Whether a role's list says something other than what holds anyway.
pub(super) fn says_something(default: &DefaultAcl, owner: RoleId) -> bool {
    match default.schema {
        None => !same(&default.acl, &Acl::default_for(default.kind, owner)),
        Some(_) => !default.acl.items().is_empty(),
    }
}

/// Whether two lists say the same, in whatever order.
fn same(a: &Acl, b: &Acl) -> bool {
    a.items().len() == b.items().len() && a.items().iter().all(|item: &AclItem| b.items().contains(item))
}

#[cfg(test)]
mod tests {
    use auth::Privileges;

    use super::*;

    #[test]
    fn order_does_not_matter() {
        let item = |grantee| AclItem::for_grant(Some(RoleId(grantee)), RoleId(1), Privileges::SELECT, false);
        let acl = |items: &[u32]| items.iter().map(|grantee| item(*grantee)).collect::<Acl>();
        assert!(same(&acl(&[1, 2]), &acl(&[2, 1])));
        assert!(!same(&acl(&[1, 2]), &acl(&[1])));
    }
}
