//! Where things begin in the statement's text: for errors that point.
//!
//! The parser's own spans are worked out by walking a whole expression, recursively; a long chain of operators would
//! cost a step of the stack for each link. Only the beginning is needed, and that is found by going left in a loop.

use datafusion::sql::sqlparser::ast::{self, Expr, ObjectNamePart, SetExpr};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::Binder;

/// Something with a place in the text; an empty span if the parser did not keep it.
pub(crate) trait Start {
    fn start(&self) -> Span;
}

impl Start for Expr {
    fn start(&self) -> Span {
        let mut expr = self;
        loop {
            expr = match expr {
                Expr::Identifier(ident) => return ident.span,
                Expr::CompoundIdentifier(parts) => return parts.first().map_or(Span::empty(), |part| part.span),
                Expr::Value(value) => return value.span,
                Expr::TypedString(typed) => return typed.value.span,
                Expr::Function(function) => return function.name.start(),
                Expr::Case { case_token, .. } => return case_token.0.span,
                Expr::Exists { subquery, .. } | Expr::Subquery(subquery) => return subquery.start(),
                Expr::Wildcard(token) => return token.0.span,
                Expr::QualifiedWildcard(name, _) => return name.start(),
                Expr::BinaryOp { left, .. } | Expr::AnyOp { left, .. } | Expr::AllOp { left, .. } => left,
                Expr::Nested(inner)
                | Expr::IsTrue(inner)
                | Expr::IsNotTrue(inner)
                | Expr::IsFalse(inner)
                | Expr::IsNotFalse(inner)
                | Expr::IsNull(inner)
                | Expr::IsNotNull(inner)
                | Expr::IsUnknown(inner)
                | Expr::IsNotUnknown(inner)
                | Expr::IsDistinctFrom(inner, _)
                | Expr::IsNotDistinctFrom(inner, _)
                | Expr::UnaryOp { expr: inner, .. }
                | Expr::Cast { expr: inner, .. }
                | Expr::AtTimeZone { timestamp: inner, .. }
                | Expr::Extract { expr: inner, .. }
                | Expr::Ceil { expr: inner, .. }
                | Expr::Floor { expr: inner, .. }
                | Expr::Position { expr: inner, .. }
                | Expr::Substring { expr: inner, .. }
                | Expr::Trim { expr: inner, .. }
                | Expr::Overlay { expr: inner, .. }
                | Expr::Collate { expr: inner, .. }
                | Expr::IsNormalized { expr: inner, .. }
                | Expr::InList { expr: inner, .. }
                | Expr::InSubquery { expr: inner, .. }
                | Expr::InUnnest { expr: inner, .. }
                | Expr::Between { expr: inner, .. }
                | Expr::Like { expr: inner, .. }
                | Expr::ILike { expr: inner, .. }
                | Expr::SimilarTo { expr: inner, .. }
                | Expr::CompoundFieldAccess { root: inner, .. }
                | Expr::JsonAccess { value: inner, .. } => inner,
                Expr::Interval(interval) => &interval.value,
                Expr::Tuple(parts) | Expr::Array(ast::Array { elem: parts, .. }) => match parts.first() {
                    Some(first) => first,
                    None => return Span::empty(),
                },
                _ => return Span::empty(),
            };
        }
    }
}

impl Start for ast::Query {
    fn start(&self) -> Span {
        match &self.with {
            Some(with) => with.with_token.0.span,
            None => self.body.start(),
        }
    }
}

impl Start for SetExpr {
    fn start(&self) -> Span {
        let mut body = self;
        loop {
            body = match body {
                SetExpr::Select(select) => return select.select_token.0.span,
                SetExpr::Query(query) => match &query.with {
                    Some(with) => return with.with_token.0.span,
                    None => &query.body,
                },
                SetExpr::SetOperation { left, .. } => left,
                SetExpr::Values(values) => {
                    return values.rows.first().map_or(Span::empty(), |row| row.opening_token.0.span);
                }
                _ => return Span::empty(),
            };
        }
    }
}

/// Where the first column of a SELECT list is written; the body's beginning if it has none.
pub(super) fn first_column(body: &SetExpr) -> Span {
    let mut body = body;
    loop {
        body = match body {
            SetExpr::Select(select) => {
                return match select.projection.first() {
                    Some(ast::SelectItem::UnnamedExpr(expr) | ast::SelectItem::ExprWithAlias { expr, .. }) => {
                        expr.start()
                    }
                    Some(ast::SelectItem::Wildcard(options)) => options.wildcard_token.0.span,
                    _ => select.select_token.0.span,
                };
            }
            SetExpr::Query(query) => &query.body,
            SetExpr::SetOperation { left, .. } => left,
            other => return other.start(),
        };
    }
}

impl Start for ast::ObjectName {
    fn start(&self) -> Span {
        match self.0.first() {
            Some(ObjectNamePart::Identifier(ident)) => ident.span,
            Some(ObjectNamePart::Function(function)) => function.name.span,
            None => Span::empty(),
        }
    }
}

/// Where an operator and its sides are written.
#[derive(Clone, Copy)]
pub(super) struct Sides<'w> {
    /// The operator as it is written: a symbol or a keyword.
    pub words: &'w str,
    pub left: Span,
    pub right: Span,
}

impl Binder<'_> {
    /// Where the parenthesis before something opens; the thing itself if there is none.
    pub(super) fn parenthesis_position(&self, inner: Span) -> Option<usize> {
        let inner = self.position(inner)?;
        let before: Vec<char> = self.text.chars().take(inner - 1).collect();
        // VALUES begins with a word before the first row.
        let skipped = before.iter().rev().take_while(|c| c.is_whitespace() || c.is_alphabetic()).count();
        let at = before.len() - skipped;
        if at > 0 && before[at - 1] == '(' { Some(at) } else { Some(inner) }
    }

    /// Where the operator stands: the parser does not keep it, so it is looked for between its sides.
    pub(super) fn operator_position(&self, sides: Sides<'_>) -> Option<usize> {
        let right = self.position(sides.right);
        let from = self.position(sides.left).unwrap_or(1);
        let to = right.unwrap_or(usize::MAX);
        let between: String = self.text.chars().skip(from - 1).take(to.saturating_sub(from)).collect();
        let between = between.to_ascii_lowercase();
        let spellings: &[&str] = match sides.words {
            "<>" => &["<>", "!="],
            "~~" => &["like", "~~"],
            "!~~" => &["not like", "!~~", "like"],
            "~~*" => &["ilike", "~~*"],
            "!~~*" => &["not ilike", "!~~*", "ilike"],
            _ => &[],
        };
        let spellings = if spellings.is_empty() { std::slice::from_ref(&sides.words) } else { spellings };
        let found = spellings.iter().find_map(|word| match right {
            Some(_) => between.rfind(&word.to_ascii_lowercase()),
            // Without the right side's place, the first that follows the left one.
            None => between.find(&word.to_ascii_lowercase()),
        });
        match found {
            Some(byte) => Some(from + between[..byte].chars().count()),
            None => right,
        }
    }
}
