//! Walks over bound expressions and relations, subqueries included or not as the caller asks.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::Result;
use crate::expr::{AggregateCall, ColumnVar, Expr, ExprKind, Fold, SortKey, SubqueryKind};
use crate::function::Volatility;
use crate::plan::relation::{Column, Relation};

/// Calls `visit` with each direct part of the expression; a subquery's relation is not one.
pub(crate) fn parts(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    match &expr.kind {
        ExprKind::Const(_)
        | ExprKind::Param(_)
        | ExprKind::Computed(_)
        | ExprKind::Column(_)
        | ExprKind::OuterColumn { .. } => {}
        ExprKind::Call { args, .. } | ExprKind::Extreme { args, .. } => args.iter().for_each(visit),
        ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Coalesce(parts) | ExprKind::Array(parts) => {
            parts.iter().for_each(visit);
        }
        ExprKind::Not(inner)
        | ExprKind::TextCast(inner)
        | ExprKind::IsNull { expr: inner, .. }
        | ExprKind::BoolTest { expr: inner, .. } => visit(inner),
        ExprKind::Distinct { left, right, .. } | ExprKind::NullIf { left, right, .. } => {
            visit(left);
            visit(right);
        }
        ExprKind::Case { whens, otherwise } => {
            for (when, then) in whens {
                visit(when);
                visit(then);
            }
            otherwise.iter().for_each(|otherwise| visit(otherwise));
        }
        ExprKind::Fold(fold) => visit(&fold.rows),
        ExprKind::ArrayCompare { left, array, .. } => {
            visit(left);
            visit(array);
        }
        ExprKind::Subscript { array, index } => {
            visit(array);
            visit(index);
        }
        ExprKind::Aggregate(call) => call_parts(call, visit),
        ExprKind::Window(call) => {
            call.args.iter().chain(&call.filter).chain(&call.partition_by).for_each(&mut *visit);
            call.order_by.iter().for_each(|key| visit(&key.expr));
        }
        ExprKind::Subquery(subquery) => {
            if let SubqueryKind::Compare { left, .. } = &subquery.kind {
                visit(left);
            }
        }
        ExprKind::Shown(shown) => shown.parts.iter().for_each(visit),
    }
}

fn call_parts(call: &AggregateCall, visit: &mut dyn FnMut(&Expr)) {
    call.args.iter().chain(&call.filter).for_each(&mut *visit);
    call.order_by.iter().for_each(|key| visit(&key.expr));
}

