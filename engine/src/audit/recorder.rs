//! The recorder: takes events from whoever has them and writes them in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use storage::{Durability, Isolation, Store, Transaction};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::event::{Action, Event};
use super::table::{AuditLimits, Table};
use crate::error::Result;

/// Events that wait to be written. More are not kept, but counted.
const QUEUE_EVENTS_MAX: usize = 8192;

/// How long events gather before they are written, and how many at most.
const GATHER: Duration = Duration::from_millis(50);
const BATCH_EVENTS_MAX: usize = 1024;

/// Failed logins that are told apart in one batch.
const FAILED_LOGINS_MAX: usize = 20;

/// The audit log of an open database.
pub(crate) struct Audit {
    table: Arc<Table>,
    queue: mpsc::Sender<Event>,
    /// Events that the queue had no room for and that no event tells of yet.
    lost: Arc<AtomicU64>,
    attempts: AtomicU64,
    writer: Mutex<Option<Writer>>,
}

/// The task that writes, and what ends it.
struct Writer {
    close: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Audit {
    /// Opens the log and starts the task that writes to it.
    pub(crate) fn open(store: &Store, limits: AuditLimits, handle: &Handle) -> Result<Self> {
        let table = Arc::new(Table::open(store, limits)?);
        let (queue, events) = mpsc::channel(QUEUE_EVENTS_MAX);
        let (close, closed) = oneshot::channel();
        let lost = Arc::<AtomicU64>::default();
        // It does not keep the store open: between batches nobody but the database holds it.
        let batches = Batches { table: Arc::downgrade(&table), events, lost: Arc::clone(&lost) };
        let task = handle.spawn(batches.write_all(closed));
        let writer = Mutex::new(Some(Writer { close, task }));
        Ok(Self { table, queue, lost, attempts: AtomicU64::new(0), writer })
    }

    /// Records an event soon. Never waits.
    pub(crate) fn record(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records an event as part of a transaction.
    pub(crate) fn write(&self, event: &Event, transaction: &mut Transaction) -> Result<()> {
        let (key, value) = self.table.entry(event)?;
        Ok(transaction.put_event(&key, value)?)
    }

    /// A name for an attempt to log in.
    pub(crate) fn attempt(&self, now: i64) -> String {
        format!("L{now:x}.{:x}", self.attempts.fetch_add(1, Ordering::Relaxed))
    }

    /// Every event, the oldest first.
    pub(crate) fn events(&self) -> Result<Vec<Event>> {
        self.table.events()
    }

    /// When each user logged in for the last time, as far as the log goes back. Reads the log.
    pub(crate) fn last_logins(&self) -> Result<FxHashMap<String, i64>> {
        self.table.last_logins()
    }

    /// About how many events are kept, how many wait to be written, and how many were lost lately.
    pub(crate) fn counts(&self) -> [u64; 3] {
        let waiting = QUEUE_EVENTS_MAX - self.queue.capacity();
        [self.table.len(), waiting as u64, self.lost.load(Ordering::Relaxed)]
    }

    /// Deletes what is too old or too much.
    pub(crate) fn expire(&self, now: i64) -> Result<()> {
        self.table.expire(now)
    }

    /// Writes what waits. What is recorded later is lost.
    pub(crate) async fn close(&self) {
        let Some(Writer { close, task }) = self.writer.lock().take() else { return };
        let _ = close.send(());
        // A failure to join means that writing panicked.
        if let Err(error) = task.await {
            tracing::error!(%error, "the end of the audit log could not be written");
        }
    }
}

/// What the writing task has.
struct Batches {
    table: std::sync::Weak<Table>,
    events: mpsc::Receiver<Event>,
    lost: Arc<AtomicU64>,
}

impl Batches {
    async fn write_all(mut self, mut closed: oneshot::Receiver<()>) {
        let mut is_closed = false;
        while !is_closed {
            let first = tokio::select! {
                biased;
                first = self.events.recv() => first,
                _ = &mut closed => None,
            };
            let Some(first) = first else { break };
            let mut batch = vec![first];
            let until = Instant::now() + GATHER;
            while !is_closed && batch.len() < BATCH_EVENTS_MAX {
                let next = tokio::select! {
                    biased;
                    next = timeout_at(until, self.events.recv()) => next,
                    _ = &mut closed => {
                        is_closed = true;
                        continue;
                    }
                };
                let Ok(Some(event)) = next else { break };
                batch.push(event);
            }
            self.write(batch).await;
        }
        self.events.close();
        let mut rest = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            rest.push(event);
        }
        self.write(rest).await;
    }

    async fn write(&self, batch: Vec<Event>) {
        let Some(table) = self.table.upgrade() else { return };
        let mut batch = folded(batch);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(lost, "events of the audit log were lost: more came than could be written");
            let now = table.store.environment().now_us();
            batch.push(Event::of_nobody(Action::Lost, now).with("events", lost));
        }
        if batch.is_empty() {
            return;
        }
        if let Err(error) = write_batch(&table, &batch).await {
            self.lost.fetch_add(lost + batch.len() as u64, Ordering::Relaxed);
            tracing::error!(%error, events = batch.len(), "events of the audit log could not be written");
        }
    }
}

async fn write_batch(table: &Table, batch: &[Event]) -> Result<()> {
    let mut transaction = table.store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    for event in batch {
        let (key, value) = table.entry(event)?;
        transaction.put_event(&key, value)?;
    }
    transaction.commit(Durability::Sync).await?;
    Ok(())
}

/// The same with those that repeat an earlier one only counted there. Of failed logins, of which anybody can cause as
/// many different ones as they like, some are told apart and the others counted.
pub(super) fn folded(batch: Vec<Event>) -> Vec<Event> {
    let mut kept: Vec<(Event, u64)> = Vec::new();
    let (mut failed_logins, mut others) = (0, 0_u64);
    for event in batch {
        if let Some((_, count)) = kept.iter_mut().rev().take(64).find(|(other, _)| event.repeats(other)) {
            *count += 1;
        } else if event.action == Action::LoginFailed && failed_logins == FAILED_LOGINS_MAX {
            others += 1;
        } else {
            failed_logins += usize::from(event.action == Action::LoginFailed);
            kept.push((event, 1));
        }
    }
    if others > 0
        && let Some((last, _)) = kept.iter_mut().rev().find(|(event, _)| event.action == Action::LoginFailed)
    {
        last.details.insert("and_others".to_owned(), others.into());
    }
    let told = |(event, count)| if count > 1 { Event::with(event, "repeated", count) } else { event };
    kept.into_iter().map(told).collect()
}
