//! Running a statement and sending what it gives, as fast as the client reads and no faster.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use engine::session::{Canceller, Cursor, Finished};
use engine::{Error, Result};

use super::stream::{ENOUGH_OUTPUT_BYTES, Io};
use super::{Connection, Flow};
use crate::wire::rows::{RowWriter, check_formats};

/// How long a statement runs before the server looks whether its client is still there. A client that sends a short
/// statement and goes away at once has it run.
const WATCH_AFTER: Duration = Duration::from_millis(500);

/// Runs `work` to its end; if the client goes away meanwhile, cancels it and waits for it to notice.
pub(super) async fn watched<T>(io: &mut Io, canceller: &Canceller, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    // Most work is done at once and needs no clock.
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
    /// Sends a result's rows; the inner error is the statement's.
    pub(super) async fn send_rows(&mut self, mut cursor: Cursor) -> Flow<Result<Finished>> {
        if let Err(error) = check_formats(&cursor.formats) {
            return Ok(Err(self.statement_error(error)));
        }
        loop {
            let rows = match watched(&mut self.io, &self.canceller, self.session.next(&mut cursor)).await {
                Ok(Some(rows)) => rows,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            };
            let mut row = 0;
            while row < rows.len() {
                let writer =
                    RowWriter { columns: &cursor.columns, formats: &cursor.formats, format: self.session.format() };
                row = match writer.write(&mut self.io.output, &rows, row, ENOUGH_OUTPUT_BYTES) {
                    Ok(row) => row,
                    Err(error) => return Ok(Err(self.statement_error(error))),
                };
                self.relieve().await?;
            }
        }
        Ok(watched(&mut self.io, &self.canceller, self.session.finish(cursor)).await)
    }

    /// An error that the server finds in a statement which the engine holds for sound.
    pub(super) fn statement_error(&mut self, error: Error) -> Error {
        self.session.fail();
        error
    }
}
