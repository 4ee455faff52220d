//! Expressions: the one match over everything that SQL can write as an expression.

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::position::{Sides, Start};
use super::record::null_test;
use super::row::{conjunction, row, row_call};
use super::{Binder, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Form;
use crate::expr::{Expr, ExprKind};
use crate::function::array::{nested, unlike_parts};
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
            Ast::Function(function) => match row_call(function) {
                Some(parts) => self.row_value(&parts, at),
                None => self.call(function, at),
            },
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
            Ast::Tuple(parts) => self.row_value(&parts.iter().collect::<Vec<_>>(), at),
            Ast::QualifiedWildcard(name, _) => self.starred_row(name, at),
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
        if let Some(parts) = row(operand).filter(|parts| !parts.is_empty() && !self.is_showing()) {
            let tests = parts.iter().map(|part| self.is_null(part, negated, at)).collect::<Result<Vec<_>>>()?;
            return Ok(conjunction(tests, true));
        }
        let bound = self.bind(operand, at)?;
        if self.is_showing() {
            return Ok(truth_value(ExprKind::IsNull { expr: Box::new(bound), negated }));
        }
        Ok(null_test(bound, negated))
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
        if self.is_showing()
            && let Some((operand, _)) = operand
        {
            let pairs = whens.into_iter().zip(results).flat_map(|(when, then)| [when, then]);
            let parts = std::iter::once(operand).chain(pairs).chain([last]).collect();
            return Ok(Expr::shown(Form::CaseOf, parts, ty));
        }
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
            // The parts of ARRAY[[…], […]] are arrays of the same type.
            let part = match element {
                Ast::Array(part) => self.array(part, target.map(|info| Type::new(info.oid)), at)?,
                element => self.bind(element, at)?,
            };
            elements.push((part, element.start()));
        }
        let is_part = |(expr, _): &(Expr, Span)| is_array(expr.ty);
        let (elements, element) = match target {
            Some(info) => {
                let ty = Type::new(if elements.iter().any(is_part) { info.oid } else { info.element });
                let elements = elements
                    .into_iter()
                    .map(|(expr, span)| self.coerce_at(expr, ty, CastContext::Explicit, span))
                    .collect::<Result<Vec<_>>>()?;
                (elements, ty)
            }
            None => self.unify(elements, "ARRAY")?,
        };
        if !is_array(element) {
            return self.array_of(elements, element);
        }
        let constant = |part: &Expr| part.as_const().filter(|_| !self.is_showing()).cloned();
        let values: Option<Vec<storage::Value>> = elements.iter().map(constant).collect();
        let Some(values) = values else { return Ok(Expr::new(ExprKind::Array(elements), Type::new(element.oid))) };
        let inner = Type::new(builtin::element_of(element.oid).unwrap_or(element.oid));
        let array = nested(types::column_type(inner)?, &values, unlike_parts)?;
        Ok(Expr::constant(storage::Value::Array(Box::new(array)), Type::new(element.oid)))
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
        if self.is_showing() || elements.iter().any(|element| element.as_const().is_none()) {
            return Ok(Expr::new(ExprKind::Array(elements), ty));
        }
        let values = elements.iter().filter_map(|element| element.as_const().cloned()).collect();
        let array = storage::value::Array::new(types::column_type(element)?, values);
        Ok(Expr::constant(storage::Value::Array(Box::new(array)), ty))
    }

    fn collate(&mut self, expr: &Ast, collation: &ast::ObjectName, at: Place<'_>) -> Result<Expr> {
        let bound = self.bind(expr, at)?;
        let span = self.name(collation)?.span;
        let sides = Sides { words: "collate", left: expr.start(), right: span };
        self.check_collation(collation, bound.ty).map_err(|error| error.at(self.operator_position(sides)))?;
        if self.is_showing() {
            let bound = self.known(bound)?;
            let ty = bound.ty;
            return Ok(Expr::shown(Form::Collate(self.name(collation)?.name), vec![bound], ty));
        }
        Ok(bound)
    }

    /// An error unless it is one of the collations that compare as everything does here, for a type that has collations.
    pub(crate) fn check_collation(&self, collation: &ast::ObjectName, ty: Type) -> Result<()> {
        let name = self.name(collation)?;
        if let Some(schema) = name.schema.as_deref().filter(|schema| self.catalog.schema_named(schema).is_none()) {
            let message = format!("schema \"{schema}\" does not exist");
            return Err(Error::new(SqlState::INVALID_SCHEMA_NAME, message));
        }
        let known = ["C", "POSIX", "default", "ucs_basic"].contains(&name.name.as_str())
            && name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
        if !known && is_language(&name.name) {
            return Err(Error::unsupported(format!("collation \"{name}\"")));
        }
        if !known {
            let message = format!("collation \"{name}\" for encoding \"UTF8\" does not exist");
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        }
        let base = builtin::base_of(ty.oid);
        let collatable = match builtin::info(base) {
            Some(info) if info.element != 0 => builtin::info(info.element).is_some_and(|info| info.category == 'S'),
            Some(info) => info.category == 'S' || base == oid::UNKNOWN,
            None => false,
        };
        if !collatable {
            let message = format!("collations are not supported by type {}", display(ty));
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
        }
        Ok(())
    }
}

/// Whether a collation of that name would order as a language does: those of ICU (`sv-x-icu`), and of the operating system (`sv_SE`,
/// `de_DE.utf8`). Nothing here knows such orders.
fn is_language(name: &str) -> bool {
    let is_word = |word: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let place = name.split(['.', '@']).next().unwrap_or(name);
    name.strip_suffix("-x-icu").is_some_and(|locale| locale.split('-').next().is_some_and(|word| is_word(word, 2..=3)))
        || name == "unicode"
        || place.split_once('_').is_some_and(|(language, country)| is_word(language, 2..=3) && is_word(country, 2..=2))
}

/// Whether a type is one of arrays, the older vectors left out.
fn is_array(ty: Type) -> bool {
    builtin::info(ty.oid).is_some_and(crate::types::TypeInfo::is_array)
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
