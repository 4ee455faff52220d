//! What the server says of itself: encodings, sizes as text, and features that are not there.

use storage::{Numeric, Value};

use super::argument::{int4, invalid, text, text_of};
use super::define::{immutable, stable, volatile};
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::network::Network;
use crate::types::oid::*;
use crate::types::text::is_space;

pub(super) const FUNCTIONS: &[Function] = &[
    stable(1039, "getdatabaseencoding", &[], NAME, |_, _| text_of("UTF8")),
    stable(810, "pg_client_encoding", &[], NAME, |context, _| {
        text_of(context.session.settings.get("client_encoding").unwrap_or_else(|| "UTF8".to_owned()))
    }),
    stable(710, "getpgusername", &[], NAME, |context, _| text_of(context.session.current_user.as_str())),
    immutable(2319, "pg_encoding_max_length", &[INT4], INT4, |_, args| {
        let length = usize::try_from(int4(&args[0])?).ok().and_then(|number| ENCODING_LENGTHS.get(number));
        Ok(length.map_or(Value::Null, |length| Value::Int4(*length)))
    }),
    stable(2196, "inet_client_addr", &[], INET, |context, _| {
        let address = context.session.client_address;
        Ok(address.map_or(Value::Null, |address| Value::Bytea(Network::of(address).encode().into())))
    }),
    // Neither triggers nor compiled expressions nor row security can be there.
    stable(3163, "pg_trigger_depth", &[], INT4, |_, _| Ok(Value::Int4(0))),
    stable(315, "pg_jit_available", &[], BOOL, |_, _| Ok(Value::Bool(false))),
    volatile(3334, "pg_size_bytes", &[TEXT], INT8, size_of_text),
];

/// The most bytes that a character has in each encoding, by PostgreSQL's number of it.
const ENCODING_LENGTHS: [i32; 42] = [
    1, 3, 3, 3, 4, 3, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
    2, 4, 3, 2,
];

/// `1.5 GB` in bytes.
fn size_of_text(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let whole = text(&args[0])?;
    let refused = || invalid(format!("invalid size: \"{whole}\""));
    let trimmed = whole.trim_matches(is_space);
    let end = number_length(trimmed).ok_or_else(refused)?;
    let (number, unit) = trimmed.split_at(end);
    let factor: i64 = match unit.trim_start_matches(is_space).to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        "tb" => 1 << 40,
        "pb" => 1 << 50,
        _ => {
            let shown = unit.trim_start_matches(is_space);
            return Err(refused()
                .with_detail(format!("Invalid size unit: \"{shown}\"."))
                .with_hint("Valid units are \"bytes\", \"B\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\"."));
        }
    };
    let number = Numeric::parse(number).map_err(|_| refused())?;
    let bytes = number.mul(&Numeric::from_i64(factor)).map_err(crate::types::text::numeric_error)?;
    bytes
        .to_i64()
        .map(Value::Int8)
        .ok_or_else(|| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range"))
}

/// How long the number is that text begins with.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let count = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(text.starts_with(['-', '+']));
    let mut digits = count(end);
    end += digits;
    if bytes.get(end) == Some(&b'.') {
        let fraction = count(end + 1);
        digits += fraction;
        end += 1 + fraction;
    }
    if digits == 0 {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = count(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    Some(end)
}
