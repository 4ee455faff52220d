//! The triggers of a write's target, and WHEN: a condition over the row before, `old`, and the row after, `new`.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Location;

use super::modify::has_subquery;
use super::policy::{only_item, read_as};
use super::view::Record;
use super::{Binder, Clause, Scope, ScopeRelation, fold};
use crate::catalog::view::MARK;
use crate::catalog::{Table, View, ViewRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::plan::relation::{Column, RelationUse};
use crate::plan::write::{BoundTrigger, TargetTriggers};
use crate::statement::parse_query;

/// What a condition may name, as far as the trigger says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TriggerRows {
    pub(crate) for_rows: bool,
    pub(crate) before: bool,
    pub(crate) insert: bool,
    pub(crate) delete: bool,
}

/// The columns of a table and their numbers, for one of its rows.
type Numbered = Vec<(usize, Column)>;

impl Binder<'_> {
    /// Binds the condition of a new trigger, which stands in the statement's text between these places. Answers what it
    /// reads, too.
    pub(crate) fn new_trigger_condition(
        &mut self,
        table: &Arc<Table>,
        rows: TriggerRows,
        condition: &ast::Expr,
        (from, to): (Location, Location),
    ) -> Result<(View, Vec<RelationUse>)> {
        self.record = Some(Record::default());
        let (old, new) = both_rows(table);
        let relation = |alias: &str, columns: &Numbered| ScopeRelation::of_table(table, Some(alias), columns);
        let scope = joined(relation("old", &old), relation("new", &new));
        self.next_var = 2 * table.columns.len() as u32;
        let bound = self.condition(condition, &scope, Clause::TriggerWhen)?;
        check_rows(table, rows, &bound)?;
        if has_subquery(&bound) {
            return Err(Error::unsupported("such a function in WHEN of a trigger"));
        }
        let record = self.record.take().unwrap_or_default();
        if !self.params()?.is_empty() {
            return Err(Error::new(SqlState::UNDEFINED_PARAMETER, "there is no parameter $1"));
        }
        let uses = self.uses();
        let mut view = self.view_of(record, &uses, from, to)?;
        let at = match view.relations.iter().position(|known| known.oid == table.oid) {
            Some(at) => at,
            None => {
                view.relations.push(self.view_relation(table, &uses));
                view.relations.len() - 1
            }
        };
        // What is read of a whole row is whatever columns the table has then.
        view.relations[at].used = named_columns(table, condition);
        view.text = format!("SELECT ({}\n) FROM {MARK}.\"{at}\"", view.text);
        view.read_as = Some(self.read_now());
        // Whoever fires it need not be allowed to read the table.
        let uses = uses.into_iter().filter(|used| used.table.oid != table.oid).collect();
        Ok((view, uses))
    }

    /// Binds the condition of a trigger to be shown: the columns of the row before are numbered from zero, those of the row
    /// after behind them. `as_given`: types are looked up where they were.
    pub(crate) fn shown_trigger_condition(&mut self, table: &Arc<Table>, view: &View, as_given: bool) -> Result<Expr> {
        let given = if as_given { Some(read_as(self.context, view)?) } else { None };
        let context = given.as_ref().unwrap_or(self.context);
        let mut inner = Binder::new(self.catalog, context, &[]).with_text(&view.text).showing();
        inner.inside = Some(view);
        let (old, new) = both_rows(table);
        inner.trigger_condition(table, view, &old, &new)
    }

    fn trigger_condition(&mut self, table: &Arc<Table>, view: &View, old: &Numbered, new: &Numbered) -> Result<Expr> {
        let lost = || Error::internal("a trigger's condition is on another table");
        let known = view.relations.iter().find(|known| known.oid == table.oid).ok_or_else(lost)?;
        let query = parse_query(&view.text)?;
        let (old, new) = (known_row(table, known, "old", old), known_row(table, known, "new", new));
        self.next_var = self.next_var.max(2 * table.columns.len() as u32);
        self.condition(only_item(&query)?, &joined(old, new), Clause::TriggerWhen)
    }

    /// The triggers that a write to a table fires.
    pub(crate) fn target_triggers(&self, table: &Arc<Table>) -> Result<Option<Arc<TargetTriggers>>> {
        if table.triggers.is_empty() && table.partitioning.of.is_none() {
            return Ok(None);
        }
        let own = self.catalog.tables.get(&table.oid).unwrap_or(table);
        let mut all = Vec::new();
        for (owner, trigger) in self.catalog.triggers_of_rows(own) {
            if !trigger.enabled.fires(false) {
                continue;
            }
            let function = self.catalog.functions.get(&trigger.function).cloned();
            let function = function.ok_or_else(|| Error::internal("a trigger's function is gone"))?;
            // Tables beneath another may have its columns at other places.
            let place = |at: usize| table.position_of(&owner.columns[at].name);
            let columns =
                trigger.columns.iter().filter_map(|number| place(owner.position_of_number(*number)?)).collect();
            let condition = match &trigger.condition {
                None => None,
                Some(view) => {
                    let width = table.columns.len();
                    let numbered = |first: usize| -> Numbered {
                        let column = |at: usize| {
                            let var = ColumnVar((first + place(at)?) as u32);
                            Some((at, Column { var, ty: owner.columns[at].ty }))
                        };
                        (0..owner.columns.len()).filter_map(column).collect()
                    };
                    let context = read_as(self.context, view)?;
                    let mut inner = Binder::new(self.catalog, &context, &[]).with_text(&view.text);
                    inner.inside = Some(view);
                    inner.next_var = 2 * width as u32;
                    let bound = inner.trigger_condition(&owner, view, &numbered(0), &numbered(width));
                    Some(bound.map_err(Error::without_position)?)
                }
            };
            let is_inherited = owner.oid != table.oid;
            all.push(BoundTrigger { trigger: trigger.clone(), function, columns, condition, is_inherited });
        }
        if all.is_empty() {
            return Ok(None);
        }
        let same = own.columns.iter().zip(&table.columns).all(|(own, column)| own.name == column.name);
        let places = || own.columns.iter().filter_map(|column| table.position_of(&column.name)).collect();
        let places = if same { None } else { Some(places()) };
        Ok(Some(Arc::new(TargetTriggers { table: own.clone(), places, all })))
    }
}

