//! A view: the text of its query, in which nothing depends on names that others may change.
//!
//! Every relation in the text is written `relation."n"`, the `n`th of `relations`, which says by oid and attribute
//! number what was meant, and under which names the rest of the text knows it. So tables and columns can be renamed,
//! moved to other schemas and get new columns, and the text means what it meant. `*` is written out.

use serde::{Deserialize, Serialize};

use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart};

use super::{Catalog, Table};
use crate::plan::relation::CheckAs;
use crate::types::defined::FIRST_OID;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub text: String,
    pub relations: Vec<ViewRelation>,
    /// Oids of the functions that SQL defined and that the text calls, written `routine."oid".name`. All others that it calls are
    /// built in, whatever else has their names by now.
    #[serde(default)]
    pub functions: Vec<u32>,
    /// How the rest of the text is read. None: as whoever uses it reads his own.
    #[serde(default)]
    pub read_as: Option<ReadAs>,
}

/// What else the meaning of a text depends on, as it was when the text was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadAs {
    /// Where types are looked up.
    pub search_path: Vec<String>,
    /// Settings by which literals are read: name and value.
    pub settings: Vec<(String, String)>,
}

/// The query of a materialized view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Materialized {
    pub view: View,
    /// Not WITH NO DATA: the rows are those that the query had when it was last run.
    pub populated: bool,
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
    /// The relation that a name in the text stands for.
    pub(crate) fn relation_named(&self, name: &ObjectName) -> Option<&ViewRelation> {
        let [ObjectNamePart::Identifier(mark), ObjectNamePart::Identifier(at)] = name.0.as_slice() else { return None };
        if mark.value != MARK {
            return None;
        }
        self.relations.get(at.value.parse::<usize>().ok()?)
    }

    /// Whether the view reads a relation, or a column of it.
    pub fn reads(&self, relation: u32, column: Option<u16>) -> bool {
        let reads = |own: &&ViewRelation| own.oid == relation && column.is_none_or(|column| own.used.contains(&column));
        self.relations.iter().any(|own| reads(&own))
    }
}

impl Table {
    /// Whether it is one of the relations that every database has.
    pub fn is_system(&self) -> bool {
        self.oid < FIRST_OID
    }

    /// The view that this relation is.
    pub fn view(&self) -> Option<&View> {
        match &self.kind {
            super::TableKind::View(view) => Some(view),
            _ => None,
        }
    }

    /// The query that the relation is made from: a view's, or a materialized view's.
    pub fn stored_query(&self) -> Option<&View> {
        self.view().or(self.materialized.as_ref().map(|materialized| &materialized.view))
    }

    /// What WITH (…) said of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a switch of WITH (…) is on.
    pub fn is_switched_on(&self, option: &str) -> bool {
        let on = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "true" | "on" | "yes" | "1" | "t" | "y");
        self.option(option).is_some_and(on)
    }

    /// With whose privileges a view reads and writes what is beneath it.
    pub(crate) fn checks_beneath_as(&self) -> CheckAs {
        if self.is_switched_on("security_invoker") { CheckAs::Session } else { CheckAs::Role(self.owner) }
    }

    /// What the relation is, as messages call it.
    pub fn noun(&self) -> &'static str {
        match self.kind {
            super::TableKind::View(_) => "view",
            super::TableKind::Sequence(_) => "sequence",
            super::TableKind::Files(_) => super::REGISTERED,
            super::TableKind::Table if self.materialized.is_some() => "materialized view",
            super::TableKind::Table | super::TableKind::System => "table",
        }
    }
}

impl Catalog {
    /// The views, materialized ones too, that read a relation, or a column of it, the oldest first.
    pub fn views_reading(&self, relation: u32, column: Option<u16>) -> impl Iterator<Item = &Table> {
        let reads = move |table: &&Table| table.stored_query().is_some_and(|view| view.reads(relation, column));
        self.tables.values().map(AsRef::as_ref).filter(reads)
    }
}
