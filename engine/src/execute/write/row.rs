//! One row on its way into a table: where its expressions find their columns, and the rules it must keep.

use storage::{StoredRow, Transaction, Value};

use super::place::Leaf;
use super::violation;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::expr::ColumnVar;
use crate::expr::eval::{RowSource, eval};
use crate::function::EvalContext;
use crate::plan::system_column::{SystemColumn, SystemColumns};
use crate::plan::write::Target;

/// The columns that a write's expressions may name.
pub(crate) struct TargetSource<'a> {
    /// Number of the target's first column.
    pub(crate) first: u32,
    pub(crate) values: &'a [Value],
    /// Columns from elsewhere: their numbers and places in `others`.
    pub(crate) carried: &'a [(ColumnVar, usize)],
    pub(crate) others: &'a [Value],
    /// `excluded`: number of its first column, and the row.
    pub(crate) excluded: Option<(u32, &'a [Value])>,
    /// Numbers of the system columns, and the oid of the table that keeps the row.
    pub(crate) system: (SystemColumns, u32),
    /// The number of the transaction by which a row that was in the way of another has been updated; 0 of all others.
    pub(crate) xmax: u32,
}

impl<'a> TargetSource<'a> {
    pub(crate) fn of(target: &Target, values: &'a [Value]) -> Self {
        Self {
            first: target.first_column,
            values,
            carried: &[],
            others: &[],
            excluded: None,
            system: (target.system, target.table.oid),
            xmax: 0,
        }
    }
}

impl RowSource for TargetSource<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let within =
            |first: u32, values: &[Value]| var.0.checked_sub(first).and_then(|at| values.get(at as usize)).cloned();
        within(self.first, self.values)
            .or_else(|| self.excluded.and_then(|(first, values)| within(first, values)))
            .or_else(|| {
                let (_, at) = self.carried.iter().find(|(carried, _)| *carried == var)?;
                self.others.get(*at).cloned()
            })
            .or_else(|| match self.system.0.find(var)? {
                SystemColumn::TableOid => Some(Value::Int8(i64::from(self.system.1))),
                // No commit has ordered a row that is being written. One that was there is carried with them.
                SystemColumn::Seq | SystemColumn::Updated | SystemColumn::User => Some(Value::Null),
                SystemColumn::Deleted => Some(Value::Bool(false)),
                SystemColumn::Xmax => Some(Value::Int8(i64::from(self.xmax))),
            })
            .ok_or_else(|| Error::internal("a write names a column that it does not have"))
    }
}

/// Computes the columns of a row that are computed from its others.
pub(super) fn complete(target: &Target, context: &EvalContext, values: &mut [Value]) -> Result<()> {
    for (position, expr) in &target.generated {
        values[*position] = eval(expr, context, &TargetSource::of(target, values))?;
    }
    Ok(())
}

/// NOT NULL and CHECK for a new row, and that a table takes it at all. Answers where it goes.
pub(crate) fn check_new_row(target: &Target, context: &EvalContext, values: &[Value]) -> Result<Leaf> {
    let is_partitioned = target.table.partitioning.key.is_some();
    // A row that is sent to a partition by name must first be one of that table.
    if !is_partitioned {
        check_row(target, context, values)?;
    }
    let leaf = target.place(context, values)?;
    if is_partitioned {
        check_row(target.at(leaf), context, values)?;
    }
    Ok(leaf)
}

/// NOT NULL and CHECK.
pub(super) fn check_row(target: &Target, context: &EvalContext, values: &[Value]) -> Result<()> {
    for (column, value) in target.table.columns.iter().zip(values) {
        if column.not_null && value.is_null() {
            return Err(violation::not_null(target, context, &column.name, values));
        }
    }
    for check in &target.checks {
        let source = TargetSource::of(target, values);
        match eval(&check.condition, context, &source)? {
            Value::Bool(true) => {}
            _ if check.of_view => return Err(violation::view(target, context, &check.name, values)),
            Value::Bool(false) => return Err(violation::check(target, context, &check.name, values)),
            // A condition that is unknown is kept.
            _ => {}
        }
    }
    Ok(())
}

/// Deletes a locked row; it goes to the table's trash if that keeps deleted rows.
pub(super) fn delete_stored(transaction: &mut Transaction, table: &Table, row: &StoredRow) -> Result<()> {
    match table.deleted_retention_hours() {
        0 => transaction.delete(&table.storage, row)?,
        _ => transaction.delete_to_trash(&table.storage, row)?,
    }
    Ok(())
}
