//! One SELECT: its clauses are bound in PostgreSQL's order, then stacked into a relation.
//!
//! FROM, WHERE, set-returning functions that are grouped by, aggregation, HAVING, windows, the other set-returning
//! functions, the list itself, DISTINCT, ORDER BY, LIMIT: from the bottom to the top.

use datafusion::sql::sqlparser::ast::{self, Spanned};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::group::Grouping;
use super::names::{column_name, fold};
use super::order::{OrderKey, sort, sort_lined_up};
use super::policy::filtered;
use super::position::Start;
use super::postponed::{finish_postponed, lines_up, passed, postponed, sets_wait};
use super::query::{Bound, Tail, Unknowns};
use super::regroup::Aggregation;
use super::walk::{any, outward};
use super::window::named_windows;
use super::with::{invalid_recursion, working_table};
use super::{Binder, Clause, Place, Scope, ScopeColumn, SelectState, SetCall};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind, SortKey};
use crate::function::{CastContext, resolve};
use crate::plan::relation::{Column, Locking, Output, Relation, RowIdentity};
use crate::plan::shown::{ShownBody, ShownDistinct, ShownGroup, ShownQuery, ShownSelect};
use crate::statement::mend::stands_for_nothing;
use crate::types::oid;

/// An item of a SELECT list, or an expression that only ORDER BY or DISTINCT ON needs.
pub(super) struct Item {
    pub name: String,
    pub expr: Expr,
    pub origin: Option<(u32, u16)>,
    pub span: Span,
    pub hidden: bool,
}

/// A SELECT's clauses, bound over the columns of FROM.
struct Clauses {
    scope: Scope,
    relation: Relation,
    items: Vec<Item>,
    filter: Option<Expr>,
    grouping: Grouping,
    having: Option<(Expr, Span)>,
    order: Vec<OrderKey>,
    distinct: Distinct,
    sets: Vec<SetCall>,
    locking: Vec<Locking>,
}

pub(super) enum Distinct {
    No,
    All,
    /// By these items.
    On(Vec<usize>),
}

/// A SELECT list as a projection.
struct Projected {
    relation: Relation,
    outputs: Vec<Output>,
    /// One for each item.
    columns: Vec<Column>,
    /// What is left for after ORDER BY and LIMIT.
    later: Vec<(Column, Expr)>,
}

