//! Declarative partitioning: what a table is split by, and which part of it each of its partitions takes.
//!
//! A partitioned table has no rows of its own; a partition is a table like any other, which may be partitioned again. The
//! columns of a partition are those of its parent by name; where they stand elsewhere, whoever works on the parent's rows
//! takes the partition `arranged` as the parent is. [`PartitionTree`] tells where a row goes.
//!
//! A table that others inherit from is read as such a tree too, whose first leaf is the table itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storage::{Derived, Value};

use super::IndexExpression;

mod arranged;
mod tree;

pub use tree::{Known, Misplaced, PartitionTree};

/// A table's part in partitioning: both, one or neither.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Partitioning {
    /// What the table is partitioned by.
    pub key: Option<PartitionKey>,
    /// What it is a partition of.
    pub of: Option<PartitionOf>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionKey {
    pub strategy: Strategy,
    /// Attribute numbers, in key order; zero is an expression.
    pub columns: Vec<u16>,
    /// The expressions, in key order.
    #[serde(default)]
    pub expressions: Vec<IndexExpression>,
    /// What computes them from a row of the table. Not stored, as what indexes see of rows is not.
    #[serde(skip)]
    pub derived: Derived,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    Range,
    List,
    Hash,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionOf {
    /// Oid of the partitioned table.
    pub parent: u32,
    pub bound: Bound,
}

/// The rows that a partition takes. Values are of the key columns' types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// Those that no other partition takes.
    Default,
    /// NULL may be among them.
    List(Vec<Value>),
    /// From the lower limit to below the upper; a limit for each key column.
    Range {
        from: Vec<Limit>,
        to: Vec<Limit>,
    },
    Hash {
        modulus: u32,
        remainder: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Limit {
    Min,
    Value(Value),
    Max,
}

/// Why a bound cannot stand beside those of the other partitions; each names the one in the way by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    Overlap(usize),
    SecondDefault(usize),
    /// The new modulus is no factor of that one's.
    NoFactor(usize),
    /// The new modulus is not divisible by that one's.
    NotDivisible(usize),
}

impl Strategy {
    /// As SQL writes it.
    pub fn word(self) -> &'static str {
        match self {
            Strategy::Range => "RANGE",
            Strategy::List => "LIST",
            Strategy::Hash => "HASH",
        }
    }
}

impl Bound {
    /// Whether a range takes nothing.
    pub fn is_empty_range(&self) -> bool {
        match self {
            Bound::Range { from, to } => limit_bytes(from) >= limit_bytes(to),
            _ => false,
        }
    }

    /// What partitions are ordered by: the default comes last.
    pub fn order(&self) -> Vec<u8> {
        match self {
            Bound::Default => vec![u8::MAX],
            Bound::Range { from, .. } => limit_bytes(from),
            Bound::List(values) => {
                let first = values.iter().filter_map(key_bytes).min();
                first.map_or_else(|| vec![ABOVE_ALL], |bytes| [vec![OF_VALUE], bytes].concat())
            }
            Bound::Hash { modulus, remainder } => [modulus.to_be_bytes(), remainder.to_be_bytes()].concat(),
        }
    }

    /// What of the others keeps this one out. All are of one partitioned table, so of one kind, but for defaults.
    pub fn conflict(&self, others: &[&Bound]) -> Option<Conflict> {
        match self {
            Bound::Default => {
                others.iter().position(|other| matches!(other, Bound::Default)).map(Conflict::SecondDefault)
            }
            Bound::List(values) => {
                let taken: BTreeMap<Option<Vec<u8>>, usize> = others
                    .iter()
                    .enumerate()
                    .filter_map(|(at, other)| match other {
                        Bound::List(values) => Some(values.iter().map(move |value| (key_bytes(value), at))),
                        _ => None,
                    })
                    .flatten()
                    .collect();
                values.iter().find_map(|value| taken.get(&key_bytes(value))).map(|at| Conflict::Overlap(*at))
            }
            Bound::Range { from, to } => {
                let (from, to) = (limit_bytes(from), limit_bytes(to));
                let overlapping = others.iter().enumerate().filter_map(|(at, other)| match other {
                    Bound::Range { from: other_from, to: other_to } => {
                        let start = limit_bytes(other_from);
                        (start < to && from < limit_bytes(other_to)).then_some((start, at))
                    }
                    _ => None,
                });
                overlapping.min().map(|(_, at)| Conflict::Overlap(at))
            }
            Bound::Hash { modulus, remainder } => hash_conflict(*modulus, *remainder, others),
        }
    }
}

