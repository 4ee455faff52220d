//! Conversions: PostgreSQL's `find_coercion_pathway` and `coerce_type`.

use storage::Value;

use super::composite::row_as;
use super::domain::{self, Coerced};
use super::polymorphic;
use crate::error::{Error, Result, SqlState};
use crate::expr::eval::{apply, text_cast};
use crate::expr::{Expr, ExprKind};
use crate::function::cast::{NUMBER_TO_BITS, modifier_function, read_text};
use crate::function::{CastContext, CastMethod, EvalContext, Function, Volatility, cast_between, function_by_oid};
use crate::types::defined::FIRST_OID;
use crate::types::modifier::apply_modifier;
use crate::types::range::{self, RangeKind};
use crate::types::{Type, builtin, display, oid};

/// `multirange`, which makes one of any range.
const AS_MULTIRANGE: u32 = 4298;

/// How one type becomes another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path {
    Same,
    Function(&'static Function),
    /// Array to array, element by element.
    Elements,
    /// Through the text form.
    Text,
}

/// The conversion that the context allows, if there is one. Neither type is unknown or polymorphic.
pub(super) fn find_path(from: u32, to: u32, context: CastContext) -> Option<Path> {
    let (from, to) = (builtin::base_of(from), builtin::base_of(to));
    if from == to {
        return Some(Path::Same);
    }
    if let Some(cast) = cast_between(from, to) {
        return (context >= cast.context).then_some(match cast.method {
            CastMethod::Binary => Path::Same,
            CastMethod::Function(function) => Path::Function(function),
            CastMethod::Text => Path::Text,
        });
    }
    if to == oid::RECORD && builtin::is_composite(from) {
        return Some(Path::Same);
    }
    if from >= FIRST_OID && range::multirange_of(from) == Some(to) {
        return (context >= CastContext::Explicit).then(|| function_by_oid(AS_MULTIRANGE).map(Path::Function))?;
    }
    let (source, target) = (builtin::info(from)?, builtin::info(to)?);
    if source.element != 0 && target.is_array() && find_path(source.element, target.element, context).is_some() {
        return Some(Path::Elements);
    }
    let storable = |oid: u32| builtin::column_type(Type::new(oid)).is_ok();
    let through_text = (context >= CastContext::Assignment && target.category == 'S')
        || (context >= CastContext::Explicit && source.category == 'S');
    (through_text && storable(from) && storable(to)).then_some(Path::Text)
}

/// Whether a value of one type may become one of another in the context.
pub fn can_coerce(from: u32, to: u32, context: CastContext) -> bool {
    if from == to || from == oid::UNKNOWN || matches!(to, oid::ANY | oid::CSTRING | oid::INTERNAL) {
        return true;
    }
    if polymorphic::is_polymorphic(to) {
        let from = builtin::base_of(from);
        let is_array = builtin::info(from).is_some_and(|info| info.element != 0);
        return match to {
            oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY => is_array,
            oid::ANYENUM => builtin::is_enum(from),
            oid::ANYRANGE => RangeKind::of_range(from).is_some(),
            oid::ANYMULTIRANGE => RangeKind::of_multirange(from).is_some(),
            _ => true,
        };
    }
    find_path(from, to, context).is_some()
}

/// Converts an expression to a type, as the context allows. Literals become constants of the type at once, and so do
/// constants where the conversion depends on nothing else.
///
/// Two targets are not types of values: `cstring` is the text form of whatever it is, `internal` its type's oid.
///
/// # Errors
/// 42846 if there is no such conversion; whatever reading a literal may say.
pub fn coerce(expr: Expr, target: Type, context: CastContext, eval: &EvalContext) -> Result<Expr> {
    match target.oid {
        oid::CSTRING => return Ok(text_form(expr)),
        oid::INTERNAL => return Ok(Expr::constant(Value::Int8(i64::from(expr.ty.oid)), Type::new(oid::OID))),
        oid::ANY => return Ok(expr),
        other if polymorphic::is_polymorphic(other) => return Ok(expr),
        _ => {}
    }
    if target.oid >= FIRST_OID || expr.ty.oid >= FIRST_OID {
        match domain::coerce(expr, target, context, eval)? {
            Coerced::Done(done) => return Ok(done),
            Coerced::Plain(plain) => return convert_plain(plain, target, context, eval),
        }
    }
    convert_plain(expr, target, context, eval)
}

