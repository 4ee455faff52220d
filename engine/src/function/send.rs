//! `float8send` and its kin: values in the form in which the protocol carries them in binary.

use storage::Value;

use super::define::immutable;
use super::{Eval, EvalContext, Function};
use crate::error::Result;
use crate::types::binary::write_binary;
use crate::types::oid::*;

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    sends(2437, "boolsend", &[BOOL], |context, args| sent(context, args, BOOL)),
    sends(2413, "byteasend", &[BYTEA], |context, args| sent(context, args, BYTEA)),
    sends(2423, "namesend", &[NAME], |context, args| sent(context, args, NAME)),
    sends(2409, "int8send", &[INT8], |context, args| sent(context, args, INT8)),
    sends(2405, "int2send", &[INT2], |context, args| sent(context, args, INT2)),
    sends(2407, "int4send", &[INT4], |context, args| sent(context, args, INT4)),
    sends(2415, "textsend", &[TEXT], |context, args| sent(context, args, TEXT)),
    sends(2419, "oidsend", &[OID], |context, args| sent(context, args, OID)),
    sends(324, "json_send", &[JSON], |context, args| sent(context, args, JSON)),
    sends(2425, "float4send", &[FLOAT4], |context, args| sent(context, args, FLOAT4)),
    sends(2427, "float8send", &[FLOAT8], |context, args| sent(context, args, FLOAT8)),
    sends(2431, "bpcharsend", &[BPCHAR], |context, args| sent(context, args, BPCHAR)),
    sends(2433, "varcharsend", &[VARCHAR], |context, args| sent(context, args, VARCHAR)),
    sends(2469, "date_send", &[DATE], |context, args| sent(context, args, DATE)),
    sends(2471, "time_send", &[TIME], |context, args| sent(context, args, TIME)),
    sends(2475, "timestamp_send", &[TIMESTAMP], |context, args| sent(context, args, TIMESTAMP)),
    sends(2477, "timestamptz_send", &[TIMESTAMPTZ], |context, args| sent(context, args, TIMESTAMPTZ)),
    sends(2479, "interval_send", &[INTERVAL], |context, args| sent(context, args, INTERVAL)),
    sends(2473, "timetz_send", &[TIMETZ], |context, args| sent(context, args, TIMETZ)),
    sends(2461, "numeric_send", &[NUMERIC], |context, args| sent(context, args, NUMERIC)),
    sends(2962, "uuid_send", &[UUID], |context, args| sent(context, args, UUID)),
    sends(3803, "jsonb_send", &[JSONB], |context, args| sent(context, args, JSONB)),
];

const fn sends(oid: u32, name: &'static str, args: &'static [u32], eval: Eval) -> Function {
    immutable(oid, name, args, BYTEA, eval)
}

fn sent(context: &EvalContext, args: &[Value], ty: u32) -> Result<Value> {
    let mut bytes = Vec::new();
    write_binary(args[0].as_ref(), ty, &context.session.format, &mut bytes)?;
    Ok(Value::Bytea(bytes.into()))
}
