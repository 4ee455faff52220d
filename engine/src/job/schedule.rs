//! The schedule: what is due without anybody asking.
//!
//! Once a second it looks at the tables that have a flush policy, whose hot rows storage tallies, and at streams; once a minute at the
//! segments of all tables, at what was deleted and is kept, and at roles that were dropped; and at files that are to be deleted once nobody reads them.
//! Tables without a policy cost nothing but the look at their segments. What it finds it orders as jobs: their keys keep
//! it from ordering anything twice.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use storage::{GenerationId, HotRows, TableSchema};

use super::active::Active;
use super::compact::may_be_due;
use super::{Compact, Flush, Order, Retention, StreamEviction, TableOf, Task, UserCleanup};
use crate::catalog::{FlushPolicy, TableKind};
use crate::database::Database;
use crate::error::{Error, Result};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it looks at the segments of all tables.
const SEGMENTS_EVERY_US: i64 = 60_000_000;

/// How long files are left alone that could not be deleted.
const SWEEP_PAUSE_US_MIN: i64 = 1_000_000;
const SWEEP_PAUSE_US_MAX: i64 = 60_000_000;

/// For how long a table is left alone whose job has failed.
const REST_US: i64 = 300_000_000;

/// How often streams give back room at most.
const EVICT_EVERY_US: i64 = 10_000_000;

/// Looking for what streams have to give back, and doing so, takes this part of the time at most.
const EVICTION_SHARE: u32 = 20;

/// What it knows from one look to the next.
#[derive(Default)]
pub(crate) struct Schedule {
    catalogs_version: Option<u64>,
    tables: Vec<Watched>,
    segments_seen_at: i64,
    /// When to look again for files to delete, and how long to wait once more if some are left then.
    sweep_at: i64,
    sweep_pause_us: i64,
    /// The last compactions that were ordered here.
    compactions: FxHashMap<TableOf, Ordered>,
    streams: Vec<(TableOf, Arc<TableSchema>)>,
    /// The last eviction that was ordered here, and when to look at streams again.
    eviction: Option<Ordered>,
    evict_at: i64,
}

/// A table with a flush policy.
struct Watched {
    of: TableOf,
    generation: GenerationId,
    policy: FlushPolicy,
    /// A user table: the policy counts the rows of each user.
    divided: bool,
    flush: Option<Ordered>,
    /// Hot rows that the last flush could not move, and when it ended.
    left_rows: u64,
    flushed_at: i64,
}

/// A job that was ordered here.
struct Ordered {
    job: Arc<Active>,
    ended_at: Option<i64>,
}

impl Ordered {
    /// Whether another may be ordered: it has ended, and if it failed that is a while ago.
    fn is_over(&mut self, now: i64) -> bool {
        let Some(outcome) = self.job.outcome() else { return false };
        let ended_at = *self.ended_at.get_or_insert(now);
        outcome.is_ok() || now >= ended_at.saturating_add(REST_US)
    }
}

/// Looks until the database is gone.
pub(crate) fn start(database: &Arc<Database>) {
    let handle = database.query_environment().handle().clone();
    let database = Arc::downgrade(database);
    handle.spawn(async move {
        let mut schedule = Schedule::default();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(database) = database.upgrade() else { return };
            if database.jobs().is_closed() {
                return;
            }
            if let Err(error) = schedule.look(&database).await {
                tracing::warn!(%error, "what is due could not be ordered");
            }
        }
    });
}

impl Schedule {
    /// Orders what is due now.
    pub(crate) async fn look(&mut self, database: &Arc<Database>) -> Result<()> {
        self.follow_catalogs(database);
        let now = database.now();
        for table in &mut self.tables {
            if let Err(error) = table.look(database, now).await {
                tracing::warn!(%error, table = table.of.table, "whether a table is to be flushed could not be told");
            }
        }
        self.look_at_streams(database, now).await?;
        self.sweep(database, now).await?;
        if now.saturating_sub(self.segments_seen_at) >= SEGMENTS_EVERY_US {
            self.segments_seen_at = now;
            self.look_at_segments(database, now).await?;
            self.look_at_trash(database, now).await?;
            if UserCleanup::is_due(database, now) {
                database.jobs().order(database, Order::unasked(Task::UserCleanup(UserCleanup { role: None })))?;
            }
            let audit = Arc::clone(database.audit());
            blocking(move || audit.expire(now)).await?;
        }
        Ok(())
    }

