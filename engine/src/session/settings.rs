//! A session's settings (PostgreSQL's run-time parameters): their names, defaults, checks and values.
//!
//! A value is kept as SHOW prints it; those that the engine itself obeys are also kept decoded in `Active`, so that
//! no statement parses a setting. A session holds its settings behind an `Arc` and changes a copy, so that a
//! transaction can put the old ones back.

use std::collections::BTreeMap;
use std::time::Duration;

use auth::RoleId;
use storage::Durability;

use super::parameter::amount::Unit;
use super::parameter::{Kind, Parameter, parameter, parameters};
use crate::error::{Error, Result, SqlState};
use crate::statement::IsolationLevel;
use crate::types::datetime::DateStyle;
use crate::types::text::Format;

/// All settings of a session at one moment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What differs from the defaults, by lower-case name.
    changed: BTreeMap<String, String>,
    /// Where a value that the session began with is from, as `pg_settings.source` has it, by lower-case name.
    sources: BTreeMap<String, &'static str>,
    active: Active,
}

/// The decoded settings that the engine obeys.
#[derive(Debug, Clone)]
pub struct Active {
    pub search_path: Vec<String>,
    /// Whose session it is, if not who logged in.
    pub session_role: Option<RoleId>,
    /// Who the statements run as, if not whose session it is.
    pub role: Option<RoleId>,
    pub format: Format,
    pub statement_timeout: Option<Duration>,
    pub lock_timeout: Option<Duration>,
    pub idle_in_transaction_session_timeout: Option<Duration>,
    pub idle_session_timeout: Option<Duration>,
    pub default_isolation: IsolationLevel,
    pub default_read_only: bool,
    pub default_deferrable: bool,
    pub durability: Durability,
    /// Rank of the least severe message the client wants: see `notice_rank`.
    pub client_min_messages: u8,
    /// Statements that take so long are logged.
    pub log_min_duration: Option<Duration>,
    /// Whether simple single-row shapes skip DataFusion; off, every statement takes the wide road.
    pub point_plans: bool,
    /// Off, a query is refused rather than left without rows that others would see.
    pub row_security: bool,
    /// Whether user tables are read with the rows of all users.
    pub all_users: bool,
}

const POINT_PLANS: &str = "kalamdb.point_plans";

/// The setting that SET ROLE changes, and what it shows while nobody has.
pub const ROLE: &str = "role";
pub const NO_ROLE: &str = "none";

/// The setting that SET SESSION AUTHORIZATION changes.
pub const SESSION_AUTHORIZATION: &str = "session_authorization";

const IS_SUPERUSER: &str = "is_superuser";

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            changed: BTreeMap::new(),
            sources: BTreeMap::new(),
            active: Active {
                search_path: Vec::new(),
                session_role: None,
                role: None,
                format: Format::default(),
                statement_timeout: None,
                lock_timeout: None,
                idle_in_transaction_session_timeout: None,
                idle_session_timeout: None,
                default_isolation: IsolationLevel::ReadCommitted,
                default_read_only: false,
                default_deferrable: false,
                durability: Durability::Sync,
                client_min_messages: notice_rank("notice"),
                log_min_duration: None,
                point_plans: true,
                row_security: true,
                all_users: false,
            },
        };
        settings.active.search_path = split_names("\"$user\", public");
        settings
    }
}

impl Settings {
    pub fn active(&self) -> &Active {
        &self.active
    }

    /// The value as SHOW prints it; None for an unknown name.
    pub fn get(&self, name: &str) -> Option<String> {
        let key = name.to_lowercase();
        if let Some(value) = self.changed.get(&key) {
            return Some(value.clone());
        }
        if key == ROLE {
            return Some(NO_ROLE.to_owned());
        }
        parameter(&key).map(|parameter| parameter.default.to_owned())
    }

