//! Which queries' cursors scroll when the declaration does not say: those that PostgreSQL can run backwards.
//!
//! That depends on its plans. Reading, sorting and computing go backwards there; joining, grouping and comparing do not.

use crate::plan::Plan;
use crate::plan::relation::{Relation, SetKind};

/// Whether a cursor over the plan scrolls unasked.
pub(super) fn goes_back(plan: &Plan) -> bool {
    match plan {
        Plan::OneRow(_) => true,
        Plan::PointSelect(select) => select.lock.is_none(),
        Plan::Query(query) | Plan::Short { query, .. } => {
            query.locking.is_empty() && relation_goes_back(&query.relation)
        }
        Plan::Write(_) => false,
    }
}

fn relation_goes_back(relation: &Relation) -> bool {
    match relation {
        Relation::OneRow
        | Relation::Scan(_)
        | Relation::Values { .. }
        | Relation::Function { .. }
        | Relation::Sort { .. }
        | Relation::Shared { .. }
        | Relation::Recursive { .. }
        | Relation::Written { .. }
        | Relation::WorkingTable { .. } => true,
        Relation::Filter { input, .. } | Relation::Project { input, .. } | Relation::Limit { input, .. } => {
            relation_goes_back(input)
        }
        Relation::SetOperation { kind: SetKind::Union, all: true, left, right, .. } => {
            relation_goes_back(left) && relation_goes_back(right)
        }
        Relation::ProjectSet { .. }
        | Relation::Join { .. }
        | Relation::Aggregate { .. }
        | Relation::Window { .. }
        | Relation::Distinct { .. }
        | Relation::SetOperation { .. } => false,
    }
}
