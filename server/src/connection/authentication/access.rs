//! What is asked of a client, by where it comes from and what it wants.

use std::net::IpAddr;

use auth::{AccessMethod, Caller, Channel, Offer, decide_access};
use engine::{Error, SqlState};

use super::Attempt;
use crate::connection::stream::Io;
use crate::connection::{Ending, Flow};

/// The method of the first rule that fits. Without rules, a password by SCRAM; a token by SASL too where they are believed.
pub(super) fn method(io: &Io, attempt: &Attempt<'_>) -> Flow<AccessMethod> {
    let server = attempt.server;
    let Some(rules) = &server.access else {
        if server.limits.trusts_local_socket && io.stream.is_unix() {
            return Ok(AccessMethod::Trust);
        }
        let bearer = server.tokens.is_some() && io.stream.is_tls();
        return Ok(AccessMethod::Sasl(Offer { scram: true, bearer, channel_binding: false }));
    };
    let caller = Caller {
        channel: match (io.stream.is_unix(), io.stream.is_tls()) {
            (true, _) => Channel::Local,
            (false, true) => Channel::Tls,
            (false, false) => Channel::Plain,
        },
        address: attempt.address,
        is_same_host: is_same_host(io, attempt.address),
        database: attempt.database,
        user: attempt.user,
    };
    let is_member = |user: &str, role: &str| server.database.is_member(user, role);
    let unfitting = || refusal(io, attempt, "no pg_hba.conf entry for");
    decide_access(rules, &caller, is_member).ok_or_else(|| Ending::Fatal(unfitting()))
}

/// What a client is told that a rule rejects.
pub(super) fn rejection(io: &Io, attempt: &Attempt<'_>) -> Error {
    refusal(io, attempt, "pg_hba.conf rejects connection for")
}

/// PostgreSQL's words, which clients know.
fn refusal(io: &Io, attempt: &Attempt<'_>, words: &str) -> Error {
    let host = attempt.address.map_or_else(|| "[local]".to_owned(), |address| address.to_string());
    let encryption = if io.stream.is_tls() { "SSL encryption" } else { "no encryption" };
    let Attempt { user, database, .. } = attempt;
    let message = format!("{words} host \"{host}\", user \"{user}\", database \"{database}\", {encryption}");
    Error::new(SqlState::INVALID_AUTHORIZATION, message)
}

/// Whoever comes from the address that he has come to is the server's own host, and so is the loopback.
fn is_same_host(io: &Io, address: Option<IpAddr>) -> bool {
    address.is_some_and(|address| address.is_loopback() || io.stream.local_address() == Some(address))
}
