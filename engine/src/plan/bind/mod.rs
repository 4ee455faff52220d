//! The binder: from a parsed query to a relation in which every name, type and function is decided.
//!
//! It works as PostgreSQL's analyzer does, clause by clause: FROM makes a [`Scope`], expressions are bound in it,
//! an expression that contains an aggregate or a window function carries it until its SELECT takes it out.
//! A name that the scope does not know is looked for in the enclosing queries: the SELECTs around a subquery and the
//! left side of a LATERAL join. Such a reference is an `OuterColumn` whose depth counts these two kinds of border.
//!
//! One [`Binder`] binds one statement: it numbers the columns, infers the parameters' types and notes which
//! relations the statement uses and how.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use crate::catalog::{Catalog, Table, View};
use crate::error::Result;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::{EvalContext, TableFunction};
use crate::plan::relation::{CheckAs, Column, Relation, RelationUse};
use crate::plan::write::WithWrite;
use crate::statement::position_in;
use crate::types::Type;

mod call;
mod clause;
mod column;
mod domain;
mod equal;
mod expr;
mod from;
mod group;
mod join;
mod json;
mod literal;
mod locking;
pub(crate) mod modify;
mod named;
mod names;
mod nullable;
mod operator;
mod order;
mod own_rows;
mod param;
mod policy;
mod polymorphic;
mod position;
mod postponed;
mod query;
mod range_function;
mod record;
mod regroup;
mod row;
mod sample;
mod scope;
mod select;
mod set_operation;
mod showing;
mod special;
mod sql_function;
mod subquery;
mod subscript;
mod system;
#[cfg(test)]
mod tests;
mod trigger;
mod variable;
mod variadic;
mod view;
mod walk;
mod window;
mod with;
mod with_path;
mod within_group;

pub use clause::Clause;
pub(crate) use domain::{bind_domain_check, domain_scope, domain_value};
pub(crate) use equal::same;
pub(crate) use modify::{check_written, updatable_columns};
pub(crate) use names::{NAME_BYTES_MAX, Types, column_name};
pub use names::{QualifiedName, fold};
pub(crate) use own_rows::no_user_is_meant;
pub(crate) use position::Start;
pub use scope::{Scope, ScopeColumn, ScopeRelation};
pub(crate) use showing::operator_name;
pub(crate) use sql_function::{AggregatePart, BodyPart, ROUTINE, body_parts, check_part, writing_verb};
pub(crate) use system::{is_system_column, with_known_oid};
pub(crate) use trigger::TriggerRows;
pub(crate) use variable::{Shape, Variables, not_assigned};
pub(crate) use view::BoundView;

/// Binds one statement.
pub struct Binder<'a> {
    catalog: &'a Arc<Catalog>,
    context: &'a EvalContext,
    /// The statement's text, to which errors point; empty if nobody has it any more.
    text: &'a str,
    /// The system columns that the text names: only those do scans answer.
    named_system: system::Named,
    /// Tables are read without what inherits from them.
    reads_only: bool,
    /// Types of the parameters, as declared or inferred so far.
    params: Vec<Option<Type>>,
    next_var: u32,
    /// The borders around what is being bound, the innermost last.
    outer: Vec<Level>,
    /// The WITH queries in sight, the nearest last.
    ctes: Vec<with::WithQuery>,
    /// The writes of the statement's WITH clause, and queries within it that lock rows.
    written: Vec<WithWrite>,
    /// How many writes have rows that others read.
    written_numbers: usize,
    /// Whether queries within the statement may lock rows.
    locks_within: bool,
    /// Whether the next query to be bound is the statement itself, whose WITH clause may write.
    at_top: bool,
    /// Whether more of the statement will tell parameters' types.
    params_open: bool,
    /// Names that the WITH clause being bound defines further on.
    later_with_queries: Vec<String>,
    uses: Vec<RelationUse>,
    /// Every item of the FROM clauses around, in sight or not: for errors that say which.
    ranges: Vec<Range>,
    /// The scans of the FROM clause being bound, if a locking clause will want them.
    lockable: Option<Vec<locking::LockableScan>>,
    /// The tables that it names; None is all of them.
    locked_names: Option<Vec<String>>,
    select: SelectState,
    /// The set-returning functions of the SELECT being bound.
    sets: Vec<SetCall>,
    /// The fields of columns of subqueries that are rows of no type, by name.
    row_shapes: HashMap<ColumnVar, Vec<(String, Type)>>,
    /// Columns that are to tell whether an outer join has found a row.
    marks: Vec<ColumnVar>,
    /// The construct around the expression being bound that allows no set-returning function.
    sets_refused: Option<&'static str>,
    depth: usize,
    /// Whether a function was called that may have to wait for a lock.
    waits: bool,
    /// Whether several places are to see the same rows of a WITH query.
    keeps_rows: bool,
    /// Whether a volatile function was called.
    calls_volatile: bool,
    /// The functions that SQL defined around what is bound.
    calls: sql_function::Calls,
    /// Bodies to run before the statement, and where it may call functions whose bodies are run.
    runs: Vec<crate::plan::function_run::FunctionRun>,
    runs_at: Vec<Location>,
    /// The call whose body is being bound.
    body: Option<Box<sql_function::Body>>,
    /// The variables around the statement of a body that is bound.
    variables: Option<Box<variable::Variables<'a>>>,
    /// What the names of a new view's query come to.
    record: Option<view::Record>,
    /// The view whose text is being bound.
    inside: Option<&'a View>,
    /// The views around it, and itself.
    expanding: Vec<u32>,
    /// As whom tables are read, if not as whoever runs what is bound: the owner of the view around.
    reads_as: Option<u32>,
    /// Oids of the tables whose policies are being bound.
    policing: Vec<u32>,
    /// Oids of the tables that were scanned.
    scanned: Vec<u32>,
    /// The columns of the table that is written.
    target_columns: std::ops::Range<u32>,
    /// Whether one of them was named.
    target_read: bool,
    /// What is bound is to be written back as SQL: the queries that it is made of.
    showing: Option<Box<showing::Recorder>>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'s> {
    scope: &'s Scope,
    clause: Clause,
}

