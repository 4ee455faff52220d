//! Tables as DataFusion reads them: stored ones through a snapshot, computed ones from rows in memory.

use std::sync::Arc;

use storage::{CommitSeq, GenerationId, Value};

use crate::catalog::Table;
use crate::error::Result;
use crate::function::EvalContext;

pub(crate) mod files;
pub(crate) mod kept;
pub(crate) mod live;
pub(crate) mod memory;
pub(crate) mod partitioned;
pub(crate) mod predicate;
mod scan;
pub(crate) mod table;
mod weigh;

/// What queries ask about tables beyond the snapshot and the catalog: told once, when the database opens.
pub trait Sources: Send + Sync {
    /// Every row of a relation over the live state (sessions, locks, ...), its columns in the order of `table.columns`;
    /// None for those that the catalog alone tells.
    fn system_rows(&self, table: &Arc<Table>, context: &EvalContext) -> Result<Option<Vec<Vec<Value>>>>;

    /// About how many rows a table has, if that is cheap to tell.
    fn approximate_rows(&self, generation: GenerationId) -> Option<u64>;

    /// Commit and time of a table's rows that carry none of their own.
    fn generation_stamp(&self, generation: GenerationId) -> Option<(CommitSeq, i64)>;
}
