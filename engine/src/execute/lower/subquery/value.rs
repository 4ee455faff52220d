//! Subqueries as values: each becomes columns joined onto the rows that ask, and an expression over those columns.

use super::super::aggregate::{ALL_VALUES, ANY_TRUE, COUNT_ROWS, COUNT_VALUES, FIRST_VALUE, ONLY_ROW};
use super::super::{Lowering, walk};
use super::build;
use super::condition::vars;
use super::domain::or_zero;
use super::pull_up::Untied;
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, ColumnVar, Expr, ExprKind, Subquery, SubqueryKind};
use crate::function::{Batch, Comparison, Function};
use crate::plan::relation::{Column, JoinKind, Relation};
use crate::types::Type;
use storage::{Array, ColumnType, Value};

impl Lowering<'_> {
    /// The expression with a column in place of each subquery; the columns are joined onto `input`.
    pub(super) fn value_without(&mut self, expr: Expr, input: &mut Relation) -> Result<Expr> {
        if !walk::has_subquery(&expr) {
            return Ok(expr);
        }
        let ty = expr.ty;
        match expr.kind {
            ExprKind::Subquery(subquery) => self.answered(*subquery, ty, input),
            kind => walk::map_parts(Expr { kind, ty }, &mut |part| self.value_without(part, input)),
        }
    }

    fn answered(&mut self, subquery: Subquery, ty: Type, input: &mut Relation) -> Result<Expr> {
        let relation = self.without_subqueries((*subquery.relation).clone())?;
        match subquery.kind {
            SubqueryKind::Scalar => {
                let output = self.output_of(&relation, subquery.output)?;
                self.scalar(relation, output, input)
            }
            SubqueryKind::Exists { negated } => {
                let value = self.exists(relation, input)?;
                Ok(if negated { build::not(value) } else { value })
            }
            SubqueryKind::Array => {
                let output = self.output_of(&relation, subquery.output)?;
                self.array(relation, output, ty, input)
            }
            SubqueryKind::Compare { left, function, all } => {
                let output = self.output_of(&relation, subquery.output)?;
                let left = self.value_without(left, input)?;
                let left = self.column_for(left, input);
                match (function.batch, all) {
                    (Some(Batch::Compare(Comparison::Equal) | Batch::CompareKey(Comparison::Equal)), false) => {
                        self.member(relation, output, left, function, false, input)
                    }
                    (Some(Batch::Compare(Comparison::NotEqual) | Batch::CompareKey(Comparison::NotEqual)), true) => {
                        Ok(build::not(self.member(relation, output, left, function, true, input)?))
                    }
                    _ => self.quantified(relation, output, left, function, all, input),
                }
            }
        }
    }

    fn output_of(&self, relation: &Relation, output: Option<ColumnVar>) -> Result<Column> {
        let outputs = relation.outputs();
        let found = match output {
            Some(var) => outputs.iter().find(|column| column.var == var),
            None => outputs.first(),
        };
        found.copied().ok_or_else(|| Error::internal("a subquery without its output"))
    }

    /// A column of `input` that holds the expression.
    fn column_for(&mut self, expr: Expr, input: &mut Relation) -> Column {
        let column = Column { var: self.fresh(), ty: expr.ty };
        let outputs = input.outputs();
        let columns =
            outputs.into_iter().map(|column| (column, build::column(column))).chain([(column, expr)]).collect();
        let inner = std::mem::replace(input, Relation::OneRow);
        *input = Relation::Project { input: Box::new(inner), columns };
        column
    }

    fn new_column(&mut self, ty: Type) -> Column {
        Column { var: self.fresh(), ty }
    }

    /// Aggregates the subquery for each row that asks, joins the results on, and returns whether rows may be missing.
    fn joined_aggregate(
        &mut self,
        relation: &Relation,
        aggregates: Vec<(Column, AggregateCall)>,
        input: &mut Relation,
    ) -> Result<()> {
        let outer = std::mem::replace(input, Relation::OneRow);
        let mut columns = build::named_of(relation, &outer);
        if columns.is_empty() {
            let one = build::aggregate(relation.clone(), Vec::new(), aggregates);
            *input = build::join(JoinKind::Cross, outer, one, Vec::new(), false);
            return Ok(());
        }
        let names = vars(&columns);
        let is_volatile = walk::is_volatile(relation) || walk::aggregates_volatile(&aggregates);
        if !is_volatile
            && let Some(Untied { relation, conditions }) = self.untie(relation, &names)?
            && let Some(links) = self.links(&conditions, &names)
        {
            let (mut groups, mut on) = (Vec::new(), Vec::new());
            for link in &links {
                let key = self.new_column(link.inner.ty);
                groups.push((key, link.inner.clone()));
                on.push(link.over(key));
            }
            let grouped = build::aggregate(relation, groups, aggregates);
            *input = build::join(JoinKind::Left, outer, grouped, on, false);
            return Ok(());
        }
        let outer = self.told_apart(outer, is_volatile, &mut columns)?;
        let (outer, domain) = self.domain_of(outer, columns)?;
        let domain = domain.of_each(is_volatile);
        let pushed = self.push(&domain, relation)?;
        let groups = domain.columns.iter().map(|&column| (column, build::column(column))).collect();
        let grouped = build::aggregate(pushed, groups, aggregates);
        let (grouped, on) = self.set_apart(&domain, grouped)?;
        *input = build::join(JoinKind::Left, outer, grouped, on, false);
        Ok(())
    }

    fn scalar(&mut self, relation: Relation, output: Column, input: &mut Relation) -> Result<Expr> {
        if let Some(value) = self.scalar_aggregate(&relation, output, input)? {
            return Ok(value);
        }
        let (value, rows) = (self.new_column(output.ty), self.new_column(build::INT8));
        let aggregates = vec![
            (value, build::call(&FIRST_VALUE, vec![build::column(output)])),
            (rows, build::call(&COUNT_ROWS, Vec::new())),
        ];
        let relation = match build::depends(&relation, input) {
            true => relation,
            // Two rows are enough to know.
            false => Relation::Limit {
                input: Box::new(relation),
                limit: Some(build::int8(2)),
                offset: None,
                with_ties: false,
            },
        };
        self.joined_aggregate(&relation, aggregates, input)?;
        let args = vec![build::column(value), build::column(rows)];
        Ok(Expr::new(ExprKind::Call { function: &ONLY_ROW, args }, output.ty))
    }

    /// A projection over an aggregate without groups answers one row: the aggregate is joined on, and what is projected
    /// is computed there, a missing group having its counts at zero.
    fn scalar_aggregate(&mut self, relation: &Relation, output: Column, input: &mut Relation) -> Result<Option<Expr>> {
        let (projected, inner) = match relation {
            Relation::Project { input, columns } => (Some(columns), input.as_ref()),
            other => (None, other),
        };
        let Relation::Aggregate { input: aggregated, groups, sets: None, aggregates } = inner else { return Ok(None) };
        if !groups.is_empty() {
            return Ok(None);
        }
        let expr = match projected {
            Some(columns) => match columns.iter().find(|(column, _)| column.var == output.var) {
                Some((_, expr)) => expr.clone(),
                None => return Ok(None),
            },
            None => build::column(output),
        };
        let mut names_outer = false;
        let outer = vars(&input.outputs());
        for (_, call) in aggregates {
            let whole = Expr::new(ExprKind::Aggregate(Box::new(call.clone())), output.ty);
            names_outer |= build::names_any(&whole, &outer);
        }
        // An aggregate over outer columns needs them beside its rows.
        if names_outer {
            return Ok(None);
        }
        // An aggregate that is the same for all rows is computed once. What is projected has to be as well, if it is the same
        // for all; if it is not, neither is an aggregate that calls volatile functions.
        if !build::depends(inner, input) {
            let differs = build::names_any(&expr, &outer);
            let is_torn = if differs { walk::is_volatile(inner) } else { walk::calls_volatile(&expr) };
            if is_torn {
                return Ok(None);
            }
        }
        // The same subquery may be asked twice, so its results have names of their own.
        let renamed: Vec<(Column, AggregateCall)> =
            aggregates.iter().map(|(column, call)| (self.new_column(column.ty), call.clone())).collect();
        self.joined_aggregate(aggregated, renamed.clone(), input)?;
        let with_zeros = |part: Expr| -> Result<Expr> {
            if let ExprKind::Column(var) = part.kind
                && let Some(position) = aggregates.iter().position(|(column, _)| column.var == var)
            {
                let (column, call) = &renamed[position];
                return Ok(or_zero(build::column(*column), call));
            }
            Ok(part)
        };
        replace_columns(expr, &with_zeros).map(Some)
    }

    fn exists(&mut self, relation: Relation, input: &mut Relation) -> Result<Expr> {
        let count = self.new_column(build::INT8);
        let relation = match build::depends(&relation, input) {
            true => relation,
            // One row is enough to know.
            false => Relation::Limit {
                input: Box::new(relation),
                limit: Some(build::int8(1)),
                offset: None,
                with_ties: false,
            },
        };
        self.joined_aggregate(&relation, vec![(count, build::call(&COUNT_ROWS, Vec::new()))], input)?;
        let count = build::coalesce(build::column(count), build::int8(0));
        Ok(build::not(build::less_or_equal(count, build::int8(0))))
    }

    fn array(&mut self, relation: Relation, output: Column, ty: Type, input: &mut Relation) -> Result<Expr> {
        let array = self.new_column(ty);
        let mut call = build::call(&ALL_VALUES, vec![build::column(output)]);
        let (relation, order) = self.ordered(relation);
        call.order_by = order;
        self.joined_aggregate(&relation, vec![(array, call)], input)?;
        let element = match super::super::column::physical(ty)? {
            ColumnType::Array(element) => *element,
            other => other,
        };
        let empty = Value::Array(Box::new(Array::new(element, Vec::new())));
        Ok(build::coalesce(build::column(array), Expr::constant(empty, ty)))
    }

    /// `left = ANY (subquery)` as a value: true if found; else NULL if NULL was among the candidates or looked for; else
    /// false. `unequal`: the function is `<>`, whose denial is the equality.
    fn member(
        &mut self,
        relation: Relation,
        output: Column,
        left: Column,
        function: &'static Function,
        unequal: bool,
        input: &mut Relation,
    ) -> Result<Expr> {
        let columns = build::named_of(&relation, input);
        let names = vars(&columns);
        // The candidates are counted and compared with, which reads them twice.
        let (relation, untied) = match walk::is_volatile(&relation) {
            false => {
                let untied = self.untie(&relation, &names)?;
                (relation, untied)
            }
            true if columns.is_empty() => {
                let relation = self.read_twice(relation)?;
                let untied = self.untie(&relation, &names)?;
                (relation, untied)
            }
            true => (relation, None),
        };
        let links = untied.as_ref().and_then(|untied| self.links(&untied.conditions, &names));
        let (Some(untied), Some(links)) = (untied, links) else {
            let found = self.quantified(relation, output, left, function, unequal, input)?;
            // NOT (left <> ALL ...) is left = ANY ...; the caller denies it again.
            return Ok(if unequal { build::not(found) } else { found });
        };
        let (rows, values) = (self.new_column(build::INT8), self.new_column(build::INT8));
        let counts = vec![
            (rows, build::call(&COUNT_ROWS, Vec::new())),
            (values, build::call(&COUNT_VALUES, vec![build::column(output)])),
        ];
        self.joined_aggregate(&relation, counts, input)?;
        let (candidate, found) = (self.new_column(output.ty), self.new_column(build::INT8));
        let mut groups = vec![(candidate, build::column(output))];
        let compared = Expr::new(
            ExprKind::Call { function, args: vec![build::column(left), build::column(candidate)] },
            build::BOOL,
        );
        let mut on = vec![if unequal { build::not(compared) } else { compared }];
        for link in &links {
            let key = self.new_column(link.inner.ty);
            groups.push((key, link.inner.clone()));
            on.push(link.over(key));
        }
        let candidates = build::aggregate(untied.relation, groups, vec![(found, build::call(&COUNT_ROWS, Vec::new()))]);
        let outer = std::mem::replace(input, Relation::OneRow);
        *input = build::join(JoinKind::Left, outer, candidates, on, false);
        let rows = build::coalesce(build::column(rows), build::int8(0));
        let values = build::coalesce(build::column(values), build::int8(0));
        Ok(build::case(
            vec![
                (build::is_null(build::column(found), true), build::boolean(Some(true))),
                (build::equal(rows.clone(), build::int8(0)), build::boolean(Some(false))),
                (
                    build::any_of(vec![
                        build::is_null(build::column(left), false),
                        build::not(build::equal(rows, values)),
                    ]),
                    build::boolean(None),
                ),
            ],
            build::boolean(Some(false)),
        ))
    }

    /// `left op ANY|ALL (subquery)` by comparing with every row, for each combination of `left` and what else is named.
    fn quantified(
        &mut self,
        relation: Relation,
        output: Column,
        left: Column,
        function: &'static Function,
        all: bool,
        input: &mut Relation,
    ) -> Result<Expr> {
        let outer = std::mem::replace(input, Relation::OneRow);
        let mut columns = build::named_of(&relation, &outer);
        let is_correlated = !columns.is_empty();
        if !columns.contains(&left) {
            columns.push(left);
        }
        let each = is_correlated && walk::is_volatile(&relation);
        let outer = self.told_apart(outer, each, &mut columns)?;
        let (outer, domain) = self.domain_of(outer, columns)?;
        let domain = domain.of_each(each);
        let pushed = self.push(&domain, &relation)?;
        let compared = self.new_column(build::BOOL);
        let call =
            Expr::new(ExprKind::Call { function, args: vec![build::column(left), build::column(output)] }, build::BOOL);
        let mut projected: Vec<(Column, Expr)> =
            domain.columns.iter().map(|&column| (column, build::column(column))).collect();
        projected.push((compared, call));
        let projected = Relation::Project { input: Box::new(pushed), columns: projected };
        let (decided, unknown) = (self.new_column(build::BOOL), self.new_column(build::BOOL));
        let deciding = if all { build::not(build::column(compared)) } else { build::column(compared) };
        let aggregates = vec![
            (decided, build::call(&ANY_TRUE, vec![deciding])),
            (unknown, build::call(&ANY_TRUE, vec![build::is_null(build::column(compared), false)])),
        ];
        let groups = domain.columns.iter().map(|&column| (column, build::column(column))).collect();
        let grouped = build::aggregate(projected, groups, aggregates);
        let (grouped, on) = self.set_apart(&domain, grouped)?;
        *input = build::join(JoinKind::Left, outer, grouped, on, false);
        Ok(build::case(
            vec![(build::column(decided), build::boolean(Some(!all))), (build::column(unknown), build::boolean(None))],
            build::boolean(Some(all)),
        ))
    }
}

/// Replaces columns of an expression without subqueries.
fn replace_columns(expr: Expr, replace: &dyn Fn(Expr) -> Result<Expr>) -> Result<Expr> {
    match expr.kind {
        ExprKind::Column(_) => replace(expr),
        _ => walk::map_parts(expr, &mut |part| replace_columns(part, replace)),
    }
}
