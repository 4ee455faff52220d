//! What queries learn from the running database: how many rows tables have, and the rows of `system`.

use std::sync::Arc;

use storage::{CommitSeq, GenerationId, Store, Value};

use super::Sources;
use crate::catalog::Table;
use crate::catalog::pg_catalog::system;
use crate::error::Result;
use crate::function::EvalContext;
use crate::job::Jobs;
use crate::live::Live;

/// The sources of an open database.
pub(crate) struct LiveSources {
    store: Store,
    jobs: Arc<Jobs>,
    live: Arc<Live>,
}

impl LiveSources {
    pub(crate) fn new(store: Store, jobs: Arc<Jobs>, live: Arc<Live>) -> Self {
        Self { store, jobs, live }
    }
}

impl Sources for LiveSources {
    fn system_rows(&self, table: &Arc<Table>, context: &EvalContext) -> Result<Option<Vec<Vec<Value>>>> {
        system::rows(table, context, (&self.store, &self.jobs, &self.live.registry))
    }

    fn approximate_rows(&self, generation: GenerationId) -> Option<u64> {
        // An estimate that cannot be had is left out: the scan itself will tell of a failing disk.
        self.store.approximate_rows(generation).ok()
    }

    fn generation_stamp(&self, generation: GenerationId) -> Option<(CommitSeq, i64)> {
        self.store.generation_stamp(generation)
    }
}
