//! What queries learn from the running database: how many rows tables have, and the rows of `system`.

use std::sync::{Arc, Weak};

use datafusion::execution::memory_pool::MemoryPool;
use storage::{CommitSeq, GenerationId, Store, Value};

use super::Sources;
use crate::audit::Audit;
use crate::catalog::Table;
use crate::catalog::pg_catalog::system;
use crate::database::Logins;
use crate::error::Result;
use crate::function::EvalContext;
use crate::job::Jobs;
use crate::live::Live;
use crate::session::activity::Sessions;

/// The sources of an open database.
pub(crate) struct LiveSources {
    pub(crate) store: Store,
    pub(crate) jobs: Arc<Jobs>,
    /// It knows where queries run, and they know these sources.
    pub(crate) live: Weak<Live>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) logins: Arc<Logins>,
    pub(crate) sessions: Arc<Sessions>,
    /// Of all queries.
    pub(crate) memory: Arc<dyn MemoryPool>,
    /// When the database was opened, in microseconds since 1970-01-01 UTC.
    pub(crate) started_at: i64,
}

impl LiveSources {
    /// Bytes that running queries have taken.
    pub(crate) fn memory_reserved(&self) -> usize {
        self.memory.reserved()
    }
}

impl Sources for LiveSources {
    fn system_rows(&self, table: &Arc<Table>, context: &EvalContext) -> Result<Option<Vec<Vec<Value>>>> {
        system::rows(table, context, self)
    }

    fn approximate_rows(&self, generation: GenerationId) -> Option<u64> {
        // An estimate that cannot be had is left out: the scan itself will tell of a failing disk.
        self.store.approximate_rows(generation).ok()
    }

    fn generation_stamp(&self, generation: GenerationId) -> Option<(CommitSeq, i64)> {
        self.store.generation_stamp(generation)
    }
}
