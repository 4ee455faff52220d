//! Identifiers and names: folding, qualified names, and what PostgreSQL calls a column nobody named.

use datafusion::sql::sqlparser::ast::{self, DateTimeField, Expr, Ident, ObjectName, ObjectNamePart, SetExpr};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::column::star;
use crate::catalog::Catalog;
use crate::error::{Error, Result, SqlState};
use crate::types::{ast as type_ast, builtin};

/// Longest identifier, in bytes; longer ones are cut (PostgreSQL's NAMEDATALEN - 1).
pub(crate) const NAME_BYTES_MAX: usize = 63;

/// An identifier as the catalog knows it: lower case unless quoted, cut to 63 bytes.
pub fn fold(ident: &Ident) -> String {
    let mut name = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() };
    if name.len() > NAME_BYTES_MAX {
        let mut end = NAME_BYTES_MAX;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
    }
    name
}

/// A possibly qualified name, folded.
#[derive(Debug, Clone)]
pub struct QualifiedName {
    pub schema: Option<String>,
    pub name: String,
    pub span: Span,
}

impl QualifiedName {
    /// `name`, `schema.name` or `database.schema.name`.
    pub fn of(name: &ObjectName, database: &str) -> Result<Self> {
        let mut parts = Vec::with_capacity(name.0.len());
        let mut span = Span::empty();
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => {
                    if parts.is_empty() {
                        span = ident.span;
                    }
                    parts.push(fold(ident));
                }
                ObjectNamePart::Function(_) => return Err(Error::unsupported("a computed identifier")),
            }
        }
        match parts.len() {
            1 | 2 => {
                let last = parts.pop().unwrap_or_default();
                Ok(Self { schema: parts.pop(), name: last, span })
            }
            3 if parts[0] == database => {
                let last = parts.pop().unwrap_or_default();
                Ok(Self { schema: parts.pop(), name: last, span })
            }
            3 => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("cross-database references are not implemented: \"{}\"", parts.join(".")),
            )),
            _ => Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("improper qualified name (too many dotted names): {}", parts.join(".")),
            )),
        }
    }
}

impl std::fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Where the names of types are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Types<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) search_path: &'a [String],
}

/// The name of a SELECT list's column without AS.
pub(crate) fn column_name(expr: &Expr, types: Types<'_>) -> String {
    figure(expr, types).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// A name and whether it is a strong one: the weak name of a cast or CASE gives way to that of what is inside.
fn figure(expr: &Expr, types: Types<'_>) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match expr {
        Expr::Identifier(ident) => Some((fold(ident), true)),
        // All columns of a relation are called like it.
        Expr::CompoundIdentifier(parts) => star(parts).unwrap_or(parts).last().map(|ident| (fold(ident), true)),
        Expr::QualifiedWildcard(name, _) => match name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Some((fold(ident), true)),
            _ => None,
        },
        Expr::Nested(inner) => figure(inner, types),
        Expr::Collate { expr, .. } => figure(expr, types),
        Expr::Cast { expr, data_type, .. } => {
            let inner = figure(expr, types);
            match inner {
                Some((_, true)) => inner,
                _ => type_name(data_type, types).map(|name| (name, false)).or(inner),
            }
        }
        Expr::TypedString(typed) => type_name(&typed.data_type, types).map(|name| (name, false)),
        Expr::Interval(_) => Some(("interval".to_owned(), false)),
        Expr::Case { else_result, .. } => {
            let inner = else_result.as_ref().and_then(|expr| figure(expr, types));
            match inner {
                Some((_, true)) => inner,
                _ => Some(("case".to_owned(), false)),
            }
        }
        Expr::Function(function) => match function.name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Some((fold(ident), true)),
            _ => None,
        },
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                ast::AccessExpr::Dot(Expr::Identifier(ident)) => Some(fold(ident)),
                _ => None,
            });
            field.map(|name| (name, true)).or_else(|| figure(root, types))
        }
        Expr::Extract { .. } => strong("extract"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { shorthand, .. } => strong(if *shorthand { "substr" } else { "substring" }),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::BinaryOp { op: ast::BinaryOperator::Overlaps, .. } => strong("overlaps"),
        Expr::IsNormalized { negated: false, .. } => strong("is_normalized"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
            Some(ast::TrimWhereField::Both) | None => "btrim",
        }),
        Expr::Exists { negated: false, .. } => strong("exists"),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Subquery(query) => subquery_name(query, types),
        _ => None,
    }
}

fn subquery_name(query: &ast::Query, types: Types<'_>) -> Option<(String, bool)> {
    let mut body = &*query.body;
    let item = loop {
        match body {
            SetExpr::Select(select) => break select.projection.first()?,
            SetExpr::Query(query) => body = &query.body,
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Values(_) => return Some(("column1".to_owned(), true)),
            _ => return None,
        }
    };
    match item {
        ast::SelectItem::ExprWithAlias { alias, .. } => Some((fold(alias), true)),
        ast::SelectItem::UnnamedExpr(expr) => figure(expr, types),
        _ => None,
    }
}

/// The type's name as `pg_type` has it; an array goes by its element's.
fn type_name(data_type: &ast::DataType, types: Types<'_>) -> Option<String> {
    let Types { catalog, search_path } = types;
    let ty = type_ast::from_ast(data_type, catalog, search_path).ok()?;
    if let Some((defined, _)) = catalog.defined_type(ty.oid) {
        return Some(defined.name.clone());
    }
    let info = builtin::info(ty.oid)?;
    let info = if info.element != 0 && info.name.starts_with('_') { builtin::info(info.element)? } else { info };
    Some(info.name.to_owned())
}

/// The field of EXTRACT, as `date_part` spells it.
pub(crate) fn field_name(field: &DateTimeField) -> String {
    match field {
        DateTimeField::Custom(ident) => fold(ident),
        DateTimeField::Week(None) => "week".to_owned(),
        DateTimeField::Millenium => "millennium".to_owned(),
        DateTimeField::TimezoneHour => "timezone_hour".to_owned(),
        DateTimeField::TimezoneMinute => "timezone_minute".to_owned(),
        other => other.to_string().to_ascii_lowercase(),
    }
}
