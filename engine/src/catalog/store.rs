//! The catalog on disk: one entry for each object in storage's catalog family. All of them are read when the database is
//! opened, but for roles, which are read when somebody asks for them.
//!
//! An entry's key is a byte for its kind and the object's oid, big-endian; its value is the object as JSON, which reads
//! fields that an older version did not write as their defaults. Entries are written by the transaction that defines the
//! object, so that a definition is there or not with everything else of its transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use auth::{Acl, AclItem, ObjectKind, Privileges, RoleAttributes, RoleId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::{Durability, Isolation, ReadView, Store, Transaction};

use super::pg_catalog::SYSTEM;
use super::role::DATABASE_OWNER;
use super::{
    Catalog, Catalogs, Change, Database, Extension, FIRST_DATABASE, Role, Roles, Schema, SqlFunction, StoragePlace,
    Table, UserType, roles,
};
use crate::error::{Error, Result, SqlState};

/// What an entry is; the first byte of its key. Stored: never renumber.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    Secret = 1,
    Database = 2,
    Schema = 3,
    Role = 4,
    Table = 5,
    Type = 6,
    Storage = 7,
    Extension = 8,
    Function = 9,
    /// What finds roles otherwise than by oid (`roles/entry.rs`).
    RoleMark = 10,
}

/// The one entry of kind [`Kind::Secret`].
const LOGIN_SECRET: u32 = 1;
const LOGIN_SECRET_BYTES: usize = 32;

/// Oids that PostgreSQL gives them.
const POSTGRES: u32 = 10;
const PG_CATALOG: u32 = 11;
const PUBLIC: u32 = 2200;
const INFORMATION_SCHEMA: u32 = 13207;
const TEMPLATE: u32 = 1;
/// The template that not even its owner may connect to.
const SEALED_TEMPLATE: u32 = 4;

/// PostgreSQL's predefined roles.
const PREDEFINED_ROLES: [(u32, &str); 12] = [
    (3373, "pg_monitor"),
    (3374, "pg_read_all_settings"),
    (3375, "pg_read_all_stats"),
    (3377, "pg_stat_scan_tables"),
    (4200, "pg_signal_backend"),
    (4544, "pg_checkpoint"),
    (4569, "pg_read_server_files"),
    (4570, "pg_write_server_files"),
    (4571, "pg_execute_server_program"),
    (DATABASE_OWNER, "pg_database_owner"),
    (6181, "pg_read_all_data"),
    (6182, "pg_write_all_data"),
];

/// What `pg_monitor` is a member of.
const MONITOR: u32 = 3373;
const MONITOR_ROLES: [u32; 3] = [3374, 3375, 3377];

/// The version of a catalog that was just read.
const FIRST_VERSION: u64 = 1;

/// Whether the store holds a catalog already.
pub fn is_bootstrapped(view: &ReadView) -> Result<bool> {
    Ok(view.get_entry(&key(Kind::Role, POSTGRES))?.is_some())
}

/// Reads every object into its database's catalog, and adds the relations that are computed.
pub fn load(store: &Store) -> Result<Catalogs> {
    let view = &store.view();
    let databases = Arc::new(read_all::<Database>(view, Kind::Database)?);
    let roles = Arc::new(Roles::of_store(store, FIRST_VERSION));
    let storages = Arc::new(read_all::<StoragePlace>(view, Kind::Storage)?);
    let schemas = read_all::<Schema>(view, Kind::Schema)?;
    let types = read_all::<UserType>(view, Kind::Type)?;
    let tables = read_all::<Table>(view, Kind::Table)?;
    let extensions = read_all::<Extension>(view, Kind::Extension)?;
    let functions = read_all::<SqlFunction>(view, Kind::Function)?;
    let catalog_of = |database: u32| {
        let own = schemas.iter().filter(|(_, schema)| schema.is_in(database));
        let mut catalog = Catalog {
            version: FIRST_VERSION,
            database,
            databases: databases.clone(),
            roles: roles.clone(),
            storages: storages.clone(),
            schemas: Arc::new(own.map(|(oid, schema)| (*oid, schema.clone())).collect()),
            ..Catalog::default()
        };
        // Tables have columns of these types.
        for (oid, ty) in &types {
            if catalog.schemas.contains_key(&ty.schema) {
                catalog.apply(&Change::Type(*oid, Some(ty.clone())));
            }
        }
        for (oid, table) in &tables {
            if catalog.schemas.contains_key(&table.schema) {
                catalog.apply(&Change::Table(*oid, Some(table.clone())));
            }
        }
        for (oid, extension) in &extensions {
            if catalog.schemas.contains_key(&extension.schema) {
                catalog.apply(&Change::Extension(*oid, Some(extension.clone())));
            }
        }
        for (oid, function) in &functions {
            if catalog.schemas.contains_key(&function.schema) {
                catalog.apply(&Change::Function(*oid, Some(function.clone())));
            }
        }
        catalog.add_system_relations();
        (database, Arc::new(catalog))
    };
    Ok(Catalogs::new(FIRST_VERSION, databases.keys().map(|database| catalog_of(*database)).collect()))
}

