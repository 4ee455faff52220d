//! Loads: commits of more rows than memory holds, taken over from where the transaction has staged them.
//!
//! The rows lie in layers, generations of their own whose keys are the layer's number and then the key itself, and whose
//! values begin with a byte that says whether the key is put or deleted. The commit is decided once the record of the load is
//! on disk. Then the layers are applied, oldest first, and one batch deletes the record and the layers. Whoever finds a
//! record when opening the store applies it again, from its beginning: that changes nothing about what is there.
//!
//! The order of the log makes the last batch safe without a sync: no later commit is on disk unless the batch is.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::id::{CommitSeq, GenerationId, TableId};
use crate::key::{self, KeyRange};
use crate::kv::{Batch, Direction, Family, KeyValue, KvSnapshot, SortedRun};
use crate::row;
use crate::store::meta;

/// What is read of a layer and given to the store at a time. Tests make do with little, to see several pieces.
const PIECE_BYTES: usize = if cfg!(test) { 2 << 10 } else { 24 << 20 };

/// The families that layers have keys of.
const FAMILIES: [Family; 5] = [Family::Rows, Family::Index, Family::Trash, Family::Stream, Family::Deleted];

/// What a transaction has staged, and all that the committer has to know of it.
#[derive(Debug)]
pub(crate) struct Load {
    /// Oldest first.
    pub(crate) layers: Vec<GenerationId>,
    /// Whose keys are among them.
    pub(crate) touched: Vec<(Family, GenerationId)>,
    pub(crate) tables: Vec<TableId>,
    /// Whether older entries may have been overwritten or deleted.
    pub(crate) leaves_garbage: bool,
    /// Segments, each behind its table's generation, of which they mark rows.
    pub(crate) marked: Vec<(GenerationId, GenerationId)>,
}

/// What is known of a load after a restart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LoadRecord {
    pub(crate) seq: CommitSeq,
    pub(crate) committed_at_us: i64,
    /// Oldest first.
    pub(crate) layers: Vec<GenerationId>,
    /// Generations that the same commit deletes: staged keys of theirs go nowhere.
    pub(crate) left_out: Vec<GenerationId>,
}

/// The key under which a layer keeps another key.
pub(crate) fn staged_key(layer: GenerationId, key: &[u8]) -> Bytes {
    [&layer.0.to_be_bytes(), key].concat().into()
}

/// The keys under which a layer keeps those of a range.
pub(crate) fn staged_range(layer: GenerationId, range: &KeyRange) -> KeyRange {
    KeyRange { start: staged_key(layer, &range.start), end: staged_key(layer, &range.end) }
}

/// The key that is kept under a layer's.
pub(crate) fn unstaged_key(staged: &[u8]) -> &[u8] {
    staged.get(4..).unwrap_or_default()
}

/// A value as a layer keeps it; `None` is a deletion.
pub(crate) fn append_staged(value: Option<&[u8]>, to: &mut Vec<u8>) {
    to.push(u8::from(value.is_some()));
    to.extend_from_slice(value.unwrap_or_default());
}

/// The value that a layer keeps: `None` is a deletion.
pub(crate) fn unstaged(staged: &[u8]) -> Result<Option<&[u8]>> {
    match staged.split_first() {
        Some((1, value)) => Ok(Some(value)),
        Some((0, [])) => Ok(None),
        _ => Err(Error::Corrupt { reason: "a staged value is not readable".into() }),
    }
}

/// Applies every load that was decided and not finished.
pub(crate) fn recover(kv: &dyn KeyValue) -> Result<()> {
    let mut loads = Vec::new();
    kv.snapshot()?.scan(Family::Meta, &meta::load_range(), Direction::Forward, &mut |key, value| {
        loads.push(meta::decode_load(key, value));
        ControlFlow::Continue(())
    })?;
    for load in loads {
        let load = load?;
        tracing::info!(seq = load.seq.0, "a large commit is taken over again");
        finish(kv, &load)?;
        kv.sync()?;
    }
    Ok(())
}

/// Takes a decided load over: applies its layers and forgets it.
pub(super) fn finish(kv: &dyn KeyValue, load: &LoadRecord) -> Result<()> {
    let snapshot = kv.snapshot()?;
    let mut deleted = false;
    for &layer in &load.layers {
        for family in FAMILIES {
            deleted |= apply(kv, snapshot.as_ref(), load, layer, family)?;
        }
    }
    if deleted {
        kv.flush()?;
    }
    let mut batch = Batch::new();
    batch.delete(Family::Meta, meta::load_key(load.seq));
    for &layer in &load.layers {
        batch.delete(Family::Meta, meta::aside_key(layer));
        batch.delete_generation(layer);
    }
    kv.write(&batch)
}

/// Applies a layer's keys of one family. Answers whether any were deleted, which is not durable yet.
fn apply(
    kv: &dyn KeyValue,
    snapshot: &dyn KvSnapshot,
    load: &LoadRecord,
    layer: GenerationId,
    family: Family,
) -> Result<bool> {
    let mut rest = KeyRange::generation(layer);
    let mut piece = Piece::default();
    let mut deleted = false;
    while !rest.is_empty() {
        piece.clear();
        let (mut end, mut result) = (None, Ok(()));
        snapshot.scan(family, &rest, Direction::Forward, &mut |staged, value| {
            result = piece.add(load, family, staged, value);
            if result.is_ok() && piece.bytes() < PIECE_BYTES {
                return ControlFlow::Continue(());
            }
            end = Some([staged, &[0]].concat());
            ControlFlow::Break(())
        })?;
        result?;
        // Whatever comes later lies behind all of this piece, so neither meets the other in memory.
        if !piece.puts.is_empty() {
            kv.ingest(family, &piece.puts)?;
        }
        if !piece.deletions.is_empty() {
            kv.write_bulk(&piece.deletions)?;
            deleted = true;
        }
        rest.start = end.map_or_else(|| rest.end.clone(), Bytes::from);
    }
    Ok(deleted)
}

/// What is given to the store at a time.
#[derive(Default)]
struct Piece {
    puts: SortedRun,
    deletions: Batch,
    row: Vec<u8>,
}

impl Piece {
    fn clear(&mut self) {
        self.puts.clear();
        self.deletions.clear();
    }

    fn bytes(&self) -> usize {
        self.puts.bytes() + self.deletions.bytes()
    }

    fn add(&mut self, load: &LoadRecord, family: Family, staged: &[u8], value: &[u8]) -> Result<()> {
        let key = unstaged_key(staged);
        if load.left_out.contains(&key::generation_of(key)) {
            return Ok(());
        }
        let Some(value) = unstaged(value)? else {
            self.deletions.delete(family, Bytes::copy_from_slice(key));
            return Ok(());
        };
        let is_row = matches!(family, Family::Rows | Family::Stream);
        let is_next = if is_row || family == Family::Trash && row::is_pending(value) {
            self.row.clear();
            self.row.extend_from_slice(value);
            row::stamp(&mut self.row, load.seq, load.committed_at_us);
            self.puts.push(key, &self.row)
        } else {
            self.puts.push(key, value)
        };
        if is_next { Ok(()) } else { Err(Error::Corrupt { reason: "staged keys are not in order".into() }) }
    }
}
