//! Layers: what a transaction has written and memory did not hold, as it lies in the store.
//!
//! A layer is a generation of its own, which a restart sweeps unless a commit has named it. It keeps the newest value of
//! each key, or that the key is deleted (see [`crate::commit`]'s loads). Layers are stacked: what a newer one says of a
//! key hides what an older one does.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::write_set::SPILLED;
use crate::commit::{staged_key, staged_range, unstaged, unstaged_key};
use crate::error::Result;
use crate::id::{GenerationId, TableId};
use crate::key::KeyRange;
use crate::kv::{Direction, Family, KvSnapshot};

/// One layer, as far as it is known without reading it.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) id: GenerationId,
    /// Its greatest key in each family that has any.
    greatest: [Option<Bytes>; SPILLED.len()],
    pub(super) touched: BTreeSet<(Family, GenerationId)>,
    pub(super) tables: BTreeSet<TableId>,
    pub(super) leaves_garbage: bool,
    /// Segments, each behind its table's generation, of which it marks rows.
    pub(super) marked: BTreeSet<(GenerationId, GenerationId)>,
    /// How much was written to it.
    pub(super) bytes: u64,
}

/// The place of a family among those of which there are layers.
fn place(family: Family) -> Option<usize> {
    SPILLED.iter().position(|spilled| *spilled == family)
}

impl Layer {
    pub(super) fn new(id: GenerationId) -> Self {
        Self {
            id,
            greatest: Default::default(),
            touched: BTreeSet::new(),
            tables: BTreeSet::new(),
            leaves_garbage: false,
            marked: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Whether a key lies behind all that the layer has.
    pub(super) fn ends_before(&self, family: Family, key: &[u8]) -> bool {
        place(family).is_none_or(|at| self.greatest[at].as_deref().is_none_or(|greatest| greatest < key))
    }

    /// Notes that the layer gets keys up to this one.
    pub(super) fn reaches(&mut self, family: Family, key: &[u8]) {
        if self.ends_before(family, key)
            && let Some(at) = place(family)
        {
            self.greatest[at] = Some(Bytes::copy_from_slice(key));
        }
    }
}

/// Keys with what was made of them, in order; `None` is a deletion.
pub(super) type OwnEntries = Vec<(Bytes, Option<Bytes>)>;

/// The layers at one moment.
pub(crate) struct Layers {
    /// Newest first.
    stack: Vec<Layer>,
    snapshot: Arc<dyn KvSnapshot>,
}

impl Layers {
    /// Of a stack whose oldest comes first.
    pub(super) fn new(stack: &[Layer], snapshot: Arc<dyn KvSnapshot>) -> Self {
        Self { stack: stack.iter().rev().cloned().collect(), snapshot }
    }

    /// The same moment with the oldest `len` layers only.
    pub(super) fn oldest(&self, len: usize) -> Self {
        let newer = self.stack.len().saturating_sub(len);
        Self { stack: self.stack[newer..].to_vec(), snapshot: Arc::clone(&self.snapshot) }
    }

    /// What the newest layer that knows the key says of it: `Some(None)` is a deletion.
    pub(super) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Option<Bytes>>> {
        for layer in self.stack.iter().filter(|layer| !layer.ends_before(family, key)) {
            if let Some(value) = self.snapshot.get(family, &staged_key(layer.id, key))? {
                return Ok(Some(unstaged(&value)?.map(|kept| value.slice_ref(kept))));
            }
        }
        Ok(None)
    }

    /// Lays `newer` over up to `max` keys of the range, and answers so many of both.
    pub(super) fn collect_under(
        &self,
        mut newer: OwnEntries,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        max: usize,
    ) -> Result<OwnEntries> {
        for layer in self.stack.iter().filter(|layer| !layer.ends_before(family, &range.start)) {
            let older = self.collect_one(layer, family, range, direction, max)?;
            if !older.is_empty() {
                newer = laid_over(newer, older, direction, max);
            }
        }
        Ok(newer)
    }

    fn collect_one(
        &self,
        layer: &Layer,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        max: usize,
    ) -> Result<OwnEntries> {
        let mut entries = Vec::new();
        if max == 0 || range.is_empty() {
            return Ok(entries);
        }
        let mut result = Ok(());
        self.snapshot.scan(family, &staged_range(layer.id, range), direction, &mut |key, value| {
            match unstaged(value) {
                Ok(value) => {
                    let key = Bytes::copy_from_slice(unstaged_key(key));
                    entries.push((key, value.map(Bytes::copy_from_slice)));
                }
                Err(error) => result = Err(error),
            }
            if result.is_ok() && entries.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        result.map(|()| entries)
    }
}

/// The first `max` of both; of a key that both have, the newer.
fn laid_over(newer: OwnEntries, older: OwnEntries, direction: Direction, max: usize) -> OwnEntries {
    let mut both = Vec::with_capacity(max.min(newer.len() + older.len()));
    let (mut newer, mut older) = (newer.into_iter().peekable(), older.into_iter().peekable());
    while both.len() < max {
        let order = match (newer.peek(), older.peek()) {
            (Some((new, _)), Some((old, _))) => match direction {
                Direction::Forward => new.cmp(old),
                Direction::Backward => old.cmp(new),
            },
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        if order == Ordering::Equal {
            older.next();
        }
        both.extend(if order == Ordering::Greater { older.next() } else { newer.next() });
    }
    both
}
