//! DataRow: result rows, cell by cell, from the engine's columns or values straight into the output buffer.

use engine::execute::Rows;
use engine::plan::ColumnDescription;
use engine::types::text::Format;
use engine::types::{binary, text};
use engine::{Error, Result, SqlState};

use super::backend::{close, count, open};

/// Longest row in bytes; PostgreSQL's limit for a string buffer.
const ROW_BYTES_MAX: usize = 0x3fff_ffff;

/// How the rows of one result are written.
pub(crate) struct RowWriter<'a> {
    pub(crate) columns: &'a [ColumnDescription],
    /// 0 text, 1 binary; one a column, or none for all text.
    pub(crate) formats: &'a [i16],
    /// How text output looks.
    pub(crate) format: &'a Format,
}

/// Checks format codes before the first row is written.
pub(crate) fn check_formats(formats: &[i16]) -> Result<()> {
    match formats.iter().find(|code| !(0..=1).contains(*code)) {
        None => Ok(()),
        Some(code) => Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {code}"))),
    }
}

impl RowWriter<'_> {
    /// Appends rows from `first` on until the buffer holds `enough_bytes`; returns the row to go on with.
    pub(crate) fn write(&self, out: &mut Vec<u8>, rows: &Rows, first: usize, enough_bytes: usize) -> Result<usize> {
        let cells = rows.columns();
        let end = rows.len();
        for row in first..end {
            if out.len() >= enough_bytes {
                return Ok(row);
            }
            let start = out.len();
            let message = open(out, b'D');
            count(out, self.columns.len());
            for (at, column) in self.columns.iter().enumerate() {
                let cell = cells.cell(row, at);
                let length_at = out.len();
                if cell.is_null() {
                    out.extend_from_slice(&(-1i32).to_be_bytes());
                    continue;
                }
                out.extend_from_slice(&[0; 4]);
                let written = match self.formats.get(at) {
                    Some(1) => binary::write_binary(cell, column.ty.oid, self.format, out),
                    _ => {
                        text::write(cell, column.ty.oid, self.format, out);
                        self.format.encoding.encode_tail(out, length_at + 4)
                    }
                };
                written.inspect_err(|_| out.truncate(start))?;
                if out.len() - start > ROW_BYTES_MAX {
                    out.truncate(start);
                    return Err(row_too_long());
                }
                let length = (out.len() - length_at - 4) as u32;
                out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
            }
            close(out, message);
        }
        Ok(end)
    }
}

fn row_too_long() -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory")
        .with_detail(format!("A result row may not be longer than {ROW_BYTES_MAX} bytes."))
}
