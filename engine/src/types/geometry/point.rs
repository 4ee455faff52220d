//! What can be computed of points; as numbers of the complex plane they are multiplied and divided.

use super::number::{about, add, diagonal, divide, multiply, same, subtract};
use super::{Bounds, Point};
use crate::error::Result;

impl Point {
    pub(crate) fn distance(self, other: Point) -> Result<f64> {
        diagonal(subtract(self.x, other.x)?, subtract(self.y, other.y)?)
    }

    /// Whether both are about the same place. With NaN in one of them nothing is overlooked.
    pub(crate) fn is_at(self, other: Point) -> bool {
        if [self.x, self.y, other.x, other.y].iter().any(|number| number.is_nan()) {
            return same(self.x, other.x) && same(self.y, other.y);
        }
        about(self.x, other.x) && about(self.y, other.y)
    }

    /// How steep the line to another point is; infinite for a vertical one.
    pub(crate) fn slope(self, other: Point) -> Result<f64> {
        if about(self.x, other.x) {
            return Ok(f64::INFINITY);
        }
        if about(self.y, other.y) {
            return Ok(0.0);
        }
        divide(subtract(self.y, other.y)?, subtract(self.x, other.x)?)
    }

    /// How steep a line is that is perpendicular to the one to another point.
    pub(crate) fn perpendicular_slope(self, other: Point) -> Result<f64> {
        if about(self.x, other.x) {
            return Ok(0.0);
        }
        if about(self.y, other.y) {
            return Ok(f64::INFINITY);
        }
        divide(subtract(self.x, other.x)?, subtract(other.y, self.y)?)
    }

    pub(crate) fn plus(self, other: Point) -> Result<Point> {
        Ok(Point::new(add(self.x, other.x)?, add(self.y, other.y)?))
    }

    pub(crate) fn minus(self, other: Point) -> Result<Point> {
        Ok(Point::new(subtract(self.x, other.x)?, subtract(self.y, other.y)?))
    }

    pub(crate) fn times(self, other: Point) -> Result<Point> {
        Ok(Point::new(
            subtract(multiply(self.x, other.x)?, multiply(self.y, other.y)?)?,
            add(multiply(self.x, other.y)?, multiply(self.y, other.x)?)?,
        ))
    }

    pub(crate) fn over(self, other: Point) -> Result<Point> {
        let square = add(multiply(other.x, other.x)?, multiply(other.y, other.y)?)?;
        let x = add(multiply(self.x, other.x)?, multiply(self.y, other.y)?)?;
        let y = subtract(multiply(other.x, self.y)?, multiply(self.x, other.y)?)?;
        Ok(Point::new(divide(x, square)?, divide(y, square)?))
    }

    /// How far it is from the origin.
    pub(crate) fn magnitude(self) -> Result<f64> {
        diagonal(self.x, self.y)
    }

    /// The box that is nothing but the point.
    pub(crate) fn bounds(self) -> Bounds {
        Bounds { high: self, low: self }
    }
}