/// Drops the temporary relations that sessions of before have left.
pub async fn discard_temporary(store: &Store) -> Result<()> {
    let tables = read_all::<Table>(&store.view(), Kind::Table)?;
    let left: Vec<Arc<Table>> = tables.into_values().filter(|table| table.temporary.is_some()).collect();
    if left.is_empty() {
        return Ok(());
    }
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    for table in left {
        if table.kind == super::TableKind::Table {
            transaction.dropped(table.storage.generation);
            table.storage.indexes.iter().for_each(|index| transaction.dropped(index.generation));
        }
        write(&mut transaction, &Change::Table(table.oid, None))?;
    }
    transaction.commit(Durability::Sync).await?;
    Ok(())
}

/// Brings a store that an older version has written to where this one has it. To be called before it is read.
pub async fn complete(store: &Store) -> Result<()> {
    roles::complete_marks(store).await
}

/// Writes one step into the transaction that takes it, which has this catalog before it.
pub fn save(transaction: &mut Transaction, change: &Change, before: &Catalog) -> Result<()> {
    if let Change::Role(oid, role) = change {
        roles::save_marks(transaction, before.roles.entry(*oid)?.as_deref(), role.as_deref())?;
    }
    write(transaction, change)
}

fn write(transaction: &mut Transaction, change: &Change) -> Result<()> {
    match change {
        Change::Database(oid, object) => put(transaction, Kind::Database, *oid, object.as_deref()),
        Change::Schema(oid, object) => put(transaction, Kind::Schema, *oid, object.as_deref()),
        Change::Role(oid, object) => put(transaction, Kind::Role, *oid, object.as_deref()),
        Change::Storage(oid, object) => put(transaction, Kind::Storage, *oid, object.as_deref()),
        Change::Table(oid, object) => put(transaction, Kind::Table, *oid, object.as_deref()),
        Change::Type(oid, object) => put(transaction, Kind::Type, *oid, object.as_deref()),
        Change::Extension(oid, object) => put(transaction, Kind::Extension, *oid, object.as_deref()),
        Change::Function(oid, object) => put(transaction, Kind::Function, *oid, object.as_deref()),
    }
}

/// The random secret behind the answers to logins of roles that do not exist.
pub fn login_secret(view: &ReadView) -> Result<[u8; LOGIN_SECRET_BYTES]> {
    let entry = view.get_entry(&key(Kind::Secret, LOGIN_SECRET))?;
    entry
        .and_then(|bytes| bytes.as_ref().try_into().ok())
        .ok_or_else(|| Error::new(SqlState::DATA_CORRUPTED, "the catalog holds no login secret"))
}

/// Makes the first catalog: what PostgreSQL's `initdb` makes, with this verifier for `postgres`.
pub async fn bootstrap(store: &Store, verifier: &str) -> Result<()> {
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    for change in first_objects(verifier) {
        save(&mut transaction, &change, &Catalog::default())?;
    }
    roles::say_complete(&mut transaction)?;
    let mut secret = [0; LOGIN_SECRET_BYTES];
    store.environment().fill_random(&mut secret);
    transaction.put_entry(&key(Kind::Secret, LOGIN_SECRET), secret.to_vec())?;
    transaction.commit(Durability::Sync).await?;
    Ok(())
}

fn first_objects(verifier: &str) -> Vec<Change> {
    let superuser = RoleAttributes {
        superuser: true,
        createrole: true,
        createdb: true,
        login: true,
        replication: true,
        bypassrls: true,
        ..RoleAttributes::default()
    };
    let mut changes = vec![role(POSTGRES, "postgres", superuser, Some(verifier), &[])];
    for (oid, name) in PREDEFINED_ROLES {
        let parents: &[u32] = if oid == MONITOR { &MONITOR_ROLES } else { &[] };
        changes.push(role(oid, name, RoleAttributes::default(), None, parents));
    }
    let databases = [
        (TEMPLATE, "template1", "default template for new databases"),
        (SEALED_TEMPLATE, "template0", "unmodifiable empty database"),
        (FIRST_DATABASE, "postgres", "default administrative connection database"),
    ];
    for (oid, name, comment) in databases {
        // Everybody may connect to a template, nobody makes anything there.
        let [everybody, owner] = acl_items(ObjectKind::Database, POSTGRES, Privileges::CONNECT);
        let acl = (oid != FIRST_DATABASE).then(|| [everybody, owner].into_iter().collect());
        let comment = Some(comment.to_owned());
        let database = Database { oid, name: name.to_owned(), owner: POSTGRES, acl, comment, ..Database::default() };
        changes.push(Change::Database(oid, Some(Arc::new(database))));
    }
    for (oid, name) in [(PG_CATALOG, "pg_catalog"), (INFORMATION_SCHEMA, "information_schema")] {
        let acl = Some(acl(ObjectKind::Schema, POSTGRES, Privileges::USAGE));
        let schema =
            Schema { oid, database: FIRST_DATABASE, name: name.to_owned(), owner: POSTGRES, acl, comment: None };
        changes.push(Change::Schema(oid, Some(Arc::new(schema))));
    }
    for (oid, database) in [(PUBLIC, FIRST_DATABASE), (PUBLIC + 1, TEMPLATE)] {
        changes.push(Change::Schema(oid, Some(Arc::new(Schema::public(oid, database)))));
    }
    changes
}

