//! The form of a signed token: JWS in its compact serialization (RFC 7515).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TokenError;
use super::claims::Claims;

/// A token taken apart; nothing in it is believed yet.
pub(super) struct Signed<'a> {
    pub(super) algorithm: String,
    pub(super) key_id: Option<String>,
    /// Header and claims as they stand in the token: what is signed.
    pub(super) input: &'a [u8],
    /// The claims as JSON.
    pub(super) claims: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl<'a> Signed<'a> {
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::NotAToken);
        };
        let input = &token[..header.len() + 1 + claims.len()];
        let header = Claims::parse(&decode(header)?)?;
        // An extension that we do not know must not be passed over, and we know none.
        if header.has("crit") {
            return Err(TokenError::UnsupportedHeader);
        }
        if let Some(kind) = header.text("typ")?
            && !is_for_login(kind)
        {
            return Err(TokenError::UnsupportedHeader);
        }
        Ok(Self {
            algorithm: header.text("alg")?.ok_or(TokenError::Unreadable)?.to_owned(),
            key_id: header.text("kid")?.map(str::to_owned),
            input,
            claims: decode(claims)?,
            signature: decode(signature)?,
        })
    }
}

/// Issuers sign other things with the same keys, such as messages about logging out, and call them by other types.
fn is_for_login(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
}

fn decode(part: &[u8]) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NotAToken)
}
