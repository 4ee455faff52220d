//! A tree of inner joins taken apart, and put together in another order.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Column, JoinConstraint, JoinType, NullEquality, Result as DfResult};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, Join, LogicalPlan, Operator, Projection};

use super::estimate::{Equality, Estimate, estimate, joined_rows, matching_share};

/// Leaves that one tree may have; each is a bit of a [`Set`]. Larger trees stay as they are.
const LEAVES_MAX: usize = 64;

/// Leaves by their numbers.
type Set = u64;

/// Inner joins of any number of leaves.
pub(super) struct Tree {
    /// The columns that come out, in order.
    columns: Vec<Column>,
    leaves: Vec<LogicalPlan>,
    conditions: Vec<Condition>,
    /// Semijoins and antijoins above the joins, innermost first.
    matches: Vec<Match>,
}

/// What rows that are joined must fulfil.
struct Condition {
    expr: Expr,
    /// The two sides of an equality, and whose columns they are of.
    sides: Option<[(Expr, Set); 2]>,
    leaves: Set,
}

/// A join that only asks whether the other side has a match.
struct Match {
    join: Join,
    /// The leaf whose columns it asks for, if it is but one.
    leaf: Option<usize>,
}

/// Leaves that are joined already.
#[derive(Clone)]
struct Part {
    plan: LogicalPlan,
    leaves: Set,
    rows: f64,
}

impl Tree {
    /// The tree that begins with this plan; `None` if there is nothing to order.
    pub(super) fn of(plan: &LogicalPlan) -> DfResult<Option<Self>> {
        let mut tree =
            Self { columns: plan.schema().columns(), leaves: Vec::new(), conditions: Vec::new(), matches: Vec::new() };
        let mut conditions = Vec::new();
        tree.take_matches(plan, &mut conditions);
        if tree.leaves.len() < 2 || tree.leaves.len() > LEAVES_MAX {
            return Ok(None);
        }
        let Some(owners) = tree.owners() else { return Ok(None) };
        for expr in conditions {
            let Some(condition) = Condition::of(expr, &owners) else { return Ok(None) };
            tree.conditions.push(condition);
        }
        for matched in &mut tree.matches {
            let left = matched.join.on.iter().map(|(left, _)| left).chain(&matched.join.filter);
            let known = left.flat_map(|expr| expr.column_refs()).filter_map(|column| owners.get(column));
            let leaves = known.fold(0, |leaves, leaf| leaves | 1 << leaf);
            matched.leaf = (Set::count_ones(leaves) == 1).then(|| leaves.trailing_zeros() as usize);
        }
        Ok(Some(tree))
    }

