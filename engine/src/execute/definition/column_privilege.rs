//! GRANT and REVOKE of privileges on columns. Whoever may grant a privilege on the table may grant it on its columns, and
//! REVOKE from the table revokes from the columns too.

use std::sync::Arc;

use auth::{Acl, ObjectAccess, ObjectKind, Privileges, RoleId, choose_grantor};

use super::DefinitionEnvironment;
use super::privilege::{INVALID_GRANT, apply_deed};
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::{Deed, PrivilegeChange};

impl DefinitionEnvironment<'_> {
    /// The table with the lists of its columns changed.
    pub(super) fn change_columns(
        &mut self,
        catalog: &Arc<Catalog>,
        mut table: Table,
        request: &PrivilegeChange,
        grantees: &[Option<RoleId>],
    ) -> Result<Table> {
        for (number, wanted) in wanted_of_columns(&table, request)? {
            let of_column = |acl: &Acl| acl.items().to_vec();
            let mut items = match &table.acl {
                Some(acl) => of_column(acl),
                None => of_column(&Acl::default_for(ObjectKind::Table, RoleId(table.owner))),
            };
            items.extend(table.column_acls.get(&number).iter().flat_map(|acl| acl.items().iter().copied()));
            let both: Acl = items.into_iter().collect();
            let owner = RoleId(table.owner);
            let access = ObjectAccess { owner, kind: ObjectKind::Column, acl: Some(&both) };
            let name = table.position_of_number(number).map_or("", |at| table.columns[at].name.as_str());
            let shown = format!("column \"{name}\" of relation \"{}\"", table.name);
            let Some(authority) = choose_grantor(self.principal, &access, wanted) else {
                let message = format!("permission denied for {shown}");
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            };
            self.warn_of_less(request, wanted, authority.privileges, &shown);
            if authority.privileges.is_empty() {
                continue;
            }
            let mut changed = table.column_acls.remove(&number).unwrap_or_default();
            apply_deed(&mut changed, request.deed, &authority, owner, grantees, catalog)?;
            if !changed.items().is_empty() {
                table.column_acls.insert(number, changed);
            }
        }
        Ok(table)
    }
}

/// What is asked for on which columns, by number, each once.
fn wanted_of_columns(table: &Table, request: &PrivilegeChange) -> Result<Vec<(u16, Privileges)>> {
    let all = ObjectKind::Column.all_privileges();
    let mut wanted: Vec<(u16, Privileges)> = Vec::new();
    let mut add = |number: u16, privileges: Privileges| match wanted.iter_mut().find(|(own, _)| *own == number) {
        Some((_, known)) => *known |= privileges,
        None => wanted.push((number, privileges)),
    };
    for (privileges, columns) in &request.columns {
        let privileges = privileges.unwrap_or(all);
        if let Some(first) = (privileges - all).iter().next() {
            let message = format!("invalid privilege type {} for column", first.keyword());
            return Err(Error::new(INVALID_GRANT, message));
        }
        for column in columns {
            let at = table.position_of(column).ok_or_else(|| {
                let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
                Error::new(SqlState::UNDEFINED_COLUMN, message)
            })?;
            add(table.columns[at].number, privileges);
        }
    }
    if let Deed::Revoke { .. } = request.deed {
        let revoked = request.privileges.unwrap_or(all) & all;
        for number in table.column_acls.keys().copied().filter(|_| !revoked.is_empty()) {
            add(number, revoked);
        }
    }
    Ok(wanted)
}
