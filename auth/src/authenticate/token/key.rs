//! The keys that tokens are signed with: secrets that are shared with the issuer, and public keys from PEM (RFC 7468) or
//! from a JWK set (RFC 7517).
//!
//! A key is good for one algorithm, so that a public key can never be taken for a secret, and a token cannot choose.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::TokenError;
use super::compact::Signed;
use super::der::{self, PublicKey};
use crate::authenticate::verifier::hmac_sha256;

/// The shortest secret of HS256 (RFC 7518, section 3.2).
const SECRET_BYTES_MIN: usize = 32;
/// Keys in a set. A token that names none of them is tried with each that fits.
pub(super) const KEYS_MAX: usize = 64;
/// Lengths of an RSA modulus: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// An uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256, by a shared secret.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
}

impl Algorithm {
    /// The name in a token's header; `None` for what is not supported, `none` above all.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Hs256, Self::Rs256, Self::Es256].into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// One key. Printing it shows no part of it.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Secret(Vec<u8>),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    P256(Vec<u8>),
}

/// A key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret that could be guessed.
    #[error("a secret for HS256 must have at least {SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    /// Not what is between `-----BEGIN PUBLIC KEY-----` and its end.
    #[error("it holds no RSA or P-256 public key in PEM")]
    NoPublicKey,
    /// RSA keys that `ring` refuses.
    #[error("an RSA key must have 2048 to 8192 bits")]
    RsaSize,
    /// The point is not one of P-256.
    #[error("the point of a P-256 key is malformed")]
    MalformedPoint,
    /// The text is not a JWK set.
    #[error("it is not a JWK set")]
    NotAKeySet,
    /// A member of the set lacks what its type needs.
    #[error("key {number} of the set: {reason}")]
    MalformedJwk {
        /// Counted from one.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// None of the keys is for signatures that we can check.
    #[error("it holds no key that is supported")]
    NoUsableKey,
    /// More than are tried.
    #[error("there are more than {KEYS_MAX} keys")]
    TooManyKeys,
}

impl Key {
    /// A secret for HS256.
    pub fn from_secret(id: Option<String>, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeyError::ShortSecret);
        }
        Ok(Self { id, material: Material::Secret(secret.to_vec()) })
    }

    /// The first public key in a PEM text: RSA for RS256, P-256 for ES256.
    pub fn from_pem(id: Option<String>, pem: &str) -> Result<Self, KeyError> {
        let read = |label: &str| pem_contents(pem, label);
        let key = read("PUBLIC KEY").and_then(|der| der::public_key(&der));
        let key = key.or_else(|| read("RSA PUBLIC KEY").and_then(|der| der::rsa_public_key(&der)));
        match key.ok_or(KeyError::NoPublicKey)? {
            PublicKey::Rsa { modulus, exponent } => Self::rsa(id, modulus, exponent),
            PublicKey::P256(point) => Self::p256(id, point),
        }
    }

    /// What its signatures are called.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Rsa(_) => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
        }
    }

    fn rsa(id: Option<String>, modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, KeyError> {
        let (n, e) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        if !MODULUS_BYTES.contains(&n.len()) || e.is_empty() {
            return Err(KeyError::RsaSize);
        }
        Ok(Self { id, material: Material::Rsa(RsaPublicKeyComponents { n, e }) })
    }

    pub(super) fn p256(id: Option<String>, point: Vec<u8>) -> Result<Self, KeyError> {
        if point.len() != POINT_BYTES || point[0] != 4 {
            return Err(KeyError::MalformedPoint);
        }
        Ok(Self { id, material: Material::P256(point) })
    }

    fn has_signed(&self, signed: &Signed<'_>) -> bool {
        match &self.material {
            Material::Secret(secret) => hmac_sha256(secret, signed.input).ct_eq(&signed.signature).into(),
            Material::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.input, &signed.signature).is_ok(),
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed.input, &signed.signature).is_ok()
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = self.algorithm();
        formatter.debug_struct("Key").field("id", &self.id).field("algorithm", &algorithm).finish_non_exhaustive()
    }
}

