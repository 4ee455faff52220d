//! The simple query protocol: one text of any number of statements, each answered in full before the next.

use std::pin::pin;

use engine::Result;
use engine::session::{AtOnce, Cursor, Execution, Script};

use super::result::watched;
use super::stream::ENOUGH_OUTPUT_BYTES;
use super::{Connection, Flow, Left};
use crate::wire::backend;

impl Connection {
    /// Answers a simple query as far as nothing has to be waited for.
    pub(super) fn query_at_once(&mut self, sql: &str) -> AtOnce<Flow<()>, Left> {
        let mut script = match self.session.script(sql) {
            Ok(script) => script,
            Err(error) => return self.ready_after(Err(error)),
        };
        while self.io.output.len() < ENOUGH_OUTPUT_BYTES
            && let Some(execution) = self.session.run_next_at_once(&mut script)
        {
            let execution = match execution {
                Ok(execution) => execution,
                Err(error) => return self.ready_after(Err(error)),
            };
            if let Err(error) = self.describe_rows(&execution) {
                return self.ready_after(Err(error));
            }
            match self.answer_execution_at_once(execution) {
                AtOnce::Done(Ok(finished)) => self.answer_finished(finished),
                AtOnce::Done(Err(error)) => return self.ready_after(Err(error)),
                AtOnce::MayWait(cursor) => return AtOnce::MayWait(Left::Script(script, Some(cursor))),
            }
        }
        let ended = if script.is_done() { self.session.sync_at_once() } else { None };
        match ended {
            Some(ended) => self.ready_after(ended),
            None => AtOnce::MayWait(Left::Script(script, None)),
        }
    }

    /// Answers what is left of a simple query, after the rows of a statement that has run already.
    pub(super) async fn query(&mut self, mut script: Script, begun: Option<Cursor>) -> Flow<()> {
        let begun = match begun {
            Some(cursor) => self.send_rows(cursor).await?.map(|finished| self.answer_finished(finished)),
            None => Ok(()),
        };
        let outcome = match begun {
            Ok(()) => self.run_script(&mut script).await?,
            Err(error) => Err(error),
        };
        let end = watched(&mut self.io, &self.canceller, pin!(self.session.end_script())).await;
        // The first error is the one that counts: what follows from it says nothing new.
        if let Err(error) = outcome.and(end) {
            self.fail_statement(&error)?;
        }
        self.ready().await
    }

    /// Runs statements up to the first error.
    async fn run_script(&mut self, script: &mut Script) -> Flow<Result<()>> {
        loop {
            let execution = watched(&mut self.io, &self.canceller, pin!(self.session.run_next(script))).await;
            let execution = match execution {
                Ok(Some(execution)) => execution,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            };
            if let Err(error) = self.describe_rows(&execution) {
                return Ok(Err(error));
            }
            match self.answer_execution(execution).await? {
                Ok(finished) => self.answer_finished(finished),
                Err(error) => return Ok(Err(error)),
            }
            self.relieve().await?;
        }
    }

    /// In this protocol nobody asks what columns a result has.
    fn describe_rows(&mut self, execution: &Execution) -> Result<()> {
        let Execution::Rows(cursor) = execution else { return Ok(()) };
        let (out, encoding) = (&mut self.io.output, self.session.encoding());
        let described = backend::row_description(out, &cursor.columns, &cursor.formats, encoding);
        described.map_err(|error| self.statement_error(error))
    }
}
