//! Literals: PostgreSQL's typing of numbers, strings without a type, and typed constants.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::Binder;
use super::names::Types;
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::function::CastContext;
use crate::types::bits::Bits;
use crate::types::modifier::{INTERVAL_FIELDS, interval_modifier};
use crate::types::{self, Type, oid};

impl Binder<'_> {
    /// A literal or parameter as it stands.
    pub(super) fn literal(&mut self, value: &ast::ValueWithSpan) -> Result<Expr> {
        use ast::Value as V;
        let ast::ValueWithSpan { value, span } = value;
        match value {
            V::Number(digits, long) => {
                if *long {
                    return Err(Error::unsupported("a number with the suffix L").at(self.position(*span)));
                }
                self.number(digits, false).map_err(|error| error.at(self.position(*span)))
            }
            V::SingleQuotedString(text) | V::EscapedStringLiteral(text) | V::UnicodeStringLiteral(text) => {
                Ok(unknown(text))
            }
            V::DollarQuotedString(ast::DollarQuotedString { value, tag: _ }) => Ok(unknown(value)),
            V::NationalStringLiteral(text) => {
                self.coerce_at(unknown(text), Type::new(oid::BPCHAR), CastContext::Explicit, *span)
            }
            V::Boolean(value) => Ok(Expr::constant(Value::Bool(*value), Type::new(oid::BOOL))),
            V::Null => Ok(Expr::constant(Value::Null, Type::new(oid::UNKNOWN))),
            V::Placeholder(name) => self.parameter(name, *span),
            V::HexStringLiteral(digits) => self.bits(&format!("x{digits}"), *span),
            V::SingleQuotedByteStringLiteral(digits) => self.bits(&format!("b{digits}"), *span),
            V::TripleSingleQuotedString(_)
            | V::TripleDoubleQuotedString(_)
            | V::DoubleQuotedByteStringLiteral(_)
            | V::TripleSingleQuotedByteStringLiteral(_)
            | V::TripleDoubleQuotedByteStringLiteral(_)
            | V::SingleQuotedRawStringLiteral(_)
            | V::DoubleQuotedRawStringLiteral(_)
            | V::TripleSingleQuotedRawStringLiteral(_)
            | V::TripleDoubleQuotedRawStringLiteral(_)
            | V::QuoteDelimitedStringLiteral(_)
            | V::NationalQuoteDelimitedStringLiteral(_)
            | V::DoubleQuotedString(_) => {
                Err(Error::unsupported(format!("the literal {value}")).at(self.position(*span)))
            }
        }
    }

    fn bits(&self, digits: &str, span: Span) -> Result<Expr> {
        let bits = Bits::parse(digits).map_err(|error| error.at(self.position(span)))?;
        Ok(Expr::constant(Value::Bytea(bits.encode().into()), Type::new(oid::BIT)))
    }

    /// A number: the smallest of int4, int8 and numeric that holds it; anything with a point or exponent is numeric.
    /// A minus sign in front of a literal is part of it, so that the least integers can be written.
    pub(super) fn number(&self, digits: &str, negative: bool) -> Result<Expr> {
        if digits.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(magnitude) = digits.parse::<i128>()
        {
            let value = if negative { -magnitude } else { magnitude };
            if let Ok(value) = i32::try_from(value) {
                return Ok(Expr::constant(Value::Int4(value), Type::new(oid::INT4)));
            }
            if let Ok(value) = i64::try_from(value) {
                return Ok(Expr::constant(Value::Int8(value), Type::new(oid::INT8)));
            }
        }
        let ty = Type::new(oid::NUMERIC);
        let text = if negative { format!("-{digits}") } else { digits.to_owned() };
        Ok(Expr::constant(types::text::parse(&text, ty, &self.context.session.format)?, ty))
    }

    /// `date '2020-01-01'`.
    pub(super) fn typed_string(&mut self, typed: &ast::TypedString) -> Result<Expr> {
        let ast::TypedString { data_type, value, uses_odbc_syntax } = typed;
        if *uses_odbc_syntax {
            return Err(Error::unsupported("the ODBC escape {…}").at(self.position(value.span)));
        }
        let ty = self.data_type(data_type)?;
        let literal = self.literal(value)?;
        self.coerce_at(literal, ty, CastContext::Explicit, value.span)
    }

    /// `interval '1 day'`, `interval '1' day`.
    pub(super) fn interval(&mut self, interval: &ast::Interval) -> Result<Expr> {
        let ast::Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } =
            interval;
        let ast::Expr::Value(ast::ValueWithSpan { value: literal, span }) = &**value else {
            return Err(Error::unsupported("an interval that is not a string literal"));
        };
        let text = match literal {
            ast::Value::SingleQuotedString(text) | ast::Value::EscapedStringLiteral(text) => text,
            other => {
                return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{other}\""))
                    .at(self.position(*span)));
            }
        };
        let fields = match (leading_field, last_field) {
            (None, None) => None,
            (Some(first), None) => Some(first.to_string().to_lowercase()),
            (Some(first), Some(last)) => Some(format!("{first} to {last}").to_lowercase()),
            (None, Some(_)) => return Err(Error::internal("a range of interval fields has a first")),
        };
        let mask = match &fields {
            None => None,
            Some(words) => match INTERVAL_FIELDS.iter().find(|(_, name)| name == words) {
                Some((mask, _)) => Some(*mask),
                None => return Err(Error::unsupported(format!("INTERVAL … {words}")).at(self.position(*span))),
            },
        };
        let digits = fractional_seconds_precision.or(*leading_precision).map(|digits| digits.min(6) as i32);
        let target = Type::with_modifier(oid::INTERVAL, interval_modifier(mask, digits));
        self.coerce_at(unknown(text), target, CastContext::Explicit, *span)
    }

    /// Where the names of types are looked up.
    pub(super) fn types(&self) -> Types<'_> {
        Types { catalog: self.catalog, search_path: &self.context.session.search_path }
    }

    /// A type as messages name it: with its schema where the search path does not find it.
    pub(super) fn type_words(&self, ty: Type) -> String {
        let found = self.catalog.type_shown(ty, &self.context.session.search_path);
        found.unwrap_or_else(|| types::display(ty))
    }

    /// A type as SQL spells it.
    pub fn data_type(&self, data_type: &ast::DataType) -> Result<Type> {
        types::ast::from_ast(data_type, self.catalog, &self.context.session.search_path)
    }
}

/// A string literal, whose type its surroundings tell.
pub(super) fn unknown(text: &str) -> Expr {
    Expr::constant(Value::Text(text.into()), Type::new(oid::UNKNOWN))
}

/// The digits of a number behind any signs, and whether it is negative: as in PostgreSQL the signs are part of the literal.
pub(super) fn signed_number(expr: &ast::Expr) -> Option<(&str, bool, Span)> {
    match expr {
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => {
            signed_number(expr).map(|(digits, negative, span)| (digits, !negative, span))
        }
        ast::Expr::Nested(inner) => signed_number(inner),
        other => match constant(other)? {
            (ast::Value::Number(digits, false), span) => Some((digits, false, span)),
            _ => None,
        },
    }
}

/// Whether an expression is a literal as written, and which: ORDER BY and GROUP BY count with them.
pub(super) fn constant(expr: &ast::Expr) -> Option<(&ast::Value, Span)> {
    match expr {
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(_), .. }) => None,
        ast::Expr::Value(ast::ValueWithSpan { value, span }) => Some((value, *span)),
        ast::Expr::Nested(inner) => constant(inner),
        _ => None,
    }
}
