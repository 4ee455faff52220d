//! WITH: named queries, each bound once and shared by all who name it, and recursive ones.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, SetExpr, SetOperator, SetQuantifier, visit_relations};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::shared_modifier;
use super::from::Alias;
use super::modify::body_write;
use super::names::{QualifiedName, fold};
use super::position::Start;
use super::position::first_column;
use super::query::{Bound, Unknowns};
use super::walk::map_outer_relation;
use super::with_path::{Added, Paths, queries_with_paths};
use super::{Binder, ScopeColumn};
use crate::error::{Error, Result, SqlState};
use crate::execute::lower::walk::{is_volatile, reads_working_table};
use crate::expr::ColumnVar;
use crate::function::{CastContext, resolve};
use crate::plan::relation::{Column, Relation, SetKind};
use crate::plan::shown::ShownWith;
use crate::plan::write::WithWork;
use crate::types::{Type, display};

/// A query that WITH has named.
pub(super) struct WithQuery {
    name: String,
    columns: Vec<WithColumn>,
    source: Source,
    /// How many borders stood around its definition.
    level: usize,
}

struct WithColumn {
    name: String,
    ty: Type,
    origin: Option<(u32, u16)>,
}

enum Source {
    Plan {
        plan: Arc<Relation>,
        vars: Vec<ColumnVar>,
        /// Whether it names columns of enclosing queries.
        correlated: bool,
        often: Often,
    },
    /// The recursive query itself, inside its recursive term.
    Working { name: Arc<str>, named: bool },
}

/// What becomes of a query that is used often.
#[derive(Clone, Copy)]
enum Often {
    /// It is computed for each use, which nobody notices.
    Anew,
    /// All uses see the rows that are computed once, under this number.
    Once { number: u32, used: bool },
    /// They ought to, but the rows differ with the rows around them.
    Never { used: bool },
}

