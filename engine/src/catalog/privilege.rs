//! Who may do what to a table, or to some of its columns.

use auth::{
    AccessLevel, Acl, Duty, ObjectAccess, ObjectKind, Principal, Privileges, RoleId, RoleKind, TableRows,
    held_privileges, kind_privileges,
};

use super::{Catalog, OwnOption, Schema, Table, TableKind};

impl Catalog {
    /// What may be done with a sequence because of what the principal is: whoever may insert rows because of it takes the
    /// values for their columns.
    pub fn sequence_open_to(&self, sequence: &Table, kind: RoleKind) -> Privileges {
        if kind.has(Duty::Redefine) {
            return ObjectKind::Sequence.all_privileges();
        }
        let owned_by = sequence.sequence().and_then(|sequence| sequence.owned_by.as_ref());
        let table = owned_by.and_then(|owned_by| self.tables.get(&owned_by.table));
        let inserts = table.is_some_and(|table| table.open_to(kind).contains(Privileges::INSERT));
        if inserts { Privileges::USAGE } else { Privileges::NONE }
    }
}

impl Schema {
    /// What a decision about the schema looks at.
    pub fn access(&self) -> ObjectAccess<'_> {
        ObjectAccess { owner: RoleId(self.owner), kind: ObjectKind::Schema, acl: self.acl.as_ref() }
    }

    /// What may be done with it because of what the principal is.
    pub fn open_to(&self, kind: RoleKind) -> Privileges {
        if self.is_system() { Privileges::NONE } else { kind.schema_privileges() }
    }

    /// Whether all that is wanted was granted, or is open to what the principal is.
    pub fn allows(&self, principal: &Principal, wanted: Privileges) -> bool {
        let missing = wanted - held_privileges(principal, &self.access(), wanted);
        (missing - self.open_to(principal.kind())).is_empty()
    }
}

impl Table {
    /// What a decision about the table looks at.
    pub fn access(&self) -> ObjectAccess<'_> {
        let kind = if self.sequence().is_some() { ObjectKind::Sequence } else { ObjectKind::Table };
        ObjectAccess { owner: RoleId(self.owner), kind, acl: self.acl.as_ref() }
    }

    /// What a decision about one column looks at, by its number. The table's list is another matter.
    pub fn column_access(&self, number: u16) -> ObjectAccess<'_> {
        let acl = self.column_acls.get(&number);
        ObjectAccess { owner: RoleId(self.owner), kind: ObjectKind::Column, acl }
    }

    /// How far it is open, if it is a shared table.
    pub fn access_level(&self) -> AccessLevel {
        self.own_option(OwnOption::AccessLevel).and_then(AccessLevel::named).unwrap_or_default()
    }

    /// Whose rows it holds; None if it is no table that others than its owner and those with a GRANT have to do with.
    pub fn rows(&self) -> Option<TableRows> {
        let is_table = matches!(self.kind, TableKind::Table | TableKind::Files(_));
        let is_plain = is_table && self.materialized.is_none() && self.temporary.is_none();
        is_plain.then(|| if self.is_divided() { TableRows::OfEachUser } else { TableRows::Shared(self.access_level()) })
    }

    /// What may be done with its rows because of what the principal is.
    pub fn open_to(&self, kind: RoleKind) -> Privileges {
        self.rows().map_or(Privileges::NONE, |rows| kind_privileges(kind, rows))
    }

    /// Whether the principal owns it, or does this with what others own because of what it is.
    pub fn is_kept_by(&self, principal: &Principal, duty: Duty) -> bool {
        principal.has_privileges_of(RoleId(self.owner)) || self.rows().is_some() && principal.kind().has(duty)
    }

    /// The same of flushing and compacting: a service moves the rows of tables that it may read.
    pub fn is_moved_by(&self, principal: &Principal) -> bool {
        let reads = || self.open_to(principal.kind()).contains(Privileges::SELECT);
        principal.has_privileges_of(RoleId(self.owner)) || principal.kind().has(Duty::MoveRows) && reads()
    }

    /// Those of what is wanted that were granted on the whole table, or are open to what the principal is.
    pub fn held(&self, principal: &Principal, wanted: Privileges) -> Privileges {
        let granted = held_privileges(principal, &self.access(), wanted);
        if granted == wanted { granted } else { granted | (wanted & self.open_to(principal.kind())) }
    }

    /// Whether all that is wanted is held on the table or else on each of the columns; if none are named, on any column.
    pub fn allows(&self, principal: &Principal, wanted: Privileges, columns: &[u16]) -> bool {
        let missing = wanted - self.held(principal, wanted);
        if missing.is_empty() {
            return true;
        }
        if self.column_acls.is_empty() || !(missing - ObjectKind::Column.all_privileges()).is_empty() {
            return false;
        }
        missing.iter().all(|privilege| {
            let wanted = Privileges::from(privilege);
            let holds = |number: &u16| held_privileges(principal, &self.column_access(*number), wanted) == wanted;
            match columns {
                [] => self.column_acls.keys().any(holds),
                columns => columns.iter().all(holds),
            }
        })
    }

    /// Whether any of the privileges is held on the table or on any of its columns.
    pub fn allows_some(&self, principal: &Principal, wanted: Privileges) -> bool {
        wanted.iter().any(|privilege| self.allows(principal, Privileges::from(privilege), &[]))
    }

    /// Puts another owner in the place of the old one, in the lists too.
    pub(crate) fn give_to(&mut self, owner: u32) {
        let (old, new) = (RoleId(self.owner), RoleId(owner));
        self.acl.iter_mut().chain(self.column_acls.values_mut()).for_each(|acl| acl.change_owner(old, new));
        self.owner = owner;
    }

    /// The lists of the columns that are there, with the columns' names.
    pub(crate) fn listed_columns(&self) -> impl Iterator<Item = (&str, &Acl)> {
        self.columns.iter().filter_map(|column| Some((column.name.as_str(), self.column_acls.get(&column.number)?)))
    }
}
