//! Running point plans: a key, a row, a few expressions.

use storage::key::primary_key_from;
use storage::{IndexSchema, LockedRow, RowKey, RowLock, StoredRow, TableSchema, Transaction, Value, Wait};

use crate::catalog::Table;
use crate::catalog::partition::PartitionTree;
use crate::error::{Error, Result, SqlState};
use crate::expr::eval::{NoRow, RowSource, eval};
use crate::expr::{ColumnVar, Expr};
use crate::function::EvalContext;
use crate::plan::point::{Access, ColumnPlaces, OneRow, PointSelect};
use crate::plan::relation::LockWait;

/// Runs a point SELECT that locks nothing: no row or one.
pub(crate) fn read(plan: &PointSelect, context: &EvalContext, transaction: &Transaction) -> Result<Vec<Vec<Value>>> {
    let Some(reached) = reach(&plan.access, &plan.table, plan.partitions.as_deref(), context)? else {
        return Ok(Vec::new());
    };
    let Some(key) = reached.find(transaction)? else { return Ok(Vec::new()) };
    let row = transaction.get(&reached.table.storage, &key)?;
    row.map_or(Ok(Vec::new()), |row| project(plan, context, &reached, &row))
}

/// Runs a point SELECT that locks its row if there is one.
pub(crate) async fn select(
    plan: &PointSelect,
    context: &EvalContext,
    transaction: &mut Transaction,
    wait: Wait,
) -> Result<Vec<Vec<Value>>> {
    let Some((strength, policy)) = plan.lock else { return read(plan, context, transaction) };
    let Some(reached) = reach(&plan.access, &plan.table, plan.partitions.as_deref(), context)? else {
        return Ok(Vec::new());
    };
    let schema = &reached.table.storage;
    let Some(key) = reached.find(transaction)? else { return Ok(Vec::new()) };
    // Only what the statement's snapshot shows, and passes the filter there, is locked.
    let Some(row) = transaction.get(schema, &key)? else { return Ok(Vec::new()) };
    if !is_true(plan.filter.as_ref(), context, &StoredSource { row: &row, schema, places: &plan.columns })? {
        return Ok(Vec::new());
    }
    let locked = lock(reached.table, &key, strength, row_wait(policy, wait), transaction).await?;
    locked.map_or(Ok(Vec::new()), |row| project(plan, context, &reached, &row))
}

/// What a point SELECT answers of the row it has reached.
fn project(
    plan: &PointSelect,
    context: &EvalContext,
    reached: &Reached<'_>,
    row: &StoredRow,
) -> Result<Vec<Vec<Value>>> {
    let source = StoredSource { row, schema: &reached.table.storage, places: &plan.columns };
    // A row found through an index, or locked after a wait, may not be the one that the key named.
    if !reached.matches(row)? || !is_true(plan.filter.as_ref(), context, &source)? {
        return Ok(Vec::new());
    }
    let values = plan.projection.iter().map(|expr| eval(expr, context, &source)).collect::<Result<Vec<Value>>>()?;
    if plan.lock.is_some() && context.session.cursors.is_noting() {
        context.session.cursors.note_locked(vec![vec![Some(row.key.clone())]]);
    }
    Ok(vec![values])
}

/// Computes a SELECT without FROM.
pub(crate) fn one_row(plan: &OneRow, context: &EvalContext) -> Result<Vec<Vec<Value>>> {
    if !is_true(plan.filter.as_ref(), context, &NoRow)? {
        return Ok(Vec::new());
    }
    let values = plan.projection.iter().map(|expr| eval(expr, context, &NoRow)).collect::<Result<Vec<Value>>>()?;
    Ok(vec![values])
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
        Err(error) => Err(not_locked(table, wait, error)),
    }
}

