//! char(n): columns of tables, whose values all have n characters, so that equality is that of their bytes.

use storage::Value;

use super::Lowering;
use crate::catalog::TableKind;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::plan::relation::{Column, Scan};
use crate::types::modifier::apply_modifier;
use crate::types::oid;

impl Lowering<'_> {
    /// Remembers the scan's columns of this kind.
    pub(super) fn note_padded(&mut self, scan: &Scan) {
        if matches!(scan.table.kind, TableKind::Table) {
            let padded = scan.columns.iter().map(|(_, column)| column);
            let padded = padded.filter(|column| column.ty.oid == oid::BPCHAR && column.ty.modifier >= 0);
            self.padded.extend(padded.map(|column| column.var));
        }
    }

    /// Whether the expression, which becomes the column, is one of these columns; then the new one is too.
    pub(super) fn is_padded(&mut self, column: Column, expr: &Expr) -> bool {
        let padded = self.padded_column(expr).is_some() && column.ty.modifier == expr.ty.modifier;
        if padded {
            self.padded.insert(column.var);
        }
        padded
    }

    fn padded_column(&self, expr: &Expr) -> Option<ColumnVar> {
        match expr.kind {
            ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } if self.padded.contains(&var) => Some(var),
            _ => None,
        }
    }

    /// Two sides that are equal if their bytes are.
    pub(super) fn padded_pair(&self, left: &Expr, right: &Expr) -> Option<(Expr, Expr)> {
        match (self.padded_column(left), self.padded_column(right)) {
            (Some(_), Some(_)) => (left.ty.modifier == right.ty.modifier).then(|| (left.clone(), right.clone())),
            (Some(_), None) => Some((left.clone(), padded_like(left, right)?)),
            (None, Some(_)) => Some((padded_like(right, left)?, right.clone())),
            (None, None) => None,
        }
    }
}

/// The constant with as many characters as the column's values; None: it is no constant, or too long.
fn padded_like(column: &Expr, constant: &Expr) -> Option<Expr> {
    match constant.as_const()? {
        Value::Null if constant.ty.oid == oid::BPCHAR => Some(constant.clone()),
        Value::Text(text) if constant.ty.oid == oid::BPCHAR => {
            let trimmed = Value::Text(text.trim_end_matches(' ').into());
            Some(Expr::constant(apply_modifier(trimmed, column.ty, false).ok()?, column.ty))
        }
        _ => None,
    }
}
