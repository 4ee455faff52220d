//! The standard's `information_schema`: what of the catalog the current role may see.

use auth::{ObjectAccess, ObjectKind, Principal, Privileges, RoleId, held_privileges};
use storage::Value;

use super::definition::action_words;
use super::expression::{columns_named, domain_default, of_domain, over_table};
use super::relation::{Kind, NULL, row};
use super::{Reader, constraint, relation, sequence};
use crate::catalog::{
    Attribute, Catalog, Constraint, ConstraintKind, Deferrable, Identity, Table, TableColumn, TableKind, UserType,
};
use crate::plan::bind::{Clause, updatable_columns};
use crate::types::defined::FIRST_OID;
use crate::types::{Type, builtin, display, oid};

/// What everything of the current role's point of view needs.
struct Viewer<'a> {
    reader: &'a Reader<'a>,
    principal: Principal,
    database: &'a str,
}

impl<'a> Viewer<'a> {
    fn new(reader: &'a Reader<'a>) -> Self {
        let session = &reader.context.session;
        let principal = Principal::resolve(session.current_role, session.current_user.as_str(), reader.catalog);
        Self { reader, principal, database: &session.database }
    }

    /// The tables on which the role has any of the privileges.
    fn tables(&self, wanted: Privileges) -> impl Iterator<Item = (&'a Table, &'a str)> {
        let catalog = self.reader.catalog;
        // What the SQL standard does not know is not shown.
        let known = |table: &&std::sync::Arc<Table>| table.sequence().is_none() && table.materialized.is_none();
        let tables = self.reader.tables().filter(known);
        tables.filter_map(move |table| {
            let schema = catalog.schemas.get(&table.schema)?;
            if table.temporary.is_some() && self.reader.context.session.temporary.as_deref() != Some(&schema.name) {
                return None;
            }
            self.sees(table, wanted).then_some((&**table, schema.name.as_str()))
        })
    }

    fn sees(&self, table: &Table, wanted: Privileges) -> bool {
        self.principal.has_privileges_of(RoleId(table.owner)) || table.allows_some(&self.principal, wanted)
    }

    fn sees_column(&self, table: &Table, number: u16) -> bool {
        let on_column = |privilege| table.allows(&self.principal, Privileges::from(privilege), &[number]);
        self.principal.has_privileges_of(RoleId(table.owner))
            || ObjectKind::Column.all_privileges().iter().any(on_column)
    }

    /// Constraints of the tables that the role owns, or may do more with than read.
    fn constraints(&self) -> impl Iterator<Item = (&'a Table, &'a str, &'a Constraint)> {
        let more_than_reading = ObjectKind::Table.all_privileges() - Privileges::SELECT;
        let tables = self.tables(more_than_reading);
        tables.flat_map(|(table, schema)| table.constraints.iter().map(move |found| (table, schema, found)))
    }
}

fn yes(claim: bool) -> &'static str {
    if claim { "YES" } else { "NO" }
}

pub(super) fn schemata(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let owned = reader.schemas().filter(|schema| {
        let access = ObjectAccess { owner: RoleId(schema.owner), kind: ObjectKind::Schema, acl: schema.acl.as_ref() };
        viewer.principal.has_privileges_of(access.owner)
            || !held_privileges(&viewer.principal, &access, Privileges::CREATE | Privileges::USAGE).is_empty()
    });
    owned
        .map(|schema| {
            row![viewer.database, &schema.name, reader.catalog.role_name(schema.owner), NULL, NULL, NULL, NULL]
        })
        .collect()
}

fn is_view(table: &Table) -> bool {
    table.view().is_some() || relation(table.oid).is_some_and(|relation| relation.kind == Kind::View)
}

