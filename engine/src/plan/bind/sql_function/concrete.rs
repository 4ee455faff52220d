//! Functions of any number of arguments, and of types that a call tells.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Expr as Ast;

use super::super::names::QualifiedName;
use super::super::position::Start;
use super::super::{Binder, Place};
use crate::catalog::{ParameterMode, SqlFunction};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::resolve::{self, Callable, Resolved, stands_for};
use crate::types::{Type, builtin, oid};

impl Binder<'_> {
    /// A function with the types of a call in the place of polymorphic ones. `spread`: the last argument is the array.
    pub(in crate::plan::bind) fn concrete(
        &self,
        oid: u32,
        resolved: &Resolved,
        spread: bool,
    ) -> Result<Arc<SqlFunction>> {
        let function = self.sql_function(oid)?;
        let is_polymorphic = |ty: u32| resolve::is_polymorphic(ty);
        if !is_polymorphic(function.returns) && !function.call_types().into_iter().any(is_polymorphic) {
            return Ok(function);
        }
        let types: Vec<u32> = resolved.arg_types.iter().map(|ty| ty.oid).collect();
        let mut declared = match function.procedure {
            true => function.call_types(),
            false => function.input_types(),
        };
        if let Some(last) = declared.last().copied().filter(|_| function.is_variadic() && !spread) {
            let element = element_declared(last);
            declared.pop();
            let count = types.len().saturating_sub(declared.len());
            declared.extend(std::iter::repeat_n(element, count));
        }
        declared.truncate(types.len());
        let undetermined = || {
            let message = "could not determine polymorphic type because input has type unknown";
            Error::new(SqlState::DATATYPE_MISMATCH, message)
        };
        let of = |ty: u32| match is_polymorphic(ty) {
            true => stands_for(&declared, &types, ty).ok_or_else(undetermined),
            false => Ok(ty),
        };
        let mut concrete = (*function).clone();
        concrete.returns = of(concrete.returns)?;
        if let Some(aggregate) = &mut concrete.aggregate {
            aggregate.state = of(aggregate.state)?;
        }
        for parameter in &mut concrete.parameters {
            parameter.ty = of(parameter.ty)?;
        }
        Ok(Arc::new(concrete))
    }

    /// The arguments with those behind the fixed ones as an array.
    pub(super) fn gathered(&self, function: &SqlFunction, mut args: Vec<Expr>) -> Vec<Expr> {
        let fixed = function.inputs().take_while(|input| input.mode != ParameterMode::Variadic).count();
        let Some(array) = function.inputs().nth(fixed).filter(|_| args.len() > fixed) else { return args };
        let elements = args.split_off(fixed);
        args.push(Expr::new(ExprKind::Array(elements), Type::new(array.ty)));
        args
    }

    /// `f(VARIADIC array)` of a function that SQL defined; None if no such function is meant.
    pub(in crate::plan::bind) fn variadic_sql_call(
        &mut self,
        name: &QualifiedName,
        exprs: &[&Ast],
        args: Vec<Expr>,
        at: Place<'_>,
    ) -> Result<Result<Expr, Vec<Expr>>> {
        let functions: Vec<Arc<SqlFunction>> =
            self.sql_functions(name)?.into_iter().filter(|function| function.is_variadic()).collect();
        if functions.is_empty() {
            return Ok(Err(args));
        }
        let plain: Vec<Arc<SqlFunction>> = functions
            .iter()
            .map(|function| {
                let mut plain = (**function).clone();
                plain.parameters.iter_mut().filter(|one| one.mode == ParameterMode::Variadic).for_each(|one| {
                    one.mode = ParameterMode::In;
                });
                Arc::new(plain)
            })
            .collect();
        let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        let resolved = self.resolve_defined(name, &types, (false, false), &[], &plain);
        let resolved = resolved.map_err(|error| error.at(self.position(name.span)))?;
        let Callable::Sql(oid) = resolved.callable else { return Ok(Err(args)) };
        if self.is_showing() || self.record.is_some() {
            return Err(Error::unsupported("VARIADIC in a view"));
        }
        let function = self.concrete(oid, &resolved, true)?;
        let span = exprs.first().map_or(name.span, |expr| expr.start());
        let mut args = self.coerce_arguments(args, &resolved.arg_types, exprs, span)?;
        for input in function.inputs().skip(args.len()) {
            if let Some(default) = &input.default {
                args.push(self.parameter_default(default, Type::new(input.ty))?);
            }
        }
        self.sql_call(&function, args, name.span, at).map(Ok)
    }
}

/// What stands for one of the arguments that an array gathers.
pub(in crate::plan::bind) fn element_declared(array: u32) -> u32 {
    match array {
        oid::ANYARRAY => oid::ANYELEMENT,
        oid::ANYCOMPATIBLEARRAY => oid::ANYCOMPATIBLE,
        other => builtin::element_of(other).unwrap_or(other),
    }
}
