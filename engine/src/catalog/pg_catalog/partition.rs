//! `pg_inherits` and `pg_partitioned_table`, and partition keys and bounds written back as SQL.

use storage::Value;

use super::definition::{column_name, expression_name};
use super::fixed::collation_name;
use super::relation::{NULL, row, user_tables};
use super::{Reader, operator_class, types as type_rows};
use crate::catalog::partition::{Bound, Limit, PartitionKey, PartitionOf, Strategy};
use crate::catalog::{Catalog, Table};
use crate::function::EvalContext;
use crate::types::text::{self, Format};
use crate::types::{self, Type, oid};

pub(super) fn inheritance(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for table in user_tables(reader.catalog) {
        rows.extend(table.partitioning.of.iter().map(|of| row![table.oid, of.parent, 1, false]));
        rows.extend((1i32..).zip(&table.inherits).map(|(place, parent)| row![table.oid, *parent, place, false]));
        for index in &table.indexes {
            rows.extend(index.parent.iter().map(|parent| row![index.oid, *parent, 1, false]));
        }
    }
    rows
}

pub(super) fn partitioned_tables(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for table in user_tables(reader.catalog) {
        let Some(key) = &table.partitioning.key else { continue };
        let is_default = |of: &PartitionOf| of.bound == Bound::Default;
        let mut partitions = reader.catalog.partitions_of(table.oid);
        let default = partitions.find(|partition| partition.partitioning.of.as_ref().is_some_and(is_default));
        let of_columns =
            |fact: fn(Type) -> u32| -> Vec<u32> { key_parts(table, key).map(|part| fact(part.ty)).collect() };
        rows.push(row![
            table.oid,
            match key.strategy {
                Strategy::Range => 'r',
                Strategy::List => 'l',
                Strategy::Hash => 'h',
            },
            i16::try_from(key.columns.len()).unwrap_or(i16::MAX),
            default.map_or(0, |default| default.oid),
            key.columns.clone(),
            of_columns(|ty| operator_class::default_class(ty.oid)),
            key_parts(table, key).map(|part| part.collation).collect::<Vec<u32>>(),
            NULL,
        ]);
    }
    rows
}

/// `RANGE (a, b)`.
pub(crate) fn key_definition(context: &EvalContext, table: &Table, key: &PartitionKey) -> String {
    let mut expressions = key.expressions.iter();
    let columns = key.columns.iter().filter_map(|number| match table.position_of_number(*number) {
        Some(_) => Some(column_name(table, *number)),
        None => expressions.next().map(|expression| expression_name(context, table, expression, false)),
    });
    let columns: Vec<String> = columns.collect();
    format!("{} ({})", key.strategy.word(), columns.join(", "))
}

/// A column or an expression that a table is partitioned by.
pub(crate) struct KeyPart {
    /// As SQL has it; an expression in parentheses.
    pub(crate) name: String,
    pub(crate) ty: Type,
    collation: u32,
}

/// What a table is partitioned by, in the order of the key.
pub(crate) fn key_parts<'a>(table: &'a Table, key: &'a PartitionKey) -> impl Iterator<Item = KeyPart> + 'a {
    let mut expressions = key.expressions.iter();
    key.columns.iter().filter_map(move |number| match table.position_of_number(*number) {
        Some(position) => {
            let column = &table.columns[position];
            Some(KeyPart { name: column_name(table, *number), ty: column.ty, collation: column.collation() })
        }
        None => expressions.next().map(|expression| KeyPart {
            name: format!("({})", expression.text),
            ty: expression.ty,
            collation: type_rows::collation_of_type(expression.ty.oid),
        }),
    })
}

/// What stands in CREATE TABLE after PARTITION OF.
pub(crate) fn bound_definition(parent: &Table, bound: &Bound, format: &Format) -> String {
    match bound {
        Bound::Default => "DEFAULT".to_owned(),
        Bound::List(values) => {
            let ty = key_types(parent).first().copied().unwrap_or(Type::new(oid::TEXT));
            let values: Vec<String> = values.iter().map(|value| constant(value, ty, format)).collect();
            format!("FOR VALUES IN ({})", values.join(", "))
        }
        Bound::Range { from, to } => {
            format!("FOR VALUES FROM {} TO {}", limits(parent, from, format), limits(parent, to, format))
        }
        Bound::Hash { modulus, remainder } => format!("FOR VALUES WITH (modulus {modulus}, remainder {remainder})"),
    }
}

