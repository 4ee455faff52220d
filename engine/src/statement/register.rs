//! REGISTER TABLE and UNREGISTER TABLE: Parquet files that are queried where they lie.

use super::Statement;
use super::definition::Definition;
use super::reader::Reader;
use crate::error::Result;

/// Reads what comes behind the verb.
pub(super) fn register(reader: &mut Reader, verb: &str) -> Result<Statement> {
    reader.expect_word("table")?;
    let definition = match verb {
        "register" => {
            let if_not_exists = reader.words(&["if", "not", "exists"]);
            let name = reader.object_name()?;
            reader.expect_word("from")?;
            Definition::Register { name, if_not_exists, pattern: reader.string()? }
        }
        _ => {
            let if_exists = reader.words(&["if", "exists"]);
            Definition::Unregister { name: reader.object_name()?, if_exists }
        }
    };
    Ok(Statement::Definition(Box::new(definition)))
}
