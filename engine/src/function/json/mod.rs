//! JSON's functions and operators, for `json` (text that is read whenever it is looked into) and `jsonb` (a stored
//! tree) alike: most are written once, over [`doc::Doc`].

pub(crate) mod access;
pub(crate) mod assign;
pub(crate) mod build;
pub(super) mod cast;
mod contain;
mod doc;
mod edit;
mod path;
pub(crate) mod record;
pub(crate) mod set;
mod table;

pub(crate) use build::write_json;

use super::{Function, TableFunction};

pub(super) const FUNCTIONS: &[&[Function]] = &[
    access::FUNCTIONS,
    build::FUNCTIONS,
    cast::FUNCTIONS,
    contain::FUNCTIONS,
    edit::FUNCTIONS,
    record::SCALARS,
    set::FUNCTIONS,
];

pub(super) const PATH_FUNCTIONS: &[&[Function]] = path::FUNCTIONS;

pub(super) const TABLE_FUNCTIONS: &[TableFunction] = table::FUNCTIONS;

pub(super) const PATH_TABLES: &[TableFunction] = path::TABLE_FUNCTIONS;

pub(super) const RECORD_TABLES: &[TableFunction] = record::FUNCTIONS;
