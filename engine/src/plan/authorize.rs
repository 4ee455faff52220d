//! The gate: what a statement does to each relation it names, against what its principal may do there.
//!
//! An [`AuthorizedPlan`] can be made nowhere else, and nothing else can be executed.

use auth::{Duty, ObjectKind, Principal, Privileges, RoleId};
use storage::{TableId, TableLock};

use super::function_run::{Ahead, CalledBody, FunctionRun};
use super::relation::{CheckAs, RelationUse};
use super::write::{Action, InsertSource, RowsToChange, WithWork, WithWrite, Write};
use super::{BoundStatement, Plan};
use crate::catalog::pg_catalog::SYSTEM;
use crate::catalog::{Catalog, Schema, Table};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind, walk};

/// A plan that its principal may run.
#[derive(Debug)]
pub struct AuthorizedPlan {
    bound: BoundStatement,
    point: bool,
}

impl AuthorizedPlan {
    pub fn plan(&self) -> &Plan {
        &self.bound.plan
    }

    /// Table locks to take first, in order of table.
    pub fn locks(&self) -> &[(TableId, TableLock)] {
        &self.bound.locks
    }

    /// The writes of its WITH clause, to run with it.
    pub fn with_writes(&self) -> &[WithWrite] {
        &self.bound.with_writes
    }

    /// The bodies of functions to run before it.
    pub(crate) fn runs(&self) -> &[FunctionRun] {
        &self.bound.runs
    }

    /// The bodies that its expressions call.
    pub(crate) fn bodies(&self) -> &[std::sync::Arc<CalledBody>] {
        &self.bound.bodies
    }

    /// What is to be computed before it writes.
    pub(crate) fn ahead(&self) -> Option<&Ahead> {
        self.bound.ahead.as_ref()
    }

    /// Whether it runs bodies of functions, before it or on the way.
    pub(crate) fn calls_bodies(&self) -> bool {
        !self.bound.runs.is_empty() || !self.bound.bodies.is_empty()
    }

    /// Whether it is more than one write or one query.
    pub fn runs_together(&self) -> bool {
        let has_after = || match &self.bound.plan {
            Plan::Write(write) => write.returning.as_ref().is_some_and(|returning| returning.after.is_some()),
            _ => false,
        };
        !self.bound.with_writes.is_empty() || self.calls_bodies() || has_after() || self.fires()
    }

    /// Whether it may run triggers.
    pub(crate) fn fires(&self) -> bool {
        let of_with = |with: &WithWrite| match &with.work {
            WithWork::Write(write) => write.target.fires,
            WithWork::Lock(_) => false,
        };
        matches!(&self.bound.plan, Plan::Write(write) if write.target.fires)
            || self.bound.with_writes.iter().any(of_with)
    }

    /// Whether it calls functions that may have to wait.
    pub fn waits(&self) -> bool {
        self.bound.waits
    }

    /// Whether several places of it are to see the same rows, which are computed once.
    pub fn keeps_rows(&self) -> bool {
        self.bound.keeps_rows
    }

    /// A stream table whose rows it answers, if there is one: what has been read of them may be over when it is fetched.
    pub(crate) fn stream_read(&self) -> Option<&Table> {
        let is_query = !matches!(self.bound.plan, Plan::Write(_));
        self.bound.uses.iter().filter(|_| is_query).map(|used| &*used.table).find(|table| table.is_stream())
    }

    /// Whether it runs row by row, without DataFusion.
    pub fn is_point(&self) -> bool {
        self.point
    }
}

/// Decides whether the principal may do what the statement does; 42501 if not.
pub fn authorize(bound: BoundStatement, principal: &Principal, catalog: &Catalog) -> Result<AuthorizedPlan> {
    authorize_all(&bound.uses, principal, catalog)?;
    let point = match &bound.plan {
        _ if !bound.with_writes.is_empty() || !bound.runs.is_empty() || !bound.bodies.is_empty() => false,
        Plan::PointSelect(_) | Plan::OneRow(_) | Plan::Short { .. } => true,
        Plan::Query(_) => false,
        Plan::Write(write) => is_point_write(write),
    };
    Ok(AuthorizedPlan { bound, point })
}

