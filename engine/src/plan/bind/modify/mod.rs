//! Binding INSERT, UPDATE and DELETE.

mod copy;
mod delete;
mod insert;
mod merge;
mod on_conflict;
mod part;
mod target;
mod through;
mod update;
mod with_write;

use datafusion::sql::sqlparser::ast;
pub(super) use target::has_subquery;
pub(super) use through::Goal;
pub(crate) use through::{check_written, updatable_columns};

pub(crate) use with_write::body_write;

use crate::error::Error;

/// Whether an expression is the word DEFAULT.
fn is_default(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default"))
}

/// An identifier as PostgreSQL folds it.
fn folded(name: &ast::Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// 0A000 for a clause that other databases have.
fn refuse(present: bool, what: &str) -> Result<(), Error> {
    if present { Err(Error::unsupported(what)) } else { Ok(()) }
}