/// A border: inside it, what is unknown is looked for in `scope`.
struct Level {
    scope: Scope,
    /// Whether something inside named a column of this very scope.
    named: bool,
    /// Whether something inside named a column of this scope or one farther out.
    crossed: bool,
    /// Why its columns must not be named, if so.
    refusal: Option<&'static str>,
}

/// An item of a FROM clause.
struct Range {
    name: String,
    table: Option<u32>,
}

/// What a SELECT learns while its expressions are bound.
#[derive(Default)]
struct SelectState {
    named_windows: Arc<[ast::NamedWindowDefinition]>,
    aggregates: bool,
    windows: bool,
    /// What the list's call of a function that SQL defined answers, for each row, and whether the row matters.
    sql_set: Option<(Relation, bool)>,
    /// Whether the list calls a function whose body is run once, and so must be computed once.
    runs: bool,
}

/// A set-returning function of a SELECT list and the columns that it fills.
struct SetCall {
    columns: Vec<Column>,
    function: &'static TableFunction,
    args: Vec<Expr>,
}

impl SetCall {
    /// Whether the column is one of its own.
    fn fills(&self, var: ColumnVar) -> bool {
        self.columns.iter().any(|column| column.var == var)
    }

    /// Whether it is among the arguments of another.
    fn is_inside(&self, other: &SetCall) -> bool {
        other
            .args
            .iter()
            .any(|arg| walk::any(arg, &mut |part| matches!(part.kind, ExprKind::Column(var) if self.fills(var))))
    }
}

impl<'a> Binder<'a> {
    /// A binder for a statement whose parameters were declared so (0: not declared).
    pub fn new(catalog: &'a Arc<Catalog>, context: &'a EvalContext, declared: &[u32]) -> Self {
        Self {
            catalog,
            context,
            text: "",
            named_system: system::Named::default(),
            reads_only: false,
            params: declared.iter().map(|oid| (*oid != 0).then(|| Type::new(*oid))).collect(),
            next_var: 0,
            outer: Vec::new(),
            ctes: Vec::new(),
            written: Vec::new(),
            written_numbers: 0,
            locks_within: false,
            at_top: false,
            params_open: false,
            later_with_queries: Vec::new(),
            uses: Vec::new(),
            ranges: Vec::new(),
            lockable: None,
            locked_names: None,
            select: SelectState::default(),
            sets: Vec::new(),
            row_shapes: HashMap::new(),
            marks: Vec::new(),
            sets_refused: None,
            depth: 0,
            waits: false,
            keeps_rows: false,
            calls_volatile: false,
            calls: sql_function::Calls::default(),
            runs: Vec::new(),
            runs_at: Vec::new(),
            body: None,
            variables: None,
            record: None,
            inside: None,
            expanding: Vec::new(),
            reads_as: None,
            policing: Vec::new(),
            scanned: Vec::new(),
            target_columns: 0..0,
            target_read: false,
            showing: None,
        }
    }

