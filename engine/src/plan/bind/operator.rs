//! Operators and what is made of them: BETWEEN, IN, LIKE, ANY and ALL.

use std::borrow::Cow;

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr as Ast, UnaryOperator};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::{too_complex, truth_value};
use super::polymorphic::Concrete;
use super::position::{Sides, Start};
use super::row::{Asked, conjunction, row};
use super::walk::any;
use super::{Binder, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Form;
use crate::expr::{Expr, ExprKind};
use crate::function::{CastContext, Function, functions_named, resolve};
use crate::statement::dialect::SYMMETRIC;
use crate::types::{Type, builtin, display, oid};

/// Longest chain of operators (`a + b + c …`), which nests to the left without any parentheses.
const CHAIN_MAX: usize = 1000;

/// One link of a chain of operators.
struct Link<'e> {
    op: &'e BinaryOperator,
    right: &'e Ast,
}

impl Binder<'_> {
    /// A chain of binary operators. It is walked in a loop: only its right sides nest.
    pub(super) fn binary(&mut self, expr: &Ast, at: Place<'_>) -> Result<Expr> {
        let mut links = Vec::new();
        let mut first = expr;
        while let Ast::BinaryOp { left, op, right } = first {
            links.push(Link { op, right });
            first = left;
        }
        let logical = links.iter().all(|link| matches!(link.op, BinaryOperator::And | BinaryOperator::Or));
        if links.len() > CHAIN_MAX && !logical {
            return Err(too_complex());
        }
        let start = first.start();
        let mut links = links.into_iter().rev().peekable();
        // A comparison of rows begins with a row, which is no value by itself.
        let mut value = match (row(first), links.peek()) {
            (Some(left), Some(link)) => {
                let value = self.compare_with_row(&left, link.op, link.right, start, at)?;
                links.next();
                value
            }
            _ => self.bind(first, at)?,
        };
        // What is not written as a chain is not shown as one.
        let mut chained = !self.is_showing() || is_logical(first);
        for link in links {
            value = self.link(value, chained, start, &link, at)?;
            chained = true;
        }
        Ok(value)
    }

    /// The left side of every link begins where the chain does.
    fn link(&mut self, left: Expr, chained: bool, start: Span, link: &Link<'_>, at: Place<'_>) -> Result<Expr> {
        let and = match link.op {
            BinaryOperator::And => true,
            BinaryOperator::Or => false,
            op => {
                let right = self.bind(link.right, at)?;
                let name = operator_name(op)?;
                let sides = Sides { words: &name, left: start, right: link.right.start() };
                return self.apply_operator(&name, Some(left), right, sides);
            }
        };
        let word = if and { "AND" } else { "OR" };
        let left = self.boolean(left, word, start)?;
        let right = self.bind(link.right, at)?;
        let right = self.boolean(right, word, link.right.start())?;
        let mut args = match left.kind {
            ExprKind::And(args) if and && chained => args,
            ExprKind::Or(args) if !and && chained => args,
            kind => vec![truth_value(kind)],
        };
        args.push(right);
        Ok(truth_value(if and { ExprKind::And(args) } else { ExprKind::Or(args) }))
    }

    pub(super) fn unary(&mut self, op: &UnaryOperator, operand: &Ast, at: Place<'_>) -> Result<Expr> {
        let name: Cow<'static, str> = match op {
            UnaryOperator::Not => {
                let bound = self.bind(operand, at)?;
                let bound = self.boolean(bound, "NOT", operand.start())?;
                return Ok(truth_value(ExprKind::Not(Box::new(bound))));
            }
            UnaryOperator::Minus => {
                if let Some((digits, negative, span)) = super::literal::signed_number(operand) {
                    return self.number(digits, !negative).map_err(|error| error.at(self.position(span)));
                }
                "-".into()
            }
            UnaryOperator::PGPostfixFactorial | UnaryOperator::BangNot => {
                return Err(Error::unsupported(format!("the operator {op}")).at(self.position(operand.start())));
            }
            other => other.to_string().into(),
        };
        let bound = self.bind(operand, at)?;
        let sides = Sides { words: &name, left: Span::empty(), right: operand.start() };
        self.apply_operator(&name, None, bound, sides)
    }

    /// Resolves an operator and converts its operands.
    pub(super) fn apply_operator(
        &mut self,
        name: &str,
        left: Option<Expr>,
        right: Expr,
        sides: Sides<'_>,
    ) -> Result<Expr> {
        let shown = |ty: Type| self.type_words(ty);
        let operator = resolve::operator_shown(name, left.as_ref().map(|left| left.ty), right.ty, &shown)
            .map_err(|error| error.at(self.operator_position(sides)))?;
        let ty = match (&left, operator.left) {
            (Some(left), Some(declared)) => {
                let concrete = Concrete::of(&[declared, operator.right], &[left.ty, right.ty])?;
                (Some(concrete.argument(declared, left.ty)), concrete.argument(operator.right, right.ty), concrete)
            }
            _ => {
                let concrete = Concrete::of(&[operator.right], &[right.ty])?;
                (None, concrete.argument(operator.right, right.ty), concrete)
            }
        };
        let (left_type, right_type, concrete) = ty;
        // `text || anything` is of the text form of anything, which of some types only the type can tell.
        let shown = |declared: u32, ty: Type, actual: Type| match declared {
            oid::ANYNONARRAY if builtin::has_own_text(actual.oid) => Type::new(oid::CSTRING),
            _ => ty,
        };
        let left_type = match (&left, operator.left, left_type) {
            (Some(left), Some(declared), Some(ty)) => Some(shown(declared, ty, left.ty)),
            (_, _, ty) => ty,
        };
        let right_type = shown(operator.right, right_type, right.ty);
        let mut args = Vec::with_capacity(2);
        if let (Some(left), Some(ty)) = (left, left_type) {
            args.push(self.coerce_at(left, ty, CastContext::Implicit, sides.left)?);
        }
        args.push(self.coerce_at(right, right_type, CastContext::Implicit, sides.right)?);
        let ty = Type::new(concrete.result(operator.function.returns));
        if self.is_showing() {
            return Ok(Expr::shown(Form::Operator(operator.name), args, ty));
        }
        Ok(Expr::new(ExprKind::Call { function: operator.function, args }, ty))
    }

    /// The function of a comparison between two types, with the types its sides must have.
    pub(super) fn comparison(
        &self,
        name: &str,
        left: Type,
        right: Type,
        sides: Sides<'_>,
    ) -> Result<(&'static Function, Type, Type)> {
        let at = |error: Error| error.at(self.operator_position(sides));
        let shown = |ty: Type| self.type_words(ty);
        let operator = resolve::operator_shown(name, Some(left), right, &shown).map_err(at)?;
        if operator.function.returns != oid::BOOL {
            let words = "op ANY/ALL (array) requires operator to yield boolean";
            return Err(at(Error::new(SqlState::WRONG_OBJECT_TYPE, words)));
        }
        let declared = [operator.left.unwrap_or(operator.right), operator.right];
        let concrete = Concrete::of(&declared, &[left, right])?;
        Ok((operator.function, concrete.argument(declared[0], left), concrete.argument(declared[1], right)))
    }

    pub(super) fn distinct_from(&mut self, left: &Ast, right: &Ast, negated: bool, at: Place<'_>) -> Result<Expr> {
        let sides = Sides { words: "is", left: left.start(), right: right.start() };
        if let (Some(left), Some(right)) = (row(left), row(right)) {
            return self.distinct_rows(&left, &right, negated, sides, at);
        }
        let (left, right) = (self.bind(left, at)?, self.bind(right, at)?);
        self.distinct_values(left, right, negated, sides)
    }

    pub(super) fn distinct_values(&mut self, left: Expr, right: Expr, negated: bool, sides: Sides<'_>) -> Result<Expr> {
        let (equal, left_type, right_type) = self.comparison("=", left.ty, right.ty, sides)?;
        let left = Box::new(self.coerce_at(left, left_type, CastContext::Implicit, sides.left)?);
        let right = Box::new(self.coerce_at(right, right_type, CastContext::Implicit, sides.right)?);
        Ok(truth_value(ExprKind::Distinct { equal, left, right, negated }))
    }

    pub(super) fn between(&mut self, expr: &Ast, low: &Ast, high: &Ast, negated: bool, at: Place<'_>) -> Result<Expr> {
        if let Ast::Prefixed { prefix, value: low } = low
            && prefix.value == SYMMETRIC
        {
            // Between the bounds in either order.
            let upward = self.between(expr, low, high, negated, at)?;
            let downward = self.between(expr, high, low, negated, at)?;
            let both = vec![upward, downward];
            return Ok(truth_value(if negated { ExprKind::And(both) } else { ExprKind::Or(both) }));
        }
        let (above, below) = if negated { ("<", ">") } else { (">=", "<=") };
        let value = self.bind(expr, at)?;
        let words = if negated { "not between" } else { "between" };
        let lower = Sides { words, left: expr.start(), right: low.start() };
        let upper = Sides { right: high.start(), ..lower };
        let (low, high) = (self.bind(low, at)?, self.bind(high, at)?);
        let both = vec![
            self.apply_operator(above, Some(value.clone()), low, lower)?,
            self.apply_operator(below, Some(value), high, upper)?,
        ];
        Ok(truth_value(if negated { ExprKind::Or(both) } else { ExprKind::And(both) }))
    }

    pub(super) fn in_list(&mut self, expr: &Ast, list: &[Ast], negated: bool, at: Place<'_>) -> Result<Expr> {
        if let Some(left) = row(expr) {
            return self.row_in_list(&left, list, negated, at);
        }
        let left = expr.start();
        let first = list.first().map_or(Span::empty(), Start::start);
        let sides = Sides { words: if negated { "not in" } else { "in" }, left, right: first };
        let operator = if negated { "<>" } else { "=" };
        let value = self.bind(expr, at)?;
        let mut variables = Vec::new();
        let mut constants = Vec::new();
        for item in list {
            let bound = self.bind(item, at)?;
            let varies = any(&bound, &mut |expr| matches!(expr.kind, ExprKind::Column(_)));
            if varies { &mut variables } else { &mut constants }.push((bound, item.start()));
        }
        let mut tests = Vec::new();
        if constants.len() > 1 {
            let types: Vec<Type> = std::iter::once(value.ty).chain(constants.iter().map(|(item, _)| item.ty)).collect();
            let common = resolve::common_type(&types, "IN").ok().filter(|ty| {
                builtin::array_of(ty.oid).is_some() && resolve::operator("=", Some(value.ty), *ty).is_ok()
            });
            match common {
                Some(common) => {
                    let element = Type::new(common.oid);
                    let items = constants
                        .drain(..)
                        .map(|(item, span)| self.coerce_at(item, element, CastContext::Implicit, span))
                        .collect::<Result<Vec<_>>>()?;
                    let array = self.array_of(items, element)?;
                    tests.push(self.compare_array(value.clone(), operator, array, negated, sides)?);
                }
                None => variables.append(&mut constants),
            }
        }
        for (item, right) in constants.into_iter().chain(variables) {
            // What is wrong with one item is said of that item, but the operator is the one IN.
            let error_sides = Sides { right, ..sides };
            tests.push(self.apply_operator(operator, Some(value.clone()), item, error_sides)?);
        }
        Ok(conjunction(tests, negated))
    }

    /// `value op ANY|ALL (array)`.
    fn compare_array(&mut self, value: Expr, operator: &str, array: Expr, all: bool, sides: Sides<'_>) -> Result<Expr> {
        let element = match array.ty.oid {
            oid::UNKNOWN => Type::new(oid::UNKNOWN),
            other => match builtin::element_of(other) {
                Some(element) => Type::new(element),
                None => {
                    return Err(Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        "op ANY/ALL (array) requires array on right side",
                    )
                    .at(self.operator_position(sides)));
                }
            },
        };
        let (function, left_type, right_type) = self.comparison(operator, value.ty, element, sides)?;
        let left = self.coerce_at(value, left_type, CastContext::Implicit, sides.left)?;
        let array_type = builtin::array_of(right_type.oid);
        let array = match array_type {
            // An array of varchar compares as one of text without changing its elements.
            Some(array_type) => self.coerce_at(array, Type::new(array_type), CastContext::Implicit, sides.right)?,
            None => {
                return Err(Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("could not find array type for data type {}", display(right_type)),
                ));
            }
        };
        let kind = ExprKind::ArrayCompare { function, left: Box::new(left), array: Box::new(array), all };
        Ok(truth_value(kind))
    }

    /// `left op ANY|ALL (…)`: over a subquery or an array.
    pub(super) fn quantified(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        all: bool,
        at: Place<'_>,
    ) -> Result<Expr> {
        let name = operator_name(op)?;
        // Rows in an array are values like others.
        if let (Some(parts), Ast::Subquery(query)) = (row(left), right) {
            let sides = Sides { words: &name, left: left.start(), right: right.start() };
            let asked = if all { Asked::All } else { Asked::Any };
            return self.row_subquery(&parts, &name, query, asked, sides, at);
        }
        let value = self.bind(left, at)?;
        self.compare_quantified(value, Sides { words: &name, left: left.start(), right: right.start() }, right, all, at)
    }

    fn compare_quantified(
        &mut self,
        value: Expr,
        sides: Sides<'_>,
        right: &Ast,
        all: bool,
        at: Place<'_>,
    ) -> Result<Expr> {
        let mut inner = right;
        while let Ast::Nested(nested) = inner {
            inner = nested;
        }
        if let Ast::Subquery(query) = inner {
            return self.compare_subquery(value, sides.words, query, all, sides, at);
        }
        let array = self.bind(inner, at)?;
        self.compare_array(value, sides.words, array, all, sides)
    }

    pub(super) fn like(
        &mut self,
        operator: &str,
        any: bool,
        expr: &Ast,
        pattern: &Ast,
        escape: Option<&ast::ValueWithSpan>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let sides = Sides { words: operator, left: expr.start(), right: pattern.start() };
        let value = self.bind(expr, at)?;
        if any {
            if escape.is_some() {
                return Err(Error::unsupported("LIKE ANY with ESCAPE").at(self.position(sides.left)));
            }
            return self.compare_quantified(value, sides, pattern, false, at);
        }
        let mut bound = self.bind(pattern, at)?;
        if let Some(escape) = escape {
            let literal = self.literal(escape)?;
            bound = self.named_call("like_escape", vec![(bound, sides.right), (literal, escape.span)], sides.right)?;
        }
        self.apply_operator(operator, Some(value), bound, sides)
    }

    pub(super) fn similar(
        &mut self,
        negated: bool,
        expr: &Ast,
        pattern: &Ast,
        escape: Option<&ast::ValueWithSpan>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let sides = Sides { words: "similar", left: expr.start(), right: pattern.start() };
        if functions_named("similar_to_escape").is_empty() {
            return Err(Error::unsupported("SIMILAR TO").at(self.position(sides.left)));
        }
        let value = self.bind(expr, at)?;
        let mut args = vec![(self.bind(pattern, at)?, pattern.start())];
        if let Some(escape) = escape {
            args.push((self.literal(escape)?, escape.span));
        }
        let pattern = self.named_call("similar_to_escape", args, sides.right)?;
        self.apply_operator(if negated { "!~" } else { "~" }, Some(value), pattern, sides)
    }
}

