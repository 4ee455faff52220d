//! What all queries of a database share: threads, memory, optimizer and planner.
//!
//! A heavy query must not make point queries wait, so queries run on a runtime with threads of their own, never on
//! those that serve sockets. The memory pool is one for all; what does not fit there spills to disk.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use datafusion::execution::SessionState;
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryPool, MemoryReservation, TrackConsumersPool,
};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::eliminate_group_by_constant::EliminateGroupByConstant;
use datafusion::optimizer::eliminate_join::EliminateJoin;
use datafusion::optimizer::eliminate_limit::EliminateLimit;
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::filter_null_join_keys::FilterNullJoinKeys;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::optimize_unions::OptimizeUnions;
use datafusion::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::push_down_limit::PushDownLimit;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::single_distinct_to_groupby::SingleDistinctToGroupBy;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::SessionConfig;
use storage::{CommitSeq, GenerationId, Value};
use tokio::runtime::{Handle, Runtime};

use super::failure::failure;
use super::forget_values::ForgetValues;
use super::great_limit::{NoGreatLimits, SmallLimits};
use super::in_order::KeepOrder;
use super::join_order::OrderJoins;
use super::lower::table_function::TableFunctionPlanner;
use super::one_by_one::RowsInTurn;
use super::whole_sort::WholeSort;
use crate::catalog::{Table, pg_catalog};
use crate::error::{Error, Result};
use crate::function::EvalContext;
use crate::provider::Sources;

/// Rows per batch between operators.
pub(crate) const BATCH_ROWS: usize = 8192;
/// Batches that wait between a producer and whoever pulls: enough to overlap, little enough to stop soon.
pub(crate) const WAITING_BATCHES: usize = 2;
/// Deeply nested expressions are walked recursively by the planner.
const THREAD_STACK_BYTES: usize = 8 << 20;

/// How much of the machine queries may take.
#[derive(Debug, Clone)]
pub struct QueryOptions {
    pub threads: usize,
    /// Shared by all running queries; past it they spill.
    pub memory_bytes: usize,
    /// Where spilled batches go. Its old contents are not looked at.
    pub spill_directory: PathBuf,
    /// Rows that a write keeps from when they are locked to when they are changed. Of more, its query is run once more.
    pub kept_rows_max: usize,
}

const KEPT_ROWS_MAX: usize = 65_536;

/// Past this, queries spill, unless the database says otherwise.
const MEMORY_BYTES: usize = 256 << 20;

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: MEMORY_BYTES,
            spill_directory: std::env::temp_dir(),
            kept_rows_max: KEPT_ROWS_MAX,
        }
    }
}

/// Shared by all queries of a database. Cheap to clone.
#[derive(Clone)]
pub struct QueryEnvironment(Arc<Inner>);

struct Inner {
    state: SessionState,
    /// The same, but joins sort.
    spilling: SessionState,
    planner: DefaultPhysicalPlanner,
    sources: OnceLock<Arc<dyn Sources>>,
    threads: usize,
    kept_rows_max: usize,
    handle: Handle,
    /// Taken when dropped: a runtime must not be dropped by waiting inside another one.
    runtime: Option<Runtime>,
}

