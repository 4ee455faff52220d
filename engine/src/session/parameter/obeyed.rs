//! The parameters that mean something here, or that say something about this server.

use super::amount::Unit;
use super::{
    ALL_USERS, Kind, Parameter, SERVER_VERSION, SESSION_LIVE_QUERIES_MAX, Scope, TIMELINE, USER_LIVE_QUERIES_MAX,
    fixed, reported, user,
};

const ISOLATION: Kind = Kind::Enum(&["serializable", "repeatable read", "read committed", "read uncommitted"]);
const MESSAGES: Kind =
    Kind::Enum(&["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"]);
const QUERIES: Kind = Kind::Integer { least: 0, greatest: i32::MAX as i64, unit: Unit::None };
const MILLISECONDS: Kind = Kind::Integer { least: 0, greatest: i32::MAX as i64, unit: Unit::Milliseconds };

/// By `pg_settings.category`.
pub(super) static OBEYED: &[(&str, &[Parameter])] = &[
    (
        "Client Connection Defaults / Locale and Formatting",
        &[
            reported("client_encoding", Kind::Encoding, "UTF8", "Sets the client's character set encoding."),
            reported("DateStyle", Kind::DateStyle, "ISO, MDY", "Sets the display format for date and time values."),
            user(
                "default_text_search_config",
                Kind::TextSearch,
                "pg_catalog.english",
                "Sets default text search configuration.",
            ),
            user(
                "extra_float_digits",
                Kind::Integer { least: -15, greatest: 3, unit: Unit::None },
                "1",
                "Sets the number of digits displayed for floating-point values.",
            ),
            reported(
                "IntervalStyle",
                Kind::Enum(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
                "postgres",
                "Sets the display format for interval values.",
            ),
            reported(
                "TimeZone",
                Kind::TimeZone,
                "Etc/UTC",
                "Sets the time zone for displaying and interpreting time stamps.",
            ),
        ],
    ),
    (
        "Client Connection Defaults / Statement Behavior",
        &[
            user("bytea_output", Kind::Enum(&["escape", "hex"]), "hex", "Sets the output format for bytea."),
            user("client_min_messages", MESSAGES, "notice", "Sets the message levels that are sent to the client."),
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
            user(
                "idle_in_transaction_session_timeout",
                MILLISECONDS,
                "0",
                "Sets the maximum allowed idle time between queries, when in a transaction.",
            ),
            user(
                "idle_session_timeout",
                MILLISECONDS,
                "0",
                "Sets the maximum allowed idle time between queries, when not in a transaction.",
            ),
            user("lock_timeout", MILLISECONDS, "0", "Sets the maximum allowed duration of any wait for a lock."),
            user(
                "search_path",
                Kind::Names,
                "\"$user\", public",
                "Sets the schema search order for names that are not schema-qualified.",
            ),
            user("statement_timeout", MILLISECONDS, "0", "Sets the maximum allowed duration of any statement."),
            fixed("transaction_deferrable", "off", false, "Whether to defer a read-only serializable transaction."),
            fixed("transaction_isolation", "read committed", false, "Sets the current transaction's isolation level."),
            fixed("transaction_read_only", "off", false, "Sets the current transaction's read-only status."),
        ],
    ),
    (
        "Connections and Authentication / Connection Settings",
        &[Parameter {
            name: "max_connections",
            kind: Kind::Integer { least: 1, greatest: 262_143, unit: Unit::None },
            default: "10000",
            scope: Scope::Restart,
            reported: false,
            description: "Sets the maximum number of concurrent connections.",
        }],
    ),
    (
        "Preset Options",
        &[
            fixed("in_hot_standby", "off", true, "Shows whether hot standby is currently active."),
            fixed("integer_datetimes", "on", true, "Shows whether datetimes are integer based."),
            fixed("lc_collate", "C", false, "Shows the collation order locale."),
            fixed("lc_ctype", "C.UTF-8", false, "Shows the character classification and case conversion locale."),
            fixed("server_encoding", "UTF8", true, "Shows the server (database) character set encoding."),
            fixed("server_version", SERVER_VERSION, true, "Shows the server version."),
            fixed("server_version_num", "150018", false, "Shows the server version as an integer."),
        ],
    ),
    (
        "Reporting and Logging / What to Log",
        &[reported(
            "application_name",
            Kind::Text,
            "",
            "Sets the application name to be reported in statistics and logs.",
        )],
    ),
    (
        "Reporting and Logging / When to Log",
        &[Parameter {
            name: "log_min_duration_statement",
            kind: Kind::Integer { least: -1, greatest: i32::MAX as i64, unit: Unit::Milliseconds },
            default: "-1",
            scope: Scope::Superuser,
            reported: false,
            description: "Sets the minimum execution time above which all statements will be logged.",
        }],
    ),
    (
        "Ungrouped",
        &[
            Parameter {
                name: ALL_USERS,
                kind: Kind::Bool,
                default: "off",
                scope: Scope::Superuser,
                reported: false,
                description: "Reads user tables with the rows of all users.",
            },
            Parameter {
                name: SESSION_LIVE_QUERIES_MAX,
                kind: QUERIES,
                default: "1000",
                scope: Scope::Restart,
                reported: false,
                description: "Sets the maximum number of live queries of a session.",
            },
            fixed(TIMELINE, "", false, "Shows the history of the data that the sequences of live queries count in."),
            Parameter {
                name: USER_LIVE_QUERIES_MAX,
                kind: QUERIES,
                default: "20000",
                scope: Scope::Restart,
                reported: false,
                description: "Sets the maximum number of live queries of a user, in all sessions.",
            },
            fixed("is_superuser", "on", true, "Shows whether the current user is a superuser."),
            fixed("session_authorization", "postgres", true, "Sets the session user name."),
        ],
    ),
    (
        "Version and Platform Compatibility / Previous PostgreSQL Versions",
        &[reported(
            "standard_conforming_strings",
            Kind::Bool,
            "on",
            "Causes '...' strings to treat backslashes literally.",
        )],
    ),
    (
        "Write-Ahead Log / Settings",
        &[user(
            "synchronous_commit",
            Kind::Enum(&["on", "off", "local", "remote_write", "remote_apply"]),
            "on",
            "Sets the current transaction's synchronization level.",
        )],
    ),
];
