//! `pg_type` and `pg_range`.

use auth::Acl;
use storage::Value;

use super::operator_class::default_class;
use super::relation::{acl_items, row};
use super::type_io::functions_of;
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader, expression};
use crate::catalog::user_type::row_type_info;
use crate::catalog::{Domain, Table, TableKind, UserTypeKind};
use crate::types::builtin::{self, TypeInfo};
use crate::types::oid;
use crate::types::text::cut_name;

pub(super) fn types(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let built_in = Placed { schema: PG_CATALOG, owner: BOOTSTRAP_ROLE, acl: None, domain: None, relation: 0 };
    let mut rows: Vec<Vec<Value>> =
        builtin::all().iter().map(|info| type_row(reader, info, info.name, &built_in)).collect();
    for ty in reader.catalog.types.values() {
        let relation = if reader.catalog.attributes(ty.oid).is_some() { ty.oid } else { 0 };
        let (owner, acl) = (ty.owner, ty.acl.as_ref());
        let placed = Placed { schema: ty.schema, owner, acl, domain: ty.domain(), relation };
        rows.extend(builtin::info(ty.oid).map(|info| type_row(reader, info, &ty.name, &placed)));
        let placed = Placed { acl: None, domain: None, relation: 0, ..placed };
        rows.extend(builtin::info(ty.array).map(|info| type_row(reader, info, &ty.array_name, &placed)));
    }
    for table in reader.tables().filter(|table| has_row_type(table)) {
        let Some([row, array]) = row_type_info(table.oid, "", "") else { continue };
        let (schema, owner) = (table.schema, table.owner);
        let placed = Placed { schema, owner, acl: None, domain: None, relation: table.oid };
        rows.push(type_row(reader, &row, &table.name, &placed));
        let placed = Placed { relation: 0, ..placed };
        rows.push(type_row(reader, &array, cut_name(&format!("_{}", table.name)), &placed));
    }
    rows
}

/// Whether a relation has a row type: indexes and sequences have none, and the system's own have none here.
pub(super) fn has_row_type(table: &Table) -> bool {
    matches!(table.kind, TableKind::Table | TableKind::View(_))
}

/// Where a type lives, and what it says if it is a domain.
struct Placed<'a> {
    schema: u32,
    owner: u32,
    acl: Option<&'a Acl>,
    domain: Option<&'a Domain>,
    /// The relation whose columns are its fields.
    relation: u32,
}

/// `typelem`: what a type's values are made of, also where they are no arrays.
fn part_of(info: &TypeInfo) -> u32 {
    match info.oid {
        oid::NAME => oid::CHAR,
        oid::POINT | oid::LINE => oid::FLOAT8,
        oid::LSEG | oid::BOX => oid::POINT,
        _ => info.element,
    }
}

/// `enum_in` and the others, and those that domains have of their own.
const ENUM_FUNCTIONS: [u32; 4] = [3506, 3507, 3532, 3533];
/// `record_in` and the others.
const RECORD_FUNCTIONS: [u32; 4] = [2290, 2291, 2402, 2403];
const DOMAIN_FUNCTIONS: [u32; 2] = [2597, 2598];

fn type_functions(info: &TypeInfo) -> [u32; 4] {
    match info.kind {
        'e' => ENUM_FUNCTIONS,
        'c' => RECORD_FUNCTIONS,
        'r' => functions_of(oid::INT4RANGE),
        'm' => functions_of(oid::INT4MULTIRANGE),
        'd' => {
            let [_, output, _, send] = builtin::info(info.base.oid).map_or([0; 4], type_functions);
            let [input, receive] = DOMAIN_FUNCTIONS;
            [input, output, receive, send]
        }
        _ => functions_of(info.oid),
    }
}

fn type_row(reader: &Reader<'_>, info: &TypeInfo, name: &str, placed: &Placed<'_>) -> Vec<Value> {
    let [input, output, receive, send] = type_functions(info);
    let domain = placed.domain;
    let default = domain.and_then(|domain| domain.default.as_deref());
    let default = default.map(|text| expression::domain_default(reader.context, info.base, text));
    row![
        info.oid,
        name,
        placed.schema,
        placed.owner,
        info.length,
        info.by_value,
        info.kind,
        info.category,
        info.preferred,
        true,
        if matches!(info.oid, oid::BOX | oid::BOX_ARRAY) { ';' } else { ',' },
        placed.relation,
        0u32,
        part_of(info),
        info.array,
        input,
        output,
        receive,
        send,
        0u32,
        0u32,
        0u32,
        info.align,
        info.storage,
        domain.is_some_and(|domain| domain.not_null),
        info.base.oid,
        if domain.is_some() { info.base.modifier } else { -1 },
        0,
        domain.and_then(|domain| domain.collation).unwrap_or_else(|| collation(builtin::base_of(info.oid))),
        default.clone(),
        default,
        acl_items(reader.catalog, placed.acl),
    ]
}

/// `pg_enum`.
pub(super) fn labels(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let labels = reader.catalog.types.values().flat_map(|ty| ty.labels().iter().map(|label| (ty.oid, label)));
    labels.map(|(ty, label)| row![label.oid, ty, label.sort_order, &label.name]).collect()
}

/// The collation of a type's values, unless something else was said; zero if it has none.
pub(crate) fn collation_of_type(ty: u32) -> u32 {
    collation(builtin::base_of(ty))
}

/// `typcollation`: the default collation for text, the one of bytes for names, none for what has no collation.
pub(super) fn collation(ty: u32) -> u32 {
    match ty {
        oid::NAME | oid::NAME_ARRAY => 950,
        oid::TEXT | oid::TEXT_ARRAY | oid::VARCHAR | oid::VARCHAR_ARRAY | oid::BPCHAR | oid::BPCHAR_ARRAY => 100,
        oid::PG_NODE_TREE
        | oid::PG_NDISTINCT
        | oid::PG_DEPENDENCIES
        | oid::PG_MCV_LIST
        | oid::PG_BRIN_BLOOM_SUMMARY
        | oid::PG_BRIN_MINMAX_MULTI_SUMMARY => 100,
        _ => 0,
    }
}

/// Range, element and multirange type, operator class, canonical and difference function.
const RANGES: [[u32; 6]; 6] = [
    [oid::INT4RANGE, oid::INT4, oid::INT4MULTIRANGE, 1978, 3914, 3922],
    [oid::NUMRANGE, oid::NUMERIC, oid::NUMMULTIRANGE, 3125, 0, 3924],
    [oid::TSRANGE, oid::TIMESTAMP, oid::TSMULTIRANGE, 3128, 0, 3929],
    [oid::TSTZRANGE, oid::TIMESTAMPTZ, oid::TSTZMULTIRANGE, 3127, 0, 3930],
    [oid::DATERANGE, oid::DATE, oid::DATEMULTIRANGE, 3122, 3915, 3925],
    [oid::INT8RANGE, oid::INT8, oid::INT8MULTIRANGE, 3124, 3928, 3923],
];

pub(super) fn ranges(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let built_in = RANGES.iter().map(|&[range, element, multirange, class, canonical, difference]| {
        row![range, element, multirange, 0u32, class, canonical, difference]
    });
    let defined = reader.catalog.types.values().filter_map(|ty| {
        let UserTypeKind::Range(range) = &ty.kind else { return None };
        let class = default_class(range.subtype);
        let difference = range.difference.unwrap_or(0);
        let collation = range.collation.unwrap_or_else(|| collation(range.subtype));
        Some(row![ty.oid, range.subtype, range.multirange, collation, class, 0u32, difference])
    });
    built_in.chain(defined).collect()
}
