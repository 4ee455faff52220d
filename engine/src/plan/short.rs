//! Short queries: a few rows of one table, found by a range of a key, and a little work on them.
//!
//! What OLTP does beside single rows: a range of keys, the rows of a parent through an index, the last ten of something,
//! a small sum. Planned through DataFusion, each would cost more than its rows do. How many rows there are is not known
//! when such a query is planned; it is tried with a bound, and one that turns out longer runs as any other query.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use storage::{IndexSchema, RowIdentity as KeyKind};

use super::point::{ColumnPlaces, is_plain, is_value};
use super::relation::{Column, Query, Relation, RowIdentity, Scan};
use crate::catalog::{Table, TableKind};
use crate::expr::{AggregateCall, ColumnVar, Expr, ExprKind, SortKey, walk};
use crate::function::{AggregateKind, Batch, Comparison, Function};
use crate::types::oid::{BPCHAR, INT2, INT4, INT8, NUMERIC};

/// How many executions take the long road after one whose rows were too many.
const REST: u32 = 15;

/// A query that may be short.
#[derive(Debug)]
pub struct Short {
    pub table: Arc<Table>,
    pub path: Path,
    /// What else rows must be, tested on them as they are stored.
    pub filters: Vec<Expr>,
    /// Position in the table of each column number.
    pub columns: ColumnPlaces,
    /// What the steps begin with, in order.
    pub first: Vec<Cell>,
    pub stages: Vec<Stage>,
    /// Places of the result's columns among those that the last stage leaves.
    pub outputs: Vec<usize>,
    /// The first step that is a LIMIT, if rows may be left out as soon as it has enough: they come in order.
    pub stops_at: Option<usize>,
    /// Executions that are to come before it is tried again.
    rest: AtomicU32,
}

/// Where rows are looked for: equality with the leading columns of a key, and bounds of the next.
#[derive(Debug)]
pub struct Path {
    /// None is the primary key.
    pub index: Option<IndexSchema>,
    pub equal: Vec<Pin>,
    /// A bound and whether it is within.
    pub lower: Option<(Expr, bool)>,
    pub upper: Option<(Expr, bool)>,
    pub backward: bool,
}

/// What a key column must be equal to.
#[derive(Debug)]
pub enum Pin {
    One(Expr),
    /// Any element of an array.
    Any(Expr),
}

/// A value taken from a stored row.
#[derive(Debug, Clone, Copy)]
pub enum Cell {
    Column(usize),
    Key,
    Version,
}

/// A step, and where the columns that it reads lie.
#[derive(Debug)]
pub struct Stage {
    pub columns: ColumnPlaces,
    pub step: Step,
}

#[derive(Debug)]
pub enum Step {
    Filter(Expr),
    Project(Vec<Expr>),
    Sort(Vec<SortKey>),
    Limit {
        limit: Option<Expr>,
        offset: Option<Expr>,
    },
    /// The types of the columns.
    Distinct(Vec<u32>),
    Aggregate {
        groups: Vec<Expr>,
        aggregates: Vec<AggregateCall>,
    },
}

/// A key that rows can be walked in the order of.
struct Key<'a> {
    index: Option<&'a IndexSchema>,
    /// Positions in the table, descending, NULLs first; behind an index's own columns those of the row's key.
    columns: Vec<(usize, bool, bool)>,
    /// How many of them can be looked up.
    usable: usize,
}

/// `column comparison value`.
struct Condition<'a> {
    position: usize,
    comparison: Comparison,
    value: &'a Expr,
    /// The value is an array of which any element will do.
    any: bool,
}

impl Short {
    /// Recognises a query that may be short.
    pub fn of(query: &Query) -> Option<Self> {
        if !query.locking.is_empty() {
            return None;
        }
        let outputs: Vec<Column> = query.outputs.iter().map(|output| output.column).collect();
        Self::of_relation(&query.relation, &outputs)
    }

