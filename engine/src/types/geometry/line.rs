//! What can be computed of lines.

use super::number::{about, add, diagonal, divide, is_zero, multiply, same, subtract};
use super::{Line, Point};
use crate::error::Result;

impl Line {
    /// The line through a point with a slope, which is infinite for a vertical one.
    pub(crate) fn from(point: Point, slope: f64) -> Result<Line> {
        if slope.is_infinite() {
            return Ok(Line { a: -1.0, b: 0.0, c: point.x });
        }
        if slope == 0.0 {
            return Ok(Line { a: 0.0, b: -1.0, c: point.y });
        }
        let c = subtract(point.y, multiply(slope, point.x)?)?;
        Ok(Line { a: slope, b: -1.0, c: without_sign_of_zero(c) })
    }

    /// The line through two points; `None` if they are one.
    pub(crate) fn through(one: Point, other: Point) -> Result<Option<Line>> {
        if one.is_at(other) {
            return Ok(None);
        }
        Line::from(one, one.slope(other)?).map(Some)
    }

    pub(crate) fn slope(self) -> Result<f64> {
        if is_zero(self.a) {
            return Ok(0.0);
        }
        if is_zero(self.b) {
            return Ok(f64::INFINITY);
        }
        divide(self.a, -self.b)
    }

    fn perpendicular_slope(self) -> Result<f64> {
        if is_zero(self.a) {
            return Ok(f64::INFINITY);
        }
        if is_zero(self.b) {
            return Ok(0.0);
        }
        divide(self.b, self.a)
    }

    /// Where two lines meet; `None` if they are parallel.
    pub(crate) fn meets(self, other: Line) -> Result<Option<Point>> {
        // One of the two has y say what x is.
        let (first, second) = if is_zero(self.b) { (other, self) } else { (self, other) };
        if is_zero(first.b) || about(second.a, multiply(first.a, divide(second.b, first.b)?)?) {
            return Ok(None);
        }
        let above = subtract(multiply(first.b, second.c)?, multiply(second.b, first.c)?)?;
        let beneath = subtract(multiply(first.a, second.b)?, multiply(second.a, first.b)?)?;
        let x = divide(above, beneath)?;
        let y = divide(-add(multiply(first.a, x)?, first.c)?, first.b)?;
        Ok(Some(Point::new(without_sign_of_zero(x), without_sign_of_zero(y))))
    }

    pub(crate) fn is_perpendicular_to(self, other: Line) -> Result<bool> {
        Ok(if is_zero(self.a) {
            is_zero(other.b)
        } else if is_zero(other.a) {
            is_zero(self.b)
        } else if is_zero(self.b) {
            is_zero(other.a)
        } else if is_zero(other.b) {
            is_zero(self.a)
        } else {
            about(divide(multiply(self.a, other.a)?, multiply(self.b, other.b)?)?, -1.0)
        })
    }

    /// Whether both are the same line, whatever their numbers were multiplied by.
    pub(crate) fn is_at(self, other: Line) -> Result<bool> {
        let (left, right) = ([self.a, self.b, self.c], [other.a, other.b, other.c]);
        let mut pairs = left.iter().copied().zip(right);
        if left.iter().chain(&right).any(|number| number.is_nan()) {
            return Ok(pairs.all(|(left, right)| same(left, right)));
        }
        let ratio = match pairs.clone().find(|(_, right)| !is_zero(*right)) {
            Some((left, right)) => divide(left, right)?,
            None => 1.0,
        };
        for (left, right) in pairs {
            if !about(left, multiply(ratio, right)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn distance(self, other: Line) -> Result<f64> {
        if self.meets(other)?.is_some() {
            return Ok(0.0);
        }
        let counts = |number: f64| !is_zero(number) && !number.is_nan();
        let ratio = if counts(self.a) && counts(other.a) {
            divide(self.a, other.a)?
        } else if counts(self.b) && counts(other.b) {
            divide(self.b, other.b)?
        } else {
            1.0
        };
        divide(subtract(self.c, multiply(ratio, other.c)?)?.abs(), diagonal(self.a, self.b)?)
    }

    pub(crate) fn contains(self, point: Point) -> Result<bool> {
        Ok(is_zero(add(add(multiply(self.a, point.x)?, multiply(self.b, point.y)?)?, self.c)?))
    }

    /// The line's point next to another point, and how far it is; NaN where there is none.
    pub(crate) fn nearest(self, point: Point) -> Result<(Point, f64)> {
        match Line::from(point, self.perpendicular_slope()?)?.meets(self)? {
            Some(nearest) => Ok((nearest, nearest.distance(point)?)),
            None => Ok((point, f64::NAN)),
        }
    }
}

fn without_sign_of_zero(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number }
}
