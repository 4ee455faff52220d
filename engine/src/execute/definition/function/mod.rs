//! CREATE, ALTER and DROP of functions, procedures and aggregates.
//!
//! A function is locked by its name in its schema, whatever its arguments are: shared by nobody, as definitions are rare.

mod aggregate;
mod alter;
mod called;
mod create;
mod depend;
mod find;

pub(super) use aggregate::create_aggregate;
pub(super) use alter::alter;
pub(super) use called::with_functions;
pub(super) use create::create;
pub(super) use depend::drop;
pub(super) use find::routines_in;

use crate::error::{Error, SqlState};

/// `invalid_function_definition`.
const INVALID_FUNCTION: SqlState = SqlState("42P13");
const DUPLICATE_FUNCTION: SqlState = SqlState("42723");

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(INVALID_FUNCTION, message)
}
