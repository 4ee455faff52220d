//! The simple query protocol: one text, any number of statements, one implicit transaction around them.

use std::collections::VecDeque;
use std::sync::Arc;

use storage::Value;

use super::cancel::Interrupt;
use super::cursor::Cursor;
use super::prepared::Prepared;
use super::run::Outcome;
use super::{Execution, Session};
use crate::audit::secret::error_without_secrets;
use crate::error::Result;
use crate::plan::cache;
use crate::statement::{parse_script, parse_single};
use crate::types::text;

/// The statements of a simple query that have not run yet.
#[derive(Debug)]
pub struct Script {
    rest: VecDeque<(Arc<Prepared>, Arc<[Value]>)>,
    empty: bool,
    /// Whether it has, or had, more than one.
    several: bool,
}

impl Script {
    /// Whether all of it has run.
    pub fn is_done(&self) -> bool {
        self.rest.is_empty() && !self.empty
    }

    pub(super) fn has_several(&self) -> bool {
        self.several
    }

    pub(super) fn first(&self) -> Option<&(Arc<Prepared>, Arc<[Value]>)> {
        self.rest.front()
    }

    /// Takes the next statement away; answers whether it was the last.
    pub(super) fn drop_first(&mut self) -> bool {
        self.rest.pop_front();
        self.rest.is_empty()
    }
}

impl Session {
    /// Parses the text of a simple query.
    pub fn script(&mut self, sql: &str) -> Result<Script> {
        self.end_acting();
        self.begin_request(sql);
        // A simple query takes the place of the unnamed statement and portal.
        if !self.statements.is_empty() {
            self.statements.remove("");
        }
        if !self.portals.is_empty() {
            self.portals.remove("");
        }
        if let Some(known) = self.known_text(sql) {
            return Ok(Script { rest: VecDeque::from([known]), empty: false, several: false });
        }
        let statements = match parse_script(sql) {
            Ok(statements) => statements,
            Err(error) => {
                self.fail();
                return Err(error_without_secrets(error, sql));
            }
        };
        let text: Arc<str> = sql.into();
        let rest: VecDeque<_> = statements
            .into_iter()
            .map(|statement| {
                let prepared = Prepared::new(text.clone(), Some(statement), Vec::new());
                (Arc::new(prepared), Arc::from([]))
            })
            .collect();
        Ok(Script { empty: rest.is_empty(), several: rest.len() > 1, rest })
    }

    /// The plan of the same text with other literals, if it is one worth keeping; made now if this is the first.
    fn known_text(&mut self, sql: &str) -> Option<(Arc<Prepared>, Arc<[Value]>)> {
        let print = cache::fingerprint(sql)?;
        if let Some(prepared) = self.texts.get(print.text.as_str()) {
            // One that is remembered as not worth it holds no statement.
            prepared.statement.as_ref()?;
            let prepared = prepared.clone();
            let values = self.typed_literals(&prepared, print.values)?;
            return Some((prepared, values));
        }
        let statement = parse_single(&print.text).ok().flatten();
        let text: Arc<str> = print.text.as_str().into();
        let prepared = Arc::new(Prepared::new(text.clone(), statement, print.types));
        let worth_it = match &prepared.statement {
            Some(statement) if statement.controls_transaction() => true,
            Some(_) => self.plan_for(&prepared).is_ok_and(|plan| plan.plan.is_point()),
            None => false,
        };
        if !worth_it {
            let not_worth_it = Prepared::new(text, None, Vec::new());
            self.keep_text(print.text.into(), Arc::new(not_worth_it));
            return None;
        }
        self.keep_text(print.text.into(), prepared.clone());
        let values = self.typed_literals(&prepared, print.values)?;
        Some((prepared, values))
    }

    /// String literals as values of the types that the plan found for them. None if one does not fit, so that the
    /// error is found again with its position.
    fn typed_literals(&mut self, prepared: &Prepared, mut values: Vec<Value>) -> Option<Arc<[Value]>> {
        if values.is_empty() {
            return Some(Arc::from([]));
        }
        let plan = self.plan_for(prepared).ok()?;
        let now = self.text_now();
        for (value, ty) in values.iter_mut().zip(plan.params.iter()) {
            if let Value::Text(literal) = value {
                *value = text::parse_at(literal, *ty, self.format(), now).ok()?;
            }
        }
        Some(values.into())
    }

    /// Runs the next statement of a script; None when there is none.
    pub async fn run_next(&mut self, script: &mut Script) -> Result<Option<Execution>> {
        if std::mem::take(&mut script.empty) {
            return Ok(Some(Execution::Empty));
        }
        let Some((prepared, params)) = script.rest.pop_front() else { return Ok(None) };
        let last = script.rest.is_empty();
        let interrupt = self.new_interrupt();
        self.among_others = script.several;
        let outcome = self.run(&prepared, params, &interrupt).await;
        self.among_others = false;
        let outcome = outcome?;
        if last && matches!(outcome, Outcome::Complete(_)) {
            self.end_implicit().await?;
        }
        Ok(Some(self.script_execution(outcome, &prepared, last, interrupt)))
    }

    /// A statement's outcome on its way to the client.
    pub(super) fn script_execution(
        &self,
        outcome: Outcome,
        prepared: &Prepared,
        last: bool,
        interrupt: Interrupt,
    ) -> Execution {
        match outcome {
            Outcome::Complete(tag) => Execution::Complete(tag),
            Outcome::Rows { columns, source, tag } => Execution::Rows(Cursor {
                columns,
                formats: self.formats_unasked(prepared.statement.as_ref()),
                source,
                tag,
                sent: 0,
                room: None,
                exhausted: false,
                portal: None,
                interrupt,
                ends_transaction: last,
            }),
            Outcome::CopyIn(mut copy) => {
                copy.ends_transaction = last;
                Execution::CopyIn(copy)
            }
            Outcome::CopyOut(mut copy) => {
                copy.ends_transaction = last;
                Execution::CopyOut(*copy)
            }
        }
    }

    /// Ends a simple query: commits what its statements left open.
    pub async fn end_script(&mut self) -> Result<()> {
        self.end_implicit().await
    }
}