impl Binder<'_> {
    pub(super) fn select(&mut self, select: &ast::Select, tail: Tail<'_>, unknowns: Unknowns<'_>) -> Result<Bound> {
        let state = std::mem::take(&mut self.select);
        let sets = std::mem::take(&mut self.sets);
        let sets_refused = self.sets_refused.take();
        let ranges = self.ranges.len();
        let result = self.clauses(select, &tail, unknowns).and_then(|clauses| match self.is_showing() {
            true => self.show(clauses, &tail),
            false => self.stack(clauses, &tail),
        });
        self.ranges.truncate(ranges);
        self.sets_refused = sets_refused;
        self.sets = sets;
        self.select = state;
        result
    }

    /// Binds every clause.
    fn clauses(&mut self, select: &ast::Select, tail: &Tail<'_>, unknowns: Unknowns<'_>) -> Result<Clauses> {
        refuse_foreign(select)?;
        self.select = SelectState { named_windows: named_windows(&select.named_window)?, ..SelectState::default() };
        let enclosing = std::mem::replace(&mut self.lockable, (!tail.locks.is_empty()).then(Vec::new));
        let locked_names = Self::locked_names_of(tail.locks)?;
        let enclosing_names = std::mem::replace(&mut self.locked_names, locked_names);
        let from = self.from(&select.from);
        self.locked_names = enclosing_names;
        let lockable = std::mem::replace(&mut self.lockable, enclosing).unwrap_or_default();
        let (relation, mut scope) = from?;
        self.offer_marks(&mut scope);
        let mut items = self.select_list(&select.projection, &scope, !select.from.is_empty(), Clause::Select)?;
        let filter = match &select.selection {
            Some(filter) => Some(self.condition_at(filter, Place { scope: &scope, clause: Clause::Where })?),
            None => None,
        };
        let having = match &select.having {
            Some(having) => {
                let place = Place { scope: &scope, clause: Clause::Having };
                Some((self.condition_at(having, place)?, having.start()))
            }
            None => None,
        };
        let order = self.order_keys(tail.order_by, &mut items, &scope)?;
        let grouping = self.group_by(&select.group_by, &mut items, &scope)?;
        let distinct = self.distinct(select.distinct.as_ref(), &mut items, &order, &scope)?;
        self.settle_unknowns(&mut items, unknowns, !matches!(distinct, Distinct::No))?;
        if matches!(distinct, Distinct::All) {
            for item in &items {
                resolve::equality(item.expr.ty).map_err(|error| error.at(self.position(item.span)))?;
            }
        }
        let sets = std::mem::take(&mut self.sets);
        let locking = match tail.locks {
            [] => Vec::new(),
            locks => {
                let refusal = if !matches!(distinct, Distinct::No) {
                    Some("with DISTINCT clause")
                } else if grouping.present {
                    Some("with GROUP BY clause")
                } else if having.is_some() {
                    Some("with HAVING clause")
                } else if self.select.aggregates {
                    Some("with aggregate functions")
                } else if self.select.windows {
                    Some("with window functions")
                } else if !sets.is_empty() || self.select.sql_set.is_some() {
                    Some("with set-returning functions in the target list")
                } else {
                    None
                };
                self.locking(locks, lockable, refusal)?
            }
        };
        Ok(Clauses { scope, relation, items, filter, grouping, having, order, distinct, sets, locking })
    }

    /// Records the clauses as they were written; nothing will run them.
    fn show(&mut self, clauses: Clauses, tail: &Tail<'_>) -> Result<Bound> {
        let Clauses { scope, relation, items, filter, grouping, having, order, distinct, sets, locking } = clauses;
        let mut groups = grouping.shown;
        if grouping.sets.is_none() {
            // Each is grouped by once.
            groups = grouping.exprs.into_iter().map(|group| ShownGroup::Set(vec![group])).collect();
        }
        let keys = order
            .iter()
            .map(|key| {
                let (descending, nulls_first) = (key.descending, key.nulls_first);
                SortKey { expr: items[key.item].expr.clone(), descending, nulls_first }
            })
            .collect();
        let distinct = match distinct {
            Distinct::No => ShownDistinct::No,
            Distinct::All => ShownDistinct::All,
            Distinct::On(keys) => ShownDistinct::On(keys.iter().map(|key| items[*key].expr.clone()).collect()),
        };
        let mut outputs = Vec::with_capacity(items.len());
        let mut listed = Vec::with_capacity(items.len());
        for item in items.into_iter().filter(|item| !item.hidden) {
            outputs.push(Output { name: item.name.clone(), column: self.fresh(item.expr.ty), origin: item.origin });
            listed.push((item.name, item.expr));
        }
        let windows = self.shown_windows(Place { scope: &scope, clause: Clause::WindowDefinition })?;
        let from = self.recorder()?.clauses.pop().unwrap_or_default();
        let select = ShownSelect {
            distinct,
            items: listed,
            from,
            filter,
            groups: grouping.present.then_some(groups),
            having: having.map(|(having, _)| having),
            windows,
            sets: sets.into_iter().map(|set| (set.columns[0].var, set.function, set.args)).collect(),
        };
        self.recorder()?.queries.push(ShownQuery::of(ShownBody::Select(Box::new(select))));
        self.shown_tail(tail, keys)?;
        Ok(Bound { relation, outputs, hidden: false, locking })
    }

    /// Builds the relation.
    fn stack(&mut self, clauses: Clauses, tail: &Tail<'_>) -> Result<Bound> {
        let Clauses { scope, mut relation, mut items, filter, grouping, having, order, distinct, sets, mut locking } =
            clauses;
        relation = self.with_marks(relation, &scope);
        if let Some(predicate) = filter {
            relation = filtered(relation, predicate);
        }
        let (early, mut late): (Vec<SetCall>, Vec<SetCall>) =
            sets.into_iter().partition(|set| grouping.exprs.iter().any(|group| names(group, set)));
        if early.iter().any(|set| late.iter().chain(&early).any(|other| set.is_inside(other) || other.is_inside(set))) {
            return Err(Error::unsupported("GROUP BY of a set-returning function inside another"));
        }
        relation = project_set(relation, early);
        let is_grouped = grouping.present || having.is_some();
        if is_grouped || self.select.aggregates {
            relation = self.aggregate_select(relation, &scope, grouping, having, &mut items, &mut late)?;
        }
        if self.select.windows {
            let mut calls = Vec::new();
            for expr in items.iter_mut().map(|item| &mut item.expr).chain(late.iter_mut().flat_map(|set| &mut set.args))
            {
                let taken = std::mem::replace(expr, super::nothing());
                *expr = self.take_windows(taken, &mut calls)?;
            }
            relation = Relation::Window { input: Box::new(relation), calls };
        }
        let grouped = self.select.windows || self.select.aggregates || is_grouped;
        relation = self.joined_with_set(relation, grouped || !late.is_empty())?;
        let waiting = if sets_wait(&order, &distinct, &items, &late) { std::mem::take(&mut late) } else { Vec::new() };
        let lines_up = lines_up(&order, &distinct, &items, &late);
        relation = project_set(relation, late);
        let mut tie = lines_up.then(|| self.numbered(&mut relation));
        let postponed = match &distinct {
            _ if order.is_empty() => Vec::new(),
            Distinct::All => Vec::new(),
            Distinct::No => postponed(&items, &order, &[], &waiting, tail),
            Distinct::On(keys) => postponed(&items, &order, keys, &waiting, tail),
        };
        let Projected { mut relation, outputs, columns, later } =
            self.project(relation, items, &postponed, tie, &mut locking);
        match distinct {
            Distinct::No => {}
            Distinct::All => relation = Relation::Distinct { input: Box::new(relation), on: Vec::new() },
            Distinct::On(positions) => {
                if !order.is_empty() {
                    relation = sort(relation, &order, &columns);
                }
                let on = positions.iter().map(|index| Expr::column(columns[*index].var, columns[*index].ty)).collect();
                relation = Relation::Distinct { input: Box::new(relation), on };
            }
        }
        if !order.is_empty() {
            relation = sort_lined_up(relation, &order, &columns, tie);
        }
        if !waiting.is_empty() {
            relation = project_set(relation, waiting);
            tie = Some(self.numbered(&mut relation));
            relation = sort_lined_up(relation, &order, &columns, tie);
        }
        relation = self.limit(relation, tail, &scope)?;
        if !later.is_empty() {
            relation = finish_postponed(relation, later, &|relation| sort_lined_up(relation, &order, &columns, tie));
        }
        let hidden = columns.len() > outputs.len() || tie.is_some() || !locking.is_empty();
        Ok(Bound { relation, outputs, hidden, locking })
    }

    /// The SELECT list as a projection, with the identities of locked rows behind it.
    fn project(
        &mut self,
        relation: Relation,
        items: Vec<Item>,
        postponed: &[usize],
        tie: Option<Column>,
        locking: &mut [Locking],
    ) -> Projected {
        let mut outputs = Vec::with_capacity(items.len());
        let mut columns = Vec::with_capacity(items.len());
        let mut projected = Vec::with_capacity(items.len() + 2 * locking.len());
        let mut later = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let column = self.fresh(item.expr.ty);
            self.note_row_shape(column.var, &item.expr);
            columns.push(column);
            if postponed.contains(&index) {
                later.push((column, item.expr));
            } else {
                projected.push((column, item.expr));
            }
            if !item.hidden {
                outputs.push(Output { name: item.name, column, origin: item.origin });
            }
        }
        if !later.is_empty() {
            projected.extend(relation.outputs().into_iter().map(passed));
        } else {
            projected.extend(tie.map(passed));
        }
        for lock in locking {
            let RowIdentity { key, version } = lock.identity;
            lock.identity = RowIdentity { key: self.fresh(key.ty), version: self.fresh(version.ty) };
            projected.push((lock.identity.key, Expr::column(key.var, key.ty)));
            projected.push((lock.identity.version, Expr::column(version.var, version.ty)));
        }
        let relation = Relation::Project { input: Box::new(relation), columns: projected };
        Projected { relation, outputs, columns, later }
    }

    /// Puts the aggregation and HAVING on a relation and rewrites what stands above to the columns it leaves.
    fn aggregate_select(
        &mut self,
        relation: Relation,
        scope: &Scope,
        grouping: Grouping,
        having: Option<(Expr, Span)>,
        items: &mut [Item],
        late: &mut [SetCall],
    ) -> Result<Relation> {
        if self.select.aggregates && working_table(&relation).is_some() {
            let words = "aggregate functions are not allowed in a recursive query's recursive term";
            return Err(invalid_recursion(words.to_owned()));
        }
        let late_columns = late.iter().flat_map(|set| &set.columns).map(|column| column.var).collect();
        let mut aggregation = Aggregation::new(self, grouping, scope, late_columns);
        for (at, item) in items.iter_mut().enumerate() {
            let taken = std::mem::replace(&mut item.expr, super::nothing());
            item.expr = match aggregation.listed(at) {
                Some(group) => group,
                None => self.regroup(taken, &mut aggregation, item.span)?,
            };
        }
        for arg in late.iter_mut().flat_map(|set| &mut set.args) {
            let taken = std::mem::replace(arg, super::nothing());
            *arg = self.regroup(taken, &mut aggregation, Span::empty())?;
        }
        let having = match having {
            Some((having, span)) => Some(self.regroup(having, &mut aggregation, span)?),
            None => None,
        };
        let relation = aggregation.relation(relation);
        Ok(match having {
            Some(predicate) => Relation::Filter { input: Box::new(relation), predicate },
            None => relation,
        })
    }

    /// The items of a SELECT or RETURNING list.
    pub(super) fn select_list(
        &mut self,
        list: &[ast::SelectItem],
        scope: &Scope,
        has_from: bool,
        clause: Clause,
    ) -> Result<Vec<Item>> {
        let at = Place { scope, clause };
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let (expr, alias) = match item {
                nothing if stands_for_nothing(nothing) => continue,
                ast::SelectItem::UnnamedExpr(expr) => (expr, None),
                ast::SelectItem::ExprWithAlias { alias, .. } if alias.quote_style == Some('\'') => {
                    // Only other databases name columns with strings.
                    return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{alias}\""))
                        .at(self.position(alias.span)));
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => (expr, Some(fold(alias))),
                ast::SelectItem::ExprWithAliases { .. } => {
                    return Err(Error::unsupported("several names for one column"));
                }
                ast::SelectItem::Wildcard(options) => {
                    let span = plain_wildcard(options)?;
                    if !has_from {
                        return Err(Error::new(
                            SqlState::SYNTAX_ERROR,
                            "SELECT * with no tables specified is not valid",
                        )
                        .at(self.position(span)));
                    }
                    self.record_star(span, &scope.columns, scope)?;
                    for column in &scope.columns {
                        self.note_column(column);
                        items.push(starred(column, column.expr.clone(), span));
                    }
                    continue;
                }
                ast::SelectItem::QualifiedWildcard(kind, options) => {
                    let star = plain_wildcard(options)?;
                    self.qualified_wildcard(kind, star, at, &mut items)?;
                    continue;
                }
            };
            if let Some((value, span)) = self.all_fields(expr, at)? {
                for (name, expr) in self.fields(&value, span)? {
                    items.push(Item { name, expr, origin: None, span, hidden: false });
                }
                continue;
            }
            let bound = self.bind(expr, at)?;
            // What could be bound does not nest too deep to be named.
            let name = alias.unwrap_or_else(|| column_name(expr, self.types()));
            let origin = origin_of(&bound, scope);
            items.push(Item { name, expr: bound, origin, span: expr.start(), hidden: false });
        }
        Ok(items)
    }

    /// `t.*`
    fn qualified_wildcard(
        &mut self,
        kind: &ast::SelectItemQualifiedWildcardKind,
        star: Span,
        at: Place<'_>,
        items: &mut Vec<Item>,
    ) -> Result<()> {
        let ast::SelectItemQualifiedWildcardKind::ObjectName(name) = kind else {
            return Err(Error::unsupported("this form of *"));
        };
        let scope = at.scope;
        let span = Span { start: name.span().start, end: star.end };
        let dotted: Vec<String> = match self.has_variables() {
            true => name.0.iter().filter_map(|part| part.as_ident().map(fold)).collect(),
            false => Vec::new(),
        };
        let name = self.name(name)?;
        let found = self.relation_in_sight(name.schema.as_deref(), &name.name, scope);
        let Some((relation, depth)) = found.map_err(|error| error.at(self.position(name.span)))? else {
            let dotted: Vec<&str> = dotted.iter().map(String::as_str).collect();
            if let Some(fields) = self.variable_fields(&dotted) {
                for (name, expr) in fields.map_err(|error| error.at(self.position(span)))? {
                    items.push(Item { name, expr, origin: None, span, hidden: false });
                }
                return Ok(());
            }
            return Err(self.missing_relation(name.schema.as_deref(), &name.name).at(self.position(name.span)));
        };
        if depth > 0 {
            let innermost = self.outer.len() - depth;
            self.outer[innermost].named = true;
            self.outer[innermost..].iter_mut().for_each(|level| level.crossed = true);
        }
        self.record_star(span, &relation.columns, scope)?;
        for column in &relation.columns {
            self.note_column(column);
            let expr = if depth == 0 { column.expr.clone() } else { outward(column.expr.clone(), depth)? };
            items.push(starred(column, expr, name.span));
        }
        Ok(())
    }

    /// A RETURNING list: name, expression and origin of each column; types are final.
    pub fn returning(&mut self, items: &[ast::SelectItem], scope: &Scope) -> Result<Vec<ScopeColumn>> {
        let items = self.select_list(items, scope, true, Clause::Returning)?;
        items
            .into_iter()
            .map(|item| Ok(ScopeColumn { name: item.name, expr: self.known(item.expr)?, origin: item.origin }))
            .collect()
    }

    fn distinct(
        &mut self,
        distinct: Option<&ast::Distinct>,
        items: &mut Vec<Item>,
        order: &[OrderKey],
        scope: &Scope,
    ) -> Result<Distinct> {
        let list = match distinct {
            None | Some(ast::Distinct::All) => return Ok(Distinct::No),
            Some(ast::Distinct::Distinct) => {
                if let Some(key) = order.iter().find(|key| items[key.item].hidden) {
                    return Err(Error::new(
                        SqlState::INVALID_COLUMN_REFERENCE,
                        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    )
                    .at(self.position(key.span)));
                }
                return Ok(Distinct::All);
            }
            Some(ast::Distinct::On(list)) => list,
        };
        let mut positions = Vec::with_capacity(list.len());
        for expr in list {
            let index = match self.listed(expr, items, Clause::DistinctOn)? {
                Some(index) => index,
                None => self.listed_expr(expr, items, scope, Clause::DistinctOn)?,
            };
            let taken = std::mem::replace(&mut items[index].expr, super::nothing());
            items[index].expr = self.known(taken)?;
            resolve::equality(items[index].expr.ty).map_err(|error| error.at(self.position(expr.start())))?;
            if !positions.contains(&index) {
                positions.push(index);
            }
        }
        // Keys that are not distinct may only follow all those that are.
        let leading = order.iter().take_while(|key| positions.contains(&key.item)).count();
        let foreign = order[leading..].iter().any(|key| positions.contains(&key.item));
        if foreign || (leading < order.len() && leading < positions.len()) {
            let span = positions
                .iter()
                .position(|index| !order[..leading].iter().any(|key| key.item == *index))
                .and_then(|missing| list.get(missing))
                .map_or(Span::empty(), |expr| expr.start());
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
            )
            .at(self.position(span)));
        }
        Ok(Distinct::On(positions))
    }

    /// Gives the outputs that no clause has given a type one.
    fn settle_unknowns(&mut self, items: &mut [Item], unknowns: Unknowns<'_>, distinct: bool) -> Result<()> {
        for (index, item) in items.iter_mut().enumerate() {
            if item.expr.ty.oid != oid::UNKNOWN {
                continue;
            }
            let taken = std::mem::replace(&mut item.expr, super::nothing());
            item.expr = match unknowns {
                Unknowns::Keep if !distinct && !item.hidden => taken,
                Unknowns::Into(targets) if !item.hidden && index < targets.len() => {
                    self.coerce_at(taken, targets[index], CastContext::Assignment, item.span)?
                }
                _ => self.known(taken)?,
            };
        }
        Ok(())
    }
}

