//! Who listens to which channel.
//!
//! Sessions enter and leave when LISTEN and UNLISTEN commit; the dispatcher looks channels up. The lock is theirs alone:
//! no commit takes it.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use storage::CommitSeq;

use super::notify::Message;
use super::outbox::{Notification, Outbox, Wakes};

/// Every session that listens to something.
#[derive(Debug, Default)]
pub(crate) struct Listeners(Mutex<FxHashMap<u32, Channels>>);

/// The channels of one database.
type Channels = FxHashMap<Arc<str>, FxHashMap<u64, Listener>>;

#[derive(Debug)]
struct Listener {
    outbox: Arc<Outbox>,
    /// Commits up to this one are older than its LISTEN.
    since: CommitSeq,
}

impl Listeners {
    /// Has the session told what is sent on the channel by commits after `since`.
    pub(crate) fn enter(&self, database: u32, channel: &Arc<str>, outbox: &Arc<Outbox>, since: CommitSeq) {
        let mut databases = self.0.lock();
        let listeners = databases.entry(database).or_default().entry(channel.clone()).or_default();
        listeners.entry(outbox.id).or_insert_with(|| Listener { outbox: outbox.clone(), since });
    }

    /// The session is told nothing more of the channel.
    pub(crate) fn leave(&self, database: u32, channel: &str, outbox: &Outbox) {
        let mut databases = self.0.lock();
        let Some(channels) = databases.get_mut(&database) else { return };
        let Some(listeners) = channels.get_mut(channel) else { return };
        listeners.remove(&outbox.id);
        if listeners.is_empty() {
            channels.remove(channel);
        }
        if channels.is_empty() {
            databases.remove(&database);
        }
    }

    /// Puts the messages of a commit into the outboxes of those who listen. Who has no room for one is given up.
    pub(super) fn deliver(&self, seq: CommitSeq, messages: &[Bytes], wakes: &mut Wakes) {
        if messages.is_empty() {
            return;
        }
        let databases = self.0.lock();
        for message in messages {
            let Some(message) = Message::decode(message) else {
                tracing::error!(seq = seq.0, "a message in the change feed cannot be read");
                continue;
            };
            let channels = databases.get(&message.database);
            let Some((channel, listeners)) = channels.and_then(|channels| channels.get_key_value(message.channel))
            else {
                continue;
            };
            for listener in listeners.values().filter(|listener| listener.since < seq) {
                let notification = Notification {
                    process_id: message.process_id,
                    channel: channel.clone(),
                    payload: message.payload.clone(),
                    account: None,
                };
                if listener.outbox.push(notification, wakes).is_err() {
                    listener.outbox.give_up();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
