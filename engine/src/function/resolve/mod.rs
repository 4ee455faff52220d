//! Which function or operator a call means, and which conversions make it so: PostgreSQL manual, chapter 10.
//!
//! String literals, NULL and undeclared parameters have type `unknown` until something here gives them another.

mod call;
mod candidate;
mod coerce;
mod composite;
mod domain;
mod json;
mod polymorphic;

pub use call::{Callable, Resolved, function};
pub(crate) use call::{Defined, column_type, extended_function, function_among_defined, function_of_extension};
pub(crate) use coerce::keeps_elements;
pub use coerce::{can_coerce, coerce};
pub(crate) use domain::{DomainRow, check_defined, domain_of_call, may_hold_domains};
pub(crate) use json::{fills_row, is_row, json_form, json_forms, json_row, key_form, rows_as_json, takes_json_forms};
pub(crate) use polymorphic::{Shape, is_polymorphic, same_family, stands_for};

use super::{Function, Operator, operators_named};
use crate::error::{Error, Result, SqlState};
use crate::types::range::RangeKind;
use crate::types::{Type, builtin, display, geometry, oid};
use candidate::{Choice, choose};

use super::CastContext::Implicit;

/// The operator of that name for operands of these types (`left` is `None` for a prefix operator).
/// 42883 if there is none, 42725 if several would do.
pub fn operator(name: &str, left: Option<Type>, right: Type) -> Result<&'static Operator> {
    operator_shown(name, left, right, &display)
}

/// The same with types in errors as `shown` names them.
pub(crate) fn operator_shown(
    name: &str,
    left: Option<Type>,
    right: Type,
    shown: &dyn Fn(Type) -> String,
) -> Result<&'static Operator> {
    // Errors name a domain, too.
    let said = (left, right);
    // The operators of a domain are those of the type it is over.
    let (left, right) = (left.map(builtin::base_type), builtin::base_type(right));
    // SQL has two spellings of this one.
    let name = if name == "!=" { "<>" } else { name };
    let named = operators_named(name);
    let of_kind = |operator: &&&'static Operator| operator.left.is_some() == left.is_some();
    let (exact_left, exact_right) = match left.map(|left| left.oid) {
        // One unknown operand is assumed to be of the other's type.
        Some(oid::UNKNOWN) => (Some(right.oid), right.oid),
        Some(left) if right.oid == oid::UNKNOWN => (Some(left), left),
        left => (left, right.oid),
    };
    let exact = named.iter().find(|operator| operator.left == exact_left && operator.right == exact_right);
    if let Some(operator) = exact.filter(|_| exact_right != oid::UNKNOWN) {
        return Ok(operator);
    }
    let candidates: Vec<(&'static Operator, Vec<u32>)> = named
        .iter()
        .filter(of_kind)
        .map(|operator| (*operator, operator.left.into_iter().chain([operator.right]).collect()))
        .collect();
    let types: Vec<u32> = left.iter().chain([&right]).map(|ty| ty.oid).collect();
    match choose(candidates, &types) {
        Choice::One(operator) => Ok(operator),
        Choice::None => Err(no_operator(&signature(name, said.0, said.1, shown), left.is_none())),
        Choice::Many => Err(Error::new(
            SqlState::AMBIGUOUS_FUNCTION,
            format!("operator is not unique: {}", signature(name, said.0, said.1, shown)),
        )
        .with_hint("Could not choose a best candidate operator. You might need to add explicit type casts.")),
    }
}

fn signature(name: &str, left: Option<Type>, right: Type, shown: &dyn Fn(Type) -> String) -> String {
    let right = shown(Type::new(right.oid));
    match left {
        Some(left) => format!("{} {name} {right}", shown(Type::new(left.oid))),
        None => format!("{name} {right}"),
    }
}

