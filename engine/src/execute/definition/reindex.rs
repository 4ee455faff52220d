//! REINDEX: indexes are built anew from their tables' rows.
//!
//! A primary key has no entries of its own: rows lie under it, so there is nothing that could differ from them.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName;
use storage::TableLock;

use super::DefinitionEnvironment;
use super::names::{Relation, named_schema};
use crate::catalog::{Catalog, Table, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::{Reindex, ReindexKind};

impl DefinitionEnvironment<'_> {
    pub(super) async fn reindex(&mut self, reindex: &Reindex) -> Result<()> {
        let Reindex { kind, name, concurrently } = reindex;
        match kind {
            ReindexKind::Index => self.reindex_index(name, *concurrently).await,
            ReindexKind::Table => self.reindex_table(name, *concurrently).await,
            ReindexKind::Schema => {
                let name = self.qualified(name)?.name;
                let catalog = self.catalog();
                let schema = named_schema(&catalog, &name)?;
                self.check_owner(schema.owner, "schema", &name)?;
                let oid = schema.oid;
                self.rebuild_all(&catalog, |table| table.schema == oid).await
            }
            ReindexKind::Database | ReindexKind::System => {
                let name = self.qualified(name)?.name;
                if name != self.context.session.database {
                    let message = "can only reindex the currently open database";
                    return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
                }
                let catalog = self.catalog();
                if let Some(database) = catalog.databases.values().find(|database| database.name == name) {
                    self.check_own(database.owner, "database", &name)?;
                }
                match kind {
                    ReindexKind::System if *concurrently => Err(of_the_system()),
                    // What the system tells of itself is computed.
                    ReindexKind::System => Ok(()),
                    _ => self.rebuild_all(&catalog, |_| true).await,
                }
            }
        }
    }

    async fn reindex_index(&mut self, name: &ObjectName, concurrently: bool) -> Result<()> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let (table, at) = match self.find(&catalog, &name)? {
                Some(Relation::Index(table, at)) => (table, at),
                Some(Relation::Table(table)) if table.kind == TableKind::System && concurrently => {
                    return Err(of_the_system());
                }
                Some(Relation::Table(_)) => {
                    let message = format!("\"{}\" is not an index", name.name);
                    return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
                }
                None => {
                    let message = format!("relation \"{name}\" does not exist");
                    return Err(Error::new(SqlState::UNDEFINED_TABLE, message));
                }
            };
            self.check_owner(table.owner, "index", &name.name)?;
            let index = table.indexes[at].oid;
            self.lock_table(table.oid, TableLock::AccessExclusive).await?;
            self.lock_beneath(table.oid, TableLock::AccessExclusive).await?;
            let (catalog, table) = self.locked_table(table.oid)?;
            if !table.indexes.iter().any(|own| own.oid == index && own.name == name.name) {
                continue;
            }
            let mut parts = vec![index];
            self.rebuild(table.oid, |own| own == index).await?;
            for below in catalog.descendants(table.oid) {
                let own = below.indexes.iter().find(|own| own.parent.is_some_and(|parent| parts.contains(&parent)));
                let Some(part) = own.map(|own| own.oid) else { continue };
                parts.push(part);
                self.rebuild(below.oid, |own| own == part).await?;
            }
            return Ok(());
        }
    }

    async fn reindex_table(&mut self, name: &ObjectName, concurrently: bool) -> Result<()> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let table = match self.find(&catalog, &name)? {
                Some(Relation::Table(table)) => table,
                Some(Relation::Index(..)) => return Err(not_a_table(&name.name)),
                None => return Err(self.find_table(&catalog, &name).err().unwrap_or_else(|| not_a_table(&name.name))),
            };
            match table.kind {
                TableKind::Table => {}
                TableKind::System if concurrently => return Err(of_the_system()),
                TableKind::System => return self.check_table_owner(&table),
                TableKind::View(_) | TableKind::Sequence(_) | TableKind::Files(_) => {
                    return Err(not_a_table(&name.name));
                }
            }
            self.check_table_owner(&table)?;
            self.lock_table(table.oid, TableLock::AccessExclusive).await?;
            self.lock_beneath(table.oid, TableLock::AccessExclusive).await?;
            let catalog = self.catalog();
            if self.find_table(&catalog, &name)?.oid != table.oid {
                continue;
            }
            if table.indexes.is_empty() && table.partitioning.key.is_none() {
                self.notice(format!("table \"{}\" has no indexes to reindex", table.name));
            }
            // What inherits from a table has indexes of its own.
            let parts = catalog.descendants(table.oid).into_iter().filter(|below| below.partitioning.of.is_some());
            for table in std::iter::once(table.clone()).chain(parts) {
                self.rebuild(table.oid, |_| true).await?;
            }
            return Ok(());
        }
    }

    /// Builds the indexes of all tables that the principal owns and that are asked for.
    async fn rebuild_all(&mut self, catalog: &Catalog, asked: impl Fn(&Table) -> bool) -> Result<()> {
        let own_schema = self.context.session.temporary.clone();
        let is_foreign = |table: &Table| {
            let schema = catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str());
            table.temporary.is_some() && schema != own_schema.as_deref()
        };
        let is_asked = |table: &&Arc<Table>| table.kind == TableKind::Table && asked(table) && !is_foreign(table);
        let oids: Vec<u32> = catalog.tables.values().filter(is_asked).map(|table| table.oid).collect();
        for oid in oids {
            let owner = self.catalog().tables.get(&oid).map(|table| table.owner);
            if owner.is_some_and(|owner| self.principal.has_privileges_of(auth::RoleId(owner))) {
                self.lock_table(oid, TableLock::AccessExclusive).await?;
                self.rebuild(oid, |_| true).await?;
            }
        }
        Ok(())
    }

    /// Builds some indexes of a table, which is locked, from its rows.
    pub(super) async fn rebuild(&mut self, oid: u32, is_wanted: impl Fn(u32) -> bool) -> Result<()> {
        // It may have gone while the lock was awaited.
        let catalog = self.catalog();
        let Some(before) = catalog.tables.get(&oid).filter(|table| table.partitioning.key.is_none()) else {
            return Ok(());
        };
        let mut table = (**before).clone();
        let mut made = Vec::new();
        for index in table.indexes.iter_mut().filter(|index| !index.primary && is_wanted(index.oid)) {
            if let Some(old) = index.generation {
                self.transaction.dropped(old);
            }
            let generation = self.new_generation()?;
            index.generation = Some(generation);
            made.push(generation);
        }
        if made.is_empty() {
            return Ok(());
        }
        table.lay_out(before.storage.generation, &[])?;
        self.derive(&mut table)?;
        for index in table.storage.indexes.iter().filter(|index| made.contains(&index.generation)) {
            let built = self.transaction.build_index(&table.storage, index).await;
            if let Some(duplicate) = built.map_err(|error| self.discreet(&table, error))? {
                return Err(self.not_unique(&table, &duplicate));
            }
            self.check_late_key(&table, index).await?;
        }
        self.redefine(table)?;
        Ok(())
    }
}

fn of_the_system() -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently")
}

fn not_a_table(name: &str) -> Error {
    let message = format!("\"{name}\" is not a table or materialized view");
    Error::new(SqlState::WRONG_OBJECT_TYPE, message)
}
