//! Objects written back as the SQL that would define them.

use super::expression::over_table;
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Deferrable, ForeignKeyAction, Index, IndexColumn, IndexExpression, Table,
};
use crate::deparse::Written;
use crate::function::EvalContext;
use crate::plan::bind::Clause;
use crate::types::oid;
use crate::types::text::{quote_identifier, registered_name};

/// A relation's name, with its schema unless the search path finds it; always with it when no path is given.
pub(crate) fn relation_name(catalog: &Catalog, path: Option<&[String]>, table: &Table) -> String {
    let short = path.and_then(|path| registered_name(table.oid, oid::REGCLASS, Some((catalog, path))));
    short.unwrap_or_else(|| {
        let schema = catalog.schemas.get(&table.schema).map_or("?", |schema| &schema.name);
        format!("{}.{}", quote_identifier(schema), quote_identifier(&table.name))
    })
}

/// `CREATE INDEX …`.
pub(crate) fn index_definition(context: &EvalContext, table: &Table, index: &Index, pretty: bool) -> String {
    let path = pretty.then_some(context.session.search_path.as_slice());
    let mut sql = format!(
        "CREATE {}INDEX {} ON {}{} USING {} ({})",
        if index.unique { "UNIQUE " } else { "" },
        quote_identifier(&index.name),
        // Written so, it can be given its partitions' indexes one by one.
        if table.partitioning.key.is_some() { "ONLY " } else { "" },
        relation_name(&context.catalog, path, table),
        index.method.name(),
        index.columns.iter().map(|column| index_column(context, table, column, pretty)).collect::<Vec<_>>().join(", "),
    );
    if !index.included.is_empty() {
        sql.push_str(&format!(" INCLUDE ({})", column_list(table, &index.included)));
    }
    if index.unique && !index.nulls_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    if !index.options.is_empty() {
        // A value that could be a name stands as it is.
        let shown = |value: &str| match quote_identifier(value) == value {
            true => value.to_owned(),
            false => format!("'{}'", value.replace('\'', "''")),
        };
        let written: Vec<String> =
            index.options.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
        sql.push_str(&format!(" WITH ({})", written.join(", ")));
    }
    if let Some(predicate) = &index.predicate {
        let written = over_table(context, table, predicate, Clause::IndexPredicate, pretty);
        sql.push_str(&format!(" WHERE {}", written.text));
    }
    sql
}

/// The name of an index's column, as SQL.
pub(crate) fn column_name(table: &Table, number: u16) -> String {
    table
        .position_of_number(number)
        .map_or_else(String::new, |position| quote_identifier(&table.columns[position].name))
}

/// What an index's column is on, as SQL. A call stands by itself, other expressions in parentheses.
pub(crate) fn index_column_name(context: &EvalContext, table: &Table, column: &IndexColumn, pretty: bool) -> String {
    let Some(expression) = &column.expression else { return column_name(table, column.number) };
    expression_name(context, table, expression, pretty)
}

/// An expression of an index or of a partition key, as SQL.
pub(crate) fn expression_name(
    context: &EvalContext,
    table: &Table,
    expression: &IndexExpression,
    pretty: bool,
) -> String {
    let Written { text, is_call } = over_table(context, table, &expression.text, Clause::IndexExpression, pretty);
    if is_call { text } else { format!("({text})") }
}

fn index_column(context: &EvalContext, table: &Table, column: &IndexColumn, pretty: bool) -> String {
    let order = match (column.descending, column.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    };
    let class = column.class.as_ref().map_or_else(String::new, |class| format!(" {class}"));
    let collation = column.collation.and_then(super::collation_name);
    let collation = collation.map_or_else(String::new, |name| format!(" COLLATE {}", quote_identifier(name)));
    index_column_name(context, table, column, pretty) + &collation + &class + order
}

fn column_list(table: &Table, numbers: &[u16]) -> String {
    numbers.iter().map(|number| column_name(table, *number)).collect::<Vec<_>>().join(", ")
}

/// What stands in CREATE TABLE for a constraint. `pretty` leaves out parentheses that are not needed.
pub(crate) fn constraint_definition(
    context: &EvalContext,
    table: &Table,
    constraint: &Constraint,
    pretty: bool,
) -> String {
    let mut sql = constraint_text(context, table, constraint, pretty);
    match constraint.deferrable {
        None => {}
        Some(Deferrable::InitiallyImmediate) => sql.push_str(" DEFERRABLE"),
        Some(Deferrable::InitiallyDeferred) => sql.push_str(" DEFERRABLE INITIALLY DEFERRED"),
    }
    if constraint.not_valid {
        sql.push_str(" NOT VALID");
    }
    sql
}

/// What a key's index includes.
fn include_text(table: &Table, index: u32) -> String {
    match table.indexes.iter().find(|own| own.oid == index).map(|index| index.included.as_slice()) {
        None | Some([]) => String::new(),
        Some(included) => format!(" INCLUDE ({})", column_list(table, included)),
    }
}

fn constraint_text(context: &EvalContext, table: &Table, constraint: &Constraint, pretty: bool) -> String {
    let (catalog, path) = (&context.catalog, context.session.search_path.as_slice());
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, index } => {
            format!("PRIMARY KEY ({}){}", column_list(table, columns), include_text(table, *index))
        }
        ConstraintKind::Unique { columns, index } => {
            let distinct =
                table.indexes.iter().find(|found| found.oid == *index).is_none_or(|found| found.nulls_distinct);
            let distinct = if distinct { "" } else { "NULLS NOT DISTINCT " };
            format!("UNIQUE {distinct}({}){}", column_list(table, columns), include_text(table, *index))
        }
        ConstraintKind::Check { expression } => {
            let condition = over_table(context, table, expression, Clause::Check, pretty).text;
            format!("CHECK ({condition}){}", if constraint.no_inherit { " NO INHERIT" } else { "" })
        }
        ConstraintKind::ForeignKey {
            columns,
            target,
            target_columns,
            on_delete,
            on_update,
            match_full,
            set_columns,
        } => {
            let referenced = catalog.tables.get(target).map_or_else(String::new, |target| {
                format!("{}({})", relation_name(catalog, Some(path), target), column_list(target, target_columns))
            });
            let mut sql = format!("FOREIGN KEY ({}) REFERENCES {referenced}", column_list(table, columns));
            if *match_full {
                sql.push_str(" MATCH FULL");
            }
            for (event, action) in [("UPDATE", *on_update), ("DELETE", *on_delete)] {
                if action != ForeignKeyAction::NoAction {
                    sql.push_str(&format!(" ON {event} {}", action_words(action)));
                }
            }
            if !set_columns.is_empty() {
                sql.push_str(&format!(" ({})", column_list(table, set_columns)));
            }
            sql
        }
    }
}

/// A foreign key's action in SQL's words.
pub(crate) fn action_words(action: ForeignKeyAction) -> &'static str {
    match action {
        ForeignKeyAction::NoAction => "NO ACTION",
        ForeignKeyAction::Restrict => "RESTRICT",
        ForeignKeyAction::Cascade => "CASCADE",
        ForeignKeyAction::SetNull => "SET NULL",
        ForeignKeyAction::SetDefault => "SET DEFAULT",
    }
}
