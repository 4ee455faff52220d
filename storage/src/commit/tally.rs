//! The tally: how many rows of certain tables are hot, and since when.
//!
//! It is kept as rows come and go, for tables that somebody asked about; of others a commit takes no notice. A table begins
//! as unknown and is counted once ([`Store::count_hot_rows`](crate::Store::count_hot_rows)), and once more after a flush and
//! after a commit of more rows than memory holds.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::CommitRequest;
use crate::id::{CommitSeq, GenerationId};

/// The hot rows of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HotRows {
    pub rows: u64,
    /// When the oldest of them was committed, or a little earlier: microseconds since 1970. `None` if there are none.
    pub since_us: Option<i64>,
}

/// The tables that are tallied.
pub(crate) struct Tally {
    /// The newest commit that was given its place.
    accepted: AtomicU64,
    /// How many tables there are, so that commits need not look.
    tables_len: AtomicUsize,
    tables: Mutex<FxHashMap<GenerationId, Count>>,
}

#[derive(Default)]
struct Count {
    phase: Phase,
    rows: i64,
    since_us: Option<i64>,
}

#[derive(Default)]
enum Phase {
    /// It has to be counted.
    #[default]
    Unknown,
    /// Somebody is about to count, nobody knows yet from which commit on: what each has added.
    Beginning(Vec<(CommitSeq, i64)>),
    /// Somebody counts what was there, and here is what came after it.
    Counting,
    Known,
}

impl Count {
    fn add(&mut self, seq: CommitSeq, rows: i64, now_us: i64) {
        match &mut self.phase {
            Phase::Unknown => return,
            Phase::Beginning(added) => {
                added.push((seq, rows));
                return;
            }
            Phase::Counting | Phase::Known => self.rows += rows,
        }
        self.since_us.get_or_insert(now_us);
        self.forget_age_of_none();
    }

    fn forget_age_of_none(&mut self) {
        if matches!(self.phase, Phase::Known) && self.rows <= 0 {
            self.since_us = None;
        }
    }
}

impl Tally {
    pub(crate) fn new(seq: CommitSeq) -> Self {
        Self { accepted: AtomicU64::new(seq.0), tables_len: AtomicUsize::new(0), tables: Mutex::default() }
    }

    /// Takes notice of a commit that is given its place.
    pub(super) fn note(&self, request: &CommitRequest, seq: CommitSeq, now_us: i64) {
        // In this order: who begins to count either is met here or waits for this commit.
        self.accepted.store(seq.0, Ordering::SeqCst);
        if self.tables_len.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut tables = self.tables.lock();
        // Rows whose old versions were not hot; first, lest the table seem empty in between.
        for mark in &request.marks {
            if let Some(count) = tables.get_mut(&mark.table) {
                count.add(seq, 1, now_us);
            }
        }
        for row in &request.rows {
            if let Some(count) = tables.get_mut(&row.key.generation()) {
                count.add(seq, i64::from(row.new.is_some()) - i64::from(row.old.is_some()), now_us);
            }
        }
        let loaded = request.load.iter().flat_map(|load| load.touched.iter().map(|(_, generation)| *generation));
        let elsewhere = request.moved.iter().map(|moved| moved.generation);
        let emptied = request.emptied.iter().flat_map(|emptied| emptied.contents());
        for generation in loaded.chain(elsewhere).chain(emptied) {
            if let Some(count) = tables.get_mut(&generation) {
                count.phase = Phase::Unknown;
            }
        }
    }

    /// Begins to tally exactly these tables.
    pub(crate) fn keep(&self, generations: &[GenerationId]) {
        let mut tables = self.tables.lock();
        tables.retain(|generation, _| generations.contains(generation));
        for generation in generations {
            tables.entry(*generation).or_default();
        }
        self.tables_len.store(tables.len(), Ordering::SeqCst);
    }

    /// What is known of a table.
    pub(crate) fn of(&self, generation: GenerationId) -> Option<HotRows> {
        let tables = self.tables.lock();
        let count = tables.get(&generation)?;
        let rows = u64::try_from(count.rows).unwrap_or(0);
        matches!(count.phase, Phase::Known).then_some(HotRows { rows, since_us: count.since_us })
    }

