//! Fixed point: numerics as whole numbers of one scale, computed column by column.
//!
//! A table's columns of type numeric(p, s) come from its scan as Arrow's decimals. Whatever is computed from them with
//! `+ - *`, CASE and the common aggregates stays one, and so do groups, orders, comparisons and joins. Where a value meets
//! anything else it becomes our own form, with the scale as its display scale: the answers are the same digit by digit.
//! NaN is a number above all others ([`FixedPoint::NAN`]).
//!
//! Only what aggregates take may grow beyond 128 bits. When it does the query ends with `outgrown`, and runs again without
//! any of this (`execute::query`).
//!
//! Which columns are decimals is told by the schema of the plan that makes them. They are the only decimals that have a
//! column's name.

mod arithmetic;
mod convert;
mod years;

use std::collections::HashMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, ScalarUDF};
use storage::{FixedPoint, Numeric, Value};

use self::arithmetic::{FixedArithmetic, Operation};
pub(crate) use self::convert::FixedCast;
use self::convert::ToNumeric;
pub(super) use self::convert::on_first;
use super::{Lowering, column, fold::fold, walk};
use crate::error::Result;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::Function;
use crate::types::{modifier, oid};

/// More digits than any decimal holds for sure: the number may be whatever 128 bits are.
const UNBOUNDED: u16 = FixedPoint::DIGITS_MAX as u16 + 1;

/// The sum of this many digits outgrows 128 bits only after more rows than tables have.
const SUMMED_SAFELY: u16 = 26;

/// Functions by their oids.
mod function {
    pub(super) const ADD: u32 = 1724;
    pub(super) const SUBTRACT: u32 = 1725;
    pub(super) const MULTIPLY: u32 = 1726;
    pub(super) const NEGATE: u32 = 1771;
    pub(super) const PLUS: u32 = 1915;
    pub(super) const OF_INT4: u32 = 1740;
    pub(super) const OF_INT8: u32 = 1781;
    pub(super) const OF_INT2: u32 = 1782;
    pub(super) const EXTRACT_OF_DATE: u32 = 6199;
}

/// The columns of the plan at hand that are decimals.
pub(super) type FixedColumns = HashMap<ColumnVar, FixedPoint>;

/// An expression whose values are decimals.
#[derive(Clone)]
pub(super) struct Fixed {
    pub(super) expr: DfExpr,
    /// How many digits a value has at most.
    digits: u16,
    pub(super) scale: u8,
    /// The display scale, as an int4, where it is not the scale of every value.
    pub(super) shown: Option<DfExpr>,
}

/// The type of numbers with so many digits.
fn decimal(digits: u16, scale: u8) -> DataType {
    DataType::Decimal128(precision(digits, scale), scale as i8)
}

/// The name of a call under which no other stands in the same plan.
fn call_name(function: &str, arguments: &[DfExpr], returns: &DataType) -> String {
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.schema_name().to_string()).collect();
    format!("{function}({}) {returns}", arguments.join(", "))
}

fn precision(digits: u16, scale: u8) -> u8 {
    u8::try_from(digits).unwrap_or(u8::MAX).clamp(scale.max(1), FixedPoint::DIGITS_MAX)
}

/// The fixed point that a column of the type may have.
pub(super) fn fixed_point(ty: crate::types::Type) -> Option<FixedPoint> {
    if ty.oid != oid::NUMERIC {
        return None;
    }
    let (precision, scale) = modifier::numeric_precision(ty.modifier)?;
    FixedPoint::of(u16::try_from(precision).ok()?, i16::try_from(scale).ok()?)
}

pub(super) fn fixed_type(fixed: FixedPoint) -> DataType {
    decimal(fixed.precision.into(), fixed.scale)
}

impl Fixed {
    fn new(expr: DfExpr, digits: u16, scale: u8) -> Self {
        Self { expr, digits: digits.min(UNBOUNDED), scale, shown: None }
    }

    fn of_column(var: ColumnVar, fixed: FixedPoint) -> Self {
        // A sum has as many digits as there are, and more.
        let digits = if fixed.precision == FixedPoint::DIGITS_MAX { UNBOUNDED } else { fixed.precision.into() };
        Self::new(column::reference(var), digits, fixed.scale)
    }

    fn number(number: Option<i128>, digits: u16, scale: u8) -> Self {
        let value = ScalarValue::Decimal128(number, precision(digits, scale), scale as i8);
        Self::new(DfExpr::Literal(value, None), digits, scale)
    }

