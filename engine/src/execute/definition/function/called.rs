//! Calls in what a table keeps as text, which name functions by oid: they may be renamed and moved, and must not go.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, Ident, ObjectName, Spanned, visit_expressions_mut};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::super::DefinitionEnvironment;
use super::super::drop::{Dependent, Part};
use super::super::names::quoted;
use crate::catalog::{Catalog, ConstraintKind, Table};
use crate::error::Result;
use crate::plan::bind::{Binder, ROUTINE, fold};

/// The expression with the functions at these places named by oid.
pub(in crate::execute::definition) fn with_functions(mut expr: ast::Expr, called: &[(Location, u32)]) -> ast::Expr {
    if called.is_empty() {
        return expr;
    }
    let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |part| {
        if let ast::Expr::Function(call) = part
            && let Some((_, oid)) = called.iter().find(|(place, _)| *place == call.name.span().start)
            && let Some(own) = call.name.0.last().and_then(|part| part.as_ident()).map(fold)
        {
            let marked = [Ident::new(ROUTINE), Ident::with_quote('"', oid.to_string()), Ident::with_quote('"', own)];
            call.name = ObjectName::from(marked.to_vec());
        }
        ControlFlow::Continue(())
    });
    expr
}

/// Whether such a text calls a function.
fn calls(text: &str, function: u32) -> bool {
    text.contains(&format!("{ROUTINE}.\"{function}\"."))
}

impl DefinitionEnvironment<'_> {
    /// Where an expression of the statement calls functions that SQL defined.
    pub(in crate::execute::definition) fn functions_in<T>(
        &self,
        catalog: &Arc<Catalog>,
        bind: impl FnOnce(&mut Binder<'_>) -> Result<T>,
    ) -> Result<Vec<(Location, u32)>> {
        if catalog.functions.is_empty() {
            return Ok(Vec::new());
        }
        Binder::new(catalog, self.context, &[]).with_text(self.text).telling_table_oid().functions_called(bind)
    }

    /// Adds the defaults and checks of tables that call a function.
    pub(super) fn add_calling_parts(
        &self,
        catalog: &Catalog,
        function: u32,
        on: &str,
        seen: &[u32],
        found: &mut Vec<Dependent>,
    ) {
        let mut add = |table: &Table, part: Part, shown: String| {
            if !found.iter().any(|known| (known.table, known.part) == (table.oid, part)) {
                found.push(Dependent { table: table.oid, part, shown, on: on.to_owned() });
            }
        };
        for table in catalog.tables.values().filter(|table| !seen.contains(&table.oid)) {
            let calling = |column: &&crate::catalog::TableColumn| {
                column.default.as_deref().is_some_and(|text| calls(text, function))
            };
            for column in table.columns.iter().filter(calling) {
                let shown = super::super::alter::shown_column(self, catalog, table, &column.name);
                add(table, Part::Default(column.number), format!("default value for {shown}"));
            }
            for constraint in table.constraints.iter().filter(|constraint| constraint.parent.is_none()) {
                if let ConstraintKind::Check { expression } = &constraint.kind
                    && calls(expression, function)
                {
                    let shown =
                        format!("constraint {} on table {}", quoted(&constraint.name), self.shown(catalog, table));
                    add(table, Part::Constraint(constraint.oid), shown);
                }
            }
        }
    }
}
