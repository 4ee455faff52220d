//! The engine: from SQL text to rows.
//!
//! One statement's way through here:
//!
//! 1. `session::Session::parse` (or `script`) turns text into a `statement::Statement`: one of the verbs we know.
//! 2. `plan::bind` resolves every name, function and conversion under PostgreSQL's rules, against one version of
//!    the `catalog`, into a `plan::relation::Query` or its sibling for writes.
//! 3. `plan::authorize` decides whether the role may do this; only its `AuthorizedPlan` can be run.
//! 4. `plan::point` recognises what OLTP is made of and plans it row by row over storage; everything else is lowered
//!    to DataFusion (`execute::lower`) and reads tables through `provider`.
//! 5. `execute` runs it on a snapshot, inside the session's transaction, and answers rows that the server pulls.
//!
//! What is told without being asked for (NOTIFY, live queries) goes another way: `live` tells it.
//!
//! One live query's way:
//!
//! 1. `session::live` binds and authorizes it as the SELECT that it is, and answers its rows at one snapshot.
//! 2. When its transaction has committed, `live::follow` reads what was committed since, and registers it behind that.
//! 3. The dispatcher hands each commit to `live::registry`, whose index finds the queries that a changed row may concern.
//! 4. `live::per_change` evaluates the row before and after; what is more than one table is run again by `live::rerun`, and
//!    `live::difference` says what has changed.
//! 5. The event, encoded once for all who follow the same, goes to each session's `live::outbox`, from where the server sends it.
//!
//! DataFusion is named in this crate only. Sockets are not.

mod audit;
pub mod catalog;
pub mod database;
pub mod deparse;
pub mod error;
pub mod execute;
pub mod expr;
pub mod function;
mod job;
pub mod live;
pub mod plan;
mod plpgsql;
pub mod provider;
pub mod session;
pub mod statement;
mod text_search;
pub mod types;

pub use audit::AuditLimits;
pub use audit::secret::without_secrets;
pub use catalog::pg_catalog::system::{Figure, FigureKind};
pub use database::{Admission, Connect, Database, DatabaseOptions, Encryption, Ends, LoginOptions, Opened};
pub use error::{Error, Report, Result, SqlState};
pub use live::LiveLimits;
pub use session::{
    Canceller, CopyIn, CopyOut, Cursor, Execution, Finished, Notice, Script, Session, TransactionStatus,
};
