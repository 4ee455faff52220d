//! What the configuration file says of signed tokens. Keys are in files of their own, or a secret in an environment
//! variable: the configuration holds none.
//!
//! ```toml
//! [tokens]
//! issuer = "https://id.example.com"     # what the claim iss must be
//! audience = "kalamdb"                  # what the claim aud must name; may be a list
//! user_claim = "sub"
//! role_claim = "role"                   # user, service or dba; without it everybody is a user
//! create_users = true                   # makes a user at its first login
//! leeway_seconds = 60
//! jwks_file = "keys.json"               # a JWK set
//! openid_configuration = "https://id.example.com/.well-known/openid-configuration"
//! scope = "openid"                      # both are told to clients that ask where to get a token
//!
//! [[tokens.key]]
//! id = "2026"                           # the kid of tokens that it has signed
//! public_key_file = "issuer.pem"        # or secret_file, or secret_environment with the name of a variable
//! ```

use std::path::PathBuf;

use serde::Deserialize;

use super::OneOrMany;

/// How far clocks may be apart.
const LEEWAY_SECONDS: u32 = 60;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenConfig {
    pub(crate) issuer: Option<String>,
    audience: Option<OneOrMany>,
    #[serde(default = "subject")]
    pub(crate) user_claim: String,
    pub(crate) role_claim: Option<String>,
    #[serde(default)]
    pub(crate) create_users: bool,
    #[serde(default = "leeway_seconds")]
    pub(crate) leeway_seconds: u32,
    pub(crate) jwks_file: Option<PathBuf>,
    #[serde(default)]
    key: Vec<KeyEntry>,
    pub(crate) openid_configuration: Option<String>,
    pub(crate) scope: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    id: Option<String>,
    public_key_file: Option<PathBuf>,
    secret_file: Option<PathBuf>,
    secret_environment: Option<String>,
}

/// Where a key is to be found.
pub(crate) enum KeySource<'a> {
    PublicKey(&'a PathBuf),
    SecretFile(&'a PathBuf),
    SecretVariable(&'a str),
}

fn subject() -> String {
    "sub".to_owned()
}

fn leeway_seconds() -> u32 {
    LEEWAY_SECONDS
}

impl TokenConfig {
    /// What the claim `aud` may name.
    pub(crate) fn audiences(&self) -> Vec<String> {
        match &self.audience {
            None => Vec::new(),
            Some(OneOrMany::One(audience)) => vec![audience.clone()],
            Some(OneOrMany::Many(audiences)) => audiences.clone(),
        }
    }

    /// The keys that are named one by one: their ids and where they are.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (Option<&String>, KeySource<'_>)> {
        self.key.iter().filter_map(|key| Some((key.id.as_ref(), key.source()?)))
    }

    /// What is wrong with it, if something is.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.jwks_file.is_none() && self.key.is_empty() {
            return Err("[tokens] needs a jwks_file or a [[tokens.key]]");
        }
        if self.key.iter().any(|key| key.source().is_none()) {
            return Err("a [[tokens.key]] has one of public_key_file, secret_file and secret_environment");
        }
        if self.user_claim.is_empty() {
            return Err("user_claim is empty");
        }
        Ok(())
    }
}

impl KeyEntry {
    /// None unless there is exactly one.
    fn source(&self) -> Option<KeySource<'_>> {
        match (&self.public_key_file, &self.secret_file, &self.secret_environment) {
            (Some(path), None, None) => Some(KeySource::PublicKey(path)),
            (None, Some(path), None) => Some(KeySource::SecretFile(path)),
            (None, None, Some(name)) => Some(KeySource::SecretVariable(name)),
            _ => None,
        }
    }
}
