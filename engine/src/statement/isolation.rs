//! Isolation levels as they are asked for and shown.

use storage::Isolation;

/// What SQL calls a level. READ UNCOMMITTED keeps its name, but is READ COMMITTED in all that it does, as in PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    ReadUncommitted,
    #[default]
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl From<Isolation> for IsolationLevel {
    fn from(kept: Isolation) -> Self {
        match kept {
            Isolation::ReadCommitted => Self::ReadCommitted,
            Isolation::RepeatableRead => Self::RepeatableRead,
            Isolation::Serializable => Self::Serializable,
        }
    }
}

impl IsolationLevel {
    const ALL: [Self; 4] = [Self::Serializable, Self::RepeatableRead, Self::ReadCommitted, Self::ReadUncommitted];

    /// The level that a setting's value names, in any case of letters.
    pub fn named(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(value))
    }

    /// What SHOW prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        }
    }

    /// How the store isolates a transaction of the level.
    pub fn isolation(self) -> Isolation {
        match self {
            Self::ReadUncommitted | Self::ReadCommitted => Isolation::ReadCommitted,
            Self::RepeatableRead => Isolation::RepeatableRead,
            Self::Serializable => Isolation::Serializable,
        }
    }
}
