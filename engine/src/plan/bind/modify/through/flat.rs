//! A view's relation taken apart: one scan, what is tested on its rows, and what the outputs are of its columns.

use crate::catalog::TableKind;
use crate::error::{Error, Result};
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::plan::bind::modify::target::has_subquery;
use crate::plan::bind::policy::{is_behind, taken_from_behind};
use crate::plan::relation::{Column, Relation, Scan};

pub(super) const NOT_SINGLE: &str = "Views that do not select from a single table or view";

/// A relation taken apart: one scan, what is tested on its rows and what the outputs are of its columns.
pub(super) struct Flat {
    pub(super) scan: Scan,
    pub(super) filter: Option<Expr>,
    pub(super) outputs: Vec<(ColumnVar, Expr)>,
    /// What row-level security lets be read of the scan. Who writes asks for its own.
    pub(super) policies: Option<Expr>,
    /// Whether nothing was taken off yet.
    is_scan: bool,
}

/// What the columns of a view are of the columns of the scan.
pub(super) fn columns_of(outputs: &[(ColumnVar, Expr)], columns: &[(usize, Column)]) -> Result<Vec<Expr>> {
    let of = |(_, column): &(usize, Column)| {
        let found = outputs.iter().find(|(var, _)| *var == column.var).map(|(_, expr)| expr.clone());
        found.ok_or_else(|| Error::internal("a view's column is not among its outputs"))
    };
    columns.iter().map(of).collect()
}

/// The positions in the scanned table of those that are its columns.
pub(super) fn positions_of(scan: &Scan, exprs: &[Expr]) -> Vec<Option<usize>> {
    let position = |expr: &Expr| match expr.kind {
        ExprKind::Column(var) => scan.columns.iter().find(|(_, own)| own.var == var).map(|(own, _)| *own),
        _ => None,
    };
    exprs.iter().map(position).collect()
}

/// Takes a relation apart that is one scan with conditions and column lists around it; else says which views are not.
pub(super) fn flatten(relation: Relation) -> Result<Flat, &'static str> {
    match relation {
        Relation::Scan(scan) if scan.table.kind == TableKind::Table && scan.table.materialized.is_none() => {
            let columns = scan.columns.iter().map(|(_, column)| *column);
            let columns = columns.chain(scan.system.numbered().map(|(_, column)| column));
            let outputs = columns.map(|column| (column.var, Expr::column(column.var, column.ty))).collect();
            Ok(Flat { scan, filter: None, outputs, policies: None, is_scan: true })
        }
        Relation::Filter { input, predicate } => {
            let mut flat = flatten(*input)?;
            let predicate = flat.of_scan(predicate)?;
            flat.filter = both(flat.filter.take(), Some(predicate));
            Ok(flat)
        }
        Relation::Project { input, columns } => {
            let mut flat = flatten(*input)?;
            let of_scan = |(column, expr): (Column, Expr)| Ok((column.var, flat.of_scan(expr)?));
            let outputs = columns.into_iter().map(of_scan).collect::<Result<_, &'static str>>()?;
            (flat.outputs, flat.is_scan) = (outputs, false);
            Ok(flat)
        }
        Relation::Sort { input, .. } => flatten(*input),
        limit @ Relation::Limit { .. } if is_behind(&limit) => match taken_from_behind(limit) {
            Some((scan, policies)) => Ok(Flat { policies: Some(policies), ..flatten(Relation::Scan(scan))? }),
            None => Err(NOT_SINGLE),
        },
        limit @ Relation::Limit { .. } if limit.is_barrier() => match limit {
            Relation::Limit { input, .. } => flatten(*input),
            _ => Err(NOT_SINGLE),
        },
        Relation::Distinct { .. } => Err("Views containing DISTINCT"),
        Relation::Aggregate { groups, .. } if groups.is_empty() => Err("Views that return aggregate functions"),
        Relation::Aggregate { .. } => Err("Views containing GROUP BY"),
        Relation::Window { .. } => Err("Views that return window functions"),
        Relation::ProjectSet { .. } => Err("Views that return set-returning functions"),
        Relation::SetOperation { .. } => Err("Views containing UNION, INTERSECT, or EXCEPT"),
        Relation::Limit { .. } => Err("Views containing LIMIT or OFFSET"),
        Relation::Shared { .. } | Relation::Recursive { .. } => Err("Views containing WITH"),
        _ => Err(NOT_SINGLE),
    }
}

impl Flat {
    /// The conditions one by one, those of the innermost view first.
    pub(super) fn conditions(&self) -> Vec<Expr> {
        match self.filter.clone() {
            None => Vec::new(),
            Some(Expr { kind: ExprKind::And(parts), .. }) => parts,
            Some(one) => vec![one],
        }
    }

    /// An expression over the outputs as one over the scan's columns. A subquery knows the columns around it by the
    /// numbers they have there, so that it must stand right over the scan.
    fn of_scan(&self, expr: Expr) -> Result<Expr, &'static str> {
        if self.is_scan {
            return Ok(expr);
        }
        if has_subquery(&expr) {
            return Err("Views with subqueries over the columns of other views");
        }
        let replaced = walk::transform(expr, &mut |part| {
            let of = match part.kind {
                ExprKind::Column(var) => self.outputs.iter().find(|(own, _)| *own == var),
                _ => None,
            };
            Ok(of.map_or(part, |(_, of)| of.clone()))
        });
        replaced.map_err(|_| "Views that nest too deep")
    }
}

pub(in crate::plan::bind::modify) fn both(first: Option<Expr>, second: Option<Expr>) -> Option<Expr> {
    match (first, second) {
        (Some(first), Some(second)) => {
            let ty = first.ty;
            // One level, so that a key among the parts is found.
            let parts = [first, second].into_iter().flat_map(|expr| match expr.kind {
                ExprKind::And(parts) => parts,
                kind => vec![Expr::new(kind, ty)],
            });
            Some(Expr::new(ExprKind::And(parts.collect()), ty))
        }
        (one, other) => one.or(other),
    }
}
