//! CREATE, ALTER and DROP FUNCTION.
//!
//! A function is locked by its name in its schema, whatever its arguments are: shared by nobody, as definitions are rare.

use std::sync::Arc;

use auth::{ObjectKind, Privileges, RoleId};
use datafusion::sql::sqlparser::ast::{self, Owner};
use storage::{TableId, TableLock};

use super::DefinitionEnvironment;
use super::drop::{Dependent, Part};
use super::names::{is_system_schema, named_schema};
use super::sequence::owner_of;
use crate::catalog::pg_catalog::routine::routines_named;
use crate::catalog::user_type::{row_type, table_of_row_type};
use crate::catalog::{Catalog, Change, Parameter, ParameterMode, SqlFunction, TEMPORARY_SCHEMA};
use crate::error::{Error, Result, SqlState};
use crate::function::Volatility;
use crate::plan::authorize::check_schema;
use crate::plan::bind::{Binder, QualifiedName};
use crate::statement::definition::{FunctionChange, FunctionName, FunctionOptions, NewFunction, NewParameter, Returns};
use crate::types::text::{cut_name, quote_identifier};
use crate::types::{self, Type, builtin, display, oid};

/// `invalid_function_definition`.
const INVALID_FUNCTION: SqlState = SqlState("42P13");
const DUPLICATE_FUNCTION: SqlState = SqlState("42723");

/// Most arguments of a function.
const ARGUMENTS_MAX: usize = 100;
/// What PostgreSQL's planner expects of a function of SQL's, and of the rows of a set.
const COST: f32 = 100.0;
const ROWS: f32 = 1000.0;

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(INVALID_FUNCTION, message)
}

/// Runs CREATE FUNCTION.
pub(super) async fn create(new: &NewFunction, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    check_language(new)?;
    let catalog = environment.catalog();
    let place = environment.place(&catalog, &new.name)?;
    environment.lock_schema(place.schema.oid, false).await?;
    environment.lock_function_name(place.schema.oid, &place.name).await?;
    let catalog = environment.catalog();
    let place = environment.place(&catalog, &new.name)?;
    if place.schema.name.starts_with(TEMPORARY_SCHEMA) {
        return Err(Error::unsupported("a temporary function"));
    }
    let parameters = environment.parameters(&catalog, &new.parameters)?;
    let (returns, set) = environment.returned(&catalog, new.returns.as_ref(), &parameters)?;
    let body = new.body.as_ref().ok_or_else(|| invalid("no function body specified"))?;
    let mut function = SqlFunction {
        oid: 0,
        schema: place.schema.oid,
        name: cut_name(&place.name).to_owned(),
        owner: environment.principal.role().0,
        acl: None,
        comment: None,
        parameters,
        returns,
        set,
        volatility: Volatility::Volatile,
        strict: false,
        definer: false,
        leakproof: false,
        parallel: 'u',
        cost: COST,
        rows: if set { ROWS } else { 0.0 },
        body: body.text.clone(),
    };
    environment.set_function_options(&mut function, &new.options)?;
    let types = function.input_types();
    let old = catalog.sql_function_in(function.schema, &function.name, &types).cloned();
    match &old {
        Some(_) if !new.replace => {
            let message = format!("function \"{}\" already exists with same argument types", function.name);
            return Err(Error::new(DUPLICATE_FUNCTION, message));
        }
        Some(old) => {
            environment.check_own(old.owner, "function", &old.name)?;
            check_same(old, &function)?;
            (function.oid, function.owner) = (old.oid, old.owner);
            (function.acl, function.comment) = (old.acl.clone(), old.comment.clone());
        }
        None => {
            function.oid = environment.store.allocate_oid()?;
            environment.lock_role(function.owner, false).await?;
            function.acl = environment.new_acl(function.owner, Some(function.schema), ObjectKind::Function);
        }
    }
    environment.hold_types(&function).await?;
    let function = Arc::new(function);
    environment.apply(Change::Function(function.oid, Some(function.clone())))?;
    environment.check_new_body(&function, body.position)
}

