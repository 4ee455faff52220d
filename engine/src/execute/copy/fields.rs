//! Lines and fields of COPY's two text formats, read from bytes that come in pieces.

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
    pub(super) fn next(&mut self, layout: &Layout, at_end: bool) -> Option<std::ops::Range<usize>> {
        if self.ended {
            return None;
        }
        while self.scanned < self.bytes.len() {
            let byte = self.bytes[self.scanned];
            if layout.csv {
                if self.quoted && byte == layout.escape && layout.escape != layout.quote {
                    // The escaped byte is not looked at; it may not have come yet.
                    if self.scanned + 1 >= self.bytes.len() && !at_end {
                        return None;
                    }
                    self.scanned += 2;
                    continue;
                }
                if byte == layout.quote {
                    self.quoted = !self.quoted;
                }
            } else if byte == b'\\' {
                // A backslash takes the next byte with it, a newline included.
                if self.scanned + 1 >= self.bytes.len() && !at_end {
                    return None;
                }
                self.scanned += 2;
                continue;
            }
            if byte == b'\n' && !self.quoted {
                let range = self.start..self.scanned;
                self.scanned += 1;
                self.start = self.scanned;
                return self.accept(range);
            }
            self.scanned += 1;
        }
        self.scanned = self.scanned.min(self.bytes.len());
        if at_end && self.start < self.bytes.len() {
            let range = self.start..self.bytes.len();
            self.start = self.bytes.len();
            return self.accept(range);
        }
        None
    }

    /// Takes a carriage return off the end; the line `\.` ends the data.
    fn accept(&mut self, mut range: std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
        if self.bytes[range.clone()].last() == Some(&b'\r') {
            range.end -= 1;
        }
        if &self.bytes[range.clone()] == b"\\." {
            self.ended = true;
            return None;
        }
        Some(range)
    }

    pub(super) fn line(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Whether the input stopped inside a quoted field.
    pub(super) fn in_quotes(&self) -> bool {
        self.quoted
    }
}

/// The fields of a line; None is NULL. `out` is emptied and filled.
pub(super) fn split(line: &[u8], layout: &Layout, out: &mut Vec<Option<Vec<u8>>>) -> Result<()> {
    out.clear();
    if layout.csv { split_csv(line, layout, out) } else { split_text(line, layout, out) }
}

fn split_text(line: &[u8], layout: &Layout, out: &mut Vec<Option<Vec<u8>>>) -> Result<()> {
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
        let raw = &line[start..at.min(line.len())];
        out.push(if raw == layout.null.as_bytes() {
            None
        } else if escaped {
            Some(unescape(raw)?)
        } else {
            Some(raw.to_vec())
        });
        if at >= line.len() {
            return Ok(());
        }
        at += 1;
    }
}

/// Backslash sequences of the text format (PostgreSQL manual, COPY, "Text Format").
fn unescape(raw: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len());
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
    Ok(out)
}

fn split_csv(line: &[u8], layout: &Layout, out: &mut Vec<Option<Vec<u8>>>) -> Result<()> {
    let mut at = 0;
    loop {
        let mut field = Vec::new();
        let (mut quoted, mut in_quotes) = (false, false);
        while at < line.len() {
            let byte = line[at];
            if in_quotes {
                if byte == layout.escape
                    && line.get(at + 1).is_some_and(|next| *next == layout.quote || *next == layout.escape)
                {
                    field.push(line[at + 1]);
                    at += 2;
                    continue;
                }
                if byte == layout.quote {
                    in_quotes = false;
                } else {
                    field.push(byte);
                }
            } else if byte == layout.quote {
                (quoted, in_quotes) = (true, true);
            } else if byte == layout.delimiter {
                break;
            } else {
                field.push(byte);
            }
            at += 1;
        }
        if in_quotes {
            return Err(Error::new(SqlState::BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
        }
        let place = out.len();
        let is_flagged = |flags: &[bool]| flags.get(place).copied().unwrap_or(false);
        let is_null_text = field == layout.null.as_bytes();
        let null =
            is_null_text && if quoted { is_flagged(&layout.force_null) } else { !is_flagged(&layout.force_not_null) };
        out.push((!null).then_some(field));
        if at >= line.len() {
            return Ok(());
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{CopyDirection, CopyFormat, CopyOptions};

    fn layout(format: CopyFormat) -> Layout {
        let options = CopyOptions { format, ..CopyOptions::default() };
        Layout::new(&options, CopyDirection::From, &["a", "b"]).expect("valid options")
    }

    fn read(pieces: &[&str], layout: &Layout) -> Vec<Vec<Option<String>>> {
        let (mut lines, mut rows, mut fields) = (Lines::default(), Vec::new(), Vec::new());
        for (at, piece) in pieces.iter().enumerate() {
            lines.push(piece.as_bytes()).expect("short");
            while let Some(range) = lines.next(layout, at + 1 == pieces.len()) {
                split(lines.line(range), layout, &mut fields).expect("well formed");
                let text =
                    |field: &Option<Vec<u8>>| field.as_ref().map(|field| String::from_utf8_lossy(field).into_owned());
                rows.push(fields.iter().map(text).collect());
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
    fn csv_fields_may_hold_everything() {
        let rows = read(&["1,\"a,\"\"b\n", "c\"\n2,\n3,\"\""], &layout(CopyFormat::Csv));
        assert_eq!(rows, [row(&[Some("1"), Some("a,\"b\nc")]), row(&[Some("2"), None]), row(&[Some("3"), Some("")])]);
    }
}
