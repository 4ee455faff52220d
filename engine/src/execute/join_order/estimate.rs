//! How many rows a plan may answer: a guess from the sizes of tables and from their keys.
//!
//! Nothing is known of the values of columns. What a condition leaves of rows is guessed by its kind, as the classic
//! optimizers do (Selinger and others, "Access Path Selection in a Relational Database Management System", 1979).

use datafusion::common::{Column, JoinType};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, FetchType, LogicalPlan, Operator, SkipType, TableScan};

use crate::provider::table::StoredTable;

/// Rows of what nothing is known about.
const UNKNOWN_ROWS: f64 = 1000.0;

/// Parts of rows that conditions leave.
const EQUAL_SHARE: f64 = 0.05;
const RANGE_SHARE: f64 = 0.3;
const LIKE_SHARE: f64 = 0.1;
const NULL_SHARE: f64 = 0.05;
const OTHER_SHARE: f64 = 0.3;
/// Groups of rows.
const GROUP_SHARE: f64 = 0.25;
/// Rows that have a match.
const MATCH_SHARE: f64 = 0.5;

/// What is known of the rows of a plan.
#[derive(Debug, Clone)]
pub(super) struct Estimate {
    pub(super) rows: f64,
    /// How many rows there would be without the conditions on them.
    base_rows: f64,
    /// Sets of columns that no two rows agree in.
    keys: Vec<Vec<Column>>,
}

impl Estimate {
    fn of_rows(rows: f64) -> Self {
        Self { rows, base_rows: rows, keys: Vec::new() }
    }

    fn is_key(&self, columns: &[&Column]) -> bool {
        self.keys.iter().any(|key| key.iter().all(|column| columns.contains(&column)))
    }
}

pub(super) fn estimate(plan: &LogicalPlan) -> Estimate {
    match plan {
        LogicalPlan::TableScan(scan) => scanned(scan),
        LogicalPlan::Filter(filter) => {
            let input = estimate(&filter.input);
            let share = share_of(&filter.predicate, &input);
            Estimate { rows: (input.rows * share).max(1.0), ..input }
        }
        LogicalPlan::Projection(projection) => {
            let mut input = estimate(&projection.input);
            let renamed = |column: &Column| {
                let found = projection.expr.iter().position(|expr| match expr {
                    Expr::Alias(alias) => alias.expr.try_as_col() == Some(column),
                    expr => expr.try_as_col() == Some(column),
                });
                found.map(|at| Column::from(projection.schema.qualified_field(at)))
            };
            let keys = input.keys.iter().map(|key| key.iter().map(renamed).collect::<Option<Vec<Column>>>());
            input.keys = keys.flatten().collect();
            input
        }
        LogicalPlan::Sort(sort) => limited(estimate(&sort.input), sort.fetch.map(|rows| rows as f64)),
        LogicalPlan::SubqueryAlias(alias) => Estimate { keys: Vec::new(), ..estimate(&alias.input) },
        LogicalPlan::Limit(limit) => {
            let fetch = match (limit.get_fetch_type(), limit.get_skip_type()) {
                (Ok(FetchType::Literal(fetch)), Ok(SkipType::Literal(_))) => fetch.map(|rows| rows as f64),
                _ => None,
            };
            limited(estimate(&limit.input), fetch)
        }
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => Estimate::of_rows(1.0),
        LogicalPlan::Aggregate(aggregate) => {
            let rows = (estimate(&aggregate.input).rows * GROUP_SHARE).max(1.0);
            let groups = aggregate.schema.columns().into_iter().take(aggregate.group_expr.len()).collect();
            Estimate { keys: vec![groups], ..Estimate::of_rows(rows) }
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (estimate(&join.left), estimate(&join.right));
            let rows = match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left.rows * MATCH_SHARE,
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right.rows * MATCH_SHARE,
                JoinType::Inner if join.on.is_empty() && join.filter.is_none() => left.rows * right.rows,
                _ => left.rows.max(right.rows),
            };
            Estimate::of_rows(rows.max(1.0))
        }
        LogicalPlan::Union(union) => Estimate::of_rows(union.inputs.iter().map(|input| estimate(input).rows).sum()),
        LogicalPlan::Values(values) => Estimate::of_rows(values.values.len() as f64),
        LogicalPlan::EmptyRelation(_) => Estimate::of_rows(1.0),
        other => {
            let inputs = other.inputs().into_iter().map(|input| estimate(input).rows);
            Estimate::of_rows(inputs.fold(UNKNOWN_ROWS, f64::max))
        }
    }
}

