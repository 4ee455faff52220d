//! What foreign keys do to the rows that point at a key which is deleted or changed: CASCADE, SET NULL, SET DEFAULT.
//!
//! The rows are found in the newest state, locked, and changed as any row is: under their table's own rules, and with
//! whatever other foreign keys make of that.

use storage::{RowKey, RowLock, StoredRow, Value};

use super::Run;
use super::place::Spot;
use super::row::{complete, delete_stored};
use crate::catalog::ForeignKeyAction;
use crate::error::{Error, Result};
use crate::execute::point;
use crate::expr::eval::{NoRow, eval};
use crate::plan::write::ChildKey;

impl Run<'_> {
    /// Changes the rows of `child` that point at the key `old`, which is now `new` or deleted.
    pub(super) async fn change_children(
        &mut self,
        child: &ChildKey,
        old: &[Value],
        new: Option<&[Value]>,
    ) -> Result<()> {
        let Some(key) = child.fit(old) else { return Ok(()) };
        let reached = child.reached;
        if reached.is_none() {
            return Err(Error::internal("a foreign key's action has no target"));
        }
        for keeper in &child.keepers {
            for row_key in self.across().rows_with(&keeper.storage, &child.child_columns, &key)? {
                tokio::task::consume_budget().await;
                let spot = Spot { reached, leaf: self.write.root(Spot { reached, leaf: None }).keeper(&row_key)? };
                self.change_child(spot, child, &row_key, &key, new).await?;
            }
        }
        Ok(())
    }

    async fn change_child(
        &mut self,
        spot: Spot,
        child: &ChildKey,
        row_key: &RowKey,
        key: &[Value],
        new: Option<&[Value]>,
    ) -> Result<()> {
        let target = self.write.at(spot);
        let action = if new.is_some() { child.on_update } else { child.on_delete };
        // The columns of a foreign key may be part of other keys.
        let strength = RowLock::Update;
        let columns = &child.child_columns;
        let locked = self.across().lock_if_still(&target.table, row_key, strength, columns, key).await?;
        let Some(row) = locked else { return Ok(()) };
        let old_values = row.values(&target.table.storage)?;
        if action == ForeignKeyAction::Cascade && new.is_none() {
            delete_stored(self.transaction, &target.table, &row)?;
            self.owe_children(spot, &old_values, None);
            return Ok(());
        }
        let mut values = old_values.clone();
        self.set_key(child, action, new, &mut values)?;
        self.update_child(spot, &row, &old_values, values).await
    }

    /// Puts into a row what the action makes of its foreign key.
    fn set_key(
        &self,
        child: &ChildKey,
        action: ForeignKeyAction,
        new: Option<&[Value]>,
        values: &mut [Value],
    ) -> Result<()> {
        let columns = &child.child.storage.columns;
        for (at, position) in child.child_columns.iter().enumerate() {
            let is_set = new.is_some() || child.set_columns.contains(position);
            values[*position] = match (action, new) {
                (ForeignKeyAction::Cascade, Some(new)) => {
                    let fitted = point::fit(new[at].clone(), &columns[*position].column_type);
                    fitted.ok_or_else(|| point::out_of_range(&columns[*position].column_type))?
                }
                (ForeignKeyAction::SetNull, _) if is_set => Value::Null,
                (ForeignKeyAction::SetDefault, _) if is_set => eval(&child.defaults[at], self.context, &NoRow)?,
                _ => continue,
            };
        }
        Ok(())
    }

    async fn update_child(&mut self, spot: Spot, row: &StoredRow, old: &[Value], mut values: Vec<Value>) -> Result<()> {
        complete(self.write.root(spot), self.context, &mut values)?;
        self.update_row(spot, row, old, &values).await?;
        Ok(())
    }
}
