//! Roles that a transaction has changed. They may be many, and each definition makes a new catalog: so they are kept in
//! pages that catalogs share, and a change copies the one page that it is on.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::catalog::Role;

/// Bits of an oid that say where on its page a role is: neighbours lie together, in order.
const PAGE_BITS: u32 = 8;
/// Pages of names. A name's hash says which is its.
const NAME_PAGES: usize = 512;

/// What has become of neighbours.
type Page = BTreeMap<u32, Option<Arc<Role>>>;
/// Roles whose names have one kind of hash, in the order of the names.
type Names = Vec<Arc<Role>>;

/// Roles by oid, dropped ones among them, or None where there is none any more; and by name. Cheap to clone, and cheap to
/// change after that.
#[derive(Debug, Clone, Default)]
pub(super) struct RoleChanges {
    pages: BTreeMap<u32, Arc<Page>>,
    /// No pages as long as there is nothing on them.
    names: Option<Arc<[Arc<Names>]>>,
}

impl RoleChanges {
    /// What has become of the role of that oid, if it was changed.
    pub(super) fn get(&self, oid: u32) -> Option<&Option<Arc<Role>>> {
        self.pages.get(&(oid >> PAGE_BITS))?.get(&oid)
    }

    /// The changed role of that name, unless it was dropped.
    pub(super) fn named(&self, name: &str) -> Option<&Arc<Role>> {
        let page = self.names.as_ref()?.get(page_of(name))?;
        let at = page.binary_search_by(|role| role.name.as_str().cmp(name)).ok()?;
        page.get(at)
    }

    /// What has changed among oids, both of which are meant too, in their order.
    pub(super) fn between(&self, first: u32, last: u32) -> impl Iterator<Item = (u32, &Option<Arc<Role>>)> {
        let pages = self.pages.range(first >> PAGE_BITS..=last >> PAGE_BITS);
        pages.flat_map(move |(_, page)| page.range(first..=last).map(|(oid, role)| (*oid, role)))
    }

    /// Puts a role in the place of the one with its oid.
    pub(super) fn put(&mut self, oid: u32, role: Option<Arc<Role>>) {
        if let Some(Some(old)) = self.get(oid).cloned() {
            self.names_of(&old.name).retain(|role| role.oid != oid);
        }
        if let Some(role) = role.as_ref().filter(|role| role.deleted_at.is_none()) {
            let names = self.names_of(&role.name);
            let at = names.partition_point(|other| other.name < role.name);
            names.insert(at, role.clone());
        }
        let page = self.pages.entry(oid >> PAGE_BITS).or_default();
        Arc::make_mut(page).insert(oid, role);
    }

    /// The page on which a name is, to be changed.
    fn names_of(&mut self, name: &str) -> &mut Names {
        let empty: Arc<Names> = Arc::default();
        let names = self.names.get_or_insert_with(|| vec![empty; NAME_PAGES].into());
        Arc::make_mut(&mut Arc::make_mut(names)[page_of(name)])
    }
}

fn page_of(name: &str) -> usize {
    FxBuildHasher.hash_one(name) as usize % NAME_PAGES
}
