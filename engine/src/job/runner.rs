//! The runner: orders become jobs, jobs run a few at a time, are tried again, ended, waited for.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use storage::Store;
use tokio::sync::{Semaphore, watch};

use super::active::{Active, Waiting};
use super::context::Context;
use super::log::JobLog;
use super::table::{self, Job, Table};
use super::{JobState, Task};
use crate::audit::secret::without_secrets;
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::session::Interrupt;

/// How many jobs run at once; the others wait for their turn.
const RUNNING_MAX: usize = 2;

/// How many jobs may be under way; more are refused.
const UNDER_WAY_MAX: usize = 10_000;

/// How often a job is tried once more.
pub(crate) const RETRIES_MAX: u32 = 2;

/// How a runner works.
#[derive(Debug, Clone)]
pub(crate) struct JobsOptions {
    /// Where `jobs.log` is.
    pub(crate) directory: PathBuf,
    /// The pause before the second try; every other is twice as long as the one before.
    pub(crate) first_pause: Duration,
}

impl JobsOptions {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, first_pause: Duration::from_secs(1) }
    }
}

/// What is ordered, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    task: Task,
    asked_by: Option<u32>,
    /// Whether the job is done even if nobody waits for it.
    for_itself: bool,
}

impl Order {
    /// What the schedule orders.
    pub(crate) fn unasked(task: Task) -> Self {
        Self { task, asked_by: None, for_itself: true }
    }

    /// What a role orders, and does not wait for.
    pub(crate) fn asked(task: Task, role: u32) -> Self {
        Self { task, asked_by: Some(role), for_itself: true }
    }

    /// What a role orders and waits for.
    pub(crate) fn awaited(task: Task, role: u32) -> Self {
        Self { task, asked_by: Some(role), for_itself: false }
    }
}

/// The jobs of an open database.
pub(crate) struct Jobs {
    store: Store,
    log: JobLog,
    table: Mutex<Table>,
    /// By number, those that have not ended.
    under_way: Mutex<FxHashMap<u64, Arc<Active>>>,
    pub(super) slots: Arc<Semaphore>,
    first_pause: Duration,
    closed: AtomicBool,
    /// Tells how many are under way.
    count: watch::Sender<usize>,
}

