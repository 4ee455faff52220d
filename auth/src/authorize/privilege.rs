//! Privileges and sets of them, and which of them make sense for which kind of object
//! (PostgreSQL manual, section 5.7).

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// The letters of all privileges, in the order in which an ACL prints them.
pub(crate) const PRIVILEGE_LETTERS: &str = "arwdDxtXUCTcsA";

/// One privilege. The discriminant is its bit in [`Privileges`], which is stored: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the keyword of the same name")]
pub enum Privilege {
    Insert,
    Select,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    Execute,
    Usage,
    Create,
    Temporary,
    Connect,
    Set,
    AlterSystem,
}

impl Privilege {
    /// Every privilege, in the order of their bits, which is the order in which an ACL prints them.
    pub const ALL: [Self; 14] = [
        Self::Insert,
        Self::Select,
        Self::Update,
        Self::Delete,
        Self::Truncate,
        Self::References,
        Self::Trigger,
        Self::Execute,
        Self::Usage,
        Self::Create,
        Self::Temporary,
        Self::Connect,
        Self::Set,
        Self::AlterSystem,
    ];

    /// The keyword, as `information_schema` and `aclexplode` print it.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Select => "SELECT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
            Self::References => "REFERENCES",
            Self::Trigger => "TRIGGER",
            Self::Execute => "EXECUTE",
            Self::Usage => "USAGE",
            Self::Create => "CREATE",
            Self::Temporary => "TEMPORARY",
            Self::Connect => "CONNECT",
            Self::Set => "SET",
            Self::AlterSystem => "ALTER SYSTEM",
        }
    }

    /// The privilege of a keyword in whatever case; `TEMP` is short for `TEMPORARY`.
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        if keyword.eq_ignore_ascii_case("TEMP") {
            return Some(Self::Temporary);
        }
        Self::ALL.into_iter().find(|privilege| privilege.keyword().eq_ignore_ascii_case(keyword))
    }

    /// The letter that stands for the privilege in an ACL.
    pub fn letter(self) -> char {
        char::from(PRIVILEGE_LETTERS.as_bytes()[self as usize])
    }

    /// The privilege of a letter in an ACL.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|privilege| privilege.letter() == letter)
    }
}

/// A set of privileges. Stored as its bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
pub struct Privileges(u16);

impl Privileges {
    /// No privilege at all.
    pub const NONE: Self = Self(0);
    /// Every privilege that there is.
    pub const ALL: Self = Self((1 << Privilege::ALL.len()) - 1);

    /// INSERT.
    pub const INSERT: Self = Self::of(&[Privilege::Insert]);
    /// SELECT.
    pub const SELECT: Self = Self::of(&[Privilege::Select]);
    /// UPDATE.
    pub const UPDATE: Self = Self::of(&[Privilege::Update]);
    /// DELETE.
    pub const DELETE: Self = Self::of(&[Privilege::Delete]);
    /// TRUNCATE.
    pub const TRUNCATE: Self = Self::of(&[Privilege::Truncate]);
    /// REFERENCES.
    pub const REFERENCES: Self = Self::of(&[Privilege::References]);
    /// TRIGGER.
    pub const TRIGGER: Self = Self::of(&[Privilege::Trigger]);
    /// EXECUTE.
    pub const EXECUTE: Self = Self::of(&[Privilege::Execute]);
    /// USAGE.
    pub const USAGE: Self = Self::of(&[Privilege::Usage]);
    /// CREATE.
    pub const CREATE: Self = Self::of(&[Privilege::Create]);
    /// TEMPORARY.
    pub const TEMPORARY: Self = Self::of(&[Privilege::Temporary]);
    /// CONNECT.
    pub const CONNECT: Self = Self::of(&[Privilege::Connect]);
    /// SET, of a configuration parameter.
    pub const SET: Self = Self::of(&[Privilege::Set]);
    /// ALTER SYSTEM, of a configuration parameter.
    pub const ALTER_SYSTEM: Self = Self::of(&[Privilege::AlterSystem]);

    /// The set of the privileges listed.
    pub const fn of(privileges: &[Privilege]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < privileges.len() {
            bits |= 1 << privileges[index] as u16;
            index += 1;
        }
        Self(bits)
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many privileges are in the set.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the sets have a privilege in common.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The privileges of the set, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL.into_iter().filter(move |&privilege| self.contains(privilege.into()))
    }

    /// The set as a number, for whoever stores it in another form.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl From<Privilege> for Privileges {
    fn from(privilege: Privilege) -> Self {
        Self::of(&[privilege])
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        privileges.into_iter().fold(Self::NONE, |set, privilege| set | privilege.into())
    }
}

impl From<Privileges> for u16 {
    fn from(privileges: Privileges) -> Self {
        privileges.0
    }
}

