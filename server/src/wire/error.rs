//! ErrorResponse and NoticeResponse (PostgreSQL manual, "Error and Notice Message Fields").

use engine::types::encoding::Encoding;
use engine::{Report, SqlState};

use super::backend::{close, encode, open};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    /// The connection ends.
    Fatal,
    /// Not an error: NOTICE, WARNING, INFO, …
    Notice(&'static str),
}

/// Longest field: a message may quote a value of any size, and all fields together must fit a length field.
const FIELD_BYTES_MAX: usize = 64 << 20;

/// Appends the report, or that it cannot be said in the client's encoding.
pub(crate) fn report_in(encoding: Encoding, out: &mut Vec<u8>, severity: Severity, told: &Report) {
    let start = out.len();
    report(out, severity, told);
    if let Err(untold) = encode(out, start, 5, encoding) {
        report(out, severity, &untold);
    }
}

/// Appends the report.
pub(crate) fn report(out: &mut Vec<u8>, severity: Severity, report: &Report) {
    let (kind, word, default_state) = match severity {
        Severity::Error => (b'E', "ERROR", SqlState::INTERNAL_ERROR),
        Severity::Fatal => (b'E', "FATAL", SqlState::INTERNAL_ERROR),
        Severity::Notice("WARNING") => (b'N', "WARNING", SqlState("01000")),
        Severity::Notice(word) => (b'N', word, SqlState("00000")),
    };
    let open = open(out, kind);
    field(out, b'S', word);
    field(out, b'V', word);
    field(out, b'C', report.state.unwrap_or(default_state).0);
    field(out, b'M', &report.message);
    optional(out, b'D', &report.detail);
    optional(out, b'H', &report.hint);
    if let Some(position) = report.position {
        field(out, b'P', &position.to_string());
    }
    optional(out, b'W', &report.context);
    optional(out, b's', &report.schema);
    optional(out, b't', &report.table);
    optional(out, b'c', &report.column);
    optional(out, b'd', &report.data_type);
    optional(out, b'n', &report.constraint);
    if let Some(routine) = report.routine {
        field(out, b'R', routine);
    }
    out.push(0);
    close(out, open);
}

fn optional(out: &mut Vec<u8>, code: u8, value: &Option<String>) {
    if let Some(value) = value {
        field(out, code, value);
    }
}

fn field(out: &mut Vec<u8>, code: u8, value: &str) {
    out.push(code);
    super::backend::text(out, &value[..value.floor_char_boundary(FIELD_BYTES_MAX)]);
}
