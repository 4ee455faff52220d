//! Running a subquery once for every different combination of the outer columns it names.
//!
//! The combinations are a relation of their own, the domain. It is joined to the subquery's leaves and carried up through
//! every operator, which thereby works per combination: aggregates group by it, windows partition by it, a limit becomes
//! a row number within it. Whatever the subquery does, this gives its answer; it costs reading the outer rows twice.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::{Lowering, walk};
use super::build;
use crate::error::{Error, Result, SqlState};
use crate::expr::{ColumnVar, Exclusion, Expr, Frame, FrameBound, FrameUnit, SortKey, WindowCall};
use crate::function::{AggregateKind, WindowFunction};
use crate::plan::relation::{Column, JoinKind, Relation};

/// The different combinations of some columns of the outer rows, under the same column numbers.
#[derive(Clone)]
pub(super) struct Domain {
    relation: Relation,
    pub(super) columns: Vec<Column>,
    /// Tells it from others.
    number: u32,
    /// Working tables of recursive queries whose rows carry these columns.
    working: Vec<Arc<str>>,
    /// What calls volatile functions is computed for each combination, also where it names none of the columns.
    each: bool,
}

impl Domain {
    fn of(outer: &Relation, columns: Vec<Column>, number: u32) -> Self {
        let relation = Relation::Distinct { input: Box::new(build::only(outer.clone(), &columns)), on: Vec::new() };
        Self { relation, columns, number, working: Vec::new(), each: false }
    }

    /// The same for a subquery that is computed anew for each row that asks, rather than joined to the rows.
    pub(super) fn of_each(self, each: bool) -> Self {
        Self { each, ..self }
    }

    /// The domain within the step of a recursive query, to which the working table brings it.
    fn within(&self, working: &Arc<str>) -> Self {
        let mut within = self.clone();
        within.working.push(working.clone());
        within
    }

    fn vars(&self) -> HashSet<ColumnVar> {
        self.columns.iter().map(|column| column.var).collect()
    }

    fn named_by(&self, relation: &Relation) -> bool {
        let mut free = HashSet::new();
        walk::free(relation, &mut free);
        !free.is_disjoint(&self.vars()) || (!self.working.is_empty() && self.is_carried_by(relation))
    }

    /// Whether the relation differs from one combination to the next.
    fn enters(&self, relation: &Relation) -> bool {
        self.named_by(relation) || (self.each && walk::is_volatile(relation))
    }

    fn is_carried_by(&self, relation: &Relation) -> bool {
        match relation {
            Relation::WorkingTable { name, .. } => self.working.contains(name),
            Relation::Shared { plan, .. } => self.is_carried_by(plan),
            _ => {
                let mut found = false;
                walk::inputs(relation, &mut |input| found |= self.is_carried_by(input));
                found
            }
        }
    }

    /// The domain's columns and others, without repetition.
    fn with(&self, columns: &[Column]) -> Vec<Column> {
        let own = self.vars();
        self.columns
            .iter()
            .copied()
            .chain(columns.iter().copied().filter(|column| !own.contains(&column.var)))
            .collect()
    }
}

