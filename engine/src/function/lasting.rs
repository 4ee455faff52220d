//! How long the result of a stable function lasts: a live query must not call one whose result changes without a commit.

use super::Function;

/// Whether a live query may call a stable function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveUse {
    /// It depends on its arguments, the role and the settings of output alone.
    Allowed,
    /// It may answer another session of the same role otherwise.
    OfSession,
    /// It depends on the clock, on transactions, or on what the catalog says at the moment.
    Refused,
}

/// The clock, and what takes the offset of a time zone from it.
const CLOCK: [u32; 7] = [1299, 2647, 2648, 2059, 1386, 2047, 2037];
/// What SET, the connection or the search path decides.
const SESSION: [&str; 6] = [
    "current_setting",
    "current_schema",
    "current_schemas",
    "inet_client_addr",
    "pg_backend_pid",
    "pg_client_encoding",
];
/// What looks into the catalog or at transactions.
const PREFIXES: [&str; 6] = ["pg_", "txid_", "has_", "to_reg", "row_security", "regclass"];
const NAMES: [&str; 4] = ["format_type", "obj_description", "col_description", "shobj_description"];

/// What a live query may make of a stable function.
pub(crate) fn live_use(function: &Function) -> LiveUse {
    let name = function.name;
    if CLOCK.contains(&function.oid) {
        LiveUse::Refused
    } else if SESSION.contains(&name) {
        LiveUse::OfSession
    } else if NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        LiveUse::Refused
    } else {
        LiveUse::Allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{Volatility, functions_named};

    #[test]
    fn the_clock_is_refused_and_the_zone_is_not() {
        let uses = |name: &str| functions_named(name).iter().map(|function| live_use(function)).collect::<Vec<_>>();
        for name in ["now", "statement_timestamp", "pg_table_is_visible", "txid_current"] {
            assert!(uses(name).contains(&LiveUse::Refused), "{name}");
        }
        assert!(uses("date_trunc").iter().all(|found| *found == LiveUse::Allowed));
        let one_argument = |name: &str| functions_named(name).iter().filter(|function| function.args.len() == 1);
        assert!(one_argument("age").clone().all(|function| live_use(function) == LiveUse::Refused));
        assert!(functions_named("now").iter().all(|function| function.volatility == Volatility::Stable));
        assert_eq!(uses("current_setting")[0], LiveUse::OfSession);
    }
}
