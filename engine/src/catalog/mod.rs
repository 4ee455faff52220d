//! The catalog: every object SQL can name, as one immutable, versioned value.
//!
//! Readers hold an `Arc<Catalog>`; a definition makes a new one. Each object is one entry in storage's catalog
//! family, written by the transaction that defines it, so a catalog change commits or vanishes with its transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::types::Type;

mod access_method;
mod change;
pub(crate) mod class;
mod column_hint;
mod constraint;
mod databases;
pub(crate) mod extension;
pub(crate) mod history;
mod index;
mod inheritance;
mod layout;
pub mod partition;
pub mod pg_catalog;
mod place;
mod policy;
mod privilege;
pub(crate) mod role;
mod roles;
pub(crate) mod sequence;
mod sql_function;
pub mod store;
pub(crate) mod stream;
pub mod table_options;
mod trigger;
pub(crate) mod user_type;
pub(crate) mod view;

pub use access_method::AccessMethod;
pub use change::Change;
pub use class::TableClass;
pub use column_hint::{ColumnHints, Compression};
pub use constraint::{Constraint, ConstraintKind, Deferrable, ForeignKeyAction};
pub use databases::Catalogs;
pub use extension::Extension;
pub(crate) use index::Derivation;
pub use index::{Index, IndexColumn, IndexExpression};
pub(crate) use layout::empty_storage;
pub use place::{PlaceKind, PlaceOption, StoragePlace};
pub(crate) use place::{USUAL_STORAGE, no_storage};
pub use policy::{PUBLIC, Policy, PolicyCommand, RowSecurity};
pub use role::DefaultAcl;
pub use roles::Roles;
pub use sequence::{OwnedBy, Sequence};
pub use sql_function::{Aggregation, KeptBody, Language, Parameter, ParameterMode, SqlFunction};
pub use table_options::{FlushPolicy, OwnOption};
pub use trigger::{Trigger, TriggerEnabled, TriggerEvent, TriggerEvents};
pub use user_type::{Attribute, Domain, DomainCheck, Label, RangeType, UserType, UserTypeKind};
pub use view::{Materialized, ReadAs, View, ViewRelation};

/// Every object of a database, by oid and by name. Cheap to clone: the maps are shared until changed.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Grows with every committed change; cached plans name the version they were made for.
    pub version: u64,
    /// Whose catalog it is.
    pub database: u32,
    pub databases: Arc<BTreeMap<u32, Arc<Database>>>,
    pub schemas: Arc<BTreeMap<u32, Arc<Schema>>>,
    /// Those that were dropped, and of which something may be left, among them. Their names are free.
    pub roles: Arc<Roles>,
    /// Places for files other than the data directory.
    pub storages: Arc<BTreeMap<u32, Arc<StoragePlace>>>,
    pub tables: Arc<BTreeMap<u32, Arc<Table>>>,
    /// (schema oid, name) of tables, views and indexes to oid of the relation.
    pub relation_names: Arc<BTreeMap<(u32, String), u32>>,
    /// Index oid to the oid of its table.
    pub index_tables: Arc<BTreeMap<u32, u32>>,
    /// Oids of each table that has others beneath it, and of one of those: its partitions, or what inherits from it.
    pub partitions: Arc<BTreeSet<(u32, u32)>>,
    /// The types that SQL defined.
    pub types: Arc<BTreeMap<u32, Arc<UserType>>>,
    pub extensions: Arc<BTreeMap<u32, Arc<Extension>>>,
    /// (schema oid, name) of those and of their arrays to oid of the type.
    pub type_names: Arc<BTreeMap<(u32, String), u32>>,
    /// The functions that SQL defined.
    pub functions: Arc<BTreeMap<u32, Arc<SqlFunction>>>,
    /// Their names, each with the oids of those that have it, ascending.
    pub function_names: Arc<BTreeMap<String, Vec<u32>>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Database {
    pub oid: u32,
    pub name: String,
    pub owner: u32,
    pub acl: Option<auth::Acl>,
    #[serde(default)]
    pub comment: Option<String>,
    /// `ALTER DATABASE … SET`.
    #[serde(default)]
    pub settings: Vec<(String, String)>,
    /// `ALTER ROLE ALL … SET`, of which [`Catalog::settings_everywhere`] knows where they stand.
    #[serde(default)]
    pub everywhere: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    pub oid: u32,
    /// The database that it is in; without meaning for the system's own, which are in all.
    #[serde(default = "first_database")]
    pub database: u32,
    pub name: String,
    pub owner: u32,
    pub acl: Option<auth::Acl>,
    #[serde(default)]
    pub comment: Option<String>,
}

