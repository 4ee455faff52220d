//! What reaches a client without being asked for: NOTIFY, and the changes of live queries.
//!
//! One notification's way through here:
//!
//! 1. NOTIFY and `pg_notify` gather in the transaction (`notify`); its commit carries them into the change feed.
//! 2. The dispatcher reads the feed, commit by commit (`dispatch`), and hands the messages to whoever listens
//!    (`listeners`), and the changes to the live queries (`registry`). What may take long is evaluated aside (`lane`).
//! 3. What a session is to be told waits in its `outbox`, from which the server takes it when the client is idle.
//!
//! Cursors and COPY over a live query have outboxes of their own, from which their rows are pulled (`pull`, `row_form`).
//!
//! Nothing here is on a commit's way, and nothing waits for a client.

mod difference;
pub(crate) mod dispatch;
mod event;
mod follow;
mod index;
mod key;
mod lane;
mod last_rows;
mod listeners;
pub(crate) mod notify;
pub(crate) mod outbox;
mod per_change;
mod plan;
mod pull;
mod query;
mod refused;
pub(crate) mod registry;
mod rerun;
mod row_form;
mod rules;
mod subscription;
mod terms;
mod walk;

use std::sync::Arc;

use tokio::sync::watch;

pub(crate) use difference::Answer;
pub(crate) use dispatch::{Attendance, Dispatcher};
pub(crate) use event::Form;
pub(crate) use follow::Joining;
pub(crate) use last_rows::backwards;
pub(crate) use listeners::Listeners;
pub use notify::SessionChannels;
pub(crate) use notify::{Action, Mark};
use outbox::Totals;
pub use outbox::{Notification, Outbox};
pub(crate) use plan::LivePlan;
pub(crate) use pull::PulledRows;
pub(crate) use registry::Registry;
pub(crate) use rerun::gathered;
pub(crate) use row_form::{Op, RowForm, prefix};
pub(crate) use subscription::{Follower, Subscription};

use crate::error::Result;

/// All that a database's sessions share here.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// Bytes that wait in all outboxes.
    queued: Arc<Totals>,
    pub(crate) limits: LiveLimits,
    /// Whether the server stops: nobody waits for changes any more.
    stops: watch::Sender<bool>,
}

/// How many live queries there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLimits {
    /// Of one session at a time.
    pub session_queries_max: usize,
    /// Of one user at a time, in all sessions.
    pub user_queries_max: usize,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self { session_queries_max: 1_000, user_queries_max: 20_000 }
    }
}

impl Live {
    /// Nobody listens yet.
    pub(crate) fn start(limits: LiveLimits) -> Result<Self> {
        let listeners: Arc<Listeners> = Arc::default();
        let registry: Arc<Registry> = Arc::default();
        let dispatcher = Dispatcher::start(listeners.clone(), registry.clone())?;
        Ok(Self { listeners, registry, dispatcher, queued: Arc::default(), limits, stops: watch::Sender::new(false) })
    }

    /// An outbox for one more session.
    pub(crate) fn new_outbox(&self) -> Arc<Outbox> {
        Outbox::new(&self.queued)
    }

    /// Whoever waits for changes is told that the server stops.
    pub(crate) fn stop(&self) {
        self.stops.send_replace(true);
    }

    /// Nothing more is told.
    pub(crate) fn close(&self) {
        self.dispatcher.close();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.close();
    }
}
