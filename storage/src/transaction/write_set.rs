//! The write set: what a transaction has written and not committed.
//!
//! Each key has the versions that its commands gave it. A view of the transaction sees those of earlier commands than its
//! own, so that a statement never meets what it writes itself. A version that no view and no savepoint can need is
//! dropped. A log of what was written since the first active savepoint undoes it. Rows and index entries that became too
//! many move to disk (`spill`), cut at the active savepoints.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::ops::Bound;

use bytes::Bytes;

use crate::commit::RowChange;
use crate::id::TableId;
use crate::key::{KeyRange, RowKey};
use crate::kv::{Batch, Direction, Family};

/// What an entry is reckoned to cost beside its key and values.
const ENTRY_OVERHEAD_BYTES: usize = 192;
/// What a further version of an entry is reckoned to cost beside its value.
const VERSION_OVERHEAD_BYTES: usize = 64;

/// Number of a command within its transaction.
pub(crate) type Command = u32;

/// What a command made of a key; `None` deletes it.
#[derive(Debug, Clone)]
struct Version {
    command: Command,
    /// One more than its place in the log; zero when it is not in it.
    logged: u64,
    value: Option<Bytes>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// Whose row it is; without meaning for other keys.
    table: TableId,
    /// The committed row underneath, as it was when this transaction first wrote the key.
    base: Option<Bytes>,
    latest: Version,
    older: Vec<Version>,
}

/// A write to one key.
pub(crate) struct Write {
    pub(crate) family: Family,
    pub(crate) key: Bytes,
    /// `None` deletes the key.
    pub(crate) value: Option<Bytes>,
}

/// For a row: its table and the row that the write replaces.
pub(crate) struct RowOrigin {
    pub(crate) table: TableId,
    pub(crate) replaced: Option<Bytes>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct WriteSet {
    maps: [BTreeMap<Bytes, Entry>; Family::ALL.len()],
    /// Keys written since the first active savepoint, in order.
    log: Vec<(Family, Bytes)>,
    /// The place in the log of its first element: places grow for the life of the transaction.
    log_start: u64,
    /// Where the innermost active savepoint stands in the log.
    mark: Option<u64>,
    bytes: usize,
    /// The command of the first write; with none, nothing was written.
    first_command: Option<Command>,
}

/// What was written between two places of the log; `None` stands for the beginning and for the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) after: Option<u64>,
    pub(crate) up_to: Option<u64>,
}

/// What a part of the write set makes of a key.
pub(crate) struct Net<'a> {
    pub(crate) key: &'a Bytes,
    /// `None` deletes the key.
    pub(crate) value: Option<&'a Bytes>,
    /// Whose row it is; without meaning for other keys.
    pub(crate) table: TableId,
    /// Whether something may lie under the key that this hides.
    pub(crate) hides: bool,
}

/// What goes to disk when a write set has grown too large. Definitions are few, and looked up all the time.
pub(crate) const SPILLED: [Family; 4] = [Family::Rows, Family::Index, Family::Trash, Family::Stream];