/// Each modulus must divide the next larger one, so that two partitions overlap only if one's remainder is the other's.
fn hash_conflict(modulus: u32, remainder: u32, others: &[&Bound]) -> Option<Conflict> {
    let mut parts: Vec<(u32, u32, usize)> = others
        .iter()
        .enumerate()
        .filter_map(|(at, other)| match other {
            Bound::Hash { modulus, remainder } => Some((*modulus, *remainder, at)),
            _ => None,
        })
        .collect();
    parts.sort_unstable();
    let next = parts.partition_point(|(other, other_remainder, _)| (*other, *other_remainder) <= (modulus, remainder));
    if let Some((other, _, at)) = next.checked_sub(1).map(|before| parts[before])
        && !modulus.is_multiple_of(other)
    {
        return Some(Conflict::NotDivisible(at));
    }
    if let Some((other, _, at)) = parts.get(next)
        && !other.is_multiple_of(modulus)
    {
        return Some(Conflict::NoFactor(*at));
    }
    let overlaps = |(other, other_remainder, _): &&(u32, u32, usize)| {
        let common = modulus.min(*other);
        remainder % common == other_remainder % common
    };
    parts.iter().find(overlaps).map(|(_, _, at)| Conflict::Overlap(*at))
}

/// A value as bytes that sort as values do, equal for equal values; None for NULL.
fn key_bytes(value: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if value.is_null() {
        return None;
    }
    storage::key::encode_value(value, &mut bytes);
    Some(bytes)
}

/// What stands before a key column in the bytes of a limit or a row.
const BELOW_ALL: u8 = 0;
const OF_VALUE: u8 = 1;
const ABOVE_ALL: u8 = 2;

/// Limits as bytes that sort among those of rows' keys.
fn limit_bytes(limits: &[Limit]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for limit in limits {
        match limit {
            Limit::Min => bytes.push(BELOW_ALL),
            Limit::Max => bytes.push(ABOVE_ALL),
            Limit::Value(value) => push_value(value, &mut bytes),
        }
    }
    bytes
}

fn push_value(value: &Value, bytes: &mut Vec<u8>) {
    bytes.push(OF_VALUE);
    storage::key::encode_value(value, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: Limit, to: Limit) -> Bound {
        Bound::Range { from: vec![from], to: vec![to] }
    }

    fn at(value: i32) -> Limit {
        Limit::Value(Value::Int4(value))
    }

    fn hash(modulus: u32, remainder: u32) -> Bound {
        Bound::Hash { modulus, remainder }
    }

    fn check(new: &Bound, others: &[Bound], expected: Option<Conflict>) {
        let others: Vec<&Bound> = others.iter().collect();
        assert_eq!(new.conflict(&others), expected, "{new:?} beside {others:?}");
    }

    #[test]
    fn ranges_overlap_where_they_share_a_key() {
        let others = [range(at(1), at(10)), range(at(20), Limit::Max), Bound::Default];
        check(&range(at(10), at(20)), &others, None);
        check(&range(Limit::Min, at(1)), &others, None);
        check(&range(at(9), at(11)), &others, Some(Conflict::Overlap(0)));
        check(&range(at(15), at(21)), &others, Some(Conflict::Overlap(1)));
        check(&range(Limit::Min, Limit::Max), &others, Some(Conflict::Overlap(0)));
        check(&Bound::Default, &others, Some(Conflict::SecondDefault(2)));
        assert!(range(at(3), at(3)).is_empty_range());
        assert!(!range(Limit::Min, at(-5)).is_empty_range());
    }

    #[test]
    fn lists_overlap_where_they_share_a_value_or_null() {
        let others = [Bound::List(vec![Value::Int4(1), Value::Null]), Bound::List(vec![Value::Int4(2)])];
        check(&Bound::List(vec![Value::Int4(3)]), &others, None);
        check(&Bound::List(vec![Value::Int4(3), Value::Int4(2)]), &others, Some(Conflict::Overlap(1)));
        check(&Bound::List(vec![Value::Null]), &others, Some(Conflict::Overlap(0)));
    }

    #[test]
    fn a_modulus_divides_the_next_larger_one() {
        let others = [hash(4, 1), hash(8, 2)];
        check(&hash(4, 3), &others, None);
        check(&hash(8, 6), &others, None);
        check(&hash(4, 2), &others, Some(Conflict::Overlap(1)));
        check(&hash(8, 5), &others, Some(Conflict::Overlap(0)));
        check(&hash(6, 0), &others, Some(Conflict::NotDivisible(0)));
        check(&hash(3, 0), &others, Some(Conflict::NoFactor(0)));
        check(&hash(2, 0), &others, Some(Conflict::Overlap(1)));
    }
}
