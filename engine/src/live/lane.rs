//! Lanes: what may take long to evaluate is evaluated aside, on the query threads, so that no query keeps the dispatcher from
//! the others.
//!
//! Each query has a lane of commits that it has still to look at, in their order. As a rule it is empty, and the dispatcher
//! evaluates at once. What is put into a lane instead: commits that concern a query whose expressions may be costly, or have
//! been, commits past what is evaluated at once, and whatever comes while something is left in the lane. So followers are told
//! in commit order, whatever takes how long. A few lanes are worked on at a time, a commit of each in turn.
//!
//! Overflow policy: a lane that would hold more than [`LANE_BYTES_MAX`] of commits ends delivery with a `resync`; while all
//! lanes hold more than [`LANES_BYTES_MAX`], so does one that would hold more than [`LANE_BYTES_MIN`].

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use storage::{Change, CommitRecord};

use super::outbox::Wakes;
use super::query::LiveQuery;
use super::registry::{Ground, Registry, failed};
use super::subscription::Subscription;

/// Commits that may wait for one query, counted whole, since they are kept whole.
pub(super) const LANE_BYTES_MAX: usize = 16 << 20;
/// What may in any case.
const LANE_BYTES_MIN: usize = 64 << 10;
/// What waits in all lanes before each is cut, commits that they share counted for each.
const LANES_BYTES_MAX: usize = 256 << 20;

/// Lanes that are worked on at once.
const WORKERS_MAX: usize = 2;

/// Changed rows that the dispatcher looks at itself for all queries that one commit concerns.
pub(super) const ROWS_AT_ONCE_MAX: usize = 2_000;

/// A commit that took longer was slow; a query for which two in a row were is evaluated aside until one is not.
const SLOW: Duration = Duration::from_millis(20);
const SLOW_IN_A_ROW: usize = 2;

pub(super) const OVERFLOWS: &str = "the query cannot keep up with the changes";

/// What one query has still to look at.
#[derive(Default)]
pub(super) struct Lane {
    waiting: Mutex<Waiting>,
    /// How many commits in a row were slow.
    slow: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    commits: VecDeque<Work>,
    bytes: usize,
    /// A worker has it or will have it.
    is_listed: bool,
}

/// What one commit changed of the rows that one query asks for.
pub(super) struct Work {
    record: Arc<CommitRecord>,
    /// Places among the commit's changes.
    changes: Vec<u32>,
    /// Who alone is told; None: all who follow the query.
    joined: Option<Arc<Subscription>>,
    bytes: usize,
}

/// The lanes that have work, and who does it.
#[derive(Default)]
pub(super) struct Lanes {
    state: Mutex<Listed>,
    bytes: AtomicUsize,
}

#[derive(Default)]
struct Listed {
    lanes: VecDeque<Arc<LiveQuery>>,
    workers: usize,
}

impl Work {
    pub(super) fn new(record: &Arc<CommitRecord>, changes: Vec<u32>, joined: Option<Arc<Subscription>>) -> Self {
        let bytes = mem::size_of::<Work>() + changes.len() * mem::size_of::<u32>() + record.bytes();
        Self { record: record.clone(), changes, joined, bytes }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn for_one(self, joined: &Arc<Subscription>) -> Self {
        Self { joined: Some(joined.clone()), ..self }
    }
}

/// The changes at these places of a commit.
pub(super) fn changes_at<'r>(record: &'r CommitRecord, places: &'r [u32]) -> impl Iterator<Item = &'r Change> {
    places.iter().filter_map(|place| record.changes.get(*place as usize))
}

impl Lane {
    /// Whether commits may be evaluated at once: nothing of before is left to be told.
    pub(super) fn is_free(&self) -> bool {
        !self.waiting.lock().is_listed
    }

    /// Whether what it had to look at lately took long.
    pub(super) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed) >= SLOW_IN_A_ROW
    }

    /// Nobody follows the query any more: nothing is left to look at.
    pub(super) fn empty(&self) {
        // What is counted is taken off the count when its turn comes.
        self.waiting.lock().commits = VecDeque::new();
    }

    /// Remembers how long a commit took that was begun at such a time.
    pub(super) fn took(&self, begun: Instant) {
        if begun.elapsed() > SLOW {
            self.slow.fetch_add(1, Ordering::Relaxed);
        } else if self.slow.load(Ordering::Relaxed) != 0 {
            self.slow.store(0, Ordering::Relaxed);
        }
    }
}

