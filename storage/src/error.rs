//! What can go wrong in storage, told apart as far as a caller can act on it.

/// An error of the storage crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row this transaction wants was changed by one that committed after its snapshot (40001).
    #[error("could not serialize access due to concurrent update")]
    WriteConflict,
    /// What a serializable transaction read was changed before it committed (40001).
    #[error("could not serialize access due to read/write dependencies among transactions")]
    SerializationFailure,
    /// The table was dropped, truncated or rewritten under a waiting write set (40001).
    #[error("could not serialize access: the relation was changed by another transaction")]
    RelationChanged,
    /// Waiting would never end: this transaction is the victim (40P01).
    #[error("deadlock detected")]
    Deadlock,
    /// NOWAIT was asked for, or `lock_timeout` passed (55P03).
    #[error("could not obtain lock")]
    LockNotAvailable,
    /// The transaction outgrew the bound that the setting names, in memory or on disk (54000).
    #[error("transaction is larger than {limit_bytes} bytes, the limit of \"{setting}\"")]
    TransactionTooLarge { setting: &'static str, limit_bytes: u64 },
    /// A durable step failed while the commit was written: it may or may not have happened (08007).
    #[error("the outcome of the commit is unknown: {reason}")]
    CommitOutcomeUnknown { reason: String },
    /// An earlier durable step failed; writes are refused until a restart (58030, reads go on).
    #[error("the database accepts no writes until it is restarted: {reason}")]
    WritesRefused { reason: String },
    /// A move of rows met too many changes of theirs, or was begun twice; it may be tried again (40001).
    #[error("too many rows were changed while they were moved")]
    MoveLost,
    /// Another process has the data directory open.
    #[error("data directory is in use by another process: {path}")]
    DirectoryInUse { path: String },
    /// The data directory was written by a newer version, or is not one of ours.
    #[error("data directory cannot be opened: {reason}")]
    Format { reason: String },
    /// Stored bytes are not what was written.
    #[error("stored data is damaged: {reason}")]
    Corrupt { reason: String },
    /// A file of cold rows is missing, cut off, or not the one that was written (XX001).
    #[error("segment \"{path}\" cannot be read: {reason}")]
    Segment { path: String, reason: String },
    /// A backup cannot be written there, or is not one that can be restored (55000).
    #[error("backup: {reason}")]
    Backup { reason: String },
    /// A numeric is none that its column's fixed point expresses, which a reader had asked for.
    #[error("a numeric does not have the digits of its column")]
    NotFixed,
    #[error("storage failed: {0}")]
    Io(String),
    /// What an index sees of a row could not be computed.
    #[error("an index entry could not be computed: {0}")]
    Derive(Box<dyn std::error::Error + Send + Sync>),
}

pub type Result<T> = std::result::Result<T, Error>;
