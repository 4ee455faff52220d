//! Running point plans: a key, a row, a few expressions.

use storage::key::primary_key_from;
use storage::{LockedRow, RowKey, RowLock, StoredRow, TableSchema, Transaction, Value, Wait};

use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use crate::expr::eval::{NoRow, RowSource, eval};
use crate::expr::{ColumnVar, Expr};
use crate::function::EvalContext;
use crate::plan::point::{Access, ColumnPlaces, PointSelect};
use crate::plan::relation::LockWait;

/// Runs a point SELECT: no row or one.
pub(crate) async fn select(
    plan: &PointSelect,
    context: &EvalContext,
    transaction: &mut Transaction,
    wait: Wait,
) -> Result<Vec<Vec<Value>>> {
    let schema = &plan.table.storage;
    let Some(key) = find(&plan.access, schema, context, transaction)? else { return Ok(Vec::new()) };
    let row = match plan.lock {
        None => transaction.get(schema, &key)?,
        Some((strength, policy)) => {
            let current = transaction.get(schema, &key)?;
            // Only what the statement's snapshot shows, and passes the filter there, is locked.
            match current {
                Some(row) if passes(plan.filter.as_ref(), &row, plan, context)? => {
                    lock(&plan.table, &key, strength, row_wait(policy, wait), transaction).await?
                }
                _ => None,
            }
        }
    };
    let Some(row) = row else { return Ok(Vec::new()) };
    let source = StoredSource { row: &row, schema, places: &plan.columns };
    // A row found through an index, or locked after a wait, may not be the one that the key named.
    if !matches(&plan.access, &row, schema, context)? || !is_true(plan.filter.as_ref(), context, &source)? {
        return Ok(Vec::new());
    }
    let values = plan.projection.iter().map(|expr| eval(expr, context, &source)).collect::<Result<Vec<Value>>>()?;
    Ok(vec![values])
}

fn passes(filter: Option<&Expr>, row: &StoredRow, plan: &PointSelect, context: &EvalContext) -> Result<bool> {
    is_true(filter, context, &StoredSource { row, schema: &plan.table.storage, places: &plan.columns })
}

/// How long a locking clause waits: its own word goes before `lock_timeout`.
pub(crate) fn row_wait(policy: LockWait, wait: Wait) -> Wait {
    match policy {
        LockWait::Wait => wait,
        LockWait::NoWait => Wait::No,
        LockWait::SkipLocked => Wait::Skip,
    }
}

/// Locks a row and answers its newest version; None if it is gone or skipped.
pub(crate) async fn lock(
    table: &Table,
    key: &RowKey,
    strength: RowLock,
    wait: Wait,
    transaction: &mut Transaction,
) -> Result<Option<StoredRow>> {
    match transaction.lock_row(&table.storage, key, strength, wait).await {
        Ok(LockedRow::Current(row)) => Ok(Some(row)),
        Ok(LockedRow::Gone | LockedRow::Skipped) => Ok(None),
        Err(storage::Error::LockNotAvailable) if matches!(wait, Wait::No) => Err(Error::new(
            SqlState::LOCK_NOT_AVAILABLE,
            format!("could not obtain lock on row in relation \"{}\"", table.name),
        )),
        Err(storage::Error::LockNotAvailable) => {
            Err(Error::new(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The key of the row that an access names; None if no row can have it.
pub(crate) fn find(
    access: &Access,
    schema: &TableSchema,
    context: &EvalContext,
    transaction: &Transaction,
) -> Result<Option<RowKey>> {
    match access {
        Access::PrimaryKey(exprs) => {
            let storage::RowIdentity::PrimaryKey(positions) = &schema.identity else {
                return Err(Error::internal("a point plan names a primary key that is not there"));
            };
            let Some(values) = key_values(exprs, positions.iter().copied(), schema, context)? else { return Ok(None) };
            Ok(Some(primary_key_from(schema, &values)))
        }
        Access::Unique { index, key } => {
            let positions = index.columns.iter().map(|column| column.column);
            let Some(values) = key_values(key, positions, schema, context)? else { return Ok(None) };
            Ok(transaction.lookup_unique(index, &values)?)
        }
    }
}

/// The key's values as the columns' own types; None if one is NULL or does not fit, so that nothing can equal it.
fn key_values(
    exprs: &[Expr],
    positions: impl Iterator<Item = usize>,
    schema: &TableSchema,
    context: &EvalContext,
) -> Result<Option<Vec<Value>>> {
    let mut values = Vec::with_capacity(exprs.len());
    for (expr, position) in exprs.iter().zip(positions) {
        match fit(eval(expr, context, &NoRow)?, &schema.columns[position].column_type) {
            Some(value) => values.push(value),
            None => return Ok(None),
        }
    }
    Ok(Some(values))
}

/// An integer as another integer type; other values are of the key's type already.
pub(crate) fn fit(value: Value, wanted: &storage::ColumnType) -> Option<Value> {
    use storage::ColumnType as T;
    let wide = match value {
        Value::Null => return None,
        Value::Int2(v) => i64::from(v),
        Value::Int4(v) => i64::from(v),
        Value::Int8(v) => v,
        other => return Some(other),
    };
    match wanted {
        T::Int2 => i16::try_from(wide).ok().map(Value::Int2),
        T::Int4 => i32::try_from(wide).ok().map(Value::Int4),
        T::Int8 => Some(Value::Int8(wide)),
        _ => Some(value),
    }
}

/// Whether a row still has the unique key it was found by: it may have changed between lookup and lock.
pub(crate) fn matches(access: &Access, row: &StoredRow, schema: &TableSchema, context: &EvalContext) -> Result<bool> {
    let Access::Unique { index, key } = access else { return Ok(true) };
    let positions = index.columns.iter().map(|column| column.column);
    let Some(values) = key_values(key, positions.clone(), schema, context)? else { return Ok(false) };
    for (value, position) in values.iter().zip(positions) {
        let mut found = Vec::new();
        let mut wanted = Vec::new();
        storage::key::encode_value(value, &mut wanted);
        let current = row.value(schema, position)?.to_owned();
        if current.is_null() {
            return Ok(false);
        }
        storage::key::encode_value(&current, &mut found);
        if found != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a condition is true: absent is, NULL is not.
pub(crate) fn is_true(condition: Option<&Expr>, context: &EvalContext, row: &dyn RowSource) -> Result<bool> {
    match condition {
        None => Ok(true),
        Some(condition) => Ok(matches!(eval(condition, context, row)?, Value::Bool(true))),
    }
}

/// Columns read straight from a stored row.
pub(crate) struct StoredSource<'a> {
    pub(crate) row: &'a StoredRow,
    pub(crate) schema: &'a TableSchema,
    pub(crate) places: &'a ColumnPlaces,
}

impl RowSource for StoredSource<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let position = self.places.place(var).ok_or_else(|| Error::internal("a column of another relation"))?;
        Ok(self.row.value(self.schema, position)?.to_owned())
    }
}
