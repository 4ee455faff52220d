//! Writing through a view: a view over one table, whose columns are columns of it, stands for the table's rows.
//!
//! The view is expanded as in FROM. If nothing but WHERE, column lists and ORDER BY is left around one scan, the scan's
//! table is the target, the conditions are part of the statement's own, and names mean the view's columns. Privileges are
//! asked for at every view on the way, by the owner of the one before; so is WITH CHECK OPTION.

mod flat;
mod source;

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;

use super::super::{Binder, Scope, ScopeColumn, ScopeRelation};
use super::folded;
use super::target::has_subquery;
use crate::catalog::{Catalog, Table, View};
use crate::error::{Error, Result, SqlState};
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::function::EvalContext;
use crate::plan::bind::locking::LockableScan;
use crate::plan::bind::policy::{all_of, behind, filtered};
use crate::plan::relation::{CheckAs, Column, Relation, RelationUse, RowIdentity, Scan};
use crate::plan::system_column::{SeesDeleted, SystemColumns};
use crate::plan::write::{Check, Target};
use crate::types::{Type, oid};
pub(super) use flat::both;
use flat::{Flat, columns_of, flatten, positions_of};

/// What a write does, as the refusals of views say it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::plan::bind) enum Verb {
    Insert,
    Update,
    Delete,
    Merge,
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
    /// The views on the way to the target, the named one first.
    levels: Vec<Level>,
    pub(super) scan: Scan,
    filter: Option<Expr>,
    /// What the views read, and with whose privileges.
    beneath: Vec<RelationUse>,
}

/// A view on the way to the target.
struct Level {
    view: Arc<Table>,
    /// For every column its position in the target, if it is a column of it.
    positions: Vec<Option<usize>>,
    /// What the view tests beyond those beneath it, in the target's numbers.
    conditions: Vec<Expr>,
}

