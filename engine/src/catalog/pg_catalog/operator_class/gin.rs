//! The operator classes of access method `gin`: what of a value has entries, and which operators look it up.

use storage::Items;

use super::Class;
use crate::types::oid;

const ARRAY_FAMILY: u32 = 2745;
const TSVECTOR_FAMILY: u32 = 3659;
const JSONB_FAMILY: u32 = 4036;
const JSONB_PATH_FAMILY: u32 = 4037;

/// The class for documents that is not the default.
const PATHS: &str = "jsonb_path_ops";

/// Oid, name, type, family, and whether it is the type's default.
pub(super) const CLASSES: &[Class] = &[
    (10064, "array_ops", oid::ANYARRAY, ARRAY_FAMILY, true),
    (10073, "tsvector_ops", oid::TSVECTOR, TSVECTOR_FAMILY, true),
    (10090, "jsonb_ops", oid::JSONB, JSONB_FAMILY, true),
    (10091, PATHS, oid::JSONB, JSONB_PATH_FAMILY, false),
];

/// Oid and name of each family.
pub(super) const FAMILIES: &[(u32, &str)] = &[
    (ARRAY_FAMILY, "array_ops"),
    (TSVECTOR_FAMILY, "tsvector_ops"),
    (JSONB_FAMILY, "jsonb_ops"),
    (JSONB_PATH_FAMILY, PATHS),
];

/// Family, types to the left and right, strategy and oid of each operator that looks something up.
pub(super) const OPERATORS: &[(u32, u32, u32, i16, u32)] = &[
    (ARRAY_FAMILY, oid::ANYARRAY, oid::ANYARRAY, 1, 2750),
    (ARRAY_FAMILY, oid::ANYARRAY, oid::ANYARRAY, 2, 2751),
    (ARRAY_FAMILY, oid::ANYARRAY, oid::ANYARRAY, 3, 2752),
    (ARRAY_FAMILY, oid::ANYARRAY, oid::ANYARRAY, 4, 1070),
    (TSVECTOR_FAMILY, oid::TSVECTOR, oid::TSQUERY, 1, 3636),
    (TSVECTOR_FAMILY, oid::TSVECTOR, oid::TSQUERY, 2, 3660),
    (JSONB_FAMILY, oid::JSONB, oid::JSONB, 7, 3246),
    (JSONB_FAMILY, oid::JSONB, oid::TEXT, 9, 3247),
    (JSONB_FAMILY, oid::JSONB, oid::TEXT_ARRAY, 10, 3248),
    (JSONB_FAMILY, oid::JSONB, oid::TEXT_ARRAY, 11, 3249),
    (JSONB_FAMILY, oid::JSONB, oid::JSONPATH, 15, 4012),
    (JSONB_FAMILY, oid::JSONB, oid::JSONPATH, 16, 4013),
    (JSONB_PATH_FAMILY, oid::JSONB, oid::JSONB, 7, 3246),
    (JSONB_PATH_FAMILY, oid::JSONB, oid::JSONPATH, 15, 4012),
    (JSONB_PATH_FAMILY, oid::JSONB, oid::JSONPATH, 16, 4013),
];

/// The type of what an index keeps of a class's values.
pub(super) fn kept_type(class: &Class) -> u32 {
    match class {
        (.., oid::ANYARRAY, _, _) => oid::ANYELEMENT,
        (_, PATHS, ..) => oid::INT4,
        _ => oid::TEXT,
    }
}

/// What of a value of such a type has entries in an index of that class, or of the default one.
pub(super) fn items(class: Option<&str>, ordered_as: u32) -> Option<Items> {
    match (ordered_as, class) {
        (oid::ANYARRAY, None) => Some(Items::Elements),
        (oid::TSVECTOR, None) => Some(Items::Lexemes),
        (oid::JSONB, None) => Some(Items::Members),
        (oid::JSONB, Some(PATHS)) => Some(Items::Paths),
        _ => None,
    }
}
