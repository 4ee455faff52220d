//! Functions over frames that DataFusion cannot take: those with EXCLUDE, those by distance, and aggregates over a frame
//! whose start moves that cannot take a value back. What can take values back does so where the frame only moves on;
//! everything else is computed afresh for each row, as PostgreSQL does. So are functions that are told by each row where to
//! look.

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

use storage::Value;
use storage::row::arrow::Cells;

use super::column;
use super::range_frame::RangeFrame;
use crate::error::{Error, SqlState};
use crate::execute::failure::carried;
use crate::expr::Exclusion;
use crate::types::Type;

/// What is answered of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Aggregate(Arc<AggregateUDF>),
    /// The first argument in a row of the frame, counted from 0.
    Nth(usize),
    /// The same, counted from 1 by the second argument.
    NthByRow,
    Last,
    /// The first argument as many rows further on, or back, as the second says; the third where there is no such row.
    Away {
        lead: bool,
    },
}

/// What a frame is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Extent {
    /// As DataFusion finds it.
    Given,
    /// By distance from the row's key, which is the last argument but for the order.
    Keys(Box<RangeFrame>),
    /// It ends before it begins.
    Nothing,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Framed {
    answer: Answer,
    exclusion: Exclusion,
    /// Whether a FILTER stands behind the arguments.
    filtered: bool,
    extent: Extent,
    signature: Signature,
}

/// Such a function. Behind its arguments stand its FILTER and the key that frames by distance have.
pub(super) fn framed(answer: Answer, exclusion: Exclusion, filtered: bool, extent: Extent) -> Arc<WindowUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(WindowUDF::new_from_impl(Framed { answer, exclusion, filtered, extent, signature }))
}

/// Whether an aggregate of DataFusion's cannot take values back.
pub(super) fn only_grows(function: &AggregateUDF) -> bool {
    matches!(function.name(), "bit_and" | "bit_or" | "bool_and" | "bool_or" | "any_value" | "pack")
}

impl Framed {
    /// How many arguments are not the function's own.
    fn others(&self) -> usize {
        usize::from(self.filtered) + usize::from(matches!(self.extent, Extent::Keys(_)))
    }

    /// The fields of the function's own arguments.
    fn own<'f>(&self, fields: &'f [FieldRef]) -> &'f [FieldRef] {
        &fields[..fields.len() - self.others()]
    }
}

impl WindowUDFImpl for Framed {
    fn name(&self) -> &str {
        match &self.answer {
            Answer::Aggregate(function) => function.name(),
            Answer::Nth(_) | Answer::NthByRow => "nth_value",
            Answer::Last => "last_value",
            Answer::Away { lead: true } => "lead",
            Answer::Away { lead: false } => "lag",
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
            extent: self.extent.clone(),
            args: fields.len(),
            others: self.others(),
            make,
            row: 0,
            peers: Vec::new(),
            keys: Vec::new(),
            moving: None,
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
        self.function.accumulator(self.accumulator_args())
    }

    /// One that takes values back, if there is one.
    fn moving(&self) -> DfResult<Option<Box<dyn Accumulator>>> {
        if only_grows(&self.function) {
            return Ok(None);
        }
        let accumulator = self.function.create_sliding_accumulator(self.accumulator_args())?;
        Ok(accumulator.supports_retract_batch().then_some(accumulator))
    }

    fn accumulator_args(&self) -> AccumulatorArgs<'_> {
        AccumulatorArgs {
            return_field: self.returns.clone(),
            schema: &self.schema,
            ignore_nulls: false,
            order_bys: &[],
            is_reversed: false,
            name: self.function.name(),
            is_distinct: false,
            exprs: &self.exprs,
            expr_fields: &self.fields,
        }
    }
}

/// Goes through one partition, row by row.
#[derive(Debug)]
struct Evaluator {
    answer: Answer,
    exclusion: Exclusion,
    filtered: bool,
    extent: Extent,
    args: usize,
    /// Arguments that are not the function's own.
    others: usize,
    make: Option<Make>,
    row: usize,
    /// The groups of rows that are equal in the order; empty while nobody has asked.
    peers: Vec<Range<usize>>,
    /// The key of each row, for frames by distance.
    keys: Vec<Value>,
    /// What the last frame amounted to, if values can be taken back from it.
    moving: Option<(Box<dyn Accumulator>, Range<usize>)>,
}

impl Evaluator {
    /// What EXCLUDE leaves of a frame: at most two spans and the row between them.
    fn spans(&mut self, values: &[ArrayRef], frame: &Range<usize>) -> DfResult<Vec<Range<usize>>> {
        let row = self.row;
        let left_out = match self.exclusion {
            Exclusion::None if frame.is_empty() => return Ok(Vec::new()),
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
            let order = &values[self.args + self.others..];
            self.peers = if order.is_empty() { std::iter::once(0..rows).collect() } else { partition(order)?.ranges() };
        }
        let after = self.peers.partition_point(|group| group.end <= row);
        Ok(self.peers.get(after).cloned().unwrap_or(0..rows))
    }

