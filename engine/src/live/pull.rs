//! Following a live query by asking for its rows: what a cursor and a COPY do, whose clients are told nothing unasked.
//!
//! Events wait in an outbox of its own, bounded as that of any live query; taking them there never waits, so that whoever
//! waits here may be dropped at any moment and nothing is lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use storage::{Store, Value};
use tokio::sync::watch;

use super::outbox::Outbox;
use super::row_form::{RowForm, Told};
use super::{Dispatcher, Joining, Live, Registry};
use crate::error::{Error, Result, SqlState};
use crate::session::terminated;

/// Bytes of events that are read at once.
const READ_BYTES: usize = 1 << 20;

/// How long is waited for what has been committed already.
const DISPATCH_LIMIT: Duration = Duration::from_secs(2);

/// Rows of a live query's changes, for one who asks for them. The live query ends with it.
pub(crate) struct PulledRows {
    registry: Arc<Registry>,
    dispatcher: Arc<Dispatcher>,
    store: Store,
    /// Nobody else is told by it.
    outbox: Arc<Outbox>,
    form: Arc<RowForm>,
    /// Rows that have been read from events.
    rows: VecDeque<Vec<Value>>,
    over: Option<Over>,
    /// Whether the server stops.
    stops: watch::Receiver<bool>,
}

/// Why nothing more comes.
#[derive(Debug, Clone)]
enum Over {
    Resync(String),
    End(String),
}

impl std::fmt::Debug for PulledRows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PulledRows")
            .field("rows", &self.rows.len())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl PulledRows {
    /// Reads events of such a form where they will wait; nothing is followed yet.
    pub(crate) fn new(live: &Live, store: &Store, form: Arc<RowForm>, outbox: Arc<Outbox>) -> Self {
        Self {
            registry: live.registry.clone(),
            dispatcher: live.dispatcher.clone(),
            store: store.clone(),
            outbox,
            form,
            rows: VecDeque::new(),
            over: None,
            stops: live.stops.subscribe(),
        }
    }

    /// Begins to follow. If that is given up, whoever drops this takes it out again.
    pub(crate) async fn follow(&self, joining: Joining) {
        let registry = self.registry.clone();
        registry.follow(joining).await;
    }

    /// Whether the live query is no more: it is of no use to ask again.
    pub(crate) fn has_ended(&self) -> bool {
        self.rows.is_empty() && matches!(self.over, Some(Over::End(_)))
    }

    /// Until what was committed before now has become events.
    pub(crate) async fn caught_up(&self) {
        // Nothing comes any more, and the dispatcher may rest.
        if !self.registry.follows(self.outbox.id) {
            return;
        }
        let caught_up = self.dispatcher.passed_by(self.store.announced());
        if tokio::time::timeout(DISPATCH_LIMIT, caught_up).await.is_err() {
            tracing::warn!("changes for who asks for them are late");
        }
    }

    /// Until there is something to take, rows or an error. 57P01 when the server stops.
    pub(crate) async fn filled(&mut self) -> Result<()> {
        loop {
            self.read();
            if !self.rows.is_empty() || self.over.is_some() {
                return Ok(());
            }
            let mut stops = self.stops.clone();
            let stopped = async move {
                let _ = stops.wait_for(|stops| *stops).await;
            };
            tokio::select! {
                filled = self.outbox.filled() => filled?,
                () = stopped => return Err(terminated()),
            }
        }
    }

    /// Up to `max` rows that are there, in order. An error instead once nothing more comes: 24000 when the query has to be begun again,
    /// 34000 when there is nothing left to follow.
    pub(crate) fn take(&mut self, max: usize) -> Result<Vec<Vec<Value>>> {
        let mut taken = Vec::new();
        // What comes meanwhile is left for the next time, or there might be no end of it.
        let mut waiting = self.outbox.waiting_count();
        while taken.len() < max {
            if self.rows.is_empty() && waiting > 0 {
                waiting = waiting.saturating_sub(self.read());
            }
            match &self.over {
                Some(over) if self.rows.is_empty() && taken.is_empty() => return Err(over.error()),
                None if self.rows.is_empty() && waiting > 0 => continue,
                _ if self.rows.is_empty() => break,
                _ => {}
            }
            let count = self.rows.len().min(max - taken.len());
            taken.extend(self.rows.drain(..count));
        }
        Ok(taken)
    }

    /// Reads events that wait, if no row of earlier ones is left; answers how many, and one at least, so that whoever counts comes to an end.
    fn read(&mut self) -> usize {
        let mut count = 0;
        while self.rows.is_empty() && self.over.is_none() {
            let waiting = self.outbox.take(READ_BYTES);
            if waiting.is_empty() {
                return count.max(1);
            }
            count += waiting.len();
            for notification in waiting {
                match self.form.read(&notification.payload) {
                    Ok(Told::Rows(rows)) => self.rows.extend(rows),
                    Ok(Told::Resync(reason)) => self.over = Some(Over::Resync(reason)),
                    Ok(Told::End(reason)) => self.over = Some(Over::End(reason)),
                    Ok(Told::Nothing) => {}
                    Err(error) => self.over = Some(Over::Resync(error.message.clone().into_owned())),
                }
                if self.over.is_some() {
                    break;
                }
            }
        }
        count.max(1)
    }
}

impl Drop for PulledRows {
    fn drop(&mut self) {
        self.registry.unlisten(self.outbox.id, None);
    }
}

impl Over {
    fn error(&self) -> Error {
        match self {
            Over::Resync(reason) => {
                let message = format!("live query has to be begun again: {reason}");
                Error::new(SqlState::INVALID_CURSOR_STATE, message)
                    .with_hint("A new one begins with all rows that there are then.")
            }
            Over::End(reason) => Error::new(SqlState::INVALID_CURSOR_NAME, format!("live query has ended: {reason}")),
        }
    }
}
