//! Claiming keys: before a row gets a key that must be unique, the key is locked and nobody else has it.
//!
//! The lock keeps apart those who are about to write the same key. Whether somebody has it already is read from the
//! newest published state and the own write set. A row found there may be about to lose the key, by a transaction that
//! has deleted or changed it and holds [`RowLock::Update`] on it: then its end is awaited, as PostgreSQL does. Who keeps all
//! other writers out of the table needs none of these locks.

use bytes::Bytes;

use super::{Acquired, LockTarget, RowLock, Transaction, Wait};
use crate::commit::Published;
use crate::error::{Error, Result};
use crate::id::{GenerationId, TableId};
use crate::key::{RowKey, append_index_key};
use crate::kv::Family;
use crate::row::StoredRow;
use crate::schema::IndexSchema;
use crate::value::Value;

/// What a conflict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictOn {
    PrimaryKey,
    /// A unique index, by its generation.
    Index(GenerationId),
}

/// A key that a row is about to get.
pub(super) struct Claim {
    pub(super) on: ConflictOn,
    pub(super) key: Bytes,
}

/// Somebody has the key.
pub(super) struct Taken {
    pub(super) on: ConflictOn,
    pub(super) existing: StoredRow,
}

impl Claim {
    fn family(&self) -> Family {
        match self.on {
            ConflictOn::PrimaryKey => Family::Rows,
            ConflictOn::Index(_) => Family::Index,
        }
    }
}

impl Transaction {
    /// Locks the key that a row has in an index that is not unique, to the end of the transaction, so that nobody else
    /// changes who has it who locks it as well. False if the lock was not to be waited for.
    pub async fn lock_index_key(
        &mut self,
        table: TableId,
        index: &IndexSchema,
        row: &[Value],
        wait: Wait,
    ) -> Result<bool> {
        self.escalate(table);
        let mut key = Vec::new();
        append_index_key(index, row, &[], &mut key);
        if self.locks.keep_out_writers(table) || self.is_private(&key) {
            return Ok(true);
        }
        let target = LockTarget::Key(key.into());
        Ok(self.locks.acquire(target, RowLock::Update.into(), wait).await? != Acquired::Skipped)
    }

    /// Locks the keys, to the end of the transaction, if nobody but the row `except` has any of them. Otherwise answers who
    /// has one, and keeps no lock.
    pub(super) async fn claim(
        &mut self,
        table: TableId,
        claims: &[Claim],
        except: Option<&RowKey>,
        wait: Wait,
    ) -> Result<Option<Taken>> {
        let wait = if wait == Wait::Skip { Wait::No } else { wait };
        self.escalate(table);
        if self.locks.keep_out_writers(table) {
            return self.first_taken_alone(claims, except);
        }
        let mark = self.locks.len();
        loop {
            let busy = self.lock_claims(claims, except, wait).await?;
            let all_locked = busy.is_none();
            let taken = match busy {
                Some(taken) => Some(taken),
                None => self.first_taken(claims, except)?,
            };
            let Some(taken) = taken else { return Ok(None) };
            // The lock on a primary key is the lock on its row: nobody else can be about to delete it.
            let settled = all_locked && taken.on == ConflictOn::PrimaryKey;
            self.locks.release_after(mark);
            if settled || self.keeps_key(&taken, claims, wait).await? {
                return Ok(Some(taken));
            }
        }
    }

    /// Locks each key. A key that is locked by somebody else and belongs to a committed row is not waited for: that row is
    /// answered, since most of those locks leave it its key.
    async fn lock_claims(&mut self, claims: &[Claim], except: Option<&RowKey>, wait: Wait) -> Result<Option<Taken>> {
        for claim in claims {
            if self.is_private(&claim.key) {
                continue;
            }
            let target = || LockTarget::Key(claim.key.clone());
            if self.locks.acquire(target(), RowLock::Update.into(), Wait::Skip).await? == Acquired::Skipped {
                if let Some(existing) = self.owner(&self.store.published_state(), claim, except)? {
                    return Ok(Some(Taken { on: claim.on, existing }));
                }
                self.locks.acquire(target(), RowLock::Update.into(), wait).await?;
            }
        }
        Ok(None)
    }

    /// The first key that a row other than `except` has now.
    fn first_taken(&self, claims: &[Claim], except: Option<&RowKey>) -> Result<Option<Taken>> {
        let newest = self.store.newest();
        for claim in claims {
            if let Some(existing) = self.owner(&newest, claim, except)? {
                return Ok(Some(Taken { on: claim.on, existing }));
            }
        }
        Ok(None)
    }

    /// The same for who keeps all other writers out.
    fn first_taken_alone(&mut self, claims: &[Claim], except: Option<&RowKey>) -> Result<Option<Taken>> {
        for claim in claims {
            let (family, key) = (claim.family(), &claim.key[..]);
            let is_gap = !self.is_private(key)
                && !self.has_written(family, key)?
                && self.gaps.have(&self.store.newest(), family, key)?;
            if !is_gap && let Some(taken) = self.first_taken(std::slice::from_ref(claim), except)? {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    /// The row that has the key in a state with the own writes over it.
    fn owner(&self, state: &Published, claim: &Claim, except: Option<&RowKey>) -> Result<Option<StoredRow>> {
        let Some(value) = self.newest_of(state, claim.family(), &claim.key)? else { return Ok(None) };
        if claim.family() == Family::Rows {
            let key = RowKey::from_bytes(claim.key.clone());
            return Ok((except != Some(&key)).then_some(StoredRow { key, bytes: value }));
        }
        let key = RowKey::from_bytes(value);
        if except == Some(&key) {
            return Ok(None);
        }
        match self.newest_of(state, Family::Rows, key.as_bytes())? {
            Some(bytes) => Ok(Some(StoredRow { key, bytes })),
            None => Err(Error::Corrupt { reason: "an index entry points to a row that is not there".into() }),
        }
    }

    fn newest_of(&self, state: &Published, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        match self.own(family, key)? {
            Some(own) => Ok(own),
            None => self.committed(state, family, key),
        }
    }

    /// Whether the row that has a key keeps it, once nobody is about to take it from it. False: look again.
    async fn keeps_key(&mut self, taken: &Taken, claims: &[Claim], wait: Wait) -> Result<bool> {
        let key = &taken.existing.key;
        if self.is_private(key.as_bytes()) || self.own(Family::Rows, key.as_bytes())?.is_some() {
            return Ok(true);
        }
        let mark = self.locks.len();
        let target = LockTarget::Key(key.clone().into_bytes());
        self.locks.acquire(target, RowLock::KeyShare.into(), wait).await?;
        // It may have lost the key before it was locked. If it did not, this is the answer: looking again would only join
        // the queue again, where others let this pass for as long as it takes.
        let claim = claims.iter().find(|claim| claim.on == taken.on);
        let owner = claim.map(|claim| self.owner(&self.store.published_state(), claim, None)).transpose()?;
        let kept = owner.flatten().is_some_and(|owner| owner.key == *key);
        self.locks.release_after(mark);
        Ok(kept)
    }
}
