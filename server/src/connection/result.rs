//! Running a statement and sending what it gives, as fast as the client reads and no faster.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use engine::execute::Rows;
use engine::session::{AtOnce, Canceller, Cursor, Execution, Finished};
use engine::{Error, Result};

use super::stream::{ENOUGH_OUTPUT_BYTES, Io};
use super::{Connection, Flow};
use crate::wire::backend;
use crate::wire::rows::{RowWriter, check_formats};

/// How long a statement runs before the server looks whether its client is still there. A client that sends a short
/// statement and goes away at once has it run.
const WATCH_AFTER: Duration = Duration::from_millis(500);

/// Most rows that are written without a look at whether the client takes them.
const ROWS_AT_ONCE_MAX: usize = 128;

/// Runs `work` to its end; if the client goes away meanwhile, cancels it and waits for it to notice.
pub(super) async fn watched<T>(io: &mut Io, canceller: &Canceller, mut work: Pin<&mut impl Future<Output = T>>) -> T {
    // Most work is done soon and needs no clock.
    if let Poll::Ready(result) = futures::poll!(work.as_mut()) {
        return result;
    }
    tokio::select! {
        biased;
        result = work.as_mut() => return result,
        () = tokio::time::sleep(WATCH_AFTER) => {}
    }
    tokio::select! {
        biased;
        result = work.as_mut() => return result,
        () = io.closed() => {}
    }
    tracing::info!("a client has gone away while its statement ran");
    canceller.cancel();
    work.await
}

impl Connection {
    /// Answers what a statement gave if there is nothing to wait for. Rows that are many, or not all there, come back.
    pub(super) fn answer_execution_at_once(&mut self, execution: Execution) -> AtOnce<Result<Finished>, Cursor> {
        AtOnce::Done(match execution {
            Execution::Rows(cursor) => return self.send_rows_at_once(cursor),
            Execution::Complete(tag) => Ok(Finished::Complete(tag)),
            Execution::Empty => Ok(Finished::Empty),
            Execution::CopyIn(_) | Execution::CopyOut(_) => Err(Error::internal("a COPY has begun at once")),
        })
    }

    /// Answers what a statement gave; the inner error is the statement's.
    pub(super) async fn answer_execution(&mut self, execution: Execution) -> Flow<Result<Finished>> {
        // What was said while it ran comes before its rows.
        self.send_notices();
        Ok(match execution {
            Execution::Empty => Ok(Finished::Empty),
            Execution::Complete(tag) => Ok(Finished::Complete(tag)),
            Execution::Rows(cursor) => match self.send_rows_at_once(cursor) {
                AtOnce::Done(finished) => finished,
                AtOnce::MayWait(cursor) => Box::pin(self.send_rows(cursor)).await?,
            },
            Execution::CopyIn(copy) => Box::pin(self.copy_in(*copy)).await?.map(Finished::Complete),
            Execution::CopyOut(copy) => Box::pin(self.copy_out(copy)).await?.map(Finished::Complete),
        })
    }

    /// Ends the answer to a statement.
    pub(super) fn answer_finished(&mut self, finished: Finished) {
        self.send_notices();
        match finished {
            Finished::Empty => backend::empty_query_response(&mut self.io.output),
            Finished::Suspended => backend::portal_suspended(&mut self.io.output),
            Finished::Complete(tag) => backend::command_complete(&mut self.io.output, &tag),
        }
    }

    /// Sends a result's rows; the inner error is the statement's.
    pub(super) async fn send_rows(&mut self, mut cursor: Cursor) -> Flow<Result<Finished>> {
        if let Err(error) = check_formats(&cursor.formats) {
            return Ok(Err(self.statement_error(error)));
        }
        loop {
            let rows = match watched(&mut self.io, &self.canceller, pin!(self.session.next(&mut cursor))).await {
                Ok(Some(rows)) => rows,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            };
            let mut row = 0;
            while row < rows.len() {
                row = match self.write_rows(&cursor, &rows, row, ENOUGH_OUTPUT_BYTES) {
                    Ok(row) => row,
                    Err(error) => return Ok(Err(error)),
                };
                self.relieve().await?;
            }
        }
        Ok(watched(&mut self.io, &self.canceller, pin!(self.session.finish(cursor))).await)
    }

    /// [`Connection::send_rows`] for a few rows that are all there. Otherwise the cursor comes back, to be gone on with.
    pub(super) fn send_rows_at_once(&mut self, mut cursor: Cursor) -> AtOnce<Result<Finished>, Cursor> {
        if cursor.rows_ready().is_none_or(|rows| rows > ROWS_AT_ONCE_MAX) {
            return AtOnce::MayWait(cursor);
        }
        if let Err(error) = check_formats(&cursor.formats) {
            return AtOnce::Done(Err(self.statement_error(error)));
        }
        while let Some(Some(rows)) = cursor.next_at_once() {
            if let Err(error) = self.write_rows(&cursor, &rows, 0, usize::MAX) {
                return AtOnce::Done(Err(error));
            }
        }
        self.session.finish_at_once(cursor)
    }

    /// Writes rows from one on until the output holds so many bytes; answers where to go on.
    fn write_rows(&mut self, cursor: &Cursor, rows: &Rows, row: usize, enough_bytes: usize) -> Result<usize> {
        let writer = RowWriter { columns: &cursor.columns, formats: &cursor.formats, format: self.session.format() };
        let written = writer.write(&mut self.io.output, rows, row, enough_bytes);
        written.map_err(|error| self.statement_error(error))
    }

    /// An error that the server finds in a statement which the engine holds for sound.
    pub(super) fn statement_error(&mut self, error: Error) -> Error {
        self.session.fail();
        error
    }
}
