//! Queries over one table that only filter and compute: each change of a row tells by itself what it does to the answer.
//!
//! The expressions are the binder's, as a point plan would run them; sorting and views in between are taken out first.

use std::collections::HashMap;
use std::sync::Arc;

use storage::{Change, Store, StoredRow, Value};

use super::event::{ChangeEvent, RowWriter};
use super::key::conjuncts;
use super::plan::Shape;
use crate::catalog::{Table, TableKind};
use crate::error::{Error, Result};
use crate::expr::eval::{RowSource, eval, is_true};
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::function::{EvalContext, Function, is_quick_call};
use crate::plan::point::{ColumnPlaces, equality};
use crate::plan::relation::{Query, Relation, Scan};
use crate::plan::system_column::{SystemColumn, SystemColumns};

/// How a changed row is looked at.
#[derive(Debug)]
pub(super) struct PerChange {
    filters: Box<[Expr]>,
    /// Columns of the table that must have certain values, in their order, each with the place of the filter that says so.
    equalities: Box<[(usize, usize)]>,
    is_costly: bool,
}

/// What a row of the answer is made of, and where a row of the tables has that: all of them have the same columns at the same
/// places.
#[derive(Debug)]
pub(super) struct RowShape {
    outputs: Box<[Expr]>,
    places: ColumnPlaces,
    system: SystemColumns,
}

/// Parts of all expressions together beyond which a row is not looked at in passing.
const QUICK_PARTS_MAX: usize = 1_000;

/// Parts beyond which the query is run again instead: columns that are used often multiply what they are made of.
const PARTS_MAX: usize = 10_000;

/// A query taken apart: what its columns are of the scan's, and what rows must be.
struct Flat<'a> {
    scan: &'a Scan,
    /// Each with the number of its parts. None: the columns are the scan's own.
    columns: Option<HashMap<ColumnVar, (Expr, usize)>>,
    filters: Vec<Expr>,
}

impl<'a> Flat<'a> {
    fn of(relation: &'a Relation) -> Option<Self> {
        match relation {
            Relation::Scan(scan) => Some(Self { scan, columns: None, filters: Vec::new() }),
            Relation::Sort { input, .. } => Self::of(input),
            Relation::Filter { input, predicate } => {
                let mut flat = Self::of(input)?;
                let predicate = flat.express(predicate)?;
                flat.filters.extend(conjuncts(&predicate).into_iter().cloned());
                Some(flat)
            }
            Relation::Project { input, columns } => {
                let mut flat = Self::of(input)?;
                let computed = columns.iter().map(|(column, expr)| {
                    let expr = flat.express(expr)?;
                    let parts = parts_of(&expr);
                    Some((column.var, (expr, parts)))
                });
                flat.columns = Some(computed.collect::<Option<_>>()?);
                Some(flat)
            }
            _ => None,
        }
    }

    /// An expression over the columns as one over the scan's; None if that is too large.
    fn express(&self, expr: &Expr) -> Option<Expr> {
        let Some(columns) = &self.columns else { return Some(expr.clone()) };
        let mut parts = 0;
        walk::visit(expr, &mut |part| {
            parts += match part.kind {
                ExprKind::Column(var) => columns.get(&var).map_or(1, |(_, parts)| *parts),
                _ => 1,
            };
        });
        if parts > PARTS_MAX {
            return None;
        }
        let replaced = walk::transform(expr.clone(), &mut |part| match part.kind {
            ExprKind::Column(var) => {
                columns.get(&var).map(|(expr, _)| expr.clone()).ok_or_else(|| Error::internal("an unknown column"))
            }
            _ => Ok(part),
        });
        replaced.ok()
    }
}

/// How a query is evaluated, the shape of its rows and the tables that have them.
type Evaluated = (PerChange, RowShape, Box<[Arc<Table>]>);

impl PerChange {
    /// With the tables that have the rows: the one that is named, or what lies beneath it. None: the query is more than one
    /// table, filter and projection.
    pub(super) fn of(query: &Query) -> Option<Evaluated> {
        let flat = Flat::of(&query.relation)?;
        let scan = flat.scan;
        let names_users = scan.system.get(SystemColumn::User).is_some();
        if scan.table.kind != TableKind::Table || scan.sees_deleted.is_so() || names_users {
            return None;
        }
        let tables: Box<[Arc<Table>]> = match &scan.partitions {
            Some(tree) => tree.leaves().into(),
            None => [scan.table.clone()].into(),
        };
        let places = ColumnPlaces::new(scan.columns.iter().map(|(position, column)| (column.var, *position)));
        let outputs =
            query.outputs.iter().map(|output| flat.express(&Expr::column(output.column.var, output.column.ty)));
        let outputs = outputs.collect::<Option<Box<[Expr]>>>()?;
        let filters = flat.filters.into_boxed_slice();
        let (mut parts, mut is_quick) = (0, true);
        for expr in filters.iter().chain(&outputs) {
            walk::visit(expr, &mut |part| {
                parts += 1;
                is_quick &= called_by(part).is_none_or(is_quick_call);
            });
        }
        if parts > PARTS_MAX {
            return None;
        }
        let row = RowShape { outputs, places, system: scan.system };
        if !filters.iter().chain(&row.outputs).all(|expr| row.is_plain(expr)) {
            return None;
        }
        let mut equalities: Vec<(usize, usize)> = Vec::new();
        for (place, filter) in filters.iter().enumerate() {
            let position = equality(filter).and_then(|(var, _)| row.places.place(var));
            equalities.extend(
                position.filter(|own| !equalities.iter().any(|(known, _)| known == own)).map(|own| (own, place)),
            );
        }
        equalities.sort_unstable();
        let is_costly = !is_quick || parts > QUICK_PARTS_MAX;
        Some((Self { filters, equalities: equalities.into(), is_costly }, row, tables))
    }

