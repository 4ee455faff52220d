//! Transactions: reads from a snapshot, writes kept aside until the commit, locks held to the end.
//!
//! Beginning takes the published snapshot and nothing else; whatever a transaction turns out to need (a write set, locks,
//! a log of its reads) is made at first use. Commands structure it: a view sees what earlier commands wrote. READ
//! COMMITTED takes a new snapshot for each command, the other levels keep the first. A writer locks a row and then looks
//! at the newest published state, which holds all that former owners of the lock have committed.
//!
//! Memory is bounded: too many writes go to disk (`spill`), too many locks of rows become one of their table.

mod aside;
mod background;
mod build;
mod claim;
mod cold;
mod definition;
mod found;
mod gap;
mod layers;
mod lock;
mod overlay;
mod read_log;
mod savepoint;
mod snapshot;
mod sort;
mod spill;
#[cfg(test)]
mod tests;
mod write;
mod write_set;

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::commit::{CommitRequest, Durability, Published, SerializableSnapshot};
use crate::error::{Error, Result};
use crate::id::{CommitSeq, GenerationId, TableId, TransactionId};
use crate::key::{RowKey, index_range};
use crate::kv::{Family, KvSnapshot};
use crate::read::{ReadView, commit_seq};
use crate::row::StoredRow;
use crate::schema::{IndexSchema, TableSchema};
use crate::slice::SliceId;
use crate::store::Store;
use crate::value::Value;
use aside::Aside;
pub(crate) use aside::AsideView;
pub use build::{Convert, Duplicate, Refusal};
pub use claim::ConflictOn;
use definition::Definitions;
pub use found::FoundRow;
use gap::Gaps;
pub(crate) use lock::LockTable;
use lock::{Acquired, HeldLocks};
pub use lock::{LockInfo, LockTarget, RowLock, SessionLocks, TableLock, Wait};
pub(crate) use overlay::Overlay;
use read_log::LoggedReads;
pub(crate) use read_log::ReadLog;
pub use savepoint::Savepoint;
use savepoint::Savepoints;
pub use snapshot::Snapshot;
use spill::Staged;
use write::Scratch;
pub use write::{InsertOutcome, UpdateOutcome};
use write_set::Command;
pub(crate) use write_set::WriteSet;
#[cfg(test)]
pub(crate) use write_set::{RowOrigin, Write};

/// What a lock is reckoned to cost, in the lock table and in the transaction's own list.
const LOCK_BYTES: usize = 256;

/// With this much of locks, those of rows become one of the table, if nobody is in the way. Tests make do with little.
const ESCALATION_BYTES: usize = if cfg!(test) { 64 * LOCK_BYTES } else { 64 << 20 };

/// Of the memory that a transaction may take, the part of locks after which that is tried, where that comes first.
const ESCALATION_FRACTION: usize = 4;

/// How many locks are taken between one try and the next, as a part of those at the first.
const ESCALATION_STEP: usize = 16;

/// How far a transaction is kept from the effects of others (the levels of PostgreSQL).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isolation {
    /// Each command sees what was committed before it.
    #[default]
    ReadCommitted,
    /// All commands see what was committed before the first; the first to commit a change of a row wins.
    RepeatableRead,
    /// As if the transactions had run one after the other.
    Serializable,
}

/// What locking a row found.
#[derive(Debug, Clone)]
pub enum LockedRow {
    /// The row as it is now, committed or written by this transaction itself.
    Current(StoredRow),
    /// It was deleted, or its key changed.
    Gone,
    /// Somebody else has it (`Wait::Skip`).
    Skipped,
}

/// What a serializable transaction has beside the others.
struct Serializable {
    reads: Arc<ReadLog>,
    registered: SerializableSnapshot,
}

