//! Which functions take no longer than it takes to read their arguments: what may be called while others wait.
//!
//! The list is of what is known to be quick, so that what is forgotten is called with more care than it needs. Not on it are
//! patterns, what makes much from little (`repeat`, `lpad`, `replace`, `format`), numeric's products and powers, paths into
//! documents, and all that is rarely said about a single row.

use super::{Batch, Function};
use crate::types::oid::*;

/// Types whose values are all of one size.
const FIXED: &[u32] = &[
    BOOL,
    CHAR,
    INT2,
    INT4,
    INT8,
    FLOAT4,
    FLOAT8,
    OID,
    DATE,
    TIME,
    TIMETZ,
    TIMESTAMP,
    TIMESTAMPTZ,
    INTERVAL,
    UUID,
    XID,
];

/// Functions of larger values.
const NAMES: &[&str] = &[
    "lower",
    "upper",
    "initcap",
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "substr",
    "overlay",
    "left",
    "right",
    "btrim",
    "ltrim",
    "rtrim",
    "reverse",
    "position",
    "strpos",
    "starts_with",
    "split_part",
    "concat",
    "concat_ws",
    "textcat",
    "textanycat",
    "anytextcat",
    "ascii",
    "md5",
    "date_trunc",
    "date_part",
    "extract",
    "text",
    "varchar",
    "bpchar",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "numeric_add",
    "numeric_sub",
    "abs",
    "sign",
    "cardinality",
    "array_length",
    "array_lower",
    "array_upper",
    "array_ndims",
    "num_nulls",
];

/// Families of functions: parts of documents by name or number, and values of enums.
const PREFIXES: &[&str] = &[
    "json_object_field",
    "json_array_element",
    "json_array_length",
    "jsonb_object_field",
    "jsonb_array_element",
    "jsonb_array_length",
    "enum_",
];

/// Whether a call takes no longer than it takes to read its arguments.
pub(crate) fn is_quick_call(function: &Function) -> bool {
    let is_fixed = |oid: &u32| FIXED.contains(oid);
    if is_fixed(&function.returns) && function.args.iter().all(is_fixed) {
        return true;
    }
    match function.batch {
        Some(Batch::Like { .. }) => false,
        Some(_) => true,
        None => NAMES.contains(&function.name) || PREFIXES.iter().any(|prefix| function.name.starts_with(prefix)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{functions_named, operators_named};

    #[test]
    fn what_may_take_long_is_not_quick() {
        for name in
            ["repeat", "lpad", "replace", "regexp_replace", "format", "power", "factorial", "jsonb_path_query_first"]
        {
            let is_fixed = |function: &Function| function.args.iter().all(|oid| FIXED.contains(oid));
            assert!(
                functions_named(name).iter().all(|function| is_fixed(function) || !is_quick_call(function)),
                "{name}"
            );
        }
        for name in ["~~", "~~*", "~", "~*", "!~~"] {
            let texts = operators_named(name).iter().filter(|operator| operator.right == TEXT);
            assert!(
                texts.clone().count() > 0 && texts.clone().all(|operator| !is_quick_call(operator.function)),
                "{name}"
            );
        }
    }

    #[test]
    fn comparisons_are_quick() {
        for name in ["<", "<=", "=", "<>", ">", ">="] {
            let known = [TEXT, NUMERIC, INT4, JSONB, TIMESTAMPTZ, BPCHAR];
            let slow = operators_named(name).iter().find(|operator| {
                let is_known = operator.left == Some(operator.right) && known.contains(&operator.right);
                is_known && !is_quick_call(operator.function)
            });
            assert!(slow.is_none(), "{name}: {:?}", slow.map(|operator| operator.function.args));
        }
        for name in ["->", "->>"] {
            assert!(operators_named(name).iter().all(|operator| is_quick_call(operator.function)), "{name}");
        }
    }
}
