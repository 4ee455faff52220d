//! Casts: the rows of `pg_cast` between the types here, and the functions that convert.

use std::sync::Arc;

use storage::{Numeric, Value};

use super::argument::{
    boolean, date, float, int4, int8, integer, interval, numeric, numeric_of, out_of_range, text, text_of, time,
    timestamp, timestamptz,
};
use super::define::{immutable, stable};
use super::json::cast::{JSON_TO_JSONB, JSONB_TO_JSON};
use super::resolve::check_defined;
use super::{Batch, Cast, CastContext, CastMethod, EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::datetime::{
    self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY,
};
use crate::types::defined::FIRST_OID;
use crate::types::modifier::apply_modifier;
use crate::types::oid::*;
use crate::types::text::{Format, Names, byte_of_char, cut_name, find_label, label_of, parse_char, registered_name};
use crate::types::{Type, builtin, oid};

use CastContext::{Assignment, Explicit, Implicit};

/// Functions of conversions that PostgreSQL does by taking the bits as they are; ours have another width.
/// Their numbers are beyond those that PostgreSQL gives out.
const INT4_TO_OID: u32 = 9_000;
const OID_TO_INT4: u32 = 9_001;

/// What widens a smallint; an oid is as wide here as a bigint.
const INT2_TO_INT8: u32 = 754;
/// What PostgreSQL has in its place where it makes an oid of a smallint.
const INT2_TO_INT4: u32 = 313;

impl Cast {
    /// `castfunc` and `castmethod` of `pg_cast`. Values of some types have the same bytes in PostgreSQL, or are read from
    /// the other's text, where a function of ours converts them.
    pub(crate) fn shown(&self) -> (u32, char) {
        match self.method {
            CastMethod::Binary => (0, 'b'),
            CastMethod::Text => (0, 'i'),
            CastMethod::Function(function) => match function.oid {
                INT4_TO_OID | OID_TO_INT4 => (0, 'b'),
                JSON_TO_JSONB | JSONB_TO_JSON => (0, 'i'),
                INT2_TO_INT8 if self.target != INT8 => (INT2_TO_INT4, 'f'),
                oid => (oid, 'f'),
            },
        }
    }
}

/// Those that are told how many bits to make.
pub(crate) const NUMBER_TO_BITS: [u32; 2] = [1683, 2075];

/// Source, target, context, and the function's oid; 0 if the value stays as it is.
#[rustfmt::skip]
pub(super) const CASTS: &[(u32, u32, CastContext, u32)] = &[
    (BIT, INT4, Explicit, 1684),
    (BIT, INT8, Explicit, 2076),
    (BIT, VARBIT, Implicit, 0),
    (BOOL, BPCHAR, Assignment, 2971),
    (BOOL, INT4, Explicit, 2558),
    (BOOL, TEXT, Assignment, 2971),
    (BOOL, VARCHAR, Assignment, 2971),
    (BPCHAR, CHAR, Assignment, 944),
    (BPCHAR, NAME, Implicit, 409),
    (BPCHAR, TEXT, Implicit, 401),
    (BPCHAR, VARCHAR, Implicit, 401),
    (CHAR, BPCHAR, Assignment, 860),
    (CHAR, INT4, Explicit, 77),
    (CHAR, TEXT, Implicit, 946),
    (CHAR, VARCHAR, Assignment, 946),
    (DATE, TIMESTAMP, Implicit, 2024),
    (DATE, TIMESTAMPTZ, Implicit, 1174),
    (FLOAT4, FLOAT8, Implicit, 311),
    (FLOAT4, INT2, Assignment, 238),
    (FLOAT4, INT4, Assignment, 319),
    (FLOAT4, INT8, Assignment, 653),
    (FLOAT4, NUMERIC, Assignment, 1742),
    (FLOAT8, FLOAT4, Assignment, 312),
    (FLOAT8, INT2, Assignment, 237),
    (FLOAT8, INT4, Assignment, 317),
    (FLOAT8, INT8, Assignment, 483),
    (FLOAT8, NUMERIC, Assignment, 1743),
    (INT2, FLOAT4, Implicit, 236),
    (INT2, FLOAT8, Implicit, 235),
    (INT2, INT4, Implicit, 313),
    (INT2, INT8, Implicit, 754),
    (INT2, NUMERIC, Implicit, 1782),
    (INT2, OID, Implicit, 754),
    (INT2, REGCLASS, Implicit, 754),
    (INT2, REGCOLLATION, Implicit, 754),
    (INT2, REGCONFIG, Implicit, 754),
    (INT2, REGDICTIONARY, Implicit, 754),
    (INT2, REGNAMESPACE, Implicit, 754),
    (INT2, REGOPER, Implicit, 754),
    (INT2, REGOPERATOR, Implicit, 754),
    (INT2, REGPROC, Implicit, 754),
    (INT2, REGPROCEDURE, Implicit, 754),
    (INT2, REGROLE, Implicit, 754),
    (INT2, REGTYPE, Implicit, 754),
    (INT4, BIT, Explicit, NUMBER_TO_BITS[0]),
    (INT4, BOOL, Explicit, 2557),
    (INT4, CHAR, Explicit, 78),
    (INT4, FLOAT4, Implicit, 318),
    (INT4, FLOAT8, Implicit, 316),
    (INT4, INT2, Assignment, 314),
    (INT4, INT8, Implicit, 481),
    (INT4, NUMERIC, Implicit, 1740),
    (INT4, OID, Implicit, INT4_TO_OID),
    (INT4, REGCLASS, Implicit, INT4_TO_OID),
    (INT4, REGCOLLATION, Implicit, INT4_TO_OID),
    (INT4, REGCONFIG, Implicit, INT4_TO_OID),
    (INT4, REGDICTIONARY, Implicit, INT4_TO_OID),
    (INT4, REGNAMESPACE, Implicit, INT4_TO_OID),
    (INT4, REGOPER, Implicit, INT4_TO_OID),
    (INT4, REGOPERATOR, Implicit, INT4_TO_OID),
    (INT4, REGPROC, Implicit, INT4_TO_OID),
    (INT4, REGPROCEDURE, Implicit, INT4_TO_OID),
    (INT4, REGROLE, Implicit, INT4_TO_OID),
    (INT4, REGTYPE, Implicit, INT4_TO_OID),
    (INT8, BIT, Explicit, NUMBER_TO_BITS[1]),
    (INT8, FLOAT4, Implicit, 652),
    (INT8, FLOAT8, Implicit, 482),
    (INT8, INT2, Assignment, 714),
    (INT8, INT4, Assignment, 480),
    (INT8, NUMERIC, Implicit, 1781),
    (INT8, OID, Implicit, 1287),
    (INT8, REGCLASS, Implicit, 1287),
    (INT8, REGCOLLATION, Implicit, 1287),
    (INT8, REGCONFIG, Implicit, 1287),
    (INT8, REGDICTIONARY, Implicit, 1287),
    (INT8, REGNAMESPACE, Implicit, 1287),
    (INT8, REGOPER, Implicit, 1287),
    (INT8, REGOPERATOR, Implicit, 1287),
    (INT8, REGPROC, Implicit, 1287),
    (INT8, REGPROCEDURE, Implicit, 1287),
    (INT8, REGROLE, Implicit, 1287),
    (INT8, REGTYPE, Implicit, 1287),
    (INTERVAL, TIME, Assignment, 1419),
    (JSON, JSONB, Assignment, JSON_TO_JSONB),
    (JSONB, BOOL, Explicit, 3556),
    (JSONB, FLOAT4, Explicit, 3453),
    (JSONB, FLOAT8, Explicit, 2580),
    (JSONB, INT2, Explicit, 3450),
    (JSONB, INT4, Explicit, 3451),
    (JSONB, INT8, Explicit, 3452),
    (JSONB, JSON, Assignment, JSONB_TO_JSON),
    (JSONB, NUMERIC, Explicit, 3449),
    (NAME, BPCHAR, Assignment, 408),
    (NAME, TEXT, Implicit, 406),
    (NAME, VARCHAR, Assignment, 1401),
    (NUMERIC, FLOAT4, Implicit, 1745),
    (NUMERIC, FLOAT8, Implicit, 1746),
    (NUMERIC, INT2, Assignment, 1783),
    (NUMERIC, INT4, Assignment, 1744),
    (NUMERIC, INT8, Assignment, 1779),
    (OID, INT4, Assignment, OID_TO_INT4),
    (OID, INT8, Assignment, 1288),
    (OID, REGCLASS, Implicit, 0),
    (OID, REGCOLLATION, Implicit, 0),
    (OID, REGCONFIG, Implicit, 0),
    (OID, REGDICTIONARY, Implicit, 0),
    (OID, REGNAMESPACE, Implicit, 0),
    (OID, REGOPER, Implicit, 0),
    (OID, REGOPERATOR, Implicit, 0),
    (OID, REGPROC, Implicit, 0),
    (OID, REGPROCEDURE, Implicit, 0),
    (OID, REGROLE, Implicit, 0),
    (OID, REGTYPE, Implicit, 0),
    (PG_NODE_TREE, TEXT, Implicit, 0),
    (REGCLASS, INT4, Assignment, OID_TO_INT4),
    (REGCLASS, INT8, Assignment, 1288),
    (REGCLASS, OID, Implicit, 0),
    (REGCOLLATION, INT4, Assignment, OID_TO_INT4),
    (REGCOLLATION, INT8, Assignment, 1288),
    (REGCOLLATION, OID, Implicit, 0),
    (REGCONFIG, INT4, Assignment, OID_TO_INT4),
    (REGCONFIG, INT8, Assignment, 1288),
    (REGCONFIG, OID, Implicit, 0),
    (REGDICTIONARY, INT4, Assignment, OID_TO_INT4),
    (REGDICTIONARY, INT8, Assignment, 1288),
    (REGDICTIONARY, OID, Implicit, 0),
    (REGNAMESPACE, INT4, Assignment, OID_TO_INT4),
    (REGNAMESPACE, INT8, Assignment, 1288),
    (REGNAMESPACE, OID, Implicit, 0),
    (REGOPER, INT4, Assignment, OID_TO_INT4),
    (REGOPER, INT8, Assignment, 1288),
    (REGOPER, OID, Implicit, 0),
    (REGOPER, REGOPERATOR, Implicit, 0),
    (REGOPERATOR, INT4, Assignment, OID_TO_INT4),
    (REGOPERATOR, INT8, Assignment, 1288),
    (REGOPERATOR, OID, Implicit, 0),
    (REGOPERATOR, REGOPER, Implicit, 0),
    (REGPROC, INT4, Assignment, OID_TO_INT4),
    (REGPROC, INT8, Assignment, 1288),
    (REGPROC, OID, Implicit, 0),
    (REGPROC, REGPROCEDURE, Implicit, 0),
    (REGPROCEDURE, INT4, Assignment, OID_TO_INT4),
    (REGPROCEDURE, INT8, Assignment, 1288),
    (REGPROCEDURE, OID, Implicit, 0),
    (REGPROCEDURE, REGPROC, Implicit, 0),
    (REGROLE, INT4, Assignment, OID_TO_INT4),
    (REGROLE, INT8, Assignment, 1288),
    (REGROLE, OID, Implicit, 0),
    (REGTYPE, INT4, Assignment, OID_TO_INT4),
    (REGTYPE, INT8, Assignment, 1288),
    (REGTYPE, OID, Implicit, 0),
    (TEXT, BPCHAR, Implicit, 0),
    (TEXT, CHAR, Assignment, 944),
    (TEXT, NAME, Implicit, 407),
    (TEXT, REGCLASS, Implicit, 1079),
    (INT4RANGE, INT4MULTIRANGE, Explicit, 4281),
    (INT8RANGE, INT8MULTIRANGE, Explicit, 4296),
    (NUMRANGE, NUMMULTIRANGE, Explicit, 4284),
    (DATERANGE, DATEMULTIRANGE, Explicit, 4293),
    (TSRANGE, TSMULTIRANGE, Explicit, 4287),
    (TSTZRANGE, TSTZMULTIRANGE, Explicit, 4290),
    (TEXT, VARCHAR, Implicit, 0),
    (POINT, BOX, Assignment, 4091),
    (LSEG, POINT, Explicit, 1532),
    (PATH, POLYGON, Assignment, 1449),
    (BOX, POINT, Explicit, 1534),
    (BOX, LSEG, Explicit, 1541),
    (BOX, POLYGON, Assignment, 1448),
    (BOX, CIRCLE, Explicit, 1479),
    (POLYGON, POINT, Explicit, 1540),
    (POLYGON, PATH, Assignment, 1447),
    (POLYGON, BOX, Explicit, 1446),
    (POLYGON, CIRCLE, Explicit, 1474),
    (CIRCLE, POINT, Explicit, 1416),
    (CIRCLE, BOX, Explicit, 1480),
    (CIRCLE, POLYGON, Explicit, 1544),
    (CIDR, INET, Implicit, 0),
    (INET, CIDR, Assignment, 1715),
    (CIDR, TEXT, Assignment, 730),
    (INET, TEXT, Assignment, 730),
    (CIDR, VARCHAR, Assignment, 730),
    (INET, VARCHAR, Assignment, 730),
    (CIDR, BPCHAR, Assignment, 730),
    (INET, BPCHAR, Assignment, 730),
    (TIME, INTERVAL, Implicit, 1370),
    (TIME, TIMETZ, Implicit, 2047),
    (TIMETZ, TIME, Assignment, 2046),
    (TIMESTAMPTZ, TIMETZ, Assignment, 1388),
    (TIMESTAMP, DATE, Assignment, 2029),
    (TIMESTAMP, TIME, Assignment, 1316),
    (TIMESTAMP, TIMESTAMPTZ, Implicit, 2028),
    (TIMESTAMPTZ, DATE, Assignment, 1178),
    (TIMESTAMPTZ, TIME, Assignment, 2019),
    (TIMESTAMPTZ, TIMESTAMP, Assignment, 2027),
    (VARCHAR, BPCHAR, Implicit, 0),
    (VARCHAR, CHAR, Assignment, 944),
    (VARCHAR, NAME, Implicit, 1400),
    (VARCHAR, REGCLASS, Implicit, 1079),
    (VARCHAR, TEXT, Implicit, 0),
    (VARBIT, BIT, Implicit, 0),
    (MACADDR, MACADDR8, Implicit, 4123),
    (MACADDR8, MACADDR, Implicit, 4124),
    (INT4, MONEY, Assignment, 3811),
    (INT8, MONEY, Assignment, 3812),
    (NUMERIC, MONEY, Assignment, 3824),
    (MONEY, NUMERIC, Assignment, 3823),
    (XID8, XID, Explicit, 5071),
];

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(2557, "bool", &[INT4], BOOL, |_, args| Ok(Value::Bool(int4(&args[0])? != 0))),
    immutable(2558, "int4", &[BOOL], INT4, |_, args| Ok(Value::Int4(i32::from(boolean(&args[0])?)))),
    immutable(2971, "text", &[BOOL], TEXT, |_, args| text_of(if boolean(&args[0])? { "true" } else { "false" })),
    // Integers.
    immutable(313, "int4", &[INT2], INT4, to_int4).batched(Batch::Widen),
    immutable(754, "int8", &[INT2], INT8, to_int8).batched(Batch::Widen),
    immutable(481, "int8", &[INT4], INT8, to_int8).batched(Batch::Widen),
    immutable(314, "int2", &[INT4], INT2, to_int2),
    immutable(714, "int2", &[INT8], INT2, to_int2),
    immutable(480, "int4", &[INT8], INT4, to_int4),
    immutable(INT4_TO_OID, "int4_to_oid", &[INT4], OID, |_, args| Ok(Value::Int8(i64::from(int4(&args[0])? as u32)))),
    immutable(OID_TO_INT4, "oid_to_int4", &[OID], INT4, |_, args| Ok(Value::Int4(int8(&args[0])? as u32 as i32))),
    immutable(1287, "oid", &[INT8], OID, |_, args| {
        let value = u32::try_from(int8(&args[0])?).map_err(|_| out_of_range("OID"))?;
        Ok(Value::Int8(i64::from(value)))
    }),
    immutable(1288, "int8", &[OID], INT8, |_, args| Ok(Value::Int8(int8(&args[0])?))),
    // Floats.
    immutable(235, "float8", &[INT2], FLOAT8, integer_to_float8).batched(Batch::Widen),
    immutable(316, "float8", &[INT4], FLOAT8, integer_to_float8).batched(Batch::Widen),
    immutable(482, "float8", &[INT8], FLOAT8, integer_to_float8).batched(Batch::Widen),
    immutable(236, "float4", &[INT2], FLOAT4, integer_to_float4).batched(Batch::Widen),
    immutable(318, "float4", &[INT4], FLOAT4, integer_to_float4).batched(Batch::Widen),
    immutable(652, "float4", &[INT8], FLOAT4, integer_to_float4).batched(Batch::Widen),
    immutable(311, "float8", &[FLOAT4], FLOAT8, |_, args| Ok(Value::Float8(float(&args[0])?))).batched(Batch::Widen),
    immutable(312, "float4", &[FLOAT8], FLOAT4, |_, args| to_float4(float(&args[0])?)),
    immutable(237, "int2", &[FLOAT8], INT2, float_to_int2),
    immutable(238, "int2", &[FLOAT4], INT2, float_to_int2),
    immutable(317, "int4", &[FLOAT8], INT4, float_to_int4),
    immutable(319, "int4", &[FLOAT4], INT4, float_to_int4),
    immutable(483, "int8", &[FLOAT8], INT8, float_to_int8),
    immutable(653, "int8", &[FLOAT4], INT8, float_to_int8),
    // Numerics.
    immutable(1782, "numeric", &[INT2], NUMERIC, integer_to_numeric),
    immutable(1740, "numeric", &[INT4], NUMERIC, integer_to_numeric),
    immutable(1781, "numeric", &[INT8], NUMERIC, integer_to_numeric),
    immutable(1742, "numeric", &[FLOAT4], NUMERIC, |_, args| match &args[0] {
        Value::Float4(value) => numeric_of(Ok(Numeric::from_f32(*value))),
        other => numeric_of(Ok(Numeric::from_f64(float(other)?))),
    }),
    immutable(1743, "numeric", &[FLOAT8], NUMERIC, |_, args| numeric_of(Ok(Numeric::from_f64(float(&args[0])?)))),
    immutable(1783, "int2", &[NUMERIC], INT2, |_, args| {
        let value = whole(numeric(&args[0])?, "smallint")?;
        value.to_i16().map(Value::Int2).ok_or_else(|| out_of_range("smallint"))
    }),
    immutable(1744, "int4", &[NUMERIC], INT4, |_, args| {
        let value = whole(numeric(&args[0])?, "integer")?;
        value.to_i32().map(Value::Int4).ok_or_else(|| out_of_range("integer"))
    }),
    immutable(1779, "int8", &[NUMERIC], INT8, |_, args| {
        let value = whole(numeric(&args[0])?, "bigint")?;
        value.to_i64().map(Value::Int8).ok_or_else(|| out_of_range("bigint"))
    }),
    immutable(1745, "float4", &[NUMERIC], FLOAT4, |_, args| {
        let value = numeric(&args[0])?;
        fits_float(to_float4(value.to_f64()), value, "real")
    }),
    immutable(1746, "float8", &[NUMERIC], FLOAT8, |_, args| {
        let value = numeric(&args[0])?;
        fits_float(Ok(Value::Float8(value.to_f64())), value, "double precision")
    }),
    // Text.
    immutable(401, "text", &[BPCHAR], TEXT, |_, args| text_of(text(&args[0])?.trim_end_matches(' ')))
        .batched(Batch::Trim),
    immutable(406, "text", &[NAME], TEXT, |_, args| text_of(text(&args[0])?)),
    immutable(407, "name", &[TEXT], NAME, |_, args| text_of(cut_name(text(&args[0])?))),
    immutable(1400, "name", &[VARCHAR], NAME, |_, args| text_of(cut_name(text(&args[0])?))),
    immutable(409, "name", &[BPCHAR], NAME, |_, args| text_of(cut_name(text(&args[0])?.trim_end_matches(' ')))),
    immutable(408, "bpchar", &[NAME], BPCHAR, |_, args| text_of(text(&args[0])?)),
    immutable(1401, "varchar", &[NAME], VARCHAR, |_, args| text_of(text(&args[0])?)),
    immutable(944, "char", &[TEXT], CHAR, |_, args| text_of(parse_char(text(&args[0])?))),
    immutable(946, "text", &[CHAR], TEXT, |_, args| text_of(text(&args[0])?)),
    immutable(860, "bpchar", &[CHAR], BPCHAR, |_, args| text_of(text(&args[0])?)),
    immutable(77, "int4", &[CHAR], INT4, |_, args| {
        Ok(Value::Int4(i32::from(byte_of_char(text(&args[0])?).cast_signed())))
    }),
    immutable(78, "char", &[INT4], CHAR, |_, args| {
        let value = int4(&args[0])?;
        let code = u8::try_from(value).ok().filter(u8::is_ascii);
        match code {
            Some(0) => text_of(""),
            Some(code) => text_of((code as char).to_string()),
            None => Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "\"char\" out of range")),
        }
    }),
    stable(1079, "regclass", &[TEXT], REGCLASS, |context, args| {
        let found = crate::types::text::regclass(text(&args[0])?, &context.catalog, &context.session.search_path)?;
        Ok(Value::Int8(i64::from(found)))
    }),
    // Modifiers: the value, the modifier, and whether the cast is explicit.
    immutable(669, "varchar", &[VARCHAR, INT4, BOOL], VARCHAR, |_, args| fit(args, oid::VARCHAR)),
    immutable(668, "bpchar", &[BPCHAR, INT4, BOOL], BPCHAR, |_, args| fit(args, oid::BPCHAR)),
    immutable(1703, "numeric", &[NUMERIC, INT4], NUMERIC, |_, args| fit(args, oid::NUMERIC)),
    immutable(1961, "timestamp", &[TIMESTAMP, INT4], TIMESTAMP, |_, args| fit(args, oid::TIMESTAMP)),
    immutable(1967, "timestamptz", &[TIMESTAMPTZ, INT4], TIMESTAMPTZ, |_, args| fit(args, oid::TIMESTAMPTZ)),
    immutable(1968, "time", &[TIME, INT4], TIME, |_, args| fit(args, oid::TIME)),
    immutable(1200, "interval", &[INTERVAL, INT4], INTERVAL, |_, args| fit(args, oid::INTERVAL)),
    // Dates and times.
    immutable(2024, "timestamp", &[DATE], TIMESTAMP, |_, args| Ok(Value::Timestamp(start_of(date(&args[0])?)?))),
    stable(1174, "timestamptz", &[DATE], TIMESTAMPTZ, |context, args| {
        Ok(Value::Timestamptz(to_moment(context, start_of(date(&args[0])?)?)?))
    }),
    immutable(2029, "date", &[TIMESTAMP], DATE, |_, args| Ok(Value::Date(day_of(timestamp(&args[0])?)?))),
    stable(1178, "date", &[TIMESTAMPTZ], DATE, |context, args| {
        Ok(Value::Date(day_of(to_local(context, timestamptz(&args[0])?))?))
    }),
    immutable(1316, "time", &[TIMESTAMP], TIME, |_, args| Ok(time_of(timestamp(&args[0])?))),
    stable(2019, "time", &[TIMESTAMPTZ], TIME, |context, args| Ok(time_of(to_local(context, timestamptz(&args[0])?)))),
    stable(2028, "timestamptz", &[TIMESTAMP], TIMESTAMPTZ, |context, args| {
        Ok(Value::Timestamptz(to_moment(context, timestamp(&args[0])?)?))
    }),
    stable(2027, "timestamp", &[TIMESTAMPTZ], TIMESTAMP, |context, args| {
        Ok(Value::Timestamp(to_local(context, timestamptz(&args[0])?)))
    }),
    immutable(1419, "time", &[INTERVAL], TIME, |_, args| {
        Ok(Value::Time(interval(&args[0])?.microseconds.rem_euclid(DAY)))
    }),
    immutable(1370, "interval", &[TIME], INTERVAL, |_, args| {
        Ok(Value::Interval(storage::Interval { months: 0, days: 0, microseconds: time(&args[0])? }))
    }),
];