pub(super) fn tables(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let row = |(table, schema): (&Table, &str)| {
        row![
            viewer.database,
            schema,
            &table.name,
            match table.temporary {
                _ if is_view(table) => "VIEW",
                Some(_) => "LOCAL TEMPORARY",
                None => "BASE TABLE",
            },
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            yes(is_written(reader, table)),
            "NO",
            NULL,
        ]
    };
    viewer.tables(ObjectKind::Table.all_privileges()).map(row).collect()
}

/// Whether the relation takes rows: it is a table, or a view that stands for one.
fn is_written(reader: &Reader<'_>, table: &Table) -> bool {
    written_columns(reader, table).is_some_and(|columns| columns.contains(&true))
}

/// Which columns can be written; None if none can.
fn written_columns(reader: &Reader<'_>, table: &Table) -> Option<Vec<bool>> {
    match &table.kind {
        TableKind::Table if table.materialized.is_some() => None,
        TableKind::Table => Some(vec![true; table.columns.len()]),
        TableKind::View(_) => updatable_columns(reader.context, reader.catalog.tables.get(&table.oid)?),
        TableKind::Sequence(_) | TableKind::System | TableKind::Files(_) => None,
    }
}

pub(super) fn views(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let row = |(table, schema): (&Table, &str)| {
        let view = table.view()?;
        let own = viewer.principal.has_privileges_of(RoleId(table.owner));
        let definition = own.then(|| super::view::definition(reader, table, view)).flatten();
        let name = &table.name;
        let written = yes(is_written(reader, table));
        let option = match table.option("check_option") {
            Some("cascaded") => "CASCADED",
            Some("local") => "LOCAL",
            _ => "NONE",
        };
        Some(row![viewer.database, schema, name, definition, option, written, written, "NO", "NO", "NO"])
    };
    viewer.tables(ObjectKind::Table.all_privileges()).filter_map(row).collect()
}

pub(super) fn columns(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let mut rows = Vec::new();
    for (table, schema) in viewer.tables(ObjectKind::Column.all_privileges()) {
        let written = written_columns(reader, table).unwrap_or_else(|| vec![false; table.columns.len()]);
        let columns = table.columns.iter().zip(written);
        let columns = columns.filter(|(column, _)| viewer.sees_column(table, column.number));
        rows.extend(columns.map(|(column, written)| column_row(&viewer, (schema, table), column, written)));
    }
    rows
}

/// The oid of the collation `"default"`, which is shown as none.
const DEFAULT_COLLATION: u32 = 100;

/// A type as the standard names it: by its kind, and by where it is defined.
struct Described<'a> {
    data_type: &'static str,
    schema: Option<String>,
    name: Option<&'a str>,
    /// The collation of its values, unless it is the usual one.
    collation: Option<&'static str>,
}

fn described(catalog: &Catalog, ty: u32) -> Described<'_> {
    let info = builtin::info(ty);
    let defined = catalog.defined_type(ty);
    let schema = match defined {
        Some((ty, _)) => catalog.schemas.get(&ty.schema).map(|schema| schema.name.clone()),
        None => Some("pg_catalog".to_owned()),
    };
    let name = match defined {
        Some((ty, array)) => Some(if array { ty.array_name.as_str() } else { ty.name.as_str() }),
        None => info.map(|info| info.name),
    };
    let data_type = match info {
        Some(info) if info.is_array() => "ARRAY",
        Some(info) if info.oid < FIRST_OID => info.sql_name,
        _ => "USER-DEFINED",
    };
    Described { data_type, schema, name, collation: matches!(ty, oid::NAME | oid::NAME_ARRAY).then_some("C") }
}