    fn constant(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::number(None, 1, 0)),
            Value::Numeric(value) if value.is_finite() => {
                let scale = u8::try_from(value.scale()).ok().filter(|scale| *scale <= FixedPoint::DIGITS_MAX)?;
                let number = value.coefficient_at(scale.into())?;
                let digits = number.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
                let digits = u16::try_from(digits).ok()?.max(scale.into());
                (digits < UNBOUNDED).then(|| Self::number(Some(number), digits, scale))
            }
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Option<i128>> {
        match &self.expr {
            DfExpr::Literal(ScalarValue::Decimal128(number, ..), _) => Some(*number),
            _ => None,
        }
    }

    /// Whether sums of this may outgrow 128 bits.
    pub(super) fn may_outgrow_sums(&self) -> bool {
        self.digits > SUMMED_SAFELY
    }

    /// In our own form.
    pub(super) fn numeric(self) -> DfExpr {
        let arguments = std::iter::once(self.expr).chain(self.shown).collect();
        ScalarUDF::new_from_impl(ToNumeric).call(arguments)
    }

    /// At a greater scale, in a type for so many digits. None: the constant has no such form.
    fn at(self, digits: u16, scale: u8) -> Option<DfExpr> {
        let wanted = decimal(digits, scale);
        if let Some(number) = self.as_number() {
            let number = match number {
                None => None,
                Some(number) => Some(number.checked_mul(10_i128.checked_pow(u32::from(scale - self.scale))?)?),
            };
            return Some(Self::number(number, digits, scale).expr);
        }
        if wanted == decimal(self.digits, self.scale) {
            return Some(self.expr);
        }
        let cast = FixedCast::new(self.scale, wanted);
        Some(ScalarUDF::new_from_impl(cast).call(vec![self.expr]))
    }

    /// A constant at the least scale that expresses it, but none below `scale`.
    fn trimmed(self, scale: u8) -> Self {
        let Some(Some(mut number)) = self.as_number() else { return self };
        let mut own = self.scale;
        while own > scale && number % 10 == 0 {
            number /= 10;
            own -= 1;
        }
        Self::constant(&Value::Numeric(Box::new(Numeric::from_parts(number, own.into())))).unwrap_or(self)
    }

    /// Whether numbers may be too large at a greater scale.
    fn outgrows(&self, scale: u8) -> bool {
        scale > self.scale && self.as_number().is_none() && self.digits + u16::from(scale - self.scale) >= UNBOUNDED
    }

    fn whole_digits(&self) -> u16 {
        self.digits - u16::from(self.scale).min(self.digits)
    }
}

/// Expressions of one type, whose values can be compared with one another.
fn alike(sides: Vec<Fixed>) -> Option<Vec<DfExpr>> {
    let columns_scale = sides.iter().filter(|side| side.as_number().is_none()).map(|side| side.scale).max()?;
    let sides: Vec<Fixed> = sides.into_iter().map(|side| side.trimmed(columns_scale)).collect();
    let scale = sides.iter().map(|side| side.scale).max()?;
    let whole = sides.iter().map(Fixed::whole_digits).max()?;
    let digits = (whole + u16::from(scale)).min(UNBOUNDED);
    if sides.iter().any(|side| side.outgrows(scale)) {
        return None;
    }
    sides.into_iter().map(|side| side.at(digits, scale)).collect()
}

