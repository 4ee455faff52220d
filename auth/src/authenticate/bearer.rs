//! The server's side of SASL OAUTHBEARER (RFC 7628): a token in one message.
//!
//! ```text
//! client  n,a=<user>,^Aauth=Bearer <token>^A^A        (^A is the byte 1)
//! server  {"status":"invalid_token","scope":"…","openid-configuration":"…"}    only if it is not believed
//! client  ^A
//! ```
//!
//! A client without a token sends an empty `auth` to learn from the answer where to get one.

use crate::error::AuthenticationError;

/// The byte between the parts of a message, and the whole of the last one.
const BEARER_SEPARATOR: u8 = 1;

/// What a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BearerMessage<'a> {
    /// Whom the client says it wants to be, if it says so.
    pub identity: Option<String>,
    /// Empty if the client asks where to get one.
    pub token: &'a [u8],
}

impl<'a> BearerMessage<'a> {
    /// Reads the client's message.
    pub fn parse(message: &'a [u8]) -> Result<Self, AuthenticationError> {
        let (header, rest) =
            split_at(message, BEARER_SEPARATOR).ok_or_else(|| malformed("Key-value list expected."))?;
        let identity = identity(header)?;
        let mut rest = rest;
        let mut token = None;
        loop {
            let (pair, behind) =
                split_at(rest, BEARER_SEPARATOR).ok_or_else(|| malformed("Message is missing its final separator."))?;
            rest = behind;
            if pair.is_empty() {
                break;
            }
            let (name, value) =
                split_at(pair, b'=').ok_or_else(|| malformed("Message contains a key without a value."))?;
            if name.is_empty() || !name.iter().all(u8::is_ascii_alphabetic) {
                return Err(malformed("Message contains an invalid key name."));
            }
            // Host and port, which a client may send too, are known better from the connection.
            if name == b"auth" && token.replace(credentials(value)?).is_some() {
                return Err(malformed("Message contains multiple auth values."));
            }
        }
        if !rest.is_empty() {
            return Err(malformed("Message contains additional data after the final terminator."));
        }
        let token = token.ok_or_else(|| malformed("Message does not contain an auth value."))?;
        Ok(Self { identity, token })
    }

    /// Reads what a client must answer to a refusal.
    pub fn parse_farewell(message: &[u8]) -> Result<(), AuthenticationError> {
        if message == [BEARER_SEPARATOR] { Ok(()) } else { Err(malformed("Client did not send a kvsep response.")) }
    }
}

/// The answer to a token that is not believed, or to none: where one is to be had.
pub fn bearer_refusal(openid_configuration: Option<&str>, scope: Option<&str>) -> Vec<u8> {
    let mut refusal = serde_json::Map::new();
    refusal.insert("status".to_owned(), "invalid_token".into());
    for (name, value) in [("openid-configuration", openid_configuration), ("scope", scope)] {
        if let Some(value) = value {
            refusal.insert(name.to_owned(), value.into());
        }
    }
    serde_json::Value::Object(refusal).to_string().into_bytes()
}

/// The `gs2-header` before the pairs: no channel binding, and perhaps whom the client wants to be.
fn identity(header: &[u8]) -> Result<Option<String>, AuthenticationError> {
    match header.first() {
        Some(b'n' | b'y') => {}
        Some(b'p') => {
            return Err(malformed(
                "The server does not support channel binding for OAuth, but the client message includes channel binding data.",
            ));
        }
        _ => return Err(malformed("Unexpected channel-binding flag.")),
    }
    let rest = header.get(1..).unwrap_or_default();
    let rest = rest.strip_prefix(b",").ok_or_else(|| malformed("Comma expected after the channel-binding flag."))?;
    let (name, end) = split_at(rest, b',').ok_or_else(|| malformed("Comma expected after the identity."))?;
    if !end.is_empty() {
        return Err(malformed("Unexpected attribute before the key-value list."));
    }
    if name.is_empty() {
        return Ok(None);
    }
    let name = name.strip_prefix(b"a=").ok_or_else(|| malformed("Unexpected attribute before the key-value list."))?;
    let name = std::str::from_utf8(name).map_err(|_| malformed("The identity is not UTF-8."))?;
    unescaped(name).map(Some)
}

/// `=2C` and `=3D` stand for the comma and the equals sign (RFC 5801, section 4).
fn unescaped(name: &str) -> Result<String, AuthenticationError> {
    let mut parts = name.split('=');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(malformed("The identity has a malformed escape.")),
        };
        plain.push(character);
        plain.push_str(rest);
    }
    Ok(plain)
}

/// `Bearer` in any case, spaces, and a token of the letters that RFC 6750 allows.
fn credentials(value: &[u8]) -> Result<&[u8], AuthenticationError> {
    const SCHEME: &[u8] = b"bearer";
    if value.is_empty() {
        return Ok(value);
    }
    let (scheme, rest) = value.split_at_checked(SCHEME.len()).unwrap_or((value, b""));
    let token = rest.trim_ascii_start();
    let is_bearer = scheme.eq_ignore_ascii_case(SCHEME) && rest.first() == Some(&b' ');
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    if is_bearer && !token.is_empty() && token.iter().all(is_plain) {
        Ok(token)
    } else {
        Err(malformed("Bearer token is malformed."))
    }
}

fn split_at(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn malformed(detail: &str) -> AuthenticationError {
    AuthenticationError::MalformedBearer { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests;
