//! The few aggregates that short queries compute themselves.

use std::collections::HashMap;

use storage::{Numeric, Value};

use super::{Tuple, TupleSource, order};
use crate::error::{Error, Result};
use crate::execute::point::is_true;
use crate::expr::eval::eval;
use crate::expr::{AggregateCall, Expr};
use crate::function::{AggregateKind, EvalContext};
use crate::plan::point::ColumnPlaces;
use crate::types::oid::{INT2, INT4};
use crate::types::text::numeric_error;

/// One row for each group, in the order in which groups first appear; without GROUP BY one row in any case.
pub(super) fn run(
    rows: &[Tuple],
    groups: &[Expr],
    aggregates: &[AggregateCall],
    context: &EvalContext,
    columns: &ColumnPlaces,
) -> Result<Vec<Tuple>> {
    let types: Vec<u32> = groups.iter().map(|group| group.ty.oid).collect();
    let fresh = || vec![State::default(); aggregates.len()];
    let mut found: Vec<(Tuple, Vec<State>)> = Vec::new();
    let mut places = HashMap::new();
    if groups.is_empty() {
        found.push((Vec::new(), fresh()));
        places.insert(Vec::new(), 0);
    }
    for row in rows {
        let source = TupleSource { places: columns, values: row };
        let key: Tuple = groups.iter().map(|group| eval(group, context, &source)).collect::<Result<_>>()?;
        let place = *places.entry(order::identity(&key, &types)).or_insert_with(|| {
            found.push((key, fresh()));
            found.len() - 1
        });
        for (state, call) in found[place].1.iter_mut().zip(aggregates) {
            if is_true(call.filter.as_ref(), context, &source)? {
                let value = call.args.first().map(|arg| eval(arg, context, &source)).transpose()?;
                state.add(value, call)?;
            }
        }
    }
    let finish = |(mut row, states): (Tuple, Vec<State>)| {
        for (state, call) in states.into_iter().zip(aggregates) {
            row.push(state.finish(call)?);
        }
        Ok(row)
    };
    found.into_iter().map(finish).collect()
}

/// What is known of the values so far.
#[derive(Debug, Clone, Default)]
struct State {
    count: i64,
    sum: Option<Numeric>,
    /// The least or the greatest, with its sort key.
    extreme: Option<(Vec<u8>, Value)>,
}

impl State {
    /// `value` is None for count(*).
    fn add(&mut self, value: Option<Value>, call: &AggregateCall) -> Result<()> {
        if value.as_ref().is_some_and(Value::is_null) {
            return Ok(());
        }
        self.count += 1;
        let (Some(value), kind) = (value, call.function.kind) else { return Ok(()) };
        match kind {
            AggregateKind::Sum | AggregateKind::Avg => {
                let value = match value {
                    Value::Int2(v) => Numeric::from_i64(i64::from(v)),
                    Value::Int4(v) => Numeric::from_i64(i64::from(v)),
                    Value::Int8(v) => Numeric::from_i64(v),
                    Value::Numeric(v) => *v,
                    _ => return Err(Error::internal("a sum of what is no exact number")),
                };
                self.sum = Some(match &self.sum {
                    None => value,
                    Some(sum) => sum.add(&value).map_err(numeric_error)?,
                });
            }
            AggregateKind::Min | AggregateKind::Max => {
                let Some(key) = order::bytes(&value, call.args[0].ty.oid) else { return Ok(()) };
                let replaces = |(known, _): &(Vec<u8>, Value)| match kind {
                    AggregateKind::Min => key < *known,
                    _ => key > *known,
                };
                if self.extreme.as_ref().is_none_or(replaces) {
                    self.extreme = Some((key, value));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self, call: &AggregateCall) -> Result<Value> {
        let numeric = |value: Numeric| Value::Numeric(Box::new(value));
        Ok(match call.function.kind {
            AggregateKind::CountStar | AggregateKind::Count => Value::Int8(self.count),
            AggregateKind::Min | AggregateKind::Max => self.extreme.map_or(Value::Null, |(_, value)| value),
            AggregateKind::Sum => match self.sum {
                None => Value::Null,
                // A few such integers have a sum of eight bytes.
                Some(sum) if [INT2, INT4].contains(&call.args[0].ty.oid) => {
                    sum.to_i64().map_or(Value::Null, Value::Int8)
                }
                Some(sum) => numeric(sum),
            },
            AggregateKind::Avg => match self.sum {
                None => Value::Null,
                Some(sum) => numeric(sum.div(&Numeric::from_i64(self.count)).map_err(numeric_error)?),
            },
            _ => return Err(Error::internal("an aggregate that short queries do not have")),
        })
    }
}
