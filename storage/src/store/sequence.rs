//! Values of sequences: handed out one by one, never twice, whatever happens to the transaction that took them.
//!
//! A block of values is reserved on disk before its first is used, so a crash loses at most the rest of a block; a clean
//! shutdown loses nothing. Blocks grow while a sequence is in haste. The values of a sequence are known by a generation
//! number: a restart of the sequence is a new generation, which begins at its start.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{Store, meta, open};
use crate::error::Result;
use crate::id::GenerationId;
use crate::kv::{Batch, Family};

/// Values in the first block; PostgreSQL logs as many ahead.
const BLOCK_MIN: u64 = 32;
/// Values in the greatest block: what a crash may lose.
const BLOCK_MAX: u64 = 8192;
/// Blocks used up faster than this are followed by one of twice the size.
const HASTE_US: i64 = 1_000_000;

/// How the values of a sequence follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SequenceRule {
    pub start: i64,
    /// Never zero.
    pub increment: i64,
    pub min: i64,
    pub max: i64,
    /// After the last value comes the first again.
    pub cycle: bool,
}

/// Where a sequence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequencePosition {
    pub last_value: i64,
    /// Whether `last_value` was given out; otherwise it is the next.
    pub is_called: bool,
}

struct Running {
    position: SequencePosition,
    /// What the reservation was made for.
    rule: SequenceRule,
    /// Values that may be given out before the next reservation.
    reserved: u64,
    block: u64,
    reserved_at_us: i64,
}

/// The sequences that were used since the start.
#[derive(Default)]
pub(super) struct Sequences {
    running: Mutex<FxHashMap<GenerationId, Arc<Mutex<Running>>>>,
}

impl SequenceRule {
    fn beginning(&self) -> SequencePosition {
        SequencePosition { last_value: self.start, is_called: false }
    }

    /// The value after a position; None at the end of a sequence that does not cycle.
    fn after(&self, position: SequencePosition) -> Option<i64> {
        if !position.is_called {
            return Some(position.last_value);
        }
        let next = position.last_value.checked_add(self.increment);
        match next.filter(|next| (self.min..=self.max).contains(next)) {
            Some(next) => Some(next),
            None if self.cycle => Some(if self.increment > 0 { self.min } else { self.max }),
            None => None,
        }
    }

    /// The last of at most `count` values from `first` on, before the end, and how many they are.
    fn block_end(&self, first: i64, count: u64) -> (i64, u64) {
        let distance = if self.increment > 0 { self.max.abs_diff(first) } else { first.abs_diff(self.min) };
        let steps = (distance / self.increment.unsigned_abs()).min(count.saturating_sub(1));
        // Within the bounds, so in two's complement the sum is right even where the product is not.
        (first.wrapping_add(self.increment.wrapping_mul(steps as i64)), steps + 1)
    }
}

impl Store {
    /// The next value of a sequence; None if it has reached its end. Waits for the disk once a block.
    pub fn next_value(&self, sequence: GenerationId, rule: &SequenceRule) -> Result<Option<i64>> {
        let running = self.running(sequence, rule)?;
        let mut running = running.lock();
        let Some(next) = rule.after(running.position) else { return Ok(None) };
        if running.reserved == 0 || running.rule != *rule {
            let now = self.environment().now_us();
            let in_haste = now.saturating_sub(running.reserved_at_us) < HASTE_US;
            running.block = if in_haste { (running.block * 2).min(BLOCK_MAX) } else { BLOCK_MIN };
            running.reserved_at_us = now;
            let (end, count) = rule.block_end(next, running.block);
            self.write_position(sequence, SequencePosition { last_value: end, is_called: true })?;
            running.reserved = count;
            running.rule = *rule;
        }
        running.reserved -= 1;
        running.position = SequencePosition { last_value: next, is_called: true };
        Ok(Some(next))
    }

    /// Puts a sequence at a position, durably.
    pub fn set_value(&self, sequence: GenerationId, rule: &SequenceRule, position: SequencePosition) -> Result<()> {
        let running = self.running(sequence, rule)?;
        let mut running = running.lock();
        self.write_position(sequence, position)?;
        running.position = position;
        running.reserved = 0;
        Ok(())
    }

    /// Where a sequence stands.
    pub fn sequence_position(&self, sequence: GenerationId, rule: &SequenceRule) -> Result<SequencePosition> {
        Ok(self.running(sequence, rule)?.lock().position)
    }

    /// Forgets the values of sequences that are not there any more.
    pub fn sweep_sequences(&self, exists: impl Fn(GenerationId) -> bool) -> Result<()> {
        let mut batch = Batch::new();
        for (key, _) in open::entries(self.kv(), &meta::value_range())? {
            if !exists(meta::generation_of(&key)?) {
                batch.delete(Family::Meta, key);
            }
        }
        self.inner.sequences.running.lock().retain(|generation, _| exists(*generation));
        if batch.is_empty() { Ok(()) } else { self.write_own(|kv| kv.write(&batch)) }
    }

