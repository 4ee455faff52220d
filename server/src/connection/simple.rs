//! The simple query protocol: one text of any number of statements, each answered in full before the next.

use engine::session::{Execution, Finished};
use engine::{Error, Result};

use super::result::watched;
use super::{Connection, Flow};
use crate::wire::backend;

impl Connection {
    pub(super) async fn query(&mut self, sql: &str) -> Flow<()> {
        let outcome = self.run_script(sql).await?;
        let end = watched(&mut self.io, &self.canceller, self.session.end_script()).await;
        // The first error is the one that counts: what follows from it says nothing new.
        if let Err(error) = outcome.and(end) {
            self.fail_statement(&error)?;
        }
        self.ready().await
    }

    /// Runs statements up to the first error.
    async fn run_script(&mut self, sql: &str) -> Flow<Result<()>> {
        let mut script = match self.session.script(sql) {
            Ok(script) => script,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            let execution = match watched(&mut self.io, &self.canceller, self.session.run_next(&mut script)).await {
                Ok(Some(execution)) => execution,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            };
            if let Err(error) = self.answer_statement(execution).await? {
                return Ok(Err(error));
            }
            self.relieve().await?;
        }
    }

    async fn answer_statement(&mut self, execution: Execution) -> Flow<Result<()>> {
        let tag = match execution {
            Execution::Empty => {
                backend::empty_query_response(&mut self.io.output);
                return Ok(Ok(()));
            }
            Execution::Complete(tag) => Ok(tag),
            Execution::Rows(cursor) => {
                backend::row_description(&mut self.io.output, &cursor.columns, &cursor.formats);
                self.send_rows(cursor).await?.and_then(|finished| match finished {
                    Finished::Complete(tag) => Ok(tag),
                    Finished::Suspended => Err(Error::internal("a result without a row limit was suspended")),
                })
            }
            Execution::CopyIn(copy) => self.copy_in(*copy).await?,
            Execution::CopyOut(copy) => self.copy_out(copy).await?,
        };
        Ok(tag.map(|tag| {
            self.send_notices();
            backend::command_complete(&mut self.io.output, &tag);
        }))
    }
}
