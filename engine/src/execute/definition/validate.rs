//! Trying a new rule on the rows that are there.
//!
//! The caller holds a table lock that keeps writers out, so the newest state is what counts, whatever the transaction's
//! snapshot shows.

use storage::kv::Direction;
use storage::{ConflictOn, Duplicate, KeyRange, SliceId, Value};

use super::DefinitionEnvironment;
use super::constraint::BoundCheck;
use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use crate::execute::point::StoredSource;
use crate::execute::write::{index_key_text, tells_rows};
use crate::expr::eval::eval;
use crate::function::EvalContext;

/// Rows that are tried between two looks at the clock of the scheduler.
pub(super) const ROWS_AT_A_TIME: usize = 1024;

impl DefinitionEnvironment<'_> {
    /// Whether the table has any row.
    pub(super) fn has_rows(&self, table: &Table) -> Result<bool> {
        let range = KeyRange::generation(table.storage.generation);
        let view = self.transaction.newest_view();
        Ok(!view.scan(&table.storage, &range, Direction::Forward).next(1)?.is_empty())
    }

    /// 23514 if a row makes the check false.
    pub(super) async fn validate_check(&mut self, table: &Table, check: &BoundCheck) -> Result<()> {
        let schema = &table.storage;
        let view = self.transaction.newest_view();
        let mut scan = view.scan(schema, &KeyRange::generation(schema.generation), Direction::Forward);
        let context = self.context_over(table);
        loop {
            let rows = scan.next(ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let source = StoredSource { row, schema, places: &check.places };
                let holds = eval(&check.condition, &context, &source);
                if holds.map_err(|error| self.discreet(table, error))? == Value::Bool(false) {
                    let message = format!(
                        "check constraint \"{}\" of relation \"{}\" is violated by some row",
                        check.name, table.name
                    );
                    return Err(Error::new(SqlState::CHECK_VIOLATION, message)
                        .with_table(self.schema_of(table), &table.name)
                        .with_constraint(&check.name));
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// 23502 if a row has NULL in a column, given by position.
    pub(super) async fn validate_not_null(&mut self, table: &Table, position: usize) -> Result<()> {
        let schema = &table.storage;
        let view = self.transaction.newest_view();
        let mut scan = view.scan(schema, &KeyRange::generation(schema.generation), Direction::Forward);
        loop {
            let rows = scan.next(ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                if row.value(schema, position)?.is_null() {
                    return Err(self.contains_null(table, position));
                }
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn contains_null(&self, table: &Table, position: usize) -> Error {
        let column = &table.columns[position].name;
        let message = format!("column \"{column}\" of relation \"{}\" contains null values", table.name);
        Error::new(SqlState::NOT_NULL_VIOLATION, message)
            .with_table(self.schema_of(table), &table.name)
            .with_column(column)
    }

    /// 23505 for a unique index that cannot be built.
    pub(super) fn not_unique(&self, table: &Table, duplicate: &Duplicate) -> Error {
        self.discreet(table, not_unique(table, self.schema_of(table), duplicate, self.context))
    }

    /// 23505 if rows share a key of a deferrable constraint whose index was just built. Entries lie in the order of their
    /// keys, so those with the same key lie side by side.
    pub(super) async fn check_late_key(&mut self, table: &Table, built: &storage::IndexSchema) -> Result<()> {
        let index = table.indexes.iter().find(|index| index.generation == Some(built.generation));
        if !index.is_some_and(|index| index.deferrable) {
            return Ok(());
        }
        let schema = &table.storage;
        let range = storage::KeyRange::generation(built.generation);
        let view = self.transaction.newest_view();
        let mut scan = view.scan_index(schema, built, &range, Direction::Forward);
        let mut last: Option<(Option<SliceId>, Vec<Value>)> = None;
        loop {
            let rows = scan.next(ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let values = row.values(schema)?;
                let key: Vec<Value> = built.columns.iter().map(|column| values[column.column].clone()).collect();
                // In another slice the same key is another one.
                let key = (schema.slice_of(&row.key), key);
                let counts = !built.nulls_distinct || key.1.iter().all(|value| !value.is_null());
                if counts && last.as_ref() == Some(&key) {
                    let constraint = ConflictOn::Index(built.generation);
                    return Err(self.not_unique(table, &Duplicate { constraint, row: values }));
                }
                last = Some(key);
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn schema_of(&self, table: &Table) -> &str {
        let schemas = &self.catalog.as_ref().unwrap_or(&self.context.catalog).schemas;
        schemas.get(&table.schema).map_or("", |schema| schema.name.as_str())
    }
}

/// 23505 for a unique index over rows that were there before it.
pub(crate) fn not_unique(table: &Table, schema: &str, duplicate: &Duplicate, context: &EvalContext) -> Error {
    let index = table.indexes.iter().find(|index| match duplicate.constraint {
        ConflictOn::PrimaryKey => index.primary,
        ConflictOn::Index(generation) => index.generation == Some(generation),
    });
    let Some(index) = index else { return Error::internal("an index that nobody built has duplicates") };
    let error = Error::new(SqlState::UNIQUE_VIOLATION, format!("could not create unique index \"{}\"", index.name));
    let detail = match tells_rows(table, context) {
        true => format!("Key {} is duplicated.", index_key_text(table, index, &duplicate.row, context)),
        false => "Duplicate keys exist.".to_owned(),
    };
    error.with_detail(detail).with_table(schema, &table.name).with_constraint(&index.name)
}
