//! CREATE AGGREGATE.

use std::sync::Arc;

use auth::ObjectKind;
use datafusion::sql::sqlparser::ast::ObjectName;

use super::super::DefinitionEnvironment;
use super::create::check_polymorphic;
use super::{DUPLICATE_FUNCTION, invalid};
use crate::catalog::{Aggregation, Catalog, Change, Language, Parameter, ParameterMode, SqlFunction, TEMPORARY_SCHEMA};
use crate::error::{Error, Report, Result, SqlState};
use crate::function::resolve::is_polymorphic;
use crate::function::{Volatility, read_text};
use crate::plan::bind::{AggregatePart, Binder};
use crate::statement::definition::{FunctionOptions, NewAggregate, NewFunction};
use crate::types::text::cut_name;
use crate::types::{Type, builtin, display};

/// Runs CREATE AGGREGATE.
pub(in crate::execute::definition) async fn create_aggregate(
    new: &NewAggregate,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    for word in &new.unknown {
        environment.notices.push(Report {
            state: Some(SqlState::WARNING),
            message: format!("aggregate attribute \"{word}\" not recognized").into(),
            ..Report::default()
        });
    }
    let Some(state) = &new.state else { return Err(invalid("aggregate stype must be specified")) };
    let Some(transition) = &new.transition else { return Err(invalid("aggregate sfunc must be specified")) };
    let catalog = environment.catalog();
    let place = environment.place(&catalog, &new.name)?;
    environment.lock_schema(place.schema.oid, false).await?;
    environment.lock_function_name(place.schema.oid, &place.name).await?;
    let catalog = environment.catalog();
    let place = environment.place(&catalog, &new.name)?;
    if place.schema.name.starts_with(TEMPORARY_SCHEMA) {
        return Err(Error::unsupported("a temporary aggregate"));
    }
    let parameters = environment.aggregate_parameters(&catalog, new)?;
    let state = environment.parameter_type(&catalog, state)?.oid;
    check_state(state, &parameters)?;
    let inputs: Vec<u32> = parameters.iter().map(|parameter| parameter.ty).collect();
    let of_row: Vec<u32> = [state].into_iter().chain(inputs.iter().copied()).collect();
    let transition = environment.part(&catalog, transition, &of_row)?;
    if transition.returns != state {
        let message =
            format!("return type of transition function {} is not {}", transition.name, display(Type::new(state)));
        return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
    }
    if transition.strict && new.initial.is_none() && inputs.first() != Some(&state) {
        return Err(invalid(
            "must not omit initial value when transition function is strict and transition type is not compatible with \
             input type",
        ));
    }
    let finish = match &new.finish {
        None => None,
        Some(name) => {
            let given = if new.finish_extra { &of_row[..] } else { &of_row[..1] };
            let part = environment.part(&catalog, name, given)?;
            if part.strict && new.finish_extra {
                return Err(invalid("final function with extra arguments must not be declared STRICT"));
            }
            Some(part)
        }
    };
    let combine = match &new.combine {
        None => None,
        Some(name) => {
            let part = environment.part(&catalog, name, &[state, state])?;
            if part.returns != state {
                let shown = display(Type::new(state));
                let message = format!("return type of combine function {} is not {shown}", part.name);
                return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
            }
            Some(part)
        }
    };
    let returns = finish.as_ref().map_or(state, |finish| finish.returns);
    if is_polymorphic(returns) {
        check_polymorphic(returns, &parameters)?;
    }
    if let Some(initial) = new.initial.as_deref().filter(|_| !is_polymorphic(state)) {
        read_text(initial, Type::new(state), environment.context)?;
    }
    let mut function = SqlFunction {
        oid: 0,
        schema: place.schema.oid,
        name: cut_name(&place.name).to_owned(),
        owner: environment.principal.role().0,
        acl: None,
        comment: None,
        parameters,
        returns,
        set: false,
        volatility: Volatility::Immutable,
        strict: false,
        definer: false,
        leakproof: false,
        parallel: 'u',
        cost: 1.0,
        rows: 0.0,
        language: Language::Sql,
        body: String::new(),
        kept: None,
        procedure: false,
        aggregate: Some(Box::new(Aggregation {
            transition: transition.oid,
            state,
            initial: new.initial.clone(),
            finish: finish.map(|finish| finish.oid),
            finish_extra: new.finish_extra,
            finish_modifies: new.finish_modifies,
            combine: combine.map(|combine| combine.oid),
            space: new.space,
        })),
        settings: Vec::new(),
    };
    let options = FunctionOptions { parallel: new.parallel.clone(), ..FunctionOptions::default() };
    environment.set_function_options(&mut function, &options)?;
    match catalog.sql_function_in(function.schema, &function.name, &inputs) {
        Some(_) if !new.replace => {
            let message = format!("function \"{}\" already exists with same argument types", function.name);
            return Err(Error::new(DUPLICATE_FUNCTION, message));
        }
        Some(old) => {
            environment.check_own(old.owner, "function", &old.name)?;
            if old.aggregate.is_none() {
                let detail = format!("\"{}\" is a {}.", old.name, old.noun());
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, "cannot change routine kind").with_detail(detail));
            }
            if old.returns != function.returns {
                let hint = format!("Use DROP AGGREGATE {} first.", old.signature());
                return Err(invalid("cannot change return type of existing function").with_hint(hint));
            }
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
    environment.hold_parts(&function).await?;
    environment.apply(Change::Function(function.oid, Some(Arc::new(function))))
}