/// The same where neither type is a domain.
fn convert_plain(expr: Expr, target: Type, context: CastContext, eval: &EvalContext) -> Result<Expr> {
    let explicit = context == CastContext::Explicit;
    if expr.ty.oid == oid::UNKNOWN && target.oid != oid::UNKNOWN {
        return known(expr, target, explicit, eval);
    }
    if let Some(row) = row_as(&expr, target, context, eval)? {
        return Ok(row);
    }
    let path = find_path(expr.ty.oid, target.oid, context).ok_or_else(|| {
        Error::new(
            SqlState::CANNOT_COERCE,
            format!("cannot cast type {} to {}", display(Type::new(expr.ty.oid)), display(Type::new(target.oid))),
        )
    })?;
    let plain = Type::new(target.oid);
    let converted = match path {
        Path::Same if expr.ty.oid == target.oid => expr,
        Path::Same => {
            let ty = Type::with_modifier(target.oid, kept_modifier(expr.ty, target));
            match expr.kind {
                // How the text is read depends on the type that it has now.
                ExprKind::TextCast(_) if builtin::is_registered(expr.ty.oid) => {
                    Expr::new(ExprKind::Coalesce(vec![expr]), ty)
                }
                _ => Expr { ty, ..expr },
            }
        }
        Path::Function(function) if NUMBER_TO_BITS.contains(&function.oid) => {
            let bits = Expr::constant(Value::Int4(target.modifier), Type::new(oid::INT4));
            return Ok(call(function, vec![expr, bits], target, eval));
        }
        Path::Function(function) => call(function, vec![expr], plain, eval),
        Path::Text => folded(Expr::new(ExprKind::TextCast(Box::new(expr)), plain), eval),
        Path::Elements => {
            let explicit = Value::Bool(explicit);
            let args = vec![
                Expr::constant(Value::Int8(i64::from(expr.ty.oid)), Type::new(oid::OID)),
                Expr::constant(Value::Int8(i64::from(target.oid)), Type::new(oid::OID)),
                Expr::constant(Value::Int4(target.modifier), Type::new(oid::INT4)),
                Expr::constant(explicit, Type::new(oid::BOOL)),
            ];
            return Ok(call(&ELEMENTS, std::iter::once(expr).chain(args).collect(), target, eval));
        }
    };
    Ok(fitted(converted, target, explicit, eval))
}

/// varchar(5) as text is text; as varchar it stays varchar(5).
fn kept_modifier(from: Type, to: Type) -> i32 {
    if from.oid == to.oid { from.modifier } else { -1 }
}

/// A literal, NULL or parameter whose type is now known.
fn known(expr: Expr, target: Type, explicit: bool, eval: &EvalContext) -> Result<Expr> {
    match &expr.kind {
        ExprKind::Const(Value::Text(text)) => {
            // An interval's fields decide how its text is read; any other modifier applies to the value.
            let read_as = if target.oid == oid::INTERVAL { target } else { Type::new(target.oid) };
            let value = read_text(text, read_as, eval)?;
            Ok(Expr::constant(apply_modifier(value, target, explicit)?, target))
        }
        ExprKind::Const(_) => Ok(Expr { ty: target, ..expr }),
        ExprKind::Param(_) => {
            let known = Expr { ty: Type::new(target.oid), ..expr };
            Ok(fitted(known, target, explicit, eval))
        }
        _ => {
            let text = Expr { ty: Type::new(oid::TEXT), ..expr };
            let converted = if target.oid == oid::TEXT {
                text
            } else {
                Expr::new(ExprKind::TextCast(Box::new(text)), Type::new(target.oid))
            };
            Ok(fitted(converted, target, explicit, eval))
        }
    }
}

/// What the type's output function makes of it, as text.
fn text_form(expr: Expr) -> Expr {
    let text = Type::new(oid::TEXT);
    match expr.ty.oid {
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::CSTRING => Expr { ty: text, ..expr },
        _ => Expr::new(ExprKind::TextCast(Box::new(expr)), text),
    }
}

/// Applies the target's modifier, unless the value is known to have it.
fn fitted(expr: Expr, target: Type, explicit: bool, eval: &EvalContext) -> Expr {
    if target.modifier < 0 || expr.ty == target {
        return expr;
    }
    if builtin::info(target.oid).is_some_and(|info| info.is_array()) {
        let args = vec![
            Expr::constant(Value::Int8(i64::from(target.oid)), Type::new(oid::OID)),
            Expr::constant(Value::Int8(i64::from(target.oid)), Type::new(oid::OID)),
            Expr::constant(Value::Int4(target.modifier), Type::new(oid::INT4)),
            Expr::constant(Value::Bool(explicit), Type::new(oid::BOOL)),
        ];
        return call(&ELEMENTS, std::iter::once(expr).chain(args).collect(), target, eval);
    }
    let Some(function) = modifier_function(target.oid).and_then(function_by_oid) else { return expr };
    let mut args = vec![expr, Expr::constant(Value::Int4(target.modifier), Type::new(oid::INT4))];
    if function.args.len() == 3 {
        args.push(Expr::constant(Value::Bool(explicit), Type::new(oid::BOOL)));
    }
    call(function, args, target, eval)
}

