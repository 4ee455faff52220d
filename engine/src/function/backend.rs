//! Other sessions: cancelling what they run, and ending them.

use std::sync::Arc;

use auth::{Principal, is_member_of};
use storage::Value;

use super::argument::int4;
use super::define::volatile;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::session::activity::Activity;
use crate::types::oid::*;

/// The predefined role whose members may stop what others run.
const PG_SIGNAL_BACKEND: auth::RoleId = auth::RoleId(4200);

pub(super) const FUNCTIONS: &[Function] = &[
    volatile(2171, "pg_cancel_backend", &[INT4], BOOL, |context, args| {
        let session = other(context, &args[0], "cancel", "query is being canceled")?;
        session.iter().for_each(|session| session.canceller.cancel());
        Ok(Value::Bool(session.is_some()))
    }),
    volatile(2096, "pg_terminate_backend", &[INT4, INT8], BOOL, terminate),
    volatile(2096, "pg_terminate_backend", &[INT4], BOOL, terminate),
];

fn terminate(context: &EvalContext, args: &[Value]) -> Result<Value> {
    match args.get(1) {
        Some(Value::Int8(1..)) => return Err(Error::unsupported("pg_terminate_backend with a timeout")),
        Some(Value::Int8(i64::MIN..=-1)) => {
            return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "\"timeout\" must not be negative"));
        }
        _ => {}
    }
    let session = other(context, &args[0], "terminate", "process is being terminated")?;
    session.iter().for_each(|session| session.canceller.terminate());
    Ok(Value::Bool(session.is_some()))
}

/// The session of that process id, if the caller may do that to it; None if there is none.
fn other(context: &EvalContext, process: &Value, verb: &str, what: &str) -> Result<Option<Arc<Activity>>> {
    let process = int4(process)?;
    let mut sessions = context.session.sessions.all().into_iter();
    let Some(session) = sessions.find(|session| session.process_id == process) else { return Ok(None) };
    let catalog = &*context.catalog;
    let own = context.session.current_role;
    let principal = Principal::resolve(own, catalog.role_name(own.0), catalog);
    if principal.is_superuser() {
        return Ok(Some(session));
    }
    let denied = |message: String| Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    if catalog.roles.find(session.role.0)?.is_some_and(|role| role.attributes.superuser) {
        let object = if verb == "cancel" { "query" } else { "process" };
        return denied(format!("must be a superuser to {verb} superuser {object}"));
    }
    if !principal.has_privileges_of(session.role) && !is_member_of(own, PG_SIGNAL_BACKEND, catalog) {
        return denied(format!("must be a member of the role whose {what} or member of pg_signal_backend"));
    }
    Ok(Some(session))
}
