//! The operator that reads a stored table: each partition walks its key ranges and sends batches through a short channel.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    ArrayRef, AsArray, BinaryBuilder, BinaryViewArray, BooleanArray, Int64Array, UInt64Builder,
};
use datafusion::arrow::datatypes::{DataType, SchemaRef, UInt64Type};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result as DfResult, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use storage::kv::Direction;
use storage::segment::ValueRange;
use storage::{CommitSeq, FixedPoint, ItemQuery, KeyRange, ReadView, RowDecoder, RowKey, StoredRow, TableSchema};
use tokio::sync::mpsc::Sender;

use super::predicate::Access;
use crate::error::{Error, Result};
use crate::execute::environment::{BATCH_ROWS, WAITING_BATCHES};
use crate::execute::failure::{carried, failure};
use crate::plan::system_column::SystemColumn;

/// A column that a scan answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Of the table, by position.
    Column(usize),
    /// The row's key.
    Key,
    /// The commit sequence of the row's version.
    Version,
    /// What else a row has.
    System(SystemColumn),
}

/// What a table's indexes are called, for those who ask how a query is run.
#[derive(Debug, Default)]
pub(super) struct IndexNames {
    pub(super) primary: Option<String>,
    pub(super) others: Vec<String>,
}

/// What all partitions read from.
#[derive(Clone)]
pub(super) struct ScanSource {
    pub(super) name: String,
    /// The names of its indexes: of the one on its key, if it has one, and of the others in the table's order.
    pub(super) indexes: Arc<IndexNames>,
    pub(super) table: Arc<TableSchema>,
    pub(super) view: ReadView,
    pub(super) outputs: Vec<Output>,
    /// Commit and time of rows that carry none of their own.
    pub(super) stamp: Option<(CommitSeq, i64)>,
    /// Whether it is the deleted rows that are read.
    pub(super) trash: bool,
    /// No more rows than this are wanted.
    pub(super) limit: Option<usize>,
    /// Rows with other values need not come.
    pub(super) asked: Vec<ValueRange>,
}

impl ScanSource {
    /// A scan of one of its indexes, for those who ask how a query is run.
    fn shown_scan(&self, index: usize, part: &str) -> String {
        let name = self.indexes.others.get(index).map_or("an index", String::as_str);
        let (_, all) = self.view.segments_near(&self.table, &[]);
        format!("Index Scan using {name} on {}, {part}, segments=by key of {all}", self.name)
    }
}

/// What one partition reads.
#[derive(Debug, Clone)]
enum Part {
    Rows(Vec<KeyRange>),
    Index(usize, Vec<KeyRange>),
    Items(usize, ItemQuery),
}

