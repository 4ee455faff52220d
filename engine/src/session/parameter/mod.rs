//! The run-time parameters that exist: name, kind of value, default, and who may change them.
//!
//! Those that mean something to this engine are in `obeyed`; those that are there because clients set them in
//! passing are in `kept`. What a parameter can be and this engine cannot is refused.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use self::amount::Unit;
use crate::error::{Error, Result, SqlState};
use crate::text_search::default_configuration;
use crate::types::encoding::Encoding;

pub mod amount;
mod kept;
mod obeyed;

/// A run-time parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Spelled as SHOW ALL prints it.
    pub name: &'static str,
    pub kind: Kind,
    /// As SHOW prints it.
    pub default: &'static str,
    pub scope: Scope,
    /// Told to the client by ParameterStatus whenever it changes.
    pub reported: bool,
    pub description: &'static str,
}

/// What values a parameter takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Bool,
    Enum(&'static [&'static str]),
    Integer {
        least: i64,
        greatest: i64,
        unit: Unit,
    },
    Real {
        least: f64,
        greatest: f64,
        unit: Unit,
    },
    Text,
    /// Comma-separated identifiers, quoted where they must be.
    Names,
    TimeZone,
    DateStyle,
    Encoding,
    /// A configuration of full text search.
    TextSearch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    User,
    Superuser,
    /// Whoever connects, by what the connection begins with.
    Connection,
    /// The server's configuration.
    Server,
    /// The same, when it starts.
    Restart,
    /// Nobody.
    Fixed,
}

impl Scope {
    /// As `pg_settings.context` has it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::User => "user",
            Scope::Superuser => "superuser",
            Scope::Connection => "backend",
            Scope::Server => "sighup",
            Scope::Restart => "postmaster",
            Scope::Fixed => "internal",
        }
    }
}

const fn user(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Parameter {
    Parameter { name, kind, default, scope: Scope::User, reported: false, description }
}

const fn reported(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Parameter {
    Parameter { name, kind, default, scope: Scope::User, reported: true, description }
}

const fn fixed(name: &'static str, default: &'static str, is_reported: bool, description: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text, default, scope: Scope::Fixed, reported: is_reported, description }
}

/// What `server_version` says: the version whose behaviour is ours, then our name.
pub const SERVER_VERSION: &str = concat!("15.18 (KalamDB ", env!("CARGO_PKG_VERSION"), ")");

/// Whether user tables are read with the rows of all users.
pub(crate) const ALL_USERS: &str = "kalamdb.all_users";

/// The bounds of live queries, and the history that their sequences are of.
pub(crate) const SESSION_LIVE_QUERIES_MAX: &str = "kalamdb.session_live_queries_max";
pub(crate) const USER_LIVE_QUERIES_MAX: &str = "kalamdb.user_live_queries_max";
pub(crate) const TIMELINE: &str = "kalamdb.timeline";

/// Every parameter with its category, in the order of their names.
pub fn parameters() -> Vec<(&'static str, &'static Parameter)> {
    // What has no category is shown only when it is asked for.
    let groups = obeyed::OBEYED.iter().chain(kept::KEPT).filter(|(category, _)| *category != "Ungrouped");
    let mut all: Vec<_> =
        groups.flat_map(|(category, group)| group.iter().map(move |parameter| (*category, parameter))).collect();
    all.sort_by_key(|(_, parameter)| parameter.name.to_ascii_lowercase());
    all
}

/// Those that the client is told about.
pub fn reported_parameters() -> impl Iterator<Item = &'static Parameter> {
    obeyed::OBEYED.iter().flat_map(|(_, group)| *group).filter(|parameter| parameter.reported)
}

static BY_NAME: LazyLock<FxHashMap<String, &'static Parameter>> = LazyLock::new(|| {
    let mut by_name = FxHashMap::default();
    for parameter in obeyed::OBEYED.iter().chain(kept::KEPT).flat_map(|(_, group)| *group) {
        by_name.entry(parameter.name.to_ascii_lowercase()).or_insert(parameter);
    }
    by_name
});

/// The parameter of that name, in whatever case.
pub fn parameter(name: &str) -> Option<&'static Parameter> {
    BY_NAME.get(name).or_else(|| BY_NAME.get(&name.to_ascii_lowercase())).copied()
}

