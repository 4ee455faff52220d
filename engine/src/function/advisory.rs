//! Advisory locks: `pg_advisory_lock` and its kin.
//!
//! A function cannot wait: it runs on threads that others need. One that meets a lock somebody else has notes what it
//! wants and fails; the session then waits without a thread and runs the statement again, which finds the locks it took
//! before as its own. [`AdvisoryLocks`] is that agreement. A lock is held while it is counted, by the session or by the
//! transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use storage::{SessionLocks, Store, Transaction, Value, Wait};

use super::argument::{int4, int8, text_of};
use super::define::volatile;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

const BY_NUMBER: &[u32] = &[INT8];
const BY_PAIR: &[u32] = &[INT4, INT4];

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    volatile(2880, "pg_advisory_lock", BY_NUMBER, VOID, |context, args| wait(context, args, true, Scope::Session)),
    volatile(3089, "pg_advisory_xact_lock", BY_NUMBER, VOID, |context, args| wait(context, args, true, Scope::Transaction)),
    volatile(2881, "pg_advisory_lock_shared", BY_NUMBER, VOID, |context, args| wait(context, args, false, Scope::Session)),
    volatile(3090, "pg_advisory_xact_lock_shared", BY_NUMBER, VOID, |context, args| wait(context, args, false, Scope::Transaction)),
    volatile(2886, "pg_advisory_lock", BY_PAIR, VOID, |context, args| wait(context, args, true, Scope::Session)),
    volatile(3093, "pg_advisory_xact_lock", BY_PAIR, VOID, |context, args| wait(context, args, true, Scope::Transaction)),
    volatile(2887, "pg_advisory_lock_shared", BY_PAIR, VOID, |context, args| wait(context, args, false, Scope::Session)),
    volatile(3094, "pg_advisory_xact_lock_shared", BY_PAIR, VOID, |context, args| wait(context, args, false, Scope::Transaction)),
    volatile(2882, "pg_try_advisory_lock", BY_NUMBER, BOOL, |context, args| attempt(context, args, true, Scope::Session)),
    volatile(3091, "pg_try_advisory_xact_lock", BY_NUMBER, BOOL, |context, args| attempt(context, args, true, Scope::Transaction)),
    volatile(2883, "pg_try_advisory_lock_shared", BY_NUMBER, BOOL, |context, args| attempt(context, args, false, Scope::Session)),
    volatile(3092, "pg_try_advisory_xact_lock_shared", BY_NUMBER, BOOL, |context, args| attempt(context, args, false, Scope::Transaction)),
    volatile(2888, "pg_try_advisory_lock", BY_PAIR, BOOL, |context, args| attempt(context, args, true, Scope::Session)),
    volatile(3095, "pg_try_advisory_xact_lock", BY_PAIR, BOOL, |context, args| attempt(context, args, true, Scope::Transaction)),
    volatile(2889, "pg_try_advisory_lock_shared", BY_PAIR, BOOL, |context, args| attempt(context, args, false, Scope::Session)),
    volatile(3096, "pg_try_advisory_xact_lock_shared", BY_PAIR, BOOL, |context, args| attempt(context, args, false, Scope::Transaction)),
    volatile(2884, "pg_advisory_unlock", BY_NUMBER, BOOL, |context, args| unlock(context, args, true)),
    volatile(2885, "pg_advisory_unlock_shared", BY_NUMBER, BOOL, |context, args| unlock(context, args, false)),
    volatile(2890, "pg_advisory_unlock", BY_PAIR, BOOL, |context, args| unlock(context, args, true)),
    volatile(2891, "pg_advisory_unlock_shared", BY_PAIR, BOOL, |context, args| unlock(context, args, false)),
    volatile(2892, "pg_advisory_unlock_all", &[], VOID, |context, _| {
        context.session.advisory.unlock_all();
        text_of("")
    }),
];

/// Whether a function may have to wait.
pub(super) fn waits(function: &Function) -> bool {
    function.returns == VOID && FUNCTIONS.iter().any(|own| own.oid == function.oid && !own.args.is_empty())
}

/// How long a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Until it is unlocked as often as it was locked.
    Session,
    /// To the end of the transaction.
    Transaction,
}

/// What is locked: one number or two, which are different locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Number(i64),
    Pair(i32, i32),
}

