//! The gap between committed keys in which a transaction inserts, while it keeps all other writers out of the table.
//!
//! Nobody else fills such a gap, so keys in it need not be looked up one by one. To find where it ends takes a walk to the
//! next committed key, which costs more than a look-up: it is taken after some look-ups in vain, and more seldom when the
//! gap before spared too few.

use std::ops::ControlFlow;

use crate::commit::Published;
use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{KeyRange, generation_of};
use crate::kv::{Direction, Family, KvSnapshot};

/// Keys that are looked up one by one before the first gap is measured. Tests make do with few.
const LOOKUPS_FIRST: u32 = if cfg!(test) { 2 } else { 32 };

/// The most that are looked up between two measurements.
const LOOKUPS_MAX: u32 = 1 << 16;

/// The gaps that a transaction knows, one for each table and index in which it claims keys.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<Gap>);

/// Where nothing of a generation is committed, as far as it is known; nothing is known at first.
#[derive(Debug)]
struct Gap {
    generation: GenerationId,
    range: KeyRange,
    /// Keys that it has spared.
    spared: u32,
    /// Keys that were looked up since, in vain.
    lookups: u32,
    /// As many are before the next gap is measured.
    lookups_max: u32,
}

impl Gaps {
    /// Whether it is known that nobody has committed the key. The caller keeps all other writers out of the table, and has
    /// since these gaps were last empty.
    pub(super) fn have(&mut self, state: &Published, family: Family, key: &[u8]) -> Result<bool> {
        let generation = generation_of(key);
        let gap = match self.0.iter().position(|gap| gap.generation == generation) {
            Some(at) => &mut self.0[at],
            None => {
                self.0.push(Gap::unknown(generation));
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        gap.has(state, family, key)
    }

    /// To be called when others may have come in.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Gap {
    fn unknown(generation: GenerationId) -> Self {
        Self { generation, range: KeyRange::empty(), spared: 0, lookups: 0, lookups_max: LOOKUPS_FIRST }
    }

    fn has(&mut self, state: &Published, family: Family, key: &[u8]) -> Result<bool> {
        if self.range.contains(key) {
            self.spared = self.spared.saturating_add(1);
            return Ok(true);
        }
        self.lookups += 1;
        if self.lookups < self.lookups_max {
            return Ok(false);
        }
        self.lookups_max = match self.spared >= self.lookups_max {
            true => LOOKUPS_FIRST,
            false => self.lookups_max.saturating_mul(2).min(LOOKUPS_MAX),
        };
        (self.lookups, self.spared) = (0, 0);
        let behind = KeyRange { start: key.to_vec().into(), end: KeyRange::generation(self.generation).end };
        let mut next = None;
        state.snapshot.scan(family, &behind, Direction::Forward, &mut |found, _| {
            next = Some(found.to_vec().into());
            ControlFlow::Break(())
        })?;
        self.range = KeyRange { end: next.unwrap_or(behind.end), start: behind.start };
        Ok(self.range.contains(key))
    }
}
