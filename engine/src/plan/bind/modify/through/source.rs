//! What a view's text says about writing through it: PostgreSQL's rules, in its order and its words.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, GroupByExpr, SetExpr, TableFactor};

use super::flat::NOT_SINGLE;
use crate::catalog::{Catalog, Table, TableKind, View};
use crate::statement::parse_query;

/// A view that cannot be written through, and which views are not.
type Refusal = (Arc<Table>, &'static str);

/// The views between the named one and a table, the named one first.
pub(super) fn chain(catalog: &Catalog, named: &Arc<Table>) -> Result<Vec<Arc<Table>>, Refusal> {
    let mut chain: Vec<Arc<Table>> = Vec::new();
    let mut next = named.clone();
    while let Some(view) = next.view() {
        if chain.iter().any(|known| known.oid == next.oid) {
            return Err((next, NOT_SINGLE));
        }
        let base = base_of(catalog, view).map_err(|why| (next.clone(), why))?;
        chain.push(std::mem::replace(&mut next, base));
    }
    Ok(chain)
}

/// The one table or view that a view's rows are rows of.
pub(super) fn base_of(catalog: &Catalog, view: &View) -> Result<Arc<Table>, &'static str> {
    let query = parse_query(&view.text).map_err(|_| NOT_SINGLE)?;
    let select = plain_select(&query)?;
    let [from] = select.from.as_slice() else { return Err(NOT_SINGLE) };
    let TableFactor::Table { name, args: None, sample, .. } = &from.relation else { return Err(NOT_SINGLE) };
    if !from.joins.is_empty() {
        return Err(NOT_SINGLE);
    }
    if sample.is_some() {
        return Err("Views containing TABLESAMPLE");
    }
    let base = view.relation_named(name).and_then(|known| catalog.tables.get(&known.oid)).ok_or(NOT_SINGLE)?;
    match base.kind {
        TableKind::Table if base.materialized.is_none() => Ok(base.clone()),
        TableKind::View(_) => Ok(base.clone()),
        _ => Err(NOT_SINGLE),
    }
}

fn plain_select(query: &ast::Query) -> Result<&ast::Select, &'static str> {
    let select = match &*query.body {
        SetExpr::Select(select) => Some(&**select),
        _ => None,
    };
    let is_grouped = |select: &ast::Select| !matches!(&select.group_by, GroupByExpr::Expressions(groups, modifiers) if groups.is_empty() && modifiers.is_empty());
    if select.is_some_and(|select| select.distinct.is_some()) {
        return Err("Views containing DISTINCT");
    }
    if select.is_some_and(is_grouped) {
        return Err("Views containing GROUP BY");
    }
    if select.is_some_and(|select| select.having.is_some()) {
        return Err("Views containing HAVING");
    }
    if matches!(&*query.body, SetExpr::SetOperation { .. }) {
        return Err("Views containing UNION, INTERSECT, or EXCEPT");
    }
    if query.with.is_some() {
        return Err("Views containing WITH");
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return Err("Views containing LIMIT or OFFSET");
    }
    match &*query.body {
        SetExpr::Query(inner) => plain_select(inner),
        _ => select.ok_or(NOT_SINGLE),
    }
}
