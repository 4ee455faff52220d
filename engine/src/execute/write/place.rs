//! Where a written row belongs: the one place where a row finds its table.
//!
//! A partitioned table's rows are kept by the leaves beneath it. A new row goes to the leaf whose bounds take it, a row that
//! was read belongs to the leaf whose contents its key names. A leaf that is written to directly takes only what the
//! tables above it would have sent there.

use storage::{RowKey, Value};

use super::violation;
use crate::catalog::partition::{Misplaced, PartitionTree};
use crate::error::{Error, Result};
use crate::function::EvalContext;
use crate::plan::write::{Target, Write};

/// Which of a target's tables: a leaf beneath it by its number, or the target itself.
pub(crate) type Leaf = Option<usize>;

/// One of the tables whose rows a write may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Place in `Target::reached` of a table that an action leads to; None is the write's own target.
    pub(crate) reached: Option<usize>,
    pub(crate) leaf: Leaf,
}

impl From<Leaf> for Spot {
    fn from(leaf: Leaf) -> Self {
        Spot { reached: None, leaf }
    }
}

impl Write {
    /// The target that a spot is in: the table that was named, or that an action led to.
    pub(super) fn root(&self, spot: Spot) -> &Target {
        spot.reached.and_then(|reached| self.target.reached.get(reached)).unwrap_or(&self.target)
    }

    /// The table that keeps the rows.
    pub(super) fn at(&self, spot: Spot) -> &Target {
        self.root(spot).at(spot.leaf)
    }
}

impl Target {
    /// The target as its rows know it: the table that keeps them, with that table's own rules.
    pub(crate) fn at(&self, leaf: Leaf) -> &Target {
        let placement = self.placement.as_ref();
        leaf.and_then(|leaf| placement?.leaves.get(&leaf)).unwrap_or(self)
    }

    /// Where a new row goes; 23514 if nowhere.
    pub(super) fn place(&self, context: &EvalContext, row: &[Value]) -> Result<Leaf> {
        let Some(placement) = self.placement.as_ref().filter(|_| self.is_divided()) else { return Ok(None) };
        let is_partitioned = self.table.partitioning.key.is_some();
        let own = |position: usize| placement.positions.as_ref().map_or(position, |positions| positions[position]);
        match placement.tree.place(|position| &row[own(position)]) {
            Ok(leaf) if is_partitioned && placement.leaves.contains_key(&leaf) => Ok(Some(leaf)),
            Ok(leaf) if !is_partitioned && placement.tree.leaves()[leaf].oid == self.table.oid => Ok(None),
            Err(Misplaced::Failed(error)) => Err(error.into()),
            Err(Misplaced::Nowhere { table, key }) if is_partitioned && placement.branches.contains(&table.oid) => {
                Err(violation::unplaced(table, &key, context))
            }
            Ok(_) | Err(Misplaced::Nowhere { .. }) => Err(violation::partition(self, context, row)),
        }
    }

    /// Where a row goes whose new version is this. One of a table that inherits stays there.
    pub(super) fn place_again(&self, context: &EvalContext, leaf: Leaf, row: &[Value]) -> Result<Leaf> {
        if self.is_divided() { self.place(context, row) } else { Ok(leaf) }
    }

    /// Whether bounds say where rows go, its own or those of what it is a part of.
    fn is_divided(&self) -> bool {
        let partitioning = &self.table.partitioning;
        partitioning.key.is_some() || partitioning.of.is_some()
    }

    /// Where a row is kept that was read.
    pub(super) fn keeper(&self, key: &RowKey) -> Result<Leaf> {
        let Some(placement) = &self.placement else { return Ok(None) };
        let leaf = placement.tree.leaf_of(key.generation()).filter(|leaf| placement.leaves.contains_key(leaf));
        match leaf {
            None if self.table.partitioning.key.is_some() => {
                Err(Error::internal("a row of a partitioned table is in none of its partitions"))
            }
            leaf => Ok(leaf),
        }
    }

    /// Whether a leaf of the tree is one of the target's: the tree reaches up to the topmost table.
    pub(super) fn keeps(&self, leaf: Leaf) -> bool {
        leaf.zip(self.placement.as_ref()).is_some_and(|(leaf, placement)| placement.leaves.contains_key(&leaf))
    }

    /// What tells, for a partitioned target, which leaf a key is in.
    pub(super) fn tree(&self) -> Option<&PartitionTree> {
        let placement = self.placement.as_ref().filter(|_| self.table.partitioning.key.is_some());
        placement.map(|placement| placement.tree.as_ref())
    }
}
