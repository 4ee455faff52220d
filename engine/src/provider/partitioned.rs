//! A partitioned table, as one statement reads it: the rows of those of its leaves that the conditions leave.
//!
//! This is the one place where a scan becomes a union. It is also where partitions are left out: parameters are values
//! by now, so a prepared statement reads no more of them than one with constants.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Result as DfResult;
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use storage::{ReadView, TableSchema};

use super::predicate;
use super::table::StoredTable;
use crate::catalog::Table;
use crate::catalog::partition::PartitionTree;
use crate::execute::lower::LateLookup;
use crate::execute::query::QueryEnvironment;
use crate::plan::relation::Scan;

/// One scan's partitioned table.
pub(crate) struct PartitionedTable {
    name: String,
    /// The partitioned table itself, whose columns are those of its partitions.
    table: Arc<TableSchema>,
    schema: SchemaRef,
    tree: Arc<PartitionTree>,
    /// In the order of the tree's leaves.
    leaves: Vec<StoredTable>,
}

impl PartitionedTable {
    /// `schema` has the fields of the scan's outputs, in order; `late` is what looks for rows of a leaf in its indexes.
    pub(crate) fn new(
        tree: &Arc<PartitionTree>,
        scan: &Scan,
        schema: &SchemaRef,
        view: &ReadView,
        environment: &QueryEnvironment,
        late: &dyn Fn(&Arc<Table>) -> Option<LateLookup>,
    ) -> Self {
        let leaf = |table: &Arc<Table>| {
            StoredTable::new(table, scan, schema.clone(), view.clone(), environment).found_by(None, late(table))
        };
        Self {
            name: scan.table.name.clone(),
            table: scan.table.storage.clone(),
            schema: schema.clone(),
            tree: tree.clone(),
            leaves: tree.leaves().iter().map(leaf).collect(),
        }
    }

    /// The position of a field's column, the same in all leaves.
    fn position_of(&self, name: &str) -> Option<usize> {
        self.leaves.first()?.position_of(name)
    }
}

impl fmt::Debug for PartitionedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionedTable").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for PartitionedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        let told = |filter: &&Expr| {
            if predicate::is_condition(filter, &self.table, &|name| self.position_of(name))
                || self.leaves.iter().any(|leaf| leaf.is_told(filter))
            {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(told).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let bounds = predicate::bounds(filters, &self.table, &|name| self.position_of(name));
        let mut scans = Vec::new();
        for leaf in self.tree.prune(&|position| bounds[position].known()) {
            let leaf = &self.leaves[leaf];
            scans.push(leaf.scan(state, projection, filters, limit).await?);
        }
        match scans.len() {
            0 => {
                let schema = match projection {
                    Some(projection) => Arc::new(self.schema.project(projection)?),
                    None => self.schema.clone(),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(scans.swap_remove(0)),
            _ => UnionExec::try_new(scans),
        }
    }
}