fn starred(column: &ScopeColumn, expr: Expr, span: Span) -> Item {
    Item { name: column.name.clone(), expr, origin: column.origin, span, hidden: false }
}

/// The table's column that an expression is, if it is just that.
fn origin_of(expr: &Expr, scope: &Scope) -> Option<(u32, u16)> {
    let ExprKind::Column(var) = expr.kind else { return None };
    let mut columns = scope.relations.iter().flat_map(|relation| &relation.columns).chain(&scope.columns);
    columns.find(|column| column.var() == Some(var))?.origin
}

fn names(expr: &Expr, set: &SetCall) -> bool {
    any(expr, &mut |expr| matches!(expr.kind, ExprKind::Column(var) if set.fills(var)))
}

/// Runs set-returning functions: those inside of others first, all of one depth in lockstep. Each stands behind those inside it.
fn project_set(relation: Relation, sets: Vec<SetCall>) -> Relation {
    let mut levels: Vec<Vec<SetCall>> = Vec::new();
    for set in sets {
        let inner = levels.iter().rposition(|level| level.iter().any(|other| other.is_inside(&set)));
        let level = inner.map_or(0, |level| level + 1);
        if level == levels.len() {
            levels.push(Vec::new());
        }
        levels[level].push(set);
    }
    levels.into_iter().fold(relation, |input, level| {
        let functions = level.into_iter().map(|set| (set.columns, set.function, set.args)).collect();
        Relation::ProjectSet { input: Box::new(input), functions, ordinality: None }
    })
}

