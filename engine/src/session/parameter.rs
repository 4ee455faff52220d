//! The run-time parameters that exist: name, kind of value, default, and who may change them.
//!
//! Those that steer PostgreSQL's own planner and disk are here because clients set them in passing; they keep
//! their value for SHOW and mean nothing to this engine, whose answers do not depend on them.

use crate::error::{Error, Result, SqlState};

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
    },
    Real,
    /// Milliseconds, printed with the largest unit that fits.
    Time,
    /// Kilobytes, likewise.
    Memory,
    Text,
    /// Comma-separated identifiers, quoted where they must be.
    Names,
    TimeZone,
    DateStyle,
    Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    User,
    Superuser,
    /// Only the server sets it.
    Fixed,
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

const fn superuser(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Parameter {
    Parameter { name, kind, default, scope: Scope::Superuser, reported: false, description }
}

const ISOLATION: Kind = Kind::Enum(&["serializable", "repeatable read", "read committed", "read uncommitted"]);
const MESSAGES: Kind =
    Kind::Enum(&["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"]);
const INT: Kind = Kind::Integer { least: 0, greatest: i32::MAX as i64 };

/// Every parameter, by name.
pub static PARAMETERS: &[Parameter] = &[
    reported("application_name", Kind::Text, "", "Sets the application name to be reported in statistics and logs."),
    user("array_nulls", Kind::Bool, "on", "Enable input of NULL elements in arrays."),
    fixed("block_size", "8192", false, "Shows the size of a disk block."),
    user("bytea_output", Kind::Enum(&["escape", "hex"]), "hex", "Sets the output format for bytea."),
    user("check_function_bodies", Kind::Bool, "on", "Check routine bodies when they are created."),
    reported("client_encoding", Kind::Encoding, "UTF8", "Sets the client's character set encoding."),
    user("client_min_messages", MESSAGES, "notice", "Sets the message levels that are sent to the client."),
    user(
        "constraint_exclusion",
        Kind::Enum(&["partition", "on", "off"]),
        "partition",
        "Planner setting, kept for SHOW.",
    ),
    user("cursor_tuple_fraction", Kind::Real, "0.1", "Planner setting, kept for SHOW."),
    reported("DateStyle", Kind::DateStyle, "ISO, MDY", "Sets the display format for date and time values."),
    user("default_table_access_method", Kind::Text, "heap", "Table access method, kept for SHOW."),
    user("default_tablespace", Kind::Text, "", "Tablespace, kept for SHOW."),
    user("default_text_search_config", Kind::Text, "pg_catalog.english", "Text search configuration, kept for SHOW."),
    user("default_toast_compression", Kind::Enum(&["pglz", "lz4"]), "pglz", "Compression method, kept for SHOW."),
    user(
        "default_transaction_deferrable",
        Kind::Bool,
        "off",
        "Sets the default deferrable status of new transactions.",
    ),
    user(
        "default_transaction_isolation",
        ISOLATION,
        "read committed",
        "Sets the isolation level of each new transaction.",
    ),
    Parameter {
        name: "default_transaction_read_only",
        kind: Kind::Bool,
        default: "off",
        scope: Scope::User,
        reported: true,
        description: "Sets the default read-only status of new transactions.",
    },
    user("effective_cache_size", Kind::Memory, "4GB", "Planner setting, kept for SHOW."),
    user("enable_bitmapscan", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_hashagg", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_hashjoin", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_indexonlyscan", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_indexscan", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_material", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_memoize", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_mergejoin", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_nestloop", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_parallel_append", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_seqscan", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("enable_sort", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user("escape_string_warning", Kind::Bool, "on", "Warn about backslash escapes in ordinary string literals."),
    user("exit_on_error", Kind::Bool, "off", "Terminate session on any error."),
    user(
        "extra_float_digits",
        Kind::Integer { least: -15, greatest: 3 },
        "1",
        "Sets the number of digits displayed for floating-point values.",
    ),
    user("force_parallel_mode", Kind::Enum(&["off", "on", "regress"]), "off", "Planner setting, kept for SHOW."),
    fixed("fsync", "on", false, "Forces synchronization of updates to disk."),
    user("geqo", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user(
        "idle_in_transaction_session_timeout",
        Kind::Time,
        "0",
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    ),
    user(
        "idle_session_timeout",
        Kind::Time,
        "0",
        "Sets the maximum allowed idle time between queries, when not in a transaction.",
    ),
    fixed("in_hot_standby", "off", true, "Shows whether hot standby is currently active."),
    fixed("integer_datetimes", "on", true, "Shows whether datetimes are integer based."),
    reported(
        "IntervalStyle",
        Kind::Enum(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
        "postgres",
        "Sets the display format for interval values.",
    ),
    fixed("is_superuser", "on", true, "Shows whether the current user is a superuser."),
    user("jit", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    fixed("lc_collate", "C", false, "Shows the collation order locale."),
    fixed("lc_ctype", "C.UTF-8", false, "Shows the character classification and case conversion locale."),
    superuser("lc_messages", Kind::Text, "C", "Sets the language in which messages are displayed."),
    user("lc_monetary", Kind::Text, "C", "Sets the locale for formatting monetary amounts."),
    user("lc_numeric", Kind::Text, "C", "Sets the locale for formatting numbers."),
    user("lc_time", Kind::Text, "C", "Sets the locale for formatting date and time values."),
    user("lock_timeout", Kind::Time, "0", "Sets the maximum allowed duration of any wait for a lock."),
    superuser(
        "log_min_duration_statement",
        Kind::Integer { least: -1, greatest: i32::MAX as i64 },
        "-1",
        "Sets the minimum execution time above which statements are logged.",
    ),
    superuser(
        "log_statement",
        Kind::Enum(&["none", "ddl", "mod", "all"]),
        "none",
        "Sets the type of statements logged.",
    ),
    user("maintenance_work_mem", Kind::Memory, "64MB", "Memory setting, kept for SHOW."),
    fixed("max_connections", "10000", false, "Sets the maximum number of concurrent connections."),
    fixed("max_identifier_length", "63", false, "Shows the maximum identifier length."),
    fixed("max_index_keys", "32", false, "Shows the maximum number of index keys."),
    user("max_parallel_workers_per_gather", INT, "2", "Planner setting, kept for SHOW."),
    fixed("max_prepared_transactions", "0", false, "Sets the maximum number of simultaneously prepared transactions."),
    user(
        "password_encryption",
        Kind::Enum(&["scram-sha-256"]),
        "scram-sha-256",
        "Chooses the algorithm for encrypting passwords.",
    ),
    user(
        "plan_cache_mode",
        Kind::Enum(&["auto", "force_generic_plan", "force_custom_plan"]),
        "auto",
        "Planner setting, kept for SHOW.",
    ),
    user("quote_all_identifiers", Kind::Bool, "off", "When generating SQL fragments, quote all identifiers."),
    user("random_page_cost", Kind::Real, "4", "Planner setting, kept for SHOW."),
    user("row_security", Kind::Bool, "on", "Enable row security."),
    user(
        "search_path",
        Kind::Names,
        "\"$user\", public",
        "Sets the schema search order for names that are not schema-qualified.",
    ),
    user("seq_page_cost", Kind::Real, "1", "Planner setting, kept for SHOW."),
    fixed("server_encoding", "UTF8", true, "Shows the server (database) character set encoding."),
    fixed("server_version", SERVER_VERSION, true, "Shows the server version."),
    fixed("server_version_num", "150018", false, "Shows the server version as an integer."),
    fixed("session_authorization", "postgres", true, "Sets the session user name."),
    reported(
        "standard_conforming_strings",
        Kind::Enum(&["on"]),
        "on",
        "Causes '...' strings to treat backslashes literally.",
    ),
    user("statement_timeout", Kind::Time, "0", "Sets the maximum allowed duration of any statement."),
    user("synchronize_seqscans", Kind::Bool, "on", "Planner setting, kept for SHOW."),
    user(
        "synchronous_commit",
        Kind::Enum(&["on", "off", "local", "remote_write", "remote_apply"]),
        "on",
        "Sets the current transaction's synchronization level.",
    ),
    user("temp_buffers", Kind::Memory, "8MB", "Memory setting, kept for SHOW."),
    reported("TimeZone", Kind::TimeZone, "Etc/UTC", "Sets the time zone for displaying and interpreting time stamps."),
    user("timezone_abbreviations", Kind::Text, "Default", "Selects a file of time zone abbreviations."),
    fixed("transaction_deferrable", "off", false, "Whether to defer a read-only serializable transaction."),
    fixed("transaction_isolation", "read committed", false, "Sets the current transaction's isolation level."),
    fixed("transaction_read_only", "off", false, "Sets the current transaction's read-only status."),
    user("transform_null_equals", Kind::Enum(&["off"]), "off", "Treats \"expr=NULL\" as \"expr IS NULL\"."),
    user("work_mem", Kind::Memory, "4MB", "Memory setting, kept for SHOW."),
    user("xmlbinary", Kind::Enum(&["base64", "hex"]), "base64", "Sets how binary values are to be encoded in XML."),
    user(
        "xmloption",
        Kind::Enum(&["content", "document"]),
        "content",
        "Sets whether XML data is content or a document.",
    ),
];

/// What `server_version` says: the version whose behaviour is ours, then our name.
pub const SERVER_VERSION: &str = concat!("15.18 (KalamDB ", env!("CARGO_PKG_VERSION"), ")");

/// The parameter of that lower-case name.
pub fn parameter(key: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(key))
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
            Kind::Integer { least, greatest } => {
                let value: i64 = word.trim().parse().map_err(|_| invalid())?;
                if (least..=greatest).contains(&value) {
                    return Ok(value.to_string());
                }
                Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("{value} is outside the valid range for parameter \"{name}\" ({least} .. {greatest})"),
                ))
            }
            Kind::Real => word.trim().parse::<f64>().map(|value| value.to_string()).map_err(|_| invalid()),
            Kind::Time => milliseconds(word).map(print_time).ok_or_else(invalid),
            Kind::Memory => kilobytes(word).map(print_memory).ok_or_else(invalid),
            Kind::Encoding => match word.to_lowercase().replace(['-', '_'], "").as_str() {
                "utf8" | "unicode" => Ok("UTF8".to_owned()),
                "sqlascii" | "latin1" | "win1252" | "iso88591" => {
                    Err(Error::unsupported(format!("client_encoding {word}")))
                }
                _ => Err(invalid()),
            },
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

/// A number and its unit.
fn with_unit(value: &str) -> Option<(f64, &str)> {
    let value = value.trim();
    let end = value.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+')).unwrap_or(value.len());
    Some((value[..end].parse().ok()?, value[end..].trim()))
}

/// A time in milliseconds from "5s", "1min", "250".
pub fn milliseconds(value: &str) -> Option<i64> {
    let (number, unit) = with_unit(value)?;
    let factor = match unit {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1e3,
        "min" => 6e4,
        "h" => 3.6e6,
        "d" => 8.64e7,
        _ => return None,
    };
    let milliseconds = (number * factor).round();
    (0.0..=i32::MAX as f64).contains(&milliseconds).then_some(milliseconds as i64)
}

fn kilobytes(value: &str) -> Option<i64> {
    let (number, unit) = with_unit(value)?;
    let factor = match unit {
        "" | "kB" => 1.0,
        "B" => 1.0 / 1024.0,
        "MB" => 1024.0,
        "GB" => 1_048_576.0,
        "TB" => 1_073_741_824.0,
        _ => return None,
    };
    let kilobytes = (number * factor).round();
    (0.0..=i64::from(i32::MAX) as f64 * 8.0).contains(&kilobytes).then_some(kilobytes as i64)
}

fn print_time(milliseconds: i64) -> String {
    print_with_units(milliseconds, &[(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")])
}

fn print_memory(kilobytes: i64) -> String {
    print_with_units(kilobytes, &[(1_073_741_824, "TB"), (1_048_576, "GB"), (1024, "MB"), (1, "kB")])
}

fn print_with_units(value: i64, units: &[(i64, &str)]) -> String {
    match units.iter().find(|(size, _)| value != 0 && value % size == 0) {
        Some((size, unit)) => format!("{}{unit}", value / size),
        None => value.to_string(),
    }
}

fn quoted_name(name: &str) -> String {
    let plain =
        name.chars().enumerate().all(|(i, c)| c == '_' || c.is_ascii_lowercase() || (i > 0 && c.is_ascii_digit()));
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
