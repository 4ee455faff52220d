//! The server's side of SCRAM-SHA-256, with and without channel binding (RFC 5802, RFC 7677,
//! RFC 5929), under the rules of PostgreSQL's SASL authentication.
//!
//! ```text
//! client-first  n,,n=,r=<client nonce>
//! server-first  r=<client nonce><our nonce>,s=<salt>,i=<iterations>
//! client-final  c=<gs2 header and channel binding>,r=<both nonces>,p=<proof>
//! server-final  v=<our signature>
//! ```
//!
//! One value is one attempt: each message is taken once and in this order, and any error ends it.
//! The name inside client-first is ignored: the role is the one of the startup message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore;
use subtle::ConstantTimeEq;

use crate::authenticate::mechanism::Mechanism;
use crate::authenticate::message::{Reader, malformed, printable, printable_byte};
use crate::authenticate::verifier::{Key, Verifier};
use crate::error::AuthenticationError;

/// The longest message that a client may send in the exchange, in bytes.
pub const SCRAM_MESSAGE_BYTES_MAX: usize = 1024;
/// Random bytes in our half of the nonce.
const NONCE_BYTES: usize = 18;
const CHANNEL_BINDING_TYPE: &[u8] = b"tls-server-end-point";
const CHANNEL_BINDING_HEADER: &[u8] = b"p=tls-server-end-point,,";

/// One attempt to log in. `client_first`, then `client_final`; an `Ok` of the latter is a login.
pub struct ScramServer {
    verifier: Verifier,
    mechanism: Mechanism,
    /// The hash of our certificate, when we offered to bind the channel to it.
    channel_binding: Option<Vec<u8>>,
    nonce: String,
    state: State,
}

/// Moved only by the two methods that take a message.
enum State {
    /// Nothing was received.
    Fresh,
    /// The challenge was sent.
    Challenged(Challenge),
    /// The exchange is over, however it ended.
    Finished,
}

struct Challenge {
    /// `n` or `y`, where the channel is not bound.
    flag: u8,
    client_first_bare: Vec<u8>,
    /// Both halves.
    nonce: Vec<u8>,
    server_first: Vec<u8>,
}

