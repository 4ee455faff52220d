//! System columns: what a table's rows have besides its columns.
//!
//! Of PostgreSQL's only `tableoid` has a meaning here. Scans answer it where the statement has the word at all, so that
//! nobody else pays for it.

use std::sync::Arc;

use storage::Value;

use super::{Binder, Scope, ScopeColumn, ScopeRelation};
use crate::catalog::{Table, TableKind};
use crate::error::{Error, Result};
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::plan::relation::Column;
use crate::types::{Type, oid};

const TABLE_OID: &str = "tableoid";
/// Those that tell where PostgreSQL keeps a row and which transactions made it.
const OTHERS: [&str; 5] = ["ctid", "xmin", "xmax", "cmin", "cmax"];

/// Whether a name is one of a system column, which no other column may have.
pub(crate) fn is_system_column(name: &str) -> bool {
    name == TABLE_OID || OTHERS.contains(&name)
}

/// Whether a statement may name the column.
pub(super) fn names_table_oid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(TABLE_OID.len()).any(|part| part[0] | 0x20 == b't' && part.eq_ignore_ascii_case(TABLE_OID.as_bytes()))
}

/// An expression over the rows of one table, whose oid the column of that number stands for.
pub(crate) fn with_known_oid(expr: Expr, column: ColumnVar, table: u32) -> Result<Expr> {
    walk::transform(expr, &mut |part| {
        Ok(match part.kind {
            ExprKind::Column(var) if var == column => Expr::constant(Value::Int8(table.into()), part.ty),
            _ => part,
        })
    })
}

impl Binder<'_> {
    /// What is bound next may name the column, whatever the text says.
    pub(crate) fn telling_table_oid(mut self) -> Self {
        self.names_table_oid = true;
        self
    }

    /// A number for the oid of the table that keeps a row; None if nobody asks.
    pub(super) fn table_oid(&mut self, table: &Table) -> Option<Column> {
        let asked = self.names_table_oid || self.inside.is_some_and(|view| names_table_oid(&view.text));
        (asked && matches!(table.kind, TableKind::Table | TableKind::System)).then(|| self.fresh(Type::new(oid::OID)))
    }
}

impl ScopeRelation {
    /// The same with the column of that number for the oid of the table that keeps a row.
    pub(super) fn with_table_oid(mut self, column: Option<Column>) -> Self {
        self.table_oid = column;
        self
    }

    /// A system column of the relation: 0A000 for one that has no meaning here.
    pub(super) fn system_column(&self, name: &str) -> Result<Option<ScopeColumn>> {
        let is_table = |table: &&Arc<Table>| table.kind == TableKind::Table;
        if self.table.as_ref().is_some_and(|table| is_table(&table)) && OTHERS.contains(&name) {
            return Err(Error::unsupported(format!("system column {name}")));
        }
        Ok(self.table_oid.filter(|_| name == TABLE_OID).map(|column| ScopeColumn::new(name, column, None)))
    }
}

impl Scope {
    /// The system columns of that name in sight.
    pub(super) fn system_columns(&self, name: &str) -> Result<Vec<ScopeColumn>> {
        if !is_system_column(name) {
            return Ok(Vec::new());
        }
        self.relations.iter().filter_map(|relation| relation.system_column(name).transpose()).collect()
    }
}