/// `domains`: what each is over.
pub(super) fn domains(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let database = viewer.database;
    let row = |ty: &UserType| {
        let domain = ty.domain()?;
        let base = builtin::info(ty.oid)?.base;
        let schema = reader.catalog.schemas.get(&ty.schema).map(|schema| &schema.name);
        let (extent, of) = (extent(base), described(reader.catalog, base.oid));
        let default = domain.default.as_deref();
        Some(row![
            database,
            schema,
            &ty.name,
            of.data_type,
            extent.characters,
            extent.octets,
            NULL,
            NULL,
            NULL,
            of.collation.map(|_| database),
            of.collation.map(|_| "pg_catalog"),
            of.collation,
            extent.precision,
            extent.radix,
            extent.scale,
            extent.datetime,
            NULL,
            NULL,
            default.map(|text| domain_default(reader.context, base, text)),
            database,
            of.schema,
            of.name,
            NULL,
            NULL,
            NULL,
            NULL,
            "1",
        ])
    };
    reader.catalog.types.values().filter_map(|ty| row(ty)).collect()
}

/// `attributes`: the fields of composite types.
pub(super) fn attributes(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let database = viewer.database;
    let catalog = reader.catalog;
    let mut rows = Vec::new();
    for ty in catalog.types.values() {
        let schema = catalog.schemas.get(&ty.schema).map(|schema| schema.name.as_str());
        for (number, Attribute { name, ty: of }) in (1i32..).zip(catalog.attributes(ty.oid).unwrap_or_default()) {
            let extent = extent(of);
            let domain = catalog.types.get(&of.oid).and_then(|ty| ty.domain());
            let is = described(catalog, builtin::base_of(of.oid));
            rows.push(row![
                database,
                schema,
                &ty.name,
                name,
                number,
                NULL,
                yes(!domain.is_some_and(|domain| domain.not_null)),
                is.data_type,
                extent.characters,
                extent.octets,
                NULL,
                NULL,
                NULL,
                is.collation.map(|_| database),
                is.collation.map(|_| "pg_catalog"),
                is.collation,
                extent.precision,
                extent.radix,
                extent.scale,
                extent.datetime,
                NULL,
                NULL,
                database,
                is.schema,
                is.name,
                NULL,
                NULL,
                NULL,
                NULL,
                number.to_string(),
                "NO",
            ]);
        }
    }
    rows
}

/// How much a type holds: the columns from `character_maximum_length` to `interval_precision`.
pub(crate) struct Extent {
    pub(crate) characters: Option<i32>,
    pub(crate) octets: Option<i32>,
    pub(crate) precision: Option<i32>,
    pub(crate) radix: Option<i32>,
    pub(crate) scale: Option<i32>,
    pub(crate) datetime: Option<i32>,
}

/// Bytes of the longest text.
const TEXT_OCTETS: i32 = 1 << 30;
const OCTETS_PER_CHARACTER: i32 = 4;

/// How much a type holds; one of a domain holds what the type beneath does.
pub(crate) fn extent(ty: Type) -> Extent {
    let ty = builtin::base_type(ty);
    let modifier = ty.modifier;
    let mut extent =
        Extent { characters: None, octets: None, precision: None, radix: None, scale: None, datetime: None };
    let mut binary = |precision: i32, scale: Option<i32>| {
        (extent.precision, extent.radix, extent.scale) = (Some(precision), Some(2), scale);
    };
    match ty.oid {
        oid::INT2 => binary(16, Some(0)),
        oid::INT4 => binary(32, Some(0)),
        oid::INT8 => binary(64, Some(0)),
        oid::FLOAT4 => binary(24, None),
        oid::FLOAT8 => binary(53, None),
        oid::NUMERIC => {
            extent.radix = Some(10);
            if modifier >= 4 {
                extent.precision = Some((modifier - 4) >> 16 & 0xFFFF);
                extent.scale = Some((modifier - 4) & 0x7FF);
            }
        }
        oid::TEXT => extent.octets = Some(TEXT_OCTETS),
        oid::VARCHAR | oid::BPCHAR if modifier >= 4 => {
            extent.characters = Some(modifier - 4);
            extent.octets = (modifier - 4).checked_mul(OCTETS_PER_CHARACTER);
        }
        oid::VARCHAR | oid::BPCHAR => extent.octets = Some(TEXT_OCTETS),
        oid::BIT | oid::VARBIT if modifier >= 0 => extent.characters = Some(modifier),
        oid::DATE => extent.datetime = Some(0),
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            extent.datetime = Some(if modifier >= 0 { modifier } else { 6 });
        }
        oid::INTERVAL => {
            let digits = modifier & 0xFFFF;
            extent.datetime = Some(if modifier >= 0 && digits <= 6 { digits } else { 6 });
        }
        _ => {}
    }
    extent
}

