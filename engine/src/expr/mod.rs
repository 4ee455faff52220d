//! Bound expressions: every name resolved, every function chosen, every conversion explicit.
//!
//! The binder makes them, once a statement. Point plans evaluate them on one row (`eval`); plans for DataFusion
//! lower them (`lower`). Both run the same functions, so both give the same answers.

use std::sync::Arc;

use storage::Value;

use crate::function::{AggregateFunction, Function, WindowFunction};
use crate::plan::relation::Relation;
use crate::types::Type;

pub(crate) mod called;
mod computed;
pub mod eval;
mod fold;
pub mod shown;
pub mod walk;

pub use computed::Computed;
pub use fold::Fold;
pub use shown::Shown;

/// A column of a statement, numbered by the binder: unique within the statement, whichever relation it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnVar(pub u32);

/// A bound expression and its type.
#[derive(Debug, Clone)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: Type,
}

/// What an expression is.
#[derive(Debug, Clone)]
pub enum ExprKind {
    Const(Value),
    /// Zero-based: `$1` is 0.
    Param(usize),
    /// What a query that runs before the statement has found.
    Computed(Computed),
    Column(ColumnVar),
    /// A column of an enclosing query, `depth` levels up (1 = the nearest).
    OuterColumn {
        var: ColumnVar,
        depth: usize,
    },
    Call {
        function: &'static Function,
        args: Vec<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    /// `IS [NOT] TRUE | FALSE | UNKNOWN`; `value` None is UNKNOWN.
    BoolTest {
        expr: Box<Expr>,
        value: Option<bool>,
        negated: bool,
    },
    /// `IS [NOT] DISTINCT FROM`, with the equality operator's function.
    Distinct {
        equal: &'static Function,
        left: Box<Expr>,
        right: Box<Expr>,
        negated: bool,
    },
    /// Conditions are boolean; `CASE x WHEN y` is bound to `x = y`.
    Case {
        whens: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Coalesce(Vec<Expr>),
    NullIf {
        equal: &'static Function,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// GREATEST and LEAST; `less` is the type's `<`.
    Extreme {
        greatest: bool,
        less: &'static Function,
        args: Vec<Expr>,
    },
    /// `expr op ANY|ALL (array)`; also `IN (list)` of constants, as `= ANY`.
    ArrayCompare {
        function: &'static Function,
        left: Box<Expr>,
        array: Box<Expr>,
        all: bool,
    },
    /// `ARRAY[...]`.
    Array(Vec<Expr>),
    /// `array[subscript]`.
    Subscript {
        array: Box<Expr>,
        index: Box<Expr>,
    },
    /// An aggregate that SQL defined, over the rows that were gathered for it.
    Fold(Box<Fold>),
    Aggregate(Box<AggregateCall>),
    Window(Box<WindowCall>),
    Subquery(Box<Subquery>),
    /// A conversion through the type's text form (PostgreSQL's I/O casts and literals that are not constant).
    TextCast(Box<Expr>),
    /// Only in expressions that are to be written back as SQL.
    Shown(Box<Shown>),
}

/// An aggregate function applied to the rows of a group.
#[derive(Debug, Clone)]
pub struct AggregateCall {
    pub function: &'static AggregateFunction,
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub filter: Option<Expr>,
    pub order_by: Vec<SortKey>,
}

/// A function over a window.
#[derive(Debug, Clone)]
pub struct WindowCall {
    pub function: WindowFunction,
    pub args: Vec<Expr>,
    pub filter: Option<Expr>,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortKey>,
    pub frame: Frame,
}

/// A window's frame; bounds are counted in the unit.
#[derive(Debug, Clone)]
pub struct Frame {
    pub unit: FrameUnit,
    pub start: FrameBound,
    pub end: FrameBound,
    pub exclusion: Exclusion,
}

/// Which rows near the current one a frame leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Exclusion {
    #[default]
    None,
    CurrentRow,
    /// The row and its peers.
    Group,
    /// Its peers, and not the row.
    Ties,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameUnit {
    Rows,
    Range,
    Groups,
}

#[derive(Debug, Clone)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

/// One key of an ORDER BY.
#[derive(Debug, Clone)]
pub struct SortKey {
    pub expr: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

/// A subquery inside an expression.
#[derive(Debug, Clone)]
pub struct Subquery {
    pub kind: SubqueryKind,
    /// One output column, except for `Exists`.
    pub relation: Arc<Relation>,
    /// The output column that is the value (or is compared).
    pub output: Option<ColumnVar>,
    /// Whether the subquery names columns of an enclosing query.
    pub correlated: bool,
}

#[derive(Debug, Clone)]
pub enum SubqueryKind {
    /// More than one row is 21000.
    Scalar,
    Exists {
        negated: bool,
    },
    /// `left op ANY|ALL (subquery)`; IN is `= ANY`, NOT IN is `<> ALL`.
    Compare {
        left: Expr,
        function: &'static Function,
        all: bool,
    },
    /// `ARRAY(subquery)`.
    Array,
}

impl Expr {
    pub fn new(kind: ExprKind, ty: Type) -> Self {
        Self { kind, ty }
    }

    pub fn column(var: ColumnVar, ty: Type) -> Self {
        Self::new(ExprKind::Column(var), ty)
    }

    pub fn constant(value: Value, ty: Type) -> Self {
        Self::new(ExprKind::Const(value), ty)
    }

    /// The value, if this is a constant.
    pub fn as_const(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Const(value) => Some(value),
            _ => None,
        }
    }
}
