//! STORAGE: what moves rows between the places where they lie.

use datafusion::sql::sqlparser::ast;

use super::Statement;
use super::reader::Reader;
use crate::error::{Error, Result};

/// STORAGE FLUSH.
#[derive(Debug, Clone)]
pub struct StorageFlush {
    pub tables: FlushedTables,
}

/// What STORAGE FLUSH names.
#[derive(Debug, Clone)]
pub enum FlushedTables {
    Named(ast::ObjectName),
    /// ALL, or ALL IN a schema.
    All {
        schema: Option<String>,
    },
}

pub(super) fn storage(reader: &mut Reader) -> Result<Statement> {
    if reader.word("compact") {
        return Err(Error::unsupported("STORAGE COMPACT"));
    }
    reader.expect_word("flush")?;
    let tables = if reader.word("all") {
        let schema = if reader.word("in") { Some(reader.identifier()?) } else { None };
        FlushedTables::All { schema }
    } else {
        reader.expect_word("table")?;
        FlushedTables::Named(reader.object_name()?)
    };
    if reader.peek_word("with") {
        return Err(Error::unsupported("STORAGE FLUSH … WITH"));
    }
    Ok(Statement::StorageFlush(StorageFlush { tables }))
}
