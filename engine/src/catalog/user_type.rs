//! Types that SQL defines: enums, domains, composite types and ranges, each with the type of its arrays. Each table has a row type,
//! which is no object of its own.
//!
//! A value of an enum is stored as the number of its label. Numbers have gaps, so that a label added between two others
//! gets a number between theirs and no row is written anew; keys and indexes order by them. A value of a domain is
//! stored as one of the type that the domain is over.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::{Catalog, TableColumn};
use crate::error::Result;
use crate::expr::Expr;
use crate::function::make_range_constructors;
use crate::types::builtin::{self, NO_SPANS, TypeInfo};
use crate::types::text::quote_identifier;
use crate::types::{Type, defined, display};

/// A type that SQL defines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserType {
    pub oid: u32,
    /// Oid and name of the type of its arrays.
    pub array: u32,
    pub array_name: String,
    pub schema: u32,
    pub name: String,
    pub owner: u32,
    #[serde(default)]
    pub acl: Option<auth::Acl>,
    #[serde(default)]
    pub comment: Option<String>,
    pub kind: UserTypeKind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UserTypeKind {
    /// Labels in their order.
    Enum(Vec<Label>),
    Domain(Domain),
    Composite(Vec<Attribute>),
    Range(RangeType),
    /// What comes with a range.
    Multirange {
        range: u32,
        /// Of the bounds.
        subtype: u32,
    },
}

/// Spans between two values of another type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RangeType {
    /// Of the bounds: a type that is built in.
    pub subtype: u32,
    pub multirange: u32,
    /// The oid of the collation that was said, if it is not that of the bounds' type. All compare bytes.
    pub collation: Option<u32>,
    /// The function that tells how far two bounds are apart, if one was named. It is only shown.
    pub difference: Option<u32>,
}

/// A field of a composite type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    pub ty: Type,
}

/// A value of an enum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// `pg_enum.oid`.
    pub oid: u32,
    /// What rows and keys hold.
    pub number: i64,
    /// `pg_enum.enumsortorder`, which only shows the order.
    pub sort_order: f32,
    pub name: String,
}

/// What values of another type must be to be of this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    pub base: Type,
    pub not_null: bool,
    /// The oid of the collation that was said, if it is not that of `base`.
    #[serde(default)]
    pub collation: Option<u32>,
    /// SQL text of the default expression.
    pub default: Option<String>,
    pub checks: Vec<DomainCheck>,
    #[serde(skip)]
    pub bound: BoundChecks,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainCheck {
    pub oid: u32,
    pub name: String,
    /// SQL text of the condition, which calls the value `VALUE`.
    pub expression: String,
    /// False: values from before it was added may break it (NOT VALID).
    pub validated: bool,
    #[serde(default)]
    pub comment: Option<String>,
}

/// The checks' conditions, bound at first use. A clone starts empty, so that a domain that changes binds its own.
#[derive(Debug, Default)]
pub struct BoundChecks(OnceLock<Arc<[Expr]>>);

impl Clone for BoundChecks {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for BoundChecks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl BoundChecks {
    /// The conditions, made by `bind` if this is the first use.
    pub(crate) fn get_or_bind(&self, bind: impl FnOnce() -> Result<Vec<Expr>>) -> Result<Arc<[Expr]>> {
        if let Some(bound) = self.0.get() {
            return Ok(bound.clone());
        }
        let bound: Arc<[Expr]> = bind()?.into();
        Ok(self.0.get_or_init(|| bound).clone())
    }
}

/// From one label to the next where there is room.
const GAP: i64 = 1 << 40;

impl UserType {
    /// Tells those who know types by their oid alone.
    pub(crate) fn make_known(&self) {
        let lasting = |oid, name: &str| defined::known_name(oid, name).unwrap_or_else(|| defined::lasting(name));
        let quoted = quote_identifier(&self.name);
        let sql_name = match builtin::info(self.oid).map(|known| known.sql_name) {
            Some(known) if known == quoted => known,
            _ => defined::lasting(&quoted),
        };
        let plain = TypeInfo {
            oid: self.oid,
            name: lasting(self.oid, &self.name),
            sql_name,
            array: self.array,
            element: 0,
            kind: 'e',
            category: 'E',
            preferred: false,
            length: 4,
            by_value: true,
            align: 'i',
            storage: 'p',
            base: Type::new(0),
            spans: NO_SPANS,
        };
        let span = |kind, spans: [u32; 2]| {
            let wide = builtin::info(spans[0]).is_some_and(|bounds| bounds.align == 'd');
            let align = if wide { 'd' } else { 'i' };
            TypeInfo { kind, category: 'R', length: -1, by_value: false, align, storage: 'x', spans, ..plain }
        };
        let info = match &self.kind {
            UserTypeKind::Range(range) => span('r', [range.subtype, range.multirange]),
            UserTypeKind::Multirange { range, subtype } => span('m', [*subtype, *range]),
            UserTypeKind::Enum(_) => plain,
            UserTypeKind::Composite(_) => {
                TypeInfo { kind: 'c', category: 'C', length: -1, by_value: false, align: 'd', storage: 'x', ..plain }
            }
            UserTypeKind::Domain(domain) => match builtin::info(domain.base.oid) {
                Some(base) => TypeInfo {
                    kind: 'd',
                    category: base.category,
                    length: base.length,
                    by_value: base.by_value,
                    align: base.align,
                    storage: base.storage,
                    base: domain.base,
                    ..plain
                },
                None => TypeInfo { kind: 'd', base: domain.base, ..plain },
            },
        };
        defined::register(info);
        defined::register(TypeInfo {
            oid: self.array,
            name: lasting(self.array, &self.array_name),
            sql_name: "",
            array: 0,
            element: self.oid,
            kind: 'b',
            category: 'A',
            length: -1,
            by_value: false,
            align: if info.align == 'd' { 'd' } else { 'i' },
            storage: 'x',
            ..plain
        });
        match &self.kind {
            UserTypeKind::Range(_) | UserTypeKind::Multirange { .. } => make_range_constructors(self.oid, &self.name),
            UserTypeKind::Enum(_) | UserTypeKind::Domain(_) | UserTypeKind::Composite(_) => {}
        }
    }