/// A transaction. Dropping it rolls it back.
pub struct Transaction {
    store: Store,
    isolation: Isolation,
    snapshot: Arc<Published>,
    /// What was published when it began.
    begun: CommitSeq,
    /// No command has begun: the snapshot may still be exchanged, whatever the level.
    fresh: bool,
    command: Command,
    locks: HeldLocks,
    writes: Option<Arc<RwLock<WriteSet>>>,
    /// How large the write set is, and how large it may become before it is spilled.
    write_bytes: usize,
    spill_at: usize,
    staged: Option<Box<Staged>>,
    /// With so many locks the table's is tried for.
    escalate_at: usize,
    gaps: Gaps,
    serializable: Option<Serializable>,
    savepoints: Savepoints,
    definitions: Option<Box<Definitions>>,
    aside: Option<Box<Mutex<Aside>>>,
    scratch: Scratch,
    /// When it last deleted a row that is kept.
    deleted_at_us: i64,
    /// In which command it last dropped what a slice of a stream had too many.
    surplus_dropped: Option<(Command, GenerationId, SliceId)>,
    when_published: Option<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Transaction")
            .field("id", &self.id())
            .field("isolation", &self.isolation)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Begins a transaction.
    pub fn begin(&self, isolation: Isolation) -> Transaction {
        let serializable = (isolation == Isolation::Serializable)
            .then(|| Serializable { reads: Arc::default(), registered: self.serializable_snapshot() });
        let snapshot = match &serializable {
            Some(serializable) => Arc::clone(&serializable.registered.published),
            None => self.published_state(),
        };
        Transaction {
            locks: HeldLocks::new(Arc::clone(self.locks()), self.next_transaction()),
            store: self.clone(),
            isolation,
            begun: snapshot.seq,
            snapshot,
            fresh: true,
            command: 1,
            writes: None,
            write_bytes: 0,
            spill_at: spill::spill_at(self, 0),
            staged: None,
            escalate_at: 0,
            gaps: Gaps::default(),
            serializable,
            savepoints: Savepoints::default(),
            definitions: None,
            aside: None,
            scratch: Scratch::default(),
            deleted_at_us: i64::MIN,
            surplus_dropped: None,
            when_published: None,
        }
    }

    /// What is committed now, outside any transaction.
    pub fn view(&self) -> ReadView {
        ReadView::of_published(self.published_state())
    }

    /// Every lock that is held or awaited.
    pub fn locks_held(&self) -> Vec<LockInfo> {
        self.locks().list()
    }

    /// The transactions that a transaction waits for now, directly or because they are ahead of it in the queue for a
    /// lock. None if it does not wait.
    pub fn blockers_of(&self, transaction: TransactionId) -> Vec<TransactionId> {
        self.locks().blockers_of(transaction)
    }
}

impl Transaction {
    pub fn id(&self) -> TransactionId {
        self.locks.owner()
    }

    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Changes the level of a transaction that has not begun a command yet.
    pub fn set_isolation(&mut self, isolation: Isolation) {
        if !self.fresh {
            return;
        }
        self.isolation = isolation;
        self.serializable = (isolation == Isolation::Serializable)
            .then(|| Serializable { reads: Arc::default(), registered: self.store.serializable_snapshot() });
        if let Some(serializable) = &self.serializable {
            self.snapshot = Arc::clone(&serializable.registered.published);
        }
    }

    /// Has this called on the committer's thread when the commit is published, before any lock is let go.
    pub fn when_published(&mut self, hook: Box<dyn FnOnce() + Send>) {
        self.when_published = Some(hook);
    }

    /// The commits that its snapshot contains.
    pub fn snapshot_seq(&self) -> CommitSeq {
        self.snapshot.seq
    }

    /// Whether committing it would change anything.
    pub fn has_writes(&self) -> bool {
        self.writes.as_ref().is_some_and(|writes| !writes.read().is_empty())
            || self.staged.as_ref().is_some_and(|staged| !staged.is_empty())
            || self.definitions.as_ref().is_some_and(|definitions| !definitions.is_empty())
    }

