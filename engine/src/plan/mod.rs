//! From a parsed statement to something that can run: bind, authorize, choose how.

pub mod authorize;
pub mod bind;
pub(crate) mod cache;
mod choose;
pub mod explain;
pub(crate) mod explain_document;
pub(crate) mod function_run;
pub mod point;
pub mod relation;
pub mod short;
pub(crate) mod shown;
pub(crate) mod system_column;
pub(crate) mod variable_types;
pub mod write;

use std::sync::Arc;

pub use authorize::AuthorizedPlan;
pub use choose::{choose, choose_stored};
use storage::{TableId, TableLock};

use crate::types::Type;

/// How a statement is run.
#[derive(Debug)]
pub enum Plan {
    /// Through DataFusion.
    Query(Arc<relation::Query>),
    /// One row by key, without it.
    PointSelect(Box<point::PointSelect>),
    /// A few rows by a range of keys, without it unless there turn out to be many.
    Short {
        short: Box<short::Short>,
        query: Arc<relation::Query>,
    },
    /// Expressions alone, without it too.
    OneRow(Box<point::OneRow>),
    Write(Box<write::Write>),
}

/// A bound statement with what its plan needs before it may run.
#[derive(Debug)]
pub struct BoundStatement {
    pub plan: Plan,
    pub params: Vec<Type>,
    /// None: the statement answers no rows.
    pub columns: Option<Arc<[ColumnDescription]>>,
    pub uses: Vec<relation::RelationUse>,
    /// The writes of its WITH clause, in order.
    pub with_writes: Vec<write::WithWrite>,
    /// Bodies of functions to run before it, in order.
    pub runs: Vec<function_run::FunctionRun>,
    /// Bodies of functions that its expressions call, by their numbers.
    pub bodies: Vec<std::sync::Arc<function_run::CalledBody>>,
    /// What is computed before it writes.
    pub ahead: Option<function_run::Ahead>,
    /// Whether it calls functions that may have to wait for a lock.
    pub waits: bool,
    /// Whether several places are to see the same rows, which are computed once.
    pub keeps_rows: bool,
    /// Table locks to take first, in order of table.
    pub locks: Vec<(TableId, TableLock)>,
}

/// A result column, as RowDescription tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDescription {
    pub name: String,
    /// Oid of the table and attribute number in it that the column comes from unchanged; else zeros.
    pub table: u32,
    pub number: u16,
    pub ty: Type,
    /// The type with the domain that it is of: what a table made of the query has.
    pub declared: Type,
    /// `pg_type.typlen`.
    pub length: i16,
}

impl ColumnDescription {
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        // Clients are told what a domain is over.
        let declared = ty;
        let ty = crate::types::builtin::base_type(ty);
        let length = crate::types::builtin::info(ty.oid).map_or(-1, |info| info.length);
        Self { name: name.into(), table: 0, number: 0, ty, declared, length }
    }

    /// The description of a query's output.
    pub fn of(output: &relation::Output) -> Self {
        let (table, number) = output.origin.unwrap_or((0, 0));
        Self { table, number, ..Self::new(output.name.clone(), output.column.ty) }
    }
}
