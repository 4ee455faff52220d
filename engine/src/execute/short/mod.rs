//! Running short queries: a range of keys, read up to a bound, and a few steps on rows in memory.

mod aggregate;
mod order;
mod range;

use std::collections::HashSet;

use storage::{ReadView, StoredRow, Value};

use super::point::{StoredSource, is_true};
use crate::error::{Error, Result, SqlState};
use crate::expr::eval::{NoRow, RowSource, eval};
use crate::expr::{ColumnVar, Expr};
use crate::function::EvalContext;
use crate::plan::point::ColumnPlaces;
use crate::plan::short::{Cell, Short, Stage, Step};

/// Rows that are looked at before the query is taken for a long one. Reading them costs about as much as planning does
/// elsewhere.
const ROWS_MAX: usize = 512;

/// A row between two steps.
type Tuple = Vec<Value>;

/// The rows of a short query; None if it is not one, and nothing has come of it.
pub(crate) fn run(short: &Short, context: &EvalContext, view: &ReadView) -> Result<Option<Vec<Tuple>>> {
    if !short.is_due() {
        return Ok(None);
    }
    let wanted = match short.stops_at.map(|at| &short.stages[at].step) {
        Some(Step::Limit { limit, offset }) => rows_wanted(limit.as_ref(), offset.as_ref(), context)?,
        _ => None,
    };
    let Some(mut rows) = found(short, context, view, wanted.unwrap_or(usize::MAX))? else {
        short.was_long();
        return Ok(None);
    };
    for stage in &short.stages {
        rows = stage.run(rows, context)?;
    }
    let is_whole = short.outputs.iter().copied().eq(0..rows.first().map_or(0, Vec::len));
    if !is_whole {
        let cut = |row: Tuple| short.outputs.iter().map(|place| row[*place].clone()).collect();
        rows = rows.into_iter().map(cut).collect();
    }
    Ok(Some(rows))
}

/// Up to `wanted` rows of a query that counts those that could be locked: what its LIMIT says is left to the caller. None
/// if it is not short.
pub(crate) fn run_to_lock(
    short: &Short,
    context: &EvalContext,
    view: &ReadView,
    wanted: usize,
) -> Result<Option<Vec<Tuple>>> {
    if !short.is_due() {
        return Ok(None);
    }
    let stages = match short.stages.split_last() {
        Some((Stage { step: Step::Limit { .. }, .. }, before)) => before,
        _ => &short.stages[..],
    };
    let stops = short.stops_at == Some(stages.len());
    let Some(mut rows) = found(short, context, view, if stops { wanted } else { usize::MAX })? else {
        short.was_long();
        return Ok(None);
    };
    for stage in stages {
        rows = stage.run(rows, context)?;
    }
    rows.truncate(wanted);
    let cut = |row: Tuple| short.outputs.iter().map(|place| row[*place].clone()).collect();
    Ok(Some(rows.into_iter().map(cut).collect()))
}

/// The rows that the filters leave, `wanted` at most; None if too many had to be looked at.
fn found(short: &Short, context: &EvalContext, view: &ReadView, wanted: usize) -> Result<Option<Vec<Tuple>>> {
    let schema = &short.table.storage;
    let Some(ranges) = range::ranges(&short.path, schema, context)? else { return Ok(None) };
    let mut walk = range::Walk::new(short, view, ranges);
    let (mut tuples, mut seen) = (Vec::new(), 0);
    // The first piece is what the limit asks for, if rows need not be left out.
    let mut piece = if short.filters.is_empty() { wanted.min(ROWS_MAX) } else { ROWS_MAX };
    while tuples.len() < wanted {
        let rows = walk.next(piece.min(ROWS_MAX + 1 - seen))?;
        if rows.is_empty() {
            break;
        }
        seen += rows.len();
        if seen > ROWS_MAX {
            return Ok(None);
        }
        for row in rows {
            let source = StoredSource { row: &row, schema, places: &short.columns };
            if passes(&short.filters, context, &source)? {
                tuples.push(tuple(short, &row)?);
                if tuples.len() == wanted {
                    break;
                }
            }
        }
        piece = ROWS_MAX;
    }
    Ok(Some(tuples))
}

