//! The built-in types: a table of PostgreSQL 15's `pg_type`, its composite rows left out.
//!
//! One line is a type and its array type. What a type is called, how it is laid out and which category resolution
//! puts it into are PostgreSQL's facts; which of them can be stored here is `column_type`'s.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use storage::ColumnType;

use super::{Type, defined, geometry, range};
use crate::error::{Error, Result};

/// A row of `pg_type`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TypeInfo {
    pub oid: u32,
    /// `pg_type.typname`: "int4".
    pub name: &'static str,
    /// What messages and `format_type` call it: "integer".
    pub sql_name: &'static str,
    /// Oid of the array of these; 0 if there is none.
    pub array: u32,
    /// Oid of the elements, for arrays; 0 for all others.
    pub element: u32,
    /// `typtype`: 'b'ase, 'p'seudo, 'r'ange, 'm'ultirange, 'e'num, 'd'omain.
    pub kind: char,
    /// `typcategory`, which type resolution looks at.
    pub category: char,
    /// `typispreferred`.
    pub preferred: bool,
    /// `typlen`: bytes, -1 variable, -2 a C string.
    pub length: i16,
    /// `typbyval`.
    pub by_value: bool,
    /// `typalign`.
    pub align: char,
    /// `typstorage`.
    pub storage: char,
    /// The type that a domain is over, with its modifier; oid 0 for all others.
    pub base: Type,
    /// Of a range that SQL defined the type of its bounds and its multirange, of a multirange that of the bounds and the
    /// range. Zeros for all others; what is built in [`range`] knows.
    pub spans: [u32; 2],
}

const NO_BASE: Type = Type::new(0);
/// Of what is no range that SQL defined.
pub(crate) const NO_SPANS: [u32; 2] = [0; 2];

impl TypeInfo {
    /// Whether this is an array as `type[]` makes them, and not `oidvector` and its like.
    pub fn is_array(&self) -> bool {
        // Arrays of rows of no named type are pseudo-types.
        (self.category == 'A' || self.element == oid::RECORD) && self.name.starts_with('_')
    }
}

/// Makes the constants of `oid` and the table from one line a type: constants, oids, names, and `pg_type`'s columns
/// from `typtype` on.
macro_rules! types {
    ($($constant:ident $array_constant:ident $oid:literal $array:literal $name:literal $sql:literal $kind:literal
       $category:literal $preferred:literal $length:literal $by_value:literal $align:literal $storage:literal
       $element:literal;)*) => {
        /// `pg_type.oid` of every built-in type.
        pub mod oid {
            $(
                pub const $constant: u32 = $oid;
                /// Zero if the type has no array type.
                pub const $array_constant: u32 = $array;
            )*
        }

        const ROWS: &[(TypeInfo, TypeInfo)] = &[$((
            TypeInfo {
                oid: $oid, name: $name, sql_name: $sql, array: $array, element: $element, kind: $kind,
                category: $category, preferred: $preferred, length: $length, by_value: $by_value, align: $align,
                storage: $storage, base: NO_BASE, spans: NO_SPANS,
            },
            TypeInfo {
                oid: $array, name: concat!("_", $name), sql_name: concat!($sql, "[]"), array: 0, element: $oid,
                kind: if $oid == 2249 { 'p' } else { 'b' }, category: if $oid == 2249 { 'P' } else { 'A' },
                preferred: false, length: -1, by_value: false, align: if $align == 'd' { 'd' } else { 'i' },
                storage: 'x', base: NO_BASE, spans: NO_SPANS,
            },
        )),*];
    };
}

