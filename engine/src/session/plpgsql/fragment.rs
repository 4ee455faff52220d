//! SQL of a body: bound with the variables as parameters, and run as statements of the session are.

use std::sync::Arc;

use futures::StreamExt;
use storage::Value;

use super::super::Session;
use super::super::cancel::Interrupt;
use super::super::cursor::RowSource;
use super::super::prepared::{CachedPlan, Prepared};
use super::super::run::{Outcome, no_transaction};
use super::{Call, Compiled, Pulled};
use crate::error::{Error, Result, SqlState};
use crate::execute::point;
use crate::plan::bind::{Binder, Shape, Variables, writing_verb};
use crate::plan::{ColumnDescription, Plan, authorize, choose};
use crate::plpgsql::{Fragment, FragmentId, QueryText, check_statement};
use crate::statement::{Statement, parse_script, parse_single};
use crate::types::{Type, oid};

/// A fragment that was bound, and what it depends on beyond the catalog.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Arc<CachedPlan>,
    /// The variables that are its parameters.
    used: Vec<usize>,
    shapes: Vec<Shape>,
    verb: Option<&'static str>,
}

/// What came of a statement of a body.
pub(super) struct Done {
    /// None: it answers no rows.
    pub(super) rows: Option<Pulled>,
    /// The rows that it has written; those of a query are counted as they are pulled.
    pub(super) count: u64,
    /// A query, or a write: what FOUND tells of.
    pub(super) counts: bool,
    pub(super) is_query: bool,
}

impl Session {
    /// The value of an expression, and its type.
    pub(super) async fn value_of(
        &mut self,
        call: &mut Call<'_>,
        fragment: FragmentId,
        interrupt: &Interrupt,
    ) -> Result<(Value, Type)> {
        let compiled = call.compiled;
        if let Some(planned) = self.kept_plan(call, fragment)
            && let Plan::OneRow(row) = planned.plan.plan.plan()
            && !planned.plan.plan.waits()
            && !planned.plan.plan.runs_together()
            && planned.plan.plan.locks().is_empty()
        {
            // An expression as such: nothing to wait for.
            let context = self.context(self.catalog(), parameters(call, &planned.used));
            let computed = point::one_row(row, &context);
            let computed = computed.map_err(|error| compiled.in_expression(error, fragment, planned.used.is_empty()));
            let mut row = computed?.pop().unwrap_or_default();
            let ty = planned.plan.columns.as_ref().and_then(|columns| columns.first()).map(|column| column.declared);
            if let (1, Some(ty)) = (row.len(), ty) {
                return Ok((row.pop().unwrap_or_default(), ty));
            }
        }
        let own = &compiled.code.fragments[fragment];
        let (text, assigns) = (own.text.as_str(), own.assigns.is_some());
        let ran = self.run_fragment(call, fragment, interrupt).await;
        let Done { rows: Some(mut rows), .. } = ran.map_err(|error| compiled.in_expression(error, fragment, true))?
        else {
            let error = Error::new(SqlState::SYNTAX_ERROR, "query did not return data");
            return Err(error.within(format!("query: {text}")));
        };
        let columns = rows.columns.clone();
        let [column] = &*columns else {
            let what = if assigns { "assignment source" } else { "query" };
            let message = format!("{what} returned {} columns", columns.len());
            let error = Error::new(SqlState::SYNTAX_ERROR, message);
            return Err(match assigns {
                true => compiled.in_expression(error, fragment, true),
                false => error.within(format!("query: {text}")),
            });
        };
        let is_simple =
            self.kept_plan(call, fragment).is_some_and(|kept| matches!(kept.plan.plan.plan(), Plan::OneRow(_)));
        let around = |error: Error| compiled.in_expression(error, fragment, true);
        let first = rows.next(interrupt).await.map_err(around)?;
        if first.is_some() && rows.next(interrupt).await.map_err(around)?.is_some() {
            return Err(Error::new(SqlState::CARDINALITY_VIOLATION, "query returned more than one row")
                .within(format!("query: {text}")));
        }
        if !is_simple {
            // What is more than an expression is a query, whose rows are counted.
            call.row_count = u64::from(first.is_some());
        }
        let value = first.and_then(|mut row| row.pop()).unwrap_or_default();
        Ok((value, column.declared))
    }

