//! Logging in, as far as roles and their history are concerned. The conversation is the server's, proofs are `auth`'s.
//!
//! Whatever a client must not learn, it cannot: a role that is not there, or has no password or one that has expired,
//! is asked for the same proof by the same work, and a lock shows in nothing but the end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use auth::{
    ClaimedRole, FailureRecord, LockoutPolicy, Lockouts, RoleId, RoleKind, TokenIdentity, Verifier, is_granted,
};
use parking_lot::Mutex;

use super::{Connect, Database, Ends};
use crate::error::{Error, Result, SqlState};
use crate::session::{Execution, Session};

/// How passwords and failures are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoginOptions {
    pub lockout: LockoutPolicy,
    /// Characters of a password that SQL sets; one that a client has hashed cannot be measured. 0: any will do.
    pub password_length_min: usize,
}

/// What is kept of logins while the server runs.
pub(crate) struct Logins {
    /// Makes the salts of roles that do not exist.
    secret: [u8; 32],
    lockouts: Mutex<Lockouts>,
    password_length_min: usize,
}

/// Whether whom a token speaks of may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// As the role of that name.
    Known,
    /// There is no such role; it is to be made.
    New,
    /// There is no such role, and none is made; or it is a superuser, as whom nobody comes in by a token.
    Refused,
}

impl Logins {
    pub(super) fn new(secret: [u8; 32], options: LoginOptions) -> Self {
        let lockouts = Mutex::new(Lockouts::new(options.lockout));
        Self { secret, lockouts, password_length_min: options.password_length_min }
    }

    pub(super) fn password_length_min(&self) -> usize {
        self.password_length_min
    }

    /// The failures and locks of users, whether there are such roles or not.
    pub(crate) fn failures(&self, now: i64) -> HashMap<String, FailureRecord> {
        self.lockouts.lock().records(now).into_iter().map(|(user, record)| (user.to_owned(), record)).collect()
    }
}

impl Database {
    /// What a client that claims to be this role must prove. A role that does not exist, or may not log in with a
    /// password, gets one that nothing proves. All of this is done for every name.
    pub fn login(&self, user: &str) -> Verifier {
        let mock = Verifier::mock(user, &self.logins.secret);
        let catalog = self.catalogs.load().any();
        let role = catalog.roles.named_in_even_time(user);
        let stored = role.as_ref().and_then(|role| role.verifier.clone()).unwrap_or_else(|| mock.to_string());
        let verifier: Option<Verifier> = stored.parse().ok();
        let is_usable =
            role.is_some_and(|role| role.verifier.is_some() && !role.attributes.is_password_expired(self.now()));
        match verifier {
            Some(verifier) if is_usable => verifier,
            Some(verifier) => verifier.refusing(),
            None => mock,
        }
    }

    /// Takes note of how an attempt to log in went but for locks; whether it is a login. Call it once, when all other
    /// work is done: the proof that is right is refused, like one that is wrong, while the user is locked for the
    /// address.
    pub fn settle_login(&self, user: &str, address: Option<IpAddr>, is_proven: bool) -> bool {
        self.logins.lockouts.lock().settle(user, address, is_proven, self.now())
    }

    /// Whether a role is a member of another, however far, in the words of access rules: what is not there is neither,
    /// and superusers are members of what they were granted.
    pub fn is_member(&self, user: &str, role: &str) -> bool {
        let catalog = self.catalogs.load().any();
        match (catalog.roles.named_in_even_time(user), catalog.role_named(role)) {
            (Some(user), Some(role)) => is_granted(RoleId(user.oid), RoleId(role.oid), &*catalog),
            _ => false,
        }
    }

    /// Whether whom a token speaks of may come in.
    pub fn admission(&self, identity: &TokenIdentity, may_create: bool) -> Admission {
        match self.catalogs.load().any().role_named(&identity.user) {
            Some(role) if role.attributes.superuser => Admission::Refused,
            Some(_) => Admission::Known,
            None if may_create => Admission::New,
            None => Admission::Refused,
        }
    }

    /// Makes the role that a token speaks of, which can log in and has no password. Somebody else may be doing the same.
    pub async fn create_token_user(self: &Arc<Self>, identity: &TokenIdentity, process_id: i32) -> Result<()> {
        let mut session = self.own_session(process_id)?;
        let name = identity.user.replace('"', "\"\"");
        let kind = match identity.role {
            ClaimedRole::User => RoleKind::User,
            ClaimedRole::Service => RoleKind::Service,
            ClaimedRole::Dba => RoleKind::Dba,
        };
        let made = run(&mut session, &format!("CREATE ROLE \"{name}\" LOGIN ROLE '{}'", kind.name())).await;
        session.end().await;
        match made {
            Err(error) if error.sql_state() == SqlState::DUPLICATE_OBJECT => Ok(()),
            other => other,
        }
    }

    /// Whether as many sessions as are allowed are there.
    pub fn is_full(&self) -> bool {
        self.sessions.count() >= self.connections_max
    }

    /// A session in which the server itself acts, as the first role.
    fn own_session(self: &Arc<Self>, process_id: i32) -> Result<Session> {
        let catalog = self.catalogs.load().any();
        let nobody = || Error::internal("the first role is not there");
        let user = catalog.roles.get(&RoleId::BOOTSTRAP.0).ok_or_else(nobody)?.name.clone();
        let database = catalog.databases.values().find(|database| database.allows_connections());
        let database = database.map(|database| database.name.clone());
        // Whatever the role's own settings are.
        let options = vec![("default_transaction_read_only".to_owned(), "off".to_owned())];
        self.begin_session(&Connect {
            user,
            database,
            options,
            client_address: None,
            ends: Ends::default(),
            process_id,
        })
    }
}

async fn run(session: &mut Session, sql: &str) -> Result<()> {
    let mut script = session.script(sql)?;
    while let Some(execution) = session.run_next(&mut script).await? {
        debug_assert!(matches!(execution, Execution::Complete(_)), "a definition answers no rows");
    }
    session.end_script().await
}

#[cfg(test)]
mod tests;