// Columns: constants, oids, names, typtype, typcategory, typispreferred, typlen, typbyval, typalign, typstorage, typelem.
types! {
    BOOL BOOL_ARRAY 16 1000 "bool" "boolean" 'b' 'B' true 1 true 'c' 'p' 0;
    BYTEA BYTEA_ARRAY 17 1001 "bytea" "bytea" 'b' 'U' false -1 false 'i' 'x' 0;
    CHAR CHAR_ARRAY 18 1002 "char" "\"char\"" 'b' 'Z' false 1 true 'c' 'p' 0;
    NAME NAME_ARRAY 19 1003 "name" "name" 'b' 'S' false 64 false 'c' 'p' 0;
    INT8 INT8_ARRAY 20 1016 "int8" "bigint" 'b' 'N' false 8 true 'd' 'p' 0;
    INT2 INT2_ARRAY 21 1005 "int2" "smallint" 'b' 'N' false 2 true 's' 'p' 0;
    INT2VECTOR INT2VECTOR_ARRAY 22 1006 "int2vector" "int2vector" 'b' 'A' false -1 false 'i' 'p' 21;
    INT4 INT4_ARRAY 23 1007 "int4" "integer" 'b' 'N' false 4 true 'i' 'p' 0;
    REGPROC REGPROC_ARRAY 24 1008 "regproc" "regproc" 'b' 'N' false 4 true 'i' 'p' 0;
    TEXT TEXT_ARRAY 25 1009 "text" "text" 'b' 'S' true -1 false 'i' 'x' 0;
    OID OID_ARRAY 26 1028 "oid" "oid" 'b' 'N' true 4 true 'i' 'p' 0;
    TID TID_ARRAY 27 1010 "tid" "tid" 'b' 'U' false 6 false 's' 'p' 0;
    XID XID_ARRAY 28 1011 "xid" "xid" 'b' 'U' false 4 true 'i' 'p' 0;
    CID CID_ARRAY 29 1012 "cid" "cid" 'b' 'U' false 4 true 'i' 'p' 0;
    OIDVECTOR OIDVECTOR_ARRAY 30 1013 "oidvector" "oidvector" 'b' 'A' false -1 false 'i' 'p' 26;
    PG_DDL_COMMAND PG_DDL_COMMAND_ARRAY 32 0 "pg_ddl_command" "pg_ddl_command" 'p' 'P' false 8 true 'd' 'p' 0;
    JSON JSON_ARRAY 114 199 "json" "json" 'b' 'U' false -1 false 'i' 'x' 0;
    XML XML_ARRAY 142 143 "xml" "xml" 'b' 'U' false -1 false 'i' 'x' 0;
    PG_NODE_TREE PG_NODE_TREE_ARRAY 194 0 "pg_node_tree" "pg_node_tree" 'b' 'Z' false -1 false 'i' 'x' 0;
    TABLE_AM_HANDLER TABLE_AM_HANDLER_ARRAY 269 0 "table_am_handler" "table_am_handler" 'p' 'P' false 4 true 'i' 'p' 0;
    INDEX_AM_HANDLER INDEX_AM_HANDLER_ARRAY 325 0 "index_am_handler" "index_am_handler" 'p' 'P' false 4 true 'i' 'p' 0;
    POINT POINT_ARRAY 600 1017 "point" "point" 'b' 'G' false 16 false 'd' 'p' 0;
    LSEG LSEG_ARRAY 601 1018 "lseg" "lseg" 'b' 'G' false 32 false 'd' 'p' 0;
    PATH PATH_ARRAY 602 1019 "path" "path" 'b' 'G' false -1 false 'd' 'x' 0;
    BOX BOX_ARRAY 603 1020 "box" "box" 'b' 'G' false 32 false 'd' 'p' 0;
    POLYGON POLYGON_ARRAY 604 1027 "polygon" "polygon" 'b' 'G' false -1 false 'd' 'x' 0;
    LINE LINE_ARRAY 628 629 "line" "line" 'b' 'G' false 24 false 'd' 'p' 0;
    CIDR CIDR_ARRAY 650 651 "cidr" "cidr" 'b' 'I' false -1 false 'i' 'm' 0;
    FLOAT4 FLOAT4_ARRAY 700 1021 "float4" "real" 'b' 'N' false 4 true 'i' 'p' 0;
    FLOAT8 FLOAT8_ARRAY 701 1022 "float8" "double precision" 'b' 'N' true 8 true 'd' 'p' 0;
    UNKNOWN UNKNOWN_ARRAY 705 0 "unknown" "unknown" 'p' 'X' false -2 false 'c' 'p' 0;
    CIRCLE CIRCLE_ARRAY 718 719 "circle" "circle" 'b' 'G' false 24 false 'd' 'p' 0;
    MACADDR8 MACADDR8_ARRAY 774 775 "macaddr8" "macaddr8" 'b' 'U' false 8 false 'i' 'p' 0;
    MONEY MONEY_ARRAY 790 791 "money" "money" 'b' 'N' false 8 true 'd' 'p' 0;
    MACADDR MACADDR_ARRAY 829 1040 "macaddr" "macaddr" 'b' 'U' false 6 false 'i' 'p' 0;
    INET INET_ARRAY 869 1041 "inet" "inet" 'b' 'I' true -1 false 'i' 'm' 0;
    ACLITEM ACLITEM_ARRAY 1033 1034 "aclitem" "aclitem" 'b' 'U' false 12 false 'i' 'p' 0;
    BPCHAR BPCHAR_ARRAY 1042 1014 "bpchar" "character" 'b' 'S' false -1 false 'i' 'x' 0;
    VARCHAR VARCHAR_ARRAY 1043 1015 "varchar" "character varying" 'b' 'S' false -1 false 'i' 'x' 0;
    DATE DATE_ARRAY 1082 1182 "date" "date" 'b' 'D' false 4 true 'i' 'p' 0;
    TIME TIME_ARRAY 1083 1183 "time" "time without time zone" 'b' 'D' false 8 true 'd' 'p' 0;
    TIMESTAMP TIMESTAMP_ARRAY 1114 1115 "timestamp" "timestamp without time zone" 'b' 'D' false 8 true 'd' 'p' 0;
    TIMESTAMPTZ TIMESTAMPTZ_ARRAY 1184 1185 "timestamptz" "timestamp with time zone" 'b' 'D' true 8 true 'd' 'p' 0;
    INTERVAL INTERVAL_ARRAY 1186 1187 "interval" "interval" 'b' 'T' true 16 false 'd' 'p' 0;
    TIMETZ TIMETZ_ARRAY 1266 1270 "timetz" "time with time zone" 'b' 'D' false 12 false 'd' 'p' 0;
    BIT BIT_ARRAY 1560 1561 "bit" "bit" 'b' 'V' false -1 false 'i' 'x' 0;
    VARBIT VARBIT_ARRAY 1562 1563 "varbit" "bit varying" 'b' 'V' true -1 false 'i' 'x' 0;
    NUMERIC NUMERIC_ARRAY 1700 1231 "numeric" "numeric" 'b' 'N' false -1 false 'i' 'm' 0;
    REFCURSOR REFCURSOR_ARRAY 1790 2201 "refcursor" "refcursor" 'b' 'U' false -1 false 'i' 'x' 0;
    REGPROCEDURE REGPROCEDURE_ARRAY 2202 2207 "regprocedure" "regprocedure" 'b' 'N' false 4 true 'i' 'p' 0;
    REGOPER REGOPER_ARRAY 2203 2208 "regoper" "regoper" 'b' 'N' false 4 true 'i' 'p' 0;
    REGOPERATOR REGOPERATOR_ARRAY 2204 2209 "regoperator" "regoperator" 'b' 'N' false 4 true 'i' 'p' 0;
    REGCLASS REGCLASS_ARRAY 2205 2210 "regclass" "regclass" 'b' 'N' false 4 true 'i' 'p' 0;
    REGTYPE REGTYPE_ARRAY 2206 2211 "regtype" "regtype" 'b' 'N' false 4 true 'i' 'p' 0;
    RECORD RECORD_ARRAY 2249 2287 "record" "record" 'p' 'P' false -1 false 'd' 'x' 0;
    CSTRING CSTRING_ARRAY 2275 1263 "cstring" "cstring" 'p' 'P' false -2 false 'c' 'p' 0;
    ANY ANY_ARRAY 2276 0 "any" "\"any\"" 'p' 'P' false 4 true 'i' 'p' 0;
    ANYARRAY ANYARRAY_ARRAY 2277 0 "anyarray" "anyarray" 'p' 'P' false -1 false 'd' 'x' 0;
    VOID VOID_ARRAY 2278 0 "void" "void" 'p' 'P' false 4 true 'i' 'p' 0;
    TRIGGER TRIGGER_ARRAY 2279 0 "trigger" "trigger" 'p' 'P' false 4 true 'i' 'p' 0;
    LANGUAGE_HANDLER LANGUAGE_HANDLER_ARRAY 2280 0 "language_handler" "language_handler" 'p' 'P' false 4 true 'i' 'p' 0;
    INTERNAL INTERNAL_ARRAY 2281 0 "internal" "internal" 'p' 'P' false 8 true 'd' 'p' 0;
    ANYELEMENT ANYELEMENT_ARRAY 2283 0 "anyelement" "anyelement" 'p' 'P' false 4 true 'i' 'p' 0;
    ANYNONARRAY ANYNONARRAY_ARRAY 2776 0 "anynonarray" "anynonarray" 'p' 'P' false 4 true 'i' 'p' 0;
    UUID UUID_ARRAY 2950 2951 "uuid" "uuid" 'b' 'U' false 16 false 'c' 'p' 0;
    TXID_SNAPSHOT TXID_SNAPSHOT_ARRAY 2970 2949 "txid_snapshot" "txid_snapshot" 'b' 'U' false -1 false 'd' 'x' 0;
    FDW_HANDLER FDW_HANDLER_ARRAY 3115 0 "fdw_handler" "fdw_handler" 'p' 'P' false 4 true 'i' 'p' 0;
    PG_LSN PG_LSN_ARRAY 3220 3221 "pg_lsn" "pg_lsn" 'b' 'U' false 8 true 'd' 'p' 0;
    TSM_HANDLER TSM_HANDLER_ARRAY 3310 0 "tsm_handler" "tsm_handler" 'p' 'P' false 4 true 'i' 'p' 0;
    PG_NDISTINCT PG_NDISTINCT_ARRAY 3361 0 "pg_ndistinct" "pg_ndistinct" 'b' 'Z' false -1 false 'i' 'x' 0;
    PG_DEPENDENCIES PG_DEPENDENCIES_ARRAY 3402 0 "pg_dependencies" "pg_dependencies" 'b' 'Z' false -1 false 'i' 'x' 0;
    ANYENUM ANYENUM_ARRAY 3500 0 "anyenum" "anyenum" 'p' 'P' false 4 true 'i' 'p' 0;
    TSVECTOR TSVECTOR_ARRAY 3614 3643 "tsvector" "tsvector" 'b' 'U' false -1 false 'i' 'x' 0;
    TSQUERY TSQUERY_ARRAY 3615 3645 "tsquery" "tsquery" 'b' 'U' false -1 false 'i' 'p' 0;
    GTSVECTOR GTSVECTOR_ARRAY 3642 3644 "gtsvector" "gtsvector" 'b' 'U' false -1 false 'i' 'p' 0;
    REGCONFIG REGCONFIG_ARRAY 3734 3735 "regconfig" "regconfig" 'b' 'N' false 4 true 'i' 'p' 0;
    REGDICTIONARY REGDICTIONARY_ARRAY 3769 3770 "regdictionary" "regdictionary" 'b' 'N' false 4 true 'i' 'p' 0;
    JSONB JSONB_ARRAY 3802 3807 "jsonb" "jsonb" 'b' 'U' false -1 false 'i' 'x' 0;
    ANYRANGE ANYRANGE_ARRAY 3831 0 "anyrange" "anyrange" 'p' 'P' false -1 false 'd' 'x' 0;
    EVENT_TRIGGER EVENT_TRIGGER_ARRAY 3838 0 "event_trigger" "event_trigger" 'p' 'P' false 4 true 'i' 'p' 0;
    INT4RANGE INT4RANGE_ARRAY 3904 3905 "int4range" "int4range" 'r' 'R' false -1 false 'i' 'x' 0;
    NUMRANGE NUMRANGE_ARRAY 3906 3907 "numrange" "numrange" 'r' 'R' false -1 false 'i' 'x' 0;
    TSRANGE TSRANGE_ARRAY 3908 3909 "tsrange" "tsrange" 'r' 'R' false -1 false 'd' 'x' 0;
    TSTZRANGE TSTZRANGE_ARRAY 3910 3911 "tstzrange" "tstzrange" 'r' 'R' false -1 false 'd' 'x' 0;
    DATERANGE DATERANGE_ARRAY 3912 3913 "daterange" "daterange" 'r' 'R' false -1 false 'i' 'x' 0;
    INT8RANGE INT8RANGE_ARRAY 3926 3927 "int8range" "int8range" 'r' 'R' false -1 false 'd' 'x' 0;
    JSONPATH JSONPATH_ARRAY 4072 4073 "jsonpath" "jsonpath" 'b' 'U' false -1 false 'i' 'x' 0;
    REGNAMESPACE REGNAMESPACE_ARRAY 4089 4090 "regnamespace" "regnamespace" 'b' 'N' false 4 true 'i' 'p' 0;
    REGROLE REGROLE_ARRAY 4096 4097 "regrole" "regrole" 'b' 'N' false 4 true 'i' 'p' 0;
    REGCOLLATION REGCOLLATION_ARRAY 4191 4192 "regcollation" "regcollation" 'b' 'N' false 4 true 'i' 'p' 0;
    INT4MULTIRANGE INT4MULTIRANGE_ARRAY 4451 6150 "int4multirange" "int4multirange" 'm' 'R' false -1 false 'i' 'x' 0;
    NUMMULTIRANGE NUMMULTIRANGE_ARRAY 4532 6151 "nummultirange" "nummultirange" 'm' 'R' false -1 false 'i' 'x' 0;
    TSMULTIRANGE TSMULTIRANGE_ARRAY 4533 6152 "tsmultirange" "tsmultirange" 'm' 'R' false -1 false 'd' 'x' 0;
    TSTZMULTIRANGE TSTZMULTIRANGE_ARRAY 4534 6153 "tstzmultirange" "tstzmultirange" 'm' 'R' false -1 false 'd' 'x' 0;
    DATEMULTIRANGE DATEMULTIRANGE_ARRAY 4535 6155 "datemultirange" "datemultirange" 'm' 'R' false -1 false 'i' 'x' 0;
    INT8MULTIRANGE INT8MULTIRANGE_ARRAY 4536 6157 "int8multirange" "int8multirange" 'm' 'R' false -1 false 'd' 'x' 0;
    ANYMULTIRANGE ANYMULTIRANGE_ARRAY 4537 0 "anymultirange" "anymultirange" 'p' 'P' false -1 false 'd' 'x' 0;
    ANYCOMPATIBLEMULTIRANGE ANYCOMPATIBLEMULTIRANGE_ARRAY 4538 0 "anycompatiblemultirange" "anycompatiblemultirange" 'p' 'P' false -1 false 'd' 'x' 0;
    PG_BRIN_BLOOM_SUMMARY PG_BRIN_BLOOM_SUMMARY_ARRAY 4600 0 "pg_brin_bloom_summary" "pg_brin_bloom_summary" 'b' 'Z' false -1 false 'i' 'x' 0;
    PG_BRIN_MINMAX_MULTI_SUMMARY PG_BRIN_MINMAX_MULTI_SUMMARY_ARRAY 4601 0 "pg_brin_minmax_multi_summary" "pg_brin_minmax_multi_summary" 'b' 'Z' false -1 false 'i' 'x' 0;
    PG_MCV_LIST PG_MCV_LIST_ARRAY 5017 0 "pg_mcv_list" "pg_mcv_list" 'b' 'Z' false -1 false 'i' 'x' 0;
    PG_SNAPSHOT PG_SNAPSHOT_ARRAY 5038 5039 "pg_snapshot" "pg_snapshot" 'b' 'U' false -1 false 'd' 'x' 0;
    XID8 XID8_ARRAY 5069 271 "xid8" "xid8" 'b' 'U' false 8 true 'd' 'p' 0;
    ANYCOMPATIBLE ANYCOMPATIBLE_ARRAY 5077 0 "anycompatible" "anycompatible" 'p' 'P' false 4 true 'i' 'p' 0;
    ANYCOMPATIBLEARRAY ANYCOMPATIBLEARRAY_ARRAY 5078 0 "anycompatiblearray" "anycompatiblearray" 'p' 'P' false -1 false 'd' 'x' 0;
    ANYCOMPATIBLENONARRAY ANYCOMPATIBLENONARRAY_ARRAY 5079 0 "anycompatiblenonarray" "anycompatiblenonarray" 'p' 'P' false 4 true 'i' 'p' 0;
    ANYCOMPATIBLERANGE ANYCOMPATIBLERANGE_ARRAY 5080 0 "anycompatiblerange" "anycompatiblerange" 'p' 'P' false -1 false 'd' 'x' 0;
}

