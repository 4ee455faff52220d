//! `nextval` and its kin. Values are taken at once and for good, whatever happens to the transaction.

use std::collections::HashMap;

use auth::{ObjectAccess, ObjectKind, Principal, Privileges, RoleId, decide};
use parking_lot::Mutex;
use storage::{SequencePosition, Store, Value};

use super::argument::{boolean, int8};
use super::define::{stable, table, volatile};
use super::{EvalContext, Function, TableFunction};
use crate::catalog::{Sequence, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::denied;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    volatile(1574, "nextval", &[REGCLASS], INT8, |context, args| {
        let named = Named::find(context, &args[0])?;
        named.authorize(context, &[Privileges::USAGE, Privileges::UPDATE])?;
        next_value(context, &named)
    }),
    volatile(1575, "currval", &[REGCLASS], INT8, current_value),
    volatile(1576, "setval", &[REGCLASS, INT8], INT8, set_value),
    volatile(1765, "setval", &[REGCLASS, INT8, BOOL], INT8, set_value),
    volatile(2559, "lastval", &[], INT8, |context, _| last_value(context)),
    volatile(4032, "pg_sequence_last_value", &[REGCLASS], INT8, |context, args| {
        let sequence = Named::find(context, &args[0])?;
        let position = sequence.position(context)?;
        Ok(if position.is_called { Value::Int8(position.last_value) } else { Value::Null })
    }),
    stable(1665, "pg_get_serial_sequence", &[TEXT, TEXT], TEXT, super::catalog_info::serial_sequence),
];

/// What an identity column takes from its own sequence: who may insert needs no privilege on that.
pub(crate) static NEXT_IDENTITY: Function = volatile(9_116, "nextval", &[REGCLASS], INT8, |context, args| {
    next_value(context, &Named::find(context, &args[0])?)
});

pub(super) const TABLE_FUNCTIONS: &[TableFunction] = &[table(
    3078,
    "pg_sequence_parameters",
    &[OID],
    &[
        ("start_value", INT8),
        ("minimum_value", INT8),
        ("maximum_value", INT8),
        ("increment", INT8),
        ("cycle_option", BOOL),
        ("cache_size", INT8),
        ("data_type", OID),
    ],
    |context, args| {
        let Named { sequence, .. } = Named::find(context, &args[0])?;
        let rule = sequence.rule;
        let row = vec![
            Value::Int8(rule.start),
            Value::Int8(rule.min),
            Value::Int8(rule.max),
            Value::Int8(rule.increment),
            Value::Bool(rule.cycle),
            Value::Int8(sequence.cache),
            Value::Int8(i64::from(sequence.value_type)),
        ];
        Ok(Box::new(std::iter::once(Ok(row))))
    },
)];

/// What a session knows of the sequences it used, and where their values come from.
#[derive(Default)]
pub struct SessionSequences {
    store: Option<Store>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// The newest value that this session took, by the oid of the sequence.
    values: HashMap<u32, i64>,
    last: Option<u32>,
}

impl std::fmt::Debug for SessionSequences {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SessionSequences").field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl SessionSequences {
    pub(crate) fn new(store: Store) -> Self {
        Self { store: Some(store), taken: Mutex::default() }
    }

    /// DISCARD SEQUENCES: `currval` and `lastval` know nothing any more.
    pub(crate) fn forget(&self) {
        *self.taken.lock() = Taken::default();
    }

    /// Where a sequence stands.
    pub(crate) fn position(&self, table: &Table, sequence: &Sequence) -> Result<SequencePosition> {
        Ok(self.store()?.sequence_position(table.storage.generation, &sequence.rule)?)
    }

    fn store(&self) -> Result<&Store> {
        self.store.as_ref().ok_or_else(|| Error::internal("a sequence was used without a store"))
    }
}

/// A sequence that a statement names.
struct Named<'a> {
    table: &'a Table,
    sequence: &'a Sequence,
}

impl<'a> Named<'a> {
    fn find(context: &'a EvalContext, oid: &Value) -> Result<Self> {
        let oid = int8(oid)?;
        let table = u32::try_from(oid).ok().and_then(|oid| context.catalog.tables.get(&oid));
        let Some(table) = table else {
            let message = format!("could not open relation with OID {oid}");
            return Err(Error::new(SqlState::UNDEFINED_TABLE, message));
        };
        match table.sequence() {
            Some(sequence) => Ok(Self { table, sequence }),
            None => Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", table.name))),
        }
    }

