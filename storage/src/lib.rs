//! Keys, rows, transactions, commit order and the change feed: what lies beneath SQL and knows nothing of it.
//!
//! One write, from top to bottom:
//!
//! 1. A [`schema::TableSchema`] says how a table's rows are laid out, keyed and indexed; [`value::Value`] is one cell.
//! 2. [`row`] turns a row of values into bytes, [`key`] turns its key columns into bytes that sort as the values do.
//! 3. A [`Transaction`] reads a snapshot of the [`Store`], locks what it changes and keeps its writes to itself.
//! 4. The committer gives it a place in the one order of commits, makes it durable through [`kv`] and publishes it.
//! 5. The feed of [`change`] carries what it did to whoever follows.

pub mod backup;
pub mod change;
mod commit;
pub mod derive;
pub mod environment;
pub mod error;
pub mod id;
pub mod key;
pub mod kv;
mod maintain;
mod read;
pub mod row;
pub mod schema;
pub mod segment;
mod slice;
mod store;
mod stream;
pub mod testing;
pub mod transaction;
pub mod value;

pub use change::{Change, ChangeReader, CommitRecord, FeedEnd};
pub use commit::{Durability, HotRows};
pub use derive::{Derive, Derived};
pub use environment::Environment;
pub use error::{Error, Result};
pub use id::{ColumnId, CommitSeq, GenerationId, SchemaVersion, TableId, TransactionId};
pub use key::{IndexKey, Item, Items, KeyRange, RowKey};
pub use kv::Direction;
pub use maintain::{Compaction, Eviction, Progress, Rewrite, RewriteReport, SegmentState, TierReport};
pub use read::{BatchScan, IndexScan, ItemQuery, ItemScan, ReadView, RowScan, TierRows};
pub use row::{ColumnBuilder, RowDecoder, StoredRow};
pub use schema::{Column, IndexColumn, IndexSchema, Layout, RowIdentity, TableSchema};
pub use slice::{Slice, SliceId};
pub use store::{CacheFigures, Figures, SequencePosition, SequenceRule, Store, StoreOptions};
pub use stream::{Attending, StreamRule};
pub use transaction::{
    ConflictOn, Convert, Duplicate, FoundRow, InsertOutcome, Isolation, LockInfo, LockTarget, LockedRow, Refusal,
    RowLock, Savepoint, SessionLocks, Snapshot, TableLock, Transaction, UpdateOutcome, Wait,
};
pub use value::{
    Array, ColumnType, Dimension, Field, FixedPoint, Interval, Numeric, NumericError, Record, Value, ValueRef,
};
