//! An access control list: who was granted which privileges on one object, and by whom.
//!
//! There is at most one item for each pair of grantee and grantor, and none that grants nothing.
//! An object whose list was never touched stores none and has [`Acl::default_for`] its kind.
//! A grant option lets its holder grant on; when it is taken away, what was granted by it goes too
//! (CASCADE) or the change is refused (RESTRICT). The owner has all grant options and cannot lose them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::authorize::privilege::{ObjectKind, Privileges};
use crate::error::AuthorizationError;
use crate::identity::{RoleGraph, RoleId, has_privileges_of};

/// What one role granted to another, or to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AclItem {
    /// Who may; `None` is PUBLIC, everybody.
    pub grantee: Option<RoleId>,
    /// Who granted it.
    pub grantor: RoleId,
    /// What the grantee may do.
    pub privileges: Privileges,
    /// Which privileges the grantee may grant to others.
    pub grant_options: Privileges,
}

/// What REVOKE takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeScope {
    /// The privilege, and with it its grant option.
    Privilege,
    /// `REVOKE GRANT OPTION FOR`: only the grant option.
    GrantOption,
}

/// What becomes of privileges that others were granted by whoever loses a grant option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeBehavior {
    /// They forbid the change.
    Restrict,
    /// They are revoked as well.
    Cascade,
}

impl AclItem {
    /// What `GRANT privileges TO grantee [WITH GRANT OPTION]` adds.
    pub fn for_grant(
        grantee: Option<RoleId>,
        grantor: RoleId,
        privileges: Privileges,
        with_grant_option: bool,
    ) -> Self {
        let grant_options = if with_grant_option { privileges } else { Privileges::NONE };
        Self { grantee, grantor, privileges, grant_options }
    }

    /// What `REVOKE [GRANT OPTION FOR] privileges FROM grantee` takes away.
    pub fn for_revoke(grantee: Option<RoleId>, grantor: RoleId, privileges: Privileges, scope: RevokeScope) -> Self {
        let kept = match scope {
            RevokeScope::Privilege => privileges,
            RevokeScope::GrantOption => Privileges::NONE,
        };
        Self { grantee, grantor, privileges: kept, grant_options: privileges }
    }

    fn is_empty(&self) -> bool {
        self.privileges.is_empty() && self.grant_options.is_empty()
    }

    fn has_parties_of(&self, other: &Self) -> bool {
        self.grantee == other.grantee && self.grantor == other.grantor
    }
}

/// The access control list of one object, in the order in which the grants were made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<AclItem>", into = "Vec<AclItem>")]
pub struct Acl {
    items: Vec<AclItem>,
}

impl Acl {
    /// The list that an object of this kind has before the first GRANT or REVOKE.
    pub fn default_for(kind: ObjectKind, owner: RoleId) -> Self {
        let public = AclItem::for_grant(None, owner, kind.default_public_privileges(), false);
        let owner = AclItem::for_grant(Some(owner), owner, kind.default_owner_privileges(), false);
        [public, owner].into_iter().collect()
    }

    /// The items, oldest first.
    pub fn items(&self) -> &[AclItem] {
        &self.items
    }

    /// Whether the role is named in the list, which keeps it from being dropped.
    pub fn mentions(&self, role: RoleId) -> bool {
        self.items.iter().any(|item| item.grantee == Some(role) || item.grantor == role)
    }

    /// Adds what `item` says (see [`AclItem::for_grant`]). The caller has made sure that the grantor
    /// holds the grant options. On an error the list is as it was.
    pub fn grant(&mut self, item: AclItem, owner: RoleId, roles: &impl RoleGraph) -> Result<(), AuthorizationError> {
        if !item.grant_options.is_empty() {
            let grantee = item.grantee.ok_or(AuthorizationError::GrantOptionToPublic)?;
            self.check_circularity(&item, grantee, owner, roles)?;
        }
        if item.is_empty() {
            return Ok(());
        }
        match self.items.iter_mut().find(|existing| existing.has_parties_of(&item)) {
            Some(existing) => {
                existing.privileges |= item.privileges;
                existing.grant_options |= item.grant_options;
            }
            None => self.items.push(item),
        }
        Ok(())
    }

    /// Takes away what `item` says (see [`AclItem::for_revoke`]); what was never granted is passed
    /// over. On an error the list is as it was.
    pub fn revoke(
        &mut self,
        item: AclItem,
        behavior: RevokeBehavior,
        owner: RoleId,
        roles: &impl RoleGraph,
    ) -> Result<(), AuthorizationError> {
        let mut changed = self.clone();
        changed.take_away(item, behavior, owner, roles)?;
        *self = changed;
        Ok(())
    }

