//! Every role, by oid and by name. There may be hundreds of thousands, and each definition makes a new catalog: so they are
//! kept in pages that catalogs share, and a change copies the one page that it is on.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::Role;

/// Bits of an oid that say where on its page a role is: neighbours lie together, in order.
const PAGE_BITS: u32 = 8;
/// Pages of names. A name's hash says which is its.
const NAME_PAGES: usize = 512;

/// Roles by oid and by name. Cheap to clone, and cheap to change after that.
#[derive(Debug, Clone)]
pub struct Roles {
    pages: BTreeMap<u32, Arc<BTreeMap<u32, Arc<Role>>>>,
    /// Each page in the order of the names.
    names: Arc<[Arc<Vec<Arc<Role>>>]>,
    length: usize,
}

impl Default for Roles {
    fn default() -> Self {
        let empty: Arc<Vec<Arc<Role>>> = Arc::default();
        Self { pages: BTreeMap::new(), names: vec![empty; NAME_PAGES].into(), length: 0 }
    }
}

impl Roles {
    /// The role of that oid.
    pub fn get(&self, oid: &u32) -> Option<&Arc<Role>> {
        self.pages.get(&(oid >> PAGE_BITS))?.get(oid)
    }

    /// The role of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<Role>> {
        let page = self.names.get(page_of(name))?;
        let at = page.binary_search_by(|role| role.name.as_str().cmp(name)).ok()?;
        page.get(at)
    }

    /// Whether there is one of that oid.
    pub fn contains_key(&self, oid: &u32) -> bool {
        self.get(oid).is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All of them, in the order of their oids.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.pages.values().flat_map(|page| page.values())
    }

    /// Puts a role in the place of the one with its oid, if there is one.
    pub fn insert(&mut self, role: Arc<Role>) {
        self.remove(role.oid);
        let names = self.names_of(&role.name);
        let at = names.partition_point(|other| other.name < role.name);
        names.insert(at, role.clone());
        let page = self.pages.entry(role.oid >> PAGE_BITS).or_default();
        Arc::make_mut(page).insert(role.oid, role);
        self.length += 1;
    }

    /// Takes a role away.
    pub fn remove(&mut self, oid: u32) {
        let Some(old) = self.get(&oid).cloned() else { return };
        self.names_of(&old.name).retain(|role| role.oid != oid);
        if let Some(page) = self.pages.get_mut(&(oid >> PAGE_BITS)) {
            Arc::make_mut(page).remove(&oid);
            if page.is_empty() {
                self.pages.remove(&(oid >> PAGE_BITS));
            }
        }
        self.length -= 1;
    }

    /// The page on which a name is, to be changed.
    fn names_of(&mut self, name: &str) -> &mut Vec<Arc<Role>> {
        let names = Arc::make_mut(&mut self.names);
        Arc::make_mut(&mut names[page_of(name)])
    }
}

impl PartialEq for Roles {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.values().eq(other.values())
    }
}

impl FromIterator<Arc<Role>> for Roles {
    fn from_iter<I: IntoIterator<Item = Arc<Role>>>(roles: I) -> Self {
        let mut all = Self::default();
        roles.into_iter().for_each(|role| all.insert(role));
        all
    }
}

fn page_of(name: &str) -> usize {
    FxBuildHasher.hash_one(name) as usize % NAME_PAGES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(oid: u32, name: &str) -> Arc<Role> {
        Arc::new(Role::plain(oid, name))
    }

    #[test]
    fn roles_are_found_by_oid_and_by_name() {
        let mut roles: Roles = (1..5000).map(|oid| role(oid * 3, &format!("r{oid}"))).collect();
        assert_eq!(roles.len(), 4999);
        assert!(roles.values().map(|role| role.oid).is_sorted());
        assert_eq!(roles.named("r77").map(|role| role.oid), Some(231));
        assert_eq!(roles.get(&231).map(|role| role.name.as_str()), Some("r77"));
        assert!(roles.get(&232).is_none() && roles.named("r5000").is_none());

        let before = roles.clone();
        roles.insert(role(231, "renamed"));
        assert_eq!(roles.len(), 4999);
        assert!(roles.named("r77").is_none());
        assert_eq!(roles.named("renamed").map(|role| role.oid), Some(231));
        assert_ne!(roles, before);
        assert_eq!(before.named("r77").map(|role| role.oid), Some(231));

        roles.remove(231);
        roles.remove(231);
        assert_eq!(roles.len(), 4998);
        assert!(roles.named("renamed").is_none() && !roles.contains_key(&231));
        (1..5000).for_each(|oid| roles.remove(oid * 3));
        assert!(roles.is_empty());
        assert_eq!(roles, Roles::default());
    }
}