/// Rebuilds the expression from its direct parts, each mapped.
pub(crate) fn map_parts(expr: Expr, map: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Expr> {
    let ty = expr.ty;
    let kind = match expr.kind {
        kind @ (ExprKind::Const(_)
        | ExprKind::Param(_)
        | ExprKind::Computed(_)
        | ExprKind::Column(_)
        | ExprKind::OuterColumn { .. }) => kind,
        ExprKind::Call { function, args } => ExprKind::Call { function, args: map_all(args, map)? },
        ExprKind::Extreme { greatest, less, args } => ExprKind::Extreme { greatest, less, args: map_all(args, map)? },
        ExprKind::And(parts) => ExprKind::And(map_all(parts, map)?),
        ExprKind::Or(parts) => ExprKind::Or(map_all(parts, map)?),
        ExprKind::Coalesce(parts) => ExprKind::Coalesce(map_all(parts, map)?),
        ExprKind::Array(parts) => ExprKind::Array(map_all(parts, map)?),
        ExprKind::Not(inner) => ExprKind::Not(Box::new(map(*inner)?)),
        ExprKind::TextCast(inner) => ExprKind::TextCast(Box::new(map(*inner)?)),
        ExprKind::IsNull { expr, negated } => ExprKind::IsNull { expr: Box::new(map(*expr)?), negated },
        ExprKind::BoolTest { expr, value, negated } => {
            ExprKind::BoolTest { expr: Box::new(map(*expr)?), value, negated }
        }
        ExprKind::Distinct { equal, left, right, negated } => {
            ExprKind::Distinct { equal, left: Box::new(map(*left)?), right: Box::new(map(*right)?), negated }
        }
        ExprKind::NullIf { equal, left, right } => {
            ExprKind::NullIf { equal, left: Box::new(map(*left)?), right: Box::new(map(*right)?) }
        }
        ExprKind::Case { whens, otherwise } => ExprKind::Case {
            whens: whens.into_iter().map(|(when, then)| Ok((map(when)?, map(then)?))).collect::<Result<_>>()?,
            otherwise: otherwise.map(|inner| map(*inner).map(Box::new)).transpose()?,
        },
        ExprKind::ArrayCompare { function, left, array, all } => {
            ExprKind::ArrayCompare { function, left: Box::new(map(*left)?), array: Box::new(map(*array)?), all }
        }
        ExprKind::Subscript { array, index } => {
            ExprKind::Subscript { array: Box::new(map(*array)?), index: Box::new(map(*index)?) }
        }
        ExprKind::Fold(fold) => ExprKind::Fold(Box::new(Fold { rows: map(fold.rows)?, ..*fold })),
        ExprKind::Aggregate(call) => ExprKind::Aggregate(Box::new(map_call(*call, map)?)),
        ExprKind::Window(mut call) => {
            call.args = map_all(call.args, map)?;
            call.filter = call.filter.map(&mut *map).transpose()?;
            call.partition_by = map_all(call.partition_by, map)?;
            call.order_by = map_keys(call.order_by, map)?;
            ExprKind::Window(call)
        }
        ExprKind::Subquery(mut subquery) => {
            subquery.kind = match subquery.kind {
                SubqueryKind::Compare { left, function, all } => {
                    SubqueryKind::Compare { left: map(left)?, function, all }
                }
                kind => kind,
            };
            ExprKind::Subquery(subquery)
        }
        ExprKind::Shown(mut shown) => {
            shown.parts = map_all(shown.parts, map)?;
            ExprKind::Shown(shown)
        }
    };
    Ok(Expr { kind, ty })
}

pub(crate) fn map_all(exprs: Vec<Expr>, map: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Vec<Expr>> {
    exprs.into_iter().map(map).collect()
}

pub(crate) fn map_keys(keys: Vec<SortKey>, map: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Vec<SortKey>> {
    keys.into_iter().map(|key| Ok(SortKey { expr: map(key.expr)?, ..key })).collect()
}

pub(crate) fn map_call(call: AggregateCall, map: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<AggregateCall> {
    Ok(AggregateCall {
        args: map_all(call.args, map)?,
        filter: call.filter.map(&mut *map).transpose()?,
        order_by: map_keys(call.order_by, map)?,
        ..call
    })
}

/// Whether `test` holds for the expression or anything in it; subqueries' relations are not looked into.
pub(crate) fn any(expr: &Expr, test: &dyn Fn(&Expr) -> bool) -> bool {
    if test(expr) {
        return true;
    }
    let mut found = false;
    parts(expr, &mut |part| found = found || any(part, test));
    found
}

pub(crate) fn has_subquery(expr: &Expr) -> bool {
    any(expr, &|part| matches!(part.kind, ExprKind::Subquery(_)))
}

/// Splits nested ANDs into what all must hold.
pub(crate) fn conjuncts(expr: Expr, into: &mut Vec<Expr>) {
    match expr.kind {
        ExprKind::And(parts) => parts.into_iter().for_each(|part| conjuncts(part, into)),
        _ => into.push(expr),
    }
}

/// The columns that an expression names, those inside its subqueries included.
pub(crate) fn columns(expr: &Expr, into: &mut HashSet<ColumnVar>) {
    match &expr.kind {
        ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } => {
            into.insert(*var);
        }
        ExprKind::Subquery(subquery) => free(&subquery.relation, into),
        _ => {}
    }
    parts(expr, &mut |part| columns(part, into));
}

/// Adds the columns that a relation names but does not make: those of enclosing queries.
pub(crate) fn free(relation: &Relation, into: &mut HashSet<ColumnVar>) {
    let (mut named, mut made) = (HashSet::new(), HashSet::new());
    names(relation, &mut named, &mut made);
    into.extend(named.difference(&made).copied());
}

fn names(relation: &Relation, named: &mut HashSet<ColumnVar>, made: &mut HashSet<ColumnVar>) {
    made.extend(relation.outputs().iter().map(|column| column.var));
    expressions(relation, &mut |expr| columns(expr, named));
    if let Relation::Shared { plan, .. } = relation {
        names(plan, named, made);
    }
    inputs(relation, &mut |input| names(input, named, made));
}

/// Calls `visit` with each relation that this one reads.
pub(crate) fn inputs(relation: &Relation, visit: &mut dyn FnMut(&Relation)) {
    match relation {
        Relation::OneRow
        | Relation::Scan(_)
        | Relation::Values { .. }
        | Relation::Function { .. }
        | Relation::Shared { .. }
        | Relation::Written { .. }
        | Relation::WorkingTable { .. } => {}
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::ProjectSet { input, .. }
        | Relation::Aggregate { input, .. }
        | Relation::Window { input, .. }
        | Relation::Sort { input, .. }
        | Relation::Limit { input, .. }
        | Relation::Distinct { input, .. } => visit(input),
        Relation::Join { left, right, .. }
        | Relation::SetOperation { left, right, .. }
        | Relation::Recursive { base: left, step: right, .. } => {
            visit(left);
            visit(right);
        }
    }
}

/// Calls `visit` with each expression of the relation itself.
pub(crate) fn expressions(relation: &Relation, visit: &mut dyn FnMut(&Expr)) {
    match relation {
        Relation::Values { rows, .. } => rows.iter().flatten().for_each(visit),
        Relation::Function { args, .. } => args.iter().for_each(visit),
        Relation::Filter { predicate, .. } => visit(predicate),
        Relation::Project { columns, .. } => columns.iter().for_each(|(_, expr)| visit(expr)),
        Relation::ProjectSet { functions, .. } => functions.iter().flat_map(|(.., args)| args).for_each(visit),
        Relation::Join { condition, .. } => condition.iter().for_each(visit),
        Relation::Aggregate { groups, aggregates, .. } => {
            groups.iter().for_each(|(_, expr)| visit(expr));
            aggregates.iter().for_each(|(_, call)| call_parts(call, visit));
        }
        Relation::Window { calls, .. } => {
            for (_, call) in calls {
                call.args.iter().chain(&call.filter).chain(&call.partition_by).for_each(&mut *visit);
                call.order_by.iter().for_each(|key| visit(&key.expr));
            }
        }
        Relation::Sort { keys, .. } => keys.iter().for_each(|key| visit(&key.expr)),
        Relation::Limit { limit, offset, .. } => limit.iter().chain(offset).for_each(visit),
        Relation::Distinct { on, .. } => on.iter().for_each(visit),
        Relation::OneRow
        | Relation::Scan(_)
        | Relation::SetOperation { .. }
        | Relation::Shared { .. }
        | Relation::Recursive { .. }
        | Relation::Written { .. }
        | Relation::WorkingTable { .. } => {}
    }
}

/// Whether computing the relation again would be noticed: it calls volatile functions, beyond what is computed once.
pub(crate) fn is_volatile(relation: &Relation) -> bool {
    let mut found = false;
    expressions(relation, &mut |expr| found = found || calls_volatile(expr));
    if let Relation::Shared { plan, once: None, .. } = relation {
        found = found || is_volatile(plan);
    }
    inputs(relation, &mut |input| found = found || is_volatile(input));
    found
}

/// Whether aggregates call volatile functions.
pub(crate) fn aggregates_volatile(aggregates: &[(Column, AggregateCall)]) -> bool {
    let mut found = false;
    for (_, call) in aggregates {
        call_parts(call, &mut |expr| found = found || calls_volatile(expr));
    }
    found
}

/// Whether two evaluations of the expression, its subqueries included, may differ.
pub(crate) fn calls_volatile(expr: &Expr) -> bool {
    any(expr, &|part| match &part.kind {
        ExprKind::Call { function, .. } => function.volatility == Volatility::Volatile,
        ExprKind::Subquery(subquery) => is_volatile(&subquery.relation),
        _ => false,
    })
}

/// Whether the relation reads the working table of a recursive query around it.
pub(crate) fn reads_working_table(relation: &Relation) -> bool {
    fn reads(relation: &Relation, own: &mut Vec<Arc<str>>) -> bool {
        if let Relation::WorkingTable { name, .. } = relation {
            return !own.contains(name);
        }
        let depth = own.len();
        if let Relation::Recursive { name, .. } = relation {
            own.push(name.clone());
        }
        let mut found = matches!(relation, Relation::Shared { plan, .. } if reads(plan, own));
        subqueries(relation, &mut |subquery| found = found || reads(subquery, own));
        inputs(relation, &mut |input| found = found || reads(input, own));
        own.truncate(depth);
        found
    }
    reads(relation, &mut Vec::new())
}

/// Calls `visit` with the relation of each subquery in the relation's own expressions.
pub(crate) fn subqueries(relation: &Relation, visit: &mut dyn FnMut(&Relation)) {
    fn within(expr: &Expr, visit: &mut dyn FnMut(&Relation)) {
        if let ExprKind::Subquery(subquery) = &expr.kind {
            visit(&subquery.relation);
        }
        parts(expr, &mut |part| within(part, visit));
    }
    expressions(relation, &mut |expr| within(expr, visit));
}
