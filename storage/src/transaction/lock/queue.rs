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

/// The state of one lock. Most have a single holder, which needs no memory of its own.
#[derive(Debug, Default)]
pub(super) struct Queue {
    first: Option<Holder>,
    rest: Vec<Holder>,
    waiters: VecDeque<Waiter>,
}

impl Queue {
    /// Whether nobody holds or awaits the lock, so that it may be forgotten.
    pub(super) fn is_idle(&self) -> bool {
        self.first.is_none() && self.waiters.is_empty()
    }

    pub(super) fn holders(&self) -> impl Iterator<Item = &Holder> {
        self.first.iter().chain(&self.rest)
    }

    pub(super) fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.iter()
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
        if !self.waiters.is_empty() {
            let place = self.place(own);
            if self.waiters.range(..place).any(|waiter| mode.conflicts().intersects(waiter.mode.bit())) {
                return Answer::Busy;
            }
        }
        self.grant(owner, mode);
        Answer::Granted
    }

    /// Queues for the lock.
    pub(super) fn enqueue(&mut self, owner: TransactionId, mode: Mode, signal: Signal) {
        let place = self.place(self.held(owner).0);
        self.waiters.insert(place, Waiter { owner, mode, signal });
    }

    /// Gives up `modes`; answers whom to wake.
    pub(super) fn release(&mut self, owner: TransactionId, modes: Modes) -> Vec<Signal> {
        if let Some(first) = &mut self.first
            && first.owner == owner
        {
            first.modes = first.modes.without(modes);
            if first.modes.is_empty() {
                self.first = self.rest.pop();
            }
        } else if let Some(at) = self.rest.iter().position(|holder| holder.owner == owner) {
            self.rest[at].modes = self.rest[at].modes.without(modes);
            if self.rest[at].modes.is_empty() {
                self.rest.swap_remove(at);
            }
        }
        self.wake()
    }

    /// Takes a transaction that no longer waits out of the queue, or gives up what it was granted meanwhile.
    pub(super) fn withdraw(&mut self, owner: TransactionId, mode: Mode) -> Vec<Signal> {
        match self.position(owner) {
            Some(at) => {
                self.waiters.remove(at);
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
        while at < self.waiters.len() {
            let Waiter { owner, mode, .. } = self.waiters[at];
            let blockers = self.held(owner).1.with(ahead);
            if mode.conflicts().intersects(blockers) {
                ahead = ahead.with(mode.bit());
                at += 1;
            } else if let Some(waiter) = self.waiters.remove(at) {
                self.grant(owner, mode);
                woken.push(waiter.signal);
            }
        }
        woken
    }

    /// Where a transaction waits, if it does.
    pub(super) fn position(&self, owner: TransactionId) -> Option<usize> {
        self.waiters.iter().position(|waiter| waiter.owner == owner)
    }

    /// Moves a waiter to another place in the queue.
    pub(super) fn reorder(&mut self, from: usize, to: usize) {
        if let Some(waiter) = self.waiters.remove(from) {
            let to = to.min(self.waiters.len());
            self.waiters.insert(to, waiter);
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
        if own.is_empty() {
            return self.waiters.len();
        }
        self.waiters.iter().position(|waiter| waiter.mode.conflicts().intersects(own)).unwrap_or(self.waiters.len())
    }

    /// Makes `owner` a holder, without asking whether it may.
    pub(super) fn grant(&mut self, owner: TransactionId, mode: Mode) {
        let held = self.first.iter_mut().chain(&mut self.rest).find(|holder| holder.owner == owner);
        match held {
            Some(holder) => holder.modes = holder.modes.with(mode.bit()),
            None => {
                let holder = Holder { owner, modes: mode.bit() };
                if self.first.is_none() { self.first = Some(holder) } else { self.rest.push(holder) }
            }
        }
    }
}
