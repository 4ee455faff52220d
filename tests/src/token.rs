//! An issuer of signed tokens (RFC 7519).

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use sha2::Sha256;

/// What tokens are signed with.
#[derive(Debug)]
pub enum SigningKey {
    /// HS256.
    Secret(Vec<u8>),
    /// ES256.
    P256(Box<EcdsaKeyPair>),
    /// RS256: the file of a private key.
    Rsa(PathBuf),
}

impl SigningKey {
    /// A new key of P-256.
    ///
    /// # Panics
    /// When there is no randomness.
    pub fn p256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("randomness");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self::P256(Box::new(pair.expect("a key that was just made")))
    }

    /// A new RSA key in a file of a directory, with its public half beside it; made and used by `openssl`.
    ///
    /// # Panics
    /// When there is no `openssl`.
    pub fn rsa(directory: &Path) -> Self {
        let file = directory.join("rsa.pem");
        openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &text(&file)]);
        openssl(&["pkey", "-in", &text(&file), "-pubout", "-out", &text(&directory.join("rsa.pub"))]);
        Self::Rsa(file)
    }

    /// The public key as a member of a JWK set.
    ///
    /// # Panics
    /// When it is none of P-256.
    pub fn jwk(&self, id: &str) -> String {
        let Self::P256(pair) = self else { panic!("only keys of P-256 are published so") };
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        format!(r#"{{"kty":"EC","crv":"P-256","kid":"{id}","use":"sig","x":"{x}","y":"{y}"}}"#)
    }

    /// A token with this header, whatever it says, and these claims.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let input = signing_input(header, claims);
        let signature = match self {
            Self::Secret(secret) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
                mac.update(input.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
            Self::P256(pair) => {
                pair.sign(&SystemRandom::new(), input.as_bytes()).expect("randomness").as_ref().to_vec()
            }
            Self::Rsa(key) => {
                let message = key.with_extension("message");
                std::fs::write(&message, &input).expect("a file in a directory of one's own");
                openssl(&["dgst", "-sha256", "-sign", &text(key), &text(&message)])
            }
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token that nobody has signed.
pub fn unsigned_token(header: &str, claims: &str) -> String {
    format!("{}.", signing_input(header, claims))
}

fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().expect("openssl can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
