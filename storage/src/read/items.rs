//! Finding rows by the items that they must have: walks over the entries of single items, laid over one another.
//!
//! The entries of an item are in the order of the rows' keys. So the rows that have all of several items are found by
//! moving each walk on to where the others are, which passes over what lies between without reading it; those that have any
//! come from the walk that is furthest behind. Either way each row comes once, in order, and nothing is gathered.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::ReadView;
use super::merge::Walk;
use crate::error::Result;
use crate::key::{Item, KeyRange, RowKey, append_item_start};
use crate::kv::{Direction, Family};
use crate::row::StoredRow;
use crate::schema::{IndexSchema, TableSchema};

/// Entries that are read at a time: few where most of them are passed over, more and more where they are not.
const PIECE_MIN: usize = 8;
const PIECE_MAX: usize = 1024;

/// Rows that are looked for, at most, before the caller is asked whether to go on.
const STEPS_MAX: usize = 4096;

/// What the rows that are looked for must have.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemQuery {
    /// An item in a column of the index, by its place there.
    Has { column: usize, item: Item },
    /// All of these; it is never of nothing.
    All(Vec<ItemQuery>),
    /// One of these at least; of nothing it finds nothing.
    Any(Vec<ItemQuery>),
}

impl ItemQuery {
    /// How many items it names.
    pub fn items(&self) -> usize {
        match self {
            ItemQuery::Has { .. } => 1,
            ItemQuery::All(parts) | ItemQuery::Any(parts) => parts.iter().map(ItemQuery::items).sum(),
        }
    }
}

/// A walk over the rows that may be what is looked for.
pub struct ItemScan {
    view: ReadView,
    find: Find,
    /// No row before this key is wanted any more. None: the walk is over.
    at: Option<Vec<u8>>,
}

impl ItemScan {
    pub(super) fn new(view: ReadView, table: &Arc<TableSchema>, index: &IndexSchema, query: &ItemQuery) -> Self {
        debug_assert!(index.has_items() && index.slice.is_definite(), "items are looked for in one slice");
        let start = table.rows().start.to_vec();
        Self { view, find: Find::of(index, query), at: Some(start) }
    }

    /// The next rows, `max_rows` at most; None when the walk is over. There may be no rows though it is not.
    pub fn next(&mut self, max_rows: usize) -> Result<Option<Vec<StoredRow>>> {
        let mut keys = Vec::new();
        for _ in 0..STEPS_MAX {
            if keys.len() >= max_rows {
                break;
            }
            let Some(at) = self.at.take() else { break };
            match self.find.next(&self.view, &at)? {
                Next::Row(key) => {
                    self.at = Some(after(&key));
                    keys.push(RowKey::from_bytes(key));
                }
                Next::NotBefore(key) => self.at = Some(key.to_vec()),
                Next::Over => break,
            }
        }
        if keys.is_empty() && self.at.is_none() {
            return Ok(None);
        }
        self.view.rows_of_entries(keys).map(Some)
    }
}

/// The least key behind another.
fn after(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// What comes from a key on.
enum Next {
    /// The first row.
    Row(Bytes),
    /// Nobody knows yet, but no row before this one.
    NotBefore(Bytes),
    Over,
}

/// A query that is being walked.
enum Find {
    Has(Entries),
    All(Vec<Find>),
    Any(Vec<Find>),
}

impl Find {
    fn of(index: &IndexSchema, query: &ItemQuery) -> Self {
        let each = |parts: &[ItemQuery]| parts.iter().map(|part| Find::of(index, part)).collect();
        match query {
            ItemQuery::Has { column, item } => {
                let mut start = Vec::new();
                append_item_start(index, index.slice, *column, item, &mut start);
                Find::Has(Entries::new(start))
            }
            ItemQuery::All(parts) => Find::All(each(parts)),
            ItemQuery::Any(parts) => Find::Any(each(parts)),
        }
    }

    /// What comes from a key on, which is never one before that of an earlier call.
    fn next(&mut self, view: &ReadView, at: &[u8]) -> Result<Next> {
        match self {
            Find::Has(entries) => Ok(entries.next(view, at)?.map_or(Next::Over, Next::Row)),
            Find::All(parts) => {
                let mut row = None;
                for part in parts.iter_mut() {
                    match part.next(view, at)? {
                        Next::Row(key) if row.as_ref().is_none_or(|row| *row == key) => row = Some(key),
                        // The part before has another one first: what both have does not come before the later one.
                        Next::Row(key) => return Ok(Next::NotBefore(row.map_or(key.clone(), |row| row.max(key)))),
                        Next::NotBefore(key) => return Ok(Next::NotBefore(key)),
                        Next::Over => return Ok(Next::Over),
                    }
                }
                Ok(row.map_or(Next::Over, Next::Row))
            }
            Find::Any(parts) => {
                let mut first: Option<(Bytes, bool)> = None;
                for part in parts.iter_mut() {
                    let (key, is_row) = match part.next(view, at)? {
                        Next::Row(key) => (key, true),
                        Next::NotBefore(key) => (key, false),
                        Next::Over => continue,
                    };
                    // One that has the row is preferred to one that may have it.
                    if first.as_ref().is_none_or(|(known, known_row)| (&key, !is_row) < (known, !known_row)) {
                        first = Some((key, is_row));
                    }
                }
                Ok(match first {
                    Some((key, true)) => Next::Row(key),
                    Some((key, false)) => Next::NotBefore(key),
                    None => Next::Over,
                })
            }
        }
    }
}

/// The rows that have one item.
struct Entries {
    /// What their entries begin with; the row's key follows.
    start: Vec<u8>,
    walk: Walk,
    /// Keys of rows that were read and not passed yet.
    ahead: VecDeque<Bytes>,
    /// How many are read next.
    piece: usize,
    /// How many of the last ones were passed over.
    passed: usize,
}

impl Entries {
    fn new(start: Vec<u8>) -> Self {
        let walk = Walk::new(Family::Index, KeyRange::prefix(&start), Direction::Forward);
        Self { start, walk, ahead: VecDeque::new(), piece: PIECE_MIN, passed: 0 }
    }

    /// The first row from a key on.
    fn next(&mut self, view: &ReadView, at: &[u8]) -> Result<Option<Bytes>> {
        let behind = self.ahead.iter().take_while(|key| key.as_ref() < at).count();
        self.ahead.drain(..behind);
        // One of them is the row that was answered last.
        self.passed += behind.saturating_sub(1);
        if self.ahead.is_empty() && !self.walk.is_done() {
            let from = [&self.start[..], at].concat();
            if self.walk.rest().start.as_ref() < from.as_slice() {
                let end = self.walk.rest().end.clone();
                self.walk = Walk::new(Family::Index, KeyRange { start: from.into(), end }, Direction::Forward);
            }
            self.piece = if 2 * self.passed > self.piece { self.piece / 4 } else { 2 * self.piece };
            self.piece = self.piece.clamp(PIECE_MIN, PIECE_MAX);
            self.passed = 0;
            let ahead = &mut self.ahead;
            view.step(&mut self.walk, self.piece, &mut |_, row| {
                ahead.push_back(Bytes::copy_from_slice(row));
                Ok(())
            })?;
        }
        Ok(self.ahead.front().cloned())
    }
}
