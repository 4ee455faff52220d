//! Which live queries a changed row may concern: found by the values that their filters ask for, without looking at the
//! others.
//!
//! A query whose filter says `column = value` stands under these columns and values; a row asks once for each set of columns
//! that any query of its table has. All other queries of a table are asked about each of its rows. Of a user table only the
//! queries of whoever the row belongs to are asked at all: others cannot have it.

use std::collections::hash_map;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use storage::{Change, Slice, SliceId, StoredRow, TableId, Value};

use super::query::LiveQuery;
use crate::catalog::Table;
use crate::error::Result;
use crate::execute::point::fit;
use crate::expr::eval::{NoRow, eval};
use crate::function::EvalContext;

/// Live queries by table, and by what their rows must be.
#[derive(Default)]
pub(super) struct Index {
    tables: FxHashMap<TableId, TableQueries>,
}

/// The queries of one table.
#[derive(Default)]
struct TableQueries {
    /// Those that read rows of one user alone.
    by_slice: FxHashMap<SliceId, RowQueries>,
    /// Those that read all rows of the table.
    undivided: RowQueries,
}

/// The queries that may concern a row, as far as it is known whose it is.
#[derive(Default)]
struct RowQueries {
    by_values: Vec<ColumnSet>,
    others: Vec<Arc<LiveQuery>>,
}

/// Queries that ask for values in the same columns.
struct ColumnSet {
    /// As the queries were bound: positions are those of its columns.
    table: Arc<Table>,
    columns: Box<[usize]>,
    queries: FxHashMap<Box<[u8]>, Vec<Arc<LiveQuery>>>,
}

/// Where a query stands for one table.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) table: TableId,
    /// Whose rows it reads; None: everybody's, or the table has no owners of rows.
    pub(super) slice: Option<SliceId>,
    pub(super) place: Place,
}

impl Standing {
    pub(super) fn of(table: &Table, place: Place) -> Self {
        let slice = match table.storage.slice {
            Slice::One(slice) => Some(slice),
            Slice::Undivided | Slice::Every => None,
        };
        Self { table: TableId(table.oid), slice, place }
    }
}

/// What a query asks for in one table.
#[derive(Debug)]
pub(super) enum Place {
    /// Any row.
    Anything,
    /// Rows with these values in these columns.
    Values { table: Arc<Table>, columns: Box<[usize]>, key: Box<[u8]> },
    /// No row at all: something must be equal to NULL.
    Nothing,
}

impl Place {
    /// Where a query belongs that asks for these values in a table's columns.
    pub(super) fn of(
        table: &Arc<Table>,
        equalities: &[(usize, &crate::expr::Expr)],
        context: &EvalContext,
    ) -> Result<Self> {
        if equalities.is_empty() {
            return Ok(Place::Anything);
        }
        let mut key = Vec::new();
        for (position, value) in equalities {
            let wanted = &table.storage.columns[*position].column_type;
            match fit(eval(value, context, &NoRow)?, wanted) {
                Some(value) => storage::key::encode_value(&value, &mut key),
                None => return Ok(Place::Nothing),
            }
        }
        let columns = equalities.iter().map(|(position, _)| *position).collect();
        Ok(Place::Values { table: table.clone(), columns, key: key.into() })
    }
}

impl Index {
    pub(super) fn add(&mut self, standing: &Standing, query: &Arc<LiveQuery>) {
        let queries = self.tables.entry(standing.table).or_default();
        match standing.slice {
            Some(slice) => queries.by_slice.entry(slice).or_default().add(&standing.place, query),
            None => queries.undivided.add(&standing.place, query),
        }
    }

    pub(super) fn remove(&mut self, standing: &Standing, query: &Arc<LiveQuery>) {
        let Some(queries) = self.tables.get_mut(&standing.table) else { return };
        match standing.slice {
            Some(slice) => {
                if let hash_map::Entry::Occupied(mut found) = queries.by_slice.entry(slice) {
                    found.get_mut().remove(&standing.place, query);
                    if found.get().is_empty() {
                        found.remove();
                    }
                }
            }
            None => queries.undivided.remove(&standing.place, query),
        }
        if queries.by_slice.is_empty() && queries.undivided.is_empty() {
            self.tables.remove(&standing.table);
        }
    }

