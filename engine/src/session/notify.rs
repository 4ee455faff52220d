//! LISTEN, UNLISTEN and NOTIFY of a session: what its transaction has gathered takes effect when it commits.
//!
//! Channels are entered before the commit and left after it, so that a session hears what its own transaction says, and
//! nothing that is committed later is missed; what a failed commit has entered is left again.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use storage::CommitSeq;

use super::{Open, Session};
use crate::database::Database;
use crate::error::Result;
use crate::live::notify::{NOTIFY_BYTES_MAX, queue_full};
use crate::live::{Action, Attendance, Outbox};
use crate::statement::Statement;

/// How long an answer waits for the dispatcher: it is never far behind, unless something is wrong with it.
const DISPATCH_LIMIT: Duration = Duration::from_secs(2);

/// Where a session hears; made when it first listens.
#[derive(Debug)]
pub(super) struct Ear {
    database: Arc<Database>,
    database_oid: u32,
    outbox: Arc<Outbox>,
    /// The channels that have been entered.
    entered: FxHashSet<Arc<str>>,
    /// While there is any.
    attendance: Option<Attendance>,
    /// The newest commit of its own that said something.
    said: CommitSeq,
}

/// What a transaction has to say and to hear, while it commits.
pub(super) struct Talk {
    /// What the session hears afterwards; None: as before.
    heard: Option<Vec<Arc<str>>>,
    says: bool,
    /// In order, for the live queries that it begins and ends.
    actions: Vec<Action>,
}

impl Session {
    /// Gathers what one of the three statements wants; answers the command tag.
    pub(super) fn gather_talk(&mut self, statement: &Statement) -> Result<&'static str> {
        self.begin_implicit();
        let channels = &self.facts.channels;
        match statement {
            Statement::Listen(channel) => {
                channels.act(Action::Listen(channel.as_str().into()));
                Ok("LISTEN")
            }
            Statement::Unlisten(channel) => {
                channels
                    .act(channel.as_deref().map_or(Action::UnlistenAll, |channel| Action::Unlisten(channel.into())));
                Ok("UNLISTEN")
            }
            Statement::Notify { channel, payload } => {
                channels.notify(channel, payload)?;
                Ok("NOTIFY")
            }
            _ => Err(crate::error::Error::internal("not a statement about notifications")),
        }
    }

    /// Before the commit: the messages go with it, and new channels are entered.
    pub(super) fn begin_talk(&mut self, open: &mut Open) -> Result<Option<Talk>> {
        let Some(mut gathered) = self.facts.channels.take() else { return Ok(None) };
        let store = self.database.store();
        let says = !gathered.messages.is_empty();
        if says && store.kept_message_bytes() + gathered.bytes > NOTIFY_BYTES_MAX {
            return Err(queue_full());
        }
        let before = self.facts.channels.heard();
        let heard = (!gathered.actions.is_empty()).then(|| gathered.heard_after(&before));
        for message in gathered.messages.drain(..) {
            open.transaction.message(message);
        }
        for channel in heard.iter().flatten() {
            self.ear_made().enter(channel);
        }
        Ok(Some(Talk { heard, says, actions: gathered.actions }))
    }

    /// After the commit: what is heard no more is left, and with it what waits of it. Answers what has counted of the actions.
    pub(super) fn end_talk(&mut self, talk: Talk, committed: bool) -> Vec<Action> {
        let actions = if committed { talk.actions } else { Vec::new() };
        let heard = match talk.heard.filter(|_| committed) {
            Some(heard) => {
                self.facts.channels.hear(heard.clone());
                heard
            }
            None => self.facts.channels.heard(),
        };
        let published = self.database.store().published();
        let Some(ear) = &mut self.ear else { return actions };
        if committed && talk.says {
            ear.said = published;
        }
        ear.keep(&heard);
        actions
    }

    /// Where events of live queries are to wait for the client.
    pub(super) fn outbox_made(&mut self) -> Arc<Outbox> {
        self.ear_made().outbox.clone()
    }

    fn ear_made(&mut self) -> &mut Ear {
        self.ear.get_or_insert_with(|| {
            Box::new(Ear {
                database: self.database.clone(),
                database_oid: self.database_oid,
                outbox: self.database.live().new_outbox(),
                entered: FxHashSet::default(),
                attendance: None,
                said: CommitSeq(0),
            })
        })
    }

    /// Where notifications wait for the client; None: it has never listened.
    pub fn outbox(&self) -> Option<&Arc<Outbox>> {
        self.ear.as_ref().map(|ear| &ear.outbox)
    }

    /// Until everything that was committed before now, and concerns this session, is in its outbox.
    pub fn caught_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let follows = |ear: &Ear| self.database.live().registry.follows(ear.outbox.id);
        let ear = self.ear.as_ref().filter(|ear| ear.attendance.is_some() || follows(ear));
        let awaited = ear.map(|ear| {
            let seq = self.database.store().announced().max(ear.said);
            (self.database.live().dispatcher.clone(), seq)
        });
        async move {
            let Some((dispatcher, seq)) = awaited else { return };
            if tokio::time::timeout(DISPATCH_LIMIT, dispatcher.passed_by(seq)).await.is_err() {
                tracing::warn!(seq = seq.0, "notifications are late");
            }
        }
    }
}

impl Ear {
    /// Is told from now on what is said on a channel.
    fn enter(&mut self, channel: &Arc<str>) {
        if !self.entered.insert(channel.clone()) {
            return;
        }
        let (live, store) = (self.database.live(), self.database.store());
        if self.attendance.is_none() {
            self.attendance = Some(live.dispatcher.attend(store));
        }
        live.listeners.enter(self.database_oid, channel, &self.outbox, store.published());
    }

    /// Leaves the channels that are not among these.
    fn keep(&mut self, heard: &[Arc<str>]) {
        let heard: FxHashSet<&Arc<str>> = heard.iter().collect();
        let entered = std::mem::take(&mut self.entered).into_iter();
        let (kept, left) = entered.partition(|channel| heard.contains(channel));
        self.entered = kept;
        self.leave(&left);
        if self.entered.is_empty() {
            self.attendance = None;
        }
    }

    fn leave(&self, channels: &FxHashSet<Arc<str>>) {
        for channel in channels {
            self.database.live().listeners.leave(self.database_oid, channel, &self.outbox);
        }
        if !channels.is_empty() {
            self.outbox.discard(|waiting| waiting.account.is_none() && channels.contains(&waiting.channel));
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.leave(&self.entered);
        self.database.live().registry.unlisten(self.outbox.id, None);
    }
}
