//! Functions and operators of geometric values: rows of `pg_proc`, each with what it says of shapes.

use storage::Value;

use super::Function;
use super::argument::{bytes, float, int4, invalid};
use super::define::immutable;
use crate::error::{Error, Result};
use crate::types::geometry::number::{about, at_most, below, differs, divide, is_zero, multiply};
use crate::types::geometry::{Bounds, Circle, Line, Path, Point, Polygon, Segment, Shape};
use crate::types::oid::*;

/// A point's `[0]` and `[1]`; another subscript is NULL.
pub(crate) static POINT_ELEMENT: Function = immutable(9_117, "point_element", &[POINT, INT4], FLOAT8, |_, args| {
    let point: Point = of(&args[0])?;
    Ok(match int4(&args[1])? {
        0 => Value::Float8(point.x),
        1 => Value::Float8(point.y),
        _ => Value::Null,
    })
});

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    immutable(975, "area", &[BOX], FLOAT8, |_, args| one(args, |a: Bounds| a.area())),
    immutable(979, "area", &[PATH], FLOAT8, |_, args| one(args, |a: Path| a.area())),
    immutable(1468, "area", &[CIRCLE], FLOAT8, |_, args| one(args, |a: Circle| a.area())),
    immutable(4067, "bound_box", &[BOX, BOX], BOX, |_, args| two(args, |a: Bounds, b: Bounds| Ok(a.union(b)))),
    immutable(1421, "box", &[POINT, POINT], BOX, |_, args| two(args, |a: Point, b: Point| Ok(Bounds::between(a, b)))),
    immutable(1446, "box", &[POLYGON], BOX, |_, args| one(args, |a: Polygon| Ok(a.bounds()))),
    immutable(1480, "box", &[CIRCLE], BOX, |_, args| one(args, |a: Circle| a.bounds())),
    immutable(4091, "box", &[POINT], BOX, |_, args| one(args, |a: Point| Ok(a.bounds()))),
    immutable(2565, "box_above", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(below(b.high.y, a.low.y)))
    }),
    immutable(115, "box_above_eq", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(b.high.y, a.low.y)))
    }),
    immutable(1422, "box_add", &[BOX, POINT], BOX, |_, args| {
        two(args, |a: Bounds, b: Point| Ok(Bounds { high: a.high.plus(b)?, low: a.low.plus(b)? }))
    }),
    immutable(2562, "box_below", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(below(a.high.y, b.low.y)))
    }),
    immutable(116, "box_below_eq", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(a.high.y, b.low.y)))
    }),
    immutable(138, "box_center", &[BOX], POINT, |_, args| one(args, |a: Bounds| a.center())),
    immutable(187, "box_contain", &[BOX, BOX], BOOL, |_, args| two(args, |a: Bounds, b: Bounds| Ok(a.contains(b)))),
    immutable(193, "box_contain_pt", &[BOX, POINT], BOOL, |_, args| {
        two(args, |a: Bounds, b: Point| Ok(a.contains_point(b)))
    }),
    immutable(192, "box_contained", &[BOX, BOX], BOOL, |_, args| two(args, |a: Bounds, b: Bounds| Ok(b.contains(a)))),
    immutable(978, "box_distance", &[BOX, BOX], FLOAT8, |_, args| {
        two(args, |a: Bounds, b: Bounds| a.center()?.distance(b.center()?))
    }),
    immutable(1425, "box_div", &[BOX, POINT], BOX, |_, args| {
        two(args, |a: Bounds, b: Point| Ok(Bounds::between(a.high.over(b)?, a.low.over(b)?)))
    }),
    immutable(128, "box_eq", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(about(a.area()?, b.area()?)))
    }),
    immutable(126, "box_ge", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(b.area()?, a.area()?)))
    }),
    immutable(127, "box_gt", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(below(b.area()?, a.area()?)))
    }),
    immutable(980, "box_intersect", &[BOX, BOX], BOX, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(a.intersection(b)))
    }),
    immutable(130, "box_le", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(a.area()?, b.area()?)))
    }),
    immutable(188, "box_left", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(below(a.high.x, b.low.x)))
    }),
    immutable(129, "box_lt", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(below(a.area()?, b.area()?)))
    }),
    immutable(1424, "box_mul", &[BOX, POINT], BOX, |_, args| {
        two(args, |a: Bounds, b: Point| Ok(Bounds::between(a.high.times(b)?, a.low.times(b)?)))
    }),
    immutable(2564, "box_overabove", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(b.low.y, a.low.y)))
    }),
    immutable(2563, "box_overbelow", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(a.high.y, b.high.y)))
    }),
    immutable(125, "box_overlap", &[BOX, BOX], BOOL, |_, args| two(args, |a: Bounds, b: Bounds| Ok(a.overlaps(b)))),
    immutable(189, "box_overleft", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(a.high.x, b.high.x)))
    }),
    immutable(190, "box_overright", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(at_most(b.low.x, a.low.x)))
    }),
    immutable(191, "box_right", &[BOX, BOX], BOOL, |_, args| {
        two(args, |a: Bounds, b: Bounds| Ok(below(b.high.x, a.low.x)))
    }),
    immutable(186, "box_same", &[BOX, BOX], BOOL, |_, args| two(args, |a: Bounds, b: Bounds| Ok(a.is_at(b)))),
    immutable(1423, "box_sub", &[BOX, POINT], BOX, |_, args| {
        two(args, |a: Bounds, b: Point| Ok(Bounds { high: a.high.minus(b)?, low: a.low.minus(b)? }))
    }),
    immutable(1542, "center", &[BOX], POINT, |_, args| one(args, |a: Bounds| a.center())),
    immutable(1543, "center", &[CIRCLE], POINT, |_, args| one(args, |a: Circle| Ok(a.center))),
    immutable(1473, "circle", &[POINT, FLOAT8], CIRCLE, |_, args| {
        Ok(value(&Circle { center: of(&args[0])?, radius: float(&args[1])? }))
    }),
    immutable(1474, "circle", &[POLYGON], CIRCLE, |_, args| one(args, |a: Polygon| a.circle())),
    immutable(1479, "circle", &[BOX], CIRCLE, |_, args| one(args, |a: Bounds| a.circle())),
    immutable(1461, "circle_above", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(below(b.highest()?, a.lowest()?)))
    }),
    immutable(1146, "circle_add_pt", &[CIRCLE, POINT], CIRCLE, |_, args| {
        two(args, |a: Circle, b: Point| Ok(Circle { center: a.center.plus(b)?, ..a }))
    }),
    immutable(1460, "circle_below", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(below(a.highest()?, b.lowest()?)))
    }),
    immutable(1472, "circle_center", &[CIRCLE], POINT, |_, args| one(args, |a: Circle| Ok(a.center))),
    immutable(1453, "circle_contain", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| a.contains(b))
    }),
    immutable(1477, "circle_contain_pt", &[CIRCLE, POINT], BOOL, |_, args| {
        two(args, |a: Circle, b: Point| a.contains_point(b))
    }),
    immutable(1458, "circle_contained", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| b.contains(a))
    }),
    immutable(1471, "circle_distance", &[CIRCLE, CIRCLE], FLOAT8, |_, args| {
        two(args, |a: Circle, b: Circle| a.distance(b))
    }),
    immutable(1149, "circle_div_pt", &[CIRCLE, POINT], CIRCLE, |_, args| {
        two(args, |a: Circle, b: Point| {
            Ok(Circle { center: a.center.over(b)?, radius: divide(a.radius, b.magnitude()?)? })
        })
    }),
    immutable(1462, "circle_eq", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(about(a.area()?, b.area()?)))
    }),
    immutable(1467, "circle_ge", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(at_most(b.area()?, a.area()?)))
    }),
    immutable(1465, "circle_gt", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(below(b.area()?, a.area()?)))
    }),
    immutable(1466, "circle_le", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(at_most(a.area()?, b.area()?)))
    }),
    immutable(1454, "circle_left", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(below(a.right()?, b.left()?)))
    }),
    immutable(1464, "circle_lt", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(below(a.area()?, b.area()?)))
    }),
    immutable(1148, "circle_mul_pt", &[CIRCLE, POINT], CIRCLE, |_, args| {
        two(args, |a: Circle, b: Point| {
            Ok(Circle { center: a.center.times(b)?, radius: multiply(a.radius, b.magnitude()?)? })
        })
    }),
    immutable(1463, "circle_ne", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(differs(a.area()?, b.area()?)))
    }),
    immutable(2588, "circle_overabove", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(at_most(b.lowest()?, a.lowest()?)))
    }),
    immutable(2587, "circle_overbelow", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(at_most(a.highest()?, b.highest()?)))
    }),
    immutable(1459, "circle_overlap", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| a.overlaps(b))
    }),
    immutable(1455, "circle_overleft", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(at_most(a.right()?, b.right()?)))
    }),
    immutable(1456, "circle_overright", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(at_most(b.left()?, a.left()?)))
    }),
    immutable(1457, "circle_right", &[CIRCLE, CIRCLE], BOOL, |_, args| {
        two(args, |a: Circle, b: Circle| Ok(below(b.right()?, a.left()?)))
    }),
    immutable(1452, "circle_same", &[CIRCLE, CIRCLE], BOOL, |_, args| two(args, |a: Circle, b: Circle| Ok(a.is_at(b)))),
    immutable(1147, "circle_sub_pt", &[CIRCLE, POINT], CIRCLE, |_, args| {
        two(args, |a: Circle, b: Point| Ok(Circle { center: a.center.minus(b)?, ..a }))
    }),
    immutable(1488, "close_ls", &[LINE, LSEG], POINT, |_, args| {
        two(args, |a: Line, b: Segment| {
            if a.slope()? == b.slope()? { Ok(None) } else { b.nearest_to_line(a).map(known) }
        })
    }),
    immutable(1489, "close_lseg", &[LSEG, LSEG], POINT, |_, args| {
        two(args, |a: Segment, b: Segment| {
            if a.slope()? == b.slope()? { Ok(None) } else { b.nearest_to(a).map(known) }
        })
    }),
    immutable(367, "close_pb", &[POINT, BOX], POINT, |_, args| {
        two(args, |a: Point, b: Bounds| b.nearest(a).map(known))
    }),
    immutable(961, "close_pl", &[POINT, LINE], POINT, |_, args| two(args, |a: Point, b: Line| b.nearest(a).map(known))),
    immutable(366, "close_ps", &[POINT, LSEG], POINT, |_, args| {
        two(args, |a: Point, b: Segment| b.nearest(a).map(known))
    }),
    immutable(368, "close_sb", &[LSEG, BOX], POINT, |_, args| {
        two(args, |a: Segment, b: Bounds| b.nearest_to(a).map(known))
    }),
    immutable(981, "diagonal", &[BOX], LSEG, |_, args| one(args, |a: Bounds| Ok(Segment::new(a.high, a.low)))),
    immutable(1469, "diameter", &[CIRCLE], FLOAT8, |_, args| one(args, |a: Circle| multiply(a.radius, 2.0))),
    immutable(357, "dist_bp", &[BOX, POINT], FLOAT8, |_, args| two(args, |a: Bounds, b: Point| Ok(a.nearest(b)?.1))),
    immutable(381, "dist_bs", &[BOX, LSEG], FLOAT8, |_, args| {
        two(args, |a: Bounds, b: Segment| Ok(a.nearest_to(b)?.1))
    }),
    immutable(3290, "dist_cpoint", &[CIRCLE, POINT], FLOAT8, |_, args| {
        two(args, |a: Circle, b: Point| a.distance_to_point(b))
    }),
    immutable(728, "dist_cpoly", &[CIRCLE, POLYGON], FLOAT8, |_, args| {
        two(args, |a: Circle, b: Polygon| b.distance_to_circle(a))
    }),
    immutable(702, "dist_lp", &[LINE, POINT], FLOAT8, |_, args| two(args, |a: Line, b: Point| Ok(a.nearest(b)?.1))),
    immutable(704, "dist_ls", &[LINE, LSEG], FLOAT8, |_, args| {
        two(args, |a: Line, b: Segment| Ok(b.nearest_to_line(a)?.1))
    }),
    immutable(421, "dist_pathp", &[PATH, POINT], FLOAT8, |_, args| {
        two(args, |a: Path, b: Point| a.distance_to_point(b))
    }),
    immutable(364, "dist_pb", &[POINT, BOX], FLOAT8, |_, args| two(args, |a: Point, b: Bounds| Ok(b.nearest(a)?.1))),
    immutable(1476, "dist_pc", &[POINT, CIRCLE], FLOAT8, |_, args| {
        two(args, |a: Point, b: Circle| b.distance_to_point(a))
    }),
    immutable(725, "dist_pl", &[POINT, LINE], FLOAT8, |_, args| two(args, |a: Point, b: Line| Ok(b.nearest(a)?.1))),
    immutable(785, "dist_polyc", &[POLYGON, CIRCLE], FLOAT8, |_, args| {
        two(args, |a: Polygon, b: Circle| a.distance_to_circle(b))
    }),
    immutable(3292, "dist_polyp", &[POLYGON, POINT], FLOAT8, |_, args| {
        two(args, |a: Polygon, b: Point| a.distance_to_point(b))
    }),
    immutable(371, "dist_ppath", &[POINT, PATH], FLOAT8, |_, args| {
        two(args, |a: Point, b: Path| b.distance_to_point(a))
    }),
    immutable(3275, "dist_ppoly", &[POINT, POLYGON], FLOAT8, |_, args| {
        two(args, |a: Point, b: Polygon| b.distance_to_point(a))
    }),
    immutable(363, "dist_ps", &[POINT, LSEG], FLOAT8, |_, args| two(args, |a: Point, b: Segment| Ok(b.nearest(a)?.1))),
    immutable(365, "dist_sb", &[LSEG, BOX], FLOAT8, |_, args| {
        two(args, |a: Segment, b: Bounds| Ok(b.nearest_to(a)?.1))
    }),
    immutable(727, "dist_sl", &[LSEG, LINE], FLOAT8, |_, args| {
        two(args, |a: Segment, b: Line| Ok(a.nearest_to_line(b)?.1))
    }),
    immutable(380, "dist_sp", &[LSEG, POINT], FLOAT8, |_, args| two(args, |a: Segment, b: Point| Ok(a.nearest(b)?.1))),
    immutable(977, "height", &[BOX], FLOAT8, |_, args| one(args, |a: Bounds| a.height())),
    immutable(278, "inter_lb", &[LINE, BOX], BOOL, |_, args| two(args, |a: Line, b: Bounds| b.meets_line(a))),
    immutable(373, "inter_sb", &[LSEG, BOX], BOOL, |_, args| two(args, |a: Segment, b: Bounds| b.meets_segment(a))),
    immutable(277, "inter_sl", &[LSEG, LINE], BOOL, |_, args| {
        two(args, |a: Segment, b: Line| Ok(a.meets_line(b)?.is_some()))
    }),
    immutable(1430, "isclosed", &[PATH], BOOL, |_, args| one(args, |a: Path| Ok(a.closed))),
    immutable(1407, "ishorizontal", &[POINT, POINT], BOOL, |_, args| {
        two(args, |a: Point, b: Point| Ok(about(a.y, b.y)))
    }),
    immutable(1411, "ishorizontal", &[LSEG], BOOL, |_, args| one(args, |a: Segment| Ok(about(a.start.y, a.end.y)))),
    immutable(1415, "ishorizontal", &[LINE], BOOL, |_, args| one(args, |a: Line| Ok(is_zero(a.a)))),
    immutable(1431, "isopen", &[PATH], BOOL, |_, args| one(args, |a: Path| Ok(!a.closed))),
    immutable(1408, "isparallel", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(about(a.slope()?, b.slope()?)))
    }),
    immutable(1412, "isparallel", &[LINE, LINE], BOOL, |_, args| {
        two(args, |a: Line, b: Line| Ok(a.meets(b)?.is_none()))
    }),
    immutable(1409, "isperp", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(about(a.slope()?, b.perpendicular_slope()?)))
    }),
    immutable(1413, "isperp", &[LINE, LINE], BOOL, |_, args| two(args, |a: Line, b: Line| a.is_perpendicular_to(b))),
    immutable(1406, "isvertical", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(about(a.x, b.x)))),
    immutable(1410, "isvertical", &[LSEG], BOOL, |_, args| one(args, |a: Segment| Ok(about(a.start.x, a.end.x)))),
    immutable(1414, "isvertical", &[LINE], BOOL, |_, args| one(args, |a: Line| Ok(is_zero(a.b)))),
    immutable(1530, "length", &[LSEG], FLOAT8, |_, args| one(args, |a: Segment| a.length())),
    immutable(1531, "length", &[PATH], FLOAT8, |_, args| one(args, |a: Path| a.length())),
    immutable(1493, "line", &[POINT, POINT], LINE, |_, args| {
        two(args, |a: Point, b: Point| {
            let refused = || invalid("invalid line specification: must be two distinct points");
            Line::through(a, b)?.ok_or_else(refused)
        })
    }),
    immutable(239, "line_distance", &[LINE, LINE], FLOAT8, |_, args| two(args, |a: Line, b: Line| a.distance(b))),
    immutable(1492, "line_eq", &[LINE, LINE], BOOL, |_, args| two(args, |a: Line, b: Line| a.is_at(b))),
    immutable(1499, "line_horizontal", &[LINE], BOOL, |_, args| one(args, |a: Line| Ok(is_zero(a.a)))),
    immutable(1494, "line_interpt", &[LINE, LINE], POINT, |_, args| two(args, |a: Line, b: Line| a.meets(b))),
    immutable(1495, "line_intersect", &[LINE, LINE], BOOL, |_, args| {
        two(args, |a: Line, b: Line| Ok(a.meets(b)?.is_some()))
    }),
    immutable(1496, "line_parallel", &[LINE, LINE], BOOL, |_, args| {
        two(args, |a: Line, b: Line| Ok(a.meets(b)?.is_none()))
    }),
    immutable(1497, "line_perp", &[LINE, LINE], BOOL, |_, args| two(args, |a: Line, b: Line| a.is_perpendicular_to(b))),
    immutable(1498, "line_vertical", &[LINE], BOOL, |_, args| one(args, |a: Line| Ok(is_zero(a.b)))),
    immutable(993, "lseg", &[POINT, POINT], LSEG, |_, args| two(args, |a: Point, b: Point| Ok(Segment::new(a, b)))),
    immutable(1541, "lseg", &[BOX], LSEG, |_, args| one(args, |a: Bounds| Ok(Segment::new(a.high, a.low)))),
    immutable(225, "lseg_center", &[LSEG], POINT, |_, args| one(args, |a: Segment| a.center())),
    immutable(361, "lseg_distance", &[LSEG, LSEG], FLOAT8, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(a.nearest_to(b)?.1))
    }),
    immutable(999, "lseg_eq", &[LSEG, LSEG], BOOL, |_, args| two(args, |a: Segment, b: Segment| Ok(a.is_at(b)))),
    immutable(1486, "lseg_ge", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(at_most(b.length()?, a.length()?)))
    }),
    immutable(1485, "lseg_gt", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(below(b.length()?, a.length()?)))
    }),
    immutable(998, "lseg_horizontal", &[LSEG], BOOL, |_, args| one(args, |a: Segment| Ok(about(a.start.y, a.end.y)))),
    immutable(362, "lseg_interpt", &[LSEG, LSEG], POINT, |_, args| two(args, |a: Segment, b: Segment| a.meets(b))),
    immutable(994, "lseg_intersect", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(a.meets(b)?.is_some()))
    }),
    immutable(1484, "lseg_le", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(at_most(a.length()?, b.length()?)))
    }),
    immutable(1487, "lseg_length", &[LSEG], FLOAT8, |_, args| one(args, |a: Segment| a.length())),
    immutable(1483, "lseg_lt", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(below(a.length()?, b.length()?)))
    }),
    immutable(1482, "lseg_ne", &[LSEG, LSEG], BOOL, |_, args| two(args, |a: Segment, b: Segment| Ok(!a.is_at(b)))),
    immutable(995, "lseg_parallel", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(about(a.slope()?, b.slope()?)))
    }),
    immutable(996, "lseg_perp", &[LSEG, LSEG], BOOL, |_, args| {
        two(args, |a: Segment, b: Segment| Ok(about(a.slope()?, b.perpendicular_slope()?)))
    }),
    immutable(997, "lseg_vertical", &[LSEG], BOOL, |_, args| one(args, |a: Segment| Ok(about(a.start.x, a.end.x)))),
    immutable(1545, "npoints", &[PATH], INT4, |_, args| one(args, |a: Path| Ok(a.points.len() as i32))),
    immutable(1556, "npoints", &[POLYGON], INT4, |_, args| one(args, |a: Polygon| Ok(a.points.len() as i32))),
    immutable(136, "on_pb", &[POINT, BOX], BOOL, |_, args| two(args, |a: Point, b: Bounds| Ok(b.contains_point(a)))),
    immutable(959, "on_pl", &[POINT, LINE], BOOL, |_, args| two(args, |a: Point, b: Line| b.contains(a))),
    immutable(137, "on_ppath", &[POINT, PATH], BOOL, |_, args| two(args, |a: Point, b: Path| b.contains(a))),
    immutable(369, "on_ps", &[POINT, LSEG], BOOL, |_, args| two(args, |a: Point, b: Segment| b.contains(a))),
    immutable(372, "on_sb", &[LSEG, BOX], BOOL, |_, args| {
        two(args, |a: Segment, b: Bounds| Ok(b.contains_point(a.start) && b.contains_point(a.end)))
    }),
    immutable(960, "on_sl", &[LSEG, LINE], BOOL, |_, args| {
        two(args, |a: Segment, b: Line| Ok(b.contains(a.start)? && b.contains(a.end)?))
    }),
    immutable(1447, "path", &[POLYGON], PATH, |_, args| one(args, |a: Polygon| Ok(a.path()))),
    immutable(1435, "path_add", &[PATH, PATH], PATH, |_, args| two(args, |a: Path, b: Path| Ok(a.joined(&b)))),
    immutable(1436, "path_add_pt", &[PATH, POINT], PATH, |_, args| {
        two(args, |a: Path, b: Point| a.moved(|point| point.plus(b)))
    }),
    immutable(1426, "path_contain_pt", &[PATH, POINT], BOOL, |_, args| two(args, |a: Path, b: Point| a.contains(b))),
    immutable(370, "path_distance", &[PATH, PATH], FLOAT8, |_, args| two(args, |a: Path, b: Path| a.distance(&b))),
    immutable(1439, "path_div_pt", &[PATH, POINT], PATH, |_, args| {
        two(args, |a: Path, b: Point| a.moved(|point| point.over(b)))
    }),
    immutable(973, "path_inter", &[PATH, PATH], BOOL, |_, args| two(args, |a: Path, b: Path| a.meets(&b))),
    immutable(987, "path_length", &[PATH], FLOAT8, |_, args| one(args, |a: Path| a.length())),
    immutable(1438, "path_mul_pt", &[PATH, POINT], PATH, |_, args| {
        two(args, |a: Path, b: Point| a.moved(|point| point.times(b)))
    }),
    immutable(984, "path_n_eq", &[PATH, PATH], BOOL, |_, args| {
        two(args, |a: Path, b: Path| Ok(a.points.len() == b.points.len()))
    }),
    immutable(986, "path_n_ge", &[PATH, PATH], BOOL, |_, args| {
        two(args, |a: Path, b: Path| Ok(a.points.len() >= b.points.len()))
    }),
    immutable(983, "path_n_gt", &[PATH, PATH], BOOL, |_, args| {
        two(args, |a: Path, b: Path| Ok(a.points.len() > b.points.len()))
    }),
    immutable(985, "path_n_le", &[PATH, PATH], BOOL, |_, args| {
        two(args, |a: Path, b: Path| Ok(a.points.len() <= b.points.len()))
    }),
    immutable(982, "path_n_lt", &[PATH, PATH], BOOL, |_, args| {
        two(args, |a: Path, b: Path| Ok(a.points.len() < b.points.len()))
    }),
    immutable(1432, "path_npoints", &[PATH], INT4, |_, args| one(args, |a: Path| Ok(a.points.len() as i32))),
    immutable(1437, "path_sub_pt", &[PATH, POINT], PATH, |_, args| {
        two(args, |a: Path, b: Point| a.moved(|point| point.minus(b)))
    }),
    immutable(1433, "pclose", &[PATH], PATH, |_, args| one(args, |a: Path| Ok(Path { closed: true, ..a }))),
    immutable(1416, "point", &[CIRCLE], POINT, |_, args| one(args, |a: Circle| Ok(a.center))),
    immutable(1440, "point", &[FLOAT8, FLOAT8], POINT, |_, args| {
        Ok(value(&Point::new(float(&args[0])?, float(&args[1])?)))
    }),
    immutable(1532, "point", &[LSEG], POINT, |_, args| one(args, |a: Segment| a.center())),
    immutable(1534, "point", &[BOX], POINT, |_, args| one(args, |a: Bounds| a.center())),
    immutable(1540, "point", &[POLYGON], POINT, |_, args| one(args, |a: Polygon| Ok(a.circle()?.center))),
    immutable(131, "point_above", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(below(b.y, a.y)))),
    immutable(1441, "point_add", &[POINT, POINT], POINT, |_, args| two(args, |a: Point, b: Point| a.plus(b))),
    immutable(134, "point_below", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(below(a.y, b.y)))),
    immutable(991, "point_distance", &[POINT, POINT], FLOAT8, |_, args| two(args, |a: Point, b: Point| a.distance(b))),
    immutable(1444, "point_div", &[POINT, POINT], POINT, |_, args| two(args, |a: Point, b: Point| a.over(b))),
    immutable(135, "point_eq", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(a.is_at(b)))),
    immutable(990, "point_horiz", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(about(a.y, b.y)))),
    immutable(132, "point_left", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(below(a.x, b.x)))),
    immutable(1443, "point_mul", &[POINT, POINT], POINT, |_, args| two(args, |a: Point, b: Point| a.times(b))),
    immutable(988, "point_ne", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(!a.is_at(b)))),
    immutable(133, "point_right", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(below(b.x, a.x)))),
    immutable(1442, "point_sub", &[POINT, POINT], POINT, |_, args| two(args, |a: Point, b: Point| a.minus(b))),
    immutable(989, "point_vert", &[POINT, POINT], BOOL, |_, args| two(args, |a: Point, b: Point| Ok(about(a.x, b.x)))),
    immutable(2569, "poly_above", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().low.y > b.bounds().high.y))
    }),
    immutable(2566, "poly_below", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().high.y < b.bounds().low.y))
    }),
    immutable(227, "poly_center", &[POLYGON], POINT, |_, args| one(args, |a: Polygon| Ok(a.circle()?.center))),
    immutable(340, "poly_contain", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| a.contains(&b))
    }),
    immutable(1428, "poly_contain_pt", &[POLYGON, POINT], BOOL, |_, args| {
        two(args, |a: Polygon, b: Point| a.contains_point(b))
    }),
    immutable(345, "poly_contained", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| b.contains(&a))
    }),
    immutable(729, "poly_distance", &[POLYGON, POLYGON], FLOAT8, |_, args| {
        two(args, |a: Polygon, b: Polygon| a.distance(&b))
    }),
    immutable(341, "poly_left", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().high.x < b.bounds().low.x))
    }),
    immutable(1445, "poly_npoints", &[POLYGON], INT4, |_, args| one(args, |a: Polygon| Ok(a.points.len() as i32))),
    immutable(2568, "poly_overabove", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().low.y >= b.bounds().low.y))
    }),
    immutable(2567, "poly_overbelow", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().high.y <= b.bounds().high.y))
    }),
    immutable(346, "poly_overlap", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| a.overlaps(&b))
    }),
    immutable(342, "poly_overleft", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().high.x <= b.bounds().high.x))
    }),
    immutable(343, "poly_overright", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().low.x >= b.bounds().low.x))
    }),
    immutable(344, "poly_right", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.bounds().low.x > b.bounds().high.x))
    }),
    immutable(339, "poly_same", &[POLYGON, POLYGON], BOOL, |_, args| {
        two(args, |a: Polygon, b: Polygon| Ok(a.is_at(&b)))
    }),
    immutable(1448, "polygon", &[BOX], POLYGON, |_, args| one(args, |a: Bounds| Ok(a.polygon()))),
    immutable(1449, "polygon", &[PATH], POLYGON, |_, args| {
        one(args, |a: Path| match a.closed {
            true => Ok(Polygon { points: a.points }),
            false => Err(invalid("open path cannot be converted to polygon")),
        })
    }),
    immutable(1475, "polygon", &[INT4, CIRCLE], POLYGON, |_, args| {
        Ok(value(&of::<Circle>(&args[1])?.polygon(int4(&args[0])?)?))
    }),
    immutable(1544, "polygon", &[CIRCLE], POLYGON, |_, args| one(args, |a: Circle| a.polygon(12))),
    immutable(1434, "popen", &[PATH], PATH, |_, args| one(args, |a: Path| Ok(Path { closed: false, ..a }))),
    immutable(1478, "pt_contained_circle", &[POINT, CIRCLE], BOOL, |_, args| {
        two(args, |a: Point, b: Circle| b.contains_point(a))
    }),
    immutable(1429, "pt_contained_poly", &[POINT, POLYGON], BOOL, |_, args| {
        two(args, |a: Point, b: Polygon| b.contains_point(a))
    }),
    immutable(1470, "radius", &[CIRCLE], FLOAT8, |_, args| one(args, |a: Circle| Ok(a.radius))),
    immutable(992, "slope", &[POINT, POINT], FLOAT8, |_, args| two(args, |a: Point, b: Point| a.slope(b))),
    immutable(976, "width", &[BOX], FLOAT8, |_, args| one(args, |a: Bounds| a.width())),
];