impl Verb {
    fn words(self) -> &'static str {
        match self {
            Verb::Insert => "insert into",
            Verb::Update => "update",
            Verb::Delete => "delete from",
            Verb::Merge => "merge into",
        }
    }

    fn privileges(self) -> auth::Privileges {
        match self {
            Verb::Insert => auth::Privileges::INSERT,
            Verb::Update => auth::Privileges::UPDATE,
            Verb::Delete => auth::Privileges::DELETE,
            // Its actions say what they need.
            Verb::Merge => auth::Privileges::NONE,
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
        let chain = source::chain(self.catalog, &table).map_err(|(view, why)| not_updatable(&view, verb, why))?;
        let before = self.uses.len();
        let (relation, columns) = self.expanded(&table, view)?;
        let beneath = self.uses.split_off(before);
        let flat = flatten(relation).map_err(|why| not_updatable(&table, verb, why))?;
        let exprs = columns_of(&flat.outputs, &columns)?;
        let scope = Scope::of(named_columns(&table, alias, &columns, exprs));
        let first = flat.scan.columns.first().map_or(0, |(_, column)| column.var.0);
        let mut target = self.target_of(flat.scan.table.clone(), first)?;
        target.tell_system(flat.scan.system);
        let levels = self.levels(chain, (&flat, &columns), first)?;
        let positions = &levels[0].positions;
        if verb != Verb::Delete && positions.iter().all(Option::is_none) {
            return Err(not_updatable(&table, verb, "Views that have no updatable columns"));
        }
        if verb != Verb::Delete {
            add_view_checks(&levels, &mut target)?;
        }
        let names = Arc::new(renamed(&flat.scan.table, &table, positions, verb));
        let through = Through { levels, scan: flat.scan, filter: flat.filter, beneath };
        Ok(Goal { target, scope, names, through: Some(through) })
    }

    /// What each view on the way is of the target, whose first column has that number.
    fn levels(&mut self, chain: Vec<Arc<Table>>, named: (&Flat, &[(usize, Column)]), first: u32) -> Result<Vec<Level>> {
        let mut levels = Vec::with_capacity(chain.len());
        for view in chain {
            if levels.is_empty() {
                levels.push(level(view, named.0, named.1, first)?);
                continue;
            }
            let Some(query) = view.view() else { return Err(Error::internal("a view has no query")) };
            let before = self.uses.len();
            let (relation, columns) = self.expanded(&view, query)?;
            self.uses.truncate(before);
            let flat = flatten(relation).map_err(Error::internal)?;
            levels.push(level(view.clone(), &flat, &columns, first)?);
        }
        // A view's own conditions come behind those of the views beneath it.
        for at in 1..levels.len() {
            let inner = levels[at].conditions.len();
            levels[at - 1].conditions.drain(..inner);
        }
        Ok(levels)
    }

    /// Reads a view over one table so that the table's rows can be locked.
    pub(in crate::plan::bind) fn lockable_view(
        &mut self,
        table: &Arc<Table>,
        view: &View,
        alias: Option<&str>,
    ) -> Result<(Relation, ScopeRelation, LockableScan)> {
        self.note_use(table, auth::Privileges::SELECT, &[]);
        let (relation, columns) = self.expanded(table, view)?;
        let refused =
            |_: &str| Error::unsupported("FOR UPDATE or FOR SHARE of a view that does not stand for one table");
        let Flat { mut scan, filter, outputs, policies, .. } = flatten(relation).map_err(refused)?;
        let identity =
            RowIdentity { key: self.fresh(Type::new(oid::BYTEA)), version: self.fresh(Type::new(oid::INT8)) };
        scan.row_identity = Some(identity);
        let names = named_columns(table, alias, &columns, columns_of(&outputs, &columns)?);
        let through = source::chain(self.catalog, table).map_err(|(_, why)| refused(why))?;
        let mut conditions: Vec<Expr> = policies.into_iter().collect();
        if self.is_locked(&names.name) {
            let reads_as = through.last().map_or(self.reads_as, |view| owner_beneath(view));
            conditions.extend(self.lockable_as(reads_as, &scan)?);
        }
        let lockable = LockableScan {
            name: names.name.clone(),
            table: scan.table.clone(),
            partitions: scan.partitions.clone(),
            identity,
            nullable: false,
            through,
        };
        let relation = behind(scan, all_of(conditions));
        let relation = match filter {
            Some(predicate) => filtered(relation, predicate),
            None => relation,
        };
        Ok((relation, names, lockable))
    }

    /// Notes that the statement writes columns of what it names, and of what that stands for; positions are the target's.
    pub(super) fn note_written(&mut self, goal: &Goal, verb: Verb, positions: &[usize]) {
        let privileges = verb.privileges();
        let own: Vec<u16> = positions.iter().map(|position| goal.target.table.columns[*position].number).collect();
        let Some(through) = &goal.through else {
            self.note_use(&goal.names, privileges, &own);
            return;
        };
        let mut check_as = CheckAs::Caller;
        for level in &through.levels {
            let number = |position: &usize| {
                let at = level.positions.iter().position(|own| *own == Some(*position))?;
                Some(level.view.columns[at].number)
            };
            let columns: Vec<u16> = positions.iter().filter_map(number).collect();
            match check_as {
                CheckAs::Caller => self.note_use(&level.view, privileges, &columns),
                _ => self.uses.push(RelationUse { table: level.view.clone(), privileges, columns, check_as }),
            }
            check_as = level.view.checks_beneath_as();
        }
        self.uses.push(RelationUse { table: goal.target.table.clone(), privileges, columns: own, check_as });
    }

    /// Notes what the views on the way read, once the statement is bound: the target and the views are read if the
    /// statement reads the named one.
    pub(super) fn note_beneath(&mut self, goal: &Goal, verb: Verb) {
        let Some(through) = &goal.through else { return };
        let view = through.levels[0].view.oid;
        let reads = self.uses.iter().any(|used| used.is(view, auth::Privileges::SELECT));
        for used in &through.beneath {
            let on_the_way = used.table.oid == goal.target.table.oid
                || through.levels.iter().any(|level| level.view.oid == used.table.oid);
            if if on_the_way { reads } else { verb != Verb::Insert } {
                self.uses.push(used.clone());
            }
        }
    }
}

/// A view's columns as names for what they are.
fn named_columns(
    view: &Arc<Table>,
    alias: Option<&str>,
    columns: &[(usize, Column)],
    exprs: Vec<Expr>,
) -> ScopeRelation {
    let named = columns.iter().zip(exprs).map(|((at, _), expr)| {
        let definition = &view.columns[*at];
        ScopeColumn { name: definition.name.clone(), expr, origin: Some((view.oid, definition.number)) }
    });
    ScopeRelation {
        name: alias.unwrap_or(&view.name).to_owned(),
        columns: named.collect(),
        table: Some(view.clone()),
        aliased: alias.is_some(),
        nullable: false,
        scalar: false,
        mark: None,
        system: SystemColumns::default(),
        sees_deleted: SeesDeleted::default(),
    }
}

