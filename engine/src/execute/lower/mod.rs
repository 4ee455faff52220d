//! Lowering: from a bound relation to a DataFusion plan that means the same.
//!
//! 1. `subquery` takes subqueries and lateral joins out of the relation, so that every column is made below its use.
//! 2. `relation` (with `aggregate`, `window`, `set`, `limit`, `table_function`) turns each node into DataFusion's.
//! 3. `expression` turns expressions into DataFusion's where both agree on every value and error; whatever is left
//!    runs our own evaluator row by row (`row_function`).
//!
//! Plans leave here typed: DataFusion resolves no name, chooses no function and converts nothing by itself. Types whose
//! Arrow order is not PostgreSQL's (numeric, floats, char(n), intervals, arrays) are compared, sorted, grouped and joined
//! by a `sort_key`, except where tables' numerics are decimals (`fixed`) and where char(n) is known to be padded (`padded`).

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder};
use storage::ReadView;

use super::environment::QueryEnvironment;
use super::failure::failure;
use super::kept::Kept;
use crate::error::Result;
use crate::expr::ColumnVar;
use crate::function::EvalContext;
use crate::plan::relation::{Column, Relation};

mod aggregate;
mod arithmetic;
pub(crate) mod column;
mod dates;
mod expression;
mod filter;
mod fixed;
mod fold;
mod framed;
mod index_lookup;
mod item_lookup;
mod limit;
mod once;
mod padded;
mod range_frame;
mod recursive;
mod relation;
mod row_function;
mod set;
mod sort_key;
mod subquery;
mod substring;
pub(crate) mod table_function;
#[cfg(test)]
mod tests;
pub(crate) mod walk;
mod window;

pub(crate) use fixed::FixedCast;
pub(crate) use index_lookup::{IndexLookup, LateLookup, RowsOfIndex};
pub(crate) use sort_key::KeyFunction;

/// Columns that lowering invents are numbered from here; the binder's stay far below.
const FRESH_COLUMNS: u32 = 1 << 31;

/// One statement's way into a DataFusion plan.
pub(crate) struct Lowering<'a> {
    context: Arc<EvalContext>,
    view: ReadView,
    environment: &'a QueryEnvironment,
    /// Columns invented so far.
    invented: u32,
    /// Tables scanned so far: each scan has a name of its own.
    scans: usize,
    /// Whether numerics may be decimals.
    fixed_allowed: bool,
    fixed_columns: fixed::FixedColumns,
    /// Whether decimals may be outgrown by what is lowered just now, and whether anything that was may do so.
    growth_allowed: Cell<bool>,
    may_outgrow: Cell<bool>,
    /// Whether running the plan again would be noticed.
    volatile: Cell<bool>,
    /// Columns of tables whose char(n) all have n characters.
    padded: HashSet<ColumnVar>,
    /// What is computed once, for several places or, if it is to keep all of it, for several queries.
    kept: Arc<Kept>,
    keeps_all: bool,
    /// The numbers of what several places read.
    read_often: HashSet<u32>,
    /// The numbers of what is computed once for each combination of a domain: by its own number and the domain's.
    within_domains: HashMap<(u32, u32), u32>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(context: &EvalContext, view: ReadView, environment: &'a QueryEnvironment) -> Self {
        // What is kept holds plans, which hold the context.
        let own = EvalContext { kept: None, ..context.clone() };
        Self {
            context: Arc::new(own),
            view,
            environment,
            invented: 0,
            scans: 0,
            fixed_allowed: true,
            fixed_columns: fixed::FixedColumns::new(),
            growth_allowed: Cell::new(false),
            may_outgrow: Cell::new(false),
            volatile: Cell::new(false),
            padded: HashSet::new(),
            kept: context.kept.clone().unwrap_or_default(),
            keeps_all: context.kept.is_some(),
            read_often: HashSet::new(),
            within_domains: HashMap::new(),
        }
    }

    /// The same, numerics always being in our own form.
    pub(crate) fn numerics_only(mut self) -> Self {
        self.fixed_allowed = false;
        self
    }

    /// Whether the plan that was made may fail with `outgrown`.
    pub(crate) fn may_outgrow(&self) -> bool {
        self.may_outgrow.get()
    }

    /// Whether the plan calls no function that would be noticed to be called twice.
    pub(crate) fn may_run_again(&self) -> bool {
        !self.volatile.get()
    }

    /// The plan whose columns are those given, each an output of the relation. One may be given twice.
    pub(crate) fn query(&mut self, relation: &Relation, columns: &[Column]) -> Result<LogicalPlan> {
        let relation = self.without_subqueries(relation.clone())?;
        self.note_read_often(&relation);
        let plan = self.relation(&relation)?;
        let columns: Vec<DfExpr> = columns
            .iter()
            .enumerate()
            .map(|(position, column)| column::reference(column.var).alias(format!("o{position}")))
            .collect();
        LogicalPlanBuilder::from(plan).project(columns).and_then(LogicalPlanBuilder::build).map_err(failure)
    }

    /// A column number that nothing else in the statement has.
    fn fresh(&mut self) -> ColumnVar {
        self.invented += 1;
        ColumnVar(FRESH_COLUMNS + self.invented)
    }
}
