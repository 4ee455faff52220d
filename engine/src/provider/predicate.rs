//! From conditions to key ranges: what part of a table, or of which index, a scan must read, and which values are asked for.
//!
//! Only `column op constant` and `column IN (constants)` are looked at, and the conditions themselves stay in the plan:
//! a range may be too wide, never too narrow.

use std::ops::Bound;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use storage::key::{index_range, key_range};
use storage::row::arrow::cell;
use storage::segment::ValueRange;
use storage::{ColumnType, FixedPoint, ItemQuery, KeyRange, Numeric, RowIdentity, TableSchema, Value};

use crate::catalog::partition::Known;
use crate::error::Result;
use crate::execute::lower::{FixedCast, KeyFunction};

/// Point ranges made for one scan; more are read as one wider range.
const POINTS_MAX: usize = 1000;

/// Where a scan finds its rows.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// By ranges of the table's own keys.
    Rows(Vec<KeyRange>),
    /// By ranges of an index: its position in `TableSchema::indexes`.
    Index { index: usize, ranges: Vec<KeyRange> },
    /// By what they have in an index of items.
    Items { index: usize, query: ItemQuery },
}

/// What is known of one column.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// The column equals one of these; None: not known.
    equal: Option<Vec<Value>>,
    lower: Bound<Value>,
    upper: Bound<Value>,
}

/// One condition on one column: its position in the table.
struct Condition {
    position: usize,
    operator: Operator,
    values: Vec<Value>,
}

/// Whether a condition says anything of any single column.
pub(crate) fn is_condition(filter: &Expr, table: &TableSchema, position_of: &dyn Fn(&str) -> Option<usize>) -> bool {
    split_conjunction(filter).into_iter().any(|part| condition(part, table, position_of).is_some())
}

/// The narrowest way to the rows that the filters leave, and whether they say what a column of the key that it goes along
/// equals. `position_of` tells a column's position in the table; `weigh` whether ranges of an index are worth it, and
/// learns whether the filters look as if they were.
pub(crate) fn access(
    filters: &[Expr],
    table: &TableSchema,
    position_of: &dyn Fn(&str) -> Option<usize>,
    weigh: &dyn Fn(&[KeyRange], bool) -> Result<bool>,
) -> Result<(Access, bool)> {
    let bounds = bounds(filters, table, position_of);
    let whole = Access::Rows(vec![table.rows()]);
    if !table.slice.is_definite() {
        return Ok((whole, false));
    }
    let mut best: Option<(Score, Access)> = None;
    if let RowIdentity::PrimaryKey(columns) = &table.identity {
        let path = Path::new(columns.iter().copied(), &bounds);
        if path.is_bounded() {
            let ranges = path.ranges(|prefix, lower, upper| key_range(table, prefix, lower, upper));
            best = Some((path.score(columns.len(), true), Access::Rows(ranges)));
        }
    }
    for (position, index) in table.indexes.iter().enumerate().filter(|(_, index)| !table.is_derived(index)) {
        let path = Path::new(index.columns.iter().map(|column| column.column), &bounds);
        let score = path.score(index.columns.len(), index.unique);
        if path.is_bounded() && best.as_ref().is_none_or(|(known, _)| score > *known) {
            let ranges = path.ranges(|prefix, lower, upper| index_range(index, prefix, lower, upper));
            let (is_one, ..) = score;
            if is_one || weigh(&ranges, path.looks_narrow())? {
                best = Some((score, Access::Index { index: position, ranges }));
            }
        }
    }
    Ok(best.map_or((whole, false), |((_, pinned, _), access)| (access, pinned > 0)))
}

/// What the filters say of each column of the table, by position.
pub(crate) fn bounds(
    filters: &[Expr],
    table: &TableSchema,
    position_of: &dyn Fn(&str) -> Option<usize>,
) -> Vec<Bounds> {
    let mut bounds: Vec<Bounds> =
        vec![Bounds { equal: None, lower: Bound::Unbounded, upper: Bound::Unbounded }; table.columns.len()];
    for filter in filters {
        for part in split_conjunction(filter) {
            if let Some(condition) = condition(part, table, position_of) {
                bounds[condition.position].narrow(condition.operator, condition.values);
            }
        }
    }
    bounds
}

