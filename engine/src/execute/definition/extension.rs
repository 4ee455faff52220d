//! CREATE and DROP EXTENSION.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, Visit, visit_expressions};

use super::DefinitionEnvironment;
use super::alter::shown_column;
use super::drop::{Dependent, Part};
use super::names::{named_schema, quoted};
use super::rename::parsed;
use crate::catalog::extension::PROCEDURAL;
use crate::catalog::{Catalog, Change, ConstraintKind, Extension, Table, UserType};
use crate::error::{Error, Result, SqlState};
use crate::function::{available, functions_named};
use crate::plan::bind::fold;
use crate::statement::definition::NewExtension;
use crate::statement::parse_query;
use crate::types::{Type, display};

impl DefinitionEnvironment<'_> {
    pub(super) async fn create_extension(&mut self, new: &NewExtension) -> Result<()> {
        let name = &new.name;
        self.lock_extension(name).await?;
        if name == PROCEDURAL || self.catalog().extension_named(name).is_some() {
            let message = format!("extension \"{name}\" already exists");
            if new.if_not_exists {
                self.notice_skipping(Some(SqlState::DUPLICATE_OBJECT), message);
                return Ok(());
            }
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
        }
        let brings = available(name).ok_or_else(|| {
            Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("extension \"{name}\" is not available"))
                .with_hint("The extensions that there are can be seen in pg_available_extensions.")
        })?;
        if let Some(version) = new.version.as_ref().filter(|version| *version != brings.version) {
            let message =
                format!("extension \"{name}\" has no installation script nor update path for version \"{version}\"");
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
        self.check_database().map_err(|_| {
            let message = format!("permission denied to create extension \"{name}\"");
            Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
                .with_hint("Must have CREATE privilege on current database to create this extension.")
        })?;
        let schema = self.extension_schema(new.schema.as_deref()).await?;
        let owner = self.principal.role().0;
        self.lock_role(owner, false).await?;
        let oid = self.store.allocate_oid()?;
        let extension = Extension {
            oid,
            name: name.clone(),
            schema,
            owner,
            version: brings.version.to_owned(),
            comment: Some(brings.comment.to_owned()),
        };
        self.apply(Change::Extension(oid, Some(Arc::new(extension))))
    }

    /// Where its functions go: the schema that is named, or the first of the search path. Locked, so that it stays.
    async fn extension_schema(&mut self, name: Option<&str>) -> Result<u32> {
        loop {
            let catalog = self.catalog();
            let find = |catalog: &Catalog| match name {
                Some(name) => named_schema(catalog, name).map(|schema| schema.oid),
                None => {
                    let mut path = self.context.session.creation_path();
                    path.find_map(|schema| catalog.schema_named(schema)).map(|schema| schema.oid).ok_or_else(|| {
                        Error::new(SqlState::INVALID_SCHEMA_NAME, "no schema has been selected to create in")
                    })
                }
            };
            let found = find(&catalog)?;
            self.lock_schema(found, false).await?;
            let catalog = self.catalog();
            let again = match name {
                Some(name) => named_schema(&catalog, name).map(|schema| schema.oid)?,
                None => found,
            };
            if again == found && catalog.schemas.contains_key(&found) {
                return Ok(found);
            }
        }
    }

    async fn lock_extension(&mut self, name: &str) -> Result<()> {
        self.lock_definition(&[b"extension:", name.as_bytes()].concat(), true).await
    }

    /// Runs DROP EXTENSION.
    pub(super) async fn drop_extensions(&mut self, names: &[String], if_exists: bool, cascade: bool) -> Result<()> {
        let mut dropped = Vec::with_capacity(names.len());
        for name in names {
            if name == PROCEDURAL {
                return Err(Error::unsupported("DROP EXTENSION plpgsql"));
            }
            self.lock_extension(name).await?;
            let Some(extension) = self.catalog().extension_named(name).cloned() else {
                let message = format!("extension \"{name}\" does not exist");
                if if_exists {
                    self.notice_skipping(None, message);
                    continue;
                }
                return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
            };
            self.check_own(extension.owner, "extension", name)?;
            if !dropped.iter().any(|other: &Arc<Extension>| other.oid == extension.oid) {
                dropped.push(extension);
            }
        }
        self.remove_extensions(&dropped, cascade).await
    }

    /// Drops extensions with what uses their functions, or refuses.
    pub(super) async fn remove_extensions(&mut self, extensions: &[Arc<Extension>], cascade: bool) -> Result<()> {
        if extensions.is_empty() {
            return Ok(());
        }
        let catalog = self.catalog();
        let dependents = self.users_of_functions(&catalog, extensions)?;
        let what = match extensions {
            [one] => format!("extension {}", one.name),
            _ => "desired object(s)".to_owned(),
        };
        self.cascade_or_refuse(&dependents, &what, cascade).await?;
        extensions.iter().try_for_each(|extension| self.apply(Change::Extension(extension.oid, None)))
    }

    /// The extensions that lie in a schema.
    pub(super) fn extensions_in(&mut self, schema: u32) -> Vec<Arc<Extension>> {
        let catalog = self.catalog();
        catalog.extensions.values().filter(|extension| extension.schema == schema).cloned().collect()
    }

    /// What calls functions of these extensions. 2BP01 for what cannot go with them.
    fn users_of_functions(&self, catalog: &Catalog, extensions: &[Arc<Extension>]) -> Result<Vec<Dependent>> {
        let used = Used { extensions };
        let mut dependents = Vec::new();
        for table in catalog.tables.values().filter(|table| !table.is_system()) {
            let query = table.view().map(|view| &view.text);
            let query = query.or_else(|| table.materialized.as_ref().map(|materialized| &materialized.view.text));
            if let Some(on) = query.and_then(|text| used.in_query(text)) {
                let shown = format!("{} {}", table.noun(), self.shown(catalog, table));
                dependents.push(Dependent { table: table.oid, part: Part::Whole, shown, on });
                continue;
            }
            self.add_users_in(catalog, table, &used, &mut dependents)?;
        }
        // Views over views that go.
        let views: Vec<u32> =
            dependents.iter().filter(|user| user.part == Part::Whole).map(|user| user.table).collect();
        dependents.extend(self.views_over(catalog, &views, None));
        for ty in catalog.types.values() {
            if let Some(on) = used.in_type(ty) {
                let ty = format!("type {}", quoted(&ty.name));
                return Err(Error::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!("cannot drop {on} because {ty} depends on it"),
                ));
            }
        }
        Ok(dependents)
    }

    fn add_users_in(
        &self,
        catalog: &Catalog,
        table: &Table,
        used: &Used<'_>,
        dependents: &mut Vec<Dependent>,
    ) -> Result<()> {
        for column in &table.columns {
            let Some(on) = column.default.as_deref().and_then(|text| used.in_expression(text)) else { continue };
            let shown = shown_column(self, catalog, table, &column.name);
            if column.generated {
                return Err(refused(&on, &shown));
            }
            let shown = format!("default value for {shown}");
            dependents.push(Dependent { table: table.oid, part: Part::Default(column.number), shown, on });
        }
        for constraint in &table.constraints {
            let ConstraintKind::Check { expression } = &constraint.kind else { continue };
            let Some(on) = used.in_expression(expression) else { continue };
            let shown = format!("constraint {} on table {}", quoted(&constraint.name), self.shown(catalog, table));
            dependents.push(Dependent { table: table.oid, part: Part::Constraint(constraint.oid), shown, on });
        }
        for index in &table.indexes {
            let expressions = index.columns.iter().filter_map(|column| column.expression.as_ref());
            let mut texts = expressions.map(|expression| &expression.text).chain(&index.predicate);
            if let Some(on) = texts.find_map(|text| used.in_expression(text)) {
                return Err(refused(&on, &format!("index {}", quoted(&index.name))));
            }
        }
        let mut keys = table.partitioning.key.iter().flat_map(|key| &key.expressions);
        if let Some(on) = keys.find_map(|expression| used.in_expression(&expression.text)) {
            return Err(refused(&on, &format!("table {}", self.shown(catalog, table))));
        }
        Ok(())
    }

    /// The extensions that belong to roles, which go or are given away.
    pub(super) fn extensions_of(&mut self, roles: &[u32]) -> Vec<Arc<Extension>> {
        let catalog = self.catalog();
        catalog.extensions.values().filter(|extension| roles.contains(&extension.owner)).cloned().collect()
    }

    /// 42501 unless the principal owns the extension of that name, which is locked.
    pub(super) async fn own_extension(&mut self, name: &str) -> Result<Arc<Extension>> {
        if name == PROCEDURAL {
            return Err(Error::unsupported("a change of the extension plpgsql"));
        }
        self.lock_extension(name).await?;
        let found = self.catalog().extension_named(name).cloned();
        let found = found
            .ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("extension \"{name}\" does not exist")))?;
        self.check_own(found.owner, "extension", name)?;
        Ok(found)
    }
}

