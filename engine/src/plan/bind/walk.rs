//! Walking bound expressions one level at a time, and references that leave a subquery.

use std::sync::Arc;

use crate::error::Result;
use crate::expr::{
    AggregateCall, ColumnVar, Expr, ExprKind, Fold, FrameBound, SortKey, Subquery, SubqueryKind, WindowCall,
};
use crate::plan::relation::Relation;
use crate::types::Type;

/// A rewriting of an expression.
pub(crate) type Rewrite<'f> = &'f mut dyn FnMut(Expr) -> Result<Expr>;

/// Rewrites the expressions directly inside this one. A subquery's relation is left as it is.
pub(crate) fn map_children(expr: Expr, f: Rewrite<'_>) -> Result<Expr> {
    use ExprKind as E;
    let Expr { kind, ty } = expr;
    let kind = match kind {
        E::Const(_) | E::Param(_) | E::Computed(_) | E::Column(_) | E::OuterColumn { .. } => kind,
        E::Call { function, args } => E::Call { function, args: map_list(args, f)? },
        E::And(args) => E::And(map_list(args, f)?),
        E::Or(args) => E::Or(map_list(args, f)?),
        E::Not(expr) => E::Not(map_box(expr, f)?),
        E::IsNull { expr, negated } => E::IsNull { expr: map_box(expr, f)?, negated },
        E::BoolTest { expr, value, negated } => E::BoolTest { expr: map_box(expr, f)?, value, negated },
        E::Distinct { equal, left, right, negated } => {
            E::Distinct { equal, left: map_box(left, f)?, right: map_box(right, f)?, negated }
        }
        E::Case { whens, otherwise } => E::Case {
            whens: whens.into_iter().map(|(when, then)| Ok((f(when)?, f(then)?))).collect::<Result<_>>()?,
            otherwise: otherwise.map(|expr| map_box(expr, f)).transpose()?,
        },
        E::Coalesce(args) => E::Coalesce(map_list(args, f)?),
        E::NullIf { equal, left, right } => E::NullIf { equal, left: map_box(left, f)?, right: map_box(right, f)? },
        E::Extreme { greatest, less, args } => E::Extreme { greatest, less, args: map_list(args, f)? },
        E::ArrayCompare { function, left, array, all } => {
            E::ArrayCompare { function, left: map_box(left, f)?, array: map_box(array, f)?, all }
        }
        E::Array(args) => E::Array(map_list(args, f)?),
        E::Subscript { array, index } => E::Subscript { array: map_box(array, f)?, index: map_box(index, f)? },
        E::Fold(fold) => E::Fold(Box::new(Fold { rows: f(fold.rows)?, ..*fold })),
        E::Aggregate(call) => E::Aggregate(Box::new(map_aggregate(*call, f)?)),
        E::Window(call) => E::Window(Box::new(map_window(*call, f)?)),
        E::Subquery(subquery) => {
            let mut subquery = *subquery;
            if let SubqueryKind::Compare { left, function, all } = subquery.kind {
                subquery.kind = SubqueryKind::Compare { left: f(left)?, function, all };
            }
            E::Subquery(Box::new(subquery))
        }
        E::TextCast(expr) => E::TextCast(map_box(expr, f)?),
        E::Shown(mut shown) => {
            shown.parts = map_list(shown.parts, f)?;
            E::Shown(shown)
        }
    };
    Ok(Expr { kind, ty })
}

fn map_list(list: Vec<Expr>, f: Rewrite<'_>) -> Result<Vec<Expr>> {
    list.into_iter().map(f).collect()
}

fn map_box(mut expr: Box<Expr>, f: Rewrite<'_>) -> Result<Box<Expr>> {
    let inner = std::mem::replace(&mut *expr, Expr::constant(storage::Value::Null, Type::new(0)));
    *expr = f(inner)?;
    Ok(expr)
}

fn map_keys(keys: Vec<SortKey>, f: Rewrite<'_>) -> Result<Vec<SortKey>> {
    keys.into_iter().map(|key| Ok(SortKey { expr: f(key.expr)?, ..key })).collect()
}

fn map_aggregate(call: AggregateCall, f: Rewrite<'_>) -> Result<AggregateCall> {
    Ok(AggregateCall {
        function: call.function,
        args: map_list(call.args, f)?,
        distinct: call.distinct,
        filter: call.filter.map(&mut *f).transpose()?,
        order_by: map_keys(call.order_by, f)?,
    })
}

