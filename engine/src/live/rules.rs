//! Whether a live query may go on after definitions have changed.

use std::collections::HashMap;
use std::sync::Arc;

use auth::{Principal, RoleId};
use storage::Slice;

use super::plan::LivePlan;
use crate::catalog::{Catalog, Table};
use crate::plan::authorize::authorize_all;
use crate::plan::relation::{CheckAs, RelationUse};

/// What becomes of a live query.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoesOn,
    /// It has to be bound once more: its client says LISTEN again.
    Resync(String),
    /// It can be no more.
    End(String),
}

/// Looks at live queries under one catalog.
pub(super) struct Rules {
    pub(super) catalog: Arc<Catalog>,
    principals: HashMap<RoleId, Option<Principal>>,
}

impl Rules {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, principals: HashMap::new() }
    }

    /// What a query, bound before for a role, is under this catalog.
    pub(super) fn verdict(&mut self, plan: &LivePlan, role: RoleId) -> Verdict {
        let mut uses = Vec::with_capacity(plan.shape.uses.len());
        for used in &plan.shape.uses {
            let Some(table) = self.catalog.tables.get(&used.table.oid) else {
                return Verdict::End(format!("{} dropped", used.table.noun()));
            };
            uses.push(RelationUse { table: table.clone(), ..used.clone() });
        }
        let catalog = &self.catalog;
        let principal = self.principals.entry(role).or_insert_with(|| {
            let known = catalog.roles.get(&role.0);
            known.map(|known| Principal::resolve(role, known.name.as_str(), &**catalog))
        });
        let Some(principal) = principal else { return Verdict::End("role dropped".to_owned()) };
        if let Err(error) = authorize_all(&uses, principal, catalog) {
            return Verdict::End(error.message.clone().into_owned());
        }
        // Who follows a table must not be subject to policies, which a LISTEN is told.
        let reader = |used: &RelationUse| match used.check_as {
            CheckAs::Role(owner) => RoleId(owner),
            CheckAs::Caller | CheckAs::Session => role,
        };
        if let Some(used) = uses.iter().find(|used| used.table.security_for(reader(used), catalog).is_some()) {
            return Verdict::Resync(format!("row-level security of table \"{}\"", used.table.name));
        }
        // Everybody's rows are for superusers, whatever else is granted.
        if plan.shape.tables.iter().any(|table| table.storage.slice == Slice::Every) && !principal.is_superuser() {
            return Verdict::End("must be superuser to see the rows of all users".to_owned());
        }
        let pairs = plan.shape.uses.iter().map(|used| &used.table).zip(uses.iter().map(|used| &used.table));
        for (old, new) in pairs {
            if let Some(reason) = changed(old, new) {
                return Verdict::Resync(reason);
            }
        }
        // What lies beneath a table is not named in the query.
        for old in &plan.shape.tables {
            match self.catalog.tables.get(&old.oid) {
                None => return Verdict::Resync("partition dropped".to_owned()),
                Some(new) if changed_beneath(old, new) => return Verdict::Resync("table altered".to_owned()),
                Some(new) if old.storage.generation != new.storage.generation => {
                    return Verdict::Resync("table replaced".to_owned());
                }
                Some(_) => {}
            }
        }
        if beneath(&plan.shape.uses, &self.catalog) == *plan.shape.beneath {
            Verdict::GoesOn
        } else {
            Verdict::Resync("table altered".to_owned())
        }
    }
}

/// What lies beneath the relations that a query names, by oid.
pub(super) fn beneath(uses: &[RelationUse], catalog: &Catalog) -> Vec<u32> {
    let mut oids: Vec<u32> =
        uses.iter().flat_map(|used| catalog.descendants(used.table.oid)).map(|table| table.oid).collect();
    oids.sort_unstable();
    oids.dedup();
    oids
}

/// Why a table is not what it was, if so.
fn changed(old: &Arc<Table>, new: &Arc<Table>) -> Option<String> {
    if Arc::ptr_eq(old, new) {
        return None;
    }
    // A view reads with its owner's privileges, unless its options say otherwise.
    let other_rights = old.view().is_some() && (old.owner != new.owner || old.options != new.options);
    if old.kind != new.kind || other_rights || changed_beneath(old, new) {
        return Some(format!("{} altered", new.noun()));
    }
    (old.storage.generation != new.storage.generation).then(|| format!("{} replaced", new.noun()))
}

/// Whether rows of a table look otherwise, or other rows are shown.
fn changed_beneath(old: &Table, new: &Table) -> bool {
    let columns = |table: &Table| {
        let mut columns: Vec<_> =
            table.columns.iter().map(|column| (column.number, column.name.clone(), column.ty)).collect();
        // A partition's columns may have been arranged as its parent's.
        columns.sort_by_key(|(number, ..)| *number);
        columns
    };
    let shows_others = old.storage.stream != new.storage.stream;
    shows_others || old.storage.version != new.storage.version || old.name != new.name || columns(old) != columns(new)
}
