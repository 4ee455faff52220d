//! GRANT and REVOKE of privileges on tables, functions, types, schemas and databases.

use std::sync::Arc;

use auth::{Acl, AclItem, GrantAuthority, ObjectAccess, ObjectKind, Privilege, Privileges, RoleId, choose_grantor};

use datafusion::sql::sqlparser::ast::ObjectName;

use super::function::routines_in;
use super::names::named_schema;
use super::{DefinitionEnvironment, names, role};
use crate::catalog::{Catalog, Change};
use crate::error::{Error, Report, Result, SqlState};
use crate::plan::authorize::denied;
use crate::statement::definition::{Deed, PrivilegeChange, PrivilegeObjects, RoleName};
use crate::types::builtin;

/// `invalid_grant_operation`.
pub(super) const INVALID_GRANT: SqlState = SqlState("0LP01");

/// One object whose list changes.
struct Target {
    kind: ObjectKind,
    oid: u32,
}

impl DefinitionEnvironment<'_> {
    /// Runs GRANT and REVOKE of privileges.
    pub(super) async fn change_privileges(&mut self, request: &PrivilegeChange) -> Result<()> {
        if let Some(grantor) = &request.granted_by
            && self.spelled_role(grantor) != self.principal.name()
        {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "grantor must be current user"));
        }
        let targets = self.targets(&request.objects)?;
        let mut grantees = Vec::with_capacity(request.grantees.len());
        for grantee in &request.grantees {
            grantees.push(match grantee {
                RoleName::Public => None,
                role => {
                    let name = &self.spelled_role(role);
                    let oid = role::oid_named(&self.catalog(), name)?;
                    self.lock_role(oid, false).await?;
                    // It may have been dropped while the lock was awaited.
                    Some(RoleId(role::oid_named(&self.catalog(), name)?))
                }
            });
        }
        for target in targets {
            self.check_privileges(&target, request.privileges, !request.columns.is_empty())?;
            self.change_target(&target, request, &grantees).await?;
        }
        Ok(())
    }

    fn targets(&mut self, objects: &PrivilegeObjects) -> Result<Vec<Target>> {
        let catalog = self.catalog();
        let mut targets = Vec::new();
        match objects {
            PrivilegeObjects::Tables(names) => {
                for name in names {
                    let table = self.find_table(&catalog, &self.qualified(name)?)?;
                    names::refuse_system(&table)?;
                    // A sequence may be named as a table is.
                    let sequence = table.sequence().is_some();
                    let kind = if sequence { ObjectKind::Sequence } else { ObjectKind::Table };
                    targets.push(Target { kind, oid: table.oid });
                }
            }
            PrivilegeObjects::Sequences(names) => {
                for name in names {
                    let sequence = self.find_sequence(&catalog, name)?;
                    targets.push(Target { kind: ObjectKind::Sequence, oid: sequence.oid });
                }
            }
            PrivilegeObjects::AllSequencesIn(schemas) => {
                for schema in schemas {
                    let schema = named_schema(&catalog, schema)?.oid;
                    let inside = catalog.tables.values().filter(|table| table.schema == schema);
                    let sequences = inside.filter(|table| table.sequence().is_some());
                    targets.extend(sequences.map(|table| Target { kind: ObjectKind::Sequence, oid: table.oid }));
                }
            }
            PrivilegeObjects::AllTablesIn(schemas) => {
                for schema in schemas {
                    let schema = named_schema(&catalog, schema)?.oid;
                    let inside =
                        |table: &&Arc<crate::catalog::Table>| table.schema == schema && table.sequence().is_none();
                    let tables = catalog.tables.values().filter(inside);
                    targets.extend(tables.map(|table| Target { kind: ObjectKind::Table, oid: table.oid }));
                }
            }
            PrivilegeObjects::Functions(names) => {
                for name in names {
                    let function = self.find_function(&catalog, name)?;
                    targets.push(Target { kind: ObjectKind::Function, oid: function.oid });
                }
            }
            PrivilegeObjects::AllFunctionsIn(kind, schemas) => {
                for schema in schemas {
                    let inside = routines_in(&catalog, named_schema(&catalog, schema)?.oid, *kind);
                    targets.extend(inside.iter().map(|one| Target { kind: ObjectKind::Function, oid: one.oid }));
                }
            }
            PrivilegeObjects::Types { names, domains } => {
                for name in names {
                    let oid = self.type_of_privileges(&catalog, name, *domains)?;
                    targets.push(Target { kind: ObjectKind::Type, oid });
                }
            }
            PrivilegeObjects::Schemas(names) => {
                for name in names {
                    let schema = named_schema(&catalog, name)?;
                    names::refuse_own_schema(schema)?;
                    targets.push(Target { kind: ObjectKind::Schema, oid: schema.oid });
                }
            }
            PrivilegeObjects::Databases(names) => {
                for name in names {
                    let database =
                        catalog.databases.values().find(|database| database.name == *name).ok_or_else(|| {
                            Error::new(SqlState::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"))
                        })?;
                    targets.push(Target { kind: ObjectKind::Database, oid: database.oid });
                }
            }
        }
        Ok(targets)
    }

    /// The type that GRANT or REVOKE names: none that is built in, nor that of another's arrays.
    fn type_of_privileges(&self, catalog: &Catalog, name: &ObjectName, domains: bool) -> Result<u32> {
        let name = self.qualified(name)?;
        let oid = self.find_type(catalog, &name)?.ok_or_else(|| super::user_type::undefined(&name))?;
        let is_array = builtin::element_of(oid).is_some_and(|element| builtin::array_of(element) == Some(oid));
        if is_array {
            return Err(Error::new(INVALID_GRANT, "cannot set privileges of array types")
                .with_hint("Set the privileges of the element type instead."));
        }
        let defined = catalog.types.get(&oid);
        if domains && defined.is_none_or(|ty| ty.domain().is_none()) {
            let message = format!("\"{}\" is not a domain", name.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        defined.map(|ty| ty.oid).ok_or_else(|| {
            let words = format!("GRANT or REVOKE ON TYPE of {}, which SQL does not define,", name.name);
            Error::unsupported(words)
        })
    }

    /// 0LP01 for a privilege that such an object does not have.
    fn check_privileges(&self, target: &Target, privileges: Option<Privileges>, columns: bool) -> Result<()> {
        if columns && target.kind != ObjectKind::Table {
            return Err(Error::new(INVALID_GRANT, "column privileges are only valid for relations"));
        }
        refuse_privileges(target.kind, privileges)
    }

    async fn change_target(
        &mut self,
        target: &Target,
        request: &PrivilegeChange,
        grantees: &[Option<RoleId>],
    ) -> Result<()> {
        match target.kind {
            ObjectKind::Schema => self.lock_schema(target.oid, true).await?,
            ObjectKind::Function => {
                self.lock_definition(&[b"function:", target.oid.to_be_bytes().as_slice()].concat(), true).await?;
            }
            ObjectKind::Type => self.lock_type(target.oid, true).await?,
            ObjectKind::Table | ObjectKind::Sequence => self.lock_entry(target.oid).await?,
            _ => self.lock_definition(&[b"database:", target.oid.to_be_bytes().as_slice()].concat(), true).await?,
        }
        let catalog = self.catalog();
        let gone = || Error::new(SqlState::SERIALIZATION_FAILURE, "tuple concurrently deleted");
        match target.kind {
            ObjectKind::Schema => {
                let mut schema = (**catalog.schemas.get(&target.oid).ok_or_else(gone)?).clone();
                let acl = self.changed_acl(
                    &catalog,
                    target.kind,
                    schema.owner,
                    schema.acl.as_ref(),
                    &schema.name,
                    request,
                    grantees,
                )?;
                schema.acl = acl.or(schema.acl);
                self.apply(Change::Schema(schema.oid, Some(Arc::new(schema))))
            }
            ObjectKind::Function => {
                let mut function = (**catalog.functions.get(&target.oid).ok_or_else(gone)?).clone();
                let acl = self.changed_acl(
                    &catalog,
                    target.kind,
                    function.owner,
                    function.acl.as_ref(),
                    &function.name,
                    request,
                    grantees,
                )?;
                function.acl = acl.or(function.acl);
                self.apply(Change::Function(function.oid, Some(Arc::new(function))))
            }
            ObjectKind::Type => {
                let mut ty = (**catalog.types.get(&target.oid).ok_or_else(gone)?).clone();
                let acl =
                    self.changed_acl(&catalog, target.kind, ty.owner, ty.acl.as_ref(), &ty.name, request, grantees)?;
                ty.acl = acl.or(ty.acl);
                self.put_type(ty)
            }
            ObjectKind::Table | ObjectKind::Sequence => {
                let mut table = (**catalog.tables.get(&target.oid).ok_or_else(gone)?).clone();
                let acl = self.changed_acl(
                    &catalog,
                    target.kind,
                    table.owner,
                    table.acl.as_ref(),
                    &table.name,
                    request,
                    grantees,
                )?;
                table.acl = acl.or(table.acl);
                let table = self.change_columns(&catalog, table, request, grantees)?;
                self.put_table(table).map(drop)
            }
            _ => {
                let mut database = (**catalog.databases.get(&target.oid).ok_or_else(gone)?).clone();
                let acl = self.changed_acl(
                    &catalog,
                    target.kind,
                    database.owner,
                    database.acl.as_ref(),
                    &database.name,
                    request,
                    grantees,
                )?;
                database.acl = acl.or(database.acl);
                self.apply(Change::Database(database.oid, Some(Arc::new(database))))
            }
        }
    }

    /// The object's list after the change; None if it stays as it is.
    #[expect(clippy::too_many_arguments, reason = "an object is known by its owner, list and name, whatever its kind")]
    fn changed_acl(
        &mut self,
        catalog: &Catalog,
        kind: ObjectKind,
        owner: u32,
        acl: Option<&Acl>,
        name: &str,
        request: &PrivilegeChange,
        grantees: &[Option<RoleId>],
    ) -> Result<Option<Acl>> {
        let owner = RoleId(owner);
        let access = ObjectAccess { owner, kind, acl };
        let wanted = request.privileges.unwrap_or_else(|| kind.all_privileges());
        if wanted.is_empty() {
            // Only columns are meant.
            return Ok(None);
        }
        let authority = choose_grantor(self.principal, &access, wanted).ok_or_else(|| denied(kind, name))?;
        self.warn_of_less(request, wanted, authority.privileges, &format!("\"{name}\""));
        if authority.privileges.is_empty() {
            return Ok(None);
        }
        let mut changed = acl.cloned().unwrap_or_else(|| Acl::default_for(kind, owner));
        apply_deed(&mut changed, request.deed, &authority, owner, grantees, catalog)?;
        Ok(Some(changed))
    }

    pub(super) fn warn_of_less(&mut self, request: &PrivilegeChange, wanted: Privileges, held: Privileges, name: &str) {
        if held == wanted {
            return;
        }
        let (state, deed) = match request.deed {
            Deed::Grant { .. } => ("01007", "granted"),
            Deed::Revoke { .. } => ("01006", "revoked"),
        };
        self.notice_warning(
            state,
            match held.is_empty() {
                true => format!("no privileges were {deed} for {name}"),
                false => format!("not all privileges were {deed} for {name}"),
            },
        );
    }

    /// A notice of class 01, which is shown as a warning.
    pub(super) fn notice_warning(&mut self, state: &'static str, message: String) {
        self.notices.push(Report { state: Some(SqlState(state)), message: message.into(), ..Report::default() });
    }
}

/// 0LP01 for a privilege that nothing of the kind has.
pub(super) fn refuse_privileges(kind: ObjectKind, privileges: Option<Privileges>) -> Result<()> {
    let beyond = privileges.unwrap_or_default() - kind.all_privileges();
    let Some(first) = beyond.iter().next() else { return Ok(()) };
    let noun = match (kind, first) {
        // A sequence could have it.
        (ObjectKind::Table, privilege) if privilege != Privilege::Usage => "relation",
        (kind, _) => kind.noun(),
    };
    Err(Error::new(INVALID_GRANT, format!("invalid privilege type {} for {noun}", first.keyword())))
}

/// Grants or revokes what the grantor may, for each grantee.
pub(super) fn apply_deed(
    acl: &mut Acl,
    deed: Deed,
    authority: &GrantAuthority,
    owner: RoleId,
    grantees: &[Option<RoleId>],
    catalog: &Catalog,
) -> Result<()> {
    let GrantAuthority { grantor, privileges } = *authority;
    for grantee in grantees {
        match deed {
            Deed::Grant { with_grant_option } => {
                let item = AclItem::for_grant(*grantee, grantor, privileges, with_grant_option);
                acl.grant(item, owner, catalog)
            }
            Deed::Revoke { scope, behavior } => {
                let item = AclItem::for_revoke(*grantee, grantor, privileges, scope);
                acl.revoke(item, behavior, owner, catalog)
            }
        }
        .map_err(authorization_error)?;
    }
    Ok(())
}

fn authorization_error(error: auth::AuthorizationError) -> Error {
    let mut report = Error::new(SqlState(error.sql_state()), error.to_string());
    if let Some(detail) = error.detail() {
        report = report.with_detail(detail);
    }
    match error.hint() {
        Some(hint) => report.with_hint(hint),
        None => report,
    }
}
