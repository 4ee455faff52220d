//! The extended query protocol: Parse, Bind, Describe, Execute and Close up to a Sync, which alone is followed by
//! ReadyForQuery. An error makes the rest of the batch void.

use std::pin::pin;

use engine::session::{AtOnce, Finished};
use engine::{Error, Result};

use super::result::watched;
use super::{Connection, Flow, Left, State};
use crate::wire::backend;
use crate::wire::frontend::{Bind, Message, Parse, Target};

impl Connection {
    /// Answers a message of a batch, but for an Execute that may have to wait.
    pub(super) fn extended_at_once(&mut self, message: &Message<'_>) -> AtOnce<Flow<()>, Left> {
        self.state = State::Batch;
        let outcome = match message {
            Message::Parse(parse) => self.parse(parse),
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(target) => self.describe(*target),
            Message::Execute { portal, max_rows } => match self.execute_at_once(portal, *max_rows) {
                AtOnce::Done(outcome) => outcome,
                AtOnce::MayWait(left) => return AtOnce::MayWait(left),
            },
            Message::Close(target) => {
                self.close(*target);
                Ok(())
            }
            _ => return AtOnce::MayWait(Left::All),
        };
        AtOnce::Done(match outcome {
            Ok(()) => Ok(()),
            Err(error) => self.fail_batch(&error),
        })
    }

    /// Runs a portal that may have to wait, or goes on with its rows.
    pub(super) async fn run_portal(&mut self, portal: &str, max_rows: usize, left: Left) -> Flow<()> {
        let outcome = match left {
            Left::Rows(cursor) => self.send_rows(cursor).await?,
            _ => self.execute(portal, max_rows).await?,
        };
        match outcome {
            Ok(finished) => self.answer_finished(finished),
            Err(error) => self.fail_batch(&error)?,
        }
        self.relieve().await
    }

    /// Answers an error and voids the rest of the batch.
    pub(super) fn fail_batch(&mut self, error: &Error) -> Flow<()> {
        self.state = State::Skipping;
        self.fail_statement(error)
    }

    /// Ends a batch that has left nothing to write.
    pub(super) fn sync_at_once(&mut self) -> AtOnce<Flow<()>, Left> {
        match self.session.sync_at_once() {
            Some(synced) => self.ready_after(synced),
            None => AtOnce::MayWait(Left::All),
        }
    }

    pub(super) async fn sync(&mut self) -> Flow<()> {
        let synced = watched(&mut self.io, &self.canceller, pin!(self.session.sync())).await;
        if let Err(error) = synced {
            self.fail_statement(&error)?;
        }
        self.ready().await
    }

    fn parse(&mut self, parse: &Parse<'_>) -> Result<()> {
        let types = parse.types();
        self.session.parse(parse.name, parse.sql, types.as_slice())?;
        self.send_notices();
        backend::parse_complete(&mut self.io.output);
        Ok(())
    }

    fn bind(&mut self, bind: &Bind<'_>) -> Result<()> {
        self.session.bind(
            bind.portal,
            bind.statement,
            bind.parameter_formats().as_slice(),
            bind.parameters().as_slice(),
            bind.result_formats().as_slice(),
        )?;
        backend::bind_complete(&mut self.io.output);
        Ok(())
    }

    fn describe(&mut self, target: Target<'_>) -> Result<()> {
        let out = &mut self.io.output;
        let (columns, formats) = match target {
            Target::Statement(name) => {
                let description = self.session.describe_statement(name)?;
                backend::parameter_description(out, &description.parameters);
                (description.columns, None)
            }
            Target::Portal(name) => {
                let description = self.session.describe_portal(name)?;
                (description.columns, Some(description.formats))
            }
        };
        match columns {
            // Formats are not known before Bind: a statement's are told as text.
            Some(columns) => {
                let formats = formats.as_deref().unwrap_or_default();
                let told = backend::row_description(out, &columns, formats, self.session.encoding());
                told.map_err(|error| self.statement_error(error))
            }
            None => {
                backend::no_data(out);
                Ok(())
            }
        }
    }

    /// Runs a portal that has nothing to wait for, and answers it.
    fn execute_at_once(&mut self, portal: &str, max_rows: usize) -> AtOnce<Result<()>, Left> {
        let execution = match self.session.execute_at_once(portal, max_rows) {
            Some(Ok(execution)) => execution,
            Some(Err(error)) => return AtOnce::Done(Err(error)),
            None => return AtOnce::MayWait(Left::All),
        };
        match self.answer_execution_at_once(execution) {
            AtOnce::Done(finished) => AtOnce::Done(finished.map(|finished| self.answer_finished(finished))),
            AtOnce::MayWait(cursor) => AtOnce::MayWait(Left::Rows(cursor)),
        }
    }

    async fn execute(&mut self, portal: &str, max_rows: usize) -> Flow<Result<Finished>> {
        let execution = watched(&mut self.io, &self.canceller, pin!(self.session.execute(portal, max_rows))).await;
        match execution {
            Ok(execution) => self.answer_execution(execution).await,
            Err(error) => Ok(Err(error)),
        }
    }

    fn close(&mut self, target: Target<'_>) {
        match target {
            Target::Statement(name) => self.session.close_statement(name),
            Target::Portal(name) => self.session.close_portal(name),
        }
        backend::close_complete(&mut self.io.output);
    }
}
