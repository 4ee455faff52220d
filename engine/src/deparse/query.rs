//! Queries, laid out as PostgreSQL lays them out: each clause on a line of its own, and each item of a list.

use super::{INDENT, INDENT_LINE, Writer, unwritable};
use crate::error::Result;
use crate::expr::shown::Form;
use crate::expr::{Expr, ExprKind};
use crate::plan::relation::SetKind;
use crate::plan::shown::{ShownBody, ShownDistinct, ShownGroup, ShownQuery, ShownSelect, ShownWith};
use crate::types::text::quote_identifier;

impl Writer<'_> {
    /// A query. The columns of its result have these names, if any are given; `named` is whether anybody sees names.
    pub(super) fn query(&mut self, query: &ShownQuery, columns: Option<&[String]>, named: bool) -> Result<()> {
        let indent = self.indent;
        self.taken.push(Vec::new());
        let result = self.parts(query, columns, named);
        self.taken.pop();
        self.indent = indent;
        result
    }

    fn parts(&mut self, query: &ShownQuery, columns: Option<&[String]>, named: bool) -> Result<()> {
        // The relations of FROM have their names before those of the queries inside.
        if let ShownBody::Select(select) = &query.body {
            self.name_relations(&select.from)?;
            self.name_sets(select)?;
        }
        if !query.with.is_empty() {
            self.with(&query.with, query.recursive)?;
        }
        let is_set = matches!(query.body, ShownBody::Set { .. });
        match &query.body {
            ShownBody::Select(select) => self.select(select, columns, named)?,
            ShownBody::Values(rows) => {
                self.indent += INDENT;
                self.push(" ");
                self.values(rows)?;
            }
            ShownBody::Set { .. } => self.set(query, columns, named)?,
        }
        if !query.order.is_empty() {
            self.line(" ORDER BY ", -INDENT, INDENT, 1);
            if is_set || matches!(query.body, ShownBody::Values(_)) {
                self.positions(query)?;
            } else {
                self.sort_keys(&query.order)?;
            }
        }
        self.limits(query)
    }

    fn positions(&mut self, query: &ShownQuery) -> Result<()> {
        self.sort_keys(&query.order)
    }

    fn limits(&mut self, query: &ShownQuery) -> Result<()> {
        if let Some(offset) = &query.offset {
            self.line(" OFFSET ", -INDENT, INDENT, 0);
            self.expr(offset, false)?;
        }
        match &query.limit {
            Some(limit) if query.with_ties => {
                self.line(" FETCH FIRST (", -INDENT, INDENT, 0);
                self.expr(limit, false)?;
                self.push(") ROWS WITH TIES");
            }
            Some(limit) => {
                self.line(" LIMIT ", -INDENT, INDENT, 0);
                self.expr(limit, false)?;
            }
            None => {}
        }
        Ok(())
    }

    fn with(&mut self, queries: &[ShownWith], recursive: bool) -> Result<()> {
        self.indent += INDENT;
        self.push(if recursive { " WITH RECURSIVE " } else { " WITH " });
        self.list(queries, ", ", |writer, with| {
            writer.push(&quote_identifier(&with.name));
            if !with.columns.is_empty() {
                writer.names_in_parentheses(&with.columns);
            }
            writer.push(match with.materialized {
                None => " AS (",
                Some(true) => " AS MATERIALIZED (",
                Some(false) => " AS NOT MATERIALIZED (",
            });
            writer.line("", 0, 0, 0);
            writer.query(&with.query, None, true)?;
            writer.line("", 0, 0, 0);
            writer.push(")");
            Ok(())
        })?;
        self.indent -= INDENT;
        self.line("", 0, 0, 0);
        Ok(())
    }

    pub(super) fn names_in_parentheses(&mut self, names: &[String]) {
        let quoted: Vec<String> = names.iter().map(|name| quote_identifier(name)).collect();
        self.push(&format!("({})", quoted.join(", ")));
    }

    pub(super) fn values(&mut self, rows: &[Vec<Expr>]) -> Result<()> {
        self.push("VALUES ");
        self.list(rows, ", ", |writer, row| {
            writer.push("(");
            writer.list(row, ",", |writer, cell| writer.expr(cell, false))?;
            writer.push(")");
            Ok(())
        })
    }

    fn set(&mut self, query: &ShownQuery, columns: Option<&[String]>, named: bool) -> Result<()> {
        let ShownBody::Set { kind, all, left, right } = &query.body else {
            return self.branch(query, columns, named);
        };
        let mut inner = 0;
        match &left.body {
            ShownBody::Set { kind: below, all: below_all, .. } if is_bare(left) => {
                if (kind, all) != (below, below_all) {
                    inner = INDENT;
                    self.push("(");
                    self.line("", inner, 0, 0);
                }
                self.set(left, columns, named)?;
            }
            _ => self.branch(left, columns, named)?,
        }
        self.line(if inner > 0 { ") " } else { "" }, -inner, 0, 0);
        self.push(match kind {
            SetKind::Union => "UNION ",
            SetKind::Intersect => "INTERSECT ",
            SetKind::Except => "EXCEPT ",
        });
        if *all {
            self.push("ALL ");
        }
        let nested = is_bare(right) && matches!(right.body, ShownBody::Set { .. });
        inner = if nested { INDENT } else { 0 };
        if nested {
            self.push("(");
        }
        self.line("", inner, 0, 0);
        if nested {
            self.set(right, columns, false)?
        } else {
            self.branch(right, columns, false)?
        }
        self.indent -= inner;
        if nested {
            self.line(")", 0, 0, 0);
        }
        Ok(())
    }

    /// A query between set operators.
    fn branch(&mut self, query: &ShownQuery, columns: Option<&[String]>, named: bool) -> Result<()> {
        let enclosed = !is_bare(query);
        if enclosed {
            self.push("(");
        }
        self.query(query, columns, named)?;
        if enclosed {
            self.push(")");
        }
        Ok(())
    }

    fn select(&mut self, select: &ShownSelect, columns: Option<&[String]>, named: bool) -> Result<()> {
        self.indent += INDENT;
        self.push(" SELECT");
        match &select.distinct {
            ShownDistinct::No => {}
            ShownDistinct::All => self.push(" DISTINCT"),
            ShownDistinct::On(keys) => {
                self.push(" DISTINCT ON (");
                self.list(keys, ", ", |writer, key| writer.sort_expr(key))?;
                self.push(")");
            }
        }
        self.items(select, columns, named)?;
        self.from(&select.from)?;
        if let Some(filter) = &select.filter {
            self.line(" WHERE ", -INDENT, INDENT, 1);
            self.expr(filter, false)?;
        }
        if let Some(groups) = &select.groups {
            self.line(" GROUP BY ", -INDENT, INDENT, 1);
            self.list(groups, ", ", |writer, group| writer.group(group, true))?;
        }
        if let Some(having) = &select.having {
            self.line(" HAVING ", -INDENT, INDENT, 0);
            self.expr(having, false)?;
        }
        if !select.windows.is_empty() {
            self.line(" WINDOW ", -INDENT, INDENT, 1);
            self.list(&select.windows, ", ", |writer, (name, call, framed)| {
                writer.push(&format!("{} AS ", quote_identifier(name)));
                writer.window(call, *framed)
            })?;
        }
        Ok(())
    }

    /// A set of what is grouped by; one of a single expression may stand `bare`.
    fn group(&mut self, group: &ShownGroup, bare: bool) -> Result<()> {
        let (opening, groups, bare_parts) = match group {
            ShownGroup::Set(exprs) => {
                let enclosed = !bare || exprs.len() != 1;
                self.push(if enclosed { "(" } else { "" });
                self.list(exprs, ", ", |writer, expr| writer.sort_expr(expr))?;
                self.push(if enclosed { ")" } else { "" });
                return Ok(());
            }
            ShownGroup::Sets(groups) => ("GROUPING SETS (", groups, false),
            ShownGroup::Rollup(groups) => ("ROLLUP(", groups, true),
            ShownGroup::Cube(groups) => ("CUBE(", groups, true),
        };
        self.push(opening);
        self.list(groups, ", ", |writer, group| writer.group(group, bare_parts))?;
        self.push(")");
        Ok(())
    }

    fn items(&mut self, select: &ShownSelect, columns: Option<&[String]>, named: bool) -> Result<()> {
        for (at, (own, expr)) in select.items.iter().enumerate() {
            self.push(if at == 0 { " " } else { ", " });
            let item = self.aside(|writer| {
                writer.expr(expr, true)?;
                let name = columns.map_or(own, |columns| columns.get(at).unwrap_or(own));
                let title = writer.title(expr).or_else(|| (!named).then(|| "?column?".to_owned()));
                if title.as_ref() != Some(name) {
                    writer.push(&format!(" AS {}", quote_identifier(name)));
                }
                Ok(())
            })?;
            if item.starts_with('\n') {
                let end = self.out.trim_end_matches(' ').len();
                self.out.truncate(end);
            } else if at > 0 {
                self.line("", -INDENT, INDENT, INDENT_LINE);
            }
            self.push(&item);
        }
        Ok(())
    }

    /// What a column is called without being told.
    fn title(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } => self.titles.get(var).cloned(),
            ExprKind::Shown(shown) => match &shown.form {
                Form::Word(word) if !word.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    Some(word.trim_matches('"').to_owned())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// An expression to sort or group by. A call must not be taken for something else.
    pub(super) fn sort_expr(&mut self, expr: &Expr) -> Result<()> {
        let is_call = match &expr.kind {
            ExprKind::Const(storage::Value::Int4(position)) => {
                self.push(&position.to_string());
                return Ok(());
            }
            ExprKind::Const(_) | ExprKind::Column(_) | ExprKind::OuterColumn { .. } => return self.expr(expr, true),
            ExprKind::Call { .. } | ExprKind::Aggregate(_) | ExprKind::Window(_) => true,
            ExprKind::Shown(shown) => match &shown.form {
                Form::Word(word) if !word.starts_with(|c: char| c.is_ascii_uppercase()) => false,
                Form::Cast { .. } | Form::Over { .. } | Form::Syntax(_) | Form::Function(_) => true,
                _ => self.pretty,
            },
            _ => self.pretty,
        };
        if is_call {
            self.push("(");
        }
        self.expr(expr, true)?;
        if is_call {
            self.push(")");
        }
        Ok(())
    }

    /// A set-returning function of the list is written where its column stands.
    fn name_sets(&mut self, select: &ShownSelect) -> Result<()> {
        for (column, function, args) in &select.sets {
            if args
                .iter()
                .any(|arg| matches!(arg.kind, ExprKind::Shown(ref shown) if matches!(shown.form, Form::Query(..))))
            {
                return Err(unwritable("a subquery in a set-returning function"));
            }
            let call = self.aside(|writer| writer.call(function.name, args))?;
            self.names.insert(*column, call);
        }
        Ok(())
    }
}

/// Whether nothing stands around a query's body.
fn is_bare(query: &ShownQuery) -> bool {
    query.with.is_empty() && query.order.is_empty() && query.limit.is_none() && query.offset.is_none()
}
