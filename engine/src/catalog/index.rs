//! Indexes as the catalog keeps them.
//!
//! An index may see more of a row than its columns: values of expressions, and a condition that says whether the row is in
//! the index at all. Storage knows these as values behind the columns, in the order of [`Table::derivations`].

use serde::{Deserialize, Serialize};

use super::{AccessMethod, ConstraintKind, Table};
use crate::types::Type;

/// An index as SQL names it. The primary key has one too, whose rows are the table's own keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub oid: u32,
    pub name: String,
    pub primary: bool,
    pub unique: bool,
    pub nulls_distinct: bool,
    pub columns: Vec<IndexColumn>,
    /// INCLUDE: attribute numbers of columns that play no part in the key. Entries name the row, which has them all.
    #[serde(default)]
    pub included: Vec<u16>,
    /// WHERE: SQL text of the condition that rows of the index satisfy.
    #[serde(default)]
    pub predicate: Option<String>,
    /// WITH (…) as given: name and value.
    #[serde(default)]
    pub options: Vec<(String, String)>,
    pub comment: Option<String>,
    /// The index of the partitioned table that this one is for a partition.
    #[serde(default)]
    pub parent: Option<u32>,
    /// False for an index of a partitioned table that some of its partitions do not have yet: nobody may rely on it.
    #[serde(default = "super::own")]
    pub valid: bool,
    /// USING …; once it was only kept whether that was `hash`.
    #[serde(default, alias = "hash")]
    pub method: AccessMethod,
    /// It is that of a DEFERRABLE constraint: rows may have the same key for a while, and it is looked at later whether
    /// they still do. To storage it is an index like any other that is not unique.
    #[serde(default)]
    pub deferrable: bool,
    /// CLUSTER was last said of this one.
    #[serde(default)]
    pub clustered: bool,
    /// Prefix of its entries; None for the primary key.
    pub generation: Option<storage::id::GenerationId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexColumn {
    /// Attribute number; zero is an expression.
    pub number: u16,
    pub descending: bool,
    pub nulls_first: bool,
    #[serde(default)]
    pub expression: Option<IndexExpression>,
    /// The operator class, if it was named and is not the type's own.
    #[serde(default)]
    pub class: Option<String>,
    /// COLLATE, by oid, if it is not that of what it is on.
    #[serde(default)]
    pub collation: Option<u32>,
    /// The target for statistics that was set, if it is an expression.
    #[serde(default)]
    pub statistics: Option<i16>,
}

/// An expression that an index is on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexExpression {
    /// As SQL.
    pub text: String,
    pub ty: Type,
}

/// One value that indexes see behind a row's columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Derivation<'a> {
    Expression(&'a IndexExpression),
    Condition(&'a str),
}

impl Index {
    /// Whether it is on columns alone, and on every row.
    pub fn is_plain(&self) -> bool {
        self.predicate.is_none() && self.columns.iter().all(|column| column.expression.is_none())
    }

    /// Whether it is on the same columns, by name, expressions and rows of its table as another is of another table.
    pub fn says_the_same(&self, table: &Table, other: &Index, other_table: &Table) -> bool {
        let name = |table: &Table, number: u16| -> Option<String> {
            table.position_of_number(number).map(|position| table.columns[position].name.clone())
        };
        let same = |(own, other): (&IndexColumn, &IndexColumn)| {
            own.expression == other.expression
                && own.class == other.class
                && name(table, own.number) == name(other_table, other.number)
        };
        self.columns.len() == other.columns.len()
            && self.predicate == other.predicate
            && (self.unique, self.method, self.deferrable) == (other.unique, other.method, other.deferrable)
            && self.columns.iter().zip(&other.columns).all(same)
    }

    /// What it sees behind the columns.
    pub(crate) fn derivations(&self) -> impl Iterator<Item = Derivation<'_>> {
        let expressions = self.columns.iter().filter_map(|column| column.expression.as_ref());
        expressions.map(Derivation::Expression).chain(self.predicate.as_deref().map(Derivation::Condition))
    }
}

impl IndexColumn {
    /// A column in the order that is its type's.
    pub fn ascending(number: u16) -> Self {
        Self {
            number,
            descending: false,
            nulls_first: false,
            expression: None,
            class: None,
            collation: None,
            statistics: None,
        }
    }
}

impl Table {
    /// Whether an index is that of the primary key.
    pub(crate) fn is_primary(&self, index: &Index) -> bool {
        index.primary
            || index.deferrable
                && self.constraints.iter().any(|constraint| {
                    matches!(constraint.kind, ConstraintKind::PrimaryKey { index: own, .. } if own == index.oid)
                })
    }

    /// What the table's indexes see behind the columns of a row.
    pub(crate) fn derivations(&self) -> impl Iterator<Item = Derivation<'_>> {
        self.secondary_indexes().flat_map(Index::derivations)
    }
}
