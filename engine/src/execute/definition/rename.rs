//! Renaming what expressions of the catalog name: they are kept as text, so the text is rewritten.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, Ident, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::DefinitionEnvironment;
use crate::catalog::{Constraint, ConstraintKind};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;

/// An expression of the catalog, parsed again.
pub(super) fn parsed(expression: &str) -> Result<ast::Expr> {
    let dialect = PostgreSqlDialect {};
    let parser = Parser::new(&dialect).try_with_sql(expression);
    parser.and_then(|mut parser| parser.parse_expr()).map_err(|error| {
        Error::new(
            SqlState::DATA_CORRUPTED,
            format!("the expression {expression} of the catalog cannot be read: {error}"),
        )
    })
}

/// Renames a table where its own check names it.
pub(super) fn table_in_check(constraint: &mut Constraint, old: &str, new: &str) -> Result<()> {
    rewrite_check(constraint, |expression| {
        if let ast::Expr::CompoundIdentifier(parts) = expression
            && parts.len() >= 2
        {
            let at = parts.len() - 2;
            rename(&mut parts[at], old, new);
        }
    })
}

/// Renames a column in a check.
fn column_in_check(constraint: &mut Constraint, old: &str, new: &str) -> Result<()> {
    rewrite_check(constraint, |expression| match expression {
        ast::Expr::Identifier(name) => rename(name, old, new),
        ast::Expr::CompoundIdentifier(parts) => {
            if let Some(name) = parts.last_mut() {
                rename(name, old, new);
            }
        }
        _ => {}
    })
}

fn rename(name: &mut Ident, old: &str, new: &str) {
    if fold(name) == old {
        *name = Ident::with_quote('"', new);
    }
}

fn rewrite_check(constraint: &mut Constraint, mut change: impl FnMut(&mut ast::Expr)) -> Result<()> {
    let ConstraintKind::Check { expression: text } = &mut constraint.kind else { return Ok(()) };
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
        for constraint in &mut table.constraints {
            column_in_check(constraint, &old, &new)?;
        }
        table.columns[position].name = new;
        self.redefine(table)?;
        Ok(())
    }
}
