//! The live queries there are: who follows what, and how a commit finds those that it concerns.
//!
//! Commits come from the dispatcher, one by one and in order. The registry finds the queries that they concern by the
//! index; each then tells its followers, or is run again. A session that begins to follow reads the commits since its
//! snapshot from the ring itself, the last of them with the registry locked, so that none is missed and none comes twice.
//!
//! Locks are taken in this order: the registry's, a query's followers, its lane, an outbox's.

use std::collections::{BTreeMap, hash_map};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use auth::RoleId;
use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use storage::{Change, CommitRecord, CommitSeq, Store};

use super::difference::Kept;
use super::index::Index;
use super::lane::{Lanes, OVERFLOWS, ROWS_AT_ONCE_MAX, Work, changes_at};
use super::outbox::Wakes;
use super::plan::{How, Shapes};
use super::query::{Identity, LiveQuery};
use super::rules::{Rules, Verdict};
use super::subscription::Subscription;
use super::{Attendance, Dispatcher, rerun};
use crate::catalog::Catalog;
use crate::database::Database;
use crate::error::Error;
use crate::execute::query::QueryEnvironment;

const REPLACED: &str = "table truncated or replaced";
const LOST: &str = "too many changes at once";

/// Every live query of the server.
#[derive(Default)]
pub(crate) struct Registry {
    ground: OnceLock<Ground>,
    pub(super) state: Mutex<State>,
    pub(super) runs: rerun::Runs,
    pub(super) lanes: Lanes,
    pub(super) shapes: Shapes,
    /// What the answers take that are kept for queries that are run again.
    pub(crate) kept: Kept,
}

/// What live queries stand on, once the database is open.
pub(super) struct Ground {
    pub(super) store: Store,
    pub(super) environment: QueryEnvironment,
    pub(super) dispatcher: Arc<Dispatcher>,
    database: Weak<Database>,
}

impl Ground {
    /// The committed catalog of a database; None when all is over.
    pub(super) fn catalog(&self, database: u32) -> Option<Arc<Catalog>> {
        self.database.upgrade().map(|this| this.catalog(database))
    }
}

/// By outbox and channel: a session has one of them under a name.
type Name = (u64, Arc<str>);

#[derive(Default)]
pub(super) struct State {
    pub(super) index: Index,
    pub(super) queries: FxHashMap<Identity, Arc<LiveQuery>>,
    subscriptions: BTreeMap<Name, Arc<Subscription>>,
    of_user: FxHashMap<RoleId, usize>,
    /// By process id.
    of_session: FxHashMap<i32, usize>,
    /// Queries to run again at the end of the batch.
    touched: Vec<Arc<LiveQuery>>,
    /// The newest commit that was looked at.
    pub(super) passed: CommitSeq,
    /// Keeps the dispatcher reading while anybody follows anything.
    pub(super) attendance: Option<Attendance>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// The queries that a commit concerns, each with the places of its rows among the commit's changes.
type Concerned = Vec<(Arc<LiveQuery>, Vec<u32>)>;

impl Registry {
    /// Tells once what there is.
    pub(crate) fn begin(&self, database: &Arc<Database>) {
        let ground = Ground {
            store: database.store().clone(),
            environment: database.query_environment().clone(),
            dispatcher: database.live().dispatcher.clone(),
            database: Arc::downgrade(database),
        };
        // A second one would be the same.
        let _ = self.ground.set(ground);
    }

    /// None before the database is open, when there are no live queries.
    pub(super) fn ground(&self) -> Option<&Ground> {
        self.ground.get()
    }

