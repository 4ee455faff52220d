//! What a SELECT with ORDER BY does only when its rows are sorted and counted.
//!
//! PostgreSQL evaluates the items of the list that are volatile or expensive after ORDER BY, and so for no row that LIMIT
//! drops: a sequence counts the rows that are answered, in their order, and a subquery fails only for those. Items
//! that something sorts, groups or is distinct by come before. The rows of a set-returning function stay together,
//! in its order, where ORDER BY does not tell them apart.

use super::order::OrderKey;
use super::query::Tail;
use super::range_function::row_number;
use super::select::{Distinct, Item};
use super::walk::{any, visit};
use super::{Binder, SetCall};
use crate::expr::{Expr, ExprKind};
use crate::function::Volatility;
use crate::plan::relation::{Column, Relation};
use crate::types::{Type, oid};

/// How many calls PostgreSQL thinks cheap enough to be made for rows that LIMIT drops.
const CHEAP_CALLS: usize = 10;

impl Binder<'_> {
    /// Numbers the rows of a relation.
    pub(super) fn numbered(&mut self, relation: &mut Relation) -> Column {
        let number = self.fresh(Type::new(oid::INT8));
        let input = Box::new(std::mem::replace(relation, Relation::OneRow));
        *relation = Relation::Window { input, calls: vec![(number, row_number())] };
        number
    }
}

/// Whether rows of set-returning functions have to keep their order where ORDER BY leaves it open.
pub(super) fn lines_up(order: &[OrderKey], distinct: &Distinct, items: &[Item], sets: &[SetCall]) -> bool {
    !sets.is_empty()
        && !order.is_empty()
        && matches!(distinct, Distinct::No)
        && !order.iter().any(|key| names_any(&items[key.item].expr, sets))
}

/// Whether set-returning functions answer only for the rows that DISTINCT ON keeps.
pub(super) fn sets_wait(order: &[OrderKey], distinct: &Distinct, items: &[Item], sets: &[SetCall]) -> bool {
    let Distinct::On(keys) = distinct else { return false };
    let mut by = order.iter().map(|key| key.item).chain(keys.iter().copied());
    !sets.is_empty() && !order.is_empty() && !by.any(|item| names_any(&items[item].expr, sets))
}

fn names_any(expr: &Expr, sets: &[SetCall]) -> bool {
    any(expr, &mut |part| match part.kind {
        ExprKind::Column(var) => sets.iter().any(|set| set.fills(var)),
        _ => false,
    })
}

/// The items that wait for ORDER BY and LIMIT, or for set-returning functions that do.
pub(super) fn postponed(
    items: &[Item],
    order: &[OrderKey],
    distinct: &[usize],
    waiting: &[SetCall],
    tail: &Tail<'_>,
) -> Vec<usize> {
    let is_limited = tail.limit.is_some() || tail.one;
    let waits = |expr: &Expr| is_volatile(expr) || (is_limited && is_expensive(expr)) || names_any(expr, waiting);
    let is_key = |index: usize| order.iter().any(|key| key.item == index) || distinct.contains(&index);
    (0..items.len()).filter(|&index| waits(&items[index].expr) && !is_key(index)).collect()
}

fn is_volatile(expr: &Expr) -> bool {
    any(
        expr,
        &mut |part| matches!(&part.kind, ExprKind::Call { function, .. } if function.volatility == Volatility::Volatile),
    )
}

fn is_expensive(expr: &Expr) -> bool {
    let (mut calls, mut asks) = (0, false);
    visit(expr, &mut |part| {
        calls += usize::from(matches!(part.kind, ExprKind::Call { .. }));
        asks |= matches!(part.kind, ExprKind::Subquery(_));
        true
    });
    asks || calls > CHEAP_CALLS
}

/// The column as it is.
pub(super) fn passed(column: Column) -> (Column, Expr) {
    (column, Expr::column(column.var, column.ty))
}

/// Adds the items that waited to what ORDER BY and LIMIT have left. What subqueries become has no order, so the few rows
/// are sorted once more.
pub(super) fn finish_postponed(
    relation: Relation,
    later: Vec<(Column, Expr)>,
    sorted: &dyn Fn(Relation) -> Relation,
) -> Relation {
    let asks = later.iter().any(|(_, expr)| any(expr, &mut |part| matches!(part.kind, ExprKind::Subquery(_))));
    let kept = relation.outputs().into_iter().map(passed);
    let columns = kept.chain(later).collect();
    let relation = Relation::Project { input: Box::new(relation), columns };
    if asks { sorted(relation) } else { relation }
}
