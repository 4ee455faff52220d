//! The forms of ALTER COLUMN that we read ourselves: what is said of identity and generated columns.

use super::alter::column_of;
use super::{DefinitionEnvironment, column_hint};
use crate::catalog::{ColumnHints, Identity, Table};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::{ColumnChange, SequenceOptions};

impl DefinitionEnvironment<'_> {
    /// Changes a column of a table, which is locked with everything beneath it.
    pub(super) async fn change_column(&mut self, oid: u32, column: &str, change: &ColumnChange) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        let of_materialized = table.materialized.is_some() && change.is_hint();
        if !of_materialized {
            super::names::require_table(&table, |name| format!("\"{name}\" is not a table"))?;
        }
        match change {
            ColumnChange::DropExpression { if_exists } => {
                self.drop_expression(oid, column, *if_exists)?;
                for below in catalog.descendants(oid) {
                    self.drop_expression(below.oid, column, *if_exists)?;
                }
                Ok(())
            }
            ColumnChange::DropIdentity { if_exists } => self.drop_identity(oid, column, *if_exists),
            ColumnChange::AddIdentity { always, options } => {
                let position = column_of(&table, column)?;
                let identity = if *always { Identity::Always } else { Identity::ByDefault };
                self.add_identity(oid, position, identity, options).await
            }
            ColumnChange::SetIdentity { always, options } => self.set_identity(oid, column, *always, options).await,
            ColumnChange::SetStatistics(target) => {
                let target = self.statistics_target(*target)?;
                let set = |hints: &mut ColumnHints, _| {
                    hints.statistics = target;
                    Ok(())
                };
                self.hint_with_beneath(oid, column, set)
            }
            ColumnChange::SetStorage(name) => self.hint_with_beneath(oid, column, |hints, ty| {
                hints.storage = column_hint::storage(name, ty)?;
                Ok(())
            }),
            ColumnChange::SetCompression(name) => self.hint_column(oid, column, |hints, ty| {
                hints.compression = column_hint::compression(name, ty)?;
                Ok(())
            }),
            ColumnChange::SetType { data_type, collation, using } => {
                let position = column_of(&table, column)?;
                let to = (data_type, collation);
                self.change_type_and_collation(oid, position, to, using.as_deref()).await
            }
            ColumnChange::Hint => column_of(&table, column).map(|_| ()),
        }
    }

    fn drop_identity(&mut self, oid: u32, name: &str, if_exists: bool) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let position = column_of(&table, name)?;
        if table.columns[position].identity.is_none() {
            if if_exists {
                self.notice_skipping(None, not_identity(&table, name));
                return Ok(());
            }
            return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, not_identity(&table, name)));
        }
        let mut table = (*table).clone();
        let column = &mut table.columns[position];
        column.identity = None;
        column.default = None;
        let number = column.number;
        self.redefine(table)?;
        self.drop_owned_sequences(oid, Some(number))
    }

    async fn set_identity(
        &mut self,
        oid: u32,
        name: &str,
        always: Option<bool>,
        options: &SequenceOptions,
    ) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        let position = column_of(&table, name)?;
        let column = &table.columns[position];
        if column.identity.is_none() {
            return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, not_identity(&table, name)));
        }
        let mut owned = catalog.sequences_of(oid).filter(|(_, owner)| owner.column == column.number);
        if let Some((sequence, _)) = owned.next() {
            let sequence = sequence.oid;
            self.change_sequence(sequence, options).await?;
        }
        if let Some(always) = always {
            let (_, table) = self.locked_table(oid)?;
            let mut table = (*table).clone();
            table.columns[position].identity = Some(if always { Identity::Always } else { Identity::ByDefault });
            self.redefine(table)?;
        }
        Ok(())
    }
}

fn not_identity(table: &Table, column: &str) -> String {
    format!("column \"{column}\" of relation \"{}\" is not an identity column", table.name)
}