/// Why a row of the table could not be locked.
pub(crate) fn not_locked(table: &Table, wait: Wait, error: storage::Error) -> Error {
    match error {
        storage::Error::LockNotAvailable if matches!(wait, Wait::No) => {
            let message = format!("could not obtain lock on row in relation \"{}\"", table.name);
            Error::new(SqlState::LOCK_NOT_AVAILABLE, message)
        }
        storage::Error::LockNotAvailable => {
            Error::new(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
        }
        error => error.into(),
    }
}

/// A row's key, computed: the table it may be in, and how it is found there.
pub(crate) struct Reached<'a> {
    pub(crate) table: &'a Table,
    /// The number of the table among the leaves of a partitioned one.
    pub(crate) leaf: Option<usize>,
    /// None is the primary key.
    index: Option<&'a IndexSchema>,
    values: Vec<Value>,
}

/// Computes the key of an access; None if no row can have it.
pub(crate) fn reach<'a>(
    access: &'a Access,
    table: &'a Table,
    partitions: Option<&'a PartitionTree>,
    context: &EvalContext,
) -> Result<Option<Reached<'a>>> {
    let (index, exprs) = match access {
        Access::PrimaryKey(exprs) => (None, exprs),
        Access::Unique { index, key } => (Some(index), key),
    };
    let schema = &table.storage;
    let primary = match &schema.identity {
        storage::RowIdentity::PrimaryKey(positions) => positions.as_slice(),
        storage::RowIdentity::Hidden => &[],
    };
    if index.is_none() && primary.is_empty() {
        return Err(Error::internal("a point plan names a primary key that is not there"));
    }
    let position = |at: usize| index.map_or_else(|| primary[at], |index| index.columns[at].column);
    let Some(values) = key_values(exprs, (0..exprs.len()).map(position), schema, context)? else { return Ok(None) };
    let Some(tree) = partitions else { return Ok(Some(Reached { table, leaf: None, index, values })) };
    let value = |wanted: usize| {
        let at = (0..values.len()).find(|at| position(*at) == wanted);
        at.map_or(&Value::Null, |at| &values[at])
    };
    let Ok(leaf) = tree.place(value) else { return Ok(None) };
    let table: &Table = &tree.leaves()[leaf];
    let index = match index {
        None => None,
        Some(wanted) => Some(index_like(&table.storage, wanted)?),
    };
    Ok(Some(Reached { table, leaf: Some(leaf), index, values }))
}

/// The index of a partition that makes the same columns unique as one of the partitioned table.
fn index_like<'a>(schema: &'a TableSchema, wanted: &IndexSchema) -> Result<&'a IndexSchema> {
    let columns = |index: &IndexSchema| index.columns.iter().map(|column| column.column).collect::<Vec<_>>();
    let same = |index: &&IndexSchema| index.unique && index.condition.is_none() && columns(index) == columns(wanted);
    schema.indexes.iter().find(same).ok_or_else(|| Error::internal("a partition lacks an index of its parent"))
}

impl Reached<'_> {
    /// The row's key; None if an index shows that there is no such row.
    pub(crate) fn find(&self, transaction: &Transaction) -> Result<Option<RowKey>> {
        match self.index {
            None => Ok(Some(primary_key_from(&self.table.storage, &self.values))),
            Some(index) => Ok(transaction.lookup_unique(index, &self.values)?),
        }
    }

    /// Whether a row still has the unique key it was found by: it may have changed between lookup and lock.
    pub(crate) fn matches(&self, row: &StoredRow) -> Result<bool> {
        let Some(index) = self.index else { return Ok(true) };
        for (value, column) in self.values.iter().zip(&index.columns) {
            let current = row.value(&self.table.storage, column.column)?.to_owned();
            if current.is_null() {
                return Ok(false);
            }
            let (mut found, mut wanted) = (Vec::new(), Vec::new());
            storage::key::encode_value(value, &mut wanted);
            storage::key::encode_value(&current, &mut found);
            if found != wanted {
                return Ok(false);
            }
        }
        Ok(true)
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
