//! The transaction a session is in: none, one that ends with its statement, one the client opened, or a failed one.

use std::sync::Arc;

use storage::{Isolation, Savepoint, Transaction};

use super::settings::Settings;
use super::snapshot::Export;
use crate::audit::Event;
use crate::catalog::{Catalog, Change};
use crate::execute::write::Deferred;
use crate::live::Mark;
use crate::statement::{IsolationLevel, TransactionModes};

/// Where a session stands. `Session` moves it; nobody else.
#[derive(Debug, Default)]
pub(crate) enum TransactionState {
    #[default]
    Idle,
    /// Opened by a statement outside a block; ends at Sync, or with the last statement of a simple query.
    Implicit(Box<Open>),
    /// Opened by BEGIN.
    Explicit(Box<Open>),
    /// An error ended it; only ROLLBACK, COMMIT (which rolls back) and ROLLBACK TO are heard.
    Failed(Box<Open>),
}

/// What the client is told with ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    Open,
    Failed,
}

/// An open transaction and what the session keeps with it.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) transaction: Transaction,
    /// The catalog as this transaction has changed it; None while it has not.
    pub(crate) catalog: Option<Arc<Catalog>>,
    /// The same as a list, to be repeated on the newest catalog when it commits.
    pub(crate) changes: Vec<Change>,
    /// What the audit log tells of them once they are committed.
    pub(crate) audited: Vec<Event>,
    pub(crate) savepoints: Vec<NamedSavepoint>,
    /// What is looked at when it commits.
    pub(crate) deferred: Deferred,
    /// As it was asked for.
    pub(crate) level: IsolationLevel,
    pub(crate) read_only: bool,
    pub(crate) deferrable: bool,
    /// The modes that the transaction before has handed on, which stay when what was said itself is undone by a failure.
    pub(crate) handed_on: TransactionModes,
    /// Whether a statement has run, after which the isolation level is fixed.
    pub(crate) used: bool,
    /// Microseconds since 1970-01-01 UTC: `now()`.
    pub(crate) started_at: i64,
    /// Snapshots that others may take over while it is open.
    pub(crate) exports: Vec<Export>,
    /// The settings to go back to if it is rolled back.
    pub(crate) settings_before: Arc<Settings>,
}

/// A savepoint by the name the client gave it, with what else must be put back.
#[derive(Debug)]
pub(crate) struct NamedSavepoint {
    pub(crate) name: String,
    pub(crate) savepoint: Savepoint,
    pub(crate) catalog: Option<Arc<Catalog>>,
    pub(crate) changes: usize,
    pub(crate) audited: usize,
    pub(crate) deferred: Deferred,
    /// Advisory locks of the transaction.
    pub(crate) advisory: usize,
    /// What it had to say and to hear.
    pub(crate) talk: Mark,
    /// Whether the transaction only read when it was made.
    pub(crate) read_only: bool,
    pub(crate) settings: Arc<Settings>,
    pub(crate) local_settings: Arc<Settings>,
}

impl TransactionState {
    pub(crate) fn status(&self) -> TransactionStatus {
        match self {
            TransactionState::Idle | TransactionState::Implicit(_) => TransactionStatus::Idle,
            TransactionState::Explicit(_) => TransactionStatus::Open,
            TransactionState::Failed(_) => TransactionStatus::Failed,
        }
    }

    pub(crate) fn open(&self) -> Option<&Open> {
        match self {
            TransactionState::Implicit(open) | TransactionState::Explicit(open) => Some(open),
            TransactionState::Idle | TransactionState::Failed(_) => None,
        }
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut Open> {
        match self {
            TransactionState::Implicit(open) | TransactionState::Explicit(open) => Some(open),
            TransactionState::Idle | TransactionState::Failed(_) => None,
        }
    }
}

impl Open {
    pub(crate) fn isolation(&self) -> Isolation {
        self.transaction.isolation()
    }

    /// The place of the newest savepoint of that name.
    pub(crate) fn savepoint_named(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|savepoint| savepoint.name == name)
    }
}
