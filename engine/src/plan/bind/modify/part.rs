//! Assignments to parts of columns: `SET a[1] = x`, `INSERT INTO t (a[1], a[2])`. They become an assignment of the whole
//! column, whose value is the old one with the parts replaced.

use datafusion::sql::sqlparser::ast::{self, AccessExpr, Ident};
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::super::{Binder, Clause, Place, Scope};
use super::is_default;
use crate::catalog::{Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::function::CastContext;
use crate::statement::mend::assigned_part;
use crate::types::{display, oid};

/// The way from a column to what is assigned; nothing if that is the column.
pub(super) type Way = Vec<AccessExpr>;

/// A column as a statement names it, and the way to its part.
pub(super) type Named = (Ident, Way);

/// A column that is assigned to, and the way to its part.
pub(super) fn column_and_way(name: &ast::ObjectName) -> Result<Named> {
    let unsupported = || Error::unsupported("an assignment to something other than a column");
    let mut idents = name.0.iter().map(|part| part.as_ident().cloned().ok_or_else(unsupported));
    let column = idents.next().ok_or_else(unsupported)??;
    if let Some((column, way)) = assigned_part(&column)? {
        return Ok((column, way));
    }
    let fields = idents.map(|field| Ok(AccessExpr::Dot(ast::Expr::Identifier(field?)))).collect::<Result<_>>()?;
    Ok((column, fields))
}

impl Binder<'_> {
    /// The column's value with a part of it replaced, which [`Binder::with_all_parts`] makes one of the column's type.
    /// `whole` is what it was before, maybe by an earlier assignment.
    pub(super) fn assigned_part(
        &mut self,
        column: &TableColumn,
        whole: Expr,
        (name, way): (&Ident, &Way),
        value: &ast::Expr,
        (scope, clause): (&Scope, Clause),
    ) -> Result<Expr> {
        if is_default(value) {
            let subscript = matches!(way.last(), Some(AccessExpr::Subscript(_)));
            let what = if subscript { "an array element" } else { "a subfield" };
            let words = format!("cannot set {what} to DEFAULT");
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).at(self.position(name.span)));
        }
        let bound = self.expr_in(value, scope, clause)?;
        self.part_replaced(column, whole, (name, way), (bound, ast::Spanned::span(value)), (scope, clause))
    }

    /// The same for a value that is bound already.
    pub(super) fn part_replaced(
        &mut self,
        column: &TableColumn,
        whole: Expr,
        (name, way): (&Ident, &Way),
        (value, span): (Expr, Span),
        (scope, clause): (&Scope, Clause),
    ) -> Result<Expr> {
        let target = self.part_type(column.ty, way, name.span)?;
        let from = value.ty;
        let part = self.coerce(value, target, CastContext::Assignment).map_err(|error| {
            let mismatch = [SqlState::DATATYPE_MISMATCH, SqlState::CANNOT_COERCE].contains(&error.sql_state());
            if !mismatch || from.oid == oid::UNKNOWN {
                return error.at(self.position(span));
            }
            let what = match way.last() {
                Some(AccessExpr::Dot(field)) => format!("subfield \"{field}\" is of type"),
                _ => format!("subscripted assignment to \"{}\" requires type", column.name),
            };
            let message = format!("{what} {} but expression is of type {}", display(target), display(from));
            Error::new(SqlState::DATATYPE_MISMATCH, message)
                .with_hint("You will need to rewrite or cast the expression.")
                .at(self.position(span))
        })?;
        self.with_part(whole, way, part, Place { scope, clause })
    }

    /// A value of which all parts have been replaced, as one of its column: only now it has to keep a domain's rules.
    pub(super) fn with_all_parts(&mut self, column: &TableColumn, whole: Expr, span: Span) -> Result<Expr> {
        self.assign(whole, column.ty, &column.name, span)
    }

    /// One value for each column, made of those for its parts.
    pub(super) fn parts_joined(
        &mut self,
        table: &Table,
        positions: &[usize],
        ways: &[Named],
        values: Vec<(Expr, Span)>,
        clause: Clause,
    ) -> Result<(Vec<usize>, Vec<Expr>)> {
        let (mut columns, mut joined): (Vec<usize>, Vec<Expr>) = (Vec::new(), Vec::new());
        let mut in_parts: Vec<(usize, usize, Span)> = Vec::new();
        for ((position, (name, way)), (value, span)) in positions.iter().zip(ways).zip(values) {
            if way.is_empty() {
                columns.push(*position);
                joined.push(value);
                continue;
            }
            let column = &table.columns[*position];
            let known = columns.iter().position(|known| known == position);
            let at = known.unwrap_or_else(|| {
                columns.push(*position);
                joined.push(Expr::constant(Value::Null, column.ty));
                columns.len() - 1
            });
            let whole = joined[at].clone();
            joined[at] = self.part_replaced(column, whole, (name, way), (value, span), (&Scope::empty(), clause))?;
            in_parts.push((at, *position, span));
        }
        for (nth, (at, position, span)) in in_parts.iter().enumerate() {
            if in_parts[nth + 1..].iter().any(|(later, ..)| later == at) {
                continue;
            }
            let whole = std::mem::replace(&mut joined[*at], Expr::constant(Value::Null, table.columns[*position].ty));
            joined[*at] = self.with_all_parts(&table.columns[*position], whole, *span)?;
        }
        Ok((columns, joined))
    }
}
