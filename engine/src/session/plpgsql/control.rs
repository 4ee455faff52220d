//! Statements: each is done, or puts what it begins on the stack of its call.

use datafusion::sql::sqlparser::ast;
use storage::{Array, Value};

use super::super::Session;
use super::super::cancel::Interrupt;
use super::fragment::{Done, in_statement};
use super::{Call, Flow, Progress, UnderWay};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::{Shape, fold};
use crate::plpgsql::{Code, Exception, FragmentId, Handler, Into, Kind, Loop, LoopKind, Statement, Target};
use crate::statement::Statement as Sql;
use crate::types::{Type, builtin, display, oid};

/// `assert_failure`
pub(super) const ASSERT_FAILURE: SqlState = SqlState("P0004");
const NO_DATA_FOUND: SqlState = SqlState("P0002");
const TOO_MANY_ROWS: SqlState = SqlState("P0003");
const CASE_NOT_FOUND: SqlState = SqlState("20000");

/// The handler of an error, if a block has one.
pub(super) fn handler_for<'f>(exception: &'f Exception, error: &Error) -> Option<&'f Handler> {
    let state = error.sql_state();
    // A session that is to end, or a query that is to, does not go on.
    if [SqlState::QUERY_CANCELED, SqlState::ADMIN_SHUTDOWN].contains(&state) {
        return None;
    }
    exception.handlers.iter().find(|handler| handler.conditions.iter().any(|condition| condition.is_met(state.0)))
}