/// The values that the filters leave of single columns.
pub(crate) fn value_ranges(
    filters: &[Expr],
    table: &TableSchema,
    position_of: &dyn Fn(&str) -> Option<usize>,
) -> Vec<ValueRange> {
    let bounds = bounds(filters, table, position_of).into_iter().enumerate();
    bounds.filter_map(|(position, bounds)| bounds.value_range(position)).collect()
}

/// Better ways compare greater: one row at most, then more columns pinned, then a bounded next column.
type Score = (bool, usize, bool);

/// What the bounds say about the leading columns of a key.
struct Path<'a> {
    /// Every combination of values of the leading columns.
    prefixes: Vec<Vec<Value>>,
    pinned: usize,
    next: Option<&'a Bounds>,
}

impl<'a> Path<'a> {
    fn new(columns: impl Iterator<Item = usize>, bounds: &'a [Bounds]) -> Self {
        let mut path = Path { prefixes: vec![Vec::new()], pinned: 0, next: None };
        for column in columns {
            let bounds = &bounds[column];
            match &bounds.equal {
                Some(values) if path.prefixes.len() * values.len().max(1) <= POINTS_MAX => {
                    path.prefixes = path
                        .prefixes
                        .iter()
                        .flat_map(|prefix| {
                            values.iter().map(move |value| prefix.iter().chain([value]).cloned().collect::<Vec<_>>())
                        })
                        .collect();
                    path.pinned += 1;
                }
                _ => {
                    path.next = bounds.is_bounded().then_some(bounds);
                    break;
                }
            }
        }
        path
    }

    fn is_bounded(&self) -> bool {
        self.pinned > 0 || self.next.is_some()
    }

    /// Of a range that is open to one side that is not assumed.
    fn looks_narrow(&self) -> bool {
        self.pinned > 0 || self.next.is_some_and(Bounds::is_closed)
    }

    fn score(&self, width: usize, unique: bool) -> Score {
        (unique && self.pinned == width, self.pinned, self.next.is_some())
    }

    fn ranges(&self, range: impl Fn(&[Value], Bound<&Value>, Bound<&Value>) -> KeyRange) -> Vec<KeyRange> {
        let (lower, upper) = match self.next {
            Some(bounds) => (bounds.lower.as_ref(), bounds.upper.as_ref()),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let mut ranges: Vec<KeyRange> =
            self.prefixes.iter().map(|prefix| range(prefix, lower, upper)).filter(|range| !range.is_empty()).collect();
        // Ranges must not overlap, or rows would come twice: 1.0 and 1.00 have the same key.
        ranges.sort_by(|a, b| a.start.cmp(&b.start));
        ranges.dedup();
        ranges
    }
}

impl Bounds {
    /// The same for a choice among partitions.
    pub(crate) fn known(&self) -> Known<'_> {
        Known { equal: self.equal.as_deref(), lower: self.lower.as_ref(), upper: self.upper.as_ref() }
    }

    /// What lies between the bounds; `None` if there are none, or more than one value that is asked for.
    fn value_range(&self, position: usize) -> Option<ValueRange> {
        let end = |bound: &'_ Bound<Value>| match bound {
            Bound::Included(value) | Bound::Excluded(value) => Some(value.clone()),
            Bound::Unbounded => None,
        };
        let (lower, upper) = match self.equal.as_deref() {
            Some([value]) => (Some(value.clone()), Some(value.clone())),
            _ => (end(&self.lower), end(&self.upper)),
        };
        let is_bounded = lower.is_some() || upper.is_some();
        is_bounded.then(|| ValueRange::new(position, lower.as_ref(), upper.as_ref()))
    }

    fn is_bounded(&self) -> bool {
        !matches!((&self.lower, &self.upper), (Bound::Unbounded, Bound::Unbounded))
    }

    fn is_closed(&self) -> bool {
        !matches!(self.lower, Bound::Unbounded) && !matches!(self.upper, Bound::Unbounded)
    }

    /// Keeps the first bound of each side: the condition itself is checked later, so any one will do.
    fn narrow(&mut self, operator: Operator, mut values: Vec<Value>) {
        if operator == Operator::Eq {
            if self.equal.as_ref().is_none_or(|known| known.len() > values.len()) {
                self.equal = Some(values);
            }
            return;
        }
        let Some(value) = values.pop() else { return };
        match operator {
            Operator::Gt if matches!(self.lower, Bound::Unbounded) => self.lower = Bound::Excluded(value),
            Operator::GtEq if matches!(self.lower, Bound::Unbounded) => self.lower = Bound::Included(value),
            Operator::Lt if matches!(self.upper, Bound::Unbounded) => self.upper = Bound::Excluded(value),
            Operator::LtEq if matches!(self.upper, Bound::Unbounded) => self.upper = Bound::Included(value),
            _ => {}
        }
    }
}