/// The database that is there from the beginning, `postgres`.
pub(crate) const FIRST_DATABASE: u32 = 5;

fn first_database() -> u32 {
    FIRST_DATABASE
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub oid: u32,
    pub name: String,
    pub attributes: auth::RoleAttributes,
    /// A SCRAM verifier in PostgreSQL's text form.
    pub verifier: Option<String>,
    /// Oids of the roles this one is a member of.
    pub member_of: Vec<u32>,
    /// Those of them that it may grant to others (WITH ADMIN OPTION).
    #[serde(default)]
    pub admin_of: Vec<u32>,
    /// `ALTER ROLE … SET`.
    pub settings: Vec<(String, String)>,
    /// `ALTER ROLE … IN DATABASE … SET`, by the database's oid. Some may be of a database that is gone.
    #[serde(default)]
    pub database_settings: Vec<(u32, Vec<(String, String)>)>,
    #[serde(default)]
    pub comment: Option<String>,
    /// ALTER DEFAULT PRIVILEGES for what the role makes.
    #[serde(default)]
    pub default_acls: Vec<DefaultAcl>,
    /// When it was dropped, in microseconds since 1970-01-01 UTC.
    #[serde(default)]
    pub deleted_at: Option<i64>,
}

/// What a relation is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TableKind {
    Table,
    /// One row, which says where the sequence stands. Its storage generation names the sequence's values.
    Sequence(Sequence),
    /// Its rows are those of a query.
    View(Box<View>),
    /// Its rows are computed from the live state (`pg_catalog`, `information_schema`, `system`).
    System,
    /// Its rows are those of files that others have written, and cannot be changed.
    Files(RegisteredFiles),
}

/// What a registered table is called.
pub(crate) const REGISTERED: &str = "registered table";

/// Parquet files that are read where they lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredFiles {
    /// An absolute path; `*` and `?` may stand in the name of the file.
    pub pattern: String,
}

/// What becomes of a temporary table when a transaction of its session commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnCommit {
    PreserveRows,
    DeleteRows,
    Drop,
}

/// What the names of the schemas begin with that hold temporary relations, one schema a session.
pub(crate) const TEMPORARY_SCHEMA: &str = "pg_temp_";

/// What REPLICA IDENTITY was said of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReplicaIdentity {
    /// The primary key.
    #[default]
    Key,
    Full,
    Nothing,
    /// The columns of an index, by its oid.
    Index(u32),
}

/// A table and everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub oid: u32,
    pub schema: u32,
    pub name: String,
    pub owner: u32,
    pub acl: Option<auth::Acl>,
    /// Of the columns on which something was granted, by attribute number.
    #[serde(default)]
    pub column_acls: BTreeMap<u16, auth::Acl>,
    pub kind: TableKind,
    #[serde(default)]
    pub class: TableClass,
    /// It is a materialized view: a table that holds the rows of this query.
    #[serde(default)]
    pub materialized: Option<Box<Materialized>>,
    /// It belongs to one session, and goes with it.
    #[serde(default)]
    pub temporary: Option<OnCommit>,
    /// CREATE UNLOGGED TABLE was said. Its contents are as durable as any other table's.
    #[serde(default)]
    pub unlogged: bool,
    /// Live columns, in order. A dropped one is gone from here, its number is never used again.
    pub columns: Vec<TableColumn>,
    /// The greatest attribute number ever used.
    pub last_column: u16,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Index>,
    /// WITH (…) as given: name and value.
    pub options: Vec<(String, String)>,
    pub comment: Option<String>,
    /// What the table is partitioned by, and what it is a partition of.
    #[serde(default)]
    pub partitioning: partition::Partitioning,
    /// Oids of the tables that it inherits from, in order.
    #[serde(default)]
    pub inherits: Vec<u32>,
    /// REPLICA IDENTITY: what a stream of changes would tell of an old row. Nobody is told; it is kept and shown.
    #[serde(default)]
    pub replica_identity: ReplicaIdentity,
    /// Row level security, if anything was said of it.
    #[serde(default)]
    pub security: Option<Box<RowSecurity>>,
    /// Ordered by name.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// Changes with every definition that touches this table.
    pub version: u64,
    /// How storage sees it; columns are in the same order as `columns`. Indexes: same order as `indexes`, the primary key's left out.
    pub storage: Arc<storage::TableSchema>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableColumn {
    /// Attribute number, from 1.
    pub number: u16,
    pub name: String,
    pub ty: Type,
    pub not_null: bool,
    /// SQL text of the default expression.
    pub default: Option<String>,
    /// GENERATED … AS IDENTITY; the default then takes the next value of a sequence that the column owns.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// GENERATED ALWAYS AS (…) STORED; the default then is what computes it from the row's other columns.
    #[serde(default)]
    pub generated: bool,
    /// It is the table's own, whether or not tables that it inherits from have it too.
    #[serde(default = "own")]
    pub local: bool,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub hints: ColumnHints,
}

