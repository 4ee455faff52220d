//! GROUP BY: what is grouped by, and the grouping sets.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};

use super::equal::same;
use super::names::fold;
use super::position::Start;
use super::select::Item;
use super::walk::any;
use super::{Binder, Clause, Place, Scope};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::resolve;
use crate::plan::shown::ShownGroup;
use crate::statement::dialect::DISTINCT;

/// Most grouping sets of one query (PostgreSQL's limit).
const SETS_MAX: usize = 4096;
/// Most elements of one CUBE (PostgreSQL's limit).
const CUBE_MAX: usize = 12;

/// What a query groups by.
pub(super) struct Grouping {
    /// Whether there is a GROUP BY at all.
    pub present: bool,
    pub exprs: Vec<Expr>,
    /// Positions in `exprs`; None is one set of all of them.
    pub sets: Option<Vec<Vec<usize>>>,
    /// Items of the SELECT list that it names by position or alias, each with its position in `exprs`.
    pub listed: Vec<(usize, usize)>,
    /// As it was written, if it is to be shown.
    pub shown: Vec<ShownGroup>,
}

impl Binder<'_> {
    pub(super) fn group_by(
        &mut self,
        clause: &ast::GroupByExpr,
        items: &mut [Item],
        scope: &Scope,
    ) -> Result<Grouping> {
        let list = match clause {
            ast::GroupByExpr::All(_) => return Err(Error::unsupported("GROUP BY ALL")),
            ast::GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => list,
            ast::GroupByExpr::Expressions(..) => return Err(Error::unsupported("a modifier of GROUP BY")),
        };
        let mut grouping = Grouping {
            present: !list.is_empty(),
            exprs: Vec::new(),
            sets: None,
            listed: Vec::new(),
            shown: Vec::new(),
        };
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        let mut simple = true;
        let mut distinct = false;
        for (at, element) in list.iter().enumerate() {
            let element = match element {
                Ast::Prefixed { prefix, value } if prefix.value == DISTINCT && at == 0 => {
                    distinct = true;
                    value
                }
                other => other,
            };
            simple &= !matches!(element, Ast::GroupingSets(_) | Ast::Rollup(_) | Ast::Cube(_))
                && !matches!(element, Ast::Tuple(parts) if parts.is_empty());
            let alternatives = self.group_element(element, &mut grouping, items, scope)?;
            if self.is_showing() {
                let shown = self.shown_group(element, &mut grouping, items, scope)?;
                grouping.shown.push(shown);
            }
            if sets.len().saturating_mul(alternatives.len()) > SETS_MAX {
                return Err(Error::new(
                    SqlState::STATEMENT_TOO_COMPLEX,
                    format!("too many grouping sets present (maximum {SETS_MAX})"),
                ));
            }
            sets = sets.iter().flat_map(|set| alternatives.iter().map(|other| union(set, other))).collect();
        }
        if distinct {
            let mut seen = HashSet::new();
            sets.retain(|set| {
                let mut set = set.clone();
                set.sort_unstable();
                seen.insert(set)
            });
        }
        if distinct {
            self.refuse_to_show("GROUP BY DISTINCT")?;
        }
        if grouping.present && !simple {
            grouping.sets = Some(sets);
        }
        Ok(grouping)
    }

    /// An element of GROUP BY as it was written.
    fn shown_group(
        &mut self,
        element: &Ast,
        grouping: &mut Grouping,
        items: &mut [Item],
        scope: &Scope,
    ) -> Result<ShownGroup> {
        let mut lists = |binder: &mut Self, lists: &[Vec<Ast>]| -> Result<Vec<ShownGroup>> {
            let list = |list: &Vec<Ast>| match list.as_slice() {
                [nested @ (Ast::GroupingSets(_) | Ast::Rollup(_) | Ast::Cube(_))] => {
                    binder.nested(|binder| binder.shown_group(nested, grouping, items, scope))
                }
                list => {
                    let set = binder.group_set(list.iter(), grouping, items, scope)?;
                    Ok(ShownGroup::Set(set.iter().map(|at| grouping.exprs[*at].clone()).collect()))
                }
            };
            lists.iter().map(list).collect()
        };
        Ok(match element {
            Ast::GroupingSets(sets) => ShownGroup::Sets(lists(self, sets)?),
            Ast::Rollup(sets) => ShownGroup::Rollup(lists(self, sets)?),
            Ast::Cube(sets) => ShownGroup::Cube(lists(self, sets)?),
            Ast::Tuple(parts) => {
                let set = self.group_set(parts.iter(), grouping, items, scope)?;
                ShownGroup::Set(set.iter().map(|at| grouping.exprs[*at].clone()).collect())
            }
            other => ShownGroup::Set(vec![{
                let at = self.group_expr(other, grouping, items, scope)?;
                grouping.exprs[at].clone()
            }]),
        })
    }

    /// The sets that one element of GROUP BY stands for.
    fn group_element(
        &mut self,
        element: &Ast,
        grouping: &mut Grouping,
        items: &mut [Item],
        scope: &Scope,
    ) -> Result<Vec<Vec<usize>>> {
        match element {
            Ast::GroupingSets(lists) => {
                let mut sets = Vec::new();
                for list in lists {
                    match list.as_slice() {
                        [nested @ (Ast::GroupingSets(_) | Ast::Rollup(_) | Ast::Cube(_))] => {
                            sets.extend(self.nested(|binder| binder.group_element(nested, grouping, items, scope))?);
                        }
                        list => sets.push(self.group_set(list.iter(), grouping, items, scope)?),
                    }
                }
                Ok(sets)
            }
            Ast::Rollup(lists) => {
                let parts = self.group_sets(lists, grouping, items, scope)?;
                Ok((0..=parts.len()).rev().map(|count| concat(&parts[..count])).collect())
            }
            Ast::Cube(lists) => {
                if lists.len() > CUBE_MAX {
                    return Err(Error::new(
                        SqlState::TOO_MANY_COLUMNS,
                        format!("CUBE is limited to {CUBE_MAX} elements"),
                    )
                    .at(self.position(element.start())));
                }
                let parts = self.group_sets(lists, grouping, items, scope)?;
                let chosen = |mask: usize| -> Vec<Vec<usize>> {
                    (0..parts.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| parts[bit].clone()).collect()
                };
                Ok((0..1usize << parts.len()).rev().map(|mask| concat(&chosen(mask))).collect())
            }
            Ast::Tuple(parts) => Ok(vec![self.group_set(parts.iter(), grouping, items, scope)?]),
            other => Ok(vec![self.group_set(std::iter::once(other), grouping, items, scope)?]),
        }
    }

    fn group_sets(
        &mut self,
        lists: &[Vec<Ast>],
        grouping: &mut Grouping,
        items: &mut [Item],
        scope: &Scope,
    ) -> Result<Vec<Vec<usize>>> {
        lists.iter().map(|list| self.group_set(list.iter(), grouping, items, scope)).collect()
    }

    fn group_set<'e>(
        &mut self,
        list: impl Iterator<Item = &'e Ast>,
        grouping: &mut Grouping,
        items: &mut [Item],
        scope: &Scope,
    ) -> Result<Vec<usize>> {
        let mut set = Vec::new();
        for expr in list {
            let index = self.group_expr(expr, grouping, items, scope)?;
            if !set.contains(&index) {
                set.push(index);
            }
        }
        Ok(set)
    }

    /// A column of the input comes before a name of the output here, unlike in ORDER BY.
    fn group_expr(&mut self, expr: &Ast, grouping: &mut Grouping, items: &mut [Item], scope: &Scope) -> Result<usize> {
        let input = match expr {
            Ast::Identifier(ident) => {
                let name = fold(ident);
                scope.columns.iter().any(|column| column.name == name)
            }
            _ => false,
        };
        let listed = if input { None } else { self.listed(expr, items, Clause::GroupBy)? };
        let bound = match listed {
            Some(index) => {
                let taken = std::mem::replace(&mut items[index].expr, super::nothing());
                items[index].expr = self.known(taken)?;
                let item = items[index].expr.clone();
                self.refuse_grouped_calls(&item, items[index].span)?;
                item
            }
            None => {
                let bound = self.bind(expr, Place { scope, clause: Clause::GroupBy })?;
                self.known(bound)?
            }
        };
        resolve::equality(bound.ty).map_err(|error| error.at(self.position(expr.start())))?;
        // An item that is grouped by already may hold a subquery, which is never the same as another.
        let known = grouping.listed.iter().find(|(item, _)| Some(*item) == listed).map(|(_, group)| *group);
        let index = known.or_else(|| grouping.exprs.iter().position(|group| same(group, &bound)));
        let index = index.unwrap_or_else(|| {
            grouping.exprs.push(bound);
            grouping.exprs.len() - 1
        });
        if let (Some(item), None) = (listed, known) {
            grouping.listed.push((item, index));
        }
        Ok(index)
    }

    /// An item that GROUP BY names by position or alias may not hold what GROUP BY may not.
    fn refuse_grouped_calls(&self, expr: &Expr, span: datafusion::sql::sqlparser::tokenizer::Span) -> Result<()> {
        let mut refusal = None;
        any(expr, &mut |expr| {
            refusal = refusal.take().or(match expr.kind {
                ExprKind::Aggregate(_) => Clause::GroupBy.aggregate_refusal(),
                ExprKind::Window(_) => Clause::GroupBy.window_refusal(),
                _ => None,
            });
            refusal.is_some()
        });
        refusal.map_or(Ok(()), |error| Err(error.at(self.position(span))))
    }
}

fn union(left: &[usize], right: &[usize]) -> Vec<usize> {
    let mut set = left.to_vec();
    set.extend(right.iter().filter(|index| !left.contains(index)));
    set
}

fn concat(sets: &[Vec<usize>]) -> Vec<usize> {
    sets.iter().fold(Vec::new(), |set, other| union(&set, other))
}
