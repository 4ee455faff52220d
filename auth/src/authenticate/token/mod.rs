//! Signed tokens: a JWT (RFC 7519) in place of a password.
//!
//! ```text
//! <header> . <claims> . <signature>        each in base64url (RFC 7515, section 3.1)
//! ```
//!
//! [`Tokens::verify`] believes a token in this order: its form (`compact`), its signature by a key that
//! we were given (`key`), its claims (`claims`). The key decides the algorithm; the header's word for it
//! must agree and is never followed, nor are keys and addresses of keys that a header may carry. Time
//! comes in as an argument, and no error holds any part of the token.

mod claims;
mod compact;
mod der;
mod key;

use claims::Claims;
use compact::Signed;
pub use key::{Algorithm, Key, KeyError, KeySet};

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// The longest name that a role can have, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// Which tokens are believed.
#[derive(Debug)]
pub struct Tokens {
    /// Whose signatures count.
    pub keys: KeySet,
    /// What `iss` must be; `None` asks for nothing.
    pub issuer: Option<String>,
    /// One of these must be in `aud`. With none, a token that names an audience is refused: it is
    /// meant for somebody else (RFC 7519, section 4.1.3).
    pub audiences: Vec<String>,
    /// The claim that holds the user's name.
    pub user_claim: String,
    /// The claim that says what kind of role a user gets who is made by this login.
    pub role_claim: Option<String>,
    /// How far our clock and that of the issuer may be apart.
    pub leeway_seconds: u32,
}

/// Whom a token speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIdentity {
    /// The name of a role.
    pub user: String,
    /// What the role is to be, if it is made now.
    pub role: ClaimedRole,
}

/// The kinds of role that a token can claim. There is no word for a superuser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ClaimedRole {
    /// What everybody is who claims nothing, or nothing that we know.
    #[default]
    User,
    /// `service`.
    Service,
    /// `dba`.
    Dba,
}

/// Why a token is not believed. This is for the log: a client is told the same whatever it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts in base64url, or longer than [`TOKEN_BYTES_MAX`].
    #[error("it is not a signed token")]
    NotAToken,
    /// Header or claims are no JSON object, or say something twice.
    #[error("its header or claims cannot be read")]
    Unreadable,
    /// `crit` asks for what we do not know, or `typ` says that it is no token for logging in.
    #[error("its header asks for what is not supported")]
    UnsupportedHeader,
    /// No key has its `kid`.
    #[error("no key is known by that name")]
    UnknownKey,
    /// `alg` is not the algorithm of the key.
    #[error("its algorithm is not that of the key")]
    WrongAlgorithm,
    /// The signature is not by the key.
    #[error("its signature is wrong")]
    WrongSignature,
    /// A claim that must be there is not, or is not of the right type.
    #[error("a claim that is needed is missing or malformed")]
    MissingClaim,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("it is not valid yet")]
    NotYetValid,
    /// `iss` is not who is believed.
    #[error("it comes from another issuer")]
    WrongIssuer,
    /// `aud` does not name us.
    #[error("it is meant for another audience")]
    WrongAudience,
    /// The user's name cannot be a role's: it is empty, longer than 63 bytes, reserved, or has
    /// control characters.
    #[error("the user that it names cannot be a role")]
    UnusableName,
}

impl Tokens {
    /// Whom `token` speaks of, if it is believed at `now`, in seconds since the Unix epoch.
    pub fn verify(&self, token: &[u8], now: i64) -> Result<TokenIdentity, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::NotAToken);
        }
        let signed = Signed::parse(token)?;
        self.keys.check(&signed)?;
        let claims = Claims::parse(&signed.claims)?;
        self.check_time(&claims, now)?;
        self.check_parties(&claims)?;
        let user = claims.text(&self.user_claim)?.ok_or(TokenError::MissingClaim)?;
        if !is_usable_name(user) {
            return Err(TokenError::UnusableName);
        }
        let role = self.role_claim.as_deref().map_or(ClaimedRole::User, |claim| claimed_role(&claims, claim));
        Ok(TokenIdentity { user: user.to_owned(), role })
    }

    fn check_time(&self, claims: &Claims, now: i64) -> Result<(), TokenError> {
        let (now, leeway) = (now as f64, f64::from(self.leeway_seconds));
        let expires = claims.seconds("exp")?.ok_or(TokenError::MissingClaim)?;
        if now >= expires + leeway {
            return Err(TokenError::Expired);
        }
        for claim in ["nbf", "iat"] {
            if claims.seconds(claim)?.is_some_and(|from| now + leeway < from) {
                return Err(TokenError::NotYetValid);
            }
        }
        Ok(())
    }

    fn check_parties(&self, claims: &Claims) -> Result<(), TokenError> {
        if let Some(issuer) = &self.issuer
            && claims.text("iss")? != Some(issuer)
        {
            return Err(TokenError::WrongIssuer);
        }
        let named = claims.texts("aud")?;
        let is_ours = match (&named, self.audiences.as_slice()) {
            (None, []) => true,
            (None, _) | (Some(_), []) => false,
            (Some(named), ours) => ours.iter().any(|our| named.contains(&our.as_str())),
        };
        if is_ours { Ok(()) } else { Err(TokenError::WrongAudience) }
    }
}

/// Names are taken as they are or not at all, so that two users can never become one.
fn is_usable_name(name: &str) -> bool {
    let is_reserved = matches!(name, "public" | "none") || name.starts_with("pg_");
    !is_reserved && (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// The highest of the kinds that a claim names, which may be one word or a list. Other words are roles in other systems.
fn claimed_role(claims: &Claims, claim: &str) -> ClaimedRole {
    let words = claims.texts(claim).ok().flatten().unwrap_or_default();
    let known = words.into_iter().filter_map(|word| match word {
        "user" => Some(ClaimedRole::User),
        "service" => Some(ClaimedRole::Service),
        "dba" => Some(ClaimedRole::Dba),
        _ => None,
    });
    known.max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
