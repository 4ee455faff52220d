//! PostgreSQL's binary forms (its `*send` and `*recv` functions): big-endian, dates and times from 2000-01-01.

use storage::value::Base10000;
use storage::{Array, ColumnType, Dimension, Field, Interval, Numeric, Record, Value, ValueRef};

use super::bits::Bits;
use super::datetime::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, OFFSET_END, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, ZonedTime,
    date_out_of_range, timestamp_out_of_range,
};
use super::defined::FIRST_OID;
use super::network::{Network, lengthened};
use super::snapshot::TransactionSnapshot;
use super::text::{DIMENSIONS_MAX, Format, check_dimensions, too_many_dimensions};
use super::{Type, builtin, geometry, json, jsonpath, modifier, oid, range, unsigned};
use crate::error::{Error, Result, SqlState};
use crate::text_search;

/// Oids below are the same in every database (`FirstGenbkiObjectId`).
const BUILTIN_END: u32 = 10_000;

/// From 1970-01-01 to 2000-01-01.
const DAYS_2000: i32 = 10_957;
const MICROSECONDS_2000: i64 = DAYS_2000 as i64 * DAY;

/// The only form of jsonb that there is: this byte, then its text.
const JSONB_VERSION: u8 = 1;

const JSONPATH_VERSION: u8 = 1;

/// Appends the binary form of a value of the type; nothing for NULL. 22P05 for text that the client's encoding cannot say.
pub fn write_binary(value: ValueRef<'_>, ty: u32, format: &Format, out: &mut Vec<u8>) -> Result<()> {
    match value {
        ValueRef::Null => {}
        ValueRef::Bool(v) => out.push(u8::from(v)),
        ValueRef::Int2(v) => out.extend_from_slice(&v.to_be_bytes()),
        ValueRef::Int4(v) => out.extend_from_slice(&v.to_be_bytes()),
        ValueRef::Int8(v) if matches!(ty, oid::INT8 | oid::MONEY) => out.extend_from_slice(&v.to_be_bytes()),
        ValueRef::Int8(v) if unsigned::is_unsigned(ty) => {
            out.extend_from_slice(&unsigned::number_of(v).to_be_bytes());
        }
        ValueRef::Int8(v) if ty == oid::TIMETZ => {
            let value = ZonedTime::of(v);
            out.extend_from_slice(&value.time.to_be_bytes());
            out.extend_from_slice(&(-value.offset).to_be_bytes());
        }
        ValueRef::Int8(v) if builtin::is_enum(ty) => {
            let start = out.len();
            super::text::write(ValueRef::Int8(v), ty, format, out);
            format.encoding.encode_tail(out, start)?;
        }
        ValueRef::Int8(v) if ty >= FIRST_OID && matches!(builtin::base_of(ty), oid::INT8 | oid::MONEY) => {
            out.extend_from_slice(&v.to_be_bytes());
        }
        // Oids and their kin: the low 32 bits.
        ValueRef::Int8(v) => out.extend_from_slice(&(v as u32).to_be_bytes()),
        ValueRef::Float4(v) => out.extend_from_slice(&v.to_be_bytes()),
        ValueRef::Float8(v) => out.extend_from_slice(&v.to_be_bytes()),
        ValueRef::Numeric(v) => write_numeric(&v, out),
        ValueRef::Text(v) => {
            if ty == oid::JSONPATH {
                out.push(JSONPATH_VERSION);
            }
            match ty {
                oid::CHAR => out.push(super::text::byte_of_char(v)),
                oid::TID => write_place(v, out),
                oid::PG_SNAPSHOT | oid::TXID_SNAPSHOT => TransactionSnapshot::parse(v)?.write_binary(out),
                _ => format.encoding.encode(v, out)?,
            }
        }
        ValueRef::Bytea(v) if matches!(ty, oid::INET | oid::CIDR) => {
            if let Some(network) = Network::decode(v) {
                network.write_binary(ty == oid::CIDR, out);
            }
        }
        ValueRef::Bytea(v) if matches!(ty, oid::BIT | oid::VARBIT) => {
            if let Some(bits) = Bits::decode(v) {
                bits.write_binary(out);
            }
        }
        ValueRef::Bytea(v) if ty == oid::TSVECTOR => text_search::write_vector_binary(v, out),
        ValueRef::Bytea(v) if ty == oid::TSQUERY => text_search::Query::decode(v).write_binary(out),
        ValueRef::Bytea(v) if range::is_range(ty) => range::write_binary(v, format, out)?,
        ValueRef::Bytea(v) => out.extend_from_slice(v),
        ValueRef::Date(v) => {
            let days =
                if matches!(v, DATE_INFINITY | DATE_NEGATIVE_INFINITY) { v } else { v.saturating_sub(DAYS_2000) };
            out.extend_from_slice(&days.to_be_bytes());
        }
        ValueRef::Time(v) => out.extend_from_slice(&v.to_be_bytes()),
        ValueRef::Timestamp(v) | ValueRef::Timestamptz(v) => {
            let infinite = matches!(v, TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY);
            let since = if infinite { v } else { v.saturating_sub(MICROSECONDS_2000) };
            out.extend_from_slice(&since.to_be_bytes());
        }
        ValueRef::Interval(v) => {
            out.extend_from_slice(&v.microseconds.to_be_bytes());
            out.extend_from_slice(&v.days.to_be_bytes());
            out.extend_from_slice(&v.months.to_be_bytes());
        }
        ValueRef::Uuid(v) => out.extend_from_slice(&v),
        ValueRef::Jsonb(v) => {
            out.push(JSONB_VERSION);
            let start = out.len();
            json::write_document(v, out);
            format.encoding.encode_tail(out, start)?;
        }
        ValueRef::Array(v) => write_array(&v, ty, format, out)?,
        ValueRef::Record(v) => write_record(&v, format, out)?,
    }
    Ok(())
}