    /// Begins the next command: views taken from now on see what earlier ones wrote. READ COMMITTED takes a new snapshot.
    pub fn begin_command(&mut self) {
        // A transaction of four thousand million commands goes on under the last number: its views see a little less.
        self.command = self.command.saturating_add(1);
        if let Some(staged) = &mut self.staged {
            staged.forget_command();
        }
        if self.isolation == Isolation::ReadCommitted {
            self.snapshot = self.store.published_state();
        } else if self.fresh {
            match &mut self.serializable {
                Some(serializable) => {
                    serializable.registered = self.store.serializable_snapshot();
                    self.snapshot = Arc::clone(&serializable.registered.published);
                }
                None => self.snapshot = self.store.published_state(),
            }
        }
        self.fresh = false;
    }

    /// Looks at the newest committed state without beginning another command, so that what this one has written stays out of
    /// its own sight. Only READ COMMITTED has newer states to look at.
    pub fn renew_snapshot(&mut self) {
        if self.isolation == Isolation::ReadCommitted {
            self.snapshot = self.store.published_state();
        }
    }

    /// The snapshot and what earlier commands of this transaction wrote.
    pub fn view(&self) -> ReadView {
        let spilled = self.staged.as_ref().and_then(|staged| staged.at_command());
        let overlay = spilled.cloned().unwrap_or_else(|| self.own_writes(self.command));
        self.view_of(overlay)
    }

    /// The newest committed state and everything this transaction wrote, whatever its level. What is read there does not
    /// count as read by a serializable transaction.
    pub fn newest_view(&self) -> ReadView {
        let overlay = self.own_writes(Command::MAX);
        ReadView::of_transaction(self.store.published_state(), overlay, self.aside_view(), None)
    }

    /// The snapshot with some of the own writes.
    fn view_of(&self, overlay: Option<Overlay>) -> ReadView {
        let reads = self.serializable.as_ref().map(|serializable| Arc::clone(&serializable.reads));
        ReadView::of_transaction(Arc::clone(&self.snapshot), overlay, self.aside_view(), reads)
    }

    /// What commands before `before` wrote; what has been spilled counts as theirs.
    fn own_writes(&self, before: Command) -> Option<Overlay> {
        let layers = self.staged.as_ref().and_then(|staged| staged.view());
        let writes = self.writes.as_ref()?;
        Some(Overlay::new(Arc::clone(writes), before, layers.cloned()))
    }

    fn aside_view(&self) -> Option<Arc<AsideView>> {
        self.aside.as_ref().map(|aside| Arc::new(aside.lock().view(&self.store)))
    }

    /// The row with this key in the snapshot, or as this transaction wrote it, the current command included.
    pub fn get(&self, table: &TableSchema, key: &RowKey) -> Result<Option<StoredRow>> {
        if !self.snapshot.streams.shows(table, key) {
            return Ok(None);
        }
        let family = table.family();
        let bytes = match self.own(family, key.as_bytes())? {
            Some(own) => own,
            None => {
                if let Some(serializable) = &self.serializable {
                    serializable.reads.key(family, &key.clone().into_bytes());
                }
                self.committed(&self.snapshot, family, key.as_bytes())?
            }
        };
        Ok(bytes.map(|bytes| StoredRow { key: key.clone(), bytes }))
    }

    /// The key of the row that has these values in a unique index, as `get` would find it. No value is NULL.
    pub fn lookup_unique(&self, index: &IndexSchema, values: &[Value]) -> Result<Option<RowKey>> {
        let key = index_range(index, values, Bound::Unbounded, Bound::Unbounded).start;
        let entry = match self.own(Family::Index, &key)? {
            Some(own) => own,
            None => {
                if let Some(serializable) = &self.serializable {
                    serializable.reads.key(Family::Index, &key);
                }
                self.committed(&self.snapshot, Family::Index, &key)?
            }
        };
        Ok(entry.map(RowKey::from_bytes))
    }

    /// The same in the newest committed state and this transaction's own writes, whatever its level.
    pub fn lookup_unique_newest(&self, index: &IndexSchema, values: &[Value]) -> Result<Option<RowKey>> {
        let key = index_range(index, values, Bound::Unbounded, Bound::Unbounded).start;
        let entry = match self.own(Family::Index, &key)? {
            Some(own) => own,
            None => self.committed(&self.store.newest(), Family::Index, &key)?,
        };
        Ok(entry.map(RowKey::from_bytes))
    }

