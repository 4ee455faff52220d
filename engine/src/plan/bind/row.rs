//! Rows in expressions: `(a, b) = (c, d)` and its kin, compared element by element.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::expr::truth_value;
use super::operator::operator_name;
use super::position::{Sides, Start};
use super::query::Unknowns;
use super::walk::{any, map_children, map_outer_relation, subquery};
use super::{Binder, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::{self, Syntax};
use crate::expr::{Expr, ExprKind, SubqueryKind};
use crate::function::{CastContext, resolve};
use crate::plan::relation::Relation;
use crate::types::{Type, oid};

/// What a subquery is asked about a row.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    Any,
    All,
    Scalar,
}

impl Binder<'_> {
    /// `(a, b) op something`, where something must be a row too.
    pub(super) fn compare_with_row(
        &mut self,
        left: &[&Ast],
        op: &BinaryOperator,
        right: &Ast,
        span: Span,
        at: Place<'_>,
    ) -> Result<Expr> {
        if let (BinaryOperator::Overlaps, Some(right)) = (op, row(right)) {
            return self.overlaps(left, &right, span, at);
        }
        let name = operator_name(op)?;
        if let Ast::Subquery(query) = right {
            let sides = Sides { words: &name, left: span, right: query.start() };
            return self.row_subquery(left, &name, query, Asked::Scalar, sides, at);
        }
        let Some(right) = row(right) else {
            let left = self.row_value(left, at)?;
            let sides = Sides { words: &name, left: span, right: right.start() };
            let right = self.bind(right, at)?;
            return self.apply_operator(&name, Some(left), right, sides);
        };
        let sides = Sides { words: &name, left: span, right: right.first().map_or(span, |first| first.start()) };
        self.compare_rows(left, &name, &right, sides, at)
    }

    /// `(start, end) OVERLAPS (start, length)`.
    fn overlaps(&mut self, left: &[&Ast], right: &[&Ast], span: Span, at: Place<'_>) -> Result<Expr> {
        for (side, name) in [(left, "left"), (right, "right")] {
            if side.len() != 2 {
                let message = format!("wrong number of parameters on {name} side of OVERLAPS expression");
                return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(span)));
            }
        }
        let mut args = Vec::with_capacity(4);
        for part in left.iter().chain(right) {
            args.push((self.bind(part, at)?, part.start()));
        }
        let call = self.named_call("overlaps", args, span)?;
        Ok(self.written_as(call, || Syntax::Overlaps))
    }

    /// `(a, b) op (c, d)`, element by element.
    fn compare_rows(
        &mut self,
        left: &[&Ast],
        operator: &str,
        right: &[&Ast],
        sides: Sides<'_>,
        at: Place<'_>,
    ) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions")
                .at(self.operator_position(sides)));
        }
        if left.is_empty() {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length")
                .at(self.operator_position(sides)));
        }
        if left.iter().chain(right).any(|part| matches!(part, Ast::QualifiedWildcard(..))) {
            return Err(Error::unsupported("t.* in a row that is compared").at(self.operator_position(sides)));
        }
        let mut pairs = Vec::with_capacity(left.len());
        for (left, right) in left.iter().zip(right) {
            let sides = Sides { left: left.start(), right: right.start(), ..sides };
            pairs.push((self.bind(left, at)?, self.bind(right, at)?, sides));
        }
        self.compare_pairs(pairs, operator, sides)
    }

    /// The comparison of rows whose parts are bound.
    fn compare_pairs(&mut self, pairs: Vec<(Expr, Expr, Sides<'_>)>, operator: &str, sides: Sides<'_>) -> Result<Expr> {
        let strict = operator.trim_end_matches('=');
        match operator {
            "=" | "<>" => {
                let mut tests = Vec::with_capacity(pairs.len());
                for (left, right, sides) in pairs {
                    tests.push(self.apply_operator(operator, Some(left), right, sides)?);
                }
                Ok(conjunction(tests, operator == "="))
            }
            "<" | "<=" | ">" | ">=" => {
                if self.is_showing() && pairs.len() > 1 {
                    return self.shown_row_comparison(pairs, operator);
                }
                // (a, b) < (c, d) is a < c OR (a = c AND b < d), built from the last pair outwards.
                let mut result: Option<Expr> = None;
                for (left, right, sides) in pairs.into_iter().rev() {
                    result = Some(match result {
                        None => self.apply_operator(operator, Some(left), right, sides)?,
                        Some(rest) => {
                            let before = self.apply_operator(strict, Some(left.clone()), right.clone(), sides)?;
                            let equal = self.apply_operator("=", Some(left), right, sides)?;
                            let tie = truth_value(ExprKind::And(vec![equal, rest]));
                            truth_value(ExprKind::Or(vec![before, tie]))
                        }
                    });
                }
                result.ok_or_else(|| Error::internal("a row comparison has at least one pair"))
            }
            _ => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("could not determine interpretation of row comparison operator {operator}"),
            )
            .with_hint("Row comparison operators must be associated with btree operator families.")
            .at(self.operator_position(sides))),
        }
    }

    /// `(a, b) op ANY|ALL (query)` and `(a, b) op (query)`: the subquery answers the comparison with each of its rows.
    pub(super) fn row_subquery(
        &mut self,
        left: &[&Ast],
        operator: &str,
        query: &ast::Query,
        asked: Asked,
        sides: Sides<'_>,
        at: Place<'_>,
    ) -> Result<Expr> {
        if self.is_showing() {
            return self.shown_row_subquery(left, operator, query, asked, sides, at);
        }
        let mut parts = Vec::with_capacity(left.len());
        let mut correlated = false;
        for part in left {
            let bound = self.bind(part, at)?;
            let bound = inward(bound)?;
            correlated |= any(&bound, &mut |expr| match &expr.kind {
                ExprKind::OuterColumn { .. } => true,
                ExprKind::Subquery(subquery) => subquery.correlated,
                _ => false,
            });
            parts.push((bound, part.start()));
        }
        if let Some(error) = at.clause.subquery_refusal() {
            return Err(error.at(self.position(query.start())));
        }
        let ((relation, compared), level) = self.enter(at.scope, None, |binder| {
            let bound = binder.bind_query(query, Unknowns::Text)?;
            let bound = binder.locked_first(bound, true)?;
            let fault = match bound.outputs.len().cmp(&parts.len()) {
                Ordering::Less => Some("subquery has too few columns"),
                Ordering::Greater => Some("subquery has too many columns"),
                Ordering::Equal => None,
            };
            if let Some(words) = fault {
                return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(binder.operator_position(sides)));
            }
            let pairs = parts
                .into_iter()
                .zip(&bound.outputs)
                .map(|((part, span), output)| {
                    let column = Expr::column(output.column.var, output.column.ty);
                    (part, column, Sides { left: span, ..sides })
                })
                .collect();
            let test = binder.compare_pairs(pairs, operator, sides)?;
            let compared = binder.fresh(test.ty);
            let relation = Relation::Project { input: Box::new(bound.relation), columns: vec![(compared, test)] };
            Ok((relation, compared))
        })?;
        let correlated = correlated || level.crossed;
        let kind = match asked {
            Asked::Scalar => SubqueryKind::Scalar,
            Asked::Any | Asked::All => {
                let function = resolve::operator("=", Some(compared.ty), compared.ty)?.function;
                let left = Expr::constant(Value::Bool(true), compared.ty);
                SubqueryKind::Compare { left, function, all: matches!(asked, Asked::All) }
            }
        };
        Ok(truth_value(subquery(kind, relation, Some(compared.var), correlated)))
    }

    /// An order of rows, to be shown.
    fn shown_row_comparison(&mut self, pairs: Vec<(Expr, Expr, Sides<'_>)>, operator: &str) -> Result<Expr> {
        let (mut parts, mut others) = (Vec::with_capacity(2 * pairs.len()), Vec::with_capacity(pairs.len()));
        for (left, right, sides) in pairs {
            let (_, left_type, right_type) = self.comparison(operator, left.ty, right.ty, sides)?;
            parts.push(self.coerce(left, left_type, CastContext::Implicit)?);
            others.push(self.coerce(right, right_type, CastContext::Implicit)?);
        }
        parts.append(&mut others);
        Ok(Expr::shown(shown::Form::RowCompare(operator.to_owned()), parts, Type::new(oid::BOOL)))
    }

    /// The same, to be shown.
    fn shown_row_subquery(
        &mut self,
        left: &[&Ast],
        operator: &str,
        query: &ast::Query,
        asked: Asked,
        sides: Sides<'_>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let mut parts = left.iter().map(|part| self.bind(part, at)).collect::<Result<Vec<_>>>()?;
        let (bound, _) = self.inner_query(query, at)?;
        let mut name = None;
        for (part, output) in parts.iter_mut().zip(&bound.outputs) {
            let (function, left_type, _) = self.comparison(operator, part.ty, output.column.ty, sides)?;
            name = Some(super::operator_name(function)?);
            let taken = std::mem::replace(part, super::nothing());
            *part = self.coerce(taken, left_type, CastContext::Implicit)?;
        }
        let name = name.ok_or_else(|| Error::internal("a row comparison has at least one pair"))?;
        let asked = match asked {
            Asked::Any => shown::Asked::Any(name),
            Asked::All => shown::Asked::All(name),
            Asked::Scalar => shown::Asked::Row(name),
        };
        self.shown_subquery(asked, parts, Type::new(oid::BOOL))
    }

    /// `(a, b) IS [NOT] DISTINCT FROM (c, d)`.
    pub(super) fn distinct_rows(
        &mut self,
        left: &[&Ast],
        right: &[&Ast],
        negated: bool,
        sides: Sides<'_>,
        at: Place<'_>,
    ) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions")
                .at(self.operator_position(sides)));
        }
        if negated && self.is_showing() {
            let distinct = self.distinct_rows(left, right, false, sides, at)?;
            return Ok(truth_value(ExprKind::Not(Box::new(distinct))));
        }
        let mut tests = Vec::with_capacity(left.len());
        for (left, right) in left.iter().zip(right) {
            let sides = Sides { left: left.start(), right: right.start(), ..sides };
            let (left, right) = (self.bind(left, at)?, self.bind(right, at)?);
            tests.push(self.distinct_values(left, right, negated, sides)?);
        }
        Ok(match tests.is_empty() {
            true => Expr::constant(Value::Bool(negated), Type::new(oid::BOOL)),
            false => conjunction(tests, negated),
        })
    }

    /// `(a, b) IN ((c, d), …)`.
    pub(super) fn row_in_list(&mut self, left: &[&Ast], list: &[Ast], negated: bool, at: Place<'_>) -> Result<Expr> {
        let mut tests = Vec::with_capacity(list.len());
        for item in list {
            let Some(right) = row(item) else {
                return Err(Error::unsupported("a row compared with something that is not a row")
                    .at(self.position(item.start())));
            };
            let operator = if negated { "<>" } else { "=" };
            let sides = Sides {
                words: if negated { "not in" } else { "in" },
                left: left.first().map_or(Span::empty(), |first| first.start()),
                right: item.start(),
            };
            tests.push(self.compare_rows(left, operator, &right, sides, at)?);
        }
        Ok(conjunction(tests, negated))
    }
}