    /// Calls `found` with each query that a change may concern; one may come twice.
    pub(super) fn find(&self, change: &Change, found: &mut dyn FnMut(&Arc<LiveQuery>)) {
        let Some(queries) = self.tables.get(&change.table) else { return };
        queries.undivided.find(change, found);
        // Only the rows of a table that has slices lie in one.
        if !queries.by_slice.is_empty()
            && let Some(own) = change.key.slice().and_then(|slice| queries.by_slice.get(&slice))
        {
            own.find(change, found);
        }
    }
}

impl RowQueries {
    fn is_empty(&self) -> bool {
        self.others.is_empty() && self.by_values.is_empty()
    }

    fn add(&mut self, place: &Place, query: &Arc<LiveQuery>) {
        match place {
            Place::Anything => self.others.push(query.clone()),
            Place::Nothing => {}
            Place::Values { table, columns, key } => {
                let set = match self.by_values.iter().position(|set| set.is_of(table, columns)) {
                    Some(at) => &mut self.by_values[at],
                    None => {
                        let (table, columns) = (table.clone(), columns.clone());
                        self.by_values.push(ColumnSet { table, columns, queries: FxHashMap::default() });
                        self.by_values.last_mut().expect("one was pushed just now")
                    }
                };
                set.queries.entry(key.clone()).or_default().push(query.clone());
            }
        }
    }

    fn remove(&mut self, place: &Place, query: &Arc<LiveQuery>) {
        let other = |known: &Arc<LiveQuery>| !Arc::ptr_eq(known, query);
        match place {
            Place::Anything => self.others.retain(other),
            Place::Nothing => {}
            Place::Values { table, columns, key } => {
                for set in self.by_values.iter_mut().filter(|set| set.is_of(table, columns)) {
                    if let hash_map::Entry::Occupied(mut found) = set.queries.entry(key.clone()) {
                        found.get_mut().retain(other);
                        if found.get().is_empty() {
                            found.remove();
                        }
                    }
                }
                self.by_values.retain(|set| !set.queries.is_empty());
            }
        }
    }

    fn find(&self, change: &Change, found: &mut dyn FnMut(&Arc<LiveQuery>)) {
        self.others.iter().for_each(&mut *found);
        for set in &self.by_values {
            let key = |image: &Option<bytes::Bytes>| image.as_ref().map(|bytes| set.key_of(change, bytes));
            let (old, new) = (key(&change.old), key(&change.new));
            for key in [&old, &new].into_iter().flatten() {
                match key {
                    Ok(Some(key)) => set.queries.get(&**key).into_iter().flatten().for_each(&mut *found),
                    Ok(None) => {}
                    // Whoever looks at the row itself will meet the same error.
                    Err(_) => set.queries.values().flatten().for_each(&mut *found),
                }
                if old.as_ref().is_some_and(|old| matches!((old, &new), (Ok(old), Some(Ok(new))) if old == new)) {
                    break;
                }
            }
        }
    }
}

impl ColumnSet {
    fn is_of(&self, table: &Table, columns: &[usize]) -> bool {
        *self.columns == *columns && self.table.storage.version == table.storage.version
    }

    /// The values of a row; None if one is NULL.
    fn key_of(&self, change: &Change, bytes: &bytes::Bytes) -> Result<Option<Vec<u8>>> {
        let row = StoredRow { key: change.key.clone(), bytes: bytes.clone() };
        let mut key = Vec::new();
        for position in &self.columns {
            match row.value(&self.table.storage, *position)?.to_owned() {
                Value::Null => return Ok(None),
                value => storage::key::encode_value(&value, &mut key),
            }
        }
        Ok(Some(key))
    }
}

#[cfg(test)]
mod tests;