impl WriteSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.maps.iter().all(BTreeMap::is_empty)
    }

    /// About how much memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn touches(&self, family: Family) -> bool {
        !self.maps[family as usize].is_empty()
    }

    /// The newest version of a key, if it was written at all: `Some(None)` is a deletion.
    pub(crate) fn newest(&self, family: Family, key: &[u8]) -> Option<Option<&Bytes>> {
        self.maps[family as usize].get(key).map(|entry| entry.latest.value.as_ref())
    }

    /// Whether a key lies behind all that were written.
    pub(crate) fn ends_before(&self, family: Family, key: &[u8]) -> bool {
        self.maps[family as usize].last_key_value().is_none_or(|(last, _)| &last[..] < key)
    }

    /// The version of a key that commands before `before` made.
    pub(crate) fn visible(&self, family: Family, key: &[u8], before: Command) -> Option<Option<&Bytes>> {
        self.maps[family as usize].get(key).and_then(|entry| entry.visible(before))
    }

    /// Up to `max` keys of the range with what commands before `before` made of them, in order.
    pub(crate) fn collect(
        &self,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        before: Command,
        max: usize,
    ) -> Vec<(Bytes, Option<Bytes>)> {
        let map = &self.maps[family as usize];
        if map.is_empty() || range.start >= range.end {
            return Vec::new();
        }
        let bounds = (Bound::Included(&range.start[..]), Bound::Excluded(&range.end[..]));
        let seen = |(key, entry): (&Bytes, &Entry)| Some((key.clone(), entry.visible(before)?.cloned()));
        let entries = map.range::<[u8], _>(bounds);
        match direction {
            Direction::Forward => entries.filter_map(seen).take(max).collect(),
            Direction::Backward => entries.rev().filter_map(seen).take(max).collect(),
        }
    }

    /// Writes a key. `unseen`: no view of the transaction exists that might need the version before.
    pub(crate) fn put(&mut self, write: Write, origin: RowOrigin, command: Command, unseen: bool) {
        let Write { family, key, value } = write;
        self.first_command.get_or_insert(command);
        let logged = match self.mark {
            Some(_) => self.log_end() + 1,
            None => 0,
        };
        let size = value.as_ref().map_or(0, Bytes::len);
        let version = Version { command, logged, value };
        match self.maps[family as usize].entry(key) {
            Place::Vacant(place) => {
                let base_size = origin.replaced.as_ref().map_or(0, Bytes::len);
                self.bytes += place.key().len() + size + base_size + ENTRY_OVERHEAD_BYTES;
                if logged > 0 {
                    self.log.push((family, place.key().clone()));
                }
                let (table, base) = (origin.table, origin.replaced);
                place.insert(Entry { table, base, latest: version, older: Vec::new() });
            }
            Place::Occupied(mut place) => {
                let entry = place.get_mut();
                let since_savepoint = self.mark.is_none_or(|mark| entry.latest.logged > mark);
                if since_savepoint && entry.latest.command == command {
                    self.bytes = self.bytes.saturating_sub(entry.latest.size()) + size;
                    entry.latest.value = version.value;
                } else {
                    if unseen {
                        self.bytes = self.bytes.saturating_sub(entry.forget_older(self.mark));
                    }
                    self.bytes += size + VERSION_OVERHEAD_BYTES;
                    entry.older.push(std::mem::replace(&mut entry.latest, version));
                    if logged > 0 {
                        self.log.push((family, place.key().clone()));
                    }
                }
            }
        }
    }

    /// Where the log ends now; what is written later can be undone to here, given that `set_mark` was told so.
    pub(crate) fn log_end(&self) -> u64 {
        self.log_start + self.log.len() as u64
    }

    /// Says where the innermost active savepoint stands, or that there is none.
    pub(crate) fn set_mark(&mut self, mark: Option<u64>) {
        self.mark = mark;
        if mark.is_none() {
            self.log_start = self.log_end();
            self.log.clear();
        }
    }

    /// Undoes what was logged from `mark` on.
    pub(crate) fn undo_to(&mut self, mark: u64) {
        while self.log_end() > mark {
            let Some((family, key)) = self.log.pop() else { return };
            let map = &mut self.maps[family as usize];
            let Some(entry) = map.get_mut(&key[..]) else { continue };
            while entry.latest.logged > mark {
                if let Some(older) = entry.older.pop() {
                    self.bytes = self.bytes.saturating_sub(entry.latest.size() + VERSION_OVERHEAD_BYTES);
                    entry.latest = older;
                } else {
                    let base_size = entry.base.as_ref().map_or(0, Bytes::len);
                    let size = key.len() + entry.latest.size() + base_size + ENTRY_OVERHEAD_BYTES;
                    self.bytes = self.bytes.saturating_sub(size);
                    map.remove(&key[..]);
                    break;
                }
            }
        }
    }

    /// Whether commands before `before` may have written something.
    pub(crate) fn has_before(&self, before: Command) -> bool {
        self.first_command.is_some_and(|first| first < before)
    }

    /// What a part of the log made of the keys of a family, in their order.
    pub(crate) fn net(&self, family: Family, part: Part) -> impl Iterator<Item = Net<'_>> {
        self.maps[family as usize].iter().filter_map(move |(key, entry)| {
            let value = entry.made_in(part)?.value.as_ref();
            Some(Net { key, value, table: entry.table, hides: entry.base.is_some() || value.is_none() })
        })
    }

    /// What stays in memory when the rest is spilled. `marks`, places in the log, become places in what stays.
    pub(crate) fn without_spilled<'a>(&self, marks: impl Iterator<Item = &'a mut u64>) -> WriteSet {
        let mut kept = WriteSet { first_command: self.first_command, ..WriteSet::default() };
        let mut places = Vec::new();
        for (place, (family, key)) in (self.log_start..).zip(&self.log) {
            if !SPILLED.contains(family) {
                places.push(place);
                kept.log.push((*family, key.clone()));
            }
        }
        // A version that left the log with a released savepoint is older than all that are in it.
        let moved = |logged: u64| match logged.checked_sub(1).map(|place| places.binary_search(&place)) {
            Some(Ok(at)) => at as u64 + 1,
            _ => 0,
        };
        for family in Family::ALL.into_iter().filter(|family| !SPILLED.contains(family)) {
            for (key, entry) in &self.maps[family as usize] {
                let mut entry = entry.clone();
                for version in entry.older.iter_mut().chain([&mut entry.latest]) {
                    version.logged = moved(version.logged);
                }
                kept.bytes += key.len() + entry.bytes();
                kept.maps[family as usize].insert(key.clone(), entry);
            }
        }
        for mark in marks {
            *mark = places.partition_point(|place| place < mark) as u64;
        }
        kept
    }

    /// The net effect: rows for the feed, deleted ones that are kept, and everything else as it is.
    pub(crate) fn into_changes(self) -> (Vec<RowChange>, Vec<(Bytes, Bytes)>, Batch) {
        let rows_len = self.maps[Family::Rows as usize].len() + self.maps[Family::Stream as usize].len();
        let all_len: usize = self.maps.iter().map(BTreeMap::len).sum();
        let (mut rows, mut trash) = (Vec::with_capacity(rows_len), Vec::new());
        let mut writes = Batch::with_capacity(all_len - rows_len);
        for (family, map) in Family::ALL.into_iter().zip(self.maps) {
            for (key, entry) in map {
                let value = entry.latest.value;
                match (family, value) {
                    // Inserted and deleted again.
                    (Family::Rows | Family::Stream, None) if entry.base.is_none() => {}
                    (Family::Rows | Family::Stream, value) => rows.push(RowChange {
                        table: entry.table,
                        family,
                        key: RowKey::from_bytes(key),
                        old: entry.base,
                        new: value.map(Vec::from),
                    }),
                    (Family::Trash, Some(value)) => trash.push((key, value)),
                    (_, Some(value)) => writes.put(family, key, value),
                    (_, None) => writes.delete(family, key),
                }
            }
        }
        (rows, trash, writes)
    }
}

