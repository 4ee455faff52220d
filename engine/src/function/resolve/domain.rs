//! Conversions to domains: to the type that the domain is over, then a check of what the domain says of its values.

use storage::Value;

use super::coerce::coerce as convert;
use crate::catalog::DomainCheck;
use crate::error::{Error, Result, SqlState};
use crate::expr::ExprKind;
use crate::expr::eval::{RowSource, eval};
use crate::expr::{ColumnVar, Expr};
use crate::function::define::stable;
use crate::function::{CastContext, EvalContext, Function};
use crate::plan::bind::{bind_domain_check, domain_value};
use crate::types::defined::FIRST_OID;
use crate::types::{Type, builtin, display, oid};

/// What became of a conversion from or to a domain.
pub(super) enum Coerced {
    Done(Expr),
    /// No domain is concerned any more: the expression is of a domain's base type.
    Plain(Expr),
}

/// Takes a domain off the expression and puts the target's on.
pub(super) fn coerce(expr: Expr, target: Type, context: CastContext, eval: &EvalContext) -> Result<Coerced> {
    if expr.ty.oid == target.oid {
        return Ok(Coerced::Done(expr));
    }
    if builtin::is_domain(target.oid) {
        let base = convert(expr, builtin::base_type(target), context, eval)?;
        return Ok(Coerced::Done(checked(&CHECK, base, target)));
    }
    if let Some(element) = builtin::element_of(target.oid).filter(|element| builtin::is_domain(*element)) {
        let base = builtin::base_type(Type::new(element));
        let array = builtin::array_of(base.oid).ok_or_else(|| {
            Error::unsupported(format_args!("an array of the domain {}", display(Type::new(element))))
        })?;
        let array = convert(expr, Type::with_modifier(array, base.modifier), context, eval)?;
        return Ok(Coerced::Done(checked(&CHECK_ELEMENTS, array, target)));
    }
    let ty = builtin::base_type(expr.ty);
    Ok(Coerced::Plain(Expr { ty, ..expr }))
}

fn checked(function: &'static Function, value: Expr, target: Type) -> Expr {
    let domain = Expr::constant(Value::Int8(i64::from(target.oid)), Type::new(oid::OID));
    Expr::new(ExprKind::Call { function, args: vec![value, domain] }, Type::new(target.oid))
}

/// The type whose rules a call looks at: a domain, or arrays of one. None if it is no conversion to one.
pub(crate) fn domain_of_call(function: &Function, args: &[Expr]) -> Option<u32> {
    let converts = std::ptr::eq(function, &CHECK) || std::ptr::eq(function, &CHECK_ELEMENTS);
    args.get(1).filter(|_| converts).and_then(Expr::as_const).and_then(|oid| domain_oid(oid).ok())
}

/// A value, and the oid of the domain that it has to be of.
static CHECK: Function =
    stable(9_003, "domain_check", &[oid::ANYELEMENT, oid::OID], oid::ANYELEMENT, |context, args| {
        check(&args[0], domain_oid(&args[1])?, context)?;
        Ok(args[0].clone())
    })
    .takes_nulls();

/// An array, and the oid of the type of arrays of a domain.
static CHECK_ELEMENTS: Function =
    stable(9_004, "domain_check_elements", &[oid::ANYARRAY, oid::OID], oid::ANYARRAY, |context, args| {
        let domain = builtin::element_of(domain_oid(&args[1])?).unwrap_or(0);
        if let Value::Array(array) = &args[0] {
            for value in &array.values {
                check(value, domain, context)?;
            }
        }
        Ok(args[0].clone())
    })
    .takes_nulls();

fn domain_oid(value: &Value) -> Result<u32> {
    match value {
        Value::Int8(oid) => u32::try_from(*oid).map_err(|_| Error::internal("a domain has no such oid")),
        _ => Err(Error::internal("a value was to be checked without being told for what")),
    }
}

