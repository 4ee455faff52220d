//! The index of everything that SQL can call: built at first use from the tables of the other files.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::{
    AVAILABLE, AggregateFunction, Cast, CastMethod, Function, Operator, TableFunction, advisory, aggregate, arithmetic,
    array, backend, bit_string, bits, bytes, cast, catalog_info, compare, datetime, degrees, encoding, enumeration,
    float, geometry, hash, interval, json, money, network, notify, numeric, operator, order, overlaps, pattern, random,
    range, regexp, send, sequence, server_info, session, setting, sleep, snapshot, string, table, text_search, to_char,
    transaction_id, unicode, unique, unsigned, zoned_time,
};

/// Scalar functions, as each file has them.
const TABLES: &[&[Function]] = &[
    advisory::FUNCTIONS,
    notify::FUNCTIONS,
    setting::FUNCTIONS,
    sleep::FUNCTIONS,
    arithmetic::BINARY,
    arithmetic::UNARY,
    array::FUNCTIONS,
    backend::FUNCTIONS,
    bit_string::FUNCTIONS,
    bits::FUNCTIONS,
    bytes::FUNCTIONS,
    cast::FUNCTIONS,
    catalog_info::FUNCTIONS,
    catalog_info::ACCESS_METHODS,
    catalog_info::ACLS,
    catalog_info::DESCRIPTIONS,
    catalog_info::PARTITIONS,
    catalog_info::SIZES,
    catalog_info::STANDARD,
    catalog_info::UPDATABLE,
    datetime::FUNCTIONS,
    degrees::FUNCTIONS,
    encoding::FUNCTIONS,
    enumeration::FUNCTIONS,
    float::FUNCTIONS,
    geometry::FUNCTIONS,
    hash::FUNCTIONS,
    interval::FUNCTIONS,
    money::FUNCTIONS,
    network::FUNCTIONS,
    numeric::FUNCTIONS,
    order::FUNCTIONS,
    order::CHOICES,
    overlaps::FUNCTIONS,
    pattern::FUNCTIONS,
    regexp::FUNCTIONS,
    random::FUNCTIONS,
    range::FUNCTIONS,
    send::FUNCTIONS,
    session::FUNCTIONS,
    sequence::FUNCTIONS,
    server_info::FUNCTIONS,
    snapshot::FUNCTIONS,
    string::FUNCTIONS,
    text_search::DOCUMENTS,
    text_search::QUERIES,
    to_char::FUNCTIONS,
    transaction_id::FUNCTIONS,
    unicode::FUNCTIONS,
    unique::FUNCTIONS,
    unsigned::FUNCTIONS,
    zoned_time::FUNCTIONS,
];

const TABLE_FUNCTIONS: &[&[TableFunction]] = &[
    table::FUNCTIONS,
    notify::TABLE_FUNCTIONS,
    regexp::TABLE_FUNCTIONS,
    catalog_info::TABLE_FUNCTIONS,
    catalog_info::ACL_TABLES,
    catalog_info::KEYWORDS,
    catalog_info::PARTITION_TABLES,
    json::TABLE_FUNCTIONS,
    json::PATH_TABLES,
    json::RECORD_TABLES,
    range::TABLE_FUNCTIONS,
    sequence::TABLE_FUNCTIONS,
    snapshot::TABLE_FUNCTIONS,
    text_search::TABLE_FUNCTIONS,
];

/// Things by name.
type Names<T> = FxHashMap<&'static str, Vec<&'static T>>;

struct Functions {
    all: Vec<&'static Function>,
    by_name: Names<Function>,
    by_oid: FxHashMap<u32, &'static Function>,
}

