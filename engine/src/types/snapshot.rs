//! Snapshots of transactions as values: `pg_snapshot` and `txid_snapshot`, `xmin:xmax:those in progress`.

use super::text::invalid_input;
use crate::error::{Error, Result, SqlState};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransactionSnapshot {
    pub(crate) least: u64,
    pub(crate) end: u64,
    /// Ascending, from `least` to below `end`.
    pub(crate) in_progress: Vec<u64>,
}

impl TransactionSnapshot {
    /// 22P02 for numbers that are out of order. What comes twice counts once.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| invalid_input("pg_snapshot", text))
    }

    fn read(text: &str) -> Option<Self> {
        let (least, rest) = text.split_once(':')?;
        let (end, list) = rest.split_once(':')?;
        // The greatest number is that of a signed one.
        let number = |text: &str| text.trim_start().parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
        let (least, end) = (number(least)?, number(end)?);
        if least == 0 || end == 0 || least > end {
            return None;
        }
        let mut in_progress = Vec::new();
        let list = list.strip_suffix(',').unwrap_or(list);
        for part in list.split(',').filter(|_| !list.is_empty()) {
            let id = number(part)?;
            let last = in_progress.last().copied().unwrap_or(0);
            if id < least || id >= end || id < last {
                return None;
            }
            if id != last {
                in_progress.push(id);
            }
        }
        Some(Self { least, end, in_progress })
    }

    /// The binary form: the count of those in progress, the least, the end, those in progress. 22P03 for numbers that are out of order.
    pub(crate) fn read_binary(bytes: &[u8]) -> Result<Self> {
        let invalid = || Error::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid external pg_snapshot data");
        let (count, rest) = bytes.split_first_chunk().ok_or_else(invalid)?;
        let (numbers, []) = rest.as_chunks::<8>() else { return Err(invalid()) };
        let mut numbers = numbers.iter().map(|number| i64::from_be_bytes(*number));
        let (least, end) = numbers.next().zip(numbers.next()).ok_or_else(invalid)?;
        let listed = numbers.map(|number| number.to_string()).collect::<Vec<_>>();
        if usize::try_from(i32::from_be_bytes(*count)) != Ok(listed.len()) {
            return Err(invalid());
        }
        Self::read(&format!("{least}:{end}:{}", listed.join(","))).ok_or_else(invalid)
    }

    /// Appends the binary form.
    pub(crate) fn write_binary(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.in_progress.len() as u32).to_be_bytes());
        for number in [&self.least, &self.end].into_iter().chain(&self.in_progress) {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    pub(crate) fn text(&self) -> String {
        let ids: Vec<String> = self.in_progress.iter().map(u64::to_string).collect();
        format!("{}:{}:{}", self.least, self.end, ids.join(","))
    }

    /// Whether what a transaction did shows in the snapshot, if it committed.
    pub(crate) fn sees(&self, id: u64) -> bool {
        id < self.least || id < self.end && self.in_progress.binary_search(&id).is_err()
    }
}