impl Version {
    fn size(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }
}

impl Entry {
    /// Drops the versions before the latest that no savepoint needs, when there is no view left that might see them:
    /// views to come see the latest one or a newer. Answers the bytes set free.
    fn forget_older(&mut self, mark: Option<u64>) -> usize {
        let mut freed = 0;
        if mark.is_some_and(|mark| self.latest.logged <= mark) {
            return freed;
        }
        while let Some(version) = self.older.pop_if(|version| mark.is_none_or(|mark| version.logged > mark)) {
            freed += version.size() + VERSION_OVERHEAD_BYTES;
        }
        freed
    }

    /// About how much memory it holds beside its key.
    fn bytes(&self) -> usize {
        let older: usize = self.older.iter().map(|version| version.size() + VERSION_OVERHEAD_BYTES).sum();
        self.latest.size() + self.base.as_ref().map_or(0, Bytes::len) + ENTRY_OVERHEAD_BYTES + older
    }

    /// The version that stands at the end of a part of the log, if it was made in that part.
    fn made_in(&self, part: Part) -> Option<&Version> {
        let mut versions = std::iter::once(&self.latest).chain(self.older.iter().rev());
        let last = versions.find(|version| part.up_to.is_none_or(|mark| version.logged <= mark))?;
        part.after.is_none_or(|mark| last.logged > mark).then_some(last)
    }

