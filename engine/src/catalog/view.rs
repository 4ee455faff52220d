//! A view: the text of its query, in which nothing depends on names that others may change.
//!
//! Every relation in the text is written `relation."n"`, the `n`th of `relations`, which says by oid and attribute
//! number what was meant, and under which names the rest of the text knows it. So tables and columns can be renamed,
//! moved to other schemas and get new columns, and the text means what it meant. `*` is written out.

use serde::{Deserialize, Serialize};

use super::{Catalog, Table};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub text: String,
    pub relations: Vec<ViewRelation>,
}

/// A relation that a view reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewRelation {
    pub oid: u32,
    /// The names of schema and relation when the view was made.
    pub schema: String,
    pub name: String,
    /// Attribute number and name, then, of every column.
    pub columns: Vec<(u16, String)>,
    /// Attribute numbers of the columns that the view cannot do without.
    pub used: Vec<u16>,
}

/// The qualifier that marks a relation of the text. Names of the text itself have none: they are WITH queries.
pub(crate) const MARK: &str = "relation";

impl View {
    /// Whether the view reads a relation, or a column of it.
    pub fn reads(&self, relation: u32, column: Option<u16>) -> bool {
        let reads = |own: &&ViewRelation| own.oid == relation && column.is_none_or(|column| own.used.contains(&column));
        self.relations.iter().any(|own| reads(&own))
    }
}

impl Table {
    /// The view that this relation is.
    pub fn view(&self) -> Option<&View> {
        match &self.kind {
            super::TableKind::View(view) => Some(view),
            _ => None,
        }
    }

    /// What the relation is, as messages call it.
    pub fn noun(&self) -> &'static str {
        match self.kind {
            super::TableKind::View(_) => "view",
            super::TableKind::Sequence(_) => "sequence",
            super::TableKind::Table | super::TableKind::System => "table",
        }
    }
}

impl Catalog {
    /// The views that read a relation, or a column of it, the oldest first.
    pub fn views_reading(&self, relation: u32, column: Option<u16>) -> impl Iterator<Item = &Table> {
        let reads = move |table: &&Table| table.view().is_some_and(|view| view.reads(relation, column));
        self.tables.values().map(AsRef::as_ref).filter(reads)
    }
}
