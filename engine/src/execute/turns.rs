//! Turns: a query lets others have its thread every few milliseconds, however long its operators could go on.
//!
//! DataFusion's operators give way once they have taken so many batches of what they read. Of a join that may be after
//! billions of pairs of rows, during which others wait, and a query that was cancelled does not end. So what reads, what
//! joins and what hands rows from one task to another looks at the clock.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EvaluationType;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, RecordBatchStream, SendableRecordBatchStream,
};
use futures::{Stream, StreamExt};

use super::failure::carried;
use crate::error::Error;

/// How long an operator goes on before others have their turn.
const TURN: Duration = Duration::from_millis(10);

/// The same operators, which take turns with those of other queries.
pub(super) fn in_turns(plan: Arc<dyn ExecutionPlan>) -> DfResult<Arc<dyn ExecutionPlan>> {
    let takes_turns = |node: &Arc<dyn ExecutionPlan>| {
        // One that has several inputs may make any number of rows of a few.
        node.children().len() != 1 || node.properties().evaluation_type == EvaluationType::Eager
    };
    let wrapped = |node: Arc<dyn ExecutionPlan>| match takes_turns(&node) {
        true => Ok(Transformed::yes(Arc::new(InTurns { input: node }) as Arc<dyn ExecutionPlan>)),
        false => Ok(Transformed::no(node)),
    };
    plan.transform_up(wrapped).data()
}

/// An operator that is asked for rows no longer than a turn at a time.
struct InTurns {
    input: Arc<dyn ExecutionPlan>,
}

impl fmt::Debug for InTurns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTurns").finish_non_exhaustive()
    }
}

impl DisplayAs for InTurns {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("In Turns")
    }
}

impl ExecutionPlan for InTurns {
    fn name(&self) -> &str {
        "InTurns"
    }

    /// The input's very own, so that nothing above is computed again.
    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| carried(Error::internal("an operator without its input")))?;
        Ok(Arc::new(Self { input }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        Ok(Box::pin(Turns { input: self.input.execute(partition, context)?, since: None }))
    }
}

struct Turns {
    input: SendableRecordBatchStream,
    /// When the turn began.
    since: Option<Instant>,
}

impl Stream for Turns {
    type Item = DfResult<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let now = Instant::now();
        if now.duration_since(*self.since.get_or_insert(now)) >= TURN {
            self.since = None;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.input.poll_next_unpin(cx)
    }
}

impl RecordBatchStream for Turns {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int32Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::stream;

    use super::*;

    #[test]
    fn who_takes_long_gives_way_and_loses_nothing() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false)]));
        let batch = |n: i32| RecordBatch::try_new(schema.clone(), vec![Arc::new(Int32Array::from(vec![n]))]).unwrap();
        let batches: Vec<RecordBatch> = (0..5).map(batch).collect();
        let slow = stream::iter(batches.clone()).map(|batch| {
            std::thread::sleep(TURN / 2);
            Ok(batch)
        });
        let input: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema.clone(), slow));
        let mut turns = Turns { input, since: None };
        let (mut given_way, mut rows) = (0, Vec::new());
        let mut context = Context::from_waker(futures::task::noop_waker_ref());
        loop {
            match turns.poll_next_unpin(&mut context) {
                Poll::Pending => given_way += 1,
                Poll::Ready(Some(found)) => rows.push(found.unwrap()),
                Poll::Ready(None) => break,
            }
        }
        assert_eq!(rows, batches);
        assert!((1..=5).contains(&given_way), "{given_way}");
    }
}
