//! Binding COPY FROM: an INSERT whose rows come from outside.

use datafusion::sql::sqlparser::ast;
use storage::{TableId, TableLock};

use super::super::{Binder, Clause};
use super::through::Verb;
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::plan::write::{Action, Insert, InsertSource, Write};
use crate::plan::{BoundStatement, Plan};

/// A bound COPY FROM.
pub(crate) struct BoundCopy {
    /// The write that its rows are; it has none of its own.
    pub(crate) statement: BoundStatement,
    /// Positions in the table of the copied columns, in the order of the data.
    pub(crate) positions: Vec<usize>,
    /// What each column of the table holds when it is not copied.
    pub(crate) row: Vec<Expr>,
    pub(crate) filter: Option<Expr>,
}

impl Binder<'_> {
    /// Binds COPY table (columns) FROM … WHERE filter.
    pub(crate) fn copy_in(
        &mut self,
        name: &ast::ObjectName,
        columns: &[String],
        filter: Option<&ast::Expr>,
    ) -> Result<BoundCopy> {
        let goal = self.target(name, None, Verb::Insert)?;
        if goal.through.is_some() {
            let message = format!("cannot copy to view \"{}\"", goal.names.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                .with_hint("To enable copying to a view, provide an INSTEAD OF INSERT trigger."));
        }
        let (target, scope) = (goal.target, goal.scope);
        let table = target.table.clone();
        let mut positions = Vec::new();
        for column in columns {
            let position = table.position_of(column).ok_or_else(|| {
                let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
                Error::new(SqlState::UNDEFINED_COLUMN, message)
            })?;
            if table.columns[position].generated {
                let message = format!("column \"{column}\" is a generated column");
                return Err(Error::new(SqlState::INVALID_COLUMN_REFERENCE, message)
                    .with_detail("Generated columns cannot be used in COPY."));
            }
            if positions.contains(&position) {
                let message = format!("column \"{column}\" specified more than once");
                return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
            }
            positions.push(position);
        }
        if columns.is_empty() {
            positions = (0..table.columns.len()).filter(|position| !table.columns[*position].generated).collect();
        }
        let numbers: Vec<u16> = positions.iter().map(|position| table.columns[*position].number).collect();
        self.note_use(&table, auth::Privileges::INSERT, &numbers);
        if self.is_policed(&table)? {
            let message = "COPY FROM not supported with row-level security";
            return Err(
                Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_hint("Use INSERT statements instead.")
            );
        }
        let row =
            (0..table.columns.len()).map(|position| self.default_of(&table, position)).collect::<Result<Vec<_>>>()?;
        let filter = filter.map(|condition| self.condition(condition, &scope, Clause::CopyWhere)).transpose()?;
        let action = Action::Insert(Box::new(Insert { source: InsertSource::Rows(Vec::new()), on_conflict: None }));
        let uses = self.uses();
        let mut locks = vec![(TableId(table.oid), TableLock::RowExclusive)];
        let parents = target.with_leaves().flat_map(|target| &target.parents);
        locks.extend(parents.map(|parent| (TableId(parent.parent.oid), TableLock::RowShare)));
        self.lock_partitions(&mut locks);
        let write = Write { target, action, returning: None, uses: uses.clone(), params: Vec::new() };
        let statement = BoundStatement {
            plan: Plan::Write(Box::new(write)),
            params: Vec::new(),
            columns: None,
            uses,
            locks,
            with_writes: Vec::new(),
            runs: Vec::new(),
            bodies: Vec::new(),
            ahead: None,
            waits: false,
            keeps_rows: false,
        };
        Ok(BoundCopy { statement, positions, row, filter })
    }
}
