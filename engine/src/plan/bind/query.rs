//! Queries: WITH, the body, ORDER BY, LIMIT and locking put together.

use datafusion::sql::sqlparser::ast::{self, Expr as Ast, SetExpr};
use storage::Value;

use super::position::Start;
use super::walk::any;
use super::{Binder, Clause, Place, Scope};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::plan::relation::{Locking, Output, Query, Relation};
use crate::types::{Type, oid};

/// A bound query before anybody asks for its parameters and privileges.
pub(crate) struct Bound {
    pub relation: Relation,
    pub outputs: Vec<Output>,
    /// Whether the relation has columns beside the outputs.
    pub hidden: bool,
    pub locking: Vec<Locking>,
}

/// What becomes of outputs whose type nothing has told.
#[derive(Clone, Copy)]
pub(crate) enum Unknowns<'t> {
    Text,
    /// They stay, for the surrounding set operation to decide.
    Keep,
    /// They take these types, by position.
    Into(&'t [Type]),
}

/// What follows a query's body.
#[derive(Default, Clone, Copy)]
pub(crate) struct Tail<'q> {
    pub order_by: &'q [ast::OrderByExpr],
    pub limit: Option<&'q Ast>,
    pub offset: Option<&'q Ast>,
    /// FETCH FIRST without a number.
    pub one: bool,
    pub with_ties: bool,
    pub locks: &'q [ast::LockClause],
}

impl Bound {
    /// 0A000 for locks where nobody would take them.
    pub(super) fn without_locking(self) -> Result<Self> {
        if self.locking.is_empty() { Ok(self) } else { Err(Error::unsupported("FOR UPDATE in a subquery")) }
    }
}

impl Binder<'_> {
    /// Binds a whole query. Its outputs of unknown type become text.
    pub fn query(&mut self, query: &ast::Query) -> Result<Query> {
        let bound = self.bind_query(query, Unknowns::Text)?;
        self.finish(bound)
    }

    /// The same for INSERT … SELECT: output `i`, if its type is unknown, becomes `targets[i]`.
    pub fn query_into(&mut self, query: &ast::Query, targets: &[Type]) -> Result<Query> {
        let bound = self.bind_query(query, Unknowns::Into(targets))?;
        self.finish(bound)
    }

    fn finish(&mut self, bound: Bound) -> Result<Query> {
        let Bound { relation, outputs, hidden: _, locking } = bound;
        Ok(Query { relation, outputs, locking, few: None, params: self.params()?, uses: self.uses() })
    }

    pub(crate) fn bind_query(&mut self, query: &ast::Query, unknowns: Unknowns<'_>) -> Result<Bound> {
        self.nested(|binder| {
            let visible = binder.ctes.len();
            let lockable = binder.lockable.take();
            let result = binder.query_with_tail(query, Tail::default(), unknowns);
            binder.lockable = lockable;
            binder.ctes.truncate(visible);
            result
        })
    }

    /// A query whose parentheses are followed by `outer`.
    fn query_with_tail(&mut self, query: &ast::Query, outer: Tail<'_>, unknowns: Unknowns<'_>) -> Result<Bound> {
        let ast::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
            return Err(Error::unsupported("FOR XML, FOR JSON, SETTINGS, FORMAT or a pipe operator"));
        }
        let top = std::mem::take(&mut self.at_top);
        let shown = self.showing.as_ref().map_or(0, |recorder| recorder.with.len());
        if let Some(with) = with {
            self.with(with, top)?;
        }
        let own = tail(order_by.as_ref(), limit_clause.as_ref(), fetch.as_ref(), locks)?;
        let tail = self.merge(own, outer)?;
        let bound = match &**body {
            SetExpr::Select(select) => self.select(select, tail, unknowns),
            SetExpr::Query(inner) => self.nested(|binder| binder.query_with_tail(inner, tail, unknowns)),
            SetExpr::SetOperation { .. } => self.set_operation(body, tail, unknowns),
            SetExpr::Values(values) => self.values_query(values, tail, unknowns),
            SetExpr::Table(table) => {
                let select = select_all(table);
                self.select(&select, tail, unknowns)
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(Error::unsupported("INSERT, UPDATE, DELETE or MERGE inside a query"))
            }
        };
        if let (Some(with), Some(recorder)) = (with, self.showing.as_deref_mut())
            && let Some(query) = recorder.queries.last_mut()
        {
            query.with.splice(..0, recorder.with.drain(shown..));
            query.recursive |= with.recursive;
        }
        bound
    }

    fn merge<'q>(&self, own: Tail<'q>, outer: Tail<'q>) -> Result<Tail<'q>> {
        let twice = |what: &str, at: Option<&Ast>| {
            let position = at.and_then(|expr| self.position(expr.start()));
            Err(Error::new(SqlState::SYNTAX_ERROR, format!("multiple {what} clauses not allowed")).at(position))
        };
        if !own.order_by.is_empty() && !outer.order_by.is_empty() {
            return twice("ORDER BY", Some(&outer.order_by[0].expr));
        }
        let limits = |tail: &Tail<'_>| tail.limit.is_some() || tail.one;
        if limits(&own) && limits(&outer) {
            return twice("LIMIT", outer.limit);
        }
        if own.offset.is_some() && outer.offset.is_some() {
            return twice("OFFSET", outer.offset);
        }
        if !own.locks.is_empty() && !outer.locks.is_empty() {
            return Err(Error::unsupported("locking clauses inside and outside parentheses"));
        }
        Ok(Tail {
            order_by: if own.order_by.is_empty() { outer.order_by } else { own.order_by },
            limit: own.limit.or(outer.limit),
            offset: own.offset.or(outer.offset),
            one: own.one || outer.one,
            with_ties: own.with_ties || outer.with_ties,
            locks: if own.locks.is_empty() { outer.locks } else { own.locks },
        })
    }

    /// Puts LIMIT and OFFSET on a relation.
    pub(super) fn limit(&mut self, relation: Relation, tail: &Tail<'_>, scope: &Scope) -> Result<Relation> {
        if tail.with_ties && tail.order_by.is_empty() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause"));
        }
        if tail.with_ties
            && matches!(tail.locks, [.., ast::LockClause { nonblock: Some(ast::NonBlock::SkipLocked), .. }])
        {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "SKIP LOCKED and WITH TIES options cannot be used together",
            ));
        }
        let mut limit = match tail.limit {
            Some(expr) => self.row_count(expr, Clause::Limit, scope)?,
            None => None,
        };
        if tail.with_ties && tail.limit.is_some() && limit.is_none() {
            return Err(Error::new(
                SqlState::INVALID_ROW_COUNT_IN_LIMIT,
                "row count cannot be null in FETCH FIRST ... WITH TIES clause",
            ));
        }
        if tail.one {
            limit = Some(Expr::constant(Value::Int8(1), Type::new(oid::INT8)));
        }
        let offset = match tail.offset {
            Some(expr) => self.row_count(expr, Clause::Offset, scope)?,
            None => None,
        };
        if limit.is_none() && offset.is_none() {
            return Ok(relation);
        }
        Ok(Relation::Limit { input: Box::new(relation), limit, offset, with_ties: tail.with_ties })
    }

    /// A number of rows; None for the literal NULL, which means no bound.
    pub(super) fn row_count(&mut self, expr: &Ast, clause: Clause, scope: &Scope) -> Result<Option<Expr>> {
        let bound = self.bind(expr, Place { scope, clause })?;
        let bound = self.specific(bound, Type::new(oid::INT8), clause.name(), expr.start())?;
        if any(&bound, &mut |expr| matches!(expr.kind, ExprKind::Column(_))) {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("argument of {} must not contain variables", clause.name()),
            )
            .at(self.position(expr.start())));
        }
        Ok(Some(bound).filter(|bound| !matches!(bound.kind, ExprKind::Const(Value::Null))))
    }

    /// A relation whose columns are exactly the outputs, in order.
    pub(crate) fn exact(&mut self, mut bound: Bound) -> Bound {
        if !bound.hidden {
            return bound;
        }
        let mut columns = Vec::with_capacity(bound.outputs.len());
        for output in &mut bound.outputs {
            let expr = Expr::column(output.column.var, output.column.ty);
            output.column = self.fresh(output.column.ty);
            columns.push((output.column, expr));
        }
        bound.relation = Relation::Project { input: Box::new(bound.relation), columns };
        bound.hidden = false;
        bound
    }
}