/// The keys whose signatures count.
#[derive(Debug, Clone)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// At least one key, and not more than are tried.
    pub fn new(keys: Vec<Key>) -> Result<Self, KeyError> {
        match keys.len() {
            0 => Err(KeyError::NoUsableKey),
            1..=KEYS_MAX => Ok(Self(keys)),
            _ => Err(KeyError::TooManyKeys),
        }
    }

    /// Checks the signature by the keys that `kid` names, or by those that have no name if it names none; a token
    /// without `kid` may be signed by any.
    pub(super) fn check(&self, signed: &Signed<'_>) -> Result<(), TokenError> {
        let named: Vec<&Key> = match &signed.key_id {
            None => self.0.iter().collect(),
            Some(id) => {
                let of = |id: Option<&String>| self.0.iter().filter(|key| key.id.as_ref() == id).collect::<Vec<_>>();
                let named = of(Some(id));
                if named.is_empty() { of(None) } else { named }
            }
        };
        if named.is_empty() {
            return Err(TokenError::UnknownKey);
        }
        let algorithm = Algorithm::named(&signed.algorithm).ok_or(TokenError::WrongAlgorithm)?;
        let mut fitting = named.into_iter().filter(|key| key.algorithm() == algorithm).peekable();
        if fitting.peek().is_none() {
            return Err(TokenError::WrongAlgorithm);
        }
        if fitting.any(|key| key.has_signed(signed)) { Ok(()) } else { Err(TokenError::WrongSignature) }
    }
}

impl Key {
    /// The keys of a JWK set (RFC 7517) that are for signatures of the kinds that we know; others are passed over.
    pub fn from_jwk_set(text: &str) -> Result<Vec<Self>, KeyError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_str(text).map_err(|_| KeyError::NotAKeySet)?;
        let mut keys = Vec::new();
        for (at, jwk) in set.keys.iter().enumerate() {
            let malformed = |reason: String| KeyError::MalformedJwk { number: at + 1, reason };
            keys.extend(key_of_jwk(jwk).map_err(malformed)?);
        }
        if keys.is_empty() { Err(KeyError::NoUsableKey) } else { Ok(keys) }
    }
}

fn key_of_jwk(jwk: &Value) -> Result<Option<Key>, String> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| {
        let text = text(name).ok_or_else(|| format!("\"{name}\" is missing"))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("\"{name}\" is not base64url"))
    };
    let algorithm = match (text("kty"), text("crv")) {
        (Some("oct"), _) => Algorithm::Hs256,
        (Some("RSA"), _) => Algorithm::Rs256,
        (Some("EC"), Some("P-256")) => Algorithm::Es256,
        (Some(_), _) => return Ok(None),
        (None, _) => return Err("\"kty\" is missing".to_owned()),
    };
    let is_for_signing = text("use").is_none_or(|purpose| purpose == "sig");
    if !is_for_signing || text("alg").is_some_and(|name| name != algorithm.name()) {
        return Ok(None);
    }
    let id = text("kid").map(str::to_owned);
    let key = match algorithm {
        Algorithm::Hs256 => Key::from_secret(id, &bytes("k")?),
        Algorithm::Rs256 => Key::rsa(id, bytes("n")?, bytes("e")?),
        Algorithm::Es256 => match (bytes("x")?, bytes("y")?) {
            // Each with its leading zeros (RFC 7518, section 6.2.1.2).
            (x, y) if x.len() == y.len() => Key::p256(id, [vec![4], x, y].concat()),
            _ => Err(KeyError::MalformedPoint),
        },
    };
    key.map(Some).map_err(|error| error.to_string())
}

fn pem_contents(pem: &str, label: &str) -> Option<Vec<u8>> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let (_, rest) = pem.split_once(&begin)?;
    let (body, _) = rest.split_once(&end)?;
    let body: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

fn without_leading_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}
