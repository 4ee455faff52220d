//! Stopping a statement from outside: cancel requests and timeouts.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::poll;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{Error, Result, SqlState};

/// Asks a session's running statement, or the session, to end. Shared with whoever may ask.
#[derive(Debug, Default)]
pub struct Canceller {
    requested: AtomicBool,
    terminated: AtomicBool,
    wake: Notify,
}

impl Canceller {
    /// The statement that runs now ends with 57014; if none runs, nothing happens.
    pub fn cancel(&self) {
        self.requested.store(true, Ordering::Release);
        self.wake.notify_waiters();
    }

    /// The session ends with 57P01: its running statement now, or when its client is to speak next.
    pub fn terminate(&self) {
        self.terminated.store(true, Ordering::Release);
        self.cancel();
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    pub fn is_terminated(&self) -> bool {
        self.terminated.load(Ordering::Acquire)
    }

    /// Until the session is to end.
    pub async fn terminated(&self) {
        self.woken_until(&self.terminated).await;
    }

    /// Forgets a request that came between statements.
    pub(crate) fn reset(&self) {
        self.requested.store(self.is_terminated(), Ordering::Release);
    }

    async fn requested(&self) {
        self.woken_until(&self.requested).await;
    }

    async fn woken_until(&self, flag: &AtomicBool) {
        loop {
            let woken = self.wake.notified();
            if flag.load(Ordering::Acquire) {
                return;
            }
            woken.await;
        }
    }
}

/// What may interrupt the work of one statement.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    canceller: std::sync::Arc<Canceller>,
    deadline: Option<Instant>,
}

impl Interrupt {
    pub(crate) fn new(canceller: std::sync::Arc<Canceller>, statement_timeout: Option<Duration>) -> Self {
        Self { canceller, deadline: statement_timeout.map(|timeout| Instant::now() + timeout) }
    }

    /// 57014 or 57P01 if the statement is to end: for work that has nothing to wait for.
    pub(crate) fn check(&self) -> Result<()> {
        if self.canceller.is_requested() {
            return Err(if self.canceller.is_terminated() { terminated() } else { canceled("user request") });
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(canceled("statement timeout")),
            _ => Ok(()),
        }
    }

    /// Runs the work to its end unless it is interrupted, in which case it is dropped where it stands.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        // Most work is done at once, before there is anything to watch for.
        if !self.canceller.requested.load(Ordering::Acquire)
            && let Poll::Ready(result) = poll!(work.as_mut())
        {
            return result;
        }
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.canceller.requested() => match self.canceller.is_terminated() {
                true => Err(terminated()),
                false => Err(canceled("user request")),
            },
            () = late => Err(canceled("statement timeout")),
            result = work => result,
        }
    }
}

impl Interrupt {
    /// The same for work that is not to be dropped while the flag is up: it then runs something that watches for interrupts
    /// itself and has to be left in order.
    pub(crate) async fn guard_between<T>(
        &self,
        inside: &AtomicBool,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut work = pin!(work);
        let mut stopped = pin!(self.guard(pending::<Result<std::convert::Infallible>>()));
        poll_fn(|context| {
            if let Poll::Ready(result) = work.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            if inside.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            match stopped.as_mut().poll(context) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(never)) => match never {},
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

/// What ends a session from outside.
pub fn terminated() -> Error {
    Error::new(SqlState("57P01"), "terminating connection due to administrator command")
}

fn canceled(reason: &str) -> Error {
    Error::new(SqlState::QUERY_CANCELED, format!("canceling statement due to {reason}"))
}
