//! Whose signed tokens are believed: the configuration with its keys read from where they are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use auth::{Key, KeyError, KeySet, Tokens};

use crate::config::{KeySource, TokenConfig};

/// What a login by token needs.
pub(crate) struct TokenLogin {
    pub(crate) rules: Tokens,
    /// Whether a user that there is not is made.
    pub(crate) creates_users: bool,
    /// Where clients learn how to get a token.
    pub(crate) openid_configuration: Option<String>,
    pub(crate) scope: Option<String>,
}

/// Keys that cannot be had. No part of a key is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenLoginError {
    #[error("could not read \"{}\": {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("\"{}\" holds a secret and can be read by everybody", path.display())]
    OpenSecret { path: PathBuf },
    #[error("environment variable {0} is not set")]
    NoVariable(String),
    #[error("{place}: {error}")]
    Key { place: String, error: KeyError },
}

impl TokenLogin {
    pub(crate) fn load(config: &TokenConfig) -> Result<Self, TokenLoginError> {
        let mut keys = Vec::new();
        if let Some(path) = &config.jwks_file {
            let text = String::from_utf8_lossy(&read(path)?).into_owned();
            let set = Key::from_jwk_set(&text).map_err(|error| unusable(path.display(), error))?;
            // A set may hold public keys only, and be open then.
            if set.iter().any(|key| key.algorithm() == auth::Algorithm::Hs256) {
                check_closed(path)?;
            }
            keys.extend(set);
        }
        for (id, source) in config.keys() {
            keys.push(load_key(id.cloned(), &source)?);
        }
        let keys = KeySet::new(keys).map_err(|error| unusable("[tokens]", error))?;
        Ok(Self {
            rules: Tokens {
                keys,
                issuer: config.issuer.clone(),
                audiences: config.audiences(),
                user_claim: config.user_claim.clone(),
                role_claim: config.role_claim.clone(),
                leeway_seconds: config.leeway_seconds,
            },
            creates_users: config.create_users,
            openid_configuration: config.openid_configuration.clone(),
            scope: config.scope.clone(),
        })
    }
}

fn load_key(id: Option<String>, source: &KeySource<'_>) -> Result<Key, TokenLoginError> {
    match source {
        KeySource::PublicKey(path) => {
            let text = String::from_utf8_lossy(&read(path)?).into_owned();
            Key::from_pem(id, &text).map_err(|error| unusable(path.display(), error))
        }
        KeySource::SecretFile(path) => {
            check_closed(path)?;
            let secret = read(path)?;
            // Editors end a file with a line.
            let secret = secret.strip_suffix(b"\n").unwrap_or(&secret);
            let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
            Key::from_secret(id, secret).map_err(|error| unusable(path.display(), error))
        }
        KeySource::SecretVariable(name) => {
            let secret = std::env::var_os(name).ok_or_else(|| TokenLoginError::NoVariable((*name).to_owned()))?;
            Key::from_secret(id, secret.as_encoded_bytes()).map_err(|error| unusable(name, error))
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TokenLoginError> {
    fs::read(path).map_err(|source| TokenLoginError::Read { path: path.to_owned(), source })
}

/// Whoever can read a secret can sign.
fn check_closed(path: &Path) -> Result<(), TokenLoginError> {
    const OTHERS: u32 = 0o007;
    let metadata = fs::metadata(path).map_err(|source| TokenLoginError::Read { path: path.to_owned(), source })?;
    if metadata.permissions().mode() & OTHERS == 0 {
        Ok(())
    } else {
        Err(TokenLoginError::OpenSecret { path: path.to_owned() })
    }
}

fn unusable(place: impl std::fmt::Display, error: KeyError) -> TokenLoginError {
    TokenLoginError::Key { place: place.to_string(), error }
}
