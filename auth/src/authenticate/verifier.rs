//! The verifier: what is stored of a password, in the text form of PostgreSQL's `pg_authid.rolpassword`.
//!
//! `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, all three in base64 (RFC 5803,
//! RFC 7677). It serves to check a proof and to prove ourselves to the client; the password cannot
//! be had from it, short of guessing. A mock verifier stands in for a role that does not exist or
//! has no password: the exchange runs as ever and fails at its end.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::error::AuthenticationError;

/// Rounds of hashing for a new password, as PostgreSQL 15 has it.
pub const DEFAULT_ITERATIONS: u32 = 4096;
const SALT_BYTES: usize = 16;
const SCHEME: &str = "SCRAM-SHA-256";

/// A SHA-256 digest or a key of that size.
pub(crate) type Key = [u8; 32];

/// What is stored of a password. Printing it gives PostgreSQL's text form; serde stores that text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Key,
    server_key: Key,
    /// A mock, and one that refuses, fails whatever the client proves.
    mock: bool,
}

impl Verifier {
    /// The verifier of `password` under a fresh random salt. Takes a millisecond or so for
    /// [`DEFAULT_ITERATIONS`], on purpose. Zero iterations count as one.
    pub fn from_password(password: &str, iterations: u32) -> Self {
        let mut salt = [0; SALT_BYTES];
        rand::rng().fill_bytes(&mut salt);
        Self::from_password_and_salt(password, iterations, &salt)
    }

    /// The verifier of `password` under a given salt, which makes the answer repeatable.
    pub fn from_password_and_salt(password: &str, iterations: u32, salt: &[u8]) -> Self {
        let iterations = iterations.max(1);
        let salted = salted_password(password, iterations, salt);
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: sha256(&hmac_sha256(&salted, b"Client Key")),
            server_key: hmac_sha256(&salted, b"Server Key"),
            mock: false,
        }
    }

    /// A verifier that no password fits. The salt depends only on the name and on
    /// `server_secret`, so that asking twice does not tell a missing role from a real one. The
    /// secret must be random, kept with the data, and never change.
    pub fn mock(username: &str, server_secret: &[u8]) -> Self {
        let keyed = |purpose: &[u8]| hmac_sha256(&hmac_sha256(server_secret, purpose), username.as_bytes());
        Self {
            iterations: DEFAULT_ITERATIONS,
            salt: keyed(b"mock salt")[..SALT_BYTES].to_vec(),
            stored_key: keyed(b"mock stored key"),
            server_key: keyed(b"mock server key"),
            mock: true,
        }
    }

    /// The same conversation, which nobody brings to a good end: for a role that may not log in with its password now.
    /// Its salt stays what it was, so that a client does not see the difference.
    pub fn refusing(self) -> Self {
        Self { mock: true, ..self }
    }

    /// Whether `text` is a verifier, so that `PASSWORD 'text'` stores it as it is instead of hashing it.
    pub fn is_verifier(text: &str) -> bool {
        text.parse::<Self>().is_ok()
    }

    /// Whether this is the verifier of `password`. Never true of a mock.
    pub fn fits_password(&self, password: &str) -> bool {
        let salted = salted_password(password, self.iterations, &self.salt);
        let fits = hmac_sha256(&salted, b"Server Key").ct_eq(&self.server_key);
        (fits & !Choice::from(u8::from(self.mock))).into()
    }

    pub(crate) fn iterations(&self) -> u32 {
        self.iterations
    }

    pub(crate) fn salt_base64(&self) -> String {
        STANDARD.encode(&self.salt)
    }

    /// Whether `proof` was made for `auth_message` by somebody who knows the password.
    pub(crate) fn accepts_proof(&self, auth_message: &[u8], proof: &Key) -> bool {
        let mut client_key = hmac_sha256(&self.stored_key, auth_message);
        for (byte, proof_byte) in client_key.iter_mut().zip(proof) {
            *byte ^= proof_byte;
        }
        let fits = sha256(&client_key).ct_eq(&self.stored_key);
        (fits & !Choice::from(u8::from(self.mock))).into()
    }

    /// Shows the client that we know its verifier.
    pub(crate) fn server_signature(&self, auth_message: &[u8]) -> Key {
        hmac_sha256(&self.server_key, auth_message)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{SCHEME}${}:{}${}:{}",
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(self.stored_key),
            STANDARD.encode(self.server_key)
        )
    }
}

impl fmt::Debug for Verifier {
    /// Without the keys: a log must not help anybody to guess passwords.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl FromStr for Verifier {
    type Err = AuthenticationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or(AuthenticationError::InvalidVerifier)
    }
}

impl TryFrom<String> for Verifier {
    type Error = AuthenticationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Verifier> for String {
    fn from(verifier: Verifier) -> Self {
        verifier.to_string()
    }
}

fn parse(text: &str) -> Option<Verifier> {
    let mut parts = text.split('$');
    let (scheme, work, keys) = (parts.next()?, parts.next()?, parts.next()?);
    if scheme != SCHEME || parts.next().is_some() {
        return None;
    }
    let (iterations, salt) = work.split_once(':')?;
    let (stored_key, server_key) = keys.split_once(':')?;
    let key = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| Key::try_from(bytes).ok());
    let salt = STANDARD.decode(salt).ok()?;
    let iterations = iterations.parse::<u32>().ok()?;
    // The client reads the count as a signed integer, and zero rounds are no hash at all.
    let possible = (1..=i32::MAX.unsigned_abs()).contains(&iterations) && !salt.is_empty();
    possible.then_some(Verifier {
        iterations,
        salt,
        stored_key: key(stored_key)?,
        server_key: key(server_key)?,
        mock: false,
    })
}

/// `SaltedPassword` of RFC 5802.
pub(crate) fn salted_password(password: &str, iterations: u32, salt: &[u8]) -> Key {
    let mut salted = Key::default();
    pbkdf2::pbkdf2_hmac::<Sha256>(normalized(password).as_bytes(), salt, iterations, &mut salted);
    salted
}

/// SASLprep (RFC 4013); a password that it refuses, or leaves nothing of, is used as it is.
fn normalized(password: &str) -> Cow<'_, str> {
    match stringprep::saslprep(password) {
        Ok(prepared) if !prepared.is_empty() => prepared,
        _ => Cow::Borrowed(password),
    }
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

pub(crate) fn sha256(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests;
