//! The errors of broken constraints, in PostgreSQL's words and with its fields.

use std::borrow::Cow;

use storage::{ConflictOn, Value};

use crate::catalog::pg_catalog::partition::key_parts;
use crate::catalog::{ConstraintKind, Index, Table};
use crate::error::{Error, SqlState};
use crate::function::{EvalContext, write_text};
use crate::plan::write::{PolicyMoment, Target};

/// A value as error details print it.
fn print(value: &Value, ty: u32, context: &EvalContext) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    let mut out = Vec::new();
    write_text(value, ty, context, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `(a, b)=(1, 2)` for columns at these positions.
pub(crate) fn key_text(table: &Table, positions: &[usize], values: &[Value], context: &EvalContext) -> String {
    let names: Vec<&str> = positions.iter().map(|at| table.columns[*at].name.as_str()).collect();
    let printed: Vec<String> =
        positions.iter().zip(values).map(|(at, value)| print(value, table.columns[*at].ty.oid, context)).collect();
    format!("({})=({})", names.join(", "), printed.join(", "))
}

/// Whether errors about a table may tell what is in its rows: not if its policies, or those of a table above it, are in force
/// for whoever is told.
pub(crate) fn tells_rows(table: &Table, context: &EvalContext) -> bool {
    let catalog = &context.catalog;
    let mut above = table.inherits.iter().copied().chain(table.partitioning.of.as_ref().map(|of| of.parent));
    table.security_for(context.session.current_role, catalog).is_none()
        && above.all(|above| catalog.tables.get(&above).is_none_or(|above| tells_rows(above, context)))
}

/// An error with what it tells of rows, if it may.
fn detailed(error: Error, table: &Table, context: &EvalContext, detail: impl FnOnce() -> String) -> Error {
    if tells_rows(table, context) { error.with_detail(detail()) } else { error }
}

/// 42501 for a row that policies do not let be.
pub(super) fn policy(table: &Table, moment: PolicyMoment, name: Option<&str>) -> Error {
    let (row, using) = match moment {
        PolicyMoment::Insert | PolicyMoment::Update => ("new row", ""),
        PolicyMoment::InTheWay => ("new row", " (USING expression)"),
        PolicyMoment::MergedUpdate | PolicyMoment::MergedDelete => ("target row", " (USING expression)"),
    };
    let name = name.map_or_else(String::new, |name| format!(" \"{name}\""));
    let message = format!("{row} violates row-level security policy{name}{using} for table \"{}\"", table.name);
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

fn failing_row(target: &Target, context: &EvalContext, values: &[Value]) -> String {
    const VALUE_CHARACTERS_MAX: usize = 64;
    let printed: Vec<String> = target
        .table
        .columns
        .iter()
        .zip(values)
        .map(|(column, value)| {
            let whole = print(value, column.ty.oid, context);
            match whole.char_indices().nth(VALUE_CHARACTERS_MAX) {
                Some((end, _)) => format!("{}...", &whole[..end]),
                None => whole,
            }
        })
        .collect();
    format!("Failing row contains ({}).", printed.join(", "))
}

pub(super) fn schema_name<'a>(table: &Table, context: &'a EvalContext) -> &'a str {
    context.catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str())
}

pub(super) fn not_null(target: &Target, context: &EvalContext, column: &str, values: &[Value]) -> Error {
    let table = &target.table;
    let message =
        format!("null value in column \"{column}\" of relation \"{}\" violates not-null constraint", table.name);
    detailed(Error::new(SqlState::NOT_NULL_VIOLATION, message), table, context, || failing_row(target, context, values))
        .with_table(schema_name(table, context), &table.name)
        .with_column(column)
}

pub(super) fn check(target: &Target, context: &EvalContext, constraint: &str, values: &[Value]) -> Error {
    let table = &target.table;
    let message = format!("new row for relation \"{}\" violates check constraint \"{constraint}\"", table.name);
    detailed(Error::new(SqlState::CHECK_VIOLATION, message), table, context, || failing_row(target, context, values))
        .with_table(schema_name(table, context), &table.name)
        .with_constraint(constraint)
}

/// 44000 for a row that a view would not show.
pub(super) fn view(target: &Target, context: &EvalContext, view: &str, values: &[Value]) -> Error {
    let message = format!("new row violates check option for view \"{view}\"");
    let error = Error::new(SqlState::WITH_CHECK_OPTION_VIOLATION, message);
    detailed(error, &target.table, context, || failing_row(target, context, values))
}

/// 23514 for a row that the partition it is written to does not take.
pub(super) fn partition(target: &Target, context: &EvalContext, values: &[Value]) -> Error {
    let table = &target.table;
    let message = format!("new row for relation \"{}\" violates partition constraint", table.name);
    detailed(Error::new(SqlState::CHECK_VIOLATION, message), table, context, || failing_row(target, context, values))
        .with_table(schema_name(table, context), &table.name)
}

