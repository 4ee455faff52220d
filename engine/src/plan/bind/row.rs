//! Rows in expressions: `(a, b) = (c, d)` and its kin, compared element by element.

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::truth_value;
use super::operator::operator_name;
use super::position::{Sides, Start};
use super::{Binder, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};

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
        let Some(right) = row(right) else {
            return Err(Error::unsupported("a row compared with something that is not a row").at(self.position(span)));
        };
        if matches!(op, BinaryOperator::Overlaps) {
            return self.overlaps(left, &right, span, at);
        }
        let name = operator_name(op)?;
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
        self.named_call("overlaps", args, span)
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
        let mut pairs = Vec::with_capacity(left.len());
        for (left, right) in left.iter().zip(right) {
            let sides = Sides { left: left.start(), right: right.start(), ..sides };
            pairs.push((self.bind(left, at)?, self.bind(right, at)?, sides));
        }
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

fn row_call(function: &ast::Function) -> Option<Vec<&Ast>> {
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
