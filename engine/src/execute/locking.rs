//! SELECT … FOR UPDATE and its kin through DataFusion: run the query with the rows' identities, lock each row, and start
//! again on a new snapshot if one has changed meanwhile.

use futures::StreamExt;
use storage::{CommitSeq, Isolation, ReadView, RowKey, Transaction, Value, Wait};

use super::query::{QueryEnvironment, run_relation};
use super::{Rows, point, short};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::expr::eval::{NoRow, eval};
use crate::function::{EvalContext, LockedKeys};
use crate::plan::point::is_value;
use crate::plan::relation::{Column, Query, Relation};

/// How often a statement starts again before it gives up: each time, somebody else has got further.
const RESTARTS_MAX: usize = 1000;

/// Runs a query with locking clauses to its end, with all its rows locked.
pub(crate) async fn run(
    query: &Query,
    context: &EvalContext,
    transaction: &mut Transaction,
    environment: &QueryEnvironment,
    wait: Wait,
) -> Result<Rows> {
    for _ in 0..RESTARTS_MAX {
        let mut keys = context.session.cursors.is_noting().then(Vec::new);
        let view = transaction.view();
        if let Some(rows) = attempt(query, context, view, transaction, environment, wait, &mut keys).await? {
            if let Some(keys) = keys {
                context.session.cursors.note_locked(keys);
            }
            return Ok(Rows::Values(rows));
        }
        transaction.begin_command();
    }
    Err(given_up())
}

/// The same for a query within a statement, which sees what the statement sees: `view`, in whose place a newer one comes
/// if a row has changed meanwhile.
pub(super) async fn run_within(
    query: &Query,
    context: &EvalContext,
    view: &mut ReadView,
    transaction: &mut Transaction,
    environment: &QueryEnvironment,
    wait: Wait,
) -> Result<Vec<Vec<Value>>> {
    for _ in 0..RESTARTS_MAX {
        let seen = view.clone();
        if let Some(rows) = attempt(query, context, seen, transaction, environment, wait, &mut None).await? {
            return Ok(rows);
        }
        transaction.renew_snapshot();
        *view = transaction.view();
    }
    Err(given_up())
}

fn given_up() -> Error {
    Error::new(SqlState::SERIALIZATION_FAILURE, "could not lock rows that others keep changing")
}

/// The rows that are in a view, and the keys of those that were locked, if asked; None if one of them has changed since.
async fn attempt(
    query: &Query,
    context: &EvalContext,
    view: ReadView,
    transaction: &mut Transaction,
    environment: &QueryEnvironment,
    wait: Wait,
    keys: &mut Option<LockedKeys>,
) -> Result<Option<Vec<Vec<Value>>>> {
    let (relation, window) = Window::of(&query.relation, context)?;
    let mut taken = Taken { rows: Vec::new(), changed: false, keys: keys.take() };
    if !lock_few(query, context, &view, window, &mut taken, transaction, wait).await? {
        let mut columns: Vec<Column> = query.outputs.iter().map(|output| output.column).collect();
        for locking in &query.locking {
            columns.extend([locking.identity.key, locking.identity.version]);
        }
        let mut stream = run_relation(relation, &columns, context, view, environment)?;
        while taken.rows.len() < window.end
            && let Some(batch) = stream.next().await
        {
            for row in batch?.into_values() {
                if taken.rows.len() >= window.end {
                    break;
                }
                taken.lock(query, row, transaction, wait).await?;
            }
        }
    }
    if taken.changed {
        return Ok(None);
    }
    let mut rows = taken.rows;
    rows.drain(..window.offset.min(rows.len()));
    *keys = taken.keys;
    if let Some(keys) = keys {
        keys.drain(..window.offset.min(keys.len()));
    }
    Ok(Some(rows))
}

/// Locks the rows of a query that finds them by a range of keys. False, and others may be locked, if they are not few.
async fn lock_few(
    query: &Query,
    context: &EvalContext,
    view: &ReadView,
    window: Window,
    taken: &mut Taken,
    transaction: &mut Transaction,
    wait: Wait,
) -> Result<bool> {
    let Some(few) = &query.few else { return Ok(false) };
    let (mut wanted, mut seen) = (window.end, 0);
    loop {
        let Some(rows) = short::run_to_lock(few, context, view, wanted)? else {
            taken.forget();
            return Ok(false);
        };
        let found = rows.len();
        for row in rows.into_iter().skip(seen) {
            if taken.rows.len() < window.end {
                taken.lock(query, row, transaction, wait).await?;
            }
        }
        if taken.rows.len() >= window.end || found < wanted {
            return Ok(true);
        }
        // Some were skipped, for which others may follow.
        seen = found;
        wanted = wanted.saturating_mul(2);
    }
}

