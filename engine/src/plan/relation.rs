//! The bound relational tree: what a query means, before anybody decides how to run it.
//!
//! The binder makes it. The point planner recognises the shapes that skip DataFusion; everything else is
//! lowered to a DataFusion logical plan. Columns are `ColumnVar`s, so names play no part any more.

use std::sync::Arc;

use super::short::Short;
use super::system_column::{SeesDeleted, SystemColumns};
use crate::catalog::Table;
use crate::catalog::partition::PartitionTree;
use crate::expr::{AggregateCall, ColumnVar, Expr, SortKey, WindowCall};
use crate::function::TableFunction;
use crate::types::Type;

/// A bound relation. `Relation::outputs` tells its columns in order.
#[derive(Debug, Clone)]
pub enum Relation {
    /// One row without columns (SELECT without FROM).
    OneRow,
    Scan(Scan),
    Values {
        columns: Vec<Column>,
        rows: Vec<Vec<Expr>>,
    },
    /// A set-returning function in FROM.
    Function {
        function: &'static TableFunction,
        args: Vec<Expr>,
        columns: Vec<Column>,
        ordinality: Option<Column>,
    },
    Filter {
        input: Box<Relation>,
        predicate: Expr,
    },
    /// Computes columns; the input's own columns pass only if named.
    Project {
        input: Box<Relation>,
        columns: Vec<(Column, Expr)>,
    },
    /// Set-returning functions in a SELECT list or in ROWS FROM, run in lockstep; the input's columns pass too. `ordinality` counts what
    /// they return for one row of the input.
    ProjectSet {
        input: Box<Relation>,
        functions: Vec<(Vec<Column>, &'static TableFunction, Vec<Expr>)>,
        ordinality: Option<Column>,
    },
    Join {
        kind: JoinKind,
        left: Box<Relation>,
        right: Box<Relation>,
        condition: Option<Expr>,
        lateral: bool,
    },
    /// `sets`: None is plain GROUP BY; Some lists the grouped positions of each grouping set.
    Aggregate {
        input: Box<Relation>,
        groups: Vec<(Column, Expr)>,
        sets: Option<Vec<Vec<usize>>>,
        aggregates: Vec<(Column, AggregateCall)>,
    },
    /// The input's columns, then the window functions'.
    Window {
        input: Box<Relation>,
        calls: Vec<(Column, WindowCall)>,
    },
    Sort {
        input: Box<Relation>,
        keys: Vec<SortKey>,
    },
    Limit {
        input: Box<Relation>,
        limit: Option<Expr>,
        offset: Option<Expr>,
        with_ties: bool,
    },
    /// `on` empty: all columns. Otherwise DISTINCT ON, the first row by the input's order.
    Distinct {
        input: Box<Relation>,
        on: Vec<Expr>,
    },
    /// Columns of both inputs match by position; `columns` are the result's.
    SetOperation {
        kind: SetKind,
        all: bool,
        columns: Vec<Column>,
        left: Box<Relation>,
        right: Box<Relation>,
    },
    /// A WITH query used possibly many times, under fresh column numbers each time. `once`: it has this number in the
    /// statement, and all uses see the same rows, because computing them again would be noticed.
    Shared {
        plan: Arc<Relation>,
        columns: Vec<Column>,
        source: Vec<ColumnVar>,
        once: Option<u32>,
    },
    /// The last `follow` columns are made of the others: rows that are alike without them are alike.
    Recursive {
        name: Arc<str>,
        columns: Vec<Column>,
        follow: usize,
        all: bool,
        base: Box<Relation>,
        step: Box<Relation>,
    },
    /// What a write of the WITH clause returns, by the write's number.
    Written {
        number: usize,
        columns: Vec<Column>,
    },
    /// The working table inside a recursive query's step.
    WorkingTable {
        name: Arc<str>,
        columns: Vec<Column>,
    },
}

/// A column of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub var: ColumnVar,
    pub ty: Type,
}

/// Reading a table.
#[derive(Debug, Clone)]
pub struct Scan {
    pub table: Arc<Table>,
    /// Position in `table.columns` and its number in the statement, for every column that may be used.
    pub columns: Vec<(usize, Column)>,
    /// What is beneath the table, if it is partitioned: its rows are all there.
    pub partitions: Option<Arc<PartitionTree>>,
    /// The row's identity (two hidden columns: key bytes and version), for UPDATE, DELETE and FOR UPDATE.
    pub row_identity: Option<RowIdentity>,
    /// What else it answers of a row.
    pub system: SystemColumns,
    /// Whether deleted rows that are kept are among its rows.
    pub sees_deleted: SeesDeleted,
}

/// Hidden columns that name a row and the version read.
#[derive(Debug, Clone, Copy)]
pub struct RowIdentity {
    /// bytea: the row's key.
    pub key: Column,
    /// int8: the commit sequence of the version.
    pub version: Column,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
    Semi,
    Anti,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    Union,
    Intersect,
    Except,
}

