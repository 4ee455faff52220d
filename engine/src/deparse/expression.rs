//! Expressions.

use super::simple::{Around, is_simple};
use super::{INDENT_LINE, Writer, json_subscripts, unwritable};
use crate::error::Result;
use crate::expr::shown::{Asked, Form, Shown};
use crate::expr::{Expr, ExprKind};
use crate::function::array::{ELEMENT, SLICE};
use crate::function::{functions_named, range_constructors};
use crate::plan::bind::operator_name;
use crate::types::Type;
use crate::types::text::quote_identifier;

impl Writer<'_> {
    /// An expression. A conversion that nobody wrote is shown only where `implicit` says so.
    pub(super) fn expr(&mut self, expr: &Expr, implicit: bool) -> Result<()> {
        match &expr.kind {
            ExprKind::Const(value) => self.constant(value, expr.ty, true),
            ExprKind::Column(var) | ExprKind::OuterColumn { var, .. } => {
                let name = self.names.get(var).cloned().ok_or_else(|| unwritable("a column without a name"))?;
                if let (ExprKind::OuterColumn { .. }, Some((columns, own))) = (&expr.kind, &self.own_row)
                    && var.0 < *columns
                {
                    let qualifier = format!("{own}.");
                    self.push(&qualifier);
                }
                self.push(&name);
                Ok(())
            }
            ExprKind::Call { function, args } => {
                if let Some((document, subscripts)) = json_subscripts(expr) {
                    return self.subscript(document, &subscripts);
                }
                if let [array, subscripts @ ..] = args.as_slice()
                    && function.oid == ELEMENT.oid
                {
                    return self.subscript(array, &subscripts.iter().collect::<Vec<_>>());
                }
                if let [array, bounds @ ..] = args.as_slice()
                    && function.oid == SLICE.oid
                {
                    return self.slice(array, bounds);
                }
                if let Some(extension) = self.context.catalog.extension_of(function.oid) {
                    return self.function_of(extension, function.name, args);
                }
                let makes_range = range_constructors(function.oid).iter().any(|known| known.name == function.name);
                if !makes_range && !functions_named(function.name).iter().any(|known| known.oid == function.oid) {
                    return Err(unwritable("a function without a name"));
                }
                self.call(function.name, args)
            }
            ExprKind::And(parts) => self.logical(parts, " AND ", Around::And),
            ExprKind::Or(parts) => self.logical(parts, " OR ", Around::Or),
            ExprKind::Not(inner) => self.enclosed(|writer| {
                writer.push("NOT ");
                writer.operand(inner, false, Around::Not)
            }),
            ExprKind::IsNull { expr, negated } => self.test(expr, if *negated { " IS NOT NULL" } else { " IS NULL" }),
            ExprKind::BoolTest { expr, value, negated } => {
                let word = value.map_or("UNKNOWN", |value| if value { "TRUE" } else { "FALSE" });
                self.test(expr, &format!(" IS {}{word}", if *negated { "NOT " } else { "" }))
            }
            ExprKind::Distinct { left, right, negated, .. } => self.distinct(left, right, *negated),
            ExprKind::Case { whens, otherwise } => {
                self.case(None, whens.iter().map(|(when, then)| (when, then)), otherwise.as_deref(), expr.ty)
            }
            ExprKind::Coalesce(args) => self.call("COALESCE", args),
            ExprKind::NullIf { left, right, .. } => self.function("NULLIF", [&**left, right]),
            ExprKind::Extreme { greatest, args, .. } => self.call(if *greatest { "GREATEST" } else { "LEAST" }, args),
            ExprKind::ArrayCompare { function, left, array, all } => {
                let name = operator_name(function)?;
                self.array_compare(name, left, array, *all)
            }
            ExprKind::Array(parts) => {
                self.push("ARRAY[");
                self.list(parts, ", ", |writer, part| writer.expr(part, true))?;
                self.push("]");
                if parts.is_empty() {
                    let name = self.type_name(expr.ty)?;
                    self.push(&format!("::{name}"));
                }
                Ok(())
            }
            ExprKind::Subscript { array, index } => self.subscript(array, &[&**index]),
            ExprKind::Aggregate(call) => self.aggregate(call, None),
            ExprKind::Fold(fold) => match (&fold.shown, &fold.rows.kind) {
                (Some(name), ExprKind::Aggregate(call)) => self.aggregate(call, Some(name)),
                _ => Err(unwritable("an expression that is not shown")),
            },
            ExprKind::Window(call) => self.window_call(call, None, false),
            ExprKind::Shown(shown) => self.shown(shown, expr.ty, implicit),
            ExprKind::Param(_) | ExprKind::Computed(_) | ExprKind::Subquery(_) | ExprKind::TextCast(_) => {
                Err(unwritable("an expression that is not shown"))
            }
        }
    }

    /// An expression inside another: in parentheses, where only the needed ones are written and these are.
    pub(super) fn operand(&mut self, expr: &Expr, implicit: bool, around: Around) -> Result<()> {
        let expr = if implicit { expr } else { written(expr) };
        let needed = self.pretty && !is_simple(expr, around);
        if needed {
            self.push("(");
        }
        self.expr(expr, implicit)?;
        if needed {
            self.push(")");
        }
        Ok(())
    }

    /// Something in the parentheses that are always written unless only the needed ones are.
    pub(super) fn enclosed(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.pretty {
            return step(self);
        }
        self.push("(");
        step(self)?;
        self.push(")");
        Ok(())
    }

    fn shown(&mut self, shown: &Shown, ty: Type, implicit: bool) -> Result<()> {
        let parts = &shown.parts;
        match (&shown.form, parts.as_slice()) {
            (Form::Cast { explicit }, [inner]) => {
                if !explicit && !implicit {
                    return self.operand(inner, false, Around::Other);
                }
                self.cast(inner, ty)
            }
            (Form::Operator(name), [right]) => self.enclosed(|writer| {
                writer.push(&format!("{name} "));
                writer.operand(right, true, Around::Operator { name, first: true, binary: false })
            }),
            (Form::Operator(name), [left, right]) => self.enclosed(|writer| {
                writer.operand(left, true, Around::Operator { name, first: true, binary: true })?;
                writer.push(&format!(" {name} "));
                writer.operand(right, true, Around::Operator { name, first: false, binary: true })
            }),
            (Form::Word(word), _) => {
                self.push(word);
                Ok(())
            }
            (Form::Argument { function, name }, _) => {
                if self.taken.iter().any(|names| !names.is_empty()) {
                    self.push(&format!("{}.", quote_identifier(function)));
                }
                self.push(name);
                Ok(())
            }
            (Form::Function(name), parts) => {
                self.push(name);
                self.push("(");
                self.list(parts, ", ", |writer, arg| writer.expr(arg, true))?;
                self.push(")");
                Ok(())
            }
            (Form::Syntax(syntax), parts) => self.syntax(syntax, parts),
            (Form::CaseOf, [operand, pairs @ .., last]) => {
                let pairs = pairs.chunks_exact(2).map(|pair| (compared(&pair[0]), &pair[1]));
                self.case(Some(operand), pairs, Some(last), ty)
            }
            (Form::Collate(name), [inner]) => self.enclosed(|writer| {
                writer.operand(inner, true, Around::Other)?;
                writer.push(&format!(" COLLATE {}", quote_identifier(name)));
                Ok(())
            }),
            (Form::Query(asked, query), parts) => self.subquery(*asked, query, parts),
            (Form::Over { name, framed }, [call]) => match &call.kind {
                ExprKind::Window(call) => self.window_call(call, name.as_deref(), *framed),
                _ => Err(unwritable("a window without a call")),
            },
            (Form::Row, parts) => self.row(parts),
            (Form::RowCompare(name), parts) => {
                let (left, right) = parts.split_at(parts.len() / 2);
                self.push("(");
                self.row(left)?;
                self.push(&format!(" {name} "));
                self.row(right)?;
                self.push(")");
                Ok(())
            }
            (Form::WithinGroup { name, keys, filter }, args) => {
                self.call(name, args)?;
                self.push(" WITHIN GROUP (ORDER BY ");
                self.sort_keys(keys)?;
                self.push(")");
                self.filter(filter.as_ref())
            }
            _ => Err(unwritable("a form without its parts")),
        }
    }

    fn row(&mut self, parts: &[Expr]) -> Result<()> {
        self.push("ROW(");
        self.list(parts, ", ", |writer, part| writer.expr(part, true))?;
        self.push(")");
        Ok(())
    }

    fn logical(&mut self, parts: &[Expr], word: &str, around: Around) -> Result<()> {
        self.enclosed(|writer| writer.list(parts, word, |writer, part| writer.operand(part, false, around)))
    }

    fn test(&mut self, expr: &Expr, words: &str) -> Result<()> {
        self.enclosed(|writer| {
            writer.operand(expr, true, Around::Other)?;
            writer.push(words);
            Ok(())
        })
    }

    fn distinct(&mut self, left: &Expr, right: &Expr, negated: bool) -> Result<()> {
        let test = |writer: &mut Self| {
            writer.enclosed(|writer| {
                writer.operand(left, true, Around::Other)?;
                writer.push(" IS DISTINCT FROM ");
                writer.operand(right, true, Around::Other)
            })
        };
        if !negated {
            return test(self);
        }
        self.enclosed(|writer| {
            writer.push("NOT ");
            test(writer)
        })
    }

    fn cast(&mut self, inner: &Expr, ty: Type) -> Result<()> {
        match &inner.kind {
            // A literal of the type that only becomes longer or shorter has its type written once.
            ExprKind::Const(value) if inner.ty.oid == ty.oid && inner.ty.modifier < 0 => {
                self.constant(value, inner.ty, false)?;
            }
            _ => self.enclosed(|writer| writer.operand(inner, false, Around::Cast))?,
        }
        let name = self.type_name(ty)?;
        self.push(&format!("::{name}"));
        Ok(())
    }

    fn array_compare(&mut self, name: &str, left: &Expr, array: &Expr, all: bool) -> Result<()> {
        self.enclosed(|writer| {
            writer.operand(left, true, Around::Other)?;
            writer.push(&format!(" {name} {} (", if all { "ALL" } else { "ANY" }));
            writer.operand(array, true, Around::Other)?;
            // A query whose value is an array is told from one whose rows are compared.
            if matches!(&array.kind, ExprKind::Shown(shown) if matches!(shown.form, Form::Query(Asked::Value, _))) {
                let name = writer.type_name(array.ty)?;
                writer.push(&format!("::{name}"));
            }
            writer.push(")");
            Ok(())
        })
    }

    /// `array[lower:upper]`, where the least and the greatest number stand for bounds that are left out.
    fn slice(&mut self, array: &Expr, bounds: &[Expr]) -> Result<()> {
        self.subscript(array, &[])?;
        let is = |bound: &Expr, number: i32| bound.as_const() == Some(&storage::Value::Int4(number));
        for pair in bounds.chunks_exact(2) {
            self.push("[");
            if !is(&pair[0], i32::MIN) {
                self.expr(&pair[0], false)?;
            }
            self.push(":");
            if !is(&pair[1], i32::MAX) {
                self.expr(&pair[1], false)?;
            }
            self.push("]");
        }
        Ok(())
    }

    fn subscript(&mut self, array: &Expr, subscripts: &[&Expr]) -> Result<()> {
        let plain =
            matches!(array.kind, ExprKind::Column(_) | ExprKind::OuterColumn { .. } | ExprKind::Subscript { .. });
        if !plain {
            self.push("(");
        }
        self.expr(array, true)?;
        if !plain {
            self.push(")");
        }
        for subscript in subscripts {
            self.push("[");
            self.expr(subscript, false)?;
            self.push("]");
        }
        Ok(())
    }

    fn case<'e>(
        &mut self,
        operand: Option<&Expr>,
        whens: impl Iterator<Item = (&'e Expr, &'e Expr)>,
        otherwise: Option<&Expr>,
        ty: Type,
    ) -> Result<()> {
        self.line("CASE", 0, INDENT_LINE, 0);
        if let Some(operand) = operand {
            self.push(" ");
            self.expr(operand, true)?;
        }
        for (when, then) in whens {
            self.line("WHEN ", 0, 0, 0);
            self.expr(when, false)?;
            self.push(" THEN ");
            self.expr(then, true)?;
        }
        self.line("ELSE ", 0, 0, 0);
        match otherwise {
            Some(otherwise) => self.expr(otherwise, true)?,
            None => self.constant(&storage::Value::Null, ty, true)?,
        }
        self.line("END", -INDENT_LINE, 0, 0);
        Ok(())
    }

    fn subquery(&mut self, asked: Asked, query: &crate::plan::shown::ShownQuery, left: &[Expr]) -> Result<()> {
        self.push(if asked == Asked::Array { "ARRAY(" } else { "(" });
        match left {
            [] => {}
            [one] => self.expr(one, true)?,
            several => {
                self.push("(");
                self.list(several, ", ", |writer, part| writer.expr(part, true))?;
                self.push(")");
            }
        }
        let words = match asked {
            Asked::Value | Asked::Array => String::new(),
            Asked::Exists => "EXISTS (".to_owned(),
            Asked::Any("=") => " IN (".to_owned(),
            Asked::Any(name) => format!(" {name} ANY ("),
            Asked::All(name) => format!(" {name} ALL ("),
            Asked::Row(name) => format!(" {name} ("),
        };
        self.push(&words);
        self.query(query, None, false)?;
        self.push(if words.is_empty() { ")" } else { "))" });
        Ok(())
    }
}

/// The expression without conversions that nobody wrote.
fn written(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Shown(shown) => match (&shown.form, shown.parts.as_slice()) {
            (Form::Cast { explicit: false }, [inner]) => written(inner),
            _ => expr,
        },
        _ => expr,
    }
}

/// What CASE compares its operand with.
fn compared(condition: &Expr) -> &Expr {
    match &condition.kind {
        ExprKind::Shown(shown) if matches!(shown.form, Form::Operator("=")) => shown.parts.last().unwrap_or(condition),
        _ => condition,
    }
}
