//! What a client of a live query is told, as JSON. Values are written as `row_to_json` writes them. For who pulls rows the
//! changes are in the form of `row_form`; what else is told is JSON for all.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use storage::{CommitSeq, Value};

use super::row_form::{self, Op, RowForm};
use crate::error::Result;
use crate::function::EvalContext;
use crate::function::json::write_json;
use crate::plan::ColumnDescription;
use crate::types::builtin;
use crate::types::json::write_string;

/// Largest event; a change that takes more is told as a `resync`.
pub(super) const EVENT_BYTES_MAX: usize = 16 << 20;

/// The first event of a subscription.
pub(super) struct Ready<'a> {
    pub(super) live_id: &'a str,
    pub(super) channel: &'a str,
    pub(super) timeline: &'a str,
    pub(super) seq: CommitSeq,
    /// Whether what the client knew before is of no use any more.
    pub(super) reset: bool,
    pub(super) columns: &'a [ColumnDescription],
    /// Positions of the columns in which no two rows agree; None: rows may be the same.
    pub(super) key: Option<&'a [usize]>,
    /// How long rows stay that nobody deletes, if not for ever: their end is no event.
    pub(super) ttl_seconds: Option<u64>,
}

impl Ready<'_> {
    pub(super) fn json(&self) -> Bytes {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(b"{\"type\":\"ready\",\"live_id\":");
        write_string(self.live_id, &mut out);
        out.extend_from_slice(b",\"channel\":");
        write_string(self.channel, &mut out);
        out.extend_from_slice(b",\"timeline\":");
        write_string(self.timeline, &mut out);
        write(&mut out, format_args!(",\"seq\":{},\"reset\":{},\"key\":", self.seq.0, self.reset));
        match self.key {
            None => out.extend_from_slice(b"null"),
            Some(key) => list(key, &mut out, |position, out| write_string(&self.columns[*position].name, out)),
        }
        out.extend_from_slice(b",\"columns\":");
        list(self.columns, &mut out, |column, out| {
            out.extend_from_slice(b"{\"name\":");
            write_string(&column.name, out);
            out.extend_from_slice(b",\"type\":");
            write_string(builtin::info(column.ty.oid).map_or("unknown", |info| info.name), out);
            out.push(b'}');
        });
        if let Some(seconds) = self.ttl_seconds {
            write(&mut out, format_args!(",\"ttl_seconds\":{seconds}"));
        }
        out.push(b'}');
        out.into()
    }
}

fn list<T>(items: &[T], out: &mut Vec<u8>, each: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(item, out);
    }
    out.push(b']');
}

/// Writing to a Vec cannot fail.
fn write(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    drop(out.write_fmt(arguments));
}

/// Delivery has ended until the client says LISTEN again.
pub(super) fn resync(seq: CommitSeq, reason: &str) -> Bytes {
    let mut out = Vec::with_capacity(64);
    write(&mut out, format_args!("{{\"type\":\"resync\",\"seq\":{},\"reason\":", seq.0));
    write_string(reason, &mut out);
    out.push(b'}');
    out.into()
}

/// The subscription is no more.
pub(super) fn end(reason: &str) -> Bytes {
    let mut out = b"{\"type\":\"end\",\"reason\":".to_vec();
    write_string(reason, &mut out);
    out.push(b'}');
    out.into()
}

/// What one commit did to an answer, row by row.
pub(super) struct ChangeEvent {
    out: Vec<u8>,
    count: usize,
    form: ChangeForm,
}

#[derive(Debug, Clone, Copy)]
enum ChangeForm {
    Json,
    /// For who pulls rows. `keyed`: a changed row is known by its key, so that its new values are enough.
    Rows {
        keyed: bool,
    },
}

impl ChangeEvent {
    pub(super) fn new(seq: CommitSeq) -> Self {
        let mut out = Vec::with_capacity(128);
        write(&mut out, format_args!("{{\"type\":\"change\",\"seq\":{},\"changes\":[", seq.0));
        Self { out, count: 0, form: ChangeForm::Json }
    }

    /// The same as rows; a row that changes is one row if it is known by a key, and otherwise one that goes and one that
    /// comes.
    pub(super) fn of_rows(seq: CommitSeq, keyed: bool) -> Self {
        Self { out: row_form::begin_change(seq), count: 0, form: ChangeForm::Rows { keyed } }
    }

    fn insert(&mut self, new: &[u8]) {
        if let ChangeForm::Rows { .. } = self.form {
            return self.row(Op::Insert, new);
        }
        self.begin("insert");
        self.image("new", new);
        self.out.push(b'}');
    }

    fn update(&mut self, new: &[u8], old: &[u8]) {
        match self.form {
            ChangeForm::Json => {}
            ChangeForm::Rows { keyed: true } => return self.row(Op::Update, new),
            ChangeForm::Rows { keyed: false } => {
                self.row(Op::Delete, old);
                return self.row(Op::Insert, new);
            }
        }
        self.begin("update");
        self.image("new", new);
        self.image("old", old);
        self.out.push(b'}');
    }

    fn delete(&mut self, old: &[u8]) {
        if let ChangeForm::Rows { .. } = self.form {
            return self.row(Op::Delete, old);
        }
        self.begin("delete");
        self.image("old", old);
        self.out.push(b'}');
    }

    fn row(&mut self, op: Op, row: &[u8]) {
        self.count += 1;
        row_form::add_row(op, row, &mut self.out);
    }

