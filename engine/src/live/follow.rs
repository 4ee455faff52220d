//! Beginning to follow a query: from the snapshot of its first answer, or of one that the client had before, to now.
//!
//! Nothing is registered before the transaction of the LISTEN has committed: the ring of recent commits has what came in
//! between, however long the client takes to read the first answer, within the ring's budget.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use storage::{Attending, Change, ChangeReader, CommitRecord, CommitSeq, FeedEnd};

use super::difference::Answer;
use super::event::Ready;
use super::lane::{LANE_BYTES_MAX, OVERFLOWS, ROWS_AT_ONCE_MAX, Work, changes_at};
use super::outbox::Wakes;
use super::plan::LivePlan;
use super::query::{Identity, LiveQuery};
use super::registry::{Ground, Registry, State, failed};
use super::rerun;
use super::subscription::{Follower, QUEUE_BYTES_MAX, Subscription};
use crate::error::Result;
use crate::function::EvalContext;

/// Commits that are looked at before others have their turn; fewer may be left to look at with the registry locked.
const COMMITS_AT_ONCE: usize = 16;

/// How long a commit that a snapshot has may take to be durable.
const SETTLED_LIMIT: Duration = Duration::from_secs(2);

const FELL_BEHIND: &str = "the recent changes do not reach back to the first answer";
const REPLACED: &str = "table truncated or replaced";

/// What a session wants to follow once its transaction has committed.
pub(crate) struct Joining {
    pub(crate) identity: Identity,
    pub(crate) plan: Arc<LivePlan>,
    pub(crate) text: Arc<str>,
    /// As whom it was bound, and where.
    pub(crate) role: auth::RoleId,
    pub(crate) database: u32,
    pub(crate) context: EvalContext,
    pub(crate) follower: Follower,
    /// The commit up to which the client knows the answer.
    pub(crate) from: CommitSeq,
    /// Whether what the client knew before is of no use.
    pub(crate) reset: bool,
    /// The answer at that commit, for a query that is run again.
    pub(crate) answer: Option<Arc<Answer>>,
    pub(crate) ttl_seconds: Option<u64>,
    /// Keeps the rows of ephemeral streams.
    pub(crate) attending: Vec<Attending>,
}

impl std::fmt::Debug for Joining {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Joining").field("text", &self.text).field("from", &self.from).finish_non_exhaustive()
    }
}

/// What has come of the commits since.
struct Missed {
    reader: ChangeReader,
    events: Vec<(Bytes, CommitSeq)>,
    bytes: usize,
    /// Commits after those, which are to be evaluated aside.
    works: Vec<(Work, CommitSeq)>,
    work_bytes: usize,
    /// A table of a query that is run again has changed.
    is_touched: bool,
    /// Why it cannot go on from there, and since when.
    broken: Option<(CommitSeq, String)>,
}

impl Registry {
    /// Begins to tell a session. It is told of the subscription first, then of everything after `joining.from`.
    pub(crate) async fn follow(self: &Arc<Self>, joining: Joining) {
        let Some(ground) = self.ground() else { return };
        if joining.answer.is_some() {
            // A store that has stopped to write never gets there, nor does it have anything to tell.
            let _ = tokio::time::timeout(SETTLED_LIMIT, settled(ground, joining.from)).await;
        }
        self.unlisten(joining.follower.outbox.id, Some(&joining.follower.channel));
        let mut missed = Missed::since(joining.from, ground);
        while missed.step(&joining.plan, &joining.context, ground, joining.plan.is_costly()) {
            tokio::task::yield_now().await;
        }
        let (query, is_touched) = self.enter(joining, missed, ground);
        if let Some(query) = query {
            // Definitions may have changed since it was bound.
            if ground.catalog(query.database).is_none_or(|now| now.version != query.context().catalog.version) {
                self.look_again(vec![query.clone()], ground.store.announced());
            }
            if is_touched {
                rerun::want(self, &query);
            }
        }
    }

