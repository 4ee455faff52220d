//! Dates against constant timestamps: comparisons of days.
//!
//! `date < date + interval` compares a date with a timestamp. Where the timestamp is known, the day on which it lies says
//! as much.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr as DfExpr;
use storage::Value;

use crate::expr::Expr;
use crate::function::{Comparison, Function};
use crate::types::datetime::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY,
};
use crate::types::oid::{DATE, TIMESTAMP};

/// A comparison of a date with a day.
pub(super) struct Compared<'a> {
    pub(super) date: &'a Expr,
    pub(super) comparison: Comparison,
    pub(super) day: i32,
}

/// The oids of `date op timestamp` and of `timestamp op date`.
const FUNCTIONS: [(Comparison, u32, u32); 6] = [
    (Comparison::Equal, 2340, 2366),
    (Comparison::NotEqual, 2343, 2369),
    (Comparison::Less, 2338, 2364),
    (Comparison::LessOrEqual, 2339, 2365),
    (Comparison::Greater, 2341, 2367),
    (Comparison::GreaterOrEqual, 2342, 2368),
];

/// What a comparison with a constant timestamp says of the date, if a comparison with a day says the same.
pub(super) fn compared<'a>(function: &Function, left: &'a Expr, right: &'a Expr) -> Option<Compared<'a>> {
    let (comparison, swapped) = match function.args {
        [DATE, TIMESTAMP] => (FUNCTIONS.iter().find(|known| known.1 == function.oid)?.0, false),
        [TIMESTAMP, DATE] => (FUNCTIONS.iter().find(|known| known.2 == function.oid)?.0, true),
        _ => return None,
    };
    let (date, time) = if swapped { (right, left) } else { (left, right) };
    let Some(Value::Timestamp(time)) = time.as_const() else { return None };
    let comparison = if swapped { turned(comparison) } else { comparison };
    let (day, begins) = match *time {
        TIMESTAMP_INFINITY => (DATE_INFINITY, true),
        TIMESTAMP_NEGATIVE_INFINITY => (DATE_NEGATIVE_INFINITY, true),
        time => (i32::try_from(time.div_euclid(DAY)).ok()?, time.rem_euclid(DAY) == 0),
    };
    let comparison = match comparison {
        comparison if begins => comparison,
        // Later on the day: the day itself is before.
        Comparison::Less | Comparison::LessOrEqual => Comparison::LessOrEqual,
        Comparison::Greater | Comparison::GreaterOrEqual => Comparison::Greater,
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    Some(Compared { date, comparison, day })
}

pub(super) fn literal(day: i32) -> DfExpr {
    DfExpr::Literal(ScalarValue::Date32(Some(day)), None)
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::ColumnVar;
    use crate::function::function_by_oid;
    use crate::types::Type;

    #[test]
    fn days_say_the_same() {
        let date = Expr::column(ColumnVar(1), Type::new(DATE));
        let says = |oid: u32, time: i64, swapped: bool| {
            let function = function_by_oid(oid).expect("a comparison");
            let time = Expr::constant(Value::Timestamp(time), Type::new(TIMESTAMP));
            let (left, right) = if swapped { (&time, &date) } else { (&date, &time) };
            compared(function, left, right).map(|said| (said.comparison, said.day))
        };
        assert_eq!(says(2338, 3 * DAY, false), Some((Comparison::Less, 3)));
        assert_eq!(says(2338, 3 * DAY + 1, false), Some((Comparison::LessOrEqual, 3)));
        assert_eq!(says(2342, -1, false), Some((Comparison::Greater, -1)));
        assert_eq!(says(2340, 1, false), None);
        assert_eq!(says(2364, 3 * DAY, true), Some((Comparison::Greater, 3)));
        assert_eq!(says(2341, TIMESTAMP_NEGATIVE_INFINITY, false), Some((Comparison::Greater, DATE_NEGATIVE_INFINITY)));
    }
}