/// The function that fits a value of a type to a modifier; `None` for types without one.
pub(super) fn modifier_function(ty: u32) -> Option<u32> {
    Some(match ty {
        VARCHAR => 669,
        BPCHAR => 668,
        NUMERIC => 1703,
        TIMESTAMP => 1961,
        TIMESTAMPTZ => 1967,
        TIME => 1968,
        TIMETZ => 1969,
        INTERVAL => 1200,
        BIT => 1685,
        VARBIT => 1687,
        _ => return None,
    })
}

fn fit(args: &[Value], ty: u32) -> Result<Value> {
    let explicit = match args.get(2) {
        Some(explicit) => boolean(explicit)?,
        None => false,
    };
    apply_modifier(args[0].clone(), Type::with_modifier(ty, int4(&args[1])?), explicit)
}

fn to_int2(_: &EvalContext, args: &[Value]) -> Result<Value> {
    i16::try_from(integer(&args[0])?).map(Value::Int2).map_err(|_| out_of_range("smallint"))
}

fn to_int4(_: &EvalContext, args: &[Value]) -> Result<Value> {
    i32::try_from(integer(&args[0])?).map(Value::Int4).map_err(|_| out_of_range("integer"))
}

fn to_int8(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int8(integer(&args[0])?))
}

fn integer_to_float8(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Float8(integer(&args[0])? as f64))
}