    /// A definition, as `get` answers a row.
    pub fn get_entry(&self, key: &[u8]) -> Result<Option<Bytes>> {
        match self.own(Family::Catalog, key)? {
            Some(own) => Ok(own),
            None => {
                if let Some(serializable) = &self.serializable {
                    serializable.reads.key(Family::Catalog, &Bytes::copy_from_slice(key));
                }
                self.snapshot.snapshot.get(Family::Catalog, key)
            }
        }
    }

    /// The definitions whose keys begin with `prefix`, in order, the current command's included.
    pub fn scan_entries(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        self.view_of(self.own_writes(Command::MAX)).scan_entries(prefix)
    }

    /// Takes a lock on a table, to the end of the transaction. Answers whether it had to wait.
    pub async fn lock_table(&mut self, table: TableId, mode: TableLock, wait: Wait) -> Result<bool> {
        match self.locks.acquire(LockTarget::Table(table), mode.into(), wait).await? {
            Acquired::AtOnce => Ok(false),
            Acquired::AfterWaiting => Ok(true),
            Acquired::Skipped => Err(Error::LockNotAvailable),
        }
    }

    /// Takes a lock on a table, to the end of the transaction, if nobody is in the way.
    pub fn try_lock_table(&mut self, table: TableId, mode: TableLock) -> bool {
        self.locks.try_acquire(LockTarget::Table(table), mode.into())
    }

    /// Takes a lock on anything that has a name, to the end of the transaction.
    pub async fn lock_key(&mut self, key: &[u8], exclusive: bool, wait: Wait) -> Result<()> {
        let mode = if exclusive { RowLock::Update } else { RowLock::Share };
        match self.locks.acquire(LockTarget::Name(Bytes::copy_from_slice(key)), mode.into(), wait).await? {
            Acquired::AtOnce | Acquired::AfterWaiting => Ok(()),
            Acquired::Skipped => Err(Error::LockNotAvailable),
        }
    }

    /// Locks a row to the end of the transaction and answers it as it is now, which may be newer than the snapshot. Above
    /// READ COMMITTED that is a `WriteConflict`.
    ///
    /// A row that is to be deleted, or updated in a column of its key or of a unique index, is locked with
    /// [`RowLock::Update`]: whoever inserts a key relies on it to know that the row that has it now will keep it.
    pub async fn lock_row(
        &mut self,
        table: &TableSchema,
        key: &RowKey,
        mode: RowLock,
        wait: Wait,
    ) -> Result<LockedRow> {
        self.relieve().await?;
        if !self.snapshot.streams.shows(table, key) {
            return Ok(LockedRow::Gone);
        }
        let family = table.family();
        if !self.is_private(key.as_bytes()) {
            let mark = self.locks.len();
            // Rows that are only kept as they are do not keep everybody from writing to their table.
            if mode >= RowLock::NoKeyUpdate {
                self.escalate(table.table);
            }
            if !self.locks.keep_out_writers(table.table) {
                let target = LockTarget::Key(key.clone().into_bytes());
                if self.locks.acquire(target, mode.into(), wait).await? == Acquired::Skipped {
                    return Ok(LockedRow::Skipped);
                }
                self.check_size()?;
            }
            if let Some(own) = self.own(family, key.as_bytes())? {
                return Ok(LockedRow::of(key, own));
            }
            let newest = self.store.newest();
            let bytes = newest.get(family, key.as_bytes())?;
            let unchanged = self.isolation == Isolation::ReadCommitted
                || newest.seq == self.snapshot.seq
                || self.is_in_snapshot(family, key, bytes.as_ref())?;
            if !unchanged {
                self.locks.release_after(mark);
                return Err(Error::WriteConflict);
            }
            return Ok(LockedRow::of(key, bytes));
        }
        let own = self.own(family, key.as_bytes())?;
        let bytes = match own {
            Some(own) => own,
            None => self.committed(&self.snapshot, family, key.as_bytes())?,
        };
        Ok(LockedRow::of(key, bytes))
    }