/// The limits of a range in parentheses.
pub(crate) fn limits(parent: &Table, limits: &[Limit], format: &Format) -> String {
    let written: Vec<String> = limits
        .iter()
        .zip(key_types(parent))
        .map(|(limit, ty)| match limit {
            Limit::Min => "MINVALUE".to_owned(),
            Limit::Max => "MAXVALUE".to_owned(),
            Limit::Value(value) => constant(value, ty, format),
        })
        .collect();
    format!("({})", written.join(", "))
}

/// What every row of a partition satisfies, by its own bound and those above it. None if nothing is asked of it.
pub(crate) fn constraint(catalog: &Catalog, partition: &Table, format: &Format) -> Option<String> {
    let mut all = Vec::new();
    let mut of = partition.partitioning.of.as_ref();
    while let Some(PartitionOf { parent, bound }) = of {
        let parent = catalog.tables.get(parent)?;
        let own = match bound {
            Bound::Default => untaken(catalog, parent, format).into_iter().collect(),
            bound => conditions(parent, bound, format)?,
        };
        all.splice(0..0, own);
        of = parent.partitioning.of.as_ref();
    }
    joined(&all, " AND ")
}

/// What a default partition takes: whatever the others do not. None if there are no others.
fn untaken(catalog: &Catalog, parent: &Table, format: &Format) -> Option<String> {
    let others = catalog.partitions_of(parent.oid).filter_map(|other| Some(&other.partitioning.of.as_ref()?.bound));
    let mut others: Vec<&Bound> = others.filter(|bound| **bound != Bound::Default).collect();
    others.sort_by_key(|bound| bound.order());
    let columns = key_columns(parent, format);
    let not_null = |column: &KeyColumn<'_>| format!("({} IS NOT NULL)", column.name);
    let taken = match others.first()? {
        Bound::List(_) => {
            let listed = others.iter().flat_map(|bound| match bound {
                Bound::List(values) => values.clone(),
                _ => Vec::new(),
            });
            conditions(parent, &Bound::List(listed.collect()), format)?
        }
        _ => {
            let mut arms = Vec::with_capacity(others.len());
            for bound in others {
                let own = conditions(parent, bound, format)?.split_off(columns.len());
                arms.extend(joined(&own, " AND "));
            }
            columns.iter().map(not_null).chain(joined(&arms, " OR ")).collect()
        }
    };
    joined(&taken, " AND ").map(|taken| format!("(NOT {taken})"))
}

/// The conditions in parentheses; one is in its own already. None if there are none.
fn joined(conditions: &[String], word: &str) -> Option<String> {
    match conditions {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("({})", many.join(word))),
    }
}

fn conditions(parent: &Table, bound: &Bound, format: &Format) -> Option<Vec<String>> {
    let columns = key_columns(parent, format);
    let first = columns.first()?;
    match bound {
        Bound::Default => None,
        Bound::Hash { modulus, remainder } => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let (oid, names) = (parent.oid, names.join(", "));
            Some(vec![format!("satisfies_hash_partition('{oid}'::oid, {modulus}, {remainder}, {names})")])
        }
        Bound::List(values) => {
            let column = &first.name;
            let listed: Vec<String> =
                values.iter().filter(|value| !value.is_null()).map(|value| first.constant(value)).collect();
            let equal = match listed.as_slice() {
                [] => return Some(vec![format!("({column} IS NULL)")]),
                [one] => format!("({column} = {one})"),
                many => format!("({column} = ANY (ARRAY[{}]))", many.join(", ")),
            };
            Some(match values.iter().any(Value::is_null) {
                true => vec![format!("(({column} IS NULL) OR {equal})")],
                false => vec![format!("({column} IS NOT NULL)"), equal],
            })
        }
        Bound::Range { from, to } => {
            let mut all: Vec<String> = columns.iter().map(|column| format!("({} IS NOT NULL)", column.name)).collect();
            let same = from.iter().zip(to).take_while(|(from, to)| matches!(from, Limit::Value(_)) && from == to);
            let same = same.count();
            for (column, limit) in columns.iter().zip(from).take(same) {
                all.extend(column.compared("=", limit));
            }
            all.extend(beyond(&columns[same..], &from[same..], &Limit::Min, ">"));
            all.extend(beyond(&columns[same..], &to[same..], &Limit::Max, "<"));
            Some(all)
        }
    }
}

