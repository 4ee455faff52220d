//! Writes of one statement that run together: those of its WITH clause and its own.
//!
//! They all see the state before the statement, and none sees what another writes; a row that one has changed is passed over
//! by the others, as in PostgreSQL. What each returns is there for those that run later. Foreign keys are looked at when
//! all have run.

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt;
use storage::{ReadView, RowKey, Value, Wait};

use super::{Held, Run, Written, rows_of};
use crate::error::Result;
use crate::execute::locking;
use crate::execute::query::{self, QueryEnvironment};
use crate::execute::write::foreign_key::Pending;
use crate::function::EvalContext;
use crate::plan::write::{After, WithWork, WithWrite, Write};

/// What the writes of a statement have in common.
pub(crate) struct Together {
    /// The state before the statement.
    pub(super) view: ReadView,
    /// The rows written so far, under their old keys and their new ones.
    pub(super) touched: HashSet<RowKey>,
}

/// The writes of one statement under way.
pub(crate) struct Writes<'a> {
    pub(crate) writes: &'a [WithWrite],
    pub(crate) context: EvalContext,
    pub(crate) environment: &'a QueryEnvironment,
    pub(crate) wait: Wait,
    together: Together,
    pending: Vec<(&'a Write, Pending)>,
}

impl<'a> Writes<'a> {
    pub(crate) fn new(
        writes: &'a [WithWrite],
        context: &EvalContext,
        environment: &'a QueryEnvironment,
        wait: Wait,
        view: ReadView,
    ) -> Self {
        let context = context.clone();
        let together = Together { view, touched: HashSet::new() };
        Self { writes, context, environment, wait, together, pending: Vec::new() }
    }

    pub(crate) fn view(&self) -> ReadView {
        self.together.view.clone()
    }

    /// Runs what has rows that are read, or the writes that nobody asks.
    pub(crate) async fn run_with(&mut self, named: bool, held: &mut Held<'_>) -> Result<()> {
        let writes = self.writes;
        for with in writes.iter().filter(|with| with.is_named == named) {
            let rows = match &with.work {
                WithWork::Write(write) => self.run(write, held).await?.rows.unwrap_or_default(),
                WithWork::Lock(query) if named => {
                    let view = &mut self.together.view;
                    let transaction = held.transaction();
                    locking::run_within(query, &self.context, view, transaction, self.environment, self.wait).await?
                }
                WithWork::Lock(_) => continue,
            };
            self.keep(with.number, rows);
        }
        Ok(())
    }

    /// Has rows ready for whoever asks for that number.
    fn keep(&mut self, number: usize, rows: Vec<Vec<Value>>) {
        let mut written = self.context.written.to_vec();
        written.resize(written.len().max(number + 1), Arc::default());
        written[number] = Arc::new(rows);
        self.context.written = written.into();
    }

    /// Runs one write among the others.
    pub(crate) async fn run(&mut self, write: &'a Write, held: &mut Held<'_>) -> Result<Written> {
        let mut run = Run {
            write,
            context: &self.context,
            held: held.again(),
            environment: self.environment,
            wait: self.wait,
            written: Written { count: 0, rows: rows_of(write) },
            pending: Pending::default(),
            together: Some(&mut self.together),
        };
        run.all_rows().await?;
        let (mut written, pending) = (run.written, run.pending);
        self.pending.push((write, pending));
        if let Some(After { number, query }) = write.returning.as_ref().and_then(|returning| returning.after.as_ref()) {
            self.keep(*number, written.rows.take().unwrap_or_default());
            let mut stream = query::run(query, &self.context, self.view(), self.environment)?;
            let mut rows = Vec::new();
            while let Some(batch) = stream.next().await {
                rows.extend(batch?.into_values());
            }
            written.rows = Some(rows);
        }
        Ok(written)
    }

    /// All have run: looks at what had to wait for that.
    pub(crate) async fn finish(self, held: &mut Held<'_>) -> Result<()> {
        for (write, pending) in self.pending {
            let mut run = Run {
                write,
                context: &self.context,
                held: held.again(),
                environment: self.environment,
                wait: self.wait,
                written: Written::default(),
                pending,
                together: None,
            };
            run.check_pending().await?;
        }
        Ok(())
    }
}

impl Run<'_> {
    /// The state that the write reads.
    pub(super) fn view(&self) -> ReadView {
        self.together.as_ref().map_or_else(|| self.held.seen().view(), |together| together.view.clone())
    }

    /// A newer state to begin again with, because somebody else has changed a row meanwhile.
    pub(super) fn renew_view(&mut self) {
        match &mut self.together {
            None => self.held.transaction().begin_command(),
            Some(together) => {
                self.held.transaction().renew_snapshot();
                together.view = self.held.seen().view();
            }
        }
    }

    /// Whether another write of the statement, or this one, has changed the row already.
    pub(super) fn is_touched(&self, key: &RowKey) -> bool {
        self.together.as_ref().is_some_and(|together| together.touched.contains(key))
    }

    pub(super) fn touch(&mut self, key: &RowKey) {
        if let Some(together) = &mut self.together {
            together.touched.insert(key.clone());
        }
    }
}
