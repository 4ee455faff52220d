//! Binding what is to be written back as SQL: the binder decides all that it always does, keeps how things were written
//! (`Form`), and records the queries (`ShownQuery`). What is not kept faithfully is refused, so that nothing wrong is shown.

use super::query::{Bound, Tail};
use super::{Binder, ScopeColumn};
use crate::catalog::View;
use crate::error::{Error, Result};
use crate::expr::shown::{Asked, Form, Syntax};
use crate::expr::{ColumnVar, Expr, ExprKind, SortKey};
use crate::function::{CastContext, Function, operators, resolve};
use crate::plan::bind::query::Unknowns;
use crate::plan::relation::{JoinKind, Output, Relation, SetKind};
use crate::plan::shown::{ShownBody, ShownColumn, ShownFrom, ShownItem, ShownOn, ShownQuery, ShownSource, ShownWith};
use crate::plan::system_column::SystemColumns;
use crate::statement::parse_query;
use crate::types::{Type, builtin, oid};

/// What was bound so far: each list is a stack, to which the parts of a query come from the inside out.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) queries: Vec<ShownQuery>,
    pub(super) with: Vec<ShownWith>,
    /// The items of the FROM clause being bound.
    pub(super) from: Vec<ShownFrom>,
    /// FROM clauses that are bound.
    pub(super) clauses: Vec<Vec<ShownFrom>>,
}

impl<'a> Binder<'a> {
    /// What is bound will be written back as SQL, and not run.
    pub(crate) fn showing(mut self) -> Self {
        self.showing = Some(Box::default());
        self
    }

    /// The query of a view.
    pub(crate) fn shown_view(&mut self, view: &'a View) -> Result<ShownQuery> {
        self.inside = Some(view);
        let query = parse_query(&view.text)?;
        self.bind_query(&query, Unknowns::Text)?;
        self.last_shown()
    }
}

