//! SET CONSTRAINTS, and what is looked at when a transaction commits.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName;

use super::Session;
use super::cancel::Interrupt;
use super::run::no_transaction;
use super::transaction::Open;
use crate::catalog::{Catalog, Constraint};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::QualifiedName;

impl Session {
    /// SET CONSTRAINTS; `names` None is ALL. What waits no longer is looked at now.
    pub(super) async fn set_constraints(
        &mut self,
        names: Option<&[ObjectName]>,
        deferred: bool,
        interrupt: &Interrupt,
    ) -> Result<()> {
        if !self.in_block() {
            let message = "SET CONSTRAINTS can only be used in transaction blocks";
            self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, message);
        }
        let catalog = self.catalog();
        let mut oids = Vec::new();
        for name in names.unwrap_or_default() {
            oids.extend(self.deferrable_named(&catalog, name)?);
        }
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        let before = open.deferred.clone();
        match names {
            None => open.deferred.set_all(deferred),
            Some(_) => oids.iter().for_each(|oid| open.deferred.set(*oid, deferred)),
        }
        if deferred || open.deferred.is_empty() {
            return Ok(());
        }
        // The transaction is taken out while its session looks around.
        let mut state = std::mem::take(&mut self.state);
        let checked = match state.open_mut() {
            Some(open) => interrupt.guard(Box::pin(self.check_deferred(open, false))).await,
            None => Ok(()),
        };
        if let (Err(_), Some(open)) = (&checked, state.open_mut()) {
            open.deferred = before;
        }
        self.state = state;
        checked
    }

    /// The oids of the constraints of that name in the first schema of the search path that has one, or in the schema
    /// that is named, and of their copies in partitions. 42809 if one cannot wait.
    fn deferrable_named(&self, catalog: &Arc<Catalog>, name: &ObjectName) -> Result<Vec<u32>> {
        let name = QualifiedName::of(name, &self.facts.database)?;
        let named = |schema: u32| -> Vec<&Constraint> {
            let tables = catalog.tables.values().filter(|table| table.schema == schema);
            tables.flat_map(|table| &table.constraints).filter(|constraint| constraint.name == name.name).collect()
        };
        let found = match &name.schema {
            Some(schema) => {
                let schema = catalog.schema_named(schema).ok_or_else(|| {
                    Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist"))
                })?;
                named(schema.oid)
            }
            None => {
                let path = &self.facts.search_path;
                let mut all = catalog.path(path).map(|schema| named(schema.oid));
                all.find(|found| !found.is_empty()).unwrap_or_default()
            }
        };
        if found.is_empty() {
            let message = format!("constraint \"{}\" does not exist", name.name);
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        }
        if found.iter().all(|constraint| constraint.deferrable.is_none()) {
            let message = format!("constraint \"{}\" is not deferrable", name.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        let mut oids: Vec<u32> = found.iter().map(|constraint| constraint.oid).collect();
        let mut next = 0;
        while let Some(oid) = oids.get(next).copied() {
            let all = catalog.tables.values().flat_map(|table| &table.constraints);
            oids.extend(all.filter(|constraint| constraint.parent == Some(oid)).map(|constraint| constraint.oid));
            next += 1;
        }
        Ok(oids)
    }

    /// Looks at what a transaction has put off: at everything when it commits, before only at what waits no longer.
    pub(super) async fn check_deferred(&mut self, open: &mut Open, all: bool) -> Result<()> {
        let catalog = open.catalog.clone().unwrap_or_else(|| self.committed_catalog());
        let context = self.context(catalog, Arc::from([]));
        let wait = self.lock_wait();
        open.transaction.begin_command();
        open.deferred.check(all, &context, &mut open.transaction, wait).await
    }
}