    /// Whether to look at one row may take longer than to read it.
    pub(super) fn is_costly(&self) -> bool {
        self.is_costly
    }

    /// Columns of the table that must have certain values, and what they must be equal to.
    pub(super) fn equalities(&self) -> Vec<(usize, &Expr)> {
        let value = |(position, place): &(usize, usize)| Some((*position, equality(&self.filters[*place])?.1));
        self.equalities.iter().filter_map(value).collect()
    }

    /// Adds to an event what changes of rows, all of one commit, do to the answer.
    pub(super) fn tell(
        &self,
        changes: &mut dyn Iterator<Item = &Change>,
        (shape, row): (&Shape, &RowShape),
        context: &EvalContext,
        store: &Store,
        event: &mut ChangeEvent,
    ) -> Result<()> {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for change in changes {
            let Some(table) = shape.tables.iter().find(|table| table.oid == change.table.0) else { continue };
            // Of a user table only the rows of whoever follows, and of a stream none that a query would not show.
            if !table.storage.means(&change.key) || store.is_over(&table.storage, &change.key) {
                continue;
            }
            let written = |image: &Option<bytes::Bytes>, out: &mut Vec<u8>| {
                out.clear();
                let Some(bytes) = image else { return Ok(false) };
                let stored = StoredRow { key: change.key.clone(), bytes: bytes.clone() };
                self.write(&Image { shape: row, table, row: &stored, store }, &shape.writer, context, out)
            };
            let (before, after) = (written(&change.old, &mut old)?, written(&change.new, &mut new)?);
            event.changed(before.then_some(&*old), after.then_some(&*new));
            if event.is_too_large() {
                return Err(super::difference::change_too_large());
            }
        }
        Ok(())
    }

    /// Writes a row if it is in the answer.
    fn write(&self, row: &Image<'_>, writer: &RowWriter, context: &EvalContext, out: &mut Vec<u8>) -> Result<bool> {
        for filter in &self.filters {
            if !is_true(filter, context, row)? {
                return Ok(false);
            }
        }
        writer.write(context, out, |position| eval(&row.shape.outputs[position], context, row))?;
        Ok(true)
    }
}

impl RowShape {
    /// Whether an output has a value of its own.
    pub(super) fn has_values(&self) -> bool {
        let mut has_values = false;
        for expr in &self.outputs {
            walk::visit(expr, &mut |part| has_values |= matches!(part.kind, ExprKind::Const(_)));
        }
        has_values
    }

    /// Whether an expression needs nothing but one row.
    fn is_plain(&self, expr: &Expr) -> bool {
        let mut plain = true;
        walk::visit(expr, &mut |part| {
            plain &= match &part.kind {
                ExprKind::Column(var) => self.places.place(*var).is_some() || self.system.find(*var).is_some(),
                ExprKind::OuterColumn { .. } | ExprKind::Aggregate(_) | ExprKind::Window(_) => false,
                ExprKind::Subquery(_) | ExprKind::Shown(_) => false,
                _ => true,
            };
        });
        plain
    }
}

fn parts_of(expr: &Expr) -> usize {
    let mut parts = 0;
    walk::visit(expr, &mut |_| parts += 1);
    parts
}

/// The function that an expression calls itself.
fn called_by(expr: &Expr) -> Option<&'static Function> {
    match &expr.kind {
        ExprKind::Call { function, .. } | ExprKind::ArrayCompare { function, .. } => Some(*function),
        ExprKind::Distinct { equal, .. } | ExprKind::NullIf { equal, .. } => Some(*equal),
        ExprKind::Extreme { less, .. } => Some(*less),
        _ => None,
    }
}

/// A row as a commit found it or left it.
struct Image<'a> {
    shape: &'a RowShape,
    table: &'a Arc<Table>,
    row: &'a StoredRow,
    store: &'a Store,
}

impl RowSource for Image<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        if let Some(position) = self.shape.places.place(var) {
            return Ok(self.row.value(&self.table.storage, position)?.to_owned());
        }
        // A row that was written in bulk has commit and time of its generation.
        let stamp = || match self.row.seq() {
            storage::CommitSeq(0) => self.store.generation_stamp(self.table.storage.generation),
            seq => Some((seq, self.row.updated_at())),
        };
        match self.shape.system.find(var) {
            Some(SystemColumn::TableOid) => Ok(Value::Int8(i64::from(self.table.oid))),
            Some(SystemColumn::Seq) => {
                Ok(stamp().map_or(Value::Null, |(seq, _)| Value::Int8(i64::try_from(seq.0).unwrap_or(i64::MAX))))
            }
            Some(SystemColumn::Updated) => Ok(stamp().map_or(Value::Null, |(_, time)| Value::Timestamptz(time))),
            Some(SystemColumn::Deleted | SystemColumn::User | SystemColumn::Xmax) | None => {
                Err(Error::internal("a column of another relation"))
            }
        }
    }
}
