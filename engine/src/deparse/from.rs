//! FROM: relations under names that nothing around them has, and joins.

use super::{INDENT, INDENT_LINE, Writer, unwritable};
use crate::catalog::pg_catalog::definition::relation_name;
use crate::error::Result;
use crate::plan::relation::JoinKind;
use crate::plan::shown::{ShownFrom, ShownItem, ShownOn, ShownSource};
use crate::types::text::quote_identifier;

impl Writer<'_> {
    /// Decides what the relations of a FROM clause are called, and their columns.
    pub(super) fn name_relations(&mut self, from: &[ShownFrom]) -> Result<()> {
        from.iter().try_for_each(|item| self.name_relation(item))
    }

    fn name_relation(&mut self, from: &ShownFrom) -> Result<()> {
        let item = match from {
            ShownFrom::Join { left, right, on, .. } => {
                self.name_relation(left)?;
                self.name_relation(right)?;
                if let ShownOn::Using { alias: Some(alias), .. } = on {
                    self.taken_name(alias);
                }
                return Ok(());
            }
            ShownFrom::Named { join, name, columns, .. } => {
                self.name_relation(join)?;
                self.taken_name(name);
                for column in columns {
                    let Some(var) = column.var else { continue };
                    self.names.insert(var, format!("{}.{}", quote_identifier(name), quote_identifier(&column.name)));
                    self.titles.insert(var, column.name.clone());
                }
                return Ok(());
            }
            ShownFrom::Item(item) => item,
        };
        let own = self.own_name(item);
        let name = self.taken_name(&own);
        for (system, column) in item.system.numbered() {
            self.names.insert(column.var, format!("{}.{}", quote_identifier(&name), system.name()));
            self.titles.insert(column.var, system.name().to_owned());
        }
        for column in &item.columns {
            let title = self.column_title(item, &column.name, column.number)?;
            if let Some(var) = column.var {
                self.names.insert(var, format!("{}.{}", quote_identifier(&name), quote_identifier(&title)));
                self.titles.insert(var, title);
            }
        }
        Ok(())
    }

    /// An alias, or the name that a table has now.
    fn own_name(&self, item: &ShownItem) -> String {
        match &item.source {
            ShownSource::Table { oid, .. } if !item.aliased => {
                self.context.catalog.tables.get(oid).map_or_else(|| item.name.clone(), |table| table.name.clone())
            }
            _ => item.name.clone(),
        }
    }

    /// The name that a column has now: one that an alias gave it stays.
    fn column_title(&self, item: &ShownItem, name: &str, number: Option<u16>) -> Result<String> {
        let ShownSource::Table { oid, .. } = &item.source else { return Ok(name.to_owned()) };
        if item.names_columns {
            return Ok(name.to_owned());
        }
        let table = self.context.catalog.tables.get(oid).ok_or_else(|| unwritable("a table that is gone"))?;
        let position = number.and_then(|number| table.position_of_number(number));
        Ok(position.map_or_else(|| name.to_owned(), |at| table.columns[at].name.clone()))
    }

    /// A name that no relation of this query or of those around it has.
    fn taken_name(&mut self, wanted: &str) -> String {
        let is_taken = |name: &str| self.taken.iter().flatten().any(|taken| taken == name);
        let mut name = wanted.to_owned();
        let mut number = 1;
        while is_taken(&name) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        if let Some(level) = self.taken.last_mut() {
            level.push(name.clone());
        }
        name
    }

    pub(super) fn from(&mut self, from: &[ShownFrom]) -> Result<()> {
        for (at, item) in from.iter().enumerate() {
            if at == 0 {
                self.line(" FROM ", -INDENT, INDENT, 2);
                self.relation(item)?;
                continue;
            }
            self.push(", ");
            let written = self.aside(|writer| writer.relation(item))?;
            if written.starts_with('\n') {
                let end = self.out.trim_end_matches(' ').len();
                self.out.truncate(end);
            } else {
                self.line("", -INDENT, INDENT, INDENT_LINE);
            }
            self.push(&written);
        }
        Ok(())
    }

    fn relation(&mut self, from: &ShownFrom) -> Result<()> {
        match from {
            ShownFrom::Item(item) => self.item(item),
            ShownFrom::Join { kind, left, right, on } => self.enclosed(|writer| writer.join(*kind, left, right, on)),
            ShownFrom::Named { join, name, names_columns, columns } => {
                self.push("(");
                match &**join {
                    ShownFrom::Join { kind, left, right, on } => self.join(*kind, left, right, on)?,
                    other => self.relation(other)?,
                }
                self.push(&format!(") {}", quote_identifier(name)));
                if *names_columns {
                    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
                    self.names_in_parentheses(&names);
                }
                Ok(())
            }
        }
    }

    fn join(&mut self, kind: JoinKind, left: &ShownFrom, right: &ShownFrom, on: &ShownOn) -> Result<()> {
        self.relation(left)?;
        let word = match (kind, on) {
            (JoinKind::Inner | JoinKind::Cross, ShownOn::Nothing) => " CROSS JOIN ",
            (JoinKind::Inner | JoinKind::Cross, _) => " JOIN ",
            (JoinKind::Left, _) => " LEFT JOIN ",
            (JoinKind::Right, _) => " RIGHT JOIN ",
            (JoinKind::Full, _) => " FULL JOIN ",
            (JoinKind::Semi | JoinKind::Anti, _) => return Err(unwritable("this join")),
        };
        self.line(word, -INDENT, INDENT, INDENT_LINE);
        let enclosed = self.pretty && matches!(right, ShownFrom::Join { .. });
        if enclosed {
            self.push("(");
        }
        self.relation(right)?;
        if enclosed {
            self.push(")");
        }
        match on {
            ShownOn::Nothing if matches!(kind, JoinKind::Inner | JoinKind::Cross) => {}
            ShownOn::Nothing => self.push(" ON TRUE"),
            ShownOn::Condition(condition) => {
                self.push(" ON ");
                self.enclosed(|writer| writer.expr(condition, false))?;
            }
            ShownOn::Using { columns, alias } => {
                // A column that was renamed is not shared by its name any more.
                let shared = |side: &ShownFrom| columns.iter().all(|name| self.has_column(side, name));
                if !shared(left) || !shared(right) {
                    return Err(unwritable("a join by columns that were renamed"));
                }
                self.push(" USING ");
                self.names_in_parentheses(columns);
                if let Some(alias) = alias {
                    self.push(&format!(" AS {}", quote_identifier(alias)));
                }
            }
        }
        Ok(())
    }

    fn has_column(&self, from: &ShownFrom, name: &str) -> bool {
        match from {
            ShownFrom::Join { left, right, .. } => self.has_column(left, name) || self.has_column(right, name),
            ShownFrom::Named { columns, .. } => columns.iter().any(|column| column.name == name),
            ShownFrom::Item(item) => {
                let titles = item.columns.iter().filter_map(|column| self.titles.get(&column.var?));
                titles.into_iter().any(|title| title == name)
            }
        }
    }

    fn item(&mut self, item: &ShownItem) -> Result<()> {
        let name = self.name_in_use(item);
        let mut names_columns = item.names_columns;
        let mut shows_alias = true;
        match &item.source {
            ShownSource::Table { oid, only } => {
                let catalog = &self.context.catalog;
                let table = catalog.tables.get(oid).ok_or_else(|| unwritable("a table that is gone"))?;
                let shown = relation_name(catalog, Some(&self.context.session.search_path), table);
                shows_alias = item.aliased && item.name != table.name || name != table.name;
                names_columns &= item.columns.iter().any(|column| {
                    let at = column.number.and_then(|number| table.position_of_number(number));
                    at.is_none_or(|at| table.columns[at].name != column.name)
                });
                self.push(if *only { "ONLY " } else { "" });
                self.push(&shown);
            }
            ShownSource::Named(query) => {
                shows_alias = name != *query;
                self.push(&quote_identifier(query));
            }
            ShownSource::Query { query, lateral } => {
                self.push(if *lateral { "LATERAL " } else { "" });
                self.push("(");
                self.query(query, None, true)?;
                self.push(")");
            }
            ShownSource::Function { name, args, ordinality, lateral } => {
                self.push(if *lateral { "LATERAL " } else { "" });
                self.call(name, args)?;
                self.push(if *ordinality { " WITH ORDINALITY" } else { "" });
            }
            ShownSource::Scalar { call, ordinality, lateral } => {
                self.push(if *lateral { "LATERAL " } else { "" });
                self.expr(call, false)?;
                self.push(if *ordinality { " WITH ORDINALITY" } else { "" });
            }
        }
        if shows_alias {
            self.push(&format!(" {}", quote_identifier(&name)));
        }
        if names_columns {
            let names: Vec<String> = item.columns.iter().map(|column| column.name.clone()).collect();
            self.names_in_parentheses(&names);
        }
        Ok(())
    }

    /// The name that was decided on.
    fn name_in_use(&self, item: &ShownItem) -> String {
        let named = item.columns.iter().find_map(|column| self.names.get(&column.var?));
        let qualifier = named.and_then(|name| qualifier(name));
        qualifier.unwrap_or_else(|| self.own_name(item))
    }
}

/// What stands before the point of a qualified name, without quotes.
fn qualifier(name: &str) -> Option<String> {
    match name.strip_prefix('"') {
        None => name.split_once('.').map(|(qualifier, _)| qualifier.to_owned()),
        Some(rest) => {
            let end = rest.replace("\"\"", "  ").find('"')?;
            Some(rest[..end].replace("\"\"", "\""))
        }
    }
}
