//! LOCK TABLE: the tables that are named, what is beneath them, and what a view reads.

use std::sync::Arc;

use auth::{Duty, Principal, Privileges, RoleId, held_privileges};
use datafusion::sql::sqlparser::ast::ObjectName;
use storage::{TableLock, Wait};

use super::Session;
use super::cancel::Interrupt;
use crate::catalog::{Catalog, Table, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::{check_reach, denied_relation};
use crate::plan::relation::CheckAs;

impl Session {
    pub(super) async fn lock_tables(
        &mut self,
        names: &[ObjectName],
        mode: TableLock,
        no_wait: bool,
        interrupt: &Interrupt,
    ) -> Result<()> {
        self.check_in_block("LOCK TABLE")?;
        self.begin_implicit();
        let wait = if no_wait { Wait::No } else { self.lock_wait() };
        for table in self.tables_to_lock(names, mode)? {
            let locked = interrupt.guard(self.lock_named(table.oid, mode, wait)).await;
            locked.map_err(|error| match error.sql_state() {
                SqlState::LOCK_NOT_AVAILABLE if no_wait => Error::new(
                    SqlState::LOCK_NOT_AVAILABLE,
                    format!("could not obtain lock on relation \"{}\"", table.name),
                ),
                _ => error,
            })?;
        }
        Ok(())
    }

    fn tables_to_lock(&mut self, names: &[ObjectName], mode: TableLock) -> Result<Vec<Arc<Table>>> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let mut gathered = Gathered { catalog: &catalog, session: &principal, mode, tables: Vec::new() };
        for name in names {
            for table in self.tables_and_partitions(std::slice::from_ref(name))?.into_iter().take(1) {
                if !matches!(table.noun(), "table" | "view") || table.kind == TableKind::System {
                    let message = format!("cannot lock relation \"{}\"", table.name);
                    return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                        .with_detail(format!("This operation is not supported for {}s.", table.noun())));
                }
                check_reach(&table, held_for(&table, &principal, mode), &principal, &catalog)?;
                gathered.add(&table, &principal)?;
            }
        }
        Ok(gathered.tables)
    }
}

/// The tables that one LOCK TABLE locks, so far.
struct Gathered<'a> {
    catalog: &'a Catalog,
    session: &'a Principal,
    mode: TableLock,
    tables: Vec<Arc<Table>>,
}

impl Gathered<'_> {
    /// Adds a table with all that is beneath it, or a view with all that it reads, which somebody must be allowed to lock.
    fn add(&mut self, table: &Arc<Table>, principal: &Principal) -> Result<()> {
        if held_for(table, principal, self.mode).is_empty() {
            return Err(denied_relation(table));
        }
        if self.tables.iter().any(|known| known.oid == table.oid) {
            return Ok(());
        }
        self.tables.push(table.clone());
        self.tables.extend(self.catalog.descendants(table.oid));
        let Some(view) = table.view() else { return Ok(()) };
        let owner = match table.checks_beneath_as() {
            CheckAs::Role(role) => Some(Principal::resolve(RoleId(role), self.catalog.role_name(role), self.catalog)),
            CheckAs::Caller | CheckAs::Session => None,
        };
        for known in &view.relations {
            let Some(read) = self.catalog.tables.get(&known.oid) else { continue };
            if matches!(read.noun(), "table" | "view") && read.kind != TableKind::System {
                self.add(read, owner.as_ref().unwrap_or(self.session))?;
            }
        }
        Ok(())
    }
}

/// What allows somebody to lock a table so; nothing if he may not. That everybody writes rows of his own to a user table does
/// not let him keep all others from theirs: that takes what was granted, or who looks after the table.
fn held_for(table: &Table, principal: &Principal, mode: TableLock) -> Privileges {
    let keeps_out = mode > TableLock::RowExclusive;
    match table.is_divided() && keeps_out && !table.is_kept_by(principal, Duty::Redefine) {
        true => held_privileges(principal, &table.access(), enough(mode)),
        false => table.held(principal, enough(mode)),
    }
}

/// The privileges of which any allows such a lock.
fn enough(mode: TableLock) -> Privileges {
    match mode {
        TableLock::AccessShare => Privileges::SELECT,
        TableLock::RowExclusive => Privileges::INSERT | Privileges::UPDATE | Privileges::DELETE | Privileges::TRUNCATE,
        _ => Privileges::UPDATE | Privileges::DELETE | Privileges::TRUNCATE,
    }
}