fn integer_to_float4(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Float4(integer(&args[0])? as f32))
}

fn integer_to_numeric(_: &EvalContext, args: &[Value]) -> Result<Value> {
    numeric_of(Ok(Numeric::from_i64(integer(&args[0])?)))
}

fn to_float4(value: f64) -> Result<Value> {
    let single = value as f32;
    if single.is_infinite() && value.is_finite() {
        return Err(super::argument::float_overflow());
    }
    if single == 0.0 && value != 0.0 {
        return Err(super::argument::float_underflow());
    }
    Ok(Value::Float4(single))
}

/// A finite numeric that became an infinity is out of the float's range.
fn fits_float(result: Result<Value>, from: &Numeric, type_name: &str) -> Result<Value> {
    let overflown = match &result {
        Ok(Value::Float8(value)) => value.is_infinite(),
        Ok(Value::Float4(value)) => value.is_infinite(),
        Ok(_) => false,
        Err(_) => true,
    };
    if overflown && from.is_finite() {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("\"{from}\" is out of range for type {type_name}"),
        ));
    }
    result
}

/// The nearest whole number, halves to even, if it is within `-2^bits` to `2^bits`.
fn float_to_integer(value: f64, bits: i32, type_name: &str) -> Result<i64> {
    let rounded = value.round_ties_even();
    let limit = 2.0_f64.powi(bits);
    if rounded >= -limit && rounded < limit { Ok(rounded as i64) } else { Err(out_of_range(type_name)) }
}

