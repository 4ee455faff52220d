//! The text forms of geometric values.
//!
//! Reading is generous with parentheses, as PostgreSQL is: `(1,2)` and `1,2` are a point, `((0,0),(1,1))`,
//! `(0,0),(1,1)` and `0,0,1,1` a box. Brackets say that a path is open.

use super::{Bounds, Circle, EPSILON, Line, Path, Point, Polygon, Segment, Shape};
use crate::error::{Error, Result, SqlState};
use crate::types::builtin::oid;
use crate::types::text::{invalid_input, is_space, write_f64};
use crate::types::{Type, display};

pub(super) fn parse(text: &str, ty: u32) -> Result<Vec<u8>> {
    let mut reader = Reader { text, rest: text, ty };
    let stored = match ty {
        oid::POINT => reader.pair()?.encode(),
        oid::LSEG => reader.segment()?.encode(),
        oid::LINE => reader.line()?.encode(),
        oid::BOX => {
            let (_, points) = reader.points(2, false)?;
            Bounds::between(points[0], points[1]).encode()
        }
        oid::PATH => reader.path()?.encode(),
        oid::POLYGON => {
            let count = reader.count()?;
            let (_, points) = reader.points(count, false)?;
            Polygon { points }.encode()
        }
        _ => reader.circle()?.encode(),
    };
    if reader.rest.is_empty() { Ok(stored) } else { Err(reader.invalid()) }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    ty: u32,
}

impl Reader<'_> {
    fn invalid(&self) -> Error {
        invalid_input(&display(Type::new(self.ty)), self.text)
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    fn take(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, c: char) -> Result<()> {
        if self.take(c) { Ok(()) } else { Err(self.invalid()) }
    }

    /// A number with the spaces around it.
    fn number(&mut self) -> Result<f64> {
        self.skip_spaces();
        let length = number_length(self.rest);
        let (number, rest) = self.rest.split_at(length);
        let value: f64 = number.parse().map_err(|_| self.invalid())?;
        let digits = number.split(['e', 'E']).next().unwrap_or(number);
        let says_zero = !digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        let spelt = number.contains(['i', 'I', 'n', 'N']);
        if !spelt && (value.is_infinite() || (value == 0.0 && !says_zero)) {
            let message = format!("\"{number}\" is out of range for type double precision");
            return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
        }
        self.rest = rest;
        self.skip_spaces();
        Ok(value)
    }

    /// `x,y` or `(x,y)`.
    fn pair(&mut self) -> Result<Point> {
        self.skip_spaces();
        let enclosed = self.take('(');
        let x = self.number()?;
        self.expect(',')?;
        let y = self.number()?;
        if enclosed {
            self.expect(')')?;
            self.skip_spaces();
        }
        Ok(Point::new(x, y))
    }

    /// So many points, and whether they stand in brackets, where those may be.
    fn points(&mut self, count: usize, may_be_open: bool) -> Result<(bool, Vec<Point>)> {
        self.skip_spaces();
        let open = self.rest.starts_with('[');
        let mut enclosed = open;
        if open {
            if !may_be_open {
                return Err(self.invalid());
            }
            self.take('[');
        } else if let Some(inner) = self.rest.strip_prefix('(') {
            // A second parenthesis is the first point's; one that is alone encloses all.
            if inner.trim_start_matches(is_space).starts_with('(') || !inner.contains('(') {
                self.rest = inner.trim_start_matches(is_space);
                enclosed = true;
            }
        }
        let mut points = Vec::new();
        for _ in 0..count {
            points.push(self.pair()?);
            self.take(',');
        }
        if enclosed {
            if !(self.take(')') || open && self.take(']')) {
                return Err(self.invalid());
            }
            self.skip_spaces();
        }
        Ok((open, points))
    }

    /// How many points the text has by its commas.
    fn count(&self) -> Result<usize> {
        let commas = self.text.bytes().filter(|byte| *byte == b',').count();
        if commas % 2 == 1 { Ok(commas.div_ceil(2)) } else { Err(self.invalid()) }
    }

    fn segment(&mut self) -> Result<Segment> {
        let (_, points) = self.points(2, true)?;
        Ok(Segment { start: points[0], end: points[1] })
    }

    /// `{a,b,c}`, or two points of the line.
    fn line(&mut self) -> Result<Line> {
        let refused = |words: &'static str| Error::new(SqlState::INVALID_TEXT_REPRESENTATION, words);
        self.skip_spaces();
        if !self.take('{') {
            let Segment { start, end } = self.segment()?;
            if !self.rest.is_empty() {
                return Err(self.invalid());
            }
            return Line::through(start, end)?
                .ok_or_else(|| refused("invalid line specification: must be two distinct points"));
        }
        let a = self.number()?;
        self.expect(',')?;
        let b = self.number()?;
        self.expect(',')?;
        let c = self.number()?;
        self.expect('}')?;
        self.skip_spaces();
        if !self.rest.is_empty() {
            return Err(self.invalid());
        }
        if a.abs() <= EPSILON && b.abs() <= EPSILON {
            return Err(refused("invalid line specification: A and B cannot both be zero"));
        }
        Ok(Line { a, b, c })
    }

    fn path(&mut self) -> Result<Path> {
        let count = self.count()?;
        self.skip_spaces();
        // Parentheses around all of a list whose points have none.
        let enclosed = self.rest.starts_with('(') && self.rest.rfind('(') == Some(0) && self.take('(');
        let (open, points) = self.points(count, true)?;
        if enclosed {
            self.expect(')')?;
            self.skip_spaces();
        }
        Ok(Path { closed: !open, points })
    }

    fn circle(&mut self) -> Result<Circle> {
        self.skip_spaces();
        let mut enclosed = self.take('<');
        if !enclosed && let Some(inner) = self.rest.strip_prefix('(') {
            let inner = inner.trim_start_matches(is_space);
            if inner.starts_with('(') {
                self.rest = inner;
                enclosed = true;
            }
        }
        let center = self.pair()?;
        self.take(',');
        let radius = self.number()?;
        if radius < 0.0 {
            return Err(self.invalid());
        }
        if enclosed {
            if !(self.take(')') || self.take('>')) {
                return Err(self.invalid());
            }
            self.skip_spaces();
        }
        Ok(Circle { center, radius })
    }
}