    /// Whether what was bound calls functions that may have to wait for a lock.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Whether several places of what was bound are to see the same rows, which are computed once.
    pub(crate) fn keeps_rows(&self) -> bool {
        self.keeps_rows
    }

    /// A number under which a write's rows are found.
    pub(crate) fn new_written_number(&mut self) -> usize {
        self.written_numbers += 1;
        self.written_numbers - 1
    }

    /// Whether the WITH clause writes.
    pub(crate) fn has_written(&self) -> bool {
        self.written.iter().any(WithWrite::writes)
    }

    /// The next query is the statement itself.
    pub(crate) fn allow_writes(&mut self) {
        self.at_top = true;
    }

    /// Queries within the statement may lock rows: whoever runs it takes what they are from [`Binder::take_written`].
    pub(crate) fn allow_locks_within(&mut self) {
        self.locks_within = true;
    }

    /// The writes of the WITH clause and queries that lock rows, in order.
    pub(crate) fn take_written(&mut self) -> Vec<WithWrite> {
        std::mem::take(&mut self.written)
    }

    /// Errors will point into this text.
    pub fn with_text(mut self, text: &'a str) -> Self {
        self.text = text;
        self.named_system = system::Named::in_text(text);
        self
    }

    /// Tables will be read without what inherits from them.
    pub(crate) fn reading_only(mut self) -> Self {
        self.reads_only = true;
        self
    }

    /// Binds an expression; one without a type of its own (a string literal, NULL, a parameter) stays `UNKNOWN`
    /// until it is coerced. Aggregates, window and set-returning functions are refused.
    pub fn expr(&mut self, expr: &ast::Expr, scope: &Scope) -> Result<Expr> {
        self.expr_in(expr, scope, Clause::Values)
    }

    /// The same, in the clause that decides what is refused, and how.
    pub fn expr_in(&mut self, expr: &ast::Expr, scope: &Scope, clause: Clause) -> Result<Expr> {
        self.bind(expr, Place { scope, clause })
    }

    /// A condition: "argument of WHERE must be type boolean, not type integer".
    pub fn condition(&mut self, expr: &ast::Expr, scope: &Scope, clause: Clause) -> Result<Expr> {
        self.condition_at(expr, Place { scope, clause })
    }

    fn condition_at(&mut self, expr: &ast::Expr, at: Place<'_>) -> Result<Expr> {
        let bound = self.bind(expr, at)?;
        self.boolean(bound, at.clause.condition_name(), expr.start())
    }

    /// Notes a use of a relation beyond the columns it reads.
    pub fn note_use(&mut self, table: &Arc<Table>, privileges: auth::Privileges, columns: &[u16]) {
        let known = self.uses.iter_mut().find(|used| used.is(table.oid, privileges));
        match known {
            Some(used) => {
                for number in columns {
                    if !used.columns.contains(number) {
                        used.columns.push(*number);
                    }
                }
            }
            None => self.uses.push(RelationUse {
                table: table.clone(),
                privileges,
                columns: columns.to_vec(),
                check_as: CheckAs::Caller,
            }),
        }
    }

    /// The relations used so far.
    pub fn uses(&self) -> Vec<RelationUse> {
        self.uses.clone()
    }

    /// A new column of a type.
    pub fn fresh(&mut self, ty: Type) -> Column {
        Column { var: self.fresh_var(), ty }
    }

    /// A new column number.
    pub fn fresh_var(&mut self) -> ColumnVar {
        let var = ColumnVar(self.next_var);
        self.next_var += 1;
        var
    }

    /// Where a span begins in the statement's text, counted in characters from 1.
    pub fn position(&self, span: Span) -> Option<usize> {
        if self.text.is_empty() { None } else { position_in(self.text, span.start) }
    }

    /// A possibly qualified name, folded.
    pub fn name(&self, name: &ast::ObjectName) -> Result<QualifiedName> {
        QualifiedName::of(name, &self.context.session.database).map_err(|error| error.at(self.position(name.start())))
    }
}

/// What stands in for an expression while it is being rewritten.
fn nothing() -> Expr {
    Expr::constant(storage::Value::Null, Type::new(0))
}
