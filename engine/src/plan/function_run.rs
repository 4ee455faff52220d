//! A call of a function or procedure whose body is run, statement by statement, before the statement that has the call.

use std::sync::Arc;

use super::relation::Query;
use crate::catalog::SqlFunction;
use crate::types::Type;

/// A body to run.
#[derive(Debug)]
pub struct FunctionRun {
    /// Where its rows are found.
    pub number: usize,
    /// With the types that the call gives polymorphic ones.
    pub function: Arc<SqlFunction>,
    /// Computes the arguments: one row.
    pub args: Query,
    /// Names and types of the columns that it answers.
    pub columns: Vec<(String, Type)>,
    /// Whether a function of no set that answers nothing answers a row of NULLs.
    pub fills: bool,
}
