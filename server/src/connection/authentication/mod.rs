//! Proof of who the client is. Rules say what is asked for (`access`): a conversation of SASL (`sasl`), with a password
//! or a signed token, or a token in the place of a password (`token`).
//!
//! The conversation is the same whether the user exists or not; so is its length and its error.

mod access;
mod sasl;
mod token;

use std::net::IpAddr;

use auth::{AccessMethod, AuthenticationError};
use bytes::BytesMut;
use engine::{Error, SqlState};

use super::stream::Io;
use super::{Ending, Flow};
use crate::server::Server;
use crate::wire::frontend::{Expected, next_frame};

/// Who wants to log in.
pub(super) struct Attempt<'a> {
    pub(super) server: &'a Server,
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    /// None on a Unix socket.
    pub(super) address: Option<IpAddr>,
    pub(super) process_id: i32,
}

/// Ok means that the client has proved to be the user. AuthenticationOk is left to the caller.
pub(super) async fn authenticate(io: &mut Io, attempt: &Attempt<'_>) -> Flow<()> {
    match access::method(io, attempt)? {
        AccessMethod::Sasl(offer) => sasl::converse(io, attempt, offer).await,
        AccessMethod::Token => token::ask(io, attempt).await,
        AccessMethod::Trust => Ok(()),
        AccessMethod::Reject => Err(Ending::Fatal(access::rejection(io, attempt))),
    }
}

impl Attempt<'_> {
    /// Has the last word on an attempt whose work is done: too many failures make it fail whatever was proved.
    fn settle(&self, is_proven: bool) -> Flow<()> {
        if self.server.database.settle_login(self.user, self.address, is_proven) {
            Ok(())
        } else {
            Err(self.refused(&AuthenticationError::WrongPassword))
        }
    }

    fn refused(&self, error: &AuthenticationError) -> Ending {
        let message = match error {
            // Of a message that is too long PostgreSQL says no more either.
            AuthenticationError::WrongPassword | AuthenticationError::MessageTooLong => {
                format!("password authentication failed for user \"{}\"", self.user)
            }
            other => other.to_string(),
        };
        let report = Error::new(SqlState(error.sql_state()), message);
        Ending::Fatal(match error.detail() {
            Some(detail) => report.with_detail(detail.to_owned()),
            None => report,
        })
    }
}

async fn receive_response(io: &mut Io, expected: Expected) -> Flow<BytesMut> {
    io.flush().await?;
    loop {
        if let Some(frame) = next_frame(&mut io.input, expected).map_err(Ending::Fatal)? {
            return Ok(frame.body);
        }
        if !io.fill().await? {
            return Err(Ending::Closed);
        }
    }
}
