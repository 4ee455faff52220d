//! Where an object lies in a document, as `.keyvalue()` tells objects apart.
//!
//! PostgreSQL's id of an object is its distance from the beginning of the document in the bytes that jsonb is stored as
//! there. They are not ours, so the distance is counted: a container is a header and an entry for each of its parts (keys
//! have entries of their own), then the keys, then what the parts are. Numbers and containers begin at multiples of four.

use std::ptr;

use storage::Numeric;
use storage::value::jsonb::Json;

const HEADER_BYTES: usize = 4;
const ENTRY_BYTES: usize = 4;
const ALIGNED_BYTES: usize = 4;
/// The length in front of a number, and what says its sign, weight and scale.
const NUMBER_SHORT_BYTES: usize = 6;
const NUMBER_LONG_BYTES: usize = 8;

/// The distance in bytes; `None` if the sought part is not one of the document's own.
pub(super) fn distance(document: &Json, sought: &Json) -> Option<i64> {
    find(document, sought, &mut 0).and_then(|bytes| i64::try_from(bytes).ok())
}

/// Goes over a part, or stops at what is sought.
fn find(part: &Json, sought: &Json, at: &mut usize) -> Option<usize> {
    let aligned = |at: usize| at.next_multiple_of(ALIGNED_BYTES);
    match part {
        Json::Null | Json::Bool(_) => {}
        Json::String(text) => *at += text.len(),
        Json::Number(number) => *at = aligned(*at) + number_bytes(number),
        Json::Array(_) | Json::Object(_) => {
            *at = aligned(*at);
            if ptr::eq(part, sought) {
                return Some(*at);
            }
        }
    }
    match part {
        Json::Array(elements) => {
            *at += HEADER_BYTES + ENTRY_BYTES * elements.len();
            elements.iter().find_map(|element| find(element, sought, at))
        }
        Json::Object(members) => {
            *at += HEADER_BYTES + 2 * ENTRY_BYTES * members.len();
            *at += members.iter().map(|(key, _)| key.len()).sum::<usize>();
            members.iter().find_map(|(_, value)| find(value, sought, at))
        }
        _ => None,
    }
}

fn number_bytes(number: &Numeric) -> usize {
    let parts = number.to_base10000();
    let is_short = parts.dscale < 64 && (-64..64).contains(&parts.weight);
    let head = if is_short { NUMBER_SHORT_BYTES } else { NUMBER_LONG_BYTES };
    head + 2 * parts.digits.len()
}
