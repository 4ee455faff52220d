//! How the server ends: signals, and the phases that every connection watches.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How far the server's end has come. Only ever grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Nobody is let in, connections end where they wait for their client, statements run to their end.
    Draining,
    /// Statements are cancelled.
    Forced,
}

/// The phase, for all to see.
pub(crate) struct Shutdown(watch::Sender<Phase>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }
}

impl Shutdown {
    pub(crate) fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Goes on to a later phase.
    pub(crate) fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|current| {
            let is_later = phase > *current;
            *current = phase.max(*current);
            is_later
        });
    }

    /// Returns when the phase is reached.
    pub(crate) async fn reached(&self, phase: Phase) {
        // The sender is `self`, so the channel outlives the wait.
        let _ = self.0.subscribe().wait_for(|current| *current >= phase).await;
    }
}

/// The signals that end the server.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns with the name of the next of them.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
