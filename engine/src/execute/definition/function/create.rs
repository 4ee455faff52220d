//! CREATE FUNCTION and CREATE PROCEDURE.

use std::sync::Arc;

use auth::ObjectKind;
use datafusion::sql::sqlparser::ast::{self, ObjectName};
use storage::{TableId, TableLock};

use super::super::DefinitionEnvironment;
use super::super::names::Relation;
use super::{DUPLICATE_FUNCTION, invalid};
use crate::catalog::user_type::table_of_row_type;
use crate::catalog::{Catalog, Change, KeptBody, Language, Parameter, ParameterMode, SqlFunction, TEMPORARY_SCHEMA};
use crate::error::{Error, Result, SqlState};
use crate::function::Volatility;
use crate::function::resolve::{is_polymorphic, same_family};
use crate::plan::bind::{Binder, fold};
use crate::statement::definition::{
    BodyQuery, FunctionBody, FunctionOptions, NewBody, NewFunction, NewParameter, Returns, TYPE_OF_COLUMN,
};
use crate::types::text::cut_name;
use crate::types::{self, Type, builtin, display, oid};

/// The setting that a function may have of its own.
const SEARCH_PATH: &str = "search_path";
/// Most arguments of a function.
const ARGUMENTS_MAX: usize = 100;
/// What PostgreSQL's planner expects of a function of SQL's, and of the rows of a set.
const COST: f32 = 100.0;
const ROWS: f32 = 1000.0;

/// Runs CREATE FUNCTION and CREATE PROCEDURE.
pub(in crate::execute::definition) async fn create(
    new: &NewFunction,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let language = language(new)?;
    let catalog = environment.catalog();
    let place = environment.place(&catalog, &new.name)?;
    environment.lock_schema(place.schema.oid, false).await?;
    environment.lock_function_name(place.schema.oid, &place.name).await?;
    let catalog = environment.catalog();
    let place = environment.place(&catalog, &new.name)?;
    if place.schema.name.starts_with(TEMPORARY_SCHEMA) {
        return Err(Error::unsupported("a temporary function"));
    }
    let parameters = environment.parameters(&catalog, new, language)?;
    let (returns, set) = match new.procedure {
        true => (answered(&parameters), false),
        false => environment.returned(&catalog, new.returns.as_ref(), &parameters, language)?,
    };
    check_polymorphic(returns, &parameters)?;
    if returns == oid::TRIGGER && !parameters.is_empty() {
        return Err(invalid("trigger functions cannot have declared arguments")
            .with_hint("The arguments of the trigger can be accessed through TG_NARGS and TG_ARGV instead."));
    }
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
        language,
        body: String::new(),
        kept: None,
        procedure: new.procedure,
        aggregate: None,
        settings: Vec::new(),
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
            if old.procedure != function.procedure {
                let detail = format!("\"{}\" is a {}.", old.name, old.noun());
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, "cannot change routine kind").with_detail(detail));
            }
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
    let position = match body {
        NewBody::Text(FunctionBody { text, position }) => {
            function.body.clone_from(text);
            *position
        }
        NewBody::Return(query) => {
            function.kept = Some(environment.read_body(&function, std::slice::from_ref(query), true).await?);
            None
        }
        NewBody::Atomic(queries) => {
            function.kept = Some(environment.read_body(&function, queries, false).await?);
            None
        }
    };
    let function = Arc::new(function);
    environment.apply(Change::Function(function.oid, Some(function.clone())))?;
    environment.check_new_body(&function, position)
}

