//! Cutting a range of keys into pieces of similar size, for scans that run in parallel.
//!
//! The keys between the first and the last are guessed by their place between them as numbers, which is right for
//! numbers and random keys, and then moved to keys that exist. Sizes of the pieces, where known, choose among them.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::{Direction, Family, KvSnapshot};
use crate::error::Result;
use crate::key::KeyRange;

/// How many places are tried for each piece that is wanted.
const CANDIDATES_PER_PART: usize = 4;

/// No machine scans one table with more threads than this.
const PARTS_MAX: usize = 256;

/// Up to `parts - 1` existing keys that cut the range. `sizes` answers a size for each range, all zero when unknown.
pub(super) fn split_points(
    snapshot: &dyn KvSnapshot,
    family: Family,
    range: &KeyRange,
    parts: usize,
    sizes: impl Fn(&[KeyRange]) -> Vec<u64>,
) -> Result<Vec<Bytes>> {
    let parts = parts.min(PARTS_MAX);
    if parts < 2 {
        return Ok(Vec::new());
    }
    let first = edge(snapshot, family, range, Direction::Forward)?;
    let last = edge(snapshot, family, range, Direction::Backward)?;
    let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
    let mut candidates: Vec<Bytes> = Vec::new();
    for guess in guesses(&first, &last, parts * CANDIDATES_PER_PART) {
        let rest = KeyRange { start: guess, end: range.end.clone() };
        if let Some(key) = edge(snapshot, family, &rest, Direction::Forward)?
            && key > first
            && candidates.last().is_none_or(|previous| key > *previous)
        {
            candidates.push(key);
        }
    }
    let mut starts = vec![range.start.clone()];
    starts.extend(candidates.iter().cloned());
    let ends = candidates.iter().cloned().chain([range.end.clone()]);
    let pieces: Vec<KeyRange> = starts.into_iter().zip(ends).map(|(start, end)| KeyRange { start, end }).collect();
    let mut weights = sizes(&pieces);
    if weights.iter().all(|weight| *weight == 0) {
        weights = vec![1; pieces.len()];
    }
    Ok(choose(candidates, &weights, parts))
}

/// The first or the last key of a range.
fn edge(snapshot: &dyn KvSnapshot, family: Family, range: &KeyRange, direction: Direction) -> Result<Option<Bytes>> {
    let mut edge = None;
    snapshot.scan(family, range, direction, &mut |key, _| {
        edge = Some(Bytes::copy_from_slice(key));
        ControlFlow::Break(())
    })?;
    Ok(edge)
}

/// Evenly spaced byte strings between two keys: their common beginning, then the next eight bytes taken as a number.
fn guesses(first: &[u8], last: &[u8], pieces: usize) -> impl Iterator<Item = Bytes> {
    let common = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let (from, to) = (number_at(first, common), number_at(last, common));
    let prefix = first[..common].to_vec();
    (1..pieces).map(move |piece| {
        let offset = u128::from(to.saturating_sub(from)) * piece as u128 / pieces as u128;
        let mut key = prefix.clone();
        key.extend_from_slice(&(from + offset as u64).to_be_bytes());
        key.into()
    })
}

/// The eight bytes of a key from a position on, as a number; a short key ends in zeros.
fn number_at(key: &[u8], position: usize) -> u64 {
    let mut bytes = [0; 8];
    for (byte, from) in bytes.iter_mut().zip(&key[position..]) {
        *byte = *from;
    }
    u64::from_be_bytes(bytes)
}

/// The candidates at which the weight passes each further part of the whole; piece `i` lies before candidate `i`.
fn choose(candidates: Vec<Bytes>, weights: &[u64], parts: usize) -> Vec<Bytes> {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let mut before: u128 = 0;
    let mut next_part = 1;
    let mut chosen = Vec::with_capacity(parts - 1);
    for (candidate, weight) in candidates.into_iter().zip(weights) {
        before += u128::from(*weight);
        if next_part < parts && before * parts as u128 >= total * next_part as u128 {
            chosen.push(candidate);
            next_part = usize::try_from(before * parts as u128 / total).map_or(parts, |part| part + 1);
        }
    }
    chosen
}
