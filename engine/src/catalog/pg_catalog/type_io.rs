//! The functions that read and write values of each type, as `pg_type` names them.
//!
//! SQL cannot call them here: values are read and written by `types::text` and `types::binary`. Drivers tell by them
//! which types are arrays.

use crate::types::oid::*;

/// What the four functions of a type do, and the ends of their names.
const ENDS: [&str; 4] = ["in", "out", "recv", "send"];

/// Type, first part of the names, whether reading takes the type's modifier, and the oids in the order of `ENDS`.
/// A zero: there is no such function. In the order of types; all arrays have those of [`ARRAY`].
static FUNCTIONS: &[TypeFunctions] = &[
    (BOOL, "bool", false, [1242, 1243, 2436, 2437]),
    (BYTEA, "bytea", false, [1244, 31, 2412, 2413]),
    (CHAR, "char", false, [1245, 33, 2434, 2435]),
    (NAME, "name", false, [34, 35, 2422, 2423]),
    (INT8, "int8", false, [460, 461, 2408, 2409]),
    (INT2, "int2", false, [38, 39, 2404, 2405]),
    (INT2VECTOR, "int2vector", false, [40, 41, 2410, 2411]),
    (INT4, "int4", false, [42, 43, 2406, 2407]),
    (REGPROC, "regproc", false, [44, 45, 2444, 2445]),
    (TEXT, "text", false, [46, 47, 2414, 2415]),
    (OID, "oid", false, [1798, 1799, 2418, 2419]),
    (TID, "tid", false, [48, 49, 2438, 2439]),
    (XID, "xid", false, [50, 51, 2440, 2441]),
    (CID, "cid", false, [52, 53, 2442, 2443]),
    (OIDVECTOR, "oidvector", false, [54, 55, 2420, 2421]),
    (PG_DDL_COMMAND, "pg_ddl_command_", false, [86, 87, 88, 90]),
    (JSON, "json_", false, [321, 322, 323, 324]),
    (XML, "xml_", false, [2893, 2894, 2898, 2899]),
    (PG_NODE_TREE, "pg_node_tree_", false, [195, 196, 197, 198]),
    (TABLE_AM_HANDLER, "table_am_handler_", false, [267, 268, 0, 0]),
    (INDEX_AM_HANDLER, "index_am_handler_", false, [326, 327, 0, 0]),
    (POINT, "point_", false, [117, 118, 2428, 2429]),
    (LSEG, "lseg_", false, [119, 120, 2480, 2481]),
    (PATH, "path_", false, [121, 122, 2482, 2483]),
    (BOX, "box_", false, [123, 124, 2484, 2485]),
    (POLYGON, "poly_", false, [347, 348, 2486, 2487]),
    (LINE, "line_", false, [1490, 1491, 2488, 2489]),
    (CIDR, "cidr_", false, [1267, 1427, 2498, 2499]),
    (FLOAT4, "float4", false, [200, 201, 2424, 2425]),
    (FLOAT8, "float8", false, [214, 215, 2426, 2427]),
    (UNKNOWN, "unknown", false, [109, 110, 2416, 2417]),
    (CIRCLE, "circle_", false, [1450, 1451, 2490, 2491]),
    (MACADDR8, "macaddr8_", false, [4110, 4111, 3446, 3447]),
    (MONEY, "cash_", false, [886, 887, 2492, 2493]),
    (MACADDR, "macaddr_", false, [436, 437, 2494, 2495]),
    (INET, "inet_", false, [910, 911, 2496, 2497]),
    (ACLITEM, "aclitem", false, [1031, 1032, 0, 0]),
    (BPCHAR, "bpchar", true, [1044, 1045, 2430, 2431]),
    (VARCHAR, "varchar", true, [1046, 1047, 2432, 2433]),
    (DATE, "date_", false, [1084, 1085, 2468, 2469]),
    (TIME, "time_", true, [1143, 1144, 2470, 2471]),
    (TIMESTAMP, "timestamp_", true, [1312, 1313, 2474, 2475]),
    (TIMESTAMPTZ, "timestamptz_", true, [1150, 1151, 2476, 2477]),
    (INTERVAL, "interval_", true, [1160, 1161, 2478, 2479]),
    (TIMETZ, "timetz_", true, [1350, 1351, 2472, 2473]),
    (BIT, "bit_", true, [1564, 1565, 2456, 2457]),
    (VARBIT, "varbit_", true, [1579, 1580, 2458, 2459]),
    (NUMERIC, "numeric_", true, [1701, 1702, 2460, 2461]),
    (REFCURSOR, "text", false, [46, 47, 2414, 2415]),
    (REGPROCEDURE, "regprocedure", false, [2212, 2213, 2446, 2447]),
    (REGOPER, "regoper", false, [2214, 2215, 2448, 2449]),
    (REGOPERATOR, "regoperator", false, [2216, 2217, 2450, 2451]),
    (REGCLASS, "regclass", false, [2218, 2219, 2452, 2453]),
    (REGTYPE, "regtype", false, [2220, 2221, 2454, 2455]),
    (RECORD, "record_", true, [2290, 2291, 2402, 2403]),
    (CSTRING, "cstring_", false, [2292, 2293, 2500, 2501]),
    (ANY, "any_", false, [2294, 2295, 0, 0]),
    (ANYARRAY, "anyarray_", false, [2296, 2297, 2502, 2503]),
    (VOID, "void_", false, [2298, 2299, 3120, 3121]),
    (TRIGGER, "trigger_", false, [2300, 2301, 0, 0]),
    (LANGUAGE_HANDLER, "language_handler_", false, [2302, 2303, 0, 0]),
    (INTERNAL, "internal_", false, [2304, 2305, 0, 0]),
    (ANYELEMENT, "anyelement_", false, [2312, 2313, 0, 0]),
    (ANYNONARRAY, "anynonarray_", false, [2777, 2778, 0, 0]),
    (UUID, "uuid_", false, [2952, 2953, 2961, 2962]),
    (TXID_SNAPSHOT, "txid_snapshot_", false, [2939, 2940, 2941, 2942]),
    (FDW_HANDLER, "fdw_handler_", false, [3116, 3117, 0, 0]),
    (PG_LSN, "pg_lsn_", false, [3229, 3230, 3238, 3239]),
    (TSM_HANDLER, "tsm_handler_", false, [3311, 3312, 0, 0]),
    (PG_NDISTINCT, "pg_ndistinct_", false, [3355, 3356, 3357, 3358]),
    (PG_DEPENDENCIES, "pg_dependencies_", false, [3404, 3405, 3406, 3407]),
    (ANYENUM, "anyenum_", false, [3504, 3505, 0, 0]),
    (TSVECTOR, "tsvector", false, [3610, 3611, 3639, 3638]),
    (TSQUERY, "tsquery", false, [3612, 3613, 3641, 3640]),
    (GTSVECTOR, "gtsvector", false, [3646, 3647, 0, 0]),
    (REGCONFIG, "regconfig", false, [3736, 3737, 3738, 3739]),
    (REGDICTIONARY, "regdictionary", false, [3771, 3772, 3773, 3774]),
    (JSONB, "jsonb_", false, [3806, 3804, 3805, 3803]),
    (ANYRANGE, "anyrange_", true, [3832, 3833, 0, 0]),
    (EVENT_TRIGGER, "event_trigger_", false, [3594, 3595, 0, 0]),
    (INT4RANGE, "range_", true, [3834, 3835, 3836, 3837]),
    (NUMRANGE, "range_", true, [3834, 3835, 3836, 3837]),
    (TSRANGE, "range_", true, [3834, 3835, 3836, 3837]),
    (TSTZRANGE, "range_", true, [3834, 3835, 3836, 3837]),
    (DATERANGE, "range_", true, [3834, 3835, 3836, 3837]),
    (INT8RANGE, "range_", true, [3834, 3835, 3836, 3837]),
    (JSONPATH, "jsonpath_", false, [4001, 4003, 4002, 4004]),
    (REGNAMESPACE, "regnamespace", false, [4084, 4085, 4087, 4088]),
    (REGROLE, "regrole", false, [4098, 4092, 4094, 4095]),
    (REGCOLLATION, "regcollation", false, [4193, 4194, 4196, 4197]),
    (INT4MULTIRANGE, "multirange_", true, [4231, 4232, 4233, 4234]),
    (NUMMULTIRANGE, "multirange_", true, [4231, 4232, 4233, 4234]),
    (TSMULTIRANGE, "multirange_", true, [4231, 4232, 4233, 4234]),
    (TSTZMULTIRANGE, "multirange_", true, [4231, 4232, 4233, 4234]),
    (DATEMULTIRANGE, "multirange_", true, [4231, 4232, 4233, 4234]),
    (INT8MULTIRANGE, "multirange_", true, [4231, 4232, 4233, 4234]),
    (ANYMULTIRANGE, "anymultirange_", true, [4229, 4230, 0, 0]),
    (ANYCOMPATIBLEMULTIRANGE, "anycompatiblemultirange_", true, [4226, 4227, 0, 0]),
    (PG_BRIN_BLOOM_SUMMARY, "brin_bloom_summary_", false, [4596, 4597, 4598, 4599]),
    (PG_BRIN_MINMAX_MULTI_SUMMARY, "brin_minmax_multi_summary_", false, [4638, 4639, 4640, 4641]),
    (PG_MCV_LIST, "pg_mcv_list_", false, [5018, 5019, 5020, 5021]),
    (PG_SNAPSHOT, "pg_snapshot_", false, [5055, 5056, 5057, 5058]),
    (XID8, "xid8", false, [5070, 5081, 5082, 5083]),
    (ANYCOMPATIBLE, "anycompatible_", false, [5086, 5087, 0, 0]),
    (ANYCOMPATIBLEARRAY, "anycompatiblearray_", false, [5088, 5089, 5090, 5091]),
    (ANYCOMPATIBLENONARRAY, "anycompatiblenonarray_", false, [5092, 5093, 0, 0]),
    (ANYCOMPATIBLERANGE, "anycompatiblerange_", true, [5094, 5095, 0, 0]),
];

