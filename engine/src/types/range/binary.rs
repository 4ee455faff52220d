//! Ranges in PostgreSQL's binary form: flags, then each bound that there is with its length; multiranges: how many ranges,
//! then each with its length.

use storage::Value;

use super::{Bound, Multirange, Range, RangeKind};
use crate::error::{Error, Result, SqlState};
use crate::types::binary::{Reader, TooLong, check_end, read, write_sized};
use crate::types::text::Format;

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// Appends the binary form of a stored range or multirange.
pub(in crate::types) fn write_binary(bytes: &[u8], format: &Format, out: &mut Vec<u8>) -> Result<()> {
    if let Ok(range) = Range::decode(bytes) {
        return write_one(&range, format, out);
    }
    let Ok(Multirange { kind, spans }) = Multirange::decode(bytes) else { return Ok(()) };
    out.extend_from_slice(&(spans.len() as u32).to_be_bytes());
    for span in spans {
        let mut one = Vec::new();
        write_one(&Range { kind, span: Some(span) }, format, &mut one)?;
        out.extend_from_slice(&(one.len() as u32).to_be_bytes());
        out.append(&mut one);
    }
    Ok(())
}

fn write_one(range: &Range, format: &Format, out: &mut Vec<u8>) -> Result<()> {
    let Some((lower, upper)) = range.bounds() else {
        out.push(EMPTY);
        return Ok(());
    };
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.push(
        flag(lower.inclusive, LOWER_INCLUSIVE)
            | flag(upper.inclusive, UPPER_INCLUSIVE)
            | flag(lower.value.is_none(), LOWER_INFINITE)
            | flag(upper.value.is_none(), UPPER_INFINITE),
    );
    for value in [lower.value, upper.value].into_iter().flatten() {
        write_sized(&value, range.kind.subtype(), format, out)?;
    }
    Ok(())
}

/// Reads a range or multirange of a type that is one.
pub(in crate::types) fn read_binary(bytes: &[u8], ty: u32, format: &Format, too_long: TooLong<'_>) -> Result<Value> {
    let bytes = match (RangeKind::of_range(ty), RangeKind::of_multirange(ty)) {
        (Some(kind), _) => read_range(bytes, kind, format, too_long)?.encode(),
        (None, Some(kind)) => read_multirange(bytes, kind, format, too_long)?.encode(),
        (None, None) => return Err(Error::internal("a type of no ranges")),
    };
    Ok(Value::Bytea(bytes.into()))
}

fn read_range(bytes: &[u8], kind: RangeKind, format: &Format, too_long: TooLong<'_>) -> Result<Range> {
    let mut reader = Reader::new(bytes);
    let flags = reader.u8()?;
    if flags & EMPTY != 0 {
        check_end(reader.rest(), too_long)?;
        return Ok(Range::empty(kind));
    }
    let mut bound = |infinite: u8, inclusive: u8| -> Result<Bound> {
        if flags & infinite != 0 {
            return Ok(Bound { value: None, inclusive: false });
        }
        let value: Value = reader
            .sized(&|bytes| read(bytes, kind.subtype(), format, &|| "incorrect binary data format".to_owned()))?;
        Ok(Bound { value: Some(value), inclusive: flags & inclusive != 0 })
    };
    let lower = bound(LOWER_INFINITE, LOWER_INCLUSIVE)?;
    let upper = bound(UPPER_INFINITE, UPPER_INCLUSIVE)?;
    check_end(reader.rest(), too_long)?;
    Range::new(kind, lower, upper)
}

fn read_multirange(bytes: &[u8], kind: RangeKind, format: &Format, too_long: TooLong<'_>) -> Result<Multirange> {
    let mut reader = Reader::new(bytes);
    let count = reader.i32()?;
    let mut spans = Vec::new();
    for _ in 0..count {
        let range =
            reader.sized(&|bytes| read_range(bytes, kind, format, &|| "incorrect binary data format".to_owned()))?;
        spans.extend(range.span);
    }
    if count < 0 {
        return Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, "insufficient data left in message"));
    }
    check_end(reader.rest(), too_long)?;
    Ok(Multirange::of(kind, spans))
}
