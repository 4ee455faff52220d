//! Writing through a view: a view over one table, whose columns are columns of it, stands for the table's rows.
//!
//! The view is expanded as in FROM. If nothing but WHERE, column lists and ORDER BY is left around one scan, the scan's
//! table is the target, the conditions are part of the statement's own, and names mean the view's columns.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;

use super::super::{Binder, Scope, ScopeColumn, ScopeRelation};
use super::folded;
use super::target::has_subquery;
use crate::catalog::{Table, TableKind, View};
use crate::error::{Error, Result, SqlState};
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::function::EvalContext;
use crate::plan::relation::{Column, Relation, RelationUse, Scan};
use crate::plan::write::{Check, Target};

/// What a write does, as the refusals of views say it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::plan::bind) enum Verb {
    Insert,
    Update,
    Delete,
}

/// What a write names, and what it comes to.
pub(in crate::plan::bind) struct Goal {
    pub(in crate::plan::bind) target: Target,
    pub(in crate::plan::bind) scope: Scope,
    /// The target as the statement knows it: another name and other names of columns, if it is written through a view.
    pub(in crate::plan::bind) names: Arc<Table>,
    pub(in crate::plan::bind) through: Option<Through>,
}

/// The view that is written through.
pub(in crate::plan::bind) struct Through {
    view: Arc<Table>,
    pub(super) scan: Scan,
    filter: Option<Expr>,
    /// For every column of the view its position in the target, if it is a column of it.
    positions: Vec<Option<usize>>,
}

/// A relation taken apart: one scan, what is tested on its rows and what the outputs are of its columns.
struct Flat {
    scan: Scan,
    filter: Option<Expr>,
    outputs: Vec<(ColumnVar, Expr)>,
    /// Whether nothing was taken off yet.
    is_scan: bool,
}

impl Verb {
    fn words(self) -> &'static str {
        match self {
            Verb::Insert => "insert into",
            Verb::Update => "update",
            Verb::Delete => "delete from",
        }
    }

    fn privileges(self) -> auth::Privileges {
        match self {
            Verb::Insert => auth::Privileges::INSERT,
            Verb::Update => auth::Privileges::UPDATE,
            Verb::Delete => auth::Privileges::DELETE,
        }
    }
}

impl Binder<'_> {
    /// The goal of a write that names a view.
    pub(super) fn through_view(
        &mut self,
        table: Arc<Table>,
        view: &View,
        alias: Option<&str>,
        verb: Verb,
    ) -> Result<Goal> {
        let before = self.uses.len();
        let (relation, columns) = self.expanded(&table, view)?;
        let beneath = self.uses.split_off(before);
        let Flat { scan, filter, outputs, .. } = flatten(relation).map_err(|why| not_updatable(&table, verb, why))?;
        // What the view reads, its owner must be allowed to write too.
        for used in beneath {
            let write = RelationUse { privileges: verb.privileges(), ..used.clone() };
            if verb != Verb::Insert {
                self.uses.push(used);
            }
            self.uses.push(write);
        }
        let exprs = columns_of(&outputs, &columns)?;
        let positions = positions_of(&scan, &exprs);
        let mut named = Vec::with_capacity(columns.len());
        for ((at, _), expr) in columns.iter().zip(exprs) {
            let definition = &table.columns[*at];
            named.push(ScopeColumn {
                name: definition.name.clone(),
                expr,
                origin: Some((table.oid, definition.number)),
            });
        }
        if verb != Verb::Delete && positions.iter().all(Option::is_none) {
            return Err(not_updatable(&table, verb, "Views that have no updatable columns"));
        }
        let name = alias.unwrap_or(&table.name).to_owned();
        let scope = Scope::of(ScopeRelation {
            name,
            table: Some(table.clone()),
            aliased: alias.is_some(),
            nullable: false,
            columns: named,
            table_oid: None,
        });
        let first = scan.columns.first().map_or(0, |(_, column)| column.var.0);
        let mut target = self.target_of(scan.table.clone(), first)?;
        if verb != Verb::Delete {
            self.add_view_checks(&table, &mut target)?;
        }
        let names = Arc::new(renamed(&scan.table, &table, &positions, verb));
        Ok(Goal { target, scope, names, through: Some(Through { view: table, scan, filter, positions }) })
    }

    /// Adds WITH CHECK OPTION of the view and of those beneath to the checks of their target.
    fn add_view_checks(&mut self, table: &Arc<Table>, target: &mut Target) -> Result<()> {
        let Some(view) = table.view() else { return Ok(()) };
        if table.options.iter().any(|(name, _)| name == "check_option") {
            let before = self.uses.len();
            let (relation, _) = self.expanded(table, view)?;
            self.uses.truncate(before);
            let flat = flatten(relation).map_err(|why| not_updatable(table, Verb::Insert, why))?;
            if target.placement.is_some() {
                return Err(Error::unsupported("WITH CHECK OPTION over a partitioned table"));
            }
            if let Some(condition) = flat.filter {
                let condition = walk::transform(condition, &mut |mut part| {
                    if let ExprKind::Column(var) = &mut part.kind
                        && let Some((position, _)) = flat.scan.columns.iter().find(|(_, own)| own.var == *var)
                    {
                        *var = ColumnVar(target.first_column + *position as u32);
                    }
                    Ok(part)
                })?;
                target.checks.push(Check { name: table.name.clone(), condition, of_view: true });
            }
        }
        let beneath: Vec<Arc<Table>> =
            view.relations.iter().filter_map(|known| self.catalog.tables.get(&known.oid).cloned()).collect();
        beneath.iter().try_for_each(|beneath| self.add_view_checks(beneath, target))
    }

    /// Notes that the statement writes columns of what it names; positions are the target's.
    pub(super) fn note_written(&mut self, goal: &Goal, verb: Verb, positions: &[usize]) {
        let numbers: Vec<u16> = match &goal.through {
            None => positions.iter().map(|position| goal.names.columns[*position].number).collect(),
            Some(through) => {
                let number = |position: &usize| {
                    let at = through.positions.iter().position(|own| *own == Some(*position))?;
                    Some(through.view.columns[at].number)
                };
                positions.iter().filter_map(number).collect()
            }
        };
        let table = goal.through.as_ref().map_or(&goal.target.table, |through| &through.view).clone();
        self.note_use(&table, verb.privileges(), &numbers);
    }
}

