//! The block around a statement: which statements must stand alone, and which need one.
//!
//! The statements of one simple query are a block of their own where they are more than one, also after one of them has ended
//! its transaction.

use super::transaction::TransactionState;
use super::{Session, TransactionStatus};
use crate::error::{Error, Result, SqlState};

impl Session {
    /// 25001 unless the statement, which is called so, is all that its transaction is to do.
    pub(super) fn check_alone(&self, words: &str) -> Result<()> {
        if self.among_others { Err(inside_block(words)) } else { self.check_outside(words) }
    }

    /// 25001 if a transaction is open. Statements that PostgreSQL does not have may stand among others otherwise.
    pub(super) fn check_outside(&self, words: &str) -> Result<()> {
        if matches!(self.state, TransactionState::Idle) { Ok(()) } else { Err(inside_block(words)) }
    }

    /// Whether what a statement begins outlasts it.
    pub(super) fn in_block(&self) -> bool {
        self.among_others || self.functions_around > 0 || self.status() == TransactionStatus::Open
    }

    /// 25P01 for a statement, called so, whose deed would be over with it.
    pub(super) fn check_in_block(&self, words: &str) -> Result<()> {
        if self.in_block() {
            return Ok(());
        }
        let message = format!("{words} can only be used in transaction blocks");
        Err(Error::new(SqlState::NO_ACTIVE_SQL_TRANSACTION, message))
    }
}

fn inside_block(words: &str) -> Error {
    let message = format!("{words} cannot run inside a transaction block");
    Error::new(SqlState::ACTIVE_SQL_TRANSACTION, message)
}
