//! What indexes see of rows besides columns: their expressions and conditions, checked when they are defined.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, ObjectName};

use super::DefinitionEnvironment;
use super::names;
use crate::catalog::pg_catalog::{ClassFor, class_for, other_types};
use crate::catalog::{AccessMethod, Catalog, IndexColumn, IndexExpression, Table};
use crate::error::{Error, Result, SqlState};
use crate::execute::derived;
use crate::expr::walk;
use crate::plan::bind::{Binder, Clause, Types, column_name, fold};
use crate::types::{self, Type, oid};

impl DefinitionEnvironment<'_> {
    pub(super) fn index_expression(&mut self, table: &Table, expression: &ast::Expr) -> Result<IndexExpression> {
        let catalog = self.catalog();
        let mut binder = Binder::new(&catalog, self.context, &[]).with_text(self.text);
        let bound = binder.over_table(&Arc::new(table.clone()), expression, Clause::IndexExpression)?;
        if !walk::is_immutable(&bound) {
            let message = "functions in index expression must be marked IMMUTABLE";
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        // A literal by itself is text, as in a SELECT list.
        let ty = if bound.ty.oid == oid::UNKNOWN { Type::new(oid::TEXT) } else { bound.ty };
        types::column_type(ty)?;
        Ok(IndexExpression { text: self.with_type_schemas(&catalog, expression).to_string(), ty })
    }

    /// The condition of a partial index, as text.
    pub(super) fn index_predicate(&mut self, table: &Table, condition: &ast::Expr) -> Result<String> {
        let catalog = self.catalog();
        let condition = bare(condition);
        let mut binder = Binder::new(&catalog, self.context, &[]).with_text(self.text);
        let bound = binder.over_table(&Arc::new(table.clone()), condition, Clause::IndexPredicate)?;
        if !walk::is_immutable(&bound) {
            let message = "functions in index predicate must be marked IMMUTABLE";
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        Ok(self.with_type_schemas(&catalog, condition).to_string())
    }

    /// The oids of the indexes whose expressions or conditions name the column at a position.
    pub(super) fn indexes_deriving(
        &self,
        catalog: &Arc<Catalog>,
        table: &Arc<Table>,
        position: usize,
    ) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        let mut bound = derived::bound(table, catalog, self.context)?.into_iter();
        for index in table.secondary_indexes() {
            for expr in bound.by_ref().take(index.derivations().count()) {
                if walk::columns_of(&expr).iter().any(|var| var.0 as usize == position) {
                    found.push(index.oid);
                }
            }
        }
        Ok(found)
    }

    /// Gives storage what computes the values that a table's indexes see behind its columns.
    pub(super) fn derive(&mut self, table: &mut Table) -> Result<()> {
        let catalog = self.catalog();
        derived::attach(table, &catalog, self.store)
    }
}

/// An expression without the parentheses around it.
pub(super) fn bare(expr: &ast::Expr) -> &ast::Expr {
    match expr {
        ast::Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

/// The words for an index's columns in a name that is made for it, those of INCLUDE too.
pub(super) fn words_for(catalog: &Catalog, table: &Table, columns: &[IndexColumn], included: &[u16]) -> String {
    let keys = columns.iter().map(|column| name_for(catalog, table, column));
    let others = included.iter().filter_map(|number| table.position_of_number(*number));
    names::joined_apart(keys.chain(others.map(|at| table.columns[at].name.clone())))
}

fn name_for(catalog: &Catalog, table: &Table, column: &IndexColumn) -> String {
    let Some(expression) = &column.expression else {
        return table.position_of_number(column.number).map_or_else(String::new, |at| table.columns[at].name.clone());
    };
    let parsed = super::rename::parsed(&expression.text).ok();
    let name = parsed.map(|parsed| column_name(bare(&parsed), Types { catalog, search_path: &[] }));
    name.filter(|name| name != "?column?").unwrap_or_else(|| "expr".to_owned())
}

/// The operator class to keep for a column of this type; None if it is the type's own. 42704 and 42804 for one that is not there, or
/// is for other types. All order a type as it is ordered anyway here.
pub(super) fn class_of(method: AccessMethod, name: &ObjectName, ty: Type) -> Result<Option<String>> {
    let class = name.0.last().and_then(|part| part.as_ident()).map(fold).unwrap_or_default();
    match class_for(method, &class, ty.oid) {
        ClassFor::Own => Ok(None),
        ClassFor::Other => Ok(Some(class)),
        ClassFor::OtherTypes => Err(other_types(&name.to_string(), ty)),
        ClassFor::Nothing => {
            let method = method.name();
            let message = format!("operator class \"{name}\" does not exist for access method \"{method}\"");
            Err(Error::new(SqlState::UNDEFINED_OBJECT, message))
        }
    }
}