impl Goal {
    /// The positions in the target of the columns that a statement without a column list means, in order.
    pub(super) fn all_positions(&self) -> Result<Vec<usize>> {
        match &self.through {
            None => Ok((0..self.names.columns.len()).collect()),
            Some(through) => {
                let column = |(at, position): (usize, &Option<usize>)| {
                    position.ok_or_else(|| through.refusal(&through.view.columns[at].name, Verb::Insert))
                };
                through.positions.iter().enumerate().map(column).collect()
            }
        }
    }

    /// 0A000 for a column that the view computes.
    pub(super) fn check_written(&self, name: &ast::Ident, verb: Verb) -> Result<()> {
        let Some(through) = &self.through else { return Ok(()) };
        let name = folded(name);
        match through.view.position_of(&name) {
            Some(at) if through.positions[at].is_none() => Err(through.refusal(&name, verb)),
            _ => Ok(()),
        }
    }

    /// The statement's condition and the view's.
    pub(super) fn condition(&self, own: Option<Expr>) -> Option<Expr> {
        let of_view = self.through.as_ref().and_then(|through| through.filter.clone());
        both(of_view, own)
    }
}

impl Through {
    fn refusal(&self, column: &str, verb: Verb) -> Error {
        let words = verb.words();
        let message = format!("cannot {words} column \"{column}\" of view \"{}\"", self.view.name);
        Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
            .with_detail("View columns that are not columns of their base relation are not updatable.")
    }
}

/// Which of a view's columns can be written; None if the view cannot be written through.
pub(crate) fn updatable_columns(context: &EvalContext, table: &Arc<Table>) -> Option<Vec<bool>> {
    let mut binder = Binder::new(&context.catalog, context, &[]);
    let (relation, columns) = binder.expanded(table, table.view()?).ok()?;
    let Flat { scan, outputs, .. } = flatten(relation).ok()?;
    let exprs = columns_of(&outputs, &columns).ok()?;
    let updatable: Vec<bool> = positions_of(&scan, &exprs).iter().map(Option::is_some).collect();
    updatable.contains(&true).then_some(updatable)
}

/// 0A000 unless rows can be written through the relation of a new view, so that its condition can be a check.
pub(crate) fn check_written(relation: &Relation) -> Result<()> {
    let message = "WITH CHECK OPTION is supported only on automatically updatable views";
    let flat = flatten(relation.clone()).map_err(|why| {
        Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
            .with_hint(format!("{why} are not automatically updatable."))
    })?;
    if flat.filter.is_some_and(|filter| has_subquery(&filter)) {
        return Err(Error::unsupported("WITH CHECK OPTION with a subquery"));
    }
    Ok(())
}

/// What the columns of a view are of the columns of the scan.
fn columns_of(outputs: &[(ColumnVar, Expr)], columns: &[(usize, Column)]) -> Result<Vec<Expr>> {
    let of = |(_, column): &(usize, Column)| {
        let found = outputs.iter().find(|(var, _)| *var == column.var).map(|(_, expr)| expr.clone());
        found.ok_or_else(|| Error::internal("a view's column is not among its outputs"))
    };
    columns.iter().map(of).collect()
}

/// The positions in the scanned table of those that are its columns. The second name of one column reads it, but is not
/// written.
fn positions_of(scan: &Scan, exprs: &[Expr]) -> Vec<Option<usize>> {
    let mut positions: Vec<Option<usize>> = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let plain = match expr.kind {
            ExprKind::Column(var) => scan.columns.iter().find(|(_, own)| own.var == var).map(|(own, _)| *own),
            _ => None,
        };
        positions.push(plain.filter(|plain| !positions.contains(&Some(*plain))));
    }
    positions
}

