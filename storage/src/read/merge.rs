//! One walk over a range of a snapshot with a transaction's own writes laid over it.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use bytes::Bytes;

use crate::error::Result;
use crate::key::KeyRange;
use crate::kv::{Direction, Family, KvSnapshot};
use crate::transaction::Overlay;

/// Own writes that are looked at in one go; those that are on disk are read for it.
const OWN_MAX: usize = if cfg!(test) { 5 } else { 8192 };

/// Takes the entries of a walk, key and value, one by one.
pub(super) type Emit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'a;

/// A range that is walked in pieces; between two of them only the rest of the range is kept.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub(super) family: Family,
    rest: KeyRange,
    direction: Direction,
    done: bool,
}

impl Walk {
    pub(super) fn new(family: Family, range: KeyRange, direction: Direction) -> Self {
        let done = range.is_empty();
        Self { family, rest: range, direction, done }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// What has not been walked yet.
    pub(super) fn rest(&self) -> &KeyRange {
        &self.rest
    }

    /// What was walked since the rest was `before`.
    pub(super) fn walked_since(&self, before: &KeyRange) -> KeyRange {
        match (self.done, self.direction) {
            (true, _) => before.clone(),
            (false, Direction::Forward) => KeyRange { start: before.start.clone(), end: self.rest.start.clone() },
            (false, Direction::Backward) => KeyRange { start: self.rest.end.clone(), end: before.end.clone() },
        }
    }

    /// Emits up to `max` further entries.
    pub(super) fn step(
        &mut self,
        snapshot: &dyn KvSnapshot,
        overlay: Option<&Overlay>,
        max: usize,
        emit: &mut Emit<'_>,
    ) -> Result<()> {
        let mut left = max;
        while left > 0 && !self.done {
            let own_max = left.min(OWN_MAX);
            let own = match overlay {
                Some(overlay) => overlay.collect(self.family, &self.rest, self.direction, own_max)?,
                None => Vec::new(),
            };
            let emitted = if own.is_empty() {
                self.plain(snapshot, left, emit)?
            } else {
                let horizon = if own.len() >= own_max { own.last().map(|(key, _)| key.clone()) } else { None };
                self.merged(snapshot, own, horizon, left, emit)?
            };
            left = left.saturating_sub(emitted);
        }
        Ok(())
    }

    /// A piece in which the transaction wrote nothing.
    fn plain(&mut self, snapshot: &dyn KvSnapshot, max: usize, emit: &mut Emit<'_>) -> Result<usize> {
        let mut emitted = 0;
        let mut failed = None;
        let mut last = None;
        snapshot.scan(self.family, &self.rest, self.direction, &mut |key, value| {
            if let Err(error) = emit(key, value) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            emitted += 1;
            if emitted < max {
                return ControlFlow::Continue(());
            }
            last = Some(Bytes::copy_from_slice(key));
            ControlFlow::Break(())
        })?;
        self.finish(failed, last, emitted)
    }

    /// A piece that ends at the horizon at the latest: behind it there may be more of `own`.
    fn merged(
        &mut self,
        snapshot: &dyn KvSnapshot,
        own: Vec<(Bytes, Option<Bytes>)>,
        horizon: Option<Bytes>,
        max: usize,
        emit: &mut Emit<'_>,
    ) -> Result<usize> {
        let mut own = own.into_iter().peekable();
        let mut merge = Merge { emitted: 0, max, last: None, emit };
        let mut failed = None;
        let direction = self.direction;
        snapshot.scan(self.family, &self.rest, direction, &mut |key, value| {
            if horizon.as_ref().is_some_and(|horizon| order(direction, key, horizon) == Ordering::Greater) {
                return ControlFlow::Break(());
            }
            let flow = loop {
                match own.peek().map(|(next, _)| order(direction, next, key)) {
                    Some(Ordering::Less) => match own.next().map(|(key, value)| merge.own(&key, value)) {
                        Some(Ok(ControlFlow::Continue(()))) | None => {}
                        Some(other) => break other,
                    },
                    Some(Ordering::Equal) => match own.next() {
                        Some((key, value)) => break merge.own(&key, value),
                        None => break merge.own(key, None),
                    },
                    Some(Ordering::Greater) | None => break merge.entry(key, value),
                }
            };
            flow.unwrap_or_else(|error| {
                failed = Some(error);
                ControlFlow::Break(())
            })
        })?;
        if failed.is_none() && merge.last.is_none() {
            for (key, value) in own {
                if merge.own(&key, value)?.is_break() {
                    break;
                }
            }
        }
        let Merge { emitted, last, .. } = merge;
        // Everything up to the horizon was walked, or up to the entry that filled the piece.
        self.finish(failed, last.or(horizon), emitted)
    }

    /// Cuts off what was walked: up to `last`, or all of it.
    fn finish(&mut self, failed: Option<crate::Error>, last: Option<Bytes>, emitted: usize) -> Result<usize> {
        if let Some(error) = failed {
            self.done = true;
            return Err(error);
        }
        match (last, self.direction) {
            (None, _) => self.done = true,
            (Some(last), Direction::Forward) => {
                let mut next = Vec::with_capacity(last.len() + 1);
                next.extend_from_slice(&last);
                next.push(0);
                self.rest.start = next.into();
            }
            (Some(last), Direction::Backward) => self.rest.end = last,
        }
        self.done |= self.rest.is_empty();
        Ok(emitted)
    }
}

/// What a merged piece has come to.
struct Merge<'a, 'b> {
    emitted: usize,
    max: usize,
    /// The entry that filled the piece.
    last: Option<Bytes>,
    emit: &'a mut Emit<'b>,
}

impl Merge<'_, '_> {
    fn own(&mut self, key: &[u8], value: Option<Bytes>) -> Result<ControlFlow<()>> {
        match value {
            Some(value) => self.entry(key, &value),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<ControlFlow<()>> {
        (self.emit)(key, value)?;
        self.emitted += 1;
        if self.emitted < self.max {
            return Ok(ControlFlow::Continue(()));
        }
        self.last = Some(Bytes::copy_from_slice(key));
        Ok(ControlFlow::Break(()))
    }
}

/// How two keys follow each other in a direction.
fn order(direction: Direction, left: &[u8], right: &[u8]) -> Ordering {
    match direction {
        Direction::Forward => left.cmp(right),
        Direction::Backward => right.cmp(left),
    }
}
