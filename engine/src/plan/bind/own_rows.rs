//! Whose rows of user and stream tables a statement works on: those of the role that it runs as.
//!
//! The table that a plan holds is cut to that role's slice: every key and every range that storage is asked for begins
//! with the slice, so that no condition has to keep others' rows out and none can be forgotten. It is cut where a name
//! becomes a table, and nowhere else:
//!
//! - [`Binder::named_relation`] for everything that is read: FROM, TABLE, COPY TO, FOR UPDATE, USING, the source of MERGE,
//!   subqueries, cursors, materialized views. Beneath a view too ([`Binder::marked`]): a view over a user table shows who
//!   asks the rows of his own, whoever made it.
//! - [`Binder::target`] for everything that is written: INSERT and ON CONFLICT, UPDATE, DELETE, MERGE, COPY FROM; through
//!   views as beneath them.
//! - `target_of`, for tables at the other ends of foreign keys: what the written row's slice has. A shared table
//!   that user tables point at looks for children among all rows, and what it does to them is done slice by slice
//!   (`execute/write/action.rs`). Checks that wait remember the slice (`execute/write/deferred.rs`).
//! - CREATE TABLE AS (`session/create_as.rs`) fills a new table for whoever says it.
//! - TRUNCATE (`execute/definition/truncate.rs`) cuts its tables by itself.
//!
//! A plan made for one role is not run as another: whatever changes the role makes plans anew (`Session::epoch`).
//! Definitions see all rows, as they must, and tell none of them in errors (`execute/definition/discreet.rs`).

use std::sync::Arc;

use storage::Slice;

use super::Binder;
use crate::catalog::Table;
use crate::catalog::class::slice_of_role;
use crate::error::{Error, Result, SqlState};

impl Binder<'_> {
    /// A table as the statement may see it. 42501 for a user table where rows are not to be left out in silence
    /// (`row_security = off`, as pg_dump has it). 42704 for a role that was dropped while its session goes on: what it
    /// wrote now nobody would find to delete.
    pub(super) fn own_rows(&self, table: Arc<Table>) -> Result<Arc<Table>> {
        // Who makes or shows a view reads nothing.
        if !table.is_divided() || self.is_showing() || self.record.is_some() {
            return Ok(table);
        }
        let session = &self.context.session;
        if session.settings.active().all_users {
            return self.all_rows(table);
        }
        if !session.settings.active().row_security {
            let message = format!("query would be affected by row-level security policy for table \"{}\"", table.name);
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
                .with_hint("With kalamdb.all_users = on a superuser reads the rows of all users."));
        }
        let role = session.current_role.0;
        if !self.catalog.roles.contains_key(&role) {
            let message = format!("role with OID {role} does not exist");
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        }
        Ok(table.of_slice(slice_of_role(role)))
    }

    /// A table with everybody's rows, for those who may see them.
    fn all_rows(&self, table: Arc<Table>) -> Result<Arc<Table>> {
        let role = self.catalog.roles.get(&self.context.session.current_role.0);
        match role.is_some_and(|role| role.attributes.superuser) {
            true => Ok(table),
            false => Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("must be superuser to see the rows of all users of table \"{}\"", table.name),
            )),
        }
    }
}

/// 42501 for a write to a user table of which no user is meant.
pub(super) fn check_writable(table: &Table) -> Result<()> {
    if table.storage.slice != Slice::Every {
        return Ok(());
    }
    Err(no_user_is_meant(table))
}

/// The refusal of such a write.
pub(crate) fn no_user_is_meant(table: &Table) -> Error {
    let (class, name) = (table.class.name(), &table.name);
    let message = format!("cannot write to {class} table \"{name}\" while kalamdb.all_users is on");
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

/// 0A000 for changing rows of a stream: they come and go as they are.
pub(super) fn refuse_update(table: &Table, what: &str) -> Result<()> {
    match table.is_stream() {
        true => Err(Error::unsupported(format!("{what} of stream table \"{}\"", table.name))),
        false => Ok(()),
    }
}