fn map_window(mut call: WindowCall, f: Rewrite<'_>) -> Result<WindowCall> {
    call.args = map_list(call.args, f)?;
    call.filter = call.filter.map(&mut *f).transpose()?;
    call.partition_by = map_list(call.partition_by, f)?;
    call.order_by = map_keys(call.order_by, f)?;
    call.frame.start = map_bound(call.frame.start, f)?;
    call.frame.end = map_bound(call.frame.end, f)?;
    Ok(call)
}

fn map_bound(bound: FrameBound, f: Rewrite<'_>) -> Result<FrameBound> {
    Ok(match bound {
        FrameBound::Preceding(expr) => FrameBound::Preceding(map_box(expr, f)?),
        FrameBound::Following(expr) => FrameBound::Following(map_box(expr, f)?),
        other => other,
    })
}

/// Visits the expression and everything inside it, subqueries' relations left out. `f` says whether to go deeper.
pub(crate) fn visit(expr: &Expr, f: &mut dyn FnMut(&Expr) -> bool) {
    use ExprKind as E;
    if !f(expr) {
        return;
    }
    let mut each = |list: &[Expr]| list.iter().for_each(|expr| visit(expr, f));
    match &expr.kind {
        E::Const(_) | E::Param(_) | E::Computed(_) | E::Column(_) | E::OuterColumn { .. } => {}
        E::Call { args, .. } | E::Extreme { args, .. } => each(args),
        E::And(args) | E::Or(args) | E::Coalesce(args) | E::Array(args) => each(args),
        E::Not(expr) | E::TextCast(expr) | E::IsNull { expr, .. } | E::BoolTest { expr, .. } => visit(expr, f),
        E::Distinct { left, right, .. } | E::NullIf { left, right, .. } => {
            visit(left, f);
            visit(right, f);
        }
        E::Case { whens, otherwise } => {
            for (when, then) in whens {
                visit(when, f);
                visit(then, f);
            }
            otherwise.iter().for_each(|expr| visit(expr, f));
        }
        E::ArrayCompare { left, array, .. } => {
            visit(left, f);
            visit(array, f);
        }
        E::Fold(fold) => visit(&fold.rows, f),
        E::Subscript { array, index } => {
            visit(array, f);
            visit(index, f);
        }
        E::Aggregate(call) => {
            each(&call.args);
            call.filter.iter().for_each(|expr| visit(expr, f));
            call.order_by.iter().for_each(|key| visit(&key.expr, f));
        }
        E::Window(call) => {
            each(&call.args);
            each(&call.partition_by);
            call.filter.iter().for_each(|expr| visit(expr, f));
            call.order_by.iter().for_each(|key| visit(&key.expr, f));
            for bound in [&call.frame.start, &call.frame.end] {
                if let FrameBound::Preceding(expr) | FrameBound::Following(expr) = bound {
                    visit(expr, f);
                }
            }
        }
        E::Subquery(subquery) => {
            if let SubqueryKind::Compare { left, .. } = &subquery.kind {
                visit(left, f);
            }
        }
        E::Shown(shown) => each(&shown.parts),
    }
}

/// Whether any part of the expression satisfies the test.
pub(crate) fn any(expr: &Expr, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
    let mut found = false;
    visit(expr, &mut |expr| {
        found = found || test(expr);
        !found
    });
    found
}

/// A reference out of a subquery or lateral relation, as a rewriting sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OuterReference {
    pub var: ColumnVar,
    pub depth: usize,
    /// How many borders lie between the reference and the place where the walk began.
    pub borders: usize,
}

/// What becomes of a reference: its new number and depth.
pub(crate) type Redirect<'f> = &'f mut dyn FnMut(OuterReference) -> Result<(ColumnVar, usize)>;

/// Rewrites the outer references in the subqueries of an expression and, where `borders` is not 0, in itself.
pub(crate) fn map_outer(expr: Expr, borders: usize, f: Redirect<'_>) -> Result<Expr> {
    let mut expr = map_children(expr, &mut |child| map_outer(child, borders, f))?;
    match &mut expr.kind {
        ExprKind::OuterColumn { var, depth } if borders > 0 => {
            (*var, *depth) = f(OuterReference { var: *var, depth: *depth, borders })?;
        }
        ExprKind::Subquery(subquery) if subquery.correlated => {
            map_outer_relation(Arc::make_mut(&mut subquery.relation), borders + 1, f)?;
        }
        _ => {}
    }
    Ok(expr)
}

