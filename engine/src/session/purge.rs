//! PURGE USER: a role goes at once with all that is its own, without the time that DROP USER leaves.

use auth::{Duty, RoleKind};

use super::Session;
use super::cancel::Interrupt;
use super::prepared::Prepared;
use crate::error::{Error, Result, SqlState};
use crate::job::{Order, Task, UserCleanup};
use crate::statement::Definition;
use crate::statement::definition::RoleName;

impl Session {
    /// Purges the roles of that name that were dropped; if there are none, the role of that name is dropped first.
    pub(super) async fn purge_user(
        &mut self,
        name: &str,
        if_exists: bool,
        prepared: &Prepared,
        interrupt: &Interrupt,
    ) -> Result<()> {
        self.check_outside("PURGE USER")?;
        self.check_may_purge(name)?;
        let mut dropped = self.catalog().roles.dropped_named(name)?;
        if dropped.is_empty() {
            self.begin_implicit();
            let roles = vec![RoleName::Named(name.to_owned())];
            let definition = Definition::DropRoles { roles, if_exists };
            interrupt.guard(Box::pin(self.run_definition(&definition, prepared))).await?;
            self.end_implicit().await?;
            dropped = self.catalog().roles.dropped_named(name)?;
        }
        let (database, asked_by) = (self.database.clone(), self.current_role().0);
        for role in dropped {
            let task = Task::UserCleanup(UserCleanup { role: Some(role.oid) });
            let done = async { database.jobs().order(&database, Order::awaited(task, asked_by))?.end().await };
            interrupt.guard(done).await?;
        }
        Ok(())
    }

    /// 42501 for whoever does not manage such roles, whether or not there is one of that name.
    fn check_may_purge(&mut self, name: &str) -> Result<()> {
        let catalog = self.catalog();
        let own = self.principal(&catalog).kind();
        let of_dropped = catalog.roles.dropped_named(name)?.into_iter();
        let highest = of_dropped.chain(catalog.roles.find_named(name)?).map(|role| role.attributes.kind()).max();
        let least = highest.unwrap_or(RoleKind::User).max(Duty::Operate.least_kind());
        if own >= least {
            return Ok(());
        }
        let message = format!("permission denied to purge user \"{name}\"");
        Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
            .with_hint(format!("It takes a role of kind {}.", RoleKind::Dba.name())))
    }
}
