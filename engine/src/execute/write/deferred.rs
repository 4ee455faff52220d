//! Constraints that wait: which ones do in this transaction, and what is to be looked at when it commits.
//!
//! A deferred constraint is remembered by its oid and the key in question, a foreign key's on whichever side was written. When its
//! time comes the key is looked up again in the newest state, so it does not matter what the rows went through meanwhile,
//! nor how the tables were redefined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use storage::{Slice, SliceId, Transaction, Value, Wait};

use super::referencing::Across;
use super::violation;
use crate::catalog::{Catalog, Deferrable, Table};
use crate::error::Result;
use crate::function::EvalContext;
use crate::plan::bind::Binder;
use crate::plan::write::Target;

/// What a transaction has deferred. Cheap to clone, for savepoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deferred {
    /// SET CONSTRAINTS ALL.
    all: Option<bool>,
    /// SET CONSTRAINTS by name: oid of the constraint, and whether it is deferred.
    named: BTreeMap<u32, bool>,
    checks: Arc<Vec<Check>>,
}

/// A key to look at later.
#[derive(Debug, Clone)]
struct Check {
    /// Oid of the table that was written, and the slice of it.
    table: u32,
    slice: Slice,
    constraint: u32,
    side: Side,
    key: Vec<Value>,
}

/// What was written: an end of a foreign key, or a key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    /// A row points at the key.
    Child,
    /// A row has the key no more.
    Parent,
    /// Rows may share the key, which is to be unique.
    Key,
}

impl Deferred {
    /// Whether a constraint is not to be looked at yet.
    pub(super) fn waits(&self, constraint: u32, deferrable: Option<Deferrable>) -> bool {
        let Some(deferrable) = deferrable else { return false };
        let set = self.named.get(&constraint).copied().or(self.all);
        set.unwrap_or(deferrable == Deferrable::InitiallyDeferred)
    }

    /// A row of `table` points at a key, whose row may not be there.
    pub(super) fn child(&mut self, table: &Table, constraint: u32, key: Vec<Value>) {
        self.push(table, constraint, Side::Child, key);
    }

    /// A row of `table` has a key no more, which others may point at.
    pub(super) fn parent(&mut self, table: &Table, constraint: u32, key: Vec<Value>) {
        self.push(table, constraint, Side::Parent, key);
    }

    /// Rows of `table` share a key.
    pub(super) fn key(&mut self, table: &Table, constraint: u32, key: Vec<Value>) {
        self.push(table, constraint, Side::Key, key);
    }

    fn push(&mut self, table: &Table, constraint: u32, side: Side, key: Vec<Value>) {
        let check = Check { table: table.oid, slice: table.storage.slice, constraint, side, key };
        Arc::make_mut(&mut self.checks).push(check);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// SET CONSTRAINTS ALL.
    pub(crate) fn set_all(&mut self, deferred: bool) {
        self.all = Some(deferred);
        self.named.clear();
    }

    /// SET CONSTRAINTS of one constraint.
    pub(crate) fn set(&mut self, constraint: u32, deferred: bool) {
        self.named.insert(constraint, deferred);
    }

    /// Looks at what does not wait any longer, in the order in which it was written; `all`: at everything.
    pub(crate) async fn check(
        &mut self,
        all: bool,
        context: &EvalContext,
        transaction: &mut Transaction,
        wait: Wait,
    ) -> Result<()> {
        let mut targets: BTreeMap<(u32, Option<SliceId>), Target> = BTreeMap::new();
        let (mut seen, mut kept) = (BTreeSet::new(), Vec::new());
        for check in self.checks.iter() {
            tokio::task::consume_budget().await;
            let Some(table) = context.catalog.tables.get(&check.table) else { continue };
            let place = (check.table, check.slice_id());
            if let std::collections::btree_map::Entry::Vacant(entry) = targets.entry(place) {
                let table = table.of_slice(check.slice);
                entry.insert(Binder::new(&context.catalog, context, &[]).target_of(table, 0)?);
            }
            let Some(target) = targets.get(&place) else { continue };
            if !all && self.still_waits(&context.catalog, table, check) {
                kept.push(check.clone());
                continue;
            }
            let mut encoded = Vec::new();
            check.key.iter().for_each(|value| storage::key::encode_value(value, &mut encoded));
            if seen.insert((check.constraint, check.slice_id(), check.side, encoded)) {
                check.run(target, context, &mut Across { transaction: &mut *transaction, wait }).await?;
            }
        }
        self.checks = Arc::new(kept);
        Ok(())
    }

    fn still_waits(&self, catalog: &Catalog, table: &Table, check: &Check) -> bool {
        let found = match check.side {
            Side::Child | Side::Key => table.constraints.iter().find(|constraint| constraint.oid == check.constraint),
            Side::Parent => {
                let mut all = catalog.tables.values().flat_map(|table| &table.constraints);
                all.find(|constraint| constraint.oid == check.constraint)
            }
        };
        found.is_some_and(|constraint| self.waits(constraint.oid, constraint.deferrable))
    }
}

impl Check {
    fn slice_id(&self) -> Option<SliceId> {
        match self.slice {
            Slice::One(slice) => Some(slice),
            Slice::Undivided | Slice::Every => None,
        }
    }

    async fn run(&self, target: &Target, context: &EvalContext, across: &mut Across<'_>) -> Result<()> {
        match self.side {
            Side::Key => match target.late_keys.iter().find(|late| late.oid == self.constraint) {
                Some(late) => across.refuse_shared(&target.table, late, &self.key, context).await,
                None => Ok(()),
            },
            Side::Child => {
                let Some(parent) = target.parents.iter().find(|parent| parent.oid == self.constraint) else {
                    return Ok(());
                };
                // The row may be gone again, or point elsewhere.
                if across.has_parent(parent, &self.key).await?
                    || !across.any_row(&target.table.storage, &parent.columns, &self.key)?
                {
                    return Ok(());
                }
                let (columns, key) = (&parent.columns, &self.key);
                Err(violation::no_parent(target, &parent.name, columns, key, &parent.parent, context))
            }
            Side::Parent => {
                let Some(child) = target.children.iter().find(|child| child.oid == self.constraint) else {
                    return Ok(());
                };
                if !across.has_child(child, &self.key).await?
                    || across.any_row(&target.table.storage, &child.columns, &self.key)?
                {
                    return Ok(());
                }
                let (columns, key) = (&child.columns, &self.key);
                Err(violation::still_referenced(&target.table, &child.name, columns, key, &child.child, context))
            }
        }
    }
}
