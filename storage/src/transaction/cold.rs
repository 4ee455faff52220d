//! What a commit does to cold rows: their places are looked up at its end, and marked by it.
//!
//! Until then a transaction knows rows by their keys alone, so that nothing it holds goes stale when rows are moved.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Transaction;
use super::background::Background;
use super::layers::{Layer, Layers};
use crate::commit::{ColdRow, CommitRequest, append_staged, staged_key};
use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{KeyRange, RowKey};
use crate::kv::{Batch, Direction, Family};
use crate::segment::mark_key;
use crate::store::Store;

/// Keys that are looked up at a time.
const KEYS_AT_ONCE: usize = if cfg!(test) { 7 } else { 8192 };

/// So few rows are looked up one by one.
const FEW: usize = if cfg!(test) { 3 } else { 32 };

/// Has a commit mark the old versions of its rows that are cold. The caller holds the pass of [`crate::commit::Moves`].
pub(super) fn mark(store: &Store, request: &mut CommitRequest) -> Result<()> {
    let newest = store.newest();
    if newest.snapshot.manifest().is_empty() {
        return Ok(());
    }
    let replaced = request.rows.iter().filter(|row| row.old.is_some());
    if request.rows.len() <= FEW {
        for row in replaced {
            let mark = newest.snapshot.locate(row.key.as_bytes())?;
            request.marks.extend(mark.map(|mark| ColdRow { table: row.key.generation(), mark }));
        }
        return Ok(());
    }
    let replaced: Vec<&RowKey> = replaced.map(|row| &row.key).collect();
    for rows in replaced.chunks(KEYS_AT_ONCE) {
        let keys: Vec<&[u8]> = rows.iter().map(|key| key.as_bytes()).collect();
        for (row, mark) in rows.iter().zip(newest.snapshot.locate_many(&keys)?) {
            request.marks.extend(mark.map(|mark| ColdRow { table: row.generation(), mark }));
        }
    }
    Ok(())
}

/// The marks of a commit whose rows are staged, on their way to a layer of their own.
struct Staging {
    store: Store,
    layers: Arc<Layers>,
    tables: BTreeSet<GenerationId>,
    layer: Layer,
}

impl Transaction {
    /// Adds a layer with the marks of cold rows to what is staged. The caller holds the pin.
    pub(super) async fn stage_marks(&mut self) -> Result<()> {
        let Some(staged) = &mut self.staged else { return Ok(()) };
        let Some(layers) = staged.view().cloned() else { return Ok(()) };
        let newest = self.store.published_state();
        let rows = staged.load().touched.into_iter().filter(|(family, _)| *family == Family::Rows);
        let cold = rows.map(|(_, table)| table).filter(|table| !newest.snapshot.manifest().of(*table).is_empty());
        let tables: BTreeSet<GenerationId> = cold.collect();
        if tables.is_empty() {
            return Ok(());
        }
        let layer = Layer::new(self.store.allocate_generation()?);
        self.store.record_aside(layer.id)?;
        let mut staging = Staging { store: self.store.clone(), layers, tables, layer: layer.clone() };
        let mut work = Background::start("marks", move || staging.run().map(|()| staging.layer))?;
        work.ended().await;
        // Known even if it was not finished, so that it is deleted with the others.
        match work.join().and_then(|finished| finished) {
            Ok(layer) => staged.add(layer),
            Err(error) => {
                staged.add(layer);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Staging {
    fn run(&mut self) -> Result<()> {
        let newest = self.store.published_state();
        let (mut batch, mut value) = (Batch::new(), Vec::new());
        append_staged(Some(&[]), &mut value);
        for &table in &self.tables {
            let mut rest = KeyRange::generation(table);
            loop {
                let own =
                    self.layers.collect_under(Vec::new(), Family::Rows, &rest, Direction::Forward, KEYS_AT_ONCE)?;
                let keys: Vec<&[u8]> = own.iter().map(|(key, _)| &key[..]).collect();
                for mark in newest.snapshot.locate_many(&keys)?.into_iter().flatten() {
                    self.layer.marked.insert((table, mark.segment));
                    batch.put(Family::Deleted, staged_key(self.layer.id, &mark_key(mark)), value.clone());
                }
                self.store.write_aside(&batch)?;
                batch.clear();
                match own.last() {
                    Some((last, _)) => rest.start = [&last[..], &[0]].concat().into(),
                    None => break,
                }
            }
        }
        self.store.flush_aside()
    }
}
