//! What storage must know of a table to read and write its rows: layout, key and indexes; no names.

use serde::{Deserialize, Serialize};

use crate::derive::Derived;
use crate::id::{ColumnId, GenerationId, SchemaVersion, TableId};
use crate::key::Items;
use crate::row::LayoutCache;
use crate::slice::Slice;
use crate::stream::StreamRule;
use crate::value::{ColumnType, Value};

/// A column of the current schema version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub id: ColumnId,
    pub column_type: ColumnType,
    /// What a row written before this column existed holds in it.
    pub missing: Value,
}

/// The columns that rows of one schema version hold, in slot order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    pub version: SchemaVersion,
    pub slots: Vec<(ColumnId, ColumnType)>,
}

/// How rows are identified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RowIdentity {
    /// By the primary key: positions in `TableSchema::columns`.
    PrimaryKey(Vec<usize>),
    /// By a hidden, increasing number.
    Hidden,
}

/// One column of an index key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexColumn {
    /// Position in `TableSchema::columns`; behind them come the values that are derived from a row.
    pub column: usize,
    pub descending: bool,
    pub nulls_first: bool,
    /// The index has an entry for each of these in the value, instead of one for the value as a whole. Said of all columns
    /// of an index or of none; one of which it is said is not unique.
    #[serde(default)]
    pub items: Option<Items>,
}

/// A secondary index, unique or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexSchema {
    /// Prefix of its keys in the `index` family.
    pub generation: GenerationId,
    pub columns: Vec<IndexColumn>,
    pub unique: bool,
    /// Whether two NULLs count as different (PostgreSQL's default) in a unique index.
    pub nulls_distinct: bool,
    /// Position of the value that must be true for a row to have an entry; None: every row has one.
    #[serde(default)]
    pub condition: Option<usize>,
    /// As the table's.
    #[serde(default)]
    pub slice: Slice,
}

/// A table as storage sees it. Positions of columns are those of the current version's live columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableSchema {
    pub table: TableId,
    /// Prefix of its keys in the `rows` family.
    pub generation: GenerationId,
    pub version: SchemaVersion,
    pub columns: Vec<Column>,
    pub identity: RowIdentity,
    /// Which part of the table's contents is meant, if they are divided.
    #[serde(default)]
    pub slice: Slice,
    /// How long its rows are kept, if they come with the time and go with it.
    #[serde(default)]
    pub stream: Option<StreamRule>,
    pub indexes: Vec<IndexSchema>,
    /// Every layout that rows of this generation may have been written under, the current one included.
    pub layouts: Vec<Layout>,
    /// Where each column lies in rows of each layout, worked out at first use. `Default::default()` in a literal;
    /// a clone starts empty, so that a schema is changed by cloning it, never in place once rows were read by it.
    #[serde(skip)]
    pub cache: LayoutCache,
    /// Computes what indexes see besides columns. Not stored: whoever reads a schema that needs it puts it back.
    #[serde(skip)]
    pub derived: Derived,
}
