//! The operator that reads registered files: each partition reads some of them, one after the other.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use super::asked::Asked;
use super::columns::{FileColumn, check, converted, read_as};
use super::unreadable;
use crate::error::{Error, Result};
use crate::execute::environment::WAITING_BATCHES;
use crate::execute::failure::carried;

pub(super) struct FilesExec {
    files: Vec<PathBuf>,
    columns: Arc<[FileColumn]>,
    schema: SchemaRef,
    asked: Option<Asked>,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl FilesExec {
    pub(super) fn new(
        files: Vec<PathBuf>,
        columns: Vec<FileColumn>,
        schema: SchemaRef,
        asked: Option<Asked>,
        limit: Option<usize>,
        threads: usize,
    ) -> Self {
        // A query that stops after a few rows must not start reading everywhere.
        let parts = if limit.is_some() { 1 } else { files.len().min(threads).max(1) };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(parts),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        let (columns, properties) = (columns.into(), Arc::new(properties));
        Self { files, columns, schema, asked, limit, properties, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl fmt::Debug for FilesExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesExec").field("files", &self.files).finish_non_exhaustive()
    }
}

impl DisplayAs for FilesExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parquet Scan ({} files)", self.files.len())
    }
}

impl ExecutionPlan for FilesExec {
    fn name(&self) -> &str {
        "FilesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let mut stream = RecordBatchReceiverStream::builder(self.schema.clone(), WAITING_BATCHES);
        let parts = self.properties.output_partitioning().partition_count();
        let reader = Reader {
            columns: self.columns.clone(),
            schema: self.schema.clone(),
            asked: self.asked.clone(),
            context,
            sender: stream.tx(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            left: self.limit.unwrap_or(usize::MAX),
        };
        let files: Vec<PathBuf> = self.files.iter().skip(partition).step_by(parts).cloned().collect();
        stream.spawn(async move { reader.read(files).await });
        Ok(stream.build())
    }
}

/// One partition being read.
struct Reader {
    columns: Arc<[FileColumn]>,
    schema: SchemaRef,
    asked: Option<Asked>,
    context: Arc<TaskContext>,
    sender: Sender<DfResult<RecordBatch>>,
    metrics: BaselineMetrics,
    /// Rows still wanted.
    left: usize,
}

impl Reader {
    async fn read(mut self, files: Vec<PathBuf>) -> DfResult<()> {
        for file in files {
            let schema = check(&file, &self.columns).map_err(carried)?;
            let mut rows = self.open(&file, &schema).map_err(carried)?;
            while let Some(batch) = rows.next().await {
                let batch = batch.map_err(|error| carried(unreadable(&file, error.find_root())))?;
                let batch = self.converted(batch).map_err(carried)?;
                self.left = self.left.saturating_sub(batch.num_rows());
                self.metrics.record_output(batch.num_rows());
                // Nobody listens any more when enough was read.
                if self.sender.send(Ok(batch)).await.is_err() || self.left == 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Begins to read the columns of a file.
    fn open(&self, file: &Path, schema: &Schema) -> Result<SendableRecordBatchStream> {
        let failed = |error: &dyn fmt::Display| unreadable(file, error);
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        let meta = ObjectMeta {
            location: ObjectPath::from_absolute_path(file).map_err(|error| failed(&error))?,
            last_modified: metadata.modified().map_err(|error| failed(&error))?.into(),
            size: metadata.len(),
            e_tag: None,
            version: None,
        };
        let read = read_as(&self.columns)?;
        let mut source = ParquetSource::new(read.clone());
        if let Some(asked) = self.asked.as_ref().filter(|asked| asked.suits(schema, &read)) {
            source = source.with_predicate(asked.predicate.clone()).with_pushdown_filters(true);
        }
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_file(PartitionedFile::new_from_meta(meta))
            .with_limit(Some(self.left).filter(|left| *left < usize::MAX))
            .build();
        DataSourceExec::from_data_source(config).execute(0, self.context.clone()).map_err(|error| failed(&error))
    }

    fn converted(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for ((array, column), field) in batch.columns().iter().zip(self.columns.iter()).zip(self.schema.fields()) {
            arrays.push(converted(array, column, field.data_type())?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let made = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        made.map_err(|error| Error::internal(format!("a file's columns are not what was asked for: {error}")))
    }
}
