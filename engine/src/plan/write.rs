//! Bound INSERT, UPDATE and DELETE: complete rows, explicit conversions, and everything that must hold afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use storage::IndexSchema;

use super::point::Access;
use super::relation::{Column, Output, Query, RelationUse};
use super::short::Short;
use super::system_column::SystemColumns;
use crate::catalog::partition::PartitionTree;
use crate::catalog::{Deferrable, ForeignKeyAction, SqlFunction, Table, Trigger};
use crate::expr::{ColumnVar, Expr};
use crate::types::Type;

/// A bound write.
#[derive(Debug)]
pub struct Write {
    pub target: Target,
    pub action: Action,
    pub returning: Option<Returning>,
    pub uses: Vec<RelationUse>,
    pub params: Vec<crate::types::Type>,
}

/// What runs beside a statement, for rows that it reads.
#[derive(Debug)]
pub struct WithWrite {
    /// Where its rows are found.
    pub number: usize,
    pub work: WithWork,
    /// Whether anything reads what it returns. Of what nobody reads, writes run last and queries not at all.
    pub is_named: bool,
}

#[derive(Debug)]
pub enum WithWork {
    /// A write that the WITH clause names.
    Write(Box<Write>),
    /// A query within the statement that locks its rows.
    Lock(Box<Query>),
}

impl WithWrite {
    pub fn writes(&self) -> bool {
        matches!(self.work, WithWork::Write(_))
    }
}

/// The table written to, its columns' numbers in the statement, and its rules.
#[derive(Debug)]
pub struct Target {
    pub table: Arc<Table>,
    /// The column at position `i` of the table is `ColumnVar(first_column + i)`.
    pub first_column: u32,
    /// Conditions that each new row must not make false.
    pub checks: Vec<Check>,
    /// What row-level security asks of rows. Of the table that the statement names, and of no other.
    pub policies: Vec<PolicyCheck>,
    /// Columns that are computed from the others, by position.
    pub generated: Vec<(usize, Expr)>,
    /// Rows that must exist for each new row.
    pub parents: Vec<ParentKey>,
    /// Keys of deferrable constraints.
    pub late_keys: Vec<LateKey>,
    /// Rows elsewhere that may point at a row of this table.
    pub children: Vec<ChildKey>,
    /// What keeps rows where they belong, if the table is partitioned, a partition or inherited from.
    pub placement: Option<Placement>,
    /// Tables that the actions of foreign keys change, directly or through others, each with its own rules.
    pub reached: Vec<Target>,
    /// Its system columns, as far as the statement names them.
    pub system: SystemColumns,
    /// The triggers of the table, those of what it is a partition of among them.
    pub triggers: Option<Arc<TargetTriggers>>,
    /// Whether a write to it may run triggers: its own, those of its partitions or of what it reaches.
    pub fires: bool,
}

/// The triggers of a target that fire, in their order.
#[derive(Debug)]
pub struct TargetTriggers {
    /// As the catalog has it.
    pub table: Arc<Table>,
    /// Where its columns stand in the target, if they do not stand at the same places.
    pub places: Option<Vec<usize>>,
    pub all: Vec<BoundTrigger>,
}

#[derive(Debug)]
pub struct BoundTrigger {
    pub trigger: Trigger,
    pub function: Arc<SqlFunction>,
    /// Places in the target of the columns that UPDATE OF names.
    pub columns: Vec<usize>,
    /// WHEN: the columns of the row before are numbered from zero, those of the row after behind them, as in the target.
    pub condition: Option<Expr>,
    /// It is that of a table above.
    pub is_inherited: bool,
}

impl Target {
    /// Says which numbers the system columns have.
    pub(crate) fn tell_system(&mut self, columns: SystemColumns) {
        let leaves = self.placement.iter_mut().flat_map(|placement| placement.leaves.values_mut());
        leaves.for_each(|leaf| leaf.system = columns);
        self.system = columns;
    }