    /// What a decision about the type, or that of its arrays, looks at.
    pub fn access(&self) -> auth::ObjectAccess<'_> {
        let (owner, kind) = (auth::RoleId(self.owner), auth::ObjectKind::Type);
        auth::ObjectAccess { owner, kind, acl: self.acl.as_ref() }
    }

    /// Puts another owner in the place of the old one, in the list too.
    pub(crate) fn give_to(&mut self, owner: u32) {
        let (old, new) = (auth::RoleId(self.owner), auth::RoleId(owner));
        self.acl.iter_mut().for_each(|acl| acl.change_owner(old, new));
        self.owner = owner;
    }

    /// The labels of an enum; none of anything else.
    pub fn labels(&self) -> &[Label] {
        match &self.kind {
            UserTypeKind::Enum(labels) => labels,
            _ => &[],
        }
    }

    /// Of a range the oid of its multirange, of a multirange that of its range.
    pub fn counterpart(&self) -> Option<u32> {
        match &self.kind {
            UserTypeKind::Range(range) => Some(range.multirange),
            UserTypeKind::Multirange { range, .. } => Some(*range),
            _ => None,
        }
    }

    pub fn is_multirange(&self) -> bool {
        matches!(self.kind, UserTypeKind::Multirange { .. })
    }

    pub fn domain(&self) -> Option<&Domain> {
        match &self.kind {
            UserTypeKind::Domain(domain) => Some(domain),
            _ => None,
        }
    }

    /// The label of a number.
    pub(crate) fn label(&self, number: i64) -> Option<&Label> {
        let labels = self.labels();
        labels.binary_search_by_key(&number, |label| label.number).ok().map(|at| &labels[at])
    }

    /// The number of a label, if the enum has one of that name.
    pub(crate) fn number_of(&self, name: &str) -> Option<i64> {
        self.labels().iter().find(|label| label.name == name).map(|label| label.number)
    }
}

/// The number of a label that comes between two others, or before or behind all. None: there is no room.
pub(crate) fn number_between(before: Option<i64>, after: Option<i64>) -> Option<i64> {
    match (before, after) {
        (None, None) => Some(0),
        (Some(before), None) => before.checked_add(GAP),
        (None, Some(after)) => after.checked_sub(GAP),
        (Some(before), Some(after)) => {
            let middle = before + (after - before) / 2;
            (middle > before).then_some(middle)
        }
    }
}

/// The oid of a table's row type is that of the table with this bit, and that of the type of its arrays has both bits.
/// No other object's oid has them.
const ROW_TYPE: u32 = 1 << 31;
const ROW_ARRAY: u32 = 1 << 30;

/// The oid of a table's row type; the system's own tables have none here.
pub(crate) fn row_type(table: u32) -> Option<u32> {
    (defined::FIRST_OID..ROW_ARRAY).contains(&table).then_some(table | ROW_TYPE)
}

/// The table whose row type has that oid, and whether it is the type of arrays of such rows.
pub(crate) fn table_of_row_type(oid: u32) -> Option<(u32, bool)> {
    (oid & ROW_TYPE != 0).then_some((oid & !(ROW_TYPE | ROW_ARRAY), oid & ROW_ARRAY != 0))
}