/// Numbers for the columns of the row before, from zero, and of the row after, behind them.
fn both_rows(table: &Table) -> (Numbered, Numbered) {
    let width = table.columns.len();
    let numbered = |first: usize| {
        let column = |(at, column): (usize, &crate::catalog::TableColumn)| {
            (at, Column { var: ColumnVar((first + at) as u32), ty: column.ty })
        };
        table.columns.iter().enumerate().map(column).collect()
    };
    (numbered(0), numbered(width))
}

/// A row of the table under the names that its columns had when the condition was given; a later column has none that the
/// condition could mean.
fn known_row(table: &Arc<Table>, known: &ViewRelation, alias: &str, columns: &Numbered) -> ScopeRelation {
    let mut relation = ScopeRelation::of_table(table, Some(alias), columns);
    for ((position, _), column) in columns.iter().zip(&mut relation.columns) {
        let number = table.columns[*position].number;
        match known.columns.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => column.name.clone_from(name),
            None => column.name.insert(0, '\0'),
        }
    }
    relation
}

/// Attribute numbers of the columns that a condition names.
fn named_columns(table: &Table, condition: &ast::Expr) -> Vec<u16> {
    let mut numbers = Vec::new();
    let _: ControlFlow<()> = ast::visit_expressions(condition, |part| {
        if let ast::Expr::CompoundIdentifier(names) = part
            && let Some(name) = names.last()
        {
            let name = fold(name);
            numbers.extend(table.columns.iter().find(|column| column.name == name).map(|column| column.number));
        }
        ControlFlow::Continue(())
    });
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn joined(old: ScopeRelation, new: ScopeRelation) -> Scope {
    let columns = old.columns.iter().chain(&new.columns).cloned().collect();
    Scope { relations: vec![Arc::new(old), Arc::new(new)], columns }
}

/// 42P17 for a condition that names a row that is not there.
fn check_rows(table: &Table, rows: TriggerRows, condition: &Expr) -> Result<()> {
    let width = table.columns.len();
    let (mut old, mut new, mut generated) = (false, false, None);
    walk::visit(condition, &mut |part| {
        if let ExprKind::Column(var) = part.kind {
            let at = var.0 as usize;
            old |= at < width;
            new |= at >= width;
            let column = at.checked_sub(width).and_then(|at| table.columns.get(at));
            generated = generated.or(column.filter(|column| column.generated));
        }
    });
    let refused = |message: &str| Error::new(SqlState::INVALID_OBJECT_DEFINITION, message.to_owned());
    if (old || new) && !rows.for_rows {
        return Err(refused("statement trigger's WHEN condition cannot reference column values"));
    }
    if old && rows.insert {
        return Err(refused("INSERT trigger's WHEN condition cannot reference OLD values"));
    }
    if new && rows.delete {
        return Err(refused("DELETE trigger's WHEN condition cannot reference NEW values"));
    }
    match generated.filter(|_| rows.before) {
        Some(column) => Err(refused("BEFORE trigger's WHEN condition cannot reference NEW generated columns")
            .with_detail(format!("Column \"{}\" is a generated column.", column.name))),
        None => Ok(()),
    }
}
