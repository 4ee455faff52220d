//! What can be computed of line segments.

use super::number::{about, add, middle};
use super::{Line, Point, Segment, is_less};
use crate::error::Result;

impl Segment {
    pub(crate) fn new(start: Point, end: Point) -> Self {
        Self { start, end }
    }

    pub(crate) fn length(self) -> Result<f64> {
        self.start.distance(self.end)
    }

    pub(crate) fn slope(self) -> Result<f64> {
        self.start.slope(self.end)
    }

    pub(crate) fn perpendicular_slope(self) -> Result<f64> {
        self.start.perpendicular_slope(self.end)
    }

    pub(crate) fn center(self) -> Result<Point> {
        Ok(Point::new(middle(self.start.x, self.end.x)?, middle(self.start.y, self.end.y)?))
    }

    pub(crate) fn is_at(self, other: Segment) -> bool {
        self.start.is_at(other.start) && self.end.is_at(other.end)
    }

    /// Whether the ways from a point to both ends are together as long as the segment.
    pub(crate) fn contains(self, point: Point) -> Result<bool> {
        Ok(about(add(point.distance(self.start)?, point.distance(self.end)?)?, self.length()?))
    }

    /// Where it meets a line.
    pub(crate) fn meets_line(self, line: Line) -> Result<Option<Point>> {
        let Some(point) = Line::from(self.start, self.slope()?)?.meets(line)? else { return Ok(None) };
        if !self.contains(point)? {
            return Ok(None);
        }
        // An end is said as it is, without what rounding left of it.
        let ends = [self.start, self.end];
        Ok(Some(ends.into_iter().find(|end| end.is_at(point)).unwrap_or(point)))
    }

    /// Where two segments meet; `None` also for those that lie upon one another.
    pub(crate) fn meets(self, other: Segment) -> Result<Option<Point>> {
        let Some(point) = self.meets_line(Line::from(other.start, other.slope()?)?)? else { return Ok(None) };
        Ok(other.contains(point)?.then_some(point))
    }

    /// The segment's point next to a line, and how far it is.
    pub(crate) fn nearest_to_line(self, line: Line) -> Result<(Point, f64)> {
        if let Some(point) = self.meets_line(line)? {
            return Ok((point, 0.0));
        }
        let (_, start) = line.nearest(self.start)?;
        let (_, end) = line.nearest(self.end)?;
        Ok(if start < end { (self.start, start) } else { (self.end, end) })
    }

    /// The segment's point next to another point, and how far it is.
    pub(crate) fn nearest(self, point: Point) -> Result<(Point, f64)> {
        let (nearest, _) = self.nearest_to_line(Line::from(point, self.perpendicular_slope()?)?)?;
        Ok((nearest, nearest.distance(point)?))
    }

    /// The segment's point next to another segment, and how far it is.
    pub(crate) fn nearest_to(self, other: Segment) -> Result<(Point, f64)> {
        if let Some(point) = self.meets(other)? {
            return Ok((point, 0.0));
        }
        let mut found = self.nearest(other.start)?;
        let candidates = [
            self.nearest(other.end)?,
            (self.start, other.nearest(self.start)?.1),
            (self.end, other.nearest(self.end)?.1),
        ];
        for candidate in candidates {
            if is_less(candidate.1, found.1) {
                found = candidate;
            }
        }
        Ok(found)
    }
}
