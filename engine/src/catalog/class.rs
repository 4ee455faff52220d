//! Classes of tables: whose the rows of one are.
//!
//! A shared table is one for all. A user table is one definition and, for each role, a slice of its own: the role's oid is
//! part of every key and of the path of every file, so that keys are unique for a role, and a role's rows are a range.
//! A stream table is divided in the same way, and its rows are kept for a while only (`catalog/stream.rs`).
//! The catalog has such a table whole, which definitions need that look at all rows. A statement works on the table cut
//! to a slice ([`Table::of_slice`]), where the others' rows do not exist; `plan/bind/own_rows.rs` says which.

use std::sync::Arc;

use auth::{Duty, Principal, RoleId};
use serde::{Deserialize, Serialize};
use storage::{Slice, SliceId};

use super::Table;

/// Whose rows a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TableClass {
    /// Everybody's who may see them.
    #[default]
    Shared,
    /// Each role's own.
    User,
    /// Each role's own, for a while.
    Stream,
}

impl TableClass {
    pub const fn name(self) -> &'static str {
        match self {
            TableClass::Shared => "shared",
            TableClass::User => "user",
            TableClass::Stream => "stream",
        }
    }

    /// What storage is told of a table's contents as a whole.
    pub(super) fn whole(self) -> Slice {
        match self {
            TableClass::Shared => Slice::Undivided,
            TableClass::User | TableClass::Stream => Slice::Every,
        }
    }
}

/// The slice that has a role's rows. Oids are never given out twice.
pub(crate) fn slice_of_role(role: u32) -> Slice {
    Slice::One(SliceId(role))
}

/// The predefined role whose members may know every size and count.
const PG_READ_ALL_STATS: RoleId = RoleId(3375);

impl Table {
    /// What of the table's contents may be counted for somebody: how much others have is their own business.
    pub(crate) fn counted_for(&self, principal: &Principal) -> Slice {
        match self.class.whole() {
            Slice::Every if principal.kind().has(Duty::Operate) => Slice::Every,
            Slice::Every if principal.has_privileges_of(PG_READ_ALL_STATS) => Slice::Every,
            Slice::Every => slice_of_role(principal.role().0),
            whole => whole,
        }
    }

    /// Whether each role has rows of its own.
    pub(crate) fn is_divided(&self) -> bool {
        self.class != TableClass::Shared
    }

    /// The same table with the rows of a slice alone.
    pub(crate) fn of_slice(self: &Arc<Self>, slice: Slice) -> Arc<Self> {
        match slice {
            Slice::One(slice) if self.is_divided() => {
                let storage = Arc::new(self.storage.of_slice(slice));
                Arc::new(Table { storage, ..(**self).clone() })
            }
            _ => self.clone(),
        }
    }
}
