//! Rows of every type, under every layout.

use ::arrow::array::Array as _;
use ::arrow::datatypes::DataType;
use proptest::collection::vec;
use proptest::prelude::*;

use super::arrow::{Cells, array_from_values, arrow_type, cell};
use super::*;
use crate::id::{ColumnId, GenerationId, TableId};
use crate::key::hidden_row_key;
use crate::schema::{Column, Layout, RowIdentity};
use crate::value::samples::{any_value_or_null, key_types};
use crate::value::{Array, ColumnType, FixedPoint, Interval};

/// A table of the types, at version 1, its columns numbered from 1.
fn table(types: &[ColumnType]) -> TableSchema {
    let slots: Vec<_> = types.iter().enumerate().map(|(n, t)| (ColumnId(n as u16 + 1), t.clone())).collect();
    TableSchema {
        table: TableId(1),
        generation: GenerationId(7),
        version: SchemaVersion(1),
        columns: slots
            .iter()
            .map(|(id, column_type)| Column { id: *id, column_type: column_type.clone(), missing: Value::Null })
            .collect(),
        identity: RowIdentity::Hidden,
        slice: Default::default(),
        stream: None,
        indexes: Vec::new(),
        layouts: vec![Layout { version: SchemaVersion(1), slots }],
        cache: Default::default(),
        derived: Default::default(),
    }
}

/// The table after `change`, with a layout of its own.
fn altered(table: &TableSchema, change: impl FnOnce(&mut Vec<Column>)) -> TableSchema {
    let mut table = table.clone();
    change(&mut table.columns);
    table.version = SchemaVersion(table.version.0 + 1);
    let slots = table.columns.iter().map(|column| (column.id, column.column_type.clone())).collect();
    table.layouts.push(Layout { version: table.version, slots });
    table
}

