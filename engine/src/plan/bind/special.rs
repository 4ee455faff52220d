//! Functions that SQL writes with words: EXTRACT, SUBSTRING … FROM, CURRENT_DATE and the like.

use datafusion::sql::sqlparser::ast::{self, DateTimeField, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::expr::truth_value;
use super::names::field_name;
use super::position::Start;
use super::{Binder, Place};
use crate::error::{Error, Result};
use crate::expr::shown::{Form, Syntax};
use crate::expr::{Expr, ExprKind};
use crate::function::{CastContext, functions_named};
use crate::types::{Type, oid};

impl Binder<'_> {
    /// The constructs that stand for one function of `pg_proc`, with its arguments in another order.
    pub(super) fn special_call(&mut self, expr: &Ast, at: Place<'_>) -> Result<Expr> {
        let span = expr.start();
        match expr {
            Ast::AtTimeZone { timestamp, time_zone } => {
                let call = self.ordered("timezone", &[time_zone, timestamp], span, at)?;
                Ok(self.written_as(call, || Syntax::AtTimeZone))
            }
            Ast::Extract { field, syntax, expr } => {
                if matches!(syntax, ast::ExtractSyntax::Comma) {
                    return Err(Error::unsupported("EXTRACT with a comma").at(self.position(span)));
                }
                let name = field_name(field);
                let field = Expr::constant(Value::Text(name.as_str().into()), Type::new(oid::TEXT));
                let source = self.bind(expr, at)?;
                let call = self.named_call("extract", vec![(field, span), (source, span)], span)?;
                Ok(self.written_as(call, || Syntax::Extract(name)))
            }
            Ast::Ceil { expr, field } => self.rounding("ceil", expr, field, at),
            Ast::Floor { expr, field } => self.rounding("floor", expr, field, at),
            Ast::Position { expr, r#in } => {
                let call = self.ordered("position", &[r#in, expr], span, at)?;
                Ok(self.written_as(call, || Syntax::Position))
            }
            Ast::Substring { special: false, shorthand: false, .. } => {
                let call = self.substring(expr, at)?;
                Ok(self.written_as(call, || Syntax::Substring))
            }
            Ast::Substring { .. } => self.substring(expr, at),
            Ast::Trim { trim_where, trim_what, expr, trim_characters } => {
                let (name, side) = match trim_where {
                    Some(ast::TrimWhereField::Leading) => ("ltrim", "LEADING"),
                    Some(ast::TrimWhereField::Trailing) => ("rtrim", "TRAILING"),
                    Some(ast::TrimWhereField::Both) | None => ("btrim", "BOTH"),
                };
                let mut args: Vec<&Ast> = vec![expr];
                args.extend(trim_what.as_deref());
                args.extend(trim_characters.iter().flatten());
                let call = self.ordered(name, &args, span, at)?;
                Ok(self.written_as(call, || Syntax::Trim(side)))
            }
            Ast::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut args: Vec<&Ast> = vec![expr, overlay_what, overlay_from];
                args.extend(overlay_for.as_deref());
                let call = self.ordered("overlay", &args, span, at)?;
                Ok(self.written_as(call, || Syntax::Overlay))
            }
            Ast::IsNormalized { expr, form, negated } => {
                let written = form.as_ref().map(ToString::to_string);
                let name = written.clone().unwrap_or_else(|| "NFC".to_owned());
                let form = Expr::constant(Value::Text(name.into()), Type::new(oid::TEXT));
                let value = self.bind(expr, at)?;
                let normal = self.named_call("is_normalized", vec![(value, span), (form, span)], span)?;
                let normal = self.written_as(normal, || Syntax::IsNormalized(written));
                if *negated { Ok(truth_value(ExprKind::Not(Box::new(normal)))) } else { Ok(normal) }
            }
            _ => Err(Error::internal("not a construct that stands for a function")),
        }
    }

    /// SUBSTRING in all its spellings.
    fn substring(&mut self, expr: &Ast, at: Place<'_>) -> Result<Expr> {
        let span = expr.start();
        match expr {
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
            _ => Err(Error::internal("not a construct that stands for a function")),
        }
    }

    /// `normalize(text, NFD)`, whose form is a word.
    pub(super) fn normalized(&mut self, value: &Ast, form: &str, span: Span, at: Place<'_>) -> Result<Expr> {
        let value = self.bind(value, at)?;
        let written = Expr::constant(Value::Text(form.into()), Type::new(oid::TEXT));
        let call = self.named_call("normalize", vec![(value, span), (written, span)], span)?;
        Ok(self.written_as(call, || Syntax::Normalize(Some(form.to_uppercase()))))
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

    /// Whether a name in FROM is a function without parentheses, and no relation's.
    pub(super) fn is_keyword(name: &ast::ObjectName) -> bool {
        const WORDS: [&str; 11] = [
            "current_catalog",
            "current_date",
            "current_role",
            "current_schema",
            "current_time",
            "current_timestamp",
            "current_user",
            "localtime",
            "localtimestamp",
            "session_user",
            "user",
        ];
        let [ast::ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return false };
        ident.quote_style.is_none() && WORDS.iter().any(|word| ident.value.eq_ignore_ascii_case(word))
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
        self.check_asks_of_role(function).map_err(|error| error.at(self.position(span)))?;
        let value = self.named_call(function, Vec::new(), span)?;
        if self.is_showing() {
            let ty = target.map_or(value.ty, Type::new);
            return Ok(Expr::shown(Form::Word(name.to_uppercase()), Vec::new(), ty));
        }
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
        if self.is_showing() {
            let word = format!("{}({})", name.to_uppercase(), precision.min(6));
            return Ok(Some(Expr::shown(Form::Word(word), Vec::new(), target)));
        }
        self.coerce_at(value, target, CastContext::Explicit, span).map(Some)
    }
}
