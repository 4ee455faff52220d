//! Live cursors: the rows of a query, and from then on what changes of them, for clients that cannot wait for notifications.
//!
//! The first rows are computed when the cursor is declared and kept until they are fetched; changes wait in an outbox of the
//! cursor's own. It outlives its transaction if that commits, and is no part of any other: FETCH begins none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use storage::{CommitSeq, Value};

use super::{CursorRows, Declared, Fetched, Session, duplicate_cursor, no_cursor};
use crate::error::{Error, Result, SqlState};
use crate::execute::{RowStream, Rows};
use crate::function::CursorFacts;
use crate::live::{Form, Op, PulledRows, RowForm, prefix};
use crate::plan::ColumnDescription;
use crate::session::cancel::Interrupt;
use crate::session::cursor::{RowSource, Tag};
use crate::session::live::{Begun, live_columns};
use crate::session::prepared::Prepared;
use crate::session::run::Outcome;
use crate::statement::{Declaration, LiveStatement, Motion};

/// Most memory that the first rows of one cursor may take.
const FIRST_BYTES_MAX: usize = 64 << 20;

/// What a live cursor fetches from.
#[derive(Debug)]
pub(super) struct LiveCursor {
    /// Rows of the beginning, which are followed by changes.
    first: FirstRows,
    pulled: PulledRows,
}

/// The rows of the beginning that have not been fetched.
struct FirstRows {
    runs: VecDeque<(Op, Rows)>,
    /// The commit whose answer they are.
    seq: CommitSeq,
    memory: MemoryReservation,
}

impl std::fmt::Debug for FirstRows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FirstRows")
            .field("runs", &self.runs.len())
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl FirstRows {
    fn new(seq: CommitSeq, memory: MemoryReservation) -> Self {
        Self { runs: VecDeque::new(), seq, memory }
    }

    /// A row without values.
    fn push_word(&mut self, op: Op, form: &RowForm) {
        self.runs.push_back((op, Rows::Values(vec![vec![Value::Null; form.width()]])));
    }

    async fn gather(&mut self, mut rows: RowStream) -> Result<()> {
        while let Some(rows) = rows.next().await {
            let rows = rows?;
            let bytes = rows.bytes();
            if self.memory.size() + bytes > FIRST_BYTES_MAX || self.memory.try_grow(bytes).is_err() {
                let message = "the first rows of a live cursor do not fit in memory";
                return Err(Error::new(SqlState::OUT_OF_MEMORY, message).with_hint(
                    "COPY (LIVE SELECT ...) TO STDOUT keeps no rows, and LIVE (initial = false) has none.",
                ));
            }
            if !rows.is_empty() {
                self.runs.push_back((Op::Insert, rows));
            }
        }
        Ok(())
    }

    /// Up to `max` rows, in order.
    fn take(&mut self, max: usize) -> Vec<Rows> {
        let (mut taken, mut left) = (Vec::new(), max);
        while left > 0
            && let Some((op, rows)) = self.runs.pop_front()
        {
            let (now, later) = rows.split(left);
            left -= now.len();
            taken.push(live_rows(op, self.seq, now));
            if let Some(later) = later {
                self.runs.push_front((op, later));
            }
        }
        if self.runs.is_empty() {
            self.memory.free();
        }
        taken
    }
}

/// Rows of an answer with `_op` and `_seq` before their own values.
pub(in crate::session) fn live_rows(op: Op, seq: CommitSeq, rows: Rows) -> Rows {
    let rows = rows.into_values().into_iter();
    Rows::Values(rows.map(|row| prefix(op, seq).into_iter().chain(row).collect()).collect())
}

impl LiveCursor {
    /// Up to `max` rows. Waits for one if there is none, though no longer than it is told to.
    async fn fetch(&mut self, max: usize, timeout: Option<Duration>) -> Result<Vec<Rows>> {
        if self.first.runs.is_empty() {
            self.pulled.caught_up().await;
            match timeout {
                None => self.pulled.filled().await?,
                Some(timeout) => match tokio::time::timeout(timeout, self.pulled.filled()).await {
                    Ok(filled) => filled?,
                    Err(_) => return Ok(Vec::new()),
                },
            }
        }
        let mut taken = self.first.take(max);
        let left = max - taken.iter().map(Rows::len).sum::<usize>();
        if taken.is_empty() {
            taken.push(Rows::Values(self.pulled.take(left)?));
        } else if left > 0
            && let Ok(changes) = self.pulled.take(left)
        {
            // An error comes again with the next FETCH.
            taken.push(Rows::Values(changes));
        }
        Ok(taken)
    }
}