    /// Finds out which tables have policies, if any definition has changed.
    fn follow_catalogs(&mut self, database: &Database) {
        let catalogs = database.catalogs();
        if self.catalogs_version == Some(catalogs.version()) {
            return;
        }
        self.catalogs_version = Some(catalogs.version());
        let mut before: FxHashMap<GenerationId, Watched> =
            self.tables.drain(..).map(|watched| (watched.generation, watched)).collect();
        for catalog in catalogs.all() {
            for table in catalog.tables.values() {
                let Some(policy) = table.flush_policy() else { continue };
                let generation = table.storage.generation;
                let of = TableOf { database: catalog.database, table: table.oid };
                let divided = table.is_divided();
                let fresh =
                    || Watched { of, generation, policy, divided, flush: None, left_rows: 0, flushed_at: i64::MIN };
                let known = before.remove(&generation).unwrap_or_else(fresh);
                self.tables.push(Watched { policy, ..known });
            }
        }
        let generations: Vec<GenerationId> = self.tables.iter().map(|watched| watched.generation).collect();
        database.store().tally_hot_rows(&generations);
        self.streams = StreamEviction::streams(database);
    }

    async fn look_at_streams(&mut self, database: &Arc<Database>, now: i64) -> Result<()> {
        if let Some(eviction) = &mut self.eviction {
            if !eviction.is_over(now) {
                return Ok(());
            }
            let took_ms = eviction.job.outcome().and_then(|outcome| outcome.ok()?["duration_ms"].as_i64());
            let rest_us = took_ms.unwrap_or_default().saturating_mul(1000 * i64::from(EVICTION_SHARE));
            self.evict_at = self.evict_at.max(now.saturating_add(rest_us));
            self.eviction = None;
        }
        if self.streams.is_empty() || now < self.evict_at {
            return Ok(());
        }
        let (streams, store) = (self.streams.clone(), database.store().clone());
        let started = store.environment().instant();
        let due = blocking(move || {
            let mut due = Vec::new();
            for (of, schema) in streams {
                if store.is_eviction_due(&schema)? {
                    due.push(of);
                }
            }
            Ok(due)
        });
        let due = due.await?;
        let rest = started.elapsed().saturating_mul(EVICTION_SHARE);
        let rest_us = i64::try_from(rest.as_micros()).unwrap_or(i64::MAX);
        let pause_us = if due.is_empty() { 0 } else { EVICT_EVERY_US };
        self.evict_at = now.saturating_add(rest_us.max(pause_us));
        if !due.is_empty() {
            let task = Task::StreamEviction(StreamEviction { streams: due });
            let job = database.jobs().order(database, Order::unasked(task))?;
            self.eviction = Some(Ordered { job: Arc::clone(job.job()), ended_at: None });
        }
        Ok(())
    }

    /// Deletes files, and reclaims the room of rows, that nobody reads any more. What is read for long, or cannot be
    /// deleted, is not asked for every second.
    async fn sweep(&mut self, database: &Database, now: i64) -> Result<()> {
        let store = database.store().clone();
        if !store.has_to_sweep() {
            (self.sweep_at, self.sweep_pause_us) = (i64::MIN, 0);
            return Ok(());
        }
        if now < self.sweep_at {
            return Ok(());
        }
        self.sweep_pause_us = (self.sweep_pause_us * 2).clamp(SWEEP_PAUSE_US_MIN, SWEEP_PAUSE_US_MAX);
        self.sweep_at = now.saturating_add(self.sweep_pause_us);
        blocking(move || Ok(store.sweep()?)).await
    }

