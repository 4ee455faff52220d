//! The grammar of CREATE, ALTER and DROP STORAGE, and of STORAGE CHECK.

use super::Definition;
use super::table::{StorageParameter, parameters};
use crate::error::Result;
use crate::statement::reader::Reader;

/// What is said of a storage.
#[derive(Debug, Clone)]
pub enum PlaceDefinition {
    Create { name: String, if_not_exists: bool, kind: String, path: String, options: Vec<StorageParameter> },
    Set { name: String, options: Vec<StorageParameter> },
    Reset { name: String, options: Vec<StorageParameter> },
    Drop { name: String, if_exists: bool },
    Check { name: String },
}

impl PlaceDefinition {
    /// The statement's words.
    pub fn verb(&self) -> &'static str {
        match self {
            PlaceDefinition::Create { .. } => "CREATE STORAGE",
            PlaceDefinition::Set { .. } | PlaceDefinition::Reset { .. } => "ALTER STORAGE",
            PlaceDefinition::Drop { .. } => "DROP STORAGE",
            PlaceDefinition::Check { .. } => "STORAGE CHECK",
        }
    }
}

/// What follows CREATE STORAGE.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_not_exists = reader.words(&["if", "not", "exists"]);
    let name = reader.identifier()?;
    reader.expect_word("type")?;
    let kind = reader.string()?;
    reader.expect_word("path")?;
    let path = reader.string()?;
    let options = if reader.word("with") { parameters(reader)? } else { Vec::new() };
    Ok(Definition::Storage(PlaceDefinition::Create { name, if_not_exists, kind, path, options }))
}

/// What follows ALTER STORAGE.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Definition> {
    let name = reader.identifier()?;
    if reader.word("reset") {
        return Ok(Definition::Storage(PlaceDefinition::Reset { name, options: parameters(reader)? }));
    }
    reader.expect_word("set")?;
    Ok(Definition::Storage(PlaceDefinition::Set { name, options: parameters(reader)? }))
}

/// What follows DROP STORAGE.
pub(super) fn drop(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    Ok(Definition::Storage(PlaceDefinition::Drop { name: reader.identifier()?, if_exists }))
}