impl Session {
    pub(super) async fn declare_live(
        &mut self,
        declaration: &Declaration,
        live: &LiveStatement,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let name = &declaration.name;
        if self.cursors.contains_key(name) || self.portals.contains_key(name) {
            return Err(duplicate_cursor(name));
        }
        if declaration.scroll == Some(true) || declaration.insensitive {
            let word = if declaration.insensitive { "INSENSITIVE" } else { "SCROLL" };
            return Err(Error::unsupported(format!("DECLARE {word} CURSOR ... FOR LIVE")));
        }
        let begun = Box::pin(self.prepare_live(live, prepared, params, (Form::Rows, Some(name.as_str())), interrupt));
        let Begun { columns, source, joining } = begun.await?;
        // Rows wait here until they are fetched, and may be over by then.
        if let Some(stream) = joining.plan.stream() {
            return Err(Error::unsupported(format!("a cursor over stream table \"{}\"", stream.name)));
        }
        let form = joining.plan.row_form().cloned().ok_or_else(|| Error::internal("rows are asked for in no form"))?;
        let mut first = FirstRows::new(joining.from, self.database.query_environment().reservation("live cursor"));
        if joining.reset {
            first.push_word(Op::Reset, &form);
        }
        interrupt.guard(first.gather(source.into_stream())).await?;
        first.push_word(Op::Ready, &form);
        let pulled =
            PulledRows::new(self.database.live(), self.database.store(), form, joining.follower.outbox.clone());
        let follow = async {
            pulled.follow(joining).await;
            Ok(())
        };
        interrupt.guard(follow).await?;
        let columns: Arc<[ColumnDescription]> = live_columns(&columns);
        let facts = CursorFacts {
            locked: None,
            is_held: false,
            name: name.clone(),
            statement: prepared.text.clone(),
            is_holdable: true,
            is_binary: declaration.binary,
            is_scrollable: false,
            created_at: self.database.now(),
        };
        let level = Some(self.state.open().map_or(0, |open| open.savepoints.len()));
        let rows = CursorRows::Live(Box::new(LiveCursor { first, pulled }));
        let (formats, tag) = (Arc::from([]), Tag::Counted("SELECT"));
        self.cursors.insert(name.clone(), Declared { facts, columns, level, formats, tag, rows });
        self.tell_cursors();
        Ok(Outcome::Complete("DECLARE CURSOR".to_owned()))
    }

    pub(super) async fn fetch_live(&mut self, name: &str, what: Fetched, interrupt: &Interrupt) -> Result<Outcome> {
        if what.moves {
            return Err(Error::unsupported("MOVE in a live cursor"));
        }
        let max = match what.motion {
            Motion::Forward(None) => usize::MAX,
            Motion::Forward(Some(count)) if count > 0 => usize::try_from(count).unwrap_or(usize::MAX),
            Motion::Forward(Some(0)) | Motion::Relative(0) | Motion::Backward(Some(0)) => {
                return Err(Error::unsupported("FETCH of the current row of a live cursor"));
            }
            Motion::Relative(1) => 1,
            _ => {
                let message = "cursor can only scan forward";
                return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
            }
        };
        let cursor = self.cursors.get_mut(name).ok_or_else(|| no_cursor(name))?;
        let columns = cursor.columns.clone();
        let CursorRows::Live(live) = &mut cursor.rows else { return Err(Error::internal("a live cursor is none")) };
        let fetched = interrupt.guard(live.fetch(max, what.timeout)).await;
        if fetched.is_err() && live.pulled.has_ended() {
            self.cursors.remove(name);
            self.tell_cursors();
        }
        let source = RowSource::Stream(Box::pin(futures::stream::iter(fetched?.into_iter().map(Ok))));
        Ok(Outcome::Rows { columns, source, tag: Tag::Counted("FETCH") })
    }
}
