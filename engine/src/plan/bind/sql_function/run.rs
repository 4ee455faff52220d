//! Calls of functions whose bodies write, or have several statements.
//!
//! A call that is a value stays a call among expressions, whose body the session runs for each row that comes to it. Where a call
//! answers rows the body is run before the statement, which then finds them. That is right where nothing can keep the call from
//! being computed, and computed once: alone in a list, or in FROM with arguments that are no columns. Anywhere else it is refused.

use std::sync::Arc;

use auth::{Privileges, decide};
use datafusion::sql::sqlparser::ast::{self, SetExpr, Spanned, TableFactor};
use datafusion::sql::sqlparser::tokenizer::{Location, Span};
use storage::Value;

use super::super::{Binder, Clause, Place, Scope, ScopeColumn};
use super::argument::{belongs_to_group, names_columns};
use super::body::unlike;
use super::{Columns, is_left_out};
use crate::catalog::SqlFunction;
use crate::error::{Error, Result, SqlState};
use crate::execute::lower::walk::is_volatile;
use crate::expr::{Expr, ExprKind};
use crate::function::body_call::body_call;
use crate::function::resolve::{Callable, Resolved};
use crate::function::{Volatility, functions_named};
use crate::plan::function_run::{CalledBody, FunctionRun};
use crate::plan::relation::{Column, Output, Query, Relation};
use crate::statement::Statement;
use crate::types::{Type, display, oid};

