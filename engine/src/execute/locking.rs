//! SELECT … FOR UPDATE and its kin through DataFusion: run the query with the rows' identities, lock each row, and start
//! again on a new snapshot if one has changed meanwhile.

use futures::StreamExt;
use storage::{CommitSeq, Isolation, RowKey, Transaction, Value, Wait};

use super::query::{QueryEnvironment, run_relation};
use super::{Rows, point};
use crate::error::{Error, Result, SqlState};
use crate::function::EvalContext;
use crate::plan::relation::{Column, Query};

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
    let mut columns: Vec<Column> = query.outputs.iter().map(|output| output.column).collect();
    let width = columns.len();
    for locking in &query.locking {
        columns.extend([locking.identity.key, locking.identity.version]);
    }
    for _ in 0..RESTARTS_MAX {
        let mut stream = run_relation(&query.relation, &columns, context, transaction.view(), environment)?;
        let mut rows = Vec::new();
        let mut changed = false;
        while let Some(batch) = stream.next().await {
            for mut row in batch?.into_values() {
                let identities = row.split_off(width);
                match lock_all(query, &identities, transaction, wait).await? {
                    Locked::AsRead => rows.push(row),
                    Locked::Skipped => {}
                    Locked::Changed => changed = true,
                }
            }
        }
        if !changed {
            return Ok(Rows::Values(rows));
        }
        transaction.begin_command();
    }
    Err(Error::new(SqlState::SERIALIZATION_FAILURE, "could not lock rows that others keep changing"))
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
        let locked = point::lock(&locking.table, &key, locking.strength, policy, transaction).await?;
        match locked {
            Some(row) if row.seq() == CommitSeq(*version as u64) => {}
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
