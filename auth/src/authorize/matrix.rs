//! What a role may do because of its kind, besides what ownership and GRANT give it.
//!
//! This is the whole matrix, and the only place that knows it. It only ever adds: who owns something, or was granted a
//! privilege on it, may do what that says, whatever the role's kind. A kind is the role's own and is not inherited.

use serde::{Deserialize, Serialize};

use crate::authorize::privilege::{ObjectKind, Privileges};
use crate::identity::RoleKind;

/// How far a shared table is open to roles that neither own it nor were granted anything on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLevel {
    /// Everybody reads it.
    Public,
    /// Services use it.
    #[default]
    Private,
    /// Services read it.
    Restricted,
    /// Nobody below a dba sees what is in it.
    Dba,
}

impl AccessLevel {
    /// Every level, the most open first.
    pub const ALL: [Self; 4] = [Self::Public, Self::Private, Self::Restricted, Self::Dba];

    /// As SQL names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Restricted => "restricted",
            Self::Dba => "dba",
        }
    }

    /// The level of that name, whatever its case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

/// Whose rows a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableRows {
    /// Everybody sees the same ones.
    Shared(AccessLevel),
    /// Each user sees their own and no others.
    OfEachUser,
}

/// What a role of that kind may do with the rows of a table that is not its own. Of [`TableRows::OfEachUser`] the rows
/// meant are those of the role itself.
pub fn kind_privileges(kind: RoleKind, rows: TableRows) -> Privileges {
    use AccessLevel::{Dba, Private, Public, Restricted};
    let all = ObjectKind::Table.all_privileges();
    match (kind, rows) {
        (RoleKind::System, _) => all,
        (_, TableRows::OfEachUser) => Privileges::SELECT | Privileges::INSERT | Privileges::UPDATE | Privileges::DELETE,
        (RoleKind::Dba, TableRows::Shared(_)) => all,
        (RoleKind::Service, TableRows::Shared(Public | Private)) => all,
        (RoleKind::Service, TableRows::Shared(Restricted)) => Privileges::SELECT,
        (RoleKind::Service, TableRows::Shared(Dba)) => Privileges::NONE,
        (RoleKind::User, TableRows::Shared(Public)) => Privileges::SELECT,
        (RoleKind::User, TableRows::Shared(Private | Restricted | Dba)) => Privileges::NONE,
    }
}

/// Something that a role may do because of its kind, other than with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Make tables whose rows are each user's own, in a schema that the role may use.
    CreateUserTables,
    /// Make schemas, and shared tables and whatever else is in a schema; index tables whose rows it may write.
    CreateShared,
    /// Flush and compact tables that it may read.
    MoveRows,
    /// Alter and drop what others own.
    Redefine,
    /// Look after jobs, storages and backups, and read the schema `system`.
    Operate,
}

impl Duty {
    /// The lowest kind of role whose duty it is.
    pub const fn least_kind(self) -> RoleKind {
        match self {
            Self::CreateUserTables => RoleKind::User,
            Self::CreateShared | Self::MoveRows => RoleKind::Service,
            Self::Redefine | Self::Operate => RoleKind::Dba,
        }
    }
}

impl RoleKind {
    /// Whether it is the duty of a role of this kind.
    pub fn has(self, duty: Duty) -> bool {
        self >= duty.least_kind()
    }

    /// What a role of this kind may do in schemas that are not its own.
    pub fn schema_privileges(self) -> Privileges {
        if self.has(Duty::CreateShared) { Privileges::USAGE | Privileges::CREATE } else { Privileges::NONE }
    }

    /// The highest kind of role that one of this kind makes, alters and drops; with CREATEROLE, roles like itself.
    pub fn manages(self, createrole: bool) -> Option<RoleKind> {
        match self {
            Self::Dba | Self::System => Some(self),
            Self::User | Self::Service => createrole.then_some(self),
        }
    }

    /// Whether a role of this kind says what its own password is.
    pub fn sets_own_password(self) -> bool {
        self != Self::Service
    }

    /// Whether a role of this kind may run a statement as one of that kind.
    pub fn acts_as(self, other: RoleKind) -> bool {
        match self {
            Self::User => false,
            Self::Service => other == Self::User,
            Self::Dba => other <= Self::Service,
            Self::System => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix as the design has it, a letter for what is allowed: all, read, nothing.
    const SHARED: [(RoleKind, [char; 4]); 4] = [
        (RoleKind::User, ['r', '-', '-', '-']),
        (RoleKind::Service, ['a', 'a', 'r', '-']),
        (RoleKind::Dba, ['a', 'a', 'a', 'a']),
        (RoleKind::System, ['a', 'a', 'a', 'a']),
    ];

    #[test]
    fn shared_tables_are_open_as_the_matrix_says() {
        for (kind, letters) in SHARED {
            for (level, letter) in AccessLevel::ALL.into_iter().zip(letters) {
                let expected = match letter {
                    'a' => ObjectKind::Table.all_privileges(),
                    'r' => Privileges::SELECT,
                    _ => Privileges::NONE,
                };
                assert_eq!(kind_privileges(kind, TableRows::Shared(level)), expected, "{kind:?} {level:?}");
            }
        }
    }

    #[test]
    fn everybody_has_their_own_rows() {
        for (kind, _) in SHARED {
            let held = kind_privileges(kind, TableRows::OfEachUser);
            assert!(held.contains(Privileges::SELECT | Privileges::INSERT | Privileges::UPDATE | Privileges::DELETE));
            assert_eq!(held.contains(Privileges::TRUNCATE), kind == RoleKind::System);
        }
    }

    #[test]
    fn each_kind_may_do_what_the_one_below_may() {
        let [user, service, dba, system] = SHARED.map(|(kind, _)| kind);
        assert!(user < service && service < dba && dba < system);
        assert!(user.has(Duty::CreateUserTables) && !user.has(Duty::CreateShared));
        assert!(service.has(Duty::MoveRows) && !service.has(Duty::Operate) && !service.has(Duty::Redefine));
        assert!(dba.has(Duty::Operate) && dba.has(Duty::Redefine));
    }

    #[test]
    fn nobody_manages_or_becomes_what_is_above() {
        use RoleKind::{Dba, Service, System, User};
        assert_eq!([User, Service, Dba, System].map(|kind| kind.manages(false)), [None, None, Some(Dba), Some(System)]);
        assert_eq!([User, Service].map(|kind| kind.manages(true)), [Some(User), Some(Service)]);
        let allowed = |kind: RoleKind| [User, Service, Dba, System].map(|other| kind.acts_as(other));
        assert_eq!(allowed(User), [false; 4]);
        assert_eq!(allowed(Service), [true, false, false, false]);
        assert_eq!(allowed(Dba), [true, true, false, false]);
        assert_eq!(allowed(System), [true; 4]);
    }

    #[test]
    fn names_are_read_whatever_their_case() {
        assert_eq!(AccessLevel::named("Restricted"), Some(AccessLevel::Restricted));
        assert_eq!(AccessLevel::named("shared"), None);
        assert_eq!(RoleKind::named("DBA"), Some(RoleKind::Dba));
        assert_eq!(RoleKind::named("admin"), None);
    }
}