/// The place of a row, `(block,number)`.
fn write_place(text: &str, out: &mut Vec<u8>) {
    let inner = text.trim_matches(['(', ')']);
    let (block, number) = inner.split_once(',').unwrap_or_default();
    out.extend_from_slice(&block.parse().unwrap_or(0_u32).to_be_bytes());
    out.extend_from_slice(&number.parse().unwrap_or(0_u16).to_be_bytes());
}

fn write_record(record: &Record, format: &Format, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&(record.fields.len() as u32).to_be_bytes());
    for Field { ty, value, .. } in &record.fields {
        out.extend_from_slice(&ty.to_be_bytes());
        write_sized(value, *ty, format, out)?;
    }
    Ok(())
}

/// A value with its length before it; NULL is a length of -1.
pub(super) fn write_sized(value: &Value, ty: u32, format: &Format, out: &mut Vec<u8>) -> Result<()> {
    if value.is_null() {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        return Ok(());
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write_binary(value.as_ref(), ty, format, out)?;
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn write_numeric(value: &Numeric, out: &mut Vec<u8>) {
    let wire = value.to_base10000();
    // A numeric has at most 131072 + 16383 digits, four to a place.
    let count = i16::try_from(wire.digits.len()).unwrap_or(i16::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&wire.weight.to_be_bytes());
    out.extend_from_slice(&wire.sign.to_be_bytes());
    out.extend_from_slice(&wire.dscale.to_be_bytes());
    for digit in wire.digits {
        out.extend_from_slice(&digit.to_be_bytes());
    }
}

fn write_array(array: &Array, ty: u32, format: &Format, out: &mut Vec<u8>) -> Result<()> {
    let element = builtin::element_of(ty).unwrap_or(oid::TEXT);
    let mut dimensions = array.dimensions();
    if matches!(ty, oid::INT2VECTOR | oid::OIDVECTOR) {
        // These are numbered from 0, and have a dimension even if it is empty.
        let length = i32::try_from(array.values.len()).unwrap_or(i32::MAX);
        dimensions = vec![Dimension { length, lower: 0 }];
    }
    let nulls = array.values.iter().any(Value::is_null);
    out.extend_from_slice(&(dimensions.len() as u32).to_be_bytes());
    out.extend_from_slice(&i32::from(nulls).to_be_bytes());
    out.extend_from_slice(&element.to_be_bytes());
    for dimension in dimensions {
        out.extend_from_slice(&dimension.length.to_be_bytes());
        out.extend_from_slice(&dimension.lower.to_be_bytes());
    }
    for value in &array.values {
        write_sized(value, element, format, out)?;
    }
    Ok(())
}

/// Whether the type that a client says a part is of is another than expected. Only types whose oids are the same everywhere are
/// compared: a client may take a domain for what it is over.
fn is_other(sent: u32, expected: u32) -> bool {
    sent != expected && sent < BUILTIN_END && expected < BUILTIN_END
}

/// Reads the binary form of a value of the type, the parameter of that number, and applies the type's modifier. 08P01 if
/// there are too few bytes, 22P03 if there are too many or they are no such value.
pub fn parse_binary(bytes: &[u8], ty: Type, number: usize, format: &Format) -> Result<Value> {
    let too_long = || format!("incorrect binary data format in bind parameter {number}");
    let value = read(bytes, ty.oid, format, &too_long)?;
    if ty.modifier < 0 { Ok(value) } else { modifier::apply_modifier(value, ty, false) }
}

fn insufficient() -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message")
}

/// How to say that bytes are left over, which depends on what they belong to.
pub(super) type TooLong<'a> = &'a dyn Fn() -> String;

/// All of the bytes as so many.
fn whole<const N: usize>(bytes: &[u8], too_long: TooLong<'_>) -> Result<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk().ok_or_else(insufficient)?;
    check_end(tail, too_long)?;
    Ok(*head)
}

pub(super) fn check_end(rest: &[u8], too_long: TooLong<'_>) -> Result<()> {
    if rest.is_empty() { Ok(()) } else { Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, too_long())) }
}

