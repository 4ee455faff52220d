//! Names in definitions: where a new object goes, which existing one is meant, and what PostgreSQL calls one that
//! nobody named.

use std::sync::Arc;

use auth::{Duty, Privileges};
use datafusion::sql::sqlparser::ast::ObjectName;

use super::DefinitionEnvironment;
use crate::catalog::pg_catalog::SYSTEM;
use crate::catalog::{Catalog, ConstraintKind, Index, Schema, Table, TableClass, TableKind};
use crate::catalog::{OnCommit, TEMPORARY_SCHEMA};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::{check_reach, check_schema};
use crate::plan::bind::QualifiedName;

/// Longest identifier in bytes.
const NAME_BYTES_MAX: usize = 63;

/// What a relation's name leads to.
#[derive(Debug, Clone)]
pub(super) enum Relation {
    Table(Arc<Table>),
    /// The table and the index's place in it.
    Index(Arc<Table>, usize),
}

impl Relation {
    pub(super) fn table(&self) -> &Arc<Table> {
        match self {
            Relation::Table(table) | Relation::Index(table, _) => table,
        }
    }
}

/// Where a new relation goes.
pub(super) struct Place {
    pub(super) schema: Arc<Schema>,
    pub(super) name: String,
    /// ON COMMIT, if it goes where temporary relations are.
    pub(super) on_commit: Option<OnCommit>,
}

impl Place {
    /// What is in the schema of a session's temporary relations is one of them.
    pub(super) fn temporary(&self, on_commit: Option<OnCommit>) -> Option<OnCommit> {
        let is_temporary = self.schema.name.starts_with(TEMPORARY_SCHEMA);
        is_temporary.then(|| on_commit.unwrap_or(OnCommit::PreserveRows))
    }
}

impl DefinitionEnvironment<'_> {
    /// The name, folded, as it was written.
    pub(super) fn qualified(&self, name: &ObjectName) -> Result<QualifiedName> {
        let mut name = QualifiedName::of(name, &self.context.session.database)?;
        if name.schema.as_deref() == Some("pg_temp")
            && let Some(own) = &self.context.session.temporary
        {
            name.schema = Some(own.to_string());
        }
        Ok(name)
    }

    /// The schema that a new relation goes to: the one it names, or the first of the search path.
    pub(super) fn place(&self, catalog: &Catalog, name: &ObjectName) -> Result<Place> {
        let name = self.qualified(name)?;
        if self.into_temporary {
            return self.temporary_place(catalog, name);
        }
        let schema = match &name.schema {
            Some(schema) => named_schema(catalog, schema).map_err(|error| error.at(self.position(name.span)))?,
            None => {
                let mut path = self.context.session.creation_path();
                path.find_map(|schema| catalog.schema_named(schema)).ok_or_else(|| {
                    Error::new(SqlState::INVALID_SCHEMA_NAME, "no schema has been selected to create in")
                        .at(self.position(name.span))
                })?
            }
        };
        let makes_own = self.class != TableClass::Shared && self.principal.kind().has(Duty::CreateUserTables);
        let wanted = if makes_own { Privileges::USAGE } else { Privileges::CREATE };
        check_schema(self.principal, schema, wanted)?;
        if is_system_schema(&schema.name) {
            let message = format!("permission denied to create \"{}.{}\"", schema.name, name.name);
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
                .with_detail("System catalog modifications are currently disallowed."));
        }
        let own = self.context.session.temporary.as_deref();
        if schema.name.starts_with(TEMPORARY_SCHEMA) && own != Some(schema.name.as_str()) {
            let message = "cannot create relations in temporary schemas of other sessions";
            return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        Ok(Place { schema: schema.clone(), name: name.name, on_commit: None })
    }

    /// The relation of that name, if there is one. A schema that does not exist is an error.
    pub(super) fn find(&self, catalog: &Catalog, name: &QualifiedName) -> Result<Option<Relation>> {
        match &name.schema {
            Some(schema) => {
                let schema = named_schema(catalog, schema)?;
                let found = relation_in(catalog, schema.oid, &name.name);
                match &found {
                    Some(found) => check_reach(found.table(), Privileges::SELECT, self.principal, catalog)?,
                    None => check_schema(self.principal, schema, Privileges::USAGE)?,
                }
                Ok(found)
            }
            None => {
                let is_seen = |schema: &&Arc<Schema>| {
                    schema.name.starts_with(TEMPORARY_SCHEMA) || schema.allows(self.principal, Privileges::USAGE)
                };
                let mut path = catalog.path(&self.context.session.search_path).filter(is_seen);
                Ok(path.find_map(|schema| relation_in(catalog, schema.oid, &name.name)))
            }
        }
    }

    /// The table of that name; 42P01 if there is none. `action` words the refusal of an index.
    pub(super) fn find_table(&self, catalog: &Catalog, name: &QualifiedName) -> Result<Arc<Table>> {
        match self.find(catalog, name)? {
            Some(Relation::Table(table)) => Ok(table),
            Some(Relation::Index(table, at)) => {
                let message = format!("\"{}\" is not a table", table.indexes[at].name);
                Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message))
            }
            None => Err(Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{name}\" does not exist"))),
        }
    }

    /// The table's name as messages show it: with its schema unless the search path finds it without.
    pub(super) fn shown(&self, catalog: &Catalog, table: &Table) -> String {
        self.shown_relation(catalog, table.schema, &table.name)
    }

    pub(super) fn shown_relation(&self, catalog: &Catalog, schema: u32, name: &str) -> String {
        let mut path = catalog.path(&self.context.session.search_path);
        let found = path.find(|schema| catalog.relation_names.contains_key(&(schema.oid, name.to_owned())));
        if found.is_some_and(|found| found.oid == schema) {
            return quoted(name);
        }
        let schema = catalog.schemas.get(&schema).map_or("", |schema| schema.name.as_str());
        format!("{}.{}", quoted(schema), quoted(name))
    }
}