    /// Somebody begins to count; he looks at a state that has this commit.
    pub(crate) fn begin(&self, generation: GenerationId) -> CommitSeq {
        if let Some(count) = self.tables.lock().get_mut(&generation) {
            *count = Count { phase: Phase::Beginning(Vec::new()), ..Count::default() };
        }
        CommitSeq(self.accepted.load(Ordering::SeqCst))
    }

    /// The state that he looks at is that of `seq`.
    pub(crate) fn begun(&self, generation: GenerationId, seq: CommitSeq, now_us: i64) {
        let mut tables = self.tables.lock();
        let Some(count) = tables.get_mut(&generation) else { return };
        let Phase::Beginning(added) = std::mem::replace(&mut count.phase, Phase::Counting) else {
            count.phase = Phase::Unknown;
            return;
        };
        let later: Vec<i64> = added.iter().filter(|(at, _)| *at > seq).map(|(_, rows)| *rows).collect();
        count.rows = later.iter().sum();
        count.since_us = (!later.is_empty()).then_some(now_us);
    }

    /// So much was there; unless that has become useless meanwhile.
    pub(crate) fn counted(&self, generation: GenerationId, hot: HotRows) {
        let mut tables = self.tables.lock();
        let Some(count) = tables.get_mut(&generation) else { return };
        if !matches!(count.phase, Phase::Counting) {
            return;
        }
        count.phase = Phase::Known;
        count.rows = count.rows.saturating_add_unsigned(hot.rows);
        count.since_us = hot.since_us.into_iter().chain(count.since_us).min();
        count.forget_age_of_none();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{ColdRow, RowChange};
    use crate::id::{TableId, TransactionId};
    use crate::key::hidden_row_key;
    use crate::segment::Mark;

    const TABLE: GenerationId = GenerationId(7);

    fn rows(changes: &[(bool, bool)]) -> CommitRequest {
        let mut request = CommitRequest::new(TransactionId(1), CommitSeq(0));
        for (old, new) in changes {
            let key = hidden_row_key(TABLE, crate::Slice::Undivided, 1);
            let (old, new) = (old.then(Default::default), new.then(Vec::new));
            request.rows.push(RowChange { table: TableId(1), family: crate::kv::Family::Rows, key, old, new });
        }
        request
    }

    #[test]
    fn rows_are_counted_as_they_come_and_go() {
        let tally = Tally::new(CommitSeq(0));
        let known = |rows, since_us| Some(HotRows { rows, since_us });
        tally.note(&rows(&[(false, true)]), CommitSeq(1), 10);
        tally.keep(&[TABLE, GenerationId(8)]);
        assert_eq!(tally.of(TABLE), None);
        assert_eq!(tally.begin(TABLE), CommitSeq(1));
        tally.note(&rows(&[(false, true), (false, true)]), CommitSeq(2), 20);
        tally.note(&rows(&[(false, true)]), CommitSeq(3), 30);
        // The state that is counted has the first two commits.
        tally.begun(TABLE, CommitSeq(2), 31);
        tally.note(&rows(&[(true, true), (true, false)]), CommitSeq(4), 40);
        tally.counted(TABLE, HotRows { rows: 3, since_us: Some(10) });
        assert_eq!(tally.of(TABLE), known(3, Some(10)));
        let mut of_cold = rows(&[(true, true), (true, false)]);
        of_cold.marks = vec![ColdRow { table: TABLE, mark: Mark { segment: GenerationId(9), position: 0 } }; 2];
        tally.note(&of_cold, CommitSeq(5), 50);
        assert_eq!(tally.of(TABLE), known(4, Some(10)));
        tally.note(&rows(&[(true, false); 4]), CommitSeq(6), 60);
        assert_eq!(tally.of(TABLE), known(0, None));
        tally.note(&rows(&[(false, true)]), CommitSeq(7), 70);
        assert_eq!(tally.of(TABLE), known(1, Some(70)));
        tally.keep(&[]);
        assert_eq!(tally.of(TABLE), None);
    }
}
