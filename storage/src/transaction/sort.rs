//! Sorting entries that come in no order, whatever their number: sorted runs go to temporary files and are merged.
//!
//! Entries with the same key stay in the order in which they came.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor, Read, Seek, Write};

use crate::error::{Error, Result};
use crate::kv::KeyValue;

/// What is sorted in memory at a time.
const RUN_BYTES: usize = if cfg!(test) { 4 << 10 } else { 24 << 20 };

/// What is read of each run at a time.
const READ_BYTES: usize = 128 << 10;

/// Where a key and a value lie among a run's bytes: the key's start, its end, the value's end.
#[derive(Clone, Copy)]
struct Place(usize, usize, usize);

/// A sorted run, to be read once from the beginning.
enum Spilled {
    File(File),
    /// The store has no disk.
    Memory(Vec<u8>),
}

/// Takes entries in any order.
#[derive(Default)]
pub(super) struct Sorter {
    bytes: Vec<u8>,
    places: Vec<Place>,
    spilled: Vec<Spilled>,
}

impl Sorter {
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.places.push(Place(start, key_end, self.bytes.len()));
    }

    /// Whether it is time to call [`Sorter::spill`].
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= RUN_BYTES
    }

    /// Sorts what is in memory and moves it to a file.
    pub(super) fn spill(&mut self, kv: &dyn KeyValue) -> Result<()> {
        let (bytes, places) = (&self.bytes, &mut self.places);
        // Whoever came first lies first.
        places.sort_unstable_by(|left, right| {
            bytes[left.0..left.1].cmp(&bytes[right.0..right.1]).then(left.0.cmp(&right.0))
        });
        let run = match kv.temporary_file()? {
            Some(file) => {
                let mut out = BufWriter::with_capacity(READ_BYTES, file);
                write_run(bytes, places, &mut out)?;
                let mut file = out.into_inner().map_err(|error| spill_failed(error.error()))?;
                file.rewind().map_err(|error| spill_failed(&error))?;
                Spilled::File(file)
            }
            None => {
                let mut out = Vec::with_capacity(bytes.len() + 8 * places.len());
                write_run(bytes, places, &mut out)?;
                Spilled::Memory(out)
            }
        };
        self.spilled.push(run);
        self.bytes.clear();
        self.places.clear();
        Ok(())
    }

    /// Goes over to reading everything in order.
    pub(super) fn merge(mut self, kv: &dyn KeyValue) -> Result<Merge> {
        if !self.places.is_empty() {
            self.spill(kv)?;
        }
        let mut runs: Vec<Run> = self.spilled.into_iter().map(Run::new).collect();
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (number, run) in runs.iter_mut().enumerate() {
            let mut head = Head { key: Vec::new(), value: Vec::new(), run: number };
            if run.next(&mut head)? {
                heads.push(Reverse(head));
            }
        }
        Ok(Merge { runs, heads, current: None })
    }
}

/// Each entry as the lengths of its key and its value, then both.
fn write_run(bytes: &[u8], places: &[Place], out: &mut impl Write) -> Result<()> {
    for Place(start, key_end, value_end) in places {
        let length = |length: usize| {
            let length = u32::try_from(length).map_err(|_| Error::Io("an entry is too long to be sorted".into()))?;
            Ok(length.to_le_bytes())
        };
        let (key, value) = (length(key_end - start)?, length(value_end - key_end)?);
        out.write_all(&[key, value].concat())
            .and_then(|()| out.write_all(&bytes[*start..*value_end]))
            .map_err(|error| spill_failed(&error))?;
    }
    Ok(())
}

fn spill_failed(error: &std::io::Error) -> Error {
    Error::Io(format!("sorting in a temporary file: {error}"))
}

/// A run that is being read.
struct Run {
    input: Box<dyn Read + Send>,
}

impl Run {
    fn new(spilled: Spilled) -> Self {
        match spilled {
            Spilled::File(file) => Self { input: Box::new(BufReader::with_capacity(READ_BYTES, file)) },
            Spilled::Memory(bytes) => Self { input: Box::new(Cursor::new(bytes)) },
        }
    }

    /// Reads the next entry; false at the end.
    fn next(&mut self, into: &mut Head) -> Result<bool> {
        let mut lengths = [0; 8];
        // A run ends between two entries.
        if self.input.read(&mut lengths[..1]).map_err(|error| spill_failed(&error))? == 0 {
            return Ok(false);
        }
        self.fill(&mut lengths[1..])?;
        let length = |at: usize| lengths[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        into.key.resize(length(0), 0);
        into.value.resize(length(4), 0);
        self.fill(&mut into.key)?;
        self.fill(&mut into.value)?;
        Ok(true)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.input.read_exact(bytes).map_err(|error| spill_failed(&error))
    }
}

/// The next entry of a run. The least one is the one with the least key, of the earliest run.
struct Head {
    key: Vec<u8>,
    value: Vec<u8>,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// All entries, in order.
pub(super) struct Merge {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<Head>>,
    current: Option<Head>,
}

impl Merge {
    /// The next entry, key and value.
    pub(super) fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        if let Some(mut last) = self.current.take()
            && self.runs[last.run].next(&mut last)?
        {
            self.heads.push(Reverse(last));
        }
        self.current = self.heads.pop().map(|Reverse(head)| head);
        Ok(self.current.as_ref().map(|head| (&head.key[..], &head.value[..])))
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::kv::{MemoryKeyValue, RocksKeyValue, RocksOptions};

    fn check(kv: &dyn KeyValue, count: u32, spill_every: u32) {
        let mut random = StdRng::seed_from_u64(u64::from(count));
        let mut sorter = Sorter::default();
        let mut expected = Vec::new();
        for number in 0..count {
            // Some keys come several times, and some are empty.
            let key = vec![random.random_range(0..8_u8); random.random_range(0..5)];
            sorter.push(&key, &number.to_be_bytes());
            expected.push((key, number.to_be_bytes().to_vec()));
            if number % spill_every == spill_every - 1 {
                sorter.spill(kv).unwrap();
            }
        }
        expected.sort();
        let mut merge = sorter.merge(kv).unwrap();
        let mut found = Vec::new();
        while let Some((key, value)) = merge.next().unwrap() {
            found.push((key.to_vec(), value.to_vec()));
        }
        assert!(merge.next().unwrap().is_none());
        assert_eq!(found, expected);
    }

    #[test]
    fn everything_comes_back_in_order() {
        let directory = tempfile::TempDir::new().unwrap();
        let options = RocksOptions { block_cache_bytes: 1 << 20, memtable_bytes: 1 << 20 };
        let rocks = RocksKeyValue::open(directory.path(), options).unwrap();
        let memory = MemoryKeyValue::new();
        for kv in [&rocks as &dyn KeyValue, &memory] {
            for (count, spill_every) in [(0, 1), (1, 1), (100, 1000), (100, 1), (1000, 90), (90, 30)] {
                check(kv, count, spill_every);
            }
        }
    }
}
