//! From values to a row's bytes.

use super::slot::{append_variable, fits, with_fixed};
use super::{HEADER_BYTES, VERSION_AT};
use crate::schema::TableSchema;
use crate::value::Value;

/// The bytes of a row under the table's current layout; its commit is stamped later.
///
/// `row` has one value for each current column, of the column's type. It is the caller's to keep a row below
/// 4 GiB (see [`row_bytes`]).
pub fn encode_row(table: &TableSchema, row: &[Value]) -> Vec<u8> {
    let fixed = table.cache.of(table).current.variable_at;
    let mut out = Vec::with_capacity(fixed + row.iter().map(variable_bytes).sum::<usize>());
    append_row(table, row, &mut out);
    out
}

/// Appends the same.
pub(crate) fn append_row(table: &TableSchema, row: &[Value], out: &mut Vec<u8>) {
    assert_eq!(row.len(), table.columns.len(), "a row has a value for each column");
    let map = &table.cache.of(table).current;
    let start = out.len();
    let variable_at = start + map.variable_at;
    out.resize(variable_at, 0);
    out[start + VERSION_AT..start + VERSION_AT + 2].copy_from_slice(&table.version.0.to_le_bytes());
    for (position, place) in &map.slots {
        // A column that is gone is NULL in new rows.
        let value = position.map_or(&Value::Null, |position| {
            let value = &row[position];
            assert!(fits(value, &table.columns[position].column_type), "a value is of its column's type");
            value
        });
        if value.is_null() {
            out[start + place.null_at as usize] |= place.null_bit;
        }
        let at = start + place.at as usize;
        if place.width > 0 {
            with_fixed(value, |bytes| out[at..at + bytes.len()].copy_from_slice(bytes));
        } else {
            append_variable(value, out);
            let end = u32::try_from(out.len() - variable_at).unwrap_or(u32::MAX);
            out[at..at + 4].copy_from_slice(&end.to_le_bytes());
        }
    }
}

/// About how many bytes a row takes when it is stored: enough to refuse one that is too large before it is made.
pub fn row_bytes(row: &[Value]) -> usize {
    HEADER_BYTES + row.iter().map(|value| 16 + variable_bytes(value)).sum::<usize>()
}

/// How many bytes beyond its slot a value takes: exact for text and bytea, about right for the others.
fn variable_bytes(value: &Value) -> usize {
    match value {
        Value::Text(v) => v.len(),
        Value::Bytea(v) => v.len(),
        Value::Numeric(_) => 16,
        Value::Record(v) => {
            let fields = v.fields.iter().map(|field| 16 + field.name.len() + variable_bytes(&field.value));
            8 + fields.sum::<usize>()
        }
        Value::Array(v) => 8 + v.values.iter().map(|value| 16 + variable_bytes(value)).sum::<usize>(),
        _ => 0,
    }
}