    /// The same for a query that locks its rows, whose identity follows the outputs.
    pub fn of_locked(query: &Query) -> Option<Self> {
        let [locking] = query.locking.as_slice() else { return None };
        let outputs = query.outputs.iter().map(|output| output.column);
        let columns: Vec<Column> = outputs.chain([locking.identity.key, locking.identity.version]).collect();
        Self::of_relation(&query.relation, &columns)
    }

    /// The same for a relation of which some columns are wanted.
    pub fn of_relation(relation: &Relation, outputs: &[Column]) -> Option<Self> {
        let mut chain = Vec::new();
        let scan = taken_apart(relation, &mut chain)?;
        if scan.table.kind != TableKind::Table || scan.partitions.is_some() || scan.sees_deleted.is_so() {
            return None;
        }
        // The filters next to the scan are tested on stored rows.
        let after_filters = chain.iter().take_while(|part| matches!(part, Relation::Filter { .. })).count();
        let conditions: Vec<&Expr> = chain[..after_filters].iter().flat_map(|part| conjuncts(part)).collect();
        let chain = &chain[after_filters..];
        let order = wanted_order(chain, scan);
        let has_limit = chain.iter().any(|part| matches!(part, Relation::Limit { .. }));
        let (path, used, is_ordered) = choose(scan, &conditions, order.as_deref(), has_limit)?;
        let is_used = |condition: &&Expr| used.iter().any(|used| std::ptr::eq(*used, *condition));
        let filters: Vec<Expr> =
            conditions.iter().filter(|condition| !is_used(condition)).map(|expr| (*expr).clone()).collect();
        let columns = ColumnPlaces::new(scan.columns.iter().map(|(position, column)| (column.var, *position)));
        if !filters.iter().all(|filter| is_plain(filter, &columns) && !walk::is_volatile(filter)) {
            return None;
        }
        let (mut vars, first) = cells(scan, chain, outputs);
        let stages = stages(chain, &mut vars, is_ordered)?;
        let outputs: Vec<usize> =
            outputs.iter().map(|output| vars.iter().position(|var| *var == output.var)).collect::<Option<_>>()?;
        let stops_at = stages.iter().position(|stage| !matches!(stage.step, Step::Project(_)));
        let stops_at = stops_at.filter(|at| matches!(stages[*at].step, Step::Limit { .. }));
        let (table, rest) = (scan.table.clone(), AtomicU32::new(0));
        Some(Self { table, path, filters, columns, first, stages, outputs, stops_at, rest })
    }

    /// Whether to try it now.
    pub fn is_due(&self) -> bool {
        let rest = self.rest.load(Ordering::Relaxed);
        if rest > 0 {
            self.rest.store(rest - 1, Ordering::Relaxed);
        }
        rest == 0
    }

    /// Remembers that there were too many rows.
    pub fn was_long(&self) {
        self.rest.store(REST, Ordering::Relaxed);
    }
}

/// The scan beneath a relation, and what lies above it, innermost first.
fn taken_apart<'a>(relation: &'a Relation, chain: &mut Vec<&'a Relation>) -> Option<&'a Scan> {
    let input = match relation {
        Relation::Scan(scan) => return Some(scan),
        // Steps are taken one after the other anyway.
        Relation::Limit { input, .. } if relation.is_barrier() => return taken_apart(input, chain),
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::Sort { input, .. }
        | Relation::Limit { input, with_ties: false, .. }
        | Relation::Aggregate { input, sets: None, .. } => input,
        Relation::Distinct { input, on } if on.is_empty() => input,
        _ => return None,
    };
    let scan = taken_apart(input, chain)?;
    chain.push(relation);
    Some(scan)
}

fn conjuncts(filter: &Relation) -> Vec<&Expr> {
    let Relation::Filter { predicate, .. } = filter else { return Vec::new() };
    match &predicate.kind {
        ExprKind::And(parts) => parts.iter().collect(),
        _ => vec![predicate],
    }
}

