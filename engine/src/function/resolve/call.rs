//! Function calls: which of the functions, aggregates, set-returning and window functions of a name is meant.

use super::candidate::{Choice, choose};
use super::coerce::{Path, find_path};
use super::polymorphic::{Concrete, is_polymorphic};
use crate::error::{Error, Result, SqlState};
use crate::function::CastContext::Explicit;
use crate::function::{
    AggregateFunction, Function, TableFunction, WindowFunction, aggregates_named, functions_named,
    table_functions_named, window,
};
use crate::types::{Type, builtin, display, oid};

/// What a function call turned out to be.
#[derive(Debug, Clone, Copy)]
pub enum Callable {
    Function(&'static Function),
    Aggregate(&'static AggregateFunction),
    Table(&'static TableFunction),
    /// `int4('5')`: a conversion written as a call. It is an explicit one.
    Cast(Type),
    Window(WindowFunction),
}

/// A resolved call.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub callable: Callable,
    /// What `coerce` is to make of each argument, implicitly.
    pub arg_types: Vec<Type>,
    pub return_type: Type,
}

/// Functions that want the text form of any argument, and where that begins.
const TEXT_FORMS: &[&str] = &["concat", "concat_ws", "format"];

#[derive(Clone, Copy)]
struct Candidate {
    callable: Callable,
    /// As declared.
    args: &'static [u32],
    variadic: bool,
    returns: u32,
}

/// The function of that name for arguments of these types: 42883 if there is none, 42725 if several would do.
pub fn function(name: &str, args: &[Type]) -> Result<Resolved> {
    function_among(name, args, named(name))
}

/// The same, where extensions have put functions of that name beside those of the system.
pub(crate) fn extended_function(name: &str, args: &[Type], extended: &[&'static Function]) -> Result<Resolved> {
    function_among(name, args, named(name).chain(extended.iter().copied().map(scalar)))
}

/// Which of the functions of an extension alone is meant.
pub(crate) fn function_of_extension(name: &str, args: &[Type], own: &[&'static Function]) -> Result<Resolved> {
    function_among(name, args, own.iter().copied().map(scalar))
}

fn function_among(name: &str, args: &[Type], named: impl Iterator<Item = Candidate>) -> Result<Resolved> {
    // A domain's values go where those of the type it is over do.
    let types: Vec<u32> = args.iter().map(|ty| builtin::base_of(ty.oid)).collect();
    let candidates: Vec<(Candidate, Vec<u32>)> = named
        .filter_map(|candidate| Some((candidate, expand(candidate.args, candidate.variadic, types.len())?)))
        .collect();
    if let Some((exact, declared)) = candidates.iter().find(|(_, declared)| *declared == types) {
        return resolved(name, *exact, declared, &types);
    }
    if let Some(target) = conversion(name, &types) {
        return Ok(Resolved { callable: Callable::Cast(target), arg_types: args.to_vec(), return_type: target });
    }
    match choose(candidates, &types) {
        Choice::One(chosen) => {
            let declared = expand(chosen.args, chosen.variadic, types.len()).unwrap_or_default();
            resolved(name, chosen, &declared, &types)
        }
        Choice::None => {
            Err(Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {} does not exist", signature(name, args)))
                .with_hint(
                    "No function matches the given name and argument types. You might need to add explicit type casts.",
                ))
        }
        Choice::Many => {
            Err(Error::new(SqlState::AMBIGUOUS_FUNCTION, format!("function {} is not unique", signature(name, args)))
                .with_hint("Could not choose a best candidate function. You might need to add explicit type casts."))
        }
    }
}

fn signature(name: &str, args: &[Type]) -> String {
    let args: Vec<String> = args.iter().map(|ty| display(Type::new(ty.oid))).collect();
    format!("{name}({})", args.join(", "))
}

fn scalar(function: &'static Function) -> Candidate {
    Candidate {
        callable: Callable::Function(function),
        args: function.args,
        variadic: function.variadic,
        returns: function.returns,
    }
}

/// Everything of that name.
fn named(name: &str) -> impl Iterator<Item = Candidate> {
    let functions = functions_named(name).iter().copied().map(scalar);
    let aggregates = aggregates_named(name).iter().map(|aggregate| Candidate {
        callable: Callable::Aggregate(aggregate),
        args: aggregate.args,
        variadic: false,
        returns: aggregate.returns,
    });
    let tables = table_functions_named(name).iter().map(|table| Candidate {
        callable: Callable::Table(table),
        args: table.args,
        variadic: false,
        returns: match table.columns {
            [(_, ty)] => *ty,
            _ => oid::RECORD,
        },
    });
    let windows = window::named(name).map(|declaration| Candidate {
        callable: Callable::Window(declaration.function),
        args: declaration.args,
        variadic: false,
        returns: declaration.returns,
    });
    functions.chain(aggregates).chain(tables).chain(windows)
}

/// The type of a column of a set-returning function, called with arguments of these types.
pub(crate) fn column_type(declared: u32, args: &[Type]) -> Type {
    let element = args.first().and_then(|array| builtin::element_of(builtin::base_of(array.oid)));
    match declared {
        oid::ANYELEMENT => Type::new(element.unwrap_or(oid::TEXT)),
        declared => Type::new(declared),
    }
}

/// The declared arguments for a call with `count`: a variadic last one is repeated.
fn expand(args: &'static [u32], variadic: bool, count: usize) -> Option<Vec<u32>> {
    match (variadic, args.split_last()) {
        (true, Some((last, fixed))) => {
            if count <= fixed.len() {
                return None;
            }
            let repeated = std::iter::repeat_n(*last, count - fixed.len());
            Some(fixed.iter().copied().chain(repeated).collect())
        }
        _ => (args.len() == count).then(|| args.to_vec()),
    }
}

/// A type's name with one argument is a conversion where no function does it.
fn conversion(name: &str, types: &[u32]) -> Option<Type> {
    let [from] = types else { return None };
    let target = builtin::by_name(name).filter(|info| info.kind == 'b')?;
    let converts = *from == oid::UNKNOWN
        || matches!(find_path(*from, target.oid, Explicit), Some(Path::Same | Path::Text | Path::Elements));
    converts.then_some(Type::new(target.oid))
}

fn resolved(name: &str, candidate: Candidate, declared: &[u32], types: &[u32]) -> Result<Resolved> {
    let concrete = Concrete::of(declared, types);
    let undetermined = || {
        Error::new(SqlState::DATATYPE_MISMATCH, "could not determine polymorphic type because input has type unknown")
    };
    let mut arg_types = Vec::with_capacity(declared.len());
    for (declared, actual) in declared.iter().zip(types) {
        let ty = match *declared {
            oid::ANY if name == "pg_typeof" => oid::INTERNAL,
            oid::ANY if *actual == oid::UNKNOWN => oid::TEXT,
            oid::ANY if TEXT_FORMS.contains(&name) => oid::CSTRING,
            oid::ANY => *actual,
            // oidvector is as good an array as any, where its elements are all that matter.
            oid::ANYARRAY if matches!(*actual, oid::OIDVECTOR | oid::INT2VECTOR) => *actual,
            declared => concrete.resolve(declared).ok_or_else(undetermined)?,
        };
        arg_types.push(Type::new(ty));
    }
    let returns = if is_polymorphic(candidate.returns) {
        concrete.resolve(candidate.returns).ok_or_else(undetermined)?
    } else {
        candidate.returns
    };
    Ok(Resolved { callable: candidate.callable, arg_types, return_type: Type::new(returns) })
}
