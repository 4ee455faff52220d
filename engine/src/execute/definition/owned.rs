//! REASSIGN OWNED and DROP OWNED: everything in the database that some roles own, and what was granted to them.

use std::sync::Arc;

use auth::{Acl, AclItem, RevokeBehavior, RevokeScope, RoleId};
use storage::TableLock;

use super::DefinitionEnvironment;
use super::default_privilege::says_something;
use super::role::{FIRST_USER_OID, denied, oid_named};
use crate::catalog::{Catalog, Change, Extension, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::RoleName;

impl DefinitionEnvironment<'_> {
    /// Runs REASSIGN OWNED.
    pub(super) async fn reassign_owned(&mut self, roles: &[RoleName], to: &RoleName) -> Result<()> {
        let old = self.owning_roles(roles, "reassign ownership of", "permission denied to reassign objects")?;
        let new = oid_named(&self.catalog(), &self.spelled_role(to))?;
        if !self.principal.has_privileges_of(RoleId(new)) {
            return Err(denied("permission denied to reassign objects"));
        }
        self.lock_role(new, false).await?;
        let catalog = self.catalog();
        for table in self.relations_of(&catalog, &old) {
            self.lock_table(table, TableLock::AccessExclusive).await?;
            let (_, table) = self.locked_table(table)?;
            let mut table = (*table).clone();
            table.give_to(new);
            self.redefine(table)?;
        }
        let give = |owner: &mut u32, acl: Option<&mut Acl>| {
            acl.into_iter().for_each(|acl| acl.change_owner(RoleId(*owner), RoleId(new)));
            *owner = new;
        };
        for schema in catalog.schemas.values().filter(|schema| old.contains(&schema.owner)) {
            self.lock_schema(schema.oid, true).await?;
            let mut schema = (**schema).clone();
            give(&mut schema.owner, schema.acl.as_mut());
            self.apply(Change::Schema(schema.oid, Some(Arc::new(schema))))?;
        }
        for ty in catalog.types.values().filter(|ty| old.contains(&ty.owner)) {
            self.lock_type(ty.oid, true).await?;
            let mut ty = (**ty).clone();
            ty.give_to(new);
            self.apply(Change::Type(ty.oid, Some(Arc::new(ty))))?;
        }
        for function in catalog.functions.values().filter(|function| old.contains(&function.owner)) {
            let mut function = (**function).clone();
            function.give_to(new);
            self.apply(Change::Function(function.oid, Some(Arc::new(function))))?;
        }
        for extension in self.extensions_of(&old) {
            let given = self.own_extension(&extension.name).await?;
            self.apply(Change::Extension(given.oid, Some(Arc::new(Extension { owner: new, ..(*given).clone() }))))?;
        }
        for database in catalog.databases.values().filter(|database| old.contains(&database.owner)) {
            let mut database = (**database).clone();
            give(&mut database.owner, database.acl.as_mut());
            self.apply(Change::Database(database.oid, Some(Arc::new(database))))?;
        }
        Ok(())
    }

    /// Runs DROP OWNED.
    pub(super) async fn drop_owned(&mut self, roles: &[RoleName], cascade: bool) -> Result<()> {
        let old = self.owning_roles(roles, "drop", "permission denied to drop objects")?;
        self.revoke_all_from(&old).await?;
        let catalog = self.catalog();
        let mut relations = self.relations_of(&catalog, &old);
        for oid in &relations {
            self.lock_table(*oid, TableLock::AccessExclusive).await?;
        }
        self.add_beneath(&mut relations).await?;
        let catalog = self.catalog();
        let mut dependents = self.references_into(&catalog, &relations);
        self.add_functions_of_rows(&catalog, &relations, &mut dependents);
        self.cascade_or_refuse(&dependents, "desired object(s)", cascade).await?;
        for oid in relations {
            self.drop_table(oid)?;
        }
        let owned = self.catalog();
        let owned = owned.functions.values().filter(|function| old.contains(&function.owner));
        let functions: Vec<u32> = owned.map(|function| function.oid).collect();
        self.drop_functions(&functions, cascade).await?;
        let extensions = self.extensions_of(&old);
        self.remove_extensions(&extensions, cascade).await?;
        let owned = catalog.types.values().filter(|ty| old.contains(&ty.owner));
        let types: Vec<u32> = owned.map(|ty| ty.oid).collect();
        self.drop_types(&types, cascade).await?;
        let schemas: Vec<_> = catalog.schemas.values().filter(|schema| old.contains(&schema.owner)).cloned().collect();
        for schema in &schemas {
            self.lock_schema(schema.oid, true).await?;
        }
        self.drop_contents_of(&schemas, cascade).await?;
        schemas.iter().try_for_each(|schema| self.apply(Change::Schema(schema.oid, None)))
    }

    /// The roles whose objects are meant, of which the principal must have the privileges.
    fn owning_roles(&mut self, roles: &[RoleName], deed: &str, refusal: &'static str) -> Result<Vec<u32>> {
        let catalog = self.catalog();
        let mut oids = Vec::with_capacity(roles.len());
        for role in roles {
            let name = self.spelled_role(role);
            let oid = oid_named(&catalog, &name)?;
            if !self.principal.has_privileges_of(RoleId(oid)) {
                return Err(denied(refusal));
            }
            if oid < FIRST_USER_OID {
                let message = format!(
                    "cannot {deed} objects owned by role {name} because they are required by the database system"
                );
                return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
            }
            oids.push(oid);
        }
        Ok(oids)
    }

    fn relations_of(&self, catalog: &Catalog, roles: &[u32]) -> Vec<u32> {
        let own = catalog.tables.values().filter(|table| table.kind != TableKind::System);
        own.filter(|table| roles.contains(&table.owner)).map(|table| table.oid).collect()
    }

    /// Takes what was granted to the roles from them, where the principal may.
    async fn revoke_all_from(&mut self, roles: &[u32]) -> Result<()> {
        let catalog = self.catalog();
        let may = |environment: &Self, owner: u32| environment.principal.has_privileges_of(RoleId(owner));
        let names_one = |acl: &Acl| acl.items().iter().any(|item| is_granted_to(item, roles));
        for table in catalog.tables.values().filter(|table| table.kind != TableKind::System) {
            let mut lists = table.acl.iter().chain(table.column_acls.values());
            if !may(self, table.owner) || !lists.any(names_one) {
                continue;
            }
            self.lock_entry(table.oid).await?;
            let (_, table) = self.locked_table(table.oid)?;
            let mut table = (*table).clone();
            let owner = RoleId(table.owner);
            for acl in table.acl.iter_mut().chain(table.column_acls.values_mut()) {
                take_from(acl, roles, owner, &catalog);
            }
            table.column_acls.retain(|_, acl| !acl.items().is_empty());
            self.put_table(table)?;
        }
        for table in catalog.tables.values().filter(|table| table.security.is_some()) {
            if !may(self, table.owner)
                || !table.policies().iter().any(|policy| policy.roles.iter().any(|role| roles.contains(role)))
            {
                continue;
            }
            self.lock_table(table.oid, TableLock::AccessExclusive).await?;
            let (_, table) = self.locked_table(table.oid)?;
            self.forget_in_policies(&table, roles)?;
        }
        for schema in catalog.schemas.values() {
            if may(self, schema.owner) && schema.acl.as_ref().is_some_and(names_one) {
                self.lock_schema(schema.oid, true).await?;
                let mut schema = (**schema).clone();
                let owner = RoleId(schema.owner);
                schema.acl.iter_mut().for_each(|acl| take_from(acl, roles, owner, &catalog));
                self.apply(Change::Schema(schema.oid, Some(Arc::new(schema))))?;
            }
        }
        for function in catalog.functions.values() {
            if may(self, function.owner) && function.acl.as_ref().is_some_and(names_one) {
                let mut function = (**function).clone();
                let owner = RoleId(function.owner);
                function.acl.iter_mut().for_each(|acl| take_from(acl, roles, owner, &catalog));
                self.apply(Change::Function(function.oid, Some(Arc::new(function))))?;
            }
        }
        for ty in catalog.types.values() {
            if may(self, ty.owner) && ty.acl.as_ref().is_some_and(names_one) {
                self.lock_type(ty.oid, true).await?;
                let mut ty = (**ty).clone();
                let owner = RoleId(ty.owner);
                ty.acl.iter_mut().for_each(|acl| take_from(acl, roles, owner, &catalog));
                self.put_type(ty)?;
            }
        }
        for role in catalog.roles.with_default_acls()? {
            let own = roles.contains(&role.oid);
            let grants = role.default_acls.iter().any(|default| names_one(&default.acl));
            if !(own || grants && may(self, role.oid)) {
                continue;
            }
            let mut role = self.lock_named_role(&role.name).await?;
            let owner = RoleId(role.oid);
            role.default_acls.retain(|default| !own || default.database != catalog.database);
            role.default_acls.iter_mut().for_each(|default| take_from(&mut default.acl, roles, owner, &catalog));
            role.default_acls.retain(|default| says_something(default, owner));
            self.apply(Change::Role(role.oid, Some(Arc::new(role))))?;
        }
        for database in catalog.databases.values() {
            if may(self, database.owner) && database.acl.as_ref().is_some_and(names_one) {
                let mut database = (**database).clone();
                let owner = RoleId(database.owner);
                database.acl.iter_mut().for_each(|acl| take_from(acl, roles, owner, &catalog));
                self.apply(Change::Database(database.oid, Some(Arc::new(database))))?;
            }
        }
        Ok(())
    }
}

fn is_granted_to(item: &AclItem, roles: &[u32]) -> bool {
    item.grantee.is_some_and(|grantee| roles.contains(&grantee.0))
}

fn take_from(acl: &mut Acl, roles: &[u32], owner: RoleId, catalog: &Catalog) {
    while let Some(item) = acl.items().iter().copied().find(|item| is_granted_to(item, roles)) {
        let privileges = item.privileges | item.grant_options;
        let gone = AclItem::for_revoke(item.grantee, item.grantor, privileges, RevokeScope::Privilege);
        // What depends on it goes too, so that there is nothing to refuse.
        if acl.revoke(gone, RevokeBehavior::Cascade, owner, catalog).is_err() {
            return;
        }
    }
}