/// What a view is of the target, by its expansion.
fn level(view: Arc<Table>, flat: &Flat, columns: &[(usize, Column)], first: u32) -> Result<Level> {
    let positions = positions_of(&flat.scan, &columns_of(&flat.outputs, columns)?);
    let numbered = |condition: Expr| {
        walk::transform(condition, &mut |mut part| {
            if let ExprKind::Column(var) = &mut part.kind
                && let Some((position, _)) = flat.scan.columns.iter().find(|(_, own)| own.var == *var)
            {
                *var = ColumnVar(first + *position as u32);
            }
            Ok(part)
        })
    };
    let conditions = flat.conditions().into_iter().map(numbered).collect::<Result<_>>()?;
    Ok(Level { view, positions, conditions })
}

/// Adds what WITH CHECK OPTION of the views asks for to the checks of their target, that of the innermost first.
fn add_view_checks(levels: &[Level], target: &mut Target) -> Result<()> {
    let mut checks = Vec::new();
    let mut cascaded = false;
    for level in levels {
        let extent = level.view.option("check_option");
        let checked = cascaded || extent.is_some();
        cascaded |= extent.is_some_and(|extent| extent.eq_ignore_ascii_case("cascaded"));
        let condition = level.conditions.iter().cloned().fold(None, |all, own| both(all, Some(own)));
        let Some(condition) = condition.filter(|_| checked) else { continue };
        if has_subquery(&condition) {
            return Err(Error::unsupported("WITH CHECK OPTION with a subquery"));
        }
        checks.push(Check { name: level.view.name.clone(), condition, of_view: true });
    }
    for check in checks.into_iter().rev() {
        let leaves = target.placement.iter_mut().flat_map(|placement| placement.leaves.values_mut());
        leaves.for_each(|leaf| leaf.checks.push(check.clone()));
        target.checks.push(check);
    }
    Ok(())
}

/// As whom what is beneath a view is read and written; None: as who runs the statement.
fn owner_beneath(view: &Table) -> Option<u32> {
    match view.checks_beneath_as() {
        CheckAs::Role(owner) => Some(owner),
        CheckAs::Caller | CheckAs::Session => None,
    }
}

impl Goal {
    /// The oid of the view that is named instead of the target, if one is.
    pub(in crate::plan::bind) fn named_view(&self) -> Option<u32> {
        Some(self.through.as_ref()?.levels.first()?.view.oid)
    }

    /// As whom the target is written, where the statement itself is run as `named`.
    pub(in crate::plan::bind) fn written_as(&self, named: Option<u32>) -> Option<u32> {
        let last = self.through.as_ref().and_then(|through| through.levels.last());
        last.map_or(named, |level| owner_beneath(&level.view))
    }

    /// The positions in the target of the columns that a statement without a column list means, in order; `width` is how
    /// many values it has, if that is known.
    pub(super) fn all_positions(&self, width: Option<usize>) -> Result<Vec<usize>> {
        match &self.through {
            None => Ok((0..self.names.columns.len()).collect()),
            Some(through) => {
                let level = &through.levels[0];
                let column = |(at, position): (usize, &Option<usize>)| match position {
                    Some(position) if level.is_first(at) => Ok(*position),
                    Some(_) => Err(second_name()),
                    None => Err(through.refusal(&level.view.columns[at].name, Verb::Insert)),
                };
                let all = level.positions.iter().enumerate();
                all.take(width.unwrap_or(usize::MAX)).map(column).collect()
            }
        }
    }

    /// 0A000 for a column that the view computes.
    pub(super) fn check_written(&self, name: &ast::Ident, verb: Verb) -> Result<()> {
        let Some(through) = &self.through else { return Ok(()) };
        let (name, level) = (folded(name), &through.levels[0]);
        match level.view.position_of(&name) {
            Some(at) if level.positions[at].is_none() => Err(through.refusal(&name, verb)),
            Some(at) if !level.is_first(at) => Err(second_name()),
            _ => Ok(()),
        }
    }

    /// Whether the view computes a column of that name.
    pub(super) fn is_computed(&self, name: &ast::Ident) -> bool {
        let Some(through) = &self.through else { return false };
        let (name, level) = (folded(name), &through.levels[0]);
        level.view.position_of(&name).is_some_and(|at| level.positions[at].is_none())
    }

