//! BEGIN, COMMIT, ROLLBACK and savepoints: how a session moves between the states of its transaction.

use std::sync::Arc;

use super::Session;
use super::transaction::{NamedSavepoint, Open, TransactionState};
use crate::error::{Error, Report, Result, SqlState};
use crate::execute::write::Deferred;
use crate::statement::{Statement, TransactionModes};

impl Session {
    pub(super) async fn control_transaction(&mut self, statement: &Statement) -> Result<String> {
        match statement {
            Statement::Commit { chain } => self.commit_statement(*chain).await,
            other => self.control_at_once(other),
        }
    }

    /// The statements on transactions that have nothing to wait for: all but COMMIT.
    pub(super) fn control_at_once(&mut self, statement: &Statement) -> Result<String> {
        match statement {
            Statement::Begin { modes, tag } => self.begin(*modes).map(|()| (*tag).to_owned()),
            Statement::Rollback { chain } => self.rollback_statement(*chain),
            Statement::Savepoint(name) => self.savepoint(name),
            Statement::Release(name) => self.release(name),
            Statement::RollbackTo(name) => self.rollback_to(name),
            Statement::SetTransaction { session, modes } => self.set_transaction(*session, *modes),
            Statement::SetSnapshot(identifier) => self.import_snapshot(identifier).map(|()| "SET".to_owned()),
            _ => Err(Error::internal("not a transaction statement")),
        }
    }

    fn new_open(&self, modes: TransactionModes) -> Box<Open> {
        let active = self.settings.active();
        let level = modes.isolation.unwrap_or(active.default_isolation);
        let transaction = self.database.store().begin(level.isolation());
        self.facts.advisory.begin_transaction(&transaction);
        Box::new(Open {
            transaction,
            catalog: None,
            changes: Vec::new(),
            audited: Vec::new(),
            savepoints: Vec::new(),
            deferred: Deferred::default(),
            level,
            read_only: modes.read_only.unwrap_or(active.default_read_only),
            deferrable: modes.deferrable.unwrap_or(active.default_deferrable),
            handed_on: TransactionModes::default(),
            used: false,
            started_at: self.database.now(),
            exports: Vec::new(),
            settings_before: self.session_settings.clone(),
        })
    }

    /// Opens the transaction of a statement that stands alone.
    pub(super) fn begin_implicit(&mut self) {
        if let TransactionState::Idle = self.state {
            self.state = TransactionState::Implicit(self.new_open(TransactionModes::default()));
            self.tell_transaction();
        }
    }

