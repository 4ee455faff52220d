//! A sorted run: many entries in ascending order of their keys, in one piece of memory.

/// Entries in strictly ascending order of their keys.
#[derive(Debug, Clone, Default)]
pub struct SortedRun {
    /// Keys and values, one after the other.
    bytes: Vec<u8>,
    /// Where each entry's key and value end.
    ends: Vec<(usize, usize)>,
}

impl SortedRun {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry. False, and nothing is added, unless its key lies behind all others.
    #[must_use = "an entry that does not follow the others is not added"]
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> bool {
        if self.last_key().is_some_and(|last| key <= last) {
            return false;
        }
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((key_end, self.bytes.len()));
        true
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes its keys and values take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn first_key(&self) -> Option<&[u8]> {
        (!self.is_empty()).then(|| self.entry(0).0)
    }

    pub fn last_key(&self) -> Option<&[u8]> {
        let last = self.ends.len().checked_sub(1)?;
        Some(self.entry(last).0)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let (found, value) = self.entry(middle);
            match found.cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(value),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.ends.len()).map(|at| self.entry(at))
    }

    /// Empties the run and keeps its memory for the next one.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn entry(&self, at: usize) -> (&[u8], &[u8]) {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let (key_end, value_end) = self.ends[at];
        (&self.bytes[start..key_end], &self.bytes[key_end..value_end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ascending_keys_are_taken() {
        let mut run = SortedRun::new();
        assert!(run.push(b"b", b"1") && run.push(b"c", b"") && run.push(b"ca", b"3"));
        assert!(!run.push(b"ca", b"4") && !run.push(b"a", b"5"));
        assert_eq!((run.first_key(), run.last_key(), run.len()), (Some(&b"b"[..]), Some(&b"ca"[..]), 3));
        assert_eq!(
            [&b"a"[..], b"b", b"c", b"ca", b"d"].map(|key| run.get(key)),
            [None, Some(&b"1"[..]), Some(b""), Some(b"3"), None]
        );
        run.clear();
        assert!(run.is_empty() && run.first_key().is_none() && run.get(b"b").is_none());
    }
}
