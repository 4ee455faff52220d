//! Calls among expressions of functions whose bodies are run, statement by statement.
//!
//! Whoever computes an expression has no session to run a body in. A query with such calls runs on the query threads as a
//! whole, and its context has a [`BodyPort`]: through it a call asks the session that waits for the query's rows, which runs
//! the body meanwhile (`session/body_call.rs`). The thread waits for the answer as one that blocks, so that others take its
//! work over. An expression without a query is computed by the session itself (`expr/called.rs`).

use std::sync::atomic::{AtomicUsize, Ordering};

use storage::Value;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::argument::int4;
use super::define::{stable, volatile};
use super::{EvalContext, Function, Volatility};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

/// The number of the body among those of the statement, then its arguments.
static VOLATILE: Function = volatile(9_190, "run_body", &[INT4, ANY], ANY, ask).variadic().takes_nulls();
/// The same for what is not volatile. It is not computed ahead of the statement either.
static STABLE: Function = stable(9_191, "run_stable_body", &[INT4, ANY], ANY, ask).variadic().takes_nulls();

/// Threads that wait for bodies at the same time, in the whole server: fewer than a runtime puts in their place.
const WAITING_MAX: usize = 256;

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// What stands for the call of a body of this volatility.
pub(crate) fn body_call(volatility: Volatility) -> &'static Function {
    if volatility == Volatility::Volatile { &VOLATILE } else { &STABLE }
}

/// Whether a function stands for the call of a body.
pub(crate) fn is_body_call(function: &Function) -> bool {
    function.oid == VOLATILE.oid || function.oid == STABLE.oid
}

/// The number of the body that is called, and its arguments.
pub(crate) fn called(args: &[Value]) -> Result<(usize, &[Value])> {
    let (number, args) = args.split_first().ok_or_else(|| Error::internal("a body has a number"))?;
    let number = usize::try_from(int4(number)?).map_err(|_| Error::internal("the number of a body is none"))?;
    Ok((number, args))
}

fn ask(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some(port) = &context.bodies else {
        return Err(Error::unsupported("a function whose body is run, at this place of a statement,"));
    };
    let (body, args) = called(args)?;
    let mut values = port.ask(body, vec![args.to_vec()])?;
    values.pop().ok_or_else(|| Error::internal("a body answers a value"))
}

/// Where a query asks for what bodies answer.
#[derive(Debug)]
pub(crate) struct BodyPort(tokio::sync::mpsc::Sender<Asked>);

/// Calls of a body that a query waits for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) body: usize,
    /// The arguments of each call.
    pub(crate) calls: Vec<Vec<Value>>,
    /// Takes a value for each call.
    pub(crate) answer: std::sync::mpsc::SyncSender<Result<Vec<Value>>>,
}

/// One of the threads that wait.
struct Waiting;

impl Waiting {
    fn new() -> Result<Self> {
        let waiting = Self;
        match WAITING.fetch_add(1, Ordering::Relaxed) < WAITING_MAX {
            true => Ok(waiting),
            false => Err(Error::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                "too many queries wait for functions that they call",
            )),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl BodyPort {
    /// A port, and where the session hears what is asked.
    pub(crate) fn new() -> (Self, tokio::sync::mpsc::Receiver<Asked>) {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Waits for what a body answers to each call.
    pub(crate) fn ask(&self, body: usize, calls: Vec<Vec<Value>>) -> Result<Vec<Value>> {
        let is_on_query_thread =
            Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
        if !is_on_query_thread {
            return Err(Error::internal("a body is asked for on a thread that must not wait"));
        }
        let _waiting = Waiting::new()?;
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let gone = || Error::internal("nobody runs the functions of a query any more");
        tokio::task::block_in_place(|| {
            self.0.blocking_send(Asked { body, calls, answer }).map_err(|_| gone())?;
            answered.recv().map_err(|_| gone())?
        })
    }
}
