//! COMMENT.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{CommentObject, ObjectName};
use storage::TableLock;

use super::DefinitionEnvironment;
use super::alter::column_of;
use super::names::Relation;
use super::role::check_manages;
use crate::catalog::{Change, Database, Extension, Role, Schema, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;
use crate::statement::definition::Commented;

/// Runs COMMENT; an empty comment is none.
pub(super) async fn run(
    kind: &CommentObject,
    name: &ObjectName,
    comment: Option<&str>,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    if matches!(kind, CommentObject::Type | CommentObject::Domain) {
        return environment.comment_on_type(name, matches!(kind, CommentObject::Domain), comment).await;
    }
    let (relation_name, column) = match kind {
        CommentObject::Table
        | CommentObject::Index
        | CommentObject::Sequence
        | CommentObject::View
        | CommentObject::MaterializedView => (name.clone(), None),
        CommentObject::Column => {
            let mut parts = name.0.clone();
            let column = parts.pop().and_then(|part| part.as_ident().map(fold));
            if parts.is_empty() {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "column name must be qualified"));
            }
            (ObjectName(parts), column)
        }
        other => return Err(Error::unsupported(format!("COMMENT ON {other}"))),
    };
    let relation = environment.lock_to_comment(&relation_name, matches!(kind, CommentObject::Index)).await?;
    let noun = relation.table().noun();
    let what = match kind {
        CommentObject::View => "view",
        CommentObject::MaterializedView => "materialized view",
        CommentObject::Table => "table",
        CommentObject::Sequence => "sequence",
        // An index was found as one; a column may be any relation's.
        _ => noun,
    };
    if what != noun {
        let message = format!("\"{}\" is not a {what}", relation.table().name);
        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    let comment = comment.filter(|comment| !comment.is_empty()).map(str::to_owned);
    let mut table = (**relation.table()).clone();
    match (&relation, column) {
        (Relation::Index(_, at), _) => table.indexes[*at].comment = comment,
        (Relation::Table(_), Some(column)) => {
            let position = column_of(&table, &column)?;
            table.columns[position].comment = comment;
        }
        (Relation::Table(_), None) => table.comment = comment,
    }
    // Writers are not locked out, and nothing changes for them.
    environment.put_table(table)?;
    Ok(())
}

impl DefinitionEnvironment<'_> {
    /// COMMENT ON what is no relation, column or type.
    pub(super) async fn comment_on(&mut self, on: &Commented, comment: Option<String>) -> Result<()> {
        match on {
            Commented::Schema(name) => {
                let schema = self.lock_own_schema(name).await?;
                self.apply(Change::Schema(schema.oid, Some(Arc::new(Schema { comment, ..(*schema).clone() }))))
            }
            Commented::Database(name) => {
                self.lock_database_name(name).await?;
                let database = self.own_database(name)?;
                self.apply(Change::Database(database.oid, Some(Arc::new(Database { comment, ..(*database).clone() }))))
            }
            Commented::Role(name) => {
                let role = self.lock_named_role(name).await?;
                let own = self.own_attributes(&self.context.catalog);
                if role.attributes.superuser && !own.superuser {
                    let message = "must be superuser to alter superusers";
                    return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
                }
                check_manages(&own, role.attributes.kind(), "must have CREATEROLE privilege")?;
                self.apply(Change::Role(role.oid, Some(Arc::new(Role { comment, ..role }))))
            }
            Commented::Extension(name) => {
                let own = self.own_extension(name).await?;
                self.apply(Change::Extension(own.oid, Some(Arc::new(Extension { comment, ..(*own).clone() }))))
            }
            Commented::Function(name) => self.comment_on_function(name, comment).await,
            Commented::Constraint { name, table } => {
                let relation = self.lock_to_comment(table, false).await?;
                let mut table = (**relation.table()).clone();
                match table.constraints.iter_mut().find(|constraint| constraint.name == *name) {
                    Some(constraint) => constraint.comment = comment,
                    None => {
                        let message = format!("constraint \"{name}\" for table \"{}\" does not exist", table.name);
                        return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
                    }
                }
                self.put_table(table)?;
                Ok(())
            }
            Commented::Policy { name, table } => self.comment_on_policy(name, table, comment).await,
            Commented::Trigger { name, table } => self.comment_on_trigger(name, table, comment).await,
            Commented::DomainConstraint { name, domain } => {
                let domain = self.qualified(domain)?;
                let mut ty = (*self.lock_type_to_alter(&domain, true).await?).clone();
                let UserTypeKind::Domain(changed) = &mut ty.kind else {
                    return Err(Error::internal("a domain that is none"));
                };
                match changed.checks.iter_mut().find(|check| check.name == *name) {
                    Some(check) => check.comment = comment,
                    None => {
                        let message = format!("constraint \"{name}\" for domain {domain} does not exist");
                        return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
                    }
                }
                self.put_type(ty)
            }
        }
    }

    async fn lock_to_comment(&mut self, name: &ObjectName, index: bool) -> Result<Relation> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let relation = match (self.find(&catalog, &name)?, index) {
                (Some(relation @ Relation::Table(_)), false) | (Some(relation @ Relation::Index(..)), true) => relation,
                (Some(_), _) => {
                    let what = if index { "an index" } else { "a table" };
                    let message = format!("\"{}\" is not {what}", name.name);
                    return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
                }
                (None, _) => {
                    let message = format!("relation \"{name}\" does not exist");
                    return Err(Error::new(SqlState::UNDEFINED_TABLE, message));
                }
            };
            let oid = relation.table().oid;
            self.check_table_owner(relation.table())?;
            self.lock_table(oid, TableLock::ShareUpdateExclusive).await?;
            let catalog = self.catalog();
            match self.find(&catalog, &name)? {
                Some(now) if now.table().oid == oid && matches!(now, Relation::Index(..)) == index => return Ok(now),
                _ => {}
            }
        }
    }
}
