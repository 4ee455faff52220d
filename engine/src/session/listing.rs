//! SHOW NAMESPACES, SHOW TABLES and DESCRIBE TABLE … HISTORY: of what the role may see, also if it may not read `system`.

use std::sync::Arc;

use auth::{ObjectKind, Privileges, RoleId};
use datafusion::sql::sqlparser::ast::ObjectName;
use storage::Value;

use super::Session;
use super::run::Outcome;
use crate::catalog::pg_catalog::system::{kind_of, versions_of};
use crate::catalog::{Table, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::plan::ColumnDescription;
use crate::plan::authorize::{check_schema, denied_relation};
use crate::statement::Listing;
use crate::types::json::read_document;
use crate::types::{Type, oid};

/// What is answered.
pub(super) fn columns(listing: &Listing) -> Vec<ColumnDescription> {
    let columns: &[(&str, u32)] = match listing {
        Listing::Namespaces => &[("name", oid::TEXT), ("owner", oid::TEXT), ("tables", oid::INT8)],
        Listing::Tables { .. } => {
            &[("namespace", oid::TEXT), ("name", oid::TEXT), ("type", oid::TEXT), ("owner", oid::TEXT)]
        }
        Listing::History(_) => &[
            ("version", oid::INT4),
            ("columns", oid::JSONB),
            ("created_at", oid::TIMESTAMPTZ),
            ("created_by", oid::TEXT),
        ],
    };
    columns.iter().map(|(name, ty)| ColumnDescription::new(*name, Type::new(*ty))).collect()
}

fn text(value: impl AsRef<str>) -> Value {
    Value::Text(value.as_ref().into())
}

impl Session {
    pub(super) fn show_listing(&mut self, listing: &Listing) -> Result<Outcome> {
        let rows = match listing {
            Listing::Namespaces => self.namespaces(),
            Listing::Tables { namespace } => self.tables(namespace.as_deref())?,
            Listing::History(name) => self.history(name)?,
        };
        Ok(Outcome::ready(columns(listing), rows, "SHOW"))
    }

    fn namespaces(&mut self) -> Vec<Vec<Value>> {
        let visible = self.visible_tables();
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let schemas = catalog.schemas.values().filter(|schema| {
            let is_made = !schema.is_system() && !schema.name.starts_with(crate::catalog::TEMPORARY_SCHEMA);
            is_made && check_schema(&principal, schema, Privileges::USAGE).is_ok()
        });
        let row = |schema: &Arc<crate::catalog::Schema>| {
            let tables = visible.iter().filter(|table| table.schema == schema.oid).count();
            vec![text(&schema.name), text(catalog.role_name(schema.owner)), Value::Int8(tables as i64)]
        };
        sorted(schemas.map(row).collect())
    }

    fn tables(&mut self, namespace: Option<&str>) -> Result<Vec<Vec<Value>>> {
        let catalog = self.catalog();
        if let Some(name) = namespace
            && catalog.schema_named(name).is_none()
        {
            let message = format!("schema \"{name}\" does not exist");
            return Err(Error::new(SqlState::INVALID_SCHEMA_NAME, message));
        }
        let schema_of = |table: &Table| catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
        let tables = self.visible_tables();
        let within = tables.iter().filter(|table| namespace.is_none_or(|name| schema_of(table) == name));
        let row = |table: &Arc<Table>| {
            let owner = catalog.role_name(table.owner);
            vec![text(schema_of(table)), text(&table.name), text(kind_of(table)), text(owner)]
        };
        Ok(sorted(within.map(row).collect()))
    }

    /// The tables that the role owns or may do something with.
    fn visible_tables(&mut self) -> Vec<Arc<Table>> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let own_temporary = self.facts.temporary.clone();
        let is_visible = |table: &&Arc<Table>| {
            let Some(schema) = catalog.schemas.get(&table.schema) else { return false };
            matches!(table.kind, TableKind::Table | TableKind::Files(_))
                && (table.temporary.is_none() || own_temporary.as_deref() == Some(schema.name.as_str()))
                && check_schema(&principal, schema, Privileges::USAGE).is_ok()
                && (principal.has_privileges_of(RoleId(table.owner))
                    || table.allows_some(&principal, ObjectKind::Table.all_privileges()))
        };
        catalog.tables.values().filter(is_visible).cloned().collect()
    }

    fn history(&mut self, name: &ObjectName) -> Result<Vec<Vec<Value>>> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let tables = self.tables_and_partitions(std::slice::from_ref(name))?;
        let Some(table) = tables.first() else { return Ok(Vec::new()) };
        if !matches!(table.kind, TableKind::Table | TableKind::Files(_)) {
            let message = format!("\"{}\" is not a table", table.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        if !principal.has_privileges_of(RoleId(table.owner))
            && !table.allows_some(&principal, ObjectKind::Table.all_privileges())
        {
            return Err(denied_relation(table));
        }
        let versions = versions_of(&self.database.store().view(), &catalog, table)?;
        let row = |version: crate::catalog::history::TableVersion| {
            Ok(vec![
                Value::Int4(i32::try_from(version.version).unwrap_or(i32::MAX)),
                read_document(&version.columns.to_string())?,
                version.created_at.map_or(Value::Null, Value::Timestamptz),
                version.created_by.map_or(Value::Null, text),
            ])
        };
        versions.into_iter().map(row).collect()
    }
}

/// By name.
fn sorted(mut rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let name = |value: &Value| match value {
        Value::Text(text) => text.to_string(),
        _ => String::new(),
    };
    rows.sort_by_cached_key(|row| (row.first().map(name), row.get(1).map(name)));
    rows
}
