//! Expressions: DataFusion's own where it agrees with PostgreSQL on every value, our evaluator for the rest.

use std::collections::HashSet;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Case, Cast, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr as DfExpr, Operator, ScalarUDF};
use storage::Value;

use super::arithmetic::ArithmeticFunction;
use super::fold::fold;
use super::row_function::row_function;
use super::sort_key::{keyed, placeholder};
use super::substring::Substring;
use super::{Lowering, column, dates, walk};
use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind};
use crate::function::body_call::is_body_call;
use crate::function::{Arithmetic, Batch, Comparison, Function, Volatility};
use crate::types::{Type, builtin, oid};

/// Functions that fail on values that queries commonly keep away from them by another condition. What can only
/// overflow is not here: PostgreSQL promises no order of evaluation either.
const GUARDED: &[&str] = &[
    "div",
    "mod",
    "numeric_div",
    "numeric_mod",
    "ln",
    "log",
    "log10",
    "sqrt",
    "dsqrt",
    "power",
    "dpow",
    "exp",
    "to_number",
    "to_date",
    "to_timestamp",
    "substring",
    "substr",
    "chr",
    "make_date",
    "make_timestamp",
    "width_bucket",
    "cash_div",
    "interval_div",
    "nextval",
    "setval",
    "currval",
    "json_in",
    "jsonb_in",
    "json_array_length",
    "jsonb_set",
    "jsonb_insert",
    "jsonb_delete",
    "jsonb_delete_path",
    "jsonb_path_exists",
    "jsonb_path_exists_tz",
    "jsonb_path_match",
    "jsonb_path_match_tz",
    "jsonb_path_query_array",
    "jsonb_path_query_array_tz",
    "jsonb_path_query_first",
    "jsonb_path_query_first_tz",
];

/// Whether evaluating this may fail where a neighbouring condition would have kept it from being evaluated.
pub(super) fn guarded(expr: &Expr) -> bool {
    walk::any(expr, &|part| match &part.kind {
        ExprKind::TextCast(_) => true,
        ExprKind::Call { function, args } => match function.batch {
            Some(Batch::Substring) => Substring::of(args).is_none(),
            Some(Batch::Arithmetic(operator)) => matches!(operator, Arithmetic::Divide | Arithmetic::Modulo),
            Some(_) => false,
            None if is_body_call(function) => true,
            None => GUARDED.contains(&function.name) || converts_text(function) || converts_document(function),
        },
        _ => false,
    })
}

fn converts_text(function: &Function) -> bool {
    matches!(function.args.first(), Some(&(oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::UNKNOWN | oid::CSTRING)))
        && function.args.len() == 1
        && !matches!(function.returns, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::INT4 | oid::BYTEA)
}

/// Whether only some jsonb has what the function answers: a number, a boolean, a length.
fn converts_document(function: &Function) -> bool {
    function.args == [oid::JSONB]
        && matches!(
            function.returns,
            oid::BOOL | oid::INT2 | oid::INT4 | oid::INT8 | oid::FLOAT4 | oid::FLOAT8 | oid::NUMERIC
        )
}

fn is_volatile(expr: &Expr) -> bool {
    walk::any(
        expr,
        &|part| matches!(&part.kind, ExprKind::Call { function, .. } if function.volatility == Volatility::Volatile),
    )
}

