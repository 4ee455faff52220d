//! `pg_policy`, `pg_policies`, and what policies depend on.

use std::sync::Arc;

use storage::Value;

use super::Reader;
use super::class::PG_CLASS;
use super::relation::row;
use crate::catalog::{PUBLIC, Policy, Table, View};

/// `pg_policy` itself, in `pg_depend` and `pg_description`.
pub(crate) const PG_POLICY: u32 = 3256;

fn all<'a>(reader: &Reader<'a>) -> impl Iterator<Item = (&'a Arc<Table>, &'a Policy)> {
    reader.catalog.all_policies()
}

/// An expression of a policy as `pg_policy` keeps it, for `pg_get_expr` to make SQL of.
fn node(policy: &Policy, part: &str) -> String {
    format!("{{policy {} {part}}}", policy.oid)
}

/// The table and the expression that such a node stands for.
pub(super) fn of_node<'a>(reader: &'a crate::catalog::Catalog, node: &str) -> Option<(&'a Arc<Table>, &'a View)> {
    let (oid, part) = node.strip_prefix("{policy ")?.strip_suffix('}')?.split_once(' ')?;
    let oid: u32 = oid.parse().ok()?;
    let (table, policy) = reader.all_policies().find(|(_, policy)| policy.oid == oid)?;
    let expression = if part == "using" { &policy.using } else { &policy.check };
    Some((table, expression.as_ref()?))
}

pub(super) fn policies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(table, policy): (&Arc<Table>, &Policy)| {
        row![
            policy.oid,
            &policy.name,
            table.oid,
            policy.command.map_or('*', |command| command.letter()),
            !policy.restrictive,
            policy.roles.clone(),
            policy.using.as_ref().map(|_| node(policy, "using")),
            policy.check.as_ref().map(|_| node(policy, "check")),
        ]
    };
    all(reader).map(row).collect()
}

/// `pg_policies`
pub(super) fn overview(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let catalog = reader.catalog;
    let row = |(table, policy): (&Arc<Table>, &Policy)| {
        let schema = catalog.schemas.get(&table.schema).map(|schema| &schema.name);
        let name = |role: &u32| match *role {
            PUBLIC => "public".to_owned(),
            role => catalog.role_name(role),
        };
        let shown = |expression: &Option<View>| {
            expression.as_ref().map(|view| super::expression::of_policy(reader.context, table, view, false))
        };
        row![
            schema,
            &table.name,
            &policy.name,
            if policy.restrictive { "RESTRICTIVE" } else { "PERMISSIVE" },
            policy.roles.iter().map(name).collect::<Vec<_>>(),
            policy.command.map_or("ALL", |command| command.word()),
            shown(&policy.using),
            shown(&policy.check),
        ]
    };
    all(reader).map(row).collect()
}

/// A policy goes with its table, and holds on to everything that its expressions name.
pub(super) fn dependencies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    const PG_PROC: u32 = 1255;
    let mut rows = Vec::new();
    for (table, policy) in all(reader) {
        rows.push(row![PG_POLICY, policy.oid, 0, PG_CLASS, table.oid, 0, 'a']);
        let mut held: Vec<(u32, u32, i32)> = Vec::new();
        for view in policy.expressions() {
            for known in &view.relations {
                let is_own = known.oid == table.oid;
                let whole = known.used.is_empty() && !is_own;
                held.extend(known.used.iter().map(|column| (PG_CLASS, known.oid, i32::from(*column))));
                held.extend(whole.then_some((PG_CLASS, known.oid, 0)));
            }
            held.extend(view.functions.iter().map(|function| (PG_PROC, *function, 0)));
        }
        held.sort_unstable();
        held.dedup();
        rows.extend(held.into_iter().map(|(class, oid, part)| row![PG_POLICY, policy.oid, 0, class, oid, part, 'n']));
    }
    rows
}
