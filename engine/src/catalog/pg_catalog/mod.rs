//! PostgreSQL's system relations, computed from the catalog.
//!
//! `columns` says which relations there are, with PostgreSQL's own oids, column numbers and types; they stand in the
//! catalog as tables of kind `System`, and nothing of them is stored. A scan asks [`rows`], which computes all rows of
//! a relation from the catalog as the statement sees it: `schema`, `class`, `constraint`, `types`, `routine` and
//! `role` each know a few relations, `view` those that PostgreSQL defines as views, `fixed` those whose rows never
//! change, `statistics` and `usage` what is going on, and `information_schema`, `standard` and `standard_views` the
//! standard's schema. `definition` writes objects back as SQL.

use std::cell::Cell;
use std::sync::{Arc, LazyLock};

use auth::Principal;
use storage::{GenerationId, Slice, Value};

use super::{Catalog, Change, Role, Schema, Table, TableColumn};
use crate::error::{Error, Result};
use crate::function::EvalContext;
use crate::types::oid;
use crate::types::text::{numbered_from_zero, registered_name};

mod absent;
mod class;
mod columns;
mod comment;
mod constraint;
pub(crate) mod definition;
pub(crate) mod expression;
mod extension;
mod fixed;
mod information_schema;
mod operator_class;
pub(crate) mod partition;
mod policy;
mod relation;
mod role;
pub(crate) mod routine;
mod schema;
mod sequence;
mod standard;
mod standard_views;
mod statistics;
pub(crate) mod system;
#[cfg(test)]
mod tests;
mod text_search;
pub(crate) mod trigger;
pub(crate) mod type_io;
mod types;
mod usage;
mod view;
pub(crate) mod view_text;
mod views;

pub(crate) use class::default_oid;
pub(crate) use comment::comment_on;
pub(crate) use information_schema::{Extent, extent, interval_fields};
pub(crate) use policy::PG_POLICY;
use relation::Source;
pub(crate) use relation::{Kind, Relation};
pub(crate) use system::SYSTEM;
pub(crate) use view::rule_oid;

/// `pg_catalog`, which holds everything built in.
pub(crate) use fixed::{COLLATIONS, collation_name, collation_named};
pub(crate) use operator_class::{ClassFor, class_for, has_default_class, items_of, no_default_class, other_types};
pub(crate) use types::collation_of_type;

pub(crate) const PG_CATALOG: u32 = 11;
pub(crate) const INFORMATION_SCHEMA: u32 = 13207;
/// The owner of everything built in.
pub(crate) const BOOTSTRAP_ROLE: u32 = 10;

/// What rows are computed from.
pub(crate) struct Reader<'a> {
    pub(crate) context: &'a EvalContext,
    pub(crate) catalog: &'a Catalog,
    /// About how many rows a generation holds.
    pub(crate) row_count: &'a dyn Fn(GenerationId) -> Option<u64>,
    /// Why the rows are not all there: something could not be read.
    failure: Cell<Option<Error>>,
}

impl<'a> Reader<'a> {
    /// About how many rows a table holds, if that is known and whoever asks may know: of tables of each user's own rows
    /// the number would tell of others.
    fn rows_of(&self, table: &Table) -> Option<u64> {
        let session = &self.context.session;
        let may_know = || {
            let viewer = Principal::resolve(session.current_role, session.current_user.as_str(), self.catalog);
            table.counted_for(&viewer) == Slice::Every
        };
        if !table.is_divided() || may_know() { (self.row_count)(table.storage.generation) } else { None }
    }

    /// Every role. None comes behind one that cannot be read, for which the whole answer then fails.
    fn roles(&self) -> impl Iterator<Item = Arc<Role>> {
        self.catalog.roles.values().map_while(|found| self.unless_failed(found))
    }

    /// What was read; None if it could not be, for which the whole answer then fails.
    fn unless_failed<T>(&self, found: Result<T>) -> Option<T> {
        found.map_err(|error| self.failure.set(Some(error))).ok()
    }

    /// The relations that are listed.
    fn tables(&self) -> impl Iterator<Item = &'a Arc<Table>> + use<'a> {
        self.catalog.tables.values().filter(|table| system::is_listed(table.schema))
    }

    /// The schemas that are listed.
    fn schemas(&self) -> impl Iterator<Item = &'a Arc<Schema>> + use<'a> {
        self.catalog.schemas.values().filter(|schema| system::is_listed(schema.oid))
    }

    /// A column's default as it is shown.
    fn default_written(&self, table: &Table, column: &TableColumn) -> Option<String> {
        let text = self.default_of(column)?;
        Some(expression::default_of(self.context, table, column, &text, false))
    }

    /// A column's default as SQL, with names as the search path shows them.
    fn default_of(&self, column: &TableColumn) -> Option<String> {
        let path = &self.context.session.search_path;
        column.default_shown(|oid| registered_name(oid, crate::types::oid::REGCLASS, Some((self.catalog, path))))
    }
}

static TABLES: LazyLock<Vec<Arc<Table>>> =
    LazyLock::new(|| relations().map(|relation| Arc::new(relation.table())).collect());

impl Catalog {
    /// Adds the relations that are computed.
    pub(crate) fn add_system_relations(&mut self) {
        self.apply(&Change::Schema(SYSTEM, Some(Arc::new(system::schema()))));
        for table in TABLES.iter() {
            self.apply(&Change::Table(table.oid, Some(table.clone())));
        }
    }
}

fn relations() -> impl Iterator<Item = &'static Relation> {
    columns::RELATIONS
        .iter()
        .chain(absent::RELATIONS)
        .chain(statistics::RELATIONS)
        .chain(usage::RELATIONS)
        .chain(views::RELATIONS)
        .chain(standard_views::RELATIONS)
        .chain(system::RELATIONS)
}

/// The system relation of that oid.
pub(crate) fn relation(oid: u32) -> Option<&'static Relation> {
    relations().find(|relation| relation.oid == oid)
}

/// Numbers the elements of `int2vector` and `oidvector` from zero.
fn number_vectors(table: &Table, rows: &mut [Vec<Value>]) {
    for (at, column) in table.columns.iter().enumerate() {
        if !matches!(column.ty.oid, oid::INT2VECTOR | oid::OIDVECTOR) {
            continue;
        }
        for row in rows.iter_mut() {
            if let Some(Value::Array(array)) = row.get_mut(at) {
                let values = std::mem::take(&mut array.values);
                **array = numbered_from_zero(array.element.clone(), values);
            }
        }
    }
}

/// Every row of a system relation, its columns in the order of the table's.
pub(crate) fn rows(
    table: &Table,
    context: &EvalContext,
    row_count: &dyn Fn(GenerationId) -> Option<u64>,
) -> Result<Vec<Vec<Value>>> {
    let Some(Relation { source: Source::Rows(compute), .. }) = relation(table.oid) else {
        return Err(Error::internal(format!("nobody computes the rows of {}", table.name)));
    };
    let reader = Reader { context, catalog: &context.catalog, row_count, failure: Cell::new(None) };
    let mut rows = compute(&reader);
    if let Some(error) = reader.failure.take() {
        return Err(error);
    }
    number_vectors(table, &mut rows);
    debug_assert!(rows.iter().all(|row| row.len() == table.columns.len()), "rows of {}", table.name);
    Ok(rows)
}
