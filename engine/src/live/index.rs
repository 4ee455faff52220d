//! Which live queries a changed row may concern: found by the values that their filters ask for, without looking at the
//! others.
//!
//! A query whose filter says `column = value` stands under these columns and values, one that is run again too where it reads
//! the table; a row asks once for each set of columns that any query of its table has. All other queries of a table are asked
//! about each of its rows. Of a user table a query stands under the user's slice in any case: what others write costs it
//! nothing.

use std::collections::hash_map;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use storage::{Change, Slice, StoredRow, TableId, Value};

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

#[derive(Default)]
struct TableQueries {
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

/// What a query asks for in one table.
#[derive(Debug)]
pub(super) enum Place {
    /// Any row.
    Anything,
    /// Rows with these values in these columns, of the table's slice if it is cut to one.
    Values { table: Arc<Table>, columns: Box<[usize]>, key: Box<[u8]> },
    /// No row at all: something must be equal to NULL.
    Nothing,
}

impl Place {
    /// Where a query belongs that asks for these values in a table's columns.
    pub(super) fn of(table: &Arc<Table>, equalities: &[(usize, &crate::expr::Expr)], context: &EvalContext) -> Self {
        let mut key = match table.storage.slice {
            Slice::One(slice) => slice.0.to_be_bytes().to_vec(),
            Slice::Undivided | Slice::Every if equalities.is_empty() => return Place::Anything,
            Slice::Undivided | Slice::Every => Vec::new(),
        };
        for (position, value) in equalities {
            let wanted = &table.storage.columns[*position].column_type;
            match eval(value, context, &NoRow).map(|value| fit(value, wanted)) {
                Ok(Some(value)) => storage::key::encode_value(&value, &mut key),
                Ok(None) => return Place::Nothing,
                // The first row that is looked at meets the same error, and the client is told.
                Err(_) => return Place::Anything,
            }
        }
        let columns = equalities.iter().map(|(position, _)| *position).collect();
        Place::Values { table: table.clone(), columns, key: key.into() }
    }
}

impl Index {
    pub(super) fn add(&mut self, id: TableId, place: &Place, query: &Arc<LiveQuery>) {
        let queries = self.tables.entry(id).or_default();
        match place {
            Place::Anything => queries.others.push(query.clone()),
            Place::Nothing => {}
            Place::Values { table, columns, key } => {
                let set = match queries.by_values.iter().position(|set| set.is_of(table, columns)) {
                    Some(at) => &mut queries.by_values[at],
                    None => {
                        let (table, columns) = (table.clone(), columns.clone());
                        queries.by_values.push(ColumnSet { table, columns, queries: FxHashMap::default() });
                        queries.by_values.last_mut().expect("one was pushed just now")
                    }
                };
                set.queries.entry(key.clone()).or_default().push(query.clone());
            }
        }
    }

    pub(super) fn remove(&mut self, id: TableId, place: &Place, query: &Arc<LiveQuery>) {
        let Some(queries) = self.tables.get_mut(&id) else { return };
        let other = |known: &Arc<LiveQuery>| !Arc::ptr_eq(known, query);
        match place {
            Place::Anything => queries.others.retain(other),
            Place::Nothing => {}
            Place::Values { table, columns, key } => {
                for set in queries.by_values.iter_mut().filter(|set| set.is_of(table, columns)) {
                    if let hash_map::Entry::Occupied(mut found) = set.queries.entry(key.clone()) {
                        found.get_mut().retain(other);
                        if found.get().is_empty() {
                            found.remove();
                        }
                    }
                }
                queries.by_values.retain(|set| !set.queries.is_empty());
            }
        }
        if queries.others.is_empty() && queries.by_values.is_empty() {
            self.tables.remove(&id);
        }
    }

    /// Calls `found` with each query that a change may concern; one may come twice.
    pub(super) fn find(&self, change: &Change, found: &mut dyn FnMut(&Arc<LiveQuery>)) {
        let Some(queries) = self.tables.get(&change.table) else { return };
        queries.others.iter().for_each(&mut *found);
        for set in &queries.by_values {
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
        *self.columns == *columns
            && self.table.storage.version == table.storage.version
            && self.is_cut() == matches!(table.storage.slice, Slice::One(_))
    }

    /// Whether slices are parts of the keys.
    fn is_cut(&self) -> bool {
        matches!(self.table.storage.slice, Slice::One(_))
    }

    /// The slice, where it counts, and values of a row; None if one is NULL.
    fn key_of(&self, change: &Change, bytes: &bytes::Bytes) -> Result<Option<Vec<u8>>> {
        let mut key = Vec::new();
        if self.is_cut() {
            let Some(slice) = self.table.storage.slice_of(&change.key) else { return Ok(None) };
            key.extend_from_slice(&slice.0.to_be_bytes());
        }
        let row = StoredRow { key: change.key.clone(), bytes: bytes.clone() };
        for position in &self.columns {
            match row.value(&self.table.storage, *position)?.to_owned() {
                Value::Null => return Ok(None),
                value => storage::key::encode_value(&value, &mut key),
            }
        }
        Ok(Some(key))
    }
}
