//! What can be computed of circles.

use std::f64::consts::PI;

use super::number::{about, add, at_most, divide, gap, is_zero, multiply, subtract};
use super::{Bounds, Circle, Point, Polygon};
use crate::error::{Error, Result, SqlState};

/// Points that a polygon may have, so that it stays below the size of a value.
const POINTS_MAX: i32 = 1 << 25;

impl Circle {
    pub(crate) fn area(self) -> Result<f64> {
        multiply(multiply(self.radius, self.radius)?, PI)
    }

    pub(crate) fn is_at(self, other: Circle) -> bool {
        let radius = (self.radius.is_nan() && other.radius.is_nan()) || about(self.radius, other.radius);
        radius && self.center.is_at(other.center)
    }

    pub(crate) fn left(self) -> Result<f64> {
        subtract(self.center.x, self.radius)
    }

    pub(crate) fn right(self) -> Result<f64> {
        add(self.center.x, self.radius)
    }

    pub(crate) fn lowest(self) -> Result<f64> {
        subtract(self.center.y, self.radius)
    }

    pub(crate) fn highest(self) -> Result<f64> {
        add(self.center.y, self.radius)
    }

    pub(crate) fn overlaps(self, other: Circle) -> Result<bool> {
        Ok(at_most(self.center.distance(other.center)?, add(self.radius, other.radius)?))
    }

    pub(crate) fn contains(self, other: Circle) -> Result<bool> {
        Ok(at_most(self.center.distance(other.center)?, subtract(self.radius, other.radius)?))
    }

    pub(crate) fn contains_point(self, point: Point) -> Result<bool> {
        Ok(self.center.distance(point)? <= self.radius)
    }

    pub(crate) fn distance(self, other: Circle) -> Result<f64> {
        Ok(gap(subtract(self.center.distance(other.center)?, add(self.radius, other.radius)?)?))
    }

    pub(crate) fn distance_to_point(self, point: Point) -> Result<f64> {
        Ok(gap(subtract(point.distance(self.center)?, self.radius)?))
    }

    /// The box whose corners are on the circle.
    pub(crate) fn bounds(self) -> Result<Bounds> {
        let half = divide(self.radius, 2.0_f64.sqrt())?;
        let Point { x, y } = self.center;
        Ok(Bounds {
            high: Point::new(add(x, half)?, add(y, half)?),
            low: Point::new(subtract(x, half)?, subtract(y, half)?),
        })
    }

    /// The polygon of so many points on the circle.
    pub(crate) fn polygon(self, count: i32) -> Result<Polygon> {
        if is_zero(self.radius) {
            let words = "cannot convert circle with radius zero to polygon";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
        }
        if count < 2 {
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "must request at least 2 points"));
        }
        if count > POINTS_MAX {
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many points requested"));
        }
        let step = divide(2.0 * PI, f64::from(count))?;
        let point = |number: i32| -> Result<Point> {
            let angle = multiply(step, f64::from(number))?;
            let x = subtract(self.center.x, multiply(self.radius, angle.cos())?)?;
            Ok(Point::new(x, add(self.center.y, multiply(self.radius, angle.sin())?)?))
        };
        Ok(Polygon { points: (0..count).map(point).collect::<Result<_>>()? })
    }
}