impl Lowering<'_> {
    pub(super) fn expr(&self, expr: &Expr) -> Result<DfExpr> {
        self.lowered(&fold(expr.clone(), &self.context)?)
    }

    pub(super) fn exprs(&self, exprs: &[Expr]) -> Result<Vec<DfExpr>> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    /// The expression to sort, group or join by.
    pub(super) fn key(&self, expr: &Expr) -> Result<DfExpr> {
        match self.in_either_form(expr)? {
            (value, true) => Ok(value),
            (value, false) => keyed(value, expr.ty),
        }
    }

    /// A WHERE or ON condition. Conditions that may fail are evaluated after those that stand before them.
    pub(super) fn condition(&self, predicate: &Expr) -> Result<DfExpr> {
        let mut parts = Vec::new();
        walk::conjuncts(fold(predicate.clone(), &self.context)?, &mut parts);
        let last_guarded = parts.iter().rposition(guarded).filter(|position| *position > 0);
        let mut conditions = Vec::with_capacity(parts.len());
        for (position, part) in parts.iter().enumerate() {
            // A guarded part is covered by the row-by-row condition below; the others are still told to DataFusion,
            // which may use them to read less.
            if last_guarded.is_none() || !guarded(part) || last_guarded.is_some_and(|last| position > last) {
                conditions.push(self.lowered(part)?);
            }
        }
        if let Some(last) = last_guarded {
            let ordered = Expr::new(ExprKind::And(parts[..=last].to_vec()), Type::new(oid::BOOL));
            conditions.push(self.row_by_row(&ordered)?);
        }
        Ok(conditions.into_iter().reduce(DfExpr::and).unwrap_or_else(|| boolean(true)))
    }

    fn row_by_row(&self, expr: &Expr) -> Result<DfExpr> {
        let volatile = is_volatile(expr);
        self.volatile.set(self.volatile.get() || volatile);
        row_function(expr, guarded(expr), volatile, &self.context)
    }

    /// The folded expression, numerics in our own form.
    pub(super) fn lowered(&self, expr: &Expr) -> Result<DfExpr> {
        if let Some(fixed) = self.fixed(expr)? {
            return Ok(fixed.numeric());
        }
        match &expr.kind {
            ExprKind::Const(value) => column::literal(value, expr.ty),
            ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } => Ok(column::reference(*var)),
            ExprKind::Call { function, args } => self.call(expr, function, args),
            ExprKind::And(parts) => self.connective(expr, parts, DfExpr::and),
            ExprKind::Or(parts) => self.connective(expr, parts, DfExpr::or),
            ExprKind::Not(inner) => self.negation(inner),
            ExprKind::IsNull { expr: inner, negated } => {
                let inner = Box::new(self.lowered(inner)?);
                Ok(if *negated { DfExpr::IsNotNull(inner) } else { DfExpr::IsNull(inner) })
            }
            ExprKind::BoolTest { expr: inner, value, negated } => {
                let inner = Box::new(self.lowered(inner)?);
                Ok(match (value, negated) {
                    (Some(true), false) => DfExpr::IsTrue(inner),
                    (Some(true), true) => DfExpr::IsNotTrue(inner),
                    (Some(false), false) => DfExpr::IsFalse(inner),
                    (Some(false), true) => DfExpr::IsNotFalse(inner),
                    (None, false) => DfExpr::IsUnknown(inner),
                    (None, true) => DfExpr::IsNotUnknown(inner),
                })
            }
            ExprKind::Distinct { equal, left, right, negated } => self.distinct(expr, equal, left, right, *negated),
            ExprKind::Case { whens, otherwise } => self.case(expr, whens, otherwise.as_deref()),
            ExprKind::Coalesce(parts) => self.coalesce(expr, parts),
            ExprKind::ArrayCompare { function, left, array, all } => {
                self.array_compare(expr, function, left, array, *all)
            }
            ExprKind::NullIf { .. }
            | ExprKind::Extreme { .. }
            | ExprKind::Array(_)
            | ExprKind::Subscript { .. }
            | ExprKind::Fold(_)
            | ExprKind::TextCast(_) => self.row_by_row(expr),
            ExprKind::Param(_) | ExprKind::Computed(_) => {
                Err(Error::internal("a parameter was not replaced by its value"))
            }
            ExprKind::Aggregate(_) | ExprKind::Window(_) | ExprKind::Subquery(_) | ExprKind::Shown(_) => {
                Err(Error::internal("an aggregate, window function or subquery is left in an expression"))
            }
        }
    }

    fn call(&self, expr: &Expr, function: &'static Function, args: &[Expr]) -> Result<DfExpr> {
        match (batch_of(function, args), args) {
            (Some(Batch::Compare(comparison)), [left, right]) => match self.pair(left, right)? {
                Some((left, right)) => Ok(binary(left, operator(comparison), right)),
                None => self.row_by_row(expr),
            },
            (Some(Batch::CompareKey(comparison)), [left, right]) => match self.key_pair(comparison, left, right)? {
                Some((left, right)) => Ok(binary(left, operator(comparison), right)),
                None => self.row_by_row(expr),
            },
            (None, [left, right]) => match dates::compared(function, left, right) {
                Some(dates::Compared { date, comparison, day }) => {
                    Ok(binary(self.lowered(date)?, operator(comparison), dates::literal(day)))
                }
                None => self.row_by_row(expr),
            },
            (Some(Batch::Arithmetic(operator)), [left, right]) => {
                let result = column::arrow_of(expr.ty)?;
                if !(result.is_integer() || result.is_floating()) {
                    return self.row_by_row(expr);
                }
                let operands = [left, right]
                    .into_iter()
                    .map(|side| Ok(cast(self.lowered(side)?, column::arrow_of(side.ty)?, result.clone())))
                    .collect::<Result<Vec<_>>>()?;
                Ok(ScalarUDF::new_from_impl(ArithmeticFunction::new(operator)).call(operands))
            }
            (Some(Batch::Widen), [inner]) => {
                Ok(cast(self.lowered(inner)?, column::arrow_of(inner.ty)?, column::arrow_of(expr.ty)?))
            }
            (Some(Batch::Trim), [text]) => keyed(self.lowered(text)?, text.ty),
            (Some(Batch::Substring), [text, ..]) => match Substring::of(args) {
                Some(substring) => Ok(ScalarUDF::new_from_impl(substring).call(vec![self.lowered(text)?])),
                None => self.row_by_row(expr),
            },
            (Some(Batch::Like { negated }), [text, pattern]) => {
                let (text, pattern) = (self.lowered(text)?, self.lowered(pattern)?);
                Ok(DfExpr::Like(Like::new(negated, Box::new(text), Box::new(pattern), None, false)))
            }
            _ => self.row_by_row(expr),
        }
    }

    /// Two values to compare, of one Arrow type; None: of types that no cast of Arrow's makes comparable.
    fn pair(&self, left: &Expr, right: &Expr) -> Result<Option<(DfExpr, DfExpr)>> {
        let (left_type, right_type) = (column::arrow_of(left.ty)?, column::arrow_of(right.ty)?);
        let (left, right) = (self.lowered(left)?, self.lowered(right)?);
        if left_type == right_type {
            return Ok(Some((left, right)));
        }
        if !(left_type.is_signed_integer() && right_type.is_signed_integer()) {
            return Ok(None);
        }
        let wider = if left_type.primitive_width() > right_type.primitive_width() {
            left_type.clone()
        } else {
            right_type.clone()
        };
        Ok(Some((cast(left, left_type, wider.clone()), cast(right, right_type, wider))))
    }

    fn key_pair(&self, comparison: Comparison, left: &Expr, right: &Expr) -> Result<Option<(DfExpr, DfExpr)>> {
        if let Some(pair) = self.fixed_pair(left, right)? {
            return Ok(Some(pair));
        }
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual)
            && let Some((left, right)) = self.padded_pair(left, right)
        {
            return Ok(Some((self.lowered(&left)?, self.lowered(&right)?)));
        }
        self.own_key_pair(left, right)
    }

    fn own_key_pair(&self, left: &Expr, right: &Expr) -> Result<Option<(DfExpr, DfExpr)>> {
        let (left_type, right_type) = (column::arrow_of(left.ty)?, column::arrow_of(right.ty)?);
        if left_type == right_type && (left.ty.oid == oid::BPCHAR) == (right.ty.oid == oid::BPCHAR) {
            return Ok(Some((keyed(self.lowered(left)?, left.ty)?, keyed(self.lowered(right)?, right.ty)?)));
        }
        if left_type.is_floating() && right_type.is_floating() {
            let double = Type::new(oid::FLOAT8);
            let wide = column::arrow_of(double)?;
            let left = keyed(cast(self.lowered(left)?, left_type, wide.clone()), double)?;
            let right = keyed(cast(self.lowered(right)?, right_type, wide), double)?;
            return Ok(Some((left, right)));
        }
        Ok(None)
    }

    /// AND or OR: row by row if a later part may fail where an earlier one would have decided.
    fn connective(&self, expr: &Expr, parts: &[Expr], join: fn(DfExpr, DfExpr) -> DfExpr) -> Result<DfExpr> {
        if parts.iter().skip(1).any(guarded) {
            return self.row_by_row(expr);
        }
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            lowered.push(self.lowered(part)?);
        }
        // Halves, not a chain: thousands of parts must not make a tree thousands deep.
        balanced(lowered, join).ok_or_else(|| Error::internal("AND or OR without parts"))
    }

    fn negation(&self, inner: &Expr) -> Result<DfExpr> {
        // NOT (a <> b) is a = b, also for NULL: an equality is what joins look for.
        if let ExprKind::Call { function, args } = &inner.kind
            && let [left, right] = args.as_slice()
        {
            let sides = match batch_of(function, args) {
                Some(Batch::Compare(Comparison::NotEqual)) => self.pair(left, right)?,
                Some(Batch::CompareKey(Comparison::NotEqual)) => self.key_pair(Comparison::NotEqual, left, right)?,
                _ => None,
            };
            if let Some((left, right)) = sides {
                return Ok(binary(left, Operator::Eq, right));
            }
        }
        Ok(DfExpr::Not(Box::new(self.lowered(inner)?)))
    }

    fn distinct(&self, expr: &Expr, equal: &Function, left: &Expr, right: &Expr, negated: bool) -> Result<DfExpr> {
        let sides = match batch_of(equal, std::slice::from_ref(left)) {
            Some(Batch::Compare(Comparison::Equal)) => self.pair(left, right)?,
            // What stands in for NULL has the type of our own keys.
            Some(Batch::CompareKey(Comparison::Equal)) => self.own_key_pair(left, right)?,
            _ => None,
        };
        let Some((left_key, right_key)) = sides else { return self.row_by_row(expr) };
        let (mut left_columns, mut right_columns) = (HashSet::new(), HashSet::new());
        walk::columns(left, &mut left_columns);
        walk::columns(right, &mut right_columns);
        if left_columns.is_empty()
            || right_columns.is_empty()
            || column::arrow_of(left.ty)? != column::arrow_of(right.ty)?
        {
            let operator = if negated { Operator::IsNotDistinctFrom } else { Operator::IsDistinctFrom };
            return Ok(binary(left_key, operator, right_key));
        }
        let same = same_or_both_null(left_key, right_key, left.ty)?;
        Ok(if negated { same } else { DfExpr::Not(Box::new(same)) })
    }

    /// DataFusion's CASE keeps rows from branches that are not theirs, but its optimizer turns boolean ones into AND and
    /// OR, which do not, and may do so with conditions too.
    fn case(&self, expr: &Expr, whens: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<DfExpr> {
        let conditions_fail = whens.iter().skip(1).any(|(when, _)| guarded(when));
        let results_fail = whens.iter().map(|(_, then)| then).chain(otherwise).any(guarded);
        if conditions_fail || (results_fail && expr.ty.oid == oid::BOOL) {
            return self.row_by_row(expr);
        }
        let whens = whens
            .iter()
            .map(|(when, then)| Ok((Box::new(self.lowered(when)?), Box::new(self.typed(then, expr.ty)?))))
            .collect::<Result<Vec<_>>>()?;
        let otherwise = match otherwise {
            Some(otherwise) => Some(Box::new(self.typed(otherwise, expr.ty)?)),
            None => None,
        };
        Ok(DfExpr::Case(Case::new(None, whens, otherwise)))
    }

    /// The expression, a constant NULL taking the layout that is wanted.
    fn typed(&self, expr: &Expr, ty: Type) -> Result<DfExpr> {
        match expr.as_const() {
            Some(Value::Null) => column::literal(&Value::Null, ty),
            _ => self.lowered(expr),
        }
    }

    fn coalesce(&self, expr: &Expr, parts: &[Expr]) -> Result<DfExpr> {
        let Some((last, first)) = parts.split_last() else { return column::literal(&Value::Null, expr.ty) };
        // Each part stands twice in the CASE, so only what is computed already may.
        if guarded(last)
            || !first.iter().all(|part| matches!(part.kind, ExprKind::Column(_) | ExprKind::OuterColumn { .. }))
        {
            return self.row_by_row(expr);
        }
        let mut whens = Vec::with_capacity(first.len());
        for part in first {
            let part = self.lowered(part)?;
            whens.push((Box::new(DfExpr::IsNotNull(Box::new(part.clone()))), Box::new(part)));
        }
        let last = self.typed(last, expr.ty)?;
        if whens.is_empty() {
            return Ok(last);
        }
        Ok(DfExpr::Case(Case::new(None, whens, Some(Box::new(last)))))
    }

    /// `= ANY` and `<> ALL` of a constant array are IN lists.
    fn array_compare(
        &self,
        expr: &Expr,
        function: &'static Function,
        left: &Expr,
        array: &Expr,
        all: bool,
    ) -> Result<DfExpr> {
        let Some(Value::Array(array)) = array.as_const() else { return self.row_by_row(expr) };
        let (comparison, by_key) = match batch_of(function, std::slice::from_ref(left)) {
            Some(Batch::Compare(comparison)) => (comparison, false),
            Some(Batch::CompareKey(comparison)) => (comparison, true),
            _ => return self.row_by_row(expr),
        };
        let negated = match (comparison, all) {
            (Comparison::Equal, false) => false,
            (Comparison::NotEqual, true) => true,
            _ => return self.row_by_row(expr),
        };
        if array.values.is_empty() {
            return Ok(boolean(negated));
        }
        let Some(&element) = function.args.get(1) else { return self.row_by_row(expr) };
        // The element type is the function's second argument, up to binary compatible types of the same layout.
        let is_any = [oid::ANYENUM, oid::ANYRANGE, oid::ANYMULTIRANGE].contains(&element);
        let element = if is_any { left.ty } else { Type::new(element) };
        if column::physical(element)? != array.element {
            return self.row_by_row(expr);
        }
        let constants: Vec<Expr> = array.values.iter().map(|value| Expr::constant(value.clone(), element)).collect();
        let together: Vec<&Expr> = std::iter::once(left).chain(&constants).collect();
        if let Some(alike) = self.fixed_alike(&together)? {
            let mut alike = alike.into_iter();
            let tested = alike.next().ok_or_else(|| Error::internal("an IN list without what is looked for"))?;
            return Ok(DfExpr::InList(InList::new(Box::new(tested), alike.collect(), negated)));
        }
        // Either all are padded or none is.
        let padded = constants.iter().all(|constant| self.padded_pair(left, constant).is_some());
        let mut list = Vec::with_capacity(array.values.len());
        let mut tested = None;
        for constant in &constants {
            let sides = match (by_key, padded) {
                (true, true) => self.key_pair(comparison, left, constant)?,
                (true, false) => self.own_key_pair(left, constant)?,
                (false, _) => self.pair(left, constant)?,
            };
            let Some((left, constant)) = sides else { return self.row_by_row(expr) };
            tested.get_or_insert(left);
            list.push(folded_cast(constant));
        }
        let tested = tested.ok_or_else(|| Error::internal("an empty IN list"))?;
        Ok(DfExpr::InList(InList::new(Box::new(tested), list, negated)))
    }
}

