//! A walk over the rows of a segment that are not gone, in the order of their keys or against it.

use std::sync::Arc;

use super::reader::{Rows, Segment};
use super::{BLOCK_ROWS, GROUP_ROWS, Marks};
use crate::error::Result;
use crate::key::KeyRange;
use crate::kv::Direction;

/// A walk that goes on is given so many blocks at a time in the end.
const BLOCKS_MAX: u32 = 16;

/// Blocks of a group, which are read together at most.
const GROUP_BLOCKS: u32 = (GROUP_ROWS / BLOCK_ROWS) as u32;

/// Where a walk stands.
pub(super) struct Cursor {
    segment: Arc<Segment>,
    marks: Arc<Marks>,
    range: KeyRange,
    direction: Direction,
    /// The blocks that are still to be read.
    next: u32,
    end: u32,
    step: u32,
    rows: Rows,
    /// Position of the first of `rows`, and how many of them the walk has left behind.
    first: u32,
    passed: usize,
    done: bool,
}

impl Cursor {
    /// A walk over the range; it stands on its first row.
    pub(super) fn new(
        segment: Arc<Segment>,
        marks: Arc<Marks>,
        range: &KeyRange,
        direction: Direction,
    ) -> Result<Self> {
        let next = segment.block_of(&range.start)?;
        let end = segment.block_of(&range.end)?.saturating_add(1).min(segment.blocks());
        let (range, rows) = (range.clone(), Rows::default());
        let mut cursor =
            Self { segment, marks, range, direction, next, end, step: 1, rows, first: 0, passed: 0, done: false };
        cursor.settle()?;
        Ok(cursor)
    }

    /// The row it stands on; none at the end.
    pub(super) fn current(&self) -> Option<(&[u8], &[u8])> {
        if self.done { None } else { self.rows.get(self.at()) }
    }

    /// Goes on to the next row.
    pub(super) fn advance(&mut self) -> Result<()> {
        self.passed += 1;
        self.settle()
    }

    fn at(&self) -> usize {
        match self.direction {
            Direction::Forward => self.passed,
            Direction::Backward => self.rows.len() - 1 - self.passed,
        }
    }

    /// Finds the next row that is there and within the range.
    fn settle(&mut self) -> Result<()> {
        loop {
            while self.passed < self.rows.len() {
                let at = self.at();
                let Some((key, _)) = self.rows.get(at) else { break };
                let (before, behind) = match self.direction {
                    Direction::Forward => (*key < self.range.start[..], *key >= self.range.end[..]),
                    Direction::Backward => (*key >= self.range.end[..], *key < self.range.start[..]),
                };
                if behind {
                    self.done = true;
                    return Ok(());
                }
                if !before && !self.marks.contains(self.first + at as u32) {
                    return Ok(());
                }
                self.passed += 1;
            }
            if self.next >= self.end {
                self.done = true;
                return Ok(());
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Result<()> {
        let blocks = match self.direction {
            Direction::Forward => {
                let group_end = (self.next / GROUP_BLOCKS + 1) * GROUP_BLOCKS;
                self.next..(self.next + self.step).min(group_end).min(self.end)
            }
            Direction::Backward => {
                let group_start = (self.end - 1) / GROUP_BLOCKS * GROUP_BLOCKS;
                self.end.saturating_sub(self.step).max(group_start).max(self.next)..self.end
            }
        };
        match self.direction {
            Direction::Forward => self.next = blocks.end,
            Direction::Backward => self.end = blocks.start,
        }
        self.step = (self.step * 2).min(BLOCKS_MAX);
        self.first = self.segment.read(blocks, &mut self.rows)?;
        self.passed = 0;
        Ok(())
    }
}
