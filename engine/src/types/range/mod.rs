//! Ranges and multiranges: spans between two values of a type.
//!
//! An end of a range is a *cut*: a place between two values, or before or behind all of them. `[5` cuts just before 5, `5]`
//! and `(5` just behind it, so a lower and an upper end are of one kind, and a range is what lies between its two cuts. Ranges
//! over whole numbers and dates are kept with the lower end included and the upper one excluded, as in PostgreSQL.
//!
//! A range is stored as bytes whose order is the type's: the kind, then 0 for the empty range or 1 and its cuts. A multirange
//! has the kind, then 1 and the cuts of each of its ranges, then 0. Text in a cut ends with a zero byte, which no text has.
//! Those over numerics are followed by what the bounds
//! display, their scales and how many those are, which the order knows nothing of ([`sort_key`]).

mod binary;
mod encoding;
mod multirange;
mod text;

use std::cmp::Ordering;

use storage::{Numeric, Value};

use super::datetime::{DATE_INFINITY, DATE_MAX, DATE_NEGATIVE_INFINITY, date_out_of_range};
use super::defined::FIRST_OID;
use super::{builtin, oid};
use crate::error::{Error, Result, SqlState};

pub(super) use binary::{read_binary, write_binary};
pub(crate) use encoding::sort_key;
pub(crate) use multirange::Multirange;
pub(super) use text::{parse, write};

/// Whether values of a type are ranges or multiranges.
pub(crate) fn is_range(ty: u32) -> bool {
    RangeKind::of_range(ty).or(RangeKind::of_multirange(ty)).is_some()
}

/// Whether values of a range type are equal though their bytes differ: those over numerics show scales.
pub(crate) fn has_own_key(ty: u32) -> bool {
    RangeKind::of_range(ty).or(RangeKind::of_multirange(ty)) == Some(RangeKind::Numeric)
}

/// What a range is over. Part of stored values: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RangeKind {
    Int4 = 1,
    Int8 = 2,
    Numeric = 3,
    Date = 4,
    Timestamp = 5,
    Timestamptz = 6,
    // Those below only SQL defines types of. What is whole numbers elsewhere has room between any two values in them.
    Float8 = 7,
    Text = 8,
    Time = 9,
    LooseInt4 = 10,
    LooseInt8 = 11,
    LooseDate = 12,
    Float4 = 13,
    Int2 = 14,
}

/// Kinds with the oids of what they are over, of the range and of the multirange that are built in.
const KINDS: [(RangeKind, u32, u32, u32); 14] = [
    (RangeKind::Int4, oid::INT4, oid::INT4RANGE, oid::INT4MULTIRANGE),
    (RangeKind::Int8, oid::INT8, oid::INT8RANGE, oid::INT8MULTIRANGE),
    (RangeKind::Numeric, oid::NUMERIC, oid::NUMRANGE, oid::NUMMULTIRANGE),
    (RangeKind::Date, oid::DATE, oid::DATERANGE, oid::DATEMULTIRANGE),
    (RangeKind::Timestamp, oid::TIMESTAMP, oid::TSRANGE, oid::TSMULTIRANGE),
    (RangeKind::Timestamptz, oid::TIMESTAMPTZ, oid::TSTZRANGE, oid::TSTZMULTIRANGE),
    (RangeKind::Float8, oid::FLOAT8, 0, 0),
    (RangeKind::Text, oid::TEXT, 0, 0),
    (RangeKind::Time, oid::TIME, 0, 0),
    (RangeKind::LooseInt4, oid::INT4, 0, 0),
    (RangeKind::LooseInt8, oid::INT8, 0, 0),
    (RangeKind::LooseDate, oid::DATE, 0, 0),
    (RangeKind::Float4, oid::FLOAT4, 0, 0),
    (RangeKind::Int2, oid::INT2, 0, 0),
];

