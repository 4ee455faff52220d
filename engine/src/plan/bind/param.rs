//! Parameters: `$1`, `$2`, … whose types the statement tells by how it uses them.
//!
//! A parameter that was not declared begins as `UNKNOWN`, as a string literal does. The first conversion that it
//! meets gives it the type it needs, and it keeps it for the whole statement.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::Binder;
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::{CastContext, resolve};
use crate::types::{Type, builtin, display, oid};

/// Greatest parameter number: the protocol counts them in sixteen bits.
const PARAMETERS_MAX: usize = 65535;

/// What a domain is over, and for an array of a domain the array of that.
fn without_domain(ty: Type) -> Type {
    match builtin::element_of(ty.oid).filter(|element| builtin::is_domain(*element)) {
        Some(element) => Type::new(builtin::array_of(builtin::base_of(element)).unwrap_or(ty.oid)),
        None => builtin::base_type(ty),
    }
}

impl Binder<'_> {
    /// `$n`.
    pub(super) fn parameter(&mut self, placeholder: &str, span: Span) -> Result<Expr> {
        let digits = placeholder.strip_prefix('$').unwrap_or(placeholder);
        let Ok(number) = digits.parse::<usize>() else {
            return Err(Error::unsupported(format!("the parameter {placeholder}")).at(self.position(span)));
        };
        if number == 0 || number > PARAMETERS_MAX {
            return Err(Error::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${number}"))
                .at(self.position(span)));
        }
        if let Some(variable) = self.variable_at(number - 1) {
            return variable.map_err(|error| error.at(self.position(span)));
        }
        if let Some(argument) = self.argument_at(number - 1) {
            return argument.map_err(|error| error.at(self.position(span)));
        }
        if self.params.len() < number {
            self.params.resize(number, None);
        }
        let ty = self.params[number - 1].unwrap_or(Type::new(oid::UNKNOWN));
        self.parameter_of(number - 1, ty)
    }

    /// A parameter of that type. Values come as what a domain is over, and are checked as the domain would read them.
    fn parameter_of(&self, index: usize, ty: Type) -> Result<Expr> {
        // Lengths are looked at when the value is assigned to the domain.
        let plain = Type::new(without_domain(ty).oid);
        if plain.oid == ty.oid {
            return Ok(Expr::new(ExprKind::Param(index), ty));
        }
        resolve::coerce(Expr::new(ExprKind::Param(index), plain), ty, CastContext::Assignment, self.context)
    }

    /// Whether an argument is a parameter that a client declared as void. JDBC does so for the result of `{? = call f(?)}`:
    /// as in PostgreSQL, the function is called without it.
    pub(super) fn is_output(&self, argument: &ast::Expr) -> bool {
        let ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(placeholder), .. }) = argument else {
            return false;
        };
        let number = placeholder.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let declared = number.and_then(|number| *self.params.get(number.checked_sub(1)?)?);
        declared.is_some_and(|ty| ty.oid == oid::VOID)
    }

    /// The parameters' types. 42P18 if one could not be told.
    pub fn params(&self) -> Result<Vec<Type>> {
        let mut types = Vec::with_capacity(self.params.len());
        for (index, ty) in self.params.iter().enumerate() {
            let unknown = self.params_open.then(|| Type::new(oid::UNKNOWN));
            types.push(ty.or(unknown).ok_or_else(|| {
                Error::new(
                    SqlState::INDETERMINATE_DATATYPE,
                    format!("could not determine data type of parameter ${}", index + 1),
                )
            })?);
        }
        Ok(types)
    }

    /// Converts to a type, as the context allows; an undeclared parameter takes the type.
    pub fn coerce(&mut self, expr: Expr, target: Type, context: CastContext) -> Result<Expr> {
        if expr.ty == target {
            return Ok(expr);
        }
        if self.is_showing() {
            return self.shown_conversion(expr, target, context);
        }
        self.check_names_by_path(&expr, target)?;
        let expr = match expr.kind {
            ExprKind::Param(index) if expr.ty.oid == oid::UNKNOWN && target.oid != oid::UNKNOWN => {
                self.settle_parameter(index, target)?
            }
            _ => expr,
        };
        resolve::coerce(expr, target, context, self.context)
    }

    fn settle_parameter(&mut self, index: usize, target: Type) -> Result<Expr> {
        // The client is told the domain; its value is checked like any other that becomes one.
        let wanted = Type::new(target.oid);
        match self.params[index] {
            None => self.params[index] = Some(wanted),
            Some(known) if known == wanted => {}
            Some(known) => {
                return Err(Error::new(
                    SqlState("42P08"),
                    format!("inconsistent types deduced for parameter ${}", index + 1),
                )
                .with_detail(format!("{} versus {}", display(known), display(wanted))));
            }
        }
        self.parameter_of(index, wanted)
    }

    /// The same with an error that points at the expression.
    pub(super) fn coerce_at(&mut self, expr: Expr, target: Type, context: CastContext, span: Span) -> Result<Expr> {
        self.coerce(expr, target, context).map_err(|error| error.at(self.position(span)))
    }

    /// What is still unknown becomes text: where PostgreSQL needs a type and nothing has told one.
    pub(super) fn known(&mut self, expr: Expr) -> Result<Expr> {
        if expr.ty.oid != oid::UNKNOWN {
            return Ok(expr);
        }
        self.coerce(expr, Type::new(oid::TEXT), CastContext::Implicit)
    }

    /// A boolean: "argument of WHERE must be type boolean, not type integer".
    pub(super) fn boolean(&mut self, expr: Expr, what: &str, span: Span) -> Result<Expr> {
        self.specific(expr, Type::new(oid::BOOL), what, span)
    }

    /// An argument of a fixed type, as assignment would convert it.
    pub(super) fn specific(&mut self, expr: Expr, target: Type, what: &str, span: Span) -> Result<Expr> {
        if expr.ty.oid == target.oid {
            return Ok(expr);
        }
        let from = expr.ty;
        let unknown = from.oid == oid::UNKNOWN;
        self.coerce(expr, target, CastContext::Assignment).map_err(|error| {
            let error = if unknown {
                error
            } else {
                Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("argument of {what} must be type {}, not type {}", display(target), display(from)),
                )
            };
            error.at(self.position(span))
        })
    }

    /// Converts a bound expression to be stored in a column: 42804 in PostgreSQL's words if that cannot be.
    pub fn assign(&mut self, expr: Expr, target: Type, column: &str, span: Span) -> Result<Expr> {
        let from = expr.ty;
        self.coerce(expr, target, CastContext::Assignment).map_err(|error| {
            // A value that does not parse or fit says so itself; only a missing cast is about the column.
            let mismatch = [SqlState::DATATYPE_MISMATCH, SqlState::CANNOT_COERCE].contains(&error.sql_state());
            // A row says itself which field does not fit.
            let of_row = from.oid == oid::RECORD && builtin::is_composite(target.oid);
            let error = if mismatch && from.oid != oid::UNKNOWN && !of_row {
                Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "column \"{column}\" is of type {} but expression is of type {}",
                        display(Type::new(target.oid)),
                        display(Type::new(from.oid))
                    ),
                )
                .with_hint("You will need to rewrite or cast the expression.")
            } else {
                error
            };
            error.at(self.position(span))
        })
    }
}