/// 55000 for a view that does not stand for the rows of one table.
fn not_updatable(view: &Table, verb: Verb, why: &str) -> Error {
    let words = verb.words();
    let (event, doing) = match verb {
        Verb::Insert => ("INSERT", "inserting into"),
        Verb::Update => ("UPDATE", "updating"),
        Verb::Delete => ("DELETE", "deleting from"),
    };
    Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("cannot {words} view \"{}\"", view.name))
        .with_detail(format!("{why} are not automatically updatable."))
        .with_hint(format!(
            "To enable {doing} the view, provide an INSTEAD OF {event} trigger or an unconditional ON {event} DO INSTEAD rule."
        ))
}

/// The target under the view's names. A column that the view does not show has a name that nobody can write.
fn renamed(target: &Table, view: &Table, positions: &[Option<usize>], verb: Verb) -> Table {
    let mut names = target.clone();
    names.name.clone_from(&view.name);
    for (position, column) in names.columns.iter_mut().enumerate() {
        match positions.iter().position(|own| *own == Some(position)) {
            Some(at) => {
                column.name.clone_from(&view.columns[at].name);
                // SET … = DEFAULT knows the view's own defaults only.
                let forgets = verb == Verb::Update && !column.generated;
                if forgets || view.columns[at].default.is_some() {
                    column.default.clone_from(&view.columns[at].default);
                }
            }
            None => column.name = String::new(),
        }
    }
    names
}

/// Takes a relation apart that is one scan with conditions and column lists around it; else says which views are not.
fn flatten(relation: Relation) -> Result<Flat, &'static str> {
    const NOT_SINGLE: &str = "Views that do not select from a single table or view";
    match relation {
        Relation::Scan(scan) if scan.table.kind == TableKind::Table => {
            let outputs =
                scan.columns.iter().map(|(_, column)| (column.var, Expr::column(column.var, column.ty))).collect();
            Ok(Flat { scan, filter: None, outputs, is_scan: true })
        }
        Relation::Filter { input, predicate } => {
            let mut flat = flatten(*input)?;
            let predicate = flat.of_scan(predicate)?;
            flat.filter = both(flat.filter.take(), Some(predicate));
            Ok(flat)
        }
        Relation::Project { input, columns } => {
            let mut flat = flatten(*input)?;
            let of_scan = |(column, expr): (Column, Expr)| Ok((column.var, flat.of_scan(expr)?));
            let outputs = columns.into_iter().map(of_scan).collect::<Result<_, &'static str>>()?;
            (flat.outputs, flat.is_scan) = (outputs, false);
            Ok(flat)
        }
        Relation::Sort { input, .. } => flatten(*input),
        Relation::Distinct { .. } => Err("Views containing DISTINCT"),
        Relation::Aggregate { groups, .. } if groups.is_empty() => Err("Views that return aggregate functions"),
        Relation::Aggregate { .. } => Err("Views containing GROUP BY"),
        Relation::Window { .. } => Err("Views that return window functions"),
        Relation::ProjectSet { .. } => Err("Views that return set-returning functions"),
        Relation::SetOperation { .. } => Err("Views containing UNION, INTERSECT, or EXCEPT"),
        Relation::Limit { .. } => Err("Views containing LIMIT or OFFSET"),
        Relation::Shared { .. } | Relation::Recursive { .. } => Err("Views containing WITH"),
        _ => Err(NOT_SINGLE),
    }
}

impl Flat {
    /// An expression over the outputs as one over the scan's columns. A subquery knows the columns around it by the
    /// numbers they have there, so that it must stand right over the scan.
    fn of_scan(&self, expr: Expr) -> Result<Expr, &'static str> {
        if self.is_scan {
            return Ok(expr);
        }
        if has_subquery(&expr) {
            return Err("Views with subqueries over the columns of other views");
        }
        let replaced = walk::transform(expr, &mut |part| {
            let of = match part.kind {
                ExprKind::Column(var) => self.outputs.iter().find(|(own, _)| *own == var),
                _ => None,
            };
            Ok(of.map_or(part, |(_, of)| of.clone()))
        });
        replaced.map_err(|_| "Views that nest too deep")
    }
}

fn both(first: Option<Expr>, second: Option<Expr>) -> Option<Expr> {
    match (first, second) {
        (Some(first), Some(second)) => {
            let ty = first.ty;
            // One level, so that a key among the parts is found.
            let parts = [first, second].into_iter().flat_map(|expr| match expr.kind {
                ExprKind::And(parts) => parts,
                kind => vec![Expr::new(kind, ty)],
            });
            Some(Expr::new(ExprKind::And(parts.collect()), ty))
        }
        (one, other) => one.or(other),
    }
}
