//! A session's outbox: what its client is to be told as soon as it is idle.
//!
//! It is made when a session first listens, so that others pay nothing. The dispatcher puts notifications in, the
//! connection takes them out; neither waits for the other. Connections are woken when a batch of commits has been handed
//! out ([`Wakes`]), so that each writes what is there at once. Overflow policy: a session that leaves more than
//! [`SESSION_QUEUE_BYTES_MAX`] of plain notifications unread is ended with an error, for none may be lost in silence; when
//! all sessions together leave more than [`QUEUES_BYTES_MAX`], that becomes [`SESSION_QUEUE_BYTES_MIN`]. What a live query
//! may leave unread counts in an [`Account`] of its own, and its owner decides what follows; all of that together has
//! the same bound, beyond which a live query may leave [`ACCOUNT_BYTES_MIN`].

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::error::{Error, SqlState};

/// What plain notifications may wait in one session's outbox, their payloads included.
pub(crate) const SESSION_QUEUE_BYTES_MAX: usize = 64 << 20;

/// What they may in any case.
const SESSION_QUEUE_BYTES_MIN: usize = 64 << 10;

/// What events of one live query may in any case.
const ACCOUNT_BYTES_MIN: usize = 64 << 10;

/// What plain notifications wait in all outboxes together, payloads that they share counted for each, before they are
/// cut. The same for events of live queries.
const QUEUES_BYTES_MAX: usize = 512 << 20;

/// Room for notifications that an empty outbox keeps.
const PLACES_KEPT_MAX: usize = 16;

/// One NotificationResponse.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The process id of the session that sent it.
    pub process_id: i32,
    pub channel: Arc<str>,
    /// Shared by all sessions that are told the same.
    pub payload: Bytes,
    /// Where it counts; None: among the session's plain notifications.
    pub(crate) account: Option<Arc<Account>>,
}

impl Notification {
    /// About how much memory it holds while it waits.
    fn bytes(&self) -> usize {
        Self::bytes_with(self.payload.len())
    }

    /// The same by the length of its payload.
    pub(crate) fn bytes_with(payload: usize) -> usize {
        mem::size_of::<Notification>() + payload
    }
}

/// What one live query has waiting in an outbox.
#[derive(Debug, Default)]
pub(crate) struct Account {
    bytes: AtomicUsize,
}

impl Account {
    /// Bytes that wait now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Bytes that wait in all outboxes.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    plain: AtomicUsize,
    /// Of live queries.
    events: AtomicUsize,
}

/// There is no room for a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Notifications that wait for one session's client.
#[derive(Debug)]
pub struct Outbox {
    /// Tells outboxes apart; never given twice in a process.
    pub(crate) id: u64,
    queue: Mutex<Queue>,
    /// Told when the first notification has come in, and when the outbox breaks.
    filled: Notify,
    totals: Arc<Totals>,
    home: Option<Home>,
}

/// The event loop of a connection.
#[derive(Debug, Clone)]
struct Home {
    thread: ThreadId,
    handle: Handle,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Notification>,
    plain_bytes: usize,
    event_bytes: usize,
    /// Something was lost: the session must end.
    broken: bool,
}

