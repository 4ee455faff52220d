//! A table as its parent's rows see it: the same rows, with their columns where the parent has them.
//!
//! Tables that are attached to another keep the order in which their columns were made. Whoever works on rows of the
//! parent, wherever they are kept, takes the tables beneath it so arranged; then a column has one position in all of them.

use std::sync::Arc;

use storage::{RowIdentity, TableSchema};

use crate::catalog::{Table, TableColumn};

impl Table {
    /// Whether the columns of another table stand here at the same places.
    pub(crate) fn is_arranged_as(&self, other: &Table) -> bool {
        let same = |(own, wanted): (&TableColumn, &TableColumn)| own.name == wanted.name;
        self.columns.len() >= other.columns.len() && self.columns.iter().zip(&other.columns).all(same)
    }

    /// The same table with its columns in the order of another's, all of which it has. What it has besides comes last.
    pub(crate) fn arranged_as(self: &Arc<Self>, other: &Table) -> Arc<Self> {
        if self.is_arranged_as(other) {
            return self.clone();
        }
        let mut order: Vec<usize> = other.columns.iter().filter_map(|column| self.position_of(&column.name)).collect();
        order.extend((0..self.columns.len()).filter(|position| !order.contains(position)).collect::<Vec<_>>());
        let columns = order.iter().map(|position| self.columns[*position].clone()).collect();
        let mut places = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            places[*old] = new;
        }
        let storage = Arc::new(arranged_schema(&self.storage, &order, &places));
        let mut partitioning = self.partitioning.clone();
        if let Some(key) = &mut partitioning.key {
            key.derived = key.derived.rearranged(places);
        }
        Arc::new(Table { columns, storage, partitioning, ..(**self).clone() })
    }
}

/// `order` names, for each new position, the old one; `places` the reverse.
fn arranged_schema(schema: &TableSchema, order: &[usize], places: &[usize]) -> TableSchema {
    // What is derived lies behind the columns and stays there.
    let place = |position: usize| places.get(position).copied().unwrap_or(position);
    let mut indexes = schema.indexes.clone();
    for column in indexes.iter_mut().flat_map(|index| index.columns.iter_mut()) {
        column.column = place(column.column);
    }
    let identity = match &schema.identity {
        RowIdentity::PrimaryKey(key) => RowIdentity::PrimaryKey(key.iter().map(|position| place(*position)).collect()),
        RowIdentity::Hidden => RowIdentity::Hidden,
    };
    let columns = order.iter().map(|position| schema.columns[*position].clone()).collect();
    let derived = schema.derived.rearranged(places.to_vec());
    TableSchema { columns, identity, indexes, derived, cache: Default::default(), ..schema.clone() }
}
