//! The keys of a stream's rows: generation ‖ bucket of time ‖ slice ‖ time ‖ number.
//!
//! All of them are of one length. The number tells rows of one microsecond apart and ascends with them.

use super::{GENERATION_BYTES, HIDDEN_NUMBER_BYTES, KeyRange, RowKey, ordered_time, time_ordered};
use crate::id::GenerationId;
use crate::slice::{SLICE_BYTES, Slice, SliceId};
use crate::stream::StreamRule;

const BUCKET_BYTES: usize = 4;
const TIME_BYTES: usize = 8;
const SLICE_AT: usize = GENERATION_BYTES + BUCKET_BYTES;
const TIME_AT: usize = SLICE_AT + SLICE_BYTES;
const NUMBER_AT: usize = TIME_AT + TIME_BYTES;
const KEY_BYTES: usize = NUMBER_AT + HIDDEN_NUMBER_BYTES;

/// The key of a row that came at a time, in microseconds since 1970.
pub(crate) fn stream_key(
    generation: GenerationId,
    rule: &StreamRule,
    slice: Slice,
    time_us: i64,
    number: u64,
) -> RowKey {
    debug_assert!(slice != Slice::Every, "a row lies in one slice");
    let slice = match slice {
        Slice::One(slice) => slice,
        Slice::Undivided | Slice::Every => SliceId(0),
    };
    let mut out = Vec::with_capacity(KEY_BYTES);
    append_in_bucket(generation, rule.bucket(time_us), slice, &mut out);
    out.extend_from_slice(&ordered_time(time_us));
    out.extend_from_slice(&number.to_be_bytes());
    RowKey(out.into())
}

/// Whose a stream's row is, and its place among them: by time, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPlace {
    pub(crate) slice: SliceId,
    pub(crate) time_us: i64,
    pub(crate) number: u64,
}

impl StreamPlace {
    /// None for a key that is not one of a stream's.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        let slice = SliceId(u32::from_be_bytes(*key.get(SLICE_AT..)?.first_chunk()?));
        let time_us = time_ordered(*key.get(TIME_AT..)?.first_chunk()?);
        let number = u64::from_be_bytes(*key.get(NUMBER_AT..)?.first_chunk()?);
        Some(Self { slice, time_us, number })
    }

    /// Whether a row came before another.
    pub(crate) fn is_before(self, other: Self) -> bool {
        (self.time_us, self.number) < (other.time_us, other.number)
    }
}

/// The bucket that the key of a stream's row lies in.
pub(crate) fn bucket_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*key.get(GENERATION_BYTES..)?.first_chunk()?))
}

/// The rows of a bucket and of all later ones.
pub(crate) fn buckets_from(generation: GenerationId, bucket: u32) -> KeyRange {
    KeyRange { start: start_of(generation, bucket), end: KeyRange::generation(generation).end }
}

/// The rows of all buckets before one.
pub(crate) fn buckets_before(generation: GenerationId, bucket: u32) -> KeyRange {
    KeyRange { start: start_of(generation, 0), end: start_of(generation, bucket) }
}

/// The rows of one slice in a bucket.
pub(crate) fn slice_in_bucket(generation: GenerationId, bucket: u32, slice: SliceId) -> KeyRange {
    let mut prefix = Vec::with_capacity(TIME_AT);
    append_in_bucket(generation, bucket, slice, &mut prefix);
    KeyRange::prefix(&prefix)
}

fn start_of(generation: GenerationId, bucket: u32) -> bytes::Bytes {
    [generation.0.to_be_bytes(), bucket.to_be_bytes()].concat().into()
}

fn append_in_bucket(generation: GenerationId, bucket: u32, slice: SliceId, out: &mut Vec<u8>) {
    out.extend_from_slice(&generation.0.to_be_bytes());
    out.extend_from_slice(&bucket.to_be_bytes());
    out.extend_from_slice(&slice.0.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: GenerationId = GenerationId(7);

    fn rule() -> StreamRule {
        StreamRule { ttl_us: 8_000_000, bucket_us: 1_000_000, rows_max: None, ephemeral: false }
    }

    fn key(slice: u32, time_us: i64, number: u64) -> RowKey {
        stream_key(TABLE, &rule(), Slice::One(SliceId(slice)), time_us, number)
    }

    #[test]
    fn a_key_tells_where_its_row_stands() {
        for (slice, time_us, number) in [(1, 0, 0), (u32::MAX, 1_700_000_000_000_000, u64::MAX), (5, -3, 9)] {
            let key = key(slice, time_us, number);
            assert_eq!(StreamPlace::of(key.as_bytes()), Some(StreamPlace { slice: SliceId(slice), time_us, number }));
            assert_eq!(bucket_of(key.as_bytes()), Some(rule().bucket(time_us)));
            assert_eq!(key.generation(), TABLE);
        }
        assert_eq!(StreamPlace::of(&key(1, 0, 0).as_bytes()[..KEY_BYTES - 1]), None);
        assert_eq!(bucket_of(b"1234567"), None);
    }

    #[test]
    fn buckets_come_first_then_slices_then_time() {
        let keys = [
            key(9, 999_999, 5),
            key(1, 1_000_000, 4),
            key(1, 1_000_000, 6),
            key(1, 1_999_999, 1),
            key(2, 1_000_000, 0),
        ];
        assert!(keys.is_sorted());
        let within = |range: KeyRange| keys.iter().filter(|key| range.contains(key.as_bytes())).count();
        assert_eq!(within(buckets_before(TABLE, 1)), 1);
        assert_eq!(within(buckets_from(TABLE, 1)), 4);
        assert_eq!(within(buckets_from(TABLE, 2)), 0);
        assert_eq!(within(slice_in_bucket(TABLE, 1, SliceId(1))), 3);
        assert_eq!(within(slice_in_bucket(TABLE, u32::MAX, SliceId(u32::MAX))), 0);
    }
}