impl Schema {
    /// The schema `public` of a new database.
    pub(crate) fn public(oid: u32, database: u32) -> Self {
        let acl = Some(acl(ObjectKind::Schema, DATABASE_OWNER, Privileges::USAGE));
        let comment = Some("standard public schema".to_owned());
        Self { oid, database, name: "public".to_owned(), owner: DATABASE_OWNER, acl, comment }
    }

    /// Whether it is the system's own, which every database has.
    pub(crate) fn is_system(&self) -> bool {
        matches!(self.oid, PG_CATALOG | INFORMATION_SCHEMA | SYSTEM)
    }

    /// Whether a database has it.
    pub(crate) fn is_in(&self, database: u32) -> bool {
        self.is_system() || self.database == database
    }
}

impl Catalog {
    /// What sessions of all roles begin with in all databases. The template that is never dropped keeps it.
    pub(crate) fn settings_everywhere(&self) -> &[(String, String)] {
        self.databases.get(&SEALED_TEMPLATE).map_or(&[][..], |database| &database.everywhere)
    }

    /// The database that keeps what all sessions begin with.
    pub(crate) fn keeper_of_settings(&self) -> Option<&Arc<Database>> {
        self.databases.get(&SEALED_TEMPLATE)
    }
}

impl Database {
    /// Whether others are made from it.
    pub(crate) fn is_template(&self) -> bool {
        matches!(self.oid, TEMPLATE | SEALED_TEMPLATE)
    }

    /// Whether anybody may connect to it.
    pub(crate) fn allows_connections(&self) -> bool {
        self.oid != SEALED_TEMPLATE
    }
}

fn role(oid: u32, name: &str, attributes: RoleAttributes, verifier: Option<&str>, parents: &[u32]) -> Change {
    let (verifier, member_of) = (verifier.map(str::to_owned), parents.to_vec());
    let role = Role { attributes, verifier, member_of, ..Role::plain(oid, name) };
    Change::Role(oid, Some(Arc::new(role)))
}

/// Everything for the owner, and something for everybody.
fn acl(kind: ObjectKind, owner: u32, public: Privileges) -> Acl {
    let [everybody, owner] = acl_items(kind, owner, public);
    [owner, everybody].into_iter().collect()
}

/// What everybody has, and what the owner has.
fn acl_items(kind: ObjectKind, owner: u32, public: Privileges) -> [AclItem; 2] {
    let owner = RoleId(owner);
    let all = AclItem::for_grant(Some(owner), owner, kind.all_privileges(), false);
    [AclItem::for_grant(None, owner, public, false), all]
}

pub(super) fn key(kind: Kind, oid: u32) -> [u8; 5] {
    let [a, b, c, d] = oid.to_be_bytes();
    [kind as u8, a, b, c, d]
}

fn read_all<T: DeserializeOwned>(view: &ReadView, kind: Kind) -> Result<BTreeMap<u32, Arc<T>>> {
    let mut objects = BTreeMap::new();
    for (key, value) in view.scan_entries(&[kind as u8])? {
        let oid = key.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)).unwrap_or_default();
        let object = serde_json::from_slice(&value).map_err(|error| {
            Error::new(SqlState::DATA_CORRUPTED, format!("catalog entry {oid} cannot be read: {error}"))
        })?;
        objects.insert(oid, Arc::new(object));
    }
    Ok(objects)
}

fn put<T: Serialize>(transaction: &mut Transaction, kind: Kind, oid: u32, object: Option<&T>) -> Result<()> {
    let key = key(kind, oid);
    match object {
        Some(object) => {
            let value = serde_json::to_vec(object)
                .map_err(|error| Error::internal(format!("catalog entry {oid} cannot be written: {error}")))?;
            transaction.put_entry(&key, value)?;
        }
        None => transaction.delete_entry(&key)?,
    }
    Ok(())
}
