//! A stored table, as one statement reads it: from its snapshot, with the columns it uses.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Result as DfResult;
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use storage::{KeyRange, ReadView, RowIdentity, Slice, TableSchema};

use super::predicate::{self, Access};
use super::scan::{IndexNames, Output, ScanExec, ScanSource};
use super::weigh::is_narrow;
use crate::catalog::Table;
use crate::error::Result;
use crate::execute::failure::carried;
use crate::execute::lower::{IndexLookup, LateLookup, RowsOfIndex};
use crate::execute::query::QueryEnvironment;
use crate::plan::relation::Scan;

/// One scan's table.
pub(crate) struct StoredTable {
    name: String,
    indexes: Arc<IndexNames>,
    table: Arc<TableSchema>,
    /// The fields, one for each used column and then those of the row's identity.
    schema: SchemaRef,
    outputs: Vec<Output>,
    /// Name of a field to the column's position in the table.
    positions: HashMap<String, usize>,
    view: ReadView,
    environment: QueryEnvironment,
    /// Whether deleted rows that are kept are rows of it.
    sees_deleted: bool,
    /// Where all wanted rows are known to be, if not everywhere.
    lookup: Option<IndexLookup>,
    /// What finds that out from filters.
    late: Option<LateLookup>,
}

impl StoredTable {
    /// Reads what a scan asks for from the scan's table, or from a partition of it. `schema` has the fields of the scan's
    /// outputs, in order.
    pub(crate) fn new(
        table: &Table,
        scan: &Scan,
        schema: SchemaRef,
        view: ReadView,
        environment: &QueryEnvironment,
    ) -> Self {
        let mut outputs: Vec<Output> = scan.columns.iter().map(|(position, _)| Output::Column(*position)).collect();
        if scan.row_identity.is_some() {
            outputs.extend([Output::Key, Output::Version]);
        }
        outputs.extend(scan.system.numbered().map(|(column, _)| Output::System(column)));
        let positions = schema
            .fields()
            .iter()
            .zip(&outputs)
            .filter_map(|(field, output)| match output {
                Output::Column(position) => Some((field.name().clone(), *position)),
                Output::Key | Output::Version | Output::System(_) => None,
            })
            .collect();
        Self {
            name: table.name.clone(),
            indexes: Arc::new(index_names(table)),
            table: table.storage.clone(),
            schema,
            outputs,
            positions,
            view,
            environment: environment.clone(),
            sees_deleted: scan.sees_deleted.is_so(),
            lookup: None,
            late: None,
        }
    }

    /// The same, which finds its rows in part of an index, known now or once filters are, unless filters lead to fewer.
    pub(crate) fn found_by(mut self, lookup: Option<IndexLookup>, late: Option<LateLookup>) -> Self {
        (self.lookup, self.late) = (lookup, late);
        self
    }

    /// Where the rows are read that the filters leave.
    fn access(&self, filters: &[Expr]) -> DfResult<Access> {
        let position_of = |name: &str| self.position_of(name);
        let weigh = |ranges: &[KeyRange], expected: bool| {
            is_narrow(&self.view, &self.table, self.view.approximate_entries(ranges)?, expected)
        };
        let (access, is_pinned) = predicate::access(filters, &self.table, &position_of, &weigh).map_err(carried)?;
        if is_pinned {
            return Ok(access);
        }
        let late = match (&self.lookup, &self.late) {
            (None, Some(late)) => late.find(filters, &position_of).map_err(carried)?,
            _ => None,
        };
        let whole = matches!(&access, Access::Rows(ranges) if ranges.as_slice() == [self.table.rows()]);
        Ok(match self.lookup.as_ref().or(late.as_ref()) {
            Some(lookup)
                if (whole || matches!(lookup.rows, RowsOfIndex::Items(_)))
                    && self.is_worth_it(lookup).map_err(carried)? =>
            {
                lookup.access()
            }
            _ => access,
        })
    }

    fn is_worth_it(&self, lookup: &IndexLookup) -> Result<bool> {
        let entries = match (&lookup.rows, self.table.indexes.get(lookup.index)) {
            (RowsOfIndex::Range(range), _) => self.view.approximate_entries(std::slice::from_ref(range))?,
            (RowsOfIndex::Items(query), Some(index)) => self.view.approximate_items(&self.table, index, query)?,
            (RowsOfIndex::Items(_), None) => return Ok(false),
        };
        is_narrow(&self.view, &self.table, entries, true)
    }

