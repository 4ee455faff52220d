//! KalamDB's own options of a table: `WITH (flush_policy = 'rows:10000,interval:300')`.
//!
//! They are kept as text among PostgreSQL's storage parameters, so that they are set, reset, shown and dumped as those
//! are. What they may say is checked when they are given, and read here. One more option is one more [`OwnOption`].

use std::num::NonZeroU64;

use auth::AccessLevel;
use storage::segment::PageCompression;

use super::{Table, TableClass, stream};

/// The options that PostgreSQL does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnOption {
    FlushPolicy,
    Storage,
    DeletedRetentionHours,
    AccessLevel,
    Compression,
    TtlSeconds,
    MaxBuffer,
    Ephemeral,
}

impl OwnOption {
    pub const ALL: [OwnOption; 8] = [
        OwnOption::FlushPolicy,
        OwnOption::Storage,
        OwnOption::DeletedRetentionHours,
        OwnOption::AccessLevel,
        OwnOption::Compression,
        OwnOption::TtlSeconds,
        OwnOption::MaxBuffer,
        OwnOption::Ephemeral,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            OwnOption::FlushPolicy => "flush_policy",
            OwnOption::Storage => "storage",
            OwnOption::DeletedRetentionHours => "deleted_retention_hours",
            OwnOption::AccessLevel => "access_level",
            OwnOption::Compression => "compression",
            OwnOption::TtlSeconds => "ttl_seconds",
            OwnOption::MaxBuffer => "max_buffer",
            OwnOption::Ephemeral => "ephemeral",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|option| option.name() == name)
    }

    /// Whether a value can be read; if not, what it may be.
    pub fn check(self, value: &str) -> Result<(), &'static str> {
        match self {
            OwnOption::FlushPolicy => FlushPolicy::parse(value).map(drop).ok_or(
                "Valid values are \"none\", \"rows:N\", \"interval:SECONDS\", or the last two with a comma between them.",
            ),
            // Whether there is one of that name is the catalog's to say.
            OwnOption::Storage => Ok(()),
            OwnOption::DeletedRetentionHours => {
                retention_hours(value).map(drop).ok_or("Valid values are whole numbers from 0 to 1000000.")
            }
            OwnOption::AccessLevel => AccessLevel::named(value)
                .map(drop)
                .ok_or("Valid values are \"public\", \"private\", \"restricted\", and \"dba\"."),
            OwnOption::Compression => {
                compression_named(value).map(drop).ok_or("Valid values are \"zstd\" and \"none\".")
            }
            OwnOption::TtlSeconds | OwnOption::MaxBuffer | OwnOption::Ephemeral => stream::check(self, value),
        }
    }
}

/// When a table's hot rows are flushed without being told to. What is not said never happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlushPolicy {
    /// As soon as so many rows are hot.
    pub rows: Option<NonZeroU64>,
    /// So many seconds after the oldest of them was written.
    pub interval_s: Option<NonZeroU64>,
}

impl FlushPolicy {
    /// Reads `none`, `rows:N`, `interval:SECONDS`, or both in either order.
    pub fn parse(text: &str) -> Option<Self> {
        let mut policy = Self::default();
        if text.trim().eq_ignore_ascii_case("none") {
            return Some(policy);
        }
        for part in text.split(',') {
            let (name, value) = part.split_once(':')?;
            let slot = match name.trim().to_ascii_lowercase().as_str() {
                "rows" => &mut policy.rows,
                "interval" => &mut policy.interval_s,
                _ => return None,
            };
            let value = value.trim();
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            // Twice the same has no meaning, and seconds are also counted in microseconds.
            if slot.is_some() || !digits || value.len() > 12 {
                return None;
            }
            *slot = Some(value.parse().ok()?);
        }
        Some(policy)
    }
}

/// The most hours that deleted rows are kept: more than a century.
const RETENTION_HOURS_MAX: u32 = 1_000_000;

/// For how many hours user tables keep what was deleted, unless they are told otherwise.
const USER_RETENTION_HOURS: u32 = 24;

/// Reads a number of hours.
fn retention_hours(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let hours = if digits { text.parse().ok()? } else { return None };
    (hours <= RETENTION_HOURS_MAX).then_some(hours)
}

/// Reads how files are compressed.
fn compression_named(name: &str) -> Option<PageCompression> {
    match name.to_ascii_lowercase().as_str() {
        "zstd" => Some(PageCompression::Zstd),
        "none" => Some(PageCompression::None),
        _ => None,
    }
}

impl Table {
    /// How the pages of its new files are compressed.
    pub fn compression(&self) -> PageCompression {
        self.own_option(OwnOption::Compression).and_then(compression_named).unwrap_or_default()
    }

    /// How many hours its deleted rows are kept; zero for most tables, a day for user tables.
    pub fn deleted_retention_hours(&self) -> u32 {
        let usual = if self.class == TableClass::User { USER_RETENTION_HOURS } else { 0 };
        self.own_option(OwnOption::DeletedRetentionHours).and_then(retention_hours).unwrap_or(usual)
    }

    /// What an own option was set to.
    pub fn own_option(&self, option: OwnOption) -> Option<&str> {
        let found = self.options.iter().find(|(name, _)| name == option.name());
        found.map(|(_, value)| value.as_str())
    }

    /// When its rows are flushed; `None` for most tables: when somebody says so.
    pub fn flush_policy(&self) -> Option<FlushPolicy> {
        let policy = FlushPolicy::parse(self.own_option(OwnOption::FlushPolicy)?)?;
        (policy != FlushPolicy::default()).then_some(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_policy_is_read() {
        let policy =
            |rows, interval| Some(FlushPolicy { rows: NonZeroU64::new(rows), interval_s: NonZeroU64::new(interval) });
        assert_eq!(FlushPolicy::parse("none"), policy(0, 0));
        assert_eq!(FlushPolicy::parse("rows:10"), policy(10, 0));
        assert_eq!(FlushPolicy::parse("Interval: 300"), policy(0, 300));
        assert_eq!(FlushPolicy::parse("interval:5 , rows:10000"), policy(10_000, 5));
        for wrong in ["", "rows", "rows:", "rows:0", "rows:-1", "rows:+1", "rows:1,rows:2", "days:1", "none,rows:1"] {
            assert_eq!(FlushPolicy::parse(wrong), None, "{wrong}");
        }
        assert_eq!(FlushPolicy::parse("rows:9999999999999"), None);
    }
}
