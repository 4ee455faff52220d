//! The grammar of CREATE and DROP EXTENSION.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Definition, grant, list};
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;

/// CREATE EXTENSION.
#[derive(Debug, Clone)]
pub struct NewExtension {
    pub name: String,
    pub if_not_exists: bool,
    pub schema: Option<String>,
    pub version: Option<String>,
}

/// What follows CREATE EXTENSION.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_not_exists = reader.words(&["if", "not", "exists"]);
    let name = reader.identifier()?;
    let mut new = NewExtension { name, if_not_exists, schema: None, version: None };
    reader.word("with");
    loop {
        // What else it takes is made too: none takes anything.
        if reader.word("cascade") {
        } else if new.schema.is_none() && reader.word("schema") {
            new.schema = Some(reader.identifier()?);
        } else if new.version.is_none() && reader.word("version") {
            new.version = Some(match reader.peek() {
                Some(Token::SingleQuotedString(_)) => reader.string()?,
                _ => reader.identifier()?,
            });
        } else if reader.word("from") {
            let message = "CREATE EXTENSION ... FROM is no longer supported";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        } else {
            return Ok(Definition::CreateExtension(new));
        }
    }
}

/// What follows DROP EXTENSION.
pub(super) fn drop(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let names = list(reader, Reader::identifier)?;
    Ok(Definition::DropExtensions { names, if_exists, cascade: grant::cascade(reader) })
}
