//! Constraints as the catalog keeps them.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    pub oid: u32,
    pub name: String,
    pub kind: ConstraintKind,
    /// The constraint of the partitioned table that this one is for a partition.
    #[serde(default)]
    pub parent: Option<u32>,
    /// When it is checked, if not at the end of each statement.
    #[serde(default)]
    pub deferrable: Option<Deferrable>,
    /// NOT VALID: the rows that were there were not looked at.
    #[serde(default)]
    pub not_valid: bool,
    #[serde(default)]
    pub comment: Option<String>,
    /// NO INHERIT: a check that those that inherit from the table do not have.
    #[serde(default)]
    pub no_inherit: bool,
    /// It is the table's own, whether or not tables that it inherits from have it too.
    #[serde(default = "super::own")]
    pub local: bool,
}

/// What DEFERRABLE was given with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deferrable {
    InitiallyImmediate,
    InitiallyDeferred,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ConstraintKind {
    /// Attribute numbers in key order; `index` is the oid of the index that enforces it.
    PrimaryKey {
        columns: Vec<u16>,
        index: u32,
    },
    Unique {
        columns: Vec<u16>,
        index: u32,
    },
    /// SQL text of the condition.
    Check {
        expression: String,
    },
    ForeignKey {
        columns: Vec<u16>,
        target: u32,
        target_columns: Vec<u16>,
        on_delete: ForeignKeyAction,
        on_update: ForeignKeyAction,
        /// MATCH FULL: a key that is NULL in part points nowhere and is refused.
        #[serde(default)]
        match_full: bool,
        /// The columns that ON DELETE SET NULL or SET DEFAULT names; none is all.
        #[serde(default)]
        set_columns: Vec<u16>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignKeyAction {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

impl Constraint {
    /// A constraint of a table by itself, checked at once and on every row.
    pub fn new(oid: u32, name: String, kind: ConstraintKind) -> Self {
        let (deferrable, comment) = (None, None);
        Self { oid, name, kind, parent: None, deferrable, not_valid: false, no_inherit: false, local: true, comment }
    }
}

impl ForeignKeyAction {
    /// Whether rows that point at a key are changed with it.
    pub fn writes(self) -> bool {
        match self {
            ForeignKeyAction::NoAction | ForeignKeyAction::Restrict => false,
            ForeignKeyAction::Cascade | ForeignKeyAction::SetNull | ForeignKeyAction::SetDefault => true,
        }
    }
}

impl ConstraintKind {
    /// The index that enforces a key.
    pub(crate) fn key_index(&self) -> Option<u32> {
        match self {
            ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => Some(*index),
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => None,
        }
    }

    /// Attribute numbers of the columns of a key.
    pub(crate) fn key_columns(&self) -> &[u16] {
        match self {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => columns,
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => &[],
        }
    }
}
