//! Parts of values: `a[1]`, `a[1][2]`, `a[1:2]`, `t.a[1]`, and the same as what is assigned to.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr as Ast, Subscript};
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::{Array, Value};

use super::names::fold;
use super::position::Start;
use super::{Binder, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::array::{ASSIGN, ELEMENT, NAME_ELEMENT, SLICE};
use crate::function::geometry::POINT_ELEMENT;
use crate::function::{CastContext, Function};
use crate::types::text::{DIMENSIONS_MAX, too_many_dimensions};
use crate::types::{self, Type, builtin, display, oid};

/// A subscript: one element, or from one to another.
type Bounds<'a> = (Option<&'a Ast>, Option<&'a Ast>);

impl Binder<'_> {
    /// A value and what is looked for in it.
    pub(super) fn field_access(&mut self, root: &Ast, chain: &[AccessExpr], at: Place<'_>) -> Result<Expr> {
        // The parser leaves "t.a[1]" as the root t and the accesses .a and [1].
        let mut parts = match root {
            Ast::Identifier(ident) => vec![ident.clone()],
            Ast::CompoundIdentifier(parts) => parts.clone(),
            _ => Vec::new(),
        };
        let mut rest = chain;
        if !parts.is_empty() {
            while let [AccessExpr::Dot(Ast::Identifier(ident)), tail @ ..] = rest {
                parts.push(ident.clone());
                rest = tail;
            }
        }
        let mut value = if parts.is_empty() { self.bind(root, at)? } else { self.qualified(&parts, at)? };
        while let Some(access) = rest.first() {
            let count = subscript_count(rest);
            if let AccessExpr::Dot(field) = access {
                value = self.field(value, field, root.start())?;
                rest = &rest[1..];
            } else {
                value = self.subscripted(value, root.start(), &rest[..count], at)?;
                rest = &rest[count..];
            }
        }
        Ok(value)
    }

    fn subscripted(&mut self, value: Expr, span: Span, chain: &[AccessExpr], at: Place<'_>) -> Result<Expr> {
        let value = Expr { ty: builtin::base_type(value.ty), ..value };
        let subscripts = subscripts(chain).map_err(|error| error.at(self.position(span)))?;
        if value.ty.oid == oid::JSONB {
            let sliced = has_slice(chain);
            return subscripts.into_iter().try_fold(value, |value, subscript| match subscript {
                (None, Some(index)) if !sliced => self.json_subscript(value, index, at),
                _ => {
                    let words = "jsonb subscript does not support slices";
                    Err(Error::new(SqlState::DATATYPE_MISMATCH, words).at(self.position(span)))
                }
            });
        }
        if value.ty.oid == oid::NAME
            && let [(None, Some(index))] = subscripts.as_slice()
        {
            let args = vec![value, self.subscript_bound(index, at)?];
            return Ok(call(&NAME_ELEMENT, args, Type::new(oid::CHAR)));
        }
        if value.ty.oid == oid::POINT && has_slice(chain) {
            let words = "slices of fixed-length arrays not implemented";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).at(self.position(span)));
        }
        if value.ty.oid == oid::POINT
            && let [(None, Some(index))] = subscripts.as_slice()
        {
            let args = vec![value, self.subscript_bound(index, at)?];
            return Ok(call(&POINT_ELEMENT, args, Type::new(oid::FLOAT8)));
        }
        let info = self.subscriptable(value.ty, span)?;
        check_count(subscripts.len())?;
        let element = Type::with_modifier(info.element, value.ty.modifier);
        if subscripts.iter().all(|subscript| subscript.0.is_none()) && !has_slice(chain) {
            if let [(_, Some(index))] = subscripts.as_slice() {
                let index = Box::new(self.subscript_bound(index, at)?);
                return Ok(Expr::new(ExprKind::Subscript { array: Box::new(value), index }, element));
            }
            let mut args = vec![value];
            for (_, index) in subscripts {
                args.push(self.bound_or(index, 0, at)?);
            }
            return Ok(call(&ELEMENT, args, element));
        }
        if !info.is_array() {
            return Err(Error::unsupported(format!("a slice of {}", display(value.ty))).at(self.position(span)));
        }
        let ty = value.ty;
        let mut args = vec![value];
        for (access, (lower, upper)) in chain.iter().zip(subscripts) {
            // Beside slices, one subscript is all up to it.
            let own = if matches!(access, AccessExpr::Subscript(Subscript::Index { .. })) { 1 } else { i32::MIN };
            args.push(self.bound_or(lower, own, at)?);
            args.push(self.bound_or(upper, i32::MAX, at)?);
        }
        Ok(call(&SLICE, args, ty))
    }

    /// 42804 for a type whose values have no elements.
    fn subscriptable(&self, ty: Type, span: Span) -> Result<&'static types::TypeInfo> {
        builtin::info(ty.oid).filter(|info| info.element != 0).ok_or_else(|| {
            let words = format!("cannot subscript type {} because it does not support subscripting", display(ty));
            Error::new(SqlState::DATATYPE_MISMATCH, words).at(self.position(span))
        })
    }

    fn bound_or(&mut self, bound: Option<&Ast>, own: i32, at: Place<'_>) -> Result<Expr> {
        match bound {
            Some(bound) => self.subscript_bound(bound, at),
            None => Ok(Expr::constant(Value::Int4(own), Type::new(oid::INT4))),
        }
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

    /// What is assigned to a part of a value of the type: an element's type, or an array's for a slice.
    pub(super) fn part_type(&self, whole: Type, chain: &[AccessExpr], span: Span) -> Result<Type> {
        let base = builtin::base_type(whole);
        if let [AccessExpr::Dot(field), rest @ ..] = chain {
            let ty = self.field_to_assign(whole, field, span)?;
            return if rest.is_empty() { Ok(ty) } else { self.part_type(ty, rest, span) };
        }
        let (chain, rest) = chain.split_at(subscript_count(chain));
        if base.oid == oid::JSONB {
            return if rest.is_empty() { Ok(base) } else { self.part_type(base, rest, span) };
        }
        let info = self.subscriptable(base, span)?;
        if !info.is_array() {
            return Err(Error::unsupported(format!("an assignment to a part of {}", display(whole))));
        }
        let element = Type::with_modifier(info.element, base.modifier);
        match rest {
            [] => Ok(if has_slice(chain) { base } else { element }),
            rest => self.part_type(element, rest, span),
        }
    }

    fn field_to_assign(&self, whole: Type, field: &Ast, span: Span) -> Result<Type> {
        let Ast::Identifier(name) = field else { return Err(Error::unsupported("this field of a value")) };
        let name = fold(name);
        if !builtin::is_composite(builtin::base_of(whole.oid)) {
            let message = format!(
                "cannot assign to field \"{name}\" of a value because its type {} is not a composite type",
                display(whole)
            );
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, message).at(self.position(span)));
        }
        let (_, attribute) = self.attribute(whole, &name).map_err(|_| {
            let message = format!(
                "cannot assign to field \"{name}\" of a value because there is no such column in data type {}",
                display(whole)
            );
            Error::new(SqlState::UNDEFINED_COLUMN, message).at(self.position(span))
        })?;
        Ok(attribute.ty)
    }

    /// The same for what is itself a part, which has to be of its own type again, rules of a domain included.
    fn inner_with_part(&mut self, whole: Expr, chain: &[AccessExpr], part: Expr, at: Place<'_>) -> Result<Expr> {
        let ty = whole.ty;
        let changed = self.with_part(whole, chain, part, at)?;
        self.coerce(changed, ty, CastContext::Assignment)
    }

    /// The value with a part of it replaced.
    pub(super) fn with_part<'c>(
        &mut self,
        whole: Expr,
        chain: &'c [AccessExpr],
        part: Expr,
        at: Place<'_>,
    ) -> Result<Expr> {
        let ty = builtin::base_type(whole.ty);
        if let [AccessExpr::Dot(field), rest @ ..] = chain {
            let Ast::Identifier(name) = field else { return Err(Error::unsupported("this field of a value")) };
            let part = match rest {
                [] => part,
                rest => {
                    let before = self.field(whole.clone(), field, Span::empty())?;
                    self.inner_with_part(before, rest, part, at)?
                }
            };
            return self.with_field(whole, &fold(name), part);
        }
        let (chain, rest) = chain.split_at(subscript_count(chain));
        let part = match rest {
            [] => part,
            _ if has_slice(chain) => return Err(Error::unsupported("a field of a slice")),
            rest => {
                let before = self.subscripted(whole.clone(), Span::empty(), chain, at)?;
                self.inner_with_part(before, rest, part, at)?
            }
        };
        if ty.oid == oid::JSONB {
            let single = |bounds: Bounds<'c>| match bounds {
                (None, Some(index)) => Ok(index),
                _ => Err(Error::new(SqlState::DATATYPE_MISMATCH, "jsonb subscript does not support slices")),
            };
            let indexes = subscripts(chain)?.into_iter().map(single).collect::<Result<Vec<_>>>()?;
            return self.json_with_part(Expr { ty, ..whole }, &indexes, part, at);
        }
        let element = builtin::element_of(ty.oid).unwrap_or(ty.oid);
        let empty = Array::new(types::column_type(Type::new(element))?, Vec::new());
        let sliced = has_slice(chain);
        let constant = |value: bool| Expr::constant(Value::Bool(value), Type::new(oid::BOOL));
        let mut args =
            vec![Expr::constant(Value::Array(Box::new(empty)), ty), Expr { ty, ..whole }, part, constant(sliced)];
        let subscripts = subscripts(chain)?;
        check_count(subscripts.len())?;
        for (access, (lower, upper)) in chain.iter().zip(subscripts) {
            let single = matches!(access, AccessExpr::Subscript(Subscript::Index { .. }));
            if sliced {
                args.push(match lower {
                    Some(lower) => self.subscript_bound(lower, at)?,
                    None if single => self.bound_or(None, 1, at)?,
                    None => constant(false),
                });
            }
            args.push(match upper {
                Some(upper) => self.subscript_bound(upper, at)?,
                None => constant(false),
            });
        }
        Ok(call(&ASSIGN, args, ty))
    }
}

