//! Where committed roles are read: the store's entries, through a cache with a bound.
//!
//! The store has the newest roles, and a catalog is of one version. So what a commit is about to change is remembered
//! before it is visible (*the past*): who holds an older catalog finds roles there as they were for him. The past has a
//! bound too. Whoever holds a catalog that is older than it reaches sees the newest roles, which is what PostgreSQL
//! shows of its catalogs to everybody, whatever his snapshot.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::Mutex;
use storage::Store;

use super::entry;
use crate::catalog::Role;
use crate::catalog::pg_catalog::BOOTSTRAP_ROLE;
use crate::error::Result;

/// What the roles in the cache may take, about, in bytes.
const CACHE_BYTES: usize = 4 << 20;
/// What a role takes in memory beyond the bytes of its entry, about.
const ROLE_BYTES: usize = 384;
/// Changes of roles that are remembered.
const PAST_MAX: usize = 4096;
/// Places in the cache's order that may be those of roles which are gone, beyond as many as there are roles.
const STALE_MAX: usize = 64;
/// Roles that are read together by who walks all of them.
const PAGE: usize = 1024;

/// The committed roles of a store, of all versions that are still asked for.
pub(super) struct RoleSource {
    store: Store,
    kept: Mutex<Kept>,
}

impl std::fmt::Debug for RoleSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RoleSource").finish_non_exhaustive()
    }
}

/// What is in memory.
struct Kept {
    cache: Cache,
    past: VecDeque<Past>,
    /// Versions before this one are shown the newest roles.
    remembered_from: u64,
    /// How often commits have become visible: what was read before the last of them is not put into the cache.
    settled: u64,
}

/// A role as it was before a version; None if it was not there.
struct Past {
    until: u64,
    oid: u32,
    role: Option<Arc<Role>>,
}

/// Roles as they were for one version where they are not what the store has.
pub(super) type Before = BTreeMap<u32, Option<Arc<Role>>>;

impl RoleSource {
    pub(super) fn new(store: Store) -> Self {
        Self::with_bounds(store, CACHE_BYTES)
    }

    pub(super) fn with_bounds(store: Store, cache_bytes: usize) -> Self {
        let cache = Cache { bytes_max: cache_bytes, ..Cache::default() };
        let kept = Kept { cache, past: VecDeque::new(), remembered_from: 0, settled: 0 };
        Self { store, kept: Mutex::new(kept) }
    }

    /// The role of that oid, dropped or not, as it is for a version.
    pub(super) fn find(&self, oid: u32, version: u64) -> Result<Option<Arc<Role>>> {
        let settled = {
            let mut kept = self.kept.lock();
            if let Some(was) = kept.was(oid, version) {
                return Ok(was);
            }
            if let Some(role) = kept.cache.get(oid) {
                return Ok(Some(role));
            }
            kept.settled
        };
        let entry = self.store.view().get_entry(&entry::role_key(oid))?;
        let read = entry.as_deref().map(entry::decode).transpose()?;
        let mut kept = self.kept.lock();
        // A commit may have become visible just before the entry was read.
        if let Some(was) = kept.was(oid, version) {
            return Ok(was);
        }
        if let (Some(role), Some(entry)) = (&read, &entry)
            && kept.settled == settled
        {
            kept.cache.put(role.clone(), entry.len() + ROLE_BYTES);
        }
        Ok(read)
    }

    /// The role of that name, as it is for a version.
    pub(super) fn named(&self, name: &str, version: u64) -> Result<Option<Arc<Role>>> {
        let has_name = |role: &Arc<Role>| role.deleted_at.is_none() && role.name == name;
        {
            let mut kept = self.kept.lock();
            let is_newest = kept.past_since(version).next().is_none();
            if let Some(role) = kept.cache.named(name).filter(|_| is_newest) {
                return Ok(Some(role));
            }
        }
        if let Some(oid) = self.store.view().get_entry(&entry::name_key(name))?
            && let Some(role) = self.find(entry::oid_of(&oid), version)?.filter(has_name)
        {
            return Ok(Some(role));
        }
        // The mark is of the newest role with the name.
        Ok(self.before(version).into_values().flatten().find(has_name))
    }

    /// The newest role of that name, after the same reads whether it is there or not, or was asked for before.
    pub(super) fn named_in_even_time(&self, name: &str) -> Result<Option<Arc<Role>>> {
        let has_name = |role: &Arc<Role>| role.deleted_at.is_none() && role.name == name;
        let view = self.store.view();
        let mark = view.get_entry(&entry::name_key(name))?;
        // Somebody else's entry is read in the place of one that is not there.
        let oid = mark.as_deref().map_or(BOOTSTRAP_ROLE, entry::oid_of);
        let role = view.get_entry(&entry::role_key(oid))?.as_deref().map(entry::decode).transpose()?;
        Ok(role.filter(|role| mark.is_some() && has_name(role)))
    }

    /// What is otherwise for a version than in the store as it is now or was a moment ago.
    pub(super) fn before(&self, version: u64) -> Before {
        let mut before = Before::new();
        for past in self.kept.lock().past_since(version) {
            before.entry(past.oid).or_insert_with(|| past.role.clone());
        }
        before
    }