/// Those that enums and domains have in common.
static DEFINED: [TypeFunctions; 2] =
    [(ANYENUM, "enum_", false, [3506, 3507, 3532, 3533]), (ANY, "domain_", true, [2597, 0, 2598, 0])];

static ARRAY: TypeFunctions = (ANYARRAY, "array_", true, [750, 751, 2400, 2401]);

/// What `pg_am` says access methods are made of.
static HANDLERS: [(u32, &str, u32); 5] = [
    (3, "heap_tableam_handler", TABLE_AM_HANDLER),
    (330, "bthandler", INDEX_AM_HANDLER),
    (331, "hashhandler", INDEX_AM_HANDLER),
    (333, "ginhandler", INDEX_AM_HANDLER),
    (335, "brinhandler", INDEX_AM_HANDLER),
];

/// What `pg_ts_parser` and `pg_ts_template` say text search is made of.
static TEXT_SEARCH: [(u32, &str, &[u32], u32); 15] = [
    (3717, "prsd_start", &[INTERNAL, INT4], INTERNAL),
    (3718, "prsd_nexttoken", &[INTERNAL, INTERNAL, INTERNAL], INTERNAL),
    (3719, "prsd_end", &[INTERNAL], VOID),
    (3720, "prsd_headline", &[INTERNAL, INTERNAL, TSQUERY], INTERNAL),
    (3721, "prsd_lextype", &[INTERNAL], INTERNAL),
    (3725, "dsimple_init", &[INTERNAL], INTERNAL),
    (3726, "dsimple_lexize", LEXIZE, INTERNAL),
    (3728, "dsynonym_init", &[INTERNAL], INTERNAL),
    (3729, "dsynonym_lexize", LEXIZE, INTERNAL),
    (3731, "dispell_init", &[INTERNAL], INTERNAL),
    (3732, "dispell_lexize", LEXIZE, INTERNAL),
    (3740, "thesaurus_init", &[INTERNAL], INTERNAL),
    (3741, "thesaurus_lexize", LEXIZE, INTERNAL),
    (13148, "dsnowball_init", &[INTERNAL], INTERNAL),
    (13149, "dsnowball_lexize", LEXIZE, INTERNAL),
];