/// What uses a function where nothing can be taken away alone.
fn refused(on: &str, shown: &str) -> Error {
    let message = format!("cannot drop {on} because other objects depend on it");
    Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .with_detail(format!("{shown} depends on {on}"))
        .with_hint("Drop that first.")
}

/// Functions that may be used, and where.
struct Used<'a> {
    extensions: &'a [Arc<Extension>],
}

impl Used<'_> {
    /// The function of these that is called in an expression of the catalog, in the words of messages.
    fn in_expression(&self, text: &str) -> Option<String> {
        self.in_tree(&parsed(text).ok()?)
    }

    fn in_query(&self, text: &str) -> Option<String> {
        self.in_tree(&parse_query(text).ok()?)
    }

    fn in_type(&self, ty: &UserType) -> Option<String> {
        let domain = ty.domain()?;
        let mut texts = domain.default.iter().chain(domain.checks.iter().map(|check| &check.expression));
        texts.find_map(|text| self.in_expression(text))
    }

    fn in_tree(&self, tree: &impl Visit) -> Option<String> {
        let found = visit_expressions(tree, |part| {
            let ast::Expr::Function(call) = part else { return ControlFlow::Continue(()) };
            let name = call.name.0.last().and_then(|part| part.as_ident()).map(fold);
            // Without a schema one that is built in comes first.
            if call.name.0.len() == 1 && name.as_deref().is_some_and(|name| !functions_named(name).is_empty()) {
                return ControlFlow::Continue(());
            }
            let mut functions = self.extensions.iter().flat_map(|extension| extension.functions());
            // Which of the functions of one name is called does not matter: they go together.
            let called = functions.find(|function| Some(function.name) == name.as_deref());
            called.map_or(ControlFlow::Continue(()), |function| {
                let args: Vec<String> = function.args.iter().map(|oid| display(Type::new(*oid))).collect();
                ControlFlow::Break(format!("function {}({})", function.name, args.join(",")))
            })
        });
        match found {
            ControlFlow::Break(shown) => Some(shown),
            ControlFlow::Continue(()) => None,
        }
    }
}
