//! `system.sessions` and `system.transactions`: who is connected and what they are in the midst of.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use storage::{Interval, Value};

use super::number;
use crate::catalog::Catalog;
use crate::catalog::pg_catalog::relation::row;
use crate::provider::live::LiveSources;
use crate::session::TransactionStatus;
use crate::session::activity::{Activity, Deed};
use crate::statement::IsolationLevel;
use crate::types::json::read_document;
use crate::types::network::Network;

pub(super) fn rows(catalog: &Catalog, live: &LiveSources) -> Vec<Vec<Value>> {
    live.sessions.all().into_iter().map(|session| row(catalog, &session)).collect()
}

fn row(catalog: &Catalog, session: &Activity) -> Vec<Value> {
    let deed = session.deed();
    let totals = session.counts.totals(deed.requests);
    row![
        session.session_id(),
        session.process_id,
        catalog.role_name(session.role.0),
        catalog.role_name(deed.acting_as.0),
        database_name(catalog, session.database),
        session.client_address.map(|address| Value::Bytea(Network::of(address).encode().into())),
        &deed.application_name,
        state(&deed),
        deed.query().as_ref(),
        deed.query_began_at.map(Value::Timestamptz),
        deed.transaction_began_at.map(Value::Timestamptz),
        Value::Timestamptz(deed.since),
        number(totals.requests),
        number(totals.commits),
        number(totals.rollbacks),
        number(totals.rows_returned),
        number(totals.rows_inserted + totals.rows_updated + totals.rows_deleted),
        Value::Timestamptz(session.began_at),
        nothing(),
    ]
}

/// The transactions that sessions are in, with the locks that they have.
pub(super) fn transactions(catalog: &Catalog, live: &LiveSources) -> Vec<Vec<Value>> {
    let mut locks: FxHashMap<u64, (u64, bool)> = FxHashMap::default();
    for lock in live.store.locks_held() {
        let (held, waits) = locks.entry(lock.owner.0).or_default();
        *held += u64::from(lock.granted);
        *waits |= !lock.granted;
    }
    let now = live.store.environment().now_us();
    let row = |session: Arc<Activity>| {
        let transaction = session.counts.transaction()?;
        let deed = session.deed();
        let (held, waits) = locks.get(&transaction.id).copied().unwrap_or_default();
        let age = deed.transaction_began_at.map(|began_at| {
            Value::Interval(Interval { months: 0, days: 0, microseconds: now.saturating_sub(began_at).max(0) })
        });
        Some(row![
            number(transaction.id),
            session.session_id(),
            session.process_id,
            catalog.role_name(session.role.0),
            database_name(catalog, session.database),
            state(&deed),
            IsolationLevel::from(transaction.isolation).name(),
            transaction.read_only,
            number(held),
            waits,
            deed.transaction_began_at.map(Value::Timestamptz),
            age,
            nothing(),
        ])
    };
    live.sessions.all().into_iter().filter_map(row).collect()
}

fn state(deed: &Deed) -> &'static str {
    match deed.rests_in {
        None => "active",
        Some(TransactionStatus::Idle) => "idle",
        Some(TransactionStatus::Open) => "idle in transaction",
        Some(TransactionStatus::Failed) => "idle in transaction (aborted)",
    }
}

fn database_name(catalog: &Catalog, database: u32) -> Option<&str> {
    catalog.databases.get(&database).map(|database| database.name.as_str())
}

/// `metadata` without anything.
fn nothing() -> Value {
    read_document("{}").unwrap_or(Value::Null)
}
