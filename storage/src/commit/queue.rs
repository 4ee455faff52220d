//! Where write sets wait for the committer: bounded, first come first served.
//!
//! Overflow policy: whoever submits waits (asynchronously) until the committer has taken what is there.

use std::mem;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Semaphore, oneshot};

use super::request::CommitRequest;
use crate::error::Result;
use crate::id::CommitSeq;

/// How many write sets may wait.
const QUEUE_REQUESTS_MAX: usize = 4096;

/// A write set that waits, and who waits for it.
pub(super) struct Pending {
    pub(super) request: CommitRequest,
    pub(super) done: oneshot::Sender<Result<CommitSeq>>,
}

/// What the committer wakes up for.
pub(super) enum Wake {
    /// Everything that waits, in order; never empty.
    Requests(Vec<Pending>),
    /// Nothing came within the time given.
    Timeout,
    /// The store shuts down and nothing waits any more.
    Closed,
}

#[derive(Default)]
struct State {
    waiting: Vec<Pending>,
    closed: bool,
}

pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    /// Places left.
    places: Semaphore,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
            arrived: Condvar::new(),
            places: Semaphore::new(QUEUE_REQUESTS_MAX),
        }
    }

    /// How many write sets wait.
    pub(super) fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Puts a write set in line. `None` when the queue is closed. A future dropped before it is done has submitted nothing.
    pub(super) async fn submit(&self, request: CommitRequest) -> Option<oneshot::Receiver<Result<CommitSeq>>> {
        let place = self.places.acquire().await.ok()?;
        let (done, answer) = oneshot::channel();
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        state.waiting.push(Pending { request, done });
        place.forget();
        // Only the first in line finds the committer asleep: it takes everything at once.
        if state.waiting.len() == 1 {
            self.arrived.notify_one();
        }
        drop(state);
        Some(answer)
    }

    /// Takes everything that waits, or waits until `deadline` for the first.
    pub(super) fn take(&self, deadline: Option<Duration>) -> Wake {
        let mut state = self.state.lock();
        if state.waiting.is_empty() && !state.closed {
            match deadline {
                None => self.arrived.wait_while(&mut state, |state| state.waiting.is_empty() && !state.closed),
                Some(deadline) => {
                    let until = Instant::now() + deadline;
                    while state.waiting.is_empty() && !state.closed {
                        if self.arrived.wait_until(&mut state, until).timed_out() {
                            break;
                        }
                    }
                }
            }
        }
        if state.waiting.is_empty() {
            return if state.closed { Wake::Closed } else { Wake::Timeout };
        }
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        self.places.add_permits(waiting.len());
        Wake::Requests(waiting)
    }

    /// Nothing more is accepted; what waits is still taken.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.places.close();
        self.arrived.notify_all();
    }
}
