//! What a session and the server know of themselves.

use std::sync::LazyLock;

use storage::{Array, ColumnType, Value};

use super::argument::{boolean, text, text_of};
use super::define::{immutable, stable};
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::session::parameter::SERVER_VERSION;
use crate::types::oid::*;

/// What `version()` says. Clients read the number after "PostgreSQL" to know which SQL they may send.
static VERSION: LazyLock<String> = LazyLock::new(|| format!("PostgreSQL {SERVER_VERSION}"));

pub(super) const FUNCTIONS: &[Function] = &[
    stable(89, "version", &[], TEXT, |_, _| text_of(VERSION.as_str())),
    stable(2077, "current_setting", &[TEXT], TEXT, current_setting),
    stable(3294, "current_setting", &[TEXT, BOOL], TEXT, current_setting),
    stable(861, "current_database", &[], NAME, |context, _| text_of(context.session.database.as_str())),
    stable(1402, "current_schema", &[], NAME, |context, _| {
        // The schemas that the path adds by itself do not count.
        let existing = context.session.creation_path().find(|name| context.catalog.schema_named(name).is_some());
        Ok(existing.map_or(Value::Null, |name| Value::Text(name.as_str().into())))
    }),
    stable(1403, "current_schemas", &[BOOL], NAME_ARRAY, current_schemas),
    stable(745, "current_user", &[], NAME, |context, _| text_of(context.session.current_user.as_str())),
    stable(746, "session_user", &[], NAME, |context, _| text_of(context.session.session_user.as_str())),
    stable(2026, "pg_backend_pid", &[], INT4, |context, _| Ok(Value::Int4(context.session.process_id))),
    // The binder hands over the oid of the argument's type.
    immutable(1619, "pg_typeof", &[ANY], REGTYPE, |_, args| Ok(args[0].clone())).takes_nulls(),
];

fn current_setting(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let name = text(&args[0])?;
    let missing_ok = args.get(1).map(boolean).transpose()?.unwrap_or(false);
    match context.session.setting(name) {
        Some(value) => text_of(value),
        None if missing_ok => Ok(Value::Null),
        None => Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))),
    }
}

fn current_schemas(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let path = &context.session.search_path;
    let name = |name: &str| Value::Text(name.into());
    let values = if boolean(&args[0])? {
        context.catalog.path(path).map(|schema| name(&schema.name)).collect()
    } else {
        context
            .session
            .creation_path()
            .filter(|schema| context.catalog.schema_named(schema).is_some())
            .map(|schema| name(schema))
            .collect()
    };
    Ok(Value::Array(Box::new(Array::new(ColumnType::Text, values))))
}
