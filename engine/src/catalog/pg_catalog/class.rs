//! `pg_class` and what hangs on its rows: `pg_attribute`, `pg_attrdef`, `pg_index`, `pg_description`.

use std::borrow::Cow;
use std::collections::HashSet;

use storage::Value;

use super::expression::default_node;
use super::fixed::C_COLLATION;
use super::operator_class::{class_of, kept_type};
use super::partition::bound_definition;
use super::relation::{Kind, NULL, acl_items, options, row, user_tables};
use super::types::has_row_type;
use super::{PG_CATALOG, Reader, relation, types};
use crate::catalog::user_type::row_type;
use crate::catalog::{
    Attribute, Catalog, ColumnHints, Compression, ConstraintKind, Identity, Index, IndexColumn, IndexExpression,
    ReplicaIdentity, Table, TableColumn, TableKind, UserType, UserTypeKind,
};
use crate::plan::bind::{Types, column_name};
use crate::statement::parse_expression;
use crate::types::{Type, builtin};

/// `pg_class.oid` of `pg_class`.
pub(super) const PG_CLASS: u32 = 1259;
/// Access methods.
const HEAP: u32 = 2;

pub(super) fn classes(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    let in_foreign_keys = tables_in_foreign_keys(reader.catalog);
    for table in reader.tables() {
        rows.push(class_of_table(reader, table, &in_foreign_keys));
        rows.extend(table.indexes.iter().map(|index| class_of_index(reader, table, index)));
    }
    let composite = reader.catalog.types.values().filter(|ty| matches!(ty.kind, UserTypeKind::Composite(_)));
    rows.extend(composite.map(|ty| class_of_type(reader, ty)));
    rows
}

/// A composite type is a relation that has no rows.
fn class_of_type(reader: &Reader<'_>, ty: &UserType) -> Vec<Value> {
    let fields = reader.catalog.attributes(ty.oid).map_or(0, |fields| fields.len());
    row![
        ty.oid,
        &ty.name,
        ty.schema,
        ty.oid,
        0u32,
        ty.owner,
        0u32,
        0u32,
        0u32,
        0,
        0.0f32,
        0,
        0u32,
        false,
        false,
        'p',
        'c',
        i16::try_from(fields).unwrap_or(i16::MAX),
        0i16,
        false,
        false,
        false,
        false,
        false,
        true,
        'n',
        false,
        0u32,
        0u32,
        0u32,
        NULL,
        NULL,
        NULL,
    ]
}

fn class_of_table(reader: &Reader<'_>, table: &Table, in_foreign_keys: &HashSet<u32>) -> Vec<Value> {
    let system = table.is_system();
    let sequence = table.sequence().is_some();
    let view =
        table.view().is_some() || system && relation(table.oid).is_some_and(|relation| relation.kind == Kind::View);
    let partitioned = table.partitioning.key.is_some();
    let tuples = match table.kind {
        TableKind::Table if partitioned => None,
        TableKind::Table => reader.rows_of(table),
        TableKind::Sequence(_) => Some(1),
        TableKind::View(_) | TableKind::System | TableKind::Files(_) => None,
    };
    let checks = table.constraints.iter().filter(|found| matches!(found.kind, ConstraintKind::Check { .. })).count();
    row![
        table.oid,
        &table.name,
        table.schema,
        row_type(table.oid).filter(|_| has_row_type(table)).unwrap_or(0),
        0u32,
        table.owner,
        if view || sequence || partitioned { 0 } else { HEAP },
        if view || system || partitioned { 0 } else { table.storage.generation.0 },
        0u32,
        0,
        tuples.map_or(-1.0, |tuples| tuples as f32),
        0,
        0u32,
        !table.indexes.is_empty(),
        false,
        persistence(table),
        match (view, sequence, partitioned) {
            (true, _, _) => 'v',
            (_, true, _) => 'S',
            (_, _, true) => 'p',
            _ if table.materialized.is_some() => 'm',
            _ => 'r',
        },
        table.last_column,
        i16::try_from(checks).unwrap_or(i16::MAX),
        table.stored_query().is_some(),
        // Foreign keys are triggers to PostgreSQL, and psql looks for them where this says so.
        in_foreign_keys.contains(&table.oid) || !table.triggers.is_empty(),
        has_partitions(reader, table),
        table.has_row_security(),
        table.security.as_ref().is_some_and(|security| security.forced),
        table.materialized.as_ref().is_none_or(|materialized| materialized.populated),
        match table.replica_identity {
            _ if view || system || sequence => 'n',
            ReplicaIdentity::Key => 'd',
            ReplicaIdentity::Full => 'f',
            ReplicaIdentity::Nothing => 'n',
            ReplicaIdentity::Index(_) => 'i',
        },
        table.partitioning.of.is_some(),
        0u32,
        0u32,
        0u32,
        acl_items(reader.catalog, table.acl.as_ref()),
        options(&table.options),
        bound(reader, table),
    ]
}

