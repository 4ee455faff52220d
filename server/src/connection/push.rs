//! What a client is told without having asked: the notifications in its session's outbox.
//!
//! They are told when the client is idle, as in PostgreSQL: before the ReadyForQuery that says so, and at once while the
//! connection waits for the next message. A client that does not read what it is told is left alone, whatever the write
//! timeout says, until its outbox is too full: it may well be idle itself.

use engine::live::Outbox;
use engine::session::TransactionStatus;

use super::stream::ENOUGH_OUTPUT_BYTES;
use super::{Connection, Ending, Flow, State};
use crate::wire::backend;
use crate::wire::error::{Severity, report};

impl Connection {
    /// Tells what waits now, if the session is idle: ReadyForQuery comes next.
    pub(super) async fn tell(&mut self) -> Flow<()> {
        if self.session.status() != TransactionStatus::Idle {
            return Ok(());
        }
        let Some(outbox) = self.session.outbox().cloned() else { return Ok(()) };
        self.session.caught_up().await;
        outbox.check().map_err(Ending::Fatal)?;
        let mut waiting = outbox.waiting_count();
        while waiting > 0 {
            let told = self.add_notifications(&outbox);
            if told == 0 {
                break;
            }
            waiting = waiting.saturating_sub(told);
            self.relieve().await?;
        }
        Ok(())
    }

    /// Whether the client may be told something now, in between.
    pub(super) fn may_be_told(&self) -> bool {
        self.state == State::Idle && self.session.status() == TransactionStatus::Idle
    }

    /// Moves notifications into the output until it is large; answers how many.
    pub(super) fn add_notifications(&mut self, outbox: &Outbox) -> usize {
        let notifications = outbox.take(ENOUGH_OUTPUT_BYTES);
        for told in &notifications {
            let (out, encoding) = (&mut self.io.output, self.session.encoding());
            let said = backend::notification_response(out, told.process_id, &told.channel, &told.payload, encoding);
            if let Err(untold) = said {
                report(out, Severity::Notice("WARNING"), &untold);
            }
        }
        notifications.len()
    }
}

/// Until there is something to tell, or with what ends the session. Without an outbox, or with one that is not to be looked
/// into now, only the latter.
pub(super) async fn told(outbox: Option<&Outbox>, may_be_told: bool) -> Flow<()> {
    match outbox {
        None => std::future::pending().await,
        Some(outbox) if may_be_told => outbox.filled().await.map_err(Ending::Fatal),
        Some(outbox) => Err(Ending::Fatal(outbox.broken().await)),
    }
}
