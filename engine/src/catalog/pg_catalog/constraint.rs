//! `pg_constraint`, and the dependencies between constraints, indexes and tables in `pg_depend`.

use storage::Value;

use super::class::PG_CLASS;
use super::expression::columns_named;
use super::relation::{NULL, row, user_tables};
use super::{Reader, sequence};
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Deferrable, DomainCheck, ForeignKeyAction, Index, Table, UserType,
};
use crate::function::resolve;
use crate::types::builtin;
use crate::types::defined::FIRST_OID;

const PG_CONSTRAINT: u32 = 2606;

pub(super) fn constraints(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let tables = user_tables(reader.catalog);
    let mut rows: Vec<Vec<Value>> = tables
        .flat_map(|table| table.constraints.iter().map(|found| constraint_row(reader.catalog, table, found)))
        .collect();
    for ty in reader.catalog.types.values() {
        let checks = ty.domain().map_or(&[][..], |domain| &domain.checks);
        rows.extend(checks.iter().map(|check| domain_check_row(ty, check)));
    }
    rows
}

fn domain_check_row(ty: &UserType, check: &DomainCheck) -> Vec<Value> {
    row![
        check.oid,
        &check.name,
        ty.schema,
        'c',
        false,
        false,
        check.validated,
        0u32,
        ty.oid,
        0u32,
        0u32,
        0u32,
        ' ',
        ' ',
        ' ',
        true,
        0,
        false,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        &check.expression,
    ]
}

/// `contype`.
pub(super) fn letter(kind: &ConstraintKind) -> char {
    match kind {
        ConstraintKind::PrimaryKey { .. } => 'p',
        ConstraintKind::Unique { .. } => 'u',
        ConstraintKind::Check { .. } => 'c',
        ConstraintKind::ForeignKey { .. } => 'f',
    }
}

fn action(action: ForeignKeyAction) -> char {
    match action {
        ForeignKeyAction::NoAction => 'a',
        ForeignKeyAction::Restrict => 'r',
        ForeignKeyAction::Cascade => 'c',
        ForeignKeyAction::SetNull => 'n',
        ForeignKeyAction::SetDefault => 'd',
    }
}

fn constraint_row(catalog: &Catalog, table: &Table, constraint: &Constraint) -> Vec<Value> {
    let kind = &constraint.kind;
    let is_check = matches!(kind, ConstraintKind::Check { .. });
    let key = match kind {
        ConstraintKind::PrimaryKey { columns, .. }
        | ConstraintKind::Unique { columns, .. }
        | ConstraintKind::ForeignKey { columns, .. } => columns.clone(),
        ConstraintKind::Check { expression } => columns_named(table, expression),
    };
    let foreign = match kind {
        ConstraintKind::ForeignKey { target, target_columns, on_delete, on_update, .. } => {
            Some((*target, target_columns.as_slice(), *on_delete, *on_update))
        }
        _ => None,
    };
    let (match_type, set_columns) = match kind {
        ConstraintKind::ForeignKey { match_full, set_columns, .. } => {
            (if *match_full { 'f' } else { 's' }, Some(set_columns.as_slice()).filter(|columns| !columns.is_empty()))
        }
        _ => (' ', None),
    };
    let expression = match kind {
        ConstraintKind::Check { expression } => Some(expression),
        _ => None,
    };
    let equalities = foreign.map(|(target, target_columns, ..)| {
        let pairs = key.iter().zip(target_columns);
        pairs.map(|(column, other)| equality(catalog, table, *column, target, *other)).collect::<Vec<u32>>()
    });
    let above = if is_check { catalog.check_parents(table, &constraint.name) } else { 0 };
    let above = i32::try_from(above).unwrap_or(i32::MAX);
    row![
        constraint.oid,
        &constraint.name,
        table.schema,
        letter(kind),
        constraint.deferrable.is_some(),
        constraint.deferrable == Some(Deferrable::InitiallyDeferred),
        !constraint.not_valid,
        table.oid,
        0u32,
        supporting_index(catalog, kind),
        // A check is known as its parent's by its name alone.
        constraint.parent.filter(|_| !is_check).unwrap_or(0),
        foreign.map_or(0, |(target, ..)| target),
        foreign.map_or(' ', |(_, _, _, on_update)| action(on_update)),
        foreign.map_or(' ', |(_, _, on_delete, _)| action(on_delete)),
        match_type,
        constraint.local && constraint.parent.is_none(),
        above + i32::from(constraint.parent.is_some()),
        if is_check { constraint.no_inherit } else { constraint.parent.is_none() },
        Some(key).filter(|key| !key.is_empty()),
        foreign.map(|(_, columns, ..)| columns),
        equalities.clone(),
        equalities.clone(),
        equalities,
        set_columns,
        NULL,
        expression,
    ]
}

/// The operator by which a foreign key compares two columns.
fn equality(catalog: &Catalog, table: &Table, column: u16, target: u32, other: u16) -> u32 {
    let type_of = |table: &Table, number| table.position_of_number(number).map(|position| table.columns[position].ty);
    let left = catalog.tables.get(&target).and_then(|target| type_of(target, other));
    let operator = type_of(table, column).and_then(|right| resolve::operator("=", left, right).ok());
    operator.map_or(0, |operator| operator.oid)
}

