//! Functions that ask the catalog: `pg_get_indexdef`, `format_type` and their kin.

use super::{Function, TableFunction};

pub(super) const FUNCTIONS: &[Function] = &[];
pub(super) const TABLE_FUNCTIONS: &[TableFunction] = &[];
