//! One step from a catalog to the next: an object appears, is replaced, or is gone.
//!
//! A transaction applies its steps to a copy of its own as it goes, and again to the newest catalog when it
//! commits; locks on names and tables keep two transactions from stepping on the same object.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Catalog, Database, Extension, Role, Schema, SqlFunction, StoragePlace, Table, UserType};

/// The new state of an object; None when it was dropped.
#[derive(Debug, Clone)]
pub enum Change {
    Database(u32, Option<Arc<Database>>),
    Schema(u32, Option<Arc<Schema>>),
    Role(u32, Option<Arc<Role>>),
    Storage(u32, Option<Arc<StoragePlace>>),
    Table(u32, Option<Arc<Table>>),
    Type(u32, Option<Arc<UserType>>),
    Extension(u32, Option<Arc<Extension>>),
    Function(u32, Option<Arc<SqlFunction>>),
}

impl Change {
    /// The role that it is about, by oid, and what becomes of it.
    pub(crate) fn role(&self) -> Option<(u32, Option<Arc<Role>>)> {
        match self {
            Self::Role(oid, role) => Some((*oid, role.clone())),
            _ => None,
        }
    }

    /// Whether every database's catalog has the object.
    pub(super) fn concerns_all_databases(&self) -> bool {
        matches!(self, Change::Database(..) | Change::Role(..) | Change::Storage(..))
    }
}

impl Catalog {
    /// Takes one step. `version` is the caller's to raise.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Database(oid, object) => put(&mut self.databases, *oid, object),
            // One of a database that has just been made is in that one's catalog.
            Change::Schema(_, Some(schema)) if !schema.is_in(self.database) => {}
            Change::Schema(oid, object) => put(&mut self.schemas, *oid, object),
            Change::Role(oid, object) => Arc::make_mut(&mut self.roles).put(*oid, object.clone()),
            Change::Storage(oid, object) => put(&mut self.storages, *oid, object),
            Change::Table(oid, object) => self.apply_table(*oid, object),
            Change::Type(oid, object) => self.apply_type(*oid, object),
            Change::Extension(oid, object) => put(&mut self.extensions, *oid, object),
            Change::Function(oid, object) => self.apply_function(*oid, object),
        }
    }

    fn apply_table(&mut self, oid: u32, object: &Option<Arc<Table>>) {
        let names = Arc::make_mut(&mut self.relation_names);
        let owners = Arc::make_mut(&mut self.index_tables);
        let partitions = Arc::make_mut(&mut self.partitions);
        if let Some(old) = self.tables.get(&oid) {
            names.remove(&(old.schema, old.name.clone()));
            for parent in old.above() {
                partitions.remove(&(parent, oid));
            }
            for index in &old.indexes {
                names.remove(&(old.schema, index.name.clone()));
                owners.remove(&index.oid);
            }
        }
        if let Some(new) = object {
            names.insert((new.schema, new.name.clone()), oid);
            for parent in new.above() {
                partitions.insert((parent, oid));
            }
            for index in &new.indexes {
                names.insert((new.schema, index.name.clone()), index.oid);
                owners.insert(index.oid, oid);
            }
        }
        put(&mut self.tables, oid, object);
    }

    fn apply_type(&mut self, oid: u32, object: &Option<Arc<UserType>>) {
        let names = Arc::make_mut(&mut self.type_names);
        if let Some(old) = self.types.get(&oid) {
            names.remove(&(old.schema, old.name.clone()));
            names.remove(&(old.schema, old.array_name.clone()));
        }
        if let Some(new) = object {
            new.make_known();
            names.insert((new.schema, new.name.clone()), oid);
            names.insert((new.schema, new.array_name.clone()), new.array);
        }
        put(&mut self.types, oid, object);
    }

    fn apply_function(&mut self, oid: u32, object: &Option<Arc<SqlFunction>>) {
        let names = Arc::make_mut(&mut self.function_names);
        if let Some(old) = self.functions.get(&oid)
            && let Some(oids) = names.get_mut(&old.name)
        {
            oids.retain(|known| *known != oid);
            if oids.is_empty() {
                names.remove(&old.name);
            }
        }
        if let Some(new) = object {
            let oids = names.entry(new.name.clone()).or_default();
            oids.push(oid);
            oids.sort_unstable();
        }
        put(&mut self.functions, oid, object);
    }
}

impl Table {
    /// Oids of the tables whose rows are its rows too.
    fn above(&self) -> impl Iterator<Item = u32> {
        let of = self.partitioning.of.iter().map(|of| of.parent);
        of.chain(self.inherits.iter().copied())
    }
}

fn put<T>(objects: &mut Arc<BTreeMap<u32, Arc<T>>>, oid: u32, object: &Option<Arc<T>>) {
    let objects = Arc::make_mut(objects);
    match object {
        Some(object) => {
            objects.insert(oid, object.clone());
        }
        None => {
            objects.remove(&oid);
        }
    }
}
