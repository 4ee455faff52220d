//! What can be computed of boxes.

use super::number::{at_most, middle, multiply, subtract};
use super::{Bounds, Circle, Line, Point, Polygon, Segment, greater, is_less, lesser};
use crate::error::Result;

impl Bounds {
    pub(crate) fn width(self) -> Result<f64> {
        subtract(self.high.x, self.low.x)
    }

    pub(crate) fn height(self) -> Result<f64> {
        subtract(self.high.y, self.low.y)
    }

    pub(crate) fn area(self) -> Result<f64> {
        multiply(self.width()?, self.height()?)
    }

    pub(crate) fn center(self) -> Result<Point> {
        Ok(Point::new(middle(self.high.x, self.low.x)?, middle(self.high.y, self.low.y)?))
    }

    pub(crate) fn is_at(self, other: Bounds) -> bool {
        self.high.is_at(other.high) && self.low.is_at(other.low)
    }

    pub(crate) fn overlaps(self, other: Bounds) -> bool {
        at_most(self.low.x, other.high.x)
            && at_most(other.low.x, self.high.x)
            && at_most(self.low.y, other.high.y)
            && at_most(other.low.y, self.high.y)
    }

    pub(crate) fn contains(self, other: Bounds) -> bool {
        at_most(other.high.x, self.high.x)
            && at_most(self.low.x, other.low.x)
            && at_most(other.high.y, self.high.y)
            && at_most(self.low.y, other.low.y)
    }

    /// Whether a point is in it or on its edge, exactly.
    pub(crate) fn contains_point(self, point: Point) -> bool {
        (self.low.x..=self.high.x).contains(&point.x) && (self.low.y..=self.high.y).contains(&point.y)
    }

    /// What two boxes have in common.
    pub(crate) fn intersection(self, other: Bounds) -> Option<Bounds> {
        self.overlaps(other).then(|| Bounds {
            high: Point::new(lesser(self.high.x, other.high.x), lesser(self.high.y, other.high.y)),
            low: Point::new(greater(self.low.x, other.low.x), greater(self.low.y, other.low.y)),
        })
    }

    /// The smallest box around both.
    pub(crate) fn union(self, other: Bounds) -> Bounds {
        Bounds {
            high: Point::new(greater(self.high.x, other.high.x), greater(self.high.y, other.high.y)),
            low: Point::new(lesser(self.low.x, other.low.x), lesser(self.low.y, other.low.y)),
        }
    }

    /// The corners from the lower left upwards and around.
    fn corners(self) -> [Point; 4] {
        let Bounds { high, low } = self;
        [low, Point::new(low.x, high.y), high, Point::new(high.x, low.y)]
    }

    /// The edges on the left, above, beneath and on the right. Each begins at a corner that names the box.
    fn edges(self) -> [Segment; 4] {
        let [low, upper_left, high, lower_right] = self.corners();
        [
            Segment::new(low, upper_left),
            Segment::new(high, upper_left),
            Segment::new(low, lower_right),
            Segment::new(high, lower_right),
        ]
    }

    pub(crate) fn polygon(self) -> Polygon {
        Polygon { points: self.corners().to_vec() }
    }

    /// The circle through its corners.
    pub(crate) fn circle(self) -> Result<Circle> {
        let center = self.center()?;
        Ok(Circle { center, radius: center.distance(self.high)? })
    }

    pub(crate) fn meets_line(self, line: Line) -> Result<bool> {
        for edge in self.edges() {
            if edge.meets_line(line)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn meets_segment(self, segment: Segment) -> Result<bool> {
        if !Bounds::between(segment.start, segment.end).overlaps(self) {
            return Ok(false);
        }
        if self.contains_point(segment.start) || self.contains_point(segment.end) {
            return Ok(true);
        }
        for edge in self.edges() {
            if edge.meets(segment)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The box's point next to another, and how far it is.
    pub(crate) fn nearest(self, point: Point) -> Result<(Point, f64)> {
        if self.contains_point(point) {
            return Ok((point, 0.0));
        }
        nearest_of(self.edges().map(|edge| edge.nearest(point)))
    }

    /// The box's point next to a segment, and how far it is. Of a segment that meets the box it is the
    /// segment's point next to the box's center.
    pub(crate) fn nearest_to(self, segment: Segment) -> Result<(Point, f64)> {
        if self.meets_segment(segment)? {
            return Ok((segment.nearest(self.center()?)?.0, 0.0));
        }
        nearest_of(self.edges().map(|edge| edge.nearest_to(segment)))
    }
}

/// The first of those that are nearest.
fn nearest_of(candidates: [Result<(Point, f64)>; 4]) -> Result<(Point, f64)> {
    let mut found: Option<(Point, f64)> = None;
    for candidate in candidates {
        let candidate = candidate?;
        if found.is_none_or(|found| is_less(candidate.1, found.1)) {
            found = Some(candidate);
        }
    }
    Ok(found.expect("a box has four edges"))
}