    /// Oids of all tables that a write to it may change.
    pub fn tables(&self) -> impl Iterator<Item = u32> {
        let reached = self.reached.iter().flat_map(Target::with_leaves);
        let branches = self.placement.iter().flat_map(|placement| placement.branches.iter().copied());
        self.with_leaves().chain(reached).map(|table| table.table.oid).chain(branches)
    }

    /// The target and the partitions beneath it.
    pub fn with_leaves(&self) -> impl Iterator<Item = &Target> {
        let leaves = self.placement.iter().flat_map(|placement| placement.leaves.values());
        leaves.chain([self])
    }
}

/// The partitions around a target.
#[derive(Debug)]
pub struct Placement {
    /// Of the topmost table, so that a row must keep to the bounds above the target too.
    pub tree: Arc<PartitionTree>,
    /// Where the topmost table's columns stand in the target, if they do not stand at the same places.
    pub positions: Option<Vec<usize>>,
    /// The leaves beneath a partitioned target, by their number in the tree, each with its own rules. Their columns have
    /// the target's numbers.
    pub leaves: BTreeMap<usize, Target>,
    /// Oids of the target and of the partitioned tables beneath it.
    pub branches: Vec<u32>,
}

#[derive(Debug, Clone)]
pub struct Check {
    /// Of the constraint, or of the view.
    pub name: String,
    pub condition: Expr,
    /// WITH CHECK OPTION: rows of which it is not known to be true are refused too.
    pub of_view: bool,
}

/// What a policy asks of a row, which must be known to be true.
#[derive(Debug)]
pub struct PolicyCheck {
    pub moment: PolicyMoment,
    /// Of the policy, if it restricts; those that permit are one condition.
    pub name: Option<String>,
    pub condition: Expr,
    /// Answers something if the row is what it must be, where that takes a query.
    pub query: Option<Box<ConflictQuery>>,
}

/// When a policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyMoment {
    /// About a row that is inserted.
    Insert,
    /// About the new version of a row.
    Update,
    /// About the row that ON CONFLICT DO UPDATE is to update.
    InTheWay,
    /// About the row that MERGE is to update.
    MergedUpdate,
    /// About the row that MERGE is to delete.
    MergedDelete,
}

/// A primary key or unique constraint that is looked at later than row by row.
#[derive(Debug)]
pub struct LateKey {
    pub oid: u32,
    pub deferrable: Deferrable,
    /// Positions in the target, in the order of the index.
    pub columns: Vec<usize>,
    pub index: IndexSchema,
}

/// A foreign key of the target.
#[derive(Debug)]
pub struct ParentKey {
    pub oid: u32,
    pub name: String,
    pub deferrable: Option<Deferrable>,
    pub match_full: bool,
    /// Positions in the target.
    pub columns: Vec<usize>,
    pub parent: Arc<Table>,
    /// Positions in the parent, in the same order.
    pub parent_columns: Vec<usize>,
    pub lookup: KeyLookup,
}

/// How the row with a given key is found; `order[i]` is the place among the foreign key's columns of the key's `i`th.
#[derive(Debug)]
pub enum KeyLookup {
    PrimaryKey { order: Vec<usize> },
    Unique { index: IndexSchema, order: Vec<usize> },
}

/// A foreign key of another table that points at the target.
#[derive(Debug)]
pub struct ChildKey {
    pub oid: u32,
    pub name: String,
    pub deferrable: Option<Deferrable>,
    pub child: Arc<Table>,
    /// The tables that keep the child's rows: its leaves, if it is partitioned.
    pub keepers: Vec<Arc<Table>>,
    /// Positions in the child.
    pub child_columns: Vec<usize>,
    /// Positions in the target.
    pub columns: Vec<usize>,
    /// Their types.
    pub types: Vec<Type>,
    pub on_delete: ForeignKeyAction,
    pub on_update: ForeignKeyAction,
    /// Positions in the child of the columns that ON DELETE SET NULL or SET DEFAULT sets.
    pub set_columns: Vec<usize>,
    /// For SET DEFAULT, what each of the child's columns is set to, in the order of `child_columns`.
    pub defaults: Vec<Expr>,
    /// The child among `Target::reached` of the write's target, if an action changes it.
    pub reached: Option<usize>,
}

