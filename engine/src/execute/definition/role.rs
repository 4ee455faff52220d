//! CREATE, ALTER and DROP ROLE, and who is a member of whom.

use std::sync::Arc;

use auth::{DEFAULT_ITERATIONS, RoleAttributes, RoleId, RoleKind, Verifier};
use storage::Value;

use super::DefinitionEnvironment;
use crate::catalog::{Catalog, Change, Role};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::{RoleChange, RoleName, RoleOptions, SaidKind};
use crate::types::{Type, oid, text};

/// Oids below this are the system's own.
pub(crate) const FIRST_USER_OID: u32 = 16384;

/// The oid of the role of that name; 42704 if there is none.
pub(super) fn oid_named(catalog: &Catalog, name: &str) -> Result<u32> {
    role_named(catalog, name).map(|role| role.oid)
}

pub(super) fn role_named(catalog: &Catalog, name: &str) -> Result<Arc<Role>> {
    catalog
        .roles
        .find_named(name)?
        .ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
}

pub(super) fn denied(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

/// 42501 unless a role of these attributes makes, alters and drops those of that kind.
pub(super) fn check_manages(own: &RoleAttributes, kind: RoleKind, words: &'static str) -> Result<()> {
    if own.kind().manages(own.createrole) >= Some(kind) {
        return Ok(());
    }
    Err(match kind {
        RoleKind::User => denied(words),
        kind => denied(words).with_hint(format!("It takes a role of kind {}.", kind.max(RoleKind::Dba).name())),
    })
}

fn refuse_reserved(name: &str) -> Result<()> {
    let reserved = |detail: Option<&str>| {
        let error = Error::new(SqlState::RESERVED_NAME, format!("role name \"{name}\" is reserved"));
        Err(match detail {
            Some(detail) => error.with_detail(detail),
            None => error,
        })
    };
    match name {
        "public" | "none" => reserved(None),
        _ if name.starts_with("pg_") => reserved(Some("Role names starting with \"pg_\" are reserved.")),
        _ => Ok(()),
    }
}

impl DefinitionEnvironment<'_> {
    /// Runs ALTER ROLE.
    pub(super) async fn change_role(&mut self, role: &RoleName, change: &RoleChange) -> Result<()> {
        let name = self.spelled_role(role);
        match change {
            RoleChange::Options(options) => self.alter_role(&name, options).await,
            RoleChange::Rename(new) => self.rename_role(&name, new.clone()).await,
            RoleChange::Settings { database, change } => {
                self.change_role_settings(&name, database.as_deref(), change).await
            }
        }
    }

    /// The name of a role that may be meant by what it is to the session. Nobody is called `public`.
    pub(super) fn spelled_role(&self, role: &RoleName) -> String {
        match role {
            RoleName::Named(name) => name.clone(),
            RoleName::Current => self.principal.name().to_owned(),
            RoleName::Session => self.context.session.session_user.clone(),
            RoleName::Public => "public".to_owned(),
        }
    }

    /// The attributes of the role that acts.
    pub(super) fn own_attributes(&self, catalog: &Catalog) -> RoleAttributes {
        let role = catalog.roles.get(&self.principal.role().0);
        role.map_or_else(RoleAttributes::default, |role| role.attributes.clone())
    }

    pub(super) async fn create_role(&mut self, name: &str, options: &RoleOptions) -> Result<()> {
        let own = self.own_attributes(&self.context.catalog);
        let kind = self.kind_said(options)?;
        let only_superusers = [
            (options.superuser, "must be superuser to create superusers"),
            (options.replication, "must be superuser to create replication users"),
            (options.bypassrls, "must be superuser to create bypassrls users"),
        ];
        if !own.superuser {
            if let Some((_, words)) = only_superusers.iter().find(|(said, _)| *said == Some(true)) {
                return Err(denied(*words));
            }
            if kind == Some(RoleKind::System) {
                return Err(denied("must be superuser to create superusers"));
            }
            check_manages(&own, kind.unwrap_or_default(), "permission denied to create role")?;
        }
        refuse_reserved(name)?;
        self.lock_role_name(name).await?;
        if self.catalog().roles.find_named(name)?.is_some() {
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, format!("role \"{name}\" already exists")));
        }
        let oid = self.store.allocate_oid()?;
        let mut role = Role::plain(oid, name);
        self.set_options(&mut role, options)?;
        self.apply(Change::Role(oid, Some(Arc::new(role))))?;
        if let (Some(said), None) = (options.kind, kind) {
            self.add_member(name, said.kind.name(), false).await?;
        }
        for group in &options.in_roles {
            self.add_member(&self.spelled_role(group), name, false).await?;
        }
        for member in &options.members {
            self.add_member(name, &self.spelled_role(member), false).await?;
        }
        for member in &options.admins {
            self.add_member(name, &self.spelled_role(member), true).await?;
        }
        Ok(())
    }

    /// The kind of role that is said, unless the word is a member's name.
    fn kind_said(&mut self, options: &RoleOptions) -> Result<Option<RoleKind>> {
        let Some(SaidKind { kind, or_member }) = options.kind else { return Ok(None) };
        let is_member = or_member && self.catalog().roles.find_named(kind.name())?.is_some();
        Ok((!is_member).then_some(kind))
    }

    fn set_options(&mut self, role: &mut Role, options: &RoleOptions) -> Result<()> {
        let attributes = &mut role.attributes;
        let flags = [
            (&mut attributes.superuser, options.superuser),
            (&mut attributes.createdb, options.createdb),
            (&mut attributes.createrole, options.createrole),
            (&mut attributes.inherit, options.inherit),
            (&mut attributes.login, options.login),
            (&mut attributes.replication, options.replication),
            (&mut attributes.bypassrls, options.bypassrls),
        ];
        for (flag, said) in flags {
            *flag = said.unwrap_or(*flag);
        }
        if let Some(kind) = self.kind_said(options)? {
            if options.superuser.is_some_and(|superuser| superuser != (kind == RoleKind::System)) {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
            }
            role.attributes.set_kind(kind);
        }
        let attributes = &mut role.attributes;
        attributes.connection_limit = options.connection_limit.unwrap_or(attributes.connection_limit);
        if let Some(until) = &options.valid_until {
            attributes.valid_until = Some(self.timestamp(until)?);
        }
        match &options.password {
            None => {}
            Some(None) => role.verifier = None,
            Some(Some(password)) => role.verifier = self.verifier(password)?,
        }
        Ok(())
    }

    fn timestamp(&self, written: &str) -> Result<i64> {
        match text::parse(written, Type::new(oid::TIMESTAMPTZ), &self.context.session.format)? {
            Value::Timestamptz(until) => Ok(until),
            _ => Err(Error::internal("a timestamp is not one")),
        }
    }

    /// What is kept of a password.
    fn verifier(&mut self, password: &str) -> Result<Option<String>> {
        if password.is_empty() {
            self.notice("empty string is not a valid password, clearing password".to_owned());
            return Ok(None);
        }
        if Verifier::is_verifier(password) {
            return Ok(Some(password.to_owned()));
        }
        let md5 = password.strip_prefix("md5");
        if md5.is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return Err(Error::unsupported("a password that is an MD5 hash"));
        }
        if password.chars().count() < self.others.password_length_min() {
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "password is too short"));
        }
        Ok(Some(Verifier::from_password(password, DEFAULT_ITERATIONS).to_string()))
    }

    async fn lock_role_name(&mut self, name: &str) -> Result<()> {
        self.lock_definition(&[b"role-name:", name.as_bytes()].concat(), true).await
    }

    /// Locks a role to change it, and answers it as it is then.
    pub(super) async fn lock_named_role(&mut self, name: &str) -> Result<Role> {
        loop {
            let before = oid_named(&self.catalog(), name)?;
            self.lock_role(before, true).await?;
            let catalog = self.catalog();
            let role = role_named(&catalog, name)?;
            if role.oid == before {
                return Ok(Arc::unwrap_or_clone(role));
            }
        }
    }

    pub(super) async fn alter_role(&mut self, name: &str, options: &RoleOptions) -> Result<()> {
        let mut role = self.lock_named_role(name).await?;
        let own = self.own_attributes(&self.context.catalog);
        let kind = self.kind_said(options)?;
        if !own.superuser {
            if role.attributes.superuser || options.superuser.is_some() || kind == Some(RoleKind::System) {
                return Err(denied("must be superuser to alter superuser roles or change superuser attribute"));
            }
            if role.attributes.replication || options.replication.is_some() {
                return Err(denied("must be superuser to alter replication roles or change replication attribute"));
            }
            if options.bypassrls.is_some() {
                return Err(denied("must be superuser to change bypassrls attribute"));
            }
        }
        let is_own = role.oid == self.principal.role().0;
        if !(is_own && is_password_only(options) && own.kind().sets_own_password()) {
            check_manages(&own, role.attributes.kind().max(kind.unwrap_or_default()), "permission denied")?;
        }
        self.set_options(&mut role, options)?;
        self.apply(Change::Role(role.oid, Some(Arc::new(role))))
    }

    async fn rename_role(&mut self, name: &str, new: String) -> Result<()> {
        let mut role = self.lock_named_role(name).await?;
        let named_now =
            |who: &str| Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{who} user cannot be renamed"));
        if name == self.context.session.session_user {
            return Err(named_now("session"));
        }
        if role.oid == self.principal.role().0 {
            return Err(named_now("current"));
        }
        refuse_reserved(name)?;
        refuse_reserved(&new)?;
        self.lock_role_name(&new).await?;
        if self.catalog().roles.find_named(&new)?.is_some() {
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, format!("role \"{new}\" already exists")));
        }
        let own = self.own_attributes(&self.context.catalog);
        if role.attributes.superuser && !own.superuser {
            return Err(denied("must be superuser to rename superusers"));
        }
        check_manages(&own, role.attributes.kind(), "permission denied to rename role")?;
        role.name = new;
        self.apply(Change::Role(role.oid, Some(Arc::new(role))))
    }
}

