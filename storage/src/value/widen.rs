//! Types whose values are values of a wider type as well: what was stored as one can be read as the other.

use super::{ColumnType, Value};

impl ColumnType {
    /// Whether every value of this type is one of the other, and columns may go over to that without their rows.
    pub fn widens_to(&self, wider: &ColumnType) -> bool {
        use ColumnType::{Int2, Int4, Int8};
        matches!((self, wider), (Int2, Int4 | Int8) | (Int4, Int8))
    }
}

impl Value {
    /// The same value, as one of a wider type; as it is, if it is none of a narrower.
    pub fn widened(self, column_type: &ColumnType) -> Value {
        match (self, column_type) {
            (Value::Int2(value), ColumnType::Int4) => Value::Int4(value.into()),
            (Value::Int2(value), ColumnType::Int8) => Value::Int8(value.into()),
            (Value::Int4(value), ColumnType::Int8) => Value::Int8(value.into()),
            (value, _) => value,
        }
    }
}