fn persistence(table: &Table) -> char {
    match (table.temporary, table.unlogged) {
        (Some(_), _) => 't',
        (None, true) => 'u',
        (None, false) => 'p',
    }
}

fn has_partitions(reader: &Reader<'_>, table: &Table) -> bool {
    reader.catalog.partitions_of(table.oid).next().is_some()
}

/// What a partition takes of its parent, as SQL.
fn bound(reader: &Reader<'_>, table: &Table) -> Option<String> {
    let of = table.partitioning.of.as_ref()?;
    let parent = reader.catalog.tables.get(&of.parent)?;
    Some(bound_definition(parent, &of.bound, &reader.context.session.format))
}

fn class_of_index(reader: &Reader<'_>, table: &Table, index: &Index) -> Vec<Value> {
    let partitioned = table.partitioning.key.is_some();
    row![
        index.oid,
        &index.name,
        table.schema,
        0u32,
        0u32,
        table.owner,
        index.method.oid(),
        if partitioned { 0 } else { index.oid },
        0u32,
        0,
        -1.0f32,
        0,
        0u32,
        false,
        false,
        persistence(table),
        if partitioned { 'I' } else { 'i' },
        i16::try_from(index.columns.len() + index.included.len()).unwrap_or(i16::MAX),
        0i16,
        false,
        false,
        partitioned && has_partitions(reader, table),
        false,
        false,
        true,
        'n',
        index.parent.is_some(),
        0u32,
        0u32,
        0u32,
        NULL,
        options(&index.options),
        NULL,
    ]
}

/// The tables that refer to another, or are referred to.
pub(super) fn tables_in_foreign_keys(catalog: &Catalog) -> HashSet<u32> {
    let mut tables = HashSet::new();
    for table in user_tables(catalog) {
        for constraint in &table.constraints {
            if let ConstraintKind::ForeignKey { target, .. } = &constraint.kind {
                tables.extend([table.oid, *target]);
            }
        }
    }
    tables
}

