//! COMMIT and ROLLBACK of procedures and of DO: the session's transaction ends and another begins, if nothing around needs
//! the one that was open.

use storage::Value;

use super::super::Session;
use super::super::cancel::Interrupt;
use super::super::transaction::TransactionState;
use super::{Call, Progress, Pulled, UnderWay};
use crate::error::{Error, Result, SqlState};

/// `invalid_transaction_termination`
const INVALID_TERMINATION: SqlState = SqlState("2D000");

/// Most bytes of rows that are kept of a loop whose transaction ends.
const ROW_BYTES_MAX: usize = 512 << 20;

/// Whether what runs may end the transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::session) enum Ending {
    Allowed,
    /// A block or a function is around.
    #[default]
    Refused,
    /// A block with EXCEPTION is around the call.
    WithinSubtransaction,
    /// A loop over the rows of a query is around the call.
    WithinLoop,
}

impl Session {
    /// Whether a body that is to run may end the transaction, if it is one that may at all.
    pub(in crate::session) fn ending_within(&self, may: bool) -> Ending {
        let is_outermost = self.functions_around == 0;
        match may && self.acting.is_none() {
            false => Ending::Refused,
            true if !is_outermost => self.ending,
            true if !self.among_others && matches!(self.state, TransactionState::Implicit(_)) => Ending::Allowed,
            true => Ending::Refused,
        }
    }

    pub(super) async fn end_transaction(
        &mut self,
        call: &mut Call<'_>,
        commits: bool,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let verb = if commits { "commit" } else { "roll back" };
        match call.ending(self.ending, false) {
            Ending::Allowed => {}
            Ending::Refused => return Err(Error::new(INVALID_TERMINATION, "invalid transaction termination")),
            Ending::WithinSubtransaction => {
                let message = format!("cannot {verb} while a subtransaction is active");
                return Err(Error::new(INVALID_TERMINATION, message));
            }
            Ending::WithinLoop => {
                let what = "the end of a transaction in a procedure that is called within a loop over rows";
                return Err(Error::unsupported(what));
            }
        }
        for one in &mut call.under_way {
            if let UnderWay::Loop { progress: Progress::Rows(rows), .. } = one {
                rows.keep_rest(interrupt).await?;
            }
        }
        let open = match std::mem::take(&mut self.state) {
            TransactionState::Implicit(open) => open,
            other => {
                self.state = other;
                return Err(Error::internal("a body that may not end the transaction does so"));
            }
        };
        let ended = match commits {
            true => Box::pin(self.commit(open)).await,
            false => {
                self.roll_back(open);
                Ok(())
            }
        };
        self.begin_implicit();
        ended
    }
}

impl Call<'_> {
    /// Whether what is called here may end the transaction; `calls`: it has no hold of the loops of this call.
    pub(super) fn ending(&self, around: Ending, calls: bool) -> Ending {
        if around != Ending::Allowed {
            return around;
        }
        let has_undo = |one: &UnderWay<'_>| matches!(one, UnderWay::Block { undo: Some(_), .. });
        let has_rows = |one: &UnderWay<'_>| matches!(one, UnderWay::Loop { progress: Progress::Rows(_), .. });
        match () {
            () if self.under_way.iter().any(has_undo) => Ending::WithinSubtransaction,
            () if calls && self.under_way.iter().any(has_rows) => Ending::WithinLoop,
            () => Ending::Allowed,
        }
    }
}

impl Pulled {
    /// Reads the rows that are left.
    async fn keep_rest(&mut self, interrupt: &Interrupt) -> Result<()> {
        let (mut rest, mut bytes) = (Vec::new(), 0);
        while let Some(row) = self.next(interrupt).await? {
            bytes += row.iter().map(|value| size_of::<Value>() + value.heap_bytes()).sum::<usize>();
            if bytes > ROW_BYTES_MAX {
                return Err(Error::new(SqlState::OUT_OF_MEMORY, "out of memory").with_detail(format!(
                    "A loop whose transaction ends is over rows of {} MB at most.",
                    ROW_BYTES_MAX >> 20
                )));
            }
            rest.push(row);
        }
        self.ready = rest.into_iter();
        Ok(())
    }
}
