//! `uuid-ossp`: UUIDs of versions 1, 3, 4 and 5 (RFC 4122).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use storage::Value;

use super::crypto::sha1;
use crate::error::Result;
use crate::function::Function;
use crate::function::argument::{text, uuid};
use crate::function::define::{immutable, volatile};
use crate::function::encoding::md5;
use crate::types::datetime::now;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(9950, "uuid_nil", &[], UUID, |_, _| Ok(Value::Uuid([0; 16]))),
    immutable(9951, "uuid_ns_dns", &[], UUID, |_, _| Ok(namespace(0))),
    immutable(9952, "uuid_ns_url", &[], UUID, |_, _| Ok(namespace(1))),
    immutable(9953, "uuid_ns_oid", &[], UUID, |_, _| Ok(namespace(2))),
    immutable(9954, "uuid_ns_x500", &[], UUID, |_, _| Ok(namespace(4))),
    volatile(9955, "uuid_generate_v1", &[], UUID, |_, _| Ok(Value::Uuid(of_time(*NODE)))),
    volatile(9956, "uuid_generate_v1mc", &[], UUID, |_, _| Ok(Value::Uuid(of_time(random_node())))),
    immutable(9957, "uuid_generate_v3", &[UUID, TEXT], UUID, |_, args| {
        let digest = md5(&named(args)?);
        Ok(Value::Uuid(versioned(digest, 3)))
    }),
    volatile(9958, "uuid_generate_v4", &[], UUID, |_, _| Ok(Value::Uuid(*uuid::Uuid::new_v4().as_bytes()))),
    immutable(9959, "uuid_generate_v5", &[UUID, TEXT], UUID, |_, args| {
        let digest = sha1(&named(args)?);
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Ok(Value::Uuid(versioned(first, 5)))
    }),
];

/// From 1582-10-15, where the time of a UUID begins, to 1970-01-01, in microseconds.
const GREGORIAN_US: i64 = 12_219_292_800_000_000;

/// What stands for the machine until the server ends. Whether it has a network card, and which, is nobody's business.
static NODE: LazyLock<u64> = LazyLock::new(random_node);

/// Tells UUIDs of this run from those of another one under a clock that was set back.
static SEQUENCE: LazyLock<u16> = LazyLock::new(|| rand::random::<u16>() & 0x3fff);

/// The time that was given out last, in steps of 100 ns.
static TICK: AtomicU64 = AtomicU64::new(0);

/// 48 bits, of which one says that it is no network card's.
fn random_node() -> u64 {
    rand::random::<u64>() >> 16 | 1 << 40
}

/// The names of the known spaces of names differ in one number.
fn namespace(number: u32) -> Value {
    let mut id = *b"\x6b\xa7\xb8\x10\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8";
    id[3] += number as u8;
    Value::Uuid(id)
}

/// A space of names and a name in it.
fn named(args: &[Value]) -> Result<Vec<u8>> {
    let space = uuid(&args[0])?;
    Ok([&space[..], text(&args[1])?.as_bytes()].concat())
}

fn versioned(mut id: [u8; 16], version: u8) -> [u8; 16] {
    id[6] = id[6] & 0x0f | version << 4;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

/// The time, no two of which are the same, and a node.
fn of_time(node: u64) -> [u8; 16] {
    let now = u64::try_from(now() + GREGORIAN_US).unwrap_or(0) * 10;
    let mut known = TICK.load(Ordering::Relaxed);
    let time = loop {
        let next = now.max(known + 1);
        match TICK.compare_exchange_weak(known, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => break next,
            Err(other) => known = other,
        }
    };
    let mut id = [0; 16];
    id[..4].copy_from_slice(&(time as u32).to_be_bytes());
    id[4..6].copy_from_slice(&((time >> 32) as u16).to_be_bytes());
    id[6..8].copy_from_slice(&((time >> 48) as u16).to_be_bytes());
    id[8..10].copy_from_slice(&SEQUENCE.to_be_bytes());
    id[10..].copy_from_slice(&node.to_be_bytes()[2..]);
    versioned(id, 1)
}
