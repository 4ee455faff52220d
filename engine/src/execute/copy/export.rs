//! COPY TO: rows become lines, or what takes their place in the binary format.

use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;

use super::{Layout, binary};
use crate::error::Result;
use crate::execute::{RowStream, Rows};
use crate::statement::CopyHeader;
use crate::types::text::{self, Format};

/// A COPY TO under way.
pub(crate) struct Export {
    stream: RowStream,
    layout: Layout,
    format: Format,
    /// Oids of the columns' types.
    types: Vec<u32>,
    /// The header line, until it is sent.
    header: Option<Vec<String>>,
    ended: bool,
    pub(crate) count: u64,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Export")
            .field("layout", &self.layout)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Export {
    pub(crate) fn new(stream: RowStream, layout: Layout, format: Format, types: Vec<u32>, names: Vec<String>) -> Self {
        let header = (layout.binary || layout.header != CopyHeader::None).then_some(names);
        Self { stream, layout, format, types, header, ended: false, count: 0 }
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.layout.binary
    }

    pub(crate) fn columns(&self) -> usize {
        self.types.len()
    }

    /// The next lines, one after the other; None at the end. Each element is one line.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Bytes>>> {
        if !self.layout.binary
            && let Some(names) = self.header.take()
        {
            let mut line = BytesMut::new();
            for (at, name) in names.iter().enumerate() {
                self.separate(at, &mut line);
                match self.layout.csv {
                    // What is forced to be quoted are values.
                    true => self.csv_field(false, name.as_bytes(), names.len() == 1, &mut line),
                    false => self.text_field(name.as_bytes(), &mut line),
                }
            }
            line.put_u8(b'\n');
            return Ok(Some(vec![self.line(line)?]));
        }
        let Some(rows) = self.stream.next().await.transpose()? else {
            let trailer = self.layout.binary && !std::mem::replace(&mut self.ended, true);
            // The header comes with what follows it.
            let header = self.header.take().map_or_else(BytesMut::new, |_| binary::header());
            return Ok(trailer.then(|| vec![binary::trailer(header)]));
        };
        self.count += rows.len() as u64;
        let header = self.header.take().map_or_else(BytesMut::new, |_| binary::header());
        self.lines(&rows, header).map(Some)
    }

    /// The rows, the first of them behind what is in `out`.
    fn lines(&self, rows: &Rows, mut out: BytesMut) -> Result<Vec<Bytes>> {
        let cells = rows.columns();
        let mut value = Vec::new();
        let mut lines = Vec::with_capacity(rows.len());
        for row in 0..rows.len() {
            if self.layout.binary {
                binary::row(&cells, row, &self.types, &self.format, &mut out)?;
                lines.push(out.split().freeze());
                continue;
            }
            for (at, ty) in self.types.iter().enumerate() {
                self.separate(at, &mut out);
                let cell = cells.cell(row, at);
                if cell.is_null() {
                    out.put_slice(self.layout.null.as_bytes());
                    continue;
                }
                value.clear();
                text::write(cell, *ty, &self.format, &mut value);
                self.field(at, &value, self.types.len() == 1, &mut out);
            }
            out.put_u8(b'\n');
            lines.push(self.line(out.split())?);
        }
        Ok(lines)
    }

    /// A line as its reader wants it.
    fn line(&self, line: BytesMut) -> Result<Bytes> {
        if !self.layout.encoding.is_converting() || line.is_ascii() {
            return Ok(line.freeze());
        }
        let mut line = Vec::from(line);
        self.layout.encoding.encode_tail(&mut line, 0)?;
        Ok(line.into())
    }

    fn separate(&self, at: usize, out: &mut BytesMut) {
        if at > 0 {
            out.put_u8(self.layout.delimiter);
        }
    }

    fn field(&self, at: usize, value: &[u8], alone: bool, out: &mut BytesMut) {
        if !self.layout.csv {
            return self.text_field(value, out);
        }
        let forced = self.layout.force_quote.get(at).copied().unwrap_or(false);
        self.csv_field(forced, value, alone, out);
    }

    fn text_field(&self, value: &[u8], out: &mut BytesMut) {
        for byte in value {
            let escape = match byte {
                8 => b'b',
                12 => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                11 => b'v',
                b'\\' => b'\\',
                other if *other == self.layout.delimiter => *other,
                other => {
                    out.put_u8(*other);
                    continue;
                }
            };
            out.put_slice(&[b'\\', escape]);
        }
    }

    fn csv_field(&self, forced: bool, value: &[u8], alone: bool, out: &mut BytesMut) {
        let Layout { quote, escape, delimiter, .. } = self.layout;
        let special = |byte: &u8| *byte == quote || *byte == delimiter || *byte == b'\n' || *byte == b'\r';
        let must_quote = forced
            || value == self.layout.null.as_bytes()
            || value.iter().any(special)
            // Alone on a line it would read as the end of the data.
            || (alone && value == b"\\.");
        if !must_quote {
            out.put_slice(value);
            return;
        }
        out.put_u8(quote);
        for byte in value {
            if *byte == quote || *byte == escape {
                out.put_u8(escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(quote);
    }
}
