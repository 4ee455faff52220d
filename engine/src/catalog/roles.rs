//! Every role, by oid and by name, as a catalog has them.
//!
//! There may be hundreds of thousands, most of them at rest, so a catalog holds none of those that are committed: they
//! are read from the store when somebody asks for them (`roles/source.rs`), as they are for the catalog's version. What
//! the catalog itself has are the changes of a transaction that has not committed, which lie over the others.

mod changes;
mod entry;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use storage::Store;

use self::changes::RoleChanges;
pub(super) use self::entry::{complete_marks, save_marks, say_complete};
use self::source::RoleSource;
use super::Role;
use crate::error::Result;

/// Roles by oid and by name. Cheap to clone, and cheap to change after that. Who asks in the plain way (`get`, `named`)
/// is told that there is no such role if the store cannot be read, which takes privileges and gives none; the log has the
/// error. Whoever must tell the two apart asks for a `Result`.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    committed: Option<Committed>,
    changes: RoleChanges,
}

/// The roles of a version of the catalog.
#[derive(Debug, Clone)]
struct Committed {
    source: Arc<RoleSource>,
    version: u64,
}

impl Roles {
    /// The committed roles of a store, of which `version` is the newest.
    pub(super) fn of_store(store: &Store, version: u64) -> Self {
        Self::from_source(RoleSource::new(store.clone()), version)
    }

    fn from_source(source: RoleSource, version: u64) -> Self {
        Self { committed: Some(Committed { source: Arc::new(source), version }), changes: RoleChanges::default() }
    }

    /// The role of that oid.
    pub fn get(&self, oid: &u32) -> Option<Arc<Role>> {
        read(self.find(*oid))
    }

    /// The same, or why it cannot be read.
    pub fn find(&self, oid: u32) -> Result<Option<Arc<Role>>> {
        Ok(self.entry(oid)?.filter(|role| is_there(role)))
    }

    /// The role of that name.
    pub fn named(&self, name: &str) -> Option<Arc<Role>> {
        read(self.find_named(name))
    }

    /// The same, or why it cannot be read.
    pub fn find_named(&self, name: &str) -> Result<Option<Arc<Role>>> {
        if let Some(role) = self.changes.named(name) {
            return Ok(Some(role.clone()));
        }
        let Some(committed) = &self.committed else { return Ok(None) };
        let role = committed.source.named(name, committed.version)?;
        // One that was changed has another name now, or is gone.
        Ok(role.filter(|role| self.changes.get(role.oid).is_none()))
    }

    /// The newest committed role of that name, for those who must not tell by the time that it takes whether it is there.
    /// One that cannot be read is not there.
    pub(crate) fn named_in_even_time(&self, name: &str) -> Option<Arc<Role>> {
        let committed = self.committed.as_ref()?;
        read(committed.source.named_in_even_time(name))
    }

    /// Whether there is one of that oid.
    pub fn contains_key(&self, oid: &u32) -> bool {
        self.get(oid).is_some()
    }

    /// The role of that oid, whether it was dropped or not.
    pub(crate) fn entry(&self, oid: u32) -> Result<Option<Arc<Role>>> {
        match (self.changes.get(oid), &self.committed) {
            (Some(changed), _) => Ok(changed.clone()),
            (None, Some(committed)) => committed.source.find(oid, committed.version),
            (None, None) => Ok(None),
        }
    }

    /// All of them but those that were dropped, in the order of their oids. They are read some at a time. Nothing comes
    /// behind an error.
    pub fn values(&self) -> impl Iterator<Item = Result<Arc<Role>>> {
        let mut next = Some(0);
        let pages = std::iter::from_fn(move || {
            let first = next?;
            let page = self.page(first);
            next = page.as_ref().ok().and_then(|(_, upto)| upto.checked_add(1));
            Some(page)
        });
        pages.flat_map(|page| {
            let (roles, failure) = match page {
                Ok((roles, _)) => (roles, None),
                Err(error) => (BTreeMap::new(), Some(Err(error))),
            };
            roles.into_values().map(Ok).chain(failure)
        })
    }

    /// Some of them from an oid on, and the last oid that can be among them.
    fn page(&self, first: u32) -> Result<(BTreeMap<u32, Arc<Role>>, u32)> {
        let (mut roles, upto) = match &self.committed {
            Some(committed) => committed.source.page(first, committed.version)?,
            None => (BTreeMap::new(), u32::MAX),
        };
        for (oid, changed) in self.changes.between(first, upto) {
            match changed {
                Some(role) => roles.insert(oid, role.clone()),
                None => roles.remove(&oid),
            };
        }
        roles.retain(|_, role| is_there(role));
        Ok((roles, upto))
    }

    /// Oids of the direct members of a role.
    pub(crate) fn members_of(&self, group: u32) -> Result<Vec<u32>> {
        let is_member = |role: &Role| is_there(role) && role.member_of.contains(&group);
        self.marked(&entry::members_prefix(group), |_, _| ControlFlow::Continue(true), is_member)
    }

