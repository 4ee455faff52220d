//! The events on disk: entries of the store's keyspace of events, each under a room, its time and a number. What the
//! rooms hold is counted roughly as it comes and exactly when something is to go.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use storage::{Direction, KeyRange, Store};

use super::event::{Action, Event};
use crate::error::{Error, Result};

/// Bytes of events that a room keeps.
const BYTES_MAX: u64 = 64 << 20;

/// How much is left of a room that was full, in hundredths.
const LEFT_WHEN_FULL: u64 = 90;

/// How long and how many events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLimits {
    pub days: u32,
    /// Of each of the two rooms: what outsiders can cause, and the rest.
    pub events_max: u64,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self { days: 90, events_max: 100_000 }
    }
}

/// One of the rooms that events are kept in. Part of keys: never renumber.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Room {
    Deeds = 1,
    Noise = 2,
}

impl Room {
    const ALL: [Room; 2] = [Room::Deeds, Room::Noise];

    fn of(action: Action) -> Self {
        if action.is_noise() { Room::Noise } else { Room::Deeds }
    }

    fn prefix(self) -> [u8; 1] {
        [self as u8]
    }

    fn index(self) -> usize {
        self as usize - 1
    }
}

/// About what a room holds.
#[derive(Debug)]
struct Kept {
    events: AtomicU64,
    bytes: AtomicU64,
    oldest: AtomicI64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { events: AtomicU64::new(0), bytes: AtomicU64::new(0), oldest: AtomicI64::new(i64::MAX) }
    }
}

/// The log as it is stored.
pub(super) struct Table {
    pub(super) store: Store,
    limits: AuditLimits,
    kept: [Kept; 2],
    /// Tells apart events of one microsecond.
    last: AtomicU64,
}

impl Table {
    pub(super) fn open(store: &Store, limits: AuditLimits) -> Result<Self> {
        let table = Self { store: store.clone(), limits, kept: Default::default(), last: AtomicU64::new(0) };
        for room in Room::ALL {
            store.view().walk_events(&room.prefix(), Direction::Forward, &mut |key, value| {
                table.count(room, time_of(key), value.len());
                ControlFlow::Continue(())
            })?;
        }
        Ok(table)
    }

    /// Key and value of an event, for the transaction that writes it.
    pub(super) fn entry(&self, event: &Event) -> Result<(Vec<u8>, Vec<u8>)> {
        let value = serde_json::to_vec(event)
            .map_err(|error| Error::internal(format!("an event of the audit log cannot be written: {error}")))?;
        let room = Room::of(event.action);
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let mut key = room.prefix().to_vec();
        key.extend_from_slice(&event.time.to_be_bytes());
        key.extend_from_slice(&number.to_be_bytes());
        self.count(room, event.time, value.len());
        Ok((key, value))
    }

    fn count(&self, room: Room, time: i64, bytes: usize) {
        let kept = &self.kept[room.index()];
        kept.events.fetch_add(1, Ordering::Relaxed);
        kept.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        kept.oldest.fetch_min(time, Ordering::Relaxed);
    }

    /// How many events there are, about.
    pub(super) fn len(&self) -> u64 {
        self.kept.iter().map(|kept| kept.events.load(Ordering::Relaxed)).sum()
    }

    /// Every event, the oldest first. One that cannot be read is left out: another version may know what it is.
    pub(super) fn events(&self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for room in Room::ALL {
            self.walk(room, |event| events.push(event))?;
        }
        events.sort_by_key(|event| event.time);
        Ok(events)
    }

    /// When each user logged in for the last time, as far as the log goes back.
    pub(super) fn last_logins(&self) -> Result<FxHashMap<String, i64>> {
        let mut logins = FxHashMap::default();
        self.walk(Room::of(Action::Login), |event| {
            if event.action == Action::Login {
                let last = logins.entry(event.user).or_insert(event.time);
                *last = event.time.max(*last);
            }
        })?;
        Ok(logins)
    }

    fn walk(&self, room: Room, mut see: impl FnMut(Event)) -> Result<()> {
        Ok(self.store.view().walk_events(&room.prefix(), Direction::Forward, &mut |_, value| {
            if let Some(event) = read(value) {
                see(event);
            }
            ControlFlow::Continue(())
        })?)
    }

    /// Deletes what is too old or too much. Costs nothing while there is no such.
    pub(super) fn expire(&self, now: i64) -> Result<()> {
        let since = now.saturating_sub(i64::from(self.limits.days).saturating_mul(86_400_000_000));
        for room in Room::ALL {
            let kept = &self.kept[room.index()];
            let is_full = kept.events.load(Ordering::Relaxed) > self.limits.events_max
                || kept.bytes.load(Ordering::Relaxed) > BYTES_MAX;
            if is_full || kept.oldest.load(Ordering::Relaxed) < since {
                self.expire_room(room, since, is_full)?;
            }
        }
        Ok(())
    }

    fn expire_room(&self, room: Room, since: i64, is_full: bool) -> Result<()> {
        let share = |all: u64| if is_full { all / 100 * LEFT_WHEN_FULL } else { all };
        let (events_max, bytes_max) = (share(self.limits.events_max), share(BYTES_MAX));
        let (mut events, mut bytes, mut oldest, mut end) = (0, 0, i64::MAX, None);
        self.store.view().walk_events(&room.prefix(), Direction::Backward, &mut |key, value| {
            let size = value.len() as u64;
            if time_of(key) < since || events == events_max || bytes + size > bytes_max {
                // Events that have come since are behind it.
                end = Some(Bytes::from([key, &[0]].concat()));
                return ControlFlow::Break(());
            }
            (events, bytes, oldest) = (events + 1, bytes + size, time_of(key));
            ControlFlow::Continue(())
        })?;
        if let Some(end) = end {
            self.store.expire_events(KeyRange { start: Bytes::copy_from_slice(&room.prefix()), end })?;
        }
        let kept = &self.kept[room.index()];
        kept.events.store(events, Ordering::Relaxed);
        kept.bytes.store(bytes, Ordering::Relaxed);
        kept.oldest.store(oldest, Ordering::Relaxed);
        Ok(())
    }
}

fn time_of(key: &[u8]) -> i64 {
    key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_be_bytes)
}

fn read(value: &[u8]) -> Option<Event> {
    serde_json::from_slice(value).ok()
}
