//! What storage must know of a table, derived from what SQL knows of it.
//!
//! Columns, constraints and indexes are changed in the catalog's own terms; then the table is laid out again. Rows keep
//! the layout they were written under until their generation is replaced, so most changes rewrite nothing.

use std::sync::Arc;

use storage::{
    ColumnId, GenerationId, IndexSchema, Items, Layout, RowIdentity, SchemaVersion, Slice, TableId, TableSchema, Value,
};

use super::pg_catalog::{items_of, no_default_class, other_types};
use super::{AccessMethod, Constraint, ConstraintKind, Index, IndexColumn, Table};
use crate::error::{Error, Result, SqlState};
use crate::types::column_type;

const FIRST_VERSION: SchemaVersion = SchemaVersion(1);

/// Storage's view of a table that has no columns yet.
pub(crate) fn empty_storage(table: u32, generation: GenerationId) -> Arc<TableSchema> {
    Arc::new(TableSchema {
        table: TableId(table),
        generation,
        version: FIRST_VERSION,
        columns: Vec::new(),
        identity: RowIdentity::Hidden,
        slice: Slice::Undivided,
        stream: None,
        indexes: Vec::new(),
        layouts: Vec::new(),
        cache: Default::default(),
        derived: Default::default(),
    })
}

impl Table {
    /// Makes `storage` agree with columns, constraints and indexes. The table's contents are those of `generation`: if
    /// it is a new one, all its rows will have the new layout. `missing` says what older rows hold in a new column, by
    /// attribute number.
    pub(crate) fn lay_out(&mut self, generation: GenerationId, missing: &[(u16, Value)]) -> Result<()> {
        let before = &self.storage;
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let id = ColumnId(column.number);
            let given = missing.iter().find(|(number, _)| *number == column.number).map(|(_, value)| value);
            let kept = before.columns.iter().find(|old| old.id == id).map(|old| &old.missing);
            let missing = given.or(kept).cloned().unwrap_or_default();
            columns.push(storage::Column { id, column_type: column_type(column.ty)?, missing });
        }
        let slots = columns.iter().map(|column| (column.id, column.column_type.clone())).collect();
        let (version, layouts) = next_layout(before, generation, slots)?;
        let (identity, slice) = (self.identity()?, self.class.whole());
        let known = before.stream.as_ref().filter(|_| before.generation == generation);
        let stream = self.stream_rule(known.map(|rule| rule.bucket_us));
        let index = |index| Ok(IndexSchema { slice, ..self.index_schema(index)? });
        let indexes = self.secondary_indexes().map(index).collect::<Result<_>>()?;
        self.storage = Arc::new(TableSchema {
            table: TableId(self.oid),
            generation,
            version,
            columns,
            identity,
            slice,
            stream,
            indexes,
            layouts,
            cache: Default::default(),
            derived: Default::default(),
        });
        Ok(())
    }

    /// The indexes that have entries of their own: all but the primary key's, and those that nobody may rely on.
    pub(crate) fn secondary_indexes(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| !index.primary && index.valid)
    }

    /// The columns of the primary key, by attribute number and in key order.
    pub(crate) fn primary_key(&self) -> Option<&[u16]> {
        self.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } => Some(columns.as_slice()),
            _ => None,
        })
    }

    /// The same, if it is what rows lie under: a deferrable one has an index like any other, and one of a partitioned table
    /// may not be that of every partition yet.
    pub(crate) fn row_key(&self) -> Option<&[u16]> {
        let incomplete = |oid: u32| self.indexes.iter().any(|index| index.oid == oid && !index.valid);
        let usual = |constraint: &&Constraint| match constraint.kind {
            ConstraintKind::PrimaryKey { index, .. } => constraint.deferrable.is_none() && !incomplete(index),
            _ => false,
        };
        self.constraints.iter().find(usual).map(|constraint| constraint.kind.key_columns())
    }

    /// How storage sees one of the indexes.
    pub(crate) fn index_schema(&self, index: &Index) -> Result<IndexSchema> {
        let generation = index
            .generation
            .ok_or_else(|| Error::internal(format!("index {} has no entries of its own", index.name)))?;
        let mut columns = Vec::with_capacity(index.columns.len());
        // Behind the columns lies what the indexes before this one see, then its own.
        let before = self.secondary_indexes().take_while(|other| other.oid != index.oid);
        let mut derived = self.columns.len() + before.map(|other| other.derivations().count()).sum::<usize>();
        for column in &index.columns {
            let place = match column.expression {
                Some(_) => {
                    derived += 1;
                    derived - 1
                }
                None => self.place(column.number)?,
            };
            let items = match index.method {
                AccessMethod::Gin => Some(self.items(column)?),
                AccessMethod::Btree | AccessMethod::Hash | AccessMethod::Brin => None,
            };
            columns.push(storage::IndexColumn {
                column: place,
                descending: column.descending,
                nulls_first: column.nulls_first,
                items,
            });
        }
        let condition = index.predicate.as_ref().map(|_| derived);
        let (unique, nulls_distinct) = (index.unique && !index.deferrable, index.nulls_distinct);
        Ok(IndexSchema { generation, columns, unique, nulls_distinct, condition, slice: self.storage.slice })
    }

    /// The errors of [`Table::lay_out`] that the types of expressions may bring later than that.
    pub(crate) fn check_items(&self) -> Result<()> {
        let of_items = self.secondary_indexes().filter(|index| index.method == AccessMethod::Gin);
        of_items.flat_map(|index| &index.columns).try_for_each(|column| self.items(column).map(drop))
    }

    /// What of a column's values has entries in an index of items. 42704 and 42804 for values that have none, as they may
    /// be when the column takes another type.
    fn items(&self, column: &IndexColumn) -> Result<Items> {
        let ty = match &column.expression {
            Some(expression) => expression.ty,
            None => self.columns[self.place(column.number)?].ty,
        };
        let class = column.class.as_deref();
        items_of(class, ty.oid).ok_or_else(|| match class {
            Some(class) => other_types(class, ty),
            None => no_default_class(AccessMethod::Gin, ty),
        })
    }

    fn identity(&self) -> Result<RowIdentity> {
        match self.row_key() {
            Some(numbers) => {
                Ok(RowIdentity::PrimaryKey(numbers.iter().map(|number| self.place(*number)).collect::<Result<_>>()?))
            }
            None => Ok(RowIdentity::Hidden),
        }
    }

    /// The position of a column that a key names.
    pub(crate) fn place(&self, number: u16) -> Result<usize> {
        self.position_of_number(number)
            .ok_or_else(|| Error::internal(format!("a key of table {} names a column that is gone", self.name)))
    }
}

/// The version and layouts of a table whose rows now have these slots.
fn next_layout(
    before: &TableSchema,
    generation: GenerationId,
    slots: Vec<(ColumnId, storage::ColumnType)>,
) -> Result<(SchemaVersion, Vec<Layout>)> {
    if generation != before.generation || before.layouts.is_empty() {
        return Ok((FIRST_VERSION, vec![Layout { version: FIRST_VERSION, slots }]));
    }
    let current = before.layouts.iter().find(|layout| layout.version == before.version);
    if current.is_some_and(|layout| layout.slots == slots) {
        return Ok((before.version, before.layouts.clone()));
    }
    let newest = before.layouts.iter().map(|layout| layout.version.0).max().unwrap_or_default();
    let version = newest.checked_add(1).map(SchemaVersion).ok_or_else(|| {
        Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "the table's columns were changed too often")
            .with_hint("Copy its rows into a new table.")
    })?;
    let mut layouts = before.layouts.clone();
    layouts.push(Layout { version, slots });
    Ok((version, layouts))
}