    /// 0A000 for a column that the view computes and has a default for: every INSERT would write it.
    pub(super) fn check_defaults(&self) -> Result<()> {
        let Some(through) = &self.through else { return Ok(()) };
        let level = &through.levels[0];
        let given = level.view.columns.iter().zip(&level.positions);
        let mut computed = given.filter(|(column, position)| position.is_none() && column.default.is_some());
        computed.next().map_or(Ok(()), |(column, _)| Err(through.refusal(&column.name, Verb::Insert)))
    }

    /// The statement's condition and the view's.
    pub(super) fn condition(&self, own: Option<Expr>) -> Option<Expr> {
        let of_view = self.through.as_ref().and_then(|through| through.filter.clone());
        both(of_view, own)
    }

    /// The names of the row that an INSERT could not insert, whose columns are numbered from there.
    pub(super) fn excluded(&self, first: u32) -> Result<ScopeRelation> {
        let name = Some("excluded");
        let Some(through) = &self.through else {
            let numbered = (first..).zip(&self.names.columns).enumerate();
            let columns: Vec<(usize, Column)> =
                numbered.map(|(at, (var, column))| (at, Column { var: ColumnVar(var), ty: column.ty })).collect();
            return Ok(ScopeRelation::of_table(&self.names, name, &columns));
        };
        let mut excluded = (*self.scope.relations[0]).clone();
        "excluded".clone_into(&mut excluded.name);
        excluded.aliased = true;
        for column in &mut excluded.columns {
            column.expr = walk::transform(column.expr.clone(), &mut |mut part| {
                if let ExprKind::Column(var) = &mut part.kind
                    && let Some((position, _)) = through.scan.columns.iter().find(|(_, own)| own.var == *var)
                {
                    *var = ColumnVar(first + *position as u32);
                }
                Ok(part)
            })?;
        }
        Ok(excluded)
    }
}

impl Level {
    /// Whether the column is the first that its column of the target has in the view.
    fn is_first(&self, at: usize) -> bool {
        !self.positions[..at].contains(&self.positions[at])
    }
}

fn second_name() -> Error {
    Error::unsupported("writing to a column under the second name that a view has for it")
}

impl Through {
    fn refusal(&self, column: &str, verb: Verb) -> Error {
        let (words, view) = (verb.words(), &self.levels[0].view.name);
        let message = format!("cannot {words} column \"{column}\" of view \"{view}\"");
        Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
            .with_detail("View columns that are not columns of their base relation are not updatable.")
    }
}

/// Which of a view's columns can be written; None if not even rows can be deleted through it.
pub(crate) fn updatable_columns(context: &EvalContext, table: &Arc<Table>) -> Option<Vec<bool>> {
    source::chain(&context.catalog, table).ok()?;
    let mut binder = Binder::new(&context.catalog, context, &[]).checking_only();
    let (relation, columns) = binder.expanded(table, table.view()?).ok()?;
    let flat = flatten(relation).ok()?;
    let exprs = columns_of(&flat.outputs, &columns).ok()?;
    Some(positions_of(&flat.scan, &exprs).iter().map(Option::is_some).collect())
}

/// 0A000 unless rows can be written through a view with this query, so that its condition can be a check.
pub(crate) fn check_written(catalog: &Catalog, view: &View, relation: &Relation) -> Result<()> {
    let refused = |why: &str| {
        let message = "WITH CHECK OPTION is supported only on automatically updatable views";
        Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
            .with_hint(format!("{why} are not automatically updatable."))
    };
    source::base_of(catalog, view).map_err(refused)?;
    match flatten(relation.clone()) {
        Err(why) => Err(refused(why)),
        Ok(flat) if flat.filter.as_ref().is_some_and(has_subquery) => {
            Err(Error::unsupported("WITH CHECK OPTION with a subquery"))
        }
        Ok(_) => Ok(()),
    }
}

/// 55000 for a view that does not stand for the rows of one table.
fn not_updatable(view: &Table, verb: Verb, why: &str) -> Error {
    let words = verb.words();
    let (event, doing) = match verb {
        Verb::Insert => ("INSERT", "inserting into"),
        Verb::Update => ("UPDATE", "updating"),
        Verb::Delete => ("DELETE", "deleting from"),
        Verb::Merge => ("MERGE", "merging into"),
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
