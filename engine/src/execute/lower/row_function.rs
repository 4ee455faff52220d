//! Our own evaluator as a DataFusion function: a whole expression, run row by row.
//!
//! Everything that has no column-wise form runs here, with the evaluator that point plans use, so both ways of running a
//! statement give the same answers and the same errors, and CASE, AND and OR look at their parts in order.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use storage::row::ColumnBuilder;
use storage::row::arrow::{Cells, arrow_type};
use storage::{ColumnType, Value};

use super::{column, walk};
use crate::error::{Error, Result};
use crate::execute::failure::carried;
use crate::expr::called::{RowSet, calls_body, values_in_query};
use crate::expr::eval::{RowSource, eval};
use crate::expr::walk::transform;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::EvalContext;

/// An expression and the columns it is computed from.
#[derive(Debug)]
pub(crate) struct RowFunction {
    expr: Arc<Expr>,
    /// The columns it names: argument by argument, what they are and how they are laid out.
    arguments: Vec<(ColumnVar, ColumnType)>,
    returns: ColumnType,
    context: Arc<EvalContext>,
    /// Whether each row must be computed, and none that the query does not ask for.
    volatile: bool,
    signature: Signature,
}

/// The call that computes `expr`; `guarded`: it may fail on rows that other conditions keep away from it, so DataFusion
/// must leave it where it is.
pub(super) fn row_function(expr: &Expr, guarded: bool, volatile: bool, context: &Arc<EvalContext>) -> Result<DfExpr> {
    let mut arguments = Vec::new();
    collect_columns(expr, &mut arguments)?;
    let inputs = arguments.iter().map(|(var, _)| column::reference(*var)).collect();
    let volatility = if guarded || volatile { Volatility::Volatile } else { Volatility::Immutable };
    let signature =
        if arguments.is_empty() { Signature::nullary(volatility) } else { Signature::any(arguments.len(), volatility) };
    let function = RowFunction {
        expr: Arc::new(expr.clone()),
        arguments,
        returns: column::physical(expr.ty)?,
        context: context.clone(),
        volatile,
        signature,
    };
    Ok(ScalarUDF::new_from_impl(function).call(inputs))
}

fn collect_columns(expr: &Expr, into: &mut Vec<(ColumnVar, ColumnType)>) -> Result<()> {
    if let ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } = &expr.kind
        && !into.iter().any(|(known, _)| known == var)
    {
        into.push((*var, column::physical(expr.ty)?));
    }
    let mut outcome = Ok(());
    walk::parts(expr, &mut |part| {
        if outcome.is_ok() {
            outcome = collect_columns(part, into);
        }
    });
    outcome
}

/// One row of the function's arguments.
struct BatchRow<'a> {
    arguments: &'a [(ColumnVar, ColumnType)],
    cells: &'a [(Cells<'a>, bool)],
    row: usize,
}

impl RowSource for BatchRow<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let position = self.arguments.iter().position(|(known, _)| *known == var);
        let (cells, constant) = position
            .map(|position| &self.cells[position])
            .ok_or_else(|| Error::internal(format!("column {} is not an argument", var.0)))?;
        Ok(cells.get(if *constant { 0 } else { self.row }).to_owned())
    }
}

/// All of them.
struct BatchRows<'a> {
    arguments: &'a [(ColumnVar, ColumnType)],
    cells: &'a [(Cells<'a>, bool)],
}

impl RowSet for BatchRows<'_> {
    fn value(&self, row: usize, var: ColumnVar) -> Result<Value> {
        BatchRow { arguments: self.arguments, cells: self.cells, row }.value(var)
    }
}

impl RowFunction {
    /// What is computed from columns: those of the arguments, by the numbers that `var_of` gives them. None if an argument is
    /// something else.
    pub(super) fn over(&self, arguments: &[DfExpr], var_of: &dyn Fn(&str) -> Option<ColumnVar>) -> Option<Expr> {
        let var_of_argument = |argument: &DfExpr| match argument {
            DfExpr::Column(column) => var_of(&column.name),
            _ => None,
        };
        let vars = arguments.iter().map(var_of_argument).collect::<Option<Vec<ColumnVar>>>()?;
        let own = transform((*self.expr).clone(), &mut |mut part| {
            if let ExprKind::Column(var) = &mut part.kind {
                let at = self.arguments.iter().position(|(known, _)| known == var);
                let known = at.and_then(|at| vars.get(at));
                *var = *known.ok_or_else(|| Error::internal("a column is not an argument"))?;
            }
            Ok(part)
        });
        own.ok()
    }

    fn compute(&self, arrays: &[(ArrayRef, bool)], rows: usize) -> Result<ArrayRef> {
        let cells: Vec<(Cells<'_>, bool)> = arrays
            .iter()
            .zip(&self.arguments)
            .map(|((array, constant), (_, ty))| (Cells::new(array, ty), *constant))
            .collect();
        let mut results = ColumnBuilder::new(&self.returns);
        if calls_body(&self.expr) {
            let source = BatchRows { arguments: &self.arguments, cells: &cells };
            for value in values_in_query(&self.expr, &self.context, &source, rows)? {
                results.append_value(&value)?;
            }
            return Ok(results.finish());
        }
        for row in 0..rows {
            let source = BatchRow { arguments: &self.arguments, cells: &cells, row };
            results.append_value(&eval(&self.expr, &self.context, &source)?)?;
        }
        Ok(results.finish())
    }
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        "evaluate"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(arrow_type(&self.returns))
    }

    fn schema_name(&self, _arguments: &[DfExpr]) -> DfResult<String> {
        Ok(format!("evaluate-{:p}", Arc::as_ptr(&self.expr)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let once = !self.volatile && arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if once { arguments.number_rows.min(1) } else { arguments.number_rows };
        let arrays = arguments
            .args
            .into_iter()
            .map(|argument| match argument {
                ColumnarValue::Array(array) => Ok((array, false)),
                ColumnarValue::Scalar(value) => Ok((value.to_array()?, true)),
            })
            .collect::<DfResult<Vec<_>>>()?;
        let results = self.compute(&arrays, rows).map_err(carried)?;
        if once && rows == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?));
        }
        Ok(ColumnarValue::Array(results))
    }
}

/// Two are the same if they are one: comparing expressions would cost more than computing one twice.
impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.expr, &other.expr)
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.expr).hash(state);
    }
}