/// Whether an expression is written with AND or OR.
fn is_logical(expr: &Ast) -> bool {
    match expr {
        Ast::Nested(inner) => is_logical(inner),
        Ast::BinaryOp { op, .. } => matches!(op, BinaryOperator::And | BinaryOperator::Or),
        _ => false,
    }
}

/// The operator's name in `pg_operator`.
pub(super) fn operator_name(op: &BinaryOperator) -> Result<Cow<'static, str>> {
    use BinaryOperator as B;
    Ok(match op {
        B::Plus => "+".into(),
        B::Minus => "-".into(),
        B::Multiply => "*".into(),
        B::Divide => "/".into(),
        B::Modulo => "%".into(),
        B::StringConcat => "||".into(),
        B::Gt => ">".into(),
        B::Lt => "<".into(),
        B::GtEq => ">=".into(),
        B::LtEq => "<=".into(),
        B::Eq => "=".into(),
        B::NotEq => "<>".into(),
        B::BitwiseXor | B::PGExp => "^".into(),
        B::PGCustomBinaryOperator(parts) => match parts.as_slice() {
            [name] => name.clone().into(),
            [schema, name] if schema.eq_ignore_ascii_case("pg_catalog") => {
                if name == "!=" {
                    "<>".into()
                } else {
                    name.clone().into()
                }
            }
            _ => {
                return Err(Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("operator does not exist: {}", parts.join(".")),
                ));
            }
        },
        B::And
        | B::Or
        | B::Xor
        | B::Spaceship
        | B::DuckIntegerDivide
        | B::MyIntegerDivide
        | B::Match
        | B::Regexp
        | B::Overlaps
        | B::Assignment => return Err(Error::unsupported(format!("the operator {op}"))),
        symbol => symbol.to_string().into(),
    })
}
