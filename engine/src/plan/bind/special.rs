//! Functions that SQL writes with words: EXTRACT, SUBSTRING … FROM, CURRENT_DATE and the like.

use datafusion::sql::sqlparser::ast::{self, DateTimeField, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::expr::truth_value;
use super::names::field_name;
use super::position::Start;
use super::{Binder, Place};
use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind};
use crate::function::{CastContext, functions_named};
use crate::types::{Type, oid};

impl Binder<'_> {
    /// The constructs that stand for one function of `pg_proc`, with its arguments in another order.
    pub(super) fn special_call(&mut self, expr: &Ast, at: Place<'_>) -> Result<Expr> {
        let span = expr.start();
        match expr {
            Ast::AtTimeZone { timestamp, time_zone } => self.ordered("timezone", &[time_zone, timestamp], span, at),
            Ast::Extract { field, syntax, expr } => {
                if matches!(syntax, ast::ExtractSyntax::Comma) {
                    return Err(Error::unsupported("EXTRACT with a comma").at(self.position(span)));
                }
                let field = Expr::constant(Value::Text(field_name(field).into()), Type::new(oid::TEXT));
                let source = self.bind(expr, at)?;
                self.named_call("extract", vec![(field, span), (source, span)], span)
            }
            Ast::Ceil { expr, field } => self.rounding("ceil", expr, field, at),
            Ast::Floor { expr, field } => self.rounding("floor", expr, field, at),
            Ast::Position { expr, r#in } => self.ordered("position", &[r#in, expr], span, at),
            Ast::Substring { expr, substring_from, substring_for, special: _, shorthand } => {
                let name = if *shorthand { "substr" } else { "substring" };
                match (substring_from, substring_for) {
                    (Some(from), Some(length)) => self.ordered(name, &[expr, from, length], span, at),
                    (Some(from), None) => self.ordered(name, &[expr, from], span, at),
                    (None, Some(length)) => {
                        let one = Expr::constant(Value::Int4(1), Type::new(oid::INT4));
                        let text = self.bind(expr, at)?;
                        let count = self.bind(length, at)?;
                        let count =
                            self.coerce_at(count, Type::new(oid::INT4), CastContext::Implicit, length.start())?;
                        self.named_call(name, vec![(text, span), (one, span), (count, length.start())], span)
                    }
                    (None, None) => self.ordered(name, &[expr], span, at),
                }
            }
            Ast::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    Some(ast::TrimWhereField::Both) | None => "btrim",
                };
                let mut args: Vec<&Ast> = vec![expr];
                args.extend(trim_what.as_deref());
                args.extend(trim_characters.iter().flatten());
                self.ordered(name, &args, span, at)
            }
            Ast::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut args: Vec<&Ast> = vec![expr, overlay_what, overlay_from];
                args.extend(overlay_for.as_deref());
                self.ordered("overlay", &args, span, at)
            }
            Ast::IsNormalized { expr, form, negated } => {
                let form = form.map_or_else(|| "NFC".to_owned(), |form| form.to_string());
                let form = Expr::constant(Value::Text(form.into()), Type::new(oid::TEXT));
                let value = self.bind(expr, at)?;
                let normal = self.named_call("is_normalized", vec![(value, span), (form, span)], span)?;
                if *negated { Ok(truth_value(ExprKind::Not(Box::new(normal)))) } else { Ok(normal) }
            }
            _ => Err(Error::internal("not a construct that stands for a function")),
        }
    }

    /// `normalize(text, NFD)`, whose form is a word.
    pub(super) fn normalized(&mut self, value: &Ast, form: &str, span: Span, at: Place<'_>) -> Result<Expr> {
        let value = self.bind(value, at)?;
        let form = Expr::constant(Value::Text(form.into()), Type::new(oid::TEXT));
        self.named_call("normalize", vec![(value, span), (form, span)], span)
    }

    fn ordered(&mut self, name: &str, args: &[&Ast], span: Span, at: Place<'_>) -> Result<Expr> {
        let mut bound = Vec::with_capacity(args.len());
        for arg in args {
            bound.push((self.bind(arg, at)?, arg.start()));
        }
        self.named_call(name, bound, span)
    }

    fn rounding(&mut self, name: &str, expr: &Ast, field: &ast::CeilFloorKind, at: Place<'_>) -> Result<Expr> {
        if !matches!(field, ast::CeilFloorKind::DateTimeField(DateTimeField::NoDateTime)) {
            return Err(Error::unsupported(format!("{name} with a unit or scale")).at(self.position(expr.start())));
        }
        self.ordered(name, &[expr], expr.start(), at)
    }

    /// CURRENT_DATE and the other functions without parentheses.
    pub(super) fn keyword(&mut self, name: &str, span: Span) -> Result<Expr> {
        let (function, target) = match name {
            "current_timestamp" => ("now", None),
            "current_date" => ("now", Some(oid::DATE)),
            "localtimestamp" => ("now", Some(oid::TIMESTAMP)),
            "localtime" => ("now", Some(oid::TIME)),
            "current_time" => ("now", Some(oid::TIMETZ)),
            "current_user" | "user" | "current_role" => ("current_user", None),
            "session_user" => ("session_user", None),
            "current_catalog" => ("current_database", None),
            "current_schema" => ("current_schema", None),
            _ => return Err(Error::unsupported(format!("{name} without parentheses")).at(self.position(span))),
        };
        if functions_named(function).is_empty() {
            return Err(Error::unsupported(name.to_uppercase()).at(self.position(span)));
        }
        let value = self.named_call(function, Vec::new(), span)?;
        match target {
            Some(target) => self.coerce_at(value, Type::new(target), CastContext::Explicit, span),
            None => Ok(value),
        }
    }

    /// CURRENT_TIMESTAMP(2) and its kin: None if the name is no such keyword.
    pub(super) fn keyword_with_precision(&mut self, name: &str, args: &[&Ast], span: Span) -> Result<Option<Expr>> {
        let target = match name {
            "current_timestamp" => oid::TIMESTAMPTZ,
            "localtimestamp" => oid::TIMESTAMP,
            "localtime" => oid::TIME,
            "current_time" => oid::TIMETZ,
            _ => return Ok(None),
        };
        let precision = match args {
            [Ast::Value(ast::ValueWithSpan { value: ast::Value::Number(digits, _), .. })] => digits.parse::<i32>().ok(),
            _ => None,
        };
        let Some(precision) = precision else {
            return Err(Error::unsupported(format!("{name} with this argument")).at(self.position(span)));
        };
        let value = self.keyword(name, span)?;
        // PostgreSQL takes a greater precision for the greatest that it has.
        let target = Type::with_modifier(target, precision.min(6));
        self.coerce_at(value, target, CastContext::Explicit, span).map(Some)
    }
}
