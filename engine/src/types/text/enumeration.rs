//! Enums as text: labels for numbers.

use storage::Value;

use super::Names;
use crate::catalog::Catalog;
use crate::error::{Error, Result, SqlState};
use crate::types::{Type, builtin};

/// The label that a value of an enum is written as.
pub(crate) fn label_of(value: i64, ty: u32, catalog: &Catalog) -> Option<&str> {
    let ty = catalog.types.get(&builtin::base_of(ty))?;
    ty.label(value).map(|label| label.name.as_str())
}

/// The value of a label: 22P02 if the enum, which the search path may find, has no such one.
pub(crate) fn find_label(text: &str, ty: u32, catalog: &Catalog, search_path: &[String]) -> Result<Value> {
    let ty =
        catalog.types.get(&builtin::base_of(ty)).ok_or_else(|| Error::internal("an enum is not in the catalog"))?;
    ty.number_of(text).map(Value::Int8).ok_or_else(|| {
        let shown = catalog.type_shown(Type::new(ty.oid), search_path).unwrap_or_else(|| ty.name.clone());
        let message = format!("invalid input value for enum {shown}: \"{text}\"");
        Error::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
    })
}

/// Appends the label. Without a catalog, or after the type is gone, there is only the number.
pub(crate) fn write(value: i64, ty: u32, names: Option<&Names>, out: &mut Vec<u8>) {
    match names.and_then(|names| label_of(value, ty, &names.catalog)) {
        Some(label) => out.extend_from_slice(label.as_bytes()),
        None => super::write_i64(value, out),
    }
}

pub(super) fn parse(text: &str, ty: u32, names: Option<&Names>) -> Result<Value> {
    let names = names.ok_or_else(|| Error::internal("a label was to be looked up without a catalog"))?;
    find_label(text, ty, &names.catalog, &names.search_path)
}