    /// Whether a filter says something of where the rows are that it leaves.
    pub(super) fn is_told(&self, filter: &Expr) -> bool {
        let position_of = |name: &str| self.position_of(name);
        predicate::is_condition(filter, &self.table, &position_of)
            || self.late.as_ref().is_some_and(|late| late.reads(filter, &position_of))
    }

    /// About how many rows the table has, if that is known.
    pub(crate) fn approximate_rows(&self) -> Option<u64> {
        // How many rows others have says nothing of one's own.
        let is_whole = !matches!(self.table.slice, Slice::One(_));
        is_whole.then(|| self.environment.approximate_rows(self.table.generation)).flatten()
    }

    /// The fields that tell rows apart, for each of the table's keys all of whose columns are read.
    pub(crate) fn keys(&self) -> Vec<Vec<&str>> {
        // Users may have rows with the same keys.
        if !self.table.slice.is_definite() {
            return Vec::new();
        }
        let name_of = |position: usize| {
            self.positions.iter().find(|(_, known)| **known == position).map(|(name, _)| name.as_str())
        };
        let primary = match &self.table.identity {
            RowIdentity::PrimaryKey(key) => Some(key.clone()),
            RowIdentity::Hidden => None,
        };
        let unique = self.table.indexes.iter().filter(|index| index.unique && index.condition.is_none());
        let unique = unique.map(|index| index.columns.iter().map(|column| column.column).collect());
        let keys = primary.into_iter().chain(unique);
        keys.filter_map(|key| key.into_iter().map(name_of).collect()).collect()
    }

    /// The position in the table of the column that a field holds.
    pub(super) fn position_of(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }
}

impl IndexLookup {
    fn access(&self) -> Access {
        let index = self.index;
        match &self.rows {
            RowsOfIndex::Range(range) => Access::Index { index, ranges: vec![range.clone()] },
            RowsOfIndex::Items(query) => Access::Items { index, query: query.clone() },
        }
    }
}

fn index_names(table: &Table) -> IndexNames {
    let primary = table.indexes.iter().find(|index| index.primary);
    IndexNames {
        primary: primary.map(|index| index.name.clone()),
        others: table.secondary_indexes().map(|index| index.name.clone()).collect(),
    }
}

impl fmt::Debug for StoredTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTable").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| {
                if self.is_told(filter) {
                    TableProviderFilterPushDown::Inexact
                } else {
                    TableProviderFilterPushDown::Unsupported
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let (schema, outputs) = match projection {
            Some(projection) => (
                Arc::new(self.schema.project(projection)?),
                projection.iter().map(|&position| self.outputs[position]).collect(),
            ),
            None => (self.schema.clone(), self.outputs.clone()),
        };
        let everything = self.table.rows();
        let access = self.access(filters)?;
        let whole = matches!(&access, Access::Rows(ranges) if ranges.as_slice() == [everything]);
        let rows = self.approximate_rows();
        let stamp = self.environment.generation_stamp(self.table.generation);
        let (name, table, view) = (self.name.clone(), self.table.clone(), self.view.clone());
        let indexes = self.indexes.clone();
        let asked = predicate::value_ranges(filters, &table, &|name| self.position_of(name));
        let source = ScanSource { name, indexes, table, view, outputs, stamp, limit, asked, trash: false };
        let deleted = self.sees_deleted.then(|| {
            let source = ScanSource { trash: true, ..source.clone() };
            let everything = Access::Rows(vec![self.table.rows()]);
            Arc::new(ScanExec::new(source, schema.clone(), everything, 1, None)) as Arc<dyn ExecutionPlan>
        });
        // A query that stops after a few rows must not start reading everywhere.
        let parts = if limit.is_some() { 1 } else { self.environment.threads() };
        let rows = rows.filter(|_| whole);
        let live = Arc::new(ScanExec::new(source, schema, access, parts, rows));
        match deleted {
            Some(deleted) => UnionExec::try_new(vec![live, deleted]),
            None => Ok(live),
        }
    }
}
