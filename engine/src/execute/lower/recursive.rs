//! Recursive queries: DataFusion's, whose columns may all be NULL.
//!
//! DataFusion takes a column for one without NULLs if neither term's expression says that it makes any, and is at odds with
//! itself when another form of the expression, which its optimizer prefers, says so later.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::relation::projected;
use super::set::renamed;
use super::sort_key::key_of;
use super::{Lowering, column};
use crate::error::{Error, Result};
use crate::execute::failure::failure;
use crate::plan::relation::{Column, Relation};
use crate::types::{Type, builtin, display, oid};

impl Lowering<'_> {
    /// `compared`: the columns by which rows are told apart; none: all rows are kept.
    pub(super) fn recursive(
        &mut self,
        name: &str,
        columns: &[Column],
        compared: Option<&[Column]>,
        base: &Relation,
        step: &Relation,
    ) -> Result<LogicalPlan> {
        for column in compared.unwrap_or_default() {
            if !bytes_tell_apart(column.ty)? {
                let words = format!("WITH RECURSIVE ... UNION over a column of type {}", display(column.ty));
                return Err(Error::unsupported(words));
            }
        }
        let base_plan = self.plain_relation(base)?;
        let base_plan = nullable(renamed(base_plan, &base.outputs(), columns)?, columns)?;
        let step_plan = self.plain_relation(step)?;
        let step_plan = renamed(step_plan, &step.outputs(), columns)?;
        LogicalPlanBuilder::from(base_plan)
            .to_recursive_query(name.to_owned(), step_plan, compared.is_some())
            .and_then(LogicalPlanBuilder::build)
            .map_err(failure)
    }
}

/// Whether values of the type are the same where Arrow has them for the same: they are, in arrays, if the elements are.
fn bytes_tell_apart(ty: Type) -> Result<bool> {
    let element = builtin::element_of(ty.oid).map(Type::new).filter(|_| ty.oid != oid::OIDVECTOR);
    Ok(key_of(element.unwrap_or(ty))?.is_none())
}

/// The same rows, with columns that may be NULL as far as anybody can tell.
fn nullable(plan: LogicalPlan, columns: &[Column]) -> Result<LogicalPlan> {
    if plan.schema().fields().iter().all(|field| field.is_nullable()) {
        return Ok(plan);
    }
    let fields = plan.schema().fields().clone();
    let kept = columns.iter().zip(fields.iter()).map(|(column, field)| {
        let same = column::reference(column.var);
        match field.is_nullable() {
            true => same,
            false => ScalarUDF::new_from_impl(PerhapsNull::new()).call(vec![same]).alias(column::name(column.var)),
        }
    });
    projected(plan, kept.collect())
}

/// A value as it is. It is called volatile to be left where it stands: worked out in advance, it would be a constant again.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PerhapsNull {
    signature: Signature,
}

impl PerhapsNull {
    fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Volatile) }
    }
}

impl ScalarUDFImpl for PerhapsNull {
    fn name(&self) -> &str {
        "perhaps_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> DfResult<DataType> {
        match arguments {
            [argument] => Ok(argument.clone()),
            _ => datafusion::common::internal_err!("perhaps_null takes one value"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match arguments.args.into_iter().next() {
            Some(value) => Ok(value),
            None => datafusion::common::internal_err!("perhaps_null takes one value"),
        }
    }
}