    /// 42501 unless the session's role has one of the privileges.
    fn authorize(&self, context: &EvalContext, any_of: &[Privileges]) -> Result<()> {
        let role = context.session.current_role;
        if role.0 == self.table.owner && self.table.acl.is_none() {
            return Ok(());
        }
        let principal = Principal::resolve(role, context.session.current_user.as_str(), context.catalog.as_ref());
        let access =
            ObjectAccess { owner: RoleId(self.table.owner), kind: ObjectKind::Sequence, acl: self.table.acl.as_ref() };
        let open = context.catalog.sequence_open_to(self.table, principal.kind());
        let may = |wanted: Privileges| decide(&principal, &access, wanted).is_allowed() || open.contains(wanted);
        match any_of.iter().any(|privileges| may(*privileges)) {
            true => Ok(()),
            false => Err(denied(ObjectKind::Sequence, &self.table.name)),
        }
    }

    /// A temporary one may be written anywhere.
    fn refuse_in_read_only(&self, context: &EvalContext, function: &str) -> Result<()> {
        if self.table.temporary.is_some() { Ok(()) } else { refuse_in_read_only(context, function) }
    }

    fn position(&self, context: &EvalContext) -> Result<SequencePosition> {
        context.session.sequences.position(self.table, self.sequence)
    }
}

fn next_value(context: &EvalContext, named: &Named<'_>) -> Result<Value> {
    named.refuse_in_read_only(context, "nextval()")?;
    let (sequences, rule) = (&context.session.sequences, &named.sequence.rule);
    let Some(value) = sequences.store()?.next_value(named.table.storage.generation, rule)? else {
        let (bound, limit) = if rule.increment > 0 { ("maximum", rule.max) } else { ("minimum", rule.min) };
        let message = format!("nextval: reached {bound} value of sequence \"{}\" ({limit})", named.table.name);
        return Err(Error::new(SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED, message));
    };
    let mut taken = sequences.taken.lock();
    taken.values.insert(named.table.oid, value);
    taken.last = Some(named.table.oid);
    Ok(Value::Int8(value))
}

fn current_value(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let named = Named::find(context, &args[0])?;
    named.authorize(context, &[Privileges::USAGE, Privileges::SELECT])?;
    let taken = context.session.sequences.taken.lock();
    taken.values.get(&named.table.oid).map(|value| Value::Int8(*value)).ok_or_else(|| {
        let message = format!("currval of sequence \"{}\" is not yet defined in this session", named.table.name);
        Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
    })
}

fn last_value(context: &EvalContext) -> Result<Value> {
    let undefined =
        || Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session");
    let oid = context.session.sequences.taken.lock().last.ok_or_else(undefined)?;
    // It may have been dropped meanwhile.
    if !context.catalog.tables.contains_key(&oid) {
        return Err(undefined());
    }
    current_value(context, &[Value::Int8(i64::from(oid))])
}

fn set_value(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let named = Named::find(context, &args[0])?;
    named.authorize(context, &[Privileges::UPDATE])?;
    named.refuse_in_read_only(context, "setval()")?;
    let value = int8(&args[1])?;
    let is_called = args.get(2).map(boolean).transpose()?.unwrap_or(true);
    let rule = &named.sequence.rule;
    if !(rule.min..=rule.max).contains(&value) {
        let message = format!(
            "setval: value {value} is out of bounds for sequence \"{}\" ({}..{})",
            named.table.name, rule.min, rule.max
        );
        return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
    }
    let sequences = &context.session.sequences;
    let position = SequencePosition { last_value: value, is_called };
    sequences.store()?.set_value(named.table.storage.generation, rule, position)?;
    if is_called {
        sequences.taken.lock().values.insert(named.table.oid, value);
    }
    Ok(Value::Int8(value))
}

fn refuse_in_read_only(context: &EvalContext, what: &str) -> Result<()> {
    if !context.read_only {
        return Ok(());
    }
    let message = format!("cannot execute {what} in a read-only transaction");
    Err(Error::new(SqlState::READ_ONLY_SQL_TRANSACTION, message))
}