    /// Registers with the registry locked, so that the dispatcher goes on exactly behind what was read here. Answers the
    /// query that is followed, and whether it has to be run again.
    fn enter(
        self: &Arc<Self>,
        joining: Joining,
        mut missed: Missed,
        ground: &Ground,
    ) -> (Option<Arc<LiveQuery>>, bool) {
        let Joining { identity, plan, text, role, database, context, .. } = joining;
        let (follower, from, reset, answer) = (joining.follower, joining.from, joining.reset, joining.answer);
        let told = answer.clone().map(|answer| (answer, from));
        // What its filter asks for is computed here, where nobody else waits for it.
        let new = Arc::new(LiveQuery::new(identity, plan, text, (role, database), context, told));
        let mut wakes = Wakes::default();
        let mut state = self.state.lock();
        if state.attendance.is_none() {
            state.attendance = Some(ground.dispatcher.attend(&ground.store));
        }
        // Nothing is evaluated while the dispatcher may wait for the registry.
        while missed.step(&new.plan, &new.context(), ground, true) {}
        let known = state.queries.get(&identity).filter(|known| !known.followers.lock().is_over).cloned();
        let query = known.unwrap_or(new);
        let subscription = Arc::new(Subscription::new(follower, query.clone(), joining.attending));
        state.enter(subscription.clone());
        let timeline = timeline(ground);
        let ready = Ready {
            live_id: &subscription.live_id,
            channel: &subscription.channel,
            timeline: &timeline,
            seq: from,
            reset,
            columns: &query.plan.shape.columns,
            key: query.plan.shape.key.as_deref(),
            ttl_seconds: joining.ttl_seconds,
        };
        subscription.begin(ready.json());
        if let Some((seq, reason)) = missed.broken {
            subscription.resync(seq, &reason);
            state.retire(&query);
            return (None, false);
        }
        for (event, seq) in missed.events {
            subscription.tell(event, seq, &mut wakes);
        }
        for (work, seq) in missed.works {
            if !self.lanes.put(self, &query, work.for_one(&subscription)) {
                subscription.resync(seq, OVERFLOWS);
                break;
            }
        }
        let after = missed.reader.last().max(from);
        let is_touched = match answer {
            Some(answer) => join_told(&query, &subscription, (answer, from)) < after && missed.is_touched,
            None => {
                query.followers.lock().list.push((subscription.clone(), after));
                false
            }
        };
        settle(&mut state, &query, &subscription);
        (Some(query), is_touched)
    }
}

/// Makes the query known if it is new and is followed.
fn settle(state: &mut State, query: &Arc<LiveQuery>, subscription: &Arc<Subscription>) {
    if subscription.is_out() {
        query.followers.lock().list.retain(|(other, _)| !Arc::ptr_eq(other, subscription));
    }
    if query.followers.lock().list.is_empty() {
        state.retire(query);
    } else if !state.queries.get(&query.identity).is_some_and(|known| Arc::ptr_eq(known, query)) {
        state.add(query);
    }
}

/// Adds a follower who has an answer of its own to those of a query that is run again: whoever has the older answer is told
/// the difference. Answers which commit's answer all have now.
fn join_told(
    query: &LiveQuery,
    subscription: &Arc<Subscription>,
    (answer, seq): (Arc<Answer>, CommitSeq),
) -> CommitSeq {
    let mut followers = query.followers.lock();
    let mut known = CommitSeq(0);
    if let Some(told) = &mut followers.told {
        let older_is_theirs = told.seq < seq;
        known = told.seq.max(seq);
        let change = match older_is_theirs {
            true => told.answer.difference(&answer, query.plan.change_event(seq)),
            false if told.seq == seq => Ok(None),
            false => answer.difference(&told.answer, query.plan.change_event(told.seq)),
        };
        if older_is_theirs {
            (told.answer, told.seq) = (answer, seq);
        }
        match change {
            Ok(None) => {}
            Ok(Some(payload)) if older_is_theirs => followers.tell(&payload, seq, &mut Wakes::default()),
            Ok(Some(payload)) => {
                subscription.tell(payload, known, &mut Wakes::default());
            }
            Err(error) if older_is_theirs => {
                followers.list.drain(..).for_each(|(other, _)| other.resync(seq, &failed(&error)));
            }
            Err(error) => subscription.resync(known, &failed(&error)),
        }
    }
    followers.list.push((subscription.clone(), known));
    known
}

