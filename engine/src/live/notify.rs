//! What a transaction has to say and to hear: NOTIFY, LISTEN and UNLISTEN, which count when it commits.
//!
//! The rules are PostgreSQL's (`NOTIFY` in its manual): the same message on the same channel is sent once for a transaction,
//! messages keep their order, and a rollback, also to a savepoint, takes back what came after.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use storage::Store;

use super::outbox::{Notification, SESSION_QUEUE_BYTES_MAX};
use crate::error::{Error, Result, SqlState};

/// Longest name of a channel in bytes, as of any identifier.
const CHANNEL_BYTES_MAX: usize = 63;

/// Longest payload of NOTIFY in bytes.
const PAYLOAD_BYTES_MAX: usize = 7999;

/// Messages that one transaction may gather: so many find room in the outbox of any session that reads.
const TRANSACTION_BYTES_MAX: usize = SESSION_QUEUE_BYTES_MAX / 2;

/// Messages that may wait for the dispatcher beyond the ring of recent changes.
pub(crate) const NOTIFY_BYTES_MAX: usize = 256 << 20;

/// A message as it goes through the change feed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) database: u32,
    pub(super) process_id: i32,
    pub(super) channel: &'a str,
    pub(super) payload: Bytes,
}

impl Message<'_> {
    /// Database, process id, length of the channel's name, name, payload.
    fn encode(database: u32, process_id: i32, channel: &str, payload: &str) -> Bytes {
        let length = u8::try_from(channel.len()).expect("the name of a channel has been measured");
        let mut encoded = BytesMut::with_capacity(9 + channel.len() + payload.len());
        encoded.put_u32(database);
        encoded.put_i32(process_id);
        encoded.put_u8(length);
        encoded.put_slice(channel.as_bytes());
        encoded.put_slice(payload.as_bytes());
        encoded.freeze()
    }
}

impl<'a> Message<'a> {
    /// Reads a message; the payload shares its memory.
    pub(super) fn decode(encoded: &'a Bytes) -> Option<Self> {
        let (database, rest) = encoded.split_first_chunk()?;
        let (process_id, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let channel = rest.get(..usize::from(*length))?;
        Some(Self {
            database: u32::from_be_bytes(*database),
            process_id: i32::from_be_bytes(*process_id),
            channel: std::str::from_utf8(channel).ok()?,
            payload: encoded.slice(9 + channel.len()..),
        })
    }
}

/// A change of what the session listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Listen(Arc<str>),
    Unlisten(Arc<str>),
    UnlistenAll,
    /// Follow a live query: the number of what the session has prepared for it.
    Follow(usize),
}

/// What a session hears, and what its transaction is to do when it commits. Functions ask it and add to it.
#[derive(Default)]
pub struct SessionChannels {
    database: u32,
    process_id: i32,
    store: Option<Store>,
    /// The channels it listens to, in the order in which it began to.
    heard: Mutex<Vec<Arc<str>>>,
    gathered: Mutex<Option<Box<Gathered>>>,
}

/// What has been gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) actions: Vec<Action>,
    pub(crate) messages: Vec<Bytes>,
    /// The same as a set.
    known: FxHashSet<Bytes>,
    pub(crate) bytes: usize,
}

/// How much had been gathered at some moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    actions: usize,
    messages: usize,
}

impl fmt::Debug for SessionChannels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SessionChannels").field("heard", &self.heard).finish_non_exhaustive()
    }
}

impl SessionChannels {
    pub(crate) fn new(store: Store, database: u32, process_id: i32) -> Self {
        Self { database, process_id, store: Some(store), ..Self::default() }
    }

    /// The channels that the session listens to.
    pub(crate) fn heard(&self) -> Vec<Arc<str>> {
        self.heard.lock().clone()
    }

    pub(crate) fn hear(&self, channels: Vec<Arc<str>>) {
        *self.heard.lock() = channels;
    }

    /// How much of the room for messages is taken that wait for the dispatcher, from 0 to 1.
    pub(crate) fn queue_usage(&self) -> f64 {
        self.store.as_ref().map_or(0.0, |store| store.kept_message_bytes() as f64 / NOTIFY_BYTES_MAX as f64)
    }

    /// Adds a change of what the session listens to.
    pub(crate) fn act(&self, action: Action) {
        self.gathered.lock().get_or_insert_default().actions.push(action);
    }

    /// Adds a message, unless the transaction sends the same already.
    pub(crate) fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        let invalid = |message| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        if channel.is_empty() {
            return invalid("channel name cannot be empty");
        }
        if channel.len() > CHANNEL_BYTES_MAX {
            return invalid("channel name too long");
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return invalid("payload string too long");
        }
        let message = Message::encode(self.database, self.process_id, channel, payload);
        self.gathered.lock().get_or_insert_default().add(message)
    }

    pub(crate) fn mark(&self) -> Mark {
        self.gathered.lock().as_ref().map_or_else(Mark::default, |gathered| Mark {
            actions: gathered.actions.len(),
            messages: gathered.messages.len(),
        })
    }

    /// Takes back what came after the mark.
    pub(crate) fn undo_to(&self, mark: Mark) {
        let mut gathered = self.gathered.lock();
        let Some(gathered) = gathered.as_mut() else { return };
        gathered.actions.truncate(mark.actions);
        for message in gathered.messages.drain(mark.messages.min(gathered.messages.len())..) {
            gathered.bytes -= Notification::bytes_with(message.len());
            gathered.known.remove(&message);
        }
    }

    /// Whether the transaction has something to say, or to hear from now on.
    pub(crate) fn has_gathered(&self) -> bool {
        self.gathered.lock().is_some()
    }

    /// The transaction ends: what it has gathered is taken, or given up.
    pub(crate) fn take(&self) -> Option<Box<Gathered>> {
        self.gathered.lock().take()
    }
}

impl Gathered {
    /// What a session hears after this that has heard those channels.
    pub(crate) fn heard_after(&self, heard: &[Arc<str>]) -> Vec<Arc<str>> {
        let mut heard = heard.to_vec();
        // There may be many: none is looked for by going through the others.
        let mut known: FxHashSet<Arc<str>> = heard.iter().cloned().collect();
        for action in &self.actions {
            match action {
                Action::Listen(channel) => {
                    if known.insert(channel.clone()) {
                        heard.push(channel.clone());
                    }
                }
                Action::Unlisten(channel) => {
                    if known.remove(channel) {
                        heard.retain(|other| other != channel);
                    }
                }
                Action::UnlistenAll => {
                    heard.clear();
                    known.clear();
                }
                Action::Follow(_) => {}
            }
        }
        heard
    }

    fn add(&mut self, message: Bytes) -> Result<()> {
        if self.known.contains(&message) {
            return Ok(());
        }
        let bytes = Notification::bytes_with(message.len());
        if self.bytes + bytes > TRANSACTION_BYTES_MAX {
            return Err(queue_full());
        }
        self.bytes += bytes;
        self.known.insert(message.clone());
        self.messages.push(message);
        Ok(())
    }
}

/// There is no room for more messages.
pub(crate) fn queue_full() -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many notifications in the NOTIFY queue")
}

#[cfg(test)]
mod tests;
