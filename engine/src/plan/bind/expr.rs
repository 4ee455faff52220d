//! Expressions: the one match over everything that SQL can write as an expression.

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::position::{Sides, Start};
use super::row::{conjunction, row};
use super::{Binder, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::SLICE;
use crate::function::{CastContext, resolve};
use crate::types::{self, Type, builtin, display, oid};

/// Deepest nesting of what is bound by recursion.
pub(super) const NESTING_MAX: usize = 256;

impl Binder<'_> {
    /// Binds an expression where it stands.
    pub(super) fn bind(&mut self, expr: &Ast, at: Place<'_>) -> Result<Expr> {
        self.nested(|binder| binder.bind_unguarded(expr, at))
    }

    /// Runs a step of a recursion, unless it is too deep.
    pub(super) fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= NESTING_MAX {
            return Err(too_complex());
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn bind_unguarded(&mut self, expr: &Ast, at: Place<'_>) -> Result<Expr> {
        match expr {
            Ast::Identifier(ident) => self.unqualified(ident, at),
            Ast::CompoundIdentifier(parts) => self.qualified(parts, at),
            Ast::CompoundFieldAccess { root, access_chain } => self.field_access(root, access_chain, at),
            Ast::Nested(inner) => self.bind(inner, at),
            Ast::Value(value) => self.literal(value),
            Ast::TypedString(typed) => self.typed_string(typed),
            Ast::Interval(interval) => self.interval(interval),
            Ast::BinaryOp { .. } => self.binary(expr, at),
            Ast::UnaryOp { op, expr: operand } => self.unary(op, operand, at),
            Ast::Cast { kind, expr, data_type, array, format } => {
                if *array || format.is_some() || matches!(kind, ast::CastKind::TryCast | ast::CastKind::SafeCast) {
                    return Err(Error::unsupported("this form of CAST"));
                }
                self.cast(expr, data_type, at)
            }
            Ast::Function(function) => self.call(function, at),
            Ast::IsNull(operand) => self.is_null(operand, false, at),
            Ast::IsNotNull(operand) => self.is_null(operand, true, at),
            Ast::IsTrue(operand) => self.truth(operand, Some(true), false, at),
            Ast::IsNotTrue(operand) => self.truth(operand, Some(true), true, at),
            Ast::IsFalse(operand) => self.truth(operand, Some(false), false, at),
            Ast::IsNotFalse(operand) => self.truth(operand, Some(false), true, at),
            Ast::IsUnknown(operand) => self.truth(operand, None, false, at),
            Ast::IsNotUnknown(operand) => self.truth(operand, None, true, at),
            Ast::IsDistinctFrom(left, right) => self.distinct_from(left, right, false, at),
            Ast::IsNotDistinctFrom(left, right) => self.distinct_from(left, right, true, at),
            Ast::InList { expr, list, negated } => self.in_list(expr, list, *negated, at),
            Ast::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated, at),
            Ast::Between { expr, negated, low, high } => self.between(expr, low, high, *negated, at),
            Ast::Like { negated, any, expr, pattern, escape_char } => {
                let operator = if *negated { "!~~" } else { "~~" };
                self.like(operator, *any, expr, pattern, escape_char.as_ref(), at)
            }
            Ast::ILike { negated, any, expr, pattern, escape_char } => {
                let operator = if *negated { "!~~*" } else { "~~*" };
                self.like(operator, *any, expr, pattern, escape_char.as_ref(), at)
            }
            Ast::SimilarTo { negated, expr, pattern, escape_char } => {
                self.similar(*negated, expr, pattern, escape_char.as_ref(), at)
            }
            Ast::AnyOp { left, compare_op, right, is_some: _ } => self.quantified(left, compare_op, right, false, at),
            Ast::AllOp { left, compare_op, right } => self.quantified(left, compare_op, right, true, at),
            Ast::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), at)
            }
            Ast::Array(array) => self.array(array, None, at),
            Ast::Collate { expr, collation } => self.collate(expr, collation, at),
            Ast::Exists { subquery, negated } => self.exists(subquery, *negated, at),
            Ast::Subquery(query) => self.scalar_subquery(query, at),
            Ast::AtTimeZone { .. }
            | Ast::Extract { .. }
            | Ast::Ceil { .. }
            | Ast::Floor { .. }
            | Ast::Position { .. }
            | Ast::Substring { .. }
            | Ast::Trim { .. }
            | Ast::Overlay { .. }
            | Ast::IsNormalized { .. } => self.special_call(expr, at),
            Ast::Tuple(_) => Err(Error::unsupported("a row constructor here").at(self.position(expr.start()))),
            // A word of the grammar where it means nothing.
            Ast::Prefixed { prefix, .. } => {
                let word = prefix.value.to_uppercase();
                Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{word}\""))
                    .at(self.position(prefix.span)))
            }
            foreign => {
                let what = foreign_name(foreign);
                Err(Error::unsupported(what).at(self.position(expr.start())))
            }
        }
    }

    /// `t.a[1]`, `a[1][2]`.
    fn field_access(&mut self, root: &Ast, chain: &[ast::AccessExpr], at: Place<'_>) -> Result<Expr> {
        // The parser leaves "t.a[1]" as the root t and the accesses .a and [1].
        let mut parts = match root {
            Ast::Identifier(ident) => vec![ident.clone()],
            Ast::CompoundIdentifier(parts) => parts.clone(),
            _ => Vec::new(),
        };
        let mut rest = chain;
        if !parts.is_empty() {
            while let [ast::AccessExpr::Dot(Ast::Identifier(ident)), tail @ ..] = rest {
                parts.push(ident.clone());
                rest = tail;
            }
        }
        let mut value = if parts.is_empty() { self.bind(root, at)? } else { self.qualified(&parts, at)? };
        let array = value.ty;
        let subscripts = |access: &ast::AccessExpr| matches!(access, ast::AccessExpr::Subscript(_));
        if rest.len() > 1 && rest.iter().all(subscripts) && builtin::element_of(builtin::base_of(array.oid)).is_some() {
            return self.deeper_subscripts(value, root.start(), rest, at);
        }
        for access in rest {
            value = match access {
                ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => {
                    self.subscript(value, root.start(), index, at)?
                }
                ast::AccessExpr::Subscript(ast::Subscript::Slice { .. }) if value.ty.oid == oid::JSONB => {
                    let words = "jsonb subscript does not support slices";
                    return Err(Error::new(SqlState::DATATYPE_MISMATCH, words).at(self.position(root.start())));
                }
                ast::AccessExpr::Subscript(ast::Subscript::Slice { lower_bound, upper_bound, stride: None }) => {
                    let bounds = [lower_bound.as_ref(), upper_bound.as_ref()];
                    self.slice(value, root.start(), bounds, at)?
                }
                ast::AccessExpr::Subscript(ast::Subscript::Slice { .. }) => {
                    return Err(Error::unsupported("an array slice with a stride").at(self.position(root.start())));
                }
                ast::AccessExpr::Dot(field) => {
                    return Err(Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!(
                            "column notation .{field} applied to type {}, which is not a composite type",
                            display(value.ty)
                        ),
                    )
                    .at(self.position(root.start())));
                }
            };
        }
        Ok(value)
    }

    /// Subscripts of more dimensions than arrays have here: there is no such element, and a slice is empty.
    fn deeper_subscripts(&mut self, array: Expr, span: Span, chain: &[ast::AccessExpr], at: Place<'_>) -> Result<Expr> {
        let mut sliced = false;
        for access in chain {
            // What is wrong with a subscript is still said.
            match access {
                ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => {
                    self.subscript(array.clone(), span, index, at)?;
                }
                ast::AccessExpr::Subscript(ast::Subscript::Slice { lower_bound, upper_bound, .. }) => {
                    sliced = true;
                    self.slice(array.clone(), span, [lower_bound.as_ref(), upper_bound.as_ref()], at)?;
                }
                ast::AccessExpr::Dot(_) => {}
            }
        }
        let base = builtin::base_of(array.ty.oid);
        if sliced {
            let nothing = Expr::constant(storage::Value::Int4(0), Type::new(oid::INT4));
            let bounds = vec![nothing.clone(), nothing];
            let args = std::iter::once(array).chain(bounds).collect();
            return Ok(Expr::new(ExprKind::Call { function: &SLICE, args }, Type::new(base)));
        }
        let element = builtin::element_of(base).unwrap_or(base);
        Ok(Expr::constant(storage::Value::Null, Type::new(element)))
    }

    /// `array[lower:upper]`: a bound that is left out is the array's own.
    fn slice(&mut self, array: Expr, span: Span, bounds: [Option<&Ast>; 2], at: Place<'_>) -> Result<Expr> {
        let base = builtin::base_type(array.ty);
        if builtin::element_of(base.oid).is_none() {
            let words = format!("cannot subscript type {} because it does not support subscripting", display(array.ty));
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, words).at(self.position(span)));
        }
        if builtin::info(base.oid).is_none_or(|info| !info.is_array()) {
            return Err(Error::unsupported(format!("a slice of {}", display(array.ty))).at(self.position(span)));
        }
        let mut args = vec![array];
        for (bound, own) in bounds.into_iter().zip([i32::MIN, i32::MAX]) {
            args.push(match bound {
                Some(bound) => self.subscript_bound(bound, at)?,
                None => Expr::constant(storage::Value::Int4(own), Type::new(oid::INT4)),
            });
        }
        Ok(Expr::new(ExprKind::Call { function: &SLICE, args }, base))
    }

    fn subscript(&mut self, array: Expr, span: Span, index: &Ast, at: Place<'_>) -> Result<Expr> {
        let array = Expr { ty: builtin::base_type(array.ty), ..array };
        if array.ty.oid == oid::JSONB {
            return self.json_subscript(array, index, at);
        }
        let info = builtin::info(array.ty.oid).filter(|info| info.element != 0);
        let Some(info) = info else {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("cannot subscript type {} because it does not support subscripting", display(array.ty)),
            )
            .at(self.position(span)));
        };
        let bound = self.subscript_bound(index, at)?;
        let ty = Type::with_modifier(info.element, array.ty.modifier);
        Ok(Expr::new(ExprKind::Subscript { array: Box::new(array), index: Box::new(bound) }, ty))
    }

    fn subscript_bound(&mut self, index: &Ast, at: Place<'_>) -> Result<Expr> {
        let bound = self.bind(index, at)?;
        self.coerce(bound, Type::new(oid::INT4), CastContext::Assignment).map_err(|error| {
            let mismatch = matches!(error.sql_state(), SqlState::DATATYPE_MISMATCH | SqlState::CANNOT_COERCE);
            let error = if mismatch {
                Error::new(SqlState::DATATYPE_MISMATCH, "array subscript must have type integer")
            } else {
                error
            };
            error.at(self.position(index.start()))
        })
    }

    fn cast(&mut self, expr: &Ast, data_type: &ast::DataType, at: Place<'_>) -> Result<Expr> {
        let operator = Sides { words: "::", left: expr.start(), right: Span::empty() };
        let target = self
            .data_type(data_type)
            .map_err(|error| error.at(self.operator_position(operator).map(|position| position + 2)))?;
        let mut inner = expr;
        while let Ast::Nested(nested) = inner {
            inner = nested;
        }
        let bound = match inner {
            // The type tells what the elements are, so that an empty array has one.
            Ast::Array(array) => self.array(array, Some(target), at)?,
            _ => self.bind(expr, at)?,
        };
        self.coerce(bound, target, CastContext::Explicit).map_err(|error| {
            // A conversion that does not exist is the operator's fault, a bad literal its own.
            let position = match error.sql_state() {
                SqlState::CANNOT_COERCE => self.operator_position(operator),
                _ => self.position(expr.start()),
            };
            error.at(position)
        })
    }

    fn is_null(&mut self, operand: &Ast, negated: bool, at: Place<'_>) -> Result<Expr> {
        // A row is null if all of it is, and not null if nothing of it is.
        if let Some(parts) = row(operand).filter(|parts| !parts.is_empty()) {
            let tests = parts.iter().map(|part| self.is_null(part, negated, at)).collect::<Result<Vec<_>>>()?;
            return Ok(conjunction(tests, true));
        }
        let expr = Box::new(self.bind(operand, at)?);
        Ok(truth_value(ExprKind::IsNull { expr, negated }))
    }

    fn truth(&mut self, operand: &Ast, value: Option<bool>, negated: bool, at: Place<'_>) -> Result<Expr> {
        let bound = self.bind(operand, at)?;
        let word = match value {
            Some(true) => "TRUE",
            Some(false) => "FALSE",
            None => "UNKNOWN",
        };
        let what = format!("IS {}{word}", if negated { "NOT " } else { "" });
        let expr = Box::new(self.boolean(bound, &what, operand.start())?);
        Ok(truth_value(ExprKind::BoolTest { expr, value, negated }))
    }

    fn case(
        &mut self,
        operand: Option<&Ast>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Ast>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let refusal = self.sets_refused.replace("CASE");
        let operand = match operand {
            Some(operand) => {
                let bound = self.bind(operand, at)?;
                Some((self.known(bound)?, operand.start()))
            }
            None => None,
        };
        // PostgreSQL looks at ELSE first when it chooses the common type.
        let mut results = vec![match otherwise {
            Some(otherwise) => (self.bind(otherwise, at)?, otherwise.start()),
            None => (Expr::constant(storage::Value::Null, Type::new(oid::UNKNOWN)), Span::empty()),
        }];
        let mut whens = Vec::with_capacity(conditions.len());
        for ast::CaseWhen { condition, result } in conditions {
            let bound = self.bind(condition, at)?;
            whens.push(match &operand {
                Some((operand, span)) => {
                    let sides = Sides { words: "case", left: *span, right: condition.start() };
                    let equal = self.apply_operator("=", Some(operand.clone()), bound, sides)?;
                    self.boolean(equal, "CASE/WHEN", condition.start())?
                }
                None => self.boolean(bound, "CASE/WHEN", condition.start())?,
            });
            results.push((self.bind(result, at)?, result.start()));
        }
        self.sets_refused = refusal;
        let (mut results, ty) = self.unify(results, "CASE")?;
        let explicit_else = otherwise.is_some();
        let last = results.remove(0);
        let whens = whens.into_iter().zip(results).collect();
        let otherwise = explicit_else.then(|| Box::new(last));
        Ok(Expr::new(ExprKind::Case { whens, otherwise }, ty))
    }

    /// Converts expressions to their common type; `what` names the construct in the error.
    pub(super) fn unify(&mut self, exprs: Vec<(Expr, Span)>, what: &str) -> Result<(Vec<Expr>, Type)> {
        let types: Vec<Type> = exprs.iter().map(|(expr, _)| expr.ty).collect();
        let common = resolve::common_type(&types, what).map_err(|error| {
            // It points at the first that cannot join those before it.
            let culprit = (2..=types.len()).find(|n| resolve::common_type(&types[..*n], what).is_err());
            let span = culprit.and_then(|n| exprs.get(n - 1)).map_or(Span::empty(), |(_, span)| *span);
            error.at(self.position(span))
        })?;
        let ty = shared_modifier(&types, common);
        let exprs = exprs
            .into_iter()
            .map(|(expr, span)| self.coerce_at(expr, ty, CastContext::Implicit, span))
            .collect::<Result<Vec<_>>>()?;
        Ok((exprs, ty))
    }

    /// `ARRAY[…]`; `target` is the type it is cast to, if that is an array.
    fn array(&mut self, array: &ast::Array, target: Option<Type>, at: Place<'_>) -> Result<Expr> {
        let ast::Array { elem, named: _ } = array;
        let target = target.and_then(|ty| builtin::info(ty.oid)).filter(|info| info.element != 0);
        if elem.is_empty() && target.is_none() {
            return Err(Error::new(SqlState::INDETERMINATE_DATATYPE, "cannot determine type of empty array")
                .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."));
        }
        let mut elements = Vec::with_capacity(elem.len());
        for element in elem {
            if matches!(element, Ast::Array(_)) {
                return Err(Error::unsupported("a multidimensional array").at(self.position(element.start())));
            }
            elements.push((self.bind(element, at)?, element.start()));
        }
        let (elements, element) = match target {
            Some(info) => {
                let ty = Type::new(info.element);
                let elements = elements
                    .into_iter()
                    .map(|(expr, span)| self.coerce_at(expr, ty, CastContext::Explicit, span))
                    .collect::<Result<Vec<_>>>()?;
                (elements, ty)
            }
            None => self.unify(elements, "ARRAY")?,
        };
        if builtin::info(element.oid).is_some_and(|info| info.element != 0 && info.name.starts_with('_')) {
            return Err(Error::unsupported("a multidimensional array"));
        }
        self.array_of(elements, element)
    }

    /// An array expression; a constant if all its elements are.
    pub(super) fn array_of(&self, elements: Vec<Expr>, element: Type) -> Result<Expr> {
        let array = builtin::array_of(element.oid).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("could not find array type for data type {}", display(element)),
            )
        })?;
        let ty = Type::new(array);
        if elements.iter().any(|element| element.as_const().is_none()) {
            return Ok(Expr::new(ExprKind::Array(elements), ty));
        }
        let values = elements.iter().filter_map(|element| element.as_const().cloned()).collect();
        let array = storage::value::Array { element: types::column_type(element)?, values };
        Ok(Expr::constant(storage::Value::Array(Box::new(array)), ty))
    }

    fn collate(&mut self, expr: &Ast, collation: &ast::ObjectName, at: Place<'_>) -> Result<Expr> {
        let bound = self.bind(expr, at)?;
        let name = self.name(collation)?;
        let sides = Sides { words: "collate", left: expr.start(), right: name.span };
        let known = ["C", "POSIX", "default", "ucs_basic"].contains(&name.name.as_str())
            && name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
        if !known {
            return Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("collation \"{name}\" for encoding \"UTF8\" does not exist"),
            )
            .at(self.operator_position(sides)));
        }
        let collatable = match builtin::info(bound.ty.oid) {
            Some(info) if info.element != 0 => builtin::info(info.element).is_some_and(|info| info.category == 'S'),
            Some(info) => info.category == 'S' || bound.ty.oid == oid::UNKNOWN,
            None => false,
        };
        if !collatable {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("collations are not supported by type {}", display(bound.ty)),
            )
            .at(self.operator_position(sides)));
        }
        Ok(bound)
    }
}

