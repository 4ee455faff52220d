//! Geometric values: points, line segments, lines, boxes, paths, polygons and circles of the plane.
//!
//! All coordinates are float8. A value is stored as its binary form: the coordinates one behind the other, of a path
//! first whether it is closed, of paths and polygons how many points there are. The order of those bytes means nothing:
//! there is no order of such values, and no equality by which rows could be grouped.

use super::builtin::oid;
use super::text::Format;
use crate::error::{Error, Result, SqlState};

mod bounds;
mod circle;
mod line;
pub(crate) mod number;
mod path;
mod point;
mod polygon;
mod segment;
mod text;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// What lies between two points: `lseg`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    pub(crate) start: Point,
    pub(crate) end: Point,
}

/// All points where `a·x + b·y + c` is zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) c: f64,
}

/// A `box`, whose sides are parallel to the axes: its corners at the upper right and at the lower left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) high: Point,
    pub(crate) low: Point,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    /// A segment leads from the last point to the first.
    pub(crate) closed: bool,
    /// One at least.
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Polygon {
    /// One at least.
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Circle {
    pub(crate) center: Point,
    pub(crate) radius: f64,
}

/// Whether a type is one of these.
pub(crate) fn is_geometric(ty: u32) -> bool {
    matches!(ty, oid::POINT | oid::LSEG | oid::LINE | oid::BOX | oid::PATH | oid::POLYGON | oid::CIRCLE)
}

/// A geometric value and its stored form.
pub(crate) trait Shape: Sized {
    fn encode(&self) -> Vec<u8>;

    /// `None` if the bytes are not the stored form of such a value.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

impl Point {
    pub(crate) fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

impl Bounds {
    /// The box that has these two corners.
    pub(crate) fn between(one: Point, other: Point) -> Self {
        let sorted = |one: f64, other: f64| if is_less(other, one) { (other, one) } else { (one, other) };
        let ((left, right), (lower, upper)) = (sorted(one.x, other.x), sorted(one.y, other.y));
        Self { high: Point::new(right, upper), low: Point::new(left, lower) }
    }

    /// The smallest box around points.
    pub(crate) fn around(points: &[Point]) -> Self {
        let first = points.first().copied().unwrap_or(Point::new(0.0, 0.0));
        points.iter().fold(Self { high: first, low: first }, |bounds, point| Self {
            high: Point::new(greater(bounds.high.x, point.x), greater(bounds.high.y, point.y)),
            low: Point::new(lesser(bounds.low.x, point.x), lesser(bounds.low.y, point.y)),
        })
    }
}

/// Whether a number is below another, where NaN is above all.
pub(crate) fn is_less(left: f64, right: f64) -> bool {
    !left.is_nan() && (right.is_nan() || left < right)
}

/// The greater of two numbers; NaN is the greatest.
pub(crate) fn greater(left: f64, right: f64) -> f64 {
    if is_less(right, left) { left } else { right }
}

/// The lesser of two numbers; NaN is the greatest.
pub(crate) fn lesser(left: f64, right: f64) -> f64 {
    if is_less(left, right) { left } else { right }
}

fn numbers_of<const N: usize>(bytes: &[u8]) -> Option<[f64; N]> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let numbers: &[[u8; 8]; N] = numbers.try_into().ok()?;
    rest.is_empty().then(|| numbers.map(f64::from_be_bytes))
}

fn bytes_of(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

impl Shape for Point {
    fn encode(&self) -> Vec<u8> {
        bytes_of(&[self.x, self.y])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        numbers_of(bytes).map(|[x, y]| Self { x, y })
    }
}

impl Shape for Segment {
    fn encode(&self) -> Vec<u8> {
        bytes_of(&[self.start.x, self.start.y, self.end.x, self.end.y])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        numbers_of(bytes).map(|[a, b, c, d]| Self { start: Point::new(a, b), end: Point::new(c, d) })
    }
}

impl Shape for Line {
    fn encode(&self) -> Vec<u8> {
        bytes_of(&[self.a, self.b, self.c])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        numbers_of(bytes).map(|[a, b, c]| Self { a, b, c })
    }
}

impl Shape for Bounds {
    fn encode(&self) -> Vec<u8> {
        bytes_of(&[self.high.x, self.high.y, self.low.x, self.low.y])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        numbers_of(bytes).map(|[a, b, c, d]| Self { high: Point::new(a, b), low: Point::new(c, d) })
    }
}

impl Shape for Circle {
    fn encode(&self) -> Vec<u8> {
        bytes_of(&[self.center.x, self.center.y, self.radius])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        numbers_of(bytes).map(|[x, y, radius]| Self { center: Point::new(x, y), radius })
    }
}

impl Shape for Path {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.closed)];
        encode_points(&self.points, &mut bytes);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (closed, rest) = bytes.split_first()?;
        Some(Self { closed: *closed != 0, points: decode_points(rest)? })
    }
}

