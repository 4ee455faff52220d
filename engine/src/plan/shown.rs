//! A query as it was written, with what its expressions were bound to: what `deparse` makes SQL of.

use crate::expr::{ColumnVar, Expr, SortKey, WindowCall};
use crate::function::TableFunction;
use crate::plan::relation::{JoinKind, SetKind};
use crate::plan::system_column::SystemColumns;

#[derive(Debug, Clone)]
pub struct ShownQuery {
    pub recursive: bool,
    pub with: Vec<ShownWith>,
    pub body: ShownBody,
    pub order: Vec<SortKey>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    pub with_ties: bool,
}

/// A query that WITH names.
#[derive(Debug, Clone)]
pub struct ShownWith {
    pub name: String,
    pub columns: Vec<String>,
    pub materialized: Option<bool>,
    pub query: ShownQuery,
}

#[derive(Debug, Clone)]
pub enum ShownBody {
    Select(Box<ShownSelect>),
    Values(Vec<Vec<Expr>>),
    Set { kind: SetKind, all: bool, left: Box<ShownQuery>, right: Box<ShownQuery> },
}

#[derive(Debug, Clone)]
pub struct ShownSelect {
    pub distinct: ShownDistinct,
    /// Names and expressions of the list.
    pub items: Vec<(String, Expr)>,
    pub from: Vec<ShownFrom>,
    pub filter: Option<Expr>,
    pub groups: Option<Vec<ShownGroup>>,
    pub having: Option<Expr>,
    /// Names and definitions of the WINDOW clause, and whether they give a frame.
    pub windows: Vec<(String, WindowCall, bool)>,
    /// The set-returning functions of the list, by the columns that stand for them.
    pub sets: Vec<(ColumnVar, &'static TableFunction, Vec<Expr>)>,
}

/// What is grouped by, or sets of that.
#[derive(Debug, Clone)]
pub enum ShownGroup {
    Set(Vec<Expr>),
    Sets(Vec<ShownGroup>),
    Rollup(Vec<ShownGroup>),
    Cube(Vec<ShownGroup>),
}

#[derive(Debug, Clone)]
pub enum ShownDistinct {
    No,
    All,
    On(Vec<Expr>),
}

/// A relation of FROM and what the query calls it.
#[derive(Debug, Clone)]
pub struct ShownItem {
    pub source: ShownSource,
    /// The name that it has in the query.
    pub name: String,
    /// Whether the name is an alias, and whether that names columns too.
    pub aliased: bool,
    pub names_columns: bool,
    pub columns: Vec<ShownColumn>,
    pub system: SystemColumns,
}

#[derive(Debug, Clone)]
pub struct ShownColumn {
    pub var: Option<ColumnVar>,
    pub name: String,
    /// The attribute number in the table that it is read from.
    pub number: Option<u16>,
}

#[derive(Debug, Clone)]
pub enum ShownSource {
    Table {
        oid: u32,
        only: bool,
    },
    /// A query of WITH.
    Named(String),
    Query {
        query: Box<ShownQuery>,
        lateral: bool,
    },
    Function {
        name: &'static str,
        args: Vec<Expr>,
        ordinality: bool,
        lateral: bool,
    },
    /// A scalar function.
    Scalar {
        call: Box<Expr>,
        ordinality: bool,
        lateral: bool,
    },
}

#[derive(Debug, Clone)]
pub enum ShownFrom {
    Item(Box<ShownItem>),
    Join {
        kind: JoinKind,
        left: Box<ShownFrom>,
        right: Box<ShownFrom>,
        on: ShownOn,
    },
    /// A join under one name.
    Named {
        join: Box<ShownFrom>,
        name: String,
        names_columns: bool,
        columns: Vec<ShownColumn>,
    },
}

#[derive(Debug, Clone)]
pub enum ShownOn {
    Nothing,
    Condition(Expr),
    Using { columns: Vec<String>, alias: Option<String> },
}
