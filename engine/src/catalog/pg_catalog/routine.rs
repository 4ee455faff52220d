//! What SQL can call: `pg_proc`, `pg_aggregate`, `pg_operator` and `pg_cast`, from the function registry.

use std::borrow::Cow;
use std::collections::BTreeMap;

use storage::Value;

use super::class::PG_CLASS;
use super::relation::{NULL, acl_items, row};
use super::type_io::type_functions;
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader};
use crate::catalog::user_type::{row_type, table_of_row_type};
use crate::catalog::{ParameterMode, SqlFunction};
use crate::function::{
    Batch, CastContext, Comparison, Function, Operator, TableFunction, Volatility, WINDOW_FUNCTIONS, aggregates, casts,
    default_shown, extension_function, functions, kept_body, operators, table_functions,
};
use crate::types::defined::FIRST_OID;
use crate::types::{builtin, oid};

/// The language of everything built in.
const INTERNAL: u32 = 12;
/// Rows that PostgreSQL's planner expects of a set-returning function.
const EXPECTED_ROWS: f32 = 1000.0;

/// What the kinds of functions differ in.
struct Routine<'a> {
    oid: u32,
    schema: u32,
    name: &'a str,
    kind: char,
    variadic: bool,
    strict: bool,
    set: bool,
    volatility: Volatility,
    returns: u32,
    args: &'a [u32],
    /// Name and type of each result column, if there are several.
    columns: &'a [(&'a str, u32)],
}

pub(super) fn routines(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    // A function with optional arguments is declared once for each number of them: the longest stands for all.
    let mut scalar = BTreeMap::<u32, &Function>::new();
    for function in functions() {
        let known = scalar.entry(function.oid).or_insert(function);
        if known.args.len() < function.args.len() {
            *known = function;
        }
    }
    let mut rows = Vec::new();
    for function in scalar.values() {
        rows.push(routine(Routine {
            variadic: function.variadic,
            strict: function.strict,
            volatility: function.volatility,
            ..plain(function.oid, function.name, 'f', function.returns, function.args)
        }));
    }
    for extension in reader.catalog.extensions.values() {
        for function in extension.functions() {
            rows.push(routine(Routine {
                schema: extension.schema,
                strict: function.strict,
                volatility: function.volatility,
                ..plain(function.oid, function.name, 'f', function.returns, function.args)
            }));
        }
    }
    let mut known = std::collections::BTreeSet::new();
    for function in
        type_functions().filter(|function| !scalar.contains_key(&function.oid) && known.insert(function.oid))
    {
        rows.push(routine(Routine {
            strict: true,
            ..plain(function.oid, &function.name, 'f', function.returns, function.args)
        }));
    }
    for function in aggregates() {
        rows.push(routine(plain(function.oid, function.name, 'a', function.returns, function.args)));
    }
    for function in WINDOW_FUNCTIONS {
        rows.push(routine(plain(function.oid, function.name, 'w', function.returns, function.args)));
    }
    let mut tables = BTreeMap::<u32, &TableFunction>::new();
    for function in table_functions() {
        let known = tables.entry(function.oid).or_insert(function);
        if known.args.len() < function.args.len() {
            *known = function;
        }
    }
    for function in tables.into_values() {
        let (returns, columns) = match function.columns {
            [(_, ty)] => (*ty, &[][..]),
            several => (oid::RECORD, several),
        };
        rows.push(routine(Routine {
            set: true,
            strict: true,
            columns,
            ..plain(function.oid, function.name, 'f', returns, function.args)
        }));
    }
    rows.extend(super::extension::HANDLERS.iter().map(|(oid, name, args, returns)| {
        let strict = !args.is_empty();
        routine(Routine { strict, volatility: Volatility::Volatile, ..plain(*oid, name, 'f', *returns, args) })
    }));
    rows.extend(reader.catalog.functions.values().map(|function| defined(reader, function)));
    rows
}

