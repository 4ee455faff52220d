//! UNION, INTERSECT and EXCEPT, and VALUES as a query: columns matched by position and brought to one type.

use datafusion::sql::sqlparser::ast::{self, SetExpr, SetOperator, SetQuantifier};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::{shared_modifier, too_complex};
use super::position::{Start, first_column};
use super::query::{Bound, Tail, Unknowns};
use super::{Binder, Clause, Place, Scope, ScopeColumn, ScopeRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, SortKey};
use crate::function::{CastContext, resolve};
use crate::plan::relation::{Column, Output, Relation, SetKind};
use crate::plan::shown::{ShownBody, ShownQuery};
use crate::plan::system_column::{SeesDeleted, SystemColumns};
use crate::types::{Type, oid};

/// Most set operations in a row; they nest to the left.
const CHAIN_MAX: usize = 500;

impl Binder<'_> {
    pub(super) fn set_operation(&mut self, body: &SetExpr, tail: Tail<'_>, unknowns: Unknowns<'_>) -> Result<Bound> {
        if let Some(lock) = tail.locks.first() {
            let words = format!("{} is not allowed with UNION/INTERSECT/EXCEPT", super::locking::words(lock));
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
        }
        let mut bound = self.operand(body, unknowns)?;
        if !matches!(unknowns, Unknowns::Keep) {
            bound = self.settle_operands(bound, unknowns)?;
        }
        if !tail.order_by.is_empty() {
            let keys = self.order_outputs(tail.order_by, &bound.outputs)?;
            bound.relation = Relation::Sort { input: Box::new(bound.relation), keys };
        }
        if self.is_showing() {
            let keys = self.order_outputs(tail.order_by, &bound.outputs)?;
            let keys = self.shown_positions(&keys, &bound.outputs)?;
            self.shown_tail(&tail, keys)?;
        }
        bound.relation = self.limit(bound.relation, &tail, &Scope::empty())?;
        Ok(bound)
    }

    /// One side of a set operation, or a whole tree of them. A chain nests to the left, so that side is a loop.
    fn operand(&mut self, body: &SetExpr, unknowns: Unknowns<'_>) -> Result<Bound> {
        let mut chain = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            chain.push((kind_of(op)?, is_all(set_quantifier)?, &**right));
            first = left;
        }
        let mut result = self.leaf(first)?;
        if chain.len() > CHAIN_MAX {
            return Err(too_complex());
        }
        let mut span = first_column(first);
        for (kind, all, right) in chain.into_iter().rev() {
            let right_bound = match right {
                SetExpr::SetOperation { .. } => self.nested(|binder| binder.operand(right, Unknowns::Keep))?,
                _ => self.leaf(right)?,
            };
            result = self.combine(kind, all, result, right_bound, (span, first_column(right)), unknowns)?;
            span = first_column(right);
        }
        Ok(result)
    }

    /// A term of a recursive query, with no more columns than it shows.
    pub(super) fn side(&mut self, body: &SetExpr, unknowns: Unknowns<'_>) -> Result<Bound> {
        let bound = self.operand(body, unknowns)?;
        if matches!(unknowns, Unknowns::Keep) { Ok(bound) } else { self.settle_operands(bound, unknowns) }
    }

    fn leaf(&mut self, body: &SetExpr) -> Result<Bound> {
        let bound = match body {
            SetExpr::Select(select) => self.select(select, Tail::default(), Unknowns::Keep)?,
            SetExpr::Query(query) => self.bind_query(query, Unknowns::Keep)?,
            SetExpr::Values(values) => self.values_query(values, Tail::default(), Unknowns::Keep)?,
            SetExpr::Table(_) => return Err(Error::unsupported("TABLE in a set operation")),
            SetExpr::SetOperation { .. } => return Err(Error::internal("set operations are taken apart above")),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                return Err(Error::unsupported("INSERT, UPDATE, DELETE or MERGE inside a query"));
            }
        };
        let bound = bound.without_locking()?;
        Ok(self.exact(bound))
    }

    fn combine(
        &mut self,
        kind: SetKind,
        all: bool,
        left: Bound,
        right: Bound,
        (left_span, right_span): (Span, Span),
        unknowns: Unknowns<'_>,
    ) -> Result<Bound> {
        let word = word(kind);
        if left.outputs.len() != right.outputs.len() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("each {word} query must have the same number of columns"),
            )
            .at(self.position(right_span)));
        }
        let mut targets = Vec::with_capacity(left.outputs.len());
        for (index, (a, b)) in left.outputs.iter().zip(&right.outputs).enumerate() {
            let types = [a.column.ty, b.column.ty];
            let unknown = types.iter().all(|ty| ty.oid == oid::UNKNOWN);
            let common = match unknowns {
                Unknowns::Into(wanted) if unknown && index < wanted.len() => wanted[index],
                _ => resolve::common_type(&types, word).map_err(|error| error.at(self.position(right_span)))?,
            };
            let target = shared_modifier(&types, common);
            if !all {
                resolve::equality(target).map_err(|error| error.at(self.position(left_span)))?;
            }
            targets.push(target);
        }
        if self.is_showing() {
            self.shown_set(kind, all, &targets)?;
        }
        let left = self.convert_outputs(left, &targets, CastContext::Implicit, left_span)?;
        let right = self.convert_outputs(right, &targets, CastContext::Implicit, right_span)?;
        let mut outputs = left.outputs;
        for (output, target) in outputs.iter_mut().zip(&targets) {
            *output = Output { name: std::mem::take(&mut output.name), column: self.fresh(*target), origin: None };
        }
        let columns = outputs.iter().map(|output| output.column).collect();
        let (left, right) = (Box::new(left.relation), Box::new(right.relation));
        let relation = Relation::SetOperation { kind, all, columns, left, right };
        Ok(Bound { relation, outputs, hidden: false, locking: Vec::new() })
    }

    /// What both sides left unknown becomes text, or what is wanted.
    fn settle_operands(&mut self, bound: Bound, unknowns: Unknowns<'_>) -> Result<Bound> {
        let targets: Vec<Type> = bound
            .outputs
            .iter()
            .enumerate()
            .map(|(index, output)| match (output.column.ty.oid, unknowns) {
                (oid::UNKNOWN, Unknowns::Into(wanted)) if index < wanted.len() => wanted[index],
                (oid::UNKNOWN, _) => Type::new(oid::TEXT),
                _ => output.column.ty,
            })
            .collect();
        if self.is_showing() {
            self.settle_shown(&targets)?;
        }
        self.convert_outputs(bound, &targets, CastContext::Assignment, Span::empty())
    }

    /// VALUES as a query: its columns are column1, column2, …
    pub(super) fn values_query(
        &mut self,
        values: &ast::Values,
        tail: Tail<'_>,
        unknowns: Unknowns<'_>,
    ) -> Result<Bound> {
        if let Some(lock) = tail.locks.first() {
            let words = format!("{} cannot be applied to VALUES", super::locking::words(lock));
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
        }
        let (mut relation, columns) = self.values(values, unknowns)?;
        let mut outputs = Vec::with_capacity(columns.len());
        let mut named = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let name = format!("column{}", index + 1);
            named.push(ScopeColumn::new(name.as_str(), *column, None));
            outputs.push(Output { name, column: *column, origin: None });
        }
        if let (true, Relation::Values { rows, .. }) = (self.is_showing(), &relation) {
            let keys = self.order_outputs(tail.order_by, &outputs)?;
            let keys = self.shown_positions(&keys, &outputs)?;
            let values = ShownQuery::of(ShownBody::Values(rows.clone()));
            self.recorder()?.queries.push(values);
            self.shown_tail(&tail, keys)?;
        }
        let scope = Scope::of(ScopeRelation {
            name: "*VALUES*".to_owned(),
            table: None,
            aliased: true,
            nullable: false,
            scalar: false,
            mark: None,
            system: SystemColumns::default(),
            sees_deleted: SeesDeleted::default(),
            columns: named,
        });
        if !tail.order_by.is_empty() {
            let keys = self.values_keys(tail.order_by, &outputs, &scope)?;
            relation = Relation::Sort { input: Box::new(relation), keys };
        }
        relation = self.limit(relation, &tail, &scope)?;
        Ok(Bound { relation, outputs, hidden: false, locking: Vec::new() })
    }

    fn values_keys(&mut self, keys: &[ast::OrderByExpr], outputs: &[Output], scope: &Scope) -> Result<Vec<SortKey>> {
        let mut bound = Vec::with_capacity(keys.len());
        for key in keys {
            let position = super::literal::constant(&key.expr).is_some();
            if position {
                bound.extend(self.order_outputs(std::slice::from_ref(key), outputs)?);
            } else {
                bound.extend(self.sort_keys(std::slice::from_ref(key), Place { scope, clause: Clause::OrderBy })?);
            }
        }
        Ok(bound)
    }

    fn values(&mut self, values: &ast::Values, unknowns: Unknowns<'_>) -> Result<(Relation, Vec<Column>)> {
        let ast::Values { explicit_row, value_keyword, rows } = values;
        if *explicit_row || *value_keyword {
            return Err(Error::unsupported("VALUES ROW(…)"));
        }
        let scope = Scope::empty();
        let place = Place { scope: &scope, clause: Clause::Values };
        let width = rows.first().map_or(0, |row| row.content.len());
        let mut by_column: Vec<Vec<(Expr, Span)>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
        for ast::Parens { opening_token: _, content, closing_token: _ } in rows {
            if content.len() != width {
                let position = content.first().and_then(|expr| self.position(expr.start()));
                return Err(Error::new(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length").at(position));
            }
            for (column, expr) in by_column.iter_mut().zip(content) {
                column.push((self.bind(expr, place)?, expr.start()));
            }
        }
        let mut columns = Vec::with_capacity(width);
        let mut cells: Vec<std::vec::IntoIter<Expr>> = Vec::with_capacity(width);
        for (index, column) in by_column.into_iter().enumerate() {
            let (exprs, ty) = self.values_column(column, index, unknowns)?;
            columns.push(self.fresh(ty));
            cells.push(exprs.into_iter());
        }
        let rows = rows.iter().map(|_| cells.iter_mut().filter_map(Iterator::next).collect()).collect();
        Ok((Relation::Values { columns: columns.clone(), rows }, columns))
    }

    /// One column of VALUES, brought to one type.
    fn values_column(
        &mut self,
        column: Vec<(Expr, Span)>,
        index: usize,
        unknowns: Unknowns<'_>,
    ) -> Result<(Vec<Expr>, Type)> {
        let all_unknown = column.iter().all(|(expr, _)| expr.ty.oid == oid::UNKNOWN);
        let ty = match unknowns {
            Unknowns::Into(targets) if all_unknown && index < targets.len() => targets[index],
            Unknowns::Keep if all_unknown && column.len() == 1 => {
                let exprs = column.into_iter().map(|(expr, _)| expr).collect();
                return Ok((exprs, Type::new(oid::UNKNOWN)));
            }
            _ => return self.unify(column, "VALUES"),
        };
        let exprs = column
            .into_iter()
            .map(|(expr, span)| self.coerce_at(expr, ty, CastContext::Assignment, span))
            .collect::<Result<_>>()?;
        Ok((exprs, ty))
    }
}

fn kind_of(operator: &SetOperator) -> Result<SetKind> {
    match operator {
        SetOperator::Union => Ok(SetKind::Union),
        SetOperator::Intersect => Ok(SetKind::Intersect),
        SetOperator::Except => Ok(SetKind::Except),
        SetOperator::Minus => Err(Error::unsupported("MINUS")),
    }
}

fn is_all(quantifier: &SetQuantifier) -> Result<bool> {
    match quantifier {
        SetQuantifier::All => Ok(true),
        SetQuantifier::Distinct | SetQuantifier::None => Ok(false),
        SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
            Err(Error::unsupported("a set operation BY NAME"))
        }
    }
}

fn word(kind: SetKind) -> &'static str {
    match kind {
        SetKind::Union => "UNION",
        SetKind::Intersect => "INTERSECT",
        SetKind::Except => "EXCEPT",
    }
}
