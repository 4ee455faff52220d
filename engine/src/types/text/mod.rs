//! PostgreSQL's text forms: what a value looks like in a result, and how text becomes a value.
//!
//! Both run for every value that a client sees or sends, so the frequent types are written without allocating.

mod array;
mod bytes;
mod enumeration;
mod find;
mod float;
mod integer;
mod record;
mod registered;

use std::sync::Arc;

use storage::{Array, ColumnType, Dimension, Numeric, NumericError, Value, ValueRef};

use super::bits::Bits;
use super::builtin::{self, oid};
use super::datetime::{self, DateStyle, IntervalStyle, TimeZone, ZonedTime};
use super::encoding::Encoding;
use super::network::{Network, hardware_text, parse_hardware, parse_long_hardware};
use super::snapshot::TransactionSnapshot;
use super::{Type, geometry, json, jsonpath, modifier, money, range, unsigned};
use crate::catalog::Catalog;
use crate::error::{Error, Result, SqlState};
use crate::text_search;

pub(crate) use array::{DIMENSIONS_MAX, check_dimensions, dimensions_text, too_many_dimensions};
use bytes::parse_uuid;
pub use bytes::utf8;
pub(crate) use bytes::{decode_hex, encode_hex, parse_escaped};
pub(crate) use enumeration::{find_label, label_of};
pub(crate) use find::{find as find_registered, regclass};
pub(crate) use float::{write_f32, write_f64};
pub(crate) use integer::write_i64;
pub(super) use record::quote_part;
pub(crate) use registered::{is_key_word, quote_identifier, registered_name};

/// The settings that text forms depend on, and where names are looked up.
#[derive(Debug, Clone)]
pub struct Format {
    pub date_style: DateStyle,
    pub interval_style: IntervalStyle,
    pub time_zone: TimeZone,
    pub extra_float_digits: i32,
    pub bytea_output: ByteaOutput,
    /// What text is on its way in and out in binary form; the text forms made here are UTF-8.
    pub encoding: Encoding,
    /// What `regclass` and its kin print and read names by; without it they are numbers.
    pub names: Option<Arc<Names>>,
}

/// `bytea_output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteaOutput {
    Hex,
    Escape,
}

/// What unqualified names mean to a session.
#[derive(Debug, Clone)]
pub struct Names {
    pub catalog: Arc<Catalog>,
    pub search_path: Vec<String>,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            date_style: DateStyle::default(),
            interval_style: IntervalStyle::Postgres,
            time_zone: TimeZone::utc(),
            extra_float_digits: 1,
            bytea_output: ByteaOutput::Hex,
            encoding: Encoding::UTF8,
            names: None,
        }
    }
}

impl Format {
    /// Takes the value of one of the settings that text forms depend on; 22023 for a value that it cannot have.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "TimeZone" => {
                self.time_zone = TimeZone::setting(value).ok_or_else(|| invalid_setting(name, value))?;
            }
            "DateStyle" => self.date_style = DateStyle::setting(value, self.date_style)?,
            "IntervalStyle" => {
                self.interval_style = IntervalStyle::setting(value).ok_or_else(|| invalid_setting(name, value))?;
            }
            "extra_float_digits" => {
                let digits: i32 = value.trim().parse().map_err(|_| invalid_setting(name, value))?;
                if !(-15..=3).contains(&digits) {
                    return Err(invalid_setting(name, value));
                }
                self.extra_float_digits = digits;
            }
            "bytea_output" => {
                self.bytea_output = match value.to_ascii_lowercase().as_str() {
                    "hex" => ByteaOutput::Hex,
                    "escape" => ByteaOutput::Escape,
                    _ => return Err(invalid_setting(name, value)),
                };
            }
            "client_encoding" => {
                self.encoding = Encoding::named(value)?.ok_or_else(|| invalid_setting(name, value))?.0;
            }
            _ => return Err(Error::internal(format!("no text form depends on the setting {name}"))),
        }
        Ok(())
    }
}

fn invalid_setting(name: &str, value: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{name}\": \"{value}\""))
}

