//! Values for tests: any value of a type, and the order that SQL gives them.

use std::cmp::Ordering;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use super::jsonb::{Json, Node};
use super::{Array, ColumnType, Field, Interval, Numeric, Record, Value};

/// Every type but arrays.
const SCALARS: [ColumnType; 16] = [
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
];

/// A type whose values can be keys.
pub(crate) fn key_types() -> BoxedStrategy<ColumnType> {
    let scalar = proptest::sample::select(SCALARS.to_vec());
    let array = proptest::sample::select(SCALARS.to_vec()).prop_map(|element| ColumnType::Array(Box::new(element)));
    prop_oneof![6 => scalar, 1 => array].boxed()
}

/// A numeric: often small, sometimes huge, tiny or special.
pub(crate) fn any_numeric() -> BoxedStrategy<Numeric> {
    let special = proptest::sample::select(vec!["NaN", "Infinity", "-Infinity", "0", "0.000", "1e-16383", "-9e131071"])
        .prop_map(|text| text.parse().unwrap());
    prop_oneof![
        1 => special,
        4 => (-999i64..999, 0u16..5).prop_map(|(digits, scale)| Numeric::from_parts(i128::from(digits), scale)),
        4 => (any::<i128>(), 0u16..60).prop_map(|(digits, scale)| Numeric::from_parts(digits, scale)),
        2 => (any::<i64>(), -400i32..400)
            .prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse().unwrap()),
        1 => ("-?[0-9]{1,120}", "[0-9]{1,120}")
            .prop_map(|(whole, fraction)| format!("{whole}.{fraction}").parse().unwrap()),
    ]
    .boxed()
}

/// A value of the type, not NULL. Small ones are likely, so that equal ones meet.
pub(crate) fn any_value(column_type: &ColumnType) -> BoxedStrategy<Value> {
    let micros = || prop_oneof![any::<i64>(), -2i64..3];
    let days = || prop_oneof![any::<i32>(), -2i32..3];
    match column_type {
        ColumnType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ColumnType::Int2 => any::<i16>().prop_map(Value::Int2).boxed(),
        ColumnType::Int4 => days().prop_map(Value::Int4).boxed(),
        ColumnType::Int8 => micros().prop_map(Value::Int8).boxed(),
        ColumnType::Float4 => {
            prop_oneof![proptest::num::f32::ANY, Just(0.0), Just(-0.0)].prop_map(Value::Float4).boxed()
        }
        ColumnType::Float8 => {
            prop_oneof![proptest::num::f64::ANY, Just(0.0), Just(-0.0)].prop_map(Value::Float8).boxed()
        }
        ColumnType::Numeric => any_numeric().prop_map(|v| Value::Numeric(Box::new(v))).boxed(),
        ColumnType::Text => "[a-c\u{1}é]{0,4}|.{0,40}".prop_map(|v: String| Value::Text(v.into())).boxed(),
        ColumnType::Bytea => {
            prop_oneof![vec(any::<u8>(), 0..30), vec(0u8..3, 0..5)].prop_map(|v| Value::Bytea(v.into())).boxed()
        }
        ColumnType::Date => days().prop_map(Value::Date).boxed(),
        ColumnType::Time => micros().prop_map(Value::Time).boxed(),
        ColumnType::Timestamp => micros().prop_map(Value::Timestamp).boxed(),
        ColumnType::Timestamptz => micros().prop_map(Value::Timestamptz).boxed(),
        // Arrow's intervals count nanoseconds in 64 bits.
        ColumnType::Interval => (days(), days(), -9_000_000_000_000_000i64..9_000_000_000_000_000)
            .prop_map(|(months, days, microseconds)| Value::Interval(Interval { months, days, microseconds }))
            .boxed(),
        ColumnType::Uuid => any::<[u8; 16]>().prop_map(Value::Uuid).boxed(),
        ColumnType::Jsonb => any_json().prop_map(|json| Value::Jsonb(json.to_bytes().unwrap())).boxed(),
        ColumnType::Array(element) => {
            let element_type = (**element).clone();
            vec(any_value_or_null(element), 0..5)
                .prop_map(move |values| Value::Array(Box::new(Array::new(element_type.clone(), values))))
                .boxed()
        }
        ColumnType::Record => vec(any_value_or_null(&ColumnType::Int4), 0..3)
            .prop_map(|values| {
                let fields = values.into_iter().map(|value| Field { name: "".into(), ty: 23, value }).collect();
                Value::Record(Box::new(Record { ty: 2249, fields }))
            })
            .boxed(),
    }
}

/// A document, small enough for equal ones to meet.
fn any_json() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        (-3i64..3, 0u16..3).prop_map(|(digits, scale)| Json::Number(Numeric::from_parts(i128::from(digits), scale))),
        "[a-c\u{0}]{0,2}".prop_map(Json::String),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Json::Array),
            vec(("[a-c]{0,2}", inner), 0..3).prop_map(Json::object),
        ]
    })
    .boxed()
}

/// The order of documents, member by member.
fn compare_json(a: &Json, b: &Json, whole: bool) -> Ordering {
    let rank = |json: &Json| match json {
        Json::Array(elements) if whole && elements.is_empty() => 0,
        Json::Null => 1,
        Json::String(_) => 2,
        Json::Number(_) => 3,
        Json::Bool(_) => 4,
        Json::Array(_) => 5,
        Json::Object(_) => 6,
    };
    match (a, b) {
        (Json::Bool(a), Json::Bool(b)) => a.cmp(b),
        (Json::Number(a), Json::Number(b)) => a.cmp(b),
        (Json::String(a), Json::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Json::Array(a), Json::Array(b)) => a.len().cmp(&b.len()).then_with(|| {
            a.iter()
                .zip(b)
                .map(|(a, b)| compare_json(a, b, false))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        (Json::Object(a), Json::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
            let pairs = a.iter().zip(b);
            pairs
                .map(|((k, a), (l, b))| k.as_bytes().cmp(l.as_bytes()).then_with(|| compare_json(a, b, false)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

/// A value of the type, or NULL.
pub(crate) fn any_value_or_null(column_type: &ColumnType) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 5 => any_value(column_type)].boxed()
}

/// The order of two values of one type, as SQL has it; NULL (in an array) is last.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    let float = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
    let length =
        |v: &Interval| i128::from(v.microseconds) + (i128::from(v.days) + 30 * i128::from(v.months)) * 86_400_000_000;
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int2(a), Value::Int2(b)) => a.cmp(b),
        (Value::Int4(a), Value::Int4(b)) | (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Int8(a), Value::Int8(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::Timestamptz(a), Value::Timestamptz(b)) => a.cmp(b),
        (Value::Float4(a), Value::Float4(b)) => float(f64::from(*a), f64::from(*b)),
        (Value::Float8(a), Value::Float8(b)) => float(*a, *b),
        (Value::Numeric(a), Value::Numeric(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytea(a), Value::Bytea(b)) => a.cmp(b),
        (Value::Interval(a), Value::Interval(b)) => length(a).cmp(&length(b)),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Jsonb(a), Value::Jsonb(b)) => compare_json(&Node::of(a).to_json(), &Node::of(b).to_json(), true),
        (Value::Array(a), Value::Array(b)) => {
            let unequal = a.values.iter().zip(&b.values).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            unequal.unwrap_or_else(|| a.values.len().cmp(&b.values.len()))
        }
        _ => a.is_null().cmp(&b.is_null()),
    }
}
