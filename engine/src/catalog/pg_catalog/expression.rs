//! Stored expressions as they are shown: bound again and written by `deparse`, or as they were given where that cannot be.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, visit_expressions};

use crate::catalog::{ConstraintKind, Table, TableColumn, View};
use crate::deparse::{self, Written};
use crate::function::EvalContext;
use crate::plan::bind::{Clause, fold};
use crate::statement::parse_expression;
use crate::types::Type;

/// An expression over a table's columns. As it was given, it is put in parentheses that do not depend on what it is.
pub(crate) fn over_table(context: &EvalContext, table: &Table, text: &str, clause: Clause, pretty: bool) -> Written {
    let table = match context.catalog.tables.get(&table.oid) {
        Some(known) => known.clone(),
        None => Arc::new(table.clone()),
    };
    deparse::expression(context, Some(&table), text, (clause, None), pretty).unwrap_or_else(|_| as_given(text, pretty))
}

/// The condition of a domain.
pub(crate) fn of_domain(context: &EvalContext, base: Type, text: &str, pretty: bool) -> String {
    deparse::domain_check(context, text, base, pretty).unwrap_or_else(|_| as_given(text, pretty).text)
}

/// What stands for a value of a domain that nobody gave.
pub(super) fn domain_default(context: &EvalContext, base: Type, text: &str) -> String {
    let written = deparse::expression(context, None, text, (Clause::Default, Some(base)), false);
    written.map_or_else(|_| text.to_owned(), |written| written.text)
}

/// What stands for a column's value that nobody gave, or what computes it.
pub(crate) fn default_of(
    context: &EvalContext,
    table: &Table,
    column: &TableColumn,
    text: &str,
    pretty: bool,
) -> String {
    let table = context.catalog.tables.get(&table.oid).filter(|_| column.generated);
    let clause = if column.generated { Clause::Generation } else { Clause::Default };
    let written = deparse::expression(context, table, text, (clause, Some(column.ty)), pretty);
    written.map_or_else(|_| text.to_owned(), |written| written.text)
}

/// The columns that an expression over a table names, in the order in which they first stand there.
pub(super) fn columns_named(table: &Table, text: &str) -> Vec<u16> {
    let mut numbers = Vec::new();
    // What cannot be read any more names nothing that could be told.
    let Ok(parsed) = parse_expression(text) else { return numbers };
    let ControlFlow::<()>::Continue(()) = visit_expressions(&parsed, |part| {
        let name = match part {
            ast::Expr::Identifier(name) => Some(name),
            ast::Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        let column = name.map(fold).and_then(|name| table.columns.iter().find(|column| column.name == name));
        if let Some(number) = column.map(|column| column.number).filter(|number| !numbers.contains(number)) {
            numbers.push(number);
        }
        ControlFlow::Continue(())
    }) else {
        return numbers;
    };
    numbers
}

/// A column's default as `pg_attrdef` keeps it, for `pg_get_expr` to make SQL of.
pub(crate) fn default_node(column: u16, text: &str) -> String {
    format!("{{{column}}} {text}")
}

/// An expression of a policy, over the rows of its table.
pub(super) fn of_policy(context: &EvalContext, table: &Arc<Table>, view: &View, pretty: bool) -> String {
    let written = deparse::policy(context, table, view, pretty);
    written.unwrap_or_else(|_| super::view_text::expression_as_given(context, view))
}

/// What `pg_get_expr` answers: the expression of a relation that is kept in this form.
pub(crate) fn stored(context: &EvalContext, node: &str, relation: u32, pretty: bool) -> String {
    if let Some((table, view)) = super::policy::of_node(&context.catalog, node) {
        return of_policy(context, table, view, pretty);
    }
    let Some(table) = context.catalog.tables.get(&relation) else {
        let written = deparse::expression(context, None, node, (Clause::Default, None), pretty);
        return written.map_or_else(|_| node.to_owned(), |written| written.text);
    };
    let default = node.strip_prefix('{').and_then(|rest| rest.split_once("} ")).and_then(|(number, text)| {
        let column = table.columns.iter().find(|column| Ok(column.number) == number.parse())?;
        Some(default_of(context, table, column, text, pretty))
    });
    if let Some(default) = default {
        return default;
    }
    let is_check = |kind: &ConstraintKind| matches!(kind, ConstraintKind::Check { expression } if expression == node);
    let clause = if table.indexes.iter().any(|index| index.predicate.as_deref() == Some(node)) {
        Clause::IndexPredicate
    } else if table.constraints.iter().any(|constraint| is_check(&constraint.kind)) {
        Clause::Check
    } else {
        return node.to_owned();
    };
    over_table(context, table, node, clause, pretty).text
}

fn as_given(text: &str, pretty: bool) -> Written {
    let text = if pretty { text.to_owned() } else { format!("({text})") };
    Written { text, is_call: false }
}
