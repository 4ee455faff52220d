//! `pgcrypto`: digests, HMAC (RFC 2104) and random bytes. Encryption and hashes of passwords are not there.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use storage::Value;

use crate::error::{Error, Result, SqlState};
use crate::function::Function;
use crate::function::argument::{bytes, int4, invalid, text};
use crate::function::define::{immutable, volatile};
use crate::function::encoding::md5;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(9940, "digest", &[TEXT, TEXT], BYTEA, |_, args| digest(text(&args[0])?.as_bytes(), text(&args[1])?)),
    immutable(9941, "digest", &[BYTEA, TEXT], BYTEA, |_, args| digest(bytes(&args[0])?, text(&args[1])?)),
    immutable(9942, "hmac", &[TEXT, TEXT, TEXT], BYTEA, |_, args| {
        hmac(text(&args[0])?.as_bytes(), text(&args[1])?.as_bytes(), text(&args[2])?)
    }),
    immutable(9943, "hmac", &[BYTEA, BYTEA, TEXT], BYTEA, |_, args| {
        hmac(bytes(&args[0])?, bytes(&args[1])?, text(&args[2])?)
    }),
    volatile(9944, "gen_random_bytes", &[INT4], BYTEA, |_, args| random_bytes(int4(&args[0])?)),
    volatile(9945, "gen_random_uuid", &[], UUID, |_, _| Ok(Value::Uuid(*uuid::Uuid::new_v4().as_bytes()))),
];

pub(super) const ABSENT: &[&str] = &[
    "armor",
    "crypt",
    "dearmor",
    "decrypt",
    "decrypt_iv",
    "encrypt",
    "encrypt_iv",
    "gen_salt",
    "pgp_armor_headers",
    "pgp_key_id",
    "pgp_pub_decrypt",
    "pgp_pub_decrypt_bytea",
    "pgp_pub_encrypt",
    "pgp_pub_encrypt_bytea",
    "pgp_sym_decrypt",
    "pgp_sym_decrypt_bytea",
    "pgp_sym_encrypt",
    "pgp_sym_encrypt_bytea",
];

/// Most bytes that one call answers.
const RANDOM_BYTES_MAX: i32 = 1024;

#[derive(Debug, Clone, Copy)]
enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// 22023 for a name that means none of them.
    fn named(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            other => return Err(invalid(format!("Cannot use \"{other}\": No such hash algorithm"))),
        })
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => md5(message).to_vec(),
            Self::Sha1 => sha1(message).to_vec(),
            Self::Sha224 => Sha224::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// Bytes that it takes at a time.
    fn block(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha224 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }
}

fn digest(message: &[u8], algorithm: &str) -> Result<Value> {
    Ok(Value::Bytea(Algorithm::named(algorithm)?.digest(message).into()))
}

fn hmac(message: &[u8], key: &[u8], algorithm: &str) -> Result<Value> {
    let algorithm = Algorithm::named(algorithm)?;
    let mut padded = if key.len() > algorithm.block() { algorithm.digest(key) } else { key.to_vec() };
    padded.resize(algorithm.block(), 0);
    let keyed = |mask: u8, rest: &[u8]| {
        let block = padded.iter().map(|byte| byte ^ mask);
        algorithm.digest(&block.chain(rest.iter().copied()).collect::<Vec<_>>())
    };
    Ok(Value::Bytea(keyed(0x5c, &keyed(0x36, message)).into()))
}

fn random_bytes(count: i32) -> Result<Value> {
    if !(1..=RANDOM_BYTES_MAX).contains(&count) {
        return Err(Error::new(SqlState("39000"), "Length not in range"));
    }
    let mut random = vec![0; count as usize];
    rand::fill(&mut random[..]);
    Ok(Value::Bytea(random.into()))
}

/// The SHA-1 digest (FIPS 180-4): for what others have made, since it is no longer safe.
pub(super) fn sha1(message: &[u8]) -> [u8; 20] {
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64), 0);
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(message.len() as u64).wrapping_mul(8).to_be_bytes());
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded.chunks_exact(64) {
        sha1_block(&mut state, block);
    }
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn sha1_block(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for at in 16..80 {
        words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (at, word) in words.into_iter().enumerate() {
        let (mixed, constant) = match at / 20 {
            0 => (b & c | !b & d, 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    for (kept, new) in state.iter_mut().zip([a, b, c, d, e]) {
        *kept = kept.wrapping_add(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn sha1_answers_what_its_standard_says() {
        assert_eq!(hex(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let longer = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&sha1(longer)), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        // Around the borders of a block each length is padded in its own way.
        let lengths: Vec<String> = [55, 56, 63, 64, 65].map(|count| hex(&sha1(&vec![b'a'; count]))).to_vec();
        assert_eq!(lengths.iter().map(|digest| &digest[..8]).collect::<Vec<_>>(), LENGTHS);
    }

    /// The beginnings of the digests of so many letters.
    const LENGTHS: [&str; 5] = ["c1c8bbdc", "c2db330f", "03f09f5b", "0098ba82", "11655326"];
}