    /// The value of an expression as a type; NULL is NULL.
    pub(super) async fn value_as(
        &mut self,
        call: &mut Call<'_>,
        fragment: FragmentId,
        ty: u32,
        interrupt: &Interrupt,
    ) -> Result<Value> {
        let (value, from) = self.value_of(call, fragment, interrupt).await?;
        self.converted_value(value, from, Type::new(ty))
    }

    /// Whether a condition holds: NULL does not.
    pub(super) async fn holds(
        &mut self,
        call: &mut Call<'_>,
        fragment: FragmentId,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let value = self.value_as(call, fragment, oid::BOOL, interrupt).await?;
        Ok(matches!(value, Value::Bool(true)))
    }

    /// Runs a statement that stands in the body.
    pub(super) async fn run_fragment(
        &mut self,
        call: &mut Call<'_>,
        fragment: FragmentId,
        interrupt: &Interrupt,
    ) -> Result<Done> {
        let own = &call.compiled.code.fragments[fragment];
        let mut planned = self.kept_plan(call, fragment);
        if planned.is_none() {
            let Some(statement) = parse_single(&own.sql)? else {
                return Err(Error::internal("a fragment is a statement"));
            };
            if !is_planned(&statement) {
                return self.run_other(call.is_volatile, &own.sql, statement, interrupt).await;
            }
            planned = Some(self.plan_fragment(call, fragment, own, &statement)?);
        }
        let mut planned = planned.ok_or_else(|| Error::internal("a fragment was planned"))?;
        loop {
            self.lock_planned(&planned.plan, interrupt).await?;
            let open = self.state.open().ok_or_else(no_transaction)?;
            if open.catalog.is_some() || self.committed_catalog().version == planned.plan.catalog_version {
                break;
            }
            let statement = parse_single(&own.sql)?.ok_or_else(|| Error::internal("a fragment is a statement"))?;
            planned = self.plan_fragment(call, fragment, own, &statement)?;
        }
        let params = parameters(call, &planned.used);
        self.run_plan(call.is_volatile, &planned.plan, planned.verb, params, interrupt).await
    }

    /// The plan of a fragment, if it still holds.
    pub(super) fn kept_plan(&self, call: &Call<'_>, fragment: FragmentId) -> Option<Arc<Planned>> {
        if self.state.open().is_none_or(|open| open.catalog.is_some()) {
            return None;
        }
        let kept = call.compiled.plans.get(fragment)?.lock().clone()?;
        let holds = kept.plan.catalog_version == self.committed_catalog().version
            && kept.plan.epoch == self.epoch
            && kept.used.iter().zip(&kept.shapes).all(|(datum, shape)| call.shapes[*datum] == *shape);
        holds.then_some(kept)
    }

    fn plan_fragment(
        &mut self,
        call: &Call<'_>,
        fragment: FragmentId,
        own: &Fragment,
        statement: &Statement,
    ) -> Result<Arc<Planned>> {
        let catalog = self.catalog();
        let context = self.context(catalog.clone(), Arc::from([]));
        let compiled = call.compiled;
        let mut binder = Binder::new(&catalog, &context, &[]).with_text(&own.sql);
        binder.take_variables(Variables::new(&compiled.code, own.place, &call.shapes, &compiled.inputs));
        binder.allow_runs(statement);
        // An expression as such is always computed as one.
        let is_expression = own.sql.len() > own.text.len();
        let bound = choose(&mut binder, statement, is_expression || self.settings.active().point_plans)?;
        let used = binder.used_variables();
        let shapes = used.iter().map(|datum| call.shapes[*datum].clone()).collect();
        let principal = self.principal(&catalog);
        let (params, columns) = (bound.params.clone().into(), bound.columns.clone());
        let plan = authorize::authorize(bound, &principal, &catalog)?;
        let plan = CachedPlan { plan, params, columns, catalog_version: catalog.version, epoch: self.epoch };
        let verb = writing_verb(statement);
        let planned = Arc::new(Planned { plan: Arc::new(plan), used, shapes, verb });
        if self.state.open().is_some_and(|open| open.catalog.is_none()) {
            *compiled.plans[fragment].lock() = Some(planned.clone());
        }
        Ok(planned)
    }

