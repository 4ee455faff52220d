//! A system relation: its columns, and how its rows are made.

use std::sync::Arc;

use auth::{Acl, AclItem, ObjectKind, Privileges, RoleId};
use storage::{Array, ColumnType, GenerationId, Value};

use super::{BOOTSTRAP_ROLE, Reader};
use crate::catalog::{Catalog, Table, TableColumn, TableKind, View, empty_storage};
use crate::types::Type;

/// What `pg_class.relkind` says of a system relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    View,
}

pub(crate) struct Relation {
    pub(crate) oid: u32,
    pub(crate) schema: u32,
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    /// Name, type, and whether it is never NULL.
    pub(crate) columns: &'static [(&'static str, u32, bool)],
    pub(crate) source: Source,
}

/// Where a system relation's rows come from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Computed from the catalog, or from what else is known of the running system.
    Rows(fn(&Reader<'_>) -> Vec<Vec<Value>>),
    /// A query over other system relations, each named with its schema.
    Query(&'static str),
}

/// Relations of which only superusers see anything: they hold secrets.
const SECRET: [&str; 2] = ["pg_authid", "pg_shadow"];

impl Relation {
    /// The relation as the catalog has it.
    pub(super) fn table(&self) -> Table {
        let columns: Vec<TableColumn> = (1..)
            .zip(self.columns)
            .map(|(number, &(name, ty, not_null))| TableColumn {
                number,
                name: name.to_owned(),
                ty: Type::new(ty),
                not_null: not_null && self.kind == Kind::Table,
                default: None,
                identity: None,
                generated: false,
                local: true,
                comment: None,
                hints: Default::default(),
            })
            .collect();
        Table {
            oid: self.oid,
            schema: self.schema,
            name: self.name.to_owned(),
            owner: BOOTSTRAP_ROLE,
            acl: Some(self.acl()),
            kind: match self.source {
                Source::Rows(_) => TableKind::System,
                Source::Query(text) => TableKind::View(Box::new(View {
                    text: text.to_owned(),
                    relations: Vec::new(),
                    functions: Vec::new(),
                    read_as: None,
                })),
            },
            column_acls: Default::default(),
            class: Default::default(),
            materialized: None,
            temporary: None,
            unlogged: false,
            last_column: u16::try_from(columns.len()).unwrap_or(u16::MAX),
            columns,
            constraints: Vec::new(),
            indexes: Vec::new(),
            options: Vec::new(),
            comment: None,
            partitioning: Default::default(),
            inherits: Vec::new(),
            replica_identity: Default::default(),
            security: None,
            triggers: Vec::new(),
            version: 1,
            storage: empty_storage(self.oid, GenerationId(0)),
        }
    }

    fn acl(&self) -> Acl {
        let owner = RoleId(BOOTSTRAP_ROLE);
        let everything = AclItem::for_grant(Some(owner), owner, ObjectKind::Table.all_privileges(), false);
        let reading = AclItem::for_grant(None, owner, Privileges::SELECT, false);
        [everything].into_iter().chain((!SECRET.contains(&self.name)).then_some(reading)).collect()
    }
}

/// The rows of a relation whose objects cannot be made here.
pub(super) fn none(_: &Reader<'_>) -> Vec<Vec<Value>> {
    Vec::new()
}

/// A value of a column, from what describes it in Rust.
pub(super) trait Cell {
    fn value(self) -> Value;
}

macro_rules! cells {
    ($($ty:ty, $cell:ident => $value:expr;)*) => {$(
        impl Cell for $ty {
            fn value(self) -> Value {
                let $cell = self;
                $value
            }
        }
    )*};
}

cells! {
    Value, value => value;
    bool, value => Value::Bool(value);
    i16, value => Value::Int2(value);
    i32, value => Value::Int4(value);
    i64, value => Value::Int8(value);
    f32, value => Value::Float4(value);
    // An oid.
    u32, value => Value::Int8(i64::from(value));
    // An attribute number.
    u16, value => Value::Int2(i16::try_from(value).unwrap_or(i16::MAX));
    char, value => Value::Text(value.to_string().into());
    &str, value => Value::Text(value.into());
    &String, value => Value::Text(value.as_str().into());
    String, value => Value::Text(value.into());
    Vec<u32>, values => array(ColumnType::Int8, values);
    &[u32], values => array(ColumnType::Int8, values.iter().copied());
    Vec<i16>, values => array(ColumnType::Int2, values);
    Vec<u16>, values => array(ColumnType::Int2, values);
    &[u16], values => array(ColumnType::Int2, values.iter().copied());
    Vec<String>, values => array(ColumnType::Text, values);
}

impl<T: Cell> Cell for Option<T> {
    fn value(self) -> Value {
        self.map_or(Value::Null, T::value)
    }
}

fn array<T: Cell>(element: ColumnType, values: impl IntoIterator<Item = T>) -> Value {
    Value::Array(Box::new(Array::new(element, values.into_iter().map(T::value).collect())))
}

/// A row from one expression a column.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::catalog::pg_catalog::relation::Cell::value($cell)),*] };
}
pub(super) use row;

/// NULL, of whatever type.
pub(super) const NULL: Value = Value::Null;

/// An access control list as `aclitem[]`.
pub(super) fn acl_items(catalog: &Catalog, acl: Option<&Acl>) -> Value {
    let name = |role: RoleId| catalog.roles.get(&role.0).map(|role| std::borrow::Cow::Owned(role.name.clone()));
    acl.map(|acl| acl.items().iter().map(|item| item.to_text(name)).collect::<Vec<_>>()).value()
}

/// Options as `text[]` of `name=value`; NULL if there are none.
pub(super) fn options(options: &[(String, String)]) -> Value {
    // Those with a dot are of another table, which there is none of.
    let own = options.iter().filter(|(name, _)| !name.contains('.'));
    let written: Vec<String> = own.map(|(name, value)| format!("{name}={value}")).collect();
    (!written.is_empty()).then_some(written).value()
}

/// What of the catalog is stored, and so is the user's.
pub(super) fn user_tables(catalog: &Catalog) -> impl Iterator<Item = &Arc<Table>> {
    catalog.tables.values().filter(|table| table.kind == TableKind::Table)
}
