//! Whether rows are found by an index, or by reading the whole table.
//!
//! A row that an index has found is fetched by its key, which takes as long as reading several rows one after the other, and as
//! long as reading very many where they are cold. So an index is worth it for a small part of a table, and the smaller the
//! more of it is cold. Which of the two is chosen changes no answer: conditions are looked at either way.

use storage::{ReadView, TableSchema, TierRows};

use crate::error::Result;

/// So few rows are always fetched, if the conditions say what they equal or between what they lie.
const FEW: u64 = 100;

/// A table of fewer rows is read whole where a condition bounds one side only.
const SMALL: u64 = 10_000;

/// What fetching a row costs, in hot rows that are read one after the other: about, and not measured for each width of rows.
/// A cold row takes its block along.
const FETCHED_HOT: u64 = 4;
const FETCHED_COLD: u64 = 12;

/// So many cold rows are read in the time of one hot row.
const COLD_AT_ONCE: u64 = 30;

/// Whether fetching the rows that about so many entries name is less than reading the table. `expected`: the conditions
/// look as if there were few.
pub(super) fn is_narrow(view: &ReadView, table: &TableSchema, entries: u64, expected: bool) -> Result<bool> {
    if expected && entries <= FEW {
        return Ok(true);
    }
    Ok(is_less(entries, view.approximate_tiers(table)?, expected))
}

fn is_less(entries: u64, TierRows { hot, cold }: TierRows, expected: bool) -> bool {
    let rows = hot + cold;
    if rows == 0 || (!expected && rows < SMALL) {
        return expected;
    }
    let fetched = u128::from(entries) * u128::from(FETCHED_HOT * hot + FETCHED_COLD * cold) / u128::from(rows);
    fetched <= u128::from(hot + cold / COLD_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_for_a_small_part_of_a_table() {
        let (hot, cold) = (TierRows { hot: 1_000_000, cold: 0 }, TierRows { hot: 0, cold: 1_000_000 });
        assert!(is_less(10_000, hot, false) && is_less(10_000, hot, true));
        assert!(!is_less(500_000, hot, true));
        assert!(is_less(1_000, cold, true) && !is_less(10_000, cold, true));
        // Of a small table nobody knows much.
        let small = TierRows { hot: 1000, cold: 0 };
        assert!(!is_less(1, small, false) && is_less(200, small, true));
        assert!(is_less(u64::MAX, TierRows { hot: 0, cold: 0 }, true));
    }
}
