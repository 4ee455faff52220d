//! The functions that need a window: rows of `pg_proc` with kind `w`.

use super::WindowFunction;
use crate::types::oid::*;

/// A window function as it is called.
#[derive(Debug)]
pub struct WindowDeclaration {
    pub oid: u32,
    pub name: &'static str,
    pub args: &'static [u32],
    pub returns: u32,
    pub function: WindowFunction,
}

const fn window(
    oid: u32,
    name: &'static str,
    args: &'static [u32],
    returns: u32,
    function: WindowFunction,
) -> WindowDeclaration {
    WindowDeclaration { oid, name, args, returns, function }
}

/// Every window function that is not an aggregate.
pub static WINDOW_FUNCTIONS: &[WindowDeclaration] = &[
    window(3100, "row_number", &[], INT8, WindowFunction::RowNumber),
    window(3101, "rank", &[], INT8, WindowFunction::Rank),
    window(3102, "dense_rank", &[], INT8, WindowFunction::DenseRank),
    window(3103, "percent_rank", &[], FLOAT8, WindowFunction::PercentRank),
    window(3104, "cume_dist", &[], FLOAT8, WindowFunction::CumeDist),
    window(3105, "ntile", &[INT4], INT4, WindowFunction::Ntile),
    window(3106, "lag", &[ANYELEMENT], ANYELEMENT, WindowFunction::Lag),
    window(3107, "lag", &[ANYELEMENT, INT4], ANYELEMENT, WindowFunction::Lag),
    window(3108, "lag", &[ANYCOMPATIBLE, INT4, ANYCOMPATIBLE], ANYCOMPATIBLE, WindowFunction::Lag),
    window(3109, "lead", &[ANYELEMENT], ANYELEMENT, WindowFunction::Lead),
    window(3110, "lead", &[ANYELEMENT, INT4], ANYELEMENT, WindowFunction::Lead),
    window(3111, "lead", &[ANYCOMPATIBLE, INT4, ANYCOMPATIBLE], ANYCOMPATIBLE, WindowFunction::Lead),
    window(3112, "first_value", &[ANYELEMENT], ANYELEMENT, WindowFunction::FirstValue),
    window(3113, "last_value", &[ANYELEMENT], ANYELEMENT, WindowFunction::LastValue),
    window(3114, "nth_value", &[ANYELEMENT, INT4], ANYELEMENT, WindowFunction::NthValue),
];

pub(super) fn named(name: &str) -> impl Iterator<Item = &'static WindowDeclaration> {
    WINDOW_FUNCTIONS.iter().filter(move |declaration| declaration.name == name)
}
