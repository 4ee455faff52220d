//! What CREATE SCHEMA makes together with the schema.

use std::sync::Arc;

use auth::{Principal, RoleId};
use datafusion::sql::sqlparser::ast::{SchemaName, Statement};

use super::{DefinitionEnvironment, schema};
use crate::catalog::{Schema, TEMPORARY_SCHEMA};
use crate::error::{Error, Result, SqlState};
use crate::function::EvalContext;
use crate::statement::definition::Definition;

/// Runs CREATE SCHEMA and makes what is to be in it, as the schema's owner, who looks there first.
pub(super) async fn create(
    name: &SchemaName,
    elements: &[Definition],
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let Some(schema) = schema::create(name, false, environment).await? else { return Ok(()) };
    let mut facts = (*environment.context.session).clone();
    let has_temporary = facts.search_path.first().is_some_and(|name| name.starts_with(TEMPORARY_SCHEMA));
    facts.search_path.insert(usize::from(has_temporary), schema.name.clone());
    let session = Arc::new(facts);
    let catalog = environment.catalog();
    let owner = Principal::resolve(RoleId(schema.owner), catalog.role_name(schema.owner), &*catalog);
    for element in elements {
        check_inside(&schema, element, environment)?;
        // Each finds what those before it have made.
        let (session, catalog) = (session.clone(), environment.catalog());
        let context = EvalContext { session, catalog, ..environment.context.clone() };
        let mut inside = DefinitionEnvironment {
            transaction: &mut *environment.transaction,
            newest: environment.newest,
            catalog: environment.catalog.clone(),
            changes: &mut *environment.changes,
            principal: &owner,
            context: &context,
            text: environment.text,
            store: environment.store,
            others: environment.others,
            wait: environment.wait,
            notices: Vec::new(),
            details: Vec::new(),
            into_temporary: false,
            class: Default::default(),
            ends_with_commits: false,
            made: None,
        };
        let result = Box::pin(super::run(element, &mut inside)).await;
        let (catalog, notices) = (inside.catalog.take(), std::mem::take(&mut inside.notices));
        environment.catalog = catalog;
        environment.details.append(&mut inside.details);
        environment.notices.extend(notices);
        result?;
    }
    Ok(())
}

/// 42P15 for something that is to be made in another schema, 42P16 for something temporary.
fn check_inside(schema: &Schema, element: &Definition, environment: &DefinitionEnvironment<'_>) -> Result<()> {
    if element.is_temporary() {
        let message = "cannot create temporary relation in non-temporary schema";
        return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    let name = match element {
        Definition::CreateSequence { name, .. } => name,
        Definition::CreateView(view) => &view.name,
        Definition::Parsed(Statement::CreateTable(create))
        | Definition::UnloggedTable(Statement::CreateTable(create))
        | Definition::TableOfClass(_, Statement::CreateTable(create)) => &create.name,
        Definition::Parsed(Statement::CreateIndex(create)) => &create.table_name,
        _ => return Ok(()),
    };
    let Some(other) = environment.qualified(name)?.schema.filter(|other| *other != schema.name) else { return Ok(()) };
    let message = format!("CREATE specifies a schema ({other}) different from the one being created ({})", schema.name);
    Err(Error::new(SqlState("42P15"), message))
}