/// The column-wise form of a call, if it has one with these arguments: arrays of rows are compared row by row, whose
/// fields may turn out to be of other types, or not as many.
fn batch_of(function: &Function, args: &[Expr]) -> Option<Batch> {
    let of_rows = |arg: &Expr| builtin::element_of(arg.ty.oid) == Some(oid::RECORD);
    let compares_rows = function.args.first() == Some(&oid::ANYARRAY) && args.iter().any(of_rows);
    function.batch.filter(|batch| !(compares_rows && matches!(batch, Batch::CompareKey(_))))
}

/// NULL equals NULL here. Written with plain equalities, which DataFusion joins by without any mode of its own.
pub(super) fn same_or_both_null(left: DfExpr, right: DfExpr, ty: Type) -> Result<DfExpr> {
    let present = |side: DfExpr| -> Result<DfExpr> {
        let absent = Box::new(DfExpr::IsNull(Box::new(side.clone())));
        let stand_in = Box::new(DfExpr::Literal(placeholder(ty)?, None));
        Ok(DfExpr::Case(Case::new(None, vec![(absent, stand_in)], Some(Box::new(side)))))
    };
    let nulls = binary(DfExpr::IsNull(Box::new(left.clone())), Operator::Eq, DfExpr::IsNull(Box::new(right.clone())));
    Ok(binary(present(left)?, Operator::Eq, present(right)?).and(nulls))
}