impl Binder<'_> {
    /// Binds the queries of a WITH clause: their names are visible to all that is bound later. (In front of a statement
    /// that is not a query; a query's own WITH ends with it.)
    /// At the `top` of a statement it may write.
    pub fn with(&mut self, with: &ast::With, top: bool) -> Result<()> {
        let ast::With { with_token: _, recursive, cte_tables } = with;
        let queries = queries_with_paths(cte_tables)?;
        for (index, (cte, _)) in queries.iter().enumerate() {
            let name = fold(&cte.alias.name);
            if queries[..index].iter().any(|(earlier, _)| fold(&earlier.alias.name) == name) {
                return Err(Error::new(
                    SqlState::DUPLICATE_ALIAS,
                    format!("WITH query name \"{name}\" specified more than once"),
                )
                .at(self.position(cte.alias.name.span)));
            }
        }
        let order = match *recursive {
            true => self.by_need(&queries)?,
            false => (0..queries.len()).collect(),
        };
        let enclosing = std::mem::take(&mut self.later_with_queries);
        let result = order.iter().enumerate().try_for_each(|(index, at)| {
            // A name that is only defined further on is worth a hint.
            self.later_with_queries = order[index..].iter().map(|at| fold(&queries[*at].0.alias.name)).collect();
            let (query, paths) = &queries[*at];
            self.named_query(query, paths, *recursive, top)
        });
        self.later_with_queries = enclosing;
        result
    }

    /// The places of the queries of WITH RECURSIVE, each behind those that it names, which may stand further on.
    fn by_need(&self, queries: &[(&ast::Cte, Paths<'_>)]) -> Result<Vec<usize>> {
        let names: Vec<String> = queries.iter().map(|(cte, _)| fold(&cte.alias.name)).collect();
        let mut needed: Vec<Vec<usize>> = Vec::with_capacity(queries.len());
        for (at, (cte, _)) in queries.iter().enumerate() {
            let others = (0..queries.len()).filter(|other| *other != at);
            let names_it =
                |other: &usize| named_in(&cte.query, &names[*other]).is_some() && !hides(&cte.query, &names[*other]);
            needed.push(others.filter(names_it).collect());
        }
        let mut order: Vec<usize> = Vec::with_capacity(queries.len());
        while order.len() < queries.len() {
            let mut left = (0..queries.len()).filter(|at| !order.contains(at));
            let ready = left.clone().find(|at| needed[*at].iter().all(|other| order.contains(other)));
            let Some(at) = ready else {
                let span = left.next().map_or(Span::empty(), |at| queries[at].0.alias.name.span);
                let message = "mutual recursion between WITH items is not implemented";
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).at(self.position(span)));
            };
            order.push(at);
        }
        Ok(order)
    }

    fn named_query(&mut self, cte: &ast::Cte, paths: &Paths<'_>, recursive: bool, top: bool) -> Result<()> {
        // MATERIALIZED is a wish about how, not what.
        let ast::Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
        if from.is_some() {
            return Err(Error::unsupported("FROM after a WITH query"));
        }
        let alias = Alias::of(alias)?;
        let itself = recursive && named_in(query, &alias.name).is_some();
        if !paths.is_empty() && !itself {
            let error = Error::new(SqlState::SYNTAX_ERROR, "WITH query is not recursive");
            return Err(error.at(self.position(alias.span)));
        }
        let bound = if body_write(query).is_some() {
            self.refuse_to_show("a write in WITH")?;
            if itself {
                let words = format!("recursive query \"{}\" must not contain data-modifying statements", alias.name);
                return Err(invalid_recursion(words).at(self.position(alias.span)));
            }
            let (relation, outputs) = self.named_write(query, top)?;
            Bound { relation, outputs, hidden: false, locking: Vec::new() }
        } else if itself {
            self.nested(|binder| binder.recursive(&alias, query, paths))?
        } else {
            let bound = self.bind_query(query, Unknowns::Text)?;
            let bound = self.locked_first(bound, false)?;
            self.exact(bound)
        };
        if self.is_showing() {
            let query = self.last_shown()?;
            let materialized = materialized.as_ref().map(|wish| matches!(wish, ast::CteAsMaterialized::Materialized));
            let (name, columns) = (alias.name.clone(), alias.columns.clone());
            self.recorder()?.with.push(ShownWith { name, columns, materialized, query });
        }
        let Bound { mut relation, outputs, .. } = bound;
        let vars = outputs.iter().map(|output| output.column.var).collect();
        let columns = outputs
            .into_iter()
            .map(|output| WithColumn { name: output.name, ty: output.column.ty, origin: output.origin })
            .collect();
        let columns = self.renamed(columns, &alias)?;
        let correlated = !self.outer.is_empty() && leaves(&mut relation)?;
        let often = match is_volatile(&relation) {
            false => Often::Anew,
            true if correlated || reads_working_table(&relation) => Often::Never { used: false },
            true => Often::Once { number: self.fresh_var().0, used: false },
        };
        let source = Source::Plan { plan: Arc::new(relation), vars, correlated, often };
        self.ctes.push(WithQuery { name: alias.name, columns, source, level: self.outer.len() });
        Ok(())
    }

    fn renamed(&self, mut columns: Vec<WithColumn>, alias: &Alias) -> Result<Vec<WithColumn>> {
        if alias.columns.len() > columns.len() {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "WITH query \"{}\" has {} columns available but {} columns specified",
                    alias.name,
                    columns.len(),
                    alias.columns.len()
                ),
            )
            .at(self.position(alias.span)));
        }
        for (column, name) in columns.iter_mut().zip(&alias.columns) {
            column.name.clone_from(name);
        }
        Ok(columns)
    }

    /// Whether a query in sight that is computed once is read.
    pub(super) fn reads_once(&self) -> bool {
        let often =
            |query: &WithQuery| matches!(query.source, Source::Plan { often: Often::Once { used, .. }, .. } if used);
        self.ctes.iter().any(often)
    }

    /// The relation of a WITH query's name, with columns of its own; None if there is no such query.
    pub(super) fn with_query(&mut self, name: &QualifiedName) -> Result<Option<(Relation, Vec<ScopeColumn>)>> {
        let Some(index) = self.ctes.iter().rposition(|query| query.name == name.name) else { return Ok(None) };
        let types: Vec<Type> = self.ctes[index].columns.iter().map(|column| column.ty).collect();
        let fresh: Vec<Column> = types.into_iter().map(|ty| self.fresh(ty)).collect();
        let (innermost, position) = (self.outer.len(), self.position(name.span));
        let query = &mut self.ctes[index];
        let away = innermost - query.level;
        let relation = match &mut query.source {
            Source::Plan { plan, vars, correlated, often } => {
                if let Relation::Written { number, .. } = plan.as_ref() {
                    let written = self.written.iter_mut().find(|written| written.number == *number);
                    let written = written.ok_or_else(|| Error::internal("a WITH clause has lost a write"))?;
                    written.is_named = true;
                    if let WithWork::Write(write) = &written.work
                        && write.returning.is_none()
                    {
                        let message = format!("WITH query \"{}\" does not have a RETURNING clause", name.name);
                        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).at(position));
                    }
                }
                let mut plan = plan.clone();
                if *correlated && away > 0 {
                    // The query is used deeper than it was defined, so that what it names is farther away.
                    map_outer_relation(Arc::make_mut(&mut plan), 1, &mut |reference| {
                        let leaves = reference.depth >= reference.borders;
                        Ok((reference.var, reference.depth + if leaves { away } else { 0 }))
                    })?;
                    self.outer[query.level..].iter_mut().for_each(|level| level.crossed = true);
                }
                let once = match often {
                    Often::Anew => None,
                    Often::Once { number, used } => {
                        self.keeps_rows |= *used;
                        *used = true;
                        Some(*number)
                    }
                    Often::Never { used: false } => {
                        *often = Often::Never { used: true };
                        None
                    }
                    Often::Never { used: true } => {
                        let what = "using a WITH query twice that calls volatile functions over the rows around it";
                        return Err(Error::unsupported(what).at(position));
                    }
                };
                Relation::Shared { plan, columns: fresh.clone(), source: vars.clone(), once }
            }
            Source::Working { name: working, named } => {
                let place = if away > 0 {
                    Some("within a subquery")
                } else if *named {
                    Some("more than once")
                } else {
                    None
                };
                if let Some(place) = place {
                    return Err(invalid_recursion(format!(
                        "recursive reference to query \"{}\" must not appear {place}",
                        name.name
                    ))
                    .at(position));
                }
                *named = true;
                Relation::WorkingTable { name: working.clone(), columns: fresh.clone() }
            }
        };
        let columns = query
            .columns
            .iter()
            .zip(fresh)
            .map(|(column, var)| ScopeColumn::new(column.name.as_str(), var, column.origin))
            .collect();
        Ok(Some((relation, columns)))
    }

    /// `base UNION [ALL] step`, where the step names the query itself.
    fn recursive(&mut self, alias: &Alias, query: &ast::Query, paths: &Paths<'_>) -> Result<Bound> {
        let name = &alias.name;
        let (left, right, all) = self.recursive_terms(alias, query)?;
        if let Some(span) = named_in(left, name) {
            return Err(invalid_recursion(format!(
                "recursive reference to query \"{name}\" must not appear within its non-recursive term"
            ))
            .at(self.position(span)));
        }
        let mut base = self.side(left, Unknowns::Text)?;
        let (mut own, mut added, mut asked) = (Vec::new(), None, None);
        if !paths.is_empty() {
            self.refuse_to_show("SEARCH or CYCLE")?;
            if matches!(left, SetExpr::SetOperation { .. }) {
                let words = "with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT";
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
            }
            base = self.exact(base);
            let named = base.outputs.iter().enumerate();
            own = named.map(|(at, output)| alias.columns.get(at).unwrap_or(&output.name).clone()).collect();
            let columns = self.added_columns(paths, &own)?;
            asked = Some(self.asked_for_paths(paths, &columns, name, right)?);
            base = self.base_with_paths(base, &own, &columns)?;
            added = Some(columns);
        }
        let right = asked.as_ref().unwrap_or(right);
        let columns: Vec<Column> = base.outputs.iter().map(|output| output.column).collect();
        let working: Arc<str> = format!("{name} {}", self.fresh_var().0).into();
        let inner = base
            .outputs
            .iter()
            .map(|output| WithColumn { name: output.name.clone(), ty: output.column.ty, origin: None })
            .collect();
        let inner = self.renamed(inner, alias)?;
        let visible = self.ctes.len();
        let source = Source::Working { name: working.clone(), named: false };
        self.ctes.push(WithQuery { name: name.clone(), columns: inner, source, level: self.outer.len() });
        let step = self.side(right, Unknowns::Keep);
        self.ctes.truncate(visible);
        let step = step?;
        if step.outputs.len() != columns.len() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "each UNION query must have the same number of columns")
                .at(self.position(first_column(right))));
        }
        let mut targets = Vec::with_capacity(columns.len());
        for (index, (base, step)) in columns.iter().zip(&step.outputs).enumerate() {
            let types = [base.ty, step.column.ty];
            let common =
                resolve::common_type(&types, "UNION").map_err(|error| error.at(self.position(first_column(right))))?;
            let overall = shared_modifier(&types, common);
            if overall != base.ty {
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "recursive query \"{name}\" column {} has type {} in non-recursive term but type {} overall",
                        index + 1,
                        display(base.ty),
                        display(overall)
                    ),
                )
                .with_hint("Cast the output of the non-recursive term to the correct type.")
                .at(self.position(first_column(left))));
            }
            if !all {
                resolve::equality(overall).map_err(|error| error.at(self.position(first_column(left))))?;
            }
            targets.push(overall);
        }
        if self.is_showing() {
            self.shown_set(SetKind::Union, all, &targets)?;
        }
        let mut step = self.convert_outputs(step, &targets, CastContext::Implicit, right.start())?;
        if let Some(added) = &added {
            step = self.step_with_paths(step, &own, added, &targets[own.len()..])?;
        }
        let mut outputs = base.outputs;
        for output in &mut outputs {
            output.column = self.fresh(output.column.ty);
            output.origin = None;
        }
        let columns = outputs.iter().map(|output| output.column).collect();
        let follow = added.as_ref().map_or(0, Added::len);
        let (base, step) = (Box::new(base.relation), Box::new(step.relation));
        let relation = Relation::Recursive { name: working, columns, follow, all, base, step };
        Ok(Bound { relation, outputs, hidden: false, locking: Vec::new() })
    }

    /// The two terms of a recursive query.
    fn recursive_terms<'q>(&self, alias: &Alias, query: &'q ast::Query) -> Result<(&'q SetExpr, &'q SetExpr, bool)> {
        let ast::Query { with, body, order_by, limit_clause, fetch, locks, .. } = query;
        let malformed = || {
            invalid_recursion(format!(
                "recursive query \"{}\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                alias.name
            ))
            .at(self.position(alias.span))
        };
        let SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } = &**body else {
            return Err(malformed());
        };
        let refusal = if with.is_some() {
            Some("WITH")
        } else if order_by.is_some() {
            Some("ORDER BY")
        } else if limit_clause.is_some() || fetch.is_some() {
            Some("LIMIT")
        } else if !locks.is_empty() {
            Some("FOR UPDATE/SHARE")
        } else {
            None
        };
        if let Some(what) = refusal {
            let words = format!("{what} in a recursive query is not implemented");
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).at(self.position(query.start())));
        }
        match set_quantifier {
            SetQuantifier::All => Ok((left, right, true)),
            SetQuantifier::Distinct | SetQuantifier::None => Ok((left, right, false)),
            _ => Err(Error::unsupported("a set operation BY NAME")),
        }
    }
}

