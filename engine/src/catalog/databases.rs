//! The catalogs of all databases. Roles, and the databases themselves, are in every one of them; schemas and what is in
//! them are in that of their database alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Catalog, Change, Roles};
use crate::error::Result;

/// One catalog a database, by its oid. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Catalogs {
    version: u64,
    catalogs: BTreeMap<u32, Arc<Catalog>>,
}

impl Catalogs {
    pub(super) fn new(version: u64, catalogs: BTreeMap<u32, Arc<Catalog>>) -> Self {
        Self { version, catalogs }
    }

    /// Grows with every committed change of any of them.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The catalog of a database; one without any schema if it is gone.
    pub fn of(&self, database: u32) -> Arc<Catalog> {
        self.catalogs.get(&database).cloned().unwrap_or_else(|| Arc::new(self.bare(database)))
    }

    /// The catalog of some database, for what belongs to all.
    pub fn any(&self) -> Arc<Catalog> {
        self.catalogs.values().next().cloned().unwrap_or_default()
    }

    /// Every database's.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Catalog>> {
        self.catalogs.values()
    }

    /// Every database's, to be completed after it was read.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Catalog> {
        self.catalogs.values_mut().map(Arc::make_mut)
    }

    /// The catalogs after a transaction in one database took these steps. They are of the next version, so one transaction
    /// at a time may ask for them and commit. Fails if a role cannot be read.
    pub fn after(&self, database: u32, changes: &[Change]) -> Result<Self> {
        let mut next = Self { version: self.version + 1, catalogs: self.catalogs.clone() };
        let concerns_all = changes.iter().any(Change::concerns_all_databases);
        let roles = self.roles_after(next.version, changes)?;
        for (oid, catalog) in &mut next.catalogs {
            if *oid != database && !concerns_all {
                continue;
            }
            let catalog = Arc::make_mut(catalog);
            catalog.roles = roles.clone();
            let concerned = |change: &&Change| *oid == database || change.concerns_all_databases();
            for change in changes.iter().filter(concerned).filter(|change| !matches!(change, Change::Role(..))) {
                catalog.apply(change);
            }
            catalog.version = next.version;
        }
        for change in changes {
            match change {
                Change::Database(oid, None) => drop(next.catalogs.remove(oid)),
                Change::Database(oid, Some(_)) if !next.catalogs.contains_key(oid) => {
                    let mut catalog = next.bare(*oid);
                    for change in changes {
                        if let Change::Schema(..) = change {
                            catalog.apply(change);
                        }
                    }
                    catalog.add_system_relations();
                    next.catalogs.insert(*oid, Arc::new(catalog));
                }
                _ => {}
            }
        }
        Ok(next)
    }

    /// The roles after these steps: one value for the catalogs of all databases.
    fn roles_after(&self, version: u64, changes: &[Change]) -> Result<Arc<Roles>> {
        let roles = self.any().roles.clone();
        let changed: Vec<_> = changes.iter().filter_map(Change::role).collect();
        if changed.is_empty() {
            return Ok(roles);
        }
        Ok(Arc::new(roles.after(version, &changed)?))
    }

    /// What a database has of which nothing is its own.
    fn bare(&self, database: u32) -> Catalog {
        let any = self.any();
        let system =
            any.schemas.values().filter(|schema| schema.is_system()).map(|schema| (schema.oid, schema.clone()));
        Catalog {
            version: self.version,
            database,
            databases: any.databases.clone(),
            roles: any.roles.clone(),
            storages: any.storages.clone(),
            schemas: Arc::new(system.collect()),
            ..Catalog::default()
        }
    }
}