pub(super) fn attributes(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for ty in reader.catalog.types.values() {
        // The fields of a composite type, which is a relation of its own to PostgreSQL.
        for (number, Attribute { name, ty: of }) in (1u16..).zip(reader.catalog.attributes(ty.oid).unwrap_or_default())
        {
            rows.push(attribute(ty.oid, number, &plain_column(name, of), of, None, NULL));
        }
    }
    for table in reader.tables() {
        // Text in the system's own tables has the order of bytes; in its views it may have any.
        let is_own = table.schema == PG_CATALOG && relation(table.oid).is_some_and(|known| known.kind == Kind::Table);
        rows.extend(table.columns.iter().map(|column| {
            let acl = acl_items(reader.catalog, table.column_acls.get(&column.number));
            let mut column = Cow::Borrowed(column);
            if is_own && column.collation() != 0 {
                column.to_mut().hints.collation = Some(C_COLLATION);
            }
            attribute(table.oid, column.number, &column, column.ty, Some((reader.catalog, table)), acl)
        }));
        rows.extend(dropped(table));
        for index in &table.indexes {
            let columns = index.columns.iter().map(|column| {
                let mut shown = match &column.expression {
                    Some(expression) => {
                        let hints = ColumnHints { statistics: column.statistics, ..ColumnHints::default() };
                        Some(TableColumn { hints, ..of_expression(reader.catalog, expression) })
                    }
                    None => table.position_of_number(column.number).map(|at| table.columns[at].clone()),
                };
                if let Some(shown) = &mut shown {
                    shown.hints.collation = column.collation.or(shown.hints.collation);
                }
                shown
            });
            let included = index.included.iter().map(|number| table.position_of_number(*number));
            let included = included.map(|at| at.map(|at| table.columns[at].clone()));
            // What was said of a table's column is not said of the index.
            let plain = |column: TableColumn| {
                let collation = column.hints.collation;
                let hints = match column.number {
                    0 => column.hints,
                    _ => ColumnHints { collation, ..ColumnHints::default() },
                };
                TableColumn { hints, ..column }
            };
            for (number, column) in (1u16..).zip(columns.chain(included)) {
                rows.extend(column.map(|column| index_attribute(index, number, &plain(column))));
            }
        }
    }
    rows
}

/// The columns that a table had: their numbers are never used again, and whoever counts columns counts them too.
fn dropped(table: &Table) -> impl Iterator<Item = Vec<Value>> + use<'_> {
    let has_some = usize::from(table.last_column) > table.columns.len();
    let numbers = has_some.then_some(1..=table.last_column);
    let gone = numbers.into_iter().flatten().filter(|number| table.position_of_number(*number).is_none());
    gone.map(|number| {
        row![
            table.oid,
            format!("........pg.dropped.{number}........"),
            0u32,
            0,
            -1i16,
            number,
            0,
            -1,
            -1,
            false,
            'i',
            'p',
            "",
            false,
            false,
            false,
            "",
            "",
            true,
            true,
            0,
            0u32,
            NULL,
            NULL,
            NULL,
            NULL,
        ]
    })
}

/// A column of an index that is on an expression.
fn of_expression(catalog: &Catalog, expression: &IndexExpression) -> TableColumn {
    let name =
        parse_expression(&expression.text).map(|parsed| column_name(&parsed, Types { catalog, search_path: &[] }));
    let name = name.ok().filter(|name| name != "?column?").unwrap_or_else(|| "expr".to_owned());
    plain_column(name, expression.ty)
}

fn plain_column(name: String, ty: Type) -> TableColumn {
    let (not_null, default, identity, generated) = (false, None, None, false);
    TableColumn {
        number: 0,
        name,
        ty,
        not_null,
        default,
        identity,
        generated,
        local: true,
        comment: None,
        hints: Default::default(),
    }
}

/// A column of an index. One of a hash index holds hashes, and others something else, but each has the collation of what
/// that is made of.
fn index_attribute(index: &Index, number: u16, column: &TableColumn) -> Vec<Value> {
    let own = index.columns.get(usize::from(number).saturating_sub(1));
    match own.and_then(|own| kept_type(index.method, own, column.ty.oid)) {
        Some(kept) if kept != column.ty.oid => {
            let shown = TableColumn { ty: Type::new(kept), ..column.clone() };
            attribute(index.oid, number, &shown, column.ty, None, NULL)
        }
        _ => attribute(index.oid, number, column, column.ty, None, NULL),
    }
}

