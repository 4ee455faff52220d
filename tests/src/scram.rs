//! The client's side of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677), as much of it as a test needs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// "No channel binding, no other identity", and the same in base64.
const HEADER: &str = "n,,";
const HEADER_BASE64: &str = "biws";

/// One attempt to log in.
#[derive(Debug)]
pub(crate) struct ScramClient {
    first: String,
    /// What the server must prove to know, once the client's proof is made.
    server_signature: Vec<u8>,
}

impl ScramClient {
    pub(crate) const MECHANISM: &'static str = "SCRAM-SHA-256";

    /// Servers only want a nonce that is new to them; this one tells attempts apart by a number.
    pub(crate) fn new(attempt: u64) -> Self {
        Self { first: format!("n=,r=a nonce for test {attempt}").replace(' ', "-"), server_signature: Vec::new() }
    }

    pub(crate) fn first_message(&self) -> String {
        format!("{HEADER}{}", self.first)
    }

    /// Answers the server's challenge.
    ///
    /// # Panics
    /// When the challenge is no SCRAM.
    pub(crate) fn answer(&mut self, challenge: &str, password: &str) -> String {
        let [nonce, salt, iterations] = ["r=", "s=", "i="].map(|name| {
            let found = challenge.split(',').find_map(|attribute| attribute.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in {challenge}"))
        });
        let salt = STANDARD.decode(salt).expect("a salt is base64");
        let iterations = iterations.parse().expect("iterations are a number");
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, iterations, &mut salted);

        let last = format!("c={HEADER_BASE64},r={nonce}");
        let conversation = format!("{},{challenge},{last}", self.first);
        let client_key = hmac(&salted, b"Client Key");
        let signature = hmac(&Sha256::digest(&client_key), conversation.as_bytes());
        let proof = client_key.iter().zip(&signature).map(|(key, mask)| key ^ mask).collect::<Vec<u8>>();
        self.server_signature = hmac(&hmac(&salted, b"Server Key"), conversation.as_bytes());
        format!("{last},p={}", STANDARD.encode(proof))
    }

    /// Checks that the server knows the password, too.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn verify(&self, last: &str) {
        assert_eq!(last, format!("v={}", STANDARD.encode(&self.server_signature)), "the server is a stranger");
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
