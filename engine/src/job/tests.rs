//! Jobs over a database in memory, whose clock and whose files do what the test says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use storage::environment::ManualClock;
use storage::kv::MemoryKeyValue;
use storage::segment::MemoryFiles;
use storage::testing::FaultyFiles;
use storage::{Environment, Isolation, Store, StoreOptions, TableId, TableLock, Transaction, Wait};

use super::schedule::Schedule;
use super::*;
use crate::database::tests::{connect, options, tag};
use crate::error::{Error, SqlState};
use crate::session::Session;

/// What outlives a restart.
struct Machine {
    kv: Arc<MemoryKeyValue>,
    stored: MemoryFiles,
    files: Arc<FaultyFiles>,
    clock: Arc<ManualClock>,
    directory: PathBuf,
    first_pause: Duration,
}

impl Machine {
    fn new(name: &str) -> Self {
        let stored = MemoryFiles::new();
        let directory = std::env::temp_dir().join(format!("kalamdb-jobs-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self {
            kv: Arc::new(MemoryKeyValue::new()),
            files: Arc::new(FaultyFiles::new(Arc::new(stored.clone()))),
            stored,
            clock: Arc::new(ManualClock::new(1_700_000_000_000_000)),
            directory,
            first_pause: Duration::from_millis(1),
        }
    }

    async fn open(&self) -> Arc<Database> {
        let environment = Environment::seeded(self.clock.clone(), 1);
        let store_options = StoreOptions { environment, ..StoreOptions::default() };
        let store = Store::with_parts(self.kv.clone(), self.files.clone(), store_options).unwrap();
        let jobs = JobsOptions { directory: self.directory.clone(), first_pause: self.first_pause };
        Database::over(store, options(), jobs).await.unwrap().database
    }

    /// A database with a table of four rows.
    async fn with_table(&self, clause: &str) -> (Arc<Database>, Session, TableOf) {
        let database = self.open().await;
        let mut session = connect(&database);
        tag(&mut session, &format!("CREATE TABLE t (a int PRIMARY KEY) {clause}")).await;
        tag(&mut session, "INSERT INTO t SELECT g FROM generate_series(1, 4) AS g").await;
        let of = table_of(&database);
        (database, session, of)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn table_of(database: &Database) -> TableOf {
    let catalog = database.catalog(crate::catalog::FIRST_DATABASE);
    TableOf { database: catalog.database, table: catalog.find_table(Some("public"), "t", &[]).unwrap().oid }
}

fn flush(of: TableOf) -> Task {
    Task::Flush(Flush { of, lock_timeout_ms: None, slice_rows_min: None })
}

async fn locked(database: &Database, of: TableOf) -> Transaction {
    let mut transaction = database.store().begin(Isolation::ReadCommitted);
    transaction.lock_table(TableId(of.table), TableLock::AccessExclusive, Wait::Forever).await.unwrap();
    transaction
}

/// What became of all jobs, once none is under way.
async fn ended(database: &Database) -> Vec<(JobKind, JobState)> {
    loop {
        let jobs = database.jobs().all();
        if jobs.iter().all(|(job, moved)| job.state.is_end() && moved.is_none()) {
            return jobs.iter().map(|(job, _)| (job.task.work().kind(), job.state)).collect();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn segments(database: &Database, of: TableOf) -> usize {
    let catalog = database.catalog(of.database);
    database.store().segments(catalog.tables[&of.table].storage.generation).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_if_that_may_help() {
    let mut machine = Machine::new("again");
    machine.first_pause = Duration::from_secs(1);
    let (database, _session, of) = machine.with_table("").await;
    let jobs = database.jobs();
    machine.files.fail_after(0);
    let waiting = jobs.order(&database, Order::awaited(flush(of), 10)).unwrap();
    while jobs.all()[0].0.state != JobState::Retrying {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    machine.files.heal();
    let result = waiting.end().await.unwrap();
    assert_eq!(
        (&result["rows_flushed"], &result["parquet_files_count"]),
        (&serde_json::json!(4), &serde_json::json!(1))
    );
    let job = jobs.all()[0].0.clone();
    assert_eq!((job.state, job.retries, segments(&database, of)), (JobState::Completed, 1, 1));
    assert!(job.id.starts_with("FL-") && job.table.as_deref() == Some("t") && job.finished_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_come_to_an_end() {
    let machine = Machine::new("end");
    let (database, _session, of) = machine.with_table("").await;
    machine.files.fail_after(0);
    let error = database.jobs().order(&database, Order::awaited(flush(of), 10)).unwrap().end().await.unwrap_err();
    assert_eq!(error.sql_state(), SqlState::IO_ERROR);
    machine.files.heal();
    let _lock = locked(&database, of).await;
    let task = Task::Flush(Flush { of, lock_timeout_ms: Some(1), slice_rows_min: None });
    let error = database.jobs().order(&database, Order::awaited(task, 10)).unwrap().end().await.unwrap_err();
    assert_eq!(error.sql_state(), SqlState::LOCK_NOT_AVAILABLE);
    assert_eq!(ended(&database).await, [(JobKind::Flush, JobState::Failed); 2]);
    let retries: Vec<u32> = database.jobs().all().iter().map(|(job, _)| job.retries).collect();
    assert_eq!(retries, [RETRIES_MAX; 2]);
    assert!(machine.stored.names().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_does_what_many_ask_for_and_can_be_killed() {
    let machine = Machine::new("one");
    let (database, _session, of) = machine.with_table("").await;
    let jobs = database.jobs();
    let lock = locked(&database, of).await;
    let first = jobs.order(&database, Order::awaited(flush(of), 10)).unwrap();
    let second = jobs.order(&database, Order::asked(flush(of), 10)).unwrap();
    assert_eq!(first.job().id(), second.job().id());
    let id = first.job().id().to_owned();
    let refused = jobs.kill(&id, |_| Err(Error::unsupported("that")));
    assert_eq!(refused.unwrap_err().sql_state(), SqlState::FEATURE_NOT_SUPPORTED);
    jobs.kill(&id, |_| Ok(())).unwrap();
    for waiting in [first, second] {
        assert_eq!(waiting.end().await.unwrap_err().sql_state(), SqlState::QUERY_CANCELED);
    }
    assert_eq!(ended(&database).await, [(JobKind::Flush, JobState::Cancelled)]);
    let gone = jobs.kill(&id, |_| Ok(())).unwrap_err();
    assert_eq!(gone.sql_state(), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    assert_eq!(jobs.kill("FL-x", |_| Ok(())).unwrap_err().sql_state(), SqlState::UNDEFINED_OBJECT);

    // What only one has waited for ends with him; what was ordered for its own sake does not.
    drop(jobs.order(&database, Order::awaited(flush(of), 10)).unwrap());
    assert_eq!(ended(&database).await, [(JobKind::Flush, JobState::Cancelled); 2]);
    drop(jobs.order(&database, Order::asked(flush(of), 10)).unwrap());
    drop(lock);
    assert_eq!(ended(&database).await[2], (JobKind::Flush, JobState::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_all_rows_to_be_moved_is_not_served_by_a_job_that_moves_some() {
    let machine = Machine::new("some");
    let (database, _session, of) = machine.with_table("").await;
    let jobs = database.jobs();
    let lock = locked(&database, of).await;
    let some = Task::Flush(Flush { of, lock_timeout_ms: None, slice_rows_min: Some(1000) });
    let some = jobs.order(&database, Order::unasked(some)).unwrap();
    let all = jobs.order(&database, Order::awaited(flush(of), 10)).unwrap();
    assert_ne!(some.job().id(), all.job().id());
    drop(lock);
    all.end().await.unwrap();
    assert_eq!(segments(&database, of), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_on_after_a_restart() {
    let machine = Machine::new("restart");
    let (database, session, of) = machine.with_table("").await;
    let lock = locked(&database, of).await;
    let waiting = database.jobs().order(&database, Order::asked(flush(of), 10)).unwrap();
    database.shutdown().await;
    assert_eq!(database.jobs().all()[0].0.state, JobState::Queued);
    assert!(database.jobs().order(&database, Order::asked(flush(of), 10)).is_err());
    drop((waiting, lock, session, database));

    let database = machine.open().await;
    assert_eq!(ended(&database).await, [(JobKind::Flush, JobState::Completed)]);
    // One that was running when the power failed.
    let mut job = database.jobs().all()[0].0.clone();
    job.state = JobState::Running;
    super::table::record(database.store(), 7, &job).unwrap();
    database.shutdown().await;
    drop(database);
    let database = machine.open().await;
    let (completed, failed) = (JobState::Completed, JobState::Failed);
    let states: Vec<JobState> = ended(&database).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [completed, failed, completed]);
    assert_eq!(segments(&database, of), 1);
    let log = std::fs::read_to_string(machine.directory.join("jobs.log")).unwrap();
    assert!(log.lines().any(|line| line.contains(" failed public.t") && line.contains("the server stopped")), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_waited_when_the_server_stopped_is_not_taken_up() {
    let machine = Machine::new("queued");
    let (database, session, of) = machine.with_table("").await;
    database.jobs().order(&database, Order::awaited(flush(of), 10)).unwrap().end().await.unwrap();
    let mut job = database.jobs().all()[0].0.clone();
    job.state = JobState::Queued;
    for (number, task) in [
        (7, Task::Restore(Restore { from: machine.directory.clone() })),
        (8, Task::Backup(Backup { to: machine.directory.clone() })),
    ] {
        super::table::record(database.store(), number, &Job { task, ..job.clone() }).unwrap();
    }
    database.shutdown().await;
    drop((session, database));
    let database = machine.open().await;
    let (restore, backup) = (JobKind::Restore, JobKind::Backup);
    let flushed = (JobKind::Flush, JobState::Completed);
    assert_eq!(ended(&database).await, [flushed, (restore, JobState::Failed), (backup, JobState::Failed)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_flush_what_is_old_or_much() {
    let machine = Machine::new("policy");
    let (database, mut session, of) = machine.with_table("WITH (flush_policy = 'rows:5,interval:60')").await;
    let mut schedule = Schedule::default();
    let mut look = async || {
        schedule.look(&database).await.unwrap();
        ended(&database).await.len()
    };
    assert_eq!(look().await, 0);
    machine.clock.advance(59_000_000);
    assert_eq!(look().await, 0);
    machine.clock.advance(1_000_000);
    assert_eq!((look().await, segments(&database, of)), (1, 1));
    machine.clock.advance(600_000_000);
    assert_eq!(look().await, 1);
    tag(&mut session, "INSERT INTO t SELECT g FROM generate_series(11, 14) AS g").await;
    assert_eq!(look().await, 1);
    // Of these two rows one was cold, so that five are hot now.
    tag(&mut session, "UPDATE t SET a = a WHERE a IN (3, 11)").await;
    assert_eq!((look().await, segments(&database, of)), (2, 2));
    tag(&mut session, "ALTER TABLE t RESET (flush_policy)").await;
    tag(&mut session, "INSERT INTO t SELECT g FROM generate_series(21, 40) AS g").await;
    machine.clock.advance(600_000_000);
    assert_eq!(look().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_compacted_and_swept_when_that_is_due() {
    let machine = Machine::new("due");
    let (database, mut session, of) = machine.with_table("").await;
    for piece in 1..=8 {
        tag(&mut session, &format!("INSERT INTO t SELECT g FROM generate_series({piece}0, {piece}9) AS g")).await;
        database.jobs().order(&database, Order::awaited(flush(of), 10)).unwrap().end().await.unwrap();
    }
    let jobs = ended(&database).await;
    assert_eq!(jobs.last(), Some(&(JobKind::Compact, JobState::Completed)), "{jobs:?}");
    assert_eq!((jobs.len(), segments(&database, of)), (9, 1));

    let mut schedule = Schedule::default();
    tag(&mut session, "DELETE FROM t WHERE a % 4 = 0").await;
    schedule.look(&database).await.unwrap();
    assert_eq!(ended(&database).await.len(), 9);
    tag(&mut session, "DELETE FROM t WHERE a % 4 = 1").await;
    machine.clock.advance(61_000_000);
    schedule.look(&database).await.unwrap();
    assert_eq!((ended(&database).await.len(), segments(&database, of)), (10, 1));
    tag(&mut session, "DROP TABLE t").await;
    while !machine.stored.names().is_empty() {
        machine.clock.advance(60_000_000);
        schedule.look(&database).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_goes_when_its_time_is_over() {
    const HOUR_US: i64 = 3_600_000_000;
    let machine = Machine::new("trash");
    let (database, mut session, _) = machine.with_table("WITH (deleted_retention_hours = 2)").await;
    let mut schedule = Schedule::default();
    tag(&mut session, "DELETE FROM t WHERE a <= 2").await;
    machine.clock.advance(HOUR_US);
    tag(&mut session, "DELETE FROM t WHERE a = 3").await;
    schedule.look(&database).await.unwrap();
    assert_eq!(ended(&database).await, []);
    machine.clock.advance(HOUR_US + 1_000_000);
    let oldest = database.store().oldest_trash().unwrap()[0].1;
    schedule.look(&database).await.unwrap();
    assert_eq!(ended(&database).await, [(JobKind::Retention, JobState::Completed)]);
    assert!(database.store().oldest_trash().unwrap()[0].1 >= oldest + HOUR_US);
    machine.clock.advance(HOUR_US);
    schedule.look(&database).await.unwrap();
    assert_eq!(ended(&database).await, [(JobKind::Retention, JobState::Completed); 2]);
    assert_eq!(database.store().oldest_trash().unwrap(), []);
}