/// The type of the bounds of a range or multirange, and the multirange of a range, or the range of a multirange.
fn spans_of(ty: u32, kind: char) -> Option<[u32; 2]> {
    if ty >= FIRST_OID {
        return builtin::info(ty).filter(|info| info.kind == kind).map(|info| info.spans);
    }
    KINDS[..BUILT_IN].iter().find_map(|&(_, over, range, multirange)| match kind {
        'r' => (range == ty).then_some([over, multirange]),
        _ => (multirange == ty).then_some([over, range]),
    })
}

/// The type of the bounds of a range.
pub(crate) fn bounds_of_range(ty: u32) -> Option<u32> {
    spans_of(ty, 'r').map(|[bounds, _]| bounds)
}

/// The type of the bounds of a multirange.
pub(crate) fn bounds_of_multirange(ty: u32) -> Option<u32> {
    spans_of(ty, 'm').map(|[bounds, _]| bounds)
}

/// The multirange over the ranges of a type.
pub(crate) fn multirange_of(range: u32) -> Option<u32> {
    spans_of(range, 'r').map(|[_, multirange]| multirange)
}

/// The ranges that a multirange is made of.
pub(crate) fn range_of(multirange: u32) -> Option<u32> {
    spans_of(multirange, 'm').map(|[_, range]| range)
}

/// How many of the kinds there are types of from the beginning; the first.
const BUILT_IN: usize = 6;

impl RangeKind {
    /// Of a range type.
    pub(crate) fn of_range(ty: u32) -> Option<Self> {
        if ty >= FIRST_OID {
            return bounds_of_range(ty).and_then(Self::defined_over);
        }
        KINDS[..BUILT_IN].iter().find(|(_, _, range, _)| *range == ty).map(|(kind, ..)| *kind)
    }

    /// Of a multirange type.
    pub(crate) fn of_multirange(ty: u32) -> Option<Self> {
        if ty >= FIRST_OID {
            return bounds_of_multirange(ty).and_then(Self::defined_over);
        }
        KINDS[..BUILT_IN].iter().find(|(.., multirange)| *multirange == ty).map(|(kind, ..)| *kind)
    }

    /// Of the type that built-in ranges are over.
    pub(crate) fn over(ty: u32) -> Option<Self> {
        KINDS[..BUILT_IN].iter().find(|(_, over, ..)| *over == ty).map(|(kind, ..)| *kind)
    }

    /// Of the type that ranges of SQL's are over: between any two of its values is room for others.
    pub(crate) fn defined_over(ty: u32) -> Option<Self> {
        let ty = if ty == oid::VARCHAR { oid::TEXT } else { ty };
        KINDS.iter().find(|(kind, over, ..)| *over == ty && !kind.is_discrete()).map(|(kind, ..)| *kind)
    }

    fn row(self) -> &'static (RangeKind, u32, u32, u32) {
        &KINDS[self as usize - 1]
    }

    /// The type of the bounds.
    pub(crate) fn subtype(self) -> u32 {
        self.row().1
    }

    pub(crate) fn range_type(self) -> u32 {
        self.row().2
    }

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        KINDS.get(usize::from(number).checked_sub(1)?).map(|(kind, ..)| *kind)
    }

    fn is_discrete(self) -> bool {
        matches!(self, RangeKind::Int4 | RangeKind::Int8 | RangeKind::Date)
    }
}

/// A value that a range begins or ends at. Numerics that are equal are, however many digits they show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    /// A whole number, days or microseconds.
    Number(i64),
    Numeric(Numeric),
    Float(Float),
    Text(Box<str>),
}

/// A float in PostgreSQL's order: what is not a number comes last, and there is one zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Float(f64);

impl Float {
    fn new(value: f64) -> Self {
        Self(if value == 0.0 { 0.0 } else { value })
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.partial_cmp(&other.0).unwrap_or_else(|| self.0.is_nan().cmp(&other.0.is_nan()))
    }
}

/// A place between values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cut {
    BeforeAll,
    /// Just before the value, or just behind it.
    At(Point, Side),
    BehindAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Before,
    Behind,
}