const LEXIZE: &[u32] = &[INTERNAL, INTERNAL, INTERNAL, INTERNAL];

type TypeFunctions = (u32, &'static str, bool, [u32; 4]);

/// `typinput`, `typoutput`, `typreceive` and `typsend`.
pub(super) fn functions_of(ty: u32) -> [u32; 4] {
    match FUNCTIONS.binary_search_by_key(&ty, |(ty, ..)| *ty) {
        Ok(position) => FUNCTIONS[position].3,
        Err(_) => ARRAY.3,
    }
}

/// One such function.
pub(crate) struct TypeFunction {
    pub(crate) oid: u32,
    pub(crate) name: String,
    pub(crate) args: &'static [u32],
    pub(crate) returns: u32,
}

/// Every one of them, and the handlers of access methods. Types that share one make it occur more than once.
pub(crate) fn type_functions() -> impl Iterator<Item = TypeFunction> {
    let handlers = HANDLERS.iter().map(|(oid, name, returns)| TypeFunction {
        oid: *oid,
        name: (*name).to_owned(),
        args: &[INTERNAL],
        returns: *returns,
    });
    let of_types = FUNCTIONS.iter().chain(&DEFINED).chain([&ARRAY]).flat_map(|(ty, prefix, modified, oids)| {
        let signatures: [(&'static [u32], u32); 4] = [
            (if *modified { &[CSTRING, OID, INT4] } else { &[CSTRING] }, *ty),
            (argument(ty), CSTRING),
            (if *modified { &[INTERNAL, OID, INT4] } else { &[INTERNAL] }, *ty),
            (argument(ty), BYTEA),
        ];
        let each = ENDS.iter().zip(oids).zip(signatures);
        each.filter(|((_, oid), _)| **oid != 0).map(move |((end, oid), (args, returns))| TypeFunction {
            oid: *oid,
            name: format!("{prefix}{end}"),
            args,
            returns,
        })
    });
    let of_text_search = TEXT_SEARCH.iter().map(|(oid, name, args, returns)| TypeFunction {
        oid: *oid,
        name: (*name).to_owned(),
        args,
        returns: *returns,
    });
    of_types.chain(handlers).chain(of_text_search)
}

fn argument(ty: &'static u32) -> &'static [u32] {
    std::slice::from_ref(ty)
}