static COMPARISONS: LazyLock<Vec<Function>> = LazyLock::new(|| compare::functions().collect());

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let all: Vec<&'static Function> = TABLES
        .iter()
        .chain(catalog_info::PRIVILEGES)
        .chain(json::FUNCTIONS)
        .chain(json::PATH_FUNCTIONS)
        .copied()
        .flatten()
        .chain(COMPARISONS.iter())
        .collect();
    let mut by_oid = FxHashMap::default();
    let extended = AVAILABLE.iter().flat_map(|extension| extension.functions);
    for function in all.iter().copied().chain(extended) {
        by_oid.entry(function.oid).or_insert(function);
    }
    Functions { by_name: index(all.iter().copied(), |function| function.name), all, by_oid }
});

static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let tables = [operator::OPERATORS, operator::GEOMETRIC, text_search::OPERATORS];
    let rows = tables.into_iter().flatten().copied().chain(compare::operators());
    rows.filter_map(|(oid, name, left, right, function)| {
        Some(Operator { oid, name, left, right, function: function_by_oid(function)? })
    })
    .collect()
});

static OPERATOR_NAMES: LazyLock<Names<Operator>> = LazyLock::new(|| index(OPERATORS.iter(), |operator| operator.name));

static AGGREGATE_NAMES: LazyLock<Names<AggregateFunction>> =
    LazyLock::new(|| index(aggregate::AGGREGATES.iter(), |aggregate| aggregate.name));

static TABLE_FUNCTION_NAMES: LazyLock<Names<TableFunction>> =
    LazyLock::new(|| index(table_functions(), |function| function.name));

static CASTS: LazyLock<FxHashMap<(u32, u32), Cast>> = LazyLock::new(|| {
    cast::CASTS
        .iter()
        .filter_map(|&(source, target, context, function)| {
            let method = match function {
                0 => CastMethod::Binary,
                oid => CastMethod::Function(function_by_oid(oid)?),
            };
            Some(((source, target), Cast { source, target, context, method }))
        })
        .collect()
});

fn index<T>(all: impl Iterator<Item = &'static T>, name: fn(&T) -> &'static str) -> Names<T> {
    let mut names = Names::<T>::default();
    for one in all {
        names.entry(name(one)).or_default().push(one);
    }
    names
}

fn named<T>(names: &'static Names<T>, name: &str) -> &'static [&'static T] {
    names.get(name).map_or(&[], Vec::as_slice)
}

/// The scalar functions of that name.
pub fn functions_named(name: &str) -> &'static [&'static Function] {
    named(&FUNCTIONS.by_name, name)
}

/// The operators of that name.
pub fn operators_named(name: &str) -> &'static [&'static Operator] {
    named(&OPERATOR_NAMES, name)
}

/// The aggregates of that name.
pub fn aggregates_named(name: &str) -> &'static [&'static AggregateFunction] {
    named(&AGGREGATE_NAMES, name)
}

/// The set-returning functions of that name.
pub fn table_functions_named(name: &str) -> &'static [&'static TableFunction] {
    named(&TABLE_FUNCTION_NAMES, name)
}

/// The cast from one type to another, if `pg_cast` has one.
pub fn cast_between(source: u32, target: u32) -> Option<&'static Cast> {
    CASTS.get(&(source, target))
}

/// The scalar function of that oid.
pub fn function_by_oid(oid: u32) -> Option<&'static Function> {
    FUNCTIONS.by_oid.get(&oid).copied()
}

/// Every scalar function. One with optional arguments occurs once for each number of them, under one oid.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.all.iter().copied()
}

/// Every operator.
pub fn operators() -> impl Iterator<Item = &'static Operator> {
    OPERATORS.iter()
}

/// Every cast.
pub fn casts() -> impl Iterator<Item = &'static Cast> {
    CASTS.values()
}

/// Every aggregate.
pub fn aggregates() -> impl Iterator<Item = &'static AggregateFunction> {
    aggregate::AGGREGATES.iter()
}

/// Every set-returning function.
pub fn table_functions() -> impl Iterator<Item = &'static TableFunction> {
    TABLE_FUNCTIONS.iter().copied().flatten()
}
