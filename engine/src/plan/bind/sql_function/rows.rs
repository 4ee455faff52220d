//! What a body answers: its rows as the columns that the function declares, in FROM, in a list, or the first of them.

use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::Span;

use super::super::query::{Bound, Unknowns};
use super::super::record::field_at;
use super::super::{Binder, Clause, Place, Scope, ScopeColumn};
use super::argument::{belongs_to_group, can_be_null, has_subquery, is_copied, names_columns, null_test, seen_from};
use super::{Columns, Shape, inlining, is_row_type, mismatch, result_name, shape_of};
use crate::catalog::SqlFunction;
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::expr::walk::is_volatile;
use crate::function::CastContext;
use crate::function::record::record;
use crate::function::resolve;
use crate::plan::relation::{Column, JoinKind, Relation};
use crate::types::{Type, builtin, display, oid};

impl Binder<'_> {
    /// A call in a SELECT list that answers rows: the SELECT's rows are joined with them, and the list sees a column.
    pub(super) fn set_in_list(
        &mut self,
        function: &Arc<SqlFunction>,
        args: &[Expr],
        span: Span,
        at: Place<'_>,
    ) -> Result<Expr> {
        if let Some(error) = at.clause.set_refusal() {
            return Err(error);
        }
        if let Some(construct) = self.sets_refused {
            let words = format!("set-returning functions are not allowed in {construct}");
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).with_hint(super::super::clause::SET_HINT));
        }
        let name = &function.name;
        if at.clause != Clause::Select || !self.sets.is_empty() || self.select.sql_set.is_some() {
            return Err(Error::unsupported(format!(
                "the set-returning function {name} beside others, or outside of a list"
            )));
        }
        if args.iter().any(|arg| belongs_to_group(arg) || is_volatile(arg) || has_subquery(arg)) {
            return Err(Error::unsupported(format!("such an argument of the set-returning function {name} in a list")));
        }
        if function.returns == oid::RECORD && function.results().next().is_none() {
            return Err(Error::unsupported(format!("the function {name}, which returns any rows, in a list")));
        }
        if self.is_recorded() {
            self.select.sql_set = Some((Relation::OneRow, true));
            return Ok(self.kept_call(function, args.to_vec()));
        }
        let columns = self.result_columns(function, None)?;
        if self.select.runs {
            return Err(Error::unsupported(format!("the set-returning function {name} beside one that is run")));
        }
        let query = match shape_of(function)? {
            Shape::Query(query) => query,
            Shape::Statements => {
                let (relation, outputs) = self.set_of_run(function, args.to_vec(), &columns, span)?;
                self.select.sql_set = Some((relation, false));
                return row_in_list(function, columns, outputs);
            }
        };
        let body = self.with_body(function, query.kept, args.to_vec(), 1, |inner| {
            let bound = inner.bind_query(&query.query, Unknowns::Text)?.without_locking()?;
            inner.rows(function, bound, &columns)
        });
        let body = body.map_err(|error| inlining(function, error))?;
        let named = |(arg, used): (&Expr, &usize)| (*used > 0 || function.strict) && names_columns(arg);
        let correlated = args.iter().zip(&body.used).any(named);
        if body.volatile && !correlated && !self.runs_once(at) {
            return Err(Error::unsupported(format!("the volatile function {name} for each row of a query")));
        }
        let (mut relation, outputs) = body.bound;
        if function.strict {
            for test in args.iter().filter(|arg| can_be_null(arg)) {
                let predicate = null_test(seen_from(test.clone(), 1)?, true);
                relation = Relation::Filter { input: Box::new(relation), predicate };
            }
        }
        self.select.sql_set = Some((relation, correlated));
        row_in_list(function, columns, outputs)
    }

    /// The rows of a SELECT joined with those of the function in its list, if there is one.
    pub(in crate::plan::bind) fn joined_with_set(&mut self, relation: Relation, grouped: bool) -> Result<Relation> {
        let Some((set, correlated)) = self.select.sql_set.take() else { return Ok(relation) };
        if grouped {
            return Err(Error::unsupported("a set-returning function that SQL defined in the list of a grouped query"));
        }
        if matches!(relation, Relation::OneRow) && !correlated {
            // In the order that the body has.
            return Ok(set);
        }
        Ok(Relation::Join {
            kind: JoinKind::Inner,
            left: Box::new(relation),
            right: Box::new(set),
            condition: None,
            lateral: true,
        })
    }

    /// A call in FROM: its rows and what their columns are called.
    pub(in crate::plan::bind) fn sql_relation(
        &mut self,
        function: &Arc<SqlFunction>,
        args: Vec<Expr>,
        definitions: Option<Columns>,
        span: Span,
    ) -> Result<(Relation, Vec<ScopeColumn>)> {
        let scope = Scope::empty();
        let at = Place { scope: &scope, clause: Clause::FromFunction };
        let columns = self.result_columns(function, definitions).map_err(|error| error.at(self.position(span)))?;
        self.check_call(function, at.clause).map_err(|error| self.at_call(error, span))?;
        if self.is_recorded() {
            return Ok(self.kept_rows(function, args, columns));
        }
        let shape = shape_of(function)?;
        if let Shape::Statements = shape {
            let run = self.rows_of_run(function, args, columns, span);
            return run.map_err(|error| error.at(self.position(span)));
        }
        if !function.set {
            if function.returns == oid::RECORD && function.results().next().is_none() {
                let what = format!("the function {} of no set, which returns record, in FROM", function.name);
                return Err(Error::unsupported(what).at(self.position(span)));
            }
            let value = self.sql_call(function, args, span, at)?;
            return Ok(self.row_of_value(value, columns));
        }
        let Shape::Query(query) = shape else { return Err(Error::internal("a body that is run was run")) };
        let bind = |inner: &mut Binder<'_>| -> Result<(Relation, Vec<Column>)> {
            let bound = inner.bind_query(&query.query, Unknowns::Text)?.without_locking()?;
            inner.rows(function, bound, &columns)
        };
        let body =
            self.with_body(function, query.kept, args.clone(), 0, bind).map_err(|error| inlining(function, error))?;
        let (mut relation, mut outputs) = body.bound;
        let mut tests = args.clone();
        let uses = |used: &usize| used + usize::from(function.strict);
        if !args.iter().zip(&body.used).all(|(arg, used)| is_copied(arg, uses(used))) {
            let taken = args.iter().map(|arg| (self.fresh(arg.ty), arg.clone())).collect::<Vec<_>>();
            let named: Vec<Expr> = taken.iter().map(|(column, _)| Expr::column(column.var, column.ty)).collect();
            let body = self
                .with_body(function, query.kept, named.clone(), 1, bind)
                .map_err(|error| inlining(function, error))?;
            outputs = body.bound.1;
            let left = Relation::Project { input: Box::new(Relation::OneRow), columns: taken };
            relation = Relation::Join {
                kind: JoinKind::Inner,
                left: Box::new(left),
                right: Box::new(body.bound.0),
                condition: None,
                lateral: true,
            };
            tests = named;
        }
        if function.strict {
            for test in tests.into_iter().filter(can_be_null) {
                relation = Relation::Filter { input: Box::new(relation), predicate: null_test(test, true) };
            }
        }
        let named = columns.into_iter().zip(&outputs);
        let named = named.map(|((name, _), column)| ScopeColumn::new(name, *column, None)).collect();
        let kept = outputs.iter().map(|column| (*column, Expr::column(column.var, column.ty)));
        let kept: Vec<(Column, Expr)> = kept.collect();
        Ok((Relation::Project { input: Box::new(relation), columns: kept }, named))
    }

    /// A call in FROM of which only the columns matter. It stands in each of them.
    pub(in crate::plan::bind) fn kept_rows(
        &mut self,
        function: &SqlFunction,
        args: Vec<Expr>,
        columns: Columns,
    ) -> (Relation, Vec<ScopeColumn>) {
        let call = self.shown_sql_call(function, args);
        let mut kept = Vec::with_capacity(columns.len());
        let mut named = Vec::with_capacity(columns.len());
        for (name, ty) in columns {
            let column = self.fresh(ty);
            kept.push((column, call.clone()));
            named.push(ScopeColumn::new(name, column, None));
        }
        (Relation::Project { input: Box::new(Relation::OneRow), columns: kept }, named)
    }

    /// The columns of what a function answers.
    pub(in crate::plan::bind) fn result_columns(
        &self,
        function: &SqlFunction,
        definitions: Option<Columns>,
    ) -> Result<Columns> {
        let words = |words: &'static str| Error::new(SqlState::SYNTAX_ERROR, words);
        if function.results().next().is_some() {
            if definitions.is_some() {
                return Err(words("a column definition list is redundant for a function with OUT parameters"));
            }
            let results = function.results().enumerate();
            return Ok(results.map(|(at, result)| (result_name(at, result), Type::new(result.ty))).collect());
        }
        if function.returns == oid::RECORD {
            return definitions
                .ok_or_else(|| words("a column definition list is required for functions returning \"record\""));
        }
        if definitions.is_some() {
            return Err(words("a column definition list is only allowed for functions returning \"record\""));
        }
        match self.catalog.attributes(builtin::base_of(function.returns)) {
            Some(attributes) => Ok(attributes.into_iter().map(|field| (field.name, field.ty)).collect()),
            None => Ok(vec![(function.name.clone(), Type::new(function.returns))]),
        }
    }

    /// A value as the one row of a relation, its fields as columns if it has some.
    pub(super) fn row_of_value(&mut self, value: Expr, columns: Columns) -> (Relation, Vec<ScopeColumn>) {
        let ty = value.ty;
        let whole = self.fresh(ty);
        let mut relation = Relation::Project { input: Box::new(Relation::OneRow), columns: vec![(whole, value)] };
        let mut named = Vec::with_capacity(columns.len());
        if is_row_type(ty) {
            let mut fields = Vec::with_capacity(columns.len());
            for (at, (name, ty)) in columns.into_iter().enumerate() {
                let column = self.fresh(ty);
                fields.push((column, field_at(Expr::column(whole.var, whole.ty), at, ty)));
                named.push(ScopeColumn::new(name, column, None));
            }
            relation = Relation::Project { input: Box::new(relation), columns: fields };
        } else {
            named.extend(columns.into_iter().map(|(name, _)| ScopeColumn::new(name, whole, None)));
        }
        (relation, named)
    }

    /// The rows of a body with the columns that the function has.
    pub(super) fn rows(
        &mut self,
        function: &SqlFunction,
        bound: Bound,
        columns: &Columns,
    ) -> Result<(Relation, Vec<Column>)> {
        let returns = Type::new(function.returns);
        // One column may be the whole row.
        if let [only] = bound.outputs.as_slice()
            && is_row_type(returns)
            && only.column.ty.oid == function.returns
            && function.returns != oid::RECORD
        {
            let whole = only.column;
            let bound = self.exact(bound);
            let mut fields = Vec::with_capacity(columns.len());
            for (at, (_, ty)) in columns.iter().enumerate() {
                fields.push((self.fresh(*ty), field_at(Expr::column(whole.var, whole.ty), at, *ty)));
            }
            let outputs = fields.iter().map(|(column, _)| *column).collect();
            return Ok((Relation::Project { input: Box::new(bound.relation), columns: fields }, outputs));
        }
        let scalar = columns.len() == 1 && !is_row_type(returns);
        if bound.outputs.len() != columns.len() {
            let detail = match (scalar, bound.outputs.len() < columns.len()) {
                (true, _) => "Final statement must return exactly one column.",
                (false, true) => "Final statement returns too few columns.",
                (false, false) => "Final statement returns too many columns.",
            };
            return Err(mismatch(function, detail.to_owned()));
        }
        for (at, (output, (_, ty))) in bound.outputs.iter().zip(columns).enumerate() {
            let found = output.column.ty;
            if !resolve::can_coerce(found.oid, ty.oid, CastContext::Assignment) {
                let detail = match scalar {
                    true => format!("Actual return type is {}.", display(found)),
                    false => format!(
                        "Final statement returns {} instead of {} at column {}.",
                        display(Type::new(found.oid)),
                        display(Type::new(ty.oid)),
                        at + 1
                    ),
                };
                return Err(mismatch(function, detail));
            }
        }
        let types: Vec<Type> = columns.iter().map(|(_, ty)| *ty).collect();
        let bound = self.convert_outputs(bound, &types, CastContext::Assignment, Span::empty())?;
        let outputs = bound.outputs.iter().map(|output| output.column).collect();
        Ok((bound.relation, outputs))
    }

    /// The first row of a body as one column.
    pub(super) fn first_row(
        &mut self,
        function: &SqlFunction,
        bound: Bound,
        returns: Type,
    ) -> Result<(Relation, Column)> {
        let is_one = answers_one_row(&bound.relation);
        let first = |relation: Relation| match is_one {
            true => relation,
            false => {
                let one = Expr::constant(storage::Value::Int8(1), Type::new(oid::INT8));
                Relation::Limit { input: Box::new(relation), limit: Some(one), offset: None, with_ties: false }
            }
        };
        if !is_row_type(returns) {
            let columns = vec![(String::new(), returns)];
            let (relation, outputs) = self.rows(function, bound, &columns)?;
            let output = *outputs.first().ok_or_else(|| Error::internal("a body answers a column"))?;
            return Ok((first(relation), output));
        }
        // One column may be the whole row.
        if let [only] = bound.outputs.as_slice()
            && only.column.ty.oid == function.returns
        {
            let output = only.column;
            let bound = self.exact(bound);
            return Ok((first(bound.relation), output));
        }
        let columns = match function.returns == oid::RECORD && function.results().next().is_none() {
            true => bound.outputs.iter().map(|output| (output.name.clone(), output.column.ty)).collect(),
            false => self.result_columns(function, None)?,
        };
        let (relation, outputs) = self.rows(function, bound, &columns)?;
        let fields = columns.into_iter().zip(outputs);
        let fields = fields.map(|((name, _), column)| (name, Expr::column(column.var, column.ty))).collect();
        let whole = record(function.returns, fields);
        let output = self.fresh(whole.ty);
        let relation = first(relation);
        Ok((Relation::Project { input: Box::new(relation), columns: vec![(output, whole)] }, output))
    }

    /// A value as the type that the function returns.
    pub(super) fn answer(&mut self, function: &SqlFunction, value: Expr, returns: Type) -> Result<Expr> {
        if !resolve::can_coerce(value.ty.oid, returns.oid, CastContext::Assignment) {
            return Err(mismatch(function, format!("Actual return type is {}.", display(value.ty))));
        }
        self.coerce(value, returns, CastContext::Assignment)
    }
}

/// The rows of a set as a list sees them.
fn row_in_list(function: &SqlFunction, columns: Columns, outputs: Vec<Column>) -> Result<Expr> {
    let mut values = columns.into_iter().zip(outputs);
    if is_row_type(Type::new(function.returns)) {
        let fields = values.map(|((name, _), column)| (name, Expr::column(column.var, column.ty))).collect();
        return Ok(record(function.returns, fields));
    }
    let only = values.next().ok_or_else(|| Error::internal("a set has a column"))?.1;
    Ok(Expr::column(only.var, only.ty))
}

/// Whether a relation cannot answer more than one row, nor fewer.
pub(super) fn answers_one_row(relation: &Relation) -> bool {
    match relation {
        Relation::OneRow => true,
        Relation::Project { input, .. } => answers_one_row(input),
        Relation::Aggregate { groups, sets: None, .. } => groups.is_empty(),
        _ => false,
    }
}
