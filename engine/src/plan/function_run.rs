//! Functions and procedures whose bodies are run, statement by statement.

use std::sync::Arc;

use super::relation::Query;
use crate::catalog::SqlFunction;
use crate::expr::Expr;
use crate::types::Type;

/// A body that is run.
#[derive(Debug)]
pub struct CalledBody {
    /// With the types that the call gives polymorphic ones.
    pub function: Arc<SqlFunction>,
    /// Names and types of the columns that it answers.
    pub columns: Vec<(String, Type)>,
}

/// A body that is run before the statement that has the call, which then finds the rows.
#[derive(Debug)]
pub struct FunctionRun {
    /// Where its rows are found.
    pub number: usize,
    pub body: CalledBody,
    /// Computes the arguments: one row.
    pub args: Query,
    /// Whether a function of no set that answers nothing answers a row of NULLs.
    pub fills: bool,
}

/// What a write writes, computed before it writes anything, since it calls bodies.
#[derive(Debug)]
pub struct Ahead {
    /// Where the statement finds the rows.
    pub number: usize,
    pub rows: AheadRows,
    /// Oids of the tables that are written.
    pub tables: Arc<[u32]>,
    pub verb: &'static str,
    pub is_temporary: bool,
}

#[derive(Debug)]
pub enum AheadRows {
    Values(Vec<Vec<Expr>>),
    Query(Arc<Query>),
}
