//! Temporary relations: they live in a schema of their session's own, which is searched first and which nobody else can
//! name. They are part of the catalog as any relation is, and go when the session does.
//!
//! The schema is named after the session's place among those that have temporary relations. Places are used again, and
//! their schemas with them: what a session could not clear away, the next one in its place does.

use std::sync::Arc;

use auth::{Acl, AclItem, ObjectAccess, ObjectKind, Privileges, RoleId, decide};
use datafusion::sql::sqlparser::ast;

use super::DefinitionEnvironment;
use super::names::Place;
use super::truncate::referencing;
use crate::catalog::pg_catalog::BOOTSTRAP_ROLE;
use crate::catalog::{Catalog, Change, OnCommit, Schema, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::QualifiedName;

impl DefinitionEnvironment<'_> {
    /// What the statement makes from here on is temporary; answers what it says of commits.
    pub(super) fn make_temporary(&mut self, on_commit: Option<&ast::OnCommit>) -> Option<OnCommit> {
        self.into_temporary = true;
        self.ends_with_commits |= !matches!(on_commit, None | Some(ast::OnCommit::PreserveRows));
        Some(match on_commit {
            None | Some(ast::OnCommit::PreserveRows) => OnCommit::PreserveRows,
            Some(ast::OnCommit::DeleteRows) => OnCommit::DeleteRows,
            Some(ast::OnCommit::Drop) => OnCommit::Drop,
        })
    }

    /// Makes the session's schema of temporary relations, unless it is there.
    pub(super) async fn claim_temporary_schema(&mut self) -> Result<()> {
        let catalog = self.catalog();
        self.check_temporary(&catalog)?;
        let Some(name) = self.context.session.temporary.clone() else { return Ok(()) };
        if catalog.schema_named(&name).is_some() {
            return Ok(());
        }
        let oid = self.store.allocate_oid()?;
        let owner = RoleId(BOOTSTRAP_ROLE);
        // That nobody else names it is checked where names are looked up.
        let everybody = AclItem::for_grant(None, owner, Privileges::CREATE | Privileges::USAGE, false);
        let acl: Acl = [everybody].into_iter().collect();
        let database = catalog.database;
        let schema =
            Schema { oid, database, name: name.to_string(), owner: BOOTSTRAP_ROLE, acl: Some(acl), comment: None };
        self.apply(Change::Schema(oid, Some(Arc::new(schema))))
    }

    /// 42501 unless the principal may make temporary relations.
    fn check_temporary(&self, catalog: &Catalog) -> Result<()> {
        let name = &self.context.session.database;
        let Some(database) = catalog.databases.values().find(|database| database.name == *name) else { return Ok(()) };
        let (owner, kind) = (RoleId(database.owner), ObjectKind::Database);
        let access = ObjectAccess { owner, kind, acl: database.acl.as_ref() };
        if decide(self.principal, &access, Privileges::TEMPORARY).is_allowed() {
            return Ok(());
        }
        let message = format!("permission denied to create temporary tables in database \"{name}\"");
        Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message))
    }

    /// Where a new temporary relation goes.
    pub(super) fn temporary_place(&self, catalog: &Catalog, name: QualifiedName) -> Result<Place> {
        let own = self.context.session.temporary.as_deref();
        let schema = own.and_then(|own| catalog.schema_named(own));
        let schema = schema.ok_or_else(|| Error::internal("the session has no schema of temporary relations"))?;
        if name.schema.as_ref().is_some_and(|named| *named != schema.name) {
            let message = "cannot create temporary relation in non-temporary schema";
            return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message).at(self.position(name.span)));
        }
        Ok(Place { schema: schema.clone(), name: name.name, on_commit: None })
    }

    /// The session's temporary relations.
    fn temporary(&mut self) -> Vec<Arc<Table>> {
        let catalog = self.catalog();
        let own = self.context.session.temporary.as_deref();
        let Some(schema) = own.and_then(|own| catalog.schema_named(own)) else { return Vec::new() };
        catalog.tables.values().filter(|table| table.schema == schema.oid).cloned().collect()
    }

    /// Drops all of them. Nobody else uses them, so nothing is locked.
    pub(super) fn discard_temporary(&mut self) -> Result<()> {
        for table in self.temporary() {
            self.drop_table(table.oid)?;
        }
        Ok(())
    }

    /// Does what was said ON COMMIT.
    pub(super) async fn end_temporary(&mut self) -> Result<()> {
        let tables = self.temporary();
        let with = |wanted: OnCommit| tables.iter().filter(move |table| table.temporary == Some(wanted));
        let catalog = self.catalog();
        let mut gone: Vec<u32> = Vec::new();
        for table in with(OnCommit::Drop) {
            // Partitions go with what they are part of.
            for oid in std::iter::once(table.oid).chain(catalog.descendants(table.oid).iter().map(|below| below.oid)) {
                if !gone.contains(&oid) {
                    gone.push(oid);
                }
            }
        }
        let mut dependents = self.referencing_keys(&catalog, &gone);
        dependents.extend(self.views_over(&catalog, &gone, None));
        for dependent in dependents {
            self.remove_dependent(&dependent).await?;
        }
        for oid in &gone {
            self.drop_table(*oid)?;
        }
        let emptied: Vec<u32> =
            with(OnCommit::DeleteRows).map(|table| table.oid).filter(|oid| !gone.contains(oid)).collect();
        refuse_referenced(&self.catalog(), &emptied)?;
        for oid in emptied {
            // A partitioned table keeps no rows itself. One that is empty need not be changed.
            let (_, table) = self.locked_table(oid)?;
            if table.partitioning.key.is_none() && self.has_rows(&table)? {
                self.truncate(oid)?;
            }
        }
        Ok(())
    }
}

/// 0A000 if a table that keeps its rows points at one that a commit empties.
fn refuse_referenced(catalog: &Catalog, emptied: &[u32]) -> Result<()> {
    let Some((child, parent)) = referencing(catalog, emptied).next() else { return Ok(()) };
    let parent = catalog.tables.get(&parent).map_or("", |parent| parent.name.as_str());
    let detail =
        format!("Table \"{}\" references \"{parent}\", but they do not have the same ON COMMIT setting.", child.name);
    let message = "unsupported ON COMMIT and foreign key combination";
    Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_detail(detail))
}
