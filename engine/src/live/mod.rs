//! What reaches a client without being asked for: NOTIFY, and the changes of live queries.
//!
//! One notification's way through here:
//!
//! 1. NOTIFY and `pg_notify` gather in the transaction (`notify`); its commit carries them into the change feed.
//! 2. The dispatcher reads the feed, commit by commit (`dispatch`), and hands the messages to whoever listens
//!    (`listeners`), and the changes to the live queries (`registry`).
//! 3. What a session is to be told waits in its `outbox`, from which the server takes it when the client is idle.
//!
//! Nothing here is on a commit's way, and nothing waits for a client.

mod difference;
pub(crate) mod dispatch;
mod event;
mod follow;
mod index;
mod key;
mod last_rows;
mod listeners;
pub(crate) mod notify;
pub(crate) mod outbox;
mod per_change;
mod plan;
mod query;
mod refused;
pub(crate) mod registry;
mod rerun;
mod rules;
mod subscription;
mod walk;

use std::sync::Arc;

pub(crate) use difference::Answer;
pub(crate) use dispatch::{Attendance, Dispatcher};
pub(crate) use follow::Joining;
pub(crate) use last_rows::backwards;
pub(crate) use listeners::Listeners;
pub use notify::SessionChannels;
pub(crate) use notify::{Action, Mark};
use outbox::Totals;
pub use outbox::{Notification, Outbox};
pub(crate) use plan::LivePlan;
pub(crate) use registry::{Registry, SESSION_QUERIES_MAX, USER_QUERIES_MAX};
pub(crate) use rerun::gathered;
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
}

impl Live {
    /// Nobody listens yet.
    pub(crate) fn start() -> Result<Self> {
        let listeners: Arc<Listeners> = Arc::default();
        let registry: Arc<Registry> = Arc::default();
        let dispatcher = Dispatcher::start(listeners.clone(), registry.clone())?;
        Ok(Self { listeners, registry, dispatcher, queued: Arc::default() })
    }

    /// An outbox for one more session.
    pub(crate) fn new_outbox(&self) -> Arc<Outbox> {
        Outbox::new(&self.queued)
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
