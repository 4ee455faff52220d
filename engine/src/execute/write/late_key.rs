//! Keys of deferrable constraints, which rows may share until somebody looks: at the end of the statement, or of the
//! transaction.
//!
//! A key that is written is locked, if that can be had without waiting, and looked up. If nobody else has it there is
//! nothing left to do: who writes it later looks as well. Otherwise it is looked up again when its time comes, and by
//! then whoever writes it in another transaction is waited for.

use std::sync::Arc;

use storage::{TableId, Value, Wait};

use super::place::Spot;
use super::referencing::Across;
use super::{Run, violation};
use crate::catalog::Table;
use crate::error::Result;
use crate::function::EvalContext;
use crate::plan::write::LateKey;

impl Run<'_> {
    /// Looks at the keys of a new row that must be unique some time; `old` is the version that it replaces.
    pub(super) async fn check_late_keys(&mut self, spot: Spot, new: &[Value], old: Option<&[Value]>) -> Result<()> {
        let target = self.write.at(spot);
        for (at, late) in target.late_keys.iter().enumerate() {
            let same = |old: &[Value]| late.columns.iter().all(|column| old[*column] == new[*column]);
            let has_null = late.columns.iter().any(|column| new[*column].is_null());
            if old.is_some_and(same) || has_null && late.index.nulls_distinct {
                continue;
            }
            let key: Vec<Value> = late.columns.iter().map(|column| new[*column].clone()).collect();
            let mut now = Across { transaction: self.held.transaction(), wait: Wait::Skip };
            if now.lock_key(&target.table, late, &key).await? && !now.is_shared(&target.table, late, &key)? {
                continue;
            }
            if self.held.deferred().waits(late.oid, Some(late.deferrable)) {
                self.held.deferred().key(&target.table, late.oid, key);
            } else {
                self.pending.keys.push_back((spot, at, key));
            }
        }
        Ok(())
    }

    /// 23505 if rows still share a key when its time has come.
    pub(super) async fn check_late_key(&mut self, spot: Spot, late: &LateKey, key: &[Value]) -> Result<()> {
        let (target, context) = (self.write.at(spot), self.context);
        self.across().refuse_shared(&target.table, late, key, context).await
    }
}

impl Across<'_> {
    /// Keeps others from writing a key. False if somebody else is about to, and is not waited for.
    async fn lock_key(&mut self, table: &Arc<Table>, late: &LateKey, key: &[Value]) -> Result<bool> {
        let row = late.row(table, key);
        Ok(self.transaction.lock_index_key(TableId(table.oid), &late.index, &row, self.wait).await?)
    }

    /// Whether more than one row has the key now.
    fn is_shared(&self, table: &Arc<Table>, late: &LateKey, key: &[Value]) -> Result<bool> {
        Ok(self.some_rows_with(&table.storage, &late.columns, key, 2)?.len() > 1)
    }

    pub(super) async fn refuse_shared(
        &mut self,
        table: &Arc<Table>,
        late: &LateKey,
        key: &[Value],
        context: &EvalContext,
    ) -> Result<()> {
        self.lock_key(table, late, key).await?;
        if !self.is_shared(table, late, key)? {
            return Ok(());
        }
        let on = storage::ConflictOn::Index(late.index.generation);
        Err(violation::duplicate_key(table, &on, &late.row(table, key), context))
    }
}

impl LateKey {
    /// A row that has the key, and nothing else.
    fn row(&self, table: &Table, key: &[Value]) -> Vec<Value> {
        let mut row = vec![Value::Null; table.storage.columns.len()];
        self.columns.iter().zip(key).for_each(|(column, value)| row[*column] = value.clone());
        row
    }
}
