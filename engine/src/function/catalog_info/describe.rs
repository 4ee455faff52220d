//! `pg_describe_object`: an object of `pg_depend` in words.

use storage::Value;

use super::super::argument::{int4, int8, text_of};
use super::super::define::stable;
use super::super::{EvalContext, Function};
use super::{Routine, relation_of};
use crate::catalog::pg_catalog::definition::relation_name;
use crate::catalog::pg_catalog::trigger::trigger_by_oid;
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::types::Type;
use crate::types::oid::*;
use crate::types::text::{quote_identifier, registered_name};

pub(in super::super) const FUNCTIONS: &[Function] =
    &[stable(3537, "pg_describe_object", &[OID, OID, INT4], TEXT, describe)];

/// The system catalogs that have objects of users'.
mod class {
    pub(super) const TYPE: u32 = 1247;
    pub(super) const PROC: u32 = 1255;
    pub(super) const CLASS: u32 = 1259;
    pub(super) const AUTHID: u32 = 1260;
    pub(super) const DATABASE: u32 = 1262;
    pub(super) const ATTRDEF: u32 = 2604;
    pub(super) const CONSTRAINT: u32 = 2606;
    pub(super) const NAMESPACE: u32 = 2615;
    pub(super) const REWRITE: u32 = 2618;
    pub(super) const POLICY: u32 = crate::catalog::pg_catalog::PG_POLICY;
    pub(super) const TRIGGER: u32 = crate::catalog::pg_catalog::trigger::PG_TRIGGER;
}

/// The words for an object; NULL for one that is not there.
fn describe(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let number = |value: &Value| -> Result<u32> { Ok(u32::try_from(int8(value)?).unwrap_or_default()) };
    let (of, object, part) = (number(&args[0])?, number(&args[1])?, int4(&args[2])?);
    if of == 0 && object == 0 {
        return Ok(Value::Null);
    }
    let catalog = &context.catalog;
    let words = match of {
        class::CLASS => relation_of(context, object).map(|(table, index)| relation(context, table, index, part)),
        class::TYPE => {
            let shown = catalog.type_shown(Type::new(object), &context.session.search_path);
            shown.map(|name| format!("type {name}"))
        }
        class::PROC => {
            let is_one = Routine::of(object).is_some() || catalog.functions.contains_key(&object);
            let names = Some((&**catalog, &context.session.search_path[..]));
            registered_name(object, REGPROCEDURE, names).filter(|_| is_one).map(|name| format!("function {name}"))
        }
        class::AUTHID => catalog.roles.get(&object).map(|role| format!("role {}", role.name)),
        class::DATABASE => catalog.databases.get(&object).map(|database| format!("database {}", database.name)),
        class::NAMESPACE => catalog.schemas.get(&object).map(|schema| format!("schema {}", schema.name)),
        class::CONSTRAINT => constraint(context, object),
        class::ATTRDEF => default(context, object),
        class::REWRITE => rule(context, object),
        class::POLICY => policy(context, object),
        class::TRIGGER => trigger_by_oid(context, object)
            .map(|(table, trigger)| format!("trigger {} on {}", trigger.name, relation(context, table, None, 0))),
        _ => {
            let known = crate::catalog::pg_catalog::relation(of).is_some();
            let message = match known {
                true => return Err(Error::unsupported("a description of such an object")),
                false => format!("unrecognized object class: {of}"),
            };
            return Err(Error::new(SqlState("XX000"), message));
        }
    };
    words.map_or(Ok(Value::Null), text_of)
}

fn relation(context: &EvalContext, table: &Table, index: Option<&Index>, part: i32) -> String {
    let path = &context.session.search_path;
    let name = match index {
        None => format!("{} {}", table.noun(), relation_name(&context.catalog, Some(path), table)),
        Some(index) => {
            let shown = registered_name(index.oid, REGCLASS, Some((&context.catalog, path)));
            format!("index {}", shown.unwrap_or_else(|| quote_identifier(&index.name)))
        }
    };
    let column = u16::try_from(part).ok().and_then(|number| table.position_of_number(number));
    match column.filter(|_| part > 0 && index.is_none()) {
        Some(at) => format!("column {} of {name}", table.columns[at].name),
        None => name,
    }
}

fn constraint(context: &EvalContext, object: u32) -> Option<String> {
    let catalog = &context.catalog;
    let of_table = catalog.tables.values().find_map(|table| {
        let found = table.constraints.iter().find(|constraint| constraint.oid == object)?;
        Some(format!("constraint {} on {}", found.name, relation(context, table, None, 0)))
    });
    of_table.or_else(|| {
        catalog.types.values().find_map(|ty| {
            let check = ty.domain()?.checks.iter().find(|check| check.oid == object)?;
            Some(format!("constraint {} on type {}", check.name, quote_identifier(&ty.name)))
        })
    })
}

fn default(context: &EvalContext, object: u32) -> Option<String> {
    use crate::catalog::pg_catalog::default_oid;
    context.catalog.tables.values().find_map(|table| {
        let column = table.columns.iter().find(|column| default_oid(table.oid, column.number) == object)?;
        column.default.as_ref()?;
        Some(format!("default value for {}", relation(context, table, None, i32::from(column.number))))
    })
}

fn policy(context: &EvalContext, object: u32) -> Option<String> {
    let (table, policy) = context.catalog.all_policies().find(|(_, policy)| policy.oid == object)?;
    Some(format!("policy {} on {}", policy.name, relation(context, table, None, 0)))
}

fn rule(context: &EvalContext, object: u32) -> Option<String> {
    use crate::catalog::pg_catalog::rule_oid;
    let views = context.catalog.tables.values().filter(|table| table.stored_query().is_some());
    let view = views.into_iter().find(|table| rule_oid(table.oid) == object)?;
    Some(format!("rule _RETURN on {}", relation(context, view, None, 0)))
}