/// All types, by oid.
static TYPES: LazyLock<Vec<TypeInfo>> = LazyLock::new(|| {
    let mut types: Vec<TypeInfo> =
        ROWS.iter().flat_map(|(base, array)| [*base, *array]).filter(|info| info.oid != 0).collect();
    types.sort_by_key(|info| info.oid);
    types
});

static NAMES: LazyLock<FxHashMap<&'static str, usize>> =
    LazyLock::new(|| TYPES.iter().enumerate().map(|(position, info)| (info.name, position)).collect());

/// Every built-in type, by oid.
pub fn all() -> &'static [TypeInfo] {
    &TYPES
}

/// The type of that oid, also one that SQL defined.
pub fn info(oid: u32) -> Option<&'static TypeInfo> {
    if oid >= defined::FIRST_OID {
        return defined::info(oid);
    }
    TYPES.binary_search_by_key(&oid, |info| info.oid).ok().map(|position| &TYPES[position])
}

/// The type of that `pg_type.typname`.
pub fn by_name(name: &str) -> Option<&'static TypeInfo> {
    NAMES.get(name).map(|position| &TYPES[*position])
}

/// The element type of an array type (also of `int2vector` and `oidvector`).
pub fn element_of(array: u32) -> Option<u32> {
    info(array).map(|info| info.element).filter(|element| *element != 0)
}