/// The recursive query that a FROM clause itself names, below its joins.
pub(super) fn working_table(relation: &Relation) -> Option<&str> {
    match relation {
        // The name is followed by a number of its own.
        Relation::WorkingTable { name, .. } => Some(name.rsplit_once(' ').map_or(name, |(name, _)| name)),
        Relation::Filter { input, .. } | Relation::ProjectSet { input, .. } => working_table(input),
        Relation::Join { left, right, .. } => working_table(left).or_else(|| working_table(right)),
        _ => None,
    }
}

pub(super) fn invalid_recursion(words: String) -> Error {
    Error::new(SqlState::INVALID_RECURSION, words)
}

/// Where a query names an unqualified relation, if it does. A name that an inner WITH hides counts too.
fn named_in<T: ast::Visit>(query: &T, name: &str) -> Option<Span> {
    let found = visit_relations(query, |relation| match relation.0.as_slice() {
        [ast::ObjectNamePart::Identifier(ident)] if fold(ident) == name => ControlFlow::Break(ident.span),
        _ => ControlFlow::Continue(()),
    });
    found.break_value()
}

/// Whether a WITH clause within the query defines the name for itself.
fn hides(query: &ast::Query, name: &str) -> bool {
    struct Inner<'n>(&'n str);
    impl ast::Visitor for Inner<'_> {
        type Break = ();
        fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
            let defined = query.with.iter().flat_map(|with| &with.cte_tables);
            match defined.map(|cte| fold(&cte.alias.name)).any(|inner| inner == self.0) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    ast::Visit::visit(query, &mut Inner(name)).is_break()
}

/// Whether a relation names columns of enclosing queries.
pub(super) fn leaves(relation: &mut Relation) -> Result<bool> {
    let mut found = false;
    map_outer_relation(relation, 1, &mut |reference| {
        found |= reference.depth >= reference.borders;
        Ok((reference.var, reference.depth))
    })?;
    Ok(found)
}