fn passes(filters: &[Expr], context: &EvalContext, source: &dyn RowSource) -> Result<bool> {
    for filter in filters {
        if !is_true(Some(filter), context, source)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn tuple(short: &Short, row: &StoredRow) -> Result<Tuple> {
    let cell = |cell: &Cell| {
        Ok(match cell {
            Cell::Column(position) => row.value(&short.table.storage, *position)?.to_owned(),
            Cell::Key => Value::Bytea(row.key.as_bytes().into()),
            Cell::Version => Value::Int8(row.seq().0 as i64),
        })
    };
    short.first.iter().map(cell).collect()
}

/// LIMIT and OFFSET together; None: no limit.
fn rows_wanted(limit: Option<&Expr>, offset: Option<&Expr>, context: &EvalContext) -> Result<Option<usize>> {
    let (limit, offset) = limits(limit, offset, context)?;
    Ok(limit.map(|limit| limit.saturating_add(offset)))
}

/// LIMIT, which may be none, and OFFSET.
fn limits(limit: Option<&Expr>, offset: Option<&Expr>, context: &EvalContext) -> Result<(Option<usize>, usize)> {
    let limit = row_count(limit, context, SqlState::INVALID_ROW_COUNT_IN_LIMIT, "LIMIT")?;
    let offset = row_count(offset, context, SqlState::INVALID_ROW_COUNT_IN_OFFSET, "OFFSET")?;
    Ok((limit, offset.unwrap_or(0)))
}

fn row_count(expr: Option<&Expr>, context: &EvalContext, state: SqlState, clause: &str) -> Result<Option<usize>> {
    let Some(expr) = expr else { return Ok(None) };
    let rows = match eval(expr, context, &NoRow)? {
        Value::Null => return Ok(None),
        Value::Int2(rows) => i64::from(rows),
        Value::Int4(rows) => i64::from(rows),
        Value::Int8(rows) => rows,
        _ => return Err(Error::internal("a row count is not an integer")),
    };
    let negative = || Error::new(state, format!("{clause} must not be negative"));
    if rows < 0 { Err(negative()) } else { Ok(Some(usize::try_from(rows).unwrap_or(usize::MAX))) }
}

impl Stage {
    fn source<'a>(&'a self, values: &'a [Value]) -> TupleSource<'a> {
        TupleSource { places: &self.columns, values }
    }

    fn run(&self, mut rows: Vec<Tuple>, context: &EvalContext) -> Result<Vec<Tuple>> {
        Ok(match &self.step {
            Step::Filter(filter) => {
                let mut kept = Vec::with_capacity(rows.len());
                for row in rows {
                    if is_true(Some(filter), context, &self.source(&row))? {
                        kept.push(row);
                    }
                }
                kept
            }
            Step::Project(exprs) => {
                let project = |row: Tuple| exprs.iter().map(|expr| eval(expr, context, &self.source(&row))).collect();
                rows.into_iter().map(project).collect::<Result<_>>()?
            }
            Step::Sort(keys) => order::sorted(rows, keys, context, &self.columns)?,
            Step::Limit { limit, offset } => {
                let (limit, offset) = limits(limit.as_ref(), offset.as_ref(), context)?;
                rows.drain(..offset.min(rows.len()));
                rows.truncate(limit.unwrap_or(usize::MAX));
                rows
            }
            Step::Distinct(types) => {
                let mut seen = HashSet::new();
                rows.retain(|row| seen.insert(order::identity(row, types)));
                rows
            }
            Step::Aggregate { groups, aggregates } => {
                aggregate::run(&rows, groups, aggregates, context, &self.columns)?
            }
        })
    }
}

/// A row in memory, as expressions read it.
struct TupleSource<'a> {
    places: &'a ColumnPlaces,
    values: &'a [Value],
}

impl RowSource for TupleSource<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let value = self.places.place(var).and_then(|place| self.values.get(place));
        value.cloned().ok_or_else(|| Error::internal("a column that the step before did not leave"))
    }
}
