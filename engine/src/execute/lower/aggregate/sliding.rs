//! An aggregate over a frame whose start moves, for functions that cannot take a value back: the frame's rows are kept
//! and aggregated afresh for each row, as PostgreSQL does.

use std::collections::VecDeque;
use std::fmt;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::Accumulator;

type Make = Box<dyn Fn() -> DfResult<Box<dyn Accumulator>> + Send + Sync>;

pub(super) struct Sliding {
    make: Make,
    frame: VecDeque<Vec<ArrayRef>>,
}

impl Sliding {
    pub(super) fn new(make: impl Fn() -> DfResult<Box<dyn Accumulator>> + Send + Sync + 'static) -> Self {
        Self { make: Box::new(make), frame: VecDeque::new() }
    }
}

impl fmt::Debug for Sliding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sliding").field("chunks", &self.frame.len()).finish_non_exhaustive()
    }
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        if values.first().is_some_and(|first| !first.is_empty()) {
            self.frame.push_back(values.to_vec());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let mut rows = values.first().map_or(0, |first| first.len());
        while rows > 0 {
            let Some(chunk) = self.frame.front_mut() else { break };
            let length = chunk.first().map_or(0, |first| first.len());
            if length <= rows {
                rows -= length;
                self.frame.pop_front();
            } else {
                chunk.iter_mut().for_each(|array| *array = array.slice(rows, length - rows));
                rows = 0;
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let mut accumulator = (self.make)()?;
        for chunk in &self.frame {
            accumulator.update_batch(chunk)?;
        }
        accumulator.evaluate()
    }

    fn size(&self) -> usize {
        let arrays = self.frame.iter().flatten().map(|array| array.get_array_memory_size()).sum::<usize>();
        size_of_val(self) + arrays
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        datafusion::common::internal_err!("a window frame has no partial state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> DfResult<()> {
        datafusion::common::internal_err!("a window frame has no partial state")
    }
}
