//! SEARCH and CYCLE of a recursive query: columns that remember the way on which a row was reached.
//!
//! The recursive term is asked for these columns of the row that it goes on from, and each row's own are made of them
//! (PostgreSQL's manual, section 7.8.2): depth first, the rows from the beginning on; breadth first, how deep a row lies, and the row; for
//! CYCLE, the rows from the beginning on, and whether the row is among those before it, from where nothing goes on.

use datafusion::sql::sqlparser::ast::{self, SetExpr, TableFactor};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::names::fold;
use super::position::Start;
use super::query::Bound;
use super::{Binder, Clause, Place, Scope, ScopeColumn, ScopeRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::{CastContext, resolve};
use crate::plan::relation::{Column, Output};
use crate::plan::system_column::{SeesDeleted, SystemColumns};
use crate::statement::mend::{CYCLE, MARK, SEARCH_BREADTH, SEARCH_DEPTH};
use crate::statement::parse_expression;
use crate::types::{Type, oid};

/// What stands behind a query of WITH.
#[derive(Default)]
pub(super) struct Paths<'q> {
    search: Option<Search<'q>>,
    cycle: Option<Cycle<'q>>,
}

struct Search<'q> {
    depth: bool,
    by: Vec<&'q ast::Ident>,
    set: &'q ast::Ident,
    /// Where the clause begins.
    span: Span,
}

struct Cycle<'q> {
    columns: Vec<&'q ast::Ident>,
    mark: &'q ast::Ident,
    path: &'q ast::Ident,
    found: &'q ast::Expr,
    otherwise: &'q ast::Expr,
    span: Span,
}

/// The columns that are added to a recursive query, and the expressions that fill them for the rows of either term.
pub(super) struct Added {
    names: Vec<String>,
    base: Vec<Filled>,
    step: Vec<Filled>,
}

/// What fills a column: an expression over the columns by their names, or one of two values by such a condition.
enum Filled {
    Text(String),
    Value(Expr),
    Either(String, Expr, Expr),
}

impl Added {
    /// How many columns are added.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

impl<'q> Paths<'q> {
    pub(super) fn is_empty(&self) -> bool {
        self.search.is_none() && self.cycle.is_none()
    }

    /// Where the first clause begins.
    fn span(&self) -> Span {
        let search = self.search.as_ref().map(|search| search.span);
        search.or(self.cycle.as_ref().map(|cycle| cycle.span)).unwrap_or_else(Span::empty)
    }

    /// Adds what a clause says.
    fn add(&mut self, ast::Ident { value: name, span, .. }: &ast::Ident, query: &'q ast::Query) -> Result<()> {
        let span = *span;
        let malformed = || Error::internal("a clause of WITH has lost its parts");
        let SetExpr::Select(select) = &*query.body else { return Err(malformed()) };
        let mut exprs = Vec::with_capacity(select.projection.len());
        for item in &select.projection {
            let ast::SelectItem::UnnamedExpr(expr) = item else { return Err(malformed()) };
            exprs.push(expr);
        }
        let ident = |expr: &'q ast::Expr| match expr {
            ast::Expr::Identifier(ident) => Ok(ident),
            _ => Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{expr}\""))),
        };
        match (name.as_str(), exprs.as_slice()) {
            (CYCLE, [mark, path, found, otherwise, columns @ ..]) => {
                let columns = columns.iter().map(|column| ident(column)).collect::<Result<_>>()?;
                self.cycle = Some(Cycle { columns, mark: ident(mark)?, path: ident(path)?, found, otherwise, span });
            }
            (SEARCH_DEPTH | SEARCH_BREADTH, [set, by @ ..]) => {
                let by = by.iter().map(|column| ident(column)).collect::<Result<_>>()?;
                self.search = Some(Search { depth: name == SEARCH_DEPTH, by, set: ident(set)?, span });
            }
            _ => return Err(malformed()),
        }
        Ok(())
    }
}

