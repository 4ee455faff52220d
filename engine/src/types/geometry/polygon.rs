//! What can be computed of polygons.

use super::number::{about, add, at_most, below, divide, gap, is_zero, middle, multiply, subtract};
use super::path::{distance, segments};
use super::{Bounds, Circle, Path, Point, Polygon, Segment, is_less};
use crate::error::{Error, Result, SqlState};

/// How often a segment is cut up at most when it is followed through a polygon.
const DEPTH_MAX: usize = 500;

impl Polygon {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::around(&self.points)
    }

    pub(crate) fn path(&self) -> Path {
        Path { closed: true, points: self.points.clone() }
    }

    fn edges(&self) -> impl Iterator<Item = Segment> + '_ {
        segments(&self.points, true)
    }

    /// The circle around the middle of its corners that is as wide as they are on the average.
    pub(crate) fn circle(&self) -> Result<Circle> {
        let count = self.points.len() as f64;
        let sum = self.points.iter().try_fold(Point::new(0.0, 0.0), |sum, point| sum.plus(*point))?;
        let center = Point::new(divide(sum.x, count)?, divide(sum.y, count)?);
        let far = self.points.iter().try_fold(0.0, |sum, point| add(sum, point.distance(center)?))?;
        Ok(Circle { center, radius: divide(far, count)? })
    }

    /// Whether both have the same corners, wherever they begin and in whichever direction they go.
    pub(crate) fn is_at(&self, other: &Polygon) -> bool {
        let count = self.points.len();
        let same = |position: &dyn Fn(usize) -> usize| {
            self.points.iter().enumerate().all(|(at, point)| point.is_at(other.points[position(at) % count]))
        };
        count == other.points.len() && (0..count).any(|first| same(&|at| first + at) || same(&|at| first + count - at))
    }

    pub(crate) fn contains_point(&self, point: Point) -> Result<bool> {
        surrounds(&self.points, point)
    }

    pub(crate) fn contains(&self, other: &Polygon) -> Result<bool> {
        if !self.bounds().contains(other.bounds()) {
            return Ok(false);
        }
        for edge in other.edges() {
            if !self.covers(edge, 0, DEPTH_MAX)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn overlaps(&self, other: &Polygon) -> Result<bool> {
        if !self.bounds().overlaps(other.bounds()) {
            return Ok(false);
        }
        for mine in self.edges() {
            for theirs in other.edges() {
                if mine.meets(theirs)?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(other.contains_point(self.points[0])? || self.contains_point(other.points[0])?)
    }

    pub(crate) fn distance(&self, other: &Polygon) -> Result<Option<f64>> {
        if self.overlaps(other)? {
            return Ok(Some(0.0));
        }
        distance(|| self.edges(), || other.edges())
    }

    pub(crate) fn distance_to_point(&self, point: Point) -> Result<f64> {
        if self.contains_point(point)? {
            return Ok(0.0);
        }
        let mut found = f64::NAN;
        for edge in self.edges() {
            let (_, distance) = edge.nearest(point)?;
            if is_less(distance, found) {
                found = distance;
            }
        }
        Ok(found)
    }

    pub(crate) fn distance_to_circle(&self, circle: Circle) -> Result<f64> {
        Ok(gap(subtract(self.distance_to_point(circle.center)?, circle.radius)?))
    }

    /// Whether a segment lies within it. Where an edge, from a given one on, cuts the segment, its parts are looked at.
    fn covers(&self, segment: Segment, from: usize, depth: usize) -> Result<bool> {
        if depth == 0 {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        let mut is_cut = false;
        for (number, edge) in self.edges().enumerate().skip(from) {
            let (has_start, has_end) = (edge.contains(segment.start)?, edge.contains(segment.end)?);
            let covered = match (has_start, has_end) {
                (true, true) => return Ok(true),
                (true, false) => self.covers_rest(segment.start, segment.end, edge, number + 1, depth)?,
                (false, true) => self.covers_rest(segment.end, segment.start, edge, number + 1, depth)?,
                (false, false) => match segment.meets(edge)? {
                    Some(cut) => {
                        is_cut = true;
                        self.covers(Segment::new(segment.start, cut), number + 1, depth - 1)?
                            && self.covers(Segment::new(segment.end, cut), number + 1, depth - 1)?
                    }
                    None => true,
                },
            };
            if !covered {
                return Ok(false);
            }
        }
        if is_cut {
            return Ok(true);
        }
        let center = Point::new(middle(segment.start.x, segment.end.x)?, middle(segment.start.y, segment.end.y)?);
        self.contains_point(center)
    }

    /// Whether a segment of which one end is on an edge, the other not, is covered beyond the edge. If it only
    /// touches the edge, that is for the other edges to say.
    fn covers_rest(&self, touching: Point, free: Point, edge: Segment, from: usize, depth: usize) -> Result<bool> {
        let segment = Segment::new(touching, free);
        let leaves_at = if touching.is_at(edge.start) {
            segment.contains(edge.end)?.then_some(edge.end)
        } else if touching.is_at(edge.end) {
            segment.contains(edge.start)?.then_some(edge.start)
        } else if segment.contains(edge.start)? {
            Some(edge.start)
        } else {
            segment.contains(edge.end)?.then_some(edge.end)
        };
        match leaves_at {
            Some(end) => self.covers(Segment::new(free, end), from, depth - 1),
            None => Ok(true),
        }
    }
}

/// Whether corners surround a point, or it lies on an edge between them: how often the way around them crosses
/// the ray from the point to the right. Crossings of one direction are counted against those of the other, twice each,
/// since a way may also come to rest on the ray.
pub(super) fn surrounds(corners: &[Point], point: Point) -> Result<bool> {
    let mut crossings = 0;
    let relative = |corner: &Point| corner.minus(point);
    let Some(first) = corners.first() else { return Ok(false) };
    let first = relative(first)?;
    let mut from = first;
    for to in corners[1..].iter().map(relative).chain([Ok(first)]) {
        let to = to?;
        match crossing(from, to)? {
            Some(count) => crossings += count,
            None => return Ok(true),
        }
        from = to;
    }
    Ok(crossings != 0)
}

/// How an edge crosses the ray from the origin to the right: twice 1 upwards and -1 downwards, half of it where it ends
/// or begins on the ray; `None` if it goes through the origin.
fn crossing(from: Point, to: Point) -> Result<Option<i32>> {
    if is_zero(to.y) {
        if is_zero(to.x) {
            return Ok(None);
        }
        let right = below(0.0, to.x);
        if is_zero(from.y) {
            let same_side = if right { below(0.0, from.x) } else { below(from.x, 0.0) };
            return Ok(same_side.then_some(0));
        }
        return Ok(Some(match (right, below(from.y, 0.0)) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => -1,
        }));
    }
    let direction = if below(0.0, to.y) { 1 } else { -1 };
    if is_zero(from.y) {
        return Ok(Some(if below(from.x, 0.0) { 0 } else { direction }));
    }
    let same_side = if direction < 0 { below(from.y, 0.0) } else { below(0.0, from.y) };
    if same_side {
        return Ok(Some(0));
    }
    if at_most(0.0, to.x) && below(0.0, from.x) {
        return Ok(Some(2 * direction));
    }
    if below(to.x, 0.0) && at_most(from.x, 0.0) {
        return Ok(Some(0));
    }
    let side = subtract(multiply(subtract(to.x, from.x)?, to.y)?, multiply(subtract(to.y, from.y)?, to.x)?)?;
    if about(side, 0.0) {
        return Ok(None);
    }
    let passes_left = if direction < 0 { below(side, 0.0) } else { below(0.0, side) };
    Ok(Some(if passes_left { 0 } else { 2 * direction }))
}