/// One end of a range as it is written down.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bound {
    /// None: there is no end.
    pub(crate) value: Option<Value>,
    pub(crate) inclusive: bool,
}

/// What lies between two cuts, the first before the second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) lower: Cut,
    pub(crate) upper: Cut,
}

/// A range; no span: the empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) kind: RangeKind,
    pub(crate) span: Option<Span>,
}

impl Range {
    pub(crate) fn empty(kind: RangeKind) -> Self {
        Self { kind, span: None }
    }

    /// The range between two bounds. 22000 if they are the wrong way round, 22003 or 22008 if the next value is none.
    pub(crate) fn new(kind: RangeKind, lower: Bound, upper: Bound) -> Result<Self> {
        let point = |bound: &Bound| bound.value.as_ref().map(|value| point_of(kind, value)).transpose();
        let (from, to) = (point(&lower)?, point(&upper)?);
        if let (Some(from), Some(to)) = (&from, &to) {
            match from.cmp(to) {
                Ordering::Greater => {
                    return Err(Error::new(
                        SqlState::DATA_EXCEPTION,
                        "range lower bound must be less than or equal to range upper bound",
                    ));
                }
                Ordering::Equal if !(lower.inclusive && upper.inclusive) => return Ok(Self::empty(kind)),
                _ => {}
            }
        }
        let mut cut_before = match from {
            None => Cut::BeforeAll,
            Some(from) => Cut::At(from, if lower.inclusive { Side::Before } else { Side::Behind }),
        };
        let mut cut_behind = match to {
            None => Cut::BehindAll,
            Some(to) => Cut::At(to, if upper.inclusive { Side::Behind } else { Side::Before }),
        };
        if kind.is_discrete() {
            cut_before = cut_before.before_next(kind)?;
            cut_behind = cut_behind.before_next(kind)?;
        }
        Ok(Self::between(kind, cut_before, cut_behind))
    }

    /// What lies between two cuts, in whatever order.
    pub(crate) fn between(kind: RangeKind, lower: Cut, upper: Cut) -> Self {
        Self { kind, span: (lower < upper).then_some(Span { lower, upper }) }
    }

    pub(crate) fn bounds(&self) -> Option<(Bound, Bound)> {
        self.span.as_ref().map(|span| (span.lower.bound(self.kind, true), span.upper.bound(self.kind, false)))
    }
}

impl Span {
    pub(crate) fn contains_cut_span(&self, other: &Span) -> bool {
        self.lower <= other.lower && other.upper <= self.upper
    }

    /// Whether a value lies in it.
    pub(crate) fn contains(&self, point: &Point) -> bool {
        self.lower <= Cut::At(point.clone(), Side::Before) && Cut::At(point.clone(), Side::Behind) <= self.upper
    }

    pub(crate) fn overlaps(&self, other: &Span) -> bool {
        self.lower < other.upper && other.lower < self.upper
    }

    pub(crate) fn merged(&self, other: &Span) -> Span {
        // Of bounds that are equal and show other digits the second counts, as in PostgreSQL.
        let lower = if self.lower < other.lower { &self.lower } else { &other.lower };
        let upper = if self.upper > other.upper { &self.upper } else { &other.upper };
        Span { lower: lower.clone(), upper: upper.clone() }
    }

    pub(crate) fn common(&self, other: &Span) -> Option<Span> {
        let lower = if self.lower >= other.lower { &self.lower } else { &other.lower };
        let upper = if self.upper <= other.upper { &self.upper } else { &other.upper };
        (lower < upper).then(|| Span { lower: lower.clone(), upper: upper.clone() })
    }
}

