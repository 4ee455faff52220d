//! A partitioned table with everything beneath it: where a row goes, and which partitions a condition leaves (`prune`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use storage::{Derived, GenerationId, Value};

use super::{Bound, Strategy, key_bytes, limit_bytes, push_value};
use crate::catalog::{Catalog, Table};

mod prune;

pub use prune::Known;

/// The tables beneath a partitioned table. Those that hold rows, the leaves, are numbered in the order of their bounds.
#[derive(Debug)]
pub struct PartitionTree {
    leaves: Vec<Arc<Table>>,
    /// By the contents that they have now.
    generations: BTreeMap<GenerationId, usize>,
    root: Node,
}

/// One partitioned table.
#[derive(Debug)]
struct Node {
    /// Arranged as the topmost table is.
    table: Arc<Table>,
    key: Vec<KeyPart>,
    /// Computes the key's expressions.
    derived: Derived,
    children: Vec<Child>,
    bounds: Bounds,
    default: Option<usize>,
}

#[derive(Debug)]
enum Child {
    Leaf(usize),
    Node(Box<Node>),
}

/// A part of a partition key.
#[derive(Debug, Clone, Copy)]
enum KeyPart {
    /// The column at that position.
    Column(usize),
    /// An expression, by its place among the key's.
    Expression(usize),
}

/// What leads to the children, which are told by their place.
#[derive(Debug)]
enum Bounds {
    /// Start, end and child, in order.
    Range(Vec<(Vec<u8>, Vec<u8>, usize)>),
    List {
        values: BTreeMap<Vec<u8>, usize>,
        null: Option<usize>,
    },
    /// Modulus, remainder and child.
    Hash(Vec<(u64, u64, usize)>),
    /// Of a table that others inherit from. New rows are its own.
    Inherited,
}

/// A row that no partition takes.
#[derive(Debug)]
pub enum Misplaced<'a> {
    /// The partitioned table that has no partition for it, and the row's key there.
    Nowhere { table: &'a Arc<Table>, key: Vec<Value> },
    /// An expression of the key could not be computed.
    Failed(storage::Error),
}

impl Catalog {
    /// The partitions of a table, or those that inherit from it, by oid.
    pub fn partitions_of(&self, table: u32) -> impl Iterator<Item = &Arc<Table>> {
        self.partitions.range((table, 0)..=(table, u32::MAX)).filter_map(|(_, oid)| self.tables.get(oid))
    }

    /// Everything beneath a table, each before what is beneath it.
    pub fn descendants(&self, table: u32) -> Vec<Arc<Table>> {
        let mut all: Vec<Arc<Table>> = self.partitions_of(table).cloned().collect();
        let mut next = 0;
        while let Some(below) = all.get(next) {
            // One may inherit from several of them.
            let is_new = |further: &&Arc<Table>| all.iter().all(|known| known.oid != further.oid);
            let further: Vec<Arc<Table>> = self.partitions_of(below.oid).filter(is_new).cloned().collect();
            all.extend(further);
            next += 1;
        }
        all
    }

    /// The partitioned tables that a table is part of, the nearest first.
    pub fn ancestors(&self, table: &Table) -> Vec<Arc<Table>> {
        let mut all: Vec<Arc<Table>> = Vec::new();
        let mut of = table.partitioning.of.as_ref();
        while let Some(parent) = of.and_then(|of| self.tables.get(&of.parent)) {
            all.push(parent.clone());
            of = all.last().and_then(|parent| parent.partitioning.of.as_ref());
        }
        all
    }

    /// Whether other tables inherit from a table.
    pub fn is_inherited_from(&self, table: &Table) -> bool {
        table.partitioning.key.is_none() && self.partitions_of(table.oid).next().is_some()
    }

    /// What is beneath a partitioned table, or one that others inherit from; None for any other.
    pub fn partition_tree(&self, table: &Arc<Table>) -> Option<PartitionTree> {
        let mut leaves = Vec::new();
        let root = if self.is_inherited_from(table) {
            leaves.push(table.clone());
            leaves.extend(self.descendants(table.oid).iter().map(|below| below.arranged_as(table)));
            Node::inherited(table, leaves.len())
        } else {
            Node::of(self, table, table, &mut leaves)?
        };
        let generations = leaves.iter().enumerate().map(|(at, leaf)| (leaf.storage.generation, at)).collect();
        Some(PartitionTree { leaves, generations, root })
    }
}

impl PartitionTree {
    pub fn leaves(&self) -> &[Arc<Table>] {
        &self.leaves
    }

    /// The leaf that has these contents.
    pub fn leaf_of(&self, generation: GenerationId) -> Option<usize> {
        self.generations.get(&generation).copied()
    }

    /// The leaf that takes a row; `value` tells its values, by position in the topmost table.
    pub fn place<'v>(&self, value: impl Fn(usize) -> &'v Value) -> Result<usize, Misplaced<'_>> {
        let mut node = &self.root;
        loop {
            let computed = node.computed(&value).map_err(Misplaced::Failed)?;
            let values = || {
                node.key.iter().map(|part| match part {
                    KeyPart::Column(position) => value(*position),
                    KeyPart::Expression(at) => &computed[*at],
                })
            };
            let Some(child) = node.child(values()) else {
                return Err(Misplaced::Nowhere { table: &node.table, key: values().cloned().collect() });
            };
            match &node.children[child] {
                Child::Leaf(leaf) => return Ok(*leaf),
                Child::Node(below) => node = below,
            }
        }
    }

    /// The leaves in which rows may be of whose columns so much is known, in order. One too many does no harm.
    pub fn prune<'v>(&self, known: &dyn Fn(usize) -> Known<'v>) -> Vec<usize> {
        let mut leaves = BTreeSet::new();
        self.root.prune(known, &mut leaves);
        leaves.into_iter().collect()
    }
}

