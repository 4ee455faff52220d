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
    /// A function that SQL defined, by its oid.
    Sql(u32),
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
struct Candidate<'a> {
    callable: Callable,
    /// As declared.
    args: &'a [u32],
    variadic: bool,
    /// How many of the last arguments may be left out.
    optional: usize,
    /// Oid of the schema that it is in, if SQL defined it.
    schema: u32,
    returns: u32,
}

/// A function that SQL defined, as far as choosing one is concerned.
#[derive(Debug)]
pub(crate) struct Defined {
    pub(crate) oid: u32,
    pub(crate) schema: u32,
    /// Its schema is searched before that of the system.
    pub(crate) before_system: bool,
    pub(crate) args: Vec<u32>,
    /// The last argument may come any number of times.
    pub(crate) variadic: bool,
    /// How many of the last arguments may be left out.
    pub(crate) optional: usize,
    pub(crate) returns: u32,
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

/// Which function is meant where SQL has defined some of that name: beside those of extensions, and of the system if
/// that is `searched`. What is searched first hides others of the same arguments.
pub(crate) fn function_among_defined<'a>(
    name: &'a str,
    args: &[Type],
    searched: bool,
    extended: &'a [&'static Function],
    defined: &'a [Defined],
) -> Result<Resolved> {
    let own = |before: bool| {
        let found = defined.iter().filter(move |function| function.before_system == before);
        found.map(|function| Candidate {
            callable: Callable::Sql(function.oid),
            args: &function.args,
            variadic: function.variadic,
            optional: function.optional,
            schema: function.schema,
            returns: function.returns,
        })
    };
    let system = searched.then(|| named(name)).into_iter().flatten();
    let system = system.chain(extended.iter().copied().map(scalar));
    function_among(name, args, own(true).chain(system).chain(own(false)))
}

/// Leaves one of those that a call of so many arguments makes the same: the first on the search path. Of one schema all
/// are left, which is ambiguous: a default makes them the same.
fn without_hidden<'a>(candidates: Vec<(Candidate<'a>, Vec<u32>)>) -> Vec<(Candidate<'a>, Vec<u32>)> {
    let mut left: Vec<(Candidate<'a>, Vec<u32>)> = Vec::with_capacity(candidates.len());
    for (candidate, declared) in candidates {
        let hides = |(known, types): &(Candidate<'a>, Vec<u32>)| {
            let same_place = known.is_defined() && known.schema == candidate.schema;
            *types == declared && !(same_place && known.variadic == candidate.variadic)
        };
        if !left.iter().any(hides) {
            left.push((candidate, declared));
        }
    }
    left
}

fn function_among<'a>(name: &str, args: &[Type], named: impl Iterator<Item = Candidate<'a>>) -> Result<Resolved> {
    // A domain's values go where those of the type it is over do.
    let types: Vec<u32> = args.iter().map(|ty| builtin::base_of(ty.oid)).collect();
    let mut candidates: Vec<(Candidate<'a>, Vec<u32>)> =
        named.filter_map(|candidate| Some((candidate, candidate.declared(types.len())?))).collect();
    if candidates.iter().any(|(candidate, _)| matches!(candidate.callable, Callable::Sql(_))) {
        // A domain's own functions are found by the domain.
        let given: Vec<u32> = args.iter().map(|ty| ty.oid).collect();
        // One for so many arguments is better than one for any number.
        candidates.sort_by_key(|(candidate, _)| candidate.is_defined() && candidate.variadic);
        candidates = without_hidden(candidates);
        let mut exact = candidates.iter().filter(|(_, declared)| *declared == given);
        if let (Some((only, declared)), None) = (exact.next(), exact.next())
            && let Callable::Sql(_) = only.callable
        {
            return resolved(name, *only, declared, &types);
        }
    }
    let mut exact = candidates.iter().filter(|(_, declared)| *declared == types);
    if let Some((exact, declared)) = exact.next().filter(|(found, _)| !found.is_defined() || exact.next().is_none()) {
        return resolved(name, *exact, declared, &types);
    }
    if let Some(target) = conversion(name, &types) {
        return Ok(Resolved { callable: Callable::Cast(target), arg_types: args.to_vec(), return_type: target });
    }
    match choose(candidates, &types) {
        Choice::One(chosen) => {
            let declared = chosen.declared(types.len()).unwrap_or_default();
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

impl Candidate<'_> {
    fn is_defined(&self) -> bool {
        matches!(self.callable, Callable::Sql(_))
    }

    /// The arguments of a call with so many.
    fn declared(&self, count: usize) -> Option<Vec<u32>> {
        let left_out = self.args.len().checked_sub(count).filter(|left_out| (1..=self.optional).contains(left_out));
        match left_out {
            Some(_) => Some(self.args[..count].to_vec()),
            None => expand(self.args, self.variadic, count),
        }
    }
}

fn scalar<'a>(function: &'static Function) -> Candidate<'a> {
    Candidate {
        optional: 0,
        schema: 0,
        callable: Callable::Function(function),
        args: function.args,
        variadic: function.variadic,
        returns: function.returns,
    }
}

/// Everything of that name.
fn named<'a>(name: &'a str) -> impl Iterator<Item = Candidate<'a>> {
    let functions = functions_named(name).iter().copied().map(scalar);
    let aggregates = aggregates_named(name).iter().map(|aggregate| Candidate {
        callable: Callable::Aggregate(aggregate),
        args: aggregate.args,
        variadic: false,
        optional: 0,
        schema: 0,
        returns: aggregate.returns,
    });
    let tables = table_functions_named(name).iter().map(|table| Candidate {
        callable: Callable::Table(table),
        args: table.args,
        variadic: false,
        optional: 0,
        schema: 0,
        returns: match table.columns {
            [(_, ty)] => *ty,
            _ => oid::RECORD,
        },
    });
    let windows = window::named(name).map(|declaration| Candidate {
        callable: Callable::Window(declaration.function),
        args: declaration.args,
        variadic: false,
        optional: 0,
        schema: 0,
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
fn expand(args: &[u32], variadic: bool, count: usize) -> Option<Vec<u32>> {
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

fn resolved(name: &str, candidate: Candidate<'_>, declared: &[u32], types: &[u32]) -> Result<Resolved> {
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
