//! Set-returning functions: for each input row, the rows that its functions answer, side by side.
//!
//! The functions are iterators that are pulled as batches are wanted, so `generate_series` of a billion rows takes no
//! more memory than one batch.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, Result as DfResult};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{
    Expr as DfExpr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use futures::{Stream, StreamExt};
use storage::row::ColumnBuilder;
use storage::row::arrow::Cells;
use storage::{ColumnType, Value};

use super::{Lowering, column};
use crate::error::{Error, Result};
use crate::execute::environment::BATCH_ROWS;
use crate::execute::failure::{carried, failure};
use crate::expr::Expr;
use crate::function::{EvalContext, TableFunction};
use crate::plan::relation::{Column, Relation};

/// One function, how many of the arguments are its own, and how its columns are laid out.
#[derive(Debug, Clone)]
struct Call {
    function: &'static TableFunction,
    arguments: Vec<ColumnType>,
    columns: Vec<ColumnType>,
}

/// The functions of one node and what they need.
#[derive(Debug)]
struct Calls {
    calls: Vec<Call>,
    /// A last column counts the rows from 1.
    ordinality: bool,
    context: Arc<EvalContext>,
}

impl Lowering<'_> {
    /// A function in FROM.
    pub(super) fn table_function(
        &mut self,
        function: &'static TableFunction,
        args: &[Expr],
        columns: &[Column],
        ordinality: Option<Column>,
    ) -> Result<LogicalPlan> {
        let input = LogicalPlanBuilder::empty(true).build().map_err(failure)?;
        self.functions_over(input, &[(columns.to_vec(), function, args)], ordinality)
    }

    /// A function in FROM whose arguments are columns of what stands before it.
    pub(super) fn function_over(
        &mut self,
        input: &Relation,
        function: &'static TableFunction,
        args: &[Expr],
        columns: &[Column],
        ordinality: Option<Column>,
    ) -> Result<LogicalPlan> {
        let input = self.relation(input)?;
        self.functions_over(input, &[(columns.to_vec(), function, args)], ordinality)
    }

    /// Functions in a SELECT list or in ROWS FROM: in lockstep, the shorter ones padded with NULL.
    pub(super) fn project_set(
        &mut self,
        input: &Relation,
        functions: &[(Vec<Column>, &'static TableFunction, Vec<Expr>)],
        ordinality: Option<Column>,
    ) -> Result<LogicalPlan> {
        let input = self.relation(input)?;
        let calls: Vec<_> =
            functions.iter().map(|(columns, function, args)| (columns.clone(), *function, args.as_slice())).collect();
        self.functions_over(input, &calls, ordinality)
    }

    fn functions_over(
        &mut self,
        input: LogicalPlan,
        functions: &[(Vec<Column>, &'static TableFunction, &[Expr])],
        ordinality: Option<Column>,
    ) -> Result<LogicalPlan> {
        let (mut calls, mut arguments, mut added) = (Vec::new(), Vec::new(), Vec::new());
        for (columns, function, args) in functions {
            if columns.len() > function.columns.len() && !function.columns.is_empty() {
                return Err(Error::internal("a table function has fewer columns than are asked of it"));
            }
            calls.push(Call {
                function,
                arguments: args.iter().map(|arg| column::physical(arg.ty)).collect::<Result<_>>()?,
                columns: columns.iter().map(|column| column::physical(column.ty)).collect::<Result<_>>()?,
            });
            arguments.extend(self.exprs(args)?);
            added.extend_from_slice(columns);
        }
        added.extend(ordinality);
        let fields = added.iter().map(|column| Ok((None, column::field(*column)?))).collect::<Result<Vec<_>>>()?;
        let input_fields = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), field.clone()));
        let schema =
            DFSchema::new_with_metadata(input_fields.chain(fields).collect(), Default::default()).map_err(failure)?;
        let calls = Calls { calls, ordinality: ordinality.is_some(), context: self.context.clone() };
        let node = TableFunctions { input, arguments, schema: Arc::new(schema), calls: Arc::new(calls) };
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}

/// The logical node.
#[derive(Debug, Clone)]
struct TableFunctions {
    input: LogicalPlan,
    arguments: Vec<DfExpr>,
    schema: DFSchemaRef,
    calls: Arc<Calls>,
}

impl PartialEq for TableFunctions {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.calls, &other.calls) && self.arguments == other.arguments && self.input == other.input
    }
}

