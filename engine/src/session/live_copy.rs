//! COPY (LIVE SELECT …) TO STDOUT: the rows of a query, and then, without an end, what changes of them.
//!
//! The transaction of the first rows ends with them. What changes waits in an outbox, within bounds, while the client reads
//! slowly: beyond them the COPY ends with an error, and no commit ever waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use storage::{CommitSeq, Value};

use super::Session;
use super::cancel::Interrupt;
use super::copy::CopyOut;
use super::declared::live_rows;
use super::live::{Begun, live_columns};
use super::prepared::Prepared;
use super::run::Outcome;
use crate::error::{Error, Result};
use crate::execute::copy::{Export, Layout};
use crate::execute::{RowStream, Rows};
use crate::live::{Form, Joining, Op, PulledRows};
use crate::statement::{CopyDirection, CopyOptions, LiveStatement, Statement};

/// Rows of changes that are sent together at most.
const ROWS_AT_ONCE: usize = 1024;

/// What a COPY has to know of the live query that it sends.
#[derive(Debug)]
pub(super) struct LiveCopy {
    /// Set once the first rows have been read.
    is_answered: Arc<AtomicBool>,
    has_ended_transaction: bool,
}

impl LiveCopy {
    /// True once, when the first rows have been read.
    pub(super) fn is_to_end_transaction(&mut self) -> bool {
        self.is_answered.load(Ordering::Acquire) && !std::mem::replace(&mut self.has_ended_transaction, true)
    }
}

/// The rows that are sent, one stage after the other.
struct LiveStream {
    stage: Stage,
    width: usize,
    from: CommitSeq,
    joining: Option<Box<Joining>>,
    pulled: PulledRows,
    is_answered: Arc<AtomicBool>,
}

enum Stage {
    /// What the client had is of no use.
    Reset(RowStream),
    First(RowStream),
    Changes,
}

impl Session {
    pub(super) async fn start_live_copy(
        &mut self,
        live: &LiveStatement,
        options: &CopyOptions,
        text: &Arc<str>,
        interrupt: Interrupt,
    ) -> Result<Outcome> {
        let statement = Statement::Live(Box::new(live.clone()));
        let prepared = Arc::new(Prepared::new(text.clone(), Some(statement), Vec::new()));
        let begun = Box::pin(self.prepare_live(live, &prepared, Arc::from([]), (Form::Rows, None), &interrupt));
        let Begun { columns, source, joining } = begun.await?;
        let columns = live_columns(&columns);
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let words: Vec<&str> = names.iter().map(String::as_str).collect();
        let layout = Layout::new(options, CopyDirection::To, &words, self.encoding())?;
        let types = columns.iter().map(|column| column.ty.oid).collect();
        let form = joining.plan.row_form().cloned().ok_or_else(|| Error::internal("rows are asked for in no form"))?;
        let outbox = joining.follower.outbox.clone();
        let is_answered = Arc::new(AtomicBool::new(false));
        let first = source.into_stream();
        let stream = LiveStream {
            stage: if joining.reset { Stage::Reset(first) } else { Stage::First(first) },
            width: form.width(),
            from: joining.from,
            joining: Some(Box::new(joining)),
            pulled: PulledRows::new(self.database.live(), self.database.store(), form, outbox),
            is_answered: is_answered.clone(),
        };
        let rows: RowStream = Box::pin(futures::stream::try_unfold(stream, |mut stream| async move {
            let rows = stream.next().await?;
            Ok(Some((rows, stream)))
        }));
        let export = Export::new(rows, layout, self.format().clone(), types, names);
        let live = LiveCopy { is_answered, has_ended_transaction: false };
        Ok(Outcome::CopyOut(Box::new(CopyOut::new(export, interrupt, Some(live)))))
    }
}

impl LiveStream {
    async fn next(&mut self) -> Result<Rows> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Changes) {
                Stage::Reset(first) => {
                    self.stage = Stage::First(first);
                    return Ok(self.word(Op::Reset));
                }
                Stage::First(mut first) => match first.next().await {
                    Some(rows) => {
                        let rows = rows?;
                        self.stage = Stage::First(first);
                        if !rows.is_empty() {
                            return Ok(live_rows(Op::Insert, self.from, rows));
                        }
                    }
                    None => {
                        drop(first);
                        self.is_answered.store(true, Ordering::Release);
                        return Ok(self.word(Op::Ready));
                    }
                },
                Stage::Changes => {
                    if let Some(joining) = self.joining.take() {
                        self.pulled.follow(*joining).await;
                    }
                    self.pulled.filled().await?;
                    return Ok(Rows::Values(self.pulled.take(ROWS_AT_ONCE)?));
                }
            }
        }
    }

    /// A row without values.
    fn word(&self, op: Op) -> Rows {
        live_rows(op, self.from, Rows::Values(vec![vec![Value::Null; self.width]]))
    }
}
