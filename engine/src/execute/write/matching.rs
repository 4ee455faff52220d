//! The two sides of a foreign key where their columns are of different types: which types can be matched, and what a value of
//! one is on the other side.
//!
//! Keys are looked up by the bytes that they are stored as. So a value becomes the one value of the other column's type that is equal
//! to it; where there is none, nothing there matches.

use storage::{ColumnType, Numeric, Value};

use crate::execute::point;
use crate::types::datetime::{self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY};
use crate::types::datetime::{TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY};
use crate::types::modifier::apply_modifier;
use crate::types::{Type, builtin, column_type, oid};

/// Whether each value of the key's type has at most one equal of the referenced column's type, and the other way round.
pub(crate) fn is_matched(key: Type, referenced: Type) -> bool {
    use ColumnType as T;
    let (key, referenced) = (builtin::base_type(key), builtin::base_type(referenced));
    let (Ok(from), Ok(to)) = (column_type(key), column_type(referenced)) else { return false };
    match (&from, &to) {
        // Spaces at the end count for one and not for the other.
        (T::Text, T::Text) => (key.oid == oid::BPCHAR) == (referenced.oid == oid::BPCHAR),
        (from, to) if from == to => true,
        (T::Int2 | T::Int4 | T::Int8, T::Int2 | T::Int4 | T::Int8 | T::Numeric) => true,
        (T::Int2 | T::Int4 | T::Float4, T::Float8) | (T::Float8, T::Float4) => true,
        (T::Date, T::Timestamp) | (T::Timestamp, T::Date) => true,
        _ => false,
    }
}

/// The value of a column's type that is equal to a value of the other side; None if there is none.
pub(crate) fn other_side(value: &Value, ty: Type, layout: &ColumnType) -> Option<Value> {
    use ColumnType as T;
    let whole = match value {
        Value::Int2(number) => Some(i64::from(*number)),
        Value::Int4(number) => Some(i64::from(*number)),
        Value::Int8(number) => Some(*number),
        _ => None,
    };
    if let Some(number) = whole {
        return match layout {
            T::Numeric => Some(Value::Numeric(Box::new(Numeric::from_i64(number)))),
            // Numbers of 32 bits are all among those of this type.
            T::Float8 => Some(Value::Float8(f64::from(i32::try_from(number).ok()?))),
            _ => point::fit(value.clone(), layout),
        };
    }
    let of_whole = |number: i64| point::fit(Value::Int8(number), layout);
    match (value, layout) {
        (Value::Null, _) => None,
        (Value::Numeric(number), T::Int2 | T::Int4 | T::Int8) => {
            of_whole(i64::try_from(number.coefficient_at(0)?).ok()?)
        }
        (Value::Float8(number), T::Int2 | T::Int4 | T::Int8) => {
            let is_whole = number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX) + 1.0;
            if is_whole { of_whole(*number as i64) } else { None }
        }
        (Value::Float4(number), T::Float8) => Some(Value::Float8(f64::from(*number))),
        (Value::Float8(number), T::Float4) => {
            let narrow = *number as f32;
            (f64::from(narrow) == *number || number.is_nan()).then_some(Value::Float4(narrow))
        }
        (Value::Date(day), T::Timestamp) => Some(Value::Timestamp(match *day {
            DATE_INFINITY => TIMESTAMP_INFINITY,
            DATE_NEGATIVE_INFINITY => TIMESTAMP_NEGATIVE_INFINITY,
            day => i64::from(day).checked_mul(DAY).filter(|time| datetime::is_timestamp(*time))?,
        })),
        (Value::Timestamp(time), T::Date) => Some(Value::Date(match *time {
            TIMESTAMP_INFINITY => DATE_INFINITY,
            TIMESTAMP_NEGATIVE_INFINITY => DATE_NEGATIVE_INFINITY,
            time if time.rem_euclid(DAY) == 0 => i32::try_from(time / DAY).ok()?,
            _ => return None,
        })),
        // Spaces at the end do not count, and are as many as the column is long.
        (Value::Text(text), T::Text) if builtin::base_of(ty.oid) == oid::BPCHAR => {
            let bare = Value::Text(text.trim_end_matches(' ').into());
            apply_modifier(bare, builtin::base_type(ty), false).ok()
        }
        _ => point::fit(value.clone(), layout),
    }
}
