//! Order of keys against order of values.

use std::cmp::Ordering;
use std::ops::Bound;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::id::{ColumnId, SchemaVersion, TableId};
use crate::schema::{Column, IndexColumn, Layout};
use crate::value::ColumnType;
use crate::value::samples::{any_value, compare, key_types};

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode_value(value, &mut out);
    out
}

fn indexed(value: &Value, descending: bool, nulls_first: bool) -> Vec<u8> {
    let mut out = Vec::new();
    encode_index_column(value, descending, nulls_first, &mut out);
    out
}

/// Two values of one type, neither NULL.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    key_types().prop_flat_map(|column_type| (any_value(&column_type), any_value(&column_type)))
}

/// A table of two columns, both its primary key.
fn table(first: ColumnType, second: ColumnType) -> TableSchema {
    let columns = [(ColumnId(1), first), (ColumnId(2), second)];
    TableSchema {
        table: TableId(1),
        generation: GenerationId(7),
        version: SchemaVersion(1),
        columns: columns
            .iter()
            .map(|(id, column_type)| Column { id: *id, column_type: column_type.clone(), missing: Value::Null })
            .collect(),
        identity: RowIdentity::PrimaryKey(vec![0, 1]),
        slice: Slice::Undivided,
        stream: None,
        indexes: Vec::new(),
        layouts: vec![Layout { version: SchemaVersion(1), slots: columns.to_vec() }],
        cache: Default::default(),
        derived: Default::default(),
    }
}

fn index(unique: bool, nulls_distinct: bool, descending: bool, nulls_first: bool) -> IndexSchema {
    let column = |column| IndexColumn { column, descending, nulls_first, items: None };
    IndexSchema {
        generation: GenerationId(8),
        columns: vec![column(0), column(1)],
        unique,
        nulls_distinct,
        condition: None,
        slice: Slice::Undivided,
    }
}

proptest! {
    #[test]
    fn keys_sort_as_values((a, b) in pair()) {
        prop_assert_eq!(encoded(&a).cmp(&encoded(&b)), compare(&a, &b));
    }

    /// No key is a prefix of another, so that the next column never decides.
    #[test]
    fn keys_end_by_themselves((a, b) in pair()) {
        let (a_key, b_key) = (encoded(&a), encoded(&b));
        if compare(&a, &b) != Ordering::Equal {
            prop_assert!(!a_key.starts_with(&b_key) && !b_key.starts_with(&a_key));
        }
    }

    #[test]
    fn index_columns_run_backwards_and_place_nulls((a, b) in pair(), descending: bool, nulls_first: bool) {
        let expected = if descending { compare(&b, &a) } else { compare(&a, &b) };
        prop_assert_eq!(
            indexed(&a, descending, nulls_first).cmp(&indexed(&b, descending, nulls_first)), expected
        );
        let null = indexed(&Value::Null, descending, nulls_first);
        let expected = if nulls_first { Ordering::Less } else { Ordering::Greater };
        prop_assert_eq!(null.cmp(&indexed(&a, descending, nulls_first)), expected);
    }

    #[test]
    fn ranges_hold_what_their_bounds_say(
        (a, b) in pair(), (value, other) in pair(), lower_included: bool, upper_included: bool,
        descending: bool, nulls_first: bool,
    ) {
        // The range lies on the second column, below an equal first one.
        let (second, first) = ((a, b), (value, other));
        let table = table(ColumnType::Text, ColumnType::Text);
        let bound = |value, included| if included { Bound::Included(value) } else { Bound::Excluded(value) };
        let (lower, upper) = (bound(&second.0, lower_included), bound(&second.1, upper_included));
        let keys = key_range(&table, std::slice::from_ref(&first.0), lower, upper);
        let index = index(false, true, descending, nulls_first);
        let entries = index_range(&index, std::slice::from_ref(&first.0), lower, upper);
        for candidate in [&second.0, &second.1] {
            let above = match compare(candidate, &second.0) {
                Ordering::Greater => true,
                order => lower_included && order == Ordering::Equal,
            };
            let below = match compare(candidate, &second.1) {
                Ordering::Less => true,
                order => upper_included && order == Ordering::Equal,
            };
            for leading in [&first.0, &first.1] {
                let inside = above && below && encoded(leading) == encoded(&first.0);
                let row = [(*leading).clone(), candidate.clone()];
                let key = row_key(&table, &row);
                prop_assert_eq!(keys.contains(key.as_bytes()), inside);
                prop_assert_eq!(entries.contains(&index_key(&index, &row, &key).bytes), inside);
            }
        }
    }
}

