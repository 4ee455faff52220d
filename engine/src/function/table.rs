//! x
use super::TableFunction;
pub(super) const FUNCTIONS: &[TableFunction] = &[];