fn call(function: &'static Function, args: Vec<Expr>, ty: Type, eval: &EvalContext) -> Expr {
    folded(Expr::new(ExprKind::Call { function, args }, ty), eval)
}

/// A constant, if the conversion of one depends on nothing else. One that fails is left to fail when it runs.
fn folded(expr: Expr, eval: &EvalContext) -> Expr {
    let value = match &expr.kind {
        ExprKind::Call { function, args } if function.volatility == Volatility::Immutable => {
            let values: Option<Vec<Value>> = args.iter().map(|arg| arg.as_const().cloned()).collect();
            values.and_then(|values| apply(function, &values, eval).ok())
        }
        ExprKind::TextCast(inner) if !depends_on_session(inner.ty.oid) && !depends_on_session(expr.ty.oid) => {
            inner.as_const().and_then(|value| text_cast(value.clone(), inner.ty, expr.ty, eval).ok())
        }
        _ => None,
    };
    match value {
        Some(value) => Expr::constant(value, expr.ty),
        None => expr,
    }
}

/// Whether the type's text form changes with a setting, the time or the catalog.
fn depends_on_session(ty: u32) -> bool {
    let base = builtin::element_of(ty).unwrap_or(ty);
    base >= FIRST_OID
        || builtin::is_registered(base)
        || matches!(
            base,
            oid::DATE
                | oid::TIME
                | oid::TIMETZ
                | oid::TIMESTAMP
                | oid::TIMESTAMPTZ
                | oid::INTERVAL
                | oid::BYTEA
                | oid::FLOAT4
                | oid::FLOAT8
        )
}

/// Converts an array: the array, its type, the target type, the target's modifier, whether the cast is explicit.
static ELEMENTS: Function =
    crate::function::define::immutable(9_002, "array_coerce", &[oid::ANYARRAY], oid::ANYARRAY, |context, args| {
        let [Value::Array(array), Value::Int8(from), Value::Int8(to), Value::Int4(modifier), Value::Bool(explicit)] =
            args
        else {
            return Err(Error::internal("an array was to be converted without being told to what"));
        };
        let element = |oid: &i64| u32::try_from(*oid).ok().and_then(builtin::element_of).unwrap_or(0);
        let (from, to) = (Type::new(element(from)), Type::with_modifier(element(to), *modifier));
        let context_of = if *explicit { CastContext::Explicit } else { CastContext::Assignment };
        let convert = |value: &Value| convert(value.clone(), from, to, context_of, context);
        let values = array.values.iter().map(convert).collect::<Result<Vec<Value>>>()?;
        Ok(Value::Array(Box::new(array.alike(builtin::column_type(to)?, values))))
    });

/// Whether a call converts an array of texts into one of texts of another name, all of which stay what they are.
pub(crate) fn keeps_elements(function: &Function, args: &[Expr]) -> bool {
    let element = |arg: Option<&Expr>| match arg.map(|arg| &arg.kind) {
        Some(ExprKind::Const(Value::Int8(oid))) => u32::try_from(*oid).ok().and_then(builtin::element_of),
        _ => None,
    };
    let is_text = |element: Option<u32>| matches!(element, Some(oid::TEXT | oid::VARCHAR));
    let unlimited =
        matches!(args.get(3).map(|arg| &arg.kind), Some(ExprKind::Const(Value::Int4(modifier))) if *modifier < 0);
    std::ptr::eq(function, &ELEMENTS) && is_text(element(args.get(1))) && is_text(element(args.get(2))) && unlimited
}

/// Converts one value, as `coerce` would convert the expression it comes from.
pub(crate) fn convert(value: Value, from: Type, to: Type, cast: CastContext, context: &EvalContext) -> Result<Value> {
    if value.is_null() {
        return Ok(value);
    }
    let explicit = cast == CastContext::Explicit;
    let value = match find_path(from.oid, to.oid, cast) {
        Some(Path::Same) => value,
        Some(Path::Function(function)) => apply(function, &[value], context)?,
        Some(Path::Text) => text_cast(value, from, Type::new(to.oid), context)?,
        Some(Path::Elements) | None => {
            return Err(Error::new(
                SqlState::CANNOT_COERCE,
                format!("cannot cast type {} to {}", display(from), display(to)),
            ));
        }
    };
    apply_modifier(value, to, explicit)
}
