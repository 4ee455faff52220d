//! Numbers of transactions: `pg_current_xact_id`, `txid_current` and what became of such.
//!
//! A transaction has a number once it has asked for one. Numbers ascend, also over a restart: the first of a run is the
//! time at which it begins, in microseconds, which is more than any run before can have given out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use storage::Value;

use super::argument::{int8, text_of};
use super::define::stable;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::statement::IsolationLevel;
use crate::types::datetime;
use crate::types::oid::*;
use crate::types::unsigned::{number_of, packed};

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    stable(2943, "txid_current", &[], INT8, |context, _| Ok(Value::Int8(assigned(context) as i64))),
    stable(3348, "txid_current_if_assigned", &[], INT8, |context, _| {
        Ok(context.session.transaction.known().map_or(Value::Null, |id| Value::Int8(id as i64)))
    }),
    stable(5059, "pg_current_xact_id", &[], XID8, |context, _| Ok(Value::Int8(packed(assigned(context))))),
    stable(5060, "pg_current_xact_id_if_assigned", &[], XID8, |context, _| {
        Ok(context.session.transaction.known().map_or(Value::Null, |id| Value::Int8(packed(id))))
    }),
    stable(3360, "txid_status", &[INT8], TEXT, |context, args| status(context, int8(&args[0])? as u64)),
    stable(5066, "pg_xact_status", &[XID8], TEXT, |context, args| status(context, number_of(int8(&args[0])?))),
];

/// Transactions whose end is remembered; those before them are forgotten.
const REMEMBERED_MAX: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    InProgress,
    Committed,
    Aborted,
}

/// The numbers that all sessions share.
#[derive(Debug)]
pub(crate) struct TransactionNumbers(Mutex<Numbers>);

#[derive(Debug)]
struct Numbers {
    last: u64,
    fates: BTreeMap<u64, Fate>,
}

impl Default for TransactionNumbers {
    fn default() -> Self {
        let last = u64::try_from(datetime::now()).unwrap_or(0);
        Self(Mutex::new(Numbers { last, fates: BTreeMap::new() }))
    }
}

impl TransactionNumbers {
    fn next(&self) -> u64 {
        let mut numbers = self.0.lock();
        numbers.last += 1;
        let id = numbers.last;
        numbers.fates.insert(id, Fate::InProgress);
        while numbers.fates.len() > REMEMBERED_MAX {
            let Some(oldest) = numbers.fates.iter().find(|(_, fate)| **fate != Fate::InProgress) else { break };
            let oldest = *oldest.0;
            numbers.fates.remove(&oldest);
        }
        id
    }
}

/// What functions may know of a session's transaction.
#[derive(Debug, Default)]
pub struct SessionTransaction {
    /// Its number, 0 while it has none.
    number: AtomicU64,
    /// How it was begun. Nobody asks before that was told.
    modes: Mutex<(IsolationLevel, bool, bool)>,
}

impl SessionTransaction {
    fn known(&self) -> Option<u64> {
        Some(self.number.load(Ordering::Relaxed)).filter(|id| *id > 0)
    }

    /// A transaction has begun, or its modes were changed.
    pub(crate) fn tell(&self, level: IsolationLevel, read_only: bool, deferrable: bool) {
        *self.modes.lock() = (level, read_only, deferrable);
    }

    /// The settings that are the transaction's. None: it is none of these.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let (level, read_only, deferrable) = *self.modes.lock();
        let on_off = |on: bool| if on { "on" } else { "off" };
        let shown = match name.to_lowercase().as_str() {
            "transaction_isolation" => level.name(),
            "transaction_read_only" => on_off(read_only),
            "transaction_deferrable" => on_off(deferrable),
            _ => return None,
        };
        Some(shown.to_owned())
    }

    /// Whatever the transaction was, it is over.
    pub(crate) fn end(&self, numbers: &TransactionNumbers, committed: bool) {
        if let Some(id) = self.known() {
            self.number.store(0, Ordering::Relaxed);
            let fate = if committed { Fate::Committed } else { Fate::Aborted };
            numbers.0.lock().fates.insert(id, fate);
        }
    }
}

/// The transaction's number as `xid` has it: without what 32 bits do not hold, and never one that stands for no transaction.
pub(crate) fn number_within_epoch(context: &EvalContext) -> u32 {
    const FIRST: u32 = 3;
    (assigned(context) as u32).max(FIRST)
}

fn assigned(context: &EvalContext) -> u64 {
    let own = &context.session.transaction;
    own.known().unwrap_or_else(|| {
        let fresh = context.session.sessions.numbers().next();
        // A query may ask on several threads at once: the first answer counts.
        match own.number.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(other) => {
                context.session.sessions.numbers().0.lock().fates.remove(&fresh);
                other
            }
        }
    })
}

fn status(context: &EvalContext, id: u64) -> Result<Value> {
    let numbers = context.session.sessions.numbers().0.lock();
    if id > numbers.last {
        let words = format!("transaction ID {id} is in the future");
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words));
    }
    match (id, numbers.fates.get(&id)) {
        // Those that made the system's own relations.
        (1 | 2, _) | (_, Some(Fate::Committed)) => text_of("committed"),
        (_, Some(Fate::Aborted)) => text_of("aborted"),
        (_, Some(Fate::InProgress)) => text_of("in progress"),
        (_, None) => Ok(Value::Null),
    }
}
