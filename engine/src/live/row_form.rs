//! Events as rows, for cursors and COPY, whose clients get values and no JSON.
//!
//! A change is a letter, the commit, and then for each row its operation, its length and the row as a table with the answer's
//! columns would store it: nothing of a value is lost, and rows that are alike are the same bytes.

use bytes::{Buf, Bytes};
use storage::{
    Column, ColumnId, ColumnType, CommitSeq, GenerationId, Layout, RowIdentity, SchemaVersion, Slice, TableId,
    TableSchema, Value,
};

use crate::error::{Error, Result};
use crate::plan::ColumnDescription;
use crate::types::column_type;

/// What a change begins with; all else that is told is JSON.
const CHANGE: u8 = b'C';

/// What has happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Insert,
    Update,
    Delete,
    /// What the client knew before is of no use: the whole answer follows. The row is empty.
    Reset,
    /// The answer of the beginning is complete. The row is empty.
    Ready,
}

impl Op {
    /// As `_op` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Op::Insert => "insert",
            Op::Update => "update",
            Op::Delete => "delete",
            Op::Reset => "reset",
            Op::Ready => "ready",
        }
    }

    fn letter(self) -> u8 {
        self.name().as_bytes()[0]
    }

    /// Those that are written in events.
    fn of_letter(letter: u8) -> Option<Self> {
        [Op::Insert, Op::Update, Op::Delete].into_iter().find(|op| op.letter() == letter)
    }
}

/// How the rows of an answer are written and read.
#[derive(Debug)]
pub(crate) struct RowForm {
    types: Box<[ColumnType]>,
    schema: TableSchema,
}

/// What has been told.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// Each row with its operation, and with the commit before its own values.
    Rows(Vec<Vec<Value>>),
    /// Nothing follows until the query is begun again.
    Resync(String),
    End(String),
    /// What whoever pulls knows already.
    Nothing,
}

pub(super) fn begin_change(seq: CommitSeq) -> Vec<u8> {
    let mut out = vec![CHANGE];
    out.extend_from_slice(&seq.0.to_be_bytes());
    out
}

pub(super) fn add_row(op: Op, row: &[u8], out: &mut Vec<u8>) {
    // An event that is too large to be sent is far smaller.
    let length = u32::try_from(row.len()).unwrap_or(u32::MAX);
    out.push(op.letter());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(row);
}

/// What stands before the values of a row: `_op` and `_seq`.
pub(crate) fn prefix(op: Op, seq: CommitSeq) -> [Value; 2] {
    [Value::Text(op.name().into()), Value::Int8(i64::try_from(seq.0).unwrap_or(i64::MAX))]
}

impl RowForm {
    /// 0A000 for a column whose type has no values.
    pub(super) fn of(columns: &[ColumnDescription]) -> Result<Self> {
        let types: Box<[ColumnType]> = columns.iter().map(|column| column_type(column.ty)).collect::<Result<_>>()?;
        let id = |position: usize| ColumnId(u16::try_from(position + 1).unwrap_or(u16::MAX));
        let version = SchemaVersion(1);
        let column = |(position, ty): (usize, &ColumnType)| Column {
            id: id(position),
            column_type: ty.clone(),
            missing: Value::Null,
        };
        let slots = types.iter().enumerate().map(|(position, ty)| (id(position), ty.clone())).collect();
        let schema = TableSchema {
            table: TableId(0),
            generation: GenerationId(0),
            version,
            columns: types.iter().enumerate().map(column).collect(),
            identity: RowIdentity::Hidden,
            slice: Slice::Undivided,
            stream: None,
            indexes: Vec::new(),
            layouts: vec![Layout { version, slots }],
            cache: Default::default(),
            derived: Default::default(),
        };
        Ok(Self { types, schema })
    }

    /// How many columns the answer has.
    pub(crate) fn width(&self) -> usize {
        self.types.len()
    }

    /// Appends a row; `value` makes the value of each column.
    pub(super) fn write(&self, value: impl FnMut(usize) -> Result<Value>, out: &mut Vec<u8>) -> Result<()> {
        let row = (0..self.types.len()).map(value).collect::<Result<Vec<_>>>()?;
        for (value, expected) in row.iter().zip(self.types.iter()) {
            if value.column_type().is_some_and(|own| own != *expected) {
                return Err(Error::internal("a value is not of its column's type"));
            }
        }
        out.extend_from_slice(&storage::row::encode_row(&self.schema, &row));
        Ok(())
    }

