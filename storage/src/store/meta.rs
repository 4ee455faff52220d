//! What the store keeps about itself in the family Meta: key names and how their values are written.

use bytes::Bytes;

use crate::commit::LoadRecord;
use crate::error::{Error, Result};
use crate::id::{CommitSeq, GenerationId};
use crate::key::KeyRange;
use crate::store::SequencePosition;

/// Version of everything that is written to disk. A store of a newer version is refused.
///
/// 2: commits may be loads, which an older program would forget. 3: rows may lie in segments. 4: events have a keyspace,
/// and rows of streams lie in theirs. 5: roles are found by entries that an older program would not keep true.
pub(crate) const FORMAT_VERSION: u64 = 5;

/// The format version.
pub(crate) const FORMAT: &[u8] = b"format";
/// The newest commit sequence, written with every group of commits.
pub(crate) const SEQUENCE: &[u8] = b"sequence";
/// A random name of this line of history; a restored copy begins another.
pub(crate) const TIMELINE: &[u8] = b"timeline";
/// The least number of each kind that was not yet reserved.
pub(crate) const NEXT_OID: &[u8] = b"next/oid";
pub(crate) const NEXT_GENERATION: &[u8] = b"next/generation";
pub(crate) const NEXT_ROW_ID: &[u8] = b"next/row";

const LOAD: &[u8] = b"load/";
const ASIDE: &[u8] = b"aside/";
const STAMP: &[u8] = b"stamp/";
const VALUE: &[u8] = b"value/";
const SEGMENT: &[u8] = b"segment/";
const UPLOAD: &[u8] = b"upload/";
const UNLINK: &[u8] = b"unlink/";
const RECLAIM: &[u8] = b"reclaim/";
const RECORD: &[u8] = b"record/";

/// Present while a generation is written aside by a transaction that has not committed.
pub(crate) fn aside_key(generation: GenerationId) -> Bytes {
    [ASIDE, &generation.0.to_be_bytes()].concat().into()
}

pub(crate) fn aside_range() -> KeyRange {
    KeyRange::prefix(ASIDE)
}

/// Present from the moment a commit is decided whose rows are still to be taken over from where they are staged.
pub(crate) fn load_key(seq: CommitSeq) -> Bytes {
    [LOAD, &seq.0.to_be_bytes()].concat().into()
}

pub(crate) fn load_range() -> KeyRange {
    KeyRange::prefix(LOAD)
}

/// When a generation that was written aside was committed.
pub(crate) fn stamp_key(generation: GenerationId) -> Bytes {
    [STAMP, &generation.0.to_be_bytes()].concat().into()
}

pub(crate) fn stamp_range() -> KeyRange {
    KeyRange::prefix(STAMP)
}

/// Where the values of a sequence stand, by the generation that it is known by.
pub(crate) fn value_key(sequence: GenerationId) -> Bytes {
    [VALUE, &sequence.0.to_be_bytes()].concat().into()
}

pub(crate) fn value_range() -> KeyRange {
    KeyRange::prefix(VALUE)
}

/// A segment of a table's contents; the manifest is made up of these.
pub(crate) fn segment_key(table: GenerationId, segment: GenerationId) -> Bytes {
    [SEGMENT, &table.0.to_be_bytes(), &segment.0.to_be_bytes()].concat().into()
}

pub(crate) fn segment_range() -> KeyRange {
    KeyRange::prefix(SEGMENT)
}

/// Present, with its path, from before a segment's file is begun until the manifest names it.
pub(crate) fn upload_key(segment: GenerationId) -> Bytes {
    [UPLOAD, &segment.0.to_be_bytes()].concat().into()
}

pub(crate) fn upload_range() -> KeyRange {
    KeyRange::prefix(UPLOAD)
}

/// Present, with its path, from when the manifest names a segment no more until its file is deleted.
pub(crate) fn unlink_key(segment: GenerationId) -> Bytes {
    [UNLINK, &segment.0.to_be_bytes()].concat().into()
}

pub(crate) fn unlink_range() -> KeyRange {
    KeyRange::prefix(UNLINK)
}

/// Present from before the hot rows of contents are moved until the room that they took is reclaimed.
pub(crate) fn reclaim_key(generation: GenerationId) -> Bytes {
    [RECLAIM, &generation.0.to_be_bytes()].concat().into()
}

pub(crate) fn reclaim_range() -> KeyRange {
    KeyRange::prefix(RECLAIM)
}