fn stored(table: &TableSchema, row: &[Value]) -> StoredRow {
    StoredRow { key: hidden_row_key(table.generation, table.slice, 1), bytes: encode_row(table, row).into() }
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

/// Equal, a NaN with itself.
fn same(a: &Value, b: &Value) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

fn types_and_rows() -> impl Strategy<Value = (Vec<ColumnType>, Vec<Vec<Value>>)> {
    vec(key_types(), 0..12).prop_flat_map(|types| {
        let row = types.iter().map(any_value_or_null).collect::<Vec<_>>();
        (Just(types), vec(row, 1..6))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn rows_come_back_value_by_value((types, rows) in types_and_rows()) {
        let table = table(&types);
        for row in &rows {
            let values = stored(&table, row).values(&table).unwrap();
            prop_assert!(values.iter().zip(row).all(|(a, b)| same(a, b)), "{values:?}\n{row:?}");
        }
    }

    #[test]
    fn rows_come_back_as_columns((types, rows) in types_and_rows()) {
        let table = table(&types);
        let projection: Vec<usize> = (0..types.len()).rev().collect();
        let mut decoder = RowDecoder::new(&table, &projection);
        for _ in 0..2 {
            for row in &rows {
                decoder.append(&encode_row(&table, row)).unwrap();
            }
            prop_assert_eq!(decoder.len(), rows.len());
            let columns = decoder.finish();
            prop_assert!(decoder.is_empty());
            for (array, &position) in columns.iter().zip(&projection) {
                prop_assert_eq!(array.data_type(), &arrow_type(&types[position]));
                prop_assert_eq!(array.len(), rows.len());
                let cells = Cells::new(array, &types[position]);
                for (index, row) in rows.iter().enumerate() {
                    prop_assert!(same(&cells.get(index).to_owned(), &row[position]));
                    prop_assert!(same(&cell(array.as_ref(), &types[position], index).to_owned(), &row[position]));
                }
                let built = array_from_values(&types[position], rows.iter().map(|row| &row[position])).unwrap();
                prop_assert_eq!(&built, array);
            }
        }
    }

    /// Bytes that are no row are an error, never a panic.
    #[test]
    fn damage_is_reported(
        (types, rows) in types_and_rows(), at: prop::sample::Index, byte: u8, length: prop::sample::Index,
    ) {
        let table = table(&types);
        let mut bytes = encode_row(&table, &rows[0]);
        let at = HEADER_BYTES.max(at.index(bytes.len())).min(bytes.len() - 1);
        bytes[at] = byte;
        bytes.truncate(length.index(bytes.len() + 1).max(at));
        let row = StoredRow { key: hidden_row_key(table.generation, table.slice, 1), bytes: bytes.into() };
        let _ = row.values(&table);
        let _ = RowDecoder::new(&table, &(0..types.len()).collect::<Vec<_>>()).append(&row.bytes);
    }
}

#[test]
fn the_header_says_when_and_under_what_layout() {
    let table = table(&[ColumnType::Int4]);
    let mut bytes = encode_row(&table, &[Value::Int4(5)]);
    assert_eq!(version(&bytes).unwrap(), SchemaVersion(1));
    stamp(&mut bytes, CommitSeq(77), -5);
    let row = StoredRow { key: hidden_row_key(table.generation, table.slice, 1), bytes: bytes.into() };
    assert_eq!((row.seq(), row.updated_at()), (CommitSeq(77), -5));
    assert_eq!(row.values(&table).unwrap(), [Value::Int4(5)]);
}

#[test]
fn a_row_of_an_older_layout_has_what_is_missing() {
    let first = table(&[ColumnType::Int4, ColumnType::Text]);
    let old = stored(&first, &[Value::Int4(1), text("one")]);
    let added = altered(&first, |columns| {
        let column_type = ColumnType::Text;
        columns.push(Column { id: ColumnId(3), column_type, missing: text("none") });
        columns.push(Column { id: ColumnId(4), column_type: ColumnType::Int8, missing: Value::Null });
    });
    assert_eq!(old.values(&added).unwrap(), [Value::Int4(1), text("one"), text("none"), Value::Null]);
    // The second column goes; its bytes stay in the old rows.
    let dropped = altered(&added, |columns| drop(columns.remove(1)));
    assert_eq!(old.values(&dropped).unwrap(), [Value::Int4(1), text("none"), Value::Null]);
    let middle = stored(&added, &[Value::Int4(2), text("two"), Value::Null, Value::Int8(9)]);
    let new = stored(&dropped, &[Value::Int4(3), text("three"), Value::Null]);
    assert_eq!(middle.values(&dropped).unwrap(), [Value::Int4(2), Value::Null, Value::Int8(9)]);

    // All three layouts in one batch.
    let mut decoder = RowDecoder::new(&dropped, &[1, 0]);
    [&old, &middle, &new].iter().for_each(|row| decoder.append(&row.bytes).unwrap());
    let columns = decoder.finish();
    let texts = [text("none"), Value::Null, text("three")];
    let numbers = [Value::Int4(1), Value::Int4(2), Value::Int4(3)];
    assert_eq!(&columns[0], &array_from_values(&ColumnType::Text, texts.iter()).unwrap());
    assert_eq!(&columns[1], &array_from_values(&ColumnType::Int4, numbers.iter()).unwrap());
}

#[test]
fn a_layout_may_keep_the_slot_of_a_dropped_column() {
    let mut table = table(&[ColumnType::Text, ColumnType::Text]);
    table.columns.remove(0);
    let row = stored(&table, &[text("kept")]);
    assert_eq!(row.values(&table).unwrap(), [text("kept")]);
}

#[test]
fn a_layout_that_never_was_is_damage() {
    let first = table(&[ColumnType::Int4]);
    let second = altered(&first, |columns| columns[0].column_type = ColumnType::Float8);
    let row = stored(&second, &[Value::Float8(1.0)]);
    assert!(matches!(row.value(&first, 0), Err(Error::Corrupt { .. })));
    // A column whose type changed without a rewrite.
    let row = stored(&first, &[Value::Int4(1)]);
    assert!(matches!(row.value(&second, 0), Err(Error::Corrupt { .. })));
    assert!(matches!(row.value(&first, 9), Err(Error::Corrupt { .. })));
    // Whole numbers are read as wider ones.
    let wider = altered(&first, |columns| columns[0].column_type = ColumnType::Int8);
    assert_eq!(row.values(&wider).unwrap(), [Value::Int8(1)]);
}

#[test]
fn a_batch_refuses_what_its_type_does_not_hold() {
    let mut numbers = ColumnBuilder::new(&ColumnType::Int4);
    assert!(numbers.append_value(&Value::Int8(1)).is_err());
    assert!(numbers.append_value(&Value::Numeric(Box::default())).is_err());
    let long = Interval { months: 0, days: 0, microseconds: i64::MAX };
    assert!(ColumnBuilder::new(&ColumnType::Interval).append(&ValueRef::Interval(long)).is_err());
    let array = Value::Array(Box::new(Array::new(ColumnType::Int4, vec![Value::Int4(1)])));
    assert!(ColumnBuilder::new(&ColumnType::Array(Box::new(ColumnType::Int4))).append_value(&array).is_ok());
    assert!(numbers.append_value(&array).is_err());
    let texts = array_from_values(&ColumnType::Text, [text("a")].iter()).unwrap();
    assert!(Cells::try_new(texts.as_ref(), &ColumnType::Int4).is_err());
}

#[test]
fn numerics_come_as_decimals_where_that_is_asked_for() {
    let table = table(&[ColumnType::Numeric, ColumnType::Int4]);
    let number = |text: &str| Value::Numeric(Box::new(text.parse().unwrap()));
    let wanted = [Some(FixedPoint { precision: 5, scale: 2 }), None];
    let row = |value: &Value| stored(&table, &[value.clone(), Value::Int4(1)]).bytes;
    let values = [number("1.50"), number("-999.99"), Value::Null, number("NaN"), number("0.00")];
    let mut decoder = RowDecoder::new(&table, &[0, 1]).with_fixed(&wanted);
    values.iter().for_each(|value| decoder.append(&row(value)).unwrap());
    let columns = decoder.finish();
    assert_eq!(columns[0].data_type(), &DataType::Decimal128(5, 2));
    let cells = Cells::new(&columns[0], &ColumnType::Numeric);
    for (at, value) in values.iter().enumerate() {
        let cell = cells.get(at).to_owned();
        assert_eq!((&cell, format!("{cell:?}")), (value, format!("{value:?}")));
    }
    assert!([i128::MIN, i128::MAX, i128::MAX - 1].into_iter().all(FixedPoint::is_special));
    assert!(![i128::MIN + 1, i128::MAX - 2, 0, -1].into_iter().any(FixedPoint::is_special));
    for other in ["1.5", "1.500", "1000.00", "0.001"] {
        let mut decoder = RowDecoder::new(&table, &[0]).with_fixed(&wanted);
        assert!(matches!(decoder.append(&row(&number(other))), Err(Error::NotFixed)), "{other}");
    }
}

/// One cell is read in nanoseconds and a row is made with one allocation; run by hand with --nocapture.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let table = table(&[ColumnType::Int8, ColumnType::Int4, ColumnType::Text, ColumnType::Numeric]);
    let numeric = Value::Numeric(Box::new("1234.56".parse().unwrap()));
    let values = [Value::Int8(1), Value::Int4(2), text("a usual short text"), numeric];
    let row = stored(&table, &values);
    let time = |name: &str, work: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        (0..1_000_000).for_each(|_| work());
        println!("{name}: {:.1} ns", start.elapsed().as_nanos() as f64 / 1e6);
    };
    time("encode", &mut || drop(std::hint::black_box(encode_row(&table, std::hint::black_box(&values)))));
    for position in 0..4 {
        time("value", &mut || drop(std::hint::black_box(row.value(&table, std::hint::black_box(position)))));
    }
    time("key", &mut || drop(std::hint::black_box(crate::key::primary_key_from(&table, &values[..1]))));
    let mut decoder = RowDecoder::new(&table, &[0, 1, 2, 3]);
    let mut rows = 0;
    time("decode", &mut || {
        decoder.append(&row.bytes).unwrap();
        rows += 1;
        if rows % 8192 == 0 {
            std::hint::black_box(decoder.finish());
        }
    });
}
