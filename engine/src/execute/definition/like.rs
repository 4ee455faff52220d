//! CREATE TABLE … (LIKE …): the statement is put together again with the columns, checks and keys of the tables that are
//! named, and run as any other; then come the indexes that are no constraints, and comments.

use std::sync::Arc;

use auth::{ObjectKind, Privileges};
use datafusion::sql::sqlparser::ast::{ObjectName, Statement};

use super::DefinitionEnvironment;
use super::derived::words_for;
use super::names::{self, Relation};
use super::rename::table_in_check;
use super::table;
use crate::catalog::pg_catalog::{collation_name, collation_of_type};
use crate::catalog::{Constraint, ConstraintKind, Deferrable, Identity, Index, IndexColumn, Table, TableColumn};
use crate::error::{Error, Result};
use crate::plan::authorize::denied;
use crate::plan::bind::fold;
use crate::statement::definition::{Definition, Element, Including, Like, TableLike};
use crate::statement::parse_single;
use crate::types;

/// Runs CREATE TABLE with LIKE among its columns.
pub(super) async fn create(create: &TableLike, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let mut sources = Vec::new();
    let mut elements = Vec::new();
    let name = created_name(&create.before)?;
    for element in &create.elements {
        match element {
            Element::Written(text) => elements.push(text.clone()),
            Element::Like(like) => {
                let source = environment.like_source(&like.source)?;
                elements.extend(environment.elements_of(&source, &like.including, &name)?);
                sources.push((source, like));
            }
        }
    }
    let text = format!("{}({}){}", create.before, elements.join(", "), create.after);
    let parsed = match parse_single(&text)? {
        Some(crate::statement::Statement::Definition(definition)) => *definition,
        _ => return Err(Error::internal("a CREATE TABLE with columns is none")),
    };
    let Definition::Parsed(Statement::CreateTable(parsed)) = parsed else {
        return Err(Error::unsupported("LIKE in this form of CREATE TABLE"));
    };
    let found = environment.named_now(&parsed.name)?;
    // Positions in errors would be those of the text that was put together.
    let text = std::mem::take(&mut environment.text);
    let made = table::create(&parsed, (create.unlogged, create.class), environment).await;
    environment.text = text;
    made?;
    // A temporary table may hide another of its name.
    if found.is_some() && found == environment.named_now(&parsed.name)? {
        return Ok(());
    }
    for (source, like) in sources {
        environment.finish_like(&parsed.name, &source, like).await?;
    }
    Ok(())
}

/// The name of the table that `CREATE TABLE name` makes, without its schema.
fn created_name(before: &str) -> Result<String> {
    match parse_single(&format!("{before}()"))? {
        Some(crate::statement::Statement::Definition(definition)) => match *definition {
            Definition::Parsed(Statement::CreateTable(create)) => {
                Ok(create.name.0.last().and_then(|part| part.as_ident()).map(fold).unwrap_or_default())
            }
            _ => Err(Error::unsupported("LIKE in this form of CREATE TABLE")),
        },
        _ => Err(Error::internal("a CREATE TABLE without columns is none")),
    }
}