fn no_operator(signature: &str, is_prefix: bool) -> Error {
    let hint = match is_prefix {
        false => "No operator matches the given name and argument types. You might need to add explicit type casts.",
        true => "No operator matches the given name and argument type. You might need to add an explicit type cast.",
    };
    Error::new(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {signature}")).with_hint(hint)
}

/// The type that values of all these types become in UNION, CASE, VALUES and the like (`what`, as messages name it).
/// Unknowns do not count; if there is nothing else it is text. 42804 if the types have nothing in common.
pub fn common_type(types: &[Type], what: &str) -> Result<Type> {
    let Some(first) = types.first() else { return Ok(Type::new(oid::TEXT)) };
    if first.oid != oid::UNKNOWN && types.iter().all(|ty| ty.oid == first.oid) {
        let same = types.iter().all(|ty| ty.modifier == first.modifier);
        return Ok(if same { *first } else { Type::new(first.oid) });
    }
    let types: Vec<Type> = types.iter().map(|ty| builtin::base_type(*ty)).collect();
    let mut chosen = types[0].oid;
    for ty in types.iter().map(|ty| ty.oid).filter(|ty| *ty != oid::UNKNOWN) {
        if chosen == oid::UNKNOWN {
            chosen = ty;
        }
        if ty == chosen {
            continue;
        }
        let (Some(old), Some(new)) = (builtin::info(chosen), builtin::info(ty)) else { continue };
        if old.category != new.category {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("{what} types {} and {} cannot be matched", display(Type::new(chosen)), display(Type::new(ty))),
            ));
        }
        if !old.preferred && can_coerce(chosen, ty, Implicit) && !can_coerce(ty, chosen, Implicit) {
            chosen = ty;
        }
    }
    if chosen == oid::UNKNOWN {
        chosen = oid::TEXT;
    }
    // A modifier survives only where all agree on it.
    let known: Vec<&Type> = types.iter().filter(|ty| ty.oid != oid::UNKNOWN).collect();
    let agreed = known.first().filter(|first| {
        known.len() == types.len() && known.iter().all(|ty| ty.oid == chosen && ty.modifier == first.modifier)
    });
    Ok(Type::with_modifier(chosen, agreed.map_or(-1, |ty| ty.modifier)))
}

/// The function of the type's `=`: 42883 if it has none.
pub fn equality(ty: Type) -> Result<&'static Function> {
    comparison("=", ty).ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not identify an equality operator for type {}", display(Type::new(ty.oid))),
        )
    })
}

/// The function of the type's `<`: 42883 if it has none.
pub fn less_than(ty: Type) -> Result<&'static Function> {
    comparison("<", ty).ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not identify an ordering operator for type {}", display(Type::new(ty.oid))),
        )
        .with_hint("Use an explicit ordering operator or modify the query.")
    })
}

/// The comparison of a type with itself, or with what it is binary coercible to. Arrays compare if their elements do.
fn comparison(name: &str, ty: Type) -> Option<&'static Function> {
    // A literal whose type nobody asked for is text.
    let wanted = if ty.oid == oid::UNKNOWN { oid::TEXT } else { builtin::base_of(ty.oid) };
    // What `=` and `<` of boxes, circles and the like compare is no order that rows could be sorted or grouped by.
    if geometry::is_geometric(wanted) {
        return None;
    }
    let info = builtin::info(wanted)?;
    if info.is_array() {
        comparison(name, Type::new(info.element))?;
    }
    let found = operator(name, Some(Type::new(wanted)), Type::new(wanted)).ok()?;
    found.function.args.iter().all(|arg| is_same_bits(wanted, *arg)).then_some(found.function)
}

/// Whether a value of one type may stand for one of another without a conversion.
fn is_same_bits(from: u32, to: u32) -> bool {
    from == to
        || matches!(super::cast_between(from, to), Some(super::Cast { method: super::CastMethod::Binary, .. }))
        || (to == oid::ANYENUM && builtin::is_enum(from))
        || (to == oid::RECORD && builtin::is_composite(from))
        || (to == oid::ANYRANGE && RangeKind::of_range(from).is_some())
        || (to == oid::ANYMULTIRANGE && RangeKind::of_multirange(from).is_some())
        || (to == oid::ANYARRAY && builtin::info(from).is_some_and(|info| info.is_array()))
}