pub(super) fn read(bytes: &[u8], ty: u32, format: &Format, too_long: TooLong<'_>) -> Result<Value> {
    let fixed4 = || whole::<4>(bytes, too_long);
    let fixed8 = || whole::<8>(bytes, too_long);
    Ok(match ty {
        oid::BOOL if bytes.is_empty() => {
            return Err(Error::new(SqlState::PROTOCOL_VIOLATION, "no data left in message"));
        }
        oid::BOOL => Value::Bool(whole::<1>(bytes, too_long)?[0] != 0),
        oid::INT2 => Value::Int2(i16::from_be_bytes(whole(bytes, too_long)?)),
        oid::INT4 => Value::Int4(i32::from_be_bytes(fixed4()?)),
        oid::INT8 | oid::MONEY => Value::Int8(i64::from_be_bytes(fixed8()?)),
        oid::FLOAT4 => Value::Float4(f32::from_be_bytes(fixed4()?)),
        oid::FLOAT8 => Value::Float8(f64::from_be_bytes(fixed8()?)),
        oid::NUMERIC => Value::Numeric(Box::new(read_numeric(bytes, too_long)?)),
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::UNKNOWN => Value::Text(format.encoding.text(bytes)?.into()),
        oid::JSON => {
            let text = format.encoding.text(bytes)?;
            json::check(&text)?;
            Value::Text(text.into())
        }
        oid::JSONPATH => match bytes.split_first() {
            Some((&JSONPATH_VERSION, text)) => {
                Value::Text(jsonpath::parse(&format.encoding.text(text)?)?.to_string().into())
            }
            Some((version, _)) => {
                return Err(Error::internal(format!("unsupported jsonpath version number: {version}")));
            }
            None => return Err(Error::new(SqlState::PROTOCOL_VIOLATION, "no data left in message")),
        },
        oid::JSONB => match bytes.split_first() {
            Some((&JSONB_VERSION, text)) => json::read_document(&format.encoding.text(text)?)?,
            Some((version, _)) => {
                return Err(Error::internal(format!("unsupported jsonb version number {version}")));
            }
            None => return Err(Error::new(SqlState::PROTOCOL_VIOLATION, "no data left in message")),
        },
        oid::NAME => Value::Text(super::text::cut_name(&format.encoding.text(bytes)?).into()),
        oid::CHAR => Value::Text(super::text::char_of_byte(bytes.first().copied().unwrap_or(0)).into()),
        oid::BYTEA => Value::Bytea(bytes.into()),
        oid::INET | oid::CIDR => Value::Bytea(Network::read_binary(bytes, ty == oid::CIDR)?.encode().into()),
        oid::MACADDR => Value::Bytea(whole::<6>(bytes, too_long)?.to_vec().into()),
        ty if geometry::is_geometric(ty) => Value::Bytea(geometry::read_binary(bytes, ty)?.into()),
        oid::MACADDR8 if bytes.len() == 6 => Value::Bytea(lengthened(whole::<6>(bytes, too_long)?).to_vec().into()),
        oid::MACADDR8 => Value::Bytea(whole::<8>(bytes, too_long)?.to_vec().into()),
        oid::TSVECTOR => Value::Bytea(text_search::Vector::read_binary(bytes)?.encode()?.into()),
        oid::TSQUERY => Value::Bytea(text_search::Query::read_binary(bytes)?.encode().into()),
        oid::DATE => Value::Date(read_date(i32::from_be_bytes(fixed4()?))?),
        oid::TIME => {
            let time = i64::from_be_bytes(fixed8()?);
            if !(0..=DAY).contains(&time) {
                return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "time out of range"));
            }
            Value::Time(time)
        }
        oid::TIMETZ => {
            let mut reader = Reader(bytes);
            let (time, west) = (reader.i64()?, reader.i32()?);
            check_end(reader.0, too_long)?;
            if !(0..=DAY).contains(&time) {
                return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "time out of range"));
            }
            if !(1 - OFFSET_END..OFFSET_END).contains(&west) {
                return Err(Error::new(SqlState("22009"), "time zone displacement out of range"));
            }
            Value::Int8(ZonedTime::new(time, -west).packed())
        }
        oid::TIMESTAMP => Value::Timestamp(read_timestamp(i64::from_be_bytes(fixed8()?))?),
        oid::TIMESTAMPTZ => Value::Timestamptz(read_timestamp(i64::from_be_bytes(fixed8()?))?),
        oid::INTERVAL => {
            let mut reader = Reader(bytes);
            let (microseconds, days, months) = (reader.i64()?, reader.i32()?, reader.i32()?);
            check_end(reader.0, too_long)?;
            Value::Interval(Interval { microseconds, days, months })
        }
        oid::UUID => Value::Uuid(whole(bytes, too_long)?),
        oid::OID | oid::XID | oid::CID => Value::Int8(i64::from(u32::from_be_bytes(fixed4()?))),
        oid::TID => {
            let [a, b, c, d, number @ ..] = whole::<6>(bytes, too_long)?;
            let (block, number) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes(number));
            Value::Text(format!("({block},{number})").into())
        }
        oid::PG_SNAPSHOT | oid::TXID_SNAPSHOT => Value::Text(TransactionSnapshot::read_binary(bytes)?.text().into()),
        oid::XID8 | oid::PG_LSN => Value::Int8(unsigned::packed(u64::from_be_bytes(fixed8()?))),
        oid::BIT | oid::VARBIT => Value::Bytea(Bits::read_binary(bytes)?.encode().into()),
        other if range::is_range(other) => range::read_binary(bytes, other, format, too_long)?,
        other if builtin::is_registered(other) => Value::Int8(i64::from(u32::from_be_bytes(fixed4()?))),
        other if builtin::is_enum(other) => {
            super::text::parse(&format.encoding.text(bytes)?, Type::new(other), format)?
        }
        other if builtin::is_domain(other) => {
            let base = builtin::base_type(Type::new(other));
            modifier::apply_modifier(read(bytes, base.oid, format, too_long)?, base, false)?
        }
        other => match builtin::info(other) {
            Some(info) if info.element != 0 && builtin::is_storable(other) => {
                read_array(bytes, info.element, format, too_long)?
            }
            Some(info) if info.kind == 'c' => read_record(bytes, other, format, too_long)?,
            _ => {
                let name = super::display(Type::new(other));
                return Err(Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("no binary input function available for type {name}"),
                ));
            }
        },
    })
}