/// A whole query, ready to be planned.
#[derive(Debug, Clone)]
pub struct Query {
    pub relation: Relation,
    /// The result's columns: `outputs[i].column` is an output of `relation`.
    pub outputs: Vec<Output>,
    /// `FOR UPDATE` and its kin, per table.
    pub locking: Vec<Locking>,
    /// How to find the rows that are locked, if they may be few.
    pub few: Option<Arc<Short>>,
    /// Types of `$1`, `$2`, … as inferred or declared.
    pub params: Vec<Type>,
    /// The relations named anywhere in the query, with what is done to them: for privileges and locks.
    pub uses: Vec<RelationUse>,
}

impl Query {
    /// One within a statement, which has its parameters and what it reads among its own.
    pub fn within(relation: Relation, outputs: Vec<Output>) -> Self {
        Self { relation, outputs, locking: Vec::new(), few: None, params: Vec::new(), uses: Vec::new() }
    }
}

/// One column of a query's result, as RowDescription tells it.
#[derive(Debug, Clone)]
pub struct Output {
    pub name: String,
    pub column: Column,
    /// Oid and attribute number of the table's column it comes from unchanged.
    pub origin: Option<(u32, u16)>,
}

/// A locking clause over one scanned table.
#[derive(Debug, Clone)]
pub struct Locking {
    pub table: Arc<Table>,
    /// What is beneath the table, if it is partitioned.
    pub partitions: Option<Arc<PartitionTree>>,
    pub identity: RowIdentity,
    pub strength: storage::RowLock,
    pub wait: LockWait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockWait {
    Wait,
    NoWait,
    SkipLocked,
}

/// A relation that a statement names, the privileges it needs there and on which columns.
#[derive(Debug, Clone)]
pub struct RelationUse {
    pub table: Arc<Table>,
    pub privileges: auth::Privileges,
    /// Attribute numbers read or written; empty: the whole relation.
    pub columns: Vec<u16>,
    pub check_as: CheckAs,
}

/// Whose privileges a use of a relation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckAs {
    /// Those of whoever runs the statement, or of the owner of the view that says it.
    Caller,
    /// Those of whoever runs the statement, through whatever views (`security_invoker`).
    Session,
    /// The owner of a view.
    Role(u32),
}

impl RelationUse {
    /// Whether the statement itself, and no view, uses the relation so.
    pub(crate) fn is(&self, relation: u32, privileges: auth::Privileges) -> bool {
        self.table.oid == relation && self.privileges == privileges && self.check_as == CheckAs::Caller
    }
}

impl Relation {
    /// Whether it is a limit that limits nothing: what is above it is not asked of rows before what is beneath, as nothing
    /// moves past a limit.
    pub(crate) fn is_barrier(&self) -> bool {
        matches!(self, Relation::Limit { limit: Some(limit), offset: None, with_ties: false, .. }
            if matches!(limit.as_const(), Some(storage::Value::Int8(i64::MAX))))
    }

    /// The relation's columns, in order.
    pub fn outputs(&self) -> Vec<Column> {
        match self {
            Relation::OneRow => Vec::new(),
            Relation::Scan(scan) => {
                let mut columns: Vec<Column> = scan.columns.iter().map(|(_, column)| *column).collect();
                columns.extend(scan.row_identity.iter().flat_map(|identity| [identity.key, identity.version]));
                columns.extend(scan.system.numbered().map(|(_, column)| column));
                columns
            }
            Relation::Values { columns, .. }
            | Relation::SetOperation { columns, .. }
            | Relation::Shared { columns, .. }
            | Relation::Recursive { columns, .. }
            | Relation::Written { columns, .. }
            | Relation::WorkingTable { columns, .. } => columns.clone(),
            Relation::Function { columns, ordinality, .. } => columns.iter().chain(ordinality).copied().collect(),
            Relation::Filter { input, .. }
            | Relation::Sort { input, .. }
            | Relation::Limit { input, .. }
            | Relation::Distinct { input, .. } => input.outputs(),
            Relation::Project { columns, .. } => columns.iter().map(|(column, _)| *column).collect(),
            Relation::ProjectSet { input, functions, ordinality } => {
                let added = functions.iter().flat_map(|(columns, ..)| columns).chain(ordinality);
                input.outputs().into_iter().chain(added.copied()).collect()
            }
            Relation::Join { kind, left, right, .. } => {
                let mut columns = left.outputs();
                if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                    columns.extend(right.outputs());
                }
                columns
            }
            Relation::Aggregate { groups, aggregates, .. } => {
                groups.iter().map(|(column, _)| *column).chain(aggregates.iter().map(|(column, _)| *column)).collect()
            }
            Relation::Window { input, calls } => {
                input.outputs().into_iter().chain(calls.iter().map(|(column, _)| *column)).collect()
            }
        }
    }
}
