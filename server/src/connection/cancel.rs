//! The connections that are there, by process id: how a cancel request, which comes on a connection of its own, and
//! the server's shutdown reach them.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::session::Canceller;
use parking_lot::Mutex;
use rand::RngCore;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::wire::startup::ProtocolVersion;

/// Every connection past its startup message.
#[derive(Default)]
pub(crate) struct Peers(Mutex<Table>);

#[derive(Default)]
struct Table {
    by_process_id: FxHashMap<i32, Arc<Peer>>,
    last_process_id: i32,
}

/// What others may know of a connection.
pub(crate) struct Peer {
    pub(crate) process_id: i32,
    /// The secret that a cancel request must show.
    pub(crate) key: Box<[u8]>,
    canceller: OnceLock<Arc<Canceller>>,
    /// Wakes a connection that waits for its client.
    pub(super) wake: Notify,
    cancel_requested: AtomicBool,
}

/// A connection's place in the table, given up when dropped.
pub(crate) struct Registration {
    peers: Arc<Peers>,
    peer: Arc<Peer>,
}

impl Peers {
    /// Gives a connection its process id and key. Keys have the length that the protocol version allows.
    pub(crate) fn register(self: &Arc<Self>, version: ProtocolVersion) -> Registration {
        const KEY_BYTES: usize = 32;
        const OLD_KEY_BYTES: usize = 4;
        let mut key = vec![0; if version >= ProtocolVersion::V3_2 { KEY_BYTES } else { OLD_KEY_BYTES }];
        rand::rng().fill_bytes(&mut key);
        let mut table = self.0.lock();
        let process_id = table.next_process_id();
        let peer = Arc::new(Peer {
            process_id,
            key: key.into(),
            canceller: OnceLock::new(),
            wake: Notify::new(),
            cancel_requested: AtomicBool::new(false),
        });
        table.by_process_id.insert(process_id, peer.clone());
        Registration { peers: self.clone(), peer }
    }

    /// Cancels what the connection of that id runs, if the key is its own. Nobody is told whether it was.
    pub(crate) fn cancel(&self, process_id: i32, key: &[u8]) {
        let peer = self.0.lock().by_process_id.get(&process_id).cloned();
        match peer {
            Some(peer) if is_same_secret(&peer.key, key) => peer.cancel(),
            _ => tracing::info!(process_id, "a cancel request names no connection or not its key"),
        }
    }

    /// Wakes every connection that waits for its client.
    pub(crate) fn wake_all(&self) {
        self.0.lock().by_process_id.values().for_each(|peer| peer.wake.notify_one());
    }

    /// Cancels whatever any connection runs.
    pub(crate) fn cancel_all(&self) {
        self.0.lock().by_process_id.values().for_each(|peer| peer.cancel());
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().by_process_id.len()
    }
}

impl Table {
    /// The next positive number that no connection has.
    fn next_process_id(&mut self) -> i32 {
        loop {
            self.last_process_id = self.last_process_id.checked_add(1).unwrap_or(1);
            if !self.by_process_id.contains_key(&self.last_process_id) {
                return self.last_process_id;
            }
        }
    }
}

impl Peer {
    fn cancel(&self) {
        if let Some(canceller) = self.canceller.get() {
            self.cancel_requested.store(true, Ordering::Release);
            canceller.cancel();
            self.wake.notify_one();
        }
    }

    /// Whether a cancel request has come since the last call.
    pub(super) fn take_cancel_request(&self) -> bool {
        self.cancel_requested.swap(false, Ordering::AcqRel)
    }
}

impl Registration {
    /// Makes the connection's statements reachable for cancel requests.
    pub(super) fn set_canceller(&self, canceller: Arc<Canceller>) {
        // A connection has one session in its life, so the place is still empty.
        let _ = self.peer.canceller.set(canceller);
    }
}

impl std::ops::Deref for Registration {
    type Target = Peer;
    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.peers.0.lock().by_process_id.remove(&self.peer.process_id);
    }
}

/// Compares in a time that depends on the lengths only.
fn is_same_secret(secret: &[u8], guess: &[u8]) -> bool {
    let difference = secret.iter().zip(guess).fold(0, |difference, (a, b)| std::hint::black_box(difference | (a ^ b)));
    secret.len() == guess.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ProtocolVersion = ProtocolVersion { major: 3, minor: 0 };

    #[test]
    fn secrets_are_compared_whole() {
        assert!(is_same_secret(b"abcd", b"abcd"));
        for guess in [&b"abce"[..], b"abc", b"abcde", b"", b"bbcd"] {
            assert!(!is_same_secret(b"abcd", guess), "{guess:?}");
        }
    }

    #[test]
    fn a_place_is_given_up_and_its_number_not_reused_at_once() {
        let peers = Arc::new(Peers::default());
        let first = peers.register(OLD);
        let second = peers.register(ProtocolVersion::V3_2);
        assert_eq!((first.process_id, second.process_id), (1, 2));
        assert_eq!((first.key.len(), second.key.len()), (4, 32));
        drop(first);
        assert_eq!(peers.count(), 1);
        assert_eq!(peers.register(OLD).process_id, 3);
    }

    #[test]
    fn process_ids_begin_again_after_the_last() {
        let peers = Arc::new(Peers::default());
        let first = peers.register(OLD);
        peers.0.lock().last_process_id = i32::MAX;
        assert_eq!(peers.register(OLD).process_id, 2);
        assert_eq!(first.process_id, 1);
    }

    #[test]
    fn only_the_right_key_cancels() {
        let peers = Arc::new(Peers::default());
        let connection = peers.register(OLD);
        connection.set_canceller(Arc::new(Canceller::default()));
        let mut wrong = connection.key.clone();
        wrong[0] ^= 1;
        peers.cancel(connection.process_id, &wrong);
        peers.cancel(99, &connection.key);
        assert!(!connection.take_cancel_request());
        peers.cancel(connection.process_id, &connection.key);
        assert!(connection.take_cancel_request());
        assert!(!connection.take_cancel_request());
    }
}