    /// One commit, durable and published; called by the dispatcher in commit order. Must not wait.
    pub(crate) fn deliver(self: &Arc<Self>, record: &Arc<CommitRecord>, wakes: &mut Wakes) {
        let (mut concerned, mut replaced, mut all) = (Concerned::new(), Vec::new(), Vec::new());
        {
            let mut state = self.state.lock();
            state.passed = state.passed.max(record.seq);
            if state.queries.is_empty() {
                return;
            }
            if record.catalog_changed {
                all.extend(state.queries.values().cloned());
            }
            if !record.replaced.is_empty() || !record.emptied.is_empty() {
                replaced.extend(state.queries.values().filter(|query| query.plan.is_replaced_by(record)).cloned());
            }
            gather(&state.index, &record.changes, &mut concerned);
        }
        self.look_again(all, record.seq);
        replaced.into_iter().for_each(|query| self.interrupt(&query, record.seq, REPLACED));
        let (mut touched, mut rows) = (Vec::new(), 0);
        for (query, changes) in concerned {
            if let How::Rerun(_) = &query.plan.how {
                touched.push(query);
                continue;
            }
            rows += changes.len();
            let at_once = rows <= ROWS_AT_ONCE_MAX && !query.plan.is_costly() && !query.lane.is_slow();
            if at_once && query.lane.is_free() {
                self.tell(&query, &changes, record, wakes);
            } else if !self.lanes.put(self, &query, Work::new(record, changes, None)) {
                self.interrupt(&query, record.seq, OVERFLOWS);
            }
        }
        if !touched.is_empty() {
            self.touch(touched, record.seq);
        }
    }

    /// The end of a batch of commits, of which `passed` is the newest: what was coalesced is begun.
    pub(crate) fn batch_ended(self: &Arc<Self>, _passed: CommitSeq) {
        let touched = std::mem::take(&mut self.state.lock().touched);
        touched.iter().for_each(|query| rerun::want(self, query));
    }

    /// Commits up to `passed` were too many for the ring of recent changes and will not be delivered.
    pub(crate) fn lost(self: &Arc<Self>, passed: CommitSeq) {
        let all: Vec<_> = {
            let mut state = self.state.lock();
            state.passed = state.passed.max(passed);
            state.queries.values().cloned().collect()
        };
        self.look_again(all.clone(), passed);
        for query in all {
            match query.plan.how {
                How::PerChange(_) => self.interrupt(&query, passed, LOST),
                How::Rerun(_) => rerun::want(self, &query),
            }
        }
    }

    fn tell(&self, query: &Arc<LiveQuery>, changes: &[u32], record: &CommitRecord, wakes: &mut Wakes) {
        let Some(ground) = self.ground() else { return };
        let begun = Instant::now();
        let mut changes = changes_at(record, changes);
        let event = query.plan.event(&mut changes, &query.context(), record.seq, &ground.store);
        query.lane.took(begun);
        match event {
            Ok(None) => {}
            Ok(Some(payload)) => self.announce(query, &payload, record.seq, wakes),
            Err(error) => self.interrupt(query, record.seq, &failed(&error)),
        }
    }

    /// Tells all followers of a query.
    pub(super) fn announce(&self, query: &Arc<LiveQuery>, payload: &Bytes, seq: CommitSeq, wakes: &mut Wakes) {
        if !query.tell(payload, seq, wakes) {
            self.retire(query);
        }
    }

    /// Takes out of the followers whoever is told nothing more.
    pub(super) fn leave_out(&self, subscription: &Arc<Subscription>) {
        let query = &subscription.query;
        query.followers.lock().list.retain(|(other, _)| !Arc::ptr_eq(other, subscription));
        self.retire(query);
    }

    /// Takes a query out that nobody follows, or that is over.
    pub(super) fn retire(&self, query: &Arc<LiveQuery>) {
        self.state.lock().retire(query);
    }

    /// Remembers to run queries again; those that were run since the commit need not be.
    fn touch(&self, queries: Vec<Arc<LiveQuery>>, seq: CommitSeq) {
        let mut state = self.state.lock();
        for query in queries {
            let is_new = match &mut query.followers.lock().told {
                Some(told) if told.seq < seq => !std::mem::replace(&mut told.is_touched, true),
                _ => false,
            };
            if is_new {
                state.touched.push(query);
            }
        }
    }