    /// Reads what has been told.
    pub(super) fn read(&self, payload: &Bytes) -> Result<Told> {
        let mut rest = payload.clone();
        if rest.first() != Some(&CHANGE) {
            return Ok(read_word(payload));
        }
        rest.advance(1);
        let damaged = || Error::internal("an event cannot be read");
        let seq = CommitSeq(rest.try_get_u64().map_err(|_| damaged())?);
        let mut rows = Vec::new();
        while rest.has_remaining() {
            let op = Op::of_letter(rest.get_u8()).ok_or_else(damaged)?;
            let length = rest.try_get_u32().map_err(|_| damaged())? as usize;
            if rest.len() < length {
                return Err(damaged());
            }
            let values = storage::row::decode_row(&self.schema, &rest.split_to(length))?;
            rows.push(prefix(op, seq).into_iter().chain(values).collect());
        }
        Ok(Told::Rows(rows))
    }
}

/// What is told in JSON.
fn read_word(payload: &Bytes) -> Told {
    let Ok(told) = serde_json::from_slice::<serde_json::Value>(payload) else {
        return Told::Resync("an event cannot be read".to_owned());
    };
    let reason = || told["reason"].as_str().unwrap_or_default().to_owned();
    match told["type"].as_str() {
        Some("resync") => Told::Resync(reason()),
        Some("end") => Told::End(reason()),
        _ => Told::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::event::{ChangeEvent, end, resync};
    use super::*;
    use crate::types::{Type, oid};

    fn form(types: &[u32]) -> Arc<RowForm> {
        let columns: Vec<_> = types.iter().map(|oid| ColumnDescription::new("c", Type::new(*oid))).collect();
        Arc::new(RowForm::of(&columns).unwrap())
    }

    fn written(form: &RowForm, row: &[Value]) -> Vec<u8> {
        let mut out = Vec::new();
        form.write(|position| Ok(row[position].clone()), &mut out).unwrap();
        out
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let form = form(&[oid::INT4, oid::TEXT, oid::FLOAT8]);
        let old = [Value::Int4(1), Value::Text("a".into()), Value::Float8(f64::INFINITY)];
        let new = [Value::Int4(1), Value::Null, Value::Float8(-0.5)];
        for keyed in [true, false] {
            let mut event = ChangeEvent::of_rows(CommitSeq(7), keyed);
            event.changed(None, Some(&written(&form, &old)));
            event.changed(Some(&written(&form, &old)), Some(&written(&form, &old)));
            event.changed(Some(&written(&form, &old)), Some(&written(&form, &new)));
            event.changed(Some(&written(&form, &new)), None);
            let row = |op, values: &[Value]| prefix(op, CommitSeq(7)).into_iter().chain(values.to_vec()).collect();
            let mut expected: Vec<Vec<Value>> = vec![row(Op::Insert, &old)];
            match keyed {
                true => expected.push(row(Op::Update, &new)),
                false => expected.extend([row(Op::Delete, &old), row(Op::Insert, &new)]),
            }
            expected.push(row(Op::Delete, &new));
            assert_eq!(form.read(&event.finish().unwrap()).unwrap(), Told::Rows(expected));
        }
    }

    #[test]
    fn what_is_no_change_is_known_by_its_type() {
        let form = form(&[]);
        assert_eq!(form.read(&resync(CommitSeq(1), "slow")).unwrap(), Told::Resync("slow".to_owned()));
        assert_eq!(form.read(&end("killed")).unwrap(), Told::End("killed".to_owned()));
        assert_eq!(form.read(&Bytes::from_static(b"{\"type\":\"ready\"}")).unwrap(), Told::Nothing);
        let mut event = ChangeEvent::of_rows(CommitSeq(1), false);
        event.changed(None, Some(&written(&form, &[])));
        assert_eq!(
            form.read(&event.finish().unwrap()).unwrap(),
            Told::Rows(vec![prefix(Op::Insert, CommitSeq(1)).into()])
        );
    }

    #[test]
    fn a_value_of_another_type_is_an_error() {
        assert!(form(&[oid::INT4]).write(|_| Ok(Value::Int8(1)), &mut Vec::new()).is_err());
        let cut = Bytes::from_static(b"C\0\0\0\0\0\0\0\x01i\0\0\0\x09x");
        assert!(form(&[oid::INT4]).read(&cut).is_err());
    }
}
