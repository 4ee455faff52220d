//! WITHIN GROUP: ordered-set aggregates, and hypothetical-set aggregates.
//!
//! An ordered-set aggregate collects its values in their order (`array_agg`) and picks from them; a hypothetical-set
//! aggregate counts the rows that would come before the row that its arguments make. Both become other aggregates and a
//! function over them, so nobody below knows of them.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::call::{Arguments, wrong_object};
use super::expr::truth_value;
use super::names::QualifiedName;
use super::position::{Sides, Start};
use super::row::conjunction;
use super::walk::any;
use super::{Binder, Clause, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Form;
use crate::expr::{AggregateCall, Expr, ExprKind, SortKey};
use crate::function::{AggregateFunction, CastContext, Function, aggregates_named, ordered_set};
use crate::types::{Type, builtin, display, oid};

/// `name(arguments) WITHIN GROUP (ORDER BY keys) FILTER (WHERE condition)`, as it is written.
pub(super) struct WithinGroup<'e> {
    pub name: QualifiedName,
    pub written: Arguments<'e>,
    pub keys: &'e [ast::OrderByExpr],
    pub filter: Option<&'e ast::Expr>,
}

/// The same, bound.
struct Ordered {
    name: QualifiedName,
    args: Vec<(Expr, Span)>,
    keys: Vec<(SortKey, Span)>,
    filter: Option<Expr>,
}

