//! Registered files: Parquet that others have written, read where it lies.
//!
//! A registered table knows a pattern of paths and its columns by name and type. Which files there are is looked up by each
//! query, and every file must have those columns; DataFusion's own Parquet source reads them. A file that is damaged or
//! has other columns fails the queries that meet it, and is named.

mod asked;
mod columns;
mod exec;
mod find;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::Result as DfResult;
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

pub(crate) use columns::{FileColumn, columns_of};
pub(crate) use find::{check_pattern, files_of};

use crate::error::{Error, Result, SqlState};
use crate::execute::failure::carried;
use crate::execute::query::QueryEnvironment;
use crate::plan::relation::Scan;
use asked::{Asked, is_asked};
use columns::read_as;
use exec::FilesExec;

/// One scan's registered table.
pub(crate) struct RegisteredTable {
    pattern: String,
    /// One for each field of the schema.
    columns: Vec<FileColumn>,
    schema: SchemaRef,
    threads: usize,
}

impl RegisteredTable {
    /// `schema` has the fields of the scan's outputs, in order.
    pub(crate) fn new(pattern: &str, scan: &Scan, schema: SchemaRef, environment: &QueryEnvironment) -> Result<Self> {
        if scan.row_identity.is_some() {
            return Err(Error::unsupported("locking rows of a registered table"));
        }
        let columns = scan.columns.iter().map(|(position, _)| {
            let column = &scan.table.columns[*position];
            FileColumn { name: column.name.clone(), ty: column.ty }
        });
        Ok(Self { pattern: pattern.to_owned(), columns: columns.collect(), schema, threads: environment.threads() })
    }

    /// The column of files that a field holds as they have it, and its type.
    fn in_files(&self, name: &str) -> Option<(String, DataType)> {
        let at = self.schema.index_of(name).ok()?;
        let column = self.columns.get(at)?;
        let read = read_as(std::slice::from_ref(column)).ok()?;
        let read = read.field(0).data_type();
        (read == self.schema.field(at).data_type()).then(|| (column.name.clone(), read.clone()))
    }
}

impl fmt::Debug for RegisteredTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredTable").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for RegisteredTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match is_asked(filter, &|name| self.in_files(name)) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let (schema, columns) = match projection {
            Some(projection) => (
                Arc::new(self.schema.project(projection)?),
                projection.iter().map(|&at| self.columns[at].clone()).collect(),
            ),
            None => (self.schema.clone(), self.columns.clone()),
        };
        let read = read_as(&columns).map_err(carried)?;
        // A condition is about columns that are read: it stays in the plan, above.
        let in_files = |name: &str| self.in_files(name).filter(|(name, _)| read.index_of(name).is_ok());
        let asked = Asked::of(filters, &read, &in_files, state)?;
        let files = files_of(&self.pattern).map_err(carried)?;
        Ok(Arc::new(FilesExec::new(files, columns, schema, asked, limit, self.threads)))
    }
}

/// XX001 for a file that cannot be read as what it should be.
pub(super) fn unreadable(path: &std::path::Path, reason: impl fmt::Display) -> Error {
    let message = format!("could not read file \"{}\": {reason}", path.display());
    Error::new(SqlState::DATA_CORRUPTED, message)
}