/// What the ORDER BY that comes first asks of the table's columns: position, descending, NULLs first.
fn wanted_order(chain: &[&Relation], scan: &Scan) -> Option<Vec<(usize, bool, bool)>> {
    let at = chain.iter().position(|part| !matches!(part, Relation::Project { .. }))?;
    let Relation::Sort { keys, .. } = chain[at] else { return None };
    let position_of = |key: &SortKey| {
        let ExprKind::Column(mut var) = key.expr.kind else { return None };
        for part in chain[..at].iter().rev() {
            let Relation::Project { columns, .. } = part else { return None };
            let (_, expr) = columns.iter().find(|(column, _)| column.var == var)?;
            let ExprKind::Column(inner) = expr.kind else { return None };
            var = inner;
        }
        Some((position_of(scan, var)?, key.descending, key.nulls_first))
    };
    // char(n) sorts without its trailing spaces, but lies in keys with them.
    keys.iter()
        .filter(|key| key.expr.ty.oid != BPCHAR)
        .map(position_of)
        .collect::<Option<Vec<_>>>()
        .filter(|order| order.len() == keys.len())
}

fn position_of(scan: &Scan, var: ColumnVar) -> Option<usize> {
    scan.columns.iter().find(|(_, column)| column.var == var).map(|(position, _)| *position)
}

/// Better ways compare greater: more columns pinned, then a bounded next one, then rows in the wanted order.
type Score = (usize, bool, bool);

/// The best way to the rows, the conditions that it makes true by itself, and whether rows come in the wanted order.
fn choose<'a>(
    scan: &Scan,
    conditions: &[&'a Expr],
    order: Option<&[(usize, bool, bool)]>,
    has_limit: bool,
) -> Option<(Path, Vec<&'a Expr>, bool)> {
    let known: Vec<(&'a Expr, Condition<'a>)> =
        conditions.iter().filter_map(|expr| Some((*expr, condition(expr, scan)?))).collect();
    let mut best: Option<(Score, Path, Vec<&'a Expr>, bool)> = None;
    for key in keys(scan) {
        let (mut path, used) = along(&key, &known);
        let is_bounded = path.lower.is_some() || path.upper.is_some();
        let direction = order.and_then(|order| direction(&key, &path, order, scan));
        // Without anything known of the key, its order is worth walking only as far as a limit says.
        if path.equal.is_empty() && !is_bounded && !(direction.is_some() && has_limit) {
            continue;
        }
        path.backward = direction == Some(true);
        let score = (path.equal.len(), is_bounded, direction.is_some());
        if best.as_ref().is_none_or(|(known, ..)| score > *known) {
            best = Some((score, path, used, direction.is_some()));
        }
    }
    best.map(|(_, path, used, is_ordered)| (path, used, is_ordered))
}

/// The keys of a table, its primary key first.
fn keys(scan: &Scan) -> Vec<Key<'_>> {
    let schema = &scan.table.storage;
    if !schema.slice.is_definite() {
        return Vec::new();
    }
    let primary: &[usize] = match &schema.identity {
        KeyKind::PrimaryKey(positions) => positions,
        KeyKind::Hidden => &[],
    };
    let ascending = |positions: &[usize]| positions.iter().map(|position| (*position, false, false)).collect();
    let mut keys = Vec::with_capacity(1 + schema.indexes.len());
    if !primary.is_empty() {
        keys.push(Key { index: None, columns: ascending(primary), usable: primary.len() });
    }
    for index in schema.indexes.iter().filter(|index| !schema.is_derived(index)) {
        let mut columns: Vec<_> =
            index.columns.iter().map(|column| (column.column, column.descending, column.nulls_first)).collect();
        let usable = columns.len();
        if !index.unique {
            columns.extend::<Vec<_>>(ascending(primary));
        }
        keys.push(Key { index: Some(index), columns, usable });
    }
    keys
}