    /// Some roles, dropped or not, from an oid on, as they are for a version, and the last oid that can be among them.
    pub(super) fn page(&self, first: u32, version: u64) -> Result<(BTreeMap<u32, Arc<Role>>, u32)> {
        let (entries, upto) = entry::read_page(&self.store.view(), first, PAGE)?;
        let before = self.before(version);
        let mut roles = BTreeMap::new();
        for (oid, value) in entries.iter().filter(|(oid, _)| !before.contains_key(oid)) {
            roles.insert(*oid, entry::decode(value)?);
        }
        let here = before.range(first..=upto).filter_map(|(oid, role)| Some((*oid, role.clone()?)));
        roles.extend(here);
        Ok((roles, upto))
    }

    /// The oids at the ends of marks, in their order, until `see` answers `Break`.
    pub(super) fn marked(
        &self,
        prefix: &[u8],
        mut see: impl FnMut(&[u8], &[u8]) -> ControlFlow<(), bool>,
    ) -> Result<Vec<u32>> {
        let mut oids = Vec::new();
        self.store.view().walk_entries(prefix, prefix, &mut |key, value| match see(key, value) {
            ControlFlow::Break(()) => ControlFlow::Break(()),
            ControlFlow::Continue(is_meant) => {
                if is_meant {
                    oids.push(entry::oid_of(key));
                }
                ControlFlow::Continue(())
            }
        })?;
        Ok(oids)
    }

    /// Remembers what a commit is going to change, that is to make a version of it. The commit may fail: then what is
    /// remembered is still true.
    pub(super) fn remember(&self, version: u64, before: Vec<(u32, Option<Arc<Role>>)>) {
        let mut kept = self.kept.lock();
        kept.past.extend(before.into_iter().map(|(oid, role)| Past { until: version, oid, role }));
    }

    /// A commit that has made a version of these changes is visible in the store, and its catalog is about to be.
    pub(super) fn settle(&self, version: u64, changed: &[u32]) {
        let mut kept = self.kept.lock();
        kept.settled += 1;
        changed.iter().for_each(|oid| kept.cache.forget(*oid));
        while kept.past.len() > PAST_MAX
            && let Some(until) = kept.past.front().map(|past| past.until).filter(|until| *until <= version)
        {
            kept.remembered_from = until;
            while kept.past.front().is_some_and(|past| past.until == until) {
                kept.past.pop_front();
            }
            kept.past.shrink_to(PAST_MAX);
        }
    }
}

impl Kept {
    /// What was changed behind a version, the earliest change first.
    fn past_since(&self, version: u64) -> impl Iterator<Item = &Past> {
        let first = match version < self.remembered_from {
            true => self.past.len(),
            false => self.past.partition_point(|past| past.until <= version),
        };
        self.past.range(first..)
    }

    /// The role as it was for a version, if it has changed since.
    fn was(&self, oid: u32, version: u64) -> Option<Option<Arc<Role>>> {
        self.past_since(version).find(|past| past.oid == oid).map(|past| past.role.clone())
    }
}

/// Roles that were asked for, those first to go that were not asked for again. Only roles that are not dropped are
/// found by their names.
#[derive(Default)]
struct Cache {
    bytes_max: usize,
    bytes: usize,
    roles: HashMap<u32, Slot>,
    names: HashMap<String, u32>,
    /// The order in which roles may have to go: oids with their tickets. What has another ticket by now is passed over.
    order: VecDeque<(u32, u64)>,
    last_ticket: u64,
}

struct Slot {
    role: Arc<Role>,
    bytes: usize,
    ticket: u64,
    asked_again: bool,
}

impl Cache {
    fn get(&mut self, oid: u32) -> Option<Arc<Role>> {
        let slot = self.roles.get_mut(&oid)?;
        slot.asked_again = true;
        Some(slot.role.clone())
    }

    fn named(&mut self, name: &str) -> Option<Arc<Role>> {
        let oid = *self.names.get(name)?;
        self.get(oid)
    }

    fn put(&mut self, role: Arc<Role>, bytes: usize) {
        self.forget(role.oid);
        if bytes > self.bytes_max {
            return;
        }
        self.bytes += bytes;
        while self.bytes > self.bytes_max
            && let Some((oid, ticket)) = self.order.pop_front()
        {
            match self.roles.get_mut(&oid) {
                Some(slot) if slot.ticket != ticket => {}
                Some(slot) if slot.asked_again => {
                    slot.asked_again = false;
                    self.order.push_back((oid, ticket));
                }
                _ => self.forget(oid),
            }
        }
        self.last_ticket += 1;
        let (oid, ticket) = (role.oid, self.last_ticket);
        if role.deleted_at.is_none() {
            self.names.insert(role.name.clone(), oid);
        }
        self.roles.insert(oid, Slot { role, bytes, ticket, asked_again: false });
        self.order.push_back((oid, ticket));
        if self.order.len() > 2 * self.roles.len() + STALE_MAX {
            let roles = &self.roles;
            self.order.retain(|(oid, ticket)| roles.get(oid).is_some_and(|slot| slot.ticket == *ticket));
        }
    }

    fn forget(&mut self, oid: u32) {
        let Some(slot) = self.roles.remove(&oid) else { return };
        self.bytes -= slot.bytes;
        if self.names.get(&slot.role.name) == Some(&oid) {
            self.names.remove(&slot.role.name);
        }
    }
}

#[cfg(test)]
impl RoleSource {
    /// What the roles in the cache take, about, in bytes.
    pub(super) fn cached_bytes(&self) -> usize {
        self.kept.lock().cache.bytes
    }
}