impl Binder<'_> {
    /// The statement that is bound may call functions whose bodies are run, where it calls them once.
    pub(crate) fn allow_runs(&mut self, statement: &Statement) {
        if self.catalog.functions.is_empty() {
            return;
        }
        match statement {
            Statement::Query(query) => self.runs_at = called_once(query),
            Statement::Insert(insert) => {
                self.runs_at = insert.parsed.source.as_deref().map(called_once).unwrap_or_default()
            }
            Statement::Update(_) | Statement::Delete(_) | Statement::Call(_) => {}
            _ => return,
        }
        self.calls.run = Some(Arc::default());
    }

    /// The bodies that expressions call, by their numbers.
    pub(crate) fn take_bodies(&mut self) -> Vec<Arc<CalledBody>> {
        self.calls.run.take().map(|bodies| std::mem::take(&mut *bodies.lock())).unwrap_or_default()
    }

    pub(crate) fn has_bodies(&self) -> bool {
        self.calls.run.as_ref().is_some_and(|bodies| !bodies.lock().is_empty())
    }

    /// A new column, numbered.
    pub(crate) fn fresh_column(&mut self, ty: Type) -> Column {
        self.fresh(ty)
    }

    /// The bodies to run before the statement, in order. 0A000 for what would have to see, or not to see, what they write.
    pub(crate) fn take_runs(&mut self, rest: Option<&Relation>) -> Result<Vec<FunctionRun>> {
        let runs = std::mem::take(&mut self.runs);
        if runs.is_empty() {
            return Ok(runs);
        }
        let refused = |what: &str| Err(Error::unsupported(format!("{what} beside a function whose body is run")));
        let in_list = runs.iter().any(|run| !run.fills);
        let is_steady =
            |run: &FunctionRun| !run.body.function.procedure && run.body.function.volatility != Volatility::Volatile;
        if self.waits() {
            return refused("a function that waits");
        }
        if self.reads_volatile() {
            return refused("a volatile function that reads a table");
        }
        if in_list && rest.is_some_and(is_volatile) {
            return refused("a volatile function");
        }
        if runs.len() > 1 && runs.iter().any(is_steady) {
            return refused("a function that is not volatile, and whose body is run,");
        }
        Ok(runs)
    }

    pub(crate) fn has_runs(&self) -> bool {
        !self.runs.is_empty()
    }

    fn check_runs_here(&self, function: &SqlFunction, span: Span) -> Result<()> {
        if self.runs_at.contains(&span.start) && self.outer.is_empty() {
            return Ok(());
        }
        let what = format!(
            "the function {}, whose body is more than one query, elsewhere than in SELECT f(…) or SELECT … FROM f(…)",
            function.name
        );
        Err(Error::unsupported(what))
    }

    /// A call that is a value.
    pub(super) fn value_of_run(&mut self, function: &Arc<SqlFunction>, args: Vec<Expr>) -> Result<Expr> {
        let name = &function.name;
        if function.returns == oid::RECORD && function.results().next().is_none() {
            return Err(Error::unsupported(format!("the function {name}, which returns any row, among expressions")));
        }
        if self.calls.acts_as.is_some() || self.calls.own_path {
            let around = "in a function in SQL with SECURITY DEFINER or SET";
            return Err(Error::unsupported(format!("the function {name}, whose body is run, {around}")));
        }
        let columns = self.result_columns(function, None)?;
        let Some(bodies) = &self.calls.run else {
            let what = format!("the function {name}, whose body is run, at this place of a statement");
            return Err(Error::unsupported(what));
        };
        let mut bodies = bodies.lock();
        // The same function has the same number, so that the same calls are the same expressions.
        let number = bodies.iter().position(|known| known.function == *function).unwrap_or(bodies.len());
        if number == bodies.len() {
            bodies.push(Arc::new(CalledBody { function: function.clone(), columns }));
        }
        drop(bodies);
        self.calls_volatile |= function.volatility == Volatility::Volatile;
        let number = i32::try_from(number).map_err(|_| Error::internal("too many bodies"))?;
        let mut all = vec![Expr::constant(Value::Int4(number), Type::new(oid::INT4))];
        all.extend(args);
        let kind = ExprKind::Call { function: body_call(function.volatility), args: all };
        Ok(Expr::new(kind, Type::new(function.returns)))
    }

    /// A call in a list that answers rows.
    pub(super) fn set_of_run(
        &mut self,
        function: &Arc<SqlFunction>,
        args: Vec<Expr>,
        columns: &Columns,
        span: Span,
    ) -> Result<(Relation, Vec<Column>)> {
        self.check_runs_here(function, span)?;
        self.select.runs = true;
        self.run(function, args, columns.clone(), false)
    }

    /// A call in FROM.
    pub(super) fn rows_of_run(
        &mut self,
        function: &Arc<SqlFunction>,
        args: Vec<Expr>,
        columns: Columns,
        span: Span,
    ) -> Result<(Relation, Vec<ScopeColumn>)> {
        self.check_runs_here(function, span)?;
        let (relation, outputs) = self.run(function, args, columns.clone(), true)?;
        let named = columns.into_iter().zip(outputs);
        Ok((relation, named.map(|((name, _), column)| ScopeColumn::new(name, column, None)).collect()))
    }

    /// The rows of a body that is run.
    fn run(
        &mut self,
        function: &Arc<SqlFunction>,
        args: Vec<Expr>,
        columns: Columns,
        fills: bool,
    ) -> Result<(Relation, Vec<Column>)> {
        if args.iter().any(belongs_to_group) {
            let what =
                format!("an aggregate or window function as an argument of {}, whose body is run,", function.name);
            return Err(Error::unsupported(what));
        }
        if args.iter().any(names_columns) {
            let what =
                format!("the function {}, whose body is run and answers rows, for each row of a query", function.name);
            return Err(Error::unsupported(what));
        }
        let args: Vec<(Column, Expr)> = args.into_iter().map(|arg| (self.fresh(arg.ty), arg)).collect();
        let output = |(column, _): &(Column, Expr)| Output { name: String::new(), column: *column, origin: None };
        let outputs = args.iter().map(output).collect();
        let relation = match args.is_empty() {
            true => Relation::OneRow,
            false => Relation::Project { input: Box::new(Relation::OneRow), columns: args },
        };
        let args = Query::within(relation, outputs);
        let number = self.new_written_number();
        let answered: Vec<Column> = columns.iter().map(|(_, ty)| self.fresh(*ty)).collect();
        let body = CalledBody { function: function.clone(), columns };
        self.runs.push(FunctionRun { number, body, args, fills });
        Ok((Relation::Written { number, columns: answered.clone() }, answered))
    }

    /// CALL of a procedure: a query of what it answers.
    pub(crate) fn call_procedure(&mut self, call: &ast::Function) -> Result<Query> {
        let ast::FunctionArguments::List(list) = &call.args else {
            return Err(Error::unsupported("CALL without parentheses"));
        };
        let span = call.name.span();
        let written = self.arguments(None, &call.name, list, span)?;
        let name = self.function_name(&call.name)?;
        let scope = Scope::empty();
        let at = Place { scope: &scope, clause: Clause::CallArgument };
        let mut args = Vec::with_capacity(written.exprs.len());
        for expr in &written.exprs {
            args.push(self.bind(expr, at)?);
        }
        let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        let resolved = self.resolve_procedure(&name, &types).map_err(|error| error.at(self.position(name.span)))?;
        let Callable::Sql(oid) = resolved.callable else { return Err(Error::internal("a procedure is SQL's")) };
        let procedure = self.concrete(oid, &resolved, false)?;
        let principal = self.current_principal();
        if !self.is_recorded() && !decide(&principal, &procedure.access(), Privileges::EXECUTE).is_allowed() {
            let message = format!("permission denied for procedure {}", procedure.name);
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        let given = self.coerce_arguments(args, &resolved.arg_types, &written.exprs, span)?;
        let mut inputs = Vec::with_capacity(given.len());
        let mut given = given.into_iter();
        for (at, parameter) in procedure.parameters.iter().enumerate() {
            let left_out = written.exprs.get(at).is_none_or(|expr| is_left_out(expr));
            let value = given.next();
            if !parameter.mode.is_input() {
                continue;
            }
            inputs.push(match (value.filter(|_| !left_out), &parameter.default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.parameter_default(default, Type::new(parameter.ty))?,
                (None, None) => return Err(Error::internal("an argument is missing")),
            });
        }
        if procedure.is_variadic() {
            return Err(Error::unsupported("CALL of a procedure with VARIADIC"));
        }
        let columns = match procedure.returns {
            oid::RECORD => self.result_columns(&procedure, None)?,
            _ => Vec::new(),
        };
        let (relation, answered) = self.run(&procedure, inputs, columns.clone(), true)?;
        let named = columns.into_iter().zip(answered);
        let outputs = named.map(|((name, _), column)| Output { name, column, origin: None }).collect();
        Ok(Query { params: self.params()?, uses: self.uses(), ..Query::within(relation, outputs) })
    }

    /// The procedure that is meant: 42883 if there is none, 42809 if it is a function.
    fn resolve_procedure(&self, name: &super::QualifiedName, types: &[Type]) -> Result<Resolved> {
        let shown: Vec<String> = types.iter().map(|ty| display(Type::new(ty.oid))).collect();
        let called = format!("{name}({})", shown.join(", "));
        let not_procedure = || {
            Error::new(SqlState::WRONG_OBJECT_TYPE, format!("{called} is not a procedure"))
                .with_hint("To call a function, use SELECT.")
        };
        let found = self.sql_functions(name)?;
        let resolved = self.resolve_defined(name, types, (false, true), &[], &found).map_err(|error| {
            error.map_words(|report| {
                let words = |text: &str| text.replacen("function", "procedure", 1);
                report.message = words(&report.message).replacen(&name.name, &name.to_string(), 1).into();
                report.hint = report.hint.as_deref().map(words);
            })
        });
        match resolved {
            Ok(Resolved { callable: Callable::Sql(oid), .. }) if !self.sql_function(oid)?.procedure => {
                Err(not_procedure())
            }
            Err(_) if functions_named(&name.name).iter().any(|function| function.args.len() == types.len()) => {
                Err(not_procedure())
            }
            other => other,
        }
    }

    /// What the last statement of a body has answered, as the columns of the call; None if it is that already.
    pub(crate) fn answer_of_run(
        &mut self,
        function: &SqlFunction,
        answered: Option<&[(String, Type)]>,
        wanted: &Columns,
    ) -> Result<Option<Query>> {
        let answered = answered.ok_or_else(|| unlike(function))?;
        if answered.len() == wanted.len() && answered.iter().zip(wanted).all(|((_, own), (_, wanted))| own == wanted) {
            return Ok(None);
        }
        let outputs: Vec<Output> = answered
            .iter()
            .map(|(name, ty)| Output { name: name.clone(), column: self.fresh(*ty), origin: None })
            .collect();
        let columns = outputs.iter().map(|output| output.column).collect();
        let relation = Relation::Written { number: 0, columns };
        let bound = super::super::query::Bound { relation, outputs, hidden: false, locking: Vec::new() };
        let (relation, columns) = self.rows(function, bound, wanted)?;
        let output = |column| Output { name: String::new(), column, origin: None };
        let outputs = columns.into_iter().map(output).collect();
        Ok(Some(Query::within(relation, outputs)))
    }
}