/// A boolean expression.
pub(super) fn truth_value(kind: ExprKind) -> Expr {
    Expr::new(kind, Type::new(oid::BOOL))
}

/// The common type, with the modifier if all share it.
pub(super) fn shared_modifier(types: &[Type], common: Type) -> Type {
    match types.first() {
        Some(first) if first.oid == common.oid && types.iter().all(|ty| ty == first) => *first,
        _ => Type::new(common.oid),
    }
}

pub(super) fn too_complex() -> Error {
    Error::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
        .with_hint("The statement nests expressions or subqueries too deeply.")
}

/// What an expression that other databases have is called.
fn foreign_name(expr: &Ast) -> &'static str {
    match expr {
        Ast::JsonAccess { .. } => "a JSON path access",
        Ast::InUnnest { .. } => "IN UNNEST",
        Ast::RLike { .. } => "RLIKE",
        Ast::Convert { .. } => "CONVERT",
        Ast::GroupingSets(_) | Ast::Cube(_) | Ast::Rollup(_) => "a grouping set outside GROUP BY",
        Ast::Struct { .. } | Ast::Dictionary(_) | Ast::Map(_) => "STRUCT or MAP",
        Ast::Named { .. } => "a named expression",
        Ast::MatchAgainst { .. } => "MATCH AGAINST",
        Ast::Wildcard(_) | Ast::QualifiedWildcard(..) => "* here",
        Ast::OuterJoin(_) => "the join operator (+)",
        Ast::Prior(_) => "PRIOR",
        Ast::Lambda(_) => "a lambda function",
        Ast::MemberOf(_) => "MEMBER OF",
        _ => "this expression",
    }
}
