//! Rows as values: `ROW(…)`, a relation's name for its whole row, and the fields of such.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr as Ast, ObjectName};
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::expr::truth_value;
use super::names::fold;
use super::position::Start;
use super::{Binder, Clause, Place, ScopeColumn, ScopeRelation};
use crate::catalog::Attribute;
use crate::catalog::user_type::row_type;
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Form;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::record::{FIELD, IS_NULL, SET_FIELD, empty, fields_of, record};
use crate::statement::mend::{ALL_FIELDS, MARK};
use crate::types::text::quote_identifier;
use crate::types::{Type, builtin, display, oid};

impl Binder<'_> {
    /// `ROW(a, b)`.
    pub(super) fn row_value(&mut self, parts: &[&Ast], at: Place<'_>) -> Result<Expr> {
        let mut fields = Vec::with_capacity(parts.len());
        for part in parts {
            if let Ast::QualifiedWildcard(name, _) = part {
                for value in self.elements(name, at)? {
                    fields.push((format!("f{}", fields.len() + 1), value));
                }
                continue;
            }
            let bound = self.bind(part, at)?;
            // The type of a literal may still be asked for.
            let value = if bound.as_const().is_some() { bound } else { self.known(bound)? };
            fields.push((format!("f{}", fields.len() + 1), value));
        }
        if self.is_showing() {
            let parts = fields.into_iter().map(|(_, value)| value).collect();
            return Ok(Expr::shown(Form::Row, parts, Type::new(oid::RECORD)));
        }
        Ok(record(oid::RECORD, fields))
    }

    /// The relation of `t.*`, how many borders away it is, and where it is named.
    fn starred(&self, name: &ObjectName, at: Place<'_>) -> Result<(Arc<ScopeRelation>, usize, Span)> {
        let name = self.name(name)?;
        let found = self.relation_in_sight(name.schema.as_deref(), &name.name, at.scope);
        let (relation, depth) = found
            .map_err(|error| error.at(self.position(name.span)))?
            .ok_or_else(|| self.missing_relation(name.schema.as_deref(), &name.name).at(self.position(name.span)))?;
        Ok((relation, depth, name.span))
    }

    /// The values of `t.*`.
    pub(super) fn elements(&mut self, name: &ObjectName, at: Place<'_>) -> Result<Vec<Expr>> {
        let (relation, depth, span) = self.starred(name, at)?;
        relation.columns.iter().map(|column| self.reference(column.clone(), depth, at, span)).collect()
    }

    /// `t.*` where one value is wanted.
    pub(super) fn starred_row(&mut self, name: &ObjectName, at: Place<'_>) -> Result<Expr> {
        let (relation, depth, span) = self.starred(name, at)?;
        self.whole_row_value(&relation, depth, span, at)
    }

    /// A row of a relation as one value.
    pub(super) fn whole_row_value(
        &mut self,
        relation: &ScopeRelation,
        depth: usize,
        span: Span,
        at: Place<'_>,
    ) -> Result<Expr> {
        if relation.scalar {
            return self.reference(relation.columns[0].clone(), depth, at, span);
        }
        let own = relation.table.as_ref().and_then(|table| row_type(table.oid)).filter(|_| is_whole(relation));
        let ty = own.map_or(oid::RECORD, |ty| self.catalog.known_row_type(ty).unwrap_or(oid::RECORD));
        if at.clause == Clause::TriggerWhen && self.is_showing() {
            let word = Form::Word(format!("{}.*", quote_identifier(&relation.name)));
            return Ok(Expr::shown(word, Vec::new(), Type::new(ty)));
        }
        self.refuse_to_show("a whole row")?;
        self.whole_row_as(relation, depth, span, at, &|fields| record(ty, fields))
    }

    /// The same as whatever `make` makes of the columns.
    pub(super) fn whole_row_as(
        &mut self,
        relation: &ScopeRelation,
        depth: usize,
        span: Span,
        at: Place<'_>,
        make: &dyn Fn(Vec<(String, Expr)>) -> Expr,
    ) -> Result<Expr> {
        // A row of the table keeps its fields' names, whatever an alias calls the columns.
        let whole = relation.table.as_ref().filter(|_| is_whole(relation));
        let mut fields = Vec::with_capacity(relation.columns.len());
        for (position, column) in relation.columns.iter().enumerate() {
            let name = whole.map_or(&column.name, |table| &table.columns[position].name);
            fields.push((name.clone(), self.reference(column.clone(), depth, at, span)?));
        }
        if !relation.nullable {
            return Ok(make(fields));
        }
        // A row that an outer join did not find is NULL, not a row of NULLs. A column that is never NULL tells.
        let telling = relation.table.as_ref().and_then(|table| table.columns.iter().position(|column| column.not_null));
        let telling = telling.and_then(|position| fields.get(position)).map(|(_, column)| column.clone());
        let telling = match (telling, relation.mark) {
            (Some(telling), _) => telling,
            (None, Some(mark)) => {
                self.marks.push(mark.var);
                self.reference(ScopeColumn::new(relation.name.as_str(), mark, None), depth, at, span)?
            }
            (None, None) => {
                return Err(Error::unsupported("a whole-row reference to the nullable side of an outer join here")
                    .at(self.position(span)));
            }
        };
        let row = make(fields);
        let ty = row.ty;
        let found = truth_value(ExprKind::IsNull { expr: Box::new(telling), negated: true });
        Ok(Expr::new(ExprKind::Case { whens: vec![(found, row)], otherwise: None }, ty))
    }

    /// `(value).field`
    pub(super) fn field(&mut self, value: Expr, field: &Ast, span: Span) -> Result<Expr> {
        let Ast::Identifier(name) = field else { return Err(Error::unsupported("this field of a value")) };
        let name = fold(name);
        if let Some(fields) = self.nameless_fields(&value) {
            let found = fields.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            let found = found.ok_or_else(|| no_field(&name, value.ty).at(self.position(span)))?;
            return self.known(found);
        }
        let (at, attribute) = self.attribute(value.ty, &name).map_err(|error| error.at(self.position(span)))?;
        Ok(field_at(value, at, attribute.ty))
    }

    /// The value in `(value).*`, if the expression is such.
    pub(super) fn all_fields(&mut self, expr: &Ast, at: Place<'_>) -> Result<Option<(Expr, Span)>> {
        let Ast::CompoundFieldAccess { root, access_chain } = expr else { return Ok(None) };
        let [chain @ .., AccessExpr::Dot(Ast::Identifier(star))] = access_chain.as_slice() else { return Ok(None) };
        if star.quote_style != Some(MARK) || star.value != ALL_FIELDS {
            return Ok(None);
        }
        let value = if chain.is_empty() { self.bind(root, at)? } else { self.field_access(root, chain, at)? };
        Ok(Some((value, root.start())))
    }

    /// The fields of a value of a composite type.
    pub(super) fn fields(&mut self, value: &Expr, span: Span) -> Result<Vec<(String, Expr)>> {
        if let Some(fields) = self.nameless_fields(value) {
            return fields.into_iter().map(|(name, value)| Ok((name, self.known(value)?))).collect();
        }
        let ty = builtin::base_of(value.ty.oid);
        let Some(attributes) = self.catalog.attributes(ty) else {
            let message = match value.ty.oid {
                oid::RECORD => "record type has not been registered".to_owned(),
                _ => format!("type {} is not composite", display(value.ty)),
            };
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message).at(self.position(span)));
        };
        let field = |(at, attribute): (usize, Attribute)| (attribute.name, field_at(value.clone(), at, attribute.ty));
        Ok(attributes.into_iter().enumerate().map(field).collect())
    }

    /// The fields of a row of no type, where the query says what they are: it makes the row, or a subquery in it does.
    fn nameless_fields(&self, value: &Expr) -> Option<Vec<(String, Expr)>> {
        if value.ty.oid != oid::RECORD {
            return None;
        }
        if let Some(fields) = fields_of(value) {
            return Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect());
        }
        let var = match &value.kind {
            ExprKind::Column(var) => *var,
            ExprKind::Subquery(subquery) => subquery.output?,
            _ => return None,
        };
        let shape = self.row_shapes.get(&var)?.iter().enumerate();
        Some(shape.map(|(at, (name, ty))| (name.clone(), field_at(value.clone(), at, *ty))).collect())
    }

    /// Keeps what the fields of a column are, if it is a row of no type that the query makes.
    pub(super) fn note_row_shape(&mut self, column: ColumnVar, value: &Expr) {
        let Some(fields) = self.nameless_fields(value) else { return };
        let known = |ty: Type| if ty.oid == oid::UNKNOWN { Type::new(oid::TEXT) } else { ty };
        self.row_shapes.insert(column, fields.into_iter().map(|(name, value)| (name, known(value.ty))).collect());
    }

    /// A field of a composite type by its name.
    pub(super) fn attribute(&self, ty: Type, name: &str) -> Result<(usize, Attribute)> {
        let attributes = self.catalog.attributes(builtin::base_of(ty.oid)).ok_or_else(|| no_field(name, ty))?;
        let found = attributes.into_iter().enumerate().find(|(_, attribute)| attribute.name == name);
        found.ok_or_else(|| no_field(name, ty))
    }

    /// The value, whose type is composite, with a field replaced.
    pub(super) fn with_field(&mut self, whole: Expr, name: &str, value: Expr) -> Result<Expr> {
        let (at, _) = self.attribute(whole.ty, name)?;
        let ty = builtin::base_type(whole.ty);
        let attributes = self.catalog.attributes(ty.oid).unwrap_or_default();
        let args = vec![
            Expr::constant(empty(ty.oid, &attributes), ty),
            Expr { ty, ..whole },
            Expr::constant(Value::Int4(i32::try_from(at).unwrap_or(i32::MAX)), Type::new(oid::INT4)),
            value,
        ];
        Ok(Expr::new(ExprKind::Call { function: &SET_FIELD, args }, ty))
    }
}