fn call(function: &'static Function, args: Vec<Expr>, ty: Type) -> Expr {
    Expr::new(ExprKind::Call { function, args }, ty)
}

fn subscript_count(chain: &[AccessExpr]) -> usize {
    chain.iter().take_while(|access| matches!(access, AccessExpr::Subscript(_))).count()
}

fn has_slice(chain: &[AccessExpr]) -> bool {
    chain.iter().any(|access| matches!(access, AccessExpr::Subscript(Subscript::Slice { .. })))
}

fn check_count(count: usize) -> Result<()> {
    if count > DIMENSIONS_MAX { Err(too_many_dimensions(count)) } else { Ok(()) }
}

/// The bounds of each subscript; a single one is an upper bound.
fn subscripts(chain: &[AccessExpr]) -> Result<Vec<Bounds<'_>>> {
    chain
        .iter()
        .map(|access| match access {
            AccessExpr::Subscript(Subscript::Index { index }) => Ok((None, Some(index))),
            AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None }) => {
                Ok((lower_bound.as_ref(), upper_bound.as_ref()))
            }
            AccessExpr::Subscript(Subscript::Slice { .. }) => Err(Error::unsupported("an array slice with a stride")),
            AccessExpr::Dot(_) => Err(Error::unsupported("a field of an element here")),
        })
        .collect()
}
