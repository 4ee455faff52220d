//! Assignments: a value becomes one of the variable's type, as PostgreSQL's assignment casts make it one, and else by its
//! text.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Expr as Ast;
use storage::{Field, Record, Value};

use super::super::Session;
use super::super::cancel::Interrupt;
use super::Call;
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::expr::eval::{NoRow, eval, text_cast};
use crate::function::{CastContext, resolve};
use crate::plan::ColumnDescription;
use crate::plan::bind::{Binder, Shape, Variables, not_assigned};
use crate::plpgsql::{FragmentId, Into, Target};
use crate::statement::parse_expression;
use crate::types::{Type, builtin, oid};

impl Session {
    /// A value of another type.
    pub(super) fn converted_value(&mut self, value: Value, from: Type, to: Type) -> Result<Value> {
        let has_rules = builtin::is_domain(to.oid);
        if !has_rules && (value.is_null() || from.oid == to.oid && (to.modifier < 0 || from == to)) {
            return Ok(value);
        }
        let context = self.context(self.catalog(), Arc::from([]));
        if from.oid == to.oid || resolve::can_coerce(from.oid, to.oid, CastContext::Assignment) {
            let constant = Expr::constant(value, Type::new(from.oid));
            let converted = resolve::coerce(constant, to, CastContext::Assignment, &context)?;
            return eval(&converted, &context, &NoRow);
        }
        text_cast(value, from, to, &context)
    }

    /// Gives a variable the value that it has when nothing is assigned.
    pub(super) fn assign_nothing(&mut self, call: &mut Call<'_>, datum: usize) -> Result<()> {
        let ty = call.shapes[datum].ty();
        match &call.shapes[datum] {
            Shape::Scalar(_) => self.assign(call, datum, Value::Null, ty),
            _ => {
                call.values[datum] = Value::Null;
                Ok(())
            }
        }
    }

