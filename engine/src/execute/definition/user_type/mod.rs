//! CREATE, ALTER and DROP of enums, domains, composite types and ranges.
//!
//! A type is locked by a key: shared by whoever gives a column that type, exclusively to change or drop it. Its name is
//! locked as that of a relation is, because a table's row type has the table's name.

mod composite;
mod domain;
mod drop;
mod enumeration;
mod names;
mod range;

use std::sync::Arc;

use auth::{ObjectKind, Privileges};
use datafusion::sql::sqlparser::ast::{self, ObjectName, Owner};

use super::DefinitionEnvironment;
use super::names::named_schema;
use crate::catalog::{Catalog, Change, UserType, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::{check_schema, denied};
use crate::plan::bind::QualifiedName;
use crate::statement::definition::{RoleName, TypeChange};
use crate::types::defined::FIRST_OID;
use crate::types::text::cut_name;
use crate::types::{Type, builtin, display};

/// Runs ALTER TYPE and ALTER DOMAIN.
pub(super) async fn alter(
    name: &ObjectName,
    domain: bool,
    change: &TypeChange,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let name = environment.qualified(name)?;
    let ty = environment.lock_type_to_alter(&name, domain).await?;
    match change {
        TypeChange::Rename(new) => environment.rename_type(&ty, new).await,
        TypeChange::Schema(schema) => environment.set_type_schema(&ty, schema).await,
        TypeChange::Owner(owner) => environment.change_type_owner(&ty, owner).await,
        TypeChange::AddValue { value, if_not_exists, place } => {
            environment.add_label(&ty, value, *if_not_exists, place.as_ref())
        }
        TypeChange::RenameValue { old, new } => environment.rename_label(&ty, old, new),
        change if change.is_of_attribute() => environment.change_attributes(&ty, change).await,
        change => environment.change_domain(&ty, change).await,
    }
}

/// 42704 for a type that is not there.
pub(super) fn undefined(name: &QualifiedName) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist"))
}