impl Lowering<'_> {
    /// From here on expressions are over the rows of these plans.
    pub(super) fn see(&mut self, plans: &[&LogicalPlan]) {
        self.fixed_columns.clear();
        if !self.fixed_allowed {
            return;
        }
        for field in plans.iter().flat_map(|plan| plan.schema().fields()) {
            if let DataType::Decimal128(precision, scale) = field.data_type()
                && let Ok(scale) = u8::try_from(*scale)
                && let Some(Ok(number)) = field.name().strip_prefix('c').map(str::parse)
            {
                self.fixed_columns.insert(ColumnVar(number), FixedPoint { precision: *precision, scale });
            }
        }
    }

    /// A plan with the same columns, all numerics among them in our own form.
    pub(super) fn without_fixed(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        if self.fixed_columns.is_empty() {
            return Ok(plan);
        }
        let decimals: HashMap<String, FixedPoint> =
            self.fixed_columns.drain().map(|(var, fixed)| (column::name(var), fixed)).collect();
        let columns = plan
            .schema()
            .columns()
            .into_iter()
            .map(|column| {
                let name = column.name.clone();
                let is_fixed = decimals.contains_key(&name);
                let own = DfExpr::Column(column);
                if is_fixed { ScalarUDF::new_from_impl(ToNumeric).call(vec![own]).alias(name) } else { own }
            })
            .collect();
        super::relation::projected(plan, columns)
    }

    /// The expression as decimals, if that is what its values can be; it depends on columns that are, and is folded.
    pub(super) fn fixed(&self, expr: &Expr) -> Result<Option<Fixed>> {
        if !self.fixed_allowed || expr.ty.oid != oid::NUMERIC || !self.begins_fixed(expr) {
            return Ok(None);
        }
        self.fixed_part(expr)
    }

    fn begins_fixed(&self, expr: &Expr) -> bool {
        walk::any(expr, &|part| match &part.kind {
            ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } => self.fixed_columns.contains_key(var),
            ExprKind::Call { function, args } => years::is_extracted(function, args),
            _ => false,
        })
    }

    /// The expression in the form that is at hand, and whether that is as decimals.
    pub(super) fn in_either_form(&self, expr: &Expr) -> Result<(DfExpr, bool)> {
        let expr = fold(expr.clone(), &self.context)?;
        match self.fixed(&expr)? {
            Some(Fixed { expr, shown: None, .. }) => Ok((expr, true)),
            _ => Ok((self.lowered(&expr)?, false)),
        }
    }

    /// Two numerics as decimals of one type.
    pub(super) fn fixed_pair(&self, left: &Expr, right: &Expr) -> Result<Option<(DfExpr, DfExpr)>> {
        let both = self.fixed_alike(&[left, right])?;
        Ok(both.and_then(|both| <[DfExpr; 2]>::try_from(both).ok()).map(<(DfExpr, DfExpr)>::from))
    }

    /// Numerics as decimals of one type, if any of them depends on a column of such.
    pub(super) fn fixed_alike(&self, exprs: &[&Expr]) -> Result<Option<Vec<DfExpr>>> {
        let any = |expr: &&Expr| expr.ty.oid == oid::NUMERIC && self.begins_fixed(expr);
        if !self.fixed_allowed || !exprs.iter().any(any) {
            return Ok(None);
        }
        let mut sides = Vec::with_capacity(exprs.len());
        for expr in exprs {
            match self.fixed_part(expr)? {
                Some(side) => sides.push(side),
                None => return Ok(None),
            }
        }
        Ok(alike(sides))
    }

    /// The argument of an aggregate as decimals, which may be outgrown.
    pub(super) fn fixed_argument(&self, expr: &Expr) -> Result<Option<Fixed>> {
        let expr = fold(expr.clone(), &self.context)?;
        let before = self.growth_allowed.replace(true);
        let fixed = self.fixed(&expr);
        self.growth_allowed.set(before);
        fixed
    }

    /// Whether more than 128 bits may come where they must not. Where they may, the query may have to run again.
    fn outgrows(&self, grows: bool) -> bool {
        if grows && self.growth_allowed.get() {
            self.may_outgrow.set(true);
            return false;
        }
        grows
    }

    fn fixed_part(&self, expr: &Expr) -> Result<Option<Fixed>> {
        match &expr.kind {
            ExprKind::Const(value) => Ok(Fixed::constant(value)),
            ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } => {
                Ok(self.fixed_columns.get(var).map(|fixed| Fixed::of_column(*var, *fixed)))
            }
            ExprKind::Call { function, args } => self.fixed_call(function, args),
            ExprKind::Case { whens, otherwise } => self.fixed_case(whens, otherwise.as_deref()),
            ExprKind::Coalesce(parts) => {
                // Each part but the last stands twice in the CASE.
                let Some((last, first)) = parts.split_last() else { return Ok(None) };
                let is_column = |part: &Expr| matches!(part.kind, ExprKind::Column(_));
                if !first.iter().all(is_column) {
                    return Ok(None);
                }
                let present = |part: &Expr| {
                    let test = ExprKind::IsNull { expr: Box::new(part.clone()), negated: true };
                    (Expr::new(test, crate::types::Type::new(oid::BOOL)), part.clone())
                };
                self.fixed_case(&first.iter().map(present).collect::<Vec<_>>(), Some(last))
            }
            _ => Ok(None),
        }
    }

    fn fixed_call(&self, function: &Function, args: &[Expr]) -> Result<Option<Fixed>> {
        match (function.oid, args) {
            (function::ADD, [left, right]) => self.fixed_sum_of(Operation::Add, left, right),
            (function::SUBTRACT, [left, right]) => self.fixed_sum_of(Operation::Subtract, left, right),
            (function::MULTIPLY, [left, right]) => {
                let (Some(left), Some(right)) = (self.fixed_part(left)?, self.fixed_part(right)?) else {
                    return Ok(None);
                };
                let (digits, scale) = (left.digits + right.digits, left.scale + right.scale);
                if scale > FixedPoint::DIGITS_MAX || left.shown.is_some() || right.shown.is_some() {
                    return Ok(None);
                }
                Ok(self.computed(Operation::Multiply, [left.expr, right.expr], digits, scale))
            }
            (function::NEGATE, [value]) => {
                let Some(value) = self.fixed_part(value)?.filter(|value| value.shown.is_none()) else {
                    return Ok(None);
                };
                let (digits, scale) = (value.digits, value.scale);
                let zero = Fixed::number(Some(0), digits, scale).expr;
                Ok(self.computed(Operation::Subtract, [zero, value.expr], digits, scale))
            }
            (function::PLUS, [value]) => self.fixed_part(value),
            (function::OF_INT2, [value]) => self.fixed_integer(value, 5),
            (function::OF_INT4, [value]) => self.fixed_integer(value, 10),
            (function::OF_INT8, [value]) => self.fixed_integer(value, 19),
            (function::EXTRACT_OF_DATE, [_, date]) if years::is_extracted(function, args) => {
                Ok(Some(Fixed::new(years::year_of(self.lowered(date)?), 10, 0)))
            }
            _ => Ok(None),
        }
    }

    fn fixed_integer(&self, value: &Expr, digits: u16) -> Result<Option<Fixed>> {
        let cast = FixedCast::new(0, decimal(digits, 0));
        let value = self.lowered(value)?;
        Ok(Some(Fixed::new(ScalarUDF::new_from_impl(cast).call(vec![value]), digits, 0)))
    }

    /// A sum or a difference, which has the greater of the scales.
    fn fixed_sum_of(&self, operation: Operation, left: &Expr, right: &Expr) -> Result<Option<Fixed>> {
        let (Some(left), Some(right)) = (self.fixed_part(left)?, self.fixed_part(right)?) else { return Ok(None) };
        if left.shown.is_some() || right.shown.is_some() {
            return Ok(None);
        }
        let scale = left.scale.max(right.scale);
        let whole = left.whole_digits().max(right.whole_digits());
        let aligned = whole + u16::from(scale);
        if self.outgrows(left.outgrows(scale) || right.outgrows(scale)) {
            return Ok(None);
        }
        let (Some(left), Some(right)) = (left.at(aligned, scale), right.at(aligned, scale)) else { return Ok(None) };
        Ok(self.computed(operation, [left, right], aligned + 1, scale))
    }

    fn computed(&self, operation: Operation, sides: [DfExpr; 2], digits: u16, scale: u8) -> Option<Fixed> {
        let bounded = digits < UNBOUNDED;
        if self.outgrows(!bounded) {
            return None;
        }
        let function = FixedArithmetic::new(operation, decimal(digits, scale), bounded);
        Some(Fixed::new(ScalarUDF::new_from_impl(function).call(sides.to_vec()), digits, scale))
    }

    fn fixed_case(&self, whens: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<Option<Fixed>> {
        if whens.iter().any(|(when, _)| super::expression::guarded(when)) {
            return Ok(None);
        }
        let mut results = Vec::with_capacity(whens.len() + 1);
        for then in whens.iter().map(|(_, then)| then).chain(otherwise) {
            match self.fixed_part(then)? {
                Some(result) if result.shown.is_none() => results.push(result),
                _ => return Ok(None),
            }
        }
        let nothing = |result: &Fixed| result.as_number() == Some(None);
        let scales: Vec<Option<u8>> = results.iter().map(|result| (!nothing(result)).then_some(result.scale)).collect();
        let Some(scale) = scales.iter().flatten().max().copied() else { return Ok(None) };
        let uniform = scales.iter().flatten().all(|other| *other == scale);
        let whole = results.iter().map(Fixed::whole_digits).max().unwrap_or(1);
        let digits = (whole + u16::from(scale)).min(UNBOUNDED);
        if self.outgrows(results.iter().any(|result| result.outgrows(scale))) {
            return Ok(None);
        }
        let Some(results) = results.into_iter().map(|result| result.at(digits, scale)).collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };
        let conditions = whens.iter().map(|(when, _)| self.lowered(when)).collect::<Result<Vec<_>>>()?;
        let case = |results: Vec<DfExpr>| {
            let mut results = results.into_iter().map(Box::new);
            let whens = conditions.iter().cloned().map(Box::new).zip(results.by_ref()).collect();
            DfExpr::Case(Case::new(None, whens, results.next()))
        };
        let mut fixed = Fixed::new(case(results), digits, scale);
        if !uniform {
            let shown = scales.into_iter().map(|scale| ScalarValue::Int32(scale.map(i32::from)));
            fixed.shown = Some(case(shown.map(|scale| DfExpr::Literal(scale, None)).collect()));
        }
        Ok(Some(fixed))
    }
}