impl Key {
    fn of(args: &[Value]) -> Result<Self> {
        match args {
            [number] => Ok(Key::Number(int8(number)?)),
            [first, second] => Ok(Key::Pair(int4(first)?, int4(second)?)),
            _ => Err(Error::internal("an advisory lock is named by one number or two")),
        }
    }

    fn name(self) -> Vec<u8> {
        match self {
            Key::Number(number) => [b"advisory:1:".as_slice(), &number.to_be_bytes()].concat(),
            Key::Pair(first, second) => {
                [b"advisory:2:".as_slice(), &first.to_be_bytes(), &second.to_be_bytes()].concat()
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    key: Key,
    exclusive: bool,
    scope: Scope,
}

/// Class, object and part of an advisory lock as `pg_locks` has them, from its name.
pub(crate) fn advisory_key(name: &[u8]) -> Option<(u32, u32, i16)> {
    let number = |at: usize, key: &[u8]| Some(u32::from_be_bytes(key.get(at..at + 4)?.try_into().ok()?));
    let (key, part) = match name.strip_prefix(b"advisory:1:") {
        Some(key) => (key, 1),
        None => (name.strip_prefix(b"advisory:2:")?, 2),
    };
    Some((number(0, key)?, number(4, key)?, part))
}

/// How often a session holds one lock.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    session: [u32; 2],
    transaction: [u32; 2],
}

impl Counts {
    fn held(self, exclusive: bool) -> bool {
        let at = usize::from(exclusive);
        self.session[at] + self.transaction[at] > 0
    }

    fn of(&mut self, request: Request) -> &mut u32 {
        let counts = match request.scope {
            Scope::Session => &mut self.session,
            Scope::Transaction => &mut self.transaction,
        };
        &mut counts[usize::from(request.exclusive)]
    }
}

/// The advisory locks of one session.
#[derive(Default)]
pub struct AdvisoryLocks {
    store: Option<Store>,
    /// Told the owner of the locks, for others to see.
    holder: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Made at first use: most sessions never lock anything.
    locks: Option<SessionLocks>,
    counts: HashMap<Key, Counts>,
    /// What the transaction took, in order.
    transaction: Vec<Request>,
    /// What the running statement took.
    statement: Vec<Request>,
    /// Of an earlier run of the statement: the next run finds them taken.
    earlier: Vec<Request>,
    awaited: Option<Request>,
    warnings: Vec<&'static str>,
}

impl std::fmt::Debug for AdvisoryLocks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AdvisoryLocks").finish_non_exhaustive()
    }
}

fn wait(context: &EvalContext, args: &[Value], exclusive: bool, scope: Scope) -> Result<Value> {
    let request = Request { key: Key::of(args)?, exclusive, scope };
    if context.session.advisory.take(request)? {
        return text_of("");
    }
    context.session.advisory.state.lock().awaited = Some(request);
    Err(Error::unsupported("waiting for an advisory lock here"))
}

fn attempt(context: &EvalContext, args: &[Value], exclusive: bool, scope: Scope) -> Result<Value> {
    Ok(Value::Bool(context.session.advisory.take(Request { key: Key::of(args)?, exclusive, scope })?))
}

fn unlock(context: &EvalContext, args: &[Value], exclusive: bool) -> Result<Value> {
    let request = Request { key: Key::of(args)?, exclusive, scope: Scope::Session };
    let mut state = context.session.advisory.state.lock();
    let held = state.give_back(request);
    if !held {
        state.warnings.push(if exclusive {
            "you don't own a lock of type ExclusiveLock"
        } else {
            "you don't own a lock of type ShareLock"
        });
    }
    Ok(Value::Bool(held))
}

impl State {
    /// Counts a lock less and lets it go with the last count. False: it was not held so.
    fn give_back(&mut self, request: Request) -> bool {
        let Some(counts) = self.counts.get_mut(&request.key) else { return false };
        let count = counts.of(request);
        if *count == 0 {
            return false;
        }
        *count -= 1;
        let counts = *counts;
        // A lock that is held both ways stays exclusive until the last of both is given back.
        if let Some(locks) = &mut self.locks
            && !counts.held(true)
            && !counts.held(false)
        {
            let name = request.key.name();
            locks.release(&name, true);
            locks.release(&name, false);
            self.counts.remove(&request.key);
        }
        true
    }

