//! Looking up many keys of a segment: each block that may have some of them is read once.

use bytes::Bytes;

use super::columns::FileCells;
use super::marks::Mark;
use super::reader::{Block, Segment};
use super::{BLOCK_ROWS, GROUP_ROWS};
use crate::error::Result;
use crate::key::{append_hidden_row_key, append_row_key};
use crate::row::{append_row, stamp};
use crate::schema::RowIdentity;
use crate::value::Value;

/// What a lookup wants to know of the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Places,
    Rows,
}

/// Is told of a row that is there: which of the keys it has, where it lies, and its bytes if they are wanted.
pub(crate) type Tell<'a> = dyn FnMut(usize, Mark, Bytes) + 'a;

/// A block at which several keys are looked up.
struct Lookup<'a> {
    segment: &'a Segment,
    block: &'a Block,
    cells: Vec<FileCells<'a>>,
    values: Vec<Value>,
    key: Vec<u8>,
    row: Vec<u8>,
}

impl Segment {
    /// Tells of the rows that have one of the keys, marked or not. `keys` ascend, each with its number.
    pub(crate) fn find_many(&self, keys: &[(usize, &[u8])], wanted: Wanted, tell: &mut Tell<'_>) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let opened = self.opened()?;
        let mut left = keys;
        while let Some((_, first)) = left.first() {
            let at = opened.block_of(first);
            let len = left.partition_point(|(_, key)| opened.block_of(key) == at);
            let (within, rest) = left.split_at(len);
            left = rest;
            let filter = self.filter(&opened, (at * BLOCK_ROWS / GROUP_ROWS) as u32)?;
            let mut likely = within.iter().filter(|(_, key)| filter.check(*key)).peekable();
            if likely.peek().is_none() {
                continue;
            }
            let block = self.block(&opened, at as u32)?;
            let mut lookup = Lookup::new(self, &block)?;
            let mut from = 0;
            for (number, key) in likely {
                from = lookup.first_not_before(key, from)?;
                if from < block.len() && lookup.key_of(from)? == *key {
                    let mark = Mark { segment: self.info().id, position: block.first() + from as u32 };
                    let row = if wanted == Wanted::Rows { lookup.row(from)? } else { Bytes::new() };
                    tell(*number, mark, row);
                }
            }
        }
        Ok(())
    }
}

impl<'a> Lookup<'a> {
    fn new(segment: &'a Segment, block: &'a Block) -> Result<Self> {
        let columns = segment.info().schema.columns.len();
        let cells = (0..columns).map(|position| segment.cells(block, position)).collect::<Result<_>>()?;
        Ok(Self { segment, block, cells, values: vec![Value::Null; columns], key: Vec::new(), row: Vec::new() })
    }

    fn key_of(&mut self, row: usize) -> Result<&[u8]> {
        let schema = &self.segment.info().schema;
        self.key.clear();
        match &schema.identity {
            RowIdentity::Hidden => {
                append_hidden_row_key(schema.generation, schema.slice, self.block.row_number(row), &mut self.key);
            }
            RowIdentity::PrimaryKey(positions) => {
                for &position in positions {
                    self.values[position] = self.cells[position].get(row)?.to_owned();
                }
                append_row_key(schema, schema.slice, &self.values, &mut self.key);
            }
        }
        Ok(&self.key)
    }

    /// The first row from `from` on whose key is not less, or the number of rows.
    fn first_not_before(&mut self, key: &[u8], from: usize) -> Result<usize> {
        let (mut low, mut high) = (from, self.block.len());
        // Keys that are looked up together are often neighbours.
        let mut step = 1;
        while low < high {
            let probe = if step > 0 { (low + step - 1).min(high - 1) } else { low.midpoint(high) };
            if self.key_of(probe)? < key {
                low = probe + 1;
                step *= 2;
            } else {
                high = probe;
                step = 0;
            }
        }
        Ok(low)
    }

    /// A row as the key-value store would hold it.
    fn row(&mut self, row: usize) -> Result<Bytes> {
        let schema = &self.segment.info().schema;
        for (value, cells) in self.values.iter_mut().zip(&self.cells) {
            *value = cells.get(row)?.to_owned();
        }
        self.row.clear();
        append_row(schema, &self.values, &mut self.row);
        let (seq, updated_at) = self.block.stamp(row, schema.columns.len());
        stamp(&mut self.row, seq, updated_at);
        Ok(Bytes::copy_from_slice(&self.row))
    }
}
