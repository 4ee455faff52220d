//! LISTEN … FOR and LIVE SELECT: the first answer of a live query, and what the session follows once its transaction has
//! committed.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use futures::StreamExt;
use sha2::{Digest, Sha256};
use storage::{CommitSeq, ReadView, Value};

use super::Session;
use super::cancel::Interrupt;
use super::cursor::{RowSource, Tag};
use super::parameter::{SESSION_LIVE_QUERIES_MAX, USER_LIVE_QUERIES_MAX};
use super::prepared::{CachedPlan, Prepared};
use super::run::{Outcome, no_transaction};
use crate::error::{Error, Result, SqlState};
use crate::execute::query::QueryEnvironment;
use crate::execute::{RowStream, Rows, query};
use crate::function::EvalContext;
use crate::live::{Action, Answer, Follower, Form, Joining, LiveLimits, LivePlan, Subscription, backwards, gathered};
use crate::plan::relation::Query;
use crate::plan::{ColumnDescription, Plan};
use crate::statement::{LiveOptions, LiveStatement};
use crate::types::text::Format;
use crate::types::{Type, oid};

/// The most rows that `last_rows` may ask for: they are kept until they are sent.
const LAST_ROWS_MAX: u64 = 100_000;

/// A live query whose first rows are there, and that can be followed.
pub(super) struct Begun {
    /// Those of the query.
    pub(super) columns: Arc<[ColumnDescription]>,
    pub(super) source: RowSource,
    pub(super) joining: Joining,
}

/// What a live query's statement answers with.
struct First {
    source: RowSource,
    /// For a query that is run again: what is known of it.
    answer: Option<Answer>,
}

impl Session {
    /// LISTEN … FOR and LIVE SELECT.
    pub(super) async fn begin_live(
        &mut self,
        live: &LiveStatement,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let channel = (Form::Json, live.channel.as_deref());
        let Begun { columns, source, joining } = self.prepare_live(live, prepared, params, channel, interrupt).await?;
        self.follow_at_commit(joining);
        Ok(Outcome::Rows { columns, source, tag: Tag::Counted("SELECT") })
    }

    /// Runs a live query for the first time; nothing is followed yet. Events of the form are told under the name, or that of
    /// the live query if there is none: as notifications of the session, or, as rows, to an outbox of their own.
    pub(super) async fn prepare_live(
        &mut self,
        live: &LiveStatement,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        (form, name): (Form, Option<&str>),
        interrupt: &Interrupt,
    ) -> Result<Begun> {
        self.begin_implicit();
        let open = self.state.open().ok_or_else(no_transaction)?;
        if open.transaction.has_writes() || !open.changes.is_empty() {
            let message = "a live query cannot begin in a transaction that has written";
            return Err(Error::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
        }
        check_last_rows(&live.options)?;
        self.check_live_limits(live.channel.as_deref())?;
        let plan = self.lock_plan(prepared, interrupt).await?;
        let context = self.checked_context(&plan, prepared, params, self.catalog())?;
        let (Plan::Query(bound) | Plan::Short { query: bound, .. }) = plan.plan.plan() else {
            return Err(Error::internal("a live query has no bound query"));
        };
        let registry = &self.database.live().registry;
        let (bound, live_plan) = (bound.clone(), Arc::new(LivePlan::of(bound, &context.catalog, form, registry)?));
        // Before the snapshot is taken, so that no row is missed that comes after it.
        let attending = live_plan.attend(self.database.store())?;
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        open.used = true;
        open.transaction.begin_command();
        let snapshot = open.transaction.view().seq();
        let resumes = match live.options.since {
            None => false,
            Some(since) => {
                let from = (CommitSeq(since), live.options.timeline.as_deref());
                let registry = &self.database.live().registry;
                interrupt.guard(async { Ok(registry.can_resume(&live_plan, from, snapshot).await) }).await?
            }
        };
        let wants_rows = live.options.initial && !resumes;
        let first = self.first_answer((&plan, &bound), &live_plan, &live.options, &context, (wants_rows, interrupt));
        let First { source, answer } = Box::pin(first).await?;
        let from = match live.options.since {
            Some(since) if resumes && answer.is_none() => CommitSeq(since),
            _ => snapshot,
        };
        let ttl_seconds = live_plan.ttl_seconds();
        if let Some(stream) = plan.plan.stream_read() {
            self.stream_read = Some(stream.name.clone());
        }
        let joining = Joining {
            attending,
            identity: self.live_identity(live, &live_plan, &context, form),
            plan: live_plan,
            text: live.text.as_str().into(),
            role: self.current_role(),
            database: self.database_oid,
            context,
            follower: self.new_follower(form, name),
            from,
            reset: live.options.since.is_some() && !resumes,
            answer: answer.map(Arc::new),
            ttl_seconds,
        };
        Ok(Begun { columns: plan.columns.clone().unwrap_or_default(), source, joining })
    }

    /// 53400 for a session or a user who follows too much already.
    fn check_live_limits(&self, channel: Option<&str>) -> Result<()> {
        let live = self.database.live();
        let replaced = self.outbox().map(|outbox| outbox.id).zip(channel);
        let (of_session, of_user) = live.registry.counts(self.process_id, replaced, self.session_role());
        let waiting = self.joining.len();
        let LiveLimits { session_queries_max, user_queries_max } = live.limits;
        let refusal = |who: &str, max: usize, setting: &str| {
            let message = format!("{who} may follow {max} live queries at a time");
            Err(Error::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, message)
                .with_hint(format!("UNLISTEN or CLOSE ends one. The server's configuration sets \"{setting}\".")))
        };
        if of_session + waiting >= session_queries_max {
            return refusal("a session", session_queries_max, SESSION_LIVE_QUERIES_MAX);
        }
        if of_user + waiting >= user_queries_max {
            return refusal("a user", user_queries_max, USER_LIVE_QUERIES_MAX);
        }
        Ok(())
    }