/// 42704 for a language that nobody knows, 0A000 for one that only PostgreSQL has.
fn check_language(new: &NewFunction) -> Result<()> {
    match new.language.as_deref() {
        None => Err(invalid("no language specified")),
        Some("sql") => Ok(()),
        Some(other @ ("plpgsql" | "c" | "internal")) => {
            Err(Error::unsupported(format!("CREATE FUNCTION … LANGUAGE {other}")))
        }
        Some(other) => {
            let error = Error::new(SqlState::UNDEFINED_OBJECT, format!("language \"{other}\" does not exist"));
            Err(match other {
                "plperl" | "plperlu" | "plpython3u" | "plpythonu" | "pltcl" | "pltclu" => {
                    error.with_hint("Use CREATE EXTENSION to load the language into the database.")
                }
                _ => error,
            })
        }
    }
}

/// 42P13 if callers would meet another function than before.
fn check_same(old: &SqlFunction, new: &SqlFunction) -> Result<()> {
    let refused =
        |message: String| Err(invalid(message).with_hint(format!("Use DROP FUNCTION {} first.", old.signature())));
    let rows = |function: &SqlFunction| -> Vec<(String, u32)> {
        function.results().map(|result| (result.name.clone(), result.ty)).collect()
    };
    if (old.returns, old.set) != (new.returns, new.set) {
        return refused("cannot change return type of existing function".to_owned());
    }
    if old.returns == oid::RECORD && rows(old) != rows(new) {
        return Err(invalid("cannot change return type of existing function")
            .with_detail("Row type defined by OUT parameters is different.")
            .with_hint(format!("Use DROP FUNCTION {} first.", old.signature())));
    }
    for (old, new) in old.inputs().zip(new.inputs()) {
        if !old.name.is_empty() && old.name != new.name {
            return refused(format!("cannot change name of input parameter \"{}\"", old.name));
        }
    }
    if new.optional() < old.optional() {
        return refused("cannot remove parameter defaults from existing function".to_owned());
    }
    Ok(())
}

