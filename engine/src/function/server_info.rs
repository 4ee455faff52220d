//! What the server says of itself: where it is reached, since when it runs, how far its log is, encodings, sizes as text,
//! and features that are not there.

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use storage::{Array, ColumnType, Numeric, TransactionId, Value};

use super::argument::{int4, invalid, text, text_of};
use super::define::{immutable, stable, volatile};
use super::{EvalContext, Function};
use crate::database::{Database, Ends};
use crate::error::{Error, Result, SqlState};
use crate::types::network::Network;
use crate::types::oid::*;
use crate::types::text::is_space;
use crate::types::unsigned;

pub(super) const FUNCTIONS: &[Function] = &[
    stable(1039, "getdatabaseencoding", &[], NAME, |_, _| text_of("UTF8")),
    stable(810, "pg_client_encoding", &[], NAME, |context, _| {
        text_of(context.session.settings.get("client_encoding").unwrap_or_else(|| "UTF8".to_owned()))
    }),
    stable(710, "getpgusername", &[], NAME, |context, _| text_of(context.session.current_user.as_str())),
    immutable(2319, "pg_encoding_max_length", &[INT4], INT4, |_, args| {
        let length = usize::try_from(int4(&args[0])?).ok().and_then(|number| ENCODING_LENGTHS.get(number));
        Ok(length.map_or(Value::Null, |length| Value::Int4(*length)))
    }),
    stable(2196, "inet_client_addr", &[], INET, |context, _| address_of(context.session.client_address)),
    stable(2197, "inet_client_port", &[], INT4, |context, _| {
        let port = context.session.server.ends.client_port.filter(|port| *port >= 0);
        Ok(port.map_or(Value::Null, Value::Int4))
    }),
    stable(2198, "inet_server_addr", &[], INET, |context, _| {
        address_of(context.session.server.ends.server.map(|address| address.ip()))
    }),
    stable(2199, "inet_server_port", &[], INT4, |context, _| {
        let server = context.session.server.ends.server;
        Ok(server.map_or(Value::Null, |address| Value::Int4(i32::from(address.port()))))
    }),
    stable(2560, "pg_postmaster_start_time", &[], TIMESTAMPTZ, started_at),
    // The configuration is read once.
    stable(2034, "pg_conf_load_time", &[], TIMESTAMPTZ, started_at),
    volatile(2849, "pg_current_wal_lsn", &[], PG_LSN, log_position),
    volatile(2852, "pg_current_wal_insert_lsn", &[], PG_LSN, log_position),
    volatile(3330, "pg_current_wal_flush_lsn", &[], PG_LSN, log_position),
    // There is no recovery that sessions would see.
    volatile(3820, "pg_last_wal_receive_lsn", &[], PG_LSN, |_, _| Ok(Value::Null)),
    volatile(3821, "pg_last_wal_replay_lsn", &[], PG_LSN, |_, _| Ok(Value::Null)),
    volatile(3830, "pg_last_xact_replay_timestamp", &[], TIMESTAMPTZ, |_, _| Ok(Value::Null)),
    volatile(3073, "pg_is_wal_replay_paused", &[], BOOL, |_, _| Err(not_in_recovery())),
    volatile(1137, "pg_get_wal_replay_pause_state", &[], TEXT, |_, _| Err(not_in_recovery())),
    volatile(2561, "pg_blocking_pids", &[INT4], INT4_ARRAY, blocking),
    // Only a deferrable serializable transaction waits for a snapshot, and none does here.
    volatile(3376, "pg_safe_snapshot_blocking_pids", &[INT4], INT4_ARRAY, |_, _| processes(Vec::new())),
    stable(3163, "pg_trigger_depth", &[], INT4, |context, _| Ok(Value::Int4(context.session.triggers.depth()))),
    stable(315, "pg_jit_available", &[], BOOL, |_, _| Ok(Value::Bool(false))),
    volatile(3334, "pg_size_bytes", &[TEXT], INT8, size_of_text),
];

