//! Order and equality of rows in memory: by the bytes that their values have in keys, which is how indexes have them.

use std::cmp::Ordering;

use storage::Value;
use storage::key::encode_value;

use super::{Tuple, TupleSource};
use crate::error::Result;
use crate::expr::SortKey;
use crate::expr::eval::eval;
use crate::function::EvalContext;
use crate::plan::point::ColumnPlaces;
use crate::types::oid::BPCHAR;

/// A value of a type as bytes that compare as it does; None for NULL.
pub(super) fn bytes(value: &Value, ty: u32) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(16);
    match value {
        Value::Null => return None,
        // Trailing spaces do not count.
        Value::Text(text) if ty == BPCHAR => encode_value(&Value::Text(text.trim_end_matches(' ').into()), &mut out),
        value => encode_value(value, &mut out),
    }
    Some(out)
}

/// Rows in the order of the keys; those that are alike stay as they come.
pub(super) fn sorted(
    rows: Vec<Tuple>,
    keys: &[SortKey],
    context: &EvalContext,
    columns: &ColumnPlaces,
) -> Result<Vec<Tuple>> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        let source = TupleSource { places: columns, values: &row };
        let of_row = |key: &SortKey| Ok(bytes(&eval(&key.expr, context, &source)?, key.expr.ty.oid));
        let key: Vec<Option<Vec<u8>>> = keys.iter().map(of_row).collect::<Result<_>>()?;
        keyed.push((key, row));
    }
    keyed.sort_by(|(left, _), (right, _)| {
        let sides = left.iter().zip(right).zip(keys);
        sides
            .map(|((left, right), key)| compare(left, right, key))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

fn compare(left: &Option<Vec<u8>>, right: &Option<Vec<u8>>, key: &SortKey) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) if key.nulls_first => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => compare(right, left, key).reverse(),
        (Some(left), Some(right)) if key.descending => right.cmp(left),
        (Some(left), Some(right)) => left.cmp(right),
    }
}

/// What two rows have in common if all their values are equal, NULLs included.
pub(super) fn identity(row: &[Value], types: &[u32]) -> Vec<Option<Vec<u8>>> {
    row.iter().zip(types).map(|(value, ty)| bytes(value, *ty)).collect()
}
