//! What foreign keys do to the rows that point at a key which is deleted or changed: CASCADE, SET NULL, SET DEFAULT.
//!
//! The rows are found in the newest state, locked, and changed as any row is: under their table's own rules, and with
//! whatever other foreign keys make of that.

use storage::{RowKey, RowLock, Slice, StoredRow, Value};

use super::foreign_key::Pending;
use super::place::Spot;
use super::row::{complete, delete_stored};
use super::{Run, Written};
use crate::catalog::class::slice_of_role;
use crate::catalog::{ForeignKeyAction, Table, TriggerEvent};
use crate::error::{Error, Result};
use crate::execute::definition::without_values;
use crate::expr::Expr;
use crate::expr::eval::{NoRow, eval};
use crate::function::CastContext;
use crate::function::resolve::coerce;
use crate::plan::bind::Binder;
use crate::plan::write::{Action, ChildKey, Write};

impl Run<'_> {
    /// Changes the rows of `child` that point at the key `old`, which is now `new` or deleted.
    pub(super) async fn change_children(
        &mut self,
        child: &ChildKey,
        old: &[Value],
        new: Option<&[Value]>,
    ) -> Result<()> {
        let Some(key) = child.fit(old) else { return Ok(()) };
        if child.child.storage.slice == Slice::Every {
            return self.change_children_of_all(child, &key, new).await;
        }
        let reached = child.reached;
        if reached.is_none() {
            return Err(Error::internal("a foreign key's action has no target"));
        }
        let event = if new.is_some() { TriggerEvent::Update } else { child_event(child.on_delete) };
        let assigned = self.assigned_by(child, new.is_some());
        let root = self.write.root(Spot { reached, leaf: None });
        if root.fires {
            Box::pin(self.before_statement(root, event, &assigned)).await?;
        }
        for keeper in &child.keepers {
            for row_key in self.across().rows_with(&keeper.storage, &child.child_columns, &key)? {
                tokio::task::consume_budget().await;
                let spot = Spot { reached, leaf: self.write.root(Spot { reached, leaf: None }).keeper(&row_key)? };
                self.change_child(spot, child, &row_key, &key, new).await?;
            }
        }
        if root.fires {
            self.after_statement(root, event, &assigned)?;
        }
        Ok(())
    }

    /// The same for a user table beneath a shared one: the rows of every user go or change, each by the rules of its table
    /// cut to that user's rows, so that what points at them in turn is looked for among these.
    async fn change_children_of_all(&mut self, child: &ChildKey, key: &[Value], new: Option<&[Value]>) -> Result<()> {
        let rows = self.across().rows_with(&child.child.storage, &child.child_columns, key)?;
        let slice_of = |row: &RowKey| child.child.storage.slice_of(row);
        // One walk finds a user's rows next to each other.
        for rows in rows.chunk_by(|one, other| slice_of(one) == slice_of(other)) {
            let Some(slice) = rows.first().and_then(slice_of) else {
                return Err(Error::internal("a row of a user table is nobody's"));
            };
            let table = child.child.of_slice(Slice::One(slice));
            let target = Binder::new(&self.context.catalog, self.context, &[]).target_of(table, 0)?;
            if target.fires {
                return Err(Error::unsupported("a foreign key's action on a user table that has triggers"));
            }
            let (action, returning) = (Action::OfKeys, None);
            let write = Box::new(Write { target, action, returning, uses: Vec::new(), params: Vec::new() });
            let mut run = self.within(&write, Pending::default());
            let mut done = Ok(());
            for row in rows {
                tokio::task::consume_budget().await;
                done = run.change_child(Spot { reached: None, leaf: None }, child, row, key, new).await;
                if done.is_err() {
                    break;
                }
            }
            let pending = run.pending;
            done.map_err(|error| self.discreet(&write.target.table, error))?;
            if !pending.is_empty() {
                self.pending.within.push((write, pending));
            }
            self.held.transaction().relieve().await?;
        }
        Ok(())
    }

    /// A run over the rows of a single user that goes on with this one's transaction.
    pub(super) fn within<'b>(&'b mut self, write: &'b Write, pending: Pending) -> Run<'b> {
        Run {
            write,
            context: self.context,
            held: self.held.again(),
            environment: self.environment,
            wait: self.wait,
            written: Written::default(),
            pending,
            together: None,
        }
    }

    /// An error that rows of a single user brought about, as whoever runs this may read it.
    pub(super) fn discreet(&self, table: &Table, error: Error) -> Error {
        let role = self.context.session.current_role.0;
        let is_superuser = self.context.catalog.roles.get(&role).is_some_and(|role| role.attributes.superuser);
        match is_superuser || table.storage.slice == slice_of_role(role) {
            true => error,
            false => without_values(table, error),
        }
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
            if self.fires() && !Box::pin(self.before_delete(spot, &row)).await? {
                return Ok(());
            }
            delete_stored(self.held.transaction(), &target.table, &row)?;
            self.owe_children(spot, &old_values, None);
            if self.fires() {
                self.after_row(spot, TriggerEvent::Delete, Some(&old_values), None, &[])?;
            }
            return Ok(());
        }
        let mut values = old_values.clone();
        self.set_key(child, action, new, &mut values)?;
        if self.fires() {
            let assigned = self.assigned_by(child, new.is_some());
            return Box::pin(self.update_child_with_triggers(spot, &row, &old_values, values, &assigned)).await;
        }
        self.update_child(spot, &row, &old_values, values).await?;
        Ok(())
    }

    /// Puts into a row what the action makes of its foreign key.
    fn set_key(
        &self,
        child: &ChildKey,
        action: ForeignKeyAction,
        new: Option<&[Value]>,
        values: &mut [Value],
    ) -> Result<()> {
        for (at, position) in child.child_columns.iter().enumerate() {
            let is_set = new.is_some() || child.set_columns.contains(position);
            values[*position] = match (action, new) {
                (ForeignKeyAction::Cascade, Some(new)) => {
                    let column = &child.child.columns[*position];
                    let given = Expr::constant(new[at].clone(), child.types[at]);
                    let set = coerce(given, column.ty, CastContext::Assignment, self.context)?;
                    eval(&set, self.context, &NoRow)?
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

    async fn update_child_with_triggers(
        &mut self,
        spot: Spot,
        row: &StoredRow,
        old: &[Value],
        values: Vec<Value>,
        assigned: &[usize],
    ) -> Result<()> {
        let Some(values) = self.before_update(spot, row, old, values, assigned).await? else { return Ok(()) };
        let key = self.update_row(spot, row, old, &values).await?;
        self.after_update(spot, &key, (old, &values), assigned)
    }

    /// The columns that an action assigns.
    fn assigned_by(&self, child: &ChildKey, updates: bool) -> Vec<usize> {
        match (self.fires(), updates) {
            (false, _) => Vec::new(),
            (true, true) => child.child_columns.clone(),
            (true, false) => child.set_columns.clone(),
        }
    }
}

/// What happens to a row that points at one that is deleted.
fn child_event(action: ForeignKeyAction) -> TriggerEvent {
    match action {
        ForeignKeyAction::Cascade => TriggerEvent::Delete,
        _ => TriggerEvent::Update,
    }
}
