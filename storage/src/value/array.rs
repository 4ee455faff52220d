//! Arrays: elements in a row, and how they are numbered.

use serde::{Deserialize, Serialize};

use super::{ColumnType, Value};

/// An array: its element type and its elements, which may be NULL. Of several dimensions, the last one's subscript
/// changes fastest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Array {
    pub element: ColumnType,
    pub values: Vec<Value>,
    /// None for what nearly every array is: of one dimension that is numbered from 1, or without elements.
    #[serde(default)]
    bounds: Option<Box<[Dimension]>>,
}

/// How many subscripts a dimension has, and the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dimension {
    pub length: i32,
    pub lower: i32,
}

impl Dimension {
    pub const fn new(length: i32) -> Self {
        Self { length, lower: 1 }
    }

    /// The last subscript.
    pub fn upper(self) -> i32 {
        self.lower.saturating_add(self.length - 1)
    }
}

impl Array {
    /// An array of one dimension that is numbered from 1.
    pub fn new(element: ColumnType, values: Vec<Value>) -> Self {
        Self { element, values, bounds: None }
    }

    /// An array of the given dimensions, whose lengths multiply to the number of values.
    pub fn shaped(element: ColumnType, values: Vec<Value>, dimensions: &[Dimension]) -> Self {
        let plain = values.is_empty() || matches!(dimensions, [Dimension { lower: 1, .. }]);
        Self { element, values, bounds: (!plain).then(|| dimensions.into()) }
    }

    /// An array of the same dimensions with other values, as many.
    pub fn alike(&self, element: ColumnType, values: Vec<Value>) -> Self {
        Self { element, values, bounds: self.bounds.clone() }
    }

    /// The dimensions if they have to be said: there are several, or the first element's number is not 1.
    pub fn bounds(&self) -> Option<&[Dimension]> {
        self.bounds.as_deref()
    }

    /// All dimensions; an array without elements has none.
    pub fn dimensions(&self) -> Vec<Dimension> {
        match &self.bounds {
            Some(bounds) => bounds.to_vec(),
            None if self.values.is_empty() => Vec::new(),
            None => vec![Dimension::new(i32::try_from(self.values.len()).unwrap_or(i32::MAX))],
        }
    }

    /// The place of an element among the values: none of another number of subscripts, or outside the bounds.
    pub fn place(&self, subscripts: &[i32]) -> Option<usize> {
        let Some(bounds) = &self.bounds else {
            let [subscript] = subscripts else { return None };
            let place = usize::try_from(i64::from(*subscript) - 1).ok()?;
            return (place < self.values.len()).then_some(place);
        };
        if subscripts.len() != bounds.len() {
            return None;
        }
        let mut place = 0;
        for (dimension, subscript) in bounds.iter().zip(subscripts) {
            let offset = i64::from(*subscript) - i64::from(dimension.lower);
            if !(0..i64::from(dimension.length)).contains(&offset) {
                return None;
            }
            place = place * i64::from(dimension.length) + offset;
        }
        usize::try_from(place).ok()
    }
}
