//! `f(VARIADIC array)`: the array's elements are the last arguments of a function that takes any number of them.

use datafusion::sql::sqlparser::ast::Expr as Ast;
use storage::Value;

use super::names::QualifiedName;
use super::position::Start;
use super::{Binder, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::CastContext;
use crate::function::resolve::{self, Callable};
use crate::function::spread::SPREAD;
use crate::statement::dialect::VARIADIC;
use crate::types::{Type, builtin, display, oid};

/// The array, if an argument is one whose elements are meant.
pub(super) fn array_of_arguments(argument: &Ast) -> Option<&Ast> {
    match argument {
        Ast::Prefixed { prefix, value } if prefix.value == VARIADIC => Some(value),
        _ => None,
    }
}

impl Binder<'_> {
    /// A call whose last argument is such an array.
    pub(super) fn variadic_call(
        &mut self,
        name: &QualifiedName,
        fixed: &[&Ast],
        array: &Ast,
        at: Place<'_>,
    ) -> Result<Expr> {
        let mut args = Vec::with_capacity(fixed.len() + 1);
        for expr in fixed {
            args.push(self.bind(expr, at)?);
        }
        let (written, array_span) = (array, array.start());
        let mut array = self.bind(array, at)?;
        if !self.catalog.functions.is_empty() {
            let exprs: Vec<&Ast> = fixed.iter().copied().chain([written]).collect();
            args.push(array);
            args = match self.variadic_sql_call(name, &exprs, args, at)? {
                Ok(call) => return Ok(call),
                Err(args) => args,
            };
            array = args.pop().ok_or_else(|| Error::internal("the array was given back"))?;
        }
        let mut types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        let element = builtin::element_of(builtin::base_of(array.ty.oid));
        types.push(Type::new(element.unwrap_or(array.ty.oid)));
        // One element may be meant for a function of its own; two are for the one that takes any number.
        let twice: Vec<Type> = types.iter().chain(types.last()).copied().collect();
        let found = [&types, &twice].into_iter().find_map(|given| {
            let resolved = resolve::function(&name.name, given).ok()?;
            match resolved.callable {
                Callable::Function(function) if function.variadic && function.args.len() == types.len() => {
                    Some((resolved, function))
                }
                _ => None,
            }
        });
        let Some((resolved, function)) = found else {
            types.pop();
            types.push(array.ty);
            let types: Vec<String> = types.iter().map(|ty| display(Type::new(ty.oid))).collect();
            let words = format!("function {name}({}) does not exist", types.join(", "));
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, words)
                .with_hint(
                    "No function matches the given name and argument types. You might need to add explicit type casts.",
                )
                .at(self.position(name.span)));
        };
        let wanted = resolved.arg_types.last().map_or(oid::ANY, |ty| ty.oid);
        if function.args.last() != Some(&oid::ANY) {
            let ty = builtin::array_of(wanted).unwrap_or(oid::TEXT_ARRAY);
            array = self.coerce_at(array, Type::new(ty), CastContext::Implicit, array_span)?;
        } else if element.is_none() {
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, "VARIADIC argument must be an array")
                .at(self.position(array_span)));
        }
        let number = |oid: u32| Expr::constant(Value::Int8(i64::from(oid)), Type::new(oid::OID));
        let element = builtin::element_of(builtin::base_of(array.ty.oid)).unwrap_or(oid::TEXT);
        let as_text = Expr::constant(Value::Bool(wanted == oid::CSTRING), Type::new(oid::BOOL));
        let mut all = vec![number(function.oid), number(element), as_text];
        for ((arg, expr), ty) in args.into_iter().zip(fixed).zip(&resolved.arg_types) {
            all.push(self.coerce_at(arg, *ty, CastContext::Implicit, expr.start())?);
        }
        all.push(array);
        Ok(Expr::new(ExprKind::Call { function: &SPREAD, args: all }, resolved.return_type))
    }
}