fn float_to_int2(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int2(float_to_integer(float(&args[0])?, 15, "smallint")? as i16))
}

fn float_to_int4(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(float_to_integer(float(&args[0])?, 31, "integer")? as i32))
}

fn float_to_int8(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int8(float_to_integer(float(&args[0])?, 63, "bigint")?))
}

fn whole<'a>(value: &'a Numeric, type_name: &str) -> Result<&'a Numeric> {
    if value.is_finite() {
        return Ok(value);
    }
    let what = if value.is_nan() { "NaN" } else { "infinity" };
    Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("cannot convert {what} to {type_name}")))
}

/// Midnight of a date.
pub(super) fn start_of(days: i32) -> Result<i64> {
    match days {
        DATE_INFINITY => Ok(TIMESTAMP_INFINITY),
        DATE_NEGATIVE_INFINITY => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        days => i64::from(days)
            .checked_mul(DAY)
            .filter(|time| datetime::is_timestamp(*time))
            .ok_or_else(|| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range for timestamp")),
    }
}

/// The day of a local time.
pub(super) fn day_of(time: i64) -> Result<i32> {
    match time {
        TIMESTAMP_INFINITY => Ok(DATE_INFINITY),
        TIMESTAMP_NEGATIVE_INFINITY => Ok(DATE_NEGATIVE_INFINITY),
        time => i32::try_from(time.div_euclid(DAY)).map_err(|_| datetime::date_out_of_range()),
    }
}

/// The time of day; NULL of an infinity.
fn time_of(time: i64) -> Value {
    if datetime::is_timestamp(time) { Value::Time(time.rem_euclid(DAY)) } else { Value::Null }
}

/// The moment of a local time of the session's zone.
pub(super) fn to_moment(context: &EvalContext, local: i64) -> Result<i64> {
    if !datetime::is_timestamp(local) {
        return Ok(local);
    }
    context.session.format.time_zone.moment(local).ok_or_else(datetime::timestamp_out_of_range)
}

/// The local time of a moment in the session's zone.
pub(super) fn to_local(context: &EvalContext, moment: i64) -> i64 {
    if datetime::is_timestamp(moment) { context.session.format.time_zone.local(moment) } else { moment }
}

/// Appends the text form of a value of the type, names of `regclass` and its kin included.
pub(crate) fn write_text(value: &Value, ty: u32, context: &EvalContext, out: &mut Vec<u8>) {
    if let Value::Int8(number) = value
        && crate::types::builtin::is_registered(ty)
    {
        let names = (context.catalog.as_ref(), &context.session.search_path[..]);
        if let Some(name) = u32::try_from(*number).ok().and_then(|oid| registered_name(oid, ty, Some(names))) {
            out.extend_from_slice(name.as_bytes());
            return;
        }
    }
    if ty < FIRST_OID {
        return crate::types::text::write(value.as_ref(), ty, &context.session.format, out);
    }
    // Labels are in the catalog.
    match value {
        Value::Int8(number) if builtin::is_enum(ty) => match label_of(*number, ty, &context.catalog) {
            Some(label) => out.extend_from_slice(label.as_bytes()),
            None => crate::types::text::write_i64(*number, out),
        },
        value => crate::types::text::write(value.as_ref(), builtin::base_of(ty), &with_names(context), out),
    }
}

/// The session's format with names from the catalog that the statement sees.
fn with_names(context: &EvalContext) -> Format {
    let names = Names { catalog: context.catalog.clone(), search_path: context.session.search_path.clone() };
    Format { names: Some(Arc::new(names)), ..context.session.format.clone() }
}

/// Whether a type is composite or one of arrays of such: fields may be of domains.
fn holds_rows(ty: u32) -> bool {
    builtin::is_composite(builtin::element_of(ty).unwrap_or(ty))
}

/// Reads the text form of a value of the type; `now` and its kin are the transaction's time, names are the session's.
pub(crate) fn read_text(text: &str, ty: Type, context: &EvalContext) -> Result<Value> {
    if crate::types::builtin::is_registered(ty.oid) {
        let names = (context.catalog.as_ref(), &context.session.search_path[..]);
        return crate::types::text::find_registered(text, ty.oid, Some(names)).map(|oid| Value::Int8(i64::from(oid)));
    }
    if matches!(ty.oid, oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ) {
        return crate::types::text::parse_at(text, ty, &context.session.format, context.transaction_time);
    }
    if ty.oid < FIRST_OID {
        let element = builtin::element_of(ty.oid).unwrap_or(ty.oid);
        let of_names = element == oid::ACLITEM || builtin::is_registered(element);
        return match of_names {
            true => crate::types::text::parse(text, ty, &with_names(context)),
            false => crate::types::text::parse(text, ty, &context.session.format),
        };
    }
    match builtin::base_type(ty) {
        base if builtin::is_enum(base.oid) => {
            find_label(text, base.oid, &context.catalog, &context.session.search_path)
        }
        base if base.oid != ty.oid => read_text(text, base, context),
        _ => {
            let value = crate::types::text::parse_at(text, ty, &with_names(context), context.transaction_time)?;
            if holds_rows(ty.oid) {
                check_defined(&value, ty.oid, context)?;
            }
            Ok(value)
        }
    }
}
