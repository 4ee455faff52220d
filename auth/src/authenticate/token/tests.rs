use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::key::KEYS_MAX;
use super::*;
use crate::authenticate::verifier::hmac_sha256;

/// The examples of RFC 7515, appendices A.1 to A.3: one payload, signed in three ways.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const EXPIRES: i64 = 1_300_819_380;
const HS256: (&str, &str) = ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
const RS256: (&str, &str) = (
    "eyJhbGciOiJSUzI1NiJ9",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU\
     Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d\
     O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig\
     cN_IoypGlUPQGe77Rw",
);
const ES256: (&str, &str) =
    ("eyJhbGciOiJFUzI1NiJ9", "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
const SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL\
     -yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7W\
     TBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD\
     TW9gb54h4FRWyuXpoQ";

const RSA_PEM: &str = include_str!("tests/rsa.pem");
const RSA_PKCS1_PEM: &str = include_str!("tests/rsa-pkcs1.pem");
const SMALL_RSA_PEM: &str = include_str!("tests/rsa-1024.pem");
const P256_PEM: &str = include_str!("tests/p256.pem");

/// The three keys as RFC 7517 writes them.
fn key_set() -> String {
    format!(
        r#"{{"keys":[
            {{"kty":"oct","kid":"h","k":"{SECRET}"}},
            {{"kty":"RSA","kid":"r","use":"sig","alg":"RS256","n":"{RSA_MODULUS}","e":"AQAB"}},
            {{"kty":"EC","kid":"e","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
              "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}},
            {{"kty":"OKP","crv":"Ed25519","x":"AA"}},
            {{"kty":"RSA","use":"enc","n":"AA","e":"AQAB"}},
            {{"kty":"RSA","alg":"PS256","n":"AA","e":"AQAB"}}
        ]}}"#
    )
}

fn secret() -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(SECRET).unwrap()
}

/// Believes these keys, and the user in `sub`.
fn tokens(keys: Vec<Key>) -> Tokens {
    Tokens {
        keys: KeySet::new(keys).unwrap(),
        issuer: None,
        audiences: Vec::new(),
        user_claim: "sub".to_owned(),
        role_claim: None,
        leeway_seconds: 0,
    }
}

fn by_secret() -> Tokens {
    tokens(vec![Key::from_secret(None, &secret()).unwrap()])
}

fn token(header: &str, claims: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(&secret(), input.as_bytes()));
    format!("{input}.{signature}")
}