/// 23514 for a row that no partition takes.
pub(super) fn unplaced(table: &Table, key: &[Value], context: &EvalContext) -> Error {
    let message = format!("no partition of relation \"{}\" found for row", table.name);
    let parts = table.partitioning.key.iter().flat_map(|own| key_parts(table, own));
    let (names, values): (Vec<String>, Vec<String>) =
        parts.zip(key).map(|(part, value)| (part.name, print(value, part.ty.oid, context))).unzip();
    let (names, values) = (names.join(", "), values.join(", "));
    let detail = || format!("Partition key of the failing row contains ({names}) = ({values}).");
    detailed(Error::new(SqlState::CHECK_VIOLATION, message), table, context, detail)
        .with_table(schema_name(table, context), &table.name)
}

/// `(a, lower(b))=(1, x)`: the key that a row has in an index.
pub(crate) fn index_key_text(table: &Table, index: &Index, row: &[Value], context: &EvalContext) -> String {
    // Behind the columns lie what indexes see besides them, in the order of the indexes.
    let indexed = table.storage.indexed(row).unwrap_or(Cow::Borrowed(row));
    let places = table.index_schema(index).map(|schema| schema.columns).unwrap_or_default();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (at, column) in index.columns.iter().enumerate() {
        let own = table.position_of_number(column.number);
        let place = places.get(at).map(|place| place.column).or(own);
        let Some(value) = place.and_then(|place| indexed.get(place)) else { continue };
        let (name, ty) = match (&column.expression, own) {
            (Some(expression), _) => (expression.text.as_str(), expression.ty.oid),
            (None, Some(own)) => (table.columns[own].name.as_str(), table.columns[own].ty.oid),
            (None, None) => continue,
        };
        names.push(name);
        values.push(print(value, ty, context));
    }
    format!("({})=({})", names.join(", "), values.join(", "))
}

/// 23505 for a row whose key is taken.
pub(crate) fn duplicate_key(table: &Table, on: &ConflictOn, row: &[Value], context: &EvalContext) -> Error {
    let index = table.indexes.iter().find(|index| match on {
        ConflictOn::PrimaryKey => index.primary,
        ConflictOn::Index(generation) => index.generation == Some(*generation),
    });
    let Some(index) = index else { return Error::internal("an index that a table does not have is in the way") };
    let constraint = table.constraints.iter().find(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { index: oid, .. } | ConstraintKind::Unique { index: oid, .. } => *oid == index.oid,
        _ => false,
    });
    let name = constraint.map_or(&index.name, |constraint| &constraint.name);
    let message = format!("duplicate key value violates unique constraint \"{name}\"");
    let detail = || format!("Key {} already exists.", index_key_text(table, index, row, context));
    detailed(Error::new(SqlState::UNIQUE_VIOLATION, message), table, context, detail)
        .with_table(schema_name(table, context), &table.name)
        .with_constraint(name)
}

/// 23503 for a row without its parent.
pub(super) fn no_parent(
    target: &Target,
    constraint: &str,
    positions: &[usize],
    key: &[Value],
    parent: &Table,
    context: &EvalContext,
) -> Error {
    let table = &target.table;
    let message =
        format!("insert or update on table \"{}\" violates foreign key constraint \"{constraint}\"", table.name);
    let key = tells_rows(table, context).then(|| format!(" {}", key_text(table, positions, key, context)));
    let detail = format!("Key{} is not present in table \"{}\".", key.unwrap_or_default(), parent.name);
    Error::new(SqlState::FOREIGN_KEY_VIOLATION, message)
        .with_detail(detail)
        .with_table(schema_name(table, context), &table.name)
        .with_constraint(constraint)
}

/// 23503 for a MATCH FULL key that is NULL in part.
pub(crate) fn mixed_nulls(table: &Table, constraint: &str, schema: &str) -> Error {
    let message =
        format!("insert or update on table \"{}\" violates foreign key constraint \"{constraint}\"", table.name);
    Error::new(SqlState::FOREIGN_KEY_VIOLATION, message)
        .with_detail("MATCH FULL does not allow mixing of null and nonnull key values.")
        .with_table(schema, &table.name)
        .with_constraint(constraint)
}

/// 23503 for a row that others still point at.
pub(super) fn still_referenced(
    table: &Table,
    constraint: &str,
    positions: &[usize],
    key: &[Value],
    child: &Table,
    context: &EvalContext,
) -> Error {
    let message = format!(
        "update or delete on table \"{}\" violates foreign key constraint \"{constraint}\" on table \"{}\"",
        table.name, child.name
    );
    let key = tells_rows(table, context).then(|| format!(" {}", key_text(table, positions, key, context)));
    let detail = format!("Key{} is still referenced from table \"{}\".", key.unwrap_or_default(), child.name);
    Error::new(SqlState::FOREIGN_KEY_VIOLATION, message)
        .with_detail(detail)
        .with_table(schema_name(child, context), &child.name)
        .with_constraint(constraint)
}
