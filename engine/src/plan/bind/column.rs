//! Column references: `x`, `t.x`, `schema.t.x`, looked up in the scope and then in the enclosing queries.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Ident;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::names::fold;
use super::system::may_be_system;
use super::walk::outward;
use super::{Binder, Place, Scope, ScopeColumn, ScopeRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::statement::mend::{ALL_FIELDS, MARK};

/// Farthest misspelling that is still suggested, in edits (PostgreSQL's MAX_FUZZY_DISTANCE).
const SUGGESTION_DISTANCE_MAX: usize = 3;

/// What stands before the star of `relation.*` as a value.
pub(super) fn star(parts: &[Ident]) -> Option<&[Ident]> {
    let (last, of) = parts.split_last()?;
    (last.quote_style == Some(MARK) && last.value == ALL_FIELDS && !of.is_empty()).then_some(of)
}

impl Binder<'_> {
    /// An unqualified name.
    pub(super) fn unqualified(&mut self, ident: &Ident, at: Place<'_>) -> Result<Expr> {
        let name = fold(ident);
        if ident.quote_style.is_none() && ["current_schema", "current_role"].contains(&name.as_str()) {
            return self.keyword(&name, ident.span);
        }
        let found = self.in_sight(&name, at.scope).map_err(|error| error.at(self.position(ident.span)))?;
        let has_variables = self.has_variables();
        if let Some((column, depth)) = found {
            if has_variables && let Some(variable) = self.variable_named(&[&name], true) {
                return variable.map_err(|error| error.at(self.position(ident.span)));
            }
            return self.reference(column, depth, at, ident.span);
        }
        let relation = self.relation_in_sight(None, &name, at.scope);
        let relation = relation.map_err(|error| error.at(self.position(ident.span)))?;
        if has_variables && let Some(variable) = self.variable_named(&[&name], relation.is_some()) {
            return variable.map_err(|error| error.at(self.position(ident.span)));
        }
        if let Some((relation, depth)) = relation {
            return self.whole_row_value(&relation, depth, ident.span, at);
        }
        if let Some(argument) = self.argument_named(&name) {
            return argument;
        }
        if let Some(error) = at.clause.column_refusal() {
            return Err(error.at(self.position(ident.span)));
        }
        let error = Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"));
        Err(self.suggest(error, &name, None, at.scope).at(self.position(ident.span)))
    }

    /// The relation in `relation.*`, and how far out it is.
    pub(super) fn named_star(&mut self, of: &[Ident], at: Place<'_>) -> Result<(ScopeRelation, usize)> {
        let names: Vec<String> = of.iter().map(fold).collect();
        let (schema, table) = match names.as_slice() {
            [table] => (None, table),
            [schema, table] => (Some(schema.as_str()), table),
            _ => return Err(Error::unsupported("* of a name with so many dots").at(self.position(of[0].span))),
        };
        let found = self.relation_in_sight(schema, table, at.scope);
        match found.map_err(|error| error.at(self.position(of[0].span)))? {
            Some((relation, depth)) => Ok((relation.as_ref().clone(), depth)),
            None => Err(self.missing_relation(schema, table).at(self.position(of[0].span))),
        }
    }

    /// A qualified name.
    pub(super) fn qualified(&mut self, parts: &[Ident], at: Place<'_>) -> Result<Expr> {
        let span = parts[0].span;
        if let Some(of) = star(parts) {
            let (relation, depth) = self.named_star(of, at)?;
            return self.whole_row_value(&relation, depth, span, at);
        }
        let names: Vec<String> = parts.iter().map(fold).collect();
        if self.has_variables() && names.len() > 1 {
            let is_column = self.is_column_in_sight(&names, at.scope);
            let dotted: Vec<&str> = names.iter().map(String::as_str).collect();
            if let Some(variable) = self.variable_named(&dotted, is_column) {
                return variable.map_err(|error| error.at(self.position(span)));
            }
        }
        let (schema, table, column) = match names.as_slice() {
            [_] => return self.unqualified(&parts[0], at),
            [table, column] => (None, table, column),
            [schema, table, column] => (Some(schema.as_str()), table, column),
            [database, schema, table, column] if *database == self.context.session.database => {
                (Some(schema.as_str()), table, column)
            }
            _ => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("improper qualified name (too many dotted names): {}", names.join(".")),
                )
                .at(self.position(span)));
            }
        };
        let found = self.relation_in_sight(schema, table, at.scope);
        let Some((relation, depth)) = found.map_err(|error| error.at(self.position(span)))? else {
            if let Some(argument) = schema.is_none().then(|| self.argument_qualified(table, column)).flatten() {
                return argument.map_err(|error| error.at(self.position(span)));
            }
            return Err(self.missing_relation(schema, table).at(self.position(span)));
        };
        let mut matches = relation.columns_named(column);
        let Some(first) = matches.next() else {
            if may_be_system(column)
                && let Some(column) = relation.system_column(column)?
            {
                return self.reference(column, depth, at, span);
            }
            let error = Error::new(SqlState::UNDEFINED_COLUMN, format!("column {table}.{column} does not exist"));
            return Err(self.suggest(error, column, Some(table), at.scope).at(self.position(span)));
        };
        if matches.next().is_some() {
            return Err(ambiguous(column).at(self.position(span)));
        }
        let first = first.clone();
        self.reference(first, depth, at, span)
    }

    /// Whether a dotted name is that of a column in sight.
    fn is_column_in_sight(&self, names: &[String], scope: &Scope) -> bool {
        let (schema, table, column) = match names {
            [table, column] => (None, table, column),
            [schema, table, column] => (Some(schema.as_str()), table, column),
            _ => return false,
        };
        match self.relation_in_sight(schema, table, scope) {
            Ok(Some((relation, _))) => relation.columns_named(column).next().is_some(),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// The relation of a name, and how many borders away it is. 42P09 if the nearest scope has several.
    pub(super) fn relation_in_sight(
        &self,
        schema: Option<&str>,
        name: &str,
        scope: &Scope,
    ) -> Result<Option<(Arc<ScopeRelation>, usize)>> {
        let scopes = std::iter::once(scope).chain(self.outer.iter().rev().map(|level| &level.scope));
        for (depth, scope) in scopes.enumerate() {
            let mut found = scope.relations.iter().filter(|relation| match schema {
                None => relation.name == name,
                Some(schema) => relation.name == name && !relation.aliased && self.is_in_schema(relation, schema),
            });
            if let Some(relation) = found.next() {
                if found.next().is_some() {
                    let message = format!("table reference \"{name}\" is ambiguous");
                    return Err(Error::new(SqlState::AMBIGUOUS_ALIAS, message));
                }
                return Ok(Some((relation.clone(), depth)));
            }
        }
        Ok(None)
    }

    fn is_in_schema(&self, relation: &ScopeRelation, schema: &str) -> bool {
        let Some(table) = &relation.table else { return false };
        if let Some(known) = self.known_schema(table.oid) {
            return known == schema;
        }
        self.catalog.schemas.get(&table.schema).is_some_and(|found| found.name == schema)
    }

    /// The column of an unqualified name, and how many borders away it is. 42702 if the nearest scope has several.
    pub(super) fn in_sight(&self, name: &str, scope: &Scope) -> Result<Option<(ScopeColumn, usize)>> {
        let scopes = std::iter::once(scope).chain(self.outer.iter().rev().map(|level| &level.scope));
        for (depth, scope) in scopes.enumerate() {
            let mut matches = scope.columns.iter().filter(|column| column.name == name);
            if let Some(first) = matches.next() {
                if matches.next().is_some() {
                    return Err(ambiguous(name));
                }
                return Ok(Some((first.clone(), depth)));
            }
            let mut system = scope.system_columns(name)?;
            if let Some(column) = system.pop() {
                return if system.is_empty() { Ok(Some((column, depth))) } else { Err(ambiguous(name)) };
            }
        }
        Ok(None)
    }

    /// An expression for a column found `depth` borders away.
    pub(super) fn reference(&mut self, column: ScopeColumn, depth: usize, at: Place<'_>, span: Span) -> Result<Expr> {
        if let Some(error) = at.clause.column_refusal() {
            return Err(error.at(self.position(span)));
        }
        self.note_column(&column);
        if depth == 0 {
            return Ok(column.expr);
        }
        let innermost = self.outer.len() - depth;
        if let Some(words) = self.outer[innermost].refusal {
            let relation = self.relation_named_by(&column).unwrap_or_default();
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("invalid reference to FROM-clause entry for table \"{relation}\""),
            )
            .with_detail(words)
            .at(self.position(span)));
        }
        self.outer[innermost].named = true;
        for level in &mut self.outer[innermost..] {
            level.crossed = true;
        }
        outward(column.expr, depth)
    }

    fn relation_named_by(&self, column: &ScopeColumn) -> Option<String> {
        let var = column.var()?;
        let relations = self.outer.iter().flat_map(|level| &level.scope.relations);
        relations
            .into_iter()
            .find(|relation| relation.columns.iter().any(|c| c.var() == Some(var)))
            .map(|r| r.name.clone())
    }

    /// Notes that a table's column is read.
    pub(super) fn note_column(&mut self, column: &ScopeColumn) {
        self.target_read |= column.var().is_some_and(|var| self.target_columns.contains(&var.0));
        let Some((table, number)) = column.origin else { return };
        let known = self.uses.iter_mut().find(|used| used.is(table, auth::Privileges::SELECT));
        match known {
            Some(used) => {
                if !used.columns.contains(&number) {
                    used.columns.push(number);
                }
            }
            // The target of a write is noted as written; whoever reads its columns needs SELECT too.
            None => {
                if let Some(table) = self.catalog.tables.get(&table).cloned() {
                    self.note_use(&table, auth::Privileges::SELECT, &[number]);
                }
            }
        }
    }

    /// 42P01 for a qualifier that names nothing in sight.
    pub(super) fn missing_relation(&self, schema: Option<&str>, name: &str) -> Error {
        let exact = self.ranges.iter().rev().find(|range| range.name == name);
        if exact.is_some() {
            return Error::new(
                SqlState::UNDEFINED_TABLE,
                format!("invalid reference to FROM-clause entry for table \"{name}\""),
            )
            .with_hint(format!(
                "There is an entry for table \"{name}\", but it cannot be referenced from this part of the query."
            ));
        }
        let table = self.catalog.find_table(schema, name, &self.context.session.search_path);
        let aliased = table.and_then(|table| self.ranges.iter().rev().find(|range| range.table == Some(table.oid)));
        match aliased {
            Some(range) => Error::new(
                SqlState::UNDEFINED_TABLE,
                format!("invalid reference to FROM-clause entry for table \"{name}\""),
            )
            .with_hint(format!("Perhaps you meant to reference the table alias \"{}\".", range.name)),
            None => Error::new(SqlState::UNDEFINED_TABLE, format!("missing FROM-clause entry for table \"{name}\"")),
        }
    }

    /// Adds "Perhaps you meant …" for a name that is nearly right.
    fn suggest(&self, error: Error, name: &str, qualifier: Option<&str>, scope: &Scope) -> Error {
        let mut best = SUGGESTION_DISTANCE_MAX + 1;
        let mut candidates: Vec<String> = Vec::new();
        let scopes = std::iter::once(scope).chain(self.outer.iter().rev().map(|level| &level.scope));
        for relation in scopes.flat_map(|scope| &scope.relations) {
            let penalty = qualifier.map_or(0, |qualifier| distance(qualifier, &relation.name));
            if penalty > best {
                continue;
            }
            for column in &relation.columns {
                let away = distance(&column.name, name);
                if away > name.chars().count() / 2 {
                    continue;
                }
                let away = away + penalty;
                if away < best {
                    best = away;
                    candidates.clear();
                }
                if away == best && best <= SUGGESTION_DISTANCE_MAX {
                    candidates.push(format!("\"{}.{}\"", relation.name, column.name));
                }
            }
        }
        match candidates.as_slice() {
            [one] => error.with_hint(format!("Perhaps you meant to reference the column {one}.")),
            [one, other] => {
                error.with_hint(format!("Perhaps you meant to reference the column {one} or the column {other}."))
            }
            _ => error,
        }
    }

    /// "t.x" for a column of the query being bound, for errors about grouping.
    pub(super) fn column_title(&self, expr: &Expr, scope: &Scope) -> String {
        let var = match expr.kind {
            ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } => var,
            _ => return "?column?".to_owned(),
        };
        for relation in &scope.relations {
            if let Some(column) = relation.columns.iter().find(|column| column.var() == Some(var)) {
                return format!("{}.{}", relation.name, column.name);
            }
        }
        scope
            .columns
            .iter()
            .find(|column| column.var() == Some(var))
            .map_or_else(|| "?column?".to_owned(), |column| column.name.clone())
    }
}

fn ambiguous(name: &str) -> Error {
    Error::new(SqlState::AMBIGUOUS_COLUMN, format!("column reference \"{name}\" is ambiguous"))
}

/// Levenshtein distance. Identifiers have at most 63 bytes, so the table is small.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
