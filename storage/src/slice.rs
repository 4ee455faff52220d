//! Slices: a table whose contents are divided, and the part of it that somebody means.
//!
//! The keys of a divided table's rows, and of its index entries, have the slice behind the generation. So a slice is a range
//! of keys, a schema that is cut to it reads and writes nothing else, and keys are unique within a slice. In a stream's keys
//! the time comes first ([`crate::stream`]). Whose a slice is, storage does not know.

use serde::{Deserialize, Serialize};

use crate::key::{KeyRange, RowKey, StreamPlace, kept_in};
use crate::schema::TableSchema;

/// Names a slice. Zero is nobody's: no row is ever written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceId(pub u32);

/// Which part of a table a schema means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Slice {
    /// The table is not divided.
    #[default]
    Undivided,
    /// It is, and all of it is meant. Rows can be walked, and changed where their keys are known; no row can be named by
    /// its columns alone.
    Every,
    One(SliceId),
}

/// What slices add to keys.
pub(crate) const SLICE_BYTES: usize = 4;

impl Slice {
    /// Whether rows can be found by what their columns hold.
    pub fn is_definite(self) -> bool {
        self != Slice::Every
    }

    /// Whether it is this slice that is meant, and no other.
    pub(crate) fn is_one(self, slice: Option<SliceId>) -> bool {
        matches!((self, slice), (Slice::One(own), Some(slice)) if own == slice)
    }

    /// The slice of a row that is known by its key.
    pub(crate) fn of_key(self, key: &[u8]) -> Self {
        match self {
            Slice::Every => slice_of(key).map_or(self, Slice::One),
            definite => definite,
        }
    }

    /// Appends what stands behind the generation in a key. Nothing is found, nor seen, under the key of a row whose slice
    /// nobody told.
    pub(crate) fn append(self, out: &mut Vec<u8>) {
        match self {
            Slice::Undivided => {}
            Slice::Every => {
                debug_assert!(false, "a row is named in no slice");
                out.extend_from_slice(&[0; SLICE_BYTES]);
            }
            Slice::One(slice) => out.extend_from_slice(&slice.0.to_be_bytes()),
        }
    }

    pub(crate) fn bytes(self) -> usize {
        if self == Slice::Undivided { 0 } else { SLICE_BYTES }
    }
}

/// The slice that the key of a divided table's row lies in.
pub(crate) fn slice_of(key: &[u8]) -> Option<SliceId> {
    let bytes = key.get(4..)?.first_chunk::<SLICE_BYTES>()?;
    Some(SliceId(u32::from_be_bytes(*bytes)))
}

impl RowKey {
    /// The slice that a deleted row was in, by the key that it is kept under.
    pub fn slice_kept(&self) -> Option<SliceId> {
        kept_in(self.as_bytes())
    }
}

impl TableSchema {
    /// The same table cut to one slice.
    pub fn of_slice(&self, slice: SliceId) -> Self {
        debug_assert!(self.slice != Slice::Undivided, "a table that is not divided has no slices");
        let mut own = self.clone();
        own.slice = Slice::One(slice);
        own.indexes.iter_mut().for_each(|index| index.slice = own.slice);
        own
    }

    /// The keys of all rows that are meant. Those of a stream's slice lie in many places: a walk over this range finds them.
    pub fn rows(&self) -> KeyRange {
        match self.stream {
            None => KeyRange::of_slice(self.generation, self.slice),
            Some(_) => KeyRange::generation(self.generation),
        }
    }

    /// The slice that a row of the table lies in, if the table is divided.
    pub fn slice_of(&self, key: &RowKey) -> Option<SliceId> {
        match (&self.stream, self.slice) {
            (_, Slice::Undivided) => None,
            (None, _) => slice_of(key.as_bytes()),
            (Some(_), _) => StreamPlace::of(key.as_bytes()).map(|place| place.slice),
        }
    }

    /// Whether the row with this key is one of those that are meant. It is a row of the table.
    pub fn means(&self, key: &RowKey) -> bool {
        match self.slice {
            Slice::Undivided | Slice::Every => true,
            Slice::One(slice) => self.slice_of(key) == Some(slice),
        }
    }
}