/// What is known of a table's row type by its oid: the names are for messages only.
pub(crate) fn row_type_info(table: u32, name: &'static str, sql_name: &'static str) -> Option<[TypeInfo; 2]> {
    let oid = row_type(table)?;
    let row = TypeInfo {
        oid,
        name,
        sql_name,
        array: oid | ROW_ARRAY,
        element: 0,
        kind: 'c',
        category: 'C',
        preferred: false,
        length: -1,
        by_value: false,
        align: 'd',
        storage: 'x',
        base: Type::new(0),
        spans: NO_SPANS,
    };
    let array_name = defined::known_name(row.array, name).unwrap_or_else(|| defined::lasting(&format!("_{name}")));
    let array = TypeInfo {
        oid: row.array,
        name: array_name,
        sql_name: "",
        array: 0,
        element: oid,
        kind: 'b',
        category: 'A',
        ..row
    };
    Some([row, array])
}

impl Catalog {
    /// The same oid of a table's row type, after it was told to those who know types by their oid alone.
    pub(crate) fn known_row_type(&self, oid: u32) -> Option<u32> {
        let table = self.tables.get(&(oid & !(ROW_TYPE | ROW_ARRAY)))?;
        if builtin::info(oid).is_none_or(|info| info.sql_name != quote_identifier(&table.name)) {
            let (name, sql_name) = (defined::lasting(&table.name), defined::lasting(&quote_identifier(&table.name)));
            row_type_info(table.oid, name, sql_name)?.into_iter().for_each(defined::register);
        }
        Some(oid)
    }

    /// The fields of a composite type.
    pub fn attributes(&self, oid: u32) -> Option<Vec<Attribute>> {
        if oid & ROW_TYPE != 0 {
            if oid & ROW_ARRAY != 0 {
                return None;
            }
            let table = self.tables.get(&(oid & !(ROW_TYPE | ROW_ARRAY)))?;
            let attribute = |column: &TableColumn| Attribute { name: column.name.clone(), ty: column.ty };
            return Some(table.columns.iter().map(attribute).collect());
        }
        match &self.types.get(&oid)?.kind {
            UserTypeKind::Composite(attributes) => Some(attributes.clone()),
            _ => None,
        }
    }

    /// The type of that name that SQL defined, in the given schema or in the first of the search path that has it.
    pub fn find_type(&self, schema: Option<&str>, name: &str, search_path: &[String]) -> Option<u32> {
        let in_schema = |schema: u32| {
            let key = (schema, name.to_owned());
            self.type_names.get(&key).copied().or_else(|| {
                let table = self.tables.get(self.relation_names.get(&key)?)?;
                self.known_row_type(row_type(table.oid)?)
            })
        };
        match schema {
            Some(schema) => in_schema(self.schema_named(schema)?.oid),
            None => self.path(search_path).find_map(|schema| in_schema(schema.oid)),
        }
    }

    /// The type of that oid that SQL defined, or the one whose arrays have the oid.
    pub fn defined_type(&self, oid: u32) -> Option<(&Arc<UserType>, bool)> {
        if oid < defined::FIRST_OID {
            return None;
        }
        if let Some(found) = self.types.get(&oid) {
            return Some((found, false));
        }
        let element = builtin::element_of(oid)?;
        self.types.get(&element).filter(|found| found.array == oid).map(|found| (found, true))
    }

    /// The type's name as `format_type` shows it: with its schema unless the search path finds it without.
    pub fn type_shown(&self, ty: Type, search_path: &[String]) -> Option<String> {
        if let Some(table) = self.tables.get(&(ty.oid & !(ROW_TYPE | ROW_ARRAY))).filter(|_| ty.oid & ROW_TYPE != 0) {
            let found =
                self.path(search_path).find_map(|schema| self.relation_names.get(&(schema.oid, table.name.clone())));
            let mut name = quote_identifier(&table.name);
            if found != Some(&table.oid)
                && let Some(schema) = self.schemas.get(&table.schema)
            {
                name = format!("{}.{name}", quote_identifier(&schema.name));
            }
            return Some(if ty.oid & ROW_ARRAY != 0 { format!("{name}[]") } else { name });
        }
        let Some((found, array)) = self.defined_type(ty.oid) else {
            return builtin::info(ty.oid).filter(|_| ty.oid < defined::FIRST_OID).map(|_| display(ty));
        };
        let mut name = quote_identifier(&found.name);
        if self.find_type(None, &found.name, search_path) != Some(found.oid)
            && let Some(schema) = self.schemas.get(&found.schema)
        {
            name = format!("{}.{name}", quote_identifier(&schema.name));
        }
        Some(if array { format!("{name}[]") } else { name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_labels_leave_room_between_them() {
        let (first, second) = (number_between(None, None), number_between(Some(0), None));
        assert_eq!((first, second), (Some(0), Some(GAP)));
        let mut between = 0;
        while let Some(next) = number_between(Some(between), second) {
            assert!(between < next && Some(next) < second);
            between = next;
        }
        assert_eq!(between, GAP - 1);
    }
}
