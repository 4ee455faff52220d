//! Tables that inherit from others: what they are made with (`create`), how they get and lose a parent (`link`), and what
//! ALTER TABLE of the parent means for them (`alter`).
//!
//! As with partitions, everybody else is kept away from a parent while it gets a child, so that no statement misses rows.

mod alter;
mod create;
mod link;

use super::DefinitionEnvironment;
use crate::catalog::{Constraint, Table};
use crate::error::{Error, Result, SqlState};

/// 42809 unless others can inherit from a table, which a temporary or a lasting one is about to do.
fn refuse_parent(parent: &Table, temporary: bool) -> Result<()> {
    let refused = |message: String| Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    let name = &parent.name;
    super::names::require_table(parent, |name| {
        format!("inherited relation \"{name}\" is not a table or foreign table")
    })?;
    if parent.partitioning.key.is_some() {
        return refused(format!("cannot inherit from partitioned table \"{name}\""));
    }
    if parent.partitioning.of.is_some() {
        return refused(format!("cannot inherit from partition \"{name}\""));
    }
    match (parent.temporary.is_some(), temporary) {
        (true, false) => refused(format!("cannot inherit from temporary relation \"{name}\"")),
        // Everybody reads the parent, and nobody but the session its table.
        (false, true) => Err(Error::unsupported("a temporary table that inherits from a permanent one")),
        _ => Ok(()),
    }
}

impl DefinitionEnvironment<'_> {
    /// Notes that a table has a check that it has of its parents as its own too. False if it has no such check.
    pub(super) fn merge_check(&mut self, table: &mut Table, check: &Constraint) -> Result<bool> {
        let relation = table.name.clone();
        let Some(own) = table.constraints.iter_mut().find(|own| own.name == check.name) else { return Ok(false) };
        if own.kind != check.kind {
            let message = format!("constraint \"{}\" for relation \"{relation}\" already exists", own.name);
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
        }
        if own.no_inherit != check.no_inherit {
            let what = if own.no_inherit { "non-inherited" } else { "inherited" };
            let message =
                format!("constraint \"{}\" conflicts with {what} constraint on relation \"{relation}\"", own.name);
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        if own.not_valid && !check.not_valid {
            let message =
                format!("constraint \"{}\" conflicts with NOT VALID constraint on relation \"{relation}\"", own.name);
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        own.local |= check.local;
        let message = format!("merging constraint \"{}\" with inherited definition", own.name);
        self.notice(message);
        Ok(true)
    }
}