/// What becomes of claims that are signed well, at the time 1000.
fn verified(tokens: &Tokens, claims: &str) -> Result<TokenIdentity, TokenError> {
    tokens.verify(token(r#"{"alg":"HS256"}"#, claims).as_bytes(), 1000)
}

fn user(tokens: &Tokens, claims: &str) -> Result<String, TokenError> {
    verified(tokens, claims).map(|identity| identity.user)
}

fn of_rfc((header, signature): (&str, &str)) -> String {
    format!("{header}.{PAYLOAD}.{signature}")
}

#[test]
fn the_examples_of_the_rfc_are_believed() {
    let pem = |pem: &str| vec![Key::from_pem(None, pem).unwrap()];
    let set = Key::from_jwk_set(&key_set()).unwrap();
    assert_eq!(set.len(), 3);
    for (keys, example) in [
        (vec![Key::from_secret(None, &secret()).unwrap()], HS256),
        (pem(RSA_PEM), RS256),
        (pem(RSA_PKCS1_PEM), RS256),
        (pem(P256_PEM), ES256),
        (set.clone(), HS256),
        (set.clone(), RS256),
        (set, ES256),
    ] {
        let tokens = Tokens { user_claim: "iss".to_owned(), ..tokens(keys) };
        let token = of_rfc(example);
        assert_eq!(tokens.verify(token.as_bytes(), EXPIRES - 1).unwrap().user, "joe");
        assert_eq!(tokens.verify(token.as_bytes(), EXPIRES), Err(TokenError::Expired));
        // One bit of what is signed, one of the signature.
        let mut forged = token.clone().into_bytes();
        forged[example.0.len() + 5] ^= 1;
        assert!(tokens.verify(&forged, EXPIRES - 1).is_err());
        let mut forged = token.into_bytes();
        *forged.last_mut().unwrap() = b'A';
        forged[example.0.len() + PAYLOAD.len() + 3] ^= 2;
        assert!(matches!(tokens.verify(&forged, EXPIRES - 1), Err(TokenError::WrongSignature | TokenError::NotAToken)));
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let claims = r#"{"sub":"a","exp":2000}"#;
    // The public key, which everybody knows, taken for a secret.
    for pem in [RSA_PEM, P256_PEM] {
        let tokens = tokens(vec![Key::from_pem(None, pem).unwrap()]);
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(claims));
        for secret in [pem.as_bytes(), pem.trim().as_bytes()] {
            let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(secret, input.as_bytes()));
            let token = format!("{input}.{signature}");
            assert_eq!(tokens.verify(token.as_bytes(), 1000), Err(TokenError::WrongAlgorithm));
        }
    }
    for algorithm in ["none", "None", "HS384", "RS256", "hs256", ""] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        assert_eq!(by_secret().verify(token(&header, claims).as_bytes(), 1000), Err(TokenError::WrongAlgorithm));
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(by_secret().verify(unsigned.as_bytes(), 1000), Err(TokenError::WrongAlgorithm));
    }
    let empty = token(r#"{"alg":"HS256"}"#, claims);
    let empty = &empty[..=empty.rfind('.').unwrap()];
    assert_eq!(by_secret().verify(empty.as_bytes(), 1000), Err(TokenError::WrongSignature));
}

#[test]
fn the_kid_chooses() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let ours = Key::p256(Some("new".to_owned()), point.clone()).unwrap();
    let other = Key::from_pem(Some("old".to_owned()), P256_PEM).unwrap();
    let sign = |kid: &str| {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256"{kid}}}"#));
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(r#"{"sub":"a","exp":2000}"#));
        let signature = pair.sign(&random, input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let verify = |keys: &[&Key], kid: &str| {
        tokens(keys.iter().map(|key| (*key).clone()).collect()).verify(sign(kid).as_bytes(), 1000).map(|_| ())
    };
    assert_eq!(verify(&[&other, &ours], r#","kid":"new""#), Ok(()));
    assert_eq!(verify(&[&other, &ours], ""), Ok(()));
    assert_eq!(verify(&[&other, &ours], r#","kid":"old""#), Err(TokenError::WrongSignature));
    assert_eq!(verify(&[&other, &ours], r#","kid":"third""#), Err(TokenError::UnknownKey));
    assert_eq!(verify(&[&other], r#","kid":"new""#), Err(TokenError::UnknownKey));
    assert_eq!(verify(&[&ours], r#","kid":7"#), Err(TokenError::MissingClaim));
    // A key without a name is for tokens whose key is not known by name.
    let nameless = Key::p256(None, point).unwrap();
    assert_eq!(verify(&[&other, &nameless], r#","kid":"new""#), Ok(()));
    assert_eq!(verify(&[&nameless, &ours], r#","kid":"new""#), Ok(()));
}

#[test]
fn times_are_kept_with_leeway() {
    let exact = by_secret();
    let lenient = Tokens { leeway_seconds: 60, ..by_secret() };
    let check = |claims: &str, exactly: Result<(), TokenError>, leniently: Result<(), TokenError>| {
        let claims = format!(r#"{{"sub":"a",{claims}}}"#);
        assert_eq!(verified(&exact, &claims).map(|_| ()), exactly, "{claims}");
        assert_eq!(verified(&lenient, &claims).map(|_| ()), leniently, "{claims}");
    };
    use TokenError::{Expired, MissingClaim, NotYetValid};
    check(r#""exp":1001"#, Ok(()), Ok(()));
    check(r#""exp":1000.5"#, Ok(()), Ok(()));
    check(r#""exp":1e30"#, Ok(()), Ok(()));
    check(r#""exp":1000"#, Err(Expired), Ok(()));
    check(r#""exp":941"#, Err(Expired), Ok(()));
    check(r#""exp":940"#, Err(Expired), Err(Expired));
    check(r#""exp":-1"#, Err(Expired), Err(Expired));
    check(r#""exp":"2000""#, Err(MissingClaim), Err(MissingClaim));
    check(r#""exp":null"#, Err(MissingClaim), Err(MissingClaim));
    check(r#""nbf":1"#, Err(MissingClaim), Err(MissingClaim));
    check(r#""exp":2000,"nbf":1000"#, Ok(()), Ok(()));
    check(r#""exp":2000,"nbf":1060"#, Err(NotYetValid), Ok(()));
    check(r#""exp":2000,"nbf":1061"#, Err(NotYetValid), Err(NotYetValid));
    check(r#""exp":2000,"iat":1061"#, Err(NotYetValid), Err(NotYetValid));
    check(r#""exp":2000,"iat":[]"#, Err(MissingClaim), Err(MissingClaim));
}

#[test]
fn issuer_and_audience_must_be_those_that_are_expected() {
    use TokenError::{MissingClaim, WrongAudience, WrongIssuer};
    let strict = Tokens {
        issuer: Some("https://id".to_owned()),
        audiences: vec!["db".to_owned(), "kalamdb".to_owned()],
        ..by_secret()
    };
    let check = |tokens: &Tokens, claims: &str, expected: Result<(), TokenError>| {
        let claims = format!(r#"{{"sub":"a","exp":2000{claims}}}"#);
        assert_eq!(verified(tokens, &claims).map(|_| ()), expected, "{claims}");
    };
    check(&strict, r#","iss":"https://id","aud":"db""#, Ok(()));
    check(&strict, r#","iss":"https://id","aud":["x","kalamdb"]"#, Ok(()));
    check(&strict, r#","iss":"https://id","aud":["x"]"#, Err(WrongAudience));
    check(&strict, r#","iss":"https://id","aud":[]"#, Err(WrongAudience));
    check(&strict, r#","iss":"https://id","aud":["db",1]"#, Err(MissingClaim));
    check(&strict, r#","iss":"https://id""#, Err(WrongAudience));
    check(&strict, r#","iss":"https://id/","aud":"db""#, Err(WrongIssuer));
    check(&strict, r#","aud":"db""#, Err(WrongIssuer));
    check(&strict, r#","iss":["https://id"],"aud":"db""#, Err(MissingClaim));
    // A token for somebody else, when nothing says that we are meant.
    check(&by_secret(), r#","iss":"anybody""#, Ok(()));
    check(&by_secret(), r#","aud":"db""#, Err(WrongAudience));
}

#[test]
fn claims_become_a_name_and_a_kind_of_role() {
    let tokens =
        Tokens { user_claim: "email".to_owned(), role_claim: Some("https://id/roles".to_owned()), ..by_secret() };
    let kind = |roles: &str| {
        verified(&tokens, &format!(r#"{{"email":"ann@x","exp":2000,"https://id/roles":{roles}}}"#)).unwrap().role
    };
    assert_eq!(kind(r#""service""#), ClaimedRole::Service);
    assert_eq!(kind(r#"["user","dba","editor"]"#), ClaimedRole::Dba);
    for nothing in [r#""system""#, r#""superuser""#, r#""DBA""#, "null", "7", "[]", r#"["dba",7]"#, r#"{"dba":1}"#] {
        assert_eq!(kind(nothing), ClaimedRole::User, "{nothing}");
    }
    assert_eq!(user(&tokens, r#"{"sub":"a","exp":2000}"#), Err(TokenError::MissingClaim));
    let unasked = verified(&by_secret(), r#"{"sub":"a","exp":2000,"role":"dba"}"#).unwrap();
    assert_eq!(unasked.role, ClaimedRole::User);
}

#[test]
fn a_name_is_taken_as_it_is_or_not_at_all() {
    let named = |name: &str| user(&by_secret(), &format!(r#"{{"sub":"{name}","exp":2000}}"#));
    for good in ["a", "Ann", "auth0|5f7c8ec7", "../../etc/passwd", "ann@example.com", "'; DROP", "ü", &"x".repeat(63)]
    {
        assert_eq!(named(good).as_deref(), Ok(good));
    }
    assert_eq!(named(r#"a\"b"#).as_deref(), Ok("a\"b"));
    for bad in ["", &"x".repeat(64), &"ü".repeat(32), r"a\u0000b", r"a\nb", "pg_read_all_data", "public", "none"] {
        assert_eq!(named(bad), Err(TokenError::UnusableName), "{bad}");
    }
    for other in ["7", "null", "[\"a\"]", "{}"] {
        assert_eq!(
            user(&by_secret(), &format!(r#"{{"sub":{other},"exp":2000}}"#)),
            Err(TokenError::MissingClaim),
            "{other}"
        );
    }
}

#[test]
fn the_form_is_strict() {
    let claims = r#"{"sub":"a","exp":2000}"#;
    let verify = |token: &str| by_secret().verify(token.as_bytes(), 1000).map(|_| ());
    let with_header = |header: &str| verify(&token(header, claims));
    let good = token(r#"{"alg":"HS256"}"#, claims);
    assert_eq!(verify(&good), Ok(()));
    for typed in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        assert_eq!(with_header(&format!(r#"{{"alg":"HS256","typ":"{typed}"}}"#)), Ok(()));
    }
    use TokenError::{NotAToken, Unreadable, UnsupportedHeader};
    for typed in ["logout+jwt", "dpop+jwt", ""] {
        assert_eq!(with_header(&format!(r#"{{"alg":"HS256","typ":"{typed}"}}"#)), Err(UnsupportedHeader));
    }
    assert_eq!(with_header(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#), Err(UnsupportedHeader));
    assert_eq!(with_header(r#"{"alg":"HS256","crit":null}"#), Err(UnsupportedHeader));
    assert_eq!(with_header(r#"{"alg":"HS256","alg":"HS256"}"#), Err(Unreadable));
    assert_eq!(with_header(r#"["HS256"]"#), Err(Unreadable));
    assert_eq!(with_header("{}"), Err(Unreadable));
    assert_eq!(with_header(r#"{"alg":"HS256"} x"#), Err(Unreadable));
    // Keys that a token brings along are not looked at.
    assert_eq!(with_header(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"http://x"}"#), Ok(()));
    for twice in [r#"{"sub":"a","exp":2000,"sub":"postgres"}"#, "null", "", "{", "\u{0}"] {
        assert_eq!(verified(&by_secret(), twice).map(|_| ()), Err(Unreadable), "{twice}");
    }
    let deep = format!(r#"{{"sub":"a","exp":2000,"x":{}{}}}"#, "[".repeat(4000), "]".repeat(4000));
    assert_eq!(verified(&by_secret(), &deep).map(|_| ()), Err(Unreadable));
    for bad in [
        String::new(),
        "a password".to_owned(),
        "..".to_owned(),
        format!("{good}="),
        format!("{good}."),
        format!(" {good}"),
        good.replace('.', ".."),
        format!("{good}.{good}"),
        good.replacen('.', "=.", 1),
        "é.é.é".to_owned(),
    ] {
        assert!(matches!(verify(&bad), Err(NotAToken | Unreadable)), "{bad}");
    }
    let long =
        token(r#"{"alg":"HS256"}"#, &format!(r#"{{"sub":"a","exp":2000,"x":"{}"}}"#, "x".repeat(TOKEN_BYTES_MAX)));
    assert_eq!(verify(&long), Err(NotAToken));
}

#[test]
fn keys_that_cannot_serve_are_refused() {
    let pem = |text: &str| Key::from_pem(None, text).map(|key| key.algorithm());
    assert_eq!(pem(RSA_PEM), Ok(Algorithm::Rs256));
    assert_eq!(pem(&format!("a comment\n{P256_PEM}\nmore")), Ok(Algorithm::Es256));
    assert_eq!(pem(SMALL_RSA_PEM), Err(KeyError::RsaSize));
    assert_eq!(pem(""), Err(KeyError::NoPublicKey));
    assert_eq!(pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"), Err(KeyError::NoPublicKey));
    assert_eq!(pem(&P256_PEM.replace("PUBLIC", "PRIVATE")), Err(KeyError::NoPublicKey));
    // Every prefix of a key, and every key with a byte changed, is read without a panic.
    let (_, der) = P256_PEM.split_once('\n').unwrap();
    let der: String = der.split("-----").next().unwrap().split_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
    for length in 0..der.len() {
        assert!(der::public_key(&der[..length]).is_none());
        let mut other = der.clone();
        other[length] ^= 0x81;
        let _ = der::public_key(&other);
    }

    assert_eq!(Key::from_secret(None, &[7; 31]).map(|_| ()), Err(KeyError::ShortSecret));
    assert_eq!(KeySet::new(Vec::new()).map(|_| ()), Err(KeyError::NoUsableKey));
    let key = Key::from_secret(None, &[7; 32]).unwrap();
    assert_eq!(KeySet::new(vec![key.clone(); KEYS_MAX + 1]).map(|_| ()), Err(KeyError::TooManyKeys));
    assert_eq!(format!("{key:?}"), "Key { id: None, algorithm: Hs256, .. }");

    let set = |text: &str| Key::from_jwk_set(text).map(|keys| keys.len()).map_err(|error| error.to_string());
    assert_eq!(set("[]"), Err("it is not a JWK set".to_owned()));
    assert_eq!(set(r#"{"keys":[]}"#), Err("it holds no key that is supported".to_owned()));
    assert_eq!(set(r#"{"keys":[{"kty":"RSA","n":"AA"}]}"#), Err("key 1 of the set: \"e\" is missing".to_owned()));
    assert_eq!(
        set(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#),
        Err("key 1 of the set: a secret for HS256 must have at least 32 bytes".to_owned())
    );
    assert_eq!(set(r#"{"keys":[{"kty":"oct","k":"*"}]}"#), Err("key 1 of the set: \"k\" is not base64url".to_owned()));
    assert_eq!(
        set(r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#),
        Err("key 1 of the set: the point of a P-256 key is malformed".to_owned())
    );
}
