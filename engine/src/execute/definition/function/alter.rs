//! ALTER FUNCTION, ALTER PROCEDURE and ALTER ROUTINE.

use std::sync::Arc;

use auth::{Privileges, RoleId};
use datafusion::sql::sqlparser::ast::Owner;

use super::super::DefinitionEnvironment;
use super::super::names::{is_system_schema, named_schema};
use super::super::sequence::owner_of;
use super::{DUPLICATE_FUNCTION, invalid};
use crate::catalog::{Change, SqlFunction, TEMPORARY_SCHEMA};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::check_schema;
use crate::statement::definition::{FunctionChange, FunctionName};
use crate::types::text::cut_name;

/// Runs ALTER FUNCTION.
pub(in crate::execute::definition) async fn alter(
    name: &FunctionName,
    change: &FunctionChange,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let old = environment.lock_function(name).await?;
    environment.check_own(old.owner, name.kind.noun(), &old.name)?;
    let mut function = (*old).clone();
    let types = function.input_types();
    match change {
        FunctionChange::Options(options) => {
            if function.procedure && options.is_of_functions() {
                return Err(invalid("invalid attribute in procedure definition"));
            }
            environment.set_function_options(&mut function, options)?;
        }
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

impl SqlFunction {
    /// Puts another owner in the place of the old one, in the list too.
    pub(in crate::execute::definition) fn give_to(&mut self, owner: u32) {
        let (old, new) = (RoleId(self.owner), RoleId(owner));
        self.acl.iter_mut().for_each(|acl| acl.change_owner(old, new));
        self.owner = owner;
    }
}

impl DefinitionEnvironment<'_> {
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
}
