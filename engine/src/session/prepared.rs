//! Prepared statements and portals: a statement's text, its plan for as long as that holds, and a run under way.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use storage::Value;

use super::cursor::{RowSource, Tag};
use crate::plan::{AuthorizedPlan, ColumnDescription};
use crate::statement::Statement;
use crate::types::{Type, oid};

/// A statement by the name a client gave it, or of the plan cache.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) text: Arc<str>,
    /// None is an empty statement.
    pub(crate) statement: Option<Statement>,
    /// Parameter types the client declared; 0 is "not said".
    pub(crate) declared: Vec<u32>,
    /// The statement that this one explains, or makes a table of, whose parameters are its own.
    pub(crate) carried: Option<Arc<Prepared>>,
    plan: Mutex<Option<Arc<CachedPlan>>>,
    /// The parameters' types as they were found first, which a plan made anew must not change: the client knows them.
    fixed: OnceLock<Vec<u32>>,
    /// What the client was told about the result: a plan made anew must answer the same columns.
    described: Mutex<Option<Option<Arc<[ColumnDescription]>>>>,
}

/// A bound and authorized plan and what it depends on.
#[derive(Debug)]
pub(crate) struct CachedPlan {
    pub(crate) plan: AuthorizedPlan,
    pub(crate) params: Arc<[Type]>,
    pub(crate) columns: Option<Arc<[ColumnDescription]>>,
    /// Version of the catalog it was bound against.
    pub(crate) catalog_version: u64,
    /// The session's count of changes to role, search path and the like.
    pub(crate) epoch: u64,
}

impl Prepared {
    pub(crate) fn new(text: Arc<str>, statement: Option<Statement>, declared: Vec<u32>) -> Self {
        let carried = statement.as_ref().and_then(Statement::carried).map(|carried| {
            let carried = Self::new(text.clone(), Some(carried), declared.clone());
            Arc::new(carried)
        });
        let (plan, fixed, described) = (Mutex::new(None), OnceLock::new(), Mutex::new(None));
        Self { text, statement, declared, carried, plan, fixed, described }
    }

    /// The types that the parameters have, or those that were declared if nothing else was said yet.
    pub(crate) fn parameter_types(&self) -> &[u32] {
        self.fixed.get().unwrap_or(&self.declared)
    }

    /// Remembers what a client that prepares a statement is told of it.
    pub(crate) fn fix(&self, plan: &CachedPlan) {
        let types = plan.params.iter().map(|ty| if ty.oid == oid::UNKNOWN { 0 } else { ty.oid });
        let _ = self.fixed.set(types.collect());
        self.describe(&plan.columns);
    }

    /// The plan, if it still holds.
    pub(crate) fn cached(&self, catalog_version: u64, epoch: u64) -> Option<Arc<CachedPlan>> {
        let plan = self.plan.lock();
        plan.as_ref().filter(|plan| plan.catalog_version == catalog_version && plan.epoch == epoch).cloned()
    }

    /// The plan, whether or not it still holds.
    pub(crate) fn last_plan(&self) -> Option<Arc<CachedPlan>> {
        self.plan.lock().clone()
    }

    pub(crate) fn keep(&self, plan: Arc<CachedPlan>) {
        *self.plan.lock() = Some(plan);
    }

    /// Whether the plan's rows are not the statement's: a cursor's are fetched later.
    fn hides_rows(&self) -> bool {
        matches!(self.statement, Some(Statement::Declare(_)))
    }

    /// Remembers what the client was told; false if it was told something else before.
    pub(crate) fn describe(&self, columns: &Option<Arc<[ColumnDescription]>>) -> bool {
        if self.hides_rows() {
            return true;
        }
        let mut described = self.described.lock();
        match described.as_ref() {
            Some(before) => same_shape(before, columns),
            None => {
                *described = Some(columns.clone());
                true
            }
        }
    }

    /// Whether a result of these columns is what the client was told to expect, if it was told.
    pub(crate) fn matches_description(&self, columns: &Option<Arc<[ColumnDescription]>>) -> bool {
        self.hides_rows() || self.described.lock().as_ref().is_none_or(|described| same_shape(described, columns))
    }
}

fn same_shape(a: &Option<Arc<[ColumnDescription]>>, b: &Option<Arc<[ColumnDescription]>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            Arc::ptr_eq(a, b)
                || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.name == b.name && a.ty == b.ty))
        }
        _ => false,
    }
}

/// A statement bound to parameter values, before, during or after its run.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) params: Arc<[Value]>,
    /// Result formats as Bind gave them: none, one for all, or one a column.
    pub(crate) formats: Vec<i16>,
    /// How many savepoints were active when it was made: rolling back to one of them leaves it.
    pub(crate) level: usize,
    pub(crate) state: PortalState,
}

#[derive(Debug)]
pub(crate) enum PortalState {
    Ready,
    /// Stopped at a row limit; the rest is here.
    Suspended(Box<SuspendedRun>),
    /// Ran to its end: another Execute answers this tag, for no rows, or, without a tag, is an error.
    Done(Option<Tag>),
}

#[derive(Debug)]
pub(crate) struct SuspendedRun {
    pub(crate) source: RowSource,
    pub(crate) columns: Arc<[ColumnDescription]>,
    pub(crate) tag: Tag,
    /// A stream table that it reads.
    pub(crate) stream: Option<String>,
}
