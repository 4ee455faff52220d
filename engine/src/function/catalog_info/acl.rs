//! Access control lists as values: what holds without one, and one row for each privilege in one.

use std::borrow::Cow;

use auth::{Acl, AclItem, ObjectKind, Privilege, Privileges, RoleId};
use storage::{Array, ColumnType, Value};

use super::super::argument::{boolean, text, text_of};
use super::super::define::{immutable, table};
use super::super::{EvalContext, Function, TableFunction};
use super::object;
use crate::error::{Error, SqlState};
use crate::types::oid::*;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    immutable(3943, "acldefault", &[CHAR, OID], ACLITEM_ARRAY, |context, args| {
        let letter = text(&args[0])?;
        let kind = letter
            .chars()
            .next()
            .and_then(ObjectKind::from_letter)
            .ok_or_else(|| Error::internal(format!("unrecognized objtype abbreviation: {letter}")))?;
        let owner = RoleId(object(&args[1])?.unwrap_or_default());
        let values = Acl::default_for(kind, owner).items().iter().map(|item| written(context, item)).collect();
        Ok(Value::Array(Box::new(Array::new(ColumnType::Text, values))))
    }),
    immutable(1365, "makeaclitem", &[OID, OID, TEXT, BOOL], ACLITEM, |context, args| {
        let role = |at: usize| Ok::<_, Error>(RoleId(object(&args[at])?.unwrap_or_default()));
        let mut privileges = Privileges::NONE;
        for word in text(&args[2])?.split(',').map(str::trim) {
            let privilege = Privilege::from_keyword(&word.to_ascii_uppercase()).ok_or_else(|| {
                Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized privilege type: \"{word}\""))
            })?;
            privileges |= privilege.into();
        }
        let (grantee, grantor) = (role(0)?, role(1)?);
        let grantee = (grantee.0 != 0).then_some(grantee);
        Ok(written(context, &AclItem::for_grant(grantee, grantor, privileges, boolean(&args[3])?)))
    }),
];

pub(in super::super) const TABLE_FUNCTIONS: &[TableFunction] = &[table(
    1689,
    "aclexplode",
    &[ACLITEM_ARRAY],
    &[("grantor", OID), ("grantee", OID), ("privilege_type", TEXT), ("is_grantable", BOOL)],
    |context, args| {
        let Value::Array(items) = &args[0] else { return Ok(Box::new(std::iter::empty())) };
        let mut rows = Vec::new();
        for item in items.values.iter().filter(|item| !item.is_null()) {
            let item = AclItem::parse(text(item)?, |name| role_named(context, name))
                .map_err(|_| Error::internal("an aclitem that is none"))?;
            for privilege in item.privileges.iter() {
                rows.push(Ok(vec![
                    role(item.grantor),
                    role(item.grantee.unwrap_or(RoleId(0))),
                    text_of(privilege.keyword())?,
                    Value::Bool(item.grant_options.contains(privilege.into())),
                ]));
            }
        }
        Ok(Box::new(rows.into_iter()))
    },
)];

fn role(role: RoleId) -> Value {
    Value::Int8(i64::from(role.0))
}

fn role_named(context: &EvalContext, name: &str) -> Option<RoleId> {
    let found = context.catalog.role_named(name);
    // A role that is gone is written as its oid.
    found.map(|role| RoleId(role.oid)).or_else(|| name.parse().ok().map(RoleId))
}

fn written(context: &EvalContext, item: &AclItem) -> Value {
    let name = |role: RoleId| context.catalog.roles.get(&role.0).map(|role| Cow::Owned(role.name.clone()));
    Value::Text(item.to_text(name).into())
}