    /// Gives back what was reserved and not given out.
    pub(super) fn settle_sequences(&self) -> Result<()> {
        let running: Vec<_> =
            self.inner.sequences.running.lock().iter().map(|(id, running)| (*id, Arc::clone(running))).collect();
        for (generation, running) in running {
            let mut running = running.lock();
            if running.reserved > 0 {
                self.write_position(generation, running.position)?;
                running.reserved = 0;
            }
        }
        Ok(())
    }

    fn running(&self, sequence: GenerationId, rule: &SequenceRule) -> Result<Arc<Mutex<Running>>> {
        let mut running = self.inner.sequences.running.lock();
        if let Some(running) = running.get(&sequence) {
            return Ok(Arc::clone(running));
        }
        let key = meta::value_key(sequence);
        let position = match self.kv().get(Family::Meta, &key)? {
            Some(value) => meta::decode_position(&key, &value)?,
            None => rule.beginning(),
        };
        let entry = Running { position, rule: *rule, reserved: 0, block: BLOCK_MIN, reserved_at_us: i64::MIN };
        Ok(Arc::clone(running.entry(sequence).or_insert_with(|| Arc::new(Mutex::new(entry)))))
    }

    fn write_position(&self, sequence: GenerationId, position: SequencePosition) -> Result<()> {
        let mut batch = Batch::with_capacity(1);
        batch.put(Family::Meta, meta::value_key(sequence), meta::encode_position(position));
        self.write_own(|kv| {
            kv.write(&batch)?;
            kv.sync()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{KeyValue, MemoryKeyValue};
    use crate::store::StoreOptions;

    const SEQUENCE: GenerationId = GenerationId(7);
    const PLAIN: SequenceRule = SequenceRule { start: 1, increment: 1, min: 1, max: i64::MAX, cycle: false };

    fn store(kv: &Arc<MemoryKeyValue>) -> Store {
        let kv: Arc<dyn KeyValue> = Arc::clone(kv) as _;
        Store::with_kv(kv, StoreOptions::default()).expect("the store opens")
    }

    fn take(store: &Store, rule: &SequenceRule, count: usize) -> Vec<Option<i64>> {
        (0..count).map(|_| store.next_value(SEQUENCE, rule).expect("no disk fails here")).collect()
    }

    #[test]
    fn values_follow_the_rule() {
        let check = |rule: SequenceRule, expected: &[Option<i64>]| {
            assert_eq!(take(&store(&Arc::default()), &rule, expected.len()), expected, "{rule:?}");
        };
        check(PLAIN, &[Some(1), Some(2), Some(3)]);
        check(SequenceRule { increment: 3, max: 8, ..PLAIN }, &[Some(1), Some(4), Some(7), None, None]);
        check(SequenceRule { increment: 3, max: 8, cycle: true, ..PLAIN }, &[Some(1), Some(4), Some(7), Some(1)]);
        let down = SequenceRule { start: -1, increment: -2, min: -5, max: -1, cycle: true };
        check(down, &[Some(-1), Some(-3), Some(-5), Some(-1)]);
        let wide = SequenceRule { start: i64::MIN, increment: i64::MAX, min: i64::MIN, max: i64::MAX, cycle: false };
        check(wide, &[Some(i64::MIN), Some(-1), Some(i64::MAX - 1), None]);
    }

    #[test]
    fn a_crash_repeats_no_value_and_a_shutdown_skips_none() {
        let kv = Arc::default();
        let before = store(&kv);
        assert_eq!(take(&before, &PLAIN, 100).last(), Some(&Some(100)));
        // As after a crash: nobody settles.
        let crashed = store(&kv);
        let next = crashed.next_value(SEQUENCE, &PLAIN).expect("no disk fails here").expect("it has no end");
        assert!((101..=100 + BLOCK_MAX as i64).contains(&next), "{next}");
        crashed.shutdown();
        assert_eq!(take(&store(&kv), &PLAIN, 1), [Some(next + 1)]);
    }

    #[test]
    fn a_changed_rule_and_a_set_position_count_from_where_the_sequence_stands() {
        let store = store(&Arc::default());
        take(&store, &PLAIN, 5);
        assert_eq!(take(&store, &SequenceRule { increment: 1000, ..PLAIN }, 2), [Some(1005), Some(2005)]);
        let set = |is_called| store.set_value(SEQUENCE, &PLAIN, SequencePosition { last_value: 50, is_called });
        set(true).expect("no disk fails here");
        assert_eq!(take(&store, &PLAIN, 1), [Some(51)]);
        set(false).expect("no disk fails here");
        assert_eq!(take(&store, &PLAIN, 2), [Some(50), Some(51)]);
    }
}
