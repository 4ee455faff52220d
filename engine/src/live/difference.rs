//! The answer of a live query as it was last told, and what another answer has changed.
//!
//! Rows are kept in the form in which clients get them. With a key, a row that has changed is an update; without one the answer is
//! a bag of rows, of which some went and some came.

use std::cmp::Ordering;
use std::collections::btree_map::{self, BTreeMap};
use std::sync::Arc;
use std::sync::atomic::{self, AtomicUsize};

use bytes::Bytes;

use super::event::{ChangeEvent, EVENT_BYTES_MAX, RowWriter};
use crate::error::{Error, Result, SqlState};
use crate::execute::Rows;
use crate::function::EvalContext;

/// Largest answer that is kept for a query that is run again and again.
pub(super) const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Largest that all of them together may be.
const ANSWERS_BYTES_MAX: usize = 256 << 20;
/// What a row takes beside its bytes, about.
const ROW_OVERHEAD_BYTES: usize = 64;

/// Bytes of all answers that are kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<AtomicUsize>);

/// The rows of an answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    rows: Contents,
    bytes: usize,
    /// What of these counts among all answers.
    counted: usize,
    kept: Kept,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.kept.0.fetch_sub(self.counted, atomic::Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum Contents {
    /// By what is unique of them.
    Keyed(BTreeMap<Box<[u8]>, Box<[u8]>>),
    /// Each as often as it occurs.
    Counted(BTreeMap<Box<[u8]>, usize>),
}

impl Default for Contents {
    fn default() -> Self {
        Contents::Counted(BTreeMap::new())
    }
}

impl Answer {
    /// An answer without rows yet; `keyed` says whether its rows will have keys.
    pub(super) fn new(keyed: bool, kept: &Kept) -> Self {
        let rows = if keyed { Contents::Keyed(BTreeMap::new()) } else { Contents::default() };
        Self { rows, bytes: 0, counted: 0, kept: kept.clone() }
    }

    /// Takes rows in. 54000 past what may be kept of one answer, 53200 past what may be of all.
    pub(super) fn take(
        &mut self,
        rows: &Rows,
        key: Option<&[usize]>,
        writer: &RowWriter,
        context: &EvalContext,
    ) -> Result<()> {
        let cells = rows.columns();
        for row in 0..rows.len() {
            let mut json = Vec::with_capacity(64);
            writer.write(context, &mut json, |column| Ok(cells.cell(row, column).to_owned()))?;
            let mut unique = Vec::new();
            for position in key.unwrap_or_default() {
                unique.push(b',');
                writer.write_value(*position, &cells.cell(row, *position).to_owned(), context, &mut unique)?;
            }
            self.add(unique.into(), json.into());
            if self.bytes > ANSWER_BYTES_MAX {
                return Err(too_large());
            }
        }
        self.count()
    }

    /// Counts what it has taken in among all answers.
    fn count(&mut self) -> Result<()> {
        let more = self.bytes.saturating_sub(self.counted);
        self.counted += more;
        let all = self.kept.0.fetch_add(more, atomic::Ordering::Relaxed) + more;
        if all > ANSWERS_BYTES_MAX { Err(too_many()) } else { Ok(()) }
    }

    fn add(&mut self, key: Box<[u8]>, row: Box<[u8]>) {
        if let Contents::Keyed(rows) = &mut self.rows {
            if let btree_map::Entry::Vacant(place) = rows.entry(key) {
                self.bytes += place.key().len() + row.len() + ROW_OVERHEAD_BYTES;
                place.insert(row);
                return;
            }
            // Keys that print alike are no keys, as floats are with few digits.
            self.rows = Contents::Counted(counted(rows));
        }
        if let Contents::Counted(rows) = &mut self.rows {
            let bytes = row.len() + ROW_OVERHEAD_BYTES;
            match rows.entry(row) {
                btree_map::Entry::Occupied(mut count) => *count.get_mut() += 1,
                btree_map::Entry::Vacant(place) => {
                    self.bytes += bytes;
                    place.insert(1);
                }
            }
        }
    }

    /// Adds to an event what has changed from this answer to another; None if nothing has.
    pub(super) fn difference(&self, to: &Answer, mut event: ChangeEvent) -> Result<Option<Bytes>> {
        match (&self.rows, &to.rows) {
            (Contents::Keyed(old), Contents::Keyed(new)) => merge(old, new, &mut |old, new| {
                event.changed(old.map(|(_, row)| &**row), new.map(|(_, row)| &**row));
                !event.is_too_large()
            }),
            (old, new) => {
                let (old, new) = (old.as_counted(), new.as_counted());
                merge(&old, &new, &mut |old, new| {
                    let count = |side: Option<(&Box<[u8]>, &usize)>| side.map_or(0, |(_, count)| *count);
                    let (before, after) = (count(old), count(new));
                    // A row may occur any number of times.
                    for at in before.min(after)..before.max(after) {
                        match at < before {
                            true => event.changed(old.map(|(row, _)| &**row), None),
                            false => event.changed(None, new.map(|(row, _)| &**row)),
                        }
                        if event.is_too_large() {
                            return false;
                        }
                    }
                    true
                });
            }
        }
        if event.is_too_large() {
            return Err(change_too_large());
        }
        Ok(event.finish())
    }
}

impl Contents {
    fn as_counted(&self) -> std::borrow::Cow<'_, BTreeMap<Box<[u8]>, usize>> {
        match self {
            Contents::Counted(rows) => std::borrow::Cow::Borrowed(rows),
            Contents::Keyed(rows) => std::borrow::Cow::Owned(counted(rows)),
        }
    }
}

