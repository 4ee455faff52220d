//! Functions of triggers: NEW, OLD and the TG_ variables, and the row that is returned.

use futures::future::BoxFuture;
use storage::{Array, ColumnType, Dimension, Field, Record, Value};

use super::super::Session;
use super::super::cancel::Interrupt;
use super::Call;
use super::answer::check_columns;
use crate::catalog::Table;
use crate::catalog::user_type::row_type;
use crate::error::{Error, Result, SqlState};
use crate::execute::write::Due;
use crate::plan::bind::Shape;
use crate::types::{Type, builtin, oid};

impl Session {
    /// Runs the body of a trigger's function; answers the row that it returns, None for NULL.
    pub(in crate::session) fn run_trigger_code<'a>(
        &'a mut self,
        due: &'a Due,
        interrupt: &'a Interrupt,
    ) -> BoxFuture<'a, Result<Option<Vec<Value>>>> {
        Box::pin(self.run_body_of_trigger(due, interrupt))
    }

    async fn run_body_of_trigger(&mut self, due: &Due, interrupt: &Interrupt) -> Result<Option<Vec<Value>>> {
        let bound = due.bound();
        let compiled = self.compiled(&bound.function).map_err(|error| {
            error.without_position().within(format!("compilation of PL/pgSQL function \"{}\"", bound.function.name))
        })?;
        let table = &due.triggers.table;
        let columns: Vec<(String, Type)> =
            table.columns.iter().map(|column| (column.name.clone(), column.ty)).collect();
        let mut call = Call::new(&compiled, &columns);
        call.answers_nothing = !bound.trigger.for_rows;
        self.begin_trigger(&mut call, due)?;
        self.run_call(&mut call, interrupt).await?;
        if !call.has_returned {
            let message = "control reached end of trigger procedure without RETURN";
            return Err(Error::new(SqlState("2F005"), message).within(format!("PL/pgSQL function {}", call.title())));
        }
        Ok(call.rows.pop())
    }

    fn begin_trigger(&mut self, call: &mut Call<'_>, due: &Due) -> Result<()> {
        let variables =
            call.compiled.code.trigger.ok_or_else(|| Error::internal("a trigger's function is of another kind"))?;
        let (table, trigger) = (&due.triggers.table, &due.bound().trigger);
        let catalog = self.catalog();
        let shape = match row_type(table.oid).and_then(|ty| catalog.known_row_type(ty)) {
            Some(ty) => Shape::Row(Type::new(ty)),
            None => Shape::Record(Some(table.columns.iter().map(|own| (own.name.clone(), own.ty)).collect())),
        };
        for (datum, row) in [(variables.new, &due.new), (variables.old, &due.old)] {
            // A row that is not there has fields all the same, so that a function may serve several kinds of triggers.
            call.shapes[datum] = shape.clone();
            if let Some(row) = row {
                call.values[datum] = record_of(table, &shape, row);
            }
        }
        let text = |text: &str| Value::Text(text.into());
        let schema = catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
        let args = match trigger.args.as_slice() {
            [] => Value::Null,
            // They are counted from zero, unlike any other array's elements.
            args => {
                let bounds = vec![Dimension { length: i32::try_from(args.len()).unwrap_or(i32::MAX), lower: 0 }];
                Value::Array(Box::new(Array::shaped(
                    ColumnType::Text,
                    args.iter().map(|arg| text(arg)).collect(),
                    &bounds,
                )))
            }
        };
        let told = [
            text(&trigger.name),
            text(trigger.when()),
            text(trigger.level()),
            text(due.event.word()),
            Value::Int8(i64::from(table.oid)),
            text(&table.name),
            text(&table.name),
            text(schema),
            Value::Int4(i32::try_from(trigger.args.len()).unwrap_or(i32::MAX)),
            args,
        ];
        for (datum, value) in variables.told.into_iter().zip(told) {
            call.values[datum] = value;
        }
        call.values[call.compiled.code.found] = Value::Bool(false);
        Ok(())
    }

    /// A value that RETURN says as a row of the trigger's table; None for NULL.
    pub(super) fn trigger_row(&mut self, call: &Call<'_>, value: Value, ty: Type) -> Result<Option<Vec<Value>>> {
        match value {
            Value::Null => Ok(None),
            Value::Record(_) if call.answers_nothing => Ok(None),
            Value::Record(record) => {
                let found: Vec<Type> = record.fields.iter().map(|field| Type::new(field.ty)).collect();
                check_columns(
                    call,
                    &found,
                    "returned row structure does not match the structure of the triggering table",
                )?;
                Ok(Some(record.fields.into_iter().map(|field| field.value).collect()))
            }
            _ if ty.oid == oid::RECORD || builtin::is_composite(builtin::base_of(ty.oid)) => {
                Err(Error::internal("a row is a record"))
            }
            _ => {
                let message = "cannot return non-composite value from function returning composite type";
                Err(Error::new(SqlState::DATATYPE_MISMATCH, message))
            }
        }
    }
}

/// A row of a table as the value of a variable.
fn record_of(table: &Table, shape: &Shape, row: &[Value]) -> Value {
    let is_named = matches!(shape, Shape::Record(_));
    let field = |(column, value): (&crate::catalog::TableColumn, &Value)| Field {
        name: if is_named { column.name.as_str().into() } else { "".into() },
        ty: column.ty.oid,
        value: value.clone(),
    };
    let fields = table.columns.iter().zip(row).map(field).collect();
    Value::Record(Box::new(Record { ty: shape.ty().oid, fields }))
}
