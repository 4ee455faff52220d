//! A block with EXCEPTION is a savepoint that no client sees: what it has done is undone when an error is caught.

use std::sync::Arc;

use storage::Savepoint;

use super::super::Session;
use super::super::run::no_transaction;
use super::super::settings::Settings;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::execute::write::Deferred;
use crate::live::Mark;

/// What a session goes back to.
pub(in crate::session) struct Undo {
    savepoint: Savepoint,
    catalog: Option<Arc<Catalog>>,
    changes: usize,
    audited: usize,
    deferred: Deferred,
    advisory: usize,
    talk: Mark,
    settings: Arc<Settings>,
    local_settings: Arc<Settings>,
}

impl Session {
    /// Marks where the session is.
    pub(in crate::session) fn mark(&mut self) -> Result<Undo> {
        let (advisory, talk) = (self.facts.advisory.mark(), self.facts.channels.mark());
        let (settings, local_settings) = (self.session_settings.clone(), self.settings.clone());
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        Ok(Undo {
            savepoint: open.transaction.savepoint(),
            catalog: open.catalog.clone(),
            changes: open.changes.len(),
            audited: open.audited.len(),
            deferred: open.deferred.clone(),
            advisory,
            talk,
            settings,
            local_settings,
        })
    }

    /// What was done since the mark stays.
    pub(in crate::session) fn keep_since(&mut self, undo: &Undo) -> Result<()> {
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.transaction.release(&undo.savepoint);
        Ok(())
    }

    /// Goes back to the mark, which is gone then.
    pub(in crate::session) fn undo(&mut self, undo: Undo) -> Result<()> {
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.transaction.rollback_to(&undo.savepoint);
        open.transaction.release(&undo.savepoint);
        open.catalog = undo.catalog;
        open.changes.truncate(undo.changes);
        open.audited.truncate(undo.audited);
        open.deferred = undo.deferred;
        self.facts.advisory.release_after(undo.advisory);
        self.facts.channels.undo_to(undo.talk);
        self.principal = None;
        let same = Arc::ptr_eq(&self.session_settings, &undo.settings);
        if !same || !Arc::ptr_eq(&self.settings, &undo.local_settings) {
            self.use_settings(undo.settings, undo.local_settings);
        }
        Ok(())
    }
}