/// What a function of shapes answers.
trait Answer {
    fn into_value(self) -> Value;
}

impl<S: Shape> Answer for S {
    fn into_value(self) -> Value {
        value(&self)
    }
}

impl Answer for bool {
    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}

impl Answer for f64 {
    fn into_value(self) -> Value {
        Value::Float8(self)
    }
}

impl Answer for i32 {
    fn into_value(self) -> Value {
        Value::Int4(self)
    }
}

impl<A: Answer> Answer for Option<A> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, Answer::into_value)
    }
}

fn of<S: Shape>(value: &Value) -> Result<S> {
    S::decode(bytes(value)?).ok_or_else(|| Error::internal("a geometric value that is none"))
}

fn value(shape: &impl Shape) -> Value {
    Value::Bytea(shape.encode().into())
}

fn one<A: Shape, R: Answer>(args: &[Value], answer: impl Fn(A) -> Result<R>) -> Result<Value> {
    answer(of(&args[0])?).map(Answer::into_value)
}

fn two<A: Shape, B: Shape, R: Answer>(args: &[Value], answer: impl Fn(A, B) -> Result<R>) -> Result<Value> {
    answer(of(&args[0])?, of(&args[1])?).map(Answer::into_value)
}

/// The point of a point and its distance, which is NaN if there is no such point.
fn known((point, distance): (Point, f64)) -> Option<Point> {
    (!distance.is_nan()).then_some(point)
}