impl Binder<'_> {
    pub(super) fn within_group(&mut self, call: WithinGroup<'_>, at: Place<'_>) -> Result<Expr> {
        let WithinGroup { name, written, keys, filter } = call;
        let fault = if written.distinct {
            Some("cannot use DISTINCT with WITHIN GROUP")
        } else if !written.order_by.is_empty() {
            Some("cannot use multiple ORDER BY clauses with WITHIN GROUP")
        } else {
            None
        };
        if let Some(words) = fault {
            return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(self.position(name.span)));
        }
        if let Some(error) = at.clause.aggregate_refusal() {
            return Err(error.at(self.position(name.span)));
        }
        let inside = Place { clause: Clause::AggregateArgument, ..at };
        let mut args = Vec::with_capacity(written.exprs.len());
        for expr in &written.exprs {
            args.push((self.bind(expr, inside)?, expr.start()));
        }
        let sorted = self.sort_keys(keys, inside)?;
        let keys = sorted.into_iter().zip(keys.iter().map(|key| key.expr.start())).collect();
        let filter = match filter {
            Some(filter) => Some(self.condition_at(filter, Place { clause: Clause::Filter, ..at })?),
            None => None,
        };
        self.select.aggregates = true;
        let call = Ordered { name, args, keys, filter };
        match (call.name.name.as_str(), call.args.len(), call.keys.len()) {
            ("percentile_disc", 1, 1) => self.percentile(call, false),
            ("percentile_cont", 1, 1) => self.percentile(call, true),
            ("mode", 0, 1) => self.mode(call),
            ("rank" | "dense_rank" | "percent_rank" | "cume_dist", args, keys) if args == keys => {
                self.hypothetical(call)
            }
            _ => Err(self.no_such_call(&call)),
        }
    }

    fn no_such_call(&self, call: &Ordered) -> Error {
        let types = call.args.iter().map(|(arg, _)| arg.ty).chain(call.keys.iter().map(|(key, _)| key.expr.ty));
        let types: Vec<String> = types.map(display).collect();
        let words = format!("function {}({}) does not exist", call.name, types.join(", "));
        Error::new(SqlState::UNDEFINED_FUNCTION, words).at(self.position(call.name.span))
    }

    /// One fraction or an array of them.
    fn percentile(&mut self, mut call: Ordered, continuous: bool) -> Result<Expr> {
        let missing = self.no_such_call(&call);
        let Some(((arg, span), (mut key, key_span))) = call.args.pop().zip(call.keys.pop()) else {
            return Err(missing);
        };
        if continuous && key.expr.ty.oid != oid::INTERVAL {
            if builtin::info(key.expr.ty.oid).is_none_or(|info| info.category != 'N') {
                return Err(missing);
            }
            key.expr = self.coerce_at(key.expr, Type::new(oid::FLOAT8), CastContext::Implicit, key_span)?;
        }
        let several = builtin::info(arg.ty.oid).is_some_and(|info| info.element != 0);
        let fraction = if several { oid::FLOAT8_ARRAY } else { oid::FLOAT8 };
        let fraction = self.coerce_at(arg, Type::new(fraction), CastContext::Implicit, span)?;
        let element = Type::new(key.expr.ty.oid);
        if self.is_showing() {
            let array = builtin::array_of(element.oid).ok_or(missing)?;
            let ty = if several { Type::new(array) } else { element };
            let form = Form::WithinGroup { name: call.name.name, keys: vec![key], filter: call.filter };
            return Ok(Expr::shown(form, vec![fraction], ty));
        }
        let values = self.collected(key, call.filter, key_span)?;
        let (function, ty): (&'static Function, Type) = match (continuous, several) {
            (true, false) => (&ordered_set::PERCENTILE_CONT, element),
            (true, true) => (&ordered_set::PERCENTILES_CONT, values.ty),
            (false, false) => (&ordered_set::PERCENTILE_DISC, element),
            (false, true) => (&ordered_set::PERCENTILES_DISC, values.ty),
        };
        Ok(Expr::new(ExprKind::Call { function, args: vec![fraction, values] }, ty))
    }

    fn mode(&mut self, mut call: Ordered) -> Result<Expr> {
        let missing = self.no_such_call(&call);
        let Some((key, span)) = call.keys.pop() else { return Err(missing) };
        let ty = Type::new(key.expr.ty.oid);
        if self.is_showing() {
            let form = Form::WithinGroup { name: call.name.name, keys: vec![key], filter: call.filter };
            return Ok(Expr::shown(form, Vec::new(), ty));
        }
        let values = self.collected(key, call.filter, span)?;
        Ok(Expr::new(ExprKind::Call { function: &ordered_set::MODE, args: vec![values] }, ty))
    }

    /// The values that are not NULL, in their order, as an array.
    fn collected(&self, key: SortKey, filter: Option<Expr>, span: Span) -> Result<Expr> {
        let Some(array) = builtin::array_of(key.expr.ty.oid) else {
            let what = format!("an ordered-set aggregate over type {}", display(key.expr.ty));
            return Err(Error::unsupported(what).at(self.position(span)));
        };
        let known = truth_value(ExprKind::IsNull { expr: Box::new(key.expr.clone()), negated: true });
        let filter = match filter {
            Some(filter) => truth_value(ExprKind::And(vec![filter, known])),
            None => known,
        };
        let call = AggregateCall {
            function: plain_aggregate("array_agg", 1)?,
            args: vec![key.expr.clone()],
            distinct: false,
            filter: Some(filter),
            order_by: vec![key],
        };
        Ok(Expr::new(ExprKind::Aggregate(Box::new(call)), Type::new(array)))
    }

    /// Where the row of the arguments would stand among the group's.
    fn hypothetical(&mut self, call: Ordered) -> Result<Expr> {
        let span = call.name.span;
        self.refuse_to_show("a hypothetical row")?;
        if call.name.name == "dense_rank" && call.keys.len() > 1 {
            return Err(Error::unsupported("dense_rank of several values WITHIN GROUP").at(self.position(span)));
        }
        let varies = |expr: &Expr| {
            any(expr, &mut |expr| {
                matches!(expr.kind, ExprKind::Column(_) | ExprKind::OuterColumn { .. } | ExprKind::Subquery(_))
            })
        };
        if call.args.iter().any(|(arg, _)| varies(arg)) {
            return Err(Error::unsupported("a row WITHIN GROUP that is not constant").at(self.position(span)));
        }
        // From the last key outwards: before by this key, or level with it and before by the rest.
        let (mut before, mut level) = (None, Vec::new());
        let mut keys = Vec::with_capacity(call.keys.len());
        for ((arg, arg_span), (key, key_span)) in call.args.into_iter().zip(call.keys).rev() {
            let (mut pair, _) = self.unify(vec![(key.expr, key_span), (arg, arg_span)], "WITHIN GROUP")?;
            let (Some(arg), Some(expr)) = (pair.pop(), pair.pop()) else {
                return Err(Error::internal("a pair has two values"));
            };
            let key = SortKey { expr, ..key };
            let sides = Sides { words: "within", left: key_span, right: arg_span };
            let equal = self.distinct_values(key.expr.clone(), arg.clone(), true, sides)?;
            let own = self.comes_before(&key, arg, sides)?;
            before = Some(match before {
                None => own,
                Some(rest) => {
                    let tie = truth_value(ExprKind::And(vec![equal.clone(), rest]));
                    truth_value(ExprKind::Or(vec![own, tie]))
                }
            });
            level.push(equal);
            keys.push(key);
        }
        let before = before.ok_or_else(|| wrong_object("a row WITHIN GROUP has values".to_owned()))?;
        let filter = call.filter;
        let rows = count(None, filter.clone())?;
        let precede = count(None, both(filter.clone(), before.clone()))?;
        match call.name.name.as_str() {
            "rank" => self.plus_one(precede, span),
            "percent_rank" => Ok(rated(&ordered_set::PERCENT_RANK, precede, rows)),
            "cume_dist" => {
                let not_behind = truth_value(ExprKind::Or(vec![before, conjunction(level, true)]));
                Ok(rated(&ordered_set::CUME_DIST, count(None, both(filter, not_behind))?, rows))
            }
            _ => {
                // NULL is a value of its own here, which count(DISTINCT) leaves out.
                let Some(key) = keys.pop() else { return Err(Error::internal("a row has values")) };
                let null = truth_value(ExprKind::IsNull { expr: Box::new(key.expr.clone()), negated: false });
                let nulls = truth_value(ExprKind::And(vec![before.clone(), null]));
                let nulls = count(None, both(filter.clone(), nulls))?;
                let values = count(Some(key.expr), both(filter, before))?;
                let int8 = Type::new(oid::INT8);
                let one = || Expr::constant(Value::Int8(1), int8);
                let zero = Expr::constant(Value::Int8(0), int8);
                let sides = Sides { words: "within", left: span, right: span };
                let any_null = self.apply_operator(">", Some(nulls), zero.clone(), sides)?;
                let more = ExprKind::Case { whens: vec![(any_null, one())], otherwise: Some(Box::new(zero)) };
                let values = self.apply_operator("+", Some(values), Expr::new(more, int8), sides)?;
                self.plus_one(values, span)
            }
        }
    }

    /// Whether a row comes before one with this value.
    fn comes_before(&mut self, key: &SortKey, value: Expr, sides: Sides<'_>) -> Result<Expr> {
        let is_null = |expr: &Expr, negated| truth_value(ExprKind::IsNull { expr: Box::new(expr.clone()), negated });
        let truth = |value| Expr::constant(Value::Bool(value), Type::new(oid::BOOL));
        let operator = if key.descending { ">" } else { "<" };
        let compared = self.apply_operator(operator, Some(key.expr.clone()), value.clone(), sides)?;
        let null_first = truth_value(ExprKind::And(vec![is_null(&value, true), truth(key.nulls_first)]));
        Ok(truth_value(ExprKind::Case {
            whens: vec![(is_null(&key.expr, false), null_first), (is_null(&value, false), truth(!key.nulls_first))],
            otherwise: Some(Box::new(compared)),
        }))
    }

    fn plus_one(&mut self, count: Expr, span: Span) -> Result<Expr> {
        let one = Expr::constant(Value::Int8(1), Type::new(oid::INT8));
        self.apply_operator("+", Some(count), one, Sides { words: "within", left: span, right: span })
    }
}

fn both(filter: Option<Expr>, condition: Expr) -> Option<Expr> {
    Some(match filter {
        Some(filter) => truth_value(ExprKind::And(vec![filter, condition])),
        None => condition,
    })
}

/// `count(*)`, or `count(DISTINCT value)`.
fn count(distinct: Option<Expr>, filter: Option<Expr>) -> Result<Expr> {
    let function = plain_aggregate("count", distinct.iter().len())?;
    let call = AggregateCall {
        function,
        distinct: distinct.is_some(),
        args: distinct.into_iter().collect(),
        filter,
        order_by: Vec::new(),
    };
    Ok(Expr::new(ExprKind::Aggregate(Box::new(call)), Type::new(oid::INT8)))
}

fn rated(function: &'static Function, part: Expr, rows: Expr) -> Expr {
    Expr::new(ExprKind::Call { function, args: vec![part, rows] }, Type::new(oid::FLOAT8))
}

fn plain_aggregate(name: &str, args: usize) -> Result<&'static AggregateFunction> {
    let found = aggregates_named(name).iter().find(|function| function.args.len() == args);
    found.copied().ok_or_else(|| Error::internal(format!("the aggregate {name} is there")))
}
