//! `system.segments`: the files of cold rows, of those tables that the role owns.

use storage::{Slice, Store, Value};

use super::{number, stored_tables};
use crate::catalog::history::versions;
use crate::catalog::pg_catalog::relation::{NULL, row};
use crate::error::Result;
use crate::job::Viewer;

pub(super) fn rows(viewer: &Viewer<'_>, store: &Store) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for table in stored_tables(viewer.catalog()).filter(|table| viewer.owns(table.owner)) {
        let states = store.segment_states(table.storage.generation)?;
        if states.is_empty() {
            continue;
        }
        let schema = viewer.catalog().schemas.get(&table.schema).map(|schema| &schema.name);
        let versions = versions(&store.view(), table.oid)?;
        // Of versions whose rows look the same the newest: the rows are theirs as well.
        let version_of = |layout: u16| {
            let same = versions.iter().rev().find(|version| version.layout == layout);
            same.map_or(i32::from(layout), |version| i32::try_from(version.version).unwrap_or(i32::MAX))
        };
        for state in states {
            let info = state.info();
            let is_shown = viewer.may_see_values(table);
            let key = |key: &[u8]| if is_shown { Value::Bytea(info.key_within(key).into()) } else { Value::Null };
            let user = match info.schema.slice {
                Slice::One(role) => Value::Text(viewer.catalog().role_name(role.0).into()),
                Slice::Undivided | Slice::Every => NULL,
            };
            rows.push(row![
                schema,
                &table.name,
                user,
                &info.path,
                i64::from(info.rows),
                number(info.bytes),
                number(state.deleted),
                key(&info.first_key),
                key(&info.last_key),
                number(info.min_seq),
                number(info.max_seq),
                version_of(info.schema.version.0),
                Value::Timestamptz(info.created_at_us),
            ]);
        }
    }
    Ok(rows)
}