/// Appends PostgreSQL's text form of a value of the type; nothing for NULL.
pub fn write(value: ValueRef<'_>, ty: u32, format: &Format, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => {}
        ValueRef::Bool(v) => out.push(if v { b't' } else { b'f' }),
        ValueRef::Int2(v) => write_i64(i64::from(v), out),
        ValueRef::Int4(v) => write_i64(i64::from(v), out),
        ValueRef::Int8(v) if builtin::is_registered(ty) => registered::write(v, ty, format.names.as_deref(), out),
        ValueRef::Int8(v) if builtin::is_enum(ty) => enumeration::write(v, ty, format.names.as_deref(), out),
        ValueRef::Int8(v) if ty == oid::TIMETZ => datetime::write_timetz(ZonedTime::of(v), out),
        ValueRef::Int8(v) if unsigned::is_unsigned(ty) => out.extend(unsigned::text(v, ty).into_bytes()),
        ValueRef::Int8(v) if ty == oid::MONEY => out.extend(money::text(v).into_bytes()),
        ValueRef::Int8(v) => write_i64(v, out),
        ValueRef::Float4(v) => write_f32(v, format.extra_float_digits, out),
        ValueRef::Float8(v) => write_f64(v, format.extra_float_digits, out),
        ValueRef::Numeric(v) => write_display(&v, out),
        ValueRef::Text(v) => out.extend_from_slice(v.as_bytes()),
        ValueRef::Bytea(v) if matches!(ty, oid::INET | oid::CIDR) => {
            out.extend(
                Network::decode(v).map(|network| network.text(ty == oid::CIDR)).unwrap_or_default().into_bytes(),
            );
        }
        ValueRef::Bytea(v) if matches!(ty, oid::MACADDR | oid::MACADDR8) => out.extend(hardware_text(v).into_bytes()),
        ValueRef::Bytea(v) if matches!(ty, oid::BIT | oid::VARBIT) => {
            out.extend(Bits::decode(v).map(|bits| bits.text()).unwrap_or_default().into_bytes());
        }
        ValueRef::Bytea(v) if ty == oid::TSVECTOR => text_search::write_vector(v, out),
        ValueRef::Bytea(v) if ty == oid::TSQUERY => text_search::Query::decode(v).write(out),
        ValueRef::Bytea(v) if range::is_range(ty) => range::write(v, format, out),
        ValueRef::Bytea(v) if geometry::is_geometric(ty) => geometry::write(v, ty, format, out),
        ValueRef::Bytea(v) => bytes::write(v, format.bytea_output, out),
        ValueRef::Date(v) => datetime::write_date(v, format.date_style, out),
        ValueRef::Time(v) => datetime::write_time(v, out),
        ValueRef::Timestamp(v) => datetime::write_timestamp(v, format.date_style, out),
        ValueRef::Timestamptz(v) => datetime::write_timestamptz(v, format.date_style, &format.time_zone, out),
        ValueRef::Interval(v) => datetime::write_interval(v, format.interval_style, out),
        ValueRef::Uuid(v) => bytes::write_uuid(&v, out),
        ValueRef::Jsonb(v) => json::write_document(v, out),
        ValueRef::Array(v) => array::write(&v, ty, format, out),
        ValueRef::Record(v) => record::write(&v, format, out),
    }
}

fn write_display(value: &Numeric, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{value}");
}

/// Reads PostgreSQL's text form of a value of the type and applies the type's modifier, as assigning does.
/// 22P02, 22007, 22008 or 22003 in PostgreSQL's words.
pub fn parse(text: &str, ty: Type, format: &Format) -> Result<Value> {
    // Only the words `now`, `today` and their kin ask for the time.
    parse_at(text, ty, format, datetime::now())
}

/// The same, where `now` is a moment in microseconds since 1970 UTC.
pub(crate) fn parse_at(text: &str, ty: Type, format: &Format, now: i64) -> Result<Value> {
    let value = read(text, ty, format, now)?;
    if ty.modifier < 0 { Ok(value) } else { modifier::apply_modifier(value, ty, false) }
}

