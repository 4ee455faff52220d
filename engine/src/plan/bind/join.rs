//! Joins: ON, USING and NATURAL, and which columns a join leaves in sight.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, JoinConstraint, JoinOperator, ObjectNamePart};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::{shared_modifier, truth_value};
use super::from::FromItem;
use super::names::fold;
use super::position::Sides;
use super::walk::map_outer_relation;
use super::with::{invalid_recursion, working_table};
use super::{Binder, Clause, Place, Range, Scope, ScopeColumn, ScopeRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Form;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::{CastContext, resolve};
use crate::plan::relation::{JoinKind, Relation};
use crate::plan::shown::ShownOn;
use crate::plan::system_column::{SeesDeleted, SystemColumns};
use crate::statement::mend::MARK;

const NO_LATERAL: &str = "The combining JOIN type must be INNER or LEFT for a LATERAL reference.";

impl Binder<'_> {
    /// One item of FROM with the joins that follow it; `left` is what stands before it.
    pub(super) fn joined(&mut self, table: &ast::TableWithJoins, left: &Scope) -> Result<FromItem> {
        let ast::TableWithJoins { relation, joins } = table;
        let lockable_before = self.lockable_count();
        let mut item = self.factor(relation, left, None)?;
        for join in joins {
            item = self.join(item, join, left, lockable_before)?;
        }
        Ok(item)
    }

    fn join(
        &mut self,
        mut item: FromItem,
        join: &ast::Join,
        before: &Scope,
        lockable_before: usize,
    ) -> Result<FromItem> {
        let ast::Join { relation, global, join_operator } = join;
        if *global {
            return Err(Error::unsupported("GLOBAL JOIN"));
        }
        let (kind, constraint) = kind_of(join_operator)?;
        // Items before this one are in sight of LATERAL here too.
        let mut visible = before.clone();
        visible.extend(item.scope.clone());
        let refusal = matches!(kind, JoinKind::Right | JoinKind::Full).then_some(NO_LATERAL);
        let lockable_left = self.lockable_count();
        let mut right = self.factor(relation, &visible, refusal)?;
        self.refuse_same_names(&item.scope, &right.scope)?;
        let nullable = match kind {
            JoinKind::Left => working_table(&right.relation),
            JoinKind::Right => working_table(&item.relation),
            JoinKind::Full => working_table(&item.relation).or_else(|| working_table(&right.relation)),
            _ => None,
        };
        if let Some(name) = nullable {
            let words = format!("recursive reference to query \"{name}\" must not appear within an outer join");
            return Err(invalid_recursion(words));
        }
        if matches!(kind, JoinKind::Left | JoinKind::Full) {
            self.mark_nullable(lockable_left, usize::MAX);
            right.scope.make_nullable();
        }
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            self.mark_nullable(lockable_before, lockable_left);
            item.scope.make_nullable();
        }
        let mut using = None;
        let (condition, scope) = match constraint {
            JoinConstraint::None => (None, beside(&item.scope, right.scope)),
            JoinConstraint::On(condition) => {
                let scope = beside(&item.scope, right.scope);
                let place = Place { scope: &scope, clause: Clause::JoinOn };
                (Some(self.condition_at(condition, place)?), scope)
            }
            JoinConstraint::Using(names) => {
                let (names, alias) = using_names(names)?;
                using = Some((names.clone(), alias.clone()));
                let (condition, mut scope) = self.merge_columns(kind, &item.scope, right.scope, &names)?;
                if let Some((name, span)) = alias {
                    self.refuse_same_name(&scope, &name, span)?;
                    let columns = scope.columns[..names.len()].to_vec();
                    self.ranges.push(Range { name: name.clone(), table: None });
                    scope.relations.push(Arc::new(ScopeRelation {
                        name,
                        table: None,
                        aliased: true,
                        nullable: kind != JoinKind::Inner,
                        scalar: false,
                        mark: None,
                        system: SystemColumns::default(),
                        sees_deleted: SeesDeleted::default(),
                        columns,
                    }));
                }
                (condition, scope)
            }
            JoinConstraint::Natural => {
                let mut names: Vec<(String, Span)> = Vec::new();
                for column in &item.scope.columns {
                    if right.scope.columns.iter().any(|other| other.name == column.name) {
                        names.push((column.name.clone(), Span::empty()));
                    }
                }
                using = Some((names.clone(), None)).filter(|_| !names.is_empty());
                self.merge_columns(kind, &item.scope, right.scope, &names)?
            }
        };
        if self.is_showing() {
            let named = |(name, _): (String, Span)| name;
            let on = match (using, &condition) {
                (Some((columns, alias)), _) => {
                    ShownOn::Using { columns: columns.into_iter().map(named).collect(), alias: alias.map(named) }
                }
                (None, Some(condition)) => ShownOn::Condition(condition.clone()),
                (None, None) => ShownOn::Nothing,
            };
            self.show_join(kind, on)?;
        }
        let kind = if condition.is_none() && kind == JoinKind::Inner { JoinKind::Cross } else { kind };
        let mut relation = Relation::Join {
            kind,
            left: Box::new(item.relation),
            right: Box::new(right.relation),
            condition,
            lateral: right.lateral,
        };
        let reaches = right.lateral && reach_before(&mut relation, before)?;
        Ok(FromItem { relation, scope, lateral: item.lateral || reaches })
    }

    /// USING: the columns of these names are compared, and in sight only once.
    fn merge_columns(
        &mut self,
        kind: JoinKind,
        left: &Scope,
        right: Scope,
        names: &[(String, Span)],
    ) -> Result<(Option<Expr>, Scope)> {
        let mut conditions = Vec::with_capacity(names.len());
        let mut merged = Vec::with_capacity(names.len());
        for (index, (name, span)) in names.iter().enumerate() {
            if names[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Error::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("column name \"{name}\" appears more than once in USING clause"),
                )
                .at(self.position(*span)));
            }
            let a = self.using_column(left, name, "left")?;
            let b = self.using_column(&right, name, "right")?;
            self.note_column(&a);
            self.note_column(&b);
            let sides = Sides { words: "using", left: *span, right: *span };
            conditions.push(self.apply_operator("=", Some(a.expr.clone()), b.expr.clone(), sides)?);
            merged.push(self.merged_column(kind, name, a, b)?);
        }
        let rest = |scope: &Scope| -> Vec<ScopeColumn> {
            let left_over = scope.columns.iter().filter(|column| !names.iter().any(|(name, _)| *name == column.name));
            left_over.cloned().collect()
        };
        merged.extend(rest(left));
        merged.extend(rest(&right));
        let relations = left.relations.iter().cloned().chain(right.relations).collect();
        let condition = match conditions.len() {
            0 => None,
            1 => conditions.pop(),
            _ => Some(truth_value(ExprKind::And(conditions))),
        };
        Ok((condition, Scope { relations, columns: merged }))
    }

    fn refuse_same_name(&self, scope: &Scope, name: &str, span: Span) -> Result<()> {
        match scope.relation(name) {
            None => Ok(()),
            Some(_) => {
                let words = format!("table name \"{name}\" specified more than once");
                Err(Error::new(SqlState::DUPLICATE_ALIAS, words).at(self.position(span)))
            }
        }
    }

    fn using_column(&self, scope: &Scope, name: &str, side: &str) -> Result<ScopeColumn> {
        let mut matches = scope.columns.iter().filter(|column| column.name == name);
        let first = matches.next().ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{name}\" specified in USING clause does not exist in {side} table"),
            )
        })?;
        match matches.next() {
            None => Ok(first.clone()),
            Some(_) => Err(Error::new(
                SqlState::AMBIGUOUS_COLUMN,
                format!("common column name \"{name}\" appears more than once in {side} table"),
            )),
        }
    }

    /// The one column that stands for both: the side that is never missing, or COALESCE when both may be.
    fn merged_column(
        &mut self,
        kind: JoinKind,
        name: &str,
        left: ScopeColumn,
        right: ScopeColumn,
    ) -> Result<ScopeColumn> {
        let types = [left.expr.ty, right.expr.ty];
        let common = shared_modifier(&types, resolve::common_type(&types, "JOIN/USING")?);
        let (expr, origin) = match kind {
            JoinKind::Right => (self.coerce(right.expr, common, CastContext::Implicit)?, right.origin),
            JoinKind::Full => {
                let args = vec![
                    self.coerce(left.expr, common, CastContext::Implicit)?,
                    self.coerce(right.expr, common, CastContext::Implicit)?,
                ];
                (Expr::new(ExprKind::Coalesce(args), common), None)
            }
            // Either will do for an inner join: the one that needs no conversion.
            JoinKind::Inner if left.expr.ty != common && right.expr.ty == common => (right.expr, right.origin),
            _ => (self.coerce(left.expr, common, CastContext::Implicit)?, left.origin),
        };
        // A column that is neither side's goes by its own name.
        let expr = match expr.kind {
            ExprKind::Column(_) => expr,
            _ if self.is_showing() => {
                Expr::shown(Form::Word(crate::types::text::quote_identifier(name)), Vec::new(), common)
            }
            _ => expr,
        };
        let unchanged = matches!(expr.kind, ExprKind::Column(_)) && expr.ty == common;
        let expr = Expr { ty: common, ..expr };
        let origin = origin.filter(|_| unchanged);
        Ok(ScopeColumn { name: name.to_owned(), expr, origin })
    }
}