    async fn lock_planned(&mut self, plan: &CachedPlan, interrupt: &Interrupt) -> Result<()> {
        let wait = self.lock_wait();
        let open = self.state.open_mut().ok_or_else(no_transaction)?;
        for (table, mode) in plan.plan.locks() {
            interrupt.guard(async { Ok(open.transaction.lock_table(*table, *mode, wait).await?) }).await?;
        }
        Ok(())
    }

    /// Runs a plan whose tables are locked.
    async fn run_plan(
        &mut self,
        is_volatile: bool,
        plan: &Arc<CachedPlan>,
        verb: Option<&'static str>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Done> {
        if let Some(verb) = verb.filter(|_| !is_volatile) {
            return Err(not_allowed(verb));
        }
        if is_volatile {
            self.check_reads_ahead(plan)?;
        }
        let context = self.context(self.catalog(), params);
        let outcome = match (plan.plan.waits(), is_volatile) {
            (true, _) => Box::pin(self.execute_waiting(plan, &context, interrupt)).await?,
            (false, true) => Box::pin(self.execute_plan(plan, &context, interrupt)).await?,
            // It sees what its caller sees.
            (false, false) => Box::pin(self.execute_begun(plan, &context, interrupt)).await?,
        };
        done(outcome, true, verb.is_none())
    }

    /// Runs a statement that has no plan: a definition, a setting and the like.
    async fn run_other(
        &mut self,
        is_volatile: bool,
        text: &str,
        statement: Statement,
        interrupt: &Interrupt,
    ) -> Result<Done> {
        check_statement(text, Some(&statement))?;
        if !is_volatile {
            let verb = text.split_whitespace().next().unwrap_or_default().to_uppercase();
            return Err(not_allowed(&verb));
        }
        let prepared = Arc::new(Prepared::new(text.into(), Some(statement), Vec::new()));
        let outcome = Box::pin(self.dispatch(&prepared, Arc::from([]), interrupt)).await?;
        done(outcome, false, false)
    }

    /// Runs statements whose text was computed.
    pub(super) async fn run_text(
        &mut self,
        call: &mut Call<'_>,
        text: FragmentId,
        using: &[FragmentId],
        interrupt: &Interrupt,
    ) -> Result<Done> {
        let Value::Text(text) = self.value_as(call, text, oid::TEXT, interrupt).await? else {
            let message = "query string argument of EXECUTE is null";
            return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, message));
        };
        let mut params = Vec::with_capacity(using.len());
        let mut types = Vec::with_capacity(using.len());
        for value in using {
            let (value, ty) = self.value_of(call, *value, interrupt).await?;
            params.push(value);
            types.push(ty.oid);
        }
        let params: Arc<[Value]> = params.into();
        let around = |error| in_statement(error, &text);
        let mut last = Done { rows: None, count: 0, counts: false, is_query: false };
        for statement in parse_script(&text).map_err(Error::without_position)? {
            if statement.controls_transaction() {
                let message = "EXECUTE of transaction commands is not implemented";
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
            check_statement(&text, Some(&statement))?;
            if !is_planned(&statement) {
                let ran = self.run_other(call.is_volatile, &text, statement, interrupt).await;
                last = ran.map_err(around)?;
                continue;
            }
            let ran = self.run_computed(call.is_volatile, &text, &statement, (&types, &params), interrupt).await;
            last = ran.map_err(around)?.of_statement(&text);
        }
        Ok(last)
    }

    async fn run_computed(
        &mut self,
        is_volatile: bool,
        text: &str,
        statement: &Statement,
        (types, params): (&[u32], &Arc<[Value]>),
        interrupt: &Interrupt,
    ) -> Result<Done> {
        loop {
            let plan = {
                let catalog = self.catalog();
                let context = self.context(catalog.clone(), Arc::from([]));
                let mut binder = Binder::new(&catalog, &context, types).with_text(text);
                binder.allow_runs(statement);
                let bound = choose(&mut binder, statement, self.settings.active().point_plans)?;
                let principal = self.principal(&catalog);
                let (params, columns) = (bound.params.clone().into(), bound.columns.clone());
                let plan = authorize::authorize(bound, &principal, &catalog)?;
                Arc::new(CachedPlan { plan, params, columns, catalog_version: catalog.version, epoch: self.epoch })
            };
            if plan.params.len() > params.len() {
                let message = format!("there is no parameter ${}", params.len() + 1);
                return Err(Error::new(SqlState::UNDEFINED_PARAMETER, message));
            }
            self.lock_planned(&plan, interrupt).await?;
            let open = self.state.open().ok_or_else(no_transaction)?;
            if open.catalog.is_some() || self.committed_catalog().version == plan.catalog_version {
                return self.run_plan(is_volatile, &plan, writing_verb(statement), params.clone(), interrupt).await;
            }
        }
    }

    /// Runs a query for its rows.
    pub(super) async fn run_query(
        &mut self,
        call: &mut Call<'_>,
        query: &QueryText,
        interrupt: &Interrupt,
    ) -> Result<Pulled> {
        let done = match query {
            QueryText::Fixed(fragment) => {
                let text = call.compiled.code.fragments[*fragment].text.as_str();
                self.run_fragment(call, *fragment, interrupt).await.map_err(|error| in_statement(error, text))?
            }
            QueryText::Computed { text, using } => self.run_text(call, *text, using, interrupt).await?,
        };
        done.rows
            .ok_or_else(|| Error::new(SqlState::SYNTAX_ERROR, "cannot open a query that answers no rows as cursor"))
    }
}

