//! Other types of columns that rows need not be rewritten for: what is stored is a value of the new type as well.
//!
//! Like PostgreSQL we take text for text whatever its length may be, and times and numerics of more digits for what they
//! were. Unlike there, whole numbers are read as wider ones too, from rows and from files; only indexes over such a column
//! are built again, and a column of the primary key, which rows lie under, still rewrites them.

use storage::ColumnType;

use super::DefinitionEnvironment;
use crate::catalog::Table;
use crate::error::Result;
use crate::types::modifier::numeric_precision;
use crate::types::{Type, column_type, oid};

/// Whether every value of a type is, as it is stored, a value of the other.
fn holds_all(wider: Type, narrower: Type) -> bool {
    let is_longer = wider.modifier < 0 || (narrower.modifier >= 0 && narrower.modifier <= wider.modifier);
    match (narrower.oid, wider.oid) {
        (oid::VARCHAR, oid::VARCHAR) => is_longer,
        (oid::TEXT | oid::VARCHAR, oid::TEXT) => true,
        (oid::TEXT, oid::VARCHAR) => wider.modifier < 0,
        (oid::NUMERIC, oid::NUMERIC) => match (numeric_precision(narrower.modifier), numeric_precision(wider.modifier))
        {
            (_, None) => true,
            (Some((digits, scale)), Some((more, other))) => digits <= more && scale == other,
            (None, Some(_)) => false,
        },
        (oid::TIME | oid::TIMESTAMP | oid::TIMESTAMPTZ, _) => narrower.oid == wider.oid && is_longer,
        _ => false,
    }
}

/// Whether rows stay what they are when a column takes another type.
pub(super) fn needs_no_rows(table: &Table, position: usize, ty: Type) -> bool {
    // What indexes see besides columns may follow from the type.
    if table.indexes.iter().any(|index| index.derivations().count() > 0) {
        return false;
    }
    let column = &table.columns[position];
    let whole = [oid::INT2, oid::INT4, oid::INT8];
    if whole.contains(&column.ty.oid) && whole.contains(&ty.oid) {
        let in_key = table.row_key().is_some_and(|key| key.contains(&column.number));
        let widens = |narrow: ColumnType, wide: ColumnType| narrow == wide || !in_key && narrow.widens_to(&wide);
        return column_type(column.ty).is_ok_and(|narrow| column_type(ty).is_ok_and(|wide| widens(narrow, wide)));
    }
    holds_all(ty, column.ty)
}

impl DefinitionEnvironment<'_> {
    /// Gives a column the type that it has in `after`, where [`needs_no_rows`] says so.
    pub(super) async fn retype(&mut self, before: &Table, mut after: Table, position: usize) -> Result<()> {
        let number = before.columns[position].number;
        let stored = column_type(after.columns[position].ty)?;
        let changes_keys = before.storage.columns.get(position).is_none_or(|column| column.column_type != stored);
        let missing = before.storage.columns.get(position).map(|column| column.missing.clone().widened(&stored));
        after.lay_out(before.storage.generation, &missing.map_or_else(Vec::new, |missing| vec![(number, missing)]))?;
        let over_column: Vec<u32> = match changes_keys {
            true => {
                let over = |index: &&crate::catalog::Index| index.columns.iter().any(|part| part.number == number);
                before.indexes.iter().filter(over).map(|index| index.oid).collect()
            }
            false => Vec::new(),
        };
        self.redefine(after)?;
        if over_column.is_empty() {
            return Ok(());
        }
        self.rebuild(before.oid, |index| over_column.contains(&index)).await
    }
}
