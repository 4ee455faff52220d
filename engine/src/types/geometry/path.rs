//! What can be computed of paths.

use super::number::{about, add, divide, multiply, subtract};
use super::polygon::surrounds;
use super::{Bounds, Path, Point, Segment, is_less};
use crate::error::Result;

impl Path {
    /// The segments; a closed path begins with the one from its last point to the first.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        segments(&self.points, self.closed)
    }

    pub(crate) fn length(&self) -> Result<f64> {
        self.segments().try_fold(0.0, |sum, segment| add(sum, segment.length()?))
    }

    /// What a closed path encloses; `None` for an open one.
    pub(crate) fn area(&self) -> Result<Option<f64>> {
        if !self.closed {
            return Ok(None);
        }
        let mut area = 0.0;
        for (one, next) in self.points.iter().zip(self.points.iter().cycle().skip(1)) {
            area = add(area, multiply(one.x, next.y)?)?;
            area = subtract(area, multiply(one.y, next.x)?)?;
        }
        divide(area.abs(), 2.0).map(Some)
    }

    /// One behind the other, if both are open.
    pub(crate) fn joined(&self, other: &Path) -> Option<Path> {
        let points = || self.points.iter().chain(&other.points).copied().collect();
        (!self.closed && !other.closed).then(|| Path { closed: false, points: points() })
    }

    pub(crate) fn moved(&self, by: impl Fn(Point) -> Result<Point>) -> Result<Path> {
        let points = self.points.iter().map(|point| by(*point)).collect::<Result<_>>()?;
        Ok(Path { closed: self.closed, points })
    }

    /// Whether a point is on an open path, or within a closed one.
    pub(crate) fn contains(&self, point: Point) -> Result<bool> {
        if self.closed {
            return surrounds(&self.points, point);
        }
        for segment in self.segments() {
            if about(add(point.distance(segment.start)?, point.distance(segment.end)?)?, segment.length()?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn meets(&self, other: &Path) -> Result<bool> {
        if !Bounds::around(&self.points).overlaps(Bounds::around(&other.points)) {
            return Ok(false);
        }
        for mine in self.segments() {
            for theirs in other.segments() {
                if mine.meets(theirs)?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The distance of the segments that are next to one another; `None` if one has no segments.
    pub(crate) fn distance(&self, other: &Path) -> Result<Option<f64>> {
        distance(|| self.segments(), || other.segments())
    }

    /// The distance of a point from its segments; zero if there are none.
    pub(crate) fn distance_to_point(&self, point: Point) -> Result<f64> {
        let mut found: Option<f64> = None;
        for segment in self.segments() {
            let (_, distance) = segment.nearest(point)?;
            if found.is_none_or(|found| is_less(distance, found)) {
                found = Some(distance);
            }
        }
        Ok(found.unwrap_or(0.0))
    }
}

/// The segments between points, the closing one first.
pub(super) fn segments(points: &[Point], closed: bool) -> impl Iterator<Item = Segment> + '_ {
    let closing = points.first().zip(points.last()).filter(|_| closed);
    let closing = closing.map(|(first, last)| Segment::new(*last, *first));
    closing.into_iter().chain(points.windows(2).map(|pair| Segment::new(pair[0], pair[1])))
}

/// The distance of the segments of two lists that are next to one another.
pub(super) fn distance<A: Iterator<Item = Segment>, B: Iterator<Item = Segment>>(
    left: impl Fn() -> A,
    right: impl Fn() -> B,
) -> Result<Option<f64>> {
    let mut found: Option<f64> = None;
    for one in left() {
        for other in right() {
            let (_, distance) = one.nearest_to(other)?;
            if found.is_none_or(|found| is_less(distance, found)) {
                found = Some(distance);
            }
        }
    }
    Ok(found)
}
