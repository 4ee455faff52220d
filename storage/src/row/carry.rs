//! Rows that move into other contents as they lie: same columns, same layout, another version number.

use super::{HEADER_BYTES, Result, VERSION_AT, damaged, version};
use crate::id::SchemaVersion;
use crate::schema::{Layout, TableSchema};

/// Moves rows of one schema to another.
pub(crate) struct Carrier {
    /// Versions whose rows lie as the new schema's do.
    same: Vec<SchemaVersion>,
    version: SchemaVersion,
}

impl Carrier {
    pub(crate) fn new(from: &TableSchema, to: &TableSchema) -> Self {
        let layout_of = |version| to.layouts.iter().find(|layout: &&Layout| layout.version == version);
        let same = match layout_of(to.version) {
            Some(current) => {
                let same = from.layouts.iter().filter(|layout| layout.slots == current.slots);
                same.map(|layout| layout.version).collect()
            }
            None => Vec::new(),
        };
        Self { same, version: to.version }
    }

    /// Appends the row as the new schema's, not stamped by any commit. False, and nothing is appended, if it lies
    /// otherwise.
    pub(crate) fn append(&self, row: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        if !self.same.contains(&version(row)?) {
            return Ok(false);
        }
        let rest = row.get(HEADER_BYTES..).ok_or_else(|| damaged("a row is shorter than its header"))?;
        let start = out.len();
        out.resize(start + HEADER_BYTES, 0);
        out[start + VERSION_AT..start + VERSION_AT + 2].copy_from_slice(&self.version.0.to_le_bytes());
        out.extend_from_slice(rest);
        Ok(true)
    }
}