impl Lanes {
    /// Puts a commit behind what a query has still to look at; false if there is no room.
    pub(super) fn put(&self, registry: &Arc<Registry>, query: &Arc<LiveQuery>, work: Work) -> bool {
        {
            let mut waiting = query.lane.waiting.lock();
            let crowded = self.bytes.load(Ordering::Relaxed) > LANES_BYTES_MAX;
            let bytes_max = if crowded { LANE_BYTES_MIN } else { LANE_BYTES_MAX };
            // One commit has room however large it is: it is in memory in any case.
            if waiting.bytes + work.bytes > bytes_max && !waiting.commits.is_empty() {
                return false;
            }
            waiting.bytes += work.bytes;
            self.bytes.fetch_add(work.bytes, Ordering::Relaxed);
            waiting.commits.push_back(work);
            if mem::replace(&mut waiting.is_listed, true) {
                return true;
            }
        }
        self.list(registry, query);
        true
    }

    /// Has somebody work on a lane.
    fn list(&self, registry: &Arc<Registry>, query: &Arc<LiveQuery>) {
        let Some(ground) = registry.ground() else { return };
        let mut state = self.state.lock();
        state.lanes.push_back(query.clone());
        if state.workers < WORKERS_MAX {
            state.workers += 1;
            ground.environment.handle().spawn(work(registry.clone()));
        }
    }

    /// The lane whose turn it is; None when a worker has nothing to do any more.
    fn next(&self) -> Option<Arc<LiveQuery>> {
        let mut state = self.state.lock();
        let next = state.lanes.pop_front();
        if next.is_none() {
            state.workers -= 1;
        }
        next
    }

    fn take(&self, query: &LiveQuery) -> Option<Work> {
        let mut waiting = query.lane.waiting.lock();
        let work = waiting.commits.pop_front()?;
        self.forget(&mut waiting, work.bytes);
        Some(work)
    }

    fn forget(&self, waiting: &mut Waiting, bytes: usize) {
        waiting.bytes -= bytes;
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// After a turn: the lane comes again, behind the others, or is free.
    fn turn_ended(&self, query: Arc<LiveQuery>) {
        {
            let mut waiting = query.lane.waiting.lock();
            if waiting.commits.is_empty() {
                let bytes = waiting.bytes;
                self.forget(&mut waiting, bytes);
                *waiting = Waiting::default();
                return;
            }
        }
        self.state.lock().lanes.push_back(query);
    }
}

/// Works on lanes until none is left.
async fn work(registry: Arc<Registry>) {
    let Some(ground) = registry.ground() else { return };
    while let Some(query) = registry.lanes.next() {
        if let Some(work) = registry.lanes.take(&query) {
            // Other work of this thread goes to another one, however long this takes.
            tokio::task::block_in_place(|| look_at(&registry, ground, &query, &work));
        }
        registry.lanes.turn_ended(query);
        tokio::task::yield_now().await;
    }
}

/// Evaluates a commit and tells who follows.
fn look_at(registry: &Registry, ground: &Ground, query: &Arc<LiveQuery>, work: &Work) {
    let (begun, seq) = (Instant::now(), work.record.seq);
    let mut changes = changes_at(&work.record, &work.changes);
    let event = query.plan.event(&mut changes, &query.context(), seq, &ground.store);
    query.lane.took(begun);
    match (event, &work.joined) {
        (Ok(None), _) => {}
        (Ok(Some(payload)), None) => registry.announce(query, &payload, seq, &mut Wakes::default()),
        (Ok(Some(payload)), Some(joined)) => {
            if !joined.tell(payload, seq, &mut Wakes::default()) {
                registry.leave_out(joined);
            }
        }
        (Err(error), None) => registry.interrupt(query, seq, &failed(&error)),
        (Err(error), Some(joined)) => {
            joined.resync(seq, &failed(&error));
            registry.leave_out(joined);
        }
    }
}
