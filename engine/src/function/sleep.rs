//! `pg_sleep` and its kin.
//!
//! A function cannot wait: it runs on threads that others need. One that is to sleep notes how long and fails; the session
//! then sleeps without a thread and runs the statement again, in which that many sleeps are over already.

use std::time::Duration;

use parking_lot::Mutex;
use storage::Value;

use super::argument::{float, interval, text_of, timestamptz};
use super::define::volatile;
use super::interval::zoned;
use super::{EvalContext, Function};
use crate::error::{Error, Result};
use crate::types::datetime;
use crate::types::oid::*;

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    volatile(2626, "pg_sleep", &[FLOAT8], VOID, |context, args| sleep(context, float(&args[0])?)),
    volatile(3935, "pg_sleep_for", &[INTERVAL], VOID, |context, args| {
        // As much later as the interval says from when the statement began.
        let until = zoned(context, context.statement_time, interval(&args[0])?)?;
        let until = timestamptz(&until)?;
        sleep(context, until.saturating_sub(context.statement_time) as f64 / 1e6)
    }),
    volatile(3936, "pg_sleep_until", &[TIMESTAMPTZ], VOID, |context, args| {
        let until = timestamptz(&args[0])?;
        sleep(context, until.saturating_sub(datetime::now()) as f64 / 1e6)
    }),
];

/// The sleeps of one session's running statement.
#[derive(Debug, Default)]
pub struct Sleeps(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many are over.
    over: usize,
    /// How many this run of the statement has come to.
    reached: usize,
    due: Option<Duration>,
}

fn sleep(context: &EvalContext, seconds: f64) -> Result<Value> {
    let mut state = context.session.sleeps.0.lock();
    state.reached += 1;
    // Less than nothing, and what is no number, is nothing.
    let is_over = state.reached <= state.over || seconds.is_nan() || seconds <= 0.0;
    if is_over {
        state.over = state.over.max(state.reached);
        return text_of("");
    }
    state.due = Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    Err(Error::unsupported("sleeping here"))
}

impl Sleeps {
    /// A statement begins.
    pub(crate) fn begin_statement(&self) {
        *self.0.lock() = State::default();
    }

    /// How long the failed run of a statement wanted to sleep, which the next run will find over. `None`: it failed for
    /// another reason.
    pub(crate) fn take_due(&self) -> Option<Duration> {
        let mut state = self.0.lock();
        state.reached = 0;
        let due = state.due.take()?;
        state.over += 1;
        Some(due)
    }
}