/// What is known of the leading columns of a key.
fn along<'a>(key: &Key<'_>, known: &[(&'a Expr, Condition<'a>)]) -> (Path, Vec<&'a Expr>) {
    let mut path = Path { index: key.index.cloned(), equal: Vec::new(), lower: None, upper: None, backward: false };
    let mut used = Vec::new();
    for (position, ..) in &key.columns[..key.usable] {
        let of_column = || known.iter().filter(|(_, condition)| condition.position == *position);
        let equal = of_column().find(|(_, condition)| condition.comparison == Comparison::Equal && !condition.any);
        let equal = equal.or_else(|| of_column().find(|(_, condition)| condition.any));
        if let Some((expr, condition)) = equal {
            let value = condition.value.clone();
            path.equal.push(if condition.any { Pin::Any(value) } else { Pin::One(value) });
            used.push(*expr);
            continue;
        }
        for (expr, condition) in of_column() {
            let (side, within) = match condition.comparison {
                Comparison::Greater => (&mut path.lower, false),
                Comparison::GreaterOrEqual => (&mut path.lower, true),
                Comparison::Less => (&mut path.upper, false),
                Comparison::LessOrEqual => (&mut path.upper, true),
                Comparison::Equal | Comparison::NotEqual => continue,
            };
            if side.is_none() {
                *side = Some((condition.value.clone(), within));
                used.push(*expr);
            }
        }
        break;
    }
    (path, used)
}

/// Whether walking the key answers the order: `Some(true)` backwards.
fn direction(key: &Key<'_>, path: &Path, order: &[(usize, bool, bool)], scan: &Scan) -> Option<bool> {
    if path.equal.iter().any(|pin| matches!(pin, Pin::Any(_))) {
        return None;
    }
    // A column that is pinned is the same in all rows.
    let pinned: Vec<usize> = key.columns[..path.equal.len()].iter().map(|(position, ..)| *position).collect();
    let order = order.iter().filter(|(position, ..)| !pinned.contains(position));
    let mut backward = None;
    let mut columns = key.columns[path.equal.len()..].iter();
    for (position, descending, nulls_first) in order {
        let (column, key_descending, key_nulls_first) = columns.next()?;
        if column != position {
            return None;
        }
        let turned = descending != key_descending;
        let never_null = scan.table.columns[*position].not_null;
        if !never_null && (nulls_first != key_nulls_first) != turned {
            return None;
        }
        if *backward.get_or_insert(turned) != turned {
            return None;
        }
    }
    Some(backward.unwrap_or(false))
}

/// A condition on one column of the table, whose other side can be computed before any row is read.
fn condition<'a>(expr: &'a Expr, scan: &Scan) -> Option<Condition<'a>> {
    match &expr.kind {
        ExprKind::Call { function, args } => {
            let comparison = comparison_of(function)?;
            let [left, right] = args.as_slice() else { return None };
            let (column, comparison, value) = match (&left.kind, &right.kind) {
                (ExprKind::Column(var), _) if is_value(right) => (var, comparison, right),
                (_, ExprKind::Column(var)) if is_value(left) => (var, turned(comparison), left),
                _ => return None,
            };
            Some(Condition { position: position_of(scan, *column)?, comparison, value, any: false })
        }
        ExprKind::ArrayCompare { function, left, array, all: false } => {
            let ExprKind::Column(var) = left.kind else { return None };
            let is_equality = comparison_of(function)? == Comparison::Equal && is_value(array);
            is_equality.then_some(())?;
            Some(Condition {
                position: position_of(scan, var)?,
                comparison: Comparison::Equal,
                value: array,
                any: true,
            })
        }
        _ => None,
    }
}

/// A comparison that keys make: of one type, or of integers. char(n) is compared without its trailing spaces, but lies in
/// keys with them.
fn comparison_of(function: &Function) -> Option<Comparison> {
    let (Some(Batch::Compare(comparison)) | Some(Batch::CompareKey(comparison))) = function.batch else { return None };
    let [left, right] = function.args else { return None };
    let integers = [INT2, INT4, INT8];
    let alike = left == right || (integers.contains(left) && integers.contains(right));
    (alike && *left != BPCHAR).then_some(comparison)
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same @ (Comparison::Equal | Comparison::NotEqual) => same,
    }
}