    async fn first_answer(
        &mut self,
        (plan, bound): (&Arc<CachedPlan>, &Arc<Query>),
        live: &Arc<LivePlan>,
        options: &LiveOptions,
        context: &EvalContext,
        (wants_rows, interrupt): (bool, &Interrupt),
    ) -> Result<First> {
        let last = options.last_rows.filter(|_| wants_rows).and_then(|count| usize::try_from(count).ok());
        if !live.is_rerun() {
            let source = match last {
                _ if !wants_rows => RowSource::Ready(None),
                None => match self.execute_begun(plan, context, interrupt).await? {
                    Outcome::Rows { source, .. } => source,
                    _ => return Err(Error::internal("a live query answers no rows")),
                },
                Some(count) => {
                    let view = self.state.open().ok_or_else(no_transaction)?.transaction.view();
                    let environment = self.database.query_environment().clone();
                    let rows = interrupt.guard(last_rows(bound, count, context, view, environment)).await?;
                    RowSource::Ready(Some(Rows::Values(rows)))
                }
            };
            return Ok(First { source, answer: None });
        }
        let environment = self.database.query_environment().clone();
        let open = self.state.open().ok_or_else(no_transaction)?;
        let rows = query::run(bound, context, open.transaction.view(), &environment)?;
        let (live, context) = (live.clone(), context.clone());
        let kept_bytes = self.database.live().registry.kept.clone();
        // Writing JSON is work for the query threads, too.
        let work = environment.handle().spawn(async move {
            let mut kept = Vec::new();
            let answer = gathered(rows, &live, &context, &kept_bytes, |batch| {
                if wants_rows {
                    kept.push(batch);
                }
            });
            answer.await.map(|answer| (answer, kept))
        });
        let work = AbortOnDrop(work);
        let (answer, kept) = interrupt.guard(work.joined()).await?;
        let source = match last {
            None => RowSource::Stream(Box::pin(futures::stream::iter(kept.into_iter().map(Ok)))),
            Some(count) => {
                let stream: RowStream = Box::pin(futures::stream::iter(kept.into_iter().map(Ok)));
                RowSource::Ready(Some(Rows::Values(tail(stream, count).await?)))
            }
        };
        Ok(First { source, answer: Some(answer) })
    }