    /// Takes the semijoins and antijoins off, then what is beneath them.
    fn take_matches(&mut self, plan: &LogicalPlan, conditions: &mut Vec<Expr>) {
        match plan {
            LogicalPlan::Join(join)
                if matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti) && !join.null_aware =>
            {
                self.take_matches(&join.left, conditions);
                self.matches.push(Match { join: join.clone(), leaf: None });
            }
            LogicalPlan::Projection(projection) if passes_columns(projection) => {
                self.take_matches(&projection.input, conditions);
            }
            _ => self.take(plan, conditions),
        }
    }

    /// Takes inner joins apart.
    fn take(&mut self, plan: &LogicalPlan, conditions: &mut Vec<Expr>) {
        match plan {
            LogicalPlan::Join(join)
                if join.join_type == JoinType::Inner && join.null_equality == NullEquality::NullEqualsNothing =>
            {
                self.take(&join.left, conditions);
                self.take(&join.right, conditions);
                conditions.extend(join.on.iter().map(|(left, right)| left.clone().eq(right.clone())));
                conditions.extend(join.filter.iter().flat_map(|filter| split_conjunction(filter)).cloned());
            }
            LogicalPlan::Projection(projection) if passes_columns(projection) && is_inner(&projection.input) => {
                self.take(&projection.input, conditions);
            }
            leaf => self.leaves.push(leaf.clone()),
        }
    }

    /// Which leaf has a column; `None` if two have one of the same name.
    fn owners(&self) -> Option<HashMap<Column, usize>> {
        let mut owners = HashMap::new();
        for (number, leaf) in self.leaves.iter().enumerate() {
            for column in leaf.schema().columns() {
                if owners.insert(column, number).is_some() {
                    return None;
                }
            }
        }
        Some(owners)
    }

    /// The same rows by joins in a better order; the leaves are brought in order by `inner`.
    pub(super) fn ordered(self, inner: impl Fn(LogicalPlan) -> DfResult<LogicalPlan>) -> DfResult<LogicalPlan> {
        let Self { columns, leaves, conditions, matches } = self;
        let mut parts = Vec::with_capacity(leaves.len());
        let mut estimates = Vec::with_capacity(leaves.len());
        for (number, leaf) in leaves.into_iter().enumerate() {
            let plan = inner(leaf)?;
            estimates.push(estimate(&plan));
            parts.push(Part { rows: estimates[number].rows, plan, leaves: 1 << number });
        }
        let mut joins = Joins { conditions, estimates };
        let joined = joins.rows_of_all(&parts);
        let mut above = Vec::new();
        for Match { mut join, leaf } in matches {
            join.right = Arc::new(inner(join.right.as_ref().clone())?);
            match leaf.filter(|&leaf| parts[leaf].rows <= joined) {
                Some(leaf) => {
                    let share = joins.share_matched(&join, leaf);
                    let part = &mut parts[leaf];
                    part.plan = matched(part.plan.clone(), join, part.rows)?;
                    part.rows *= share;
                    joins.estimates[leaf].rows = part.rows;
                }
                None => above.push(join),
            }
        }
        let Part { mut plan, rows, .. } = joins.join(parts)?;
        for join in above {
            plan = matched(plan, join, rows)?;
        }
        if plan.schema().columns() == columns {
            return Ok(plan);
        }
        let columns = columns.into_iter().map(Expr::Column).collect();
        Projection::try_new(columns, Arc::new(plan)).map(LogicalPlan::Projection)
    }
}

/// What is known for joining parts.
struct Joins {
    conditions: Vec<Condition>,
    /// Of each leaf.
    estimates: Vec<Estimate>,
}

impl Joins {
    /// How many rows the joins make of all parts.
    fn rows_of_all(&self, parts: &[Part]) -> f64 {
        let mut parts: Vec<(Set, f64)> = parts.iter().map(|part| (part.leaves, part.rows)).collect();
        while parts.len() > 1 {
            let (first, second, rows) = self.best(&parts);
            let (leaves, _) = parts.remove(second);
            parts[first] = (parts[first].0 | leaves, rows);
        }
        parts.first().map_or(0.0, |(_, rows)| *rows)
    }

    fn join(&mut self, mut parts: Vec<Part>) -> DfResult<Part> {
        while parts.len() > 1 {
            let sizes: Vec<(Set, f64)> = parts.iter().map(|part| (part.leaves, part.rows)).collect();
            let (first, second, rows) = self.best(&sizes);
            let right = parts.remove(second);
            let left = std::mem::replace(&mut parts[first], right.clone());
            let (left, right) = if right.rows < left.rows { (right, left) } else { (left, right) };
            parts[first] = self.joined(left, right, rows)?;
        }
        let mut part = parts.pop().expect("a tree has leaves");
        // What is left names no column at all, or columns of one leaf.
        if let Some(rest) = conjunction(self.conditions.drain(..).map(|condition| condition.expr)) {
            part.plan = Filter::try_new(rest, Arc::new(part.plan)).map(LogicalPlan::Filter)?;
        }
        Ok(part)
    }

    /// The two parts to join next, the first one before the second, and how many rows that makes.
    fn best(&self, parts: &[(Set, f64)]) -> (usize, usize, f64) {
        let mut best: Option<(bool, f64, usize, usize)> = None;
        for second in 1..parts.len() {
            for first in 0..second {
                let sides = [parts[first], parts[second]];
                let pairs = self.pairs(sides[0].0, sides[1].0);
                let rows = joined_rows(sides[0].1, sides[1].1, &self.estimates, &pairs);
                // A product of all rows comes last.
                let candidate = (pairs.is_empty(), rows, first, second);
                if best.is_none_or(|best| (candidate.0, candidate.1) < (best.0, best.1)) {
                    best = Some(candidate);
                }
            }
        }
        best.map_or((0, 1, 0.0), |(_, rows, first, second)| (first, second, rows))
    }