    /// `TransactionTooLarge` when the write set and the locks need more memory than one transaction may take.
    fn check_size(&self) -> Result<()> {
        let limit = self.store.options().transaction_bytes_max;
        let lock_bytes = self.locks.len().saturating_mul(LOCK_BYTES);
        if self.write_bytes.saturating_add(lock_bytes) > limit {
            return Err(Error::TransactionTooLarge { setting: "transaction_bytes_max", limit_bytes: limit as u64 });
        }
        Ok(())
    }

    /// Locks the table that is written to against all other writers, if there are many locks and that is possible at once.
    fn escalate(&mut self, table: TableId) {
        let held = self.locks.len();
        if held < self.escalate_at || self.locks.keep_out_writers(table) {
            return;
        }
        let limit_bytes = self.store.options().transaction_bytes_max / ESCALATION_FRACTION;
        let first = ESCALATION_BYTES.min(limit_bytes) / LOCK_BYTES;
        if held < first {
            self.escalate_at = first;
            return;
        }
        self.escalate_at = held + first / ESCALATION_STEP + 1;
        self.locks.try_acquire(LockTarget::Table(table), TableLock::Exclusive.into());
    }

    /// Whether the newest state of a row is the one that the snapshot has.
    fn is_in_snapshot(&self, family: Family, key: &RowKey, newest: Option<&Bytes>) -> Result<bool> {
        match newest {
            Some(newest) => Ok(commit_seq(newest)? <= self.snapshot.seq),
            None => Ok(self.snapshot.get(family, key.as_bytes())?.is_none()),
        }
    }

    /// What this transaction made of a key, if it wrote it: `Some(None)` is a deletion.
    fn own(&self, family: Family, key: &[u8]) -> Result<Option<Option<Bytes>>> {
        let Some(writes) = &self.writes else { return Ok(None) };
        if let Some(own) = writes.read().newest(family, key) {
            return Ok(Some(own.cloned()));
        }
        match &self.staged {
            None => Ok(None),
            Some(staged) => staged.get(family, key),
        }
    }

    /// Whether this transaction has written the key.
    fn has_written(&self, family: Family, key: &[u8]) -> Result<bool> {
        let ends_before = match (&self.writes, &self.staged) {
            (Some(writes), Some(staged)) => writes.read().ends_before(family, key) && staged.ends_before(family, key),
            (Some(writes), None) => writes.read().ends_before(family, key),
            (None, _) => true,
        };
        Ok(!ends_before && self.own(family, key)?.is_some())
    }

    /// What lies under the transaction's own writes: a committed state, or what it has written aside itself.
    fn committed(&self, state: &Published, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        if let Some(aside) = &self.aside {
            let mut aside = aside.lock();
            if aside.holds(family, key) {
                return aside.get(&self.store, family, key);
            }
        }
        state.get(family, key)
    }

