//! Records inside a row: the type, a count, then each field's name, type and value.
//!
//! A value is preceded by how it is laid out, so that a record can be read without knowing its type. Strings and values
//! are preceded by their length.

use super::slot::{append_variable, value_of, with_fixed};
use super::{Result, damaged};
use crate::value::{ColumnType, Field, Record, Value};

/// How a value of each type is marked; a field that is NULL has a mark of its own.
const MARKS: [ColumnType; 17] = [
    ColumnType::Bool,
    ColumnType::Int2,
    ColumnType::Int4,
    ColumnType::Int8,
    ColumnType::Float4,
    ColumnType::Float8,
    ColumnType::Numeric,
    ColumnType::Text,
    ColumnType::Bytea,
    ColumnType::Date,
    ColumnType::Time,
    ColumnType::Timestamp,
    ColumnType::Timestamptz,
    ColumnType::Interval,
    ColumnType::Uuid,
    ColumnType::Jsonb,
    ColumnType::Record,
];
const MARK_ARRAY: u8 = 200;
const MARK_NULL: u8 = 255;

/// Appends a record's bytes.
pub(super) fn append_record(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(&record.ty.to_le_bytes());
    out.extend_from_slice(&(record.fields.len() as u16).to_le_bytes());
    for field in &record.fields {
        out.extend_from_slice(&(field.name.len() as u32).to_le_bytes());
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(&field.ty.to_le_bytes());
        append_marks(&field.value, out);
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        with_fixed(&field.value, |bytes| out.extend_from_slice(bytes));
        append_variable(&field.value, out);
        let length = (out.len() - length_at - 4) as u32;
        out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    }
}

fn append_marks(value: &Value, out: &mut Vec<u8>) {
    let column_type = value.column_type();
    let Some(mut innermost) = column_type.as_ref() else { return out.push(MARK_NULL) };
    while let ColumnType::Array(element) = innermost {
        out.push(MARK_ARRAY);
        innermost = element;
    }
    out.push(mark(innermost));
}

fn mark(column_type: &ColumnType) -> u8 {
    MARKS.iter().position(|known| known == column_type).map_or(MARK_NULL, |at| at as u8)
}

/// The record that `bytes` are.
pub(super) fn read_record(bytes: &[u8]) -> Result<Record> {
    let mut reader = Reader(bytes);
    let ty = u32::from_le_bytes(reader.array()?);
    let count = u16::from_le_bytes(reader.array()?);
    let mut fields = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let name = super::slot::text(reader.sized()?)?.into();
        let ty = u32::from_le_bytes(reader.array()?);
        let column_type = reader.column_type()?;
        let bytes = reader.sized()?;
        let value = match column_type {
            Some(column_type) => value_of(bytes, &column_type)?.to_owned(),
            None => Value::Null,
        };
        fields.push(Field { name, ty, value });
    }
    Ok(Record { ty, fields })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    fn sized(&mut self) -> Result<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (head, rest) = self.0.split_at_checked(length).ok_or_else(truncated)?;
        self.0 = rest;
        Ok(head)
    }

    /// None of a field that is NULL.
    fn column_type(&mut self) -> Result<Option<ColumnType>> {
        let [mark] = self.array()?;
        match mark {
            MARK_NULL => Ok(None),
            MARK_ARRAY => {
                let element = self.column_type()?.ok_or_else(|| damaged("an array in a record has no element type"))?;
                Ok(Some(ColumnType::Array(Box::new(element))))
            }
            mark => {
                MARKS.get(usize::from(mark)).cloned().map(Some).ok_or_else(|| damaged("a record has an unknown mark"))
            }
        }
    }
}

#[cold]
fn truncated() -> crate::error::Error {
    damaged("a record is shorter than it says")
}
