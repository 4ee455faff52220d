//! TRUNCATE: a table gets new, empty contents; the old ones go as a whole when the transaction commits. Of a user table it
//! takes the rows of whoever says it, and of a stream table too.

use std::sync::Arc;

use auth::{ObjectKind, Privileges};
use datafusion::sql::sqlparser::ast::{CascadeOption, Truncate, TruncateIdentityOption, TruncateTableTarget};
use storage::{Direction, LockedRow, RowLock, TableId, TableLock};

use super::validate::ROWS_AT_A_TIME;
use super::{DefinitionEnvironment, names};
use crate::catalog::class::slice_of_role;
use crate::catalog::{Catalog, ConstraintKind, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::denied;
use crate::plan::bind::no_user_is_meant;

/// Runs TRUNCATE.
pub(super) async fn run(truncate: &Truncate, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let Truncate { table_names, partitions, table: _, if_exists, identity, cascade, on_cluster } = truncate;
    if partitions.is_some() || *if_exists || on_cluster.is_some() {
        return Err(Error::unsupported("a clause of this TRUNCATE that PostgreSQL does not have"));
    }
    let restart = matches!(identity, Some(TruncateIdentityOption::Restart));
    let cascade = matches!(cascade, Some(CascadeOption::Cascade));
    let (mut oids, mut alone) = (Vec::with_capacity(table_names.len()), Vec::new());
    for target in table_names {
        let TruncateTableTarget { name, only, has_asterisk: _ } = target;
        let table = environment.lock_for_truncate(name).await?;
        if *only && table.partitioning.key.is_some() {
            let message = "cannot truncate only a partitioned table";
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                .with_hint("Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly."));
        }
        let named = if *only { &mut alone } else { &mut oids };
        if !named.contains(&table.oid) {
            named.push(table.oid);
        }
    }
    environment.add_beneath(&mut oids).await?;
    alone.retain(|oid| !oids.contains(oid));
    oids.extend(alone);
    if cascade {
        environment.add_referencing(&mut oids).await?;
    }
    let catalog = environment.catalog();
    refuse_referenced(environment, &catalog, &oids)?;
    refuse_own_rows_only(&catalog, &oids)?;
    for oid in oids {
        if let Some(table) = catalog.tables.get(&oid).filter(|table| table.is_divided()) {
            if restart {
                let what = format!("TRUNCATE … RESTART IDENTITY of a {} table", table.class.name());
                return Err(Error::unsupported(what));
            }
            environment.empty_slice(table).await?;
            continue;
        }
        environment.truncate(oid)?;
        if restart {
            environment.restart_owned_sequences(oid)?;
        }
    }
    Ok(())
}

