//! Rows that are computed once in a statement, however many places read them: those of a WITH query that calls volatile
//! functions, and of what a rewriting of subqueries reads twice.
//!
//! They are computed as far as somebody wants to read, and what was computed stays until the statement has ended. Whoever
//! wants the next batch pulls it, for all: nothing waits for another reader to go on, so that one may be read to its end
//! before another begins. The memory comes out of what queries share; 53200 when there is no more.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::common::{DataFusionError, Result as DfResult};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::environment::QueryEnvironment;
use super::failure::carried;
use super::turns::in_turns;
use crate::error::Result;

/// Numbers that lowering invents begin here; the binder's stay far below.
const INVENTED: u32 = 1 << 31;

/// What one execution of a statement keeps, by number.
#[derive(Default)]
pub(crate) struct Kept {
    rows: Mutex<HashMap<u32, Arc<KeptRows>>>,
    invented: AtomicU32,
}

impl Kept {
    /// The rows with that number, as `make` has them computed if nobody has asked for them yet.
    pub(crate) fn rows(&self, number: u32, make: impl FnOnce() -> Result<KeptRows>) -> Result<Arc<KeptRows>> {
        // Making them may ask for others.
        if let Some(rows) = self.rows.lock().get(&number) {
            return Ok(rows.clone());
        }
        let made = Arc::new(make()?);
        Ok(self.rows.lock().entry(number).or_insert(made).clone())
    }

    /// A number that nothing in the statement has.
    pub(crate) fn new_number(&self) -> u32 {
        INVENTED + self.invented.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("rows", &self.rows.lock().len()).finish_non_exhaustive()
    }
}

/// The rows of one query.
pub(crate) struct KeptRows {
    schema: SchemaRef,
    plan: LogicalPlan,
    environment: QueryEnvironment,
    /// Planned by the first who plans to read.
    physical: OnceCell<Arc<dyn ExecutionPlan>>,
    progress: Mutex<Progress>,
    waiting: Arc<Waiting>,
}

struct Progress {
    batches: Vec<RecordBatch>,
    source: Source,
    memory: MemoryReservation,
}

/// Where the batches come from that are not there yet.
enum Source {
    Unread,
    Running(SendableRecordBatchStream),
    Ended,
    Failed(Arc<DataFusionError>),
}

impl KeptRows {
    /// The rows of a plan whose columns are those of the schema.
    pub(crate) fn new(schema: SchemaRef, plan: LogicalPlan, environment: &QueryEnvironment) -> Self {
        let memory = environment.reservation("kept rows");
        Self {
            schema,
            plan,
            environment: environment.clone(),
            physical: OnceCell::new(),
            progress: Mutex::new(Progress { batches: Vec::new(), source: Source::Unread, memory }),
            waiting: Arc::default(),
        }
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Makes the operators that compute the rows, which must be there when somebody reads.
    pub(crate) async fn prepare(&self) -> DfResult<()> {
        let physical = self.physical.get_or_try_init(|| async {
            let plan = self.environment.optimize(self.plan.clone())?;
            self.environment.physical(&plan).await
        });
        physical.await.map(|_| ()).map_err(carried)
    }

    /// The batch at a place, computed if it is not there yet; None behind the last.
    pub(crate) fn poll_batch(&self, place: usize, context: &mut Context<'_>) -> Poll<Option<DfResult<RecordBatch>>> {
        let mut progress = self.progress.lock();
        loop {
            if let Some(batch) = progress.batches.get(place) {
                return Poll::Ready(Some(Ok(batch.clone())));
            }
            let polled = match &mut progress.source {
                Source::Ended => return Poll::Ready(None),
                Source::Failed(error) => return Poll::Ready(Some(Err(DataFusionError::Shared(error.clone())))),
                Source::Unread => {
                    progress.source = match self.started() {
                        Ok(stream) => Source::Running(stream),
                        Err(error) => Source::Failed(Arc::new(error)),
                    };
                    continue;
                }
                Source::Running(stream) => {
                    self.waiting.add(context.waker());
                    // Whoever has asked last may never ask again, so all are told.
                    let all = Waker::from(self.waiting.clone());
                    stream.poll_next_unpin(&mut Context::from_waker(&all))
                }
            };
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(batch))) if batch.num_rows() == 0 => {}
                Poll::Ready(Some(batch)) => {
                    if let Err(error) = batch.and_then(|batch| progress.keep(batch, &self.schema)) {
                        progress.source = Source::Failed(Arc::new(error));
                    }
                }
                Poll::Ready(None) => progress.source = Source::Ended,
            }
            self.waiting.tell_but(context.waker());
        }
    }

    fn started(&self) -> DfResult<SendableRecordBatchStream> {
        let physical = self.physical.get();
        let physical = physical.ok_or_else(|| DataFusionError::Internal("kept rows were not planned".into()))?;
        execute_stream(in_turns(physical.clone())?, self.environment.task_context())
    }
}

