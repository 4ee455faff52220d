//! ORDER BY: output names first, then positions, else expressions over the input.

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::equal::same;
use super::literal::constant;
use super::names::fold;
use super::position::Start;
use super::select::Item;
use super::{Binder, Clause, Place, Scope};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, SortKey};
use crate::function::resolve;
use crate::plan::relation::{Column, Output, Relation};

/// A sort key: the SELECT list's item that it sorts by.
#[derive(Clone, Copy)]
pub(super) struct OrderKey {
    pub item: usize,
    pub descending: bool,
    pub nulls_first: bool,
    pub span: Span,
}

impl Binder<'_> {
    /// The keys of a SELECT's ORDER BY. Expressions that are not in the list join it as hidden items.
    pub(super) fn order_keys(
        &mut self,
        keys: &[ast::OrderByExpr],
        items: &mut Vec<Item>,
        scope: &Scope,
    ) -> Result<Vec<OrderKey>> {
        let mut bound: Vec<OrderKey> = Vec::with_capacity(keys.len());
        for key in keys {
            let (descending, nulls_first) = direction(key)?;
            let span = key.expr.start();
            let item = match self.listed(&key.expr, items, Clause::OrderBy)? {
                Some(item) => item,
                None => self.listed_expr(&key.expr, items, scope, Clause::OrderBy)?,
            };
            let expr = std::mem::replace(&mut items[item].expr, super::nothing());
            items[item].expr = self.known(expr)?;
            resolve::less_than(items[item].expr.ty).map_err(|error| error.at(self.position(span)))?;
            // A second key on the same item changes nothing.
            if !bound.iter().any(|earlier| earlier.item == item) {
                bound.push(OrderKey { item, descending, nulls_first, span });
            }
        }
        Ok(bound)
    }

    /// The item that an output name or a position means; None for any other expression.
    pub(super) fn listed(&self, expr: &Ast, items: &[Item], clause: Clause) -> Result<Option<usize>> {
        let visible = || items.iter().enumerate().filter(|(_, item)| !item.hidden);
        if let Ast::Identifier(ident) = expr {
            let name = fold(ident);
            let mut found: Option<usize> = None;
            for (index, item) in visible().filter(|(_, item)| item.name == name) {
                match found {
                    Some(first) if !same(&items[first].expr, &item.expr) => {
                        return Err(Error::new(
                            SqlState::AMBIGUOUS_COLUMN,
                            format!("{} \"{name}\" is ambiguous", clause.name()),
                        )
                        .at(self.position(ident.span)));
                    }
                    Some(_) => {}
                    None => found = Some(index),
                }
            }
            return Ok(found);
        }
        let Some((value, span)) = constant(expr) else { return Ok(None) };
        let digits = match value {
            ast::Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits,
            _ => {
                return Err(Error::new(SqlState::SYNTAX_ERROR, format!("non-integer constant in {}", clause.name()))
                    .at(self.position(span)));
            }
        };
        let position = digits.parse::<usize>().unwrap_or(usize::MAX);
        match visible().nth(position.wrapping_sub(1)) {
            Some((index, _)) => Ok(Some(index)),
            None => Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("{} position {digits} is not in select list", clause.name()),
            )
            .at(self.position(span))),
        }
    }

    /// The item that is this expression, which becomes a hidden one if there is none.
    pub(super) fn listed_expr(
        &mut self,
        expr: &Ast,
        items: &mut Vec<Item>,
        scope: &Scope,
        clause: Clause,
    ) -> Result<usize> {
        let bound = self.bind(expr, Place { scope, clause })?;
        if let Some(index) = items.iter().position(|item| same(&item.expr, &bound)) {
            return Ok(index);
        }
        items.push(Item { name: "?column?".to_owned(), expr: bound, origin: None, span: expr.start(), hidden: true });
        Ok(items.len() - 1)
    }

    /// ORDER BY of a set operation: only its columns, by name or position.
    pub(super) fn order_outputs(&mut self, keys: &[ast::OrderByExpr], outputs: &[Output]) -> Result<Vec<SortKey>> {
        let items: Vec<Item> = outputs
            .iter()
            .map(|output| Item {
                name: output.name.clone(),
                expr: Expr::column(output.column.var, output.column.ty),
                origin: None,
                span: Span::empty(),
                hidden: false,
            })
            .collect();
        let mut bound = Vec::with_capacity(keys.len());
        for key in keys {
            let (descending, nulls_first) = direction(key)?;
            let span = key.expr.start();
            let Some(index) = self.listed(&key.expr, &items, Clause::OrderBy)? else {
                let error = match &key.expr {
                    Ast::Identifier(ident) => {
                        Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" does not exist", fold(ident)))
                    }
                    _ => Error::new(SqlState::FEATURE_NOT_SUPPORTED, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                        .with_detail("Only result column names can be used, not expressions or functions.")
                        .with_hint(
                            "Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
                        ),
                };
                return Err(error.at(self.position(span)));
            };
            let expr = items[index].expr.clone();
            resolve::less_than(expr.ty).map_err(|error| error.at(self.position(span)))?;
            bound.push(SortKey { expr, descending, nulls_first });
        }
        Ok(bound)
    }
}

/// Sorts by items, which are columns by now.
pub(super) fn sort(relation: Relation, keys: &[OrderKey], columns: &[Column]) -> Relation {
    sort_lined_up(relation, keys, columns, None)
}

/// The same, with what has no order by its keys in the order of `tie`.
pub(super) fn sort_lined_up(
    relation: Relation,
    keys: &[OrderKey],
    columns: &[Column],
    tie: Option<Column>,
) -> Relation {
    let tie = tie.map(|tie| SortKey { expr: Expr::column(tie.var, tie.ty), descending: false, nulls_first: false });
    let keys = keys
        .iter()
        .map(|key| SortKey {
            expr: Expr::column(columns[key.item].var, columns[key.item].ty),
            descending: key.descending,
            nulls_first: key.nulls_first,
        })
        .chain(tie)
        .collect();
    Relation::Sort { input: Box::new(relation), keys }
}

/// Whether a key is descending, and whether its NULLs come first: they count as greater than anything else.
pub(super) fn direction(key: &ast::OrderByExpr) -> Result<(bool, bool)> {
    let ast::OrderByExpr { expr: _, options: ast::OrderByOptions { asc, nulls_first }, with_fill } = key;
    if with_fill.is_some() {
        return Err(Error::unsupported("WITH FILL"));
    }
    let descending = *asc == Some(false);
    Ok((descending, nulls_first.unwrap_or(descending)))
}