impl Eq for TableFunctions {}

impl Hash for TableFunctions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.arguments.hash(state);
    }
}

impl PartialOrd for TableFunctions {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for TableFunctions {
    fn name(&self) -> &str {
        "TableFunctions"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<DfExpr> {
        self.arguments.clone()
    }

    /// Conditions on what comes in go below: rows that they leave out are no arguments of the functions, which might fail
    /// on them.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let own = self.schema.fields().iter().skip(self.input.schema().fields().len());
        own.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.calls.display())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<DfExpr>, mut inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        let input = inputs.pop().ok_or_else(|| carried(Error::internal("a table function without input")))?;
        Ok(Self { input, arguments: exprs, schema: self.schema.clone(), calls: self.calls.clone() })
    }
}

impl Calls {
    fn display(&self) -> String {
        let names: Vec<&str> = self.calls.iter().map(|call| call.function.name).collect();
        format!("Function Scan: {}", names.join(", "))
    }
}

/// Plans the node above.
pub(crate) struct TableFunctionPlanner;

#[async_trait]
impl ExtensionPlanner for TableFunctionPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _context: &datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<TableFunctions>() else { return Ok(None) };
        let (Some(logical), Some(input)) = (logical_inputs.first(), physical_inputs.first()) else { return Ok(None) };
        let arguments = node
            .arguments
            .iter()
            .map(|argument| session.create_physical_expr(argument.clone(), logical.schema()))
            .collect::<DfResult<Vec<_>>>()?;
        let schema: SchemaRef = node.schema.inner().clone();
        Ok(Some(Arc::new(TableFunctionsExec::new(input.clone(), arguments, schema, node.calls.clone()))))
    }
}

/// The operator.
#[derive(Debug)]
struct TableFunctionsExec {
    input: Arc<dyn ExecutionPlan>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    calls: Arc<Calls>,
    properties: Arc<PlanProperties>,
}

impl TableFunctionsExec {
    fn new(
        input: Arc<dyn ExecutionPlan>,
        arguments: Vec<Arc<dyn PhysicalExpr>>,
        schema: SchemaRef,
        calls: Arc<Calls>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, arguments, calls, properties: Arc::new(properties) }
    }
}

impl DisplayAs for TableFunctionsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.calls.display())
    }
}

impl ExecutionPlan for TableFunctionsExec {
    fn name(&self) -> &str {
        "TableFunctionsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        for argument in &self.arguments {
            if f(argument)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| carried(Error::internal("a table function without input")))?;
        Ok(Arc::new(Self::new(input, self.arguments.clone(), self.schema(), self.calls.clone())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        // A function may go on for long without waiting for anything, and must be stoppable all the same.
        Ok(Box::pin(cooperative(Expanding {
            input: self.input.execute(partition, context)?,
            arguments: self.arguments.clone(),
            calls: self.calls.clone(),
            schema: self.schema(),
            current: None,
        })))
    }
}

type ValueRows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

/// One input batch being expanded.
struct Current {
    batch: RecordBatch,
    arguments: Vec<ArrayRef>,
    row: usize,
    /// The functions' rows for the current input row; None: not started.
    running: Option<Vec<Option<ValueRows>>>,
    number: i64,
}

struct Expanding {
    input: SendableRecordBatchStream,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    calls: Arc<Calls>,
    schema: SchemaRef,
    current: Option<Current>,
}

impl Expanding {
    fn start(&self, batch: RecordBatch) -> DfResult<Current> {
        let rows = batch.num_rows();
        let arguments = self
            .arguments
            .iter()
            .map(|argument| argument.evaluate(&batch)?.into_array(rows))
            .collect::<DfResult<_>>()?;
        Ok(Current { batch, arguments, row: 0, running: None, number: 0 })
    }

