//! Proof of who the client is: SCRAM-SHA-256 by SASL, bound to the TLS certificate where there is one.
//!
//! The conversation is the same whether the user exists or not; so is its length and its error.

use auth::{AuthenticationError, Mechanism, ScramServer, Verifier};
use bytes::BytesMut;
use engine::{Error, SqlState};

use super::stream::Io;
use super::{Ending, Flow};
use crate::wire::backend;
use crate::wire::frontend::{Expected, next_frame};
use crate::wire::startup::SaslInitialResponse;

/// Runs the exchange; Ok means that the client knows the password. AuthenticationOk is left to the caller.
pub(super) async fn authenticate(
    io: &mut Io,
    user: &str,
    verifier: Verifier,
    certificate_hash: Option<&[u8]>,
) -> Flow<()> {
    let is_tls = io.stream.is_tls();
    let channel_binding = certificate_hash.filter(|_| is_tls);
    let offered = Mechanism::offered(channel_binding.is_some());
    backend::authentication_sasl(&mut io.output, offered.iter().map(|mechanism| mechanism.name()));

    let body = receive_response(io).await?;
    let initial = SaslInitialResponse::decode(&body).map_err(Ending::Fatal)?;
    let refused = |error| Ending::Fatal(failure(&error, user));
    let mechanism = Mechanism::select(initial.mechanism.as_bytes(), channel_binding.is_some()).map_err(refused)?;
    let mut scram =
        ScramServer::new(verifier, mechanism, channel_binding.map(<[u8]>::to_vec), is_tls).map_err(refused)?;
    let challenge = scram.client_first(initial.data).map_err(refused)?;
    backend::authentication_sasl_continue(&mut io.output, &challenge);

    let body = receive_response(io).await?;
    let proof = scram.client_final(&body).map_err(refused)?;
    backend::authentication_sasl_final(&mut io.output, &proof);
    Ok(())
}

async fn receive_response(io: &mut Io) -> Flow<BytesMut> {
    io.flush().await?;
    loop {
        if let Some(frame) = next_frame(&mut io.input, Expected::Authentication).map_err(Ending::Fatal)? {
            return Ok(frame.body);
        }
        if !io.fill().await? {
            return Err(Ending::Closed);
        }
    }
}

fn failure(error: &AuthenticationError, user: &str) -> Error {
    let message = match error {
        AuthenticationError::WrongPassword => format!("password authentication failed for user \"{user}\""),
        other => other.to_string(),
    };
    let report = Error::new(SqlState(error.sql_state()), message);
    match error.detail() {
        Some(detail) => report.with_detail(detail),
        None => report,
    }
}
