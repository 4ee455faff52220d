//! Calls that are one value: a body that is an expression is put in, of any other the first row is asked for.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, Expr as Ast, SetExpr};

use super::super::query::Unknowns;
use super::super::walk::subquery;
use super::super::{Binder, Clause, Place, Scope, same};
use super::argument::{belongs_to_group, can_be_null, has_subquery, is_copied, names_columns, null_test, seen_from};
use super::{BodyQuery, expression_place, inlining, is_row_type, result_name};
use crate::catalog::SqlFunction;
use crate::error::{Error, Result};
use crate::expr::walk::is_volatile;
use crate::expr::{Expr, ExprKind, SubqueryKind};
use crate::plan::relation::{Column, JoinKind, Relation};
use crate::types::{Type, oid};

impl Binder<'_> {
    /// A body that is one expression, with the arguments in it. None: it is more than that, which shows when it is bound.
    pub(super) fn expression_call(
        &mut self,
        function: &Arc<SqlFunction>,
        query: &BodyQuery<'_>,
        expression: &Ast,
        args: &[Expr],
        at: Place<'_>,
    ) -> Result<Option<Expr>> {
        let returns = Type::new(function.returns);
        let bind = |inner: &mut Binder<'_>| -> Result<Option<Expr>> {
            let scope = Scope::empty();
            let value = inner.bind(expression, Place { scope: &scope, clause: Clause::Select })?;
            if !inner.sets.is_empty()
                || inner.select.sql_set.is_some()
                || inner.select.aggregates
                || inner.select.windows
            {
                return Ok(None);
            }
            let value = inner.known(value)?;
            if is_row_type(returns) && value.ty.oid != returns.oid {
                return Ok(None);
            }
            inner.answer(function, value, returns).map(Some)
        };
        let body =
            self.with_body(function, query.kept, args.to_vec(), 0, bind).map_err(|error| inlining(function, error))?;
        let Some(value) = body.bound else { return Ok(None) };
        let tested = function.strict && !is_strict_in_all(&value, args);
        let copied = |(arg, used): (&Expr, &usize)| {
            let uses = used + usize::from(tested && can_be_null(arg));
            is_copied(arg, uses)
        };
        if args.iter().zip(&body.used).all(copied) {
            let value = if tested { unless_null(args, value, returns) } else { value };
            return Ok(Some(value));
        }
        let columns = self.argument_columns(function, args)?;
        let named = columns.iter().map(|(column, _)| Expr::column(column.var, column.ty)).collect::<Vec<_>>();
        let body =
            self.with_body(function, query.kept, named.clone(), 0, bind).map_err(|error| inlining(function, error))?;
        let Some(value) = body.bound else { return Ok(None) };
        let value = if tested { unless_null(&named, value, returns) } else { value };
        let volatile = body.volatile || args.iter().any(is_volatile);
        let correlated = args.iter().any(names_columns);
        let output = self.fresh(returns);
        let input = Relation::Project { input: Box::new(Relation::OneRow), columns };
        let relation = Relation::Project { input: Box::new(input), columns: vec![(output, value)] };
        self.one_value(function, relation, output, (correlated, volatile), at).map(Some)
    }

    /// A body that is a query: its first row.
    pub(super) fn query_call(
        &mut self,
        function: &Arc<SqlFunction>,
        query: &BodyQuery<'_>,
        args: &[Expr],
        at: Place<'_>,
    ) -> Result<Expr> {
        let returns = Type::new(function.returns);
        let bind = |inner: &mut Binder<'_>| -> Result<(Relation, Column)> {
            let bound = inner.bind_query(&query.query, Unknowns::Text)?.without_locking()?;
            inner.first_row(function, bound, returns)
        };
        if args.iter().any(belongs_to_group) {
            let what =
                format!("an aggregate or window function as an argument of {}, whose body is a query,", function.name);
            return Err(Error::unsupported(what));
        }
        let body =
            self.with_body(function, query.kept, args.to_vec(), 1, bind).map_err(|error| inlining(function, error))?;
        let (mut relation, mut output) = body.bound;
        let correlated = args.iter().zip(&body.used).any(|(arg, used)| *used > 0 && names_columns(arg));
        let (mut correlated, mut volatile) = (correlated, body.volatile);
        if !args.iter().zip(&body.used).all(|(arg, used)| is_copied(arg, *used)) {
            let columns = self.argument_columns(function, args)?;
            let named = columns.iter().map(|(column, _)| Expr::column(column.var, column.ty)).collect();
            let body =
                self.with_body(function, query.kept, named, 1, bind).map_err(|error| inlining(function, error))?;
            output = body.bound.1;
            let left = Relation::Project { input: Box::new(Relation::OneRow), columns };
            relation = lateral(left, body.bound.0, output);
            volatile |= args.iter().any(is_volatile);
            correlated = args.iter().any(names_columns);
        }
        let value = self.one_value(function, relation, output, (correlated, volatile), at)?;
        if !function.strict {
            return Ok(value);
        }
        if args.iter().any(|arg| is_volatile(arg) || has_subquery(arg)) {
            let what =
                format!("a volatile argument or a subquery as an argument of the strict function {}", function.name);
            return Err(Error::unsupported(what));
        }
        Ok(unless_null(args, value, returns))
    }

    /// The arguments as columns that are computed once, seen from one border inside.
    pub(super) fn argument_columns(&mut self, function: &SqlFunction, args: &[Expr]) -> Result<Vec<(Column, Expr)>> {
        if args.iter().any(belongs_to_group) {
            let what = format!("an aggregate or window function as an argument of {} here", function.name);
            return Err(Error::unsupported(what));
        }
        let column = |arg: &Expr| Ok((self.fresh(arg.ty), seen_from(arg.clone(), 1)?));
        args.iter().map(column).collect()
    }

    /// The one row of a relation as a value.
    pub(super) fn one_value(
        &mut self,
        function: &SqlFunction,
        relation: Relation,
        output: Column,
        (correlated, volatile): (bool, bool),
        at: Place<'_>,
    ) -> Result<Expr> {
        if let Some(place) = expression_place(at.clause) {
            let what = format!("the function {}, whose body is more than an expression, in {place}", function.name);
            return Err(Error::unsupported(what));
        }
        if let Some(error) = at.clause.subquery_refusal() {
            return Err(error);
        }
        if volatile && !correlated && !self.runs_once(at) {
            // A subquery that names nothing of the query around it runs once for all rows.
            let what = format!("the volatile function {} for each row of a query", function.name);
            return Err(Error::unsupported(what));
        }
        if function.returns == oid::RECORD {
            let fields = function.results().enumerate();
            let shape = fields.map(|(at, result)| (result_name(at, result), Type::new(result.ty))).collect::<Vec<_>>();
            if !shape.is_empty() {
                self.row_shapes.insert(output.var, shape);
            }
        }
        let kind = subquery(SubqueryKind::Scalar, relation, Some(output.var), correlated);
        Ok(Expr::new(kind, output.ty))
    }
}

