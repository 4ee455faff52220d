//! How access methods take types: `pg_opclass`, `pg_opfamily` and `pg_amop`. Here stand `btree`'s, which are those of `hash`
//! too.

mod brin;
mod gin;

use storage::{Items, Value};

use super::relation::row;
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader};
use crate::catalog::{AccessMethod, IndexColumn};
use crate::error::{Error, SqlState};
use crate::function::operators;
use crate::types::range::RangeKind;
use crate::types::{Type, builtin, display, oid};

const BTREE: u32 = 403;

/// Oid, name, type, family, and whether it is the type's default.
type Class = (u32, &'static str, u32, u32, bool);

/// Oid, name, type and family of each type's own ordering.
const DEFAULTS: &[(u32, &str, u32, u32)] = &[
    (1978, "int4_ops", oid::INT4, 1976),
    (1979, "int2_ops", oid::INT2, 1976),
    (1981, "oid_ops", oid::OID, 1989),
    (3122, "date_ops", oid::DATE, 434),
    (3123, "float8_ops", oid::FLOAT8, 1970),
    (3124, "int8_ops", oid::INT8, 1976),
    (3125, "numeric_ops", oid::NUMERIC, 1988),
    (3126, "text_ops", oid::TEXT, 1994),
    (3127, "timestamptz_ops", oid::TIMESTAMPTZ, 434),
    (3128, "timestamp_ops", oid::TIMESTAMP, 434),
    (10000, "array_ops", oid::ANYARRAY, 397),
    (10002, "bit_ops", oid::BIT, 423),
    (10003, "bool_ops", oid::BOOL, 424),
    (10004, "bpchar_ops", oid::BPCHAR, 426),
    (10006, "bytea_ops", oid::BYTEA, 428),
    (10007, "char_ops", oid::CHAR, 429),
    (10012, "float4_ops", oid::FLOAT4, 1970),
    (10015, "inet_ops", oid::INET, 1974),
    (10022, "interval_ops", oid::INTERVAL, 1982),
    (10024, "macaddr_ops", oid::MACADDR, 1984),
    (10026, "macaddr8_ops", oid::MACADDR8, 3371),
    (10028, "name_ops", oid::NAME, 1994),
    (10032, "oidvector_ops", oid::OIDVECTOR, 1991),
    (10034, "record_ops", oid::RECORD, 2994),
    (10038, "time_ops", oid::TIME, 1996),
    (10041, "timetz_ops", oid::TIMETZ, 2000),
    (10043, "varbit_ops", oid::VARBIT, 2002),
    (10047, "money_ops", oid::MONEY, 2099),
    (10053, "xid8_ops", oid::XID8, 5067),
    (10065, "uuid_ops", oid::UUID, 2968),
    (10067, "pg_lsn_ops", oid::PG_LSN, 3253),
    (10069, "enum_ops", oid::ANYENUM, 3522),
    (10076, "range_ops", oid::ANYRANGE, 3901),
    (10080, "multirange_ops", oid::ANYMULTIRANGE, 4199),
    (10071, "tsvector_ops", oid::TSVECTOR, 3626),
    (10074, "tsquery_ops", oid::TSQUERY, 3683),
    (10088, "jsonb_ops", oid::JSONB, 4033),
];

/// Those that an index may name beside them. Text has one order, so they compare alike.
const OTHERS: &[(u32, &str, u32, u32)] = &[
    (4217, "text_pattern_ops", oid::TEXT, 2095),
    (4218, "varchar_pattern_ops", oid::TEXT, 2095),
    (4219, "bpchar_pattern_ops", oid::BPCHAR, 2097),
    (10009, "cidr_ops", oid::INET, 1974),
    (10044, "varchar_ops", oid::TEXT, 1994),
];

/// Oid and name of each family.
const FAMILIES: &[(u32, &str)] = &[
    (397, "array_ops"),
    (423, "bit_ops"),
    (424, "bool_ops"),
    (426, "bpchar_ops"),
    (428, "bytea_ops"),
    (429, "char_ops"),
    (434, "datetime_ops"),
    (1970, "float_ops"),
    (1974, "network_ops"),
    (1976, "integer_ops"),
    (1982, "interval_ops"),
    (1984, "macaddr_ops"),
    (1988, "numeric_ops"),
    (1989, "oid_ops"),
    (1991, "oidvector_ops"),
    (1994, "text_ops"),
    (1996, "time_ops"),
    (2000, "timetz_ops"),
    (2002, "varbit_ops"),
    (2095, "text_pattern_ops"),
    (2097, "bpchar_pattern_ops"),
    (2099, "money_ops"),
    (2968, "uuid_ops"),
    (2994, "record_ops"),
    (3253, "pg_lsn_ops"),
    (3371, "macaddr8_ops"),
    (3522, "enum_ops"),
    (3626, "tsvector_ops"),
    (3683, "tsquery_ops"),
    (3901, "range_ops"),
    (4033, "jsonb_ops"),
    (4199, "multirange_ops"),
    (5067, "xid8_ops"),
];

pub(super) fn classes(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |method: AccessMethod, &(oid, name, ty, family, default): &Class, kept: u32| {
        row![oid, method.oid(), name, PG_CATALOG, BOOTSTRAP_ROLE, family, ty, default, kept]
    };
    let btree = of_btree().map(|class| {
        // An index keeps names as C strings.
        let kept = if class.2 == oid::NAME { oid::CSTRING } else { 0 };
        row(AccessMethod::Btree, &class, kept)
    });
    let gin = gin::CLASSES.iter().map(|class| row(AccessMethod::Gin, class, gin::kept_type(class)));
    // What it keeps are values of the type, whatever is made of them.
    let brin = brin::CLASSES.iter().map(|class| row(AccessMethod::Brin, class, class.2));
    btree.chain(gin).chain(brin).collect()
}

fn of_btree() -> impl Iterator<Item = Class> {
    let class =
        |default| move |&(oid, name, ty, family): &(u32, &'static str, u32, u32)| (oid, name, ty, family, default);
    DEFAULTS.iter().map(class(true)).chain(OTHERS.iter().map(class(false)))
}

/// The classes of a method.
fn of_method(method: AccessMethod) -> Box<dyn Iterator<Item = Class>> {
    match method {
        AccessMethod::Btree | AccessMethod::Hash => Box::new(of_btree()),
        AccessMethod::Gin => Box::new(gin::CLASSES.iter().copied()),
        AccessMethod::Brin => Box::new(brin::CLASSES.iter().copied()),
    }
}

pub(super) fn families(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let methods =
        [(AccessMethod::Btree, FAMILIES), (AccessMethod::Gin, gin::FAMILIES), (AccessMethod::Brin, brin::FAMILIES)];
    let rows = methods.into_iter().flat_map(|(method, families)| {
        families.iter().map(move |&(oid, name)| row![oid, method.oid(), name, PG_CATALOG, BOOTSTRAP_ROLE])
    });
    rows.collect()
}

/// The operators of each family that compare two of its types, and those that look up items. Rows have no oids of PostgreSQL's: they are numbered from
/// the first that it gives to such rows.
pub(super) fn family_operators(_: &Reader<'_>) -> Vec<Vec<Value>> {
    const FIRST: u32 = 10000;
    let strategy = |name: &str| ["<", "<=", "=", ">=", ">"].iter().position(|known| *known == name);
    let family = |ty: u32| DEFAULTS.iter().find(|(_, _, of, _)| *of == ty).map(|(.., family)| *family);
    let mut rows = Vec::new();
    for operator in operators() {
        let (Some(at), Some(left)) = (strategy(operator.name), operator.left) else { continue };
        if let (Some(family), true) = (family(left), family(left) == family(operator.right)) {
            rows.push((family, left, operator.right, at as i16 + 1, operator.oid));
        }
    }
    rows.sort_unstable();
    let ordering = rows.into_iter().map(|operator| (operator, BTREE));
    let of_items = gin::OPERATORS.iter().map(|operator| (*operator, AccessMethod::Gin.oid()));
    let all = (FIRST..).zip(ordering.chain(of_items));
    all.map(|(oid, ((family, left, right, at, operator), method))| {
        row![oid, family, left, right, at, 's', operator, method, 0u32]
    })
    .collect()
}

/// What an operator class is to a type.
pub(crate) enum ClassFor {
    /// The one by which it is ordered anyway.
    Own,
    /// One that orders it alike, but is another.
    Other,
    /// It is for other types.
    OtherTypes,
    Nothing,
}

/// What the operator class of that name is to a type.
pub(crate) fn class_for(method: AccessMethod, name: &str, ty: u32) -> ClassFor {
    let input = ordered_as(ty);
    let mut named = of_method(method).filter(|(_, known, ..)| *known == name).peekable();
    if named.peek().is_none() {
        return ClassFor::Nothing;
    }
    match named.find(|(_, _, of, ..)| *of == input) {
        Some((.., true)) => ClassFor::Own,
        Some((.., false)) => ClassFor::Other,
        None => ClassFor::OtherTypes,
    }
}

/// Whether a type has a class of the method that an index need not name.
pub(crate) fn has_default_class(method: AccessMethod, ty: u32) -> bool {
    let input = ordered_as(ty);
    of_method(method).any(|(_, _, of, _, default)| default && of == input)
}

/// 42704 for a column of a type that the method has no class for.
pub(crate) fn no_default_class(method: AccessMethod, ty: Type) -> Error {
    let (ty, method) = (display(ty), method.name());
    let message = format!("data type {ty} has no default operator class for access method \"{method}\"");
    Error::new(SqlState::UNDEFINED_OBJECT, message).with_hint(
        "You must specify an operator class for the index or define a default operator class for the data type.",
    )
}

/// 42804 for a class that is for other types than a column's.
pub(crate) fn other_types(class: &str, ty: Type) -> Error {
    let message = format!("operator class \"{class}\" does not accept data type {}", display(ty));
    Error::new(SqlState::DATATYPE_MISMATCH, message)
}

/// What of a value has entries in an index of method `gin`, whose class is named unless it is the type's own. None: the
/// class is for other types.
pub(crate) fn items_of(class: Option<&str>, ty: u32) -> Option<Items> {
    gin::items(class, ordered_as(ty))
}

/// The operator class by which a column of the type is ordered; 0 if there is none.
pub(super) fn default_class(ty: u32) -> u32 {
    let ordered_as = ordered_as(ty);
    DEFAULTS.iter().find(|(_, _, input, _)| *input == ordered_as).map_or(0, |(oid, ..)| *oid)
}

/// The type for which the class is that orders this one.
fn ordered_as(ty: u32) -> u32 {
    match builtin::base_of(ty) {
        oid::VARCHAR => oid::TEXT,
        oid::CIDR => oid::INET,
        ty if builtin::is_registered(ty) => oid::OID,
        ty if builtin::is_enum(ty) => oid::ANYENUM,
        ty if RangeKind::of_range(ty).is_some() => oid::ANYRANGE,
        ty if RangeKind::of_multirange(ty).is_some() => oid::ANYMULTIRANGE,
        ty if builtin::info(ty).is_some_and(|info| info.is_array()) => oid::ANYARRAY,
        ty if builtin::info(ty).is_some_and(|info| info.kind == 'c') => oid::RECORD,
        ty => ty,
    }
}

/// The one of an index's column.
pub(super) fn class_of(method: AccessMethod, column: &IndexColumn, ty: u32) -> u32 {
    let input = ordered_as(ty);
    let mut of_type = of_method(method).filter(|(_, _, of, ..)| *of == input);
    let own = match column.class.as_deref() {
        Some(class) => of_type.find(|(_, name, ..)| *name == class),
        None => of_type.find(|(.., default)| *default),
    };
    own.map_or_else(|| if method.orders() { default_class(ty) } else { 0 }, |(oid, ..)| oid)
}

/// The type of what an index keeps of a column, if that is not the column's own.
pub(super) fn kept_type(method: AccessMethod, column: &IndexColumn, ty: u32) -> Option<u32> {
    match method {
        AccessMethod::Hash => Some(oid::INT4),
        AccessMethod::Btree => None,
        AccessMethod::Brin => Some(ordered_as(ty)),
        AccessMethod::Gin => match items_of(column.class.as_deref(), ty)? {
            Items::Elements => builtin::info(builtin::base_of(ty)).map(|info| info.element),
            Items::Members | Items::Lexemes => Some(oid::TEXT),
            Items::Paths => Some(oid::INT4),
        },
    }
}