impl DefinitionEnvironment<'_> {
    /// The oid of the table or index that has a name now.
    fn named_now(&mut self, name: &ObjectName) -> Result<Option<u32>> {
        let catalog = self.catalog();
        let name = self.qualified(name)?;
        Ok(self.find(&catalog, &name)?.map(|relation| match relation {
            Relation::Table(table) => table.oid,
            Relation::Index(table, at) => table.indexes[at].oid,
        }))
    }

    fn like_source(&mut self, name: &ObjectName) -> Result<Arc<Table>> {
        let catalog = self.catalog();
        let source = self.find_table(&catalog, &self.qualified(name)?)?;
        names::require_table(&source, |name| format!("relation \"{name}\" is invalid in LIKE clause"))?;
        match source.held(self.principal, Privileges::SELECT).is_empty() {
            false => Ok(source),
            true => Err(denied(ObjectKind::Table, &source.name)),
        }
    }

    /// The columns, checks and keys of a table, as they would be written.
    fn elements_of(&mut self, source: &Table, including: &Including, new_name: &str) -> Result<Vec<String>> {
        let mut elements = Vec::new();
        for column in &source.columns {
            elements.push(self.column_of_like(source, column, including)?);
        }
        for constraint in &source.constraints {
            elements.extend(constraint_element(source, constraint, including, new_name)?);
        }
        Ok(elements)
    }

    fn column_of_like(&mut self, source: &Table, column: &TableColumn, including: &Including) -> Result<String> {
        let mut text = format!("{} {}", exactly(&column.name), types::display(column.ty));
        if let Some(collation) = column.hints.collation.and_then(collation_name) {
            text.push_str(&format!(" COLLATE {}", exactly(collation)));
        }
        match (&column.default, column.identity) {
            (_, Some(identity)) if including.identity => {
                self.refuse_own_rule(source, column)?;
                let words = if identity == Identity::Always { "ALWAYS" } else { "BY DEFAULT" };
                text.push_str(&format!(" GENERATED {words} AS IDENTITY"));
            }
            (Some(expression), None) if column.generated && including.generated => {
                text.push_str(&format!(" GENERATED ALWAYS AS ({expression}) STORED"));
            }
            (Some(default), None) if !column.generated && including.defaults => {
                text.push_str(&format!(" DEFAULT {default}"));
            }
            _ => {}
        }
        if column.not_null {
            text.push_str(" NOT NULL");
        }
        Ok(text)
    }

    /// 0A000 for an identity column whose sequence is not as they are by themselves.
    fn refuse_own_rule(&mut self, source: &Table, column: &TableColumn) -> Result<()> {
        let catalog = self.catalog();
        let mut owned = catalog.sequences_of(source.oid).filter(|(_, owner)| owner.column == column.number);
        let rule = owned.next().and_then(|(sequence, _)| sequence.sequence()).map(|sequence| sequence.rule);
        match rule {
            Some(rule) if rule.start != 1 || rule.increment != 1 || rule.min != 1 || rule.cycle => {
                Err(Error::unsupported("LIKE … INCLUDING IDENTITY of a sequence with options"))
            }
            _ => Ok(()),
        }
    }

    /// Gives a table that was made like another the other's indexes and comments.
    async fn finish_like(&mut self, name: &ObjectName, source: &Table, like: &Like) -> Result<()> {
        if like.including.indexes {
            for index in source.indexes.iter().filter(|index| names::constraint_of(source, index).is_none()) {
                self.copy_index_like(name, source, index).await?;
            }
        }
        if !like.including.comments {
            return Ok(());
        }
        let catalog = self.catalog();
        let mut table = (*self.find_table(&catalog, &self.qualified(name)?)?).clone();
        for column in &mut table.columns {
            if let Some(at) = source.position_of(&column.name) {
                column.comment = column.comment.take().or_else(|| source.columns[at].comment.clone());
            }
        }
        self.put_table(table)?;
        Ok(())
    }

    async fn copy_index_like(&mut self, name: &ObjectName, source: &Table, index: &Index) -> Result<()> {
        let catalog = self.catalog();
        let table = self.find_table(&catalog, &self.qualified(name)?)?;
        let counterpart = |number: &u16| -> Result<u16> {
            let name = &source.columns[source.place(*number)?].name;
            let at = table.position_of(name).ok_or_else(|| Error::internal("a copied column is not there"))?;
            Ok(table.columns[at].number)
        };
        let mut columns: Vec<IndexColumn> = index.columns.clone();
        for column in columns.iter_mut().filter(|column| column.expression.is_none()) {
            column.number = counterpart(&column.number)?;
            // The collation of the type is not said again, so that it becomes the column's, as in PostgreSQL.
            let of_type = collation_of_type(table.columns[table.place(column.number)?].ty.oid);
            column.collation = column.collation.filter(|collation| *collation != of_type);
        }
        let included = index.included.iter().map(counterpart).collect::<Result<Vec<_>>>()?;
        let words = words_for(&catalog, &table, &columns, &included);
        let name = self.claim_made_name(&table, &words, "idx").await?;
        self.add_index(&table, Index { name, columns, included, valid: true, ..index.clone() }).await
    }
}

/// A check or key as it would be written, if it is to be taken over.
fn constraint_element(
    source: &Table,
    constraint: &Constraint,
    including: &Including,
    new_name: &str,
) -> Result<Option<String>> {
    let list = |numbers: &[u16]| -> Result<String> {
        let names = numbers.iter().map(|number| Ok(exactly(&source.columns[source.place(*number)?].name)));
        Ok(names.collect::<Result<Vec<_>>>()?.join(", "))
    };
    Ok(match &constraint.kind {
        ConstraintKind::Check { .. } if including.constraints => {
            let mut copy = constraint.clone();
            table_in_check(&mut copy, &source.name, new_name)?;
            let ConstraintKind::Check { expression } = &copy.kind else { return Ok(None) };
            Some(format!("CONSTRAINT {} CHECK ({expression})", exactly(&constraint.name)))
        }
        ConstraintKind::PrimaryKey { columns, index } if including.indexes => {
            let included = included_words(source, *index, list)?;
            Some(format!("PRIMARY KEY ({}){included}{}", list(columns)?, key_words(constraint)))
        }
        ConstraintKind::Unique { columns, index } if including.indexes => {
            let distinct = source.indexes.iter().find(|own| own.oid == *index).is_none_or(|own| own.nulls_distinct);
            let distinct = if distinct { "" } else { "NULLS NOT DISTINCT " };
            let included = included_words(source, *index, list)?;
            Some(format!("UNIQUE {distinct}({}){included}{}", list(columns)?, key_words(constraint)))
        }
        _ => None,
    })
}

/// INCLUDE of a key, as it would be written.
fn included_words(source: &Table, index: u32, list: impl Fn(&[u16]) -> Result<String>) -> Result<String> {
    let included = source.indexes.iter().find(|own| own.oid == index).map_or(&[][..], |own| own.included.as_slice());
    match included {
        [] => Ok(String::new()),
        included => Ok(format!(" INCLUDE ({})", list(included)?)),
    }
}

/// When a key is checked.
fn key_words(constraint: &Constraint) -> &'static str {
    match constraint.deferrable {
        None => "",
        Some(Deferrable::InitiallyImmediate) => " DEFERRABLE",
        Some(Deferrable::InitiallyDeferred) => " DEFERRABLE INITIALLY DEFERRED",
    }
}

/// A name as an identifier that means it and nothing else.
fn exactly(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
