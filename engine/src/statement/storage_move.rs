//! STORAGE: what moves rows between the places where they lie.

use datafusion::sql::sqlparser::ast;

use super::Statement;
use super::reader::Reader;
use crate::error::{Error, Result};

/// STORAGE FLUSH or STORAGE COMPACT.
#[derive(Debug, Clone)]
pub struct StorageMove {
    pub kind: MoveKind,
    pub tables: MovedTables,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// Hot rows become segments.
    Flush,
    /// Segments are merged.
    Compact,
}

impl MoveKind {
    /// The statement's words.
    pub fn tag(self) -> &'static str {
        match self {
            MoveKind::Flush => "STORAGE FLUSH",
            MoveKind::Compact => "STORAGE COMPACT",
        }
    }
}

/// What the statement names.
#[derive(Debug, Clone)]
pub enum MovedTables {
    Named(ast::ObjectName),
    /// ALL, or ALL IN a schema.
    All {
        schema: Option<String>,
    },
}

pub(super) fn storage(reader: &mut Reader) -> Result<Statement> {
    let kind = if reader.word("compact") {
        MoveKind::Compact
    } else {
        reader.expect_word("flush")?;
        MoveKind::Flush
    };
    let tables = if reader.word("all") {
        let schema = if reader.word("in") { Some(reader.identifier()?) } else { None };
        MovedTables::All { schema }
    } else {
        reader.expect_word("table")?;
        MovedTables::Named(reader.object_name()?)
    };
    if reader.peek_word("with") {
        return Err(Error::unsupported(format!("{} … WITH", kind.tag())));
    }
    Ok(Statement::StorageMove(StorageMove { kind, tables }))
}
