//! What PostgreSQL defines as views of its own relations: tables, indexes and settings.

use std::sync::Arc;

use storage::Value;

use super::class::{PG_CLASS, tables_in_foreign_keys};
use super::definition::index_definition;
use super::relation::{NULL, row};
use super::view_text::view_definition;
use super::{Kind, Reader, relation};
use crate::catalog::{Table, View};
use crate::session::parameter::{Kind as Values, Parameter, parameters};

pub(super) fn tables(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    let in_foreign_keys = tables_in_foreign_keys(reader.catalog);
    for table in reader.tables() {
        if table.sequence().is_some()
            || table.stored_query().is_some()
            || relation(table.oid).is_some_and(|relation| relation.kind == Kind::View)
        {
            continue;
        }
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| &schema.name);
        let owner = reader.catalog.role_name(table.owner);
        let (foreign, secured) =
            (in_foreign_keys.contains(&table.oid) || !table.triggers.is_empty(), table.has_row_security());
        rows.push(row![schema, &table.name, owner, NULL, !table.indexes.is_empty(), false, foreign, secured]);
    }
    rows
}

/// The views that users have made, with the names of their schemas.
pub(super) fn user_views<'a>(reader: &'a Reader<'_>) -> impl Iterator<Item = (&'a Table, &'a View)> {
    reader.tables().filter_map(|table| table.view().map(|view| (&**table, view)))
}

pub(super) fn definition(reader: &Reader<'_>, table: &Table, view: &View) -> Option<String> {
    view_definition(reader.context, table, view, false).ok()
}

pub(super) fn views(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(table, view): (&Table, &View)| {
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| &schema.name);
        row![schema, &table.name, reader.catalog.role_name(table.owner), definition(reader, table, view)]
    };
    user_views(reader).map(row).collect()
}

pub(super) fn materialized_views(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |table: &Arc<Table>| {
        let materialized = table.materialized.as_ref()?;
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| &schema.name);
        Some(row![
            schema,
            &table.name,
            reader.catalog.role_name(table.owner),
            NULL,
            !table.indexes.is_empty(),
            materialized.populated,
            definition(reader, table, &materialized.view)
        ])
    };
    reader.tables().filter_map(row).collect()
}

/// The relations that are made from queries, with those.
fn stored_queries<'a>(reader: &'a Reader<'_>) -> impl Iterator<Item = (&'a Table, &'a View)> {
    reader.tables().filter_map(|table| table.stored_query().map(|view| (&**table, view)))
}

/// The rule that makes a relation a view has no oid of its own; no table has this one.
pub(crate) fn rule_oid(view: u32) -> u32 {
    3 << 30 | view & 0x3FFF_FFFF
}

pub(super) fn rules(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(table, _): (&Table, &View)| row![rule_oid(table.oid), "_RETURN", table.oid, '1', 'O', true, "<>", ""];
    stored_queries(reader).map(row).collect()
}

/// A view goes with its rule, which holds on to what the view reads.
pub(super) fn dependencies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    const PG_REWRITE: u32 = 2618;
    const PG_PROC: u32 = 1255;
    let mut rows = Vec::new();
    for (table, view) in stored_queries(reader) {
        let rule = rule_oid(table.oid);
        rows.push(row![PG_REWRITE, rule, 0, PG_CLASS, table.oid, 0, 'i']);
        rows.push(row![PG_REWRITE, rule, 0, PG_CLASS, table.oid, 0, 'n']);
        for known in &view.relations {
            let columns = if known.used.is_empty() { &[0][..] } else { &known.used };
            for column in columns {
                rows.push(row![PG_REWRITE, rule, 0, PG_CLASS, known.oid, i32::from(*column), 'n']);
            }
        }
        rows.extend(view.functions.iter().map(|function| row![PG_REWRITE, rule, 0, PG_PROC, *function, 0, 'n']));
    }
    rows
}

pub(super) fn indexes(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for table in reader.tables() {
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| &schema.name);
        for index in &table.indexes {
            let definition = index_definition(reader.context, table, index, false);
            rows.push(row![schema, &table.name, &index.name, NULL, definition]);
        }
    }
    rows
}

pub(super) fn settings(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    parameters().into_iter().map(|(category, parameter)| setting(reader, category, parameter)).collect()
}

fn setting(reader: &Reader<'_>, category: &str, parameter: &Parameter) -> Vec<Value> {
    let current = reader.context.session.setting(parameter.name).unwrap_or_default();
    let from_begin = reader.context.session.settings.source(parameter.name);
    let source = from_begin.unwrap_or(if current == parameter.default { "default" } else { "session" });
    let (ty, unit, range) = match parameter.kind {
        Values::Bool => ("bool", None, None),
        Values::Enum(_) => ("enum", None, None),
        Values::Integer { least, greatest, unit } => {
            ("integer", unit.name(), Some((least.to_string(), greatest.to_string())))
        }
        Values::Real { least, greatest, unit } => {
            // C prints six digits.
            let greatest = if greatest == f64::MAX { "1.79769e+308".to_owned() } else { greatest.to_string() };
            ("real", unit.name(), Some((least.to_string(), greatest)))
        }
        Values::Text | Values::Names | Values::TimeZone | Values::DateStyle | Values::Encoding | Values::TextSearch => {
            ("string", None, None)
        }
    };
    let (least, greatest) = range.unzip();
    let words = match parameter.kind {
        Values::Enum(words) => Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()),
        _ => None,
    };
    let default = in_unit(parameter.kind, parameter.default);
    row![
        parameter.name,
        in_unit(parameter.kind, &current),
        unit,
        category,
        parameter.description,
        NULL,
        parameter.scope.name(),
        ty,
        source,
        least,
        greatest,
        words,
        default.clone(),
        default,
        NULL,
        NULL,
        false,
    ]
}

/// A value as a plain number of its unit: SHOW prints the largest unit that fits.
fn in_unit(kind: Values, value: &str) -> String {
    match kind {
        Values::Integer { unit, .. } | Values::Real { unit, .. } if unit.name().is_some() => {
            unit.number(value).map_or_else(|| value.to_owned(), |number| number.to_string())
        }
        _ => value.to_owned(),
    }
}
