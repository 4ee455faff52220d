//! Lines and fields of COPY's two text formats, read from bytes that come in pieces.

use std::ops::Range;

use super::Layout;
use crate::error::{Error, Result, SqlState};

/// Longest line that is kept in memory: PostgreSQL's limit for a field.
const LINE_BYTES_MAX: usize = 1 << 30;

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where the line has been looked through.
    scanned: usize,
    /// Inside a quoted CSV field.
    quoted: bool,
    ended: bool,
}

impl Lines {
    pub(super) fn push(&mut self, data: &[u8]) -> Result<()> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.bytes.len() + data.len() > LINE_BYTES_MAX {
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "COPY line is too long"));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// The next complete line without its end, as a range of `line`; None until more bytes come. At the end of the
    /// input the last line needs no newline.
    pub(super) fn next(&mut self, layout: &Layout, at_end: bool) -> Option<Range<usize>> {
        if self.ended {
            return None;
        }
        while let Some(found) = self.bytes.get(self.scanned..).and_then(|rest| self.find(rest, layout)) {
            self.scanned += found;
            let byte = self.bytes[self.scanned];
            if byte == b'\n' && !self.quoted {
                let range = self.start..self.scanned;
                self.scanned += 1;
                self.start = self.scanned;
                return self.accept(range);
            }
            // The escape takes the next byte with it, a newline included; it may not have come yet.
            let escapes = if layout.csv { self.quoted && layout.escape != layout.quote } else { true };
            if escapes && byte == if layout.csv { layout.escape } else { b'\\' } {
                if self.scanned + 1 >= self.bytes.len() && !at_end {
                    return None;
                }
                self.scanned += 2;
                continue;
            }
            if layout.csv && byte == layout.quote {
                self.quoted = !self.quoted;
            }
            self.scanned += 1;
        }
        self.scanned = self.bytes.len();
        if at_end && self.start < self.bytes.len() {
            let range = self.start..self.bytes.len();
            self.start = self.bytes.len();
            return self.accept(range);
        }
        None
    }

    /// Where the next byte is that may matter to where the line ends.
    fn find(&self, rest: &[u8], layout: &Layout) -> Option<usize> {
        if layout.csv {
            return rest.iter().position(|byte| [b'\n', layout.quote, layout.escape].contains(byte));
        }
        rest.iter().position(|byte| *byte == b'\n' || *byte == b'\\')
    }

    /// Takes a carriage return off the end; the line `\.` ends the data.
    fn accept(&mut self, mut range: Range<usize>) -> Option<Range<usize>> {
        if self.bytes[range.clone()].last() == Some(&b'\r') {
            range.end -= 1;
        }
        if &self.bytes[range.clone()] == b"\\." {
            self.ended = true;
            return None;
        }
        Some(range)
    }

    pub(super) fn line(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Whether the input stopped inside a quoted field.
    pub(super) fn in_quotes(&self) -> bool {
        self.quoted
    }
}

/// The fields of one line.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// None is NULL.
    places: Vec<Option<Place>>,
    /// The bytes of fields that do not lie in the line as they are.
    unescaped: Vec<u8>,
}

#[derive(Debug)]
enum Place {
    Line(Range<usize>),
    Unescaped(Range<usize>),
}