    /// Oids of those who may say who is a member of a role, because it was granted to them WITH ADMIN OPTION.
    pub(crate) fn admins_of(&self, group: u32) -> Result<Vec<u32>> {
        let is_admin = |role: &Role| is_there(role) && role.admin_of.contains(&group);
        let has_option = |_: &[u8], value: &[u8]| ControlFlow::Continue(value == entry::ADMIN);
        self.marked(&entry::members_prefix(group), has_option, is_admin)
    }

    /// Those who have said what is granted on what they are going to make.
    pub(crate) fn with_default_acls(&self) -> Result<Vec<Arc<Role>>> {
        let says = |role: &Role| is_there(role) && !role.default_acls.is_empty();
        let oids = self.marked(&entry::defaults_prefix(), |_, _| ControlFlow::Continue(true), says)?;
        let found = oids.into_iter().filter_map(|oid| self.find(oid).transpose());
        found.collect()
    }

    /// A role that was dropped and of which something may be left.
    pub(crate) fn find_dropped(&self, oid: u32) -> Result<Option<Arc<Role>>> {
        Ok(self.entry(oid)?.filter(|role| !is_there(role)))
    }

    /// Such roles that had that name.
    pub(crate) fn dropped_named(&self, name: &str) -> Result<Vec<Arc<Role>>> {
        let had_name = |_: &[u8], value: &[u8]| ControlFlow::Continue(value == name.as_bytes());
        let is_one = |role: &Role| !is_there(role) && role.name == name;
        let oids = self.marked(&entry::dropped_prefix(), had_name, is_one)?;
        let found = oids.into_iter().filter_map(|oid| self.find_dropped(oid).transpose());
        found.collect()
    }

    /// Oids of such roles that were dropped up to a time, in microseconds since 1970-01-01 UTC.
    pub(crate) fn dropped_until(&self, time: i64) -> Result<Vec<u32>> {
        let is_meant = |key: &[u8], _: &[u8]| match entry::dropped_at(key) <= time {
            true => ControlFlow::Continue(true),
            false => ControlFlow::Break(()),
        };
        let is_one = |role: &Role| role.deleted_at.is_some_and(|at| at <= time);
        self.marked(&entry::dropped_prefix(), is_meant, is_one)
    }

    /// Oids, ascending, of the roles whose marks are meant; of what has changed, of those that answer for themselves.
    fn marked(
        &self,
        prefix: &[u8],
        is_meant: impl FnMut(&[u8], &[u8]) -> ControlFlow<(), bool>,
        is_one: impl Fn(&Role) -> bool,
    ) -> Result<Vec<u32>> {
        let mut oids = BTreeSet::new();
        let mut changed = source::Before::new();
        if let Some(Committed { source, version }) = &self.committed {
            oids.extend(source.marked(prefix, is_meant)?);
            changed = source.before(*version);
        }
        changed.extend(self.changes.between(0, u32::MAX).map(|(oid, role)| (oid, role.clone())));
        for (oid, role) in changed {
            match role.is_some_and(|role| is_one(&role)) {
                true => oids.insert(oid),
                false => oids.remove(&oid),
            };
        }
        Ok(oids.into_iter().collect())
    }

    /// Puts a role, dropped or not, in the place of the one with its oid, or takes that away.
    pub fn put(&mut self, oid: u32, role: Option<Arc<Role>>) {
        self.changes.put(oid, role);
    }

    /// The roles of the next version, which a commit makes with these changes. It must be told when the commit is visible
    /// ([`Self::settle`]).
    pub(super) fn after(&self, version: u64, changes: &[(u32, Option<Arc<Role>>)]) -> Result<Self> {
        let Some(Committed { source, .. }) = &self.committed else {
            let mut next = self.clone();
            changes.iter().for_each(|(oid, role)| next.put(*oid, role.clone()));
            return Ok(next);
        };
        let oids: BTreeSet<u32> = changes.iter().map(|(oid, _)| *oid).collect();
        let before = oids.into_iter().map(|oid| Ok((oid, self.entry(oid)?)));
        source.remember(version, before.collect::<Result<_>>()?);
        let committed = Committed { source: source.clone(), version };
        Ok(Self { committed: Some(committed), changes: RoleChanges::default() })
    }

    /// Says that the commit which makes these roles is visible in the store. To be called before anybody has them.
    pub(crate) fn settle(&self, changed: &[u32]) {
        if let Some(Committed { source, version }) = &self.committed {
            source.settle(*version, changed);
        }
    }
}

/// They are compared as they are; a role that cannot be read is like no other.
impl PartialEq for Roles {
    fn eq(&self, other: &Self) -> bool {
        let all = |roles: &Self| roles.values().collect::<Result<Vec<_>>>();
        matches!((all(self), all(other)), (Ok(own), Ok(others)) if own == others)
    }
}

fn is_there(role: &Role) -> bool {
    role.deleted_at.is_none()
}

fn read(found: Result<Option<Arc<Role>>>) -> Option<Arc<Role>> {
    found.unwrap_or_else(|error| {
        tracing::error!(%error, "a role cannot be read");
        None
    })
}