/// The expression of a SELECT that has nothing else.
pub(super) fn alone(query: &ast::Query) -> Option<&Ast> {
    let has_tail = query.with.is_some()
        || query.order_by.is_some()
        || query.limit_clause.is_some()
        || query.fetch.is_some()
        || !query.locks.is_empty();
    let SetExpr::Select(select) = &*query.body else { return None };
    let grouped =
        !matches!(&select.group_by, ast::GroupByExpr::Expressions(keys, more) if keys.is_empty() && more.is_empty());
    let plain = !has_tail
        && !grouped
        && select.distinct.is_none()
        && select.top.is_none()
        && select.into.is_none()
        && select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && select.named_window.is_empty();
    match select.projection.as_slice() {
        [ast::SelectItem::UnnamedExpr(expr) | ast::SelectItem::ExprWithAlias { expr, .. }] if plain => Some(expr),
        _ => None,
    }
}

/// Joins a body to the columns of its arguments.
pub(super) fn lateral(left: Relation, body: Relation, output: Column) -> Relation {
    let joined = Relation::Join {
        kind: JoinKind::Inner,
        left: Box::new(left),
        right: Box::new(body),
        condition: None,
        lateral: true,
    };
    // The output has to be the first column.
    Relation::Project { input: Box::new(joined), columns: vec![(output, Expr::column(output.var, output.ty))] }
}

/// Whether the value is NULL whenever one of the arguments is, by functions that are strict: then nobody has to ask.
pub(super) fn is_strict_in_all(value: &Expr, args: &[Expr]) -> bool {
    args.iter().filter(|arg| can_be_null(arg)).all(|arg| passes_null(value, arg))
}

pub(super) fn passes_null(value: &Expr, arg: &Expr) -> bool {
    if same(value, arg) && !has_subquery(arg) {
        return true;
    }
    match &value.kind {
        ExprKind::Call { function, args } => function.strict && args.iter().any(|part| passes_null(part, arg)),
        ExprKind::TextCast(inner) => passes_null(inner, arg),
        _ => false,
    }
}

/// NULL if one of the arguments is, or else the value.
pub(super) fn unless_null(args: &[Expr], value: Expr, ty: Type) -> Expr {
    let tests: Vec<Expr> =
        args.iter().filter(|arg| can_be_null(arg)).map(|arg| null_test(arg.clone(), false)).collect();
    let condition = match <[Expr; 1]>::try_from(tests) {
        Ok([only]) => only,
        Err(tests) if tests.is_empty() => return value,
        Err(tests) => Expr::new(ExprKind::Or(tests), Type::new(oid::BOOL)),
    };
    let null = Expr::constant(storage::Value::Null, ty);
    Expr::new(ExprKind::Case { whens: vec![(condition, null)], otherwise: Some(Box::new(value)) }, ty)
}
