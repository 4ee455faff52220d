//! The session's temporary relations: where they are, and their end.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Session;
use super::prepared::Prepared;
use super::transaction::{Open, TransactionState};
use crate::catalog::{OnCommit, TEMPORARY_SCHEMA};
use crate::error::Result;
use crate::statement::Definition;

/// The places of the sessions that have temporary relations.
#[derive(Debug, Default)]
pub(crate) struct TemporaryPlaces(Mutex<BTreeSet<u32>>);

/// One of them; given back when dropped.
#[derive(Debug)]
pub(super) struct TemporaryPlace {
    number: u32,
    places: Arc<TemporaryPlaces>,
    /// Whether a table was made that a commit changes.
    pub(super) ends_with_commits: bool,
}

impl TemporaryPlaces {
    fn take(self: Arc<Self>) -> TemporaryPlace {
        let mut taken = self.0.lock();
        let number = (1..).find(|number| !taken.contains(number)).unwrap_or_default();
        taken.insert(number);
        drop(taken);
        TemporaryPlace { number, places: self, ends_with_commits: false }
    }
}

impl TemporaryPlace {
    pub(super) fn schema(&self) -> String {
        format!("{TEMPORARY_SCHEMA}{}", self.number)
    }
}

impl Drop for TemporaryPlace {
    fn drop(&mut self) {
        self.places.0.lock().remove(&self.number);
    }
}

impl Session {
    /// Makes ready for a definition that may make something temporary.
    pub(super) async fn prepare_temporary(&mut self, definition: &Definition) -> Result<()> {
        let by_path = || self.settings.active().search_path.iter().any(|name| name == "pg_temp");
        if self.temporary.is_some() || !(definition.is_temporary() || by_path()) {
            return Ok(());
        }
        self.temporary = Some(self.database.temporary_places().take());
        self.epoch = self.new_epoch();
        self.refresh_facts();
        // Whoever had the place before may have left something.
        let schema =
            self.catalog().schema_named(&self.facts.temporary.clone().unwrap_or_default()).map(|found| found.oid);
        let left = schema.is_some_and(|schema| self.catalog().tables.values().any(|table| table.schema == schema));
        if left { self.define(&Definition::DiscardTemporary).await } else { Ok(()) }
    }

    /// Runs a definition that no statement says.
    pub(super) async fn define(&mut self, definition: &Definition) -> Result<()> {
        let prepared = Prepared::new("".into(), None, Vec::new());
        Box::pin(self.run_prepared_definition(definition, &prepared)).await.map(|_| ())
    }

    /// Does what ON COMMIT says, as the last step of the transaction.
    pub(super) async fn end_temporary(&mut self, open: Box<Open>) -> Result<Box<Open>> {
        if !self.temporary.as_ref().is_some_and(|place| place.ends_with_commits) {
            return Ok(open);
        }
        let catalog = open.catalog.clone().unwrap_or_else(|| self.committed_catalog());
        let ends = |on_commit: OnCommit| on_commit != OnCommit::PreserveRows;
        let any = catalog.tables.values().any(|table| table.temporary.is_some_and(ends));
        if !any || !(open.transaction.has_writes() || open.catalog.is_some()) {
            return Ok(open);
        }
        self.state = TransactionState::Implicit(open);
        let ended = self.define(&Definition::EndTemporary).await;
        let open = match std::mem::take(&mut self.state) {
            TransactionState::Implicit(open) => open,
            _ => return Err(super::run::no_transaction()),
        };
        match ended {
            Ok(()) => Ok(open),
            Err(error) => {
                self.roll_back(open);
                Err(error)
            }
        }
    }

    /// DISCARD TEMP.
    pub(super) async fn discard_temporary(&mut self) -> Result<()> {
        if self.temporary.is_none() {
            return Ok(());
        }
        self.begin_implicit();
        self.define(&Definition::DiscardTemporary).await
    }

    /// Ends the session: what it left open is undone, what was its own goes. Without this the temporary relations stay
    /// until another session, or the next start, clears them away.
    pub async fn end(&mut self) {
        self.abandon();
        if self.temporary.is_none() {
            return;
        }
        let discarded = match self.discard_temporary().await {
            Ok(()) => self.end_implicit().await,
            Err(error) => Err(error),
        };
        if let Err(error) = discarded {
            tracing::warn!(%error, "temporary tables stay until they are cleared away");
        }
        self.temporary = None;
    }
}
