//! What a transaction has to say and to hear: NOTIFY, LISTEN and UNLISTEN, which count when it commits.
//!
//! The rules are PostgreSQL's (`NOTIFY` in its manual): the same message on the same channel is sent once for a transaction,
//! messages keep their order, and a rollback, also to a savepoint, takes back what came after.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use rustc_hash::FxHashSet;

use crate::error::{Error, Result, SqlState};

/// Longest name of a channel in bytes, as of any identifier.
const CHANNEL_BYTES_MAX: usize = 63;

/// Longest payload of NOTIFY in bytes.
const PAYLOAD_BYTES_MAX: usize = 7999;

/// Messages that one transaction may gather, and that may wait for the dispatcher beyond the ring of recent changes.
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
}

/// What the transaction of a session is to do when it commits. Functions add to it, so it is shared with them.
#[derive(Debug, Default)]
pub struct Pending(Mutex<Option<Box<Gathered>>>);

/// What has been gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) actions: Vec<Action>,
    pub(crate) messages: Vec<Bytes>,
    /// The same as a set.
    known: FxHashSet<Bytes>,
    bytes: usize,
}

/// How much had been gathered at some moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    actions: usize,
    messages: usize,
}

impl Pending {
    /// Adds a change of what the session listens to.
    pub(crate) fn act(&self, action: Action) {
        self.0.lock().get_or_insert_default().actions.push(action);
    }

    /// Adds a message, unless the transaction sends the same already.
    pub(crate) fn notify(&self, database: u32, process_id: i32, channel: &str, payload: &str) -> Result<()> {
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
        let message = Message::encode(database, process_id, channel, payload);
        self.0.lock().get_or_insert_default().add(message)
    }

    pub(crate) fn mark(&self) -> Mark {
        self.0.lock().as_ref().map_or_else(Mark::default, |gathered| Mark {
            actions: gathered.actions.len(),
            messages: gathered.messages.len(),
        })
    }

    /// Takes back what came after the mark.
    pub(crate) fn undo_to(&self, mark: Mark) {
        let mut gathered = self.0.lock();
        let Some(gathered) = gathered.as_mut() else { return };
        gathered.actions.truncate(mark.actions);
        for message in gathered.messages.drain(mark.messages.min(gathered.messages.len())..) {
            gathered.bytes -= message.len();
            gathered.known.remove(&message);
        }
    }

    /// The transaction ends: what it has gathered is taken, or given up.
    pub(crate) fn take(&self) -> Option<Box<Gathered>> {
        self.0.lock().take()
    }
}

impl Gathered {
    fn add(&mut self, message: Bytes) -> Result<()> {
        if self.known.contains(&message) {
            return Ok(());
        }
        if self.bytes + message.len() > NOTIFY_BYTES_MAX {
            return Err(queue_full());
        }
        self.bytes += message.len();
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