impl Session {
    /// Runs one statement as far as it goes at once.
    pub(super) async fn run_statement<'f>(
        &mut self,
        call: &mut Call<'f>,
        statement: &'f Statement,
        interrupt: &Interrupt,
    ) -> Result<Flow> {
        match &statement.kind {
            Kind::Block(block) => self.enter_block(call, block, interrupt).await?,
            Kind::Assign { target, value } => self.run_assignment(call, target, *value, interrupt).await?,
            Kind::If { arms, otherwise } => {
                for arm in arms {
                    if self.holds(call, arm.condition, interrupt).await? {
                        call.under_way.push(UnderWay::Statements { all: &arm.statements, next: 0 });
                        return Ok(Flow::Next);
                    }
                }
                call.under_way.push(UnderWay::Statements { all: otherwise, next: 0 });
            }
            Kind::Case { subject, arms, otherwise } => {
                if let Some((value, datum)) = subject {
                    let (value, ty) = self.value_of(call, *value, interrupt).await?;
                    call.shapes[*datum] = Shape::Scalar(ty);
                    call.values[*datum] = value;
                }
                for arm in arms {
                    if self.holds(call, arm.condition, interrupt).await? {
                        call.under_way.push(UnderWay::Statements { all: &arm.statements, next: 0 });
                        return Ok(Flow::Next);
                    }
                }
                let Some(otherwise) = otherwise else {
                    return Err(
                        Error::new(CASE_NOT_FOUND, "case not found").with_hint("CASE statement is missing ELSE part.")
                    );
                };
                call.under_way.push(UnderWay::Statements { all: otherwise, next: 0 });
            }
            Kind::Loop(of) => self.enter_loop(call, of, interrupt).await?,
            Kind::Leave { continues, label, when } => {
                if let Some(when) = when
                    && !self.holds(call, *when, interrupt).await?
                {
                    return Ok(Flow::Next);
                }
                return Ok(Flow::Leave { continues: *continues, label: label.clone() });
            }
            Kind::Return(value) => {
                self.run_return(call, *value, interrupt).await?;
                return Ok(Flow::Return);
            }
            Kind::ReturnNext(value) => self.run_return_next(call, *value, interrupt).await?,
            Kind::ReturnQuery(query) => self.run_return_query(call, query, interrupt).await?,
            Kind::Raise(raise) => self.run_raise(call, raise, interrupt).await?,
            Kind::Assert { condition, message } => self.run_assert(call, *condition, *message, interrupt).await?,
            Kind::Perform(fragment) => {
                let counted = match self.run_fragment(call, *fragment, interrupt).await {
                    Ok(done) => self.counted(done, interrupt).await,
                    Err(error) => Err(error),
                };
                let sql = &call.compiled.code.fragments[*fragment].sql;
                call.note_count(counted.map_err(|error| in_statement(error, sql))?, true);
            }
            Kind::Execute { text, into, using } => {
                let done = self.run_text(call, *text, using, interrupt).await?;
                self.take_rows(call, done, into.as_ref(), false, interrupt).await?;
            }
            Kind::Sql { fragment, into } => {
                let around = self.ending;
                self.ending = call.ending(around, true);
                let ran = self.run_fragment(call, *fragment, interrupt).await;
                self.ending = around;
                let text = call.compiled.code.fragments[*fragment].text.as_str();
                let done = ran.map(|done| done.of_statement(text)).map_err(|error| in_statement(error, text))?;
                if self.takes_answer(call, *fragment) && into.is_none() {
                    self.take_answer(call, *fragment, done, interrupt).await?;
                    return Ok(Flow::Next);
                }
                if into.is_none() && done.rows.is_some() {
                    let error = Error::new(SqlState::SYNTAX_ERROR, "query has no destination for result data");
                    return Err(match done.is_query {
                        true => error.with_hint("If you want to discard the results of a SELECT, use PERFORM instead."),
                        false => error,
                    });
                }
                self.take_rows(call, done, into.as_ref(), true, interrupt).await?;
            }
            Kind::Diagnostics { stacked, items } => self.run_diagnostics(call, *stacked, items)?,
            Kind::EndTransaction { commits } => self.end_transaction(call, *commits, interrupt).await?,
            Kind::Null => {}
        }
        Ok(Flow::Next)
    }

    /// How many rows a statement has come to; they are read to the end.
    async fn counted(&mut self, mut done: Done, interrupt: &Interrupt) -> Result<u64> {
        let mut count = done.count;
        if let Some(rows) = &mut done.rows {
            while rows.next(interrupt).await?.is_some() {
                count += 1;
            }
        }
        Ok(count)
    }

    /// Assigns the first row of a statement to what INTO names.
    async fn take_rows(
        &mut self,
        call: &mut Call<'_>,
        mut done: Done,
        into: Option<&Into>,
        finds: bool,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let counts = done.counts && finds;
        let Some(into) = into else {
            let count = self.counted(done, interrupt).await?;
            call.note_count(count, counts);
            return Ok(());
        };
        let Some(rows) = &mut done.rows else {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "INTO used with a command that cannot return data"));
        };
        let first = rows.next(interrupt).await?;
        let columns = rows.columns.clone();
        let only_one = into.strict || finds && !done.is_query;
        if into.strict && first.is_none() {
            return Err(Error::new(NO_DATA_FOUND, "query returned no rows"));
        }
        if only_one && first.is_some() && rows.next(interrupt).await?.is_some() {
            return Err(Error::new(TOO_MANY_ROWS, "query returned more than one row")
                .with_hint("Make sure the query returns a single row, or use LIMIT 1."));
        }
        call.note_count(u64::from(first.is_some()), counts);
        self.assign_row(call, into, &columns, first)
    }

    /// Whether a statement is CALL of a procedure that answers something.
    fn takes_answer(&self, call: &Call<'_>, fragment: FragmentId) -> bool {
        let sql = &call.compiled.code.fragments[fragment].sql;
        sql.trim_start().get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("call"))
    }

    /// Assigns what CALL has answered to the variables that are its arguments.
    async fn take_answer(
        &mut self,
        call: &mut Call<'_>,
        fragment: FragmentId,
        done: Done,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let Some(mut rows) = done.rows else { return Ok(()) };
        let own = &call.compiled.code.fragments[fragment];
        let Some(Sql::Call(called)) = crate::statement::parse_single(&own.sql)? else {
            return Err(Error::internal("CALL is a call"));
        };
        let columns = rows.columns.clone();
        let row = rows.next(interrupt).await?;
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let targets = self.answered_arguments(&call.compiled.code, own.place, &called, &names)?;
        let into = Into { strict: false, whole: false, targets };
        self.assign_row(call, &into, &columns, row)
    }

    /// The variables at the places of what a procedure answers.
    fn answered_arguments(
        &mut self,
        code: &Code,
        place: crate::plpgsql::Place,
        called: &ast::Function,
        names: &[&str],
    ) -> Result<Vec<Target>> {
        let ast::FunctionArguments::List(list) = &called.args else {
            return Err(Error::unsupported("CALL without parentheses"));
        };
        let parts: Vec<&ast::Ident> = called.name.0.iter().filter_map(|part| part.as_ident()).collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, fold(name)),
            [schema, name] => (Some(fold(schema)), fold(name)),
            _ => return Err(Error::unsupported("CALL of such a name in PL/pgSQL")),
        };
        let catalog = self.catalog();
        let found = catalog.find_sql_functions(schema.as_deref(), &name, &self.facts.search_path);
        let fits = |function: &&&std::sync::Arc<crate::catalog::SqlFunction>| {
            let results: Vec<String> = function.results().map(|result| result.name.clone()).collect();
            function.procedure
                && results.len() == names.len()
                && function.parameters.len() >= list.args.len()
                && function.parameters.len() - function.optional() <= list.args.len()
                && results.iter().zip(names).all(|(own, name)| own.is_empty() || own == name)
        };
        let mut fitting = found.iter().filter(fits);
        let (Some(procedure), None) = (fitting.next(), fitting.next()) else {
            return Err(Error::unsupported("CALL of one of several procedures of a name in PL/pgSQL"));
        };
        let mut targets = Vec::new();
        for (at, parameter) in procedure.parameters.iter().enumerate().filter(|(_, one)| one.mode.is_result()) {
            let named = match list.args.get(at) {
                Some(ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::Identifier(name)))) => {
                    vec![fold(name)]
                }
                Some(ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::CompoundIdentifier(names)))) => {
                    names.iter().map(fold).collect()
                }
                _ => Vec::new(),
            };
            let dotted: Vec<&str> = named.iter().map(String::as_str).collect();
            let found = code.names.find(place, &dotted);
            let (datum, field) = match found {
                Some((datum, used)) if used == dotted.len() => (datum, None),
                Some((datum, used)) if used + 1 == dotted.len() => (datum, dotted.last().map(|&one| one.to_owned())),
                _ => {
                    let shown = match parameter.name.as_str() {
                        "" => (at + 1).to_string(),
                        name => format!("\"{name}\""),
                    };
                    let message = format!(
                        "procedure parameter {shown} is an output parameter but corresponding argument is not writable"
                    );
                    return Err(Error::new(SqlState::SYNTAX_ERROR, message));
                }
            };
            if code.data[datum].constant {
                let message = format!("variable \"{}\" is declared CONSTANT", code.data[datum].name);
                return Err(Error::new(SqlState("22005"), message));
            }
            targets.push(Target { datum, field, part: None, place });
        }
        Ok(targets)
    }

    async fn enter_loop<'f>(&mut self, call: &mut Call<'f>, of: &'f Loop, interrupt: &Interrupt) -> Result<()> {
        let progress = match &of.kind {
            LoopKind::Forever | LoopKind::While(_) => Progress::Conditional,
            LoopKind::Integers { variable, lower, upper, step, reverse } => {
                let first = self.bound(call, *lower, "lower bound", interrupt).await?;
                let last = self.bound(call, *upper, "upper bound", interrupt).await?;
                let step = match step {
                    Some(step) => self.bound(call, *step, "BY value", interrupt).await?,
                    None => 1,
                };
                if step <= 0 {
                    let message = "BY value of FOR loop must be greater than zero";
                    return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
                }
                let step = if *reverse { -step } else { step };
                Progress::Integers { next: Some(first), last, step, variable: *variable }
            }
            LoopKind::Rows { query, .. } => {
                let mut rows = self.run_query(call, query, interrupt).await?;
                // The loop tells of itself instead.
                rows.text = None;
                Progress::Rows(Box::new(rows))
            }
            LoopKind::Elements { slice, array, into } => {
                let (value, ty) = self.value_of(call, *array, interrupt).await?;
                if value.is_null() {
                    let message = "FOREACH expression must not be null";
                    return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, message));
                }
                let element = builtin::element_of(builtin::base_of(ty.oid)).ok_or_else(|| {
                    let message = format!("FOREACH expression must yield an array, not type {}", display(ty));
                    Error::new(SqlState::DATATYPE_MISMATCH, message)
                })?;
                let target = into.targets.first().map(|target| target.datum);
                let is_array = target.is_some_and(|datum| {
                    into.whole && builtin::element_of(builtin::base_of(call.shapes[datum].ty().oid)).is_some()
                });
                let refused = match *slice {
                    0 if is_array && builtin::element_of(builtin::base_of(element)).is_none() => {
                        Some("FOREACH loop variable must not be of an array type")
                    }
                    1.. if !is_array => Some("FOREACH ... SLICE loop variable must be of an array type"),
                    _ => None,
                };
                if let Some(message) = refused {
                    return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
                }
                let (values, ty) = match value {
                    Value::Array(array) if *slice > 0 => (slices(*array, *slice)?, ty),
                    Value::Array(array) => (array.values, Type::new(element)),
                    _ => (Vec::new(), Type::new(element)),
                };
                Progress::Elements { values: values.into_iter(), ty }
            }
        };
        call.under_way.push(UnderWay::Loop { of, progress, has_run: false });
        Ok(())
    }

    async fn bound(
        &mut self,
        call: &mut Call<'_>,
        fragment: FragmentId,
        what: &str,
        interrupt: &Interrupt,
    ) -> Result<i32> {
        match self.value_as(call, fragment, oid::INT4, interrupt).await? {
            Value::Int4(value) => Ok(value),
            _ => {
                let message = format!("{what} of FOR loop cannot be null");
                Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, message))
            }
        }
    }

    /// Begins the next turn of the loop on top, or ends the loop.
    pub(super) async fn next_turn(&mut self, call: &mut Call<'_>, interrupt: &Interrupt) -> Result<()> {
        let Some(UnderWay::Loop { of, mut progress, has_run }) = call.under_way.pop() else {
            return Err(Error::internal("a loop is on top"));
        };
        let turn = self.begin_turn(call, of, (&mut progress, has_run), interrupt).await;
        let goes_on = matches!(turn, Ok(true));
        call.under_way.push(UnderWay::Loop { of, progress, has_run: has_run || goes_on });
        match turn? {
            true => call.under_way.push(UnderWay::Statements { all: &of.body, next: 0 }),
            false => self.end_top(call)?,
        }
        Ok(())
    }

    async fn begin_turn(
        &mut self,
        call: &mut Call<'_>,
        of: &Loop,
        (progress, has_run): (&mut Progress, bool),
        interrupt: &Interrupt,
    ) -> Result<bool> {
        match (&of.kind, progress) {
            (LoopKind::While(condition), _) => self.holds(call, *condition, interrupt).await,
            (LoopKind::Forever, _) => Ok(true),
            (_, Progress::Integers { next, last, step, variable }) => {
                let Some(value) = *next else { return Ok(false) };
                if *step > 0 && value > *last || *step < 0 && value < *last {
                    return Ok(false);
                }
                *next = value.checked_add(*step);
                call.values[*variable] = Value::Int4(value);
                Ok(true)
            }
            (LoopKind::Rows { into, .. }, Progress::Rows(rows)) => {
                let row = rows.next(interrupt).await?;
                let columns = rows.columns.clone();
                match row {
                    Some(row) => {
                        self.assign_row(call, into, &columns, Some(row))?;
                        Ok(true)
                    }
                    // A loop over nothing leaves its variables NULL.
                    None if !has_run => self.assign_row(call, into, &columns, None).map(|()| false),
                    None => Ok(false),
                }
            }
            (LoopKind::Elements { into, .. }, Progress::Elements { values, ty }) => {
                let Some(value) = values.next() else { return Ok(false) };
                match (into.targets.as_slice(), &value) {
                    ([only], _) => self.assign_to(call, only, value, *ty)?,
                    (several, Value::Record(record)) => {
                        let fields = record.fields.clone();
                        for (target, field) in several.iter().zip(fields) {
                            self.assign_to(call, target, field.value, Type::new(field.ty))?;
                        }
                    }
                    (several, _) => {
                        for target in several {
                            self.assign_to(call, target, Value::Null, Type::new(oid::UNKNOWN))?;
                        }
                    }
                }
                Ok(true)
            }
            _ => Err(Error::internal("a loop is of another kind than its progress")),
        }
    }
}

/// The parts of an array that have so many dimensions, in order.
fn slices(array: Array, slice: usize) -> Result<Vec<Value>> {
    let dimensions = array.dimensions();
    if slice > dimensions.len() {
        let message = format!("slice dimension ({slice}) is out of the valid range 0..{}", dimensions.len());
        return Err(Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message));
    }
    let own = &dimensions[dimensions.len() - slice..];
    let size: usize = own.iter().map(|one| usize::try_from(one.length).unwrap_or(0)).product();
    let parts = array.values.chunks(size.max(1)).map(|values| {
        let part = Array::shaped(array.element.clone(), values.to_vec(), own);
        Value::Array(Box::new(part))
    });
    Ok(parts.collect())
}

impl Call<'_> {
    /// Keeps how many rows a statement has come to.
    pub(super) fn note_count(&mut self, count: u64, finds: bool) {
        self.row_count = count;
        if finds {
            self.values[self.compiled.code.found] = Value::Bool(count > 0);
        }
    }
}
