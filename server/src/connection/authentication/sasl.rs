//! Conversations of SASL: SCRAM-SHA-256, bound to the TLS certificate where there is one, and OAUTHBEARER under TLS.

use auth::{BearerMessage, Mechanism, Offer, ScramServer, bearer_refusal};

use super::{Attempt, receive_response};
use crate::connection::stream::Io;
use crate::connection::{Ending, Flow};
use crate::wire::backend;
use crate::wire::frontend::Expected;
use crate::wire::startup::SaslInitialResponse;

/// Offers what may be offered and holds the conversation that the client chooses.
pub(super) async fn converse(io: &mut Io, attempt: &Attempt<'_>, allowed: Offer) -> Flow<()> {
    let is_tls = io.stream.is_tls();
    let hash = attempt.server.tls.as_ref().and_then(|tls| tls.certificate_hash()).filter(|_| is_tls);
    let offer = Offer { channel_binding: hash.is_some(), bearer: allowed.bearer && is_tls, ..allowed };
    backend::authentication_sasl(&mut io.output, offer.mechanisms().map(Mechanism::name));

    let expected = if offer.bearer { Expected::LongSaslResponse } else { Expected::SaslResponse };
    let body = receive_response(io, expected).await?;
    let initial = SaslInitialResponse::decode(&body).map_err(Ending::Fatal)?;
    let mechanism = offer.select(initial.mechanism.as_bytes()).map_err(|error| attempt.refused(&error))?;
    let first = match initial.data {
        Some(data) => data.to_vec(),
        // A client may want to be asked first.
        None => {
            backend::authentication_sasl_continue(&mut io.output, &[]);
            receive_response(io, expected).await?.to_vec()
        }
    };
    match mechanism {
        Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
            scram(io, attempt, mechanism, hash.map(<[u8]>::to_vec), &first).await
        }
        Mechanism::OAuthBearer => bearer(io, attempt, &first).await,
    }
}

async fn scram(
    io: &mut Io,
    attempt: &Attempt<'_>,
    mechanism: Mechanism,
    hash: Option<Vec<u8>>,
    first: &[u8],
) -> Flow<()> {
    let refused = |error| attempt.refused(&error);
    let verifier = attempt.server.database.login(attempt.user);
    let mut scram = ScramServer::new(verifier, mechanism, hash, io.stream.is_tls()).map_err(refused)?;
    let challenge = scram.client_first(first).map_err(refused)?;
    backend::authentication_sasl_continue(&mut io.output, &challenge);

    let body = receive_response(io, Expected::SaslResponse).await?;
    let proof = match scram.client_final(&body) {
        Ok(proof) => {
            attempt.settle(true)?;
            proof
        }
        Err(auth::AuthenticationError::WrongPassword) => return attempt.settle(false),
        Err(other) => return Err(refused(other)),
    };
    backend::authentication_sasl_final(&mut io.output, &proof);
    Ok(())
}

async fn bearer(io: &mut Io, attempt: &Attempt<'_>, first: &[u8]) -> Flow<()> {
    let refused = |error| attempt.refused(&error);
    let BearerMessage { identity, token } = BearerMessage::parse(first).map_err(refused)?;
    let is_asked_for = !token.is_empty();
    let names_another = identity.is_some_and(|identity| identity != attempt.user);
    if is_asked_for && !names_another && attempt.believes(token).await? {
        return Ok(());
    }
    let tokens = attempt.server.tokens.as_ref();
    let refusal = tokens.map(|tokens| bearer_refusal(tokens.openid_configuration.as_deref(), tokens.scope.as_deref()));
    backend::authentication_sasl_continue(&mut io.output, &refusal.unwrap_or_default());
    let body = receive_response(io, Expected::SaslResponse).await?;
    BearerMessage::parse_farewell(&body).map_err(refused)?;
    Err(refused(auth::AuthenticationError::WrongPassword))
}
