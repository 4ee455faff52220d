//! SASL mechanisms: which of them are offered, and which one the client has chosen.

use crate::error::AuthenticationError;

/// A SASL mechanism that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-256-PLUS`: the proof is bound to the certificate of the TLS connection.
    ScramSha256Plus,
    /// `OAUTHBEARER`: a signed token, only to be asked for under TLS.
    OAuthBearer,
}

/// What may be offered on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offer {
    /// SCRAM at all.
    pub scram: bool,
    /// Whether the channel can be bound.
    pub channel_binding: bool,
    /// OAUTHBEARER.
    pub bearer: bool,
}

impl Offer {
    /// The mechanisms to offer, best first: a client that speaks several takes the first.
    pub fn mechanisms(self) -> impl Iterator<Item = Mechanism> {
        let offered = [
            (self.scram && self.channel_binding, Mechanism::ScramSha256Plus),
            (self.scram, Mechanism::ScramSha256),
            (self.bearer, Mechanism::OAuthBearer),
        ];
        offered.into_iter().filter_map(|(is_offered, mechanism)| is_offered.then_some(mechanism))
    }

    /// The mechanism that the client chose by name among those offered.
    pub fn select(self, name: &[u8]) -> Result<Mechanism, AuthenticationError> {
        self.mechanisms()
            .find(|mechanism| mechanism.name().as_bytes() == name)
            .ok_or(AuthenticationError::UnknownMechanism)
    }
}

impl Mechanism {
    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}