impl DefinitionEnvironment<'_> {
    async fn lock_for_truncate(&mut self, name: &datafusion::sql::sqlparser::ast::ObjectName) -> Result<Arc<Table>> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let table = self.find_table(&catalog, &name)?;
            self.check_truncate(&table)?;
            self.lock_emptied(&table).await?;
            let catalog = self.catalog();
            let now = self.find_table(&catalog, &name)?;
            if now.oid == table.oid {
                self.check_truncate(&now)?;
                return Ok(now);
            }
        }
    }

    fn check_truncate(&self, table: &Table) -> Result<()> {
        names::require_table(table, |name| format!("\"{name}\" is not a table"))?;
        // Everybody's own rows are his.
        if table.is_divided() {
            return Ok(());
        }
        match table.held(self.principal, Privileges::TRUNCATE).is_empty() {
            false => Ok(()),
            true => Err(denied(ObjectKind::Table, &table.name)),
        }
    }

    /// Adds the tables that point at one of these, and those that point at them, each locked.
    async fn add_referencing(&mut self, oids: &mut Vec<u32>) -> Result<()> {
        loop {
            let catalog = self.catalog();
            let found = referencing(&catalog, oids).map(|(child, _)| child.clone()).next();
            let Some(child) = found else { return Ok(()) };
            self.lock_emptied(&child).await?;
            let catalog = self.catalog();
            // It may have lost its foreign key while we waited.
            let Some((child, _)) = referencing(&catalog, oids).find(|(table, _)| table.oid == child.oid) else {
                continue;
            };
            let shown = self.shown(&catalog, child);
            self.notice(format!("truncate cascades to table \"{shown}\""));
            self.check_truncate(child)?;
            oids.push(child.oid);
            self.add_beneath(oids).await?;
        }
    }

    /// Keeps others out of a table that is to be emptied; of a user table only some rows go.
    async fn lock_emptied(&mut self, table: &Table) -> Result<()> {
        if !table.is_divided() {
            return self.lock_table(table.oid, TableLock::AccessExclusive).await;
        }
        self.transaction.lock_table(TableId(table.oid), TableLock::RowExclusive, self.wait).await?;
        Ok(())
    }

    /// Deletes the current role's rows of a user table; none of them is kept, nor what was deleted before.
    async fn empty_slice(&mut self, table: &Arc<Table>) -> Result<()> {
        if self.context.session.settings.active().all_users {
            return Err(no_user_is_meant(table));
        }
        let own = table.of_slice(slice_of_role(self.principal.role().0));
        let schema = &own.storage;
        let mut scan = self.transaction.newest_view().scan(schema, &schema.rows(), Direction::Forward);
        loop {
            let rows = scan.next(ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                self.transaction.delete_trash(schema).await?;
                return Ok(());
            }
            for row in rows {
                let locked = self.transaction.lock_row(schema, &row.key, RowLock::Update, self.wait).await?;
                if let LockedRow::Current(row) = locked {
                    self.transaction.delete(schema, &row)?;
                }
            }
            self.transaction.relieve().await?;
            tokio::task::yield_now().await;
        }
    }

    /// Gives the table, which is locked, new contents.
    pub(super) fn truncate(&mut self, oid: u32) -> Result<()> {
        let catalog = self.catalog();
        let table = catalog.tables.get(&oid).ok_or_else(|| Error::internal("a locked table is gone"))?;
        let mut table = (**table).clone();
        self.drop_contents(&table);
        let generation = self.new_generation()?;
        for index in table.indexes.iter_mut().filter(|index| !index.primary) {
            index.generation = Some(self.new_generation()?);
        }
        table.lay_out(generation, &[])?;
        self.transaction.replaced(TableId(oid));
        self.redefine(table)?;
        Ok(())
    }

    /// Lets a table's rows and index entries go when the transaction commits.
    pub(super) fn drop_contents(&mut self, table: &Table) {
        self.transaction.dropped(table.storage.generation);
        for index in &table.storage.indexes {
            self.transaction.dropped(index.generation);
        }
    }
}

/// Tables outside the set that point at one inside it.
pub(super) fn referencing<'a>(catalog: &'a Catalog, oids: &'a [u32]) -> impl Iterator<Item = (&'a Arc<Table>, u32)> {
    let outside = catalog.tables.values().filter(|table| !oids.contains(&table.oid));
    outside.filter_map(|table| {
        table.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey { target, .. } if oids.contains(target) => Some((table, *target)),
            _ => None,
        })
    })
}

/// The tables that TRUNCATE of some empties: what is beneath them, and with CASCADE what points at them.
pub(crate) fn emptied(catalog: &Catalog, named: &[u32], cascade: bool) -> Vec<u32> {
    let mut oids: Vec<u32> = Vec::new();
    let mut next: Vec<u32> = named.to_vec();
    while let Some(oid) = next.pop() {
        if !oids.contains(&oid) {
            oids.push(oid);
            next.extend(catalog.descendants(oid).iter().map(|below| below.oid));
        }
        if next.is_empty() && cascade {
            next.extend(referencing(catalog, &oids).map(|(child, _)| child.oid).next());
        }
    }
    oids.sort_unstable();
    oids
}

/// 0A000 for a shared table that user tables point at: it would have to go with the rows of all users.
fn refuse_own_rows_only(catalog: &Catalog, oids: &[u32]) -> Result<()> {
    let shared: Vec<u32> =
        oids.iter().copied().filter(|oid| catalog.tables.get(oid).is_some_and(|table| !table.is_divided())).collect();
    match referencing(catalog, &shared).find(|(child, _)| child.is_divided()) {
        Some((child, _)) => {
            Err(Error::unsupported(format!("TRUNCATE of a shared table that user table \"{}\" references", child.name)))
        }
        None => Ok(()),
    }
}

fn refuse_referenced(environment: &DefinitionEnvironment<'_>, catalog: &Catalog, oids: &[u32]) -> Result<()> {
    let Some((child, parent)) = referencing(catalog, oids).next() else { return Ok(()) };
    let shown = |table: &Table| environment.shown(catalog, table);
    let parent = catalog.tables.get(&parent).map_or_else(String::new, |parent| shown(parent));
    let child = shown(child);
    Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "cannot truncate a table referenced in a foreign key constraint")
        .with_detail(format!("Table \"{child}\" references \"{parent}\"."))
        .with_hint(format!("Truncate table \"{child}\" at the same time, or use TRUNCATE ... CASCADE.")))
}
