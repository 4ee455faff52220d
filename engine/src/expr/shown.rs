//! What an expression keeps of how it was written when it is bound to be written back as SQL (`deparse`).
//!
//! A bound expression is made to be run: constants are folded, constructs become calls, conversions that change nothing
//! leave no trace. The binder can be told to keep all that. Nobody runs what it then makes.

use std::sync::Arc;

use super::{Expr, ExprKind, SortKey};
use crate::plan::shown::ShownQuery;
use crate::types::Type;

/// A form of SQL and the expressions in it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub form: Form,
    pub parts: Vec<Expr>,
}

#[derive(Debug, Clone)]
pub enum Form {
    /// A conversion to the expression's type; one that nobody asked for is not always written.
    Cast {
        explicit: bool,
    },
    /// A prefix operator if it has one part.
    Operator(&'static str),
    /// `CURRENT_DATE` and its kin, and names of columns that are merged from two.
    Word(String),
    /// An argument of the function that the query is of: its name, behind the function's where columns are in sight.
    Argument {
        function: String,
        name: String,
    },
    /// A function that SQL defined: its name, with the schema if that has to be said.
    Function(String),
    /// A function that SQL has words for.
    Syntax(Syntax),
    /// `CASE operand WHEN …`: the operand, pairs of conditions and results, and the last result.
    CaseOf,
    Collate(String),
    /// What is compared with the query, if anything is, has the operator's name.
    Query(Asked, Arc<ShownQuery>),
    /// A call over a window that has a name, or whose frame was given.
    Over {
        name: Option<String>,
        framed: bool,
    },
    Row,
    /// A comparison of two rows, the parts of one behind those of the other.
    RowCompare(String),
    WithinGroup {
        name: String,
        keys: Vec<SortKey>,
        filter: Option<Expr>,
    },
}

/// A construct of SQL's that is a call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syntax {
    /// The field's name.
    Extract(String),
    AtTimeZone,
    Overlaps,
    Position,
    Substring,
    Overlay,
    /// `BOTH`, `LEADING` or `TRAILING`.
    Trim(&'static str),
    Normalize(Option<String>),
    IsNormalized(Option<String>),
}

impl Syntax {
    /// The construct that a function is read from.
    pub(crate) fn of_function(name: &str) -> Option<Self> {
        Some(match name {
            "substring" => Self::Substring,
            "btrim" => Self::Trim("BOTH"),
            "ltrim" => Self::Trim("LEADING"),
            "rtrim" => Self::Trim("TRAILING"),
            "overlay" => Self::Overlay,
            "position" => Self::Position,
            _ => return None,
        })
    }
}

/// What is asked of a subquery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Value,
    Array,
    Exists,
    Any(&'static str),
    All(&'static str),
    /// One row is compared with one row.
    Row(&'static str),
}

impl Expr {
    /// An expression that is only to be shown.
    pub(crate) fn shown(form: Form, parts: Vec<Expr>, ty: Type) -> Self {
        Self::new(ExprKind::Shown(Box::new(Shown { form, parts })), ty)
    }
}