/// A column of a table, or of an index; `collated` is the type whose collation and dimensions it has.
fn attribute(
    relation: u32,
    number: u16,
    column: &TableColumn,
    collated: Type,
    table: Option<(&Catalog, &Table)>,
    acl: Value,
) -> Vec<Value> {
    let of_table = table.is_some();
    let is_partition = table.is_some_and(|(_, table)| table.partitioning.of.is_some());
    let above = table.map_or(0, |(catalog, table)| catalog.column_parents(table, &column.name));
    let above = i32::try_from(above).unwrap_or(i32::MAX) + i32::from(is_partition);
    let info = builtin::info(column.ty.oid);
    row![
        relation,
        &column.name,
        column.ty.oid,
        column.hints.statistics.map_or(-1, i32::from),
        info.map_or(-1, |info| info.length),
        number,
        i32::from(builtin::info(collated.oid).is_some_and(|info| info.is_array())),
        -1,
        column.ty.modifier,
        info.is_some_and(|info| info.by_value),
        info.map_or('i', |info| info.align),
        column.hints.storage.unwrap_or_else(|| info.map_or('x', |info| info.storage)),
        column.hints.compression.filter(|_| of_table).map_or("", Compression::letter),
        of_table && column.not_null,
        of_table && column.default.is_some() && column.identity.is_none(),
        false,
        match column.identity.filter(|_| of_table) {
            None => "",
            Some(Identity::Always) => "a",
            Some(Identity::ByDefault) => "d",
        },
        if of_table && column.generated { "s" } else { "" },
        false,
        column.local && !is_partition,
        above,
        column.hints.collation.unwrap_or_else(|| types::collation_of_type(collated.oid)),
        acl,
        NULL,
        NULL,
        NULL,
    ]
}

/// A default has no oid of its own: this one is the same after a restart, and differs from any other as long as oids
/// of tables stay below a million.
pub(crate) fn default_oid(table: u32, column: u16) -> u32 {
    1 << 31 | (table & 0xF_FFFF) << 11 | u32::from(column) & 0x7FF
}

pub(super) fn defaults(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for table in user_tables(reader.catalog) {
        for column in table.columns.iter().filter(|column| column.identity.is_none()) {
            if let Some(default) = reader.default_of(column) {
                rows.push(row![
                    default_oid(table.oid, column.number),
                    table.oid,
                    column.number,
                    default_node(column.number, &default)
                ]);
            }
        }
    }
    rows
}

pub(super) fn indexes(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let tables = user_tables(reader.catalog);
    tables.flat_map(|table| table.indexes.iter().map(|index| index_row(table, index))).collect()
}

fn index_row(table: &Table, index: &Index) -> Vec<Value> {
    let count = i16::try_from(index.columns.len()).unwrap_or(i16::MAX);
    let all = i16::try_from(index.columns.len() + index.included.len()).unwrap_or(i16::MAX);
    let column_type = |column: &IndexColumn| match &column.expression {
        Some(expression) => Some(expression.ty),
        None => table.position_of_number(column.number).map(|position| table.columns[position].ty),
    };
    let collation = |column: &IndexColumn| match (&column.collation, &column.expression) {
        (Some(named), _) => *named,
        (None, Some(expression)) => types::collation_of_type(expression.ty.oid),
        (None, None) => {
            table.position_of_number(column.number).map_or(0, |position| table.columns[position].collation())
        }
    };
    let collations: Vec<u32> = index.columns.iter().map(collation).collect();
    let expressions: Vec<&str> =
        index.columns.iter().filter_map(|column| Some(column.expression.as_ref()?.text.as_str())).collect();
    let flags = |column: &IndexColumn| i16::from(column.descending) | i16::from(column.nulls_first) << 1;
    row![
        index.oid,
        table.oid,
        all,
        count,
        index.unique,
        index.unique && !index.nulls_distinct,
        table.is_primary(index),
        false,
        !index.deferrable,
        index.clustered,
        index.valid,
        false,
        true,
        true,
        table.replica_identity == ReplicaIdentity::Index(index.oid),
        index.columns.iter().map(|column| column.number).chain(index.included.iter().copied()).collect::<Vec<_>>(),
        collations,
        index
            .columns
            .iter()
            .map(|column| column_type(column).map_or(0, |ty| class_of(index.method, column, ty.oid)))
            .collect::<Vec<_>>(),
        index.columns.iter().map(flags).collect::<Vec<_>>(),
        Some(expressions.join(", ")).filter(|text| !text.is_empty()),
        index.predicate.as_deref(),
    ]
}