/// Reads what follows a body, refusing what is not PostgreSQL's.
fn tail<'q>(
    order_by: Option<&'q ast::OrderBy>,
    limit_clause: Option<&'q ast::LimitClause>,
    fetch: Option<&'q ast::Fetch>,
    locks: &'q [ast::LockClause],
) -> Result<Tail<'q>> {
    let mut tail = Tail { locks, ..Tail::default() };
    if let Some(ast::OrderBy { kind, interpolate }) = order_by {
        if interpolate.is_some() {
            return Err(Error::unsupported("INTERPOLATE"));
        }
        match kind {
            ast::OrderByKind::Expressions(keys) => tail.order_by = keys,
            ast::OrderByKind::All(_) => return Err(Error::unsupported("ORDER BY ALL")),
        }
    }
    match limit_clause {
        None => {}
        Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) => {
            if !limit_by.is_empty() {
                return Err(Error::unsupported("LIMIT … BY"));
            }
            tail.limit = limit.as_ref();
            tail.offset = offset.as_ref().map(|ast::Offset { value, rows: _ }| value);
        }
        Some(ast::LimitClause::OffsetCommaLimit { .. }) => {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "LIMIT #,# syntax is not supported")
                .with_hint("Use separate LIMIT and OFFSET clauses."));
        }
    }
    if let Some(ast::Fetch { with_ties, percent, quantity }) = fetch {
        if *percent {
            return Err(Error::unsupported("FETCH FIRST … PERCENT"));
        }
        if tail.limit.is_some() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "multiple LIMIT clauses not allowed"));
        }
        tail.limit = quantity.as_ref();
        tail.one = quantity.is_none();
        tail.with_ties = *with_ties;
    }
    Ok(tail)
}

/// `TABLE t` is `SELECT * FROM t`. The parser has lost its quotes, so the name is taken as it stands.
fn select_all(table: &ast::Table) -> ast::Select {
    let ast::Table { table_name, schema_name } = table;
    let parts =
        schema_name.iter().chain(table_name).map(|name| ast::Ident::with_quote('"', name.clone())).collect::<Vec<_>>();
    let relation = ast::TableFactor::Table {
        name: ast::ObjectName::from(parts),
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    ast::Select {
        select_token: ast::helpers::attached_token::AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![ast::SelectItem::Wildcard(ast::WildcardAdditionalOptions::default())],
        exclude: None,
        into: None,
        from: vec![ast::TableWithJoins { relation, joins: Vec::new() }],
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: ast::GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: ast::SelectFlavor::Standard,
    }
}