    /// The arguments in some rows, those left out that the FILTER leaves out.
    fn arguments(&self, values: &[ArrayRef], span: &Range<usize>) -> DfResult<Vec<ArrayRef>> {
        let slice = |array: &ArrayRef| array.slice(span.start, span.end - span.start);
        let args: Vec<ArrayRef> = values[..self.args].iter().map(slice).collect();
        if !self.filtered {
            return Ok(args);
        }
        let kept = slice(&values[self.args]);
        let kept = kept.as_boolean_opt().ok_or_else(|| carried(Error::internal("a FILTER is no condition")))?;
        Ok(args.iter().map(|arg| filter(arg, kept)).collect::<Result<_, _>>()?)
    }

    fn aggregate(&mut self, values: &[ArrayRef], spans: &[Range<usize>]) -> DfResult<ScalarValue> {
        let Some(make) = &self.make else { return Err(carried(Error::internal("no aggregate"))) };
        if self.exclusion == Exclusion::None
            && let [frame] = spans
        {
            let known = self
                .moving
                .take()
                .filter(|(_, known)| known.start <= frame.start && known.end <= frame.end && frame.start <= known.end);
            let moving = match known {
                Some(moving) => Some(moving),
                None => make.moving()?.map(|accumulator| (accumulator, frame.start..frame.start)),
            };
            if let Some((mut accumulator, known)) = moving {
                if known.end < frame.end {
                    accumulator.update_batch(&self.arguments(values, &(known.end..frame.end))?)?;
                }
                if known.start < frame.start {
                    accumulator.retract_batch(&self.arguments(values, &(known.start..frame.start))?)?;
                }
                let answer = accumulator.evaluate()?;
                self.moving = Some((accumulator, frame.clone()));
                return Ok(answer);
            }
        }
        let mut accumulator = make.accumulator()?;
        for span in spans {
            accumulator.update_batch(&self.arguments(values, span)?)?;
        }
        accumulator.evaluate()
    }

    /// The frame of the row whose turn it is.
    fn frame(&mut self, values: &[ArrayRef], given: &Range<usize>) -> DfResult<Range<usize>> {
        let Extent::Keys(frame) = &self.extent else {
            return Ok(if self.extent == Extent::Nothing { given.start..given.start } else { given.clone() });
        };
        if self.keys.is_empty() {
            let key = &values[self.args + usize::from(self.filtered)];
            let physical = column::physical(Type::new(frame.key)).map_err(carried)?;
            let cells = Cells::new(key, &physical);
            self.keys = (0..key.len()).map(|row| cells.get(row).to_owned()).collect();
        }
        frame.of(self.row, &self.keys).map_err(carried)
    }

    /// An integer argument of the row whose turn it is.
    fn integer(&self, values: &[ArrayRef], argument: usize) -> DfResult<Option<i64>> {
        Ok(match ScalarValue::try_from_array(&values[argument], self.row)? {
            ScalarValue::Int32(value) => value.map(i64::from),
            ScalarValue::Int64(value) => value,
            _ => None,
        })
    }

    /// What LAG or LEAD answers, whatever the frame.
    fn away(&self, values: &[ArrayRef], lead: bool) -> DfResult<ScalarValue> {
        let nothing = || ScalarValue::try_from(values[0].data_type());
        let Some(offset) = self.integer(values, 1)? else { return nothing() };
        let place = i64::try_from(self.row)
            .ok()
            .and_then(|row| if lead { row.checked_add(offset) } else { row.checked_sub(offset) });
        match place.and_then(|place| usize::try_from(place).ok()).filter(|place| *place < values[0].len()) {
            Some(place) => ScalarValue::try_from_array(&values[0], place),
            None if self.args > 2 => ScalarValue::try_from_array(&values[2], self.row),
            None => nothing(),
        }
    }
}

impl PartitionEvaluator for Evaluator {
    fn uses_window_frame(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> DfResult<ScalarValue> {
        let answer = self.answer_for(values, range)?;
        self.row += 1;
        Ok(answer)
    }
}

impl Evaluator {
    fn answer_for(&mut self, values: &[ArrayRef], range: &Range<usize>) -> DfResult<ScalarValue> {
        if let Answer::Away { lead } = self.answer {
            return self.away(values, lead);
        }
        let frame = self.frame(values, range)?;
        let spans = self.spans(values, &frame)?;
        if self.make.is_some() {
            return self.aggregate(values, &spans);
        }
        let nth = match self.answer {
            Answer::Nth(nth) => Some(nth),
            Answer::NthByRow => match self.integer(values, 1)? {
                None => return ScalarValue::try_from(values[0].data_type()),
                Some(nth) => Some(place_of(nth).map_err(carried)?),
            },
            _ => None,
        };
        let place = match nth {
            Some(mut nth) => spans.iter().find_map(|span| {
                let rows = span.end - span.start;
                if nth < rows {
                    return Some(span.start + nth);
                }
                nth -= rows;
                None
            }),
            None => spans.last().map(|span| span.end - 1),
        };
        match place {
            Some(place) => ScalarValue::try_from_array(&values[0], place),
            None => ScalarValue::try_from(values[0].data_type()),
        }
    }
}

/// The place of the nth row, from 0; 22016 for none.
pub(super) fn place_of(nth: i64) -> Result<usize, Error> {
    match usize::try_from(nth) {
        Ok(nth @ 1..) => Ok(nth - 1),
        _ => Err(Error::new(SqlState("22016"), "argument of nth_value must be greater than zero")),
    }
}
