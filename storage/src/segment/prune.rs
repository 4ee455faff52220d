//! Groups of rows that need not be read, since none of their rows has a value that is asked for.
//!
//! A file says of each group which is the least and which the greatest value of a column. Both sides are compared as keys
//! are. What a group holds may be left out; a group that may hold something never is.

use parquet::data_type::ByteArray;
use parquet::file::statistics::Statistics;

use super::columns::Encoding;
use super::reader::Segment;
use crate::error::Result;
use crate::key::encode_value;
use crate::schema::TableSchema;
use crate::value::{ColumnType, FixedPoint, Value};

/// Values of one column that are asked for, as key bytes; both ends belong to them.
#[derive(Debug, Clone)]
pub struct ValueRange {
    /// In the table.
    position: usize,
    lower: Option<Vec<u8>>,
    upper: Option<Vec<u8>>,
}

impl ValueRange {
    /// No value outside of these is asked for. `None`: on this side all are.
    pub fn new(position: usize, lower: Option<&Value>, upper: Option<&Value>) -> Self {
        Self { position, lower: lower.map(key_bytes), upper: upper.map(key_bytes) }
    }
}

fn key_bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_value(value, &mut bytes);
    bytes
}

impl Segment {
    /// Whether a group may have rows with values in all of the ranges.
    pub(super) fn may_match(&self, table: &TableSchema, group: usize, ranges: &[ValueRange]) -> Result<bool> {
        if ranges.is_empty() {
            return Ok(true);
        }
        let opened = self.opened()?;
        let Some(group) = opened.metadata().metadata().row_groups().get(group) else { return Ok(true) };
        for range in ranges {
            let asked = &table.columns[range.position];
            let stored = self.info().schema.columns.iter().position(|stored| stored.id == asked.id);
            // A value of another type would have other key bytes.
            let stored = stored.filter(|&stored| self.info().schema.columns[stored].column_type == asked.column_type);
            let statistics = stored.and_then(|stored| Some((stored, group.columns().get(stored)?.statistics()?)));
            let Some((stored, statistics)) = statistics else { continue };
            let encoding = self.info().columns[stored].encoding;
            let Some((least, greatest)) = extremes(statistics, encoding, &asked.column_type) else { continue };
            let is_below = range.lower.as_ref().is_some_and(|lower| key_bytes(&greatest) < *lower);
            let is_above = range.upper.as_ref().is_some_and(|upper| *upper < key_bytes(&least));
            if is_below || is_above {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The least and the greatest value of a column, or what lies beyond them; `None` where that is not told.
fn extremes(statistics: &Statistics, encoding: Encoding, column_type: &ColumnType) -> Option<(Value, Value)> {
    let decimal = |least: i128, greatest: i128| {
        let Encoding::Decimal { precision, scale } = encoding else { return None };
        let value = |number| Value::Numeric(Box::new(FixedPoint { precision, scale }.value(number)));
        Some((value(least), value(greatest)))
    };
    match (statistics, encoding) {
        (Statistics::Int32(of), Encoding::Decimal { .. }) => {
            decimal(i128::from(*of.min_opt()?), i128::from(*of.max_opt()?))
        }
        (Statistics::Int64(of), Encoding::Decimal { .. }) => {
            decimal(i128::from(*of.min_opt()?), i128::from(*of.max_opt()?))
        }
        (Statistics::FixedLenByteArray(of), Encoding::Decimal { .. }) => {
            decimal(whole_number(of.min_opt()?.data())?, whole_number(of.max_opt()?.data())?)
        }
        (Statistics::Int32(of), Encoding::Plain) => {
            let value = |number: i32| match column_type {
                ColumnType::Int2 => i16::try_from(number).ok().map(Value::Int2),
                ColumnType::Int4 => Some(Value::Int4(number)),
                ColumnType::Date => Some(Value::Date(number)),
                _ => None,
            };
            Some((value(*of.min_opt()?)?, value(*of.max_opt()?)?))
        }
        (Statistics::Int64(of), Encoding::Plain) => {
            let value = |number: i64| match column_type {
                ColumnType::Int8 => Some(Value::Int8(number)),
                ColumnType::Timestamp => Some(Value::Timestamp(number)),
                ColumnType::Timestamptz => Some(Value::Timestamptz(number)),
                _ => None,
            };
            Some((value(*of.min_opt()?)?, value(*of.max_opt()?)?))
        }
        // Long ones are cut off, so that the least is rather too small, and the greatest too great.
        (Statistics::ByteArray(of), Encoding::Plain) if *column_type == ColumnType::Text => {
            Some((text(of.min_opt()?)?, text(of.max_opt()?)?))
        }
        _ => None,
    }
}

fn text(bytes: &ByteArray) -> Option<Value> {
    bytes.as_utf8().ok().map(|text| Value::Text(text.into()))
}

/// A whole number of up to 16 bytes, the most significant first.
fn whole_number(bytes: &[u8]) -> Option<i128> {
    let filler = if bytes.first()? & 0x80 == 0 { 0 } else { u8::MAX };
    let mut wide = [filler; 16];
    wide.get_mut(16_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_any_length_are_read() {
        assert_eq!(whole_number(&[0x01, 0x00]), Some(256));
        assert_eq!(whole_number(&[0xff, 0xfe]), Some(-2));
        assert_eq!(whole_number(&(-7_i128).to_be_bytes()), Some(-7));
        assert_eq!(whole_number(&[0; 17]), None);
        assert_eq!(whole_number(&[]), None);
    }
}
