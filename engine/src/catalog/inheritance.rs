//! Tables that inherit from others: whose rows are theirs too, and whose columns and checks they have.
//!
//! A table has what it inherits by name. How many of its parents have a column or a check is never written down but
//! counted; written down is only whether it is the table's own besides.

use std::sync::Arc;

use super::{Catalog, Constraint, ConstraintKind, Table};

impl Catalog {
    /// The tables that a table inherits from, in order.
    pub fn parents_of<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a Arc<Table>> {
        table.inherits.iter().filter_map(|parent| self.tables.get(parent))
    }

    /// How many of them have a column of that name.
    pub fn column_parents(&self, table: &Table, column: &str) -> usize {
        self.parents_of(table).filter(|parent| parent.position_of(column).is_some()).count()
    }

    /// How many of them hand a check of that name on.
    pub fn check_parents(&self, table: &Table, check: &str) -> usize {
        let has = |parent: &&Arc<Table>| parent.constraints.iter().any(|own| own.is_handed_on() && own.name == check);
        self.parents_of(table).filter(has).count()
    }
}

impl Constraint {
    /// Whether those that inherit from its table have it too.
    pub fn is_handed_on(&self) -> bool {
        matches!(self.kind, ConstraintKind::Check { .. }) && !self.no_inherit
    }
}
