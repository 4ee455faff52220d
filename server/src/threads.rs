//! The threads that serve sockets: each runs an event loop of its own, and a connection stays where it was put.
//!
//! A statement of a few microseconds is not worth waking another thread for, which is what a pool that shares its work
//! does all the time. What takes long does not run here: queries, sorts and loads have threads of their own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{self, Handle};
use tokio::sync::Notify;

/// Statements are trees that are walked recursively; as deep as the engine lets them be, they fit. Only pages that are
/// touched take memory.
pub(crate) const STACK_BYTES: usize = 64 << 20;

/// The threads. Dropping them ends their event loops, with all that is left in them.
pub(crate) struct IoThreads {
    threads: Vec<IoThread>,
    ended: Arc<Notify>,
}

struct IoThread {
    handle: Handle,
    connections: Arc<AtomicUsize>,
}

/// A connection's place on a thread; given back when dropped.
pub(crate) struct Seat {
    handle: Handle,
    connections: Arc<AtomicUsize>,
}

impl IoThreads {
    /// Starts one thread for each core.
    pub(crate) fn start() -> io::Result<Self> {
        let ended = Arc::new(Notify::new());
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..count).map(|number| IoThread::start(number, &ended)).collect::<io::Result<_>>()?;
        Ok(Self { threads, ended })
    }

    /// A place on the thread that has the fewest connections.
    pub(crate) fn seat(&self) -> io::Result<Seat> {
        let least = self.threads.iter().min_by_key(|thread| thread.connections.load(Ordering::Relaxed));
        let Some(IoThread { handle, connections }) = least else {
            return Err(io::Error::other("there is no thread to serve a connection"));
        };
        connections.fetch_add(1, Ordering::Relaxed);
        Ok(Seat { handle: handle.clone(), connections: Arc::clone(connections) })
    }
}

impl IoThread {
    fn start(number: usize, ended: &Arc<Notify>) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let ended = Arc::clone(ended);
        std::thread::Builder::new()
            .name(format!("kalamdb-io-{number}"))
            .stack_size(STACK_BYTES)
            .spawn(move || runtime.block_on(ended.notified()))?;
        Ok(Self { handle, connections: Arc::default() })
    }
}

impl Drop for IoThreads {
    fn drop(&mut self) {
        self.ended.notify_waiters();
    }
}

impl Seat {
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
