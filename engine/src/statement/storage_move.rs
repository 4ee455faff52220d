//! STORAGE: what moves rows between the places where they lie, and what tries such a place. OPTIMIZE TABLE is one of its forms.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::Statement;
use super::definition::{Definition, PlaceDefinition};
use super::reader::Reader;
use super::utility::{setting_value, switch};
use crate::error::{Error, Result, SqlState};

/// STORAGE FLUSH or STORAGE COMPACT.
#[derive(Debug, Clone)]
pub struct StorageMove {
    pub kind: MoveKind,
    pub tables: MovedTables,
    /// Whether the statement answers only when the rows have moved.
    pub waits: bool,
    /// The statement's words.
    pub tag: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// Hot rows become segments.
    Flush,
    /// Segments are merged.
    Compact,
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
    if reader.word("check") {
        let check = PlaceDefinition::Check { name: reader.identifier()? };
        return Ok(Statement::Definition(Box::new(Definition::Storage(check))));
    }
    let (kind, tag) = if reader.word("compact") {
        (MoveKind::Compact, "STORAGE COMPACT")
    } else {
        reader.expect_word("flush")?;
        (MoveKind::Flush, "STORAGE FLUSH")
    };
    let tables = if reader.word("all") {
        let schema = if reader.word("in") { Some(reader.identifier()?) } else { None };
        MovedTables::All { schema }
    } else {
        reader.expect_word("table")?;
        MovedTables::Named(reader.object_name()?)
    };
    Ok(Statement::StorageMove(StorageMove { kind, tables, waits: waits(reader)?, tag }))
}

pub(super) fn optimize(reader: &mut Reader) -> Result<Statement> {
    reader.expect_word("table")?;
    let tables = MovedTables::Named(reader.object_name()?);
    let order = StorageMove { kind: MoveKind::Compact, tables, waits: waits(reader)?, tag: "OPTIMIZE TABLE" };
    Ok(Statement::StorageMove(order))
}

/// `WITH (wait = false)`.
fn waits(reader: &mut Reader) -> Result<bool> {
    let mut waits = None;
    if !reader.word("with") {
        return Ok(true);
    }
    reader.expect_token(&Token::LParen)?;
    loop {
        let name = reader.identifier()?;
        if name != "wait" {
            let message = format!("unrecognized parameter \"{name}\"");
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
        let value = if reader.token(&Token::Eq) { setting_value(reader)?.to_lowercase() } else { "true".to_owned() };
        if waits.replace(switch(&name, &value)?).is_some() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, format!("parameter \"{name}\" specified more than once")));
        }
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    reader.expect_token(&Token::RParen)?;
    Ok(waits.unwrap_or(true))
}