impl Fields {
    /// Takes a line apart.
    pub(super) fn split(&mut self, line: &[u8], layout: &Layout) -> Result<()> {
        self.places.clear();
        self.unescaped.clear();
        if layout.csv {
            return self.split_csv(line, layout);
        }
        self.split_text(line, layout);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// A field's bytes; None is NULL. `line` is the line that was taken apart.
    pub(super) fn get<'a>(&'a self, line: &'a [u8], at: usize) -> Option<&'a [u8]> {
        match self.places.get(at)?.as_ref()? {
            Place::Line(range) => line.get(range.clone()),
            Place::Unescaped(range) => self.unescaped.get(range.clone()),
        }
    }

    fn split_text(&mut self, line: &[u8], layout: &Layout) {
        let mut at = 0;
        loop {
            let start = at;
            let mut escaped = false;
            while at < line.len() && line[at] != layout.delimiter {
                if line[at] == b'\\' {
                    escaped = true;
                    at += 1;
                }
                at += 1;
            }
            let range = start..at.min(line.len());
            let raw = &line[range.clone()];
            self.places.push(if raw == layout.null.as_bytes() {
                None
            } else if escaped {
                let start = self.unescaped.len();
                unescape(raw, &mut self.unescaped);
                Some(Place::Unescaped(start..self.unescaped.len()))
            } else {
                Some(Place::Line(range))
            });
            if at >= line.len() {
                return;
            }
            at += 1;
        }
    }

    fn split_csv(&mut self, line: &[u8], layout: &Layout) -> Result<()> {
        let mut at = 0;
        loop {
            let start = self.unescaped.len();
            let (mut quoted, mut in_quotes) = (false, false);
            while at < line.len() {
                let byte = line[at];
                if in_quotes {
                    if byte == layout.escape
                        && line.get(at + 1).is_some_and(|next| *next == layout.quote || *next == layout.escape)
                    {
                        self.unescaped.push(line[at + 1]);
                        at += 2;
                        continue;
                    }
                    if byte == layout.quote {
                        in_quotes = false;
                    } else {
                        self.unescaped.push(byte);
                    }
                } else if byte == layout.quote {
                    (quoted, in_quotes) = (true, true);
                } else if byte == layout.delimiter {
                    break;
                } else {
                    self.unescaped.push(byte);
                }
                at += 1;
            }
            if in_quotes {
                return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
            }
            let place = self.places.len();
            let is_flagged = |flags: &[bool]| flags.get(place).copied().unwrap_or(false);
            let is_null_text = self.unescaped[start..] == *layout.null.as_bytes();
            let null = is_null_text
                && if quoted { is_flagged(&layout.force_null) } else { !is_flagged(&layout.force_not_null) };
            self.places.push((!null).then_some(Place::Unescaped(start..self.unescaped.len())));
            if at >= line.len() {
                return Ok(());
            }
            at += 1;
        }
    }
}

/// Appends what backslash sequences of the text format stand for (PostgreSQL manual, COPY, "Text Format").
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < raw.len() {
        let byte = raw[at];
        at += 1;
        if byte != b'\\' || at >= raw.len() {
            out.push(byte);
            continue;
        }
        let code = raw[at];
        at += 1;
        match code {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let mut value = u32::from(code - b'0');
                for _ in 0..2 {
                    match raw.get(at) {
                        Some(digit @ b'0'..=b'7') => {
                            value = value * 8 + u32::from(digit - b'0');
                            at += 1;
                        }
                        _ => break,
                    }
                }
                out.push((value & 0xff) as u8);
            }
            b'x' => {
                let digits = raw[at..].iter().take(2).take_while(|digit| digit.is_ascii_hexdigit()).count();
                if digits == 0 {
                    out.push(b'x');
                } else {
                    let text = std::str::from_utf8(&raw[at..at + digits]).unwrap_or_default();
                    out.push(u8::from_str_radix(text, 16).unwrap_or_default());
                    at += digits;
                }
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{CopyDirection, CopyFormat, CopyOptions};
    use crate::types::encoding::Encoding;

    fn layout(format: CopyFormat) -> Layout {
        let options = CopyOptions { format, ..CopyOptions::default() };
        Layout::new(&options, CopyDirection::From, &["a", "b"], Encoding::UTF8).expect("valid options")
    }

    fn read(pieces: &[&str], layout: &Layout) -> Vec<Vec<Option<String>>> {
        let (mut lines, mut rows, mut fields) = (Lines::default(), Vec::new(), Fields::default());
        for (at, piece) in pieces.iter().enumerate() {
            lines.push(piece.as_bytes()).expect("short");
            while let Some(range) = lines.next(layout, at + 1 == pieces.len()) {
                let line = lines.line(range);
                fields.split(line, layout).expect("well formed");
                let text = |at| fields.get(line, at).map(|field| String::from_utf8_lossy(field).into_owned());
                rows.push((0..fields.len()).map(text).collect());
            }
        }
        rows
    }

    fn row(fields: &[Option<&str>]) -> Vec<Option<String>> {
        fields.iter().map(|field| field.map(str::to_owned)).collect()
    }

    #[test]
    fn text_lines_may_be_cut_anywhere() {
        let rows = read(&["1\ta\\", "tb\n2", "\t\\N\n3\tx\\\ny\r\n", "\\.\n4\tz\n"], &layout(CopyFormat::Text));
        assert_eq!(rows, [row(&[Some("1"), Some("a\tb")]), row(&[Some("2"), None]), row(&[Some("3"), Some("x\ny")])]);
    }

    #[test]
    fn an_escape_of_its_own_may_be_cut_off() {
        let options = CopyOptions { format: CopyFormat::Csv, escape: Some("\\".to_owned()), ..CopyOptions::default() };
        let layout = Layout::new(&options, CopyDirection::From, &["a", "b"], Encoding::UTF8).expect("valid options");
        let rows = read(&["1,\"a\\", "\"\nb\"\n2\\,", "c\n"], &layout);
        assert_eq!(rows, [row(&[Some("1"), Some("a\"\nb")]), row(&[Some("2\\"), Some("c")])]);
    }

    #[test]
    fn csv_fields_may_hold_everything() {
        let rows = read(&["1,\"a,\"\"b\n", "c\"\n2,\n3,\"\""], &layout(CopyFormat::Csv));
        assert_eq!(rows, [row(&[Some("1"), Some("a,\"b\nc")]), row(&[Some("2"), None]), row(&[Some("3"), Some("")])]);
    }
}
