//! `system.stats`: the numbers of the running server, which `/metrics` tells too; and `pg_stat_database`.

use storage::Value;

use super::number;
use crate::catalog::Catalog;
use crate::catalog::pg_catalog::relation::{NULL, row};
use crate::provider::live::LiveSources;
use crate::session::TransactionStatus;
use crate::session::counts::Totals;

/// Whether a number only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureKind {
    Counter,
    Gauge,
}

impl FigureKind {
    pub fn name(self) -> &'static str {
        match self {
            FigureKind::Counter => "counter",
            FigureKind::Gauge => "gauge",
        }
    }
}

/// A number that the server tells of itself.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    pub name: &'static str,
    pub value: u64,
    pub kind: FigureKind,
    /// What is counted; empty: things.
    pub unit: &'static str,
    pub description: &'static str,
}

const fn counter(name: &'static str, value: u64, description: &'static str) -> Figure {
    Figure { name, value, kind: FigureKind::Counter, unit: "", description }
}

const fn gauge(name: &'static str, value: u64, description: &'static str) -> Figure {
    Figure { name, value, kind: FigureKind::Gauge, unit: "", description }
}

impl Figure {
    const fn of(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }
}

/// Every number there is, in a fixed order.
pub(crate) fn figures(live: &LiveSources) -> Vec<Figure> {
    let mut figures = sessions(live).to_vec();
    figures.extend(stored(live));
    let [events, waiting, lost] = live.audit.counts();
    let uptime = live.store.environment().now_us().saturating_sub(live.started_at).max(0);
    figures.extend([
        gauge("jobs_under_way", live.jobs.under_way() as u64, "Jobs that have not ended"),
        gauge("audit_events", events, "Events that the audit log keeps, about"),
        gauge("audit_queue", waiting, "Events that wait to be written"),
        gauge("audit_lost", lost, "Events that could not be recorded and that no event tells of yet"),
        gauge("query_memory_bytes", live.memory_reserved() as u64, "Memory that running queries have taken")
            .of("bytes"),
        gauge("uptime_seconds", uptime as u64 / 1_000_000, "Time since the database was opened").of("seconds"),
    ]);
    if let Some(bytes) = resident_bytes() {
        figures.push(gauge("resident_bytes", bytes, "Memory that the process has").of("bytes"));
    }
    figures
}

fn sessions(live: &LiveSources) -> [Figure; 12] {
    let mut totals = Totals::default();
    for of_database in live.sessions.totals().into_values() {
        totals += of_database;
    }
    let (mut active, mut in_transaction) = (0, 0);
    let sessions = live.sessions.all();
    for session in &sessions {
        match session.deed().rests_in {
            None => active += 1,
            Some(TransactionStatus::Idle) => {}
            Some(TransactionStatus::Open | TransactionStatus::Failed) => in_transaction += 1,
        }
    }
    let locks = live.store.locks_held();
    [
        counter("sessions_total", totals.sessions, "Sessions that have begun"),
        gauge("sessions", sessions.len() as u64, "Sessions there are"),
        gauge("sessions_active", active, "Sessions that run a statement"),
        gauge("sessions_in_transaction", in_transaction, "Sessions that are idle in a transaction"),
        counter("requests_total", totals.requests, "Statements and scripts that clients have sent"),
        counter("commits_total", totals.commits, "Transactions that were committed"),
        counter("rollbacks_total", totals.rollbacks, "Transactions that were rolled back"),
        counter("rows_returned_total", totals.rows_returned, "Rows that were sent to clients"),
        counter("rows_inserted_total", totals.rows_inserted, "Rows that INSERT has written"),
        counter("rows_updated_total", totals.rows_updated, "Rows that UPDATE has written"),
        counter("rows_deleted_total", totals.rows_deleted, "Rows that DELETE has deleted"),
        gauge("locks", locks.len() as u64, "Locks that are held or awaited"),
    ]
}

fn stored(live: &LiveSources) -> [Figure; 14] {
    let figures = live.store.figures();
    let (entries, blocks) = (figures.entries, figures.blocks);
    [
        counter("commit_seq", figures.published, "The newest commit that readers see"),
        gauge("commits_waiting", figures.commits_waiting, "Write sets that wait for the committer"),
        gauge("writable", u64::from(figures.is_writable), "1 while writes are accepted"),
        gauge("feed_commits", figures.feed_commits, "Commits that the change feed still has"),
        gauge("feed_bytes", figures.feed_bytes, "Memory that they take").of("bytes"),
        gauge("cache_entry_bytes", entries.bytes, "Memory for single rows and index entries").of("bytes"),
        counter("cache_entry_hits_total", entries.hits, "Rows and index entries that were found there"),
        counter("cache_entry_misses_total", entries.misses, "Rows and index entries that were not"),
        gauge("cache_block_bytes", blocks.bytes, "Memory for what was read of segments").of("bytes"),
        counter("cache_block_hits_total", blocks.hits, "Parts of segments that were found there"),
        counter("cache_block_misses_total", blocks.misses, "Parts of segments that were not"),
        gauge("segments", figures.segments, "Files of cold rows"),
        gauge("segment_bytes", figures.segment_bytes, "Size of these files").of("bytes"),
        gauge(
            "temporary_files_left",
            u64::from(live.store.has_unlinked_segments()),
            "1 while files wait to be deleted",
        ),
    ]
}

/// What the operating system says that the process has in memory, where it says so.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

pub(super) fn rows(live: &LiveSources) -> Vec<Vec<Value>> {
    let row = |figure: Figure| {
        let unit = (!figure.unit.is_empty()).then_some(figure.unit);
        row![figure.name, number(figure.value), figure.kind.name(), unit, figure.description]
    };
    figures(live).into_iter().map(row).collect()
}

/// `pg_stat_database`: what is counted here; the rest is NULL.
pub(super) fn databases(catalog: &Catalog, live: &LiveSources) -> Vec<Vec<Value>> {
    let totals = live.sessions.totals();
    let row = |database: &std::sync::Arc<crate::catalog::Database>| {
        let of = totals.get(&database.oid).copied().unwrap_or_default();
        let backends = live.sessions.count_in(database.oid);
        let mut row = row![
            database.oid,
            &database.name,
            i32::try_from(backends).unwrap_or(i32::MAX),
            number(of.commits),
            number(of.rollbacks),
            NULL,
            NULL,
            number(of.rows_returned),
            NULL,
            number(of.rows_inserted),
            number(of.rows_updated),
            number(of.rows_deleted),
        ];
        row.extend([NULL; 11]);
        row.extend(row![number(of.sessions), NULL, NULL, NULL, Value::Timestamptz(live.started_at)]);
        row
    };
    catalog.databases.values().map(row).collect()
}