/// The schema of that name; 3F000 if there is none.
pub(super) fn named_schema<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Arc<Schema>> {
    catalog
        .schema_named(name)
        .ok_or_else(|| Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")))
}

/// Whether a schema's relations are computed, so that nobody may add to them.
pub(super) fn is_system_schema(name: &str) -> bool {
    matches!(name, "pg_catalog" | "information_schema" | "system")
}

/// 42501 for the schema whose definition stands in this program.
pub(super) fn refuse_own_schema(schema: &Schema) -> Result<()> {
    if schema.oid == SYSTEM {
        let message = format!("permission denied: \"{}\" is a system schema", schema.name);
        return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    Ok(())
}

/// 42501 for a relation that is computed.
pub(super) fn refuse_system(table: &Table) -> Result<()> {
    if table.is_system() {
        let message = format!("permission denied: \"{}\" is a system catalog", table.name);
        return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    Ok(())
}

/// 42809 for a relation that takes no rows of its own.
pub(super) fn require_table(table: &Table, message: impl FnOnce(&str) -> String) -> Result<()> {
    refuse_system(table)?;
    match table.kind {
        TableKind::Sequence(_) | TableKind::View(_) | TableKind::Files(_) => {
            Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message(&table.name)))
        }
        TableKind::Table if table.materialized.is_some() => {
            Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message(&table.name)))
        }
        TableKind::Table | TableKind::System => Ok(()),
    }
}

/// The table or index of that name in a schema.
pub(super) fn relation_in(catalog: &Catalog, schema: u32, name: &str) -> Option<Relation> {
    let oid = catalog.relation_names.get(&(schema, name.to_owned()))?;
    match catalog.index_tables.get(oid) {
        Some(table) => {
            let table = catalog.tables.get(table)?;
            let at = table.indexes.iter().position(|index| index.oid == *oid)?;
            Some(Relation::Index(table.clone(), at))
        }
        None => catalog.tables.get(oid).cloned().map(Relation::Table),
    }
}

/// The name in double quotes if it needs them.
pub(super) fn quoted(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `relation_columns_label`, with the longer of the first two cut until the whole fits an identifier.
pub(super) fn made_name(relation: &str, columns: &str, label: &str) -> String {
    let fixed = label.len() + 1 + usize::from(!columns.is_empty());
    let room = NAME_BYTES_MAX.saturating_sub(fixed);
    let (mut first, mut second) = (relation.len(), columns.len());
    while first + second > room {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let (relation, columns) = (cut(relation, first), cut(columns, second));
    if columns.is_empty() { format!("{relation}_{label}") } else { format!("{relation}_{columns}_{label}") }
}

/// The first of `label`, `label1`, `label2`, … under which the made name is free.
pub(super) fn free_name(relation: &str, columns: &str, label: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut number = 0_u32;
    loop {
        let numbered = if number == 0 { label.to_owned() } else { format!("{label}{number}") };
        let name = made_name(relation, columns, &numbered);
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}

/// Column names joined for a made name; PostgreSQL adds none once there is enough for any identifier.
pub(super) fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push('_');
        }
        text.push_str(name);
        if text.len() > NAME_BYTES_MAX {
            break;
        }
    }
    cut(&text, NAME_BYTES_MAX).to_owned()
}

/// The same of names that get a number where one has come before.
pub(super) fn joined_apart(names: impl Iterator<Item = String>) -> String {
    let mut apart: Vec<String> = Vec::new();
    for name in names {
        let numbered = (1..).map(|number: u32| {
            let number = number.to_string();
            format!("{}{number}", cut(&name, NAME_BYTES_MAX - number.len()))
        });
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        apart.extend(candidates.find(|candidate| !apart.contains(candidate)));
    }
    joined(apart.iter().map(String::as_str))
}

/// Whether a constraint of any table in the schema has this name.
pub(super) fn is_constraint_name(catalog: &Catalog, schema: u32, name: &str) -> bool {
    let tables = catalog.tables.values().filter(|table| table.schema == schema);
    tables.flat_map(|table| &table.constraints).any(|constraint| constraint.name == name)
}

/// The constraint that an index enforces.
pub(super) fn constraint_of<'a>(table: &'a Table, index: &Index) -> Option<&'a crate::catalog::Constraint> {
    table.constraints.iter().find(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { index: oid, .. } | ConstraintKind::Unique { index: oid, .. } => *oid == index.oid,
        ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => false,
    })
}

fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_names_fit_an_identifier() {
        let check = |relation: &str, columns: &str, label: &str, expected: &str| {
            assert_eq!(made_name(relation, columns, label), expected);
        };
        check("t", "a_b", "key", "t_a_b_key");
        check("t", "", "pkey", "t_pkey");
        let long = "long12345678901234567890123456789012345678901234567890123456789";
        check(long, "", "pkey", "long123456789012345678901234567890123456789012345678901234_pkey");
        assert_eq!(free_name("t", "a", "key", |name| name == "t_a_key"), "t_a_key1");
    }
}