    fn visible(&self, before: Command) -> Option<Option<&Bytes>> {
        let mut versions = std::iter::once(&self.latest).chain(self.older.iter().rev());
        versions.find(|version| version.command < before).map(|version| version.value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(set: &mut WriteSet, key: &str, value: Option<&str>, command: Command, unseen: bool) {
        let write = Write {
            family: Family::Rows,
            key: Bytes::copy_from_slice(key.as_bytes()),
            value: value.map(|v| Bytes::copy_from_slice(v.as_bytes())),
        };
        set.put(write, RowOrigin { table: TableId(1), replaced: None }, command, unseen);
    }

    fn seen(set: &WriteSet, key: &str, before: Command) -> String {
        match set.visible(Family::Rows, key.as_bytes(), before) {
            None => "-".into(),
            Some(None) => "deleted".into(),
            Some(Some(value)) => String::from_utf8_lossy(value).into_owned(),
        }
    }

    #[test]
    fn a_view_sees_earlier_commands_only() {
        let mut set = WriteSet::default();
        put(&mut set, "a", Some("one"), 1, false);
        put(&mut set, "a", Some("two"), 2, false);
        put(&mut set, "a", None, 3, false);
        assert_eq!(
            ["-", "one", "two", "deleted"].map(String::from),
            [1, 2, 3, 4].map(|before| seen(&set, "a", before))
        );
    }

    #[test]
    fn undo_restores_versions_and_bytes() {
        let mut set = WriteSet::default();
        put(&mut set, "a", Some("one"), 1, true);
        let bytes = set.bytes();
        set.set_mark(Some(set.log_end()));
        let outer = set.log_end();
        put(&mut set, "a", Some("two"), 2, true);
        put(&mut set, "a", Some("three"), 3, true);
        put(&mut set, "b", Some("new"), 3, true);
        let inner = set.log_end();
        set.set_mark(Some(inner));
        put(&mut set, "a", None, 4, true);
        put(&mut set, "b", None, 4, true);
        set.undo_to(inner);
        assert_eq!((seen(&set, "a", 9), seen(&set, "b", 9)), ("three".into(), "new".into()));
        set.set_mark(Some(outer));
        set.undo_to(outer);
        assert_eq!((seen(&set, "a", 9), seen(&set, "b", 9)), ("one".into(), "-".into()));
        assert_eq!(set.bytes(), bytes);
    }

    #[test]
    fn a_released_savepoint_leaves_nothing_behind_for_the_next() {
        let mut set = WriteSet::default();
        set.set_mark(Some(set.log_end()));
        put(&mut set, "a", Some("one"), 1, true);
        set.set_mark(None);
        let mark = set.log_end();
        set.set_mark(Some(mark));
        put(&mut set, "a", Some("two"), 2, true);
        set.undo_to(mark);
        assert_eq!(seen(&set, "a", 9), "one");
    }

    #[test]
    fn a_row_that_came_and_went_is_no_change() {
        let mut set = WriteSet::default();
        put(&mut set, "a", Some("one"), 1, true);
        put(&mut set, "a", None, 2, true);
        let (rows, _, writes) = set.into_changes();
        assert!(rows.is_empty() && writes.is_empty());
    }
}