impl Jobs {
    /// How many jobs have not ended.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.lock().len()
    }

    /// Reads what became of the jobs of before. Those that were running have failed; see [`Jobs::resume`].
    pub(crate) fn open(store: &Store, options: JobsOptions) -> Result<Self> {
        Ok(Self {
            table: Mutex::new(Table::read(store)?),
            store: store.clone(),
            log: JobLog::new(options.directory),
            under_way: Mutex::default(),
            slots: Arc::new(Semaphore::new(RUNNING_MAX)),
            first_pause: options.first_pause,
            closed: AtomicBool::new(false),
            count: watch::Sender::new(0),
        })
    }

    /// Goes on where the last stop has left the jobs: those that waited wait again, those that ran have failed and are
    /// ordered once more if that is safe.
    pub(crate) fn resume(self: &Arc<Self>, database: &Arc<Database>) -> Result<()> {
        let left: Vec<(u64, Job)> = {
            let table = self.table.lock();
            table.iter().filter(|(_, job)| !job.state.is_end()).map(|(number, job)| (number, job.clone())).collect()
        };
        let mut repeated = Vec::new();
        for (number, job) in left {
            // Nobody expects a backup, let alone a restore, that was asked for before the stop.
            if matches!(job.state, JobState::New | JobState::Queued) && job.task.work().is_repeatable() {
                let active = self.enter(number, &job, true);
                self.start(database, active);
                continue;
            }
            self.step(number, |job, now| {
                job.state = JobState::Failed;
                job.message = Some("the server stopped while the job was running".to_owned());
                job.finished_at = Some(now);
            })?;
            if job.task.work().is_repeatable() {
                repeated.push(Order { task: job.task, asked_by: job.asked_by, for_itself: true });
            }
        }
        for order in repeated {
            self.order(database, order)?;
        }
        Ok(())
    }

    /// The job that does this: one that is under way with the same key, or a new one.
    pub(crate) fn order(self: &Arc<Self>, database: &Arc<Database>, order: Order) -> Result<Waiting> {
        let mut under_way = self.under_way.lock();
        // Asked with the lock held, so that a stop that goes through what is under way misses nothing.
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(SqlState::ADMIN_SHUTDOWN, "the database is shutting down"));
        }
        if let Some(key) = order.task.work().key()
            && let Some(waiting) = under_way
                .values()
                .filter(|active| active.key.as_ref() == Some(&key))
                .find_map(|active| Waiting::join(active, order.for_itself))
        {
            return Ok(waiting);
        }
        if under_way.len() >= UNDER_WAY_MAX {
            let message = format!("more than {UNDER_WAY_MAX} jobs are under way");
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
        }
        let job = self.new_job(database, &order);
        let number = self.table.lock().add(job.clone());
        let active = self.enter_locked(&mut under_way, number, &job, order.for_itself);
        let waiting = Waiting::join(&active, order.for_itself);
        let waiting = waiting.ok_or_else(|| Error::internal("a job has ended before it began"))?;
        drop(under_way);
        self.log.tell(&job, job.created_at);
        if let Err(error) = self.step(number, |job, _| job.state = JobState::Queued) {
            self.end(&active, Err(error.clone()));
            return Err(error);
        }
        self.start(database, active);
        Ok(waiting)
    }

    /// All jobs, in the order in which they were ordered, each with how far it has come.
    pub(crate) fn all(&self) -> Vec<(Job, Option<u64>)> {
        let under_way = self.under_way.lock();
        let rows = |number| under_way.get(&number).map(|active| active.progress.lock().rows());
        self.table.lock().iter().map(|(number, job)| (job.clone(), rows(number))).collect()
    }

    /// Ends a job that the caller may end.
    pub(crate) fn kill(&self, id: &str, may: impl FnOnce(Option<&Job>) -> Result<()>) -> Result<()> {
        let found = self.table.lock().iter().find(|(_, job)| job.id == id).map(|(number, job)| (number, job.clone()));
        may(found.as_ref().map(|(_, job)| job))?;
        let Some((number, job)) = found else {
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("job \"{id}\" does not exist")));
        };
        let active = self.under_way.lock().get(&number).cloned();
        match active {
            Some(active) => active.canceller.cancel(),
            None => {
                let message = format!("job \"{id}\" has ended: it is {}", job.state.name());
                return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
            }
        }
        Ok(())
    }

    /// Ends what runs and takes no more orders. Returns when no job is under way.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let under_way: Vec<Arc<Active>> = self.under_way.lock().values().cloned().collect();
        under_way.iter().for_each(|active| active.canceller.cancel());
        // The sender is `self`, so the channel outlives the wait.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn new_job(&self, database: &Database, order: &Order) -> Job {
        let work = order.task.work();
        let now = database.now();
        let catalog = work.table().map(|of| (database.catalog(of.database), of));
        let table = catalog.as_ref().and_then(|(catalog, of)| catalog.tables.get(&of.table));
        let schema = catalog.as_ref().zip(table).and_then(|((catalog, _), table)| catalog.schemas.get(&table.schema));
        Job {
            id: database.new_id(work.kind().prefix()),
            task: order.task.clone(),
            state: JobState::New,
            namespace: schema.map(|schema| schema.name.clone()),
            table: table.map(|table| table.name.clone()),
            asked_by: order.asked_by,
            retries: 0,
            message: None,
            result: None,
            created_at: now,
            started_at: None,
            finished_at: None,
        }
    }

    fn enter(&self, number: u64, job: &Job, for_itself: bool) -> Arc<Active> {
        self.enter_locked(&mut self.under_way.lock(), number, job, for_itself)
    }

    fn enter_locked(
        &self,
        under_way: &mut FxHashMap<u64, Arc<Active>>,
        number: u64,
        job: &Job,
        for_itself: bool,
    ) -> Arc<Active> {
        let active = Arc::new(Active::new(number, job, for_itself));
        under_way.insert(number, Arc::clone(&active));
        self.count.send_replace(under_way.len());
        active
    }

    fn start(self: &Arc<Self>, database: &Arc<Database>, active: Arc<Active>) {
        let (jobs, database) = (Arc::clone(self), Arc::clone(database));
        let handle = database.query_environment().handle().clone();
        handle.spawn(async move {
            let outcome = jobs.run(&database, &active).await;
            // Whoever is told of the end may open the database anew.
            drop(database);
            jobs.end(&active, outcome);
        });
    }

    /// Runs a job to its end, however many tries that takes.
    async fn run(self: &Arc<Self>, database: &Arc<Database>, active: &Arc<Active>) -> Result<serde_json::Value> {
        let interrupt = Interrupt::new(Arc::clone(&active.canceller), None);
        let context = Context::of(self, active);
        let (mut retries, mut pause) = (0, self.first_pause);
        loop {
            let work = AssertUnwindSafe(active.task.work().run(database, &context)).catch_unwind();
            let outcome = interrupt
                .guard(async { work.await.unwrap_or_else(|_| Err(Error::internal("the job has panicked"))) })
                .await;
            let error = match outcome {
                Err(error) if retries < RETRIES_MAX && self.is_worth_another_try(&error) => error,
                outcome => return outcome,
            };
            retries += 1;
            self.step(active.number, |job, _| {
                job.state = JobState::Retrying;
                job.retries = retries;
                job.message = Some(without_secrets(&error.message).into_owned());
            })?;
            let sleep = async {
                tokio::time::sleep(pause).await;
                Ok(())
            };
            interrupt.guard(sleep).await?;
            pause *= 2;
        }
    }

    /// Whether time may heal it: a disk that is full, a table that is locked. What the caller has said wrong stays wrong.
    fn is_worth_another_try(&self, error: &Error) -> bool {
        let passes = matches!(
            error.sql_state(),
            SqlState::IO_ERROR
                | SqlState::DISK_FULL
                | SqlState::INSUFFICIENT_RESOURCES
                | SqlState::OUT_OF_MEMORY
                | SqlState::LOCK_NOT_AVAILABLE
                | SqlState::DEADLOCK_DETECTED
                | SqlState::SERIALIZATION_FAILURE
        );
        passes && self.store.check_writable().is_ok()
    }

    /// Tells everybody what became of a job.
    fn end(&self, active: &Active, outcome: Result<serde_json::Value>) {
        let was_cancelled = outcome.as_ref().is_err_and(|error| error.sql_state() == SqlState::QUERY_CANCELED);
        // What the stop has ended goes on after the next start.
        let goes_on = was_cancelled && self.is_closed() && active.is_for_itself();
        let goes_on = goes_on && active.task.work().is_repeatable();
        let step = self.step(active.number, |job, now| {
            job.message = outcome.as_ref().err().map(|error| without_secrets(&error.message).into_owned());
            job.finished_at = Some(now);
            job.state = match &outcome {
                Err(_) if goes_on => JobState::Queued,
                Err(_) if was_cancelled => JobState::Cancelled,
                Err(_) => JobState::Failed,
                Ok(result) => {
                    job.result = Some(result.clone());
                    JobState::Completed
                }
            };
            if was_cancelled {
                job.message = None;
            }
            if goes_on {
                job.finished_at = None;
            }
        });
        let forgotten = self.table.lock().take_forgotten(self.store.environment().now_us());
        if let Err(error) = step.and_then(|()| table::forget(&self.store, &forgotten)) {
            tracing::warn!(%error, job = active.id, "the end of a job could not be recorded");
        }
        let outcome = match outcome {
            Err(_) if was_cancelled => {
                Err(Error::new(SqlState::QUERY_CANCELED, format!("job \"{}\" was cancelled", active.id)))
            }
            outcome => outcome,
        };
        active.outcome.send_replace(Some(outcome));
        let mut under_way = self.under_way.lock();
        under_way.remove(&active.number);
        self.count.send_replace(under_way.len());
    }

    /// This moment, to measure from.
    pub(super) fn now(&self) -> Instant {
        self.store.environment().instant()
    }

    /// Changes what is known of a job, records it and tells the log.
    pub(super) fn step(&self, number: u64, change: impl FnOnce(&mut Job, i64)) -> Result<()> {
        let now = self.store.environment().now_us();
        let job = {
            let mut table = self.table.lock();
            let Some(job) = table.get_mut(number) else { return Ok(()) };
            change(job, now);
            job.clone()
        };
        self.log.tell(&job, now);
        table::record(&self.store, number, &job)
    }
}
