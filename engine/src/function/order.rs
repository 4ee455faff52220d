//! Comparisons that say which of two values comes first, as -1, 0 or 1, and the greater and smaller of two.

use std::cmp::Ordering;

use storage::Value;

use super::compare::compare;
use super::define::immutable;
use super::{EvalContext, Function};
use crate::error::Result;
use crate::types::oid::*;

/// One function for each type.
macro_rules! orders {
    ($($oid:literal $name:literal $ty:ident;)*) => {
        &[$(immutable($oid, $name, &[$ty, $ty], INT4, three_way),)*]
    };
}

pub(super) const FUNCTIONS: &[Function] = orders! {
    1693 "btboolcmp" BOOL;
    350 "btint2cmp" INT2;
    351 "btint4cmp" INT4;
    842 "btint8cmp" INT8;
    356 "btoidcmp" OID;
    358 "btcharcmp" CHAR;
    359 "btnamecmp" NAME;
    360 "bttextcmp" TEXT;
    354 "btfloat4cmp" FLOAT4;
    355 "btfloat8cmp" FLOAT8;
    1769 "numeric_cmp" NUMERIC;
    1954 "byteacmp" BYTEA;
    1092 "date_cmp" DATE;
    1107 "time_cmp" TIME;
    2045 "timestamp_cmp" TIMESTAMP;
    1314 "timestamptz_cmp" TIMESTAMPTZ;
    1315 "interval_cmp" INTERVAL;
    2960 "uuid_cmp" UUID;
};

fn three_way(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(match compare(&args[0], &args[1])? {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}

/// The greater or the smaller of two values.
macro_rules! choices {
    ($($larger:literal $larger_name:literal $smaller:literal $smaller_name:literal $ty:ident;)*) => {
        &[$(
            immutable($larger, $larger_name, &[$ty, $ty], $ty, larger),
            immutable($smaller, $smaller_name, &[$ty, $ty], $ty, smaller),
        )*]
    };
}

pub(super) const CHOICES: &[Function] = choices! {
    770 "int2larger" 771 "int2smaller" INT2;
    768 "int4larger" 769 "int4smaller" INT4;
    1236 "int8larger" 1237 "int8smaller" INT8;
    209 "float4larger" 211 "float4smaller" FLOAT4;
    223 "float8larger" 224 "float8smaller" FLOAT8;
    1767 "numeric_larger" 1766 "numeric_smaller" NUMERIC;
    1965 "oidlarger" 1966 "oidsmaller" OID;
    458 "text_larger" 459 "text_smaller" TEXT;
    1138 "date_larger" 1139 "date_smaller" DATE;
    1377 "time_larger" 1378 "time_smaller" TIME;
    2036 "timestamp_larger" 2035 "timestamp_smaller" TIMESTAMP;
    1196 "timestamptz_larger" 1195 "timestamptz_smaller" TIMESTAMPTZ;
    1198 "interval_larger" 1197 "interval_smaller" INTERVAL;
};

fn larger(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(args[usize::from(compare(&args[0], &args[1])? == Ordering::Less)].clone())
}

fn smaller(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(args[usize::from(compare(&args[0], &args[1])? == Ordering::Greater)].clone())
}