    /// Every setting: its canonical name, value and description.
    pub fn all(&self) -> Vec<(&str, String, &'static str)> {
        parameters()
            .into_iter()
            .map(|(_, parameter)| {
                let value = self.changed.get(&parameter.name.to_lowercase());
                (
                    parameter.name,
                    value.map_or_else(|| parameter.default.to_owned(), String::clone),
                    parameter.description,
                )
            })
            .collect()
    }

    /// SET: checks and takes a value. Several words are a list (`search_path`).
    pub fn set(&mut self, name: &str, words: &[String], superuser: bool) -> Result<()> {
        let key = name.to_lowercase();
        let Some(parameter) = parameter(&key) else { return self.set_custom(&key, name, words) };
        parameter.changeable(superuser)?;
        let value = match parameter.kind {
            // What the words leave open stays as it is.
            Kind::DateStyle => DateStyle::setting(&words.join(", "), self.active.format.date_style)?.to_string(),
            _ => parameter.kind.canonical(parameter.name, words)?,
        };
        parameter.supported(&value)?;
        self.take(parameter, &key, value)
    }

    /// The same with a list written down as one text, as `set_config` takes it.
    pub fn set_flat(&mut self, name: &str, value: &str, superuser: bool) -> Result<()> {
        let key = name.to_lowercase();
        match parameter(&key) {
            Some(parameter) if matches!(parameter.kind, Kind::Names) => {
                parameter.changeable(superuser)?;
                self.take(parameter, &key, value.to_owned())
            }
            _ => self.set(name, &[value.to_owned()], superuser),
        }
    }

    /// Takes a value that the session begins with from where `source` says: `client` or `user`. A list is one text.
    pub fn begin_with(&mut self, name: &str, value: &str, superuser: bool, source: &'static str) -> Result<()> {
        self.set_flat(name, value, superuser)?;
        self.sources.insert(name.to_lowercase(), source);
        Ok(())
    }

