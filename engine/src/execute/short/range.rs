//! From the conditions of a short query to ranges of keys, and the rows that lie there.

use std::ops::Bound;

use storage::key::{index_range, key_range};
use storage::{Direction, IndexScan, KeyRange, ReadView, RowIdentity, RowScan, StoredRow, TableSchema, Value};

use crate::error::Result;
use crate::execute::point::fit;
use crate::expr::Expr;
use crate::expr::eval::{NoRow, eval};
use crate::function::EvalContext;
use crate::plan::short::{Path, Pin, Short};

/// More ranges than these are for elsewhere.
const RANGES_MAX: usize = 128;

/// The ranges that a path means now, in order; None if they are too many, or cannot be said in values of the key's types.
pub(super) fn ranges(path: &Path, schema: &TableSchema, context: &EvalContext) -> Result<Option<Vec<KeyRange>>> {
    let primary: &[usize] = match &schema.identity {
        RowIdentity::PrimaryKey(positions) => positions,
        RowIdentity::Hidden => &[],
    };
    let position = |at: usize| match &path.index {
        Some(index) => index.columns.get(at).map(|column| column.column),
        None => primary.get(at).copied(),
    };
    let mut prefixes: Vec<Vec<Value>> = vec![Vec::new()];
    for (at, pin) in path.equal.iter().enumerate() {
        let Some(position) = position(at) else { return Ok(None) };
        let values = pinned(pin, position, schema, context)?;
        if prefixes.len() * values.len() > RANGES_MAX {
            return Ok(None);
        }
        prefixes = prefixes
            .iter()
            .flat_map(|prefix| values.iter().map(|value| prefix.iter().chain([value]).cloned().collect()))
            .collect();
    }
    let next = position(path.equal.len());
    let (Some(lower), Some(upper)) =
        (bound(path.lower.as_ref(), next, schema, context)?, bound(path.upper.as_ref(), next, schema, context)?)
    else {
        return Ok(None);
    };
    let range = |prefix: &Vec<Value>| match &path.index {
        Some(index) => index_range(index, prefix, lower.as_ref(), upper.as_ref()),
        None => key_range(schema, prefix, lower.as_ref(), upper.as_ref()),
    };
    let mut ranges: Vec<KeyRange> = prefixes.iter().map(range).filter(|range| !range.is_empty()).collect();
    // Equal values make one range: no row may come twice.
    ranges.sort_by(|left, right| left.start.cmp(&right.start));
    ranges.dedup();
    Ok(Some(ranges))
}

/// The values that a pinned column may have. NULL equals nothing, nor does what the column's type cannot hold.
fn pinned(pin: &Pin, position: usize, schema: &TableSchema, context: &EvalContext) -> Result<Vec<Value>> {
    let column_type = &schema.columns[position].column_type;
    let values = match pin {
        Pin::One(expr) => vec![eval(expr, context, &NoRow)?],
        Pin::Any(expr) => match eval(expr, context, &NoRow)? {
            Value::Array(array) => array.values,
            _ => Vec::new(),
        },
    };
    Ok(values.into_iter().filter_map(|value| fit(value, column_type)).collect())
}

/// A bound in the column's type; None if it cannot be said.
fn bound(
    bound: Option<&(Expr, bool)>,
    position: Option<usize>,
    schema: &TableSchema,
    context: &EvalContext,
) -> Result<Option<Bound<Value>>> {
    let Some((expr, within)) = bound else { return Ok(Some(Bound::Unbounded)) };
    let Some(position) = position else { return Ok(None) };
    let value = match eval(expr, context, &NoRow)? {
        Value::Null => Value::Null,
        value => match fit(value, &schema.columns[position].column_type) {
            Some(value) => value,
            None => return Ok(None),
        },
    };
    Ok(Some(if *within { Bound::Included(value) } else { Bound::Excluded(value) }))
}

/// A walk over ranges, one after the other.
pub(super) struct Walk<'a> {
    short: &'a Short,
    view: &'a ReadView,
    ranges: std::vec::IntoIter<KeyRange>,
    current: Option<Scan>,
}

/// One at a time: what the smaller takes too much is nothing.
#[expect(clippy::large_enum_variant, reason = "a box would cost every walk an allocation")]
enum Scan {
    Rows(RowScan),
    Index(IndexScan),
}

impl<'a> Walk<'a> {
    pub(super) fn new(short: &'a Short, view: &'a ReadView, mut ranges: Vec<KeyRange>) -> Self {
        if short.path.backward {
            ranges.reverse();
        }
        Self { short, view, ranges: ranges.into_iter(), current: None }
    }

    /// The next rows, `max` at most; none at the end.
    pub(super) fn next(&mut self, max: usize) -> Result<Vec<StoredRow>> {
        let mut rows = Vec::new();
        while rows.len() < max {
            let Some(scan) = &mut self.current else {
                let Some(range) = self.ranges.next() else { break };
                self.current = Some(self.scan(&range));
                continue;
            };
            let more = match scan {
                Scan::Rows(scan) => scan.next(max - rows.len())?,
                Scan::Index(scan) => scan.next(max - rows.len())?,
            };
            if more.is_empty() {
                self.current = None;
            }
            rows.extend(more);
        }
        Ok(rows)
    }

    fn scan(&self, range: &KeyRange) -> Scan {
        let direction = if self.short.path.backward { Direction::Backward } else { Direction::Forward };
        let schema = &self.short.table.storage;
        match &self.short.path.index {
            Some(index) => Scan::Index(self.view.scan_index(schema, index, range, direction)),
            None => Scan::Rows(self.view.scan(schema, range, direction)),
        }
    }
}
