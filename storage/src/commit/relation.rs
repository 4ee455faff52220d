//! Which relations were redefined lately, so that a write set made for an older definition is refused.

use rustc_hash::FxHashMap;

use super::request::RelationRead;
use crate::id::{CommitSeq, TableId};

/// How many redefinitions are remembered one by one.
const RELATIONS_MAX: usize = 8192;

#[derive(Default)]
pub(super) struct Relations {
    redefined: FxHashMap<TableId, CommitSeq>,
    /// Redefinitions up to here may have been forgotten: a write set that looked a relation up before is refused.
    forgotten: CommitSeq,
}

impl Relations {
    /// Whether none of the relations was redefined after it was looked up.
    pub(super) fn unchanged(&self, relations: &[RelationRead]) -> bool {
        relations.iter().all(|read| {
            read.seq >= self.forgotten && self.redefined.get(&read.table).is_none_or(|redefined| *redefined <= read.seq)
        })
    }

    pub(super) fn redefine(&mut self, tables: &[TableId], seq: CommitSeq) {
        for &table in tables {
            self.redefined.insert(table, seq);
        }
        if self.redefined.len() > RELATIONS_MAX {
            self.forget_older_half();
        }
    }

    fn forget_older_half(&mut self) {
        let mut seqs: Vec<CommitSeq> = self.redefined.values().copied().collect();
        let middle = seqs.len() / 2;
        let (_, &mut median, _) = seqs.select_nth_unstable(middle);
        self.redefined.retain(|_, seq| *seq > median);
        self.forgotten = self.forgotten.max(median);
    }
}