    /// Where the session had its value from when it began, if it still has that.
    pub fn source(&self, name: &str) -> Option<&'static str> {
        self.sources.get(&name.to_lowercase()).copied()
    }

    /// RESET, or SET … TO DEFAULT.
    pub fn reset(&mut self, name: &str, superuser: bool) -> Result<()> {
        let key = name.to_lowercase();
        let Some(parameter) = parameter(&key) else {
            if key == POINT_PLANS {
                self.active.point_plans = true;
                self.changed.remove(&key);
                return Ok(());
            }
            // It stays known, and is empty.
            return match self.changed.get_mut(&key) {
                Some(value) => {
                    value.clear();
                    Ok(())
                }
                None if key.contains('.') => self.set_custom(&key, name, &[String::new()]),
                None => Err(unrecognized(name)),
            };
        };
        parameter.changeable(superuser)?;
        self.take(parameter, &key, parameter.default.to_owned())
    }

    /// SET ROLE. Whether the session may become that role is for the caller to know.
    pub fn set_role(&mut self, role: Option<(RoleId, &str)>, is_superuser: bool) {
        self.active.role = role.map(|(role, _)| role);
        match role {
            Some((_, name)) => self.set_internal(ROLE, name),
            None => drop(self.changed.remove(ROLE)),
        }
        self.set_internal(IS_SUPERUSER, if is_superuser { "on" } else { "off" });
    }

    /// SET SESSION AUTHORIZATION; None is who logged in. The role of SET ROLE is given up.
    pub fn set_session_role(&mut self, session_role: Option<RoleId>, name: &str, is_superuser: bool) {
        self.active.session_role = session_role;
        self.set_internal(SESSION_AUTHORIZATION, name);
        self.set_role(None, is_superuser);
    }

    /// These settings with the roles of others: RESET ALL leaves them.
    pub fn with_role_of(&self, other: &Settings) -> Settings {
        let mut settings = self.clone();
        settings.active.role = other.active.role;
        settings.active.session_role = other.active.session_role;
        for name in [ROLE, SESSION_AUTHORIZATION, IS_SUPERUSER] {
            match other.changed.get(name) {
                Some(value) => settings.set_internal(name, value),
                None => drop(settings.changed.remove(name)),
            }
        }
        settings
    }

    /// Sets what the server itself knows (session_authorization, is_superuser, …), whatever its scope.
    pub fn set_internal(&mut self, name: &str, value: &str) {
        self.changed.insert(name.to_lowercase(), value.to_owned());
    }

    /// A name with a dot is a user's own parameter; PostgreSQL takes any.
    fn set_custom(&mut self, key: &str, name: &str, words: &[String]) -> Result<()> {
        if !key.contains('.') {
            return Err(unrecognized(name));
        }
        if !key.split('.').all(is_identifier) {
            let words = format!("invalid configuration parameter name \"{name}\"");
            return Err(Error::new(SqlState("42602"), words)
                .with_detail("Custom parameter names must be two or more simple identifiers separated by dots."));
        }
        if key == POINT_PLANS {
            self.active.point_plans = Kind::Bool.canonical(POINT_PLANS, words)? == "on";
        }
        self.changed.insert(key.to_owned(), words.join(", "));
        Ok(())
    }

    fn take(&mut self, parameter: &Parameter, key: &str, value: String) -> Result<()> {
        self.activate(parameter, &value)?;
        self.sources.remove(key);
        if value == parameter.default {
            self.changed.remove(key);
        } else {
            self.changed.insert(key.to_owned(), value);
        }
        Ok(())
    }

    /// Decodes a value that the engine obeys.
    fn activate(&mut self, parameter: &Parameter, value: &str) -> Result<()> {
        let active = &mut self.active;
        match parameter.name {
            "search_path" => active.search_path = split_names(value),
            "statement_timeout" => active.statement_timeout = duration(value),
            "lock_timeout" => active.lock_timeout = duration(value),
            "idle_in_transaction_session_timeout" => active.idle_in_transaction_session_timeout = duration(value),
            "log_min_duration_statement" => active.log_min_duration = logged_from(value),
            "idle_session_timeout" => active.idle_session_timeout = duration(value),
            "default_transaction_isolation" => {
                active.default_isolation = IsolationLevel::named(value).unwrap_or_default();
            }
            "default_transaction_read_only" => active.default_read_only = value == "on",
            "default_transaction_deferrable" => active.default_deferrable = value == "on",
            "synchronous_commit" => {
                active.durability = if value == "off" { Durability::Async } else { Durability::Sync };
            }
            "row_security" => active.row_security = value == "on",
            "kalamdb.all_users" => active.all_users = value == "on",
            "client_min_messages" => active.client_min_messages = notice_rank(value),
            "TimeZone" | "DateStyle" | "IntervalStyle" | "extra_float_digits" | "bytea_output" | "client_encoding" => {
                active.format.set(parameter.name, value)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// How severe a message is, for `client_min_messages`.
pub fn notice_rank(severity: &str) -> u8 {
    match severity.to_ascii_lowercase().as_str() {
        "log" => 1,
        "info" => 9,
        "notice" => 2,
        "warning" => 3,
        "error" => 4,
        _ => 0,
    }
}

fn unrecognized(name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
}

/// Names of a comma-separated list, unquoted.
pub(crate) fn split_names(list: &str) -> Vec<String> {
    list.split(',')
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .map(|name| match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => name.to_lowercase(),
        })
        .collect()
}

/// A time as SHOW prints it; zero is "off".
fn duration(value: &str) -> Option<Duration> {
    let milliseconds = Unit::Milliseconds.number(value)?;
    (milliseconds > 0.0).then(|| Duration::from_millis(milliseconds as u64))
}

/// A time as SHOW prints it; -1 is "never".
fn logged_from(value: &str) -> Option<Duration> {
    let milliseconds = Unit::Milliseconds.number(value)?;
    (milliseconds >= 0.0).then(|| Duration::from_millis(milliseconds as u64))
}

/// Whether a part of a custom parameter's name is a simple identifier.
fn is_identifier(part: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    part.starts_with(is_letter) && part.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '$')
}
