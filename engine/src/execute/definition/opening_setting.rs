//! What sessions begin with: ALTER ROLE … SET and ALTER DATABASE … SET.
//!
//! Those of ALTER ROLE ALL come first. A database's settings override them, those of the role override these, and those of the
//! role in the database override all (PostgreSQL 15 manual, ALTER ROLE). Values are checked when they are said, and kept as text.

use std::sync::Arc;

use auth::RoleKind;

use super::DefinitionEnvironment;
use super::role::{check_manages, denied};
use crate::catalog::{Change, Role};
use crate::error::{Error, Result, SqlState};
use crate::session::parameter::{Kind, parameter};
use crate::statement::definition::{DatabaseChange, RoleOptions, SaidKind, SettingChange};
use crate::types::text::quote_identifier;

/// The setting of a role that stands for its kind.
pub(crate) const KIND_SETTING: &str = "kalamdb.role_kind";

impl DefinitionEnvironment<'_> {
    /// ALTER ROLE … [IN DATABASE …] SET and RESET.
    pub(super) async fn change_role_settings(
        &mut self,
        name: &str,
        database: Option<&str>,
        change: &SettingChange,
    ) -> Result<()> {
        if let (None, SettingChange::Set { name: setting, values }) = (database, change)
            && setting.eq_ignore_ascii_case(KIND_SETTING)
        {
            return self.set_kind_setting(name, values.as_deref()).await;
        }
        let mut role = self.lock_named_role(name).await?;
        self.check_settings(&role)?;
        let Some(database) = database else {
            self.change_settings(&mut role.settings, change)?;
            return self.apply(Change::Role(role.oid, Some(Arc::new(role))));
        };
        self.lock_database_name(database).await?;
        let database = self.database_named(database)?.oid;
        let known = role.database_settings.iter().position(|(of, _)| *of == database);
        let mut settings = known.map_or_else(Vec::new, |at| role.database_settings.remove(at).1);
        self.change_settings(&mut settings, change)?;
        if !settings.is_empty() {
            role.database_settings.push((database, settings));
        }
        self.apply(Change::Role(role.oid, Some(Arc::new(role))))
    }

    /// ALTER ROLE ALL [IN DATABASE …] SET and RESET. What everybody begins with in a database is the database's.
    pub(super) async fn change_every_role_settings(
        &mut self,
        database: Option<&str>,
        change: &SettingChange,
    ) -> Result<()> {
        if let Some(database) = database {
            return self.alter_database(database, &DatabaseChange::Settings(change.clone())).await;
        }
        if !self.principal.is_superuser() {
            return Err(denied("must be superuser to alter settings globally"));
        }
        let gone = || Error::internal("nothing keeps the settings of all databases");
        let name = self.catalog().keeper_of_settings().ok_or_else(gone)?.name.clone();
        self.lock_database_name(&name).await?;
        let mut keeper = (**self.catalog().keeper_of_settings().ok_or_else(gone)?).clone();
        self.change_settings(&mut keeper.everywhere, change)?;
        self.apply(Change::Database(keeper.oid, Some(Arc::new(keeper))))
    }

    /// Takes a change that is one of SET or RESET. The place of a value that is set again stays.
    pub(super) fn change_settings(&self, settings: &mut Vec<(String, String)>, change: &SettingChange) -> Result<()> {
        let superuser = self.principal.is_superuser();
        let mut trial = (*self.context.session.settings).clone();
        let (name, value) = match change {
            SettingChange::ResetAll => {
                // What only superusers may change stays when others reset all.
                let stays = |name: &str| parameter(name).is_some_and(|known| known.changeable(superuser).is_err());
                settings.retain(|(name, _)| stays(name));
                return Ok(());
            }
            SettingChange::Set { name, values: Some(values) } => {
                // Whoever logs in must be able to have it.
                trial.set(name, values, superuser)?;
                let is_list = parameter(name).is_some_and(|parameter| matches!(parameter.kind, Kind::Names));
                let written = |value: &String| if is_list { quote_identifier(value) } else { value.clone() };
                (name, Some(values.iter().map(written).collect::<Vec<_>>().join(", ")))
            }
            SettingChange::Set { name, values: None } => {
                trial.reset(name, superuser)?;
                (name, None)
            }
            SettingChange::FromCurrent(name) => {
                let value = trial.get(name).ok_or_else(|| {
                    let message = format!("unrecognized configuration parameter \"{name}\"");
                    Error::new(SqlState::UNDEFINED_OBJECT, message)
                })?;
                trial.set_flat(name, &value, superuser)?;
                (name, Some(value))
            }
        };
        let name = parameter(name).map_or(name.as_str(), |known| known.name);
        let at = settings.iter().position(|(other, _)| other.eq_ignore_ascii_case(name));
        match (at, value) {
            (Some(at), Some(value)) => settings[at] = (name.to_owned(), value),
            (Some(at), None) => drop(settings.remove(at)),
            (None, Some(value)) => settings.push((name.to_owned(), value)),
            (None, None) => {}
        }
        Ok(())
    }

    /// ALTER ROLE … SET kalamdb.role_kind, which is how a dump says what a role is.
    async fn set_kind_setting(&mut self, name: &str, values: Option<&[String]>) -> Result<()> {
        let kind = match values {
            None => RoleKind::User,
            Some(values) => {
                let value = values.join(", ");
                RoleKind::named(&value).ok_or_else(|| {
                    let message = format!("invalid value for parameter \"{KIND_SETTING}\": \"{value}\"");
                    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
                        .with_hint("Available values: user, service, dba, system.")
                })?
            }
        };
        let kind = Some(SaidKind { kind, or_member: false });
        self.alter_role(name, &RoleOptions { kind, ..RoleOptions::default() }).await
    }

    fn check_settings(&self, role: &Role) -> Result<()> {
        let own = self.own_attributes(&self.context.catalog);
        if role.attributes.superuser && !own.superuser {
            return Err(denied("must be superuser to alter superusers"));
        }
        if role.oid == self.principal.role().0 {
            return Ok(());
        }
        check_manages(&own, role.attributes.kind(), "permission denied")
    }
}
