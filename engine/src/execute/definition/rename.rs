//! Renaming what expressions of the catalog name: they are kept as text, so the text is rewritten.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, Ident, visit_expressions, visit_expressions_mut};

use super::DefinitionEnvironment;
use crate::catalog::{Constraint, ConstraintKind, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;

/// An expression of the catalog, parsed again.
pub(super) fn parsed(expression: &str) -> Result<ast::Expr> {
    crate::statement::parse_expression(expression).map_err(|error| {
        Error::new(
            SqlState::DATA_CORRUPTED,
            format!("the expression {expression} of the catalog cannot be read: {error}"),
        )
    })
}

/// Renames a table where its own expressions name it.
pub(super) fn table_in_expressions(table: &mut Table, new: &str) -> Result<()> {
    let old = table.name.clone();
    expressions(table).into_iter().try_for_each(|text| table_in(text, &old, new))
}

/// Renames a table where a check names it.
pub(super) fn table_in_check(constraint: &mut Constraint, old: &str, new: &str) -> Result<()> {
    match &mut constraint.kind {
        ConstraintKind::Check { expression } => table_in(expression, old, new),
        _ => Ok(()),
    }
}

fn table_in(text: &mut String, old: &str, new: &str) -> Result<()> {
    rewrite(text, |expression| {
        if let ast::Expr::CompoundIdentifier(parts) = expression
            && parts.len() >= 2
        {
            let at = parts.len() - 2;
            rename(&mut parts[at], old, new);
        }
    })
}

/// Renames a column in an expression over its table.
fn column_in(text: &mut String, old: &str, new: &str) -> Result<()> {
    rewrite(text, |expression| match expression {
        ast::Expr::Identifier(name) => rename(name, old, new),
        ast::Expr::CompoundIdentifier(parts) => {
            if let Some(name) = parts.last_mut() {
                rename(name, old, new);
            }
        }
        _ => {}
    })
}

/// Whether an expression over a table's columns names one of them.
pub(super) fn names_column(text: &str, column: &str) -> bool {
    let Ok(expression) = parsed(text) else { return true };
    let found = visit_expressions(&expression, |part| match part {
        ast::Expr::Identifier(name) if fold(name) == column => ControlFlow::Break(()),
        ast::Expr::CompoundIdentifier(parts) if parts.last().is_some_and(|name| fold(name) == column) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// The expressions of a table over its own columns.
fn expressions(table: &mut Table) -> Vec<&mut String> {
    let checks = table.constraints.iter_mut().filter_map(|constraint| match &mut constraint.kind {
        ConstraintKind::Check { expression } => Some(expression),
        _ => None,
    });
    let generated = table.columns.iter_mut().filter(|column| column.generated);
    let indexed = table.indexes.iter_mut().flat_map(|index| {
        let expressions = index.columns.iter_mut().filter_map(|column| column.expression.as_mut());
        expressions.map(|expression| &mut expression.text).chain(index.predicate.as_mut())
    });
    let divides = table.partitioning.key.iter_mut().flat_map(|key| &mut key.expressions);
    let divides = divides.map(|expression| &mut expression.text);
    checks.chain(generated.filter_map(|column| column.default.as_mut())).chain(indexed).chain(divides).collect()
}

fn rename(name: &mut Ident, old: &str, new: &str) {
    if fold(name) == old {
        *name = Ident::with_quote('"', new);
    }
}

fn rewrite(text: &mut String, mut change: impl FnMut(&mut ast::Expr)) -> Result<()> {
    let mut expression = parsed(text)?;
    let ControlFlow::<()>::Continue(()) = visit_expressions_mut(&mut expression, |part| {
        change(part);
        ControlFlow::Continue(())
    }) else {
        return Ok(());
    };
    *text = expression.to_string();
    Ok(())
}

impl DefinitionEnvironment<'_> {
    pub(super) fn alter_rename_column(&mut self, oid: u32, old: &Ident, new: &Ident) -> Result<()> {
        let (old, new) = (fold(old), fold(new));
        let (_, table) = self.locked_table(oid)?;
        let position = table
            .position_of(&old)
            .ok_or_else(|| Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{old}\" does not exist")))?;
        if table.position_of(&new).is_some() {
            let message = format!("column \"{new}\" of relation \"{}\" already exists", table.name);
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        let mut table = (*table).clone();
        expressions(&mut table).into_iter().try_for_each(|text| column_in(text, &old, &new))?;
        table.columns[position].name = new;
        self.redefine(table)?;
        Ok(())
    }
}