    /// The equalities between two sets of leaves.
    fn pairs(&self, left: Set, right: Set) -> Vec<Equality<'_>> {
        fn column((expr, leaves): &(Expr, Set)) -> Option<(usize, &Column)> {
            expr.try_as_col().map(|column| (leaves.trailing_zeros() as usize, column))
        }
        let crossing = self.conditions.iter().filter_map(|condition| condition.across(left, right));
        crossing.map(|[left, right]| [column(left), column(right)]).collect()
    }

    /// Joins two parts under every condition that can be looked at from there on.
    fn joined(&mut self, left: Part, right: Part, rows: f64) -> DfResult<Part> {
        let leaves = left.leaves | right.leaves;
        let now = |condition: &mut Condition| condition.leaves != 0 && condition.leaves & !leaves == 0;
        let (mut on, mut filters) = (Vec::new(), Vec::new());
        for condition in self.conditions.extract_if(.., now) {
            match condition.across(left.leaves, right.leaves) {
                Some([(left, _), (right, _)]) => on.push((left.clone(), right.clone())),
                None => filters.push(condition.expr),
            }
        }
        let join = Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            on,
            conjunction(filters),
            JoinType::Inner,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        Ok(Part { plan: LogicalPlan::Join(join), leaves, rows })
    }

    /// The part of a leaf's rows that a semijoin or antijoin leaves.
    fn share_matched(&self, join: &Join, leaf: usize) -> f64 {
        let columns = join.on.iter().filter_map(|(left, _)| left.try_as_col());
        let share = matching_share(&self.estimates[leaf], columns, &estimate(&join.right));
        if join.join_type == JoinType::LeftAnti { 1.0 - share / 2.0 } else { share }
    }
}

impl Condition {
    /// `None` for one that names columns that no leaf has.
    fn of(expr: Expr, owners: &HashMap<Column, usize>) -> Option<Self> {
        let set_of = |expr: &Expr| {
            expr.column_refs().into_iter().try_fold(0, |set, column| owners.get(column).map(|leaf| set | 1 << leaf))
        };
        let leaves: Set = set_of(&expr)?;
        let sides = match &expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                let (of_left, of_right): (Set, Set) = (set_of(left)?, set_of(right)?);
                let are_apart = of_left != 0 && of_right != 0 && of_left & of_right == 0;
                are_apart.then(|| [(left.as_ref().clone(), of_left), (right.as_ref().clone(), of_right)])
            }
            _ => None,
        };
        Some(Self { expr, sides, leaves })
    }

    /// The sides of an equality, that of the left leaves first.
    fn across(&self, left: Set, right: Set) -> Option<[&(Expr, Set); 2]> {
        let [first, second] = self.sides.as_ref()?;
        let within = |side: &(Expr, Set), set: Set| side.1 & !set == 0;
        if within(first, left) && within(second, right) {
            Some([first, second])
        } else if within(first, right) && within(second, left) {
            Some([second, first])
        } else {
            None
        }
    }
}

/// A semijoin or antijoin of another left side, which has so many rows. The side with fewer is the one that a table is
/// built of.
fn matched(left: LogicalPlan, join: Join, rows: f64) -> DfResult<LogicalPlan> {
    let Join { right, on, filter, join_type, join_constraint, null_equality, null_aware, .. } = join;
    let left = Arc::new(left);
    let (left, right, on, join_type) = if estimate(&right).rows * 2.0 < rows {
        let turned = if join_type == JoinType::LeftSemi { JoinType::RightSemi } else { JoinType::RightAnti };
        (right, left, on.into_iter().map(|(left, right)| (right, left)).collect(), turned)
    } else {
        (left, right, on, join_type)
    };
    Join::try_new(left, right, on, filter, join_type, join_constraint, null_equality, null_aware).map(LogicalPlan::Join)
}

fn is_inner(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(join) => join.join_type == JoinType::Inner,
        LogicalPlan::Projection(projection) => passes_columns(projection) && is_inner(&projection.input),
        _ => false,
    }
}

/// Whether a projection only leaves columns out, or puts them in another order.
fn passes_columns(projection: &Projection) -> bool {
    projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_)))
}