impl Pulled {
    /// The next row.
    pub(super) async fn next(&mut self, interrupt: &Interrupt) -> Result<Option<Vec<Value>>> {
        loop {
            if let Some(row) = self.ready.next() {
                return Ok(Some(row));
            }
            let stream = &mut self.stream;
            let rows = interrupt.guard(async { stream.next().await.transpose() }).await;
            let rows = rows.map_err(|error| match &self.text {
                Some(text) => in_statement(error, text),
                None => error,
            });
            let Some(rows) = rows? else { return Ok(None) };
            self.ready = rows.into_values().into_iter();
        }
    }
}

fn is_planned(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_)
            | Statement::Call(_)
    )
}

/// The values of the variables that a statement has as its parameters.
fn parameters(call: &Call<'_>, used: &[usize]) -> Arc<[Value]> {
    used.iter().map(|datum| call.values[*datum].clone()).collect()
}

fn done(outcome: Outcome, counts: bool, is_query: bool) -> Result<Done> {
    Ok(match outcome {
        Outcome::Rows { columns, source, .. } => {
            let pulled = pulled(columns, source);
            Done { rows: Some(pulled), count: 0, counts, is_query }
        }
        Outcome::Complete(tag) => {
            let count = tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            Done { rows: None, count, counts, is_query }
        }
        Outcome::CopyIn(_) | Outcome::CopyOut(_) => return Err(Error::unsupported("COPY in PL/pgSQL")),
    })
}

fn pulled(columns: Arc<[ColumnDescription]>, source: RowSource) -> Pulled {
    Pulled { columns, stream: source.into_stream(), text: None, ready: Vec::new().into_iter() }
}

/// An error of a statement of a body. PostgreSQL shows what is wrong with its text in another way.
pub(super) fn in_statement(error: Error, text: &str) -> Error {
    match error.position {
        Some(_) => error.without_position(),
        None => error.within(format!("SQL statement \"{text}\"")),
    }
}

impl Done {
    /// With errors of the rows that are still to come told as those of the statement.
    pub(super) fn of_statement(mut self, text: &str) -> Self {
        if let Some(rows) = &mut self.rows {
            rows.text = Some(text.into());
        }
        self
    }
}

impl Compiled {
    /// An error of an expression. `told`: it is not one of values that PostgreSQL computes without running a query.
    fn in_expression(&self, error: Error, fragment: FragmentId, told: bool) -> Error {
        let own = &self.code.fragments[fragment];
        match (error.position, &own.assigns) {
            (Some(_), _) => error.without_position(),
            (None, _) if !told => error,
            (None, Some(assigns)) => error.within(format!("PL/pgSQL assignment \"{assigns}\"")),
            (None, None) => error.within(format!("SQL expression \"{}\"", own.text)),
        }
    }
}

fn not_allowed(verb: &str) -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{verb} is not allowed in a non-volatile function"))
}