/// That columns lie beyond limits, compared column by column: greater in one, or equal there and greater in the next.
/// `open` is the limit that all values are beyond.
fn beyond(columns: &[KeyColumn<'_>], limits: &[Limit], open: &Limit, operator: &str) -> Option<String> {
    let mut arms = Vec::new();
    for (at, limit) in limits.iter().enumerate() {
        if !matches!(limit, Limit::Value(_)) {
            break;
        }
        let equal = columns.iter().zip(&limits[..at]);
        let mut arm: Vec<String> = equal.filter_map(|(column, limit)| column.compared("=", limit)).collect();
        // The lower limit itself is within, and so is whatever begins with a limit that is followed by an open one.
        let included = match limits.get(at + 1) {
            Some(next) => next == open,
            None => *open == Limit::Min,
        };
        let operator = if included { format!("{operator}=") } else { operator.to_owned() };
        arm.extend(columns[at].compared(&operator, limit));
        arms.extend(joined(&arm, " AND "));
    }
    joined(&arms, " OR ")
}

/// A column of a partition key, as SQL names it.
struct KeyColumn<'a> {
    name: String,
    ty: Type,
    /// The collation that is not its type's.
    collation: Option<&'static str>,
    format: &'a Format,
}

fn key_columns<'a>(parent: &Table, format: &'a Format) -> Vec<KeyColumn<'a>> {
    let parts = parent.partitioning.key.iter().flat_map(|key| key_parts(parent, key));
    // Among other words an expression has parentheses of its own already.
    let inner =
        |name: String| name.strip_prefix('(').and_then(|name| name.strip_suffix(')')).unwrap_or(&name).to_owned();
    let own = |part: &KeyPart| (part.collation != type_rows::collation_of_type(part.ty.oid)).then_some(part.collation);
    let column = |part: KeyPart| {
        let collation = own(&part).and_then(collation_name);
        KeyColumn { name: inner(part.name), ty: part.ty, collation, format }
    };
    parts.map(column).collect()
}

impl KeyColumn<'_> {
    /// A constant with its type, where that cannot be seen, and its collation, if that is another than the type's.
    fn constant(&self, value: &Value) -> String {
        let mut constant = constant(value, self.ty, self.format);
        if constant.starts_with('\'') {
            constant = format!("{constant}::{}", types::display(self.ty));
        }
        match self.collation {
            Some(collation) => format!("{constant} COLLATE {}", text::quote_identifier(collation)),
            None => constant,
        }
    }

    fn compared(&self, operator: &str, limit: &Limit) -> Option<String> {
        let Limit::Value(value) = limit else { return None };
        Some(format!("({} {operator} {})", self.name, self.constant(value)))
    }
}

fn key_types(parent: &Table) -> Vec<Type> {
    parent.partitioning.key.iter().flat_map(|key| key_parts(parent, key)).map(|part| part.ty).collect()
}

/// A constant without its type, as PostgreSQL writes it where the type is known.
fn constant(value: &Value, ty: Type, format: &Format) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    let mut bytes = Vec::new();
    text::write(value.as_ref(), ty.oid, format, &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let begins_with_digit = text.starts_with(|first: char| first.is_ascii_digit());
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int4(0..) => text,
        Value::Numeric(_) if begins_with_digit && text.contains('.') => text,
        _ => format!("'{}'", text.replace('\'', "''")),
    }
}
