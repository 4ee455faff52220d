//! The decision: may this principal do this to that object?
//!
//! A superuser may do anything. Everybody else needs each wanted privilege from an item of the
//! object's list whose grantee is PUBLIC or a role that the principal acts for. The owner has no
//! privilege beyond the list (it may revoke its own), but always has every grant option.

use crate::authorize::acl::Acl;
use crate::authorize::privilege::{ObjectKind, Privileges};
use crate::identity::{Principal, RoleId};

/// What the decision looks at in an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectAccess<'a> {
    /// The role that owns it.
    pub owner: RoleId,
    /// What it is.
    pub kind: ObjectKind,
    /// Its list; `None` if that was never touched, which means the default of the kind.
    pub acl: Option<&'a Acl>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Refuse, with 42501.
    Denied,
}

impl Decision {
    /// Whether to go on.
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// Whether `principal` has all of `wanted` on `object`.
pub fn decide(principal: &Principal, object: &ObjectAccess<'_>, wanted: Privileges) -> Decision {
    if held_privileges(principal, object, wanted) == wanted { Decision::Allowed } else { Decision::Denied }
}

/// Those of `wanted` that `principal` has on `object`.
pub fn held_privileges(principal: &Principal, object: &ObjectAccess<'_>, wanted: Privileges) -> Privileges {
    if principal.is_superuser() {
        return wanted;
    }
    let mut held = match object.acl {
        None => default_privileges(principal, object),
        Some(acl) => listed_privileges(principal, acl, wanted),
    };
    if !held.contains(wanted) {
        held |= predefined_privileges(principal, object.kind);
    }
    held & wanted
}

/// Those of `wanted` that `principal` may grant on `object` to others.
pub fn held_grant_options(principal: &Principal, object: &ObjectAccess<'_>, wanted: Privileges) -> Privileges {
    if principal.has_privileges_of(object.owner) {
        return wanted;
    }
    let items = object.acl.map(Acl::items).unwrap_or_default();
    let acts_for = |grantee: Option<RoleId>| grantee.is_none_or(|grantee| principal.has_privileges_of(grantee));
    let held = items
        .iter()
        .filter(|item| acts_for(item.grantee))
        .fold(Privileges::NONE, |held, item| held | item.grant_options);
    held & wanted
}

fn default_privileges(principal: &Principal, object: &ObjectAccess<'_>) -> Privileges {
    let everybody = object.kind.default_public_privileges();
    if principal.has_privileges_of(object.owner) {
        everybody | object.kind.default_owner_privileges()
    } else {
        everybody
    }
}

fn listed_privileges(principal: &Principal, acl: &Acl, wanted: Privileges) -> Privileges {
    let mut held = Privileges::NONE;
    for item in acl.items() {
        // Whether the grantee matters is cheaper to tell than whether the principal acts for it.
        let useful = item.privileges.intersects(wanted - held);
        if useful && item.grantee.is_none_or(|grantee| principal.has_privileges_of(grantee)) {
            held |= item.privileges;
        }
    }
    held
}

/// What membership in `pg_read_all_data` and `pg_write_all_data` adds.
fn predefined_privileges(principal: &Principal, kind: ObjectKind) -> Privileges {
    let reads = || principal.has_privileges_of(RoleId::READ_ALL_DATA);
    let writes = || principal.has_privileges_of(RoleId::WRITE_ALL_DATA);
    let when = |holds: bool, privileges: Privileges| if holds { privileges } else { Privileges::NONE };
    match kind {
        ObjectKind::Table | ObjectKind::Sequence => {
            when(reads(), Privileges::SELECT)
                | when(writes(), Privileges::INSERT | Privileges::UPDATE | Privileges::DELETE)
        }
        ObjectKind::Schema => when(reads() || writes(), Privileges::USAGE),
        _ => Privileges::NONE,
    }
}

/// In whose name a GRANT or REVOKE happens, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantAuthority {
    /// The grantor to record.
    pub grantor: RoleId,
    /// The part of what was asked that the grantor may grant or revoke. Less than all of it is a
    /// warning (01007 for GRANT, 01006 for REVOKE), not an error.
    pub privileges: Privileges,
}

/// Chooses the grantor for a GRANT or REVOKE of `wanted` by `principal`: the owner, if the
/// principal is the owner or a superuser; else whichever role it acts for has most of the grant
/// options. `None` means refuse with 42501, which takes having no privilege on the object at all.
pub fn choose_grantor(principal: &Principal, object: &ObjectAccess<'_>, wanted: Privileges) -> Option<GrantAuthority> {
    if principal.is_superuser() || principal.role() == object.owner {
        return Some(GrantAuthority { grantor: object.owner, privileges: wanted });
    }
    let mut best = GrantAuthority { grantor: principal.role(), privileges: Privileges::NONE };
    for &role in principal.roles() {
        let privileges = own_grant_options(role, object, wanted);
        if privileges.count() > best.privileges.count() {
            best = GrantAuthority { grantor: role, privileges };
        }
        if best.privileges == wanted {
            break;
        }
    }
    let all = object.kind.all_privileges();
    let involved = !best.privileges.is_empty()
        || !held_privileges(principal, object, all).is_empty()
        || !held_grant_options(principal, object, all).is_empty();
    involved.then_some(best)
}

/// The grant options that `role` has of itself, without those of roles it is a member of.
fn own_grant_options(role: RoleId, object: &ObjectAccess<'_>, wanted: Privileges) -> Privileges {
    if role == object.owner {
        return wanted;
    }
    let items = object.acl.map(Acl::items).unwrap_or_default();
    let held = items.iter().filter(|item| item.grantee.is_none_or(|grantee| grantee == role));
    held.fold(Privileges::NONE, |held, item| held | item.grant_options) & wanted
}

#[cfg(test)]
mod tests;
