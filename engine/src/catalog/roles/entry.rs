//! Roles on disk: an entry each, by oid, and *marks* that find roles otherwise.
//!
//! Marks are written by the transaction that changes the role: a role's name, each of its memberships, whether it has
//! default privileges, and, once it was dropped, since when. What is listed often would otherwise have all roles read.

use std::ops::ControlFlow;
use std::sync::Arc;

use storage::{Durability, Isolation, ReadView, Store, Transaction};

use crate::catalog::Role;
use crate::catalog::store::{Kind, key};
use crate::error::{Error, Result, SqlState};

/// What a mark is of; the second byte of its key. Stored: never renumber.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Of {
    /// Present when all roles have their marks.
    All = 1,
    Name = 2,
    Member = 3,
    Defaults = 4,
    Dropped = 5,
}

/// What the mark of a membership says of the ADMIN OPTION.
pub(super) const ADMIN: &[u8] = &[1];
const NO_ADMIN: &[u8] = &[0];

/// Roles that get their marks with one commit.
const MARKED_TOGETHER: usize = 4096;

/// The key of a role's entry.
pub(super) fn role_key(oid: u32) -> [u8; 5] {
    key(Kind::Role, oid)
}

/// What the keys of all roles' entries begin with.
pub(super) const ROLES: &[u8] = &[Kind::Role as u8];

/// The oid at the end of the key of a role or of its mark, but for the mark of its name.
pub(super) fn oid_of(key: &[u8]) -> u32 {
    key.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn mark(of: Of, rest: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![Kind::RoleMark as u8, of as u8];
    rest.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// The key under which a name leads to the oid of the role that has it.
pub(super) fn name_key(name: &str) -> Vec<u8> {
    mark(Of::Name, &[name.as_bytes()])
}

/// What the marks of the members of a role begin with. Their oids are at the ends, and the values say [`ADMIN`] of those
/// who may grant the role to others.
pub(super) fn members_prefix(group: u32) -> Vec<u8> {
    mark(Of::Member, &[&group.to_be_bytes()])
}

/// What the marks of the roles begin with that have default privileges.
pub(super) fn defaults_prefix() -> Vec<u8> {
    mark(Of::Defaults, &[])
}

/// What the marks of dropped roles begin with. They are in the order of when that was; their values are the names.
pub(super) fn dropped_prefix() -> Vec<u8> {
    mark(Of::Dropped, &[])
}

/// When a role was dropped, by its mark.
pub(super) fn dropped_at(key: &[u8]) -> i64 {
    key.get(2..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// The marks of a role, keys and values.
fn marks_of(role: &Role) -> Vec<(Vec<u8>, Vec<u8>)> {
    let oid = role.oid.to_be_bytes();
    if let Some(at) = role.deleted_at {
        // Times before 1970 are not those of a DROP ROLE.
        return vec![(mark(Of::Dropped, &[&at.max(0).to_be_bytes(), &oid]), role.name.clone().into_bytes())];
    }
    let mut marks = vec![(name_key(&role.name), oid.to_vec())];
    for group in &role.member_of {
        let admin = if role.admin_of.contains(group) { ADMIN } else { NO_ADMIN };
        marks.push((mark(Of::Member, &[&group.to_be_bytes(), &oid]), admin.to_vec()));
    }
    if !role.default_acls.is_empty() {
        marks.push((mark(Of::Defaults, &[&oid]), Vec::new()));
    }
    marks
}

/// Writes the marks of a role that is changed by the transaction.
pub(in crate::catalog) fn save_marks(
    transaction: &mut Transaction,
    before: Option<&Role>,
    after: Option<&Role>,
) -> Result<()> {
    let [before, after] = [before, after].map(|role| role.map(marks_of).unwrap_or_default());
    for (key, _) in before.iter().filter(|(key, _)| !after.iter().any(|(kept, _)| kept == key)) {
        transaction.delete_entry(key)?;
    }
    for (key, value) in after.into_iter().filter(|mark| !before.contains(mark)) {
        transaction.put_entry(&key, value)?;
    }
    Ok(())
}

/// Says that all roles have their marks.
pub(in crate::catalog) fn say_complete(transaction: &mut Transaction) -> Result<()> {
    Ok(transaction.put_entry(&mark(Of::All, &[]), Vec::new())?)
}

/// Gives the roles of a store their marks if an older version has written it.
pub(in crate::catalog) async fn complete_marks(store: &Store) -> Result<()> {
    if store.view().get_entry(&mark(Of::All, &[]))?.is_some() {
        return Ok(());
    }
    let mut from = Some(0);
    while let Some(first) = from {
        let (roles, upto) = read_page(&store.view(), first, MARKED_TOGETHER)?;
        from = upto.checked_add(1);
        let mut transaction = store.begin(Isolation::ReadCommitted);
        transaction.begin_command();
        for (_, value) in &roles {
            save_marks(&mut transaction, None, Some(&*decode(value)?))?;
        }
        if from.is_none() {
            say_complete(&mut transaction)?;
        }
        transaction.commit(Durability::Sync).await?;
    }
    Ok(())
}

/// The entries of as many roles from an oid on, and the last oid that can be among them.
#[allow(clippy::type_complexity)]
pub(super) fn read_page(view: &ReadView, first: u32, count: usize) -> Result<(Vec<(u32, Vec<u8>)>, u32)> {
    let mut roles = Vec::new();
    view.walk_entries(ROLES, &role_key(first), &mut |key, value| {
        roles.push((oid_of(key), value.to_vec()));
        if roles.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let upto = roles.last().filter(|_| roles.len() >= count).map_or(u32::MAX, |(oid, _)| *oid);
    Ok((roles, upto))
}

/// A role as its entry has it.
pub(super) fn decode(value: &[u8]) -> Result<Arc<Role>> {
    serde_json::from_slice(value).map(Arc::new).map_err(|error| {
        Error::new(SqlState::DATA_CORRUPTED, format!("the catalog's entry of a role cannot be read: {error}"))
    })
}