/// What functions see of the server.
#[derive(Debug, Default)]
pub(crate) struct ServerFacts {
    database: Weak<Database>,
    pub(crate) ends: Ends,
}

impl ServerFacts {
    pub(crate) fn new(database: &Arc<Database>, ends: Ends) -> Self {
        Self { database: Arc::downgrade(database), ends }
    }

    /// The running database; an error where there is none to ask, as while an expression is checked.
    pub(crate) fn database(&self) -> Result<Arc<Database>> {
        self.database.upgrade().ok_or_else(|| Error::internal("a function asked a server that is not there"))
    }
}

fn address_of(address: Option<IpAddr>) -> Result<Value> {
    Ok(address.map_or(Value::Null, |address| Value::Bytea(Network::of(address).encode().into())))
}

fn started_at(context: &EvalContext, _: &[Value]) -> Result<Value> {
    Ok(Value::Timestamptz(context.session.server.database()?.started_at()))
}

/// The log is as long as there are commits: the place of the newest that others see.
fn log_position(context: &EvalContext, _: &[Value]) -> Result<Value> {
    let newest = context.session.server.database()?.store().published();
    Ok(Value::Int8(unsigned::packed(newest.0)))
}

fn not_in_recovery() -> Error {
    Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "recovery is not in progress")
        .with_hint("Recovery control functions can only be executed during recovery.")
}

/// The process ids of the sessions that one waits for.
fn blocking(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let process = int4(&args[0])?;
    let sessions = context.session.sessions.all();
    let Some(waiting) = sessions.iter().find(|session| session.process_id == process) else {
        return processes(Vec::new());
    };
    let database = context.session.server.database()?;
    let ids = |session: &crate::session::activity::Activity| {
        let transaction = session.counts.transaction().map(|transaction| transaction.id);
        transaction.into_iter().chain(session.counts.holder())
    };
    let mut blockers = Vec::new();
    for id in ids(waiting) {
        for blocker in database.store().blockers_of(TransactionId(id)) {
            let holder = sessions.iter().find(|session| ids(session).any(|id| id == blocker.0));
            blockers.extend(holder.map(|session| session.process_id));
        }
    }
    blockers.sort_unstable();
    blockers.dedup();
    processes(blockers)
}

fn processes(ids: Vec<i32>) -> Result<Value> {
    Ok(Value::Array(Box::new(Array::new(ColumnType::Int4, ids.into_iter().map(Value::Int4).collect()))))
}

/// The most bytes that a character has in each encoding, by PostgreSQL's number of it.
const ENCODING_LENGTHS: [i32; 42] = [
    1, 3, 3, 3, 4, 3, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
    2, 4, 3, 2,
];

/// `1.5 GB` in bytes.
fn size_of_text(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let whole = text(&args[0])?;
    let refused = || invalid(format!("invalid size: \"{whole}\""));
    let trimmed = whole.trim_matches(is_space);
    let end = number_length(trimmed).ok_or_else(refused)?;
    let (number, unit) = trimmed.split_at(end);
    let factor: i64 = match unit.trim_start_matches(is_space).to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        "tb" => 1 << 40,
        "pb" => 1 << 50,
        _ => {
            let shown = unit.trim_start_matches(is_space);
            return Err(refused()
                .with_detail(format!("Invalid size unit: \"{shown}\"."))
                .with_hint("Valid units are \"bytes\", \"B\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\"."));
        }
    };
    let number = Numeric::parse(number).map_err(|_| refused())?;
    let bytes = number.mul(&Numeric::from_i64(factor)).map_err(crate::types::text::numeric_error)?;
    bytes
        .to_i64()
        .map(Value::Int8)
        .ok_or_else(|| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range"))
}

/// How long the number is that text begins with.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let count = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(text.starts_with(['-', '+']));
    let mut digits = count(end);
    end += digits;
    if bytes.get(end) == Some(&b'.') {
        let fraction = count(end + 1);
        digits += fraction;
        end += 1 + fraction;
    }
    if digits == 0 {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = count(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    Some(end)
}