/// A lateral side sees what stands before the whole join too. If it names something there, the join becomes a lateral
/// item itself: one border more for whatever it names outside.
fn reach_before(join: &mut Relation, before: &Scope) -> Result<bool> {
    let is_before = |var: ColumnVar| {
        let mut columns = before.relations.iter().flat_map(|relation| &relation.columns);
        columns.any(|column| column.var() == Some(var))
    };
    let mut found = false;
    map_outer_relation(join, 1, &mut |reference| {
        found |= is_before(reference.var);
        Ok((reference.var, reference.depth))
    })?;
    if found {
        map_outer_relation(join, 1, &mut |reference| {
            let escapes = reference.depth >= reference.borders || is_before(reference.var);
            Ok((reference.var, reference.depth + usize::from(escapes)))
        })?;
    }
    Ok(found)
}

fn beside(left: &Scope, right: Scope) -> Scope {
    let mut scope = left.clone();
    scope.extend(right);
    scope
}

/// The columns that USING names, and what names them together.
type UsingNames = (Vec<(String, Span)>, Option<(String, Span)>);

fn using_names(names: &[ast::ObjectName]) -> Result<UsingNames> {
    let (mut columns, mut alias) = (Vec::with_capacity(names.len()), None);
    for name in names {
        match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] if ident.quote_style == Some(MARK) => {
                alias = Some((ident.value.clone(), ident.span));
            }
            [ObjectNamePart::Identifier(ident)] => columns.push((fold(ident), ident.span)),
            _ => return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{}\"", name))),
        }
    }
    Ok((columns, alias))
}