impl Outbox {
    /// An empty one that counts what it holds with others.
    pub(crate) fn new(totals: &Arc<Totals>) -> Arc<Self> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let home = Handle::try_current().ok().map(|handle| Home { thread: thread::current().id(), handle });
        Arc::new(Self { id, queue: Mutex::default(), filled: Notify::new(), totals: totals.clone(), home })
    }

    /// Adds a plain notification. Never waits.
    pub(crate) fn push(self: &Arc<Self>, notification: Notification, wakes: &mut Wakes) -> Result<(), Full> {
        debug_assert!(notification.account.is_none(), "what has an account comes by push_within");
        let mut queue = self.queue.lock();
        let bytes = notification.bytes();
        let crowded = self.totals.plain.load(Ordering::Relaxed) > QUEUES_BYTES_MAX;
        let bytes_max = if crowded { SESSION_QUEUE_BYTES_MIN } else { SESSION_QUEUE_BYTES_MAX };
        if queue.plain_bytes + bytes > bytes_max {
            return Err(Full);
        }
        self.add(&mut queue, notification, wakes);
        Ok(())
    }

    /// Adds a notification that counts in its account, of which no more than `bytes_max` may wait, and less while there is
    /// little room for all. Never waits.
    pub(crate) fn push_within(
        self: &Arc<Self>,
        notification: Notification,
        bytes_max: usize,
        wakes: &mut Wakes,
    ) -> Result<(), Full> {
        let waiting = notification.account.as_ref().map_or(0, |account| account.bytes());
        let crowded = self.totals.events.load(Ordering::Relaxed) > QUEUES_BYTES_MAX;
        let bytes_max = if crowded { bytes_max.min(ACCOUNT_BYTES_MIN) } else { bytes_max };
        if waiting.saturating_add(notification.bytes()) > bytes_max {
            return Err(Full);
        }
        self.push_always(notification, wakes);
        Ok(())
    }

    /// Adds a notification of a live query that must not be left out: there is a bounded number of those.
    pub(crate) fn push_always(self: &Arc<Self>, notification: Notification, wakes: &mut Wakes) {
        debug_assert!(notification.account.is_some(), "an event of a live query has its account");
        self.add(&mut self.queue.lock(), notification, wakes);
    }

    fn add(self: &Arc<Self>, queue: &mut Queue, notification: Notification, wakes: &mut Wakes) {
        if queue.broken {
            return;
        }
        let bytes = notification.bytes();
        match &notification.account {
            Some(account) => {
                account.bytes.fetch_add(bytes, Ordering::Relaxed);
                queue.event_bytes += bytes;
                self.totals.events.fetch_add(bytes, Ordering::Relaxed);
            }
            None => {
                queue.plain_bytes += bytes;
                self.totals.plain.fetch_add(bytes, Ordering::Relaxed);
            }
        }
        queue.waiting.push_back(notification);
        // Whoever has been told once takes everything.
        if queue.waiting.len() == 1 {
            wakes.add(self);
        }
    }

    /// Takes what has waited longest: one at least, if there is any, and more up to so many bytes.
    pub fn take(&self, bytes_max: usize) -> Vec<Notification> {
        let mut queue = self.queue.lock();
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(first) = queue.waiting.front() {
            bytes += first.bytes();
            if bytes > bytes_max && !taken.is_empty() {
                break;
            }
            let Some(first) = queue.waiting.pop_front() else { break };
            self.forget(&mut queue, &first);
            taken.push(first);
        }
        if queue.waiting.is_empty() && queue.waiting.capacity() > PLACES_KEPT_MAX {
            queue.waiting = VecDeque::new();
        }
        taken
    }

    /// How many wait.
    pub fn waiting_count(&self) -> usize {
        self.queue.lock().waiting.len()
    }

    /// Drops those that wait and that `unwanted` names.
    pub(crate) fn discard(&self, unwanted: impl Fn(&Notification) -> bool) {
        let mut queue = self.queue.lock();
        for notification in mem::take(&mut queue.waiting) {
            if unwanted(&notification) {
                self.forget(&mut queue, &notification);
            } else {
                queue.waiting.push_back(notification);
            }
        }
    }

    /// A notification of the session was lost: the session ends as soon as its connection looks.
    pub(crate) fn give_up(&self) {
        let mut queue = self.queue.lock();
        queue.broken = true;
        for notification in mem::take(&mut queue.waiting) {
            self.forget(&mut queue, &notification);
        }
        self.filled.notify_one();
    }

    /// Returns when something waits, or with what ends the session. For one waiter at a time; dropping it loses nothing.
    pub async fn filled(&self) -> Result<(), Error> {
        self.until(|queue| !queue.waiting.is_empty()).await
    }

    /// Returns what ends the session, and not before.
    pub async fn broken(&self) -> Error {
        match self.until(|_| false).await {
            Ok(()) => Error::internal("an outbox is waited for that never fills"),
            Err(error) => error,
        }
    }

    /// Whether something has been lost, as what ends the session.
    pub fn check(&self) -> Result<(), Error> {
        if self.queue.lock().broken { Err(unread()) } else { Ok(()) }
    }

    /// Takes a notification that has left the queue off the accounts.
    fn forget(&self, queue: &mut Queue, notification: &Notification) {
        let bytes = notification.bytes();
        match &notification.account {
            Some(account) => {
                account.bytes.fetch_sub(bytes, Ordering::Relaxed);
                queue.event_bytes -= bytes;
                self.totals.events.fetch_sub(bytes, Ordering::Relaxed);
            }
            None => {
                queue.plain_bytes -= bytes;
                self.totals.plain.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
    }

    async fn until(&self, reached: impl Fn(&Queue) -> bool) -> Result<(), Error> {
        loop {
            let told = self.filled.notified();
            {
                let queue = self.queue.lock();
                if queue.broken {
                    return Err(unread());
                }
                if reached(&queue) {
                    return Ok(());
                }
            }
            told.await;
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let queue = self.queue.get_mut();
        self.totals.plain.fetch_sub(queue.plain_bytes, Ordering::Relaxed);
        self.totals.events.fetch_sub(queue.event_bytes, Ordering::Relaxed);
    }
}

/// Connections to wake of one event loop that are woken there: to wake one from another thread costs a system call.
const WOKEN_FROM_AFAR_MAX: usize = 4;

/// Outboxes that were empty and are not: their connections are woken once, however much has come in. What is left when it
/// is dropped is woken then.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    homes: Vec<(Option<Home>, Vec<Arc<Outbox>>)>,
}

impl Wakes {
    fn add(&mut self, outbox: &Arc<Outbox>) {
        let thread = outbox.home.as_ref().map(|home| home.thread);
        let known = self.homes.iter_mut().find(|(home, _)| home.as_ref().map(|home| home.thread) == thread);
        match known {
            Some((_, outboxes)) => outboxes.push(outbox.clone()),
            None => self.homes.push((outbox.home.clone(), vec![outbox.clone()])),
        }
    }

    /// Wakes all that have been added.
    pub(crate) fn wake(&mut self) {
        for (home, outboxes) in &mut self.homes {
            match home {
                Some(home) if outboxes.len() > WOKEN_FROM_AFAR_MAX => {
                    let outboxes = mem::take(outboxes);
                    home.handle.spawn(async move { outboxes.iter().for_each(|outbox| outbox.filled.notify_one()) });
                }
                _ => outboxes.drain(..).for_each(|outbox| outbox.filled.notify_one()),
            }
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.wake();
    }
}

fn unread() -> Error {
    Error::new(SqlState::OUT_OF_MEMORY, "terminating connection because of too many unread notifications")
        .with_detail(format!("More than {} MB of notifications waited to be sent.", SESSION_QUEUE_BYTES_MAX >> 20))
        .with_hint("Read notifications as they come, and keep transactions of listening sessions short.")
}

#[cfg(test)]
mod tests;
