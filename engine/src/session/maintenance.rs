//! VACUUM and ANALYZE.
//!
//! VACUUM compacts what deleted and overwritten rows still occupy, in both tiers. What the planner knows of a table, how many rows it
//! has, the store counts by itself as they come and go, so there is nothing that ANALYZE would have to collect: it checks
//! what it is told, as PostgreSQL does.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName;
use storage::{Store, TableSchema};

use super::Session;
use crate::catalog::{Table, TableKind};
use crate::error::{Error, Report, Result, SqlState};
use crate::plan::bind::Binder;
use crate::statement::{Maintenance, MaintenanceKind};

impl Session {
    /// Runs VACUUM or ANALYZE and answers its tag.
    pub(super) async fn maintain(&mut self, maintenance: &Maintenance) -> Result<&'static str> {
        let analyzes = maintenance.kind != MaintenanceKind::Vacuum;
        if maintenance.kind == MaintenanceKind::Analyze {
            self.maintained(maintenance, "analyze", "analyzing")?;
            return Ok("ANALYZE");
        }
        self.check_alone("VACUUM")?;
        for table in self.maintained(maintenance, "vacuum", "vacuuming")? {
            let store = self.database.store().clone();
            let has_segments = !store.segments(table.storage.generation).is_empty();
            reclaim(store, table.storage.clone()).await?;
            if has_segments {
                self.compact_segments(&table).await?;
            }
            if analyzes && maintenance.verbose {
                self.tell_about("analyzing", &table);
            }
        }
        Ok("VACUUM")
    }

    /// The tables that are maintained, partitions in the place of what they are part of. Without names those of the role.
    fn maintained(&mut self, maintenance: &Maintenance, verb: &str, doing: &str) -> Result<Vec<Arc<Table>>> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let owns = |table: &Table| table.is_moved_by(&principal);
        let mut tables = Vec::new();
        if maintenance.tables.is_empty() {
            tables.extend(catalog.tables.values().filter(|table| owns(table)).cloned());
        }
        for (name, columns) in &maintenance.tables {
            let named = self.tables_and_partitions(std::slice::from_ref(name))?;
            let Some(table) = named.first() else { continue };
            check_columns(table, columns)?;
            let reason = match table.kind {
                TableKind::Table if owns(table) => {
                    tables.extend(named);
                    continue;
                }
                TableKind::Table => format!("only table or database owner can {verb} it"),
                TableKind::Sequence(_) | TableKind::View(_) | TableKind::System | TableKind::Files(_) => {
                    format!("cannot {verb} non-tables or special system tables")
                }
            };
            let message = format!("skipping \"{}\" --- {reason}", table.name).into();
            self.notice("WARNING", Report { state: Some(SqlState::WARNING), message, ..Report::default() });
        }
        tables.retain(|table| table.kind == TableKind::Table);
        if maintenance.verbose {
            for table in &tables {
                self.tell_about(doing, table);
            }
        }
        Ok(tables)
    }

    fn tell_about(&mut self, doing: &str, table: &Table) {
        let catalog = self.catalog();
        let schema = catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
        let message = format!("{doing} \"{schema}.{}\"", table.name).into();
        self.notice("INFO", Report { message, ..Report::default() });
    }

    /// The tables of those names, each followed by its partitions.
    pub(super) fn tables_and_partitions(&self, names: &[ObjectName]) -> Result<Vec<Arc<Table>>> {
        let catalog = self.catalog();
        let context = self.context(catalog.clone(), Arc::from([]));
        let mut binder = Binder::new(&catalog, &context, &[]);
        let mut tables = Vec::new();
        for name in names {
            let table = binder.table(name)?;
            let below = catalog.descendants(table.oid);
            tables.push(table);
            tables.extend(below);
        }
        Ok(tables)
    }
}

/// An error unless each is a column of the table and named once.
fn check_columns(table: &Table, columns: &[String]) -> Result<()> {
    for (at, name) in columns.iter().enumerate() {
        if table.position_of(name).is_none() {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            return Err(Error::new(SqlState::UNDEFINED_COLUMN, message));
        }
        if columns[..at].contains(name) {
            let message = format!("column \"{name}\" of relation \"{}\" appears more than once", table.name);
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
    }
    Ok(())
}

/// Gives back the space of rows that are gone.
async fn reclaim(store: Store, schema: Arc<TableSchema>) -> Result<()> {
    let reclaim = move || {
        store.evict(&schema)?;
        let indexes = schema.indexes.iter().map(|index| index.generation);
        indexes.chain([schema.generation]).try_for_each(|generation| store.compact_generation(generation))
    };
    let reclaimed = tokio::task::spawn_blocking(reclaim).await;
    Ok(reclaimed.map_err(|error| Error::internal(format!("compaction ended early: {error}")))??)
}
