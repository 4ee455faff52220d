//! Hash values of PostgreSQL's hash indexes and partitions, which applications take for advisory locks and for sharding.
//!
//! The function is Bob Jenkins' lookup3, seeded as PostgreSQL seeds it.

use storage::Value;

use super::Function;
use super::argument::{bytes, float, int2, int4, int8, integer, interval, text, time, timestamp};
use super::define::immutable;
use crate::error::{Error, Result};
use crate::types::datetime::{DAY, microseconds_of_interval};
use crate::types::oid::*;

/// A hash function and its kin with a seed.
macro_rules! hashes {
    ($($oid:literal $name:literal $extended:literal $extended_name:literal $ty:ident $compute:expr;)*) => {
        pub(super) const FUNCTIONS: &[Function] = &[$(
            immutable($oid, $name, &[$ty], INT4, |_, args| plain(args, $compute)),
            immutable($extended, $extended_name, &[$ty, INT8], INT8, |_, args| seeded(args, $compute)),
        )*];
    };
}

hashes! {
    400 "hashtext" 448 "hashtextextended" TEXT |value| Ok(Hashed::bytes(text(value)?.as_bytes()));
    455 "hashname" 446 "hashnameextended" NAME |value| Ok(Hashed::bytes(text(value)?.as_bytes()));
    1080 "hashbpchar" 972 "hashbpcharextended" BPCHAR |value| Ok(Hashed::bytes(text(value)?.trim_end_matches(' ').as_bytes()));
    454 "hashchar" 435 "hashcharextended" CHAR |value| Ok(Hashed::Word(text(value)?.bytes().next().map_or(0, |byte| byte as i8 as i32 as u32)));
    456 "hashvarlena" 772 "hashvarlenaextended" BYTEA |value| Ok(Hashed::bytes(bytes(value)?));
    449 "hashint2" 441 "hashint2extended" INT2 |value| Ok(Hashed::Word(i32::from(int2(value)?) as u32));
    450 "hashint4" 425 "hashint4extended" INT4 |value| Ok(Hashed::Word(int4(value)? as u32));
    949 "hashint8" 442 "hashint8extended" INT8 |value| Ok(Hashed::long(int8(value)?));
    453 "hashoid" 445 "hashoidextended" OID |value| Ok(Hashed::Word(integer(value)? as u32));
    451 "hashfloat4" 443 "hashfloat4extended" FLOAT4 |value| Ok(Hashed::float(float(value)?));
    452 "hashfloat8" 444 "hashfloat8extended" FLOAT8 |value| Ok(Hashed::float(float(value)?));
    1688 "time_hash" 3409 "time_hash_extended" TIME |value| Ok(Hashed::long(time(value)?));
    2039 "timestamp_hash" 3411 "timestamp_hash_extended" TIMESTAMP |value| Ok(Hashed::moment(timestamp(value)?));
    1697 "interval_hash" 3418 "interval_hash_extended" INTERVAL |value| Ok(Hashed::long(microseconds_of_interval(interval(value)?) as i64));
    2963 "uuid_hash" 3412 "uuid_hash_extended" UUID |value| match value {
        Value::Uuid(bytes) => Ok(Hashed::bytes(bytes)),
        _ => Err(Error::internal("a hash function wants a uuid")),
    };
}

/// What is hashed: a word of 32 bits, or bytes.
enum Hashed<'a> {
    Word(u32),
    Bytes(&'a [u8]),
    Float([u8; 8]),
    Zero,
}

impl<'a> Hashed<'a> {
    fn bytes(bytes: &'a [u8]) -> Self {
        Hashed::Bytes(bytes)
    }

    /// So that the same number hashes alike as int4 and int8.
    fn long(value: i64) -> Self {
        let (low, high) = (value as u32, (value >> 32) as u32);
        Hashed::Word(low ^ if value >= 0 { high } else { !high })
    }

    /// PostgreSQL counts from the year 2000.
    fn moment(value: i64) -> Self {
        let infinite = value == i64::MAX || value == i64::MIN;
        Self::long(if infinite { value } else { value - 10_957 * DAY })
    }

    fn float(value: f64) -> Self {
        if value == 0.0 {
            return Hashed::Zero;
        }
        Hashed::Float(if value.is_nan() { f64::NAN } else { value }.to_le_bytes())
    }

    fn hash(&self, seed: u64) -> (u32, u32) {
        match self {
            Hashed::Word(word) => {
                let mut state = State::new(4, seed);
                state.0 = state.0.wrapping_add(*word);
                state.finish()
            }
            Hashed::Bytes(bytes) => hash(bytes, seed),
            Hashed::Float(bytes) => hash(bytes, seed),
            Hashed::Zero => ((seed >> 32) as u32, seed as u32),
        }
    }
}

fn plain(args: &[Value], hashed: fn(&Value) -> Result<Hashed<'_>>) -> Result<Value> {
    Ok(Value::Int4(hashed(&args[0])?.hash(0).1 as i32))
}

fn seeded(args: &[Value], hashed: fn(&Value) -> Result<Hashed<'_>>) -> Result<Value> {
    let (high, low) = hashed(&args[0])?.hash(int8(&args[1])? as u64);
    Ok(Value::Int8((u64::from(high) << 32 | u64::from(low)) as i64))
}

#[derive(Clone, Copy)]
struct State(u32, u32, u32);

impl State {
    fn new(length: usize, seed: u64) -> Self {
        let start = 0x9e37_79b9_u32.wrapping_add(length as u32).wrapping_add(3_923_095);
        let mut state = State(start, start, start);
        if seed != 0 {
            state.0 = state.0.wrapping_add((seed >> 32) as u32);
            state.1 = state.1.wrapping_add(seed as u32);
            state.mix();
        }
        state
    }

    fn mix(&mut self) {
        let State(mut a, mut b, mut c) = *self;
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        *self = State(a, b, c);
    }

    /// The last two words, of which the second is the hash of 32 bits.
    fn finish(self) -> (u32, u32) {
        let State(mut a, mut b, mut c) = self;
        c = (c ^ b).wrapping_sub(b.rotate_left(14));
        a = (a ^ c).wrapping_sub(c.rotate_left(11));
        b = (b ^ a).wrapping_sub(a.rotate_left(25));
        c = (c ^ b).wrapping_sub(b.rotate_left(16));
        a = (a ^ c).wrapping_sub(c.rotate_left(4));
        b = (b ^ a).wrapping_sub(a.rotate_left(14));
        c = (c ^ b).wrapping_sub(b.rotate_left(24));
        (b, c)
    }
}

fn hash(bytes: &[u8], seed: u64) -> (u32, u32) {
    let mut state = State::new(bytes.len(), seed);
    let mut chunks = bytes.chunks_exact(12);
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    for chunk in &mut chunks {
        state.0 = state.0.wrapping_add(word(&chunk[..4]));
        state.1 = state.1.wrapping_add(word(&chunk[4..8]));
        state.2 = state.2.wrapping_add(word(&chunk[8..]));
        state.mix();
    }
    let rest = chunks.remainder();
    let part = |from: usize| word(&rest[from.min(rest.len())..(from + 4).min(rest.len())]);
    state.0 = state.0.wrapping_add(part(0));
    state.1 = state.1.wrapping_add(part(4));
    // The lowest byte of the last word is kept for the length.
    state.2 = state.2.wrapping_add(part(8) << 8);
    state.finish()
}
