//! GRANT and REVOKE of roles: who is a member of whom.

use std::sync::Arc;

use auth::{RoleId, RoleKind};

use super::DefinitionEnvironment;
use super::role::{denied, oid_named, role_named};
use crate::catalog::role::DATABASE_OWNER;
use crate::catalog::{Catalog, Change};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::MembershipChange;

impl DefinitionEnvironment<'_> {
    /// Runs GRANT and REVOKE of roles.
    pub(super) async fn change_membership(&mut self, change: &MembershipChange) -> Result<()> {
        let MembershipChange { grant, roles, members, admin_option, granted_by, alters_group: _ } = change;
        if let Some(grantor) = granted_by {
            let grantor = oid_named(&self.catalog(), &self.spelled_role(grantor))?;
            if grantor != self.principal.role().0 && !self.principal.is_superuser() {
                return Err(denied("must be superuser to set grantor"));
            }
        }
        for role in roles {
            for member in members {
                let member = self.spelled_role(member);
                match grant {
                    true => self.add_member(role, &member, *admin_option).await?,
                    false => self.remove_member(role, &member, *admin_option).await?,
                }
            }
        }
        Ok(())
    }

    /// GRANT role TO member.
    pub(super) async fn add_member(&mut self, role: &str, member: &str, admin: bool) -> Result<()> {
        let role_oid = oid_named(&self.catalog(), role)?;
        self.check_admin(role, role_oid)?;
        if role_oid == DATABASE_OWNER {
            // PostgreSQL gives these no SQLSTATE of their own.
            return Err(Error::new(SqlState::INTERNAL_ERROR, format!("role \"{role}\" cannot have explicit members")));
        }
        self.lock_role(role_oid, false).await?;
        let mut changed = self.lock_named_role(member).await?;
        if changed.oid == DATABASE_OWNER {
            let message = format!("role \"{member}\" cannot be a member of any role");
            return Err(Error::new(SqlState::INTERNAL_ERROR, message));
        }
        let catalog = self.catalog();
        role_named(&catalog, role)?;
        if changed.oid == role_oid || is_member(&catalog, role_oid, changed.oid)? {
            let message = format!("role \"{role}\" is a member of role \"{member}\"");
            return Err(Error::new(SqlState("0LP01"), message));
        }
        let (is_member, is_admin) = (changed.member_of.contains(&role_oid), changed.admin_of.contains(&role_oid));
        if is_member && (is_admin || !admin) {
            self.notice(format!("role \"{member}\" is already a member of role \"{role}\""));
            return Ok(());
        }
        if !is_member {
            changed.member_of.push(role_oid);
        }
        if admin && !is_admin {
            changed.admin_of.push(role_oid);
        }
        self.apply(Change::Role(changed.oid, Some(Arc::new(changed))))
    }

    /// REVOKE [ADMIN OPTION FOR] role FROM member.
    async fn remove_member(&mut self, role: &str, member: &str, only_admin: bool) -> Result<()> {
        let role_oid = oid_named(&self.catalog(), role)?;
        self.check_admin(role, role_oid)?;
        let mut changed = self.lock_named_role(member).await?;
        if !changed.member_of.contains(&role_oid) {
            let message = format!("role \"{member}\" is not a member of role \"{role}\"");
            self.notice_warning("01000", message);
            return Ok(());
        }
        changed.admin_of.retain(|other| *other != role_oid);
        if !only_admin {
            changed.member_of.retain(|other| *other != role_oid);
        }
        self.apply(Change::Role(changed.oid, Some(Arc::new(changed))))
    }

    /// 42501 unless the principal may say who is a member of the role.
    fn check_admin(&mut self, name: &str, role: u32) -> Result<()> {
        let catalog = self.catalog();
        let own = self.own_attributes(&catalog);
        if own.superuser {
            return Ok(());
        }
        let target = catalog.roles.find(role)?;
        if target.as_ref().is_some_and(|role| role.attributes.superuser) {
            return Err(denied("must be superuser to alter superusers"));
        }
        let holds =
            |holder: &RoleId| catalog.roles.get(&holder.0).is_some_and(|holder| holder.admin_of.contains(&role));
        let kind = target.map_or(RoleKind::User, |role| role.attributes.kind());
        if own.kind().manages(own.createrole) >= Some(kind) || self.principal.roles().iter().any(holds) {
            return Ok(());
        }
        Err(denied(format!("must have admin option on role \"{name}\"")))
    }
}

/// Whether a role is a member of another, however far and whether it is a superuser or not.
fn is_member(catalog: &Catalog, member: u32, of: u32) -> Result<bool> {
    let mut reached = vec![member];
    let mut next = 0;
    while let Some(role) = reached.get(next).copied() {
        if role == of {
            return Ok(true);
        }
        next += 1;
        let Some(role) = catalog.roles.find(role)? else { continue };
        for parent in &role.member_of {
            if !reached.contains(parent) {
                reached.push(*parent);
            }
        }
    }
    Ok(false)
}
