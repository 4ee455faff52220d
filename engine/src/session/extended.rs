//! The extended query protocol: Parse, Bind, Describe, Execute, Close and Sync.

use std::sync::Arc;

use storage::Value;

use super::cancel::Interrupt;
use super::cursor::Cursor;
use super::declared::duplicate_cursor;
use super::prepared::{Portal, PortalState, Prepared, SuspendedRun};
use super::run::{Outcome, aborted};
use super::transaction::TransactionState;
use super::{Execution, Session};
use crate::audit::secret::error_without_secrets;
use crate::error::{Error, Result, SqlState};
use crate::execute::Rows;
use crate::function::PreparedFacts;
use crate::function::resolve::{check_defined, may_hold_domains};
use crate::plan::ColumnDescription;
use crate::statement::{ShowTarget, Statement, parse_single};
use crate::types::{Type, binary, builtin, oid, text};

/// What Describe answers for a prepared statement.
#[derive(Debug)]
pub struct StatementDescription {
    /// Oids of the parameters' types.
    pub parameters: Vec<u32>,
    /// None: no rows.
    pub columns: Option<Arc<[ColumnDescription]>>,
}

/// What Describe answers for a portal.
#[derive(Debug)]
pub struct PortalDescription {
    pub columns: Option<Arc<[ColumnDescription]>>,
    /// One per column.
    pub formats: Arc<[i16]>,
}

/// How an Execute ended.
#[derive(Debug)]
pub enum Finished {
    /// There was no statement.
    Empty,
    /// The command tag.
    Complete(String),
    /// The row limit was reached.
    Suspended,
}

/// Most parameters a statement may have: the protocol counts them in 16 bits.
const PARAMETERS_MAX: usize = u16::MAX as usize;

impl Session {
    /// Parse: prepares a statement under a name; the empty name may be used again and again.
    pub fn parse(&mut self, name: &str, sql: &str, parameter_types: &[u32]) -> Result<()> {
        self.end_acting();
        let result = self.try_parse(name, sql, parameter_types);
        if result.is_err() {
            self.fail();
        }
        result.map_err(|error| error_without_secrets(error, sql))
    }

    fn try_parse(&mut self, name: &str, sql: &str, parameter_types: &[u32]) -> Result<()> {
        if name.is_empty() {
            // Even one that fails leaves no older unnamed statement behind.
            self.statements.remove(name);
        } else if self.statements.contains_key(name) {
            return Err(duplicate_statement(name));
        }
        if let Some(prepared) = self.parsed_before(sql, parameter_types) {
            if let Some(statement) = &prepared.statement {
                self.check_not_failed(statement)?;
            }
            self.tell_prepared(name, &prepared, false);
            self.statements.insert(name.to_owned(), prepared);
            return Ok(());
        }
        let statement = parse_single(sql)?;
        if let Some(statement) = &statement {
            self.check_not_failed(statement)?;
        }
        let prepared = Arc::new(Prepared::new(sql.into(), statement, parameter_types.to_vec()));
        if is_planned(&prepared) {
            let plan = self.plan_for(&prepared)?;
            prepared.fix(&plan);
            self.remember_parsed(&prepared);
        } else if let Some(carried) = &prepared.carried {
            let plan = self.plan_for(carried)?;
            carried.fix(&plan);
        } else if controls_transaction(&prepared) {
            self.remember_parsed(&prepared);
        }
        self.tell_prepared(name, &prepared, false);
        self.statements.insert(name.to_owned(), prepared);
        Ok(())
    }

    /// The same text with the same parameter types, parsed before, if its plan still holds. Clients that do not keep
    /// prepared statements send the same few texts again and again.
    fn parsed_before(&self, sql: &str, parameter_types: &[u32]) -> Option<Arc<Prepared>> {
        let prepared = self.parsed.get(sql)?;
        let shared_catalog = self.state.open().is_none_or(|open| open.catalog.is_none());
        let holds = prepared.declared == parameter_types
            && (controls_transaction(prepared)
                || shared_catalog && prepared.cached(self.committed_catalog().version, self.epoch).is_some());
        holds.then(|| prepared.clone())
    }

    fn remember_parsed(&mut self, prepared: &Arc<Prepared>) {
        if prepared.text.len() > super::TEXT_BYTES_KEPT_MAX {
            return;
        }
        if self.parsed.len() >= super::TEXTS_MAX {
            self.parsed.clear();
        }
        self.parsed.insert(prepared.text.clone(), prepared.clone());
    }

