//! `system.segments`: the files of cold rows, of those tables that the role owns.

use storage::{Slice, Store, Value};

use super::stored_tables;
use crate::catalog::pg_catalog::relation::{NULL, row};
use crate::error::Result;
use crate::job::Viewer;

pub(super) fn rows(viewer: &Viewer<'_>, store: &Store) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for table in stored_tables(viewer.catalog()).filter(|table| viewer.owns(table.owner)) {
        let schema = viewer.catalog().schemas.get(&table.schema).map(|schema| &schema.name);
        for state in store.segment_states(table.storage.generation)? {
            let info = state.info();
            let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
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
                i32::from(info.schema.version.0),
                Value::Timestamptz(info.created_at_us),
            ]);
        }
    }
    Ok(rows)
}