fn kind_of(operator: &JoinOperator) -> Result<(JoinKind, &JoinConstraint)> {
    use JoinOperator as J;
    let (kind, constraint) = match operator {
        J::Join(constraint) | J::Inner(constraint) => (JoinKind::Inner, constraint),
        J::Left(constraint) | J::LeftOuter(constraint) => (JoinKind::Left, constraint),
        J::Right(constraint) | J::RightOuter(constraint) => (JoinKind::Right, constraint),
        J::FullOuter(constraint) => (JoinKind::Full, constraint),
        J::CrossJoin(constraint @ JoinConstraint::None) => return Ok((JoinKind::Cross, constraint)),
        J::CrossJoin(_) => return Err(Error::new(SqlState::SYNTAX_ERROR, "CROSS JOIN takes no condition")),
        J::Semi(_) | J::LeftSemi(_) | J::RightSemi(_) | J::Anti(_) | J::LeftAnti(_) | J::RightAnti(_) => {
            return Err(Error::unsupported("SEMI or ANTI JOIN"));
        }
        J::CrossApply | J::OuterApply => return Err(Error::unsupported("APPLY")),
        J::AsOf { .. } => return Err(Error::unsupported("ASOF JOIN")),
        J::StraightJoin(_) => return Err(Error::unsupported("STRAIGHT_JOIN")),
        J::ArrayJoin | J::LeftArrayJoin | J::InnerArrayJoin => return Err(Error::unsupported("ARRAY JOIN")),
    };
    if matches!(constraint, JoinConstraint::None) {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error: JOIN needs ON or USING"));
    }
    Ok((kind, constraint))
}
