//! System columns in sight: `tableoid`, `xmax` of what was inserted, and KalamDB's own `_seq`, `_updated`, `_deleted` and `_user`.
//!
//! Scans answer them where the statement has the word at all, so that nobody else pays for that. A table's own column of
//! the name hides the system's. What PostgreSQL has besides tells where it keeps a row, which has no meaning here.

use std::sync::Arc;

use storage::{Slice, Value};

use super::{Binder, Scope, ScopeColumn, ScopeRelation};
use crate::catalog::{Table, TableKind};
use crate::error::{Error, Result};
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::plan::system_column::{SeesDeleted, SystemColumn, SystemColumns};

/// Those that tell where PostgreSQL keeps a row and which transactions made it.
const OTHERS: [&str; 5] = ["ctid", "xmin", "xmax", "cmin", "cmax"];

/// Whether a name is one of PostgreSQL's system columns, which no other column may have.
pub(crate) fn is_system_column(name: &str) -> bool {
    name == SystemColumn::TableOid.name() || OTHERS.contains(&name)
}

/// The system columns that a text names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Named([bool; SystemColumn::ALL.len()]);

impl Named {
    pub(super) fn in_text(text: &str) -> Self {
        let mut named = Self::default();
        let bytes = text.as_bytes();
        let mut within_word = false;
        for (at, byte) in bytes.iter().enumerate() {
            if !within_word && matches!(byte, b't' | b'T' | b'x' | b'X' | b'_') {
                for column in SystemColumn::ALL {
                    let name = column.name().as_bytes();
                    named.0[column as usize] |=
                        bytes[at..].get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name));
                }
            }
            within_word = byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
        }
        named
    }

    fn with(mut self, column: SystemColumn) -> Self {
        self.0[column as usize] = true;
        self
    }

    fn has(self, column: SystemColumn) -> bool {
        self.0[column as usize]
    }

    fn is_empty(self) -> bool {
        self.0.iter().all(|named| !named)
    }

    fn or(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own |= other);
        self
    }
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

/// Whether the rows of a table have the system column: its own column of that name hides it.
fn has_column(table: &Table, column: SystemColumn) -> bool {
    match (column, &table.kind) {
        (SystemColumn::TableOid, TableKind::Table | TableKind::System) => true,
        // Elsewhere there is but one answer, which nobody has to be told.
        (SystemColumn::Xmax, _) => false,
        (SystemColumn::User, TableKind::Table) if table.storage.slice != Slice::Every => false,
        (_, TableKind::Table) => table.position_of(column.name()).is_none(),
        _ => false,
    }
}

impl Binder<'_> {
    /// What is bound next may name `tableoid`, and no other system column, whatever the text says.
    pub(crate) fn telling_table_oid(mut self) -> Self {
        self.named_system = Named::default().with(SystemColumn::TableOid);
        self
    }

    /// Numbers for the system columns of a table, as far as anybody asks.
    pub(super) fn system_columns(&mut self, table: &Table) -> SystemColumns {
        let mut named = self.named_system;
        if let Some(view) = self.inside {
            named = named.or(Named::in_text(&view.text));
        }
        let mut columns = SystemColumns::default();
        if named.is_empty() {
            return columns;
        }
        for column in SystemColumn::ALL {
            if named.has(column) && has_column(table, column) {
                columns.set(column, self.fresh_var());
            }
        }
        columns
    }

    /// The same for what is inserted, which also tells whether a row was inserted.
    pub(super) fn system_columns_of_inserted(&mut self, table: &Table) -> SystemColumns {
        let mut columns = self.system_columns(table);
        if self.named_system.has(SystemColumn::Xmax) {
            columns.set(SystemColumn::Xmax, self.fresh_var());
        }
        columns
    }
}

impl ScopeRelation {
    /// The same with the numbers of its system columns.
    pub(super) fn with_system(mut self, columns: SystemColumns, sees_deleted: SeesDeleted) -> Self {
        self.system = columns;
        self.sees_deleted = sees_deleted;
        self
    }

    /// A system column of the relation: 0A000 for one that has no meaning here, or not at this place.
    pub(super) fn system_column(&self, name: &str) -> Result<Option<ScopeColumn>> {
        let unsupported = || Error::unsupported(format!("system column {name}"));
        let Some(table) = self.table.as_ref().filter(|table| !matches!(table.kind, TableKind::View(_))) else {
            return Ok(None);
        };
        let Some(column) = SystemColumn::named(name) else {
            let is_known = table.kind == TableKind::Table && OTHERS.contains(&name);
            return if is_known { Err(unsupported()) } else { Ok(None) };
        };
        match self.system.get(column) {
            Some(found) => {
                if column == SystemColumn::Deleted {
                    self.sees_deleted.note();
                }
                Ok(Some(ScopeColumn::new(name, found, None)))
            }
            None if column.is_of_version() && has_column(table, column) => Err(unsupported()),
            None if column == SystemColumn::Xmax && table.kind == TableKind::Table => Err(unsupported()),
            None => Ok(None),
        }
    }
}

impl Scope {
    /// The system columns of that name in sight.
    pub(super) fn system_columns(&self, name: &str) -> Result<Vec<ScopeColumn>> {
        if !may_be_system(name) {
            return Ok(Vec::new());
        }
        self.relations.iter().filter_map(|relation| relation.system_column(name).transpose()).collect()
    }

    /// The same without what rows have only once they are written, for the first relation: where there are rows in the
    /// making beside it, nobody could say whose is meant.
    pub(super) fn without_versions(mut self) -> Self {
        if let Some(target) = self.relations.first_mut() {
            let table_oid = target.system.get(SystemColumn::TableOid);
            Arc::make_mut(target).system =
                table_oid.map_or_else(SystemColumns::default, |column| SystemColumns::table_oid(column.var));
        }
        self
    }
}

/// Whether relations have a system column of that name, some of them.
pub(super) fn may_be_system(name: &str) -> bool {
    is_system_column(name) || SystemColumn::named(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_what_stands_there_as_a_word() {
        let named = |text: &str| SystemColumn::ALL.map(|column| Named::in_text(text).has(column));
        assert_eq!(named("SELECT _seq FROM t"), [false, true, false, false, false, false]);
        assert_eq!(named("select t._UPDATED, \"_seq\", TableOID from t"), [true, true, true, false, false, false]);
        assert_eq!(named("select order_seq, x_updated, mytableoid, é_seq from t"), [false; 6]);
        assert_eq!(named("_deleted"), [false, false, false, true, false, false]);
        assert_eq!(named("RETURNING (xmax = 0), xmaximum"), [false, false, false, false, false, true]);
        assert_eq!(named("_se"), [false; 6]);
    }
}