    /// What makes two live queries the same.
    fn live_identity(&self, live: &LiveStatement, plan: &LivePlan, context: &EvalContext, form: Form) -> [u8; 32] {
        let facts = &context.session;
        let format = Format { names: None, ..facts.format.clone() };
        let mut text = format!(
            "{form:?}\0{}\0{:?}\0{} {} {}\0{:?}\0{format:?}\0",
            live.text,
            context.params,
            self.database_oid,
            self.current_role().0,
            self.session_role().0,
            facts.search_path,
        );
        if plan.is_of_session() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{} {}\0", self.process_id, self.epoch);
        }
        plan.write_tables(&mut text);
        Sha256::digest(text.as_bytes()).into()
    }

    fn new_follower(&mut self, form: Form, name: Option<&str>) -> Follower {
        let live_id = self.database.new_id("LQ");
        Follower {
            channel: name.unwrap_or(&live_id).into(),
            live_id,
            outbox: match form {
                Form::Json => self.outbox_made(),
                Form::Rows => self.database.live().new_outbox(),
            },
            process_id: self.process_id,
            user: self.session_role(),
            created_at: self.database.now(),
        }
    }

    fn follow_at_commit(&mut self, joining: Joining) {
        self.facts.channels.act(Action::Follow(self.joining.len()));
        self.joining.push(Some(Box::new(joining)));
    }

    /// After a commit: what the session follows from now on, and what no more.
    pub(super) async fn follow_gathered(&mut self, actions: Vec<Action>) {
        let mut joining = std::mem::take(&mut self.joining);
        let Some(outbox) = self.outbox().map(|outbox| outbox.id) else { return };
        let registry = self.database.live().registry.clone();
        for action in actions {
            match action {
                Action::Listen(_) => {}
                Action::Unlisten(channel) => registry.unlisten(outbox, Some(&channel)),
                Action::UnlistenAll => registry.unlisten(outbox, None),
                Action::Follow(number) => {
                    if let Some(joining) = joining.get_mut(number).and_then(Option::take) {
                        registry.follow(*joining).await;
                    }
                }
            }
        }
    }

    /// KILL LIVE QUERY.
    pub(super) fn kill_live_query(&mut self, live_id: &str) -> Result<()> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let own = self.session_role();
        // Whether others have one of that id is not theirs to know.
        let denied = || {
            Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for live query {live_id}"))
                .with_hint("It takes whoever follows it, or a superuser."))
        };
        let may = |subscription: &Subscription| {
            let is_own = subscription.user == own || principal.has_privileges_of(subscription.user);
            if principal.is_superuser() || is_own { Ok(()) } else { denied() }
        };
        if self.database.live().registry.kill(live_id, may)? {
            return Ok(());
        }
        if !principal.is_superuser() {
            return denied();
        }
        Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("live query \"{live_id}\" does not exist")))
    }
}

/// The columns of a live query whose rows are asked for: `_op` and `_seq`, then its own.
pub(super) fn live_columns(own: &[ColumnDescription]) -> Arc<[ColumnDescription]> {
    let op = ColumnDescription::new("_op", Type::new(oid::TEXT));
    let seq = ColumnDescription::new("_seq", Type::new(oid::INT8));
    [op, seq].into_iter().chain(own.iter().cloned()).collect()
}

fn check_last_rows(options: &LiveOptions) -> Result<()> {
    if options.last_rows.is_some_and(|count| count > LAST_ROWS_MAX) {
        let message = format!("last_rows may be {LAST_ROWS_MAX} at most");
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    Ok(())
}

/// The last rows of an answer, in its order.
async fn last_rows(
    bound: &Query,
    count: usize,
    context: &EvalContext,
    view: ReadView,
    environment: QueryEnvironment,
) -> Result<Vec<Vec<Value>>> {
    let Some(backwards) = backwards(bound, count as u64) else {
        return tail(query::run(bound, context, view, &environment)?, count).await;
    };
    let mut rows = tail(query::run(&backwards, context, view, &environment)?, count).await?;
    rows.reverse();
    Ok(rows)
}

/// The last rows that come.
async fn tail(mut rows: RowStream, count: usize) -> Result<Vec<Vec<Value>>> {
    let mut last: VecDeque<Vec<Value>> = VecDeque::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let skipped = batch.len().saturating_sub(count);
        last.extend(batch.slice(skipped, count).into_values());
        last.drain(..last.len().saturating_sub(count));
    }
    Ok(last.into())
}

/// Work on the query threads that ends when nobody waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<Result<T>>);

impl<T> AbortOnDrop<T> {
    async fn joined(mut self) -> Result<T> {
        match (&mut self.0).await {
            Ok(result) => result,
            Err(_) => Err(Error::internal("the query ended unexpectedly")),
        }
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
