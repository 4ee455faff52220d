//! Deadlocks: whether a transaction that is about to wait would wait for itself.
//!
//! A transaction waits for those who hold the lock in a mode that conflicts, and for those ahead of it in the queue whose
//! request conflicts. It waits for one lock at a time, and every new edge of that graph begins or ends at the transaction
//! that acts, so looking once, when a wait begins, finds every cycle: the last member to register sees all the others.
//! The one that closes the cycle is the victim, unless letting somebody pass in a queue undoes it (PostgreSQL's "soft" deadlock).

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::queue::Queue;
use super::{LockName, LockTable, wake};
use crate::id::TransactionId;

/// Who waits for which lock. Locked before any shard, never while one is.
#[derive(Debug, Default)]
pub(super) struct WaitGraph {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By the one who stands for all that wait together: as who it is in the queue, and for what.
    locks: FxHashMap<TransactionId, (TransactionId, LockName)>,
    /// Transactions whose session has locks of its own, and who stands for both.
    sessions: FxHashMap<TransactionId, TransactionId>,
}

impl Waiting {
    /// Who stands for an owner of locks.
    fn party(&self, owner: TransactionId) -> TransactionId {
        self.sessions.get(&owner).copied().unwrap_or(owner)
    }

    fn get(&self, party: TransactionId) -> Option<&(TransactionId, LockName)> {
        self.locks.get(&party)
    }
}

impl LockTable {
    /// Registers that `owner`, already in the queue of `name`, waits for it. True: it would wait for itself.
    pub(super) fn closes_cycle(&self, owner: TransactionId, name: &LockName) -> bool {
        let mut waiting = self.graph.waiting.lock();
        let party = waiting.party(owner);
        waiting.locks.insert(party, (owner, name.clone()));
        match self.cycle(&waiting, party) {
            None => false,
            Some(members) => !members.iter().any(|member| self.lets_pass(&waiting, *member, party)),
        }
    }

    pub(super) fn no_longer_waits(&self, owner: TransactionId) {
        let mut waiting = self.graph.waiting.lock();
        let party = waiting.party(owner);
        waiting.locks.remove(&party);
    }

    /// Whom an owner of locks waits for now: those who hold the lock, and those ahead of it in the queue.
    pub(in crate::transaction) fn blockers_of(&self, owner: TransactionId) -> Vec<TransactionId> {
        let waiting = self.graph.waiting.lock();
        let Some((owner, name)) = waiting.get(waiting.party(owner)) else { return Vec::new() };
        let blockers = self.shard(name).lock().get(name).map(|queue| queue.blockers(*owner));
        blockers.map_or_else(Vec::new, |blockers| [blockers.holders, blockers.waiters].concat())
    }

    /// From now on a transaction and its session are one party.
    pub(super) fn join(&self, transaction: TransactionId, session: TransactionId) {
        self.graph.waiting.lock().sessions.insert(transaction, session);
    }

    pub(super) fn part(&self, transaction: TransactionId) {
        self.graph.waiting.lock().sessions.remove(&transaction);
    }

    /// The waiting parties on a way from `start` back to itself, if there is one.
    fn cycle(&self, waiting: &Waiting, start: TransactionId) -> Option<Vec<TransactionId>> {
        let mut came_from: FxHashMap<TransactionId, TransactionId> = FxHashMap::default();
        let mut seen: FxHashSet<TransactionId> = FxHashSet::default();
        let mut pending = vec![start];
        while let Some(member) = pending.pop() {
            let Some((owner, name)) = waiting.get(member) else { continue };
            let mut blockers = match self.shard(name).lock().get(name) {
                Some(queue) => queue.blockers(*owner),
                None => continue,
            };
            let parties = blockers.holders.iter_mut().chain(&mut blockers.waiters);
            parties.for_each(|blocker| *blocker = waiting.party(*blocker));
            if blockers.holders.contains(&start) || blockers.waiters.contains(&start) {
                return Some(std::iter::successors(Some(member), |at| came_from.get(at).copied()).collect());
            }
            // Whoever waits ahead for the same lock is blocked by nobody else than those found here.
            seen.extend(blockers.waiters);
            for holder in blockers.holders {
                if seen.insert(holder) {
                    came_from.insert(holder, member);
                    pending.push(holder);
                }
            }
        }
        None
    }

    /// Moves `member` to the front of the queue it is in, if neither it nor `start` is then in a cycle.
    fn lets_pass(&self, waiting: &Waiting, member: TransactionId, start: TransactionId) -> bool {
        let Some((owner, name)) = waiting.get(member) else { return false };
        let moved = {
            let mut shard = self.shard(name).lock();
            let queue = shard.get_mut(name);
            queue.and_then(|queue| {
                let place = queue.position(*owner).filter(|place| *place > 0)?;
                queue.reorder(place, 0);
                Some(place)
            })
        };
        let Some(place) = moved else { return false };
        let resolved = self.cycle(waiting, member).is_none() && self.cycle(waiting, start).is_none();
        wake(self.change(name, |queue| {
            if resolved {
                return queue.wake();
            }
            if let Some(now) = queue.position(*owner) {
                queue.reorder(now, place);
            }
            Vec::new()
        }));
        resolved
    }
}

/// Whom a waiter waits for, on the lock it waits for.
struct Blockers {
    holders: Vec<TransactionId>,
    waiters: Vec<TransactionId>,
}

impl Queue {
    /// Whom `owner` waits for, directly or through those ahead of it in this queue.
    fn blockers(&self, owner: TransactionId) -> Blockers {
        let mut blockers = Blockers { holders: Vec::new(), waiters: Vec::new() };
        let Some(place) = self.position(owner) else { return blockers };
        let line: Vec<_> = self.waiters().take(place + 1).map(|waiter| (waiter.owner, waiter.mode)).collect();
        let mut reached = vec![line[place]];
        let mut modes = line[place].1.bit();
        for (waiter, mode) in line[..place].iter().rev() {
            if mode.conflicts().intersects(modes) {
                modes = modes.with(mode.bit());
                reached.push((*waiter, *mode));
                blockers.waiters.push(*waiter);
            }
        }
        for holder in self.holders() {
            let blocks = |(waiter, mode): &(TransactionId, super::Mode)| {
                *waiter != holder.owner && mode.conflicts().intersects(holder.modes)
            };
            if reached.iter().any(blocks) {
                blockers.holders.push(holder.owner);
            }
        }
        blockers
    }
}