/// All of the tests, or one of them.
pub(super) fn conjunction(mut tests: Vec<Expr>, all: bool) -> Expr {
    match tests.len() {
        1 => tests.swap_remove(0),
        _ => truth_value(if all { ExprKind::And(tests) } else { ExprKind::Or(tests) }),
    }
}

/// An expression as it is seen from one border farther in.
fn inward(expr: Expr) -> Result<Expr> {
    let mut expr = map_children(expr, &mut inward)?;
    match &mut expr.kind {
        ExprKind::Column(var) => expr.kind = ExprKind::OuterColumn { var: *var, depth: 1 },
        ExprKind::OuterColumn { depth, .. } => *depth += 1,
        ExprKind::Subquery(subquery) if subquery.correlated => {
            map_outer_relation(Arc::make_mut(&mut subquery.relation), 1, &mut |reference| {
                let leaves = reference.depth >= reference.borders;
                Ok((reference.var, reference.depth + usize::from(leaves)))
            })?;
        }
        _ => {}
    }
    Ok(expr)
}

/// The parts of a row constructor.
pub(super) fn row(expr: &Ast) -> Option<Vec<&Ast>> {
    match expr {
        Ast::Tuple(parts) => Some(parts.iter().collect()),
        Ast::Nested(inner) => row(inner),
        // ROW(a, b) is parsed as a call.
        Ast::Function(function) => row_call(function),
        _ => None,
    }
}

pub(super) fn row_call(function: &ast::Function) -> Option<Vec<&Ast>> {
    let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    if name.quote_style.is_some() || !name.value.eq_ignore_ascii_case("row") {
        return None;
    }
    let ast::FunctionArguments::List(list) = &function.args else { return None };
    list.args
        .iter()
        .map(|arg| match arg {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}