/// Where functions are called that are computed exactly once.
fn called_once(query: &ast::Query) -> Vec<Location> {
    let mut places = Vec::new();
    let is_cut = query.limit_clause.is_some() || query.fetch.is_some() || query.with.is_some();
    called_in(&query.body, is_cut || !query.locks.is_empty(), &mut places);
    places
}

/// `is_cut`: not every row has to be computed.
fn called_in(body: &SetExpr, is_cut: bool, places: &mut Vec<Location>) {
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { left, right, .. } => {
            called_in(left, is_cut, places);
            called_in(right, is_cut, places);
            return;
        }
        _ => return,
    };
    for item in &select.from {
        let joined = item.joins.iter().map(|join| &join.relation);
        places.extend(std::iter::once(&item.relation).chain(joined).filter_map(|relation| match relation {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                Some(name.span().start)
            }
            _ => None,
        }));
    }
    let is_whole = select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none()
        && select.top.is_none()
        && select.into.is_none()
        && select.qualify.is_none();
    if is_whole && !is_cut {
        places.extend(select.projection.iter().filter_map(|item| match item {
            ast::SelectItem::UnnamedExpr(ast::Expr::Function(call))
            | ast::SelectItem::ExprWithAlias { expr: ast::Expr::Function(call), .. } => Some(call.name.span().start),
            _ => None,
        }));
    }
}