/// The array type whose elements have this type.
pub fn array_of(element: u32) -> Option<u32> {
    info(element).map(|info| info.array).filter(|array| *array != 0)
}

/// Whether a type is an enum.
pub fn is_enum(oid: u32) -> bool {
    oid >= defined::FIRST_OID && info(oid).is_some_and(|info| info.kind == 'e')
}

/// The type that values of a domain are of; any other type is itself.
pub fn base_of(oid: u32) -> u32 {
    base_type(Type::new(oid)).oid
}

/// The same with its modifier.
pub fn base_type(ty: Type) -> Type {
    let mut ty = ty;
    while ty.oid >= defined::FIRST_OID
        && let Some(info) = info(ty.oid).filter(|info| info.kind == 'd')
    {
        ty = info.base;
    }
    ty
}

/// Whether the text form of a value of the type cannot be told from the value alone.
pub fn has_own_text(oid: u32) -> bool {
    let base = base_of(oid);
    base >= defined::FIRST_OID
        || is_registered(base)
        || matches!(base, oid::TIMETZ | oid::INET | oid::CIDR | oid::MACADDR | oid::MACADDR8 | oid::MONEY)
        || matches!(base, oid::BIT | oid::VARBIT | oid::PG_LSN | oid::XID8 | oid::TSVECTOR | oid::TSQUERY)
        || range::is_range(base)
        || geometry::is_geometric(base)
}

