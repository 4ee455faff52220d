//! The extended query protocol: Parse, Bind, Describe, Execute and Close up to a Sync, which alone is followed by
//! ReadyForQuery. An error makes the rest of the batch void.

use engine::session::{Execution, Finished};
use engine::{Error, Result};

use super::result::watched;
use super::{Connection, Flow, State};
use crate::wire::backend;
use crate::wire::frontend::{Bind, Message, Parse, Target};

impl Connection {
    /// Answers one message of a batch.
    pub(super) async fn extended(&mut self, message: Message<'_>) -> Flow<()> {
        self.state = State::Batch;
        let outcome = match message {
            Message::Parse(parse) => self.parse(&parse).await,
            Message::Bind(bind) => self.bind(&bind),
            Message::Describe(target) => self.describe(target).await,
            Message::Execute { portal, max_rows } => self.execute(portal, max_rows).await?,
            Message::Close(target) => {
                self.close(target);
                Ok(())
            }
            // The other messages are not answered here.
            _ => Ok(()),
        };
        if let Err(error) = outcome {
            self.fail_batch(&error)?;
        }
        self.relieve().await
    }

    /// Answers an error and voids the rest of the batch.
    pub(super) fn fail_batch(&mut self, error: &Error) -> Flow<()> {
        self.state = State::Skipping;
        self.fail_statement(error)
    }

    pub(super) async fn sync(&mut self) -> Flow<()> {
        if let Err(error) = watched(&mut self.io, &self.canceller, self.session.sync()).await {
            self.fail_statement(&error)?;
        }
        self.ready().await
    }

    async fn parse(&mut self, parse: &Parse<'_>) -> Result<()> {
        let types = parse.types();
        watched(&mut self.io, &self.canceller, self.session.parse(parse.name, parse.sql, types.as_slice())).await?;
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

    async fn describe(&mut self, target: Target<'_>) -> Result<()> {
        let out = &mut self.io.output;
        let (columns, formats) = match target {
            Target::Statement(name) => {
                let description = self.session.describe_statement(name).await?;
                backend::parameter_description(out, &description.parameters);
                (description.columns, None)
            }
            Target::Portal(name) => {
                let description = self.session.describe_portal(name).await?;
                (description.columns, Some(description.formats))
            }
        };
        match columns {
            // Formats are not known before Bind: a statement's are told as text.
            Some(columns) => backend::row_description(out, &columns, formats.as_deref().unwrap_or_default()),
            None => backend::no_data(out),
        }
        Ok(())
    }

    async fn execute(&mut self, portal: &str, max_rows: usize) -> Flow<Result<()>> {
        let execution = match watched(&mut self.io, &self.canceller, self.session.execute(portal, max_rows)).await {
            Ok(execution) => execution,
            Err(error) => return Ok(Err(error)),
        };
        let tag = match execution {
            Execution::Empty => {
                backend::empty_query_response(&mut self.io.output);
                return Ok(Ok(()));
            }
            Execution::Complete(tag) => Ok(tag),
            Execution::Rows(cursor) => match self.send_rows(cursor).await? {
                Ok(Finished::Suspended) => {
                    self.send_notices();
                    backend::portal_suspended(&mut self.io.output);
                    return Ok(Ok(()));
                }
                Ok(Finished::Complete(tag)) => Ok(tag),
                Err(error) => Err(error),
            },
            Execution::CopyIn(copy) => self.copy_in(*copy).await?,
            Execution::CopyOut(copy) => self.copy_out(copy).await?,
        };
        Ok(tag.map(|tag| {
            self.send_notices();
            backend::command_complete(&mut self.io.output, &tag);
        }))
    }

    fn close(&mut self, target: Target<'_>) {
        match target {
            Target::Statement(name) => self.session.close_statement(name),
            Target::Portal(name) => self.session.close_portal(name),
        }
        backend::close_complete(&mut self.io.output);
    }
}