impl Missed {
    fn since(from: CommitSeq, ground: &Ground) -> Self {
        let reader = ground.store.changes(from);
        let (events, works) = (Vec::new(), Vec::new());
        Self { reader, events, bytes: 0, works, work_bytes: 0, is_touched: false, broken: None }
    }

    /// Looks at some more commits, or leaves it to be done aside; false if there are no more for now.
    fn step(&mut self, plan: &LivePlan, context: &EvalContext, ground: &Ground, aside: bool) -> bool {
        if self.broken.is_some() {
            return false;
        }
        let Ok(records) = self.reader.try_next_batch(COMMITS_AT_ONCE) else {
            self.broken = Some((ground.store.announced(), FELL_BEHIND.to_owned()));
            return false;
        };
        for record in &records {
            if let Err(reason) = self.look_at(record, plan, context, (ground, aside)) {
                self.broken = Some((record.seq, reason));
                return false;
            }
        }
        records.len() == COMMITS_AT_ONCE
    }

    fn look_at(
        &mut self,
        record: &Arc<CommitRecord>,
        plan: &LivePlan,
        context: &EvalContext,
        (ground, aside): (&Ground, bool),
    ) -> Result<(), String> {
        if plan.is_replaced_by(record) {
            return Err(REPLACED.to_owned());
        }
        let is_read = |(_, change): &(u32, &Change)| plan.reads_row(change);
        let places: Vec<u32> = (0..).zip(&record.changes).filter(is_read).map(|(place, _)| place).collect();
        if places.is_empty() {
            return Ok(());
        }
        if plan.is_rerun() {
            self.is_touched = true;
            return Ok(());
        }
        if aside || places.len() > ROWS_AT_ONCE_MAX || !self.works.is_empty() {
            let work = Work::new(record, places, None);
            self.work_bytes += work.bytes();
            if self.work_bytes > LANE_BYTES_MAX && !self.works.is_empty() {
                return Err(OVERFLOWS.to_owned());
            }
            self.works.push((work, record.seq));
            return Ok(());
        }
        let mut changes = changes_at(record, &places);
        let event = plan.event(&mut changes, context, record.seq, &ground.store).map_err(|error| failed(&error))?;
        if let Some(event) = event {
            self.bytes += event.len();
            if self.bytes > QUEUE_BYTES_MAX && !self.events.is_empty() {
                return Err("slow consumer".to_owned());
            }
            self.events.push((event, record.seq));
        }
        Ok(())
    }
}

impl Registry {
    /// Whether a client that followed a query up to a commit of a history can go on from there at a snapshot.
    pub(crate) async fn can_resume(
        &self,
        plan: &LivePlan,
        (since, of): (CommitSeq, Option<&str>),
        snapshot: CommitSeq,
    ) -> bool {
        let Some(ground) = self.ground() else { return false };
        if since > snapshot || of.is_some_and(|of| of != timeline(ground)) {
            return false;
        }
        let mut reader = ground.store.changes(since);
        // What the snapshot has may be on its way into the ring.
        while reader.last() < snapshot {
            let Ok(records) = reader.next_batch(COMMITS_AT_ONCE).await else { return false };
            let past = records.iter().take_while(|record| record.seq <= snapshot);
            // What has been defined meanwhile may have changed what rows look like.
            let mut past = past.filter(|record| {
                record.catalog_changed
                    || plan.is_replaced_by(record)
                    || plan.is_rerun() && record.changes.iter().any(|change| plan.reads_row(change))
            });
            if past.next().is_some() {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    }
}

/// Until a commit that a snapshot has is durable: a newer answer is told to all who follow the same query.
async fn settled(ground: &Ground, seq: CommitSeq) {
    while ground.store.announced() < seq {
        let mut reader = ground.store.changes(ground.store.announced());
        if let Err(FeedEnd::Closed) = reader.next_batch(1).await {
            return;
        }
    }
}

/// The store's history, as clients name it.
fn timeline(ground: &Ground) -> String {
    format!("{:032x}", ground.store.timeline())
}
