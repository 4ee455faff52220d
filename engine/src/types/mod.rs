//! SQL types: PostgreSQL's oid and type modifier, and what the built-in ones are called and how they are stored.

pub mod ast;
pub mod binary;
pub(crate) mod bits;
pub mod builtin;
pub mod datetime;
pub(crate) mod defined;
pub mod encoding;
pub(crate) mod geometry;
pub mod json;
pub mod jsonpath;
pub mod modifier;
pub(crate) mod money;
pub(crate) mod network;
pub(crate) mod range;
pub(crate) mod snapshot;
pub mod text;
pub(crate) mod unsigned;

pub use ast::from_ast;
pub use builtin::{TypeInfo, column_type, oid};
pub use modifier::display;
use serde::{Deserialize, Serialize};

/// A SQL type as PostgreSQL identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Type {
    /// `pg_type.oid`.
    pub oid: u32,
    /// PostgreSQL's typmod: varchar(n) and char(n) n + 4, numeric ((p << 16) | s) + 4, times their precision; -1 without.
    pub modifier: i32,
}

impl Type {
    pub const fn new(oid: u32) -> Self {
        Self { oid, modifier: -1 }
    }

    pub const fn with_modifier(oid: u32, modifier: i32) -> Self {
        Self { oid, modifier }
    }
}
