//! Running live queries again, on the query threads: one run of a query at a time, a few queries at once.
//!
//! A run covers all commits up to its snapshot. What is committed meanwhile asks for one more run, however much it is. The
//! answer is told when the dispatcher has passed the snapshot: by then what has become of the tables is known, too.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::Semaphore;

use super::difference::{Answer, Kept};
use super::outbox::Wakes;
use super::plan::{How, LivePlan};
use super::query::LiveQuery;
use super::registry::{Ground, Registry, failed};
use crate::error::{Error, Result};
use crate::execute::query::run;
use crate::execute::{RowStream, Rows};
use crate::function::EvalContext;

/// How many queries are run again at once.
const RUNS_MAX: usize = 2;

/// How long the dispatcher may take before we look whether anybody still follows the query.
const PASSED_LIMIT: Duration = Duration::from_secs(1);

/// The turns of those that are run again.
pub(super) struct Runs(Semaphore);

impl Default for Runs {
    fn default() -> Self {
        Self(Semaphore::new(RUNS_MAX))
    }
}

/// Sees to it that a query is run at a snapshot of now or later.
pub(super) fn want(registry: &Arc<Registry>, query: &Arc<LiveQuery>) {
    {
        let mut followers = query.followers.lock();
        let Some(told) = &mut followers.told else { return };
        told.is_touched = false;
        if std::mem::replace(&mut told.is_running, true) {
            told.is_wanted = true;
            return;
        }
    }
    if let Some(ground) = registry.ground() {
        ground.environment.handle().spawn(keep_up(registry.clone(), query.clone()));
    }
}

async fn keep_up(registry: Arc<Registry>, query: Arc<LiveQuery>) {
    let Some(ground) = registry.ground() else { return };
    loop {
        if let Err(error) = run_once(&registry, &query, ground).await {
            registry.interrupt(&query, ground.store.published(), &failed(&error));
            return;
        }
        let mut followers = query.followers.lock();
        let Some(told) = &mut followers.told else { return };
        if !std::mem::take(&mut told.is_wanted) {
            told.is_running = false;
            return;
        }
    }
}

/// Runs a query and tells its followers what has changed.
async fn run_once(registry: &Registry, query: &Arc<LiveQuery>, ground: &Ground) -> Result<()> {
    let How::Rerun(bound) = &query.plan.how else { return Ok(()) };
    let turn = registry.runs.0.acquire().await.map_err(|_| Error::internal("runs of live queries were closed"))?;
    {
        let mut followers = query.followers.lock();
        let Some(told) = &mut followers.told else { return Ok(()) };
        told.is_wanted = false;
    }
    let (view, context) = (ground.store.view(), query.context());
    let seq = view.seq();
    let rows = run(bound, &context, view, &ground.environment)?;
    let answer = Arc::new(gathered(rows, &query.plan, &context, &registry.kept, |_| ()).await?);
    drop(turn);
    while tokio::time::timeout(PASSED_LIMIT, ground.dispatcher.passed_by(seq)).await.is_err() {
        // The dispatcher rests when nobody follows anything any more.
        if query.followers.lock().told.is_none() {
            return Ok(());
        }
    }
    let mut followers = query.followers.lock();
    let Some(told) = followers.told.as_mut().filter(|told| told.seq < seq) else { return Ok(()) };
    let change = told.answer.difference(&answer, query.plan.change_event(seq))?;
    (told.answer, told.seq) = (answer, seq);
    if let Some(payload) = change {
        followers.tell(&payload, seq, &mut Wakes::default());
        if followers.list.is_empty() {
            drop(followers);
            registry.retire(query);
        }
    }
    Ok(())
}

/// Reads rows to their end, as the answer that is kept; `see` is shown each batch of them.
pub(crate) async fn gathered(
    mut rows: RowStream,
    plan: &LivePlan,
    context: &EvalContext,
    kept: &Kept,
    mut see: impl FnMut(Rows),
) -> Result<Answer> {
    let mut answer = Answer::new(plan.shape.key.is_some(), kept);
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        answer.take(&batch, plan.shape.key.as_deref(), &plan.shape.writer, context)?;
        see(batch);
    }
    Ok(answer)
}