fn own() -> bool {
    true
}

impl TableColumn {
    /// The oid of the collation of its values; zero if the type has none.
    pub(crate) fn collation(&self) -> u32 {
        self.hints.collation.unwrap_or_else(|| pg_catalog::collation_of_type(self.ty.oid))
    }
}

/// Whether an INSERT may bring its own value for an identity column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    Always,
    ByDefault,
}

impl Catalog {
    /// The schema of that name.
    pub fn schema_named(&self, name: &str) -> Option<&Arc<Schema>> {
        self.schemas.values().find(|schema| schema.name == name)
    }

    /// The table or system relation of that name in a schema.
    pub fn table_in(&self, schema: u32, name: &str) -> Option<&Arc<Table>> {
        // Names are few and looked up once a bound statement, so an owned key is fine here.
        self.tables.get(self.relation_names.get(&(schema, name.to_owned()))?)
    }

    /// The table of that name, in the given schema or in the first of the search path that has it.
    /// `pg_catalog` is searched first when the path does not name it.
    pub fn find_table(&self, schema: Option<&str>, name: &str, search_path: &[String]) -> Option<&Arc<Table>> {
        match schema {
            Some("pg_temp") => self.table_in(self.schema_named(temporary_of(search_path)?)?.oid, name),
            Some(schema) => self.table_in(self.schema_named(schema)?.oid, name),
            None => self.path(search_path).find_map(|schema| self.table_in(schema.oid, name)),
        }
    }

    /// The schemas of a search path that exist, in order, `pg_catalog` first unless it is named. Only the schema of the
    /// session's temporary relations goes before.
    pub fn path<'a>(&'a self, search_path: &'a [String]) -> impl Iterator<Item = &'a Arc<Schema>> {
        let implicit = (!search_path.iter().any(|name| name == "pg_catalog")).then_some("pg_catalog");
        let (temporary, rest) = match search_path.split_first() {
            Some((first, rest)) if first.starts_with(TEMPORARY_SCHEMA) => (Some(first.as_str()), rest),
            _ => (None, search_path),
        };
        let names = temporary.into_iter().chain(implicit).chain(rest.iter().map(String::as_str));
        names.filter_map(|name| self.schema_named(name))
    }
}

/// The schema of a search path that holds the session's temporary relations.
pub(crate) fn temporary_of(search_path: &[String]) -> Option<&str> {
    search_path.iter().map(String::as_str).find(|name| name.starts_with(TEMPORARY_SCHEMA))
}

impl Table {
    /// The sequence that this relation is.
    pub fn sequence(&self) -> Option<&Sequence> {
        match &self.kind {
            TableKind::Sequence(sequence) => Some(sequence),
            TableKind::Table | TableKind::View(_) | TableKind::System | TableKind::Files(_) => None,
        }
    }

    /// Position in `columns` of the column of that name.
    pub fn position_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Position in `columns` of an attribute number.
    pub fn position_of_number(&self, number: u16) -> Option<usize> {
        self.columns.iter().position(|column| column.number == number)
    }
}
