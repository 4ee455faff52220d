//! A sequence: the rule its values follow, and the column it serves, if any.
//!
//! Where it stands is not here but in storage, under the generation of its relation: values are not transactional.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use storage::SequenceRule;

use super::{Catalog, Table, TableColumn};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// Oid of int2, int4 or int8.
    pub value_type: u32,
    pub rule: SequenceRule,
    /// CACHE as given. Values are reserved in blocks shared by all sessions, so it changes nothing.
    pub cache: i64,
    pub owned_by: Option<OwnedBy>,
}

/// The column that a sequence goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedBy {
    pub table: u32,
    /// Attribute number.
    pub column: u16,
}

impl Catalog {
    /// The sequences that the columns of a table own.
    pub fn sequences_of(&self, table: u32) -> impl Iterator<Item = (&Table, OwnedBy)> {
        self.tables.values().filter_map(move |relation| {
            let owner = relation.sequence()?.owned_by.filter(|owner| owner.table == table)?;
            Some((relation.as_ref(), owner))
        })
    }
}

/// The default that takes a sequence's next value. The sequence is named by its oid, so that it may be renamed.
pub(crate) fn next_value_text(sequence: u32) -> String {
    format!("nextval('{sequence}'::regclass)")
}

impl TableColumn {
    /// The default as SQL, relations in it by the names that `name` gives.
    pub(crate) fn default_shown(&self, name: impl Fn(u32) -> Option<String>) -> Option<String> {
        let text = self.default.as_deref()?;
        Some(rename_relations(text, name))
    }

    /// The relations that the default names, by oid.
    pub(crate) fn default_relations(&self) -> Vec<u32> {
        let found = RefCell::new(Vec::new());
        self.default_shown(|oid| {
            found.borrow_mut().push(oid);
            None
        });
        found.into_inner()
    }

    /// Whether the default takes values of that relation.
    pub(crate) fn default_uses(&self, sequence: u32) -> bool {
        self.default.as_deref().is_some_and(|text| text.contains(&format!("'{sequence}'::regclass")))
    }
}

/// Replaces every `'1234'::regclass` by a name.
fn rename_relations(text: &str, name: impl Fn(u32) -> Option<String>) -> String {
    const CAST: &str = "'::regclass";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(CAST) {
        let digits = rest[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
        let start = at - digits;
        let named = rest[..start].ends_with('\'').then(|| rest[start..at].parse().ok().and_then(&name)).flatten();
        match named {
            Some(name) => {
                shown.push_str(&rest[..start]);
                shown.push_str(&name.replace('\'', "''"));
            }
            None => shown.push_str(&rest[..at]),
        }
        shown.push_str(CAST);
        rest = &rest[at + CAST.len()..];
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_in_a_default_are_shown_by_name() {
        let check = |text: &str, expected: &str| {
            let shown = rename_relations(text, |oid| (oid == 16400).then(|| "s.\"It's\"".to_owned()));
            assert_eq!(shown, expected);
        };
        check("nextval('16400'::regclass)", "nextval('s.\"It''s\"'::regclass)");
        check(
            "nextval('16400'::regclass) + nextval('7'::regclass)",
            "nextval('s.\"It''s\"'::regclass) + nextval('7'::regclass)",
        );
        check("'x16400'::regclass", "'x16400'::regclass");
        check("1", "1");
    }
}
