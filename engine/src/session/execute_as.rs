//! EXECUTE AS USER: one statement with another role as the current one. The session's user stays, and the role is back
//! when the statement is over, however it ends.

use std::sync::Arc;

use auth::{RoleId, RoleKind, is_member_of};
use storage::Value;

use super::Session;
use super::cancel::Interrupt;
use super::extended::is_planned;
use super::prepared::Prepared;
use super::run::Outcome;
use crate::error::{Error, Result, SqlState};
use crate::execute::definition::FIRST_USER_OID;
use crate::function::SessionFacts;
use crate::statement::ExecuteAs;

/// Roles whose epochs are remembered.
const PERSONAS_MAX: usize = 1024;

/// The role that a statement runs as, and what the session goes back to after it.
#[derive(Debug)]
pub(super) struct Acting {
    pub(super) role: RoleId,
    /// The epoch of plans that are made as this role.
    epoch: u64,
    own_epoch: u64,
    own_facts: Arc<SessionFacts>,
}

impl Acting {
    /// For as long as something within a statement runs; whoever begins that goes back by itself.
    pub(super) fn within(role: RoleId, epoch: u64, own_facts: Arc<SessionFacts>) -> Self {
        Self { role, epoch, own_epoch: epoch, own_facts }
    }
}

impl Session {
    /// Runs the statement as the role that is named.
    pub(super) async fn execute_as(
        &mut self,
        order: &ExecuteAs,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        self.begin_acting(&order.user)?;
        self.audit_impersonation(&order.user, "EXECUTE AS USER");
        let result = if is_planned(prepared) {
            self.begin_implicit();
            self.run_planned(prepared, params, interrupt).await
        } else {
            let inner = Prepared::new(prepared.text.clone(), Some(order.statement.clone()), Vec::new());
            Box::pin(self.dispatch(&Arc::new(inner), params, interrupt)).await
        };
        self.end_acting();
        result
    }

    /// Does something as another role; as the one that already acts, if that is under way.
    pub(super) fn acting_as<T>(&mut self, user: &str, deed: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.acting.is_some() {
            return deed(self);
        }
        self.begin_acting(user)?;
        let result = deed(self);
        self.end_acting();
        result
    }

    fn begin_acting(&mut self, user: &str) -> Result<()> {
        self.end_acting();
        let role = self.role_to_act_as(user)?;
        let persona = (self.epoch, role);
        let epoch = match self.personas.get(&persona) {
            Some(epoch) => *epoch,
            None => {
                if self.personas.len() >= PERSONAS_MAX {
                    self.personas.clear();
                }
                let epoch = self.new_epoch();
                self.personas.insert(persona, epoch);
                epoch
            }
        };
        let own_facts = self.facts.clone();
        self.acting = Some(Box::new(Acting { role, epoch, own_epoch: persona.0, own_facts }));
        self.epoch = epoch;
        self.refresh_facts();
        Ok(())
    }

    /// Gives the session its own role back.
    pub(super) fn end_acting(&mut self) {
        let Some(acting) = self.acting.take() else { return };
        if self.epoch == acting.epoch {
            self.epoch = acting.own_epoch;
            self.facts = acting.own_facts;
            self.principal = None;
        } else {
            // The statement has changed what the session was before it.
            self.epoch = self.new_epoch();
            self.refresh_facts();
        }
    }

    /// The role of that name, if the current role may act as it. Whoever may not does not hear whether there is one.
    fn role_to_act_as(&mut self, name: &str) -> Result<RoleId> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let found = catalog.role_named(name);
        if principal.is_superuser() && found.is_none() {
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")));
        }
        let allowed = found.filter(|role| {
            let is_member = is_member_of(principal.role(), RoleId(role.oid), &*catalog);
            // The system's own roles stand for privileges, not for users.
            let is_user = role.oid >= FIRST_USER_OID && principal.kind().acts_as(role.attributes.kind());
            is_member || is_user
        });
        allowed.map(|role| RoleId(role.oid)).ok_or_else(|| refused(name, principal.kind()))
    }
}

fn refused(name: &str, kind: RoleKind) -> Error {
    let message = format!("permission denied to execute as user \"{name}\"");
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message).with_hint(match kind {
        RoleKind::User => "It takes a role of kind service, or membership in the user's role.",
        RoleKind::Service => "A role of kind service executes as roles of kind user.",
        RoleKind::Dba | RoleKind::System => "A role of kind dba executes as roles of the kinds user and service.",
    })
}
