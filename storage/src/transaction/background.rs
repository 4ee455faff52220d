//! Work on a thread of its own, whose end can be awaited, or waited for where nothing can be awaited.

use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// Work under way. Dropped, it goes on unheard.
pub(super) struct Background<T> {
    thread: JoinHandle<T>,
    /// Closed when the thread is done.
    ended: oneshot::Receiver<()>,
    has_ended: bool,
}

impl<T: Send + 'static> Background<T> {
    pub(super) fn start(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<Self> {
        let (end, ended) = oneshot::channel();
        let run = move || {
            // Dropped last, and by a panic as well.
            let _end: oneshot::Sender<()> = end;
            work()
        };
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(run)
            .map_err(|error| Error::Io(format!("cannot start a thread: {error}")))?;
        Ok(Self { thread, ended, has_ended: false })
    }

    /// Returns when `join` would not have to wait any more.
    pub(super) async fn ended(&mut self) {
        if !self.has_ended {
            let _ = (&mut self.ended).await;
            self.has_ended = true;
        }
    }

    /// Waits for the end and answers the result.
    pub(super) fn join(self) -> Result<T> {
        self.thread.join().map_err(|_| Error::Io("a thread has panicked".into()))
    }
}