fn counted(rows: &BTreeMap<Box<[u8]>, Box<[u8]>>) -> BTreeMap<Box<[u8]>, usize> {
    let mut counted = BTreeMap::new();
    for row in rows.values() {
        *counted.entry(row.clone()).or_default() += 1;
    }
    counted
}

/// An entry of a map, if there is one.
type Entry<'a, V> = Option<(&'a Box<[u8]>, &'a V)>;

/// Calls `see` with the entries of two maps, those of one key together, until it answers false.
fn merge<V>(
    old: &BTreeMap<Box<[u8]>, V>,
    new: &BTreeMap<Box<[u8]>, V>,
    see: &mut dyn FnMut(Entry<'_, V>, Entry<'_, V>) -> bool,
) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let goes_on = match order {
            Ordering::Less => see(old.next(), None),
            Ordering::Greater => see(None, new.next()),
            Ordering::Equal => see(old.next(), new.next()),
        };
        if !goes_on {
            return;
        }
    }
}

fn too_large() -> Error {
    let message = format!("the answer of a live query that is run again takes more than {} MB", ANSWER_BYTES_MAX >> 20);
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
        .with_hint("Follow fewer rows or columns, or one table with a filter, of which no answer is kept.")
}

fn too_many() -> Error {
    let message =
        format!("the answers of all live queries that are run again take more than {} MB", ANSWERS_BYTES_MAX >> 20);
    Error::new(SqlState::OUT_OF_MEMORY, message)
}

pub(super) fn change_too_large() -> Error {
    let message = format!("a change takes more than {} MB", EVENT_BYTES_MAX >> 20);
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
}

#[cfg(test)]
mod tests {
    use storage::CommitSeq;

    use super::*;

    fn answer(keyed: bool, rows: &[(&str, &str)]) -> Answer {
        let mut answer = Answer::new(keyed, &Kept::default());
        for (key, row) in rows {
            answer.add(key.as_bytes().into(), row.as_bytes().into());
        }
        answer
    }

    fn difference(old: &Answer, new: &Answer) -> String {
        let event = old.difference(new, ChangeEvent::new(CommitSeq(1))).unwrap();
        event.map_or_else(String::new, |event| {
            let text = String::from_utf8(event.to_vec()).unwrap();
            let inner = text.trim_start_matches("{\"type\":\"change\",\"seq\":1,\"changes\":[");
            inner.trim_end_matches("]}").to_owned()
        })
    }

    #[test]
    fn rows_with_keys_are_updated() {
        let old = answer(true, &[("1", "a"), ("2", "b"), ("3", "c")]);
        let new = answer(true, &[("2", "B"), ("3", "c"), ("4", "d")]);
        let expected =
            "{\"op\":\"delete\",\"old\":a},{\"op\":\"update\",\"new\":B,\"old\":b},{\"op\":\"insert\",\"new\":d}";
        assert_eq!(difference(&old, &new), expected);
        assert_eq!(difference(&new, &new), "");
    }

    #[test]
    fn rows_without_keys_come_and_go_as_often_as_they_occur() {
        let old = answer(false, &[("", "a"), ("", "a"), ("", "b")]);
        let new = answer(false, &[("", "a"), ("", "b"), ("", "b"), ("", "b")]);
        let expected = "{\"op\":\"delete\",\"old\":a},{\"op\":\"insert\",\"new\":b},{\"op\":\"insert\",\"new\":b}";
        assert_eq!(difference(&old, &new), expected);
    }

    #[test]
    fn rows_that_occur_without_end_are_too_large_a_change() {
        let mut new = Answer::new(false, &Kept::default());
        new.rows = Contents::Counted(BTreeMap::from([(b"row".as_slice().into(), usize::MAX)]));
        let old = Answer::new(false, &Kept::default());
        assert_eq!(
            old.difference(&new, ChangeEvent::new(CommitSeq(1))).unwrap_err().sql_state(),
            SqlState::PROGRAM_LIMIT_EXCEEDED
        );
    }

    #[test]
    fn all_answers_together_have_a_bound() {
        let kept = Kept::default();
        let mut answer = Answer::new(false, &kept);
        answer.add(b"".as_slice().into(), b"row".as_slice().into());
        answer.count().unwrap();
        let one = kept.0.load(atomic::Ordering::Relaxed);
        assert_eq!(one, 3 + ROW_OVERHEAD_BYTES);
        kept.0.fetch_add(ANSWERS_BYTES_MAX, atomic::Ordering::Relaxed);
        let mut other = Answer::new(true, &kept);
        other.add(b"1".as_slice().into(), b"row".as_slice().into());
        assert_eq!(other.count().unwrap_err().sql_state(), SqlState::OUT_OF_MEMORY);
        drop((answer, other));
        assert_eq!(kept.0.load(atomic::Ordering::Relaxed), ANSWERS_BYTES_MAX);
    }

    #[test]
    fn keys_that_print_alike_make_a_bag_of_rows() {
        let old = answer(true, &[("1", "a"), ("1", "b")]);
        let new = answer(true, &[("1", "a")]);
        assert_eq!(difference(&old, &new), "{\"op\":\"delete\",\"old\":b}");
        assert_eq!(difference(&new, &old), "{\"op\":\"insert\",\"new\":b}");
    }
}