/// LIMIT and OFFSET count rows that could be locked, so they are applied after locking.
#[derive(Clone, Copy)]
struct Window {
    offset: usize,
    /// Offset and limit together: rows past it are neither read nor locked.
    end: usize,
}

impl Window {
    fn of<'a>(relation: &'a Relation, context: &EvalContext) -> Result<(&'a Relation, Self)> {
        let Relation::Limit { input, limit, offset, with_ties: false } = relation else {
            return Ok((relation, Self { offset: 0, end: usize::MAX }));
        };
        let count = |expr: &Option<Expr>, state, what: &str| -> Result<Option<usize>> {
            if expr.as_ref().is_some_and(|expr| !is_value(expr)) {
                return Err(Error::unsupported(format_args!("a subquery in {what} beside FOR UPDATE or FOR SHARE")));
            }
            match expr.as_ref().map(|expr| eval(expr, context, &NoRow)).transpose()? {
                None | Some(Value::Null) => Ok(None),
                Some(Value::Int8(count)) => usize::try_from(count)
                    .map(Some)
                    .map_err(|_| Error::new(state, format!("{what} must not be negative"))),
                Some(_) => Err(Error::internal("a row count is no bigint")),
            }
        };
        let offset = count(offset, SqlState::INVALID_ROW_COUNT_IN_OFFSET, "OFFSET")?.unwrap_or(0);
        let limit = count(limit, SqlState::INVALID_ROW_COUNT_IN_LIMIT, "LIMIT")?;
        Ok((input, Self { offset, end: limit.map_or(usize::MAX, |limit| limit.saturating_add(offset)) }))
    }
}

/// Rows that have been locked, in order.
struct Taken {
    rows: Vec<Vec<Value>>,
    /// One had changed since the snapshot.
    changed: bool,
    /// Their keys, if asked.
    keys: Option<LockedKeys>,
}

impl Taken {
    /// Locks what a row stands for, whose identities follow its values.
    async fn lock(
        &mut self,
        query: &Query,
        mut row: Vec<Value>,
        transaction: &mut Transaction,
        wait: Wait,
    ) -> Result<()> {
        tokio::task::consume_budget().await;
        let identities = row.split_off(query.outputs.len());
        match lock_all(query, &identities, transaction, wait).await? {
            Locked::AsRead => {
                if let Some(keys) = &mut self.keys {
                    keys.push(identities.chunks(2).map(key_of).collect());
                }
                self.rows.push(row);
            }
            Locked::Skipped => {}
            Locked::Changed => self.changed = true,
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.rows.clear();
        self.keys = self.keys.take().map(|_| Vec::new());
    }
}

/// The key of a row's identity; None on the empty side of an outer join.
fn key_of(identity: &[Value]) -> Option<RowKey> {
    match identity {
        [Value::Bytea(key), _] => Some(RowKey::from_bytes(key.to_vec().into())),
        _ => None,
    }
}

enum Locked {
    AsRead,
    Skipped,
    /// A newer version than the one read exists, or none any more.
    Changed,
}

/// Locks one result row's tuples, one for each locking clause; a clause's tuple is NULL on the empty side of an outer join.
async fn lock_all(query: &Query, identities: &[Value], transaction: &mut Transaction, wait: Wait) -> Result<Locked> {
    for (locking, identity) in query.locking.iter().zip(identities.chunks(2)) {
        let [Value::Bytea(key), Value::Int8(version)] = identity else { continue };
        let key = RowKey::from_bytes(key.to_vec().into());
        let policy = point::row_wait(locking.wait, wait);
        let leaf = locking.partitions.as_ref().and_then(|tree| Some(&tree.leaves()[tree.leaf_of(key.generation())?]));
        let table = leaf.unwrap_or(&locking.table);
        let locked = point::lock(table, &key, locking.strength, policy, transaction).await?;
        match locked {
            Some(row) if row.is_found(CommitSeq(*version as u64), transaction.snapshot_seq()) => {}
            None if matches!(policy, Wait::Skip) => return Ok(Locked::Skipped),
            // The storage layer has refused already if the level forbids to go on.
            Some(_) | None => {
                debug_assert_eq!(transaction.isolation(), Isolation::ReadCommitted);
                return Ok(Locked::Changed);
            }
        }
    }
    Ok(Locked::AsRead)
}