/// Reads the text form without regard to the modifier, but for an interval's fields, which it changes the meaning of.
fn read(text: &str, ty: Type, format: &Format, now: i64) -> Result<Value> {
    Ok(match ty.oid {
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::UNKNOWN | oid::CSTRING => Value::Text(text.into()),
        oid::BOOL => Value::Bool(parse_bool(text).ok_or_else(|| invalid_input("boolean", text))?),
        oid::INT2 => Value::Int2(integer::parse(text, "smallint")?),
        oid::INT4 => Value::Int4(integer::parse(text, "integer")?),
        oid::INT8 => Value::Int8(integer::parse(text, "bigint")?),
        oid::OID => Value::Int8(i64::from(integer::parse_oid(text, ty.oid)?)),
        oid::XID | oid::CID => Value::Int8(i64::from(unsigned::lenient(text) as u32)),
        oid::XID8 => Value::Int8(unsigned::packed(unsigned::lenient(text))),
        oid::PG_LSN => Value::Int8(unsigned::parse_lsn(text)?),
        oid::PG_SNAPSHOT | oid::TXID_SNAPSHOT => Value::Text(TransactionSnapshot::parse(text)?.text().into()),
        oid::BIT | oid::VARBIT => Value::Bytea(Bits::parse(text)?.encode().into()),
        oid::FLOAT4 => Value::Float4(float::parse_f32(text)?),
        oid::FLOAT8 => Value::Float8(float::parse_f64(text)?),
        oid::NUMERIC => Value::Numeric(Box::new(parse_numeric(text)?)),
        oid::NAME => Value::Text(cut_name(text).into()),
        oid::CHAR => Value::Text(parse_char(text).into()),
        oid::BYTEA => Value::Bytea(bytes::parse(text)?.into()),
        oid::INET | oid::CIDR => Value::Bytea(Network::parse(text, ty.oid == oid::CIDR)?.encode().into()),
        oid::MACADDR => Value::Bytea(parse_hardware(text)?.to_vec().into()),
        oid::MACADDR8 => Value::Bytea(parse_long_hardware(text)?.to_vec().into()),
        oid::MONEY => Value::Int8(money::parse(text)?),
        oid::UUID => Value::Uuid(parse_uuid(text).ok_or_else(|| invalid_input("uuid", text))?),
        oid::DATE => Value::Date(datetime::parse_date(text, format, now)?),
        oid::TIME => Value::Time(datetime::parse_time(text, format, now)?),
        oid::TIMETZ => Value::Int8(datetime::parse_timetz(text, format, now)?.packed()),
        oid::TIMESTAMP => Value::Timestamp(datetime::parse_timestamp(text, format, now)?),
        oid::TIMESTAMPTZ => Value::Timestamptz(datetime::parse_timestamptz(text, format, now)?),
        oid::INTERVAL => Value::Interval(datetime::parse_interval(text, ty.modifier, format.interval_style)?),
        oid::JSON => {
            json::check(text)?;
            Value::Text(text.into())
        }
        oid::JSONB => json::read_document(text)?,
        oid::TSVECTOR => Value::Bytea(text_search::Vector::parse(text)?.encode()?.into()),
        oid::TSQUERY => Value::Bytea(text_search::parse_query(text)?.encode().into()),
        oid::JSONPATH => Value::Text(jsonpath::parse(text)?.to_string().into()),
        oid::INT2VECTOR => {
            vector(text, ColumnType::Int2, &mut |part| Ok(Value::Int2(integer::parse(part, "smallint")?)))?
        }
        oid::OIDVECTOR => {
            vector(text, ColumnType::Int8, &mut |part| Ok(Value::Int8(i64::from(integer::parse_oid(part, oid::OID)?))))?
        }
        other if builtin::is_registered(other) => {
            Value::Int8(i64::from(find::parse(text, other, format.names.as_deref())?))
        }
        oid::ACLITEM => registered::acl_item(text, format.names.as_deref())?,
        other if geometry::is_geometric(other) => Value::Bytea(geometry::parse(text, other)?.into()),
        other if range::is_range(other) => range::parse(text, other, format, now)?,
        other if builtin::is_enum(other) => enumeration::parse(text, other, format.names.as_deref())?,
        // What the domain says of its values is checked by whoever makes one of this.
        other if builtin::is_domain(other) => return parse_at(text, builtin::base_type(ty), format, now),
        other => match builtin::info(other) {
            Some(info) if info.is_array() && builtin::is_storable(other) => {
                array::parse(text, Type::with_modifier(info.element, ty.modifier), format)?
            }
            Some(info) if info.kind == 'c' || info.oid == oid::RECORD => record::parse(text, ty.oid, format)?,
            _ => return Err(Error::unsupported(format_args!("input of type {}", super::display(Type::new(other))))),
        },
    })
}

