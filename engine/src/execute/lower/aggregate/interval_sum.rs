//! Sums and averages of intervals: months, days and time each by themselves.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::sliding::Sliding;
use crate::error::{Error, SqlState};
use crate::execute::failure::carried;

const NANOSECONDS_PER_MICROSECOND: i64 = 1000;
const SECONDS_PER_DAY: f64 = 86_400.0;
const DAYS_PER_MONTH: f64 = 30.0;

pub(super) fn interval_sum(average: bool) -> Arc<AggregateUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(IntervalSum { average, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntervalSum {
    average: bool,
    signature: Signature,
}

impl AggregateUDFImpl for IntervalSum {
    fn name(&self) -> &str {
        if self.average { "interval_average" } else { "interval_sum" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let field = |part: &str, ty: DataType| FieldRef::from(Field::new(format!("{}[{part}]", args.name), ty, true));
        Ok(vec![field("rows", DataType::Int64), field("sum", DataType::Interval(IntervalUnit::MonthDayNano))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(carried(Error::unsupported("DISTINCT in a sum of intervals")));
        }
        Ok(Box::new(Spans::new(self.average)))
    }

    fn create_sliding_accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let average = self.average;
        Ok(Box::new(Sliding::new(move || Ok(Box::new(Spans::new(average))))))
    }
}

#[derive(Debug)]
struct Spans {
    average: bool,
    rows: i64,
    sum: IntervalMonthDayNano,
}

impl Spans {
    fn new(average: bool) -> Self {
        Self { average, rows: 0, sum: IntervalMonthDayNano { months: 0, days: 0, nanoseconds: 0 } }
    }

    fn add(&mut self, rows: i64, span: IntervalMonthDayNano) -> DfResult<()> {
        let sum = || {
            Some(IntervalMonthDayNano {
                months: self.sum.months.checked_add(span.months)?,
                days: self.sum.days.checked_add(span.days)?,
                nanoseconds: self.sum.nanoseconds.checked_add(span.nanoseconds)?,
            })
        };
        self.sum =
            sum().ok_or_else(|| carried(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range")))?;
        self.rows = self.rows.saturating_add(rows);
        Ok(())
    }

    /// PostgreSQL's `interval_div`: what is left of months becomes days, and of days time.
    fn divided(&self) -> IntervalMonthDayNano {
        let rounded = |value: f64| (value * 1e6).round_ties_even() / 1e6;
        let divisor = self.rows as f64;
        let (months, days) = (f64::from(self.sum.months) / divisor, f64::from(self.sum.days) / divisor);
        let days_left = rounded((months - months.trunc()) * DAYS_PER_MONTH);
        let mut seconds = rounded((days - days.trunc() + days_left - days_left.trunc()) * SECONDS_PER_DAY);
        let mut whole_days = days.trunc();
        if seconds.abs() >= SECONDS_PER_DAY {
            whole_days += (seconds / SECONDS_PER_DAY).trunc();
            seconds -= (seconds / SECONDS_PER_DAY).trunc() * SECONDS_PER_DAY;
        }
        let microseconds = (self.sum.nanoseconds / NANOSECONDS_PER_MICROSECOND) as f64 / divisor + seconds * 1e6;
        IntervalMonthDayNano {
            months: months.trunc() as i32,
            days: (whole_days + days_left.trunc()) as i32,
            nanoseconds: (microseconds.round_ties_even() as i64).saturating_mul(NANOSECONDS_PER_MICROSECOND),
        }
    }
}

impl Accumulator for Spans {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        values[0].as_primitive::<IntervalMonthDayNanoType>().iter().flatten().try_for_each(|span| self.add(1, span))
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let value = match (self.rows, self.average) {
            (0, _) => None,
            (_, true) => Some(self.divided()),
            (_, false) => Some(self.sum),
        };
        Ok(ScalarValue::IntervalMonthDayNano(value))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.rows)), ScalarValue::IntervalMonthDayNano(Some(self.sum))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let (rows, sums) =
            (states[0].as_primitive::<Int64Type>(), states[1].as_primitive::<IntervalMonthDayNanoType>());
        (0..rows.len()).try_for_each(|row| self.add(rows.value(row), sums.value(row)))
    }
}
