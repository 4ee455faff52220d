//! What was said of how a column is stored and what is to be known of it. Nothing here goes by it; it is kept and shown.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ColumnHints {
    /// COMPRESSION, if it is not the default.
    pub compression: Option<Compression>,
    /// STORAGE, as `pg_attribute.attstorage` has it, if it is not the type's own.
    pub storage: Option<char>,
    /// STATISTICS, if a target was set.
    pub statistics: Option<i16>,
    /// COLLATE, by oid, if it is not the type's own. All collations that can be named compare bytes.
    pub collation: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    Pglz,
    Lz4,
}

impl Compression {
    pub fn name(self) -> &'static str {
        match self {
            Compression::Pglz => "pglz",
            Compression::Lz4 => "lz4",
        }
    }

    /// As `pg_attribute.attcompression` has it.
    pub fn letter(self) -> &'static str {
        match self {
            Compression::Pglz => "p",
            Compression::Lz4 => "l",
        }
    }
}