    /// Puts `new` in the place of `old`, as ALTER … OWNER TO does, and folds items that become alike.
    pub fn change_owner(&mut self, old: RoleId, new: RoleId) {
        let replaced = |role: RoleId| if role == old { new } else { role };
        let items = self.items.iter().map(|item| AclItem {
            grantee: item.grantee.map(replaced),
            grantor: replaced(item.grantor),
            ..*item
        });
        *self = items.collect();
    }

    /// The grant options among `wanted` that `role` has, its own and those of roles it inherits from.
    fn grant_options_of(&self, role: RoleId, owner: RoleId, wanted: Privileges, roles: &impl RoleGraph) -> Privileges {
        if has_privileges_of(role, owner, roles) {
            return wanted;
        }
        let held = self
            .items
            .iter()
            .filter(|item| item.grant_options.intersects(wanted))
            .filter(|item| item.grantee.is_none_or(|grantee| has_privileges_of(role, grantee, roles)))
            .fold(Privileges::NONE, |held, item| held | item.grant_options);
        held & wanted
    }

    /// Refuses a grant option to somebody from whom the grantor has its own: the two would keep
    /// each other's alive after everybody else revoked theirs. So what the grantor would have
    /// left, were the grantee to lose all its grant options, must cover the grant.
    fn check_circularity(
        &self,
        granted: &AclItem,
        grantee: RoleId,
        owner: RoleId,
        roles: &impl RoleGraph,
    ) -> Result<(), AuthorizationError> {
        if granted.grantor == owner {
            return Ok(());
        }
        let mut without = self.clone();
        let has_options = |item: &&AclItem| item.grantee == Some(grantee) && !item.grant_options.is_empty();
        while let Some(&item) = without.items.iter().find(has_options) {
            without.take_away(item, RevokeBehavior::Cascade, owner, roles)?;
        }
        let independent = without.grant_options_of(granted.grantor, owner, granted.grant_options, roles);
        if independent.contains(granted.grant_options) { Ok(()) } else { Err(AuthorizationError::CircularGrantOption) }
    }

    /// Takes away `item` and then, depth first, what was granted by options lost on the way. A
    /// chain of grants may be long, so the depth is a stack of ours.
    fn take_away(
        &mut self,
        item: AclItem,
        behavior: RevokeBehavior,
        owner: RoleId,
        roles: &impl RoleGraph,
    ) -> Result<(), AuthorizationError> {
        let mut losers: Vec<(RoleId, Privileges)> = Vec::new();
        losers.extend(self.remove(item, owner, roles));
        while let Some(&(loser, lost)) = losers.last() {
            let dependent = |item: &&AclItem| item.grantor == loser && item.privileges.intersects(lost);
            let Some(grantee) = self.items.iter().find(dependent).map(|item| item.grantee) else {
                losers.pop();
                continue;
            };
            if behavior == RevokeBehavior::Restrict {
                return Err(AuthorizationError::DependentPrivileges);
            }
            let item = AclItem { grantee, grantor: loser, privileges: lost, grant_options: lost };
            losers.extend(self.remove(item, owner, roles));
        }
        Ok(())
    }

    /// Takes away `item` alone. Returns the grantee if it thereby lost grant options that it holds
    /// from nobody else, and which.
    fn remove(&mut self, item: AclItem, owner: RoleId, roles: &impl RoleGraph) -> Option<(RoleId, Privileges)> {
        let index = self.items.iter().position(|existing| existing.has_parties_of(&item))?;
        let existing = &mut self.items[index];
        let lost = existing.grant_options & item.grant_options;
        existing.privileges -= item.privileges;
        existing.grant_options -= item.grant_options;
        if existing.is_empty() {
            self.items.remove(index);
        }
        let grantee = item.grantee?;
        if lost.is_empty() || grantee == owner {
            return None;
        }
        let lost = lost - self.grant_options_of(grantee, owner, lost, roles);
        (!lost.is_empty()).then_some((grantee, lost))
    }
}

impl FromIterator<AclItem> for Acl {
    /// Folds items of the same grantee and grantor into the first of them and leaves out empty ones.
    fn from_iter<I: IntoIterator<Item = AclItem>>(all: I) -> Self {
        let mut items: Vec<AclItem> = Vec::new();
        let mut places = HashMap::new();
        for item in all.into_iter().filter(|item| !item.is_empty()) {
            let place = *places.entry((item.grantee, item.grantor)).or_insert(items.len());
            match items.get_mut(place) {
                Some(existing) => {
                    existing.privileges |= item.privileges;
                    existing.grant_options |= item.grant_options;
                }
                None => items.push(item),
            }
        }
        Self { items }
    }
}

impl From<Vec<AclItem>> for Acl {
    fn from(items: Vec<AclItem>) -> Self {
        items.into_iter().collect()
    }
}

impl From<Acl> for Vec<AclItem> {
    fn from(acl: Acl) -> Self {
        acl.items
    }
}

#[cfg(test)]
mod tests;