fn read_date(days: i32) -> Result<i32> {
    if matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY) {
        return Ok(days);
    }
    days.checked_add(DAYS_2000)
        .filter(|days| (super::datetime::DATE_MIN..=super::datetime::DATE_MAX).contains(&i64::from(*days)))
        .ok_or_else(date_out_of_range)
}

fn read_timestamp(since: i64) -> Result<i64> {
    if matches!(since, TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY) {
        return Ok(since);
    }
    since
        .checked_add(MICROSECONDS_2000)
        .filter(|time| super::datetime::is_timestamp(*time))
        .ok_or_else(timestamp_out_of_range)
}

/// Reads numbers off the front of some bytes.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count).ok_or_else(insufficient)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk().ok_or_else(insufficient)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    /// What has its length before it.
    pub(super) fn sized<T>(&mut self, read: &dyn Fn(&[u8]) -> Result<T>) -> Result<T> {
        let length = usize::try_from(self.i32()?).map_err(|_| insufficient())?;
        read(self.take(length)?)
    }

    fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }
}

fn read_numeric(bytes: &[u8], too_long: TooLong<'_>) -> Result<Numeric> {
    let mut reader = Reader(bytes);
    let count = reader.i16()? as u16;
    let weight = reader.i16()?;
    let sign = reader.i16()? as u16;
    let dscale = reader.i16()? as u16;
    let invalid = |what: &str| {
        Error::new(SqlState::INVALID_BINARY_REPRESENTATION, format!("invalid {what} in external \"numeric\" value"))
    };
    if !matches!(sign, 0x0000 | 0x4000 | 0xC000 | 0xD000 | 0xF000) {
        return Err(invalid("sign"));
    }
    if dscale > 0x3fff {
        return Err(invalid("scale"));
    }
    let mut digits = Vec::with_capacity(usize::from(count).min(bytes.len() / 2));
    for _ in 0..count {
        let digit = reader.i16()?;
        if !(0..10_000).contains(&digit) {
            return Err(invalid("digit"));
        }
        digits.push(digit);
    }
    check_end(reader.0, too_long)?;
    Numeric::from_base10000(&Base10000 { digits, weight, sign, dscale }).map_err(|_| invalid("digit"))
}

