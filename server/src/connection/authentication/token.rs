//! A signed token, as the password that a client is asked for under TLS or in a message of OAUTHBEARER.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::{Admission, Error, SqlState};

use super::{Attempt, receive_response};
use crate::connection::stream::Io;
use crate::connection::{Ending, Flow};
use crate::wire::backend;
use crate::wire::frontend::Expected;

/// Asks for a password, which must be a token. Rules allow this only where it cannot be overheard.
pub(super) async fn ask(io: &mut Io, attempt: &Attempt<'_>) -> Flow<()> {
    if !io.stream.is_tls() {
        return Err(Ending::Fatal(Error::internal("a token must not be asked for in the clear")));
    }
    backend::authentication_cleartext_password(&mut io.output);
    let body = receive_response(io, Expected::Password).await?;
    // The text ends with its only zero byte.
    let Some((0, token)) = body.split_last().filter(|(_, token)| !token.contains(&0)) else {
        return Err(Ending::Fatal(Error::new(SqlState::PROTOCOL_VIOLATION, "invalid password packet size")));
    };
    if attempt.believes(token).await? {
        return Ok(());
    }
    Err(attempt.refused(&auth::AuthenticationError::WrongPassword))
}

impl Attempt<'_> {
    /// Whether a token is believed and speaks of the user, who is made if that is allowed. Why not is for the log.
    pub(super) async fn believes(&self, token: &[u8]) -> Flow<bool> {
        let Some(tokens) = &self.server.tokens else { return Ok(false) };
        let database = &self.server.database;
        let refused = |reason: &dyn std::fmt::Display| {
            tracing::info!(user = ?self.user, address = ?self.address, %reason, "a token is refused");
        };
        let believed = match tokens.rules.verify(token, seconds_since_epoch()) {
            Ok(identity) if identity.user == self.user => {
                let admission = database.admission(&identity, tokens.creates_users);
                if admission == Admission::Refused {
                    refused(&"the user is unknown, or nobody comes in as it by a token");
                }
                (admission != Admission::Refused).then_some((identity, admission))
            }
            Ok(_) => {
                refused(&"it speaks of another user");
                None
            }
            Err(error) => {
                refused(&error);
                None
            }
        };
        if !database.settle_login(self.user, self.address, believed.is_some()) {
            return Ok(false);
        }
        if let Some((identity, Admission::New)) = believed {
            // In a task of its own: it comes to its end though the client may go, or its time be up.
            let (database, process_id) = (database.clone(), self.process_id);
            let made = tokio::spawn(async move { database.create_token_user(&identity, process_id).await });
            let made = made.await.map_err(|_| Ending::Fatal(Error::internal("a user could not be made")))?;
            made.map_err(Ending::Fatal)?;
            tracing::info!(user = ?self.user, "a user was made for a token");
        }
        Ok(true)
    }
}

/// A clock before 1970 believes nothing.
fn seconds_since_epoch() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}
