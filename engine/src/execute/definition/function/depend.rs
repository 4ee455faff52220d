//! DROP FUNCTION, DROP PROCEDURE and DROP ROUTINE, and what depends on functions or makes them depend on it.

use std::sync::Arc;

use auth::RoleId;
use datafusion::sql::sqlparser::ast;

use super::super::DefinitionEnvironment;
use super::super::drop::{Dependent, Part};
use crate::catalog::user_type::row_type;
use crate::catalog::{Catalog, Change, SqlFunction, Table};
use crate::error::{Result, SqlState};
use crate::statement::definition::FunctionName;
use crate::types::text::quote_identifier;
use crate::types::{self, Type, builtin};

/// Runs DROP FUNCTION, DROP PROCEDURE and DROP ROUTINE.
pub(in crate::execute::definition) async fn drop(
    functions: &[FunctionName],
    if_exists: bool,
    cascade: bool,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let mut oids = Vec::with_capacity(functions.len());
    for name in functions {
        let Some(function) = environment.lock_function_to_drop(name, if_exists).await? else { continue };
        if !oids.contains(&function.oid) {
            oids.push(function.oid);
        }
    }
    environment.drop_functions(&oids, cascade).await
}

impl DefinitionEnvironment<'_> {
    async fn lock_function_to_drop(
        &mut self,
        name: &FunctionName,
        if_exists: bool,
    ) -> Result<Option<Arc<SqlFunction>>> {
        let function = match self.lock_function(name).await {
            Ok(function) => function,
            Err(error)
                if if_exists
                    && [SqlState::UNDEFINED_FUNCTION, SqlState::INVALID_SCHEMA_NAME, SqlState::UNDEFINED_OBJECT]
                        .contains(&error.sql_state()) =>
            {
                let message = match error.sql_state() {
                    SqlState::UNDEFINED_FUNCTION => {
                        let spelled = self.qualified(&name.name)?;
                        let types = name.arguments.iter().flatten().map(spelled_type).collect::<Vec<_>>();
                        format!("{} {spelled}({}) does not exist", name.kind.noun(), types.join(","))
                    }
                    _ => error.message.clone().into_owned(),
                };
                self.notice_skipping(None, message);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let schema_owner = self.catalog().schemas.get(&function.schema).map(|schema| schema.owner);
        // The owner of the schema may drop what is in it.
        if !schema_owner.is_some_and(|owner| self.principal.has_privileges_of(RoleId(owner))) {
            self.check_own(function.owner, name.kind.noun(), &function.name)?;
        }
        Ok(Some(function))
    }

    /// The function's name and arguments as messages show it.
    pub(in crate::execute::definition) fn function_shown(&self, catalog: &Catalog, function: &SqlFunction) -> String {
        let path = &self.context.session.search_path;
        let name = catalog.sql_function_shown(function, path);
        let types = function.inputs().map(|input| catalog.type_shown(Type::new(input.ty), path).unwrap_or_default());
        format!("function {name}({})", types.collect::<Vec<_>>().join(","))
    }

    /// What calls one of these functions, and what reads or calls that.
    pub(in crate::execute::definition) fn callers_of(&self, catalog: &Catalog, functions: &[u32]) -> Vec<Dependent> {
        let (mut seen, mut found) = (functions.to_vec(), Vec::new());
        for function in functions.iter().filter_map(|oid| catalog.functions.get(oid)) {
            self.add_callers(catalog, function, &mut seen, &mut found);
        }
        let is = |part: Part| found.iter().filter(move |on| on.part == part).map(|on| on.table);
        let functions: Vec<u32> = functions.iter().copied().chain(is(Part::Function)).collect();
        let relations: Vec<u32> = is(Part::Whole).collect();
        let calling = self.policies_calling(catalog, &functions);
        for policy in calling.into_iter().chain(self.policies_over(catalog, &relations, None)) {
            if found.iter().all(|known| known.part != policy.part) {
                found.push(policy);
            }
        }
        found.extend(self.triggers_calling(catalog, &functions));
        found
    }

    /// Adds what calls a function and was not seen yet, each before what depends on it.
    fn add_callers(&self, catalog: &Catalog, function: &SqlFunction, seen: &mut Vec<u32>, found: &mut Vec<Dependent>) {
        let on = self.function_shown(catalog, function);
        let calls =
            |table: &&Arc<Table>| table.stored_query().is_some_and(|view| view.functions.contains(&function.oid));
        for table in catalog.tables.values().filter(calls) {
            if seen.contains(&table.oid) {
                continue;
            }
            seen.push(table.oid);
            let shown = format!("{} {}", table.noun(), self.shown(catalog, table));
            found.push(Dependent { table: table.oid, part: Part::Whole, shown, on: on.clone() });
            self.add_views_over(catalog, table.oid, None, seen, found);
        }
        self.add_calling_parts(catalog, function.oid, &on, seen, found);
        self.add_functions(catalog, |caller| caller.calls(function.oid), &on, (seen, found));
    }

    /// Adds functions whose bodies hold on to something, and what calls them.
    pub(in crate::execute::definition) fn add_functions(
        &self,
        catalog: &Catalog,
        holds: impl Fn(&SqlFunction) -> bool,
        on: &str,
        (seen, found): (&mut Vec<u32>, &mut Vec<Dependent>),
    ) {
        for function in catalog.functions.values().filter(|function| holds(function)) {
            if seen.contains(&function.oid) {
                continue;
            }
            seen.push(function.oid);
            let shown = self.function_shown(catalog, function);
            found.push(Dependent { table: function.oid, part: Part::Function, shown, on: on.to_owned() });
            self.add_callers(catalog, function, seen, found);
        }
    }

    /// The functions that have one of these types, which are those of arguments or of what they answer, and who calls them.
    pub(in crate::execute::definition) fn functions_of_types(
        &self,
        catalog: &Catalog,
        is_it: impl Fn(u32) -> bool,
        on: impl Fn(u32) -> String,
    ) -> Vec<Dependent> {
        let mut dependents = Vec::new();
        let mut oids = Vec::new();
        for function in catalog.functions.values().filter(|function| function.has_type(&is_it)) {
            let types = function.parameters.iter().map(|parameter| parameter.ty).chain([function.returns]);
            let element = |ty: u32| builtin::element_of(ty).unwrap_or(ty);
            let ty = types.map(element).find(|ty| is_it(*ty)).unwrap_or_default();
            let shown = self.function_shown(catalog, function);
            dependents.push(Dependent { table: function.oid, part: Part::Function, shown, on: on(ty) });
            oids.push(function.oid);
        }
        dependents.extend(self.callers_of(catalog, &oids));
        dependents
    }

    /// Adds the functions that have rows of these relations, and who calls them.
    pub(in crate::execute::definition) fn add_functions_of_rows(
        &self,
        catalog: &Catalog,
        relations: &[u32],
        dependents: &mut Vec<Dependent>,
    ) {
        if catalog.functions.is_empty() {
            return;
        }
        let rows: Vec<u32> = relations.iter().filter_map(|oid| row_type(*oid)).collect();
        let found = self.functions_of_types(
            catalog,
            |ty| rows.contains(&ty),
            |ty| format!("type {}", self.type_shown(catalog, ty)),
        );
        for dependent in found {
            let is_known =
                dependents.iter().any(|known| (known.table, known.part) == (dependent.table, dependent.part));
            if !(is_known || relations.contains(&dependent.table)) {
                dependents.push(dependent);
            }
        }
    }

    /// Drops functions, which are locked, with what calls them.
    pub(in crate::execute::definition) async fn drop_functions(&mut self, oids: &[u32], cascade: bool) -> Result<()> {
        if oids.is_empty() {
            return Ok(());
        }
        let catalog = self.catalog();
        let dependents = self.callers_of(&catalog, oids);
        let what = match oids {
            [one] => catalog.functions.get(one).map(|function| self.function_shown(&catalog, function)),
            _ => None,
        };
        let what = what.unwrap_or_else(|| "desired object(s)".to_owned());
        self.cascade_or_refuse(&dependents, &what, cascade).await?;
        oids.iter().try_for_each(|oid| self.remove_function(*oid))
    }

    /// Takes a function away.
    pub(in crate::execute::definition) fn remove_function(&mut self, oid: u32) -> Result<()> {
        if !self.catalog().functions.contains_key(&oid) {
            return Ok(());
        }
        self.apply(Change::Function(oid, None))
    }
}

/// A type as PostgreSQL names it in a notice: what the grammar knows has its schema.
fn spelled_type(ty: &ast::DataType) -> String {
    match (ty, types::ast::built_in(ty)) {
        (ast::DataType::Custom(name, _), _) => name.to_string(),
        (ast::DataType::Text, _) => "text".to_owned(),
        (_, Ok(ty)) => builtin::info(ty.oid).map_or_else(String::new, |info| {
            match info.name.strip_prefix('_').filter(|_| info.is_array()) {
                Some(element) => format!("pg_catalog.{}[]", quote_identifier(element)),
                None => format!("pg_catalog.{}", quote_identifier(info.name)),
            }
        }),
        (other, Err(_)) => other.to_string(),
    }
}
