//! What a body answers: RETURN, RETURN NEXT and RETURN QUERY.

use storage::{Record, Value};

use super::super::Session;
use super::super::cancel::Interrupt;
use super::Call;
use super::fragment::in_statement;
use crate::error::{Error, Result, SqlState};
use crate::plpgsql::{FragmentId, QueryText};
use crate::types::{Type, builtin, display, oid};

/// Most bytes of rows that a call keeps for its caller.
const ROW_BYTES_MAX: usize = 512 << 20;

impl Session {
    pub(super) async fn run_return(
        &mut self,
        call: &mut Call<'_>,
        value: Option<FragmentId>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        call.has_returned = true;
        let Some(value) = value else { return Ok(()) };
        let (value, ty) = self.value_of(call, value, interrupt).await?;
        call.rows.clear();
        if let Some(row) = self.row_answered(call, value, ty, Answer::Return)? {
            call.rows.push(row);
        }
        Ok(())
    }

    pub(super) async fn run_return_next(
        &mut self,
        call: &mut Call<'_>,
        value: Option<FragmentId>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let row = match value {
            None => call.result_values(),
            Some(value) => {
                let (value, ty) = self.value_of(call, value, interrupt).await?;
                let nulls = vec![Value::Null; call.columns.len()];
                self.row_answered(call, value, ty, Answer::Next)?.unwrap_or(nulls)
            }
        };
        call.keep_row(row)
    }

    pub(super) async fn run_return_query(
        &mut self,
        call: &mut Call<'_>,
        query: &QueryText,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let mut rows = self.run_query(call, query, interrupt).await?;
        if let QueryText::Fixed(fragment) = query {
            rows.text = Some(call.compiled.code.fragments[*fragment].text.as_str().into());
        }
        let found: Vec<Type> = rows.columns.iter().map(|column| column.declared).collect();
        check_columns(call, &found, "structure of query does not match function result type").map_err(|error| {
            match &rows.text {
                Some(text) => in_statement(error, text),
                None => error,
            }
        })?;
        let mut count = 0;
        while let Some(row) = rows.next(interrupt).await? {
            call.keep_row(row)?;
            count += 1;
        }
        call.note_count(count, true);
        Ok(())
    }

    /// A value as a row of the answer; None for a row that is NULL.
    fn row_answered(&mut self, call: &Call<'_>, value: Value, ty: Type, answer: Answer) -> Result<Option<Vec<Value>>> {
        let returns = Type::new(call.compiled.function.returns);
        if returns.oid == oid::TRIGGER {
            return self.trigger_row(call, value, ty);
        }
        let base = builtin::base_of(returns.oid);
        if returns.oid != oid::RECORD && !builtin::is_composite(base) {
            return Ok(Some(vec![self.converted_value(value, ty, returns)?]));
        }
        let is_row = ty.oid == oid::RECORD || builtin::is_composite(builtin::base_of(ty.oid));
        match value {
            Value::Null => Ok(None),
            Value::Record(record) => {
                let Record { ty: own, fields } = *record;
                if own != base || base == oid::RECORD {
                    let found: Vec<Type> = fields.iter().map(|field| Type::new(field.ty)).collect();
                    let words = match answer {
                        Answer::Return => "returned record type does not match expected record type",
                        Answer::Next => "wrong record type supplied in RETURN NEXT",
                    };
                    check_columns(call, &found, words)?;
                }
                Ok(Some(fields.into_iter().map(|field| field.value).collect()))
            }
            _ if !is_row => {
                let message = match answer {
                    Answer::Return => "cannot return non-composite value from function returning composite type",
                    Answer::Next => "cannot return non-composite value from function returning composite type",
                };
                Err(Error::new(SqlState::DATATYPE_MISMATCH, message))
            }
            _ => Err(Error::internal("a row is a record")),
        }
    }
}

/// The statement that answers.
#[derive(Clone, Copy)]
enum Answer {
    Return,
    Next,
}

impl Call<'_> {
    /// Keeps a row for the caller, within a bound.
    fn keep_row(&mut self, row: Vec<Value>) -> Result<()> {
        self.row_bytes += row.iter().map(|value| size_of::<Value>() + value.heap_bytes()).sum::<usize>() + 24;
        if self.row_bytes > ROW_BYTES_MAX {
            return Err(Error::new(SqlState::OUT_OF_MEMORY, "out of memory")
                .with_detail(format!("A function answers rows of {} MB at most.", ROW_BYTES_MAX >> 20)));
        }
        self.rows.push(row);
        Ok(())
    }
}

/// 42804 unless the types are those of the answer's columns.
pub(super) fn check_columns(call: &Call<'_>, found: &[Type], words: &'static str) -> Result<()> {
    let detail = if found.len() != call.columns.len() {
        Some(format!(
            "Number of returned columns ({}) does not match expected column count ({}).",
            found.len(),
            call.columns.len()
        ))
    } else {
        let mut pairs = found.iter().zip(call.columns).enumerate();
        let unlike = pairs.find(|(_, (found, (_, wanted)))| found.oid != wanted.oid);
        unlike.map(|(at, (found, (_, wanted)))| {
            format!(
                "Returned type {} does not match expected type {} in column {}.",
                display(*found),
                display(*wanted),
                at + 1
            )
        })
    };
    match detail {
        Some(detail) => Err(Error::new(SqlState::DATATYPE_MISMATCH, words).with_detail(detail)),
        None => Ok(()),
    }
}