/// The fields that an interval is restricted to (`YEAR TO MONTH`), if it is an interval and is.
pub(crate) fn interval_fields(ty: Type) -> Option<String> {
    let ty = builtin::base_type(ty);
    let shown = (ty.oid == oid::INTERVAL).then(|| display(ty))?;
    shown.strip_prefix("interval ").map(str::to_uppercase)
}

fn column_row(viewer: &Viewer<'_>, (schema, table): (&str, &Table), column: &TableColumn, written: bool) -> Vec<Value> {
    let database = viewer.database;
    let identity = column.identity.and_then(|identity| {
        let mut owned = viewer.reader.catalog.sequences_of(table.oid);
        let (sequence, _) = owned.find(|(_, owner)| owner.column == column.number)?;
        Some((identity, sequence.sequence()?.rule))
    });
    let rule = identity.map(|(_, rule)| rule);
    let extent = extent(column.ty);
    // A column of a domain is described as one of the type that the domain is over.
    let domain = viewer.reader.catalog.types.get(&column.ty.oid).filter(|ty| ty.domain().is_some());
    let schema_named = |oid: u32| viewer.reader.catalog.schemas.get(&oid).map(|schema| schema.name.clone());
    let Described { data_type, schema: udt_schema, name: udt_name, collation } =
        described(viewer.reader.catalog, builtin::base_of(column.ty.oid));
    let collation = match column.hints.collation {
        Some(DEFAULT_COLLATION) => None,
        Some(named) => super::collation_name(named),
        None => collation,
    };
    row![
        database,
        schema,
        &table.name,
        &column.name,
        i32::from(column.number),
        if identity.is_some() || column.generated { None } else { viewer.reader.default_written(table, column) },
        yes(!column.not_null && !domain.is_some_and(|ty| ty.domain().is_some_and(|domain| domain.not_null))),
        data_type,
        extent.characters,
        extent.octets,
        extent.precision,
        extent.radix,
        extent.scale,
        extent.datetime,
        interval_fields(column.ty),
        NULL,
        NULL,
        NULL,
        NULL,
        collation.map(|_| database),
        collation.map(|_| "pg_catalog"),
        collation,
        domain.map(|_| database),
        domain.and_then(|ty| schema_named(ty.schema)),
        domain.map(|ty| ty.name.as_str()),
        database,
        udt_schema,
        udt_name,
        NULL,
        NULL,
        NULL,
        NULL,
        column.number.to_string(),
        "NO",
        yes(identity.is_some()),
        identity.map(|(identity, _)| match identity {
            Identity::Always => "ALWAYS",
            Identity::ByDefault => "BY DEFAULT",
        }),
        rule.map(|rule| rule.start.to_string()),
        rule.map(|rule| rule.increment.to_string()),
        rule.map(|rule| rule.max.to_string()),
        rule.map(|rule| rule.min.to_string()),
        yes(rule.is_some_and(|rule| rule.cycle)),
        if column.generated { "ALWAYS" } else { "NEVER" },
        if column.generated { viewer.reader.default_written(table, column) } else { None },
        yes(written),
    ]
}