/// 23502 or 23514 if a value of its base type may not be one of the domain. The innermost domain speaks first.
fn check(value: &Value, domain: u32, context: &EvalContext) -> Result<()> {
    check_as(value, domain, domain, context)
}

/// The same for a domain that another is over, which is the one to be named.
fn check_as(value: &Value, domain: u32, named: u32, context: &EvalContext) -> Result<()> {
    let ty = context.catalog.types.get(&domain).ok_or_else(|| Error::internal("a domain is not in the catalog"))?;
    let Some(rules) = ty.domain() else { return Ok(()) };
    if builtin::is_domain(rules.base.oid) {
        check_as(value, rules.base.oid, named, context)?;
    }
    if rules.not_null && value.is_null() {
        let message = format!("domain {} does not allow null values", shown(named, context));
        return Err(of_domain(Error::new(SqlState::NOT_NULL_VIOLATION, message), named, context));
    }
    if rules.checks.is_empty() {
        return Ok(());
    }
    let conditions = rules.bound.get_or_bind(|| {
        rules.checks.iter().map(|check| bind_domain_check(&check.expression, rules.base, context)).collect()
    })?;
    for (rule, condition) in rules.checks.iter().zip(conditions.iter()) {
        if eval(condition, context, &DomainRow(value))? == Value::Bool(false) {
            return Err(violated(named, rule, context));
        }
    }
    Ok(())
}

/// Whether values of a type may have values of domains within.
pub(crate) fn may_hold_domains(ty: u32) -> bool {
    if ty < FIRST_OID {
        return false;
    }
    let base = builtin::base_of(ty);
    let element = builtin::element_of(base);
    builtin::is_composite(base) || element.is_some_and(|element| element >= FIRST_OID && !builtin::is_enum(element))
}

/// The same for a value of a type that SQL defined; nothing but domains and arrays of them says anything of its values.
pub(crate) fn check_defined(value: &Value, ty: u32, context: &EvalContext) -> Result<()> {
    if builtin::is_domain(ty) {
        // One over an array or a row may hold values of other domains.
        check_defined(value, builtin::base_of(ty), context)?;
        return check(value, ty, context);
    }
    match value {
        Value::Array(array) => {
            let Some(element) = builtin::element_of(ty).filter(|element| *element >= FIRST_OID) else { return Ok(()) };
            array.values.iter().try_for_each(|value| check_defined(value, element, context))
        }
        Value::Record(record) => {
            let mut defined = record.fields.iter().filter(|field| field.ty >= FIRST_OID);
            defined.try_for_each(|field| check_defined(&field.value, field.ty, context))
        }
        _ => Ok(()),
    }
}

fn violated(domain: u32, rule: &DomainCheck, context: &EvalContext) -> Error {
    let message = format!("value for domain {} violates check constraint \"{}\"", shown(domain, context), rule.name);
    of_domain(Error::new(SqlState::CHECK_VIOLATION, message), domain, context).with_constraint(&rule.name)
}

/// A domain as messages name it: with its schema where the search path does not find it.
fn shown(domain: u32, context: &EvalContext) -> String {
    let ty = Type::new(domain);
    context.catalog.type_shown(ty, &context.session.search_path).unwrap_or_else(|| display(ty))
}

/// Names the domain in the error's fields.
fn of_domain(error: Error, domain: u32, context: &EvalContext) -> Error {
    let Some(ty) = context.catalog.types.get(&domain) else { return error };
    match context.catalog.schemas.get(&ty.schema) {
        Some(schema) => error.with_data_type(&schema.name, &ty.name),
        None => error,
    }
}

/// What `VALUE` is.
pub(crate) struct DomainRow<'a>(pub(crate) &'a Value);

impl RowSource for DomainRow<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        if var == domain_value() {
            return Ok(self.0.clone());
        }
        Err(Error::internal("a domain's check names something else than its value"))
    }
}