/// The queries of a WITH clause, each with what stands behind it.
pub(super) fn queries_with_paths(queries: &[ast::Cte]) -> Result<Vec<(&ast::Cte, Paths<'_>)>> {
    let mut found: Vec<(&ast::Cte, Paths<'_>)> = Vec::with_capacity(queries.len());
    for cte in queries {
        let name = &cte.alias.name;
        match found.last_mut() {
            Some((_, paths)) if name.quote_style == Some(MARK) => paths.add(name, &cte.query)?,
            _ => found.push((cte, Paths::default())),
        }
    }
    Ok(found)
}

impl Binder<'_> {
    /// The columns that the clauses add to a query with these columns.
    pub(super) fn added_columns(&mut self, paths: &Paths<'_>, columns: &[String]) -> Result<Added> {
        let mut added = Added { names: Vec::new(), base: Vec::new(), step: Vec::new() };
        let listed =
            |names: &[&ast::Ident]| names.iter().map(|name| quoted(&fold(name))).collect::<Vec<_>>().join(", ");
        if let Some(search) = &paths.search {
            self.check_named(&search.by, columns, "search", search.span)?;
            let set = self.check_new(search.set, columns, "search sequence", search.span)?;
            let (own, by) = (quoted(&set), listed(&search.by));
            let (base, step) = match search.depth {
                true => (format!("ARRAY[ROW({by})]"), format!("{own} || ROW({by})")),
                false => (format!("ROW(0::bigint, {by})"), format!("ROW(({own}).f1 + 1, {by})")),
            };
            added.names.push(set);
            added.base.push(Filled::Text(base));
            added.step.push(Filled::Text(step));
        }
        if let Some(cycle) = &paths.cycle {
            self.check_named(&cycle.columns, columns, "cycle", cycle.span)?;
            let mark = self.check_new(cycle.mark, columns, "cycle mark", cycle.span)?;
            let path = self.check_new(cycle.path, columns, "cycle path", cycle.span)?;
            let same = |one: &str, other: &str, span: Span| {
                let message = format!("{one} column name and {other} column name are the same");
                Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(span)))
            };
            match (mark == path, added.names.first()) {
                (true, _) => return same("cycle mark", "cycle path", cycle.span),
                (_, Some(set)) if *set == mark => return same("search sequence", "cycle mark", paths.span()),
                (_, Some(set)) if *set == path => return same("search sequence", "cycle path", paths.span()),
                _ => {}
            }
            let (found, otherwise) = self.mark_values(cycle)?;
            let (own, row) = (quoted(&path), listed(&cycle.columns));
            added.names.extend([mark, path]);
            added.base.extend([Filled::Value(otherwise.clone()), Filled::Text(format!("ARRAY[ROW({row})]"))]);
            added.step.push(Filled::Either(format!("ROW({row}) = ANY ({own})"), found, otherwise));
            added.step.push(Filled::Text(format!("{own} || ROW({row})")));
        }
        Ok(added)
    }

    /// 42601 for a column that the query does not have, 42701 for one that is named twice.
    fn check_named(&self, named: &[&ast::Ident], columns: &[String], what: &str, span: Span) -> Result<()> {
        for (at, ident) in named.iter().enumerate() {
            let name = fold(ident);
            let (state, message) = if !columns.contains(&name) {
                (SqlState::SYNTAX_ERROR, format!("{what} column \"{name}\" not in WITH query column list"))
            } else if named[..at].iter().any(|earlier| fold(earlier) == name) {
                (SqlState::DUPLICATE_COLUMN, format!("{what} column \"{name}\" specified more than once"))
            } else {
                continue;
            };
            return Err(Error::new(state, message).at(self.position(span)));
        }
        Ok(())
    }

    fn check_new(&self, ident: &ast::Ident, columns: &[String], what: &str, span: Span) -> Result<String> {
        let name = fold(ident);
        if columns.contains(&name) {
            let message = format!("{what} column name \"{name}\" already used in WITH query column list");
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(span)));
        }
        Ok(name)
    }

    /// The values of CYCLE's mark, in one type.
    fn mark_values(&mut self, cycle: &Cycle<'_>) -> Result<(Expr, Expr)> {
        let scope = Scope::empty();
        let place = Place { scope: &scope, clause: Clause::Select };
        let (found, otherwise) = (self.bind(cycle.found, place)?, self.bind(cycle.otherwise, place)?);
        let at = cycle.otherwise.start();
        let common =
            resolve::common_type(&[found.ty, otherwise.ty], "CYCLE").map_err(|error| error.at(self.position(at)))?;
        resolve::equality(common).map_err(|error| error.at(self.position(at)))?;
        let found = self.coerce_at(found, common, CastContext::Implicit, cycle.found.start())?;
        let otherwise = self.coerce_at(otherwise, common, CastContext::Implicit, at)?;
        Ok((found, otherwise))
    }

    /// The recursive term, asked for the added columns of the row it goes on from; one whose cycle is closed is not gone on from.
    pub(super) fn asked_for_paths(
        &self,
        paths: &Paths<'_>,
        added: &Added,
        name: &str,
        step: &SetExpr,
    ) -> Result<SetExpr> {
        let refused = |words: String| Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
        // One in parentheses, with a LIMIT of its own perhaps.
        if let SetExpr::Query(query) = step
            && query.with.is_none()
        {
            let mut query = query.clone();
            *query.body = self.asked_for_paths(paths, added, name, &query.body)?;
            return Ok(SetExpr::Query(query));
        }
        let SetExpr::Select(select) = step else {
            let words = "with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT";
            return Err(Error::new(SqlState::SYNTAX_ERROR, words));
        };
        let mut select = select.clone();
        let tables = select
            .from
            .iter()
            .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
        let mut named = tables.filter_map(|factor| match factor {
            TableFactor::Table { name: table, alias, args: None, .. } => match table.0.as_slice() {
                [ast::ObjectNamePart::Identifier(ident)] if fold(ident) == name => {
                    Some(alias.as_ref().map_or(ident, |alias| &alias.name).clone())
                }
                _ => None,
            },
            _ => None,
        });
        let Some(alias) = named.next() else {
            return refused(format!(
                "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"{name}\" must be at the top \
                 level of its right-hand SELECT"
            ));
        };
        drop(named);
        let column = |name: &str| ast::Expr::CompoundIdentifier(vec![alias.clone(), ast::Ident::with_quote('"', name)]);
        select.projection.extend(added.names.iter().map(|name| ast::SelectItem::UnnamedExpr(column(name))));
        if let Some(cycle) = &paths.cycle {
            let open = ast::Expr::BinaryOp {
                left: Box::new(column(&fold(cycle.mark))),
                op: ast::BinaryOperator::NotEq,
                right: Box::new(cycle.found.clone()),
            };
            select.selection = Some(match select.selection.take() {
                Some(own) => ast::Expr::BinaryOp {
                    left: Box::new(ast::Expr::Nested(Box::new(own))),
                    op: ast::BinaryOperator::And,
                    right: Box::new(open),
                },
                None => open,
            });
        }
        Ok(SetExpr::Select(select))
    }

    /// The non-recursive term with the added columns.
    pub(super) fn base_with_paths(&mut self, base: Bound, columns: &[String], added: &Added) -> Result<Bound> {
        let types = vec![None; added.names.len()];
        self.with_paths(base, columns, added, &added.base, &types)
    }

    /// The recursive term, which brings the columns of the row that it goes on from behind its own, with those of its own rows.
    pub(super) fn step_with_paths(
        &mut self,
        step: Bound,
        columns: &[String],
        added: &Added,
        types: &[Type],
    ) -> Result<Bound> {
        let types: Vec<Option<Type>> = types.iter().copied().map(Some).collect();
        self.with_paths(step, columns, added, &added.step, &types)
    }

    fn with_paths(
        &mut self,
        bound: Bound,
        columns: &[String],
        added: &Added,
        filled: &[Filled],
        types: &[Option<Type>],
    ) -> Result<Bound> {
        let names = columns.iter().chain(&added.names);
        let named = names.zip(&bound.outputs).map(|(name, output)| {
            let column = Column { ty: output.column.ty, ..output.column };
            ScopeColumn::new(name.as_str(), column, None)
        });
        let scope = Scope::of(ScopeRelation {
            name: String::new(),
            table: None,
            aliased: true,
            nullable: false,
            mark: None,
            columns: named.collect(),
            system: SystemColumns::default(),
            sees_deleted: SeesDeleted::default(),
            scalar: false,
        });
        // How deep a row lies is the first field of a row of no type.
        for output in bound.outputs.iter().skip(columns.len()).filter(|output| output.column.ty.oid == oid::RECORD) {
            self.row_shapes.insert(output.column.var, vec![("f1".to_owned(), Type::new(oid::INT8))]);
        }
        let place = Place { scope: &scope, clause: Clause::Select };
        let mut outputs: Vec<Output> = bound.outputs.into_iter().take(columns.len()).collect();
        let mut computed: Vec<(Column, Expr)> =
            outputs.iter().map(|output| (output.column, Expr::column(output.column.var, output.column.ty))).collect();
        for ((name, filled), ty) in added.names.iter().zip(filled).zip(types) {
            let value = match filled {
                Filled::Text(text) => self.bind(&parse_expression(text)?, place)?,
                Filled::Value(value) => value.clone(),
                Filled::Either(condition, found, otherwise) => {
                    let met = self.condition_at(&parse_expression(condition)?, place)?;
                    let otherwise = Some(Box::new(otherwise.clone()));
                    Expr::new(ExprKind::Case { whens: vec![(met, found.clone())], otherwise }, found.ty)
                }
            };
            let value = match ty {
                Some(ty) if *ty != value.ty => self.coerce_at(value, *ty, CastContext::Implicit, Span::empty())?,
                _ => value,
            };
            let column = self.fresh(value.ty);
            computed.push((column, value));
            outputs.push(Output { name: name.clone(), column, origin: None });
        }
        let relation = self.computed(bound.relation, computed)?;
        Ok(Bound { relation, outputs, hidden: false, locking: bound.locking })
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