fn plain_wildcard(options: &ast::WildcardAdditionalOptions) -> Result<Span> {
    let ast::WildcardAdditionalOptions {
        wildcard_token,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    if plain { Ok(wildcard_token.0.span) } else { Err(Error::unsupported("an option of *")) }
}

/// 0A000 for the clauses of other databases, so that none is dropped in silence.
fn refuse_foreign(select: &ast::Select) -> Result<()> {
    let ast::Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    // Hints are comments.
    let _ = optimizer_hints;
    let foreign = [
        (select_modifiers.is_some(), "a modifier of SELECT"),
        (top.is_some(), "TOP"),
        (exclude.is_some(), "EXCLUDE"),
        (!lateral_views.is_empty(), "LATERAL VIEW"),
        (prewhere.is_some(), "PREWHERE"),
        (!connect_by.is_empty(), "CONNECT BY"),
        (!cluster_by.is_empty(), "CLUSTER BY"),
        (!distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!sort_by.is_empty(), "SORT BY"),
        (qualify.is_some(), "QUALIFY"),
        (value_table_mode.is_some(), "SELECT AS STRUCT or VALUE"),
        (!matches!(flavor, ast::SelectFlavor::Standard), "FROM before SELECT"),
    ];
    if into.is_some() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "SELECT ... INTO is not allowed here"));
    }
    match foreign.iter().find(|(present, _)| *present) {
        Some((_, what)) => Err(Error::unsupported(what)),
        None => Ok(()),
    }
}
