//! `set_config`: a setting changed by a function. And `pg_export_snapshot`, which asks for something by the same means.
//!
//! Settings are the session's, and fixed for one execution of a statement. The function notes what is to change; the
//! session changes it when the statement has succeeded. A statement that calls it has its rows gathered first, as if it
//! might have to wait.

use std::sync::Arc;

use parking_lot::Mutex;
use storage::Value;

use super::argument::{boolean, text, text_of};
use super::define::volatile;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::session::settings::Settings;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    volatile(2078, "set_config", &[TEXT, TEXT, BOOL], TEXT, set_config).takes_nulls(),
    volatile(3809, "pg_export_snapshot", &[], TEXT, |context, _| {
        let identifier = context.session.snapshots.new_identifier();
        context.session.requests.0.lock().exports.push(identifier.clone());
        text_of(identifier)
    }),
];

/// A setting to change.
#[derive(Debug, Clone)]
pub(crate) struct SettingRequest {
    pub(crate) name: String,
    /// None is the default.
    pub(crate) value: Option<String>,
    pub(crate) local: bool,
}

/// What the running statement of a session has asked to change.
#[derive(Debug, Default)]
pub struct SettingRequests(Mutex<Requested>);

#[derive(Debug, Default)]
struct Requested {
    requests: Vec<SettingRequest>,
    /// Under which identifiers the transaction's snapshot is to be exported.
    exports: Vec<String>,
    /// The settings as the requests so far leave them.
    settings: Option<Arc<Settings>>,
}

impl SettingRequests {
    /// A statement begins, or begins again.
    pub(crate) fn begin_statement(&self) {
        *self.0.lock() = Requested::default();
    }

    pub(crate) fn take_exports(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().exports)
    }

    pub(crate) fn take(&self) -> Vec<SettingRequest> {
        std::mem::take(&mut *self.0.lock()).requests
    }
}

fn set_config(context: &EvalContext, args: &[Value]) -> Result<Value> {
    if args[0].is_null() {
        return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "SET requires parameter name"));
    }
    let name = text(&args[0])?;
    let value = if args[1].is_null() { None } else { Some(text(&args[1])?) };
    let local = !args[2].is_null() && boolean(&args[2])?;
    let superuser =
        context.catalog.roles.get(&context.session.current_role.0).is_some_and(|role| role.attributes.superuser);
    let mut requested = context.session.requests.0.lock();
    let before = requested.settings.as_ref().unwrap_or(&context.session.settings);
    let mut settings = (**before).clone();
    let shown = if matches!(name.to_lowercase().as_str(), "role" | "session_authorization") {
        // Whether the session may become that role, it will see.
        value.map(str::to_owned)
    } else {
        match value {
            Some(value) => settings.set_flat(name, value, superuser)?,
            None => settings.reset(name, superuser)?,
        }
        settings.get(name)
    };
    requested.settings = Some(Arc::new(settings));
    requested.requests.push(SettingRequest { name: name.to_owned(), value: value.map(str::to_owned), local });
    shown.map_or(Ok(Value::Null), |shown| text_of(shown.as_str()))
}