impl TryFrom<u16> for Privileges {
    type Error = UnknownPrivilege;

    fn try_from(bits: u16) -> Result<Self, Self::Error> {
        if Self::ALL.contains(Self(bits)) { Ok(Self(bits)) } else { Err(UnknownPrivilege) }
    }
}

/// A stored set has a bit that stands for no privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stored set of privileges has an unknown bit")]
pub struct UnknownPrivilege;

impl BitOr for Privileges {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Privileges {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Privileges {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Privileges {
    type Output = Self;

    /// What is in the first set and not in the second.
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl SubAssign for Privileges {
    fn sub_assign(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

impl fmt::Debug for Privileges {
    /// The letters of an ACL.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: String = self.iter().map(Privilege::letter).collect();
        write!(formatter, "Privileges({letters})")
    }
}

/// What sort of object a privilege is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the object of the same name")]
pub enum ObjectKind {
    /// Tables, views, materialized views, foreign tables and indexes.
    Table,
    Column,
    Sequence,
    Database,
    /// Functions, procedures and aggregates.
    Function,
    Language,
    LargeObject,
    Schema,
    Tablespace,
    ForeignDataWrapper,
    ForeignServer,
    /// Types and domains.
    Type,
    Parameter,
}

impl ObjectKind {
    /// What ALL PRIVILEGES means for such an object.
    pub const fn all_privileges(self) -> Privileges {
        use Privilege::*;
        match self {
            Self::Table => Privileges::of(&[Insert, Select, Update, Delete, Truncate, References, Trigger]),
            Self::Column => Privileges::of(&[Insert, Select, Update, References]),
            Self::Sequence => Privileges::of(&[Select, Update, Usage]),
            Self::Database => Privileges::of(&[Create, Temporary, Connect]),
            Self::Function => Privileges::EXECUTE,
            Self::LargeObject => Privileges::of(&[Select, Update]),
            Self::Schema => Privileges::of(&[Usage, Create]),
            Self::Tablespace => Privileges::CREATE,
            Self::Language | Self::ForeignDataWrapper | Self::ForeignServer | Self::Type => Privileges::USAGE,
            Self::Parameter => Privileges::of(&[Set, AlterSystem]),
        }
    }

    /// What the owner of a new object has: everything, except that a column leaves it to its table.
    pub const fn default_owner_privileges(self) -> Privileges {
        match self {
            Self::Column => Privileges::NONE,
            _ => self.all_privileges(),
        }
    }

    /// What everybody has on a new object.
    pub const fn default_public_privileges(self) -> Privileges {
        match self {
            Self::Database => Privileges::of(&[Privilege::Temporary, Privilege::Connect]),
            Self::Function => Privileges::EXECUTE,
            Self::Language | Self::Type => Privileges::USAGE,
            Self::Table
            | Self::Column
            | Self::Sequence
            | Self::LargeObject
            | Self::Schema
            | Self::Tablespace
            | Self::ForeignDataWrapper
            | Self::ForeignServer
            | Self::Parameter => Privileges::NONE,
        }
    }

    /// The letter by which `acldefault` knows the kind.
    pub const fn letter(self) -> char {
        match self {
            Self::Table => 'r',
            Self::Column => 'c',
            Self::Sequence => 's',
            Self::Database => 'd',
            Self::Function => 'f',
            Self::Language => 'l',
            Self::LargeObject => 'L',
            Self::Schema => 'n',
            Self::Tablespace => 't',
            Self::ForeignDataWrapper => 'F',
            Self::ForeignServer => 'S',
            Self::Type => 'T',
            Self::Parameter => 'p',
        }
    }

    /// The kind that `acldefault` knows by a letter.
    pub fn from_letter(letter: char) -> Option<Self> {
        const ALL: [ObjectKind; 13] = [
            ObjectKind::Table,
            ObjectKind::Column,
            ObjectKind::Sequence,
            ObjectKind::Database,
            ObjectKind::Function,
            ObjectKind::Language,
            ObjectKind::LargeObject,
            ObjectKind::Schema,
            ObjectKind::Tablespace,
            ObjectKind::ForeignDataWrapper,
            ObjectKind::ForeignServer,
            ObjectKind::Type,
            ObjectKind::Parameter,
        ];
        ALL.into_iter().find(|kind| kind.letter() == letter)
    }

    /// The words for the kind in `permission denied for …`.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Sequence => "sequence",
            Self::Database => "database",
            Self::Function => "function",
            Self::Language => "language",
            Self::LargeObject => "large object",
            Self::Schema => "schema",
            Self::Tablespace => "tablespace",
            Self::ForeignDataWrapper => "foreign-data wrapper",
            Self::ForeignServer => "foreign server",
            Self::Type => "type",
            Self::Parameter => "parameter",
        }
    }
}
