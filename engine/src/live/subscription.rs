//! One client's following of a live query, under a channel of its session.
//!
//! Overflow policy: events that a client leaves unread are replaced by one `resync` when they would take more than
//! [`QUEUE_BYTES_MAX`], or than the outbox has room for; nothing follows it until the client says LISTEN again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use auth::RoleId;
use bytes::Bytes;
use storage::{Attending, CommitSeq};

use super::event;
use super::outbox::{Account, Notification, Outbox, Wakes};
use super::query::LiveQuery;

/// Bytes of events that may wait for one client of one live query. A single event may be larger if nothing else waits.
pub(crate) const QUEUE_BYTES_MAX: usize = 4 << 20;

/// What the first event begins with: it is never dropped for those after it.
const READY: &[u8] = b"{\"type\":\"ready\"";

/// A client that follows a live query.
pub(crate) struct Subscription {
    pub(crate) live_id: String,
    pub(crate) channel: Arc<str>,
    pub(crate) query: Arc<LiveQuery>,
    pub(crate) outbox: Arc<Outbox>,
    account: Arc<Account>,
    pub(crate) process_id: i32,
    /// Whose session it is.
    pub(crate) user: RoleId,
    /// Microseconds since 1970-01-01 UTC.
    pub(crate) created_at: i64,
    events: AtomicU64,
    /// Whether the client has to say LISTEN again.
    is_out: AtomicBool,
    /// Keeps the rows of ephemeral streams while it lives.
    _attending: Vec<Attending>,
}

/// What a subscription begins with.
pub(crate) struct Follower {
    pub(crate) live_id: String,
    pub(crate) channel: Arc<str>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) process_id: i32,
    pub(crate) user: RoleId,
    pub(crate) created_at: i64,
}

impl Subscription {
    pub(super) fn new(follower: Follower, query: Arc<LiveQuery>, attending: Vec<Attending>) -> Self {
        let Follower { live_id, channel, outbox, process_id, user, created_at } = follower;
        let (account, events, is_out) = Default::default();
        Self {
            live_id,
            channel,
            query,
            outbox,
            account,
            process_id,
            user,
            created_at,
            events,
            is_out,
            _attending: attending,
        }
    }

    /// Events sent or waiting to be.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Bytes that wait for the client.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.account.bytes()
    }

    pub(crate) fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Relaxed)
    }

    /// Tells the client that it follows the query from now on.
    pub(super) fn begin(&self, ready: Bytes) {
        self.push_always(ready);
    }

    /// Tells the client; false if it follows no more.
    pub(super) fn tell(&self, payload: Bytes, seq: CommitSeq, wakes: &mut Wakes) -> bool {
        if self.is_out() {
            return false;
        }
        let bytes_max = if self.queue_bytes() == 0 { usize::MAX } else { QUEUE_BYTES_MAX };
        if self.outbox.push_within(self.notification(payload), bytes_max, wakes).is_ok() {
            self.events.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        self.resync(seq, "slow consumer");
        false
    }

    /// Nothing follows until the client says LISTEN again.
    pub(super) fn resync(&self, seq: CommitSeq, reason: &str) {
        if self.is_out.swap(true, Ordering::Relaxed) {
            return;
        }
        self.drop_waiting();
        self.push_always(event::resync(seq, reason));
    }

    /// Nothing follows at all.
    pub(super) fn end(&self, reason: &str) {
        self.is_out.store(true, Ordering::Relaxed);
        self.push_always(event::end(reason));
    }

    fn push_always(&self, payload: Bytes) {
        self.outbox.push_always(self.notification(payload), &mut Wakes::default());
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    fn notification(&self, payload: Bytes) -> Notification {
        let (process_id, channel) = (self.process_id, self.channel.clone());
        Notification { process_id, channel, payload, account: Some(self.account.clone()) }
    }

    /// The client no longer wants what waits for it.
    pub(super) fn forget(&self) {
        self.is_out.store(true, Ordering::Relaxed);
        self.outbox.discard(|waiting| self.is_own(waiting));
    }

    fn drop_waiting(&self) {
        self.outbox.discard(|waiting| self.is_own(waiting) && !waiting.payload.starts_with(READY));
    }

    fn is_own(&self, waiting: &Notification) -> bool {
        waiting.account.as_ref().is_some_and(|account| Arc::ptr_eq(account, &self.account))
    }
}