#[test]
fn equal_values_of_different_looks_are_one_key() {
    let numeric = |text: &str| Value::Numeric(Box::new(text.parse().unwrap()));
    assert_eq!(encoded(&numeric("1.0")), encoded(&numeric("1.0000")));
    assert_eq!(encoded(&numeric("-100")), encoded(&numeric("-1e2")));
    assert_eq!(encoded(&Value::Float8(0.0)), encoded(&Value::Float8(-0.0)));
    assert_eq!(encoded(&Value::Float4(f32::NAN)), encoded(&Value::Float4(-f32::NAN)));
}

#[test]
fn a_zero_byte_sorts_between_the_end_and_the_others() {
    let key = |bytes: &[u8]| encoded(&Value::Bytea(bytes.into()));
    let sorted = [key(b"a"), key(b"a\0"), key(b"a\0\0"), key(b"a\0\x01"), key(b"a\x01"), key(b"b")];
    assert!(sorted.is_sorted_by(|a, b| a < b));
}

#[test]
fn nulls_are_outside_every_bound_and_inside_the_whole() {
    for (descending, nulls_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let index = index(false, true, descending, nulls_first);
        let key = RowKey::from_bytes(Bytes::from_static(b"\0\0\0\x07k"));
        let null = index_key(&index, &[Value::Int4(1), Value::Null], &key).bytes;
        let five = index_key(&index, &[Value::Int4(1), Value::Int4(5)], &key).bytes;
        let prefix = [Value::Int4(1)];
        let four = Value::Int4(4);
        for (lower, upper, holds_five) in [
            (Bound::Excluded(&four), Bound::Unbounded, true),
            (Bound::Unbounded, Bound::Included(&four), false),
            (Bound::Included(&Value::Null), Bound::Unbounded, false),
            (Bound::Unbounded, Bound::Excluded(&Value::Null), false),
        ] {
            let range = index_range(&index, &prefix, lower, upper);
            assert!(!range.contains(&null));
            assert_eq!(range.contains(&five), holds_five);
        }
        let whole = index_range(&index, &prefix, Bound::Unbounded, Bound::Unbounded);
        assert!(whole.contains(&null) && whole.contains(&five));
        let nulls = index_range(&index, &[Value::Int4(1), Value::Null], Bound::Unbounded, Bound::Unbounded);
        assert!(nulls.contains(&null) && !nulls.contains(&five));
    }
}

#[test]
fn a_unique_entry_is_its_columns_unless_a_null_sets_it_apart() {
    let key = RowKey::from_bytes(Bytes::from_static(b"\0\0\0\x07k"));
    let (full, half) = ([Value::Int4(1), Value::Int4(2)], [Value::Int4(1), Value::Null]);
    for (unique, nulls_distinct, row, alone) in [
        (true, true, &full, true),
        (true, true, &half, false),
        (true, false, &half, true),
        (false, false, &full, false),
    ] {
        let entry = index_key(&index(unique, nulls_distinct, false, false), row, &key);
        assert_eq!(entry.unique_prefix, alone);
        assert_eq!(entry.bytes.ends_with(key.as_bytes()), !alone);
    }
}

#[test]
fn a_generation_is_the_range_of_its_keys() {
    let range = KeyRange::generation(GenerationId(255));
    assert!(range.contains(hidden_row_key(GenerationId(255), Slice::Undivided, 0).as_bytes()));
    assert!(range.contains(hidden_row_key(GenerationId(255), Slice::Undivided, u64::MAX).as_bytes()));
    assert!(!range.contains(hidden_row_key(GenerationId(256), Slice::Undivided, 0).as_bytes()));
    assert!(!range.contains(hidden_row_key(GenerationId(254), Slice::Undivided, u64::MAX).as_bytes()));
    assert_eq!(hidden_row_key(GenerationId(254), Slice::Undivided, 1).generation(), GenerationId(254));
    assert!(!range.overlaps(&KeyRange::generation(GenerationId(256))));
    assert!(range.overlaps(&KeyRange::prefix(&[0, 0, 0, 255, 3])));
}
