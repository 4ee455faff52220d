//! Binding MERGE.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::super::own_rows::refuse_update;
use super::super::policy::{Policed, behind};
use super::super::{Binder, Clause, Scope};
use super::insert::Into;
use super::is_default;
use super::target::has_subquery;
use super::through::{Goal, Verb};
use super::update::factor_name;
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::plan::relation::{Column, JoinKind, Output, Query, Relation, RowIdentity};
use crate::plan::write::{Action, Deed, Merge, When, Write};
use crate::statement::{self, MergeAction, MergeWhen, Overriding};
use crate::types::{Type, oid};

impl Binder<'_> {
    /// Binds a MERGE.
    pub fn merge_rows(&mut self, merge: &statement::Merge) -> Result<Write> {
        let statement::Merge { with, target: target_factor, source, on, whens } = merge;
        if let Some(with) = with {
            if with.recursive {
                let message = "WITH RECURSIVE is not supported for MERGE statement";
                return Err(Error::new(SqlState::SYNTAX_ERROR, message));
            }
            self.with(with, true)?;
        }
        refuse_unreachable(whens)?;
        let (name, alias) = factor_name(target_factor)?;
        let mut goal = self.target(name, alias.as_deref(), Verb::Merge)?;
        let (table, own) = (goal.target.table.clone(), goal.scope.clone());
        self.note_use(&table, auth::Privileges::SELECT, &[]);
        let item = self.joined(source, &Scope::empty())?;
        refuse_own_name(&own, &item.scope)?;
        let mut both = own.clone();
        both.extend(item.scope.clone());
        let condition = self.condition(on, &both, Clause::JoinOn)?;
        let mut bound = Vec::with_capacity(whens.len());
        for when in whens {
            let scope = if when.matched { &both } else { &item.scope };
            bound.push(self.when(&goal, when, scope)?);
        }
        let inserts = whens.iter().any(|when| !when.matched);
        let mut scan = self.scan_target(&goal.target, name);
        let identity =
            RowIdentity { key: self.fresh(Type::new(oid::BYTEA)), version: self.fresh(Type::new(oid::INT8)) };
        scan.row_identity = Some(identity);
        let policies = self.police(&mut goal, Policed::Merge)?;
        let mut columns: Vec<Column> = scan.columns.iter().map(|(_, column)| *column).collect();
        let others = item.relation.outputs();
        let others = others.into_iter().chain(scan.system.of_version());
        let others: Vec<Column> = others.collect();
        let carried = others.iter().enumerate().map(|(at, column)| (column.var, at)).collect();
        columns.extend(others);
        let relation = Relation::Join {
            kind: if inserts { JoinKind::Left } else { JoinKind::Inner },
            left: Box::new(item.relation),
            right: Box::new(match policies {
                Some(policies) => behind(scan, policies),
                None => Relation::Scan(scan),
            }),
            condition: Some(condition),
            lateral: false,
        };
        let outputs = columns.into_iter().map(|column| Output { name: String::new(), column, origin: None }).collect();
        let query = Query::within(relation, outputs);
        let params = self.final_params()?;
        let merge = Merge { query, key: identity.key, version: identity.version, carried, whens: bound };
        Ok(Write {
            target: goal.target,
            action: Action::Merge(Box::new(merge)),
            returning: None,
            uses: self.uses(),
            params,
        })
    }

    fn when(&mut self, goal: &Goal, when: &MergeWhen, scope: &Scope) -> Result<When> {
        let table = &goal.target.table;
        let condition = match &when.condition {
            Some(condition) => Some(self.condition(condition, scope, Clause::MergeWhen)?),
            None => None,
        };
        let deed = match &when.action {
            MergeAction::Nothing => Deed::Nothing,
            MergeAction::Delete => {
                self.note_use(table, auth::Privileges::DELETE, &[]);
                Deed::Delete
            }
            MergeAction::Update(assignments) => {
                refuse_update(table, "an UPDATE by MERGE")?;
                let assignments = self.assignments(table, assignments, scope)?;
                let numbers: Vec<u16> =
                    assignments.iter().map(|(position, _)| table.columns[*position].number).collect();
                self.note_use(table, auth::Privileges::UPDATE, &numbers);
                Deed::Update(assignments)
            }
            MergeAction::Insert { columns, overriding, values } => {
                Deed::Insert(self.merged_row(goal, columns, *overriding, values.as_ref(), scope)?)
            }
        };
        let subquery = match &deed {
            Deed::Insert(row) => row.iter().any(has_subquery),
            Deed::Update(assignments) => assignments.iter().any(|(_, expr)| has_subquery(expr)),
            Deed::Delete | Deed::Nothing => false,
        };
        if subquery || condition.as_ref().is_some_and(has_subquery) {
            return Err(Error::unsupported("a subquery in a WHEN clause of MERGE"));
        }
        Ok(When { matched: when.matched, condition, deed })
    }

    fn merged_row(
        &mut self,
        goal: &Goal,
        columns: &[ast::ObjectName],
        overriding: Option<Overriding>,
        values: Option<&(Vec<ast::Expr>, Span)>,
        scope: &Scope,
    ) -> Result<Vec<Expr>> {
        let table = &goal.target.table;
        let (positions, ways) = self.insert_columns(goal, columns, None)?;
        super::refuse(!ways.is_empty(), "a part of a column in the INSERT of MERGE")?;
        let numbers: Vec<u16> = positions.iter().map(|position| table.columns[*position].number).collect();
        self.note_use(table, auth::Privileges::INSERT, &numbers);
        let Some((values, span)) = values else { return self.complete_row(table, &[], Vec::new()) };
        self.check_width(&positions, !columns.is_empty(), values.len(), *span)?;
        let into = Into { table, positions: &positions, ways: &[], explicit: !columns.is_empty(), overriding };
        let mut row = Vec::with_capacity(values.len());
        for (position, value) in positions.iter().zip(values) {
            if !is_default(value) {
                into.check_given(*position)?;
            }
            row.push(match into.overrides(*position) {
                true => self.default_of(table, *position)?,
                false => self.stored_value(table, *position, value, scope, Clause::Values)?,
            });
        }
        let given = &positions[..row.len()];
        self.complete_row(table, given, row)
    }
}

/// 42712 if the source goes by the target's name. Among several that are joined there, it is ambiguous where it is said.
fn refuse_own_name(target: &Scope, source: &Scope) -> Result<()> {
    let ([target], [source]) = (target.relations.as_slice(), source.relations.as_slice()) else { return Ok(()) };
    if target.name != source.name {
        return Ok(());
    }
    let message = format!("name \"{}\" specified more than once", source.name);
    Err(Error::new(SqlState::DUPLICATE_ALIAS, message)
        .with_detail("The name is used both as MERGE target table and data source."))
}

/// 42601 for a clause behind one that takes every row.
fn refuse_unreachable(whens: &[MergeWhen]) -> Result<()> {
    for matched in [true, false] {
        let mut same = whens.iter().filter(|when| when.matched == matched);
        if same.any(|when| when.condition.is_none()) && same.next().is_some() {
            let message = "unreachable WHEN clause specified after unconditional WHEN clause";
            return Err(Error::new(SqlState::SYNTAX_ERROR, message));
        }
    }
    Ok(())
}