/// Sequences that anybody may use by name; those of identity columns are left out.
pub(super) fn sequences(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let mut rows = Vec::new();
    for (table, sequence) in sequence::all(reader) {
        let owner = sequence.owned_by.and_then(|owner| {
            let owning = reader.catalog.tables.get(&owner.table)?;
            Some(&owning.columns[owning.position_of_number(owner.column)?])
        });
        let of_identity = owner.is_some_and(|column| column.identity.is_some());
        if of_identity || !viewer.sees(table, ObjectKind::Sequence.all_privileges()) {
            continue;
        }
        let rule = sequence.rule;
        let bits = match sequence.value_type {
            oid::INT2 => 16,
            oid::INT4 => 32,
            _ => 64,
        };
        rows.push(row![
            viewer.database,
            reader.catalog.schemas.get(&table.schema).map(|schema| &schema.name),
            &table.name,
            builtin::info(sequence.value_type).map(|info| info.sql_name),
            bits,
            2,
            0,
            rule.start.to_string(),
            rule.min.to_string(),
            rule.max.to_string(),
            rule.increment.to_string(),
            yes(rule.cycle),
        ]);
    }
    rows
}

pub(super) fn table_constraints(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let row = |(table, schema, found): (&Table, &str, &Constraint)| {
        let (words, nulls_distinct) = match &found.kind {
            ConstraintKind::PrimaryKey { .. } => ("PRIMARY KEY", None),
            ConstraintKind::Unique { index, .. } => {
                let index = table.indexes.iter().find(|index_found| index_found.oid == *index);
                ("UNIQUE", Some(yes(index.is_none_or(|index| index.nulls_distinct))))
            }
            ConstraintKind::Check { .. } => ("CHECK", None),
            ConstraintKind::ForeignKey { .. } => ("FOREIGN KEY", None),
        };
        let database = viewer.database;
        let deferrable = yes(found.deferrable.is_some());
        let deferred = yes(found.deferrable == Some(Deferrable::InitiallyDeferred));
        let (name, table) = (&found.name, &table.name);
        row![database, schema, name, database, schema, table, words, deferrable, deferred, "YES", nulls_distinct,]
    };
    let mut rows: Vec<_> = viewer.constraints().map(row).collect();
    for (table, schema, column) in not_null_columns(&viewer) {
        let name = not_null_name(table, column);
        let database = viewer.database;
        rows.push(row![database, schema, name, database, schema, &table.name, "CHECK", "NO", "NO", "YES", NULL]);
    }
    rows
}

/// NOT NULL is a check to the standard.
fn not_null_columns<'a>(viewer: &Viewer<'a>) -> impl Iterator<Item = (&'a Table, &'a str, &'a TableColumn)> {
    let tables = viewer.tables(ObjectKind::Table.all_privileges() - Privileges::SELECT);
    tables.flat_map(|(table, schema)| {
        table.columns.iter().filter(|column| column.not_null).map(move |column| (table, schema, column))
    })
}

/// The name that PostgreSQL makes up for it.
fn not_null_name(table: &Table, column: &TableColumn) -> String {
    format!("{}_{}_{}_not_null", table.schema, table.oid, column.number)
}

fn name_of(table: &Table, number: u16) -> Option<&str> {
    table.position_of_number(number).map(|position| table.columns[position].name.as_str())
}

pub(super) fn key_columns(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let database = viewer.database;
    let mut rows = Vec::new();
    for (table, schema, found) in viewer.constraints() {
        let (columns, target) = match &found.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => (columns, None),
            ConstraintKind::ForeignKey { columns, target_columns, .. } => (columns, Some(target_columns)),
            ConstraintKind::Check { .. } => continue,
        };
        let referenced = referenced_constraint(reader, &found.kind);
        for (position, number) in (1i32..).zip(columns) {
            // Where in the referenced key the column's counterpart stands.
            let counterpart = target.and_then(|target| target.get(usize::try_from(position - 1).ok()?));
            let in_key = counterpart.and_then(|counterpart| {
                let (_, key) = referenced?;
                key_of(key)?.iter().position(|number| number == counterpart).and_then(|at| i32::try_from(at + 1).ok())
            });
            let column = name_of(table, *number);
            rows.push(row![database, schema, &found.name, database, schema, &table.name, column, position, in_key]);
        }
    }
    rows
}

