//! What JSON asks of the binder: whole rows as arguments, and subscripts of jsonb.

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::{Array, ColumnType, Value};

use super::column::star;
use super::from::Alias;
use super::names::{QualifiedName, fold};
use super::position::Start;
use super::{Binder, Place, ScopeColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::json::access::JSONB_AT_PATH;
use crate::function::json::assign::ASSIGN;
use crate::function::record::fields_of;
use crate::function::resolve::{self, Callable, Resolved, can_coerce};
use crate::function::{CastContext, function_by_oid};
use crate::plan::relation::{Column, Relation};
use crate::types::{Type, builtin, display, oid};

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

/// The columns of a list of column definitions: name, type and where it stands.
pub(super) type Definitions = Vec<(String, Type, Span)>;

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
                let found = self.relation_in_sight(None, &name, at.scope);
                match found.map_err(|error| error.at(self.position(ident.span)))? {
                    Some((relation, depth)) if !relation.scalar => {
                        self.whole_row_as(&relation, depth, ident.span, at, &resolve::json_row).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            Ast::CompoundIdentifier(names) => match star(names) {
                Some(of) => {
                    let (relation, depth) = self.named_star(of, at)?;
                    if relation.scalar {
                        return Ok(None);
                    }
                    self.whole_row_as(&relation, depth, of[0].span, at, &resolve::json_row).map(Some)
                }
                None => Ok(None),
            },
            Ast::Tuple(fields) => self.anonymous_row(&fields.iter().collect::<Vec<_>>(), at).map(Some),
            Ast::Function(call) => match row_constructor(call) {
                Some(fields) => self.anonymous_row(&fields, at).map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
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

    /// An alias and, if it has one, its list of column definitions.
    pub(super) fn record_alias(&self, alias: Option<&ast::TableAlias>) -> Result<(Option<Alias>, Option<Definitions>)> {
        let Some(alias) = alias.filter(|alias| alias.columns.iter().any(|column| column.data_type.is_some())) else {
            return Ok((alias.map(Alias::of).transpose()?, None));
        };
        let mut definitions = Vec::with_capacity(alias.columns.len());
        for ast::TableAliasColumnDef { name, data_type } in &alias.columns {
            let Some(data_type) = data_type else {
                return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{name}\""))
                    .at(self.position(name.span)));
            };
            definitions.push((fold(name), self.data_type(data_type)?, name.span));
        }
        let plain = Alias { name: fold(&alias.name), columns: Vec::new(), span: alias.name.span };
        Ok((Some(plain), Some(definitions)))
    }

    /// A function of records with the columns that the query defines for it, and what else it is told of its rows.
    pub(super) fn record_relation(
        &mut self,
        name: &QualifiedName,
        exprs: &[&Ast],
        (args, more): (Vec<Expr>, Vec<Expr>),
        resolved: Resolved,
        definitions: Definitions,
        with_ordinality: bool,
    ) -> Result<(Relation, Vec<ScopeColumn>)> {
        if with_ordinality {
            let words = "WITH ORDINALITY cannot be used with a column definition list";
            return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(self.position(name.span)));
        }
        let Callable::Table(function) = resolved.callable else {
            let words = "a column definition list is only allowed for functions returning \"record\"";
            let span = definitions.first().map_or(name.span, |(_, _, span)| *span);
            return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(self.position(span)));
        };
        if !function.columns.is_empty() {
            let words = match function.columns.len() {
                1 => "a column definition list is only allowed for functions returning \"record\"",
                _ => "a column definition list is redundant for a function with OUT parameters",
            };
            let span = definitions.first().map_or(name.span, |(_, _, span)| *span);
            return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(self.position(span)));
        }
        let mut args = self.coerce_arguments(args, &resolved.arg_types, exprs, name.span)?;
        let list = |element: ColumnType, ty: u32, values: Vec<Value>| {
            Expr::constant(Value::Array(Box::new(Array::new(element, values))), Type::new(ty))
        };
        let names = definitions.iter().map(|(name, _, _)| Value::Text(name.as_str().into())).collect();
        let types = definitions.iter().map(|(_, ty, _)| Value::Int8(i64::from(ty.oid))).collect();
        let modifiers = definitions.iter().map(|(_, ty, _)| Value::Int4(ty.modifier)).collect();
        args.push(list(ColumnType::Text, oid::TEXT_ARRAY, names));
        args.push(list(ColumnType::Int8, oid::INT8_ARRAY, types));
        args.push(list(ColumnType::Int4, oid::INT4_ARRAY, modifiers));
        args.extend(more);
        let columns: Vec<Column> = definitions.iter().map(|(_, ty, _)| self.fresh(*ty)).collect();
        let named = definitions.iter().zip(&columns);
        let named: Vec<ScopeColumn> =
            named.map(|((name, _, _), column)| ScopeColumn::new(name.as_str(), *column, None)).collect();
        Ok((Relation::Function { function, args, columns, ordinality: None }, named))
    }

    /// The columns of `json_populate_recordset`, if it is that: those of its first argument's type.
    pub(super) fn populated(&self, name: &QualifiedName, args: &[Expr]) -> Option<Definitions> {
        let is_one = matches!(name.name.as_str(), "json_populate_recordset" | "jsonb_populate_recordset");
        let base = args.first().filter(|_| is_one && args.len() == 2)?;
        let attributes = self.catalog.attributes(builtin::base_of(base.ty.oid))?;
        Some(attributes.into_iter().map(|attribute| (attribute.name, attribute.ty, name.span)).collect())
    }

    /// `json_populate_recordset(base, document)` is `json_to_recordset(document)` with the columns of the base's type, or
    /// with those that the query defines, and the values of the base for what is missing.
    pub(super) fn populated_set(
        &mut self,
        name: &QualifiedName,
        exprs: &[&Ast],
        mut args: Vec<Expr>,
        definitions: Definitions,
        with_ordinality: bool,
    ) -> Result<(Relation, Vec<ScopeColumn>)> {
        let base = args.remove(0);
        if let Some(fields) = Some(&base).filter(|base| base.ty.oid == oid::RECORD).and_then(fields_of) {
            let defined: Vec<Type> = definitions.iter().map(|(_, ty, _)| *ty).collect();
            check_returned(&fields, &defined).map_err(|error| error.at(self.position(name.span)))?;
        }
        let plain = QualifiedName { name: name.name.replace("populate", "to"), ..name.clone() };
        let resolved = self.resolve_function(&plain, &args, false)?;
        let domain = builtin::is_domain(base.ty.oid).then(|| Value::Int8(i64::from(base.ty.oid)));
        let more = match (domain, base.as_const().is_some_and(Value::is_null)) {
            (Some(domain), _) => vec![base, Expr::constant(domain, Type::new(oid::OID))],
            (None, true) => Vec::new(),
            (None, false) => vec![base],
        };
        self.record_relation(&plain, &exprs[1..], (args, more), resolved, definitions, with_ordinality)
    }

    /// `document['key']`, `document[1]`.
    pub(super) fn json_subscript(&mut self, document: Expr, index: &Ast, at: Place<'_>) -> Result<Expr> {
        let (step, _) = self.json_step(index, at)?;
        let path = self.array_of(vec![step], Type::new(oid::TEXT))?;
        let function =
            function_by_oid(JSONB_AT_PATH).ok_or_else(|| Error::internal("the function of jsonb paths is gone"))?;
        Ok(Expr::new(ExprKind::Call { function, args: vec![document, path] }, Type::new(oid::JSONB)))
    }

    /// A document with what lies at the subscripts replaced, and made if it was not there.
    pub(super) fn json_with_part(
        &mut self,
        document: Expr,
        indexes: &[&Ast],
        part: Expr,
        at: Place<'_>,
    ) -> Result<Expr> {
        let (mut steps, mut of_array) = (Vec::with_capacity(indexes.len()), false);
        for index in indexes {
            let (step, number) = self.json_step(index, at)?;
            of_array |= steps.is_empty() && number;
            steps.push(step);
        }
        let path = self.array_of(steps, Type::new(oid::TEXT))?;
        let of_array = Expr::constant(Value::Bool(of_array), Type::new(oid::BOOL));
        let args = vec![document, path, part, of_array];
        Ok(Expr::new(ExprKind::Call { function: &ASSIGN, args }, Type::new(oid::JSONB)))
    }

    /// A subscript as a step of a path, and whether it is a number.
    fn json_step(&mut self, index: &Ast, at: Place<'_>) -> Result<(Expr, bool)> {
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
        Ok((step, number))
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

/// Whether a function is one that fills rows from documents.
pub(super) fn is_populating(name: &str) -> bool {
    matches!(
        name,
        "json_populate_record" | "jsonb_populate_record" | "json_populate_recordset" | "jsonb_populate_recordset"
    )
}

/// 42804 unless a row has the types of the columns that the query defines.
fn check_returned(fields: &[(&str, &Expr)], defined: &[Type]) -> Result<()> {
    let mismatch = |detail: String| {
        let message = "function return row and query-specified return row do not match";
        Err(Error::new(SqlState::DATATYPE_MISMATCH, message).with_detail(detail))
    };
    if fields.len() != defined.len() {
        let plural = if fields.len() == 1 { "" } else { "s" };
        let (count, wanted) = (fields.len(), defined.len());
        return mismatch(format!("Returned row contains {count} attribute{plural}, but query expects {wanted}."));
    }
    // A literal that nobody asked the type of is text.
    let own = |field: &Expr| if field.ty.oid == oid::UNKNOWN { oid::TEXT } else { field.ty.oid };
    match fields.iter().zip(defined).position(|((_, field), wanted)| own(field) != wanted.oid) {
        None => Ok(()),
        Some(at) => {
            let (returned, wanted) = (display(Type::new(own(fields[at].1))), display(Type::new(defined[at].oid)));
            let place = at + 1;
            mismatch(format!("Returned type {returned} at ordinal position {place}, but query expects {wanted}."))
        }
    }
}
