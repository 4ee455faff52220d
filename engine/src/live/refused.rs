//! What a live query must not contain: whatever changes its answer without a commit of its tables.

use super::walk::{Part, walk};
use crate::catalog::TableKind;
use crate::error::{Error, Result};
use crate::expr::ExprKind;
use crate::function::{Function, LiveUse, Volatility, live_use};
use crate::plan::relation::{Query, Relation};
use crate::statement::locking_words;

/// Set-returning functions that compute their rows from their arguments alone.
const TABLE_FUNCTIONS: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "unnest",
    "string_to_table",
    "regexp_matches",
    "regexp_split_to_table",
    "json_each",
    "json_each_text",
    "json_array_elements",
    "json_array_elements_text",
    "json_object_keys",
    "json_to_record",
    "json_to_recordset",
    "json_populate_recordset",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_object_keys",
    "jsonb_to_record",
    "jsonb_to_recordset",
    "jsonb_populate_recordset",
    "jsonb_path_query",
];

/// 0A000 for a query that cannot be live, naming why. Otherwise whether its answer may be another one in another session of
/// the same role.
pub(super) fn check(query: &Query) -> Result<bool> {
    if let Some(locking) = query.locking.first() {
        return Err(Error::unsupported(format!("{} in a live query", locking_words(locking.strength))));
    }
    let (mut refusal, mut of_session) = (None, false);
    walk(&query.relation, &mut |part| {
        let checked = match part {
            Part::Relation(relation) => check_relation(relation),
            Part::Expr(expr) => match &expr.kind {
                ExprKind::Call { function, .. } => check_function(function, &mut of_session),
                _ => Ok(()),
            },
        };
        if let Err(error) = checked {
            refusal.get_or_insert(error);
        }
    });
    match refusal {
        Some(error) => Err(error),
        None => Ok(of_session),
    }
}

fn check_relation(relation: &Relation) -> Result<()> {
    match relation {
        Relation::Scan(scan) => match scan.table.kind {
            TableKind::Table | TableKind::View(_) => Ok(()),
            TableKind::System => Err(changes("the system relation", &scan.table.name)),
            TableKind::Files(_) => Err(changes("the registered table", &scan.table.name)),
            TableKind::Sequence(_) => Err(changes("the sequence", &scan.table.name)),
        },
        Relation::Function { function, .. } => check_table_function(function.name),
        Relation::ProjectSet { functions, .. } => {
            functions.iter().try_for_each(|(_, function, _)| check_table_function(function.name))
        }
        Relation::Written { .. } => Err(Error::unsupported("a write in WITH of a live query")),
        _ => Ok(()),
    }
}

fn check_table_function(name: &str) -> Result<()> {
    if TABLE_FUNCTIONS.contains(&name) { Ok(()) } else { Err(refused_function(name)) }
}

fn check_function(function: &Function, of_session: &mut bool) -> Result<()> {
    if function.volatility == Volatility::Volatile {
        return Err(refused_function(function.name));
    }
    if function.volatility == Volatility::Immutable {
        return Ok(());
    }
    match live_use(function) {
        LiveUse::Refused => Err(refused_function(function.name)),
        LiveUse::OfSession => {
            *of_session = true;
            Ok(())
        }
        LiveUse::Allowed => Ok(()),
    }
}

fn refused_function(name: &str) -> Error {
    Error::unsupported(format!("function {name}() in a live query"))
        .with_detail("Its result changes without a commit, so nobody could be told.")
}

fn changes(what: &str, name: &str) -> Error {
    Error::unsupported(format!("{what} \"{name}\" in a live query"))
        .with_detail("Its rows change without a commit, so nobody could be told.")
}
