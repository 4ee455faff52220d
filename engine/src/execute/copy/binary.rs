//! COPY's binary format (PostgreSQL manual, COPY, "Binary Format"): a header, rows of counted fields, a trailer.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Error, Result, SqlState};
use crate::execute::RowsCells;
use crate::types::binary::write_binary;
use crate::types::text::Format;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags that a reader must know to understand the rest; nobody has defined one that we take.
const CRITICAL_FLAGS: u32 = 0xffff_0000;
/// Longest row that is kept in memory: PostgreSQL's limit for a field.
const ROW_BYTES_MAX: usize = 1 << 30;

/// What comes before the rows.
pub(super) fn header() -> BytesMut {
    let mut out = BytesMut::from(SIGNATURE);
    // No flags, and no extension of the header.
    out.put_u32(0);
    out.put_u32(0);
    out
}

/// What comes after them, behind what is in `out`.
pub(super) fn trailer(mut out: BytesMut) -> Bytes {
    out.put_i16(-1);
    out.freeze()
}

/// A row whose columns have these types.
pub(super) fn row(cells: &RowsCells<'_>, row: usize, types: &[u32], format: &Format, out: &mut BytesMut) -> Result<()> {
    out.put_i16(types.len() as i16);
    let mut value = Vec::new();
    for (at, ty) in types.iter().enumerate() {
        let cell = cells.cell(row, at);
        if cell.is_null() {
            out.put_i32(-1);
            continue;
        }
        value.clear();
        write_binary(cell, *ty, format, &mut value)?;
        out.put_i32(value.len() as i32);
        out.put_slice(&value);
    }
    Ok(())
}

/// Cuts a stream of bytes into rows.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    /// Where what has not been read begins.
    start: usize,
    stage: Stage,
    /// The fields of the row that was read last, by their place in `bytes`; None is NULL.
    fields: Vec<Option<std::ops::Range<usize>>>,
    /// Whether it is in one of its fields that the data stopped to make sense.
    in_field: bool,
}

#[derive(Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Header,
    Rows,
    Ended,
}

impl Reader {
    pub(super) fn push(&mut self, data: &[u8]) -> Result<()> {
        self.bytes.drain(..std::mem::take(&mut self.start));
        if self.bytes.len() + data.len() > ROW_BYTES_MAX {
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "COPY row is too long"));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Reads the next row, if it is there whole; false until more bytes come, and at the end of the data.
    pub(super) fn next(&mut self, columns: usize, at_end: bool) -> Result<bool> {
        if self.stage == Stage::Header && !self.read_header(at_end)? {
            return Ok(false);
        }
        if self.stage == Stage::Ended {
            return if self.start < self.bytes.len() {
                Err(bad("received copy data after EOF marker"))
            } else {
                Ok(false)
            };
        }
        let rest = &self.bytes[self.start..];
        if rest.is_empty() {
            return Ok(false);
        }
        let cut = || if at_end { Err(bad("unexpected EOF in COPY data")) } else { Ok(false) };
        let Some(count) = rest.first_chunk().map(|bytes| i16::from_be_bytes(*bytes)) else { return Ok(false) };
        if count == -1 {
            self.start += 2;
            self.stage = Stage::Ended;
            return self.next(columns, at_end);
        }
        if usize::try_from(count) != Ok(columns) {
            return Err(bad(format!("row field count is {count}, expected {columns}")));
        }
        self.fields.clear();
        self.in_field = true;
        let mut at = 2;
        for _ in 0..columns {
            let Some(length) = rest.get(at..).and_then(|rest| rest.first_chunk()) else { return cut() };
            let length = i32::from_be_bytes(*length);
            at += 4;
            if length == -1 {
                self.fields.push(None);
                continue;
            }
            let Ok(length) = usize::try_from(length) else { return Err(bad("invalid field size")) };
            if rest.len() - at < length {
                return cut();
            }
            self.fields.push(Some(self.start + at..self.start + at + length));
            at += length;
        }
        self.start += at;
        self.in_field = false;
        Ok(true)
    }

    /// Whether the header has been read, before which nothing is any row's fault.
    pub(super) fn has_begun(&self) -> bool {
        self.stage != Stage::Header
    }

    /// The field in which the data stopped to make sense, if it was in one.
    pub(super) fn broken_field(&self) -> Option<usize> {
        self.in_field.then_some(self.fields.len())
    }

    /// A field of the row that was read last.
    pub(super) fn field(&self, at: usize) -> Option<&[u8]> {
        self.fields.get(at)?.as_ref().and_then(|range| self.bytes.get(range.clone()))
    }

    fn read_header(&mut self, at_end: bool) -> Result<bool> {
        let bytes = &self.bytes;
        let known = bytes.len().min(SIGNATURE.len());
        if bytes[..known] != SIGNATURE[..known] {
            return Err(bad("COPY file signature not recognized"));
        }
        let number =
            |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|four| u32::from_be_bytes(*four));
        let cut = |words: &'static str| if at_end { Err(bad(words)) } else { Ok(false) };
        if known < SIGNATURE.len() {
            return cut("COPY file signature not recognized");
        }
        let Some(flags) = number(SIGNATURE.len()) else { return cut("invalid COPY file header (missing flags)") };
        if flags & 1 << 16 != 0 {
            return Err(bad("invalid COPY file header (WITH OIDS)"));
        }
        if flags & CRITICAL_FLAGS != 0 {
            return Err(bad("unrecognized critical flags in COPY file header"));
        }
        let Some(length) = number(SIGNATURE.len() + 4) else { return cut("invalid COPY file header (missing length)") };
        let end = SIGNATURE.len() + 8 + length as usize;
        if length > i32::MAX as u32 || (at_end && bytes.len() < end) {
            return Err(bad("invalid COPY file header (wrong length)"));
        }
        if bytes.len() < end {
            return Ok(false);
        }
        self.start = end;
        self.stage = Stage::Rows;
        Ok(true)
    }
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::BAD_COPY_FILE_FORMAT, message)
}