impl DefinitionEnvironment<'_> {
    pub(in crate::execute::definition) async fn lock_type(&mut self, oid: u32, exclusive: bool) -> Result<()> {
        self.lock_definition(&[b"type:", oid.to_be_bytes().as_slice()].concat(), exclusive).await
    }

    /// Keeps the type of a column from being dropped before the column is there. 42501 for one that the principal may not use.
    pub(in crate::execute::definition) async fn hold_type(&mut self, ty: Type) -> Result<()> {
        if ty.oid < FIRST_OID {
            return Ok(());
        }
        let oid = builtin::element_of(ty.oid).unwrap_or(ty.oid);
        if oid < FIRST_OID {
            return Ok(());
        }
        if self.catalog().attributes(oid).is_some() && !self.catalog().types.contains_key(&oid) {
            return Err(Error::unsupported("the row type of a table as the type of a column"));
        }
        self.lock_type(oid, false).await?;
        let catalog = self.catalog();
        if let Some(used) = catalog.types.get(&oid) {
            let held = auth::held_privileges(self.principal, &used.access(), Privileges::USAGE);
            return match held.contains(Privileges::USAGE) {
                true => Ok(()),
                false => Err(denied(ObjectKind::Type, &self.type_shown(&catalog, oid))),
            };
        }
        let message = format!("type {} does not exist", display(ty));
        Err(Error::new(SqlState::UNDEFINED_OBJECT, message))
    }

    /// The oid of a type that a statement names, be it built in.
    pub(in crate::execute::definition) fn find_type(
        &self,
        catalog: &Catalog,
        name: &QualifiedName,
    ) -> Result<Option<u32>> {
        if let Some(schema) = &name.schema {
            named_schema(catalog, schema)?;
        }
        let in_system = name.schema.as_ref().is_none_or(|schema| schema == "pg_catalog");
        let built_in = builtin::by_name(&name.name).filter(|_| in_system).map(|info| info.oid);
        let path = &self.context.session.search_path;
        Ok(built_in.or_else(|| catalog.find_type(name.schema.as_deref(), &name.name, path)))
    }

    /// Finds and locks a type that the principal owns.
    pub(in crate::execute::definition) async fn lock_type_to_alter(
        &mut self,
        name: &QualifiedName,
        domain: bool,
    ) -> Result<Arc<UserType>> {
        loop {
            let catalog = self.catalog();
            let oid = self.find_type(&catalog, name)?.ok_or_else(|| undefined(name))?;
            let ty = self.alterable(&catalog, oid, domain)?;
            self.lock_type(ty.oid, true).await?;
            let catalog = self.catalog();
            if self.find_type(&catalog, name)? == Some(oid) {
                return self.alterable(&catalog, oid, domain);
            }
        }
    }

    fn alterable(&self, catalog: &Catalog, oid: u32, domain: bool) -> Result<Arc<UserType>> {
        let shown = catalog.type_shown(Type::new(oid), &self.context.session.search_path).unwrap_or_default();
        let wrong_kind = |what: &str| Error::new(SqlState::WRONG_OBJECT_TYPE, format!("{shown} is not {what}"));
        let Some((ty, array)) = catalog.defined_type(oid) else {
            if domain {
                return Err(wrong_kind("a domain"));
            }
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be owner of type {shown}")));
        };
        if domain && (array || ty.domain().is_none()) {
            return Err(wrong_kind("a domain"));
        }
        if array {
            let message = format!("cannot alter array type {shown}");
            let element = catalog.type_shown(Type::new(ty.oid), &self.context.session.search_path).unwrap_or_default();
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                .with_hint(format!("You can alter type {element}, which will alter the array type as well.")));
        }
        self.check_owner(ty.owner, "type", &shown)?;
        Ok(ty.clone())
    }

    /// Makes a type under a name that is not taken. `kind` gets it ready but for its own oids, of which another may know
    /// one already.
    async fn put_new_type(&mut self, name: &ObjectName, oid: Option<u32>, kind: UserTypeKind) -> Result<()> {
        let place = loop {
            let catalog = self.catalog();
            let place = self.place(&catalog, name)?;
            self.lock_schema(place.schema.oid, false).await?;
            self.lock_name(place.schema.oid, &place.name).await?;
            let catalog = self.catalog();
            if self.place(&catalog, name)?.schema.oid == place.schema.oid {
                break place;
            }
        };
        let schema = place.schema.oid;
        self.refuse_taken_type_name(schema, &place.name)?;
        let owner = self.principal.role().0;
        self.lock_role(owner, false).await?;
        let array_name = self.free_array_name(schema, &place.name).await?;
        let oid = oid.map_or_else(|| self.store.allocate_oid(), Ok)?;
        let array = self.store.allocate_oid()?;
        let acl = self.new_acl(owner, Some(schema), ObjectKind::Type);
        let ty = UserType { oid, array, array_name, schema, name: place.name, owner, acl, comment: None, kind };
        self.put_type(ty)
    }

    pub(in crate::execute::definition) fn put_type(&mut self, ty: UserType) -> Result<()> {
        self.apply(Change::Type(ty.oid, Some(Arc::new(ty))))
    }

    /// 42710 if a type of that name is there, or a relation, whose row type it would be.
    fn refuse_taken_type_name(&mut self, schema: u32, name: &str) -> Result<()> {
        let catalog = self.catalog();
        let key = (schema, name.to_owned());
        let is_table = catalog.relation_names.get(&key).is_some_and(|oid| catalog.tables.contains_key(oid));
        if is_table || catalog.type_names.contains_key(&key) {
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, format!("type \"{name}\" already exists")));
        }
        Ok(())
    }

    /// The name of a type's arrays: with as many underscores before it as it takes.
    async fn free_array_name(&mut self, schema: u32, name: &str) -> Result<String> {
        let mut array_name = name.to_owned();
        loop {
            array_name = cut_name(&format!("_{array_name}")).to_owned();
            self.lock_name(schema, &array_name).await?;
            if self.refuse_taken_type_name(schema, &array_name).is_ok() {
                return Ok(array_name);
            }
        }
    }

    async fn rename_type(&mut self, ty: &UserType, new: &str) -> Result<()> {
        let new = cut_name(new);
        if let Some(schema) = self.catalog().schemas.get(&ty.schema) {
            check_schema(self.principal, schema, auth::Privileges::CREATE)?;
        }
        self.lock_name(ty.schema, &ty.name).await?;
        self.lock_name(ty.schema, new).await?;
        self.refuse_taken_type_name(ty.schema, new)?;
        let array_name = self.free_array_name(ty.schema, new).await?;
        let renamed = UserType { name: new.to_owned(), array_name, ..ty.clone() };
        self.move_type(ty, renamed)
    }

    async fn set_type_schema(&mut self, ty: &UserType, name: &str) -> Result<()> {
        let catalog = self.catalog();
        let schema = named_schema(&catalog, name)?.oid;
        self.lock_schema(schema, false).await?;
        let catalog = self.catalog();
        let schema = named_schema(&catalog, name)?;
        check_schema(self.principal, schema, auth::Privileges::CREATE)?;
        if super::names::is_system_schema(name) {
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for schema {name}")));
        }
        if schema.oid == ty.schema {
            return Ok(());
        }
        self.lock_name(ty.schema, &ty.name).await?;
        self.lock_name(schema.oid, &ty.name).await?;
        if self.refuse_taken_type_name(schema.oid, &ty.name).is_err() {
            let message = format!("type \"{}\" already exists in schema \"{name}\"", ty.name);
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
        }
        let array_name = self.free_array_name(schema.oid, &ty.name).await?;
        let moved = UserType { schema: schema.oid, array_name, ..ty.clone() };
        self.move_type(ty, moved)
    }

    async fn change_type_owner(&mut self, ty: &UserType, role: &RoleName) -> Result<()> {
        let owner = match role {
            RoleName::Named(name) => Owner::Ident(ast::Ident::with_quote('"', name)),
            RoleName::Current => Owner::CurrentUser,
            RoleName::Session => Owner::SessionUser,
            RoleName::Public => {
                return Err(Error::new(SqlState::UNDEFINED_OBJECT, "role \"public\" does not exist"));
            }
        };
        let catalog = self.catalog();
        let schema = catalog.schemas.get(&ty.schema).cloned();
        let owner = self.new_owner(&catalog, &owner, schema.as_deref()).await?;
        let mut given = ty.clone();
        given.give_to(owner);
        self.put_type(given)
    }

    /// COMMENT ON TYPE and ON DOMAIN.
    pub(in crate::execute::definition) async fn comment_on_type(
        &mut self,
        name: &ObjectName,
        domain: bool,
        comment: Option<&str>,
    ) -> Result<()> {
        let name = self.qualified(name)?;
        let ty = self.lock_type_to_alter(&name, domain).await?;
        let comment = comment.filter(|comment| !comment.is_empty()).map(str::to_owned);
        self.put_type(UserType { comment, ..(*ty).clone() })
    }
}

pub(super) use composite::create as create_composite;
pub(super) use domain::create as create_domain;
pub(super) use drop::run as drop_types;
pub(super) use enumeration::create as create_enum;
pub(super) use range::create as create_range;
