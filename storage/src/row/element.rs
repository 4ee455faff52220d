//! Arrays inside a row: a count, a null bitmap, then the elements that are not NULL.
//!
//! An element of variable width is preceded by its length. The element type is the column's, so it is not stored.

use super::slot::{append_variable, value_of, width, with_fixed};
use super::{Result, damaged};
use crate::value::{Array, ColumnType, Value};

/// Appends an array's bytes.
pub(super) fn append_array(array: &Array, out: &mut Vec<u8>) {
    let count = array.values.len();
    out.extend_from_slice(&(count as u32).to_le_bytes());
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
    let elements = Elements::new(bytes, element)?;
    let mut values = Vec::with_capacity(elements.count);
    for bytes in elements {
        values.push(match bytes? {
            Some(bytes) => value_of(bytes, element)?.to_owned(),
            None => Value::Null,
        });
    }
    Ok(Array { element: element.clone(), values })
}

/// The elements of an array's bytes, each as its own bytes; `None` for NULL.
pub(super) struct Elements<'a> {
    count: usize,
    index: usize,
    nulls: &'a [u8],
    rest: &'a [u8],
    width: Option<usize>,
}

impl<'a> Elements<'a> {
    pub(super) fn new(bytes: &'a [u8], element: &ColumnType) -> Result<Self> {
        let (count, rest) = split_length(bytes)?;
        let (nulls, rest) = rest.split_at_checked(count.div_ceil(8)).ok_or_else(truncated)?;
        Ok(Self { count, index: 0, nulls, rest, width: width(element) })
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