/// The same in every expression of a relation, which lies `borders` borders inside.
pub(crate) fn map_outer_relation(relation: &mut Relation, borders: usize, f: Redirect<'_>) -> Result<()> {
    let mut each = |expr: &mut Expr| -> Result<()> {
        let inner = std::mem::replace(expr, Expr::constant(storage::Value::Null, Type::new(0)));
        *expr = map_outer(inner, borders, f)?;
        Ok(())
    };
    match relation {
        Relation::OneRow | Relation::Scan(_) | Relation::Written { .. } | Relation::WorkingTable { .. } => {}
        Relation::Values { rows, .. } => rows.iter_mut().flatten().try_for_each(each)?,
        Relation::Function { args, .. } => args.iter_mut().try_for_each(each)?,
        Relation::Filter { input, predicate } => {
            each(predicate)?;
            map_outer_relation(input, borders, f)?;
        }
        Relation::Project { input, columns } => {
            columns.iter_mut().try_for_each(|(_, expr)| each(expr))?;
            map_outer_relation(input, borders, f)?;
        }
        Relation::ProjectSet { input, functions, .. } => {
            functions.iter_mut().flat_map(|(_, _, args)| args).try_for_each(each)?;
            map_outer_relation(input, borders, f)?;
        }
        Relation::Join { left, right, condition, lateral, .. } => {
            condition.iter_mut().try_for_each(each)?;
            map_outer_relation(left, borders, f)?;
            map_outer_relation(right, borders + usize::from(*lateral), f)?;
        }
        Relation::Aggregate { input, groups, aggregates, .. } => {
            groups.iter_mut().try_for_each(|(_, expr)| each(expr))?;
            for (_, call) in aggregates {
                call.args.iter_mut().chain(&mut call.filter).try_for_each(&mut each)?;
                call.order_by.iter_mut().try_for_each(|key| each(&mut key.expr))?;
            }
            map_outer_relation(input, borders, f)?;
        }
        Relation::Window { input, calls } => {
            for (_, call) in calls {
                call.args.iter_mut().chain(&mut call.filter).chain(&mut call.partition_by).try_for_each(&mut each)?;
                call.order_by.iter_mut().try_for_each(|key| each(&mut key.expr))?;
                for bound in [&mut call.frame.start, &mut call.frame.end] {
                    if let FrameBound::Preceding(expr) | FrameBound::Following(expr) = bound {
                        each(expr)?;
                    }
                }
            }
            map_outer_relation(input, borders, f)?;
        }
        Relation::Sort { input, keys } => {
            keys.iter_mut().try_for_each(|key| each(&mut key.expr))?;
            map_outer_relation(input, borders, f)?;
        }
        Relation::Limit { input, limit, offset, .. } => {
            limit.iter_mut().chain(offset).try_for_each(each)?;
            map_outer_relation(input, borders, f)?;
        }
        Relation::Distinct { input, on } => {
            on.iter_mut().try_for_each(each)?;
            map_outer_relation(input, borders, f)?;
        }
        Relation::SetOperation { left, right, .. } => {
            map_outer_relation(left, borders, f)?;
            map_outer_relation(right, borders, f)?;
        }
        // Each use of a WITH query shares one plan; a correlated one is a copy of its own after this.
        Relation::Shared { plan, .. } => map_outer_relation(Arc::make_mut(plan), borders, f)?,
        Relation::Recursive { base, step, .. } => {
            map_outer_relation(base, borders, f)?;
            map_outer_relation(step, borders, f)?;
        }
    }
    Ok(())
}

/// Makes an expression over an enclosing query's columns into one seen from `depth` borders inside.
pub(crate) fn outward(expr: Expr, depth: usize) -> Result<Expr> {
    let mut expr = map_children(expr, &mut |child| outward(child, depth))?;
    if let ExprKind::Column(var) = expr.kind {
        expr.kind = ExprKind::OuterColumn { var, depth };
    }
    Ok(expr)
}

/// Whether a subquery is correlated is known only when its binding ends; the binder says so here.
pub(crate) fn subquery(
    kind: SubqueryKind,
    relation: Relation,
    output: Option<ColumnVar>,
    correlated: bool,
) -> ExprKind {
    ExprKind::Subquery(Box::new(Subquery { kind, relation: Arc::new(relation), output, correlated }))
}
