//! Subqueries in expressions: scalar, EXISTS, IN, ANY, ALL and ARRAY.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::truth_value;
use super::position::{Sides, Start};
use super::query::{Bound, Unknowns};
use super::record::field_at;
use super::row::{self, row};
use super::walk::{map_children, subquery};
use super::{Binder, Clause, Level, Place, Scope};
use crate::error::{Error, Result, SqlState};
use crate::expr::Computed;
use crate::expr::shown::Asked;
use crate::expr::{Expr, ExprKind, SubqueryKind};
use crate::function::CastContext;
use crate::function::record::record;
use crate::plan::relation::{Column, Relation};
use crate::types::{Type, builtin, display, oid};

impl Binder<'_> {
    /// Runs a step inside a border: what it cannot find it looks for in `scope`.
    pub(super) fn enter<T>(
        &mut self,
        scope: &Scope,
        refusal: Option<&'static str>,
        step: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<(T, Level)> {
        self.outer.push(Level { scope: scope.clone(), named: false, crossed: false, refusal });
        let sets_refused = self.sets_refused.take();
        let result = self.nested(step);
        self.sets_refused = sets_refused;
        let level = self.outer.pop().ok_or_else(|| Error::internal("a border that was entered is left"))?;
        Ok((result?, level))
    }

    /// A subquery of an expression, and whether it is correlated.
    pub(super) fn inner_query(&mut self, query: &ast::Query, at: Place<'_>) -> Result<(Bound, bool)> {
        if let Some(error) = at.clause.subquery_refusal() {
            return Err(error.at(self.position(query.start())));
        }
        let (bound, level) = self.enter(at.scope, None, |binder| {
            binder.bind_query(query, Unknowns::Text).and_then(|bound| binder.locked_first(bound, true))
        })?;
        Ok((bound, level.crossed))
    }

    pub(super) fn scalar_subquery(&mut self, query: &ast::Query, at: Place<'_>) -> Result<Expr> {
        let (bound, correlated) = self.inner_query(query, at)?;
        let bound = self
            .only_column(bound, "subquery must return only one column")
            .map_err(|error| error.at(self.parenthesis_position(query.start())))?;
        let column = bound.outputs[0].column;
        if self.is_showing() {
            return self.shown_subquery(Asked::Value, Vec::new(), column.ty);
        }
        if let Some(value) = self.locked_value(&bound, column.ty, Computed::Value) {
            return Ok(value);
        }
        let kind = subquery(SubqueryKind::Scalar, bound.relation, Some(column.var), correlated);
        Ok(Expr::new(kind, column.ty))
    }

    /// The columns of a subquery's one row: fields of one subquery, which `Binder::computed` runs once for all of them.
    pub(in crate::plan::bind) fn column_subqueries(
        &mut self,
        query: &ast::Query,
        width: usize,
        scope: &Scope,
    ) -> Result<Vec<Expr>> {
        let at = Place { scope, clause: Clause::UpdateSource };
        let (bound, correlated) = self.inner_query(query, at)?;
        if bound.outputs.len() != width {
            let message = "number of columns does not match number of values";
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(query.start())));
        }
        let bound = self.exact(bound);
        let values: Vec<Expr> =
            bound.outputs.iter().map(|output| Expr::column(output.column.var, output.column.ty)).collect();
        let types: Vec<Type> = values.iter().map(|value| value.ty).collect();
        let whole = match <[Expr; 1]>::try_from(values) {
            Ok([value]) => value,
            Err(values) => record(oid::RECORD, values.into_iter().map(|value| (String::new(), value)).collect()),
        };
        let column = self.fresh(whole.ty);
        let relation = Relation::Project { input: Box::new(bound.relation), columns: vec![(column, whole)] };
        let kind = subquery(SubqueryKind::Scalar, relation, Some(column.var), correlated);
        let row = Expr::new(kind, column.ty);
        if let [_] = types[..] {
            return Ok(vec![row]);
        }
        Ok(types.into_iter().enumerate().map(|(at, ty)| field_at(row.clone(), at, ty)).collect())
    }

    /// Columns computed over a relation. A subquery that several of them share runs once for each row.
    pub(in crate::plan::bind) fn computed(
        &mut self,
        input: Relation,
        mut columns: Vec<(Column, Expr)>,
    ) -> Result<Relation> {
        let mut beneath: Vec<(Column, Expr)> = Vec::new();
        let mut sources: Vec<Arc<Relation>> = Vec::new();
        for (_, expr) in &mut columns {
            let value = std::mem::replace(expr, Expr::constant(storage::Value::Null, Type::new(oid::UNKNOWN)));
            *expr = self.without_shared(value, &mut sources, &mut beneath)?;
        }
        if beneath.is_empty() {
            return Ok(Relation::Project { input: Box::new(input), columns });
        }
        let passed = input.outputs().into_iter().map(|column| (column, Expr::column(column.var, column.ty)));
        let beneath = passed.chain(beneath).collect();
        let input = Box::new(Relation::Project { input: Box::new(input), columns: beneath });
        Ok(Relation::Project { input, columns })
    }

    /// The expression with a column in place of each row of a subquery whose fields are taken.
    fn without_shared(
        &mut self,
        expr: Expr,
        sources: &mut Vec<Arc<Relation>>,
        beneath: &mut Vec<(Column, Expr)>,
    ) -> Result<Expr> {
        let ExprKind::Subquery(subquery) = &expr.kind else {
            return map_children(expr, &mut |part| self.without_shared(part, sources, beneath));
        };
        if expr.ty.oid != oid::RECORD || !matches!(subquery.kind, SubqueryKind::Scalar) {
            return Ok(expr);
        }
        let known = sources.iter().position(|source| Arc::ptr_eq(source, &subquery.relation));
        let at = known.unwrap_or_else(|| {
            sources.push(subquery.relation.clone());
            beneath.push((self.fresh(expr.ty), expr.clone()));
            sources.len() - 1
        });
        let column = beneath[at].0;
        Ok(Expr::column(column.var, column.ty))
    }

    pub(super) fn array_subquery(&mut self, query: &ast::Query, at: Place<'_>) -> Result<Expr> {
        let (bound, correlated) = self.inner_query(query, at)?;
        let bound = self
            .only_column(bound, "subquery must return only one column")
            .map_err(|error| error.at(self.parenthesis_position(query.start())))?;
        let column = bound.outputs[0].column;
        // Arrays make one of a dimension more.
        let own = builtin::info(column.ty.oid).filter(|info| info.is_array()).map(|info| info.oid);
        let array = own.or_else(|| builtin::array_of(column.ty.oid)).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("could not find array type for data type {}", display(column.ty)),
            )
            .at(self.position(query.start()))
        })?;
        if self.is_showing() {
            return self.shown_subquery(Asked::Array, Vec::new(), Type::new(array));
        }
        if own.is_none()
            && let Some(value) = self.locked_value(&bound, Type::new(array), Computed::Array)
        {
            return Ok(value);
        }
        let kind = subquery(SubqueryKind::Array, bound.relation, Some(column.var), correlated);
        Ok(Expr::new(kind, Type::new(array)))
    }

    pub(super) fn exists(&mut self, query: &ast::Query, negated: bool, at: Place<'_>) -> Result<Expr> {
        let (bound, correlated) = self.inner_query(query, at)?;
        if self.is_showing() {
            let found = self.shown_subquery(Asked::Exists, Vec::new(), Type::new(oid::BOOL))?;
            return Ok(if negated { truth_value(ExprKind::Not(Box::new(found))) } else { found });
        }
        Ok(truth_value(subquery(SubqueryKind::Exists { negated }, bound.relation, None, correlated)))
    }

    pub(super) fn in_subquery(&mut self, expr: &Ast, query: &ast::Query, negated: bool, at: Place<'_>) -> Result<Expr> {
        let span = expr.start();
        let sides = Sides { words: if negated { "not in" } else { "in" }, left: span, right: query.start() };
        if let Some(parts) = row(expr).filter(|parts| parts.len() != 1) {
            let found = self.row_subquery(&parts, "=", query, row::Asked::Any, sides, at)?;
            return Ok(if negated { truth_value(ExprKind::Not(Box::new(found))) } else { found });
        }
        let value = self.bind(expr, at)?;
        if negated && self.is_showing() {
            let found = self.compare_subquery(value, "=", query, false, sides, at)?;
            return Ok(truth_value(ExprKind::Not(Box::new(found))));
        }
        self.compare_subquery(value, if negated { "<>" } else { "=" }, query, negated, sides, at)
    }

    /// `value op ANY|ALL (query)`.
    pub(super) fn compare_subquery(
        &mut self,
        value: Expr,
        operator: &str,
        query: &ast::Query,
        all: bool,
        sides: Sides<'_>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let (bound, correlated) = self.inner_query(query, at)?;
        let bound = self
            .only_column(bound, "subquery has too many columns")
            .map_err(|error| error.at(self.operator_position(sides)))?;
        let found = bound.outputs[0].column.ty;
        let (function, left_type, right_type) = self.comparison(operator, value.ty, found, sides)?;
        let left = self.coerce_at(value, left_type, CastContext::Implicit, sides.left)?;
        if self.is_showing() {
            let name = super::showing::operator_name(function)?;
            let asked = if all { Asked::All(name) } else { Asked::Any(name) };
            return self.shown_subquery(asked, vec![left], Type::new(oid::BOOL));
        }
        let bound = self.convert_outputs(bound, &[right_type], CastContext::Implicit, query.start())?;
        if let Some(array) = builtin::array_of(right_type.oid)
            && let Some(array) = self.locked_value(&bound, Type::new(array), Computed::Array)
        {
            return Ok(truth_value(ExprKind::ArrayCompare {
                left: Box::new(left),
                function,
                array: Box::new(array),
                all,
            }));
        }
        let output = Some(bound.outputs[0].column.var);
        let kind = SubqueryKind::Compare { left, function, all };
        Ok(truth_value(subquery(kind, bound.relation, output, correlated)))
    }

    fn only_column(&mut self, bound: Bound, words: &'static str) -> Result<Bound> {
        if bound.outputs.len() != 1 {
            return Err(Error::new(SqlState::SYNTAX_ERROR, words));
        }
        Ok(self.exact(bound))
    }

    /// Converts the outputs of a query to types; those that have them already are left alone.
    pub(super) fn convert_outputs(
        &mut self,
        bound: Bound,
        targets: &[Type],
        context: CastContext,
        span: Span,
    ) -> Result<Bound> {
        if self.is_showing() {
            return self.shown_outputs(bound, targets);
        }
        let done = bound.outputs.iter().zip(targets).all(|(output, target)| output.column.ty == *target);
        if done {
            return Ok(self.exact(bound));
        }
        let mut bound = bound;
        // Rows of literals are read as what they become.
        if let Relation::Values { columns, rows } = &mut bound.relation {
            for row in rows.iter_mut() {
                for (cell, target) in row.iter_mut().zip(targets) {
                    let taken = std::mem::replace(cell, super::nothing());
                    *cell = self.coerce_at(taken, *target, context, span)?;
                }
            }
            for ((column, output), target) in columns.iter_mut().zip(&mut bound.outputs).zip(targets) {
                column.ty = *target;
                output.column.ty = *target;
            }
            return Ok(bound);
        }
        // A projection on top takes the conversions itself, so that literals are read as what they become.
        if let (false, Relation::Project { columns, .. }) = (bound.hidden, &mut bound.relation)
            && columns.len() == targets.len()
        {
            for (((column, expr), output), target) in columns.iter_mut().zip(&mut bound.outputs).zip(targets) {
                if expr.ty == *target {
                    continue;
                }
                let taken = std::mem::replace(expr, super::nothing());
                *expr = self.coerce_at(taken, *target, context, span)?;
                column.ty = expr.ty;
                output.column.ty = expr.ty;
                output.origin = None;
            }
            return Ok(bound);
        }
        let mut columns = Vec::with_capacity(targets.len());
        for (output, target) in bound.outputs.iter_mut().zip(targets) {
            let expr = Expr::column(output.column.var, output.column.ty);
            let expr = self.coerce_at(expr, *target, context, span)?;
            if output.column.ty != expr.ty {
                output.origin = None;
            }
            output.column = self.fresh(expr.ty);
            columns.push((output.column, expr));
        }
        bound.relation = Relation::Project { input: Box::new(bound.relation), columns };
        bound.hidden = false;
        Ok(bound)
    }
}
