//! Who may do what to a table, or to some of its columns.

use auth::{Acl, ObjectAccess, ObjectKind, Principal, Privileges, RoleId, held_privileges};

use super::Table;

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

    /// Whether all that is wanted is held on the table or else on each of the columns; if none are named, on any column.
    pub fn allows(&self, principal: &Principal, wanted: Privileges, columns: &[u16]) -> bool {
        let missing = wanted - held_privileges(principal, &self.access(), wanted);
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
