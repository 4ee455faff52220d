//! System columns: what a table's rows have besides its columns, as far as a statement names it.
//!
//! They are numbered only where the statement has the word at all, so that nobody else pays for them. `_deleted` does more
//! than tell something: whoever names that of a relation sees its deleted rows too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::relation::Column;
use crate::expr::ColumnVar;
use crate::types::{Type, oid};

/// A system column that has a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemColumn {
    /// The table that keeps the row.
    TableOid,
    /// The commit that wrote the row, by its place among all; NULL until there is one.
    Seq,
    /// When that was.
    Updated,
    /// Whether it was deleted and is kept in the table's trash.
    Deleted,
    /// Whose row of a user table it is, where those of all users are read.
    User,
    /// PostgreSQL's `xmax`, as far as what INSERT returns has it: the transaction, of a row that was in the way and has been
    /// updated, 0 of one that was inserted. Applications tell the one from the other by it.
    Xmax,
}

impl SystemColumn {
    pub const ALL: [Self; 6] = [Self::TableOid, Self::Seq, Self::Updated, Self::Deleted, Self::User, Self::Xmax];

    pub const fn name(self) -> &'static str {
        match self {
            Self::TableOid => "tableoid",
            Self::Seq => storage::segment::SEQ_COLUMN,
            Self::Updated => storage::segment::UPDATED_COLUMN,
            Self::Deleted => "_deleted",
            Self::User => "_user",
            Self::Xmax => "xmax",
        }
    }

    pub const fn ty(self) -> Type {
        Type::new(match self {
            Self::TableOid => oid::OID,
            Self::Seq => oid::INT8,
            Self::Updated => oid::TIMESTAMPTZ,
            Self::Deleted => oid::BOOL,
            Self::User => oid::REGROLE,
            Self::Xmax => oid::XID,
        })
    }

    /// The column of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// Whether it tells of the row's version, which a row that is being written does not have yet.
    pub fn is_of_version(self) -> bool {
        self != Self::TableOid
    }
}

/// The numbers of one relation's system columns in a statement, where they have one.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemColumns([Option<ColumnVar>; SystemColumn::ALL.len()]);

impl SystemColumns {
    /// `tableoid` alone.
    pub fn table_oid(var: ColumnVar) -> Self {
        let mut columns = Self::default();
        columns.set(SystemColumn::TableOid, var);
        columns
    }

    pub fn set(&mut self, column: SystemColumn, var: ColumnVar) {
        self.0[column as usize] = Some(var);
    }

    pub fn get(&self, column: SystemColumn) -> Option<Column> {
        self.0[column as usize].map(|var| Column { var, ty: column.ty() })
    }

    /// The same but for one.
    pub fn without(mut self, column: SystemColumn) -> Self {
        self.0[column as usize] = None;
        self
    }

    /// Which of them has that number.
    pub fn find(&self, var: ColumnVar) -> Option<SystemColumn> {
        SystemColumn::ALL.into_iter().find(|column| self.0[*column as usize] == Some(var))
    }

    /// Those that have a number, in a fixed order.
    pub fn numbered(self) -> impl Iterator<Item = (SystemColumn, Column)> {
        SystemColumn::ALL.into_iter().filter_map(move |column| Some((column, self.get(column)?)))
    }

    /// The numbered ones that tell of the row's version.
    pub fn of_version(self) -> impl Iterator<Item = Column> {
        self.numbered().filter(|(column, _)| column.is_of_version()).map(|(_, column)| column)
    }
}

/// Whether a scan's `_deleted` is named. The scan and the names that it has in sight share one, which is set when the name is
/// met: the text alone cannot tell whose column the word means.
#[derive(Debug, Clone, Default)]
pub struct SeesDeleted(Option<Arc<AtomicBool>>);

impl SeesDeleted {
    /// For a scan whose `_deleted` has a number.
    pub fn of(columns: SystemColumns) -> Self {
        Self(columns.get(SystemColumn::Deleted).map(|_| Arc::default()))
    }

    /// The column was named.
    pub fn note(&self) {
        if let Some(named) = &self.0 {
            named.store(true, Ordering::Relaxed);
        }
    }

    pub fn is_so(&self) -> bool {
        self.0.as_ref().is_some_and(|named| named.load(Ordering::Relaxed))
    }
}
