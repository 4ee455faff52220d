//! Lock modes: PostgreSQL's four row strengths and eight table modes, and which of them exclude each other.
//!
//! The rules are those of the manual's section "Explicit Locking". Both kinds share one numbering, so that the queue
//! of a lock works on small bit sets and need not know what it locks.

use std::time::Duration;

/// Strength of a lock on a row, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowLock {
    /// FOR KEY SHARE: the row keeps its key and stays. Foreign keys take it on the row they point to.
    KeyShare,
    /// FOR SHARE: the row stays as it is.
    Share,
    /// FOR NO KEY UPDATE: taken by an update that leaves the key alone.
    NoKeyUpdate,
    /// FOR UPDATE: taken by DELETE and by an update of the key.
    Update,
}

/// Mode of a lock on a table, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableLock {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

/// What to do when a lock is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Wait as long as it takes.
    Forever,
    /// Wait so long at most (`lock_timeout`), then `LockNotAvailable`.
    For(Duration),
    /// `LockNotAvailable` at once (NOWAIT).
    No,
    /// Leave it and say so (SKIP LOCKED). Where nothing can be left out, it means `No`.
    Skip,
}

/// A mode of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(u8);

/// A set of modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Modes(u16);

/// The first table mode's number.
const TABLE_MODES_START: u8 = 4;
const MODES: usize = 12;

/// Which modes each mode excludes, by number.
const CONFLICTS: [u16; MODES] = [
    0b1000,
    0b1100,
    0b1110,
    0b1111,
    0b1000_0000 << TABLE_MODES_START,
    0b1100_0000 << TABLE_MODES_START,
    0b1111_0000 << TABLE_MODES_START,
    0b1111_1000 << TABLE_MODES_START,
    0b1110_1100 << TABLE_MODES_START,
    0b1111_1100 << TABLE_MODES_START,
    0b1111_1110 << TABLE_MODES_START,
    0b1111_1111 << TABLE_MODES_START,
];

impl From<RowLock> for Mode {
    fn from(lock: RowLock) -> Self {
        Mode(lock as u8)
    }
}

impl From<TableLock> for Mode {
    fn from(lock: TableLock) -> Self {
        Mode(TABLE_MODES_START + lock as u8)
    }
}

impl Mode {
    pub(crate) fn bit(self) -> Modes {
        Modes(1 << self.0)
    }

    /// The modes that nobody else may hold beside this one.
    pub(crate) fn conflicts(self) -> Modes {
        Modes(CONFLICTS[self.0 as usize])
    }

    /// Whether this is a table mode that goes together with every other such mode.
    pub(super) fn is_weak_table_mode(self) -> bool {
        (TABLE_MODES_START..=TABLE_MODES_START + TableLock::RowExclusive as u8).contains(&self.0)
    }

    /// PostgreSQL's name of a table mode, and of a row strength the clause that asks for it.
    pub(crate) fn name(self) -> &'static str {
        const NAMES: [&str; MODES] = [
            "For Key Share",
            "For Share",
            "For No Key Update",
            "For Update",
            "AccessShareLock",
            "RowShareLock",
            "RowExclusiveLock",
            "ShareUpdateExclusiveLock",
            "ShareLock",
            "ShareRowExclusiveLock",
            "ExclusiveLock",
            "AccessExclusiveLock",
        ];
        NAMES[self.0 as usize]
    }
}

impl Modes {
    pub(crate) const NONE: Modes = Modes(0);

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn intersects(self, other: Modes) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn with(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Modes) -> Modes {
        Modes(self.0 & !other.0)
    }

    /// Each mode of the set, weakest first.
    pub(crate) fn iter(self) -> impl Iterator<Item = Mode> {
        (0..MODES as u8).map(Mode).filter(move |mode| self.intersects(mode.bit()))
    }

    /// Whether whoever holds these excludes everybody whom `mode` would exclude, so that asking for it adds nothing.
    pub(crate) fn cover(self, mode: Mode) -> bool {
        if self.intersects(mode.bit()) {
            return true;
        }
        let excluded = self.iter().fold(Modes::NONE, |sum, held| sum.with(held.conflicts()));
        !self.is_empty() && mode.conflicts().without(excluded).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lock: RowLock) -> Mode {
        lock.into()
    }

    #[test]
    fn row_conflicts_are_postgresqls() {
        use RowLock::*;
        let all = [KeyShare, Share, NoKeyUpdate, Update];
        let expected = ["...X", "..XX", ".XXX", "XXXX"];
        for (held, line) in all.iter().zip(expected) {
            let got: String = all
                .iter()
                .map(|want| if row(*want).conflicts().intersects(row(*held).bit()) { 'X' } else { '.' })
                .collect();
            assert_eq!(got, line, "{held:?}");
        }
    }

    #[test]
    fn table_conflicts_are_postgresqls() {
        use TableLock::*;
        let all = [
            AccessShare,
            RowShare,
            RowExclusive,
            ShareUpdateExclusive,
            Share,
            ShareRowExclusive,
            Exclusive,
            AccessExclusive,
        ];
        // Table 13.2 of the manual, row by row.
        let expected = [".......X", "......XX", "....XXXX", "...XXXXX", "..XX.XXX", "..XXXXXX", ".XXXXXXX", "XXXXXXXX"];
        for (want, line) in all.iter().zip(expected) {
            let got: String = all
                .iter()
                .map(|held| if Mode::from(*want).conflicts().intersects(Mode::from(*held).bit()) { 'X' } else { '.' })
                .collect();
            assert_eq!(got, line, "{want:?}");
        }
    }

    #[test]
    fn a_stronger_mode_covers_a_weaker_one() {
        assert!(row(RowLock::Update).bit().cover(row(RowLock::KeyShare)));
        assert!(!row(RowLock::Share).bit().cover(row(RowLock::NoKeyUpdate)));
        let share: Mode = TableLock::Share.into();
        assert!(!share.bit().cover(TableLock::RowExclusive.into()));
        assert!(Mode::from(TableLock::AccessExclusive).bit().cover(share));
        assert!(!Modes::NONE.cover(row(RowLock::KeyShare)));
    }
}
