//! One lock: who holds it and who waits for it, in order.
//!
//! A newcomer does not overtake a waiter that it conflicts with. A transaction that already holds the lock and wants it
//! stronger goes ahead of those who wait for it, because behind them it would wait for itself (PostgreSQL does the same).

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::mode::{Mode, Modes};
use crate::id::TransactionId;

/// Told to a waiter when the lock is its own.
pub(super) type Signal = oneshot::Sender<()>;

#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) owner: TransactionId,
    pub(super) modes: Modes,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) owner: TransactionId,
    pub(super) mode: Mode,
    signal: Signal,
}

/// What asking for a lock led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Now held in this mode.
    Granted,
    /// Held already, as strongly.
    Held,
    /// Not free.
    Busy,
}

/// The state of one lock. Most have a single holder, which is all that takes room in the table: there may be very many.
#[derive(Debug)]
pub(super) struct Queue {
    /// Nobody, if it is without modes; then there are no others either.
    first: Holder,
    more: Option<Box<More>>,
}

/// What few locks have.
#[derive(Debug, Default)]
struct More {
    holders: Vec<Holder>,
    waiters: VecDeque<Waiter>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { first: Holder { owner: TransactionId(0), modes: Modes::NONE }, more: None }
    }
}

impl Queue {
    /// Whether nobody holds or awaits the lock, so that it may be forgotten.
    pub(super) fn is_idle(&self) -> bool {
        self.first.modes.is_empty() && self.more.as_ref().is_none_or(|more| more.waiters.is_empty())
    }

    pub(super) fn holders(&self) -> impl Iterator<Item = &Holder> {
        let first = Some(&self.first).filter(|first| !first.modes.is_empty());
        first.into_iter().chain(self.more.iter().flat_map(|more| &more.holders))
    }

    pub(super) fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.more.iter().flat_map(|more| &more.waiters)
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Takes the lock if that is possible at once.
    pub(super) fn request(&mut self, owner: TransactionId, mode: Mode) -> Answer {
        let (own, others) = self.held(owner);
        if own.cover(mode) {
            return Answer::Held;
        }
        if mode.conflicts().intersects(others) {
            return Answer::Busy;
        }
        if self.waiters().take(self.place(own)).any(|waiter| mode.conflicts().intersects(waiter.mode.bit())) {
            return Answer::Busy;
        }
        self.grant(owner, mode);
        Answer::Granted
    }

    /// Queues for the lock.
    pub(super) fn enqueue(&mut self, owner: TransactionId, mode: Mode, signal: Signal) {
        let place = self.place(self.held(owner).0);
        self.more().waiters.insert(place, Waiter { owner, mode, signal });
    }

    /// Gives up `modes`; answers whom to wake.
    pub(super) fn release(&mut self, owner: TransactionId, modes: Modes) -> Vec<Signal> {
        if self.first.owner == owner {
            self.first.modes = self.first.modes.without(modes);
            if self.first.modes.is_empty()
                && let Some(next) = self.more.as_mut().and_then(|more| more.holders.pop())
            {
                self.first = next;
            }
        } else if let Some(more) = &mut self.more
            && let Some(at) = more.holders.iter().position(|holder| holder.owner == owner)
        {
            more.holders[at].modes = more.holders[at].modes.without(modes);
            if more.holders[at].modes.is_empty() {
                more.holders.swap_remove(at);
            }
        }
        self.wake()
    }

    /// Takes a transaction that no longer waits out of the queue, or gives up what it was granted meanwhile.
    pub(super) fn withdraw(&mut self, owner: TransactionId, mode: Mode) -> Vec<Signal> {
        match self.position(owner) {
            Some(at) => {
                self.more().waiters.remove(at);
                self.wake()
            }
            None => self.release(owner, mode.bit()),
        }
    }

    /// Grants the lock to every waiter that may have it now; answers whom to wake.
    pub(super) fn wake(&mut self) -> Vec<Signal> {
        let mut woken = Vec::new();
        let mut ahead = Modes::NONE;
        let mut at = 0;
        while let Some(&Waiter { owner, mode, .. }) = self.waiter(at) {
            let blockers = self.held(owner).1.with(ahead);
            if mode.conflicts().intersects(blockers) {
                ahead = ahead.with(mode.bit());
                at += 1;
            } else if let Some(waiter) = self.more().waiters.remove(at) {
                self.grant(owner, mode);
                woken.push(waiter.signal);
            }
        }
        woken
    }

    fn waiter(&self, at: usize) -> Option<&Waiter> {
        self.more.as_ref()?.waiters.get(at)
    }

    /// Where a transaction waits, if it does.
    pub(super) fn position(&self, owner: TransactionId) -> Option<usize> {
        self.waiters().position(|waiter| waiter.owner == owner)
    }

    /// Moves a waiter to another place in the queue.
    pub(super) fn reorder(&mut self, from: usize, to: usize) {
        let waiters = &mut self.more().waiters;
        if let Some(waiter) = waiters.remove(from) {
            let to = to.min(waiters.len());
            waiters.insert(to, waiter);
        }
    }

    /// The modes that `owner` holds and those that anybody else holds.
    fn held(&self, owner: TransactionId) -> (Modes, Modes) {
        self.holders().fold((Modes::NONE, Modes::NONE), |(own, others), holder| {
            if holder.owner == owner { (own.with(holder.modes), others) } else { (own, others.with(holder.modes)) }
        })
    }

    /// Where somebody who holds `own` queues: ahead of the first who waits for that, otherwise last.
    fn place(&self, own: Modes) -> usize {
        let all = self.more.as_ref().map_or(0, |more| more.waiters.len());
        let ahead = self.waiters().position(|waiter| waiter.mode.conflicts().intersects(own));
        ahead.filter(|_| !own.is_empty()).unwrap_or(all)
    }

    /// Makes `owner` a holder, without asking whether it may.
    pub(super) fn grant(&mut self, owner: TransactionId, mode: Mode) {
        if self.first.modes.is_empty() {
            self.first = Holder { owner, modes: mode.bit() };
        } else if self.first.owner == owner {
            self.first.modes = self.first.modes.with(mode.bit());
        } else {
            let holders = &mut self.more().holders;
            match holders.iter_mut().find(|holder| holder.owner == owner) {
                Some(holder) => holder.modes = holder.modes.with(mode.bit()),
                None => holders.push(Holder { owner, modes: mode.bit() }),
            }
        }
    }
}