/// Runs ALTER FUNCTION.
pub(super) async fn alter(
    name: &FunctionName,
    change: &FunctionChange,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let old = environment.lock_function(name).await?;
    environment.check_own(old.owner, "function", &old.name)?;
    let mut function = (*old).clone();
    let types = function.input_types();
    match change {
        FunctionChange::Options(options) => environment.set_function_options(&mut function, options)?,
        FunctionChange::Rename(new) => {
            let new = cut_name(new);
            environment.lock_function_name(function.schema, new).await?;
            let catalog = environment.catalog();
            if let Some(schema) = catalog.schemas.get(&function.schema) {
                check_schema(environment.principal, schema, Privileges::CREATE)?;
            }
            function.name = new.to_owned();
            environment.refuse_taken_function(&function, function.schema, &types)?;
        }
        FunctionChange::Schema(name) => {
            let catalog = environment.catalog();
            let schema = named_schema(&catalog, name)?.clone();
            environment.lock_schema(schema.oid, false).await?;
            check_schema(environment.principal, &schema, Privileges::CREATE)?;
            if is_system_schema(name) || name.starts_with(TEMPORARY_SCHEMA) {
                let message = format!("permission denied for schema {name}");
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
            if schema.oid == function.schema {
                return Ok(());
            }
            environment.lock_function_name(schema.oid, &function.name).await?;
            environment.refuse_taken_function(&function, schema.oid, &types)?;
            function.schema = schema.oid;
        }
        FunctionChange::Owner(role) => {
            let owner: Owner = owner_of(role)?;
            let catalog = environment.catalog();
            let schema = catalog.schemas.get(&function.schema).cloned();
            let owner = environment.new_owner(&catalog, &owner, schema.as_deref()).await?;
            function.give_to(owner);
        }
    }
    environment.apply(Change::Function(function.oid, Some(Arc::new(function))))
}

/// Runs DROP FUNCTION.
pub(super) async fn drop(
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

impl SqlFunction {
    /// Puts another owner in the place of the old one, in the list too.
    pub(super) fn give_to(&mut self, owner: u32) {
        let (old, new) = (RoleId(self.owner), RoleId(owner));
        self.acl.iter_mut().for_each(|acl| acl.change_owner(old, new));
        self.owner = owner;
    }
}

impl DefinitionEnvironment<'_> {
    async fn lock_function_name(&mut self, schema: u32, name: &str) -> Result<()> {
        let key = [b"function:", schema.to_be_bytes().as_slice(), name.as_bytes()].concat();
        self.lock_definition(&key, true).await
    }

    /// Keeps the types of a function from going before it is there.
    async fn hold_types(&mut self, function: &SqlFunction) -> Result<()> {
        let types = function.parameters.iter().map(|parameter| parameter.ty).chain([function.returns]);
        for ty in types.collect::<Vec<_>>() {
            let element = builtin::element_of(ty).unwrap_or(ty);
            if self.catalog().types.contains_key(&element) {
                self.hold_type(Type::new(element)).await?;
            } else if let Some((table, _)) = table_of_row_type(element) {
                self.transaction.lock_table(TableId(table), TableLock::AccessShare, self.wait).await?;
                if !self.catalog().tables.contains_key(&table) {
                    let message = format!("type {} does not exist", display(Type::new(element)));
                    return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
                }
            }
        }
        Ok(())
    }

    fn parameter_type(&self, catalog: &Catalog, ty: &ast::DataType) -> Result<Type> {
        types::ast::from_ast(ty, catalog, &self.context.session.search_path).map_err(|error| {
            let undefined = error.sql_state() == SqlState::UNDEFINED_OBJECT;
            // Here PostgreSQL says it without quotes.
            if undefined {
                error.map_words(|report| report.message = report.message.replace('"', "").into())
            } else {
                error
            }
        })
    }

    fn parameters(&mut self, catalog: &Arc<Catalog>, new: &[NewParameter]) -> Result<Vec<Parameter>> {
        let mut parameters: Vec<Parameter> = Vec::with_capacity(new.len());
        let mut needs_default = false;
        if new.iter().filter(|parameter| parameter.mode.is_input()).count() > ARGUMENTS_MAX {
            let message = format!("functions cannot have more than {ARGUMENTS_MAX} arguments");
            return Err(Error::new(SqlState::TOO_MANY_ARGUMENTS, message));
        }
        for NewParameter { name, data_type, mode, variadic, default } in new {
            let ty = self.parameter_type(catalog, data_type)?;
            if *variadic {
                return Err(Error::unsupported("a VARIADIC argument of a function"));
            }
            check_type(ty.oid, false)?;
            let same = |known: &Parameter| {
                let both_sides = (known.mode == ParameterMode::In && *mode == ParameterMode::Out)
                    || (known.mode == ParameterMode::Out && *mode == ParameterMode::In);
                known.name == *name && !both_sides
            };
            if !name.is_empty() && parameters.iter().any(same) {
                return Err(invalid(format!("parameter name \"{name}\" used more than once")));
            }
            if default.is_some() && !mode.is_input() {
                return Err(invalid("only input parameters can have default values"));
            }
            if let Some(default) = default {
                let mut binder = Binder::new(catalog, self.context, &[]);
                binder.parameter_default(default, Type::new(ty.oid))?;
                needs_default = true;
            } else if needs_default && mode.is_input() {
                return Err(invalid("input parameters after one with a default value must also have defaults"));
            }
            parameters.push(Parameter { name: name.clone(), ty: ty.oid, mode: *mode, default: default.clone() });
        }
        Ok(parameters)
    }

    /// The type that a function returns, and whether it returns a set of it.
    fn returned(&self, catalog: &Catalog, said: Option<&Returns>, parameters: &[Parameter]) -> Result<(u32, bool)> {
        let results: Vec<u32> = parameters
            .iter()
            .filter(|parameter| parameter.mode != ParameterMode::In)
            .map(|parameter| parameter.ty)
            .collect();
        let of_results = match results.as_slice() {
            [] => None,
            [only] => Some(*only),
            _ => Some(oid::RECORD),
        };
        let Some(Returns { set, data_type }) = said else {
            return of_results.map(|ty| (ty, false)).ok_or_else(|| invalid("function result type must be specified"));
        };
        let Some(data_type) = data_type else {
            let is_mixed =
                parameters.iter().any(|parameter| matches!(parameter.mode, ParameterMode::Out | ParameterMode::InOut));
            if is_mixed {
                let message = "OUT and INOUT arguments aren't allowed in TABLE functions";
                return Err(Error::new(SqlState::SYNTAX_ERROR, message));
            }
            return of_results.map(|ty| (ty, *set)).ok_or_else(|| Error::internal("a table has columns"));
        };
        let returns = types::ast::from_ast(data_type, catalog, &self.context.session.search_path)?.oid;
        if let Some(expected) = of_results.filter(|expected| *expected != returns) {
            let name = if expected == oid::RECORD { "record".to_owned() } else { display(Type::new(expected)) };
            return Err(invalid(format!("function result type must be {name} because of OUT parameters")));
        }
        check_type(returns, true)?;
        Ok((returns, *set))
    }

    fn set_function_options(&self, function: &mut SqlFunction, options: &FunctionOptions) -> Result<()> {
        let FunctionOptions { volatility, strict, definer, leakproof, parallel, cost, rows } = options;
        function.volatility = volatility.unwrap_or(function.volatility);
        function.strict = strict.unwrap_or(function.strict);
        function.definer = definer.unwrap_or(function.definer);
        if *leakproof == Some(true) && !self.principal.is_superuser() {
            let message = "only superuser can define a leakproof function";
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        function.leakproof = leakproof.unwrap_or(function.leakproof);
        if let Some(parallel) = parallel {
            function.parallel = match parallel.as_str() {
                "safe" => 's',
                "restricted" => 'r',
                "unsafe" => 'u',
                _ => {
                    let message = "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE";
                    return Err(Error::new(SqlState::SYNTAX_ERROR, message));
                }
            };
        }
        if let Some(cost) = cost {
            if *cost <= 0.0 {
                return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "COST must be positive"));
            }
            function.cost = *cost;
        }
        if let Some(rows) = rows {
            if *rows <= 0.0 {
                return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "ROWS must be positive"));
            }
            if !function.set {
                let message = "ROWS is not applicable when function does not return a set";
                return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
            }
            function.rows = *rows;
        }
        Ok(())
    }

    /// Binds the body of a function that is there already, so that it may call itself as far as names are concerned.
    fn check_new_body(&mut self, function: &Arc<SqlFunction>, position: Option<usize>) -> Result<()> {
        // A dump makes functions before what they read.
        if self.context.session.settings.get("check_function_bodies").as_deref() == Some("off") {
            return Ok(());
        }
        let catalog = self.catalog();
        let mut binder = Binder::new(&catalog, self.context, &[]);
        binder.check_body(function).map_err(|error| {
            let inside = error.position;
            let error = error.without_position();
            match (inside, position) {
                (Some(inside), Some(start)) => error.at(Some(start + inside - 1)),
                _ => error,
            }
        })
    }

    fn refuse_taken_function(&mut self, function: &SqlFunction, schema: u32, types: &[u32]) -> Result<()> {
        let catalog = self.catalog();
        match catalog.sql_function_in(schema, &function.name, types) {
            None => Ok(()),
            Some(_) => {
                let schema = catalog.schemas.get(&schema).map_or("", |schema| schema.name.as_str());
                let message = format!("function {} already exists in schema \"{schema}\"", function.signature());
                Err(Error::new(DUPLICATE_FUNCTION, message))
            }
        }
    }

    /// The function that a statement names: 42883 if there is none, 42725 if there are several.
    pub(super) fn find_function(&self, catalog: &Catalog, name: &FunctionName) -> Result<Arc<SqlFunction>> {
        let spelled = self.qualified(&name.name)?;
        if let Some(schema) = &spelled.schema {
            let schema = named_schema(catalog, schema)?;
            check_schema(self.principal, schema, Privileges::USAGE)?;
        }
        let found =
            catalog.find_sql_functions(spelled.schema.as_deref(), &spelled.name, &self.context.session.search_path);
        let built_in = || self.refuse_built_in(&spelled);
        let Some(arguments) = &name.arguments else {
            return match found.as_slice() {
                [one] => Ok((*one).clone()),
                [] => {
                    built_in()?;
                    let message = format!("could not find a function named \"{spelled}\"");
                    Err(Error::new(SqlState::UNDEFINED_FUNCTION, message))
                }
                _ => {
                    Err(Error::new(SqlState::AMBIGUOUS_FUNCTION, format!("function name \"{spelled}\" is not unique"))
                        .with_hint("Specify the argument list to select the function unambiguously."))
                }
            };
        };
        let mut types = Vec::with_capacity(arguments.len());
        for argument in arguments {
            types.push(types::ast::from_ast(argument, catalog, &self.context.session.search_path)?.oid);
        }
        match found.into_iter().find(|function| function.input_types() == types) {
            Some(function) => Ok(function.clone()),
            None => {
                built_in()?;
                let shown: Vec<String> = types.iter().map(|ty| display(Type::new(*ty))).collect();
                let message = format!("function {spelled}({}) does not exist", shown.join(", "));
                Err(Error::new(SqlState::UNDEFINED_FUNCTION, message))
            }
        }
    }

    /// 0A000 for a function of the system.
    fn refuse_built_in(&self, name: &QualifiedName) -> Result<()> {
        let in_system = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
        match in_system && !routines_named(&name.name).is_empty() {
            true => Err(Error::unsupported(format!("changing the built-in function {}", name.name))),
            false => Ok(()),
        }
    }

    /// Finds and locks a function.
    pub(super) async fn lock_function(&mut self, name: &FunctionName) -> Result<Arc<SqlFunction>> {
        loop {
            let catalog = self.catalog();
            let found = self.find_function(&catalog, name)?;
            self.lock_function_name(found.schema, &found.name).await?;
            let catalog = self.catalog();
            let again = self.find_function(&catalog, name)?;
            if again.oid == found.oid {
                return Ok(again);
            }
        }
    }

    /// COMMENT ON FUNCTION.
    pub(super) async fn comment_on_function(&mut self, name: &FunctionName, comment: Option<String>) -> Result<()> {
        let function = self.lock_function(name).await?;
        self.check_own(function.owner, "function", &function.name)?;
        self.apply(Change::Function(function.oid, Some(Arc::new(SqlFunction { comment, ..(*function).clone() }))))
    }

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
                        format!("function {spelled}({}) does not exist", types.join(","))
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
            self.check_own(function.owner, "function", &function.name)?;
        }
        Ok(Some(function))
    }

    /// The function's name and arguments as messages show it.
    pub(super) fn function_shown(&self, catalog: &Catalog, function: &SqlFunction) -> String {
        let path = &self.context.session.search_path;
        let name = catalog.sql_function_shown(function, path);
        let types = function.inputs().map(|input| catalog.type_shown(Type::new(input.ty), path).unwrap_or_default());
        format!("function {name}({})", types.collect::<Vec<_>>().join(","))
    }

    /// The views that call one of these functions, and what reads those.
    pub(super) fn callers_of(&self, catalog: &Catalog, functions: &[u32]) -> Vec<Dependent> {
        let mut dependents: Vec<Dependent> = Vec::new();
        for table in catalog.tables.values() {
            let called =
                table.stored_query().and_then(|view| view.functions.iter().find(|oid| functions.contains(oid)));
            let Some(function) = called.and_then(|oid| catalog.functions.get(oid)) else { continue };
            if dependents.iter().any(|known| known.table == table.oid) {
                continue;
            }
            let shown = format!("{} {}", table.noun(), self.shown(catalog, table));
            let on = self.function_shown(catalog, function);
            dependents.push(Dependent { table: table.oid, part: Part::Whole, shown, on });
            for above in self.views_over(catalog, &[table.oid], None) {
                if !dependents.iter().any(|known| known.table == above.table) {
                    dependents.push(above);
                }
            }
        }
        dependents
    }

    /// The functions that have one of these types, which are those of arguments or of what they answer, and who calls them.
    pub(super) fn functions_of_types(
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
    pub(super) fn add_functions_of_rows(&self, catalog: &Catalog, relations: &[u32], dependents: &mut Vec<Dependent>) {
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
    pub(super) async fn drop_functions(&mut self, oids: &[u32], cascade: bool) -> Result<()> {
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
    pub(super) fn remove_function(&mut self, oid: u32) -> Result<()> {
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

/// 42P13 for types that no function of SQL's has, 0A000 for those that none has here.
fn check_type(ty: u32, result: bool) -> Result<()> {
    let shown = display(Type::new(ty));
    let Some(info) = builtin::info(ty) else { return Ok(()) };
    match ty {
        oid::RECORD if result => Ok(()),
        oid::VOID if result => Err(Error::unsupported("RETURNS void")),
        _ if info.kind != 'p' => Ok(()),
        _ if shown.starts_with("any") => Err(Error::unsupported(format!("a function of SQL's with {shown}"))),
        _ if result => Err(invalid(format!("SQL functions cannot return type {shown}"))),
        _ => Err(invalid(format!("SQL functions cannot have arguments of type {shown}"))),
    }
}

/// The functions of a schema.
pub(super) fn functions_in(catalog: &Catalog, schema: u32) -> Vec<Arc<SqlFunction>> {
    catalog.functions.values().filter(|function| function.schema == schema).cloned().collect()
}