/// The index that enforces a key, or that a foreign key looks rows up in.
pub(super) fn supporting_index(catalog: &Catalog, kind: &ConstraintKind) -> u32 {
    match kind {
        ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => *index,
        ConstraintKind::Check { .. } => 0,
        ConstraintKind::ForeignKey { target, target_columns, .. } => {
            let target = catalog.tables.get(target);
            let same = |columns: &[u16]| {
                columns.len() == target_columns.len() && columns.iter().all(|column| target_columns.contains(column))
            };
            let indexes = target.map(|target| target.indexes.as_slice()).unwrap_or_default();
            let index = indexes.iter().find(|index| {
                index.unique
                    && index.is_plain()
                    && same(&index.columns.iter().map(|column| column.number).collect::<Vec<_>>())
            });
            index.map_or(0, |index| index.oid)
        }
    }
}

/// A table goes with its partitions, and holds on to what it inherits from and to the types of its columns; an index goes
/// with its columns.
fn table_dependencies(table: &Table) -> Vec<Vec<Value>> {
    const PG_TYPE: u32 = 1247;
    let mut rows = Vec::new();
    rows.extend(table.inherits.iter().map(|parent| row![PG_CLASS, table.oid, 0, PG_CLASS, *parent, 0, 'n']));
    rows.extend(table.partitioning.of.iter().map(|of| row![PG_CLASS, table.oid, 0, PG_CLASS, of.parent, 0, 'a']));
    for column in &table.columns {
        let ty = builtin::element_of(column.ty.oid).unwrap_or(column.ty.oid);
        if ty >= FIRST_OID {
            rows.push(row![PG_CLASS, table.oid, i32::from(column.number), PG_TYPE, ty, 0, 'n']);
        }
        if let Some(text) = column.default.as_ref().filter(|_| column.generated) {
            let used = columns_named(table, text).into_iter();
            let number = i32::from(column.number);
            rows.extend(used.map(|used| row![PG_CLASS, table.oid, number, PG_CLASS, table.oid, i32::from(used), 'a']));
        }
    }
    let in_constraint = |index: &Index| {
        let of = |constraint: &Constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { index: own, .. } | ConstraintKind::Unique { index: own, .. } => {
                *own == index.oid
            }
            _ => false,
        };
        table.constraints.iter().any(of)
    };
    for index in &table.indexes {
        if !in_constraint(index) {
            let columns = index.columns.iter().map(|column| column.number).chain(index.included.iter().copied());
            rows.extend(
                columns.map(|column| row![PG_CLASS, index.oid, 0, PG_CLASS, table.oid, i32::from(column), 'a']),
            );
        }
        let part_of = index.parent.iter();
        rows.extend(part_of.map(|parent| row![PG_CLASS, index.oid, 0, PG_CLASS, *parent, 0, 'P']));
    }
    rows
}

/// An index goes with its constraint, a constraint with its columns, and a foreign key holds on to the index it needs.
pub(super) fn dependencies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = sequence::dependencies(reader);
    rows.extend(super::view::dependencies(reader));
    rows.extend(super::policy::dependencies(reader));
    rows.extend(super::trigger::dependencies(reader));
    rows.extend(super::extension::dependencies(reader));
    rows.extend(super::routine::dependencies(reader));
    for table in user_tables(reader.catalog) {
        rows.extend(table_dependencies(table));
        for constraint in &table.constraints {
            let (columns, index) = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns, index } | ConstraintKind::Unique { columns, index } => {
                    (columns.clone(), Some(*index))
                }
                ConstraintKind::ForeignKey { columns, .. } => (columns.clone(), None),
                ConstraintKind::Check { expression } => (columns_named(table, expression), None),
            };
            // A constraint on no column is one on the table.
            let parts = if columns.is_empty() { vec![0] } else { columns };
            for part in &parts {
                rows.push(row![PG_CONSTRAINT, constraint.oid, 0, PG_CLASS, table.oid, i32::from(*part), 'a']);
            }
            // A partition's key goes with that of the table above.
            if let Some(parent) = constraint.parent.filter(|_| !matches!(constraint.kind, ConstraintKind::Check { .. }))
            {
                rows.push(row![PG_CONSTRAINT, constraint.oid, 0, PG_CONSTRAINT, parent, 0, 'P']);
                rows.push(row![PG_CONSTRAINT, constraint.oid, 0, PG_CLASS, table.oid, 0, 'S']);
            }
            if matches!(constraint.kind, ConstraintKind::Check { .. }) {
                for part in parts.iter().filter(|part| **part != 0) {
                    rows.push(row![PG_CONSTRAINT, constraint.oid, 0, PG_CLASS, table.oid, i32::from(*part), 'n']);
                }
            }
            if let Some(index) = index {
                rows.push(row![PG_CLASS, index, 0, PG_CONSTRAINT, constraint.oid, 0, 'i']);
            }
            if let ConstraintKind::ForeignKey { target, target_columns, .. } = &constraint.kind {
                for column in target_columns {
                    rows.push(row![PG_CONSTRAINT, constraint.oid, 0, PG_CLASS, *target, i32::from(*column), 'n']);
                }
                let index = supporting_index(reader.catalog, &constraint.kind);
                rows.push(row![PG_CONSTRAINT, constraint.oid, 0, PG_CLASS, index, 0, 'n']);
            }
        }
    }
    rows
}
