//! `pg_sequence`, `pg_sequences`, and what ties sequences to columns in `pg_depend`.

use storage::Value;

use super::Reader;
use super::class::{PG_CLASS, default_oid};
use super::relation::{NULL, row};
use crate::catalog::{Sequence, Table};

/// `pg_class.oid` of `pg_attrdef`.
const PG_ATTRDEF: u32 = 2604;

pub(super) fn all<'a>(reader: &'a Reader<'_>) -> impl Iterator<Item = (&'a Table, &'a Sequence)> {
    reader.tables().filter_map(|table| Some((table.as_ref(), table.sequence()?)))
}

pub(super) fn sequences(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(table, sequence): (&Table, &Sequence)| {
        let rule = sequence.rule;
        row![table.oid, sequence.value_type, rule.start, rule.increment, rule.max, rule.min, sequence.cache, rule.cycle,]
    };
    all(reader).map(row).collect()
}

pub(super) fn overview(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(table, sequence): (&Table, &Sequence)| {
        let rule = sequence.rule;
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| &schema.name);
        let position = reader.context.session.sequences.position(table, sequence).ok();
        let last = position.filter(|position| position.is_called).map(|position| position.last_value);
        row![
            schema,
            &table.name,
            reader.catalog.role_name(table.owner),
            sequence.value_type,
            rule.start,
            rule.min,
            rule.max,
            rule.increment,
            rule.cycle,
            sequence.cache,
            last.map_or(NULL, Value::Int8),
        ]
    };
    all(reader).map(row).collect()
}

/// An owned sequence goes with its column, and a default holds on to the sequence that it takes values of.
pub(super) fn dependencies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for (table, sequence) in all(reader) {
        let Some(owner) = sequence.owned_by else { continue };
        let column = reader.catalog.tables.get(&owner.table).and_then(|owning| {
            let position = owning.position_of_number(owner.column)?;
            Some(&owning.columns[position])
        });
        let kind = if column.is_some_and(|column| column.identity.is_some()) { 'i' } else { 'a' };
        rows.push(row![PG_CLASS, table.oid, 0, PG_CLASS, owner.table, i32::from(owner.column), kind]);
    }
    for table in reader.tables() {
        for column in table.columns.iter().filter(|column| column.default.is_some() && column.identity.is_none()) {
            let default = default_oid(table.oid, column.number);
            rows.push(row![PG_ATTRDEF, default, 0, PG_CLASS, table.oid, i32::from(column.number), 'a']);
            for relation in column.default_relations() {
                if reader.catalog.tables.get(&relation).is_some_and(|relation| relation.sequence().is_some()) {
                    rows.push(row![PG_ATTRDEF, default, 0, PG_CLASS, relation, 0, 'n']);
                }
            }
        }
    }
    rows
}
