//! COPY between a table and the client: data comes or goes in messages of its own.

use std::pin::pin;

use engine::session::{CopyIn, CopyOut};
use engine::{Error, Result, SqlState};

use super::result::watched;
use super::{Connection, Ending, Flow, State};
use crate::wire::backend::{self, CopyDirection};
use crate::wire::frontend::{Expected, Frame, Message, next_frame, take_copy_data};

/// About how much of a client's data is taken at a time.
const COPY_DATA_BYTES: usize = 64 << 10;

impl Connection {
    /// COPY … FROM STDIN: takes the client's data to its end; the inner result is the command tag.
    pub(super) async fn copy_in(&mut self, copy: CopyIn) -> Flow<Result<String>> {
        self.send_notices();
        backend::copy_response(&mut self.io.output, CopyDirection::In, copy.columns(), copy.is_binary());
        let before = std::mem::replace(&mut self.state, State::CopyIn);
        // A request that came before there was anything to cancel is forgotten.
        self.registration.take_cancel_request();
        let outcome = self.take_copy_data(copy).await?;
        self.state = before;
        Ok(outcome)
    }

    async fn take_copy_data(&mut self, mut copy: CopyIn) -> Flow<Result<String>> {
        let mut data = Vec::new();
        loop {
            // Clients send a message for each row; many are cheaper to take than one by one.
            data.clear();
            take_copy_data(&mut self.io.input, &mut data, COPY_DATA_BYTES);
            if !data.is_empty() {
                let work = pin!(self.session.copy_data(&mut copy, &data));
                let taken = watched(&mut self.io, &self.canceller, work).await;
                if let Err(error) = taken {
                    return Ok(Err(error));
                }
                continue;
            }
            let Some(mut frame) = self.receive_copy_message().await? else {
                // Taking nothing is enough to notice the request.
                match self.session.copy_data(&mut copy, &[]).await {
                    Ok(()) => continue,
                    Err(error) => return Ok(Err(error)),
                }
            };
            match frame.decode_text(self.session.encoding()).and_then(|()| Message::decode(&frame)) {
                Ok(Message::CopyData(data)) => {
                    let work = pin!(self.session.copy_data(&mut copy, data));
                    let taken = watched(&mut self.io, &self.canceller, work).await;
                    if let Err(error) = taken {
                        return Ok(Err(error));
                    }
                }
                Ok(Message::CopyDone) => {
                    return Ok(watched(&mut self.io, &self.canceller, pin!(self.session.copy_done(copy))).await);
                }
                Ok(Message::CopyFail(message)) => return Ok(Err(self.session.copy_fail(copy, message).await)),
                // Clients send these ahead of time.
                Ok(Message::Flush | Message::Sync) => {}
                Ok(_) => {
                    let message = format!("unexpected message type 0x{:02X} during COPY from stdin", frame.kind);
                    let error = Error::new(SqlState::PROTOCOL_VIOLATION, message).with_context(copy.place());
                    self.fail_statement(&error)?;
                    return Err(Ending::Fatal(Error::new(
                        SqlState::PROTOCOL_VIOLATION,
                        "terminating connection because protocol synchronization was lost",
                    )));
                }
                Err(error) => return Ok(Err(self.statement_error(error))),
            }
        }
    }

    /// The next message of a client that sends data; None when it wants the COPY cancelled instead.
    async fn receive_copy_message(&mut self) -> Flow<Option<Frame>> {
        loop {
            if let Some(frame) = next_frame(&mut self.io.input, Expected::Command).map_err(Ending::Fatal)? {
                return Ok(Some(frame));
            }
            self.io.flush().await?;
            self.wait().await?;
            if self.registration.take_cancel_request() {
                return Ok(None);
            }
        }
    }

    /// COPY … TO STDOUT: sends the data, a message for each row; the inner result is the command tag.
    pub(super) async fn copy_out(&mut self, mut copy: CopyOut) -> Flow<Result<String>> {
        self.send_notices();
        backend::copy_response(&mut self.io.output, CopyDirection::Out, copy.columns(), copy.is_binary());
        loop {
            if copy.may_wait() {
                self.io.flush().await?;
            }
            match watched(&mut self.io, &self.canceller, pin!(self.session.copy_next(&mut copy))).await {
                Ok(Some(row)) => backend::copy_data(&mut self.io.output, &row),
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            }
            self.relieve().await?;
        }
        backend::copy_done(&mut self.io.output);
        Ok(watched(&mut self.io, &self.canceller, pin!(self.session.copy_finish(copy))).await)
    }
}
