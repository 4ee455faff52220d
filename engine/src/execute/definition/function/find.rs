//! Finding the function that a statement names, and keeping others from changing it.

use std::sync::Arc;

use auth::Privileges;
use datafusion::sql::sqlparser::ast;

use super::super::DefinitionEnvironment;
use super::super::names::named_schema;
use crate::catalog::pg_catalog::routine::routines_named;
use crate::catalog::{Catalog, Change, SqlFunction};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::check_schema;
use crate::plan::bind::QualifiedName;
use crate::statement::definition::{FunctionName, RoutineKind};
use crate::types::{Type, display};

/// The functions of a schema, as far as they are of a kind.
pub(in crate::execute::definition) fn routines_in(
    catalog: &Catalog,
    schema: u32,
    kind: RoutineKind,
) -> Vec<Arc<SqlFunction>> {
    let inside = |function: &&Arc<SqlFunction>| function.schema == schema && is_of_kind(function, kind);
    catalog.functions.values().filter(inside).cloned().collect()
}

fn is_of_kind(function: &SqlFunction, kind: RoutineKind) -> bool {
    match kind {
        RoutineKind::Function => !function.procedure && function.aggregate.is_none(),
        RoutineKind::Procedure => function.procedure,
        RoutineKind::Aggregate => function.aggregate.is_some(),
        RoutineKind::Routine => true,
    }
}

impl DefinitionEnvironment<'_> {
    pub(in crate::execute::definition) async fn lock_function_name(&mut self, schema: u32, name: &str) -> Result<()> {
        let key = [b"function:", schema.to_be_bytes().as_slice(), name.as_bytes()].concat();
        self.lock_definition(&key, true).await
    }

    /// The function that a statement names: 42883 if there is none, 42725 if there are several.
    pub(in crate::execute::definition) fn find_function(
        &self,
        catalog: &Catalog,
        name: &FunctionName,
    ) -> Result<Arc<SqlFunction>> {
        let spelled = self.qualified(&name.name)?;
        if let Some(schema) = &spelled.schema {
            let schema = named_schema(catalog, schema)?;
            check_schema(self.principal, schema, Privileges::USAGE)?;
        }
        let found =
            catalog.find_sql_functions(spelled.schema.as_deref(), &spelled.name, &self.context.session.search_path);
        let noun = name.kind.noun();
        // What may be any of them is called a function.
        let missing = if name.kind == RoutineKind::Routine { "function" } else { noun };
        let Some(arguments) = &name.arguments else {
            let found: Vec<_> = found.into_iter().filter(|function| is_of_kind(function, name.kind)).collect();
            return match found.as_slice() {
                [one] => Ok((*one).clone()),
                [] => {
                    self.refuse_built_in(&spelled)?;
                    let message = format!("could not find a {missing} named \"{spelled}\"");
                    Err(Error::new(SqlState::UNDEFINED_FUNCTION, message))
                }
                _ => {
                    let message = format!("{noun} name \"{spelled}\" is not unique");
                    let hint = format!("Specify the argument list to select the {noun} unambiguously.");
                    Err(Error::new(SqlState::AMBIGUOUS_FUNCTION, message).with_hint(hint))
                }
            };
        };
        let types = self.argument_types(catalog, arguments)?;
        let mut function = found.iter().find(|function| function.input_types() == types);
        if function.is_none() && name.kind != RoutineKind::Function {
            // A procedure may be named with what it answers, too.
            let all = self.argument_types(catalog, &name.all_arguments)?;
            function = found.iter().find(|function| function.procedure && function.call_types() == all);
        }
        let signature = || {
            let shown: Vec<String> = types.iter().map(|ty| display(Type::new(*ty))).collect();
            format!("{spelled}({})", shown.join(", "))
        };
        match function {
            Some(function) if is_of_kind(function, name.kind) => Ok((*function).clone()),
            Some(function) if function.aggregate.is_some() && name.kind == RoutineKind::Function => {
                let message = format!("{} is an aggregate function", signature());
                let hint = "Use DROP AGGREGATE to drop aggregate functions.";
                Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message).with_hint(hint))
            }
            Some(_) if name.kind == RoutineKind::Aggregate => {
                let message = format!("function {} is not an aggregate", signature());
                Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message))
            }
            Some(_) => {
                let message = format!("{} is not a {noun}", signature());
                Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message))
            }
            None => {
                self.refuse_built_in(&spelled)?;
                let message = format!("{missing} {} does not exist", signature());
                Err(Error::new(SqlState::UNDEFINED_FUNCTION, message))
            }
        }
    }

    fn argument_types(&self, catalog: &Catalog, arguments: &[ast::DataType]) -> Result<Vec<u32>> {
        arguments.iter().map(|argument| Ok(self.parameter_type(catalog, argument)?.oid)).collect()
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
    pub(in crate::execute::definition) async fn lock_function(
        &mut self,
        name: &FunctionName,
    ) -> Result<Arc<SqlFunction>> {
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
    pub(in crate::execute::definition) async fn comment_on_function(
        &mut self,
        name: &FunctionName,
        comment: Option<String>,
    ) -> Result<()> {
        let function = self.lock_function(name).await?;
        self.check_own(function.owner, name.kind.noun(), &function.name)?;
        self.apply(Change::Function(function.oid, Some(Arc::new(SqlFunction { comment, ..(*function).clone() }))))
    }
}
