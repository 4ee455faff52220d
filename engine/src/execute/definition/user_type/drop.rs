//! DROP TYPE and DROP DOMAIN: what has the type forbids that, or goes too (CASCADE).

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName;

use super::super::DefinitionEnvironment;
use super::super::alter::shown_column;
use super::super::drop::{Dependent, Part};
use super::super::names::quoted;
use super::undefined;
use crate::catalog::{Catalog, Change, ConstraintKind, UserType};
use crate::error::{Error, Report, Result, SqlState};
use crate::plan::bind::QualifiedName;
use crate::types::{Type, builtin};

/// Runs DROP TYPE and DROP DOMAIN.
pub(in crate::execute::definition) async fn run(
    names: &[ObjectName],
    domain: bool,
    (if_exists, cascade): (bool, bool),
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let mut oids = Vec::with_capacity(names.len());
    for name in names {
        let name = environment.qualified(name)?;
        if let Some(oid) = environment.lock_type_to_drop(&name, domain, if_exists).await?
            && !oids.contains(&oid)
        {
            oids.push(oid);
        }
    }
    environment.drop_types(&oids, cascade).await
}

impl DefinitionEnvironment<'_> {
    async fn lock_type_to_drop(&mut self, name: &QualifiedName, domain: bool, if_exists: bool) -> Result<Option<u32>> {
        loop {
            let catalog = self.catalog();
            if if_exists
                && let Some(schema) = &name.schema
                && catalog.schema_named(schema).is_none()
            {
                self.notice_skipping(None, format!("schema \"{schema}\" does not exist"));
                return Ok(None);
            }
            let Some(oid) = self.find_type(&catalog, name)? else {
                if if_exists {
                    let state = Report {
                        message: format!("type \"{name}\" does not exist, skipping").into(),
                        ..Report::default()
                    };
                    self.notices.push(state);
                    return Ok(None);
                }
                return Err(undefined(name));
            };
            let ty = self.droppable_type(&catalog, oid, domain)?;
            self.lock_type(ty.oid, true).await?;
            let catalog = self.catalog();
            if self.find_type(&catalog, name)? == Some(oid) {
                self.lock_name(ty.schema, &ty.name).await?;
                return Ok(Some(oid));
            }
        }
    }

    fn droppable_type(&self, catalog: &Catalog, oid: u32, domain: bool) -> Result<Arc<UserType>> {
        let shown = self.type_shown(catalog, oid);
        let cannot = |message: String| Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message);
        let defined = catalog.defined_type(oid);
        if domain && defined.is_none_or(|(ty, array)| array || ty.domain().is_none()) {
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{shown}\" is not a domain")));
        }
        let Some((ty, array)) = defined else {
            return Err(cannot(format!("cannot drop type {shown} because it is required by the database system")));
        };
        // The owner of the schema may drop what is in it.
        let schema_owner = catalog.schemas.get(&ty.schema).map(|schema| schema.owner);
        if !schema_owner.is_some_and(|owner| self.principal.has_privileges_of(auth::RoleId(owner))) {
            self.check_owner(ty.owner, "type", &shown)?;
        }
        if array {
            let element = self.type_shown(catalog, ty.oid);
            return Err(cannot(format!("cannot drop type {shown} because type {element} requires it"))
                .with_hint(format!("You can drop type {element} instead.")));
        }
        if ty.is_multirange() {
            let range = self.type_shown(catalog, ty.counterpart().unwrap_or_default());
            return Err(cannot(format!("cannot drop type {shown} because type {range} requires it"))
                .with_hint(format!("You can drop type {range} instead.")));
        }
        Ok(ty.clone())
    }

    pub(in crate::execute::definition) fn type_shown(&self, catalog: &Catalog, oid: u32) -> String {
        catalog.type_shown(Type::new(oid), &self.context.session.search_path).unwrap_or_default()
    }

    /// Drops types, which are locked, with what depends on them.
    pub(in crate::execute::definition) async fn drop_types(&mut self, named: &[u32], cascade: bool) -> Result<()> {
        let catalog = self.catalog();
        let mut oids = named.to_vec();
        // Domains over these types go with them; an oid may be found more than once on the way.
        let mut domains: Vec<(u32, String)> = Vec::new();
        let mut next = 0;
        while let Some(&oid) = oids.get(next) {
            next += 1;
            // A range goes with its multirange.
            let multirange = catalog.types.get(&oid).and_then(|ty| ty.counterpart());
            oids.extend(multirange.filter(|multirange| !oids.contains(multirange)));
            for ty in catalog.types.values() {
                let over = ty.domain().is_some_and(|domain| element_or_self(domain.base.oid) == oid);
                if over && !oids.contains(&ty.oid) {
                    oids.push(ty.oid);
                    domains.push((ty.oid, self.words_for(&catalog, oid)));
                }
            }
        }
        for ty in catalog.types.values().filter(|ty| !oids.contains(&ty.oid)) {
            let fields = catalog.attributes(ty.oid).unwrap_or_default();
            if let Some(field) = fields.iter().find(|field| oids.contains(&element_or_self(field.ty.oid))) {
                if cascade {
                    return Err(Error::unsupported("DROP TYPE … CASCADE of a type that a composite type has"));
                }
                let on = element_or_self(field.ty.oid);
                let message =
                    format!("cannot drop {} because other objects depend on it", self.words_for(&catalog, on));
                let (field, user, on) = (&field.name, self.type_shown(&catalog, ty.oid), self.words_for(&catalog, on));
                return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                    .with_detail(format!("column {field} of composite type {user} depends on {on}"))
                    .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
            }
        }
        let dependents = self.dependents_of_types(&catalog, &oids)?;
        let what = match named {
            [one] => self.words_for(&catalog, *one),
            _ => "desired object(s)".to_owned(),
        };
        if !(cascade || domains.is_empty() && dependents.is_empty()) {
            let domains =
                domains.iter().map(|(oid, on)| format!("type {} depends on {on}", self.type_shown(&catalog, *oid)));
            let others = dependents.iter().map(|dependent| format!("{} depends on {}", dependent.shown, dependent.on));
            let pronoun = if named.len() == 1 { "it" } else { "them" };
            let message = format!("cannot drop {what} because other objects depend on {pronoun}");
            return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .with_detail(domains.chain(others).collect::<Vec<_>>().join("\n"))
                .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        let shown: Vec<String> = domains
            .iter()
            .map(|(oid, _)| format!("type {}", self.type_shown(&catalog, *oid)))
            .chain(dependents.iter().map(|dependent| dependent.shown.clone()))
            .collect();
        self.notice_cascade(&shown);
        for (oid, _) in &domains {
            self.lock_type(*oid, true).await?;
        }
        for dependent in &dependents {
            self.remove_dependent(dependent).await?;
        }
        for oid in oids {
            self.apply(Change::Type(oid, None))?;
        }
        Ok(())
    }

    fn words_for(&self, catalog: &Catalog, oid: u32) -> String {
        format!("type {}", self.type_shown(catalog, oid))
    }

    /// Columns of these types, and defaults and checks that name one of them.
    pub(in crate::execute::definition) fn dependents_of_types(
        &self,
        catalog: &Catalog,
        types: &[u32],
    ) -> Result<Vec<Dependent>> {
        let mut dependents = Vec::new();
        let of_column = |ty: Type| Some(element_or_self(ty.oid)).filter(|oid| types.contains(oid));
        // A partition's columns are its parent's.
        for table in catalog.tables.values().filter(|table| table.partitioning.of.is_none()) {
            if table.view().is_some() {
                if let Some(oid) = table.columns.iter().find_map(|column| of_column(column.ty)) {
                    let (shown, on) = (format!("view {}", self.shown(catalog, table)), self.words_for(catalog, oid));
                    dependents.push(Dependent { table: table.oid, part: Part::Whole, shown, on });
                }
                continue;
            }
            for column in table.columns.iter().filter(|column| catalog.column_parents(table, &column.name) == 0) {
                let column_shown = shown_column(self, catalog, table, &column.name);
                if let Some(oid) = of_column(column.ty) {
                    let on = self.words_for(catalog, oid);
                    dependents.push(Dependent {
                        table: table.oid,
                        part: Part::Typed(column.number),
                        shown: column_shown,
                        on,
                    });
                } else if let Some(default) = &column.default
                    && self.names_type(catalog, default, types)?
                {
                    let shown = format!("default value for {column_shown}");
                    let on = self.words_for(catalog, types[0]);
                    dependents.push(Dependent { table: table.oid, part: Part::Default(column.number), shown, on });
                }
            }
            for constraint in &table.constraints {
                let ConstraintKind::Check { expression } = &constraint.kind else { continue };
                if self.names_type(catalog, expression, types)? {
                    let table_shown = self.shown(catalog, table);
                    let shown = format!("constraint {} on table {table_shown}", quoted(&constraint.name));
                    let on = self.words_for(catalog, types[0]);
                    dependents.push(Dependent { table: table.oid, part: Part::Constraint(constraint.oid), shown, on });
                }
            }
        }
        let functions = self.functions_of_types(catalog, |ty| types.contains(&ty), |ty| self.words_for(catalog, ty));
        for dependent in functions {
            if !dependents
                .iter()
                .any(|known: &Dependent| (known.table, known.part) == (dependent.table, dependent.part))
            {
                dependents.push(dependent);
            }
        }
        Ok(dependents)
    }
}

/// The type of an array's elements; any other type is itself.
fn element_or_self(oid: u32) -> u32 {
    builtin::element_of(oid).unwrap_or(oid)
}
