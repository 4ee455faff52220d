//! Which partitions may have rows of whose columns something is known. One too many does no harm, one too few does.

use std::collections::BTreeSet;
use std::ops::Bound as Side;

use storage::Value;

use super::{Bounds, Child, KeyPart, Node};
use crate::catalog::partition::{OF_VALUE, key_bytes, push_value};

/// Combinations of key values that are looked up one by one; more are taken as a range.
const COMBINATIONS_MAX: usize = 1000;

/// What conditions say of one column of the rows that are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// It equals one of these; None: not known.
    pub equal: Option<&'a [Value]>,
    pub lower: Side<&'a Value>,
    pub upper: Side<&'a Value>,
}

impl Node {
    pub(super) fn prune<'v>(&self, known: &dyn Fn(usize) -> Known<'v>, leaves: &mut BTreeSet<usize>) {
        for child in self.wanted(known) {
            match &self.children[child] {
                Child::Leaf(leaf) => {
                    leaves.insert(*leaf);
                }
                Child::Node(below) => below.prune(known, leaves),
            }
        }
    }

    fn wanted<'v>(&self, known: &dyn Fn(usize) -> Known<'v>) -> BTreeSet<usize> {
        if matches!(self.bounds, Bounds::Inherited) {
            return (0..self.children.len()).collect();
        }
        let part = |part: &KeyPart| match part {
            KeyPart::Column(position) => known(*position),
            // What conditions say of the columns says nothing of what is computed of them.
            KeyPart::Expression(_) => Known { equal: None, lower: Side::Unbounded, upper: Side::Unbounded },
        };
        let columns: Vec<Known<'v>> = self.key.iter().map(part).collect();
        if let Some(combinations) = combinations(&columns) {
            return combinations.into_iter().filter_map(|values| self.child(values.into_iter())).collect();
        }
        let first = columns.first();
        match &self.bounds {
            Bounds::Range(ranges) => {
                let kept = ranges.iter().filter(|(from, to, _)| first.is_none_or(|first| meets(first, from, to)));
                kept.map(|(.., child)| *child).chain(self.default).collect()
            }
            Bounds::List { values, null } => {
                let kept = values.iter().filter(|(value, _)| first.is_none_or(|first| is_within(first, value)));
                kept.map(|(_, child)| *child).chain(*null).chain(self.default).collect()
            }
            Bounds::Hash(_) | Bounds::Inherited => (0..self.children.len()).collect(),
        }
    }
}

/// Every combination of the columns' values; None if those of one are not known, or too many.
fn combinations<'v>(columns: &[Known<'v>]) -> Option<Vec<Vec<&'v Value>>> {
    let mut all: Vec<Vec<&'v Value>> = vec![Vec::new()];
    for column in columns {
        let values = column.equal?;
        if all.len() * values.len() > COMBINATIONS_MAX {
            return None;
        }
        let extend = |known: &Vec<&'v Value>| -> Vec<Vec<&'v Value>> {
            values.iter().map(|value| known.iter().copied().chain([value]).collect()).collect()
        };
        all = all.iter().flat_map(extend).collect();
    }
    Some(all)
}

/// Whether keys from `from` to below `to` may begin with a value of that column.
fn meets(first: &Known<'_>, from: &[u8], to: &[u8]) -> bool {
    let bytes = |value: &Value| {
        let mut bytes = Vec::new();
        push_value(value, &mut bytes);
        bytes
    };
    // Behind a value the least key has another one.
    let reaches = |value: &Value| to > [bytes(value), vec![OF_VALUE]].concat().as_slice();
    let begins = |value: &Value| from <= bytes(value).as_slice() || from.starts_with(&bytes(value));
    if let Some(values) = first.equal {
        return values.iter().any(|value| !value.is_null() && reaches(value) && begins(value));
    }
    let above = match first.lower {
        Side::Included(value) | Side::Excluded(value) => value.is_null() || reaches(value),
        Side::Unbounded => true,
    };
    let below = match first.upper {
        Side::Included(value) => value.is_null() || begins(value),
        Side::Excluded(value) => value.is_null() || from < bytes(value).as_slice(),
        Side::Unbounded => true,
    };
    above && below
}

/// Whether a listed value passes what is known of the column.
fn is_within(known: &Known<'_>, value: &[u8]) -> bool {
    let bytes = |value: &Value| key_bytes(value).unwrap_or_default();
    if let Some(values) = known.equal {
        return values.iter().any(|known| key_bytes(known).is_some_and(|bytes| bytes == value));
    }
    let above = match known.lower {
        Side::Included(lower) => value >= bytes(lower).as_slice(),
        Side::Excluded(lower) => value > bytes(lower).as_slice(),
        Side::Unbounded => true,
    };
    let below = match known.upper {
        Side::Included(upper) => upper.is_null() || value <= bytes(upper).as_slice(),
        Side::Excluded(upper) => upper.is_null() || value < bytes(upper).as_slice(),
        Side::Unbounded => true,
    };
    above && below
}
