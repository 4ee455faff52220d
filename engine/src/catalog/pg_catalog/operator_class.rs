//! How access method `btree` orders types: `pg_opclass`, `pg_opfamily` and `pg_amop`.

use storage::Value;

use super::relation::row;
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader};
use crate::catalog::IndexColumn;
use crate::function::operators;
use crate::types::range::RangeKind;
use crate::types::{builtin, oid};

const BTREE: u32 = 403;

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
    (3901, "range_ops"),
    (4033, "jsonb_ops"),
    (4199, "multirange_ops"),
    (5067, "xid8_ops"),
];

pub(super) fn classes(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let defaults = DEFAULTS.iter().map(|class| (class, true));
    let all = defaults.chain(OTHERS.iter().map(|class| (class, false)));
    let row = |(&(oid, name, ty, family), default): (&(u32, &str, u32, u32), bool)| {
        // An index keeps names as C strings.
        let kept = if ty == oid::NAME { oid::CSTRING } else { 0 };
        row![oid, BTREE, name, PG_CATALOG, BOOTSTRAP_ROLE, family, ty, default, kept]
    };
    all.map(row).collect()
}

pub(super) fn families(_: &Reader<'_>) -> Vec<Vec<Value>> {
    FAMILIES.iter().map(|&(oid, name)| row![oid, BTREE, name, PG_CATALOG, BOOTSTRAP_ROLE]).collect()
}

/// The operators of each family that compare two of its types. Rows have no oids of PostgreSQL's: they are numbered from
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
    let row = |(oid, (family, left, right, at, operator)): (u32, (u32, u32, u32, i16, u32))| {
        row![oid, family, left, right, at, 's', operator, BTREE, 0u32]
    };
    (FIRST..).zip(rows).map(row).collect()
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
pub(crate) fn class_for(name: &str, ty: u32) -> ClassFor {
    let input = ordered_as(ty);
    let accepts = |classes: &[(u32, &str, u32, u32)]| {
        classes.iter().find(|(_, known, ..)| *known == name).map(|(_, _, of, _)| *of == input)
    };
    match (accepts(DEFAULTS), accepts(OTHERS)) {
        (Some(true), _) => ClassFor::Own,
        (_, Some(true)) => ClassFor::Other,
        (None, None) => ClassFor::Nothing,
        _ => ClassFor::OtherTypes,
    }
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

/// The one by which a column of an index is ordered.
pub(super) fn class_of(column: &IndexColumn, ty: u32) -> u32 {
    let named = column.class.as_deref().and_then(|class| OTHERS.iter().find(|(_, name, ..)| *name == class));
    named.map_or_else(|| default_class(ty), |(oid, ..)| *oid)
}
