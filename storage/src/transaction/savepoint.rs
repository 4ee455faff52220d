//! Savepoints: places in a transaction to come back to. They nest.

use super::write_set::Command;
use super::{HeldLocks, Transaction};

/// A place to come back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Savepoint(u64);

/// The active savepoints, outermost first.
#[derive(Debug, Default)]
pub(super) struct Savepoints {
    active: Vec<Active>,
    /// The number of the newest ever set; each has its own.
    last: u64,
}

/// What a savepoint remembers.
#[derive(Debug, Clone, Copy)]
struct Active {
    number: u64,
    /// The command in which it was set.
    command: Command,
    writes: Mark,
    locks: usize,
    definitions: super::definition::Mark,
}

/// What was written when a savepoint was set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    /// Where the log of the write set ended.
    pub(super) log: u64,
    /// How many layers lay beneath the write set.
    pub(super) layers: usize,
}

impl Savepoints {
    /// A number for something that happens now, to compare with savepoints.
    pub(super) fn now(&self) -> u64 {
        self.last
    }

    /// Whether some active savepoint is newer than `moment`, so that what was made then may outlive what happens now.
    pub(super) fn any_since(&self, moment: u64) -> bool {
        self.active.last().is_some_and(|innermost| innermost.number > moment)
    }

    /// Where the innermost active savepoint stands in the log of the write set.
    pub(super) fn mark(&self) -> Option<u64> {
        self.active.last().map(|active| active.writes.log)
    }

    /// Where all active savepoints stand, outermost first.
    pub(super) fn marks(&self) -> Vec<Mark> {
        self.active.iter().map(|active| active.writes).collect()
    }

    /// Says where they stand now.
    pub(super) fn set_marks(&mut self, marks: Vec<Mark>) {
        for (active, mark) in self.active.iter_mut().zip(marks) {
            active.writes = mark;
        }
    }

    /// Its place among the active ones.
    fn place(&self, savepoint: &Savepoint) -> Option<usize> {
        self.active.iter().position(|active| active.number == savepoint.0)
    }
}

impl Transaction {
    /// Sets a savepoint inside those that are active.
    pub fn savepoint(&mut self) -> Savepoint {
        self.savepoints.last += 1;
        let number = self.savepoints.last;
        let log = self.writes.as_ref().map_or(0, |writes| writes.read().log_end());
        let layers = self.staged.as_ref().map_or(0, |staged| staged.layers_len());
        let definitions = self.definitions.as_ref().map(|definitions| definitions.mark()).unwrap_or_default();
        self.savepoints.active.push(Active {
            number,
            command: self.command,
            writes: Mark { log, layers },
            locks: HeldLocks::len(&self.locks),
            definitions,
        });
        self.tell_mark();
        Savepoint(number)
    }

    /// Undoes what happened after the savepoint and lets go the locks that were first taken after it. The savepoint stays
    /// active, those inside it do not. One that is not active is left alone.
    pub fn rollback_to(&mut self, savepoint: &Savepoint) {
        let Some(place) = self.savepoints.place(savepoint) else { return };
        self.savepoints.active.truncate(place + 1);
        let Active { command, writes: mark, locks, definitions, .. } = self.savepoints.active[place];
        self.give_up_spill();
        self.tell_mark();
        if let Some(writes) = &self.writes {
            let mut writes = writes.write();
            writes.undo_to(mark.log);
            self.write_bytes = writes.bytes();
        }
        if let Some(staged) = &mut self.staged {
            staged.truncate(&self.store, mark.layers);
            // What the command began with may have been written after the savepoint.
            if command < self.command {
                staged.forget_command();
            }
        }
        if let Some(all) = &mut self.definitions {
            all.undo_to(definitions);
        }
        self.forget_undone_asides();
        self.locks.release_after(locks);
        self.escalate_at = 0;
        self.gaps.forget();
    }

    /// Forgets the savepoint and those inside it; what happened since stays part of what is around it.
    pub fn release(&mut self, savepoint: &Savepoint) {
        let Some(place) = self.savepoints.place(savepoint) else { return };
        self.savepoints.active.truncate(place);
        self.tell_mark();
    }

    /// Tells the write set where the innermost savepoint stands.
    fn tell_mark(&mut self) {
        if let Some(writes) = &self.writes {
            writes.write().set_mark(self.savepoints.mark());
        }
    }
}