/// A record of the room above, by the name that it gave.
pub(crate) fn record_key(name: &[u8]) -> Bytes {
    [RECORD, name].concat().into()
}

pub(crate) fn record_range(prefix: &[u8]) -> KeyRange {
    KeyRange::prefix(&record_key(prefix))
}

/// The name in a key of [`record_key`].
pub(crate) fn record_name(key: &Bytes) -> Bytes {
    key.slice(RECORD.len().min(key.len())..)
}

pub(crate) fn encode_position(position: SequencePosition) -> Bytes {
    [position.last_value.to_be_bytes().as_slice(), &[u8::from(position.is_called)]].concat().into()
}

pub(crate) fn decode_position(key: &[u8], value: &[u8]) -> Result<SequencePosition> {
    let (Some(last), [.., is_called], 9) = (value.first_chunk::<8>(), value, value.len()) else {
        return Err(damaged(key));
    };
    Ok(SequencePosition { last_value: i64::from_be_bytes(*last), is_called: *is_called != 0 })
}

/// The generation at the end of a key of [`aside_range`], [`stamp_range`] or [`value_range`].
pub(crate) fn generation_of(key: &[u8]) -> Result<GenerationId> {
    match key.last_chunk::<4>() {
        Some(bytes) => Ok(GenerationId(u32::from_be_bytes(*bytes))),
        None => Err(damaged(key)),
    }
}

pub(crate) fn encode_u64(value: u64) -> Bytes {
    Bytes::copy_from_slice(&value.to_be_bytes())
}

pub(crate) fn decode_u64(key: &[u8], value: &[u8]) -> Result<u64> {
    Ok(u64::from_be_bytes(value.try_into().map_err(|_| damaged(key))?))
}

pub(crate) fn encode_stamp(seq: CommitSeq, committed_at_us: i64) -> Bytes {
    [seq.0.to_be_bytes(), committed_at_us.to_be_bytes()].concat().into()
}

pub(crate) fn decode_stamp(key: &[u8], value: &[u8]) -> Result<(CommitSeq, i64)> {
    let (Some(seq), Some(at), 16) = (value.first_chunk::<8>(), value.last_chunk::<8>(), value.len()) else {
        return Err(damaged(key));
    };
    Ok((CommitSeq(u64::from_be_bytes(*seq)), i64::from_be_bytes(*at)))
}

/// Sequence and time, how many layers there are, the layers, the generations to leave out.
pub(crate) fn encode_load(load: &LoadRecord) -> Bytes {
    let mut value = encode_stamp(load.seq, load.committed_at_us).to_vec();
    value.extend_from_slice(&(load.layers.len() as u32).to_be_bytes());
    for generation in load.layers.iter().chain(&load.left_out) {
        value.extend_from_slice(&generation.0.to_be_bytes());
    }
    value.into()
}

pub(crate) fn decode_load(key: &[u8], value: &[u8]) -> Result<LoadRecord> {
    let (stamp, rest) = value.split_at_checked(16).ok_or_else(|| damaged(key))?;
    let (seq, committed_at_us) = decode_stamp(key, stamp)?;
    let (numbers, []) = rest.as_chunks::<4>() else { return Err(damaged(key)) };
    let mut numbers = numbers.iter().map(|bytes| u32::from_be_bytes(*bytes));
    let layers_len = numbers.next().ok_or_else(|| damaged(key))? as usize;
    let mut layers: Vec<GenerationId> = numbers.map(GenerationId).collect();
    if layers.len() < layers_len {
        return Err(damaged(key));
    }
    let left_out = layers.split_off(layers_len);
    Ok(LoadRecord { seq, committed_at_us, layers, left_out })
}

pub(crate) fn damaged(key: &[u8]) -> Error {
    Error::Corrupt { reason: format!("the store's own entry {} is not readable", key.escape_ascii()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_record_reads_as_it_was_written() {
        let generations = |ids: &[u32]| ids.iter().copied().map(GenerationId).collect::<Vec<_>>();
        for (layers, left_out) in [(&[][..], &[][..]), (&[1, 7], &[]), (&[3], &[4, 5])] {
            let (layers, left_out) = (generations(layers), generations(left_out));
            let load = LoadRecord { seq: CommitSeq(9), committed_at_us: -5, layers, left_out };
            let value = encode_load(&load);
            assert_eq!(decode_load(b"load/", &value).unwrap(), load);
            assert!(decode_load(b"load/", &value[..value.len() - 1]).is_err());
        }
        assert!(decode_load(b"load/", b"").is_err());
    }
}
