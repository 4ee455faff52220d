//! About how much there is to read on a way to rows, for whoever chooses among several. Cheap, and of what is committed: what a
//! transaction has written itself is not counted.

use super::{ItemQuery, ReadView};
use crate::error::Result;
use crate::key::{KeyRange, append_item_start};
use crate::kv::Family;
use crate::schema::{IndexSchema, TableSchema};

/// Of more ranges a few are looked at, and the others taken to be like them.
const RANGES_MAX: usize = 16;

/// About how many of a table's rows lie in each tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierRows {
    pub hot: u64,
    pub cold: u64,
}

impl ReadView {
    /// About how many rows the table has, or its slice.
    pub fn approximate_tiers(&self, table: &TableSchema) -> Result<TierRows> {
        let range = table.rows();
        let all = self.base(Family::Rows, &range.start)?.approximate_entries(Family::Rows, &range)?;
        let segments = self.published.snapshot.manifest().near(&range);
        let cold = segments.iter().map(|segment| u64::from(segment.info().rows)).sum::<u64>().min(all);
        Ok(TierRows { hot: all - cold, cold })
    }

    /// About how many entries of an index lie in the ranges.
    pub fn approximate_entries(&self, ranges: &[KeyRange]) -> Result<u64> {
        let step = ranges.len().div_ceil(RANGES_MAX).max(1);
        let mut entries = 0;
        for range in ranges.iter().step_by(step) {
            entries += self.base(Family::Index, &range.start)?.approximate_entries(Family::Index, range)?;
        }
        Ok(entries * step as u64)
    }

    /// About how many rows a walk by items looks at.
    pub fn approximate_items(&self, table: &TableSchema, index: &IndexSchema, query: &ItemQuery) -> Result<u64> {
        let each = |parts: &[ItemQuery]| -> Result<Vec<u64>> {
            parts.iter().map(|part| self.approximate_items(table, index, part)).collect()
        };
        Ok(match query {
            ItemQuery::Has { column, item } => {
                let mut start = Vec::new();
                append_item_start(index, table.slice, *column, item, &mut start);
                self.approximate_entries(&[KeyRange::prefix(&start)])?
            }
            ItemQuery::All(parts) => each(parts)?.into_iter().min().unwrap_or_default(),
            ItemQuery::Any(parts) => each(parts)?.into_iter().sum(),
        })
    }
}