/// Whether a row of the relation is one of its table: it has the table's columns, under whatever names.
fn is_whole(relation: &ScopeRelation) -> bool {
    let Some(table) = &relation.table else { return false };
    let names = table.columns.iter().map(|column| &column.name);
    let origins = table.columns.iter().map(|column| Some((table.oid, column.number)));
    names.eq(relation.columns.iter().map(|column| &column.name))
        || origins.eq(relation.columns.iter().map(|column| column.origin))
}

pub(super) fn field_at(value: Expr, at: usize, ty: Type) -> Expr {
    let at = Expr::constant(Value::Int4(i32::try_from(at).unwrap_or(i32::MAX)), Type::new(oid::INT4));
    Expr::new(ExprKind::Call { function: &FIELD, args: vec![value, at] }, ty)
}

/// `value IS [NOT] NULL`, which looks at the fields of a row.
pub(super) fn null_test(value: Expr, negated: bool) -> Expr {
    if value.ty.oid != oid::RECORD && !builtin::is_composite(builtin::base_of(value.ty.oid)) {
        return truth_value(ExprKind::IsNull { expr: Box::new(value), negated });
    }
    let negated = Expr::constant(Value::Bool(negated), Type::new(oid::BOOL));
    truth_value(ExprKind::Call { function: &IS_NULL, args: vec![value, negated] })
}

fn no_field(name: &str, ty: Type) -> Error {
    match ty.oid {
        oid::RECORD => {
            let message = format!("could not identify column \"{name}\" in record data type");
            Error::new(SqlState::UNDEFINED_COLUMN, message)
        }
        _ if builtin::is_composite(builtin::base_of(ty.oid)) => {
            let message = format!("column \"{name}\" not found in data type {}", display(ty));
            Error::new(SqlState::UNDEFINED_COLUMN, message)
        }
        _ => {
            let message =
                format!("column notation .{name} applied to type {}, which is not a composite type", display(ty));
            Error::new(SqlState::WRONG_OBJECT_TYPE, message)
        }
    }
}