pub(super) fn boolean(value: bool) -> DfExpr {
    DfExpr::Literal(ScalarValue::Boolean(Some(value)), None)
}

/// A comparison has what names no column on its right: where a condition on the column that a join equates with another
/// is carried over to that one, DataFusion would take `2 = a` and `a = 2` for conditions that exclude each other.
pub(super) fn binary(left: DfExpr, operator: Operator, right: DfExpr) -> DfExpr {
    if let Some(swapped) = operator.swap()
        && !left.any_column_refs()
        && right.any_column_refs()
    {
        return DfExpr::BinaryExpr(BinaryExpr::new(Box::new(right), swapped, Box::new(left)));
    }
    DfExpr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

pub(super) fn cast(
    expr: DfExpr,
    from: datafusion::arrow::datatypes::DataType,
    to: datafusion::arrow::datatypes::DataType,
) -> DfExpr {
    if from == to { expr } else { DfExpr::Cast(Cast::new(Box::new(expr), to)) }
}

/// A constant under a cast, cast now: lists of plain constants are looked up by hash.
fn folded_cast(expr: DfExpr) -> DfExpr {
    if let DfExpr::Cast(cast) = &expr
        && let DfExpr::Literal(value, _) = cast.expr.as_ref()
        && let Ok(value) = value.cast_to(cast.field.data_type())
    {
        return DfExpr::Literal(value, None);
    }
    expr
}

pub(super) fn balanced(mut parts: Vec<DfExpr>, join: fn(DfExpr, DfExpr) -> DfExpr) -> Option<DfExpr> {
    while parts.len() > 1 {
        let mut halves = Vec::with_capacity(parts.len().div_ceil(2));
        let mut parts_left = parts.into_iter();
        while let Some(left) = parts_left.next() {
            halves.push(match parts_left.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        parts = halves;
    }
    parts.pop()
}

fn operator(comparison: Comparison) -> Operator {
    match comparison {
        Comparison::Equal => Operator::Eq,
        Comparison::NotEqual => Operator::NotEq,
        Comparison::Less => Operator::Lt,
        Comparison::LessOrEqual => Operator::LtEq,
        Comparison::Greater => Operator::Gt,
        Comparison::GreaterOrEqual => Operator::GtEq,
    }
}