    /// Delivery of a query ends until its followers say LISTEN again.
    pub(super) fn interrupt(&self, query: &Arc<LiveQuery>, seq: CommitSeq, reason: &str) {
        // Nobody may begin to follow it meanwhile.
        let mut state = self.state.lock();
        query.conclude().iter().for_each(|subscription| subscription.resync(seq, reason));
        state.retire(query);
    }

    /// Looks whether queries may go on under the definitions of now.
    pub(super) fn look_again(&self, queries: Vec<Arc<LiveQuery>>, seq: CommitSeq) {
        let Some(ground) = self.ground() else { return };
        let mut rules: FxHashMap<u32, Rules> = FxHashMap::default();
        for query in queries {
            let Some(catalog) = ground.catalog(query.database) else { return };
            let rules = rules.entry(query.database).or_insert_with(|| Rules::new(catalog));
            match rules.verdict(&query.plan, query.role) {
                Verdict::GoesOn => query.use_catalog(&rules.catalog),
                Verdict::Resync(reason) => self.interrupt(&query, seq, &reason),
                Verdict::End(reason) => {
                    let mut state = self.state.lock();
                    // Who hears of the end finds it listed no more; who follows something else under the channel by now must hear of none.
                    for subscription in query.conclude() {
                        if state.has(&subscription) {
                            state.forget(&subscription);
                            subscription.end(&reason);
                        }
                    }
                    state.retire(&query);
                }
            }
        }
    }

    /// Ends what an outbox follows under a channel, or under any.
    pub(crate) fn unlisten(&self, outbox: u64, channel: Option<&str>) {
        let mut state = self.state.lock();
        if state.subscriptions.is_empty() {
            return;
        }
        for subscription in state.of_outbox(outbox, channel) {
            subscription.forget();
            state.drop_subscription(&subscription);
        }
    }

    /// Whether an outbox is told of any query.
    pub(crate) fn follows(&self, outbox: u64) -> bool {
        let state = self.state.lock();
        state.attendance.is_some() && state.all_of_outbox(outbox).any(|subscription| !subscription.is_out())
    }

    /// How many live queries a session and a user have, without the one that another of the same name would replace.
    pub(crate) fn counts(&self, process_id: i32, replaced: Option<(u64, &str)>, user: RoleId) -> (usize, usize) {
        let state = self.state.lock();
        let of_session = state.of_session.get(&process_id).copied().unwrap_or_default();
        let of_user = state.of_user.get(&user).copied().unwrap_or_default();
        let replaced = replaced.and_then(|(outbox, channel)| state.of_outbox(outbox, Some(channel)).pop());
        let own = usize::from(replaced.is_some());
        (of_session - own, of_user - usize::from(replaced.is_some_and(|replaced| replaced.user == user)))
    }

    /// Everybody who follows anything.
    pub(crate) fn all(&self) -> Vec<Arc<Subscription>> {
        self.state.lock().subscriptions.values().cloned().collect()
    }

    /// Commits that a subscription has not been told of yet, or that are not known to be none of its.
    pub(crate) fn lag(&self, subscription: &Subscription) -> u64 {
        let passed = self.state.lock().passed;
        let told = subscription.query.followers.lock().told.as_ref().map(|told| (told.seq, told.is_running));
        let known = match told {
            Some((seq, true)) => seq,
            _ => passed,
        };
        self.ground().map_or(0, |ground| ground.store.announced().0.saturating_sub(known.0))
    }