impl Shape for Polygon {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_points(&self.points, &mut bytes);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_points(bytes).map(|points| Self { points })
    }
}

fn encode_points(points: &[Point], bytes: &mut Vec<u8>) {
    // A value is far below 2 GB, so that its points can be counted.
    bytes.extend((points.len() as i32).to_be_bytes());
    bytes.extend(points.iter().flat_map(Shape::encode));
}

fn decode_points(bytes: &[u8]) -> Option<Vec<Point>> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    let points = rest.chunks(16).map(Point::decode).collect::<Option<Vec<Point>>>()?;
    (points.len() == usize::try_from(i32::from_be_bytes(*count)).ok()? && !points.is_empty()).then_some(points)
}

/// The stored form of a text. 22P02 if it is none of the type, 22003 if a number of it does not fit.
pub(crate) fn parse(written: &str, ty: u32) -> Result<Vec<u8>> {
    text::parse(written, ty)
}

/// Appends the text form of a stored value.
pub(crate) fn write(stored: &[u8], ty: u32, format: &Format, out: &mut Vec<u8>) {
    text::write(stored, ty, format.extra_float_digits, out);
}

/// The stored form of a binary form, which may have the corners of a box in another order. 22P03 for a shape that
/// cannot be, 08P01 if bytes are missing.
pub(crate) fn read_binary(bytes: &[u8], ty: u32) -> Result<Vec<u8>> {
    let invalid = |words: &'static str| Error::new(SqlState::INVALID_BINARY_REPRESENTATION, words);
    let short = || Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message");
    match ty {
        oid::BOX => Bounds::decode(bytes).map(|bounds| Bounds::between(bounds.high, bounds.low).encode()),
        oid::POINT => Point::decode(bytes).map(|point| point.encode()),
        oid::LSEG => Segment::decode(bytes).map(|segment| segment.encode()),
        oid::LINE => match Line::decode(bytes) {
            Some(line) if line.a.abs() <= EPSILON && line.b.abs() <= EPSILON => {
                return Err(invalid("invalid line specification: A and B cannot both be zero"));
            }
            line => line.map(|line| line.encode()),
        },
        oid::CIRCLE => match Circle::decode(bytes) {
            Some(circle) if circle.radius < 0.0 => {
                return Err(invalid("invalid radius in external \"circle\" value"));
            }
            circle => circle.map(|circle| circle.encode()),
        },
        oid::PATH => {
            if bytes.len() == 5 {
                return Err(invalid("invalid number of points in external \"path\" value"));
            }
            Path::decode(bytes).map(|path| path.encode())
        }
        _ => {
            if bytes.len() == 4 {
                return Err(invalid("invalid number of points in external \"polygon\" value"));
            }
            Polygon::decode(bytes).map(|polygon| polygon.encode())
        }
    }
    .ok_or_else(short)
}

/// Coordinates that differ by no more are taken for the same, as PostgreSQL does.
pub(crate) const EPSILON: f64 = 1e-6;
