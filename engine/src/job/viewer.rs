//! Who may see and end which jobs: operators all of them, others those that they ordered and those about their tables.

use auth::{Duty, Principal, RoleId};

use super::Job;
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Result, SqlState};
use crate::function::EvalContext;

/// A role that looks at jobs from within a database.
pub(crate) struct Viewer<'a> {
    catalog: &'a Catalog,
    principal: Principal,
}

impl<'a> Viewer<'a> {
    pub(crate) fn of(context: &'a EvalContext) -> Self {
        let session = &context.session;
        let catalog = &*context.catalog;
        Self { principal: Principal::resolve(session.current_role, session.current_user.as_str(), catalog), catalog }
    }

    pub(crate) fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// Whether the role owns what that one does, or looks after what others own.
    pub(crate) fn owns(&self, owner: u32) -> bool {
        self.principal.kind().has(Duty::Operate) || self.principal.has_privileges_of(RoleId(owner))
    }

    /// Whether the role may be shown what is in a table: the rows of a user table are not its owner's, and policies may hide
    /// rows of others.
    pub(crate) fn may_see_values(&self, table: &Table) -> bool {
        let is_subject = table.security_for(self.principal.role(), self.catalog).is_some();
        !is_subject && (!table.is_divided() || self.principal.is_superuser())
    }

    /// Whether `system.jobs` shows it: jobs about the tables of other databases are shown there.
    pub(crate) fn lists(&self, job: &Job) -> bool {
        job.task.work().table().is_none_or(|of| of.database == self.catalog.database) && self.looks_after(job)
    }

    /// 42501 unless the role may end the job of that id. Those who may end none but their own are not told whether there is
    /// such a job.
    pub(crate) fn may_end(&self, id: &str, job: Option<&Job>) -> Result<()> {
        if job.map_or(self.principal.kind().has(Duty::Operate), |job| self.looks_after(job)) {
            return Ok(());
        }
        let message = format!("permission denied for job {id}");
        Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message).with_hint(format!(
            "It takes whoever ordered it, the owner of its table, or a role of kind {}.",
            Duty::Operate.least_kind().name()
        )))
    }

    /// Whether the role ordered the job, owns its table, or looks after all jobs.
    fn looks_after(&self, job: &Job) -> bool {
        let of = job.task.work().table().filter(|of| of.database == self.catalog.database);
        let owner = of.and_then(|of| self.catalog.tables.get(&of.table)).map(|table| table.owner);
        self.principal.kind().has(Duty::Operate) || owner.into_iter().chain(job.asked_by).any(|role| self.owns(role))
    }
}
