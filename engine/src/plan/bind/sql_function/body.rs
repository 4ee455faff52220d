//! The statements of a body: what they are, and which names they look up where.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;

use super::super::Binder;
use super::super::modify::body_write;
use super::super::query::{Bound, Unknowns};
use super::{Body, mismatch};
use crate::catalog::{Language, Parameter, SqlFunction, View};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::expr::shown::Form;
use crate::function::{EvalContext, SessionFacts};
use crate::plan::relation::{Output, Relation};
use crate::plan::variable_types::check_code;
use crate::plan::write::Write;
use crate::statement::{Statement, parse_query, parse_script};
use crate::types::text::quote_identifier;
use crate::types::{Type, oid};

/// A statement of a body.
pub(crate) struct BodyPart<'f> {
    pub(crate) statement: Statement,
    /// What its names came to when the function was made, if that was looked at then.
    pub(crate) kept: Option<&'f View>,
    /// The text that it stands in.
    pub(crate) text: &'f str,
}

/// A body that is one query.
pub(super) struct BodyQuery<'f> {
    pub(super) query: Box<ast::Query>,
    pub(super) kept: Option<&'f View>,
}

/// How a body is called.
pub(super) enum Shape<'f> {
    /// It stands in the place of the call.
    Query(BodyQuery<'f>),
    /// It is run before the statement that calls it.
    Statements,
}

/// The statements of a body, in order.
pub(crate) fn body_parts(function: &SqlFunction) -> Result<Vec<BodyPart<'_>>> {
    if let Some(kept) = &function.kept {
        let part = |view: &'_ View| parse_query(&view.text).map(Statement::Query);
        let part = |view| Ok(BodyPart { statement: part(view)?, kept: Some(view), text: &view.text });
        return kept.queries.iter().map(part).collect();
    }
    let part = |statement| BodyPart { statement, kept: None, text: &function.body };
    Ok(parse_script(&function.body)?.into_iter().map(part).collect())
}

/// How a function is called. 42P13 if its body does not answer what it should.
pub(super) fn shape_of(function: &SqlFunction) -> Result<Shape<'_>> {
    if function.language != Language::Sql {
        return Ok(Shape::Statements);
    }
    let mut parts = body_parts(function)?;
    if function.procedure || function.returns == oid::VOID {
        return Ok(Shape::Statements);
    }
    let Some(last) = parts.last() else { return Err(unlike(function)) };
    if !is_rows(&last.statement) {
        return Err(unlike(function));
    }
    let is_plain = |query: &ast::Query| body_write(query).is_none() && !writes_in_with(query) && query.locks.is_empty();
    match (parts.pop(), parts.is_empty()) {
        (Some(BodyPart { statement: Statement::Query(query), kept, .. }), true) if is_plain(&query) => {
            Ok(Shape::Query(BodyQuery { query, kept }))
        }
        _ => Ok(Shape::Statements),
    }
}

/// Whether a statement may answer rows.
fn is_rows(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_)
    )
}

fn writes_in_with(query: &ast::Query) -> bool {
    query.with.iter().flat_map(|with| &with.cte_tables).any(|cte| body_write(&cte.query).is_some())
}

/// What a statement is called in an error, if it writes.
pub(crate) fn writing_verb(statement: &Statement) -> Option<&'static str> {
    match statement {
        Statement::Insert(_) => Some("INSERT"),
        Statement::Update(_) => Some("UPDATE"),
        Statement::Delete(_) => Some("DELETE"),
        Statement::Merge(_) => Some("MERGE"),
        Statement::Call(_) => Some("CALL"),
        Statement::Query(query) => match body_write(query) {
            Some(ast::Statement::Insert(_)) => Some("INSERT"),
            Some(ast::Statement::Update(_)) => Some("UPDATE"),
            Some(ast::Statement::Delete(_)) => Some("DELETE"),
            Some(_) => Some("MERGE"),
            None => (writes_in_with(query) || !query.locks.is_empty()).then_some("SELECT"),
        },
        _ => None,
    }
}

/// 42P13: the last statement answers nothing.
pub(super) fn unlike(function: &SqlFunction) -> Error {
    let detail = "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.";
    mismatch(function, detail.to_owned())
}

/// What the names of a body are looked up with, if the function has a search path of its own.
pub(super) fn path_of(function: &SqlFunction, context: &EvalContext) -> Result<Option<EvalContext>> {
    let Some((name, value)) = function.settings.first() else { return Ok(None) };
    let mut settings = (*context.session.settings).clone();
    settings.set_flat(name, value, false)?;
    let facts = &context.session;
    let mut search_path: Vec<String> = Vec::new();
    for name in &settings.active().search_path {
        search_path.push(match (name.as_str(), &facts.temporary) {
            ("$user", _) => facts.current_user.clone(),
            ("pg_temp", Some(temporary)) => temporary.to_string(),
            _ => name.clone(),
        });
    }
    if let Some(temporary) = facts.temporary.as_deref()
        && !search_path.iter().any(|name| name == temporary)
    {
        search_path.insert(0, temporary.to_owned());
    }
    let session = SessionFacts { search_path, settings: Arc::new(settings), ..(**facts).clone() };
    Ok(Some(EvalContext { session: Arc::new(session), ..context.clone() }))
}