/// Whether nothing but a password is said.
fn is_password_only(options: &RoleOptions) -> bool {
    let RoleOptions {
        superuser,
        createdb,
        createrole,
        inherit,
        login,
        replication,
        bypassrls,
        connection_limit,
        password,
        valid_until,
        kind,
        in_roles,
        members,
        admins,
    } = options;
    let flags = [superuser, createdb, createrole, inherit, login, replication, bypassrls];
    password.is_some()
        && flags.into_iter().all(Option::is_none)
        && connection_limit.is_none()
        && valid_until.is_none()
        && kind.is_none()
        && in_roles.is_empty()
        && members.is_empty()
        && admins.is_empty()
}

impl DefinitionEnvironment<'_> {
    /// Runs DROP ROLE.
    pub(super) async fn drop_roles(&mut self, roles: &[RoleName], if_exists: bool) -> Result<()> {
        let own = self.own_attributes(&self.context.catalog);
        check_manages(&own, RoleKind::User, "permission denied to drop role")?;
        for role in roles {
            let RoleName::Named(name) = role else {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    "cannot use special role specifier in DROP ROLE",
                ));
            };
            if if_exists && self.catalog().roles.find_named(name)?.is_none() {
                self.notice_skipping(None, format!("role \"{name}\" does not exist"));
                continue;
            }
            let role = self.lock_named_role(name).await?;
            self.check_droppable(&role, &own)?;
            self.drop_role(&role).await?;
        }
        Ok(())
    }

    fn check_droppable(&mut self, role: &Role, own: &RoleAttributes) -> Result<()> {
        let in_use = |who: &str| Error::new(SqlState::OBJECT_IN_USE, format!("{who} user cannot be dropped"));
        if role.oid == self.principal.role().0 {
            return Err(in_use("current"));
        }
        if role.name == self.context.session.session_user {
            return Err(in_use("session"));
        }
        if role.attributes.superuser && !own.superuser {
            return Err(denied("must be superuser to drop superusers"));
        }
        check_manages(own, role.attributes.kind(), "permission denied to drop role")?;
        if role.oid < FIRST_USER_OID {
            let message = format!("cannot drop role {} because it is required by the database system", role.name);
            return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
        }
        let catalog = self.catalog();
        let dependents = self.role_dependents(&catalog, role.oid)?;
        if dependents.is_empty() {
            return Ok(());
        }
        let message = format!("role \"{}\" cannot be dropped because some objects depend on it", role.name);
        Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message).with_detail(dependents.join("\n")))
    }

    /// What the role owns and has been granted, as messages say it.
    fn role_dependents(&self, catalog: &Catalog, role: u32) -> Result<Vec<String>> {
        let mut objects: Vec<(u32, Option<&auth::Acl>, String)> = Vec::new();
        for database in catalog.databases.values() {
            objects.push((database.owner, database.acl.as_ref(), format!("database {}", database.name)));
        }
        for schema in catalog.schemas.values() {
            objects.push((schema.owner, schema.acl.as_ref(), format!("schema {}", schema.name)));
        }
        for table in catalog.tables.values() {
            let shown = format!("{} {}", table.noun(), self.shown(catalog, table));
            for (column, acl) in table.listed_columns() {
                objects.push((0, Some(acl), format!("column {column} of {shown}")));
            }
            objects.push((table.owner, table.acl.as_ref(), shown));
        }
        for ty in catalog.types.values() {
            objects.push((ty.owner, ty.acl.as_ref(), format!("type {}", self.type_shown(catalog, ty.oid))));
        }
        for extension in catalog.extensions.values() {
            objects.push((extension.owner, None, format!("extension {}", extension.name)));
        }
        for function in catalog.functions.values() {
            objects.push((function.owner, function.acl.as_ref(), self.function_shown(catalog, function)));
        }
        let holders = catalog.roles.with_default_acls()?;
        for holder in &holders {
            for default in holder.default_acls.iter().filter(|default| default.database == catalog.database) {
                let schema = default.schema.map(|schema| catalog.schemas.get(&schema));
                let inside = match schema {
                    None => String::new(),
                    Some(Some(schema)) => format!(" in schema {}", schema.name),
                    // It went with its schema.
                    Some(None) => continue,
                };
                let words = default.letter_and_words().1;
                let shown = format!("default privileges on new {words} belonging to role {}{inside}", holder.name);
                objects.push((holder.oid, Some(&default.acl), shown));
            }
        }
        let relation = |(owner, acl, shown): (u32, Option<&auth::Acl>, String)| {
            if owner == role {
                return Some(format!("owner of {shown}"));
            }
            acl.is_some_and(|acl| acl.mentions(RoleId(role))).then(|| format!("privileges for {shown}"))
        };
        let named = catalog.all_policies().filter(|(_, policy)| policy.roles.contains(&role));
        let targets = named.map(|(table, policy)| format!("target of {}", self.policy_shown(catalog, table, policy)));
        Ok(objects.into_iter().filter_map(relation).chain(targets).collect())
    }

    async fn drop_role(&mut self, role: &Role) -> Result<()> {
        for member in self.catalog().roles.members_of(role.oid)? {
            self.lock_role(member, true).await?;
            let Some(member) = self.catalog().roles.find(member)? else { continue };
            let mut member = Arc::unwrap_or_clone(member);
            member.member_of.retain(|other| *other != role.oid);
            member.admin_of.retain(|other| *other != role.oid);
            self.apply(Change::Role(member.oid, Some(Arc::new(member))))?;
        }
        // Rows that are its own stay until they are cleaned up.
        let left = Role {
            attributes: RoleAttributes { login: false, ..role.attributes.clone() },
            verifier: None,
            member_of: Vec::new(),
            admin_of: Vec::new(),
            settings: Vec::new(),
            database_settings: Vec::new(),
            default_acls: Vec::new(),
            deleted_at: Some(self.context.statement_time),
            ..role.clone()
        };
        self.apply(Change::Role(role.oid, Some(Arc::new(left))))
    }
}