impl ScramServer {
    /// An attempt against `verifier`. `channel_binding` is the `tls-server-end-point` hash of our
    /// certificate (RFC 5929) and `tls` says whether the connection is encrypted; SCRAM-SHA-256-PLUS
    /// counts as offered when both are there, and choosing it otherwise is an error.
    pub fn new(
        verifier: Verifier,
        mechanism: Mechanism,
        channel_binding: Option<Vec<u8>>,
        tls: bool,
    ) -> Result<Self, AuthenticationError> {
        let mut random = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut random);
        Self::with_nonce(verifier, mechanism, channel_binding.filter(|_| tls), STANDARD.encode(random))
    }

    fn with_nonce(
        verifier: Verifier,
        mechanism: Mechanism,
        channel_binding: Option<Vec<u8>>,
        nonce: String,
    ) -> Result<Self, AuthenticationError> {
        let is_possible = match mechanism {
            Mechanism::ScramSha256 => true,
            Mechanism::ScramSha256Plus => channel_binding.is_some(),
            Mechanism::OAuthBearer => false,
        };
        if !is_possible {
            return Err(AuthenticationError::UnknownMechanism);
        }
        Ok(Self { verifier, mechanism, channel_binding, nonce, state: State::Fresh })
    }

    /// Takes the client's first message and returns the challenge to send back.
    pub fn client_first(&mut self, message: &[u8]) -> Result<Vec<u8>, AuthenticationError> {
        if !matches!(std::mem::replace(&mut self.state, State::Finished), State::Fresh) {
            return Err(out_of_turn());
        }
        check_size(message)?;
        let mut reader = Reader::new(message);
        let flag = self.read_header(&mut reader)?;
        let client_first_bare = reader.rest();
        if reader.peek() == Some(b'm') {
            return Err(AuthenticationError::MandatoryExtension);
        }
        reader.attribute(b'n')?;
        let client_nonce = reader.attribute(b'r')?;
        if !client_nonce.iter().all(|byte| (0x21..=0x7e).contains(byte)) {
            return Err(AuthenticationError::UnprintableNonce);
        }
        // Extensions that a client does not insist on are passed over.
        while !reader.is_at_end() {
            reader.any_attribute()?;
        }
        let nonce = [client_nonce, self.nonce.as_bytes()].concat();
        let parameters = format!(",s={},i={}", self.verifier.salt_base64(), self.verifier.iterations());
        let server_first = [b"r=", nonce.as_slice(), parameters.as_bytes()].concat();
        self.state = State::Challenged(Challenge {
            flag,
            client_first_bare: client_first_bare.to_vec(),
            nonce,
            server_first: server_first.clone(),
        });
        Ok(server_first)
    }

    /// Takes the client's proof. `Ok` means that the client knows the password, and holds the
    /// message by which we prove ourselves; [`AuthenticationError::WrongPassword`] that it does not.
    pub fn client_final(&mut self, message: &[u8]) -> Result<Vec<u8>, AuthenticationError> {
        let State::Challenged(challenge) = std::mem::replace(&mut self.state, State::Finished) else {
            return Err(out_of_turn());
        };
        check_size(message)?;
        let mut reader = Reader::new(message);
        self.check_channel_binding(reader.attribute(b'c')?, challenge.flag)?;
        let nonce = reader.attribute(b'r')?;
        let (unproved_bytes, proof) = loop {
            // The comma before the proof belongs to the proof.
            let unproved_bytes = reader.position().saturating_sub(1);
            if let (b'p', value) = reader.any_attribute()? {
                break (unproved_bytes, value);
            }
        };
        let proof: Key = STANDARD
            .decode(proof)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| malformed("Malformed proof in client-final-message.".to_owned()))?;
        if !reader.is_at_end() {
            return Err(malformed("Garbage found at the end of client-final-message.".to_owned()));
        }
        if !bool::from(nonce.ct_eq(&challenge.nonce)) {
            return Err(AuthenticationError::NonceMismatch);
        }
        let auth_message =
            [&challenge.client_first_bare, challenge.server_first.as_slice(), &message[..unproved_bytes]].join(&b',');
        // Computed for everybody, so that success and failure cost the same.
        let signature = self.verifier.server_signature(&auth_message);
        if !self.verifier.accepts_proof(&auth_message, &proof) {
            return Err(AuthenticationError::WrongPassword);
        }
        Ok(format!("v={}", STANDARD.encode(signature)).into_bytes())
    }

    /// Reads the gs2 header: the client's stand on channel binding, which it returns, and the
    /// place of an authorization identity, which must be empty.
    fn read_header(&self, reader: &mut Reader<'_>) -> Result<u8, AuthenticationError> {
        let bound = self.mechanism == Mechanism::ScramSha256Plus;
        let flag = match reader.peek() {
            Some(b'n' | b'y') if bound => {
                return Err(malformed(
                    "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data."
                        .to_owned(),
                ));
            }
            Some(b'y') if self.channel_binding.is_some() => {
                return Err(AuthenticationError::ChannelBindingDowngrade);
            }
            Some(flag @ (b'n' | b'y')) => {
                reader.skip();
                if reader.peek() != Some(b',') {
                    return Err(malformed(format!(
                        "Comma expected, but found character \"{}\".",
                        printable_byte(reader.peek())
                    )));
                }
                reader.skip();
                flag
            }
            Some(b'p') if !bound => {
                return Err(malformed(
                    "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data."
                        .to_owned(),
                ));
            }
            Some(b'p') => {
                let name = reader.attribute(b'p')?;
                if name != CHANNEL_BINDING_TYPE {
                    return Err(AuthenticationError::UnsupportedChannelBinding { name: printable(name) });
                }
                b'p'
            }
            other => {
                return Err(malformed(format!("Unexpected channel-binding flag \"{}\".", printable_byte(other))));
            }
        };
        match reader.peek() {
            Some(b',') => reader.skip(),
            Some(b'a') => return Err(AuthenticationError::AuthorizationIdentity),
            other => {
                return Err(malformed(format!(
                    "Unexpected attribute \"{}\" in client-first-message.",
                    printable_byte(other)
                )));
            }
        }
        Ok(flag)
    }

    /// The last message must repeat the header of the first and, where the channel is bound, name our certificate.
    fn check_channel_binding(&self, attribute: &[u8], flag: u8) -> Result<(), AuthenticationError> {
        match &self.channel_binding {
            Some(hash) if self.mechanism == Mechanism::ScramSha256Plus => {
                let expected = STANDARD.encode([CHANNEL_BINDING_HEADER, hash].concat());
                let same = bool::from(attribute.ct_eq(expected.as_bytes()));
                if same { Ok(()) } else { Err(AuthenticationError::ChannelBindingMismatch) }
            }
            _ => {
                let expected = STANDARD.encode([flag, b',', b',']);
                let same = attribute == expected.as_bytes();
                if same { Ok(()) } else { Err(AuthenticationError::UnexpectedChannelBinding) }
            }
        }
    }
}

fn check_size(message: &[u8]) -> Result<(), AuthenticationError> {
    if message.len() > SCRAM_MESSAGE_BYTES_MAX {
        Err(AuthenticationError::MessageTooLong)
    } else if message.is_empty() {
        Err(malformed("The message is empty.".to_owned()))
    } else if message.contains(&0) {
        Err(malformed("Message length does not match input length.".to_owned()))
    } else {
        Ok(())
    }
}

fn out_of_turn() -> AuthenticationError {
    malformed("The message is not expected at this point of the exchange.".to_owned())
}

#[cfg(test)]
mod tests;