impl Lowering<'_> {
    /// Joins `right`, which may name columns of `left`, to `left`. Outputs: at least those of both.
    pub(super) fn dependent_join(
        &mut self,
        kind: JoinKind,
        left: Relation,
        right: Relation,
        conditions: Vec<Expr>,
    ) -> Result<Relation> {
        let mut columns = build::named_of(&right, &left);
        if columns.is_empty() {
            let kind = if kind == JoinKind::Inner && conditions.is_empty() { JoinKind::Cross } else { kind };
            return Ok(build::join(kind, left, right, conditions, false));
        }
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            return Err(Error::new(SqlState::INVALID_COLUMN_REFERENCE, "invalid reference to FROM-clause entry")
                .with_detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."));
        }
        let outer: HashSet<ColumnVar> = columns.iter().map(|column| column.var).collect();
        let mut conditions = conditions;
        if !walk::is_volatile(&right)
            && let Some(untied) = self.untie(&right, &outer)?
        {
            conditions.extend(untied.conditions);
            return Ok(build::join(kind, left, untied.relation, conditions, false));
        }
        let is_volatile = walk::is_volatile(&right);
        let left = self.told_apart(left, is_volatile, &mut columns)?;
        let (left, domain) = self.domain_of(left, columns)?;
        // A condition is asked anew for each row; what a row of FROM does not name is computed once.
        let asks = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        let domain = domain.of_each(is_volatile && asks);
        let pushed = self.push(&domain, &right)?;
        let (right, links) = self.set_apart(&domain, pushed)?;
        conditions.extend(links);
        Ok(build::join(kind, left, right, conditions, false))
    }

    /// The outer rows and the combinations of their columns, both of which are read.
    pub(super) fn domain_of(&mut self, outer: Relation, columns: Vec<Column>) -> Result<(Relation, Domain)> {
        let outer = self.read_twice(outer)?;
        let domain = Domain::of(&outer, columns, self.kept.new_number());
        Ok((outer, domain))
    }

    /// The relation, to be read in several places.
    pub(super) fn read_twice(&mut self, relation: Relation) -> Result<Relation> {
        if !walk::is_volatile(&relation) {
            return Ok(relation);
        }
        if walk::reads_working_table(&relation) {
            return Err(Error::unsupported("a subquery beside volatile functions in a recursive term"));
        }
        Ok(self.shared_once(relation))
    }

    /// The outer rows, numbered if what names columns of theirs is volatile, so that it is computed for each of them, also
    /// where they are alike. The number is another column that tells rows apart.
    pub(super) fn told_apart(
        &mut self,
        outer: Relation,
        is_volatile: bool,
        columns: &mut Vec<Column>,
    ) -> Result<Relation> {
        // The rows of a working table are others in each round, and are told apart by their columns alone.
        if !is_volatile || walk::reads_working_table(&outer) {
            return Ok(outer);
        }
        let number = Column { var: self.fresh(), ty: build::INT8 };
        columns.push(number);
        let calls = vec![(number, row_number(&[], Vec::new()))];
        // Nothing says that the rows come in the same order twice.
        Ok(self.shared_once(Relation::Window { input: Box::new(outer), calls }))
    }

    fn shared_once(&mut self, relation: Relation) -> Relation {
        let columns = relation.outputs();
        let source = columns.iter().map(|column| column.var).collect();
        let once = Some(self.kept.new_number());
        Relation::Shared { plan: Arc::new(relation), columns, source, once }
    }

    /// What is computed once, for each combination of a domain: a number for both.
    fn once_within(&mut self, number: u32, domain: u32) -> u32 {
        let kept = &self.kept;
        *self.within_domains.entry((number, domain)).or_insert_with(|| kept.new_number())
    }

    /// Gives the domain's columns new numbers, so that the relation can stand beside another that has them.
    pub(super) fn set_apart(&mut self, domain: &Domain, pushed: Relation) -> Result<(Relation, Vec<Expr>)> {
        let vars = domain.vars();
        let mut columns: Vec<(Column, Expr)> = pushed
            .outputs()
            .into_iter()
            .filter(|column| !vars.contains(&column.var))
            .map(|column| (column, build::column(column)))
            .collect();
        let mut links = Vec::with_capacity(domain.columns.len());
        for &column in &domain.columns {
            let apart = Column { var: self.fresh(), ty: column.ty };
            columns.push((apart, build::column(column)));
            links.push(build::same(column, apart)?);
        }
        Ok((Relation::Project { input: Box::new(pushed), columns }, links))
    }

    /// The relation for every combination of the domain, whose columns it has too.
    pub(super) fn push(&mut self, domain: &Domain, relation: &Relation) -> Result<Relation> {
        if !domain.enters(relation) {
            return Ok(build::join(JoinKind::Cross, domain.relation.clone(), relation.clone(), Vec::new(), false));
        }
        let pass = || domain.columns.iter().map(|&column| (column, build::column(column)));
        Ok(match relation {
            Relation::OneRow => domain.relation.clone(),
            Relation::Function { .. } => {
                build::join(JoinKind::Inner, domain.relation.clone(), relation.clone(), Vec::new(), true)
            }
            Relation::Values { columns, rows } => {
                let mut union: Option<Relation> = None;
                let all = domain.with(columns);
                for row in rows {
                    let made = columns.iter().copied().zip(row.iter().cloned());
                    let input = Box::new(domain.relation.clone());
                    let one = Relation::Project { input, columns: pass().chain(made).collect() };
                    union = Some(match union {
                        None => one,
                        Some(left) => build::union(all.clone(), left, one),
                    });
                }
                union.ok_or_else(|| Error::internal("VALUES without rows"))?
            }
            Relation::Filter { input, predicate } => {
                let mut input = self.push(domain, input)?;
                if walk::calls_volatile(predicate) {
                    // It is asked for each combination: nothing moves past a limit, though it limits nothing.
                    let limit = Some(build::int8(i64::MAX));
                    input = Relation::Limit { input: Box::new(input), limit, offset: None, with_ties: false };
                }
                Relation::Filter { input: Box::new(input), predicate: predicate.clone() }
            }
            Relation::Project { input, columns } => Relation::Project {
                input: Box::new(self.push(domain, input)?),
                columns: pass().chain(columns.iter().cloned()).collect(),
            },
            Relation::ProjectSet { input, functions, ordinality } => Relation::ProjectSet {
                input: Box::new(self.push(domain, input)?),
                functions: functions.clone(),
                ordinality: *ordinality,
            },
            Relation::Join { kind, left, right, condition, lateral } => {
                self.push_join(domain, *kind, left, right, condition.as_ref(), *lateral)?
            }
            Relation::Aggregate { input, groups, sets, aggregates } => {
                let input = self.push(domain, input)?;
                if let Some(sets) = sets {
                    return self.push_sets(domain, input, groups, sets, aggregates);
                }
                let grouped =
                    build::aggregate(input, pass().chain(groups.iter().cloned()).collect(), aggregates.clone());
                if groups.is_empty() { self.with_empty_groups(domain, grouped, aggregates)? } else { grouped }
            }
            Relation::Window { input, calls } => {
                let input = Box::new(self.push(domain, input)?);
                let mut calls = calls.clone();
                for (_, call) in &mut calls {
                    call.partition_by.extend(domain.columns.iter().map(|&column| build::column(column)));
                }
                Relation::Window { input, calls }
            }
            Relation::Sort { input, keys } => {
                Relation::Sort { input: Box::new(self.push(domain, input)?), keys: keys.clone() }
            }
            Relation::Limit { input, limit, offset, with_ties } => {
                self.push_limit(domain, input, limit.as_ref(), offset.as_ref(), *with_ties)?
            }
            Relation::Distinct { input, on } => {
                let columns = domain.with(&input.outputs());
                let input = Box::new(build::only(self.push(domain, input)?, &columns));
                let mut on = on.clone();
                if !on.is_empty() {
                    on.extend(domain.columns.iter().map(|&column| build::column(column)));
                }
                Relation::Distinct { input, on }
            }
            Relation::SetOperation { kind, all, columns, left, right } => {
                let mut sides = Vec::with_capacity(2);
                for side in [left, right] {
                    let columns = domain.with(&side.outputs());
                    sides.push(Box::new(build::only(self.push(domain, side)?, &columns)));
                }
                let [left, right] = <[Box<Relation>; 2]>::try_from(sides).map_err(|_| Error::internal("two sides"))?;
                Relation::SetOperation { kind: *kind, all: *all, columns: domain.with(columns), left, right }
            }
            Relation::Shared { plan, columns, source, once } => Relation::Shared {
                once: once.map(|number| self.once_within(number, domain.number)),
                plan: Arc::new(self.push(domain, plan)?),
                columns: domain.with(columns),
                source: domain.columns.iter().map(|column| column.var).chain(source.iter().copied()).collect(),
            },
            Relation::Written { .. } => return Err(Error::internal("a write names a column of an enclosing query")),
            // Each combination recurses by itself: its columns are in every row, those of the working table included.
            Relation::Recursive { name, columns, follow, all, base, step } => {
                let base_columns = domain.with(&base.outputs());
                let base = build::only(self.push(domain, base)?, &base_columns);
                let step_columns = domain.with(&step.outputs());
                let step = build::only(self.push(&domain.within(name), step)?, &step_columns);
                let (base, step) = (Box::new(base), Box::new(step));
                let (columns, follow) = (domain.with(columns), *follow);
                Relation::Recursive { name: name.clone(), columns, follow, all: *all, base, step }
            }
            Relation::WorkingTable { name, columns } => {
                Relation::WorkingTable { name: name.clone(), columns: domain.with(columns) }
            }
            Relation::Scan(_) => return Err(Error::internal("a scan names a column of an enclosing query")),
        })
    }

    fn push_join(
        &mut self,
        domain: &Domain,
        kind: JoinKind,
        left: &Relation,
        right: &Relation,
        condition: Option<&Expr>,
        lateral: bool,
    ) -> Result<Relation> {
        let mut conditions: Vec<Expr> = condition.cloned().into_iter().collect();
        if lateral && build::depends(right, left) {
            // A function over the rows of the left side, which carries the domain.
            let left = self.push(domain, left)?;
            return Ok(build::join(kind, left, right.clone(), conditions, true));
        }
        let named_left =
            domain.enters(left) || condition.is_some_and(|condition| build::names_any(condition, &domain.vars()));
        let named_right = domain.enters(right);
        match kind {
            JoinKind::Inner | JoinKind::Cross if named_left || !named_right => {
                let left = self.push(domain, left)?;
                let right = self.beside(domain, right, named_right, &mut conditions)?;
                Ok(build::join(JoinKind::Inner, left, right, conditions, false))
            }
            JoinKind::Inner | JoinKind::Cross => {
                let right = self.push(domain, right)?;
                Ok(build::join(JoinKind::Inner, left.clone(), right, conditions, false))
            }
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => {
                let left = self.push(domain, left)?;
                let right = self.beside(domain, right, named_right, &mut conditions)?;
                Ok(build::join(kind, left, right, conditions, false))
            }
            JoinKind::Right => {
                let right = self.push(domain, right)?;
                let left = self.beside(domain, left, named_left, &mut conditions)?;
                Ok(build::join(kind, left, right, conditions, false))
            }
            JoinKind::Full => Err(Error::unsupported("FULL JOIN that names columns of an enclosing query")),
        }
    }

    /// One side of a join whose other side has the domain already.
    fn beside(
        &mut self,
        domain: &Domain,
        side: &Relation,
        named: bool,
        conditions: &mut Vec<Expr>,
    ) -> Result<Relation> {
        if !named {
            return Ok(side.clone());
        }
        let pushed = self.push(domain, side)?;
        let (side, links) = self.set_apart(domain, pushed)?;
        conditions.extend(links);
        Ok(side)
    }

    /// An aggregate without groups answers a row for no rows too: counts are zero then, all else is NULL.
    fn with_empty_groups(
        &mut self,
        domain: &Domain,
        grouped: Relation,
        aggregates: &[(Column, crate::expr::AggregateCall)],
    ) -> Result<Relation> {
        let (grouped, links) = self.set_apart(domain, grouped)?;
        let joined = build::join(JoinKind::Left, domain.relation.clone(), grouped, links, false);
        let mut columns: Vec<(Column, Expr)> =
            domain.columns.iter().map(|&column| (column, build::column(column))).collect();
        for (column, call) in aggregates {
            columns.push((*column, or_zero(build::column(*column), call)));
        }
        Ok(Relation::Project { input: Box::new(joined), columns })
    }

    fn push_sets(
        &mut self,
        domain: &Domain,
        input: Relation,
        groups: &[(Column, Expr)],
        sets: &[Vec<usize>],
        aggregates: &[(Column, crate::expr::AggregateCall)],
    ) -> Result<Relation> {
        if sets.iter().any(Vec::is_empty) {
            return Err(Error::unsupported(
                "an empty grouping set in a subquery that names columns of an enclosing query",
            ));
        }
        let mut groups = groups.to_vec();
        let first = groups.len();
        groups.extend(domain.columns.iter().map(|&column| (column, build::column(column))));
        let sets = sets.iter().map(|set| set.iter().copied().chain(first..groups.len()).collect()).collect();
        Ok(Relation::Aggregate { input: Box::new(input), groups, sets: Some(sets), aggregates: aggregates.to_vec() })
    }

    fn push_limit(
        &mut self,
        domain: &Domain,
        input: &Relation,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        with_ties: bool,
    ) -> Result<Relation> {
        if with_ties {
            return Err(Error::unsupported("WITH TIES in a subquery that names columns of an enclosing query"));
        }
        let fetch = self.row_count(limit, SqlState::INVALID_ROW_COUNT_IN_LIMIT, "LIMIT")?;
        let skip = self.row_count(offset, SqlState::INVALID_ROW_COUNT_IN_OFFSET, "OFFSET")?.unwrap_or(0);
        let outputs = domain.with(&input.outputs());
        let (input, order) = self.ordered(input.clone());
        let pushed = self.push(domain, &input)?;
        let number = Column { var: self.fresh(), ty: build::INT8 };
        let call = row_number(&domain.columns, order);
        let numbered = Relation::Window { input: Box::new(pushed), calls: vec![(number, call)] };
        let mut kept = Vec::new();
        if skip > 0 {
            kept.push(build::not(build::less_or_equal(build::column(number), build::int8(skip))));
        }
        if let Some(fetch) = fetch {
            kept.push(build::less_or_equal(build::column(number), build::int8(skip.saturating_add(fetch))));
        }
        Ok(build::only(build::filter(numbered, kept), &outputs))
    }
}

/// What a missing group's aggregate is.
pub(super) fn or_zero(value: Expr, call: &crate::expr::AggregateCall) -> Expr {
    match call.function.kind {
        AggregateKind::Count | AggregateKind::CountStar => build::coalesce(value, build::int8(0)),
        _ => value,
    }
}

fn row_number(partition: &[Column], order_by: Vec<SortKey>) -> WindowCall {
    WindowCall {
        function: WindowFunction::RowNumber,
        args: Vec::new(),
        filter: None,
        partition_by: partition.iter().map(|&column| build::column(column)).collect(),
        order_by,
        frame: Frame {
            unit: FrameUnit::Rows,
            start: FrameBound::UnboundedPreceding,
            end: FrameBound::CurrentRow,
            exclusion: Exclusion::None,
        },
    }
}