impl QueryEnvironment {
    /// Starts the threads that queries run on.
    pub fn new(options: QueryOptions) -> Result<Self> {
        let threads = options.threads.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("query")
            .thread_stack_size(THREAD_STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("could not start query threads: {error}")))?;
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![options.spill_directory]));
        let pool = TrackConsumersPool::new(
            FairSpillPool::new(options.memory_bytes),
            std::num::NonZeroUsize::new(3).expect("three is not zero"),
        );
        let runtime_env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(failure)?;
        let mut config = SessionConfig::new().with_target_partitions(threads).with_batch_size(BATCH_ROWS);
        config.options_mut().optimizer.skip_failed_rules = false;
        // Rows keep the order of their table, and of their windows, as far as no join or group takes it from them.
        config.options_mut().optimizer.enable_round_robin_repartition = false;
        config.options_mut().optimizer.repartition_windows = false;
        // DataFusion's own rewrites change which columns may be NULL without telling the plans above.
        config.options_mut().execution.skip_physical_aggregate_schema_check = true;
        let state = |config: SessionConfig| {
            SessionStateBuilder::new()
                .with_config(config)
                .with_runtime_env(runtime_env.clone())
                .with_analyzer_rules(Vec::new())
                .with_optimizer_rules(optimizer_rules())
                .with_physical_optimizer_rules(physical_rules())
                .build()
        };
        let mut sorting = config.clone();
        sorting.options_mut().optimizer.prefer_hash_join = false;
        let (state, spilling) = (state(config), state(sorting));
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(TableFunctionPlanner)]);
        let handle = runtime.handle().clone();
        let (sources, kept_rows_max) = (OnceLock::new(), options.kept_rows_max);
        let runtime = Some(runtime);
        Ok(Self(Arc::new(Inner { state, spilling, planner, sources, threads, kept_rows_max, handle, runtime })))
    }

    pub(crate) fn kept_rows_max(&self) -> usize {
        self.0.kept_rows_max
    }

    /// The runtime that queries and their scans run on.
    pub fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// Tells once where relations that are not stored come from.
    pub fn set_sources(&self, sources: Arc<dyn Sources>) {
        // A second one would change the answers of running queries, so the first stays.
        let _ = self.0.sources.set(sources);
    }

    /// About how many rows a table has, if known.
    pub(crate) fn approximate_rows(&self, generation: GenerationId) -> Option<u64> {
        self.0.sources.get().and_then(|sources| sources.approximate_rows(generation))
    }

    /// Commit and time of a table's rows that carry none of their own.
    pub(crate) fn generation_stamp(&self, generation: GenerationId) -> Option<(CommitSeq, i64)> {
        self.0.sources.get().and_then(|sources| sources.generation_stamp(generation))
    }

    /// Every row of a relation that is not stored.
    pub(crate) fn system_rows(&self, table: &Arc<Table>, context: &EvalContext) -> Result<Vec<Vec<Value>>> {
        if let Some(sources) = self.0.sources.get()
            && let Some(rows) = sources.system_rows(table, context)?
        {
            return Ok(rows);
        }
        pg_catalog::rows(table, context, &|generation| self.approximate_rows(generation))
    }

    /// The memory that queries share.
    pub(crate) fn memory_pool(&self) -> Arc<dyn MemoryPool> {
        Arc::clone(&self.0.state.runtime_env().memory_pool)
    }

    /// A part, empty yet, of the memory that queries share.
    pub(crate) fn reservation(&self, consumer: &str) -> MemoryReservation {
        MemoryConsumer::new(consumer).register(&self.0.state.runtime_env().memory_pool)
    }

    pub(crate) fn threads(&self) -> usize {
        self.0.threads
    }

    pub(crate) fn task_context(&self) -> Arc<TaskContext> {
        self.0.state.task_ctx()
    }

    /// Optimizes once. Our plans are typed already, so no analyzer runs.
    pub(crate) fn optimize(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        self.0.state.optimizer().optimize(plan, &self.0.state, |_, _| {}).map_err(failure)
    }

    /// The operators that run an optimized plan with little memory, if slowly: a hash join does not spill.
    pub(crate) async fn physical_that_spills(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.planner.create_physical_plan(plan, &self.0.spilling).await.map_err(failure)
    }

    /// The operators that run an optimized plan.
    pub(crate) async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.planner.create_physical_plan(plan, &self.0.state).await.map_err(failure)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    // The last one checks what the others have made. It no longer knows which columns hold one value only, once joins have
    // been turned about, and refuses plans that sort by them.
    let rules = PhysicalOptimizer::new().rules.into_iter().filter(|rule| rule.name() != "SanityCheckPlan");
    let rules = rules.map(|rule| match rule.name() {
        "LimitAggregation" => Arc::new(SmallLimits(rule)) as _,
        _ => rule,
    });
    let first: [Arc<dyn PhysicalOptimizerRule + Send + Sync>; 2] = [Arc::new(RowsInTurn), Arc::new(ForgetValues)];
    let last = [Arc::new(NoGreatLimits) as _, Arc::new(WholeSort) as _, Arc::new(KeepOrder) as _];
    first.into_iter().chain(rules).chain(last).collect()
}

/// DataFusion's own rules in its own order, without those for subqueries: ours are gone before it sees the plan. The order
/// of joins is a rule of ours.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(OptimizeUnions::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(EliminateJoin::new()),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(EliminateDuplicatedExpr::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(EliminateCrossJoin::new()),
        Arc::new(EliminateLimit::new()),
        Arc::new(PropagateEmptyRelation::new()),
        Arc::new(FilterNullJoinKeys::default()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(PushDownLimit::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(OrderJoins),
        Arc::new(SingleDistinctToGroupBy::new()),
        Arc::new(EliminateGroupByConstant::new()),
        Arc::new(CommonSubexprEliminate::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}
