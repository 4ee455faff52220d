//! Bound expressions and queries written back as SQL, the way PostgreSQL's `pg_get_viewdef`, `pg_get_expr` and
//! `pg_get_constraintdef` write them (PostgreSQL 15 manual, section 9.26.6).
//!
//! What is stored is the text that a user gave. When it is asked for, it is bound once more, so that every function is
//! chosen and every conversion explicit (`plan::bind` with `showing`), and what comes of that is written here: every
//! operator in parentheses unless `pretty`, literals with their types, columns under the names that they have now.
//! What cannot be written faithfully is refused, and the caller shows the text as it was given.

mod call;
mod constant;
mod expression;
mod from;
mod query;
mod simple;
mod syntax;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{KeptBody, SqlFunction, Table, View};
use crate::error::{Error, Result};
use crate::expr::shown::Form;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::EvalContext;
use crate::function::json::access::JSONB_AT_PATH;
use crate::plan::bind::{Binder, Clause, Scope};
use crate::plan::shown::ShownBody;
use crate::statement::parse_expression;
use crate::types::Type;
use crate::types::text::quote_identifier;

/// How far the clauses of a query, and the lines of a list, stand in from what they belong to.
const INDENT: i32 = 8;
const INDENT_LINE: i32 = 4;

/// SQL being written.
struct Writer<'a> {
    context: &'a EvalContext,
    /// Only the parentheses that are needed.
    pretty: bool,
    out: String,
    indent: i32,
    /// What columns are called: qualified in a query, with their name alone in an expression over one table.
    names: HashMap<ColumnVar, String>,
    /// The last part of what a column is called, if it is a column.
    titles: HashMap<ColumnVar, String>,
    /// The names of the relations in the queries around, the innermost last.
    taken: Vec<Vec<String>>,
    /// What queries inside an expression over one table call that: so many columns are its own, numbered from zero.
    own_row: Option<(u32, String)>,
}

/// An expression as SQL, and whether it is a call, which needs no parentheses anywhere.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) is_call: bool,
}

/// An expression over the rows of a table, as it is to be stored in a column of a type if one is given.
pub(crate) fn expression(
    context: &EvalContext,
    table: Option<&Arc<Table>>,
    text: &str,
    (clause, target): (Clause, Option<Type>),
    pretty: bool,
) -> Result<Written> {
    let parsed = parse_expression(text)?;
    let mut binder = Binder::new(&context.catalog, context, &[]).with_text(text).showing();
    let mut writer = Writer::new(context, pretty);
    let bound = match table {
        Some(table) => {
            for (at, column) in table.columns.iter().enumerate() {
                writer.names.insert(ColumnVar(at as u32), quote_identifier(&column.name));
            }
            binder.over_table(table, &parsed, clause)?
        }
        None => binder.expr_in(&parsed, &Scope::empty(), clause)?,
    };
    let bound = match target {
        Some(target) => binder.assign(bound, target, "", datafusion::sql::sqlparser::tokenizer::Span::empty())?,
        None => binder.settled(bound)?,
    };
    writer.expr(&bound, false)?;
    Ok(Written { text: writer.out, is_call: is_call(&bound) })
}

/// An expression of a policy, over the rows of its table.
pub(crate) fn policy(context: &EvalContext, table: &Arc<Table>, view: &View, pretty: bool) -> Result<String> {
    let bind = |as_given: bool| Binder::new(&context.catalog, context, &[]).shown_policy(table, view, as_given);
    let bound = bind(false).or_else(|_| bind(true))?;
    let mut writer = Writer::new(context, pretty);
    for (at, column) in table.columns.iter().enumerate() {
        writer.names.insert(ColumnVar(at as u32), quote_identifier(&column.name));
    }
    // What queries inside name of the row is qualified, as they may have columns of the same names.
    writer.own_row = Some((table.columns.len() as u32, quote_identifier(&table.name)));
    writer.taken.push(vec![table.name.clone()]);
    writer.expr(&bound, false)?;
    Ok(writer.out)
}

/// The condition of a trigger, over the row before and the row after.
pub(crate) fn trigger_condition(
    context: &EvalContext,
    table: &Arc<Table>,
    view: &View,
    pretty: bool,
) -> Result<String> {
    let bind =
        |as_given: bool| Binder::new(&context.catalog, context, &[]).shown_trigger_condition(table, view, as_given);
    let bound = bind(false).or_else(|_| bind(true))?;
    let mut writer = Writer::new(context, pretty);
    for (first, row) in [(0, "old"), (table.columns.len(), "new")] {
        for (at, column) in table.columns.iter().enumerate() {
            let name = format!("{row}.{}", quote_identifier(&column.name));
            writer.names.insert(ColumnVar((first + at) as u32), name);
        }
    }
    writer.expr(&bound, false)?;
    Ok(writer.out)
}