    /// A client whose statement has come to answer other columns parses its text again, and is then told of those.
    fn forget_parsed(&mut self, prepared: &Arc<Prepared>) {
        if self.parsed.get(&prepared.text).is_some_and(|parsed| Arc::ptr_eq(parsed, prepared)) {
            self.parsed.remove(&prepared.text);
        }
    }

    pub(super) fn statement_named(&self, name: &str) -> Result<Arc<Prepared>> {
        self.statements.get(name).cloned().ok_or_else(|| {
            let message = match name {
                "" => "unnamed prepared statement does not exist".to_owned(),
                _ => format!("prepared statement \"{name}\" does not exist"),
            };
            Error::new(SqlState::INVALID_SQL_STATEMENT_NAME, message)
        })
    }

    /// Bind: makes a portal of a prepared statement and parameter values, each in text (0) or binary (1).
    pub fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        parameter_formats: &[i16],
        parameters: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        self.end_acting();
        let result = self.try_bind(portal, statement, parameter_formats, parameters, result_formats);
        if result.is_err() {
            self.fail();
        }
        result
    }

    fn try_bind(
        &mut self,
        portal: &str,
        statement: &str,
        parameter_formats: &[i16],
        parameters: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        let prepared = self.statement_named(statement)?;
        if let Some(parsed) = &prepared.statement {
            self.check_not_failed(parsed)?;
        }
        if !portal.is_empty() && (self.portals.contains_key(portal) || self.cursors.contains_key(portal)) {
            return Err(duplicate_cursor(portal));
        }
        if parameter_formats.len() > 1 && parameter_formats.len() != parameters.len() {
            return Err(protocol_violation(format!(
                "bind message has {} parameter formats but {} parameters",
                parameter_formats.len(),
                parameters.len()
            )));
        }
        let planned = if is_planned(&prepared) { Some(self.plan_for(&prepared)?) } else { None };
        let types = match (&planned, &prepared.carried) {
            (Some(plan), _) => plan.params.clone(),
            (None, Some(carried)) => self.plan_for(carried)?.params.clone(),
            (None, None) => Arc::from([]),
        };
        if types.len() != parameters.len() {
            return Err(protocol_violation(format!(
                "bind message supplies {} parameters, but prepared statement \"{statement}\" requires {}",
                parameters.len(),
                types.len()
            )));
        }
        let params = self.decode_parameters(portal, &types, parameter_formats, parameters)?;
        if planned.is_some_and(|plan| !prepared.matches_description(&plan.columns)) {
            self.forget_parsed(&prepared);
            return Err(changed_result());
        }
        if result_formats.len() > 1
            && let Some(columns) = self.columns_of(&prepared)?
        {
            spread_formats(result_formats, columns.len())?;
        }
        let level = self.state.open().map_or(0, |open| open.savepoints.len());
        let (formats, state) = (result_formats.to_vec(), PortalState::Ready);
        let portal_value = Portal { prepared, params, formats, level, state };
        self.portals.insert(portal.to_owned(), portal_value);
        Ok(())
    }

    fn decode_parameters(
        &self,
        portal: &str,
        types: &[Type],
        formats: &[i16],
        parameters: &[Option<&[u8]>],
    ) -> Result<Arc<[Value]>> {
        let (format, encoding) = (self.format(), self.encoding());
        let decode = |(at, (bytes, ty)): (usize, (&Option<&[u8]>, &Type))| {
            let Some(bytes) = bytes else { return Ok(Value::Null) };
            let code = match formats {
                [] => 0,
                [one] => *one,
                many => many[at],
            };
            let value = match code {
                0 => match encoding.text(bytes) {
                    Ok(text) => {
                        let place = parameter_place(portal, at, Some(&*text));
                        let read = text::parse_at(&text, *ty, format, self.text_now());
                        let read = read.and_then(|value| self.checked_parameter(value, *ty));
                        return read.map_err(|error| error.within(place()));
                    }
                    Err(error) => Err(error),
                },
                1 => binary::parse_binary(bytes, *ty, at + 1, format)
                    .and_then(|value| self.checked_parameter(value, *ty)),
                other => {
                    Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {other}")))
                }
            };
            value.map_err(|error| error.within(parameter_place(portal, at, None)()))
        };
        parameters.iter().zip(types).enumerate().map(decode).collect()
    }

    /// A parameter whose parts are values of their domains; the statement itself checks what is of a domain as a whole.
    fn checked_parameter(&self, value: Value, ty: Type) -> Result<Value> {
        if may_hold_domains(ty.oid) {
            check_defined(&value, builtin::base_of(ty.oid), &self.context(self.catalog(), Arc::from([])))?;
        }
        Ok(value)
    }

    /// Describe a prepared statement.
    pub fn describe_statement(&mut self, name: &str) -> Result<StatementDescription> {
        let result = self.try_describe_statement(name);
        if result.is_err() {
            self.fail();
        }
        result
    }

    fn try_describe_statement(&mut self, name: &str) -> Result<StatementDescription> {
        let prepared = self.statement_named(name)?;
        let columns = self.columns_of(&prepared)?;
        self.check_describable(&prepared, &columns)?;
        if !prepared.describe(&columns) {
            self.forget_parsed(&prepared);
            return Err(changed_result());
        }
        let parameters = if is_planned(&prepared) {
            self.plan_for(&prepared)?.params.iter().map(|ty| ty.oid).collect()
        } else if let Some(carried) = &prepared.carried {
            self.plan_for(carried)?.params.iter().map(|ty| ty.oid).collect()
        } else {
            Vec::new()
        };
        if parameters.len() > PARAMETERS_MAX {
            return Err(Error::new(SqlState::TOO_MANY_ARGUMENTS, "too many parameters"));
        }
        Ok(StatementDescription { parameters, columns })
    }

    /// Describe a portal.
    pub fn describe_portal(&mut self, portal: &str) -> Result<PortalDescription> {
        let result = self.try_describe_portal(portal);
        if result.is_err() {
            self.fail();
        }
        result
    }

    fn try_describe_portal(&mut self, name: &str) -> Result<PortalDescription> {
        let Some(portal) = self.portals.get(name) else {
            // A cursor that SQL has declared is a portal, too.
            return self.describe_cursor(name)?.ok_or_else(|| no_portal(name));
        };
        let (prepared, formats) = (portal.prepared.clone(), portal.formats.clone());
        let columns = self.columns_of(&prepared)?;
        self.check_describable(&prepared, &columns)?;
        let formats = spread_formats(&formats, columns.as_ref().map_or(0, |columns| columns.len()))?;
        Ok(PortalDescription { columns, formats })
    }

    /// In a failed block a statement that answers rows is not even described.
    fn check_describable(&self, prepared: &Prepared, columns: &Option<Arc<[ColumnDescription]>>) -> Result<()> {
        match &prepared.statement {
            Some(statement) if columns.is_some() => self.check_not_failed(statement),
            _ => Ok(()),
        }
    }

    /// The result columns of a statement, planned or utility.
    pub(super) fn columns_of(&mut self, prepared: &Arc<Prepared>) -> Result<Option<Arc<[ColumnDescription]>>> {
        let text = |name: &str| Some(Arc::from([ColumnDescription::new(name, Type::new(oid::TEXT))]));
        match prepared.statement.as_ref().map(Statement::itself) {
            Some(Statement::Declare(_)) => Ok(None),
            Some(Statement::Fetch { name, moves: false, .. }) => self.columns_of_cursor(name),
            _ if is_planned(prepared) => Ok(self.plan_for(prepared)?.columns.clone()),
            Some(Statement::Show(ShowTarget::Name(name))) => Ok(text(&super::utility::canonical_name(name))),
            Some(Statement::Show(ShowTarget::All)) => Ok(Some(super::utility::show_all_columns().into())),
            Some(Statement::Explain { options, .. }) => Ok(Some(Arc::from([super::utility::explain_column(*options)]))),
            Some(Statement::StorageMove(order)) => Ok(Some(super::storage_move::result_columns(order).into())),
            Some(Statement::Backup(order)) => Ok(Some(super::backup::result_columns(order).into())),
            Some(Statement::ShowListing(listing)) => Ok(Some(super::listing::columns(listing).into())),
            Some(Statement::ShowStats(_)) => Ok(Some(super::jobs::stats_columns().into())),
            Some(Statement::Execute { name, .. }) => {
                // One that is not there is an error only when it is run.
                match self.statements.get(name).cloned() {
                    Some(inner) => Ok(self.plan_for(&inner)?.columns.clone()),
                    None => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// Execute: runs a portal, or goes on with it, for at most `max_rows` rows (0: all).
    pub async fn execute(&mut self, portal: &str, max_rows: usize) -> Result<Execution> {
        self.end_acting();
        let room = (max_rows > 0).then_some(max_rows);
        let Some(found) = self.portals.get_mut(portal) else {
            let execution = self.execute_cursor(portal, room);
            if execution.is_err() {
                self.fail();
            }
            return execution;
        };
        let (prepared, params, formats) = (found.prepared.clone(), found.params.clone(), found.formats.clone());
        let Some(statement) = &prepared.statement else { return Ok(Execution::Empty) };
        // A portal that is older than the savepoint to be rolled back to is still there.
        self.check_not_failed(statement)?;
        self.begin_request(&prepared.text);
        let interrupt = self.new_interrupt();
        let Some(found) = self.portals.get_mut(portal) else { return Err(no_portal(portal)) };
        let outcome = match std::mem::replace(&mut found.state, PortalState::Done(None)) {
            PortalState::Done(Some(tag)) => {
                let complete = tag.complete(0);
                found.state = PortalState::Done(Some(tag));
                return Ok(Execution::Complete(complete));
            }
            // Nothing is left of it to tell that it would end the block.
            PortalState::Done(None) if matches!(self.state, TransactionState::Failed(_)) => return Err(aborted()),
            PortalState::Done(None) => {
                self.fail();
                let message = format!("portal \"{portal}\" cannot be run");
                return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
            }
            PortalState::Suspended(run) => {
                let SuspendedRun { source, columns, tag, stream } = *run;
                // What was read for it then may be over by now.
                if let Some(name) = stream {
                    self.fail();
                    return Err(Error::unsupported(format!(
                        "fetching rows of stream table \"{name}\" a few at a time"
                    )));
                }
                Outcome::Rows { columns, source, tag }
            }
            PortalState::Ready => {
                self.stream_read = None;
                self.run(&prepared, params, &interrupt).await?
            }
        };
        self.execution(outcome, &formats, portal, room, interrupt)
    }

    /// A portal's outcome on its way to the client.
    pub(super) fn execution(
        &mut self,
        outcome: Outcome,
        formats: &[i16],
        portal: &str,
        room: Option<usize>,
        interrupt: Interrupt,
    ) -> Result<Execution> {
        Ok(match outcome {
            Outcome::Complete(tag) => Execution::Complete(tag),
            Outcome::Rows { columns, source, tag } => {
                let formats = match spread_formats(formats, columns.len()) {
                    Ok(formats) => formats,
                    Err(error) => {
                        self.fail();
                        return Err(error);
                    }
                };
                Execution::Rows(Cursor {
                    columns,
                    formats,
                    source,
                    tag,
                    sent: 0,
                    room,
                    exhausted: false,
                    portal: Some(portal.to_owned()),
                    interrupt,
                    ends_transaction: false,
                })
            }
            Outcome::CopyIn(copy) => Execution::CopyIn(copy),
            Outcome::CopyOut(copy) => Execution::CopyOut(*copy),
        })
    }

    /// The next rows of a result; None when there are no more or the row limit is reached.
    pub async fn next(&mut self, cursor: &mut Cursor) -> Result<Option<Rows>> {
        let rows = cursor.next().await;
        if rows.is_err() {
            self.fail();
        }
        rows
    }

    /// Ends the sending of a result.
    pub async fn finish(&mut self, cursor: Cursor) -> Result<Finished> {
        let ends_transaction = cursor.exhausted && cursor.ends_transaction;
        let finished = self.finish_rows(cursor)?;
        if ends_transaction {
            self.end_implicit().await?;
        }
        Ok(finished)
    }

    /// Ends the sending of a result, but not a transaction that is to end with it. The rows are let go: they may hold a
    /// snapshot, which must not outlive them.
    pub(super) fn finish_rows(&mut self, cursor: Cursor) -> Result<Finished> {
        if !cursor.exhausted {
            if cursor.portal.as_ref().is_some_and(|name| self.cursors.contains_key(name)) {
                // Where it stands, a cursor knows by itself.
                return Ok(Finished::Suspended);
            }
            let Some(portal) = cursor.portal.as_ref().and_then(|name| self.portals.get_mut(name)) else {
                return Err(Error::internal("a result that has no portal was not read to its end"));
            };
            let stream = self.stream_read.take();
            let run = SuspendedRun { source: cursor.source, columns: cursor.columns, tag: cursor.tag, stream };
            portal.state = PortalState::Suspended(Box::new(run));
            return Ok(Finished::Suspended);
        }
        let tag = cursor.complete_tag();
        self.place.activity().counts.returned(cursor.sent);
        if let Some(portal) = cursor.portal.as_ref().and_then(|name| self.portals.get_mut(name)) {
            portal.state = PortalState::Done(Some(cursor.tag));
        }
        Ok(Finished::Complete(tag))
    }

    /// Close a prepared statement; unknown names are no error.
    pub fn close_statement(&mut self, name: &str) {
        self.statements.remove(name);
        if !name.is_empty() {
            self.facts.cursors.deallocate(Some(name));
        }
    }

    /// Tells `pg_prepared_statements` of a statement that has a name.
    pub(super) fn tell_prepared(&self, name: &str, prepared: &Prepared, from_sql: bool) {
        if name.is_empty() {
            return;
        }
        let plan = prepared.last_plan();
        let params = match &plan {
            Some(plan) => plan.params.iter().map(|ty| ty.oid).collect(),
            None => prepared.parameter_types().to_vec(),
        };
        let facts =
            PreparedFacts { statement: prepared.text.clone(), params, from_sql, created_at: self.database.now() };
        self.facts.cursors.prepare(name, facts);
    }

    /// Close a portal; unknown names are no error.
    pub fn close_portal(&mut self, name: &str) {
        if self.portals.remove(name).is_none() && !self.cursors.is_empty() {
            // So is a cursor that SQL has declared.
            let _ = self.close_cursor(Some(name));
        }
    }

    /// Sync: commits the implicit transaction, if one is open.
    pub async fn sync(&mut self) -> Result<()> {
        match self.sync_at_once() {
            Some(synced) => synced,
            None => self.end_implicit().await,
        }
    }
}

fn controls_transaction(prepared: &Prepared) -> bool {
    prepared.statement.as_ref().is_some_and(Statement::controls_transaction)
}

/// Whether a statement goes through the binder.
pub(super) fn is_planned(prepared: &Prepared) -> bool {
    matches!(
        prepared.statement.as_ref().map(Statement::itself),
        Some(
            Statement::Query(_)
                | Statement::Insert(_)
                | Statement::Update(_)
                | Statement::Delete(_)
                | Statement::Merge(_)
                | Statement::Call(_)
                | Statement::Declare(_)
                | Statement::Live(_)
        )
    )
}

pub(super) fn duplicate_statement(name: &str) -> Error {
    Error::new(SqlState::DUPLICATE_PREPARED_STATEMENT, format!("prepared statement \"{name}\" already exists"))
}

pub(super) fn no_portal(name: &str) -> Error {
    Error::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"))
}

fn protocol_violation(message: String) -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, message)
}

pub(super) fn changed_result() -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, "cached plan must not change result type")
        .with_routine("RevalidateCachedQuery")
}

/// Where an error in a parameter's value lies. Values are not shown, only whether there was one: they may be secrets.
fn parameter_place(portal: &str, at: usize, value: Option<&str>) -> impl FnOnce() -> String {
    move || {
        let portal = if portal.is_empty() { "unnamed portal".to_owned() } else { format!("portal \"{portal}\"") };
        let value = match value {
            None => "",
            Some("") => " = ''",
            Some(_) => " = '...'",
        };
        format!("{portal} parameter ${}{value}", at + 1)
    }
}

/// One format a column, from none (text), one for all, or one each.
pub(super) fn spread_formats(formats: &[i16], columns: usize) -> Result<Arc<[i16]>> {
    match formats {
        _ if columns == 0 => Ok(Arc::from([])),
        [] => Ok(vec![0; columns].into()),
        [one] => Ok(vec![*one; columns].into()),
        many if many.len() == columns => Ok(many.into()),
        many => Err(protocol_violation(format!(
            "bind message has {} result formats but query has {columns} columns",
            many.len()
        ))),
    }
}
