//! Numbers that are never given out twice, even across a crash: a block is reserved on disk before its first is used.

use std::sync::Arc;

use parking_lot::Mutex;

use super::meta;
use crate::commit::Health;
use crate::error::{Error, Result};
use crate::kv::{Batch, Family, KeyValue};

/// How far a reservation must have got before its numbers may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserve {
    /// Onto disk.
    Durable,
    /// Into the log: enough for numbers that only matter within later commits, which the same log follows with.
    Logged,
}

struct Block {
    next: u64,
    /// The first number that is not reserved.
    end: u64,
}

pub(super) struct Counter {
    key: &'static [u8],
    block_size: u64,
    reserve: Reserve,
    max: u64,
    kv: Arc<dyn KeyValue>,
    health: Arc<Health>,
    block: Mutex<Block>,
}

impl Counter {
    /// Continues after everything that was ever reserved; begins at `first`.
    pub(super) fn open(
        kv: &Arc<dyn KeyValue>,
        health: &Arc<Health>,
        key: &'static [u8],
        first: u64,
        max: u64,
        (block_size, reserve): (u64, Reserve),
    ) -> Result<Self> {
        let next = match kv.get(Family::Meta, key)? {
            Some(value) => meta::decode_u64(key, &value)?,
            None => first,
        };
        Ok(Self {
            key,
            block_size,
            reserve,
            max,
            kv: Arc::clone(kv),
            health: Arc::clone(health),
            block: Mutex::new(Block { next, end: next }),
        })
    }

    /// The first number that was not given out yet.
    pub(super) fn next(&self) -> u64 {
        self.block.lock().next
    }

    /// The first of `count` consecutive numbers. Waits for the disk once a block.
    pub(super) fn allocate(&self, count: u64) -> Result<u64> {
        let mut block = self.block.lock();
        let after = block.next.checked_add(count).filter(|after| *after <= self.max).ok_or_else(|| self.exhausted())?;
        if after > block.end {
            block.end = self.reserve(after.saturating_add(self.block_size).min(self.max))?;
        }
        let first = block.next;
        block.next = after;
        Ok(first)
    }

    fn reserve(&self, end: u64) -> Result<u64> {
        self.health.check()?;
        let mut batch = Batch::with_capacity(1);
        batch.put(Family::Meta, self.key, meta::encode_u64(end));
        let written = self.kv.write(&batch).and_then(|()| match self.reserve {
            Reserve::Durable => self.kv.sync(),
            Reserve::Logged => Ok(()),
        });
        match written {
            Ok(()) => Ok(end),
            Err(error) => {
                let reason = error.to_string();
                self.health.refuse(&reason);
                Err(Error::WritesRefused { reason })
            }
        }
    }

    fn exhausted(&self) -> Error {
        Error::Io(format!("the counter {} is used up", self.key.escape_ascii()))
    }
}