impl Binder<'_> {
    pub(super) fn is_showing(&self) -> bool {
        self.showing.is_some()
    }

    pub(super) fn recorder(&mut self) -> Result<&mut Recorder> {
        self.showing.as_deref_mut().ok_or_else(|| Error::internal("what is run is not shown"))
    }

    pub(super) fn last_shown(&mut self) -> Result<ShownQuery> {
        let last = self.recorder()?.queries.pop();
        last.ok_or_else(|| Error::internal("a query that was bound to be shown was not recorded"))
    }

    /// 0A000 for what is not shown as it was written.
    pub(super) fn refuse_to_show(&self, what: &'static str) -> Result<()> {
        if self.is_showing() { Err(Error::unsupported(what)) } else { Ok(()) }
    }

    /// A call as the construct that it was written with.
    pub(super) fn written_as(&self, call: Expr, syntax: impl FnOnce() -> Syntax) -> Expr {
        match call.kind {
            ExprKind::Call { args, .. } if self.is_showing() => Expr::shown(Form::Syntax(syntax()), args, call.ty),
            _ => call,
        }
    }

    /// A conversion that leaves a trace.
    pub(super) fn shown_conversion(&mut self, expr: Expr, target: Type, context: CastContext) -> Result<Expr> {
        let of_any = [
            oid::CSTRING,
            oid::INTERNAL,
            oid::ANY,
            oid::ANYELEMENT,
            oid::ANYARRAY,
            oid::ANYNONARRAY,
            oid::ANYENUM,
            oid::ANYCOMPATIBLE,
            oid::ANYCOMPATIBLEARRAY,
        ];
        if of_any.contains(&target.oid) {
            return if expr.ty.oid == oid::UNKNOWN { self.known(expr) } else { Ok(expr) };
        }
        let explicit = context == CastContext::Explicit;
        let wrapped = |expr: Expr, ty: Type| Expr::shown(Form::Cast { explicit }, vec![expr], ty);
        if expr.ty.oid == oid::UNKNOWN {
            // A literal is read as what the type is made of; what makes it longer or a domain's comes after.
            let base = builtin::base_type(target);
            let plain = if base.oid == oid::INTERVAL { base } else { Type::new(base.oid) };
            let mut read = match expr.kind {
                ExprKind::Const(_) => resolve::coerce(expr, plain, CastContext::Explicit, self.context)?,
                _ => wrapped(expr, plain),
            };
            if base != plain {
                read = wrapped(read, base);
            }
            return Ok(if target.oid == base.oid { read } else { wrapped(read, target) });
        }
        if expr.ty.oid == target.oid && (target.modifier < 0 || target.modifier == expr.ty.modifier) {
            return Ok(expr);
        }
        // What cannot be converted is refused as ever.
        resolve::coerce(Expr::column(ColumnVar(0), expr.ty), target, context, self.context)?;
        Ok(wrapped(expr, target))
    }

    /// What is still unknown becomes text.
    pub(crate) fn settled(&mut self, expr: Expr) -> Result<Expr> {
        self.known(expr)
    }

    /// A subquery that was just bound, as an expression.
    pub(super) fn shown_subquery(&mut self, asked: Asked, parts: Vec<Expr>, ty: Type) -> Result<Expr> {
        let query = self.last_shown()?;
        Ok(Expr::shown(Form::Query(asked, query.into()), parts, ty))
    }

    /// The outputs of a query as if they were converted.
    pub(super) fn shown_outputs(&mut self, mut bound: Bound, targets: &[Type]) -> Result<Bound> {
        for (output, target) in bound.outputs.iter_mut().zip(targets) {
            if output.column.ty != *target {
                output.origin = None;
            }
            output.column = self.fresh(*target);
        }
        bound.hidden = false;
        Ok(bound)
    }

    /// Literals of the query that was bound last take the types that were found for their columns.
    pub(super) fn settle_shown(&mut self, targets: &[Type]) -> Result<()> {
        let mut query = self.last_shown()?;
        self.settle_literals(&mut query, targets)?;
        self.recorder()?.queries.push(query);
        Ok(())
    }

    fn settle_literals(&mut self, query: &mut ShownQuery, targets: &[Type]) -> Result<()> {
        let mut settle = |expr: &mut Expr, target: Type| -> Result<()> {
            if expr.ty.oid == oid::UNKNOWN {
                let taken = std::mem::replace(expr, super::nothing());
                *expr = self.shown_conversion(taken, target, CastContext::Implicit)?;
            }
            Ok(())
        };
        match &mut query.body {
            ShownBody::Select(select) => {
                select.items.iter_mut().zip(targets).try_for_each(|((_, expr), target)| settle(expr, *target))
            }
            ShownBody::Values(rows) => {
                rows.iter_mut().flat_map(|row| row.iter_mut().zip(targets)).try_for_each(|(expr, ty)| settle(expr, *ty))
            }
            ShownBody::Set { left, right, .. } => {
                self.settle_literals(left, targets)?;
                self.settle_literals(right, targets)
            }
        }
    }

    /// Records the set operation over the last two queries.
    pub(super) fn shown_set(&mut self, kind: SetKind, all: bool, targets: &[Type]) -> Result<()> {
        let mut right = self.last_shown()?;
        let mut left = self.last_shown()?;
        self.settle_literals(&mut right, targets)?;
        self.settle_literals(&mut left, targets)?;
        let body = ShownBody::Set { kind, all, left: Box::new(left), right: Box::new(right) };
        self.recorder()?.queries.push(ShownQuery::of(body));
        Ok(())
    }

    /// What follows the body of the query that was bound last.
    pub(super) fn shown_tail(&mut self, tail: &Tail<'_>, order: Vec<SortKey>) -> Result<()> {
        if !tail.locks.is_empty() {
            return Err(Error::unsupported("a locking clause that is shown"));
        }
        let scope = super::Scope::empty();
        let limit = match tail.limit {
            Some(limit) => self.row_count(limit, super::Clause::Limit, &scope)?,
            None if tail.one => Some(Expr::constant(storage::Value::Int4(1), Type::new(oid::INT4))),
            None => None,
        };
        let offset = match tail.offset {
            Some(offset) => self.row_count(offset, super::Clause::Offset, &scope)?,
            None => None,
        };
        let mut query = self.last_shown()?;
        query.order = order;
        query.limit = limit;
        query.offset = offset;
        query.with_ties = tail.with_ties;
        self.recorder()?.queries.push(query);
        Ok(())
    }

    /// Sort keys that are columns of a result, as their numbers.
    pub(super) fn shown_positions(&self, keys: &[SortKey], outputs: &[Output]) -> Result<Vec<SortKey>> {
        let position = |key: &SortKey| {
            let at = outputs.iter().position(|o| matches!(key.expr.kind, ExprKind::Column(var) if var == o.column.var));
            let at = at.ok_or_else(|| Error::unsupported("an order by an expression that is shown"))?;
            let number = Expr::constant(storage::Value::Int4(at as i32 + 1), Type::new(oid::INT4));
            Ok(SortKey { expr: number, ..*key })
        };
        keys.iter().map(position).collect()
    }

    /// Records an item of FROM.
    pub(super) fn show_item(
        &mut self,
        source: ShownSource,
        name: &str,
        (aliased, names_columns): (bool, bool),
        columns: &[ScopeColumn],
    ) -> Result<()> {
        let columns = columns.iter().map(ShownColumn::of).collect();
        let item = ShownItem {
            source,
            name: name.to_owned(),
            aliased,
            names_columns,
            columns,
            system: SystemColumns::default(),
        };
        self.recorder()?.from.push(ShownFrom::Item(Box::new(item)));
        Ok(())
    }

    /// Tells the system columns of the item of FROM that was recorded last.
    pub(super) fn show_system(&mut self, columns: SystemColumns) -> Result<()> {
        if let Some(ShownFrom::Item(item)) = self.recorder()?.from.last_mut() {
            item.system = columns;
        }
        Ok(())
    }

    /// Records a function in FROM by the relation that it was bound to.
    pub(super) fn show_function(
        &mut self,
        relation: &Relation,
        with_ordinality: bool,
        name: &str,
        columns: &[ScopeColumn],
        lateral: bool,
    ) -> Result<()> {
        let source = match relation {
            Relation::Function { function, args, ordinality, .. } if !function.columns.is_empty() => {
                let args = args.clone();
                ShownSource::Function { name: function.name, args, ordinality: ordinality.is_some(), lateral }
            }
            Relation::Project { input, columns: computed } if matches!(**input, Relation::OneRow) => {
                let call = Box::new(computed[0].1.clone());
                ShownSource::Scalar { call, ordinality: with_ordinality, lateral }
            }
            _ => return Err(Error::unsupported("this function in FROM, shown")),
        };
        self.show_item(source, name, (true, true), columns)
    }

    /// Columns of a join that are seen under its name only: numbers of their own tell them from what they were.
    pub(super) fn seen_as(&mut self, mut columns: Vec<ScopeColumn>) -> Result<Vec<ScopeColumn>> {
        for column in &mut columns {
            let own = self.fresh(column.expr.ty);
            column.expr = Expr::column(own.var, own.ty);
        }
        Ok(columns)
    }

    /// Gives the join that was recorded last a name.
    pub(super) fn show_named_join(&mut self, name: &str, names_columns: bool, columns: &[ScopeColumn]) -> Result<()> {
        let columns = columns.iter().map(ShownColumn::of).collect();
        let from = &mut self.recorder()?.from;
        let join = from.pop().ok_or_else(|| Error::internal("a join was recorded"))?;
        from.push(ShownFrom::Named { join: Box::new(join), name: name.to_owned(), names_columns, columns });
        Ok(())
    }

    /// Records a join of the last two items of FROM.
    pub(super) fn show_join(&mut self, kind: JoinKind, on: ShownOn) -> Result<()> {
        let from = &mut self.recorder()?.from;
        let (Some(right), Some(left)) = (from.pop(), from.pop()) else {
            return Err(Error::internal("a join has two sides"));
        };
        from.push(ShownFrom::Join { kind, left: Box::new(left), right: Box::new(right), on });
        Ok(())
    }
}

impl ShownColumn {
    fn of(column: &ScopeColumn) -> Self {
        let number = column.origin.map(|(_, number)| number);
        Self { var: column.var(), name: column.name.clone(), number }
    }
}

impl ShownQuery {
    /// A body and nothing else.
    pub(super) fn of(body: ShownBody) -> Self {
        let (with, order) = (Vec::new(), Vec::new());
        Self { recursive: false, with, body, order, limit: None, offset: None, with_ties: false }
    }
}

/// The name of the operator that a function computes.
pub(crate) fn operator_name(function: &Function) -> Result<&'static str> {
    let found = operators().find(|operator| operator.function.oid == function.oid);
    found.map(|operator| operator.name).ok_or_else(|| Error::internal("a comparison has an operator"))
}
