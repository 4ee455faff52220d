//! What JSON asks of the binder: whole rows as arguments, and subscripts of jsonb.

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::truth_value;
use super::names::fold;
use super::position::Start;
use super::{Binder, Place, ScopeRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::json::access::JSONB_AT_PATH;
use crate::function::resolve::{self, can_coerce};
use crate::function::{CastContext, function_by_oid};
use crate::types::{Type, display, oid};

/// Functions whose arguments may be rows.
const TAKES_ROWS: &[&str] = &[
    "row_to_json",
    "to_json",
    "to_jsonb",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "json_build_array",
    "jsonb_build_array",
    "json_build_object",
    "jsonb_build_object",
];

impl Binder<'_> {
    /// An argument of a function: for those that make JSON, it may be a row.
    pub(super) fn argument(&mut self, function: &str, expr: &Ast, at: Place<'_>) -> Result<Expr> {
        if TAKES_ROWS.contains(&function)
            && let Some(row) = self.json_row(expr, at)?
        {
            return Ok(row);
        }
        self.bind(expr, at)
    }

    /// A row constructor, or a relation's name where no column has it.
    fn json_row(&mut self, expr: &Ast, at: Place<'_>) -> Result<Option<Expr>> {
        match expr {
            Ast::Nested(inner) => self.json_row(inner, at),
            Ast::Identifier(ident) => {
                let name = fold(ident);
                if self.in_sight(&name, at.scope)?.is_some() {
                    return Ok(None);
                }
                match self.relation_in_sight(None, &name, at.scope) {
                    Some((relation, depth)) => self.whole_row(&relation, depth, ident.span, at).map(Some),
                    None => Ok(None),
                }
            }
            Ast::Tuple(fields) => self.anonymous_row(&fields.iter().collect::<Vec<_>>(), at).map(Some),
            Ast::Function(call) => match row_constructor(call) {
                Some(fields) => self.anonymous_row(&fields, at).map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn whole_row(&mut self, relation: &ScopeRelation, depth: usize, span: Span, at: Place<'_>) -> Result<Expr> {
        let mut fields = Vec::with_capacity(relation.columns.len());
        for column in &relation.columns {
            fields.push((column.name.clone(), self.reference(column.clone(), depth, at, span)?));
        }
        if !relation.nullable {
            return Ok(resolve::json_row(fields));
        }
        // A row that an outer join did not find is NULL, not a row of NULLs. A column that is never NULL tells.
        let telling = relation.table.as_ref().and_then(|table| table.columns.iter().position(|column| column.not_null));
        let Some(telling) = telling.and_then(|position| fields.get(position)).map(|(_, column)| column.clone()) else {
            return Err(Error::unsupported("a whole-row reference to the nullable side of an outer join")
                .at(self.position(span)));
        };
        let row = resolve::json_row(fields);
        let ty = row.ty;
        let missing = truth_value(ExprKind::IsNull { expr: Box::new(telling), negated: true });
        Ok(Expr::new(ExprKind::Case { whens: vec![(missing, row)], otherwise: None }, ty))
    }

    fn anonymous_row(&mut self, fields: &[&Ast], at: Place<'_>) -> Result<Expr> {
        let mut named = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            let value = match self.json_row(field, at)? {
                Some(row) => row,
                None => {
                    let bound = self.bind(field, at)?;
                    self.known(bound)?
                }
            };
            named.push((format!("f{}", index + 1), value));
        }
        Ok(resolve::json_row(named))
    }

    /// `document['key']`, `document[1]`.
    pub(super) fn json_subscript(&mut self, document: Expr, index: &Ast, at: Place<'_>) -> Result<Expr> {
        let bound = self.bind(index, at)?;
        let position = self.position(index.start());
        let ty = bound.ty.oid;
        let text = ty == oid::UNKNOWN || can_coerce(ty, oid::TEXT, CastContext::Implicit);
        let number = ty != oid::UNKNOWN && can_coerce(ty, oid::INT4, CastContext::Implicit);
        let step = match (text, number) {
            (true, false) => bound,
            (false, true) => self.coerce(bound, Type::new(oid::INT4), CastContext::Implicit)?,
            (both, _) => {
                let hint = if both {
                    "jsonb subscript must be coercible to only one type, integer or text."
                } else {
                    "jsonb subscript must be coercible to either integer or text."
                };
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("subscript type {} is not supported", display(bound.ty)),
                )
                .with_hint(hint)
                .at(position));
            }
        };
        let step =
            self.coerce(step, Type::new(oid::TEXT), CastContext::Explicit).map_err(|error| error.at(position))?;
        let path = self.array_of(vec![step], Type::new(oid::TEXT))?;
        let function =
            function_by_oid(JSONB_AT_PATH).ok_or_else(|| Error::internal("the function of jsonb paths is gone"))?;
        Ok(Expr::new(ExprKind::Call { function, args: vec![document, path] }, Type::new(oid::JSONB)))
    }
}

/// The fields of `ROW(…)`.
fn row_constructor(call: &ast::Function) -> Option<Vec<&Ast>> {
    let [ast::ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return None };
    if name.quote_style.is_some() || !name.value.eq_ignore_ascii_case("row") || call.over.is_some() {
        return None;
    }
    let ast::FunctionArguments::List(list) = &call.args else { return None };
    let field = |arg| match arg {
        &ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().map(field).collect()
}