    /// Assigns a value to a variable.
    pub(super) fn assign(&mut self, call: &mut Call<'_>, datum: usize, value: Value, from: Type) -> Result<()> {
        let own = &call.compiled.code.data[datum];
        let is_row = from.oid == oid::RECORD || builtin::is_composite(builtin::base_of(from.oid));
        let value = match call.shapes[datum].clone() {
            Shape::Scalar(ty) => {
                if is_row && !value.is_null() && !resolve::can_coerce(from.oid, ty.oid, CastContext::Assignment) {
                    text_cast(value, from, ty, &self.context(self.catalog(), Arc::from([])))?
                } else {
                    self.converted_value(value, from, ty)?
                }
            }
            Shape::Row(ty) => match value {
                Value::Null => self.converted_value(Value::Null, ty, ty)?,
                _ if !is_row => text_cast(value, from, ty, &self.context(self.catalog(), Arc::from([])))?,
                Value::Record(record) if record.ty == ty.oid => Value::Record(record),
                Value::Record(record) => {
                    let fields = record.fields.into_iter().map(|field| (field.value, Type::new(field.ty))).collect();
                    self.row_of(ty, fields)?
                }
                _ => return Err(Error::internal("a row is a record")),
            },
            Shape::Record(_) => match value {
                Value::Null if is_row || from.oid == oid::UNKNOWN || from.oid == oid::TEXT => {
                    // It is as if nothing was ever assigned to it.
                    call.shapes[datum] = Shape::Record(None);
                    Value::Null
                }
                Value::Record(record) => {
                    let (shape, record) = self.shaped(*record);
                    call.shapes[datum] = Shape::Record(Some(shape));
                    Value::Record(Box::new(record))
                }
                _ => {
                    let message = "input of anonymous composite types is not implemented";
                    return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
                }
            },
        };
        if own.not_null && value.is_null() {
            let message = format!("null value cannot be assigned to variable \"{}\" declared NOT NULL", own.name);
            return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, message));
        }
        call.values[datum] = value;
        Ok(())
    }

    /// The names and types of a record's fields, and the record as one of no type.
    fn shaped(&self, record: Record) -> (Arc<[(String, Type)]>, Record) {
        let attributes = self.catalog().attributes(builtin::base_of(record.ty));
        let mut shape = Vec::with_capacity(record.fields.len());
        let mut fields = Vec::with_capacity(record.fields.len());
        for (at, field) in record.fields.into_iter().enumerate() {
            let known = attributes.as_ref().and_then(|attributes| attributes.get(at));
            let name = known.map_or_else(|| field.name.to_string(), |attribute| attribute.name.clone());
            let ty = known.map_or(Type::new(field.ty), |attribute| attribute.ty);
            fields.push(Field { name: name.as_str().into(), ty: ty.oid, value: field.value });
            shape.push((name, ty));
        }
        (shape.into(), Record { ty: oid::RECORD, fields })
    }

    /// A row of a composite type made of values in order; those that are missing are NULL.
    fn row_of(&mut self, ty: Type, values: Vec<(Value, Type)>) -> Result<Value> {
        let base = builtin::base_of(ty.oid);
        let attributes = self.catalog().attributes(base).unwrap_or_default();
        let mut given = values.into_iter();
        let mut fields = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let value = match given.next() {
                Some((value, from)) => self.converted_value(value, from, attribute.ty)?,
                None => self.converted_value(Value::Null, attribute.ty, attribute.ty)?,
            };
            fields.push(Field { name: "".into(), ty: attribute.ty.oid, value });
        }
        Ok(Value::Record(Box::new(Record { ty: base, fields })))
    }

    /// Assigns to a variable, a field of one, or a part of its value.
    pub(super) fn assign_to(&mut self, call: &mut Call<'_>, target: &Target, value: Value, from: Type) -> Result<()> {
        let datum = target.datum;
        if let Some(part) = &target.part {
            return self.assign_part(call, target, part, value, from);
        }
        let Some(field) = &target.field else { return self.assign(call, datum, value, from) };
        let name = &call.compiled.code.data[datum].name;
        let missing = || {
            let message = format!("record \"{name}\" has no field \"{field}\"");
            Error::new(SqlState::UNDEFINED_COLUMN, message)
        };
        let (at, ty) = match &call.shapes[datum] {
            Shape::Scalar(_) => return Err(missing()),
            Shape::Record(None) => return Err(not_assigned(name)),
            Shape::Record(Some(fields)) => {
                let at = fields.iter().position(|(own, _)| own == field).ok_or_else(missing)?;
                (at, fields[at].1)
            }
            Shape::Row(ty) => {
                let attributes = self.catalog().attributes(builtin::base_of(ty.oid)).unwrap_or_default();
                let at = attributes.iter().position(|attribute| attribute.name == *field).ok_or_else(missing)?;
                (at, attributes[at].ty)
            }
        };
        let value = self.converted_value(value, from, ty)?;
        if call.values[datum].is_null() {
            call.values[datum] = self.row_of_nulls(&call.shapes[datum].clone())?;
        }
        if let Value::Record(record) = &mut call.values[datum]
            && let Some(field) = record.fields.get_mut(at)
        {
            field.value = value;
        }
        Ok(())
    }

    fn row_of_nulls(&mut self, shape: &Shape) -> Result<Value> {
        match shape {
            Shape::Record(Some(fields)) => {
                let field =
                    |(name, ty): &(String, Type)| Field { name: name.as_str().into(), ty: ty.oid, value: Value::Null };
                Ok(Value::Record(Box::new(Record { ty: oid::RECORD, fields: fields.iter().map(field).collect() })))
            }
            Shape::Row(ty) => self.row_of(*ty, Vec::new()),
            _ => Ok(Value::Null),
        }
    }

    /// Assigns to an element of an array, or to something deeper within a value.
    fn assign_part(
        &mut self,
        call: &mut Call<'_>,
        target: &Target,
        part: &str,
        value: Value,
        from: Type,
    ) -> Result<()> {
        let parsed = parse_expression(part).map_err(Error::without_position)?;
        let chain = match &parsed {
            Ast::CompoundFieldAccess { root, access_chain } if matches!(**root, Ast::Identifier(_)) => access_chain,
            _ => return Err(Error::unsupported(format!("an assignment to {part}"))),
        };
        let shape = call.shapes[target.datum].clone();
        if matches!(shape, Shape::Record(_)) {
            return Err(Error::unsupported("an assignment to a part of a field of a record"));
        }
        let (catalog, whole) = (self.catalog(), shape.ty());
        let compiled = call.compiled;
        let binding = self.context(catalog.clone(), Arc::from([]));
        let mut binder = Binder::new(&catalog, &binding, &[]);
        binder.take_variables(Variables::new(&compiled.code, target.place, &call.shapes, &compiled.inputs));
        let (expr, ty, used) = binder.with_part_assigned(whole, chain).map_err(Error::without_position)?;
        let converted = self.converted_value(value, from, ty)?;
        let mut params = vec![call.values[target.datum].clone(), converted];
        params.extend(used.iter().map(|datum| call.values[*datum].clone()));
        let context = self.context(catalog, params.into());
        let changed = eval(&expr, &context, &NoRow)?;
        self.assign(call, target.datum, changed, whole)
    }

    /// Assigns a row to what INTO names; no row is NULLs.
    pub(super) fn assign_row(
        &mut self,
        call: &mut Call<'_>,
        into: &Into,
        columns: &[ColumnDescription],
        row: Option<Vec<Value>>,
    ) -> Result<()> {
        let has_row = row.is_some();
        let row = row.unwrap_or_else(|| vec![Value::Null; columns.len()]);
        let datum = into.targets.first().map_or(0, |target| target.datum);
        if into.whole && !matches!(call.shapes[datum], Shape::Scalar(_)) {
            let value = match call.shapes[datum].clone() {
                Shape::Row(ty) => {
                    let values = row.into_iter().zip(columns).map(|(value, column)| (value, column.declared));
                    self.row_of(ty, values.collect())?
                }
                _ => {
                    let named = row.into_iter().zip(columns);
                    let field = |(value, column): (Value, &ColumnDescription)| Field {
                        name: column.name.as_str().into(),
                        ty: column.declared.oid,
                        value,
                    };
                    let fields = named.map(field).collect();
                    let shape = columns.iter().map(|column| (column.name.clone(), column.declared)).collect();
                    call.shapes[datum] = Shape::Record(Some(shape));
                    Value::Record(Box::new(Record { ty: oid::RECORD, fields }))
                }
            };
            let own = &call.compiled.code.data[datum];
            if own.not_null && !has_row {
                let message = format!("null value cannot be assigned to variable \"{}\" declared NOT NULL", own.name);
                return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, message));
            }
            call.values[datum] = value;
            return Ok(());
        }
        let mut values = row.into_iter().zip(columns);
        for target in &into.targets {
            let (value, ty) = match values.next() {
                Some((value, column)) => (value, column.declared),
                None => (Value::Null, Type::new(oid::UNKNOWN)),
            };
            self.assign_to(call, target, value, ty)?;
        }
        Ok(())
    }

    /// Runs an assignment.
    pub(super) async fn run_assignment(
        &mut self,
        call: &mut Call<'_>,
        target: &Target,
        value: FragmentId,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let (value, ty) = self.value_of(call, value, interrupt).await?;
        self.assign_to(call, target, value, ty)
    }
}