#[derive(Debug)]
pub enum Action {
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    /// What foreign keys make of rows, which they find themselves: no statement says it.
    OfKeys,
}

#[derive(Debug)]
pub struct Insert {
    pub source: InsertSource,
    pub on_conflict: Option<OnConflict>,
}

/// Where new rows come from; an expression for each column of the table, in order.
#[derive(Debug)]
pub enum InsertSource {
    Rows(Vec<Vec<Expr>>),
    Query { query: Box<Query>, row: Vec<Expr> },
}

/// ON CONFLICT.
#[derive(Debug)]
pub struct OnConflict {
    /// None: any conflict.
    pub arbiter: Option<Arbiter>,
    pub action: ConflictAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Arbiter {
    PrimaryKey,
    Index(storage::GenerationId),
}

#[derive(Debug)]
pub enum ConflictAction {
    Nothing,
    Update {
        /// `excluded.column i` is `ColumnVar(first_excluded + i)`.
        first_excluded: u32,
        assignments: Vec<(usize, Expr)>,
        filter: Option<Expr>,
        /// Computes what is assigned, and whether, if that takes a query.
        query: Option<Box<ConflictQuery>>,
    },
}

/// A query over one row: the one that is there, and `excluded` behind it. It answers what is assigned, or nothing if the
/// row is to stay.
#[derive(Debug)]
pub struct ConflictQuery {
    /// Where it finds the row.
    pub number: usize,
    pub query: Query,
    /// The columns that it answers, by their place.
    pub carried: Vec<(ColumnVar, usize)>,
}

#[derive(Debug)]
pub struct Update {
    pub assignments: Vec<(usize, Expr)>,
    pub rows: RowsToChange,
}

#[derive(Debug)]
pub struct Delete {
    pub rows: RowsToChange,
}

/// MERGE: the source joined with the target.
#[derive(Debug)]
pub struct Merge {
    /// Answers the columns of the target's row, NULL where there is none, then those of the source.
    pub query: Query,
    /// The target's row among the query's columns.
    pub key: Column,
    pub version: Column,
    /// The source's columns, by their place among the query's outputs behind the target's.
    pub carried: Vec<(ColumnVar, usize)>,
    pub whens: Vec<When>,
}

/// WHEN [NOT] MATCHED [AND …] THEN.
#[derive(Debug)]
pub struct When {
    pub matched: bool,
    pub condition: Option<Expr>,
    pub deed: Deed,
}

/// What MERGE does for one pair of rows.
#[derive(Debug)]
pub enum Deed {
    Nothing,
    Delete,
    Update(Vec<(usize, Expr)>),
    /// An expression for each column of the table, in order.
    Insert(Vec<Expr>),
}

/// Which rows an UPDATE or DELETE changes.
#[derive(Debug)]
pub enum RowsToChange {
    /// Found by key, then tested with the filter on their newest version.
    Point { access: Access, filter: Option<Expr> },
    /// Found by a query that answers the row's key and version (bytea, int8) first, then the columns that the
    /// assignments and RETURNING need from elsewhere.
    Query {
        query: Query,
        key: Column,
        version: Column,
        carried: Vec<(ColumnVar, usize)>,
        /// The same, if the rows may be few and are found by a range of keys.
        short: Option<Box<Short>>,
    },
    /// The row on which a cursor stands.
    Cursor { name: String },
}

/// RETURNING: expressions over the target's columns (and carried ones).
#[derive(Debug)]
pub struct Returning {
    pub outputs: Vec<Output>,
    /// What the write computes of each row: the outputs, or what `after` computes them from.
    pub exprs: Vec<Expr>,
    pub after: Option<After>,
}

/// A query over what a write has computed: subqueries in RETURNING need one.
#[derive(Debug)]
pub struct After {
    /// Where the query finds the write's rows.
    pub number: usize,
    pub query: Box<Query>,
}
