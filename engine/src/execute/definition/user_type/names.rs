//! The names of types in expressions that the catalog keeps as text: with their schemas, so that no search path matters,
//! and written anew when a type gets another name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, ArrayElemTypeDef, DataType, Ident, ObjectName, visit_expressions_mut};

use super::super::DefinitionEnvironment;
use super::super::rename::parsed;
use crate::catalog::{Catalog, ConstraintKind, UserType, UserTypeKind};
use crate::error::Result;
use crate::plan::bind::QualifiedName;

/// Calls `visit` with every type that the expression names.
fn each_type(expression: &mut ast::Expr, visit: &mut dyn FnMut(&mut ObjectName)) {
    let _ = visit_expressions_mut(expression, |part| {
        match part {
            ast::Expr::Cast { data_type, .. } => each_name(data_type, visit),
            ast::Expr::TypedString(typed) => each_name(&mut typed.data_type, visit),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
}

fn each_name(data_type: &mut DataType, visit: &mut dyn FnMut(&mut ObjectName)) {
    match data_type {
        DataType::Custom(name, _) => visit(name),
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element)) => {
            each_name(element, visit);
        }
        _ => {}
    }
}

fn full_name(schema: &str, name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::with_quote('"', schema), Ident::with_quote('"', name)])
}

impl DefinitionEnvironment<'_> {
    /// The oid of the type that a name means, if SQL defined it.
    fn defined(&self, catalog: &Catalog, name: &ObjectName) -> Option<u32> {
        let name = QualifiedName::of(name, &self.context.session.database).ok()?;
        let in_system = name.schema.is_none() && crate::types::builtin::by_name(&name.name).is_some();
        let path = &self.context.session.search_path;
        (!in_system).then(|| catalog.find_type(name.schema.as_deref(), &name.name, path)).flatten()
    }

    /// The expression with schemas at the names of types that SQL defined.
    pub(in crate::execute::definition) fn with_type_schemas(
        &self,
        catalog: &Catalog,
        expression: &ast::Expr,
    ) -> ast::Expr {
        let mut expression = expression.clone();
        if catalog.types.is_empty() {
            return expression;
        }
        each_type(&mut expression, &mut |name| {
            let Some((ty, array)) = self.defined(catalog, name).and_then(|oid| catalog.defined_type(oid)) else {
                return;
            };
            if let Some(schema) = catalog.schemas.get(&ty.schema) {
                *name = full_name(&schema.name, if array { &ty.array_name } else { &ty.name });
            }
        });
        expression
    }

    /// Whether an expression of the catalog names one of these types or their arrays.
    pub(super) fn names_type(&self, catalog: &Catalog, expression: &str, types: &[u32]) -> Result<bool> {
        let mut expression = parsed(expression)?;
        let mut found = false;
        each_type(&mut expression, &mut |name| {
            let defined = self.defined(catalog, name).and_then(|oid| catalog.defined_type(oid));
            found |= defined.is_some_and(|(ty, _)| types.contains(&ty.oid));
        });
        Ok(found)
    }

    /// Puts a type under another name or into another schema, in the expressions of the catalog too.
    pub(super) fn move_type(&mut self, before: &UserType, after: UserType) -> Result<()> {
        let catalog = self.catalog();
        let schema = catalog.schemas.get(&after.schema).map_or_else(String::new, |schema| schema.name.clone());
        let (name, array_name) = (full_name(&schema, &after.name), full_name(&schema, &after.array_name));
        let renamed = |text: &str| -> Result<Option<String>> {
            if !text.contains(&before.name) {
                return Ok(None);
            }
            let mut expression = parsed(text)?;
            let mut found = false;
            each_type(&mut expression, &mut |written| {
                let oid = self.defined(&catalog, written);
                if oid == Some(before.oid) || oid == Some(before.array) {
                    *written = if oid == Some(before.oid) { name.clone() } else { array_name.clone() };
                    found = true;
                }
            });
            Ok(found.then(|| expression.to_string()))
        };
        let (mut tables, mut types) = (Vec::new(), Vec::new());
        for table in catalog.tables.values() {
            let mut changed = (**table).clone();
            for column in &mut changed.columns {
                if let Some(text) = column.default.as_deref().map(&renamed).transpose()?.flatten() {
                    column.default = Some(text);
                }
            }
            for constraint in &mut changed.constraints {
                if let ConstraintKind::Check { expression } = &mut constraint.kind
                    && let Some(text) = renamed(expression)?
                {
                    *expression = text;
                }
            }
            for index in &mut changed.indexes {
                let expressions = index.columns.iter_mut().filter_map(|column| column.expression.as_mut());
                for text in expressions.map(|expression| &mut expression.text).chain(index.predicate.as_mut()) {
                    if let Some(renamed) = renamed(text)? {
                        *text = renamed;
                    }
                }
            }
            if changed != **table {
                tables.push(changed);
            }
        }
        for ty in catalog.types.values().filter(|ty| ty.oid != before.oid) {
            let mut changed = (**ty).clone();
            let UserTypeKind::Domain(domain) = &mut changed.kind else { continue };
            if let Some(text) = domain.default.as_deref().map(&renamed).transpose()?.flatten() {
                domain.default = Some(text);
            }
            for check in &mut domain.checks {
                if let Some(text) = renamed(&check.expression)? {
                    check.expression = text;
                }
            }
            if changed != **ty {
                types.push(changed);
            }
        }
        self.put_type(after)?;
        for ty in types {
            self.put_type(ty)?;
        }
        for table in tables {
            self.put_table(table)?;
        }
        Ok(())
    }
}
