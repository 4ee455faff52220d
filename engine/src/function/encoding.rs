//! Bytes as text in other ways, and MD5.

use storage::Value;

use super::argument::{bytes, invalid, text, text_of};
use super::define::immutable;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::text::{decode_hex, encode_hex, into_text, parse_escaped};

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(1946, "encode", &[BYTEA, TEXT], TEXT, encode),
    immutable(1947, "decode", &[TEXT, TEXT], BYTEA, decode),
    immutable(2311, "md5", &[TEXT], TEXT, |_, args| text_of(md5_hex(text(&args[0])?.as_bytes()))),
    immutable(2321, "md5", &[BYTEA], TEXT, |_, args| text_of(md5_hex(bytes(&args[0])?))),
];

fn unrecognized(encoding: &str) -> Error {
    invalid(format!("unrecognized encoding: \"{encoding}\""))
}

fn encode(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, encoding) = (bytes(&args[0])?, text(&args[1])?);
    let mut out = Vec::new();
    match encoding.to_ascii_lowercase().as_str() {
        "hex" => encode_hex(value, &mut out),
        "escape" => encode_escape(value, &mut out),
        "base64" => encode_base64(value, &mut out),
        _ => return Err(unrecognized(encoding)),
    }
    text_of(into_text(out))
}

/// Zero, bytes that are no ASCII and backslashes; everything else as it is.
fn encode_escape(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        match byte {
            0 | 0x80.. => out.extend([b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
            b'\\' => out.extend(b"\\\\"),
            byte => out.push(*byte),
        }
    }
}

fn decode(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, encoding) = (text(&args[0])?, text(&args[1])?);
    let decoded = match encoding.to_ascii_lowercase().as_str() {
        "hex" => decode_hex(value)?,
        "escape" => parse_escaped(value)?,
        "base64" => decode_base64(value)?,
        _ => return Err(unrecognized(encoding)),
    };
    Ok(Value::Bytea(decoded.into()))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Lines of 76 characters, as MIME has them.
const LINE: usize = 76;

fn encode_base64(value: &[u8], out: &mut Vec<u8>) {
    let mut line = 0;
    for (index, chunk) in value.chunks(3).enumerate() {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        if index > 0 && line == LINE {
            out.push(b'\n');
            line = 0;
        }
        for digit in 0..4 {
            let used = digit <= chunk.len();
            out.push(if used { ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize] } else { b'=' });
        }
        line += 4;
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0_u32, 0, 0);
    for c in text.chars() {
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let digit = if c == '=' {
            if count < 2 || padding == 2 {
                return Err(invalid("unexpected \"=\" while decoding base64 sequence"));
            }
            padding += 1;
            0
        } else {
            let found = ALPHABET.iter().position(|digit| char::from(*digit) == c).filter(|_| padding == 0);
            found.ok_or_else(|| invalid(format!("invalid symbol \"{c}\" found while decoding base64 sequence")))?
        };
        bits = bits << 6 | digit as u32;
        count += 1;
        if count == 4 {
            let bytes = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
            out.extend_from_slice(&bytes[..3 - padding]);
            (bits, count) = (0, 0);
        }
    }
    if count != 0 {
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "invalid base64 end sequence")
            .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
    }
    Ok(out)
}

fn md5_hex(message: &[u8]) -> String {
    let mut out = Vec::with_capacity(32);
    encode_hex(&md5(message), &mut out);
    into_text(out)
}

/// How far each step of a round rotates (RFC 1321).
const ROTATIONS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The MD5 digest (RFC 1321).
pub(super) fn md5(message: &[u8]) -> [u8; 16] {
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let mut chunks = message.chunks_exact(64);
    for chunk in &mut chunks {
        md5_block(&mut state, chunk);
    }
    let rest = chunks.remainder();
    let mut tail = [0_u8; 128];
    tail[..rest.len()].copy_from_slice(rest);
    tail[rest.len()] = 0x80;
    let end = if rest.len() < 56 { 64 } else { 128 };
    let bits = (message.len() as u64).wrapping_mul(8);
    tail[end - 8..end].copy_from_slice(&bits.to_le_bytes());
    for chunk in tail[..end].chunks_exact(64) {
        md5_block(&mut state, chunk);
    }
    let mut digest = [0_u8; 16];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

fn md5_block(state: &mut [u32; 4], block: &[u8]) {
    let mut words = [0_u32; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64 {
        let (mixed, index) = match step / 16 {
            0 => (b & c | !b & d, step),
            1 => (d & b | !d & c, (5 * step + 1) % 16),
            2 => (b ^ c ^ d, (3 * step + 5) % 16),
            _ => (c ^ (b | !d), 7 * step % 16),
        };
        // The constants are the digits of sines.
        let constant = ((step as f64 + 1.0).sin().abs() * 4_294_967_296.0) as u32;
        let sum = a.wrapping_add(mixed).wrapping_add(constant).wrapping_add(words[index]);
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(ROTATIONS[step / 16][step % 4]));
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(new);
    }
}