/// How many bytes at the beginning of a text are a number.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    for word in ["infinity", "inf", "nan"] {
        if bytes.len() >= at + word.len() && bytes[at..at + word.len()].eq_ignore_ascii_case(word.as_bytes()) {
            return at + word.len();
        }
    }
    at += digits(at);
    if bytes.get(at) == Some(&b'.') {
        at += 1 + digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    at
}

/// Appends the text form; nothing for bytes that are no such value.
pub(super) fn write(stored: &[u8], ty: u32, extra_digits: i32, out: &mut Vec<u8>) {
    let mut writer = Writer { extra_digits, out };
    match ty {
        oid::POINT => writer.of(stored, |writer, point: Point| writer.point(point)),
        oid::LSEG => writer.of(stored, |writer, segment: Segment| {
            writer.list(b"[", &[segment.start, segment.end], b"]");
        }),
        oid::BOX => writer.of(stored, |writer, bounds: Bounds| writer.list(b"", &[bounds.high, bounds.low], b"")),
        oid::LINE => writer.of(stored, |writer, line: Line| {
            writer.numbers(b"{", &[line.a, line.b, line.c], b"}");
        }),
        oid::PATH => writer.of(stored, |writer, path: Path| match path.closed {
            true => writer.list(b"(", &path.points, b")"),
            false => writer.list(b"[", &path.points, b"]"),
        }),
        oid::POLYGON => writer.of(stored, |writer, polygon: Polygon| writer.list(b"(", &polygon.points, b")")),
        _ => writer.of(stored, |writer, circle: Circle| {
            writer.out.push(b'<');
            writer.point(circle.center);
            writer.numbers(b",", &[circle.radius], b">");
        }),
    }
}

struct Writer<'a> {
    extra_digits: i32,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn of<S: Shape>(&mut self, stored: &[u8], write: impl FnOnce(&mut Self, S)) {
        if let Some(shape) = S::decode(stored) {
            write(self, shape);
        }
    }

    fn numbers(&mut self, before: &[u8], numbers: &[f64], behind: &[u8]) {
        self.out.extend(before);
        for (position, number) in numbers.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            write_f64(*number, self.extra_digits, self.out);
        }
        self.out.extend(behind);
    }

    fn point(&mut self, point: Point) {
        self.numbers(b"(", &[point.x, point.y], b")");
    }

    fn list(&mut self, before: &[u8], points: &[Point], behind: &[u8]) {
        self.out.extend(before);
        for (position, point) in points.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            self.point(*point);
        }
        self.out.extend(behind);
    }
}