    /// The next rows of the current batch; None when it is used up.
    fn expand(&self, current: &mut Current) -> Result<Option<RecordBatch>> {
        let types: Vec<&ColumnType> = self.calls.calls.iter().flat_map(|call| &call.columns).collect();
        let mut builders: Vec<ColumnBuilder> = types.iter().map(|ty| ColumnBuilder::new(ty)).collect();
        let mut numbers = self.calls.ordinality.then(|| ColumnBuilder::new(&ColumnType::Int8));
        let mut sources: Vec<u32> = Vec::new();
        while current.row < current.batch.num_rows() && sources.len() < BATCH_ROWS {
            if current.running.is_none() {
                current.running = Some(self.calls.start(&current.arguments, current.row)?);
                current.number = 0;
            }
            let Some(running) = current.running.as_mut() else { break };
            if self.calls.step(running, &mut builders)? {
                current.number += 1;
                if let Some(numbers) = &mut numbers {
                    numbers.append_value(&Value::Int8(current.number))?;
                }
                sources
                    .push(u32::try_from(current.row).map_err(|_| Error::internal("a batch of more than 2^32 rows"))?);
            } else {
                current.running = None;
                current.row += 1;
            }
        }
        if sources.is_empty() {
            return Ok(None);
        }
        let rows = sources.len();
        let sources = UInt32Array::from(sources);
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for column in current.batch.columns() {
            columns.push(take(column, &sources, None).map_err(|error| failure(error.into()))?);
        }
        columns.extend(builders.into_iter().chain(numbers).map(|mut builder| builder.finish()));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map(Some)
            .map_err(|error| failure(error.into()))
    }
}

impl Calls {
    fn start(&self, arguments: &[ArrayRef], row: usize) -> Result<Vec<Option<ValueRows>>> {
        let mut position = 0;
        let mut running = Vec::with_capacity(self.calls.len());
        for call in &self.calls {
            let mut values = Vec::with_capacity(call.arguments.len());
            for ty in &call.arguments {
                values.push(Cells::new(&arguments[position], ty).get(row).to_owned());
                position += 1;
            }
            running.push(Some((call.function.eval)(&self.context, &values)?));
        }
        Ok(running)
    }

    /// Appends the next row of all functions; false when each has ended.
    fn step(&self, running: &mut [Option<ValueRows>], builders: &mut [ColumnBuilder]) -> Result<bool> {
        let mut rows: Vec<Option<Vec<Value>>> = Vec::with_capacity(running.len());
        for iterator in running.iter_mut() {
            let next = iterator.as_mut().and_then(Iterator::next).transpose()?;
            if next.is_none() {
                *iterator = None;
            }
            rows.push(next);
        }
        if rows.iter().all(Option::is_none) {
            return Ok(false);
        }
        let mut builder = builders.iter_mut();
        for (call, row) in self.calls.iter().zip(&rows) {
            for position in 0..call.columns.len() {
                let value = row.as_ref().and_then(|row| row.get(position)).unwrap_or(&Value::Null);
                let builder = builder.next().ok_or_else(|| Error::internal("a table function's column is missing"))?;
                builder.append_value(value)?;
            }
        }
        Ok(true)
    }
}

impl Stream for Expanding {
    type Item = DfResult<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(mut current) = self.current.take() {
                match self.expand(&mut current) {
                    Ok(Some(batch)) => {
                        self.current = Some(current);
                        return Poll::Ready(Some(Ok(batch)));
                    }
                    Ok(None) => {}
                    Err(error) => return Poll::Ready(Some(Err(carried(error)))),
                }
            }
            match std::task::ready!(self.input.poll_next_unpin(cx)) {
                Some(Ok(batch)) => self.current = Some(self.start(batch)?),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl RecordBatchStream for Expanding {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