/// The same for the uses of a statement that was bound before.
pub(crate) fn authorize_all(uses: &[RelationUse], principal: &Principal, catalog: &Catalog) -> Result<()> {
    uses.iter().try_for_each(|used| authorize_use(used, principal, catalog))
}

/// The same for what a new view reads: whether names may be looked up, and nothing else.
pub(crate) fn authorize_uses(uses: &[RelationUse], principal: &Principal, catalog: &Catalog) -> Result<()> {
    let mut named = uses.iter().filter(|used| used.check_as == CheckAs::Caller);
    named.try_for_each(|used| check_reach(&used.table, used.privileges, principal, catalog))
}

fn authorize_use(used: &RelationUse, principal: &Principal, catalog: &Catalog) -> Result<()> {
    let table = &used.table;
    let owner;
    let principal = match used.check_as {
        CheckAs::Caller | CheckAs::Session => principal,
        CheckAs::Role(role) => {
            owner = Principal::resolve(RoleId(role), catalog.role_name(role), catalog);
            &owner
        }
    };
    // Names beneath a view were looked up when it was made.
    if used.check_as == CheckAs::Caller {
        check_reach(table, used.privileges, principal, catalog)?;
    }
    if table.materialized.as_ref().is_some_and(|materialized| !materialized.populated) {
        let message = format!("materialized view \"{}\" has not been populated", table.name);
        return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
            .with_hint("Use the REFRESH MATERIALIZED VIEW command."));
    }
    if table.schema == SYSTEM && !principal.kind().has(Duty::Operate) {
        return Err(denied(ObjectKind::Schema, "system").with_hint("It takes a role of kind dba."));
    }
    let system = table.is_system();
    if system && !(used.privileges - Privileges::SELECT).is_empty() {
        // Its rows are computed: not even a superuser writes them.
        let message = format!("permission denied: \"{}\" is a system catalog", table.name);
        return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    if system && table.acl.is_none() {
        return Ok(());
    }
    if table.allows(principal, used.privileges, &used.columns) { Ok(()) } else { Err(denied_relation(table)) }
}

/// 42501 unless the principal may look names up in the table's schema, or what it wants with the table is open to it
/// because of what it is, wherever the table is.
pub(crate) fn check_reach(table: &Table, wanted: Privileges, principal: &Principal, catalog: &Catalog) -> Result<()> {
    let Some(schema) = catalog.schemas.get(&table.schema) else { return Ok(()) };
    let reached = check_schema(principal, schema, Privileges::USAGE);
    if reached.is_err() && !wanted.is_empty() && table.open_to(principal.kind()).contains(wanted) {
        return Ok(());
    }
    reached
}

/// 42501 unless the principal has the privileges on the schema.
pub(crate) fn check_schema(principal: &Principal, schema: &Schema, wanted: Privileges) -> Result<()> {
    if schema.allows(principal, wanted) { Ok(()) } else { Err(denied(ObjectKind::Schema, &schema.name)) }
}

/// `permission denied for view x`.
pub(crate) fn denied_relation(table: &Table) -> Error {
    let message = format!("permission denied for {} {}", table.noun(), table.name);
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

/// `permission denied for table x`.
pub(crate) fn denied(kind: ObjectKind, name: &str) -> Error {
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for {} {name}", kind.noun()))
}

fn is_point_write(write: &Write) -> bool {
    match &write.action {
        Action::Insert(insert) => match &insert.source {
            InsertSource::Rows(rows) => !rows.iter().flatten().any(has_subquery),
            InsertSource::Query { .. } => false,
        },
        Action::Update(update) => {
            is_short(&update.rows) && !update.assignments.iter().any(|(_, value)| has_subquery(value))
        }
        Action::Delete(delete) => is_short(&delete.rows),
        Action::Merge(_) | Action::OfKeys => false,
    }
}

fn is_short(rows: &RowsToChange) -> bool {
    match rows {
        RowsToChange::Point { .. } | RowsToChange::Cursor { .. } => true,
        RowsToChange::Query { short, .. } => short.is_some(),
    }
}

fn has_subquery(expr: &Expr) -> bool {
    let mut found = false;
    walk::visit(expr, &mut |part| found |= matches!(part.kind, ExprKind::Subquery(_)));
    found
}
