//! `system.locks` and `pg_locks`: what is locked and awaited, table by table and row by row.
//!
//! Rows are locked by their keys, which have no place as PostgreSQL's tuples have one: `pg_locks` shows them without.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use storage::{LockInfo, LockTarget, Value};

use super::number;
use crate::catalog::pg_catalog::relation::{NULL, row};
use crate::catalog::{Catalog, Table};
use crate::function::advisory_key;
use crate::provider::live::LiveSources;
use crate::session::activity::Activity;
use crate::types::json::read_document;

/// The sessions by the transactions that they are in and by the number under which they hold locks beside those.
fn owners(live: &LiveSources) -> FxHashMap<u64, Arc<Activity>> {
    let mut owners = FxHashMap::default();
    for session in live.sessions.all() {
        let ids = [session.counts.transaction().map(|transaction| transaction.id), session.counts.holder()];
        for id in ids.into_iter().flatten() {
            owners.insert(id, Arc::clone(&session));
        }
    }
    owners
}

/// The tables by the contents that keys belong to.
fn contents(catalog: &Catalog) -> FxHashMap<u32, &Arc<Table>> {
    let mut contents = FxHashMap::default();
    for table in catalog.tables.values() {
        contents.insert(table.storage.generation.0, table);
        contents.extend(table.storage.indexes.iter().map(|index| (index.generation.0, table)));
    }
    contents
}

/// The table that a lock is about, if it is of this database.
fn table_of<'a>(
    lock: &LockInfo,
    catalog: &'a Catalog,
    contents: &FxHashMap<u32, &'a Arc<Table>>,
) -> Option<&'a Arc<Table>> {
    match &lock.target {
        LockTarget::Table(table) => catalog.tables.get(&table.0),
        LockTarget::Key(key) => {
            let generation = key.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))?;
            contents.get(&generation).copied()
        }
        LockTarget::Name(_) => None,
    }
}

pub(super) fn rows(catalog: &Catalog, live: &LiveSources) -> Vec<Vec<Value>> {
    let (owners, contents) = (owners(live), contents(catalog));
    let row = |lock: LockInfo| {
        let (session, table) = (owners.get(&lock.owner.0), table_of(&lock, catalog, &contents));
        let schema = table.and_then(|table| catalog.schemas.get(&table.schema));
        let kind = match &lock.target {
            LockTarget::Table(_) => "table",
            LockTarget::Key(_) => "row",
            LockTarget::Name(name) if advisory_key(name).is_some() => "advisory",
            LockTarget::Name(_) => "name",
        };
        row![
            number(lock.owner.0),
            session.map(|session| session.session_id()),
            session.map(|session| session.process_id),
            session.map(|session| catalog.role_name(session.role.0)),
            kind,
            schema.map(|schema| schema.name.as_str()),
            table.map(|table| table.name.as_str()),
            lock.mode,
            lock.granted,
            read_document("{}").unwrap_or(Value::Null),
        ]
    };
    live.store.locks_held().into_iter().map(row).collect()
}

pub(super) fn pg_locks(catalog: &Catalog, live: &LiveSources) -> Vec<Vec<Value>> {
    let (owners, contents) = (owners(live), contents(catalog));
    let row = |lock: LockInfo| {
        let session = owners.get(&lock.owner.0);
        let table = table_of(&lock, catalog, &contents);
        let advisory = match &lock.target {
            LockTarget::Name(name) => advisory_key(name),
            _ => None,
        };
        let kind = match &lock.target {
            LockTarget::Table(_) => "relation",
            LockTarget::Key(_) => "tuple",
            LockTarget::Name(_) if advisory.is_some() => "advisory",
            LockTarget::Name(_) => "object",
        };
        let mode = match lock.mode {
            "For Update" | "For No Key Update" if advisory.is_some() => "ExclusiveLock",
            "For Share" | "For Key Share" if advisory.is_some() => "ShareLock",
            mode => mode,
        };
        let database = session.map(|session| session.database).or_else(|| table.map(|_| catalog.database));
        let (class, object, part) = match advisory {
            Some((class, object, part)) => (Some(class), Some(object), Some(part)),
            None => (None, None, None),
        };
        row![
            kind,
            database,
            table.map(|table| table.oid),
            NULL,
            NULL,
            NULL,
            NULL,
            class,
            object,
            part,
            session.map(|session| format!("{}/{}", session.process_id, lock.owner.0)),
            session.map(|session| session.process_id),
            mode,
            lock.granted,
            false,
            NULL,
        ]
    };
    live.store.locks_held().into_iter().map(row).collect()
}
