//! Streams: tables whose rows come with the time and go with it.
//!
//! A row is as old as its insertion, and its key says when that was ([`crate::key`]): the time that rows are kept is cut into
//! buckets, so that what is over goes with one range of keys, and a slice's rows are a range of each bucket. Whether a row is
//! there still makes no difference to readers: they are shown what the rule lets stay at the moment in which they look, however
//! old their snapshot is. Eviction ([`crate::Store::evict`]) only gives the room back.
//!
//! Rows of an ephemeral stream are for those who attend, slice by slice. While nobody does, none is taken; and with the last
//! who leaves goes everything that there was.

use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::Result;
use crate::id::TableId;
use crate::key::{RowKey, StreamPlace};
use crate::kv::Family;
use crate::schema::TableSchema;
use crate::slice::{Slice, SliceId};
use crate::store::Store;

/// Into so many buckets the time is cut that rows are kept, unless that makes them too short.
const BUCKETS: i64 = 8;

const BUCKET_US_MIN: i64 = 1_000_000;

/// Stands for the attendance of whoever is shown the rows of all slices.
const EVERYBODY: SliceId = SliceId(0);

/// How long the rows of a stream are kept, and which of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRule {
    /// For how long after its insertion a row is shown, in microseconds.
    pub ttl_us: i64,
    /// How much time a bucket of keys spans, in microseconds. It stays what it is as long as the table's generation.
    pub bucket_us: i64,
    /// How many rows each slice keeps, the newest; `None`: all.
    pub rows_max: Option<u64>,
    /// Whether rows are kept only while somebody attends.
    pub ephemeral: bool,
}

impl StreamRule {
    /// The span of buckets that suits rows which are kept for so long.
    pub fn bucket_us_for(ttl_us: i64) -> i64 {
        (ttl_us / BUCKETS).max(BUCKET_US_MIN)
    }

    /// The bucket of a row that came at a time. What the clock says of times before 1970 is of no interest.
    pub(crate) fn bucket(&self, time_us: i64) -> u32 {
        u32::try_from(time_us.max(0) / self.bucket_us.max(1)).unwrap_or(u32::MAX)
    }

    /// The newest time of which rows are over at a moment.
    pub(crate) fn over_us(&self, now_us: i64) -> i64 {
        now_us.saturating_sub(self.ttl_us)
    }
}

impl TableSchema {
    /// Where the table's rows lie.
    pub(crate) fn family(&self) -> Family {
        if self.stream.is_some() { Family::Stream } else { Family::Rows }
    }
}

/// What readers of streams go by besides what is stored: the time, and who attends.
pub(crate) struct Streams {
    environment: Environment,
    audiences: RwLock<FxHashMap<TableId, FxHashMap<SliceId, Audience>>>,
}

/// Those who attend to a slice of an ephemeral stream.
struct Audience {
    count: usize,
    /// Rows before this number came when nobody attended, or for others who have left.
    first_row: u64,
}

/// While it lives, the rows of a slice of an ephemeral stream are kept.
pub struct Attending {
    streams: Arc<Streams>,
    table: TableId,
    slice: SliceId,
}

impl std::fmt::Debug for Attending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Attending").field("table", &self.table).field("slice", &self.slice).finish()
    }
}

/// What is shown of a stream at a moment.
pub(crate) struct Shown {
    /// The newest time of which rows are over.
    pub(crate) over_us: i64,
    /// Of an ephemeral stream, the first row of each slice that is shown.
    first_rows: Option<FxHashMap<SliceId, u64>>,
}

impl Shown {
    pub(crate) fn shows(&self, place: StreamPlace) -> bool {
        let is_attended = match &self.first_rows {
            None => true,
            Some(first) => {
                let first = [place.slice, EVERYBODY].into_iter().filter_map(|slice| first.get(&slice));
                first.min().is_some_and(|first| place.number >= *first)
            }
        };
        is_attended && place.time_us > self.over_us
    }
}

impl Streams {
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment, audiences: RwLock::default() }
    }

    /// What is shown now of a table that is a stream.
    pub(crate) fn shown(&self, table: TableId, rule: &StreamRule) -> Shown {
        let first_rows = rule.ephemeral.then(|| {
            let audiences = self.audiences.read();
            let of_table = audiences.get(&table).into_iter().flatten();
            of_table.map(|(slice, audience)| (*slice, audience.first_row)).collect()
        });
        Shown { over_us: rule.over_us(self.environment.now_us()), first_rows }
    }

    /// Whether the row with this key is one that readers are shown; rows of tables that are no streams always are.
    pub(crate) fn shows(&self, table: &TableSchema, key: &RowKey) -> bool {
        let Some(rule) = &table.stream else { return true };
        StreamPlace::of(key.as_bytes()).is_some_and(|place| self.shown(table.table, rule).shows(place))
    }

    /// Whether a row of the table's slice is kept that comes now.
    pub(crate) fn takes(&self, table: &TableSchema) -> bool {
        if !table.stream.as_ref().is_some_and(|rule| rule.ephemeral) {
            return true;
        }
        let audiences = self.audiences.read();
        let Some(of_table) = audiences.get(&table.table) else { return false };
        of_table.contains_key(&EVERYBODY) || of_table.contains_key(&attended(table.slice))
    }
}

/// What somebody attends to who is shown so much of a table.
fn attended(slice: Slice) -> SliceId {
    match slice {
        Slice::One(slice) => slice,
        Slice::Undivided | Slice::Every => EVERYBODY,
    }
}

impl Drop for Attending {
    fn drop(&mut self) {
        let mut audiences = self.streams.audiences.write();
        let Some(of_table) = audiences.get_mut(&self.table) else { return };
        if let Some(audience) = of_table.get_mut(&self.slice) {
            audience.count -= 1;
            if audience.count == 0 {
                of_table.remove(&self.slice);
            }
        }
        if of_table.is_empty() {
            audiences.remove(&self.table);
        }
    }
}

impl Store {
    /// Has rows kept that come from now on in what a schema means of an ephemeral stream. `None` for a table that keeps its
    /// rows anyway.
    pub fn attend(&self, table: &TableSchema) -> Result<Option<Attending>> {
        if !table.stream.as_ref().is_some_and(|rule| rule.ephemeral) {
            return Ok(None);
        }
        let streams = Arc::clone(&self.newest().streams);
        let slice = attended(table.slice);
        // Rows that are taken because of this get later numbers.
        let first_row = self.allocate_row_ids(1)?;
        let mut audiences = streams.audiences.write();
        let audience = audiences.entry(table.table).or_default().entry(slice);
        audience.or_insert(Audience { count: 0, first_row }).count += 1;
        drop(audiences);
        Ok(Some(Attending { streams, table: table.table, slice }))
    }

    /// Whether the row with this key is one of a stream and has been kept as long as the table says.
    pub fn is_over(&self, table: &TableSchema, key: &RowKey) -> bool {
        let Some(rule) = &table.stream else { return false };
        let over_us = rule.over_us(self.environment().now_us());
        StreamPlace::of(key.as_bytes()).is_none_or(|place| place.time_us <= over_us)
    }
}