/// Whether values of a type are rows of fields that have names.
pub fn is_composite(oid: u32) -> bool {
    oid >= defined::FIRST_OID && info(oid).is_some_and(|info| info.kind == 'c')
}

/// Whether a type is a domain.
pub fn is_domain(oid: u32) -> bool {
    oid >= defined::FIRST_OID && info(oid).is_some_and(|info| info.kind == 'd')
}

/// What parts the elements of an array of the type in its text form.
pub fn delimiter(element: u32) -> u8 {
    if base_of(element) == oid::BOX { b';' } else { b',' }
}

/// How values of a type are laid out in rows and batches; 0A000 for a type that has no values here.
///
/// Oids and their kin are 64-bit integers because 32-bit ones have a sign. What only the system's own relations hold
/// (`pg_node_tree`, ...) is text.
pub fn column_type(ty: Type) -> Result<ColumnType> {
    layout(ty.oid).ok_or_else(|| Error::unsupported(format_args!("type {}", super::display(Type::new(ty.oid)))))
}

fn layout(oid: u32) -> Option<ColumnType> {
    Some(match oid {
        oid::BOOL => ColumnType::Bool,
        oid::INT2 => ColumnType::Int2,
        oid::INT4 => ColumnType::Int4,
        // A time with a zone is one number, see `datetime::zoned_time`.
        oid::TIMETZ => ColumnType::Int8,
        oid::INT8 | oid::OID | oid::XID | oid::CID => ColumnType::Int8,
        // Cents, see `money`.
        oid::MONEY => ColumnType::Int8,
        // Unsigned, see `unsigned`.
        oid::XID8 | oid::PG_LSN => ColumnType::Int8,
        _ if is_registered(oid) => ColumnType::Int8,
        oid::FLOAT4 => ColumnType::Float4,
        oid::FLOAT8 => ColumnType::Float8,
        oid::NUMERIC => ColumnType::Numeric,
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::CHAR | oid::JSON | oid::UNKNOWN | oid::CSTRING => {
            ColumnType::Text
        }
        // The result of a function that returns nothing is an empty text.
        oid::VOID => ColumnType::Text,
        oid::PG_NODE_TREE | oid::ACLITEM | oid::TID | oid::ANYARRAY => ColumnType::Text,
        oid::PG_SNAPSHOT | oid::TXID_SNAPSHOT => ColumnType::Text,
        oid::PG_NDISTINCT | oid::PG_DEPENDENCIES | oid::PG_MCV_LIST => ColumnType::Text,
        // The text of a path is what it is stored as.
        oid::JSONPATH => ColumnType::Text,
        oid::BYTEA => ColumnType::Bytea,
        // Addresses are bytes, see `network`.
        oid::INET | oid::CIDR | oid::MACADDR | oid::MACADDR8 => ColumnType::Bytea,
        // Bits are bytes that sort, see `bits`.
        oid::BIT | oid::VARBIT => ColumnType::Bytea,
        // Ranges too, see `range`.
        // Documents and queries are bytes that sort, see `text_search`.
        oid::TSVECTOR | oid::TSQUERY => ColumnType::Bytea,
        _ if range::is_range(oid) => ColumnType::Bytea,
        _ if geometry::is_geometric(oid) => ColumnType::Bytea,
        oid::DATE => ColumnType::Date,
        oid::TIME => ColumnType::Time,
        oid::TIMESTAMP => ColumnType::Timestamp,
        oid::TIMESTAMPTZ => ColumnType::Timestamptz,
        oid::INTERVAL => ColumnType::Interval,
        oid::UUID => ColumnType::Uuid,
        oid::JSONB => ColumnType::Jsonb,
        // An enum's values are the numbers of its labels, which have their order.
        _ if is_enum(oid) => ColumnType::Int8,
        _ if is_domain(oid) => return layout(base_of(oid)),
        oid::RECORD => ColumnType::Record,
        _ if is_composite(oid) => ColumnType::Record,
        _ => ColumnType::Array(Box::new(layout(element_of(oid)?)?)),
    })
}