/// The condition of a domain, whose value is called VALUE.
pub(crate) fn domain_check(context: &EvalContext, text: &str, base: Type, pretty: bool) -> Result<String> {
    let parsed = parse_expression(text)?;
    let mut binder = Binder::new(&context.catalog, context, &[]).showing();
    let scope = crate::plan::bind::domain_scope(base);
    let bound: Expr = binder.condition(&parsed, &scope, Clause::Check)?;
    let mut writer = Writer::new(context, pretty);
    writer.names.insert(crate::plan::bind::domain_value(), "VALUE".to_owned());
    writer.expr(&bound, false)?;
    Ok(writer.out)
}

/// The query of a view, whose columns have these names.
pub(crate) fn view(context: &EvalContext, view: &View, columns: &[String], pretty: bool) -> Result<String> {
    let mut binder = Binder::new(&context.catalog, context, &[]).with_text(&view.text).showing();
    let query = binder.shown_view(view)?;
    let mut writer = Writer::new(context, pretty);
    // PostgreSQL keeps these two for rules.
    writer.taken.push(vec!["old".to_owned(), "new".to_owned()]);
    writer.query(&query, Some(columns), true)?;
    writer.out.push(';');
    Ok(writer.out)
}

/// The body of a function that was read when the function was made: `RETURN …` or `BEGIN ATOMIC … END`.
pub(crate) fn body(context: &EvalContext, function: &SqlFunction, kept: &KeptBody) -> Result<String> {
    let mut text = String::new();
    for view in &kept.queries {
        let mut binder = Binder::new(&context.catalog, context, &[]).with_text(&view.text).showing();
        binder.take_shown_arguments(function);
        let query = binder.shown_view(view)?;
        let mut writer = Writer::new(context, false);
        if kept.is_expression {
            let ShownBody::Select(select) = &query.body else { return Err(unwritable("a RETURN of no expression")) };
            let [(_, value)] = select.items.as_slice() else { return Err(unwritable("a RETURN of no expression")) };
            writer.expr(value, false)?;
            return Ok(format!("RETURN {}", writer.out));
        }
        writer.indent = 1;
        writer.query(&query, None, false)?;
        text.push_str(&writer.out);
        text.push_str(";\n");
    }
    Ok(format!("BEGIN ATOMIC\n{text}END"))
}

impl<'a> Writer<'a> {
    fn new(context: &'a EvalContext, pretty: bool) -> Self {
        let (names, titles) = (HashMap::new(), HashMap::new());
        Self { context, pretty, out: String::new(), indent: 0, names, titles, taken: Vec::new(), own_row: None }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Begins a line with a word: the indentation changes by `before` and `after` around it, and the line stands `more`
    /// farther in.
    fn line(&mut self, word: &str, before: i32, after: i32, more: i32) {
        self.indent += before;
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
        let width = self.indent.max(0) + more;
        self.out.extend(std::iter::repeat_n(' ', width.max(0) as usize));
        self.push(word);
        self.indent = (self.indent + after).max(0);
    }

    /// Writes aside what `step` writes, with the same indentation.
    fn aside(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) -> Result<String> {
        let out = std::mem::take(&mut self.out);
        let result = step(self);
        let written = std::mem::replace(&mut self.out, out);
        result.map(|()| written)
    }

    /// Items with something between them.
    fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        separator: &str,
        mut write: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.push(separator);
            }
            write(self, item)?;
        }
        Ok(())
    }

    /// The type's name under the search path. Without a modifier, `character` would be `character(1)`.
    fn type_name(&self, ty: Type) -> Result<String> {
        use crate::types::oid;
        match ty.oid {
            oid::BPCHAR if ty.modifier < 0 => return Ok("bpchar".to_owned()),
            oid::BPCHAR_ARRAY if ty.modifier < 0 => return Ok("bpchar[]".to_owned()),
            _ => {}
        }
        let shown = self.context.catalog.type_shown(ty, &self.context.session.search_path);
        shown.ok_or_else(|| Error::unsupported("a type without a name"))
    }
}

/// Whether an expression is written like a call.
fn is_call(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call { .. } if json_subscripts(expr).is_some() => false,
        ExprKind::Call { .. } | ExprKind::Coalesce(_) | ExprKind::Extreme { .. } | ExprKind::NullIf { .. } => true,
        ExprKind::Shown(shown) => match &shown.form {
            Form::Syntax(_) | Form::Word(_) | Form::Function(_) => true,
            Form::Cast { explicit: false } => shown.parts.iter().all(is_call),
            _ => false,
        },
        _ => false,
    }
}

/// Of `document['a'][1]` the document and the subscripts.
fn json_subscripts(expr: &Expr) -> Option<(&Expr, Vec<&Expr>)> {
    let (mut document, mut subscripts) = (expr, Vec::new());
    while let ExprKind::Call { function, args } = &document.kind
        && function.oid == JSONB_AT_PATH
        && let [inner, path] = args.as_slice()
        && let ExprKind::Array(steps) = &path.kind
        && let [step] = steps.as_slice()
    {
        subscripts.push(step);
        document = inner;
    }
    subscripts.reverse();
    (!subscripts.is_empty()).then_some((document, subscripts))
}

/// What is not written back.
fn unwritable(what: &'static str) -> Error {
    Error::unsupported(what)
}