impl Progress {
    fn keep(&mut self, batch: RecordBatch, schema: &SchemaRef) -> DfResult<()> {
        self.memory.try_grow(get_record_batch_memory_size(&batch))?;
        // What may be NULL is not told the same everywhere.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().to_vec();
        self.batches.push(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?);
        Ok(())
    }
}

impl fmt::Debug for KeptRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptRows").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Those who have asked for a batch that was not there.
#[derive(Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Waiting {
    fn add(&self, waker: &Waker) {
        let mut wakers = self.0.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// Tells all but one, who knows.
    fn tell_but(&self, one: &Waker) {
        let wakers = std::mem::take(&mut *self.0.lock());
        wakers.into_iter().filter(|waker| !waker.will_wake(one)).for_each(Waker::wake);
    }

    fn tell(&self) {
        let wakers = std::mem::take(&mut *self.0.lock());
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.tell();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::logical_expr::LogicalPlanBuilder;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::channel::mpsc;

    use super::*;
    use crate::error::SqlState;
    use crate::execute::environment::QueryOptions;
    use crate::execute::failure::failure;

    /// Who reads, and how often was told to look again.
    #[derive(Default)]
    struct Reader(AtomicUsize);

    impl Wake for Reader {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Reader {
        fn poll(self: &Arc<Self>, rows: &KeptRows, place: usize) -> Poll<Option<DfResult<RecordBatch>>> {
            rows.poll_batch(place, &mut Context::from_waker(&Waker::from(self.clone())))
        }

        fn told(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn batch(schema: &SchemaRef, values: Vec<i64>) -> RecordBatch {
        RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(values))]).unwrap()
    }

    /// Rows that come when they are sent.
    fn rows(memory_bytes: usize) -> (KeptRows, mpsc::Sender<DfResult<RecordBatch>>) {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let environment =
            QueryEnvironment::new(QueryOptions { threads: 1, memory_bytes, ..QueryOptions::default() }).unwrap();
        let plan = LogicalPlanBuilder::empty(false).build().unwrap();
        let rows = KeptRows::new(schema.clone(), plan, &environment);
        let (sender, receiver) = mpsc::channel(1);
        rows.progress.lock().source = Source::Running(Box::pin(RecordBatchStreamAdapter::new(schema, receiver)));
        (rows, sender)
    }

    #[test]
    fn a_reader_goes_on_though_another_that_has_asked_never_does() {
        let (rows, mut sender) = rows(1 << 20);
        let (first, second) = (Arc::new(Reader::default()), Arc::new(Reader::default()));
        assert!(first.poll(&rows, 0).is_pending());
        assert!(second.poll(&rows, 0).is_pending());
        assert!(first.poll(&rows, 0).is_pending());
        sender.try_send(Ok(batch(rows.schema(), vec![1, 2]))).unwrap();
        assert_eq!((first.told(), second.told()), (1, 1));
        let Poll::Ready(Some(Ok(read))) = second.poll(&rows, 0) else { panic!("the batch is there") };
        assert_eq!(read.num_rows(), 2);
        assert!(second.poll(&rows, 1).is_pending());
        drop(sender);
        assert_eq!(second.told(), 2);
        assert!(matches!(second.poll(&rows, 1), Poll::Ready(None)));
        // The first, late, sees the same.
        let Poll::Ready(Some(Ok(late))) = first.poll(&rows, 0) else { panic!("the batch is kept") };
        assert_eq!(late, read);
        assert!(matches!(first.poll(&rows, 1), Poll::Ready(None)));
    }

    #[test]
    fn all_readers_are_told_that_memory_has_run_out() {
        let (rows, mut sender) = rows(1 << 10);
        sender.try_send(Ok(batch(rows.schema(), (0..1000).collect()))).unwrap();
        for _ in 0..2 {
            let Poll::Ready(Some(Err(error))) = Arc::new(Reader::default()).poll(&rows, 0) else {
                panic!("there is not so much memory")
            };
            assert_eq!(failure(error).sql_state(), SqlState::OUT_OF_MEMORY);
        }
    }
}
