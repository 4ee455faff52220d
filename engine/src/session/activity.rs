//! What each session is doing, for others to see and to end: `pg_stat_activity` and `pg_terminate_backend`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use auth::RoleId;
use parking_lot::Mutex;

use super::cancel::Canceller;
use super::counts::{Counts, Totals};
use super::transaction::TransactionStatus;
use crate::audit::secret::without_secrets;
use crate::database::Ends;
use crate::function::TransactionNumbers;
use crate::types::datetime::now;

/// Bytes of a statement's text that others see (PostgreSQL's `track_activity_query_size`, less its end mark).
const QUERY_BYTES_MAX: usize = 1023;

/// The sessions there are, in the order in which they began.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Table>, TransactionNumbers);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    sessions: BTreeMap<u64, Arc<Activity>>,
    /// What sessions have counted that have ended, by database.
    ended: BTreeMap<u32, Totals>,
}

/// A session's place among those allowed; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    sessions: Arc<Sessions>,
    number: u64,
    activity: Arc<Activity>,
}

/// A session as others see it.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) process_id: i32,
    pub(crate) database: u32,
    pub(crate) role: RoleId,
    pub(crate) client_address: Option<IpAddr>,
    pub(crate) ends: Ends,
    /// Microseconds since 1970-01-01 UTC.
    pub(crate) began_at: i64,
    pub(crate) canceller: Arc<Canceller>,
    pub(crate) counts: Counts,
    now: Mutex<Deed>,
}

/// What a session does now, or did last. Times are microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    /// None: a statement runs.
    pub(crate) rests_in: Option<TransactionStatus>,
    pub(crate) since: i64,
    /// What the client sent last, as far as others see it. It may hold secrets: [`Activity::query`] has none.
    query: String,
    /// How many times the client has asked for something.
    pub(crate) requests: u64,
    pub(crate) query_began_at: Option<i64>,
    pub(crate) transaction_began_at: Option<i64>,
    pub(crate) application_name: String,
    /// The role that its statements run as.
    pub(crate) acting_as: RoleId,
}

impl Sessions {
    /// The numbers of their transactions.
    pub(crate) fn numbers(&self) -> &TransactionNumbers {
        &self.1
    }

    /// Makes a place for one more session; None if there are as many as are allowed.
    pub(crate) fn enter(
        self: &Arc<Self>,
        allowed: usize,
        (process_id, client_address, ends): (i32, Option<IpAddr>, Ends),
        (database, role): (u32, RoleId),
    ) -> Option<Place> {
        let mut table = self.0.lock();
        if table.sessions.len() >= allowed {
            return None;
        }
        table.last += 1;
        let began_at = now();
        let activity = Arc::new(Activity {
            process_id,
            database,
            role,
            client_address,
            ends,
            began_at,
            canceller: Arc::default(),
            counts: Counts::default(),
            now: Mutex::new(Deed {
                rests_in: Some(TransactionStatus::Idle),
                since: began_at,
                query: String::new(),
                requests: 0,
                query_began_at: None,
                transaction_began_at: None,
                application_name: String::new(),
                acting_as: role,
            }),
        });
        let number = table.last;
        table.sessions.insert(number, activity.clone());
        Some(Place { sessions: self.clone(), number, activity })
    }

    pub(crate) fn all(&self) -> Vec<Arc<Activity>> {
        self.0.lock().sessions.values().cloned().collect()
    }

    /// How many sessions a role has.
    pub(crate) fn count_of(&self, role: RoleId) -> usize {
        self.0.lock().sessions.values().filter(|session| session.role == role).count()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().sessions.len()
    }

    /// What all sessions there ever were have counted, by database.
    pub(crate) fn totals(&self) -> BTreeMap<u32, Totals> {
        let table = self.0.lock();
        let mut totals = table.ended.clone();
        for session in table.sessions.values() {
            *totals.entry(session.database).or_default() += session.totals();
        }
        totals
    }

    /// How many sessions a database has.
    pub(crate) fn count_in(&self, database: u32) -> usize {
        self.0.lock().sessions.values().filter(|session| session.database == database).count()
    }
}

impl Place {
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.sessions.0.lock();
        if let Some(session) = table.sessions.remove(&self.number) {
            *table.ended.entry(session.database).or_default() += session.totals();
        }
    }
}

impl Activity {
    /// A statement begins.
    pub(super) fn begin(&self, query: &str) {
        let at = now();
        let mut deed = self.now.lock();
        deed.rests_in = None;
        deed.since = at;
        deed.query_began_at = Some(at);
        deed.requests += 1;
        deed.transaction_began_at.get_or_insert(at);
        deed.query.clear();
        deed.query.push_str(&query[..query.floor_char_boundary(QUERY_BYTES_MAX)]);
    }

    /// The client is to speak next.
    pub(super) fn rest(&self, status: TransactionStatus) {
        let at = now();
        let mut deed = self.now.lock();
        deed.rests_in = Some(status);
        deed.since = at;
        if status == TransactionStatus::Idle {
            deed.transaction_began_at = None;
        }
    }

    pub(super) fn tell_settings(&self, application_name: String, acting_as: RoleId) {
        let mut deed = self.now.lock();
        (deed.application_name, deed.acting_as) = (application_name, acting_as);
    }

    pub(crate) fn deed(&self) -> Deed {
        self.now.lock().clone()
    }

    fn totals(&self) -> Totals {
        self.counts.totals(self.now.lock().requests)
    }

    /// A name for what the client asks for now: when its session began, its process and how many times it has asked.
    pub(crate) fn request_id(&self) -> String {
        format!("{}.{}", self.session_id(), self.now.lock().requests)
    }

    /// A name for the session.
    pub(crate) fn session_id(&self) -> String {
        format!("S{:x}.{:x}", self.began_at, self.process_id)
    }
}

impl Deed {
    /// The statement that runs or ran last, without its secrets.
    pub(crate) fn query(&self) -> Cow<'_, str> {
        without_secrets(&self.query)
    }
}