/// 22P02: "invalid input syntax for type integer: \"x\"".
pub(crate) fn invalid_input(type_name: &str, text: &str) -> Error {
    Error::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type {type_name}: \"{text}\""))
}

/// 22003: "value \"x\" is out of range for type integer".
fn out_of_range(type_name: &str, text: &str) -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("value \"{text}\" is out of range for type {type_name}"))
}

/// Any prefix of a word that only one of the words has.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    let word = text.trim_matches(is_space);
    let is = |full: &str, least: usize| {
        word.len() >= least
            && word.len() <= full.len()
            && full.as_bytes()[..word.len()].eq_ignore_ascii_case(word.as_bytes())
    };
    if is("true", 1) || is("yes", 1) || is("on", 2) || word == "1" {
        Some(true)
    } else if is("false", 1) || is("no", 1) || is("off", 2) || word == "0" {
        Some(false)
    } else {
        None
    }
}

/// What C's `isspace` says.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn parse_numeric(text: &str) -> Result<Numeric> {
    Numeric::parse(text).map_err(|error| match error {
        NumericError::Invalid => invalid_input("numeric", text),
        other => numeric_error(other),
    })
}

/// A numeric's error with its code.
pub(crate) fn numeric_error(error: NumericError) -> Error {
    let state = match error {
        NumericError::Invalid => SqlState::INVALID_TEXT_REPRESENTATION,
        NumericError::Overflow | NumericError::FieldOverflow { .. } => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        NumericError::DivisionByZero => SqlState::DIVISION_BY_ZERO,
        NumericError::LogarithmOfZero | NumericError::LogarithmOfNegative => SqlState::INVALID_ARGUMENT_FOR_LOGARITHM,
        NumericError::SquareRootOfNegative | NumericError::ZeroToNegativePower | NumericError::ComplexPower => {
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION
        }
    };
    let detail = error.detail();
    let error = Error::new(state, error.to_string());
    match detail {
        Some(detail) => error.with_detail(detail),
        None => error,
    }
}

/// The first 63 bytes, whole characters: NAMEDATALEN - 1.
pub(crate) fn cut_name(text: &str) -> &str {
    let mut end = text.len().min(63);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A `"char"`: the first byte, or the one that a backslash and three octal digits say. One that is no character by itself
/// is kept as its text form, which is such digits.
pub(crate) fn parse_char(text: &str) -> String {
    char_of_byte(byte_of_char(text))
}

/// The byte that a `"char"` is.
pub(crate) fn byte_of_char(text: &str) -> u8 {
    match text.as_bytes() {
        [b'\\', digits @ ..] if digits.len() == 3 && digits.iter().all(|digit| matches!(digit, b'0'..=b'7')) => {
            digits.iter().fold(0_u8, |byte, digit| byte.wrapping_mul(8).wrapping_add(digit - b'0'))
        }
        bytes => bytes.first().copied().unwrap_or(0),
    }
}

pub(crate) fn char_of_byte(byte: u8) -> String {
    match byte {
        0 => String::new(),
        0x80.. => format!("\\{byte:03o}"),
        byte => char::from(byte).to_string(),
    }
}

/// `int2vector` and `oidvector`: elements parted by spaces.
fn vector(text: &str, element: ColumnType, read: &mut dyn FnMut(&str) -> Result<Value>) -> Result<Value> {
    let values = text.split(is_space).filter(|part| !part.is_empty()).map(read).collect::<Result<Vec<Value>>>()?;
    Ok(Value::Array(Box::new(numbered_from_zero(element, values))))
}

/// An array as `int2vector` and `oidvector` are.
pub(crate) fn numbered_from_zero(element: ColumnType, values: Vec<Value>) -> Array {
    let length = i32::try_from(values.len()).unwrap_or(i32::MAX);
    Array::shaped(element, values, &[Dimension { length, lower: 0 }])
}

/// Bytes that `write` made, as text: every text form is UTF-8, since every text value is.
pub(crate) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests;
