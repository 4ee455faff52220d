//! The grammar of BACKUP DATABASE and RESTORE DATABASE.

use super::Statement;
use super::reader::Reader;
use crate::error::Result;

/// What is copied where. Both are about all databases of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupOrder {
    /// Into this directory of the server.
    Backup(String),
    /// From there, in the place of everything.
    Restore(String),
}

impl BackupOrder {
    /// The statement's words.
    pub fn tag(&self) -> &'static str {
        match self {
            BackupOrder::Backup(_) => "BACKUP DATABASE",
            BackupOrder::Restore(_) => "RESTORE DATABASE",
        }
    }
}

/// What follows BACKUP.
pub(super) fn backup(reader: &mut Reader) -> Result<Statement> {
    reader.expect_word("database")?;
    reader.expect_word("to")?;
    Ok(Statement::Backup(BackupOrder::Backup(reader.string()?)))
}

/// What follows RESTORE.
pub(super) fn restore(reader: &mut Reader) -> Result<Statement> {
    reader.expect_word("database")?;
    reader.expect_word("from")?;
    Ok(Statement::Backup(BackupOrder::Restore(reader.string()?)))
}
