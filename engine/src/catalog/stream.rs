//! What a stream table's options say of its rows: how long they are kept, how many of them, and for whom.

use storage::StreamRule;

use super::{OwnOption, Table, TableClass};

const SECOND_US: i64 = 1_000_000;

/// The most seconds that rows of a stream are kept: ten years.
const TTL_SECONDS_MAX: u32 = 315_360_000;

/// The most rows that each user keeps of a stream: they are counted whenever it is read.
const BUFFER_ROWS_MAX: u32 = 1_000_000;

/// How much longer rows may be kept than was said when the stream was made, in spans of its keys: a reader looks at each.
const BUCKETS_MAX: i64 = 1000;

/// Whether an option of streams can be read; if not, what it may be.
pub(super) fn check(option: OwnOption, value: &str) -> Result<(), &'static str> {
    match option {
        OwnOption::TtlSeconds => {
            within(value, TTL_SECONDS_MAX).map(drop).ok_or("Valid values are whole numbers from 1 to 315360000.")
        }
        OwnOption::MaxBuffer => {
            within(value, BUFFER_ROWS_MAX).map(drop).ok_or("Valid values are whole numbers from 1 to 1000000.")
        }
        OwnOption::Ephemeral => boolean(value).map(drop).ok_or("Valid values are \"true\" and \"false\"."),
        _ => Ok(()),
    }
}

/// Reads a whole number from 1 on.
fn within(text: &str, max: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok()? } else { return None };
    (1..=max).contains(&number).then_some(number)
}

/// Reads a boolean as PostgreSQL's options have it.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "on" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "off" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

impl Table {
    /// Whether its rows come with the time and go with it.
    pub(crate) fn is_stream(&self) -> bool {
        self.class == TableClass::Stream
    }

    /// For how many seconds a stream's rows are kept.
    pub(crate) fn ttl_seconds(&self) -> Option<u32> {
        if !self.is_stream() {
            return None;
        }
        within(self.own_option(OwnOption::TtlSeconds)?, TTL_SECONDS_MAX)
    }

    /// What storage is told of a stream whose keys have buckets of this span already; None if it is none.
    pub(crate) fn stream_rule(&self, bucket_us: Option<i64>) -> Option<StreamRule> {
        let ttl_us = i64::from(self.ttl_seconds()?) * SECOND_US;
        let rows_max = self.own_option(OwnOption::MaxBuffer).and_then(|value| within(value, BUFFER_ROWS_MAX));
        Some(StreamRule {
            ttl_us,
            bucket_us: bucket_us.unwrap_or_else(|| StreamRule::bucket_us_for(ttl_us)),
            rows_max: rows_max.map(u64::from),
            ephemeral: self.own_option(OwnOption::Ephemeral).and_then(boolean).unwrap_or_default(),
        })
    }
}

/// The most seconds for which a stream may keep rows, as its keys are.
pub(crate) fn ttl_seconds_max(rule: &StreamRule) -> i64 {
    (rule.bucket_us.saturating_mul(BUCKETS_MAX) / SECOND_US).min(TTL_SECONDS_MAX.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_are_read() {
        assert_eq!(within("60", 60), Some(60));
        for wrong in ["", "0", "61", "-1", "+1", "1.5", " 1", "a", "99999999999"] {
            assert_eq!(within(wrong, 60), None, "{wrong}");
        }
        assert_eq!((boolean("ON"), boolean("f"), boolean("maybe")), (Some(true), Some(false), None));
    }
}
