//! The answer of a live query as it was last told, and what another answer has changed.
//!
//! Rows are kept in the form in which clients get them. With a key, a row that has changed is an update; without one the answer is
//! a bag of rows, of which some went and some came.

use std::cmp::Ordering;
use std::collections::btree_map::{self, BTreeMap};

use bytes::Bytes;

use super::event::{ChangeEvent, EVENT_BYTES_MAX, RowWriter};
use crate::error::{Error, Result, SqlState};
use crate::execute::Rows;
use crate::function::EvalContext;

/// Largest answer that is kept for a query that is run again and again.
pub(super) const ANSWER_BYTES_MAX: usize = 16 << 20;
/// What a row takes beside its bytes, about.
const ROW_OVERHEAD_BYTES: usize = 64;

/// The rows of an answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    rows: Contents,
    bytes: usize,
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
    pub(super) fn new(keyed: bool) -> Self {
        let rows = if keyed { Contents::Keyed(BTreeMap::new()) } else { Contents::default() };
        Self { rows, bytes: 0 }
    }

    /// Takes rows in. 54000 past what may be kept.
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
        Ok(())
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
                    for _ in after..before {
                        event.changed(old.map(|(row, _)| &**row), None);
                    }
                    for _ in before..after {
                        event.changed(None, new.map(|(row, _)| &**row));
                    }
                    !event.is_too_large()
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

pub(super) fn change_too_large() -> Error {
    let message = format!("a change takes more than {} MB", EVENT_BYTES_MAX >> 20);
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
}

#[cfg(test)]
mod tests {
    use storage::CommitSeq;

    use super::*;

    fn answer(keyed: bool, rows: &[(&str, &str)]) -> Answer {
        let mut answer = Answer::new(keyed);
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
    fn keys_that_print_alike_make_a_bag_of_rows() {
        let old = answer(true, &[("1", "a"), ("1", "b")]);
        let new = answer(true, &[("1", "a")]);
        assert_eq!(difference(&old, &new), "{\"op\":\"delete\",\"old\":b}");
        assert_eq!(difference(&new, &old), "{\"op\":\"insert\",\"new\":b}");
    }
}