    fn count(&mut self, request: Request) {
        *self.counts.entry(request.key).or_default().of(request) += 1;
        if request.scope == Scope::Transaction {
            self.transaction.push(request);
        }
        self.statement.push(request);
    }
}

impl AdvisoryLocks {
    pub(crate) fn new(store: Store, holder: Arc<AtomicU64>) -> Self {
        Self { store: Some(store), holder, state: Mutex::default() }
    }

    fn made(&self, store: &Store) -> SessionLocks {
        let locks = store.session_locks();
        self.holder.store(locks.id().0, Ordering::Relaxed);
        locks
    }

    /// Takes a lock if it is free.
    fn take(&self, request: Request) -> Result<bool> {
        let mut state = self.state.lock();
        if let Some(at) = state.earlier.iter().position(|earlier| *earlier == request) {
            state.earlier.remove(at);
            state.statement.push(request);
            return Ok(true);
        }
        if state.locks.is_none() {
            let store = self.store.as_ref().ok_or_else(|| Error::internal("a lock was taken without a store"))?;
            state.locks = Some(self.made(store));
        }
        let counts = state.counts.get(&request.key).copied().unwrap_or_default();
        let free = match &mut state.locks {
            Some(locks) => {
                counts.held(true)
                    || (!request.exclusive && counts.held(false))
                    || locks.try_acquire(&request.key.name(), request.exclusive)
            }
            None => false,
        };
        if free {
            state.count(request);
        }
        Ok(free)
    }

    /// A statement begins: nothing of an earlier one counts any more.
    pub(crate) fn begin_statement(&self, transaction: &Transaction) {
        let mut state = self.state.lock();
        state.statement.clear();
        state.earlier.clear();
        state.awaited = None;
        if state.locks.is_none() {
            state.locks = self.store.as_ref().map(|store| self.made(store));
        }
        if let Some(locks) = &mut state.locks {
            locks.enter(transaction);
        }
    }

    /// A transaction begins; if the session holds locks, deadlocks between both must be seen.
    pub(crate) fn begin_transaction(&self, transaction: &Transaction) {
        let mut state = self.state.lock();
        if !state.counts.is_empty()
            && let Some(locks) = &mut state.locks
        {
            locks.enter(transaction);
        }
    }

    /// Waits for what the failed run of a statement wanted. False: it failed for another reason.
    pub(crate) async fn wait(&self, wait: Wait) -> Result<bool> {
        let (request, waiting) = {
            let mut state = self.state.lock();
            let Some(request) = state.awaited.take() else { return Ok(false) };
            let Some(locks) = &state.locks else { return Ok(false) };
            (request, locks.waiting(&request.key.name(), request.exclusive, wait))
        };
        let apart = waiting.await?;
        let mut state = self.state.lock();
        if let Some(locks) = &mut state.locks {
            locks.absorb(apart);
        }
        state.count(request);
        drop(state);
        self.begin_again();
        Ok(true)
    }

    /// The statement runs again, and finds what this run took.
    pub(crate) fn begin_again(&self) {
        let mut state = self.state.lock();
        state.earlier = std::mem::take(&mut state.statement);
    }

    /// How many locks the transaction has taken so far: a place to come back to.
    pub(crate) fn mark(&self) -> usize {
        self.state.lock().transaction.len()
    }

    /// Gives back what the transaction took after a place.
    pub(crate) fn release_after(&self, mark: usize) {
        let mut state = self.state.lock();
        while state.transaction.len() > mark {
            if let Some(request) = state.transaction.pop() {
                state.give_back(request);
            }
        }
    }

    /// The transaction is over.
    pub(crate) fn end_transaction(&self) {
        self.release_after(0);
        if let Some(locks) = &mut self.state.lock().locks {
            locks.leave();
        }
    }

    pub(crate) fn unlock_all(&self) {
        let mut state = self.state.lock();
        let held: Vec<(Key, Counts)> = state.counts.iter().map(|(key, counts)| (*key, *counts)).collect();
        for (key, counts) in held {
            for exclusive in [false, true] {
                let request = Request { key, exclusive, scope: Scope::Session };
                (0..counts.session[usize::from(exclusive)]).for_each(|_| {
                    state.give_back(request);
                });
            }
        }
    }

    /// What the client is to be told.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state.lock().warnings)
    }

    /// The code of a warning of [`AdvisoryLocks::warnings`].
    pub(crate) const WARNING: SqlState = SqlState("01000");
}