impl Cut {
    /// The same place before a value, where there is a next one to be before.
    fn before_next(self, kind: RangeKind) -> Result<Self> {
        let Cut::At(Point::Number(number), Side::Behind) = self else { return Ok(self) };
        let next = match kind {
            RangeKind::Int4 if number == i64::from(i32::MAX) => return Err(out_of_range("integer out of range")),
            RangeKind::Int8 if number == i64::MAX => return Err(out_of_range("bigint out of range")),
            RangeKind::Date if is_endless(number) => return Ok(Cut::At(Point::Number(number), Side::Behind)),
            RangeKind::Date if number >= DATE_MAX => return Err(date_out_of_range()),
            _ => number + 1,
        };
        Ok(Cut::At(Point::Number(next), Side::Before))
    }

    /// As the lower or the upper end of a range is written.
    fn bound(&self, kind: RangeKind, is_lower: bool) -> Bound {
        match self {
            Cut::BeforeAll | Cut::BehindAll => Bound { value: None, inclusive: false },
            Cut::At(point, side) => {
                let inclusive = (*side == Side::Before) == is_lower;
                Bound { value: Some(value_of(kind, point)), inclusive }
            }
        }
    }
}

/// Whether days are one of the two dates that have no neighbour.
fn is_endless(days: i64) -> bool {
    days == i64::from(DATE_INFINITY) || days == i64::from(DATE_NEGATIVE_INFINITY)
}

fn out_of_range(message: &'static str) -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
}

/// A value of what ranges of the kind are over.
pub(crate) fn point_of(kind: RangeKind, value: &Value) -> Result<Point> {
    Ok(match (kind, value) {
        (RangeKind::Int4, Value::Int4(number)) => Point::Number(i64::from(*number)),
        (RangeKind::Int8, Value::Int8(number)) => Point::Number(*number),
        (RangeKind::Numeric, Value::Numeric(number)) => Point::Numeric((**number).clone()),
        (RangeKind::Date, Value::Date(days)) => Point::Number(i64::from(*days)),
        (RangeKind::Timestamp, Value::Timestamp(time)) | (RangeKind::Timestamptz, Value::Timestamptz(time)) => {
            Point::Number(*time)
        }
        (RangeKind::LooseInt4, Value::Int4(number)) => Point::Number(i64::from(*number)),
        (RangeKind::LooseInt8, Value::Int8(number)) => Point::Number(*number),
        (RangeKind::LooseDate, Value::Date(days)) => Point::Number(i64::from(*days)),
        (RangeKind::Int2, Value::Int2(number)) => Point::Number(i64::from(*number)),
        (RangeKind::Time, Value::Time(time)) => Point::Number(*time),
        (RangeKind::Float8, Value::Float8(number)) => Point::Float(Float::new(*number)),
        (RangeKind::Float4, Value::Float4(number)) => Point::Float(Float::new(f64::from(*number))),
        (RangeKind::Text, Value::Text(text)) => Point::Text(text.clone()),
        (kind, value) => return Err(Error::internal(format!("{value:?} is no bound of a range of {kind:?}"))),
    })
}

fn value_of(kind: RangeKind, point: &Point) -> Value {
    match (kind, point) {
        (_, Point::Numeric(number)) => Value::Numeric(Box::new(number.clone())),
        (_, Point::Text(text)) => Value::Text(text.clone()),
        (RangeKind::Float4, Point::Float(number)) => Value::Float4(number.0 as f32),
        (_, Point::Float(number)) => Value::Float8(number.0),
        (RangeKind::Int4 | RangeKind::LooseInt4, Point::Number(number)) => Value::Int4(*number as i32),
        (RangeKind::Int2, Point::Number(number)) => Value::Int2(*number as i16),
        (RangeKind::Date | RangeKind::LooseDate, Point::Number(days)) => Value::Date(*days as i32),
        (RangeKind::Time, Point::Number(time)) => Value::Time(*time),
        (RangeKind::Timestamp, Point::Number(time)) => Value::Timestamp(*time),
        (RangeKind::Timestamptz, Point::Number(time)) => Value::Timestamptz(*time),
        // Numerics, floats and texts are points of their own.
        (_, Point::Number(number)) => Value::Int8(*number),
    }
}

#[cfg(test)]
mod tests;