/// 42704 for a language that nobody knows, 0A000 for one that only PostgreSQL has.
fn language(new: &NewFunction) -> Result<Language> {
    let is_read = matches!(new.body, Some(NewBody::Return(_) | NewBody::Atomic(_)));
    let what = if new.procedure { "PROCEDURE" } else { "FUNCTION" };
    match new.language.as_deref() {
        None if is_read => Ok(Language::Sql),
        None => Err(invalid("no language specified")),
        Some("sql") => Ok(Language::Sql),
        Some("plpgsql") if is_read => {
            let message = "inline SQL function body only valid for language SQL";
            Err(invalid(message))
        }
        Some("plpgsql") => Ok(Language::PlPgSql),
        Some(other @ ("c" | "internal")) => Err(Error::unsupported(format!("CREATE {what} … LANGUAGE {other}"))),
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
    let hint = format!("Use DROP {} {} first.", old.noun().to_uppercase(), old.signature());
    let refused = |message: String| Err(invalid(message).with_hint(hint.clone()));
    let rows = |function: &SqlFunction| -> Vec<(String, u32)> {
        function.results().map(|result| (result.name.clone(), result.ty)).collect()
    };
    if (old.returns, old.set) != (new.returns, new.set) {
        return refused(match old.procedure {
            true => "cannot change whether a procedure has output parameters".to_owned(),
            false => "cannot change return type of existing function".to_owned(),
        });
    }
    if old.returns == oid::RECORD && rows(old) != rows(new) {
        return Err(invalid("cannot change return type of existing function")
            .with_detail("Row type defined by OUT parameters is different.")
            .with_hint(hint));
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

impl DefinitionEnvironment<'_> {
    /// Keeps the types of a function from going before it is there.
    pub(super) async fn hold_types(&mut self, function: &SqlFunction) -> Result<()> {
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

    pub(super) fn parameter_type(&self, catalog: &Catalog, ty: &ast::DataType) -> Result<Type> {
        if let Some(column) = named_column(ty) {
            return self.type_of_column(catalog, column);
        }
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

    /// The type of a column that a parameter is to have.
    fn type_of_column(&self, catalog: &Catalog, name: &ObjectName) -> Result<Type> {
        let Some((column, relation)) = name.0.split_last() else { return Err(Error::internal("a name has parts")) };
        let relation = self.qualified(&ObjectName(relation.to_vec()))?;
        let column = column.as_ident().map(fold).unwrap_or_default();
        let Some(Relation::Table(table)) = self.find(catalog, &relation)? else {
            let message = format!("relation \"{relation}\" does not exist");
            return Err(Error::new(SqlState::UNDEFINED_TABLE, message));
        };
        match table.columns.iter().find(|own| own.name == column) {
            Some(own) => Ok(Type::new(own.ty.oid)),
            None => {
                let message = format!("column \"{column}\" of relation \"{relation}\" does not exist");
                Err(Error::new(SqlState::UNDEFINED_COLUMN, message))
            }
        }
    }

    /// Says what type a column's stands for, as it will not follow the column.
    fn tell_type_of_column(&mut self, data_type: &ast::DataType, ty: Type) {
        if let Some(column) = named_column(data_type) {
            self.notice(format!("type reference {column}%TYPE converted to {}", display(ty)));
        }
    }

    pub(super) fn parameters(
        &mut self,
        catalog: &Arc<Catalog>,
        function: &NewFunction,
        language: Language,
    ) -> Result<Vec<Parameter>> {
        let new = &function.parameters;
        let mut parameters: Vec<Parameter> = Vec::with_capacity(new.len());
        let mut needs_default = false;
        if new.iter().filter(|parameter| parameter.mode.is_input()).count() > ARGUMENTS_MAX {
            let message = format!("functions cannot have more than {ARGUMENTS_MAX} arguments");
            return Err(Error::new(SqlState::TOO_MANY_ARGUMENTS, message));
        }
        for NewParameter { name, data_type, mode, default } in new {
            let ty = self.parameter_type(catalog, data_type)?;
            self.tell_type_of_column(data_type, ty);
            check_type(ty.oid, false, language)?;
            if parameters.last().is_some_and(|last| last.mode == ParameterMode::Variadic)
                && (mode.is_input() || function.procedure)
            {
                return Err(invalid(match function.procedure {
                    true => "VARIADIC parameter must be the last parameter",
                    false => "VARIADIC parameter must be the last input parameter",
                }));
            }
            if *mode == ParameterMode::Variadic && !is_any_array(ty.oid) {
                return Err(invalid("VARIADIC parameter must be an array"));
            }
            if function.procedure && *mode == ParameterMode::Out && needs_default {
                return Err(invalid("procedure OUT parameters cannot appear after one with a default value"));
            }
            let same = |known: &Parameter| {
                let is_given = |mode: ParameterMode| matches!(mode, ParameterMode::In | ParameterMode::Variadic);
                let is_answered = |mode: ParameterMode| matches!(mode, ParameterMode::Out | ParameterMode::Table);
                let both_sides = !function.procedure
                    && (is_given(known.mode) && is_answered(*mode) || is_answered(known.mode) && is_given(*mode));
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
    fn returned(
        &mut self,
        catalog: &Catalog,
        said: Option<&Returns>,
        parameters: &[Parameter],
        language: Language,
    ) -> Result<(u32, bool)> {
        let results: Vec<u32> =
            parameters.iter().filter(|parameter| parameter.mode.is_result()).map(|parameter| parameter.ty).collect();
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
        let returns = match named_column(data_type) {
            Some(column) => self.type_of_column(catalog, column)?,
            None => types::ast::from_ast(data_type, catalog, &self.context.session.search_path)?,
        };
        self.tell_type_of_column(data_type, returns);
        let returns = returns.oid;
        if let Some(expected) = of_results.filter(|expected| *expected != returns) {
            let name = if expected == oid::RECORD { "record".to_owned() } else { display(Type::new(expected)) };
            return Err(invalid(format!("function result type must be {name} because of OUT parameters")));
        }
        check_type(returns, true, language)?;
        Ok((returns, *set))
    }

    pub(super) fn set_function_options(&self, function: &mut SqlFunction, options: &FunctionOptions) -> Result<()> {
        let FunctionOptions { volatility, strict, definer, leakproof, parallel, cost, rows, settings } = options;
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
        for change in settings {
            self.change_settings(&mut function.settings, change)?;
        }
        match function.settings.iter().find(|(name, _)| name != SEARCH_PATH) {
            Some((name, _)) => Err(Error::unsupported(format!("SET {name} of a function"))),
            None => Ok(()),
        }
    }

    /// Reads the queries of a body as those of views are read, and locks what they name so that it is there.
    async fn read_body(
        &mut self,
        function: &SqlFunction,
        queries: &[BodyQuery],
        is_expression: bool,
    ) -> Result<KeptBody> {
        let mut kept = Vec::with_capacity(queries.len());
        for BodyQuery { query, from, to } in queries {
            let bound = loop {
                let catalog = self.catalog();
                let mut binder = Binder::new(&catalog, self.context, &[]).with_text(self.text);
                binder.take_arguments(function);
                let bound = binder.new_view(query, *from, *to)?;
                if self.lock_uses(&catalog, &bound.query.uses).await? {
                    break bound;
                }
            };
            if bound.query.uses.iter().any(|used| used.table.temporary.is_some()) {
                return Err(Error::unsupported("a temporary relation in RETURN or BEGIN ATOMIC"));
            }
            let mut view = bound.view;
            if is_expression {
                view.text.insert_str(0, "SELECT ");
            }
            kept.push(view);
        }
        Ok(KeptBody { is_expression, queries: kept })
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
}

/// 42P13 for types that no function of SQL's has, 0A000 for those that none has here.
fn check_type(ty: u32, result: bool, language: Language) -> Result<()> {
    let shown = display(Type::new(ty));
    let Some(info) = builtin::info(ty) else { return Ok(()) };
    match ty {
        oid::RECORD if result => Ok(()),
        oid::VOID if result => Ok(()),
        oid::TRIGGER if result && language == Language::PlPgSql => Ok(()),
        _ if info.kind != 'p' || is_polymorphic(ty) => Ok(()),
        _ if shown.starts_with("any") => Err(Error::unsupported(format!("a function of SQL's with {shown}"))),
        _ if language == Language::PlPgSql => Err(Error::unsupported(format!("a function of PL/pgSQL with {shown}"))),
        _ if result => Err(invalid(format!("SQL functions cannot return type {shown}"))),
        _ => Err(invalid(format!("SQL functions cannot have arguments of type {shown}"))),
    }
}

/// What a procedure returns.
fn answered(parameters: &[Parameter]) -> u32 {
    if parameters.iter().any(|parameter| parameter.mode.is_result()) { oid::RECORD } else { oid::VOID }
}

/// The column that is named where a type could be.
fn named_column(ty: &ast::DataType) -> Option<&ObjectName> {
    match ty {
        ast::DataType::Custom(name, modifiers) if modifiers.iter().any(|word| word == TYPE_OF_COLUMN) => Some(name),
        _ => None,
    }
}

fn is_any_array(ty: u32) -> bool {
    matches!(ty, oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY) || builtin::element_of(ty).is_some()
}

/// 42P13 for an answer whose type no argument tells.
pub(super) fn check_polymorphic(returns: u32, parameters: &[Parameter]) -> Result<()> {
    let results = parameters.iter().filter(|parameter| parameter.mode.is_result()).map(|parameter| parameter.ty);
    let mut inputs = parameters.iter().filter(|parameter| parameter.mode.is_input()).map(|parameter| parameter.ty);
    for result in results.chain([returns]).filter(|ty| is_polymorphic(*ty)) {
        if inputs.clone().any(|input| is_polymorphic(input) && same_family(input, result)) {
            continue;
        }
        let members = match same_family(result, oid::ANYELEMENT) {
            true => "anyelement, anyarray, anynonarray, anyenum, anyrange, or anymultirange",
            false => {
                "anycompatible, anycompatiblearray, anycompatiblenonarray, anycompatiblerange, or \
                 anycompatiblemultirange"
            }
        };
        let shown = display(Type::new(result));
        return Err(invalid("cannot determine result data type")
            .with_detail(format!("A result of type {shown} requires at least one input of type {members}.")));
    }
    match inputs.find(|ty| matches!(*ty, oid::ANYRANGE | oid::ANYMULTIRANGE)) {
        Some(ty) => Err(Error::unsupported(format!("a function of SQL's with {}", display(Type::new(ty))))),
        None => Ok(()),
    }
}
