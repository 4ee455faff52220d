//! RAISE, ASSERT and GET DIAGNOSTICS.

use storage::Value;

use super::super::Session;
use super::super::cancel::Interrupt;
use super::control::ASSERT_FAILURE;
use super::{Call, UnderWay};
use crate::error::{Error, Report, Result, SqlState};
use crate::plpgsql::{Diagnostic, FragmentId, Level, Raise, RaiseOption, Target, condition};
use crate::types::{Type, oid};

/// `raise_exception`
const RAISE_EXCEPTION: SqlState = SqlState("P0001");
/// `stacked_diagnostics_accessed_without_active_handler`
const NO_HANDLER: SqlState = SqlState("0Z002");
/// Most bytes of messages that a statement raises before its client hears them.
const RAISED_BYTES_MAX: usize = 64 << 20;

impl Session {
    pub(super) async fn run_raise(&mut self, call: &mut Call<'_>, raise: &Raise, interrupt: &Interrupt) -> Result<()> {
        let says_nothing = raise.format.is_none() && raise.condition.is_none() && raise.options.is_empty();
        if says_nothing {
            return Err(match call.handled().cloned() {
                Some(error) => {
                    call.raises_again = true;
                    error
                }
                None => Error::new(NO_HANDLER, "RAISE without parameters cannot be used outside an exception handler"),
            });
        }
        let mut report = Report::default();
        let (mut message, mut condition) = (None, None);
        if let Some(name) = &raise.condition {
            report.state = Some(state_named(name)?);
            condition = Some(name.clone());
        }
        if let Some(format) = &raise.format {
            message = Some(self.formatted(call, format, &raise.parameters, interrupt).await?);
        }
        let mut seen: Vec<RaiseOption> = Vec::new();
        for (option, value) in &raise.options {
            let Value::Text(value) = self.value_as(call, *value, oid::TEXT, interrupt).await? else {
                let message = "RAISE statement option cannot be null";
                return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, message));
            };
            let value = value.into_string();
            let is_repeated = seen.contains(option)
                || *option == RaiseOption::Code && report.state.is_some()
                || *option == RaiseOption::Message && message.is_some();
            if is_repeated {
                let message = format!("RAISE option already specified: {}", option.word());
                return Err(Error::new(SqlState::SYNTAX_ERROR, message));
            }
            seen.push(*option);
            match option {
                RaiseOption::Code => {
                    report.state = Some(state_named(&value)?);
                    condition = Some(value);
                }
                RaiseOption::Message => message = Some(value),
                RaiseOption::Detail => report.detail = Some(value),
                RaiseOption::Hint => report.hint = Some(value),
                RaiseOption::Column => report.column = Some(value),
                RaiseOption::Constraint => report.constraint = Some(value),
                RaiseOption::DataType => report.data_type = Some(value),
                RaiseOption::Table => report.table = Some(value),
                RaiseOption::Schema => report.schema = Some(value),
            }
        }
        let severity = match raise.level {
            Level::Exception => None,
            Level::Debug => Some("DEBUG"),
            Level::Log => Some("LOG"),
            Level::Info => Some("INFO"),
            Level::Notice => Some("NOTICE"),
            Level::Warning => Some("WARNING"),
        };
        let default = match severity {
            None => RAISE_EXCEPTION,
            Some("WARNING") => SqlState::WARNING,
            Some(_) => SqlState("00000"),
        };
        let state = *report.state.get_or_insert(default);
        // Who says no message has said what happened.
        report.message = message.or(condition).unwrap_or_else(|| state.0.to_owned()).into();
        let Some(severity) = severity else { return Err(Error::of(report)) };
        report.context = Some(call.place());
        let bytes = report.message.len() + report.context.as_ref().map_or(0, String::len) + size_of::<Report>();
        let heard = self.notices.len();
        self.notice(severity, report);
        if self.notices.len() > heard {
            self.raised_bytes += bytes;
        }
        if self.raised_bytes > RAISED_BYTES_MAX {
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many messages are raised by one statement"));
        }
        Ok(())
    }

    /// The format with the values of expressions in the place of each `%`.
    async fn formatted(
        &mut self,
        call: &mut Call<'_>,
        format: &str,
        parameters: &[FragmentId],
        interrupt: &Interrupt,
    ) -> Result<String> {
        let mut text = String::with_capacity(format.len());
        let mut parameters = parameters.iter();
        let mut characters = format.chars().peekable();
        while let Some(character) = characters.next() {
            if character != '%' {
                text.push(character);
                continue;
            }
            if characters.next_if_eq(&'%').is_some() {
                text.push('%');
                continue;
            }
            let Some(parameter) = parameters.next() else {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "too few parameters specified for RAISE"));
            };
            let (value, ty) = self.value_of(call, *parameter, interrupt).await?;
            if value.is_null() {
                text.push_str("<NULL>");
                continue;
            }
            let context = self.context(self.catalog(), std::sync::Arc::from([]));
            match crate::expr::eval::text_cast(value, ty, Type::new(oid::TEXT), &context)? {
                Value::Text(value) => text.push_str(&value),
                _ => return Err(Error::internal("text is text")),
            }
        }
        Ok(text)
    }

    pub(super) async fn run_assert(
        &mut self,
        call: &mut Call<'_>,
        condition: FragmentId,
        message: Option<FragmentId>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        if self.holds(call, condition, interrupt).await? {
            return Ok(());
        }
        let said = match message {
            Some(message) => self.value_as(call, message, oid::TEXT, interrupt).await?,
            None => Value::Null,
        };
        Err(match said {
            Value::Text(said) => Error::new(ASSERT_FAILURE, said.into_string()),
            _ => Error::new(ASSERT_FAILURE, "assertion failed"),
        })
    }

    pub(super) fn run_diagnostics(
        &mut self,
        call: &mut Call<'_>,
        stacked: bool,
        items: &[(Target, Diagnostic)],
    ) -> Result<()> {
        let error = call.handled().cloned();
        if stacked && error.is_none() {
            let message = "GET STACKED DIAGNOSTICS cannot be used outside an exception handler";
            return Err(Error::new(NO_HANDLER, message));
        }
        let error = error.unwrap_or_else(|| Error::internal("no error is handled"));
        let said = |part: &Option<String>| part.clone().unwrap_or_default();
        for (target, item) in items {
            let text = match item {
                Diagnostic::RowCount => {
                    let count = Value::Int8(i64::try_from(call.row_count).unwrap_or(i64::MAX));
                    self.assign_to(call, target, count, Type::new(oid::INT8))?;
                    continue;
                }
                Diagnostic::Context => return Err(Error::unsupported("PG_CONTEXT in GET DIAGNOSTICS")),
                Diagnostic::ErrorContext => said(&error.context),
                Diagnostic::ErrorDetail => said(&error.detail),
                Diagnostic::ErrorHint => said(&error.hint),
                Diagnostic::State => error.sql_state().0.to_owned(),
                Diagnostic::Column => said(&error.column),
                Diagnostic::Constraint => said(&error.constraint),
                Diagnostic::DataType => said(&error.data_type),
                Diagnostic::Message => error.message.to_string(),
                Diagnostic::Table => said(&error.table),
                Diagnostic::Schema => said(&error.schema),
            };
            self.assign_to(call, target, Value::Text(text.into()), Type::new(oid::TEXT))?;
        }
        Ok(())
    }
}

impl Call<'_> {
    /// The error that is handled around what runs.
    fn handled(&self) -> Option<&Error> {
        self.under_way.iter().rev().find_map(|one| match one {
            UnderWay::Handler(error) => Some(&**error),
            _ => None,
        })
    }
}

/// The code of a condition, or the code itself.
fn state_named(name: &str) -> Result<SqlState> {
    if condition::is_state(name) {
        return condition::state(name).ok_or_else(|| {
            Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many error codes are in use that functions have made up")
        });
    }
    condition::codes(name)
        .next()
        .map(SqlState)
        .ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized exception condition \"{name}\"")))
}