impl Parameter {
    /// 55P02 or 42501, if who asks may not change it by SET.
    pub fn changeable(&self, superuser: bool) -> Result<()> {
        let name = self.name;
        let cannot = |when: &str| {
            let words = format!("parameter \"{name}\" cannot be {when}");
            Err(Error::new(SqlState::CANT_CHANGE_RUNTIME_PARAM, words))
        };
        match self.scope {
            Scope::User => Ok(()),
            Scope::Superuser if superuser => Ok(()),
            Scope::Superuser => {
                let words = format!("permission denied to set parameter \"{name}\"");
                Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, words))
            }
            Scope::Connection => cannot("set after connection start"),
            Scope::Server => cannot("changed now"),
            Scope::Restart => cannot("changed without restarting the server"),
            Scope::Fixed => cannot("changed"),
        }
    }

    /// 0A000 for values under which statements would mean something else than they do here.
    pub fn supported(&self, value: &str) -> Result<()> {
        let only = match self.name {
            "array_nulls" | "standard_conforming_strings" => "on",
            "quote_all_identifiers" | "transform_null_equals" => "off",
            "session_replication_role" => "origin",
            "default_table_access_method" => "heap",
            "password_encryption" => "scram-sha-256",
            _ => return Ok(()),
        };
        if value == only { Ok(()) } else { Err(Error::unsupported(format!("{} = {value}", self.name))) }
    }
}

impl Kind {
    /// The value as SHOW prints it, or 22023.
    pub fn canonical(self, name: &str, words: &[String]) -> Result<String> {
        if let Kind::Names = self {
            return Ok(words.iter().map(|word| quoted_name(word)).collect::<Vec<_>>().join(", "));
        }
        let [word] = words else {
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("SET {name} takes only one argument")));
        };
        let invalid = || {
            Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{name}\": \"{word}\""))
        };
        match self {
            Kind::Bool => boolean(word).map(|on| if on { "on" } else { "off" }.to_owned()).ok_or_else(|| {
                Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("parameter \"{name}\" requires a Boolean value"))
            }),
            Kind::Enum(values) => {
                let lower = word.to_lowercase();
                // Enums that hold on and off take every spelling of a Boolean.
                let spelled = match boolean(&lower) {
                    Some(on) if values.contains(&"on") || values.contains(&"off") => {
                        if on { "on" } else { "off" }.to_owned()
                    }
                    _ => lower,
                };
                if values.contains(&spelled.as_str()) {
                    return Ok(spelled);
                }
                Err(invalid().with_hint(format!("Available values: {}.", values.join(", "))))
            }
            Kind::Integer { least, greatest, unit } => {
                let number = unit.number(word).ok_or_else(|| match unit.hint(word) {
                    Some(hint) => invalid().with_hint(hint),
                    None => invalid(),
                })?;
                // Halves go to the even number.
                let number = number.round_ties_even();
                if !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number) {
                    return Err(invalid().with_hint("Value exceeds integer range."));
                }
                unit.within(name, number, (least as f64, greatest as f64), amount::whole)?;
                Ok(unit.show(number, amount::whole))
            }
            Kind::Real { least, greatest, unit } => {
                let number = unit.number(word).ok_or_else(|| match unit.hint(word) {
                    Some(hint) => invalid().with_hint(hint),
                    None => invalid(),
                })?;
                unit.within(name, number, (least, greatest), amount::real)?;
                Ok(unit.show(number, amount::real))
            }
            Kind::Encoding => match Encoding::named(word) {
                Ok(Some((_, name))) => Ok(name.to_owned()),
                Ok(None) => Err(invalid()),
                Err(_) => Err(Error::unsupported(format!("client_encoding {word}"))),
            },
            Kind::TextSearch => {
                let found = default_configuration(word).map_err(|_| invalid())?;
                Ok(format!("pg_catalog.{}", found.name))
            }
            Kind::Text | Kind::TimeZone | Kind::Names | Kind::DateStyle => Ok(word.clone()),
        }
    }
}

/// PostgreSQL's spellings of a Boolean, abbreviations included.
fn boolean(word: &str) -> Option<bool> {
    let word = word.to_lowercase();
    match word.as_str() {
        "1" | "on" => Some(true),
        "0" | "off" | "of" => Some(false),
        "" => None,
        _ if "true".starts_with(&word) || "yes".starts_with(&word) => Some(true),
        _ if "false".starts_with(&word) || "no".starts_with(&word) => Some(false),
        _ => None,
    }
}

fn quoted_name(name: &str) -> String {
    let plain =
        name.chars().enumerate().all(|(i, c)| c == '_' || c.is_ascii_lowercase() || (i > 0 && c.is_ascii_digit()));
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
