//! As much of DER as public keys are written in: `SubjectPublicKeyInfo` (RFC 5280) around an RSA key (RFC 8017) or a
//! point of P-256 (RFC 5480).

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// `rsaEncryption` and its NULL.
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `id-ecPublicKey` and `prime256v1`.
const P256: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A public key, its numbers in big-endian bytes.
pub(super) enum PublicKey {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
}

/// Reads a `SubjectPublicKeyInfo`; None if it is none, or of another algorithm.
pub(super) fn public_key(der: &[u8]) -> Option<PublicKey> {
    let mut info = whole(der, SEQUENCE)?;
    let algorithm = take(&mut info, SEQUENCE)?;
    let key = whole(info, BIT_STRING)?.strip_prefix(&[0])?;
    match algorithm {
        RSA => rsa_public_key(key),
        P256 => Some(PublicKey::P256(key.to_vec())),
        _ => None,
    }
}

/// Reads an `RSAPublicKey`.
pub(super) fn rsa_public_key(der: &[u8]) -> Option<PublicKey> {
    let mut numbers = whole(der, SEQUENCE)?;
    let modulus = take(&mut numbers, INTEGER)?;
    let exponent = whole(numbers, INTEGER)?;
    Some(PublicKey::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
}

/// The contents of the one element that `der` is.
fn whole(mut der: &[u8], tag: u8) -> Option<&[u8]> {
    let contents = take(&mut der, tag)?;
    der.is_empty().then_some(contents)
}

/// Takes an element off the front; its contents.
fn take<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&[found, length], mut rest) = der.split_first_chunk()?;
    let length = match length {
        0..=0x7f => usize::from(length),
        // Keys are shorter than two bytes count.
        0x81 | 0x82 => {
            let (bytes, behind) = rest.split_at_checked(usize::from(length & 0x0f))?;
            rest = behind;
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    *der = rest;
    (found == tag).then_some(contents)
}