fn key_of(constraint: &Constraint) -> Option<&[u16]> {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => Some(columns),
        _ => None,
    }
}

/// The key that a foreign key refers to, and its table.
fn referenced_constraint<'a>(reader: &Reader<'a>, kind: &ConstraintKind) -> Option<(&'a Table, &'a Constraint)> {
    let ConstraintKind::ForeignKey { target, .. } = kind else { return None };
    let target = reader.catalog.tables.get(target)?;
    let wanted = constraint::supporting_index(reader.catalog, kind);
    let key = target.constraints.iter().find(|found| match found.kind {
        ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => index == wanted,
        _ => false,
    });
    key.map(|key| (&**target, key))
}

pub(super) fn references(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let database = viewer.database;
    let mut rows = Vec::new();
    for (_, schema, found) in viewer.constraints() {
        let ConstraintKind::ForeignKey { on_delete, on_update, match_full, .. } = &found.kind else { continue };
        let key = referenced_constraint(reader, &found.kind);
        let key_schema =
            key.and_then(|(table, _)| reader.catalog.schemas.get(&table.schema)).map(|schema| &schema.name);
        rows.push(row![
            database,
            schema,
            &found.name,
            key.map(|_| database),
            key_schema,
            key.map(|(_, key)| &key.name),
            if *match_full { "FULL" } else { "NONE" },
            action_words(*on_update),
            action_words(*on_delete),
        ]);
    }
    rows
}

pub(super) fn constrained_columns(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let database = viewer.database;
    let mut rows = Vec::new();
    for (table, schema, found) in viewer.constraints() {
        // A foreign key constrains what it refers to: so the standard has it.
        let (owner, columns) = match &found.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                (table, columns.clone())
            }
            ConstraintKind::ForeignKey { target, target_columns, .. } => match reader.catalog.tables.get(target) {
                Some(target) => (&**target, target_columns.clone()),
                None => continue,
            },
            ConstraintKind::Check { expression } => (table, columns_named(table, expression)),
        };
        let owner_schema = reader.catalog.schemas.get(&owner.schema).map(|schema| &schema.name);
        for number in columns {
            let column = name_of(owner, number);
            rows.push(row![database, owner_schema, &owner.name, column, database, schema, &found.name]);
        }
    }
    rows
}

pub(super) fn checks(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let viewer = Viewer::new(reader);
    let database = viewer.database;
    let mut rows = Vec::new();
    for (table, schema, found) in viewer.constraints() {
        if let ConstraintKind::Check { expression } = &found.kind {
            let written = over_table(reader.context, table, expression, Clause::Check, false).text;
            // PostgreSQL shows all that stands behind the word CHECK.
            let inherited = if found.no_inherit { " NO INHERIT" } else { "" };
            let valid = if found.not_valid { " NOT VALID" } else { "" };
            rows.push(row![database, schema, &found.name, format!("({written}){inherited}{valid}")]);
        }
    }
    for (ty, domain) in reader.catalog.types.values().filter_map(|ty| Some((ty, ty.domain()?))) {
        let schema = reader.catalog.schemas.get(&ty.schema).map(|schema| schema.name.as_str());
        let base = builtin::info(ty.oid).map_or(Type::new(ty.oid), |info| info.base);
        for check in domain.checks.iter().filter(|_| viewer.principal.has_privileges_of(RoleId(ty.owner))) {
            let written = of_domain(reader.context, base, &check.expression, false);
            rows.push(row![database, schema, &check.name, format!("({written})")]);
        }
    }
    for (table, schema, column) in not_null_columns(&viewer) {
        rows.push(row![database, schema, not_null_name(table, column), format!("{} IS NOT NULL", column.name)]);
    }
    rows
}