pub(super) struct ScanExec {
    source: Arc<ScanSource>,
    schema: SchemaRef,
    parts: Vec<Part>,
    rows: Option<u64>,
    access: String,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanExec {
    /// `rows`: about how many there are, if known.
    pub(super) fn new(source: ScanSource, schema: SchemaRef, access: Access, parts: usize, rows: Option<u64>) -> Self {
        let (display, parts) = match access {
            Access::Rows(ranges) => {
                let whole = ranges.as_slice() == [source.table.rows()];
                let display = if source.trash {
                    format!("Trash Scan on {}", source.name)
                } else {
                    let (near, all) = source.view.segments_near(&source.table, &ranges);
                    let way = match &source.indexes.primary {
                        _ if whole => "Seq Scan".to_owned(),
                        Some(index) => format!("Key Scan using {index}"),
                        None => "Key Scan".to_owned(),
                    };
                    let ranges = if whole { String::new() } else { format!(", ranges={}", ranges.len()) };
                    format!("{way} on {}{ranges}, segments={near} of {all}", source.name)
                };
                (display, partitions(&source, ranges, parts))
            }
            Access::Index { index, ranges } => {
                let display = source.shown_scan(index, &format!("ranges={}", ranges.len()));
                (display, vec![Part::Index(index, ranges)])
            }
            Access::Items { index, query } => {
                let display = source.shown_scan(index, &format!("items={}", query.items()));
                (display, vec![Part::Items(index, query)])
            }
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            access: display,
            source: Arc::new(source),
            schema,
            parts,
            rows,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// A wide range is split for the threads; many points are dealt out; there is at least one partition.
fn partitions(source: &ScanSource, ranges: Vec<KeyRange>, parts: usize) -> Vec<Part> {
    if let [range] = ranges.as_slice() {
        let split = source.view.split(&source.table, range, parts.max(1));
        if split.len() > 1 {
            return split.into_iter().map(|range| Part::Rows(vec![range])).collect();
        }
    }
    vec![Part::Rows(ranges)]
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanExec").field("table", &self.source.name).field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.access)?;
        if let Some(limit) = self.source.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ScanExec"
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

    fn partition_statistics(&self, partition: Option<usize>) -> DfResult<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        if let Some(rows) = self.rows {
            let share = if partition.is_some() { self.parts.len().max(1) as u64 } else { 1 };
            statistics.num_rows = Precision::Inexact(usize::try_from(rows / share).unwrap_or(usize::MAX));
        }
        Ok(Arc::new(statistics))
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let part = self.parts.get(partition).cloned().ok_or_else(|| carried(Error::internal("no such partition")))?;
        let mut stream = RecordBatchReceiverStream::builder(self.schema.clone(), WAITING_BATCHES);
        let reader = Reader {
            source: self.source.clone(),
            schema: self.schema.clone(),
            sender: stream.tx(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            left: self.source.limit.unwrap_or(usize::MAX),
        };
        // Reading blocks its thread, but never for longer than a batch: the threads are the queries' own.
        stream.spawn(async move { reader.read(part).await });
        Ok(stream.build())
    }
}

/// One partition being read.
struct Reader {
    source: Arc<ScanSource>,
    schema: SchemaRef,
    sender: Sender<DfResult<RecordBatch>>,
    metrics: BaselineMetrics,
    /// Rows still wanted.
    left: usize,
}

impl Reader {
    async fn read(mut self, part: Part) -> DfResult<()> {
        match part {
            Part::Rows(ranges) => {
                for range in &ranges {
                    if !self.read_rows(range).await? {
                        break;
                    }
                }
            }
            Part::Index(index, ranges) => {
                for range in &ranges {
                    if !self.read_index(index, range).await? {
                        break;
                    }
                }
            }
            Part::Items(index, query) => self.read_items(index, &query).await?,
        }
        Ok(())
    }

    fn positions(&self) -> Vec<usize> {
        let column = |output: &Output| match output {
            Output::Column(position) => Some(*position),
            Output::Key | Output::Version | Output::System(_) => None,
        };
        self.source.outputs.iter().filter_map(column).collect()
    }

    /// For each of these columns the fixed point of the decimals that it is to be.
    fn fixed(&self) -> Vec<Option<FixedPoint>> {
        let columns = self.schema.fields().iter().zip(&self.source.outputs);
        let columns = columns.filter(|(_, output)| matches!(output, Output::Column(_)));
        columns
            .map(|(field, _)| match field.data_type() {
                DataType::Decimal128(precision, scale) => {
                    u8::try_from(*scale).ok().map(|scale| FixedPoint { precision: *precision, scale })
                }
                _ => None,
            })
            .collect()
    }

    fn has_identity(&self) -> bool {
        let is_of_key =
            |output: &Output| matches!(output, Output::Key | Output::Version | Output::System(SystemColumn::User));
        self.source.outputs.iter().any(is_of_key)
    }

    fn has_stamps(&self) -> bool {
        let is_stamp = |output: &Output| matches!(output, Output::System(SystemColumn::Seq | SystemColumn::Updated));
        self.source.outputs.iter().any(is_stamp)
    }

    /// False: nothing more is wanted.
    async fn read_rows(&mut self, range: &KeyRange) -> DfResult<bool> {
        let (positions, identity) = (self.positions(), self.has_identity());
        let ScanSource { view, table, .. } = self.source.as_ref();
        let mut scan = match self.source.trash {
            true => view.scan_trash(table, &positions, identity),
            false => view.scan_batches(table, range, &positions, identity).asked(&self.source.asked),
        };
        scan = scan.with_fixed(&self.fixed());
        let stamps = self.has_stamps();
        if stamps {
            scan = scan.with_stamps(self.source.stamp);
        }
        while self.left > 0 {
            let wanted = self.left.min(BATCH_ROWS);
            let batch = {
                let _time = self.metrics.elapsed_compute().timer();
                if positions.is_empty() && !identity && !stamps {
                    let rows = scan.next_count(wanted).map_err(|error| carried(error.into()))?;
                    (rows > 0).then(|| self.batch(Vec::new(), None, rows)).transpose()?
                } else {
                    match scan.next(wanted).map_err(|error| carried(error.into()))? {
                        None => None,
                        Some(mut columns) => {
                            let rows = columns.first().map_or(0, |column| column.len());
                            let identity = if identity { columns.pop().zip(columns.pop()) } else { None };
                            let identity = identity.map(|(versions, keys)| (keys, versions));
                            Some(self.batch(columns, identity, rows)?)
                        }
                    }
                }
            };
            let Some(batch) = batch else { return Ok(true) };
            if !self.send(batch).await {
                return Ok(false);
            }
        }
        Ok(false)
    }

    async fn read_index(&mut self, index: usize, range: &KeyRange) -> DfResult<bool> {
        let source = self.source.clone();
        let Some(index) = source.table.indexes.get(index) else { return Ok(true) };
        let mut scan = source.view.scan_index(&source.table, index, range, Direction::Forward);
        let mut decoder = self.decoder();
        while self.left > 0 {
            let batch = {
                let _time = self.metrics.elapsed_compute().timer();
                let rows = scan.next(self.left.min(BATCH_ROWS)).map_err(|error| carried(error.into()))?;
                if rows.is_empty() {
                    return Ok(true);
                }
                self.decoded(&mut decoder, &rows)?
            };
            if !self.send(batch).await {
                return Ok(false);
            }
        }
        Ok(false)
    }

    async fn read_items(&mut self, index: usize, query: &ItemQuery) -> DfResult<()> {
        let source = self.source.clone();
        let Some(index) = source.table.indexes.get(index) else { return Ok(()) };
        let mut scan = source.view.scan_items(&source.table, index, query);
        let mut decoder = self.decoder();
        while self.left > 0 && !self.sender.is_closed() {
            let batch = {
                let _time = self.metrics.elapsed_compute().timer();
                match scan.next(self.left.min(BATCH_ROWS)).map_err(|error| carried(error.into()))? {
                    None => return Ok(()),
                    Some(rows) if rows.is_empty() => None,
                    Some(rows) => Some(self.decoded(&mut decoder, &rows)?),
                }
            };
            match batch {
                // Looking for the next one takes long: others have their turn.
                None => tokio::task::yield_now().await,
                Some(batch) => {
                    if !self.send(batch).await {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What takes rows apart that an index has found.
    fn decoder(&self) -> RowDecoder {
        let decoder = RowDecoder::new(&self.source.table, &self.positions()).with_fixed(&self.fixed());
        if self.has_stamps() { decoder.with_stamps(self.source.stamp) } else { decoder }
    }

    /// A batch of such rows.
    fn decoded(&self, decoder: &mut RowDecoder, rows: &[StoredRow]) -> DfResult<RecordBatch> {
        let (has_columns, identity) = (!self.positions().is_empty() || self.has_stamps(), self.has_identity());
        let (mut keys, mut versions) = (BinaryBuilder::new(), UInt64Builder::new());
        for row in rows {
            decoder.append(&row.bytes).map_err(|error| carried(error.into()))?;
            if identity {
                keys.append_value(row.key.as_bytes());
                versions.append_value(row.seq().0);
            }
        }
        let identity = identity.then(|| (Arc::new(keys.finish()) as ArrayRef, Arc::new(versions.finish()) as ArrayRef));
        let columns = if has_columns { decoder.finish() } else { Vec::new() };
        self.batch(columns, identity, rows.len())
    }

    async fn send(&mut self, batch: RecordBatch) -> bool {
        self.left = self.left.saturating_sub(batch.num_rows());
        self.metrics.record_output(batch.num_rows());
        self.sender.send(Ok(batch)).await.is_ok()
    }

    /// Puts the columns of the table, what they are stamped with behind them, and the row's identity in the order that is
    /// asked for.
    fn batch(
        &self,
        mut columns: Vec<ArrayRef>,
        identity: Option<(ArrayRef, ArrayRef)>,
        rows: usize,
    ) -> DfResult<RecordBatch> {
        let identity =
            identity.map(|(keys, versions)| identity_columns(&keys, &versions)).transpose().map_err(carried)?;
        let stamps = if self.has_stamps() { columns.split_off(columns.len().saturating_sub(2)) } else { Vec::new() };
        let mut columns = columns.into_iter();
        let mut arrays = Vec::with_capacity(self.source.outputs.len());
        for output in &self.source.outputs {
            let array = match (output, &identity) {
                (Output::Column(_), _) => columns.next(),
                (Output::Key, Some((keys, _))) => Some(keys.clone()),
                (Output::Version, Some((_, versions))) => Some(versions.clone()),
                (Output::System(SystemColumn::User), Some((keys, _))) => {
                    Some(users(keys, &self.source.table, self.source.trash))
                }
                (Output::Key | Output::Version | Output::System(SystemColumn::User), None)
                | (Output::System(SystemColumn::Xmax), _) => None,
                (Output::System(SystemColumn::Seq), _) => stamps.first().cloned(),
                (Output::System(SystemColumn::Updated), _) => stamps.get(1).cloned(),
                (Output::System(SystemColumn::Deleted), _) => {
                    let deleted = std::iter::repeat_n(Some(self.source.trash), rows);
                    Some(Arc::new(BooleanArray::from_iter(deleted)) as ArrayRef)
                }
                (Output::System(SystemColumn::TableOid), _) => {
                    let oid = i64::from(self.source.table.table.0);
                    Some(Arc::new(Int64Array::from_value(oid, rows)) as ArrayRef)
                }
            };
            arrays.push(array.ok_or_else(|| carried(Error::internal("a scan answered too few columns")))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?)
    }
}

/// The roles whose rows they are, by their keys; of deleted rows, by those that they are kept under.
fn users(keys: &ArrayRef, table: &TableSchema, kept: bool) -> ArrayRef {
    let slice = |key: &[u8]| {
        let key = RowKey::from_bytes(Bytes::copy_from_slice(key));
        let slice = if kept { key.slice_kept() } else { table.slice_of(&key) };
        slice.map(|slice| i64::from(slice.0))
    };
    let keys = keys.as_any().downcast_ref::<BinaryViewArray>();
    Arc::new(keys.into_iter().flatten().map(|key| key.and_then(slice)).collect::<Int64Array>())
}

/// The row's key as bytea and its version as int8.
fn identity_columns(keys: &ArrayRef, versions: &ArrayRef) -> Result<(ArrayRef, ArrayRef)> {
    let keys: BinaryViewArray = keys.as_binary::<i32>().into();
    let versions: Int64Array = versions
        .as_primitive::<UInt64Type>()
        .try_unary(|seq| {
            i64::try_from(seq).map_err(|error| datafusion::arrow::error::ArrowError::CastError(error.to_string()))
        })
        .map_err(|error| failure(error.into()))?;
    Ok((Arc::new(keys), Arc::new(versions)))
}