    /// Commits. `None`: nothing was written. An error leaves nothing committed, except `CommitOutcomeUnknown`. A commit
    /// whose future is dropped may go on.
    pub async fn commit(&mut self, durability: Durability) -> Result<Option<CommitSeq>> {
        if !self.has_writes() {
            self.rollback();
            return Ok(None);
        }
        if let Some(aside) = &mut self.aside
            && let Err(error) = aside.get_mut().finish(&self.store).await
        {
            self.rollback();
            return Err(error);
        }
        if self.staged.is_some()
            && let Err(error) = Box::pin(self.spill_last()).await
        {
            self.rollback();
            return Err(error);
        }
        let store = self.store.clone();
        // Whoever takes long to look up what lies cold leaves the gate to the others.
        let pin = match self.staged.is_some() {
            true => Some(store.moves().pin().await),
            false => None,
        };
        if pin.is_some()
            && let Err(error) = Box::pin(self.stage_marks()).await
        {
            self.rollback();
            return Err(error);
        }
        let aside = self.aside.take().map(|aside| aside.into_inner());
        let staged = self.staged.take();
        let mut request = self.request(aside.as_ref(), staged.as_deref(), durability);
        let pass = match request.rows.iter().any(|row| row.old.is_some()) {
            true => Some(store.moves().pass().await),
            false => None,
        };
        let result = match cold::mark(&store, &mut request) {
            Ok(()) => store.committer().submit(request).await,
            Err(error) => Err(error),
        };
        drop((pass, pin));
        if let Some(mut staged) = staged
            && let Err(error) = &result
            && !matches!(error, Error::CommitOutcomeUnknown { .. })
        {
            staged.discard(&self.store);
        }
        if let Some(mut aside) = aside {
            let kept: Vec<GenerationId> = aside.kept().collect();
            match &result {
                Ok(_) => aside.discard(&self.store, |generation| !kept.contains(&generation)),
                // The next start finds out.
                Err(Error::CommitOutcomeUnknown { .. }) => {}
                Err(_) => aside.discard(&self.store, |_| true),
            }
        }
        result.map(Some)
    }

    /// Moves everything that the transaction has into a request. The locks go with it, to be let go after publishing.
    fn request(&mut self, aside: Option<&Aside>, staged: Option<&Staged>, durability: Durability) -> CommitRequest {
        let mut request = CommitRequest::new(self.id(), self.snapshot.seq);
        request.durability = durability;
        request.begun = self.begun;
        request.when_published = self.when_published.take();
        if let Some(writes) = self.writes.take() {
            let writes = match Arc::try_unwrap(writes) {
                Ok(writes) => writes.into_inner(),
                // A view outlives the transaction.
                Err(shared) => shared.read().clone(),
            };
            request.catalog_changed = writes.touches(Family::Catalog);
            (request.rows, request.trash, request.writes) = writes.into_changes();
        }
        if let Some(definitions) = self.definitions.take() {
            definitions.describe(&mut request);
        }
        request.load = staged.filter(|staged| !staged.is_empty()).map(Staged::load);
        if let Some(aside) = aside {
            request.created.extend(aside.kept());
        }
        let none = HeldLocks::new(Arc::clone(self.store.locks()), self.id());
        let locks = std::mem::replace(&mut self.locks, none);
        let registered = self.serializable.take().map(|serializable| {
            request.reads = Some(Box::new(LoggedReads(serializable.reads)));
            serializable.registered
        });
        request.held = Some(match registered {
            None => Box::new(locks),
            Some(registered) => Box::new((locks, registered)),
        });
        self.savepoints = Savepoints::default();
        request
    }

    /// Undoes everything and lets every lock go.
    pub fn rollback(&mut self) {
        self.when_published = None;
        // First, since a spill under way still reads the write set.
        if let Some(mut staged) = self.staged.take() {
            staged.discard(&self.store);
        }
        self.writes = None;
        self.write_bytes = 0;
        self.spill_at = spill::spill_at(&self.store, 0);
        self.escalate_at = 0;
        self.gaps.forget();
        self.definitions = None;
        self.serializable = None;
        self.savepoints = Savepoints::default();
        if let Some(aside) = self.aside.take() {
            aside.into_inner().discard(&self.store, |_| true);
        }
        self.locks.release_after(0);
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.rollback();
    }
}

impl LockedRow {
    fn of(key: &RowKey, bytes: Option<Bytes>) -> Self {
        match bytes {
            Some(bytes) => LockedRow::Current(StoredRow { key: key.clone(), bytes }),
            None => LockedRow::Gone,
        }
    }
}

/// The first bytes of a key of a row or an index entry, which name its generation.
fn generation_of(family: Family, key: &[u8]) -> Option<GenerationId> {
    match family {
        Family::Rows | Family::Index | Family::Stream => {
            key.first_chunk::<4>().map(|bytes| GenerationId(u32::from_be_bytes(*bytes)))
        }
        _ => None,
    }
}