/// The columns that are needed of stored rows, and where they are there.
fn cells(scan: &Scan, chain: &[&Relation], outputs: &[Column]) -> (Vec<ColumnVar>, Vec<Cell>) {
    let mut named: Vec<ColumnVar> = outputs.iter().map(|output| output.var).collect();
    for part in chain {
        each_expr(part, &mut |expr| named.extend(walk::columns_of(expr)));
    }
    let identity = scan
        .row_identity
        .iter()
        .flat_map(|RowIdentity { key, version }| [(key.var, Cell::Key), (version.var, Cell::Version)]);
    let columns = scan.columns.iter().map(|(position, column)| (column.var, Cell::Column(*position)));
    columns.chain(identity).filter(|(var, _)| named.contains(var)).unzip()
}

fn each_expr<'a>(part: &'a Relation, see: &mut dyn FnMut(&'a Expr)) {
    match part {
        Relation::Filter { predicate, .. } => see(predicate),
        Relation::Project { columns, .. } => columns.iter().for_each(|(_, expr)| see(expr)),
        Relation::Sort { keys, .. } => keys.iter().for_each(|key| see(&key.expr)),
        Relation::Limit { limit, offset, .. } => limit.iter().chain(offset).for_each(see),
        Relation::Aggregate { groups, aggregates, .. } => {
            groups.iter().for_each(|(_, expr)| see(expr));
            for (_, call) in aggregates {
                call.args.iter().chain(&call.filter).for_each(&mut *see);
            }
        }
        _ => {}
    }
}

/// The steps above the scan, as long as each can be done here. `vars` are the columns of the rows, before and after.
fn stages(chain: &[&Relation], vars: &mut Vec<ColumnVar>, is_ordered: bool) -> Option<Vec<Stage>> {
    let mut stages = Vec::with_capacity(chain.len());
    let mut ordered = is_ordered;
    for part in chain {
        let columns = ColumnPlaces::new(vars.iter().enumerate().map(|(at, var)| (*var, at)));
        let mut plain = true;
        each_expr(part, &mut |expr| plain &= is_plain(expr, &columns) && !walk::is_volatile(expr));
        if !plain {
            return None;
        }
        let step = match part {
            Relation::Filter { predicate, .. } => Step::Filter(predicate.clone()),
            Relation::Project { columns, .. } => {
                *vars = columns.iter().map(|(column, _)| column.var).collect();
                Step::Project(columns.iter().map(|(_, expr)| expr.clone()).collect())
            }
            // Only the first ORDER BY can be the order in which rows come.
            Relation::Sort { .. } if std::mem::take(&mut ordered) => continue,
            Relation::Sort { keys, .. } => Step::Sort(keys.clone()),
            Relation::Limit { limit, offset, .. } => Step::Limit { limit: limit.clone(), offset: offset.clone() },
            Relation::Distinct { input, .. } => {
                let columns = input.outputs();
                let type_of =
                    |var: &ColumnVar| columns.iter().find(|column| column.var == *var).map(|column| column.ty.oid);
                Step::Distinct(vars.iter().map(type_of).collect::<Option<_>>()?)
            }
            Relation::Aggregate { groups, aggregates, .. } => {
                if !aggregates.iter().all(|(_, call)| is_simple(call)) {
                    return None;
                }
                let columns = groups.iter().map(|(column, _)| column);
                *vars = columns.chain(aggregates.iter().map(|(column, _)| column)).map(|column| column.var).collect();
                Step::Aggregate {
                    groups: groups.iter().map(|(_, expr)| expr.clone()).collect(),
                    aggregates: aggregates.iter().map(|(_, call)| call.clone()).collect(),
                }
            }
            _ => return None,
        };
        stages.push(Stage { columns, step });
    }
    Some(stages)
}

/// Whether an aggregate is one of the few that are computed here, exactly as elsewhere.
fn is_simple(call: &AggregateCall) -> bool {
    if call.distinct || !call.order_by.is_empty() {
        return false;
    }
    let exact = |ty: u32| [INT2, INT4, INT8, NUMERIC].contains(&ty);
    match call.function.kind {
        AggregateKind::CountStar | AggregateKind::Count | AggregateKind::Min | AggregateKind::Max => true,
        AggregateKind::Sum | AggregateKind::Avg => call.args.iter().all(|arg| exact(arg.ty.oid)),
        _ => false,
    }
}