    /// Ends a live query by its id, if `may` lets it be ended; false if there is none.
    pub(crate) fn kill<E>(&self, live_id: &str, may: impl FnOnce(&Subscription) -> Result<(), E>) -> Result<bool, E> {
        let found = self.all().into_iter().find(|subscription| subscription.live_id == live_id);
        let Some(subscription) = found else { return Ok(false) };
        may(&subscription)?;
        let mut state = self.state.lock();
        // Its client may just have begun something else under the channel, to which no end must be told.
        if !state.has(&subscription) {
            return Ok(false);
        }
        state.drop_subscription(&subscription);
        subscription.end("killed");
        Ok(true)
    }
}

fn gather(index: &Index, changes: &[Change], concerned: &mut Concerned) {
    let mut known: FxHashMap<*const LiveQuery, usize> = FxHashMap::default();
    for (place, change) in (0..).zip(changes) {
        index.find(change, &mut |query| {
            let at = *known.entry(Arc::as_ptr(query)).or_insert_with(|| {
                concerned.push((query.clone(), Vec::new()));
                concerned.len() - 1
            });
            let places = &mut concerned[at].1;
            if places.last() != Some(&place) {
                places.push(place);
            }
        });
    }
}

/// Why a query that met an error is not followed any further.
pub(super) fn failed(error: &Error) -> String {
    format!("query failed: {}", error.message)
}

impl State {
    pub(super) fn add(&mut self, query: &Arc<LiveQuery>) {
        query.places.iter().for_each(|(table, place)| self.index.add(*table, place, query));
        self.queries.insert(query.identity, query.clone());
    }

    /// Takes a query out that nobody follows, or that is over.
    pub(super) fn retire(&mut self, query: &Arc<LiveQuery>) {
        {
            let mut followers = query.followers.lock();
            if !followers.list.is_empty() {
                return;
            }
            followers.is_over = true;
            followers.told = None;
        }
        if self.queries.get(&query.identity).is_some_and(|known| Arc::ptr_eq(known, query)) {
            self.queries.remove(&query.identity);
        }
        query.places.iter().for_each(|(table, place)| self.index.remove(*table, place, query));
        self.touched.retain(|touched| !Arc::ptr_eq(touched, query));
        query.lane.empty();
        self.rest();
    }

    /// Nobody has to attend while nothing is followed.
    pub(super) fn rest(&mut self) {
        if self.queries.is_empty() {
            self.attendance = None;
        }
    }

    pub(super) fn enter(&mut self, subscription: Arc<Subscription>) {
        *self.of_user.entry(subscription.user).or_default() += 1;
        *self.of_session.entry(subscription.process_id).or_default() += 1;
        self.subscriptions.insert((subscription.outbox.id, subscription.channel.clone()), subscription);
    }

    /// What an outbox follows under a channel, or under any.
    pub(super) fn of_outbox(&self, outbox: u64, channel: Option<&str>) -> Vec<Arc<Subscription>> {
        match channel {
            Some(channel) => self.subscriptions.get(&(outbox, Arc::from(channel))).cloned().into_iter().collect(),
            None => self.all_of_outbox(outbox).cloned().collect(),
        }
    }

    fn all_of_outbox(&self, outbox: u64) -> impl Iterator<Item = &Arc<Subscription>> {
        let own = (outbox, Arc::from(""))..(outbox + 1, Arc::from(""));
        self.subscriptions.range(own).map(|(_, subscription)| subscription)
    }

    /// Whether the subscription is still what its outbox follows under its channel.
    fn has(&self, subscription: &Arc<Subscription>) -> bool {
        let name = (subscription.outbox.id, subscription.channel.clone());
        self.subscriptions.get(&name).is_some_and(|known| Arc::ptr_eq(known, subscription))
    }

    /// Takes a subscription out, and its query if nobody else follows that.
    pub(super) fn drop_subscription(&mut self, subscription: &Arc<Subscription>) {
        self.forget(subscription);
        subscription.query.followers.lock().list.retain(|(other, _)| !Arc::ptr_eq(other, subscription));
        self.retire(&subscription.query);
    }

    fn forget(&mut self, subscription: &Arc<Subscription>) {
        // Another may have taken the name.
        if !self.has(subscription) {
            return;
        }
        self.subscriptions.remove(&(subscription.outbox.id, subscription.channel.clone()));
        count_down(&mut self.of_user, subscription.user);
        count_down(&mut self.of_session, subscription.process_id);
    }
}

/// One less; none is no entry.
fn count_down<K: Eq + std::hash::Hash>(counts: &mut FxHashMap<K, usize>, key: K) {
    if let hash_map::Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}