impl<'a> Binder<'a> {
    /// The names of a function's arguments stand for the parameters of what is bound.
    pub(crate) fn take_arguments(&mut self, function: &SqlFunction) {
        self.body = Some(Box::new(Body::of_parameters(function)));
    }

    /// The same for what is written back as SQL.
    pub(crate) fn take_shown_arguments(&mut self, function: &SqlFunction) {
        let argument = |(at, input): (usize, &Parameter)| {
            let name = match input.name.is_empty() {
                true => format!("${}", at + 1),
                false => quote_identifier(&input.name),
            };
            let form = match input.name.is_empty() {
                true => Form::Word(name),
                false => Form::Argument { function: function.name.clone(), name },
            };
            Expr::shown(form, Vec::new(), Type::new(input.ty))
        };
        let args = function.inputs().enumerate().map(argument).collect();
        self.body = Some(Box::new(Body::of(function, args, 0)));
    }

    /// What is bound is a statement of a body, which has the arguments as its parameters.
    pub(crate) fn of_body(mut self, function: &SqlFunction, part: &'a BodyPart<'_>) -> Self {
        self.take_arguments(function);
        self.inside = part.kept;
        self.with_text(part.text)
    }
}

impl Binder<'_> {
    /// Looks at the body of a function that is to be made: 42P13 if it does not answer what it should.
    pub(crate) fn check_body(&mut self, function: &Arc<SqlFunction>) -> Result<()> {
        self.calls.checked_only = true;
        if function.language == Language::PlPgSql {
            return check_code(function, self.catalog, &self.context.session.search_path);
        }
        let parts = body_parts(function)?;
        let Some(last) = parts.len().checked_sub(1) else {
            return if function.returns == oid::VOID { Ok(()) } else { Err(unlike(function)) };
        };
        // What polymorphic types stand for only a call tells.
        if function.has_polymorphic_inputs() {
            return Ok(());
        }
        let is_run = matches!(shape_of(function), Ok(Shape::Statements));
        for (at, part) in parts.iter().enumerate() {
            let args = Body::of_parameters(function).arguments.into_iter().map(|(_, value)| value).collect();
            self.with_body(function, part.kept, args, 0, |inner| {
                if is_run {
                    // Then role and settings are the function's own.
                    inner.calls.acts_as = None;
                    inner.calls.own_path = false;
                }
                let bound = inner.body_statement(&part.statement)?;
                if at < last || function.returns == oid::VOID {
                    return Ok(());
                }
                let bound = bound.ok_or_else(|| unlike(function))?;
                inner.check_answer(function, bound)
            })?;
        }
        Ok(())
    }

    /// Binds a statement of a body that will not run; None if it answers no rows.
    fn body_statement(&mut self, statement: &Statement) -> Result<Option<Bound>> {
        let write = match statement {
            Statement::Query(query) if body_write(query).is_none() => {
                self.allow_writes();
                return self.bind_query(query, Unknowns::Text).map(Some);
            }
            Statement::Query(query) => self.write_after_with(query, false)?,
            Statement::Insert(insert) => self.insert(insert)?,
            Statement::Update(update) => self.update(update, false)?,
            Statement::Delete(delete) => self.delete(delete, false)?,
            Statement::Merge(merge) => self.merge_rows(merge)?,
            Statement::Call(call) => {
                self.call_procedure(call)?;
                return Ok(None);
            }
            _ => return Ok(None),
        };
        Ok(returned(write))
    }

    /// 42P13 unless what the last statement of a body answers is what its function declares.
    fn check_answer(&mut self, function: &SqlFunction, bound: Bound) -> Result<()> {
        if function.returns == oid::RECORD && function.results().next().is_none() {
            return Ok(());
        }
        if function.set || function.procedure {
            let columns = self.result_columns(function, None)?;
            return self.rows(function, bound, &columns).map(drop);
        }
        self.first_row(function, bound, Type::new(function.returns)).map(drop)
    }
}

/// What a write returns.
fn returned(write: Write) -> Option<Bound> {
    let outputs: Vec<Output> = write.returning?.outputs;
    let columns = outputs.iter().map(|output| output.column).collect();
    Some(Bound { relation: Relation::Written { number: 0, columns }, outputs, hidden: false, locking: Vec::new() })
}

/// 0A000 for a statement that no body of SQL's can have here.
pub(crate) fn check_part(part: &BodyPart<'_>) -> Result<()> {
    match &part.statement {
        statement if is_rows(statement) || matches!(statement, Statement::Call(_)) => Ok(()),
        Statement::Begin { .. } | Statement::Commit { .. } | Statement::Rollback { .. } => {
            let message = "transaction control is not allowed in an SQL function";
            Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message))
        }
        _ => Err(Error::unsupported("a function whose body has other statements than queries and writes")),
    }
}