fn condition(part: &Expr, table: &TableSchema, position_of: &dyn Fn(&str) -> Option<usize>) -> Option<Condition> {
    match part {
        // What the optimizer makes of a short IN list.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let mut one = condition(left, table, position_of)?;
            let other = condition(right, table, position_of)?;
            let same = one.position == other.position && one.operator == Operator::Eq && other.operator == Operator::Eq;
            one.values.extend(other.values);
            (same && one.values.len() <= POINTS_MAX).then_some(one)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (column, operator, constant) = match (left.as_ref(), right.as_ref()) {
                (column, Expr::Literal(constant, _)) => (column, *op, constant),
                (Expr::Literal(constant, _), column) => (column, op.swap()?, constant),
                _ => return None,
            };
            if !matches!(operator, Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) {
                return None;
            }
            let (position, keyed) = column_position(column, position_of)?;
            let value = value_of(constant, &table.columns.get(position)?.column_type, keyed)?;
            Some(Condition { position, operator, values: vec![value] })
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let (position, keyed) = column_position(expr, position_of)?;
            let ty = &table.columns.get(position)?.column_type;
            let mut values = Vec::with_capacity(list.len());
            for item in list {
                let Expr::Literal(constant, _) = item else { return None };
                // NULL equals nothing.
                if !constant.is_null() {
                    values.push(value_of(constant, ty, keyed)?);
                }
            }
            (values.len() <= POINTS_MAX).then_some(Condition { position, operator: Operator::Eq, values })
        }
        _ => None,
    }
}

/// The column's position, and the sort key function over it, if there is one.
fn column_position<'a>(
    expr: &'a Expr,
    position_of: &dyn Fn(&str) -> Option<usize>,
) -> Option<(usize, Option<&'a KeyFunction>)> {
    match expr {
        Expr::Column(column) => Some((position_of(&column.name)?, None)),
        // A numeric of another scale is the same number.
        Expr::ScalarFunction(call) if call.func.inner().downcast_ref::<FixedCast>().is_some() => {
            match call.args.as_slice() {
                [Expr::Column(column)] => Some((position_of(&column.name)?, None)),
                _ => None,
            }
        }
        Expr::ScalarFunction(call) => {
            let key = call.func.inner().downcast_ref::<KeyFunction>()?;
            match call.args.as_slice() {
                [Expr::Column(column)] => Some((position_of(&column.name)?, Some(key))),
                _ => None,
            }
        }
        _ => None,
    }
}

fn value_of(constant: &ScalarValue, ty: &ColumnType, keyed: Option<&KeyFunction>) -> Option<Value> {
    if constant.is_null() {
        return None;
    }
    match (keyed, ty, constant) {
        // The display scale plays no part in keys, so any will do.
        (Some(_), ColumnType::Numeric, ScalarValue::BinaryView(Some(key))) => {
            let bytes = [key.as_slice(), &[0, 0]].concat();
            Numeric::from_bytes(&bytes).ok().map(|value| Value::Numeric(Box::new(value)))
        }
        (Some(key), ColumnType::Float4 | ColumnType::Float8, constant) => key.represents(constant),
        (Some(_), ..) => None,
        (None, ColumnType::Numeric, ScalarValue::Decimal128(Some(number), precision, scale)) => {
            let fixed = FixedPoint { precision: *precision, scale: u8::try_from(*scale).ok()? };
            Some(Value::Numeric(Box::new(fixed.value(*number))))
        }
        (None, ty, constant) => {
            if constant.data_type() != storage::row::arrow::arrow_type(ty) {
                return None;
            }
            let array = constant.to_array().ok()?;
            Some(cell(array.as_ref(), ty, 0).to_owned())
        }
    }
}
