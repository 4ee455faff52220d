//! The dispatcher: the one reader of the change feed that hands out what clients are told.
//!
//! It has a thread of its own, so that no query keeps it waiting, and reads only while somebody attends: a commit on a
//! server where nobody listens wakes nobody. Commit by commit it gives the messages to the listeners and the changes to the
//! live queries, and then says how far it has come, so that a session can wait until what was committed before is there.
//!
//! It cannot lose a message by being slow: the feed keeps messages for it when their commits leave the ring. The changes
//! are not kept so, and live queries learn that they have lost some. What is kept is bounded where NOTIFY commits.

use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use storage::{ChangeReader, CommitSeq, FeedEnd, Store};
use tokio::sync::{Notify, watch};

use super::outbox::Wakes;
use super::{Listeners, Registry};
use crate::error::{Error, Result};

/// Commits that are handed out before who is told of them is woken, and the dispatcher says how far it has come.
const BATCH_COMMITS_MAX: usize = 64;

/// Room for expressions that are as deep as a statement may nest them, through views too, as connections' threads have it.
const STACK_BYTES: usize = 64 << 20;

/// The door to the dispatcher's thread.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    state: Mutex<State>,
    /// Told when the state has something for the thread to do.
    wake: Notify,
    passed: watch::Sender<CommitSeq>,
}

#[derive(Debug)]
struct State {
    /// Who needs what the feed has.
    attending: usize,
    stage: Stage,
}

/// What the thread does, or is to do.
#[derive(Debug)]
enum Stage {
    /// Nobody attends: the feed is not read.
    Asleep,
    /// It is to begin reading here.
    Called(ChangeReader),
    Reading,
    Closed,
}

/// Keeps the dispatcher reading until it is dropped.
#[derive(Debug)]
pub(crate) struct Attendance {
    dispatcher: Arc<Dispatcher>,
}

impl Dispatcher {
    /// Starts the thread.
    pub(crate) fn start(listeners: Arc<Listeners>, registry: Arc<Registry>) -> Result<Arc<Self>> {
        let dispatcher = Arc::new(Self {
            state: Mutex::new(State { attending: 0, stage: Stage::Asleep }),
            wake: Notify::new(),
            passed: watch::Sender::new(CommitSeq(0)),
        });
        let failed = |error: std::io::Error| Error::internal(format!("the dispatcher cannot be started: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failed)?;
        let reading = Reading { dispatcher: dispatcher.clone(), listeners, registry };
        let thread = thread::Builder::new().name("dispatcher".into()).stack_size(STACK_BYTES);
        thread.spawn(move || runtime.block_on(reading.run())).map_err(failed)?;
        Ok(dispatcher)
    }

    /// Has every commit handed out that is not in the feed yet. The caller registers whatever is to be told before it lets go of what it knows.
    pub(crate) fn attend(self: &Arc<Self>, store: &Store) -> Attendance {
        let mut state = self.state.lock();
        state.attending += 1;
        if let Stage::Asleep = state.stage {
            let reader = store.follow();
            // Nobody was to be told anything before.
            self.passed.send_replace(reader.last());
            state.stage = Stage::Called(reader);
            self.wake.notify_one();
        }
        Attendance { dispatcher: self.clone() }
    }

    /// Until everything up to a commit that is in the feed has been handed out.
    pub(crate) async fn passed_by(&self, seq: CommitSeq) {
        if *self.passed.borrow() >= seq {
            return;
        }
        // The sender is `self`, so the channel outlives the wait.
        let _ = self.passed.subscribe().wait_for(|passed| *passed >= seq).await;
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        self.state.lock().stage = Stage::Closed;
        self.passed.send_replace(CommitSeq(u64::MAX));
        self.wake.notify_one();
    }

    /// Where to read from, once somebody attends; None when all is over.
    async fn called(&self) -> Option<ChangeReader> {
        loop {
            let woken = self.wake.notified();
            {
                let mut state = self.state.lock();
                match std::mem::replace(&mut state.stage, Stage::Reading) {
                    Stage::Called(reader) => return Some(reader),
                    Stage::Closed => {
                        state.stage = Stage::Closed;
                        return None;
                    }
                    Stage::Asleep | Stage::Reading => state.stage = Stage::Asleep,
                }
            }
            woken.await;
        }
    }

    /// What to go on reading; when nobody attends any more, the reader goes before another can be called for.
    fn go_on<'r>(&self, reader: &'r mut Option<ChangeReader>) -> Option<&'r mut ChangeReader> {
        let mut state = self.state.lock();
        if let Stage::Reading = state.stage
            && state.attending == 0
        {
            state.stage = Stage::Asleep;
        }
        if !matches!(state.stage, Stage::Reading) {
            *reader = None;
        }
        reader.as_mut()
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.dispatcher.state.lock().attending -= 1;
    }
}

/// What the thread works with.
struct Reading {
    dispatcher: Arc<Dispatcher>,
    listeners: Arc<Listeners>,
    registry: Arc<Registry>,
}

impl Reading {
    async fn run(self) {
        let mut wakes = Wakes::default();
        while let Some(reader) = self.dispatcher.called().await {
            let mut reader = Some(reader);
            while let Some(reader) = self.dispatcher.go_on(&mut reader) {
                match reader.next_batch(BATCH_COMMITS_MAX).await {
                    Ok(records) => {
                        for record in &records {
                            self.listeners.deliver(record.seq, &record.messages, &mut wakes);
                            self.registry.deliver(record, &mut wakes);
                        }
                    }
                    Err(FeedEnd::Lagged) => {
                        for (seq, messages) in reader.skip_missed() {
                            self.listeners.deliver(seq, &messages, &mut wakes);
                        }
                        self.registry.lost(reader.last());
                    }
                    Err(FeedEnd::Closed) => return self.dispatcher.close(),
                }
                self.registry.batch_ended(reader.last());
                wakes.wake();
                // Unless it was closed meanwhile, which has passed everything.
                self.dispatcher.passed.send_if_modified(|passed| {
                    let further = *passed < reader.last();
                    *passed = (*passed).max(reader.last());
                    further
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