    /// From the row before and the row after, as far as they are in the answer; the same row is no change.
    pub(super) fn changed(&mut self, old: Option<&[u8]>, new: Option<&[u8]>) {
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => self.insert(new),
            (Some(old), None) => self.delete(old),
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => self.update(new, old),
        }
    }

    fn begin(&mut self, op: &str) {
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
        write(&mut self.out, format_args!("{{\"op\":\"{op}\""));
    }

    fn image(&mut self, name: &str, row: &[u8]) {
        write(&mut self.out, format_args!(",\"{name}\":"));
        self.out.extend_from_slice(row);
    }

    /// Whether it says more than may be sent.
    pub(super) fn is_too_large(&self) -> bool {
        self.out.len() > EVENT_BYTES_MAX
    }

    /// The event; None if nothing has changed.
    pub(super) fn finish(mut self) -> Option<Bytes> {
        if let ChangeForm::Json = self.form {
            self.out.extend_from_slice(b"]}");
        }
        (self.count > 0).then(|| self.out.into())
    }
}

/// How rows of an answer are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As `row_to_json` writes them.
    Json,
    /// As values, for who pulls them as rows.
    Rows,
}

/// Writes rows of one answer.
#[derive(Debug)]
pub(super) enum RowWriter {
    Json(Box<[Field]>),
    Rows(Arc<RowForm>),
}

#[derive(Debug)]
pub(super) struct Field {
    /// What stands before the value: a bracket or comma, the name and a colon.
    opening: Box<[u8]>,
    ty: u32,
}

impl RowWriter {
    /// 0A000 for a column whose type has no values.
    pub(super) fn new(columns: &[ColumnDescription], form: Form) -> Result<Self> {
        if form == Form::Rows {
            return Ok(RowWriter::Rows(Arc::new(RowForm::of(columns)?)));
        }
        let fields = columns.iter().enumerate().map(|(index, column)| {
            let mut opening = vec![if index == 0 { b'{' } else { b',' }];
            write_string(&column.name, &mut opening);
            opening.push(b':');
            Field { opening: opening.into(), ty: column.ty.oid }
        });
        Ok(RowWriter::Json(fields.collect()))
    }

    /// Appends a row; `value` makes the value of each column.
    pub(super) fn write(
        &self,
        context: &EvalContext,
        out: &mut Vec<u8>,
        mut value: impl FnMut(usize) -> Result<Value>,
    ) -> Result<()> {
        let fields = match self {
            RowWriter::Json(fields) => fields,
            RowWriter::Rows(form) => return form.write(value, out),
        };
        for (position, field) in fields.iter().enumerate() {
            out.extend_from_slice(&field.opening);
            write_json(&value(position)?, field.ty, context, out)?;
        }
        if fields.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(())
    }

    /// Appends the value of one column alone; different values may be the same bytes.
    pub(super) fn write_value(
        &self,
        position: usize,
        value: &Value,
        context: &EvalContext,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match self {
            RowWriter::Json(fields) => write_json(value, fields[position].ty, context, out),
            RowWriter::Rows(_) => {
                storage::key::encode_index_column(value, false, false, out);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Type, oid};

    #[test]
    fn ready_says_what_rows_look_like() {
        let columns =
            [ColumnDescription::new("id", Type::new(oid::INT8)), ColumnDescription::new("a\"b", Type::new(25))];
        let ready = Ready {
            live_id: "LQ-1",
            channel: "room7",
            timeline: "t",
            seq: CommitSeq(47),
            reset: false,
            columns: &columns,
            key: Some(&[0]),
            ttl_seconds: None,
        };
        let expected = "{\"type\":\"ready\",\"live_id\":\"LQ-1\",\"channel\":\"room7\",\"timeline\":\"t\",\"seq\":47,\
                        \"reset\":false,\"key\":[\"id\"],\"columns\":[{\"name\":\"id\",\"type\":\"int8\"},\
                        {\"name\":\"a\\\"b\",\"type\":\"text\"}]}";
        assert_eq!(ready.json(), expected.as_bytes());
    }

    #[test]
    fn a_change_lists_its_rows_and_leaves_out_what_is_the_same() {
        let mut event = ChangeEvent::new(CommitSeq(5));
        event.changed(None, Some(b"{\"id\":1}"));
        event.changed(Some(b"{\"id\":2}"), Some(b"{\"id\":2}"));
        event.changed(Some(b"{\"id\":3}"), Some(b"{\"id\":4}"));
        event.changed(Some(b"{\"id\":5}"), None);
        let expected = "{\"type\":\"change\",\"seq\":5,\"changes\":[{\"op\":\"insert\",\"new\":{\"id\":1}},\
                        {\"op\":\"update\",\"new\":{\"id\":4},\"old\":{\"id\":3}},{\"op\":\"delete\",\"old\":{\"id\":5}}]}";
        assert_eq!(event.finish().as_deref(), Some(expected.as_bytes()));
        assert_eq!(ChangeEvent::new(CommitSeq(5)).finish(), None);
    }

    #[test]
    fn reasons_are_strings() {
        assert_eq!(
            resync(CommitSeq(1), "slow \"x\""),
            &b"{\"type\":\"resync\",\"seq\":1,\"reason\":\"slow \\\"x\\\"\"}"[..]
        );
        assert_eq!(end("gone"), &b"{\"type\":\"end\",\"reason\":\"gone\"}"[..]);
    }
}
