//! Views: a view in FROM is bound from its text, under the names that its relations had when it was made.
//!
//! Making a view goes the other way: while its query is bound, the binder records what every name of a relation and
//! every `*` came to, and `ViewText` writes that into the text.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, Spanned};
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use super::names::QualifiedName;
use super::query::Unknowns;
use super::{Binder, ROUTINE, Scope, ScopeColumn, ScopeRelation};
use crate::catalog::view::MARK;
use crate::catalog::{Table, View, ViewRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::plan::relation::{CheckAs, Column, Query, Relation, RelationUse};
use crate::plan::system_column::{SeesDeleted, SystemColumns};
use crate::statement::{offset_in, parse_query};
use crate::types::Type;
use crate::types::text::quote_identifier;

/// What the names and stars of a query came to.
#[derive(Default)]
pub(super) struct Record {
    relations: Vec<(Span, Arc<Table>)>,
    /// Functions that SQL defined, by oid, and how each was spelt.
    functions: Vec<(Span, u32, String)>,
    stars: Vec<(Span, String)>,
}

/// A bound query that is to become a view.
pub(crate) struct BoundView {
    pub(crate) query: Query,
    pub(crate) view: View,
}

impl<'a> Binder<'a> {
    /// Binds the query of a materialized view, whose text the binder has.
    pub(crate) fn stored_query(&mut self, view: &'a View) -> Result<Query> {
        self.inside = Some(view);
        let query = parse_query(&view.text)?;
        self.query(&query).map_err(Error::without_position)
    }
}

impl Binder<'_> {
    /// Binds the query of a new view, which stands in the statement's text between these places.
    pub(crate) fn new_view(&mut self, query: &ast::Query, from: Location, to: Location) -> Result<BoundView> {
        self.record = Some(Record::default());
        let bound = self.query(query)?;
        let record = self.record.take().unwrap_or_default();
        if !bound.params.is_empty() {
            return Err(Error::new(SqlState::UNDEFINED_PARAMETER, "there is no parameter $1"));
        }
        let view = self.view_of(record, &bound.uses, from, to)?;
        Ok(BoundView { query: bound, view })
    }

    /// Where what `bind` binds calls functions that SQL defined, and which, by oid.
    pub(crate) fn functions_called<T>(
        &mut self,
        bind: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Vec<(Location, u32)>> {
        self.record = Some(Record::default());
        let bound = bind(self);
        let record = self.record.take().unwrap_or_default();
        bound?;
        Ok(record.functions.into_iter().map(|(span, oid, _)| (span.start, oid)).collect())
    }

    /// The text between the places with its relations marked and its stars written out.
    pub(super) fn view_of(&self, record: Record, uses: &[RelationUse], from: Location, to: Location) -> Result<View> {
        let place = |location| {
            offset_in(self.text, location).ok_or_else(|| Error::unsupported("TABLE as a part of a view's query"))
        };
        let mut relations: Vec<ViewRelation> = Vec::new();
        let mut edits: Vec<(usize, usize, String)> = Vec::new();
        for (span, table) in record.relations {
            let at = match relations.iter().position(|known| known.oid == table.oid) {
                Some(at) => at,
                None => {
                    relations.push(self.view_relation(&table, uses));
                    relations.len() - 1
                }
            };
            edits.push((place(span.start)?, place(span.end)?, format!("{MARK}.\"{at}\"")));
        }
        let mut functions: Vec<u32> = Vec::new();
        for (span, oid, name) in record.functions {
            if !functions.contains(&oid) {
                functions.push(oid);
            }
            edits.push((
                place(span.start)?,
                place(span.end)?,
                format!("{ROUTINE}.\"{oid}\".{}", quote_identifier(&name)),
            ));
        }
        for (span, columns) in record.stars {
            let (start, end) = (place(span.start)?, place(span.end)?);
            // `TABLE t` has a star that nobody wrote.
            let is_table = self.text.get(start..end).is_some_and(|word| word.eq_ignore_ascii_case("table"));
            edits.push((start, end, if is_table { format!("SELECT {columns} FROM") } else { columns }));
        }
        edits.sort_unstable();
        edits.dedup();
        let (mut at, end) = (place(from)?, place(to)?);
        let mut text = String::with_capacity(end - at);
        for (start, stop, new) in edits {
            text.push_str(self.text.get(at..start).ok_or_else(overlap)?);
            text.push_str(&new);
            at = stop;
        }
        text.push_str(self.text.get(at..end).ok_or_else(overlap)?);
        Ok(View { text, relations, functions, read_as: None })
    }

    pub(super) fn view_relation(&self, table: &Table, uses: &[RelationUse]) -> ViewRelation {
        let schema = self.catalog.schemas.get(&table.schema).map_or_else(String::new, |schema| schema.name.clone());
        let own = uses.iter().filter(|used| used.table.oid == table.oid && used.check_as == CheckAs::Caller);
        let mut used: Vec<u16> = own.flat_map(|used| used.columns.iter().copied()).collect();
        used.sort_unstable();
        used.dedup();
        let columns = table.columns.iter().map(|column| (column.number, column.name.clone())).collect();
        ViewRelation { oid: table.oid, schema, name: table.name.clone(), columns, used }
    }

    /// Records what the name of a relation means.
    pub(super) fn record_name(&mut self, name: &ast::ObjectName, table: &Arc<Table>) {
        if let Some(record) = &mut self.record {
            record.relations.push((name.span(), table.clone()));
        }
    }

    /// Records which function that SQL defined a name means.
    pub(super) fn record_function(&mut self, name: &ast::ObjectName, oid: u32) {
        if let (Some(record), Some(own)) = (&mut self.record, name.0.last().and_then(|part| part.as_ident())) {
            record.functions.push((name.span(), oid, super::fold(own)));
        }
    }

    /// Records the columns that a star of these places stands for.
    pub(super) fn record_star(&mut self, span: Span, columns: &[ScopeColumn], scope: &Scope) -> Result<()> {
        if self.record.is_none() {
            return Ok(());
        }
        let names: Vec<String> = columns.iter().map(|column| self.spelt(column, scope)).collect::<Result<_>>()?;
        if let Some(record) = &mut self.record {
            record.stars.push((span, names.join(", ")));
        }
        Ok(())
    }

    /// How a column in sight can be named so that nothing else is meant.
    fn spelt(&self, column: &ScopeColumn, scope: &Scope) -> Result<String> {
        let name = quote_identifier(&column.name);
        let outer = self.outer.iter().rev().map(|level| &level.scope);
        let relations: Vec<&Arc<ScopeRelation>> =
            std::iter::once(scope).chain(outer).flat_map(|scope| &scope.relations).collect();
        let has = |relation: &&&Arc<ScopeRelation>| {
            column.var().is_some() && relation.columns.iter().any(|own| own.var() == column.var())
        };
        // What JOIN … USING has merged belongs to no relation.
        let Some(relation) = relations.iter().find(has) else { return Ok(name) };
        if relation.columns_named(&column.name).nth(1).is_some() {
            return Err(Error::unsupported("a star over several columns of one name in a view"));
        }
        let qualifier = quote_identifier(&relation.name);
        if relations.iter().filter(|other| other.name == relation.name).count() == 1 {
            return Ok(format!("{qualifier}.{name}"));
        }
        let schema = relation.table.as_ref().and_then(|table| self.catalog.schemas.get(&table.schema));
        match schema {
            Some(schema) if !relation.aliased => Ok(format!("{}.{qualifier}.{name}", quote_identifier(&schema.name))),
            _ => Err(Error::unsupported("a star over relations of one name in a view")),
        }
    }

    /// The relation that a mark in a view's text stands for, and how the text knows it.
    pub(super) fn marked(&self, name: &QualifiedName) -> Result<Option<(Arc<Table>, ViewRelation)>> {
        let (Some(view), Some(MARK)) = (self.inside, name.schema.as_deref()) else { return Ok(None) };
        let relation = name.name.parse().ok().and_then(|at: usize| view.relations.get(at));
        let relation = relation.ok_or_else(|| Error::internal("a view's text names a relation it does not know"))?;
        let table = self.catalog.tables.get(&relation.oid);
        let table = table.ok_or_else(|| Error::internal("a view outlived its table"))?;
        Ok(Some((table.clone(), relation.clone())))
    }

    /// Binds what a view in FROM stands for; the columns are those of the view, in order.
    pub(crate) fn expanded(&mut self, table: &Arc<Table>, view: &View) -> Result<(Relation, Vec<(usize, Column)>)> {
        if self.expanding.contains(&table.oid) {
            let message = format!("infinite recursion detected in rules for relation \"{}\"", table.name);
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        let query = parse_query(&view.text)?;
        self.nested(|outer| {
            let mut inner = Binder::new(outer.catalog, outer.context, &[]).with_text(&view.text);
            inner.next_var = outer.next_var;
            inner.depth = outer.depth;
            inner.inside = Some(view);
            inner.expanding = outer.expanding.clone();
            inner.expanding.push(table.oid);
            inner.policing = outer.policing.clone();
            let own = table.checks_beneath_as();
            inner.reads_as = match own {
                CheckAs::Role(owner) => Some(owner),
                CheckAs::Caller | CheckAs::Session => None,
            };
            inner.calls = outer.calls.inside(outer.record.is_some() || outer.is_showing());
            let bound = inner.bind_query(&query, Unknowns::Text)?.without_locking()?;
            let bound = inner.exact(bound);
            let (next_var, waits, keeps_rows) = (inner.next_var, inner.waits, inner.keeps_rows);
            let uses = std::mem::take(&mut inner.uses);
            outer.next_var = next_var;
            outer.waits |= waits;
            outer.keeps_rows |= keeps_rows;
            outer.calls_volatile |= inner.calls_volatile;
            outer.calls.take(std::mem::take(&mut inner.calls));
            for used in uses {
                let check_as = if used.check_as == CheckAs::Caller { own } else { used.check_as };
                outer.uses.push(RelationUse { check_as, ..used });
            }
            let columns: Vec<(usize, Column)> =
                bound.outputs.iter().map(|output| output.column).enumerate().take(table.columns.len()).collect();
            let same = |(at, column): &(usize, Column)| table.columns[*at].ty.oid == column.ty.oid;
            if columns.len() != table.columns.len() || !columns.iter().all(same) {
                return Err(Error::internal("a view's query does not answer the view's columns"));
            }
            let relation =
                if table.is_switched_on("security_barrier") { barrier(bound.relation) } else { bound.relation };
            Ok((relation, columns))
        })
        // Errors in the view's text have no place in the statement's.
        .map_err(Error::without_position)
    }

    /// Names for a relation of a view's text: what it had when the view was made, and nothing that came later.
    pub(super) fn known_names(
        &self,
        table: &Arc<Table>,
        known: &ViewRelation,
        alias: Option<&str>,
        columns: &[(usize, Column)],
    ) -> ScopeRelation {
        let column = |(number, name): &(u16, String)| {
            let at = table.position_of_number(*number);
            let found = at.and_then(|at| columns.iter().find(|(position, _)| *position == at));
            match found {
                Some((_, column)) => ScopeColumn::new(name.as_str(), *column, Some((table.oid, *number))),
                // It is gone, and nothing names it. It keeps its place among an alias's columns.
                None => ScopeColumn {
                    name: name.clone(),
                    expr: Expr::constant(storage::Value::Null, Type::new(crate::types::oid::TEXT)),
                    origin: None,
                },
            }
        };
        ScopeRelation {
            name: alias.unwrap_or(&known.name).to_owned(),
            table: Some(table.clone()),
            aliased: alias.is_some(),
            nullable: false,
            scalar: false,
            mark: None,
            system: SystemColumns::default(),
            sees_deleted: SeesDeleted::default(),
            columns: known.columns.iter().map(column).collect(),
        }
    }

    /// The schema under which the text of a view knows a relation.
    pub(super) fn known_schema(&self, relation: u32) -> Option<&str> {
        let known = self.inside?.relations.iter().find(|known| known.oid == relation)?;
        Some(&known.schema)
    }
}

/// The rows of a view whose conditions must be tested before any other: nothing moves past a limit, though it limits
/// nothing.
pub(super) fn barrier(relation: Relation) -> Relation {
    let limit = Some(Expr::constant(storage::Value::Int8(i64::MAX), Type::new(crate::types::oid::INT8)));
    Relation::Limit { input: Box::new(relation), limit, offset: None, with_ties: false }
}

fn overlap() -> Error {
    Error::internal("the names of a view's text overlap")
}