    fn begin(&mut self, modes: TransactionModes) -> Result<()> {
        match std::mem::take(&mut self.state) {
            TransactionState::Idle => self.state = TransactionState::Explicit(self.new_open(modes)),
            // Earlier statements of the same simple query become part of the block.
            TransactionState::Implicit(mut open) => {
                apply_modes(&mut open, modes)?;
                self.state = TransactionState::Explicit(open);
            }
            TransactionState::Explicit(mut open) => {
                let applied = apply_modes(&mut open, modes);
                self.state = TransactionState::Explicit(open);
                applied?;
                self.warn(SqlState::ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress");
            }
            failed @ TransactionState::Failed(_) => self.state = failed,
        }
        self.tell_transaction();
        Ok(())
    }

    /// Tells others which transaction the session is in.
    fn tell_transaction(&self) {
        if let Some(open) = self.state.open() {
            self.place.activity().counts.begun(&open.transaction, open.read_only);
            self.facts.transaction.tell(open.level, open.read_only, open.deferrable);
        }
    }

    async fn commit_statement(&mut self, chain: bool) -> Result<String> {
        match std::mem::take(&mut self.state) {
            TransactionState::Idle => {
                if chain {
                    return Err(no_block("COMMIT AND CHAIN"));
                }
                self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
                Ok("COMMIT".to_owned())
            }
            TransactionState::Implicit(open) => {
                if chain {
                    self.state = TransactionState::Implicit(open);
                    return Err(no_block("COMMIT AND CHAIN"));
                }
                self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
                Box::pin(self.commit(open)).await?;
                Ok("COMMIT".to_owned())
            }
            TransactionState::Explicit(open) => {
                let modes = same_modes(&open);
                Box::pin(self.commit(open)).await?;
                self.chain(chain, modes);
                Ok("COMMIT".to_owned())
            }
            TransactionState::Failed(open) => {
                let modes = modes_after_failure(&open);
                self.roll_back(open);
                self.chain(chain, modes);
                Ok("ROLLBACK".to_owned())
            }
        }
    }

    fn rollback_statement(&mut self, chain: bool) -> Result<String> {
        match std::mem::take(&mut self.state) {
            TransactionState::Idle => {
                if chain {
                    return Err(no_block("ROLLBACK AND CHAIN"));
                }
                self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
            }
            TransactionState::Implicit(open) => {
                if chain {
                    self.state = TransactionState::Implicit(open);
                    return Err(no_block("ROLLBACK AND CHAIN"));
                }
                self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
                self.roll_back(open);
            }
            TransactionState::Explicit(open) => {
                let modes = same_modes(&open);
                self.roll_back(open);
                self.chain(chain, modes);
            }
            TransactionState::Failed(open) => {
                let modes = modes_after_failure(&open);
                self.roll_back(open);
                self.chain(chain, modes);
            }
        }
        Ok("ROLLBACK".to_owned())
    }

    fn chain(&mut self, chain: bool, modes: TransactionModes) {
        if chain {
            let mut open = self.new_open(modes);
            open.handed_on = modes;
            self.state = TransactionState::Explicit(open);
            self.tell_transaction();
        }
    }

    /// Commits; afterwards the session is in no transaction, whatever came of it.
    pub(super) async fn commit(&mut self, mut open: Box<Open>) -> Result<()> {
        self.portals.clear();
        if !open.deferred.is_empty()
            && let Err(error) = Box::pin(self.check_deferred(&mut open, true)).await
        {
            self.roll_back(open);
            return Err(error);
        }
        if let Err(error) = self.hold_cursors().await {
            self.roll_back(open);
            return Err(error);
        }
        open = self.end_temporary(open).await?;
        if let Err(error) = self.write_audited(&mut open) {
            self.roll_back(open);
            return Err(error);
        }
        // From here on the commit is tried: what is heard from now on is left again if it fails.
        let talk = match self.begin_talk(&mut open) {
            Ok(talk) => talk,
            Err(error) => {
                self.roll_back(open);
                return Err(error);
            }
        };
        let durability = self.settings.active().durability;
        let committed = if open.changes.is_empty() {
            open.transaction.commit(durability).await.map(|_| ()).map_err(Error::from)
        } else {
            let by = self.facts.current_user.clone();
            self.database.commit_definitions(self.database_oid, &mut open, durability, &by).await
        };
        if let Some(talk) = talk {
            let actions = self.end_talk(talk, committed.is_ok());
            Box::pin(self.follow_gathered(actions)).await;
        }
        self.committed(&open, committed)
    }

    /// Follows a commit that has come to its end, well or not.
    pub(super) fn committed(&mut self, open: &Open, committed: Result<()>) -> Result<()> {
        self.facts.advisory.end_transaction();
        self.facts.transaction.end(self.facts.sessions.numbers(), committed.is_ok());
        // What a rolled back savepoint would have followed.
        self.joining.clear();
        self.place.activity().counts.ended(committed.is_ok());
        match committed {
            Ok(()) => {
                // SET LOCAL ends here.
                if !Arc::ptr_eq(&self.settings, &self.session_settings) {
                    self.use_settings(self.session_settings.clone(), self.session_settings.clone());
                }
                Ok(())
            }
            Err(error) => {
                self.restore_settings(open.settings_before.clone());
                Err(error)
            }
        }
    }

    /// Rolls back; afterwards the session is in no transaction.
    pub(super) fn roll_back(&mut self, mut open: Box<Open>) {
        self.portals.clear();
        self.drop_cursors();
        self.facts.channels.take();
        self.joining.clear();
        open.transaction.rollback();
        self.facts.advisory.end_transaction();
        self.facts.transaction.end(self.facts.sessions.numbers(), false);
        self.place.activity().counts.ended(false);
        self.restore_settings(open.settings_before.clone());
    }

    /// Rolls back whatever is open.
    pub(super) fn abandon(&mut self) {
        match std::mem::take(&mut self.state) {
            TransactionState::Idle => {}
            TransactionState::Implicit(open) | TransactionState::Explicit(open) | TransactionState::Failed(open) => {
                self.roll_back(open);
            }
        }
    }

    fn restore_settings(&mut self, before: Arc<super::settings::Settings>) {
        if !Arc::ptr_eq(&self.settings, &before) || !Arc::ptr_eq(&self.session_settings, &before) {
            self.use_settings(before.clone(), before);
        }
        self.principal = None;
    }

    /// After an error: an implicit transaction is gone, an explicit one waits for its end or for ROLLBACK TO.
    pub fn fail(&mut self) {
        match std::mem::take(&mut self.state) {
            TransactionState::Idle => {}
            TransactionState::Implicit(open) => self.roll_back(open),
            TransactionState::Explicit(mut open) => {
                self.end_cursors_since(open.savepoints.len());
                match open.savepoints.last() {
                    Some(last) => {
                        open.transaction.rollback_to(&last.savepoint);
                        self.facts.advisory.release_after(last.advisory);
                        self.facts.channels.undo_to(last.talk);
                        open.catalog = last.catalog.clone();
                        open.changes.truncate(last.changes);
                        open.audited.truncate(last.audited);
                        open.deferred = last.deferred.clone();
                    }
                    None => {
                        open.transaction.rollback();
                        self.facts.channels.take();
                        self.facts.advisory.end_transaction();
                        self.facts.transaction.end(self.facts.sessions.numbers(), false);
                        open.catalog = None;
                        open.changes.clear();
                        open.audited.clear();
                        open.deferred = Deferred::default();
                    }
                }
                self.principal = None;
                self.state = TransactionState::Failed(open);
            }
            failed @ TransactionState::Failed(_) => self.state = failed,
        }
    }

    /// Ends the implicit transaction if one is open.
    pub(super) async fn end_implicit(&mut self) -> Result<()> {
        if let Some(ended) = self.end_at_once() {
            return ended;
        }
        match std::mem::take(&mut self.state) {
            TransactionState::Implicit(open) => Box::pin(self.commit(open)).await,
            other => {
                self.state = other;
                Ok(())
            }
        }
    }

    fn savepoint(&mut self, name: &str) -> Result<String> {
        let (settings, local_settings) = (self.session_settings.clone(), self.settings.clone());
        let (advisory, talk) = (self.facts.advisory.mark(), self.facts.channels.mark());
        let TransactionState::Explicit(open) = &mut self.state else { return Err(no_block("SAVEPOINT")) };
        let savepoint = open.transaction.savepoint();
        open.savepoints.push(NamedSavepoint {
            name: name.to_owned(),
            savepoint,
            catalog: open.catalog.clone(),
            changes: open.changes.len(),
            audited: open.audited.len(),
            deferred: open.deferred.clone(),
            advisory,
            talk,
            read_only: open.read_only,
            settings,
            local_settings,
        });
        Ok("SAVEPOINT".to_owned())
    }

    fn release(&mut self, name: &str) -> Result<String> {
        let TransactionState::Explicit(open) = &mut self.state else { return Err(no_block("RELEASE SAVEPOINT")) };
        let at = open.savepoint_named(name).ok_or_else(|| no_savepoint(name))?;
        open.transaction.release(&open.savepoints[at].savepoint);
        // What was set since ends with it.
        open.read_only = open.savepoints[at].read_only;
        open.savepoints.truncate(at);
        self.raise_cursors(at);
        self.tell_transaction();
        Ok("RELEASE".to_owned())
    }

    fn rollback_to(&mut self, name: &str) -> Result<String> {
        let mut open = match std::mem::take(&mut self.state) {
            TransactionState::Explicit(open) | TransactionState::Failed(open) => open,
            other => {
                self.state = other;
                return Err(no_block("ROLLBACK TO SAVEPOINT"));
            }
        };
        let Some(at) = open.savepoint_named(name) else {
            self.state = TransactionState::Failed(open);
            return Err(no_savepoint(name));
        };
        open.savepoints.truncate(at + 1);
        let target = &open.savepoints[at];
        open.transaction.rollback_to(&target.savepoint);
        self.facts.advisory.release_after(target.advisory);
        self.facts.channels.undo_to(target.talk);
        open.changes.truncate(target.changes);
        open.audited.truncate(target.audited);
        open.catalog = target.catalog.clone();
        open.deferred = target.deferred.clone();
        open.read_only = target.read_only;
        let (session, local) = (target.settings.clone(), target.local_settings.clone());
        self.drop_cursors_since(at + 1);
        self.state = TransactionState::Explicit(open);
        self.tell_transaction();
        self.use_settings(session, local);
        Ok("ROLLBACK".to_owned())
    }

    pub(super) fn set_transaction(&mut self, session: bool, modes: TransactionModes) -> Result<String> {
        if session {
            let mut settings = (*self.session_settings).clone();
            let on_off = |on: bool| vec![if on { "on" } else { "off" }.to_owned()];
            if let Some(level) = modes.isolation {
                settings.set("default_transaction_isolation", &[level.name().to_owned()], true)?;
            }
            if let Some(read_only) = modes.read_only {
                settings.set("default_transaction_read_only", &on_off(read_only), true)?;
            }
            if let Some(deferrable) = modes.deferrable {
                settings.set("default_transaction_deferrable", &on_off(deferrable), true)?;
            }
            let settings = Arc::new(settings);
            self.use_settings(settings.clone(), settings);
            return Ok("SET".to_owned());
        }
        if self.among_others {
            self.begin_implicit();
        }
        match &mut self.state {
            TransactionState::Explicit(open) | TransactionState::Implicit(open) => apply_modes(open, modes)?,
            _ => {
                self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET TRANSACTION can only be used in transaction blocks")
            }
        }
        self.tell_transaction();
        Ok("SET".to_owned())
    }

    pub(super) fn warn(&mut self, state: SqlState, message: &'static str) {
        self.notice("WARNING", Report { state: Some(state), message: message.into(), ..Report::default() });
    }

    /// `transaction_isolation` and its kin, which are the transaction's and not settings.
    pub(super) fn transaction_parameter(&self, name: &str) -> Option<String> {
        let active = self.settings.active();
        let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
        match name {
            "transaction_isolation" => {
                Some(self.state.open().map_or(active.default_isolation, |open| open.level).name().to_owned())
            }
            "transaction_read_only" => {
                Some(on_off(self.state.open().map_or(active.default_read_only, |open| open.read_only)))
            }
            "transaction_deferrable" => {
                Some(on_off(self.state.open().map_or(active.default_deferrable, |open| open.deferrable)))
            }
            _ => None,
        }
    }
}

/// Sets the modes of a transaction that has begun.
fn apply_modes(open: &mut Open, modes: TransactionModes) -> Result<()> {
    if let Some(level) = modes.isolation
        && level != open.level
    {
        if open.used {
            return Err(Error::new(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "SET TRANSACTION ISOLATION LEVEL must be called before any query",
            ));
        }
        if !open.savepoints.is_empty() {
            return Err(Error::new(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
            ));
        }
        open.transaction.set_isolation(level.isolation());
        open.level = level;
    }
    if let Some(read_only) = modes.read_only {
        if open.read_only && !read_only && open.savepoints.last().is_some_and(|savepoint| savepoint.read_only) {
            return Err(Error::new(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "cannot set transaction read-write mode inside a read-only transaction",
            ));
        }
        if open.read_only && !read_only && open.used {
            return Err(Error::new(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "transaction read-write mode must be set before any query",
            ));
        }
        open.read_only = read_only;
    }
    if let Some(deferrable) = modes.deferrable {
        let refusal = match () {
            () if open.used => Some("must be called before any query"),
            () if !open.savepoints.is_empty() => Some("cannot be called within a subtransaction"),
            () => None,
        };
        if let Some(refusal) = refusal {
            let words = format!("SET TRANSACTION [NOT] DEFERRABLE {refusal}");
            return Err(Error::new(SqlState::ACTIVE_SQL_TRANSACTION, words));
        }
        open.deferrable = deferrable;
    }
    Ok(())
}

/// What a failed transaction hands on to the one it is chained to: unless only a savepoint has failed, the modes that were said in it
/// went with it, and those stay that were handed on to it.
fn modes_after_failure(open: &Open) -> TransactionModes {
    if open.savepoints.is_empty() { open.handed_on } else { same_modes(open) }
}

fn same_modes(open: &Open) -> TransactionModes {
    TransactionModes {
        isolation: Some(open.level),
        read_only: Some(open.savepoints.first().map_or(open.read_only, |first| first.read_only)),
        deferrable: Some(open.deferrable),
    }
}

fn no_block(statement: &str) -> Error {
    Error::new(SqlState::NO_ACTIVE_SQL_TRANSACTION, format!("{statement} can only be used in transaction blocks"))
}

fn no_savepoint(name: &str) -> Error {
    Error::new(SqlState::SAVEPOINT_EXCEPTION, format!("savepoint \"{name}\" does not exist"))
}
