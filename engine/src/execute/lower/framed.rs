//! Functions over frames that DataFusion cannot take: those with EXCLUDE, and aggregates over a frame whose start moves
//! that cannot take a value back. They are computed afresh for each row, as PostgreSQL does.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::{filter, partition};
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;

use crate::error::Error;
use crate::execute::failure::carried;
use crate::expr::Exclusion;

/// What is answered of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Aggregate(Arc<AggregateUDF>),
    /// The first argument in a row of the frame, counted from 0.
    Nth(usize),
    Last,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Framed {
    answer: Answer,
    exclusion: Exclusion,
    /// Whether the last argument is a FILTER.
    filtered: bool,
    signature: Signature,
}

/// Such a function. A FILTER is its last argument.
pub(super) fn framed(answer: Answer, exclusion: Exclusion, filtered: bool) -> Arc<WindowUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(WindowUDF::new_from_impl(Framed { answer, exclusion, filtered, signature }))
}

/// Whether an aggregate of DataFusion's cannot take values back.
pub(super) fn only_grows(function: &AggregateUDF) -> bool {
    matches!(function.name(), "bit_and" | "bit_or" | "bool_and" | "bool_or" | "any_value" | "pack")
}

impl Framed {
    /// The fields of the function's own arguments.
    fn own<'f>(&self, fields: &'f [FieldRef]) -> &'f [FieldRef] {
        &fields[..fields.len() - usize::from(self.filtered)]
    }
}

impl WindowUDFImpl for Framed {
    fn name(&self) -> &str {
        match &self.answer {
            Answer::Aggregate(function) => function.name(),
            Answer::Nth(_) => "nth_value",
            Answer::Last => "last_value",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs<'_>) -> DfResult<Box<dyn PartitionEvaluator>> {
        let fields = self.own(args.input_fields()).to_vec();
        let make = match &self.answer {
            Answer::Aggregate(function) => Some(Make {
                function: function.clone(),
                returns: function.return_field(&fields)?,
                exprs: args.input_exprs()[..fields.len()].to_vec(),
                schema: Schema::new(fields.clone()),
                fields: fields.clone(),
            }),
            _ => None,
        };
        Ok(Box::new(Evaluator {
            answer: self.answer.clone(),
            exclusion: self.exclusion,
            filtered: self.filtered,
            args: fields.len(),
            make,
            row: 0,
            peers: Vec::new(),
        }))
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> DfResult<FieldRef> {
        let fields = self.own(args.input_fields());
        let field = match (&self.answer, fields.first()) {
            (Answer::Aggregate(function), _) => function.return_field(fields)?,
            (_, Some(first)) => first.clone(),
            _ => return Err(carried(Error::internal("a window function without its argument"))),
        };
        Ok(Arc::new(field.as_ref().clone().with_name(args.name()).with_nullable(true)))
    }
}

/// What accumulators are made of.
#[derive(Debug)]
struct Make {
    function: Arc<AggregateUDF>,
    returns: FieldRef,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    schema: Schema,
    fields: Vec<FieldRef>,
}

impl Make {
    fn accumulator(&self) -> DfResult<Box<dyn Accumulator>> {
        self.function.accumulator(AccumulatorArgs {
            return_field: self.returns.clone(),
            schema: &self.schema,
            ignore_nulls: false,
            order_bys: &[],
            is_reversed: false,
            name: self.function.name(),
            is_distinct: false,
            exprs: &self.exprs,
            expr_fields: &self.fields,
        })
    }
}

/// Goes through one partition, row by row.
#[derive(Debug)]
struct Evaluator {
    answer: Answer,
    exclusion: Exclusion,
    filtered: bool,
    args: usize,
    make: Option<Make>,
    row: usize,
    /// The groups of rows that are equal in the order; empty while nobody has asked.
    peers: Vec<Range<usize>>,
}

impl Evaluator {
    /// What EXCLUDE leaves of a frame: at most two spans and the row between them.
    fn spans(&mut self, values: &[ArrayRef], frame: &Range<usize>) -> DfResult<Vec<Range<usize>>> {
        let row = self.row;
        let left_out = match self.exclusion {
            Exclusion::None => return Ok(std::iter::once(frame.clone()).collect()),
            Exclusion::CurrentRow => row..row + 1,
            Exclusion::Group | Exclusion::Ties => self.peers_of(row, values)?,
        };
        let mut spans: Vec<Range<usize>> = std::iter::once(frame.start..frame.end.min(left_out.start)).collect();
        if self.exclusion == Exclusion::Ties && frame.contains(&row) {
            spans.push(row..row + 1);
        }
        spans.push(frame.start.max(left_out.end)..frame.end);
        spans.retain(|span| span.start < span.end);
        Ok(spans)
    }

    fn peers_of(&mut self, row: usize, values: &[ArrayRef]) -> DfResult<Range<usize>> {
        let rows = values.first().map_or(0, |first| first.len());
        if self.peers.is_empty() {
            let order = &values[self.args + usize::from(self.filtered)..];
            self.peers = if order.is_empty() { std::iter::once(0..rows).collect() } else { partition(order)?.ranges() };
        }
        let after = self.peers.partition_point(|group| group.end <= row);
        Ok(self.peers.get(after).cloned().unwrap_or(0..rows))
    }

    fn aggregate(&self, make: &Make, values: &[ArrayRef], spans: &[Range<usize>]) -> DfResult<ScalarValue> {
        let mut accumulator = make.accumulator()?;
        for span in spans {
            let slice = |array: &ArrayRef| array.slice(span.start, span.end - span.start);
            let mut args: Vec<ArrayRef> = values[..self.args].iter().map(slice).collect();
            if self.filtered {
                let kept = slice(&values[self.args]);
                let kept = kept.as_boolean_opt().ok_or_else(|| carried(Error::internal("a FILTER is no condition")))?;
                args = args.iter().map(|arg| filter(arg, kept)).collect::<Result<_, _>>()?;
            }
            accumulator.update_batch(&args)?;
        }
        accumulator.evaluate()
    }
}

impl PartitionEvaluator for Evaluator {
    fn uses_window_frame(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> DfResult<ScalarValue> {
        let spans = self.spans(values, range)?;
        self.row += 1;
        if let Some(make) = &self.make {
            return self.aggregate(make, values, &spans);
        }
        let place = match self.answer {
            Answer::Nth(mut nth) => spans.iter().find_map(|span| {
                let rows = span.end - span.start;
                if nth < rows {
                    return Some(span.start + nth);
                }
                nth -= rows;
                None
            }),
            _ => spans.last().map(|span| span.end - 1),
        };
        match place {
            Some(place) => ScalarValue::try_from_array(&values[0], place),
            None => ScalarValue::try_from(values[0].data_type()),
        }
    }
}
