//! Locking rows that a walk has found, many at a time.
//!
//! Nobody else can change a row that is locked. So if no commit has come between the view that the walk went over and
//! the moment when all its rows are locked, they are as the view has them, and nothing need be read again; otherwise their
//! versions are compared in one go.

use bytes::Bytes;

use super::{Isolation, LockTarget, RowLock, Transaction, Wait};
use crate::error::{Error, Result};
use crate::id::CommitSeq;
use crate::key::RowKey;
use crate::read::ReadView;
use crate::row::StoredRow;
use crate::schema::TableSchema;

/// A row as a walk over a view has found it.
#[derive(Debug, Clone)]
pub struct FoundRow {
    pub key: RowKey,
    /// The commit that wrote the version; zero for one that carries none of its own.
    pub version: CommitSeq,
}

impl Transaction {
    /// Locks rows of one table to the end of the transaction, in their order, each as [`Transaction::lock_row`] locks one;
    /// who may not wait fails. Answers whether all of them still are what `view` has. Above READ COMMITTED it is a
    /// `WriteConflict` if they are not.
    pub async fn lock_found(
        &mut self,
        view: &ReadView,
        table: &TableSchema,
        rows: &[FoundRow],
        mode: RowLock,
        wait: Wait,
    ) -> Result<bool> {
        self.relieve().await?;
        let wait = if wait == Wait::Skip { Wait::No } else { wait };
        let mark = self.locks.len();
        for row in rows {
            if self.is_private(row.key.as_bytes()) {
                continue;
            }
            // Rows that are only kept as they are do not keep everybody from writing to their table.
            if mode >= RowLock::NoKeyUpdate {
                self.escalate(table.table);
            }
            if self.locks.keep_out_writers(table.table) {
                break;
            }
            let target = LockTarget::Key(row.key.clone().into_bytes());
            if !self.locks.try_acquire(target.clone(), mode.into()) {
                self.locks.acquire(target, mode.into(), wait).await?;
            }
            self.check_size()?;
        }
        // What is over is gone, whatever the level.
        if table.stream.is_some() && rows.iter().any(|row| !self.snapshot.streams.shows(table, &row.key)) {
            return Ok(false);
        }
        if self.are_unchanged(view, table, rows)? {
            return Ok(true);
        }
        if self.isolation != Isolation::ReadCommitted {
            self.locks.release_after(mark);
            return Err(Error::WriteConflict);
        }
        Ok(false)
    }

    /// Whether locked rows are what the view has.
    fn are_unchanged(&self, view: &ReadView, table: &TableSchema, rows: &[FoundRow]) -> Result<bool> {
        let newest = self.store.newest();
        if newest.seq == view.seq() {
            return Ok(true);
        }
        let is_same = |row: &FoundRow, bytes: Option<Bytes>| {
            let newest = bytes.map(|bytes| StoredRow { key: row.key.clone(), bytes });
            newest.is_some_and(|newest| newest.is_found(row.version, view.seq()))
        };
        let family = table.family();
        let mut committed = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| !self.is_private(row.key.as_bytes())) {
            match self.own(family, row.key.as_bytes())? {
                None => committed.push(row),
                Some(own) => {
                    if !is_same(row, own) {
                        return Ok(false);
                    }
                }
            }
        }
        let keys: Vec<&[u8]> = committed.iter().map(|row| row.key.as_bytes()).collect();
        let values = newest.get_many(family, &keys)?;
        Ok(committed.into_iter().zip(values).all(|(row, value)| is_same(row, value)))
    }
}
