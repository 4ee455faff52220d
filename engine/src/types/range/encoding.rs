//! Ranges as bytes that sort.

use storage::Numeric;

use super::{Cut, Float, Multirange, Point, Range, RangeKind, Side, Span};
use crate::error::{Error, Result};

/// Marks the kind of a multirange.
const MANY: u8 = 0x80;

const END: u8 = 0;
const SPAN: u8 = 1;

const BEFORE_ALL: u8 = 0;
const AT: u8 = 1;
const BEHIND_ALL: u8 = 2;

const SCALE_BYTES: usize = 2;

const TEXT_END: u8 = 0;

impl Float {
    /// Bytes in the order of the numbers.
    fn sort_key(self) -> [u8; 8] {
        let bits = if self.0.is_nan() { f64::NAN.abs().to_bits() } else { self.0.to_bits() };
        (if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }).to_be_bytes()
    }

    fn from_sort_key(key: [u8; 8]) -> Self {
        let bits = u64::from_be_bytes(key);
        Self(f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits }))
    }
}

impl Range {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(self.kind, 0);
        match &self.span {
            None => writer.bytes.push(END),
            Some(span) => writer.span(span),
        }
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes)?;
        let kind = RangeKind::numbered(reader.byte()?).ok_or_else(damaged)?;
        Ok(Self { kind, span: reader.span(kind)? })
    }
}

impl Multirange {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(self.kind, MANY);
        self.spans.iter().for_each(|span| writer.span(span));
        writer.bytes.push(END);
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes)?;
        let kind = reader.byte()?.checked_sub(MANY).and_then(RangeKind::numbered).ok_or_else(damaged)?;
        let mut spans = Vec::new();
        while let Some(span) = reader.span(kind)? {
            spans.push(span);
        }
        Ok(Self { kind, spans })
    }
}

/// The part of a range's or multirange's bytes that tells it from others.
pub(crate) fn sort_key(bytes: &[u8]) -> &[u8] {
    match bytes.first().map(|first| first & !MANY) {
        Some(kind) if kind == RangeKind::Numeric as u8 => split(bytes).map_or(bytes, |(key, _)| key),
        _ => bytes,
    }
}

/// The key of a range over numerics, and the scales behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, count) = bytes.split_last_chunk::<SCALE_BYTES>()?;
    let scales = usize::from(u16::from_be_bytes(*count)) * SCALE_BYTES;
    Some(rest.split_at(rest.len().checked_sub(scales)?))
}

fn damaged() -> Error {
    Error::internal("a range that is none")
}

struct Writer {
    kind: RangeKind,
    bytes: Vec<u8>,
    scales: Vec<u16>,
}

impl Writer {
    fn new(kind: RangeKind, mark: u8) -> Self {
        Self { kind, bytes: vec![kind as u8 | mark], scales: Vec::new() }
    }

    fn span(&mut self, span: &Span) {
        self.bytes.push(SPAN);
        self.cut(&span.lower);
        self.cut(&span.upper);
    }

    fn cut(&mut self, cut: &Cut) {
        match cut {
            Cut::BeforeAll => self.bytes.push(BEFORE_ALL),
            Cut::BehindAll => self.bytes.push(BEHIND_ALL),
            Cut::At(point, side) => {
                self.bytes.push(AT);
                match point {
                    // The sign turned round, so that negative ones come first.
                    Point::Number(number) => {
                        self.bytes.extend_from_slice(&((*number as u64) ^ (1 << 63)).to_be_bytes());
                    }
                    Point::Float(number) => self.bytes.extend_from_slice(&number.sort_key()),
                    Point::Text(text) => {
                        self.bytes.extend_from_slice(text.as_bytes());
                        self.bytes.push(TEXT_END);
                    }
                    Point::Numeric(number) => {
                        number.append_sort_key(&mut self.bytes);
                        self.scales.push(number.scale());
                    }
                }
                self.bytes.push(u8::from(*side == Side::Behind));
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.kind == RangeKind::Numeric {
            for scale in &self.scales {
                self.bytes.extend_from_slice(&scale.to_be_bytes());
            }
            self.bytes.extend_from_slice(&(self.scales.len() as u16).to_be_bytes());
        }
        self.bytes
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    scales: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self> {
        match sort_key(bytes) {
            key if key.len() == bytes.len() => Ok(Self { rest: bytes, scales: &[] }),
            _ => split(bytes).map(|(rest, scales)| Self { rest, scales }).ok_or_else(damaged),
        }
    }

    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or_else(damaged)?;
        self.rest = rest;
        Ok(*first)
    }

    fn span(&mut self, kind: RangeKind) -> Result<Option<Span>> {
        match self.byte()? {
            END => Ok(None),
            SPAN => Ok(Some(Span { lower: self.cut(kind)?, upper: self.cut(kind)? })),
            _ => Err(damaged()),
        }
    }

    fn cut(&mut self, kind: RangeKind) -> Result<Cut> {
        match self.byte()? {
            BEFORE_ALL => return Ok(Cut::BeforeAll),
            BEHIND_ALL => return Ok(Cut::BehindAll),
            AT => {}
            _ => return Err(damaged()),
        }
        let point = match kind {
            RangeKind::Numeric => self.numeric()?,
            RangeKind::Text => {
                let end = self.rest.iter().position(|byte| *byte == TEXT_END).ok_or_else(damaged)?;
                let (text, rest) = self.rest.split_at(end);
                self.rest = &rest[1..];
                Point::Text(std::str::from_utf8(text).map_err(|_| damaged())?.into())
            }
            RangeKind::Float4 | RangeKind::Float8 => {
                let (key, rest) = self.rest.split_first_chunk().ok_or_else(damaged)?;
                self.rest = rest;
                Point::Float(Float::from_sort_key(*key))
            }
            _ => {
                let (number, rest) = self.rest.split_first_chunk::<8>().ok_or_else(damaged)?;
                self.rest = rest;
                Point::Number((u64::from_be_bytes(*number) ^ (1 << 63)) as i64)
            }
        };
        let side = if self.byte()? == 0 { Side::Before } else { Side::Behind };
        Ok(Cut::At(point, side))
    }

    fn numeric(&mut self) -> Result<Point> {
        let (scale, scales) = self.scales.split_first_chunk::<SCALE_BYTES>().ok_or_else(damaged)?;
        self.scales = scales;
        let length = Numeric::sort_key_length(self.rest).ok_or_else(damaged)?;
        let (key, rest) = self.rest.split_at(length);
        self.rest = rest;
        let number = Numeric::from_bytes(&[key, scale].concat()).map_err(|_| damaged())?;
        Ok(Point::Numeric(number))
    }
}
