//! A live query: one evaluation and one encoding for all sessions that follow the same.

use std::sync::Arc;

use arc_swap::ArcSwap;
use auth::RoleId;
use bytes::Bytes;
use parking_lot::Mutex;
use storage::{CommitSeq, TableId};

use super::difference::Answer;
use super::index::Place;
use super::lane::Lane;
use super::outbox::Wakes;
use super::plan::{How, LivePlan};
use super::subscription::Subscription;
use super::terms::{Terms, terms_of};
use crate::catalog::{Catalog, Table};
use crate::function::EvalContext;

/// What makes two live queries the same: a digest of text, values, role, settings and what they read.
pub(crate) type Identity = [u8; 32];

/// A query that somebody follows.
pub(crate) struct LiveQuery {
    pub(super) identity: Identity,
    pub(super) plan: Arc<LivePlan>,
    /// The query as its first follower wrote it.
    pub(crate) text: Arc<str>,
    /// As whom it was bound, and where.
    pub(crate) role: RoleId,
    pub(crate) database: u32,
    context: ArcSwap<EvalContext>,
    /// Where the index has it, by table.
    pub(super) places: Box<[(TableId, Place)]>,
    /// Commits that are evaluated aside.
    pub(super) lane: Lane,
    pub(super) followers: Mutex<Followers>,
}

/// Who follows a query, and what they have been told.
pub(super) struct Followers {
    /// Each with the commit after which it is told of changes.
    pub(super) list: Vec<(Arc<Subscription>, CommitSeq)>,
    /// Nothing follows any more: it has to be bound once more, or cannot be.
    pub(super) is_over: bool,
    /// For a query that is run again.
    pub(super) told: Option<Told>,
}

/// The answer that all followers of a query have.
pub(super) struct Told {
    pub(super) answer: Arc<Answer>,
    pub(super) seq: CommitSeq,
    /// A task runs the query.
    pub(super) is_running: bool,
    /// There were commits since it began.
    pub(super) is_wanted: bool,
    /// It is to be run at the end of the batch.
    pub(super) is_touched: bool,
}

impl LiveQuery {
    pub(super) fn new(
        identity: Identity,
        plan: Arc<LivePlan>,
        text: Arc<str>,
        (role, database): (RoleId, u32),
        context: EvalContext,
        told: Option<(Arc<Answer>, CommitSeq)>,
    ) -> Self {
        let terms = match &plan.how {
            How::PerChange(_) => Terms::default(),
            How::Rerun(query) => terms_of(&query.relation),
        };
        let place = |table: &Arc<Table>| {
            let equalities = match &plan.how {
                How::PerChange(how) => how.equalities(),
                How::Rerun(_) => terms.get(&table.oid).into_iter().flatten().map(|(at, value)| (*at, value)).collect(),
            };
            (id(table), Place::of(table, &equalities, &context))
        };
        let places = plan.shape.tables.iter().map(place).collect();
        let told = told.map(|(answer, seq)| Told::new(answer, seq));
        let followers = Mutex::new(Followers { list: Vec::new(), is_over: false, told });
        let context = ArcSwap::from_pointee(context);
        Self { identity, plan, text, role, database, context, places, lane: Lane::default(), followers }
    }

    /// What its functions may ask.
    pub(super) fn context(&self) -> Arc<EvalContext> {
        self.context.load_full()
    }

    /// Definitions have changed, none of which concerns it: names of types and the like may.
    pub(super) fn use_catalog(&self, catalog: &Arc<Catalog>) {
        let context = self.context.load();
        self.context.store(Arc::new(EvalContext { catalog: catalog.clone(), ..(**context).clone() }));
    }

    /// Tells all followers that do not know of the commit yet; false if none is left.
    pub(super) fn tell(&self, payload: &Bytes, seq: CommitSeq, wakes: &mut Wakes) -> bool {
        let mut followers = self.followers.lock();
        followers.tell(payload, seq, wakes);
        !followers.list.is_empty()
    }

    /// Ends delivery to all followers; answers who they were, and the caller tells them.
    pub(super) fn conclude(&self) -> Vec<Arc<Subscription>> {
        let mut followers = self.followers.lock();
        followers.is_over = true;
        followers.told = None;
        std::mem::take(&mut followers.list).into_iter().map(|(subscription, _)| subscription).collect()
    }
}

impl Told {
    pub(super) fn new(answer: Arc<Answer>, seq: CommitSeq) -> Self {
        Self { answer, seq, is_running: false, is_wanted: false, is_touched: false }
    }
}

impl Followers {
    pub(super) fn tell(&mut self, payload: &Bytes, seq: CommitSeq, wakes: &mut Wakes) {
        self.list.retain(|(subscription, after)| *after >= seq || subscription.tell(payload.clone(), seq, wakes));
    }
}

fn id(table: &Table) -> TableId {
    TableId(table.oid)
}