    async fn look_at_trash(&mut self, database: &Arc<Database>, now: i64) -> Result<()> {
        let looking = Arc::clone(database);
        for of in blocking(move || Retention::due(&looking, now)).await? {
            database.jobs().order(database, Order::unasked(Task::Retention(Retention { of })))?;
        }
        Ok(())
    }

    async fn look_at_segments(&mut self, database: &Arc<Database>, now: i64) -> Result<()> {
        if !database.store().has_segments() {
            return Ok(());
        }
        let looking = Arc::clone(database);
        let due = blocking(move || due_compactions(&looking)).await?;
        for of in due {
            if self.compactions.get_mut(&of).is_none_or(|last| last.is_over(now)) {
                let job = database.jobs().order(database, Order::unasked(Task::Compact(Compact::due(of))))?;
                self.compactions.insert(of, Ordered { job: Arc::clone(job.job()), ended_at: None });
            }
        }
        self.compactions.retain(|_, last| !last.is_over(now));
        Ok(())
    }
}

impl Watched {
    async fn look(&mut self, database: &Arc<Database>, now: i64) -> Result<()> {
        if let Some(flush) = &mut self.flush {
            if !flush.is_over(now) {
                return Ok(());
            }
            if let Some(Ok(result)) = flush.job.outcome() {
                self.left_rows = result["rows_kept"].as_u64().unwrap_or_default();
                self.flushed_at = flush.ended_at.unwrap_or(now);
            }
            self.flush = None;
        }
        let store = database.store();
        if store.tallied_hot_rows(self.generation).is_none() {
            let (store, generation) = (store.clone(), self.generation);
            blocking(move || Ok(store.count_hot_rows(generation)?)).await?;
        }
        // Nothing is known when so much is written just now that it has to be counted again; the next look will.
        let Some(hot) = store.tallied_hot_rows(self.generation) else { return Ok(()) };
        let is_old = self.is_old(hot, now);
        if is_old || self.has_many(hot) {
            // What is due for its age goes whole.
            let slice_rows_min = self.policy.rows.filter(|_| self.divided && !is_old).map(NonZeroU64::get);
            let task = Task::Flush(Flush { of: self.of, lock_timeout_ms: None, slice_rows_min });
            let job = database.jobs().order(database, Order::unasked(task))?;
            self.flush = Some(Ordered { job: Arc::clone(job.job()), ended_at: None });
        }
        Ok(())
    }

    /// Whether there may be as many rows as the policy says. How many each user of a user table has is not kept, which would
    /// take memory by their number: a flush finds out, and leaves those that have fewer. It is tried again when so many
    /// rows have come that one user may have them all, and not for less than an eighth of what it has to count again.
    fn has_many(&self, hot: HotRows) -> bool {
        let patience = if self.divided { self.left_rows / 8 } else { 0 };
        let come = hot.rows.saturating_sub(self.left_rows);
        self.policy.rows.is_some_and(|rows| come >= rows.get().max(patience))
    }

    fn is_old(&self, hot: HotRows, now: i64) -> bool {
        self.policy.interval_s.zip(hot.since_us).is_some_and(|(interval, since)| {
            let interval_us = i64::try_from(interval.get()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
            now >= since.max(self.flushed_at).saturating_add(interval_us)
        })
    }
}

/// The tables that are due to be compacted.
fn due_compactions(database: &Database) -> Result<Vec<TableOf>> {
    let store = database.store();
    let mut due = Vec::new();
    for catalog in database.catalogs().all() {
        for table in catalog.tables.values().filter(|table| table.kind == TableKind::Table && may_be_due(table)) {
            if store.is_compaction_due(table.storage.generation)? {
                due.push(TableOf { database: catalog.database, table: table.oid });
            }
        }
    }
    Ok(due)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::internal(format!("looking for what is due ended early: {error}")))?
}