impl Node {
    /// A table and so many leaves, of which it is the first itself.
    fn inherited(table: &Arc<Table>, leaves: usize) -> Self {
        Node {
            table: table.clone(),
            key: Vec::new(),
            derived: Derived::default(),
            children: (0..leaves).map(Child::Leaf).collect(),
            bounds: Bounds::Inherited,
            default: Some(0),
        }
    }

    fn of(catalog: &Catalog, table: &Arc<Table>, top: &Table, leaves: &mut Vec<Arc<Table>>) -> Option<Self> {
        let table = &table.arranged_as(top);
        let key = table.partitioning.key.as_ref()?;
        let mut expressions = 0..key.expressions.len();
        let parts = key.columns.iter().filter_map(|number| match number {
            0 => expressions.next().map(KeyPart::Expression),
            number => table.position_of_number(*number).map(KeyPart::Column),
        });
        let mut partitions: Vec<(Vec<u8>, &Arc<Table>, &Bound)> = catalog
            .partitions_of(table.oid)
            .filter_map(|partition| {
                let bound = &partition.partitioning.of.as_ref()?.bound;
                Some((bound.order(), partition, bound))
            })
            .collect();
        partitions.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut node = Node {
            key: parts.collect(),
            derived: key.derived.clone(),
            table: table.clone(),
            children: Vec::with_capacity(partitions.len()),
            bounds: match key.strategy {
                Strategy::Range => Bounds::Range(Vec::new()),
                Strategy::List => Bounds::List { values: BTreeMap::new(), null: None },
                Strategy::Hash => Bounds::Hash(Vec::new()),
            },
            default: None,
        };
        for (_, partition, bound) in partitions {
            node.add(bound);
            let child = match Node::of(catalog, partition, top, leaves) {
                Some(below) => Child::Node(Box::new(below)),
                None => {
                    leaves.push(partition.arranged_as(top));
                    Child::Leaf(leaves.len() - 1)
                }
            };
            node.children.push(child);
        }
        Some(node)
    }

    /// Notes what the next child takes.
    fn add(&mut self, bound: &Bound) {
        let child = self.children.len();
        match (bound, &mut self.bounds) {
            (Bound::Default, _) => self.default = Some(child),
            (Bound::Range { from, to }, Bounds::Range(ranges)) => {
                ranges.push((limit_bytes(from), limit_bytes(to), child));
            }
            (Bound::List(listed), Bounds::List { values, null }) => {
                for value in listed {
                    match key_bytes(value) {
                        Some(bytes) => {
                            values.insert(bytes, child);
                        }
                        None => *null = Some(child),
                    }
                }
            }
            (Bound::Hash { modulus, remainder }, Bounds::Hash(parts)) => {
                parts.push((u64::from(*modulus), u64::from(*remainder), child));
            }
            _ => debug_assert!(false, "a partition's bound is of another kind than its parent's key"),
        }
    }

    /// The values of the key's expressions.
    fn computed<'v>(&self, value: impl Fn(usize) -> &'v Value) -> storage::Result<Vec<Value>> {
        if self.derived.is_none() {
            return Ok(Vec::new());
        }
        let row: Vec<Value> = (0..self.table.columns.len()).map(|position| value(position).clone()).collect();
        self.derived.compute(&row)
    }

    /// The child that takes a row with these key values.
    fn child<'v>(&self, mut values: impl Iterator<Item = &'v Value>) -> Option<usize> {
        let found = match &self.bounds {
            Bounds::Range(ranges) => {
                let mut bytes = Vec::new();
                let mut has_null = false;
                for value in values {
                    has_null |= value.is_null();
                    if !has_null {
                        push_value(value, &mut bytes);
                    }
                }
                let after = ranges.partition_point(|(from, ..)| *from <= bytes);
                let range = after.checked_sub(1).map(|at| &ranges[at]);
                range.filter(|(_, to, _)| !has_null && bytes < *to).map(|(.., child)| *child)
            }
            Bounds::List { values: listed, null } => match values.next().and_then(key_bytes) {
                Some(bytes) => listed.get(&bytes).copied(),
                None => *null,
            },
            Bounds::Inherited => None,
            Bounds::Hash(parts) => {
                let hash = hash(values);
                parts.iter().find(|(modulus, remainder, _)| hash % modulus == *remainder).map(|(.., child)| *child)
            }
        };
        found.or(self.default)
    }
}

/// The hash that partitions a row. It decides where stored rows lie, so it must never change: FNV-1a over the key
/// columns' stored encoding, which is as permanent, with each column's end marked, and the bits mixed at last because
/// small moduli look at the low ones. It is not PostgreSQL's, which only the contents of single partitions would show.
fn hash<'v>(values: impl Iterator<Item = &'v Value>) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = BASIS;
    let mut take = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    for value in values {
        match key_bytes(value) {
            Some(bytes) => bytes.into_iter().for_each(&mut take),
            None => take(0),
        }
        take(u8::MAX);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests;