/// A function that SQL defined.
fn defined(reader: &Reader<'_>, function: &SqlFunction) -> Vec<Value> {
    let SqlFunction { parameters, .. } = function;
    let has_modes = parameters.iter().any(|parameter| parameter.mode != ParameterMode::In);
    let types = || parameters.iter().map(|parameter| parameter.ty).collect::<Vec<_>>();
    let modes = || parameters.iter().map(|parameter| parameter.mode.letter().to_string()).collect::<Vec<_>>();
    let is_named = parameters.iter().any(|parameter| !parameter.name.is_empty());
    let names = || parameters.iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>();
    let inputs = function.input_types();
    let variadic = parameters.iter().find(|parameter| parameter.mode == ParameterMode::Variadic);
    let settings: Vec<String> = function.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let defaults: Vec<String> = function
        .inputs()
        .filter_map(|input| Some(default_shown(reader.context, input.default.as_deref()?, input.ty)))
        .collect();
    row![
        function.oid,
        &function.name,
        function.schema,
        function.owner,
        if function.aggregate.is_some() { INTERNAL } else { function.language.oid() },
        function.cost,
        function.rows,
        variadic.map_or(0, |last| match last.ty {
            oid::ANYARRAY => oid::ANYELEMENT,
            oid::ANYCOMPATIBLEARRAY => oid::ANYCOMPATIBLE,
            array => builtin::element_of(array).unwrap_or(0),
        }),
        0u32,
        match &function.aggregate {
            Some(_) => 'a',
            None if function.procedure => 'p',
            None => 'f',
        },
        function.definer,
        function.leakproof,
        function.strict,
        function.set,
        volatility_letter(function.volatility),
        function.parallel,
        i16::try_from(inputs.len()).unwrap_or(i16::MAX),
        i16::try_from(defaults.len()).unwrap_or(i16::MAX),
        function.returns,
        &inputs[..],
        has_modes.then(types),
        has_modes.then(modes),
        is_named.then(names),
        (!defaults.is_empty()).then(|| defaults.join(", ")),
        NULL,
        if function.aggregate.is_some() { "aggregate_dummy" } else { &function.body },
        NULL,
        kept_body(reader.context, function),
        (!settings.is_empty()).then_some(settings),
        acl_items(reader.catalog, function.acl.as_ref()),
    ]
}

/// A function holds on to its schema and to the types that SQL defined, which a row type is one of.
pub(super) fn dependencies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    const PG_PROC: u32 = 1255;
    const PG_TYPE: u32 = 1247;
    let mut rows = Vec::new();
    let mut tables = std::collections::BTreeSet::new();
    for function in reader.catalog.functions.values() {
        rows.push(row![PG_PROC, function.oid, 0, super::comment::PG_NAMESPACE, function.schema, 0, 'n']);
        let mut types: Vec<u32> =
            function.parameters.iter().map(|parameter| parameter.ty).chain([function.returns]).collect();
        types.retain(|ty| *ty >= FIRST_OID);
        types.sort_unstable();
        types.dedup();
        tables.extend(types.iter().filter_map(|ty| table_of_row_type(*ty)).map(|(table, _)| table));
        rows.extend(types.into_iter().map(|ty| row![PG_PROC, function.oid, 0, PG_TYPE, ty, 0, 'n']));
        for known in function.kept_queries().flat_map(|query| &query.relations) {
            let columns = if known.used.is_empty() { &[0][..] } else { &known.used };
            let held = columns.iter().map(|column| i32::from(*column));
            rows.extend(held.map(|column| row![PG_PROC, function.oid, 0, PG_CLASS, known.oid, column, 'n']));
        }
        let called = function.kept_queries().flat_map(|query| query.functions.iter().copied());
        let parts = function.aggregate.iter().flat_map(|own| own.functions()).filter(|oid| *oid >= FIRST_OID);
        rows.extend(called.chain(parts).map(|called| row![PG_PROC, function.oid, 0, PG_PROC, called, 0, 'n']));
    }
    // Whoever writes these down has to know that the table is there first.
    let rows_of = tables.into_iter().filter_map(|table| Some((row_type(table)?, table)));
    rows.extend(rows_of.map(|(ty, table)| row![PG_TYPE, ty, 0, PG_CLASS, table, 0, 'i']));
    rows
}

