//! Arrays inside a row: a count, a null bitmap, then the elements that are not NULL.
//!
//! An element of variable width is preceded by its length. The element type is the column's, so it is not stored. Where
//! the dimensions have to be said, the count's highest bit is set and they come next: how many, then each one's length
//! and first subscript.

use super::slot::{append_variable, value_of, width, with_fixed};
use super::{Result, damaged};
use crate::value::{Array, ColumnType, Dimension, Value};

/// Set in the count of an array whose dimensions are said.
const SHAPED: u32 = 1 << 31;

/// Appends an array's bytes.
pub(super) fn append_array(array: &Array, out: &mut Vec<u8>) {
    let count = array.values.len();
    match array.bounds() {
        None => out.extend_from_slice(&(count as u32).to_le_bytes()),
        Some(bounds) => {
            out.extend_from_slice(&(count as u32 | SHAPED).to_le_bytes());
            out.push(bounds.len() as u8);
            for dimension in bounds {
                out.extend_from_slice(&dimension.length.to_le_bytes());
                out.extend_from_slice(&dimension.lower.to_le_bytes());
            }
        }
    }
    let nulls_at = out.len();
    out.resize(nulls_at + count.div_ceil(8), 0);
    for (index, value) in array.values.iter().enumerate() {
        if value.is_null() {
            out[nulls_at + index / 8] |= 1 << (index % 8);
        } else if width(&array.element).is_some() {
            with_fixed(value, |bytes| out.extend_from_slice(bytes));
        } else {
            let length_at = out.len();
            out.extend_from_slice(&[0; 4]);
            append_variable(value, out);
            let length = (out.len() - length_at - 4) as u32;
            out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        }
    }
}

/// The array that `bytes` are.
pub(super) fn read_array(bytes: &[u8], element: &ColumnType) -> Result<Array> {
    let mut elements = Elements::new(bytes, element)?;
    let mut values = Vec::with_capacity(elements.count);
    for bytes in elements.by_ref() {
        values.push(match bytes? {
            Some(bytes) => value_of(bytes, element)?.to_owned(),
            None => Value::Null,
        });
    }
    Ok(match elements.bounds.is_empty() {
        true => Array::new(element.clone(), values),
        false => Array::shaped(element.clone(), values, &elements.bounds),
    })
}

/// The elements of an array's bytes, each as its own bytes; `None` for NULL.
struct Elements<'a> {
    count: usize,
    bounds: Vec<Dimension>,
    index: usize,
    nulls: &'a [u8],
    rest: &'a [u8],
    width: Option<usize>,
}

impl<'a> Elements<'a> {
    fn new(bytes: &'a [u8], element: &ColumnType) -> Result<Self> {
        let (count, mut rest) = bytes.split_first_chunk().ok_or_else(truncated)?;
        let count = u32::from_le_bytes(*count);
        let mut bounds = Vec::new();
        if count & SHAPED != 0 {
            let (dimensions, behind) = rest.split_first().ok_or_else(truncated)?;
            rest = behind;
            for _ in 0..*dimensions {
                let (length, behind) = rest.split_first_chunk().ok_or_else(truncated)?;
                let (lower, behind) = behind.split_first_chunk().ok_or_else(truncated)?;
                bounds.push(Dimension { length: i32::from_le_bytes(*length), lower: i32::from_le_bytes(*lower) });
                rest = behind;
            }
        }
        let count = (count & !SHAPED) as usize;
        let (nulls, rest) = rest.split_at_checked(count.div_ceil(8)).ok_or_else(truncated)?;
        Ok(Self { count, bounds, index: 0, nulls, rest, width: width(element) })
    }

    fn take(&mut self) -> Result<&'a [u8]> {
        let (length, rest) = match self.width {
            Some(width) => (width, self.rest),
            None => split_length(self.rest)?,
        };
        let (bytes, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(bytes)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Option<&'a [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.index;
        if index == self.count {
            return None;
        }
        self.index += 1;
        if self.nulls[index / 8] & 1 << (index % 8) != 0 {
            return Some(Ok(None));
        }
        Some(self.take().map(Some))
    }
}

fn split_length(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk().ok_or_else(truncated)?;
    Ok((u32::from_le_bytes(*length) as usize, rest))
}

#[cold]
fn truncated() -> crate::error::Error {
    damaged("an array is shorter than it says")
}
