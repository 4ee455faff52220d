//! ALTER COLUMN … SET STATISTICS, STORAGE and COMPRESSION, which nothing here goes by: checked as PostgreSQL does, kept
//! and shown.

use super::DefinitionEnvironment;
use super::alter::column_of;
use crate::catalog::{ColumnHints, Compression};
use crate::error::{Error, Result, SqlState};
use crate::types::{self, Type, builtin};

/// PostgreSQL's greatest target.
const STATISTICS_MAX: i64 = 10_000;

/// What a type's values are stored like that are never put elsewhere or compressed.
const PLAIN: char = 'p';

impl DefinitionEnvironment<'_> {
    pub(super) fn hint_column(
        &mut self,
        oid: u32,
        column: &str,
        hint: impl Fn(&mut ColumnHints, Type) -> Result<()>,
    ) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let position = column_of(&table, column)?;
        let mut table = (*table).clone();
        let column = &mut table.columns[position];
        hint(&mut column.hints, column.ty)?;
        self.put_table(table)?;
        Ok(())
    }

    /// The same, of what lies beneath a table too.
    pub(super) fn hint_with_beneath(
        &mut self,
        oid: u32,
        column: &str,
        hint: impl Fn(&mut ColumnHints, Type) -> Result<()>,
    ) -> Result<()> {
        let (catalog, _) = self.locked_table(oid)?;
        self.hint_column(oid, column, &hint)?;
        catalog.descendants(oid).iter().try_for_each(|below| self.hint_column(below.oid, column, &hint))
    }

    /// A target as it is kept; −1 is the default.
    pub(super) fn statistics_target(&mut self, target: i64) -> Result<Option<i16>> {
        if target < -1 {
            let message = format!("statistics target {target} is too low");
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
        if target > STATISTICS_MAX {
            self.notice_warning("01000", format!("lowering statistics target to {STATISTICS_MAX}"));
        }
        let target = i16::try_from(target.min(STATISTICS_MAX)).unwrap_or(i16::MAX);
        Ok(Some(target).filter(|target| *target >= 0))
    }
}

/// The compression of that name for values of a type; None is the default.
pub(super) fn compression(name: &str, ty: Type) -> Result<Option<Compression>> {
    let compression = match name {
        "default" => None,
        "pglz" => Some(Compression::Pglz),
        "lz4" => Some(Compression::Lz4),
        _ => {
            let message = format!("invalid compression method \"{name}\"");
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
    };
    if name != "default" && own_storage(ty) == PLAIN {
        let message = format!("column data type {} does not support compression", types::display(Type::new(ty.oid)));
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    Ok(compression)
}

/// The storage of that name for values of a type.
pub(super) fn storage(name: &str, ty: Type) -> Result<Option<char>> {
    let storage = match name.to_ascii_lowercase().as_str() {
        "plain" => PLAIN,
        "external" => 'e',
        "extended" => 'x',
        "main" => 'm',
        _ => {
            let message = format!("invalid storage type \"{name}\"");
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
    };
    let own = own_storage(ty);
    if storage != PLAIN && own == PLAIN {
        let message = format!("column data type {} can only have storage PLAIN", types::display(Type::new(ty.oid)));
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    Ok(Some(storage).filter(|storage| *storage != own))
}

fn own_storage(ty: Type) -> char {
    builtin::info(ty.oid).map_or('x', |info| info.storage)
}