fn volatility_letter(volatility: Volatility) -> char {
    match volatility {
        Volatility::Immutable => 'i',
        Volatility::Stable => 's',
        Volatility::Volatile => 'v',
    }
}

/// Every routine of that name: its oid and the types of its arguments, optional ones included.
pub(crate) fn routines_named(name: &str) -> Vec<(u32, Vec<u32>)> {
    let mut found = BTreeMap::<u32, &[u32]>::new();
    for (oid, args) in all_routines().filter(|(_, (known, _))| known == name).map(|(oid, (_, args))| (oid, args)) {
        let known = found.entry(oid).or_insert(args);
        if known.len() < args.len() {
            *known = args;
        }
    }
    found.into_iter().map(|(oid, args)| (oid, args.to_vec())).collect()
}

/// A routine's name and the types of its arguments.
pub(crate) fn routine_by_oid(oid: u32) -> Option<(Cow<'static, str>, Vec<u32>)> {
    let same = all_routines().filter(|(known, _)| *known == oid);
    let known = same.max_by_key(|(_, (_, args))| args.len()).map(|(_, (name, args))| (name, args.to_vec()));
    known.or_else(|| extension_function(oid).map(|own| (Cow::Borrowed(own.name), own.args.to_vec())))
}

type Named = (u32, (Cow<'static, str>, &'static [u32]));

/// All kinds one after the other; one with optional arguments occurs once for each number of them.
fn all_routines() -> impl Iterator<Item = Named> {
    let named = |oid: u32, name: &'static str, args: &'static [u32]| (oid, (Cow::Borrowed(name), args));
    functions()
        .map(move |function| named(function.oid, function.name, function.args))
        .chain(aggregates().map(move |function| named(function.oid, function.name, function.args)))
        .chain(WINDOW_FUNCTIONS.iter().map(move |function| named(function.oid, function.name, function.args)))
        .chain(table_functions().map(move |function| named(function.oid, function.name, function.args)))
        .chain(type_functions().map(|function| (function.oid, (Cow::Owned(function.name), function.args))))
}

fn plain<'a>(oid: u32, name: &'a str, kind: char, returns: u32, args: &'a [u32]) -> Routine<'a> {
    Routine {
        oid,
        schema: PG_CATALOG,
        name,
        kind,
        variadic: false,
        strict: false,
        set: false,
        volatility: Volatility::Immutable,
        returns,
        args,
        columns: &[],
    }
}

fn routine(routine: Routine<'_>) -> Vec<Value> {
    let inputs = routine.args.iter().map(|_| 'i');
    let modes = || inputs.chain(routine.columns.iter().map(|_| 'o')).map(String::from).collect::<Vec<_>>();
    let all_types =
        || routine.args.iter().copied().chain(routine.columns.iter().map(|(_, ty)| *ty)).collect::<Vec<_>>();
    let names = || {
        let inputs = routine.args.iter().map(|_| String::new());
        inputs.chain(routine.columns.iter().map(|(name, _)| (*name).to_owned())).collect::<Vec<_>>()
    };
    let record = !routine.columns.is_empty();
    let variadic = match routine.args.last() {
        Some(&oid::ANY) if routine.variadic => oid::ANY,
        Some(&last) if routine.variadic => builtin::element_of(last).unwrap_or(last),
        _ => 0,
    };
    row![
        routine.oid,
        routine.name,
        routine.schema,
        BOOTSTRAP_ROLE,
        INTERNAL,
        1.0f32,
        if routine.set { EXPECTED_ROWS } else { 0.0 },
        variadic,
        0u32,
        routine.kind,
        false,
        false,
        routine.strict,
        routine.set,
        volatility_letter(routine.volatility),
        's',
        i16::try_from(routine.args.len()).unwrap_or(i16::MAX),
        0i16,
        routine.returns,
        routine.args,
        record.then(all_types),
        record.then(modes),
        record.then(names),
        NULL,
        NULL,
        routine.name,
        NULL,
        NULL,
        NULL,
        NULL,
    ]
}

