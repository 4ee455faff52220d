//! The fast path of table locks: the modes that every query and every write takes.
//!
//! AccessShare, RowShare and RowExclusive do not exclude each other. As long as nobody holds or wants a stronger mode of a
//! table they are only noted, in a stripe chosen by the transaction, so that all the statements on one table do not meet
//! at one mutex. Who wants a stronger mode first says so and then moves what is noted into the lock's queue (PostgreSQL's
//! fast-path locking works the same way).
//!
//! A stripe is locked after a shard or alone; nobody locks a shard while holding a stripe.

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::mode::{Mode, Modes};
use super::queue::{Answer, Queue};
use crate::id::{TableId, TransactionId};

/// Stripes; transactions are spread over them by their number.
const STRIPES: usize = 16;
/// Counters of stronger modes; tables that share one only lose the fast path together.
const COUNTERS: usize = 256;

type Notes = FxHashMap<(TransactionId, TableId), Modes>;

#[derive(Debug, Default)]
#[repr(align(64))]
struct Stripe(Mutex<Notes>);

/// The noted weak locks of all tables.
#[derive(Debug)]
pub(super) struct WeakLocks {
    stripes: [Stripe; STRIPES],
    /// How many stronger modes are held or wanted.
    stronger: Box<[AtomicU32]>,
}

impl WeakLocks {
    pub(super) fn new() -> Self {
        Self { stripes: Default::default(), stronger: (0..COUNTERS).map(|_| AtomicU32::new(0)).collect() }
    }

    /// Notes a weak lock. `None`: somebody holds or wants a stronger one, so that it is a matter for the queue.
    pub(super) fn request(&self, owner: TransactionId, table: TableId, mode: Mode) -> Option<Answer> {
        let mut notes = self.stripe(owner).lock();
        // Looked at with the stripe locked: whoever counts up later finds the note.
        if self.counter(table).load(Ordering::SeqCst) != 0 {
            return None;
        }
        let held = notes.entry((owner, table)).or_default();
        if held.cover(mode) {
            return Some(Answer::Held);
        }
        *held = held.with(mode.bit());
        Some(Answer::Granted)
    }

    /// Gives up a noted lock; false if it is not noted, so that it is in the queue.
    pub(super) fn release(&self, owner: TransactionId, table: TableId, mode: Mode) -> bool {
        let mut notes = self.stripe(owner).lock();
        let Some(held) = notes.get_mut(&(owner, table)) else { return false };
        if !held.intersects(mode.bit()) {
            return false;
        }
        *held = held.without(mode.bit());
        if held.is_empty() {
            notes.remove(&(owner, table));
        }
        true
    }

    /// From now on nobody notes weak locks of the table.
    pub(super) fn close(&self, table: TableId) {
        self.counter(table).fetch_add(1, Ordering::SeqCst);
    }

    /// Undoes one `close`.
    pub(super) fn open(&self, table: TableId) {
        self.counter(table).fetch_sub(1, Ordering::SeqCst);
    }

    /// Moves what is noted of a closed table into its queue, whose shard the caller has locked: who gives a lock up
    /// meanwhile and does not find it noted then finds it in the queue.
    pub(super) fn move_into(&self, table: TableId, queue: &mut Queue) {
        for stripe in &self.stripes {
            stripe.0.lock().retain(|(owner, noted), modes| {
                if *noted == table {
                    modes.iter().for_each(|mode| queue.grant(*owner, mode));
                }
                *noted != table
            });
        }
    }

    /// Every noted lock.
    pub(super) fn list(&self) -> Vec<(TransactionId, TableId, Modes)> {
        let all = self.stripes.iter().map(|stripe| stripe.0.lock());
        all.flat_map(|notes| notes.iter().map(|((owner, table), modes)| (*owner, *table, *modes)).collect::<Vec<_>>())
            .collect()
    }

    fn stripe(&self, owner: TransactionId) -> &Mutex<Notes> {
        &self.stripes[owner.0 as usize % STRIPES].0
    }

    fn counter(&self, table: TableId) -> &AtomicU32 {
        &self.stronger[table.0 as usize % COUNTERS]
    }
}