fn read_array(bytes: &[u8], element: u32, format: &Format, too_long: TooLong<'_>) -> Result<Value> {
    let mut reader = Reader(bytes);
    let dimensions = reader.i32()?;
    let flags = reader.i32()?;
    let sent = reader.i32()? as u32;
    if flags & !1 != 0 {
        return Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid array flags"));
    }
    if is_other(sent, element) {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "binary data has array element type {sent} ({}) instead of expected {element} ({})",
                super::display(Type::new(sent)),
                super::display(Type::new(element))
            ),
        ));
    }
    let dimensions = read_dimensions(&mut reader, dimensions)?;
    let count = dimensions.iter().map(|dimension| dimension.length).product::<i32>();
    let count = if dimensions.is_empty() { 0 } else { count };
    // Each element has at least its length.
    let mut values = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(bytes.len() / 4));
    for number in 1..=count {
        let length = reader.i32()?;
        let element_too_long = || format!("improper binary format in array element {number}");
        values.push(match usize::try_from(length) {
            Ok(length) => read(reader.take(length)?, element, format, &element_too_long)?,
            Err(_) if length == -1 => Value::Null,
            Err(_) => return Err(insufficient()),
        });
    }
    check_end(reader.0, too_long)?;
    let element: ColumnType = builtin::column_type(Type::new(element))?;
    Ok(Value::Array(Box::new(Array::shaped(element, values, &dimensions))))
}

fn read_record(bytes: &[u8], ty: u32, format: &Format, too_long: TooLong<'_>) -> Result<Value> {
    let names = format.names.as_ref().ok_or_else(|| Error::internal("a record was to be read without a catalog"))?;
    let attributes = names.catalog.attributes(ty).unwrap_or_default();
    let mut reader = Reader(bytes);
    let count = reader.i32()?;
    if usize::try_from(count) != Ok(attributes.len()) {
        let message = format!("wrong number of columns: {count}, expected {}", attributes.len());
        return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
    }
    let mut fields = Vec::with_capacity(attributes.len());
    for (number, attribute) in (1..).zip(attributes) {
        let sent = reader.i32()? as u32;
        if is_other(sent, attribute.ty.oid) {
            let message = format!(
                "binary data has type {sent} ({}) instead of expected {} ({}) in record column {number}",
                super::display(Type::new(sent)),
                attribute.ty.oid,
                super::display(attribute.ty)
            );
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
        }
        let length = reader.i32()?;
        let field_too_long = || format!("improper binary format in record column {number}");
        let value = match usize::try_from(length) {
            Ok(length) => read(reader.take(length)?, attribute.ty.oid, format, &field_too_long)?,
            Err(_) if length == -1 => Value::Null,
            Err(_) => return Err(insufficient()),
        };
        let value =
            if attribute.ty.modifier < 0 { value } else { modifier::apply_modifier(value, attribute.ty, false)? };
        fields.push(Field { name: "".into(), ty: attribute.ty.oid, value });
    }
    check_end(reader.0, too_long)?;
    Ok(Value::Record(Box::new(Record { ty, fields })))
}

fn read_dimensions(reader: &mut Reader<'_>, count: i32) -> Result<Vec<Dimension>> {
    let invalid = |words: String| Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, words));
    let Ok(wanted) = usize::try_from(count) else {
        return invalid(format!("invalid number of dimensions: {count}"));
    };
    if wanted > DIMENSIONS_MAX {
        return Err(too_many_dimensions(wanted));
    }
    let mut dimensions = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let (length, lower) = (reader.i32()?, reader.i32()?);
        if length < 0 {
            let words = "array size exceeds the maximum allowed (134217727)";
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, words));
        }
        dimensions.push(Dimension { length, lower });
    }
    check_dimensions(&dimensions)?;
    Ok(dimensions)
}