pub(super) fn aggregates_rows(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    // Accumulators are not functions of their own, so none is named.
    let row = |oid: u32| {
        row![
            oid, 'n', 0i16, 0u32, 0u32, 0u32, 0u32, 0u32, 0u32, 0u32, 0u32, false, false, 'r', 'r', 0u32, 0u32, 0,
            0u32, 0, NULL, NULL,
        ]
    };
    let own = reader.catalog.functions.values().filter_map(|function| {
        let own = function.aggregate.as_deref()?;
        Some(row![
            function.oid,
            'n',
            0i16,
            own.transition,
            own.finish.unwrap_or(0),
            own.combine.unwrap_or(0),
            0u32,
            0u32,
            0u32,
            0u32,
            0u32,
            own.finish_extra,
            false,
            own.finish_modifies,
            'r',
            0u32,
            own.state,
            own.space,
            0u32,
            0,
            own.initial.as_deref(),
            NULL,
        ])
    });
    aggregates().map(|aggregate| row(aggregate.oid)).chain(own).collect()
}

pub(super) fn operator_rows(_: &Reader<'_>) -> Vec<Vec<Value>> {
    operators().map(operator).collect()
}

fn operator(operator: &Operator) -> Vec<Value> {
    let equality = match operator.function.batch {
        Some(Batch::Compare(Comparison::Equal) | Batch::CompareKey(Comparison::Equal)) => true,
        _ => operator.name == "=",
    };
    let counterpart = |name: &str, left: u32, right: u32| {
        operators()
            .find(|other| other.name == name && other.left == Some(left) && other.right == right)
            .map_or(0, |other| other.oid)
    };
    let commuted = match operator.name {
        "<" => Some(">"),
        ">" => Some("<"),
        "<=" => Some(">="),
        ">=" => Some("<="),
        "=" => Some("="),
        "<>" => Some("<>"),
        _ => None,
    };
    let negated = match operator.name {
        "<" => Some(">="),
        ">" => Some("<="),
        "<=" => Some(">"),
        ">=" => Some("<"),
        "=" => Some("<>"),
        "<>" => Some("="),
        _ => None,
    };
    let left = operator.left.unwrap_or(0);
    row![
        operator.oid,
        operator.name,
        PG_CATALOG,
        BOOTSTRAP_ROLE,
        if operator.left.is_some() { 'b' } else { 'l' },
        equality,
        equality,
        left,
        operator.right,
        operator.function.returns,
        commuted.map_or(0, |name| counterpart(name, operator.right, left)),
        negated.map_or(0, |name| counterpart(name, left, operator.right)),
        operator.function.oid,
        0u32,
        0u32,
    ]
}

/// The first oid of a cast: they have none of their own, and are numbered in the order of their types.
const FIRST_CAST: u32 = 10000;

pub(super) fn cast_rows(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut all: Vec<_> = casts().collect();
    all.sort_by_key(|cast| (cast.source, cast.target));
    (FIRST_CAST..)
        .zip(all)
        .map(|(oid, cast)| {
            let context = match cast.context {
                CastContext::Implicit => 'i',
                CastContext::Assignment => 'a',
                CastContext::Explicit => 'e',
            };
            let (function, method) = cast.shown();
            row![oid, cast.source, cast.target, function, context, method]
        })
        .collect()
}