/// Whether columns of tables may have the type.
pub fn is_storable(oid: u32) -> bool {
    let base = element_of(oid).unwrap_or(oid);
    let system_only = matches!(base, oid::PG_NODE_TREE | oid::TID | oid::CID)
        || matches!(base, oid::PG_NDISTINCT | oid::PG_DEPENDENCIES | oid::PG_MCV_LIST);
    !system_only
        && layout(oid).is_some()
        && info(oid).is_some_and(|info| matches!(info.kind, 'b' | 'e' | 'd' | 'c' | 'r' | 'm'))
}

/// Whether values of the type are the oid of something that has a name: `regclass` and its kin.
pub fn is_registered(oid: u32) -> bool {
    matches!(
        oid,
        oid::REGPROC
            | oid::REGPROCEDURE
            | oid::REGOPER
            | oid::REGOPERATOR
            | oid::REGCLASS
            | oid::REGTYPE
            | oid::REGCONFIG
            | oid::REGDICTIONARY
            | oid::REGNAMESPACE
            | oid::REGROLE
            | oid::REGCOLLATION
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_and_elements_point_at_each_other() {
        for ty in all() {
            if ty.array != 0 {
                assert_eq!(info(ty.array).map(|array| array.element), Some(ty.oid), "{}", ty.name);
            }
        }
        assert_eq!(by_name("_int4").map(|info| info.oid), Some(oid::INT4_ARRAY));
    }

    #[test]
    fn layouts() {
        assert_eq!(column_type(Type::new(oid::OIDVECTOR)).unwrap(), ColumnType::Array(Box::new(ColumnType::Int8)));
        assert_eq!(column_type(Type::new(oid::REGCLASS)).unwrap(), ColumnType::Int8);
        assert!(column_type(Type::new(oid::XML)).is_err());
    }
}
