//! What a stream table must say of its rows, and what it cannot be.

use std::sync::Arc;

use super::options::invalid;
use crate::catalog::stream::ttl_seconds_max;
use crate::catalog::{ConstraintKind, OwnOption, Table};
use crate::error::{Error, Result};

/// 0A000 for what would find rows of a stream by their values: they are found by their time.
pub(super) fn refuse_keys(table: &Table) -> Result<()> {
    let is_key = |kind: &ConstraintKind| !matches!(kind, ConstraintKind::Check { .. });
    if !table.indexes.is_empty() || table.constraints.iter().any(|constraint| is_key(&constraint.kind)) {
        return Err(unsupported(table, "a key or an index"));
    }
    Ok(())
}

/// 0A000 for something about a stream.
pub(super) fn unsupported(table: &Table, what: &str) -> Error {
    Error::unsupported(format!("{what} of stream table \"{}\"", table.name))
}

/// 22023 for options that are missing, or are those of other tables.
pub(super) fn check_options(table: &Table) -> Result<()> {
    let of_streams = [OwnOption::TtlSeconds, OwnOption::MaxBuffer, OwnOption::Ephemeral];
    let of_others =
        [OwnOption::FlushPolicy, OwnOption::Storage, OwnOption::DeletedRetentionHours, OwnOption::Compression];
    let given = |option: &OwnOption| table.own_option(*option).is_some();
    if !table.is_stream() {
        return match of_streams.into_iter().find(given) {
            Some(option) => Err(invalid(format!("{} is an option of stream tables", option.name()))),
            None => Ok(()),
        };
    }
    if let Some(option) = of_others.into_iter().find(given) {
        return Err(invalid(format!("{} is not an option of stream tables", option.name())));
    }
    match table.ttl_seconds() {
        Some(_) => Ok(()),
        None => Err(invalid(format!("stream table \"{}\" needs the option ttl_seconds", table.name))
            .with_hint("It says for how many seconds rows are kept: WITH (ttl_seconds = 60).")),
    }
}

/// Has storage go by the options of now. Keys that are there stay as they are.
pub(super) fn settle(table: &mut Table) -> Result<()> {
    let known = table.storage.stream.as_ref();
    let rule = table.stream_rule(known.map(|rule| rule.bucket_us));
    if let Some(rule) = &rule
        && rule.ttl_us > ttl_seconds_max(rule).saturating_mul(1_000_000)
    {
        let max = ttl_seconds_max(rule);
        return Err(invalid(format!("ttl_seconds of stream table \"{}\" may grow to {max} at most", table.name))
            .with_hint("Make another stream table."));
    }
    if table.storage.stream != rule {
        table.storage = Arc::new(storage::TableSchema { stream: rule, ..(*table.storage).clone() });
    }
    Ok(())
}