fn limited(input: Estimate, fetch: Option<f64>) -> Estimate {
    let rows = fetch.map_or(input.rows, |fetch| fetch.min(input.rows));
    Estimate { rows, ..input }
}

fn scanned(scan: &TableScan) -> Estimate {
    let provider = source_as_provider(&scan.source).ok();
    let table = provider.as_ref().and_then(|provider| provider.downcast_ref::<StoredTable>());
    let Some(table) = table else { return Estimate::of_rows(UNKNOWN_ROWS) };
    let rows = table.approximate_rows().map_or(UNKNOWN_ROWS, |rows| rows as f64).max(1.0);
    let columns = scan.projected_schema.columns();
    let named = |name: &str| columns.iter().find(|column| column.name == name).cloned();
    let keys = table.keys().into_iter().filter_map(|key| key.into_iter().map(named).collect());
    Estimate { keys: keys.collect(), ..Estimate::of_rows(rows) }
}

/// The part of the rows that a condition leaves.
fn share_of(predicate: &Expr, input: &Estimate) -> f64 {
    let conditions = split_conjunction(predicate);
    let equal: Vec<&Column> = conditions.iter().filter_map(|condition| equal_column(condition)).collect();
    if input.is_key(&equal) {
        return 1.0 / input.base_rows;
    }
    conditions.into_iter().map(single_share).product()
}

/// The column that a condition compares with a constant for equality.
fn equal_column(condition: &Expr) -> Option<&Column> {
    let Expr::BinaryExpr(binary) = condition else { return None };
    match (binary.op, binary.left.as_ref(), binary.right.as_ref()) {
        (Operator::Eq, Expr::Column(column), other) | (Operator::Eq, other, Expr::Column(column)) => {
            other.column_refs().is_empty().then_some(column)
        }
        _ => None,
    }
}

fn single_share(condition: &Expr) -> f64 {
    match condition {
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::And => single_share(&binary.left) * single_share(&binary.right),
            Operator::Or => (single_share(&binary.left) + single_share(&binary.right)).min(1.0),
            Operator::Eq => EQUAL_SHARE,
            Operator::NotEq => 1.0 - EQUAL_SHARE,
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => RANGE_SHARE,
            _ => OTHER_SHARE,
        },
        Expr::Not(inner) => (1.0 - single_share(inner)).max(EQUAL_SHARE),
        Expr::InList(list) => {
            let share = (EQUAL_SHARE * list.list.len() as f64).min(RANGE_SHARE);
            if list.negated { 1.0 - share } else { share }
        }
        Expr::Between(between) if between.negated => 1.0 - RANGE_SHARE,
        Expr::Between(_) => RANGE_SHARE,
        Expr::Like(like) if like.negated => 1.0 - LIKE_SHARE,
        Expr::Like(_) => LIKE_SHARE,
        Expr::IsNull(_) => NULL_SHARE,
        Expr::IsNotNull(_) => 1.0 - NULL_SHARE,
        _ => OTHER_SHARE,
    }
}

/// Leaf and column of each side of an equality, where that is a column.
pub(super) type Equality<'a> = [Option<(usize, &'a Column)>; 2];

fn column_of<'a>(leaf: usize, equality: &Equality<'a>) -> Option<&'a Column> {
    equality.iter().flatten().find(|(owner, _)| *owner == leaf).map(|(_, column)| *column)
}

/// How many rows a join makes of so many on either side.
pub(super) fn joined_rows(left: f64, right: f64, leaves: &[Estimate], equalities: &[Equality<'_>]) -> f64 {
    let mut rows = left * right;
    let mut open: Vec<&Equality<'_>> = equalities.iter().collect();
    for (number, leaf) in leaves.iter().enumerate() {
        let columns: Vec<&Column> = open.iter().filter_map(|pair| column_of(number, pair)).collect();
        if leaf.is_key(&columns) {
            // Each row of the other side has at most one partner there.
            rows /= leaf.base_rows;
            open.retain(|pair| column_of(number, pair).is_none());
        }
    }
    for pair in open {
        let largest = pair.iter().flatten().map(|(leaf, _)| leaves[*leaf].base_rows).fold(1.0, f64::max);
        rows /= largest.sqrt();
    }
    rows.max(1.0)
}

/// The part of a leaf's rows that have a match by these columns of theirs.
pub(super) fn matching_share<'a>(leaf: &Estimate, columns: impl Iterator<Item = &'a Column>, other: &Estimate) -> f64 {
    let columns: Vec<&Column> = columns.collect();
    if leaf.is_key(&columns) { (other.rows / leaf.base_rows).min(1.0) } else { MATCH_SHARE }
}
