//! Relations whose rows never change: access methods, collations, languages, tablespaces. And the session's cursors,
//! which no catalog knows.

use storage::Value;

use super::relation::{NULL, row};
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader};
use crate::audit::secret::without_secrets;
use crate::catalog::AccessMethod;
use crate::function::{CursorFacts, PreparedFacts};

pub(super) fn access_methods(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let of_indexes = AccessMethod::ALL.into_iter();
    let of_indexes = of_indexes.map(|method| row![method.oid(), method.name(), method.handler(), 'i']);
    std::iter::once(row![2u32, "heap", 3u32, 't']).chain(of_indexes).collect()
}

/// The collations whose order is that of the bytes: text has no other order here.
pub(super) fn collations(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(oid, name, provider, encoding, locale): &(u32, &str, char, i32, Option<&str>)| {
        row![*oid, *name, PG_CATALOG, BOOTSTRAP_ROLE, *provider, true, *encoding, *locale, *locale, NULL, NULL]
    };
    COLLATIONS.iter().map(row).collect()
}

/// The collation `C`.
pub(super) const C_COLLATION: u32 = 950;

/// Oid, name, provider, encoding and locale of each collation.
pub(crate) const COLLATIONS: &[(u32, &str, char, i32, Option<&str>)] = &[
    (100, "default", 'd', -1, None),
    (C_COLLATION, "C", 'c', -1, Some("C")),
    (951, "POSIX", 'c', -1, Some("POSIX")),
    (12340, "ucs_basic", 'c', 6, Some("C")),
];

/// The oid of a collation, which lie all in `pg_catalog`.
pub(crate) fn collation_named(name: &str) -> Option<u32> {
    COLLATIONS.iter().find(|(_, known, ..)| *known == name).map(|(oid, ..)| *oid)
}

pub(crate) fn collation_name(oid: u32) -> Option<&'static str> {
    COLLATIONS.iter().find(|(known, ..)| *known == oid).map(|(_, name, ..)| *name)
}

/// What languages are described as.
pub(super) const LANGUAGE_COMMENTS: [(u32, &str); 3] =
    [(12, "built-in functions"), (14, "SQL-language functions"), (13_563, super::extension::PLPGSQL_COMMENT)];

/// That of what is built in, and those that functions are written in.
pub(super) fn languages(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![
        row![12u32, "internal", BOOTSTRAP_ROLE, false, false, 0u32, 0u32, 2246u32, NULL],
        row![14u32, "sql", BOOTSTRAP_ROLE, false, true, 0u32, 0u32, 2248u32, NULL],
        row![13_563u32, "plpgsql", BOOTSTRAP_ROLE, true, true, 13_560u32, 13_561u32, 13_562u32, NULL],
    ]
}

pub(super) fn tablespaces(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![
        row![1663u32, "pg_default", BOOTSTRAP_ROLE, NULL, NULL],
        row![1664u32, "pg_global", BOOTSTRAP_ROLE, NULL, NULL],
    ]
}

/// `pg_prepared_statements`: those of this session that have names. Which of their plans were made for certain values
/// is not counted.
pub(super) fn prepared_statements(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(name, facts): (String, PreparedFacts)| {
        let created = Value::Timestamptz(facts.created_at);
        row![
            name.as_str(),
            without_secrets(&facts.statement).as_ref(),
            created,
            facts.params,
            facts.from_sql,
            0i64,
            0i64
        ]
    };
    reader.context.session.cursors.all_prepared().into_iter().map(row).collect()
}

/// `pg_cursors`: what this session has declared.
pub(super) fn cursors(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |cursor: CursorFacts| {
        let created = Value::Timestamptz(cursor.created_at);
        row![
            cursor.name.as_str(),
            without_secrets(&cursor.statement).as_ref(),
            cursor.is_holdable,
            cursor.is_binary,
            cursor.is_scrollable,
            created
        ]
    };
    reader.context.session.cursors.all().into_iter().map(row).collect()
}