/// 42P13 for a state whose type no argument tells, or that nothing here can be.
fn check_state(state: u32, parameters: &[Parameter]) -> Result<()> {
    if is_polymorphic(state) {
        return check_polymorphic(state, parameters).map_err(|error| {
            error.map_words(|report| report.message = "cannot determine transition data type".into())
        });
    }
    match builtin::info(state) {
        Some(info) if info.kind == 'p' => {
            let message = format!("aggregate transition data type cannot be {}", display(Type::new(state)));
            Err(invalid(message))
        }
        _ => Ok(()),
    }
}

impl DefinitionEnvironment<'_> {
    fn aggregate_parameters(&mut self, catalog: &Arc<Catalog>, new: &NewAggregate) -> Result<Vec<Parameter>> {
        let declared = NewFunction {
            procedure: false,
            name: new.name.clone(),
            replace: new.replace,
            parameters: new.parameters.clone(),
            returns: None,
            language: None,
            options: FunctionOptions::default(),
            body: None,
        };
        let parameters = self.parameters(catalog, &declared, Language::Sql)?;
        match parameters.iter().find(|parameter| parameter.mode != ParameterMode::In || parameter.default.is_some()) {
            None => Ok(parameters),
            Some(Parameter { mode: ParameterMode::Variadic, .. }) => {
                Err(Error::unsupported("an aggregate with VARIADIC"))
            }
            Some(Parameter { mode: ParameterMode::In, .. }) => {
                Err(Error::new(SqlState::SYNTAX_ERROR, "aggregates cannot have defaults"))
            }
            Some(_) => Err(invalid("aggregates cannot have output arguments")),
        }
    }

    /// A function that the aggregate is to call with values of these types. 42883 if there is none.
    fn part(&self, catalog: &Arc<Catalog>, name: &ObjectName, types: &[u32]) -> Result<AggregatePart> {
        let binder = Binder::new(catalog, self.context, &[]);
        let part = binder.aggregate_part(&self.qualified(name)?, types)?;
        match catalog.functions.get(&part.oid) {
            Some(own) if own.language != Language::Sql => {
                Err(Error::unsupported(format!("an aggregate of a function in {}", own.language.name())))
            }
            Some(own) if own.set => {
                let message = format!("function {} returns a set", own.signature());
                Err(Error::new(SqlState::DATATYPE_MISMATCH, message))
            }
            _ => Ok(part),
        }
    }

    /// Keeps the functions of an aggregate from going before it is there.
    async fn hold_parts(&mut self, function: &SqlFunction) -> Result<()> {
        for oid in function.aggregate.iter().flat_map(|own| own.functions()) {
            let catalog = self.catalog();
            let Some(own) = catalog.functions.get(&oid) else { continue };
            self.lock_function_name(own.schema, &own.name).await?;
            if !self.catalog().functions.contains_key(&oid) {
                return Err(Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("function {} does not exist", own.signature()),
                ));
            }
        }
        Ok(())
    }
}
